/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Other mount namespaces that may show a socket file as another inode: see unix-views.c. */
#ifndef AIU_UNIX_VIEWS_H
#define AIU_UNIX_VIEWS_H

#include "addrinuse-backend.h"
#include "backend/procfs/unix-mount.h"

/*
 * Is there a mount in another namespace that shows the file at `path` (absolute, resolved) as another inode? No =
 * none is visible; unknown = there is one, or not every namespace could be looked at. `way` is room to work in.
 */
enum aiu_tristate unix_views_elsewhere(const struct aiu_request *request, const char *path, unix_mount_resolve *resolve,
                                       char way[UNIX_MOUNT_PATH]);

#endif
