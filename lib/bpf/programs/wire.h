/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the programs in the kernel and the module share: one value of a mapped array. */
#ifndef AIU_BPF_WIRE_H
#define AIU_BPF_WIRE_H

#ifdef __bpf__
#include "kernel.h"
#else
#include <linux/types.h>
#endif

enum {
        WIRE_BUCKETS = 8,
        WIRE_SOCKETS = 4096,
        WIRE_WANTED_BITS = 10,
        WIRE_WANTED = 1 << WIRE_WANTED_BITS,
        WIRE_HITS = 4096,
};

enum wire_status {
        WIRE_NOTHING = 0, /* the program did not run */
        WIRE_DONE = 1,
        WIRE_NO_TABLE = 2, /* this kernel has the table elsewhere */
        WIRE_CUT = 3,      /* a limit was reached: there is more */
        WIRE_ASTRAY = 4    /* the tables changed under the walk */
};

/* Out, of find_own: has the socket a group of its own, so that it shares no port by SO_REUSEPORT? */
enum wire_group {
        WIRE_GROUP_UNSEEN = 0, /* the socket was not found */
        WIRE_GROUP_NONE = 1,
        WIRE_GROUP_OWN = 2,
        WIRE_GROUP_CLOSED = 3 /* ... of listeners that were closed: some rules ask for that, some do not */
};

/* struct inet_bind_bucket: what the kernel keeps for a TCP port and a VRF. */
struct wire_bucket {
        __s32 l3mdev;
        __s8 fastreuse, fastreuseport, v6only;
        __u8 unused;
        __u32 uid;
        __u32 v4; /* network order */
        __u8 v6[16];
        __u16 family;
        __u16 unused2[3];
};

struct wire_socket {
        __u64 file; /* struct file *; 0 = none */
        __u64 inode;
        __u64 cookie; /* 0 = the kernel made none yet */
        __u64 cgroup;
        __s64 jiffies_left; /* of a minisock */
        __u32 uid;
        __u32 ifindex;
        __s32 l3mdev;
        __u32 references; /* of the file */
        __u16 port;       /* host order */
        __u16 peer_port;  /* network order */
        __u8 family, state, reuseaddr, reuseport, v6only, locks, minisock, unused;
        __u8 local[16], peer[16];
};

/* A descriptor that refers to a wanted file. */
struct wire_hit {
        __u64 file, table;
        __u32 pid, thread, fd, unused;
};

struct wire {
        __u64 zero; /* a 0 that the verifier does not know: see port.bpf.c */
        /* in */
        __u32 port, protocol, n_wanted, group;
        __u64 own_cookie, own_inode;
        /* out, of walk_port */
        __u32 status, n_buckets, n_sockets, n_in_slot;
        __u64 n_steps;
        /* out, of find_holders */
        __u32 n_hits, n_unread;
        __u64 n_tables;
        struct wire_bucket buckets[WIRE_BUCKETS];
        __u64 wanted[WIRE_WANTED]; /* in: struct file *, ascending; the rest is ~0 */
        /* out, of read_files: what these are now */
        __u64 inodes[WIRE_WANTED];
        __u32 references[WIRE_WANTED];
        struct wire_hit hits[WIRE_HITS];
        struct wire_socket sockets[WIRE_SOCKETS];
};

#endif
