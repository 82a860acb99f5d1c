/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host: does a NAT rule hand on elsewhere what comes for the port? It is told as a note
 * and is never why bind(2) fails: sockets know nothing of rules. But somebody whose port
 * is free and whose server gets no connections has one (docker without docker-proxy,
 * kubernetes, a router's port forwarding).
 *
 * The ruleset is CAP_NET_ADMIN's to read. For whoever is not root this backend says nothing,
 * and nothing is missing from the report. Rules whose ports are in a set, a map or the rule
 * before (kubernetes) are counted, and so are those of iptables-legacy: one note says that they
 * are there and were not followed. No module is loaded by asking: nfnetlink is asked only where it is
 * there already, and xtables for a table only that is.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backends.h"
#include "backend/netlink/netlink.h"
#include "backend/netlink/nft-nat-parse.h"
#include "util/sys.h"

#define MOST_TABLES 8u
#define MOST_RULES 20000u /* of a cluster's node; 50 ms */
#define MOST_NOTES 4u
#define NAME_BYTES 64u
#define PROC_BYTES 65536u

struct nat_table {
        int family;
        char name[NFT_TABLE_MAXNAMELEN];
};

struct work {
        const struct aiu_request *request;
        struct aiu_snapshot *snapshot;
        struct nat_table tables[MOST_TABLES];
        size_t n_tables, n_rules, n_notes;
        size_t n_open;                     /* rules that may be for the port */
        char open_at[2 * NAME_BYTES + 32]; /* where the first of them is */
};

/* ------------------------------------------------------ is it there? */

/* The kernel's own socket of NETLINK_NETFILTER has the number 0: nfnetlink_net_init(). */
static bool lists_nfnetlink(char *list)
{
        char *line = list, *end;

        for (; line && *line; line = end ? end + 1 : NULL) {
                unsigned long protocol, pid;
                char *at;

                end = strchr(line, '\n');
                if (end)
                        *end = '\0';
                at = strchr(line, ' ');
                if (!at)
                        continue;
                protocol = strtoul(at, &at, 10);
                pid = strtoul(at, NULL, 10);
                if (protocol == NETLINK_NETFILTER && pid == 0)
                        return true;
        }
        return false;
}

static bool exists(const char *path)
{
        struct stat st;

        return sys_fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) >= 0;
}

/* To ask for a module that is not loaded would load it (nfnetlink_rcv_msg()). What is
 * built in and has no parameters is not in /sys/module: then so are both. */
static bool is_loaded(const struct aiu_request *request)
{
        char *list;
        bool found;

        if (sys_read_file_alloc(request->procfs, "thread-self/net/netlink", PROC_BYTES, &list, NULL) < 0)
                return false;
        found = lists_nfnetlink(list);
        free(list);
        return found && (exists("/sys/module/nf_tables") || !exists("/sys/module/nfnetlink"));
}

/* ------------------------------------------------------ asking */

static struct nl_msg *new_request(uint8_t type, int family, const char *table)
{
        struct nfgenmsg header = { .nfgen_family = (uint8_t)family };
        struct nl_msg *message = nlmsg_alloc_simple(NFNL_SUBSYS_NFTABLES << 8 | type, NLM_F_REQUEST | NLM_F_DUMP);

        if (!message)
                return NULL;
        if (nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO) < 0 ||
            (table && nla_put_string(message, NFTA_RULE_TABLE, table) < 0)) {
                nlmsg_free(message);
                return NULL;
        }
        return message;
}

static int request(struct netlink *netlink, struct work *work, uint8_t type, const struct nat_table *table,
                   netlink_handler *handler)
{
        struct nl_msg *message = new_request(type, table ? table->family : 0, table ? table->name : NULL);
        int r;

        if (!message)
                return -ENOMEM;
        r = netlink_request(netlink, work->request, message, handler, work);
        nlmsg_free(message);
        return r;
}

/* Base chains that change destinations, and the tables that they are in. */
static int take_chain(void *userdata, struct nlmsghdr *message)
{
        struct work *work = userdata;
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
        for (size_t i = 0; i < work->n_tables; i++)
                if (work->tables[i].family == header->nfgen_family && strcmp(work->tables[i].name, table) == 0)
                        return 0;
        if (work->n_tables < MOST_TABLES && strlen(table) < sizeof(work->tables[0].name)) {
                (void)snprintf(work->tables[work->n_tables].name, sizeof(work->tables[0].name), "%s", table);
                work->tables[work->n_tables++].family = header->nfgen_family;
        }
        return 0;
}

/* ------------------------------------------------------ telling */

/* Names are those of whoever administers the namespace. */
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
        struct work *work = userdata;
        const struct aiu_request *request = work->request;
        char to[INET6_ADDRSTRLEN + 16], table[NAME_BYTES], chain[NAME_BYTES], note[512];
        struct nat_rule rule;

        if (++work->n_rules > MOST_RULES || work->n_notes == MOST_NOTES)
                return -E2BIG;
        if (!nat_rule_parse(message, &rule) ||
            !nat_rule_concerns(&rule, request->address, request->protocol, request->port))
                return 0;
        plain(table, rule.table);
        plain(chain, rule.chain);
        if (rule.ports_open) {
                if (work->n_open++ == 0)
                        (void)snprintf(work->open_at, sizeof(work->open_at), "table %s %s, chain %s",
                                       family_word(rule.family), table, chain);
                return 0;
        }
        destination(to, sizeof(to), &rule);
        (void)snprintf(note, sizeof(note),
                       "a NAT rule (nftables, table %s %s, chain %s) hands on to %s what comes for port %u: "
                       "a server here may not get it. It is no reason for bind() to fail",
                       family_word(rule.family), table, chain, to, request->port);
        work->n_notes++;
        return aiu_snapshot_add_gap(work->snapshot, AIU_GAP_UNKNOWN, 0, note) == -ENOMEM ? -ENOMEM : 0;
}

static int look(struct work *work)
{
        struct netlink netlink;
        int r = netlink_open(&netlink, NETLINK_NETFILTER);

        if (r < 0)
                return r;
        r = request(&netlink, work, NFT_MSG_GETCHAIN, NULL, take_chain);
        netlink_close(&netlink);
        /* A socket for each: what is left of an answer that was cut off is not the next one's. */
        for (size_t i = 0; (r == 0 || r == -EINTR) && i < work->n_tables; i++) {
                r = netlink_open(&netlink, NETLINK_NETFILTER);
                if (r < 0)
                        return r;
                r = request(&netlink, work, NFT_MSG_GETRULE, &work->tables[i], take_rule);
                netlink_close(&netlink);
        }
        return r;
}

/* What is not followed is not silently passed over. */
static int tell_open(const struct work *work)
{
        char note[512];

        if (work->n_open == 0)
                return 0;
        (void)snprintf(
                note, sizeof(note),
                "%zu NAT rule%s (nftables, %s%s) may hand on elsewhere what comes for port %u: for which ports, a "
                "set, a map or another rule decides, and was not followed (nft list ruleset). It is no reason "
                "for bind() to fail",
                work->n_open, work->n_open == 1 ? "" : "s", work->n_open == 1 ? "" : "the first in ", work->open_at,
                work->request->port);
        return aiu_snapshot_add_gap(work->snapshot, AIU_GAP_UNKNOWN, 0, note);
}

/* Of what was not read nothing is known; that there was something is. */
static int tell_unread(const struct work *work, int error)
{
        if (error != -ETIME && (error != -E2BIG || work->n_rules <= MOST_RULES))
                return 0;
        return aiu_snapshot_add_gap(
                work->snapshot, error == -ETIME ? AIU_GAP_DEADLINE : AIU_GAP_TRUNCATED, error,
                "not all NAT rules (nftables) were read: another one may hand on elsewhere what comes "
                "for the port. It is no reason for bind() to fail");
}

/* ------------------------------------------------------ iptables-legacy */

/* struct ipt_getinfo of linux/netfilter_ipv4/ip_tables.h, and ip6t_getinfo. */
struct legacy_info {
        char name[32];
        unsigned int valid_hooks, hook_entry[5], underflow[5], n_entries, bytes;
};

#define GET_INFO 64 /* IPT_SO_GET_INFO, IP6T_SO_GET_INFO */
#define EMPTY 5u    /* a policy for each of four hooks, and the end: iptable_nat_init() */

/* Whoever asks for a table that is not there has its module loaded: xt_request_find_table_lock(). */
static bool has_legacy_table(const struct aiu_request *request, const char *list)
{
        char names[256];

        return sys_read_file(request->procfs, list, names, sizeof(names)) > 0 &&
               (strncmp(names, "nat\n", 4) == 0 || strstr(names, "\nnat\n"));
}

static bool has_legacy_rules(int family, int level)
{
        struct legacy_info info = { .name = "nat" };
        socklen_t bytes = sizeof(info);
        int fd = sys_socket(family, SOCK_DGRAM, 0), r;

        if (fd < 0)
                return false;
        r = sys_getsockopt(fd, level, GET_INFO, &info, &bytes);
        sys_close(fd);
        return r >= 0 && info.n_entries > EMPTY;
}

static int look_at_legacy(const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        bool v4 = has_legacy_table(request, "thread-self/net/ip_tables_names") && has_legacy_rules(AF_INET, IPPROTO_IP);
        bool v6 = request->address->sa_family == AF_INET6 &&
                  has_legacy_table(request, "thread-self/net/ip6_tables_names") &&
                  has_legacy_rules(AF_INET6, IPPROTO_IPV6);
        char note[256];

        if (!v4 && !v6)
                return 0;
        (void)snprintf(note, sizeof(note),
                       "iptables-legacy has NAT rules, and they were not read (%s-legacy -t nat -S): one may hand on "
                       "elsewhere what comes for port %u. It is no reason for bind() to fail",
                       v4 ? "iptables" : "ip6tables", request->port);
        return aiu_snapshot_add_gap(snapshot, AIU_GAP_UNKNOWN, 0, note);
}

/* A note is not worth more of it. */
static uint64_t quarter_of_the_time(const struct aiu_request *request)
{
        uint64_t left = aiu_request_time_left_usec(request);

        return left == UINT64_MAX ? 0 : sys_now_nsec() + left * 250;
}

static int host(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        struct aiu_request hurried = *request;
        struct work *work;
        int r;

        (void)userdata;
        /* Who is not root and has CAP_NET_ADMIN all the same misses a note; all others save the time. */
        if (request->context_flags & (AIU_CONTEXT_FIRST_HOLDER | AIU_CONTEXT_LISTENERS_ONLY) ||
            request->plain_calls_only || request->port == 0 || request->procfs < 0 ||
            request->address->sa_family == AF_UNIX || sys_geteuid() != 0)
                return AIU_PARTIAL;
        if (look_at_legacy(request, snapshot) == -ENOMEM)
                return -ENOMEM;
        if (!is_loaded(request))
                return AIU_PARTIAL;
        work = calloc(1, sizeof(*work));
        if (!work)
                return -ENOMEM;
        hurried.deadline_nsec = quarter_of_the_time(request);
        work->request = &hurried;
        work->snapshot = snapshot;
        r = look(work);
        if (r != -ENOMEM && (tell_open(work) == -ENOMEM || tell_unread(work, r) == -ENOMEM))
                r = -ENOMEM;
        free(work);
        /* Not permitted, or there is none: nothing is told, and no verdict hangs on it. */
        return r == -ENOMEM ? r : AIU_PARTIAL;
}

const struct aiu_backend backend_nft_nat = {
        .size = sizeof(struct aiu_backend),
        .name = "nft-nat",
        .host = host,
};
