/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a scene to system calls: how a socket gets into each state, on purpose
 * and again on another port. Everything that depends on a softirq (a FIN that
 * is acknowledged, a TIME_WAIT that begins) is waited for.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "scenario.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/* Slots of holder i: its socket or listener, the client, the accepted child, the counterpart's child. */
#define MAIN(i) ((uint8_t)((i)*4 + 1))
#define CLIENT(i) ((uint8_t)((i)*4 + 2))
#define CHILD(i) ((uint8_t)((i)*4 + 3))
#define FAR(i) ((uint8_t)((i)*4 + 4))

enum { TCP_STATE_CLOSE = 7, TCP_STATE_FIN_WAIT2 = 5 };
#define LONG_LINGER 100 /* seconds; above TCP_TIMEWAIT_LEN an orphan stays a full socket */

struct script {
        const struct live *live;
        const struct scene_holder *h;
        unsigned int index;
        uint16_t port;
        struct live_op *ops;
        size_t n;
};

static struct live_op *add(struct script *s, enum live_code code, enum live_who who, uint8_t slot)
{
        struct live_op *op = &s->ops[s->n < LIVE_MAX_OPS - 1 ? s->n++ : s->n];

        *op = (struct live_op){ .code = (uint8_t)code, .who = (uint8_t)who, .slot = slot };
        return op;
}

static void add_value(struct script *s, enum live_code code, uint8_t slot, int a)
{
        add(s, code, s->h->who, slot)->a = a;
}

static void add_option(struct script *s, uint8_t slot, enum live_code code, unsigned int bit)
{
        if (s->h->options & bit)
                add_value(s, code, slot, 1);
}

/* The socket of the holder, with its options, not bound. */
static void add_socket(struct script *s)
{
        uint8_t slot = MAIN(s->index);
        struct live_op *op = add(s, OP_SOCKET, s->h->who, slot);

        op->a = place_family(s->h->place);
        op->b = s->h->type;
        op->c = s->h->protocol;
        op->uid = s->h->uid;
        add_option(s, slot, OP_REUSEADDR, OPT_REUSEADDR);
        add_option(s, slot, OP_REUSEPORT, OPT_REUSEPORT);
        if (op->a == AF_INET6)
                add_value(s, OP_V6ONLY, slot, (s->h->options & OPT_V6ONLY) != 0);
        if (s->h->ifindex)
                add_value(s, OP_DEVICE, slot, (int)s->h->ifindex);
}

static void add_bind(struct script *s, uint16_t port)
{
        add(s, OP_BIND, s->h->who, MAIN(s->index))->address = place_address(s->live, s->h->place, port);
}

static void add_bound(struct script *s)
{
        add_socket(s);
        add_bind(s, s->port);
}

/* The loopback address to reach `place` at: itself, unless it is a wildcard. */
static struct live_address reach(const struct live *live, unsigned int place, unsigned int via, uint16_t port)
{
        static const char *const v4[] = { "127.0.0.1", "127.0.0.2", "127.0.0.1", "127.0.0.3" };
        static const char *const dual[] = { "::1", "127.0.0.1", "::1", "127.0.0.2" };
        struct live_address a = place_address(live, place, port);

        if (a.sa.any.sa_family == AF_INET && a.sa.in.sin_addr.s_addr == INADDR_ANY)
                return live_ip(v4[via], port, 0);
        if (a.sa.any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a.sa.in6.sin6_addr))
                return live_ip(dual[via], port, 0);
        if (a.sa.any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a.sa.in6.sin6_addr)) {
                char text[INET6_ADDRSTRLEN];
                const uint8_t *b = a.sa.in6.sin6_addr.s6_addr + 12;

                snprintf(text, sizeof(text), "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
                return live_ip(b[0] ? text : v4[via], port, 0);
        }
        return a;
}

/* The same, for a socket of the holder's own family. */
static struct live_address reach_from(const struct live *live, unsigned int place, unsigned int via, uint16_t port)
{
        struct live_address to = reach(live, place, via, port);
        char text[64];

        if (place_family(place) == AF_INET || to.sa.any.sa_family == AF_INET6)
                return to;
        snprintf(text, sizeof(text), "::ffff:127.0.0.%u", ntohl(to.sa.in.sin_addr.s_addr) & 255u);
        return live_ip(text, port, 0);
}

/* A client of the holder's listener, and the accepted child. */
static void add_client(struct script *s)
{
        struct live_op *op;
        struct live_address to = reach(s->live, s->h->place, s->h->via, s->port);

        op = add(s, OP_SOCKET, s->h->who, CLIENT(s->index));
        op->a = to.sa.any.sa_family;
        op->b = SOCK_STREAM;
        op->c = s->h->protocol;
        op->uid = s->h->uid;
        add(s, OP_CONNECT, s->h->who, CLIENT(s->index))->address = to;
}

static void add_accept(struct script *s)
{
        struct live_op *op = add(s, OP_ACCEPT, s->h->who, MAIN(s->index));

        op->other = CHILD(s->index);
        op->uid = s->h->accept_uid;
}

static void add_listener(struct script *s)
{
        add_bound(s);
        add_value(s, OP_LISTEN, MAIN(s->index), 8);
}

static void add_accepted(struct script *s)
{
        add_listener(s);
        add_client(s);
        add_accept(s);
}

/* The accepted child ends its side first. */
static void add_fin(struct script *s)
{
        add_value(s, OP_SHUTDOWN, CHILD(s->index), SHUT_WR);
        add(s, OP_READ_EOF, s->h->who, CLIENT(s->index));
        add_value(s, OP_WAIT_STATE, CHILD(s->index), TCP_STATE_FIN_WAIT2);
}

static void add_time_wait(struct script *s)
{
        add_accepted(s);
        add_fin(s);
        add(s, OP_CLOSE, s->h->who, CLIENT(s->index));
        add_value(s, OP_WAIT_STATE, CHILD(s->index), TCP_STATE_CLOSE);
        add(s, OP_CLOSE, s->h->who, CHILD(s->index));
}

static void close_listener(struct script *s)
{
        add(s, OP_CLOSE, s->h->who, MAIN(s->index));
}

static void add_range(struct script *s, int first, int last)
{
        struct live_op *op = add(s, OP_RANGE, WHO_ROOT, 0);

        op->a = first;
        op->b = last;
}

/* connect() on a socket without a port, when the port is the only one there is. */
static void add_autobind(struct script *s, enum live_code how, uint16_t to)
{
        add_socket(s);
        if (s->h->type == SOCK_STREAM && s->h->place < N_COMMON_PLACES) {
                add_value(s, OP_NO_PORT, MAIN(s->index), 1);
                add_bind(s, 0);
        }
        add_range(s, s->port, s->port);
        add(s, how, s->h->who, MAIN(s->index))->address = reach_from(s->live, s->h->place, s->h->via, to);
        add_range(s, LIVE_RANGE_FIRST, LIVE_RANGE_LAST);
}

static void add_connect(struct script *s, enum live_code how, uint16_t to)
{
        add(s, how, s->h->who, MAIN(s->index))->address = reach_from(s->live, s->h->place, s->h->via, to);
}

/* The client, whose port it is, closes first. */
static void add_client_time_wait(struct script *s)
{
        struct live_op *op;

        add_autobind(s, OP_CONNECT, LIVE_PORT_OPEN);
        op = add(s, OP_ACCEPT, WHO_ROOT, SLOT_OPEN);
        op->other = FAR(s->index);
        add_value(s, OP_SHUTDOWN, MAIN(s->index), SHUT_WR);
        add(s, OP_READ_EOF, WHO_ROOT, FAR(s->index));
        add_value(s, OP_WAIT_STATE, MAIN(s->index), TCP_STATE_FIN_WAIT2);
        add(s, OP_CLOSE, WHO_ROOT, FAR(s->index));
        add_value(s, OP_WAIT_STATE, MAIN(s->index), TCP_STATE_CLOSE);
        add(s, OP_CLOSE, s->h->who, MAIN(s->index));
}

static void add_orphan(struct script *s, int linger2)
{
        add_accepted(s);
        if (linger2)
                add_value(s, OP_LINGER2, CHILD(s->index), linger2);
        add_fin(s);
        add(s, OP_CLOSE, s->h->who, CHILD(s->index));
        close_listener(s);
}

static void add_close_wait(struct script *s)
{
        add_accepted(s);
        add_value(s, OP_SHUTDOWN, CLIENT(s->index), SHUT_WR);
        add(s, OP_READ_EOF, s->h->who, CHILD(s->index));
}

static void add_passive(struct script *s)
{
        switch (s->h->state) {
        case STATE_ACCEPTED:
                add_accepted(s);
                break;
        case STATE_ACCEPTED_ALONE:
                add_accepted(s);
                close_listener(s);
                break;
        case STATE_UNACCEPTED:
                add_listener(s);
                add_client(s);
                break;
        case STATE_CLOSE_WAIT:
                add_close_wait(s);
                break;
        case STATE_CLOSE_WAIT_ALONE:
                add_close_wait(s);
                close_listener(s);
                break;
        case STATE_FIN_WAIT:
                add_accepted(s);
                add_fin(s);
                close_listener(s);
                break;
        case STATE_ORPHAN:
                add_orphan(s, LONG_LINGER);
                break;
        case STATE_MINISOCK:
                add_orphan(s, 0);
                break;
        case STATE_TIME_WAIT:
                add_time_wait(s);
                close_listener(s);
                break;
        default:
                add_time_wait(s);
                break;
        }
}

static void add_active(struct script *s)
{
        switch (s->h->state) {
        case STATE_CLIENT_AUTO:
                add_autobind(s, OP_CONNECT, LIVE_PORT_OPEN);
                break;
        case STATE_CLIENT_BOUND:
                add_bound(s);
                add_connect(s, OP_CONNECT, LIVE_PORT_OPEN);
                break;
        case STATE_DISCONNECTED:
                add_bound(s);
                add_connect(s, OP_CONNECT, LIVE_PORT_OPEN);
                add(s, OP_DISCONNECT, s->h->who, MAIN(s->index));
                break;
        case STATE_CLIENT_TIME_WAIT:
                add_client_time_wait(s);
                break;
        case STATE_SYN_SENT:
                add_bound(s);
                add_connect(s, OP_CONNECT_NOWAIT, LIVE_PORT_FULL);
                break;
        default:
                add_autobind(s, OP_CONNECT_NOWAIT, LIVE_PORT_FULL);
                break;
        }
}

static void add_holder(struct script *s)
{
        switch (s->h->state) {
        case STATE_BOUND:
                add_bound(s);
                break;
        case STATE_LISTEN:
                add_listener(s);
                break;
        case STATE_SHUT:
        case STATE_RELISTEN:
                add_listener(s);
                add_value(s, OP_SHUTDOWN, MAIN(s->index), SHUT_RDWR);
                if (s->h->state == STATE_RELISTEN)
                        add_value(s, OP_LISTEN, MAIN(s->index), 8);
                break;
        case STATE_CLIENT_AUTO:
        case STATE_CLIENT_BOUND:
        case STATE_DISCONNECTED:
        case STATE_CLIENT_TIME_WAIT:
        case STATE_SYN_SENT:
        case STATE_SYN_SENT_AUTO:
                add_active(s);
                break;
        default:
                add_passive(s);
                break;
        }
}

static void add_later(struct script *s, const struct scenario *scenario, unsigned int after)
{
        for (unsigned int i = 0; i < scenario->n_later; i++) {
                const struct scene_later *l = &scenario->later[i];
                struct live_op *op;

                if (l->after != after)
                        continue;
                op = add(s, l->code, scenario->holders[l->holder].who, (uint8_t)(MAIN(l->holder) + l->slot));
                op->a = l->value;
                op->uid = l->uid;
        }
}

size_t scenario_ops(const struct live *live, const struct scenario *scenario, uint16_t port, struct live_op *ops)
{
        struct script s = { .live = live, .port = port, .ops = ops };

        for (unsigned int i = 0; i < scenario->n_holders; i++) {
                s.h = &scenario->holders[i];
                s.index = i;
                add_holder(&s);
                add_later(&s, scenario, i + 1);
        }
        return s.n;
}

static void must(struct live *live, struct live_op op)
{
        int error = live_run_one(live, op, NULL);

        if (error)
                live_die("the counterparts of the scenes", error);
}

static void listen_at(struct live *live, uint8_t slot, uint16_t port, int backlog)
{
        must(live,
             (struct live_op){ .code = OP_SOCKET, .who = WHO_ROOT, .slot = slot, .a = AF_INET6, .b = SOCK_STREAM });
        must(live,
             (struct live_op){ .code = OP_BIND, .who = WHO_ROOT, .slot = slot, .address = live_ip("::", port, 0) });
        must(live, (struct live_op){ .code = OP_LISTEN, .who = WHO_ROOT, .slot = slot, .a = backlog });
}

void scenario_start_counterparts(struct live *live)
{
        listen_at(live, SLOT_OPEN, LIVE_PORT_OPEN, 64);
        listen_at(live, SLOT_FULL, LIVE_PORT_FULL, 0);
        must(live, (struct live_op){
                           .code = OP_SOCKET, .who = WHO_ROOT, .slot = SLOT_FILL, .a = AF_INET6, .b = SOCK_STREAM });
        must(live, (struct live_op){ .code = OP_CONNECT,
                                     .who = WHO_ROOT,
                                     .slot = SLOT_FILL,
                                     .address = live_ip("::1", LIVE_PORT_FULL, 0) });
}
