/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The backend "proc-net" on tables that a kernel printed (data/proc-net), and on a
 * running kernel next to what netlink says of the same sockets. Lines that no
 * kernel would print are in test-proc-net-parse.c.
 */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture/host-fixture.h"
#include "fixture/run-suite.h"
#include "util/sys-fault.h"

#ifndef TEST_DATA
#define TEST_DATA "tests/data"
#endif

#ifndef IPPROTO_UDPLITE
#define IPPROTO_UDPLITE 136
#endif

/* The fixtures come from a little-endian kernel: its words, as this machine has them in memory. */
#define WORD_127_0_0_1 0x0100007fu
#define WORD_127_0_0_2 0x0200007fu

/* Bound TCP sockets are never in /proc/net: what it says of TCP is never all. */
static int complete(void)
{
        return request.protocol == IPPROTO_TCP ? AIU_PARTIAL : AIU_COMPLETE;
}

static int run(void)
{
        snapshot_finish(&snapshot);
        snapshot.backend = "proc-net";
        return backend_proc_net.sockets(NULL, &request, &snapshot);
}

static void use_data(void)
{
        request = (struct aiu_request){ .size = sizeof(request) };
        request.procfs = open(TEST_DATA "/proc-net", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ck_assert_msg(request.procfs >= 0, "%s: %s", TEST_DATA, strerror(errno));
        snapshot_init(&snapshot);
}

static const struct socket *find(uint64_t inode)
{
        for (size_t i = 0; i < snapshot.n_sockets; i++)
                if (snapshot.sockets[i].inode == inode)
                        return &snapshot.sockets[i];
        ck_abort_msg("no socket %llu", (unsigned long long)inode);
        return NULL;
}

static const struct socket *find_state(enum aiu_state state)
{
        for (size_t i = 0; i < snapshot.n_sockets; i++)
                if (snapshot.sockets[i].state == state)
                        return &snapshot.sockets[i];
        ck_abort_msg("no socket in state %d", (int)state);
        return NULL;
}

/* ------------------------------------------------------ captured tables */

START_TEST(data_tcp)
{
        const struct socket *s;

        set_ip("127.0.0.1", 8080, SOCK_STREAM);
        ck_assert_int_eq(run(), complete());
        ck_assert_uint_eq(snapshot.n_sockets, 7);
        s = find(11092008);
        ck_assert_int_eq(s->state, AIU_STATE_LISTEN);
        ck_assert_int_eq(s->type, SOCK_STREAM);
        ck_assert_int_eq(s->protocol, IPPROTO_TCP);
        ck_assert_uint_eq(s->local.sa.in.sin_addr.s_addr, WORD_127_0_0_1);
        ck_assert_uint_eq(ntohs(s->local.sa.in.sin_port), 8080);
        ck_assert_uint_eq(s->peer.len, 0);
        ck_assert_uint_eq(s->uid, 0);
        ck_assert(!s->minisock);
        ck_assert_int_eq(s->v6only, UNKNOWN);
        s = find(11092012);
        ck_assert_int_eq(s->state, AIU_STATE_ESTABLISHED);
        ck_assert_uint_eq(ntohs(s->peer.sa.in.sin_port), 0x8646);
        ck_assert_int_eq(find(11092010)->state, AIU_STATE_LISTEN);
        ck_assert_int_eq(find(11092010)->local.sa.any.sa_family, AF_INET6);
        ck_assert(have_gap(AIU_GAP_BACKEND, "bound but not listening"));
        ck_assert_uint_eq(snapshot.n_gaps, 1);
}
END_TEST

START_TEST(data_minisocks)
{
        const struct socket *s;

        set_ip("127.0.0.1", 8080, SOCK_STREAM);
        ck_assert_int_eq(run(), complete());
        s = find_state(AIU_STATE_FIN_WAIT2);
        ck_assert(s->minisock);
        ck_assert_uint_eq(s->uid, UID_UNKNOWN);
        ck_assert_uint_eq(s->expires_usec, UINT64_C(0x175c) * 1000000 / (uint64_t)sysconf(_SC_CLK_TCK));
        s = find_state(AIU_STATE_TIME_WAIT);
        ck_assert(s->minisock);
        ck_assert_uint_eq(s->uid, UID_UNKNOWN);
        ck_assert_uint_gt(s->expires_usec, 0);
        ck_assert_uint_ne(s->peer.len, 0);
}
END_TEST

START_TEST(data_mapped)
{
        const struct socket *s;
        uint32_t word;

        set_ip("::", 8081, SOCK_STREAM);
        ck_assert_int_eq(run(), complete());
        ck_assert_uint_eq(snapshot.n_sockets, 2);
        ck_assert(IN6_IS_ADDR_UNSPECIFIED(&find(11092009)->local.sa.in6.sin6_addr));
        s = find(11092014);
        memcpy(&word, &s->local.sa.in6.sin6_addr.s6_addr[12], sizeof(word));
        ck_assert_uint_eq(word, WORD_127_0_0_2);
        memcpy(&word, &s->peer.sa.in6.sin6_addr.s6_addr[12], sizeof(word));
        ck_assert_uint_eq(word, WORD_127_0_0_1);
}
END_TEST

/* CLOSE_WAIT is at the client's end: only local ports count. */
START_TEST(data_local_port_only)
{
        set_ip("127.0.0.1", 0x8654, SOCK_STREAM);
        ck_assert_int_eq(run(), complete());
        ck_assert_uint_eq(snapshot.n_sockets, 1);
        ck_assert_int_eq(find(11092021)->state, AIU_STATE_CLOSE_WAIT);
        set_ip("127.0.0.1", 1, SOCK_STREAM);
        ck_assert_int_eq(run(), complete());
        ck_assert_uint_eq(snapshot.n_sockets, 0);
        set_ip("127.0.0.1", 0, SOCK_STREAM);
        ck_assert_int_eq(run(), complete());
        ck_assert_uint_eq(snapshot.n_sockets, 13);
}
END_TEST

START_TEST(data_udp)
{
        set_ip("127.0.0.1", 5353, SOCK_DGRAM);
        ck_assert_int_eq(run(), complete());
        ck_assert_uint_eq(snapshot.n_sockets, 2);
        ck_assert_int_eq(find(11092024)->state, AIU_STATE_BOUND);
        ck_assert_int_eq(find(11092025)->type, SOCK_DGRAM);
        ck_assert_int_eq(find(11092025)->protocol, IPPROTO_UDP);
        set_ip("127.0.0.1", 5354, SOCK_DGRAM);
        ck_assert_int_eq(run(), complete());
        ck_assert_uint_eq(snapshot.n_sockets, 1);
        ck_assert_int_eq(find(11092026)->state, AIU_STATE_ESTABLISHED);
        ck_assert_uint_eq(find(11092026)->uid, 1000);
        ck_assert(!find(11092026)->minisock);
        ck_assert_uint_ne(find(11092026)->peer.len, 0);
}
END_TEST

START_TEST(data_udplite)
{
        set_ip("127.0.0.1", 6000, SOCK_DGRAM);
        request.protocol = IPPROTO_UDPLITE;
        ck_assert_int_eq(run(), complete());
        ck_assert_uint_eq(snapshot.n_sockets, 2);
        ck_assert_int_eq(find(11092028)->protocol, IPPROTO_UDPLITE);
        request.protocol = IPPROTO_SCTP;
        ck_assert_int_eq(run(), -EPROTONOSUPPORT);
}
END_TEST

static char abstract[sizeof(struct sockaddr_un)];

static void set_abstract(const char *name, size_t bytes, int type)
{
        struct sockaddr_un un = { .sun_family = AF_UNIX };

        memcpy(un.sun_path + 1, name, bytes);
        memcpy(abstract, &un, sizeof(un));
        request.address = (const struct sockaddr *)abstract;
        request.address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + bytes);
        request.type = type;
        request.protocol = 0;
        request.port = 0;
}

START_TEST(data_abstract)
{
        char longest[107];

        memset(longest, 'x', sizeof(longest));
        set_abstract("stream", 6, SOCK_STREAM);
        ck_assert_int_eq(run(), complete());
        /* The listener and the datagram socket, not what the listener accepted. */
        ck_assert_uint_eq(snapshot.n_sockets, 2);
        ck_assert_int_eq(find(11092031)->state, AIU_STATE_LISTEN);
        ck_assert_int_eq(find(11092031)->type, SOCK_STREAM);
        ck_assert_uint_eq(find(11092031)->uid, UID_UNKNOWN);
        ck_assert_int_eq(find(11092032)->type, SOCK_DGRAM);
        ck_assert_uint_eq(snapshot.n_gaps, 0);
        set_abstract("with\0nul", 9, SOCK_SEQPACKET);
        ck_assert_int_eq(run(), complete());
        ck_assert_int_eq(find(11092033)->type, SOCK_SEQPACKET);
        set_abstract("with\0nul", 8, SOCK_SEQPACKET);
        ck_assert_int_eq(run(), complete());
        ck_assert_uint_eq(snapshot.n_sockets, 0);
        set_abstract(longest, sizeof(longest), SOCK_STREAM);
        ck_assert_int_eq(run(), complete());
        ck_assert_int_eq(find(11092035)->state, AIU_STATE_BOUND);
}
END_TEST

START_TEST(data_connected)
{
        /* bind() says EADDRINUSE to both, but only of one that is told here. */
        set_abstract("dgram-client", 12, SOCK_DGRAM);
        ck_assert_int_eq(run(), complete());
        ck_assert_uint_eq(snapshot.n_sockets, 1);
        set_abstract("client", 6, SOCK_STREAM);
        ck_assert_int_eq(run(), AIU_PARTIAL);
        ck_assert_uint_eq(snapshot.n_sockets, 0);
        ck_assert(have_gap(AIU_GAP_BACKEND, "connected"));
        set_abstract("client", 6, SOCK_DGRAM);
        ck_assert_int_eq(run(), complete());
}
END_TEST

START_TEST(data_path)
{
        /* The file's inode is unknown: the file must not be called stale. */
        set_path("with a space.sock");
        ck_assert_int_eq(run(), AIU_PARTIAL);
        ck_assert_uint_eq(snapshot.n_sockets, 1);
        ck_assert_uint_eq(find(11092030)->vfs_inode, 0);
        ck_assert(have_gap(AIU_GAP_BACKEND, "not the file"));
        set_path("with a space.soc");
        ck_assert_int_eq(run(), AIU_PARTIAL);
        ck_assert_uint_eq(snapshot.n_sockets, 0);
        /* A path is not the abstract name that is printed alike. */
        set_path("two\nlines");
        ck_assert_int_eq(run(), -EOPNOTSUPP);
        set_abstract("two\nlines", 9, SOCK_DGRAM);
        ck_assert_int_eq(run(), -EOPNOTSUPP);
}
END_TEST

/* A backend that gave up half-way has told some already. */
START_TEST(data_not_twice)
{
        struct sockaddr_in local = { .sin_family = AF_INET, .sin_port = htons(8080) };
        struct sockaddr_in peer = { .sin_family = AF_INET, .sin_port = htons(0x8652) };
        struct aiu_socket_fact fact = {
                .size = sizeof(fact),
                .type = SOCK_STREAM,
                .protocol = IPPROTO_TCP,
                .inode = 11092008,
                .local = (const struct sockaddr *)&local,
                .local_len = sizeof(local),
                .uid = 7,
        };

        set_ip("127.0.0.1", 8080, SOCK_STREAM);
        local.sin_addr.s_addr = peer.sin_addr.s_addr = WORD_127_0_0_1;
        ck_assert_int_eq(aiu_snapshot_add_socket(&snapshot, &fact), 0);
        fact.inode = 0;
        fact.peer = (const struct sockaddr *)&peer;
        fact.peer_len = sizeof(peer);
        ck_assert_int_eq(aiu_snapshot_add_socket(&snapshot, &fact), 0);
        ck_assert_int_eq(backend_proc_net.sockets(NULL, &request, &snapshot), complete());
        ck_assert_uint_eq(snapshot.n_sockets, 7);
        ck_assert_uint_eq(find(11092008)->uid, 7);
}
END_TEST

START_TEST(data_deadline)
{
        set_ip("127.0.0.1", 8080, SOCK_STREAM);
        request.deadline_nsec = 1;
        ck_assert_int_eq(run(), -ETIME);
        ck_assert(have_gap(AIU_GAP_DEADLINE, "deadline"));
}
END_TEST

START_TEST(data_nowhere)
{
        set_ip("127.0.0.1", 8080, SOCK_STREAM);
        close(request.procfs);
        request.procfs = open(TEST_DATA, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ck_assert_int_eq(run(), -ENOENT);
        close(request.procfs);
        request.procfs = -1;
        ck_assert_int_eq(run(), -ENOENT);
}
END_TEST

/* ------------------------------------------------------ a running kernel */

static int listen_on(const char *text, uint16_t port)
{
        int fd, on = 1;

        set_ip(text, port, SOCK_STREAM);
        fd = socket(request.address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
        ck_assert_int_eq(bind(fd, request.address, request.address_len), 0);
        ck_assert_int_eq(listen(fd, 8), 0);
        return fd;
}

/* A connection that the server ended: TIME_WAIT, on its side. */
static void leave_time_wait(int server)
{
        int client = socket(request.address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), child;
        char byte;

        ck_assert_int_eq(connect(client, request.address, request.address_len), 0);
        child = accept(server, NULL, NULL);
        close(child);
        ck_assert_int_eq((int)read(client, &byte, 1), 0);
        close(client);
}

/* What sock-diag says of the same socket. */
static bool agrees(const struct socket *a, const struct socket *b)
{
        bool same = a->inode == b->inode && a->state == b->state && a->type == b->type && a->protocol == b->protocol &&
                    a->minisock == b->minisock && a->uid == b->uid && a->local.len == b->local.len &&
                    memcmp(&a->local.sa, &b->local.sa, a->local.len) == 0 && a->peer.len == b->peer.len &&
                    memcmp(&a->peer.sa, &b->peer.sa, a->peer.len) == 0;

        /* Clock ticks are coarser than milliseconds, and time passes. */
        return same && (a->expires_usec > b->expires_usec ? a->expires_usec - b->expires_usec
                                                          : b->expires_usec - a->expires_usec) < 1000000;
}

static void compare_with_netlink(size_t expected)
{
        struct aiu_snapshot other = { 0 };
        size_t found = 0;

        ck_assert_int_eq(run(), complete());
        ck_assert_uint_eq(snapshot.n_sockets, expected);
        ck_assert_int_eq(backend_sock_diag.sockets(NULL, &request, &other), AIU_COMPLETE);
        ck_assert_uint_eq(other.n_sockets, expected);
        for (size_t i = 0; i < expected; i++)
                for (size_t j = 0; j < expected; j++)
                        found += agrees(&snapshot.sockets[i], &other.sockets[j]);
        ck_assert_uint_eq(found, expected);
        snapshot_finish(&other);
}

START_TEST(live_like_netlink)
{
        int fds[4];

        ip("link set lo up");
        fds[0] = listen_on("127.0.0.1", 8080);
        leave_time_wait(fds[0]);
        fds[1] = listen_on("127.0.0.2", 8080);
        fds[2] = listen_on("::1", 8080);
        leave_time_wait(fds[2]);
        fds[3] = listen_on("::1", 8081);
        compare_with_netlink(1);
        set_ip("::1", 8080, SOCK_STREAM);
        compare_with_netlink(5);
        for (size_t i = 0; i < 4; i++)
                close(fds[i]);
}
END_TEST

static void *ask_in_other_namespace(void *userdata)
{
        (void)userdata;
        if (unshare(CLONE_NEWNET) < 0)
                return NULL;
        set_ip("127.0.0.1", 8080, SOCK_STREAM);
        return run() == complete() ? &snapshot : NULL;
}

/* The thread that asks is in another namespace than the process. */
START_TEST(live_thread)
{
        pthread_t thread;
        void *result;
        int fd;

        ip("link set lo up");
        fd = listen_on("127.0.0.1", 8080);
        ck_assert_int_eq(run(), complete());
        ck_assert_uint_eq(snapshot.n_sockets, 1);
        ck_assert_int_eq(pthread_create(&thread, NULL, ask_in_other_namespace, NULL), 0);
        ck_assert_int_eq(pthread_join(thread, &result), 0);
        ck_assert_ptr_eq(result, &snapshot);
        ck_assert_uint_eq(snapshot.n_sockets, 0);
        close(fd);
}
END_TEST

#ifdef AIU_TESTING
static int fail_at, calls, fail_with;

static int fail_one(enum sys_call which)
{
        (void)which;
        return ++calls == fail_at ? fail_with : 0;
}

/* Whichever call fails: an error, or PARTIAL, or all that is there. */
START_TEST(live_faults)
{
        static const int faults[] = { ENOMEM, EPERM, SYS_FAULT_SHORT, SYS_FAULT_EOF };
        int fd, before = dup(0), after;

        close(before);
        ip("link set lo up");
        fd = listen_on("127.0.0.1", 8080);
        fail_with = faults[_i];
        for (fail_at = 1;; fail_at++) {
                int r;

                calls = 0;
                sys_fault = fail_one;
                r = run();
                sys_fault = NULL;
                if (calls < fail_at)
                        break;
                ck_assert(r != AIU_COMPLETE || snapshot.n_sockets == 1);
        }
        ck_assert_int_gt(fail_at, 5);
        close(fd);
        after = dup(0);
        ck_assert_int_eq(before, after);
        close(after);
}
END_TEST
#endif

static void add_data(Suite *s)
{
        const TTest *const tests[] = {
                data_tcp,      data_minisocks, data_mapped, data_local_port_only, data_udp,      data_udplite,
                data_abstract, data_connected, data_path,   data_not_twice,       data_deadline, data_nowhere,
        };
        TCase *t = tcase_create("tables");

        tcase_add_checked_fixture(t, use_data, forget_snapshot);
        tcase_set_timeout(t, 30);
        for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
                tcase_add_test(t, tests[i]);
        suite_add_tcase(s, t);
}

static void add_live(Suite *s)
{
        TCase *t = tcase_create("live");

        if (!can_enter_namespaces() || !have_ip()) {
                puts("skipped: live tests, for want of namespaces of our own or of ip(8)");
                return;
        }
        tcase_add_checked_fixture(t, enter_namespaces, forget_snapshot);
        tcase_add_test(t, live_like_netlink);
        tcase_add_test(t, live_thread);
#ifdef AIU_TESTING
        tcase_add_loop_test(t, live_faults, 0, 4);
#endif
        suite_add_tcase(s, t);
}

int main(void)
{
        Suite *s = suite_create("proc-net");

        add_data(s);
        add_live(s);
        return run_suite(s);
}
