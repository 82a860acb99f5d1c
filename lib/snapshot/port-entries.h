/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The snapshot's sockets when port 0 is asked for: on every port, each as a struct port_entry. */
#ifndef AIU_PORT_ENTRIES_H
#define AIU_PORT_ENTRIES_H

#include "snapshot/snapshot.h"

/* From now on sockets are kept as port entries. -ENOMEM. */
int entries_begin(struct port_entries *entries);
void entries_finish(struct port_entries *entries);

/* -ENOBUFS: no room for more; -ENOMEM. */
int entries_add(struct port_entries *entries, const struct aiu_socket_fact *fact);
void entries_set_options(struct port_entries *entries, uint64_t inode, const struct aiu_options_fact *fact);
int entries_get(const struct port_entries *entries, size_t i, struct aiu_socket_fact *ret_fact);

/* The entries of one port: first[port], then next[i] of each, up to ENTRIES_END. */
#define ENTRIES_END UINT32_MAX

#endif
