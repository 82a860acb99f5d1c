/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The whole program on one page. Facts come in as plain data, judgement is a
 * pure function of data, a report goes out:
 *
 *  query -> observe sockets -> judge -> observe holders -> observe managers -> advise -> report
 *           backends           PURE     only the inodes    only the holders    PURE      frozen
 *                                       in the way         that were found
 *
 * What a step cannot see is a gap in the report, never an error: the only ones
 * are a question that makes no sense (-EINVAL and its kin) and no memory.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "advice/advice.h"
#include "report/build.h"
#include "query/context.h"
#include "util/macro.h"
#include "observe/observe.h"
#include "report/report.h"
#include "util/sys.h"
#include "rules/verdict.h"
#include "report/words.h"

/* What was not said takes its default from bind(2) and from the caller. Whoever has a peer does not listen. */
static struct request complete_request(const struct aiu_query *query)
{
        struct request q = query->request;

        if (!query->uid_set)
                q.uid = sys_geteuid();
        q.foreign_uid = query->uid_given && q.uid != sys_geteuid();
        if (!query->listen_set)
                q.listen = (q.type == SOCK_STREAM || q.type == SOCK_SEQPACKET) && q.connected != YES;
        return q;
}

/* See the sockets, judge them, and look for the holders of those in the way only. */
static int observe(struct observation *o)
{
        int r;

        r = observe_sockets(o);
        if (r < 0)
                return r;
        r = want_holders(o);
        if (r < 0)
                return r;
        r = observe_holders(o);
        if (r < 0)
                return r;
        trial_bind(o);
        return observe_managers(o);
}

static int judge(struct aiu_report *report, struct observation *o)
{
        struct port_table table = observe_table(o);
        bool no_memory = false;

        table.no_memory = &no_memory;
        (void)verdict_settle(&table, o->snapshot.sockets);
        report->verdict = verdict_conclude(&table);
        for (uint32_t options = 0; options < WHAT_IF_COUNT; options++) {
                struct verdict v = verdict_with(&table, options);

                report->what_if[options] = verdict_succeeds(&v);
                report->what_if_doubts |= v.doubts;
        }
        return no_memory ? -ENOMEM : 0;
}

static int recommend(struct aiu_report *report, const struct observation *o)
{
        struct port_table table = observe_table(o);
        bool no_memory = false;
        struct snapshot_lookup lookup = { report->processes, report->n_processes, report->managers,
                                          report->n_managers };
        struct advice_input input = {
                .table = &table,
                .verdict = &report->verdict,
                .what_if = report->what_if,
                .conflicts = report->conflicts,
                .n_conflicts = report->n_conflicts,
                .entry_group = report->entry_group,
                .holders_complete = o->holders_complete && o->sockets_complete,
                .asker = sys_geteuid(),
                /* By number: where numbers are others, that would be somebody else's. */
                .own = o->snapshot.host.foreign_pids ? NULL : lookup_manager(&lookup, sys_getpid(), 0, 0),
        };
        int r;

        table.no_memory = &no_memory;
        r = advise(&input, &report->actions, &report->n_actions);
        if (r < 0)
                return r;
        return words_actions(report, &o->snapshot.host, input.asker, input.own);
}

static int fill_report(struct aiu_report *report, struct observation *o)
{
        int r;

        report->request = *o->request;
        r = judge(report, o);
        if (r < 0)
                return r;
        r = build_conflicts(report, o);
        if (r < 0)
                return r;
        r = recommend(report, o);
        if (r < 0)
                return r;
        free(report->entry_group);
        report->entry_group = NULL;
        r = build_gaps(report, o);
        if (r < 0)
                return r;
        return words_summary(report, &o->snapshot.host);
}

static int run(const struct aiu_query *query, struct aiu_report *report)
{
        struct request request = complete_request(query);
        struct observation o;
        int r;

        observe_begin(&o, query, &request);
        r = observe(&o);
        if (r >= 0)
                r = fill_report(report, &o);
        observe_end(&o);
        return r;
}

AIU_EXPORT int aiu_query_run(struct aiu_query *query, struct aiu_report **ret_report)
{
        KEEP_ERRNO;
        struct aiu_report *report;
        int r;

        if (!query || !ret_report || !query->address_set)
                return -EINVAL;
        report = report_new();
        r = report ? run(query, report) : -ENOMEM;
        if (r < 0)
                aiu_report_unref(report);
        else
                *ret_report = report;
        return r < 0 ? r : 0;
}

/* ------------------------------------------------------ in one line */

/* The object, or NULL and errno; on success errno is what it was. */
static struct aiu_report *finish(struct aiu_query *query, int r, int saved_errno)
{
        struct aiu_report *report = NULL;

        if (r >= 0)
                r = aiu_query_run(query, &report);
        aiu_query_unref(query);
        errno = r < 0 ? -r : saved_errno;
        return report;
}

AIU_EXPORT struct aiu_report *aiu_probe(const char *addr, uint16_t port)
{
        int saved_errno = errno;
        struct aiu_query *query = NULL;
        int r;

        r = aiu_query_new(NULL, &query);
        if (r >= 0)
                r = aiu_query_set_address_string(query, addr, port);
        return finish(query, r, saved_errno);
}

AIU_EXPORT struct aiu_report *aiu_explain_bind(int fd, const struct sockaddr *addr, socklen_t addrlen, int error)
{
        int saved_errno = errno;
        struct aiu_query *query = NULL;
        int r;

        r = aiu_query_new(NULL, &query);
        if (r >= 0)
                r = aiu_query_set_fd(query, fd);
        if (r >= 0)
                r = aiu_query_set_address(query, addr, addrlen);
        if (r >= 0)
                r = aiu_query_set_error(query, error);
        return finish(query, r, saved_errno);
}

AIU_EXPORT struct aiu_report *aiu_explain_listen(int fd, int error)
{
        int saved_errno = errno;
        struct aiu_query *query = NULL;
        int r;

        r = aiu_query_new(NULL, &query);
        if (r >= 0)
                r = aiu_query_set_fd(query, fd);
        if (r >= 0)
                r = query_set_listening(query);
        if (r >= 0)
                r = aiu_query_set_error(query, error);
        return finish(query, r, saved_errno);
}
