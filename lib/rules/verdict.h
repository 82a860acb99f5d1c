/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* (request, host, all sockets) → what bind() and listen() do. Pure. */
#ifndef AIU_VERDICT_H
#define AIU_VERDICT_H

#include "rules/port-table.h"

/* What the call gives, ignoring the errno that was seen. */
struct verdict verdict_predict(const struct port_table *table);

/* The same, but never in contradiction to request->error. */
struct verdict verdict_conclude(const struct port_table *table);

/* The same bind with these AIU_OPTION_* set as well; would it succeed? */
struct verdict verdict_with(const struct port_table *table, uint32_t options);
tristate verdict_succeeds(const struct verdict *verdict);

/* For each set of options; *ret_doubts: DOUBT_*, of all of them. */
void verdict_what_ifs(const struct port_table *table, tristate ret[WHAT_IF_COUNT], uint32_t *ret_doubts);

/* Would the bind succeed now, ignoring the errno that was seen? */
tristate verdict_without_errno(const struct port_table *table);

/* What another process had for a moment: the call is right, and the next one may succeed. */
bool verdict_is_passing(int error);

/*
 * EADDRINUSE was seen and one candidate alone can have caused it: its unread
 * bits are known now. Writes them into that socket, which is judged again; returns its index, or -1.
 */
ptrdiff_t verdict_settle(const struct port_table *table, struct socket *sockets);

#endif
