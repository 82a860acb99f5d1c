/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Too little of everything, and names that a terminal would obey. */
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

/* ------------------------------------------------------ poor worlds */

void no_descriptors(void)
{
        struct rlimit limit = { 3, 3 };

        for (int fd = 3; fd < 64; fd++)
                close(fd);
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
                wrong("setrlimit: %s", strerror(errno));
        check_report(ask(HELD, 0), AIU_VERDICT_IN_USE);
        check_report(ask(FREE, 0), AIU_VERDICT_AVAILABLE);
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
            mkdir("/proc/1/fd", 0755) < 0 || mkdir("/proc/self", 0755) < 0 ||
            mkdir("/proc/net", 0755) < 0)
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
                if (aiu_holder_get_kind(aiu_conflict_get_holder(aiu_report_get_conflict(report, 0),
                                                                0)) != AIU_HOLDER_HIDDEN)
                        wrong("the holder is not hidden");
                check_report(ask(FREE, 0), AIU_VERDICT_AVAILABLE);
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

/* ------------------------------------------------------ names */

static void check_printable(const char *what, const char *text)
{
        for (const char *p = text; *p; p++)
                if (*p != '\n' && (*p < 0x20 || *p > 0x7e))
                        wrong("%s has byte %02x", what, (unsigned char)*p);
}

static void check_rendered(uint16_t port)
{
        struct aiu_report *report = ask(port, 0);
        char *text = NULL, *json = NULL;

        if (aiu_report_to_text(report, AIU_RENDER_VERBOSE | AIU_RENDER_CMDLINE, &text) < 0 ||
            aiu_report_to_json(report, AIU_RENDER_CMDLINE, &json) < 0)
                wrong("not rendered");
        check_printable("the text", text);
        check_printable("the JSON", json);
        check_printable("the summary", aiu_report_get_summary(report));
        if (strchr(aiu_report_get_summary(report), '\n'))
                wrong("the summary has a newline");
        for (size_t i = 0; i < aiu_report_get_n_actions(report); i++)
                check_printable("an action", aiu_action_get_text(aiu_report_get_action(report, i)));
        for (size_t i = 0; i < aiu_report_get_n_gaps(report); i++)
                check_printable("a gap", aiu_gap_get_text(aiu_report_get_gap(report, i)));
        free(text);
        free(json);
        aiu_report_unref(report);
}

/* What a terminal would obey, in a name that /proc shows as it is. */
void names(void)
{
        static const char *const evil[] = {
                "\033[2J\033]0;x\a",
                "a) R 1 (b",
                "new\nline",
                "\xc2\x9b"
                "31m",
                "\xe2\x80\xae"
                "gpj",
                "\xff\xfe",
                "\r\b\v",
                "%s%n",
        };
        int fd = listen_on(7006);

        for (size_t i = 0; i < sizeof(evil) / sizeof(evil[0]); i++) {
                prctl(PR_SET_NAME, evil[i]);
                check_rendered(7006);
        }
        close(fd);
}

/* A command line of 2 MiB: it is read in bounds, and not to the end. */
void long_command_line(void)
{
        int ready[2], status = 0;
        char byte, *huge = malloc(2u << 20);
        pid_t pid;

        if (!huge || pipe(ready) < 0)
                wrong("pipe");
        memset(huge, '\033', (2u << 20) - 1);
        huge[(2u << 20) - 1] = '\0';
        pid = fork();
        if (pid == 0) {
                char *argv[20] = { (char *)"sh", (char *)"-c", (char *)"echo; sleep 60" };
                int fd = listen_on(7007);

                /* MAX_ARG_STRLEN is 128 KiB: many of them. */
                for (int i = 3; i < 19; i++)
                        argv[i] = huge + (2u << 20) - 1 - 120000;
                fcntl(fd, F_SETFD, 0);
                dup2(ready[1], 1);
                execv("/bin/sh", argv);
                _exit(127);
        }
        if (read(ready[0], &byte, 1) != 1)
                wrong("the child did not start");
        check_rendered(7007);
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        free(huge);
}
