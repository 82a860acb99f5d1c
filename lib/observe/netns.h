/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A look at another network namespace, from inside, and back. */
#ifndef AIU_NETNS_H
#define AIU_NETNS_H

#include <stdbool.h>

#include "addrinuse-backend.h"

/*
 * The calling thread enters the namespace behind `nsfd`; *ret_home takes it back.
 * `procfs`: a directory descriptor of /proc, or AT_FDCWD with /proc mounted.
 */
int netns_enter(int procfs, int nsfd, int *ret_home);
/* Is it the one that the calling thread is in? No, where that cannot be told. */
bool netns_is_own(int procfs, int nsfd);
/*
 * A file by which nsenter(1) enters it: a name of ip-netns(8), or a process' that is in it, if
 * /proc may be named. *ret_path is malloc()ed, and left alone if there is none in sight. -ENOMEM.
 */
int netns_find_path(const struct aiu_request *request, int nsfd, bool by_process, char **ret_path);
/* Always closes `home`; an error means that the thread is still away. */
int netns_leave(int home);

#endif
