/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Put one question to the library, and to the kernel. */
#ifndef ASK_H
#define ASK_H

#include "live.h"

/* The would-be socket, complete. */
struct candidate {
        struct live_address address;
        int type, protocol;
        unsigned int options; /* AIU_OPTION_* */
        unsigned int ifindex;
        uid_t uid;
        bool listen;
        bool program; /* one is attached, where SO_REUSEPORT is set */
};

enum ask_how {
        ASK_QUERY,        /* every setter of a query */
        ASK_FD,           /* aiu_query_set_fd() with a socket that has the options */
        ASK_EXPLAIN,      /* aiu_explain_bind(fd, 0) */
        ASK_FROM_AWAY,    /* from another network namespace, with aiu_query_set_netns() */
        ASK_FD_FROM_AWAY, /* from another network namespace, with a socket of this one */
        ASK_HOW_COUNT
};

/* What the kernel says; ENOTSUP as `setup` means that the socket could not even be made like this. */
struct truth {
        int setup;
        int bind, listen;
};

struct answer {
        int failed; /* the query itself: an errno */
        int verdict, error, call;
        unsigned char what_if[16];
        unsigned int n_gaps, n_conflicts;
        bool errno_kept;
};

struct aiu_context;
struct aiu_report;

/* Opens what ASK_*_FROM_AWAY need; without the privilege they are ASK_QUERY and ASK_FD. */
void ask_begin(void);

/* Runs aiu_self_test(), and asks with what it proves from now on: AIU_KERNEL_*, 0 if it cannot be run. */
uint32_t ask_prove(void);

/* From now on ask_library() may make trial binds of the wildcard, which leave no trace. */
void ask_wildcard(void);

/* What the contexts of trials do not see. */
enum ask_blind {
        BLIND_NOTHING,
        BLIND_ADDRESSES, /* which addresses are this host's */
        BLIND_SOCKETS,
        BLIND_COUNT
};

/* From now on every question goes to a context with this source of facts: aiu_context_add_bpf(), or 0 = none. */
void ask_exactly(int (*add)(struct aiu_context *));

/* From now on ask_library() may make trials, and is blind like this. */
void ask_trials(enum ask_blind blind);
/* How many it has made. */
uint64_t ask_count_trials(void);

/* A socket as the candidate says, not bound; negative errno. */
int ask_socket(const struct candidate *c);

/* bind() and listen(), really; the socket is closed again. */
struct truth ask_kernel(const struct candidate *c);

/* The question before the fact. */
struct answer ask_library(const struct candidate *c, enum ask_how how, struct aiu_report **ret_report);

/* The question about a port alone: [::] and 0.0.0.0. The address of the candidate does not count. */
struct answer ask_port(const struct candidate *c, uint16_t port, struct aiu_report **ret_report);

/* bind() on a real socket must fail with `error`, then it is explained. */
struct answer ask_after(const struct candidate *c, int error, struct aiu_report **ret_report);

/* The same for any socket and address. */
struct answer ask_fd(int fd, const struct live_address *address, int error, struct aiu_report **ret_report);

/* listen() on a socket that is bound already. */
struct answer ask_listen(int fd, int error, struct aiu_report **ret_report);

/* All there is to say about a report, to be freed. */
char *ask_print(const struct aiu_report *report);
void ask_finish(void);

#endif
