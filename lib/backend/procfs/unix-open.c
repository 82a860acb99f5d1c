/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What /proc says of a file that is open here: a name that connect(2) takes, and the mount that the file is on. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/procfs/unix-open.h"
#include "util/same-file.h"
#include "util/sys.h"

int unix_open_name(int fd, char name[UNIX_OPEN_NAME])
{
        struct stat a, b;

        /* A thread may have descriptors of its own (CLONE_FILES), and /proc may be another's. */
        (void)snprintf(name, UNIX_OPEN_NAME, "/proc/thread-self/fd/%d", fd);
        if (sys_fstat(fd, &a) < 0 || sys_fstatat(AT_FDCWD, name, &b, 0) < 0 || !same_file(&a, &b))
                return -ENOENT;
        return 0;
}

uint64_t unix_open_mount(int procfs, int fd)
{
        static const char key[] = "mnt_id:\t";
        char name[UNIX_OPEN_NAME], text[512];
        const char *at;

        (void)snprintf(name, sizeof(name), "thread-self/fdinfo/%d", fd);
        if (procfs < 0 || sys_read_file(procfs, name, text, sizeof(text)) <= 0)
                return 0;
        at = strstr(text, key);
        return at ? strtoull(at + sizeof(key) - 1, NULL, 10) : 0;
}
