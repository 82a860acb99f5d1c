/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An AF_UNIX path of a process that sees other files: see unix-elsewhere.c. */
#ifndef AIU_UNIX_ELSEWHERE_H
#define AIU_UNIX_ELSEWHERE_H

#include <stdbool.h>

#include "addrinuse-backend.h"

/*
 * Fills the name_* members of *fact. `path` has no slashes at its end; `slashes`: there were some. `parent` is the
 * directory that it is in. What could not be found out is a gap. -ENOMEM.
 */
int unix_elsewhere_learn(const struct aiu_request *request, const char *path, const char *parent, bool slashes,
                         struct aiu_snapshot *snapshot, struct aiu_host_fact *fact);

#endif
