/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Actions that would end a process that the caller runs in: an IDE, a terminal
 * multiplexer, the shell of a login. Whether the caller lives on to bind is not known
 * then. Pure.
 */
#include <string.h>

#include "advice/list.h"

/* A service manager that holds a socket for a unit goes on when the unit is stopped. */
static bool is_proxy(const struct aiu_holder *holder)
{
        return holder->manager && holder->manager->socket_unit && holder->process && holder->process->comm &&
               strcmp(holder->process->comm, "systemd") == 0;
}

static bool holds_as_ancestor(const struct advice_input *in)
{
        for (size_t i = 0; i < in->n_conflicts; i++)
                for (size_t k = 0; k < in->conflicts[i].n_holders; k++)
                        if (in->conflicts[i].holders[k].flags & AIU_HOLDER_ANCESTOR &&
                            !is_proxy(&in->conflicts[i].holders[k]))
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

/* A unit or a container takes all that is in it along. */
static bool stops_all(const struct aiu_action *action)
{
        return action->kind == AIU_ACTION_STOP_UNIT || action->kind == AIU_ACTION_KILL_UNIT_LEFTOVERS ||
               action->kind == AIU_ACTION_STOP_CONTAINER;
}

void advice_mark_ancestors(struct advice_list *list)
{
        bool holds = holds_as_ancestor(list->in);

        for (size_t i = 0; i < list->n; i++) {
                struct aiu_action *action = &list->actions[i];

                if (!signals_ancestor(action) && !(holds && stops_all(action)))
                        continue;
                action->remarks |= REMARK_ANCESTOR;
                if (action->sufficient == YES)
                        action->sufficient = UNKNOWN;
        }
}
