/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the two ways to watch have in common: from a socket and an address to an event. Each way is an object of its own,
 * because a light skeleton is loaded as a whole or not at all.
 */
#ifndef AIU_BPF_WATCH_H
#define AIU_BPF_WATCH_H

#include "capture.h"
#include "core.h"
#include "watch-wire.h"

char LICENSE[] SECTION("license") = "GPL"; /* for bpf_probe_read_kernel(): see port.bpf.c */

/* enum bpf_map_type */
enum {
        MAP_HASH = 1,
        MAP_RINGBUF = 27,
};

/* enum bpf_func_id */
static long (*const map_update)(void *map, const void *key, const void *value, __u64 flags) = (void *)2;
static __u64 (*const now_nsec)(void) = (void *)5;
static __u64 (*const current_pid_tgid)(void) = (void *)14;
static long (*const current_comm)(void *to, __u32 bytes) = (void *)16;
static __u64 (*const current_cgroup_id)(void) = (void *)80;
static long (*const read_user)(void *to, __u32 bytes, const void *from) = (void *)112;
static __u64 (*const current_ancestor_cgroup_id)(int level) = (void *)123;
static void *(*const ring_reserve)(void *ring, __u64 bytes, __u64 flags) = (void *)131;
static void (*const ring_submit)(void *record, __u64 flags) = (void *)132;

enum {
        MAP_NOEXIST = 1,
        FAMILY_UNIX = 1,
        FAMILY_INET = 2,
        INET_BYTES = 16,
        INET6_BYTES = 28,
        UNIX_BYTES = 110,
        ADDRINUSE = 98,
        MOST_LEVELS = 48, /* of cgroups */
};

/* ---- types, see kernel.h */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct ns_common {
        unsigned int inum;
};
struct net___watch {
        struct ns_common ns;
};
struct socket___watch {
        short type;
        struct sock *sk;
};
struct sock___watch {
        __u16 sk_protocol; /* a bit-field before 5.6 */
};
struct upid___watch {
        int nr;
        void *ns;
};
struct pid___watch {
        unsigned int level;
        struct upid___watch numbers[1];
};
struct path___watch {
        void *mnt, *dentry;
};
struct fs_struct___watch {
        struct path___watch root, pwd;
};
struct task_struct___watch {
        __u64 start_boottime;
        struct fs_struct___watch *fs;
};
#pragma clang attribute pop

struct {
        MAP_NUMBER(type, MAP_ARRAY);
        MAP_NUMBER(max_entries, 1);
        MAP_NUMBER(map_flags, MAP_MMAPABLE);
        MAP_TYPE(key, __u32);
        MAP_TYPE(value, struct watch_settings);
} settings SECTION(".maps");

struct {
        MAP_NUMBER(type, MAP_HASH);
        MAP_NUMBER(max_entries, WATCH_FAILURES);
        MAP_TYPE(key, struct watch_failure);
        MAP_TYPE(value, struct watch_count);
} counts SECTION(".maps");

struct {
        MAP_NUMBER(type, MAP_RINGBUF);
        MAP_NUMBER(max_entries, WATCH_RING_BYTES);
} ring SECTION(".maps");

INLINE void add(__u64 *counter, __u64 n)
{
        __sync_fetch_and_add(counter, n);
}

/* Errors that say nothing about the address. */
INLINE int is_of_interest(long error)
{
        switch (-error) {
        case 4:   /* EINTR */
        case 9:   /* EBADF */
        case 14:  /* EFAULT */
        case 88:  /* ENOTSOCK */
        case 512: /* ERESTARTSYS */
                return 0;
        default:
                return error < 0 && error > -512;
        }
}

/* ---- filters */

INLINE struct watch_settings *get_settings(void)
{
        __u32 zero = 0;

        return map_lookup(&settings, &zero);
}

INLINE __u32 port_of(const struct watch_failure *failure)
{
        __u16 family = *(const __u16 *)failure->address;

        if (family != FAMILY_INET && family != FAMILY_INET6)
                return 0;
        return (__u32)failure->address[2] << 8 | failure->address[3];
}

/* How many cgroups are above it is not known in a cgroup namespace, which hides those above its root. */
INLINE int is_in_cgroup(__u64 cgroup)
{
        if (current_cgroup_id() == cgroup)
                return 1;
        for (int level = 0; level < MOST_LEVELS; level++) {
                __u64 above = current_ancestor_cgroup_id(level);

                if (above == cgroup)
                        return 1;
                if (!above) /* this level is below its own */
                        return 0;
        }
        return 0;
}

INLINE int is_wanted(const struct watch_settings *s, const struct watch_failure *failure, __u32 uid)
{
        if (s->netns && s->netns != failure->netns)
                return 0;
        if (s->uid_plus_1 && s->uid_plus_1 - 1 != uid)
                return 0;
        if (s->port && s->port != port_of(failure))
                return 0;
        return !s->cgroup || is_in_cgroup(s->cgroup);
}

/* ---- the failure */

INLINE void read_bytes(__u8 *to, __u32 bytes, const void *from, int is_user)
{
        if (is_user)
                read_user(to, bytes, from);
        else
                read_kernel(to, bytes, from);
}

/* The length of the call may be too short or too long: what a family does not have is not read. */
INLINE void read_sockaddr(struct watch_failure *to, const void *from, int is_user, __u32 bytes)
{
        __u16 family = 0;
        __u64 n = bytes;

        /* The verifier wants to see a bound of the very register: the compiler must not compare a copy. */
        __asm__ volatile("" : "+r"(n));
        read_bytes((__u8 *)&family, sizeof(family), from, is_user);
        to->bytes = bytes;
        if (family == FAMILY_UNIX) {
                if (n > UNIX_BYTES)
                        n = UNIX_BYTES;
                if (n > 2)
                        read_bytes(to->address, (__u32)n, from, is_user);
        } else if (family == FAMILY_INET6 && bytes >= INET6_BYTES) {
                read_bytes(to->address, INET6_BYTES, from, is_user);
        } else if (bytes >= INET_BYTES) {
                read_bytes(to->address, INET_BYTES, from, is_user);
        }
        *(__u16 *)to->address = family;
}

/* A mount belongs to one mount namespace, and chroot(2) takes another dentry. */
INLINE void read_place(struct watch_failure *to)
{
        struct fs_struct___watch *fs = READ((struct task_struct___watch *)current_task(), fs);

        if (*(const __u16 *)to->address != FAMILY_UNIX || to->bytes <= 2 || !to->address[2])
                return;
        if (to->address[2] == '/') {
                to->mount = (__u64)READ(fs, root.mnt);
                to->dentry = (__u64)READ(fs, root.dentry);
        } else {
                to->mount = (__u64)READ(fs, pwd.mnt);
                to->dentry = (__u64)READ(fs, pwd.dentry);
        }
}

/* listen(2): the address that the socket has. */
INLINE void read_bound(struct watch_failure *to, struct sock_common *from)
{
        __u16 family = READ(from, skc_family), port = READ(from, skc_num);

        *(__u16 *)to->address = family;
        if (family == FAMILY_UNIX)
                return;
        to->address[2] = (__u8)(port >> 8);
        to->address[3] = (__u8)port;
        if (family == FAMILY_INET6) {
                to->bytes = INET6_BYTES;
                READ_INTO(to->address + 8, from, skc_v6_rcv_saddr);
        } else {
                to->bytes = INET_BYTES;
                READ_INTO(to->address + 4, from, skc_rcv_saddr);
        }
}

/* ---- the event */

/* Others fail at the same time. */
INLINE int is_own(const struct watch_event *event, const struct watch_settings *s)
{
        return s->learn_cookie && s->learn_cookie == event->cookie;
}

INLINE void read_process(struct watch_event *to, struct watch_settings *s)
{
        struct task_struct *task = (struct task_struct *)current_task(), *leader = READ(task, group_leader);
        struct pid___watch *pid = (struct pid___watch *)READ(leader, thread_pid);
        char *numbers = (char *)pid + OFFSET(struct pid___watch, numbers);
        struct upid___watch *number;

        if (is_own(to, s)) {
                s->level = READ(pid, level);
                number = (void *)(numbers + (__u64)s->level * BYTES(struct upid___watch));
                s->pidns = (__u64)READ(number, ns);
        }
        if (READ(pid, level) >= s->level) {
                number = (void *)(numbers + (__u64)s->level * BYTES(struct upid___watch));
                to->pid = (__u64)READ(number, ns) == s->pidns ? (__u32)READ(number, nr) : 0;
        }
        to->tgid = (__u32)(current_pid_tgid() >> 32);
        to->start_nsec = READ((struct task_struct___watch *)leader, start_boottime);
        to->cgroup = current_cgroup_id();
        current_comm(to->comm, sizeof(to->comm));
}

INLINE void read_root(struct watch_event *to, struct watch_settings *s)
{
        struct fs_struct___watch *fs = READ((struct task_struct___watch *)current_task(), fs);
        __u64 mount = (__u64)READ(fs, root.mnt), dentry = (__u64)READ(fs, root.dentry);

        if (is_own(to, s)) {
                s->root_mount = mount;
                s->root_dentry = dentry;
        }
        to->same_root = dentry && mount == s->root_mount && dentry == s->root_dentry;
}

INLINE void read_socket(struct watch_event *to, struct socket *socket, struct sock *sock)
{
        struct sock_common *common = (struct sock_common *)sock;
        struct file *file = READ(socket, file);
        struct inode *inode;

        to->cookie = (__u64)READ(common, skc_cookie.counter);
        to->uid = READ(sock, sk_uid.val);
        to->ifindex = (__u32)READ(common, skc_bound_dev_if);
        to->reuseaddr = !!READ_BITS(common, skc_reuse);
        to->reuseport = !!READ_BITS(common, skc_reuseport);
        to->v6only = !!READ_BITS(common, skc_ipv6only);
        if (!file)
                return;
        inode = READ(file, f_inode);
        to->inode = READ(inode, i_ino);
}

/* True: there was an equal failure a moment ago, and this one was counted. */
INLINE int is_counted(const struct watch_settings *s, const struct watch_failure *failure, __u64 now,
                      __u64 *ret_repeats)
{
        struct watch_count *count = map_lookup(&counts, failure), fresh = { .since = now };

        *ret_repeats = 0;
        if (!s->quiet_nsec)
                return 0;
        if (!count && map_update(&counts, failure, &fresh, MAP_NOEXIST) == 0)
                return 0;
        if (!count)
                count = map_lookup(&counts, failure);
        if (!count) /* the table is full: an event each time */
                return 0;
        if (now - count->since < s->quiet_nsec) {
                add(&count->n, 1);
                return 1;
        }
        *ret_repeats = count->n;
        add(&count->n, -*ret_repeats);
        count->since = now;
        return 0;
}

INLINE int tell(struct socket *socket, const void *address, int is_user, int bytes, __u32 call, long error)
{
        struct watch_settings *s = get_settings();
        struct watch_failure failure;
        struct watch_event *event;
        struct sock_common *common;
        struct sock *sock;
        struct net *net;
        __u64 now = now_nsec(), repeats;
        __u16 family;

        if (!s || (__u32)(current_pid_tgid() >> 32) == s->own_tgid || !is_of_interest(error))
                return 0;
        sock = READ((struct socket___watch *)socket, sk);
        common = (struct sock_common *)sock;
        family = READ(common, skc_family);
        if (family != FAMILY_INET && family != FAMILY_INET6 && family != FAMILY_UNIX)
                return 0;
        __builtin_memset(&failure, 0, sizeof(failure));
        net = READ(common, skc_net.net);
        failure.netns = READ((struct net___watch *)net, ns.inum);
        failure.protocol = (__u16)READ_BITS((struct sock___watch *)sock, sk_protocol);
        failure.type = (__u8)READ((struct socket___watch *)socket, type);
        failure.call = (__u8)call;
        failure.error = (__s32)-error;
        if (call == WATCH_LISTEN)
                read_bound(&failure, common);
        else
                read_sockaddr(&failure, address, is_user, (__u32)bytes);
        read_place(&failure);
        if (!is_wanted(s, &failure, READ(sock, sk_uid.val)))
                return 0;
        add(&s->failures, 1);
        if (is_counted(s, &failure, now, &repeats))
                return 0;
        event = ring_reserve(&ring, sizeof(*event), 0);
        if (!event) {
                add(&s->lost, 1 + repeats);
                return 0;
        }
        __builtin_memset(event, 0, __builtin_offsetof(struct watch_event, sockets));
        event->failure = failure;
        event->time_nsec = now;
        event->repeats = repeats;
        read_socket(event, socket, sock);
        read_process(event, s);
        read_root(event, s);
        if (-error == ADDRINUSE)
                capture_port(event, net, port_of(&failure), failure.protocol, *(volatile __u64 *)&s->zero);
        ring_submit(event, 0);
        return 0;
}

#endif
