/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bind() to port 0, and listen() without a bind(): the kernel looks for a port in
 * ip_local_port_range. EADDRINUSE means that it met none that is free for this
 * address. Pure.
 *
 * Sources: net/ipv4/inet_connection_sock.c, inet_sk_get_local_port_range(),
 * inet_csk_find_open_port(); net/ipv4/udp.c, udp_lib_get_port(). What no manual
 * says, and a running kernel does (tests/live/test-port0.c):
 *
 *  - A TCP range with an odd number of ports is not searched as a whole. The loop
 *    makes pairs ("remaining &= ~1U") and begins at random, so that of the first
 *    and the last port it meets one, by chance; of three ports it never meets
 *    the third. If the one that is free is one of those, the same bind() fails
 *    now and succeeds then.
 *  - With SO_REUSEADDR the lower half is searched first, then the rest, each as a
 *    range of its own: what is odd then is the rest.
 *  - UDP looks at every port.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/address.h"
#include "rules/conflict.h"
#include "rules/kernel-versions.h"
#include "rules/port-search.h"

bool range_requested(const struct request *q)
{
        if (!address_is_ip(&q->address) || address_port(&q->address) != 0)
                return false;
        /* IP_BIND_ADDRESS_NO_PORT: only listen() will want one. */
        return !q->port_later || q->listen || q->call == AIU_CALL_LISTEN;
}

static bool within(int port, int first, int last)
{
        return first <= port && port <= last;
}

/* Each end of IP_LOCAL_PORT_RANGE counts if it lies in the sysctl's range, for itself. */
bool range_bounds(const struct request *q, const struct host *host, int *ret_first, int *ret_last)
{
        int first = host->port_range_first, last = host->port_range_last;

        if (first <= 0 || last < first || last >= (int)PORTS)
                return false;
        if (q->low_port && within(q->low_port, host->port_range_first, host->port_range_last))
                first = q->low_port;
        if (q->high_port && within(q->high_port, host->port_range_first, host->port_range_last))
                last = q->high_port;
        /* setsockopt(2) takes none that ends before it begins. */
        if (last < first)
                return false;
        *ret_first = first;
        *ret_last = last;
        return true;
}

uint16_t range_port(const struct port_entry *entry)
{
        /* sin_port and sin6_port are in one place. */
        return ntohs(entry->local.in.sin_port);
}

struct socket range_socket(const struct port_entry *entry)
{
        struct socket s = {
                .type = entry->type,
                .protocol = entry->protocol,
                .state = (enum aiu_state)entry->state,
                .inode = entry->inode,
                .cookie = entry->cookie,
                .uid = entry->uid,
                .ifindex = entry->ifindex,
                .l3mdev = entry->l3mdev,
                .maybe_unbound = entry->maybe_unbound,
                .minisock = entry->minisock,
                .autobound = (tristate)entry->autobound,
                .reuseaddr = (tristate)entry->reuseaddr,
                .reuseport = (tristate)entry->reuseport,
                .v6only = (tristate)entry->v6only,
                .expires_usec = entry->expires_usec,
        };

        if (entry->local.any.sa_family == AF_INET) {
                s.local.len = sizeof(entry->local.in);
                s.local.sa.in = entry->local.in;
        } else {
                s.local.len = sizeof(entry->local.in6);
                s.local.sa.in6 = entry->local.in6;
        }
        return s;
}

/* ------------------------------------------------------ the map */

/* "1,2,10-20", as the kernel prints its bitmap (proc_do_large_bitmap()). */
static void mark_reserved(struct range_map *map, const char *text)
{
        while (*text) {
                char *end;
                long first = strtol(text, &end, 10), last = first;

                if (end == text)
                        return;
                if (*end == '-')
                        last = strtol(end + 1, &end, 10);
                for (long port = first < 0 ? 0 : first; port <= last && port < (long)PORTS; port++)
                        map->ports[port] |= PORT_RESERVED;
                text = end + (*end == ',');
        }
}

/* What makes it doubtful: no option and no kernel means the devices. */
static uint32_t doubt_of(const struct judgement *j)
{
        bool devices = j->blocking == UNKNOWN && j->decides == 0 && j->kernel == 0;

        return devices ? DOUBT_DEVICE : DOUBT_HOLDER_OPTION;
}

static void mark(struct range_map *map, unsigned char *port, struct judgement j, enum after after, int taken,
                 int doubtful)
{
        tristate blocking = after == AFTER_STAYS ? j.blocking : tri_and(j.blocking, UNKNOWN);

        if (blocking == YES)
                *port |= (unsigned char)taken;
        if (blocking != UNKNOWN)
                return;
        *port |= (unsigned char)doubtful;
        map->doubtful |= doubt_of(&j);
}

static void mark_entries(struct range_map *map, const struct port_table *table)
{
        for (size_t i = 0; i < table->n_entries; i++) {
                enum after after = table->after ? table->after[table->n_sockets + i] : AFTER_STAYS;
                unsigned char *port = &map->ports[range_port(&table->entries[i])];
                struct socket socket;

                if (after == AFTER_GONE || *port & PORT_RESERVED ||
                    !within(range_port(&table->entries[i]), map->range.first, map->range.last))
                        continue;
                socket = range_socket(&table->entries[i]);
                mark(map, port, conflict_judge_search(table->request, &socket, table->host, map->relaxed), after,
                     PORT_TAKEN, PORT_DOUBTFUL);
                if (map->relaxed)
                        mark(map, port, conflict_judge_search(table->request, &socket, table->host, false), after,
                             PORT_FIRST_TAKEN, PORT_FIRST_DOUBTFUL);
        }
}

/* ------------------------------------------------------ the search */

struct search {
        const struct range_map *map;
        const struct port_table *table;
        int taken, doubtful; /* the PORT_* of this round */
        uint32_t doubts;     /* why an answer is not known */
};

/* Is this port free, in this round? */
static tristate is_free(struct search *s, int port)
{
        unsigned char bits = s->map->ports[port];

        if (bits & (PORT_RESERVED | s->taken))
                return NO;
        if (bits & s->doubtful)
                s->doubts |= s->map->doubtful;
        else if (!s->table->sockets_complete)
                s->doubts |= DOUBT_SOCKETS;
        else if (!s->table->host->reserved_ports)
                s->doubts |= DOUBT_RANGE;
        else
                return YES;
        return UNKNOWN;
}

/* The kernel tries one of these two ports, at random. */
static tristate search_either(struct search *s, int a, int b)
{
        tristate x = is_free(s, a), y = is_free(s, b);

        if (x == y)
                return x;
        s->doubts |= DOUBT_SEARCH;
        return UNKNOWN;
}

/* TCP's loop over [low, high): inet_csk_find_open_port(). */
static tristate search_pairs(struct search *s, int low, int high)
{
        int n = high - low;
        bool odd = n > 1 && n % 2 == 1;
        tristate found = NO;

        /* Of three ports the first two: the random beginning has only one value. */
        if (n == 3)
                return tri_or(is_free(s, low), is_free(s, low + 1));
        for (int port = odd ? low + 1 : low; port < (odd ? high - 1 : high); port++) {
                found = tri_or(found, is_free(s, port));
                if (found == YES)
                        return YES;
        }
        return odd ? tri_or(found, search_either(s, low, high - 1)) : found;
}

static tristate search_all(struct search *s)
{
        const struct range *r = &s->map->range;
        int low = r->first, high = r->last + 1, half = low + (((high - low) >> 2) << 1);
        tristate found = NO;

        if (conflict_protocol(s->table->request) == IPPROTO_TCP) {
                if (!s->table->request->reuseaddr || high - low < 4)
                        return search_pairs(s, low, high);
                return tri_or(search_pairs(s, low, half), search_pairs(s, half, high));
        }
        for (int port = low; port < high && found != YES; port++)
                found = tri_or(found, is_free(s, port));
        return found;
}

/* A first round by the strict rule, and a second one if the sysctl says so. */
static void search(struct range_map *map, const struct port_table *table)
{
        struct search s = { .map = map, .table = table, .taken = PORT_TAKEN, .doubtful = PORT_DOUBTFUL };
        struct search first = {
                .map = map, .table = table, .taken = PORT_FIRST_TAKEN, .doubtful = PORT_FIRST_DOUBTFUL
        };
        tristate last_round = search_all(&s), first_round;

        map->range.found = last_round;
        map->range.doubts = s.doubts;
        if (!map->relaxed || table->host->autobind_reuse == YES || last_round == NO)
                return;
        /* Whether there is a second round is not known. */
        first_round = search_all(&first);
        map->range.found = first_round == YES ? YES : UNKNOWN;
        map->range.doubts = first.doubts | s.doubts | DOUBT_RANGE;
}

static void count(struct range_map *map, const struct port_table *table)
{
        struct search s = { .map = map, .table = table, .taken = PORT_TAKEN, .doubtful = PORT_DOUBTFUL };
        struct range *r = &map->range;

        for (int port = r->first; port <= r->last; port++) {
                if (map->ports[port] & PORT_RESERVED)
                        r->reserved++;
                else if (map->ports[port] & PORT_TAKEN)
                        r->taken++;
                else if (is_free(&s, port) == YES)
                        r->left++;
                else
                        r->open++;
        }
}

struct range_map *range_look(const struct port_table *table)
{
        const struct request *q = table->request;
        struct range_map *map = calloc(1, sizeof(*map));
        struct range *r;

        if (!map)
                return NULL;
        r = &map->range;
        r->doubts = DOUBT_RANGE;
        if (!range_bounds(q, table->host, &r->first, &r->last))
                return map;
        map->relaxed = q->reuseaddr && conflict_protocol(q) == IPPROTO_TCP && table->host->autobind_reuse != NO;
        if (table->host->reserved_ports)
                mark_reserved(map, table->host->reserved_ports);
        mark_entries(map, table);
        search(map, table);
        count(map, table);
        if (r->found != UNKNOWN)
                r->doubts = 0;
        return map;
}

bool range_is_searched(const struct range_map *map, int port)
{
        return within(port, map->range.first, map->range.last) && !(map->ports[port] & PORT_RESERVED);
}

struct judgement range_judge(const struct port_table *table, const struct range_map *map,
                             const struct port_entry *entry)
{
        struct socket socket = range_socket(entry);
        struct judgement j = conflict_judge_search(table->request, &socket, table->host, map->relaxed);

        if (j.blocking == UNKNOWN && map->ports[range_port(entry)] & PORT_TAKEN)
                j.blocking = NO;
        return j;
}

static struct verdict unknown(uint32_t doubts)
{
        return (struct verdict){ .verdict = AIU_VERDICT_UNKNOWN, .doubts = doubts };
}

/* Why what was found may be otherwise on this kernel. */
static uint32_t kernel_of(const struct port_table *table, tristate found)
{
        uint32_t doubts = kernel_doubts(table->host);
        uint32_t pairs = AIU_KERNEL_BY_ADDRESS | AIU_KERNEL_TIME_WAIT | AIU_KERNEL_DUAL_STACK | AIU_KERNEL_MAPPED |
                         AIU_KERNEL_V6ONLY | AIU_KERNEL_VRF;

        if (conflict_protocol(table->request) != IPPROTO_TCP)
                return 0;
        if (found == YES)
                return kernel_hides_bound(table->host);
        return found == UNKNOWN ? doubts & pairs : 0;
}

struct verdict range_conclude(const struct port_table *table)
{
        struct verdict v = { .verdict = AIU_VERDICT_IN_USE, .error = EADDRINUSE, .call = AIU_CALL_BIND };
        struct range_map *map;
        uint32_t kernel;

        if (!range_requested(table->request))
                return (struct verdict){ .verdict = AIU_VERDICT_AVAILABLE };
        if (!conflict_modelled(table->request))
                return unknown(DOUBT_PROTOCOL);
        map = range_look(table);
        if (!map && table->no_memory)
                *table->no_memory = true;
        if (!map)
                return unknown(DOUBT_RANGE);
        kernel = kernel_of(table, map->range.found);
        if (map->range.found == YES && kernel != 0)
                v = unknown(DOUBT_KERNEL);
        else if (map->range.found == YES)
                v = (struct verdict){ .verdict = AIU_VERDICT_AVAILABLE };
        else if (map->range.found == UNKNOWN)
                v = unknown(map->range.doubts | (kernel ? DOUBT_KERNEL : 0));
        else if (table->request->port_later)
                v.call = AIU_CALL_LISTEN;
        v.kernel = v.verdict == AIU_VERDICT_UNKNOWN ? kernel : 0;
        free(map);
        return v;
}
