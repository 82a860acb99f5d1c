/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The only door to the kernel for our own calls: thin wrappers that turn -1 and errno into one negative number,
 * restart what a signal interrupted, and never hand out a descriptor without O_CLOEXEC. Nothing is decided here. With
 * AIU_TESTING defined each call can be made to fail: see sys-fault.h.
 */
#include "util/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "util/missing.h"
#include "util/sys-fault.h"

/* musl has statx() from 1.2.5 on. */
#ifndef STATX_TYPE
#include <linux/stat.h>
static int statx(int dirfd, const char *path, int flags, unsigned int mask, struct statx *ret)
{
        return (int)syscall(SYS_statx, dirfd, path, flags, mask, ret);
}
#endif

#ifdef AIU_TESTING

int (*sys_fault)(enum sys_call which);

static int fault(enum sys_call which)
{
        return sys_fault ? sys_fault(which) : 0;
}

/* For calls that move no data: every fault is an error. */
static int fault_error(enum sys_call which)
{
        int f = fault(which);

        return f < 0 ? EIO : f;
}

#define RETURN_FAULT(which)                                                                                            \
        do {                                                                                                           \
                int fault_ = fault_error(which);                                                                       \
                if (fault_)                                                                                            \
                        return -fault_;                                                                                \
        } while (0)

#define RETURN_DATA_FAULT(which, bytes)                                                                                \
        do {                                                                                                           \
                int fault_ = fault(which);                                                                             \
                if (fault_ > 0)                                                                                        \
                        return -fault_;                                                                                \
                if (fault_ == SYS_FAULT_EOF)                                                                           \
                        return 0;                                                                                      \
                if (fault_ == SYS_FAULT_SHORT && (bytes) > 1)                                                          \
                        (bytes) = 1;                                                                                   \
        } while (0)

#else

#define RETURN_FAULT(which) ((void)(which))
#define RETURN_DATA_FAULT(which, bytes) ((void)(which))

#endif

/* The value of a call that may be interrupted, restarted as often as it is. */
#define RESTART(call)                                                                                                  \
        __extension__({                                                                                                \
                long restart_;                                                                                         \
                do                                                                                                     \
                        restart_ = (long)(call);                                                                       \
                while (restart_ < 0 && errno == EINTR);                                                                \
                restart_ < 0 ? -(long)errno : restart_;                                                                \
        })

int sys_openat(int dirfd, const char *path, int flags)
{
        RETURN_FAULT(SYS_CALL_OPENAT);
        return (int)RESTART(openat(dirfd, path, flags | O_CLOEXEC));
}

int sys_openat2(int dirfd, const char *path, int flags, uint64_t resolve)
{
        struct open_how how = { .flags = (unsigned int)(flags | O_CLOEXEC), .resolve = resolve };

        RETURN_FAULT(SYS_CALL_OPENAT);
        return (int)RESTART(syscall(SYS_openat2, dirfd, path, &how, sizeof(how)));
}

int sys_open_cgroup(int mount, uint64_t id)
{
        /* struct file_handle as kernfs reads it (kernfs_fh_to_dentry()): FILEID_KERNFS and the id. */
        struct {
                unsigned int bytes;
                int type;
                uint64_t id;
        } handle = { sizeof(id), 0xfe, id };

        RETURN_FAULT(SYS_CALL_OPEN_BY_HANDLE);
        return (int)RESTART(syscall(SYS_open_by_handle_at, mount, &handle, O_PATH | O_CLOEXEC));
}

int sys_close(int fd)
{
        if (fd < 0)
                return -1;

#ifdef AIU_TESTING
        (void)fault(SYS_CALL_CLOSE);
#endif
        /* Not restarted: close(2), Linux has released the descriptor even on EINTR. */
        (void)close(fd);
        return -1;
}

ssize_t sys_read(int fd, void *buffer, size_t bytes)
{
        RETURN_DATA_FAULT(SYS_CALL_READ, bytes);
        return (ssize_t)RESTART(read(fd, buffer, bytes));
}

ssize_t sys_getdents(int fd, void *buffer, size_t bytes)
{
        /* One byte is no directory entry: the kernel says EINVAL then, as it would. */
        RETURN_DATA_FAULT(SYS_CALL_GETDENTS, bytes);
        return (ssize_t)RESTART(syscall(SYS_getdents64, fd, buffer, bytes));
}

ssize_t sys_readlinkat(int dirfd, const char *path, char *buffer, size_t bytes)
{
        RETURN_DATA_FAULT(SYS_CALL_READLINKAT, bytes);
        return (ssize_t)RESTART(readlinkat(dirfd, path, buffer, bytes));
}

int sys_fstat(int fd, struct stat *ret)
{
        RETURN_FAULT(SYS_CALL_FSTAT);
        return (int)RESTART(fstat(fd, ret));
}

int sys_fstatat(int dirfd, const char *path, struct stat *ret, int flags)
{
        RETURN_FAULT(SYS_CALL_FSTATAT);
        return (int)RESTART(fstatat(dirfd, path, ret, flags));
}

int sys_faccessat(int dirfd, const char *path, int mode)
{
        int r;

        RETURN_FAULT(SYS_CALL_FACCESSAT);
        /* Not by way of libc: without faccessat2(2), Linux 5.8, one libc guesses
         * from the mode bits and another one forks. */
        r = (int)RESTART(syscall(SYS_faccessat2, dirfd, path, mode, AT_EACCESS));
        if (r != -ENOSYS || geteuid() != getuid() || getegid() != getgid())
                return r;
        return (int)RESTART(syscall(SYS_faccessat, dirfd, path, mode));
}

int sys_fstatfs_type(int fd, long *ret_type)
{
        struct statfs s;
        int r;

        RETURN_FAULT(SYS_CALL_FSTATFS);
        r = (int)RESTART(fstatfs(fd, &s));
        if (r < 0)
                return r;

        *ret_type = (long)s.f_type;
        return 0;
}

int sys_fstatfs_is_full(int fd, bool *ret_full)
{
        struct statfs s;
        int r;

        RETURN_FAULT(SYS_CALL_FSTATFS);
        r = (int)RESTART(fstatfs(fd, &s));
        if (r < 0)
                return r;

        /* Others make these numbers up: FUSE and NFS servers, and f2fs counts what root may still use as none. */
        *ret_full = (s.f_type == TMPFS_MAGIC || s.f_type == EXT4_SUPER_MAGIC) && s.f_files != 0 && s.f_ffree == 0;
        return 0;
}

int sys_statx_inode(int dirfd, const char *path, uint64_t *ret_inode, uint32_t *ret_mode)
{
        struct statx s;
        int r;

        RETURN_FAULT(SYS_CALL_STATX);
        r = (int)RESTART(statx(dirfd, path, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_INO | STATX_TYPE, &s));
        if (r < 0)
                return r;

        *ret_inode = s.stx_ino;
        *ret_mode = s.stx_mode;
        return 0;
}

int sys_statx_attributes(int fd, uint64_t *ret_attributes)
{
        struct statx s;
        int r;

        RETURN_FAULT(SYS_CALL_STATX);
        r = (int)RESTART(statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &s));
        if (r < 0)
                return r;

        *ret_attributes = s.stx_attributes;
        return 0;
}

int sys_socket(int family, int type, int protocol)
{
        RETURN_FAULT(SYS_CALL_SOCKET);
        return (int)RESTART(socket(family, type | SOCK_CLOEXEC, protocol));
}

int sys_bind(int fd, const struct sockaddr *address, socklen_t bytes)
{
        RETURN_FAULT(SYS_CALL_BIND);
        return (int)RESTART(bind(fd, address, bytes));
}

int sys_listen(int fd, int backlog)
{
        RETURN_FAULT(SYS_CALL_LISTEN);
        return (int)RESTART(listen(fd, backlog));
}

int sys_connect(int fd, const struct sockaddr *address, socklen_t bytes)
{
        RETURN_FAULT(SYS_CALL_CONNECT);
        return connect(fd, address, bytes) < 0 ? -errno : 0;
}

int sys_socketpair(int type, int ret_fds[2])
{
        RETURN_FAULT(SYS_CALL_SOCKETPAIR);
        return (int)RESTART(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ret_fds));
}

int sys_accept(int fd)
{
        RETURN_FAULT(SYS_CALL_ACCEPT);
        return (int)RESTART(accept4(fd, NULL, NULL, SOCK_CLOEXEC));
}

int sys_setsockopt(int fd, int level, int option, const void *value, socklen_t bytes)
{
        RETURN_FAULT(SYS_CALL_SETSOCKOPT);
        return (int)RESTART(setsockopt(fd, level, option, value, bytes));
}

int sys_setsockopt_int(int fd, int level, int option, int value)
{
        return sys_setsockopt(fd, level, option, &value, sizeof(value));
}

int sys_getsockopt(int fd, int level, int option, void *value, socklen_t *bytes)
{
        RETURN_FAULT(SYS_CALL_GETSOCKOPT);
        return (int)RESTART(getsockopt(fd, level, option, value, bytes));
}

int sys_getsockopt_int(int fd, int level, int option, int *ret_value)
{
        int value = 0;
        socklen_t bytes = sizeof(value);
        int r;

        r = sys_getsockopt(fd, level, option, &value, &bytes);
        if (r < 0)
                return r;
        if (bytes != sizeof(value))
                return -EIO;

        *ret_value = value;
        return 0;
}

int sys_getsockname(int fd, struct sockaddr *address, socklen_t *bytes)
{
        RETURN_FAULT(SYS_CALL_GETSOCKNAME);
        return (int)RESTART(getsockname(fd, address, bytes));
}

ssize_t sys_send(int fd, const void *bytes, size_t n)
{
        RETURN_DATA_FAULT(SYS_CALL_SEND, n);
        return (ssize_t)RESTART(sendto(fd, bytes, n, MSG_NOSIGNAL, NULL, 0));
}

ssize_t sys_recvmsg(int fd, struct msghdr *message, int flags)
{
#ifdef AIU_TESTING
        int f = fault(SYS_CALL_RECVMSG);

        if (f > 0)
                return -f;
        if (f == SYS_FAULT_EOF)
                return 0;
        if (f == SYS_FAULT_SHORT && message->msg_iovlen > 0 && message->msg_iov[0].iov_len > 1)
                message->msg_iov[0].iov_len = 1;
#endif
        return (ssize_t)RESTART(recvmsg(fd, message, flags | MSG_CMSG_CLOEXEC));
}

/* What is left of timeout_msec since `start`, rounded up: never 0 too early. */
static int time_left_msec(uint64_t start, int timeout_msec)
{
        uint64_t passed = (sys_now_nsec() - start) / 1000000u;

        return passed >= (uint64_t)timeout_msec ? 0 : timeout_msec - (int)passed;
}

/* poll(2) is never restarted by the kernel (signal(7)): a signal must not make
 * a bounded wait start over, so only the rest of the time is waited for. */
int sys_poll(struct pollfd *fds, unsigned int n, int timeout_msec)
{
        uint64_t start = timeout_msec > 0 ? sys_now_nsec() : 0;
        int left = timeout_msec;
        int r;

        RETURN_FAULT(SYS_CALL_POLL);
        for (;;) {
                r = poll(fds, n, left);
                if (r >= 0)
                        return r;
                if (errno != EINTR)
                        return -errno;
                if (timeout_msec > 0)
                        left = time_left_msec(start, timeout_msec);
        }
}

int sys_epoll_create(void)
{
        RETURN_FAULT(SYS_CALL_EPOLL_CREATE);
        return (int)RESTART(epoll_create1(EPOLL_CLOEXEC));
}

int sys_epoll_add(int epoll, int fd)
{
        struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

        RETURN_FAULT(SYS_CALL_EPOLL_CTL);
        return (int)RESTART(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
}

int sys_epoll_remove(int epoll, int fd)
{
        RETURN_FAULT(SYS_CALL_EPOLL_CTL);
        return (int)RESTART(epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL));
}

int sys_inotify_init(void)
{
        RETURN_FAULT(SYS_CALL_INOTIFY_INIT);
        return (int)RESTART(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
}

int sys_inotify_add_watch(int fd, const char *path, uint32_t mask)
{
        RETURN_FAULT(SYS_CALL_INOTIFY_ADD_WATCH);
        return (int)RESTART(inotify_add_watch(fd, path, mask));
}

int sys_ioctl(int fd, unsigned long request, uintptr_t argument)
{
        RETURN_FAULT(SYS_CALL_IOCTL);
        /* musl declares the request as int, glibc as unsigned long. */
        return (int)RESTART(syscall(SYS_ioctl, fd, request, argument));
}

int sys_dup(int fd)
{
        RETURN_FAULT(SYS_CALL_DUP);
        /* Never 0, 1 or 2: a daemon that closed them may dup2() over them. */
        return (int)RESTART(fcntl(fd, F_DUPFD_CLOEXEC, 3));
}

int sys_pidfd_open(pid_t pid)
{
        RETURN_FAULT(SYS_CALL_PIDFD_OPEN);
        return (int)RESTART(syscall(SYS_pidfd_open, pid, 0u));
}

int sys_pidfd_getfd(int pidfd, int fd)
{
        RETURN_FAULT(SYS_CALL_PIDFD_GETFD);
        return (int)RESTART(syscall(SYS_pidfd_getfd, pidfd, fd, 0u));
}

int sys_setns(int fd, int type)
{
        RETURN_FAULT(SYS_CALL_SETNS);
        return (int)RESTART(setns(fd, type));
}

int sys_uname(struct utsname *ret)
{
        RETURN_FAULT(SYS_CALL_UNAME);
        return (int)RESTART(uname(ret));
}

pid_t sys_getpid(void)
{
        return getpid();
}

int sys_capget(uint64_t *ret_effective)
{
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };
        int r;

        RETURN_FAULT(SYS_CALL_CAPGET);
        r = (int)RESTART(syscall(SYS_capget, &header, data));
        if (r < 0)
                return r;

        *ret_effective = (uint64_t)data[1].effective << 32 | data[0].effective;
        return 0;
}

uid_t sys_geteuid(void)
{
        return geteuid();
}

static uint64_t clock_nsec(clockid_t clock)
{
        struct timespec t = { 0 };

#ifdef AIU_TESTING
        (void)fault(SYS_CALL_CLOCK);
#endif
        (void)clock_gettime(clock, &t);
        return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t sys_now_nsec(void)
{
        return clock_nsec(CLOCK_MONOTONIC);
}

uint64_t sys_real_usec(void)
{
        return clock_nsec(CLOCK_REALTIME) / 1000u;
}

int sys_local_time(uint64_t real_usec, struct tm *ret)
{
        time_t seconds = (time_t)(real_usec / 1000000u);

        return localtime_r(&seconds, ret) ? 0 : -EOVERFLOW;
}

/* CLOCK_BOOTTIME, not CLOCK_MONOTONIC: start times in /proc/PID/stat count the
 * time asleep (do_task_stat() prints start_boottime), and both clocks follow
 * the caller's time namespace. */
uint64_t sys_boot_usec(void)
{
        uint64_t now = sys_real_usec();
        uint64_t up = clock_nsec(CLOCK_BOOTTIME) / 1000u;

        return now > up ? now - up : 0;
}

/* Read until the end or until the buffer is full. */
static ssize_t read_full(int fd, char *buffer, size_t bytes)
{
        size_t have = 0;
        ssize_t n;

        while (have < bytes) {
                n = sys_read(fd, buffer + have, bytes - have);
                if (n < 0)
                        return n;
                if (n == 0)
                        break;
                have += (size_t)n;
        }
        return (ssize_t)have;
}

ssize_t sys_read_file(int dirfd, const char *path, char *buffer, size_t bytes)
{
        ssize_t n;
        int fd;

        if (bytes == 0)
                return -EINVAL;

        /* O_NONBLOCK: should something put a FIFO there, the open does not wait. */
        fd = sys_openat(dirfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return fd;

        n = read_full(fd, buffer, bytes - 1);
        sys_close(fd);
        if (n >= 0)
                buffer[n] = '\0';
        return n;
}

/* Make room for more, but never for more than `most` bytes and a NUL. */
static int grow(char **text, size_t *room, size_t most)
{
        size_t bigger = *room == 0 ? 4096 : *room > most / 2 ? most : *room * 2;
        char *p;

        if (bigger > most)
                bigger = most;
        p = realloc(*text, bigger + 1);
        if (!p)
                return -ENOMEM;

        *text = p;
        *room = bigger;
        return 0;
}

/* A file in /proc has no size that could be asked for: read until it ends. */
static int read_alloc(int fd, size_t most, char **text, size_t *ret_bytes)
{
        size_t room = 0, have = 0;
        ssize_t n;
        int r;

        do {
                r = grow(text, &room, most);
                if (r < 0)
                        return r;
                n = read_full(fd, *text + have, room - have);
                if (n < 0)
                        return (int)n;
                have += (size_t)n;
        } while (have == room && room < most);

        (*text)[have] = '\0';
        *ret_bytes = have;
        return 0;
}

int sys_read_file_alloc(int dirfd, const char *path, size_t most, char **ret_text, size_t *ret_bytes)
{
        char *text = NULL;
        size_t bytes = 0;
        int fd, r;

        fd = sys_openat(dirfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return fd;

        r = read_alloc(fd, most, &text, &bytes);
        sys_close(fd);
        if (r < 0) {
                free(text);
                return r;
        }

        *ret_text = text;
        if (ret_bytes)
                *ret_bytes = bytes;
        return 0;
}
