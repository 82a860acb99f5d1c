/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Untrusted bytes become printable ASCII: a backslash is doubled, everything outside 0x20..0x7e is \xHH. What comes
 * out can be put on a terminal, into a log or into another line, and can be turned back without loss.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addrinuse.h"
#include "util/escape.h"
#include "util/macro.h"

static size_t length_of(unsigned char c)
{
        if (c == '\\')
                return 2;
        return c >= 0x20 && c < 0x7f ? 1 : 4;
}

size_t escape_length(const char *bytes, size_t n_bytes)
{
        size_t length = 0;

        for (size_t i = 0; i < n_bytes; i++)
                length += length_of((unsigned char)bytes[i]);
        return length;
}

char *escape_to(char *to, const char *bytes, size_t n_bytes)
{
        static const char hex[] = "0123456789abcdef";

        for (size_t i = 0; i < n_bytes; i++) {
                unsigned char c = (unsigned char)bytes[i];

                switch (length_of(c)) {
                case 1:
                        *to++ = (char)c;
                        break;
                case 2:
                        *to++ = '\\';
                        *to++ = '\\';
                        break;
                default:
                        *to++ = '\\';
                        *to++ = 'x';
                        *to++ = hex[c >> 4];
                        *to++ = hex[c & 15];
                        break;
                }
        }
        return to;
}

AIU_EXPORT int aiu_escape(const char *bytes, size_t n_bytes, char **ret_text)
{
        KEEP_ERRNO;
        char *text;

        if ((!bytes && n_bytes > 0) || !ret_text)
                return -EINVAL;
        text = malloc(escape_length(bytes, n_bytes) + 1);
        if (!text)
                return -ENOMEM;
        *escape_to(text, bytes, n_bytes) = '\0';
        *ret_text = text;
        return 0;
}

size_t escape_shown(const char *container)
{
        size_t n = strlen(container);

        return n == 64 && strspn(container, "0123456789abcdef") == n ? 12 : n;
}
