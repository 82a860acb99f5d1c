/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Target "route": what rtnetlink says of routes, addresses and interfaces. A prefix that is chosen covers
 * the address and is no shorter than the one before; no device has an address that the message does not give it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "backend/netlink/route.h"
#include "fuzz.h"

static int look_at_table(struct nlmsghdr *message, struct bytes *in)
{
        struct route_search search = { .address = htonl(0x7f000001), .table = RT_TABLE_LOCAL, .best = -1 };
        int before = (int)(take_byte(in) % 34) - 1, r;

        search.best = before;
        r = route_take_entry(&search, message);
        require(search.best >= before && search.best <= 32);
        require(search.best == before || (r == 0 && search.match.table == RT_TABLE_LOCAL));
        return r;
}

static int look_at_address(struct nlmsghdr *message)
{
        static const struct in6_addr wanted = { { { 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 } } };
        struct route_reading reading = { .wanted = &wanted };
        bool has = memmem(message, message->nlmsg_len, &wanted, sizeof(wanted));
        int r = route_take_address(&reading, message);

        require(has || reading.owner.ifindex == 0);
        return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct bytes in = { data, size };
        uint8_t which = take_byte(&in);
        uint8_t first = take_byte(&in);
        struct bytes option = { &first, 1 };
        struct nlmsghdr *message = fuzz_message(in.at, in.n);
        static const uint16_t types[] = { RTM_NEWROUTE, RTM_NEWROUTE, RTM_NEWADDR, RTM_NEWLINK };
        struct route_match match = { 0 };
        struct route_link link = { 0 };
        int r;

        message->nlmsg_type = types[which % 4];
        switch (which % 4) {
        case 0:
                r = route_take_route(&match, message);
                break;
        case 1:
                r = look_at_table(message, &option);
                break;
        case 2:
                r = look_at_address(message);
                break;
        default:
                r = route_take_link(&link, message);
        }
        require(r == 0 || r == -EBADMSG || r == -ENOMEM);
        free(message);
        return 0;
}
