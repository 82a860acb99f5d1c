/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Backend "proc-address": is the address one of this host's, from /proc/net, where netlink is refused. Asked after
 * "route" and silent when that has told. It knows the local table (fib_trie) and the IPv6 addresses (if_inet6), but
 * no policy rules and no VRF: with a device in the question it says nothing.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backends.h"
#include "util/sys.h"

#define MOST_BYTES (1u << 20) /* a table of ten thousand addresses */
#define TENTATIVE 0x40u       /* IFA_F_TENTATIVE */
#define DADFAILED 0x08u       /* IFA_F_DADFAILED: another host has it */
#define OPTIMISTIC 0x04u      /* IFA_F_OPTIMISTIC: may be used while it is tentative */

static const char *skip_blanks(const char *at)
{
        return at + strspn(at, " ");
}

/* bind() takes what is routed to this host, and what is sent to many: inet_addr_valid_or_nonlocal(). */
static bool is_bindable(const char *type)
{
        return strncmp(type, "LOCAL", 5) == 0 || strncmp(type, "BROADCAST", 9) == 0 ||
               strncmp(type, "MULTICAST", 9) == 0;
}

static bool covers(in_addr_t network, unsigned int length, in_addr_t ip)
{
        uint32_t mask = length == 0 ? 0 : UINT32_MAX << (32 - length);

        return length <= 32 && ((ntohl(network) ^ ntohl(ip)) & mask) == 0;
}

struct match {
        in_addr_t ip;
        in_addr_t leaf; /* "|-- 127.0.0.0": what the lines below it are about */
        int longest;    /* prefix length; -1 = none yet */
        bool local;
};

/* Where one is not here, those that are go into `snapshot`. */
static int tell(struct aiu_snapshot *snapshot, const void *address, size_t bytes, const char *device)
{
        struct aiu_address_fact fact = {
                .size = sizeof(fact), .address = address, .address_len = (socklen_t)bytes, .device = device
        };
        int r = aiu_snapshot_add_address(snapshot, &fact);

        return r == -ENOMEM ? r : 0;
}

static void take_leaf(struct match *match, const char *text)
{
        char ip[INET_ADDRSTRLEN] = "";
        size_t n = strcspn(text, " \n");

        if (n < sizeof(ip))
                memcpy(ip, text, n);
        if (inet_pton(AF_INET, ip, &match->leaf) != 1)
                match->leaf = INADDR_NONE;
}

/* "/8 host LOCAL": the longest prefix decides, as in fib_table_lookup(). */
static void take_prefix(struct match *match, const char *text)
{
        char *end;
        unsigned long length = strtoul(text, &end, 10);
        const char *type = skip_blanks(end);

        type = skip_blanks(type + strcspn(type, " \n"));
        if (length > 32 || !covers(match->leaf, (unsigned int)length, match->ip) || (int)length < match->longest)
                return;
        /* Two tables may have the same prefix: one that is local is enough. */
        match->local = is_bindable(type) || (match->local && (int)length == match->longest);
        match->longest = (int)length;
}

static enum aiu_tristate find_v4(const char *text, in_addr_t ip)
{
        struct match match = { .ip = ip, .leaf = INADDR_NONE, .longest = -1 };

        for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
                const char *line = skip_blanks(text);

                if (strncmp(line, "|-- ", 4) == 0)
                        take_leaf(&match, line + 4);
                else if (line[0] == '/')
                        take_prefix(&match, line + 1);
        }
        return match.longest < 0 || !match.local ? AIU_TRISTATE_NO : AIU_TRISTATE_YES;
}

/* "00000000000000000000000000000001 01 80 10 80       lo" */
static bool line_is(const char *line, const struct in6_addr *ip, unsigned int *ret_flags)
{
        char hex[33];
        unsigned int index, length, scope;

        for (size_t i = 0; i < 16; i++)
                (void)snprintf(hex + 2 * i, 3, "%02x", ip->s6_addr[i]);
        return strncmp(line, hex, 32) == 0 && sscanf(line + 32, "%x %x %x %x", &index, &length, &scope, ret_flags) == 4;
}

/* A failed detection leaves the address tentative for good: waiting is of no use. */
static void take_flags(unsigned int flags, struct aiu_host_fact *fact)
{
        bool usable = !(flags & TENTATIVE) || flags & OPTIMISTIC;

        fact->address_tentative = !usable && !(flags & DADFAILED) ? AIU_TRISTATE_YES : AIU_TRISTATE_NO;
        fact->address_duplicate = !usable && flags & DADFAILED ? AIU_TRISTATE_YES : AIU_TRISTATE_NO;
        if (usable)
                fact->address_local = AIU_TRISTATE_YES;
}

static void find_v6(const char *text, const struct in6_addr *ip, struct aiu_host_fact *fact)
{
        unsigned int flags;

        fact->address_local = AIU_TRISTATE_NO;
        for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
                if (!line_is(text, ip, &flags))
                        continue;
                take_flags(flags, fact);
        }
}

/* "/32 host LOCAL" below an address: this host has it. */
static int tell_v4(const char *text, struct aiu_snapshot *snapshot)
{
        struct match match = { .leaf = INADDR_NONE };
        int r = 0;

        for (; *text && r == 0; text += strcspn(text, "\n"), text += *text == '\n') {
                const char *line = skip_blanks(text);
                struct sockaddr_in in = { .sin_family = AF_INET };

                if (strncmp(line, "|-- ", 4) == 0)
                        take_leaf(&match, line + 4);
                if (strncmp(line, "/32 host LOCAL", 14) != 0 || match.leaf == INADDR_NONE)
                        continue;
                in.sin_addr.s_addr = match.leaf;
                r = tell(snapshot, &in, sizeof(in), NULL);
        }
        return r;
}

/* One line of if_inet6, as line_is() has it; false = it is none. */
static bool read_v6(const char *line, struct sockaddr_in6 *ret, unsigned int *ret_flags, char device[IF_NAMESIZE])
{
        unsigned int index, length, scope, byte;

        *ret = (struct sockaddr_in6){ .sin6_family = AF_INET6 };
        for (size_t i = 0; i < 16; i++) {
                if (sscanf(line + 2 * i, "%2x", &byte) != 1)
                        return false;
                ret->sin6_addr.s6_addr[i] = (uint8_t)byte;
        }
        if (sscanf(line + 32, " %x %x %x %x %15s", &index, &length, &scope, ret_flags, device) != 5)
                return false;
        if (IN6_IS_ADDR_LINKLOCAL(&ret->sin6_addr))
                ret->sin6_scope_id = index;
        return true;
}

static int tell_v6(const char *text, struct aiu_snapshot *snapshot)
{
        int r = 0;

        for (; *text && r == 0; text += strcspn(text, "\n"), text += *text == '\n') {
                struct sockaddr_in6 in6;
                char device[IF_NAMESIZE];
                unsigned int flags;

                if (strcspn(text, "\n") > 32 && read_v6(text, &in6, &flags, device) &&
                    (!(flags & TENTATIVE) || flags & OPTIMISTIC))
                        r = tell(snapshot, &in6, sizeof(in6), device);
        }
        return r;
}

static int read_table(const struct aiu_request *request, const char *name, char **ret_text)
{
        char path[64];
        size_t bytes;

        (void)snprintf(path, sizeof(path), "thread-self/net/%s", name);
        return sys_read_file_alloc(request->procfs, path, MOST_BYTES, ret_text, &bytes);
}

static int look_up_v4(const struct aiu_request *request, in_addr_t ip, struct aiu_host_fact *fact,
                      struct aiu_snapshot *snapshot)
{
        char *text;
        int r = read_table(request, "fib_trie", &text);

        if (r < 0)
                return r;
        fact->address_local = find_v4(text, ip);
        if (fact->address_local == AIU_TRISTATE_NO)
                r = tell_v4(text, snapshot);
        free(text);
        return r;
}

static int look_up_v6(const struct aiu_request *request, struct aiu_host_fact *fact, struct aiu_snapshot *snapshot)
{
        const struct sockaddr_in6 *in6 = (const void *)request->address;
        in_addr_t v4;
        char *text;
        int r;

        if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
                memcpy(&v4, &in6->sin6_addr.s6_addr[12], sizeof(v4));
                return look_up_v4(request, v4, fact, snapshot);
        }
        /* Which interface has it would matter as well. */
        if (IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr))
                return 0;
        r = read_table(request, "if_inet6", &text);
        if (r < 0)
                return r;
        find_v6(text, &in6->sin6_addr, fact);
        if (fact->address_local == AIU_TRISTATE_NO)
                r = tell_v6(text, snapshot);
        free(text);
        return r;
}

static int host(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        struct aiu_host_fact known = { .size = sizeof(known) }, fact = { .size = sizeof(fact) };
        int r;

        (void)userdata;
        if ((request->address->sa_family != AF_INET && request->address->sa_family != AF_INET6) ||
            request->ifindex != 0 || request->procfs < 0 || !aiu_snapshot_get_host(snapshot, &known) ||
            known.address_local != AIU_TRISTATE_UNKNOWN)
                return AIU_PARTIAL;
        if (request->address->sa_family == AF_INET)
                r = look_up_v4(request, ((const struct sockaddr_in *)(const void *)request->address)->sin_addr.s_addr,
                               &fact, snapshot);
        else
                r = look_up_v6(request, &fact, snapshot);
        if (r == 0)
                r = aiu_snapshot_add_host(snapshot, &fact);
        return r < 0 ? r : AIU_PARTIAL;
}

const struct aiu_backend backend_proc_address = {
        .size = sizeof(struct aiu_backend),
        .name = "proc-address",
        .host = host,
};
