/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A report -> can waiting help, what announces the end, which holders to watch, and when to look again. Pure. */
#ifndef AIU_WAIT_OUTLOOK_H
#define AIU_WAIT_OUTLOOK_H

#include "rules/model.h"

/* Which sources are there. */
struct covered {
        bool sockets;
        bool addresses;
        bool directory;
};

/* The bind() would succeed: the wait is over. */
bool outlook_is_free(const struct aiu_report *report);
/* AIU_WAIT_NEVER, or what the wait hangs on. */
enum aiu_wait_basis outlook_basis(const struct aiu_report *report, const struct covered *covered);
/* Holders whose end tells more than the sources do; how many. */
size_t outlook_holders(const struct aiu_report *report, const struct covered *covered, pid_t *ret_pids, size_t most);

/* When to look again. */
struct schedule {
        uint64_t poll_nsec; /* the last pause of AIU_WAIT_POLL; 0 = there was none */
};
uint64_t schedule_pause(struct schedule *schedule, enum aiu_wait_basis basis, const struct aiu_report *report);

#ifdef AIU_TESTING
/* Without the clock, only an event ends a wait. */
extern bool schedule_is_stopped;
#endif

#endif
