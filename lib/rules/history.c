/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * TCP has a summary of each port, UDP an order of the sockets. No system call shows either: without a backend that
 * reads them, "in use" is near certain with SO_REUSEPORT, never certain. Pure.
 */
#include <errno.h>
#include <netinet/in.h>

#include "rules/address.h"
#include "rules/conflict.h"
#include "rules/history.h"
#include "rules/port-cache.h"
#include "rules/udp-order.h"

static struct history_answer answer(tristate admits, uint32_t doubts)
{
        return (struct history_answer){ .admits = admits, .doubts = admits == UNKNOWN ? doubts : 0 };
}

static struct history_answer ask_tcp(const struct port_table *table)
{
        tristate admits = port_cache_admits(table);

        /* The summary for SO_REUSEADDR asks for no program. It is of old kernels, where the doubt costs little. */
        if (admits == YES && table->request->maybe_program)
                return answer(UNKNOWN, DOUBT_PROGRAM);
        return answer(admits, DOUBT_HISTORY);
}

static struct history_answer ask_udp(const struct port_table *table)
{
        const struct request *q = table->request;
        tristate admits = q->reuseport && !q->has_program ? udp_order_admits(table) : NO;

        if (admits == YES && q->maybe_program)
                return answer(UNKNOWN, DOUBT_PROGRAM);
        return answer(admits, DOUBT_ORDER);
}

struct history_answer history_ask(const struct port_table *table)
{
        return conflict_protocol(table->request) == IPPROTO_TCP ? ask_tcp(table) : ask_udp(table);
}

bool history_overrules(const struct port_table *table)
{
        const struct request *q = table->request;

        return q->error != EADDRINUSE && address_is_ip(&q->address) && address_port(&q->address) != 0 &&
               history_ask(table).admits == YES;
}
