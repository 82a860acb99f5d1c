/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For backends that learn from elsewhere who holds a socket: the facts of that process, as proc-fd.c gathers them. The
 * kernel's tables name a process by its number, which may have been used again by the time it is read here.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "backend/process/proc-pid.h"
#include "util/macro.h"
#include "util/sys.h"

static int open_process(const struct aiu_request *request, pid_t pid)
{
        char name[16];
        int directory;

        if (request->procfs < 0)
                return -ENOENT;
        (void)snprintf(name, sizeof(name), "%d", (int)pid);
        directory = sys_openat(request->procfs, name, O_PATH | O_DIRECTORY);
        return directory == -ENOENT ? -ESRCH : directory;
}

static int read_process(struct aiu_snapshot *snapshot, const struct aiu_request *request, int directory, pid_t pid)
{
        struct proc_reader *reader = calloc(1, sizeof(*reader));
        int r;

        if (!reader)
                return -ENOMEM;
        proc_reader_init(reader, request->procfs, request);
        r = proc_reader_add(reader, directory, pid, snapshot);
        free(reader);
        return r;
}

AIU_EXPORT int aiu_snapshot_fill_process(struct aiu_snapshot *snapshot, const struct aiu_request *request, pid_t pid)
{
        int directory, r;

        if (!snapshot || !request || pid <= 0)
                return -EINVAL;
        directory = open_process(request, pid);
        if (directory < 0)
                return directory;
        r = read_process(snapshot, request, directory, pid);
        sys_close(directory);
        return r;
}

static int confirm(int directory, uint64_t inode, pid_t tid, int fd)
{
        char name[48], link[64];
        uint64_t found;
        ssize_t n;

        if (tid > 0)
                (void)snprintf(name, sizeof(name), "task/%d/fd/%d", (int)tid, fd);
        else
                (void)snprintf(name, sizeof(name), "fd/%d", fd);
        n = sys_readlinkat(directory, name, link, sizeof(link));
        if (n < 0)
                return n == -ENOENT ? -ESRCH : (int)n;
        return proc_parse_socket_link(link, (size_t)n, &found) && found == inode ? 0 : -ESRCH;
}

static int add_confirmed(struct aiu_snapshot *snapshot, const struct aiu_request *request, int directory,
                         uint64_t inode, pid_t pid, int fd)
{
        int r = read_process(snapshot, request, directory, pid);

        /* A full snapshot has said so in a gap; the holder may still fit. */
        return r < 0 && r != -ENOBUFS ? r : aiu_snapshot_add_holder(snapshot, inode, pid, fd);
}

AIU_EXPORT int aiu_snapshot_fill_holder(struct aiu_snapshot *snapshot, const struct aiu_request *request,
                                        uint64_t inode, pid_t pid, pid_t tid, int fd)
{
        int directory, r;

        if (!snapshot || !request || inode == 0 || pid <= 0 || tid < 0 || fd < 0)
                return -EINVAL;
        directory = open_process(request, pid);
        if (directory < 0)
                return directory;
        r = confirm(directory, inode, tid, fd);
        if (r == 0)
                r = add_confirmed(snapshot, request, directory, inode, pid, fd);
        sys_close(directory);
        return r;
}
