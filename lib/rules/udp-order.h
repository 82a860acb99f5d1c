/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UDP with SO_REUSEPORT: the first socket in the kernel's chain that counts decides. Pure. */
#ifndef AIU_UDP_ORDER_H
#define AIU_UDP_ORDER_H

#include "rules/port-table.h"

/* How many sockets a slot has before the kernel searches by address: udp_lib_get_port(). */
#define UDP_SLOT_FEW 10u

/* Does the first one let the socket in? UNKNOWN: the order is not known, or not which chain is searched. */
tristate udp_order_admits(const struct port_table *table);

#endif
