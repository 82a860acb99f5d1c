/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Times commands as whole processes, in turn, round by round, so that ratios hold
 * when the machine's speed drifts. Prints for each: median wall time and CPU time in
 * microseconds, the largest resident set in KiB.
 *
 *   measure ROUNDS -- COMMAND [ARG]... -- COMMAND [ARG]... 
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_COMMANDS 16
#define MAX_ROUNDS 1000

struct row {
        char **argv;
        double wall[MAX_ROUNDS], cpu[MAX_ROUNDS];
        long rss;
};
static struct row rows[MAX_COMMANDS];

static double now(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double micros(struct timeval t)
{
        return (double)t.tv_sec * 1e6 + (double)t.tv_usec;
}

static void run(struct row *row, int round)
{
        struct rusage usage;
        double start = now();
        pid_t pid = fork();

        if (pid == 0) {
                int null = open("/dev/null", O_RDWR);

                dup2(null, 1);
                dup2(null, 2);
                execvp(row->argv[0], row->argv);
                _exit(127);
        }
        if (pid < 0 || wait4(pid, NULL, 0, &usage) < 0) {
                perror("measure");
                exit(2);
        }
        if (round < 0)
                return;
        row->wall[round] = now() - start;
        row->cpu[round] = micros(usage.ru_utime) + micros(usage.ru_stime);
        if (usage.ru_maxrss > row->rss)
                row->rss = usage.ru_maxrss;
}

static int compare(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

static double median(double *values, int n)
{
        qsort(values, (size_t)n, sizeof(*values), compare);
        return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

int main(int argc, char **argv)
{
        int rounds = argc > 1 ? atoi(argv[1]) : 0, n = 0;

        for (int i = 2; i < argc && n < MAX_COMMANDS; i++) {
                if (strcmp(argv[i], "--") != 0)
                        continue;
                argv[i] = NULL;
                rows[n++].argv = argv + i + 1;
        }
        if (rounds < 1 || rounds > MAX_ROUNDS || n == 0) {
                fprintf(stderr, "measure ROUNDS -- COMMAND [ARG]... [-- COMMAND [ARG]...]...\n");
                return 2;
        }
        for (int round = -1; round < rounds; round++) /* the first warms the caches */
                for (int i = 0; i < n; i++)
                        run(&rows[i], round);
        for (int i = 0; i < n; i++)
                printf("%.1f %.1f %ld\n", median(rows[i].wall, rounds), median(rows[i].cpu, rounds), rows[i].rss);
        return 0;
}
