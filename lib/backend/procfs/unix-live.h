/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Is a socket bound to the file at a path? See unix-live.c. */
#ifndef AIU_UNIX_LIVE_H
#define AIU_UNIX_LIVE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "addrinuse-backend.h"

/* Room for what is printed of /proc/thread-self/fd/N. */
#define UNIX_LIVE_NAME 64

/*
 * What connect(2) calls the file that `fd` (O_PATH) is open on: no length limit, and the file
 * cannot be swapped. -ENOENT: there is no /proc of this process.
 */
int unix_live_name(int fd, char name[UNIX_LIVE_NAME]);

/* The mount that the file is on, as mountinfo numbers it; 0 = not known. */
uint64_t unix_mount_id(int procfs, int fd);

/* One look at what connect(2) calls `name`, which cannot be swapped. Errors: whether it is live could not be asked. */
int unix_live_pinned(const char *name, enum aiu_tristate *ret_live);

/*
 * One look. Fills *ret_stat with what is at the path. *ret_live is UNKNOWN for what is no socket.
 * -ENOENT: nothing is there. -ESTALE: the file was replaced meanwhile. Any other error: whether
 * a socket is bound to it could not be asked.
 */
int unix_live_once(const char *path, struct stat *ret_stat, enum aiu_tristate *ret_live);

/* The whole procedure, twice before "no". The same errors; -ESTALE only when it never stops changing. */
int unix_live(const struct aiu_request *request, const char *path, struct stat *ret_stat, enum aiu_tristate *ret_live);

#endif
