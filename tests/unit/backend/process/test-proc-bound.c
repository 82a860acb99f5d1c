/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Backend "proc-bound" on real sockets, as on a Linux before 6.8: a backend of the
 * test's own says that the kernel is that old, and leaves out of sock-diag's list what
 * such a kernel does not show. /proc is a directory of links to the processes that
 * matter, for not all of a machine's can be inspected.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "query/context.h"
#include "fixture/host-fixture.h"
#include "util/macro.h"
#include "fixture/run-suite.h"
#include "util/sys-fault.h"

/* ------------------------------------------------------ an old kernel */

static int old_host(void *userdata, const struct aiu_request *backend_request, struct aiu_snapshot *to)
{
        struct aiu_host_fact fact = {
                .size = sizeof(fact),
                .kernel_major = 6,
                .kernel_minor = 7,
                .address_local = AIU_TRISTATE_YES,
                .unprivileged_port_start = -1,
                .ipv6_enabled = AIU_TRISTATE_YES,
                .port_range_first = 32768,
                .port_range_last = 60999,
                .reserved_ports = "",
        };

        (void)userdata;
        (void)backend_request;
        return aiu_snapshot_add_host(to, &fact);
}

/* What sock-diag finds, less TCP_BOUND_INACTIVE. */
static int old_sockets(void *userdata, const struct aiu_request *backend_request, struct aiu_snapshot *to)
{
        struct aiu_socket_fact fact = { .size = sizeof(fact) };
        struct aiu_snapshot all;
        int r;

        (void)userdata;
        snapshot_init(&all);
        r = backend_sock_diag.sockets(NULL, backend_request, &all);
        for (size_t i = 0; aiu_snapshot_get_socket(&all, i, &fact); i++)
                if (fact.state != AIU_STATE_BOUND)
                        ck_assert_int_eq(aiu_snapshot_add_socket(to, &fact), 0);
        snapshot_finish(&all);
        return r;
}

/* ------------------------------------------------------ processes */

static pid_t children[4];
static size_t n_children;
static int proc = -1;

static int bind_here(const char *ip, uint16_t port)
{
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
        struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
        bool v4 = inet_pton(AF_INET, ip, &in.sin_addr) == 1;
        int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

        if (!v4)
                (void)inet_pton(AF_INET6, ip, &in6.sin6_addr);
        r = v4 ? bind(fd, (struct sockaddr *)&in, sizeof(in)) : bind(fd, (struct sockaddr *)&in6, sizeof(in6));
        if (r == 0)
                return fd;
        close(fd);
        return -1;
}

static void show(pid_t pid)
{
        char name[16], target[32];

        snprintf(name, sizeof(name), "%d", (int)pid);
        snprintf(target, sizeof(target), "/proc/%d", (int)pid);
        ck_assert_int_eq(symlinkat(target, proc, name), 0);
}

/* A process that has bound it; in a network namespace of its own if `elsewhere`. */
static pid_t bind_there(const char *ip, uint16_t port, bool elsewhere)
{
        int ready[2];
        pid_t pid;
        char byte;

        ck_assert_int_eq(pipe(ready), 0);
        pid = fork();
        if (pid == 0) {
                if ((elsewhere && unshare(CLONE_NEWNET) < 0) || bind_here(ip, port) < 0)
                        _exit(1);
                (void)!write(ready[1], "x", 1);
                pause();
                _exit(0);
        }
        close(ready[1]);
        ck_assert_int_eq(read(ready[0], &byte, 1), 1);
        close(ready[0]);
        children[n_children++] = pid;
        show(pid);
        return pid;
}

static void setup(void)
{
        char self[16];

        enter_namespaces();
        ip("link set lo up");
        enter_empty_directory();
        proc = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ck_assert_int_ge(proc, 0);
        show(getpid());
        snprintf(self, sizeof(self), "%d", (int)getpid());
        ck_assert_int_eq(symlinkat(self, proc, "self"), 0);
        ck_assert_int_eq(symlinkat("/proc/thread-self", proc, "thread-self"), 0);
        ck_assert_int_eq(symlinkat("/proc/sys", proc, "sys"), 0);
}

static void teardown(void)
{
        for (size_t i = 0; i < n_children; i++) {
                kill(children[i], SIGKILL);
                waitpid(children[i], NULL, 0);
        }
        forget_snapshot();
}

/* ------------------------------------------------------ questions */

static struct aiu_query *old_query(const char *ip, uint16_t port)
{
        static const char *const replaced[] = { "proc-sys", "sock-diag", "proc-net" };
        struct aiu_backend old = { .size = sizeof(old), .name = "old", .host = old_host, .sockets = old_sockets };
        struct aiu_context *context;
        struct aiu_query *query;

        ck_assert_int_eq(aiu_context_new(&context), 0);
        for (size_t i = 0; i < ELEMENTSOF(replaced); i++)
                ck_assert_int_eq(aiu_context_disable_backend(context, replaced[i]), 0);
        ck_assert_int_eq(aiu_context_add_backend(context, &old, NULL), 0);
        ck_assert_int_eq(aiu_context_set_flags(context, AIU_CONTEXT_ALL_SYSCALLS), 0);
        ck_assert_int_eq(aiu_context_set_deadline_usec(context, 0), 0);
        ck_assert_int_eq(aiu_context_set_procfs(context, proc), 0);
        ck_assert_int_eq(aiu_query_new(context, &query), 0);
        aiu_context_unref(context);
        ck_assert_int_eq(aiu_query_set_address_string(query, ip, port), 0);
        return query;
}

static struct aiu_report *ask_old(const char *ip, uint16_t port, int error)
{
        struct aiu_query *query = old_query(ip, port);
        struct aiu_report *report;

        ck_assert_int_eq(aiu_query_set_error(query, error), 0);
        ck_assert_int_eq(aiu_query_run(query, &report), 0);
        aiu_query_unref(query);
        return report;
}

static enum aiu_verdict verdict_of(const char *ip, uint16_t port)
{
        struct aiu_report *report = ask_old(ip, port, 0);
        enum aiu_verdict verdict = aiu_report_get_verdict(report);

        aiu_report_unref(report);
        return verdict;
}

/* ------------------------------------------------------ the tests */

START_TEST(free_is_said_when_all_was_seen)
{
        ck_assert_int_eq(verdict_of("127.0.0.1", 8080), AIU_VERDICT_AVAILABLE);
        /* One more process, which cannot be inspected. */
        ck_assert_int_eq(mkdirat(proc, "999999", 0700), 0);
        ck_assert_int_eq(symlinkat("/proc/1/fd", proc, "999999/fd"), 0);
        ck_assert_int_eq(verdict_of("127.0.0.1", 8080), AIU_VERDICT_UNKNOWN);
}
END_TEST

/* Found, but not certainly holding the port: unknown until bind() has failed. */
START_TEST(anothers_socket)
{
        struct aiu_report *report;
        const struct aiu_conflict *conflict;

        bind_there("127.0.0.1", 8080, false);
        ck_assert_int_lt(bind_here("127.0.0.1", 8080), 0);
        report = ask_old("127.0.0.1", 8080, 0);
        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_UNKNOWN);
        ck_assert_uint_eq(aiu_report_get_n_conflicts(report), 1);
        aiu_report_unref(report);

        report = ask_old("127.0.0.1", 8080, EADDRINUSE);
        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_IN_USE);
        ck_assert_uint_eq(aiu_report_get_n_conflicts(report), 1);
        conflict = aiu_report_get_conflict(report, 0);
        ck_assert_int_eq(aiu_conflict_is_blocking(conflict), AIU_TRISTATE_YES);
        ck_assert_int_eq(aiu_conflict_get_state(conflict), AIU_STATE_BOUND);
        ck_assert_int_eq(aiu_conflict_get_reuseaddr(conflict), AIU_TRISTATE_NO);
        ck_assert_uint_ne(aiu_conflict_get_inode(conflict), 0);
        ck_assert_uint_ne(aiu_conflict_get_cookie(conflict), 0);
        aiu_report_unref(report);
        ck_assert_int_eq(verdict_of("127.0.0.2", 8080), AIU_VERDICT_AVAILABLE);
        ck_assert_int_eq(verdict_of("127.0.0.1", 8081), AIU_VERDICT_AVAILABLE);
}
END_TEST

START_TEST(own_socket)
{
        int fd = bind_here("::1", 8080);

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(verdict_of("::1", 8080), AIU_VERDICT_UNKNOWN);
        ck_assert_int_eq(verdict_of("127.0.0.1", 8080), AIU_VERDICT_AVAILABLE);
        close(fd);
        ck_assert_int_eq(verdict_of("::1", 8080), AIU_VERDICT_AVAILABLE);
}
END_TEST

START_TEST(other_namespaces_do_not_count)
{
        bind_there("0.0.0.0", 8080, true);
        ck_assert_int_eq(verdict_of("127.0.0.1", 8080), AIU_VERDICT_AVAILABLE);
}
END_TEST

/* What the kernel does list is not reported a second time. */
START_TEST(listed_once)
{
        int fd = bind_here("127.0.0.1", 8080);
        struct aiu_report *report;

        ck_assert_int_eq(listen(fd, 1), 0);
        report = ask_old("127.0.0.1", 8080, 0);
        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_IN_USE);
        ck_assert_uint_eq(aiu_report_get_n_conflicts(report), 1);
        aiu_report_unref(report);
        close(fd);
}
END_TEST

/* A bound socket of the caller's that no table lists has not lost its port for that. */
START_TEST(own_port_is_not_called_lost)
{
        int fd = bind_here("127.0.0.1", 8080);
        struct aiu_query *query = old_query("127.0.0.1", 8080);
        struct sockaddr_in in;
        struct aiu_report *report;

        ck_assert_int_eq(aiu_query_set_fd(query, fd), 0);
        ck_assert_int_eq(aiu_query_set_call(query, AIU_CALL_LISTEN), 0);
        ck_assert_int_eq(aiu_query_set_error(query, EADDRINUSE), 0);
        ck_assert_int_eq(aiu_query_run(query, &report), 0);
        memcpy(&in, aiu_report_get_address(report, NULL), sizeof(in));
        ck_assert_uint_eq(ntohs(in.sin_port), 8080);
        ck_assert_int_eq(aiu_report_get_call(report), AIU_CALL_LISTEN);
        ck_assert_uint_eq(aiu_report_get_n_conflicts(report), 1);
        ck_assert_int_eq(aiu_conflict_get_reason(aiu_report_get_conflict(report, 0)), AIU_REASON_OBSERVED);
        aiu_report_unref(report);
        aiu_query_unref(query);
        close(fd);
}
END_TEST

START_TEST(port_0)
{
        int fd = bind_here("127.0.0.1", 40000);

        ck_assert_int_eq(verdict_of("127.0.0.1", 0), AIU_VERDICT_AVAILABLE);
        close(fd);
}
END_TEST

static int calls, fail_at;

static int fail_one(enum sys_call which)
{
        return which != SYS_CALL_CLOSE && which != SYS_CALL_CLOCK && ++calls == fail_at ? EPERM : 0;
}

static int count_fds(void)
{
        int n = 0;

        for (int fd = 0; fd < 256; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

/* Whatever call fails, nothing is left open, and a port that is taken is never called free. */
START_TEST(faults)
{
        struct aiu_query *query;
        int before;

        bind_there("127.0.0.1", 8080, false);
        query = old_query("127.0.0.1", 8080);
        before = count_fds();
        for (fail_at = 1; fail_at <= 150; fail_at++) {
                struct aiu_report *report;

                calls = 0;
                sys_fault = fail_one;
                ck_assert_int_eq(aiu_query_run(query, &report), 0);
                sys_fault = NULL;
                ck_assert_msg(aiu_report_get_verdict(report) != AIU_VERDICT_AVAILABLE, "call %d", fail_at);
                ck_assert_int_eq(count_fds(), before);
                aiu_report_unref(report);
        }
        aiu_query_unref(query);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("proc-bound");
        TCase *tcase = tcase_create("live");

        if (!can_enter_namespaces() || !have_ip()) {
                puts("skipped: may not make namespaces, or there is no ip(8)");
                return 77;
        }
        tcase_set_timeout(tcase, 60); /* a busy machine: the scan looks at every process */
        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, free_is_said_when_all_was_seen);
        tcase_add_test(tcase, anothers_socket);
        tcase_add_test(tcase, own_socket);
        tcase_add_test(tcase, other_namespaces_do_not_count);
        tcase_add_test(tcase, listed_once);
        tcase_add_test(tcase, own_port_is_not_called_lost);
        tcase_add_test(tcase, port_0);
        tcase_add_test(tcase, faults);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
