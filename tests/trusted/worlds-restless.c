/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sockets and processes that come and go while one looks, and more of them than can be kept. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worlds.h"

/* Children that do `what` until they are killed. */
static void start_children(pid_t *pids, int n, void (*what)(int))
{
        for (int i = 0; i < n; i++) {
                pids[i] = fork();
                if (pids[i] == 0) {
                        prctl(PR_SET_PDEATHSIG, SIGKILL);
                        for (;;)
                                what(i);
                }
        }
}

static void end_children(const pid_t *pids, int n)
{
        for (int i = 0; i < n; i++)
                kill(pids[i], SIGKILL);
        while (waitpid(-1, NULL, 0) > 0)
                ;
}

static int kept = -1;

static void open_and_close(int i)
{
        int fd = listen_on((uint16_t)(20000 + i));

        if (fd >= 0)
                close(fd);
}

/* Shared with the children: how many sockets there have been. */
static unsigned long *opened;

static void open_and_close_many(int i)
{
        for (int k = 0; k < 64; k++)
                open_and_close(i);
        __atomic_add_fetch(opened, 64, __ATOMIC_RELAXED);
}

/* As many as the machine can do. */
void churn(void)
{
        int rounds = getenv("AIU_LONG") ? 20000 : 200;
        pid_t pids[4];
        double started;

        opened = mmap(NULL, sizeof(*opened), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (opened == MAP_FAILED)
                wrong("mmap");
        start_children(pids, 4, open_and_close_many);
        started = live_now();
        for (int i = 0; i < rounds; i++)
                must_know(0);
        printf("     %.0f sockets a second came and went\n",
               (double)__atomic_load_n(opened, __ATOMIC_RELAXED) / (live_now() - started));
        end_children(pids, 4);
}

static void just_listen(int i)
{
        if (kept < 0)
                kept = listen_on((uint16_t)(7012 + i));
        pause();
}

/* SIGSTOP: it is silent, and nothing is asked of it. */
void stopped_holder(void)
{
        const struct aiu_holder *holder;
        struct aiu_report *report;
        pid_t pid;

        start_children(&pid, 1, just_listen);
        do {
                report = ask(7012, 0);
                holder = aiu_conflict_get_holder(aiu_report_get_conflict(report, 0), 0);
                if (holder && !(aiu_holder_get_flags(holder) & AIU_HOLDER_STOPPED))
                        kill(pid, SIGSTOP);
                if (holder && aiu_holder_get_pid(holder) != pid)
                        wrong("the holder is %d", (int)aiu_holder_get_pid(holder));
                if (holder && (aiu_holder_get_flags(holder) & AIU_HOLDER_STOPPED))
                        break;
                aiu_report_unref(report);
        } while (true);
        aiu_report_unref(report);
        end_children(&pid, 1);
}

/* A child that has the listener, and is gone at once. */
static void fork_and_exit(int i)
{
        pid_t pid;

        (void)i;
        pid = fork();
        if (pid == 0)
                _exit(0);
        if (pid > 0)
                waitpid(pid, NULL, 0);
}

/* Holders come and go, pids are used again: a named process has the socket, or had it. */
void dying_holders(void)
{
        char own[32] = "";
        pid_t pids[3];

        kept = listen_on(7003);
        if (kept < 0)
                wrong("listen: %s", strerror(errno));
        prctl(PR_GET_NAME, own);
        start_children(pids, 3, fork_and_exit);
        for (int i = 0; i < 300; i++) {
                struct aiu_report *report = ask(7003, 0);
                const struct aiu_conflict *conflict = aiu_report_get_conflict(report, 0);

                if (aiu_report_get_verdict(report) != AIU_VERDICT_IN_USE || !conflict)
                        wrong("round %d: %s", i, aiu_report_get_summary(report));
                for (size_t k = 0; k < aiu_conflict_get_n_holders(conflict); k++) {
                        const char *comm = aiu_holder_get_comm(aiu_conflict_get_holder(conflict, k));

                        if (comm && strcmp(comm, own) != 0)
                                wrong("round %d blames %s", i, comm);
                }
                aiu_report_unref(report);
        }
        end_children(pids, 3);
        close(kept);
}

static void flapping_port(int i)
{
        int fd = listen_on(7004);

        (void)i;
        if (fd >= 0)
                close(fd);
}

/* The port itself opens and closes: any verdict is true of some moment; it must be whole. */
void flapping(void)
{
        pid_t pid;

        start_children(&pid, 1, flapping_port);
        for (int i = 0; i < 1000; i++) {
                struct aiu_report *report = ask(7004, 0);
                enum aiu_verdict verdict = aiu_report_get_verdict(report);

                if (verdict != AIU_VERDICT_IN_USE && verdict != AIU_VERDICT_AVAILABLE &&
                    aiu_report_get_n_gaps(report) == 0)
                        wrong("round %d: %s", i, aiu_report_get_summary(report));
                if (verdict == AIU_VERDICT_IN_USE && aiu_report_get_n_conflicts(report) == 0)
                        wrong("round %d: in use without a conflict", i);
                aiu_report_unref(report);
        }
        end_children(&pid, 1);
}

/* More than a report keeps. */
void crowd(void)
{
        struct rlimit limit = { 20000, 20000 };
        struct aiu_report *report;
        bool truncated = false;

        if (setrlimit(RLIMIT_NOFILE, &limit) < 0) {
                printf("     left out: RLIMIT_NOFILE cannot be raised\n");
                return;
        }
        for (int i = 0; i < 9000; i++) {
                struct live_address address = live_ip("127.0.0.1", 7005, 0);
                int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

                setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
                if (bind(fd, &address.sa.any, address.len) < 0)
                        wrong("bind %d: %s", i, strerror(errno));
        }
        report = ask(7005, 0);
        check_report(report, AIU_VERDICT_IN_USE);
        for (size_t i = 0; i < aiu_report_get_n_gaps(report); i++)
                truncated |= aiu_gap_get_kind(aiu_report_get_gap(report, i)) == AIU_GAP_TRUNCATED;
        if (!truncated)
                wrong("9000 sockets, %zu conflicts, and no gap of kind truncated", aiu_report_get_n_conflicts(report));
        aiu_report_unref(report);
}
