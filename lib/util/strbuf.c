/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A string under construction: see strbuf.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/escape.h"
#include "util/strbuf.h"

/* Where n more bytes and a NUL can be written, or NULL. */
static char *make_room(struct strbuf *buffer, size_t n)
{
        size_t wanted = buffer->room ? buffer->room : 512;
        char *larger;

        if (buffer->error)
                return NULL;
        if (buffer->room - buffer->n > n)
                return buffer->text + buffer->n;
        while (wanted - buffer->n <= n)
                wanted *= 2;
        if (wanted > buffer->room) {
                larger = realloc(buffer->text, wanted);
                if (!larger) {
                        buffer->error = -ENOMEM;
                        return NULL;
                }
                buffer->text = larger;
                buffer->room = wanted;
        }
        return buffer->text + buffer->n;
}

void strbuf_add(struct strbuf *buffer, const char *bytes, size_t n)
{
        char *to = make_room(buffer, n);

        if (!to)
                return;
        memcpy(to, bytes, n);
        to[n] = '\0';
        buffer->n += n;
}

void strbuf_str(struct strbuf *buffer, const char *text)
{
        strbuf_add(buffer, text, strlen(text));
}

void strbuf_vprintf(struct strbuf *buffer, const char *format, va_list arguments)
{
        va_list again;
        char *to = make_room(buffer, 0);
        size_t left = buffer->room - buffer->n;
        int n;

        if (!to)
                return;
        va_copy(again, arguments);
        n = vsnprintf(to, left, format, again);
        va_end(again);
        if (n >= 0 && (size_t)n >= left) {
                *to = '\0';
                to = make_room(buffer, (size_t)n);
                if (!to)
                        return;
                (void)vsnprintf(to, (size_t)n + 1, format, arguments);
        }
        if (n >= 0)
                buffer->n += (size_t)n;
}

void strbuf_printf(struct strbuf *buffer, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        strbuf_vprintf(buffer, format, arguments);
        va_end(arguments);
}

void strbuf_escaped(struct strbuf *buffer, const char *bytes, size_t n)
{
        size_t length = escape_length(bytes, n);
        char *to = make_room(buffer, length);

        if (!to)
                return;
        *escape_to(to, bytes, n) = '\0';
        buffer->n += length;
}

void strbuf_outside(struct strbuf *buffer, const char *text)
{
        strbuf_escaped(buffer, text, strlen(text));
}

void strbuf_ascii(struct strbuf *buffer, const char *text, size_t n)
{
        size_t plain;

        for (size_t i = 0; i < n; i += plain + 1) {
                for (plain = 0; i + plain < n && text[i + plain] >= 0x20 && text[i + plain] < 0x7f; plain++)
                        ;
                strbuf_add(buffer, text + i, plain);
                if (i + plain < n)
                        strbuf_escaped(buffer, text + i + plain, 1);
        }
}

void strbuf_cut(struct strbuf *buffer, size_t most)
{
        size_t at = 0, next = 0;

        while (next < buffer->n && next <= most) {
                at = next;
                next += buffer->text[at] != '\\' ? 1 : buffer->text[at + 1] == '\\' ? 2 : 4;
        }
        if (next <= most)
                return;
        buffer->n = at;
        buffer->text[at] = '\0';
}

int strbuf_steal(struct strbuf *buffer, char **ret_text)
{
        int r;

        strbuf_add(buffer, "", 0);
        r = buffer->error;
        if (r == 0) {
                *ret_text = buffer->text;
                buffer->text = NULL;
        }
        strbuf_finish(buffer);
        return r;
}

void strbuf_finish(struct strbuf *buffer)
{
        free(buffer->text);
        *buffer = (struct strbuf){ 0 };
}
