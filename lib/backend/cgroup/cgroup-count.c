/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See cgroup-count.h. What a stop of a unit ends is what is in its cgroup: one line
 * of cgroup.procs for each. Below it there may be more cgroups, where it is delegated;
 * a few of them are looked at.
 */
#include "backend/cgroup/cgroup-count.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/macro.h"
#include "util/sys.h"

#define TEXT_BYTES 65536u
#define DENTS_BYTES 4096u
#define MOST_LEVELS 3u
#define MOST_DIRECTORIES 64u

/* struct linux_dirent64: getdents64(2) defines it, no header does. */
struct dent {
        uint64_t inode;
        int64_t offset;
        uint16_t bytes;
        uint8_t type;
        char name[];
};

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

static void count_tree(struct count *count, int directory, unsigned int level);

static void count_below(struct count *count, int directory, unsigned int level, const char *dents, size_t bytes)
{
        for (size_t at = 0; at < bytes;) {
                const struct dent *dent = (const void *)(dents + at);
                int fd;

                at += dent->bytes;
                if (dent->type != DT_DIR || dent->name[0] == '.')
                        continue;
                fd = sys_openat(directory, dent->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
                if (fd < 0)
                        continue;
                count_tree(count, fd, level + 1);
                sys_close(fd);
        }
}

static void count_tree(struct count *count, int directory, unsigned int level)
{
        union {
                char bytes[DENTS_BYTES];
                struct dent first; /* for its alignment */
        } dents;
        ssize_t n;

        if (level > MOST_LEVELS || count->n_directories++ >= MOST_DIRECTORIES)
                return;
        count_lines(count, directory);
        while ((n = sys_getdents(directory, dents.bytes, sizeof(dents.bytes))) > 0)
                count_below(count, directory, level, dents.bytes, (size_t)n);
}

static int open_unit(const char *path)
{
        static const char *const mounts[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
        int fd = -1;

        for (size_t i = 0; fd < 0 && i < ELEMENTSOF(mounts); i++) {
                int root = sys_openat(AT_FDCWD, mounts[i], O_PATH | O_DIRECTORY);

                if (root < 0)
                        continue;
                fd = sys_openat(root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
                sys_close(root);
        }
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
                count_tree(&count, directory, 0);
        free(count.text);
        sys_close(directory);
        return count.n_processes;
}
