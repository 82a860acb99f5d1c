/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See question.h. */
#include "question.h"

#include <addrinuse-backend.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PORT 7001
#define MARK 4242 /* an errno that is not set by chance */

/* ------------------------------------------------------ scenes */

const struct port_table tables[] = {
        { .name = "free", .address = "127.0.0.1", .type = SOCK_STREAM },
        { .name = "free-dual", .address = "::", .type = SOCK_STREAM },
        { .name = "not-local", .address = "192.0.2.77", .type = SOCK_STREAM },
        { .name = "held", .address = "127.0.0.1", .type = SOCK_STREAM, .held = true },
        { .name = "held-after",
          .address = "127.0.0.1",
          .type = SOCK_STREAM,
          .held = true,
          .by_fd = true,
          .error = EADDRINUSE },
        { .name = "own", .address = "127.0.0.1", .type = SOCK_STREAM, .held = true, .by_fd = true },
        { .name = "shared", .address = "127.0.0.1", .type = SOCK_STREAM, .held = true, .shared = true },
        { .name = "time-wait", .address = "127.0.0.1", .type = SOCK_STREAM, .time_wait = true },
        { .name = "listen", .address = "127.0.0.1", .type = SOCK_STREAM, .by_listen = true },
        { .name = "udp", .address = "::1", .type = SOCK_DGRAM, .held = true },
        { .name = "path", .address = "/run/faults", .type = SOCK_STREAM, .held = true },
        { .name = "abstract", .address = "@faults", .type = SOCK_STREAM, .held = true },
        { .name = "any-free", .address = "127.0.0.1", .type = SOCK_STREAM, .any_port = true },
        { .name = "any-held", .address = "127.0.0.1", .type = SOCK_STREAM, .any_port = true, .held = true },
        { .name = "any-udp", .address = "::1", .type = SOCK_DGRAM, .any_port = true, .held = true },
        { .name = "netns", .address = "127.0.0.1", .type = SOCK_STREAM, .held = true, .by_netns = true },
        { .name = "names", .address = "127.0.0.1", .type = SOCK_STREAM, .held = true, .by_names = true },
};
const size_t n_tables = sizeof(tables) / sizeof(tables[0]);

static struct live_address address_of(const struct port_table *table)
{
        return *table->address == '/' || *table->address == '@' ? live_path(table->address)
                                                                : live_ip(table->address, PORT, 0);
}

static void must(struct live *live, enum live_code code, uint8_t slot, uint8_t other, int a,
                 const struct port_table *table)
{
        struct live_address address = address_of(table);
        struct live_op op = { .code = (uint8_t)code, .slot = slot, .other = other, .a = a, .address = address };
        int error;

        if (code == OP_SOCKET) {
                op.a = address.sa.any.sa_family;
                op.b = table->type;
        }
        error = live_run_one(live, op, NULL);
        if (error != 0)
                live_die(table->name, error);
}

static void hold(struct live *live, const struct port_table *table)
{
        must(live, OP_SOCKET, 1, 0, 0, table);
        if (table->time_wait)
                must(live, OP_REUSEADDR, 1, 0, 1, table);
        must(live, OP_BIND, 1, 0, 0, table);
        if (table->type == SOCK_STREAM)
                must(live, OP_LISTEN, 1, 0, 4, table);
}

/* Who closes first is the one that waits: the server's side. */
static void leave_time_wait(struct live *live, const struct port_table *table)
{
        hold(live, table);
        must(live, OP_SOCKET, 2, 0, 0, table);
        must(live, OP_CONNECT, 2, 0, 0, table);
        must(live, OP_ACCEPT, 1, 3, 0, table);
        must(live, OP_CLOSE, 3, 0, 0, table);
        must(live, OP_READ_EOF, 2, 0, 0, table);
        must(live, OP_WAIT_STATE, 2, 0, TCP_CLOSE_WAIT, table);
        must(live, OP_CLOSE, 2, 0, 0, table);
        must(live, OP_CLOSE, 1, 0, 0, table);
}

static pid_t second;

void table_build(struct live *live, const struct port_table *table)
{
        struct live_op one_port = { .code = OP_RANGE, .who = WHO_ROOT, .a = PORT, .b = PORT };
        struct live_result result;

        if (table->any_port)
                (void)live_run_one(live, one_port, NULL);
        if (table->held)
                hold(live, table);
        if (table->time_wait)
                leave_time_wait(live, table);
        if (!table->shared)
                return;
        if (live_run_one(live, (struct live_op){ .code = OP_FORK, .who = WHO_ROOT }, &result) != 0)
                live_die(table->name, result.error);
        second = result.value;
}

/* A process that was killed closes its descriptors some time later. */
static void wait_until_free(const struct port_table *table)
{
        struct live_address address = address_of(table);
        int r, fd, spins = 0;

        do {
                fd = socket(address.sa.any.sa_family, table->type | SOCK_CLOEXEC, 0);
                r = bind(fd, &address.sa.any, address.len);
                close(fd);
                usleep(1000);
        } while (r < 0 && ++spins < 5000);
}

void table_tear_down(struct live *live, const struct port_table *table)
{
        struct live_op remove_it = { .code = OP_UNLINK, .who = WHO_ROOT, .address = address_of(table) };
        struct live_op all_ports = { .code = OP_RANGE, .who = WHO_ROOT, .a = LIVE_RANGE_FIRST, .b = LIVE_RANGE_LAST };
        struct live_op end_it = { .code = OP_KILL, .who = WHO_ROOT, .a = second, .b = SIGKILL };

        if (table->any_port)
                (void)live_run_one(live, all_ports, NULL);
        if (table->shared && live_run_one(live, end_it, NULL) != 0)
                live_die(table->name, ESRCH);
        if (table->time_wait)
                must(live, OP_DESTROY, 0, 0, 0, table);
        if (!table->held)
                return;
        must(live, OP_CLOSE, 1, 0, 0, table);
        if (table->shared)
                wait_until_free(table);
        if (*table->address == '/')
                (void)live_run_one(live, remove_it, NULL);
}

int table_make_fd(const struct port_table *table)
{
        struct live_address address = address_of(table);
        int fd = socket(address.sa.any.sa_family, table->type | SOCK_CLOEXEC, 0);

        if (fd < 0)
                live_die("socket", errno);
        if (table->by_listen && bind(fd, &address.sa.any, address.len) < 0)
                live_die("bind", errno);
        return fd;
}

/* ------------------------------------------------------ one question */

static struct aiu_context *context;
static int own_netns = -1;

void request_begin(uint32_t flags)
{
        own_netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        if (aiu_context_new(&context) < 0 || aiu_context_set_deadline_usec(context, 0) < 0 ||
            aiu_context_set_flags(context, AIU_CONTEXT_NO_IPC | flags) < 0)
                live_die("aiu_context_new", ENOMEM);
}

void request_end(void)
{
        context = aiu_context_unref(context);
        close(own_netns);
}

static uint32_t bit(enum aiu_action_kind kind)
{
        return UINT32_C(1) << kind;
}

static void read_report(const struct aiu_report *report, struct outcome *o)
{
        o->verdict = aiu_report_get_verdict(report);
        o->error = aiu_report_get_error(report);
        for (uint32_t i = 0; i < 16; i++)
                o->what_if[i] = (unsigned char)aiu_report_would_succeed_with(report, i);
        o->n_gaps = aiu_report_get_n_gaps(report);
        for (size_t i = 0; i < o->n_gaps; i++) {
                const struct aiu_gap *gap = aiu_report_get_gap(report, i);
                const char *backend = aiu_gap_get_backend(gap);

                o->late = o->late || aiu_gap_get_kind(gap) == AIU_GAP_DEADLINE;
                o->n_search_gaps += backend && strcmp(backend, "proc-fd") == 0;
        }
        o->n_conflicts = aiu_report_get_n_conflicts(report);
        for (size_t i = 0; i < o->n_conflicts; i++)
                o->n_holders += aiu_conflict_get_n_holders(aiu_report_get_conflict(report, i));
        for (size_t i = 0; i < aiu_report_get_n_actions(report); i++) {
                const struct aiu_action *action = aiu_report_get_action(report, i);

                if (aiu_action_is_sufficient(action) == AIU_TRISTATE_YES)
                        o->sufficient |= bit(aiu_action_get_kind(action));
        }
}

static void render(const struct aiu_report *report, struct outcome *o)
{
        char *text = NULL, *json = NULL;
        int a = aiu_report_to_text(report, AIU_RENDER_VERBOSE, &text);
        int b = aiu_report_to_json(report, AIU_RENDER_PRETTY | AIU_RENDER_VERBOSE, &json);

        o->rendered = (a == 0 || a == -ENOMEM) && (b == 0 || b == -ENOMEM);
        free(text);
        free(json);
}

static int no_phase(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        (void)userdata;
        (void)request;
        return aiu_snapshot_wants_inode(snapshot, 1) ? AIU_COMPLETE : AIU_PARTIAL;
}

/* A context of its own, with all that can be set. */
static int set_all(struct aiu_context *own, struct aiu_query *query)
{
        static const struct aiu_backend more = { .size = sizeof(more), .name = "more", .sockets = no_phase };
        int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC), r;

        r = aiu_context_set_procfs(own, proc);
        close(proc);
        if (r >= 0)
                r = aiu_context_add_backend(own, &more, NULL);
        if (r >= 0)
                r = aiu_context_disable_backend(own, "sd-bus");
        if (r >= 0)
                r = aiu_context_set_deadline_usec(own, 0);
        if (r >= 0)
                r = aiu_query_set_address_string(query, "127.0.0.1", PORT);
        if (r >= 0)
                r = aiu_query_set_device(query, "lo");
        if (r >= 0)
                r = aiu_query_set_port_range(query, 1, 2);
        if (r >= 0)
                r = aiu_query_set_uid(query, 0);
        return r < 0 ? r : aiu_query_set_error(query, EADDRINUSE);
}

static int run_with_all(struct aiu_report **ret)
{
        struct aiu_context *own = NULL;
        struct aiu_query *query = NULL;
        int r = aiu_context_new(&own);

        if (r >= 0)
                r = aiu_query_new(own, &query);
        if (r >= 0)
                r = set_all(own, query);
        errno = MARK; /* setters promise nothing */
        if (r >= 0)
                r = aiu_query_run(query, ret);
        aiu_query_unref(query);
        aiu_context_unref(own);
        return r;
}

static int run_query(const struct port_table *table, struct aiu_report **ret)
{
        struct live_address address = table->any_port ? live_ip(table->address, 0, 0) : address_of(table);
        struct aiu_query *query = NULL;
        int r = aiu_query_new(context, &query);

        if (r >= 0 && table->by_netns)
                r = aiu_query_set_netns(query, own_netns);
        if (r >= 0)
                r = aiu_query_set_address(query, &address.sa.any, address.len);
        if (r >= 0)
                r = aiu_query_set_socket(query, table->type, 0);
        if (r >= 0)
                r = aiu_query_run(query, ret);
        aiu_query_unref(query);
        return r;
}

/* Those without a context have 250 ms: plenty. */
static int explain(const struct port_table *table, int fd, struct aiu_report **ret)
{
        struct live_address address = address_of(table);

        *ret = table->by_listen ? aiu_explain_listen(fd, table->error)
                                : aiu_explain_bind(fd, &address.sa.any, address.len, table->error);
        return *ret ? 0 : -errno;
}

void request_ask(const struct port_table *table, int fd, struct outcome *ret)
{
        struct aiu_report *report = NULL;

        *ret = (struct outcome){ .rendered = true };
        errno = MARK;
        if (table->by_fd || table->by_listen)
                ret->r = explain(table, fd, &report);
        else if (table->by_names)
                ret->r = run_with_all(&report);
        else
                ret->r = run_query(table, &report);
        ret->saved_errno = errno;
        if (ret->r >= 0) {
                read_report(report, ret);
                render(report, ret);
        }
        aiu_report_unref(report);
}

/* ------------------------------------------------------ what may come out */

static const char *judge_refusal(const struct port_table *table, const struct failure *failure, int r)
{
        bool asks_early = table->by_fd || table->by_listen || table->by_netns || table->by_names;

        if (r == -ENOMEM && (failure->memory || failure->error == ENOMEM))
                return NULL;
        if (asks_early && !failure->memory)
                return NULL;
        return "refused with another error than ENOMEM";
}

static bool is_gone(int error)
{
        return error == ENOENT || error == ESRCH || error <= 0;
}

static const char *judge_parts(const struct port_table *table, const struct failure *failure,
                               const struct outcome *truth, const struct outcome *o)
{
        uint32_t enough = truth->sufficient;
        uint32_t on_holders = bit(AIU_ACTION_TERMINATE) | bit(AIU_ACTION_KILL);

        for (int i = 0; i < 16; i++)
                if (o->what_if[i] != truth->what_if[i] && o->what_if[i] != AIU_TRISTATE_UNKNOWN)
                        return "a what-if is not the truth";
        /* One of several processes may be said to be gone, or to have nothing open. */
        if (o->n_holders < truth->n_holders && o->n_gaps <= truth->n_gaps && o->n_search_gaps <= truth->n_search_gaps &&
            o->verdict != AIU_VERDICT_UNKNOWN && !(table->shared && !failure->memory && is_gone(failure->error)))
                return "a holder is missing, and no gap says so";
        /* Where SIGTERM is enough, SIGKILL is; it is only not said. */
        if (truth->sufficient & bit(AIU_ACTION_TERMINATE))
                enough |= bit(AIU_ACTION_KILL);
        if (o->sufficient & ~enough)
                return "an action is sufficient that was not";
        /* A process that CAP_SYS_PTRACE does not open cannot be opened at all: proc-fd.c does not count it as a holder. */
        if (o->n_holders < truth->n_holders && (o->sufficient & on_holders) &&
            !(table->shared && !failure->memory &&
              (is_gone(failure->error) || failure->error == EPERM || failure->error == EACCES)))
                return "what ends a part of the holders is called sufficient";
        return o->rendered ? NULL : "a renderer failed with another error than ENOMEM";
}

const char *request_judge(const struct port_table *table, const struct failure *failure, const struct outcome *truth,
                          const struct outcome *o)
{
        if (o->r < 0)
                return judge_refusal(table, failure, o->r);
        if (o->saved_errno != MARK)
                return "errno is not what it was";
        /* A file that is said not to be there, or not to be ours to see, is not. */
        if (*table->address == '/' && !failure->memory &&
            (failure->error == ENOENT || (o->error > 0 && o->error == failure->error)))
                return NULL;
        /* Nor is a family that the kernel says it has not. */
        if (failure->error == EAFNOSUPPORT && o->error == EAFNOSUPPORT && !failure->memory)
                return NULL;
        if (o->verdict != truth->verdict && o->verdict != AIU_VERDICT_UNKNOWN)
                return "the verdict is not the truth";
        if (o->verdict == truth->verdict && o->error != truth->error)
                return "the error is not the truth";
        if (o->verdict == AIU_VERDICT_UNKNOWN && o->n_gaps == 0)
                return "unknown, and no gap says why";
        return judge_parts(table, failure, truth, o);
}
