/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a system call of another process to a report: its memory, its socket, its directory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "run.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#define THREAD_FLAG O_EXCL /* PIDFD_THREAD, since Linux 6.9 */

bool run_read_memory(pid_t tid, uint64_t at, void *to, size_t bytes)
{
        struct iovec local = { to, bytes }, remote = { (void *)(uintptr_t)at, bytes };

        return process_vm_readv(tid, &local, 1, &remote, 1, 0) == (ssize_t)bytes;
}

pid_t run_status(pid_t tid, const char *field, unsigned int nth)
{
        char path[64], text[4096], *at;
        long number = -1;
        ssize_t n;
        int fd;

        (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
        if (fd >= 0)
                (void)close(fd);
        text[n > 0 ? n : 0] = '\0';
        /* The name in the first line is the process's choice, but a newline in it is escaped. */
        at = strstr(text, field);
        if (!at)
                return -1;
        at += strlen(field);
        for (unsigned int i = 0; i <= nth; i++)
                number = strtol(at, &at, 10);
        return (pid_t)number;
}

/* A thread may have a table of descriptors of its own; older kernels give that of the process. */
static int open_pidfd(pid_t tid)
{
        long r = syscall(SYS_pidfd_open, tid, THREAD_FLAG);
        pid_t pid;

        if (r >= 0)
                return (int)r;
        pid = run_status(tid, "\nTgid:", 0);
        r = syscall(SYS_pidfd_open, pid > 0 ? pid : tid, 0);
        return r < 0 ? -errno : (int)r;
}

int run_get_fd(pid_t tid, int fd)
{
        int pidfd = open_pidfd(tid), r;

        if (pidfd < 0)
                return pidfd;
        r = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
        if (r < 0)
                r = -errno;
        (void)close(pidfd);
        return r;
}

int run_get_stderr(pid_t tid, dev_t device, ino_t inode)
{
        int fd = run_get_fd(tid, STDERR_FILENO);
        struct stat st;

        if (fd < 0)
                return -1;
        if (fstat(fd, &st) == 0 && st.st_dev == device && st.st_ino == inode)
                return fd;
        (void)close(fd);
        return -1;
}

/* A relative path means one in the directory of that process. */
static void go_to(pid_t tid)
{
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/%d/cwd", (int)tid);
        if (chdir(path) < 0)
                (void)!chdir("/");
}

static int ask(struct aiu_query *query, int fd, pid_t pid, const struct run_call *call, const void *address, int error,
               struct aiu_report **ret)
{
        int r = aiu_query_set_fd(query, fd);

        if (r >= 0)
                r = call->listen ? aiu_query_set_call(query, AIU_CALL_LISTEN)
                                 : aiu_query_set_address(query, address, call->bytes);
        if (r >= 0)
                r = aiu_query_set_pid(query, pid);
        if (r >= 0)
                r = aiu_query_set_error(query, error);
        return r < 0 ? r : aiu_query_run(query, ret);
}

int run_explain(const struct run *run, pid_t pid, pid_t tid, const struct run_call *call, int error,
                struct aiu_report **ret)
{
        struct sockaddr_storage address = { 0 };
        struct aiu_query *query = NULL;
        int fd, r;

        if (!call->listen &&
            (call->bytes > sizeof(address) || !run_read_memory(tid, call->address, &address, call->bytes)))
                return -EFAULT;
        fd = run_get_fd(tid, call->fd);
        if (fd < 0)
                return fd;
        r = aiu_query_new(run->context, &query);
        if (r >= 0) {
                go_to(tid);
                r = ask(query, fd, pid, call, &address, error, ret);
                (void)!chdir("/");
        }
        aiu_query_unref(query);
        (void)close(fd);
        return r;
}
