/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * aiu_watch: the kernel sends one event a second for equal failures, and counts the others. A second report has this
 * count. Reports, repeats and lost failures add up to all failures.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "bpf/module.h"
#include "bpf/sys-bpf.h"
#include "bpf/watch.h"
#include "util/macro.h"
#include "util/sys.h"

#define QUIET_NSEC UINT64_C(1000000000)
#define RECENT_NSEC (10 * QUIET_NSEC)
#define MOST_REMEMBERED 1024u
#define MOST_TESTS 3

/* The report of a failure, for equal ones that follow. */
struct remembered {
        struct watch_event event;
        struct aiu_report *report;
};

struct aiu_watch {
        unsigned int refs;
        struct aiu_context *context;
        const struct watch_way *kind;
        struct way way;
        struct watch_settings *settings;
        struct ring ring;
        int epoll, timer;
        bool armed, stopped, swept; /* armed: the timer runs */
        struct namespaces namespaces;
        struct seen *seen;
        struct remembered *remembered;
        size_t n_remembered, next_remembered;
        struct watch_failure *due; /* counted failures, when their second is over */
        uint64_t *due_counts;
        size_t n_due;
        struct budget budget;
        uint64_t told, dropped;
        /* The current one */
        struct watch_event event;
        bool again;
};

/* ------------------------------------------------------ begin and end */

static void close_all(struct aiu_watch *watch)
{
        way_close(&watch->way);
        ring_close(&watch->ring);
        sys_unmap(watch->settings, sizeof(*watch->settings));
        watch->settings = NULL;
        watch->epoll = sys_close(watch->epoll);
        watch->timer = sys_close(watch->timer);
}

AIU_EXPORT struct aiu_watch *aiu_watch_ref(struct aiu_watch *watch)
{
        if (watch)
                watch->refs++;
        return watch;
}

AIU_EXPORT struct aiu_watch *aiu_watch_unref(struct aiu_watch *watch)
{
        KEEP_ERRNO;

        if (!watch || --watch->refs > 0)
                return NULL;
        close_all(watch);
        namespaces_expire(&watch->namespaces, true);
        for (size_t i = 0; i < watch->n_remembered; i++)
                aiu_report_unref(watch->remembered[i].report);
        free(watch->remembered);
        seen_unref(watch->seen);
        free(watch->due);
        free(watch->due_counts);
        aiu_context_unref(watch->context);
        free(watch);
        return NULL;
}

static int open_maps(struct aiu_watch *watch)
{
        int r;

        watch->settings = sys_map_shared(sizeof(*watch->settings), watch->way.settings);
        if (!watch->settings)
                return -ENOMEM;
        r = ring_open(watch->way.ring, WATCH_RING_BYTES, &watch->ring);
        if (r < 0)
                return r;
        watch->epoll = sys_epoll_create();
        if (watch->epoll < 0)
                return watch->epoll;
        watch->timer = sys_timer_create();
        if (watch->timer < 0)
                return watch->timer;
        r = sys_epoll_add(watch->epoll, watch->timer);
        return r < 0 ? r : sys_epoll_add(watch->epoll, watch->way.ring);
}

static uint64_t cookie_of(int fd)
{
        uint64_t cookie = 0;
        socklen_t bytes = sizeof(cookie);

        return sys_getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &bytes) < 0 ? 0 : cookie;
}

/*
 * The port is taken by the first of two sockets, or 127.0.0.1 is not there: it fails in each namespace. Others fail at
 * the same time, so the cookie says which socket is ours.
 */
static int fail_to_bind(struct watch_settings *settings)
{
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int first = sys_socket(AF_INET, SOCK_STREAM, 0), second = sys_socket(AF_INET, SOCK_STREAM, 0);
        socklen_t bytes = sizeof(address);
        int r = first < 0 ? first : second;

        settings->learn_cookie = cookie_of(first);
        if (r >= 0)
                r = sys_bind(first, (struct sockaddr *)&address, bytes);
        if (r == 0)
                r = sys_getsockname(first, (struct sockaddr *)&address, &bytes);
        if (r == 0)
                settings->learn_cookie = cookie_of(second);
        if (r == 0)
                r = sys_bind(second, (struct sockaddr *)&address, bytes);
        (void)sys_close(first);
        (void)sys_close(second);
        return r;
}

/* A failing bind of our own must arrive, as ours. The program also notes our pid namespace. */
static int self_test(struct aiu_watch *watch)
{
        struct watch_settings *settings = watch->settings;
        struct watch_event event;
        bool seen = false;
        int r;

        r = fail_to_bind(settings);
        settings->learn_cookie = 0;
        settings->failures = settings->lost = 0;
        while (ring_next(&watch->ring, &event))
                if ((pid_t)event.pid == sys_getpid() && event.failure.error == -r &&
                    event.failure.netns == watch->namespaces.own) {
                        settings->own_tgid = event.tgid;
                        seen = true;
                }
        return r < 0 && seen ? 0 : -EOPNOTSUPP;
}

/* The failures of a busy host may fill the ring buffer, so one test that fails proves nothing. */
static int prove(struct aiu_watch *watch)
{
        int r = -EOPNOTSUPP;

        for (int i = 0; i < MOST_TESTS && r < 0; i++)
                r = self_test(watch);
        return r;
}

static int try_way(struct aiu_watch *watch, const struct watch_way *way)
{
        int r = way->attach(&watch->way);

        if (r < 0)
                return r;
        watch->kind = way;
        r = open_maps(watch);
        if (r >= 0)
                r = prove(watch);
        if (r < 0)
                close_all(watch);
        else
                watch->settings->quiet_nsec = QUIET_NSEC;
        return r;
}

/* The error of the last way is returned: the user can mount tracefs. */
static int find_way(struct aiu_watch *watch)
{
        int r = -EOPNOTSUPP;

        for (size_t i = 0; i < ELEMENTSOF(watch_ways); i++) {
                r = try_way(watch, &watch_ways[i]);
                if (r >= 0 || r == -ENOMEM || r == -EMFILE)
                        return r;
        }
        return r;
}

static int set_up(struct aiu_watch *watch, struct aiu_context *context)
{
        int r;

        way_init(&watch->way);
        watch->epoll = watch->timer = -1;
        namespaces_init(&watch->namespaces);
        watch->remembered = calloc(MOST_REMEMBERED, sizeof(*watch->remembered));
        watch->due = calloc(WATCH_FAILURES, sizeof(*watch->due));
        watch->due_counts = calloc(WATCH_FAILURES, sizeof(*watch->due_counts));
        if (!watch->remembered || !watch->due || !watch->due_counts)
                return -ENOMEM;
        if (context)
                watch->context = aiu_context_ref(context);
        else if (aiu_context_new(&watch->context) < 0)
                return -ENOMEM;
        r = find_way(watch);
        /* Last: a context does not let go of a backend. */
        return r < 0 ? r : seen_new(watch->context, &watch->seen);
}

AIU_EXPORT int aiu_watch_new(struct aiu_context *context, uint32_t flags, struct aiu_watch **ret_watch)
{
        KEEP_ERRNO;
        struct aiu_watch *watch;
        int r;

        if (!ret_watch || flags != 0)
                return -EINVAL;
        r = module_check_caller(true);
        if (r < 0)
                return r;
        watch = calloc(1, sizeof(*watch));
        if (!watch)
                return -ENOMEM;
        watch->refs = 1;
        r = set_up(watch, context);
        if (r < 0) {
                aiu_watch_unref(watch);
                return r;
        }
        *ret_watch = watch;
        return 0;
}

AIU_EXPORT int aiu_watch_stop(struct aiu_watch *watch)
{
        KEEP_ERRNO;

        if (!watch)
                return -EINVAL;
        way_detach(&watch->way);
        watch->stopped = true;
        budget_close(&watch->budget);
        return 0;
}

/* ------------------------------------------------------ what was counted */

static int map_call(int command, int map, const void *key, void *value)
{
        union bpf_attr attribute;

        memset(&attribute, 0, sizeof(attribute));
        attribute.map_fd = (uint32_t)map;
        attribute.key = (uintptr_t)key;
        attribute.value = (uintptr_t)value; /* next_key has the same place */
        return sys_bpf(command, &attribute);
}

/* A timer that runs is left alone: failures that come all the time would postpone its end each time. */
static void arm(struct aiu_watch *watch)
{
        if (!watch->armed)
                watch->armed = sys_timer_set(watch->timer, QUIET_NSEC) >= 0;
}

/* Takes the counts of failures whose second is over. The next such failure is an event again. */
static void sweep(struct aiu_watch *watch)
{
        struct watch_failure *due = watch->due;
        uint64_t now = sys_now_nsec();
        struct watch_count count;
        size_t n = 0, kept = 0;

        while (n < WATCH_FAILURES &&
               map_call(BPF_MAP_GET_NEXT_KEY, watch->way.counts, n ? &due[n - 1] : NULL, &due[n]) == 0)
                n++;
        watch->swept = watch->stopped;
        for (size_t i = 0; i < n; i++) {
                if (map_call(BPF_MAP_LOOKUP_ELEM, watch->way.counts, &due[i], &count) < 0 ||
                    (!watch->stopped && now - count.since < QUIET_NSEC) ||
                    map_call(BPF_MAP_LOOKUP_AND_DELETE_ELEM, watch->way.counts, &due[i], &count) < 0 || count.n == 0)
                        continue;
                due[kept] = due[i];
                watch->due_counts[kept++] = count.n;
        }
        watch->n_due = kept;
        namespaces_expire(&watch->namespaces, false);
        if (n > 0 && !watch->stopped)
                arm(watch);
}

static struct remembered *recall(struct aiu_watch *watch, const struct watch_failure *failure)
{
        for (size_t i = 0; i < watch->n_remembered; i++)
                if (memcmp(&watch->remembered[i].event.failure, failure, sizeof(*failure)) == 0)
                        return &watch->remembered[i];
        return NULL;
}

static struct remembered *choose_slot(struct aiu_watch *watch)
{
        struct remembered *slot = recall(watch, &watch->event.failure);

        if (slot)
                return slot;
        if (watch->n_remembered < MOST_REMEMBERED)
                return &watch->remembered[watch->n_remembered++];
        slot = &watch->remembered[watch->next_remembered];
        watch->next_remembered = (watch->next_remembered + 1) % MOST_REMEMBERED;
        return slot;
}

static void remember(struct aiu_watch *watch, struct aiu_report *report)
{
        struct remembered *slot = choose_slot(watch);

        aiu_report_unref(slot->report);
        *slot = (struct remembered){ .event = watch->event, .report = aiu_report_ref(report) };
}

static int tell_counted(struct aiu_watch *watch, struct aiu_report **ret_report)
{
        while (watch->n_due > 0) {
                uint64_t n = watch->due_counts[--watch->n_due];
                const struct remembered *earlier = recall(watch, &watch->due[watch->n_due]);

                if (!earlier) {
                        watch->dropped += n;
                        continue;
                }
                watch->event = earlier->event;
                watch->event.repeats = n - 1;
                watch->again = true;
                watch->told += n;
                *ret_report = aiu_report_ref(earlier->report);
                return 1;
        }
        return 0;
}

/* ------------------------------------------------------ what is seen */

/* -EBUSY: the time of this second is spent. */
static int explain(struct aiu_watch *watch, struct aiu_report **ret_report)
{
        struct source *source = budget_ask(&watch->budget, &watch->event);
        int r;

        if (!source)
                return -EBUSY;
        seen_set(watch->seen, &watch->event);
        r = event_explain(&watch->event, watch->context, &watch->namespaces, ret_report);
        seen_set(watch->seen, NULL);
        budget_spend(&watch->budget, source);
        return r;
}

/* If there is no time, an equal failure of a moment ago says why. */
static int repeat(struct aiu_watch *watch, struct aiu_report **ret_report)
{
        const struct remembered *earlier = recall(watch, &watch->event.failure);

        if (!earlier || watch->event.time_nsec - earlier->event.time_nsec > RECENT_NSEC)
                return -EBUSY;
        watch->again = true;
        watch->told += watch->event.repeats + 1;
        *ret_report = aiu_report_ref(earlier->report);
        return 1;
}

static int tell_event(struct aiu_watch *watch, struct aiu_report **ret_report)
{
        while (ring_next(&watch->ring, &watch->event)) {
                uint64_t n = watch->event.repeats + 1;
                int r;

                arm(watch);
                r = explain(watch, ret_report);
                if (r == -EBUSY && repeat(watch, ret_report) == 1)
                        return 1;
                if (r < 0) {
                        watch->dropped += n;
                        if (r == -ENOMEM)
                                return r;
                        continue;
                }
                watch->again = false;
                watch->told += n;
                remember(watch, *ret_report);
                return 1;
        }
        return 0;
}

static bool timer_is_over(struct aiu_watch *watch)
{
        uint64_t n;

        if (sys_read(watch->timer, &n, sizeof(n)) <= 0)
                return false;
        watch->armed = false;
        return true;
}

AIU_EXPORT int aiu_watch_next(struct aiu_watch *watch, struct aiu_report **ret_report)
{
        KEEP_ERRNO;
        int r;

        if (!watch || !ret_report)
                return -EINVAL;
        r = tell_counted(watch, ret_report);
        if (r == 0)
                r = tell_event(watch, ret_report);
        if (r == 0 && (watch->stopped ? !watch->swept : timer_is_over(watch))) {
                sweep(watch);
                r = tell_counted(watch, ret_report);
        }
        return r;
}

/* ------------------------------------------------------ settings */

AIU_EXPORT int aiu_watch_set_port(struct aiu_watch *watch, uint16_t port)
{
        if (!watch)
                return -EINVAL;
        watch->settings->port = port;
        return 0;
}

AIU_EXPORT int aiu_watch_set_netns(struct aiu_watch *watch, uint64_t inode)
{
        if (!watch || inode > UINT32_MAX)
                return -EINVAL;
        watch->settings->netns = (uint32_t)inode;
        return 0;
}

AIU_EXPORT int aiu_watch_set_uid(struct aiu_watch *watch, uid_t uid)
{
        if (!watch)
                return -EINVAL;
        watch->settings->uid_plus_1 = (uint32_t)uid + 1;
        return 0;
}

/* The inode of a cgroup is its number. */
AIU_EXPORT int aiu_watch_set_cgroup(struct aiu_watch *watch, const char *directory)
{
        KEEP_ERRNO;
        struct stat st = { 0 };
        int r = 0;

        if (!watch)
                return -EINVAL;
        if (directory)
                r = sys_fstatat(AT_FDCWD, directory, &st, 0);
        if (r < 0)
                return r;
        if (directory && !S_ISDIR(st.st_mode))
                return -ENOTDIR;
        watch->settings->cgroup = st.st_ino;
        return 0;
}

/* ------------------------------------------------------ accessors */

AIU_EXPORT int aiu_watch_get_fd(const struct aiu_watch *watch)
{
        return watch ? watch->epoll : -EINVAL;
}

AIU_EXPORT const char *aiu_watch_get_mechanism(const struct aiu_watch *watch)
{
        return watch ? watch->kind->mechanism : NULL;
}

AIU_EXPORT const char *aiu_watch_get_not_seen(const struct aiu_watch *watch, size_t i)
{
        return watch && i < ELEMENTSOF(watch->kind->not_seen) ? watch->kind->not_seen[i] : NULL;
}

/* A failure that is counted while its count is deleted has no report. After the end, the total reveals it. */
AIU_EXPORT uint64_t aiu_watch_get_lost(const struct aiu_watch *watch)
{
        uint64_t lost;

        if (!watch)
                return 0;
        lost = watch->settings->lost + watch->dropped;
        if (watch->stopped && watch->swept && watch->settings->failures > watch->told + lost)
                lost = watch->settings->failures - watch->told;
        return lost;
}

#define OF_WATCH(type, name, value)                                                                                    \
        AIU_EXPORT type aiu_watch_##name(const struct aiu_watch *watch)                                                \
        {                                                                                                              \
                return watch ? (value) : 0;                                                                            \
        }

OF_WATCH(pid_t, get_pid, (pid_t)watch->event.pid)
OF_WATCH(uint64_t, get_start_ticks, event_start_ticks(&watch->event))
OF_WATCH(const char *, get_comm, watch->event.comm)
OF_WATCH(uid_t, get_uid, watch->event.uid)
OF_WATCH(uint64_t, get_netns, watch->event.failure.netns)
OF_WATCH(uint64_t, get_cgroup_id, watch->event.cgroup)
OF_WATCH(uint64_t, get_repeats, watch->event.repeats)
OF_WATCH(int, is_again, watch->again)

AIU_EXPORT int aiu_watch_process_exists(const struct aiu_watch *watch)
{
        KEEP_ERRNO;

        return watch && event_process_is_there(&watch->event);
}

AIU_EXPORT uint64_t aiu_watch_get_time_usec(const struct aiu_watch *watch)
{
        uint64_t ago;

        if (!watch)
                return 0;
        ago = sys_now_nsec() - watch->event.time_nsec;
        return sys_real_usec() - ago / 1000;
}
