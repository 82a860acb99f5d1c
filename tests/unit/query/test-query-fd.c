/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whose network namespace is the socket of? Answered as by kernels that know no
 * SO_NETNS_COOKIE (before 5.14), to callers that may see a namespace and others.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <addrinuse.h>

#include "fixture/host-fixture.h"
#include "fixture/run-suite.h"
#include "util/sys-fault.h"

static struct sockaddr_in held_at;
static int listener, theirs, ours;

/* Of the calls since the start of a test: how many, and from which on they fail. */
static unsigned int n_getsockopt, n_ioctl, cookie_at;
static bool refuse_its, refuse_own, no_probe;

static int old_kernel(enum sys_call which)
{
        switch (which) {
        case SYS_CALL_SOCKET:
                return no_probe ? EMFILE : 0;
        case SYS_CALL_GETSOCKOPT:
                return ++n_getsockopt == cookie_at ? ENOPROTOOPT : 0;
        case SYS_CALL_IOCTL:
                n_ioctl++;
                return (n_ioctl == 1 && refuse_its) || (n_ioctl == 2 && refuse_own) ? EPERM : 0;
        default:
                return 0;
        }
}

/* A listener in another namespace, a second socket beside it, and one at home. */
static void setup(void)
{
        socklen_t bytes = sizeof(held_at);
        int home;

        enter_namespaces();
        ip("link set lo up");
        home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        ck_assert_int_ge(home, 0);
        ours = socket(AF_INET, SOCK_STREAM, 0);
        ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
        ip("link set lo up");
        held_at = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        listener = socket(AF_INET, SOCK_STREAM, 0);
        theirs = socket(AF_INET, SOCK_STREAM, 0);
        ck_assert_int_eq(bind(listener, (struct sockaddr *)&held_at, sizeof(held_at)), 0);
        ck_assert_int_eq(listen(listener, 1), 0);
        ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&held_at, &bytes), 0);
        ck_assert_int_eq(setns(home, CLONE_NEWNET), 0);
        close(home);
        refuse_its = refuse_own = no_probe = false;
}

/* The cookie of the fd is the last option but one that is read, or the last where it is refused. */
static unsigned int count_options(void)
{
        struct aiu_query *query;

        n_getsockopt = cookie_at = 0;
        sys_fault = old_kernel;
        ck_assert_int_eq(aiu_query_new(NULL, &query), 0);
        ck_assert_int_eq(aiu_query_set_fd(query, ours), 0);
        aiu_query_unref(query);
        sys_fault = NULL;
        return n_getsockopt;
}

static struct aiu_report *ask_about(int fd)
{
        struct aiu_query *query;
        struct aiu_report *report;

        cookie_at = count_options() - 1;
        n_getsockopt = n_ioctl = 0;
        ck_assert_int_eq(aiu_query_new(NULL, &query), 0);
        sys_fault = old_kernel;
        ck_assert_int_eq(aiu_query_set_fd(query, fd), 0);
        sys_fault = NULL;
        ck_assert_int_eq(aiu_query_set_address(query, (struct sockaddr *)&held_at, sizeof(held_at)), 0);
        ck_assert_int_eq(aiu_query_run(query, &report), 0);
        aiu_query_unref(query);
        return report;
}

static unsigned int count_gaps(const struct aiu_report *report)
{
        unsigned int n = 0;

        for (size_t i = 0; i < aiu_report_get_n_gaps(report); i++)
                n += aiu_gap_get_kind(aiu_report_get_gap(report, i)) == AIU_GAP_NAMESPACE;
        return n;
}

static void gives(int fd, enum aiu_verdict verdict, unsigned int n_gaps)
{
        struct aiu_report *report = ask_about(fd);

        ck_assert_int_eq(aiu_report_get_verdict(report), verdict);
        ck_assert_uint_eq(count_gaps(report), n_gaps);
        aiu_report_unref(report);
}

START_TEST(namespace_by_its_file)
{
        gives(theirs, AIU_VERDICT_IN_USE, 0);
        gives(ours, AIU_VERDICT_AVAILABLE, 0);
}
END_TEST

/* Over one of the two namespaces alone the caller has CAP_NET_ADMIN: so they are two. */
START_TEST(namespace_by_one_refusal)
{
        refuse_own = true;
        gives(theirs, AIU_VERDICT_IN_USE, 0);
        refuse_own = false;
        refuse_its = true;
        gives(theirs, AIU_VERDICT_UNKNOWN, 1);
}
END_TEST

START_TEST(namespace_not_told)
{
        refuse_its = refuse_own = true;
        gives(theirs, AIU_VERDICT_UNKNOWN, 1);
        gives(ours, AIU_VERDICT_UNKNOWN, 1);
        refuse_its = refuse_own = false;
        no_probe = true;
        gives(ours, AIU_VERDICT_UNKNOWN, 1);
}
END_TEST

/* What is in use here may be free there. */
START_TEST(held_here_alone)
{
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        ck_assert_int_eq(bind(fd, (struct sockaddr *)&held_at, sizeof(held_at)), 0);
        ck_assert_int_eq(listen(fd, 1), 0);
        refuse_its = refuse_own = true;
        gives(ours, AIU_VERDICT_UNKNOWN, 1);
        close(fd);
}
END_TEST

/* A namespace that the caller names is not in doubt. */
START_TEST(namespace_that_is_given)
{
        struct aiu_query *query;
        struct aiu_report *report;
        int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

        cookie_at = count_options() - 1;
        n_getsockopt = n_ioctl = 0;
        refuse_its = refuse_own = true;
        ck_assert_int_eq(aiu_query_new(NULL, &query), 0);
        ck_assert_int_eq(aiu_query_set_netns(query, home), 0);
        close(home);
        sys_fault = old_kernel;
        ck_assert_int_eq(aiu_query_set_fd(query, ours), 0);
        sys_fault = NULL;
        ck_assert_int_eq(aiu_query_set_address(query, (struct sockaddr *)&held_at, sizeof(held_at)), 0);
        ck_assert_int_eq(aiu_query_run(query, &report), 0);
        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_AVAILABLE);
        ck_assert_uint_eq(count_gaps(report), 0);
        aiu_report_unref(report);
        aiu_query_unref(query);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("query-fd");
        TCase *tcase = tcase_create("netns");

        if (!can_enter_namespaces() || !have_ip()) {
                puts("skipped: may not make namespaces, or there is no ip(8)");
                return 77;
        }
        tcase_add_checked_fixture(tcase, setup, NULL);
        tcase_add_test(tcase, namespace_by_its_file);
        tcase_add_test(tcase, namespace_by_one_refusal);
        tcase_add_test(tcase, namespace_not_told);
        tcase_add_test(tcase, held_here_alone);
        tcase_add_test(tcase, namespace_that_is_given);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
