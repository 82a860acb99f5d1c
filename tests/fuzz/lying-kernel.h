/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A kernel that answers whatever the fuzzer makes up: every function of lib/sys.h, linked
 * instead of sys.c. What comes back has the shape that the system call guarantees (a
 * length is not longer than the buffer, a directory entry ends) and any content.
 * Time passes with each call, so a deadline comes.
 */
#ifndef AIU_LYING_KERNEL_H
#define AIU_LYING_KERNEL_H

#include "fuzz.h"

#define CALLERS_FD 9    /* a descriptor that is the caller's, and stays open */

void lie_begin(struct bytes *answers);
/* Whatever was opened is closed. */
void lie_end(void);

#endif
