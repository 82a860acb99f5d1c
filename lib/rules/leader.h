/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which holder is the master, and which are its workers. Pure. */
#ifndef AIU_LEADER_H
#define AIU_LEADER_H

#include "rules/model.h"

/* Fills in what processes and holders have of a leader. `processes`: the holders' own, and parents. `complete`: no
 * holder was out of sight. -ENOMEM. */
int leader_find(struct aiu_conflict *conflicts, size_t n_conflicts, struct process *processes, size_t n_processes,
                bool complete);

#endif
