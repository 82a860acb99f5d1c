/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A port alone asks about [::] and 0.0.0.0 in one report. The truth is two real binds, each in the scene as it was
 * built: in use if either fails, and an option helps if it helps both.
 */
#include <stdio.h>

#include <addrinuse.h>

#include "differential.h"

#define N_MASKS 8u /* of SO_REUSEADDR, SO_REUSEPORT and IPV6_V6ONLY, which is for [::] alone */

struct pair {
        struct candidate asked;
        struct truth truths[N_MASKS][2];
        bool known[N_MASKS];
};

/* A scene that is built anew is on another port. */
static bool try(struct stage *stage, struct candidate c, const char *wildcard, unsigned int mask, struct truth *ret)
{
        if (!stage_fresh(stage))
                return false;
        c.address = live_ip(wildcard, stage->port, 0);
        c.options = mask;
        *ret = ask_kernel(&c);
        stage->dirty |= ret->setup == 0 && ret->bind == 0;
        return ret->setup == 0;
}

/* The one that fails, and of two the one that the report tells. NULL = the scene cannot be built again. */
static const struct truth *truth_of(struct stage *stage, struct pair *pair, unsigned int mask, int call)
{
        struct truth *t = pair->truths[mask];

        if (!pair->known[mask] &&
            (!try(stage, pair->asked, "::", mask, &t[0]) || !try(stage, pair->asked, "0.0.0.0", mask, &t[1])))
                return NULL;
        pair->known[mask] = true;
        if (truth_error(&t[0], pair->asked.listen) == 0)
                return &t[1];
        if (truth_error(&t[1], pair->asked.listen) == 0)
                return &t[0];
        return (t[0].bind ? AIU_CALL_BIND : AIU_CALL_LISTEN) == call ? &t[0] : &t[1];
}

static void compare_what_ifs(struct stage *stage, struct pair *pair, const struct answer *answer,
                             const struct aiu_report *report)
{
        /* IPV6_V6ONLY may do harm: in the chain of UDP sockets, a first one that lets [::] in may not meet it. */
        for (unsigned int more = 0; more < N_MASKS; more++) {
                unsigned char said = answer->what_if[more];
                const struct truth *truth =
                        truth_of(stage, pair, pair->asked.options | (more & (N_MASKS - 1)), AIU_CALL_BIND);
                char what[64];

                if (!truth)
                        return;
                stage->tally->what_ifs++;
                stage->tally->what_ifs_unknown += said == AIU_TRISTATE_UNKNOWN;
                if (said == AIU_TRISTATE_UNKNOWN ||
                    (said == AIU_TRISTATE_YES) == (truth_error(truth, pair->asked.listen) == 0))
                        continue;
                stage->tally->what_ifs_wrong++;
                (void)snprintf(what, sizeof(what), "a port alone: would_succeed_with(%x)", more);
                stage_print(stage, what, &pair->asked, truth, answer, report);
        }
}

void check_port_alone(struct stage *stage, const struct target *target, unsigned int options)
{
        struct pair pair = { .asked = stage_candidate(stage, target,
                                                      options & (N_MASKS - 1) & ~(unsigned int)AIU_OPTION_V6ONLY) };
        struct aiu_report *report = NULL;
        const struct truth *truth;
        struct answer answer;

        if (!stage_fresh(stage))
                return;
        pair.asked.ifindex = 0;
        pair.asked.listen = pair.asked.type == SOCK_STREAM;
        pair.asked.address = live_ip("::", stage->port, 0);
        answer = ask_port(&pair.asked, stage->port, &report);
        truth = compare_failure(stage, &pair.asked, &answer) ? truth_of(stage, &pair, pair.asked.options, answer.call)
                                                             : NULL;
        if (truth) {
                stage->tally->ports++;
                count_case(stage, truth, pair.asked.listen, pair.asked.options, &answer, &pair.asked, report);
                if (compare_verdict(stage, &pair.asked, truth, &answer, report))
                        compare_what_ifs(stage, &pair, &answer, report);
        }
        aiu_report_unref(report);
}
