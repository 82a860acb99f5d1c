/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What makes actions less certain than the facts show: where they are carried out, who made the socket, and whether
 * the caller goes down with what they end. Pure.
 */
#include <string.h>

#include "advice/holder.h"
#include "advice/parts.h"
#include "rules/programs.h"

static bool sends_signal(const struct aiu_action *action)
{
        return action->kind == AIU_ACTION_TERMINATE || action->kind == AIU_ACTION_KILL;
}

/* A unit or a container takes all that is in it along. */
static bool stops_all(const struct aiu_action *action)
{
        return action->kind == AIU_ACTION_STOP_UNIT || action->kind == AIU_ACTION_KILL_UNIT_LEFTOVERS ||
               action->kind == AIU_ACTION_STOP_CONTAINER;
}

/* ------------------------------------------------------ where */

/* A user that this user namespace does not have is shown as the overflow uid. */
static bool has_outsider(const struct aiu_action *action)
{
        for (size_t i = 0; i < action->n_processes; i++)
                if (action->processes[i]->uid == 65534)
                        return true;
        return false;
}

/*
 * A process has another number in another pid namespace, and a unit or container that such a /proc shows is another
 * manager's. Root of a user namespace is not root of the host.
 */
static void mark_place(struct aiu_action *action, const struct host *host)
{
        if (host->foreign_pids && (sends_signal(action) || stops_all(action)))
                advice_doubt(action, REMARK_FOREIGN_PIDS);
        if (!host->limited_root)
                return;
        if (action->kind == AIU_ACTION_LOOK_CLOSER)
                action->remarks |= REMARK_LIMITED_ROOT;
        else if (sends_signal(action) && has_outsider(action))
                advice_doubt(action, REMARK_LIMITED_ROOT);
}

/* ------------------------------------------------------ who made the socket */

static bool has_unit(const struct aiu_action *action, const char *unit)
{
        for (size_t i = 0; unit && i < action->n_units; i++)
                if (strcmp(action->units[i], unit) == 0)
                        return true;
        return false;
}

/* What is handed over has a process that holds it. */
static bool ends(const struct aiu_action *action, const struct aiu_holder *holder)
{
        for (size_t i = 0; i < action->n_processes; i++)
                /* A master's end takes its workers along. */
                if (action->processes[i] == holder->process || action->processes[i] == holder->process->leading)
                        return true;
        if (!action->manager || !holder->manager)
                return false;
        return action->manager == holder->manager || has_unit(action, holder->manager->unit);
}

/* The user who made the socket may have chosen the holder. */
static bool ends_an_innocent(const struct advice_input *in, const struct aiu_action *action)
{
        struct advice_cursor at = { 0 };
        const struct aiu_holder *h;

        while ((h = advice_next(in, &at)))
                if (h->flags & AIU_HOLDER_HANDED_OVER && ends(action, h))
                        return true;
        return false;
}

/* ------------------------------------------------------ the caller */

/* A service manager that holds a socket for a unit goes on when the unit is stopped. */
static bool holds_as_ancestor(const struct advice_input *in)
{
        struct advice_cursor at = { 0 };
        const struct aiu_holder *h;

        while ((h = advice_next(in, &at)))
                if (h->flags & AIU_HOLDER_ANCESTOR && !(advice_is_proxy(h) && h->manager->socket_unit))
                        return true;
        return false;
}

static bool signals_ancestor(const struct aiu_action *action)
{
        for (size_t i = 0; i < action->n_processes; i++)
                if (action->processes[i]->flags & AIU_HOLDER_ANCESTOR)
                        return true;
        return false;
}

static bool stops_vital_unit(const struct aiu_action *action)
{
        for (size_t i = 0; i < action->n_units; i++)
                if (unit_is_vital(action->units[i]))
                        return true;
        return false;
}

void advice_mark_doubts(struct advice_list *list)
{
        bool holds = holds_as_ancestor(list->in);

        for (size_t i = 0; i < list->n; i++) {
                struct aiu_action *action = &list->actions[i];

                mark_place(action, list->in->table->host);
                if (ends_an_innocent(list->in, action)) {
                        action->flags |= AIU_ACTION_UNCONFIRMED;
                        advice_doubt(action, REMARK_HANDED_OVER);
                }
                if (stops_vital_unit(action))
                        action->flags |= AIU_ACTION_VITAL;
                /* An IDE, a terminal multiplexer, a login shell: the caller may not live on to bind. */
                if (signals_ancestor(action) || (holds && stops_all(action))) {
                        action->flags |= AIU_ACTION_VITAL;
                        advice_doubt(action, REMARK_ANCESTOR);
                }
        }
}
