/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sockets that are on a port at the very moment at which a call fails: a millisecond later they may be gone. For the
 * tables and their traps see port.bpf.c. What is missing here is missing in an explanation, and makes none wrong.
 */
#ifndef AIU_BPF_CAPTURE_H
#define AIU_BPF_CAPTURE_H

#include "core.h"
#include "watch-wire.h"

enum {
        MOST_CAPTURE_STEPS = 1024,
        CAPTURE_TCP = 6,
        CAPTURE_UDP = 17,
        CAPTURE_INET6 = 10,
        CAPTURE_TIME_WAIT = 6,
        CAPTURE_LISTEN = 10,
};

struct capture {
        struct watch_event *event;
        struct net *net;
        struct hlist_node *bucket, *bucket2, *owner;
        __u32 port, udp, n;
};

INLINE void capture_socket(struct watch_socket *to, struct sock_common *from, __u32 udp)
{
        struct sock *sock = (struct sock *)from;
        struct socket *socket;
        struct kernfs_node *node;
        struct cgroup *cgroup;
        struct inode *inode;
        struct file *file;

        to->family = (__u8)READ(from, skc_family);
        to->state = READ(from, skc_state);
        to->peer_port = READ(from, skc_dport);
        to->reuseaddr = !!READ_BITS(from, skc_reuse);
        to->reuseport = !!READ_BITS(from, skc_reuseport);
        to->v6only = !!READ_BITS(from, skc_ipv6only);
        to->ifindex = (__u32)READ(from, skc_bound_dev_if);
        to->cookie = (__u64)READ(from, skc_cookie.counter);
        if (to->family == CAPTURE_INET6) {
                READ_INTO(to->local, from, skc_v6_rcv_saddr);
                READ_INTO(to->peer, from, skc_v6_daddr);
        } else {
                READ_INTO(to->local, from, skc_rcv_saddr);
                READ_INTO(to->peer, from, skc_daddr);
        }
        to->minisock = to->state == CAPTURE_TIME_WAIT && !udp;
        if (to->minisock)
                return;
        to->uid = READ(sock, sk_uid.val);
        cgroup = READ(sock, sk_cgrp_data.cgroup);
        node = READ(cgroup, kn);
        to->cgroup = READ(node, id);
        socket = READ(sock, sk_socket);
        file = socket ? READ(socket, file) : NULL;
        if (!file)
                return;
        inode = READ(file, f_inode);
        to->inode = READ(inode, i_ino);
}

/* A listener takes the last place from a connection. */
INLINE void capture_owner(struct capture *capture, struct sock_common *sock)
{
        __u32 k = capture->n;

        if (READ(sock, skc_num) != capture->port || READ(sock, skc_net.net) != capture->net)
                return;
        if (k >= WATCH_SOCKETS) {
                if (READ(sock, skc_state) != CAPTURE_LISTEN)
                        return;
                k = WATCH_SOCKETS - 1;
        } else {
                capture->n = k + 1;
        }
        capture_socket(&capture->event->sockets[k & (WATCH_SOCKETS - 1)], sock, capture->udp);
}

static long capture_step(__u32 i, struct capture *capture)
{
        struct inet_bind_bucket *bucket;
        struct hlist_node *node;

        if (capture->owner) {
                node = capture->owner;
                capture->owner = READ(node, next);
                if (capture->udp)
                        capture_owner(capture, CONTAINER(node, struct sock_common, skc_node));
                else
                        capture_owner(capture, CONTAINER(node, struct sock_common, skc_bind_node));
                return 0;
        }
        if (EXISTS(struct inet_bind2_bucket, bhash_node) && capture->bucket2) {
                node = capture->bucket2;
                capture->owner = READ(CONTAINER(node, struct inet_bind2_bucket, bhash_node), owners.first);
                capture->bucket2 = READ(node, next);
                return 0;
        }
        if (!capture->bucket)
                return 1;
        bucket = CONTAINER(capture->bucket, struct inet_bind_bucket, node);
        capture->bucket = READ(capture->bucket, next);
        if (READ(bucket, port) != capture->port || READ(bucket, ib_net.net) != capture->net)
                return 0;
        if (EXISTS(struct inet_bind_bucket, bhash2))
                capture->bucket2 = READ(bucket, bhash2.first);
        else
                capture->owner = READ((struct inet_bind_bucket___before68 *)bucket, owners.first);
        return 0;
}

INLINE void capture_begin_tcp(struct capture *capture, __u32 mix)
{
        struct inet_hashinfo *info;
        char *bucket;

        if (!EXISTS(struct net, ipv4.tcp_death_row.hashinfo))
                return;
        info = READ(capture->net, ipv4.tcp_death_row.hashinfo);
        bucket = (char *)READ(info, bhash);
        bucket += (__u64)((capture->port + mix) & (READ(info, bhash_size) - 1)) * BYTES(struct inet_bind_hashbucket);
        capture->bucket = READ((struct inet_bind_hashbucket *)bucket, chain.first);
}

INLINE void capture_begin_udp(struct capture *capture, __u32 mix)
{
        struct udp_table *table;
        char *slot;

        if (!EXISTS(struct net, ipv4.udp_table))
                return;
        table = READ(capture->net, ipv4.udp_table);
        slot = (char *)READ(table, hash);
        slot += (__u64)((capture->port + mix) & READ(table, mask)) * BYTES(struct udp_hslot);
        capture->owner = READ((struct udp_hslot *)slot, head.first);
}

/* `zero` is a 0 that the verifier does not know. */
INLINE void capture_port(struct watch_event *event, struct net *net, __u32 port, __u32 protocol, __u64 zero)
{
        struct capture capture = {
                .event = event,
                .net = net,
                .bucket = (void *)zero,
                .bucket2 = (void *)zero,
                .owner = (void *)zero,
                .port = port,
                .udp = (__u32)zero,
                .n = (__u32)zero,
        };
        __u32 mix = READ(net, hash_mix);

        if (!port)
                return;
        if (protocol == CAPTURE_TCP) {
                capture_begin_tcp(&capture, mix);
        } else if (protocol == CAPTURE_UDP) {
                capture.udp = 1;
                capture_begin_udp(&capture, mix);
        } else {
                return;
        }
        loop(MOST_CAPTURE_STEPS, capture_step, &capture, 0);
        event->n_sockets = capture.n;
}

#endif
