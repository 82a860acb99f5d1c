/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See sink.h. A reader that has stopped reading must not stop the program: what it does not take within a second is lost. */
#include "sink.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_MSEC 1000

/* A pipe that polls as writable has room for PIPE_BUF bytes: these do not block. */
static void write_patiently(int fd, const char *text, size_t bytes)
{
        while (bytes > 0) {
                struct pollfd one = { .fd = fd, .events = POLLOUT };
                ssize_t n;

                if (poll(&one, 1, PATIENCE_MSEC) <= 0 || !(one.revents & POLLOUT))
                        return;
                n = write(fd, text, bytes < PIPE_BUF ? bytes : PIPE_BUF);
                if (n < 0 && errno != EINTR && errno != EAGAIN)
                        return;
                text += n > 0 ? n : 0;
                bytes -= n > 0 ? (size_t)n : 0;
        }
}

/* A line in a file is one write(2): other processes append to the file, too. */
static void put(const struct sink *sink, const char *text, int fd)
{
        if (sink->log >= 0)
                (void)!write(sink->log, text, strlen(text));
        else if (fd >= 0 && !sink->quiet && !sink->journal)
                write_patiently(fd, text, strlen(text));
}

static const struct {
        const char *word;
        uint32_t render; /* 0: a bool of struct sink */
        size_t offset;
} settings[] = {
        { "json", 0, offsetof(struct sink, json) },
        { "quiet", 0, offsetof(struct sink, quiet) },
        { "journal", 0, offsetof(struct sink, journal) },
        { "color", AIU_RENDER_COLOR, 0 },
        { "verbose", AIU_RENDER_VERBOSE, 0 },
        { "cmdline", AIU_RENDER_CMDLINE, 0 },
};

#define N_SETTINGS (sizeof(settings) / sizeof(settings[0]))

void sink_put_settings(const struct sink *sink, FILE *out)
{
        for (size_t i = 0; i < N_SETTINGS; i++)
                if (settings[i].render ? (sink->render & settings[i].render) != 0
                                       : *(const bool *)((const char *)sink + settings[i].offset))
                        fprintf(out, "%s,", settings[i].word);
}

void sink_take_setting(struct sink *sink, const char *word, size_t n)
{
        for (size_t i = 0; i < N_SETTINGS; i++) {
                if (strlen(settings[i].word) != n || strncmp(word, settings[i].word, n) != 0)
                        continue;
                if (settings[i].render)
                        sink->render |= settings[i].render;
                else
                        *(bool *)((char *)sink + settings[i].offset) = true;
        }
}

void sink_words(const struct sink *sink, const char *words, int fd)
{
        if (!sink->json)
                put(sink, words, fd);
}

void sink_event(const struct sink *sink, const struct event *event, int fd)
{
        char *text = NULL;
        int r;

        if (sink->journal)
                (void)event_to_journal(event);
        if (sink->json)
                r = event_to_json(event, sink->render, &text);
        else
                r = event_to_text(event, sink->render, sink->log >= 0 ? 0 : sink->width, &text);
        if (r == 0)
                put(sink, text, fd);
        free(text);
}
