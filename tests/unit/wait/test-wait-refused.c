/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A wait where something is refused: each system call fails once, each allocation fails once, a seccomp filter is active.
 * A source that is missing costs time: the wait still ends, and leaves nothing behind.
 */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <addrinuse.h>

#include "fixture/host-fixture.h"
#include "fixture/run-suite.h"
#include "fixture/scarce-memory.h"
#include "util/macro.h"
#include "util/sys-fault.h"
#include "util/sys.h"

static struct aiu_query *query;

/* What is waited for: a TCP address that is not here, a path that is taken, an abstract name that a child has. */
enum scene { AN_ADDRESS, A_PATH, A_NAME, N_SCENES };

static pid_t child;

static void setup(void)
{
        enter_namespaces();
        ip("link set lo up");
        enter_empty_directory();
        ck_assert_int_eq(aiu_query_new(NULL, &query), 0);
}

static void teardown(void)
{
        aiu_query_unref(query);
        forget_snapshot();
}

static void ask_for_path(const char *path, bool abstract)
{
        struct sockaddr_un un = { .sun_family = AF_UNIX };
        socklen_t bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);

        memcpy(un.sun_path + abstract, path, strlen(path));
        ck_assert_int_eq(aiu_query_set_address(query, (struct sockaddr *)&un, bytes), 0);
        if (!abstract)
                return;
        child = fork();
        if (child == 0) {
                int fd = socket(AF_UNIX, SOCK_STREAM, 0);

                if (bind(fd, (struct sockaddr *)&un, bytes) < 0)
                        _exit(1);
                (void)raise(SIGSTOP);
                (void)pause();
        }
        ck_assert_int_eq(waitpid(child, NULL, WUNTRACED), child);
}

static void occupy(enum scene scene)
{
        if (scene == AN_ADDRESS)
                ck_assert_int_eq(aiu_query_set_address_string(query, "10.9.8.7", 8099), 0);
        if (scene == A_PATH) {
                make_file("x.sock", "");
                ask_for_path("x.sock", false);
        }
        if (scene == A_NAME)
                ask_for_path("wait", true);
}

static void release(enum scene scene)
{
        if (scene == AN_ADDRESS)
                ip("addr add 10.9.8.7/32 dev lo");
        if (scene == A_PATH)
                ck_assert_int_eq(unlink("x.sock"), 0);
        if (scene == A_NAME) {
                ck_assert_int_eq(kill(child, SIGKILL), 0);
                ck_assert_int_eq(waitpid(child, NULL, 0), child);
        }
}

/* ------------------------------------------------------ system calls */

static unsigned int n_calls, fail_at;
static int fail_with;

static int fail_once(enum sys_call which)
{
        if (which == SYS_CALL_CLOSE || which == SYS_CALL_CLOCK)
                return 0;
        return ++n_calls == fail_at ? fail_with : 0;
}

static int count_descriptors(void)
{
        int n = 0;

        for (int fd = 0; fd < 200; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

/* A few turns while it is in use. Of the calls of the wait itself none is an error. */
static void turn(unsigned int at, int error)
{
        struct aiu_wait *wait = NULL;
        struct aiu_report *report = NULL;
        int r, before = count_descriptors();

        n_calls = 0;
        fail_at = at;
        fail_with = error;
        sys_fault = fail_once;
        r = aiu_wait_new(query, &wait);
        for (int i = 0; i < 3 && r == 0; i++)
                r = aiu_wait_process(wait);
        sys_fault = NULL;
        ck_assert_msg(r == 0 || r == 1 || r == -EDEADLK, "call %u: %d", at, r);
        aiu_wait_unref(wait);
        ck_assert_int_eq(count_descriptors(), before);

        n_calls = 0;
        sys_fault = fail_once;
        r = aiu_query_wait(query, 5000, &report);
        sys_fault = NULL;
        ck_assert_msg(r == 1 || r == 0 || (r == -error && !report), "call %u: %d", at, r);
        aiu_report_unref(report);
        ck_assert_int_eq(count_descriptors(), before);
}

START_TEST(each_call_fails_once)
{
        unsigned int n;

        occupy((enum scene)_i);
        turn(0, 0);
        n = n_calls;
        ck_assert_uint_gt(n, 20);
        /* Where every process is looked at, some of the calls. */
        for (unsigned int at = 1; at <= n; at += 1 + n / 25)
                turn(at, at % 2 ? EIO : EPERM);
        release((enum scene)_i);
}
END_TEST

static enum sys_call refused;

static int refuse(enum sys_call which)
{
        return which == refused ? EPERM : 0;
}

/* Whatever is refused for good: the wait goes by the clock. */
START_TEST(a_source_is_refused)
{
        static const enum sys_call calls[] = { SYS_CALL_EPOLL_CREATE, SYS_CALL_EPOLL_CTL,         SYS_CALL_INOTIFY_INIT,
                                               SYS_CALL_PIDFD_OPEN,   SYS_CALL_INOTIFY_ADD_WATCH, SYS_CALL_SOCKET };
        enum scene scene = (enum scene)(_i / (int)ELEMENTSOF(calls));
        struct aiu_wait *wait = NULL;
        struct aiu_report *report = NULL;

        occupy(scene);
        refused = calls[_i % (int)ELEMENTSOF(calls)];
        sys_fault = refuse;
        ck_assert_int_eq(aiu_wait_new(query, &wait), 0);
        /* Who may open no socket at all cannot tell what is free. */
        if (refused != SYS_CALL_SOCKET || scene == A_PATH) {
                int result;

                ck_assert_int_eq(aiu_wait_process(wait), 0);
                release(scene);
                while ((result = aiu_wait_process(wait)) == 0)
                        ck_assert_int_ge(poll(NULL, 0, 10), 0);
                ck_assert_int_eq(result, 1);
        } else {
                ck_assert_int_eq(aiu_query_wait(query, 1000, &report), 1);
                release(scene);
        }
        sys_fault = NULL;
        aiu_report_unref(report);
        aiu_wait_unref(wait);
}
END_TEST

/* Events are an invitation to look, also those that were lost. */
static bool lose_events;

static int overrun(enum sys_call which)
{
        return lose_events && which == SYS_CALL_RECVMSG ? ENOBUFS : 0;
}

START_TEST(lost_events)
{
        struct aiu_wait *wait = NULL;

        occupy(AN_ADDRESS);
        ck_assert_int_eq(aiu_wait_new(query, &wait), 0);
        release(AN_ADDRESS);
        lose_events = true;
        sys_fault = overrun;
        for (int i = 0; i < 2 && aiu_wait_process(wait) == 0; i++)
                ck_assert_int_ge(poll(NULL, 0, 60), 0);
        sys_fault = NULL;
        while (aiu_wait_process(wait) == 0)
                ck_assert_int_ge(poll(NULL, 0, 10), 0);
        aiu_wait_unref(wait);
}
END_TEST

/* ------------------------------------------------------ memory */

START_TEST(each_allocation_fails_once)
{
        bool some = true;

        occupy((enum scene)_i);
        for (unsigned int at = 1; some; at++) {
                struct aiu_report *report = NULL;
                int r, before = count_descriptors();

                scarce_memory_begin(at, at % 2 == 0);
                r = aiu_query_wait(query, 0, &report);
                some = scarce_memory_end();
                ck_assert_msg(r == 1 || (some && (r == -ENOMEM || r == 0)), "allocation %u: %d", at, r);
                ck_assert(r < 0 ? !report : report != NULL);
                aiu_report_unref(report);
                ck_assert_int_eq(count_descriptors(), before);
        }
        release((enum scene)_i);
}
END_TEST

/* A look that fails is not the end: the next one may succeed. */
START_TEST(memory_comes_back)
{
        struct aiu_wait *wait = NULL;
        uint64_t until;
        int r;

        occupy(A_PATH);
        ck_assert_int_eq(aiu_wait_new(query, &wait), 0);
        release(A_PATH);
        scarce_memory_begin(1, true);
        while ((r = aiu_wait_process(wait)) == 0)
                (void)poll(NULL, 0, 10); /* libcheck needs memory for an assertion */
        (void)scarce_memory_end();
        ck_assert_int_eq(r, -ENOMEM);
        ck_assert_int_eq(aiu_wait_get_timeout_usec(wait, &until), 0);
        ck_assert_uint_lt(until, UINT64_MAX);
        while ((r = aiu_wait_process(wait)) == 0)
                ck_assert_int_ge(poll(NULL, 0, 10), 0);
        ck_assert_int_eq(r, 1);
        aiu_wait_unref(wait);
}
END_TEST

/* ------------------------------------------------------ a filter */

/* Any filter, also one that allows everything: what it does to a call nobody can see. */
static void filter(void)
{
        struct sock_filter allow[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
        struct sock_fprog program = { .len = 1, .filter = allow };

        ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static int forbid(enum sys_call which)
{
        switch (which) {
        case SYS_CALL_EPOLL_CREATE:
        case SYS_CALL_EPOLL_CTL:
        case SYS_CALL_INOTIFY_INIT:
        case SYS_CALL_INOTIFY_ADD_WATCH:
        case SYS_CALL_PIDFD_OPEN:
        case SYS_CALL_SETNS:
                ck_abort_msg("call %d under a filter", (int)which);
        default:
                return 0;
        }
}

START_TEST(under_a_filter)
{
        struct aiu_wait *wait = NULL;
        int r, before;

        occupy((enum scene)_i);
        filter();
        before = count_descriptors();
        sys_fault = forbid;
        ck_assert_int_eq(aiu_wait_new(query, &wait), 0);
        ck_assert_int_ge(aiu_wait_get_fd(wait), 0);
        ck_assert_int_eq(aiu_wait_process(wait), 0);
        ck_assert_int_eq(aiu_wait_get_basis(wait), AIU_WAIT_POLL);
        release((enum scene)_i);
        while ((r = aiu_wait_process(wait)) == 0)
                ck_assert_int_ge(poll(NULL, 0, 10), 0);
        sys_fault = NULL;
        ck_assert_int_eq(r, 1);
        aiu_wait_unref(wait);
        ck_assert_int_eq(count_descriptors(), before);
}
END_TEST

/* A namespace that is not the caller's cannot be listened to then. */
START_TEST(another_namespace_under_a_filter)
{
        struct aiu_wait *wait = NULL;
        int there = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

        occupy(AN_ADDRESS);
        ck_assert_int_eq(aiu_query_set_netns(query, there), 0);
        close(there);
        filter();
        sys_fault = forbid;
        ck_assert_int_eq(aiu_wait_new(query, &wait), 0);
        ck_assert_int_eq(aiu_wait_get_basis(wait), AIU_WAIT_POLL);
        sys_fault = NULL;
        aiu_wait_unref(wait);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("wait-refused");
        TCase *tcase = tcase_create("wait-refused");

        if (!can_enter_namespaces() || !have_ip()) {
                puts("skipped: no namespaces, or no ip(8)");
                return 77;
        }
        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_loop_test(tcase, each_call_fails_once, 0, N_SCENES);
        tcase_add_loop_test(tcase, a_source_is_refused, 0, 6 * N_SCENES);
        tcase_add_test(tcase, lost_events);
        tcase_add_loop_test(tcase, each_allocation_fails_once, 0, N_SCENES);
        tcase_add_test(tcase, memory_comes_back);
        tcase_add_loop_test(tcase, under_a_filter, 0, N_SCENES);
        tcase_add_test(tcase, another_namespace_under_a_filter);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
