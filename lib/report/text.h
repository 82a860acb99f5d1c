/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Words into a buffer of fixed size: what does not fit is dropped, never overrun. */
#ifndef AIU_TEXT_H
#define AIU_TEXT_H

#include <stdarg.h>
#include <stddef.h>

struct text {
        char *to;
        size_t bytes, used;
};

#define TEXT(buffer)                                                                                                   \
        {                                                                                                              \
                .to = (buffer), .bytes = sizeof(buffer)                                                                \
        }

__attribute__((format(printf, 2, 3))) void text_add(struct text *text, const char *format, ...);
void text_addv(struct text *text, const char *format, va_list arguments);
/* Untrusted bytes, escaped; at most `most` of them. */
void text_add_escaped(struct text *text, const char *bytes, size_t most);

#endif
