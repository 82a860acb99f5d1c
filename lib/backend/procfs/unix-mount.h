/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What mountinfo says about the file at a path: see unix-mount.c. */
#ifndef AIU_UNIX_MOUNT_H
#define AIU_UNIX_MOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UNIX_MOUNT_PATH 4096

/* The file system's own device (unix_diag has that, stat(2) may not), as stat(2) encodes it. 0 = not found. */
uint64_t unix_mount_device(const char *mountinfo, uint64_t mount_id);

enum unix_view {
        UNIX_VIEW_END,    /* there is no further one */
        UNIX_VIEW_PATH,   /* the same file, on the way that was written to `ret` */
        UNIX_VIEW_UNSURE, /* there may be one: what serves it cannot be asked without risk */
};

/* Writes where a directory is without symbolic links; leaves `path` as it is where that is not known. */
typedef void unix_mount_resolve(char path[UNIX_MOUNT_PATH]);

/*
 * The next mount that shows the file at `path` (absolute, resolved, on the mount `mount_id`) as
 * another inode. *cursor begins as `mountinfo`. `resolve`: mountinfo has the upper directory of an
 * overlay as it was spelled to mount(2).
 */
enum unix_view unix_mount_next_view(const char **cursor, uint64_t mount_id, const char *path,
                                    unix_mount_resolve *resolve, char ret[UNIX_MOUNT_PATH]);

/* Is a file system of this magic number served by another machine or a program, or shared with others? */
bool unix_mount_is_shared(long type);
/* Does it refuse sockets to every user? */
bool unix_mount_has_no_sockets(long type);

#endif
