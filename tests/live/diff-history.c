/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel keeps for the port of a TCP scene, by a model of its own: the suite knows every call that was made
 * there. A backend tells the library, so that the rule in lib/rules/port-cache.c is compared with the kernel where no
 * BPF program may read the real thing. Linux 6.18 and later: before, a summary is not reset on release.
 *
 * Transcribed from inet_csk_update_fastreuse(), sk_reuseport_match() and ipv6_rcv_saddr_equal(), and not from the
 * library, so that a mistake is not made twice.
 */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include <addrinuse-backend.h>

#include "differential.h"

struct model_socket {
        bool owner, listening, autobound, reuseaddr, reuseport, v6only;
        uid_t uid;
        int family;
        uint32_t v4;
        struct in6_addr v6;
};

static struct model_socket sockets[LIVE_SLOTS];
static struct aiu_port_cache_fact bucket;
static unsigned int n_left, n_left_autobound; /* TIME_WAIT and orphans */
static bool told;                             /* the model is about the scene that stands */

/* ------------------------------------------------ the kernel's functions */

static bool v4_equal(uint32_t a, uint32_t b, bool b_only, bool a_wildcard)
{
        return !b_only && (a == b || (a_wildcard && a == 0));
}

static bool v6_equal(const struct in6_addr *a6, const struct in6_addr *b6, uint32_t a, uint32_t b, bool a_only,
                     bool b_only)
{
        bool a_mapped = IN6_IS_ADDR_V4MAPPED(a6), b_mapped = !b6 || IN6_IS_ADDR_V4MAPPED(b6);
        bool a_any = IN6_IS_ADDR_UNSPECIFIED(a6), b_any = b6 && IN6_IS_ADDR_UNSPECIFIED(b6);

        if (a_mapped && b_mapped)
                return v4_equal(a, b, b_only, true);
        if (a_any && b_any)
                return true;
        if (a_any && !(a_only && b_mapped))
                return true;
        return b6 && memcmp(a6, b6, sizeof(*a6)) == 0;
}

static bool matches(const struct model_socket *s)
{
        struct in6_addr v6;

        if (bucket.fastreuseport <= 0 || !s->reuseport || bucket.fastuid != s->uid)
                return false;
        memcpy(&v6, bucket.v6, sizeof(v6));
        if (bucket.family == AF_INET6)
                return v6_equal(&v6, s->family == AF_INET6 ? &s->v6 : NULL, bucket.v4, s->v4, bucket.v6only, s->v6only);
        return v4_equal(bucket.v4, s->v4, s->v6only, true);
}

static void update(const struct model_socket *s)
{
        if (!s->reuseaddr || s->listening)
                bucket.fastreuse = 0;
        if (!s->reuseport)
                bucket.fastreuseport = 0;
        else if (!matches(s)) {
                bucket.fastreuseport = 2;
                bucket.fastuid = s->uid;
                bucket.family = s->family;
                bucket.v4 = s->v4;
                memcpy(bucket.v6, &s->v6, sizeof(bucket.v6));
                bucket.v6only = s->v6only;
        }
}

/* ------------------------------------------------ who owns the port */

static void count_owners(unsigned int *ret_all, unsigned int *ret_autobound)
{
        *ret_all = n_left;
        *ret_autobound = n_left_autobound;
        for (size_t i = 0; i < LIVE_SLOTS; i++) {
                *ret_all += sockets[i].owner;
                *ret_autobound += sockets[i].owner && sockets[i].autobound;
        }
}

static void take(struct model_socket *s, bool autobound)
{
        unsigned int all, clients;

        count_owners(&all, &clients);
        if (all == 0)
                bucket.fastreuse = bucket.fastreuseport = autobound ? -1 : 0;
        s->owner = true;
        s->autobound = autobound;
}

/* d57f4b874946: with clients alone the port is as good as new. */
static void release(struct model_socket *s, bool leaves)
{
        unsigned int all, clients;

        if (!s->owner)
                return;
        s->owner = s->listening = false;
        n_left += leaves;
        n_left_autobound += leaves && s->autobound;
        count_owners(&all, &clients);
        if (!leaves && all > 0 && all == clients)
                bucket.fastreuse = bucket.fastreuseport = -1;
}

/* ------------------------------------------------ what was called */

static void set_address(struct model_socket *s, const struct live_address *a)
{
        if (a->sa.any.sa_family == AF_INET) {
                s->v4 = a->sa.in.sin_addr.s_addr;
                return;
        }
        s->v6 = a->sa.in6.sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(&s->v6))
                memcpy(&s->v4, &s->v6.s6_addr[12], sizeof(s->v4));
        else
                s->v4 = IN6_IS_ADDR_UNSPECIFIED(&s->v6) ? 0 : htonl(0x7f000006); /* LOOPBACK4_IPV6 */
        if (s->v4 == htonl(0x7f000006) && !IN6_IS_ADDR_V4MAPPED(&s->v6))
                s->v6only = true;
}

static void did_bind(struct model_socket *s, const struct live_op *op, uint16_t port)
{
        set_address(s, &op->address);
        if (ntohs(op->address.sa.in.sin_port) != port)
                return;
        take(s, false);
        update(s);
}

static void did_listen(struct model_socket *s)
{
        if (!s->owner || s->listening)
                return;
        s->listening = true;
        update(s);
}

static void did_accept(const struct live_op *op)
{
        struct model_socket *child = &sockets[op->other];

        if (!sockets[op->slot].listening)
                return;
        *child = sockets[op->slot];
        child->listening = false;
        take(child, false);
}

/* A connection that is closed leaves something behind, unless it is reset. */
static void did_close(struct model_socket *s, unsigned int slot, bool reset)
{
        release(s, !reset && (slot % 4 == 3 || s->autobound));
}

static void did_option(struct model_socket *s, const struct live_op *op)
{
        if (op->code == OP_REUSEADDR)
                s->reuseaddr = op->a;
        else if (op->code == OP_REUSEPORT)
                s->reuseport = op->a;
        else if (op->code == OP_V6ONLY)
                s->v6only = op->a;
        else if (op->code == OP_CHOWN)
                s->uid = op->uid;
        else if (op->code == OP_SHUTDOWN && op->a == SHUT_RDWR)
                s->listening = false;
        else if (op->code == OP_WAIT_STATE && op->a == AIU_STATE_CLOSE)
                release(s, true); /* TIME_WAIT has the port */
}

static void did(const struct live_op *op, const struct live_result *result, uint16_t port)
{
        struct model_socket *s = &sockets[op->slot];

        switch (op->code) {
        case OP_SOCKET:
                *s = (struct model_socket){ .uid = op->uid, .family = op->a };
                break;
        case OP_BIND:
                did_bind(s, op, port);
                break;
        case OP_LISTEN:
                did_listen(s);
                break;
        case OP_CONNECT:
        case OP_CONNECT_NOWAIT:
                if (!s->owner && result->value == port)
                        take(s, true);
                break;
        case OP_ACCEPT:
                did_accept(op);
                break;
        case OP_CLOSE:
        case OP_RESET:
                did_close(s, op->slot, op->code == OP_RESET);
                break;
        default:
                did_option(s, op);
        }
}

void history_learn(const struct stage *stage)
{
        memset(sockets, 0, sizeof(sockets));
        memset(&bucket, 0, sizeof(bucket));
        n_left = n_left_autobound = 0;
        for (size_t i = 0; i < stage->n_ops; i++)
                if (stage->results[i].error == 0 && stage->ops[i].slot < SLOT_FILL)
                        did(&stage->ops[i], &stage->results[i], stage->port);
        bucket.size = sizeof(bucket);
        bucket.port = stage->port;
        told = stage->mode == MODE_TCP;
}

void history_forget(void)
{
        told = false;
}

/* ------------------------------------------------ the backend */

static int tell(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        unsigned int all, clients;
        int r = 0;

        (void)userdata;
        count_owners(&all, &clients);
        if (told && all > 0 && request->protocol == IPPROTO_TCP && request->port == bucket.port)
                r = aiu_snapshot_add_port_cache(snapshot, &bucket);
        return r < 0 ? r : AIU_PARTIAL;
}

int history_add(struct aiu_context *context)
{
        static const struct aiu_backend backend = { .size = sizeof(backend), .name = "history", .sockets = tell };

        return aiu_context_add_backend(context, &backend, NULL);
}

bool history_is_modelled(void)
{
        struct utsname name;
        unsigned int major, minor;

        return uname(&name) == 0 && sscanf(name.release, "%u.%u", &major, &minor) == 2 &&
               (major > 6 || (major == 6 && minor >= 18));
}
