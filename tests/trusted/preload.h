/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What preload.c tells. */
#ifndef PRELOAD_H
#define PRELOAD_H

#include <stdint.h>

struct preload_report {
        uint64_t calls, failed;
        int64_t left; /* allocated and not freed */
};

#endif
