/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The library inside a daemon that is not free: under a seccomp filter without
 * AF_NETLINK, with no descriptor left, without /proc, with a backend of its own.
 * Each test is a process and a network namespace of its own.
 */
#include <check.h>
#include <errno.h>
#include <limits.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "addrinuse-backend.h"
#include "fixture/host-fixture.h"
#include "fixture/run-suite.h"

static struct sockaddr_in address;
static int listener;

static void setup(void)
{
        socklen_t bytes = sizeof(address);

        enter_namespaces();
        ip("link set lo up");
        address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        listener = socket(AF_INET, SOCK_STREAM, 0);
        ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
        ck_assert_int_eq(listen(listener, 1), 0);
        ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &bytes), 0);
}

static struct aiu_report *probe_port(void)
{
        struct aiu_report *report;

        errno = ENOTTY;
        report = aiu_probe("127.0.0.1", ntohs(address.sin_port));
        ck_assert_ptr_nonnull(report);
        ck_assert_int_eq(errno, ENOTTY);
        return report;
}

static bool has_gap(const struct aiu_report *report, const char *backend)
{
        for (size_t i = 0; i < aiu_report_get_n_gaps(report); i++) {
                const char *name = aiu_gap_get_backend(aiu_report_get_gap(report, i));

                if (name && strcmp(name, backend) == 0)
                        return true;
        }
        return false;
}

/* Where time_t has 32 bits in the kernel's older calls, glibc's own stat() is statx(). */
#if ULONG_MAX > UINT32_MAX
#define FORBIDDEN_STAT SYS_statx
#else
#define FORBIDDEN_STAT SYS_setns
#endif

/*
 * What RestrictAddressFamilies= does with AF_NETLINK, and a killed process for
 * the calls that a filter written for a network daemon does not expect.
 */
static void restrict_calls(void)
{
        enum { NR = offsetof(struct seccomp_data, nr), ARGUMENT = offsetof(struct seccomp_data, args[0]) };
        struct sock_filter filter[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NR),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_open, 8, 0),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_getfd, 7, 0),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FORBIDDEN_STAT, 6, 0),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setns, 5, 0),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 4, 0),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 2),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARGUMENT),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 2, 0),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
        };
        struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };

        ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

/* On i386 glibc's socket() is socketcall(2), whose arguments no filter sees: systemd.exec(5). */
static bool netlink_is_closed(void)
{
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);

        if (fd >= 0)
                close(fd);
        return fd < 0;
}

START_TEST(no_netlink_and_few_calls)
{
        struct aiu_report *report;
        const struct aiu_conflict *c;
        const struct aiu_holder *h;

        restrict_calls();
        report = probe_port();
        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_IN_USE);
        c = aiu_report_get_conflict(report, 0);
        ck_assert_int_eq(aiu_conflict_get_state(c), AIU_STATE_LISTEN);
        h = aiu_conflict_get_holder(c, 0);
        ck_assert_int_eq(aiu_holder_get_kind(h), AIU_HOLDER_SELF);
        ck_assert_int_eq(aiu_holder_get_pid(h), getpid());
        ck_assert_int_eq(has_gap(report, "sock-diag"), netlink_is_closed());
        ck_assert_int_eq(has_gap(report, "proc-net"), netlink_is_closed());
        aiu_report_unref(report);
        if (!netlink_is_closed())
                return;
        /* What /proc/net cannot show may be in the way: "available" would be a guess. */
        close(listener);
        report = probe_port();
        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_UNKNOWN);
        ck_assert_uint_gt(aiu_report_get_n_gaps(report), 0);
        aiu_report_unref(report);
}
END_TEST

START_TEST(no_descriptor_left)
{
        const struct rlimit none = { 3, 3 };
        struct aiu_report *report;

        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
        report = probe_port();
        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_UNKNOWN);
        ck_assert_uint_gt(aiu_report_get_n_gaps(report), 0);
        aiu_report_unref(report);
}
END_TEST

START_TEST(no_proc)
{
        struct aiu_context *context;
        struct aiu_query *query;
        struct aiu_report *report;
        const struct aiu_holder *h;

        ck_assert_int_eq(aiu_context_new(&context), 0);
        ck_assert_int_eq(aiu_context_set_procfs(context, -1), 0);
        ck_assert_int_eq(aiu_query_new(context, &query), 0);
        ck_assert_int_eq(aiu_query_set_address(query, (struct sockaddr *)&address, sizeof(address)), 0);
        ck_assert_int_eq(aiu_query_run(query, &report), 0);
        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_IN_USE);
        h = aiu_conflict_get_holder(aiu_report_get_conflict(report, 0), 0);
        ck_assert_int_eq(aiu_holder_get_kind(h), AIU_HOLDER_HIDDEN);
        ck_assert(has_gap(report, "proc-fd"));
        aiu_report_unref(report);
        aiu_query_unref(query);
        aiu_context_unref(context);
}
END_TEST

START_TEST(nothing_left_behind)
{
        int before = open("/dev/null", O_RDONLY), after;

        for (int i = 0; i < 50; i++)
                aiu_report_unref(probe_port());
        after = open("/dev/null", O_RDONLY);
        ck_assert_int_eq(after, before + 1); /* the lowest free number is the next one */
}
END_TEST

START_TEST(other_namespace)
{
        int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        char before[64] = "", now[64] = "";
        struct aiu_query *query;
        struct aiu_report *report;

        ck_assert_int_ge(home, 0);
        ip("link add away0 type veth peer name away1");
        if (unshare(CLONE_NEWNET) < 0) {
                puts("not allowed to make a second network namespace");
                return;
        }
        ck_assert_int_gt(readlink("/proc/thread-self/ns/net", before, sizeof(before) - 1), 0);
        ck_assert_int_eq(aiu_query_new(NULL, &query), 0);
        ck_assert_int_eq(aiu_query_set_netns(query, home), 0);
        close(home);
        ck_assert_int_eq(aiu_query_set_address(query, (struct sockaddr *)&address, sizeof(address)), 0);
        /* Names of interfaces are those of the namespace asked about. */
        ck_assert_int_eq(aiu_query_set_device(query, "nosuch"), -ENODEV);
        ck_assert_int_eq(aiu_query_set_device(query, "away0"), 0);
        ck_assert_int_eq(aiu_query_run(query, &report), 0);
        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_IN_USE);
        aiu_report_unref(report);
        aiu_query_unref(query);
        ck_assert_int_gt(readlink("/proc/thread-self/ns/net", now, sizeof(now) - 1), 0);
        ck_assert_str_eq(before, now);
        /* The listener's own descriptor tells where it lives. */
        report = aiu_explain_listen(listener, 0);
        ck_assert_ptr_nonnull(report);
        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_AVAILABLE);
        aiu_report_unref(report);
}
END_TEST

/* ------------------------------------------------------ a backend of our own */

static int invented(void *userdata, const struct aiu_request *backend_request, struct aiu_snapshot *to)
{
        struct aiu_socket_fact fact = {
                .size = sizeof(fact),
                .type = SOCK_STREAM,
                .protocol = IPPROTO_TCP,
                .state = AIU_STATE_BOUND,
                .local = backend_request->address,
                .local_len = backend_request->address_len,
                .uid = (uid_t)-1,
                .reuseaddr = AIU_TRISTATE_YES,
                .reuseport = AIU_TRISTATE_NO,
        };

        *(int *)userdata += backend_request->port == 9999; /* the ports beside it are looked at as well */
        ck_assert_int_eq(aiu_snapshot_add_socket(to, &fact), 0);
        return AIU_COMPLETE;
}

START_TEST(own_backend)
{
        const struct aiu_backend backend = { .size = sizeof(backend), .name = "invented", .sockets = invented };
        struct aiu_context *context;
        struct aiu_query *query;
        struct aiu_report *report;
        int calls = 0;

        ck_assert_int_eq(aiu_context_new(&context), 0);
        ck_assert_int_eq(aiu_context_add_backend(context, &backend, &calls), 0);
        ck_assert_int_eq(aiu_query_new(context, &query), 0);
        ck_assert_int_eq(aiu_query_set_address_string(query, "127.0.0.1", 9999), 0);
        ck_assert_int_eq(aiu_query_run(query, &report), 0);
        ck_assert_int_eq(calls, 1);
        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_IN_USE);
        ck_assert_int_eq(aiu_report_would_succeed_with(report, AIU_OPTION_REUSEADDR), AIU_TRISTATE_YES);
        aiu_report_unref(report);
        ck_assert_int_eq(aiu_context_disable_backend(context, "invented"), 0);
        ck_assert_int_eq(aiu_query_run(query, &report), 0);
        ck_assert_int_eq(calls, 1);
        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_AVAILABLE);
        aiu_report_unref(report);
        aiu_query_unref(query);
        aiu_context_unref(context);
}
END_TEST

/* A listener that was there when the call failed. */
static int observed(void *userdata, const struct aiu_request *backend_request, struct aiu_snapshot *to)
{
        struct aiu_socket_fact fact = {
                .size = sizeof(fact),
                .type = SOCK_STREAM,
                .protocol = IPPROTO_TCP,
                .state = AIU_STATE_LISTEN,
                .local = backend_request->address,
                .local_len = backend_request->address_len,
                .inode = 77,
                .uid = 33,
                .flags = AIU_SOCKET_OBSERVED_ONLY,
        };

        (void)userdata;
        ck_assert_int_eq(aiu_snapshot_add_socket(to, &fact), 0);
        return AIU_PARTIAL;
}

START_TEST(gone_since)
{
        const struct aiu_backend backend = { .size = sizeof(backend), .name = "observed", .sockets = observed };
        struct aiu_context *context;
        struct aiu_query *query;
        struct aiu_report *report;
        const struct aiu_conflict *c;

        ck_assert_int_eq(aiu_context_new(&context), 0);
        ck_assert_int_eq(aiu_context_add_backend(context, &backend, NULL), 0);
        ck_assert_int_eq(aiu_query_new(context, &query), 0);
        ck_assert_int_eq(aiu_query_set_address_string(query, "127.0.0.1", 9999), 0);
        ck_assert_int_eq(aiu_query_set_error(query, EADDRINUSE), 0);
        ck_assert_int_eq(aiu_query_run(query, &report), 0);
        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_IN_USE);
        c = aiu_report_get_conflict(report, 0);
        ck_assert_int_eq(aiu_conflict_is_observed_only(c), 1);
        /* No process hides. */
        ck_assert_int_eq(aiu_holder_get_kind(aiu_conflict_get_holder(c, 0)), AIU_HOLDER_UNKNOWN);
        ck_assert_ptr_nonnull(strstr(aiu_report_get_summary(report), "a process of uid 33 listened"));
        aiu_report_unref(report);
        aiu_query_unref(query);
        aiu_context_unref(context);
}
END_TEST

int main(void)
{
        Suite *suite;
        TCase *tcase;

        if (!can_enter_namespaces() || !have_ip()) {
                puts("skipped: may not make namespaces, or there is no ip(8)");
                return 77;
        }
        suite = suite_create("embedded");
        tcase = tcase_create("all");
        tcase_add_checked_fixture(tcase, setup, NULL);
        tcase_add_test(tcase, no_netlink_and_few_calls);
        tcase_add_test(tcase, no_descriptor_left);
        tcase_add_test(tcase, no_proc);
        tcase_add_test(tcase, nothing_left_behind);
        tcase_add_test(tcase, other_namespace);
        tcase_add_test(tcase, own_backend);
        tcase_add_test(tcase, gone_since);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
