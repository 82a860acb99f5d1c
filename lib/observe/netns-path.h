/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A path for a network namespace of which only a descriptor is known. */
#ifndef AIU_NETNS_PATH_H
#define AIU_NETNS_PATH_H

#include <stdbool.h>

#include "addrinuse-backend.h"

/*
 * A path that nsenter(1) accepts: a name of ip-netns(8) or, with `by_process`, /proc/PID/ns/net of
 * a process in the namespace. *ret_path is malloc()ed, and untouched if there is none. -ENOMEM.
 */
int netns_find_path(const struct aiu_request *request, int nsfd, bool by_process, char **ret_path);

#endif
