/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * In which order actions are recommended: by harm first, then by certainty. What may free the address comes before
 * what leaves the address to its holder, that before what a programmer has to change, and what changes the host for
 * all comes last. Pure.
 */
#include "advice/parts.h"

enum group { FREES, GOES_ELSEWHERE, IN_CODE, HOST_WIDE };

/* In each group the least harm first. */
static const struct {
        enum aiu_action_kind kind;
        enum group group;
} order[] = {
        { AIU_ACTION_NONE, FREES },
        { AIU_ACTION_LOOK_CLOSER, FREES },
        { AIU_ACTION_WAIT, FREES },
        { AIU_ACTION_MAKE_DIRECTORY, FREES },
        { AIU_ACTION_GRANT_PRIVILEGE, FREES },
        { AIU_ACTION_CHANGE_POLICY, FREES },
        { AIU_ACTION_STOP_UNIT, FREES },
        { AIU_ACTION_STOP_CONTAINER, FREES },
        { AIU_ACTION_STOP_KERNEL_USER, FREES },
        { AIU_ACTION_TERMINATE, FREES },
        { AIU_ACTION_REMOVE_FILE, FREES },
        { AIU_ACTION_KILL_UNIT_LEFTOVERS, FREES }, /* that is SIGKILL, too */
        { AIU_ACTION_KILL, FREES },
        { AIU_ACTION_FIX_CALLER, GOES_ELSEWHERE }, /* the mistake itself, where there is one */
        { AIU_ACTION_OTHER_PORT, GOES_ELSEWHERE },
        { AIU_ACTION_OTHER_ADDRESS, GOES_ELSEWHERE },
        { AIU_ACTION_USE_ACTIVATION, IN_CODE },
        { AIU_ACTION_SET_V6ONLY, IN_CODE },
        { AIU_ACTION_SET_REUSEADDR, IN_CODE },
        { AIU_ACTION_SET_REUSEPORT, IN_CODE },
        { AIU_ACTION_SET_NO_PORT, IN_CODE },
        { AIU_ACTION_SET_FREEBIND, IN_CODE },
        { AIU_ACTION_RESERVE_PORT, HOST_WIDE },
        { AIU_ACTION_WIDEN_RANGE, HOST_WIDE },
        { AIU_ACTION_ALLOW_NONLOCAL, HOST_WIDE },
        { AIU_ACTION_ENABLE_IPV6, HOST_WIDE },
        { AIU_ACTION_ADD_ADDRESS, HOST_WIDE },
};
#define N_KINDS (sizeof(order) / sizeof(order[0]))

static size_t place(enum aiu_action_kind kind)
{
        size_t i = 0;

        while (i < N_KINDS - 1 && order[i].kind != kind)
                i++;
        return i;
}

/*
 * What ends much beside the holder comes after what ends the holder alone. SIGTERM cuts the requests that nginx, apache2
 * and haproxy are answering; their graceful signal takes the listener away as soon, and cuts none.
 */
static size_t harm(const struct aiu_action *action)
{
        if (action->remarks & REMARK_WHOLE_UNIT)
                return 2 * place(AIU_ACTION_TERMINATE) + 1;
        if (action->kind == AIU_ACTION_TERMINATE && signal_is_graceful(action->signal))
                return 2 * place(AIU_ACTION_TERMINATE) - 1;
        return 2 * place(action->kind);
}

static enum group group_of(const struct aiu_action *action)
{
        /* The range of one socket, not the sysctl. */
        if (action->kind == AIU_ACTION_WIDEN_RANGE && action->flags & AIU_ACTION_CHANGES_CODE)
                return IN_CODE;
        return action->flags & AIU_ACTION_HOST_WIDE ? HOST_WIDE : order[place(action->kind)].group;
}

/* Below zero: `a` comes first. What is not enough alone ends its group. */
static int compare(const struct aiu_action *a, const struct aiu_action *b)
{
        size_t x = harm(a), y = harm(b);

        if (group_of(a) != group_of(b))
                return group_of(a) < group_of(b) ? -1 : 1;
        if ((a->sufficient == NO) != (b->sufficient == NO))
                return a->sufficient == NO ? 1 : -1;
        if (x != y)
                return x < y ? -1 : 1;
        return (a->sufficient != YES) - (b->sufficient != YES);
}

/* Insertion: stable, in place, and there are few. */
void advice_sort(struct advice_list *list)
{
        for (size_t i = 1; i < list->n; i++) {
                struct aiu_action one = list->actions[i];
                size_t k = i;

                for (; k > 0 && compare(&list->actions[k - 1], &one) > 0; k--)
                        list->actions[k] = list->actions[k - 1];
                list->actions[k] = one;
        }
}
