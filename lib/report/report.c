/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The report: an immutable object with an atomic reference count. */
#include <stdlib.h>

#include "advice/advice.h"
#include "util/macro.h"
#include "report/report.h"
#include "snapshot/snapshot.h"

struct aiu_report *report_new(void)
{
        struct aiu_report *report = calloc(1, sizeof(*report));

        if (report)
                report->refs = 1;
        return report;
}

void conflict_finish(struct aiu_conflict *conflict)
{
        for (size_t i = 0; i < conflict->n_holders; i++)
                free(conflict->holders[i].fds);
        free(conflict->holders);
}

AIU_EXPORT struct aiu_report *aiu_report_ref(struct aiu_report *report)
{
        if (report)
                atomic_fetch_add_explicit(&report->refs, 1, memory_order_relaxed);
        return report;
}

static void report_free(struct aiu_report *report)
{
        for (size_t i = 0; i < report->n_conflicts; i++)
                conflict_finish(&report->conflicts[i]);
        for (size_t i = 0; i < report->n_neighbours; i++)
                conflict_finish(&report->neighbours[i]);
        for (size_t i = 0; i < report->n_actions; i++)
                action_finish(&report->actions[i]);
        for (size_t i = 0; i < report->n_gaps; i++)
                gap_finish(&report->gaps[i].gap);
        for (size_t i = 0; i < report->n_processes; i++)
                process_finish(&report->processes[i]);
        for (size_t i = 0; i < report->n_managers; i++)
                manager_finish(&report->managers[i]);
        for (size_t i = 0; i < report->n_kernel_users; i++)
                kernel_user_finish(&report->kernel_users[i]);
        for (size_t i = 0; i < report->n_users; i++)
                free(report->users[i].name);
        free(report->users);
        free(report->conflicts);
        free(report->neighbours);
        free(report->actions);
        free(report->gaps);
        free(report->processes);
        free(report->managers);
        free(report->kernel_users);
        free(report->summary);
        free(report);
}

AIU_EXPORT struct aiu_report *aiu_report_unref(struct aiu_report *report)
{
        KEEP_ERRNO;
        if (report && atomic_fetch_sub_explicit(&report->refs, 1, memory_order_acq_rel) == 1)
                report_free(report);
        return NULL;
}
