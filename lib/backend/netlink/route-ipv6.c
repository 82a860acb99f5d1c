/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The IPv6 half of the backend "route": __ipv6_chk_addr_and_flags(), from outside.
 * bind(2) accepts an address that
 *  - is assigned to an interface (a route to it is not enough),
 *  - is not tentative, unless it is optimistic too (RFC 4429),
 *  - for a socket with a device: is on that device, or is of global scope (not
 *    link-local, not ::1),
 *  - is on an interface in the same VRF as the socket's device; no device = no VRF.
 * Most questions are settled by one look-up of the address in the kernel's hash
 * (RTM_GETADDR without NLM_F_DUMP: inet6_rtm_getaddr()); it shows one bearer of
 * the address, so where that one does not qualify all addresses are listed.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netlink/addr.h>
#include <netlink/attr.h>
#include <netlink/route/addr.h>
#include <stdbool.h>
#include <string.h>

#include "backend/netlink/route.h"

struct search {
        struct route *route;
        const struct in6_addr *address;
        unsigned int device;      /* of the socket; 0 = none */
        bool on_device_only;      /* the scope does not reach beyond one interface */
        uint32_t vrf;             /* table of the device's VRF; 0 = none */
        struct route_owner found; /* what a list has shown: the first that qualifies */
        bool tentative;           /* an address would qualify, later */
        bool duplicate;           /* an address would, but another host has it */
        unsigned int refused;     /* the interface of one of these two */
        unsigned int elsewhere;   /* one that has it, out of reach of the socket's device */
};

/* Optimistic addresses may be used while detection runs: IFA_F_OPTIMISTIC hides IFA_F_TENTATIVE. */
static bool is_tentative(const struct route_owner *owner)
{
        return owner->flags & IFA_F_TENTATIVE && !(owner->flags & IFA_F_OPTIMISTIC);
}

/* A failed detection leaves IFA_F_TENTATIVE set for good: waiting is of no use. */
static bool is_pending(const struct route_owner *owner)
{
        return is_tentative(owner) && !(owner->flags & IFA_F_DADFAILED);
}

static bool is_same_address(struct nl_addr *address, const struct in6_addr *wanted)
{
        return address && nl_addr_get_len(address) == sizeof(*wanted) &&
               memcmp(nl_addr_get_binary_addr(address), wanted, sizeof(*wanted)) == 0;
}

static void read_owner(struct nl_object *object, void *userdata)
{
        struct rtnl_addr *parsed = (struct rtnl_addr *)object;
        struct route_reading *reading = userdata;

        if (rtnl_addr_get_family(parsed) != AF_INET6 || !is_same_address(rtnl_addr_get_local(parsed), reading->wanted))
                return;
        reading->owner.ifindex = (unsigned int)rtnl_addr_get_ifindex(parsed);
        reading->owner.flags = rtnl_addr_get_flags(parsed);
}

int route_take_address(void *userdata, struct nlmsghdr *message)
{
        if (message->nlmsg_type != RTM_NEWADDR)
                return -EBADMSG;
        return route_parse_object(message, read_owner, userdata);
}

static struct nl_msg *address_request(int flags, const struct in6_addr *address, unsigned int ifindex)
{
        struct ifaddrmsg header = { .ifa_family = AF_INET6, .ifa_index = ifindex };
        struct nl_msg *message = nlmsg_alloc_simple(RTM_GETADDR, NLM_F_REQUEST | flags);

        if (!message)
                return NULL;
        if (nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO) < 0 ||
            (address && nla_put(message, IFA_ADDRESS, sizeof(*address), address) < 0)) {
                nlmsg_free(message);
                return NULL;
        }
        return message;
}

/* EADDRNOTAVAIL: no interface has the address; EOPNOTSUPP: a kernel without IPv6. */
static int ask_owner(const struct search *search, unsigned int ifindex, struct route_owner *ret)
{
        struct route_reading reading = { .wanted = search->address };
        int r;

        r = route_send(search->route, address_request(0, search->address, ifindex), route_take_address, &reading);
        if (r < 0 && r != -EADDRNOTAVAIL && r != -EOPNOTSUPP)
                return r;
        *ret = (struct route_owner){ 0 };
        if (r >= 0)
                *ret = reading.owner;
        return 0;
}

/* ------------------------------------------------------ who qualifies */

/*
 * The VRF of a bearer. For a socket without a device it is enough to know whether there is one, and that is told
 * without the rtnl lock: the route to an address of our own is in the VRF's table, or else in the table "local".
 */
static int owner_vrf(const struct search *search, const struct route_owner *owner, uint32_t *ret_table)
{
        struct route_match match;
        int r;

        if (search->device != 0)
                return route_vrf_table(search->route, owner->ifindex, ret_table);
        r = route_ask(search->route, AF_INET6, search->address, owner->ifindex, &match);
        if (r < 0)
                return r;
        *ret_table = match.type == RTN_LOCAL && match.table != RT_TABLE_LOCAL ? match.table : 0;
        return 0;
}

/* 1, 0 or a negative errno: may a socket on search->device bind to it, detection aside? */
static int reaches(const struct search *search, const struct route_owner *owner)
{
        uint32_t vrf;
        int r;

        if (owner->ifindex == 0)
                return 0;
        if (owner->ifindex == search->device)
                return 1;
        if (search->device != 0 && search->on_device_only)
                return 0;
        /* The loopback interface cannot be in a VRF. */
        if (IN6_IS_ADDR_LOOPBACK(search->address))
                return search->vrf == 0;
        r = owner_vrf(search, owner, &vrf);
        return r < 0 ? r : vrf == search->vrf;
}

/* ------------------------------------------------------ all bearers */

#define MAX_BEARERS 64u

struct list {
        struct route_reading reading;
        struct route_owner bearers[MAX_BEARERS];
        size_t n;
};

/* One request at a time: who is in which VRF is asked when the list is complete. */
static int take_listed(void *userdata, struct nlmsghdr *message)
{
        struct list *list = userdata;
        int r;

        list->reading.owner = (struct route_owner){ 0 };
        r = route_take_address(&list->reading, message);
        if (r < 0)
                return r;
        if (list->reading.owner.ifindex != 0 && list->n < MAX_BEARERS)
                list->bearers[list->n++] = list->reading.owner;
        return 0;
}

/* One that is pending may yet qualify: it counts for more than one that has failed. */
static void note_refusal(struct search *search, const struct route_owner *owner)
{
        bool pending = is_pending(owner);

        if (pending || !search->tentative)
                search->refused = owner->ifindex;
        search->tentative = search->tentative || pending;
        search->duplicate = search->duplicate || !pending;
}

static int search_list(struct search *search)
{
        struct list list = { .reading.wanted = search->address };
        int r;

        r = route_send(search->route, address_request(NLM_F_DUMP, NULL, 0), take_listed, &list);
        if (r < 0)
                return r;
        for (size_t i = 0; i < list.n; i++) {
                r = reaches(search, &list.bearers[i]);
                if (r < 0)
                        return r;
                if (r > 0 && !is_tentative(&list.bearers[i])) {
                        search->found = list.bearers[i];
                        return 0;
                }
                if (r > 0)
                        note_refusal(search, &list.bearers[i]);
                else
                        search->elsewhere = list.bearers[i].ifindex;
        }
        return 0;
}

/* ------------------------------------------------------ the question */

static int find(struct search *search)
{
        struct route_owner owner;
        int r;

        r = ask_owner(search, search->on_device_only ? search->device : 0, &owner);
        if (r < 0)
                return r;
        if (owner.ifindex == 0)
                return search->on_device_only && search->device ? search_list(search) : 0;
        if (!is_tentative(&owner)) {
                r = reaches(search, &owner);
                if (r < 0)
                        return r;
                if (r > 0) {
                        search->found = owner;
                        return 0;
                }
        }
        return search_list(search);
}

/* sin6_scope_id takes the place of SO_BINDTODEVICE, where the address has a use
 * for it: __ipv6_addr_needs_scope_id() in __inet6_bind(). */
unsigned int route_device_of(const struct aiu_request *request, const struct sockaddr_in6 *address)
{
        if (IN6_IS_ADDR_LINKLOCAL(&address->sin6_addr) && address->sin6_scope_id != 0)
                return address->sin6_scope_id;
        return request->ifindex;
}

int route_ask_v6(struct route *route, const struct sockaddr_in6 *address, struct aiu_host_fact *fact)
{
        struct search search = {
                .route = route,
                .address = &address->sin6_addr,
                .device = route_device_of(route->request, address),
                .on_device_only =
                        IN6_IS_ADDR_LINKLOCAL(&address->sin6_addr) || IN6_IS_ADDR_LOOPBACK(&address->sin6_addr),
        };
        int r;

        if (search.device != 0 && !search.on_device_only) {
                r = route_vrf_table(route, search.device, &search.vrf);
                if (r < 0)
                        return r;
        }
        r = find(&search);
        if (r < 0)
                return r;
        fact->address_local = search.found.ifindex ? AIU_TRISTATE_YES : AIU_TRISTATE_NO;
        fact->address_tentative = search.tentative ? AIU_TRISTATE_YES : AIU_TRISTATE_NO;
        fact->address_duplicate = search.duplicate && !search.tentative ? AIU_TRISTATE_YES : AIU_TRISTATE_NO;
        fact->address_elsewhere = search.elsewhere ? AIU_TRISTATE_YES : AIU_TRISTATE_NO;
        fact->address_ifindex = search.found.ifindex ? search.found.ifindex
                                : search.refused     ? search.refused
                                                     : search.elsewhere;
        return 0;
}
