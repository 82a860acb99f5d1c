/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Untrusted bytes → printable ASCII. */
#ifndef AIU_ESCAPE_H
#define AIU_ESCAPE_H

#include <stddef.h>

/* The number of bytes that escape_to() would write for these, without a NUL. */
size_t escape_length(const char *bytes, size_t n_bytes);
/* Write them; returns the end. The caller made room for escape_length() bytes. */
char *escape_to(char *to, const char *bytes, size_t n_bytes);
/* So much of a container's name is shown: of an id of 64 hexadecimal digits 12, as the engines do. */
size_t escape_shown(const char *container);

#endif
