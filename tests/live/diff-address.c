/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Addresses of every shape that bind(2) can be handed: of all ranges that have a meaning, with each length, with the
 * family of another socket, with scopes that exist and that do not.
 */
#include "differential.h"

#define NONE (-1)

enum scope { SCOPE_NONE, SCOPE_A, SCOPE_B, SCOPE_LO, SCOPE_BAD };

static const struct {
        const char *text;
        enum scope scope;
        socklen_t len; /* 0 = the family's */
        int family;    /* 0 = the address', NONE = AF_UNSPEC */
} shapes[] = {
        { .text = "127.0.0.1" },
        { .text = "127.0.0.2" },
        { .text = "127.255.255.254" },
        { .text = "127.255.255.255" }, /* the broadcast address of lo */
        { .text = "127.0.0.0" },
        { .text = "0.0.0.0" },
        { .text = "0.0.0.1" },
        { .text = "10.99.0.1" },
        { .text = "10.99.0.0" },
        { .text = "10.99.0.2" },
        { .text = "10.99.0.255" },
        { .text = "10.77.7.7" },
        { .text = "169.254.1.1" },
        { .text = "224.0.0.1" },
        { .text = "224.0.0.251" },
        { .text = "239.255.255.250" },
        { .text = "240.0.0.1" },
        { .text = "255.255.255.255" },
        { .text = "127.0.0.1", .len = 2 },
        { .text = "127.0.0.1", .len = 8 },
        { .text = "127.0.0.1", .len = 15 },
        { .text = "127.0.0.1", .len = 17 },
        { .text = "127.0.0.1", .len = 28 },
        { .text = "127.0.0.1", .len = 110 },
        { .text = "0.0.0.0", .family = NONE },
        { .text = "127.0.0.1", .family = NONE },
        { .text = "127.0.0.1", .family = AF_INET6 },
        { .text = "127.0.0.1", .family = AF_PACKET },
        { .text = "127.0.0.1", .family = AF_VSOCK },
        { .text = "127.0.0.1", .family = AF_NETLINK },
        { .text = "::" },
        { .text = "::1" },
        { .text = "::2" },
        { .text = "::127.0.0.1" },
        { .text = "::ffff:127.0.0.1" },
        { .text = "::ffff:127.255.255.255" },
        { .text = "::ffff:0.0.0.0" },
        { .text = "::ffff:10.99.0.1" },
        { .text = "::ffff:10.99.0.255" },
        { .text = "::ffff:10.77.7.7" },
        { .text = "::ffff:224.0.0.1" },
        { .text = "::ffff:255.255.255.255" },
        { .text = "fd00:99::1" },
        { .text = "fd00:99::" }, /* the anycast address of routers */
        { .text = "fd00:77::7" },
        { .text = "2001:db8::1" },
        { .text = "64:ff9b::7f00:1" },
        { .text = "fec0::1" },
        { .text = "fe80::1" },
        { .text = "fe80::1", .scope = SCOPE_A },
        { .text = "fe80::1", .scope = SCOPE_B },
        { .text = "fe80::1", .scope = SCOPE_LO },
        { .text = "fe80::1", .scope = SCOPE_BAD },
        { .text = "fe80::2", .scope = SCOPE_A },
        { .text = "ff01::1", .scope = SCOPE_A },
        { .text = "ff02::1" },
        { .text = "ff02::1", .scope = SCOPE_A },
        { .text = "ff02::fb", .scope = SCOPE_LO },
        { .text = "ff02::1", .scope = SCOPE_BAD },
        { .text = "ff05::1" },
        { .text = "ff05::1", .scope = SCOPE_A },
        { .text = "ff0e::1" },
        { .text = "::1", .scope = SCOPE_LO },
        { .text = "::1", .scope = SCOPE_A },
        { .text = "::", .scope = SCOPE_BAD },
        { .text = "fd00:99::1", .scope = SCOPE_B },
        { .text = "::1", .len = 2 },
        { .text = "::1", .len = 16 },
        { .text = "::1", .len = 23 },
        { .text = "::1", .len = 24 },
        { .text = "fe80::1", .scope = SCOPE_A, .len = 24 },
        { .text = "fe80::1", .scope = SCOPE_A, .len = 26 },
        { .text = "::1", .len = 27 },
        { .text = "::1", .len = 29 },
        { .text = "::1", .len = 110 },
        { .text = "::1", .family = AF_INET },
        { .text = "::", .family = NONE },
        { .text = "::1", .family = AF_UNIX },
        { .text = "::1", .family = AF_VSOCK },
        { .text = "::1", .family = AF_NETLINK },
};

static unsigned int scope_number(const struct live *live, enum scope scope)
{
        switch (scope) {
        case SCOPE_A:
                return live->device_a;
        case SCOPE_B:
                return live->device_b;
        case SCOPE_LO:
                return 1;
        case SCOPE_BAD:
                return 4711;
        default:
                return 0;
        }
}

struct live_address shape_pick(struct stage *stage)
{
        unsigned int i = live_below(&stage->random, sizeof(shapes) / sizeof(shapes[0]));
        uint16_t port = live_chance(&stage->random, 8) ? 0 : stage->port;
        struct live_address a = live_ip(shapes[i].text, port, scope_number(stage->live, shapes[i].scope));

        if (shapes[i].len)
                a.len = shapes[i].len;
        if (shapes[i].family)
                a.sa.any.sa_family = shapes[i].family == NONE ? AF_UNSPEC : (sa_family_t)shapes[i].family;
        return a;
}
