/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A netlink socket that only listens to what the kernel announces. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include "util/missing.h"
#include "util/sys.h"
#include "wait/source.h"

/* One datagram is one event. After so many the rest is read in the next turn. */
#define MOST_EVENTS 1000

static int set_up(int fd, const struct sock_filter *filter, size_t n_filter, const int *groups, size_t n_groups)
{
        struct sockaddr_nl local = { .nl_family = AF_NETLINK };
        struct sock_fprog program = { .len = (unsigned short)n_filter,
                                      .filter = (struct sock_filter *)(uintptr_t)filter };
        int r;

        /* In this order: the filter before any event, and a socket without an address of its own hears nothing. */
        r = sys_setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
        if (r >= 0)
                r = sys_bind(fd, (struct sockaddr *)&local, sizeof(local));
        for (size_t i = 0; r >= 0 && i < n_groups; i++)
                r = sys_setsockopt_int(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, groups[i]);
        return r;
}

int source_open_netlink(int protocol, const struct sock_filter *filter, size_t n_filter, const int *groups,
                        size_t n_groups)
{
        int fd, r;

        fd = sys_socket(AF_NETLINK, SOCK_RAW, protocol);
        if (fd < 0)
                return fd;
        r = set_up(fd, filter, n_filter, groups, n_groups);
        if (r < 0) {
                sys_close(fd);
                return r;
        }
        return fd;
}

/* The text of an event is of no interest: what follows is a question. */
bool source_drain_netlink(int fd)
{
        bool happened = false;

        for (int i = 0; i < MOST_EVENTS; i++) {
                char byte;
                struct sockaddr_nl from = { 0 };
                struct iovec part = { .iov_base = &byte, .iov_len = sizeof(byte) };
                struct msghdr header = {
                        .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &part, .msg_iovlen = 1
                };
                ssize_t n = sys_recvmsg(fd, &header, MSG_DONTWAIT);

                if (n == -EAGAIN)
                        break;
                /* ENOBUFS: events were lost. */
                if (n < 0)
                        return true;
                /* Any process may send to our port: only the kernel has number 0. */
                happened = happened || from.nl_pid == 0;
        }
        return happened;
}
