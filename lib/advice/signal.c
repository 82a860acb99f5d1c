/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A few daemons have a signal of their own that does better than SIGTERM: requests in progress finish, or clients
 * that stay do not delay the end. Each was measured, and a test sends each to the real daemon. Other programs get no
 * signal but SIGTERM.
 *
 * The executable counts, in a place where root installs programs: a process chooses its own name. In a mount
 * namespace of its own a process can have any path. That deceives only the owner of the process that gets the signal.
 *
 * Pure.
 */
#include <string.h>

#include "advice/parts.h"

/* clang-format off */
static const struct {
        const char *program;
        enum signal_word word;
        bool to_master; /* a worker without its master does not obey */
} words[] = {
        { "nginx", SIGNAL_QUIT, false },        /* graceful */
        { "apache2", SIGNAL_WINCH, true },      /* graceful */
        { "httpd", SIGNAL_WINCH, true },
        { "haproxy", SIGNAL_USR1, false },      /* graceful */
        { "squid", SIGNAL_INT, false },         /* fast: SIGTERM takes half a minute */
        { "postgres", SIGNAL_INT, false },      /* fast: SIGTERM waits for every client to leave */
};
/* clang-format on */

static bool is_installed(const char *exe)
{
        static const char *const places[] = { "/usr/", "/bin/", "/sbin/", "/opt/" };

        for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
                if (strncmp(exe, places[i], strlen(places[i])) == 0)
                        return true;
        return false;
}

static enum signal_word word_of(const struct process *p)
{
        const char *slash = p->exe ? strrchr(p->exe, '/') : NULL;

        if (!slash || !is_installed(p->exe))
                return SIGNAL_TERM;
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
                if (strcmp(slash + 1, words[i].program) == 0 && (p->leads || !words[i].to_master))
                        return words[i].word;
        return SIGNAL_TERM;
}

static bool is_child_of(const struct process *p, const struct process *parent)
{
        return p->ppid == parent->pid && p->exe && parent->exe && strcmp(p->exe, parent->exe) == 0;
}

/* A master may have a child for each client: connections are in the way as well. It alone hears the word. */
static const struct process *master_of(const struct aiu_action *term)
{
        const struct process *master = term->processes[0];

        for (size_t i = 1; i < term->n_processes; i++)
                if (is_child_of(master, term->processes[i]))
                        master = term->processes[i];
        for (size_t i = 0; i < term->n_processes; i++)
                if (term->processes[i] != master && !is_child_of(term->processes[i], master))
                        return NULL;
        return master;
}

/* A graceful end keeps its connections, and lets go of what it listens on. */
static bool keeps_all(const struct advice_input *in)
{
        for (size_t i = 0; i < in->n_conflicts; i++) {
                enum aiu_state state = in->conflicts[i].socket.state;

                if (state == AIU_STATE_LISTEN || state == AIU_STATE_BOUND)
                        return false;
        }
        return true;
}

void advice_own_signal(struct advice_list *list)
{
        const struct aiu_action *term = list->n > 0 ? &list->actions[list->n - 1] : NULL;
        const struct process *master;
        struct aiu_action *action, like;
        enum signal_word word;

        if (!term || term->kind != AIU_ACTION_TERMINATE || term->n_processes == 0)
                return;
        master = master_of(term);
        word = master ? word_of(master) : SIGNAL_TERM;
        if (word == SIGNAL_TERM || (signal_is_graceful(word) && keeps_all(list->in)))
                return;
        like = *term;
        action = advice_add(list, AIU_ACTION_TERMINATE, tri_and(like.sufficient, UNKNOWN), like.flags);
        if (!action)
                return;
        list->error = advice_add_process(action, master);
        action->n_workers = like.n_workers;
        action->remarks = like.remarks & ~REMARK_CATCHES; /* that is about SIGTERM */
        action->signal = word;
}
