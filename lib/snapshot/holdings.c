/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "Process holds socket": the part of the snapshot that can become long. A
 * server has thousands of sockets, a pool of workers each of them many times;
 * each pair is found by the hash of its inode.
 */
#include <errno.h>
#include <stdlib.h>

#include "util/macro.h"
#include "snapshot/snapshot.h"

static int add_fd(struct holding *holding, int fd)
{
        int *larger;

        for (size_t i = 0; i < holding->n_fds; i++)
                if (holding->fds[i] == fd)
                        return 0;
        if (fd < 0 || holding->n_fds >= SNAPSHOT_MAX_FDS)
                return 0;
        /* Room grows by doubling: a power of two is full. */
        if ((holding->n_fds & (holding->n_fds - 1)) == 0) {
                larger = realloc(holding->fds, (holding->n_fds ? holding->n_fds * 2 : 1) * sizeof(int));
                if (!larger)
                        return -ENOMEM;
                holding->fds = larger;
        }
        holding->fds[holding->n_fds++] = fd;
        return 0;
}

#define HOLDING_HEADS 8192u

static uint32_t *head_of(const struct aiu_snapshot *s, uint64_t inode)
{
        return &s->holding_heads[inode % HOLDING_HEADS];
}

const struct holding *snapshot_holding(const struct aiu_snapshot *s, uint64_t inode, const struct holding *after)
{
        uint32_t at = after ? after->next : s->holding_heads ? *head_of(s, inode) : 0;

        while (at && s->holdings[at - 1].inode != inode)
                at = s->holdings[at - 1].next;
        return at ? &s->holdings[at - 1] : NULL;
}

static int make_holding_room(struct aiu_snapshot *s)
{
        if (!s->holding_heads)
                s->holding_heads = calloc(HOLDING_HEADS, sizeof(*s->holding_heads));
        if (!s->holding_heads)
                return -ENOMEM;
        return snapshot_grow(&s->holdings, sizeof(*s->holdings), s->n_holdings, &s->holdings_room,
                    s->claims.first ? SNAPSHOT_MAX_RANGE_HOLDINGS : SNAPSHOT_MAX_HOLDINGS);
}

AIU_EXPORT int aiu_snapshot_add_holder(struct aiu_snapshot *snapshot, uint64_t inode, pid_t pid, int fd)
{
        const struct holding *h = NULL;
        struct holding *added;
        int r;

        if (!snapshot || inode == 0 || pid <= 0)
                return -EINVAL;
        while ((h = snapshot_holding(snapshot, inode, h)))
                if (h->pid == pid)
                        return add_fd(&snapshot->holdings[h - snapshot->holdings], fd);
        r = make_holding_room(snapshot);
        if (r == -ENOBUFS)
                return snapshot_truncated(snapshot, &snapshot->holders_truncated,
                                 "more processes hold these sockets than one report keeps: the rest are not shown");
        if (r < 0)
                return r;
        added = &snapshot->holdings[snapshot->n_holdings];
        *added = (struct holding){ .inode = inode, .pid = pid };
        r = add_fd(added, fd);
        if (r < 0)
                return r;
        added->next = *head_of(snapshot, inode);
        *head_of(snapshot, inode) = (uint32_t)++snapshot->n_holdings;
        return 0;
}
