/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See sd-bus-listen.h. The forms are those that sockaddr_pretty() of systemd makes: 1.2.3.4:80, [::1]:80,
 * [fe80::1]:80%eth0 (the scope behind the port), /path, @abstract. A bare port comes as [::]:80, an IPv4 address
 * mapped into IPv6 stays as it was written.
 */
#include "backend/systemd/sd-bus-listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "util/macro.h"

static int parse_type(const char *text)
{
        static const struct {
                const char *name;
                int type;
        } types[] = {
                { "Stream", SOCK_STREAM },
                { "Datagram", SOCK_DGRAM },
                { "SequentialPacket", SOCK_SEQPACKET },
        };

        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (strcmp(text, types[i].name) == 0)
                        return types[i].type;
        return -EPROTONOSUPPORT;
}

/* Decimal, 1 to 65535; *text moves behind it. */
static bool parse_port(const char **text, in_port_t *ret_big_endian)
{
        unsigned int port = 0;
        const char *p = *text;

        while (*p >= '0' && *p <= '9' && port <= 65535)
                port = port * 10 + (unsigned int)(*p++ - '0');
        if (p == *text || port == 0 || port > 65535)
                return false;
        *text = p;
        *ret_big_endian = htons((uint16_t)port);
        return true;
}

/* What is between two places, as a string. */
static bool cut(char *to, size_t bytes, const char *from, const char *end)
{
        size_t n = (size_t)(end - from);

        if (n == 0 || n >= bytes)
                return false;
        memcpy(to, from, n);
        to[n] = '\0';
        return true;
}

static int parse_inet(const char *text, struct listen_address *ret)
{
        const char *colon = strrchr(text, ':');
        char ip[INET_ADDRSTRLEN];

        if (!colon || !cut(ip, sizeof(ip), text, colon))
                return -EINVAL;
        text = colon + 1;
        ret->sa.in.sin_family = AF_INET;
        ret->len = sizeof(ret->sa.in);
        if (inet_pton(AF_INET, ip, &ret->sa.in.sin_addr) != 1 || !parse_port(&text, &ret->sa.in.sin_port) || *text)
                return -EINVAL;
        return 0;
}

static int parse_inet6(const char *text, struct listen_address *ret)
{
        const char *bracket = strchr(text, ']');
        char ip[INET6_ADDRSTRLEN];

        if (!bracket || bracket[1] != ':' || !cut(ip, sizeof(ip), text + 1, bracket))
                return -EINVAL;
        text = bracket + 2;
        ret->sa.in6.sin6_family = AF_INET6;
        ret->len = sizeof(ret->sa.in6);
        if (inet_pton(AF_INET6, ip, &ret->sa.in6.sin6_addr) != 1 || !parse_port(&text, &ret->sa.in6.sin6_port))
                return -EINVAL;
        if (*text == '%')
                return cut(ret->scope, sizeof(ret->scope), text + 1, text + strlen(text)) ? 0 : -EINVAL;
        return *text ? -EINVAL : 0;
}

static int parse_unix(const char *text, struct listen_address *ret)
{
        size_t n = strlen(text);

        if (n < 2 || n >= sizeof(ret->sa.un.sun_path))
                return -EINVAL;
        ret->sa.un.sun_family = AF_UNIX;
        memcpy(ret->sa.un.sun_path, text, n);
        if (*text == '@')
                ret->sa.un.sun_path[0] = '\0';
        ret->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
        return 0;
}

int listen_parse(const char *type, const char *text, struct listen_address *ret)
{
        struct listen_address address = { .type = parse_type(type) };
        int r;

        if (address.type < 0)
                return address.type;
        if (*text == '/' || *text == '@')
                r = parse_unix(text, &address);
        else if (*text == '[')
                r = parse_inet6(text, &address);
        else if (*text >= '0' && *text <= '9')
                r = parse_inet(text, &address);
        else
                r = -EPROTONOSUPPORT; /* vsock:2:1234 */
        if (r < 0)
                return r;
        *ret = address;
        return 0;
}

/* ------------------------------------------------------ comparing */

static bool is_v4(const struct sockaddr *address, in_addr_t *ret)
{
        static const unsigned char mapped[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
        const struct sockaddr_in *in = (const void *)address;
        const struct sockaddr_in6 *in6 = (const void *)address;

        if (address->sa_family == AF_INET) {
                *ret = in->sin_addr.s_addr;
                return true;
        }
        if (memcmp(&in6->sin6_addr, mapped, sizeof(mapped)) != 0)
                return false;
        memcpy(ret, &in6->sin6_addr.s6_addr[12], sizeof(*ret));
        return true;
}

static in_port_t port_of(const struct sockaddr *address)
{
        return address->sa_family == AF_INET ? ((const struct sockaddr_in *)(const void *)address)->sin_port
                                             : ((const struct sockaddr_in6 *)(const void *)address)->sin6_port;
}

static enum listen_match compare_ip(const struct listen_address *listen, unsigned int scope_id,
                                    const struct sockaddr *socket)
{
        const struct sockaddr_in6 *in6 = (const void *)socket;
        const struct in6_addr *ours = &listen->sa.in6.sin6_addr;
        enum listen_match others = memcmp(ours, &in6addr_any, sizeof(*ours)) == 0 ? LISTEN_COVERED : LISTEN_NO;
        in_addr_t a = 0, b = 0;
        bool v4 = is_v4(&listen->sa.any, &a), socket_v4 = is_v4(socket, &b);

        if (port_of(&listen->sa.any) != port_of(socket))
                return LISTEN_NO;
        if (v4 && socket_v4)
                return a == b ? LISTEN_EXACT : a == htonl(INADDR_ANY) ? LISTEN_COVERED : LISTEN_NO;
        if (v4)
                return LISTEN_NO;
        /* Whether [::] serves IPv4 too is not in Listen=; what it was bound to is. */
        if (socket_v4 || memcmp(ours, &in6->sin6_addr, sizeof(*ours)) != 0)
                return others;
        return scope_id && in6->sin6_scope_id && scope_id != in6->sin6_scope_id ? LISTEN_NO : LISTEN_EXACT;
}

/* A path ends where its NUL is, if it has one; an abstract name is all bytes. */
static size_t name_bytes(const struct sockaddr_un *un, socklen_t len)
{
        size_t n = len - offsetof(struct sockaddr_un, sun_path);

        return n > 0 && un->sun_path[0] ? strnlen(un->sun_path, n) : n;
}

static enum listen_match compare_unix(const struct listen_address *listen, const struct aiu_socket_fact *socket)
{
        const struct sockaddr_un *un = (const void *)socket->local;
        size_t n;

        if (socket->local_len < offsetof(struct sockaddr_un, sun_path))
                return LISTEN_NO;
        n = name_bytes(&listen->sa.un, listen->len);
        if (n != name_bytes(un, socket->local_len))
                return LISTEN_NO;
        return memcmp(un->sun_path, listen->sa.un.sun_path, n) == 0 ? LISTEN_EXACT : LISTEN_NO;
}

enum listen_match listen_compare(const struct listen_address *listen, unsigned int scope_id,
                                 const struct aiu_socket_fact *socket)
{
        sa_family_t family = socket->local ? socket->local->sa_family : AF_UNSPEC;

        if (listen->type != socket->type)
                return LISTEN_NO;
        if (family == AF_UNIX)
                return listen->sa.any.sa_family == AF_UNIX ? compare_unix(listen, socket) : LISTEN_NO;
        if ((family != AF_INET && family != AF_INET6) || listen->sa.any.sa_family == AF_UNIX)
                return LISTEN_NO;
        return compare_ip(listen, scope_id, socket->local);
}
