/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The part of the backend "route" that is asked where bind(2) would say EADDRNOTAVAIL, or wants an interface named:
 * which addresses this host has instead, and what keeps this one away. All of it is a help, not a condition: what
 * cannot be read is left out.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/netlink/route.h"
#include "util/sys.h"

enum { LOWER_UP = 0x10000 }; /* IFF_LOWER_UP: there is carrier */

/* ------------------------------------------------------ messages */

/* A name that the kernel gave, which is never longer; false = it is none. */
static bool take_text(const struct nlattr *attribute, char *to, size_t bytes)
{
        size_t n = attribute && nla_len(attribute) > 0 ? (size_t)nla_len(attribute) : 0;

        if (n == 0 || n > bytes)
                return false;
        memcpy(to, nla_data(attribute), n);
        to[n - 1] = '\0';
        return to[0] != '\0';
}

int route_take_name(void *userdata, struct nlmsghdr *message)
{
        struct route_name *name = userdata;
        struct nlattr *a[IFLA_IFNAME + 1];
        struct ifinfomsg header;

        if (message->nlmsg_type != RTM_NEWLINK || !nlmsg_valid_hdr(message, sizeof(header)))
                return -EBADMSG;
        memcpy(&header, nlmsg_data(message), sizeof(header));
        (void)nlmsg_parse(message, sizeof(header), a, IFLA_IFNAME, NULL);
        name->flags = header.ifi_flags;
        if (!take_text(a[IFLA_IFNAME], name->text, sizeof(name->text)))
                name->text[0] = '\0';
        return 0;
}

/* Of a dump of RTM_GETADDR: what is bound to when this host is meant is the local end. */
int route_take_own(void *userdata, struct nlmsghdr *message)
{
        struct route_own *own = userdata;
        struct route_own_address *to = &own->list[own->n];
        const struct nlattr *address;
        struct nlattr *a[IFA_FLAGS + 1];
        struct ifaddrmsg header;
        uint32_t flags;
        size_t bytes;

        if (message->nlmsg_type != RTM_NEWADDR || !nlmsg_valid_hdr(message, sizeof(header)))
                return -EBADMSG;
        memcpy(&header, nlmsg_data(message), sizeof(header));
        (void)nlmsg_parse(message, sizeof(header), a, IFA_FLAGS, NULL);
        address = a[IFA_LOCAL] ? a[IFA_LOCAL] : a[IFA_ADDRESS];
        bytes = header.ifa_family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
        flags = header.ifa_flags;
        if (a[IFA_FLAGS] && nla_len(a[IFA_FLAGS]) >= (int)sizeof(flags))
                memcpy(&flags, nla_data(a[IFA_FLAGS]), sizeof(flags));
        if (own->n == ROUTE_MOST_OWN || header.ifa_family != own->family || !address ||
            nla_len(address) != (int)bytes || (flags & IFA_F_TENTATIVE && !(flags & IFA_F_OPTIMISTIC)))
                return 0;
        memcpy(to->bytes, nla_data(address), bytes);
        to->ifindex = header.ifa_index;
        own->n++;
        return 0;
}

static struct nl_msg *own_request(unsigned char family)
{
        struct ifaddrmsg header = { .ifa_family = family };
        struct nl_msg *message = nlmsg_alloc_simple(RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP);

        if (message && nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO) < 0) {
                nlmsg_free(message);
                return NULL;
        }
        return message;
}

static struct nl_msg *name_request(unsigned int ifindex)
{
        struct ifinfomsg header = { .ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex };
        struct nl_msg *message = nlmsg_alloc_simple(RTM_GETLINK, NLM_F_REQUEST);

        if (message && nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO) < 0) {
                nlmsg_free(message);
                return NULL;
        }
        return message;
}

static int ask_name(struct route *route, unsigned int ifindex, struct route_name *ret)
{
        int r;

        *ret = (struct route_name){ .ifindex = ifindex };
        r = route_send(route, name_request(ifindex), route_take_name, ret);
        if (r < 0)
                ret->text[0] = '\0';
        return r == -ENOMEM ? r : 0;
}

/* ------------------------------------------------------ what is here */

#define MOST_NAMES 16u

struct names {
        struct route_name list[MOST_NAMES];
        size_t n;
};

/* Each interface is asked for once; "" = there are too many of them. */
static int name_of(struct route *route, struct names *names, unsigned int ifindex, const char **ret)
{
        int r;

        *ret = "";
        for (size_t i = 0; i < names->n; i++) {
                if (names->list[i].ifindex == ifindex) {
                        *ret = names->list[i].text;
                        return 0;
                }
        }
        if (names->n == MOST_NAMES)
                return 0;
        r = ask_name(route, ifindex, &names->list[names->n]);
        if (r == 0)
                *ret = names->list[names->n++].text;
        return r;
}

static int tell_one(struct route *route, struct aiu_snapshot *snapshot, struct names *names, int family,
                    const struct route_own_address *own)
{
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
        struct sockaddr_in v4 = { .sin_family = AF_INET };
        struct aiu_address_fact fact = { .size = sizeof(fact), .ifindex = own->ifindex };
        int r = name_of(route, names, own->ifindex, &fact.device);

        if (r < 0)
                return r;
        memcpy(&v4.sin_addr, own->bytes, sizeof(v4.sin_addr));
        memcpy(&v6.sin6_addr, own->bytes, sizeof(v6.sin6_addr));
        if (IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr))
                v6.sin6_scope_id = own->ifindex;
        fact.address = family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
        fact.address_len = family == AF_INET ? sizeof(v4) : sizeof(v6);
        return aiu_snapshot_add_address(snapshot, &fact);
}

int route_tell_own(struct route *route, int family, struct aiu_snapshot *snapshot)
{
        struct route_own *own = calloc(1, sizeof(*own));
        struct names names = { .n = 0 };
        int r;

        if (!own)
                return -ENOMEM;
        own->family = (unsigned char)family;
        r = route_send(route, own_request((unsigned char)family), route_take_own, own);
        for (size_t i = 0; r >= 0 && i < own->n; i++)
                r = tell_one(route, snapshot, &names, family, &own->list[i]);
        free(own);
        return r == -ENOMEM ? r : 0;
}

/* ------------------------------------------------------ what keeps it away */

static bool read_number(const struct route *route, const char *what, const char *device, const char *name,
                        uint64_t *ret)
{
        char path[96], text[24], *end;

        (void)snprintf(path, sizeof(path), "sys/net/ipv6/%s/%s/%s", what, device, name);
        if (route->request->procfs < 0 || sys_read_file(route->request->procfs, path, text, sizeof(text)) <= 0)
                return false;
        *ret = strtoul(text, &end, 10);
        return end != text && text[0] != '-';
}

/*
 * addrconf_dad_kick() and addrconf_dad_work(): a random delay, then so many probes,
 * each with a wait behind it. Without carrier none of it begins.
 */
static uint64_t detection_usec(const struct route *route, const struct route_name *device)
{
        uint64_t delay, probes, retrans;

        if (!(device->flags & IFF_UP) || !(device->flags & LOWER_UP) ||
            !read_number(route, "conf", device->text, "router_solicitation_delay", &delay) ||
            !read_number(route, "conf", device->text, "dad_transmits", &probes) ||
            !read_number(route, "neigh", device->text, "retrans_time_ms", &retrans) || delay > 3600 || probes > 3600 ||
            retrans > 3600000)
                return 0;
        return delay * 1000000 + probes * retrans * 1000;
}

#define LOOPBACK_IFINDEX 1u /* of every network namespace: loopback_net_init() */

static void look_at_switch(struct route *route, struct aiu_host_fact *fact, struct route_name *device)
{
        uint64_t off;

        if (!read_number(route, "conf", device->text, "disable_ipv6", &off))
                return;
        fact->ipv6_disabled = off ? AIU_TRISTATE_YES : AIU_TRISTATE_NO;
        fact->address_device = device->text;
}

int route_tell_why(struct route *route, const struct in6_addr *address, unsigned int device, struct aiu_host_fact *fact,
                   struct route_name *name)
{
        unsigned int ifindex = fact->address_ifindex ? fact->address_ifindex : device;
        int r;

        if (ifindex == 0 && IN6_IS_ADDR_LOOPBACK(address))
                ifindex = LOOPBACK_IFINDEX;
        *name = (struct route_name){ .text = "all" };
        if (ifindex != 0) {
                r = ask_name(route, ifindex, name);
                if (r < 0 || name->text[0] == '\0')
                        return r;
                fact->device_up = name->flags & IFF_UP ? AIU_TRISTATE_YES : AIU_TRISTATE_NO;
        }
        if (fact->address_tentative == AIU_TRISTATE_YES)
                fact->detection_usec = detection_usec(route, name);
        if (fact->address_ifindex != 0)
                fact->address_device = name->text;
        else
                look_at_switch(route, fact, name);
        return 0;
}
