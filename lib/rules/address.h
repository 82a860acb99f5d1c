/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses: parse, print, and compare as the kernel compares them. Pure. */
#ifndef AIU_ADDRESS_H
#define AIU_ADDRESS_H

#include "rules/model.h"

/* "[" ip "%" scope "]:" port, or "@" and a name of 108 bytes, each escaped as \xHH */
#define ADDRESS_TEXT_BYTES 448u

/*
 * What bhash2 compares: every IPv4 address also has a form in IPv6, and every
 * socket has an IPv4 view of its address (sk_rcv_saddr).
 */
struct endpoint {
        bool v6;            /* AF_INET6 socket */
        bool v4ish;         /* AF_INET, or an IPv4-mapped IPv6 address */
        bool any;           /* 0.0.0.0 or :: or ::ffff:0.0.0.0 */
        struct in6_addr ip; /* IPv4 as ::ffff:a.b.c.d */
        in_addr_t v4;       /* sk_rcv_saddr, network order; see address_endpoint() */
};

/*
 * Numeric IPv4 or IPv6 text, NULL or "*" for every address ([::], dual-stack). A %scope is not resolved here (that
 * takes a system call): *ret_scope points into `text`, or is NULL. -EINVAL: not an address.
 */
int address_parse(const char *text, uint16_t port, struct address *ret, const char **ret_scope);

bool address_is_ip(const struct address *address);
uint16_t address_port(const struct address *address);
void address_set_port(struct address *address, uint16_t port);
/* 0.0.0.0 in place of an IPv6 address; the port stays. */
void address_set_any_ipv4(struct address *address);
bool address_is_wildcard(const struct address *address);
bool address_is_mapped(const struct address *address);
bool address_is_multicast(const struct address *address);
bool address_is_link_local(const struct address *address);
struct endpoint address_endpoint(const struct address *address);
bool address_equal(const struct address *a, const struct address *b);

/* AF_UNIX: an abstract name (not in the file system)? */
/* AF_UNIX, and no name: not bound yet, or the kernel is to choose one. */
bool address_is_unnamed(const struct address *address);
bool address_is_abstract(const struct address *address);
/* AF_VSOCK: a CID and a port, 32 bits each. AF_NETLINK: a port id. */
bool address_is_vsock(const struct address *address);
bool address_is_netlink(const struct address *address);
/* Length of the name or path: without the leading NUL, without a trailing one. */
size_t address_unix_name(const struct address *address, const char **ret_name);

/* "127.0.0.1", "::1", "/run/x.sock", "@name"; truncated to fit, always terminated. Returns its length. */
size_t address_print(const struct address *address, char *buffer, size_t bytes);
/* "127.0.0.1:8080", "[::]:8080"; AF_UNIX as address_print(). */
size_t address_print_port(const struct address *address, char *buffer, size_t bytes);

#endif
