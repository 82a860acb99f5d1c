/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every cause by name, with real sockets and a real errno.
 *
 *   test-named [--uid=0|1000] [--only=NAME] [--long]
 *
 * Each case runs in namespaces of its own, so that holders can be killed and
 * sysctls changed. --long waits for the end of a TIME_WAIT as well.
 */
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <addrinuse.h>

#include "named.h"
#include "scenario.h"

#define IN_USE AIU_VERDICT_IN_USE, EADDRINUSE
#define FREE AIU_VERDICT_AVAILABLE, 0
#define RA AIU_OPTION_REUSEADDR
#define RP AIU_OPTION_REUSEPORT
#define LISTENING REASON(AIU_REASON_LISTENING)
#define QUERY_NO REASON(AIU_REASON_QUERY_NO_REUSE)
#define HOLDER_NO REASON(AIU_REASON_HOLDER_NO_REUSE)
#define PATH REASON(AIU_REASON_PATH_EXISTS)
#define SOME_PATH "/run/live.sock"

/* name, scene, seal, asked: address, type, options, device, flags, expected: verdict and error,
 * overlap, state, reasons, kind of the holders, first action */
const struct cause causes[] = {
        { "free port", hold_nothing, NULL, "127.0.0.1", SOCK_STREAM, 0, 0, 0, FREE, 0, 0, 0, 0, AIU_ACTION_NONE },
        { "live listener", hold_listener, NULL, "127.0.0.1", SOCK_STREAM, RA, 0, 0, IN_USE, AIU_OVERLAP_EXACT,
          AIU_STATE_LISTEN, LISTENING, AIU_HOLDER_PROCESS, AIU_ACTION_TERMINATE },
        { "live listener of root", hold_root_listener, NULL, "127.0.0.1", SOCK_STREAM, RA, 0, 0, IN_USE,
          AIU_OVERLAP_EXACT, AIU_STATE_LISTEN, LISTENING, AIU_HOLDER_PROCESS, AIU_ACTION_TERMINATE },
        /* the SO_REUSEADDR that a TIME_WAIT has from its listener cannot be read */
        { "TIME_WAIT", hold_time_wait, NULL, "127.0.0.1", SOCK_STREAM, RA, 0, MAY_DOUBT, IN_USE, AIU_OVERLAP_EXACT,
          AIU_STATE_TIME_WAIT, HOLDER_NO, AIU_HOLDER_KERNEL, AIU_ACTION_WAIT },
        { "TIME_WAIT, plain binder", hold_time_wait_shared, NULL, "127.0.0.1", SOCK_STREAM, 0, 0, 0, IN_USE,
          AIU_OVERLAP_EXACT, AIU_STATE_TIME_WAIT, QUERY_NO, AIU_HOLDER_KERNEL, AIU_ACTION_WAIT },
        { "CLOSE_WAIT", hold_close_wait, NULL, "127.0.0.1", SOCK_STREAM, RA, 0, 0, IN_USE, AIU_OVERLAP_EXACT,
          AIU_STATE_CLOSE_WAIT, HOLDER_NO, AIU_HOLDER_PROCESS, 0 },
        { "bound, not listening", hold_bound, NULL, "127.0.0.1", SOCK_STREAM, 0, 0, 0, IN_USE, AIU_OVERLAP_EXACT,
          AIU_STATE_BOUND, QUERY_NO, AIU_HOLDER_PROCESS, AIU_ACTION_TERMINATE },
        { "bound, binder wants to share", hold_bound, NULL, "127.0.0.1", SOCK_STREAM, RA, 0, 0, IN_USE,
          AIU_OVERLAP_EXACT, AIU_STATE_BOUND, HOLDER_NO, AIU_HOLDER_PROCESS, AIU_ACTION_TERMINATE },
        { "bound, would share", hold_bound_shared, NULL, "127.0.0.1", SOCK_STREAM, 0, 0, 0, IN_USE, AIU_OVERLAP_EXACT,
          AIU_STATE_BOUND, QUERY_NO, AIU_HOLDER_PROCESS, 0 },
        { "inherited by a child", hold_inherited, NULL, "127.0.0.1", SOCK_STREAM, 0, 0, 0, IN_USE, AIU_OVERLAP_EXACT,
          AIU_STATE_LISTEN, LISTENING, AIU_HOLDER_PROCESS, AIU_ACTION_TERMINATE },
        { "orphan in FIN_WAIT2", hold_orphan, NULL, "127.0.0.1", SOCK_STREAM, 0, 0, 0, IN_USE, AIU_OVERLAP_EXACT,
          AIU_STATE_FIN_WAIT2, QUERY_NO, AIU_HOLDER_KERNEL, 0 },
        { "minisock in FIN_WAIT2", hold_minisock, NULL, "127.0.0.1", SOCK_STREAM, 0, 0, 0, IN_USE, AIU_OVERLAP_EXACT,
          AIU_STATE_FIN_WAIT2, QUERY_NO, AIU_HOLDER_KERNEL, AIU_ACTION_WAIT },
        { "holder on the wildcard", hold_listener_any, NULL, "127.0.0.1", SOCK_STREAM, 0, 0, 0, IN_USE,
          AIU_OVERLAP_HOLDER_WILDCARD, AIU_STATE_LISTEN, LISTENING, AIU_HOLDER_PROCESS, AIU_ACTION_TERMINATE },
        { "binder on the wildcard", hold_plain_listener, NULL, "0.0.0.0", SOCK_STREAM, 0, 0, 0, IN_USE,
          AIU_OVERLAP_QUERY_WILDCARD, AIU_STATE_LISTEN, LISTENING, AIU_HOLDER_PROCESS, AIU_ACTION_TERMINATE },
        { "dual-stack holder", hold_dual_listener, NULL, "127.0.0.1", SOCK_STREAM, 0, 0, 0, IN_USE,
          AIU_OVERLAP_DUAL_STACK, AIU_STATE_LISTEN, LISTENING, AIU_HOLDER_PROCESS, AIU_ACTION_TERMINATE },
        { "dual-stack binder", hold_listener_any, NULL, "::", SOCK_STREAM, 0, 0, 0, IN_USE, AIU_OVERLAP_DUAL_STACK,
          AIU_STATE_LISTEN, LISTENING, AIU_HOLDER_PROCESS, 0 },
        { "v4-mapped holder", hold_mapped_listener, NULL, "127.0.0.1", SOCK_STREAM, 0, 0, 0, IN_USE,
          AIU_OVERLAP_V4_MAPPED, AIU_STATE_LISTEN, LISTENING, AIU_HOLDER_PROCESS, AIU_ACTION_TERMINATE },
        { "v4-mapped binder", hold_plain_listener, NULL, "::ffff:127.0.0.1", SOCK_STREAM, 0, 0, 0, IN_USE,
          AIU_OVERLAP_V4_MAPPED, AIU_STATE_LISTEN, LISTENING, AIU_HOLDER_PROCESS, AIU_ACTION_TERMINATE },
        { "ephemeral client", hold_client, NULL, "127.0.0.1", SOCK_STREAM, RA, 0, 0, IN_USE, AIU_OVERLAP_EXACT,
          AIU_STATE_ESTABLISHED, HOLDER_NO, AIU_HOLDER_PROCESS, 0 },
        /* who may not read the other's SO_REUSEPORT can only say that it listens */
        { "SO_REUSEPORT, another user", hold_other_listener, NULL, "127.0.0.1", SOCK_STREAM, RP, 0,
          NEEDS_ROOT | MAY_DOUBT, IN_USE, AIU_OVERLAP_EXACT, AIU_STATE_LISTEN,
          REASON(AIU_REASON_REUSEPORT_UID) | LISTENING, AIU_HOLDER_PROCESS, 0 },
        { "another device", hold_device_listener, NULL, "0.0.0.0", SOCK_STREAM, 0, 'l', NEEDS_DEVICES, FREE, 0, 0, 0, 0,
          AIU_ACTION_NONE },
        { "a device against none", hold_device_listener, NULL, "0.0.0.0", SOCK_STREAM, 0, 0, NEEDS_DEVICES, IN_USE,
          AIU_OVERLAP_EXACT, AIU_STATE_LISTEN, LISTENING, AIU_HOLDER_PROCESS, 0 },
        { "address not local", hold_nothing, NULL, "10.77.7.7", SOCK_STREAM, 0, 0, 0, AIU_VERDICT_NOT_LOCAL,
          EADDRNOTAVAIL, 0, 0, 0, 0, AIU_ACTION_OTHER_ADDRESS },
        { "IPv6 address not local", hold_nothing, NULL, "fd00:77::7", SOCK_STREAM, 0, 0, 0, AIU_VERDICT_NOT_LOCAL,
          EADDRNOTAVAIL, 0, 0, 0, 0, AIU_ACTION_OTHER_ADDRESS },
        { "privileged port", hold_nothing, NULL, "127.0.0.1", SOCK_STREAM, 0, 0, NEEDS_USER | LOW_PORT,
          AIU_VERDICT_NOT_PERMITTED, EACCES, 0, 0, 0, 0, AIU_ACTION_GRANT_PRIVILEGE },
        { "held by the caller", hold_own, NULL, "127.0.0.1", SOCK_STREAM, 0, 0, 0, IN_USE, AIU_OVERLAP_EXACT,
          AIU_STATE_LISTEN, LISTENING, AIU_HOLDER_SELF, AIU_ACTION_FIX_CALLER },
        { "second listen()", hold_second_listen, NULL, "127.0.0.1", SOCK_STREAM, RA, 0, ASKS_LISTEN, IN_USE,
          AIU_OVERLAP_EXACT, AIU_STATE_LISTEN, LISTENING, AIU_HOLDER_PROCESS, AIU_ACTION_TERMINATE },
        { "UDP", hold_bound, NULL, "127.0.0.1", SOCK_DGRAM, 0, 0, 0, IN_USE, AIU_OVERLAP_EXACT, AIU_STATE_BOUND,
          QUERY_NO, AIU_HOLDER_PROCESS, AIU_ACTION_TERMINATE },
        { "UDP, would share", hold_bound_shared, NULL, "0.0.0.0", SOCK_DGRAM, 0, 0, 0, IN_USE,
          AIU_OVERLAP_QUERY_WILDCARD, AIU_STATE_BOUND, QUERY_NO, AIU_HOLDER_PROCESS, 0 },
        { "holder ignores SIGTERM", hold_deaf, NULL, "127.0.0.1", SOCK_STREAM, 0, 0, 0, IN_USE, AIU_OVERLAP_EXACT,
          AIU_STATE_LISTEN, LISTENING, AIU_HOLDER_PROCESS, AIU_ACTION_KILL },
        { "holder is stopped", hold_plain_listener, stop_holder, "127.0.0.1", SOCK_STREAM, 0, 0, NEEDS_PIDS, IN_USE,
          AIU_OVERLAP_EXACT, AIU_STATE_LISTEN, LISTENING, AIU_HOLDER_PROCESS, AIU_ACTION_KILL },
        { "path of a live socket", hold_unix_listener, NULL, SOME_PATH, SOCK_STREAM, 0, 0, NEEDS_RUN, IN_USE,
          AIU_OVERLAP_UNIX_PATH, AIU_STATE_LISTEN, PATH, AIU_HOLDER_PROCESS, 0 },
        { "path of a stale socket", hold_unix_stale, NULL, SOME_PATH, SOCK_STREAM, 0, 0, NEEDS_RUN, IN_USE,
          AIU_OVERLAP_UNIX_PATH, AIU_STATE_STALE_FILE, PATH, 0, AIU_ACTION_REMOVE_FILE },
        { "path of a regular file", hold_unix_file, NULL, SOME_PATH, SOCK_STREAM, 0, 0, NEEDS_RUN, IN_USE,
          AIU_OVERLAP_UNIX_PATH, AIU_STATE_UNKNOWN, PATH, 0, 0 },
        { "abstract name", hold_unix_listener, NULL, "@live", SOCK_STREAM, 0, 0, 0, IN_USE, AIU_OVERLAP_UNIX_PATH,
          AIU_STATE_LISTEN, PATH, AIU_HOLDER_PROCESS, AIU_ACTION_TERMINATE },
};
const size_t n_causes = sizeof(causes) / sizeof(causes[0]);

static uid_t asker;
static bool long_waits;
static const char *only;

/* Why the case cannot be run here, or NULL. */
static const char *missing(const struct live *live, unsigned int flags)
{
        if (flags & NEEDS_ROOT && !live->root)
                return "needs several users";
        if (flags & NEEDS_USER && asker == 0)
                return "root may do that";
        if (flags & NEEDS_DEVICES && !live->devices)
                return "no other device could be made";
        if (flags & NEEDS_RUN && !live->run)
                return "no /run of its own";
        if (flags & NEEDS_PIDS && !live->own_pids)
                return "no pid namespace";
        return NULL;
}

static int conclude(const struct ground *g)
{
        if (g->unbuilt) {
                printf("FAIL %s: the scene could not be made: %s\n", g->cause->name, g->unbuilt);
                return 1;
        }
        if (g->n_failures == 0)
                printf("ok   %s\n", g->cause->name);
        return g->n_failures ? 1 : 0;
}

static int run_case(const struct cause *cause)
{
        struct live live;
        struct ground g = { .live = &live,
                            .cause = cause,
                            .own = -1,
                            .who = WHO_SELF,
                            .long_waits = long_waits,
                            .port = cause->flags & LOW_PORT ? 600 : 20000 };
        const char *why;
        int status;

        live_isolate(&live);
        /* A manager that the host runs us under is none of the holders' in here. */
        (void)unshare(CLONE_NEWCGROUP);
        why = missing(&live, cause->flags);
        if (why) {
                printf("skip %s: %s\n", cause->name, why);
                return LIVE_SKIP;
        }
        g.executor = start_executor();
        if (!live_start(&live, asker))
                return LIVE_SKIP;
        scenario_start_counterparts(&live);
        check_cause(&g);
        status = conclude(&g);
        ask_finish();
        return status;
}

static int run_apart(const struct cause *cause)
{
        pid_t pid;
        int status;

        fflush(stdout);
        pid = fork();
        if (pid < 0)
                live_die("fork", errno);
        if (pid == 0)
                exit(run_case(cause));
        if (waitpid(pid, &status, 0) != pid)
                live_die("waitpid", errno);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static bool parse(int argc, char **argv)
{
        static const struct option options[] = { { "uid", required_argument, NULL, 'u' },
                                                 { "only", required_argument, NULL, 'o' },
                                                 { "long", no_argument, NULL, 'l' },
                                                 { NULL, 0, NULL, 0 } };
        int option;

        while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
                if (option == 'u')
                        asker = (uid_t)strtoul(optarg, NULL, 10);
                else if (option == 'o')
                        only = optarg;
                else if (option == 'l')
                        long_waits = true;
                else
                        return false;
        }
        return asker == 0 || asker == LIVE_USER;
}

int main(int argc, char **argv)
{
        unsigned int passed = 0, failed = 0, skipped = 0;

        if (!parse(argc, argv)) {
                fprintf(stderr, "test-named [--uid=0|1000] [--only=NAME] [--long]\n");
                return 2;
        }
        for (size_t i = 0; i < n_causes; i++) {
                int status;

                if (only && strcmp(only, causes[i].name) != 0)
                        continue;
                status = run_apart(&causes[i]);
                passed += status == 0;
                skipped += status == LIVE_SKIP;
                failed += status != 0 && status != LIVE_SKIP;
        }
        printf("asked as uid %u: %u passed, %u failed, %u skipped\n", asker, passed, failed, skipped);
        if (failed)
                return 1;
        return passed ? 0 : LIVE_SKIP;
}
