/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tree of cgroup2. The id of a cgroup, as INET_DIAG_CGROUP_ID has it, is the inode number of its directory
 * (kernfs_ino()), and getdents64(2) shows that of each entry: a directory is opened only to look below it. Slices
 * come first: .socket units and services are two or three levels down in them.
 */
#ifndef AIU_CGROUPFS_H
#define AIU_CGROUPFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cgroupfs_walk {
        int root;            /* the descriptor of the directory to start at */
        size_t most;         /* directories; the rest is left out */
        uint64_t until_nsec; /* CLOCK_MONOTONIC; 0 = no end */
        bool likely_only;    /* not below directories in which no unit and no container is; `visit` may change it */
        /* Called for each directory below the root, of which it gets the id and the path ("/a/b").
         * 0 = go on; all else ends the walk, which returns it. */
        int (*visit)(struct cgroupfs_walk *walk, uint64_t id, const char *path);
        void *userdata;
};

/* A descriptor of the root of cgroup2, or a negative errno; -ENOENT: it is not mounted where it should be. */
int cgroupfs_open(void);
/* `path` as a visitor gets it, as openat(2) wants it below the root. */
const char *cgroupfs_below(const char *path);
/*
 * Returns 0; what `visit` returned; -ETIME: the time is over, or there were more directories; -ENOMEM;
 * -EMFILE, -ENFILE. A directory that cannot be read is left out.
 */
int cgroupfs_walk(struct cgroupfs_walk *walk);

#endif
