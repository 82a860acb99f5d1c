/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A unit whose main process is not the holder: a job of a build server, a shell of a
 * terminal's server. A stop of the unit frees the address, and ends much that has
 * nothing to do with it. Pure.
 */
#include <string.h>

#include "advice/list.h"

static bool is_main(const struct aiu_holder *holder)
{
        const struct process *p = holder->process;
        pid_t main_pid = holder->manager->main_pid;

        return p->pid == main_pid || (p->leading && p->leading->pid == main_pid);
}

/* Of a container's unit the main process watches over it, and has to be asked. */
static bool knows_main(const struct aiu_holder *holder, const struct manager *m)
{
        const struct manager *its = holder->manager;

        return advice_is_process(holder) && its->main_pid > 0 && !its->container && !its->socket_unit &&
               strcmp(its->unit, m->unit) == 0;
}

/* How many of the unit's processes hold one socket: what is left are others. */
static uint32_t count_others(const struct advice_input *in, releases *whose, const struct manager *m)
{
        uint32_t most = 0;

        for (size_t i = 0; i < in->n_conflicts; i++) {
                uint32_t n = 0;

                for (size_t k = 0; k < in->conflicts[i].n_holders; k++)
                        n += whose(&in->conflicts[i].holders[k], m);
                if (n > most)
                        most = n;
        }
        return m->n_processes > most ? m->n_processes - most : 0;
}

void advice_spare_others(struct advice_list *list, struct aiu_action *action, releases *whose, const struct manager *m)
{
        const struct advice_input *in = list->in;

        /* Without a .socket unit it has a unit: advice_has_unit(). */
        if (m->socket_unit)
                return;
        for (size_t i = 0; i < in->n_conflicts; i++) {
                for (size_t k = 0; k < in->conflicts[i].n_holders; k++) {
                        const struct aiu_holder *h = &in->conflicts[i].holders[k];

                        if (whose(h, m) && (!knows_main(h, m) || is_main(h)))
                                return;
                }
        }
        action->remarks |= REMARK_WHOLE_UNIT;
        action->n_others = count_others(in, whose, m);
}
