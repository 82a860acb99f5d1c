/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The process that watches COMMAND. COMMAND keeps our pid, so this one is a grandchild without a parent that waits. It
 * lives as long as its last tracee: without a tracer, each bind() of a tracee fails with ENOSYS. So it ignores the
 * signals that a terminal or a service manager sends, and keeps no descriptor of COMMAND open.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "run.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

static void close_from_to(unsigned int from, unsigned int to)
{
        if (from > to || syscall(SYS_close_range, from, to, 0) == 0)
                return;
        for (unsigned int fd = from; fd <= to && fd < 65536; fd++)
                (void)close((int)fd);
}

/* Two that stay; -1 = none. */
static void close_all_but(int a, int b)
{
        int low = a < b ? a : b, high = a < b ? b : a;
        unsigned int next = low < 0 ? 0 : (unsigned int)low + 1, last = high < 0 ? 0 : (unsigned int)high + 1;

        if (low > 0)
                close_from_to(0, (unsigned int)low - 1);
        if (high > 0)
                close_from_to(next, (unsigned int)high - 1);
        close_from_to(last, ~0u);
}

/* Needs CAP_SYS_RESOURCE: when memory runs out, the kernel kills another process. */
static void protect(void)
{
        int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

        if (fd < 0)
                return;
        (void)!write(fd, "-1000", 5);
        (void)close(fd);
}

static void ignore_signals(void)
{
        static const int ignored[] = { SIGINT,  SIGQUIT, SIGTERM, SIGHUP,  SIGPIPE, SIGTSTP,
                                       SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2, SIGALRM };
        struct sigaction action = { .sa_handler = SIG_IGN };
        sigset_t none;

        for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
                (void)sigaction(ignored[i], &action, NULL);
        action.sa_handler = SIG_DFL;
        (void)sigaction(SIGCHLD, &action, NULL);
        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* ------------------------------------------------------ crashes */

static sigjmp_buf way_out;
static volatile sig_atomic_t trying;

static void on_crash(int signal)
{
        struct sigaction action = { .sa_handler = SIG_DFL };

        if (trying)
                siglongjmp(way_out, 1);
        (void)sigaction(signal, &action, NULL);
        (void)raise(signal);
}

static void catch_crashes(void)
{
        static const int crashes[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL };
        struct sigaction action = { .sa_handler = on_crash, .sa_flags = SA_NODEFER };

        for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++)
                (void)sigaction(crashes[i], &action, NULL);
}

/* A guard that crashed would take bind() along. After a crash nothing is explained any more. */
void run_try(void (*function)(void *userdata), void *userdata)
{
        static bool crashed;

        if (crashed)
                return;
        if (sigsetjmp(way_out, 1) == 0) {
                trying = 1;
                function(userdata);
        } else {
                crashed = true;
        }
        trying = 0;
}

/* ------------------------------------------------------ reports */

static void emit(void *userdata, const struct event *event)
{
        const struct run *run = userdata;

        sink_event(&run->sink, event, run->fd);
}

/* setpgid() and not setsid(): in a scheduling group of its own each stop would wait for a time slice. */
void run_become_guard(void)
{
        (void)setpgid(0, 0);
        ignore_signals();
        catch_crashes();
        (void)prctl(PR_SET_NAME, "addrinuse-run");
        protect();
}

/* A reader of COMMAND's pipes must see their end. */
void run_let_go(struct run *run, int keep)
{
        close_all_but(run->sink.log, keep);
        for (int fd = open("/dev/null", O_RDWR); fd >= 0 && fd < 2; fd = dup(fd))
                ;
        (void)!chdir("/");
        run->fd = -1;
        run->told.emit = emit;
        run->told.userdata = run;
}

bool run_tell(struct run *run, const struct event *event, int fd)
{
        bool counted;

        run->fd = fd;
        counted = told_add(&run->told, event);
        run->fd = -1;
        return counted;
}
