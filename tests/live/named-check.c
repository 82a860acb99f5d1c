/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One case: learn from the kernel what each set of options gives, then build
 * the scene once more, let bind() or listen() really fail, and hold the report
 * to it. Where the asker may look at the holder everything must be known; where
 * it may not, "unknown" is right and anything false is not.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <addrinuse.h>

#include "named.h"

#define N_MASKS 8u /* sets of AIU_OPTION_REUSEADDR, REUSEPORT and V6ONLY */

void cause_failed(struct ground *g, const char *what, const struct aiu_report *report)
{
        char *json;

        printf("FAIL %s (uid %u, port %u): %s\n", g->cause->name, g->live->uid, g->port, what);
        if (g->n_failures++ == 0 && report) {
                json = ask_print(report);
                printf("%s\n", json);
                free(json);
        }
        fflush(stdout);
}

static void expect(struct ground *g, bool right, const char *what, const struct aiu_report *report)
{
        if (!right)
                cause_failed(g, what, report);
}

/* A value, its zero ("unknown") only where not everything can be seen. */
static void expect_value(struct ground *g, int got, int wanted, bool strict, const char *what,
                         const struct aiu_report *report)
{
        char text[96];

        if (got == wanted || (got == 0 && !strict))
                return;
        snprintf(text, sizeof(text), "%s is %d, not %d", what, got, wanted);
        cause_failed(g, text, report);
}

/* ------------------------------------------------ descriptors */

/* Which descriptors there are and what they are, as one number. */
static uint64_t mark_descriptors(void)
{
        DIR *dir = opendir("/proc/self/fd");
        const struct dirent *entry;
        uint64_t mark = 0;

        while (dir && (entry = readdir(dir))) {
                char target[128] = "";
                uint64_t hash = 14695981039346656037u;

                if (entry->d_name[0] == '.' || atoll(entry->d_name) == dirfd(dir))
                        continue;
                if (readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1) < 0)
                        continue;
                for (const char *p = entry->d_name; *p; p++)
                        hash = (hash ^ (unsigned char)*p) * 1099511628211u;
                for (const char *p = target; *p; p++)
                        hash = (hash ^ (unsigned char)*p) * 1099511628211u;
                mark += hash;
        }
        if (dir)
                closedir(dir);
        return mark;
}

/* ------------------------------------------------ the kernel's answers */

static int outcome(const struct truth *truth)
{
        if (truth->setup)
                return truth->setup;
        return truth->bind ? truth->bind : truth->listen;
}

/* Without IPv6 and with AF_UNIX an option changes nothing: not tried again. */
static bool mask_matters(const struct ground *g, unsigned int mask)
{
        struct candidate c = scene_candidate(g, 0);

        if (c.address.sa.any.sa_family == AF_UNIX)
                return mask == 0;
        return c.address.sa.any.sa_family == AF_INET6 || !(mask & AIU_OPTION_V6ONLY);
}

static bool learn_truths(struct ground *g)
{
        for (unsigned int mask = 0; mask < N_MASKS; mask++) {
                struct candidate c;
                struct truth truth;

                if (!mask_matters(g, mask)) {
                        g->truths[mask] = g->truths[g->cause->address[0] == '/' || g->cause->address[0] == '@'
                                                            ? 0
                                                            : mask & ~AIU_OPTION_V6ONLY];
                        continue;
                }
                scene_fresh(g);
                if (g->unbuilt)
                        return false;
                if (g->own >= 0)
                        close(g->own);
                g->own = -1;
                c = scene_candidate(g, mask);
                truth = ask_kernel(&c);
                g->truths[mask] = outcome(&truth);
        }
        return true;
}

static void check_what_ifs(struct ground *g, const struct answer *answer, const struct aiu_report *report)
{
        char text[96];

        for (unsigned int mask = 0; mask < N_MASKS; mask++) {
                int said = answer->what_if[mask];

                if (said == AIU_TRISTATE_UNKNOWN || (said == AIU_TRISTATE_YES) == (g->truths[mask] == 0))
                        continue;
                snprintf(text, sizeof(text), "would_succeed_with(%#x) is %s, the kernel says %s", mask,
                         aiu_tristate_to_string((enum aiu_tristate)said), strerror(g->truths[mask]));
                cause_failed(g, text, report);
        }
}

/* ------------------------------------------------ the conflict and its holders */

static bool expected_pid(const struct ground *g, pid_t pid)
{
        for (size_t i = 0; i < g->n_holders; i++)
                if (g->holders[i] == pid)
                        return true;
        return false;
}

static void check_holder(struct ground *g, const struct aiu_holder *holder, bool strict,
                         const struct aiu_report *report)
{
        int kind = (int)aiu_holder_get_kind(holder);
        bool stopped = aiu_holder_get_flags(holder) & AIU_HOLDER_STOPPED;

        if (!strict && (kind == AIU_HOLDER_HIDDEN || kind == AIU_HOLDER_UNKNOWN))
                return;
        expect_value(g, kind, g->cause->kind, true, "the kind of a holder", report);
        if (kind != AIU_HOLDER_PROCESS && kind != AIU_HOLDER_SELF)
                return;
        expect(g, expected_pid(g, aiu_holder_get_pid(holder)), "a process is named that does not hold it", report);
        expect(g, aiu_holder_get_n_fds(holder) > 0 || !strict, "no descriptor is named", report);
        expect(g, stopped == (g->cause->seal == stop_holder), "a holder is stopped, or not", report);
}

static void check_holders(struct ground *g, const struct aiu_conflict *conflict, bool strict,
                          const struct aiu_report *report)
{
        size_t n = aiu_conflict_get_n_holders(conflict), wanted = g->n_holders;

        if (g->cause->kind == AIU_HOLDER_KERNEL)
                wanted = 1;
        expect(g, n <= wanted || !strict, "too many holders", report);
        expect(g, n >= wanted || !strict, "a holder is missing", report);
        for (size_t i = 0; i < n; i++) {
                check_holder(g, aiu_conflict_get_holder(conflict, i), strict, report);
                for (size_t k = 0; k < i; k++)
                        expect(g,
                               aiu_holder_get_pid(aiu_conflict_get_holder(conflict, i)) !=
                                       aiu_holder_get_pid(aiu_conflict_get_holder(conflict, k)),
                               "a holder is named twice", report);
        }
}

static void check_expiry(struct ground *g, const struct aiu_conflict *conflict, const struct aiu_report *report)
{
        uint64_t usec = aiu_conflict_get_expires_usec(conflict);

        if (g->cause->state == AIU_STATE_TIME_WAIT)
                expect(g, usec > 0 && usec <= 61000000, "the end of TIME_WAIT", report);
        if (g->cause->kind == AIU_HOLDER_PROCESS)
                expect(g, usec == 0, "a socket with a holder does not expire", report);
}

static void check_conflict(struct ground *g, const struct aiu_conflict *conflict, const struct aiu_report *report)
{
        const struct cause *cause = g->cause;
        bool strict = g->n_holders == 0 || live_readable(g->live, g->who);
        int reason = (int)aiu_conflict_get_reason(conflict);

        expect_value(g, (int)aiu_conflict_get_overlap(conflict), cause->overlap, true, "overlap", report);
        expect_value(g, (int)aiu_conflict_get_state(conflict), cause->state, true, "state", report);
        expect(g, cause->reasons & REASON(reason) || (reason == 0 && !strict), "the reason", report);
        expect_value(g, (int)aiu_conflict_is_blocking(conflict), AIU_TRISTATE_YES, strict, "is_blocking", report);
        if (g->inode && cause->address[0] != '/')
                expect(g, aiu_conflict_get_inode(conflict) == g->inode, "another socket is blamed", report);
        if (g->inode && g->n_holders && cause->address[0] != '/')
                expect(g, aiu_conflict_get_uid(conflict) == live_uid_of(g->live, g->who), "the owner", report);
        check_holders(g, conflict, strict, report);
        check_expiry(g, conflict, report);
}

static void check_conflicts(struct ground *g, const struct aiu_report *report)
{
        size_t n = aiu_report_get_n_conflicts(report);

        if (g->cause->error != EADDRINUSE) {
                expect(g, n == 0, "nothing is in the way, but a conflict is named", report);
                return;
        }
        expect(g, n == 1, "not one conflict", report);
        if (n > 0)
                check_conflict(g, aiu_report_get_conflict(report, 0), report);
}

/* ------------------------------------------------ the report */

static void check_head(struct ground *g, const struct answer *a, bool strict, const struct aiu_report *report)
{
        const struct cause *cause = g->cause;
        int call = cause->flags & ASKS_LISTEN ? AIU_CALL_LISTEN : AIU_CALL_BIND;

        expect_value(g, a->verdict, cause->verdict, strict, "verdict", report);
        if (a->verdict == AIU_VERDICT_UNKNOWN) {
                expect(g, a->n_gaps > 0, "unknown, but no gap says why", report);
                return;
        }
        expect_value(g, a->error, cause->error, true, "error", report);
        if (cause->error)
                expect_value(g, (int)aiu_report_get_call(report), call, true, "call", report);
        expect(g, aiu_report_get_summary(report)[0] != '\0', "no summary", report);
}

static void check_first_action(struct ground *g, const struct aiu_report *report)
{
        const struct aiu_action *action = aiu_report_get_action(report, 0);

        if (!g->cause->first)
                return;
        if (!action)
                cause_failed(g, "no action at all", report);
        /* A caller that cannot inspect all processes never knows that ending one is enough. */
        else if (g->n_holders == 0 || g->live->uid == 0)
                expect_value(g, (int)aiu_action_get_kind(action), g->cause->first, true, "the first action", report);
}

/* Before the fact: a question, no evidence. */
static void check_before(struct ground *g)
{
        struct candidate c = scene_candidate(g, 0);
        struct aiu_report *report = NULL;
        bool strict = !(g->cause->flags & MAY_DOUBT) && (g->n_holders == 0 || live_readable(g->live, g->who));
        struct answer a;

        /* A socket that both have bound is not what a query is about. */
        if (g->cause->flags & ASKS_LISTEN)
                return;
        a = ask_library(&c, ASK_QUERY, &report);
        if (a.failed) {
                cause_failed(g, strerror(a.failed), NULL);
                return;
        }
        check_head(g, &a, strict, report);
        check_what_ifs(g, &a, report);
        aiu_report_unref(report);
}

static struct answer ask_now(struct ground *g, struct aiu_report **ret_report)
{
        struct candidate c = scene_candidate(g, 0);

        if (g->cause->flags & ASKS_LISTEN)
                return ask_listen(g->own, listen(g->own, 1) < 0 ? errno : 0, ret_report);
        if (g->cause->error == 0)
                return ask_library(&c, ASK_EXPLAIN, ret_report);
        return ask_after(&c, g->cause->error, ret_report);
}

static void check_report(struct ground *g)
{
        struct aiu_report *report = NULL;
        uint64_t before = mark_descriptors();
        struct answer a = ask_now(g, &report);

        expect(g, mark_descriptors() == before, "descriptors changed", report);
        if (a.failed) {
                cause_failed(g, a.failed == EPROTO ? "bind() did not fail as expected" : strerror(a.failed), NULL);
                return;
        }
        expect(g, a.errno_kept, "errno was changed", report);
        /* The errno was seen: nothing is a guess, no matter who asks. */
        check_head(g, &a, true, report);
        check_what_ifs(g, &a, report);
        check_conflicts(g, report);
        check_first_action(g, report);
        check_action(g, report);
        aiu_report_unref(report);
}

void check_cause(struct ground *g)
{
        if (learn_truths(g))
                scene_fresh(g);
        if (!g->unbuilt && g->cause->seal)
                g->cause->seal(g);
        if (g->unbuilt)
                return;
        expect(g, g->truths[0] == g->cause->error, "the kernel does not do what the case says", NULL);
        check_before(g);
        check_report(g);
}
