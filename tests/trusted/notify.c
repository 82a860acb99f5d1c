/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See notify.h. */
#include "notify.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../live/live.h"

#define MARK_CALL SYS_getpgid /* not made by chance */
#define HANGS_MSEC 60000

static const struct {
        long nr;
        enum notify_kind kind;
        bool has_end; /* 0 means: there is no more */
} caught[] = {
        { MARK_CALL, NOTIFY_MARK, false },
        { SYS_brk, NOTIFY_MEMORY, false },
        { SYS_mremap, NOTIFY_MEMORY, false },
#ifdef SYS_mmap
        { SYS_mmap, NOTIFY_MEMORY, false },
#endif
#ifdef SYS_mmap2
        { SYS_mmap2, NOTIFY_MEMORY, false },
#endif
#ifdef SYS_socketcall
        { SYS_socketcall, NOTIFY_CALLS, false },
#endif
        { SYS_socket, NOTIFY_CALLS, false },
        { SYS_socketpair, NOTIFY_CALLS, false },
        { SYS_bind, NOTIFY_CALLS, false },
        { SYS_listen, NOTIFY_CALLS, false },
        { SYS_connect, NOTIFY_CALLS, false },
        { SYS_accept4, NOTIFY_CALLS, false },
        { SYS_setsockopt, NOTIFY_CALLS, false },
        { SYS_getsockopt, NOTIFY_CALLS, false },
        { SYS_getsockname, NOTIFY_CALLS, false },
        { SYS_sendto, NOTIFY_CALLS, false },
        { SYS_sendmsg, NOTIFY_CALLS, false },
        { SYS_recvfrom, NOTIFY_CALLS, true },
        { SYS_recvmsg, NOTIFY_CALLS, true },
#ifdef SYS_poll
        { SYS_poll, NOTIFY_CALLS, false },
#endif
        { SYS_ppoll, NOTIFY_CALLS, false },
        { SYS_openat, NOTIFY_CALLS, false },
        { SYS_open_by_handle_at, NOTIFY_CALLS, false },
        { SYS_read, NOTIFY_CALLS, true },
        { SYS_getdents64, NOTIFY_CALLS, true },
        { SYS_readlinkat, NOTIFY_CALLS, true },
        { SYS_fstat, NOTIFY_CALLS, false },
#ifdef SYS_newfstatat
        { SYS_newfstatat, NOTIFY_CALLS, false },
#endif
#ifdef SYS_fstatat64
        { SYS_fstatat64, NOTIFY_CALLS, false },
#endif
        { SYS_statx, NOTIFY_CALLS, false },
        { SYS_fstatfs, NOTIFY_CALLS, false },
        { SYS_faccessat, NOTIFY_CALLS, false },
#ifdef SYS_faccessat2
        { SYS_faccessat2, NOTIFY_CALLS, false },
#endif
        { SYS_ioctl, NOTIFY_CALLS, false },
        { SYS_fcntl, NOTIFY_CALLS, false },
        { SYS_pidfd_open, NOTIFY_CALLS, false },
        { SYS_pidfd_getfd, NOTIFY_CALLS, false },
        { SYS_setns, NOTIFY_CALLS, false },
        { SYS_uname, NOTIFY_CALLS, false },
};
#define N_CAUGHT (sizeof(caught) / sizeof(caught[0]))

/* ------------------------------------------------------ the child's side */

static int install(void)
{
        struct sock_filter filter[N_CAUGHT + 3];
        struct sock_fprog program = { (unsigned short)(N_CAUGHT + 3), filter };

        filter[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
        for (size_t i = 0; i < N_CAUGHT; i++)
                filter[i + 1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)caught[i].nr,
                                                             (uint8_t)(N_CAUGHT - i), 0);
        filter[N_CAUGHT + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        filter[N_CAUGHT + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
        return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

/* What both sides see; the child can neither read nor write without being asked about. */
struct meeting {
        volatile int listener, error;
        volatile bool ready, taken;
};

static _Noreturn void live_under_filter(struct meeting *meeting, int (*what)(void *), void *userdata)
{
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        meeting->listener = install();
        meeting->error = errno;
        meeting->ready = true;
        while (!meeting->taken)
                sched_yield();
        if (meeting->listener < 0)
                _exit(0);
        close(meeting->listener);
        _exit(what(userdata));
}

void notify_mark(int number)
{
        (void)syscall(MARK_CALL, number);
}

/* ------------------------------------------------------ the parent's side */

static int take_listener(const struct meeting *meeting, pid_t pid)
{
        int pidfd, fd, error;

        if (meeting->listener < 0) {
                errno = meeting->error;
                return -1;
        }
        pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (pidfd < 0)
                return -1;
        fd = (int)syscall(SYS_pidfd_getfd, pidfd, meeting->listener, 0);
        error = errno;
        close(pidfd);
        errno = error;
        return fd;
}

bool notify_start(struct notified *ret, int (*what)(void *), void *userdata)
{
        struct meeting *meeting =
                mmap(NULL, sizeof(*meeting), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        if (meeting == MAP_FAILED)
                live_die("mmap", errno);
        fflush(stdout);
        ret->pid = fork();
        if (ret->pid < 0)
                live_die("fork", errno);
        if (ret->pid == 0)
                live_under_filter(meeting, what, userdata);
        while (!meeting->ready)
                sched_yield();
        ret->fd = take_listener(meeting, ret->pid);
        if (ret->fd < 0) {
                printf("skipped: no listener of a seccomp filter: %s\n", strerror(errno));
                kill(ret->pid, SIGKILL);
                (void)waitpid(ret->pid, NULL, 0);
        } else {
                meeting->taken = true;
        }
        munmap(meeting, sizeof(*meeting));
        return ret->fd >= 0;
}

static size_t kind_index(long nr)
{
        size_t i = 0;

        while (i < N_CAUGHT - 1 && caught[i].nr != nr)
                i++;
        return i;
}

static void tell(const struct notify_plan *plan, const struct seccomp_notif *call)
{
        if (plan->tells)
                printf("    call %llu: number %d (%llx, %llx, %llx)\n", (unsigned long long)plan->calls, call->data.nr,
                       (unsigned long long)call->data.args[0], (unsigned long long)call->data.args[1],
                       (unsigned long long)call->data.args[2]);
}

static bool is_due(struct notify_plan *plan, size_t i)
{
        if (caught[i].kind != plan->kind)
                return false;
        plan->calls++;
        if (plan->at == 0 || plan->calls < plan->at || (plan->calls > plan->at && !plan->onwards))
                return false;
        /* Elsewhere 0 is no end but a success that was none. */
        return plan->error != NOTIFY_EOF || caught[i].has_end;
}

/* musl declares the request of ioctl(3) as an int, into which these do not fit. */
static int notify_call(int fd, unsigned long request, void *argument)
{
        return (int)syscall(SYS_ioctl, fd, request, argument);
}

static void answer(int fd, const struct seccomp_notif *call, struct notify_plan *plan)
{
        size_t i = kind_index(call->data.nr);
        struct seccomp_notif_resp response = { .id = call->id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };

        if (is_due(plan, i)) {
                plan->refused++;
                tell(plan, call);
                response.flags = 0;
                /* brk(2) of the kernel has no errors: it returns where the break is. */
                if (plan->kind == NOTIFY_MEMORY && call->data.nr != SYS_brk)
                        response.error = -ENOMEM;
                else if (plan->kind == NOTIFY_MEMORY)
                        response.val = 0;
                else if (plan->error != NOTIFY_EOF)
                        response.error = -plan->error;
        }
        /* ENOENT: a signal has ended it meanwhile. */
        if (notify_call(fd, SECCOMP_IOCTL_NOTIF_SEND, &response) < 0 && errno != ENOENT)
                live_die("SECCOMP_IOCTL_NOTIF_SEND", errno);
}

static uint64_t waiting; /* the mark at which the child is */

int notify_until_mark(struct notified *child, struct notify_plan *plan)
{
        struct seccomp_notif call;

        for (;;) {
                struct pollfd p = { .fd = child->fd, .events = POLLIN };
                int n = poll(&p, 1, HANGS_MSEC);

                if (n == 0) {
                        printf("the process hangs\n");
                        kill(child->pid, SIGABRT);
                }
                if (n <= 0 || !(p.revents & POLLIN)) /* POLLHUP: no process has the filter now */
                        return -1;
                memset(&call, 0, sizeof(call));
                if (notify_call(child->fd, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0) {
                        if (errno == ENOENT || errno == EINTR)
                                continue;
                        live_die("SECCOMP_IOCTL_NOTIF_RECV", errno);
                }
                if (call.data.nr == MARK_CALL) {
                        waiting = call.id;
                        return (int)call.data.args[0];
                }
                answer(child->fd, &call, plan);
        }
}

void notify_go_on(struct notified *child)
{
        struct seccomp_notif_resp response = { .id = waiting };

        (void)notify_call(child->fd, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

int notify_wait(struct notified *child)
{
        int status = 0;

        close(child->fd);
        if (waitpid(child->pid, &status, 0) < 0)
                live_die("waitpid", errno);
        return status;
}
