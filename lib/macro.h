/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Small helpers that any file may use: export mark, cleanup, array length. */
#ifndef AIU_MACRO_H
#define AIU_MACRO_H

#include <stdlib.h>

#define AIU_EXPORT __attribute__((visibility("default")))
#define ELEMENTSOF(array) (sizeof(array) / sizeof((array)[0]))

static inline void cleanup_free(void *pointer)
{
        free(*(void **)pointer);
}
#define _cleanup_free_ __attribute__((cleanup(cleanup_free)))

/* A descriptor that closes itself needs sys.h: see _cleanup_close_ there. */

#endif
