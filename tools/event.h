/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A bind() or listen() that failed, as `run` and `watch` report it: words, a line of JSON, a message in the journal. */
#ifndef AIU_EVENT_H
#define AIU_EVENT_H

#include <addrinuse.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * What journalctl -x explains: see doc/examples/addrinuse.catalog. "A program did not get its address", whatever program
 * says so; "this host is watched"; "failures were not explained".
 */
#define EVENT_MESSAGE_ID "3c8e1f7a95d24b0c8a6d57e1b2f49d60"
#define EVENT_WATCHING_ID "b1d4a2c07f6e4d3f9c35e80a1f7d2b94"
#define EVENT_LOST_ID "5e0f93b6c8a14f72a4d961c7be382d05"

struct event {
        uint64_t time_usec; /* CLOCK_REALTIME */
        pid_t pid;          /* of the process that made the call, as our /proc numbers it; 0 = not known */
        char comm[64];      /* raw bytes; "" = not known */
        bool gone;          /* that process has ended */
        char unit[256];     /* of that process; "" = none, or not known */
        bool of_user;       /* the unit is one of a user's manager */
        uint64_t netns;     /* inode of its network namespace; 0 = not known */
        uint64_t repeats;   /* equal failures since the last event for them, without this one */
        bool again;         /* not the first event for such a failure */
        bool predicted;     /* the call has not been made yet */
        struct aiu_report *report;
};

/* The time, and what /proc says about a thread and its process. */
void event_begin(struct event *event, pid_t pid, pid_t tid);
/* The unit of a process that has ended, by its cgroup. Needs CAP_DAC_READ_SEARCH; without it nothing changes. */
void event_set_cgroup(struct event *event, uint64_t cgroup_id);

/* Each makes a string that the caller frees. 0 or a negative errno. */
int event_to_json(const struct event *event, uint32_t render, char **ret_line);
int event_to_text(const struct event *event, uint32_t render, size_t width, char **ret_text);
/* To the journal, without waiting. -ENOENT or -ECONNREFUSED: no journal runs here. */
int event_to_journal(const struct event *event);
/* A message with one field of its own. */
int event_note_to_journal(const char *message_id, int priority, const char *message, const char *field,
                          const char *value);

#endif
