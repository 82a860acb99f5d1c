/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names that a terminal would obey, wherever a name can come from. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worlds.h"

static const char *const evil[] = {
        "\033[2J\033]0;x\a",
        "a) R 1 (b",
        "new\nline",
        "\xc2\x9b"
        "31m",
        "\xe2\x80\xae"
        "gpj",
        "\xff\xfe",
        "\r\b\v\x7f",
        "%s%n",
        "\"\\u0000\\",
};
#define N_EVIL (sizeof(evil) / sizeof(evil[0]))

static void check_printable(const char *what, const char *text)
{
        for (const char *p = text; *p; p++)
                if (*p != '\n' && (*p < 0x20 || *p > 0x7e))
                        wrong("%s has byte %02x", what, (unsigned char)*p);
}

static void check_report_text(struct aiu_report *report)
{
        char *text = NULL, *json = NULL;

        if (aiu_report_to_text(report, AIU_RENDER_VERBOSE | AIU_RENDER_CMDLINE, &text) < 0 ||
            aiu_report_to_json(report, AIU_RENDER_CMDLINE, &json) < 0)
                wrong("not rendered");
        check_printable("the text", text);
        check_printable("the JSON", json);
        check_printable("the summary", aiu_report_get_summary(report));
        if (strchr(aiu_report_get_summary(report), '\n') || strchr(json, '\n'))
                wrong("what is one line has two");
        for (size_t i = 0; i < aiu_report_get_n_actions(report); i++)
                check_printable("an action", aiu_action_get_text(aiu_report_get_action(report, i)));
        for (size_t i = 0; i < aiu_report_get_n_gaps(report); i++)
                check_printable("a gap", aiu_gap_get_text(aiu_report_get_gap(report, i)));
        free(text);
        free(json);
        aiu_report_unref(report);
}

void names(void)
{
        int fd = listen_on(7006);

        for (size_t i = 0; i < N_EVIL; i++) {
                prctl(PR_SET_NAME, evil[i]);
                check_report_text(ask(7006, 0));
        }
        close(fd);
}

/* ------------------------------------------------------ sockets */

static struct aiu_report *ask_address(const struct live_address *address, const char *device)
{
        struct aiu_query *query = NULL;
        struct aiu_report *report = NULL;
        int r = aiu_query_new(NULL, &query);

        if (r >= 0)
                r = aiu_query_set_address(query, &address->sa.any, address->len);
        if (r >= 0 && device)
                r = aiu_query_set_device(query, device);
        if (r >= 0)
                r = aiu_query_run(query, &report);
        if (r < 0)
                wrong("the query failed: %s", strerror(-r));
        aiu_query_unref(query);
        return report;
}

static void check_unix(struct live_address *address)
{
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct aiu_report *report;

        if (bind(fd, &address->sa.any, address->len) < 0 || listen(fd, 1) < 0)
                wrong("bind: %s", strerror(errno));
        report = ask_address(address, NULL);
        if (aiu_report_get_verdict(report) != AIU_VERDICT_IN_USE)
                wrong("%s", aiu_report_get_summary(report));
        check_report_text(report);
        close(fd);
        if (address->sa.un.sun_path[0])
                (void)unlink(address->sa.un.sun_path);
}

/* Abstract names are bytes, NUL among them; all 107 of a path can be anything but NUL. */
void unix_names(void)
{
        struct live_address address;

        for (size_t i = 0; i < N_EVIL; i++) {
                char path[sizeof(address.sa.un.sun_path)];

                (void)snprintf(path, sizeof(path), "/run/%s", evil[i]);
                address = live_path(path);
                check_unix(&address);
                (void)snprintf(path, sizeof(path), "@%s", evil[i]);
                address = live_path(path);
                check_unix(&address);
        }
        for (int byte = 0; byte < 256; byte++) {
                address = live_path("@x");
                memset(address.sa.un.sun_path + 1, byte, sizeof(address.sa.un.sun_path) - 1);
                address.len = sizeof(address.sa.un);
                check_unix(&address);
        }
}

/* dev_valid_name() of the kernel refuses blanks, ':' and '/', and nothing else. */
void device_names(void)
{
        static const char *const bad[] = { "\033[2J", "\xc2\23331m", "\xff\a%s\"\\" };
        struct live_address address = live_ip("0.0.0.0", 7008, 0);
        struct ifreq request = { .ifr_name = LIVE_DEVICE_A };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), holder, tried = 0;

        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                (void)snprintf(request.ifr_newname, sizeof(request.ifr_newname), "%s", bad[i]);
                if (ioctl(fd, SIOCSIFNAME, &request) < 0)
                        break;
                memcpy(request.ifr_name, request.ifr_newname, sizeof(request.ifr_name));
                holder = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
                if (setsockopt(holder, SOL_SOCKET, SO_BINDTODEVICE, bad[i], (socklen_t)strlen(bad[i])) < 0 ||
                    bind(holder, &address.sa.any, address.len) < 0 || listen(holder, 1) < 0)
                        wrong("a listener on a device: %s", strerror(errno));
                check_report_text(ask_address(&address, NULL));
                check_report_text(ask_address(&address, bad[i]));
                close(holder);
                tried++;
        }
        close(fd);
        printf("     %d names of interfaces\n", tried);
}

/* ------------------------------------------------------ processes */

/* A child that listens on `port`, in the directory where it is started. */
static pid_t start_listener(uint16_t port)
{
        int ready[2];
        char byte;
        pid_t pid;

        if (pipe2(ready, O_CLOEXEC) < 0)
                wrong("pipe2");
        pid = fork();
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (listen_on(port) < 0 || write(ready[1], "", 1) != 1)
                        _exit(1);
                for (;;)
                        pause();
        }
        close(ready[1]);
        if (read(ready[0], &byte, 1) != 1)
                wrong("the child did not start");
        close(ready[0]);
        return pid;
}

static void end_listener(pid_t pid)
{
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
}

/* The cgroup's name makes the unit's; here it is a mounted file. */
void unit_names(void)
{
        pid_t pid = start_listener(7009);
        char target[64], line[4096 + 300];
        int fd;

        (void)snprintf(target, sizeof(target), "/proc/%d/cgroup", (int)pid);
        for (size_t i = 0; i <= N_EVIL; i++) {
                if (i < N_EVIL) {
                        (void)snprintf(line, sizeof(line), "0::/system.slice/%s.service\n", evil[i]);
                } else { /* 4 KiB of it */
                        memset(line, '\033', sizeof(line));
                        (void)snprintf(line, 24, "0::/system.slice/");
                        line[17] = '\033';
                        (void)snprintf(line + 4096, 32, ".service\n");
                }
                fd = open("/run/cgroup", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
                if (fd < 0 || write(fd, line, strlen(line)) < 0 ||
                    mount("/run/cgroup", target, NULL, MS_BIND, NULL) < 0)
                        wrong("%s: %s", target, strerror(errno));
                close(fd);
                check_report_text(ask(7009, 0));
                (void)umount2(target, MNT_DETACH);
        }
        end_listener(pid);
}

/* Working directory and executable with names that are bad, and longer than a path can be. */
void long_paths(void)
{
        char name[201];
        pid_t pid;

        if (chdir("/run") < 0)
                wrong("/run: %s", strerror(errno));
        memset(name, '\033', sizeof(name) - 1);
        name[sizeof(name) - 1] = '\0';
        for (int i = 0; i < 24; i++) {
                if (mkdir(name, 0755) < 0 || chdir(name) < 0)
                        wrong("mkdir: %s", strerror(errno));
                if (i % 6 != 0 && i < 18) /* 4 KiB is passed at 20 */
                        continue;
                pid = start_listener(7010);
                check_report_text(ask(7010, 0));
                end_listener(pid);
        }
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
        check_report_text(ask(7007, 0));
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        free(huge);
}
