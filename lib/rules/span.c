/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See span.h. */
#include <string.h>

#include "rules/span.h"

struct span span_skip(struct span text, size_t n)
{
        return (struct span){ text.at + n, text.n - n };
}

struct span span_first(struct span text, size_t n)
{
        return (struct span){ text.at, n };
}

/* strncasecmp(3) asks the locale, and in a Turkish one "LISTEN" is not "listen". */
static int lower(char c)
{
        return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

bool span_starts_with(struct span text, const char *word)
{
        size_t n = strlen(word);

        for (size_t i = 0; i < n; i++)
                if (i >= text.n || lower(text.at[i]) != lower(word[i]))
                        return false;
        return true;
}

bool span_is(struct span text, const char *word)
{
        return strlen(word) == text.n && span_starts_with(text, word);
}

size_t span_find(struct span text, const char *word)
{
        for (size_t i = 0; i < text.n; i++)
                if (span_starts_with(span_skip(text, i), word))
                        return i;
        return text.n;
}

size_t span_find_any(struct span text, const char *characters)
{
        size_t i = 0;

        while (i < text.n && !strchr(characters, text.at[i]))
                i++;
        return i;
}

size_t span_find_last(struct span text, char c)
{
        for (size_t i = text.n; i > 0; i--)
                if (text.at[i - 1] == c)
                        return i - 1;
        return text.n;
}

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

bool span_is_number(struct span text)
{
        size_t i = 0;

        while (i < text.n && is_digit(text.at[i]))
                i++;
        return text.n > 0 && i == text.n;
}

bool span_copy(struct span text, char *to, size_t bytes)
{
        if (text.n >= bytes)
                return false;
        memcpy(to, text.at, text.n);
        to[text.n] = '\0';
        return true;
}
