/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Questions about a call that another process makes, and about a socket that is not at hand: each is asked from
 * here, then the kernel decides there. Usage: test-asker UID
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "addrinuse-backend.h"
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

/* ------------------------------------------------------ on behalf of another process */

static struct aiu_query *ask_for(pid_t pid, const struct live_address *a)
{
        struct aiu_query *query = new_query(a);

        ck_assert_int_eq(aiu_query_set_pid(query, pid), 0);
        return query;
}

static int bind_as(enum live_who who, uint8_t slot, const struct live_address *a)
{
        struct live_op ops[2] = {
                { .code = OP_SOCKET, .slot = slot, .a = AF_INET, .b = SOCK_STREAM, .who = (uint8_t)who },
                { .code = OP_BIND, .slot = slot, .address = *a, .who = (uint8_t)who },
        };
        struct live_result results[2];

        ops[0].uid = live_uid_of(&live, who);
        live_run(&live, ops, 2, results);
        return results[1].error;
}

/* Who may inspect the process sees its user namespace; who may not is told so. */
START_TEST(its_capabilities)
{
        struct live_address a = ip4("127.0.0.1", 80);
        struct aiu_report *report;

        if (!live.root)
                return;
        expect(report = run(ask_for(live.holders[WHO_USER].pid, &a)), AIU_VERDICT_NOT_PERMITTED, EACCES);
        ck_assert_uint_eq(aiu_report_get_uid(report), LIVE_USER);
        aiu_report_unref(report);
        ck_assert_int_eq(bind_as(WHO_USER, 20, &a), EACCES);
        report = run(ask_for(live.holders[WHO_ROOT].pid, &a));
        if (live_readable(&live, WHO_ROOT))
                expect(report, AIU_VERDICT_AVAILABLE, 0);
        else
                expect(report, AIU_VERDICT_UNKNOWN, 0);
        ck_assert_uint_eq(aiu_report_get_uid(report), 0);
        aiu_report_unref(report);
        ck_assert_int_eq(bind_as(WHO_ROOT, 20, &a), 0);
        clear();
}
END_TEST

static const struct aiu_holder *first_holder(const struct aiu_report *report)
{
        return aiu_conflict_get_holder(aiu_report_get_conflict(report, 0), 0);
}

START_TEST(self_is_that_process)
{
        struct live_address a = ip4("127.0.0.1", PORT + 3);
        struct aiu_report *report;

        (void)bind_there(WHO_USER, 20, &a);
        ck_assert_int_eq(listen_there(WHO_USER, 20), 0);
        report = run(ask_for(live.holders[WHO_USER].pid, &a));
        ck_assert_int_eq(aiu_holder_get_kind(first_holder(report)), AIU_HOLDER_SELF);
        ck_assert_int_eq(aiu_report_get_retry(report, NULL), AIU_RETRY_NEVER);
        aiu_report_unref(report);
        report = run(ask_for(live.holders[WHO_OTHER].pid, &a));
        ck_assert_int_eq(aiu_holder_get_kind(first_holder(report)), AIU_HOLDER_PROCESS);
        if (live_readable(&live, WHO_OTHER))
                ck_assert(aiu_holder_get_flags(first_holder(report)) & AIU_HOLDER_SAME_PROGRAM);
        aiu_report_unref(report);
        clear();
}
END_TEST

/* The process that asks is not the one that calls, and is not to be ended either. */
START_TEST(caller_is_in_the_way)
{
        struct live_address a = ip4("127.0.0.1", PORT + 4);
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        struct aiu_report *report;
        struct aiu_query *query;

        ck_assert_int_eq(bind(fd, &a.sa.any, a.len), 0);
        ck_assert_int_eq(listen(fd, 1), 0);
        report = run(ask_for(live.holders[WHO_USER].pid, &a));
        ck_assert_int_eq(aiu_holder_get_kind(first_holder(report)), AIU_HOLDER_PROCESS);
        ck_assert(aiu_holder_get_flags(first_holder(report)) & AIU_HOLDER_ANCESTOR);
        aiu_report_unref(report);
        for (int i = 0; i < 2; i++) {
                query = ask_for(live.holders[WHO_USER].pid, &a);
                ck_assert_int_eq(aiu_query_set_pid(query, i ? getpid() : 0), 0);
                report = run(query);
                ck_assert_int_eq(aiu_holder_get_kind(first_holder(report)), AIU_HOLDER_SELF);
                ck_assert_uint_eq(aiu_report_get_uid(report), geteuid());
                aiu_report_unref(report);
        }
        close(fd);
}
END_TEST

/* SO_REUSEPORT wants one owner: whose socket it would be counts. */
START_TEST(its_uid)
{
        struct live_address a = ip4("127.0.0.1", PORT + 5);
        struct live_op ops[4] = {
                { .code = OP_SOCKET, .slot = 20, .a = AF_INET, .b = SOCK_DGRAM, .uid = live_uid_of(&live, WHO_USER) },
                { .code = OP_REUSEPORT, .slot = 20, .a = 1 },
                { .code = OP_BIND, .slot = 20, .address = a },
        };
        enum live_who who[] = { WHO_USER, WHO_OTHER };
        struct live_result results[3];

        if (!live.root)
                return;
        for (size_t i = 0; i < 3; i++)
                ops[i].who = WHO_USER;
        live_run(&live, ops, 3, results);
        ck_assert_int_eq(results[2].error, 0);
        for (size_t i = 0; i < 2; i++) {
                struct aiu_query *query = ask_for(live.holders[who[i]].pid, &a);
                struct aiu_report *report;

                ck_assert_int_eq(aiu_query_set_socket(query, SOCK_DGRAM, 0), 0);
                ck_assert_int_eq(aiu_query_set_reuseport(query, 1), 0);
                report = run(query);
                if (i == 0)
                        expect(report, AIU_VERDICT_AVAILABLE, 0);
                else
                        expect(report, AIU_VERDICT_IN_USE, EADDRINUSE);
                aiu_report_unref(report);
        }
        clear();
}
END_TEST

START_TEST(ended_meanwhile)
{
        struct live_address a = ip4("127.0.0.1", 81);
        struct aiu_report *report;
        struct aiu_query *query;
        pid_t pid = fork();

        if (pid == 0)
                for (;;)
                        pause();
        ck_assert_int_gt(pid, 0);
        query = ask_for(pid, &a);
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
        report = run(query);
        ck_assert_uint_eq(aiu_report_get_uid(report), geteuid());
        expect(report, AIU_VERDICT_UNKNOWN, 0); /* its capabilities */
        aiu_report_unref(report);
        query = new_query(&a);
        ck_assert_int_eq(aiu_query_set_pid(query, pid), -ESRCH);
        aiu_query_unref(query);
}
END_TEST

START_TEST(path_of_another)
{
        struct live_address a = live_path("/tmp/asker-path");
        struct aiu_report *report;
        struct aiu_query *query;
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        (void)unlink(a.sa.un.sun_path);
        ck_assert_int_eq(bind(fd, &a.sa.any, a.len), 0);
        report = run(ask_for(live.holders[WHO_OTHER].pid, &a));
        expect(report, live.root ? AIU_VERDICT_UNKNOWN : aiu_report_get_verdict(report), aiu_report_get_error(report));
        aiu_report_unref(report);
        query = ask_for(live.holders[WHO_OTHER].pid, &a);
        ck_assert_int_eq(aiu_query_set_error(query, EADDRINUSE), 0);
        expect(report = run(query), AIU_VERDICT_IN_USE, EADDRINUSE);
        aiu_report_unref(report);
        ck_assert_int_eq(unlink(a.sa.un.sun_path), 0);
        close(fd);
}
END_TEST

/* The last one: the process stays in the namespace that it makes. */
START_TEST(its_namespace)
{
        struct live_address a = ip4("0.0.0.0", PORT + 6);
        struct live_op leave = { .code = OP_UNSHARE_NET, .who = WHO_ROOT };
        struct aiu_report *report;
        struct live_result result;

        (void)bind_there(WHO_USER, 20, &a);
        ck_assert_int_eq(listen_there(WHO_USER, 20), 0);
        expect(report = run(ask_for(live.holders[WHO_ROOT].pid, &a)), AIU_VERDICT_IN_USE, EADDRINUSE);
        aiu_report_unref(report);
        live_run(&live, &leave, 1, &result);
        if (result.error)
                return;
        report = run(ask_for(live.holders[WHO_ROOT].pid, &a));
        if (live.uid == 0)
                expect(report, AIU_VERDICT_AVAILABLE, 0);
        else
                expect(report, AIU_VERDICT_UNKNOWN, 0);
        aiu_report_unref(report);
        ck_assert_int_eq(bind_as(WHO_ROOT, 20, &a), 0);
        clear();
}
END_TEST

/* ------------------------------------------------------ gone since */

static int add_gone(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        struct aiu_socket_fact fact = {
                .size = sizeof(fact),
                .type = SOCK_STREAM,
                .protocol = IPPROTO_TCP,
                .state = AIU_STATE_LISTEN,
                .local = request->address,
                .local_len = request->address_len,
                .inode = 1,
                .cookie = 1,
                .flags = AIU_SOCKET_OBSERVED_ONLY,
        };

        (void)userdata;
        ck_assert_int_eq(aiu_snapshot_add_socket(snapshot, &fact), 0);
        return AIU_PARTIAL;
}

START_TEST(gone_since)
{
        static const struct aiu_backend backend = { .size = sizeof(backend), .name = "memory", .sockets = add_gone };
        struct live_address a = ip4("127.0.0.1", PORT + 7);
        struct aiu_context *context = NULL;
        struct aiu_query *query = NULL;
        struct aiu_report *report = NULL;
        char *json = NULL, *text = NULL;

        ck_assert_int_eq(aiu_context_new(&context), 0);
        ck_assert_int_eq(aiu_context_add_backend(context, &backend, NULL), 0);
        ck_assert_int_eq(aiu_query_new(context, &query), 0);
        ck_assert_int_eq(aiu_query_set_address(query, &a.sa.any, a.len), 0);
        ck_assert_int_eq(aiu_query_run(query, &report), 0);
        expect(report, AIU_VERDICT_AVAILABLE, 0);
        ck_assert_uint_eq(aiu_report_get_n_conflicts(report) + aiu_report_get_n_neighbours(report), 0);
        aiu_report_unref(report);
        ck_assert_int_eq(aiu_query_set_error(query, EADDRINUSE), 0);
        ck_assert_int_eq(aiu_query_run(query, &report), 0);
        expect(report, AIU_VERDICT_IN_USE, EADDRINUSE);
        ck_assert_int_eq(aiu_conflict_is_observed_only(aiu_report_get_conflict(report, 0)), 1);
        ck_assert_int_eq(aiu_report_get_retry(report, NULL), AIU_RETRY_NOW);
        for (size_t i = 0; i < aiu_report_get_n_actions(report); i++)
                ck_assert_uint_eq(aiu_action_get_n_processes(aiu_report_get_action(report, i)), 0);
        ck_assert_int_eq(aiu_report_to_json(report, 0, &json), 0);
        ck_assert_int_eq(aiu_report_to_text(report, 0, &text), 0);
        ck_assert_ptr_nonnull(strstr(json, "\"observed_only\":true"));
        ck_assert_msg(strstr(text, "gone since") != NULL, "%s", text);
        free(json);
        free(text);
        aiu_report_unref(report);
        aiu_query_unref(query);
        aiu_context_unref(context);
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
        tcase_add_test(tcase, its_capabilities);
        tcase_add_test(tcase, self_is_that_process);
        tcase_add_test(tcase, caller_is_in_the_way);
        tcase_add_test(tcase, its_uid);
        tcase_add_test(tcase, ended_meanwhile);
        tcase_add_test(tcase, path_of_another);
        tcase_add_test(tcase, gone_since);
        tcase_add_test(tcase, its_namespace);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
