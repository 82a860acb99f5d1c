/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Allocations that fail when a test says so. The library's calls come here by the linker's --wrap;
 * those of the C library and of libnl do not, so those of libnl's functions that allocate are wrapped
 * themselves.
 */
#include <errno.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>

#include "scarce-memory.h"

static unsigned int countdown;
static bool fails_on, failed;

void scarce_memory_begin(unsigned int at, bool onwards)
{
        countdown = at;
        fails_on = onwards;
        failed = false;
}

bool scarce_memory_end(void)
{
        bool some = failed;

        scarce_memory_begin(0, false);
        return some;
}

static bool is_refused(void)
{
        if (countdown == 0 || (!failed && --countdown > 0))
                return false;
        countdown = fails_on;
        failed = true;
        errno = ENOMEM;
        return true;
}

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker's names. */
void *__real_malloc(size_t bytes);
void *__real_calloc(size_t n, size_t bytes);
void *__real_realloc(void *old, size_t bytes);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t n);
struct nl_msg *__real_nlmsg_alloc_simple(int type, int flags);
int __real_nlmsg_append(struct nl_msg *message, void *data, size_t bytes, int pad);
int __real_nla_put(struct nl_msg *message, int type, int bytes, const void *data);

void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t n, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t n);
struct nl_msg *__wrap_nlmsg_alloc_simple(int type, int flags);
int __wrap_nlmsg_append(struct nl_msg *message, void *data, size_t bytes, int pad);
int __wrap_nla_put(struct nl_msg *message, int type, int bytes, const void *data);

void *__wrap_malloc(size_t bytes)
{
        return is_refused() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t n, size_t bytes)
{
        return is_refused() ? NULL : __real_calloc(n, bytes);
}

void *__wrap_realloc(void *old, size_t bytes)
{
        return is_refused() ? NULL : __real_realloc(old, bytes);
}

char *__wrap_strdup(const char *text)
{
        return is_refused() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t n)
{
        return is_refused() ? NULL : __real_strndup(text, n);
}

struct nl_msg *__wrap_nlmsg_alloc_simple(int type, int flags)
{
        return is_refused() ? NULL : __real_nlmsg_alloc_simple(type, flags);
}

int __wrap_nlmsg_append(struct nl_msg *message, void *data, size_t bytes, int pad)
{
        return is_refused() ? -NLE_NOMEM : __real_nlmsg_append(message, data, bytes, pad);
}

int __wrap_nla_put(struct nl_msg *message, int type, int bytes, const void *data)
{
        return is_refused() ? -NLE_NOMEM : __real_nla_put(message, type, bytes, data);
}
/* NOLINTEND(bugprone-reserved-identifier) */
