/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Words into a buffer of fixed size: see text.h. */
#include <stdio.h>
#include <string.h>

#include "util/escape.h"
#include "report/text.h"

__attribute__((format(printf, 2, 0))) void text_addv(struct text *text, const char *format, va_list arguments)
{
        size_t room = text->bytes - text->used;
        int n = vsnprintf(text->to + text->used, room, format, arguments);

        if (n > 0)
                text->used += (size_t)n < room ? (size_t)n : room - 1;
}

void text_add(struct text *text, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        text_addv(text, format, arguments);
        va_end(arguments);
}

void text_add_escaped(struct text *text, const char *bytes, size_t most)
{
        size_t n = strnlen(bytes, most);

        for (size_t i = 0; i < n && text->used + escape_length(bytes + i, 1) < text->bytes; i++)
                text->used = (size_t)(escape_to(text->to + text->used, bytes + i, 1) - text->to);
        text->to[text->used] = '\0';
}
