/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a probe does with the gaps of its backends, which a test writes here. */
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <addrinuse-backend.h>
#include <addrinuse.h>

#include "fixture/run-suite.h"
#include "util/macro.h"

#define INODE 77
#define HOLDER 4194305 /* no process has this number: PID_MAX_LIMIT */
#define UNHELD "this socket is in no process"

static struct aiu_report *report;
static struct aiu_context *context;

static int tell_host(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        const struct aiu_host_fact fact = { .size = sizeof(fact),
                                            .address_local = AIU_TRISTATE_YES,
                                            .address_tentative = AIU_TRISTATE_NO,
                                            .privileged = AIU_TRISTATE_YES,
                                            .unprivileged_port_start = 1024,
                                            .kernel_major = 6,
                                            .kernel_minor = 12 };

        (void)userdata;
        (void)request;
        return aiu_snapshot_add_host(snapshot, &fact) < 0 ? -ENOMEM : AIU_COMPLETE;
}

/* Port 0: one port to choose from. */
static int tell_range(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        const struct aiu_host_fact fact = { .size = sizeof(fact), .port_range_first = 40000, .port_range_last = 40000 };

        return aiu_snapshot_add_host(snapshot, &fact) < 0 ? -ENOMEM : tell_host(userdata, request, snapshot);
}

static int tell_nothing(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        (void)userdata;
        (void)request;
        (void)snapshot;
        return AIU_COMPLETE;
}

/* A connection whose SO_REUSEADDR nobody has read. */
static int tell_socket(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        const struct aiu_socket_fact fact = { .size = sizeof(fact),
                                              .type = SOCK_STREAM,
                                              .protocol = IPPROTO_TCP,
                                              .state = AIU_STATE_ESTABLISHED,
                                              .local = request->address,
                                              .local_len = request->address_len,
                                              .inode = INODE };

        (void)userdata;
        return aiu_snapshot_add_socket(snapshot, &fact) < 0 ? -ENOMEM : AIU_COMPLETE;
}

/* No option is read where no process is known. */
static int tell_holder(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        (void)userdata;
        (void)request;
        return aiu_snapshot_add_holder(snapshot, INODE, getppid(), 3) < 0 ? -ENOMEM : AIU_COMPLETE;
}

static int tell_unheld(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        (void)userdata;
        (void)request;
        (void)aiu_snapshot_add_gap(snapshot, AIU_GAP_BACKEND, ESRCH, UNHELD);
        return AIU_COMPLETE;
}

static int break_down(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        (void)request;
        (void)snapshot;
        return *(const int *)userdata;
}

static int tell_kernel_user(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        const struct aiu_kernel_user_fact fact = { .size = sizeof(fact), .service = "vxlan" };

        (void)userdata;
        (void)request;
        return aiu_snapshot_add_kernel_user(snapshot, INODE, &fact) < 0 ? -ENOMEM : AIU_COMPLETE;
}

/* The last one to be added is asked first. */
static void add(struct aiu_backend backend, int *error)
{
        backend.size = sizeof(backend);
        ck_assert_int_eq(aiu_context_add_backend(context, &backend, error), 0);
}

static void setup(void)
{
        static const char *const builtin[] = { "sock-diag", "proc-net",  "proc-net-path", "route",       "proc-address",
                                               "proc-sys",  "unix-path", "proc-fd",       "kernel-user", "proc-bound",
                                               "options",   "cgroup",    "sd-bus" };

        report = NULL;
        ck_assert_int_eq(aiu_context_new(&context), 0);
        for (size_t i = 0; i < sizeof(builtin) / sizeof(builtin[0]); i++)
                (void)aiu_context_disable_backend(context, builtin[i]);
        add((struct aiu_backend){ .name = "host", .host = tell_host }, NULL);
}

static void teardown(void)
{
        aiu_report_unref(report);
        aiu_context_unref(context);
}

static void run_port(uint16_t port)
{
        struct aiu_query *query = NULL;

        ck_assert_int_eq(aiu_query_new(context, &query), 0);
        ck_assert_int_eq(aiu_query_set_address_string(query, "127.0.0.1", port), 0);
        ck_assert_int_eq(aiu_query_set_reuseaddr(query, 1), 0);
        ck_assert_int_eq(aiu_query_run(query, &report), 0);
        aiu_query_unref(query);
}

static void run(void)
{
        run_port(8080);
}

/* One that may share its port; of the socket in question, whether a program is attached. */
static int tell_program(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        const struct aiu_socket_fact fact = { .size = sizeof(fact),
                                              .type = SOCK_STREAM,
                                              .protocol = IPPROTO_TCP,
                                              .state = AIU_STATE_LISTEN,
                                              .local = request->address,
                                              .local_len = request->address_len,
                                              .inode = INODE,
                                              .uid = request->uid,
                                              .reuseport = AIU_TRISTATE_YES };
        bool by_name = request->own_cookie == 5 && request->own_inode == 6;

        (void)aiu_snapshot_add_program(snapshot, by_name ? *(const enum aiu_tristate *)userdata : AIU_TRISTATE_UNKNOWN);
        return aiu_snapshot_add_socket(snapshot, &fact) < 0 ? -ENOMEM : AIU_COMPLETE;
}

static void run_reuseport(int protocol)
{
        struct aiu_query *query = NULL;

        ck_assert_int_eq(aiu_query_new(context, &query), 0);
        ck_assert_int_eq(aiu_query_set_address_string(query, "127.0.0.1", 8080), 0);
        ck_assert_int_eq(aiu_query_set_socket(query, SOCK_STREAM, protocol), 0);
        ck_assert_int_eq(aiu_query_set_reuseport(query, 1), 0);
        ck_assert_int_eq(aiu_query_set_socket_id(query, 6, 5), 0);
        ck_assert_int_eq(aiu_query_run(query, &report), 0);
        aiu_query_unref(query);
}

static bool have_gap(enum aiu_gap_kind kind, const char *part)
{
        const struct aiu_gap *gap;

        for (size_t i = 0; (gap = aiu_report_get_gap(report, i)); i++)
                if (aiu_gap_get_kind(gap) == kind && strstr(aiu_gap_get_text(gap), part))
                        return true;
        return false;
}

static const struct {
        enum aiu_tristate told;
        int protocol;
        enum aiu_verdict verdict;
} programs[] = {
        { AIU_TRISTATE_UNKNOWN, IPPROTO_TCP, AIU_VERDICT_UNKNOWN },
        { AIU_TRISTATE_YES, IPPROTO_TCP, AIU_VERDICT_IN_USE },
        { AIU_TRISTATE_NO, IPPROTO_TCP, AIU_VERDICT_AVAILABLE },
        { AIU_TRISTATE_UNKNOWN, IPPROTO_MPTCP, AIU_VERDICT_AVAILABLE }, /* none can be attached */
};

START_TEST(program_of_the_socket)
{
        enum aiu_tristate told = programs[_i].told;
        const struct aiu_backend backend = {
                .size = sizeof(backend), .name = "table", .sockets = tell_program, .holders = tell_nothing
        };

        ck_assert_int_eq(aiu_context_add_backend(context, &backend, &told), 0);
        run_reuseport(programs[_i].protocol);
        ck_assert_int_eq(aiu_report_get_verdict(report), programs[_i].verdict);
        if (told == AIU_TRISTATE_YES)
                ck_assert_int_eq(aiu_conflict_get_reason(aiu_report_get_conflict(report, 0)),
                                 AIU_REASON_REUSEPORT_PROGRAM);
}
END_TEST

/* "Allow more time" helps where the deadline kept the option from being read. */
START_TEST(deadline_of_the_options)
{
        int error = -ETIME;

        add((struct aiu_backend){ .name = "table", .sockets = tell_socket, .holders = tell_holder }, NULL);
        add((struct aiu_backend){ .name = "options", .options = break_down }, &error);
        run();
        ck_assert(have_gap(AIU_GAP_DEADLINE, "SO_REUSEADDR of "));
        ck_assert(have_gap(AIU_GAP_DEADLINE, "allow more time"));
        ck_assert_ptr_nonnull(strstr(aiu_report_get_summary(report), "the deadline passed"));
}
END_TEST

START_TEST(deadline_of_the_managers)
{
        int error = -ETIME;

        add((struct aiu_backend){ .name = "table", .sockets = tell_socket, .holders = tell_holder }, NULL);
        add((struct aiu_backend){ .name = "managers", .managers = break_down }, &error);
        run();
        ck_assert(have_gap(AIU_GAP_DEADLINE, "source of facts failed"));
        ck_assert(!have_gap(AIU_GAP_DEADLINE, "SO_REUSEADDR of "));
        ck_assert(!have_gap(AIU_GAP_DEADLINE, "allow more time"));
        ck_assert_ptr_null(strstr(aiu_report_get_summary(report), "the deadline passed"));
}
END_TEST

/* What the kernel has is in no process, but a backend that failed has not looked. */
START_TEST(unheld_in_the_kernel)
{
        int error = -ESRCH;

        add((struct aiu_backend){ .name = "table", .sockets = tell_socket, .holders = tell_unheld }, NULL);
        add((struct aiu_backend){ .name = "broken", .holders = break_down }, &error);
        add((struct aiu_backend){ .name = "kernel", .kernel_users = tell_kernel_user }, NULL);
        run();
        ck_assert(!have_gap(AIU_GAP_BACKEND, UNHELD));
        ck_assert(have_gap(AIU_GAP_RACE, "source of facts failed (error 3)"));
}
END_TEST

START_TEST(unheld_anywhere)
{
        add((struct aiu_backend){ .name = "table", .sockets = tell_socket, .holders = tell_unheld }, NULL);
        run();
        ck_assert(have_gap(AIU_GAP_BACKEND, UNHELD));
}
END_TEST

START_TEST(no_sandbox)
{
        if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0))
                return;
        add((struct aiu_backend){ .name = "table", .sockets = tell_nothing }, NULL);
        run();
        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_AVAILABLE);
        ck_assert(!have_gap(AIU_GAP_UNKNOWN, "Landlock"));
}
END_TEST

START_TEST(sandbox)
{
        ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        add((struct aiu_backend){ .name = "table", .sockets = tell_nothing }, NULL);
        run();
        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_AVAILABLE);
        ck_assert(have_gap(AIU_GAP_UNKNOWN, "Landlock"));
}
END_TEST

/* Where /proc does not tell of a sandbox, there is no gap. */
START_TEST(no_procfs)
{
        ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        ck_assert_int_eq(aiu_context_set_procfs(context, -1), 0);
        add((struct aiu_backend){ .name = "table", .sockets = tell_nothing }, NULL);
        run();
        ck_assert(!have_gap(AIU_GAP_UNKNOWN, "Landlock"));
}
END_TEST

/* ------------------------------------------------------ references of a file */

/* On the port, or on the only one of the range. */
static int tell_listener(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        struct sockaddr_in local;
        const struct aiu_socket_fact fact = { .size = sizeof(fact),
                                              .type = SOCK_STREAM,
                                              .protocol = IPPROTO_TCP,
                                              .state = AIU_STATE_LISTEN,
                                              .local = (const struct sockaddr *)&local,
                                              .local_len = sizeof(local),
                                              .inode = INODE };

        (void)userdata;
        memcpy(&local, request->address, sizeof(local));
        local.sin_port = htons(request->port ? request->port : 40000);
        return aiu_snapshot_add_socket(snapshot, &fact) < 0 ? -ENOMEM : AIU_COMPLETE;
}

static const struct counted {
        uint32_t total, found;
        int r;  /* what the phase returns */
        int fd; /* of the holder; -1 = none, -2 = no holder */
        enum aiu_tristate sufficient;
        bool gap;
} counted[] = {
        { 0, 0, AIU_COMPLETE, 3, AIU_TRISTATE_YES, false },
        { 0, 0, AIU_PARTIAL, 3, AIU_TRISTATE_UNKNOWN, false },
        { 1, 1, AIU_COMPLETE, 3, AIU_TRISTATE_YES, false },
        { 1, 1, AIU_PARTIAL, 3, AIU_TRISTATE_YES, false }, /* whatever the others could not see */
        { 2, 1, AIU_COMPLETE, 3, AIU_TRISTATE_UNKNOWN, true },
        { 2, 1, AIU_PARTIAL, 3, AIU_TRISTATE_UNKNOWN, true },
        { 1, 0, AIU_COMPLETE, -1, AIU_TRISTATE_YES, false }, /* an io_uring that was found has the other */
        { 1, 0, AIU_PARTIAL, -1, AIU_TRISTATE_UNKNOWN, false },
        { 1, 0, AIU_COMPLETE, -2, AIU_TRISTATE_UNKNOWN, true },
};

static int tell_counted(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        const struct counted *row = userdata;
        const struct aiu_process_fact fact = { .size = sizeof(fact),
                                               .pid = HOLDER,
                                               .uid = 1,
                                               .comm = "held",
                                               .parent_returns = AIU_TRISTATE_NO,
                                               .sigterm_ignored = AIU_TRISTATE_NO,
                                               .sigterm_caught = AIU_TRISTATE_NO };
        int r = 0;

        (void)request;
        if (row->fd > -2)
                r = aiu_snapshot_add_holder(snapshot, INODE, HOLDER, row->fd);
        if (r == 0 && row->fd > -2)
                r = aiu_snapshot_add_process(snapshot, &fact);
        if (r == 0 && row->total > 0)
                r = aiu_snapshot_add_references(snapshot, INODE, row->total, row->found);
        return r < 0 ? r : row->r;
}

static enum aiu_tristate stop_suffices(void)
{
        const struct aiu_action *action;

        for (size_t i = 0; (action = aiu_report_get_action(report, i)); i++)
                if (aiu_action_get_kind(action) == AIU_ACTION_TERMINATE)
                        return aiu_action_is_sufficient(action);
        return AIU_TRISTATE_UNKNOWN;
}

static void add_table(struct counted *row)
{
        ck_assert_int_eq(aiu_context_add_backend(context,
                                                 &(struct aiu_backend){ .size = sizeof(struct aiu_backend),
                                                                        .name = "table",
                                                                        .sockets = tell_listener,
                                                                        .holders = tell_counted },
                                                 row),
                         0);
}

START_TEST(references)
{
        struct counted row = counted[_i];
        const struct aiu_conflict *conflict;
        uint32_t total = 7, found = 7;
        char *json = NULL, *text = NULL, part[64];

        add_table(&row);
        run();
        conflict = aiu_report_get_conflict(report, 0);
        ck_assert_int_eq(aiu_conflict_get_references(conflict, &total, &found), row.total > 0);
        ck_assert(row.total == 0 ? total == 7 && found == 7 : total == row.total && found == row.found);
        ck_assert_int_eq(aiu_conflict_get_references(conflict, NULL, NULL), row.total > 0);
        ck_assert_int_eq(stop_suffices(), row.sufficient);
        ck_assert_int_eq(have_gap(AIU_GAP_UNKNOWN, "in no descriptor table"), row.gap);
        ck_assert_int_eq(aiu_report_to_json(report, 0, &json), 0);
        (void)snprintf(part, sizeof(part), "\"references\":{\"total\":%u,\"found\":%u}", row.total, row.found);
        ck_assert_int_eq(strstr(json, part) != NULL, row.total > 0);
        ck_assert_int_eq(aiu_report_to_text(report, AIU_RENDER_VERBOSE, &text), 0);
        (void)snprintf(part, sizeof(part), "holders of %u of %u references", row.found, row.total);
        ck_assert_int_eq(strstr(text, part) != NULL, row.total > 0);
        free(json);
        free(text);
}
END_TEST

/* Port 0: no reference is counted, so what the backend says stands. */
START_TEST(holders_of_a_range)
{
        struct counted row = { .r = _i, .fd = 3 };
        bool look_closer = false;
        const struct aiu_action *action;

        add((struct aiu_backend){ .name = "range", .host = tell_range }, NULL);
        add_table(&row);
        run_port(0);
        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_IN_USE);
        for (size_t i = 0; (action = aiu_report_get_action(report, i)); i++)
                look_closer = look_closer || aiu_action_get_kind(action) == AIU_ACTION_LOOK_CLOSER;
        ck_assert_int_eq(look_closer, row.r == AIU_PARTIAL);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("gaps");
        TCase *tcase = tcase_create("all");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_loop_test(tcase, program_of_the_socket, 0, (int)ELEMENTSOF(programs));
        tcase_add_test(tcase, deadline_of_the_options);
        tcase_add_loop_test(tcase, references, 0, (int)ELEMENTSOF(counted));
        tcase_add_loop_test(tcase, holders_of_a_range, AIU_COMPLETE, AIU_PARTIAL + 1);
        tcase_add_test(tcase, deadline_of_the_managers);
        tcase_add_test(tcase, unheld_in_the_kernel);
        tcase_add_test(tcase, unheld_anywhere);
        tcase_add_test(tcase, no_sandbox);
        tcase_add_test(tcase, sandbox);
        tcase_add_test(tcase, no_procfs);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
