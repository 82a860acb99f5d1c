/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What sock_diag(7) says, to compare a walk with. Of TCP the listeners of a port: they have a table of their own, so the
 * kernel reads no other socket for that. Of UDP all sockets of a port.
 */
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/module.h"
#include "util/macro.h"
#include "util/sys.h"

#define STATE_LISTEN 10

struct message {
        struct nlmsghdr header;
        struct inet_diag_req request;
};

struct udp_message {
        struct nlmsghdr header;
        struct inet_diag_req_v2 request;
};

static int push(struct listeners *listeners, uint64_t cookie)
{
        if (listeners->n == listeners->room) {
                size_t room = listeners->room ? listeners->room * 2 : 16;
                uint64_t *more = realloc(listeners->cookies, room * sizeof(*more));

                if (!more)
                        return -ENOMEM;
                listeners->cookies = more;
                listeners->room = room;
        }
        listeners->cookies[listeners->n++] = cookie;
        return 0;
}

static int send_message(int fd, const void *message, size_t bytes)
{
        ssize_t n = sys_send(fd, message, bytes);

        return n < 0 ? (int)n : 0;
}

/* TCPDIAG_GETSOCK, the older request, dumps both families at once. */
static int ask_for_listeners(int fd, uint16_t port)
{
        struct message message = {
                .header = { .nlmsg_len = sizeof(message),
                            .nlmsg_type = TCPDIAG_GETSOCK,
                            .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
                .request = { .idiag_family = AF_INET,
                             .idiag_states = 1u << STATE_LISTEN,
                             .id.idiag_sport = htons(port) },
        };

        return send_message(fd, &message, sizeof(message));
}

static int ask_for_udp(int fd, int family, uint16_t port)
{
        struct udp_message message = {
                .header = { .nlmsg_len = sizeof(message),
                            .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                            .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
                .request = { .sdiag_family = (uint8_t)family,
                             .sdiag_protocol = IPPROTO_UDP,
                             .idiag_states = ~0u,
                             .id.idiag_sport = htons(port) },
        };

        return send_message(fd, &message, sizeof(message));
}

static int take_message(struct listeners *listeners, const struct nlmsghdr *header)
{
        const struct inet_diag_msg *m = NLMSG_DATA(header);
        const struct nlmsgerr *error = NLMSG_DATA(header);

        if (header->nlmsg_type == NLMSG_ERROR)
                return header->nlmsg_len >= NLMSG_LENGTH(sizeof(*error)) && error->error < 0 ? error->error : -EBADMSG;
        if (header->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
                return -EBADMSG;
        if (m->id.idiag_sport != htons(listeners->port) ||
            (listeners->protocol == IPPROTO_TCP && m->idiag_state != STATE_LISTEN))
                return 0;
        return push(listeners, (uint64_t)m->id.idiag_cookie[1] << 32 | m->id.idiag_cookie[0]);
}

/* 1, or the errno of a dump that failed: there is no handler for the protocol, or for the family. */
static int take_end(const struct nlmsghdr *header)
{
        int error = 0;

        if (header->nlmsg_len >= NLMSG_LENGTH(sizeof(error)))
                memcpy(&error, NLMSG_DATA(header), sizeof(error));
        return error < 0 ? error : 1;
}

/* One datagram; 1 = the last one. NLMSG_NEXT() would step behind an end that is not aligned. */
static int take_datagram(struct listeners *listeners, const void *bytes, size_t n)
{
        const struct nlmsghdr *header;
        int r;

        for (size_t at = 0; at < n; at += NLMSG_ALIGN(header->nlmsg_len)) {
                header = (const struct nlmsghdr *)(const void *)((const char *)bytes + at);
                if (!NLMSG_OK(header, n - at))
                        return 0;
                if (header->nlmsg_type == NLMSG_DONE)
                        return take_end(header);
                r = take_message(listeners, header);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int receive(int fd, struct listeners *listeners)
{
        union {
                struct nlmsghdr header;
                char bytes[32768];
        } buffer;
        struct iovec iov = { .iov_base = &buffer, .iov_len = sizeof(buffer) };
        struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
        ssize_t n;
        int r = 0;

        while (r == 0) {
                n = sys_recvmsg(fd, &message, 0);
                if (n <= 0 || message.msg_flags & MSG_TRUNC)
                        return n < 0 ? (int)n : -EBADMSG;
                r = take_datagram(listeners, &buffer, (size_t)n);
        }
        return r < 0 ? r : 0;
}

/* One dump after the other: a socket has one at a time. */
static int read_all(int fd, struct listeners *listeners)
{
        static const int families[] = { AF_INET, AF_INET6 };
        int r;

        if (listeners->protocol == IPPROTO_TCP) {
                r = ask_for_listeners(fd, listeners->port);
                return r < 0 ? r : receive(fd, listeners);
        }
        for (size_t i = 0; i < ELEMENTSOF(families); i++) {
                r = ask_for_udp(fd, families[i], listeners->port);
                if (r >= 0)
                        r = receive(fd, listeners);
                /* A kernel without IPv6 knows no such family. */
                if (r < 0 && (families[i] == AF_INET || r != -ENOENT))
                        return r;
        }
        return 0;
}

int listeners_read(int protocol, uint16_t port, struct listeners *ret)
{
        struct listeners listeners = { .protocol = protocol, .port = port };
        int fd = sys_socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG), r;

        if (fd < 0)
                return fd;
        r = read_all(fd, &listeners);
        (void)sys_close(fd);
        if (r < 0) {
                free(listeners.cookies);
                return r;
        }
        *ret = listeners;
        return 0;
}

static bool has_cookie(const struct wire *wire, uint64_t cookie)
{
        for (uint32_t i = 0; i < wire->n_sockets && i < WIRE_SOCKETS; i++)
                if (wire->sockets[i].cookie == cookie)
                        return true;
        return false;
}

static bool is_listed(const struct listeners *listeners, uint64_t cookie)
{
        for (size_t i = 0; i < listeners->n; i++)
                if (listeners->cookies[i] == cookie)
                        return true;
        return false;
}

bool listeners_are_missed(const struct listeners *before, const struct listeners *after, const struct wire *wire)
{
        for (size_t i = 0; i < before->n; i++)
                if (!has_cookie(wire, before->cookies[i]) && is_listed(after, before->cookies[i]))
                        return true;
        return false;
}

bool listeners_are_in(const struct listeners *listeners, const struct wire *wire)
{
        return !listeners_are_missed(listeners, listeners, wire);
}
