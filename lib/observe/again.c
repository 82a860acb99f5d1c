/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A busy server closes sockets faster than all processes can be looked at. A socket without a
 * holder is therefore looked up again: only if it is still there, its holder could not be seen.
 */
#include "observe/observe.h"
#include "rules/address.h"
#include "rules/kernel-versions.h"

/* Each costs a request to the kernel. */
#define MOST_LOOK_UPS 512u

struct again {
        struct observation side; /* first: where the second look goes */
        struct observation *o;
        bool crowd; /* the side has every socket of the port */
        bool restart;
};

static bool is_unheld(const struct aiu_snapshot *s, const struct socket *socket)
{
        /* A socket that was not found in the kernel's tables cannot be missed there. */
        if (socket->observed_only ||
            (socket->state == AIU_STATE_BOUND && kernel_doubts(&s->host) & AIU_KERNEL_BOUND_SHOWN))
                return false;
        return aiu_snapshot_wants_inode(s, socket->inode) && !aiu_snapshot_is_held(s, socket->inode);
}

/* The same socket or, for a connection, what became of it: the kernel keeps a closed one for a while. */
static const struct socket *find(const struct aiu_snapshot *s, const struct socket *old)
{
        const struct socket *heir = NULL;

        for (size_t i = 0; i < s->n_sockets; i++) {
                const struct socket *now = &s->sockets[i];

                if (old->cookie ? now->cookie == old->cookie : now->inode == old->inode)
                        return now;
                if (old->peer.len > 0 && now->inode == 0 && address_equal(&now->local, &old->local) &&
                    address_equal(&now->peer, &old->peer))
                        heir = now;
        }
        return heir;
}

/* Listeners have a table of their own; connections, the crowd, are not listed in any case. */
static int list_unconnected(struct again *again, bool listeners)
{
        static const struct sockaddr none = { .sa_family = AF_UNSPEC };
        struct aiu_request *request = &again->side.backend_request;

        request->context_flags = listeners ? AIU_CONTEXT_LISTENERS_ONLY : 0;
        request->peer = &none;
        request->peer_len = sizeof(none);
        return observe_phase(&again->side, PHASE_SOCKETS);
}

static int look_up(struct again *again, const struct socket *socket)
{
        struct aiu_request *request = &again->side.backend_request;
        int r;

        request->address = &socket->local.sa.any;
        request->address_len = socket->local.len;
        request->peer = &socket->peer.sa.any;
        request->peer_len = socket->peer.len;
        request->ifindex = socket->ifindex;
        again->side.snapshot.n_sockets = 0;
        r = observe_phase(&again->side, PHASE_SOCKETS);
        /* A backend that does not look at the peer has listed them all. */
        again->crowd = again->side.snapshot.n_sockets > 1;
        return r;
}

/* What is gone is marked by an address without a length, and dropped at the end. */
static void settle(struct again *again, struct socket *old)
{
        const struct socket *now = find(&again->side.snapshot, old);

        if (now) {
                /* What else is known of the socket is not learned again: its device, its options. */
                old->state = now->state;
                old->inode = now->inode;
                old->cookie = now->cookie;
                old->minisock = now->minisock;
                old->expires_usec = now->expires_usec;
                return;
        }
        again->restart = again->restart || old->peer.len == 0;
        old->local.len = 0;
}

/* Listeners, and all sockets without connections: there are few. */
static int look_at_unconnected(struct again *again)
{
        struct aiu_snapshot *s = &again->o->snapshot;
        bool listeners = true, any = false;
        int r;

        for (size_t i = 0; i < s->n_sockets; i++) {
                if (s->sockets[i].peer.len > 0 || !is_unheld(s, &s->sockets[i]))
                        continue;
                any = true;
                listeners = listeners && s->sockets[i].state == AIU_STATE_LISTEN;
        }
        if (!any)
                return 0;
        r = list_unconnected(again, listeners);
        if (r != AIU_COMPLETE || again->side.snapshot.sockets_truncated)
                return r < 0 ? r : 0;
        for (size_t i = 0; i < s->n_sockets; i++)
                if (s->sockets[i].peer.len == 0 && is_unheld(s, &s->sockets[i]))
                        settle(again, &s->sockets[i]);
        return 0;
}

/* The holder of a listener of that user cannot be seen, and so it is with what it accepted. */
static bool is_explained(const struct aiu_snapshot *s, const struct socket *connection)
{
        for (size_t i = 0; i < s->n_sockets; i++)
                if (s->sockets[i].peer.len == 0 && s->sockets[i].local.len > 0 &&
                    s->sockets[i].uid == connection->uid && is_unheld(s, &s->sockets[i]))
                        return true;
        return false;
}

static int look_at_connected(struct again *again)
{
        struct aiu_snapshot *s = &again->o->snapshot;
        size_t n = 0;
        int r;

        again->side.backend_request.context_flags = 0;
        for (size_t i = 0; i < s->n_sockets && n < MOST_LOOK_UPS; i++) {
                if (s->sockets[i].peer.len == 0 || !is_unheld(s, &s->sockets[i]) || is_explained(s, &s->sockets[i]))
                        continue;
                n++;
                r = again->crowd ? AIU_COMPLETE : look_up(again, &s->sockets[i]);
                if (r != AIU_COMPLETE || again->side.snapshot.sockets_truncated)
                        return r < 0 ? r : 0;
                settle(again, &s->sockets[i]);
        }
        return 0;
}

static int look(struct observation *side)
{
        struct again *again = (struct again *)side;
        int r = look_at_unconnected(again);

        return r < 0 || again->restart ? r : look_at_connected(again);
}

static void drop_marked(struct aiu_snapshot *s)
{
        size_t kept = 0;

        for (size_t i = 0; i < s->n_sockets; i++)
                if (s->sockets[i].local.len > 0)
                        s->sockets[kept++] = s->sockets[i];
        s->n_sockets = kept;
}

int observe_unheld(struct observation *o)
{
        struct again again = { .side = *o, .o = o };
        int r;

        if (!address_is_ip(&o->request->address) || o->backend_request.port == 0 || aiu_snapshot_all_held(&o->snapshot))
                return 0;
        snapshot_init(&again.side.snapshot);
        r = observe_there(&again.side, look);
        snapshot_finish(&again.side.snapshot);
        drop_marked(&o->snapshot);
        if (r < 0 || again.restart)
                return r < 0 ? r : OBSERVE_AGAIN;
        return want_holders(o);
}
