/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A network namespace shows its tables to threads inside it only. We setns() into our own
 * namespace first: that needs the same capability, so success proves that we can return.
 */
#include <fcntl.h>
#include <sched.h>

#include "util/netns.h"
#include "util/sys.h"

bool netns_is_own(int procfs, int nsfd)
{
        struct stat own, its;

        return procfs >= 0 && sys_fstatat(procfs, "thread-self/ns/net", &own, 0) == 0 && sys_fstat(nsfd, &its) == 0 &&
               own.st_ino == its.st_ino && own.st_dev == its.st_dev;
}

int netns_enter(int procfs, int nsfd, int *ret_home)
{
        const char *own = procfs == AT_FDCWD ? "/proc/thread-self/ns/net" : "thread-self/ns/net";
        int home, r;

        home = sys_openat(procfs, own, O_RDONLY);
        if (home < 0)
                return home;
        r = sys_setns(home, CLONE_NEWNET);
        if (r >= 0)
                r = sys_setns(nsfd, CLONE_NEWNET);
        if (r < 0) {
                sys_close(home);
                return r;
        }
        *ret_home = home;
        return 0;
}

int netns_leave(int home)
{
        int r = sys_setns(home, CLONE_NEWNET);

        sys_close(home);
        return r;
}
