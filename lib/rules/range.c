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
#include "rules/kernel.h"
#include "rules/range.h"

bool range_asked(const struct question *q)
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
bool range_bounds(const struct question *q, const struct host *host, int *ret_first, int *ret_last)
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

uint16_t range_port(const struct claim *claim)
{
        /* sin_port and sin6_port are in one place. */
        return ntohs(claim->local.in.sin_port);
}

struct socket range_socket(const struct claim *claim)
{
        struct socket s = {
                .type = claim->type,
                .protocol = claim->protocol,
                .state = (enum aiu_state)claim->state,
                .inode = claim->inode,
                .cookie = claim->cookie,
                .uid = claim->uid,
                .ifindex = claim->ifindex,
                .l3mdev = claim->l3mdev,
                .maybe_unbound = claim->maybe_unbound,
                .minisock = claim->minisock,
                .autobound = (tristate)claim->autobound,
                .reuseaddr = (tristate)claim->reuseaddr,
                .reuseport = (tristate)claim->reuseport,
                .v6only = (tristate)claim->v6only,
                .expires_usec = claim->expires_usec,
        };

        if (claim->local.any.sa_family == AF_INET) {
                s.local.len = sizeof(claim->local.in);
                s.local.sa.in = claim->local.in;
        } else {
                s.local.len = sizeof(claim->local.in6);
                s.local.sa.in6 = claim->local.in6;
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

static void mark(struct range_map *map, unsigned char *port, struct judgement j, enum fate fate, int taken, int doubtful)
{
        tristate blocking = fate == FATE_STAYS ? j.blocking : tri_and(j.blocking, UNKNOWN);

        if (blocking == YES)
                *port |= (unsigned char)taken;
        if (blocking != UNKNOWN)
                return;
        *port |= (unsigned char)doubtful;
        map->doubtful |= doubt_of(&j);
}

static void mark_claims(struct range_map *map, const struct scene *scene)
{
        for (size_t i = 0; i < scene->n_claims; i++) {
                enum fate fate = scene->fate ? scene->fate[scene->n_sockets + i] : FATE_STAYS;
                unsigned char *port = &map->ports[range_port(&scene->claims[i])];
                struct socket socket;

                if (fate == FATE_GOES || *port & PORT_RESERVED ||
                    !within(range_port(&scene->claims[i]), map->range.first, map->range.last))
                        continue;
                socket = range_socket(&scene->claims[i]);
                mark(map, port, conflict_judge_search(scene->question, &socket, scene->host, map->relaxed), fate,
                     PORT_TAKEN, PORT_DOUBTFUL);
                if (map->relaxed)
                        mark(map, port, conflict_judge_search(scene->question, &socket, scene->host, false), fate,
                             PORT_FIRST_TAKEN, PORT_FIRST_DOUBTFUL);
        }
}

/* ------------------------------------------------------ the search */

struct search {
        const struct range_map *map;
        const struct scene *scene;
        int taken, doubtful;            /* the PORT_* of this round */
        uint32_t doubts;                /* why an answer is not known */
};

/* Is this port free, in this round? */
static tristate is_free(struct search *s, int port)
{
        unsigned char bits = s->map->ports[port];

        if (bits & (PORT_RESERVED | s->taken))
                return NO;
        if (bits & s->doubtful)
                s->doubts |= s->map->doubtful;
        else if (!s->scene->sockets_complete)
                s->doubts |= DOUBT_SOCKETS;
        else if (!s->scene->host->reserved_ports)
                s->doubts |= DOUBT_RANGE;
        else
                return YES;
        return UNKNOWN;
}

/* One of these two ports is met, and nobody knows which. */
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

        if (conflict_protocol(s->scene->question) == IPPROTO_TCP) {
                if (!s->scene->question->reuseaddr || high - low < 4)
                        return search_pairs(s, low, high);
                return tri_or(search_pairs(s, low, half), search_pairs(s, half, high));
        }
        for (int port = low; port < high && found != YES; port++)
                found = tri_or(found, is_free(s, port));
        return found;
}

/* A first round by the strict rule, and a second one if the sysctl says so. */
static void search(struct range_map *map, const struct scene *scene)
{
        struct search s = { .map = map, .scene = scene, .taken = PORT_TAKEN, .doubtful = PORT_DOUBTFUL };
        struct search first = { .map = map, .scene = scene, .taken = PORT_FIRST_TAKEN,
                                .doubtful = PORT_FIRST_DOUBTFUL };
        tristate last_round = search_all(&s), first_round;

        map->range.found = last_round;
        map->range.doubts = s.doubts;
        if (!map->relaxed || scene->host->autobind_reuse == YES || last_round == NO)
                return;
        /* Whether there is a second round is not known. */
        first_round = search_all(&first);
        map->range.found = first_round == YES ? YES : UNKNOWN;
        map->range.doubts = first.doubts | s.doubts | DOUBT_RANGE;
}

static void count(struct range_map *map, const struct scene *scene)
{
        struct search s = { .map = map, .scene = scene, .taken = PORT_TAKEN, .doubtful = PORT_DOUBTFUL };
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

struct range_map *range_look(const struct scene *scene)
{
        const struct question *q = scene->question;
        struct range_map *map = calloc(1, sizeof(*map));
        struct range *r;

        if (!map)
                return NULL;
        r = &map->range;
        r->doubts = DOUBT_RANGE;
        if (!range_bounds(q, scene->host, &r->first, &r->last))
                return map;
        map->relaxed = q->reuseaddr && conflict_protocol(q) == IPPROTO_TCP && scene->host->autobind_reuse != NO;
        if (scene->host->reserved_ports)
                mark_reserved(map, scene->host->reserved_ports);
        mark_claims(map, scene);
        search(map, scene);
        count(map, scene);
        if (r->found != UNKNOWN)
                r->doubts = 0;
        return map;
}

static struct verdict unknown(uint32_t doubts)
{
        return (struct verdict){ .verdict = AIU_VERDICT_UNKNOWN, .doubts = doubts };
}

/* Why what was found may be otherwise on this kernel. */
static uint32_t kernel_of(const struct scene *scene, tristate found)
{
        uint32_t doubts = kernel_doubts(scene->host);
        uint32_t pairs = AIU_KERNEL_BY_ADDRESS | AIU_KERNEL_TIME_WAIT | AIU_KERNEL_DUAL_STACK | AIU_KERNEL_MAPPED |
                         AIU_KERNEL_V6ONLY | AIU_KERNEL_VRF;

        if (conflict_protocol(scene->question) != IPPROTO_TCP)
                return 0;
        if (found == YES)
                return scene->host->bound_complete ? 0 : doubts & AIU_KERNEL_BOUND_SHOWN;
        return found == UNKNOWN ? doubts & pairs : 0;
}

struct verdict range_conclude(const struct scene *scene)
{
        struct verdict v = { .verdict = AIU_VERDICT_IN_USE, .error = EADDRINUSE, .call = AIU_CALL_BIND };
        struct range_map *map;
        uint32_t kernel;

        if (!range_asked(scene->question))
                return (struct verdict){ .verdict = AIU_VERDICT_AVAILABLE };
        if (!conflict_modelled(scene->question))
                return unknown(DOUBT_PROTOCOL);
        map = range_look(scene);
        if (!map && scene->no_memory)
                *scene->no_memory = true;
        if (!map)
                return unknown(DOUBT_RANGE);
        kernel = kernel_of(scene, map->range.found);
        if (map->range.found == YES && kernel != 0)
                v = unknown(DOUBT_KERNEL);
        else if (map->range.found == YES)
                v = (struct verdict){ .verdict = AIU_VERDICT_AVAILABLE };
        else if (map->range.found == UNKNOWN)
                v = unknown(map->range.doubts | (kernel ? DOUBT_KERNEL : 0));
        else if (scene->question->port_later)
                v.call = AIU_CALL_LISTEN;
        v.kernel = v.verdict == AIU_VERDICT_UNKNOWN ? kernel : 0;
        free(map);
        return v;
}
