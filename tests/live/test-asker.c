/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Questions about a call that another process makes, and about a socket that is not at hand: each is asked from
 * here, then the kernel decides there. Usage: test-asker UID
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "addrinuse.h"
#include "fixture/run-suite.h"
#include "live.h"

#define PORT 5200

static struct live live;

static struct live_address ip4(const char *text, uint16_t port)
{
        return live_ip(text, port, 0);
}

static void clear(void)
{
        for (uint8_t who = 0; who < WHO_COUNT; who++)
                ck_assert_int_eq(live_run_one(&live, (struct live_op){ .code = OP_CLEAR, .who = who }, NULL), 0);
}

static struct aiu_query *new_query(const struct live_address *a)
{
        struct aiu_query *query = NULL;

        ck_assert_int_eq(aiu_query_new(NULL, &query), 0);
        if (a)
                ck_assert_int_eq(aiu_query_set_address(query, &a->sa.any, a->len), 0);
        return query;
}

static struct aiu_report *run(struct aiu_query *query)
{
        struct aiu_report *report = NULL;

        ck_assert_int_eq(aiu_query_run(query, &report), 0);
        aiu_query_unref(query);
        return report;
}

static void expect(struct aiu_report *report, enum aiu_verdict verdict, int error)
{
        ck_assert_msg(aiu_report_get_verdict(report) == verdict && aiu_report_get_error(report) == error, "%s",
                      aiu_report_get_summary(report));
        if (verdict == AIU_VERDICT_UNKNOWN)
                ck_assert_uint_gt(aiu_report_get_n_gaps(report), 0);
}

static bool says(const struct aiu_report *report, const char *words)
{
        return strstr(aiu_report_get_summary(report), words) != NULL;
}

/* A socket of `who` that is bound with SO_REUSEADDR; returns its inode. */
static uint64_t bind_there(enum live_who who, uint8_t slot, const struct live_address *a)
{
        struct live_op ops[3] = {
                { .code = OP_SOCKET, .slot = slot, .a = AF_INET, .b = SOCK_STREAM },
                { .code = OP_REUSEADDR, .slot = slot, .a = 1 },
                { .code = OP_BIND, .slot = slot, .address = *a },
        };
        struct live_result results[3];

        for (size_t i = 0; i < 3; i++)
                ops[i].who = (uint8_t)who, ops[i].uid = live_uid_of(&live, who);
        live_run(&live, ops, 3, results);
        for (size_t i = 0; i < 3; i++)
                ck_assert_int_eq(results[i].error, 0);
        return results[0].inode;
}

static int listen_there(enum live_who who, uint8_t slot)
{
        struct live_op op = { .code = OP_LISTEN, .who = (uint8_t)who, .slot = slot, .a = 5 };
        struct live_result result;

        live_run(&live, &op, 1, &result);
        return result.error;
}

/* ------------------------------------------------------ listen() of a socket that is not at hand */

static struct aiu_query *ask_listen(const struct live_address *a, uint64_t inode)
{
        struct aiu_query *query = new_query(a);

        ck_assert_int_eq(aiu_query_set_call(query, AIU_CALL_LISTEN), 0);
        ck_assert_int_eq(aiu_query_set_reuseaddr(query, 1), 0);
        ck_assert_int_eq(aiu_query_set_uid(query, live_uid_of(&live, WHO_USER)), 0);
        ck_assert_int_eq(aiu_query_set_socket_id(query, inode, 0), 0);
        return query;
}

START_TEST(listen_from_afar)
{
        struct live_address a = ip4("127.0.0.1", PORT);
        uint64_t first = bind_there(WHO_USER, 20, &a), second = bind_there(WHO_USER, 21, &a);
        struct aiu_query *query;
        struct aiu_report *report = run(ask_listen(&a, first));

        expect(report, AIU_VERDICT_AVAILABLE, 0);
        ck_assert_uint_eq(aiu_report_get_n_conflicts(report), 0);
        aiu_report_unref(report);
        ck_assert_int_eq(listen_there(WHO_USER, 20), 0);

        report = run(ask_listen(&a, second));
        expect(report, AIU_VERDICT_IN_USE, EADDRINUSE);
        ck_assert_int_eq(aiu_report_get_call(report), AIU_CALL_LISTEN);
        ck_assert_msg(says(report, "; listen() fails") && !says(report, "bind()"), "%s",
                      aiu_report_get_summary(report));
        aiu_report_unref(report);
        ck_assert_int_eq(listen_there(WHO_USER, 21), EADDRINUSE);

        query = ask_listen(&a, second);
        ck_assert_int_eq(aiu_query_set_error(query, EADDRINUSE), 0);
        report = run(query);
        expect(report, AIU_VERDICT_IN_USE, EADDRINUSE);
        ck_assert_msg(says(report, "; listen() failed"), "%s", aiu_report_get_summary(report));
        ck_assert_uint_eq(aiu_report_get_n_conflicts(report), 1);
        ck_assert_uint_eq(aiu_conflict_get_inode(aiu_report_get_conflict(report, 0)), first);
        aiu_report_unref(report);
        clear();
}
END_TEST

/* Which socket it is was not told: the one that is bound alike may be it, where its options can be read. */
START_TEST(listen_of_one_of_them)
{
        struct live_address a = ip4("127.0.0.1", PORT + 1), port0 = ip4("127.0.0.1", 0);
        struct aiu_query *query;
        struct aiu_report *report;

        (void)bind_there(WHO_USER, 20, &a);
        query = ask_listen(&a, 0);
        ck_assert_int_eq(aiu_query_set_reuseaddr(query, 0), 0);
        report = run(query);
        if (live_readable(&live, WHO_USER))
                expect(report, AIU_VERDICT_IN_USE, EADDRINUSE);
        aiu_report_unref(report);
        expect(report = run(ask_listen(&port0, 0)), AIU_VERDICT_AVAILABLE, 0);
        aiu_report_unref(report);
        clear();
}
END_TEST

START_TEST(listen_by_name)
{
        struct live_address a = { .len = sizeof(a.sa.un) }, unnamed = { .len = sizeof(sa_family_t) };
        struct aiu_report *report;
        struct aiu_query *query;
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        a.sa.un.sun_family = unnamed.sa.un.sun_family = AF_UNIX;
        strcpy(a.sa.un.sun_path, "/tmp/asker");
        expect(report = run(ask_listen(&a, 0)), AIU_VERDICT_AVAILABLE, 0);
        ck_assert_uint_eq(aiu_report_get_n_conflicts(report), 0);
        aiu_report_unref(report);
        expect(report = run(ask_listen(&unnamed, 0)), AIU_VERDICT_INVALID, EINVAL);
        aiu_report_unref(report);

        /* A socket that is at hand tells its own address. */
        ck_assert_int_ge(fd, 0);
        query = new_query(NULL);
        ck_assert_int_eq(aiu_query_set_call(query, AIU_CALL_LISTEN), 0);
        ck_assert_int_eq(aiu_query_set_fd(query, fd), 0);
        expect(report = run(query), AIU_VERDICT_INVALID, EINVAL);
        aiu_report_unref(report);
        query = new_query(NULL);
        ck_assert_int_eq(aiu_query_set_call(query, AIU_CALL_LISTEN), 0);
        ck_assert_int_eq(aiu_query_run(query, &report), -EINVAL);
        aiu_query_unref(query);
        close(fd);
}
END_TEST

/* ------------------------------------------------------ with settings of one's own */

START_TEST(with_a_context)
{
        struct live_address a = ip4("127.0.0.1", PORT + 2);
        int holder = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
        struct aiu_context *context = NULL;
        struct aiu_report *report;

        ck_assert_int_eq(bind(holder, &a.sa.any, a.len), 0);
        ck_assert_int_eq(listen(holder, 1), 0);
        ck_assert_int_eq(aiu_context_new(&context), 0);
        ck_assert_int_eq(aiu_context_set_procfs(context, -1), 0);
        report = aiu_context_explain_bind(context, fd, &a.sa.any, a.len, EADDRINUSE);
        expect(report, AIU_VERDICT_IN_USE, EADDRINUSE);
        ck_assert_int_eq(aiu_holder_get_kind(aiu_conflict_get_holder(aiu_report_get_conflict(report, 0), 0)),
                         AIU_HOLDER_HIDDEN);
        aiu_report_unref(report);
        report = aiu_context_explain_bind(NULL, fd, &a.sa.any, a.len, EADDRINUSE);
        ck_assert_int_eq(aiu_holder_get_kind(aiu_conflict_get_holder(aiu_report_get_conflict(report, 0), 0)),
                         AIU_HOLDER_SELF);
        aiu_report_unref(report);
        expect(report = aiu_context_explain_listen(context, holder, 0), AIU_VERDICT_AVAILABLE, 0);
        aiu_report_unref(report);
        ck_assert_ptr_null(aiu_context_explain_listen(context, -1, 0));
        ck_assert_int_eq(errno, EBADF);
        aiu_context_unref(context);
        close(fd);
        close(holder);
}
END_TEST

int main(int argc, char *argv[])
{
        Suite *suite = suite_create("asker");
        TCase *tcase = tcase_create("all");

        live_isolate(&live);
        if (!live_start(&live, argc > 1 ? (uid_t)strtoul(argv[1], NULL, 10) : 0))
                return LIVE_SKIP;
        tcase_add_test(tcase, listen_from_afar);
        tcase_add_test(tcase, listen_of_one_of_them);
        tcase_add_test(tcase, listen_by_name);
        tcase_add_test(tcase, with_a_context);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
