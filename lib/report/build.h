/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From observation and judgements to the conflicts, holders, users, notes and gaps of a report. */
#ifndef AIU_BUILD_H
#define AIU_BUILD_H

#include "observe/observe.h"
#include "report/report.h"

/* Port 0: a conflict for each of the processes that have most of the range. See build_conflicts(). */
int build_range(struct aiu_report *report, const struct observation *o, const struct port_table *table,
                uint16_t *entry_group);

/* Shared by the files that build conflicts. */
int build_holder(const struct aiu_report *report, struct aiu_conflict *conflict, const struct holder_ref *ref);
int build_holders(struct aiu_report *report, const struct aiu_snapshot *snapshot, struct aiu_conflict *conflict);
/* Of a socket without a process: the parts of the kernel that have it, else a holder that is not visible. */
int build_kernel_users(const struct aiu_report *report, struct aiu_conflict *conflict, uint64_t inode);
/* What holders point into becomes the report's. */
void build_take_facts(struct aiu_report *report, struct aiu_snapshot *snapshot);
int build_without_process(const struct aiu_report *report, struct aiu_conflict *conflict);
void build_device(const struct aiu_snapshot *snapshot, struct socket *socket);

/*
 * Conflicts and neighbours, those that certainly are in the way first, with their holders. Processes,
 * managers and kernel users become the report's. *ret_entry_group: for port 0, the index + 1 of the
 * conflict that each entry is part of, 0 = it is in none; free(3) it, after errors as well. -ENOMEM.
 */
int build_conflicts(struct aiu_report *report, struct observation *o, const struct port_table *table,
                    uint16_t **ret_entry_group);

/* A note for each socket beside the request. */
int build_notes(struct aiu_report *report, struct observation *o);
/* Who the holders' users are, by the hook of the context, which may be NULL. -ENOMEM. */
int build_users(struct aiu_report *report, aiu_user_name_fn hook, void *userdata);

/* The snapshot's gaps, and one for each bit that keeps the verdict from being known. */
int build_gaps(struct aiu_report *report, struct observation *o);

#endif
