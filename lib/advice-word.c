/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whose word is it? A name that a less privileged user could have chosen is shown, and
 * neither certain nor acted upon by anybody but that user. Pure.
 */
#include "advice-list.h"

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
