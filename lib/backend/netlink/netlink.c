/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One netlink request and its answers under a deadline: see netlink.h. */
#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "backend/netlink/netlink.h"
#include "util/sys.h"

/* The most that the kernel puts into one datagram of a dump: netlink_dump(). */
#define BUFFER_BYTES 32768u
/* Rounds that bring nothing (forged messages, readable and yet empty) before it is given up:
 * there may be no deadline. */
#define MOST_IDLE 10000u

/*
 * With nl_debug set, which libnl reads from NLDBG, its functions write to stderr. The variable is the whole
 * program's, so it is put back; of several threads the one that took it does that.
 */
static int silence_libnl(void)
{
        return __atomic_load_n(&nl_debug, __ATOMIC_RELAXED) ? __atomic_exchange_n(&nl_debug, 0, __ATOMIC_RELAXED) : 0;
}

int netlink_open(struct netlink *netlink, int protocol)
{
        struct sockaddr_nl local = { .nl_family = AF_NETLINK };
        int fd, r;

        *netlink = (struct netlink){ .fd = -1 };
        fd = sys_socket(AF_NETLINK, SOCK_RAW, protocol);
        if (fd < 0)
                return fd;
        r = sys_bind(fd, (struct sockaddr *)&local, sizeof(local));
        if (r < 0) {
                sys_close(fd);
                return r;
        }
        netlink->fd = fd;
        netlink->debug = silence_libnl();
        netlink->buffer = malloc(BUFFER_BYTES);
        if (!netlink->buffer) {
                netlink_close(netlink);
                return -ENOMEM;
        }
        return 0;
}

void netlink_close(struct netlink *netlink)
{
        netlink->fd = sys_close(netlink->fd);
        free(netlink->buffer);
        netlink->buffer = NULL;
        if (netlink->debug)
                __atomic_store_n(&nl_debug, netlink->debug, __ATOMIC_RELAXED);
        netlink->debug = 0;
}

/* Sleep until something can be read; -ETIME at the deadline. */
static int wait_readable(const struct netlink *netlink, const struct aiu_request *request)
{
        struct pollfd pollfd = { .fd = netlink->fd, .events = POLLIN };
        uint64_t left = aiu_request_time_left_usec(request);
        int r, msec;

        if (left == 0)
                return -ETIME;
        msec = left > 60u * 1000 * 1000 ? 60 * 1000 : (int)((left + 999) / 1000);
        r = sys_poll(&pollfd, 1, msec);
        if (r == -EINTR)
                return 0;
        if (r < 0)
                return r;
        /* A minute without an answer from the kernel itself: it will not come. */
        return r == 0 ? -ETIME : 0;
}

/* One datagram from the kernel; 0 bytes = nothing to look at, try again. */
static ssize_t receive(const struct netlink *netlink, const struct aiu_request *request)
{
        struct sockaddr_nl from = { 0 };
        struct iovec part = { .iov_base = netlink->buffer, .iov_len = BUFFER_BYTES };
        struct msghdr header = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &part, .msg_iovlen = 1 };
        ssize_t n;
        int r;

        n = sys_recvmsg(netlink->fd, &header, MSG_DONTWAIT);
        if (n == -EAGAIN) {
                r = wait_readable(netlink, request);
                return r < 0 ? r : 0;
        }
        if (n < 0)
                return n;
        if (n == 0)
                return -EIO;
        if (header.msg_flags & MSG_TRUNC)
                return -ENOBUFS;
        /* Any process may send to our port: only the kernel has number 0. */
        if (header.msg_namelen != sizeof(from) || from.nl_pid != 0)
                return 0;
        return n;
}

static int error_of(const struct nlmsghdr *message)
{
        int error;

        if (message->nlmsg_len < NLMSG_LENGTH(sizeof(error)))
                return -EBADMSG;
        memcpy(&error, NLMSG_DATA(message), sizeof(error));
        return error > 0 ? -EBADMSG : error;
}

struct answer {
        uint32_t sequence;
        bool dump;
        bool interrupted;
        bool finished;
};

static int take(struct answer *answer, struct nlmsghdr *message, netlink_handler *handler, void *userdata)
{
        int r;

        if (message->nlmsg_seq != answer->sequence)
                return 0;
        if (message->nlmsg_flags & NLM_F_DUMP_INTR)
                answer->interrupted = true;
        switch (message->nlmsg_type) {
        case NLMSG_DONE:
                answer->finished = true;
                /* Old kernels send a DONE without a status. */
                return message->nlmsg_len < NLMSG_LENGTH(sizeof(int)) ? 0 : error_of(message);
        case NLMSG_ERROR:
                answer->finished = true;
                return error_of(message);
        case NLMSG_NOOP:
                return 0;
        case NLMSG_OVERRUN:
                return -ENOBUFS;
        default:
                r = handler(userdata, message);
                if (!answer->dump)
                        answer->finished = true;
                return r;
        }
}

/* To the kernel: a socket that is not connected has no other to send to. */
static int send_request(struct netlink *netlink, struct nl_msg *message)
{
        struct nlmsghdr *header = nlmsg_hdr(message);
        ssize_t n;

        header->nlmsg_flags |= NLM_F_REQUEST;
        header->nlmsg_seq = ++netlink->sequence;
        n = sys_send(netlink->fd, header, header->nlmsg_len);
        return n == (ssize_t)header->nlmsg_len ? 0 : -EIO;
}

int netlink_request(struct netlink *netlink, const struct aiu_request *request, struct nl_msg *message,
                    netlink_handler *handler, void *userdata)
{
        struct answer answer = { 0 };
        unsigned int idle = 0;
        struct nlmsghdr *header;
        int r, left;
        ssize_t n;

        r = send_request(netlink, message);
        if (r < 0)
                return r;
        answer.sequence = nlmsg_hdr(message)->nlmsg_seq;
        answer.dump = nlmsg_hdr(message)->nlmsg_flags & NLM_F_DUMP;
        while (!answer.finished) {
                n = receive(netlink, request);
                /* These two are what an answer says of a table; a failed call must not look like that. */
                if (n == -ENOENT || n == -EOPNOTSUPP)
                        return -EIO;
                if (n < 0)
                        return (int)n;
                if (aiu_request_time_left_usec(request) == 0)
                        return -ETIME;
                if (n == 0 && ++idle > MOST_IDLE)
                        return -EIO;
                left = (int)n;
                for (header = (struct nlmsghdr *)netlink->buffer; nlmsg_ok(header, left);
                     header = nlmsg_next(header, &left)) {
                        r = take(&answer, header, handler, userdata);
                        if (r < 0)
                                return r;
                        if (answer.finished)
                                break;
                }
        }
        return answer.interrupted ? -EINTR : 0;
}
