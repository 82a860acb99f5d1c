/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A diagnosis must not cost more than the failure. Explanations take a part of each second. One program that fails all
 * the time gets a smaller part, and the others get the rest.
 */
#include <string.h>

#include "bpf/watch.h"
#include "util/sys.h"

#define WINDOW_NSEC UINT64_C(1000000000)
#define TOTAL_NSEC (WINDOW_NSEC / 2)
#define SOURCE_NSEC (WINDOW_NSEC / 10)
/* Explanations that a slow or busy machine makes as well. */
#define LEAST_OF_ALL 16u
#define LEAST_OF_SOURCE 12u

static void begin_window(struct budget *budget, uint64_t now)
{
        budget->since = now;
        budget->spent_nsec = 0;
        budget->n = 0;
        budget->n_sources = 0;
        budget->closed = budget->closing;
}

/* Further programs share the last place. */
static struct source *find_source(struct budget *budget, const struct watch_event *event)
{
        struct source *source = budget->sources;

        for (size_t i = 0; i < budget->n_sources; i++, source++)
                if (source->netns == event->failure.netns &&
                    memcmp(source->comm, event->comm, sizeof(source->comm)) == 0)
                        return source;
        if (budget->n_sources == MOST_SOURCES)
                return &budget->sources[MOST_SOURCES - 1];
        budget->n_sources++;
        *source = (struct source){ .netns = event->failure.netns };
        memcpy(source->comm, event->comm, sizeof(source->comm));
        return source;
}

struct source *budget_ask(struct budget *budget, const struct watch_event *event)
{
        uint64_t now = sys_now_nsec();
        struct source *source;

        if (now - budget->since >= WINDOW_NSEC)
                begin_window(budget, now);
        if (budget->closed || (budget->spent_nsec >= TOTAL_NSEC && budget->n >= LEAST_OF_ALL))
                return NULL;
        source = find_source(budget, event);
        if (source->spent_nsec >= SOURCE_NSEC && source->n >= LEAST_OF_SOURCE)
                return NULL;
        budget->asked = now;
        return source;
}

void budget_spend(struct budget *budget, struct source *source)
{
        uint64_t nsec = sys_now_nsec() - budget->asked;

        budget->spent_nsec += nsec;
        source->spent_nsec += nsec;
        budget->n++;
        source->n++;
}

void budget_close(struct budget *budget)
{
        begin_window(budget, sys_now_nsec());
        budget->closing = true;
}
