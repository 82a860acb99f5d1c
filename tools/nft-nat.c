/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The backend "nft-nat" of the command: does a NAT rule redirect traffic for the port? bind(2) knows nothing of
 * rules, so this is never why it fails. But a server whose port is free and that gets no connections may have such a
 * rule before it (docker without docker-proxy, kubernetes, port forwarding of a router). A daemon does not ask that
 * on its error path, so the library does not look.
 *
 * Only CAP_NET_ADMIN may read the ruleset. For other users this backend says nothing, and the report lacks nothing.
 * Rules whose ports are in a set, in a map or in the rule that leads to their chain (kubernetes) are counted, and so
 * are those of iptables-legacy: one note says that they were not followed. Asking loads no module: see is_loaded()
 * and has_legacy_table().
 */
#include "nft-nat.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nft-nat-dump.h"
#include "nft-nat-parse.h"

#define MOST_TABLES 8u
#define MOST_RULES 20000u /* of a cluster's node; 50 ms */
#define MOST_NOTES 4u
#define NAME_BYTES 64u
#define NO_REASON "bind() does not fail because of it"

struct nat_table {
        int family;
        char name[NFT_TABLE_MAXNAMELEN];
};

struct search {
        const struct aiu_request *request;
        struct aiu_snapshot *snapshot;
        struct nat_table tables[MOST_TABLES];
        size_t n_tables, n_rules, n_notes;
        size_t n_open;                     /* rules that may be for the port */
        char open_at[2 * NAME_BYTES + 32]; /* where the first of them is */
};

/* ------------------------------------------------------ is it there? */

static FILE *open_proc(const struct aiu_request *request, const char *name)
{
        int fd = openat(request->procfs, name, O_RDONLY | O_CLOEXEC);
        FILE *file = fd < 0 ? NULL : fdopen(fd, "r");

        if (fd >= 0 && !file)
                close(fd);
        return file;
}

/* The kernel's own socket of NETLINK_NETFILTER has the number 0: nfnetlink_net_init(). */
static bool lists_nfnetlink(FILE *list)
{
        char line[256];
        int protocol;
        unsigned int port;

        while (fgets(line, sizeof(line), list))
                if (sscanf(line, "%*s %d %u", &protocol, &port) == 2 && protocol == NETLINK_NETFILTER && port == 0)
                        return true;
        return false;
}

/* A request for a module that is not loaded would load it (nfnetlink_rcv_msg()). A module that is
 * built in and has no parameters is not in /sys/module: then neither of the two is. */
static bool is_loaded(const struct aiu_request *request)
{
        FILE *list = open_proc(request, "thread-self/net/netlink");
        bool found = list && lists_nfnetlink(list);

        if (list)
                fclose(list);
        return found && (access("/sys/module/nf_tables", F_OK) == 0 || access("/sys/module/nfnetlink", F_OK) != 0);
}

/* ------------------------------------------------------ reading */

/* The tables that have a base chain of type nat. */
static int take_chain(void *userdata, struct nlmsghdr *message)
{
        struct search *search = userdata;
        const struct nfgenmsg *header = nlmsg_data(message);
        struct nlattr *a[NFTA_CHAIN_MAX + 1];
        const char *table, *type;

        if (nlmsg_parse(message, sizeof(*header), a, NFTA_CHAIN_MAX, NULL) < 0 || !a[NFTA_CHAIN_TABLE] ||
            !a[NFTA_CHAIN_TYPE] || !a[NFTA_CHAIN_HOOK])
                return 0;
        table = nla_data(a[NFTA_CHAIN_TABLE]);
        type = nla_data(a[NFTA_CHAIN_TYPE]);
        if (nla_len(a[NFTA_CHAIN_TYPE]) != sizeof("nat") || memcmp(type, "nat", sizeof("nat")) != 0 ||
            !memchr(table, '\0', (size_t)nla_len(a[NFTA_CHAIN_TABLE])))
                return 0;
        for (size_t i = 0; i < search->n_tables; i++)
                if (search->tables[i].family == header->nfgen_family && strcmp(search->tables[i].name, table) == 0)
                        return 0;
        if (search->n_tables < MOST_TABLES && strlen(table) < sizeof(search->tables[0].name)) {
                (void)snprintf(search->tables[search->n_tables].name, sizeof(search->tables[0].name), "%s", table);
                search->tables[search->n_tables++].family = header->nfgen_family;
        }
        return 0;
}

/* ------------------------------------------------------ telling */

/* root of the namespace chose the names. */
static void plain(char to[NAME_BYTES], const char *name)
{
        size_t i;

        for (i = 0; name[i] && i + 1 < NAME_BYTES; i++)
                to[i] = (char)(name[i] > 0x20 && name[i] < 0x7f ? name[i] : '?');
        to[i] = '\0';
}

static void destination(char *to, size_t bytes, const struct nat_rule *rule)
{
        char ip[INET6_ADDRSTRLEN] = "";
        bool v6 = rule->to_family == AF_INET6;

        if (rule->to_family != AF_UNSPEC)
                (void)inet_ntop(rule->to_family, &rule->to_address, ip, sizeof(ip));
        if (ip[0] && rule->to_port)
                (void)snprintf(to, bytes, "%s%s%s:%u", v6 ? "[" : "", ip, v6 ? "]" : "", rule->to_port);
        else if (ip[0])
                (void)snprintf(to, bytes, "%s", ip);
        else if (rule->to_port)
                (void)snprintf(to, bytes, "%sport %u", rule->is_redirect ? "this host's " : "", rule->to_port);
        else
                (void)snprintf(to, bytes, "%s", rule->is_redirect ? "this host" : "another address");
}

static const char *family_word(int family)
{
        return family == NFPROTO_IPV4 ? "ip" : family == NFPROTO_IPV6 ? "ip6" : "inet";
}

static int take_rule(void *userdata, struct nlmsghdr *message)
{
        struct search *search = userdata;
        const struct aiu_request *request = search->request;
        char to[INET6_ADDRSTRLEN + 16], table[NAME_BYTES], chain[NAME_BYTES], note[512];
        struct nat_rule rule;

        if (++search->n_rules > MOST_RULES || search->n_notes == MOST_NOTES)
                return -E2BIG;
        if (!nat_rule_parse(message, &rule) ||
            !nat_rule_concerns(&rule, request->address, request->protocol, request->port))
                return 0;
        plain(table, rule.table);
        plain(chain, rule.chain);
        if (rule.ports_open) {
                if (search->n_open++ == 0)
                        (void)snprintf(search->open_at, sizeof(search->open_at), "table %s %s, chain %s",
                                       family_word(rule.family), table, chain);
                return 0;
        }
        destination(to, sizeof(to), &rule);
        (void)snprintf(note, sizeof(note),
                       "a NAT rule (nftables, table %s %s, chain %s) redirects traffic for port %u to %s: "
                       "a server here may not receive it. " NO_REASON,
                       family_word(rule.family), table, chain, request->port, to);
        search->n_notes++;
        return aiu_snapshot_add_gap(search->snapshot, AIU_GAP_NOTE, 0, note) == -ENOMEM ? -ENOMEM : 0;
}

static int read_rules(struct search *search)
{
        int r = nft_dump(search->request, NFT_MSG_GETCHAIN, 0, NULL, take_chain, search);

        for (size_t i = 0; r == 0 && i < search->n_tables; i++)
                r = nft_dump(search->request, NFT_MSG_GETRULE, search->tables[i].family, search->tables[i].name,
                             take_rule, search);
        return r;
}

/* Rules that were not followed. */
static int tell_open(const struct search *search)
{
        char note[512];

        if (search->n_open == 0)
                return 0;
        (void)snprintf(note, sizeof(note),
                       "%zu NAT rule%s (nftables, %s%s) may redirect traffic for port %u: a set, a map or another "
                       "rule decides for which ports, and was not followed (nft list ruleset). " NO_REASON,
                       search->n_open, search->n_open == 1 ? "" : "s", search->n_open == 1 ? "" : "the first in ",
                       search->open_at, search->request->port);
        return aiu_snapshot_add_gap(search->snapshot, AIU_GAP_NOTE, 0, note);
}

/* Some rules were not read. */
static int tell_unread(const struct search *search, int error)
{
        if (error != -ETIME && error != -EINTR && error != -ENOBUFS &&
            (error != -E2BIG || search->n_rules <= MOST_RULES))
                return 0;
        return aiu_snapshot_add_gap(
                search->snapshot, error == -ETIME ? AIU_GAP_DEADLINE : AIU_GAP_TRUNCATED, error,
                "not all NAT rules (nftables) were read: another one may redirect traffic for the port. " NO_REASON);
}

/* ------------------------------------------------------ iptables-legacy */

/* struct ipt_getinfo of linux/netfilter_ipv4/ip_tables.h, and ip6t_getinfo. */
struct legacy_info {
        char name[32];
        unsigned int valid_hooks, hook_entry[5], underflow[5], n_entries, bytes;
};

#define GET_INFO 64 /* IPT_SO_GET_INFO, IP6T_SO_GET_INFO */
#define EMPTY 5u    /* a policy for each of four hooks, and the end: iptable_nat_init() */

/* To ask for a table that does not exist would load its module: xt_request_find_table_lock(). */
static bool has_legacy_table(const struct aiu_request *request, const char *list)
{
        FILE *names = open_proc(request, list);
        char line[64];
        bool found = false;

        while (names && !found && fgets(line, sizeof(line), names))
                found = strcmp(line, "nat\n") == 0;
        if (names)
                fclose(names);
        return found;
}

static bool has_legacy_rules(int family, int level)
{
        struct legacy_info info = { .name = "nat" };
        socklen_t bytes = sizeof(info);
        int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

        if (fd < 0)
                return false;
        r = getsockopt(fd, level, GET_INFO, &info, &bytes);
        close(fd);
        return r == 0 && info.n_entries > EMPTY;
}

static int tell_legacy(const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        bool v4 = has_legacy_table(request, "thread-self/net/ip_tables_names") && has_legacy_rules(AF_INET, IPPROTO_IP);
        bool v6 = request->address->sa_family == AF_INET6 &&
                  has_legacy_table(request, "thread-self/net/ip6_tables_names") &&
                  has_legacy_rules(AF_INET6, IPPROTO_IPV6);
        char note[256];

        if (!v4 && !v6)
                return 0;
        (void)snprintf(note, sizeof(note),
                       "iptables-legacy has NAT rules, which were not read (%s-legacy -t nat -S): one may redirect "
                       "traffic for port %u. " NO_REASON,
                       v4 ? "iptables" : "ip6tables", request->port);
        return aiu_snapshot_add_gap(snapshot, AIU_GAP_NOTE, 0, note);
}

/* A note is not worth more than a quarter of the time. */
static uint64_t early_deadline(const struct aiu_request *request)
{
        return request->deadline_nsec ? request->deadline_nsec - aiu_request_time_left_usec(request) * 750 : 0;
}

static int host(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        struct aiu_request hurried = *request;
        struct search search = { .request = &hurried, .snapshot = snapshot };
        int r;

        (void)userdata;
        /* A user with CAP_NET_ADMIN who is not root misses a note. All others save the time. */
        if (request->context_flags & (AIU_CONTEXT_FIRST_HOLDER | AIU_CONTEXT_LISTENERS_ONLY) ||
            request->plain_calls_only || request->port == 0 || request->procfs < 0 ||
            (request->address->sa_family != AF_INET && request->address->sa_family != AF_INET6) || geteuid() != 0)
                return AIU_PARTIAL;
        if (tell_legacy(request, snapshot) == -ENOMEM)
                return -ENOMEM;
        if (!is_loaded(request))
                return AIU_PARTIAL;
        hurried.deadline_nsec = early_deadline(request);
        r = read_rules(&search);
        if (r != -ENOMEM && (tell_open(&search) == -ENOMEM || tell_unread(&search, r) == -ENOMEM))
                r = -ENOMEM;
        /* Other errors: not permitted, or no nf_tables. No verdict depends on it. */
        return r == -ENOMEM ? r : AIU_PARTIAL;
}

const struct aiu_backend backend_nft_nat = {
        .size = sizeof(struct aiu_backend),
        .name = "nft-nat",
        .host = host,
};
