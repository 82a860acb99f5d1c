/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Containers: stop one through its engine, and leave a proxy that holds a port for one
 * alone. Pure; advice/holders.c has units and processes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "advice/list.h"
#include "advice/manager-commands.h"
#include "rules/programs.h"

/*
 * These take connections for a container, or watch over it (conmon). Without them it would go
 * on, cut off or unwatched, and its engine would think that all is well. In a unit that runs a
 * container (quadlet) the unit is to be asked, and conmon is spared as well.
 */
bool advice_is_port_helper(const struct aiu_holder *holder)
{
        if (!holder->process || !holder->manager || !(program_flags(holder->process->comm) & PROGRAM_CONTAINER_HELPER))
                return false;
        if (manager_is_engine(holder->manager))
                return true;
        return advice_has_unit(holder) && strcmp(holder->process->comm, "conmon") == 0;
}

/* Which of them it is, an engine's helper does not always tell. */
static bool has_container(const struct aiu_holder *holder)
{
        return holder->manager &&
               (holder->manager->container || (manager_is_engine(holder->manager) && advice_is_port_helper(holder)));
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

/* Everybody may stop his own rootless containers; the others are root's. */
static uint32_t stop_flags(const struct advice_input *in, const struct manager *m)
{
        bool own = manager_is_engine(m) && m->user != 0 && m->user == in->asker;

        return AIU_ACTION_DISRUPTIVE | (own || in->asker == 0 ? 0 : AIU_ACTION_NEEDS_ROOT);
}

static void stop_one(struct advice_list *list, const struct manager *m)
{
        uint32_t remarks = 0;
        tristate enough = advice_try(list->in, in_container, m, &remarks);
        struct aiu_action *action;

        /* A kubelet starts it again; others do as they were told at `run`. */
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

/*
 * These serve one container each, and outlive it when its engine dies or is upgraded: then there is
 * no container to stop. The others serve all containers of a user.
 */
static bool may_be_left_over(const struct aiu_holder *holder)
{
        return holder->kind == AIU_HOLDER_PROCESS && advice_is_port_helper(holder) && holder->process->pid > 1 &&
               !holder->manager->container && !advice_has_unit(holder) &&
               program_flags(holder->process->comm) & PROGRAM_OF_ONE_CONTAINER;
}

static void end_helper(struct advice_list *list, const struct aiu_holder *holder)
{
        uid_t asker = list->in->asker;
        uint32_t root = asker != 0 && asker != holder->uid ? AIU_ACTION_NEEDS_ROOT : 0;
        struct aiu_action *action;

        action = advice_add(list, AIU_ACTION_TERMINATE, UNKNOWN, AIU_ACTION_DISRUPTIVE | AIU_ACTION_UNCONFIRMED | root);
        if (!action)
                return;
        action->remarks = REMARK_HELPER;
        action->processes = malloc(sizeof(*action->processes));
        if (!action->processes) {
                list->error = -ENOMEM;
                return;
        }
        action->processes[action->n_processes++] = holder->process;
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
        for (size_t i = 0; i < list->in->n_conflicts && !list->error; i++) {
                const struct aiu_conflict *c = &list->in->conflicts[i];

                for (size_t k = 0; k < c->n_holders && !list->error; k++)
                        if (may_be_left_over(&c->holders[k]) && !ended_already(list, c->holders[k].process))
                                end_helper(list, &c->holders[k]);
        }
}

void advice_stop_containers(struct advice_list *list)
{
        for (size_t i = 0; i < list->in->n_conflicts; i++) {
                for (size_t k = 0; k < list->in->conflicts[i].n_holders; k++) {
                        const struct aiu_holder *h = &list->in->conflicts[i].holders[k];

                        if (has_container(h) && !advice_has_unit(h) && !stopped_already(list, h->manager))
                                stop_one(list, h->manager);
                }
        }
}
