/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Holders that somebody looks after: what is asked of whom, with which command, whether
 * that is enough, and who is never ended. tests/rig executes the like against a real
 * systemd; here is what cannot be made there, and all that is decided without one.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "fixture/advice-fixture.h"
#include "util/macro.h"
#include "fixture/run-suite.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void listener(pid_t pid, const char *comm)
{
        size_t i = hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), pid);

        processes[i].comm = words(comm);
        holders[i].uid = 0;
}

static void container(size_t i, enum aiu_manager_kind kind, const char *id)
{
        manage(i, kind, NULL, NULL);
        managers[i].container = words(id);
        managers[i].will_return = UNKNOWN;
        managers[i].unit_state = NULL;
}

/* ------------------------------------------------------ systemd */

/* From the cgroup's name alone: it may be dead, upheld, triggered. Neither is certain to help. */
START_TEST(systemd_was_not_asked)
{
        listener(100, "nginx");
        manage(0, AIU_MANAGER_SYSTEMD, "nginx.service", NULL);
        managers[0].unit_state = NULL;
        managers[0].will_return = UNKNOWN;
        ask();
        expect(AIU_ACTION_STOP_UNIT, UNKNOWN);
        expect_text(AIU_ACTION_STOP_UNIT, "systemd was not asked");
        expect(AIU_ACTION_TERMINATE, UNKNOWN);
        teardown();
        managers[0].will_return = NO; /* an added backend knows better, or it is a scope */
        ask();
        expect(AIU_ACTION_STOP_UNIT, YES);
}
END_TEST

START_TEST(unit_that_returns_at_boot)
{
        static const struct {
                const char *state;
                bool returns;
        } rows[] = { { "enabled", true },   { "enabled-runtime", false }, { "static", false },
                     { "disabled", false }, { "transient", false },       { NULL, false } };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                setup();
                listener(100, "nginx");
                manage(0, AIU_MANAGER_SYSTEMD, "nginx.service", NULL);
                managers[0].enabled = words(rows[i].state);
                ask();
                expect(AIU_ACTION_STOP_UNIT, YES);
                ck_assert_int_eq(strstr(find(AIU_ACTION_STOP_UNIT)->text, "at boot") != NULL, rows[i].returns);
                teardown();
        }
}
END_TEST

/* KillMode=process, RefuseManualStop=: a stop would be refused, or leave it running. */
START_TEST(unit_whose_stop_spares_it)
{
        listener(100, "auditd");
        manage(0, AIU_MANAGER_SYSTEMD, "auditd.service", NULL);
        managers[0].will_return = NO;
        holders[0].flags = AIU_HOLDER_UNIT_SPARED;
        ask();
        ck_assert_ptr_null(find(AIU_ACTION_STOP_UNIT));
        expect(AIU_ACTION_TERMINATE, YES);
}
END_TEST

/* A job of a build server: the holder alone first, and what else a stop ends is counted. */
START_TEST(unit_with_another_main_process)
{
        static const struct {
                uint32_t n;
                const char *text;
        } rows[] = { { 13, "This ends 12 other processes of the unit, too" },
                     { 2, "This ends 1 other process of the unit, too" },
                     { 0, "This also ends the unit's main process" } };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                setup();
                listener(100, "job");
                manage(0, AIU_MANAGER_SYSTEMD, "ci.service", NULL);
                managers[0].will_return = UNKNOWN;
                managers[0].main_pid = 50;
                managers[0].n_processes = rows[i].n;
                ask();
                ck_assert_int_eq(actions[0].kind, AIU_ACTION_TERMINATE);
                expect(AIU_ACTION_TERMINATE, UNKNOWN);
                ck_assert_int_eq(actions[1].kind, AIU_ACTION_STOP_UNIT);
                expect(AIU_ACTION_STOP_UNIT, YES);
                expect_text(AIU_ACTION_STOP_UNIT, rows[i].text);
                teardown();
        }
}
END_TEST

static void expect_unit_first(void)
{
        ask();
        ck_assert_int_eq(actions[0].kind, AIU_ACTION_STOP_UNIT);
        ck_assert_ptr_null(strstr(actions[0].text, "This ends"));
        teardown();
}

/* Where the main process is, or leads, the holder, where it watches a container, or is not known. */
START_TEST(unit_of_the_holder)
{
        struct process master = { .pid = 50, .sigterm_caught = YES, .leads = true };

        listener(100, "web");
        manage(0, AIU_MANAGER_SYSTEMD, "web.service", NULL);
        managers[0].will_return = UNKNOWN;
        expect_unit_first();
        managers[0].main_pid = 100;
        expect_unit_first();
        managers[0].main_pid = 50;
        processes[0].leading = &master;
        expect_unit_first();
        processes[0].leading = NULL;
        managers[0].container = words("vm");
        expect_unit_first();
        managers[0].container = NULL;
        managers[0].socket_unit = words("web.socket");
        expect_unit_first();
        managers[0].socket_unit = NULL;
        listener(101, "other");
        manage(1, AIU_MANAGER_SYSTEMD, "other.service", NULL);
        managers[1].will_return = UNKNOWN;
        managers[1].main_pid = 101;
        expect_unit_first();
        managers[1].unit = NULL;
        managers[1].socket_unit = words("other.socket");
        expect_unit_first();
}
END_TEST

/* What starts it again is stopped first, and with it. */
START_TEST(upheld_and_triggered)
{
        listener(100, "web");
        manage(0, AIU_MANAGER_SYSTEMD, "web.service", NULL);
        managers[0].also_stop = words("web.timer keeper.service");
        ask();
        expect(AIU_ACTION_STOP_UNIT, YES);
        expect_command(AIU_ACTION_STOP_UNIT, "systemctl stop web.timer keeper.service web.service");
        expect(AIU_ACTION_TERMINATE, NO);
}
END_TEST

START_TEST(unit_of_a_user)
{
        listener(100, "web");
        manage(0, AIU_MANAGER_SYSTEMD_USER, "web.service", NULL);
        managers[0].user = 1000;
        ask();
        expect_command(AIU_ACTION_STOP_UNIT, "systemctl --user stop web.service");
        ck_assert_uint_eq(find(AIU_ACTION_STOP_UNIT)->flags, AIU_ACTION_DISRUPTIVE);
        teardown();
        asker = 0;
        ask();
        expect_command(AIU_ACTION_STOP_UNIT, "systemctl --user -M 1000@ stop web.service");
        teardown();
        asker = 1001;
        ask();
        ck_assert_uint_eq(find(AIU_ACTION_STOP_UNIT)->flags, AIU_ACTION_DISRUPTIVE | AIU_ACTION_NEEDS_ROOT);
}
END_TEST

START_TEST(leftover_is_killed_through_its_unit)
{
        listener(100, "web");
        manage(0, AIU_MANAGER_SYSTEMD, "web.service", NULL);
        managers[0].unit_state = words("failed");
        managers[0].will_return = NO;
        holders[0].flags = AIU_HOLDER_UNIT_LEFTOVER;
        ask();
        expect_command(AIU_ACTION_KILL_UNIT_LEFTOVERS, "systemctl kill -s KILL web.service");
        ck_assert(find(AIU_ACTION_KILL_UNIT_LEFTOVERS)->flags & AIU_ACTION_LAST_RESORT);
        ck_assert_int_eq(actions[0].kind, AIU_ACTION_TERMINATE);
        teardown();
        managers[0].unit_state = words("active"); /* a new run: that would be killed as well */
        ask();
        ck_assert_ptr_null(find(AIU_ACTION_KILL_UNIT_LEFTOVERS));
}
END_TEST

/* Several managers: no action is enough alone, and all of them together are. */
START_TEST(several_managers)
{
        asker = 0;
        listener(100, "a");
        listener(101, "b");
        listener(102, "c");
        listener(103, "d");
        manage(0, AIU_MANAGER_SYSTEMD, "a.service", "a.socket");
        manage(1, AIU_MANAGER_SYSTEMD, "b.service", NULL);
        manage(2, AIU_MANAGER_SYSTEMD_USER, "c.service", NULL);
        managers[2].user = 1000;
        container(3, AIU_MANAGER_DOCKER, ID);
        ask();
        ck_assert_uint_ge(n_actions, 3);
        for (size_t i = 0; i < 3; i++)
                ck_assert_int_eq(actions[i].sufficient, NO);
        expect_command(AIU_ACTION_STOP_UNIT, "systemctl stop a.socket a.service b.service");
        ck_assert_str_eq(actions[1].argv[1], "--user");
        expect_command(AIU_ACTION_STOP_CONTAINER, "docker stop " ID);
        expect_text(AIU_ACTION_STOP_UNIT, "Other sockets are in the way as well");
}
END_TEST

/* The caller is the service that its own .socket unit has the address for. */
START_TEST(caller_is_fed_by_the_socket)
{
        listener(1, "systemd");
        manage(0, AIU_MANAGER_SYSTEMD, NULL, "web.socket");
        own = (struct manager){ .kind = AIU_MANAGER_SYSTEMD, .unit = words("web.service") };
        ask();
        expect(AIU_ACTION_USE_ACTIVATION, YES);
        teardown();
        own.unit = words("other.service");
        ask();
        ck_assert_ptr_null(find(AIU_ACTION_USE_ACTIVATION));
}
END_TEST

START_TEST(second_copy_names_both_units)
{
        listener(100, "web");
        manage(0, AIU_MANAGER_SYSTEMD, "web.service", NULL);
        holders[0].flags = AIU_HOLDER_SAME_PROGRAM;
        own = (struct manager){ .kind = AIU_MANAGER_SYSTEMD, .unit = words("web-again.service") };
        ask();
        expect_text(AIU_ACTION_STOP_UNIT, "as a second copy (web.service started it, web-again.service the caller)");
        expect_text(AIU_ACTION_TERMINATE, "as a second copy");
}
END_TEST

/* ------------------------------------------------------ containers */

START_TEST(container_commands)
{
        static const struct {
                enum aiu_manager_kind kind;
                const char *id, *command;
                tristate enough;
        } rows[] = {
                { AIU_MANAGER_DOCKER, ID, "docker stop " ID, YES },
                { AIU_MANAGER_PODMAN, ID, "podman stop " ID, YES },
                { AIU_MANAGER_CONTAINERD, ID, "nerdctl stop " ID, YES },
                { AIU_MANAGER_KUBERNETES, ID, "crictl stop " ID, NO }, /* the kubelet starts it again */
                { AIU_MANAGER_LXC, "web", "lxc-stop -n web", YES },
                { AIU_MANAGER_MACHINE, "web", "machinectl stop web", YES },
                { AIU_MANAGER_SNAP, "web.daemon", "snap stop web.daemon", YES },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                setup();
                listener(100, "httpd");
                container(0, rows[i].kind, rows[i].id);
                ask();
                expect(AIU_ACTION_STOP_CONTAINER, rows[i].enough);
                expect_command(AIU_ACTION_STOP_CONTAINER, rows[i].command);
                ck_assert(find(AIU_ACTION_STOP_CONTAINER)->flags & AIU_ACTION_NEEDS_ROOT);
                teardown();
                asker = 0;
                ask();
                ck_assert(!(find(AIU_ACTION_STOP_CONTAINER)->flags & AIU_ACTION_NEEDS_ROOT));
                teardown();
        }
}
END_TEST

/* podman(1): a user's containers are not in root's list. */
START_TEST(rootless_container)
{
        listener(100, "httpd");
        container(0, AIU_MANAGER_PODMAN, ID);
        managers[0].user = 1000;
        ask();
        expect_command(AIU_ACTION_STOP_CONTAINER, "podman stop " ID);
        ck_assert_uint_eq(find(AIU_ACTION_STOP_CONTAINER)->flags, AIU_ACTION_DISRUPTIVE);
        teardown();
        asker = 0;
        ask();
        expect_command(AIU_ACTION_STOP_CONTAINER, "systemd-run --user -M 1000@ --wait podman stop " ID);
}
END_TEST

/* A process that holds a port for a container is not ended: the container would go on without it. */
START_TEST(port_helpers_are_spared)
{
        static const struct {
                const char *comm;
                enum aiu_manager_kind kind;
                const char *how;
                bool one_container; /* it may have outlived it */
        } rows[] = {
                { "docker-proxy", AIU_MANAGER_DOCKER, "docker ps --filter publish=80 lists it", true },
                { "rootlesskit", AIU_MANAGER_CONTAINERD, "nerdctl ps lists it", false },
                { "rootlessport", AIU_MANAGER_PODMAN, "podman port --all lists it", true },
                { "pasta.avx2", AIU_MANAGER_PODMAN, "podman port --all lists it", false },
                { "slirp4netns", AIU_MANAGER_PODMAN, "podman port --all lists it", false },
                { "conmon", AIU_MANAGER_PODMAN, "podman port --all lists it", true },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                setup();
                listener(100, rows[i].comm);
                container(0, rows[i].kind, NULL);
                ask();
                expect(AIU_ACTION_STOP_CONTAINER, UNKNOWN);
                expect_command(AIU_ACTION_STOP_CONTAINER, NULL);
                expect_text(AIU_ACTION_STOP_CONTAINER, rows[i].how);
                ck_assert_int_eq(find(AIU_ACTION_TERMINATE) != NULL, rows[i].one_container);
                ck_assert_ptr_null(find(AIU_ACTION_KILL));
                teardown();
        }
}
END_TEST

/* A user planted the descriptor: whatever ends the holder is not certain, and the text says whose it is. */
START_TEST(socket_of_another_user)
{
        listener(100, "web");
        manage(0, AIU_MANAGER_SYSTEMD, "web.service", NULL);
        managers[0].will_return = NO;
        sockets[0].uid = 65534;
        holders[0].flags = AIU_HOLDER_HANDED_OVER;
        asker = 0;
        ask();
        expect(AIU_ACTION_STOP_UNIT, UNKNOWN);
        expect_text(AIU_ACTION_STOP_UNIT, "uid 65534 made the socket and handed it over");
        expect(AIU_ACTION_TERMINATE, UNKNOWN);
        expect_text(AIU_ACTION_TERMINATE, "uid 65534 made the socket");
        expect_command(AIU_ACTION_TERMINATE, "kill -TERM 100");
        ck_assert(find(AIU_ACTION_TERMINATE)->flags & AIU_ACTION_UNCONFIRMED);
        teardown();
        sockets[0].uid = 0; /* its cgroup was that user's */
        ask();
        expect_text(AIU_ACTION_TERMINATE, "Another user made the socket");
        teardown();
        managers[0].will_return = YES;
        ask();
        expect(AIU_ACTION_TERMINATE, NO);
        teardown();
        managers[0].will_return = NO;
        holders[0].flags = 0;
        ask();
        expect(AIU_ACTION_STOP_UNIT, YES);
        expect(AIU_ACTION_TERMINATE, YES);
        ck_assert_ptr_null(strstr(find(AIU_ACTION_TERMINATE)->text, "made the socket"));
}
END_TEST

/* The signal goes to the master of the holder, who would be as innocent. */
START_TEST(master_of_a_socket_of_another_user)
{
        struct process master = {
                .pid = 90, .uid = 0, .sigterm_caught = YES, .sigterm_ignored = NO, .parent_returns = NO
        };

        listener(100, "haproxy");
        processes[0].leading = &master;
        holders[0].flags = AIU_HOLDER_HANDED_OVER;
        asker = 0;
        ask();
        expect_command(AIU_ACTION_TERMINATE, "kill -TERM 90");
        ck_assert(find(AIU_ACTION_TERMINATE)->flags & AIU_ACTION_UNCONFIRMED);
        processes[0].leading = NULL;
}
END_TEST

/* Of two holders one has it from another user: what leaves that one alone stays certain, or not, on its own. */
START_TEST(one_of_two_sockets_of_another_user)
{
        asker = 0;
        listener(100, "a");
        listener(101, "b");
        manage(0, AIU_MANAGER_SYSTEMD, "a.service", NULL);
        container(1, AIU_MANAGER_LXC, "b");
        holders[1].flags = AIU_HOLDER_HANDED_OVER;
        ask();
        ck_assert(!(find(AIU_ACTION_STOP_UNIT)->flags & AIU_ACTION_UNCONFIRMED));
        ck_assert(find(AIU_ACTION_STOP_CONTAINER)->flags & AIU_ACTION_UNCONFIRMED);
        ck_assert(find(AIU_ACTION_TERMINATE)->flags & AIU_ACTION_UNCONFIRMED);
}
END_TEST

/* Its container may be gone: then the helper is ended, with a word about what that cuts off. */
START_TEST(port_helper_that_was_left_over)
{
        listener(100, "rootlessport");
        container(0, AIU_MANAGER_PODMAN, NULL);
        managers[0].user = managers[0].named_by = 1000;
        holders[0].uid = 1000;
        hold(table_socket("127.0.0.1", AIU_STATE_BOUND), 100);
        holders[1] = holders[0];
        asker = 0;
        ask();
        expect_text(AIU_ACTION_STOP_CONTAINER, "podman port --all lists it, run by uid 1000. This relies on what");
        expect(AIU_ACTION_TERMINATE, UNKNOWN);
        expect_command(AIU_ACTION_TERMINATE, "kill -TERM 100");
        expect_text(AIU_ACTION_TERMINATE, "if no container publishes the port");
        ck_assert_uint_eq(find(AIU_ACTION_TERMINATE)->flags, AIU_ACTION_DISRUPTIVE | AIU_ACTION_UNCONFIRMED);
        teardown();
        asker = 1001;
        ask();
        ck_assert(find(AIU_ACTION_TERMINATE)->flags & AIU_ACTION_NEEDS_ROOT);
        teardown();
        asker = 1000;
        ask();
        ck_assert(!(find(AIU_ACTION_TERMINATE)->flags & AIU_ACTION_NEEDS_ROOT));
        teardown();
        managers[0].container = words(ID);
        managers[0].unit = NULL;
        ask();
        ck_assert_ptr_null(find(AIU_ACTION_TERMINATE));
}
END_TEST

START_TEST(virtual_machine)
{
        listener(100, "qemu-system-x86");
        container(0, AIU_MANAGER_MACHINE, "qemu-1-vm");
        ask();
        expect_text(AIU_ACTION_STOP_CONTAINER, "stop the virtual machine qemu-1-vm");
        expect_command(AIU_ACTION_STOP_CONTAINER, "machinectl stop qemu-1-vm");
        teardown();
        managers[0].container = words("web");
        ask();
        expect_text(AIU_ACTION_STOP_CONTAINER, "stop the machine web");
}
END_TEST

/* Of a quadlet the unit is stopped, and conmon is left to it. */
START_TEST(conmon_in_a_unit)
{
        listener(100, "conmon");
        manage(0, AIU_MANAGER_SYSTEMD, "web.service", NULL);
        ask();
        expect_command(AIU_ACTION_STOP_UNIT, "systemctl stop web.service");
        ck_assert_ptr_null(find(AIU_ACTION_TERMINATE));
}
END_TEST

/* A name alone makes no helper of a process. */
START_TEST(only_called_docker_proxy)
{
        listener(100, "docker-proxy");
        ask();
        expect(AIU_ACTION_TERMINATE, YES);
}
END_TEST

/* ------------------------------------------------------ whose word it is */

static void expect_unconfirmed(enum aiu_action_kind kind, const char *command, const char *part)
{
        expect(kind, UNKNOWN);
        ck_assert(find(kind)->flags & AIU_ACTION_UNCONFIRMED);
        expect_command(kind, command);
        expect_text(kind, part);
}

static void expect_believed(enum aiu_action_kind kind, const char *command)
{
        expect(kind, YES);
        ck_assert(!(find(kind)->flags & AIU_ACTION_UNCONFIRMED));
        expect_command(kind, command);
        ck_assert_ptr_null(strstr(find(kind)->text, "relies on what"));
}

/* A user could have chosen the name: root gets no command for it, that user does. */
START_TEST(name_that_a_user_chose)
{
        static const struct {
                enum aiu_manager_kind kind;
                const char *unit, *container, *supervisor, *command;
        } rows[] = {
                { AIU_MANAGER_SUPERVISOR, "/home/x/svc", NULL, "runit", "sv down /home/x/svc" },
                { AIU_MANAGER_SUPERVISOR, "web", NULL, "pm2", "pm2 stop web" },
                { AIU_MANAGER_SYSTEMD, "nginx.service", NULL, NULL, "systemctl stop nginx.service" },
                { AIU_MANAGER_LXC, NULL, "web", NULL, "lxc-stop -n web" },
                { AIU_MANAGER_MACHINE, NULL, "web", NULL, "machinectl stop web" },
                { AIU_MANAGER_SNAP, NULL, "web.x", NULL, "snap stop web.x" },
                { AIU_MANAGER_DOCKER, NULL, ID, NULL, "docker stop " ID },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                enum aiu_action_kind kind = rows[i].container ? AIU_ACTION_STOP_CONTAINER : AIU_ACTION_STOP_UNIT;

                setup();
                listener(100, "web");
                manage(0, rows[i].kind, rows[i].unit, NULL);
                managers[0].container = words(rows[i].container);
                managers[0].supervisor = words(rows[i].supervisor);
                managers[0].will_return = rows[i].supervisor ? YES : NO;
                managers[0].named_by = 1000;
                asker = 0;
                ask();
                expect_unconfirmed(kind, NULL, "what uid 1000 says, so no command acts on it");
                ck_assert_ptr_nonnull(find(AIU_ACTION_TERMINATE)->argv);
                expect(AIU_ACTION_TERMINATE, rows[i].supervisor ? UNKNOWN : YES);
                teardown();
                managers[0].named_by = UID_UNKNOWN;
                ask();
                expect_unconfirmed(kind, NULL, "An unknown user may have chosen the name");
                teardown();
                managers[0].named_by = asker = 1000;
                ask();
                expect_believed(kind, rows[i].command);
                teardown();
                managers[0].named_by = 0;
                ask();
                expect_believed(kind, rows[i].command);
                teardown();
        }
}
END_TEST

/* Through that user's manager the command does what the user may do anyway. */
START_TEST(command_runs_as_the_user)
{
        static const enum aiu_manager_kind engines[] = { AIU_MANAGER_DOCKER, AIU_MANAGER_PODMAN,
                                                         AIU_MANAGER_CONTAINERD };
        static const char *const tools[] = { "docker", "podman", "nerdctl" };

        for (size_t i = 0; i < ELEMENTSOF(engines); i++) {
                char command[256] = "systemd-run --user -M 1000@ --wait ";

                strcat(strcat(command, tools[i]), " stop " ID);
                setup();
                asker = 0;
                listener(100, "httpd");
                container(0, engines[i], ID);
                managers[0].user = managers[0].named_by = 1000;
                ask();
                expect_unconfirmed(AIU_ACTION_STOP_CONTAINER, command,
                                   "what uid 1000 says, and the command runs as that user");
                teardown();
        }
        setup();
        asker = 0;
        listener(100, "web");
        manage(0, AIU_MANAGER_SYSTEMD_USER, "web.service", NULL);
        managers[0].user = managers[0].named_by = 1000;
        managers[0].unit_state = NULL;
        ask();
        expect_unconfirmed(AIU_ACTION_STOP_UNIT, "systemctl --user -M 1000@ stop web.service",
                           "the command runs as that user");
        teardown();
        managers[0].unit_state = words("active"); /* that user's manager was asked */
        ask();
        expect_believed(AIU_ACTION_STOP_UNIT, "systemctl --user -M 1000@ stop web.service");
        teardown();
        managers[0].named_by = 1001;
        ask();
        expect_unconfirmed(AIU_ACTION_STOP_UNIT, NULL, "what uid 1001 says");
}
END_TEST

/* One name is root's, the other a user's: two actions, and the command is for the first alone. */
START_TEST(names_of_several_users)
{
        asker = 0;
        listener(100, "a");
        listener(101, "b");
        listener(102, "c");
        listener(103, "d");
        manage(0, AIU_MANAGER_SYSTEMD, "a.service", NULL);
        manage(1, AIU_MANAGER_SYSTEMD, "b.service", NULL);
        managers[1].named_by = 1000;
        managers[1].also_stop = words("-x c.timer");
        container(2, AIU_MANAGER_LXC, "web");
        container(3, AIU_MANAGER_LXC, "web");
        managers[3].named_by = 1000;
        ask();
        expect_command(AIU_ACTION_STOP_UNIT, "systemctl stop a.service");
        expect_command(AIU_ACTION_STOP_CONTAINER, "lxc-stop -n web");
        for (size_t i = 0; i < n_actions; i++)
                for (size_t k = 0; k < actions[i].n_units; k++)
                        ck_assert_str_ne(actions[i].units[k], "-x");
}
END_TEST

/* ------------------------------------------------------ supervisors */

START_TEST(supervisor_commands)
{
        static const struct {
                const char *supervisor, *program, *command;
        } rows[] = {
                { "supervisord", "web:web_0", "supervisorctl stop web:web_0" },
                { "runit", "/etc/service/web", "sv down /etc/service/web" },
                { "s6", "/run/service/web", "s6-svc -d /run/service/web" },
                { "daemontools", "/service/web", "svc -d /service/web" },
                { "pm2", "web", "pm2 stop web" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                setup();
                listener(100, "web");
                manage(0, AIU_MANAGER_SUPERVISOR, rows[i].program, NULL);
                managers[0].supervisor = words(rows[i].supervisor);
                ask();
                ck_assert_int_eq(actions[0].kind, AIU_ACTION_STOP_UNIT);
                expect(AIU_ACTION_STOP_UNIT, YES);
                expect_command(AIU_ACTION_STOP_UNIT, rows[i].command);
                expect(AIU_ACTION_TERMINATE, NO);
                teardown();
        }
}
END_TEST

/* The manager starts the program again, and its command is unknown. */
START_TEST(supervisor_without_a_command)
{
        listener(100, "worker");
        manage(0, AIU_MANAGER_SUPERVISOR, NULL, NULL);
        managers[0].supervisor = words("gunicorn");
        ask();
        ck_assert_ptr_null(find(AIU_ACTION_STOP_UNIT));
        expect(AIU_ACTION_TERMINATE, NO);
        expect_text(AIU_ACTION_TERMINATE, "starts it again");
}
END_TEST

static TCase *all_tests(void)
{
        TCase *tcase = tcase_create("all");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, systemd_was_not_asked);
        tcase_add_test(tcase, unit_that_returns_at_boot);
        tcase_add_test(tcase, unit_whose_stop_spares_it);
        tcase_add_test(tcase, unit_with_another_main_process);
        tcase_add_test(tcase, unit_of_the_holder);
        tcase_add_test(tcase, upheld_and_triggered);
        tcase_add_test(tcase, unit_of_a_user);
        tcase_add_test(tcase, leftover_is_killed_through_its_unit);
        tcase_add_test(tcase, several_managers);
        tcase_add_test(tcase, caller_is_fed_by_the_socket);
        tcase_add_test(tcase, second_copy_names_both_units);
        tcase_add_test(tcase, container_commands);
        tcase_add_test(tcase, rootless_container);
        tcase_add_test(tcase, port_helpers_are_spared);
        tcase_add_test(tcase, socket_of_another_user);
        tcase_add_test(tcase, master_of_a_socket_of_another_user);
        tcase_add_test(tcase, one_of_two_sockets_of_another_user);
        tcase_add_test(tcase, port_helper_that_was_left_over);
        tcase_add_test(tcase, virtual_machine);
        tcase_add_test(tcase, conmon_in_a_unit);
        tcase_add_test(tcase, only_called_docker_proxy);
        tcase_add_test(tcase, name_that_a_user_chose);
        tcase_add_test(tcase, command_runs_as_the_user);
        tcase_add_test(tcase, names_of_several_users);
        tcase_add_test(tcase, supervisor_commands);
        tcase_add_test(tcase, supervisor_without_a_command);
        return tcase;
}

int main(void)
{
        Suite *suite = suite_create("advice-managers");

        suite_add_tcase(suite, all_tests());
        return run_suite(suite);
}
