/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Allocations that fail when the fuzzer says so: see lying-memory.c. */
#ifndef AIU_LYING_MEMORY_H
#define AIU_LYING_MEMORY_H

#include <stdbool.h>

/* The at-th of the library's allocations fails, and all that follow if `onwards`; 0: none. */
void lie_memory_begin(unsigned int at, bool onwards);
/* None fails any more. Has one? */
bool lie_memory_end(void);

#endif
