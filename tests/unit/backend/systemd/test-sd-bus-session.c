/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The whole conversation with a service manager that says what is written down here: which unit a socket
 * of pid 1 belongs to, whose descriptor store has it, what of a unit's process is worth telling. Each is
 * disturbed in every way (session-fixture.h). Whom to ask is in test-sd-bus-endpoints.c; tests/rig talks to
 * a real systemd.
 */
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "fixture/run-suite.h"
#include "fixture/session-fixture.h"

/* ------------------------------------------------------ sockets that pid 1 keeps */

START_TEST(unit_of_a_kept_socket)
{
        static const struct scripted_unit units[] = {
                { "wide.socket", "ActiveState=active\nListen=Stream 0.0.0.0:80\nTriggers=wide.service\nAccept=no\n" },
                { "a.socket", "ActiveState=active\nListen=Stream 127.0.0.1:80\nTriggers=a.service\nAccept=no\n"
                              "UnitFileState=enabled\nCanStop=yes\nRemoveOnStop=no\n" },
                { "down.socket", "ActiveState=inactive\nListen=Stream 127.0.0.1:80\n" },
                { "far.socket", "ActiveState=active\nListen=Stream 127.0.0.2:80;FIFO /x;Datagram 127.0.0.1:80\n" },
                { "a.service", "ActiveState=active\nTriggeredBy=a.socket a.timer gone.timer\nUpheldBy=up.service\n"
                               "Restart=always\nNRestarts=2\nKillMode=mixed\nMainPID=0\nCanStop=yes\n" },
                { "a.timer", "ActiveState=active\n" },
                { "up.service", "ActiveState=active\n" },
                { NULL, NULL },
        };

        converse(units, kept_by_pid_1);
        ck_assert_str_eq(told.socket_unit, "a.socket");
        ck_assert_str_eq(told.unit, "a.service");
        ck_assert_str_eq(told.also_stop, "a.socket a.timer up.service");
        ck_assert_str_eq(told.enabled, "enabled");
        ck_assert_int_eq(told.will_return, AIU_TRISTATE_YES);
}
END_TEST

/* More of them than are asked about at once, and the last one fits best. */
START_TEST(best_of_many)
{
        static struct scripted_unit units[42];
        static char names[40][16];

        units[0] = (struct scripted_unit){ "wide.socket", "ActiveState=active\nListen=Stream 0.0.0.0:80\n" };
        for (size_t i = 1; i < 40; i++) {
                (void)snprintf(names[i], sizeof(names[i]), "u%zu.socket", i);
                units[i] = (struct scripted_unit){ names[i], "ActiveState=active\nListen=Stream 127.0.0.1:81\n" };
        }
        units[40] = (struct scripted_unit){ "z.socket", "ActiveState=active\nListen=Stream 127.0.0.1:80\n" };
        table = kept_by_pid_1;
        scripted_systemd(units);
        ck_assert_int_ge(ask_once(), 0);
        ck_assert_str_eq(told.socket_unit, "z.socket");
}
END_TEST

START_TEST(instances_of_a_kept_socket)
{
        static const struct scripted_unit units[] = {
                { "a.socket", "ActiveState=active\nListen=Stream 127.0.0.1:80\nAccept=yes\nSocketProtocol=6\n"
                              "Triggers=a@0.service a@1.service\n" },
                { "other.socket", "ActiveState=active\nListen=Stream 127.0.0.1:80\nSocketProtocol=132\n" },
                { NULL, NULL },
        };

        converse(units, kept_by_pid_1);
        ck_assert_str_eq(told.socket_unit, "a.socket");
        ck_assert_ptr_null(told.unit);
}
END_TEST

static void kept_on_a_device(void)
{
        uint64_t inode = INODE;

        socket_at(INODE, "127.0.0.1", 80, if_nametoindex("lo"), 0);
        wanted(&inode, 1);
        holds(1, INODE, AIU_MANAGER_SYSTEMD, NULL, 0);
}

START_TEST(kept_socket_with_a_device)
{
        static const struct scripted_unit units[] = {
                { "a.socket", "ActiveState=active\nListen=Stream 127.0.0.1:80\n" },
                { "b.socket", "ActiveState=active\nListen=Stream 127.0.0.1:80\nBindToDevice=no-such-device\n" },
                { "c.socket", "ActiveState=active\nListen=Stream 127.0.0.1:80\nBindToDevice=lo\n" },
                { "d.socket",
                  "ActiveState=active\nListen=Stream 127.0.0.1:80\nBindToDevice=a-name-that-is-too-long\n" },
                { NULL, NULL },
        };

        converse(units, kept_on_a_device);
        ck_assert_str_eq(told.socket_unit, "c.socket");
        converse(units, kept_by_pid_1);
        ck_assert_str_eq(told.socket_unit, "a.socket");
}
END_TEST

static void connection(uint64_t inode)
{
        struct aiu_socket_fact socket = {
                .size = sizeof(socket),
                .type = SOCK_STREAM,
                .protocol = IPPROTO_TCP,
                .state = AIU_STATE_ESTABLISHED,
                .inode = inode,
                .cookie = inode,
        };

        set_ip("127.0.0.1", 80, SOCK_STREAM);
        socket.local = request.address;
        socket.local_len = request.address_len;
        ck_assert_int_eq(aiu_snapshot_add_socket(&snapshot, &socket), 0);
}

/* A connection without a visible process is one of the instances'. Another one has a process. */
static void kept_with_connections(void)
{
        const uint64_t inodes[] = { INODE, INODE + 1, INODE + 2 };

        connection(INODE + 1);
        connection(INODE + 2);
        connection(INODE + 3);
        connection(0);
        kept_by_pid_1();
        wanted(inodes, 3);
        ck_assert_int_eq(aiu_snapshot_add_holder(&snapshot, INODE + 1, 9, 3), 0);
}

START_TEST(instances_with_connections)
{
        static const struct scripted_unit units[] = {
                { "a.socket", "ActiveState=active\nListen=Stream 127.0.0.1:80\nAccept=yes\n"
                              "Triggers=a@0.service a@1.service\n" },
                { "a@0.service", "ActiveState=active\n" },
                { NULL, NULL },
        };

        managers_asked = 2; /* the facts about one socket say nothing about the other */
        converse(units, kept_with_connections);
        ck_assert_ptr_nonnull(strstr(all_told, "a@0.service a@1.service"));
}
END_TEST

START_TEST(service_behind_a_socket_refuses)
{
        static const struct scripted_unit units[] = {
                { "a.socket", "ActiveState=active\nListen=Stream 127.0.0.1:80\nTriggers=a.service\nAccept=no\n"
                              "UnitFileState=disabled\nCanStop=yes\n" },
                { "a.service", "ActiveState=reloading\nCanStop=no\nRestart=\nNRestarts=3\nUnitFileState=\n" },
                { NULL, NULL },
        };

        converse(units, kept_by_pid_1);
        ck_assert_str_eq(told.unit, "a.service");
        ck_assert_uint_eq(told.flags, AIU_HOLDER_UNIT_SPARED);
        ck_assert_str_eq(told.enabled, "disabled");
        ck_assert_ptr_null(told.unit_restart);
        ck_assert(have_gap(AIU_GAP_NOTE, "does not stop a.service"));
}
END_TEST

/* The cgroup and the .socket unit may both be known: who serves it is then, too. */
static void kept_in_a_unit(void)
{
        struct aiu_manager_fact fact = { .size = sizeof(fact),
                                         .pid = 1,
                                         .inode = INODE,
                                         .kind = AIU_MANAGER_SYSTEMD,
                                         .unit = "a.service",
                                         .socket_unit = "a.socket" };

        kept_by_pid_1();
        ck_assert_int_eq(aiu_snapshot_add_manager(&snapshot, &fact), 0);
        /* Nothing is known of a socket that was not told of. */
        fact.inode = INODE + 9;
        fact.unit = "gone.service";
        ck_assert_int_eq(aiu_snapshot_add_manager(&snapshot, &fact), 0);
        fact.pid = 44; /* nor of a process that holds none */
        ck_assert_int_eq(aiu_snapshot_add_manager(&snapshot, &fact), 0);
        /* A name that no unit can have is not asked for. */
        holds(45, INODE, AIU_MANAGER_SYSTEMD, "--no-such-option", 0);
}

START_TEST(unit_and_socket_are_known)
{
        static const struct scripted_unit units[] = {
                { "a.service", "ActiveState=active\nMainPID=8\nRestart=no\n" },
                { "a.socket", "ActiveState=active\nListen=Stream 127.0.0.1:80\nTriggers=a.service\nAccept=no\n" },
                { NULL, NULL },
        };

        managers_asked = 2;
        converse(units, kept_in_a_unit);
        ck_assert_ptr_nonnull(strstr(all_told, "1/77: systemd, a.service, a.socket, active"));
}
END_TEST

/* ------------------------------------------------------ descriptor stores */

START_TEST(only_one_keeps_descriptors)
{
        static const struct scripted_unit units[] = {
                { "a.service", "ActiveState=active\nNFileDescriptorStore=0\n" },
                { "b.service", "ActiveState=active\nNFileDescriptorStore=1\nFileDescriptorStorePreserve=yes\n" },
                { "c.service", "ActiveState=inactive\n" },
                { "elsewhere.socket", "ActiveState=active\nListen=Stream 127.0.0.1:81\n" },
                { NULL, NULL },
        };

        converse(units, kept_by_pid_1);
        ck_assert_str_eq(told.unit, "b.service");
        ck_assert_uint_eq(told.flags, AIU_HOLDER_UNIT_SPARED);
        ck_assert(have_gap(AIU_GAP_NOTE, "fdstore"));
}
END_TEST

START_TEST(two_keep_descriptors)
{
        static const struct scripted_unit units[] = {
                { "a.service", "ActiveState=active\nNFileDescriptorStore=1\n" },
                { "b.service", "ActiveState=active\nNFileDescriptorStore=1\n" },
                { NULL, NULL },
        };

        converse(units, kept_by_pid_1);
        ck_assert_ptr_null(told.unit);
        ck_assert(have_gap(AIU_GAP_NOTE, "no loaded unit"));
}
END_TEST

static void kept_and_held(void)
{
        kept_by_pid_1();
        holds(8, INODE, AIU_MANAGER_SYSTEMD, "a.service", 0);
}

START_TEST(the_other_holder_keeps_it)
{
        static const struct scripted_unit units[] = {
                { "a.service", "ActiveState=active\nNFileDescriptorStore=1\nMainPID=8\n" },
                { "b.service", "ActiveState=active\nNFileDescriptorStore=1\n" },
                { NULL, NULL },
        };

        converse(units, kept_and_held);
        ck_assert_ptr_nonnull(strstr(all_told, "1/77: systemd, a.service"));
        ck_assert_ptr_null(strstr(all_told, "b.service"));
}
END_TEST

/* ------------------------------------------------------ processes of units */

/* One of its sockets came from a .socket unit, the other did not. */
START_TEST(service_with_a_socket_unit)
{
        static const struct scripted_unit units[] = {
                { "a.service",
                  "ActiveState=active\nMainPID=8\nTriggeredBy=a.socket down.socket a.path\nKillMode=process\n"
                  "Restart=no\nCanStop=no\nSubState=running\nUnitFileState=static\n" },
                { "a.socket", "ActiveState=active\nListen=Stream 127.0.0.1:81\nUnitFileState=enabled-runtime\n" },
                { "down.socket", "ActiveState=inactive\nListen=Stream 127.0.0.1:80\n" },
                { "a.path", "ActiveState=failed\n" },
                { NULL, NULL },
        };

        converse(units, of_a_service);
        ck_assert_ptr_nonnull(strstr(all_told, "8/0: systemd, a.service, -, active, no, returns"));
        ck_assert_ptr_nonnull(strstr(all_told, "8/78: systemd, a.service, a.socket"));
        ck_assert(have_gap(AIU_GAP_NOTE, "does not stop a.service"));
}
END_TEST

static char many_names[60][16];

static void of_many_services(void)
{
        uint64_t inodes[60];

        for (size_t i = 0; i < 60; i++) {
                (void)snprintf(many_names[i], sizeof(many_names[i]), "m%zu.service", i);
                inodes[i] = INODE + i;
                socket_at(inodes[i], "127.0.0.1", (uint16_t)(80 + i), 0, 0);
                holds((pid_t)(8 + i), inodes[i], AIU_MANAGER_SYSTEMD, many_names[i], 0);
        }
        wanted(inodes, 60);
}

/* A bus refuses what would be too many questions at once. */
START_TEST(many_services)
{
        static struct scripted_unit units[61];

        table = of_many_services;
        for (size_t i = 0; i < 60; i++)
                units[i] = (struct scripted_unit){ many_names[i], "ActiveState=active\nRestart=always\nMainPID=0\n"
                                                                  "KillMode=mixed\n" };
        scripted_systemd(units);
        ck_assert_int_ge(ask_once(), 0);
        for (size_t i = 0; aiu_snapshot_get_manager(&snapshot, i, &told); i++) {
                ck_assert_str_eq(told.unit_state, "active");
                ck_assert_str_eq(told.unit_restart, "always");
        }
        ck_assert_uint_eq(snapshot.n_managers, 60);
}
END_TEST

START_TEST(no_such_unit)
{
        static const struct scripted_unit units[] = { { NULL, NULL } };

        converse(units, of_a_service);
        ck_assert_int_eq(told.kind, AIU_MANAGER_NONE);
}
END_TEST

/* The cgroup named a unit, but the descriptors cannot be seen: only the cgroup of the socket can. */
static void hidden(void)
{
        struct aiu_manager_fact fact = {
                .size = sizeof(fact), .cgroup_id = 5, .kind = AIU_MANAGER_SYSTEMD, .unit = "a.service"
        };
        const uint64_t inodes[] = { INODE, INODE + 1 };

        socket_at(INODE, "127.0.0.1", 80, 0, 5);
        socket_at(INODE + 1, "127.0.0.1", 81, 0, 0);
        wanted(inodes, 2);
        ck_assert_int_eq(aiu_snapshot_add_manager(&snapshot, &fact), 0);
}

START_TEST(hidden_holders)
{
        static const struct scripted_unit units[] = {
                { "a.service", "ActiveState=active\nMainPID=8\nRestart=on-failure\n" },
                { "b.socket", "ActiveState=active\nListen=Stream [::]:81\n" },
                { NULL, NULL },
        };

        converse(units, hidden);
        ck_assert_ptr_nonnull(strstr(all_told, "0/77: systemd, a.service"));
        ck_assert_ptr_nonnull(strstr(all_told, "0/78: systemd, -, b.socket"));
        ck_assert_uint_eq(snapshot.n_gaps, 0);
}
END_TEST

/* The cgroups of hidden sockets: a user's manager, and an engine that is not asked. */
static void hidden_elsewhere(void)
{
        struct aiu_manager_fact fact = {
                .size = sizeof(fact), .cgroup_id = 5, .kind = AIU_MANAGER_SYSTEMD_USER, .unit = "u.service", .user = 0
        };
        const uint64_t inodes[] = { INODE, INODE + 1 };

        socket_at(INODE, "127.0.0.1", 80, 0, 5);
        socket_at(INODE + 1, "127.0.0.1", 81, 0, 6);
        socket_at(INODE + 2, "127.0.0.1", 82, 0, 0);
        wanted(inodes, 2);
        ck_assert_int_eq(aiu_snapshot_add_manager(&snapshot, &fact), 0);
        fact = (struct aiu_manager_fact){
                .size = sizeof(fact), .cgroup_id = 6, .kind = AIU_MANAGER_DOCKER, .container = "c"
        };
        ck_assert_int_eq(aiu_snapshot_add_manager(&snapshot, &fact), 0);
}

START_TEST(hidden_holders_elsewhere)
{
        static const struct scripted_unit units[] = {
                { "u.service", "ActiveState=active\nMainPID=8\nRestart=always\n" },
                { NULL, NULL },
        };

        converse(units, hidden_elsewhere);
        ck_assert_ptr_nonnull(strstr(all_told, "0/77: systemd-user, u.service"));
        ck_assert_ptr_null(strstr(all_told, "0/78"));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("sd-bus-talk");
        TCase *tcase = tcase_create("all");

        if (!can_enter_namespaces()) {
                (void)puts("skipped: user and network namespaces are not permitted here");
                return 77;
        }
        tcase_set_timeout(tcase, 60);
        tcase_add_checked_fixture(tcase, begin, forget_snapshot);
        tcase_add_test(tcase, unit_of_a_kept_socket);
        tcase_add_test(tcase, best_of_many);
        tcase_add_test(tcase, instances_of_a_kept_socket);
        tcase_add_test(tcase, kept_socket_with_a_device);
        tcase_add_test(tcase, only_one_keeps_descriptors);
        tcase_add_test(tcase, two_keep_descriptors);
        tcase_add_test(tcase, the_other_holder_keeps_it);
        tcase_add_test(tcase, service_with_a_socket_unit);
        tcase_add_test(tcase, many_services);
        tcase_add_test(tcase, no_such_unit);
        tcase_add_test(tcase, hidden_holders);
        tcase_add_test(tcase, instances_with_connections);
        tcase_add_test(tcase, service_behind_a_socket_refuses);
        tcase_add_test(tcase, unit_and_socket_are_known);
        tcase_add_test(tcase, hidden_holders_elsewhere);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
