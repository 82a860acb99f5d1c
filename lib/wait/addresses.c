/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rtnetlink: an address is added, its duplicate address detection is over, a device and its tunnel are gone, a route
 * makes a prefix local. Other routes are filtered out in the kernel: a router has thousands of changes in a second.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>

#include "rules/address.h"
#include "util/macro.h"
#include "wait/source.h"

/* A filter loads big-endian numbers, and nlmsg_type is of the host's order: htons() turns one into the other. */
#define IS_TYPE(type, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(type), yes, no)

static int subscribe(const struct subject *subject)
{
        static const int groups[] = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
                                      RTNLGRP_IPV6_ROUTE };
        const struct sock_filter filter[] = {
                BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
                IS_TYPE(RTM_NEWROUTE, 1, 0),
                IS_TYPE(RTM_DELROUTE, 0, 2),
                BPF_STMT(BPF_LD | BPF_B | BPF_ABS, NLMSG_HDRLEN + offsetof(struct rtmsg, rtm_type)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, RTN_LOCAL, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
                BPF_STMT(BPF_RET | BPF_K, 0),
        };

        if (!address_is_ip(&subject->address))
                return -ENODATA;
        return source_open_netlink(NETLINK_ROUTE, filter, ELEMENTSOF(filter), groups, ELEMENTSOF(groups));
}

static bool drain(int fd, const struct subject *subject)
{
        (void)subject;
        return source_drain_netlink(fd);
}

const struct source source_addresses = { .in_netns = true, .plain = true, .subscribe = subscribe, .drain = drain };
