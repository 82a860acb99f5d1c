/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See keep.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot/keep.h"
#include "snapshot/snapshot.h"

int keep_string(char **to, const char *from, size_t most)
{
        char *copy;

        if (!from) {
                *to = NULL;
                return 0;
        }
        copy = strndup(from, most);
        if (!copy)
                return -ENOMEM;
        *to = copy;
        return 0;
}

int replace_long_string(char **to, const char *from, size_t most)
{
        char *copy;
        int r;

        if (!from)
                return 0;
        r = keep_string(&copy, from, most);
        if (r < 0)
                return r;
        free(*to);
        *to = copy;
        return 0;
}

int replace_string(char **to, const char *from)
{
        return replace_long_string(to, from, SNAPSHOT_MAX_STRING);
}

void replace_tristate(tristate *to, tristate from)
{
        if (from == YES || from == NO)
                *to = from;
}

int copy_address(struct address *to, const struct sockaddr *from, socklen_t bytes)
{
        memset(to, 0, sizeof(*to));
        if (!from || bytes == 0)
                return 0;
        if (bytes < sizeof(sa_family_t) || bytes > sizeof(to->sa))
                return -EINVAL;
        memcpy(&to->sa, from, bytes);
        if ((to->sa.any.sa_family == AF_INET && bytes < sizeof(struct sockaddr_in)) ||
            (to->sa.any.sa_family == AF_INET6 && bytes < sizeof(struct sockaddr_in6)) ||
            (to->sa.any.sa_family == AF_VSOCK && bytes < sizeof(struct sockaddr_vm)) ||
            (to->sa.any.sa_family == AF_NETLINK && bytes < sizeof(struct sockaddr_nl)))
                return -EINVAL;
        to->len = bytes;
        return 0;
}

void copy_name(char to[IF_NAMESIZE], const char *from)
{
        size_t n = from ? strnlen(from, IF_NAMESIZE - 1) : 0;

        memcpy(to, from ? from : "", n);
        to[n] = '\0';
}

const char *as_operand(const char *name)
{
        return name && *name && *name != '-' ? name : NULL;
}
