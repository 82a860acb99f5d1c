/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One socket that is reported twice: by a dump that is interrupted and begun again, by two requests that overlap, or by
 * two backends of which each knows something else.
 */
#include "rules/address.h"
#include "snapshot/snapshot.h"

/* The check is linear. Crowds on one port are TIME_WAIT and ESTABLISHED by the thousand, told once. */
#define MOST_COMPARED 512u

static bool same_place(const struct socket *a, const struct socket *b)
{
        return a->protocol == b->protocol && a->type == b->type && address_equal(&a->local, &b->local) &&
               address_equal(&a->peer, &b->peer);
}

/*
 * A cookie is never used again (sock_gen_cookie()), but a socket has none until it is asked for. Two that have neither
 * inode nor peer may be two.
 */
static bool same_socket(const struct socket *a, const struct socket *b)
{
        if (a->cookie != 0 && b->cookie != 0)
                return a->cookie == b->cookie;
        if (a->inode != b->inode)
                return false;
        if (a->inode == 0 && (a->peer.len == 0 || (a->cookie == 0 && b->cookie == 0) || a->ifindex != b->ifindex))
                return false;
        return same_place(a, b);
}

struct socket *snapshot_find_socket(struct aiu_snapshot *s, const struct socket *socket)
{
        if (s->n_sockets >= MOST_COMPARED && !(s->sockets_without_cookie && socket->cookie != 0))
                return NULL;
        for (size_t i = s->n_sockets; i-- > 0;)
                if (same_socket(&s->sockets[i], socket))
                        return &s->sockets[i];
        return NULL;
}

static void learn(tristate *to, tristate from)
{
        if (*to == UNKNOWN)
                *to = from;
}

static void learn_number(uint64_t *to, uint64_t from)
{
        if (*to == 0)
                *to = from;
}

static void learn_owner(struct socket *to, const struct socket *from)
{
        if (to->uid != UID_UNKNOWN && (to->has_bind_uid || !from->has_bind_uid))
                return;
        to->uid = from->uid;
        to->has_bind_uid = from->has_bind_uid;
}

static void learn_device(struct socket *to, const struct socket *from)
{
        if (to->has_l3mdev || !from->has_l3mdev)
                return;
        to->l3mdev = from->l3mdev;
        to->has_l3mdev = true;
}

void snapshot_merge_socket(struct socket *to, const struct socket *from)
{
        learn(&to->autobound, from->autobound);
        learn(&to->reuseaddr, from->reuseaddr);
        learn(&to->reuseport, from->reuseport);
        learn(&to->v6only, from->v6only);
        learn_number(&to->cookie, from->cookie);
        learn_number(&to->cgroup_id, from->cgroup_id);
        learn_number(&to->expires_usec, from->expires_usec);
        learn_number(&to->vfs_inode, from->vfs_inode);
        learn_number(&to->vfs_device, from->vfs_device);
        learn_owner(to, from);
        learn_device(to, from);
        if (to->state == AIU_STATE_UNKNOWN)
                to->state = from->state;
        to->minisock = to->minisock || from->minisock;
        /* What is there now was there before as well. */
        to->observed_only = to->observed_only && from->observed_only;
        to->maybe_unbound = to->maybe_unbound && from->maybe_unbound;
}
