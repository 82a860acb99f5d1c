/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See cgroup-id.h. In cgroup2 the id of a cgroup is the inode number of its
 * directory (kernfs_ino()), and getdents64() shows that of each entry, so a
 * directory is opened only to look below it. Slices come first: .socket units
 * and services lie in them, two or three levels down. open_by_handle_at(2) is one
 * call instead, however many cgroups there are, and knows which ids are gone; but it
 * is for CAP_DAC_READ_SEARCH alone and forbidden by most seccomp filters.
 */
#include "backend/cgroup/cgroup-id.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/macro.h"
#include "util/sys.h"

#define DENTS_BYTES 16384u
#define MOST_DIRECTORIES 2048u
#define DIRECTORIES_PER_CLOCK 8u

/* struct linux_dirent64: getdents64(2) defines it, no header does. */
struct dent {
        uint64_t inode;
        int64_t offset;
        uint16_t bytes;
        uint8_t type;
        char name[];
};

struct queue {
        char **paths;
        size_t n, room, next;
};

struct walk {
        struct cgroup_id *ids;
        size_t n_ids, n_left;
        int root;
        struct queue likely, unlikely;
        uint64_t until_nsec; /* 0 = no end */
        char *dents;
};

static char *join(const char *parent, const char *name)
{
        size_t bytes = strlen(parent) + strlen(name) + 2;
        char *path = malloc(bytes);

        if (path)
                (void)snprintf(path, bytes, "%s/%s", parent, name);
        return path;
}

static int push(struct queue *queue, const char *parent, const char *name)
{
        if (queue->n >= MOST_DIRECTORIES)
                return 0;
        if (queue->n == queue->room) {
                size_t room = queue->room ? queue->room * 2 : 32;
                char **larger = realloc(queue->paths, room * sizeof(*larger));

                if (!larger)
                        return -ENOMEM;
                queue->paths = larger;
                queue->room = room;
        }
        queue->paths[queue->n] = join(parent, name);
        if (!queue->paths[queue->n])
                return -ENOMEM;
        queue->n++;
        return 0;
}

static void queue_finish(struct queue *queue)
{
        for (size_t i = 0; i < queue->n; i++)
                free(queue->paths[i]);
        free(queue->paths);
}

static bool ends_with(const char *name, const char *suffix)
{
        size_t n = strlen(name), m = strlen(suffix);

        return n > m && memcmp(name + n - m, suffix, m) == 0;
}

/* Does anything of systemd's lie below, or a container of an engine that makes cgroups itself? */
static bool is_likely(const char *name)
{
        static const char *const names[] = { "docker", "lxc", "libpod_parent", "default", "k8s.io", "machine" };

        if (ends_with(name, ".slice") || strncmp(name, "user@", 5) == 0 || strncmp(name, "kubepods", 8) == 0 ||
            strncmp(name, "pod", 3) == 0)
                return true;
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (strcmp(name, names[i]) == 0)
                        return true;
        return strcmp(name, "besteffort") == 0 || strcmp(name, "burstable") == 0;
}

static int compare_id(struct walk *walk, uint64_t inode, const char *parent, const char *name)
{
        for (size_t i = 0; i < walk->n_ids; i++) {
                if (walk->ids[i].id != inode || walk->ids[i].path || walk->ids[i].gone)
                        continue;
                walk->ids[i].path = join(parent, name);
                if (!walk->ids[i].path)
                        return -ENOMEM;
                walk->n_left--;
        }
        return 0;
}

static int take_entries(struct walk *walk, const char *parent, size_t bytes)
{
        int r = 0;

        for (size_t at = 0; r == 0 && at < bytes;) {
                const struct dent *dent = (const void *)(walk->dents + at);

                at += dent->bytes;
                if (dent->type != DT_DIR || dent->name[0] == '.')
                        continue;
                r = compare_id(walk, dent->inode, parent, dent->name);
                if (r == 0)
                        r = push(is_likely(dent->name) ? &walk->likely : &walk->unlikely, parent, dent->name);
        }
        return r;
}

static int read_directory(struct walk *walk, const char *path)
{
        /* Paths begin with "/", which is the root of the mount here. */
        const char *below = *path ? path + 1 : ".";
        int fd = sys_openat(walk->root, below, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        ssize_t n;
        int r = 0;

        if (fd < 0)
                return fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM ? fd : 0;
        while (r == 0 && (n = sys_getdents(fd, walk->dents, DENTS_BYTES)) > 0)
                r = take_entries(walk, path, (size_t)n);
        sys_close(fd);
        return r;
}

static bool wants_everywhere(const struct walk *walk)
{
        for (size_t i = 0; i < walk->n_ids; i++)
                if (!walk->ids[i].path && !walk->ids[i].gone && walk->ids[i].everywhere)
                        return true;
        return false;
}

static const char *next_path(struct walk *walk)
{
        if (walk->likely.next < walk->likely.n)
                return walk->likely.paths[walk->likely.next++];
        if (walk->unlikely.next < walk->unlikely.n && wants_everywhere(walk))
                return walk->unlikely.paths[walk->unlikely.next++];
        return NULL;
}

static int run(struct walk *walk)
{
        const char *path = "";
        size_t n = 0;
        int r = 0;

        while (r == 0 && walk->n_left > 0 && path) {
                if (++n > MOST_DIRECTORIES)
                        return -ETIME;
                if (walk->until_nsec && n % DIRECTORIES_PER_CLOCK == 0 && sys_now_nsec() >= walk->until_nsec)
                        return -ETIME;
                r = read_directory(walk, path);
                path = next_path(walk);
        }
        return r;
}

/* cgroup2 alone, or in a corner beside v1. It alone has this file at its root;
 * fstatfs(2) would tell as well, but is not among the plain calls. */
static int open_root(void)
{
        static const char *const mounts[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
        int r = -ENOENT;

        for (size_t i = 0; i < ELEMENTSOF(mounts); i++) {
                int fd = sys_openat(AT_FDCWD, mounts[i], O_RDONLY | O_DIRECTORY);
                struct stat st;

                if (fd < 0) {
                        r = fd;
                        continue;
                }
                r = sys_fstatat(fd, "cgroup.controllers", &st, AT_SYMLINK_NOFOLLOW);
                if (r >= 0)
                        return fd;
                sys_close(fd);
        }
        return r;
}

/* Where a descriptor of ours points; false: not to be told. */
static bool path_of(const struct aiu_request *request, int fd, char path[PATH_MAX])
{
        char link[32];
        ssize_t n;

        (void)snprintf(link, sizeof(link), "self/fd/%d", fd);
        n = sys_readlinkat(request->procfs, link, path, PATH_MAX - 1);
        if (n <= 0 || n == PATH_MAX - 1)
                return false;
        path[n] = '\0';
        return path[0] == '/';
}

/* -ESTALE: there is none of that id. */
static int open_by_id(const struct aiu_request *request, struct walk *walk, struct cgroup_id *id, const char *root,
                      char path[PATH_MAX])
{
        int fd = sys_open_cgroup(walk->root, id->id);
        size_t n = strlen(root);
        bool known;

        if (fd < 0)
                return fd;
        known = path_of(request, fd, path);
        sys_close(fd);
        /* Outside of what is mounted here: another cgroup namespace's. */
        if (!known || strncmp(path, root, n) != 0 || (path[n] && path[n] != '/'))
                return -EXDEV;
        id->path = strdup(path + n);
        return id->path ? 0 : -ENOMEM;
}

/* Whatever is not found so is looked for by the walk. */
static int open_by_ids(const struct aiu_request *request, struct walk *walk)
{
        char *paths, *root, *path;
        int r = 0;

        if (request->plain_calls_only || request->procfs < 0)
                return 0;
        paths = malloc((size_t)PATH_MAX * 2);
        if (!paths)
                return -ENOMEM;
        root = paths;
        path = paths + PATH_MAX;
        for (size_t i = 0; i < walk->n_ids && path_of(request, walk->root, root); i++) {
                if (walk->ids[i].path)
                        continue;
                r = open_by_id(request, walk, &walk->ids[i], root, path);
                walk->ids[i].gone = r == -ESTALE;
                if (r == 0 || r == -ESTALE)
                        walk->n_left--;
                if (r == -EPERM || r == -ENOSYS || r == -EOPNOTSUPP || r == -ENOMEM)
                        break;
        }
        free(paths);
        return r == -ENOMEM ? r : 0;
}

/* The root itself is in no directory. */
static int compare_root(struct walk *walk)
{
        struct stat st;

        return sys_fstat(walk->root, &st) < 0 ? 0 : compare_id(walk, (uint64_t)st.st_ino, "", "");
}

int cgroup_id_find(const struct aiu_request *request, struct cgroup_id *ids, size_t n)
{
        uint64_t left = aiu_request_time_left_usec(request);
        struct walk walk = { .ids = ids, .n_ids = n, .n_left = n };
        int r;

        if (n == 0)
                return 0;
        if (left == 0)
                return -ETIME;
        if (left != UINT64_MAX)
                walk.until_nsec = sys_now_nsec() + left * 500;
        walk.root = open_root();
        if (walk.root < 0)
                return walk.root;
        walk.dents = malloc(DENTS_BYTES);
        r = walk.dents ? compare_root(&walk) : -ENOMEM;
        if (r == 0)
                r = open_by_ids(request, &walk);
        if (r == 0)
                r = run(&walk);
        sys_close(walk.root);
        queue_finish(&walk.likely);
        queue_finish(&walk.unlikely);
        free(walk.dents);
        return r;
}
