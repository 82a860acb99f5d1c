/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Faults on demand: the n-th allocation, or the n-th system call, fails; once or
 * from then on. Allocations and libnl's calls are caught by defining the C
 * library's functions in the program (a dynamic linker prefers those), our own
 * calls by the seam of sys-fault.h.
 */
#ifndef INJECT_H
#define INJECT_H

#include <stdbool.h>
#include <stdint.h>

enum inject_kind {
        INJECT_MEMORY,  /* malloc(), calloc(), realloc() and all that is made of them */
        INJECT_SYSTEM,  /* sys.c */
        INJECT_NETWORK, /* socket(), bind(), sendmsg(), recvmsg()... no matter who calls them */
};

/* `error`: an errno or SYS_FAULT_*; of no meaning for memory. */
struct inject {
        enum inject_kind kind;
        uint64_t at; /* from 1; 0 = count only */
        bool onwards;
        int error;
};

void inject_arm(const struct inject *inject);
/* Returns how often it failed; *ret_calls: how many chances there were. */
uint64_t inject_disarm(uint64_t *ret_calls);
/* What was allocated, by any code, and not freed yet. */
int64_t inject_allocated(void);

#endif
