/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The address is free, but the caller may have meant another one: sockets beside the request, at most
 * one of each kind, and their holders.
 */
#include <string.h>

#include "observe/observe.h"
#include "rules/address.h"
#include "rules/conflict.h"
#include "rules/verdict.h"

static void add(struct observation *o, enum beside_kind kind, const struct socket *socket)
{
        for (size_t i = 0; i < o->n_beside; i++)
                if (o->beside[i].kind == kind)
                        return;
        o->beside[o->n_beside].kind = kind;
        o->beside[o->n_beside++].socket = *socket;
}

/* ------------------------------------------------------ the other protocol */

static bool would_meet(const struct observation *o, const struct request *q, const struct socket *s)
{
        return s->peer.len == 0 && conflict_judge(q, s, &o->snapshot.host).blocking != NO;
}

static int other_protocol(struct observation *o)
{
        bool tcp = conflict_protocol(o->request) == IPPROTO_TCP;
        struct request q = { .address = o->request->address, .v6only = o->request->v6only, .uid = o->request->uid };
        struct observation side = *o;
        int r;

        q.type = side.backend_request.type = tcp ? SOCK_DGRAM : SOCK_STREAM;
        q.listen = !tcp;
        side.backend_request.protocol = tcp ? IPPROTO_UDP : IPPROTO_TCP;
        /* Of TCP, servers: a client's connection to somewhere is not what was meant. */
        side.backend_request.context_flags = AIU_CONTEXT_LISTENERS_ONLY;
        snapshot_init(&side.snapshot);
        r = observe_listed(&side);
        for (size_t i = 0; i < side.snapshot.n_sockets; i++)
                if (would_meet(o, &q, &side.snapshot.sockets[i]))
                        add(o, BESIDE_PROTOCOL, &side.snapshot.sockets[i]);
        snapshot_finish(&side.snapshot);
        return r < 0 ? r : 0;
}

/* ------------------------------------------------------ the same port */

/* SO_REUSEPORT: the port is free for one more, who gets a part of what arrives. */
static bool is_shared_with(const struct request *q, const struct socket *s, enum aiu_overlap overlap)
{
        bool receives = s->state == AIU_STATE_LISTEN || (s->type == SOCK_DGRAM && s->peer.len == 0);

        return q->reuseport && s->reuseport == YES && receives && overlap != AIU_OVERLAP_NONE;
}

static void same_port(struct observation *o)
{
        for (size_t i = 0; i < o->snapshot.n_sockets; i++) {
                const struct socket *s = &o->snapshot.sockets[i];
                enum aiu_overlap overlap = conflict_judge(o->request, s, &o->snapshot.host).overlap;

                if (conflict_is_own(o->request, s))
                        continue;
                if (is_shared_with(o->request, s, overlap))
                        add(o, BESIDE_SHARED, s);
                else if (overlap == AIU_OVERLAP_NONE && s->state == AIU_STATE_LISTEN)
                        add(o, BESIDE_ADDRESS, s);
        }
}

static int beside_port(struct observation *o)
{
        int protocol = conflict_protocol(o->request);

        if (o->backend_request.port == 0 || (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP))
                return 0;
        same_port(o);
        return other_protocol(o);
}

/* ------------------------------------------------------ names */

/* A path for an abstract name and the other way round; false = there is none. */
static bool make_twin(const struct address *address, struct address *ret)
{
        const char *name;
        size_t n = address_unix_name(address, &name), at = address_is_abstract(address) ? 0 : 1;

        *ret = (struct address){ .sa.un.sun_family = AF_UNIX };
        if (n == 0 || at + n > sizeof(ret->sa.un.sun_path) || (at == 0 && name[0] != '/'))
                return false;
        memcpy(ret->sa.un.sun_path + at, name, n);
        /* A path ends with a NUL, an abstract name begins with one. */
        ret->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
        return true;
}

/* sizeof(struct sockaddr_un) in place of the name's length: all of sun_path is the name then. */
static bool make_padded(const struct address *address, struct address *ret)
{
        size_t n = address->len;

        if (!address_is_abstract(address))
                return false;
        *ret = *address;
        ret->len = sizeof(ret->sa.un);
        if (n < ret->len) {
                memset((char *)&ret->sa + n, 0, ret->len - n);
                return true;
        }
        while (n > offsetof(struct sockaddr_un, sun_path) + 2 && ((const char *)&ret->sa)[n - 1] == '\0')
                n--;
        ret->len = (socklen_t)n;
        return n < address->len;
}

static int look_for_name(struct observation *o, enum beside_kind kind, const struct address *address)
{
        struct observation side = *o;
        int r;

        side.backend_request.address = &address->sa.any;
        side.backend_request.address_len = address->len;
        snapshot_init(&side.snapshot);
        r = observe_listed(&side);
        if (side.snapshot.n_sockets > 0)
                add(o, kind, &side.snapshot.sockets[0]);
        snapshot_finish(&side.snapshot);
        return r < 0 ? r : 0;
}

static int beside_name(struct observation *o)
{
        struct address other;
        int r = 0;

        for (size_t i = 0; i < o->snapshot.n_sockets; i++)
                if (o->snapshot.sockets[i].type != o->request->type)
                        add(o, BESIDE_TYPE, &o->snapshot.sockets[i]);
        if (make_twin(&o->request->address, &other))
                r = look_for_name(o, BESIDE_TWIN, &other);
        if (r == 0 && make_padded(&o->request->address, &other))
                r = look_for_name(o, BESIDE_PADDED, &other);
        return r;
}

/* ------------------------------------------------------ who */

static int find_holders(struct observation *o)
{
        size_t n_gaps = o->snapshot.n_gaps;
        uint64_t inodes[N_BESIDE];
        int r;

        for (size_t i = 0; i < o->n_beside; i++)
                inodes[i] = o->beside[i].socket.inode;
        r = snapshot_want_inodes(&o->snapshot, inodes, o->n_beside);
        if (r >= 0 && !aiu_snapshot_all_held(&o->snapshot))
                r = observe_phase(o, PHASE_HOLDERS);
        /* What was not seen of them does not make the answer worse. */
        while (o->snapshot.n_gaps > n_gaps)
                gap_finish(&o->snapshot.gaps[--o->snapshot.n_gaps]);
        return r < 0 ? r : 0;
}

int observe_beside(struct observation *o)
{
        struct port_table table = observe_table(o);
        int r;

        if (verdict_without_errno(&table) != YES)
                return 0;
        r = address_is_ip(&o->request->address) ? beside_port(o) : beside_name(o);
        return r < 0 || o->n_beside == 0 ? r : find_holders(o);
}
