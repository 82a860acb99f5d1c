/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* AF_VSOCK and AF_NETLINK: conflict_judge() for addresses that are numbers. Pure. */
#ifndef AIU_NUMBER_H
#define AIU_NUMBER_H

#include "rules/model.h"

/* Is it about one of these families? */
bool number_is_asked(const struct request *request);
/* Is the holder on the port in question? */
bool number_is_same(const struct request *request, const struct socket *holder);
struct judgement number_judge(const struct request *request, const struct socket *holder, const struct host *host);

#endif
