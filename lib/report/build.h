/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a judged snapshot to the conflicts, holders and gaps of a report. */
#ifndef AIU_BUILD_H
#define AIU_BUILD_H

#include "observe/observe.h"
#include "report/report.h"

/* Port 0: a conflict for each of the processes that have most of the range. */
int build_range(struct aiu_report *report, const struct observation *o);

/* What the files that make conflicts share. */
int build_holder(const struct aiu_report *report, struct aiu_conflict *conflict, const struct holder_ref *ref);
int build_without_process(const struct aiu_report *report, struct aiu_conflict *conflict);
void build_device(const struct aiu_snapshot *snapshot, struct socket *socket);

/* Conflicts and neighbours, most telling first, with their holders; moves processes and managers over. */
int build_conflicts(struct aiu_report *report, struct observation *o);

/* The snapshot's gaps, and one for each bit that keeps the verdict from being known. */
int build_gaps(struct aiu_report *report, struct observation *o);

#endif
