/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The entries of a directory, one after the other: readdir(3) without an allocation, and through sys.h. */
#ifndef AIU_DENTS_H
#define AIU_DENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* struct linux_dirent64 of getdents64(2), which no header defines. */
struct dent {
        uint64_t inode;
        int64_t offset;
        uint16_t bytes;
        uint8_t type; /* DT_* */
        char name[];
};

struct dents {
        int fd; /* the caller's */
        char *buffer;
        size_t room;
        size_t n, at; /* bytes in the buffer, and where the next entry is */
        int error;    /* negative errno that ended it; 0 = none */
};

/* Read `descriptor` through `bytes`, an array that is _Alignas(struct dent). */
#define DENTS(descriptor, bytes)                                                                                       \
        {                                                                                                              \
                .fd = (descriptor), .buffer = (bytes), .room = sizeof(bytes)                                           \
        }

/* The next entry whose name does not begin with a dot; NULL = the end, or an error. */
const struct dent *dents_next(struct dents *dents);
/* The same among names that are positive numbers, as those of processes are. */
const struct dent *dents_next_number(struct dents *dents);

#endif
