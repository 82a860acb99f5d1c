/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Target "inet": one answer of inet_diag. What is taken for a socket has an address and a state. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "backend/netlink/sock-diag.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const int protocols[] = { IPPROTO_TCP, IPPROTO_UDP, 136 };
        struct bytes in = { data, size };
        int protocol = protocols[take_byte(&in) % 3], r;
        struct nlmsghdr *message = fuzz_message(in.at, in.n);
        struct sock_diag_socket socket = { 0 };

        r = sock_diag_parse_inet(message, protocol, &socket);
        require(r == 0 || r == 1 || r == -EBADMSG);
        if (r == 1) {
                require(socket.fact.local == (struct sockaddr *)&socket.local);
                require(socket.local.ss_family == AF_INET || socket.local.ss_family == AF_INET6);
                require(socket.fact.local_len ==
                        (socket.local.ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6)));
                require(socket.fact.protocol == protocol);
                require(!socket.fact.minisock || socket.fact.inode == 0 || socket.fact.minisock != AIU_TRISTATE_YES);
        }
        free(message);
        return 0;
}
