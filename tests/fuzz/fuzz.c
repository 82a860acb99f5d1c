/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What fuzz targets share: see fuzz.h. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fuzz_fail(const char *condition, const char *file, int line)
{
        (void)fprintf(stderr, "%s:%d: not so: %s\n", file, line, condition);
        abort();
}

/* Not one of the functions that scarce-memory.c lets fail. */
static void *allocate(size_t n)
{
        void *p = NULL;

        if (posix_memalign(&p, sizeof(void *), n) != 0 || !p)
                abort();
        memset(p, 0, n);
        return p;
}

uint8_t take_byte(struct bytes *in)
{
        return (uint8_t)take_number(in, 1);
}

/* Little-endian everywhere: a corpus means the same on every machine. */
uint64_t take_number(struct bytes *in, size_t bytes)
{
        uint64_t number = 0;

        for (size_t i = 0; i < bytes && in->n > 0; i++, in->at++, in->n--)
                number |= (uint64_t)*in->at << (8 * i);
        return number;
}

void take_into(struct bytes *in, void *to, size_t n)
{
        size_t there = n < in->n ? n : in->n;

        memset(to, 0, n);
        if (there > 0)
                memcpy(to, in->at, there);
        in->at += there;
        in->n -= there;
}

char *take_text(struct bytes *in, size_t most, size_t *ret_n)
{
        size_t n = 0;
        char *text;

        while (n < in->n && n < most && in->at[n] != 0xff)
                n++;
        text = allocate(n + 1);
        take_into(in, text, n);
        if (in->n > 0 && n < most)
                (void)take_byte(in);
        if (ret_n)
                *ret_n = n;
        return text;
}

char *fuzz_string(const uint8_t *data, size_t size)
{
        char *text = allocate(size + 1);

        if (size > 0)
                memcpy(text, data, size);
        return text;
}

struct nlmsghdr *fuzz_message(const uint8_t *data, size_t size)
{
        struct nlmsghdr *message = allocate(NLMSG_LENGTH(size));

        message->nlmsg_len = (uint32_t)NLMSG_LENGTH(size);
        if (size > 0)
                memcpy(NLMSG_DATA(message), data, size);
        return message;
}

void fuzz_check_printable(const char *text, bool lines)
{
        for (; *text; text++)
                require((*text >= 0x20 && *text <= 0x7e) || (lines && *text == '\n'));
}

/* ------------------------------------------------------ JSON */

static void blanks(const char **p)
{
        while (**p == ' ' || **p == '\n')
                ++*p;
}

char *fuzz_json_string(const char **text)
{
        char *decoded = allocate(strlen(*text) + 1), *to = decoded;
        const char *p = *text;

        require(*p == '"');
        for (p++; *p != '"'; p++) {
                require(*p >= 0x20 && *p <= 0x7e);
                /* The library needs no other escapes than these two. */
                if (*p == '\\') {
                        p++;
                        require(*p == '"' || *p == '\\');
                }
                *to++ = *p;
        }
        *text = p + 1;
        return decoded;
}

static void value(const char **p, unsigned int depth);

static void list(const char **p, unsigned int depth, bool named)
{
        char close = named ? '}' : ']';

        ++*p;
        blanks(p);
        for (bool first = true; **p != close; first = false) {
                if (!first) {
                        require(*(*p)++ == ',');
                        blanks(p);
                }
                if (named) {
                        free(fuzz_json_string(p));
                        require(*(*p)++ == ':');
                        blanks(p);
                }
                value(p, depth + 1);
                blanks(p);
        }
        ++*p;
}

static void number(const char **p)
{
        if (**p == '-')
                ++*p;
        require(**p >= '0' && **p <= '9');
        require(**p != '0' || (*p)[1] < '0' || (*p)[1] > '9');
        while (**p >= '0' && **p <= '9')
                ++*p;
}

static void value(const char **p, unsigned int depth)
{
        static const char *const words[] = { "null", "true", "false" };

        require(depth < 32);
        switch (**p) {
        case '{':
        case '[':
                list(p, depth, **p == '{');
                return;
        case '"':
                free(fuzz_json_string(p));
                return;
        default:
                break;
        }
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
                if (strncmp(*p, words[i], strlen(words[i])) == 0) {
                        *p += strlen(words[i]);
                        return;
                }
        number(p);
}

void fuzz_check_json(const char *text)
{
        value(&text, 0);
        blanks(&text);
        require(*text == '\0');
}
