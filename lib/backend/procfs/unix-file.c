/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What has to be known about a file at an AF_UNIX path before it is removed: what it is, whether a socket is bound to
 * it (unix-live.c), on this way or on another one (unix-mount.c), and whether unlink(2) would be allowed. "No" is
 * said only when it was shown. Everything else is unknown, and a gap says why.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/stat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/procfs/unix-file.h"
#include "backend/procfs/unix-live.h"
#include "backend/procfs/unix-mount.h"
#include "backend/procfs/unix-open.h"
#include "backend/procfs/unix-views.h"
#include "util/caller.h"
#include "util/macro.h"
#include "util/sys.h"

#ifndef STATX_ATTR_IMMUTABLE
#define STATX_ATTR_IMMUTABLE 0x00000010
#define STATX_ATTR_APPEND 0x00000020
#endif
#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x00002000 /* Linux 5.8 */
#endif

#define MOUNTINFO_MAX (4u << 20)
#define OVERFLOW_UID 65534u

#define NOT_KNOWN "the socket file may be live or stale: "

struct file {
        const struct aiu_request *request;
        struct aiu_snapshot *snapshot;
        const char *path, *parent;
        struct stat st;
        uint64_t mount_id;          /* 0 = not known */
        char *mountinfo;            /* NULL = not readable */
        char real[UNIX_MOUNT_PATH]; /* without symbolic links; "" = not known */
        long type;                  /* statfs(2); 0 = not known */
        uint64_t attributes;        /* STATX_ATTR_* */
};

static void gap(const struct file *file, enum aiu_gap_kind kind, int error, const char *text)
{
        (void)aiu_snapshot_add_gap(file->snapshot, kind, error, text);
}

/* ------------------------------------------------------ where it is */

static void read_real_path(int fd, char real[UNIX_MOUNT_PATH])
{
        char name[UNIX_OPEN_NAME];
        ssize_t n;

        real[0] = '\0';
        if (unix_open_name(fd, name) < 0)
                return;
        n = sys_readlinkat(AT_FDCWD, name, real, UNIX_MOUNT_PATH - 1);
        real[n > 0 && real[0] == '/' ? n : 0] = '\0';
}

/* Best effort: each part that is missing makes less known. -ENOMEM ends it. */
static int locate(struct file *file)
{
        int procfs = file->request->procfs, r = 0, fd;

        fd = sys_openat(AT_FDCWD, file->path, O_PATH | O_NOFOLLOW);
        if (fd < 0)
                return 0;
        file->mount_id = unix_open_mount(procfs, fd);
        if (!file->request->plain_calls_only) {
                read_real_path(fd, file->real);
                if (sys_fstatfs_type(fd, &file->type) < 0)
                        file->type = 0;
                if (sys_statx_attributes(fd, &file->attributes) < 0)
                        file->attributes = 0;
        }
        sys_close(fd);
        if (file->mount_id != 0)
                r = sys_read_file_alloc(procfs, "thread-self/mountinfo", MOUNTINFO_MAX, &file->mountinfo, NULL);
        return r == -ENOMEM ? r : 0;
}

/* ------------------------------------------------------ live, or stale */

/* mountinfo has a directory as it was spelled. */
static void resolve(char path[UNIX_MOUNT_PATH])
{
        char real[UNIX_MOUNT_PATH];
        int fd = sys_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY);

        if (fd < 0)
                return;
        read_real_path(fd, real);
        sys_close(fd);
        if (real[0])
                memcpy(path, real, strlen(real) + 1);
}

/* Not through this path: through another mount that shows the file? */
static enum aiu_tristate look_elsewhere(const struct file *file)
{
        const char *cursor = file->mountinfo;
        enum aiu_tristate live, answer = AIU_TRISTATE_NO;
        char way[UNIX_MOUNT_PATH];
        enum unix_view lookup;
        struct stat st;
        int r;

        if (!cursor || !file->real[0])
                return AIU_TRISTATE_UNKNOWN;
        while ((lookup = unix_mount_next_view(&cursor, file->mount_id, file->real, resolve, way)) != UNIX_VIEW_END) {
                r = lookup == UNIX_VIEW_PATH ? unix_live_once(way, &st, &live) : -EIO;
                if (r == -ENOENT || r == -ENOTDIR)
                        continue;
                if (r >= 0 && live == AIU_TRISTATE_YES)
                        return live;
                if (r < 0)
                        answer = AIU_TRISTATE_UNKNOWN;
        }
        return answer == AIU_TRISTATE_NO ? unix_views_elsewhere(file->request, file->real, resolve, way) : answer;
}

/* No client reaches a server through this path. Is there another way to one? */
static enum aiu_tristate confirm_stale(const struct file *file)
{
        enum aiu_tristate elsewhere;

        if (file->type == 0 || unix_mount_is_shared(file->type)) {
                gap(file, AIU_GAP_NAMESPACE, 0,
                    "no server on this machine answers at this path, but the file system may be shared with another "
                    "machine or served by a program, and a server may be bound to the file there");
                return AIU_TRISTATE_UNKNOWN;
        }
        elsewhere = look_elsewhere(file);
        if (elsewhere == AIU_TRISTATE_UNKNOWN)
                gap(file, AIU_GAP_NAMESPACE, 0,
                    "no server answers at this path, but another mount may show the file, with a server bound to it "
                    "there");
        return elsewhere;
}

static void not_asked(const struct file *file, int error)
{
        char text[160];

        switch (error) {
        case EACCES:
        case EPERM:
                gap(file, AIU_GAP_PERMISSION, error, NOT_KNOWN "this user may not connect to it");
                return;
        case ESTALE:
                gap(file, AIU_GAP_UNKNOWN, error, NOT_KNOWN "the file was replaced again and again");
                return;
        case ETIME:
                gap(file, AIU_GAP_DEADLINE, error, NOT_KNOWN "the deadline passed");
                return;
        case EOPNOTSUPP:
                gap(file, AIU_GAP_BACKEND, error, NOT_KNOWN "connect(2) of this kernel does not tell which");
                return;
        default:
                (void)snprintf(text, sizeof(text), NOT_KNOWN "connect(2) failed with error %d", error);
                gap(file, AIU_GAP_BACKEND, error, text);
                return;
        }
}

static int learn_live(struct file *file, enum aiu_tristate *ret_live)
{
        int r;

        *ret_live = AIU_TRISTATE_UNKNOWN;
        if (file->request->context_flags & AIU_CONTEXT_NO_IPC) {
                gap(file, AIU_GAP_BACKEND, 0, NOT_KNOWN "no connect(2) was made, as requested");
                return 0;
        }
        if (file->request->plain_calls_only) {
                gap(file, AIU_GAP_BACKEND, 0,
                    NOT_KNOWN "no connect(2) was made, because the caller is under a "
                              "seccomp filter");
                return 0;
        }
        r = unix_live(file->request, file->path, &file->st, ret_live);
        if (r == -ENOENT)
                return r;
        if (r < 0)
                not_asked(file, -r);
        else if (*ret_live == AIU_TRISTATE_NO)
                *ret_live = confirm_stale(file);
        return 0;
}

/* ------------------------------------------------------ may it be removed? */

/* In a sticky directory a file goes with its owner, the directory's, or CAP_FOWNER: __check_sticky(). */
static enum aiu_tristate sticky_allows(const struct file *file, const struct stat *directory)
{
        uid_t asker = sys_geteuid();

        if (!(directory->st_mode & S_ISVTX) || file->st.st_uid == asker || directory->st_uid == asker)
                return AIU_TRISTATE_YES;
        if (file->st.st_uid == OVERFLOW_UID) /* perhaps an owner that this user namespace does not know */
                return AIU_TRISTATE_UNKNOWN;
        return caller_has_capability(file->request->procfs, CAP_FOWNER);
}

/* may_delete(); of a file that is mounted there by itself, as into a container, vfs_unlink() says EBUSY. */
static enum aiu_tristate learn_removable(const struct file *file)
{
        struct stat directory;
        int r;

        if (file->attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND | STATX_ATTR_MOUNT_ROOT))
                return AIU_TRISTATE_NO;
        r = sys_faccessat(AT_FDCWD, file->parent, W_OK | X_OK);
        if (r == -EROFS || r == -EACCES || r == -EPERM)
                return AIU_TRISTATE_NO;
        if (r < 0 || sys_fstatat(AT_FDCWD, file->parent, &directory, 0) < 0)
                return AIU_TRISTATE_UNKNOWN;
        return sticky_allows(file, &directory);
}

/* ------------------------------------------------------ all of it */

static int learn(struct file *file, struct aiu_host_fact *fact)
{
        enum aiu_tristate live = AIU_TRISTATE_UNKNOWN;
        int r = 0;

        if (sys_fstatat(AT_FDCWD, file->path, &file->st, AT_SYMLINK_NOFOLLOW) < 0)
                return -ENOENT;
        if (S_ISSOCK(file->st.st_mode)) {
                r = locate(file);
                if (r >= 0)
                        r = learn_live(file, &live);
        }
        if (r < 0)
                return r;
        fact->name_exists = AIU_TRISTATE_YES;
        fact->name_is_socket = S_ISSOCK(file->st.st_mode) ? AIU_TRISTATE_YES : AIU_TRISTATE_NO;
        fact->name_mode = file->st.st_mode;
        fact->name_inode = file->st.st_ino;
        fact->name_device = file->st.st_dev;
        fact->name_live = S_ISSOCK(file->st.st_mode) ? live : AIU_TRISTATE_NO;
        if (file->mountinfo)
                fact->name_fs_device = unix_mount_device(file->mountinfo, file->mount_id);
        if (fact->name_is_socket == AIU_TRISTATE_YES && live == AIU_TRISTATE_NO)
                fact->name_removable = learn_removable(file);
        return 0;
}

int unix_file_learn(const struct aiu_request *request, const char *path, const char *parent,
                    struct aiu_snapshot *snapshot, struct aiu_host_fact *fact)
{
        struct file *file;
        int r;

        file = calloc(1, sizeof(*file));
        if (!file)
                return -ENOMEM;
        file->request = request;
        file->snapshot = snapshot;
        file->path = path;
        file->parent = parent;
        r = learn(file, fact);
        free(file->mountinfo);
        free(file);
        return r;
}
