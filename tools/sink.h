/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where events go to: a descriptor, a file, the journal. */
#ifndef AIU_SINK_H
#define AIU_SINK_H

#include <stdio.h>

#include "event.h"

struct sink {
        bool json, journal, quiet;
        uint32_t render;
        size_t width; /* of words; 0 = lines are not wrapped */
        int log;      /* instead of the descriptor; -1 = there is no file */
};

/* `fd` takes the words unless a file or the journal does; -1 = none. */
void sink_event(const struct sink *sink, const struct event *event, int fd);
void sink_words(const struct sink *sink, const char *words, int fd);

/* The settings as words with a comma behind each, and back: for a process that has none of our options. */
void sink_put_settings(const struct sink *sink, FILE *out);
/* A word that is not known is ignored. */
void sink_take_setting(struct sink *sink, const char *word, size_t n);

#endif
