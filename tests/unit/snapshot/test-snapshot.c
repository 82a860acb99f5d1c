/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The facts that backends hand over: each is kept whole or not at all, whatever memory there is; what is
 * told twice is kept once; there is a most of everything, and a gap says when it is reached.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "addrinuse-backend.h"
#include "util/macro.h"
#include "fixture/run-suite.h"
#include "fixture/scarce-memory.h"
#include "snapshot/snapshot.h"

#define INODE 77u

static struct aiu_snapshot snapshot;
static struct sockaddr_in in = { .sin_family = AF_INET };

static void begin(void)
{
        snapshot_init(&snapshot);
        snapshot.backend = "test";
}

static void finish(void)
{
        snapshot_finish(&snapshot);
}

/* ------------------------------------------------------ one of each, with all that there is to tell */

static int add_host(void)
{
        struct aiu_host_fact fact = { .size = sizeof(fact), .reserved_ports = "1,2,3" };

        return aiu_snapshot_add_host(&snapshot, &fact);
}

static int add_socket(void)
{
        struct aiu_socket_fact fact = { .size = sizeof(fact),
                                        .type = SOCK_STREAM,
                                        .protocol = IPPROTO_TCP,
                                        .local = (const struct sockaddr *)&in,
                                        .local_len = sizeof(in),
                                        .inode = INODE };

        return aiu_snapshot_add_socket(&snapshot, &fact);
}

static int add_holder(void)
{
        return aiu_snapshot_add_holder(&snapshot, INODE, 7, 3);
}

static int add_process(void)
{
        static const pid_t pids[] = { 5, 1 };
        static const char *const comms[] = { "sh", NULL };
        struct aiu_process_fact fact = { .size = sizeof(fact),
                                         .pid = 7,
                                         .comm = "d",
                                         .exe = "/bin/d",
                                         .cmdline = "sh\0x",
                                         .cmdline_bytes = 5,
                                         .cwd = "/",
                                         .cgroup = "0::/",
                                         .ancestor_pids = pids,
                                         .ancestor_comms = comms,
                                         .n_ancestors = 2 };

        return aiu_snapshot_add_process(&snapshot, &fact);
}

static int add_manager(void)
{
        struct aiu_manager_fact fact = { .size = sizeof(fact),
                                         .pid = 7,
                                         .kind = AIU_MANAGER_SYSTEMD,
                                         .unit = "a.service",
                                         .socket_unit = "a.socket",
                                         .unit_state = "active",
                                         .unit_restart = "no",
                                         .container = "c",
                                         .supervisor = "s",
                                         .also_stop = "b.timer",
                                         .enabled = "enabled" };

        return aiu_snapshot_add_manager(&snapshot, &fact);
}

static int add_kernel_user(void)
{
        static const char *const command[] = { "ip", "link", "del", "x", NULL };
        struct aiu_kernel_user_fact fact = {
                .size = sizeof(fact), .service = "vxlan", .name = "x", .command = command
        };

        return aiu_snapshot_add_kernel_user(&snapshot, INODE, &fact);
}

static int add_unit(void)
{
        struct aiu_unit_fact fact = { .size = sizeof(fact),
                                      .name = "a.socket",
                                      .state = "inactive",
                                      .sub_state = "dead",
                                      .enabled = "enabled",
                                      .kill_mode = "process",
                                      .service = "a.service",
                                      .listen = (const struct sockaddr *)&in,
                                      .listen_len = sizeof(in) };

        return aiu_snapshot_add_unit(&snapshot, &fact);
}

static int add_gap(void)
{
        return aiu_snapshot_add_gap(&snapshot, AIU_GAP_RACE, -EIO, "a gap");
}

static int add_device(void)
{
        return aiu_snapshot_add_device(&snapshot, 4, 5);
}

static int add_address(void)
{
        struct aiu_address_fact fact = { .size = sizeof(fact),
                                         .address = (const struct sockaddr *)&in,
                                         .address_len = sizeof(in),
                                         .ifindex = 3,
                                         .device = "a-name-that-is-too-long" };

        return aiu_snapshot_add_address(&snapshot, &fact);
}

static int want(void)
{
        uint64_t inodes[] = { 9, INODE, 9 };

        return snapshot_want_inodes(&snapshot, inodes, 3);
}

static const struct {
        const char *name;
        int (*add)(void);
        const size_t *count;
        size_t each;
} kinds[] = {
        { "host", add_host, NULL, 0 },
        { "socket", add_socket, &snapshot.n_sockets, 1 },
        { "holder", add_holder, &snapshot.n_refs, 1 },
        { "process", add_process, &snapshot.n_processes, 1 },
        { "manager", add_manager, &snapshot.n_managers, 1 },
        { "kernel user", add_kernel_user, &snapshot.n_kernel_users, 1 },
        { "unit", add_unit, &snapshot.n_units, 1 },
        { "gap", add_gap, &snapshot.n_gaps, 1 },
        { "device", add_device, &snapshot.n_devices, 1 },
        { "address", add_address, &snapshot.n_addresses, 1 },
        { "wanted", want, &snapshot.n_wanted, 2 },
};

/* Empty, or taken for an option by the command that gets it: no name. */
START_TEST(names_that_are_no_operands)
{
        static const char *const names[] = { "", "-x", "--", "--now.service" };
        struct aiu_manager_fact fact = { .size = sizeof(fact), .pid = 7, .kind = AIU_MANAGER_SYSTEMD };
        struct aiu_manager_fact got = { .size = sizeof(got) };

        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
                struct aiu_snapshot s;

                snapshot_init(&s);
                fact.unit = fact.socket_unit = fact.container = names[i];
                ck_assert_int_eq(aiu_snapshot_add_manager(&s, &fact), 0);
                ck_assert_int_eq(aiu_snapshot_get_manager(&s, 0, &got), 1);
                ck_assert_ptr_null(got.unit);
                ck_assert_ptr_null(got.socket_unit);
                ck_assert_ptr_null(got.container);
                fact.unit = "a-b.service";
                ck_assert_int_eq(aiu_snapshot_add_manager(&s, &fact), 0);
                ck_assert_int_eq(aiu_snapshot_get_manager(&s, 0, &got), 1);
                ck_assert_str_eq(got.unit, "a-b.service");
                snapshot_finish(&s);
        }
}
END_TEST

/* Of several backends, each adds those that it alone could not inspect. */
START_TEST(processes_that_were_not_inspected)
{
        struct aiu_snapshot s;

        snapshot_init(&s);
        aiu_snapshot_add_unseen(NULL, 1);
        aiu_snapshot_add_unseen(&s, 3);
        aiu_snapshot_add_unseen(&s, 0);
        aiu_snapshot_add_unseen(&s, 2);
        ck_assert_uint_eq(s.n_unseen, 5);
        snapshot_finish(&s);
}
END_TEST

/* A user's word stays one, no matter which backend adds to it. A user's own manager has that user's. */
START_TEST(whose_word_a_name_is)
{
        static const struct {
                uid_t first, first_user, then, then_user, word;
        } rows[] = {
                { 0, 0, 0, 0, 0 },
                { 1000, 0, 0, 0, 1000 },
                { 0, 0, 1000, 0, 1000 },
                { 0, 1000, 0, 1000, 1000 },
                { (uid_t)-1, 1000, 0, 0, (uid_t)-1 },
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct aiu_manager_fact fact = { .size = sizeof(fact), .pid = 7, .kind = AIU_MANAGER_SYSTEMD_USER };
                struct aiu_manager_fact got = { .size = sizeof(got) };
                struct aiu_snapshot s;

                snapshot_init(&s);
                fact.named_by = rows[i].first;
                fact.user = rows[i].first_user;
                ck_assert_int_eq(aiu_snapshot_add_manager(&s, &fact), 0);
                fact.named_by = rows[i].then;
                fact.user = rows[i].then_user;
                ck_assert_int_eq(aiu_snapshot_add_manager(&s, &fact), 0);
                ck_assert_int_eq(aiu_snapshot_get_manager(&s, 0, &got), 1);
                ck_assert_uint_eq(got.named_by, rows[i].word);
                snapshot_finish(&s);
        }
}
END_TEST

START_TEST(whole_or_not_at_all)
{
        size_t n = 0;

        for (unsigned int at = 1;; at++) {
                bool failed;
                int r;

                scarce_memory_begin(at, false);
                r = kinds[_i].add();
                failed = scarce_memory_end();
                ck_assert_msg(r == (failed ? -ENOMEM : 0), "%s, allocation %u: %d", kinds[_i].name, at, r);
                if (!failed)
                        break;
                if (kinds[_i].count)
                        ck_assert_msg(*kinds[_i].count == 0, "%s, allocation %u", kinds[_i].name, at);
                n++;
        }
        /* Of devices there are so few that their place is in the structure. */
        ck_assert(n > 0 || kinds[_i].add == add_device);
        ck_assert_int_eq(snapshot.gap_lost, kinds[_i].add == add_gap);
        if (kinds[_i].count)
                ck_assert_uint_eq(*kinds[_i].count, kinds[_i].each);
}
END_TEST

/* An unit or a socket may be told of again; the number stays. */
START_TEST(told_twice)
{
        if (kinds[_i].add == add_socket)
                return; /* one without a cookie may be another */
        ck_assert_int_eq(kinds[_i].add(), 0);
        ck_assert_int_eq(kinds[_i].add(), 0);
        if (kinds[_i].count)
                ck_assert_msg(*kinds[_i].count == kinds[_i].each, "%s", kinds[_i].name);
}
END_TEST

/* ------------------------------------------------------ one socket, told by two */

static struct aiu_socket_fact tcp_fact(uint64_t inode, uint64_t cookie, bool connected)
{
        static const struct sockaddr_in peer = { .sin_family = AF_INET, .sin_port = 9 };

        return (struct aiu_socket_fact){ .size = sizeof(struct aiu_socket_fact),
                                         .type = SOCK_STREAM,
                                         .protocol = IPPROTO_TCP,
                                         .local = (const struct sockaddr *)&in,
                                         .local_len = sizeof(in),
                                         .peer = connected ? (const struct sockaddr *)&peer : NULL,
                                         .peer_len = connected ? sizeof(peer) : 0,
                                         .inode = inode,
                                         .cookie = cookie,
                                         .uid = UID_UNKNOWN };
}

START_TEST(told_by_two)
{
        static const struct {
                uint64_t inode, cookie;
                bool connected;
                uint64_t inode2, cookie2;
                bool connected2;
                size_t n;
        } rows[] = {
                { 5, 7, false, 6, 7, false, 1 }, /* the cookie alone decides */
                { 5, 7, false, 5, 8, false, 2 },
                { 5, 0, false, 5, 7, false, 1 },
                { 5, 7, false, 5, 0, false, 1 },
                { 5, 0, false, 5, 0, false, 1 },
                { 5, 0, false, 6, 7, false, 2 },
                { 5, 0, false, 5, 7, true, 2 }, /* MPTCP: all subflows have one inode */
                { 0, 0, true, 0, 7, true, 1 },  /* TIME_WAIT */
                { 0, 7, true, 0, 0, true, 1 },
                { 0, 0, true, 0, 0, true, 2 },
                { 0, 0, false, 0, 7, false, 2 },
                { 0, 0, true, 0, 7, false, 2 },
        };
        struct aiu_socket_fact fact = tcp_fact(rows[_i].inode, rows[_i].cookie, rows[_i].connected);

        ck_assert_int_eq(aiu_snapshot_add_socket(&snapshot, &fact), 0);
        fact = tcp_fact(rows[_i].inode2, rows[_i].cookie2, rows[_i].connected2);
        ck_assert_int_eq(aiu_snapshot_add_socket(&snapshot, &fact), 0);
        ck_assert_uint_eq(snapshot.n_sockets, rows[_i].n);
}
END_TEST
#define N_TOLD_BY_TWO 12

/* Another device, type or protocol, or another address. */
START_TEST(not_the_same)
{
        struct sockaddr_in other = in;
        struct aiu_socket_fact fact = tcp_fact(0, 0, true);

        other.sin_port = 1;
        ck_assert_int_eq(aiu_snapshot_add_socket(&snapshot, &fact), 0);
        fact = tcp_fact(0, 7, true);
        switch (_i) {
        case 0:
                fact.ifindex = 2;
                break;
        case 1:
                fact.type = SOCK_DGRAM;
                break;
        case 2:
                fact.protocol = IPPROTO_UDP;
                break;
        default:
                fact.local = (const struct sockaddr *)&other;
        }
        ck_assert_int_eq(aiu_snapshot_add_socket(&snapshot, &fact), 0);
        ck_assert_uint_eq(snapshot.n_sockets, 2);
}
END_TEST

START_TEST(merged)
{
        struct aiu_socket_fact poor = tcp_fact(5, 0, false), rich = tcp_fact(5, 7, false);
        struct aiu_socket_fact got = { .size = sizeof(got) };
        const struct socket *s;

        poor.flags = AIU_SOCKET_OBSERVED_ONLY | AIU_SOCKET_MAYBE_UNBOUND;
        poor.reuseport = NO;
        rich.state = AIU_STATE_LISTEN;
        rich.reuseaddr = rich.reuseport = rich.v6only = rich.autobound = rich.minisock = YES;
        rich.expires_usec = 8;
        rich.cgroup_id = 9;
        rich.vfs_inode = 10;
        rich.vfs_device = 11;
        rich.uid = 12;
        rich.l3mdev = 13;
        rich.flags = AIU_SOCKET_L3MDEV | AIU_SOCKET_BIND_UID;
        ck_assert_int_eq(aiu_snapshot_add_socket(&snapshot, _i ? &rich : &poor), 0);
        ck_assert_int_eq(aiu_snapshot_add_socket(&snapshot, _i ? &poor : &rich), 0);
        ck_assert_uint_eq(snapshot.n_sockets, 1);
        s = &snapshot.sockets[0];
        ck_assert(!s->observed_only && !s->maybe_unbound && s->minisock);
        ck_assert(s->reuseaddr == YES && s->v6only == YES && s->autobound == YES && s->state == AIU_STATE_LISTEN);
        ck_assert_int_eq(s->reuseport, _i ? YES : NO); /* the first that is known */
        ck_assert(s->cookie == 7 && s->expires_usec == 8 && s->cgroup_id == 9);
        ck_assert(s->vfs_inode == 10 && s->vfs_device == 11 && s->uid == 12 && s->l3mdev == 13);
        ck_assert_int_eq(aiu_snapshot_get_socket(&snapshot, 0, &got), 1);
        ck_assert_uint_eq(got.flags, AIU_SOCKET_L3MDEV | AIU_SOCKET_BIND_UID);
        ck_assert_uint_eq(got.l3mdev, 13);
}
END_TEST

/* An owner that is not what bind() compares gives way to one that is. */
START_TEST(merged_owner)
{
        static const struct {
                uid_t first, second;
                uint32_t first_flags, second_flags;
                uid_t uid;
        } rows[] = {
                { 1, 2, 0, 0, 1 },
                { 1, 2, 0, AIU_SOCKET_BIND_UID, 2 },
                { 1, 2, AIU_SOCKET_BIND_UID, 0, 1 },
                { 1, 2, AIU_SOCKET_BIND_UID, AIU_SOCKET_BIND_UID, 1 },
                { UID_UNKNOWN, 2, 0, 0, 2 },
        };
        struct aiu_socket_fact fact = tcp_fact(5, 7, false);

        fact.uid = rows[_i].first;
        fact.flags = rows[_i].first_flags;
        ck_assert_int_eq(aiu_snapshot_add_socket(&snapshot, &fact), 0);
        fact.uid = rows[_i].second;
        fact.flags = rows[_i].second_flags;
        ck_assert_int_eq(aiu_snapshot_add_socket(&snapshot, &fact), 0);
        ck_assert_uint_eq(snapshot.sockets[0].uid, rows[_i].uid);
}
END_TEST

/* In a crowd those are compared that two backends can have told. */
START_TEST(merged_in_a_crowd)
{
        struct aiu_socket_fact fact;

        for (uint64_t i = 1; i <= 600; i++) {
                fact = tcp_fact(i, 0, false);
                ck_assert_int_eq(aiu_snapshot_add_socket(&snapshot, &fact), 0);
        }
        for (uint64_t i = 1; i <= 600; i++) {
                fact = tcp_fact(i, 1000 + i, false);
                ck_assert_int_eq(aiu_snapshot_add_socket(&snapshot, &fact), 0);
        }
        ck_assert_uint_eq(snapshot.n_sockets, 600);
        ck_assert_uint_eq(snapshot.sockets[599].cookie, 1600);
}
END_TEST

START_TEST(port_facts)
{
        struct aiu_port_fact port = { .size = sizeof(port), .protocol = IPPROTO_TCP };
        struct aiu_port_cache_fact cache = { .size = sizeof(cache),
                                             .port = 80,
                                             .fastreuseport = 2,
                                             .family = AF_INET6,
                                             .v4 = 4,
                                             .v6 = { 6 },
                                             .v6only = 2,
                                             .fastuid = 7,
                                             .fastreuse = -1 };
        const struct port_cache *kept = &snapshot.port.caches[0];
        int r = 0;

        ck_assert_int_eq(aiu_snapshot_add_port(&snapshot, &port), 0);
        ck_assert(!snapshot.port.bound_listed && snapshot.port.n_in_order == 0 && snapshot.port.slot_count == 0);
        ck_assert_int_eq(add_socket(), 0);
        port.in_order = port.bound_listed = YES;
        port.slot_count = 11;
        ck_assert_int_eq(aiu_snapshot_add_port(&snapshot, &port), 0);
        ck_assert(snapshot.port.bound_listed && snapshot.port.n_in_order == 1 && snapshot.port.slot_count == 11);
        ck_assert_int_eq(aiu_snapshot_add_port_cache(&snapshot, &cache), 0);
        ck_assert(kept->port == 80 && kept->fastreuseport == 2 && kept->v6 && kept->v4_be == 4 && kept->v6only);
        ck_assert(kept->ip6.s6_addr[0] == 6 && kept->uid == 7 && kept->fastreuse == -1 && kept->l3mdev == 0);
        cache.fastreuseport = 0;
        cache.family = 9656; /* left by another bucket: not looked at */
        ck_assert_int_eq(aiu_snapshot_add_port_cache(&snapshot, &cache), 0);
        ck_assert(snapshot.port.n_caches == 1 && kept->fastreuseport == 0);
        for (cache.l3mdev = 1; r == 0; cache.l3mdev++)
                r = aiu_snapshot_add_port_cache(&snapshot, &cache);
        ck_assert_int_eq(r, -ENOBUFS);
        ck_assert_uint_eq(snapshot.port.n_caches, ELEMENTSOF(snapshot.port.caches));
        snapshot_forget_sockets(&snapshot, 0);
        ck_assert(snapshot.port.n_caches == 0 && !snapshot.port.bound_listed && snapshot.port.n_in_order == 0);
}
END_TEST

START_TEST(program)
{
        ck_assert_int_eq(aiu_snapshot_add_program(&snapshot, AIU_TRISTATE_YES), 0);
        ck_assert_int_eq(aiu_snapshot_add_program(&snapshot, AIU_TRISTATE_UNKNOWN), 0);
        ck_assert_int_eq(snapshot.port.program, AIU_TRISTATE_YES);
        ck_assert_int_eq(aiu_snapshot_add_program(&snapshot, AIU_TRISTATE_NO), 0);
        ck_assert_int_eq(snapshot.port.program, AIU_TRISTATE_NO);
}
END_TEST

START_TEST(references)
{
        ck_assert_int_eq(add_socket(), 0);
        ck_assert_int_eq(aiu_snapshot_add_references(&snapshot, INODE, 3, 2), 0);
        ck_assert(snapshot.sockets[0].n_references == 3 && snapshot.sockets[0].n_found == 2);
        ck_assert_int_eq(aiu_snapshot_add_references(&snapshot, INODE + 1, 1, 1), 0);
        ck_assert_uint_eq(snapshot.sockets[0].n_references, 3);
        ck_assert_int_eq(aiu_snapshot_add_references(&snapshot, 0, 1, 1), -EINVAL);
        ck_assert_int_eq(aiu_snapshot_add_references(&snapshot, INODE, 0, 0), -EINVAL);
        ck_assert_int_eq(aiu_snapshot_add_references(&snapshot, INODE, 1, 2), -EINVAL);
}
END_TEST

/* What a backend knows of the VRF stays, whatever is said of the device. */
START_TEST(own_vrf)
{
        struct aiu_socket_fact fact = tcp_fact(5, 7, false);

        fact.ifindex = 4;
        ck_assert_int_eq(aiu_snapshot_add_socket(&snapshot, &fact), 0);
        ck_assert_uint_eq(snapshot.sockets[0].l3mdev, IFINDEX_UNKNOWN);
        fact.inode = 6;
        fact.cookie = 8;
        fact.flags = AIU_SOCKET_L3MDEV;
        fact.l3mdev = 9;
        ck_assert_int_eq(aiu_snapshot_add_socket(&snapshot, &fact), 0);
        ck_assert_uint_eq(snapshot.sockets[1].l3mdev, 9);
        ck_assert_int_eq(add_device(), 0);
        ck_assert(snapshot.sockets[0].l3mdev == 5 && snapshot.sockets[1].l3mdev == 9);
}
END_TEST

/* ------------------------------------------------------ more than is kept */

START_TEST(too_many_processes)
{
        struct aiu_process_fact fact = { .size = sizeof(fact), .comm = "d" };
        int r = 0;

        for (fact.pid = 1; r == 0 && fact.pid < 2000000; fact.pid += 1)
                r = aiu_snapshot_add_process(&snapshot, &fact);
        ck_assert_int_eq(r, -ENOBUFS);
        ck_assert_uint_eq(snapshot.n_processes, SNAPSHOT_MAX_PROCESSES);
        ck_assert(snapshot.holders_truncated);
        ck_assert_uint_eq(snapshot.n_gaps, 1);
}
END_TEST

START_TEST(units)
{
        static const struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "/x" };
        struct aiu_unit_fact fact = { .size = sizeof(fact), .name = "" };

        ck_assert_int_eq(aiu_snapshot_add_unit(NULL, &fact), -EINVAL);
        ck_assert_int_eq(aiu_snapshot_add_unit(&snapshot, NULL), -EINVAL);
        ck_assert_int_eq(aiu_snapshot_add_unit(&snapshot, &fact), -EINVAL);
        fact.name = NULL;
        ck_assert_int_eq(aiu_snapshot_add_unit(&snapshot, &fact), -EINVAL);
        fact.name = "--now";
        ck_assert_int_eq(aiu_snapshot_add_unit(&snapshot, &fact), -EINVAL);
        fact.name = "a.service";
        fact.service = "-x.service";
        ck_assert_int_eq(aiu_snapshot_add_unit(&snapshot, &fact), 0);
        ck_assert_ptr_null(snapshot.units[0].service);
        snapshot_finish(&snapshot);
        for (; fact.ifindex < SNAPSHOT_MAX_UNITS; fact.ifindex++)
                ck_assert_int_eq(aiu_snapshot_add_unit(&snapshot, &fact), 0);
        ck_assert_int_eq(aiu_snapshot_add_unit(&snapshot, &fact), -ENOBUFS);
        ck_assert_uint_eq(snapshot.n_units, SNAPSHOT_MAX_UNITS);
        snapshot_finish(&snapshot);
        fact.listen = (const struct sockaddr *)&un;
        fact.listen_len = sizeof(un);
        ck_assert_int_eq(aiu_snapshot_add_unit(&snapshot, &fact), -EINVAL);
        ck_assert_uint_eq(snapshot.n_units, 0);
}
END_TEST

START_TEST(too_many_kernel_users)
{
        struct aiu_kernel_user_fact fact = { .size = sizeof(fact), .service = "vxlan" };
        int r = 0;

        for (uint64_t inode = 1; r == 0 && inode < 2000000; inode++)
                r = aiu_snapshot_add_kernel_user(&snapshot, inode, &fact);
        ck_assert_int_eq(r, -ENOBUFS);
        ck_assert_uint_eq(snapshot.n_kernel_users, SNAPSHOT_MAX_KERNEL_USERS);
        ck_assert(snapshot.holders_truncated);
}
END_TEST

START_TEST(too_many_managers)
{
        struct aiu_manager_fact fact = { .size = sizeof(fact), .kind = AIU_MANAGER_SYSTEMD, .unit = "a.service" };
        int r = 0;

        for (fact.pid = 1; r == 0 && fact.pid < 2000000; fact.pid++)
                r = aiu_snapshot_add_manager(&snapshot, &fact);
        ck_assert_int_eq(r, -ENOBUFS);
}
END_TEST

/* ------------------------------------------------------ what makes no sense */

START_TEST(senseless)
{
        static const char *const none[] = { NULL };
        static const char *const endless[] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j",
                                               "k", "l", "m", "n", "o", "p", "q", "r", NULL };
        struct aiu_kernel_user_fact user = { .size = sizeof(user), .service = "vxlan", .command = none };
        struct aiu_manager_fact manager = { .size = sizeof(manager), .kind = AIU_MANAGER_SYSTEMD };
        struct aiu_process_fact process = { .size = sizeof(process), .pid = 0 };
        struct aiu_socket_fact socket = { .size = sizeof(socket), .local = (const struct sockaddr *)&in };
        struct aiu_port_fact port = { .size = sizeof(port) };
        struct aiu_port_cache_fact cache = { .size = sizeof(cache) };
        struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

        ck_assert_int_eq(aiu_snapshot_add_kernel_user(&snapshot, 1, &user), -EINVAL);
        user.command = endless;
        ck_assert_int_eq(aiu_snapshot_add_kernel_user(&snapshot, 1, &user), -EINVAL);
        user.command = NULL;
        ck_assert_int_eq(aiu_snapshot_add_kernel_user(&snapshot, 0, &user), -EINVAL);
        user.service = "";
        ck_assert_int_eq(aiu_snapshot_add_kernel_user(&snapshot, 1, &user), -EINVAL);
        user.service = NULL;
        ck_assert_int_eq(aiu_snapshot_add_kernel_user(&snapshot, 1, &user), -EINVAL);
        ck_assert_int_eq(aiu_snapshot_add_manager(&snapshot, &manager), -EINVAL);
        ck_assert_int_eq(aiu_snapshot_add_process(&snapshot, &process), -EINVAL);
        process.pid = 7;
        process.n_ancestors = 65;
        ck_assert_int_eq(aiu_snapshot_add_process(&snapshot, &process), -EINVAL);
        process.n_ancestors = 2; /* and no list of them */
        ck_assert_int_eq(aiu_snapshot_add_process(&snapshot, &process), 0);
        ck_assert_uint_eq(snapshot.processes[0].n_ancestors, 0);
        socket.local_len = 1;
        ck_assert_int_eq(aiu_snapshot_add_socket(&snapshot, &socket), -EINVAL);
        socket.local_len = sizeof(in) - 1;
        ck_assert_int_eq(aiu_snapshot_add_socket(&snapshot, &socket), -EINVAL);
        socket.local_len = 4096;
        ck_assert_int_eq(aiu_snapshot_add_socket(&snapshot, &socket), -EINVAL);
        socket.local = (const struct sockaddr *)&in6;
        socket.local_len = sizeof(in6) - 8;
        ck_assert_int_eq(aiu_snapshot_add_socket(&snapshot, &socket), -EINVAL);
        ck_assert_int_eq(aiu_snapshot_add_gap(&snapshot, AIU_GAP_RACE, 0, NULL), -EINVAL);
        ck_assert_int_eq(aiu_snapshot_add_port(&snapshot, &port), -EINVAL);
        ck_assert_int_eq(aiu_snapshot_add_port_cache(&snapshot, &cache), -EINVAL);
        cache.port = 80;
        cache.fastreuseport = 1;
        ck_assert_int_eq(aiu_snapshot_add_port_cache(&snapshot, &cache), -EINVAL);
        cache.family = AF_INET;
        ck_assert_int_eq(aiu_snapshot_add_port_cache(&snapshot, &cache), 0);
}
END_TEST

START_TEST(no_snapshot)
{
        struct aiu_socket_fact socket_fact = { .size = sizeof(socket_fact) };
        struct aiu_process_fact process_fact = { .size = sizeof(process_fact) };
        struct aiu_options_fact options_fact = { .size = sizeof(options_fact) };
        struct aiu_manager_fact manager_fact = { .size = sizeof(manager_fact) };
        struct aiu_host_fact host_fact = { .size = sizeof(host_fact) };
        struct aiu_address_fact address_fact = { .size = sizeof(address_fact) };
        struct aiu_port_cache_fact cache_fact = { .size = sizeof(cache_fact), .port = 1 };
        struct aiu_port_fact port_fact = { .size = sizeof(port_fact), .protocol = IPPROTO_UDP };
        uint64_t inode;
        pid_t pid;
        int fd;

        ck_assert_int_eq(aiu_snapshot_add_host(NULL, &host_fact), -EINVAL);
        ck_assert_int_eq(aiu_snapshot_add_address(NULL, &address_fact), -EINVAL);
        ck_assert_int_eq(aiu_snapshot_add_socket(NULL, &socket_fact), -EINVAL);
        ck_assert_int_eq(aiu_snapshot_add_holder(NULL, 1, 1, 1), -EINVAL);
        ck_assert_int_eq(aiu_snapshot_add_process(NULL, &process_fact), -EINVAL);
        ck_assert_int_eq(aiu_snapshot_add_options(NULL, 1, &options_fact), -EINVAL);
        ck_assert_int_eq(aiu_snapshot_add_manager(NULL, &manager_fact), -EINVAL);
        ck_assert_int_eq(aiu_snapshot_add_port(NULL, &port_fact), -EINVAL);
        ck_assert_int_eq(aiu_snapshot_add_port_cache(NULL, &cache_fact), -EINVAL);
        ck_assert_int_eq(aiu_snapshot_add_references(NULL, 1, 1, 1), -EINVAL);
        ck_assert_int_eq(aiu_snapshot_add_program(NULL, AIU_TRISTATE_NO), -EINVAL);
        ck_assert_int_eq(aiu_snapshot_add_gap(NULL, AIU_GAP_RACE, 0, "x"), -EINVAL);
        aiu_snapshot_progress(NULL, 0, 0);
        aiu_snapshot_log(NULL, AIU_LOG_ERROR, "x");
        ck_assert_int_eq(aiu_snapshot_get_wanted_inode(NULL, 0, &inode), 0);
        ck_assert_int_eq(aiu_snapshot_wants_inode(NULL, 1), 0);
        ck_assert_int_eq(aiu_snapshot_all_held(NULL), 0);
        ck_assert_int_eq(aiu_snapshot_get_host(NULL, &host_fact), 0);
        ck_assert_int_eq(aiu_snapshot_get_socket(NULL, 0, &socket_fact), 0);
        ck_assert_int_eq(aiu_snapshot_get_holder(NULL, 0, &inode, &pid, &fd), 0);
        ck_assert_int_eq(aiu_snapshot_get_process(NULL, 0, &process_fact), 0);
        ck_assert_int_eq(aiu_snapshot_get_manager(NULL, 0, &manager_fact), 0);
        ck_assert_uint_eq(aiu_request_time_left_usec(NULL), UINT64_MAX);
}
END_TEST

/* ------------------------------------------------------ reading again */

START_TEST(read_again)
{
        struct aiu_process_fact process = { .size = sizeof(process) };
        struct aiu_manager_fact manager = { .size = sizeof(manager) };
        struct aiu_socket_fact socket = { .size = sizeof(socket) };
        struct aiu_host_fact host = { .size = sizeof(host) };
        uint64_t inode;
        pid_t pid;
        int fd;

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                ck_assert_int_eq(kinds[i].add(), 0);
        ck_assert_int_eq(aiu_snapshot_get_host(&snapshot, &host), 1);
        ck_assert_str_eq(host.reserved_ports, "1,2,3");
        ck_assert_int_eq(aiu_snapshot_get_host(&snapshot, NULL), 0);
        ck_assert_int_eq(aiu_snapshot_get_socket(&snapshot, 0, &socket), 1);
        ck_assert_uint_eq(socket.inode, INODE);
        ck_assert_int_eq(aiu_snapshot_get_socket(&snapshot, 1, &socket), 0);
        ck_assert_int_eq(aiu_snapshot_get_socket(&snapshot, 0, NULL), 0);
        ck_assert_int_eq(aiu_snapshot_get_holder(&snapshot, 0, &inode, &pid, &fd), 1);
        ck_assert(inode == INODE && pid == 7 && fd == 3);
        ck_assert_int_eq(aiu_snapshot_get_holder(&snapshot, 1, &inode, &pid, &fd), 0);
        ck_assert_int_eq(aiu_snapshot_get_process(&snapshot, 0, &process), 1);
        ck_assert_str_eq(process.comm, "d");
        ck_assert_uint_eq(process.n_ancestors, 2);
        ck_assert_int_eq(aiu_snapshot_get_process(&snapshot, 1, &process), 0);
        ck_assert_int_eq(aiu_snapshot_get_process(&snapshot, 0, NULL), 0);
        ck_assert_int_eq(aiu_snapshot_get_manager(&snapshot, 0, &manager), 1);
        ck_assert_str_eq(manager.also_stop, "b.timer");
        ck_assert_int_eq(aiu_snapshot_get_manager(&snapshot, 1, &manager), 0);
        ck_assert_int_eq(aiu_snapshot_get_manager(&snapshot, 0, NULL), 0);
        ck_assert_int_eq(aiu_snapshot_get_wanted_inode(&snapshot, 0, &inode), 1);
        ck_assert_uint_eq(inode, 9);
        ck_assert_int_eq(aiu_snapshot_get_wanted_inode(&snapshot, 2, &inode), 0);
        ck_assert_int_eq(aiu_snapshot_get_wanted_inode(&snapshot, 0, NULL), 0);
        ck_assert_int_eq(aiu_snapshot_wants_inode(&snapshot, 8), 0);
        ck_assert_int_eq(aiu_snapshot_wants_inode(&snapshot, INODE), 1);
        ck_assert_int_eq(aiu_snapshot_wants_inode(&snapshot, 1000), 0);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("snapshot");
        TCase *tcase = tcase_create("all");

        tcase_set_timeout(tcase, 60);
        tcase_add_checked_fixture(tcase, begin, finish);
        tcase_add_loop_test(tcase, whole_or_not_at_all, 0, (int)ELEMENTSOF(kinds));
        tcase_add_loop_test(tcase, told_twice, 0, (int)ELEMENTSOF(kinds));
        tcase_add_loop_test(tcase, told_by_two, 0, N_TOLD_BY_TWO);
        tcase_add_loop_test(tcase, not_the_same, 0, 4);
        tcase_add_loop_test(tcase, merged, 0, 2);
        tcase_add_loop_test(tcase, merged_owner, 0, 5);
        tcase_add_test(tcase, merged_in_a_crowd);
        tcase_add_test(tcase, port_facts);
        tcase_add_test(tcase, program);
        tcase_add_test(tcase, references);
        tcase_add_test(tcase, own_vrf);
        tcase_add_test(tcase, processes_that_were_not_inspected);
        tcase_add_test(tcase, names_that_are_no_operands);
        tcase_add_test(tcase, whose_word_a_name_is);
        tcase_add_test(tcase, too_many_processes);
        tcase_add_test(tcase, too_many_kernel_users);
        tcase_add_test(tcase, units);
        tcase_add_test(tcase, too_many_managers);
        tcase_add_test(tcase, senseless);
        tcase_add_test(tcase, no_snapshot);
        tcase_add_test(tcase, read_again);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
