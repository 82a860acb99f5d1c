/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The options phase, lib/backend/process/options.c: of the caller's own sockets, of other
 * processes', and where they may not be asked. */
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/backends.h"
#include "fixture/proc-fixture.h"
#include "util/sys-fault.h"

static void add_socket_fact(int family, uint64_t inode)
{
        struct sockaddr_in6 address = { .sin6_family = (sa_family_t)family };
        struct aiu_socket_fact fact = {
                .size = sizeof(fact),
                .type = SOCK_STREAM,
                .protocol = IPPROTO_TCP,
                .local = (struct sockaddr *)&address,
                .local_len = sizeof(address),
                .inode = inode,
        };

        ck_assert_int_eq(aiu_snapshot_add_socket(&snapshot, &fact), 0);
}

static int socket_with(int family, int reuseaddr, int reuseport, int v6only)
{
        int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

        ck_assert_int_ge(fd, 0);
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuseaddr, sizeof(int));
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &reuseport, sizeof(int));
        if (family == AF_INET6)
                setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof(int));
        add_socket_fact(family, inode_of(fd));
        want(inode_of(fd));
        return fd;
}

START_TEST(options_own)
{
        int fd = socket_with(AF_INET6, 1, 0, 1);

        request.plain_calls_only = 1;
        ck_assert_int_eq(look(), AIU_COMPLETE);
        ck_assert_int_eq(backend_options.options(NULL, &request, &snapshot), AIU_COMPLETE);
        ck_assert_int_eq(snapshot.sockets[0].reuseaddr, YES);
        ck_assert_int_eq(snapshot.sockets[0].reuseport, NO);
        ck_assert_int_eq(snapshot.sockets[0].v6only, YES);
        ck_assert_uint_eq(snapshot.n_gaps, 0);
        close(fd);
}
END_TEST

START_TEST(options_of_other)
{
        int fd = socket_with(AF_INET, 0, 1, 0);
        pid_t pid = start_child(NULL, NULL);

        close(fd);
        ck_assert_int_eq(look(), AIU_COMPLETE);
        ck_assert_int_eq(backend_options.options(NULL, &request, &snapshot), AIU_COMPLETE);
        ck_assert_int_eq(snapshot.sockets[0].reuseaddr, NO);
        ck_assert_int_eq(snapshot.sockets[0].reuseport, YES);
        ck_assert_int_eq(snapshot.sockets[0].v6only, UNKNOWN);
        ck_assert_uint_eq(snapshot.n_gaps, 0);
        stop_child(pid);
}
END_TEST

static void look_options_denied(void)
{
        EXPECT(1, backend_options.options(NULL, &request, &snapshot) == AIU_PARTIAL);
        EXPECT(2, have_gap(AIU_GAP_PERMISSION, "of 1 socket of other processes"));
}

START_TEST(options_refused)
{
        int fd = socket_with(AF_INET, 1, 1, 0);
        pid_t pid = start_child(NULL, NULL);

        close(fd);
        ck_assert_int_eq(look(), AIU_COMPLETE);
        request.plain_calls_only = 1;
        ck_assert_int_eq(backend_options.options(NULL, &request, &snapshot), AIU_PARTIAL);
        ck_assert(have_gap(AIU_GAP_BACKEND, "AIU_CONTEXT_ALL_SYSCALLS"));
        request.plain_calls_only = 0;
        request.deadline_nsec = 1;
        ck_assert_int_eq(backend_options.options(NULL, &request, &snapshot), -ETIME);
        ck_assert(have_gap(AIU_GAP_DEADLINE, "deadline"));
        request.deadline_nsec = 0;
        ck_assert_int_eq(snapshot.sockets[0].reuseaddr, UNKNOWN);
        as_other_user(look_options_denied);
        stop_child(pid);
}
END_TEST

/* What the caller has itself takes no time, and is read although none is left. */
START_TEST(options_own_first)
{
        int other = socket_with(AF_INET, 1, 1, 0), own;
        uint64_t inodes[2] = { inode_of(other) };
        pid_t pid = start_child(NULL, NULL);

        close(other);
        own = socket_with(AF_INET, 1, 0, 0);
        inodes[1] = inode_of(own);
        ck_assert_int_eq(snapshot_want_inodes(&snapshot, inodes, 2), 0);
        ck_assert_int_eq(look(), AIU_COMPLETE);
        request.deadline_nsec = 1;
        ck_assert_int_eq(backend_options.options(NULL, &request, &snapshot), -ETIME);
        ck_assert_int_eq(snapshot.sockets[0].reuseaddr, UNKNOWN);
        ck_assert_int_eq(snapshot.sockets[1].reuseaddr, YES);
        ck_assert_int_eq(snapshot.sockets[1].reuseport, NO);
        ck_assert(have_gap(AIU_GAP_DEADLINE, "of 1 socket of other processes"));
        request.deadline_nsec = 0;
        stop_child(pid);
        close(own);
}
END_TEST

/* The descriptor has become something else since the holder was seen. */
START_TEST(options_stale_descriptor)
{
        int fd = socket_with(AF_INET, 1, 1, 0);
        int other = tcp_socket();
        pid_t pid = start_child(NULL, NULL);

        ck_assert_int_eq(aiu_snapshot_add_holder(&snapshot, inode_of(fd), getpid(), other), 0);
        ck_assert_int_eq(aiu_snapshot_add_holder(&snapshot, inode_of(fd), pid, other), 0);
        ck_assert_int_eq(backend_options.options(NULL, &request, &snapshot), AIU_PARTIAL);
        ck_assert_int_eq(snapshot.sockets[0].reuseaddr, UNKNOWN);
        ck_assert(have_gap(AIU_GAP_RACE, "closed meanwhile"));
        stop_child(pid);
        close(fd);
        close(other);
}
END_TEST

#ifdef AIU_TESTING
static int no_pidfd(enum sys_call which)
{
        return which == SYS_CALL_PIDFD_GETFD ? ENOSYS : 0;
}

START_TEST(options_old_kernel)
{
        int fd = socket_with(AF_INET, 1, 1, 0);
        pid_t pid = start_child(NULL, NULL);

        close(fd);
        ck_assert_int_eq(look(), AIU_COMPLETE);
        sys_fault = no_pidfd;
        ck_assert_int_eq(backend_options.options(NULL, &request, &snapshot), AIU_PARTIAL);
        sys_fault = NULL;
        ck_assert(have_gap(AIU_GAP_KERNEL_TOO_OLD, "5.6"));
        stop_child(pid);
}
END_TEST
#endif

static Suite *make_suite(void)
{
        Suite *suite = suite_create("options");
        TCase *tests = tcase_create("options");

        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_test(tests, options_own);
        tcase_add_test(tests, options_of_other);
        tcase_add_test(tests, options_refused);
        tcase_add_test(tests, options_own_first);
        tcase_add_test(tests, options_stale_descriptor);
#ifdef AIU_TESTING
        tcase_add_test(tests, options_old_kernel);
#endif
        suite_add_tcase(suite, tests);
        return suite;
}

int main(void)
{
        run_in_namespaces(make_suite);
}
