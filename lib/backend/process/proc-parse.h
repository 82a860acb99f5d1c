/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Parsers for what procfs says of a process. Pure: text in, struct out. The text is hostile, for a process chooses
 * its own name, and so is a /proc that another user made: nothing is trusted to be there or to be in range.
 */
#ifndef AIU_PROC_PARSE_H
#define AIU_PROC_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROC_COMM_BYTES 65u /* a kernel thread's name has up to 64 bytes: proc_task_name() */

struct proc_stat {
        char comm[PROC_COMM_BYTES];
        char state;
        pid_t ppid;
        pid_t pgrp;
        pid_t session;
        uint64_t tty;   /* 0 = no controlling terminal */
        uint64_t flags; /* PF_* of the kernel */
        uint64_t n_threads;
        uint64_t start_ticks; /* since boot */
};

struct proc_status {
        uid_t euid;    /* (uid_t)-1 = not known */
        uid_t uids[4]; /* real, effective, saved, of the file system */
        bool has_uids;
        bool is_init; /* process 1 of its pid namespace */
        bool has_signals;
        uint64_t pending; /* of the thread and of the process */
        uint64_t blocked;
        uint64_t ignored;
        uint64_t caught;
};

/* Where a cgroup path says that a process belongs. */
enum proc_unit {
        PROC_UNIT_NONE,
        PROC_UNIT_SERVICE,
        PROC_UNIT_SCOPE,
};

/* A decimal number without sign or blank; *text moves behind it. */
bool proc_parse_number(const char **text, int base, uint64_t *ret);
/* A whole string that is a number of a process, thread or descriptor. */
bool proc_parse_id(const char *text, int *ret);
int proc_parse_stat(const char *text, size_t bytes, struct proc_stat *ret);
int proc_parse_status(const char *text, struct proc_status *ret);
/* /proc/PID/uid_map: which uid of the reader's root of that user namespace is; false = none. */
bool proc_parse_root_uid(const char *text, uid_t *ret_uid);
/* Is it the map of the first user namespace, in which every uid is itself? */
bool proc_parse_is_whole_map(const char *text);
/* "socket:[4711]", and nothing behind it. */
bool proc_parse_socket_link(const char *text, size_t bytes, uint64_t *ret_inode);
/* The next socket among the registered files in an io_uring's fdinfo. `*text`
 * starts at the whole text and is kept by the caller from call to call. */
bool proc_parse_ring_socket(const char **text, uint64_t *ret_inode);
/* The unit that systemd put the process in, from the text of /proc/PID/cgroup. */
enum proc_unit proc_parse_unit(const char *cgroup);

#endif
