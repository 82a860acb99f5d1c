/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What --netns names. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cli.h"

#ifndef NSFS_MAGIC
#define NSFS_MAGIC 0x6e736673
#endif

/* To open a FIFO or a device may wait, or do something: look first at what it is. */
static int open_namespace(const char *path)
{
        int fd = open(path, O_PATH | O_CLOEXEC);
        struct statfs fs;
        int r;

        if (fd < 0)
                return -errno;
        r = fstatfs(fd, &fs) < 0 ? -errno : fs.f_type == NSFS_MAGIC ? 0 : -EINVAL;
        (void)close(fd);
        if (r < 0)
                return r;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        return fd < 0 ? -errno : fd;
}

/* A pid, a path, or a name that ip-netns(8) made. */
int cli_open_netns(struct cli *cli, const char *text)
{
        char path[512];
        int n;

        if (strspn(text, "0123456789") == strlen(text) && *text)
                n = snprintf(path, sizeof(path), "/proc/%s/ns/net", text);
        else if (strchr(text, '/'))
                n = snprintf(path, sizeof(path), "%s", text);
        else
                n = snprintf(path, sizeof(path), "/run/netns/%s", text);
        if (n < 0 || (size_t)n >= sizeof(path)) {
                cli_error("--netns: the name is too long");
                return -EINVAL;
        }
        if (cli->netns >= 0)
                close(cli->netns);
        cli->netns = open_namespace(path);
        if (cli->netns < 0) {
                cli_error("--netns: %s: %s", cli_safe(path),
                          cli->netns == -EINVAL ? "no namespace" : strerror(-cli->netns));
                return -EINVAL;
        }
        return 0;
}
