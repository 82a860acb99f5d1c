/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * udp_lib_lport_inuse() walks the sockets of a slot until it meets one that the socket in question cannot ignore. If
 * both have SO_REUSEPORT and one owner, the socket is let in at once, and otherwise it is refused: what comes after
 * does not count. New sockets come first, but for IPv6 ones with SO_REUSEPORT, which come last (sk_add_node_rcu() and
 * its _tail_ variant). Pure.
 *
 * With more than ten sockets in the slot, those of other ports and network namespaces included, a socket with one
 * address is compared with those of that address, then with the wildcards (udp_lib_lport_inuse2()), unless the slot by
 * address is even longer. connect() moves a socket in these chains alone. Before e537dd15d0d4 (Linux 6.19) a wildcard is
 * compared with the wildcards alone: AIU_KERNEL_UDP_CROWD.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "rules/address.h"
#include "rules/conflict.h"
#include "rules/udp-order.h"

/* Which sockets are looked at. */
enum chain {
        CHAIN_PORT,
        CHAIN_ADDRESS,
        CHAIN_WILDCARDS,
};

static bool is_in_chain(enum chain chain, const struct endpoint *c, const struct socket *h)
{
        struct endpoint e = address_endpoint(&h->local);

        if (chain == CHAIN_ADDRESS)
                return memcmp(&c->ip, &e.ip, sizeof(c->ip)) == 0;
        return chain == CHAIN_PORT || e.any;
}

static bool is_there(const struct port_table *table, size_t i)
{
        return !table->sockets[i].observed_only && (!table->after || table->after[i] != AFTER_GONE);
}

/* What the first one says that counts; YES if none does. `ret_moved`: one that connect() may have moved counts. */
static tristate ask_first(const struct port_table *table, const struct request *q, enum chain chain, bool *ret_moved)
{
        struct endpoint c = address_endpoint(&q->address);
        tristate first = YES;
        bool met = false;

        *ret_moved = false;
        for (size_t i = 0; i < table->n_sockets; i++) {
                const struct socket *h = &table->sockets[i];
                struct judgement j;

                if (!is_there(table, i) || !is_in_chain(chain, &c, h))
                        continue;
                j = conflict_judge(q, h, table->host);
                if (j.blocking == NO && j.admits == NO)
                        continue;
                if (h->peer.len > 0)
                        *ret_moved = true;
                if (!met)
                        first = j.admits == YES ? YES : tri_not(j.blocking);
                met = true;
        }
        return first;
}

/* In the chains by address the order is known of those that stayed where they were bound. */
static tristate ask_chain(const struct port_table *table, const struct request *q, enum chain chain)
{
        bool moved;
        tristate first = ask_first(table, q, chain, &moved);

        return moved ? UNKNOWN : first; /* also where all would say the same: that is rare */
}

static tristate ask_by_address(const struct port_table *table, const struct request *q)
{
        return tri_and(ask_chain(table, q, CHAIN_ADDRESS), ask_chain(table, q, CHAIN_WILDCARDS));
}

static tristate ask_one(const struct port_table *table, const struct request *q)
{
        unsigned int count = table->port->slot_count;
        bool moved;
        tristate by_port = ask_first(table, q, CHAIN_PORT, &moved);

        if ((count > 0 && count <= UDP_SLOT_FEW) || address_is_wildcard(&q->address))
                return by_port;
        return ask_by_address(table, q) == by_port ? by_port : UNKNOWN;
}

tristate udp_order_admits(const struct port_table *table)
{
        struct request q = *table->request;
        tristate first;

        if (!table->port || table->port->n_in_order == 0 || table->n_sockets > table->port->n_in_order)
                return UNKNOWN;
        q.every_address = false;
        first = ask_one(table, &q);
        if (!table->request->every_address)
                return first;
        address_set_any_ipv4(&q.address);
        return tri_and(first, ask_one(table, &q));
}
