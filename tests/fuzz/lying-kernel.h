/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A kernel that answers whatever the fuzzer makes up: every function of lib/util/sys.h, linked
 * instead of sys.c. What comes back has the shape that the system call guarantees (a
 * length is not longer than the buffer, a directory entry ends) and any content.
 * Time passes with each call, so a deadline comes.
 */
#ifndef AIU_LYING_KERNEL_H
#define AIU_LYING_KERNEL_H

#include "fuzz.h"

#define CALLERS_FD 9 /* a descriptor that is the caller's, and stays open */

/* `friendly`: most calls succeed, and once there are no more answers all goes the usual way: there is a
 * listener on the port, held by process 3 in a unit. Else all fails then. */
void lie_begin(struct bytes *answers, bool friendly, uint16_t port);
/* The kernel's clock, in nanoseconds. */
uint64_t lie_time(void);
/* Whatever was opened is closed, and by that clock, which begins at 0, it is not later. */
void lie_end(uint64_t until_nsec);

#endif
