/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Make one call fail: a system call of the library, or of bpf(2) and its like. */
#ifndef AIU_REFUSING_H
#define AIU_REFUSING_H

#include <addrinuse-backend.h>
#include <stdbool.h>

/* The `at`-th call from here fails; 0 = none. */
void refusing_begin(unsigned int at, int error);
/* Was that call reached? */
bool refusing_end(void);

unsigned int count_descriptors(void);
struct aiu_context *new_context(void);
/* In a network namespace of one's own. */
bool raise_loopback(void);

#endif
