/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel's tables of ports: where the sockets of a port are, and what is read of each. For their traps see port.bpf.c. */
#ifndef AIU_BPF_TABLES_H
#define AIU_BPF_TABLES_H

#include "core.h"
#include "wire.h"

enum {
        TCP = 6,
        UDP = 17,
        FAMILY_INET6 = 10,
        STATE_TIME_WAIT = 6,
        STATE_LISTEN = 10,
};

/* ---- one socket */

INLINE __u32 count_references(struct file *file)
{
        if (EXISTS(struct file, f_ref))
                return (__u32)READ(file, f_ref.refcnt.counter) + 1;
        return (__u32)READ((struct file___before613 *)file, f_count.counter);
}

INLINE void read_addresses(struct wire_socket *to, struct sock_common *from)
{
        if (to->family == FAMILY_INET6) {
                READ_INTO(to->local, from, skc_v6_rcv_saddr);
                READ_INTO(to->peer, from, skc_v6_daddr);
                return;
        }
        READ_INTO(to->local, from, skc_rcv_saddr);
        READ_INTO(to->peer, from, skc_daddr);
}

INLINE void read_minisock(struct wire_socket *to, struct sock_common *from)
{
        struct inet_timewait_sock *minisock = (void *)from;

        to->minisock = 1;
        to->uid = ~0u;
        to->state = READ(minisock, tw_substate);
        to->jiffies_left = (__s64)(READ(minisock, tw_timer.expires) - jiffies());
}

/* The user that the rules compare: sock_i_uid(), which read the inode before 6.17. */
INLINE __u32 read_uid(struct sock *from, struct file *file)
{
        struct inode *inode;

        if (EXISTS(struct sock___617, sk_ino))
                return READ(from, sk_uid.val);
        if (!file)
                return 0;
        inode = READ(file, f_inode);
        return READ(inode, i_uid.val);
}

INLINE void read_sock(struct wire_socket *to, struct sock_common *from)
{
        struct sock *sock = (struct sock *)from;
        struct socket *socket = READ(sock, sk_socket);
        struct file *file = socket ? READ(socket, file) : NULL;
        struct cgroup *cgroup = READ(sock, sk_cgrp_data.cgroup);
        struct kernfs_node *node = READ(cgroup, kn);

        to->locks = (__u8)READ_BITS(sock, sk_userlocks);
        to->cgroup = READ(node, id);
        to->uid = read_uid(sock, file);
        if (file) {
                struct inode *inode = READ(file, f_inode);

                to->file = (__u64)file;
                to->inode = READ(inode, i_ino);
                to->references = count_references(file);
        }
}

INLINE void read_any(struct wire_socket *to, struct sock_common *from, __u32 udp)
{
        to->family = (__u8)READ(from, skc_family);
        to->state = READ(from, skc_state);
        to->port = READ(from, skc_num);
        to->peer_port = READ(from, skc_dport);
        to->reuseaddr = !!READ_BITS(from, skc_reuse);
        to->reuseport = !!READ_BITS(from, skc_reuseport);
        to->v6only = !!READ_BITS(from, skc_ipv6only);
        to->ifindex = (__u32)READ(from, skc_bound_dev_if);
        to->cookie = (__u64)READ(from, skc_cookie.counter);
        read_addresses(to, from);
        if (to->state == STATE_TIME_WAIT && !udp)
                read_minisock(to, from);
        else
                read_sock(to, from);
}

/* ---- from a port to its sockets */

/* The owners of a bucket of TCP, or a slot of UDP. Since 6.8 a bucket has buckets of its own, by address. */
struct chain {
        struct net *net;
        struct hlist_node *bucket, *bucket2, *owner;
        __u32 port;
};

/* 0: this kernel has the table elsewhere. */
INLINE int begin_tcp(struct chain *chain)
{
        struct inet_hashinfo *info;
        char *bucket;
        __u32 mix = READ(chain->net, hash_mix);

        if (!EXISTS(struct net, ipv4.tcp_death_row.hashinfo))
                return 0;
        info = READ(chain->net, ipv4.tcp_death_row.hashinfo);
        bucket = (char *)READ(info, bhash);
        bucket += (__u64)((chain->port + mix) & (READ(info, bhash_size) - 1)) * BYTES(struct inet_bind_hashbucket);
        chain->bucket = READ((struct inet_bind_hashbucket *)bucket, chain.first);
        return 1;
}

/* The slot; NULL: this kernel has the table elsewhere. */
INLINE struct udp_hslot *begin_udp(struct chain *chain, __u32 *ret_mask)
{
        struct udp_table *table;
        __u32 mix = READ(chain->net, hash_mix);
        char *slot;

        if (!EXISTS(struct net, ipv4.udp_table))
                return NULL;
        table = READ(chain->net, ipv4.udp_table);
        *ret_mask = READ(table, mask);
        slot = (char *)READ(table, hash);
        slot += (__u64)((chain->port + mix) & *ret_mask) * BYTES(struct udp_hslot);
        chain->owner = READ((struct udp_hslot *)slot, head.first);
        return (struct udp_hslot *)slot;
}

INLINE int has_bucket2(const struct chain *chain)
{
        return EXISTS(struct inet_bind2_bucket, bhash_node) && chain->bucket2;
}

INLINE void enter_bucket2(struct chain *chain)
{
        struct hlist_node *node = chain->bucket2;

        if (!EXISTS(struct inet_bind2_bucket, bhash_node))
                return;
        chain->owner = READ(CONTAINER(node, struct inet_bind2_bucket, bhash_node), owners.first);
        chain->bucket2 = READ(node, next);
}

/* The next bucket, or NULL if it is of another port or namespace. */
INLINE struct inet_bind_bucket *enter_bucket(struct chain *chain)
{
        struct inet_bind_bucket *bucket = CONTAINER(chain->bucket, struct inet_bind_bucket, node);

        chain->bucket = READ(chain->bucket, next);
        if (READ(bucket, port) != chain->port || READ(bucket, ib_net.net) != chain->net)
                return NULL;
        /* Each branch is guarded by the member that it reads: without it, an old kernel refuses the program. */
        if (EXISTS(struct inet_bind_bucket, bhash2))
                chain->bucket2 = READ(bucket, bhash2.first);
        else
                chain->owner = READ((struct inet_bind_bucket___before68 *)bucket, owners.first);
        return bucket;
}

#endif
