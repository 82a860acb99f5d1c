/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For port 0 every socket of the protocol may matter. Memory stays bounded however many there are: an entry has less
 * than 100 bytes, there are at most ENTRIES_MAX, and of sockets that no rule tells apart (a listener's connections;
 * clients that share a port to different peers) only the first few are kept for each port, and the rest counted.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot/port-entries.h"
#include "rules/port-search.h"
#include "snapshot/snapshot.h"

#define ENTRIES_MAX 65536u
#define ALIKE_KEPT 8u

int entries_begin(struct port_entries *entries)
{
        if (entries->first)
                return 0;
        entries->first = malloc(PORTS * sizeof(*entries->first));
        if (!entries->first)
                return -ENOMEM;
        for (size_t i = 0; i < PORTS; i++)
                entries->first[i] = ENTRIES_END;
        return 0;
}

void entries_finish(struct port_entries *entries)
{
        free(entries->list);
        free(entries->next);
        free(entries->first);
        *entries = (struct port_entries){ 0 };
}

static int grow(struct port_entries *entries)
{
        size_t room = entries->room ? entries->room * 2 : 64;
        struct port_entry *list;
        uint32_t *next;

        if (entries->n < entries->room)
                return 0;
        if (entries->n >= ENTRIES_MAX)
                return -ENOBUFS;
        list = realloc(entries->list, room * sizeof(*list));
        if (!list)
                return -ENOMEM;
        entries->list = list;
        next = realloc(entries->next, room * sizeof(*next));
        if (!next)
                return -ENOMEM;
        entries->next = next;
        entries->room = room;
        return 0;
}

/* The bits that are known for sure, as one number of three values each. */
static uint8_t known(enum aiu_tristate value)
{
        return value == AIU_TRISTATE_YES || value == AIU_TRISTATE_NO ? (uint8_t)value : AIU_TRISTATE_UNKNOWN;
}

static int fill(struct port_entry *to, const struct aiu_socket_fact *f)
{
        *to = (struct port_entry){
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

static bool same_address(const struct port_entry *a, const struct port_entry *b)
{
        if (a->local.any.sa_family != b->local.any.sa_family)
                return false;
        if (a->local.any.sa_family == AF_INET)
                return a->local.in.sin_addr.s_addr == b->local.in.sin_addr.s_addr;
        return a->local.in6.sin6_scope_id == b->local.in6.sin6_scope_id &&
               memcmp(&a->local.in6.sin6_addr, &b->local.in6.sin6_addr, sizeof(a->local.in6.sin6_addr)) == 0;
}

/* Do all rules judge the two in the same way? */
static bool alike(const struct port_entry *a, const struct port_entry *b)
{
        return same_address(a, b) && a->uid == b->uid && a->ifindex == b->ifindex && a->protocol == b->protocol &&
               a->state == b->state && a->minisock == b->minisock && a->maybe_unbound == b->maybe_unbound &&
               a->reuseaddr == b->reuseaddr && a->reuseport == b->reuseport && a->v6only == b->v6only &&
               (a->inode == 0) == (b->inode == 0);
}

/* One more of the same kind: the last one that is kept stands for the rest. */
static void count_in(struct port_entry *last, const struct port_entry *one)
{
        last->alike++;
        if (one->expires_usec > last->expires_usec)
                last->expires_usec = one->expires_usec;
}

int entries_add(struct port_entries *entries, const struct aiu_socket_fact *fact)
{
        struct port_entry entry;
        uint32_t *chain, last = ENTRIES_END;
        size_t n = 0;
        int r;

        r = fill(&entry, fact);
        if (r < 0)
                return r;
        chain = &entries->first[range_port(&entry)];
        for (uint32_t i = *chain; i != ENTRIES_END; i = entries->next[i]) {
                /* A dump that was begun again tells the same sockets. */
                if (entry.cookie != 0 && entries->list[i].cookie == entry.cookie)
                        return 0;
                if (!alike(&entries->list[i], &entry))
                        continue;
                if (last == ENTRIES_END)
                        last = i;
                n++;
        }
        if (n >= ALIKE_KEPT) {
                count_in(&entries->list[last], &entry);
                return 0;
        }
        r = grow(entries);
        if (r < 0)
                return r;
        entries->list[entries->n] = entry;
        entries->next[entries->n] = *chain;
        *chain = (uint32_t)entries->n++;
        return 0;
}

static void learn(uint8_t *to, enum aiu_tristate value)
{
        if (known(value) != AIU_TRISTATE_UNKNOWN)
                *to = (uint8_t)value;
}

void entries_set_options(struct port_entries *entries, uint64_t inode, const struct aiu_options_fact *fact)
{
        for (size_t i = 0; i < entries->n; i++) {
                struct port_entry *entry = &entries->list[i];

                /* The sockets that it stands for may have other options. */
                if (entry->inode != inode || entry->alike > 0)
                        continue;
                learn(&entry->reuseaddr, fact->reuseaddr);
                learn(&entry->reuseport, fact->reuseport);
                learn(&entry->v6only, fact->v6only);
        }
}

int entries_get(const struct port_entries *entries, size_t i, struct aiu_socket_fact *ret_fact)
{
        const struct port_entry *c;

        if (i >= entries->n)
                return 0;
        c = &entries->list[i];
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
