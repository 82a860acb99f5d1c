/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A question on behalf of another process. Its directory in /proc is opened once: after the process has ended, that
 * descriptor gives ESRCH, even if the number is reused. Its uid and network namespace are read at once, so that they
 * are known even if it ends before the query runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "query/context.h"
#include "util/caller.h"
#include "util/macro.h"
#include "util/netns.h"
#include "util/sys.h"

static bool is_caller(int procfs, pid_t pid)
{
        char self[16];
        ssize_t n = sys_readlinkat(procfs, "self", self, sizeof(self) - 1);

        if (n <= 0)
                return false;
        self[n] = '\0';
        return strtol(self, NULL, 10) == pid;
}

/* Each network namespace has entries of its own in /proc, with inodes of their own, and these are shown to all. */
static tristate shares_net(int procfs, int process)
{
        struct stat own, its;

        if (sys_fstatat(procfs, "thread-self/net/dev", &own, 0) < 0 || sys_fstatat(process, "net/dev", &its, 0) < 0)
                return UNKNOWN;
        return tri(own.st_ino == its.st_ino && own.st_dev == its.st_dev);
}

static void learn_netns(struct aiu_query *query, int procfs)
{
        int netns = sys_openat(query->process, "ns/net", O_RDONLY | O_NONBLOCK);
        tristate shares = netns >= 0 ? tri(netns_is_own(procfs, netns)) : shares_net(procfs, query->process);

        query->netns_lost = shares == NO && netns < 0;
        query->netns_unsure = shares == UNKNOWN;
        sys_close(query->netns);
        query->netns = shares == NO && netns >= 0 ? netns : -1;
        if (query->netns < 0)
                sys_close(netns);
}

static int open_process(int procfs, pid_t pid)
{
        char name[16];
        int fd;

        if (procfs < 0)
                return -ESRCH;
        (void)snprintf(name, sizeof(name), "%d", (int)pid);
        fd = sys_openat(procfs, name, O_PATH | O_DIRECTORY);
        return fd == -ENOENT ? -ESRCH : fd;
}

static void ask_for(struct aiu_query *query, int procfs, pid_t pid, int process)
{
        sys_close(query->process);
        query->process = process;
        query->pid = pid;
        /* A socket at hand has a namespace that does not depend on the process. */
        if (query->request.domain != 0)
                return;
        query->request.uid = process_uid(process);
        query->uid_set = true;
        query->uid_given = false;
        learn_netns(query, procfs);
}

static void ask_for_caller(struct aiu_query *query)
{
        if (query->pid == 0)
                return;
        query->process = sys_close(query->process);
        query->pid = 0;
        if (query->request.domain != 0)
                return;
        query->uid_set = query->uid_given = false;
        query->netns_lost = query->netns_unsure = false;
        query->netns = sys_close(query->netns);
}

AIU_EXPORT int aiu_query_set_pid(struct aiu_query *query, pid_t pid)
{
        KEEP_ERRNO;
        int procfs, process = -1;

        if (!query || pid < 0)
                return -EINVAL;
        procfs = context_open_procfs(query->context);
        if (pid > 0 && !is_caller(procfs, pid)) {
                process = open_process(procfs, pid);
                if (process >= 0)
                        ask_for(query, procfs, pid, process);
        } else {
                ask_for_caller(query);
                process = 0;
        }
        context_close_procfs(query->context, procfs);
        return process < 0 ? process : 0;
}
