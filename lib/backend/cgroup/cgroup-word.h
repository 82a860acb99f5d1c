/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whose word is it? A name that a process, a directory or a cgroup has was chosen by its owner. Each function returns
 * the user who could have chosen it: 0 = root alone, (uid_t)-1 = several users, or that cannot be seen.
 */
#ifndef AIU_CGROUP_WORD_H
#define AIU_CGROUP_WORD_H

#include "addrinuse-backend.h"
#include "backend/cgroup/cgroup-parse.h"

#define WORD_UNKNOWN ((uid_t)-1)

/* What rests on the word of both. */
uid_t word_of_both(uid_t a, uid_t b);
/* Its real, effective, saved and file system uid. `comm`: what it was called when it was
 * found, NULL = does not matter; a process of another name has got its number since. */
uid_t word_of_process(const struct aiu_request *request, pid_t pid, const char *comm);
/* The owners of the cgroups in which the one that counts was made. */
uid_t word_of_cgroup(const struct cgroup_owner *owner);
/*
 * The service directory of runit, s6 or daemontools, which is the working directory of `pid`: the
 * owners of all directories on the way, of supervise/ in it, and of the FIFOs that a command opens.
 */
uid_t word_of_service(const struct aiu_request *request, pid_t pid, const char *directory);

#endif
