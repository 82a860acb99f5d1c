/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libaddrinuse-preload.so: bind() and listen() that explain their failures, for LD_PRELOAD. Nothing is loaded, opened or
 * allocated before the first failure. Then the library is loaded, in a scope of its own.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "explain.h"

#define EXPLAIN "libaddrinuse-explain.so"
#define LEAST_STACK 131072u /* bytes: what the library needs, three times */

typedef int bind_function(int, const struct sockaddr *, socklen_t);
typedef int listen_function(int, int);

static bind_function *next_bind;
static listen_function *next_listen;
static explain_function *explain;
static forget_function *forget;
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static __thread bool busy;
static pid_t own_pid;
static struct stat at_start; /* stderr, when the program started */
static bool has_stderr;
static bool filtered_at_start;

/* ------------------------------------------------------ fork */

static void before_fork(void)
{
        (void)pthread_mutex_lock(&one_at_a_time);
}

static void after_fork(void)
{
        (void)pthread_mutex_unlock(&one_at_a_time);
}

static void in_child(void)
{
        own_pid = getpid();
        if (forget)
                forget();
        (void)pthread_mutex_unlock(&one_at_a_time);
}

/* A function pointer out of an object pointer, as POSIX has it. */
static void look_up(void *to, void *handle, const char *name)
{
        void *symbol = dlsym(handle, name);

        memcpy(to, &symbol, sizeof(symbol));
}

__attribute__((constructor)) static void begin(void)
{
        look_up(&next_bind, RTLD_NEXT, "bind");
        look_up(&next_listen, RTLD_NEXT, "listen");
        own_pid = getpid();
        has_stderr = fstat(STDERR_FILENO, &at_start) == 0;
        filtered_at_start = prctl(PR_GET_SECCOMP) > 0;
        (void)pthread_atfork(before_fork, after_fork, in_child);
}

/* ------------------------------------------------------ the library */

/* It is in our directory. `out` is stderr of the program, or -1. */
static void load(int out)
{
        static bool tried;
        char path[4096];
        const char *slash;
        Dl_info self;
        void *handle;

        if (tried)
                return;
        tried = true;
        if (dladdr(&own_pid, &self) == 0 || !self.dli_fname || !(slash = strrchr(self.dli_fname, '/')) ||
            (size_t)snprintf(path, sizeof(path), "%.*s/" EXPLAIN, (int)(slash - self.dli_fname), self.dli_fname) >=
                    sizeof(path))
                return;
        handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (!handle) {
                if (out >= 0)
                        dprintf(out, "addrinuse: %s\n", dlerror());
                return;
        }
        look_up(&explain, handle, "addrinuse_explain");
        look_up(&forget, handle, "addrinuse_forget");
}

/*
 * A filter that was there at the start let ld.so load us, and lets us load the library. One that the program has made for
 * itself may kill it for that.
 */
static bool may_load(void)
{
        return filtered_at_start || prctl(PR_GET_SECCOMP) == 0;
}

/* A program may give its threads stacks that are just enough for itself. */
static bool has_room(void)
{
        pthread_attr_t attributes;
        char here, *bottom = NULL;
        void *lowest;
        size_t bytes;

        if (pthread_getattr_np(pthread_self(), &attributes) != 0)
                return false;
        if (pthread_attr_getstack(&attributes, &lowest, &bytes) == 0)
                bottom = lowest;
        (void)pthread_attr_destroy(&attributes);
        /* The limits of another stack, of a coroutine or a signal handler, are not known. */
        return bottom && &here > bottom && &here < bottom + bytes && (size_t)(&here - bottom) >= LEAST_STACK;
}

/* Descriptor 2 may be another file by now: a connection, or data. */
static int find_stderr(void)
{
        struct stat now;

        return has_stderr && fstat(STDERR_FILENO, &now) == 0 && now.st_dev == at_start.st_dev &&
                               now.st_ino == at_start.st_ino
                       ? STDERR_FILENO
                       : -1;
}

/* A child of vfork() shares the memory with its parent, so nothing happens there. */
static void tell(int fd, const struct sockaddr *address, socklen_t bytes, int error)
{
        struct explain_call call = { fd, address, bytes, error, -1 };
        int state;

        if (busy || getpid() != own_pid || !may_load() || !has_room())
                return;
        busy = true;
        (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
        (void)pthread_mutex_lock(&one_at_a_time);
        call.out = find_stderr();
        load(call.out);
        if (explain)
                explain(&call);
        (void)pthread_mutex_unlock(&one_at_a_time);
        (void)pthread_setcancelstate(state, NULL);
        busy = false;
}

/* ------------------------------------------------------ the functions that we replace */

__attribute__((visibility("default"))) int bind(int fd, const struct sockaddr *address, socklen_t bytes)
{
        int r = next_bind ? next_bind(fd, address, bytes) : (int)syscall(SYS_bind, fd, address, bytes);
        int error = errno;

        if (r < 0 && address)
                tell(fd, address, bytes, error);
        errno = error;
        return r;
}

__attribute__((visibility("default"))) int listen(int fd, int backlog)
{
        int r = next_listen ? next_listen(fd, backlog) : (int)syscall(SYS_listen, fd, backlog);
        int error = errno;

        if (r < 0)
                tell(fd, NULL, 0, error);
        errno = error;
        return r;
}
