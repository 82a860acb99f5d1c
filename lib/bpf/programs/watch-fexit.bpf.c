/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watches by trampolines at the end of the functions that bind and listen. These see calls of 32-bit programs and of
 * io_uring as well, and cost other system calls nothing. MPTCP has functions of its own, which are not watched.
 */
#include "watch.h"

/* The context of a trampoline: the arguments, and then the result. */
SECTION("fexit/inet_bind") int inet_bind_failed(__u64 *context)
{
        return tell((void *)context[0], (void *)context[1], 0, (int)context[2], WATCH_BIND, (int)context[3]);
}

SECTION("fexit/inet6_bind") int inet6_bind_failed(__u64 *context)
{
        return tell((void *)context[0], (void *)context[1], 0, (int)context[2], WATCH_BIND, (int)context[3]);
}

SECTION("fexit/unix_bind") int unix_bind_failed(__u64 *context)
{
        return tell((void *)context[0], (void *)context[1], 0, (int)context[2], WATCH_BIND, (int)context[3]);
}

SECTION("fexit/inet_listen") int inet_listen_failed(__u64 *context)
{
        return tell((void *)context[0], NULL, 0, 0, WATCH_LISTEN, (int)context[2]);
}
