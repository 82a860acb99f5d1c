/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Visit another network namespace. */
#ifndef AIU_NETNS_H
#define AIU_NETNS_H

#include <stdbool.h>

/* Is the calling thread in this namespace? False also if that cannot be found out. */
bool netns_is_own(int procfs, int nsfd);
/*
 * The calling thread enters the namespace behind `nsfd`; netns_leave(*ret_home) takes it back.
 * `procfs`: a directory descriptor of /proc, or AT_FDCWD with /proc mounted.
 */
int netns_enter(int procfs, int nsfd, int *ret_home);
/* Closes `home` in any case. On an error the thread is still in the other namespace. */
int netns_leave(int home);

#endif
