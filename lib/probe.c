/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The whole program on one page. Facts come in as plain data, judgement is a
 * pure function of data, a report goes out:
 *
 *      struct aiu_query
 *              |   complete_request()   defaults of bind(2) and of the caller
 *              v
 *      observe_sockets()       backends: the host, then the sockets on the port
 *      want_holders()          rules:    which of them are, or may be, in the way
 *      observe_holders()       backends: who holds these, with which options
 *      trial_bind()            only if it was allowed and leaves no trace
 *      observe_managers()      backends: which unit, container or supervisor runs the holders
 *      observe_around()        backends: sockets beside the address, and another port that is free
 *              |
 *              v               all facts about sockets and their holders are known
 *      judge()                 rules:    the verdict, and the verdict with other options
 *      build_conflicts()       report:   each socket in the way, with its holders
 *      build_users()           report:   the names of users, from the caller
 *      recommend()             advice:   what ends the conflict, each action tried on the facts
 *      build_notes()           report:   what is in use beside the address
 *      build_gaps()            report:   what could not be seen
 *      words_summary()         report:   one sentence
 *              |
 *              v
 *      struct aiu_report       is immutable; render/ makes text or JSON of it
 *
 * A fact that cannot be observed is a gap in the report, never an error. The
 * errors are -EINVAL for a request that makes no sense, and -ENOMEM.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "advice/advice.h"
#include "observe/observe.h"
#include "query/context.h"
#include "report/build.h"
#include "report/report.h"
#include "report/words.h"
#include "rules/plain-bind.h"
#include "rules/verdict.h"
#include "util/caller.h"
#include "util/macro.h"
#include "util/sys.h"

/*
 * An MPTCP socket takes its port through a TCP socket of its own, to which no program gets: mptcp_setsockopt() knows no
 * SO_ATTACH_REUSEPORT_CBPF.
 */
static bool may_have_program(const struct request *q)
{
        bool at_hand = q->own_inode != 0 || q->own_cookie != 0;

        return q->reuseport && q->protocol != IPPROTO_MPTCP && at_hand;
}

/* What the query does not set. A socket that has a peer does not listen. */
static struct request complete_request(const struct aiu_query *query)
{
        struct request q = query->request;

        if (!query->uid_set)
                q.uid = sys_geteuid();
        /* Who asks for IPV6_V6ONLY asks about [::] alone. */
        q.every_address = q.every_address && !q.v6only;
        q.foreign_uid = query->uid_given && q.uid != (query->pid > 0 ? process_uid(query->process) : sys_geteuid());
        q.maybe_program = may_have_program(&q);
        if (!query->listen_set)
                q.listen = (q.type == SOCK_STREAM || q.type == SOCK_SEQPACKET) && q.connected != YES;
        if (q.call == AIU_CALL_LISTEN)
                query_complete_listening(&q);
        return q;
}

/* A server that restarts takes its sockets away between one look and the next. */
#define MOST_LOOKS 4

static int observe_port(struct observation *o)
{
        int r = observe_sockets(o);

        for (int i = 1; r >= 0; i++) {
                r = want_holders(o);
                if (r >= 0)
                        r = observe_holders(o);
                if (r != OBSERVE_AGAIN)
                        break;
                if (i == MOST_LOOKS) {
                        o->sockets_complete = false;
                        return aiu_snapshot_add_gap(&o->snapshot, AIU_GAP_RACE, 0,
                                                    "the sockets on the port change faster than they can be read");
                }
                r = observe_sockets_again(o);
        }
        return r;
}

/* What a person would ask next. A caller who wants little work done wants none of this. */
static int observe_around(struct observation *o)
{
        int r;

        if (query_flags(o->query) & (AIU_CONTEXT_FIRST_HOLDER | AIU_CONTEXT_LISTENERS_ONLY))
                return 0;
        r = observe_beside(o);
        return r < 0 ? r : observe_other_port(o);
}

static int observe(struct observation *o)
{
        int r;

        r = observe_port(o);
        if (r < 0)
                return r;
        trial_bind(o);
        r = observe_managers(o);
        return r < 0 ? r : observe_around(o);
}

static int judge(struct aiu_report *report, struct port_table *table, struct socket *sockets)
{
        int r;

        r = port_table_judge(table);
        if (r < 0)
                return r;
        (void)verdict_settle(table, sockets);
        report->verdict = verdict_conclude(table);
        report->succeeds_now = verdict_without_errno(table);
        verdict_what_ifs(table, report->what_if, &report->what_if_doubts);
        report->plain = plain_bind_predict(table);
        return *table->no_memory ? -ENOMEM : 0;
}

/* In another pid namespace our own number is another process. */
static pid_t asker_pid(const struct observation *o)
{
        if (o->query->pid > 0)
                return o->query->pid;
        return o->snapshot.host.foreign_pids ? 0 : sys_getpid();
}

/* What is gone comes last in the list, and needs no action. */
static size_t count_present(const struct aiu_report *report)
{
        size_t n = report->n_conflicts;

        while (n > 0 && report->conflicts[n - 1].socket.observed_only)
                n--;
        return n;
}

static int recommend(struct aiu_report *report, const struct observation *o, const struct port_table *table,
                     const uint16_t *entry_group)
{
        struct snapshot_lookup lookup = { report->processes, report->n_processes, report->managers,
                                          report->n_managers };
        const struct host *host = &o->snapshot.host;
        struct advice_input input = {
                .table = table,
                .verdict = &report->verdict,
                .what_if = report->what_if,
                .conflicts = report->conflicts,
                .n_conflicts = count_present(report),
                .entry_group = entry_group,
                .holders_complete = o->holders_complete && o->sockets_complete,
                .asker = sys_geteuid(),
                .own = lookup_manager(&lookup, asker_pid(o), 0, 0),
        };
        int r;

        r = advise(&input, &report->actions, &report->n_actions);
        if (r < 0)
                return r;
        return words_actions(report, host, input.asker, input.own);
}

static int fill_report(struct aiu_report *report, struct observation *o, struct port_table *table)
{
        _cleanup_free_ uint16_t *entry_group = NULL;
        int r;

        report->request = *o->request;
        r = judge(report, table, o->snapshot.sockets);
        if (r < 0)
                return r;
        r = build_conflicts(report, o, table, &entry_group);
        if (r < 0)
                return r;
        r = build_users(report, o->query->context->user_name, o->query->context->user_name_userdata);
        if (r < 0)
                return r;
        r = recommend(report, o, table, entry_group);
        if (r < 0)
                return r;
        r = build_notes(report, o);
        if (r < 0)
                return r;
        r = build_gaps(report, o);
        if (r < 0)
                return r;
        return words_summary(report, &o->snapshot.host);
}

static int conclude(struct aiu_report *report, struct observation *o)
{
        struct port_table table = observe_table(o);
        bool no_memory = false;
        int r;

        table.no_memory = &no_memory;
        r = fill_report(report, o, &table);
        port_table_finish(&table);
        return r;
}

static int run(const struct aiu_query *query, struct aiu_report *report)
{
        struct request request = complete_request(query);
        struct observation o;
        int r;

        observe_begin(&o, query, &request);
        r = observe(&o);
        if (r >= 0)
                r = conclude(report, &o);
        observe_end(&o);
        return r;
}

/* listen() takes none: a socket at hand tells its own. */
static bool has_address(const struct aiu_query *query)
{
        return query->address_set || (query->request.call == AIU_CALL_LISTEN && query->request.domain != 0);
}

AIU_EXPORT int aiu_query_run(struct aiu_query *query, struct aiu_report **ret_report)
{
        KEEP_ERRNO;
        struct aiu_report *report;
        int r;

        if (!query || !ret_report || !has_address(query))
                return -EINVAL;
        report = report_new();
        r = report ? run(query, report) : -ENOMEM;
        if (r < 0)
                aiu_report_unref(report);
        else
                *ret_report = report;
        return r < 0 ? r : 0;
}

/* ------------------------------------------------------ in one call */

/* The report, or NULL with errno set. On success errno stays as the caller had it. */
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

AIU_EXPORT struct aiu_report *aiu_context_explain_bind(struct aiu_context *context_or_null, int fd,
                                                       const struct sockaddr *addr, socklen_t addrlen, int error)
{
        int saved_errno = errno;
        struct aiu_query *query = NULL;
        int r;

        r = aiu_query_new(context_or_null, &query);
        if (r >= 0)
                r = aiu_query_set_fd(query, fd);
        if (r >= 0)
                r = aiu_query_set_address(query, addr, addrlen);
        if (r >= 0)
                r = aiu_query_set_error(query, error);
        return finish(query, r, saved_errno);
}

AIU_EXPORT struct aiu_report *aiu_context_explain_listen(struct aiu_context *context_or_null, int fd, int error)
{
        int saved_errno = errno;
        struct aiu_query *query = NULL;
        int r;

        r = aiu_query_new(context_or_null, &query);
        if (r >= 0)
                r = aiu_query_set_fd(query, fd);
        if (r >= 0)
                r = aiu_query_set_call(query, AIU_CALL_LISTEN);
        if (r >= 0)
                r = aiu_query_set_error(query, error);
        return finish(query, r, saved_errno);
}

AIU_EXPORT struct aiu_report *aiu_explain_bind(int fd, const struct sockaddr *addr, socklen_t addrlen, int error)
{
        return aiu_context_explain_bind(NULL, fd, addr, addrlen, error);
}

AIU_EXPORT struct aiu_report *aiu_explain_listen(int fd, int error)
{
        return aiu_context_explain_listen(NULL, fd, error);
}
