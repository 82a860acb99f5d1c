/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See told.h. */
#include "told.h"

#include <string.h>
#include <time.h>

#define AGAIN_USEC 10000000u
#define FIRST_KEY UINT64_C(14695981039346656037)

static uint64_t now_usec(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* FNV-1a. */
static void mix(uint64_t *key, const void *bytes, size_t n)
{
        for (size_t i = 0; i < n; i++)
                *key = (*key ^ ((const unsigned char *)bytes)[i]) * UINT64_C(1099511628211);
}

static void mix_number(uint64_t *key, uint64_t number)
{
        mix(key, &number, sizeof(number));
}

/* The pid of the holder; 0 = not seen, as after the deadline. Its start time varies by microseconds from report to report. */
static pid_t holder_of(const struct event *event)
{
        return aiu_holder_get_pid(aiu_conflict_get_holder(aiu_report_get_conflict(event->report, 0), 0));
}

static uint64_t key_of(const struct event *event)
{
        const struct aiu_report *report = event->report;
        uint64_t key = FIRST_KEY;
        socklen_t bytes = 0;
        const struct sockaddr *address = aiu_report_get_address(report, &bytes);

        if (address)
                mix(&key, address, bytes);
        mix_number(&key, (uint64_t)aiu_report_get_type(report));
        mix_number(&key, (uint64_t)aiu_report_get_protocol(report));
        mix_number(&key, (uint64_t)aiu_report_get_call(report));
        mix_number(&key, (uint64_t)aiu_report_get_error(report));
        mix_number(&key, event->netns);
        return key;
}

static void emit_pending(struct told *told, struct told_entry *entry)
{
        if (entry->pending == 0)
                return;
        entry->last.repeats = entry->pending - 1;
        entry->last.again = true;
        entry->pending = 0;
        entry->line_usec = now_usec();
        told->emit(told->userdata, &entry->last);
}

/* A holder that was seen once and not the other time may be the same one. */
static struct told_entry *find(struct told *told, uint64_t key, pid_t holder)
{
        for (size_t i = 0; i < told->n; i++) {
                struct told_entry *entry = &told->entries[i];

                if (entry->key == key && (entry->holder == holder || holder == 0 || entry->holder == 0))
                        return entry;
        }
        return NULL;
}

/* The entry whose last event is the oldest makes room. */
static struct told_entry *make_room(struct told *told)
{
        struct told_entry *oldest = told->entries;

        if (told->n < TOLD_MOST)
                return &told->entries[told->n++];
        for (size_t i = 1; i < told->n; i++)
                if (told->entries[i].line_usec < oldest->line_usec)
                        oldest = &told->entries[i];
        emit_pending(told, oldest);
        aiu_report_unref(oldest->last.report);
        return oldest;
}

bool told_add(struct told *told, const struct event *event)
{
        pid_t holder = holder_of(event);
        uint64_t key = key_of(event);
        struct told_entry *entry = find(told, key, holder);

        if (!entry) {
                entry = make_room(told);
                *entry = (struct told_entry){ .key = key, .holder = holder, .line_usec = now_usec(), .last = *event };
                (void)aiu_report_ref(event->report);
                told->emit(told->userdata, event);
                return false;
        }
        entry->pending++;
        entry->holder = holder ? holder : entry->holder;
        aiu_report_unref(entry->last.report);
        entry->last = *event;
        (void)aiu_report_ref(event->report);
        if (!told->at_once && now_usec() - entry->line_usec < AGAIN_USEC)
                return true;
        emit_pending(told, entry);
        return false;
}

void told_flush(struct told *told, pid_t pid)
{
        for (size_t i = 0; i < told->n; i++)
                if (pid == 0 || told->entries[i].last.pid == pid)
                        emit_pending(told, &told->entries[i]);
}

void told_finish(struct told *told)
{
        told_flush(told, 0);
        for (size_t i = 0; i < told->n; i++)
                aiu_report_unref(told->entries[i].last.report);
        told->n = 0;
}
