/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The summary that the kernel keeps for a TCP port: does it let the socket in without a look at the others? Pure. */
#ifndef AIU_PORT_CACHE_H
#define AIU_PORT_CACHE_H

#include "rules/port-table.h"

/* For a TCP socket and a port that is not 0. NO: the sockets on the port decide. */
tristate port_cache_admits(const struct port_table *table);
/* Was the summary reported? */
bool port_cache_is_known(const struct port_table *table);

#endif
