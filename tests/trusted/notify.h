/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * System calls refused from outside, without a rebuild: a process gets a filter
 * that asks its parent about each call, and the parent lets it through or answers
 * in the kernel's place. seccomp_unotify(2). So every call is caught, no matter who
 * makes it: the library, libnl, the C library.
 */
#ifndef NOTIFY_H
#define NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum notify_kind {
        NOTIFY_MEMORY, /* brk(), mmap(), mremap(): always ENOMEM */
        NOTIFY_CALLS,  /* the rest that can fail */
        NOTIFY_MARK    /* notify_mark() */
};

#define NOTIFY_EOF (-1) /* instead of an errno: the call returns 0 */

struct notify_plan {
        enum notify_kind kind;
        uint64_t at; /* from 1; 0 = count only */
        bool onwards;
        int error;
        bool tells;              /* print what is refused */
        uint64_t calls, refused; /* out */
};

struct notified {
        pid_t pid;
        int fd;
};

/* Fork; the child runs `what` under the filter and exits with what it returns. The parent gets
 * a descriptor to answer with. False, with a reason printed: it cannot be had here. */
bool notify_start(struct notified *ret, int (*what)(void *), void *userdata);
/* In the child: the parent's notify_until_mark() returns, `number` says which one it is. */
void notify_mark(int number);
/* Answer calls until the next mark (returned, >= 0; the child waits until notify_go_on()),
 * or until the child is gone: -1. */
int notify_until_mark(struct notified *child, struct notify_plan *plan);
void notify_go_on(struct notified *child);
/* The status as of waitpid(2). */
int notify_wait(struct notified *child);

#endif
