/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* advice.c: what is recommended, in which order, and whether it is enough. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "advice-fixture.h"
#include "run-suite.h"

START_TEST(nothing_to_do)
{
        ask();
        ck_assert_uint_eq(n_actions, 1);
        expect(AIU_ACTION_NONE, YES);
}
END_TEST

START_TEST(listener_is_ended)
{
        hold(scene_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        ask();
        ck_assert_int_eq(actions[0].kind, AIU_ACTION_TERMINATE);
        expect(AIU_ACTION_TERMINATE, YES);
        ck_assert_uint_eq(actions[0].n_processes, 1);
        ck_assert_uint_eq(actions[0].flags, AIU_ACTION_DISRUPTIVE);
        ck_assert_ptr_null(find(AIU_ACTION_KILL));
        ck_assert_ptr_null(find(AIU_ACTION_SET_REUSEADDR));      /* never against a listener */
}
END_TEST

START_TEST(sigterm_ignored)
{
        hold(scene_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        processes[0].sigterm_ignored = YES;
        ask();
        ck_assert_ptr_null(find(AIU_ACTION_TERMINATE));
        expect(AIU_ACTION_KILL, YES);
}
END_TEST

START_TEST(sigterm_caught)
{
        hold(scene_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        processes[0].sigterm_caught = YES;
        ask();
        expect(AIU_ACTION_TERMINATE, UNKNOWN);
        expect(AIU_ACTION_KILL, YES);
}
END_TEST

START_TEST(stopped)
{
        hold(scene_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        holders[0].flags = AIU_HOLDER_STOPPED;
        ask();
        ck_assert_ptr_null(find(AIU_ACTION_TERMINATE));
        expect(AIU_ACTION_KILL, YES);
}
END_TEST

/* A connection may outlive its process as TIME_WAIT: ending it is not certain to help. */
START_TEST(connection_lingers)
{
        hold(scene_socket("127.0.0.1", AIU_STATE_ESTABLISHED), 100);
        ask();
        expect(AIU_ACTION_TERMINATE, UNKNOWN);
        ck_assert(find(AIU_ACTION_TERMINATE)->remarks & REMARK_LINGERS);
}
END_TEST

/* ... but not where both sides have SO_REUSEADDR: what is left carries it. */
START_TEST(connection_with_reuseaddr)
{
        hold(scene_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        hold(scene_socket("127.0.0.1", AIU_STATE_ESTABLISHED), 100);
        sockets[0].reuseaddr = sockets[1].reuseaddr = YES;
        q.reuseaddr = true;
        ask();
        expect(AIU_ACTION_TERMINATE, YES);
}
END_TEST

START_TEST(time_wait)
{
        hold(scene_time_wait("127.0.0.1"), 0);
        ask();
        ck_assert_int_eq(actions[0].kind, AIU_ACTION_WAIT);
        expect(AIU_ACTION_WAIT, YES);
        ck_assert_uint_eq(actions[0].wait_usec, 30000000);
        expect(AIU_ACTION_SET_REUSEADDR, UNKNOWN);      /* nobody can read what its listener had */
        sockets[0].reuseaddr = NO;
        teardown();
        ask();
        ck_assert_ptr_null(find(AIU_ACTION_SET_REUSEADDR));
}
END_TEST

START_TEST(ended_but_time_wait_stays)
{
        hold(scene_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        hold(scene_time_wait("127.0.0.1"), 0);
        ask();
        expect(AIU_ACTION_TERMINATE, NO);
        ck_assert(find(AIU_ACTION_TERMINATE)->remarks & REMARK_OTHERS);
}
END_TEST

START_TEST(not_all_holders_seen)
{
        hold(scene_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        holders_complete = false;
        ask();
        expect(AIU_ACTION_TERMINATE, UNKNOWN);
        ck_assert(find(AIU_ACTION_LOOK_CLOSER)->flags & AIU_ACTION_NEEDS_ROOT);
}
END_TEST

START_TEST(foreign_process_needs_root)
{
        hold(scene_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        holders[0].uid = 0;
        ask();
        ck_assert(actions[0].flags & AIU_ACTION_NEEDS_ROOT);
        teardown();
        /* Root is not told to become root. */
        asker = 0;
        holders[0].uid = 1000;
        ask();
        ck_assert(!(actions[0].flags & AIU_ACTION_NEEDS_ROOT));
}
END_TEST

START_TEST(own_descriptor)
{
        hold(scene_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        holders[0].kind = AIU_HOLDER_SELF;
        ask();
        ck_assert_int_eq(actions[0].kind, AIU_ACTION_FIX_CALLER);
        expect(AIU_ACTION_FIX_CALLER, YES);
        ck_assert_ptr_null(find(AIU_ACTION_TERMINATE));  /* nobody is told to kill himself */
}
END_TEST

/* pid 1 is never ended, whatever it holds. */
START_TEST(init_is_spared)
{
        hold(scene_socket("127.0.0.1", AIU_STATE_LISTEN), 1);
        manage(0, AIU_MANAGER_SYSTEMD, NULL, "x.socket");
        ask();
        expect(AIU_ACTION_STOP_UNIT, YES);
        ck_assert_ptr_null(find(AIU_ACTION_TERMINATE));
        ck_assert_ptr_null(find(AIU_ACTION_KILL));
}
END_TEST

/* Socket and service hold it both: stopping one alone frees nothing. */
START_TEST(socket_and_service)
{
        const struct aiu_action *stop;

        hold(scene_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        manage(0, AIU_MANAGER_SYSTEMD, "x.service", "x.socket");
        ask();
        ck_assert_int_eq(actions[0].kind, AIU_ACTION_STOP_UNIT);
        expect(AIU_ACTION_STOP_UNIT, YES);
        stop = find(AIU_ACTION_STOP_UNIT);
        ck_assert_uint_eq(stop->n_units, 2);
        ck_assert_str_eq(stop->units[0], "x.socket");
        ck_assert_str_eq(stop->units[1], "x.service");
        expect(AIU_ACTION_TERMINATE, NO);       /* it comes back */
}
END_TEST

START_TEST(left_over_of_a_unit)
{
        hold(scene_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        manage(0, AIU_MANAGER_SYSTEMD, "x.service", NULL);
        managers[0].will_return = NO;
        managers[0].unit_state = words("inactive");
        holders[0].flags = AIU_HOLDER_UNIT_LEFTOVER;
        ask();
        expect(AIU_ACTION_KILL_UNIT_LEFTOVERS, YES);
        ck_assert_ptr_null(find(AIU_ACTION_STOP_UNIT));
}
END_TEST

/* A login is not stopped because of one of its processes. */
START_TEST(session_is_spared)
{
        hold(scene_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        manage(0, AIU_MANAGER_NONE, "session-3.scope", NULL);
        managers[0].will_return = NO;
        ask();
        ck_assert_ptr_null(find(AIU_ACTION_STOP_UNIT));
        expect(AIU_ACTION_TERMINATE, YES);
}
END_TEST

START_TEST(v6only_settles_dual_stack)
{
        q = scene_question("::");
        hold(scene_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        ask();
        expect(AIU_ACTION_SET_V6ONLY, YES);
}
END_TEST

/* IPV6_V6ONLY of an IPv4 socket is nothing that could have been read: no advice hangs on it. */
START_TEST(v6only_where_not_all_were_looked_at)
{
        q = scene_question("::");
        sockets_complete = false;
        hold(scene_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        sockets[0].v6only = UNKNOWN;
        ask();
        ck_assert_ptr_null(find(AIU_ACTION_SET_V6ONLY));
        teardown();

        setup();
        q = scene_question("::");
        hold(scene_socket("::1", AIU_STATE_LISTEN), 100);
        hold(scene_socket("::", AIU_STATE_LISTEN), 100);
        sockets[1].v6only = UNKNOWN;
        ask();
        ck_assert_ptr_null(find(AIU_ACTION_SET_V6ONLY));        /* both would be in the way still */
}
END_TEST

START_TEST(other_loopback_address)
{
        hold(scene_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        hold(scene_socket("127.0.0.2", AIU_STATE_LISTEN), 101);
        ask();
        expect(AIU_ACTION_OTHER_ADDRESS, YES);
        ck_assert_int_eq(actions[0].kind, AIU_ACTION_TERMINATE); /* to go elsewhere frees nothing */
        ck_assert_uint_eq(find(AIU_ACTION_OTHER_ADDRESS)->address.sa.in.sin_addr.s_addr, htonl(0x7f000003));
}
END_TEST

START_TEST(ephemeral_port)
{
        static char reserved[] = "1-2";

        q = scene_question("127.0.0.1");
        q.address = scene_address("127.0.0.1", 40000);
        hold(scene_socket("127.0.0.1", AIU_STATE_ESTABLISHED), 100);
        sockets[0].local = q.address;
        sockets[0].peer = scene_address("127.0.0.1", 443);
        host.reserved_ports = reserved;
        ask();
        expect(AIU_ACTION_RESERVE_PORT, NO);    /* it does not end what is there */
}
END_TEST

START_TEST(privilege)
{
        host.privileged = NO;
        ask();
        expect(AIU_ACTION_GRANT_PRIVILEGE, YES);
        teardown();
        hold(scene_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        ask();
        expect(AIU_ACTION_GRANT_PRIVILEGE, NO); /* EACCES hid EADDRINUSE */
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("advice");
        TCase *tcase = tcase_create("all");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, nothing_to_do);
        tcase_add_test(tcase, listener_is_ended);
        tcase_add_test(tcase, sigterm_ignored);
        tcase_add_test(tcase, sigterm_caught);
        tcase_add_test(tcase, stopped);
        tcase_add_test(tcase, connection_lingers);
        tcase_add_test(tcase, connection_with_reuseaddr);
        tcase_add_test(tcase, time_wait);
        tcase_add_test(tcase, ended_but_time_wait_stays);
        tcase_add_test(tcase, not_all_holders_seen);
        tcase_add_test(tcase, foreign_process_needs_root);
        tcase_add_test(tcase, own_descriptor);
        tcase_add_test(tcase, init_is_spared);
        tcase_add_test(tcase, socket_and_service);
        tcase_add_test(tcase, left_over_of_a_unit);
        tcase_add_test(tcase, session_is_spared);
        tcase_add_test(tcase, v6only_settles_dual_stack);
        tcase_add_test(tcase, v6only_where_not_all_were_looked_at);
        tcase_add_test(tcase, other_loopback_address);
        tcase_add_test(tcase, ephemeral_port);
        tcase_add_test(tcase, privilege);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
