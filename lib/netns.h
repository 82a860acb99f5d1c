/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A look at another network namespace, from inside, and back. */
#ifndef AIU_NETNS_H
#define AIU_NETNS_H

/*
 * The calling thread enters the namespace behind `nsfd`; *ret_home takes it back.
 * `procfs`: a directory descriptor of /proc, or AT_FDCWD with /proc mounted.
 */
int netns_enter(int procfs, int nsfd, int *ret_home);
/* Always closes `home`; an error means that the thread is still away. */
int netns_leave(int home);

#endif
