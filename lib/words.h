/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The words of a report: its summary, its actions' texts and commands, its gaps' texts. */
#ifndef AIU_WORDS_H
#define AIU_WORDS_H

#include "report.h"


int words_summary(struct aiu_report *report);                           /* fills report->summary */
/* Fills in text and argv of each; `asker`: the caller's effective uid. */
int words_actions(struct aiu_report *report, const struct host *host, uid_t asker);
/* "pid 812 (nginx)", "a TIME_WAIT socket"...: who a conflict's holder is, in few words. */
void words_holder(const struct aiu_conflict *conflict, char *buffer, size_t bytes);

#endif
