/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Port 0, in the report: not one conflict for each of thousands of sockets, but
 * one for each of the processes that have most ports of the range, and one for
 * what no process has (TIME_WAIT). Each stands there with one of its sockets.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/address.h"
#include "report/build.h"
#include "snapshot/port-entries.h"
#include "rules/conflict.h"
#include "rules/port-search.h"

#define MOST_SHOWN 5u
#define MOST_GROUPS 4096u
#define MOST_HOLDERS 64u

/* Port entries of one process, or of none. */
struct group {
        enum aiu_holder_kind kind;
        pid_t pid; /* the lowest of those that hold one */
        uid_t uid; /* HIDDEN: all that is known */
        bool minisock;
        tristate blocking;
        uint32_t decides;
        unsigned int n_ports;
        int last_port;  /* counted already */
        uint32_t entry; /* the one that is shown */
        size_t number;
};

struct grouping {
        const struct aiu_snapshot *snapshot;
        const struct port_table *table;
        const struct range_map *map;
        struct group *groups;
        size_t n, room;
        int error;          /* -ENOMEM */
        uint16_t *group_of; /* for each entry: its group's number + 1 */
};

/* ------------------------------------------------------ who has what */

/* A connection that waits for accept() belongs to a listener on its port. */
static uint64_t inode_of(const struct port_entries *entries, const struct port_entry *entry)
{
        struct socket socket = range_socket(entry);

        if (!conflict_is_unaccepted(&socket))
                return entry->inode;
        for (uint32_t i = entries->first[range_port(entry)]; i != ENTRIES_END; i = entries->next[i])
                if (entries->list[i].state == AIU_STATE_LISTEN)
                        return entries->list[i].inode;
        return 0;
}

static struct group key_of(const struct aiu_snapshot *s, const struct port_entry *entry)
{
        struct group key = { .kind = AIU_HOLDER_KERNEL, .uid = UID_UNKNOWN, .minisock = entry->minisock };
        uint64_t inode = inode_of(&s->entries, entry);
        const struct holder_ref *h = NULL;

        if (inode == 0)
                return key;
        key.kind = AIU_HOLDER_HIDDEN;
        key.minisock = false;
        while ((h = snapshot_holder_ref(s, inode, h))) {
                key.kind = AIU_HOLDER_PROCESS;
                if (key.pid == 0 || h->pid < key.pid)
                        key.pid = h->pid;
        }
        if (key.kind == AIU_HOLDER_HIDDEN)
                key.uid = entry->uid;
        return key;
}

static bool same_key(const struct group *a, const struct group *b)
{
        return a->kind == b->kind && a->pid == b->pid && a->uid == b->uid && a->minisock == b->minisock &&
               a->blocking == b->blocking;
}

/* The group of this key, made if need be; NULL = there are too many, or no memory (g->error). */
static struct group *find_group(struct grouping *g, const struct group *key)
{
        int r;

        for (size_t i = 0; i < g->n; i++)
                if (same_key(&g->groups[i], key))
                        return &g->groups[i];
        r = snapshot_grow(&g->groups, sizeof(*g->groups), g->n, &g->room, MOST_GROUPS);
        if (r == -ENOMEM)
                g->error = r;
        if (r < 0)
                return NULL;
        g->groups[g->n] = *key;
        g->groups[g->n].number = g->n;
        return &g->groups[g->n++];
}

/* Of TIME_WAIT sockets the one that goes first is shown, of others any. */
static bool shows_better(const struct port_entry *a, const struct port_entry *b)
{
        return a->minisock && a->expires_usec < b->expires_usec;
}

static void put_into_group(struct grouping *g, uint32_t i, int port)
{
        const struct port_entry *entries = g->snapshot->entries.list;
        struct judgement j = range_judge(g->table, g->map, &entries[i]);
        struct group key = key_of(g->snapshot, &entries[i]), *group;

        if (j.blocking == NO)
                return;
        key.blocking = j.blocking;
        key.entry = i;
        group = find_group(g, &key);
        if (!group)
                return;
        g->group_of[i] = (uint16_t)(group->number + 1);
        group->decides |= j.decides;
        if (group->last_port != port)
                group->n_ports++;
        group->last_port = port;
        if (shows_better(&entries[i], &entries[group->entry]))
                group->entry = i;
}

static void group_entries(struct grouping *g)
{
        const struct port_entries *entries = &g->snapshot->entries;

        for (int port = g->map->range.first; port <= g->map->range.last; port++)
                for (uint32_t i = entries->first[port]; range_is_searched(g->map, port) && i != ENTRIES_END;
                     i = entries->next[i])
                        put_into_group(g, i, port);
}

/* ------------------------------------------------------ conflicts */

/* Where a bit decides, the holders that have it come first; else those with most ports. */
static int compare_groups(const void *a, const void *b)
{
        const struct group *x = a, *y = b;

        if (x->blocking != y->blocking)
                return x->blocking == UNKNOWN ? -1 : 1;
        if (x->n_ports != y->n_ports)
                return x->n_ports > y->n_ports ? -1 : 1;
        return (x->number > y->number) - (x->number < y->number);
}

static bool has_holder(const struct aiu_conflict *c, pid_t pid)
{
        for (size_t i = 0; i < c->n_holders; i++)
                if (c->holders[i].process && c->holders[i].process->pid == pid)
                        return true;
        return false;
}

/* Every process that has to close its sockets before all of the group's ports are free. */
static int add_holders(struct aiu_report *report, const struct grouping *g, const struct group *group,
                       struct aiu_conflict *c)
{
        const struct port_entries *entries = &g->snapshot->entries;
        int r = 0;

        for (size_t k = 0; r == 0 && k <= entries->n && group->kind == AIU_HOLDER_PROCESS; k++) {
                /* The one that is shown comes first: its descriptors are the ones to list. */
                size_t i = k == 0 ? group->entry : k - 1;
                const struct holder_ref *h = NULL;

                if (g->group_of[i] != group->number + 1)
                        continue;
                while (r == 0 && (h = snapshot_holder_ref(g->snapshot, inode_of(entries, &entries->list[i]), h)))
                        if (c->n_holders < MOST_HOLDERS && !has_holder(c, h->pid))
                                r = build_holder(report, c, h);
        }
        return r == 0 && c->n_holders == 0 ? build_without_process(report, c) : r;
}

static int add_conflict(struct aiu_report *report, const struct grouping *g, const struct group *group)
{
        struct aiu_conflict *c = &report->conflicts[report->n_conflicts];

        *c = (struct aiu_conflict){
                .socket = range_socket(&g->snapshot->entries.list[group->entry]),
                .judgement = { .overlap = AIU_OVERLAP_PORT_RANGE,
                               .reason = AIU_REASON_RANGE_EXHAUSTED,
                               .blocking = group->blocking,
                               .decides = group->decides },
                .index = report->n_conflicts++,
                .n_ports = group->n_ports,
        };
        build_device(g->snapshot, &c->socket);
        return add_holders(report, g, group, c);
}

/* From "number of the group" to "index of its conflict", both + 1; 0 = it is not shown. */
static void renumber(const struct grouping *g, size_t n_shown, size_t n_entries)
{
        for (size_t i = 0; i < n_entries; i++) {
                uint16_t to = 0;

                for (size_t k = 0; g->group_of[i] != 0 && k < n_shown; k++)
                        if (g->groups[k].number + 1 == g->group_of[i])
                                to = (uint16_t)(k + 1);
                g->group_of[i] = to;
        }
}

static int add_conflicts(struct aiu_report *report, struct grouping *g)
{
        size_t shown = g->n < MOST_SHOWN ? g->n : MOST_SHOWN;
        int r = 0;

        if (g->error || g->n == 0)
                return g->error;
        qsort(g->groups, g->n, sizeof(*g->groups), compare_groups);
        report->conflicts = calloc(shown, sizeof(*report->conflicts));
        if (!report->conflicts)
                return -ENOMEM;
        for (size_t k = 0; r == 0 && k < shown; k++)
                r = add_conflict(report, g, &g->groups[k]);
        renumber(g, shown, g->snapshot->entries.n);
        report->n_range_holders = g->n;
        return r;
}

int build_range(struct aiu_report *report, const struct observation *o, const struct port_table *table,
                uint16_t *entry_group)
{
        struct range_map *map = range_look(table);
        struct grouping g = { .snapshot = &o->snapshot, .table = table, .map = map, .group_of = entry_group };
        int r = 0;

        if (!map)
                return -ENOMEM;
        report->range = map->range;
        /* With a port left, no socket is in the way. */
        if (map->range.found != YES && report->verdict.verdict != AIU_VERDICT_AVAILABLE) {
                group_entries(&g);
                r = add_conflicts(report, &g);
        }
        free(g.groups);
        free(map);
        return r;
}
