/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An AF_UNIX path of a process with another root directory, working directory or mount namespace. /proc/PID/root and
 * /proc/PID/cwd lead there, and openat2(2) resolves the rest as that process would: ".." and absolute symbolic links
 * stay below its root. A user who may not read these links learns nothing, and a gap says so.
 *
 * Less is known than at home. "Stale" would have to be shown in every mount of that namespace, and whether the process
 * may write to a directory is a matter of its credentials: both stay unknown.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/procfs/unix-elsewhere.h"
#include "backend/procfs/unix-live.h"
#include "backend/procfs/unix-mount.h"
#include "backend/procfs/unix-open.h"
#include "util/sys.h"

#define MOUNTINFO_MAX (4u << 20)

static void gap(struct aiu_snapshot *snapshot, int error, const char *text)
{
        (void)aiu_snapshot_add_gap(snapshot, AIU_GAP_NAMESPACE, error, text);
}

/*
 * A magic link would lead to a file of ours (/proc/self/root): openat2(2) says that RESOLVE_IN_ROOT may follow such
 * links one day. A relative path may not leave its directory.
 */
static int open_parent(const struct aiu_request *request, const char *path, const char *parent)
{
        bool absolute = path[0] == '/';
        uint64_t resolve = RESOLVE_NO_MAGICLINKS | (absolute ? RESOLVE_IN_ROOT : RESOLVE_BENEATH);
        int start = sys_openat(request->process, absolute ? "root" : "cwd", O_PATH | O_DIRECTORY), fd;

        if (start < 0)
                return start == -ENOENT ? -ESRCH : start;
        fd = sys_openat2(start, parent, O_PATH | O_DIRECTORY, resolve);
        sys_close(start);
        return fd;
}

/* unix_diag has the device of the file system; mountinfo of that namespace has it, too. */
static int learn_device(const struct aiu_request *request, int file, struct aiu_host_fact *fact)
{
        uint64_t mount_id = unix_open_mount(request->procfs, file);
        char *mountinfo = NULL;
        int r;

        if (mount_id == 0)
                return 0;
        r = sys_read_file_alloc(request->process, "mountinfo", MOUNTINFO_MAX, &mountinfo, NULL);
        if (r >= 0 && mountinfo)
                fact->name_fs_device = unix_mount_device(mountinfo, mount_id);
        free(mountinfo);
        return r == -ENOMEM ? r : 0;
}

static enum aiu_tristate is_live(const struct aiu_request *request, int file)
{
        enum aiu_tristate live = AIU_TRISTATE_UNKNOWN;
        char name[UNIX_OPEN_NAME];

        if (request->context_flags & AIU_CONTEXT_NO_IPC)
                return AIU_TRISTATE_UNKNOWN;
        if (unix_open_name(file, name) < 0 || unix_live_pinned(name, &live) < 0)
                return AIU_TRISTATE_UNKNOWN;
        return live == AIU_TRISTATE_YES ? live : AIU_TRISTATE_UNKNOWN;
}

static int learn_file(const struct aiu_request *request, int file, const struct stat *st, struct aiu_snapshot *snapshot,
                      struct aiu_host_fact *fact)
{
        bool socket = S_ISSOCK(st->st_mode);

        fact->name_exists = AIU_TRISTATE_YES;
        fact->name_is_socket = socket ? AIU_TRISTATE_YES : AIU_TRISTATE_NO;
        fact->name_mode = st->st_mode;
        fact->name_inode = st->st_ino;
        fact->name_device = st->st_dev;
        fact->name_live = socket ? is_live(request, file) : AIU_TRISTATE_NO;
        if (fact->name_live == AIU_TRISTATE_UNKNOWN)
                gap(snapshot, 0,
                    "the socket file may be live or stale: the file belongs to another root directory or mount "
                    "namespace. Ask there");
        return socket ? learn_device(request, file, fact) : 0;
}

/* The same errors as at home; what these links or this kernel refuse is no error of bind(2). */
static bool is_path_error(int r)
{
        return r == -ENOENT || r == -ENOTDIR || r == -ENAMETOOLONG;
}

static int look(const struct aiu_request *request, int parent, const char *base, bool slashes,
                struct aiu_snapshot *snapshot, struct aiu_host_fact *fact)
{
        struct stat st;
        int file, r;

        file = base[0] ? sys_openat2(parent, base, O_PATH | O_NOFOLLOW, 0) : sys_openat2(parent, ".", O_PATH, 0);
        if (file >= 0) {
                r = sys_fstat(file, &st);
                if (r >= 0)
                        r = learn_file(request, file, &st, snapshot, fact);
                sys_close(file);
                return r;
        }
        if (file != -ENOENT)
                return file;
        fact->name_error = slashes ? ENOENT : 0;
        if (!slashes)
                gap(snapshot, 0,
                    "no file is at the path, but the calling process may not be permitted to create a socket in its "
                    "directory");
        return 0;
}

int unix_elsewhere_learn(const struct aiu_request *request, const char *path, const char *parent, bool slashes,
                         struct aiu_snapshot *snapshot, struct aiu_host_fact *fact)
{
        const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
        int fd, r;

        fd = request->plain_calls_only ? -EPERM : open_parent(request, path, parent);
        if (is_path_error(fd)) {
                fact->name_error = -fd;
                fact->name_at = fd == -ENOENT ? (unsigned int)strlen(parent) : 0;
                return 0;
        }
        r = fd < 0 ? fd : look(request, fd, base, slashes, snapshot, fact);
        sys_close(fd);
        if (r >= 0 || r == -ENOMEM)
                return r;
        gap(snapshot, -r,
            "the path was not examined: for the calling process it may be another file. Ask in the root, directory "
            "and mount namespace of that process");
        return 0;
}
