/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the tests of the holders and options phases share: a snapshot and a
 * question for each test, children that hold sockets, and namespaces in which
 * none but the test's own processes are seen.
 */
#ifndef AIU_TEST_PROC_FIXTURE_H
#define AIU_TEST_PROC_FIXTURE_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "snapshot.h"

extern struct aiu_snapshot snapshot;
extern struct aiu_question question;
extern int procfs;

void setup(void);
void teardown(void);
uint64_t inode_of(int fd);
void want(uint64_t inode);
int tcp_socket(void);
/* The holders phase. */
int look(void);
const struct holding *holding_of(pid_t pid);
const struct process *process_of(pid_t pid);
bool have_gap(enum aiu_gap_kind kind, const char *part);
/* A child that runs `body` and then sleeps; it has done the former on return. */
pid_t start_child(void (*body)(void *), void *arg);
void stop_child(pid_t pid);
/* A child that alone holds a new socket. */
pid_t start_holder(void (*body)(void *), uint64_t *ret_inode);
/* Run a check in a child without privileges, and hand its end on. */
void as_nobody(void (*body)(void));
/* Run the suite in a pid namespace with a /proc of its own, and exit as main() would. */
_Noreturn void run_in_namespaces(Suite *(*make_suite)(void));

/* In the child of as_nobody() ck_assert would return to the wrong process. */
#define EXPECT(code, expression)                        \
        do {                                            \
                if (!(expression))                      \
                        _exit(code);                    \
        } while (0)

#endif
