/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * --apply: a socket file. Its directory and the file itself are opened before the second look. What is removed is the
 * entry of that directory, if it still is the file that the second report is about: a directory that was swapped for
 * another one loses nothing. The open descriptor keeps the inode's number from being given to another file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli.h"

bool cli_is_removal(const struct aiu_action *action)
{
        const char *const *argv = aiu_action_get_argv(action);
        uint64_t device, inode;

        return argv && strcmp(argv[0], "rm") == 0 && aiu_action_get_file(action, &device, &inode) > 0;
}

/* "dir/name" → both; the parent of a bare name is the working directory. */
static void split(char *path, const char **ret_parent, const char **ret_name)
{
        char *slash = strrchr(path, '/');

        *ret_parent = !slash ? "." : slash == path ? "/" : path;
        *ret_name = slash ? slash + 1 : path;
        if (slash)
                *slash = '\0';
}

int cli_pin_file(struct pinned *pinned, const struct request *request)
{
        const struct sockaddr_un *un = (const void *)&request->address;
        const char *parent, *name;
        char path[sizeof(un->sun_path) + 1] = "";

        memcpy(path, un->sun_path, request->bytes - offsetof(struct sockaddr_un, sun_path));
        split(path, &parent, &name);
        (void)snprintf(pinned->name, sizeof(pinned->name), "%s", name);
        pinned->directory = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (pinned->directory < 0)
                return -errno;
        pinned->file = openat(pinned->directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        return pinned->file < 0 ? -errno : 0;
}

static bool is_of(const struct stat *st, const struct aiu_action *action)
{
        uint64_t device = 0, inode = 0;

        return S_ISSOCK(st->st_mode) && aiu_action_get_file(action, &device, &inode) > 0 && st->st_dev == device &&
               st->st_ino == inode;
}

int cli_remove(const struct pinned *pinned, const struct aiu_action *action)
{
        struct stat st;

        if (fstat(pinned->file, &st) < 0)
                return -errno;
        if (!is_of(&st, action))
                return -ESTALE;
        if (fstatat(pinned->directory, pinned->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (!is_of(&st, action))
                return -ESTALE;
        return unlinkat(pinned->directory, pinned->name, 0) < 0 && errno != ENOENT ? -errno : 0;
}
