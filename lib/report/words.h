/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The words of a report: its summary, its actions' texts and commands, its gaps' texts. */
#ifndef AIU_WORDS_H
#define AIU_WORDS_H

#include "report/report.h"
#include "util/strbuf.h"

int words_summary(struct aiu_report *report, const struct host *host); /* report->summary: summary.c */
/* Fills in text and argv of each; `asker`: the caller's effective uid; `own`: who looks after it, or NULL. */
int words_actions(struct aiu_report *report, const struct host *host, uid_t asker, const struct manager *own);
/* The command of one action (action-command.c): action->argv, or NULL where none does it. -ENOMEM. */
int words_argv(struct aiu_action *action, const struct aiu_report *report, const struct host *host, uid_t asker);
/* A name that a less privileged user could have chosen (action-trust.c): is no command to act on it? What to say. */
bool words_refuses_name(const struct aiu_action *action);
void words_whose_word(struct strbuf *text, const struct aiu_action *action);
bool words_is_virtual_machine(const struct manager *m);
/* A holder has the socket from another user: who made it. */
void words_who_made_it(struct strbuf *text, const struct aiu_action *action, const struct aiu_report *report);
/* The kernel counts on after it said how long: a second more is never wrong. */
unsigned long long words_whole_seconds(uint64_t usec);
/* No socket is in the way (refused.c): the rule that refused the call; what an action says then, false = not its. */
void words_why(struct strbuf *text, const struct aiu_report *report, const struct host *host);
bool words_refused(struct strbuf *text, const struct aiu_action *action, const struct aiu_report *report,
                   const struct host *host);

#endif
