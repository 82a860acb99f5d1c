/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Does an action reach, from where the caller is, what it is about? A process has
 * another number in another pid namespace, and a unit or container that such a
 * /proc shows is another manager's. Root of a user namespace is not root of the
 * host. Pure.
 */
#include "advice/list.h"

static bool acts_on_processes(enum aiu_action_kind kind)
{
        return kind == AIU_ACTION_TERMINATE || kind == AIU_ACTION_KILL;
}

static bool acts_on_holders(enum aiu_action_kind kind)
{
        return acts_on_processes(kind) || kind == AIU_ACTION_STOP_UNIT || kind == AIU_ACTION_KILL_UNIT_LEFTOVERS ||
               kind == AIU_ACTION_STOP_CONTAINER;
}

/* A user whom this user namespace does not have is shown as the overflow uid. */
static bool has_outsider(const struct aiu_action *action)
{
        for (size_t i = 0; i < action->n_processes; i++)
                if (action->processes[i]->uid == 65534)
                        return true;
        return false;
}

/* What was shown of another place is not shown of this one. */
static void doubt(struct aiu_action *action, uint32_t remark)
{
        action->remarks |= remark;
        if (action->sufficient == YES)
                action->sufficient = UNKNOWN;
}

static void mark(struct aiu_action *action, const struct host *host)
{
        if (host->foreign_pids && acts_on_holders(action->kind))
                doubt(action, REMARK_FOREIGN_PIDS);
        if (!host->limited_root)
                return;
        if (action->kind == AIU_ACTION_LOOK_CLOSER)
                action->remarks |= REMARK_LIMITED_ROOT;
        else if (acts_on_processes(action->kind) && has_outsider(action))
                doubt(action, REMARK_LIMITED_ROOT);
}

void advice_mark_places(struct advice_list *list)
{
        for (size_t i = 0; i < list->n; i++)
                mark(&list->actions[i], list->in->table->host);
}
