/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the network namespace of a live test needs from netlink: two devices,
 * addresses on them, and the end of TIME_WAIT sockets so that ten thousand
 * scenarios do not leave ten thousand of them. Spoken raw, so that the oracle
 * shares no line with the library under test. rtnetlink(7), sock_diag(7).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "live.h"

#define FIN_WAIT2_STATE 5u
#define TIME_WAIT_STATE 6u
#define TIMER_TIME_WAIT 3 /* idiag_timer */
#define MAX_MESSAGE 512u

struct message {
        struct nlmsghdr header;
        char body[MAX_MESSAGE];
};

static void *put(struct message *m, const void *data, size_t bytes)
{
        void *at = (char *)m + NLMSG_ALIGN(m->header.nlmsg_len);

        if (data)
                memcpy(at, data, bytes);
        m->header.nlmsg_len = (uint32_t)(NLMSG_ALIGN(m->header.nlmsg_len) + bytes);
        return at;
}

static struct rtattr *put_attribute(struct message *m, unsigned short type, const void *data, size_t bytes)
{
        struct rtattr attribute = { .rta_len = (unsigned short)RTA_LENGTH(bytes), .rta_type = type };
        struct rtattr *at = put(m, &attribute, sizeof(attribute));

        if (bytes > 0)
                put(m, data, bytes);
        return at;
}

static void end_nest(struct message *m, struct rtattr *nest)
{
        nest->rta_len = (unsigned short)((char *)m + m->header.nlmsg_len - (char *)nest);
}

static void begin(struct message *m, uint16_t type, uint16_t flags)
{
        memset(m, 0, sizeof(*m));
        m->header.nlmsg_len = NLMSG_HDRLEN;
        m->header.nlmsg_type = type;
        m->header.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
}

/* Send, and return what the acknowledgement says. */
static int transact(int fd, struct message *m)
{
        _Alignas(struct nlmsghdr) char answer[1024];
        const struct nlmsghdr *header = (const void *)answer;
        const struct nlmsgerr *error = NLMSG_DATA(header);
        ssize_t n;

        m->header.nlmsg_flags |= NLM_F_ACK;
        if (send(fd, m, m->header.nlmsg_len, 0) < 0)
                return -errno;
        n = recv(fd, answer, sizeof(answer), 0);
        if (n < 0)
                return -errno;
        if ((size_t)n < NLMSG_LENGTH(sizeof(*error)) || header->nlmsg_type != NLMSG_ERROR)
                return -EBADMSG;
        return error->error;
}

static int transact_once(int protocol, struct message *m)
{
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
        int r;

        if (fd < 0)
                return -errno;
        r = transact(fd, m);
        close(fd);
        return r;
}

int live_link_up(const char *name)
{
        struct ifreq request = { 0 };
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        int r = 0;

        if (fd < 0)
                return -errno;
        snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
        request.ifr_flags = IFF_UP | IFF_RUNNING;
        if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
                r = -errno;
        close(fd);
        return r;
}

static int add_veth(const char *a, const char *b)
{
        struct message m;
        struct ifinfomsg info = { 0 };
        struct rtattr *link, *data, *peer;

        begin(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
        put(&m, &info, sizeof(info));
        put_attribute(&m, IFLA_IFNAME, a, strlen(a) + 1);
        link = put_attribute(&m, IFLA_LINKINFO, NULL, 0);
        put_attribute(&m, IFLA_INFO_KIND, "veth", 4);
        data = put_attribute(&m, IFLA_INFO_DATA, NULL, 0);
        peer = put_attribute(&m, VETH_INFO_PEER, NULL, 0);
        put(&m, &info, sizeof(info));
        put_attribute(&m, IFLA_IFNAME, b, strlen(b) + 1);
        end_nest(&m, peer);
        end_nest(&m, data);
        end_nest(&m, link);
        return transact_once(NETLINK_ROUTE, &m);
}

static int add_dummy(const char *name)
{
        struct message m;
        struct ifinfomsg info = { 0 };
        struct rtattr *link;

        begin(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
        put(&m, &info, sizeof(info));
        put_attribute(&m, IFLA_IFNAME, name, strlen(name) + 1);
        link = put_attribute(&m, IFLA_LINKINFO, NULL, 0);
        put_attribute(&m, IFLA_INFO_KIND, "dummy", 5);
        end_nest(&m, link);
        return transact_once(NETLINK_ROUTE, &m);
}

int live_add_pair(const char *a, const char *b)
{
        int r = add_veth(a, b);

        if (r < 0)
                r = add_dummy(a);
        if (r == 0 && if_nametoindex(b) == 0)
                r = add_dummy(b);
        return r;
}

int live_add_address(unsigned int ifindex, int family, const char *text, unsigned int prefix)
{
        struct message m;
        struct ifaddrmsg info = { .ifa_family = (uint8_t)family,
                                  .ifa_prefixlen = (uint8_t)prefix,
                                  .ifa_flags = IFA_F_NODAD,
                                  .ifa_index = ifindex };
        size_t bytes = family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
        unsigned char address[sizeof(struct in6_addr)];

        if (inet_pton(family, text, address) != 1)
                return -EINVAL;
        if (strncmp(text, "fe80:", 5) == 0)
                info.ifa_scope = RT_SCOPE_LINK;
        begin(&m, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
        put(&m, &info, sizeof(info));
        put_attribute(&m, IFA_LOCAL, address, bytes);
        put_attribute(&m, IFA_ADDRESS, address, bytes);
        return transact_once(NETLINK_ROUTE, &m);
}

int live_write_sysctl(const char *path, const char *value)
{
        char full[128];
        int fd, r = 0;

        snprintf(full, sizeof(full), "/proc/sys/%s", path);
        fd = open(full, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (write(fd, value, strlen(value)) < 0)
                r = -errno;
        close(fd);
        return r;
}

/* ------------------------------------------------ the end of TIME_WAIT */

#define MAX_VICTIMS 256u

struct victims {
        struct inet_diag_msg found[MAX_VICTIMS];
        size_t n;
};

static void request_diag(struct message *m, uint16_t type, uint16_t flags, uint8_t family,
                         const struct inet_diag_sockid *id)
{
        struct inet_diag_req_v2 request = { .sdiag_family = family,
                                            .sdiag_protocol = IPPROTO_TCP,
                                            .idiag_states = 1u << TIME_WAIT_STATE };

        request.idiag_states |= 1u << FIN_WAIT2_STATE; /* minisocks may be in this one */
        if (id)
                request.id = *id;
        begin(m, type, flags);
        put(m, &request, sizeof(request));
}

/* Returns 1 when the dump is at its end. */
static int collect(const char *buffer, size_t bytes, struct victims *victims)
{
        const struct nlmsghdr *header = (const void *)buffer;

        for (; NLMSG_OK(header, bytes); header = NLMSG_NEXT(header, bytes)) {
                const struct inet_diag_msg *found = NLMSG_DATA(header);

                if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR)
                        return 1;
                if (found->idiag_timer == TIMER_TIME_WAIT && victims->n < MAX_VICTIMS)
                        victims->found[victims->n++] = *found;
        }
        return 0;
}

static int find_victims(int fd, uint8_t family, struct victims *victims)
{
        static _Alignas(struct nlmsghdr) char buffer[65536];
        struct message m;

        victims->n = 0;
        request_diag(&m, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, family, NULL);
        if (send(fd, &m, m.header.nlmsg_len, 0) < 0)
                return -errno;
        for (;;) {
                ssize_t n = recv(fd, buffer, sizeof(buffer), 0);

                if (n < 0)
                        return -errno;
                if (collect(buffer, (size_t)n, victims))
                        return 0;
        }
}

int live_destroy_time_wait(void)
{
        static const uint8_t families[] = { AF_INET, AF_INET6 };
        static struct victims victims;
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
        int r = fd < 0 ? -errno : 0;

        for (size_t f = 0; r == 0 && f < sizeof(families); f++) {
                r = find_victims(fd, families[f], &victims);
                for (size_t i = 0; r == 0 && i < victims.n; i++) {
                        struct message m;

                        request_diag(&m, SOCK_DESTROY, 0, victims.found[i].idiag_family, &victims.found[i].id);
                        r = transact(fd, &m);
                        if (r == -ENOENT) /* it went by itself */
                                r = 0;
                }
        }
        if (fd >= 0)
                close(fd);
        return r;
}
