/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The search for holders from the inside: what its files share.
 *
 *   proc-fd.c        the walk over every process' descriptors, the gaps
 *   proc-fd-order.c  which processes there are, which to look at first
 *   proc-fd-large.c  large tables of other users, which come last
 *   proc-fd-gaps.c   what was not seen
 *   proc-fd-deep.c   where a socket can be held outside of a process' own table
 */
#ifndef AIU_PROC_FD_H
#define AIU_PROC_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "addrinuse-backend.h"
#include "backend/process/proc-pid.h"
#include "util/dents.h"

#define SCAN_DENTS_BYTES 32768u
#define SCAN_MAX_HITS 256u
#define SCAN_MAX_RINGS 256u
#define SCAN_MAX_UIDS 8u
#define SCAN_MAX_NUMBERS 4u
#define LINK_BYTES 64u /* "socket:[18446744073709551615]" and more */

/* Instead of an errno: stop, all is well (first holder found, snapshot full). */
#define SCAN_STOP 1

/* Descriptor `fd` of the process that is walked refers to a wanted inode. */
struct scan_hit {
        uint64_t inode;
        int fd;
};

/* An io_uring instance: it may hold files that its process has closed. */
struct scan_ring {
        pid_t pid;
        int fd;
};

struct scan_pids {
        pid_t *pids;
        size_t n;
        size_t room;
};

/* A large table of another user. */
struct scan_table_size {
        pid_t pid;
        uid_t uid;
        uint64_t n_fds;
        uint64_t due; /* n_fds, and those of the user's smaller tables */
};

struct scan_large {
        struct scan_table_size *tables;
        size_t n;
        size_t room;
        bool begun; /* their turn has come: no more are put off */
};

/* Processes that were not inspected, and their users. */
struct scan_unseen {
        size_t n;
        uid_t uids[SCAN_MAX_UIDS];
        size_t n_uids;
        bool more_uids;
};

/* The table that is being walked. */
struct scan_walk {
        pid_t pid;
        int directory; /* of the process, in procfs; -1 = not opened yet */
        int table;     /* its fd/, or a thread's */
        bool added;    /* the process' facts are in the snapshot */
        bool denied;
        size_t n_fds;
};

struct scan {
        const struct aiu_request *request;
        struct aiu_snapshot *snapshot;
        int procfs;
        bool first_holder;
        bool by_link; /* no statx(): forbidden, or not there */
        bool expired;
        bool stopped_early;   /* at the first holder */
        struct scan_pids all; /* sorted; a process that was looked at is negated */
        size_t n_looked;
        uint64_t shared_anon; /* the inode that epoll, eventfd... share; 0 = not met yet */
        struct scan_ring rings[SCAN_MAX_RINGS];
        size_t n_rings;
        size_t thread_budget; /* descriptors of threads that may still be looked at */
        bool threads_left_out;
        struct scan_large large;
        struct scan_unseen left_out; /* large tables */
        uint64_t n_fds_left_out;
        struct scan_unseen denied;
        int failed; /* why something was not looked at, beside permission; 0 = all was */
        struct scan_hit hits[SCAN_MAX_HITS];
        size_t n_hits;
        int numbers[SCAN_MAX_NUMBERS]; /* the first hits' descriptors: forks have the same ones */
        size_t n_numbers;
        bool numbers_tried;
        unsigned int until_clock;
        _Alignas(struct dent) char dents[SCAN_DENTS_BYTES];
        struct proc_reader reader;
};

/* All functions return 0, SCAN_STOP or a negative errno that ends the search. */

/* proc-fd.c. scan_run() is the whole search, whatever file system procfs is: the
 * tests give it trees of their own. Returns what a `holders` function returns. */
int scan_run(int procfs, const struct aiu_request *request, struct aiu_snapshot *snapshot);
bool scan_expired(struct scan *scan);
int scan_process(struct scan *scan, pid_t pid);
/* Walk the descriptor table `walk->table`, which is closed at the end. */
int scan_table(struct scan *scan, struct scan_walk *walk);
/* Record what is in scan->hits as held by walk->pid. */
int scan_flush(struct scan *scan, struct scan_walk *walk);
bool scan_fatal(int r);
void scan_note_uid(struct scan_unseen *unseen, uid_t uid);
/* Something could not be looked at: remember why. Returns r if it ends the whole search, or 0. */
int scan_note(struct scan *scan, int r);

/* proc-fd-order.c */
int scan_list_ids(struct scan *scan, int directory, const char *path, struct scan_pids *ret);
int scan_start_with_likely(struct scan *scan);
int scan_newcomers(struct scan *scan);
/* Once a hit has shown which number it may have, and time is short: those that have it first. */
int scan_same_number(struct scan *scan);
/* Look at a process of the list, unless that was done already. */
int scan_process_once(struct scan *scan, pid_t pid);

/* Does the process have a wanted socket under the number that a known holder has it under? */
bool scan_has_number(struct scan *scan, pid_t pid);

/* proc-fd-large.c */
/* 1 = the table, which is open, is a large one of another user, and will be looked at in
 * scan_large(); 0 = look at it now. */
int scan_put_off(struct scan *scan, pid_t pid, int table);
int scan_large(struct scan *scan);

/* proc-fd-deep.c */
int scan_deeper(struct scan *scan);

/* proc-fd-gaps.c */
void scan_add_gaps(struct scan *scan, int r); /* r: how the search ended */
bool scan_is_text(const char *text, ssize_t bytes, const char *expected);

#endif
