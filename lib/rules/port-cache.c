/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * struct inet_bind_bucket: for each TCP port, in each VRF, the kernel keeps a summary of the sockets that bound it. A
 * socket that matches the summary gets in without a look at the others; one that does not match is compared with each.
 * So the summary never keeps a socket out. Pure.
 *
 * Sources: net/ipv4/inet_connection_sock.c, inet_csk_get_port(), sk_reuseport_match(), inet_csk_update_fastreuse().
 *
 *  - fastreuse: all sockets had SO_REUSEADDR when they bound, and none listened. Since Linux 6.8 it is never set: the
 *    table by address is linked before the update, so that no socket is the first one (8002d44fe84d to 8191792c18c5).
 *    Before, a socket stays in for the others also after it cleared the option.
 *  - fastreuseport: the last bind() or listen() that mattered had SO_REUSEPORT. The user and the address of that socket
 *    are kept: they count as long as the port has any socket, also when that one is closed. A socket without the option
 *    resets it, unless it came in through accept().
 *  - FASTREUSEPORT_ANY: all had the option, whatever their address. Since 6.8 it is never set either.
 *  - Devices, TIME_WAIT and the options that the sockets have now do not matter.
 *  - A program of its own (SO_ATTACH_REUSEPORT_CBPF or _EBPF) keeps a socket from matching.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "rules/address.h"
#include "rules/conflict.h"
#include "rules/port-cache.h"

static const struct port_cache *find(const struct port_table *table)
{
        const struct port_facts *port = table->port;
        const struct request *q = table->request;

        for (size_t i = 0; port && i < port->n_caches; i++)
                if (port->caches[i].port == address_port(&q->address) && port->caches[i].l3mdev == q->l3mdev)
                        return &port->caches[i];
        return NULL;
}

/* ipv4_rcv_saddr_equal(): a zero in the summary matches all, a zero of the socket's only a zero. */
static bool covers_v4(const struct port_cache *b, const struct endpoint *c, bool c_only)
{
        return !c_only && (b->v4_be == c->v4 || b->v4_be == 0);
}

/* ipv6_rcv_saddr_equal() with match_sk1_wildcard alone; an AF_INET socket counts as mapped. */
static bool covers_v6(const struct port_cache *b, const struct endpoint *c, bool c_only)
{
        if (IN6_IS_ADDR_V4MAPPED(&b->ip6) && c->v4ish)
                return covers_v4(b, c, c_only);
        if (IN6_IS_ADDR_UNSPECIFIED(&b->ip6) && !(b->v6only && c->v4ish))
                return true;
        return c->v6 && memcmp(&b->ip6, &c->ip, sizeof(b->ip6)) == 0;
}

static bool covers(const struct port_cache *b, const struct request *q, const struct address *address)
{
        struct endpoint c = address_endpoint(address);
        bool c_only = conflict_v6only(q, &c);

        if (b->fastreuseport == FASTREUSEPORT_ANY)
                return true;
        return b->v6 ? covers_v6(b, &c, c_only) : covers_v4(b, &c, c_only);
}

static tristate match_reuseport(const struct request *q, const struct port_cache *b)
{
        struct socket last = { .uid = b->uid };

        if (!q->reuseport || q->has_program || b->fastreuseport <= 0 || !covers(b, q, &q->address))
                return NO;
        return conflict_same_owner(q, &last);
}

static tristate admits_one(const struct request *q, const struct port_cache *b)
{
        if (b->fastreuse > 0 && q->reuseaddr && q->call != AIU_CALL_LISTEN)
                return YES;
        return match_reuseport(q, b);
}

static tristate meets_none(const struct port_table *table, const struct request *q)
{
        tristate meets = table->sockets_complete ? NO : UNKNOWN;

        for (size_t i = 0; i < table->n_sockets; i++)
                meets = tri_or(meets, conflict_judge(q, &table->sockets[i], table->host).blocking);
        return tri_not(meets);
}

/* A port alone: [::] and 0.0.0.0. One may match the summary where the other one has no socket in its way. */
static tristate admits_every(const struct port_table *table, const struct port_cache *b)
{
        struct request v6 = *table->request, v4;
        tristate admits6, admits4;

        v6.every_address = false;
        v4 = v6;
        address_set_any_ipv4(&v4.address);
        admits6 = admits_one(&v6, b);
        admits4 = admits_one(&v4, b);
        if (admits6 == NO && admits4 == NO)
                return NO;
        if (admits6 != YES)
                admits6 = tri_or(admits6, meets_none(table, &v6));
        if (admits4 != YES)
                admits4 = tri_or(admits4, meets_none(table, &v4));
        return tri_and(admits6, admits4);
}

tristate port_cache_admits(const struct port_table *table)
{
        const struct request *q = table->request;
        const struct port_cache *b = find(table);
        tristate admits;

        if (!b)
                return q->reuseport && !q->has_program ? UNKNOWN : NO;
        admits = q->every_address ? admits_every(table, b) : admits_one(q, b);
        /* With fewer sockets it may be reset (since Linux 6.18, d57f4b874946), or go with the last of them. */
        return table->after && admits == YES ? UNKNOWN : admits;
}

bool port_cache_is_known(const struct port_table *table)
{
        return find(table) != NULL;
}
