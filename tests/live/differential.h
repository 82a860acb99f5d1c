/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The randomized comparison with the kernel: what its parts share. */
#ifndef DIFFERENTIAL_H
#define DIFFERENTIAL_H

#include "ask.h"
#include "scenario.h"

/* Cases are counted apart by what can be known about them. */
enum class {
        CLASS_PLAIN = 0, /* every holder readable, SO_REUSEPORT not in play */
        CLASS_REUSEPORT = 1,
        CLASS_UNREADABLE = 2,
        CLASS_BOTH = 3,
        CLASS_COUNT = 4
};

enum {
        REASON_BYTES = 100,
        N_REASONS = 24,
};

struct reason {
        uint64_t n;
        char text[REASON_BYTES];
};

struct tally {
        uint64_t scenarios, unstable;
        uint64_t cases[CLASS_COUNT], unknown[CLASS_COUNT];
        uint64_t in_use, available, other; /* what the kernel said */
        uint64_t wrong, unexplained;       /* unexplained: unknown without a gap */
        uint64_t what_ifs, what_ifs_unknown, what_ifs_wrong;
        uint64_t after, listens, pairs; /* explained after the fact; listen(); one holder alone */
        uint64_t ports;                 /* a port alone */
        uint64_t trials;                /* bind() by the library */
        uint64_t failed;                /* the library returned an error, or lost errno, or a descriptor */
        double seconds;
        struct reason reasons[N_REASONS]; /* gaps of the unknown cases */
};

struct settings {
        uint64_t seed;
        uint64_t cases;
        int64_t only; /* one scenario; -1 = all */
        uid_t uid;
        unsigned int jobs;
        unsigned int max_printed;
        bool bpf;       /* with the module libaddrinuse-bpf */
        bool history;   /* with the kernel's summary of the port, by a model of it */
        bool trial;     /* AIU_CONTEXT_TRIAL_BIND, with facts left out */
        bool old;       /* a kernel of which less is certain: "unknown" is counted and no more than that */
        bool self_test; /* asked with what aiu_self_test() proves */
        bool dry;       /* the kernel against itself: is every scene replayable? */
};

/* One scenario on its way: built, asked about, bound, built anew. */
struct stage {
        struct live *live;
        const struct settings *settings;
        struct tally *tally;
        enum mode mode;
        uint64_t index;
        struct live_random random; /* ports, and what is asked; not the scene */
        struct scenario scenario;
        uint16_t port;
        bool dirty;     /* a bind() succeeded: build it anew before the next */
        bool broken;    /* it cannot be built twice the same */
        char note[160]; /* what else is to be said when this goes wrong */
        size_t n_ops;
        bool futile[LIVE_MAX_OPS]; /* ops that time out */
        struct live_op ops[LIVE_MAX_OPS];
        struct live_result results[LIVE_MAX_OPS], first[LIVE_MAX_OPS];
};

/* diff-history.c: learn from the calls that built the scene; forget what was done to it since; tell the library. */
void history_learn(const struct stage *stage);
void history_forget(void);
int history_add(struct aiu_context *context);
bool history_is_modelled(void);

/* diff-stage.c */
void stage_begin(struct stage *stage, uint64_t index);
bool stage_build(struct stage *stage);
bool stage_fresh(struct stage *stage); /* build it anew if it is dirty */
void stage_end(struct stage *stage);
void stage_print(const struct stage *stage, const char *what, const struct candidate *c, const struct truth *truth,
                 const struct answer *answer, const struct aiu_report *report);

/* diff-compare.c */
struct candidate stage_candidate(const struct stage *stage, const struct target *target, unsigned int options);
int truth_error(const struct truth *truth, bool listens);
bool compare_verdict(struct stage *stage, const struct candidate *c, const struct truth *truth,
                     const struct answer *answer, const struct aiu_report *report);
enum class classify_case(const struct stage *stage, unsigned int options);
void count_case(struct stage *stage, const struct truth *truth, bool listens, unsigned int options,
                const struct answer *answer, const struct candidate *c, const struct aiu_report *report);
bool compare_failure(struct stage *stage, const struct candidate *c, const struct answer *answer);

/* diff-reasons.c */
void reasons_count(struct tally *tally, const struct aiu_report *report);
void reasons_add_up(struct tally *sum, const struct tally *tally);
void reasons_print(const struct tally *tally);
/* diff-case.c */
void run_scenario(struct stage *stage, uint64_t index);
/* The next question may make a trial, and something is left out of what it sees; how to ask it. */
enum ask_how ask_with_trials(struct stage *stage);
/* diff-more.c */
void check_listen(struct stage *stage, const struct target *target, unsigned int options);
void check_pairs(struct stage *stage, const struct target *target, unsigned int options);
/* diff-port.c */
void check_port_alone(struct stage *stage, const struct target *target, unsigned int options);
/* diff-unix.c */
void run_unix_scenario(struct stage *stage, uint64_t index);
/* diff-address.c: an address of any shape, with the scene's port mostly */
struct live_address shape_pick(struct stage *stage);
/* diff-errors.c */
void run_error_scenario(struct stage *stage, uint64_t index);

#endif
