/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Allocations that fail when a test says so: see scarce-memory.c. */
#ifndef AIU_SCARCE_MEMORY_H
#define AIU_SCARCE_MEMORY_H

#include <stdbool.h>

/* The at-th of the library's allocations fails, and all that follow if `onwards`; 0: none. */
void scarce_memory_begin(unsigned int at, bool onwards);
/* None fails any more. Has one? */
bool scarce_memory_end(void);

#endif
