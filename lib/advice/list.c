/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See list.h. */
#include <errno.h>
#include <stdlib.h>

#include "advice/list.h"

struct aiu_action *advice_add(struct advice_list *list, enum aiu_action_kind kind, tristate sufficient, uint32_t flags)
{
        struct aiu_action *larger;

        if (list->error)
                return NULL;
        larger = realloc(list->actions, (list->n + 1) * sizeof(*larger));
        if (!larger) {
                list->error = -ENOMEM;
                return NULL;
        }
        list->actions = larger;
        if (list->in->asker == 0)
                flags &= ~AIU_ACTION_NEEDS_ROOT;
        larger[list->n] = (struct aiu_action){ .kind = kind, .sufficient = sufficient, .flags = flags };
        return &larger[list->n++];
}

int advice_add_process(struct aiu_action *action, const struct process *process)
{
        const struct process **larger;

        for (size_t i = 0; i < action->n_processes; i++)
                if (action->processes[i] == process)
                        return 0;
        larger = realloc(action->processes, (action->n_processes + 1) * sizeof(*larger));
        if (!larger)
                return -ENOMEM;
        action->processes = larger;
        larger[action->n_processes++] = process;
        return 0;
}

void advice_doubt(struct aiu_action *action, uint32_t remark)
{
        action->remarks |= remark;
        if (action->sufficient == YES)
                action->sufficient = UNKNOWN;
}

/* That harms nothing. Only what it shows can tell whether it helps. */
struct aiu_action *advice_look_closer(struct advice_list *list, uint32_t remarks)
{
        struct aiu_action *action = advice_add(list, AIU_ACTION_LOOK_CLOSER, UNKNOWN, AIU_ACTION_NEEDS_ROOT);

        if (action)
                action->remarks = remarks;
        return action;
}

const struct aiu_holder *advice_next(const struct advice_input *in, struct advice_cursor *at)
{
        while (at->conflict < in->n_conflicts && at->holder >= in->conflicts[at->conflict].n_holders) {
                at->conflict++;
                at->holder = 0;
        }
        return at->conflict < in->n_conflicts ? &in->conflicts[at->conflict].holders[at->holder++] : NULL;
}
