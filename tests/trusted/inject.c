/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See inject.h. glibc only: other C libraries have no second name for their malloc(). */
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "inject.h"
#include "util/sys-fault.h"

static struct inject now;
static bool armed;
static uint64_t calls, faults;
static int64_t allocated;

static bool is_due(enum inject_kind kind)
{
        if (!armed || now.kind != kind)
                return false;
        calls++;
        if (now.at == 0 || calls < now.at || (calls > now.at && !now.onwards))
                return false;
        faults++;
        return true;
}

static int system_fault(enum sys_call which)
{
        if (which == SYS_CALL_CLOSE || which == SYS_CALL_CLOCK)
                return 0;
        return is_due(INJECT_SYSTEM) ? now.error : 0;
}

void inject_arm(const struct inject *inject)
{
        now = *inject;
        calls = faults = 0;
        sys_fault = system_fault;
        armed = true;
}

uint64_t inject_disarm(uint64_t *ret_calls)
{
        armed = false;
        sys_fault = NULL;
        if (ret_calls)
                *ret_calls = calls;
        return faults;
}

int64_t inject_allocated(void)
{
        return allocated;
}

/* ------------------------------------------------------ memory */

#ifndef AIU_SANITIZED /* then the allocator is the sanitizer's, which finds leaks itself */

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t n, size_t bytes);
void *__libc_realloc(void *old, size_t bytes);
void __libc_free(void *old);

static void *count(void *new)
{
        if (new)
                allocated++;
        return new;
}

static void *no_memory(void)
{
        errno = ENOMEM;
        return NULL;
}

void *malloc(size_t bytes)
{
        return is_due(INJECT_MEMORY) ? no_memory() : count(__libc_malloc(bytes));
}

void *calloc(size_t n, size_t bytes)
{
        return is_due(INJECT_MEMORY) ? no_memory() : count(__libc_calloc(n, bytes));
}

void *realloc(void *old, size_t bytes)
{
        void *new;

        if (bytes > 0 && is_due(INJECT_MEMORY))
                return no_memory();
        new = __libc_realloc(old, bytes);
        if (!old)
                count(new);
        else if (bytes == 0)
                allocated--;
        return new;
}

void free(void *old)
{
        if (old)
                allocated--;
        __libc_free(old);
}

#endif

/* ------------------------------------------------------ network calls */

static bool refuse(void)
{
        if (!is_due(INJECT_NETWORK))
                return false;
        errno = now.error > 0 ? now.error : EIO;
        return true;
}

int socket(int family, int type, int protocol)
{
        return refuse() ? -1 : (int)syscall(SYS_socket, family, type, protocol);
}

int bind(int fd, const struct sockaddr *address, socklen_t bytes)
{
        return refuse() ? -1 : (int)syscall(SYS_bind, fd, address, bytes);
}

int getsockname(int fd, struct sockaddr *address, socklen_t *bytes)
{
        return refuse() ? -1 : (int)syscall(SYS_getsockname, fd, address, bytes);
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t bytes)
{
        return refuse() ? -1 : (int)syscall(SYS_setsockopt, fd, level, name, value, bytes);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
        return refuse() ? -1 : syscall(SYS_sendmsg, fd, message, flags);
}

ssize_t sendto(int fd, const void *bytes, size_t n, int flags, const struct sockaddr *to, socklen_t to_bytes)
{
        return refuse() ? -1 : syscall(SYS_sendto, fd, bytes, n, flags, to, to_bytes);
}

/* The end of a stream, and a message that was cut, come as answers. */
ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
        ssize_t n;

        if (!armed || now.kind != INJECT_NETWORK || now.error > 0)
                return refuse() ? -1 : syscall(SYS_recvmsg, fd, message, flags);
        if (!is_due(INJECT_NETWORK))
                return syscall(SYS_recvmsg, fd, message, flags);
        if (now.error == SYS_FAULT_EOF)
                return 0;
        n = syscall(SYS_recvmsg, fd, message, flags);
        if (n > 17) {
                message->msg_flags |= MSG_TRUNC;
                return 17;
        }
        return n;
}
