/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Too little of everything. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worlds.h"

/* None, one, two... until there are enough. */
void no_descriptors(void)
{
        struct rlimit limit;
        struct aiu_report *report;
        size_t gaps;
        bool known;

        for (int fd = 3; fd < 64; fd++)
                close(fd);
        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                wrong("getrlimit: %s", strerror(errno));
        report = ask(HELD, 0);
        gaps = aiu_report_get_n_gaps(report);
        aiu_report_unref(report);
        for (rlim_t n = 3; n < 16; n++) {
                struct aiu_report *held, *free_one;

                limit.rlim_cur = n;
                if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
                        wrong("setrlimit: %s", strerror(errno));
                held = ask(HELD, 0);
                free_one = ask(FREE, 0);
                check_report(held, AIU_VERDICT_IN_USE);
                check_report(free_one, AIU_VERDICT_AVAILABLE);
                if (n == 3 && aiu_report_get_verdict(held) != AIU_VERDICT_UNKNOWN)
                        wrong("known without a descriptor");
                known = aiu_report_get_verdict(held) == AIU_VERDICT_IN_USE && aiu_report_get_n_gaps(held) <= gaps;
                if (known)
                        printf("     %d descriptors are enough\n", (int)n - 3);
                aiu_report_unref(held);
                aiu_report_unref(free_one);
                if (known)
                        return;
        }
        wrong("13 descriptors are not enough");
}

/* As a user who may not see root's processes; the holder is one of those. */
void hidden_processes(void)
{
        struct aiu_report *report;

        if (mount("proc", "/proc", "proc", 0, "hidepid=2") < 0)
                wrong("mount: %s", strerror(errno));
        if (setgid(LIVE_USER) < 0 || setuid(LIVE_USER) < 0)
                wrong("setuid: %s", strerror(errno));
        report = ask(HELD, 0);
        if (aiu_report_get_verdict(report) != AIU_VERDICT_IN_USE)
                wrong("%s", aiu_report_get_summary(report));
        if (aiu_holder_get_kind(aiu_conflict_get_holder(aiu_report_get_conflict(report, 0), 0)) != AIU_HOLDER_HIDDEN)
                wrong("the holder is not hidden");
        if (aiu_report_get_n_gaps(report) == 0)
                wrong("no gap says why");
        aiu_report_unref(report);
        must_know(0);
}

void no_proc(void)
{
        if (mount("none", "/mnt", "tmpfs", 0, NULL) < 0 || chroot("/mnt") < 0 || chdir("/") < 0)
                wrong("chroot: %s", strerror(errno));
        check_report(ask(HELD, 0), AIU_VERDICT_IN_USE);
        check_report(ask(FREE, 0), AIU_VERDICT_AVAILABLE);
}

static void write_all(const char *path, const char *text)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

        if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
                wrong("%s: %s", path, strerror(errno));
        close(fd);
}

/* A directory that looks like /proc and says that pid 1 holds it all. */
void fake_proc(void)
{
        struct aiu_report *report;

        if (mount("none", "/proc", "tmpfs", 0, NULL) < 0 || mkdir("/proc/1", 0755) < 0 ||
            mkdir("/proc/1/fd", 0755) < 0 || mkdir("/proc/self", 0755) < 0 || mkdir("/proc/net", 0755) < 0)
                wrong("mount: %s", strerror(errno));
        write_all("/proc/self/status", "Seccomp:\t0\nCapEff:\tffffffffffffffff\n");
        write_all("/proc/net/tcp", "  sl  local_address\n");
        report = ask(HELD, 0);
        check_report(report, AIU_VERDICT_IN_USE);
        for (size_t i = 0; i < aiu_report_get_n_conflicts(report); i++) {
                const struct aiu_conflict *conflict = aiu_report_get_conflict(report, i);

                for (size_t k = 0; k < aiu_conflict_get_n_holders(conflict); k++)
                        if (aiu_holder_get_pid(aiu_conflict_get_holder(conflict, k)) != 0)
                                wrong("a process is blamed");
        }
        check_report(ask(FREE, 0), AIU_VERDICT_AVAILABLE);
}

void no_capabilities(void)
{
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[2] = { { 0 } };

        if (syscall(SYS_capset, &header, data) < 0)
                wrong("capset: %s", strerror(errno));
        must_know(0);
}

/* The holder's pid does not exist in here. */
void other_pid_namespace(void)
{
        int status;
        pid_t pid;

        if (unshare(CLONE_NEWPID | CLONE_NEWNS) < 0)
                wrong("unshare: %s", strerror(errno));
        pid = fork();
        if (pid == 0) {
                struct aiu_report *report;

                if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
                    mount("proc", "/proc", "proc", 0, NULL) < 0)
                        wrong("mount: %s", strerror(errno));
                report = ask(HELD, 0);
                check_report(report, AIU_VERDICT_IN_USE);
                if (aiu_report_get_n_gaps(report) == 0)
                        wrong("no gap says that the holder is elsewhere");
                if (aiu_holder_get_kind(aiu_conflict_get_holder(aiu_report_get_conflict(report, 0), 0)) !=
                    AIU_HOLDER_HIDDEN)
                        wrong("the holder is not hidden");
                check_report(ask(FREE, 0), AIU_VERDICT_AVAILABLE);
                _exit(0);
        }
        if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
                _exit(1);
}

/* The caller is in a pid namespace of its own, /proc is still the one outside: its numbers are others' in here. */
void proc_of_another_namespace(void)
{
        int status;
        pid_t pid;

        if (unshare(CLONE_NEWPID) < 0)
                wrong("unshare: %s", strerror(errno));
        pid = fork();
        if (pid == 0) {
                struct aiu_report *report = ask(HELD, 0);
                bool told = false;

                if (aiu_report_get_verdict(report) != AIU_VERDICT_IN_USE)
                        wrong("%s", aiu_report_get_summary(report));
                for (size_t i = 0; i < aiu_report_get_n_actions(report); i++) {
                        const struct aiu_action *action = aiu_report_get_action(report, i);

                        if (aiu_action_get_n_processes(action) > 0 || aiu_action_get_argv(action))
                                wrong("a command or a number: %s", aiu_action_get_text(action));
                        if (aiu_action_is_sufficient(action) == AIU_TRISTATE_YES &&
                            aiu_action_get_flags(action) & AIU_ACTION_DISRUPTIVE)
                                wrong("sufficient: %s", aiu_action_get_text(action));
                }
                for (size_t i = 0; i < aiu_report_get_n_gaps(report); i++)
                        told |= aiu_gap_get_kind(aiu_report_get_gap(report, i)) == AIU_GAP_NAMESPACE;
                if (!told)
                        wrong("no gap says whose numbers these are");
                aiu_report_unref(report);
                _exit(0);
        }
        if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
                _exit(1);
}

void read_only(void)
{
        if (mount("none", "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
                wrong("remount: %s", strerror(errno));
        must_know(0);
}
