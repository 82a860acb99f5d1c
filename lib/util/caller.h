/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the calling thread stands, or the process that a request is on behalf of: its seccomp filter,
 * capabilities, namespaces and uids, out of /proc. For the library and its backends alike.
 */
#ifndef AIU_CALLER_H
#define AIU_CALLER_H

#include <addrinuse-backend.h>
#include <stdbool.h>
#include <sys/types.h>

#define INITIAL_USERNS_INODE 0xeffffffdu /* PROC_USER_INIT_INO */

/* True also where /proc does not tell: a call too few costs less than a thread that is killed. */
bool caller_is_filtered(int procfs);
/*
 * A file below "thread-self/" or "self/" of the process that makes the call in question: which path it has, and from
 * which directory. That process need not be the caller: aiu_request::pid.
 */
const char *asker_file(const struct aiu_request *request, const char *path, int *ret_directory);
/* May it be under Landlock, which no interface shows? */
bool asker_may_be_sandboxed(const struct aiu_request *request);
/* CAP_*, among its effective ones; without /proc the kernel is asked about the caller. */
enum aiu_tristate asker_has_capability(const struct aiu_request *request, unsigned int capability);
/* Whose sockets a process makes, by its directory in /proc; (uid_t)-1 = not known. */
uid_t process_uid(int directory);
uid_t process_euid(int directory);
/* Do both have the same uids, groups and capabilities? */
bool asker_is_like_caller(const struct aiu_request *request);
/* CAP_*, among its effective ones. */
enum aiu_tristate caller_has_capability(int procfs, unsigned int capability);
/* Does this /proc number processes as another pid namespace than the caller's does? */
bool caller_pids_are_foreign(int procfs);
/* A user namespace below the initial one: no capability in it counts outside. */
bool caller_is_in_userns(int procfs);
/* Effective uid 0, and yet without CAP_SYS_PTRACE over every process of the host. */
bool caller_is_limited_root(int procfs);
/* With CAP_SYS_PTRACE over every process of the host: no other user would see more. */
bool caller_sees_all(int procfs);
/* What to run as, to see more: "root", or "root of the host" for a root that is limited. */
const char *caller_who_sees_all(int procfs);

#endif
