/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What bind(2) checks before it looks at the port, in the order in which the kernel checks. Pure.
 *
 * Sources: net/ipv4/af_inet.c, __inet_bind() (address before privilege); net/ipv6/af_inet6.c, __inet6_bind()
 * (privilege before address).
 */
#include <errno.h>

#include "rules/address.h"
#include "rules/checks.h"
#include "rules/conflict.h"
#include "rules/port-search.h"

#define SIN6_LEN_RFC2133 24 /* as in the kernel: a sockaddr_in6 without sin6_scope_id */

tristate address_accepted(const struct port_table *table)
{
        const struct request *q = table->request;
        bool v6 = q->address.sa.any.sa_family == AF_INET6;

        if (address_is_wildcard(&q->address) || q->freebind)
                return YES;
        if (v6 && address_is_multicast(&q->address))
                return YES;
        return tri_or(table->host->address_local, table->host->nonlocal_bind);
}

/* An address on lo is out of reach for an IPv6 socket with another device: ipv6_chk_addr(). */
static bool is_beside_device(const struct port_table *table)
{
        const struct request *q = table->request;

        return conflict_device(q) != 0 && q->address.sa.any.sa_family == AF_INET6 &&
               IN6_IS_ADDR_LOOPBACK(&q->address.sa.in6.sin6_addr);
}

static enum why why_not_local(const struct port_table *table)
{
        const struct host *host = table->host;

        if (host->address_tentative == YES)
                return WHY_DETECTION;
        if (host->address_duplicate == YES)
                return WHY_DUPLICATE;
        if (host->address_elsewhere == YES || is_beside_device(table))
                return WHY_OTHER_DEVICE;
        return host->ipv6_disabled == YES ? WHY_NO_IPV6_HERE : WHY_UNKNOWN;
}

static struct verdict check_address(const struct port_table *table)
{
        switch (address_accepted(table)) {
        case YES:
                return available;
        case NO:
                return refused(AIU_VERDICT_NOT_LOCAL, EADDRNOTAVAIL, why_not_local(table));
        default:
                return unknown(DOUBT_ADDRESS);
        }
}

/* Ports below ip_unprivileged_port_start want CAP_NET_BIND_SERVICE; port 0 never does. */
struct verdict check_privilege(const struct port_table *table)
{
        const struct request *q = table->request;
        const struct host *host = table->host;
        int port = address_port(&q->address);
        tristate allowed = q->foreign_uid ? UNKNOWN : host->privileged;

        if (port == 0 || host->unprivileged_port_start < 0)
                return available;
        if (host->unprivileged_port_start > 0)
                allowed = tri_or(allowed, tri(port >= host->unprivileged_port_start));
        else if (port >= IPPORT_RESERVED && allowed == UNKNOWN)
                allowed = YES; /* the sysctl was not readable: the default is 1024; no system raises it */
        if (allowed == YES)
                return available;
        return allowed == NO ? refused(AIU_VERDICT_NOT_PERMITTED, EACCES, WHY_PRIVILEGE) : unknown(DOUBT_PRIVILEGE);
}

/* move_addr_to_kernel() copies no more than a sockaddr_storage, before any check. */
struct verdict check_length(const struct port_table *table)
{
        return table->request->given_len > sizeof(struct sockaddr_storage) ? invalid(EINVAL, WHY_LENGTH) : available;
}

/* __inet_bind() and __inet6_bind() look at the address' family first; the fd may have another. */
struct verdict check_family(const struct port_table *table)
{
        const struct request *q = table->request;

        size_t least = q->domain == AF_INET6 ? SIN6_LEN_RFC2133 : sizeof(struct sockaddr_in);

        if (q->domain == 0 || q->domain == q->address.sa.any.sa_family)
                return available;
        if (q->domain != AF_INET && q->domain != AF_INET6)
                return invalid(EINVAL, WHY_FAMILY);
        return q->given_len < least ? invalid(EINVAL, WHY_LENGTH) : invalid(EAFNOSUPPORT, WHY_FAMILY);
}

static bool is_closed(const struct request *q)
{
        return q->state == AIU_STATE_CLOSE || q->state == AIU_STATE_UNKNOWN;
}

/* __mptcp_nmpc_sk(): an MPTCP socket looks at its own state before it looks at the address. */
struct verdict check_mptcp(const struct port_table *table)
{
        const struct request *q = table->request;

        if (q->protocol == IPPROTO_MPTCP && q->connected == YES && !is_closed(q))
                return invalid(EINVAL, WHY_CONNECTED);
        return available;
}

/*
 * A second bind() is refused. But a TCP socket whose port the kernel chose gives it back when it stops listening, or
 * its connection ends, and getsockname(2) goes on telling it: tcp_set_state(), SOCK_BINDPORT_LOCK.
 */
struct verdict check_fresh(const struct port_table *table)
{
        const struct request *q = table->request;

        if (q->bound.len == 0)
                return available;
        if (conflict_protocol(q) != IPPROTO_TCP || q->holds_port == YES)
                return invalid(EINVAL, WHY_BOUND);
        return q->holds_port == NO ? available : unknown(DOUBT_STATE);
}

/* What __inet6_bind() refuses by the look of the address. */
static struct verdict check_v6_shape(const struct port_table *table)
{
        const struct request *q = table->request;

        if (q->v6only && address_is_mapped(&q->address))
                return invalid(EINVAL, WHY_MAPPED);
        if (address_is_link_local(&q->address) && conflict_device(q) == 0)
                return invalid(EINVAL, WHY_SCOPE);
        return available;
}

/* An interface that is not there is an error even where any address is accepted. */
static struct verdict check_v6_device(const struct port_table *table)
{
        const struct request *q = table->request;
        const struct host *host = table->host;

        if (conflict_device(q) == 0 || address_is_wildcard(&q->address))
                return available;
        if (host->address_local == YES && !address_is_multicast(&q->address))
                return available;
        if (host->device_exists == NO)
                return invalid(ENODEV, WHY_NO_DEVICE);
        return host->device_exists == YES ? available : unknown(DOUBT_ADDRESS);
}

static struct verdict check_v6_multicast(const struct port_table *table)
{
        const struct request *q = table->request;

        if (q->type == SOCK_STREAM && address_is_multicast(&q->address))
                return invalid(EINVAL, WHY_MULTICAST);
        return available;
}

static struct verdict check_v6_exists(const struct port_table *table)
{
        if (table->host->ipv6_enabled == NO)
                return invalid(EAFNOSUPPORT, WHY_NO_IPV6);
        return available;
}

/*
 * inet_listen() wants a socket that never had a peer, in state CLOSE (or LISTEN). An MPTCP socket that was refused
 * its only connect() may listen, one whose connection was reset may not, and the two look the same.
 */
static struct verdict check_unconnected(const struct port_table *table)
{
        const struct request *q = table->request;

        if (q->protocol == IPPROTO_MPTCP && q->connected == YES && is_closed(q))
                return unknown(DOUBT_STATE);
        if (q->connected == YES || (!is_closed(q) && q->state != AIU_STATE_LISTEN))
                return invalid(EINVAL, WHY_CONNECTED);
        return available;
}

static struct verdict check_sockets(const struct port_table *table)
{
        return address_port(&table->request->address) == 0 ? range_conclude(table) : check_port(table);
}

/*
 * raw_bind(), ping_bind(), sctp_bind(): who may, and which port is taken, has rules of its own there. An
 * IPv4 address that is not here is refused by all.
 */
static struct verdict check_foreign_rules(const struct port_table *table)
{
        (void)table;
        return unknown(DOUBT_PROTOCOL);
}

struct verdict first_failure(const struct port_table *table, check *const checks[])
{
        struct verdict doubtful = available;

        for (; *checks; checks++) {
                struct verdict v = (*checks)(table);

                if (v.verdict == AIU_VERDICT_AVAILABLE)
                        continue;
                if (v.verdict != AIU_VERDICT_UNKNOWN)
                        return doubtful.verdict == AIU_VERDICT_UNKNOWN ? doubtful : v;
                doubtful.verdict = AIU_VERDICT_UNKNOWN;
                doubtful.doubts |= v.doubts;
                doubtful.kernel |= v.kernel;
        }
        return doubtful;
}

static check *const v4_checks[] = { check_length,    check_mptcp, check_family,  check_address,
                                    check_privilege, check_fresh, check_sockets, NULL };
static check *const v4_foreign_checks[] = { check_length, check_address, check_foreign_rules, NULL };
static check *const foreign_checks[] = { check_length, check_foreign_rules, NULL };
static check *const v6_checks[] = { check_length,       check_mptcp,     check_family,  check_v6_exists,
                                    check_v6_multicast, check_privilege, check_fresh,   check_v6_shape,
                                    check_v6_device,    check_address,   check_sockets, NULL };
static check *const bound_checks[] = { check_unconnected, check_sockets, NULL };

/* raw_bind() looks at the state first, and rawv6_bind() at the family. */
static bool is_fresh_ipv4(const struct request *q)
{
        return q->address.sa.any.sa_family == AF_INET && q->domain != AF_INET6 && q->connected != YES;
}

struct verdict predict_ip(const struct port_table *table)
{
        const struct request *q = table->request;

        if (!conflict_modelled(q))
                return first_failure(table, is_fresh_ipv4(q) ? v4_foreign_checks : foreign_checks);
        return first_failure(table, q->address.sa.any.sa_family == AF_INET6 ? v6_checks : v4_checks);
}

struct verdict predict_bound(const struct port_table *table)
{
        return first_failure(table, bound_checks);
}
