/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every system call is refused once, or from then on, in the library as it is
 * installed: no seam, and no matter who makes the call (libnl, the C library). The
 * questions and what may come out of them are those of faults.c; then the same
 * with the command, whose allocations fail as well.
 *
 *   [AIU_LONG=1] refused [--scene=NAME] [--only=N] [--error=N] ADDRINUSE PRELOAD
 */
#include "refused.h"

#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "question.h"

enum { BEGIN, END };

const int refused_errors[] = { EPERM,  EACCES, ENOENT, ESRCH,  EINTR,  EAGAIN,       ENOBUFS,   EMFILE,
                               ENFILE, ENOMEM, EIO,    ENOSYS, EINVAL, EAFNOSUPPORT, NOTIFY_EOF };
const size_t n_refused_errors = sizeof(refused_errors) / sizeof(refused_errors[0]);

/* What the child is told, and tells. */
static struct board {
        const struct port_table *table;
        uint32_t flags;
        bool stop;
        struct outcome outcome;
        unsigned int fds_before, fds_after;
} * board;

static struct live live;
static struct refused_tally tally;

static const char *only_table;
static uint64_t only;
static int only_error;
bool refused_tells;

bool refused_leave_out(uint64_t at, size_t error)
{
        if (only || only_error)
                return (only && at != only) || (only_error && refused_errors[error] != only_error);
        return !getenv("AIU_LONG") && (at + error) % n_refused_errors != 0;
}

/* No kernel says "try again" without end. That every file is empty can be believed. */
bool refused_onwards(int error)
{
        return error != EINTR && error != NOTIFY_EOF;
}

/* ------------------------------------------------------ the child */

static int ask_until_told(void *userdata)
{
        int fd = table_make_fd(board->table);

        (void)userdata;
#ifdef M_TRIM_THRESHOLD
        /* Keep nothing in store: free() gives memory back, and malloc() asks the kernel. */
        (void)mallopt(M_TRIM_THRESHOLD, 0);
        (void)mallopt(M_TOP_PAD, 0);
#endif
        request_begin(board->flags);
        for (;;) {
                unsigned int fds = live_count_fds();

                notify_mark(BEGIN);
                if (board->stop)
                        return 0;
                request_ask(board->table, fd, &board->outcome);
                notify_mark(END);
                board->fds_before = fds;
                board->fds_after = live_count_fds();
        }
}

/* ------------------------------------------------------ the parent */

/* One question; false: the child is gone. It stands before the next one then. */
static bool run_one(struct notified *child, struct notify_plan *plan)
{
        struct notify_plan none = { .kind = NOTIFY_MARK };

        plan->calls = plan->refused = 0;
        notify_go_on(child);
        if (notify_until_mark(child, plan) != END)
                return false;
        notify_go_on(child);
        return notify_until_mark(child, &none) == BEGIN;
}

static void complain(const struct notify_plan *plan, const char *what)
{
        const struct outcome *o = &board->outcome;

        if (++tally.wrong > 20)
                return;
        printf("WRONG: %s\n  scene %s, flags %x, %s %llu, error %d%s: r %d, verdict %s, %zu gaps, "
               "%zu conflicts, %zu holders\n",
               what, board->table->name, board->flags, plan->kind == NOTIFY_MEMORY ? "memory" : "call",
               (unsigned long long)plan->at, plan->error, plan->onwards ? " and onwards" : "", o->r,
               aiu_verdict_to_string(o->verdict), o->n_gaps, o->n_conflicts, o->n_holders);
}

static void judge(const struct notify_plan *plan, const struct outcome *truth)
{
        struct failure failure = { .memory = plan->kind == NOTIFY_MEMORY, .error = plan->error };
        const char *wrong = request_judge(board->table, &failure, truth, &board->outcome);

        tally.runs++;
        tally.refusals += plan->refused;
        tally.trouble += board->outcome.r < 0;
        tally.unknown += board->outcome.r >= 0 && board->outcome.verdict == AIU_VERDICT_UNKNOWN;
        if (!wrong && board->fds_after != board->fds_before)
                wrong = "a descriptor is left";
        if (wrong)
                complain(plan, wrong);
}

static bool run_plan(struct notified *child, struct notify_plan *plan, const struct outcome *truth)
{
        if (!run_one(child, plan)) {
                complain(plan, "the process ended");
                return false;
        }
        if (plan->refused > 0)
                judge(plan, truth);
        return true;
}

/* No kernel says "try again" without end. */
static bool try_both(struct notified *child, struct notify_plan *plan, const struct outcome *truth)
{
        plan->onwards = false;
        if (!run_plan(child, plan, truth))
                return false;
        plan->onwards = refused_onwards(plan->error);
        return !plan->onwards || run_plan(child, plan, truth);
}

static void run_all(struct notified *child, enum notify_kind kind, const struct outcome *truth)
{
        struct notify_plan plan = { .kind = kind };
        uint64_t n;

        if (!run_one(child, &plan))
                return complain(&plan, "the process ended");
        n = plan.calls;
        plan.tells = refused_tells;
        for (plan.at = 1; plan.at <= n; plan.at++)
                for (size_t i = 0; i < (kind == NOTIFY_MEMORY ? 1 : n_refused_errors); i++) {
                        plan.error = refused_errors[i];
                        if (kind == NOTIFY_CALLS && refused_leave_out(plan.at, i))
                                continue;
                        if (!try_both(child, &plan, truth))
                                return;
                }
        printf("  %-12s %-4s %5llu %s\n", board->table->name, board->flags ? "all" : "", (unsigned long long)n,
               kind == NOTIFY_MEMORY ? "requests for memory" : "calls");
}

static bool run_table(const struct port_table *table, uint32_t flags)
{
        struct notify_plan none = { .kind = NOTIFY_MARK };
        struct outcome truth;
        struct notified child;

        *board = (struct board){ .table = table, .flags = flags };
        table_build(&live, table);
        if (!notify_start(&child, ask_until_told, NULL))
                return false;
        (void)notify_until_mark(&child, &none);
        (void)run_one(&child, &none); /* what is made once for all is there by now */
        (void)run_one(&child, &none);
        truth = board->outcome;
        if (truth.r < 0 || truth.verdict == AIU_VERDICT_UNKNOWN)
                complain(&none, "not even the truth is known");
        run_all(&child, NOTIFY_CALLS, &truth);
        run_all(&child, NOTIFY_MEMORY, &truth);
        board->stop = true;
        notify_go_on(&child);
        if (notify_wait(&child) != 0)
                complain(&none, "the process did not end well");
        table_tear_down(&live, table);
        return true;
}

static void conclude(const char *what)
{
        printf("%s: %llu times with %llu refusals: %llu unknown, %llu errors, %llu wrong\n", what,
               (unsigned long long)tally.runs, (unsigned long long)tally.refusals, (unsigned long long)tally.unknown,
               (unsigned long long)tally.trouble, (unsigned long long)tally.wrong);
}

static void read_options(int argc, char **argv)
{
        static const struct option options[] = {
                { "scene", required_argument, NULL, 's' },
                { "only", required_argument, NULL, 'o' },
                { "error", required_argument, NULL, 'e' },
                { NULL, 0, NULL, 0 },
        };
        int option;

        while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
                if (option == 's')
                        only_table = optarg;
                else if (option == 'o')
                        only = strtoull(optarg, NULL, 10);
                else if (option == 'e')
                        only_error = (int)strtol(optarg, NULL, 10);
                else
                        exit(2);
        }
        refused_tells = only != 0;
        if (optind != argc - 2)
                exit(2);
}

/* Under a filter the library makes few calls, setns(2) never, unless it is told otherwise. */
static bool run_both(const struct port_table *table)
{
        bool own_context = !table->by_fd && !table->by_listen && !table->by_names;

        if (only_table && strcmp(only_table, table->name) != 0)
                return true;
        if (own_context && !run_table(table, AIU_CONTEXT_ALL_SYSCALLS))
                return false;
        if (table->by_netns || (own_context && !getenv("AIU_LONG") && strcmp(table->name, "held")))
                return true;
        return run_table(table, 0);
}

int main(int argc, char **argv)
{
        uint64_t wrong;

        read_options(argc, argv);
        setvbuf(stdout, NULL, _IOLBF, 0);
        board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        live_isolate(&live);
        if (!live_start(&live, geteuid()))
                return LIVE_SKIP;
        for (size_t i = 0; i < n_tables; i++)
                if (!run_both(&tables[i]))
                        return LIVE_SKIP;
        conclude("the library");
        wrong = tally.wrong;
        tally = (struct refused_tally){ .runs = 0 };
        if (!only_table)
                refused_command(&live, argv[optind], argv[optind + 1], &tally);
        conclude("the command");
        live_stop(&live);
        return wrong + tally.wrong ? 1 : 0;
}
