/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel-versions.c: what a version puts in doubt, and what lifts the doubt. And the
 * self-test against the running kernel, which has to agree with what this suite's
 * live tests say of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "query/context.h"
#include "fixture/host-fixture.h"
#include "rules/kernel-versions.h"
#include "util/macro.h"
#include "fixture/run-suite.h"
#include "fixture/port-table.h"
#include "util/sys-fault.h"

static struct host on_kernel(int major, int minor)
{
        struct host host = table_host();

        host.kernel_major = major;
        host.kernel_minor = minor;
        host.kernel_patch = 3;
        return host;
}

static const struct {
        int major, minor;
        uint32_t doubts;
} versions[] = {
        { 4, 19,
          AIU_KERNEL_STATELESS | AIU_KERNEL_BY_ADDRESS | AIU_KERNEL_ORPHAN_OWNER | AIU_KERNEL_UDP_CROWD |
                  AIU_KERNEL_BOUND_SHOWN | AIU_KERNEL_VRF },
        { 5, 15,
          AIU_KERNEL_STATELESS | AIU_KERNEL_BY_ADDRESS | AIU_KERNEL_ORPHAN_OWNER | AIU_KERNEL_UDP_CROWD |
                  AIU_KERNEL_BOUND_SHOWN },
        { 6, 1,
          AIU_KERNEL_STATELESS | AIU_KERNEL_TIME_WAIT | AIU_KERNEL_DUAL_STACK | AIU_KERNEL_MAPPED |
                  AIU_KERNEL_ORPHAN_OWNER | AIU_KERNEL_UDP_CROWD | AIU_KERNEL_BOUND_SHOWN },
        { 6, 2,
          AIU_KERNEL_STATELESS | AIU_KERNEL_DUAL_STACK | AIU_KERNEL_MAPPED | AIU_KERNEL_ORPHAN_OWNER |
                  AIU_KERNEL_UDP_CROWD | AIU_KERNEL_BOUND_SHOWN },
        { 6, 7,
          AIU_KERNEL_STATELESS | AIU_KERNEL_MAPPED | AIU_KERNEL_ORPHAN_OWNER | AIU_KERNEL_UDP_CROWD |
                  AIU_KERNEL_BOUND_SHOWN },
        { 6, 8, AIU_KERNEL_V6ONLY | AIU_KERNEL_ORPHAN_OWNER | AIU_KERNEL_UDP_CROWD },
        { 6, 12, AIU_KERNEL_ORPHAN_OWNER | AIU_KERNEL_UDP_CROWD },
        { 6, 18, AIU_KERNEL_UDP_CROWD },
        { 6, 19, 0 },
        { 7, 0, 0 },
        { 0, 0, 0 },
};

START_TEST(by_version)
{
        struct host host = on_kernel(versions[_i].major, versions[_i].minor);

        ck_assert_uint_eq(kernel_doubts(&host), versions[_i].doubts);
        host.kernel_proven = AIU_KERNEL_STATELESS | AIU_KERNEL_UDP_CROWD;
        ck_assert_uint_eq(kernel_doubts(&host), versions[_i].doubts & ~(AIU_KERNEL_STATELESS | AIU_KERNEL_UDP_CROWD));
}
END_TEST

/* Each window: what it makes of an answer, and that proof restores it. */
static const struct {
        int major, minor;
        const char *backend_request;
        bool asked_only, reuse;
        const char *held;
        tristate held_only;
        enum aiu_state state;
        uint32_t kernel;
        int error; /* with the doubt lifted; 0 = available */
} answers[] = {
        { 6, 1, "127.0.0.1", false, false, "::", NO, AIU_STATE_LISTEN, AIU_KERNEL_DUAL_STACK, EADDRINUSE },
        { 6, 2, "::", false, false, "127.0.0.1", NO, AIU_STATE_LISTEN, AIU_KERNEL_DUAL_STACK, EADDRINUSE },
        { 6, 5, "127.0.0.1", false, false, "::ffff:127.0.0.1", NO, AIU_STATE_LISTEN, AIU_KERNEL_MAPPED, EADDRINUSE },
        { 6, 7, "::ffff:127.0.0.1", false, false, "::ffff:0.0.0.0", NO, AIU_STATE_LISTEN, AIU_KERNEL_MAPPED,
          EADDRINUSE },
        { 6, 1, "127.0.0.1", false, false, "127.0.0.1", NO, AIU_STATE_TIME_WAIT, AIU_KERNEL_TIME_WAIT, EADDRINUSE },
        { 6, 1, "0.0.0.0", false, false, "127.0.0.1", NO, AIU_STATE_TIME_WAIT, 0, EADDRINUSE },
        { 6, 8, "::ffff:127.0.0.1", false, false, "::", YES, AIU_STATE_LISTEN, AIU_KERNEL_V6ONLY, 0 },
        { 6, 8, "127.0.0.1", false, false, "127.0.0.1", NO, AIU_STATE_LISTEN, 0, EADDRINUSE },
        { 5, 15, "127.0.0.6", false, false, "::1", NO, AIU_STATE_ESTABLISHED, AIU_KERNEL_BY_ADDRESS, 0 },
        { 5, 15, "::1", false, false, "127.0.0.6", NO, AIU_STATE_ESTABLISHED, AIU_KERNEL_BY_ADDRESS, 0 },
        { 5, 15, "127.0.0.6", false, false, "::ffff:127.0.0.7", NO, AIU_STATE_ESTABLISHED, AIU_KERNEL_BOUND_SHOWN, 0 },
        { 6, 6, "127.0.0.1", false, false, "127.0.0.1", NO, AIU_STATE_BOUND, 0, EADDRINUSE },
        /* SO_REUSEADDR on a port without a listener: the cache may let it in */
        { 6, 6, "127.0.0.1", false, true, "127.0.0.1", NO, AIU_STATE_BOUND, AIU_KERNEL_STATELESS, EADDRINUSE },
        { 6, 6, "127.0.0.1", false, true, "127.0.0.1", NO, AIU_STATE_LISTEN, 0, EADDRINUSE },
        /* no socket in sight, and this kernel does not show all */
        { 6, 6, "127.0.0.1", false, false, "127.0.0.2", NO, AIU_STATE_LISTEN, AIU_KERNEL_BOUND_SHOWN, 0 },
        { 6, 9, "127.0.0.1", false, false, "127.0.0.2", NO, AIU_STATE_LISTEN, 0, 0 },
};

static struct verdict ask_row(size_t i, uint32_t proven)
{
        struct request q = table_request(answers[i].backend_request);
        bool minisock = answers[i].state == AIU_STATE_TIME_WAIT;
        struct socket h = minisock ? table_time_wait(answers[i].held) : table_socket(answers[i].held, answers[i].state);
        struct host host = on_kernel(answers[i].major, answers[i].minor);
        struct port_table table = {
                .request = &q, .host = &host, .sockets = &h, .n_sockets = 1, .sockets_complete = true
        };

        q.v6only = answers[i].asked_only;
        q.reuseaddr = answers[i].reuse;
        h.v6only = answers[i].held_only;
        h.reuseaddr = h.reuseport = NO;
        host.kernel_proven = proven;
        return verdict_conclude(&table);
}

START_TEST(by_window)
{
        struct verdict v = ask_row((size_t)_i, 0), sure = ask_row((size_t)_i, KERNEL_ALL);

        ck_assert_int_eq(sure.error, answers[_i].error);
        ck_assert_int_eq(sure.verdict, answers[_i].error ? AIU_VERDICT_IN_USE : AIU_VERDICT_AVAILABLE);
        /* A kernel that shows no bound sockets adds that doubt to whatever seems free. */
        if (answers[_i].kernel == 0) {
                ck_assert_int_eq(v.verdict, sure.verdict);
                return;
        }
        ck_assert_int_eq(v.verdict, AIU_VERDICT_UNKNOWN);
        ck_assert_uint_eq(v.doubts, DOUBT_KERNEL);
        ck_assert_uint_eq(v.kernel, answers[_i].kernel);
        v = ask_row((size_t)_i, KERNEL_ALL & ~answers[_i].kernel);
        ck_assert_int_eq(v.verdict, AIU_VERDICT_UNKNOWN);
        v = ask_row((size_t)_i, answers[_i].kernel | AIU_KERNEL_BOUND_SHOWN);
        ck_assert_int_eq(v.verdict, sure.verdict);
}
END_TEST

START_TEST(orphan_owner)
{
        struct request q = table_request("127.0.0.1");
        struct socket h = table_socket("127.0.0.1", AIU_STATE_FIN_WAIT1);
        struct host host = on_kernel(6, 12);

        q.reuseport = true;
        h.reuseport = YES;
        h.inode = 0;
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, UNKNOWN);
        ck_assert_uint_eq(conflict_judge(&q, &h, &host).kernel, AIU_KERNEL_ORPHAN_OWNER);
        /* The module has read who bound it. */
        h.has_bind_uid = true;
        ck_assert_uint_eq(conflict_judge(&q, &h, &host).kernel, 0);
        h.has_bind_uid = false;
        h.reuseport = NO;
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, YES);
        h.reuseport = YES;
        host = on_kernel(6, 17);
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, NO);
}
END_TEST

START_TEST(text)
{
        ck_assert_str_ne(kernel_text(AIU_KERNEL_MAPPED), kernel_text(AIU_KERNEL_VRF));
        ck_assert_str_eq(kernel_text(UINT32_C(1) << 31), "it differs here");
}
END_TEST

/* Before Linux 5.0 all VRFs may have one table of ports. */
START_TEST(vrf)
{
        struct request q = table_request("127.0.0.1");
        struct socket h = table_socket("127.0.0.1", AIU_STATE_LISTEN);
        struct host host = on_kernel(4, 19);

        h.reuseaddr = h.reuseport = NO;
        h.l3mdev = 5;
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, UNKNOWN);
        ck_assert_uint_eq(conflict_judge(&q, &h, &host).kernel, AIU_KERNEL_VRF);
        h.l3mdev = 0;
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, YES);
}
END_TEST

START_TEST(udp_crowd)
{
        struct request q = table_request("0.0.0.0");
        struct socket h[10];
        struct host host = on_kernel(6, 12);
        struct port_table table = {
                .request = &q, .host = &host, .sockets = h, .n_sockets = 10, .sockets_complete = true
        };

        q.type = SOCK_DGRAM;
        for (size_t i = 0; i < 10; i++) {
                h[i] = table_socket("127.0.0.1", AIU_STATE_BOUND);
                h[i].protocol = IPPROTO_UDP;
                h[i].type = SOCK_DGRAM;
                h[i].reuseaddr = h[i].reuseport = NO;
        }
        ck_assert_uint_eq(verdict_conclude(&table).kernel, AIU_KERNEL_UDP_CROWD);
        table.n_sockets = 3;
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_IN_USE);
}
END_TEST

/* ------------------------------------------------------ the self-test */

static void enter(void)
{
        enter_namespaces();
}

/* A kernel in no window has to pass; this one's live tests hold it to the same scenes. */
START_TEST(self_test)
{
        struct utsname name;
        struct host host = table_host();
        uint32_t behaves = 0, not_tried = AIU_KERNEL_ORPHAN_OWNER | AIU_KERNEL_VRF;

        ck_assert_int_eq(uname(&name), 0);
        ck_assert_int_eq(sscanf(name.release, "%d.%d", &host.kernel_major, &host.kernel_minor), 2);
        ck_assert_int_eq(aiu_self_test(NULL), -EINVAL);
        ck_assert_int_eq(aiu_self_test(&behaves), 0);
        ck_assert_msg(((KERNEL_ALL & ~kernel_doubts(&host)) & ~behaves & ~not_tried) == 0,
                      "Linux %s is in no window and behaves otherwise: %#x", name.release, behaves);
        printf("self-test of Linux %s: %#x of %#x\n", name.release, behaves, KERNEL_ALL & ~not_tried);
        /* Now the loopback interface is up: that might be a network in use. */
        ck_assert_int_eq(aiu_self_test(&behaves), -EBUSY);
}
END_TEST

static int calls, fail_at;

static int fail_one(enum sys_call which)
{
        return which != SYS_CALL_CLOSE && which != SYS_CALL_CLOCK && ++calls == fail_at ? ENOMEM : 0;
}

static int count_fds(void)
{
        int n = 0;

        for (int fd = 0; fd < 256; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

/* Whatever call fails: no descriptor is left, and nothing is called proven that was not seen. */
START_TEST(self_test_faults)
{
        uint32_t behaves = 0, all = 0;
        int before = count_fds();

        sys_fault = fail_one;
        for (fail_at = _i * 12 + 1; fail_at <= _i * 12 + 12; fail_at++) {
                ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
                calls = 0;
                behaves = 0;
                if (aiu_self_test(&behaves) == 0)
                        all |= behaves;
                ck_assert_int_eq(count_fds(), before);
        }
        sys_fault = NULL;
        ck_assert_uint_eq(all & ~KERNEL_ALL, 0);
}
END_TEST

START_TEST(context_takes_known_bits)
{
        struct aiu_context *context;

        ck_assert_int_eq(aiu_context_new(&context), 0);
        ck_assert_int_eq(aiu_context_set_kernel(NULL, 0), -EINVAL);
        ck_assert_int_eq(aiu_context_set_kernel(context, KERNEL_ALL + 1), -EINVAL);
        ck_assert_int_eq(aiu_context_set_kernel(context, KERNEL_ALL), 0);
        ck_assert_uint_eq(context->kernel_proven, KERNEL_ALL);
        aiu_context_unref(context);
}
END_TEST

/* ------------------------------------------------------ from the version to the gap */

static int old_kernel(void *userdata, const struct aiu_request *backend_request, struct aiu_snapshot *to)
{
        struct aiu_host_fact fact = {
                .size = sizeof(fact),
                .kernel_major = 6,
                .kernel_minor = 1,
                .kernel_patch = 2,
                .address_local = AIU_TRISTATE_YES,
                .unprivileged_port_start = -1,
                .ipv6_enabled = AIU_TRISTATE_YES,
        };

        (void)userdata;
        (void)backend_request;
        return aiu_snapshot_add_host(to, &fact);
}

static bool says(const struct aiu_report *report, const char *words)
{
        for (size_t i = 0; i < aiu_report_get_n_gaps(report); i++)
                if (aiu_gap_get_kind(aiu_report_get_gap(report, i)) == AIU_GAP_KERNEL_TOO_OLD &&
                    strstr(aiu_gap_get_text(aiu_report_get_gap(report, i)), words))
                        return true;
        return false;
}

START_TEST(end_to_end)
{
        struct aiu_backend old = { .size = sizeof(old), .name = "old-kernel", .host = old_kernel };
        struct aiu_context *context;
        struct aiu_query *query;
        struct aiu_report *report;

        ip("link set lo up");
        ck_assert_int_eq(aiu_context_new(&context), 0);
        aiu_context_disable_backend(context, "proc-sys");
        ck_assert_int_eq(aiu_context_add_backend(context, &old, NULL), 0);
        ck_assert_int_eq(aiu_query_new(context, &query), 0);
        ck_assert_int_eq(aiu_query_set_address_string(query, "127.0.0.1", 8080), 0);
        ck_assert_int_eq(aiu_query_run(query, &report), 0);
        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_UNKNOWN);
        ck_assert(says(report, "this is Linux 6.1.2: it does not show TCP sockets that are bound"));
        aiu_report_unref(report);
        ck_assert_int_eq(aiu_context_set_kernel(context, KERNEL_ALL), 0);
        ck_assert_int_eq(aiu_query_run(query, &report), 0);
        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_AVAILABLE);
        ck_assert_uint_eq(aiu_report_get_n_gaps(report), 0);
        aiu_report_unref(report);
        aiu_query_unref(query);
        aiu_context_unref(context);
}
END_TEST

static void add_live(Suite *suite)
{
        TCase *tcase;

        if (!can_enter_namespaces() || !have_ip()) {
                puts("left out: the self-test: may not make namespaces, or there is no ip(8)");
                return;
        }
        tcase = tcase_create("live");
        tcase_set_timeout(tcase, 60); /* a busy machine: the scan looks at every process */
        tcase_add_checked_fixture(tcase, enter, forget_snapshot);
        tcase_add_test(tcase, self_test);
        tcase_add_loop_test(tcase, self_test_faults, 0, 12);
        tcase_add_test(tcase, end_to_end);
        suite_add_tcase(suite, tcase);
}

int main(void)
{
        Suite *suite = suite_create("kernel");
        TCase *tcase = tcase_create("versions");

        tcase_add_loop_test(tcase, by_version, 0, ELEMENTSOF(versions));
        tcase_add_loop_test(tcase, by_window, 0, ELEMENTSOF(answers));
        tcase_add_test(tcase, text);
        tcase_add_test(tcase, orphan_owner);
        tcase_add_test(tcase, vrf);
        tcase_add_test(tcase, udp_crowd);
        tcase_add_test(tcase, context_takes_known_bits);
        suite_add_tcase(suite, tcase);
        add_live(suite);
        return run_suite(suite);
}
