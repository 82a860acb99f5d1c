/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* retry.c: when another try is worth it, by what is in the way. */
#include <check.h>
#include <sys/stat.h>

#include "fixture/run-suite.h"
#include "report/report.h"
#include "util/macro.h"

#define USED AIU_VERDICT_IN_USE
#define FILE_THERE AIU_REASON_PATH_EXISTS

/* What is in the way: nothing, a socket, or something else. */
enum way { NOTHING, SOCKET, NO_SOCKET_THERE };

static const struct {
        int line;
        enum aiu_verdict verdict;
        enum why why;
        tristate now;
        tristate wait; /* is an action enough that waits for 7 s? UNKNOWN = there is none */
        enum aiu_retry retry;
        enum way way;
        enum aiu_holder_kind holder; /* UNKNOWN = it has none */
        tristate blocking;
        unsigned int n_ports;
        enum aiu_state state;
        enum aiu_reason reason;
        uint32_t mode;
} rows[] = {
        { __LINE__, AIU_VERDICT_AVAILABLE, 0, YES, UNKNOWN, AIU_RETRY_NOW, .way = NOTHING },
        /* The errno is evidence, but what caused it is gone. */
        { __LINE__, USED, 0, YES, UNKNOWN, AIU_RETRY_NOW, .way = NOTHING },
        { __LINE__, AIU_VERDICT_INVALID, WHY_GONE, YES, UNKNOWN, AIU_RETRY_NOW, .way = NOTHING },
        /* A security module refuses what all rules in sight allow. */
        { __LINE__, AIU_VERDICT_NOT_PERMITTED, WHY_POLICY, YES, UNKNOWN, AIU_RETRY_NEVER, .way = NOTHING },
        { __LINE__, AIU_VERDICT_NOT_PERMITTED, WHY_PRIVILEGE, NO, UNKNOWN, AIU_RETRY_NEVER, .way = NOTHING },
        { __LINE__, AIU_VERDICT_NOT_LOCAL, 0, NO, UNKNOWN, AIU_RETRY_NEVER, .way = NOTHING },
        { __LINE__, AIU_VERDICT_NOT_LOCAL, WHY_DETECTION, NO, UNKNOWN, AIU_RETRY_EVENT, .way = NOTHING },
        { __LINE__, AIU_VERDICT_NOT_LOCAL, WHY_DETECTION, NO, YES, AIU_RETRY_AFTER, .way = NOTHING },
        { __LINE__, AIU_VERDICT_INVALID, WHY_FAMILY, NO, UNKNOWN, AIU_RETRY_NEVER, .way = NOTHING },
        { __LINE__, AIU_VERDICT_INVALID, WHY_PASSING, UNKNOWN, UNKNOWN, AIU_RETRY_UNKNOWN, .way = NOTHING },
        { __LINE__, AIU_VERDICT_INVALID, WHY_NO_SPACE, NO, UNKNOWN, AIU_RETRY_UNKNOWN, .way = NOTHING },
        { __LINE__, AIU_VERDICT_UNKNOWN, 0, UNKNOWN, UNKNOWN, AIU_RETRY_UNKNOWN, .way = NOTHING },
        { __LINE__, AIU_VERDICT_UNKNOWN, 0, UNKNOWN, NO, AIU_RETRY_UNKNOWN, .way = NOTHING },
        { __LINE__, AIU_VERDICT_UNKNOWN, 0, UNKNOWN, YES, AIU_RETRY_AFTER, .way = NOTHING },
        { __LINE__, USED, 0, NO, UNKNOWN, AIU_RETRY_UNKNOWN, .way = NOTHING },
        { __LINE__, USED, 0, NO, YES, AIU_RETRY_AFTER, .way = SOCKET },
        { __LINE__, USED, 0, NO, NO, AIU_RETRY_EVENT, .way = SOCKET },
        { __LINE__, USED, 0, NO, UNKNOWN, AIU_RETRY_EVENT, .way = SOCKET, .holder = AIU_HOLDER_PROCESS,
          .blocking = YES },
        { __LINE__, USED, 0, NO, UNKNOWN, AIU_RETRY_NEVER, .way = SOCKET, .holder = AIU_HOLDER_SELF, .blocking = YES },
        { __LINE__, USED, 0, NO, UNKNOWN, AIU_RETRY_EVENT, .way = SOCKET, .holder = AIU_HOLDER_SELF,
          .blocking = UNKNOWN },
        { __LINE__, USED, 0, NO, UNKNOWN, AIU_RETRY_EVENT, .way = SOCKET, .holder = AIU_HOLDER_SELF, .blocking = YES,
          .n_ports = 3 },
        { __LINE__, USED, 0, NO, UNKNOWN, AIU_RETRY_UNKNOWN, .way = NO_SOCKET_THERE },
        { __LINE__, USED, 0, NO, UNKNOWN, AIU_RETRY_EVENT, .way = NO_SOCKET_THERE, .holder = AIU_HOLDER_HIDDEN },
        { __LINE__, USED, 0, NO, UNKNOWN, AIU_RETRY_NEVER, .way = NO_SOCKET_THERE, .blocking = YES,
          .state = AIU_STATE_STALE_FILE },
        { __LINE__, USED, 0, NO, UNKNOWN, AIU_RETRY_NEVER, .way = NO_SOCKET_THERE, .blocking = YES,
          .reason = AIU_REASON_RANGE_EXHAUSTED },
        { __LINE__, USED, 0, NO, UNKNOWN, AIU_RETRY_NEVER, .way = NO_SOCKET_THERE, .blocking = YES,
          .reason = FILE_THERE, .mode = S_IFREG | 0644 },
        { __LINE__, USED, 0, NO, UNKNOWN, AIU_RETRY_UNKNOWN, .way = NO_SOCKET_THERE, .blocking = YES,
          .reason = FILE_THERE, .mode = S_IFSOCK },
        { __LINE__, USED, 0, NO, UNKNOWN, AIU_RETRY_UNKNOWN, .way = NO_SOCKET_THERE, .blocking = YES,
          .reason = FILE_THERE },
};

START_TEST(classes)
{
        struct aiu_holder holder = { .kind = rows[_i].holder };
        struct aiu_conflict conflict = {
                .socket.state = rows[_i].state,
                .judgement = { .blocking = rows[_i].blocking, .reason = rows[_i].reason },
                .holders = &holder,
                .n_holders = rows[_i].holder != AIU_HOLDER_UNKNOWN,
                .index = rows[_i].way == SOCKET ? 0 : NO_SOCKET,
                .n_ports = rows[_i].n_ports,
                .file_mode = rows[_i].mode,
        };
        struct aiu_action action = { .kind = AIU_ACTION_WAIT, .sufficient = rows[_i].wait, .wait_usec = 7000000 };
        struct aiu_report report = {
                .verdict = { .verdict = rows[_i].verdict, .why = rows[_i].why },
                .succeeds_now = rows[_i].now,
                .conflicts = &conflict,
                .n_conflicts = rows[_i].way != NOTHING,
                .actions = &action,
                .n_actions = rows[_i].wait != UNKNOWN,
        };
        enum aiu_retry retry;
        uint64_t usec = 1;

        retry = aiu_report_get_retry(&report, &usec);
        ck_assert_msg(retry == rows[_i].retry, "line %d: %s", rows[_i].line, aiu_retry_to_string(retry));
        ck_assert_uint_eq(usec, retry == AIU_RETRY_AFTER ? 7000000 : 0);
        ck_assert_int_eq(aiu_report_get_retry(&report, NULL), retry);
}
END_TEST

START_TEST(of_nothing)
{
        uint64_t usec = 1;

        ck_assert_int_eq(aiu_report_get_retry(NULL, &usec), AIU_RETRY_UNKNOWN);
        ck_assert_uint_eq(usec, 0);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("retry");
        TCase *tcase = tcase_create("all");

        tcase_add_loop_test(tcase, classes, 0, (int)ELEMENTSOF(rows));
        tcase_add_test(tcase, of_nothing);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
