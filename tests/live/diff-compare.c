/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One answer against one truth, and the counting. */
#include <errno.h>
#include <stdio.h>

#include <addrinuse.h>

#include "differential.h"

struct candidate stage_candidate(const struct stage *stage, const struct target *target, unsigned int options)
{
        return (struct candidate){
                .address = place_address(stage->live, target->place, stage->port),
                .type = target->type,
                .protocol = target->protocol,
                .options = options,
                .ifindex = target->ifindex,
                .uid = target->uid,
                .listen = target->listen,
        };
}

/* The errno that the caller meets; 0 = none. */
int truth_error(const struct truth *truth, bool listens)
{
        if (truth->bind)
                return truth->bind;
        return listens ? truth->listen : 0;
}

static enum aiu_verdict verdict_of(int error)
{
        switch (error) {
        case 0:
                return AIU_VERDICT_AVAILABLE;
        case EADDRINUSE:
                return AIU_VERDICT_IN_USE;
        case EADDRNOTAVAIL:
                return AIU_VERDICT_NOT_LOCAL;
        case EACCES:
        case EPERM:
        case EROFS:
                return AIU_VERDICT_NOT_PERMITTED;
        default:
                return AIU_VERDICT_INVALID;
        }
}

enum class classify_case(const struct stage *stage, unsigned int options) {
        unsigned int class = CLASS_PLAIN;

        if (options & OPT_REUSEPORT) class |= CLASS_REUSEPORT;
        if (stage->scenario.unreadable || stage->scenario.privileged_port) class |= CLASS_UNREADABLE;
        return (enum class) class;
}

bool compare_verdict(struct stage *stage, const struct candidate *c, const struct truth *truth,
                     const struct answer *answer, const struct aiu_report *report)
{
        int error = truth_error(truth, c->listen);
        enum aiu_call call = truth->bind ? AIU_CALL_BIND : AIU_CALL_LISTEN;
        const char *what = NULL;

        if (answer->verdict == AIU_VERDICT_UNKNOWN)
                return true;
        if (answer->verdict != (int)verdict_of(error))
                what = "verdict";
        else if (answer->error != error)
                what = "error";
        else if (error && answer->call != (int)call)
                what = "call";
        if (!what)
                return true;
        stage->tally->wrong++;
        stage_print(stage, what, c, truth, answer, report);
        return false;
}

/* The library itself must not fail, nor change errno. */
bool compare_failure(struct stage *stage, const struct candidate *c, const struct answer *answer)
{
        if (!answer->failed && answer->errno_kept)
                return true;
        stage->tally->failed++;
        stage_print(stage, answer->failed ? "the library returned an error" : "errno was changed", c, NULL, answer,
                    NULL);
        return false;
}

void count_case(struct stage *stage, const struct truth *truth, bool listens, unsigned int options,
                const struct answer *answer, const struct candidate *c, const struct aiu_report *report)
{
        struct tally *tally = stage->tally;
        enum class class = classify_case(stage, options);
        int error = truth_error(truth, listens);

        tally->cases[class]++;
        if (error == 0)
                tally->available++;
        else if (error == EADDRINUSE)
                tally->in_use++;
        else
                tally->other++;
        if (answer->verdict != AIU_VERDICT_UNKNOWN)
                return;
        tally->unknown[class]++;
        reasons_count(tally, report);
        if (answer->n_gaps == 0) {
                tally->unexplained++;
                stage_print(stage, "unknown without a gap", c, truth, answer, report);
        }
}
