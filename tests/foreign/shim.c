/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Preloaded into other projects' test suites: asks before each bind() and listen(), lets the kernel decide, and compares.
 * A call that failed is explained afterwards. One line for each call goes to the file that AIU_FOREIGN_LOG names.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "addrinuse.h"

/* The library binds its own netlink socket: that call is not the suite's. */
static _Thread_local bool inside;

/* What the library knows of the call: NULL where it does not take such a socket or address. */
struct asked {
        int fd;
        const struct sockaddr *address; /* NULL: it is a listen() */
        socklen_t bytes;
};

static struct aiu_report *ask(const struct asked *call, int error)
{
        return call->address ? aiu_explain_bind(call->fd, call->address, call->bytes, error)
                             : aiu_explain_listen(call->fd, error);
}

static void put(const char *verdict, const struct asked *call, const struct aiu_report *report, int error)
{
        const char *path = getenv("AIU_FOREIGN_LOG");
        char line[2048];
        int fd, n;

        fd = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666) : -1;
        if (fd < 0)
                return;
        n = snprintf(line, sizeof(line), "%s %s kernel=%d said=%d verdict=%d: %s\n", verdict,
                     call->address ? "bind" : "listen", error, aiu_report_get_error(report),
                     (int)aiu_report_get_verdict(report), report ? aiu_report_get_summary(report) : "-");
        /* One write(2) for each line: processes share the file. */
        if (n > 0 && write(fd, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1) < 0)
                abort();
        close(fd);
}

static const char *compare(const struct aiu_report *report, int error)
{
        if (aiu_report_get_verdict(report) == AIU_VERDICT_UNKNOWN)
                return aiu_report_get_n_gaps(report) > 0 ? "UNKNOWN" : "WRONG-without-gap";
        return aiu_report_get_error(report) == error ? "RIGHT" : "WRONG";
}

/* The errno is the verdict's, and EADDRINUSE has something in the way. */
static const char *check_explanation(const struct aiu_report *report, int error)
{
        if (aiu_report_get_error(report) != error)
                return "WRONG-explained";
        if (error == EADDRINUSE && aiu_report_get_n_conflicts(report) == 0)
                return "WRONG-explained-by-nothing";
        return "EXPLAINED";
}

static void explain(const struct asked *call, int error)
{
        struct aiu_report *report = ask(call, error);

        if (report)
                put(check_explanation(report, error), call, report, error);
        aiu_report_unref(report);
}

static int real_call(const struct asked *call, int backlog)
{
        static int (*next_bind)(int, const struct sockaddr *, socklen_t);
        static int (*next_listen)(int, int);

        if (!next_bind || !next_listen) {
                *(void **)&next_bind = dlsym(RTLD_NEXT, "bind");
                *(void **)&next_listen = dlsym(RTLD_NEXT, "listen");
        }
        return call->address ? next_bind(call->fd, call->address, call->bytes) : next_listen(call->fd, backlog);
}

static int watch(const struct asked *call, int backlog)
{
        int before = errno, r, error;
        struct aiu_report *report;

        if (inside)
                return real_call(call, backlog);
        inside = true;
        report = ask(call, 0);
        errno = before;
        r = real_call(call, backlog);
        error = r < 0 ? errno : 0;
        if (report) {
                put(compare(report, error), call, report, error);
                if (error)
                        explain(call, error);
        } else {
                put("NOT-ASKED", call, NULL, error);
        }
        aiu_report_unref(report);
        errno = error ? error : before;
        inside = false;
        return r;
}

__attribute__((visibility("default"))) int bind(int fd, const struct sockaddr *address, socklen_t bytes)
{
        struct asked call = { fd, address, bytes };

        /* A NULL address would be a listen() below. */
        return watch(address ? &call : &(struct asked){ fd, (const struct sockaddr *)"", 0 }, 0);
}

__attribute__((visibility("default"))) int listen(int fd, int backlog)
{
        return watch(&(struct asked){ .fd = fd }, backlog);
}
