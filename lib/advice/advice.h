/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* (verdict, conflicts) → actions, best first. Pure. */
#ifndef AIU_ADVICE_H
#define AIU_ADVICE_H

#include "rules/verdict.h"

struct advice_input {
        const struct port_table *table; /* with the sockets as they are known at the end */
        const struct verdict *verdict;
        const tristate *what_if;              /* WHAT_IF_COUNT */
        const struct aiu_conflict *conflicts; /* those in the way */
        size_t n_conflicts;
        const uint16_t *entry_group; /* port 0: index + 1 of the conflict that each
                                  claim is part of */
        bool holders_complete;       /* every holder of every conflict is listed */
        uid_t asker;                 /* effective uid of the caller */
        const struct manager *own;   /* who looks after the caller; NULL = not known */
};

/* *ret_actions: malloc()ed, without words yet; -ENOMEM. */
int advise(const struct advice_input *input, struct aiu_action **ret_actions, size_t *ret_n);
/* Up to `most` (8) addresses of this host that the socket could bind instead, the most similar first. How many. */
size_t advice_alike(const struct request *q, const struct host *host, const struct host_address **ret, size_t most);
/* What is in one, its words included. */
void action_finish(struct aiu_action *action);

#endif
