/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A part of a text, which has no end of its own. */
#ifndef AIU_SPAN_H
#define AIU_SPAN_H

#include <stdbool.h>
#include <stddef.h>

struct span {
        const char *at;
        size_t n;
};

struct span span_skip(struct span text, size_t n);
struct span span_first(struct span text, size_t n);
/* Case does not matter. */
bool span_starts_with(struct span text, const char *word);
bool span_is(struct span text, const char *word);
/* Offsets; text.n = it is not there. */
size_t span_find(struct span text, const char *word);
size_t span_find_any(struct span text, const char *characters);
size_t span_find_last(struct span text, char c);
bool span_is_number(struct span text);
/* With an end, if that fits in. */
bool span_copy(struct span text, char *to, size_t bytes);

#endif
