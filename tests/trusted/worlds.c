/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hostile worlds and kept promises. In each one a process listens on a port, the
 * library is asked about it and about a free one, and must say the truth or
 * "unknown" with a gap, leave nothing behind, and come back. Each world is a
 * process of its own.
 *
 *   worlds [NAME]...
 */
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worlds.h"

static struct live live;

/* ------------------------------------------------------ what is asked */

_Noreturn void wrong(const char *format, ...)
{
        va_list arguments;

        printf("     ");
        va_start(arguments, format);
        vprintf(format, arguments);
        va_end(arguments);
        printf("\n");
        fflush(stdout);
        _exit(1);
}

uint32_t ask_flags;

struct aiu_report *ask(uint16_t port, uint64_t deadline_usec)
{
        struct aiu_context *context = NULL;
        struct aiu_query *query = NULL;
        struct aiu_report *report = NULL;
        int r = aiu_context_new(&context);

        if (r >= 0)
                r = aiu_context_set_deadline_usec(context, deadline_usec);
        if (r >= 0)
                r = aiu_context_set_flags(context, ask_flags);
        if (r >= 0)
                r = aiu_query_new(context, &query);
        if (r >= 0)
                r = aiu_query_set_address_string(query, "127.0.0.1", port);
        errno = ENOTTY;
        if (r >= 0)
                r = aiu_query_run(query, &report);
        if (r < 0)
                wrong("the query failed: %s", strerror(-r));
        if (errno != ENOTTY)
                wrong("errno became %s", strerror(errno));
        aiu_query_unref(query);
        aiu_context_unref(context);
        return report;
}

void check_report(const struct aiu_report *report, enum aiu_verdict truth)
{
        enum aiu_verdict verdict = aiu_report_get_verdict(report);

        if (verdict == AIU_VERDICT_UNKNOWN && aiu_report_get_n_gaps(report) == 0)
                wrong("unknown, and no gap says why");
        if (verdict != truth && verdict != AIU_VERDICT_UNKNOWN)
                wrong("%s, and the truth is %s: %s", aiu_verdict_to_string(verdict), aiu_verdict_to_string(truth),
                      aiu_report_get_summary(report));
}

/* Both ports; true if the answer was known. */
bool check_both(uint64_t deadline_usec)
{
        unsigned int fds = live_count_fds();
        struct aiu_report *held = ask(HELD, deadline_usec), *free_one = ask(FREE, deadline_usec);
        bool known = aiu_report_get_verdict(held) == AIU_VERDICT_IN_USE &&
                     aiu_report_get_verdict(free_one) == AIU_VERDICT_AVAILABLE;

        check_report(held, AIU_VERDICT_IN_USE);
        check_report(free_one, AIU_VERDICT_AVAILABLE);
        aiu_report_unref(held);
        aiu_report_unref(free_one);
        if (live_count_fds() != fds)
                wrong("a descriptor is left");
        return known;
}

void must_know(uint64_t deadline_usec)
{
        if (!check_both(deadline_usec))
                wrong("unknown, where nothing stands in the way");
}

int listen_on(uint16_t port)
{
        struct live_address address = live_ip("127.0.0.1", port, 0);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        if (fd >= 0 && (bind(fd, &address.sa.any, address.len) < 0 || listen(fd, 1) < 0)) {
                close(fd);
                return -1;
        }
        return fd;
}

/* ------------------------------------------------------ all of them */

static const struct world {
        const char *name;
        void (*run)(void);
        bool needs_root;
} worlds[] = {
        { "netlink: answers are cut", netlink_cut, false },
        { "netlink: answers are truncated, and say so", netlink_truncated, false },
        { "netlink: messages in another order", netlink_reordered, false },
        { "netlink: errors instead of answers", netlink_refused, false },
        { "netlink: answers to another question", netlink_other_number, false },
        { "netlink: dumps are interrupted", netlink_interrupted, false },
        { "netlink: unknown and over-long attributes", netlink_other_attributes, false },
        { "netlink: another process sends", netlink_spoofed, false },
        { "netlink: empty answers", netlink_empty, false },
        { "netlink: the end never comes", netlink_endless, false },
        { "netlink: bits flip", netlink_noise, false },
        { "no descriptor left, one, two...", no_descriptors, false },
        { "chroot without /proc", no_proc, true },
        { "a fake /proc", fake_proc, true },
        { "no capability at all", no_capabilities, false },
        { "the holder is in another pid namespace", other_pid_namespace, true },
        { "/proc is of another pid namespace", proc_of_another_namespace, true },
        { "everything is read-only", read_only, true },
        { "sockets come and go", churn, false },
        { "holders die, pids are used again", dying_holders, false },
        { "the holder is stopped", stopped_holder, false },
        { "the port itself comes and goes", flapping, false },
        { "more sockets than a report keeps", crowd, false },
        { "/proc with hidepid=2", hidden_processes, true },
        { "seccomp: no netlink", filter_without_netlink, false },
        { "seccomp: no pidfd", filter_without_pidfd, false },
        { "seccomp: pidfd is forbidden", filter_that_forbids_pidfd, false },
        { "seccomp: what is not documented kills", filter_that_kills, false },
        { "seccomp: the same in one thread, whatever is asked", filter_of_a_thread, false },
        { "names: of processes", names, false },
        { "names: of AF_UNIX sockets", unix_names, false },
        { "names: of interfaces", device_names, false },
        { "names: of units", unit_names, true },
        { "names: paths of 4 KiB", long_paths, false },
        { "names: a command line of 2 MiB", long_command_line, false },
        { "eight threads at once", threads, false },
        { "a context on both sides of fork(2)", after_fork, false },
        { "memory stays flat", memory_is_flat, false },
        { "little stack", little_stack, false },
        { "nothing of the caller's changes", nothing_changes, false },
        { "signals interrupt every call", signals_rain, false },
};

static bool survives(const struct world *world)
{
        int status = 0;
        pid_t pid;

        fflush(stdout);
        pid = fork();
        if (pid == 0) {
                alarm(120);
                /* What it mounts is its own. */
                if (world->needs_root &&
                    (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0))
                        wrong("unshare: %s", strerror(errno));
                world->run();
                fflush(stdout);
                _exit(0);
        }
        if (pid < 0 || waitpid(pid, &status, 0) < 0)
                live_die("fork", errno);
        if (WIFSIGNALED(status))
                printf("     signal %d\n", WTERMSIG(status));
        return status == 0;
}

static bool is_chosen(const char *name, char **chosen)
{
        if (!*chosen)
                return true;
        for (; *chosen; chosen++)
                if (strstr(name, *chosen))
                        return true;
        return false;
}

static void hold(void)
{
        struct live_op ops[] = {
                { .code = OP_SOCKET, .who = WHO_ROOT, .slot = 1, .a = AF_INET, .b = SOCK_STREAM },
                { .code = OP_BIND, .who = WHO_ROOT, .slot = 1, .address = live_ip("127.0.0.1", HELD, 0) },
                { .code = OP_LISTEN, .who = WHO_ROOT, .slot = 1, .a = 4 },
        };
        struct live_result results[3];

        live_run(&live, ops, 3, results);
}

int main(int argc, char **argv)
{
        int survived = 0, lost = 0, skipped = 0;

        (void)argc;
        live_isolate(&live);
        if (!live_start(&live, geteuid()))
                return LIVE_SKIP;
        hold();
        for (size_t i = 0; i < sizeof(worlds) / sizeof(worlds[0]); i++) {
                const struct world *world = &worlds[i];
                bool good;

                if (!is_chosen(world->name, argv + 1))
                        continue;
                if (world->needs_root && !live.root) {
                        printf("skip %s: needs root\n", world->name);
                        skipped++;
                        continue;
                }
                good = survives(world);
                printf("%s %s\n", good ? "ok  " : "FAIL", world->name);
                survived += good;
                lost += !good;
        }
        live_stop(&live);
        printf("%d worlds survived, %d lost, %d skipped\n", survived, lost, skipped);
        return lost ? 1 : 0;
}
