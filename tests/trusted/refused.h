/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every system call is refused once, from outside: what refused*.c share. */
#ifndef REFUSED_H
#define REFUSED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../live/live.h"
#include "notify.h"

struct refused_tally {
        uint64_t runs, refusals, unknown, trouble, wrong;
};

extern const int refused_errors[];
extern const size_t n_refused_errors;

/* Is this one left out? In a hurry each call is refused with one errno, with AIU_LONG=1 with each. */
bool refused_leave_out(uint64_t at, size_t error);
/* Is it to be refused from then on, too? */
bool refused_onwards(int error);
extern bool refused_tells;
/* The command, from main() to exit(): false = it cannot be had here. */
bool refused_command(struct live *live, const char *path, struct refused_tally *tally);

#endif
