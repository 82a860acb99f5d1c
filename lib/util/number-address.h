/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* struct sockaddr_vm, struct sockaddr_nl and the names of their numbers: the kernel has no smaller header for each. */
#ifndef AIU_NUMBER_ADDRESS_H
#define AIU_NUMBER_ADDRESS_H

#include <linux/netlink.h>
#include <sys/socket.h>

#include <linux/vm_sockets.h> /* needs sa_family_t */

#endif
