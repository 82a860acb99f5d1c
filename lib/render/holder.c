/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A holder in full: its program, users, descriptors, age and condition. Through public accessors alone. */
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "render/phrases.h"
#include "util/escape.h"
#include "util/sys.h"

static void amount(struct strbuf *out, uint64_t n, const char *unit)
{
        strbuf_printf(out, "%llu %s%s", (unsigned long long)n, unit, n == 1 ? "" : "s");
}

static void duration(struct strbuf *out, uint64_t seconds)
{
        if (seconds < 120)
                amount(out, seconds, "second");
        else if (seconds < 2 * 3600)
                amount(out, seconds / 60, "minute");
        else if (seconds < 2 * 86400)
                amount(out, seconds / 3600, "hour");
        else
                amount(out, seconds / 86400, "day");
}

/* "14:02", "Tue 14:02", "2026-11-03"; false = not known. */
static bool time_of_day(struct strbuf *out, uint64_t started, uint64_t now)
{
        static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
        struct tm then, today;

        if (sys_local_time(started, &then) < 0 || sys_local_time(now, &today) < 0)
                return false;
        if (now - started > UINT64_C(6) * 86400 * 1000000) {
                strbuf_printf(out, "%d-%02d-%02d", then.tm_year + 1900, then.tm_mon + 1, then.tm_mday);
                return true;
        }
        if (then.tm_mday != today.tm_mday)
                strbuf_printf(out, "%s ", days[then.tm_wday]);
        strbuf_printf(out, "%02d:%02d", then.tm_hour, then.tm_min);
        return true;
}

/* What stands before a time of day, and before a time span alone. */
static void put_start(struct strbuf *out, const struct aiu_holder *h, bool local_time, const char *since,
                      const char *up)
{
        uint64_t started = aiu_holder_get_start_time_usec(h), now;
        struct strbuf when = { 0 };

        if (started == 0)
                return;
        now = sys_real_usec();
        started = now > started ? started : now;
        if (local_time && time_of_day(&when, started, now) && !when.error)
                strbuf_printf(out, "%s%s (", since, when.text);
        else
                strbuf_str(out, up);
        duration(out, (now - started) / 1000000);
        strbuf_str(out, when.text ? ")" : "");
        strbuf_finish(&when);
}

static void start(struct strbuf *out, const struct aiu_holder *h, bool local_time)
{
        put_start(out, h, local_time, ", since ", ", up ");
}

void phrase_since(struct strbuf *out, const struct aiu_holder *h, bool local_time)
{
        put_start(out, h, local_time, "", "");
}

void phrase_program(struct strbuf *out, const struct aiu_holder *h)
{
        phrase_name(out, h, aiu_holder_get_label(h));
}

static void descriptors(struct strbuf *out, const struct aiu_holder *h)
{
        size_t n = aiu_holder_get_n_fds(h);

        for (size_t i = 0; i < n && i < 3; i++)
                strbuf_printf(out, "%s %d", i == 0 ? ", fd" : ",", aiu_holder_get_fd(h, i));
        if (n > 3)
                strbuf_printf(out, " and %zu more", n - 3);
}

static void condition(struct strbuf *out, const struct aiu_holder *h)
{
        uint32_t flags = aiu_holder_get_flags(h);

        if (flags & AIU_HOLDER_STOPPED)
                strbuf_str(out, ", stopped");
        if (flags & AIU_HOLDER_DYING)
                strbuf_str(out, ", exiting");
        if (flags & AIU_HOLDER_DELETED_EXE)
                strbuf_str(out, ", its program file was replaced");
        if (flags & AIU_HOLDER_ORPHAN)
                strbuf_str(out, ", its parent is gone");
        if (flags & AIU_HOLDER_UNIT_LEFTOVER)
                strbuf_str(out, ", left behind by a unit that is not active");
        if (flags & AIU_HOLDER_HANDED_OVER)
                strbuf_str(out, ", has the socket from another user");
        if (flags & AIU_HOLDER_ANCESTOR)
                strbuf_str(out, ", the caller runs in it");
        if (flags & AIU_HOLDER_SAME_PROGRAM)
                strbuf_str(out, ", runs the same program as the caller");
}

static bool is_path_to(const char *word, const char *label)
{
        const char *slash = strrchr(word, '/');

        return *word == '/' && strcmp(slash + 1, label) == 0 && !strpbrk(word, "@?#");
}

/* The label with its directories, where they were typed and are not too long to be read. */
static const char *label_path(const struct aiu_holder *h)
{
        size_t bytes = 0;
        const char *label = aiu_holder_get_label(h), *cmdline = aiu_holder_get_cmdline(h, &bytes);

        for (size_t at = 0; label && at < bytes; at += strlen(cmdline + at) + 1)
                if (is_path_to(cmdline + at, label) && strlen(cmdline + at) <= MOST_OUTSIDE)
                        return cmdline + at;
        return label;
}

/* Of a master, and of its workers, which are another user's as a rule: the first that differs. */
static void users(struct strbuf *out, const struct aiu_conflict *c, const struct aiu_holder *master)
{
        uid_t uid = aiu_holder_get_uid(master);

        phrase_user(out, master);
        for (size_t i = 0; i < aiu_conflict_get_n_holders(c); i++) {
                const struct aiu_holder *h = aiu_conflict_get_holder(c, i);

                if (!phrase_is_worker_of(h, master) || aiu_holder_get_uid(h) == uid)
                        continue;
                strbuf_str(out, ", ");
                phrase_user(out, h);
                return;
        }
}

void phrase_holder(struct strbuf *out, const struct aiu_conflict *c, const struct aiu_holder *h, bool local_time)
{
        size_t n_workers = phrase_n_workers(c, h);

        if (aiu_holder_get_kind(h) == AIU_HOLDER_SELF)
                strbuf_str(out, "this process, ");
        if (aiu_holder_get_comm(h) || aiu_holder_get_label(h)) {
                phrase_name(out, h, label_path(h));
                strbuf_str(out, ", ");
        }
        strbuf_printf(out, "pid %d%s", (int)aiu_holder_get_pid(h), n_workers > 0 ? "," : "");
        if (n_workers > 0)
                phrase_workers(out, n_workers);
        strbuf_str(out, " (");
        users(out, c, h);
        strbuf_str(out, ")");
        descriptors(out, h);
        start(out, h, local_time);
        condition(out, h);
}

void phrase_holder_again(struct strbuf *out, const struct aiu_holder *h)
{
        strbuf_printf(out, "pid %d", (int)aiu_holder_get_pid(h));
        descriptors(out, h);
}

void phrase_ids(struct strbuf *out, const struct aiu_conflict *c)
{
        uint32_t total, found;

        strbuf_printf(out, " [inode %llu, cookie %llu", (unsigned long long)aiu_conflict_get_inode(c),
                      (unsigned long long)aiu_conflict_get_cookie(c));
        if (aiu_conflict_get_references(c, &total, &found))
                strbuf_printf(out, ", holders of %u of %u references", found, total);
        strbuf_str(out, "]");
}

void phrase_cmdline(struct strbuf *out, const char *cmdline, size_t bytes)
{
        for (size_t at = 0; at < bytes;) {
                size_t n = strnlen(cmdline + at, bytes - at);

                if (at > 0)
                        strbuf_str(out, " ");
                strbuf_escaped(out, cmdline + at, n);
                at += n + 1;
        }
}
