/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A socket that a program read: its addresses and its state, as a backend reports them. */
#include <netinet/in.h>
#include <string.h>

#include "bpf/module.h"

enum { KERNEL_CLOSE = 7, KERNEL_LAST = 12 };

socklen_t wire_address(struct sockaddr_storage *to, const struct wire_socket *socket, const uint8_t ip[16],
                       uint16_t port_be)
{
        struct sockaddr_in *in = (struct sockaddr_in *)to;
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;

        memset(to, 0, sizeof(*to));
        if (socket->family == AF_INET) {
                in->sin_family = AF_INET;
                in->sin_port = port_be;
                memcpy(&in->sin_addr, ip, sizeof(in->sin_addr));
                return sizeof(*in);
        }
        in6->sin6_family = AF_INET6;
        in6->sin6_port = port_be;
        memcpy(&in6->sin6_addr, ip, sizeof(in6->sin6_addr));
        if (IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr))
                in6->sin6_scope_id = socket->ifindex;
        return sizeof(*in6);
}

enum aiu_state wire_state(uint8_t state)
{
        if (state == KERNEL_CLOSE)
                return AIU_STATE_BOUND;
        return state < KERNEL_LAST ? (enum aiu_state)state : AIU_STATE_UNKNOWN;
}
