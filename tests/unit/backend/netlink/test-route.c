/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* route.c: what one answer of rtnetlink says of a route. What the kernel answers to bind(2)'s question: test-host. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>

#include "util/macro.h"
#include "backend/netlink/route.h"
#include "fixture/run-suite.h"
#include "fixture/spoil.h"

static struct nl_msg *message;

static void finish(void)
{
        nlmsg_free(message);
        message = NULL;
}

/* A local route to 127.0.0.0/bits in table 255. */
static void begin(uint16_t type, unsigned char bits)
{
        struct rtmsg header = {
                .rtm_family = AF_INET, .rtm_dst_len = bits, .rtm_table = RT_TABLE_LOCAL, .rtm_type = RTN_LOCAL
        };
        in_addr_t destination = htonl(0x7f000000);

        nlmsg_free(message);
        message = nlmsg_alloc_simple(type, 0);
        ck_assert_ptr_nonnull(message);
        ck_assert_int_eq(nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO), 0);
        nla_put(message, RTA_DST, sizeof(destination), &destination);
}

static struct route_match matched(void)
{
        struct route_match match = { .type = -1 };

        ck_assert_int_eq(route_take_route(&match, nlmsg_hdr(message)), 0);
        return match;
}

/* fib_dump_info(): the table that fits in a byte is in the header, too; an interface, or several ways. */
START_TEST(one_route)
{
        struct rtnexthop hops[2] = { { .rtnh_len = sizeof(hops[0]), .rtnh_ifindex = 3 },
                                     { .rtnh_len = sizeof(hops[0]), .rtnh_ifindex = 4 } };

        begin(RTM_NEWROUTE, 8);
        ck_assert_int_eq(matched().type, RTN_LOCAL);
        ck_assert_uint_eq(matched().table, RT_TABLE_LOCAL);
        ck_assert_uint_eq(matched().ifindex, 0);
        nla_put_u32(message, RTA_TABLE, 1000);
        nla_put_u32(message, RTA_OIF, 2);
        ck_assert_uint_eq(matched().table, 1000);
        ck_assert_uint_eq(matched().ifindex, 2);
        nla_put(message, RTA_MULTIPATH, sizeof(hops), hops);
        ck_assert_uint_eq(matched().ifindex, 3);
}
END_TEST

START_TEST(no_route)
{
        struct route_match match = { .type = -1 };

        begin(RTM_DELROUTE, 8);
        ck_assert_int_eq(route_take_route(&match, nlmsg_hdr(message)), -EBADMSG);
        begin(RTM_NEWROUTE, 8);
        nlmsg_hdr(message)->nlmsg_len = NLMSG_HDRLEN + 1;
        ck_assert_int_eq(route_take_route(&match, nlmsg_hdr(message)), -EBADMSG);
        ck_assert_int_eq(match.type, -1);
}
END_TEST

static const struct {
        unsigned char bits;
        int before; /* bits of the best one so far */
        const char *address;
        uint32_t table;
        int best;
} entries[] = {
        { 8, -1, "127.0.0.1", RT_TABLE_LOCAL, 8 },   { 8, 7, "127.9.9.9", RT_TABLE_LOCAL, 8 },
        { 8, 8, "127.0.0.1", RT_TABLE_LOCAL, 8 },    { 8, 9, "127.0.0.1", RT_TABLE_LOCAL, 9 },
        { 8, -1, "128.0.0.1", RT_TABLE_LOCAL, -1 },  { 8, -1, "127.0.0.1", RT_TABLE_MAIN, -1 },
        { 0, -1, "192.0.2.1", RT_TABLE_LOCAL, 0 },   { 32, -1, "127.0.0.0", RT_TABLE_LOCAL, 32 },
        { 32, -1, "127.0.0.1", RT_TABLE_LOCAL, -1 }, { 33, -1, "127.0.0.0", RT_TABLE_LOCAL, -1 },
};

START_TEST(longest_prefix)
{
        struct route_search search = { .address = inet_addr(entries[_i].address),
                                       .table = entries[_i].table,
                                       .best = entries[_i].before };

        begin(RTM_NEWROUTE, entries[_i].bits);
        ck_assert_int_eq(route_take_entry(&search, nlmsg_hdr(message)), 0);
        ck_assert_int_eq(search.best, entries[_i].best);
        ck_assert_int_eq(search.match.type, entries[_i].best == entries[_i].before ? 0 : RTN_LOCAL);
}
END_TEST

static void look(void *userdata)
{
        struct route_search search = { .address = htonl(0x7f000001), .table = RT_TABLE_LOCAL, .best = -1 };

        (void)userdata;
        (void)matched();
        ck_assert_int_eq(route_take_entry(&search, nlmsg_hdr(message)), 0);
}

START_TEST(spoilt)
{
        struct rtnexthop hop = { .rtnh_len = sizeof(hop), .rtnh_ifindex = 3 };

        begin(RTM_NEWROUTE, 8);
        nla_put_u32(message, RTA_TABLE, RT_TABLE_LOCAL);
        nla_put_u32(message, RTA_OIF, 2);
        nla_put(message, RTA_MULTIPATH, sizeof(hop), &hop);
        spoil_attributes(nlmsg_attrdata(nlmsg_hdr(message), sizeof(struct rtmsg)),
                         nlmsg_attrlen(nlmsg_hdr(message), sizeof(struct rtmsg)), 0, look, NULL);
}
END_TEST

/* ------------------------------------------------------ addresses and names */

static struct route_own own;

static void look_at_own(void *userdata)
{
        (void)userdata;
        own.n = 0;
        own.family = AF_INET;
        ck_assert_int_eq(route_take_own(&own, nlmsg_hdr(message)), 0);
}

static void begin_address(uint16_t type, unsigned char family)
{
        struct ifaddrmsg header = { .ifa_family = family, .ifa_index = 3 };

        nlmsg_free(message);
        message = nlmsg_alloc_simple(type, 0);
        ck_assert_ptr_nonnull(message);
        ck_assert_int_eq(nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO), 0);
}

/* inet_fill_ifaddr(): of two ends IFA_LOCAL is ours. inet6_fill_ifaddr(): the flags may need more than the header's byte. */
START_TEST(own_address)
{
        in_addr_t ours = htonl(0x0a000001), theirs = htonl(0x0a000002);

        begin_address(RTM_NEWADDR, AF_INET);
        look_at_own(NULL);
        ck_assert_uint_eq(own.n, 0); /* it has none */
        nla_put(message, IFA_ADDRESS, sizeof(theirs), &theirs);
        look_at_own(NULL);
        ck_assert_uint_eq(own.n, 1);
        nla_put(message, IFA_LOCAL, sizeof(ours), &ours);
        look_at_own(NULL);
        ck_assert_mem_eq(own.list[0].bytes, &ours, sizeof(ours));
        ck_assert_uint_eq(own.list[0].ifindex, 3);
        own.n = ROUTE_MOST_OWN;
        ck_assert_int_eq(route_take_own(&own, nlmsg_hdr(message)), 0);
        ck_assert_uint_eq(own.n, ROUTE_MOST_OWN);
        nla_put_u32(message, IFA_FLAGS, IFA_F_TENTATIVE);
        look_at_own(NULL);
        ck_assert_uint_eq(own.n, 0);
        spoil_attributes(nlmsg_attrdata(nlmsg_hdr(message), sizeof(struct ifaddrmsg)),
                         nlmsg_attrlen(nlmsg_hdr(message), sizeof(struct ifaddrmsg)), 0, look_at_own, NULL);
        begin_address(RTM_NEWADDR, AF_INET);
        nla_put(message, IFA_LOCAL, sizeof(ours), &ours);
        nla_put_u32(message, IFA_FLAGS, IFA_F_TENTATIVE | IFA_F_OPTIMISTIC);
        look_at_own(NULL);
        ck_assert_uint_eq(own.n, 1);
        begin_address(RTM_NEWADDR, AF_INET6);
        nla_put(message, IFA_LOCAL, sizeof(ours), &ours);
        look_at_own(NULL);
        ck_assert_uint_eq(own.n, 0); /* another family than was asked for */
        begin_address(RTM_NEWLINK, AF_INET);
        ck_assert_int_eq(route_take_own(&own, nlmsg_hdr(message)), -EBADMSG);
        nlmsg_free(message);
        message = nlmsg_alloc_simple(RTM_NEWADDR, 0);
        ck_assert_int_eq(route_take_own(&own, nlmsg_hdr(message)), -EBADMSG);
        ck_assert_int_eq(route_take_name(&own, nlmsg_hdr(message)), -EBADMSG);
}
END_TEST

static struct route_name name;

static void look_at_name(void *userdata)
{
        (void)userdata;
        ck_assert_int_eq(route_take_name(&name, nlmsg_hdr(message)), 0);
        ck_assert_uint_lt(strnlen(name.text, sizeof(name.text)), sizeof(name.text));
}

START_TEST(name_of_interface)
{
        struct ifinfomsg header = { .ifi_index = 3, .ifi_flags = IFF_UP };
        char longest[64];

        message = nlmsg_alloc_simple(RTM_NEWLINK, 0);
        ck_assert_int_eq(nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO), 0);
        look_at_name(NULL);
        ck_assert_str_eq(name.text, "");
        nla_put_string(message, IFLA_IFNAME, "eth0");
        look_at_name(NULL);
        ck_assert_str_eq(name.text, "eth0");
        ck_assert_uint_eq(name.flags, IFF_UP);
        spoil_attributes(nlmsg_attrdata(nlmsg_hdr(message), sizeof(header)),
                         nlmsg_attrlen(nlmsg_hdr(message), sizeof(header)), 0, look_at_name, NULL);
        memset(longest, 'x', sizeof(longest));
        nla_put(message, IFLA_IFNAME, sizeof(longest), longest);
        look_at_name(NULL);
        ck_assert_str_eq(name.text, ""); /* longer than any that there is */
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("route");
        TCase *tcase = tcase_create("all");

        tcase_add_checked_fixture(tcase, NULL, finish);
        tcase_add_test(tcase, one_route);
        tcase_add_test(tcase, no_route);
        tcase_add_loop_test(tcase, longest_prefix, 0, (int)ELEMENTSOF(entries));
        tcase_add_test(tcase, spoilt);
        tcase_add_test(tcase, own_address);
        tcase_add_test(tcase, name_of_interface);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
