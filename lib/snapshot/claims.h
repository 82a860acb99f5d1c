/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The snapshot's sockets when port 0 is asked for: on every port, each as a struct claim. */
#ifndef AIU_CLAIMS_H
#define AIU_CLAIMS_H

#include "snapshot/snapshot.h"

/* From now on sockets are kept as claims. -ENOMEM. */
int claims_begin(struct claims *claims);
void claims_finish(struct claims *claims);

/* -ENOBUFS: no room for more; -ENOMEM. */
int claims_add(struct claims *claims, const struct aiu_socket_fact *fact);
void claims_set_options(struct claims *claims, uint64_t inode, const struct aiu_options_fact *fact);
int claims_get(const struct claims *claims, size_t i, struct aiu_socket_fact *ret_fact);

/* The claims on one port: `claims->first[port]`, then each one's `claims->next[i]`; CLAIMS_END. */
#define CLAIMS_END UINT32_MAX

#endif
