/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef AIU_ERRNO_NAME_H
#define AIU_ERRNO_NAME_H

/* "EADDRINUSE"; NULL = the kernel has no such errno. */
const char *errno_name(int error);

#endif
