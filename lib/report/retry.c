/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When is another try worth it? What a supervisor asks of a report. */
#include <sys/stat.h>

#include "report/report.h"
#include "util/macro.h"

/* A time that is certain: aiu_action_is_sufficient(). 0 = there is none. */
static uint64_t known_wait(const struct aiu_report *report)
{
        for (size_t i = 0; i < report->n_actions; i++) {
                const struct aiu_action *action = &report->actions[i];

                if (action->kind == AIU_ACTION_WAIT && action->sufficient == YES)
                        return action->wait_usec;
        }
        return 0;
}

/* A caller that waits for itself waits in vain. With port 0 it has some of the ports only. */
static bool is_callers_own(const struct aiu_conflict *c)
{
        if (c->judgement.blocking != YES || c->n_ports > 0)
                return false;
        for (size_t i = 0; i < c->n_holders; i++)
                if (c->holders[i].kind == AIU_HOLDER_SELF)
                        return true;
        return false;
}

/* No socket is visible: a file, a reserved range, or nothing at all. */
static enum aiu_retry without_socket(const struct aiu_conflict *c)
{
        if (c->n_holders > 0)
                return AIU_RETRY_EVENT;
        if (c->socket.state == AIU_STATE_STALE_FILE || c->judgement.reason == AIU_REASON_RANGE_EXHAUSTED)
                return AIU_RETRY_NEVER;
        if (c->judgement.reason == AIU_REASON_PATH_EXISTS && c->file_mode != 0 && !S_ISSOCK(c->file_mode))
                return AIU_RETRY_NEVER;
        return AIU_RETRY_UNKNOWN;
}

static enum aiu_retry when_in_use(const struct aiu_report *report)
{
        for (size_t i = 0; i < report->n_conflicts; i++)
                if (is_callers_own(&report->conflicts[i]))
                        return AIU_RETRY_NEVER;
        if (known_wait(report) > 0)
                return AIU_RETRY_AFTER;
        if (report->n_conflicts == 0)
                return AIU_RETRY_UNKNOWN;
        return report->conflicts[0].index == NO_SOCKET ? without_socket(&report->conflicts[0]) : AIU_RETRY_EVENT;
}

static enum aiu_retry when_not_local(const struct aiu_report *report)
{
        if (report->verdict.why != WHY_DETECTION)
                return AIU_RETRY_NEVER;
        return known_wait(report) > 0 ? AIU_RETRY_AFTER : AIU_RETRY_EVENT;
}

static enum aiu_retry retry_class(const struct aiu_report *report)
{
        /* What forbids the call may be shown by no interface: then "it would succeed" does not count. */
        if (report->verdict.verdict == AIU_VERDICT_NOT_PERMITTED)
                return AIU_RETRY_NEVER;
        if (report->succeeds_now == YES)
                return AIU_RETRY_NOW;
        switch (report->verdict.verdict) {
        case AIU_VERDICT_IN_USE:
                return when_in_use(report);
        case AIU_VERDICT_NOT_LOCAL:
                return when_not_local(report);
        case AIU_VERDICT_INVALID:
                return report->verdict.why == WHY_NO_SPACE || report->verdict.why == WHY_PASSING ? AIU_RETRY_UNKNOWN
                                                                                                 : AIU_RETRY_NEVER;
        default:
                return known_wait(report) > 0 ? AIU_RETRY_AFTER : AIU_RETRY_UNKNOWN;
        }
}

AIU_EXPORT enum aiu_retry aiu_report_get_retry(const struct aiu_report *report, uint64_t *ret_usec)
{
        enum aiu_retry class = report ? retry_class(report) : AIU_RETRY_UNKNOWN;

        if (ret_usec)
                *ret_usec = class == AIU_RETRY_AFTER ? known_wait(report) : 0;
        return class;
}
