/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Backend "route": is the address one that bind(2) accepts? The kernel asks
 * other tables than one might think, so it is asked about those very tables:
 *
 *  IPv4  inet_addr_type_table(): whatever the table "local" (or the VRF's table)
 *        calls local, broadcast or multicast. That is a routing table, so a whole
 *        prefix may be local (127.0.0.0/8, or an "AnyIP" route).
 *  IPv6  ipv6_chk_addr(): the list of assigned addresses; routes count for nothing.
 *        See route-ipv6.c; for VRFs, route-vrf.c.
 *
 * Both are asked by RTM_GETROUTE and RTM_GETADDR without NLM_F_DUMP: one hash or
 * trie look-up in the kernel, without its rtnl lock, however many addresses there
 * are. Lists are read only where one look-up leaves a doubt.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/object.h>
#include <stdbool.h>
#include <string.h>

#include "backend/backends.h"
#include "backend/netlink/route.h"
#include "util/missing.h"
#include "util/sys.h"

#define LOOPBACK4 0x7f000001u

/* ------------------------------------------------------ requests */

int route_send(struct route *route, struct nl_msg *message, netlink_handler *handler, void *userdata)
{
        int r;

        if (!message)
                return -ENOMEM;
        r = netlink_request(&route->netlink, route->request, message, handler, userdata);
        nlmsg_free(message);
        return r;
}

static uint32_t number(const struct nlattr *attribute, uint32_t otherwise)
{
        if (attribute && nla_len(attribute) >= (int)sizeof(otherwise))
                memcpy(&otherwise, nla_data(attribute), sizeof(otherwise));
        return otherwise;
}

/* Out of RTA_OIF or, of several ways, the first (rtnetlink(7)); 0 = there is none. */
static unsigned int first_interface(struct nlattr *const *attributes)
{
        const struct nlattr *several = attributes[RTA_MULTIPATH];
        struct rtnexthop hop;

        if (several && nla_len(several) >= (int)sizeof(hop)) {
                memcpy(&hop, nla_data(several), sizeof(hop));
                return (unsigned int)hop.rtnh_ifindex;
        }
        return number(attributes[RTA_OIF], 0);
}

/*
 * Not with rtnl_route_parse(): that makes objects of attributes that are not needed here, and up to libnl 3.7 at least
 * it copies an RTA_VIA that is too short with a negative length.
 */
static int read_route(struct nlmsghdr *message, struct route_match *ret)
{
        struct nlattr *a[RTA_TABLE + 1];
        struct rtmsg header;

        if (message->nlmsg_type != RTM_NEWROUTE || !nlmsg_valid_hdr(message, sizeof(header)))
                return -EBADMSG;
        memcpy(&header, nlmsg_data(message), sizeof(header));
        (void)nlmsg_parse(message, sizeof(header), a, RTA_TABLE, NULL);
        ret->type = header.rtm_type;
        ret->table = number(a[RTA_TABLE], header.rtm_table);
        ret->ifindex = first_interface(a);
        return 0;
}

int route_take_route(void *userdata, struct nlmsghdr *message)
{
        return read_route(message, userdata);
}

static struct nl_msg *route_request(int family, const void *address, size_t bytes, unsigned int ifindex)
{
        struct rtmsg header = {
                .rtm_family = (unsigned char)family,
                .rtm_dst_len = (unsigned char)(bytes * 8),
                .rtm_flags = RTM_F_LOOKUP_TABLE | RTM_F_FIB_MATCH,
        };
        struct nl_msg *message = nlmsg_alloc_simple(RTM_GETROUTE, NLM_F_REQUEST);

        if (!message)
                return NULL;
        if (nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO) < 0 ||
            nla_put(message, RTA_DST, (int)bytes, address) < 0 ||
            (ifindex && nla_put_u32(message, RTA_OIF, ifindex) < 0)) {
                nlmsg_free(message);
                return NULL;
        }
        return message;
}

/* What a look-up says when it finds nothing, or a route that is there to refuse
 * (fib_props[]): unreachable, prohibit, blackhole. */
static int is_no_route(int r)
{
        return r == -ENETUNREACH || r == -EHOSTUNREACH || r == -EACCES || r == -EINVAL;
}

int route_ask(struct route *route, int family, const void *address, unsigned int ifindex, struct route_match *ret)
{
        size_t bytes = family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
        struct route_match match = { 0 };
        int r;

        r = route_send(route, route_request(family, address, bytes, ifindex), route_take_route, &match);
        if (r < 0 && !is_no_route(r))
                return r;
        *ret = (struct route_match){ 0 };
        if (r >= 0)
                *ret = match;
        return 0;
}

int route_parse_object(struct nlmsghdr *header, void (*callback)(struct nl_object *, void *), void *userdata)
{
        struct nl_msg *message = nlmsg_convert(header);
        int r;

        if (!message)
                return -ENOMEM;
        nlmsg_set_proto(message, NETLINK_ROUTE);
        r = nl_msg_parse(message, callback, userdata);
        nlmsg_free(message);
        if (r == -NLE_NOMEM)
                return -ENOMEM;
        return r < 0 ? -EBADMSG : 0;
}

/* ------------------------------------------------------ IPv4 */

/* Look through a whole table for the longest prefix that covers an address: struct route_search. */
static int covers(const struct nlmsghdr *message, unsigned int bits, in_addr_t address)
{
        struct nlattr *destination = nlmsg_find_attr((struct nlmsghdr *)message, sizeof(struct rtmsg), RTA_DST);
        in_addr_t prefix = 0, mask = bits == 0 ? 0 : htonl(~(uint32_t)0 << (32 - bits));

        if (destination && nla_len(destination) == (int)sizeof(prefix))
                memcpy(&prefix, nla_data(destination), sizeof(prefix));
        return ((prefix ^ address) & mask) == 0;
}

int route_take_entry(void *userdata, struct nlmsghdr *message)
{
        struct route_search *search = userdata;
        struct route_match match;
        struct rtmsg header;
        int r;

        if (message->nlmsg_type != RTM_NEWROUTE || !nlmsg_valid_hdr(message, sizeof(header)))
                return -EBADMSG;
        memcpy(&header, nlmsg_data(message), sizeof(header));
        if (header.rtm_family != AF_INET || header.rtm_dst_len > 32 || (int)header.rtm_dst_len <= search->best ||
            header.rtm_flags & (RTNH_F_DEAD | RTM_F_CLONED) || !covers(message, header.rtm_dst_len, search->address))
                return 0;
        r = read_route(message, &match);
        if (r < 0)
                return r;
        if (match.table == search->table) {
                search->best = header.rtm_dst_len;
                search->match = match;
        }
        return 0;
}

static int search_table(struct route *route, in_addr_t address, uint32_t table, struct route_match *ret)
{
        struct route_search search = { .address = address, .table = table, .best = -1 };
        struct rtmsg header = { .rtm_family = AF_INET, .rtm_table = table < 256 ? (unsigned char)table : 0 };
        struct nl_msg *message;
        int r;

        /* An older kernel lists all tables then: more to read, the same answer. */
        (void)sys_setsockopt_int(route->netlink.fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
        message = nlmsg_alloc_simple(RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP);
        if (message && (nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO) < 0 ||
                        nla_put_u32(message, RTA_TABLE, table) < 0)) {
                nlmsg_free(message);
                message = NULL;
        }
        r = route_send(route, message, route_take_entry, &search);
        /*
         * A table is made with its first route. While there is none (a network namespace where no interface ever came
         * up), __inet_dev_addr_type() calls every address a broadcast address, and bind() accepts them all.
         */
        if (r == -ENOENT)
                search.match.type = RTN_BROADCAST;
        else if (r < 0)
                return r;
        *ret = search.match;
        return 0;
}

/*
 * Until the first policy rule is added, the tables "local" and "main" are one trie (fib_trie_table()), and every
 * answer names "main": then any look-up is the look-up that bind() does. 127.0.0.1 tells which of the two it is.
 */
static int tables_are_one(struct route *route, in_addr_t address, const struct route_match *match)
{
        in_addr_t loopback = htonl(LOOPBACK4);
        struct route_match known = *match;
        int r;

        if (address != loopback) {
                r = route_ask(route, AF_INET, &loopback, 0, &known);
                if (r < 0)
                        return r;
        }
        return known.type == RTN_LOCAL && known.table == RT_TABLE_MAIN;
}

/*
 * A look-up follows the policy rules, bind() does not: it asks one table. What
 * came from that table is the answer; for anything else that table is read.
 */
static int find_v4(struct route *route, in_addr_t address, struct route_match *ret)
{
        unsigned int ifindex = route->request->ifindex;
        uint32_t table = 0;
        int r;

        if (ifindex != 0) {
                r = route_vrf_table(route, ifindex, &table);
                if (r < 0)
                        return r;
        }
        r = route_ask(route, AF_INET, &address, table != 0 ? ifindex : 0, ret);
        if (r < 0 || ret->table == (table ? table : RT_TABLE_LOCAL))
                return r;
        if (table == 0) {
                r = tables_are_one(route, address, ret);
                if (r != 0)
                        return r < 0 ? r : 0;
        }
        return search_table(route, address, table ? table : RT_TABLE_LOCAL, ret);
}

/* Read off the address alone, before any table: __inet_dev_addr_type(). */
static int is_plain_v4(in_addr_t address)
{
        return address == htonl(INADDR_ANY) || address == htonl(INADDR_BROADCAST) || IN_MULTICAST(ntohl(address));
}

static int ask_v4(struct route *route, in_addr_t address, struct aiu_host_fact *fact)
{
        struct route_match match;
        int r;

        r = find_v4(route, address, &match);
        if (r < 0)
                return r;
        /* inet_addr_valid_or_nonlocal() */
        if (match.type == RTN_LOCAL || match.type == RTN_BROADCAST || match.type == RTN_MULTICAST) {
                fact->address_local = AIU_TRISTATE_YES;
                fact->address_ifindex = match.ifindex;
        } else {
                fact->address_local = AIU_TRISTATE_NO;
        }
        return 0;
}

/* ------------------------------------------------------ the backend */

/* Not here, or on which interface was not said: what is there instead, and what keeps it away. */
static int tell_more(struct route *route, const struct sockaddr_in6 *v6, struct aiu_host_fact *fact,
                     struct route_name *name, struct aiu_snapshot *snapshot)
{
        bool nowhere = v6 && IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr) && route_device_of(route->request, v6) == 0;
        int r;

        if (fact->address_local != AIU_TRISTATE_NO && !nowhere)
                return 0;
        r = route_tell_own(route, v6 ? AF_INET6 : AF_INET, snapshot);
        if (r < 0 || !v6 || nowhere)
                return r;
        return route_tell_why(route, &v6->sin6_addr, route_device_of(route->request, v6), fact, name);
}

static int ask(const struct aiu_request *request, const struct in_addr *v4, const struct sockaddr_in6 *v6,
               struct aiu_host_fact *fact, struct route_name *name, struct aiu_snapshot *snapshot)
{
        struct route route = { .request = request };
        int r;

        r = netlink_open(&route.netlink, NETLINK_ROUTE);
        if (r < 0)
                return r;
        r = v4 ? ask_v4(&route, v4->s_addr, fact) : route_ask_v6(&route, v6, fact);
        if (r >= 0)
                r = tell_more(&route, v6, fact, name, snapshot);
        netlink_close(&route.netlink);
        return r;
}

/* 0 = the address says it all, and no socket need be made. */
static int needs_v4(const struct in_addr *v4, struct aiu_host_fact *fact)
{
        if (!is_plain_v4(v4->s_addr))
                return 1;
        fact->address_local = AIU_TRISTATE_YES;
        return 0;
}

/* __inet6_bind() looks up neither :: nor multicast. */
static int needs_v6(const struct in6_addr *v6, struct aiu_host_fact *fact)
{
        if (!IN6_IS_ADDR_UNSPECIFIED(v6) && !IN6_IS_ADDR_MULTICAST(v6))
                return 1;
        fact->address_local = AIU_TRISTATE_YES;
        return 0;
}

static int host(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        struct aiu_host_fact fact = { .size = sizeof(fact) };
        struct sockaddr_in6 v6 = { 0 };
        struct route_name name; /* what the fact's own points to */
        struct sockaddr_in in;
        struct in_addr v4;
        int r = 0;

        (void)userdata;
        if (request->address->sa_family == AF_INET && request->address_len >= sizeof(in)) {
                memcpy(&in, request->address, sizeof(in));
                v4 = in.sin_addr;
                if (needs_v4(&v4, &fact))
                        r = ask(request, &v4, NULL, &fact, &name, snapshot);
        } else if (request->address->sa_family == AF_INET6 &&
                   request->address_len >= offsetof(struct sockaddr_in6, sin6_scope_id)) {
                memcpy(&v6, request->address, request->address_len < sizeof(v6) ? request->address_len : sizeof(v6));
                memcpy(&v4, &v6.sin6_addr.s6_addr[12], sizeof(v4));
                if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
                        if (needs_v4(&v4, &fact))
                                r = ask(request, &v4, NULL, &fact, &name, snapshot);
                } else if (needs_v6(&v6.sin6_addr, &fact)) {
                        r = ask(request, NULL, &v6, &fact, &name, snapshot);
                }
        } else {
                return AIU_PARTIAL;
        }
        if (r < 0)
                return r;
        r = aiu_snapshot_add_host(snapshot, &fact);
        return r < 0 ? r : AIU_COMPLETE;
}

const struct aiu_backend backend_route = {
        .size = sizeof(struct aiu_backend),
        .name = "route",
        .host = host,
        .devices = route_devices,
};
