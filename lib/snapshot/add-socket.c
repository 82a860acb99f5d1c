/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What backends say about sockets. */
#include <errno.h>

#include "snapshot/fact.h"
#include "snapshot/keep.h"
#include "snapshot/port-entries.h"
#include "snapshot/snapshot.h"
#include "util/macro.h"

static int fill_socket(struct socket *to, const struct aiu_socket_fact *f)
{
        int r;

        *to = (struct socket){
                .type = f->type,
                .protocol = f->protocol,
                .state = f->state,
                .inode = f->inode,
                .cookie = f->cookie,
                .cgroup_id = f->cgroup_id,
                .uid = f->uid,
                .ifindex = f->ifindex,
                .l3mdev = snapshot_l3mdev_at_first(f),
                .minisock = f->minisock == YES,
                .observed_only = f->flags & AIU_SOCKET_OBSERVED_ONLY,
                .maybe_unbound = f->flags & AIU_SOCKET_MAYBE_UNBOUND,
                .has_l3mdev = f->flags & AIU_SOCKET_L3MDEV,
                .has_bind_uid = f->flags & AIU_SOCKET_BIND_UID,
                .autobound = f->autobound,
                .reuseaddr = f->reuseaddr,
                .reuseport = f->reuseport,
                .v6only = f->v6only,
                .expires_usec = f->expires_usec,
                .vfs_inode = f->vfs_inode,
                .vfs_device = f->vfs_device,
        };
        r = copy_address(&to->local, f->local, f->local_len);
        if (r < 0 || to->local.len == 0)
                return -EINVAL;
        return copy_address(&to->peer, f->peer, f->peer_len);
}

static int add_socket(struct aiu_snapshot *snapshot, const struct aiu_socket_fact *f)
{
        struct socket socket, *known;
        int r;

        if (snapshot->survey && f->peer_len > 0)
                return 0;
        r = fill_socket(&socket, f);
        if (r < 0)
                return r;
        known = snapshot->survey ? NULL : snapshot_find_socket(snapshot, &socket);
        if (known) {
                snapshot_merge_socket(known, &socket);
                return 0;
        }
        r = SNAPSHOT_GROW(snapshot, sockets, snapshot->survey ? SNAPSHOT_SURVEY_SOCKETS : SNAPSHOT_MAX_SOCKETS);
        if (r < 0)
                return r;
        snapshot->sockets[snapshot->n_sockets++] = socket;
        snapshot->sockets_without_cookie = snapshot->sockets_without_cookie || socket.cookie == 0;
        return 0;
}

AIU_EXPORT int aiu_snapshot_add_socket(struct aiu_snapshot *snapshot, const struct aiu_socket_fact *fact)
{
        struct aiu_socket_fact f;
        int r;

        r = snapshot ? fact_copy(&f, sizeof(f), fact) : -EINVAL;
        if (r < 0)
                return r;
        r = snapshot->entries.first ? entries_add(&snapshot->entries, &f) : add_socket(snapshot, &f);
        if (r == -ENOBUFS)
                return snapshot_truncated(
                        snapshot, &snapshot->sockets_truncated,
                        snapshot->survey
                                ? "there are more sockets than a survey can hold: the rest are not shown"
                                : "more sockets are on this port than a report can hold: the rest are not shown");
        return r;
}

AIU_EXPORT int aiu_snapshot_add_options(struct aiu_snapshot *snapshot, uint64_t inode,
                                        const struct aiu_options_fact *fact)
{
        struct aiu_options_fact f;
        int r;

        r = snapshot && inode != 0 ? fact_copy(&f, sizeof(f), fact) : -EINVAL;
        if (r < 0)
                return r;
        for (size_t i = 0; i < snapshot->n_sockets; i++) {
                struct socket *socket = &snapshot->sockets[i];

                if (socket->inode != inode)
                        continue;
                replace_tristate(&socket->reuseaddr, f.reuseaddr);
                replace_tristate(&socket->reuseport, f.reuseport);
                replace_tristate(&socket->v6only, f.v6only);
        }
        entries_set_options(&snapshot->entries, inode, &f);
        return 0;
}
