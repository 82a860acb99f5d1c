/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The report: an immutable object with an atomic reference count, and the
 * accessors of the report itself. Those of its parts are in accessors.c.
 */
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

AIU_EXPORT enum aiu_verdict aiu_report_get_verdict(const struct aiu_report *report)
{
        return report ? report->verdict.verdict : AIU_VERDICT_UNKNOWN;
}

AIU_EXPORT int aiu_report_get_error(const struct aiu_report *report)
{
        return report ? report->verdict.error : 0;
}

AIU_EXPORT enum aiu_call aiu_report_get_call(const struct aiu_report *report)
{
        return report ? report->verdict.call : AIU_CALL_UNKNOWN;
}

AIU_EXPORT const char *aiu_report_get_summary(const struct aiu_report *report)
{
        return report && report->summary ? report->summary : "";
}

AIU_EXPORT const struct sockaddr *aiu_report_get_address(const struct aiu_report *report, socklen_t *ret_len)
{
        if (!report || report->request.address.len == 0)
                return NULL;
        if (ret_len)
                *ret_len = report->request.address.len;
        return &report->request.address.sa.any;
}

AIU_EXPORT int aiu_report_get_port_range(const struct aiu_report *report, uint16_t *ret_first, uint16_t *ret_last)
{
        if (!report || report->range.first <= 0)
                return 0;
        if (ret_first)
                *ret_first = (uint16_t)report->range.first;
        if (ret_last)
                *ret_last = (uint16_t)report->range.last;
        return 1;
}

AIU_EXPORT size_t aiu_report_get_n_ports_taken(const struct aiu_report *report)
{
        return report ? report->range.taken : 0;
}

AIU_EXPORT size_t aiu_report_get_n_ports_left(const struct aiu_report *report)
{
        return report ? report->range.left : 0;
}

AIU_EXPORT size_t aiu_report_get_n_ports_reserved(const struct aiu_report *report)
{
        return report ? report->range.reserved : 0;
}

AIU_EXPORT int aiu_report_get_type(const struct aiu_report *report)
{
        return report ? report->request.type : 0;
}

AIU_EXPORT int aiu_report_get_protocol(const struct aiu_report *report)
{
        return report ? report->request.protocol : 0;
}

AIU_EXPORT uint32_t aiu_report_get_options(const struct aiu_report *report)
{
        const struct request *q;

        if (!report)
                return 0;
        q = &report->request;
        return (q->reuseaddr ? AIU_OPTION_REUSEADDR : 0) | (q->reuseport ? AIU_OPTION_REUSEPORT : 0) |
               (q->v6only ? AIU_OPTION_V6ONLY : 0) | (q->freebind ? AIU_OPTION_FREEBIND : 0);
}

AIU_EXPORT const char *aiu_report_get_device(const struct aiu_report *report)
{
        return report && report->request.device[0] ? report->request.device : NULL;
}

AIU_EXPORT uid_t aiu_report_get_uid(const struct aiu_report *report)
{
        return report ? report->request.uid : UID_UNKNOWN;
}

AIU_EXPORT int aiu_report_get_listen(const struct aiu_report *report)
{
        return report ? report->request.listen : 0;
}

AIU_EXPORT enum aiu_tristate aiu_report_would_succeed_with(const struct aiu_report *report, uint32_t options)
{
        if (!report || options >= WHAT_IF_COUNT)
                return AIU_TRISTATE_UNKNOWN;
        return report->what_if[options];
}

AIU_EXPORT size_t aiu_report_get_n_conflicts(const struct aiu_report *report)
{
        return report ? report->n_conflicts : 0;
}

AIU_EXPORT const struct aiu_conflict *aiu_report_get_conflict(const struct aiu_report *report, size_t i)
{
        return report && i < report->n_conflicts ? &report->conflicts[i] : NULL;
}

AIU_EXPORT size_t aiu_report_get_n_neighbours(const struct aiu_report *report)
{
        return report ? report->n_neighbours : 0;
}

AIU_EXPORT const struct aiu_conflict *aiu_report_get_neighbour(const struct aiu_report *report, size_t i)
{
        return report && i < report->n_neighbours ? &report->neighbours[i] : NULL;
}

AIU_EXPORT size_t aiu_report_get_n_actions(const struct aiu_report *report)
{
        return report ? report->n_actions : 0;
}

AIU_EXPORT const struct aiu_action *aiu_report_get_action(const struct aiu_report *report, size_t i)
{
        return report && i < report->n_actions ? &report->actions[i] : NULL;
}

AIU_EXPORT size_t aiu_report_get_n_gaps(const struct aiu_report *report)
{
        return report ? report->n_gaps : 0;
}

AIU_EXPORT const struct aiu_gap *aiu_report_get_gap(const struct aiu_report *report, size_t i)
{
        return report && i < report->n_gaps ? &report->gaps[i] : NULL;
}
