/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Repeats: each failure is in exactly one event, whatever the order of failures, exits and the ten seconds. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../../tools/told.h"
#include "fixture/render-fixture.h"
#include "fixture/run-suite.h"

#define MOST 1000u

static struct told told;
static struct {
        uint64_t repeats;
        bool again;
        pid_t pid;
} events[MOST];
static size_t n_events;

static void emit(void *userdata, const struct event *event)
{
        ck_assert_ptr_eq(userdata, &told);
        ck_assert_uint_lt(n_events, MOST);
        events[n_events].repeats = event->repeats;
        events[n_events].again = event->again;
        events[n_events++].pid = event->pid;
}

static void begin(void)
{
        memset(&told, 0, sizeof(told));
        n_events = 0;
        told.emit = emit;
        told.userdata = &told;
}

/* "1 + repeats over all events is the number of failures." */
static uint64_t failures(void)
{
        uint64_t n = 0;

        for (size_t i = 0; i < n_events; i++)
                n += 1 + events[i].repeats;
        return n;
}

/* The caller's pid, the port, and the pid of the holder; 0 = not seen. */
static bool add(pid_t pid, uint16_t port, pid_t holder)
{
        struct event event = { .pid = pid, .report = fixture_report(AIU_VERDICT_IN_USE, EADDRINUSE, IN_USE) };
        bool counted;

        event.report->request.address.sa.in.sin_port = port;
        if (holder)
                (void)fixture_listening(event.report, "0.0.0.0", AIU_OVERLAP_HOLDER_WILDCARD, AIU_HOLDER_PROCESS,
                                        fixture_process(event.report, holder, "nginx", NULL), 3);
        counted = told_add(&told, &event);
        aiu_report_unref(event.report);
        return counted;
}

static void expect(size_t i, uint64_t repeats, bool again, pid_t pid)
{
        ck_assert_uint_lt(i, n_events);
        ck_assert_uint_eq(events[i].repeats, repeats);
        ck_assert_int_eq(events[i].again, again);
        ck_assert_int_eq(events[i].pid, pid);
}

START_TEST(counted_until_the_end)
{
        begin();
        ck_assert(!add(7, 80, 812));
        expect(0, 0, false, 7);
        for (int i = 0; i < 4; i++)
                ck_assert(add(7, 80, 812));
        ck_assert_uint_eq(n_events, 1);
        told_finish(&told);
        ck_assert_uint_eq(n_events, 2);
        expect(1, 3, true, 7);
        ck_assert_uint_eq(failures(), 5);
        told_finish(&told);
        ck_assert_uint_eq(n_events, 2);
}
END_TEST

START_TEST(again_after_ten_seconds)
{
        begin();
        (void)add(7, 80, 812);
        (void)add(7, 80, 812);
        told.entries[0].line_usec -= 10000000;
        ck_assert(!add(7, 80, 812));
        expect(1, 1, true, 7);
        ck_assert(add(7, 80, 812));
        told_finish(&told);
        expect(2, 0, true, 7);
        ck_assert_uint_eq(n_events, 3);
        ck_assert_uint_eq(failures(), 4);
}
END_TEST

START_TEST(each_at_once)
{
        begin();
        told.at_once = true;
        for (int i = 0; i < 3; i++) {
                ck_assert(!add(7, 80, 812));
                expect((size_t)i, 0, i > 0, 7);
        }
        told_finish(&told);
        ck_assert_uint_eq(n_events, 3);
}
END_TEST

/* An unseen holder may be any, and two that were seen differ. */
START_TEST(what_is_equal)
{
        begin();
        ck_assert(!add(7, 80, 0));
        ck_assert(add(7, 80, 812));
        ck_assert(add(7, 80, 0));
        ck_assert(!add(7, 80, 813));
        ck_assert(!add(7, 81, 812));
        told_finish(&told);
        ck_assert_uint_eq(failures(), 5);
}
END_TEST

START_TEST(the_exit_of_a_process)
{
        begin();
        for (int i = 0; i < 3; i++) {
                (void)add(7, 80, 812);
                (void)add(8, 81, 812);
        }
        told_flush(&told, 8);
        ck_assert_uint_eq(n_events, 3);
        expect(2, 1, true, 8);
        told_flush(&told, 8);
        ck_assert_uint_eq(n_events, 3);
        told_finish(&told);
        expect(3, 1, true, 7);
        ck_assert_uint_eq(failures(), 6);
}
END_TEST

/* With more addresses than the table has room for, no failure is lost. */
START_TEST(a_full_table)
{
        begin();
        for (uint16_t port = 1; port <= TOLD_MOST; port++)
                for (int i = 0; i < 2; i++)
                        (void)add(7, port, 812);
        told.entries[5].line_usec = 0;
        ck_assert_uint_eq(n_events, TOLD_MOST);
        ck_assert(!add(9, TOLD_MOST + 1, 812));
        expect(TOLD_MOST, 0, true, 7);
        expect(TOLD_MOST + 1, 0, false, 9);
        ck_assert_uint_eq(told.n, TOLD_MOST);
        told_finish(&told);
        ck_assert_uint_eq(failures(), 2 * TOLD_MOST + 1);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("told");
        TCase *tcase = tcase_create("repeats");

        tcase_add_test(tcase, counted_until_the_end);
        tcase_add_test(tcase, again_after_ten_seconds);
        tcase_add_test(tcase, each_at_once);
        tcase_add_test(tcase, what_is_equal);
        tcase_add_test(tcase, the_exit_of_a_process);
        tcase_add_test(tcase, a_full_table);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
