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
#define COMMAND_TROUBLE 2
#define COMMAND_UNKNOWN 3

struct command {
        const char *argv[8];
        int truth; /* its exit status */
        int out;   /* what it prints, and what it complains of, in one file */
};

/* The command, from main() to exit(); `preload` is what makes its allocations fail. */
void refused_command(struct live *live, const char *path, const char *preload, struct refused_tally *tally);
/* NULL, or what is wrong with how it ended. */
const char *refused_judge_command(const struct command *command, int status);
void refused_memory(struct command *command, const char *preload, struct refused_tally *tally);

#endif
