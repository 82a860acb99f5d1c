/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each function of lib/util/sys.c, the only door to the kernel: a call that a signal interrupts is made
 * again and gives what it would have given; an error arrives as a negative number. The parent
 * answers in the kernel's place (notify.h), once.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../live/live.h"
#include "notify.h"
#include "util/sys.h"

static int root, file, pair[2], listener, self;

static long do_openat(void)
{
        return sys_openat(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY);
}

/* Whether the file system knows such handles does not matter here. */
static long do_open_cgroup(void)
{
        return sys_open_cgroup(root, 1);
}

static long do_read(void)
{
        char byte;

        return sys_read(file, &byte, 1);
}

static long do_getdents(void)
{
        char buffer[1024];

        return sys_getdents(root, buffer, sizeof(buffer)) < 0 ? -1 : 0;
}

static long do_readlinkat(void)
{
        char buffer[1024];

        return sys_readlinkat(AT_FDCWD, "/proc/self/exe", buffer, sizeof(buffer));
}

static long do_fstat(void)
{
        struct stat st;

        return sys_fstat(root, &st);
}

static long do_fstatat(void)
{
        struct stat st;

        return sys_fstatat(AT_FDCWD, "/", &st, 0);
}

static long do_faccessat(void)
{
        return sys_faccessat(AT_FDCWD, "/", R_OK);
}

static long do_fstatfs(void)
{
        long type;

        return sys_fstatfs_type(root, &type);
}

static long do_statx(void)
{
        uint64_t inode;
        uint32_t mode;

        return sys_statx_inode(AT_FDCWD, "/", &inode, &mode);
}

static long do_statx_attributes(void)
{
        uint64_t attributes;

        return sys_statx_attributes(root, &attributes);
}

static long do_socketpair(void)
{
        int fds[2];
        int r = sys_socketpair(SOCK_STREAM, fds);

        if (r < 0)
                return r;
        sys_close(fds[0]);
        sys_close(fds[1]);
        return r;
}

static long do_socket(void)
{
        return sys_socket(AF_UNIX, SOCK_STREAM, 0);
}

static long do_bind(void)
{
        struct sockaddr_un un = { .sun_family = AF_UNIX };
        int fd = sys_socket(AF_UNIX, SOCK_STREAM, 0);
        int r = sys_bind(fd, (const struct sockaddr *)&un, sizeof(sa_family_t));

        sys_close(fd);
        return r;
}

static long do_listen(void)
{
        return sys_listen(listener, 1);
}

static long do_accept(void)
{
        return sys_accept(listener);
}

static long do_setsockopt(void)
{
        return sys_setsockopt_int(pair[0], SOL_SOCKET, SO_REUSEADDR, 1);
}

static long do_getsockopt(void)
{
        int value;

        return sys_getsockopt_int(pair[0], SOL_SOCKET, SO_TYPE, &value);
}

static long do_getsockname(void)
{
        struct sockaddr_storage address;
        socklen_t bytes = sizeof(address);

        return sys_getsockname(pair[0], (struct sockaddr *)&address, &bytes);
}

static long do_send(void)
{
        return sys_send(pair[0], "ab", 2);
}

static long do_recvmsg(void)
{
        char buffer[1];
        struct iovec part = { buffer, sizeof(buffer) };
        struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

        return sys_recvmsg(pair[1], &message, 0);
}

static long poll_for(int msec)
{
        struct pollfd p = { .fd = pair[1], .events = msec ? POLLPRI : POLLIN };

        return sys_poll(&p, 1, msec);
}

static long do_poll(void)
{
        return poll_for(0);
}

static long do_poll_time(void)
{
        return poll_for(20);
}

static long do_ioctl(void)
{
        int bytes;

        return sys_ioctl(pair[1], FIONREAD, (uintptr_t)&bytes);
}

static long do_dup(void)
{
        return sys_dup(root);
}

static long do_pidfd_open(void)
{
        return sys_pidfd_open(getpid());
}

static long do_pidfd_getfd(void)
{
        return sys_pidfd_getfd(self, root);
}

/* To where it is already: allowed to root. */
static long do_setns(void)
{
        int fd = sys_openat(AT_FDCWD, "/proc/self/ns/net", O_RDONLY);
        int r = sys_setns(fd, 0);

        sys_close(fd);
        return r;
}

static long do_uname(void)
{
        struct utsname name;

        return sys_uname(&name);
}

static long do_connect(void)
{
        struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "/nowhere/at/all" };
        int fd = sys_socket(AF_UNIX, SOCK_STREAM, 0);
        int r = sys_connect(fd, (const struct sockaddr *)&un, sizeof(un));

        sys_close(fd);
        return r;
}

static const struct {
        const char *name;
        long (*call)(void);
        unsigned int at; /* which of the calls it makes */
        int error;       /* what it gets instead of an answer */
        int result;      /* 0 = as if nothing had been */
        bool opens;
} cases[] = {
#define BOTH(name, at, opens)                                                                                          \
        { #name, do_##name, at, EINTR, 0, opens },                                                                     \
        {                                                                                                              \
#name, do_##name, at, EIO, -EIO, opens                                                                 \
        }
        BOTH(openat, 1, true),
        BOTH(open_cgroup, 1, true),
        BOTH(read, 1, false),
        BOTH(readlinkat, 1, false),
        BOTH(fstat, 1, false),
        BOTH(fstatat, 1, false),
        BOTH(faccessat, 1, false),
        BOTH(fstatfs, 1, false),
        BOTH(statx, 1, false),
        BOTH(socket, 1, true),
        BOTH(bind, 2, false),
        BOTH(listen, 1, false),
        BOTH(accept, 1, true),
        BOTH(setsockopt, 1, false),
        BOTH(getsockopt, 1, false),
        BOTH(getsockname, 1, false),
        BOTH(send, 1, false),
        BOTH(recvmsg, 1, false),
        BOTH(poll, 1, false),
        BOTH(poll_time, 1, false),
        BOTH(ioctl, 1, false),
        BOTH(dup, 1, true),
        BOTH(pidfd_open, 1, true),
        BOTH(pidfd_getfd, 1, true),
        BOTH(setns, 2, false),
        BOTH(uname, 1, false),
        BOTH(statx_attributes, 1, false),
        BOTH(socketpair, 1, false),
#undef BOTH
        { "getdents", do_getdents, 1, EINTR, 0, false },
        { "getdents", do_getdents, 1, EIO, -1, false },
        { "faccessat before Linux 5.8", do_faccessat, 1, ENOSYS, 0, false },
        /* connect(2) goes on by itself after a signal: asked again it says EALREADY. */
        { "connect", do_connect, 2, EINTR, -EINTR, false },
        { "connect", do_connect, 2, EIO, -EIO, false },
};
#define N_CASES (sizeof(cases) / sizeof(cases[0]))

static struct {
        long plain[N_CASES], disturbed[N_CASES];
} * results;

static long result_of(size_t i)
{
        long r = cases[i].call();

        if (!cases[i].opens || r < 0)
                return r;
        (void)sys_close((int)r);
        return 0;
}

static int child(void *userdata)
{
        (void)userdata;
        for (size_t i = 0; i < N_CASES; i++) {
                results->plain[i] = result_of(i);
                notify_mark((int)i);
                results->disturbed[i] = result_of(i);
                notify_mark((int)i);
        }
        return 0;
}

static void prepare(void)
{
        const struct sockaddr_un un = { .sun_family = AF_UNIX };

        root = open("/", O_RDONLY | O_CLOEXEC);
        file = open("/dev/zero", O_RDONLY | O_CLOEXEC);
        listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        self = sys_pidfd_open(getpid());
        if (root < 0 || file < 0 || listener < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 ||
            bind(listener, (const struct sockaddr *)&un, sizeof(sa_family_t)) < 0 || listen(listener, 1) < 0 ||
            send(pair[0], "0123456789", 10, 0) != 10)
                live_die("prepare", errno);
        results = mmap(NULL, sizeof(*results), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (results == MAP_FAILED)
                live_die("mmap", errno);
}

static bool is_right(size_t i, uint64_t refused)
{
        long expected = cases[i].result ? cases[i].result : results->plain[i];

        if (refused == 1 && results->disturbed[i] == expected)
                return true;
        printf("%s, error %d: %ld instead of %ld, %llu calls disturbed\n", cases[i].name, cases[i].error,
               results->disturbed[i], expected, (unsigned long long)refused);
        return false;
}

int main(void)
{
        struct notified notified;
        struct live live;
        size_t wrong = 0;

        setvbuf(stdout, NULL, _IOLBF, 0);
        live_isolate(&live);
        prepare();
        if (!notify_start(&notified, child, NULL))
                return LIVE_SKIP;
        for (size_t i = 0; i < N_CASES; i++) {
                struct notify_plan quiet = { .kind = NOTIFY_CALLS };
                struct notify_plan plan = { .kind = NOTIFY_CALLS, .at = cases[i].at, .error = cases[i].error };

                if (notify_until_mark(&notified, &quiet) != (int)i)
                        live_die("the child is gone", 0);
                notify_go_on(&notified);
                if (notify_until_mark(&notified, &plan) != (int)i)
                        live_die("the child is gone", 0);
                notify_go_on(&notified);
                wrong += !is_right(i, plan.refused);
        }
        printf("%zu disturbed calls, %zu wrong\n", N_CASES, wrong);
        /* Its end may need answers, too. */
        if (notify_until_mark(&notified, &(struct notify_plan){ .kind = NOTIFY_CALLS }) >= 0)
                live_die("the child goes on", 0);
        return notify_wait(&notified) != 0 || wrong > 0;
}
