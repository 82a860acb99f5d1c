/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whole questions, from the first setter to both renderers, in scenes whose truth
 * is known; what comes out of one, and what may come out when something failed.
 * Shared by the tests that make things fail.
 */
#ifndef QUESTION_H
#define QUESTION_H

#include <addrinuse.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../live/live.h"

struct port_table {
        const char *name;
        const char *address; /* numeric, '/' or '@' */
        int type;
        bool by_fd;     /* aiu_explain_bind() */
        bool by_listen; /* aiu_explain_listen() */
        bool by_netns;  /* aiu_query_set_netns() */
        bool by_names;  /* everything that has a setter, and names instead of numbers */
        bool any_port;  /* port 0; the scenes' port is the whole range */
        bool held;
        bool shared;    /* by two processes */
        bool time_wait; /* no process has it now */
        int error;      /* what the caller saw */
};

extern const struct port_table tables[];
extern const size_t n_tables;

struct outcome {
        int r;
        int saved_errno;
        enum aiu_verdict verdict;
        int error;
        unsigned char what_if[16];
        size_t n_gaps, n_conflicts, n_holders;
        size_t n_search_gaps; /* in the search for holders */
        uint32_t sufficient;  /* kinds of actions that are */
        bool late;            /* the deadline of a question without a context */
        bool rendered;
};

/* What was made to fail, as far as it decides what may come out. */
struct failure {
        bool memory; /* an allocation; else a system call with `error` */
        int error;
};

void table_build(struct live *live, const struct port_table *table);
void table_tear_down(struct live *live, const struct port_table *table);
/* The socket of aiu_explain_bind() and aiu_explain_listen(). */
int table_make_fd(const struct port_table *table);

/* Once for all: the context's flags beside AIU_CONTEXT_NO_IPC. */
void request_begin(uint32_t flags);
void request_end(void);
void request_ask(const struct port_table *table, int fd, struct outcome *ret);
/* NULL, or what is wrong with it. */
const char *request_judge(const struct port_table *table, const struct failure *failure, const struct outcome *truth,
                          const struct outcome *outcome);

#endif
