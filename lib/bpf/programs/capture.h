/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sockets on a port at the moment when a call fails: a millisecond later they may be gone. A socket that is missing
 * here is missing in an explanation, and makes none wrong.
 */
#ifndef AIU_BPF_CAPTURE_H
#define AIU_BPF_CAPTURE_H

#include "core.h"
#include "tables.h"
#include "watch-wire.h"

enum { MOST_CAPTURE_STEPS = 1024 };

struct capture {
        struct watch_event *event;
        struct chain chain;
        __u32 udp, n;
};

/* A listener takes the last place from a connection. */
INLINE void capture_owner(struct capture *capture, struct sock_common *sock)
{
        struct wire_socket *to;
        __u32 k = capture->n;

        if (READ(sock, skc_num) != capture->chain.port || READ(sock, skc_net.net) != capture->chain.net)
                return;
        if (k >= WATCH_SOCKETS) {
                if (READ(sock, skc_state) != STATE_LISTEN)
                        return;
                k = WATCH_SOCKETS - 1;
        } else {
                capture->n = k + 1;
        }
        to = &capture->event->sockets[BOUNDED(k, WATCH_SOCKETS)];
        __builtin_memset(to, 0, sizeof(*to));
        read_any(to, sock, capture->udp);
}

static long capture_step(__u32 i, struct capture *capture)
{
        struct chain *chain = &capture->chain;
        struct hlist_node *node = chain->owner;

        if (node) {
                chain->owner = READ(node, next);
                if (capture->udp)
                        capture_owner(capture, CONTAINER(node, struct sock_common, skc_node));
                else
                        capture_owner(capture, CONTAINER(node, struct sock_common, skc_bind_node));
                return 0;
        }
        if (has_bucket2(chain)) {
                enter_bucket2(chain);
                return 0;
        }
        if (!chain->bucket)
                return 1;
        enter_bucket(chain);
        return 0;
}

/* `zero` is a 0 that the verifier does not know. */
INLINE void capture_port(struct watch_event *event, struct net *net, __u32 port, __u32 protocol, __u64 zero)
{
        struct capture capture = {
                .event = event,
                .chain = { .net = net,
                           .bucket = (void *)zero,
                           .bucket2 = (void *)zero,
                           .owner = (void *)zero,
                           .port = port },
                .udp = (__u32)zero,
                .n = (__u32)zero,
        };
        __u32 mask;

        if (!port)
                return;
        if (protocol == TCP) {
                begin_tcp(&capture.chain);
        } else if (protocol == UDP) {
                capture.udp = 1;
                begin_udp(&capture.chain, &mask);
        } else {
                return;
        }
        loop(MOST_CAPTURE_STEPS, capture_step, &capture, 0);
        event->n_sockets = capture.n;
}

#endif
