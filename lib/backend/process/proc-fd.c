/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * holders: which processes have the wanted sockets among their descriptors.
 *
 * The kernel tells no process of a socket, so every descriptor of every process is asked for its inode: getdents64()
 * on /proc/PID/fd, then one statx() per entry, without opening anything and without asking a remote file system. Both
 * calls mostly pay for the kernel making the entry (proc_fill_cache()); little is added to that here. A hit is
 * confirmed by the link's text, for an inode number means a socket only in sockfs.
 *
 * Then: newcomers that were forked meanwhile; large tables of other users (proc-fd-large.c); and for sockets without
 * a holder the rarer places (proc-fd-deep.c). What could not be seen becomes gaps (proc-fd-gaps.c).
 */
#include "backend/process/proc-fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "backend/backends.h"
#include "util/caller.h"
#include "util/sys.h"

#define FDS_PER_CLOCK 256u
#define PROCESSES_PER_PROGRESS 64u
#define THREAD_BUDGET 65536u
#define PROC_ROOT_INODE 1 /* PROC_ROOT_INO of the kernel */

/* No descriptor or no memory is left: it would be the same with the next process. */
bool scan_fatal(int r)
{
        return r == -EMFILE || r == -ENFILE || r == -ENOMEM;
}

bool scan_expired(struct scan *scan)
{
        scan->until_clock = FDS_PER_CLOCK;
        if (!scan->expired && scan->request->deadline_nsec != 0)
                scan->expired = aiu_request_time_left_usec(scan->request) == 0;
        return scan->expired;
}

/* Gone meanwhile (proc_readfd_common() and its kin), and so no holder any more. */
static bool is_gone(int r)
{
        return r == -ENOENT || r == -ESRCH;
}

static bool is_denied(int r)
{
        return r == -EACCES || r == -EPERM;
}

/* Another error is not procfs' own but a filter's or a security module's, and what
 * was not looked at may be a holder all the same. */
int scan_note(struct scan *scan, int r)
{
        if (scan_fatal(r))
                return r;
        if (r < 0 && !is_gone(r) && !is_denied(r) && scan->failed == 0)
                scan->failed = r;
        return 0;
}

static int note_walk(struct scan *scan, struct scan_walk *walk, int r)
{
        walk->denied |= is_denied(r);
        return scan_note(scan, r);
}

/* The directory of the process whose table this is. ".." is not looked up by
 * number again: it is the parent that the kernel's dentry of fd/ hangs from, so
 * it is the same process. */
static int open_directory(struct scan_walk *walk)
{
        if (walk->directory >= 0)
                return 0;
        walk->directory = sys_openat(walk->table, "..", O_PATH | O_DIRECTORY);
        return walk->directory < 0 ? walk->directory : 0;
}

/* Without a descriptor for more, say at least whose number it is. */
static int add_bare(struct scan *scan, pid_t pid)
{
        struct aiu_process_fact fact = { .size = sizeof(fact), .pid = pid, .uid = (uid_t)-1 };

        fact.is_self = pid == scan->reader.self ? AIU_TRISTATE_YES : AIU_TRISTATE_NO;
        return aiu_snapshot_add_process(scan->snapshot, &fact);
}

static int add_process(struct scan *scan, struct scan_walk *walk)
{
        int r;

        if (walk->added)
                return 0;
        if (walk->directory >= 0)
                r = proc_reader_add(&scan->reader, walk->directory, walk->pid, scan->snapshot);
        else
                r = add_bare(scan, walk->pid);
        /* A full snapshot has said so in a gap; the holder may still fit. */
        if (r == -ENOBUFS)
                r = 0;
        walk->added = r >= 0;
        return r;
}

static int add_hits(struct scan *scan, pid_t pid)
{
        for (size_t i = 0; i < scan->n_hits; i++) {
                int r = aiu_snapshot_add_holder(scan->snapshot, scan->hits[i].inode, pid, scan->hits[i].fd);

                if (r == -ENOBUFS)
                        return SCAN_STOP;
                if (r < 0)
                        return r;
        }
        return 0;
}

int scan_flush(struct scan *scan, struct scan_walk *walk)
{
        int r;

        if (scan->n_hits == 0)
                return 0;
        r = add_process(scan, walk);
        if (r >= 0)
                r = add_hits(scan, walk->pid);
        scan->n_hits = 0;
        /* It died after it was walked: it holds nothing now. */
        return r == -ESRCH ? 0 : r;
}

static void note_number(struct scan *scan, int fd)
{
        for (size_t i = 0; i < scan->n_numbers; i++)
                if (scan->numbers[i] == fd)
                        return;
        if (scan->n_numbers < SCAN_MAX_NUMBERS)
                scan->numbers[scan->n_numbers++] = fd;
}

static int add_hit(struct scan *scan, struct scan_walk *walk, uint64_t inode, const char *name)
{
        int fd, r;

        if (!proc_parse_id(name, &fd))
                return 0;
        if (scan->n_hits == SCAN_MAX_HITS) {
                r = open_directory(walk);
                if (r < 0)
                        return r;
                r = scan_flush(scan, walk);
                if (r != 0)
                        return r;
        }
        scan->hits[scan->n_hits++] = (struct scan_hit){ .inode = inode, .fd = fd };
        note_number(scan, fd);
        return 0;
}

static void note_ring(struct scan *scan, const struct scan_walk *walk, const char *name)
{
        int fd;

        if (scan->n_rings < SCAN_MAX_RINGS && proc_parse_id(name, &fd))
                scan->rings[scan->n_rings++] = (struct scan_ring){ .pid = walk->pid, .fd = fd };
}

/* The slower and poorer way: what the link says. Also the confirmation of a hit. */
static int look_by_link(struct scan *scan, struct scan_walk *walk, const char *name)
{
        char link[LINK_BYTES];
        ssize_t n = sys_readlinkat(walk->table, name, link, sizeof(link));
        uint64_t inode;

        if (n <= 0)
                return note_walk(scan, walk, (int)n);
        if (scan_is_text(link, n, "anon_inode:[io_uring]"))
                note_ring(scan, walk, name);
        if (!proc_parse_socket_link(link, (size_t)n, &inode) || !aiu_snapshot_wants_inode(scan->snapshot, inode))
                return 0;
        return add_hit(scan, walk, inode, name);
}

/*
 * An inode without a type is one of anon_inodefs. Most of those are one and the same inode (epoll, eventfd, timerfd,
 * signalfd...); an io_uring has one of its own (anon_inode_create_getfile()), so its text is asked for nearly alone.
 */
static int look_at_anon(struct scan *scan, struct scan_walk *walk, uint64_t inode, const char *name)
{
        char link[LINK_BYTES];
        ssize_t n;

        if (inode == scan->shared_anon)
                return 0;
        n = sys_readlinkat(walk->table, name, link, sizeof(link));
        if (n <= 0)
                return scan_note(scan, (int)n);
        if (scan_is_text(link, n, "anon_inode:[io_uring]"))
                note_ring(scan, walk, name);
        else if (scan_is_text(link, n, "anon_inode:[eventpoll]") || scan_is_text(link, n, "anon_inode:[eventfd]"))
                scan->shared_anon = inode;
        return 0;
}

static int look_at(struct scan *scan, struct scan_walk *walk, const char *name)
{
        uint64_t inode;
        uint32_t mode;
        int r;

        if (scan->by_link)
                return look_by_link(scan, walk, name);
        r = sys_statx_inode(walk->table, name, &inode, &mode);
        if (is_gone(r))
                return 0;
        /* A filter that refuses the call says one of these, procfs never does. */
        if (r == -EPERM || r == -ENOSYS)
                scan->by_link = true;
        /* Any other error is the file system's behind the link; never a socket's, but the link can be asked. */
        if (r < 0)
                return look_by_link(scan, walk, name);
        if ((mode & S_IFMT) == 0)
                return look_at_anon(scan, walk, inode, name);
        if (S_ISSOCK(mode) && aiu_snapshot_wants_inode(scan->snapshot, inode))
                return look_by_link(scan, walk, name);
        return 0;
}

static int walk_entries(struct scan *scan, struct scan_walk *walk)
{
        struct dents dents = DENTS(walk->table, scan->dents);
        const struct dent *dent;
        int r = 0;

        /* Denied: ptrace_may_access() said no, and would of each of them. */
        while (r == 0 && !walk->denied && (dent = dents_next(&dents))) {
                walk->n_fds++;
                if (--scan->until_clock == 0 && scan_expired(scan))
                        return SCAN_STOP;
                r = look_at(scan, walk, dent->name);
        }
        return r == 0 && dents.error < 0 ? note_walk(scan, walk, dents.error) : r;
}

int scan_table(struct scan *scan, struct scan_walk *walk)
{
        int walked = walk_entries(scan, walk);
        int opened = 0, flushed;

        /* Never more than two descriptors: this one goes before facts are read. */
        if (scan->n_hits > 0)
                opened = open_directory(walk);
        walk->table = sys_close(walk->table);
        if (is_gone(opened))
                scan->n_hits = 0;
        flushed = scan_flush(scan, walk);

        if (walked != 0)
                return walked;
        return flushed != 0 ? flushed : scan_note(scan, opened);
}

void scan_note_uid(struct scan_unseen *unseen, uid_t uid)
{
        for (size_t i = 0; i < unseen->n_uids; i++)
                if (unseen->uids[i] == uid)
                        return;
        if (unseen->n_uids < SCAN_MAX_UIDS)
                unseen->uids[unseen->n_uids++] = uid;
        else
                unseen->more_uids = true;
}

/* Count it, unless it cannot hold anything: a kernel thread or a zombie. Without
 * memory of their own they are root's in /proc (task_dump_owner()), which is the
 * overflow uid as seen from another user namespace. */
static void note_denied(struct scan *scan, pid_t pid)
{
        char name[16];
        struct stat st;
        int r;

        (void)snprintf(name, sizeof(name), "%d", (int)pid);
        r = sys_fstatat(scan->procfs, name, &st, 0);
        if (is_gone(r))
                return;
        if (r >= 0 && (st.st_uid == 0 || st.st_uid == 65534) && proc_reader_holds_nothing(&scan->reader, pid))
                return;
        scan->denied.n++;
        if (r >= 0)
                scan_note_uid(&scan->denied, st.st_uid);
        else
                scan->denied.more_uids = true;
}

/* The table is open. A large one waits for the others: it does not count as looked at then. */
static int scan_now_or_later(struct scan *scan, struct scan_walk *walk)
{
        int r = scan_put_off(scan, walk->pid, walk->table);

        if (r == 0)
                return scan_table(scan, walk);
        walk->table = sys_close(walk->table);
        if (r > 0 && scan->n_looked > 0)
                scan->n_looked--;
        return r < 0 ? r : 0;
}

int scan_process(struct scan *scan, pid_t pid)
{
        struct scan_walk walk = { .pid = pid, .directory = -1 };
        char name[24];
        int r;

        /* The first one is the caller: it can report its own sockets, whatever the time. */
        if (scan_expired(scan) && scan->n_looked > 0)
                return SCAN_STOP;
        if (scan->n_looked % PROCESSES_PER_PROGRESS == 0)
                aiu_snapshot_progress(scan->snapshot, scan->n_looked, scan->all.n);
        if (scan->n_looked < scan->all.n) /* newcomers are not among them */
                scan->n_looked++;

        (void)snprintf(name, sizeof(name), "%d/fd", (int)pid);
        walk.table = sys_openat(scan->procfs, name, O_RDONLY | O_DIRECTORY);
        r = walk.table < 0 ? note_walk(scan, &walk, walk.table) : scan_now_or_later(scan, &walk);
        sys_close(walk.directory);
        if (walk.denied)
                note_denied(scan, pid);
        if (r == 0 && walk.added && scan->first_holder && aiu_snapshot_all_held(scan->snapshot)) {
                scan->stopped_early = true;
                return SCAN_STOP;
        }
        return r;
}

static int scan_all(struct scan *scan)
{
        int r = scan_start_with_likely(scan);

        for (size_t i = 0; i < scan->all.n && r == 0; i++) {
                r = scan_same_number(scan);
                if (r == 0 && scan->all.pids[i] > 0)
                        r = scan_process_once(scan, scan->all.pids[i]);
        }
        if (r == 0)
                r = scan_newcomers(scan);
        if (r == 0)
                r = scan_large(scan);
        if (r == 0 && !aiu_snapshot_all_held(scan->snapshot))
                r = scan_deeper(scan);
        return r;
}

/*
 * With CAP_SYS_PTRACE, a process that stays closed has capabilities that we lack, such as the init of a virtual
 * machine (cap_ptrace_access_check()). No user in here can inspect it. A gap says so, but "run as root" would not
 * help, and the process does not count as a possible holder. In a user namespace the capability ends at that
 * namespace, and any process of the host stays closed.
 */
static bool sees_what_root_sees(const struct scan *scan)
{
        return caller_has_capability(scan->procfs, CAP_SYS_PTRACE) == AIU_TRISTATE_YES &&
               !caller_is_in_userns(scan->procfs);
}

static int result(const struct scan *scan, int r)
{
        if (scan->expired)
                return -ETIME;
        if (r < 0)
                return r; /* SCAN_STOP: what is there is good */
        /* Another backend may be able to see what this one could not. */
        if (scan->failed < 0 && !scan->stopped_early)
                return AIU_PARTIAL;
        if (scan->left_out.n > 0)
                return AIU_PARTIAL;
        if (scan->denied.n > 0 && !scan->stopped_early && !sees_what_root_sees(scan))
                return AIU_PARTIAL;
        return AIU_COMPLETE;
}

static struct scan *scan_new(int procfs, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        struct scan *scan = calloc(1, sizeof(*scan));

        if (!scan)
                return NULL;
        scan->request = request;
        scan->snapshot = snapshot;
        scan->procfs = procfs;
        scan->first_holder = request->context_flags & AIU_CONTEXT_FIRST_HOLDER;
        scan->by_link = request->plain_calls_only;
        scan->thread_budget = THREAD_BUDGET;
        scan->until_clock = FDS_PER_CLOCK;
        proc_reader_init(&scan->reader, procfs, request);
        return scan;
}

int scan_run(int procfs, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        struct scan *scan = scan_new(procfs, request, snapshot);
        int r;

        if (!scan)
                return -ENOMEM;
        r = scan_list_ids(scan, procfs, ".", &scan->all);
        if (r == 0)
                r = scan_all(scan);
        aiu_snapshot_progress(snapshot, scan->n_looked, scan->all.n);
        scan_add_gaps(scan, r);
        r = result(scan, r);
        free(scan->large.tables);
        free(scan->all.pids);
        free(scan);
        return r;
}

/* Is it a procfs? Told without fstatfs(), which a strict filter may not let
 * through, by the root's inode number on a device without a disk. */
static int check_procfs(int procfs, bool plain_calls_only)
{
        struct stat st;
        long type;
        int r;

        if (!plain_calls_only) {
                r = sys_fstatfs_type(procfs, &type);
                if (r < 0)
                        return r;
                return type == PROC_SUPER_MAGIC ? 0 : -ENOTSUP;
        }
        r = sys_fstat(procfs, &st);
        if (r < 0)
                return r;
        return st.st_ino == PROC_ROOT_INODE && major(st.st_dev) == 0 ? 0 : -ENOTSUP;
}

static int holders(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        uint64_t inode;
        int r;

        (void)userdata;
        if (!aiu_snapshot_get_wanted_inode(snapshot, 0, &inode))
                return AIU_COMPLETE;
        if (request->procfs < 0) {
                (void)aiu_snapshot_add_gap(snapshot, AIU_GAP_BACKEND, ENOENT,
                                           "/proc is not mounted: the processes that hold sockets cannot be found");
                return -ENOENT;
        }
        r = check_procfs(request->procfs, request->plain_calls_only);
        if (r == -ENOTSUP)
                (void)aiu_snapshot_add_gap(snapshot, AIU_GAP_BACKEND, ENOTSUP,
                                           "/proc is not a procfs: it was not searched for processes");
        if (r < 0)
                return r;
        return scan_run(request->procfs, request, snapshot);
}

const struct aiu_backend backend_proc_fd = {
        .size = sizeof(backend_proc_fd),
        .name = "proc-fd",
        .holders = holders,
};
