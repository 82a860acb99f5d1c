/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the programs that watch and the module share: settings in a mapped array, events in a ring buffer. */
#ifndef AIU_BPF_WATCH_WIRE_H
#define AIU_BPF_WATCH_WIRE_H

#include "wire.h"

enum {
        WATCH_RING_BYTES = 1 << 21,
        WATCH_FAILURES = 16384, /* different ones that are counted at the same time */
        WATCH_ADDRESS = 112,    /* struct sockaddr_un has 110 bytes */
        WATCH_SOCKETS = 8,      /* that were on the port */
        WATCH_BIND = 1,
        WATCH_LISTEN = 2,
};

struct watch_settings {
        /* Filters; 0 = none. The numbers of users begin at 0, so this one is one more. */
        __u32 netns, uid_plus_1;
        __u64 cgroup;
        __u32 port;
        /* The process that watches, for which no event is made: as the initial pid namespace numbers it. */
        __u32 own_tgid;
        /* The socket of that process that is about to fail: note where the process is. 0 = none */
        __u64 learn_cookie;
        __u32 level; /* how deep its pid namespace is */
        __u64 pidns;
        __u64 root_mount, root_dentry; /* where its paths begin */
        __u64 zero;                    /* a 0 that the verifier does not know: see port.bpf.c */
        __u64 quiet_nsec;              /* equal failures are counted for so long */
        /* Counters */
        __u64 failures; /* that passed the filters */
        __u64 lost;     /* of which no event was made, as the ring buffer was full */
};

/* Equal failures: the same address of the same kind of socket, the same call and errno. */
struct watch_failure {
        __u32 netns;
        __u16 protocol;
        __u8 call, type;
        __s32 error; /* positive */
        __u32 bytes;
        __u8 address[WATCH_ADDRESS]; /* struct sockaddr */
        __u64 mount, dentry;         /* where a path begins: another one is another file; 0 = it is no path */
};

struct watch_count {
        __u64 since; /* bpf_ktime_get_ns() of the last event */
        __u64 n;     /* failures since then */
};

struct watch_event {
        struct watch_failure failure;
        __u64 time_nsec; /* CLOCK_MONOTONIC */
        __u64 repeats;   /* failures since the event before, without this one */
        __u64 cookie, inode, cgroup;
        __u64 start_nsec; /* of the process, since boot */
        __u32 pid;        /* of the process, in the pid namespace of the watcher; 0 = not in there */
        __u32 tgid;       /* in the initial one */
        __u32 uid;        /* owner of the socket */
        __u32 ifindex;
        __u8 reuseaddr, reuseport, v6only;
        __u8 same_root; /* an absolute path is the same file to the watcher */
        __u32 n_sockets;
        char comm[16];
        struct wire_socket sockets[WATCH_SOCKETS]; /* n_sockets of them; the rest is undefined */
};

#endif
