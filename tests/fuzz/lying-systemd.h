/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A libsystemd that answers what the fuzzer makes up: see lying-systemd.c. */
#ifndef AIU_LYING_SYSTEMD_H
#define AIU_LYING_SYSTEMD_H

#include "fuzz.h"

/* `friendly`: as in lying-kernel.h. */
void lie_systemd_begin(struct bytes *answers, bool friendly);
/* Every connection is closed. */
void lie_systemd_end(void);

#endif
