/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What one rule of nftables, as NFT_MSG_GETRULE tells it, does to a port: does it hand on
 * elsewhere what comes for it? Pure: a message in, a struct out. Rules of iptables-nft
 * are of the same kind, with a "target" of xtables at the end.
 */
#ifndef AIU_NFT_NAT_PARSE_H
#define AIU_NFT_NAT_PARSE_H

#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct nat_rule {
        int family;                     /* NFPROTO_* of the table: IPv4, IPv6 or inet, which is both */
        const char *table, *chain;      /* in the message */
        int protocol;                   /* IPPROTO_*; 0 = whatever it is */
        uint16_t first_port, last_port; /* of the destination, where that is known */
        /* Which ports it is for is not said in it, or in a way that is not understood: a set, a map, "not
         * equal", or the rule that leads to its chain. */
        bool ports_open;
        int address_family;      /* AF_UNSPEC = it asks for no destination, or it is not understood */
        struct in6_addr address; /* the first four bytes of it for AF_INET */
        bool is_redirect;        /* to this host itself */
        int to_family;           /* AF_UNSPEC = the address stays, or is unknown */
        struct in6_addr to_address;
        uint16_t to_port; /* 0 = the port stays */
};

/* Does it hand on elsewhere what comes for this host? */
bool nat_rule_parse(const struct nlmsghdr *message, struct nat_rule *ret);
/* May it redirect traffic for this address (IPv4 or IPv6) and port? Its other conditions are ignored. */
bool nat_rule_concerns(const struct nat_rule *rule, const struct sockaddr *address, int protocol, uint16_t port);

#endif
