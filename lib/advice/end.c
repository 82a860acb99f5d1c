/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Processes are ended: which of them get a signal, and which signal. What 33
 * programs did when that was measured (nginx, apache2, postgres, redis,
 * haproxy, squid ...) is where these rules come from:
 *
 * - SIGTERM to the leader alone takes the workers along, if the leader handles
 * it. If not, the workers stay and listen: then every holder gets the signal.
 * - A signal to one worker frees nothing: the leader starts another. Nor is one
 * sent to workers whose master is hidden.
 * - SIGKILL of a leader leaves its workers with the port and without an owner,
 * so that is not offered; nor is SIGKILL of the workers, who would be replaced.
 * - What SigCgt and SigBlk say of SIGTERM proves little: named has it in
 * neither and stops cleanly, mosquitto and mariadb block it and answer, an
 * orphaned worker of apache2 catches it and stays. Therefore the text promises
 * nothing, and SIGKILL comes first only where SIGTERM cannot act: it is
 * ignored, or the process is stopped.
 *
 * Pure.
 */
#include "advice/holder.h"
#include "advice/parts.h"
#include "advice/try.h"
#include "rules/programs.h"
#include "rules/conflict.h"

/* ------------------------------------------------------ who hears what */

static const struct process *leader_of(const struct aiu_holder *holder)
{
        return holder->process->leading ? holder->process->leading : holder->process;
}

/* SIGTERM cannot act on the one who would have to hear it. */
static bool is_deaf(const struct aiu_holder *holder)
{
        const struct process *leader = leader_of(holder);

        return leader->sigterm_ignored == YES || leader->flags & AIU_HOLDER_STOPPED ||
               (!holder->process->leading && holder->flags & AIU_HOLDER_STOPPED);
}

static bool hears(const struct aiu_holder *holder, const void *what)
{
        (void)what;
        return advice_is_process(holder) && !is_deaf(holder) && !holder->process->led_unseen;
}

static bool does_not_hear(const struct aiu_holder *holder, const void *what)
{
        (void)what;
        return advice_is_process(holder) && is_deaf(holder) && !holder->process->led_unseen;
}

/* Neither a leader nor led: SIGKILL leaves nothing behind. */
static bool stands_alone(const struct aiu_holder *holder, const void *what)
{
        return hears(holder, what) && !holder->process->leading && !holder->process->leads;
}

static bool may_stay(const struct aiu_holder *holder, const void *what)
{
        return stands_alone(holder, what) && holder->process->sigterm_caught != NO;
}

static bool handles_it(const struct aiu_holder *holder, const void *what)
{
        return hears(holder, what) && leader_of(holder)->sigterm_caught != NO;
}

static bool is_stopped(const struct aiu_holder *holder, const void *what)
{
        return does_not_hear(holder, what) && leader_of(holder)->sigterm_ignored != YES;
}

static bool ignores_it(const struct aiu_holder *holder, const void *what)
{
        return does_not_hear(holder, what) && leader_of(holder)->sigterm_ignored == YES;
}

static bool second_copy(const struct aiu_holder *holder, const void *what)
{
        (void)what;
        return holder->flags & AIU_HOLDER_SAME_PROGRAM;
}

/* A script in a loop, an unknown watchdog: see proc-parent.c. */
static bool parent_may_return(const struct aiu_holder *holder, const void *what)
{
        (void)what;
        return advice_is_process(holder) && leader_of(holder)->parent_returns != NO;
}

/* The asker, a login or the whole host goes with it. */
static bool is_vital(const struct aiu_holder *holder, const void *what)
{
        (void)what;
        if (!advice_is_process(holder))
                return false;
        if ((holder->flags | leader_of(holder)->flags) & AIU_HOLDER_ANCESTOR)
                return true;
        return program_flags(leader_of(holder)->comm) & PROGRAM_VITAL;
}

/* ------------------------------------------------------ which processes get the signal */

static bool seen_before(const struct aiu_action *action, const struct process *process)
{
        for (size_t i = 0; i < action->n_processes; i++)
                if (action->processes[i] == process)
                        return true;
        return false;
}

/* The leader first: a master that is gone starts no new workers. */
static int add_holder(struct aiu_action *action, const struct aiu_holder *holder)
{
        const struct process *leader = leader_of(holder);
        bool leader_alone = action->kind == AIU_ACTION_TERMINATE && leader->sigterm_caught != NO;
        int r = advice_add_process(action, leader);

        return r < 0 || leader_alone ? r : advice_add_process(action, holder->process);
}

/* In the crowd of one socket; most have them all. */
static void count_workers(struct aiu_action *action, const struct aiu_conflict *c)
{
        size_t n = 0;

        for (size_t i = 0; i < c->n_holders; i++) {
                const struct process *p = c->holders[i].process;

                if (p && p->leading && !seen_before(action, p) && seen_before(action, p->leading))
                        n++;
        }
        if (n > action->n_workers)
                action->n_workers = n;
}

static void collect(struct advice_list *list, struct aiu_action *action, releases *who)
{
        struct advice_cursor at = { 0 };
        const struct aiu_holder *h;

        while (!list->error && (h = advice_next(list->in, &at)))
                if (who(h, NULL))
                        list->error = add_holder(action, h);
        for (size_t i = 0; !list->error && i < list->in->n_conflicts; i++)
                count_workers(action, &list->in->conflicts[i]);
}

static uint32_t privilege_flag(const struct aiu_action *action, uid_t asker)
{
        for (size_t i = 0; asker != 0 && i < action->n_processes; i++)
                if (action->processes[i]->uid != asker)
                        return AIU_ACTION_NEEDS_ROOT;
        return 0;
}

/* ------------------------------------------------------ actions */

/* Ending a holder that something starts again frees nothing for long. */
static tristate any_returns(const struct advice_input *in)
{
        struct advice_cursor at = { 0 };
        const struct aiu_holder *h;
        tristate returns = NO;

        while ((h = advice_next(in, &at)))
                if (h->manager && h->manager->kind != AIU_MANAGER_UNKNOWN && h->manager->kind != AIU_MANAGER_NONE)
                        returns = tri_or(returns, advice_returns(in, h->manager));
        return returns;
}

static tristate unless_returned(const struct advice_input *in, tristate sufficient, uint32_t *remarks)
{
        tristate returns = any_returns(in);

        if (returns == NO || sufficient == NO)
                return sufficient;
        *remarks |= REMARK_RETURNS;
        return returns == YES ? NO : UNKNOWN;
}

static struct aiu_action *end_those(struct advice_list *list, enum aiu_action_kind kind, releases *who)
{
        uint32_t remarks = 0, flags = AIU_ACTION_DISRUPTIVE;
        tristate enough = advice_try(list->in, who, NULL, &remarks);
        struct aiu_action *action;

        enough = unless_returned(list->in, enough, &remarks);
        if (enough != NO && advice_any_holder(list->in, parent_may_return, NULL)) {
                remarks |= REMARK_PARENT;
                enough = UNKNOWN;
        }
        if (advice_any_holder(list->in, second_copy, NULL))
                remarks |= REMARK_SECOND_COPY;
        if (advice_any_holder(list->in, is_vital, NULL)) {
                remarks |= REMARK_VITAL;
                flags |= AIU_ACTION_VITAL;
                enough = enough == YES ? UNKNOWN : enough;
        }
        action = advice_add(list, kind, enough, flags);
        if (!action)
                return NULL;
        action->remarks = remarks;
        collect(list, action, who);
        action->flags |= privilege_flag(action, list->in->asker);
        return action;
}

static void terminate(struct advice_list *list)
{
        struct aiu_action *action;

        if (!advice_any_holder(list->in, hears, NULL))
                return;
        action = end_those(list, AIU_ACTION_TERMINATE, hears);
        if (!action || !advice_any_holder(list->in, handles_it, NULL))
                return;
        action->remarks |= REMARK_CATCHES;
        if (action->sufficient == YES)
                action->sufficient = UNKNOWN;
        else if (action->sufficient == NO && conflict_is_about_path(list->in->table->request))
                action->sufficient = advice_file_goes(list->in, hears, NULL);
}

/* If some processes do not hear SIGTERM, kill only these: the others get SIGTERM first, and another look. */
static void kill_them(struct advice_list *list)
{
        bool deaf = advice_any_holder(list->in, does_not_hear, NULL);
        struct aiu_action *action;

        if (!deaf && !advice_any_holder(list->in, may_stay, NULL))
                return;
        action = end_those(list, AIU_ACTION_KILL, deaf ? does_not_hear : stands_alone);
        if (!action)
                return;
        action->flags |= AIU_ACTION_LAST_RESORT;
        if (advice_any_holder(list->in, is_stopped, NULL))
                action->remarks |= REMARK_STOPPED;
        if (advice_any_holder(list->in, ignores_it, NULL))
                action->remarks |= REMARK_IGNORES;
}

void advice_end_processes(struct advice_list *list)
{
        terminate(list);
        advice_own_signal(list);
        kill_them(list);
}
