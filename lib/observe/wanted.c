/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which sockets to look up the holders of, and which to read the options of: those that are, or
 * may be, in the way. All other sockets of the machine are left alone.
 */
#include <errno.h>
#include <stdlib.h>

#include "observe/observe.h"
#include "rules/conflict.h"
#include "rules/history.h"
#include "rules/port-search.h"

/* Port 0: reading the options of more sockets would take too long. */
#define MOST_READ 1024u

static int want_sockets(struct observation *o)
{
        struct aiu_snapshot *s = &o->snapshot;
        struct port_table table = observe_table(o);
        uint64_t *inodes;
        size_t n = 0;
        int r;

        if (s->n_sockets == 0 || history_overrules(&table))
                return 0;
        inodes = calloc(s->n_sockets, sizeof(*inodes));
        if (!inodes)
                return -ENOMEM;
        for (size_t i = 0; i < s->n_sockets; i++)
                if (s->sockets[i].inode != 0 && !s->sockets[i].observed_only &&
                    conflict_judge(o->request, &s->sockets[i], &s->host).blocking != NO)
                        inodes[n++] = s->sockets[i].inode;
        r = snapshot_want_inodes(s, inodes, n);
        free(inodes);
        return r;
}

/* The first `most` inodes of sockets that matter or, with `open`, whose options decide. Returns how many. */
static size_t list_entries(const struct port_table *table, const struct range_map *map, bool open, uint64_t *ret_inodes,
                           size_t most)
{
        size_t n = 0;

        for (size_t i = 0; i < table->n_entries && n < most; i++) {
                const struct port_entry *entry = &table->entries[i];
                tristate blocking;

                if (entry->inode == 0 || !range_is_searched(map, range_port(entry)))
                        continue;
                blocking = range_judge(table, map, entry).blocking;
                if (blocking == UNKNOWN || (blocking == YES && !open))
                        ret_inodes[n++] = entry->inode;
        }
        return n;
}

static int want_entries(struct observation *o)
{
        struct port_table table = observe_table(o);
        struct range_map *map = range_look(&table);
        uint64_t *inodes = calloc(table.n_entries + 1, sizeof(*inodes));
        int r = -ENOMEM;

        /* With a port left, no socket is in the way. */
        if (map && inodes)
                r = snapshot_want_inodes(
                        &o->snapshot, inodes,
                        map->range.found == YES ? 0 : list_entries(&table, map, false, inodes, table.n_entries));
        free(inodes);
        free(map);
        return r;
}

int want_holders(struct observation *o)
{
        return o->snapshot.entries.first ? want_entries(o) : want_sockets(o);
}

static int want_some_options(struct observation *o)
{
        struct port_table table = observe_table(o);
        struct range_map *map = range_look(&table);
        uint64_t *inodes = calloc(MOST_READ + 1, sizeof(*inodes));
        size_t n = 0;
        int r = map && inodes ? 0 : -ENOMEM;

        if (r == 0)
                n = list_entries(&table, map, true, inodes, MOST_READ + 1);
        if (n > MOST_READ) {
                n = MOST_READ;
                (void)aiu_snapshot_add_gap(&o->snapshot, AIU_GAP_TRUNCATED, ENOBUFS,
                                           "the options of thousands of sockets decide, and only those of the first "
                                           "thousand were read");
        }
        if (n > 0)
                r = snapshot_want_inodes(&o->snapshot, inodes, n);
        free(inodes);
        free(map);
        return r < 0 ? r : n > 0;
}

int want_options(struct observation *o)
{
        /* On one port the options of all holders are read: they are few. */
        if (!o->snapshot.entries.first || o->snapshot.n_wanted <= MOST_READ)
                return 1;
        return want_some_options(o);
}
