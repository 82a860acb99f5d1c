/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Overlays of other mount namespaces. A container's files lie in the upper directory of an overlay that is mounted in
 * the container alone: a server there is bound to the overlay's inode, and seen from the upper directory its socket
 * file looks stale. Every process shows the mounts of its namespace in /proc/PID/mountinfo, to any user.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "backend/procfs/unix-mount.h"
#include "backend/procfs/unix-views.h"
#include "util/dents.h"
#include "util/sys.h"

#define MOUNTINFO_MAX (4u << 20)
#define NAMESPACES_KEPT 64u

struct views {
        const struct aiu_request *request;
        const char *path;
        unix_mount_resolve *resolve;
        char *way;
        uint64_t seen[NAMESPACES_KEPT];
        size_t n_seen;
        enum aiu_tristate answer;
};

/* The number of the first mount, which no other namespace has; 0 = the process has gone. */
static uint64_t first_mount(int procfs, const char *file)
{
        char text[32];

        return sys_read_file(procfs, file, text, sizeof(text)) > 0 ? strtoull(text, NULL, 10) : 0;
}

static bool is_new(struct views *views, uint64_t mount)
{
        for (size_t i = 0; i < views->n_seen; i++)
                if (views->seen[i] == mount)
                        return false;
        if (views->n_seen < NAMESPACES_KEPT)
                views->seen[views->n_seen++] = mount;
        return mount != 0;
}

static void look_at(struct views *views, const char *pid)
{
        int procfs = views->request->procfs, r;
        char file[NAME_MAX + 16], *text;
        const char *cursor;

        (void)snprintf(file, sizeof(file), "%s/mountinfo", pid);
        if (!is_new(views, first_mount(procfs, file)))
                return;
        r = sys_read_file_alloc(procfs, file, MOUNTINFO_MAX, &text, NULL);
        if (r < 0) {
                views->answer = AIU_TRISTATE_UNKNOWN;
                return;
        }
        cursor = text;
        if (unix_mount_next_view(&cursor, 0, views->path, views->resolve, views->way) != UNIX_VIEW_END)
                views->answer = AIU_TRISTATE_UNKNOWN;
        free(text);
}

enum aiu_tristate unix_views_elsewhere(const struct aiu_request *request, const char *path, unix_mount_resolve *resolve,
                                       char way[UNIX_MOUNT_PATH])
{
        struct views views = {
                .request = request, .path = path, .resolve = resolve, .way = way, .answer = AIU_TRISTATE_NO
        };
        _Alignas(struct dent) char buffer[4096];
        struct dents dents = DENTS(sys_openat(request->procfs, ".", O_RDONLY | O_DIRECTORY), buffer);
        const struct dent *dent;

        if (dents.fd < 0)
                return AIU_TRISTATE_UNKNOWN;
        /* Our own namespace has been asked in full. */
        (void)is_new(&views, first_mount(request->procfs, "thread-self/mountinfo"));
        while (views.answer == AIU_TRISTATE_NO && (dent = dents_next_number(&dents))) {
                if (aiu_request_time_left_usec(request) == 0)
                        views.answer = AIU_TRISTATE_UNKNOWN;
                else
                        look_at(&views, dent->name);
        }
        sys_close(dents.fd);
        return dents.error < 0 ? AIU_TRISTATE_UNKNOWN : views.answer;
}
