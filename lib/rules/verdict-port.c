/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * get_port(): is the port free for this socket? From the pairs that conflict.c judged, and from what the kernel keeps for
 * the port. Pure.
 */
#include <errno.h>

#include "rules/address.h"
#include "rules/checks.h"
#include "rules/conflict.h"
#include "rules/history.h"
#include "rules/kernel-versions.h"
#include "rules/port-cache.h"
#include "rules/udp-order.h"

struct tally count_conflicts(const struct port_table *table)
{
        struct tally tally = { 0 };

        for (size_t i = 0; i < table->n_sockets; i++) {
                enum after after = table->after ? table->after[i] : AFTER_STAYS;
                struct judgement j;

                if (after == AFTER_GONE || table->sockets[i].observed_only)
                        continue;
                j = port_table_judgement(table, i);
                if (j.blocking == YES && after == AFTER_STAYS)
                        tally.certain = true;
                else if (j.blocking != NO)
                        tally.possible = true;
                tally.options = tally.options || (j.blocking == UNKNOWN && j.decides != 0);
                tally.devices =
                        tally.devices || (j.blocking == UNKNOWN && j.decides == 0 && j.kernel == 0 && !j.maybe_own);
                tally.own = tally.own || j.maybe_own;
                tally.grouped = tally.grouped || conflict_needs_group(table->request, &table->sockets[i], &j);
                tally.kernel |= j.kernel;
                tally.listener = tally.listener || table->sockets[i].state == AIU_STATE_LISTEN;
                if (j.admits != NO)
                        tally.admitted = true;
        }
        return tally;
}

static bool is_crowded(const struct port_table *table)
{
        unsigned int count = table->port ? table->port->slot_count : 0;

        /* The slot holds sockets of other ports and namespaces as well. */
        return count > 0 ? count > UDP_SLOT_FEW : table->n_sockets > 8;
}

/* In what this kernel may differ that would let the socket in although another is in the way. */
static uint32_t kernel_may_admit(const struct port_table *table, const struct tally *tally)
{
        const struct request *q = table->request;
        uint32_t doubts = kernel_doubts(table->host);

        /* tb->fastreuse says that all had SO_REUSEADDR when they bound; a listener clears it. */
        if (conflict_protocol(q) == IPPROTO_TCP)
                return q->reuseaddr && !tally->listener && !port_cache_is_known(table) ? doubts & AIU_KERNEL_STATELESS
                                                                                       : 0;
        return address_is_wildcard(&q->address) && is_crowded(table) ? doubts & AIU_KERNEL_UDP_CROWD : 0;
}

static struct verdict unknown_kernel(uint32_t doubts, uint32_t kernel)
{
        struct verdict v = unknown(doubts | (kernel ? DOUBT_KERNEL : 0));

        v.kernel = kernel;
        return v;
}

/* A socket is in the way, unless what happened before on the port lets this one in all the same. */
static struct verdict certain(const struct port_table *table, const struct tally *tally, uint32_t doubts,
                              uint32_t kernel)
{
        /* Of UDP sockets that all refuse it, the first one does. */
        if (conflict_protocol(table->request) != IPPROTO_TCP && !tally->admitted)
                doubts = 0;
        return doubts || kernel ? unknown_kernel(doubts, kernel) : fails(AIU_VERDICT_IN_USE, EADDRINUSE);
}

/* The summary of a TCP port is the kernel's own, whatever the version. UDP may search another chain. */
static struct verdict admitted(const struct request *q, uint32_t kernel)
{
        return conflict_protocol(q) == IPPROTO_TCP || kernel == 0 ? available : unknown_kernel(0, kernel);
}

/* The sockets may be those of another network namespace, and no errno says that it is this one. */
bool may_be_elsewhere(const struct port_table *table)
{
        return table->host->netns_unsure && table->request->error != EADDRINUSE;
}

/* get_port(): is the port free for this socket? */
struct verdict check_port(const struct port_table *table)
{
        const struct request *q = table->request;
        struct tally tally = count_conflicts(table);
        /* A socket that certainly blocks does so however the kernel treats the others. */
        uint32_t kernel = tally.certain ? kernel_may_admit(table, &tally) : tally.kernel;
        struct history_answer history;

        if (!conflict_modelled(q))
                return unknown(DOUBT_PROTOCOL);
        if (conflict_takes_any(q))
                return available;
        if (may_be_elsewhere(table))
                return unknown(DOUBT_SOCKETS);
        history = history_ask(table);
        if (history.admits == YES)
                return admitted(q, kernel);
        if (tally.certain)
                return certain(table, &tally, history.doubts, kernel);
        if (tally.possible)
                return unknown_kernel((tally.options ? DOUBT_HOLDER_OPTION : 0) | (tally.devices ? DOUBT_DEVICE : 0) |
                                              (tally.own ? DOUBT_OWN : 0),
                                      kernel);
        if (!table->sockets_complete)
                return unknown(DOUBT_SOCKETS);
        if (tally.grouped && q->maybe_program)
                return unknown(DOUBT_PROGRAM);
        kernel = conflict_protocol(q) == IPPROTO_TCP ? kernel_hides_bound(table->host) : 0;
        return kernel ? unknown_kernel(0, kernel) : available;
}
