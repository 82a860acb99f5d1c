/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Everything fails once. Whole questions, from the first setter to both renderers,
 * in scenes whose truth is known; each allocation and each system call on the way
 * fails, once or from then on, with every error that matters. Whatever comes out:
 *
 *  - no crash, nothing allocated that is not freed, no descriptor left, errno kept;
 *  - -ENOMEM (or, where a descriptor is being read, the error), or a report;
 *  - a report says the truth or "unknown", never something else; what it does not
 *    know any more is a gap; no action is sufficient that was not before.
 *
 *   [AIU_LONG=1] faults [--kind=memory|system|network] [--scene=NAME] [--only=N] [--error=N]
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inject.h"
#include "question.h"
#include "util/sys-fault.h"

static struct live live;

static struct {
        uint64_t runs, faults, wrong, reports, unknown, refused;
} tally;

static const char *judge(const struct port_table *table, const struct inject *inject, const struct outcome *truth,
                         const struct outcome *o)
{
        struct failure failure = { .memory = inject->kind == INJECT_MEMORY, .error = inject->error };

        tally.refused += o->r < 0;
        tally.reports += o->r >= 0;
        tally.unknown += o->r >= 0 && o->verdict == AIU_VERDICT_UNKNOWN;
        return request_judge(table, &failure, truth, o);
}

static void complain(const struct port_table *table, const struct inject *inject, const char *what,
                     const struct outcome *o)
{
        static const char *const kinds[] = { "memory", "system", "network" };

        tally.wrong++;
        if (tally.wrong > 20)
                return;
        printf("WRONG: %s\n  --scene=%s --kind=%s --only=%llu --error=%d%s: r %d, verdict %s, "
               "%zu gaps, %zu conflicts, %zu holders, sufficient %x\n",
               what, table->name, kinds[inject->kind], (unsigned long long)inject->at, inject->error,
               inject->onwards ? " and onwards" : "", o->r, aiu_verdict_to_string(o->verdict), o->n_gaps,
               o->n_conflicts, o->n_holders, o->sufficient);
}

/* Returns false when there was no n-th chance. */
static bool run_once(const struct port_table *table, int fd, const struct inject *inject, const struct outcome *truth)
{
        unsigned int fds = live_count_fds();
        int64_t allocated = inject_allocated();
        struct outcome o;
        const char *wrong;
        uint64_t fired;

        inject_arm(inject);
        request_ask(table, fd, &o);
        fired = inject_disarm(NULL);
        allocated = inject_allocated() - allocated;
        if (fired == 0)
                return false;
        tally.runs++;
        tally.faults += fired;
        wrong = judge(table, inject, truth, &o);
        if (!wrong && allocated != 0)
                wrong = "memory is left";
        if (!wrong && live_count_fds() != fds)
                wrong = "a descriptor is left";
        if (wrong)
                complain(table, inject, wrong, &o);
        return true;
}

/* ------------------------------------------------------ every fault */

static const int errors[] = { EPERM,  EACCES, ENOENT, ESRCH,  EINTR,  EAGAIN,     ENOBUFS,         EMFILE,
                              ENFILE, ENOMEM, EIO,    ENOSYS, EINVAL, EOPNOTSUPP, SYS_FAULT_SHORT, SYS_FAULT_EOF };
#define N_ERRORS (sizeof(errors) / sizeof(errors[0]))

static uint64_t only;
static bool in_full; /* AIU_LONG=1 */
static int only_error;

/*
 * In a hurry every call fails, and in every way, but not each with each. What is watched is slow, and runs besides. What
 * is cut short, by which memory may be read that nobody wrote, is left out nowhere.
 */
#ifdef AIU_SANITIZED
#define ONE_IN 8
#else
#define ONE_IN 2
#endif

static bool is_left_out(enum inject_kind kind, uint64_t at, size_t i)
{
        return kind == INJECT_SYSTEM && !in_full && errors[i] > 0 && (at + i) % ONE_IN != 0;
}

static void run_all(const struct port_table *table, int fd, enum inject_kind kind, const struct outcome *truth)
{
        uint64_t first = only ? only : 1, last = only ? only : UINT64_MAX;
        bool more = true;

        for (uint64_t at = first; more && at <= last; at++) {
                more = false;
                for (size_t i = 0; i < (kind == INJECT_MEMORY ? 1 : N_ERRORS); i++) {
                        struct inject inject = { .kind = kind, .at = at, .error = errors[i] };

                        if (only_error ? errors[i] != only_error : is_left_out(kind, at, i))
                                continue;
                        more = run_once(table, fd, &inject, truth);
                        /* No kernel says "try again" without end. */
                        inject.onwards = kind != INJECT_NETWORK || errors[i] != EINTR;
                        if (inject.onwards)
                                (void)run_once(table, fd, &inject, truth);
                        if (!more)
                                break;
                }
        }
}

static void run_table(const struct port_table *table, enum inject_kind kind)
{
        struct inject count = { .kind = kind };
        struct outcome truth;
        uint64_t calls;
        int fd;

        table_build(&live, table);
        fd = table_make_fd(table);
        request_ask(table, fd, &truth); /* what is allocated once for all is, by now */
        do {
                inject_arm(&count);
                request_ask(table, fd, &truth);
                (void)inject_disarm(&calls);
        } while (truth.late); /* on a busy machine: not the whole truth */
        if (truth.r < 0 || truth.verdict == AIU_VERDICT_UNKNOWN)
                live_die(table->name, -truth.r);
        run_all(table, fd, kind, &truth);
        close(fd);
        table_tear_down(&live, table);
        printf("  %-12s %5llu chances\n", table->name, (unsigned long long)calls);
}

static void run_kind(const char *name, enum inject_kind kind, const char *only_table)
{
        memset(&tally, 0, sizeof(tally));
        printf("%s\n", name);
        for (size_t i = 0; i < n_tables; i++)
                if (!only_table || strcmp(only_table, tables[i].name) == 0)
                        run_table(&tables[i], kind);
        printf("%s: %llu questions with %llu faults: %llu reports (%llu unknown), %llu refused, "
               "%llu wrong\n",
               name, (unsigned long long)tally.runs, (unsigned long long)tally.faults,
               (unsigned long long)tally.reports, (unsigned long long)tally.unknown, (unsigned long long)tally.refused,
               (unsigned long long)tally.wrong);
}

int main(int argc, char **argv)
{
        static const struct option options[] = {
                { "kind", required_argument, NULL, 'k' },
                { "scene", required_argument, NULL, 's' },
                { "only", required_argument, NULL, 'o' },
                { "error", required_argument, NULL, 'e' },
                { NULL, 0, NULL, 0 },
        };
        static const char *const kinds[] = { "memory", "system", "network" };
        const char *kind = NULL, *table = NULL;
        uint64_t wrong = 0;
        int option;

        while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
                switch (option) {
                case 'k':
                        kind = optarg;
                        break;
                case 's':
                        table = optarg;
                        break;
                case 'o':
                        only = strtoull(optarg, NULL, 0);
                        break;
                case 'e':
                        only_error = atoi(optarg);
                        break;
                default:
                        return 2;
                }
        }
        in_full = getenv("AIU_LONG") != NULL;
        setvbuf(stdout, NULL, _IOLBF, 0);
        live_isolate(&live);
        if (!live_start(&live, geteuid()))
                return LIVE_SKIP;
        request_begin(0);
        for (int i = 0; i < 3; i++) {
                if (kind && strcmp(kind, kinds[i]) != 0)
                        continue;
                run_kind(kinds[i], (enum inject_kind)i, table);
                wrong += tally.wrong;
        }
        request_end();
        live_stop(&live);
        return wrong ? 1 : 0;
}
