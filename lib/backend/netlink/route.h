/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The two halves of the backend "route": what route.c does for route-ipv6.c. */
#ifndef AIU_ROUTE_H
#define AIU_ROUTE_H

#include <net/if.h>
#include <netinet/in.h>
#include <netlink/object.h>
#include <stdint.h>

#include "backend/netlink/netlink.h"

struct route {
        struct netlink netlink;
        const struct aiu_request *request;
};

/* A route that covers an address; type 0 = there is none. */
struct route_match {
        int type; /* RTN_* */
        uint32_t table;
        unsigned int ifindex;
};

struct route_link {
        unsigned int master;
        uint32_t vrf_table; /* 0 = it is no VRF */
};

/* The longest prefix of a table that covers an address. */
struct route_search {
        in_addr_t address;
        uint32_t table;
        int best; /* bits of the best one so far; -1 = none */
        struct route_match match;
};

/* The interface with an IPv6 address, and the state of duplicate address detection. */
struct route_owner {
        unsigned int ifindex; /* 0 = none has it */
        unsigned int flags;   /* IFA_F_* */
};

struct route_reading {
        const struct in6_addr *wanted;
        struct route_owner owner;
};

/* An interface: its name ("" = not known) and IFF_*. */
struct route_name {
        unsigned int ifindex, flags;
        char text[IF_NAMESIZE];
};

#define ROUTE_MOST_OWN 256u

/* The addresses of this host that can be bound. */
struct route_own_address {
        unsigned char bytes[16];
        unsigned int ifindex;
};

struct route_own {
        unsigned char family;
        size_t n;
        struct route_own_address list[ROUTE_MOST_OWN];
};

/* Send, take the answers, free the message; NULL = -ENOMEM. */
int route_send(struct route *route, struct nl_msg *message, netlink_handler *handler, void *userdata);
/* Let libnl make an object of a message. */
int route_parse_object(struct nlmsghdr *header, void (*callback)(struct nl_object *, void *), void *userdata);
/* One look-up as if to send there (out of ifindex, if not 0), by all policy rules. */
int route_ask(struct route *route, int family, const void *address, unsigned int ifindex, struct route_match *ret);
/* The table of the VRF that an interface belongs to; 0 = it belongs to none. */
int route_vrf_table(struct route *route, unsigned int ifindex, uint32_t *ret_table);
/* One answer: to RTM_GETLINK, into a struct route_link; */
int route_take_link(void *link, struct nlmsghdr *message);
/* to RTM_GETROUTE, into a struct route_match, or of a dump, into a struct route_search; */
int route_take_route(void *match, struct nlmsghdr *message);
int route_take_entry(void *search, struct nlmsghdr *message);
/* to RTM_GETADDR, into a struct route_reading. */
int route_take_address(void *reading, struct nlmsghdr *message);
/* to RTM_GETLINK, into a struct route_name; to a dump of RTM_GETADDR, into a struct route_own. */
int route_take_name(void *name, struct nlmsghdr *message);
int route_take_own(void *own, struct nlmsghdr *message);
/* The VRF that an interface is or is in, as an interface; 0 = none. */
int route_l3mdev(struct route *route, unsigned int ifindex, unsigned int *ret_l3mdev);
/* The backend's devices phase. */
int route_devices(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot);

/* The addresses that this host has, into the snapshot (route-here.c). -ENOMEM. */
int route_tell_own(struct route *route, int family, struct aiu_snapshot *snapshot);
/* Why it has not this one: detection, or IPv6 is off on the device. What `fact` points to is in `name`. -ENOMEM. */
int route_tell_why(struct route *route, const struct in6_addr *address, unsigned int device, struct aiu_host_fact *fact,
                   struct route_name *name);
/* sin6_scope_id, or SO_BINDTODEVICE; 0 = none. */
unsigned int route_device_of(const struct aiu_request *request, const struct sockaddr_in6 *address);

/* Fills in address_local, address_tentative, address_duplicate, address_elsewhere and address_ifindex. */
int route_ask_v6(struct route *route, const struct sockaddr_in6 *address, struct aiu_host_fact *fact);

#endif
