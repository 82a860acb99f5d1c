/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of NETLINK_SOCK_DIAG, and their parsers (which fuzzers call). */
#ifndef AIU_SOCK_DIAG_H
#define AIU_SOCK_DIAG_H

#include "backend/netlink/netlink.h"

/* What a socket is, out of one answer; the addresses are kept in here. */
struct sock_diag_socket {
        struct aiu_socket_fact fact;
        struct sockaddr_storage local, peer;
};

/* Messages have it in two parts. */
static inline uint64_t sock_diag_cookie(const uint32_t parts[2])
{
        return (uint64_t)parts[1] << 32 | parts[0];
}

/* 1 = *ret is filled in, 0 = not a socket that can hold a port or a name, -EBADMSG = malformed. */
int sock_diag_parse_inet(const struct nlmsghdr *message, int protocol, struct sock_diag_socket *ret);
int sock_diag_parse_unix(const struct nlmsghdr *message, struct sock_diag_socket *ret);
int sock_diag_parse_vsock(const struct nlmsghdr *message, struct sock_diag_socket *ret);
int sock_diag_parse_netlink(const struct nlmsghdr *message, int protocol, struct sock_diag_socket *ret);

int sock_diag_dump_inet(struct netlink *netlink, const struct aiu_request *request, struct aiu_snapshot *snapshot);
int sock_diag_dump_unix(struct netlink *netlink, const struct aiu_request *request, struct aiu_snapshot *snapshot);
int sock_diag_dump_vsock(struct netlink *netlink, const struct aiu_request *request, struct aiu_snapshot *snapshot);
int sock_diag_dump_netlink(struct netlink *netlink, const struct aiu_request *request, struct aiu_snapshot *snapshot);

#endif
