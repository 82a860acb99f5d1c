/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* advice/doubts.c: does the advice reach, from where the caller is, what it is about? */
#include <check.h>
#include <string.h>

#include "fixture/advice-fixture.h"
#include "fixture/run-suite.h"

/* The public accessors: what --apply would signal. */
static size_t n_signalled(enum aiu_action_kind kind)
{
        return aiu_action_get_n_processes(find(kind));
}

START_TEST(pids_are_ours)
{
        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        ask();
        expect(AIU_ACTION_TERMINATE, YES);
        expect_command(AIU_ACTION_TERMINATE, "kill -TERM 100");
        ck_assert_uint_eq(n_signalled(AIU_ACTION_TERMINATE), 1);
}
END_TEST

START_TEST(pids_are_foreign)
{
        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        processes[0].sigterm_caught = YES;
        host.foreign_pids = true;
        ask();
        for (size_t i = 0; i < n_actions; i++)
                ck_assert(!actions[i].argv);
        expect(AIU_ACTION_TERMINATE, UNKNOWN);
        expect(AIU_ACTION_KILL, UNKNOWN);
        ck_assert_uint_eq(n_signalled(AIU_ACTION_TERMINATE), 0);
        ck_assert_uint_eq(n_signalled(AIU_ACTION_KILL), 0);
        ck_assert_int_eq(aiu_action_get_process(find(AIU_ACTION_TERMINATE), 0, NULL), 0);
        expect_text(AIU_ACTION_TERMINATE, "another pid namespace");
}
END_TEST

/* The unit's name is one of another systemd's. */
START_TEST(unit_is_foreign)
{
        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        manage(0, AIU_MANAGER_SYSTEMD, "web.service", NULL);
        managers[0].will_return = NO;
        ask();
        expect(AIU_ACTION_STOP_UNIT, YES);
        teardown();
        host.foreign_pids = true;
        ask();
        expect(AIU_ACTION_STOP_UNIT, UNKNOWN);
        expect_command(AIU_ACTION_STOP_UNIT, NULL);
}
END_TEST

START_TEST(container_is_foreign)
{
        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        manage(0, AIU_MANAGER_DOCKER, NULL, NULL);
        managers[0].container = words("web");
        host.foreign_pids = true;
        ask();
        expect(AIU_ACTION_STOP_CONTAINER, UNKNOWN);
        expect_command(AIU_ACTION_STOP_CONTAINER, NULL);
}
END_TEST

START_TEST(root_of_a_user_namespace)
{
        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        processes[0].uid = holders[0].uid = 65534; /* a user of the host */
        asker = 0;
        host.limited_root = true;
        holders_complete = false;
        ask();
        expect_text(AIU_ACTION_LOOK_CLOSER, "from the host");
        ck_assert(!(find(AIU_ACTION_LOOK_CLOSER)->flags & AIU_ACTION_NEEDS_ROOT));
        expect_text(AIU_ACTION_TERMINATE, "may not signal");
        teardown();
        holders_complete = true;
        ask();
        expect(AIU_ACTION_TERMINATE, UNKNOWN);
        teardown();
        processes[0].uid = holders[0].uid = 33; /* a user that it has */
        ask();
        expect(AIU_ACTION_TERMINATE, YES);
}
END_TEST

START_TEST(root_of_the_host)
{
        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        processes[0].uid = holders[0].uid = 65534;
        asker = 0;
        ask();
        expect(AIU_ACTION_TERMINATE, YES);
}
END_TEST

/* For another network namespace: signals reach it as ever, ip(8) and sysctl(8) have to enter it. */
START_TEST(enters_the_network_namespace)
{
        q = table_request("127.0.0.1");
        host.privileged = NO;
        host.unprivileged_port_start = 65535;
        host.other_netns = true;
        host.netns_path = words("/run/netns/blue");
        for (size_t i = 0; i < 2; i++) {
                ask();
                for (size_t k = 0; k < n_actions; k++) {
                        const struct aiu_action *a = &actions[k];

                        ck_assert(!a->argv || (strcmp(a->argv[0], "ip") != 0 && strcmp(a->argv[0], "sysctl") != 0));
                        if (!(a->flags & AIU_ACTION_ELSEWHERE))
                                continue;
                        ck_assert(i == 0 ? strcmp(a->argv[0], "nsenter") == 0 &&
                                                   strcmp(a->argv[1], "--net=/run/netns/blue") == 0 &&
                                                   strcmp(a->argv[2], "--") == 0 && a->argv[3]
                                         : !a->argv);
                        ck_assert_ptr_nonnull(strstr(a->text, "network namespace asked about"));
                }
                teardown();
                host.netns_path = NULL;
        }
}
END_TEST

START_TEST(signals_enter_nothing)
{
        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        host.other_netns = true;
        ask();
        expect_command(AIU_ACTION_TERMINATE, "kill -TERM 100");
        ck_assert(!(find(AIU_ACTION_TERMINATE)->flags & AIU_ACTION_ELSEWHERE));
}
END_TEST

static TCase *all_tests(void)
{
        TCase *tcase = tcase_create("where");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, pids_are_ours);
        tcase_add_test(tcase, pids_are_foreign);
        tcase_add_test(tcase, unit_is_foreign);
        tcase_add_test(tcase, container_is_foreign);
        tcase_add_test(tcase, root_of_a_user_namespace);
        tcase_add_test(tcase, root_of_the_host);
        tcase_add_test(tcase, enters_the_network_namespace);
        tcase_add_test(tcase, signals_enter_nothing);
        return tcase;
}

int main(void)
{
        Suite *suite = suite_create("advice: from where");

        suite_add_tcase(suite, all_tests());
        return run_suite(suite);
}
