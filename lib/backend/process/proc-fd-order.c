/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which processes there are, and in which order to look at them: a deadline may cut the search short, and one holder
 * may be all that is wanted. First the caller ("I bound it twice"), then the cgroup in which the socket was made,
 * which sock_diag tells with each socket, then those that have the socket under the same number as a holder that was
 * found, as forked servers do, then all others, then those that were forked while the others were looked at, and last
 * the large tables of other users (proc-fd-large.c). The order by uid is no good: a daemon binds as root and then
 * becomes another user.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/process/proc-fd.h"
#include "util/cgroupfs.h"
#include "util/sys.h"

#define MAX_CGROUPS 8u
#define MAX_CGROUP_PROCS_BYTES 65536u
#define ALL_FOUND 2    /* ends the walk through the cgroups, not the search */
#define ROOT_CGROUP 1u /* KERNFS_ROOT_INO: all processes', so no hint */
/* With few processes the search is over before the cgroup would be found. */
#define MANY_PROCESSES 256u

static int push_id(struct scan_pids *list, int id)
{
        if (list->n == list->room) {
                size_t room = list->room ? list->room * 2 : 512;
                pid_t *larger = realloc(list->pids, room * sizeof(*larger));

                if (!larger)
                        return -ENOMEM;
                list->pids = larger;
                list->room = room;
        }
        list->pids[list->n++] = id;
        return 0;
}

static int compare_ids(const void *a, const void *b)
{
        pid_t x = abs(*(const pid_t *)a), y = abs(*(const pid_t *)b);

        return (x > y) - (x < y);
}

static int read_ids(struct scan *scan, int fd, struct scan_pids *list)
{
        struct dents dents = DENTS(fd, scan->dents);
        const struct dent *dent;
        int id, r = 0;

        while (r == 0 && (dent = dents_next_number(&dents)))
                if (proc_parse_id(dent->name, &id))
                        r = push_id(list, id);
        return r < 0 ? r : dents.error;
}

/* The directories whose names are numbers; sorted, as procfs does it anyhow. A
 * descriptor of its own: the caller's has one position for all its users. */
int scan_list_ids(struct scan *scan, int directory, const char *path, struct scan_pids *ret)
{
        int fd = sys_openat(directory, path, O_RDONLY | O_DIRECTORY);
        int r;

        if (fd < 0)
                return fd;
        ret->n = 0;
        r = read_ids(scan, fd, ret);
        sys_close(fd);
        if (r < 0)
                return r;
        for (size_t i = 1; i < ret->n; i++)
                if (ret->pids[i - 1] > ret->pids[i]) {
                        qsort(ret->pids, ret->n, sizeof(*ret->pids), compare_ids);
                        break;
                }
        return 0;
}

static pid_t *find_pid(const struct scan *scan, pid_t pid)
{
        if (scan->all.n == 0)
                return NULL;
        return bsearch(&pid, scan->all.pids, scan->all.n, sizeof(pid), compare_ids);
}

int scan_process_once(struct scan *scan, pid_t pid)
{
        pid_t *entry = find_pid(scan, pid);

        if (!entry || *entry < 0)
                return 0;
        *entry = -*entry;
        return scan_process(scan, pid);
}

/* A worker that was forked after the list was read has the socket too. */
int scan_newcomers(struct scan *scan)
{
        struct scan_pids now = { .n = 0 };
        int r = scan_list_ids(scan, scan->procfs, ".", &now);

        for (size_t i = 0; i < now.n && r == 0; i++)
                if (!find_pid(scan, now.pids[i]))
                        r = scan_process(scan, now.pids[i]);
        free(now.pids);
        return r < 0 ? scan_note(scan, r) : r;
}

bool scan_has_number(struct scan *scan, pid_t pid)
{
        char name[48];
        uint64_t inode;
        uint32_t mode;

        for (size_t i = 0; i < scan->n_numbers; i++) {
                (void)snprintf(name, sizeof(name), "%d/fd/%d", (int)pid, scan->numbers[i]);
                if (sys_statx_inode(scan->procfs, name, &inode, &mode) >= 0 && S_ISSOCK(mode) &&
                    aiu_snapshot_wants_inode(scan->snapshot, inode))
                        return true;
        }
        return false;
}

/* Five microseconds for each process, on top of what the whole search takes: so only
 * where it may be cut short, and is not over at once. */
int scan_same_number(struct scan *scan)
{
        int r = 0;

        if (scan->numbers_tried || scan->n_numbers == 0)
                return 0;
        scan->numbers_tried = true;
        if (scan->request->deadline_nsec == 0 || scan->by_link || scan->all.n < MANY_PROCESSES)
                return 0;
        for (size_t i = 0; i < scan->all.n && r == 0; i++)
                if (scan_expired(scan))
                        r = SCAN_STOP;
                else if (scan->all.pids[i] > 0 && scan_has_number(scan, scan->all.pids[i]))
                        r = scan_process_once(scan, scan->all.pids[i]);
        return r;
}

/* The cgroups in which wanted sockets were made. */
struct cgroups {
        struct scan *scan;
        int root;
        uint64_t ids[MAX_CGROUPS];
        size_t n_ids;
};

static void note_cgroup(struct cgroups *cgroups, uint64_t id)
{
        if (id <= ROOT_CGROUP || cgroups->n_ids == MAX_CGROUPS)
                return;
        for (size_t i = 0; i < cgroups->n_ids; i++)
                if (cgroups->ids[i] == id)
                        return;
        cgroups->ids[cgroups->n_ids++] = id;
}

static void note_cgroups(struct cgroups *cgroups)
{
        struct aiu_snapshot *snapshot = cgroups->scan->snapshot;
        struct aiu_socket_fact fact = { .size = sizeof(fact) };

        for (size_t i = 0; aiu_snapshot_get_socket(snapshot, i, &fact); i++)
                if (aiu_snapshot_wants_inode(snapshot, fact.inode))
                        note_cgroup(cgroups, fact.cgroup_id);
}

/* Look at the processes of a cgroup. Its directory is closed before: descriptors may be few. */
static int scan_procs(struct scan *scan, int directory)
{
        const char *p;
        uint64_t pid;
        char *text;
        int r;

        r = sys_read_file_alloc(directory, "cgroup.procs", MAX_CGROUP_PROCS_BYTES, &text, NULL);
        sys_close(directory);
        if (r < 0)
                return scan_fatal(r) ? r : 0;
        for (p = text; r == 0 && proc_parse_number(&p, 10, &pid); p += *p == '\n')
                if (pid > 0 && pid <= INT32_MAX)
                        r = scan_process_once(scan, (pid_t)pid);
        free(text);
        return r;
}

/* The short way to those that can be opened by their number; the others stay in the list. */
static int scan_by_number(struct cgroups *cgroups)
{
        size_t left = 0;
        int r = 0;

        for (size_t i = 0; i < cgroups->n_ids; i++) {
                int fd = r == 0 ? sys_open_cgroup(cgroups->root, cgroups->ids[i]) : -1;

                if (fd < 0)
                        cgroups->ids[left++] = cgroups->ids[i];
                else
                        r = scan_procs(cgroups->scan, fd);
        }
        cgroups->n_ids = left;
        return r;
}

static bool take_id(struct cgroups *cgroups, uint64_t id)
{
        for (size_t i = 0; i < cgroups->n_ids; i++)
                if (cgroups->ids[i] == id) {
                        cgroups->ids[i] = cgroups->ids[--cgroups->n_ids];
                        return true;
                }
        return false;
}

static int visit(struct cgroupfs_walk *walk, uint64_t id, const char *path)
{
        struct cgroups *cgroups = walk->userdata;
        int fd, r;

        if (!take_id(cgroups, id))
                return 0;
        fd = sys_openat(walk->root, cgroupfs_below(path), O_PATH | O_DIRECTORY | O_NOFOLLOW);
        if (fd < 0)
                return scan_fatal(fd) ? fd : 0;
        r = scan_procs(cgroups->scan, fd);
        return r == 0 && cgroups->n_ids == 0 ? ALL_FOUND : r;
}

static int scan_by_path(struct cgroups *cgroups)
{
        struct cgroupfs_walk walk = {
                .root = cgroups->root,
                .most = cgroups->scan->all.n,
                .until_nsec = cgroups->scan->request->deadline_nsec,
                .visit = visit,
                .userdata = cgroups,
        };
        int r = cgroups->n_ids > 0 ? cgroupfs_walk(&walk) : 0;

        if (r == -ETIME)
                return scan_expired(cgroups->scan) ? SCAN_STOP : 0;
        return r == ALL_FOUND ? 0 : r;
}

static int scan_cgroups(struct scan *scan)
{
        struct cgroups cgroups = { .scan = scan };
        int r;

        if (!scan->first_holder && scan->all.n < MANY_PROCESSES)
                return 0;
        note_cgroups(&cgroups);
        if (cgroups.n_ids == 0)
                return 0;
        cgroups.root = cgroupfs_open();
        if (cgroups.root < 0)
                return scan_fatal(cgroups.root) ? cgroups.root : 0;
        r = scan->request->plain_calls_only ? 0 : scan_by_number(&cgroups);
        if (r == 0)
                r = scan_by_path(&cgroups);
        sys_close(cgroups.root);
        return r;
}

int scan_start_with_likely(struct scan *scan)
{
        int r = 0;

        if (scan->reader.self > 0)
                r = scan_process_once(scan, scan->reader.self);
        return r != 0 ? r : scan_cgroups(scan);
}
