/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waiting until a bind() would succeed, in an order that is free of races: subscribe, ask, sleep, drain, ask.
 *
 *      aiu_wait_new()          subscribe_all()   every source that knows about this kind of address
 *                              look()            a cheap question: the first holder, no service asked
 *              |
 *              v
 *      poll(fd, timeout)       the caller's event loop, or aiu_query_wait()
 *              |
 *              v
 *      aiu_wait_process()      drain()           all that arrived, then
 *                              look()            ... once more; the whole report when the wait is over
 *
 * An event says that something happened, never what is true now: that is always asked. What no source announces is
 * found by the clock (schedule.c).
 */
#include <errno.h>
#include <limits.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdlib.h>

#include "query/context.h"
#include "rules/address.h"
#include "rules/conflict.h"
#include "util/caller.h"
#include "util/macro.h"
#include "util/netns.h"
#include "util/sys.h"
#include "wait/outlook.h"
#include "wait/processes.h"
#include "wait/source.h"

/* While a busy port changes all the time, looks take at most a fifth of the time, and none waits for longer than this. */
#define REST_FACTOR 4
#define REST_MOST_NSEC UINT64_C(50000000)
/* After a look that failed. */
#define FAILED_PAUSE_NSEC UINT64_C(50000000)

static const struct source *const sources[] = { &source_sockets, &source_addresses, &source_directory };

enum state { WAITING, IS_FREE, IS_NEVER };

struct aiu_wait {
        unsigned int refs;
        struct aiu_query *query;
        struct subject subject;
        int epoll; /* -1: under a filter, or refused */
        int fds[ELEMENTSOF(sources)];
        int fd; /* that the caller polls: epoll, or one of the sources, or one that is never readable */
        struct processes processes;
        struct schedule schedule;
        struct aiu_report *report;
        enum aiu_wait_basis basis;
        enum state state;
        bool unsettled;       /* something happened after the last look */
        uint64_t rested_nsec; /* when the next look may be taken, if something happened */
        uint64_t next_nsec;   /* ... and if nothing did */
};

/* ------------------------------------------------------ subscribe */

static void learn_subject(struct aiu_wait *wait)
{
        const struct aiu_query *query = wait->query;
        int procfs = context_open_procfs(query->context);

        wait->subject = (struct subject){
                .address = query->request.address,
                .port = address_port(&query->request.address),
                .protocol = conflict_protocol(&query->request),
                .plain = context_plain_calls_only(query->context),
                .foreign_paths = query->pid > 0,
                .foreign_pids = caller_pids_are_foreign(procfs),
        };
        context_close_procfs(query->context, procfs);
}

/* One that cannot be watched is no source. */
static void subscribe(struct aiu_wait *wait, size_t i)
{
        if (wait->subject.plain && !sources[i]->plain)
                return;
        wait->fds[i] = sources[i]->subscribe(&wait->subject);
        if (wait->fds[i] >= 0 && wait->epoll >= 0 && sys_epoll_add(wait->epoll, wait->fds[i]) < 0)
                wait->fds[i] = sys_close(wait->fds[i]);
}

static void subscribe_some(struct aiu_wait *wait, bool in_netns)
{
        for (size_t i = 0; i < ELEMENTSOF(sources); i++)
                if (sources[i]->in_netns == in_netns)
                        subscribe(wait, i);
}

/* A netlink socket hears of the namespace that it was made in. */
static int subscribe_there(struct aiu_wait *wait)
{
        int home, procfs, r;

        if (wait->query->netns_lost)
                return 0;
        if (wait->query->netns < 0) {
                subscribe_some(wait, true);
                return 0;
        }
        procfs = context_open_procfs(wait->query->context);
        r = wait->subject.plain ? -EPERM : netns_enter(procfs, wait->query->netns, &home);
        context_close_procfs(wait->query->context, procfs);
        if (r < 0)
                return 0;
        subscribe_some(wait, true);
        return netns_leave(home);
}

/* Without epoll(7) there is one descriptor to poll, and the sockets matter most. */
static int choose_fd(const struct aiu_wait *wait)
{
        if (wait->epoll >= 0)
                return wait->epoll;
        if (wait->fds[0] >= 0)
                return wait->fds[0];
        return sys_socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
}

static int subscribe_all(struct aiu_wait *wait)
{
        int r;

        learn_subject(wait);
        wait->epoll = wait->subject.plain ? -1 : sys_epoll_create();
        wait->processes.epoll = wait->subject.foreign_pids ? -1 : wait->epoll;
        subscribe_some(wait, false);
        r = subscribe_there(wait);
        wait->fd = choose_fd(wait);
        return r;
}

/* Without epoll(7) no other source than the one that is polled tells in time. */
static struct covered covered_by(const struct aiu_wait *wait)
{
        bool all = wait->epoll >= 0;

        return (struct covered){
                .sockets = wait->fds[0] >= 0,
                .addresses = all && wait->fds[1] >= 0,
                .directory = all && wait->fds[2] >= 0,
        };
}

/* ------------------------------------------------------ ask */

/* Whatever errno was seen: the question is about the next try. */
static int ask(const struct aiu_wait *wait, uint32_t flags, struct aiu_report **ret_report)
{
        struct aiu_query look = *wait->query;

        look.more_flags |= flags;
        look.request.error = 0;
        return aiu_query_run(&look, ret_report);
}

static int ask_cheaply(const struct aiu_wait *wait, struct aiu_report **ret_report)
{
        return ask(wait, AIU_CONTEXT_FIRST_HOLDER | AIU_CONTEXT_NO_IPC, ret_report);
}

static enum state state_by(const struct aiu_wait *wait, const struct aiu_report *report)
{
        struct covered covered = covered_by(wait);

        if (outlook_is_free(report))
                return IS_FREE;
        return outlook_basis(report, &covered) == AIU_WAIT_NEVER ? IS_NEVER : WAITING;
}

/* The cheap report says that it is over: the whole one has the last word. */
static int ask_enough(const struct aiu_wait *wait, struct aiu_report **ret_report)
{
        struct aiu_report *cheap = NULL;
        int r;

        r = ask_cheaply(wait, &cheap);
        if (r < 0)
                return r;
        if (state_by(wait, cheap) == WAITING) {
                *ret_report = cheap;
                return 0;
        }
        aiu_report_unref(cheap);
        return ask(wait, 0, ret_report);
}

static void follow_holders(struct aiu_wait *wait)
{
        struct covered covered = covered_by(wait);
        pid_t pids[MOST_PROCESSES];
        size_t n = outlook_holders(wait->report, &covered, pids, ELEMENTSOF(pids));

        if (processes_follow(&wait->processes, pids, n))
                wait->unsettled = true;
}

static void take(struct aiu_wait *wait, struct aiu_report *report)
{
        struct covered covered = covered_by(wait);

        aiu_report_unref(wait->report);
        wait->report = report;
        wait->state = state_by(wait, report);
        if (wait->state == IS_FREE)
                return;
        wait->basis = outlook_basis(report, &covered);
        if (wait->state == WAITING)
                follow_holders(wait);
}

static uint64_t after(uint64_t now_nsec, uint64_t pause_nsec)
{
        return pause_nsec > UINT64_MAX - now_nsec ? UINT64_MAX : now_nsec + pause_nsec;
}

static void plan(struct aiu_wait *wait, uint64_t began_nsec)
{
        uint64_t now = sys_now_nsec(), rest = (now - began_nsec) * REST_FACTOR;

        wait->rested_nsec = after(now, rest < REST_MOST_NSEC ? rest : REST_MOST_NSEC);
        wait->next_nsec = after(now, schedule_pause(&wait->schedule, wait->basis, wait->report));
}

static int look(struct aiu_wait *wait)
{
        struct aiu_report *report = NULL;
        uint64_t began = sys_now_nsec();
        int r;

        wait->unsettled = false;
        r = ask_enough(wait, &report);
        if (r < 0) {
                wait->next_nsec = after(sys_now_nsec(), FAILED_PAUSE_NSEC);
                return r;
        }
        take(wait, report);
        plan(wait, began);
        return 0;
}

/* ------------------------------------------------------ the object */

AIU_EXPORT int aiu_wait_new(struct aiu_query *query, struct aiu_wait **ret_wait)
{
        KEEP_ERRNO;
        struct aiu_wait *wait;
        int r;

        if (!query || !ret_wait)
                return -EINVAL;
        wait = calloc(1, sizeof(*wait));
        if (!wait)
                return -ENOMEM;
        wait->refs = 1;
        wait->query = aiu_query_ref(query);
        for (size_t i = 0; i < ELEMENTSOF(wait->fds); i++)
                wait->fds[i] = -1;
        r = subscribe_all(wait);
        if (r >= 0)
                r = look(wait);
        if (r < 0) {
                aiu_wait_unref(wait);
                return r;
        }
        *ret_wait = wait;
        return 0;
}

AIU_EXPORT struct aiu_wait *aiu_wait_ref(struct aiu_wait *wait)
{
        if (wait)
                wait->refs++;
        return wait;
}

AIU_EXPORT struct aiu_wait *aiu_wait_unref(struct aiu_wait *wait)
{
        KEEP_ERRNO;

        if (!wait || --wait->refs > 0)
                return NULL;
        processes_forget(&wait->processes);
        if (wait->fd != wait->epoll && wait->fd != wait->fds[0])
                sys_close(wait->fd);
        for (size_t i = 0; i < ELEMENTSOF(wait->fds); i++)
                sys_close(wait->fds[i]);
        sys_close(wait->epoll);
        aiu_report_unref(wait->report);
        aiu_query_unref(wait->query);
        free(wait);
        return NULL;
}

AIU_EXPORT int aiu_wait_get_fd(const struct aiu_wait *wait)
{
        return wait ? wait->fd : -EINVAL;
}

static uint64_t deadline_nsec(const struct aiu_wait *wait)
{
        if (wait->state != WAITING)
                return 0;
        return wait->unsettled && wait->rested_nsec < wait->next_nsec ? wait->rested_nsec : wait->next_nsec;
}

AIU_EXPORT int aiu_wait_get_timeout_usec(const struct aiu_wait *wait, uint64_t *ret_usec)
{
        uint64_t nsec;

        if (!wait || !ret_usec)
                return -EINVAL;
        nsec = deadline_nsec(wait);
        /* Rounded up, so that nothing wakes up too early. */
        *ret_usec = nsec == UINT64_MAX ? UINT64_MAX : nsec / 1000 + (nsec % 1000 != 0);
        return 0;
}

AIU_EXPORT enum aiu_wait_basis aiu_wait_get_basis(const struct aiu_wait *wait)
{
        return wait ? wait->basis : AIU_WAIT_UNKNOWN;
}

AIU_EXPORT struct aiu_report *aiu_wait_get_report(const struct aiu_wait *wait)
{
        return wait ? aiu_report_ref(wait->report) : NULL;
}

static bool drain(struct aiu_wait *wait)
{
        bool happened = processes_ended(&wait->processes);

        for (size_t i = 0; i < ELEMENTSOF(sources); i++)
                if (wait->fds[i] >= 0 && sources[i]->drain(wait->fds[i], &wait->subject))
                        happened = true;
        return happened;
}

static int result(const struct aiu_wait *wait)
{
        if (wait->state == IS_NEVER)
                return -EDEADLK;
        return wait->state == IS_FREE;
}

AIU_EXPORT int aiu_wait_process(struct aiu_wait *wait)
{
        KEEP_ERRNO;
        int r;

        if (!wait)
                return -EINVAL;
        if (wait->state != WAITING)
                return result(wait);
        if (drain(wait))
                wait->unsettled = true;
        if (sys_now_nsec() < deadline_nsec(wait))
                return 0;
        r = look(wait);
        return r < 0 ? r : result(wait);
}

/* ------------------------------------------------------ the loop around it */

static int sleep_until(int fd, uint64_t nsec)
{
        struct pollfd pollfd = { .fd = fd, .events = POLLIN };
        uint64_t now = sys_now_nsec(), msec = nsec > now ? (nsec - now + 999999) / 1000000 : 0;
        int r = sys_poll(&pollfd, 1, msec < INT_MAX ? (int)msec : INT_MAX);

        return r < 0 ? r : 0;
}

/* The time is up: the last look is a whole one. */
static int give_up(struct aiu_wait *wait)
{
        struct aiu_report *report = NULL;
        int r = ask(wait, 0, &report);

        if (r >= 0)
                take(wait, report);
        return r;
}

static int loop(struct aiu_wait *wait, uint64_t end_nsec)
{
        int r;

        while ((r = aiu_wait_process(wait)) == 0) {
                uint64_t next = deadline_nsec(wait);

                if (sys_now_nsec() >= end_nsec)
                        return give_up(wait);
                r = sleep_until(wait->fd, next < end_nsec ? next : end_nsec);
                if (r < 0)
                        return r;
        }
        return r == -EDEADLK || r > 0 ? 0 : r;
}

AIU_EXPORT int aiu_query_wait(struct aiu_query *query, uint64_t timeout_usec, struct aiu_report **ret_report)
{
        KEEP_ERRNO;
        struct aiu_wait *wait = NULL;
        uint64_t end = after(sys_now_nsec(), timeout_usec < UINT64_MAX / 1000 ? timeout_usec * 1000 : UINT64_MAX);
        int r;

        if (!ret_report)
                return -EINVAL;
        r = aiu_wait_new(query, &wait);
        if (r < 0)
                return r;
        r = loop(wait, end);
        if (r >= 0) {
                *ret_report = aiu_wait_get_report(wait);
                r = wait->state == WAITING;
        }
        aiu_wait_unref(wait);
        return r;
}
