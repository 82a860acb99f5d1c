/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a daemon pays: one question after the other inside one process. Median and
 * 99th percentile, allocations and system calls for each.
 *
 *   inprocess PORT|all [ROUNDS]
 *
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

static const struct question {
        const char *name, *address;
        uint16_t port;
        uint32_t flags;
        int type;
} questions[] = {
        { "free port", "127.0.0.1", 1, 0, SOCK_STREAM },
        { "held port, every holder", "127.0.0.1", 7777, 0, SOCK_STREAM },
        { "held port, first holder", "127.0.0.1", 7777, AIU_CONTEXT_FIRST_HOLDER, SOCK_STREAM },
        { "port full of TIME_WAIT", "127.0.0.1", 9000, 0, SOCK_STREAM },
        { "free UDP port", "127.0.0.1", 1, 0, SOCK_DGRAM },
};

static void ask(const struct question *q)
{
        struct aiu_context *context = NULL;
        struct aiu_query *query = NULL;
        struct aiu_report *report = NULL;

        if (aiu_context_new(&context) < 0 || aiu_context_set_deadline_usec(context, 0) < 0 ||
            aiu_context_set_flags(context, q->flags) < 0 || aiu_query_new(context, &query) < 0 ||
            aiu_query_set_address_string(query, q->address, q->port) < 0 ||
            aiu_query_set_socket(query, q->type, 0) < 0 || aiu_query_run(query, &report) < 0)
                abort();
        aiu_report_unref(report);
        aiu_query_unref(query);
        aiu_context_unref(context);
}

/* ------------------------------------------------------ system calls */

/* Those of a child that asks `n` times. */
static long count_calls(const struct question *q, int n)
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
        while (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) == 0 && waitpid(pid, &status, 0) > 0 &&
               !WIFEXITED(status))
                stops++;
        return stops / 2; /* each call stops on the way in and on the way out */
}

/* ------------------------------------------------------ time */

static double times[MAX_ROUNDS];

static int compare(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

static double now(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void measure(const struct question *q, int rounds)
{
        uint64_t before;
        double start = now();

        ask(q);
        /* About two seconds for each. */
        if (rounds == 0)
                rounds = (int)(2e6 / (now() - start + 1));
        rounds = rounds < 5 ? 5 : rounds > 5000 ? 5000 : rounds;
        before = allocations;
        for (int i = 0; i < rounds; i++) {
                start = now();
                ask(q);
                times[i] = now() - start;
        }
        before = (allocations - before) / (uint64_t)rounds;
        qsort(times, (size_t)rounds, sizeof(*times), compare);
        printf("%-26s %10.0f %10.0f %8llu %9ld\n", q->name, times[rounds / 2],
               times[rounds * 99 / 100], (unsigned long long)before,
               count_calls(q, 2) - count_calls(q, 1));
}

int main(int argc, char **argv)
{
        int rounds = argc > 1 ? atoi(argv[1]) : 0;

        printf("%-26s %10s %10s %8s %9s\n", "in one process", "median us", "99 % us", "allocs",
               "syscalls");
        for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
                measure(&questions[i], rounds);
        return 0;
}
