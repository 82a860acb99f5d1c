/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What /proc says of a file that is open here: see unix-open.c. */
#ifndef AIU_UNIX_OPEN_H
#define AIU_UNIX_OPEN_H

#include <stdint.h>

/* Room for /proc/thread-self/fd/N. */
#define UNIX_OPEN_NAME 64

/*
 * What connect(2) calls the file that `fd` (O_PATH) is open on: no length limit, and the file
 * cannot be swapped. -ENOENT: there is no /proc of this process.
 */
int unix_open_name(int fd, char name[UNIX_OPEN_NAME]);

/* The mount that the file is on, as mountinfo numbers it; 0 = not known. */
uint64_t unix_open_mount(int procfs, int fd);

#endif
