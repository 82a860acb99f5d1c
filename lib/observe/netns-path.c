/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A namespace is known by a descriptor, and a command needs a file. The same inode on the same device is the same
 * namespace: the names of ip-netns(8) are looked through, then the processes.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "observe/netns-path.h"
#include "util/dents.h"
#include "util/sys.h"

#define NAMES "/run/netns" /* NETNS_RUN_DIR of ip-netns(8) */
#define ENTRIES_PER_CLOCK 64u

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

static int look_in(struct search *search, const char *path, const char *below, bool numbers)
{
        _Alignas(struct dent) char buffer[4096];
        struct dents dents = DENTS(sys_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY), buffer);
        const struct dent *dent;
        int r = 0;

        search->directory = path;
        search->below = below;
        if (dents.fd < 0)
                return 0;
        while (r == 0 && (dent = numbers ? dents_next_number(&dents) : dents_next(&dents))) {
                if (++search->n_looked % ENTRIES_PER_CLOCK == 0 && aiu_request_time_left_usec(search->request) == 0)
                        r = -ETIME;
                else
                        r = look_at(search, dents.fd, dent->name);
        }
        sys_close(dents.fd);
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
