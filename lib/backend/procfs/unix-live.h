/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Is a socket bound to the file at a path? See unix-live.c. */
#ifndef AIU_UNIX_LIVE_H
#define AIU_UNIX_LIVE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "addrinuse-backend.h"

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
