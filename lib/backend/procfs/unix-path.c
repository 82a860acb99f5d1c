/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Backend "unix-path": what bind(2) would meet at an AF_UNIX path, without
 * writing there. For a file that is there, see unix-file.c. unix_bind_bsd() is kern_path_create() and vfs_mknod(), and
 * they refuse in this order (filename_create(), may_create(); each row was seen
 * on a running kernel as well):
 *  1. the way there: ENOENT, ENOTDIR, ELOOP, EACCES (search), ENAMETOOLONG;
 *  2. anything at all is at the end of it: EADDRINUSE. Symlinks are not
 *     followed, so a dangling one counts, and trailing slashes change nothing.
 *     This wins over a read-only file system and over missing permission;
 *  3. trailing slashes, and nothing there: ENOENT;
 *  4. read-only mount: EROFS;
 *  5. the directory was removed: ENOENT; it may not be written to: EACCES (EPERM
 *     if it is immutable).
 * One pair cannot be told apart from here: where 4 and 5 both hold, access(2)
 * says EACCES and bind(2) EROFS.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend/backends.h"
#include "backend/procfs/unix-elsewhere.h"
#include "backend/procfs/unix-file.h"
#include "backend/procfs/unix-mount.h"
#include "util/sys.h"

enum { PATH_BYTES = sizeof(((struct sockaddr_un *)0)->sun_path) + 1 };

struct path {
        char text[PATH_BYTES]; /* without trailing slashes */
        char parent[PATH_BYTES];
        bool slashes; /* there were some */
};

/* false = not a path: abstract, unnamed, or of another family. */
static bool get_path(const struct aiu_request *request, struct path *ret)
{
        const size_t before = offsetof(struct sockaddr_un, sun_path);
        const char *from = (const char *)request->address + before;
        size_t bytes;

        if (request->address->sa_family != AF_UNIX || request->address_len <= before)
                return false;
        /* unix_mkname_bsd(): a path of full length has no NUL of its own. */
        bytes = request->address_len - before;
        bytes = strnlen(from, bytes < PATH_BYTES - 1 ? bytes : PATH_BYTES - 1);
        if (bytes == 0)
                return false;
        memcpy(ret->text, from, bytes);
        ret->slashes = bytes > 1 && from[bytes - 1] == '/';
        while (bytes > 1 && ret->text[bytes - 1] == '/')
                bytes--;
        ret->text[bytes] = '\0';
        return true;
}

/* "/run/x" is in "/run", "/x" in "/", "x" in ".". */
static void find_parent(struct path *path)
{
        const char *slash = strrchr(path->text, '/');
        size_t bytes = slash ? (size_t)(slash - path->text) : 0;

        memcpy(path->parent, path->text, bytes);
        if (bytes == 0)
                path->parent[bytes++] = slash ? '/' : '.';
        path->parent[bytes] = '\0';
}

/* Do the mode bits alone let this user create a file there? No = perhaps all the same. */
static bool mode_allows(const struct stat *directory)
{
        if (directory->st_uid == sys_geteuid())
                return (directory->st_mode & (S_IWUSR | S_IXUSR)) == (S_IWUSR | S_IXUSR);
        return (directory->st_mode & (S_IWGRP | S_IXGRP | S_IWOTH | S_IXOTH)) ==
               (S_IWGRP | S_IXGRP | S_IWOTH | S_IXOTH);
}

/* What a path can be refused with; anything else (no memory, a broken disk) is no answer. */
static bool is_path_error(int r)
{
        return r == -ENOENT || r == -ENOTDIR || r == -ELOOP || r == -EACCES || r == -ENAMETOOLONG;
}

static int stat_prefix(const struct path *path, size_t bytes, int flags)
{
        char prefix[PATH_BYTES];
        struct stat st;

        memcpy(prefix, path->text, bytes);
        prefix[bytes] = '\0';
        return sys_fstatat(AT_FDCWD, bytes ? prefix : ".", &st, flags);
}

/*
 * Which directory the way there ends at: one that does not exist or is a loop is
 * named itself; one that is no directory, or may not be searched, is the last that
 * could be looked at. Its bytes of the path; 0 = the current directory.
 */
static size_t find_obstacle(const struct path *path, size_t *ret_before)
{
        size_t last = path->text[0] == '/';

        *ret_before = last;
        for (size_t i = 1; path->text[i]; i++) {
                int r;

                if (path->text[i] != '/' || path->text[i - 1] == '/')
                        continue;
                r = stat_prefix(path, i, 0);
                *ret_before = last;
                if (r == -ENOENT || r == -ELOOP || r == -ENAMETOOLONG)
                        return i;
                if (r < 0)
                        return last;
                last = i;
        }
        return last;
}

/* May who asks make the directories that are missing? Not known: a symbolic link leads nowhere. */
static enum aiu_tristate is_makeable(const struct path *path, size_t missing, size_t before, bool plain_calls_only)
{
        char prefix[PATH_BYTES];

        if (stat_prefix(path, missing, AT_SYMLINK_NOFOLLOW) != -ENOENT)
                return AIU_TRISTATE_UNKNOWN;
        memcpy(prefix, path->text, before);
        prefix[before] = '\0';
        if (plain_calls_only || sys_faccessat(AT_FDCWD, before ? prefix : ".", W_OK | X_OK) < 0)
                return AIU_TRISTATE_NO;
        return AIU_TRISTATE_YES;
}

/* Where name_error comes from. The last check of all is about the directory that the socket would be in. */
static void find_place(const struct path *path, bool plain_calls_only, struct aiu_host_fact *fact)
{
        size_t before, at = find_obstacle(path, &before);

        if (fact->name_error == 0 || (fact->name_error == ENOENT && stat_prefix(path, at, 0) != -ENOENT))
                return;
        fact->name_at = (unsigned int)at;
        if (fact->name_error == ENOENT)
                fact->name_makeable = is_makeable(path, at, before, plain_calls_only);
}

/* Nothing is at the path: may something be made there? 0 = yes, errno = bind(2) says
 * that, negative = that could not be asked. */
static int check_parent(const struct path *path, bool plain_calls_only, bool *ret_guessed)
{
        struct stat st;
        int r;

        *ret_guessed = false;
        r = sys_fstatat(AT_FDCWD, path->parent, &st, 0);
        if (r < 0)
                return is_path_error(r) ? -r : r;
        if (path->slashes)
                return ENOENT;
        if (plain_calls_only) {
                *ret_guessed = !mode_allows(&st);
                return st.st_nlink == 0 ? ENOENT : 0;
        }
        r = sys_faccessat(AT_FDCWD, path->parent, W_OK | X_OK);
        if (r == -EROFS)
                return EROFS;
        if (st.st_nlink == 0)
                return ENOENT;
        if (r == -EACCES || r == -EPERM)
                return -r;
        *ret_guessed = r < 0;
        return 0;
}

/* procfs and its like have no mknod(2), so that bind(2) fails, with an errno that differs from one to the next.
 * Others have no inode left, for root neither: shmem_reserve_inode(), ext4_new_inode(). */
static enum aiu_tristate makes_sockets(const struct path *path, bool *ret_full)
{
        int fd = sys_openat(AT_FDCWD, path->parent, O_PATH | O_DIRECTORY);
        long type;
        int r;

        if (fd < 0)
                return AIU_TRISTATE_UNKNOWN;
        r = sys_fstatfs_type(fd, &type);
        if (r >= 0)
                r = sys_fstatfs_is_full(fd, ret_full);
        sys_close(fd);
        return r < 0 || unix_mount_has_no_sockets(type) ? AIU_TRISTATE_UNKNOWN : AIU_TRISTATE_YES;
}

/* fstatfs(2) is no plain call: the commonest one, /proc, is told by its device. */
static enum aiu_tristate makes_sockets_plainly(const struct path *path, int procfs)
{
        struct stat directory, proc;

        if (procfs < 0 || sys_fstatat(AT_FDCWD, path->parent, &directory, 0) < 0 || sys_fstat(procfs, &proc) < 0)
                return AIU_TRISTATE_YES;
        return directory.st_dev == proc.st_dev ? AIU_TRISTATE_UNKNOWN : AIU_TRISTATE_YES;
}

/* Nothing is there, and this user may write there. Would the file system make a socket? */
static enum aiu_tristate nothing_there(const struct path *path, const struct aiu_request *request,
                                       struct aiu_snapshot *snapshot, int *ret_error)
{
        bool full = false;
        enum aiu_tristate makes =
                request->plain_calls_only ? makes_sockets_plainly(path, request->procfs) : makes_sockets(path, &full);

        if (makes == AIU_TRISTATE_YES) {
                *ret_error = full ? ENOSPC : 0;
                return AIU_TRISTATE_NO;
        }
        (void)aiu_snapshot_add_gap(snapshot, AIU_GAP_UNKNOWN, 0,
                                   "no file is at the path, but its file system may not support sockets");
        return AIU_TRISTATE_UNKNOWN;
}

/* What is at the path, if anything is. */
static int look_at_file(struct path *path, const struct aiu_request *request, struct aiu_snapshot *snapshot,
                        struct aiu_host_fact *fact)
{
        struct stat st;
        int r;

        /* It may be removed between two looks: the next one says so. */
        for (int tries = 0; tries < 3; tries++) {
                r = sys_fstatat(AT_FDCWD, path->text, &st, AT_SYMLINK_NOFOLLOW);
                if (r < 0)
                        return r;
                r = unix_file_learn(request, path->text, path->parent, snapshot, fact);
                if (r != -ENOENT)
                        return r;
        }
        return -EAGAIN;
}

static bool is_refusal(int error)
{
        return error == EACCES || error == EPERM || error == EROFS;
}

static int look(struct path *path, const struct aiu_request *request, struct aiu_snapshot *snapshot,
                struct aiu_host_fact *fact)
{
        bool guessed = false;
        int r, error;

        r = look_at_file(path, request, snapshot, fact);
        if (r >= 0)
                return 0;
        if (!is_path_error(r))
                return r;
        if (r != -ENOENT) {
                fact->name_error = -r;
                find_place(path, request->plain_calls_only, fact);
                return 0;
        }
        r = check_parent(path, request->plain_calls_only, &guessed);
        if (r < 0)
                return r;
        /* The look-up of procfs and its like fails before any check of permission. */
        if (is_refusal(r) && nothing_there(path, request, snapshot, &error) == AIU_TRISTATE_UNKNOWN)
                return 0;
        fact->name_error = r;
        if (r > 0)
                find_place(path, request->plain_calls_only, fact);
        /* Whether it may be made there is part of "nothing is in the way". */
        fact->name_exists = guessed ? AIU_TRISTATE_UNKNOWN : AIU_TRISTATE_NO;
        if (!guessed && r == 0)
                fact->name_exists = nothing_there(path, request, snapshot, &fact->name_error);
        if (guessed)
                (void)aiu_snapshot_add_gap(snapshot, AIU_GAP_PERMISSION, 0,
                                           "no file is at the path, but this user may not be permitted to create a "
                                           "socket in its directory");
        return 0;
}

static bool same_place(int process, const char *its, const char *own)
{
        struct stat a, b;

        return sys_fstatat(process, its, &a, 0) == 0 && sys_fstatat(AT_FDCWD, own, &b, 0) == 0 &&
               a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

static bool same_mounts(const struct aiu_request *request)
{
        char its[32], own[32];
        ssize_t n = sys_readlinkat(request->process, "ns/mnt", its, sizeof(its));

        return n > 0 && n == sys_readlinkat(request->procfs, "thread-self/ns/mnt", own, sizeof(own)) &&
               memcmp(its, own, (size_t)n) == 0;
}

/* Does the path lead to the same place for the process that makes the call? */
static bool sees_the_same(const struct aiu_request *request, const struct path *path)
{
        if (request->pid == 0)
                return true;
        return same_mounts(request) && same_place(request->process, "root", "/") &&
               (path->text[0] == '/' || same_place(request->process, "cwd", "."));
}

static int host(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        struct aiu_host_fact fact = { .size = sizeof(fact) };
        struct path path;
        int r;

        (void)userdata;
        if (!get_path(request, &path))
                return AIU_PARTIAL;
        find_parent(&path);
        if (sees_the_same(request, &path))
                r = look(&path, request, snapshot, &fact);
        else
                r = unix_elsewhere_learn(request, path.text, path.parent, path.slashes, snapshot, &fact);
        if (r < 0)
                return r;
        r = aiu_snapshot_add_host(snapshot, &fact);
        return r < 0 ? r : AIU_COMPLETE;
}

const struct aiu_backend backend_unix_path = {
        .size = sizeof(struct aiu_backend),
        .name = "unix-path",
        .host = host,
};
