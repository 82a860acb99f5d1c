/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the netlink backends share: one request, its answers under a deadline. libnl-3 makes the messages and takes
 * them apart; the socket is opened, written and read here, through sys.h, because a diagnosis may not hang, may not
 * believe a message that the kernel did not send, and must survive every failing call. Its struct nl_sock would be
 * four allocations and three system calls more.
 */
#ifndef AIU_NETLINK_H
#define AIU_NETLINK_H

#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "addrinuse-backend.h"

struct netlink {
        int fd;
        uint32_t sequence; /* of the last request */
        unsigned char *buffer;
        int debug; /* libnl's nl_debug, which is 0 in between: NLDBG in the environment sets it */
};

/* Called for every message of an answer; a negative errno ends the request with it. */
typedef int netlink_handler(void *userdata, struct nlmsghdr *message);

/* 0, or a negative errno that netlink was refused with. */
int netlink_open(struct netlink *netlink, int protocol);
void netlink_close(struct netlink *netlink);

/*
 * Send `message` and hand every answer to `handler` until the kernel says done. Returns 0, -ETIME (deadline), -EINTR
 * (the dump was inconsistent: ask again), what the kernel or the handler refused with.
 */
int netlink_request(struct netlink *netlink, const struct aiu_request *request, struct nl_msg *message,
                    netlink_handler *handler, void *userdata);

#endif
