/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "Process holds socket": the part of the snapshot that can become long. A server has thousands of sockets, a pool of
 * workers each of them many times; each pair is found by the hash of its inode.
 */
#include <errno.h>
#include <stdlib.h>

#include "util/macro.h"
#include "snapshot/snapshot.h"

static int add_fd(struct holder_ref *ref, int fd)
{
        int *larger;

        for (size_t i = 0; i < ref->n_fds; i++)
                if (ref->fds[i] == fd)
                        return 0;
        if (fd < 0 || ref->n_fds >= SNAPSHOT_MAX_FDS)
                return 0;
        /* Room grows by doubling: a power of two is full. */
        if ((ref->n_fds & (ref->n_fds - 1)) == 0) {
                larger = realloc(ref->fds, (ref->n_fds ? ref->n_fds * 2 : 1) * sizeof(int));
                if (!larger)
                        return -ENOMEM;
                ref->fds = larger;
        }
        ref->fds[ref->n_fds++] = fd;
        return 0;
}

#define HOLDING_HEADS 8192u

static uint32_t *head_of(const struct aiu_snapshot *s, uint64_t inode)
{
        return &s->ref_heads[inode % HOLDING_HEADS];
}

const struct holder_ref *snapshot_holder_ref(const struct aiu_snapshot *s, uint64_t inode,
                                             const struct holder_ref *after)
{
        uint32_t at = after ? after->next : s->ref_heads ? *head_of(s, inode) : 0;

        while (at && s->refs[at - 1].inode != inode)
                at = s->refs[at - 1].next;
        return at ? &s->refs[at - 1] : NULL;
}

static size_t most_refs(const struct aiu_snapshot *s)
{
        if (s->survey)
                return SNAPSHOT_SURVEY_REFS;
        return s->entries.first ? SNAPSHOT_MAX_RANGE_HOLDINGS : SNAPSHOT_MAX_REFS;
}

static int make_ref_room(struct aiu_snapshot *s)
{
        if (!s->ref_heads)
                s->ref_heads = calloc(HOLDING_HEADS, sizeof(*s->ref_heads));
        if (!s->ref_heads)
                return -ENOMEM;
        return snapshot_grow(&s->refs, sizeof(*s->refs), s->n_refs, &s->refs_room, most_refs(s));
}

AIU_EXPORT int aiu_snapshot_add_holder(struct aiu_snapshot *snapshot, uint64_t inode, pid_t pid, int fd)
{
        const struct holder_ref *h = NULL;
        struct holder_ref *added;
        int r;

        if (!snapshot || inode == 0 || pid <= 0)
                return -EINVAL;
        while ((h = snapshot_holder_ref(snapshot, inode, h)))
                if (h->pid == pid)
                        return add_fd(&snapshot->refs[h - snapshot->refs], fd);
        r = make_ref_room(snapshot);
        if (r == -ENOBUFS)
                return snapshot_truncated(
                        snapshot, &snapshot->holders_truncated,
                        "more processes hold these sockets than a report can hold: the rest are not shown");
        if (r < 0)
                return r;
        added = &snapshot->refs[snapshot->n_refs];
        *added = (struct holder_ref){ .inode = inode, .pid = pid };
        r = add_fd(added, fd);
        if (r < 0)
                return r;
        added->next = *head_of(snapshot, inode);
        *head_of(snapshot, inode) = (uint32_t)++snapshot->n_refs;
        return 0;
}
