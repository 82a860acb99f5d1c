/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For a program that traces itself: the kernel asks before each bind() and listen(), and the call runs after the answer.
 * So this predicts a failure, and each call that succeeds waits for a prediction, too. It never answers in place of the
 * kernel: the call would be made with other rights.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "run.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5) /* since Linux 5.19 */
#endif

int run_listen(void)
{
        int r = run_install_filter(SECCOMP_RET_USER_NOTIF,
                                   SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);

        return r == -EINVAL ? run_install_filter(SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER) : r;
}

/* Only a certain prediction is reported. */
static bool fails(const struct aiu_report *report)
{
        enum aiu_verdict verdict = aiu_report_get_verdict(report);

        return verdict != AIU_VERDICT_AVAILABLE && verdict != AIU_VERDICT_UNKNOWN;
}

struct question {
        struct run *run;
        const struct stat *at_start;
        const struct seccomp_notif *asked;
};

static void predict(void *userdata)
{
        const struct question *question = userdata;
        const struct seccomp_notif *asked = question->asked;
        struct run *run = question->run;
        uint64_t args[6];
        pid_t tid = (pid_t)asked->pid, pid = run_status(tid, "\nTgid:", 0);
        struct run_call call;
        struct event event;
        int fd;

        memcpy(args, asked->data.args, sizeof(args));
        if (!run_decode(tid, asked->data.arch, (uint32_t)asked->data.nr, args, &call))
                return;
        event_begin(&event, pid > 0 ? pid : tid, tid);
        event.predicted = true;
        if (run_explain(run, event.pid, tid, &call, 0, &event.report) < 0)
                return;
        if (fails(event.report)) {
                fd = run_get_stderr(tid, question->at_start->st_dev, question->at_start->st_ino);
                (void)run_tell(run, &event, fd);
                if (fd >= 0)
                        (void)close(fd);
        }
        aiu_report_unref(event.report);
}

/* musl declares the request of ioctl(3) as an int, into which these do not fit. */
static int notify(int listener, unsigned long request, void *argument)
{
        return (int)syscall(SYS_ioctl, listener, request, argument);
}

static void answer(struct run *run, const struct stat *at_start, int listener)
{
        struct seccomp_notif asked = { 0 };
        struct question question = { run, at_start, &asked };
        struct seccomp_notif_resp go_on = { .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };

        if (notify(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) < 0)
                return;
        run_try(predict, &question);
        go_on.id = asked.id;
        (void)notify(listener, SECCOMP_IOCTL_NOTIF_SEND, &go_on);
}

void run_supervise(struct run *run, int listener, const struct stat *at_start)
{
        struct pollfd one = { .fd = listener, .events = POLLIN };

        run->told.at_once = true;
        for (;;) {
                if (poll(&one, 1, -1) < 0 && errno != EINTR)
                        break;
                if (one.revents & POLLIN)
                        answer(run, at_start, listener);
                else if (one.revents & (POLLHUP | POLLERR | POLLNVAL))
                        break;
        }
        told_finish(&run->told);
}
