/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * --wait: until the bind() would succeed, by aiu_wait_new(). On a terminal a line says what is in the way, and for how
 * long so far. It is erased at the end.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

#define SECOND_USEC UINT64_C(1000000)
/* The processes of --apply are looked at so often. */
#define GLANCE_USEC UINT64_C(200000)
/* Once they have ended, the kernel needs no longer than this. */
#define AFTER_END_USEC UINT64_C(2000000)

uint64_t cli_now_usec(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * SECOND_USEC + (uint64_t)now.tv_nsec / 1000;
}

uint64_t cli_until_usec(uint64_t usec)
{
        uint64_t now = cli_now_usec();

        return usec < UINT64_MAX - now ? now + usec : UINT64_MAX;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
        return a < b ? a : b;
}

/* ------------------------------------------------------ the line on the terminal */

static size_t columns(void)
{
        struct winsize size = { 0 };

        return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1 : 79;
}

/* One line and no more: a longer one could not be erased. */
static void show(struct patience *patience, const struct aiu_report *report)
{
        char line[512];

        (void)snprintf(line, sizeof(line), "waiting %lu s: %s",
                       (unsigned long)((cli_now_usec() - patience->began_usec) / SECOND_USEC),
                       aiu_report_get_summary(report));
        fprintf(stderr, "\r%.*s\033[K", (int)sooner(columns(), sizeof(line)), line);
        patience->shown = true;
}

static void erase(struct patience *patience)
{
        if (patience->shown)
                fputs("\r\033[K", stderr);
        patience->shown = false;
}

/* ------------------------------------------------------ one address */

static bool all_ended(const struct pinned *pinned)
{
        for (size_t i = 0; i < pinned->n_processes; i++)
                if (!cli_has_ended(&pinned->processes[i], 0))
                        return false;
        return true;
}

/* Where there is no process to see the end of, this starts at once. */
static void hurry(struct patience *patience)
{
        if (!patience->pinned || patience->ended || !all_ended(patience->pinned))
                return;
        patience->ended = true;
        patience->until_usec = sooner(patience->until_usec, cli_until_usec(AFTER_END_USEC));
}

static void sleep_on(const struct aiu_wait *wait, const struct patience *patience)
{
        struct pollfd pollfd = { .fd = aiu_wait_get_fd(wait), .events = POLLIN };
        uint64_t now = cli_now_usec(), until = patience->until_usec, next = 0;

        (void)aiu_wait_get_timeout_usec(wait, &next);
        until = sooner(until, next);
        if (patience->shown)
                until = sooner(until, now + SECOND_USEC - (now - patience->began_usec) % SECOND_USEC);
        if (patience->pinned)
                until = sooner(until, now + GLANCE_USEC);
        until = until > now ? (until - now + 999) / 1000 : 0;
        (void)poll(&pollfd, 1, (int)sooner(until, INT_MAX));
}

/* For a start script, "cannot tell" is an answer. The looks on the way are cheap ones: ask in earnest. */
static int settle_unknown(const struct cli *cli, const struct request *request, struct aiu_report **ret_report)
{
        struct aiu_report *report = NULL;
        int r = cli_ask(cli, request, &report);

        if (r < 0)
                return r;
        if (aiu_report_get_verdict(report) == AIU_VERDICT_UNKNOWN) {
                *ret_report = report;
                return 1;
        }
        aiu_report_unref(report);
        return 0;
}

/* 1 and a report: that is the answer. 0: the time is up. */
static int sleep_until_free(const struct cli *cli, const struct request *request, struct patience *patience,
                            struct aiu_wait *wait, struct aiu_report **ret_report)
{
        for (;;) {
                struct aiu_report *report;
                int r;

                cli_begin_progress(cli->progress);
                r = aiu_wait_process(wait);
                report = aiu_wait_get_report(wait);

                if (r == 1 || r == -EDEADLK) {
                        *ret_report = report;
                        return 1;
                }
                if (r == 0 && cli->check && aiu_report_get_verdict(report) == AIU_VERDICT_UNKNOWN)
                        r = settle_unknown(cli, request, ret_report);
                hurry(patience);
                if (r == 0 && cli_now_usec() < patience->until_usec && patience->on_terminal)
                        show(patience, report);
                aiu_report_unref(report);
                if (r != 0 || cli_now_usec() >= patience->until_usec)
                        return r;
                if (patience->on_wait && !patience->slept)
                        patience->on_wait();
                patience->slept = true;
                sleep_on(wait, patience);
        }
}

static int new_wait(const struct cli *cli, const struct request *request, struct aiu_wait **ret_wait)
{
        struct aiu_query *query = NULL;
        int r;

        cli_begin_progress(cli->progress);
        r = cli_new_query(cli, request, &query);
        if (r >= 0)
                r = aiu_wait_new(query, ret_wait);
        aiu_query_unref(query);
        return r;
}

/* An unknown answer would not end the wait: try first what may tell more. */
static bool learn(const struct cli *cli, const struct request *request, const struct aiu_report *report)
{
        return (aiu_report_get_verdict(report) == AIU_VERDICT_UNKNOWN && cli_use_bpf(cli, request)) ||
               cli_try_kernel(cli, report);
}

static int begin(const struct cli *cli, const struct request *request, struct aiu_wait **ret_wait)
{
        for (;;) {
                struct aiu_report *report;
                bool learnt;
                int r = new_wait(cli, request, ret_wait);

                if (r < 0)
                        return r;
                report = aiu_wait_get_report(*ret_wait);
                learnt = learn(cli, request, report);
                aiu_report_unref(report);
                if (!learnt)
                        return 0;
                *ret_wait = aiu_wait_unref(*ret_wait);
        }
}

int cli_wait(const struct cli *cli, const struct request *request, struct patience *patience,
             struct aiu_report **ret_report)
{
        struct aiu_wait *wait = NULL;
        int r;

        patience->began_usec = cli_now_usec();
        r = begin(cli, request, &wait);
        if (r >= 0)
                r = sleep_until_free(cli, request, patience, wait, ret_report);
        aiu_wait_unref(wait);
        cli_erase_progress(cli->progress);
        erase(patience);
        return r == 0 ? cli_ask(cli, request, ret_report) : r;
}

/* ------------------------------------------------------ all of them */

/* One pass: each in turn. True: all are free. */
static int wait_for_each(const struct cli *cli, const struct requests *list, struct patience *patience,
                         struct aiu_report **reports, bool *ret_all)
{
        *ret_all = true;
        for (size_t i = 0; i < list->n; i++) {
                int r;

                aiu_report_unref(reports[i]);
                reports[i] = NULL;
                r = cli_wait(cli, &list->items[i], patience, &reports[i]);
                if (r < 0)
                        return r;
                if (aiu_report_get_verdict(reports[i]) == AIU_VERDICT_AVAILABLE)
                        continue;
                /* Without this one the others are of no use: they are asked about, and not waited for. */
                patience->until_usec = 0;
                *ret_all = false;
        }
        return 0;
}

int cli_wait_for_all(const struct cli *cli, const struct requests *list, struct aiu_report **reports)
{
        struct patience patience = { .until_usec = cli_until_usec(cli->wait_usec) };
        bool all;
        int r = 0;

        patience.on_terminal = isatty(STDERR_FILENO) && !cli->quiet;
        /* While the last one was waited for, the first may have been taken. */
        do {
                patience.slept = false;
                r = wait_for_each(cli, list, &patience, reports, &all);
        } while (r >= 0 && all && patience.slept && list->n > 1);
        return r;
}
