/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Containers: the engine is asked to stop one. What is left of an engine that is gone is ended. Pure. */
#include <string.h>

#include "advice/holder.h"
#include "advice/manager-commands.h"
#include "advice/parts.h"
#include "advice/try.h"
#include "rules/programs.h"

/* The helper of an engine does not always tell which container it serves. */
static bool has_container(const struct aiu_holder *holder)
{
        const struct manager *m = holder->manager;

        return m && (m->container || (manager_is_engine(m) && advice_is_port_helper(holder)));
}

static bool same_container(const struct manager *a, const struct manager *b)
{
        if (a->kind != b->kind || a->named_by != b->named_by || a->user != b->user)
                return false;
        if (!a->container || !b->container)
                return !a->container && !b->container;
        return strcmp(a->container, b->container) == 0;
}

static bool in_container(const struct aiu_holder *holder, const void *what)
{
        return has_container(holder) && same_container(holder->manager, what);
}

static bool stopped_already(const struct advice_list *list, const struct manager *m)
{
        for (size_t i = 0; i < list->n; i++)
                if (list->actions[i].kind == AIU_ACTION_STOP_CONTAINER && same_container(list->actions[i].manager, m))
                        return true;
        return false;
}

/* A user may stop rootless containers of their own. The others are root's. */
static uint32_t stop_flags(const struct advice_input *in, const struct manager *m)
{
        bool own = manager_is_engine(m) && m->user != 0 && m->user == in->asker;

        return AIU_ACTION_DISRUPTIVE | (own ? 0 : AIU_ACTION_NEEDS_ROOT);
}

static void stop_one(struct advice_list *list, const struct manager *m)
{
        uint32_t remarks = 0;
        tristate enough = advice_try(list->in, in_container, m, &remarks);
        struct aiu_action *action;

        /* A kubelet starts it again. Other engines do what `run` told them. */
        if (m->will_return != NO && enough == YES && m->kind == AIU_MANAGER_KUBERNETES)
                enough = NO;
        /* Which container that is, and whether there is one, has not been seen. */
        if (!m->container && enough == YES)
                enough = UNKNOWN;
        action = advice_add(list, AIU_ACTION_STOP_CONTAINER, enough, stop_flags(list->in, m));
        if (!action)
                return;
        action->manager = m;
        action->remarks = remarks;
        advice_weigh_word(list->in, action);
}

void advice_stop_containers(struct advice_list *list)
{
        struct advice_cursor at = { 0 };
        const struct aiu_holder *h;

        while ((h = advice_next(list->in, &at)))
                if (has_container(h) && !advice_has_unit(h) && !stopped_already(list, h->manager))
                        stop_one(list, h->manager);
}

/* ------------------------------------------------------ helpers that were left behind */

/* It outlives its container when the engine dies or is upgraded: then there is no container to stop. */
static bool may_be_left_over(const struct aiu_holder *holder)
{
        return holder->kind == AIU_HOLDER_PROCESS && advice_is_port_helper(holder) && holder->process->pid > 1 &&
               !holder->manager->container && !advice_has_unit(holder) &&
               program_flags(holder->process->comm) & PROGRAM_OF_ONE_CONTAINER;
}

static void end_helper(struct advice_list *list, const struct aiu_holder *holder)
{
        uint32_t root = list->in->asker != holder->uid ? AIU_ACTION_NEEDS_ROOT : 0;
        struct aiu_action *action;

        action = advice_add(list, AIU_ACTION_TERMINATE, UNKNOWN, AIU_ACTION_DISRUPTIVE | AIU_ACTION_UNCONFIRMED | root);
        if (!action)
                return;
        action->remarks = REMARK_HELPER;
        list->error = advice_add_process(action, holder->process);
}

static bool ended_already(const struct advice_list *list, const struct process *process)
{
        for (size_t i = 0; i < list->n; i++)
                if (list->actions[i].remarks & REMARK_HELPER && list->actions[i].processes[0]->pid == process->pid)
                        return true;
        return false;
}

void advice_end_helpers(struct advice_list *list)
{
        struct advice_cursor at = { 0 };
        const struct aiu_holder *h;

        while (!list->error && (h = advice_next(list->in, &at)))
                if (may_be_left_over(h) && !ended_already(list, h->process))
                        end_helper(list, h);
}
