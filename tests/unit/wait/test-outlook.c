/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* outlook.c and schedule.c: can waiting help, on what does it hang, which holders are watched, when is the next look. */
#include <check.h>
#include <netinet/in.h>

#include "fixture/run-suite.h"
#include "report/report.h"
#include "util/macro.h"
#include "util/missing.h"
#include "wait/outlook.h"

#define USED AIU_VERDICT_IN_USE
#define DOUBT AIU_VERDICT_UNKNOWN
#define PATH AIU_OVERLAP_UNIX_PATH
#define SELF AIU_HOLDER_SELF
#define KERNEL AIU_HOLDER_KERNEL
#define SECOND UINT64_C(1000000000)
#define MSEC UINT64_C(1000000)

static const struct covered everything = { true, true, true };
static const struct covered nothing;

/* One or two sockets in the way, and what is to be expected. A protocol of 0: there is no such socket. */
static const struct {
        int line;
        enum aiu_verdict verdict;
        struct {
                int protocol;
                enum aiu_holder_kind holder; /* UNKNOWN = an ordinary process */
                tristate blocking;
                bool minisock, gone;
                enum aiu_overlap overlap;
                unsigned int n_ports;
        } sockets[2];
        enum aiu_wait_basis basis, alone; /* with all sources, and without any */
        enum why why;
        size_t n_holders; /* that are watched although all sources are there */
} rows[] = {
        { .line = __LINE__,
          .verdict = USED,
          .sockets = { { .protocol = IPPROTO_TCP, .blocking = YES } },
          .basis = AIU_WAIT_EVENT,
          .alone = AIU_WAIT_POLL },
        { .line = __LINE__,
          .verdict = USED,
          .sockets = { { .protocol = IPPROTO_UDP, .blocking = YES } },
          .basis = AIU_WAIT_EVENT,
          .alone = AIU_WAIT_POLL },
        { .line = __LINE__,
          .verdict = USED,
          .sockets = { { .protocol = IPPROTO_MPTCP, .blocking = YES } },
          .basis = AIU_WAIT_EVENT,
          .alone = AIU_WAIT_POLL },
        { .line = __LINE__,
          .verdict = USED,
          .sockets = { { .protocol = IPPROTO_SCTP, .blocking = YES } },
          .basis = AIU_WAIT_POLL,
          .alone = AIU_WAIT_POLL,
          .n_holders = 1 },
        { .line = __LINE__,
          .verdict = USED,
          .sockets = { { .protocol = IPPROTO_UDPLITE, .blocking = YES } },
          .basis = AIU_WAIT_POLL,
          .alone = AIU_WAIT_POLL,
          .n_holders = 1 },
        { .line = __LINE__,
          .verdict = DOUBT,
          .sockets = { { .protocol = IPPROTO_TCP, .blocking = UNKNOWN } },
          .basis = AIU_WAIT_EVENT,
          .alone = AIU_WAIT_POLL },
        /* The kernel's own sockets are destroyed without a word. */
        { .line = __LINE__,
          .verdict = USED,
          .sockets = { { .protocol = IPPROTO_UDP, .holder = KERNEL, .blocking = YES } },
          .basis = AIU_WAIT_POLL,
          .alone = AIU_WAIT_POLL },
        { .line = __LINE__,
          .verdict = USED,
          .sockets = { { .protocol = IPPROTO_TCP, .blocking = YES, .minisock = true } },
          .basis = AIU_WAIT_TIMER,
          .alone = AIU_WAIT_TIMER },
        /* All have to end. */
        { .line = __LINE__,
          .verdict = USED,
          .sockets = { { .protocol = IPPROTO_TCP, .blocking = YES, .minisock = true },
                       { .protocol = IPPROTO_TCP, .blocking = YES } },
          .basis = AIU_WAIT_EVENT,
          .alone = AIU_WAIT_POLL },
        { .line = __LINE__,
          .verdict = USED,
          .sockets = { { .protocol = IPPROTO_TCP, .blocking = YES },
                       { .protocol = IPPROTO_TCP, .blocking = YES, .minisock = true } },
          .basis = AIU_WAIT_EVENT,
          .alone = AIU_WAIT_POLL },
        { .line = __LINE__,
          .verdict = USED,
          .sockets = { { .protocol = IPPROTO_TCP, .blocking = YES }, { .protocol = IPPROTO_SCTP, .blocking = YES } },
          .basis = AIU_WAIT_POLL,
          .alone = AIU_WAIT_POLL,
          .n_holders = 1 },
        /* What is not in the way does not count. */
        { .line = __LINE__,
          .verdict = USED,
          .sockets = { { .protocol = IPPROTO_TCP, .blocking = YES }, { .protocol = IPPROTO_SCTP, .blocking = NO } },
          .basis = AIU_WAIT_EVENT,
          .alone = AIU_WAIT_POLL },
        { .line = __LINE__,
          .verdict = DOUBT,
          .sockets = { { .protocol = IPPROTO_TCP, .blocking = YES, .gone = true } },
          .basis = AIU_WAIT_POLL,
          .alone = AIU_WAIT_POLL },
        /* A file stays when its holder ends. */
        { .line = __LINE__,
          .verdict = USED,
          .sockets = { { .protocol = 0, .blocking = YES, .overlap = PATH } },
          .basis = AIU_WAIT_EVENT,
          .alone = AIU_WAIT_POLL },
        { .line = __LINE__,
          .verdict = AIU_VERDICT_NOT_LOCAL,
          .sockets = { { .protocol = 0 } },
          .basis = AIU_WAIT_EVENT,
          .alone = AIU_WAIT_POLL },
        { .line = __LINE__,
          .verdict = DOUBT,
          .sockets = { { .protocol = 0 } },
          .basis = AIU_WAIT_POLL,
          .alone = AIU_WAIT_POLL },
        { .line = __LINE__,
          .verdict = AIU_VERDICT_NOT_PERMITTED,
          .sockets = { { .protocol = 0 } },
          .basis = AIU_WAIT_NEVER,
          .alone = AIU_WAIT_NEVER },
        { .line = __LINE__,
          .verdict = AIU_VERDICT_INVALID,
          .sockets = { { .protocol = 0 } },
          .basis = AIU_WAIT_NEVER,
          .alone = AIU_WAIT_NEVER,
          .why = WHY_FAMILY },
        { .line = __LINE__,
          .verdict = AIU_VERDICT_INVALID,
          .sockets = { { .protocol = 0 } },
          .basis = AIU_WAIT_POLL,
          .alone = AIU_WAIT_POLL,
          .why = WHY_NO_SPACE },
        { .line = __LINE__,
          .verdict = USED,
          .sockets = { { .protocol = IPPROTO_TCP, .holder = SELF, .blocking = YES } },
          .basis = AIU_WAIT_NEVER,
          .alone = AIU_WAIT_NEVER },
        { .line = __LINE__,
          .verdict = USED,
          .sockets = { { .protocol = IPPROTO_TCP, .blocking = YES },
                       { .protocol = IPPROTO_TCP, .holder = SELF, .blocking = YES } },
          .basis = AIU_WAIT_NEVER,
          .alone = AIU_WAIT_NEVER },
        { .line = __LINE__,
          .verdict = USED,
          .sockets = { { .protocol = IPPROTO_TCP, .holder = SELF, .blocking = UNKNOWN } },
          .basis = AIU_WAIT_EVENT,
          .alone = AIU_WAIT_POLL },
        { .line = __LINE__,
          .verdict = USED,
          .sockets = { { .protocol = IPPROTO_TCP, .holder = SELF, .blocking = YES, .n_ports = 3 } },
          .basis = AIU_WAIT_EVENT,
          .alone = AIU_WAIT_POLL },
};

static struct aiu_conflict conflicts[2];
static struct aiu_holder holders[2];
static struct process processes[2] = { { .pid = 41 }, { .pid = 42 } };

static struct aiu_report report_of(int row)
{
        struct aiu_report report = { .verdict = { .verdict = rows[row].verdict, .why = rows[row].why },
                                     .conflicts = conflicts };

        memset(conflicts, 0, sizeof(conflicts));
        for (size_t i = 0; i < ELEMENTSOF(conflicts); i++) {
                if (rows[row].sockets[i].blocking == UNKNOWN && rows[row].sockets[i].protocol == 0)
                        break;
                holders[i] = (struct aiu_holder){ .kind = rows[row].sockets[i].holder, .process = &processes[i] };
                if (holders[i].kind == AIU_HOLDER_UNKNOWN)
                        holders[i].kind = AIU_HOLDER_PROCESS;
                if (holders[i].kind == KERNEL)
                        holders[i].process = NULL;
                conflicts[i] = (struct aiu_conflict){
                        .socket.protocol = rows[row].sockets[i].protocol,
                        .socket.minisock = rows[row].sockets[i].minisock,
                        .socket.observed_only = rows[row].sockets[i].gone,
                        .judgement.blocking = rows[row].sockets[i].blocking,
                        .judgement.overlap = rows[row].sockets[i].overlap,
                        .holders = &holders[i],
                        .n_holders = 1,
                        .n_ports = rows[row].sockets[i].n_ports,
                };
                report.n_conflicts++;
        }
        return report;
}

START_TEST(what_it_hangs_on)
{
        struct aiu_report report = report_of(_i);
        pid_t pids[2];

        ck_assert_msg(outlook_basis(&report, &everything) == rows[_i].basis, "line %d", rows[_i].line);
        ck_assert_msg(outlook_basis(&report, &nothing) == rows[_i].alone, "line %d", rows[_i].line);
        ck_assert_msg(outlook_holders(&report, &everything, pids, 2) == rows[_i].n_holders, "line %d", rows[_i].line);
        ck_assert(!outlook_is_free(&report));
}
END_TEST

START_TEST(free_is_free)
{
        struct aiu_report report = { .verdict.verdict = AIU_VERDICT_AVAILABLE };

        ck_assert(outlook_is_free(&report));
}
END_TEST

/* Room for one. */
START_TEST(most_holders)
{
        struct aiu_report report = { .verdict.verdict = USED, .conflicts = conflicts, .n_conflicts = 2 };
        pid_t pid = 0;

        for (size_t i = 0; i < ELEMENTSOF(conflicts); i++) {
                holders[i] = (struct aiu_holder){ .kind = AIU_HOLDER_PROCESS, .process = &processes[i] };
                conflicts[i] = (struct aiu_conflict){ .socket.protocol = IPPROTO_SCTP,
                                                      .judgement.blocking = YES,
                                                      .holders = &holders[i],
                                                      .n_holders = 1 };
        }
        ck_assert_uint_eq(outlook_holders(&report, &everything, &pid, 1), 1);
        ck_assert_int_eq(pid, 41);
}
END_TEST

/* No directory has an abstract name: its holder is watched. */
START_TEST(an_abstract_name)
{
        const struct covered sockets = { .sockets = true };
        struct aiu_report report = { .verdict.verdict = USED, .conflicts = conflicts, .n_conflicts = 1 };
        pid_t pid = 0;

        holders[0] = (struct aiu_holder){ .kind = AIU_HOLDER_PROCESS, .process = &processes[0] };
        conflicts[0] = (struct aiu_conflict){ .judgement = { .blocking = YES, .overlap = PATH },
                                              .holders = holders,
                                              .n_holders = 1 };
        ck_assert_int_eq(outlook_basis(&report, &sockets), AIU_WAIT_POLL);
        ck_assert_uint_eq(outlook_holders(&report, &sockets, &pid, 1), 1);
        ck_assert_int_eq(pid, 41);
}
END_TEST

/* ------------------------------------------------------ when */

static struct aiu_report timed(uint64_t usec)
{
        conflicts[0] = (struct aiu_conflict){ .socket.expires_usec = usec / 2, .judgement.blocking = YES };
        conflicts[1] = (struct aiu_conflict){ .socket.expires_usec = usec, .judgement.blocking = YES };
        return (struct aiu_report){ .verdict.verdict = USED, .conflicts = conflicts, .n_conflicts = 2 };
}

/* The last of them counts; the kernel may be late, and the safety net is there all the same. */
START_TEST(a_known_time)
{
        static const uint64_t usec[][2] = { { 43000000, SECOND },
                                            { 300000, 300 * MSEC },
                                            { 50000, 50 * MSEC },
                                            { 20000, 50 * MSEC },
                                            { 0, 50 * MSEC } };
        struct schedule schedule = { 0 };

        for (size_t i = 0; i < ELEMENTSOF(usec); i++) {
                struct aiu_report report = timed(usec[i][0]);

                ck_assert_uint_eq(schedule_pause(&schedule, AIU_WAIT_TIMER, &report), usec[i][1]);
        }
}
END_TEST

/* What the report is certain of goes before what each socket says. */
START_TEST(a_certain_time)
{
        struct aiu_action action = { .kind = AIU_ACTION_WAIT, .sufficient = YES, .wait_usec = 200000 };
        struct aiu_report report = timed(700000);
        struct schedule schedule = { 0 };

        report.actions = &action;
        report.n_actions = 1;
        ck_assert_uint_eq(schedule_pause(&schedule, AIU_WAIT_TIMER, &report), 200 * MSEC);
}
END_TEST

START_TEST(by_the_clock)
{
        struct aiu_report report = { .verdict.verdict = USED };
        struct schedule schedule = { 0 };
        uint64_t last = 0, sum = 0, pause;

        ck_assert_uint_eq(schedule_pause(&schedule, AIU_WAIT_EVENT, &report), SECOND);
        ck_assert_uint_eq(schedule_pause(&schedule, AIU_WAIT_POLL, &report), 10 * MSEC);
        for (int i = 0; i < 30; i++) {
                pause = schedule_pause(&schedule, AIU_WAIT_POLL, &report);
                ck_assert_uint_ge(pause, last);
                ck_assert_uint_le(pause, 500 * MSEC);
                sum += last = pause;
        }
        ck_assert_uint_eq(last, 500 * MSEC);
        ck_assert_uint_gt(sum, 5 * SECOND);
        schedule_is_stopped = true;
        ck_assert_uint_eq(schedule_pause(&schedule, AIU_WAIT_EVENT, &report), UINT64_MAX);
        schedule_is_stopped = false;
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("outlook");
        TCase *tcase = tcase_create("outlook");

        tcase_add_loop_test(tcase, what_it_hangs_on, 0, (int)ELEMENTSOF(rows));
        tcase_add_test(tcase, free_is_free);
        tcase_add_test(tcase, most_holders);
        tcase_add_test(tcase, an_abstract_name);
        tcase_add_test(tcase, a_known_time);
        tcase_add_test(tcase, a_certain_time);
        tcase_add_test(tcase, by_the_clock);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
