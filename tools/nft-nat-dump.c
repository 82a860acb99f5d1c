/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See nft-nat-dump.h. libnl builds the message. The socket is our own: nl_recvmsgs() has no
 * deadline, and its error codes do not tell a full buffer from a lack of memory.
 */
#include "nft-nat-dump.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#define BUFFER_BYTES 32768u /* the largest datagram of a dump: netlink_dump() */
#define MOST_WAIT_USEC (60u * 1000 * 1000)

static struct nl_msg *new_message(uint8_t type, int family, const char *table)
{
        struct nfgenmsg header = { .nfgen_family = (uint8_t)family };
        struct nl_msg *message = nlmsg_alloc_simple(NFNL_SUBSYS_NFTABLES << 8 | type, NLM_F_REQUEST | NLM_F_DUMP);

        if (!message)
                return NULL;
        if (nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO) < 0 ||
            (table && nla_put_string(message, NFTA_RULE_TABLE, table) < 0)) {
                nlmsg_free(message);
                return NULL;
        }
        return message;
}

/* One datagram; 0 = nothing yet. */
static ssize_t receive(int fd, const struct aiu_request *request, void *buffer)
{
        struct pollfd pollfd = { .fd = fd, .events = POLLIN };
        struct sockaddr_nl from = { 0 };
        socklen_t from_bytes = sizeof(from);
        uint64_t left = aiu_request_time_left_usec(request);
        ssize_t n;
        int r;

        if (left == 0)
                return -ETIME;
        r = poll(&pollfd, 1, (int)((left < MOST_WAIT_USEC ? left + 999 : MOST_WAIT_USEC) / 1000));
        if (r == 0)
                return -ETIME;
        n = r < 0 ? -1
                  : recvfrom(fd, buffer, BUFFER_BYTES, MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from, &from_bytes);
        if (n < 0)
                return errno == EINTR || errno == EAGAIN ? 0 : -errno;
        if (n > BUFFER_BYTES)
                return -ENOBUFS;
        /* Only the kernel has port 0. */
        return from_bytes == sizeof(from) && from.nl_pid == 0 ? n : 0;
}

static int error_of(struct nlmsghdr *message)
{
        const struct nlmsgerr *error = nlmsg_data(message);

        return nlmsg_datalen(message) >= (int)sizeof(error->error) && error->error < 0 ? error->error : 0;
}

/* Every message of a datagram; 1 = the dump has ended. */
static int take_all(void *buffer, int bytes, nft_dump_handler *handler, void *userdata)
{
        int r = 0;

        for (struct nlmsghdr *message = buffer; r == 0 && nlmsg_ok(message, bytes);
             message = nlmsg_next(message, &bytes)) {
                /* The rules changed meanwhile: some may be missing. */
                if (message->nlmsg_flags & NLM_F_DUMP_INTR)
                        return -EINTR;
                if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR) {
                        r = error_of(message);
                        return r < 0 ? r : 1;
                }
                if (message->nlmsg_type >= NLMSG_MIN_TYPE)
                        r = handler(userdata, message);
        }
        return r;
}

static int converse(int fd, const struct aiu_request *request, struct nl_msg *message, nft_dump_handler *handler,
                    void *userdata)
{
        struct nlmsghdr *header = nlmsg_hdr(message);
        void *buffer = calloc(1, BUFFER_BYTES);
        ssize_t n;
        int r = 0;

        if (!buffer)
                return -ENOMEM;
        if (send(fd, header, header->nlmsg_len, MSG_NOSIGNAL) < 0)
                r = -errno;
        while (r == 0) {
                n = receive(fd, request, buffer);
                r = n < 0 ? (int)n : take_all(buffer, (int)n, handler, userdata);
        }
        free(buffer);
        return r < 0 ? r : 0;
}

static int dump(const struct aiu_request *request, uint8_t type, int family, const char *table,
                nft_dump_handler *handler, void *userdata)
{
        struct nl_msg *message = new_message(type, family, table);
        int fd, r;

        if (!message)
                return -ENOMEM;
        fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
        r = fd < 0 ? -errno : converse(fd, request, message, handler, userdata);
        if (fd >= 0)
                close(fd);
        nlmsg_free(message);
        return r;
}

int nft_dump(const struct aiu_request *request, uint8_t type, int family, const char *table, nft_dump_handler *handler,
             void *userdata)
{
        int debug = nl_debug, r;

        /* With NLDBG in the environment libnl would write to stderr. */
        nl_debug = 0;
        r = dump(request, type, family, table, handler, userdata);
        nl_debug = debug;
        return r;
}
