/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What frees the address, by verdict. An action is tried out on the facts (try.c) before it is recommended: only what
 * makes the bind succeed for certain is marked sufficient. Pure: report/action-text.c has the words.
 */
#include <errno.h>
#include <stdlib.h>

#include "advice/parts.h"
#include "advice/try.h"
#include "rules/conflict.h"

static void free_address(struct advice_list *list)
{
        if (conflict_is_about_path(list->in->table->request))
                advice_for_path(list);
        else if (list->in->entry_group)
                advice_for_range(list);
        else
                advice_in_use(list);
}

static void add_by_verdict(struct advice_list *list)
{
        switch (list->in->verdict->verdict) {
        case AIU_VERDICT_AVAILABLE:
                (void)advice_add(list, AIU_ACTION_NONE, YES, 0);
                break;
        case AIU_VERDICT_NOT_LOCAL:
                advice_not_local(list);
                break;
        case AIU_VERDICT_NOT_PERMITTED:
                advice_not_permitted(list);
                break;
        case AIU_VERDICT_INVALID:
                advice_invalid(list);
                break;
        case AIU_VERDICT_IN_USE:
        case AIU_VERDICT_UNKNOWN:
        default:
                free_address(list);
                break;
        }
}

void action_finish(struct aiu_action *action)
{
        for (size_t i = 0; i < action->n_units; i++)
                free(action->units[i]);
        for (size_t i = 0; action->argv && action->argv[i]; i++)
                free(action->argv[i]);
        free(action->units);
        free(action->argv);
        free(action->processes);
        free(action->text);
}

int advise(const struct advice_input *input, struct aiu_action **ret_actions, size_t *ret_n)
{
        struct advice_list list = { .in = input };

        add_by_verdict(&list);
        advice_mark_doubts(&list);
        advice_sort(&list);
        if (list.error == 0 && *input->table->no_memory)
                list.error = -ENOMEM;
        if (list.error == 0) {
                *ret_actions = list.actions;
                *ret_n = list.n;
                return 0;
        }
        for (size_t i = 0; i < list.n; i++)
                action_finish(&list.actions[i]);
        free(list.actions);
        return list.error;
}
