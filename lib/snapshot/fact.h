/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Size-versioned structs that a stranger filled in: see addrinuse-backend.h. */
#ifndef AIU_FACT_H
#define AIU_FACT_H

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define FACT_MAX_BYTES 4096u

/* The size of a structure with a size_t in it: none ends within a pointer. */
static inline int fact_has_size(size_t size)
{
        return size >= sizeof(size_t) && size <= FACT_MAX_BYTES && size % _Alignof(size_t) == 0;
}

/*
 * Copy a struct whose first member is its size into ours, which has `known`
 * bytes: a shorter one is padded with zeros, a longer one is taken only if what
 * we do not know is zero (the rule of the kernel's copy_struct_from_user()).
 */
static inline int fact_copy(void *to, size_t known, const void *from)
{
        size_t size;

        if (!from)
                return -EINVAL;
        memcpy(&size, from, sizeof(size));
        if (!fact_has_size(size))
                return -EINVAL;
        for (size_t i = known; i < size; i++)
                if (((const unsigned char *)from)[i] != 0)
                        return -E2BIG;
        memset(to, 0, known);
        memcpy(to, from, size < known ? size : known);
        return 0;
}

/*
 * The other way round, for what a stranger reads: never more than the structure that
 * the stranger was compiled with has room for, or a program older than this library
 * would have its stack overwritten. What only a newer one has room for is zero: unknown.
 */
static inline int fact_give(void *to, const void *from, size_t known)
{
        size_t size;

        memcpy(&size, to, sizeof(size));
        if (!fact_has_size(size))
                return 0;
        memset(to, 0, size);
        memcpy(to, from, size < known ? size : known);
        memcpy(to, &size, sizeof(size));
        return 1;
}

#endif
