/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tracer. The filter stops a thread at bind() and listen() only. The thread runs to the end of the call and stops
 * once more: now the errno is known, and the socket is still there. Any other system call runs at full speed.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cli.h"
#include "run.h"

#define OPTIONS                                                                                                        \
        (PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | \
         PTRACE_O_TRACESYSGOOD)
#define N_CHAINS 256

/* The kernel's struct ptrace_syscall_info (include/uapi/linux/ptrace.h): each libc has another name for it. */
enum { OP_EXIT = 2 };
struct call_info {
        uint8_t op, pad[3];
        uint32_t arch;
        uint64_t instruction_pointer, stack_pointer;
        union {
                struct {
                        uint64_t nr, args[6];
                        uint32_t ret_data;
                } seccomp;
                struct {
                        int64_t rval;
                        uint8_t is_error;
                } exit;
        } u;
};

/* A thread: its call while it is in one. Of a process: which file was stderr when its program started. */
struct tracee {
        struct tracee *next;
        pid_t tid;
        bool in_call, has_stderr;
        uint32_t arch;
        uint64_t nr, args[6];
        dev_t device;
        ino_t inode;
};

static struct tracee *chains[N_CHAINS];

static struct tracee **place_of(pid_t tid)
{
        struct tracee **at = &chains[(unsigned int)tid % N_CHAINS];

        while (*at && (*at)->tid != tid)
                at = &(*at)->next;
        return at;
}

static struct tracee *find(pid_t tid)
{
        return *place_of(tid);
}

static struct tracee *find_or_add(pid_t tid)
{
        struct tracee **at = place_of(tid);

        if (!*at)
                *at = calloc(1, sizeof(**at));
        if (*at)
                (*at)->tid = tid;
        return *at;
}

static void forget(pid_t tid)
{
        struct tracee **at = place_of(tid), *gone = *at;

        if (!gone)
                return;
        *at = gone->next;
        free(gone);
}

/* ------------------------------------------------------ its stderr */

static int stat_of(pid_t tid, const char *name, struct stat *ret)
{
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)tid, name);
        return stat(path, ret);
}

/* What descriptor 2 is when a program starts is its stderr. Later it may be a file of data, or a connection. */
static void learn_stderr(pid_t pid)
{
        struct tracee *tracee = find_or_add(pid);
        struct stat st;

        if (!tracee)
                return;
        tracee->in_call = false;
        tracee->has_stderr = stat_of(pid, "fd/2", &st) == 0;
        if (!tracee->has_stderr)
                return;
        tracee->device = st.st_dev;
        tracee->inode = st.st_ino;
}

static void inherit_stderr(pid_t from, pid_t to)
{
        pid_t pid = run_status(from, "\nTgid:", 0);
        const struct tracee *parent = find(pid);
        struct tracee *child = parent && parent->has_stderr ? find_or_add(to) : NULL;

        if (!child || child->has_stderr)
                return;
        child->has_stderr = true;
        child->device = parent->device;
        child->inode = parent->inode;
}

/* A child may get here before its parent stops for fork(2). */
static const struct tracee *whose_stderr(pid_t pid)
{
        const struct tracee *tracee = find(pid);

        return tracee && tracee->has_stderr ? tracee : find(run_status(pid, "\nPPid:", 0));
}

/* A descriptor of ours for its stderr; -1 = it has another file there now, or none. */
static int open_stderr(pid_t pid, pid_t tid)
{
        const struct tracee *at_start = whose_stderr(pid);

        return at_start && at_start->has_stderr ? run_get_stderr(tid, at_start->device, at_start->inode) : -1;
}

/* ------------------------------------------------------ calls */

static void enter_call(pid_t tid)
{
        struct call_info info;
        struct tracee *tracee = find_or_add(tid);

        if (tracee && ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info) > 0) {
                tracee->in_call = true;
                tracee->arch = info.arch;
                tracee->nr = info.u.seccomp.nr;
                memcpy(tracee->args, info.u.seccomp.args, sizeof(tracee->args));
        }
        (void)ptrace(PTRACE_SYSCALL, tid, 0, 0);
}

/* Errnos that another socket may explain: if the socket of the call cannot be read, a line says so. */
static bool is_refusal(int error)
{
        return error == EADDRINUSE || error == EACCES || error == EPERM || error == EADDRNOTAVAIL;
}

static void say_unseen(struct run *run, const struct event *event, const struct run_call *call, int error, int why,
                       int fd)
{
        char line[400];

        (void)snprintf(line, sizeof(line), "addrinuse: %s of %s (pid %d) failed: %s; its socket cannot be read: %s\n",
                       call->listen ? "listen()" : "bind()", cli_safe(event->comm), (int)event->pid, strerror(error),
                       strerror(-why));
        sink_words(&run->sink, line, fd);
}

static bool is_no_address(int why)
{
        return why == -EAFNOSUPPORT || why == -ENOTSOCK || why == -EBADF || why == -EFAULT || why == -EINVAL;
}

struct failure {
        struct run *run;
        pid_t tid;
        struct run_call call;
        int error;
};

static void explain(void *userdata)
{
        const struct failure *failure = userdata;
        const struct run_call *call = &failure->call;
        struct run *run = failure->run;
        pid_t tid = failure->tid, pid = run_status(tid, "\nTgid:", 0);
        struct event event;
        int error = failure->error, fd, r;

        event_begin(&event, pid > 0 ? pid : tid, tid);
        r = run_explain(run, event.pid, tid, call, error, &event.report);
        if (r < 0 && (is_no_address(r) || !is_refusal(error)))
                return;
        fd = open_stderr(event.pid, tid);
        if (r < 0)
                say_unseen(run, &event, call, error, r, fd);
        else if (run_tell(run, &event, fd))
                (void)ptrace(PTRACE_SETOPTIONS, tid, 0, OPTIONS | PTRACE_O_TRACEEXIT);
        aiu_report_unref(event.report);
        if (fd >= 0)
                (void)close(fd);
}

/* ENOSYS: a kernel without x32 does not have this call. */
static void leave_call(struct run *run, pid_t tid)
{
        struct call_info info;
        struct tracee *tracee = find(tid);
        struct failure failure = { .run = run, .tid = tid };

        if (tracee && tracee->in_call && ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info) > 0 &&
            info.op == OP_EXIT && info.u.exit.is_error && info.u.exit.rval != -ENOSYS &&
            run_decode(tid, tracee->arch, tracee->nr, tracee->args, &failure.call)) {
                failure.error = (int)-info.u.exit.rval;
                run_try(explain, &failure);
        }
        if (tracee)
                tracee->in_call = false;
        (void)ptrace(PTRACE_CONT, tid, 0, 0);
}

/* Report what was only counted, while stderr is still open. */
static void leave_life(struct run *run, pid_t tid)
{
        pid_t pid = run_status(tid, "\nTgid:", 0);

        run->fd = open_stderr(pid, tid);
        told_flush(&run->told, pid);
        if (run->fd >= 0)
                (void)close(run->fd);
        run->fd = -1;
        (void)ptrace(PTRACE_CONT, tid, 0, 0);
}

/* ------------------------------------------------------ programs that lose their privilege */

/* A tracer with CAP_SYS_ADMIN sets no no_new_privs: then files keep their capabilities. */
static bool lost_privilege(pid_t pid)
{
        char path[64];
        struct stat st;
        pid_t euid = run_status(pid, "\nUid:", 1);

        if (stat_of(pid, "exe", &st) < 0 || euid == 0)
                return false;
        (void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
        if ((st.st_mode & S_ISUID) && (pid_t)st.st_uid != euid)
                return true;
        return run_status(pid, "\nNoNewPrivs:", 0) != 0 && getxattr(path, "security.capability", NULL, 0) > 0;
}

static void start_program(struct run *run, pid_t pid)
{
        static bool said;
        struct event event;
        char line[300];
        int fd;

        learn_stderr(pid);
        if (!said && lost_privilege(pid)) {
                said = true;
                event_begin(&event, pid, pid);
                (void)snprintf(line, sizeof(line),
                               "addrinuse: %s (pid %d) runs without the privilege of its file, because it is traced; "
                               "run --method=preload keeps the privilege\n",
                               cli_safe(event.comm), (int)pid);
                fd = open_stderr(pid, pid);
                sink_words(&run->sink, line, fd);
                if (fd >= 0)
                        (void)close(fd);
        }
        (void)ptrace(PTRACE_CONT, pid, 0, 0);
}

/* ------------------------------------------------------ stops */

/* A stop by SIGSTOP and its like lasts until SIGCONT; any other is that of a new thread. */
static void group_stop(pid_t tid, int signal)
{
        bool stops = signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;

        (void)ptrace(stops ? PTRACE_LISTEN : PTRACE_CONT, tid, 0, 0);
}

static void new_thread(pid_t tid)
{
        unsigned long child = 0;

        if (ptrace(PTRACE_GETEVENTMSG, tid, 0, &child) == 0)
                inherit_stderr(tid, (pid_t)child);
        (void)ptrace(PTRACE_CONT, tid, 0, 0);
}

static void stopped(struct run *run, pid_t tid, int status)
{
        int signal = WSTOPSIG(status);

        switch (status >> 16) {
        case PTRACE_EVENT_SECCOMP:
                enter_call(tid);
                return;
        case PTRACE_EVENT_STOP:
                group_stop(tid, signal);
                return;
        case PTRACE_EVENT_EXEC:
                start_program(run, tid);
                return;
        case PTRACE_EVENT_EXIT:
                leave_life(run, tid);
                return;
        case PTRACE_EVENT_FORK:
        case PTRACE_EVENT_VFORK:
        case PTRACE_EVENT_CLONE:
                new_thread(tid);
                return;
        case 0:
                break;
        default:
                (void)ptrace(PTRACE_CONT, tid, 0, 0);
                return;
        }
        if (signal == (SIGTRAP | 0x80))
                leave_call(run, tid);
        else
                (void)ptrace(PTRACE_CONT, tid, 0, signal);
}

int run_attach(pid_t pid)
{
        if (ptrace(PTRACE_SEIZE, pid, 0, OPTIONS) < 0)
                return -errno;
        learn_stderr(pid);
        return 0;
}

void run_trace(struct run *run)
{
        int status;
        pid_t tid;

        for (;;) {
                tid = waitpid(-1, &status, __WALL);
                if (tid < 0 && errno == EINTR)
                        continue;
                if (tid < 0)
                        break;
                if (WIFSTOPPED(status))
                        stopped(run, tid, status);
                else
                        forget(tid);
        }
        told_finish(&run->told);
}
