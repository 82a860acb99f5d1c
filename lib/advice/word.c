/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whose word is it? A name that a less privileged user could have chosen is shown, and
 * neither certain nor acted upon by anybody but that user. Pure.
 */
#include <string.h>

#include "advice/list.h"

/* Confirmed by that user's own service manager, as far as a stop there goes. */
static bool is_confirmed(const struct manager *m)
{
        return m->kind == AIU_MANAGER_SYSTEMD_USER && m->unit_state && m->named_by == m->user;
}

bool advice_believes(const struct advice_input *in, const struct manager *m)
{
        return m->named_by == 0 || m->named_by == in->asker || is_confirmed(m);
}

void advice_weigh_word(const struct advice_input *in, struct aiu_action *action)
{
        if (advice_believes(in, action->manager))
                return;
        action->flags |= AIU_ACTION_UNCONFIRMED;
        action->remarks |= REMARK_USERS_WORD;
        if (action->sufficient == YES)
                action->sufficient = UNKNOWN;
}

tristate advice_returns(const struct advice_input *in, const struct manager *m)
{
        return m->will_return == YES && !advice_believes(in, m) ? UNKNOWN : m->will_return;
}

/* ------------------------------------------------------ descriptors */

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

static bool ends_an_innocent(const struct advice_input *in, const struct aiu_action *action)
{
        for (size_t i = 0; i < in->n_conflicts; i++) {
                const struct aiu_conflict *c = &in->conflicts[i];

                for (size_t k = 0; k < c->n_holders; k++)
                        if (c->holders[k].flags & AIU_HOLDER_HANDED_OVER && ends(action, &c->holders[k]))
                                return true;
        }
        return false;
}

void advice_weigh_holders(struct advice_list *list)
{
        for (size_t i = 0; i < list->n; i++) {
                struct aiu_action *action = &list->actions[i];

                if (!ends_an_innocent(list->in, action))
                        continue;
                action->flags |= AIU_ACTION_UNCONFIRMED;
                action->remarks |= REMARK_HANDED_OVER;
                if (action->sufficient == YES)
                        action->sufficient = UNKNOWN;
        }
}
