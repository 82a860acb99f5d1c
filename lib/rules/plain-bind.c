/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Nearly every TCP server sets SO_REUSEADDR, and some do not. Where connections are all that
 * is left of a server, the two get different answers, and a person wants both. Pure.
 */
#include "rules/address.h"
#include "rules/conflict.h"
#include "rules/plain-bind.h"
#include "rules/verdict.h"

/* A socket at hand has the option or has it not: what another would get is no question. */
static bool is_asked(const struct request *q)
{
        return q->reuseaddr && conflict_protocol(q) == IPPROTO_TCP && address_port(&q->address) != 0 &&
               q->domain == 0 && q->error == 0;
}

static bool is_timed(const struct socket *s)
{
        return s->minisock && s->expires_usec > 0;
}

static struct plain_bind what_is_in_the_way(const struct port_table *table)
{
        struct plain_bind plain = { .in_use = true, .connections = true };
        bool timed = true;

        for (size_t i = 0; i < table->n_sockets; i++) {
                const struct socket *s = &table->sockets[i];

                if (port_table_judgement(table, i).blocking == NO)
                        continue;
                plain.connections = plain.connections && s->peer.len > 0;
                timed = timed && is_timed(s);
                if (s->expires_usec > plain.usec)
                        plain.usec = s->expires_usec;
        }
        if (!timed)
                plain.usec = 0;
        return plain;
}

struct plain_bind plain_bind_predict(const struct port_table *table)
{
        struct request q = *table->request;
        struct port_table changed = *table;

        if (!is_asked(&q))
                return (struct plain_bind){ 0 };
        q.reuseaddr = false;
        changed.request = &q;
        if (verdict_predict(&changed).verdict != AIU_VERDICT_IN_USE)
                return (struct plain_bind){ 0 };
        return what_is_in_the_way(&changed);
}
