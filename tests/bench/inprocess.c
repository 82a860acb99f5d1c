/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a daemon pays: one question after the other inside one process. Median and
 * 99th percentile, median of the CPU time, allocations and system calls for each.
 *
 *   inprocess [ROUNDS [NAME]...]
 *
 * ROUNDS 0: as many as two seconds take. NAME: only questions that have it in theirs.
 * Allocations are counted by defining malloc() and its kin here; system calls by
 * ptrace(2) of a child that asks once more than another.
 */
#include <addrinuse.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_ROUNDS 100000

static uint64_t allocations;
static unsigned int late; /* answers cut short by their deadline */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t n, size_t bytes);
void *__libc_realloc(void *old, size_t bytes);

void *malloc(size_t bytes)
{
        allocations++;
        return __libc_malloc(bytes);
}

void *calloc(size_t n, size_t bytes)
{
        allocations++;
        return __libc_calloc(n, bytes);
}

void *realloc(void *old, size_t bytes)
{
        allocations++;
        return __libc_realloc(old, bytes);
}

static const struct request {
        const char *name, *address;
        uint16_t port;
        uint32_t flags;
        int type;
        uint64_t deadline_usec;
} requests[] = {
        { "free port", "127.0.0.1", 8080, 0, SOCK_STREAM, 0 },
        { "free port, privileged", "127.0.0.1", 80, 0, SOCK_STREAM, 0 },
        { "listeners only", "127.0.0.1", 8080, AIU_CONTEXT_LISTENERS_ONLY, SOCK_STREAM, 0 },
        { "listeners only, wildcard", "0.0.0.0", 8080, AIU_CONTEXT_LISTENERS_ONLY, SOCK_STREAM, 0 },
        { "held port, every holder", "127.0.0.1", 7777, 0, SOCK_STREAM, 0 },
        { "held port, 50 ms at most", "127.0.0.1", 7777, 0, SOCK_STREAM, 50000 },
        { "held port, first holder", "127.0.0.1", 7777, AIU_CONTEXT_FIRST_HOLDER, SOCK_STREAM, 0 },
        { "port full of TIME_WAIT", "127.0.0.1", 9000, 0, SOCK_STREAM, 0 },
        { "free UDP port", "127.0.0.1", 8080, 0, SOCK_DGRAM, 0 },
};

/* Is what is there true? The free ports are not in use, and who holds the other is known. */
static void check(const struct request *q, const struct aiu_report *report)
{
        enum aiu_verdict verdict = aiu_report_get_verdict(report);
        const struct aiu_holder *holder = NULL;

        if (q->port == 7777)
                holder = aiu_conflict_get_holder(aiu_report_get_conflict(report, 0), 0);
        if (verdict == (q->port == 7777 ? AIU_VERDICT_AVAILABLE : AIU_VERDICT_IN_USE) && q->port != 9000)
                abort();
        if (holder && aiu_holder_get_comm(holder) && strcmp(aiu_holder_get_comm(holder), "holder") != 0)
                abort();
        for (size_t i = 0; i < aiu_report_get_n_gaps(report); i++)
                if (aiu_gap_get_kind(aiu_report_get_gap(report, i)) == AIU_GAP_DEADLINE) {
                        late++;
                        break;
                }
}

static void ask(const struct request *q)
{
        struct aiu_context *context = NULL;
        struct aiu_query *query = NULL;
        struct aiu_report *report = NULL;

        if (aiu_context_new(&context) < 0 || aiu_context_set_deadline_usec(context, q->deadline_usec) < 0 ||
            aiu_context_set_flags(context, q->flags) < 0 || aiu_query_new(context, &query) < 0 ||
            aiu_query_set_address_string(query, q->address, q->port) < 0 ||
            aiu_query_set_socket(query, q->type, 0) < 0 || aiu_query_run(query, &report) < 0)
                abort();
        check(q, report);
        aiu_report_unref(report);
        aiu_query_unref(query);
        aiu_context_unref(context);
}

/* ------------------------------------------------------ system calls */

/* Those of a child that asks `n` times. */
static long count_calls(const struct request *q, int n)
{
        long stops = 0;
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
                raise(SIGSTOP);
                for (int i = 0; i < n; i++)
                        ask(q);
                _exit(0);
        }
        if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFSTOPPED(status))
                return -1;
        while (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) == 0 && waitpid(pid, &status, 0) > 0 && !WIFEXITED(status))
                stops++;
        return stops / 2; /* each call stops on the way in and on the way out */
}

/* ------------------------------------------------------ time */

static double times[MAX_ROUNDS], cpu_times[MAX_ROUNDS];

static int compare(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

static double now(clockid_t clock)
{
        struct timespec t;

        clock_gettime(clock, &t);
        return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void measure(const struct request *q, int rounds)
{
        unsigned int cut_short;
        uint64_t before;
        double start = now(CLOCK_MONOTONIC), cpu;

        ask(q);
        /* About two seconds for each. */
        if (rounds == 0)
                rounds = (int)(2e6 / (now(CLOCK_MONOTONIC) - start + 1));
        rounds = rounds < 5 ? 5 : rounds > 5000 ? 5000 : rounds;
        before = allocations;
        late = 0;
        for (int i = 0; i < rounds; i++) {
                start = now(CLOCK_MONOTONIC);
                cpu = now(CLOCK_THREAD_CPUTIME_ID);
                ask(q);
                times[i] = now(CLOCK_MONOTONIC) - start;
                cpu_times[i] = now(CLOCK_THREAD_CPUTIME_ID) - cpu;
        }
        before = (allocations - before) / (uint64_t)rounds;
        qsort(times, (size_t)rounds, sizeof(*times), compare);
        qsort(cpu_times, (size_t)rounds, sizeof(*times), compare);
        cut_short = late;
        printf("%-26s %10.1f %10.1f %10.1f %8llu %9ld %5u of %d\n", q->name, times[rounds / 2],
               times[rounds * 99 / 100], cpu_times[rounds / 2], (unsigned long long)before,
               count_calls(q, 1) - count_calls(q, 0), cut_short, rounds);
}

static int is_chosen(const struct request *q, char **names)
{
        if (!*names)
                return 1;
        for (; *names; names++)
                if (strstr(q->name, *names))
                        return 1;
        return 0;
}

int main(int argc, char **argv)
{
        int rounds = argc > 1 ? atoi(argv[1]) : 0;

        printf("%-26s %10s %10s %10s %8s %9s %s\n", "in one process", "median us", "99 % us", "cpu us", "allocs",
               "syscalls", "cut short");
        for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
                if (is_chosen(&requests[i], argv + (argc > 2 ? 2 : argc)))
                        measure(&requests[i], rounds);
        return 0;
}
