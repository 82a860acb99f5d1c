/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pidfds. A number that was reused meanwhile costs at most a question too many: the wait looks again, and that look
 * reads /proc afresh.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "util/sys.h"
#include "wait/processes.h"

/* Explicitly: a descriptor that a forked child has, too, stays in the set when it is closed here. */
static void forget(struct processes *processes, size_t i)
{
        if (processes->fds[i] < 0)
                return;
        (void)sys_epoll_remove(processes->epoll, processes->fds[i]);
        processes->fds[i] = sys_close(processes->fds[i]);
}

void processes_forget(struct processes *processes)
{
        for (size_t i = 0; i < processes->n; i++)
                forget(processes, i);
        processes->n = 0;
}

static int watch(int epoll, pid_t pid)
{
        int fd = sys_pidfd_open(pid), r;

        if (fd < 0)
                return fd;
        r = sys_epoll_add(epoll, fd);
        if (r < 0) {
                sys_close(fd);
                return r;
        }
        return fd;
}

bool processes_follow(struct processes *processes, const pid_t *pids, size_t n)
{
        bool gone = false;

        if (processes->epoll < 0)
                return false;
        if (n == processes->n && memcmp(pids, processes->pids, n * sizeof(*pids)) == 0)
                return false;
        processes_forget(processes);
        for (size_t i = 0; i < n && i < MOST_PROCESSES; i++) {
                processes->pids[i] = pids[i];
                processes->fds[i] = watch(processes->epoll, pids[i]);
                gone = gone || processes->fds[i] == -ESRCH;
                processes->n++;
        }
        return gone;
}

/* It stays readable, so it is removed from the set. */
bool processes_ended(struct processes *processes)
{
        bool ended = false;

        for (size_t i = 0; i < processes->n; i++) {
                struct pollfd pollfd = { .fd = processes->fds[i], .events = POLLIN };

                if (processes->fds[i] < 0 || sys_poll(&pollfd, 1, 0) <= 0)
                        continue;
                forget(processes, i);
                ended = true;
        }
        return ended;
}
