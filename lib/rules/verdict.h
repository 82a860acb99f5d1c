/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* (question, host, all sockets) → what bind() and listen() do. Pure. */
#ifndef AIU_VERDICT_H
#define AIU_VERDICT_H

#include "rules/model.h"

/* What an action would do to one socket; see port_table::after. */
enum after {
        AFTER_STAYS = 0,
        AFTER_GONE,   /* the port is free of it at once */
        AFTER_LINGERS /* it may stay on as TIME_WAIT, or may not */
};

struct port_table {
        const struct request *request;
        const struct host *host;
        const struct socket *sockets;
        size_t n_sockets;
        bool sockets_complete;            /* every socket on the port is among them */
        const struct port_entry *entries; /* port 0: the sockets on every port, instead of those above */
        size_t n_entries;
        /* One enum fate for each socket, then for each claim; NULL = all stay. */
        const unsigned char *after;
        /* Becomes true where something was not tried for want of memory; may be NULL but for advise(). */
        bool *no_memory;
};

/* What the call gives, ignoring the errno that was seen. */
struct verdict verdict_predict(const struct port_table *table);

/* The same, but never in contradiction to question->error. */
struct verdict verdict_conclude(const struct port_table *table);

/* The same bind with these AIU_OPTION_* set as well; would it succeed? */
struct verdict verdict_with(const struct port_table *table, uint32_t options);
tristate verdict_succeeds(const struct verdict *verdict);
tristate verdict_what_if(const struct port_table *table, uint32_t options);

/*
 * EADDRINUSE was seen and one candidate alone can have caused it: its unread
 * bits are known now. Writes them into that socket; returns its index, or -1.
 */
ptrdiff_t verdict_settle(const struct port_table *table, struct socket *sockets);

#endif
