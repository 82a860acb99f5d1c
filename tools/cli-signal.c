/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * --apply: signals. A number may be another process by the time the signal arrives, so a
 * pidfd is opened for each process before the second look. A process that is alive after
 * that look had its number during all of it: the second report is about that process,
 * and the signal goes to the pidfd. No kill(1) is needed either, which slim images lack.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli.h"

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

bool cli_is_signal(const struct aiu_action *action)
{
        const char *const *argv = aiu_action_get_argv(action);

        return argv && aiu_action_get_signal(action) > 0 && aiu_action_get_n_processes(action) > 0 &&
               strcmp(argv[0], "kill") == 0;
}

/* The numbers of the report are those of /proc; pidfd_open(2) takes those of our own pid namespace. */
static bool numbers_are_ours(void)
{
        char self[16] = "";
        ssize_t n = readlink("/proc/self", self, sizeof(self) - 1);

        return n > 0 && strtol(self, NULL, 10) == (long)getpid();
}

static int open_one(pid_t pid)
{
        int fd = (int)syscall(SYS_pidfd_open, pid, 0);

        return fd < 0 ? -errno : fd;
}

int cli_pin_processes(struct pinned *pinned, const struct aiu_action *action)
{
        size_t n = aiu_action_get_n_processes(action);

        if (!numbers_are_ours()) {
                cli_error("/proc shows another pid namespace: its pids mean other processes here");
                return -EXDEV;
        }
        pinned->processes = calloc(n, sizeof(*pinned->processes));
        if (!pinned->processes)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                pid_t pid = aiu_action_get_process(action, i, NULL);
                int fd = open_one(pid);

                /* It has gone. The second look says what that means. */
                if (fd == -ESRCH)
                        continue;
                if (fd < 0) {
                        cli_error(fd == -ENOSYS ? "this kernel cannot signal a process safely (pidfd_open(2) takes "
                                                  "Linux 5.3): run the command yourself"
                                                : "pid %d: %s",
                                  (int)pid, strerror(-fd));
                        return fd;
                }
                pinned->processes[pinned->n_processes++] = (struct pinned_process){ .pid = pid, .fd = fd };
        }
        return 0;
}

bool cli_has_ended(const struct pinned_process *process, int timeout_msec)
{
        struct pollfd one = { .fd = process->fd, .events = POLLIN };

        return poll(&one, 1, timeout_msec) > 0 && one.revents & POLLIN;
}

static const struct pinned_process *find(const struct pinned *pinned, pid_t pid)
{
        for (size_t i = 0; i < pinned->n_processes; i++)
                if (pinned->processes[i].pid == pid)
                        return &pinned->processes[i];
        return NULL;
}

static int send_one(const struct pinned_process *process, int number)
{
        if (syscall(SYS_pidfd_send_signal, process->fd, number, NULL, 0) == 0 || errno == ESRCH)
                return 0;
        return -errno;
}

/* `action`: of the second look. A process without a live pidfd has gone, or came after we had looked. */
int cli_signal(const struct pinned *pinned, const struct aiu_action *action)
{
        int r = 0;

        for (size_t i = 0; i < aiu_action_get_n_processes(action); i++) {
                pid_t pid = aiu_action_get_process(action, i, NULL);
                const struct pinned_process *process = find(pinned, pid);
                int sent;

                if (!process || cli_has_ended(process, 0))
                        continue;
                sent = send_one(process, aiu_action_get_signal(action));
                if (sent < 0) {
                        cli_error(sent == -EPERM ? "pid %d: not permitted: this needs root" : "pid %d: %s", (int)pid,
                                  strerror(-sent));
                        r = sent;
                }
        }
        return r;
}
