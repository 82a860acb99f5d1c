/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The number of a network interface, and its name, in the network namespace of the
 * thread. libc asks by ioctl(2), which a strict seccomp filter does not let through.
 */
#ifndef AIU_INTERFACE_H
#define AIU_INTERFACE_H

#include <net/if.h>

#include "addrinuse-backend.h"

/*
 * Of `question` the deadline counts, and plain_calls_only: netlink is asked, and where that is refused, ioctl(2),
 * unless a filter may be active. 0; -ENODEV: there is no such interface; another error: not known.
 */
int interface_find(const struct aiu_request *request, const char *name, unsigned int *ret_ifindex);
int interface_name(const struct aiu_request *request, unsigned int ifindex, char ret_name[IF_NAMESIZE]);

#endif
