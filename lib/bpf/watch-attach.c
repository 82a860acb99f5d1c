/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The two ways to see calls that fail. An object per way: a light skeleton is loaded as a whole, and a kernel that refuses
 * trampolines refuses all of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <watch-calls.lskel.h>
#include <watch-fexit.lskel.h>

#include "bpf/module.h"
#include "bpf/sys-bpf.h"
#include "bpf/watch.h"
#include "util/macro.h"
#include "util/sys.h"

static int why(int r)
{
        return r == -EMFILE ? r : object_error(r);
}

void way_init(struct way *way)
{
        *way = (struct way){ .settings = -1, .counts = -1, .ring = -1 };
        for (size_t i = 0; i < MOST_PROGRAMS; i++)
                way->programs[i] = way->links[i] = -1;
}

void way_detach(struct way *way)
{
        for (size_t i = 0; i < MOST_PROGRAMS; i++)
                way->links[i] = sys_close(way->links[i]);
}

void way_close(struct way *way)
{
        way_detach(way);
        for (size_t i = 0; i < MOST_PROGRAMS; i++)
                way->programs[i] = sys_close(way->programs[i]);
        way->settings = sys_close(way->settings);
        way->counts = sys_close(way->counts);
        way->ring = sys_close(way->ring);
}

/* Both skeletons have the same maps, and as many programs. Their descriptors pass to the way. */
#define TAKE_DESCRIPTORS(way, skeleton, first, second, third, fourth)                                                  \
        (*(way) = (struct way){                                                                                        \
                 .settings = (skeleton)->maps.settings.map_fd,                                                         \
                 .counts = (skeleton)->maps.counts.map_fd,                                                             \
                 .ring = (skeleton)->maps.ring.map_fd,                                                                 \
                 .programs = { (skeleton)->progs.first.prog_fd, (skeleton)->progs.second.prog_fd,                      \
                               (skeleton)->progs.third.prog_fd, (skeleton)->progs.fourth.prog_fd },                    \
                 .links = { -1, -1, -1, -1 },                                                                          \
         })

/* ------------------------------------------------------ trampolines */

static int attach_trampolines(struct way *way)
{
        for (size_t i = 0; i < MOST_PROGRAMS; i++) {
                int link = skel_raw_tracepoint_open(NULL, way->programs[i]);

                if (link < 0)
                        return why(link);
                way->links[i] = link;
        }
        return 0;
}

static int attach_fexit(struct way *way)
{
        struct watch_fexit_bpf *skeleton = watch_fexit_bpf__open();
        int r;

        way_init(way);
        if (!skeleton)
                return -ENOMEM;
        r = watch_fexit_bpf__load(skeleton);
        if (r < 0) {
                watch_fexit_bpf__destroy(skeleton);
                /* Trampolines are refused with EPERM to callers that have every capability. */
                return r == -ENOMEM || r == -EMFILE ? r : -EOPNOTSUPP;
        }
        TAKE_DESCRIPTORS(way, skeleton, inet_bind_failed, inet6_bind_failed, unix_bind_failed, inet_listen_failed);
        skel_free(skeleton);
        r = attach_trampolines(way);
        if (r < 0)
                way_close(way);
        return r;
}

/* ------------------------------------------------------ tracepoints */

static const char *const tracefs[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };

/* The number by which perf_event_open(2) knows a tracepoint. */
static int tracepoint_id(const char *name)
{
        char path[128], text[16];

        for (size_t i = 0; i < ELEMENTSOF(tracefs); i++) {
                (void)snprintf(path, sizeof(path), "%s/events/syscalls/%s/id", tracefs[i], name);
                if (sys_read_file(AT_FDCWD, path, text, sizeof(text)) > 0)
                        return (int)strtol(text, NULL, 10);
        }
        return -ENOENT;
}

static int attach_tracepoint(int program, int id)
{
        int event = sys_perf_tracepoint(id), r;

        if (event < 0)
                return event;
        r = sys_perf_run(event, program);
        if (r < 0) {
                (void)sys_close(event);
                return r;
        }
        return event;
}

static int load_calls(struct way *way)
{
        struct watch_calls_bpf *skeleton = watch_calls_bpf__open();
        int r;

        if (!skeleton)
                return -ENOMEM;
        r = watch_calls_bpf__load(skeleton);
        if (r < 0) {
                watch_calls_bpf__destroy(skeleton);
                return why(r);
        }
        TAKE_DESCRIPTORS(way, skeleton, bind_begins, bind_ends, listen_begins, listen_ends);
        (void)sys_close(skeleton->maps.calls.map_fd);
        skel_free(skeleton);
        return 0;
}

static int attach_calls(struct way *way)
{
        static const char *const names[MOST_PROGRAMS] = { "sys_enter_bind", "sys_exit_bind", "sys_enter_listen",
                                                          "sys_exit_listen" };
        int ids[MOST_PROGRAMS], r;

        way_init(way);
        for (size_t i = 0; i < MOST_PROGRAMS; i++) {
                ids[i] = tracepoint_id(names[i]);
                if (ids[i] < 0)
                        return ids[i];
        }
        r = load_calls(way);
        for (size_t i = 0; i < MOST_PROGRAMS && r >= 0; i++) {
                r = attach_tracepoint(way->programs[i], ids[i]);
                if (r >= 0)
                        way->links[i] = r;
        }
        if (r < 0) {
                way_close(way);
                return why(r);
        }
        return 0;
}

const struct watch_way watch_ways[2] = {
        { "fexit", { "mptcp" }, attach_fexit },
        { "tracepoint", { "io_uring", "32-bit" }, attach_calls },
};
