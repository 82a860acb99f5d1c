/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The types of the kernel that the programs read, member by member. Each access is relocated to the layout of the
 * running kernel (CO-RE), so order and offsets do not matter here, and no vmlinux.h is needed to build. A flavour
 * (struct name___what) has members that other kernels have.
 */
#ifndef AIU_BPF_KERNEL_H
#define AIU_BPF_KERNEL_H

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef int __s32;
typedef long long __s64;

#define NULL ((void *)0)

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct hlist_node {
        struct hlist_node *next;
};
struct hlist_head {
        struct hlist_node *first;
};

typedef struct {
        int counter;
} atomic_t;
typedef struct {
        __s64 counter;
} atomic64_t;
typedef struct {
        __u32 val;
} kuid_t;
struct in6_addr {
        __u8 bytes[16];
};

/* ---- networking */
struct net;
typedef struct {
        struct net *net;
} possible_net_t;
struct inet_bind_hashbucket {
        struct hlist_head chain;
};
struct inet_hashinfo {
        struct inet_bind_hashbucket *bhash;
        unsigned int bhash_size;
};
struct inet_timewait_death_row {
        struct inet_hashinfo *hashinfo;
};
struct udp_hslot {
        struct hlist_head head;
        int count;
};
struct udp_table {
        struct udp_hslot *hash;
        unsigned int mask;
};
struct netns_ipv4 {
        struct inet_timewait_death_row tcp_death_row;
        struct udp_table *udp_table; /* 6.2 */
};
struct net {
        __u32 hash_mix;
        struct netns_ipv4 ipv4;
};
struct sock_common {
        __u32 skc_daddr, skc_rcv_saddr;
        __u16 skc_dport, skc_num;
        unsigned short skc_family;
        unsigned char skc_state;
        unsigned int skc_hash;
        unsigned char skc_reuse : 4, skc_reuseport : 1, skc_ipv6only : 1;
        int skc_bound_dev_if;
        struct hlist_node skc_bind_node, skc_node;
        possible_net_t skc_net;
        struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
        atomic64_t skc_cookie;
};
struct kernfs_node {
        __u64 id;
};
struct cgroup {
        struct kernfs_node *kn;
};
struct sock_cgroup_data {
        struct cgroup *cgroup;
};
struct file;
struct sock;
struct socket {
        struct file *file;
        struct sock *sk;
};
struct sock_reuseport {
        __u16 num_closed_socks; /* 5.14 */
};
struct sock {
        struct sock_common __sk_common;
        __u8 sk_userlocks; /* a bit-field before 6.3 */
        __u16 sk_type;
        kuid_t sk_uid;
        struct socket *sk_socket;
        struct sock_cgroup_data sk_cgrp_data;
        struct sock_reuseport *sk_reuseport_cb;
};
struct sock___617 {
        unsigned long sk_ino;
};
struct timer_list {
        unsigned long expires;
};
struct inet_timewait_sock {
        unsigned char tw_substate;
        struct timer_list tw_timer;
};
struct inet_bind_bucket {
        possible_net_t ib_net;
        int l3mdev;
        unsigned short port;
        signed char fastreuse, fastreuseport;
        kuid_t fastuid;
        struct in6_addr fast_v6_rcv_saddr;
        __u32 fast_rcv_saddr;
        unsigned short fast_sk_family;
        _Bool fast_ipv6_only;
        struct hlist_node node;
        struct hlist_head bhash2; /* 6.8 */
};
struct inet_bind_bucket___before68 {
        struct hlist_head owners;
};
struct inet_bind2_bucket {
        struct hlist_node bhash_node; /* 6.8 */
        struct hlist_head owners;
};

/* ---- files and tasks */
struct inode {
        unsigned long i_ino;
        kuid_t i_uid;
};
struct dentry {
        struct inode *d_inode;
};
struct path {
        struct dentry *dentry;
};
typedef struct {
        atomic64_t refcnt;
} file_ref_t;
struct file {
        struct inode *f_inode;
        file_ref_t f_ref; /* 6.13 */
        void *private_data;
};
struct file___before613 {
        atomic64_t f_count;
};
struct fdtable {
        unsigned int max_fds;
        struct file **fd;
};
struct files_struct {
        struct fdtable *fdt;
};
struct nsproxy {
        struct net *net_ns;
};
struct upid {
        int nr;
};
struct pid {
        unsigned int level;
        struct upid numbers[1];
};
struct task_struct {
        int pid, tgid;
        struct task_struct *group_leader;
        struct files_struct *files;
        struct nsproxy *nsproxy;
        struct pid *thread_pid;
};
struct bpf_iter__task {
        struct task_struct *task;
};

/* ---- AF_UNIX */
struct sockaddr_un {
        char sun_path[108];
};
struct unix_address {
        int len;
        struct sockaddr_un name[1];
};
struct unix_sock {
        struct sock sk;
        struct unix_address *addr;
        struct path path;
};
struct bpf_iter__unix {
        struct unix_sock *unix_sk;
        __u32 uid;
};

#pragma clang attribute pop
#endif
