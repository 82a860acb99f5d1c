/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Helpers for any file: the export mark, cleanup on return, array length, the characters of a name, words. */
#ifndef AIU_MACRO_H
#define AIU_MACRO_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define AIU_EXPORT __attribute__((visibility("default")))
#define ELEMENTSOF(array) (sizeof(array) / sizeof((array)[0]))

static inline void cleanup_free(void *pointer)
{
        free(*(void **)pointer);
}
#define _cleanup_free_ __attribute__((cleanup(cleanup_free)))

static inline void restore_errno(const int *saved)
{
        errno = *saved;
}
/* For public functions that call the kernel or stdio: the caller's errno does not change. */
#define KEEP_ERRNO __attribute__((cleanup(restore_errno), unused)) const int errno_before = errno

/* At least one byte, and each is one of `chars`; a NUL is not. */
static inline bool consists_of(const char *bytes, size_t n, const char *chars)
{
        size_t n_chars = strlen(chars);

        for (size_t i = 0; i < n; i++)
                if (!memchr(chars, bytes[i], n_chars))
                        return false;
        return n > 0;
}

/* Does something stand before the suffix? */
static inline bool ends_with(const char *bytes, size_t n, const char *suffix)
{
        size_t length = strlen(suffix);

        return n > length && memcmp(bytes + n - length, suffix, length) == 0;
}

/* NULL is none of them. */
static inline bool is_one_of(const char *word, const char *const *words, size_t n)
{
        for (size_t i = 0; word && i < n; i++)
                if (strcmp(word, words[i]) == 0)
                        return true;
        return false;
}

#endif
