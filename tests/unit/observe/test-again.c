/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* again.c: sockets that close while their holders are looked for. The world is a backend of the test's own. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "addrinuse-backend.h"
#include "fixture/run-suite.h"
#include "util/macro.h"

#define PORT 8080
#define MOST 4

struct one {
        enum aiu_state state;
        uint64_t inode, cookie;
        uint16_t peer; /* its port; 0 = not connected */
};

#define LISTENER                                                                                                       \
        {                                                                                                              \
                AIU_STATE_LISTEN, 1, 11, 0                                                                             \
        }
#define BOUND                                                                                                          \
        {                                                                                                              \
                AIU_STATE_BOUND, 3, 13, 0                                                                              \
        }
#define CONNECTION                                                                                                     \
        {                                                                                                              \
                AIU_STATE_ESTABLISHED, 2, 12, 5000                                                                     \
        }
#define CONNECTION_2                                                                                                   \
        {                                                                                                              \
                AIU_STATE_ESTABLISHED, 4, 14, 5001                                                                     \
        }
#define TIME_WAIT                                                                                                      \
        {                                                                                                              \
                AIU_STATE_TIME_WAIT, 0, 15, 5000                                                                       \
        }
#define OTHERS_TIME_WAIT                                                                                               \
        {                                                                                                              \
                AIU_STATE_TIME_WAIT, 0, 16, 5002                                                                       \
        }
#define CLOSING                                                                                                        \
        {                                                                                                              \
                AIU_STATE_LAST_ACK, 0, 12, 5000                                                                        \
        } /* the same socket, without a file */
#define NO_COOKIE                                                                                                      \
        {                                                                                                              \
                AIU_STATE_ESTABLISHED, 2, 0, 5000                                                                      \
        }

enum flaw { NONE, NO_EXACT, EXACT_FAILS, EXACT_OUT_OF_MEMORY, LIST_FAILS, ALWAYS_ANOTHER };

/* What each look sees. `held`: inodes that have a holder, as bits. */
static const struct row {
        int line;
        struct one first[MOST], later[MOST];
        unsigned int held;
        enum flaw flaw;
        enum aiu_verdict verdict;
        size_t n_conflicts, n_hidden;
        enum aiu_state state; /* of the last conflict */
        unsigned int n_lists; /* of all sockets */
} rows[] = {
        /* All have holders: nothing is looked up again. */
        { __LINE__, { LISTENER }, { LISTENER }, 1 << 1, NONE, AIU_VERDICT_IN_USE, 1, 0, AIU_STATE_LISTEN, 1 },
        /* The connection is gone. */
        { __LINE__,
          { LISTENER, CONNECTION },
          { LISTENER },
          1 << 1,
          NONE,
          AIU_VERDICT_IN_USE,
          1,
          0,
          AIU_STATE_LISTEN,
          1 },
        { __LINE__,
          { LISTENER, NO_COOKIE },
          { LISTENER },
          1 << 1,
          NONE,
          AIU_VERDICT_IN_USE,
          1,
          0,
          AIU_STATE_LISTEN,
          1 },
        /* It became something that the kernel keeps. */
        { __LINE__,
          { LISTENER, CONNECTION },
          { LISTENER, TIME_WAIT, OTHERS_TIME_WAIT },
          1 << 1,
          NONE,
          AIU_VERDICT_IN_USE,
          2,
          0,
          AIU_STATE_TIME_WAIT,
          1 },
        { __LINE__,
          { LISTENER, CONNECTION },
          { LISTENER, CLOSING },
          1 << 1,
          NONE,
          AIU_VERDICT_IN_USE,
          2,
          0,
          AIU_STATE_LAST_ACK,
          1 },
        /* It is still there: then its holder cannot be seen. */
        { __LINE__,
          { LISTENER, CONNECTION },
          { LISTENER, CONNECTION },
          1 << 1,
          NONE,
          AIU_VERDICT_IN_USE,
          2,
          1,
          AIU_STATE_ESTABLISHED,
          1 },
        { __LINE__,
          { LISTENER, NO_COOKIE },
          { LISTENER, NO_COOKIE },
          1 << 1,
          NONE,
          AIU_VERDICT_IN_USE,
          2,
          1,
          AIU_STATE_ESTABLISHED,
          1 },
        /* The backend lists all, whatever it is asked. */
        { __LINE__,
          { LISTENER, CONNECTION, CONNECTION_2 },
          { LISTENER, OTHERS_TIME_WAIT },
          1 << 1,
          NO_EXACT,
          AIU_VERDICT_IN_USE,
          1,
          0,
          AIU_STATE_LISTEN,
          2 },
        /* What could not be looked up is not gone. */
        { __LINE__,
          { LISTENER, CONNECTION },
          { LISTENER },
          1 << 1,
          EXACT_FAILS,
          AIU_VERDICT_IN_USE,
          2,
          1,
          AIU_STATE_ESTABLISHED,
          1 },
        { __LINE__, { LISTENER }, { LISTENER }, 0, LIST_FAILS, AIU_VERDICT_IN_USE, 1, 1, AIU_STATE_LISTEN, 1 },
        /* Without its listener's holder, that of a connection is not looked for. */
        { __LINE__,
          { LISTENER, CONNECTION },
          { LISTENER },
          0,
          NONE,
          AIU_VERDICT_IN_USE,
          2,
          2,
          AIU_STATE_ESTABLISHED,
          1 },
        /* The listener is gone: all begins afresh. */
        { __LINE__,
          { LISTENER, CONNECTION },
          { TIME_WAIT },
          0,
          NONE,
          AIU_VERDICT_IN_USE,
          1,
          0,
          AIU_STATE_TIME_WAIT,
          2 },
        { __LINE__, { LISTENER, CONNECTION }, { { 0 } }, 0, NONE, AIU_VERDICT_AVAILABLE, 0, 0, AIU_STATE_UNKNOWN, 2 },
        /* A look at listeners alone would not find it. */
        { __LINE__, { BOUND, CONNECTION }, { { 0 } }, 0, NONE, AIU_VERDICT_AVAILABLE, 0, 0, AIU_STATE_UNKNOWN, 2 },
        { __LINE__, { BOUND, CONNECTION }, { BOUND }, 0, NONE, AIU_VERDICT_IN_USE, 2, 2, AIU_STATE_ESTABLISHED, 1 },
        /* Another one each time: not known. */
        { __LINE__, { LISTENER }, { { 0 } }, 0, ALWAYS_ANOTHER, AIU_VERDICT_UNKNOWN, 0, 0, AIU_STATE_UNKNOWN, 4 },
};

static const struct row *row;
static unsigned int n_lists;
static int kernel_minor = 18;

static int host(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        struct aiu_host_fact fact = { .size = sizeof(fact),
                                      .address_local = AIU_TRISTATE_YES,
                                      .privileged = AIU_TRISTATE_YES,
                                      .kernel_major = 6,
                                      .kernel_minor = kernel_minor };

        (void)userdata;
        (void)request;
        ck_assert_int_eq(aiu_snapshot_add_host(snapshot, &fact), 0);
        return AIU_COMPLETE;
}

static void add(struct aiu_snapshot *snapshot, const struct one *one)
{
        struct sockaddr_in local = { .sin_family = AF_INET, .sin_port = htons(PORT) }, peer = local;
        struct aiu_socket_fact fact = { .size = sizeof(fact),
                                        .type = SOCK_STREAM,
                                        .protocol = IPPROTO_TCP,
                                        .state = one->state,
                                        .inode = one->inode,
                                        .cookie = one->cookie,
                                        .local = (struct sockaddr *)&local,
                                        .local_len = sizeof(local) };

        local.sin_addr.s_addr = peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        peer.sin_port = htons(one->peer);
        if (one->peer) {
                fact.peer = (struct sockaddr *)&peer;
                fact.peer_len = sizeof(peer);
        }
        if (one->state == AIU_STATE_TIME_WAIT) {
                fact.minisock = AIU_TRISTATE_YES;
                fact.expires_usec = 30000000;
        }
        ck_assert_int_eq(aiu_snapshot_add_socket(snapshot, &fact), 0);
}

static int look_up(const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        uint16_t peer = ntohs(((const struct sockaddr_in *)(const void *)request->peer)->sin_port);

        ck_assert_uint_eq(request->peer_len, sizeof(struct sockaddr_in));
        if (row->flaw == EXACT_FAILS)
                return -ETIME;
        if (row->flaw == EXACT_OUT_OF_MEMORY)
                return -ENOMEM;
        /* As the kernel does: the connection or, if there is none, the listener. */
        for (size_t i = MOST; i-- > 0;)
                if (row->later[i].peer == peer || row->later[i].state == AIU_STATE_LISTEN) {
                        add(snapshot, &row->later[i]);
                        break;
                }
        return AIU_COMPLETE;
}

static int sockets(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        bool listeners = request->context_flags & AIU_CONTEXT_LISTENERS_ONLY;
        bool unconnected = request->peer && request->peer->sa_family == AF_UNSPEC;
        const struct one *list = n_lists == 0 || row->flaw == ALWAYS_ANOTHER ? row->first : row->later;

        (void)userdata;
        if (request->peer && request->peer->sa_family == AF_INET && row->flaw != NO_EXACT)
                return look_up(request, snapshot);
        if (listeners && row->flaw == LIST_FAILS)
                return -ETIME;
        if (request->protocol != IPPROTO_TCP || request->port != PORT)
                return AIU_COMPLETE;
        if (unconnected)
                list = row->later;
        else
                n_lists++;
        for (size_t i = 0; i < MOST && list[i].state != AIU_STATE_UNKNOWN; i++)
                if (!listeners || list[i].state == AIU_STATE_LISTEN)
                        add(snapshot, &list[i]);
        return AIU_COMPLETE;
}

/* Before Linux 6.8 a bound socket is found through its process. */
static int hidden_sockets(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        static const struct one bound = BOUND;

        (void)userdata;
        (void)request;
        add(snapshot, &bound);
        return AIU_COMPLETE;
}

static int holders(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        struct aiu_process_fact process = { .size = sizeof(process), .pid = 812, .comm = "nginx" };
        uint64_t inode;

        (void)userdata;
        (void)request;
        for (size_t i = 0; aiu_snapshot_get_wanted_inode(snapshot, i, &inode); i++)
                if (row->held & 1u << inode)
                        ck_assert_int_eq(aiu_snapshot_add_holder(snapshot, inode, 812, 3), 0);
        ck_assert_int_eq(aiu_snapshot_add_process(snapshot, &process), 0);
        return AIU_COMPLETE;
}

static int ask(struct aiu_report **ret_report)
{
        static const char *const others[] = { "proc-sys", "route",         "proc-address", "unix-path",   "sock-diag",
                                              "proc-net", "proc-net-path", "proc-fd",      "kernel-user", "proc-bound",
                                              "options",  "cgroup",        "sd-bus" };
        static const struct aiu_backend world = { .size = sizeof(world),
                                                  .name = "world",
                                                  .host = host,
                                                  .sockets = sockets,
                                                  .hidden_sockets = hidden_sockets,
                                                  .holders = holders };
        struct aiu_context *context;
        struct aiu_query *query;
        int r;

        n_lists = 0;
        ck_assert_int_eq(aiu_context_new(&context), 0);
        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                ck_assert_int_eq(aiu_context_disable_backend(context, others[i]), 0);
        ck_assert_int_eq(aiu_context_add_backend(context, &world, NULL), 0);
        ck_assert_int_eq(aiu_query_new(context, &query), 0);
        ck_assert_int_eq(aiu_query_set_address_string(query, "127.0.0.1", PORT), 0);
        r = aiu_query_run(query, ret_report);
        aiu_query_unref(query);
        aiu_context_unref(context);
        return r;
}

static size_t count_hidden(const struct aiu_report *report)
{
        size_t n = 0;

        for (size_t i = 0; i < aiu_report_get_n_conflicts(report); i++)
                n += aiu_holder_get_kind(aiu_conflict_get_holder(aiu_report_get_conflict(report, i), 0)) ==
                     AIU_HOLDER_HIDDEN;
        return n;
}

START_TEST(looks)
{
        struct aiu_report *report;
        size_t n;

        row = &rows[_i];
        ck_assert_int_eq(ask(&report), 0);
        n = aiu_report_get_n_conflicts(report);
        ck_assert_msg(aiu_report_get_verdict(report) == row->verdict && n == row->n_conflicts &&
                              count_hidden(report) == row->n_hidden && n_lists == row->n_lists,
                      "line %d: %s, %zu conflicts, %zu hidden, %u lists", row->line, aiu_report_get_summary(report), n,
                      count_hidden(report), n_lists);
        ck_assert_int_eq(aiu_conflict_get_state(aiu_report_get_conflict(report, n - 1)), row->state);
        aiu_report_unref(report);
}
END_TEST

/* All begins afresh, and so does the search for what the tables do not list. */
START_TEST(hidden_again)
{
        static const struct row restart = { .first = { LISTENER } };
        struct aiu_report *report;

        row = &restart;
        kernel_minor = 1;
        ck_assert_int_eq(ask(&report), 0);
        kernel_minor = 18;
        ck_assert_uint_eq(n_lists, 2);
        ck_assert_msg(aiu_report_get_verdict(report) == AIU_VERDICT_IN_USE, "%s", aiu_report_get_summary(report));
        aiu_report_unref(report);
}
END_TEST

START_TEST(out_of_memory)
{
        static const struct row scarce = { .first = { LISTENER, CONNECTION }, .held = 2, .flaw = EXACT_OUT_OF_MEMORY };
        struct aiu_report *report;

        row = &scarce;
        ck_assert_int_eq(ask(&report), -ENOMEM);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("again");
        TCase *tcase = tcase_create("all");

        tcase_add_loop_test(tcase, looks, 0, (int)ELEMENTSOF(rows));
        tcase_add_test(tcase, hidden_again);
        tcase_add_test(tcase, out_of_memory);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
