/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * --apply: which action, if none was asked for by its number. One that suffices, else a
 * SIGTERM; never one that changes the host for everybody, rests on the word of another
 * user, is a last resort, or takes away the ground that the caller stands on.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

static bool is_any(const char *word, const char *const *list, size_t n)
{
        for (size_t i = 0; word && i < n; i++)
                if (strcmp(word, list[i]) == 0)
                        return true;
        return false;
}

/* Whose end takes the machine along: service managers and the system bus. */
static bool is_vital_name(const char *comm)
{
        static const char *const vital[] = { "systemd",         "init",           "dbus-daemon",     "dbus-broker",
                                             "dbus-broker-lau", "systemd-logind", "systemd-journal", "launchd",
                                             "s6-svscan",       "runsvdir" };

        return is_any(comm, vital, sizeof(vital) / sizeof(vital[0]));
}

static bool is_vital_unit(const char *word)
{
        static const char *const vital[] = { "dbus.service",           "dbus.socket",
                                             "dbus-broker.service",    "init.scope",
                                             "systemd-logind.service", "systemd-journald.service",
                                             "systemd-journald.socket" };

        return is_any(word, vital, sizeof(vital) / sizeof(vital[0])) || strncmp(word, "user@", 5) == 0 ||
               strncmp(word, "session-", 8) == 0;
}

static bool is_signalled(const struct aiu_action *action, pid_t pid)
{
        for (size_t i = 0; i < aiu_action_get_n_processes(action); i++)
                if (aiu_action_get_process(action, i, NULL) == pid)
                        return true;
        return false;
}

/* A service manager that holds a socket for a unit goes on when the unit is stopped. */
static bool is_proxy(const struct aiu_holder *holder)
{
        const char *comm = aiu_holder_get_comm(holder);

        return aiu_holder_get_socket_unit(holder) && comm && strcmp(comm, "systemd") == 0;
}

/* A unit or a container takes all of its holders along. */
static bool ends(const struct aiu_action *action, const struct aiu_holder *holder)
{
        switch (aiu_action_get_kind(action)) {
        case AIU_ACTION_STOP_UNIT:
        case AIU_ACTION_KILL_UNIT_LEFTOVERS:
        case AIU_ACTION_STOP_CONTAINER:
                return !is_proxy(holder) && aiu_holder_get_flags(holder) & AIU_HOLDER_ANCESTOR;
        default:
                return is_signalled(action, aiu_holder_get_pid(holder));
        }
}

static bool ends_ground(const struct aiu_action *action, const struct aiu_report *report)
{
        const char *const *argv = aiu_action_get_argv(action);

        if (is_signalled(action, 1))
                return true;
        for (; *argv; argv++)
                if (is_vital_unit(*argv))
                        return true;
        for (size_t i = 0; i < aiu_report_get_n_conflicts(report); i++) {
                const struct aiu_conflict *c = aiu_report_get_conflict(report, i);

                for (size_t k = 0; k < aiu_conflict_get_n_holders(c); k++) {
                        const struct aiu_holder *h = aiu_conflict_get_holder(c, k);

                        if (ends(action, h) &&
                            (aiu_holder_get_flags(h) & AIU_HOLDER_ANCESTOR || is_vital_name(aiu_holder_get_comm(h))))
                                return true;
                }
        }
        return false;
}

bool cli_changes_host(const struct aiu_action *action)
{
        switch (aiu_action_get_kind(action)) {
        case AIU_ACTION_ADD_ADDRESS:
        case AIU_ACTION_GRANT_PRIVILEGE:
        case AIU_ACTION_RESERVE_PORT:
        case AIU_ACTION_WIDEN_RANGE:
                return true;
        default:
                return aiu_action_get_flags(action) & AIU_ACTION_HOST_WIDE;
        }
}

const char *cli_why_not(const struct aiu_action *action, const struct aiu_report *report)
{
        uint32_t flags = aiu_action_get_flags(action);

        if (cli_changes_host(action))
                return "it changes the host for everybody";
        if (flags & AIU_ACTION_UNCONFIRMED)
                return "it rests on what another user said, or on not having seen any holder";
        if (flags & AIU_ACTION_LAST_RESORT || aiu_action_get_signal(action) == SIGKILL)
                return "it is a last resort";
        if (ends_ground(action, report))
                return "it ends a process that you run in, or one that the system needs";
        return NULL;
}

static const struct aiu_action *by_number(const struct cli *cli, const struct aiu_report *report)
{
        const struct aiu_action *action = aiu_report_get_action(report, cli->apply_number - 1);

        if (!action)
                cli_error("there is no action %zu", cli->apply_number);
        else if (!aiu_action_get_argv(action))
                cli_error("action %zu is nothing that a command can do: %s", cli->apply_number,
                          aiu_action_get_text(action));
        return action && aiu_action_get_argv(action) ? action : NULL;
}

static const struct aiu_action *first(const struct aiu_report *report, bool sufficient)
{
        const struct aiu_action *action;

        for (size_t i = 0; (action = aiu_report_get_action(report, i)); i++) {
                bool fits = sufficient ? aiu_action_is_sufficient(action) == AIU_TRISTATE_YES
                                       : aiu_action_get_kind(action) == AIU_ACTION_TERMINATE;

                if (fits && aiu_action_get_argv(action) && !cli_why_not(action, report))
                        return action;
        }
        return NULL;
}

/* The first command that was left out, and why. */
static void refuse(const struct aiu_report *report)
{
        const struct aiu_action *action;
        bool command = false;

        for (size_t i = 0; (action = aiu_report_get_action(report, i)); i++) {
                const char *why = aiu_action_get_argv(action) ? cli_why_not(action, report) : NULL;

                command = command || aiu_action_get_argv(action);
                if (why) {
                        cli_error("--apply does not do action %zu by itself: %s; --apply=%zu does it", i + 1, why,
                                  i + 1);
                        return;
                }
        }
        cli_error("no command is certain to be enough%s",
                  command ? "; --apply=K takes the K-th action all the same" : ", and none is offered");
}

const struct aiu_action *cli_choose(const struct cli *cli, const struct aiu_report *report)
{
        const struct aiu_action *action;

        if (cli->apply_number > 0)
                return by_number(cli, report);
        action = first(report, true);
        if (!action)
                action = first(report, false);
        if (!action)
                refuse(report);
        return action;
}
