/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Port 0 is asked for, so that every socket of the protocol may matter. Memory
 * stays bounded however many there are: a claim has less than 100 bytes, there are
 * at most CLAIMS_MAX, and of sockets that no rule tells apart (a listener's
 * connections; clients that share a port to different peers) only the first few
 * are kept for each port, and the rest counted.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot/claims.h"
#include "rules/range.h"
#include "snapshot/snapshot.h"

#define CLAIMS_MAX 65536u
#define ALIKE_KEPT 8u

int claims_begin(struct claims *claims)
{
        if (claims->first)
                return 0;
        claims->first = malloc(PORTS * sizeof(*claims->first));
        if (!claims->first)
                return -ENOMEM;
        for (size_t i = 0; i < PORTS; i++)
                claims->first[i] = CLAIMS_END;
        return 0;
}

void claims_finish(struct claims *claims)
{
        free(claims->list);
        free(claims->next);
        free(claims->first);
        *claims = (struct claims){ 0 };
}

static int grow(struct claims *claims)
{
        size_t room = claims->room ? claims->room * 2 : 64;
        struct claim *list;
        uint32_t *next;

        if (claims->n < claims->room)
                return 0;
        if (claims->n >= CLAIMS_MAX)
                return -ENOBUFS;
        list = realloc(claims->list, room * sizeof(*list));
        if (!list)
                return -ENOMEM;
        claims->list = list;
        next = realloc(claims->next, room * sizeof(*next));
        if (!next)
                return -ENOMEM;
        claims->next = next;
        claims->room = room;
        return 0;
}

/* The bits that are known for sure, as one number of three values each. */
static uint8_t known(enum aiu_tristate value)
{
        return value == AIU_TRISTATE_YES || value == AIU_TRISTATE_NO ? (uint8_t)value : AIU_TRISTATE_UNKNOWN;
}

static int fill(struct claim *to, const struct aiu_socket_fact *f)
{
        *to = (struct claim){
                .inode = f->inode,
                .cookie = f->cookie,
                .expires_usec = f->expires_usec,
                .uid = f->uid,
                .ifindex = f->ifindex,
                .l3mdev = snapshot_l3mdev_at_first(f),
                .protocol = (uint16_t)f->protocol,
                .type = (uint8_t)f->type,
                .state = (uint8_t)f->state,
                .minisock = f->minisock == AIU_TRISTATE_YES,
                .maybe_unbound = f->flags & AIU_SOCKET_MAYBE_UNBOUND,
                .autobound = known(f->autobound),
                .reuseaddr = known(f->reuseaddr),
                .reuseport = known(f->reuseport),
                .v6only = known(f->v6only),
        };
        if (!f->local || f->local_len < sizeof(sa_family_t))
                return -EINVAL;
        if (f->local->sa_family == AF_INET && f->local_len >= sizeof(to->local.in))
                memcpy(&to->local.in, f->local, sizeof(to->local.in));
        else if (f->local->sa_family == AF_INET6 && f->local_len >= sizeof(to->local.in6))
                memcpy(&to->local.in6, f->local, sizeof(to->local.in6));
        else
                return -EINVAL;
        return 0;
}

static bool same_address(const struct claim *a, const struct claim *b)
{
        if (a->local.any.sa_family != b->local.any.sa_family)
                return false;
        if (a->local.any.sa_family == AF_INET)
                return a->local.in.sin_addr.s_addr == b->local.in.sin_addr.s_addr;
        return a->local.in6.sin6_scope_id == b->local.in6.sin6_scope_id &&
               memcmp(&a->local.in6.sin6_addr, &b->local.in6.sin6_addr, sizeof(a->local.in6.sin6_addr)) == 0;
}

/* Do all rules judge the two alike? */
static bool alike(const struct claim *a, const struct claim *b)
{
        return same_address(a, b) && a->uid == b->uid && a->ifindex == b->ifindex && a->protocol == b->protocol &&
               a->state == b->state && a->minisock == b->minisock && a->maybe_unbound == b->maybe_unbound && a->reuseaddr == b->reuseaddr &&
               a->reuseport == b->reuseport && a->v6only == b->v6only && (a->inode == 0) == (b->inode == 0);
}

/* One more of a crowd; the last one that is kept stands for the rest. */
static void count_in(struct claim *crowd, const struct claim *one)
{
        crowd->alike++;
        if (one->expires_usec > crowd->expires_usec)
                crowd->expires_usec = one->expires_usec;
}

int claims_add(struct claims *claims, const struct aiu_socket_fact *fact)
{
        struct claim claim;
        uint32_t *chain, last = CLAIMS_END;
        size_t n = 0;
        int r;

        r = fill(&claim, fact);
        if (r < 0)
                return r;
        chain = &claims->first[range_port(&claim)];
        for (uint32_t i = *chain; i != CLAIMS_END; i = claims->next[i]) {
                /* A dump that was begun again tells the same sockets. */
                if (claim.cookie != 0 && claims->list[i].cookie == claim.cookie)
                        return 0;
                if (!alike(&claims->list[i], &claim))
                        continue;
                if (last == CLAIMS_END)
                        last = i;
                n++;
        }
        if (n >= ALIKE_KEPT) {
                count_in(&claims->list[last], &claim);
                return 0;
        }
        r = grow(claims);
        if (r < 0)
                return r;
        claims->list[claims->n] = claim;
        claims->next[claims->n] = *chain;
        *chain = (uint32_t)claims->n++;
        return 0;
}

static void learn(uint8_t *to, enum aiu_tristate value)
{
        if (known(value) != AIU_TRISTATE_UNKNOWN)
                *to = (uint8_t)value;
}

void claims_set_options(struct claims *claims, uint64_t inode, const struct aiu_options_fact *fact)
{
        for (size_t i = 0; i < claims->n; i++) {
                struct claim *claim = &claims->list[i];

                /* What it stands for besides itself may have other options. */
                if (claim->inode != inode || claim->alike > 0)
                        continue;
                learn(&claim->reuseaddr, fact->reuseaddr);
                learn(&claim->reuseport, fact->reuseport);
                learn(&claim->v6only, fact->v6only);
        }
}

int claims_get(const struct claims *claims, size_t i, struct aiu_socket_fact *ret_fact)
{
        const struct claim *c;

        if (i >= claims->n)
                return 0;
        c = &claims->list[i];
        *ret_fact = (struct aiu_socket_fact){
                .size = sizeof(*ret_fact),
                .type = c->type,
                .protocol = c->protocol,
                .state = (enum aiu_state)c->state,
                .local = &c->local.any,
                .local_len = c->local.any.sa_family == AF_INET ? sizeof(c->local.in) : sizeof(c->local.in6),
                .inode = c->inode,
                .cookie = c->cookie,
                .uid = c->uid,
                .ifindex = c->ifindex,
                .minisock = c->minisock ? AIU_TRISTATE_YES : AIU_TRISTATE_UNKNOWN,
                .autobound = (enum aiu_tristate)c->autobound,
                .reuseaddr = (enum aiu_tristate)c->reuseaddr,
                .reuseport = (enum aiu_tristate)c->reuseport,
                .v6only = (enum aiu_tristate)c->v6only,
                .expires_usec = c->expires_usec,
        };
        return 1;
}
