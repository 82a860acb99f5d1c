/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the tests of the advice share: a scene of up to four sockets, each held by at
 * most one process, and what is recommended for it, with the commands.
 */
#ifndef AIU_TEST_ADVICE_FIXTURE_H
#define AIU_TEST_ADVICE_FIXTURE_H

#include "advice.h"
#include "report.h"
#include "scene.h"

extern struct question q;
extern struct host host;
extern struct socket sockets[4];
extern struct process processes[4];
extern struct manager managers[4], own;
extern struct aiu_holder holders[4];
extern bool holders_complete, sockets_complete;
extern uid_t asker;
extern struct aiu_action *actions;
extern size_t n_actions;

void setup(void);
void teardown(void);
/* One more socket, and the process that has it (0 = none). Its index. */
size_t hold(struct socket socket, pid_t pid);
/* Somebody looks after the holder of the i-th, who starts it again. systemd was asked. */
void manage(size_t i, enum aiu_manager_kind kind, const char *unit, const char *socket_unit);
/* Fill a field of a manager or a process. */
char *words(const char *text);
struct verdict ask(void);
const struct aiu_action *find(enum aiu_action_kind kind);
void expect(enum aiu_action_kind kind, tristate sufficient);
/* The command of the first such action, its words with spaces between; NULL = it has none. */
void expect_command(enum aiu_action_kind kind, const char *command);
void expect_text(enum aiu_action_kind kind, const char *part);

#endif
