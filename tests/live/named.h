/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One scene for each cause of EADDRINUSE and its relatives: what the parts of
 * test-named share. Unlike the differential test, whose oracle is the kernel
 * alone, these cases also say what a report must name: which socket, which
 * processes, which rule, and an action that really frees the address.
 */
#ifndef NAMED_H
#define NAMED_H

#include "ask.h"

#define CAUSE_MAX_HOLDERS 4u

/* What a case needs, and what is allowed in it. */
#define NEEDS_ROOT 1u /* several users */
#define NEEDS_USER 2u /* an asker without privileges */
#define NEEDS_DEVICES 4u
#define NEEDS_RUN 8u    /* a /run of its own */
#define NEEDS_PIDS 16u  /* a pid namespace: a process that is stopped there ends with it */
#define ASKS_LISTEN 32u /* it is listen() that fails, on a socket bound already */
#define MAY_DOUBT 64u   /* unknown before the fact: what decides cannot be read */
#define LOW_PORT 128u

#define REASON(r) (1u << (r))

struct ground;

struct cause {
        const char *name;
        void (*build)(struct ground *g);
        void (*seal)(struct ground *g); /* what makes the holder deaf to further ops */
        const char *address;            /* what is asked: an IP address, a path or an @name */
        int type;
        unsigned int options; /* AIU_OPTION_* */
        char device;          /* 'l' = lo, 'a' = LIVE_DEVICE_A, 0 = none */
        unsigned int flags;
        /* what is expected */
        int verdict, error;
        int overlap, state;
        unsigned int reasons; /* REASON() of each that is right */
        int kind;             /* of the holders */
        int first;            /* kind of the first action; 0 = any */
};

/* A case on its way. */
struct ground {
        struct live *live;
        const struct cause *cause;
        int executor; /* runs commands as root */
        bool long_waits;
        uint16_t port;
        int own;           /* ASKS_LISTEN: our socket, bound; -1 = none */
        enum live_who who; /* the owner of the socket in the way */
        uint64_t inode;    /* ... that socket; 0 = it has none */
        size_t n_holders;
        pid_t holders[CAUSE_MAX_HOLDERS];
        unsigned int n_failures;
        const char *unbuilt; /* why the scene could not be made */
        int truths[8];       /* by added options: errno of bind() or listen() */
};

extern const struct cause causes[];
extern const size_t n_causes;

/* causes-scene.c */
void scene_fresh(struct ground *g); /* on a new port; see g->unbuilt */
struct candidate scene_candidate(const struct ground *g, unsigned int more);
void hold_listener_any(struct ground *g);
void hold_listener(struct ground *g);
void hold_root_listener(struct ground *g);
void hold_other_listener(struct ground *g);
void hold_plain_listener(struct ground *g);
void hold_mapped_listener(struct ground *g);
void hold_dual_listener(struct ground *g);
void hold_device_listener(struct ground *g);
void hold_bound(struct ground *g);
void hold_bound_shared(struct ground *g);
void hold_inherited(struct ground *g);
void hold_deaf(struct ground *g);
void hold_time_wait(struct ground *g);
void hold_time_wait_shared(struct ground *g);
void hold_close_wait(struct ground *g);
void hold_orphan(struct ground *g);
void hold_minisock(struct ground *g);
void hold_client(struct ground *g);
void hold_own(struct ground *g);
void hold_second_listen(struct ground *g);
void hold_nothing(struct ground *g);
void hold_unix_listener(struct ground *g);
void hold_unix_stale(struct ground *g);
void hold_unix_file(struct ground *g);
void stop_holder(struct ground *g);

/* causes-check.c */
void check_cause(struct ground *g);
void cause_failed(struct ground *g, const char *what, const struct aiu_report *report);

/* causes-action.c */
void check_action(struct ground *g, const struct aiu_report *report);
int start_executor(void);

#endif
