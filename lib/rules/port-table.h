/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The input of every verdict: the request, the host, and the sockets on the port. Pure. */
#ifndef AIU_PORT_TABLE_H
#define AIU_PORT_TABLE_H

#include "rules/model.h"

/* What an action would do to one socket; see port_table::after. */
enum after {
        AFTER_STAYS = 0,
        AFTER_GONE,   /* the port is free of it at once */
        AFTER_LINGERS /* it may remain, as TIME_WAIT or until its peer answers */
};

struct port_table {
        const struct request *request;
        const struct host *host;
        const struct socket *sockets;
        size_t n_sockets;
        bool sockets_complete;            /* every socket on the port is among them */
        const struct port_facts *port;    /* what else is known of the port; NULL = nothing */
        const struct port_entry *entries; /* port 0: the sockets on every port, instead of those above */
        size_t n_entries;
        /* One enum after for each socket, then for each entry; NULL = all stay. */
        const unsigned char *after;
        /* Becomes true where something was not tried for want of memory; may be NULL but for advise(). */
        bool *no_memory;
        /*
         * port_table_judge(): how each socket stands to `judged_request` on `judged_host`. A copy of the
         * table that is about another request or host does not use them.
         */
        struct judgement *judged;
        const struct request *judged_request;
        const struct host *judged_host;
};

/* Judge each socket once, for this table and for its copies. The facts must not change after it. -ENOMEM. */
int port_table_judge(struct port_table *table);
/* For the table that was judged, not for its copies. */
void port_table_finish(struct port_table *table);

/* How socket `i` stands to the table's request. */
struct judgement port_table_judgement(const struct port_table *table, size_t i);

#endif
