/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * --apply: which action, if none was asked for by its number. One that suffices, else a
 * SIGTERM or the graceful signal of a known daemon; never one that changes the host for all users, relies on the word of another
 * user, is a last resort, or takes away the ground that the caller stands on.
 */
#include <signal.h>
#include <stdio.h>

#include "cli.h"

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

const char *cli_why_not(const struct aiu_action *action)
{
        uint32_t flags = aiu_action_get_flags(action);

        if (cli_changes_host(action))
                return "it changes the host for all users";
        if (flags & AIU_ACTION_UNCONFIRMED)
                return "it relies on another user's word, or no holder could be seen";
        if (flags & AIU_ACTION_LAST_RESORT || aiu_action_get_signal(action) == SIGKILL)
                return "it is a last resort";
        if (flags & AIU_ACTION_VITAL)
                return "it ends a process that you run in, or one that the system needs";
        return NULL;
}

static const struct aiu_action *by_number(const struct cli *cli, const struct aiu_report *report)
{
        const struct aiu_action *action = aiu_report_get_action(report, cli->apply_number - 1);

        if (!action)
                cli_error("there is no action %zu", cli->apply_number);
        else if (!aiu_action_get_argv(action))
                cli_error("action %zu has no command: %s", cli->apply_number, aiu_action_get_text(action));
        return action && aiu_action_get_argv(action) ? action : NULL;
}

static const struct aiu_action *first(const struct aiu_report *report, bool sufficient)
{
        const struct aiu_action *action;

        for (size_t i = 0; (action = aiu_report_get_action(report, i)); i++) {
                bool fits = sufficient ? aiu_action_is_sufficient(action) == AIU_TRISTATE_YES
                                       : aiu_action_get_kind(action) == AIU_ACTION_TERMINATE;

                if (fits && aiu_action_get_argv(action) && !cli_why_not(action))
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
                const char *why = aiu_action_get_argv(action) ? cli_why_not(action) : NULL;

                command = command || aiu_action_get_argv(action);
                if (why) {
                        cli_error("--apply skips action %zu: %s. To run the action, use --apply=%zu", i + 1, why,
                                  i + 1);
                        return;
                }
        }
        cli_error("no command is certain to be enough%s",
                  command ? ". To run the K-th action anyway, use --apply=K" : ", and none is offered");
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
