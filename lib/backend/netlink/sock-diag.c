/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Backend "sock-diag": the sockets on the port, from NETLINK_SOCK_DIAG. It needs no privilege and sees every socket
 * of the network namespace, but not who holds it, nor SO_REUSEADDR, nor SO_REUSEPORT: no interface tells those
 * (net/ipv4/inet_diag.c, inet_diag_msg_attrs_fill()).
 */
#include <errno.h>
#include <linux/netlink.h>
#include <stdbool.h>

#include "backend/backends.h"
#include "backend/netlink/sock-diag.h"

#define TRIES 3

static int dump(struct netlink *netlink, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        switch (request->address->sa_family) {
        case AF_UNIX:
                return sock_diag_dump_unix(netlink, request, snapshot);
        case AF_VSOCK:
                return sock_diag_dump_vsock(netlink, request, snapshot);
        case AF_NETLINK:
                return sock_diag_dump_netlink(netlink, request, snapshot);
        default:
                return sock_diag_dump_inet(netlink, request, snapshot);
        }
}

static int add_gap(struct aiu_snapshot *snapshot, int error)
{
        if (error == -ETIME)
                (void)aiu_snapshot_add_gap(snapshot, AIU_GAP_DEADLINE, ETIME,
                                           "the deadline passed before all sockets were listed");
        return error;
}

/*
 * inet_diag_lock_handler(): SCTP, DCCP, UDP-Lite may not be there, or not have the module for it; __sock_diag_cmd():
 * AF_VSOCK and AF_NETLINK likewise, and no other source lists those.
 */
static int not_listed(const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        bool is_ip = request->address->sa_family == AF_INET || request->address->sa_family == AF_INET6;

        (void)aiu_snapshot_add_gap(snapshot, AIU_GAP_KERNEL_TOO_OLD, ENOENT,
                                   is_ip ? "this kernel does not list sockets of this protocol: the protocol or its "
                                           "module for sock_diag is missing"
                                         : "this kernel does not list sockets of this address family: its module for "
                                           "sock_diag is missing");
        return is_ip ? AIU_COMPLETE : AIU_PARTIAL;
}

static int sockets(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        struct netlink netlink;
        int r;

        (void)userdata;
        r = netlink_open(&netlink, NETLINK_SOCK_DIAG);
        if (r < 0)
                return r;
        /* -EINTR: the tables changed under the dump. What came twice is known by its cookie. */
        for (int i = 0; i < TRIES; i++) {
                r = dump(&netlink, request, snapshot);
                if (r != -EINTR)
                        break;
        }
        netlink_close(&netlink);
        if (r == -ENOENT && request->address->sa_family != AF_UNIX)
                return not_listed(request, snapshot);
        return r < 0 ? add_gap(snapshot, r) : r;
}

const struct aiu_backend backend_sock_diag = {
        .size = sizeof(struct aiu_backend),
        .name = "sock-diag",
        .sockets = sockets,
};
