/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A string that grows: what every text is made with. Memory that ran out is remembered in `error`. */
#ifndef AIU_STRBUF_H
#define AIU_STRBUF_H

#include <stdarg.h>
#include <stddef.h>

struct strbuf {
        char *text;
        size_t n, room;
        int error; /* 0 or -ENOMEM; then nothing more is added */
};

void strbuf_add(struct strbuf *buffer, const char *bytes, size_t n);
void strbuf_str(struct strbuf *buffer, const char *text);
__attribute__((format(printf, 2, 3))) void strbuf_printf(struct strbuf *buffer, const char *format, ...);
__attribute__((format(printf, 2, 0))) void strbuf_vprintf(struct strbuf *buffer, const char *format, va_list arguments);
/* Untrusted bytes, escaped: n of them, or up to a NUL. */
void strbuf_escaped(struct strbuf *buffer, const char *bytes, size_t n);
void strbuf_outside(struct strbuf *buffer, const char *text);
/* Text that is escaped already stays as it is; a byte that is not printable after all does not get through. */
void strbuf_ascii(struct strbuf *buffer, const char *text, size_t n);
/* Drops what is behind `most` bytes of escaped text. An escape is not cut in two. */
void strbuf_cut(struct strbuf *buffer, size_t most);
/* Hands the text over (never NULL on success) or returns the error; the buffer is empty afterwards. */
int strbuf_steal(struct strbuf *buffer, char **ret_text);
void strbuf_finish(struct strbuf *buffer);

#endif
