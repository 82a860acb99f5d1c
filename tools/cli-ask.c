/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command's questions. Where facts are missing that libaddrinuse-bpf can read, it is loaded. Where the version of the kernel is all that keeps an answer from being known, the kernel
 * is tried out: a child goes into a user and a network namespace of its own, and comes back with what it saw. That is
 * done when an answer depends on it, once, and never on a kernel whose version is beyond doubt.
 */
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

#define MPTCP 262           /* IPPROTO_MPTCP, which older headers lack */
#define SELF_TEST_SECONDS 3 /* some milliseconds are usual */

void cli_begin_progress(struct progress *progress)
{
        clock_gettime(CLOCK_MONOTONIC, &progress->started);
}

void cli_erase_progress(struct progress *progress)
{
        if (progress->shown)
                fputs("\r\033[K", stderr);
        progress->shown = false;
}

static bool is_ip(const struct request *request)
{
        return request->address.ss_family == AF_INET || request->address.ss_family == AF_INET6;
}

/* Nearly every TCP server sets SO_REUSEADDR. */
static bool is_tcp(const struct request *request)
{
        return is_ip(request) && request->type == SOCK_STREAM &&
               (request->protocol == IPPROTO_TCP || request->protocol == MPTCP || request->protocol == 0);
}

static int set_up_query(const struct cli *cli, const struct request *request, struct aiu_query *query)
{
        int r = 0;

        if (cli->netns >= 0)
                r = aiu_query_set_netns(query, cli->netns);
        if (r >= 0)
                r = aiu_query_set_socket(query, request->type, request->protocol);
        if (r >= 0)
                r = aiu_query_set_address_text(query, request->text);
        if (r >= 0 && cli->v6only_set)
                r = aiu_query_set_v6only(query, cli->v6only);
        if (r >= 0)
                r = aiu_query_set_reuseaddr(query, cli->reuseaddr_set ? cli->reuseaddr : is_tcp(request));
        if (r >= 0)
                r = aiu_query_set_reuseport(query, cli->reuseport);
        if (r >= 0)
                r = aiu_query_set_freebind(query, cli->freebind);
        if (r >= 0 && cli->uid_set)
                r = aiu_query_set_uid(query, cli->uid);
        if (r >= 0 && cli->no_listen)
                r = aiu_query_set_listen(query, 0);
        if (r >= 0 && cli->device) {
                r = aiu_query_set_device(query, cli->device);
                if (r == -ENODEV)
                        cli_error("%s: no such interface", cli_safe(cli->device));
        }
        return r;
}

int cli_new_query(const struct cli *cli, const struct request *request, struct aiu_query **ret_query)
{
        struct aiu_query *query = NULL;
        int r;

        r = aiu_query_new(cli->context, &query);
        if (r >= 0)
                r = set_up_query(cli, request, query);
        if (r >= 0)
                *ret_query = query;
        else
                aiu_query_unref(query);
        return r;
}

static int ask_once(const struct cli *cli, const struct request *request, struct aiu_report **ret_report)
{
        struct aiu_query *query = NULL;
        int r;

        cli_begin_progress(cli->progress);
        r = cli_new_query(cli, request, &query);
        if (r >= 0)
                r = aiu_query_run(query, ret_report);
        aiu_query_unref(query);
        cli_erase_progress(cli->progress);
        return r;
}

/* ------------------------------------------------------ the self-test */

static bool hangs_on_kernel(const struct aiu_report *report)
{
        bool kernel = false;

        for (size_t i = 0; i < aiu_report_get_n_gaps(report); i++) {
                const struct aiu_gap *gap = aiu_report_get_gap(report, i);

                /* The judgement's own, not a backend's. */
                kernel = kernel || (aiu_gap_get_kind(gap) == AIU_GAP_KERNEL_TOO_OLD && !aiu_gap_get_backend(gap));
        }
        return kernel && aiu_report_get_verdict(report) == AIU_VERDICT_UNKNOWN;
}

/* In the child: nothing is left of it but what it writes. */
static void try_out(int to)
{
        uint32_t behaves = 0;

        (void)alarm(SELF_TEST_SECONDS);
        /* Root may lack a user namespace, and needs none. */
        if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0 && unshare(CLONE_NEWNET) < 0)
                _exit(1);
        if (aiu_self_test(&behaves) < 0 || write(to, &behaves, sizeof(behaves)) != sizeof(behaves))
                _exit(1);
        _exit(0);
}

static uint32_t self_test(void)
{
        uint32_t behaves = 0;
        int ends[2];
        pid_t child;

        if (pipe(ends) < 0)
                return 0;
        child = fork();
        if (child == 0)
                try_out(ends[1]);
        (void)close(ends[1]);
        if (child > 0) {
                if (read(ends[0], &behaves, sizeof(behaves)) != sizeof(behaves))
                        behaves = 0;
                while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
                        ;
        }
        (void)close(ends[0]);
        return behaves;
}

bool cli_try_kernel(const struct cli *cli, const struct aiu_report *report)
{
        static bool tried;
        uint32_t behaves;

        if (cli->no_self_test || tried || !hangs_on_kernel(report))
                return false;
        tried = true;
        behaves = self_test();
        return behaves != 0 && aiu_context_set_kernel(cli->context, behaves) >= 0;
}

/* What no system call shows may be all that is missing. */
static int ask_first(const struct cli *cli, const struct request *request, struct aiu_report **ret_report)
{
        int r;

        if (cli_search_is_long(cli))
                (void)cli_use_bpf(cli, request);
        r = ask_once(cli, request, ret_report);
        if (r < 0 || aiu_report_get_verdict(*ret_report) != AIU_VERDICT_UNKNOWN || !cli_use_bpf(cli, request))
                return r;
        aiu_report_unref(*ret_report);
        return ask_once(cli, request, ret_report);
}

int cli_ask(const struct cli *cli, const struct request *request, struct aiu_report **ret_report)
{
        int r = ask_first(cli, request, ret_report);

        if (r < 0 || !cli_try_kernel(cli, *ret_report))
                return r;
        aiu_report_unref(*ret_report);
        return ask_once(cli, request, ret_report);
}
