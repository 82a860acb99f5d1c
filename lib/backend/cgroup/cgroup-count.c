/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See cgroup-count.h. A stop of a unit ends the processes in its cgroup: cgroup.procs has a line
 * for each. Below a delegated one there may be more cgroups, of which the first few are counted.
 */
#include "backend/cgroup/cgroup-count.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cgroupfs.h"
#include "util/sys.h"

#define TEXT_BYTES 65536u
#define MOST_LEVELS 3u
#define MOST_DIRECTORIES 64u

struct count {
        char *text; /* TEXT_BYTES */
        unsigned int n_directories;
        uint32_t n_processes;
};

/* The line of cgroup2, as far as the unit's own directory: below "/", without it. */
static bool find_path(const char *text, const char *unit, char path[PATH_MAX])
{
        const char *line = strncmp(text, "0::/", 4) == 0 ? text : strstr(text, "\n0::/");
        size_t n = strlen(unit);
        const char *end;

        if (!line || n == 0)
                return false;
        line = strchr(line, '/') + 1;
        end = line + strcspn(line, "\n");
        for (const char *p = line; (p = strstr(p, unit)) && p + n <= end; p++) {
                size_t bytes = (size_t)(p + n - line);

                if ((p != line && p[-1] != '/') || (p[n] && p[n] != '/' && p[n] != '\n'))
                        continue;
                if (bytes >= PATH_MAX || strncmp(line, "..", 2) == 0)
                        return false;
                memcpy(path, line, bytes);
                path[bytes] = '\0';
                return true;
        }
        return false;
}

static void count_lines(struct count *count, int directory)
{
        ssize_t n = sys_read_file(directory, "cgroup.procs", count->text, TEXT_BYTES);

        for (ssize_t i = 0; i < n; i++)
                count->n_processes += count->text[i] == '\n';
}

static unsigned int level_of(const char *path)
{
        unsigned int level = 0;

        for (; *path; path++)
                level += *path == '/';
        return level;
}

static int visit(struct cgroupfs_walk *walk, uint64_t id, const char *path)
{
        struct count *count = walk->userdata;
        int directory;

        (void)id;
        if (level_of(path) > MOST_LEVELS)
                return 0;
        if (++count->n_directories >= MOST_DIRECTORIES)
                return 1;
        directory = sys_openat(walk->root, cgroupfs_below(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (directory >= 0)
                count_lines(count, directory);
        sys_close(directory);
        return 0;
}

static void count_tree(struct count *count, int directory)
{
        struct cgroupfs_walk walk = { .root = directory, .most = MOST_DIRECTORIES, .visit = visit, .userdata = count };

        count_lines(count, directory);
        if (cgroupfs_walk(&walk) == -ENOMEM)
                count->n_processes = 0;
}

static int open_unit(const char *path)
{
        int root = cgroupfs_open(), fd;

        if (root < 0)
                return root;
        fd = sys_openat(root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        sys_close(root);
        return fd;
}

uint32_t cgroup_count(const char *text, const char *unit)
{
        char path[PATH_MAX];
        struct count count = { .n_processes = 0 };
        int directory;

        if (!text || !unit || !find_path(text, unit, path))
                return 0;
        directory = open_unit(path);
        if (directory < 0)
                return 0;
        count.text = malloc(TEXT_BYTES);
        if (count.text)
                count_tree(&count, directory);
        free(count.text);
        sys_close(directory);
        return count.n_processes;
}
