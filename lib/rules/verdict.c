/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From the facts to the answer: which errno, from which call. The checks of each family are in verdict-ip.c,
 * verdict-unix.c and verdict-number.c, those of the port in verdict-port.c. Pure, and checked against a running kernel
 * by tests/live.
 */
#include <errno.h>

#include "rules/address.h"
#include "rules/checks.h"
#include "rules/conflict.h"
#include "rules/verdict.h"

static bool can_listen(const struct request *q)
{
        return q->type == SOCK_STREAM || q->type == SOCK_SEQPACKET;
}

/* unix_listen(), vsock_listen(): a socket without a name cannot listen, nor can one that has a peer. */
static struct verdict check_name(const struct request *q)
{
        if (q->connected == YES)
                return invalid(EINVAL, WHY_CONNECTED);
        return q->bound.len > 0 ? available : invalid(EINVAL, WHY_NO_NAME);
}

/*
 * listen() on a bound TCP socket runs get_port() again, this time as a listener; on one that listens
 * it sets the backlog and no more: __inet_listen_sk().
 */
static struct verdict predict_listen(const struct port_table *table)
{
        const struct request *q = table->request;
        struct verdict v;

        if (!can_listen(q))
                v = invalid(EOPNOTSUPP, WHY_NO_LISTEN);
        else if (!address_is_ip(&q->address))
                v = check_name(q);
        else if (conflict_takes_any(q))
                return available;
        else
                v = predict_bound(table);
        if (v.error)
                v.call = AIU_CALL_LISTEN;
        return v;
}

/* unix_listen(): EINVAL for a socket with a peer, which bind() accepts. */
static struct verdict predict_unix_pair(const struct port_table *table)
{
        struct verdict v = predict_unix(table);

        if (v.verdict == AIU_VERDICT_AVAILABLE && table->request->listen && table->request->connected == YES) {
                v = invalid(EINVAL, WHY_CONNECTED);
                v.call = AIU_CALL_LISTEN;
        }
        return v;
}

struct verdict verdict_predict(const struct port_table *table)
{
        const struct request *q = table->request;

        if (q->call == AIU_CALL_LISTEN)
                return predict_listen(table);
        /* They have protocols of their own, with IP's numbers. */
        if ((q->domain == AF_VSOCK || q->domain == AF_NETLINK) && q->domain != q->address.sa.any.sa_family)
                return check_family(table);
        if (q->address.sa.any.sa_family == AF_UNIX)
                return predict_unix_pair(table);
        if (address_is_vsock(&q->address))
                return predict_vsock(table);
        return address_is_netlink(&q->address) ? predict_netlink(table) : predict_ip(table);
}

static enum aiu_verdict verdict_of_error(int error)
{
        switch (error) {
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

bool verdict_is_passing(int error)
{
        return error == ENOMEM || error == ENOBUFS || error == EINTR || error == EAGAIN;
}

/*
 * Security modules and the cgroup's BPF programs are asked first, and nothing shows their answers. That a privileged
 * port is the cause is known where the rule about it says so alone: EACCES, never EPERM.
 */
static enum why why_not_permitted(const struct port_table *table)
{
        struct verdict v;

        if (!address_is_ip(&table->request->address)) {
                v = verdict_predict(table);
                if (v.error == table->request->error)
                        return v.why;
                return v.verdict == AIU_VERDICT_UNKNOWN && !conflict_is_about_path(table->request) ? WHY_UNKNOWN
                                                                                                   : WHY_POLICY;
        }
        if (table->request->error == EPERM)
                return WHY_POLICY;
        v = check_privilege(table);
        if (v.verdict == AIU_VERDICT_UNKNOWN)
                return WHY_UNKNOWN;
        return v.error ? WHY_PRIVILEGE : WHY_POLICY;
}

/* Why the errno that was seen; WHY_GONE: as things are now, it would not be. */
static enum why why_seen(const struct port_table *table, enum aiu_verdict seen)
{
        struct verdict v;

        if (verdict_is_passing(table->request->error))
                return WHY_PASSING;
        if (table->request->error == ENOSPC || table->request->error == EDQUOT)
                return WHY_NO_SPACE;
        if (seen == AIU_VERDICT_NOT_PERMITTED)
                return why_not_permitted(table);
        v = verdict_predict(table);
        if (v.error == table->request->error)
                return v.why;
        return v.verdict == AIU_VERDICT_AVAILABLE || v.verdict == AIU_VERDICT_IN_USE ? WHY_GONE : WHY_UNKNOWN;
}

struct verdict verdict_conclude(const struct port_table *table)
{
        const struct request *q = table->request;
        struct verdict v;

        if (q->trial_succeeded)
                return available;
        if (q->error == 0)
                return verdict_predict(table);
        v = fails(verdict_of_error(q->error), q->error);
        if (v.verdict != AIU_VERDICT_IN_USE)
                v.why = why_seen(table, v.verdict);
        if (q->call == AIU_CALL_LISTEN)
                v.call = AIU_CALL_LISTEN;
        return v;
}

static void set_options(struct request *q, uint32_t options)
{
        q->reuseaddr = q->reuseaddr || (options & AIU_OPTION_REUSEADDR);
        q->reuseport = q->reuseport || (options & AIU_OPTION_REUSEPORT);
        q->v6only = q->v6only || (options & AIU_OPTION_V6ONLY);
        q->freebind = q->freebind || (options & AIU_OPTION_FREEBIND);
}

/* Those that are set already. IPV6_V6ONLY does not exist on an AF_INET socket: setsockopt(2) gives ENOPROTOOPT. */
static uint32_t idle_options(const struct request *q)
{
        return (q->reuseaddr ? AIU_OPTION_REUSEADDR : 0) | (q->reuseport ? AIU_OPTION_REUSEPORT : 0) |
               (q->freebind ? AIU_OPTION_FREEBIND : 0) |
               (q->v6only || q->address.sa.any.sa_family != AF_INET6 ? AIU_OPTION_V6ONLY : 0);
}

/* What cannot explain the errno that was seen cannot foretell another outcome. */
static bool explained(const struct port_table *table)
{
        struct verdict v;

        if (table->request->error == 0)
                return true;
        v = verdict_predict(table);
        return v.verdict == AIU_VERDICT_UNKNOWN || v.error == table->request->error;
}

struct verdict verdict_with(const struct port_table *table, uint32_t options)
{
        struct request q = *table->request;
        struct port_table changed = *table;

        options &= ~idle_options(&q);
        if (options == 0)
                return verdict_conclude(table);
        if (!explained(table))
                return unknown(0);
        set_options(&q, options);
        changed.request = &q;
        /* IP_FREEBIND is about the address: the sockets stand to it as before. */
        if (options == AIU_OPTION_FREEBIND && table->judged_request == table->request)
                changed.judged_request = &q;
        return verdict_predict(&changed);
}

tristate verdict_succeeds(const struct verdict *verdict)
{
        if (verdict->verdict == AIU_VERDICT_UNKNOWN)
                return UNKNOWN;
        return tri(verdict->verdict == AIU_VERDICT_AVAILABLE);
}

void verdict_what_ifs(const struct port_table *table, tristate ret[WHAT_IF_COUNT], uint32_t *ret_doubts)
{
        uint32_t idle = idle_options(table->request), doubts = 0;
        bool accepted = address_accepted(table) == YES;

        for (uint32_t options = 0; options < WHAT_IF_COUNT; options++) {
                uint32_t same = options & ~idle;
                struct verdict v;

                /* Where the address is accepted anyway, IP_FREEBIND adds nothing to another option. */
                if (accepted && same != AIU_OPTION_FREEBIND)
                        same &= ~AIU_OPTION_FREEBIND;
                if (same != options) {
                        ret[options] = ret[same];
                        continue;
                }
                v = verdict_with(table, options);
                ret[options] = verdict_succeeds(&v);
                doubts |= v.doubts;
        }
        *ret_doubts = doubts;
}

tristate verdict_without_errno(const struct port_table *table)
{
        struct verdict v = table->request->trial_succeeded ? available : verdict_predict(table);

        return verdict_succeeds(&v);
}

/* ------------------------------------------------------ evidence */

ptrdiff_t verdict_settle(const struct port_table *table, struct socket *sockets)
{
        ptrdiff_t only = -1;

        if (table->request->error != EADDRINUSE)
                return -1;
        for (size_t i = 0; i < table->n_sockets; i++) {
                struct judgement j = port_table_judgement(table, i);

                if (j.blocking == NO)
                        continue;
                if (j.blocking == YES || only >= 0)
                        return -1;
                only = (ptrdiff_t)i;
        }
        if (only >= 0) {
                struct socket *socket = &sockets[only];
                uint32_t bits = port_table_judgement(table, (size_t)only).decides;

                socket->maybe_unbound = false;
                /* It blocks, so none of the exemptions that it might have had held. */
                if (bits & AIU_OPTION_REUSEADDR)
                        socket->reuseaddr = NO;
                if (bits & AIU_OPTION_REUSEPORT && socket->reuseport == UNKNOWN)
                        socket->reuseport = socket->uid == table->request->uid ? NO : socket->reuseport;
                if (bits & AIU_OPTION_V6ONLY)
                        socket->v6only = NO;
                if (table->judged)
                        table->judged[only] = conflict_judge(table->request, socket, table->host);
        }
        return only;
}
