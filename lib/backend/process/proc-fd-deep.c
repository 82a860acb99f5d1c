/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a socket can be held that is in no process' own descriptor table, looked
 * at only when a wanted socket has no holder yet:
 *
 *   io_uring   registered files stay after close(2); fdinfo lists them
 *              (io_uring_show_fdinfo()). The rings were noted on the way.
 *   threads    unshare(CLONE_FILES) gives a thread a table of its own, and a
 *              leader that has ended leaves the table to the others.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "backend/process/proc-fd.h"
#include "util/sys.h"

#define MAX_FDINFO_BYTES (2u << 20) /* 32768 files, IORING_MAX_FIXED_FILES of old kernels */

static int open_process(struct scan *scan, pid_t pid)
{
        char name[16];

        (void)snprintf(name, sizeof(name), "%d", (int)pid);
        return sys_openat(scan->procfs, name, O_PATH | O_DIRECTORY);
}

/* Every wanted socket in the list is a hit; as descriptor -1, for it has none. */
static int take_ring_sockets(struct scan *scan, struct scan_walk *walk, const char *text)
{
        uint64_t inode;

        while (proc_parse_ring_socket(&text, &inode)) {
                int r;

                if (!aiu_snapshot_wants_inode(scan->snapshot, inode))
                        continue;
                if (scan->n_hits == SCAN_MAX_HITS) {
                        r = scan_flush(scan, walk);
                        if (r != 0)
                                return r;
                }
                scan->hits[scan->n_hits++] = (struct scan_hit){ .inode = inode, .fd = -1 };
        }
        return scan_flush(scan, walk);
}

static int scan_ring(struct scan *scan, const struct scan_ring *ring)
{
        struct scan_walk walk = { .pid = ring->pid, .table = -1 };
        char name[32], *text;
        int r;

        walk.directory = open_process(scan, ring->pid);
        if (walk.directory < 0)
                return scan_note(scan, walk.directory);
        (void)snprintf(name, sizeof(name), "fdinfo/%d", ring->fd);
        r = sys_read_file_alloc(walk.directory, name, MAX_FDINFO_BYTES, &text, NULL);
        if (r >= 0) {
                r = take_ring_sockets(scan, &walk, text);
                free(text);
        } else {
                r = scan_note(scan, r);
        }
        sys_close(walk.directory);
        return r;
}

/* How many descriptors a table has: the directory's size, since Linux 6.2. */
static int64_t table_size(int directory, const char *name)
{
        struct stat st;

        return sys_fstatat(directory, name, &st, 0) < 0 ? 0 : (int64_t)st.st_size;
}

static int scan_thread(struct scan *scan, struct scan_walk *walk, pid_t tid, int64_t leader_size)
{
        char name[48];
        int64_t size;

        (void)snprintf(name, sizeof(name), "task/%d/fd", (int)tid);
        size = table_size(walk->directory, name);
        /* Most likely the leader's table again. It need not be; but a thousand
         * threads that share a thousand descriptors must not cost a million. */
        if (size == leader_size && scan->thread_budget == 0) {
                scan->threads_left_out = true;
                return 0;
        }
        walk->table = sys_openat(walk->directory, name, O_RDONLY | O_DIRECTORY);
        if (walk->table < 0)
                return scan_note(scan, walk->table);
        walk->denied = false;
        walk->n_fds = 0;
        return scan_table(scan, walk);
}

static void charge(struct scan *scan, const struct scan_walk *walk)
{
        size_t cost = walk->n_fds + 4; /* opening one costs something, too */

        scan->thread_budget -= cost < scan->thread_budget ? cost : scan->thread_budget;
}

static int scan_thread_list(struct scan *scan, struct scan_walk *walk, const struct scan_pids *tids)
{
        int64_t leader_size = table_size(walk->directory, "fd");

        for (size_t i = 0; i < tids->n; i++) {
                int r;

                if (tids->pids[i] == walk->pid)
                        continue;
                if (scan_expired(scan))
                        return SCAN_STOP;
                r = scan_thread(scan, walk, tids->pids[i], leader_size);
                charge(scan, walk);
                if (r != 0)
                        return r;
        }
        return 0;
}

static int scan_threads_of(struct scan *scan, pid_t pid, struct scan_pids *tids)
{
        struct scan_walk walk = { .pid = pid, .table = -1 };
        int r;

        walk.directory = open_process(scan, pid);
        if (walk.directory < 0)
                return scan_note(scan, walk.directory);
        r = scan_list_ids(scan, walk.directory, "task", tids);
        r = r < 0 ? scan_note(scan, r) : scan_thread_list(scan, &walk, tids);
        sys_close(walk.directory);
        return r;
}

/* The link count of task/ is the number of threads and two (proc_task_getattr()). */
static bool has_threads(struct scan *scan, pid_t pid)
{
        char name[24];
        struct stat st;

        (void)snprintf(name, sizeof(name), "%d/task", (int)pid);
        return sys_fstatat(scan->procfs, name, &st, 0) >= 0 && st.st_nlink > 3;
}

static int scan_threads(struct scan *scan)
{
        struct scan_pids tids = { .n = 0 };
        int r = 0;

        for (size_t i = 0; i < scan->all.n && r == 0; i++) {
                pid_t pid = abs(scan->all.pids[i]);

                if (scan_expired(scan))
                        r = SCAN_STOP;
                else if (has_threads(scan, pid))
                        r = scan_threads_of(scan, pid, &tids);
                if (r == 0 && scan->first_holder && aiu_snapshot_all_held(scan->snapshot))
                        break;
        }
        free(tids.pids);
        return r;
}

int scan_deeper(struct scan *scan)
{
        int r = 0;

        for (size_t i = 0; i < scan->n_rings && r == 0; i++)
                r = scan_expired(scan) ? SCAN_STOP : scan_ring(scan, &scan->rings[i]);
        if (r == 0 && !aiu_snapshot_all_held(scan->snapshot))
                r = scan_threads(scan);
        return r;
}
