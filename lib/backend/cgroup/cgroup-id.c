/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See cgroup-id.h. open_by_handle_at(2) is one call for each id, however many cgroups there are,
 * and knows which ids are gone. But it needs CAP_DAC_READ_SEARCH, and most seccomp filters forbid
 * it: for the other ids the tree is walked.
 */
#include "backend/cgroup/cgroup-id.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cgroupfs.h"
#include "util/sys.h"

#define MOST_DIRECTORIES 2048u

struct search {
        struct cgroup_id *ids;
        size_t n_ids, n_left;
        int root;
};

static bool wants_everywhere(const struct search *search)
{
        for (size_t i = 0; i < search->n_ids; i++)
                if (!search->ids[i].path && !search->ids[i].gone && search->ids[i].everywhere)
                        return true;
        return false;
}

/* 1 = each id has been found. */
static int compare_id(struct search *search, uint64_t inode, const char *path)
{
        for (size_t i = 0; i < search->n_ids; i++) {
                if (search->ids[i].id != inode || search->ids[i].path || search->ids[i].gone)
                        continue;
                search->ids[i].path = strdup(path);
                if (!search->ids[i].path)
                        return -ENOMEM;
                search->n_left--;
        }
        return search->n_left == 0;
}

static int visit(struct cgroupfs_walk *walk, uint64_t id, const char *path)
{
        int r = compare_id(walk->userdata, id, path);

        walk->likely_only = !wants_everywhere(walk->userdata);
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
static int open_by_id(const struct aiu_request *request, struct search *search, struct cgroup_id *id, const char *root,
                      char path[PATH_MAX])
{
        int fd = sys_open_cgroup(search->root, id->id);
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

static int open_by_ids(const struct aiu_request *request, struct search *search)
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
        for (size_t i = 0; i < search->n_ids && path_of(request, search->root, root); i++) {
                if (search->ids[i].path)
                        continue;
                r = open_by_id(request, search, &search->ids[i], root, path);
                search->ids[i].gone = r == -ESTALE;
                if (r == 0 || r == -ESTALE)
                        search->n_left--;
                if (r == -EPERM || r == -ENOSYS || r == -EOPNOTSUPP || r == -ENOMEM)
                        break;
        }
        free(paths);
        return r == -ENOMEM ? r : 0;
}

/* The root itself is in no directory. */
static int compare_root(struct search *search)
{
        struct stat st;

        return sys_fstat(search->root, &st) < 0 ? 0 : compare_id(search, (uint64_t)st.st_ino, "/");
}

static int find_all(const struct aiu_request *request, struct search *search, uint64_t until_nsec)
{
        struct cgroupfs_walk walk = {
                .root = search->root,
                .most = MOST_DIRECTORIES,
                .until_nsec = until_nsec,
                .visit = visit,
                .userdata = search,
        };
        int r = compare_root(search);

        if (r == 0)
                r = open_by_ids(request, search);
        walk.likely_only = !wants_everywhere(search);
        if (r == 0 && search->n_left > 0)
                r = cgroupfs_walk(&walk);
        return r > 0 ? 0 : r;
}

int cgroup_id_find(const struct aiu_request *request, struct cgroup_id *ids, size_t n)
{
        uint64_t left = aiu_request_time_left_usec(request);
        struct search search = { .ids = ids, .n_ids = n, .n_left = n };
        int r;

        if (n == 0)
                return 0;
        if (left == 0)
                return -ETIME;
        search.root = cgroupfs_open();
        if (search.root < 0)
                return search.root;
        r = find_all(request, &search, left == UINT64_MAX ? 0 : sys_now_nsec() + left * 500);
        sys_close(search.root);
        return r;
}
