/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which processes there are, and in which order to look at them: a deadline may
 * cut the search short, and one holder may be all that is wanted. First the
 * caller ("I bound it twice"), then the cgroup in which the socket was made,
 * which sock_diag tells with each socket, then those that have the socket under the
 * same number as a holder that was found, as forked servers do, then all others,
 * then those that were forked while the others were looked at, and last the large
 * tables of other users (proc-fd-large.c). The order by uid is no good: a daemon binds
 * as root and then becomes somebody else.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/process/proc-fd.h"
#include "util/sys.h"

#define MAX_CGROUPS 8u
#define MAX_CGROUP_PROCS_BYTES 65536u
#define ROOT_CGROUP 1u /* KERNFS_ROOT_INO: everybody's, so no hint */
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

static int push_dents(struct scan *scan, size_t bytes, struct scan_pids *list)
{
        for (size_t at = 0; at < bytes;) {
                const struct dent *dent = (const void *)(scan->dents + at);
                int id, r;

                at += dent->bytes;
                if (!proc_parse_id(dent->name, &id) || id <= 0)
                        continue;
                r = push_id(list, id);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int compare_ids(const void *a, const void *b)
{
        pid_t x = abs(*(const pid_t *)a), y = abs(*(const pid_t *)b);

        return (x > y) - (x < y);
}

static int read_ids(struct scan *scan, int fd, struct scan_pids *list)
{
        for (;;) {
                ssize_t n = sys_getdents(fd, scan->dents, sizeof(scan->dents));
                int r;

                if (n <= 0)
                        return (int)n;
                r = push_dents(scan, (size_t)n, list);
                if (r < 0)
                        return r;
        }
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

/* The search through the tree of cgroups. */
struct walk {
        struct scan *scan;
        int root;
        uint64_t ids[MAX_CGROUPS];
        size_t n_ids;
        char **queue; /* paths below root that are still to be read */
        size_t n_queue, queue_room, next;
        size_t budget;                  /* directories */
        const char *found[MAX_CGROUPS]; /* paths of those that are hunted */
        size_t n_found;
};

static void note_cgroup(struct walk *walk, uint64_t id)
{
        if (id <= ROOT_CGROUP || walk->n_ids == MAX_CGROUPS)
                return;
        for (size_t i = 0; i < walk->n_ids; i++)
                if (walk->ids[i] == id)
                        return;
        walk->ids[walk->n_ids++] = id;
}

static void note_cgroups(struct walk *walk)
{
        struct aiu_snapshot *snapshot = walk->scan->snapshot;
        struct aiu_socket_fact fact = { .size = sizeof(fact) };

        for (size_t i = 0; aiu_snapshot_get_socket(snapshot, i, &fact); i++)
                if (aiu_snapshot_wants_inode(snapshot, fact.inode))
                        note_cgroup(walk, fact.cgroup_id);
}

static char *join(const char *parent, const char *name)
{
        size_t bytes = strlen(parent) + strlen(name) + 2;
        char *path = malloc(bytes);

        if (path)
                (void)snprintf(path, bytes, "%s/%s", parent, name);
        return path;
}

/* Returns the path, which the queue owns; NULL = no memory. */
static const char *queue_path(struct walk *walk, const char *parent, const char *name)
{
        if (walk->n_queue == walk->queue_room) {
                size_t room = walk->queue_room ? walk->queue_room * 2 : 64;
                char **larger = realloc(walk->queue, room * sizeof(*larger));

                if (!larger)
                        return NULL;
                walk->queue = larger;
                walk->queue_room = room;
        }
        walk->queue[walk->n_queue] = join(parent, name);
        return walk->queue[walk->n_queue] ? walk->queue[walk->n_queue++] : NULL;
}

/* Look at the processes of a cgroup: `path` is its cgroup.procs. */
static int scan_procs(struct scan *scan, int directory, const char *path)
{
        const char *p;
        uint64_t pid;
        char *text;
        int r;

        r = sys_read_file_alloc(directory, path, MAX_CGROUP_PROCS_BYTES, &text, NULL);
        if (r < 0)
                return scan_fatal(r) ? r : 0;
        for (p = text; r == 0 && proc_parse_number(&p, 10, &pid); p += *p == '\n')
                if (pid > 0 && pid <= INT32_MAX)
                        r = scan_process_once(scan, (pid_t)pid);
        free(text);
        return r;
}

static int scan_cgroup(struct walk *walk, const char *directory)
{
        char *path = join(directory, "cgroup.procs");
        int r = path ? scan_procs(walk->scan, walk->root, path) : -ENOMEM;

        free(path);
        return r;
}

/* The short way to those that can be opened by their number; the others stay in the list. */
static int scan_by_number(struct walk *walk)
{
        size_t left = 0;
        int r = 0;

        for (size_t i = 0; i < walk->n_ids; i++) {
                int fd = r == 0 ? sys_open_cgroup(walk->root, walk->ids[i]) : -1;

                if (fd < 0) {
                        walk->ids[left++] = walk->ids[i];
                        continue;
                }
                r = scan_procs(walk->scan, fd, "cgroup.procs");
                sys_close(fd);
        }
        walk->n_ids = left;
        return r;
}

/* cgroup2 gives a directory the cgroup's id as inode number (kernfs_ino()), and
 * getdents64() shows it: no stat() is needed. */
static bool take_id(struct walk *walk, uint64_t inode)
{
        for (size_t i = 0; i < walk->n_ids; i++)
                if (walk->ids[i] == inode) {
                        walk->ids[i] = walk->ids[--walk->n_ids];
                        return true;
                }
        return false;
}

static int queue_dents(struct walk *walk, const char *parent, size_t bytes)
{
        for (size_t at = 0; at < bytes;) {
                const struct dent *dent = (const void *)(walk->scan->dents + at);
                const char *path;

                at += dent->bytes;
                if (dent->type != DT_DIR || dent->name[0] == '.' || walk->n_queue >= walk->budget)
                        continue;
                path = queue_path(walk, parent, dent->name);
                if (!path)
                        return -ENOMEM;
                if (take_id(walk, dent->inode))
                        walk->found[walk->n_found++] = path;
        }
        return 0;
}

/* Looking at a process overwrites the entries: so first the whole directory is
 * read, then what was found in it is looked at. */
static int read_cgroup_directory(struct walk *walk, const char *path)
{
        int fd = sys_openat(walk->root, path, O_RDONLY | O_DIRECTORY);
        ssize_t n;
        int r = 0;

        if (fd < 0)
                return scan_fatal(fd) ? fd : 0;
        while (r == 0 && (n = sys_getdents(fd, walk->scan->dents, SCAN_DENTS_BYTES)) > 0)
                r = queue_dents(walk, path, (size_t)n);
        sys_close(fd);
        while (r == 0 && walk->n_found > 0)
                r = scan_cgroup(walk, walk->found[--walk->n_found]);
        return r;
}

static int walk_run(struct walk *walk)
{
        int r = 0;

        if (walk->n_ids > 0 && !queue_path(walk, ".", "."))
                r = -ENOMEM;
        while (r == 0 && walk->n_ids > 0 && walk->next < walk->n_queue) {
                if (scan_expired(walk->scan))
                        r = SCAN_STOP;
                else
                        r = read_cgroup_directory(walk, walk->queue[walk->next]);
                walk->next++;
        }
        for (size_t i = 0; i < walk->n_queue; i++)
                free(walk->queue[i]);
        free(walk->queue);
        return r;
}

/* The hybrid set-up has cgroup2 in a corner. Anything else that is mounted there
 * only makes for a useless order, so it is not checked what it is. */
static int open_cgroup_root(void)
{
        int fd = sys_openat(AT_FDCWD, "/sys/fs/cgroup/unified", O_RDONLY | O_DIRECTORY);

        if (fd == -ENOENT)
                fd = sys_openat(AT_FDCWD, "/sys/fs/cgroup", O_RDONLY | O_DIRECTORY);
        return fd;
}

static int scan_cgroups(struct scan *scan)
{
        struct walk walk = { .scan = scan, .budget = scan->all.n };
        int r;

        if (!scan->first_holder && scan->all.n < MANY_PROCESSES)
                return 0;
        note_cgroups(&walk);
        if (walk.n_ids == 0)
                return 0;
        walk.root = open_cgroup_root();
        if (walk.root < 0)
                return scan_fatal(walk.root) ? walk.root : 0;
        r = scan->request->plain_calls_only ? 0 : scan_by_number(&walk);
        if (r == 0)
                r = walk_run(&walk);
        sys_close(walk.root);
        return r;
}

int scan_start_with_likely(struct scan *scan)
{
        int r = 0;

        if (scan->reader.self > 0)
                r = scan_process_once(scan, scan->reader.self);
        return r != 0 ? r : scan_cgroups(scan);
}
