/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The end of holders whose sockets end without an event: AF_UNIX, SCTP, or where netlink is refused. */
#ifndef AIU_WAIT_PROCESSES_H
#define AIU_WAIT_PROCESSES_H

#include "rules/model.h"

#define MOST_PROCESSES 16u

struct processes {
        int epoll; /* where they are watched; -1 = they are not */
        size_t n;
        pid_t pids[MOST_PROCESSES];
        int fds[MOST_PROCESSES]; /* -1: no pidfd was to be had */
};

/* The holders that are worth watching now. True: one of them is gone already. */
bool processes_follow(struct processes *processes, const pid_t *pids, size_t n);
bool processes_ended(struct processes *processes);
void processes_forget(struct processes *processes);

#endif
