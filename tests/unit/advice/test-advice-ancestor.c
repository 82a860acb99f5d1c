/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is recommended where the caller runs in the holder: an IDE, a terminal multiplexer. */
#include <check.h>

#include "fixture/advice-fixture.h"
#include "util/macro.h"
#include "fixture/run-suite.h"

static void listener(pid_t pid, uint32_t flags)
{
        size_t i = hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), pid);

        processes[i].flags = holders[i].flags = flags;
}

static bool is_marked(enum aiu_action_kind kind)
{
        const struct aiu_action *action = find(kind);

        ck_assert(!(action->remarks & REMARK_ANCESTOR) == !(action->flags & AIU_ACTION_VITAL));
        return action->remarks & REMARK_ANCESTOR;
}

START_TEST(signal_to_ancestor)
{
        listener(100, AIU_HOLDER_ANCESTOR);
        ask();
        expect(AIU_ACTION_TERMINATE, UNKNOWN);
        ck_assert(is_marked(AIU_ACTION_TERMINATE));
        expect_text(AIU_ACTION_TERMINATE, "Your shell or terminal runs in it");
}
END_TEST

START_TEST(signal_to_stranger)
{
        listener(100, 0);
        ask();
        expect(AIU_ACTION_TERMINATE, YES);
        ck_assert(!is_marked(AIU_ACTION_TERMINATE));
}
END_TEST

/* Others are in the way as well: that it is not enough stays known. */
START_TEST(insufficient_stays)
{
        listener(100, AIU_HOLDER_ANCESTOR);
        hold(table_time_wait("127.0.0.1"), 0);
        ask();
        expect(AIU_ACTION_TERMINATE, NO);
        ck_assert(is_marked(AIU_ACTION_TERMINATE));
}
END_TEST

static const struct {
        const char *comm, *unit, *socket_unit;
        uint32_t flags;
        tristate sufficient;
} units[] = {
        { "code-server", "code.service", NULL, AIU_HOLDER_ANCESTOR, UNKNOWN },
        { "code-server", "code.service", NULL, 0, YES },
        { "code-server", "code.service", "code.socket", AIU_HOLDER_ANCESTOR, UNKNOWN },
        { NULL, "code.service", "code.socket", AIU_HOLDER_ANCESTOR, UNKNOWN },
        /* The user's service manager holds the socket of a unit, and goes on without it. */
        { "systemd", "code.service", "code.socket", AIU_HOLDER_ANCESTOR, YES },
};

START_TEST(stop_of_unit)
{
        listener(100, units[_i].flags);
        processes[0].comm = units[_i].comm ? words(units[_i].comm) : NULL;
        manage(0, AIU_MANAGER_SYSTEMD, units[_i].unit, units[_i].socket_unit);
        ask();
        expect(AIU_ACTION_STOP_UNIT, units[_i].sufficient);
        ck_assert(is_marked(AIU_ACTION_STOP_UNIT) == (units[_i].sufficient == UNKNOWN));
}
END_TEST

/* A backend may say so of a holder that nothing else is known of. */
START_TEST(stop_of_hidden)
{
        listener(100, AIU_HOLDER_ANCESTOR);
        holders[0].kind = AIU_HOLDER_HIDDEN;
        holders[0].process = NULL;
        manage(0, AIU_MANAGER_SYSTEMD, "code.service", "code.socket");
        ask();
        expect(AIU_ACTION_STOP_UNIT, UNKNOWN);
}
END_TEST

START_TEST(stop_of_container)
{
        listener(100, AIU_HOLDER_ANCESTOR);
        manage(0, AIU_MANAGER_DOCKER, NULL, NULL);
        managers[0].container = words("web");
        ask();
        expect(AIU_ACTION_STOP_CONTAINER, UNKNOWN);
        ck_assert(is_marked(AIU_ACTION_STOP_CONTAINER));
}
END_TEST

START_TEST(kill_of_leftovers)
{
        listener(100, AIU_HOLDER_ANCESTOR | AIU_HOLDER_UNIT_LEFTOVER);
        manage(0, AIU_MANAGER_SYSTEMD, "code.service", NULL);
        managers[0].unit_state = words("inactive");
        ask();
        ck_assert(is_marked(AIU_ACTION_KILL_UNIT_LEFTOVERS));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("advice-ancestor");
        TCase *tcase = tcase_create("all");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, signal_to_ancestor);
        tcase_add_test(tcase, signal_to_stranger);
        tcase_add_test(tcase, insufficient_stays);
        tcase_add_loop_test(tcase, stop_of_unit, 0, ELEMENTSOF(units));
        tcase_add_test(tcase, stop_of_hidden);
        tcase_add_test(tcase, stop_of_container);
        tcase_add_test(tcase, kill_of_leftovers);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
