/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a judged snapshot to the conflicts, holders and gaps of a report. */
#ifndef AIU_ASSEMBLE_H
#define AIU_ASSEMBLE_H

#include "observe/observe.h"
#include "report/report.h"
#include "rules/verdict.h"

/* The inodes whose holders matter: those of sockets that are, or may be, in the way. */
int assemble_wanted(struct aiu_snapshot *snapshot, const struct request *request);

/* The same for port 0. */
int assemble_range_wanted(struct observation *o);

/* Port 0: of the holders in observation, only those whose options decide are worth asking for them. */
int assemble_range_narrow(struct observation *o);

/* Port 0: a conflict for each of the processes that have most of the range. */
int assemble_range(struct aiu_report *report, const struct observation *o);

/* What the files that make conflicts share. */
int assemble_holder(const struct aiu_report *report, struct aiu_conflict *conflict, const struct holder_ref *ref);
int assemble_nobody(const struct aiu_report *report, struct aiu_conflict *conflict);
void assemble_device(const struct aiu_snapshot *snapshot, struct socket *socket);
struct port_table assemble_table(const struct observation *o);

/* Conflicts and neighbours, most telling first, with their holders; moves processes and managers over. */
int assemble_conflicts(struct aiu_report *report, struct observation *o);

/* The snapshot's gaps, and one for each bit that keeps the verdict from being known. */
int assemble_gaps(struct aiu_report *report, struct observation *o);

#endif
