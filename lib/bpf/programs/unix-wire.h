/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the program for AF_UNIX and the module share: one value of a mapped array. */
#ifndef AIU_BPF_UNIX_WIRE_H
#define AIU_BPF_UNIX_WIRE_H

#ifdef __bpf__
#include "kernel.h"
#else
#include <linux/types.h>
#endif

enum {
        UNIX_WIRE_SOCKETS = 512,
        UNIX_WIRE_NAME = 128, /* sun_path, with zeros behind it */
};

struct unix_wire_socket {
        __u64 file; /* struct file *; 0 = none */
        __u64 inode;
        __u64 cookie; /* 0 = the kernel made none yet */
        __u32 uid;
        __u16 type;
        __u8 state, unused;
};

struct unix_wire {
        /* in: the sockets of this abstract name or, with 0 bytes, those whose file has the inode */
        __u64 file_inode;
        __u32 name_bytes;
        __u32 cut; /* out: there are more */
        __u8 name[UNIX_WIRE_NAME];
        /* out: of an abstract name only those that are bound */
        __u32 n_sockets, n_accepted, n_seen, unused;
        struct unix_wire_socket sockets[UNIX_WIRE_SOCKETS];
};

#endif
