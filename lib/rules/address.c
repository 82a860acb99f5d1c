/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Addresses: parse, print, and compare as the kernel compares them. Pure: text and structs in, text and structs out.
 * What two addresses mean for a bind() is in conflict.c; this file only says what they are.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "rules/address.h"

/* The kernel gives an IPv6 socket that has no IPv4 view this one instead:
 * LOOPBACK4_IPV6, set in __inet6_bind(). Comparisons do meet it. */
#define LOOPBACK4_IPV6 0x7f000006u

int address_parse(const char *text, uint16_t port, struct address *ret, const char **ret_scope)
{
        struct address a = { .len = sizeof(struct sockaddr_in6) };
        char plain[INET6_ADDRSTRLEN];
        const char *scope = NULL;
        size_t length;

        if (!text || strcmp(text, "*") == 0) {
                a.sa.in6.sin6_family = AF_INET6;
                a.sa.in6.sin6_port = htons(port);
                *ret = a;
                *ret_scope = NULL;
                return 0;
        }
        length = strcspn(text, "%");
        if (length == 0 || length >= sizeof(plain))
                return -EINVAL;
        memcpy(plain, text, length);
        plain[length] = '\0';
        if (text[length] == '%') {
                scope = text + length + 1;
                if (*scope == '\0')
                        return -EINVAL;
        }
        if (inet_pton(AF_INET6, plain, &a.sa.in6.sin6_addr) == 1) {
                a.sa.in6.sin6_family = AF_INET6;
                a.sa.in6.sin6_port = htons(port);
        } else if (!scope && inet_pton(AF_INET, plain, &a.sa.in.sin_addr) == 1) {
                a.len = sizeof(struct sockaddr_in);
                a.sa.in.sin_family = AF_INET;
                a.sa.in.sin_port = htons(port);
        } else {
                return -EINVAL;
        }
        *ret = a;
        *ret_scope = scope;
        return 0;
}

bool address_is_ip(const struct address *address)
{
        return address->len > 0 && (address->sa.any.sa_family == AF_INET || address->sa.any.sa_family == AF_INET6);
}

uint16_t address_port(const struct address *address)
{
        if (!address_is_ip(address))
                return 0;
        return ntohs(address->sa.any.sa_family == AF_INET ? address->sa.in.sin_port : address->sa.in6.sin6_port);
}

void address_set_port(struct address *address, uint16_t port)
{
        if (!address_is_ip(address))
                return;
        if (address->sa.any.sa_family == AF_INET)
                address->sa.in.sin_port = htons(port);
        else
                address->sa.in6.sin6_port = htons(port);
}

bool address_is_mapped(const struct address *address)
{
        return address->len > 0 && address->sa.any.sa_family == AF_INET6 &&
               IN6_IS_ADDR_V4MAPPED(&address->sa.in6.sin6_addr);
}

void address_set_any_ipv4(struct address *address)
{
        struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(address_port(address)) };

        *address = (struct address){ .len = sizeof(any), .sa.in = any };
}

bool address_is_wildcard(const struct address *address)
{
        return address_is_ip(address) && address_endpoint(address).any;
}

bool address_is_multicast(const struct address *address)
{
        if (!address_is_ip(address))
                return false;
        if (address->sa.any.sa_family == AF_INET)
                return IN_MULTICAST(ntohl(address->sa.in.sin_addr.s_addr));
        return IN6_IS_ADDR_MULTICAST(&address->sa.in6.sin6_addr);
}

/* __ipv6_addr_needs_scope_id(): link-local unicast, and multicast of link scope. */
bool address_is_link_local(const struct address *address)
{
        if (address->len == 0 || address->sa.any.sa_family != AF_INET6)
                return false;
        return IN6_IS_ADDR_LINKLOCAL(&address->sa.in6.sin6_addr) ||
               IN6_IS_ADDR_MC_NODELOCAL(&address->sa.in6.sin6_addr) ||
               IN6_IS_ADDR_MC_LINKLOCAL(&address->sa.in6.sin6_addr);
}

struct endpoint address_endpoint(const struct address *address)
{
        struct endpoint e = { 0 };

        if (address->sa.any.sa_family == AF_INET) {
                e.v4ish = true;
                e.v4 = address->sa.in.sin_addr.s_addr;
                e.ip.s6_addr[10] = e.ip.s6_addr[11] = 0xff;
                memcpy(&e.ip.s6_addr[12], &e.v4, sizeof(e.v4));
                e.any = e.v4 == 0;
                return e;
        }
        e.v6 = true;
        e.ip = address->sa.in6.sin6_addr;
        e.v4ish = IN6_IS_ADDR_V4MAPPED(&e.ip);
        if (e.v4ish)
                memcpy(&e.v4, &e.ip.s6_addr[12], sizeof(e.v4));
        else if (!IN6_IS_ADDR_UNSPECIFIED(&e.ip))
                e.v4 = htonl(LOOPBACK4_IPV6);
        e.any = e.v4 == 0;
        return e;
}

bool address_is_unnamed(const struct address *address)
{
        return address->len > 0 && address->len <= offsetof(struct sockaddr_un, sun_path) &&
               address->sa.any.sa_family == AF_UNIX;
}

bool address_is_abstract(const struct address *address)
{
        return address->len > offsetof(struct sockaddr_un, sun_path) && address->sa.any.sa_family == AF_UNIX &&
               address->sa.un.sun_path[0] == '\0';
}

bool address_is_vsock(const struct address *address)
{
        return address->len >= sizeof(struct sockaddr_vm) && address->sa.any.sa_family == AF_VSOCK;
}

bool address_is_netlink(const struct address *address)
{
        return address->len >= sizeof(struct sockaddr_nl) && address->sa.any.sa_family == AF_NETLINK;
}

size_t address_unix_name(const struct address *address, const char **ret_name)
{
        size_t bytes;

        *ret_name = address->sa.un.sun_path;
        if (address->len <= offsetof(struct sockaddr_un, sun_path))
                return 0;
        bytes = address->len - offsetof(struct sockaddr_un, sun_path);
        if (address->sa.un.sun_path[0] == '\0') {
                *ret_name = address->sa.un.sun_path + 1;
                return bytes - 1;
        }
        return strnlen(address->sa.un.sun_path, bytes);
}

static bool unix_equal(const struct address *a, const struct address *b)
{
        const char *x, *y;
        size_t n = address_unix_name(a, &x);

        return address_is_abstract(a) == address_is_abstract(b) && n == address_unix_name(b, &y) &&
               memcmp(x, y, n) == 0;
}

/* The same family, address and port; a scope counts only where the kernel keeps one. */
bool address_equal(const struct address *a, const struct address *b)
{
        if (a->len == 0 || b->len == 0)
                return a->len == b->len;
        if (a->sa.any.sa_family != b->sa.any.sa_family)
                return false;
        if (a->sa.any.sa_family == AF_UNIX)
                return unix_equal(a, b);
        if (address_is_vsock(a))
                return address_is_vsock(b) && a->sa.vm.svm_cid == b->sa.vm.svm_cid &&
                       a->sa.vm.svm_port == b->sa.vm.svm_port;
        if (address_is_netlink(a))
                return address_is_netlink(b) && a->sa.nl.nl_pid == b->sa.nl.nl_pid;
        return address_port(a) == address_port(b) &&
               memcmp(address_endpoint(a).ip.s6_addr, address_endpoint(b).ip.s6_addr, 16) == 0;
}

/* Text into a bounded buffer: what does not fit is dropped, the NUL always fits. */
struct out {
        char *to;
        size_t bytes, used;
};

static void put(struct out *out, const char *text, size_t n)
{
        for (size_t i = 0; i < n && out->used + 1 < out->bytes; i++)
                out->to[out->used++] = text[i];
        if (out->bytes > 0)
                out->to[out->used] = '\0';
}

static void put_number(struct out *out, unsigned long number)
{
        char digits[24];
        size_t i = sizeof(digits);

        do {
                digits[--i] = (char)('0' + number % 10);
                number /= 10;
        } while (number);
        put(out, digits + i, sizeof(digits) - i);
}

/* A name in a namespace that anyone can write to: nothing but printable ASCII leaves. */
static void put_name(struct out *out, const char *name, size_t n)
{
        static const char hex[] = "0123456789abcdef";

        for (size_t i = 0; i < n; i++) {
                unsigned char c = (unsigned char)name[i];
                char escaped[4] = { '\\', 'x', hex[c >> 4], hex[c & 15] };

                if (c == '\\')
                        put(out, "\\\\", 2);
                else if (c >= 0x20 && c < 0x7f)
                        put(out, name + i, 1);
                else
                        put(out, escaped, sizeof(escaped));
        }
}

static void put_ip(struct out *out, const struct address *address)
{
        char text[INET6_ADDRSTRLEN] = "";
        const void *ip = address->sa.any.sa_family == AF_INET ? (const void *)&address->sa.in.sin_addr
                                                              : (const void *)&address->sa.in6.sin6_addr;

        (void)inet_ntop(address->sa.any.sa_family, ip, text, sizeof(text));
        put(out, text, strlen(text));
        if (address->sa.any.sa_family == AF_INET6 && address->sa.in6.sin6_scope_id) {
                put(out, "%", 1);
                put_number(out, address->sa.in6.sin6_scope_id);
        }
}

static void put_unix(struct out *out, const struct address *address)
{
        const char *name;
        size_t n = address_unix_name(address, &name);

        if (address_is_abstract(address))
                put(out, "@", 1);
        put_name(out, name, n);
}

static void put_number_or_any(struct out *out, unsigned int number)
{
        if (number == UINT32_MAX) /* VMADDR_CID_ANY, VMADDR_PORT_ANY */
                put(out, "*", 1);
        else
                put_number(out, number);
}

/* As systemd writes it; * as ss(8) does. */
static void put_vsock(struct out *out, const struct sockaddr_vm *vm)
{
        put(out, "vsock:", 6);
        put_number_or_any(out, vm->svm_cid);
        put(out, ":", 1);
        put_number_or_any(out, vm->svm_port);
}

static void put_netlink(struct out *out, const struct sockaddr_nl *nl)
{
        put(out, "netlink port ", 13);
        put_number(out, nl->nl_pid);
}

size_t address_print(const struct address *address, char *buffer, size_t bytes)
{
        struct out out = { .to = buffer, .bytes = bytes };

        put(&out, "", 0);
        if (address_is_ip(address))
                put_ip(&out, address);
        else if (address_is_vsock(address))
                put_vsock(&out, &address->sa.vm);
        else if (address_is_netlink(address))
                put_netlink(&out, &address->sa.nl);
        else if (address->len > 0)
                put_unix(&out, address);
        return out.used;
}

size_t address_print_port(const struct address *address, char *buffer, size_t bytes)
{
        struct out out = { .to = buffer, .bytes = bytes };
        bool v6;

        if (!address_is_ip(address))
                return address_print(address, buffer, bytes);
        v6 = address->sa.any.sa_family == AF_INET6;
        put(&out, "[", v6);
        put_ip(&out, address);
        put(&out, "]", v6);
        put(&out, ":", 1);
        put_number(&out, address_port(address));
        return out.used;
}
