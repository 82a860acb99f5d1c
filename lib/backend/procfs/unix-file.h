/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The facts about a file at an AF_UNIX path: see unix-file.c. */
#ifndef AIU_UNIX_FILE_H
#define AIU_UNIX_FILE_H

#include "addrinuse-backend.h"

/*
 * Fills the name_* members of *fact; what could not be found out is a gap. `path` has no slashes
 * at its end, and `parent` is the directory that it is in. -ENOENT: the file is gone again.
 */
int unix_file_learn(const struct aiu_request *request, const char *path, const char *parent,
                    struct aiu_snapshot *snapshot, struct aiu_host_fact *fact);

#endif
