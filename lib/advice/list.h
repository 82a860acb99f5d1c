/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The list of actions that all files of the advice add to, and the holders that they look at. */
#ifndef AIU_ADVICE_LIST_H
#define AIU_ADVICE_LIST_H

#include "advice/advice.h"

struct advice_list {
        const struct advice_input *in;
        struct aiu_action *actions;
        size_t n;
        int error; /* -ENOMEM once memory ran out; then nothing more is added */
};

/* Appends an action without words; NULL = no memory. Root is never advised to become root. */
struct aiu_action *advice_add(struct advice_list *list, enum aiu_action_kind kind, tristate sufficient, uint32_t flags);

/* Appends a process to those that the action sends its signal to, once. -ENOMEM. */
int advice_add_process(struct aiu_action *action, const struct process *process);

/* The text has to say this (REMARK_*), and the action is not certain to be enough. */
void advice_doubt(struct aiu_action *action, uint32_t remark);

/* Holders could not all be seen: look again with the privilege, or the time, that it takes. */
struct aiu_action *advice_look_closer(struct advice_list *list, uint32_t remarks);

/* Iterates over the holders of all conflicts: NULL after the last. Begin with { 0 }. */
struct advice_cursor {
        size_t conflict, holder;
};
const struct aiu_holder *advice_next(const struct advice_input *in, struct advice_cursor *at);

#endif
