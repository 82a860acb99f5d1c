/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The facts that backends hand over: each is kept whole or not at all, whatever memory there is; what is
 * told twice is kept once; there is a most of everything, and a gap says when it is reached.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
        tcase_add_test(tcase, names_that_are_no_operands);
        tcase_add_test(tcase, whose_word_a_name_is);
        tcase_add_test(tcase, too_many_processes);
        tcase_add_test(tcase, too_many_kernel_users);
        tcase_add_test(tcase, too_many_managers);
        tcase_add_test(tcase, senseless);
        tcase_add_test(tcase, no_snapshot);
        tcase_add_test(tcase, read_again);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
