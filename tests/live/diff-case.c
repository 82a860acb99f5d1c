/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One scenario: ask the library about every combination of options while the
 * scene stands, then learn the truth about each from the kernel, and compare
 * every answer and every what-if with it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <addrinuse.h>

#include "differential.h"

struct trial {
        struct candidate candidate;
        struct answer answer;
        struct aiu_report *report;
        bool asked;
};

struct round {
        const struct target *target;
        bool program; /* the socket has a program of its own */
        unsigned int masks[N_OPTIONS];
        size_t n_masks;
        struct trial trials[N_OPTIONS]; /* by option mask */
        struct truth truths[N_OPTIONS];
        bool known[N_OPTIONS];
};

/* Without IPv6 there is no V6ONLY; FREEBIND only now and then, it seldom matters. */
static void choose_masks(struct stage *stage, struct round *round)
{
        bool v6 = place_family(round->target->place) == AF_INET6;
        unsigned int freebind = live_chance(&stage->random, 8) ? OPT_FREEBIND : 0;

        round->n_masks = 0;
        for (unsigned int mask = 0; mask < OPT_FREEBIND; mask++)
                if (v6 || !(mask & OPT_V6ONLY))
                        round->masks[round->n_masks++] = mask | freebind;
}

/*
 * A program is attached to a socket that is there. Of another user that is named, it is not known whether a privileged
 * port is allowed: all can be known only of a socket that is there.
 */
static enum ask_how choose_how(struct stage *stage, const struct round *round)
{
        enum ask_how how = (enum ask_how)live_below(&stage->random, ASK_HOW_COUNT);
        bool by_query = how == ASK_QUERY || how == ASK_FROM_AWAY;
        bool at_hand = round->program || (stage->settings->bpf && stage->scenario.privileged_port &&
                                          round->target->uid != stage->settings->uid);

        return at_hand && by_query ? ASK_FD : how;
}

static struct candidate make_candidate(const struct stage *stage, const struct round *round, unsigned int mask)
{
        struct candidate c = stage_candidate(stage, round->target, mask);

        c.program = round->program;
        return c;
}

enum ask_how ask_with_trials(struct stage *stage)
{
        ask_trials((enum ask_blind)live_below(&stage->random, BLIND_COUNT));
        return ASK_QUERY; /* one is made for a socket that is not there yet, and for no other */
}

static void ask_all(struct stage *stage, struct round *round)
{
        for (size_t i = 0; i < round->n_masks; i++) {
                struct trial *t = &round->trials[round->masks[i]];
                enum ask_how how = choose_how(stage, round);

                t->candidate = make_candidate(stage, round, round->masks[i]);
                if (stage->settings->dry)
                        continue;
                if (stage->settings->trial)
                        how = ask_with_trials(stage);
                if (how == ASK_EXPLAIN)
                        t->candidate.listen = t->candidate.type == SOCK_STREAM;
                t->answer = ask_library(&t->candidate, how, &t->report);
                t->asked = compare_failure(stage, &t->candidate, &t->answer);
        }
}

/* bind() and listen() in the scene as it was built; listen() is always tried. */
static bool try_kernel(struct stage *stage, const struct round *round, unsigned int mask, struct truth *ret)
{
        struct candidate c;

        if (!stage_fresh(stage))
                return false;
        c = make_candidate(stage, round, mask);
        c.listen = c.type == SOCK_STREAM;
        *ret = ask_kernel(&c);
        stage->dirty |= ret->setup == 0 && ret->bind == 0;
        return true;
}

static const struct truth *truth_of(struct stage *stage, struct round *round, unsigned int mask)
{
        const struct truth *plain;

        if (place_family(round->target->place) != AF_INET6)
                mask &= ~OPT_V6ONLY;
        if (round->known[mask])
                return &round->truths[mask];
        /* Where the address is accepted as it is, FREEBIND changes nothing. */
        if (mask & OPT_FREEBIND && !live_chance(&stage->random, 16)) {
                plain = truth_of(stage, round, mask & ~OPT_FREEBIND);
                if (plain && (plain->bind == 0 || plain->bind == EADDRINUSE))
                        return plain;
        }
        if (!try_kernel(stage, round, mask, &round->truths[mask]))
                return NULL;
        round->known[mask] = true;
        return &round->truths[mask];
}

static void compare_what_if(struct stage *stage, struct round *round, const struct trial *t, unsigned int mask,
                            unsigned int more)
{
        const struct truth *truth;
        unsigned char said = t->answer.what_if[more];
        char what[64];
        bool works;

        /* Without the option nothing is attached, so this is not what happened. */
        if (round->program && more & OPT_REUSEPORT && !(mask & OPT_REUSEPORT))
                return;
        truth = truth_of(stage, round, mask | more);
        if (!truth || truth->setup)
                return;
        works = truth_error(truth, t->candidate.listen) == 0;
        stage->tally->what_ifs++;
        if (said == AIU_TRISTATE_UNKNOWN) {
                stage->tally->what_ifs_unknown++;
                return;
        }
        if ((said == AIU_TRISTATE_YES) == works)
                return;
        stage->tally->what_ifs_wrong++;
        snprintf(what, sizeof(what), "would_succeed_with(%x)", more);
        stage_print(stage, what, &t->candidate, truth, &t->answer, t->report);
}

static void compare_trial(struct stage *stage, struct round *round, unsigned int mask)
{
        struct trial *t = &round->trials[mask];
        const struct truth *truth = truth_of(stage, round, mask);

        if (!t->asked || !truth || truth->setup)
                return;
        count_case(stage, truth, t->candidate.listen, mask, &t->answer, &t->candidate, t->report);
        compare_verdict(stage, &t->candidate, truth, &t->answer, t->report);
        for (unsigned int more = 0; more < N_OPTIONS; more++)
                compare_what_if(stage, round, t, mask, more);
}

/* The errno is evidence: explained after the fact, what-ifs may be known that were not. */
static void compare_after(struct stage *stage, struct round *round, unsigned int mask)
{
        const struct truth *truth = truth_of(stage, round, mask);
        struct trial *t = &round->trials[mask];

        if (!truth || truth->setup || truth->bind == 0 || live_chance(&stage->random, 2) || !stage_fresh(stage))
                return;
        aiu_report_unref(t->report);
        t->report = NULL;
        t->candidate = make_candidate(stage, round, mask);
        t->candidate.listen = t->candidate.type == SOCK_STREAM;
        t->answer = ask_after(&t->candidate, truth->bind, &t->report);
        if (t->answer.failed == EPROTO) {
                stage->broken = true;
                return;
        }
        if (!compare_failure(stage, &t->candidate, &t->answer))
                return;
        stage->tally->after++;
        if (t->answer.verdict == AIU_VERDICT_UNKNOWN) {
                stage->tally->wrong++;
                stage_print(stage, "unknown although it was seen", &t->candidate, truth, &t->answer, t->report);
        }
        compare_verdict(stage, &t->candidate, truth, &t->answer, t->report);
        for (unsigned int more = 0; more < N_OPTIONS; more++)
                compare_what_if(stage, round, t, mask, more);
}

/* Without a library: does the kernel give the same answer to the same scene twice? */
static void compare_dry(struct stage *stage, struct round *round)
{
        for (size_t i = 0; i < round->n_masks; i++) {
                struct truth again, *truth = &round->truths[round->masks[i]];
                struct candidate c;

                if (!truth_of(stage, round, round->masks[i]) || !try_kernel(stage, round, round->masks[i], &again))
                        return;
                stage->tally->cases[classify_case(stage, round->masks[i])]++;
                if (!round->known[round->masks[i]] || memcmp(truth, &again, sizeof(again)) == 0)
                        continue;
                stage->tally->wrong++;
                c = stage_candidate(stage, round->target, round->masks[i]);
                stage_print(stage, "not replayable, first", &c, truth, NULL, NULL);
                stage_print(stage, "not replayable, then", &c, &again, NULL, NULL);
        }
}

static void run_round(struct stage *stage, struct round *round)
{
        if (stage->settings->dry) {
                compare_dry(stage, round);
                return;
        }
        for (size_t i = 0; i < round->n_masks && !stage->broken; i++)
                compare_trial(stage, round, round->masks[i]);
        for (size_t i = 0; i < round->n_masks && !stage->broken; i++)
                compare_after(stage, round, round->masks[i]);
        if (round->target->type == SOCK_STREAM && live_chance(&stage->random, 4))
                check_listen(stage, round->target, round->masks[live_below(&stage->random, 4)]);
        if (live_chance(&stage->random, 8))
                check_pairs(stage, round->target, round->masks[0] | live_below(&stage->random, 2));
        if (live_chance(&stage->random, 8))
                check_port_alone(stage, round->target, round->masks[live_below(&stage->random, 4)]);
        for (size_t i = 0; i < N_OPTIONS; i++)
                aiu_report_unref(round->trials[i].report);
}

void run_scenario(struct stage *stage, uint64_t index)
{
        static struct round rounds[2];

        memset(rounds, 0, sizeof(rounds));
        stage_begin(stage, index);
        for (unsigned int i = 0; i < stage->scenario.n_targets; i++) {
                rounds[i].target = &stage->scenario.targets[i];
                rounds[i].program = !stage->settings->trial && live_chance(&stage->random, 8);
                choose_masks(stage, &rounds[i]);
                ask_all(stage, &rounds[i]);
        }
        for (unsigned int i = 0; i < stage->scenario.n_targets; i++)
                run_round(stage, &rounds[i]);
        stage_end(stage);
}
