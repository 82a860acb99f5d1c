/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which service managers are asked, by which way, and for how long: those of the system and of users, one whose
 * message bus is down, one that is silent, none; and managers that have more to say than is kept.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/macro.h"
#include "fixture/run-suite.h"
#include "util/sys.h"
#include "fixture/session-fixture.h"

/* ------------------------------------------------------ which manager to ask */

static void of_a_user(void)
{
        uint64_t inode = INODE;

        socket_at(INODE, "127.0.0.1", 80, 0, 0);
        wanted(&inode, 1);
        holds(8, INODE, AIU_MANAGER_SYSTEMD_USER, "a.service", 0);
        holds(9, INODE, AIU_MANAGER_SYSTEMD, "b.service", 0);
        holds(10, INODE, AIU_MANAGER_DOCKER, NULL, 0);
        holds(11, INODE, AIU_MANAGER_SYSTEMD, "b.service", 0);
}

START_TEST(two_managers)
{
        static const struct scripted_unit units[] = {
                { "a.service", "ActiveState=active\nMainPID=8\n" },
                { "b.service", "ActiveState=active\nMainPID=9\n" },
                { NULL, NULL },
        };

        managers_asked = 2;
        converse(units, of_a_user);
        ck_assert_ptr_nonnull(strstr(all_told, "a.service, -, active"));
        ck_assert_ptr_nonnull(strstr(all_told, "b.service, -, active"));
}
END_TEST

/* Its message bus is down, the manager itself answers. */
START_TEST(second_endpoint)
{
        static const struct scripted_unit units[] = { { "a.service", "ActiveState=active\nMainPID=8\n" },
                                                      { NULL, NULL } };

        scripted_systemd(units);
        table = of_a_service;
        scripted_no_bus = true;
        ck_assert_int_ge(ask_once(), 0);
        ck_assert_ptr_nonnull(strstr(all_told, "a.service, -, active"));
        for (unsigned int n = 1;; n++) {
                scripted_systemd_fail(n);
                (void)ask_once();
                if (!scripted_systemd_failed())
                        break;
        }
}
END_TEST

START_TEST(silent_manager)
{
        static const struct scripted_unit units[] = { { NULL, NULL } };
        uint64_t begun = sys_now_nsec();

        scripted_systemd(units);
        table = of_a_user;
        scripted_hangs = true;
        deadline = 40000000;
        ck_assert_int_eq(ask_once(), -ETIME);
        ck_assert(have_gap(AIU_GAP_DEADLINE, "systemd did not answer in time"));
        ck_assert(have_gap(AIU_GAP_DEADLINE, "the service manager of uid 0 did not answer"));
        ck_assert_uint_lt(sys_now_nsec() - begun, 1000000000u);
        deadline = 1;
        ck_assert_int_eq(ask_once(), -ETIME);
}
END_TEST

START_TEST(no_library)
{
        static const struct scripted_unit units[] = { { NULL, NULL } };

        scripted_systemd(units);
        table = of_a_service;
        scripted_no_library = true;
        ck_assert_int_lt(ask_once(), 0);
        ck_assert(have_gap(AIU_GAP_BACKEND, "libsystemd.so.0 could not be loaded"));
}
END_TEST

static void without_holder(void)
{
        set_ip("127.0.0.1", 80, SOCK_STREAM);
}

static void of_docker(void)
{
        uint64_t inode = INODE;

        socket_at(INODE, "127.0.0.1", 80, 0, 0);
        wanted(&inode, 1);
        holds(10, INODE, AIU_MANAGER_DOCKER, NULL, 0);
}

START_TEST(not_to_be_asked)
{
        static const struct scripted_unit units[] = { { NULL, NULL } };

        scripted_systemd(units);
        table = of_a_service;
        flags = AIU_CONTEXT_NO_IPC;
        ck_assert_int_ge(ask_once(), 0);
        ck_assert(have_gap(AIU_GAP_BACKEND, "as requested"));
        table = of_docker;
        ck_assert_int_ge(ask_once(), 0);
        ck_assert_uint_eq(snapshot.n_gaps, 0);
        flags = 0;
        ck_assert_int_ge(ask_once(), 0);
        ck_assert_uint_eq(scripted_calls, 0);
        ck_assert_int_eq(rmdir("/run/systemd/system"), 0);
        table = of_a_service;
        ck_assert_int_ge(ask_once(), 0);
        ck_assert_uint_eq(scripted_calls, 0);
}
END_TEST

/* No process holds the address now. One may in a moment. */
START_TEST(about_to_return)
{
        static const struct scripted_unit units[] = {
                { "a.service", "ActiveState=activating\nSubState=auto-restart\n" },
                { "b.service", "ActiveState=active\nSubState=running\n" },
                { NULL, NULL },
        };

        converse(units, without_holder);
        ck_assert(have_gap(AIU_GAP_NOTE, "a.service. If"));
}
END_TEST

/* ------------------------------------------------------ more than is kept */

/* So many names that they do not fit: what else starts the unit stays unknown. */
static void names(char *to, size_t room, const char *kind, unsigned int n)
{
        size_t at = 0;

        for (unsigned int i = 0; i < n; i++)
                at += (size_t)snprintf(to + at, room - at, "%s%03u.timer ", kind, i);
        ck_assert_uint_lt(at, room);
}

START_TEST(too_long_a_list)
{
        static char list[6000], properties[6200];
        static const struct scripted_unit units[] = { { "a.service", properties }, { NULL, NULL } };

        names(list, sizeof(list), "t", 500);
        (void)snprintf(properties, sizeof(properties), "ActiveState=active\nTriggeredBy=%s\n", list);
        scripted_systemd(units);
        table = of_a_service;
        ck_assert_int_eq(ask_once(), -ENOBUFS);
        ck_assert(have_gap(AIU_GAP_BACKEND, "could not be reached"));
        ck_assert_str_eq(told.unit, "a.service");
        ck_assert_ptr_null(told.unit_state);
}
END_TEST

/* Each of two lists fits, and both together do not. */
START_TEST(too_long_together)
{
        static char timers[3000], keepers[3000], properties[6200], each[601][16];
        static struct scripted_unit units[602];
        size_t n = 0;

        names(timers, sizeof(timers), "t", 200);
        names(keepers, sizeof(keepers), "k", 200);
        (void)snprintf(properties, sizeof(properties), "ActiveState=active\nTriggeredBy=%s\nUpheldBy=%s\nMainPID=8\n",
                       timers, keepers);
        units[n++] = (struct scripted_unit){ "a.service", properties };
        for (unsigned int i = 0; i < 400; i++) {
                (void)snprintf(each[i], sizeof(each[i]), "%c%03u.timer", i < 200 ? 't' : 'k', i % 200);
                units[n++] = (struct scripted_unit){ each[i], "ActiveState=active\n" };
        }
        scripted_systemd(units);
        table = of_a_service;
        ck_assert_int_ge(ask_once(), 0);
        ck_assert(have_gap(AIU_GAP_NOTE, "more units start a.service again"));
        ck_assert_str_eq(told.unit, "a.service");
        ck_assert_ptr_null(told.unit_state);
}
END_TEST

static void crowd(void)
{
        kept_by_pid_1();
        for (pid_t pid = 100; pid < 400; pid++)
                holds(pid, INODE, AIU_MANAGER_SYSTEMD, "a.service", 0);
}

START_TEST(crowd_of_one_unit)
{
        static const struct scripted_unit units[] = { { "a.service", "ActiveState=active\nMainPID=100\n" },
                                                      { NULL, NULL } };

        scripted_systemd(units);
        table = crowd;
        ck_assert_int_ge(ask_once(), 0);
        ck_assert_uint_gt(snapshot.n_managers, 100);
}
END_TEST

START_TEST(many_units)
{
        static struct scripted_unit units[700];
        static char names[700][32], properties[700][160];

        for (size_t i = 0; i + 1 < ELEMENTSOF(units); i++) {
                (void)snprintf(names[i], sizeof(names[i]), "s%zu.socket", i);
                (void)snprintf(properties[i], sizeof(properties[i]),
                               "ActiveState=active\nListen=Stream 10.%zu.%zu.1:80\n", i / 250, i % 250);
                units[i] = (struct scripted_unit){ names[i], properties[i] };
        }
        scripted_systemd(units);
        table = kept_by_pid_1;
        ck_assert_int_ge(ask_once(), 0);
        ck_assert_ptr_null(told.socket_unit);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("sd-bus-doors");
        TCase *tcase = tcase_create("all");

        if (!can_enter_namespaces()) {
                (void)puts("skipped: user and network namespaces are not permitted here");
                return 77;
        }
        tcase_set_timeout(tcase, 60);
        tcase_add_checked_fixture(tcase, begin, forget_snapshot);
        tcase_add_test(tcase, two_managers);
        tcase_add_test(tcase, second_endpoint);
        tcase_add_test(tcase, silent_manager);
        tcase_add_test(tcase, no_library);
        tcase_add_test(tcase, not_to_be_asked);
        tcase_add_test(tcase, about_to_return);
        tcase_add_test(tcase, many_units);
        tcase_add_test(tcase, too_long_a_list);
        tcase_add_test(tcase, too_long_together);
        tcase_add_test(tcase, crowd_of_one_unit);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
