/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libaddrinuse-explain.so, which libaddrinuse-preload.so loads at the first failure and not before. */
#ifndef AIU_EXPLAIN_H
#define AIU_EXPLAIN_H

#include <stdbool.h>
#include <sys/socket.h>

/* A call that failed. The caller lets one thread at a time in. */
struct explain_call {
        int fd;
        const struct sockaddr *address; /* NULL = the call is listen() */
        socklen_t bytes;
        int error;
        int out; /* its stderr; -1 = closed, or replaced by another file */
};

typedef void explain_function(const struct explain_call *call);
typedef void forget_function(void);

explain_function addrinuse_explain;
forget_function addrinuse_forget; /* in a child after fork(2): the parent reports what was counted */

#endif
