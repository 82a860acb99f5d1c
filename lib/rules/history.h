/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* With SO_REUSEPORT a socket may get in although another is in the way: by what was bound before, and when. Pure. */
#ifndef AIU_HISTORY_H
#define AIU_HISTORY_H

#include "rules/port-table.h"

struct history_answer {
        tristate admits; /* YES: the other sockets are not looked at. NO: they decide */
        uint32_t doubts; /* DOUBT_*: why that is unknown */
};

/* For a port that is not 0. */
struct history_answer history_ask(const struct port_table *table);

/* Does it let the socket in, and nothing that was seen says otherwise? Then no socket on the port is in the way. */
bool history_overrules(const struct port_table *table);

#endif
