/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A namespace is known by a descriptor, and a command needs a file. The same inode
 * on the same device is the same namespace: the names of ip-netns(8) are looked
 * through, then the processes.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "observe/netns.h"
#include "util/sys.h"

#define NAMES "/run/netns" /* NETNS_RUN_DIR of ip-netns(8) */
#define ENTRIES_PER_CLOCK 64u

/* As getdents64(2) fills it in. */
struct entry {
        uint64_t inode;
        int64_t offset;
        uint16_t bytes;
        uint8_t type;
        char name[];
};

struct search {
        const struct aiu_request *request;
        struct stat wanted;
        const char *directory; /* its path */
        const char *below;     /* what follows an entry's name */
        unsigned int n_looked;
        char *found;
};

static bool is_same(const struct stat *a, const struct stat *b)
{
        return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

bool netns_is_own(int procfs, int nsfd)
{
        struct stat own, its;

        return procfs >= 0 && sys_fstatat(procfs, "thread-self/ns/net", &own, 0) == 0 && sys_fstat(nsfd, &its) == 0 &&
               is_same(&own, &its);
}

/* 1 = that is it. */
static int look_at(struct search *search, int directory, const char *name)
{
        char file[NAME_MAX + 16], path[NAME_MAX + 48];
        struct stat st;

        (void)snprintf(file, sizeof(file), "%s%s", name, search->below);
        if (sys_fstatat(directory, file, &st, 0) < 0 || !is_same(&st, &search->wanted))
                return 0;
        (void)snprintf(path, sizeof(path), "%s/%s", search->directory, file);
        search->found = strdup(path);
        return search->found ? 1 : -ENOMEM;
}

static int look_at_entries(struct search *search, int directory, const char *entries, size_t bytes, bool numbers)
{
        for (size_t at = 0; at < bytes;) {
                const struct entry *entry = (const void *)(entries + at);
                int r;

                at += entry->bytes;
                if (entry->name[0] == '.' || (numbers && (entry->name[0] < '1' || entry->name[0] > '9')))
                        continue;
                if (++search->n_looked % ENTRIES_PER_CLOCK == 0 && aiu_request_time_left_usec(search->request) == 0)
                        return -ETIME;
                r = look_at(search, directory, entry->name);
                if (r != 0)
                        return r;
        }
        return 0;
}

static int look_through(struct search *search, int directory, bool numbers)
{
        _Alignas(struct entry) char entries[4096];
        ssize_t n;
        int r = 0;

        while (r == 0 && (n = sys_getdents(directory, entries, sizeof(entries))) > 0)
                r = look_at_entries(search, directory, entries, (size_t)n, numbers);
        return r;
}

static int look_in(struct search *search, const char *path, const char *below, bool numbers)
{
        int directory = sys_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY), r;

        search->directory = path;
        search->below = below;
        if (directory < 0)
                return 0;
        r = look_through(search, directory, numbers);
        sys_close(directory);
        return r;
}

int netns_find_path(const struct aiu_request *request, int nsfd, bool by_process, char **ret_path)
{
        struct search search = { .request = request };
        int r;

        if (sys_fstat(nsfd, &search.wanted) < 0)
                return 0;
        r = look_in(&search, NAMES, "", false);
        if (r == 0 && by_process)
                r = look_in(&search, "/proc", "/ns/net", true);
        if (r > 0)
                *ret_path = search.found;
        return r == -ENOMEM ? r : 0;
}
