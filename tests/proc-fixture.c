/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See proc-fixture.h. */
#include "proc-fixture.h"
#include "run-suite.h"
#include "scarce-memory.h"
#include "sys-fault.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends.h"

struct aiu_snapshot snapshot;
struct aiu_question question;
int procfs = -1;

void setup(void)
{
        snapshot_init(&snapshot);
        procfs = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ck_assert_int_ge(procfs, 0);
        question = (struct aiu_question){ .size = sizeof(question), .procfs = procfs };
}

void teardown(void)
{
        snapshot_finish(&snapshot);
        close(procfs);
}

uint64_t inode_of(int fd)
{
        struct stat st;

        ck_assert_int_eq(fstat(fd, &st), 0);
        return st.st_ino;
}

void want(uint64_t inode)
{
        ck_assert_int_eq(snapshot_want_inodes(&snapshot, &inode, 1), 0);
}

int tcp_socket(void)
{
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        ck_assert_int_ge(fd, 0);
        return fd;
}

#define MOST_FAILURES 60        /* a scan of many processes takes long */

/* With each allocation failing in turn, in snapshots of their own. */
static void look_without_memory(void)
{
        bool failed;

        for (unsigned int at = 1; at <= MOST_FAILURES; at++) {
                struct aiu_snapshot poor = { .backend = NULL };
                int r;

                snapshot_init(&poor);
                ck_assert_int_eq(snapshot_want_inodes(&poor, snapshot.wanted, snapshot.n_wanted), 0);
                scarce_memory_begin(at, false);
                r = backend_proc_fd.holders(NULL, &question, &poor);
                failed = scarce_memory_end();
                ck_assert_msg(!failed || r == -ENOMEM || poor.gap_lost || poor.n_gaps > 0, "allocation %u: %d", at, r);
                snapshot_finish(&poor);
                if (!failed)
                        return;
        }
}

int look(void)
{
        /* Calls that fail are enough of a test by themselves. */
        if (!sys_fault && question.deadline_nsec == 0)
                look_without_memory();
        return backend_proc_fd.holders(NULL, &question, &snapshot);
}

const struct holding *holding_of(pid_t pid)
{
        for (size_t i = 0; i < snapshot.n_holdings; i++)
                if (snapshot.holdings[i].pid == pid)
                        return &snapshot.holdings[i];
        return NULL;
}

const struct process *process_of(pid_t pid)
{
        const struct snapshot_view view = { snapshot.processes, snapshot.n_processes, NULL, 0 };
        const struct process *process = view_process(&view, pid);

        ck_assert_ptr_nonnull(process);
        return process;
}

bool have_gap(enum aiu_gap_kind kind, const char *part)
{
        for (size_t i = 0; i < snapshot.n_gaps; i++)
                if (snapshot.gaps[i].kind == kind && strstr(snapshot.gaps[i].text, part))
                        return true;
        return false;
}

pid_t start_child(void (*body)(void *), void *arg)
{
        int ready[2];
        char byte;
        pid_t pid;

        ck_assert_int_eq(pipe(ready), 0);
        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                signal(SIGTERM, SIG_DFL);       /* check has a handler of its own */
                if (body)
                        body(arg);
                if (write(ready[1], "", 1) != 1)
                        _exit(1);
                for (;;)
                        pause();
        }
        close(ready[1]);
        ck_assert_int_eq(read(ready[0], &byte, 1), 1);
        close(ready[0]);
        return pid;
}

void stop_child(pid_t pid)
{
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

pid_t start_holder(void (*body)(void *), uint64_t *ret_inode)
{
        int fd = tcp_socket();
        pid_t pid;

        *ret_inode = inode_of(fd);
        pid = start_child(body, &fd);
        close(fd);
        return pid;
}

void as_nobody(void (*body)(void))
{
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                if (setgid(65534) < 0 || setuid(65534) < 0)
                        _exit(77);
                body();
                _exit(0);
        }
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_msg(WIFEXITED(status), "killed by signal %d", WTERMSIG(status));
        if (WEXITSTATUS(status) == 77)
                printf("as_nobody: there is no such user in this namespace\n");
        else
                ck_assert_int_eq(WEXITSTATUS(status), 0);
}

static void write_text(const char *path, const char *text)
{
        int fd = open(path, O_WRONLY | O_CLOEXEC);

        if (fd < 0 || write(fd, text, strlen(text)) < 0)
                printf("%s: %s\n", path, strerror(errno));
        if (fd >= 0)
                close(fd);
}

static void write_map(const char *path, unsigned int id)
{
        char text[32];

        snprintf(text, sizeof(text), "0 %u 1\n", id);
        write_text(path, text);
}

static int skip(const char *what)
{
        printf("SKIP: %s: %s\n", what, strerror(errno));
        fflush(stdout);         /* _exit() follows */
        return 77;
}

static int wait_for(pid_t pid)
{
        int status;

        if (pid < 0)
                return skip("fork");
        if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
                return 1;
        return WEXITSTATUS(status);
}

/* As pid 1 of a pid namespace with a /proc of its own. The tests are run by a
 * child of it: pid 1 is special, signals of its own namespace pass it by. */
static int run_inside(Suite *(*make_suite)(void))
{
        pid_t pid;

        if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("proc", "/proc", "proc", 0, NULL) < 0)
                return skip("no /proc of my own");
        pid = fork();
        if (pid == 0)
                exit(run_suite(make_suite()));
        return wait_for(pid);
}

_Noreturn void run_in_namespaces(Suite *(*make_suite)(void))
{
        unsigned int uid = geteuid(), gid = getegid();
        pid_t pid;

        if (uid != 0) {
                if (unshare(CLONE_NEWUSER) < 0)
                        _exit(skip("no user namespace"));
                write_text("/proc/self/setgroups", "deny");
                write_map("/proc/self/uid_map", uid);
                write_map("/proc/self/gid_map", gid);
        }
        if (unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET) < 0)
                _exit(skip("no namespaces"));
        pid = fork();
        if (pid == 0)
                _exit(run_inside(make_suite));
        /* Not exit(): LeakSanitizer would clone() its helper into the pid
         * namespace that died with its pid 1, and fail. */
        _exit(wait_for(pid));
}
