/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A source of events: something of the kernel's that may tell when a conflict ends. One file each. A source that is
 * refused or missing costs time, never the answer: then the wait looks again by the clock.
 */
#ifndef AIU_WAIT_SOURCE_H
#define AIU_WAIT_SOURCE_H

#include "rules/model.h"

/* What is waited for, as far as a source wants to know. */
struct subject {
        struct address address;
        uint16_t port;      /* 0 = any */
        int protocol;       /* conflict_protocol() */
        bool plain;         /* only the system calls of doc/security.md */
        bool foreign_paths; /* the path is another process' */
        bool foreign_pids;  /* pids of this /proc mean other processes here */
};

struct source {
        bool in_netns; /* what it tells is of one network namespace */
        bool plain;    /* it needs no other system calls than those of doc/security.md */
        /* A descriptor that becomes readable; -ENODATA: this source has nothing to tell; or why it is refused. */
        int (*subscribe)(const struct subject *subject);
        /* Reads all that has arrived. True: the answer may be another one now. */
        bool (*drain)(int fd, const struct subject *subject);
};

extern const struct source source_sockets;   /* sockets that are destroyed */
extern const struct source source_addresses; /* addresses and devices that come and go */
extern const struct source source_directory; /* a name in a directory */

/* A netlink socket for events: bound, non-blocking, with the classic BPF filter if n_filter > 0. */
struct sock_filter;
int source_open_netlink(int protocol, const struct sock_filter *filter, size_t n_filter, const int *groups,
                        size_t n_groups);
bool source_drain_netlink(int fd);

#endif
