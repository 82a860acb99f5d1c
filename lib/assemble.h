/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a judged snapshot to the conflicts, holders and gaps of a report. */
#ifndef AIU_ASSEMBLE_H
#define AIU_ASSEMBLE_H

#include "observe.h"
#include "report.h"
#include "verdict.h"

/* The inodes whose holders matter: those of sockets that are, or may be, in the way. */
int assemble_wanted(struct aiu_snapshot *snapshot, const struct question *question);

/* Conflicts and neighbours, most telling first, with their holders; moves processes and managers over. */
int assemble_conflicts(struct aiu_report *report, struct observation *o);

/* The snapshot's gaps, and one for each bit that keeps the verdict from being known. */
int assemble_gaps(struct aiu_report *report, struct observation *o);

#endif
