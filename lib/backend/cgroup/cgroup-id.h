/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From the id of a cgroup, as INET_DIAG_CGROUP_ID has it, to its path: by its handle,
 * which only root may do, else by a walk through the mounted tree, which any user may do.
 */
#ifndef AIU_CGROUP_ID_H
#define AIU_CGROUP_ID_H

#include <stdbool.h>
#include <stddef.h>

#include "addrinuse-backend.h"

struct cgroup_id {
        uint64_t id;
        bool everywhere; /* look also where no .socket unit can be */
        bool gone;       /* no cgroup has that id now */
        char *path;      /* malloc()ed, from the root of the mount; NULL = not found */
};

/* Fill in the paths of those that can be found before half of the time that is
 * left is over. 0; -ENOENT: no cgroup2 is mounted where it should be; -ETIME:
 * some may be missing; another errno of openat(2); -ENOMEM. */
int cgroup_id_find(const struct aiu_request *request, struct cgroup_id *ids, size_t n);

#endif
