/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See explain.h. The settings are in the environment: ADDRINUSE_RUN, words with commas between, the last may be log=FILE. */
#include "explain.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "sink.h"
#include "told.h"

static struct sink sink = { .log = -1 };
static struct told told;
static int out = -1;
static bool filtered; /* by seccomp, at the first failure */

static void emit(void *userdata, const struct event *event)
{
        (void)userdata;
        sink_event(&sink, event, out);
}

/* The file is opened for each line: the program may have closed all descriptors that it does not know. */
static void read_settings(void)
{
        const char *text = secure_getenv("ADDRINUSE_RUN");
        size_t n;

        for (; text && *text; text += n + (text[n] == ',')) {
                if (strncmp(text, "log=", 4) == 0) {
                        sink.log = open(text + 4, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0666);
                        return;
                }
                n = strcspn(text, ",");
                sink_take_setting(&sink, text, n);
        }
}

/* ------------------------------------------------------ SIGPIPE */

struct held {
        sigset_t pipe, before;
        bool was_pending;
};

/* The reader of stderr may be gone, and a write by us must not end the program. */
static void hold_sigpipe(struct held *ret)
{
        sigset_t pending;

        (void)sigemptyset(&ret->pipe);
        (void)sigaddset(&ret->pipe, SIGPIPE);
        (void)sigemptyset(&pending);
        (void)sigpending(&pending);
        ret->was_pending = sigismember(&pending, SIGPIPE) == 1;
        (void)pthread_sigmask(SIG_BLOCK, &ret->pipe, &ret->before);
}

static void release_sigpipe(const struct held *held)
{
        const struct timespec none = { 0, 0 };

        while (!held->was_pending && sigtimedwait(&held->pipe, NULL, &none) < 0 && errno == EINTR)
                ;
        (void)pthread_sigmask(SIG_SETMASK, &held->before, NULL);
}

/* ------------------------------------------------------ what preload.c calls */

__attribute__((visibility("default"))) void addrinuse_explain(const struct explain_call *call)
{
        struct event event;
        struct held held;

        if (!told.emit)
                filtered = prctl(PR_GET_SECCOMP) > 0;
        told.emit = emit;
        hold_sigpipe(&held);
        out = call->out;
        sink = (struct sink){ .log = -1 };
        read_settings();
        event_begin(&event, getpid(), (pid_t)syscall(SYS_gettid));
        event.report = call->address ? aiu_explain_bind(call->fd, call->address, call->bytes, call->error)
                                     : aiu_explain_listen(call->fd, call->error);
        if (event.report)
                (void)told_add(&told, &event);
        aiu_report_unref(event.report);
        if (sink.log >= 0)
                (void)close(sink.log);
        sink.log = -1;
        release_sigpipe(&held);
}

__attribute__((visibility("default"))) void addrinuse_forget(void)
{
        for (size_t i = 0; i < told.n; i++)
                told.entries[i].pending = 0;
}

static bool is_pending(void)
{
        for (size_t i = 0; i < told.n; i++)
                if (told.entries[i].pending > 0)
                        return true;
        return false;
}

/* exit(3): report what was counted. A seccomp filter of the program's own may kill it for our system calls. */
__attribute__((destructor)) static void finish(void)
{
        struct held held;

        if (!is_pending() || (!filtered && prctl(PR_GET_SECCOMP) > 0))
                return;
        hold_sigpipe(&held);
        read_settings();
        told_finish(&told);
        if (sink.log >= 0)
                (void)close(sink.log);
        release_sigpipe(&held);
}
