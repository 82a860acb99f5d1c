/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See holder.h. Pure. */
#include <string.h>

#include "advice/holder.h"
#include "advice/manager-commands.h"
#include "rules/programs.h"

bool advice_has_unit(const struct aiu_holder *holder)
{
        const struct manager *m = holder->manager;

        return m && (m->unit || m->socket_unit) && manager_command(m, STOPS_UNITS);
}

/*
 * Without it the container would go on, cut off or unwatched, and its engine would think that all is well. In a unit
 * that runs a container (quadlet) the unit is asked.
 */
bool advice_is_port_helper(const struct aiu_holder *holder)
{
        if (!holder->process || !holder->manager || !(program_flags(holder->process->comm) & PROGRAM_CONTAINER_HELPER))
                return false;
        if (manager_is_engine(holder->manager))
                return true;
        return advice_has_unit(holder) && strcmp(holder->process->comm, "conmon") == 0;
}

bool advice_is_proxy(const struct aiu_holder *holder)
{
        const struct manager *m = holder->manager;

        return m && manager_is_systemd(m) && (m->socket_unit || !m->unit) && holder->process &&
               program_flags(holder->process->comm) & PROGRAM_SERVICE_MANAGER;
}

bool advice_is_process(const struct aiu_holder *holder)
{
        return holder->kind == AIU_HOLDER_PROCESS && holder->process && holder->process->pid > 1 &&
               !advice_is_proxy(holder) && !advice_is_port_helper(holder);
}

/* ------------------------------------------------------ which user says so */

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
        advice_doubt(action, REMARK_USERS_WORD);
}

tristate advice_returns(const struct advice_input *in, const struct manager *m)
{
        return m->will_return == YES && !advice_believes(in, m) ? UNKNOWN : m->will_return;
}
