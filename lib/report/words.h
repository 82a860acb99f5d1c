/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The words of a report: its summary, its actions' texts and commands, its gaps' texts. */
#ifndef AIU_WORDS_H
#define AIU_WORDS_H

#include "report/report.h"
#include "util/strbuf.h"

int words_summary(struct aiu_report *report, const struct host *host); /* fills report->summary */
/* Fills in text and argv of each; `asker`: the caller's effective uid; `own`: who looks after it, or NULL. */
int words_actions(struct aiu_report *report, const struct host *host, uid_t asker, const struct manager *own);
/* The command of one action (action-command.c): action->argv, or NULL where none does it. -ENOMEM. */
int words_argv(struct aiu_action *action, const struct aiu_report *report, const struct host *host, uid_t asker);
/* A name that a less privileged user could have chosen (words-word.c): is no command to act on it? What to say. */
bool words_refuses_name(const struct aiu_action *action);
void words_whose_word(struct strbuf *text, const struct aiu_action *action);
bool words_is_virtual_machine(const struct manager *m);
/* A holder has the socket from another user: who made it. */
void words_who_made_it(struct strbuf *text, const struct aiu_action *action, const struct aiu_report *report);
/* The kernel counts on after it said how long: a second more is never wrong. */
unsigned long long words_whole_seconds(uint64_t usec);
/* No socket is in the way (words-refused.c): the rule that refused it; what an action for that says, false = not its. */
void words_why(struct strbuf *text, const struct aiu_report *report, const struct host *host);
bool words_refused(struct strbuf *text, const struct aiu_action *action, const struct aiu_report *report,
                   const struct host *host);
/* Port 0 (words-port-search.c): the summary behind the address; what the actions for it say; the sysctl's setting. */
void words_range(struct strbuf *text, const struct aiu_report *report);
void words_widen(struct strbuf *text, const struct aiu_action *action, const struct aiu_report *report);
/* "; held by NAME (pid N) with M ports": who has most of the range. */
void words_range_holders(struct strbuf *text, const struct aiu_report *report);
/* "pid 812 (nginx)", "a TIME_WAIT socket"...: who a conflict's holder is, in few words. */
void words_holder(struct strbuf *text, const struct aiu_conflict *conflict);
/* AF_UNIX: what is at the path, where no socket in sight is behind it: "a directory". */
const char *words_file(const struct aiu_conflict *conflict);
/* What in the kernel is to be taken down, and whether that is known to be enough. */
void words_stop_kernel_user(struct strbuf *text, const struct kernel_user *user);

#endif
