/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A diagnosis must not cost more than the failure. Explanations take a part of the time. One program that fails all the
 * time gets a smaller part, and the others get the rest. What was not spent is kept for a while: programs that fail
 * together, as after a boot, are all explained.
 */
#include <string.h>

#include "bpf/watch.h"
#include "util/sys.h"

#define MSEC_NSEC 1000000
#define ONE 1000 /* an explanation, in thousandths */

/* What a millisecond adds, and how much is kept. A slow or busy machine makes as many explanations as `n` says as well. */
static const struct rate {
        int64_t nsec, most_nsec, n, most_n;
} of_all = { MSEC_NSEC / 2, INT64_C(3000000000), 16, 64 * ONE },
  of_source = { MSEC_NSEC / 10, INT64_C(1000000000), 12, 40 * ONE };

static int64_t least(int64_t a, int64_t b)
{
        return a < b ? a : b;
}

static bool has_credit(struct credit *credit, const struct rate *rate, uint64_t now_msec)
{
        int64_t passed = (int64_t)(now_msec - credit->since_msec);

        credit->since_msec = now_msec;
        credit->nsec = least(credit->nsec + passed * rate->nsec, rate->most_nsec);
        credit->n = least(credit->n + passed * rate->n, rate->most_n);
        return credit->nsec > 0 || credit->n >= ONE;
}

/* A debt is that of one second at most. */
static void spend(struct credit *credit, const struct rate *rate, int64_t nsec)
{
        credit->nsec = credit->nsec - nsec < -1000 * rate->nsec ? -1000 * rate->nsec : credit->nsec - nsec;
        credit->n = credit->n < ONE ? 0 : credit->n - ONE;
}

/*
 * A new one has all that can be kept. If there is no place, the one that was quiet for longest is forgotten, and the new
 * one has nothing yet: a program can have a new name for each failure.
 */
static struct source *find_source(struct budget *budget, const struct watch_event *event, uint64_t now_msec)
{
        struct source *source = budget->sources;
        uint64_t since_msec = budget->n_sources < MOST_SOURCES ? 0 : now_msec;

        for (size_t i = 0; i < budget->n_sources; i++) {
                if (budget->sources[i].netns == event->failure.netns &&
                    memcmp(budget->sources[i].comm, event->comm, sizeof(source->comm)) == 0)
                        return &budget->sources[i];
                if (budget->sources[i].credit.since_msec < source->credit.since_msec)
                        source = &budget->sources[i];
        }
        if (budget->n_sources < MOST_SOURCES)
                source = &budget->sources[budget->n_sources++];
        *source = (struct source){ .netns = event->failure.netns, .credit.since_msec = since_msec };
        memcpy(source->comm, event->comm, sizeof(source->comm));
        return source;
}

struct source *budget_ask(struct budget *budget, const struct watch_event *event)
{
        uint64_t now = sys_now_nsec(), now_msec = now / MSEC_NSEC;
        struct source *source;

        if ((budget->end_msec && now_msec >= budget->end_msec) || !has_credit(&budget->credit, &of_all, now_msec))
                return NULL;
        source = find_source(budget, event, now_msec);
        if (!has_credit(&source->credit, &of_source, now_msec))
                return NULL;
        budget->asked = now;
        return source;
}

void budget_spend(struct budget *budget, struct source *source)
{
        int64_t nsec = (int64_t)(sys_now_nsec() - budget->asked);

        spend(&budget->credit, &of_all, nsec);
        spend(&source->credit, &of_source, nsec);
}

void budget_close(struct budget *budget)
{
        budget->end_msec = sys_now_nsec() / MSEC_NSEC + 1000;
}
