/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* nft-nat-parse.c: rules that a kernel dumped, each cut short everywhere, and which traffic they concern. */
#include <arpa/inet.h>
#include <check.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>

#include "util/macro.h"
#include "fixture/nft-rules.h"
#include "fixture/run-suite.h"
#include "fixture/spoil.h"
#include "../../../tools/nft-nat-parse.h"

/* In memory that ends where the message does, for valgrind. */
static struct nlmsghdr *from_hex(const char *hex, size_t *ret_bytes)
{
        size_t n = strlen(hex) / 2;
        unsigned char *bytes = malloc(n);

        ck_assert_ptr_nonnull(bytes);
        for (size_t i = 0; i < n; i++) {
                const char digits[] = { hex[2 * i], hex[2 * i + 1], '\0' };

                bytes[i] = (unsigned char)strtoul(digits, NULL, 16);
        }
        *ret_bytes = n;
        return (void *)bytes;
}

static void expect_address(const struct in6_addr *address, int family, const char *text)
{
        struct in6_addr expected;

        if (family == AF_UNSPEC)
                return;
        ck_assert_int_eq(inet_pton(family, text, &expected), 1);
        ck_assert_mem_eq(address, &expected, family == AF_INET ? 4 : 16);
}

static bool is_little_endian(void)
{
        const uint16_t one = 1;

        return *(const unsigned char *)&one == 1;
}

START_TEST(rule_of_a_kernel)
{
        struct nat_rule rule;
        size_t n;
        struct nlmsghdr *message = from_hex(rules[_i].hex, &n);

        if (is_little_endian()) {
                ck_assert_int_eq(nat_rule_parse(message, &rule) && !rule.ports_open, rules[_i].is_told);
                if (rules[_i].is_told) {
                        ck_assert_uint_eq(rule.first_port, rules[_i].first_port);
                        ck_assert_uint_eq(rule.last_port, rules[_i].last_port);
                        ck_assert_int_eq(rule.protocol, rules[_i].protocol);
                        ck_assert_int_eq(rule.address_family, rules[_i].family);
                        expect_address(&rule.address, rules[_i].family, rules[_i].address);
                        ck_assert_int_eq(rule.to_family, rules[_i].to_family);
                        expect_address(&rule.to_address, rules[_i].to_family, rules[_i].to_address);
                        ck_assert_uint_eq(rule.to_port, rules[_i].to_port);
                        ck_assert_int_eq(rule.is_redirect, rules[_i].is_redirect);
                }
        }
        free(message);
}
END_TEST

/* Whatever is missing at the end, nothing behind it is read: valgrind watches. */
START_TEST(rule_cut_short)
{
        size_t n, more;
        struct nlmsghdr *whole = from_hex(rules[_i].hex, &n);

        for (size_t cut = sizeof(*whole); cut < n; cut++) {
                struct nlmsghdr *message = malloc(cut);
                struct nat_rule rule;

                ck_assert_ptr_nonnull(message);
                memcpy(message, whole, cut);
                message->nlmsg_len = (uint32_t)cut;
                (void)nat_rule_parse(message, &rule);
                free(message);
        }
        /* And every byte of it turned over. */
        for (size_t i = sizeof(*whole); i < n; i++) {
                struct nlmsghdr *message = from_hex(rules[_i].hex, &more);
                struct nat_rule rule;

                ((unsigned char *)message)[i] ^= 0xff;
                (void)nat_rule_parse(message, &rule);
                free(message);
        }
        free(whole);
}
END_TEST

static void look(void *userdata)
{
        struct nat_rule rule;

        if (nat_rule_parse(userdata, &rule) && !rule.ports_open)
                ck_assert(rule.first_port > 0 && rule.last_port >= rule.first_port);
}

START_TEST(rule_spoilt)
{
        size_t n;
        struct nlmsghdr *whole = from_hex(rules[_i].hex, &n);
        int header = sizeof(struct nfgenmsg);

        if (is_little_endian())
                spoil_attributes(nlmsg_attrdata(whole, header), nlmsg_attrlen(whole, header), 4, look, whole);
        free(whole);
}
END_TEST

/* ------------------------------------------------------ made here */

static struct nl_msg *message;
static struct nlattr *expressions;

static void begin(int family)
{
        struct nfgenmsg header = { .nfgen_family = (uint8_t)family };

        message = nlmsg_alloc_simple(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE, 0);
        nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO);
        nla_put_string(message, NFTA_RULE_TABLE, "nat");
        nla_put_string(message, NFTA_RULE_CHAIN, "DOCKER");
        expressions = nla_nest_start(message, NFTA_RULE_EXPRESSIONS);
}

/* A match or target of xtables: their attributes have the same numbers. */
static void xtables(const char *expression, const char *name, const void *info, int bytes)
{
        struct nlattr *element = nla_nest_start(message, NFTA_LIST_ELEM), *data;

        nla_put_string(message, NFTA_EXPR_NAME, expression);
        data = nla_nest_start(message, NFTA_EXPR_DATA);
        nla_put_string(message, NFTA_MATCH_NAME, name);
        nla_put(message, NFTA_MATCH_INFO, bytes, info);
        nla_nest_end(message, data);
        nla_nest_end(message, element);
}

static bool end(struct nat_rule *ret)
{
        nla_nest_end(message, expressions);
        return nat_rule_parse(nlmsg_hdr(message), ret);
}

static struct nlattr *expression(const char *name, struct nlattr **ret_data)
{
        struct nlattr *element = nla_nest_start(message, NFTA_LIST_ELEM);

        nla_put_string(message, NFTA_EXPR_NAME, name);
        *ret_data = nla_nest_start(message, NFTA_EXPR_DATA);
        return element;
}

static void finish(struct nlattr *element, struct nlattr *data)
{
        nla_nest_end(message, data);
        nla_nest_end(message, element);
}

/* Bytes of a header into register 1, compared there with one byte. */
static void compare(uint32_t base, uint32_t offset, uint32_t bytes, uint8_t with)
{
        struct nlattr *data, *element = expression("payload", &data), *value;

        nla_put_u32(message, NFTA_PAYLOAD_DREG, htonl(1));
        nla_put_u32(message, NFTA_PAYLOAD_BASE, htonl(base));
        nla_put_u32(message, NFTA_PAYLOAD_OFFSET, htonl(offset));
        nla_put_u32(message, NFTA_PAYLOAD_LEN, htonl(bytes));
        finish(element, data);
        element = expression("cmp", &data);
        nla_put_u32(message, NFTA_CMP_SREG, htonl(1));
        nla_put_u32(message, NFTA_CMP_OP, htonl(NFT_CMP_EQ));
        value = nla_nest_start(message, NFTA_CMP_DATA);
        nla_put(message, NFTA_DATA_VALUE, 1, &with);
        nla_nest_end(message, value);
        finish(element, data);
}

/* `ip protocol`, before nft(8) wrote `meta l4proto` for it; in IPv6 there is something else. */
START_TEST(protocol_in_the_header)
{
        static const struct {
                int family;
                uint32_t base, offset, bytes;
                int protocol;
        } rows[] = {
                { NFPROTO_IPV4, NFT_PAYLOAD_NETWORK_HEADER, 9, 1, IPPROTO_UDP },
                { NFPROTO_INET, NFT_PAYLOAD_NETWORK_HEADER, 9, 1, IPPROTO_UDP },
                { NFPROTO_IPV6, NFT_PAYLOAD_NETWORK_HEADER, 9, 1, 0 },
                { NFPROTO_IPV4, NFT_PAYLOAD_NETWORK_HEADER, 9, 2, 0 },
                { NFPROTO_IPV6, NFT_PAYLOAD_NETWORK_HEADER, 16, 4, 0 },
                { NFPROTO_IPV4, NFT_PAYLOAD_NETWORK_HEADER, 16, 1, 0 },
                { NFPROTO_IPV4, NFT_PAYLOAD_NETWORK_HEADER, 24, 16, 0 },
                { NFPROTO_IPV6, NFT_PAYLOAD_NETWORK_HEADER, 24, 4, 0 },
                { NFPROTO_IPV4, NFT_PAYLOAD_LL_HEADER, 9, 1, 0 },
                { NFPROTO_IPV4, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 1, 0 },
        };
        struct nat_rule rule;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                begin(rows[i].family);
                compare(rows[i].base, rows[i].offset, rows[i].bytes, IPPROTO_UDP);
                xtables("target", "DNAT", "", 1);
                ck_assert(end(&rule) && rule.ports_open);
                ck_assert_int_eq(rule.protocol, rows[i].protocol);
                ck_assert_int_eq(rule.address_family, AF_UNSPEC);
                nlmsg_free(message);
        }
}
END_TEST

/* Expressions that lack all there is to them. */
START_TEST(nothing_said)
{
        static const char *const names[] = { "meta",      "payload", "cmp",   "lookup", "range", "bitwise",
                                             "immediate", "nat",     "redir", "target", "match", "no-such-expression" };
        struct nat_rule rule;

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                for (int how = 0; how < 3; how++) {
                        struct nlattr *element, *data;

                        begin(NFPROTO_IPV4);
                        element = nla_nest_start(message, NFTA_LIST_ELEM);
                        if (how > 0)
                                nla_put_string(message, NFTA_EXPR_NAME, names[i]);
                        if (how == 1)
                                nla_put(message, NFTA_EXPR_DATA, 0, NULL);
                        nla_nest_end(message, element);
                        element = expression("match", &data);
                        if (how > 0)
                                nla_put_string(message, NFTA_MATCH_NAME, "tcp");
                        if (how > 1)
                                nla_put(message, NFTA_MATCH_INFO, 1, "");
                        finish(element, data);
                        if (end(&rule))
                                ck_assert(rule.ports_open);
                        nlmsg_free(message);
                }
        }
}
END_TEST

/* iptables-nft before 1.8.8 (its changelog): ports are xtables' affair. */
START_TEST(ports_by_xtables)
{
        struct xt_tcp tcp = { .spts = { 0, 65535 }, .dpts = { 80, 81 } };
        struct xt_udp udp = { .spts = { 0, 65535 }, .dpts = { 53, 53 } };
        struct {
                uint32_t flags;
                struct in6_addr min, max;
                uint16_t min_port, max_port;
        } to = { .flags = 3,
                 .min_port = htons(8080),
                 .max_port = htons(8080) }; /* struct nf_nat_range2, its beginning */
        struct nat_rule rule;

        begin(NFPROTO_IPV4);
        xtables("match", "tcp", &tcp, sizeof(tcp));
        xtables("target", "DNAT", "", 1); /* too short to say where to */
        ck_assert(end(&rule));
        ck_assert(rule.first_port == 80 && rule.last_port == 81 && rule.protocol == IPPROTO_TCP);
        ck_assert_str_eq(rule.chain, "DOCKER");
        ck_assert_int_eq(rule.to_family, AF_UNSPEC);
        nlmsg_free(message);

        begin(NFPROTO_IPV4);
        xtables("match", "udp", &udp, sizeof(udp));
        xtables("target", "REDIRECT", "", 1);
        ck_assert(end(&rule) && rule.protocol == IPPROTO_UDP && rule.is_redirect);
        nlmsg_free(message);

        /* Any port, which is none in particular; and matches that are nothing to us, or cut short. */
        tcp.dpts[0] = 0;
        tcp.dpts[1] = 65535;
        begin(NFPROTO_IPV6);
        xtables("match", "tcp", &tcp, sizeof(tcp));
        xtables("match", "udp", &udp, 4);
        xtables("match", "multiport", "", 1);
        xtables("match", "comment", "", 1);
        xtables("target", "DNAT", &to, sizeof(to));
        ck_assert(end(&rule) && rule.ports_open);
        ck_assert_int_eq(rule.to_family, AF_INET6);
        ck_assert_uint_eq(rule.to_port, 8080);
        nlmsg_free(message);

        tcp.dpts[1] = 81; /* --dport :81, which is from 0 on */
        begin(NFPROTO_IPV4);
        xtables("match", "tcp", &tcp, sizeof(tcp));
        xtables("match", "multiport", "", 1);
        xtables("match", "tcp", &tcp, sizeof(tcp));
        xtables("target", "DNAT", &to, sizeof(to));
        ck_assert(end(&rule) && rule.ports_open);
        ck_assert_int_eq(rule.to_family, AF_INET);
        nlmsg_free(message);

        tcp.dpts[0] = 80;
        tcp.dpts[1] = 81;
        tcp.invflags = XT_TCP_INV_DSTPT;
        begin(NFPROTO_IPV4);
        xtables("match", "tcp", &tcp, sizeof(tcp));
        xtables("target", "DNAT", "", 1);
        ck_assert(end(&rule) && rule.ports_open);
        nlmsg_free(message);

        begin(NFPROTO_IPV4);
        xtables("match", "tcp", &tcp, sizeof(tcp));
        xtables("target", "MASQUERADE", "", 1);
        ck_assert(!end(&rule));
        nlmsg_free(message);
}
END_TEST

/* ------------------------------------------------------ which traffic it concerns */

static const struct {
        int rule_family;
        const char *rule_address, *backend_request;
        int protocol;
        uint16_t port;
        bool concerns;
} requests[] = {
        { NFPROTO_IPV4, NULL, "0.0.0.0", IPPROTO_TCP, 80, true },
        { NFPROTO_IPV4, NULL, "192.0.2.1", IPPROTO_TCP, 80, true },
        { NFPROTO_IPV4, NULL, "::", IPPROTO_TCP, 80, true },
        { NFPROTO_IPV4, NULL, "::ffff:192.0.2.1", IPPROTO_TCP, 80, true },
        { NFPROTO_IPV4, NULL, "2001:db8::1", IPPROTO_TCP, 80, false },
        { NFPROTO_IPV6, NULL, "0.0.0.0", IPPROTO_TCP, 80, false },
        { NFPROTO_IPV6, NULL, "::1", IPPROTO_TCP, 80, true },
        { NFPROTO_INET, NULL, "192.0.2.1", IPPROTO_TCP, 80, true },
        { NFPROTO_INET, "192.0.2.1", "192.0.2.1", IPPROTO_TCP, 80, true },
        { NFPROTO_INET, "192.0.2.1", "192.0.2.2", IPPROTO_TCP, 80, false },
        { NFPROTO_INET, "192.0.2.1", "0.0.0.0", IPPROTO_TCP, 80, true },
        { NFPROTO_INET, "2001:db8::1", "0.0.0.0", IPPROTO_TCP, 80, false },
        { NFPROTO_INET, "2001:db8::1", "2001:db8::1", IPPROTO_TCP, 80, true },
        { NFPROTO_INET, "2001:db8::1", "192.0.2.1", IPPROTO_TCP, 80, false },
        { NFPROTO_INET, "192.0.2.1", "2001:db8::1", IPPROTO_TCP, 80, false },
        { NFPROTO_IPV4, NULL, "0.0.0.0", IPPROTO_UDP, 80, false },
        { NFPROTO_IPV4, NULL, "0.0.0.0", IPPROTO_TCP, 79, false },
        { NFPROTO_IPV4, NULL, "0.0.0.0", IPPROTO_TCP, 83, false },
        { NFPROTO_IPV4, NULL, "0.0.0.0", IPPROTO_TCP, 82, true },
        { NFPROTO_IPV4, NULL, "1::ffff:192.0.2.1", IPPROTO_TCP, 80, false },
        { NFPROTO_IPV4, NULL, "0:0:1::ffff:192.0.2.1", IPPROTO_TCP, 80, false },
};

START_TEST(whom_it_concerns)
{
        struct nat_rule rule = {
                .family = requests[_i].rule_family,
                .protocol = IPPROTO_TCP,
                .first_port = 80,
                .last_port = 82,
        };
        struct sockaddr_storage backend_request = { 0 };
        struct sockaddr_in *in = (void *)&backend_request;
        struct sockaddr_in6 *in6 = (void *)&backend_request;

        if (requests[_i].rule_address) {
                rule.address_family = strchr(requests[_i].rule_address, ':') ? AF_INET6 : AF_INET;
                ck_assert_int_eq(inet_pton(rule.address_family, requests[_i].rule_address, &rule.address), 1);
        }
        backend_request.ss_family = strchr(requests[_i].backend_request, ':') ? AF_INET6 : AF_INET;
        ck_assert_int_eq(
                inet_pton(backend_request.ss_family, requests[_i].backend_request,
                          backend_request.ss_family == AF_INET ? (void *)&in->sin_addr : (void *)&in6->sin6_addr),
                1);
        ck_assert_int_eq(
                nat_rule_concerns(&rule, (struct sockaddr *)&backend_request, requests[_i].protocol, requests[_i].port),
                requests[_i].concerns);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("nft-nat");
        TCase *tcase = tcase_create("all");

        tcase_add_loop_test(tcase, rule_of_a_kernel, 0, (int)ELEMENTSOF(rules));
        tcase_add_loop_test(tcase, rule_cut_short, 0, (int)ELEMENTSOF(rules));
        tcase_add_loop_test(tcase, rule_spoilt, 0, (int)ELEMENTSOF(rules));
        tcase_add_test(tcase, protocol_in_the_header);
        tcase_add_test(tcase, nothing_said);
        tcase_add_test(tcase, ports_by_xtables);
        tcase_add_loop_test(tcase, whom_it_concerns, 0, (int)ELEMENTSOF(requests));
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
