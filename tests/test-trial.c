/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * AIU_CONTEXT_TRIAL_BIND on real sockets, in a network namespace of the test's own:
 * what it settles, and that it is not made where it would change what happens next.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host-fixture.h"
#include "macro.h"
#include "sys-fault.h"

enum { RA = 1, RP = 2, LISTEN = 4, UDP = 8 };

static int bound(const char *ip, uint16_t port, unsigned int what)
{
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
        int fd = socket(AF_INET, (what & UDP ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0), on = 1, error;

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(inet_pton(AF_INET, ip, &in.sin_addr), 1);
        if (what & RA)
                ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
        if (what & RP)
                ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), 0);
        if (bind(fd, (struct sockaddr *)&in, sizeof(in)) < 0 || (what & LISTEN && listen(fd, 8) < 0)) {
                error = errno;
                close(fd);
                errno = error;
                return -1;
        }
        return fd;
}

/* `blind`: backends that are left out, separated by spaces. */
static struct aiu_report *look(const char *ip, uint16_t port, unsigned int what, uint32_t flags, const char *blind)
{
        char names[128], *rest = names, *name;
        struct aiu_context *context;
        struct aiu_query *query;
        struct aiu_report *report;

        snprintf(names, sizeof(names), "%s", blind);
        ck_assert_int_eq(aiu_context_new(&context), 0);
        ck_assert_int_eq(aiu_context_set_flags(context, flags), 0);
        ck_assert_int_eq(aiu_context_set_deadline_usec(context, 0), 0);
        while ((name = strsep(&rest, " ")))
                ck_assert_int_eq(aiu_context_disable_backend(context, name), 0);
        ck_assert_int_eq(aiu_query_new(context, &query), 0);
        aiu_context_unref(context);
        ck_assert_int_eq(aiu_query_set_socket(query, what & UDP ? SOCK_DGRAM : SOCK_STREAM, 0), 0);
        ck_assert_int_eq(aiu_query_set_reuseaddr(query, what & RA), 0);
        ck_assert_int_eq(aiu_query_set_reuseport(query, what & RP), 0);
        ck_assert_int_eq(aiu_query_set_address_string(query, ip, port), 0);
        ck_assert_int_eq(aiu_query_run(query, &report), 0);
        aiu_query_unref(query);
        return report;
}

static enum aiu_verdict verdict_of(const char *ip, uint16_t port, unsigned int what, uint32_t flags, const char *blind)
{
        struct aiu_report *report = look(ip, port, what, flags, blind);
        enum aiu_verdict verdict = aiu_report_get_verdict(report);

        aiu_report_unref(report);
        return verdict;
}

#define TRIAL AIU_CONTEXT_TRIAL_BIND
#define NO_SOCKETS "sock-diag proc-net"
#define NO_ROUTE "route proc-address"
#define NO_OPTIONS "options"

START_TEST(settles_what_is_not_seen)
{
        int fd;

        ck_assert_int_eq(verdict_of("127.0.0.1", 8080, 0, 0, NO_ROUTE), AIU_VERDICT_UNKNOWN);
        ck_assert_int_eq(verdict_of("127.0.0.1", 8080, 0, TRIAL, NO_ROUTE), AIU_VERDICT_AVAILABLE);
        ck_assert_int_eq(verdict_of("::1", 8080, 0, TRIAL, NO_ROUTE), AIU_VERDICT_AVAILABLE);
        fd = bound("127.0.0.1", 8080, LISTEN);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(verdict_of("127.0.0.1", 8080, 0, TRIAL, NO_ROUTE), AIU_VERDICT_IN_USE);
        ck_assert_int_eq(verdict_of("127.0.0.1", 8080, RA, TRIAL, NO_ROUTE), AIU_VERDICT_IN_USE);
        /* The listener's SO_REUSEPORT is not read: it is not in the way. */
        ck_assert_int_eq(verdict_of("127.0.0.2", 8080, 0, TRIAL, NO_ROUTE), AIU_VERDICT_UNKNOWN);
        close(fd);
        fd = bound("127.0.0.1", 8080, UDP);
        ck_assert_int_eq(verdict_of("127.0.0.1", 8080, UDP, 0, NO_SOCKETS), AIU_VERDICT_UNKNOWN);
        ck_assert_int_eq(verdict_of("127.0.0.1", 8080, UDP, TRIAL, NO_SOCKETS), AIU_VERDICT_IN_USE);
        ck_assert_int_eq(verdict_of("127.0.0.2", 8080, UDP, TRIAL, NO_SOCKETS), AIU_VERDICT_AVAILABLE);
        close(fd);
}
END_TEST

/* Nothing is left of it: no descriptor, no socket, errno as it was. */
START_TEST(leaves_nothing)
{
        int before = open("/dev/null", O_RDONLY | O_CLOEXEC), after;

        close(before);
        errno = 4711;
        ck_assert_int_eq(verdict_of("127.0.0.1", 8080, 0, TRIAL, NO_ROUTE), AIU_VERDICT_AVAILABLE);
        ck_assert_int_eq(errno, 4711);
        after = open("/dev/null", O_RDONLY | O_CLOEXEC);
        ck_assert_int_eq(after, before);
        close(after);
        after = bound("127.0.0.1", 8080, LISTEN);
        ck_assert_int_ge(after, 0);
        close(after);
}
END_TEST

START_TEST(other_errors)
{
        struct aiu_report *report = look("203.0.113.1", 8080, 0, TRIAL, "route proc-address");

        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_NOT_LOCAL);
        ck_assert_int_eq(aiu_report_get_error(report), EADDRNOTAVAIL);
        aiu_report_unref(report);
}
END_TEST

/* Beside a socket that may have SO_REUSEPORT, with the option, or where sockets may be that nobody saw. */
START_TEST(not_beside_reuseport)
{
        int fd = bound("127.0.0.1", 8080, RA);

        ck_assert_int_eq(verdict_of("127.0.0.1", 8080, RA, TRIAL, NO_OPTIONS), AIU_VERDICT_UNKNOWN);
        ck_assert_int_eq(verdict_of("127.0.0.2", 8080, RP, TRIAL, NO_ROUTE), AIU_VERDICT_UNKNOWN);
        ck_assert_int_eq(verdict_of("127.0.0.2", 8080, 0, TRIAL, NO_SOCKETS), AIU_VERDICT_UNKNOWN);
        close(fd);
}
END_TEST

/*
 * S1 (SO_REUSEADDR), S2 (both options), then B with SO_REUSEPORT: the kernel remembers
 * S2 and lets B in. A trial with SO_REUSEADDR in between would make it forget.
 */
START_TEST(changes_no_history)
{
        int s1 = bound("127.0.0.1", 8080, RA), s2 = bound("127.0.0.1", 8080, RA | RP), b;

        ck_assert_int_ge(s1, 0);
        ck_assert_int_ge(s2, 0);
        (void)verdict_of("127.0.0.1", 8080, RA, TRIAL, NO_OPTIONS);
        (void)verdict_of("127.0.0.1", 8080, RA, TRIAL, NO_SOCKETS " " NO_OPTIONS);
        b = bound("127.0.0.1", 8080, RP);
        ck_assert_int_ge(b, 0);
        close(b);
        close(s2);
        close(s1);
}
END_TEST

START_TEST(not_beside_shared_udp)
{
        int fd = bound("127.0.0.1", 8080, UDP | RA);

        ck_assert_int_eq(verdict_of("127.0.0.1", 8080, UDP | RA, TRIAL, NO_OPTIONS), AIU_VERDICT_UNKNOWN);
        ck_assert_int_eq(verdict_of("127.0.0.1", 8080, UDP | RA, TRIAL, NO_SOCKETS), AIU_VERDICT_UNKNOWN);
        close(fd);
}
END_TEST

static int binds;

static int count_binds(enum sys_call which)
{
        binds += which == SYS_CALL_BIND;
        return 0;
}

/* Where the facts decide, nothing is tried: as many calls as without the flag. */
START_TEST(not_without_need)
{
        int without;

        sys_fault = count_binds;
        ck_assert_int_eq(verdict_of("127.0.0.1", 8080, 0, 0, "proc-net"), AIU_VERDICT_AVAILABLE);
        without = binds;
        binds = 0;
        ck_assert_int_eq(verdict_of("127.0.0.1", 8080, 0, TRIAL, "proc-net"), AIU_VERDICT_AVAILABLE);
        ck_assert_int_eq(binds, without);
        /* Port 0, and AF_UNIX, which would make a file. */
        binds = 0;
        (void)verdict_of("127.0.0.1", 0, 0, TRIAL, NO_SOCKETS " route");
        ck_assert_int_eq(binds, 0);
        sys_fault = NULL;
}
END_TEST

static int fail_bind(enum sys_call which)
{
        return which == SYS_CALL_SOCKET ? EMFILE : 0;
}

/* What cannot be tried stays as it was. */
START_TEST(cannot_try)
{
        sys_fault = fail_bind;
        ck_assert_int_eq(verdict_of("127.0.0.1", 8080, UDP, TRIAL, NO_SOCKETS), AIU_VERDICT_UNKNOWN);
        sys_fault = NULL;
}
END_TEST

static void setup(void)
{
        enter_namespaces();
        ip("link set lo up");
}

int main(void)
{
        Suite *suite = suite_create("trial");
        TCase *tcase = tcase_create("live");
        SRunner *runner;
        int failed;

        if (!can_enter_namespaces() || !have_ip()) {
                puts("skipped: may not make namespaces, or there is no ip(8)");
                return 77;
        }
        tcase_set_timeout(tcase, 60);     /* a busy machine: the scan looks at every process */
        tcase_add_checked_fixture(tcase, setup, forget_snapshot);
        tcase_add_test(tcase, settles_what_is_not_seen);
        tcase_add_test(tcase, leaves_nothing);
        tcase_add_test(tcase, other_errors);
        tcase_add_test(tcase, not_beside_reuseport);
        tcase_add_test(tcase, changes_no_history);
        tcase_add_test(tcase, not_beside_shared_udp);
        tcase_add_test(tcase, not_without_need);
        tcase_add_test(tcase, cannot_try);
        suite_add_tcase(suite, tcase);
        runner = srunner_create(suite);
        srunner_run_all(runner, CK_NORMAL);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
