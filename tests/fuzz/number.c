/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Target "number": one answer of vsock_diag or netlink_diag, behind a byte that says which protocol was asked for. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <linux/vm_sockets.h>

#include "backend/netlink/sock-diag.h"
#include "fuzz.h"

static void check(int r, const struct sock_diag_socket *socket, sa_family_t family, socklen_t bytes)
{
        require(r == 0 || r == 1 || r == -EBADMSG);
        if (r != 1)
                return;
        require(socket->local.ss_family == family && socket->fact.local_len == bytes);
        require(socket->fact.local == (const struct sockaddr *)&socket->local);
        require(!socket->fact.peer || (socket->peer.ss_family == family && socket->fact.peer_len == bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct bytes in = { data, size };
        uint8_t protocol = take_byte(&in);
        struct nlmsghdr *message = fuzz_message(in.at, in.n);
        struct sock_diag_socket socket = { 0 };

        check(sock_diag_parse_vsock(message, &socket), &socket, AF_VSOCK, sizeof(struct sockaddr_vm));
        check(sock_diag_parse_netlink(message, protocol, &socket), &socket, AF_NETLINK, sizeof(struct sockaddr_nl));
        free(message);
        return 0;
}
