/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See nft-nat-parse.h. A rule is a list of expressions that load registers and compare them; what each register holds
 * is followed as far as ports, protocol and destination go. Anything else (interfaces, sources, marks) may narrow the
 * rule: it is passed over. Where the port is compared in a way that is not understood, that is said of the rule.
 */
#include "nft-nat-parse.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <netlink/attr.h>
#include <stdlib.h>
#include <string.h>

#define N_REGISTERS 24u /* NFT_REG_1 to 4, and NFT_REG32_00 to 15 from 8 on */

enum content { OTHER, PROTOCOL, PORT, ADDRESS4, ADDRESS6, VALUE };

struct reader {
        struct nat_rule *rule;
        enum content content[N_REGISTERS];
        struct nlattr *value[N_REGISTERS];
        bool is_nat;
        bool is_lost; /* the port is compared in a way that is not understood */
};

/* struct nf_nat_range2: its header wants others of the kernel's. */
struct range2 {
        uint32_t flags;
        struct in6_addr min, max;
        uint16_t min_port, max_port;
};

/* struct nf_nat_ipv4_multi_range_compat with its one range. */
struct range4 {
        uint32_t n, flags;
        struct in_addr min, max;
        uint16_t min_port, max_port;
};

#define HAS_ADDRESS 1u /* NF_NAT_RANGE_MAP_IPS */
#define HAS_PORT 2u    /* NF_NAT_RANGE_PROTO_SPECIFIED */

static uint32_t number(struct nlattr *attribute)
{
        uint32_t n;

        if (!attribute || nla_len(attribute) < (int)sizeof(n))
                return UINT32_MAX;
        memcpy(&n, nla_data(attribute), sizeof(n));
        return ntohl(n);
}

/* A string with its NUL, or NULL. */
static const char *text(struct nlattr *attribute)
{
        if (!attribute || nla_len(attribute) < 1 || !memchr(nla_data(attribute), '\0', (size_t)nla_len(attribute)))
                return NULL;
        return nla_data(attribute);
}

/* What is behind an attribute's length is not read: nla_parse() of libnl checks that it is inside, and
 * cannot fail without a policy. */
static bool parse(struct nlattr **table, int most, struct nlattr *nest)
{
        if (nest)
                (void)nla_parse_nested(table, most, nest, NULL);
        return nest;
}

static void load(struct reader *reader, uint32_t at, enum content content, struct nlattr *value)
{
        if (at >= N_REGISTERS)
                return;
        reader->content[at] = content;
        reader->value[at] = value;
}

/* ------------------------------------------------------ expressions */

static void read_meta(struct reader *reader, struct nlattr *data)
{
        struct nlattr *a[NFTA_META_MAX + 1];

        if (parse(a, NFTA_META_MAX, data) && a[NFTA_META_DREG])
                load(reader, number(a[NFTA_META_DREG]), number(a[NFTA_META_KEY]) == NFT_META_L4PROTO ? PROTOCOL : OTHER,
                     NULL);
}

/* The destination in the headers of TCP and UDP (the same), IPv4, IPv6. */
static enum content content_at(int family, uint32_t base, uint32_t offset, uint32_t bytes)
{
        if (base == NFT_PAYLOAD_TRANSPORT_HEADER)
                return offset == 2 && bytes == 2 ? PORT : OTHER;
        if (base != NFT_PAYLOAD_NETWORK_HEADER)
                return OTHER;
        if (family != NFPROTO_IPV6 && offset == 16 && bytes == 4)
                return ADDRESS4;
        if (family != NFPROTO_IPV6 && offset == 9 && bytes == 1)
                return PROTOCOL;
        return family != NFPROTO_IPV4 && offset == 24 && bytes == 16 ? ADDRESS6 : OTHER;
}

static void read_payload(struct reader *reader, struct nlattr *data)
{
        struct nlattr *a[NFTA_PAYLOAD_MAX + 1];
        enum content content;

        if (!parse(a, NFTA_PAYLOAD_MAX, data) || !a[NFTA_PAYLOAD_DREG])
                return;
        content = content_at(reader->rule->family, number(a[NFTA_PAYLOAD_BASE]), number(a[NFTA_PAYLOAD_OFFSET]),
                             number(a[NFTA_PAYLOAD_LEN]));
        load(reader, number(a[NFTA_PAYLOAD_DREG]), content, NULL);
}

static struct nlattr *value_of(struct nlattr *data)
{
        struct nlattr *a[NFTA_DATA_MAX + 1];

        return parse(a, NFTA_DATA_MAX, data) ? a[NFTA_DATA_VALUE] : NULL;
}

static void compare_port(struct reader *reader, uint32_t operator, uint16_t port)
{
        struct nat_rule *rule = reader->rule;

        if (operator== NFT_CMP_EQ || operator== NFT_CMP_GTE)
                rule->first_port = port;
        if (operator== NFT_CMP_EQ || operator== NFT_CMP_LTE)
                rule->last_port = port;
        if (operator!= NFT_CMP_EQ && operator!= NFT_CMP_GTE && operator!= NFT_CMP_LTE)
                reader->is_lost = true;
}

static void compare_address(struct reader *reader, uint32_t operator, const struct nlattr * value, int family,
                            int bytes)
{
        if (operator!= NFT_CMP_EQ || nla_len(value) != bytes)
                return;
        reader->rule->address_family = family;
        memcpy(&reader->rule->address, nla_data(value), (size_t)bytes);
}

static void read_cmp(struct reader *reader, struct nlattr *data)
{
        struct nlattr *a[NFTA_CMP_MAX + 1], *value;
        uint32_t at, operator;
        uint16_t port;

        if (!parse(a, NFTA_CMP_MAX, data))
                return;
        at = number(a[NFTA_CMP_SREG]);
        operator= number(a[NFTA_CMP_OP]);
        value = value_of(a[NFTA_CMP_DATA]);
        if (at >= N_REGISTERS || !value)
                return;
        switch (reader->content[at]) {
        case PROTOCOL:
                if (operator== NFT_CMP_EQ && nla_len(value) == 1)
                        reader->rule->protocol = *(const uint8_t *)nla_data(value);
                break;
        case PORT:
                reader->is_lost |= nla_len(value) != sizeof(port);
                if (reader->is_lost)
                        break;
                memcpy(&port, nla_data(value), sizeof(port));
                compare_port(reader, operator, ntohs(port));
                break;
        case ADDRESS4:
                compare_address(reader, operator, value, AF_INET, 4);
                break;
        case ADDRESS6:
                compare_address(reader, operator, value, AF_INET6, 16);
                break;
        default:
                break;
        }
}

static void forget(struct reader *reader)
{
        memset(reader->content, 0, sizeof(reader->content));
}

/* A set, a map: of a port, too much to follow. */
static void lose(struct reader *reader, struct nlattr *source)
{
        uint32_t at = number(source);

        if (at >= N_REGISTERS || reader->content[at] == PORT)
                reader->is_lost = true;
        forget(reader);
}

static void read_lookup(struct reader *reader, struct nlattr *data)
{
        struct nlattr *a[NFTA_LOOKUP_MAX + 1];

        if (parse(a, NFTA_LOOKUP_MAX, data))
                lose(reader, a[NFTA_LOOKUP_SREG]);
}

static bool get_port(struct nlattr *data, uint16_t *ret)
{
        struct nlattr *value = value_of(data);

        if (!value || nla_len(value) != sizeof(*ret))
                return false;
        memcpy(ret, nla_data(value), sizeof(*ret));
        *ret = ntohs(*ret);
        return true;
}

/* So iptables-nft has "--dport 1:2"; nft(8) has it as two comparisons. */
static void read_range(struct reader *reader, struct nlattr *data)
{
        struct nlattr *a[NFTA_RANGE_MAX + 1];
        uint32_t at;

        if (!parse(a, NFTA_RANGE_MAX, data))
                return;
        at = number(a[NFTA_RANGE_SREG]);
        if (at >= N_REGISTERS || reader->content[at] != PORT)
                return;
        if (number(a[NFTA_RANGE_OP]) != NFT_RANGE_EQ || !get_port(a[NFTA_RANGE_FROM_DATA], &reader->rule->first_port) ||
            !get_port(a[NFTA_RANGE_TO_DATA], &reader->rule->last_port))
                reader->is_lost = true;
}

/* A netmask makes of an address another one. */
static void read_bitwise(struct reader *reader, struct nlattr *data)
{
        struct nlattr *a[NFTA_BITWISE_MAX + 1];

        if (parse(a, NFTA_BITWISE_MAX, data))
                lose(reader, a[NFTA_BITWISE_SREG]);
}

static void read_immediate(struct reader *reader, struct nlattr *data)
{
        struct nlattr *a[NFTA_IMMEDIATE_MAX + 1];

        if (parse(a, NFTA_IMMEDIATE_MAX, data))
                load(reader, number(a[NFTA_IMMEDIATE_DREG]), VALUE, value_of(a[NFTA_IMMEDIATE_DATA]));
}

/* ------------------------------------------------------ where to */

static void to_port(struct reader *reader, struct nlattr *reg)
{
        uint32_t at = number(reg);
        uint16_t port;

        if (at >= N_REGISTERS || reader->content[at] != VALUE || !reader->value[at] ||
            nla_len(reader->value[at]) < (int)sizeof(port))
                return;
        memcpy(&port, nla_data(reader->value[at]), sizeof(port));
        reader->rule->to_port = ntohs(port);
}

static void to_address(struct reader *reader, struct nlattr *reg)
{
        uint32_t at = number(reg);
        int n;

        if (at >= N_REGISTERS || reader->content[at] != VALUE || !reader->value[at])
                return;
        n = nla_len(reader->value[at]);
        if (n != 4 && n != 16)
                return;
        reader->rule->to_family = n == 4 ? AF_INET : AF_INET6;
        memcpy(&reader->rule->to_address, nla_data(reader->value[at]), (size_t)n);
}

static void read_nat(struct reader *reader, struct nlattr *data)
{
        struct nlattr *a[NFTA_NAT_MAX + 1];

        if (!parse(a, NFTA_NAT_MAX, data) || number(a[NFTA_NAT_TYPE]) != NFT_NAT_DNAT)
                return;
        reader->is_nat = true;
        to_address(reader, a[NFTA_NAT_REG_ADDR_MIN]);
        to_port(reader, a[NFTA_NAT_REG_PROTO_MIN]);
}

static void read_redir(struct reader *reader, struct nlattr *data)
{
        struct nlattr *a[NFTA_REDIR_MAX + 1] = { NULL };

        reader->is_nat = true;
        reader->rule->is_redirect = true;
        if (parse(a, NFTA_REDIR_MAX, data))
                to_port(reader, a[NFTA_REDIR_REG_PROTO_MIN]);
}

/* ------------------------------------------------------ xtables in nftables */

static void to_range2(struct nat_rule *rule, const struct range2 *range)
{
        if (range->flags & HAS_ADDRESS) {
                rule->to_family = rule->family == NFPROTO_IPV6 ? AF_INET6 : AF_INET;
                rule->to_address = range->min;
        }
        if (range->flags & HAS_PORT)
                rule->to_port = ntohs(range->min_port);
}

static void to_range4(struct nat_rule *rule, const struct range4 *range)
{
        if (range->flags & HAS_ADDRESS) {
                rule->to_family = AF_INET;
                memcpy(&rule->to_address, &range->min, sizeof(range->min));
        }
        if (range->flags & HAS_PORT)
                rule->to_port = ntohs(range->min_port);
}

/* DNAT is of revisions 0 (IPv4, the old range), 1 and 2; REDIRECT of 0 alone, for IPv6 with the new range. */
static void read_target(struct reader *reader, struct nlattr *data)
{
        struct nlattr *a[NFTA_TARGET_MAX + 1], *info;
        const char *name;
        struct range2 range2;
        struct range4 range4;

        if (!parse(a, NFTA_TARGET_MAX, data))
                return;
        name = text(a[NFTA_TARGET_NAME]);
        info = a[NFTA_TARGET_INFO];
        if (!name || (strcmp(name, "DNAT") != 0 && strcmp(name, "REDIRECT") != 0))
                return;
        reader->is_nat = true;
        reader->rule->is_redirect = name[0] == 'R';
        if (!info)
                return;
        if (nla_len(info) >= (int)sizeof(range2)) {
                memcpy(&range2, nla_data(info), sizeof(range2));
                to_range2(reader->rule, &range2);
        } else if (nla_len(info) >= (int)sizeof(range4)) {
                memcpy(&range4, nla_data(info), sizeof(range4));
                to_range4(reader->rule, &range4);
        }
}

/* "-m tcp --dport": iptables-nft before 1.8.8 left it to xtables. */
static void read_match(struct reader *reader, struct nlattr *data)
{
        struct nlattr *a[NFTA_MATCH_MAX + 1];
        const char *name;
        struct xt_tcp tcp;
        struct xt_udp udp = { 0 };
        bool inverted;

        if (!parse(a, NFTA_MATCH_MAX, data))
                return;
        name = text(a[NFTA_MATCH_NAME]);
        if (!name || !a[NFTA_MATCH_INFO])
                return;
        if (strcmp(name, "tcp") == 0 && nla_len(a[NFTA_MATCH_INFO]) >= (int)sizeof(tcp)) {
                memcpy(&tcp, nla_data(a[NFTA_MATCH_INFO]), sizeof(tcp));
                inverted = tcp.invflags & XT_TCP_INV_DSTPT;
                memcpy(&udp.dpts, &tcp.dpts, sizeof(udp.dpts));
        } else if (strcmp(name, "udp") == 0 && nla_len(a[NFTA_MATCH_INFO]) >= (int)sizeof(udp)) {
                memcpy(&udp, nla_data(a[NFTA_MATCH_INFO]), sizeof(udp));
                inverted = udp.invflags & XT_UDP_INV_DSTPT;
        } else {
                reader->is_lost = reader->is_lost || strcmp(name, "multiport") == 0;
                return;
        }
        if (udp.dpts[0] == 0 && udp.dpts[1] == UINT16_MAX)
                return;
        reader->is_lost = reader->is_lost || inverted;
        reader->rule->protocol = name[0] == 't' ? IPPROTO_TCP : IPPROTO_UDP;
        reader->rule->first_port = udp.dpts[0];
        reader->rule->last_port = udp.dpts[1];
}

/* ------------------------------------------------------ rules */

static const struct {
        const char *name;
        void (*read)(struct reader *reader, struct nlattr *data);
} expressions[] = {
        { "meta", read_meta },           { "payload", read_payload }, { "cmp", read_cmp },
        { "lookup", read_lookup },       { "range", read_range },     { "bitwise", read_bitwise },
        { "immediate", read_immediate }, { "nat", read_nat },         { "redir", read_redir },
        { "target", read_target },       { "match", read_match },
};

static void read_expression(struct reader *reader, struct nlattr *element)
{
        struct nlattr *a[NFTA_EXPR_MAX + 1] = { NULL };
        const char *name;

        (void)parse(a, NFTA_EXPR_MAX, element);
        name = text(a[NFTA_EXPR_NAME]);
        for (size_t i = 0; name && i < sizeof(expressions) / sizeof(expressions[0]); i++) {
                if (strcmp(name, expressions[i].name) == 0) {
                        expressions[i].read(reader, a[NFTA_EXPR_DATA]);
                        return;
                }
        }
        forget(reader); /* it may have loaded any register */
}

bool nat_rule_parse(const struct nlmsghdr *message, struct nat_rule *ret)
{
        const struct nfgenmsg *header = NLMSG_DATA(message);
        struct reader reader = { .rule = ret };
        struct nlattr *a[NFTA_RULE_MAX + 1], *element;
        int left;

        *ret = (struct nat_rule){ 0 };
        if (message->nlmsg_len < NLMSG_LENGTH(sizeof(*header)))
                return false;
        (void)nla_parse(a, NFTA_RULE_MAX,
                        (struct nlattr *)(uintptr_t)((const char *)header + NLMSG_ALIGN(sizeof(*header))),
                        (int)(message->nlmsg_len - NLMSG_LENGTH(sizeof(*header))), NULL);
        ret->family = header->nfgen_family;
        ret->table = text(a[NFTA_RULE_TABLE]);
        ret->chain = text(a[NFTA_RULE_CHAIN]);
        if (!ret->table || !ret->chain || !a[NFTA_RULE_EXPRESSIONS])
                return false;
        nla_for_each_nested(element, a[NFTA_RULE_EXPRESSIONS], left)
        {
                read_expression(&reader, element);
        }
        ret->ports_open = reader.is_lost || ret->first_port == 0 || ret->last_port < ret->first_port;
        return reader.is_nat;
}

/* ------------------------------------------------------ which traffic it concerns */

/* As the kernel sees an IPv4 address that is mapped into IPv6. */
static bool is_ipv4(const struct sockaddr *address, struct in6_addr *ret)
{
        const struct sockaddr_in *in = (const void *)address;
        const struct sockaddr_in6 *in6 = (const void *)address;

        if (address->sa_family == AF_INET) {
                memcpy(ret, &in->sin_addr, 4);
                return true;
        }
        *ret = in6->sin6_addr;
        if (!IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
                return false;
        memcpy(ret, &in6->sin6_addr.s6_addr[12], 4);
        return true;
}

bool nat_rule_concerns(const struct nat_rule *rule, const struct sockaddr *address, int protocol, uint16_t port)
{
        static const struct in6_addr any;
        struct in6_addr asked;
        bool v4;

        if ((rule->protocol && rule->protocol != protocol) ||
            (!rule->ports_open && (port < rule->first_port || port > rule->last_port)))
                return false;
        v4 = is_ipv4(address, &asked);
        if (v4 && rule->family == NFPROTO_IPV6)
                return false;
        if (memcmp(&asked, &any, v4 ? 4 : 16) == 0) /* [::] serves IPv4 as well */
                return !v4 || rule->address_family != AF_INET6;
        if (!v4 && (rule->family == NFPROTO_IPV4 || rule->address_family == AF_INET))
                return false;
        if (rule->address_family == AF_UNSPEC)
                return true;
        return rule->address_family == (v4 ? AF_INET : AF_INET6) && memcmp(&asked, &rule->address, v4 ? 4 : 16) == 0;
}
