/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the watch share. */
#ifndef AIU_BPF_WATCH_FILES_H
#define AIU_BPF_WATCH_FILES_H

#include <addrinuse-bpf.h>
#include <stdbool.h>
#include <stdint.h>

#include "bpf/programs/watch-wire.h"

/* ---- watch-attach.c: one of the two objects, loaded */
#define MOST_PROGRAMS 4

struct way {
        int settings, counts, ring; /* maps */
        int programs[MOST_PROGRAMS];
        int links[MOST_PROGRAMS]; /* of the kernel, or perf events; -1 = none */
};

/* The ways to watch, best first. -EPERM, -ENOENT (no tracefs), -ENOSYS, -ENOMEM, -EMFILE, or -EOPNOTSUPP. */
extern const struct watch_way {
        const char *mechanism;
        const char *not_seen[4];
        int (*attach)(struct way *ret_way);
} watch_ways[2];

void way_init(struct way *way); /* no descriptors */
void way_detach(struct way *way);
void way_close(struct way *way);

/* ---- ring.c: the ring buffer of a map */
struct ring {
        unsigned long *consumer;       /* a page; ours to write */
        const unsigned char *producer; /* a page, and the data twice */
        size_t page, bytes;
};

int ring_open(int map, size_t bytes, struct ring *ret);
void ring_close(struct ring *ring);
/* The oldest event; false: there is none. A record that the kernel discarded is skipped. */
bool ring_next(struct ring *ring, struct watch_event *ret);

/* ---- watch-netns.c: namespaces by inode */
#define MOST_NAMESPACES 32

struct namespaces {
        struct known_namespace {
                uint64_t inode, used_nsec;
                int fd;
        } known[MOST_NAMESPACES];
        uint64_t own, searched_nsec;
};

void namespaces_init(struct namespaces *namespaces);
/* Owned by the cache; -ENOENT if no process of it is left. `pid` is of a process that was in it. */
int namespaces_find(struct namespaces *namespaces, uint64_t inode, pid_t pid);
/* A descriptor keeps a namespace alive, so none is kept for long. */
void namespaces_expire(struct namespaces *namespaces, bool all);

/* ---- watch-seen.c: the sockets of an event, as a backend */
struct seen;
int seen_new(struct aiu_context *context, struct seen **ret);
void seen_set(struct seen *seen, const struct watch_event *event); /* NULL = none */
void seen_unref(struct seen *seen);

/* ---- watch-budget.c: the time that explanations may take */
#define MOST_SOURCES 64

/* What may be spent: time, or explanations in thousandths. Zeroed, it is as much as can be kept. */
struct credit {
        uint64_t since_msec;
        int64_t nsec, n;
};

/* One program in one network namespace. */
struct source {
        uint64_t netns;
        char comm[16];
        struct credit credit;
};

struct budget {
        uint64_t asked, end_msec; /* 0 = it does not end */
        struct credit credit;
        size_t n_sources;
        struct source sources[MOST_SOURCES];
};

/* NULL = the time is spent. */
struct source *budget_ask(struct budget *budget, const struct watch_event *event);
void budget_spend(struct budget *budget, struct source *source);
/* From now on, the explanations of one second are the last ones. */
void budget_close(struct budget *budget);

/* ---- watch-ask.c: from an event to a report */
uint64_t event_start_ticks(const struct watch_event *event); /* as /proc/PID/stat tells */
bool event_process_is_there(const struct watch_event *event);
/* -ESRCH: the namespace is gone, or the process in whose directory or root a path begins; -EINVAL: no query can have this address */
int event_explain(const struct watch_event *event, struct aiu_context *context, struct namespaces *namespaces,
                  struct aiu_report **ret_report);

#endif
