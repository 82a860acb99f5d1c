/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See cgroupfs.h. */
#include "util/cgroupfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/dents.h"
#include "util/macro.h"
#include "util/sys.h"

#define DIRECTORIES_PER_CLOCK 8u

struct directory {
        uint64_t id;
        bool likely;
        char *path;
};

struct queue {
        struct directory *directories;
        size_t n, room;
        size_t next_likely, next_unlikely; /* what is before these has been read */
        bool cut;                          /* there were more */
};

/* cgroup2 alone, or in a corner beside v1. Only its root has this file; fstatfs(2) would
 * tell as well, but is not among the plain calls. */
int cgroupfs_open(void)
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

const char *cgroupfs_below(const char *path)
{
        return path[0] ? path + 1 : ".";
}

/* Is a unit of systemd below, or a container of an engine that makes cgroups itself? */
static bool is_likely(const char *name)
{
        static const char *const names[] = { "docker", "lxc",     "libpod_parent", "default",
                                             "k8s.io", "machine", "besteffort",    "burstable" };

        if (ends_with(name, strlen(name), ".slice") || strncmp(name, "user@", 5) == 0 ||
            strncmp(name, "kubepods", 8) == 0 || strncmp(name, "pod", 3) == 0)
                return true;
        return is_one_of(name, names, ELEMENTSOF(names));
}

static int push(struct queue *queue, const char *parent, const struct dent *dent)
{
        struct directory *directory;
        size_t bytes = strlen(parent) + strlen(dent->name) + 2;

        if (queue->n == queue->room) {
                size_t room = queue->room ? queue->room * 2 : 64;
                struct directory *larger = realloc(queue->directories, room * sizeof(*larger));

                if (!larger)
                        return -ENOMEM;
                queue->directories = larger;
                queue->room = room;
        }
        directory = &queue->directories[queue->n];
        *directory = (struct directory){ .id = dent->inode, .likely = is_likely(dent->name), .path = malloc(bytes) };
        if (!directory->path)
                return -ENOMEM;
        (void)snprintf(directory->path, bytes, "%s/%s", parent, dent->name);
        queue->n++;
        return 0;
}

static int read_directory(const struct cgroupfs_walk *walk, struct queue *queue, const char *path)
{
        _Alignas(struct dent) char buffer[4096];
        struct dents dents =
                DENTS(sys_openat(walk->root, cgroupfs_below(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW), buffer);
        const struct dent *dent;
        int r = 0;

        if (dents.fd < 0)
                return dents.fd == -EMFILE || dents.fd == -ENFILE || dents.fd == -ENOMEM ? dents.fd : 0;
        while (r == 0 && (dent = dents_next(&dents))) {
                if (dent->type != DT_DIR)
                        continue;
                queue->cut |= queue->n >= walk->most;
                r = queue->cut ? 0 : push(queue, path, dent);
        }
        sys_close(dents.fd);
        return r;
}

static const char *next_path(const struct cgroupfs_walk *walk, struct queue *queue)
{
        while (queue->next_likely < queue->n) {
                const struct directory *directory = &queue->directories[queue->next_likely++];

                if (directory->likely)
                        return directory->path;
        }
        while (!walk->likely_only && queue->next_unlikely < queue->n) {
                const struct directory *directory = &queue->directories[queue->next_unlikely++];

                if (!directory->likely)
                        return directory->path;
        }
        return NULL;
}

/* A directory is read to its end and closed before anything below it is visited: a visitor
 * opens descriptors of its own, of which there may be few. */
static int run(struct cgroupfs_walk *walk, struct queue *queue)
{
        size_t n_read = 0, visited = 0;
        int r = 0;

        for (const char *path = ""; path && r == 0; path = next_path(walk, queue)) {
                if (walk->until_nsec && ++n_read % DIRECTORIES_PER_CLOCK == 0 && sys_now_nsec() >= walk->until_nsec)
                        return -ETIME;
                r = read_directory(walk, queue, path);
                for (; r == 0 && visited < queue->n; visited++)
                        r = walk->visit(walk, queue->directories[visited].id, queue->directories[visited].path);
        }
        return r == 0 && queue->cut ? -ETIME : r;
}

int cgroupfs_walk(struct cgroupfs_walk *walk)
{
        struct queue queue = { .n = 0 };
        int r = run(walk, &queue);

        for (size_t i = 0; i < queue.n; i++)
                free(queue.directories[i].path);
        free(queue.directories);
        return r;
}
