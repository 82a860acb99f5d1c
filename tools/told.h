/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program that tries again fails for the same reason again. Equal failures (address, errno, holder) are reported
 * once, then counted, and reported again every ten seconds and at the end. 1 + repeats over all events is the number of failures.
 */
#ifndef AIU_TOLD_H
#define AIU_TOLD_H

#include "event.h"

#define TOLD_MOST 256u

struct told_entry {
        uint64_t key;
        pid_t holder;
        uint64_t line_usec; /* CLOCK_MONOTONIC of the last line */
        uint64_t pending;   /* failures since that line */
        struct event last;
};

struct told {
        void (*emit)(void *userdata, const struct event *event);
        void *userdata;
        bool at_once; /* no exit is seen: each failure is an event */
        size_t n;
        struct told_entry entries[TOLD_MOST];
};

/* The event keeps its own reference to the report. True: it was counted and not emitted. */
bool told_add(struct told *told, const struct event *event);
/* Emit what was only counted: failures of this process, or all of them if `pid` is 0. */
void told_flush(struct told *told, pid_t pid);
void told_finish(struct told *told);

#endif
