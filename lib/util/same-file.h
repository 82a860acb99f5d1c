/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Are two results of stat(2) about one file? */
#ifndef AIU_SAME_FILE_H
#define AIU_SAME_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

static inline bool same_file(const struct stat *a, const struct stat *b)
{
        return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

#endif
