/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See cgroup-word.h. Only owners and modes are looked at, with lstat(2): nothing is opened, and no symbolic link is
 * followed but that of a supervise/ directory, which distributions put below /run.
 */
#include "backend/cgroup/cgroup-word.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/macro.h"
#include "util/sys.h"

uid_t word_of_both(uid_t a, uid_t b)
{
        if (a == 0 || a == b)
                return b;
        return b == 0 ? a : WORD_UNKNOWN;
}

/* ------------------------------------------------------ processes */

static const char *line_of(const char *text, const char *key)
{
        size_t n = strlen(key);

        while (text && strncmp(text, key, n) != 0) {
                text = strchr(text, '\n');
                text = text ? text + 1 : NULL;
        }
        return text ? text + n : NULL;
}

static bool is_called(const char *status, const char *comm)
{
        const char *name = line_of(status, "Name:\t");
        size_t n = strlen(comm);

        return name && strncmp(name, comm, n) == 0 && name[n] == '\n';
}

/* "Uid:\t0\t0\t0\t0\n": a program that is set-user-ID has others than root among them. */
static uid_t word_of_ids(const char *ids)
{
        uid_t word = 0;

        for (int i = 0; i < 4; i++) {
                char *end;
                unsigned long long id = strtoull(ids, &end, 10);

                if (end == ids || id > WORD_UNKNOWN)
                        return WORD_UNKNOWN;
                word = word_of_both(word, (uid_t)id);
                ids = end;
        }
        return word;
}

uid_t word_of_process(const struct aiu_request *request, pid_t pid, const char *comm)
{
        char path[32], status[1024];
        const char *ids;

        if (request->procfs < 0)
                return WORD_UNKNOWN;
        (void)snprintf(path, sizeof(path), "%d/status", (int)pid);
        if (sys_read_file(request->procfs, path, status, sizeof(status)) <= 0 || (comm && !is_called(status, comm)))
                return WORD_UNKNOWN;
        ids = line_of(status, "Uid:");
        return ids ? word_of_ids(ids) : WORD_UNKNOWN;
}

/* ------------------------------------------------------ directories */

/* Who may put another file in its place, or change what is in it. Entries of a sticky directory are safe. */
static uid_t word_of_directory(const struct stat *st)
{
        if (!S_ISDIR(st->st_mode))
                return WORD_UNKNOWN;
        if (st->st_mode & S_IWOTH && !(st->st_mode & S_ISVTX))
                return WORD_UNKNOWN;
        if (st->st_mode & S_IWGRP && st->st_gid != 0 && !(st->st_mode & S_ISVTX))
                return WORD_UNKNOWN;
        return st->st_uid;
}

/* All of the first `n` bytes of an absolute path, part by part. */
static uid_t word_of_path(const char *path, size_t n)
{
        char part[PATH_MAX];
        struct stat st;
        uid_t word;

        if (n == 0 || n >= sizeof(part) || path[0] != '/')
                return WORD_UNKNOWN;
        if (sys_fstatat(AT_FDCWD, "/", &st, AT_SYMLINK_NOFOLLOW) < 0)
                return WORD_UNKNOWN;
        word = word_of_directory(&st);
        for (size_t i = 1; i <= n && word != WORD_UNKNOWN; i++) {
                if (i < n && path[i] != '/')
                        continue;
                memcpy(part, path, i);
                part[i] = '\0';
                if (sys_fstatat(AT_FDCWD, part, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        return WORD_UNKNOWN;
                word = word_of_both(word, word_of_directory(&st));
        }
        return word;
}

/* A command opens it and writes to it: as root to whatever file it is. */
static uid_t word_of_fifo(const char *directory, const char *name, bool is_needed)
{
        char path[PATH_MAX];
        struct stat st;
        int r;

        if (snprintf(path, sizeof(path), "%s/%s", directory, name) >= (int)sizeof(path))
                return WORD_UNKNOWN;
        r = sys_fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW);
        /* Its directory's owner keeps it from others' eyes, and from their hands. */
        if (r == -EACCES || (r == -ENOENT && !is_needed))
                return 0;
        return r < 0 || !S_ISFIFO(st.st_mode) ? WORD_UNKNOWN : st.st_uid;
}

static bool is_writable_by_others(const char *path)
{
        struct stat st;

        return sys_fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_mode & S_IWOTH ||
               (st.st_mode & S_IWGRP && st.st_gid != 0);
}

/* Where supervise/ is: in the directory, or where a link in it points. */
static uid_t find_supervise(const char *directory, char *supervise, size_t bytes)
{
        char target[PATH_MAX];
        struct stat st;
        ssize_t n;

        if (snprintf(supervise, bytes, "%s/supervise", directory) >= (int)bytes ||
            sys_fstatat(AT_FDCWD, supervise, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return WORD_UNKNOWN;
        if (!S_ISLNK(st.st_mode))
                return word_of_path(supervise, strlen(supervise));
        n = sys_readlinkat(AT_FDCWD, supervise, target, sizeof(target) - 1);
        if (n <= 0 || (size_t)n >= bytes)
                return WORD_UNKNOWN;
        target[n] = '\0';
        memcpy(supervise, target, (size_t)n + 1);
        return word_of_both(st.st_uid, word_of_path(supervise, (size_t)n));
}

/* Another root directory, or another mount namespace, has another directory of that name. */
static bool is_working_directory(const struct aiu_request *request, pid_t pid, const char *directory)
{
        char link[32];
        struct stat there, here;

        (void)snprintf(link, sizeof(link), "%d/cwd", (int)pid);
        return sys_fstatat(request->procfs, link, &there, 0) == 0 &&
               sys_fstatat(AT_FDCWD, directory, &here, AT_SYMLINK_NOFOLLOW) == 0 && there.st_dev == here.st_dev &&
               there.st_ino == here.st_ino;
}

/*
 * A set-user-ID program such as sudo is root's under the name, and in the directory, that its caller
 * chose. An ordinary user does not see what root runs, and cannot act on that either.
 */
static bool may_be_set_user_id(const struct aiu_request *request, pid_t pid)
{
        char link[32];
        struct stat st;
        int r;

        (void)snprintf(link, sizeof(link), "%d/exe", (int)pid);
        r = sys_fstatat(request->procfs, link, &st, 0);
        return r < 0 ? r != -EACCES : (st.st_mode & (S_ISUID | S_ISGID)) != 0;
}

uid_t word_of_service(const struct aiu_request *request, pid_t pid, const char *directory)
{
        char supervise[PATH_MAX];
        uid_t word = may_be_set_user_id(request, pid) ? WORD_UNKNOWN : word_of_path(directory, strlen(directory));

        if (word == WORD_UNKNOWN || !is_working_directory(request, pid, directory) || is_writable_by_others(directory))
                return WORD_UNKNOWN;
        word = word_of_both(word, find_supervise(directory, supervise, sizeof(supervise)));
        if (word == WORD_UNKNOWN || is_writable_by_others(supervise))
                return WORD_UNKNOWN;
        word = word_of_both(word, word_of_fifo(supervise, "control", true));
        return word_of_both(word, word_of_fifo(supervise, "ok", false));
}

/* ------------------------------------------------------ cgroups */

static bool is_cgroup2(const char *mount)
{
        char path[64];
        struct stat st;

        (void)snprintf(path, sizeof(path), "%s/cgroup.controllers", mount);
        return sys_fstatat(AT_FDCWD, path, &st, 0) == 0;
}

/* Where the hierarchy of that line of /proc/PID/cgroup is mounted: as systemd does, and all others do since. */
static bool find_mount(const struct cgroup_owner *owner, char *mount, size_t bytes)
{
        static const char named[] = "name=";
        const char *name = owner->controllers;
        size_t n = owner->n_controllers;

        if (n == 0) {
                (void)snprintf(mount, bytes, "%s",
                               is_cgroup2("/sys/fs/cgroup") ? "/sys/fs/cgroup" : "/sys/fs/cgroup/unified");
                return true;
        }
        if (n >= sizeof(named) && memcmp(name, named, sizeof(named) - 1) == 0) {
                name += sizeof(named) - 1;
                n -= sizeof(named) - 1;
        }
        return snprintf(mount, bytes, "/sys/fs/cgroup/%.*s", (int)n, name) < (int)bytes;
}

static bool goes_up(const char *path, size_t n)
{
        return memmem(path, n, "..", 2) != NULL;
}

uid_t word_of_cgroup(const struct cgroup_owner *owner)
{
        char path[PATH_MAX];
        size_t n;

        if (owner->named_by != 0)
                return owner->named_by;
        if (!find_mount(owner, path, sizeof(path)) || owner->n_above == 0 || goes_up(owner->above, owner->n_above))
                return WORD_UNKNOWN;
        n = strlen(path);
        if (owner->n_above >= sizeof(path) - n)
                return WORD_UNKNOWN;
        memcpy(path + n, owner->above, owner->n_above);
        n += owner->n_above;
        while (n > 1 && path[n - 1] == '/')
                n--;
        return word_of_path(path, n);
}
