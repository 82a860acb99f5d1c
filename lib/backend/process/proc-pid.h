/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The facts of one process in /proc, read through one descriptor of its directory. After
 * the process exits, that descriptor gives ESRCH, even if the pid is reused
 * (pid_revalidate() in the kernel). So no process is blamed for another one's socket.
 */
#ifndef AIU_PROC_PID_H
#define AIU_PROC_PID_H

#include "addrinuse-backend.h"
#include "backend/process/proc-parse.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROC_MAX_ANCESTORS 32u
#define PROC_PATH_BYTES 4352u     /* PATH_MAX and " (deleted)" */
#define PROC_CMDLINE_BYTES 32769u /* 32 KiB and a NUL */
#define PROC_KIN_CACHE 64u        /* a power of two */

/* One process as its descendants see it. */
struct proc_kin {
        pid_t pid; /* 0 = this place in the cache is free */
        struct proc_stat stat;
};

/* What all processes share that are read in one go. Large: keep it on the heap. */
struct proc_reader {
        int procfs;
        bool plain_calls_only;
        pid_t self;   /* who makes the call, as this procfs numbers it; 0 = unknown */
        pid_t caller; /* ... and who asks about it */
        pid_t asker;  /* aiu_request::pid */
        int asker_directory;
        uint64_t asker_start; /* in ticks */
        bool sees_all_uids;   /* the caller is in the first user namespace */
        uint64_t boot_usec;
        uint64_t ticks_per_second;
        uint64_t self_exe_inode; /* 0 = not known */
        uint64_t self_exe_device;
        struct proc_kin kin[PROC_KIN_CACHE];
        pid_t added_parent;  /* the last one that was added as a master */
        pid_t judged_parent; /* whose child `judgement` is about */
        enum aiu_tristate judgement;
        pid_t own_ancestors[2 * PROC_MAX_ANCESTORS + 1]; /* of the caller and the asker, without pid 1 */
        size_t n_own_ancestors;
        pid_t ancestor_pids[PROC_MAX_ANCESTORS];
        char ancestor_comm[PROC_MAX_ANCESTORS][PROC_COMM_BYTES];
        const char *ancestor_comms[PROC_MAX_ANCESTORS];
        char self_exe[PROC_PATH_BYTES];
        char exe[PROC_PATH_BYTES];
        char cwd[PROC_PATH_BYTES];
        char cgroup[PROC_PATH_BYTES];
        char text[PROC_CMDLINE_BYTES];
};

/* `reader` is zeroed memory; nothing in it needs to be freed. */
void proc_reader_init(struct proc_reader *reader, int procfs, const struct aiu_request *request);
/* Read process `pid` through `directory`, its directory in procfs, and add it to
 * the snapshot. -ESRCH: it is gone, and nothing was added. */
int proc_reader_add(struct proc_reader *reader, int directory, pid_t pid, struct aiu_snapshot *snapshot);
/* What stat says of a process, read once; NULL = nothing. Good until the next call. */
const struct proc_stat *proc_reader_find_kin(struct proc_reader *reader, pid_t pid);
/* Does the parent start it again (proc-parent.c)? What `exe` and `text` have is lost. */
enum aiu_tristate proc_reader_parent_returns(struct proc_reader *reader, const struct proc_stat *child);
/* Is it a thread of the kernel's own, or a zombie? Such have no descriptors. */
bool proc_reader_holds_nothing(struct proc_reader *reader, pid_t pid);

#endif
