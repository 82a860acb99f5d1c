/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The destroy groups of sock_diag: any user hears when a TCP or UDP socket of the network namespace is destroyed
 * (sock_diag_broadcast_destroy()). A filter in the kernel lets the sockets of one port through, so that other ports
 * wake no program up. The kernel's own sockets and TIME_WAIT end without an event.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stddef.h>

#include "rules/address.h"
#include "util/macro.h"
#include "wait/source.h"

#define SPORT_OFFSET (NLMSG_HDRLEN + offsetof(struct inet_diag_msg, id.idiag_sport))

static int subscribe(const struct subject *subject)
{
        static const int tcp[] = { SKNLGRP_INET_TCP_DESTROY, SKNLGRP_INET6_TCP_DESTROY };
        static const int udp[] = { SKNLGRP_INET_UDP_DESTROY, SKNLGRP_INET6_UDP_DESTROY };
        const struct sock_filter filter[] = {
                BPF_STMT(BPF_LD | BPF_H | BPF_ABS, SPORT_OFFSET),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, subject->port, 1, 0),
                BPF_STMT(BPF_RET | BPF_K, subject->port == 0 ? UINT32_MAX : 0),
                BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
        };

        if (!address_is_ip(&subject->address) || (subject->protocol != IPPROTO_TCP && subject->protocol != IPPROTO_UDP))
                return -ENODATA;
        return source_open_netlink(NETLINK_SOCK_DIAG, filter, ELEMENTSOF(filter),
                                   subject->protocol == IPPROTO_TCP ? tcp : udp, ELEMENTSOF(tcp));
}

static bool drain(int fd, const struct subject *subject)
{
        (void)subject;
        return source_drain_netlink(fd);
}

const struct source source_sockets = { .in_netns = true, .plain = true, .subscribe = subscribe, .drain = drain };
