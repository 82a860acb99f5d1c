/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From an event to a report: the query that the process would make about its own call. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bpf/watch.h"
#include "util/macro.h"
#include "util/sys.h"

#define FIELD_START_TIME 22 /* of /proc/PID/stat; the name, which is the second one, may have anything in it */

static uint64_t start_ticks(pid_t pid)
{
        char path[32], text[1024], *at;

        (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        if (sys_read_file(AT_FDCWD, path, text, sizeof(text)) <= 0)
                return 0;
        at = strrchr(text, ')');
        for (int field = 2; at && field < FIELD_START_TIME; field++)
                at = strchr(at + 1, ' ');
        return at ? strtoull(at, NULL, 10) : 0;
}

/* Another process may have its number by now. */
bool event_process_is_there(const struct watch_event *event)
{
        return event->pid != 0 && start_ticks((pid_t)event->pid) == event_start_ticks(event);
}

uint64_t event_start_ticks(const struct watch_event *event)
{
        long hz = sysconf(_SC_CLK_TCK);

        return event->start_nsec / (UINT64_C(1000000000) / (uint64_t)(hz > 0 ? hz : 100));
}

/*
 * A path that begins in the directory of the process, which is not ours, or in another root: here it is another file.
 * That one may be stale, and the advice would be to remove it.
 */
static bool is_elsewhere(const struct watch_event *event)
{
        const struct watch_failure *failure = &event->failure;
        const struct sockaddr_un *address = (const struct sockaddr_un *)(const void *)failure->address;
        bool is_path = address->sun_family == AF_UNIX && failure->bytes > offsetof(struct sockaddr_un, sun_path) &&
                       address->sun_path[0] != '\0';

        return is_path && (address->sun_path[0] != '/' || !event->same_root);
}

/* With the namespace and, while the process exists, its capabilities and directory. */
static int set_process(struct aiu_query *query, const struct watch_event *event, struct namespaces *namespaces)
{
        uint64_t netns = event->failure.netns;
        int r, fd;

        if (event_process_is_there(event))
                r = aiu_query_set_pid(query, (pid_t)event->pid);
        else
                r = -ESRCH;
        if (r < 0 && (r != -ESRCH || is_elsewhere(event)))
                return r;
        r = aiu_query_set_uid(query, event->uid);
        if (r < 0)
                return r;
        if (netns == namespaces->own)
                return 0;
        fd = namespaces_find(namespaces, netns, (pid_t)event->pid);
        return fd < 0 ? -ESRCH : aiu_query_set_netns(query, fd);
}

static int set_socket(struct aiu_query *query, const struct watch_event *event)
{
        const struct watch_failure *failure = &event->failure;
        struct sockaddr_storage address;
        sa_family_t family;
        int r;

        memcpy(&family, failure->address, sizeof(family));
        memset(&address, 0, sizeof(address));
        memcpy(&address, failure->address, sizeof(failure->address));
        r = aiu_query_set_socket(query, failure->type, family == AF_UNIX ? 0 : failure->protocol);
        if (r < 0)
                return r;
        r = aiu_query_set_address(query, (const struct sockaddr *)&address, failure->bytes);
        if (r < 0)
                return r;
        (void)aiu_query_set_reuseaddr(query, event->reuseaddr);
        (void)aiu_query_set_reuseport(query, event->reuseport);
        (void)aiu_query_set_v6only(query, event->v6only);
        return aiu_query_set_socket_id(query, event->inode, event->cookie);
}

static int set_call(struct aiu_query *query, const struct watch_event *event)
{
        int r = aiu_query_set_call(query, event->failure.call == WATCH_LISTEN ? AIU_CALL_LISTEN : AIU_CALL_BIND);

        return r < 0 ? r : aiu_query_set_error(query, event->failure.error);
}

int event_explain(const struct watch_event *event, struct aiu_context *context, struct namespaces *namespaces,
                  struct aiu_report **ret_report)
{
        struct aiu_query *query;
        int r = aiu_query_new(context, &query);

        if (r < 0)
                return r;
        r = set_process(query, event, namespaces);
        if (r >= 0)
                r = set_socket(query, event);
        if (r >= 0)
                r = set_call(query, event);
        if (r >= 0)
                r = aiu_query_run(query, ret_report);
        aiu_query_unref(query);
        return r;
}
