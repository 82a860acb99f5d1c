/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Context and query from the inside: what the setters keep until a query runs. */
#ifndef AIU_CONTEXT_H
#define AIU_CONTEXT_H

#include <stdatomic.h>

#include "addrinuse-backend.h"
#include "rules/model.h"

#define CONTEXT_MAX_ADDED 16u

struct backend_slot {
        struct aiu_backend backend;
        void *userdata;
        bool disabled;
};

struct aiu_context {
        atomic_uint refs;
        aiu_log_fn log;
        enum aiu_log_level log_max;
        void *log_userdata;
        aiu_progress_fn progress;
        void *progress_userdata;
        aiu_user_name_fn user_name;
        void *user_name_userdata;
        uint64_t deadline_usec; /* 0 = none */
        int procfs;             /* -1: the real /proc, unless no_procfs */
        bool no_procfs;
        uint32_t flags;
        uint32_t kernel_proven;        /* AIU_KERNEL_* */
        struct backend_slot *backends; /* added ones first, then the built-in ones */
        size_t n_backends;
};

struct aiu_query {
        atomic_uint refs;
        struct aiu_context *context;
        struct request request;
        bool v6only_set, uid_set, listen_set; /* else the documented default is filled in when it runs */
        bool uid_given;                       /* by aiu_query_set_uid(): who binds, not who made the fd */
        bool address_set;
        bool socket_set;     /* type and protocol are the caller's choice, not a default */
        bool netns_lost;     /* the fd's namespace is not ours and could not be had */
        bool netns_unsure;   /* whether it is ours is not known */
        int netns;           /* -1 = the caller's */
        pid_t pid;           /* the process that makes the call, as the /proc numbers it; 0 = the caller */
        uint32_t more_flags; /* AIU_CONTEXT_*, of this query alone: see lib/wait/ */
        int process;         /* its directory there, by which a reused number is noticed; -1 */
};

/* The AIU_CONTEXT_* flags that count for it. */
uint32_t query_flags(const struct aiu_query *query);

/* The /proc to read, or -1. */
int context_open_procfs(const struct aiu_context *context);
void context_close_procfs(const struct aiu_context *context, int procfs);

/* May a filter be active that kills for a call which doc/security.md does not list? */
bool context_plain_calls_only(const struct aiu_context *context);

/* The number of an interface in the namespace asked about; -ENODEV, or why that is not known. */
int query_find_interface(const struct aiu_query *query, const char *name, unsigned int *ret_ifindex);
/* What stands behind "%": a number, or the name of an interface. */
int query_parse_scope(const struct aiu_query *query, const char *scope, uint32_t *ret_index);

/* After the address or the fd was set: a socket that is there already has one family. */
void query_keep_family(struct request *request);

/* The request is about listen(): on which address, if it was read from an fd; bound to which, if not. */
void query_complete_listening(struct request *request);

#endif
