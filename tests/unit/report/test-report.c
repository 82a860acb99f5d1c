/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Report, accessors, tokens, escape, JSON and text, on a report made in memory. */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "util/macro.h"
#include "report/build.h"
#include "report/report.h"
#include "fixture/run-suite.h"
#include "fixture/port-table.h"
#include "snapshot/snapshot.h"
#include "report/words.h"

/* Everything that a process can choose: control characters, escapes, bidi (U+202E), broken UTF-8. */
#define HOSTILE "a\"b\\c\033]0;x\007\n) R 1 (\342\200\256\377\302\205"

static char *copy(const char *text)
{
        char *s = strdup(text);

        ck_assert_ptr_nonnull(s);
        return s;
}

/* One listener, held by pid 812, whose strings are all `text`; one action, one gap, one neighbour. */
static struct aiu_report *make_report(const char *text)
{
        struct aiu_report *r = report_new();
        struct host host = table_host();

        ck_assert_ptr_nonnull(r);
        r->request = table_request("127.0.0.1");
        r->verdict = (struct verdict){ .verdict = AIU_VERDICT_IN_USE, .error = EADDRINUSE, .call = AIU_CALL_BIND };
        for (size_t i = 0; i < WHAT_IF_COUNT; i++)
                r->what_if[i] = NO;
        r->processes = calloc(1, sizeof(*r->processes));
        r->n_processes = 1;
        r->processes[0] = (struct process){
                .pid = 812,
                .ppid = 1,
                .uid = 0,
                .start_time_usec = 1700000000000000,
                .comm = copy(text),
                .exe = copy(text),
                .cmdline = copy(text),
                .cmdline_bytes = strlen(text),
                .cwd = copy(text),
                .ancestor_pids = calloc(1, sizeof(pid_t)),
                .ancestor_comms = calloc(1, sizeof(char *)),
                .n_ancestors = 1,
        };
        r->processes[0].ancestor_pids[0] = 1;
        r->processes[0].ancestor_comms[0] = copy(text);
        r->managers = calloc(1, sizeof(*r->managers));
        r->n_managers = 1;
        r->managers[0] = (struct manager){
                .kind = AIU_MANAGER_SYSTEMD,
                .unit = copy(text),
                .socket_unit = copy(text),
                .unit_state = copy(text),
                .unit_restart = copy(text),
                .will_return = YES,
                .container = copy(text),
                .supervisor = copy(text),
        };
        r->conflicts = calloc(1, sizeof(*r->conflicts));
        r->n_conflicts = 1;
        r->conflicts[0].socket = table_socket("0.0.0.0", AIU_STATE_LISTEN);
        r->conflicts[0].socket.inode = UINT64_C(9007199254740993); /* more than a double holds */
        r->conflicts[0].judgement = (struct judgement){
                .overlap = AIU_OVERLAP_HOLDER_WILDCARD,
                .reason = AIU_REASON_LISTENING,
                .blocking = YES,
        };
        r->conflicts[0].holders = calloc(1, sizeof(struct aiu_holder));
        r->conflicts[0].n_holders = 1;
        r->conflicts[0].holders[0] = (struct aiu_holder){
                .kind = AIU_HOLDER_PROCESS,
                .process = &r->processes[0],
                .manager = &r->managers[0],
                .fds = malloc(sizeof(int)),
                .n_fds = 1,
                .flags = AIU_HOLDER_STOPPED,
        };
        r->conflicts[0].holders[0].fds[0] = 6;
        r->neighbours = calloc(1, sizeof(*r->neighbours));
        r->n_neighbours = 1;
        r->neighbours[0].socket = table_time_wait("::1");
        r->actions = calloc(1, sizeof(*r->actions));
        r->n_actions = 1;
        r->actions[0] = (struct aiu_action){
                .kind = AIU_ACTION_STOP_UNIT,
                .sufficient = YES,
                .manager = &r->managers[0],
                .flags = AIU_ACTION_NEEDS_ROOT | AIU_ACTION_DISRUPTIVE,
                .units = calloc(1, sizeof(char *)),
                .n_units = 1,
        };
        r->actions[0].units[0] = copy(text);
        r->gaps = calloc(1, sizeof(*r->gaps));
        r->n_gaps = 1;
        r->gaps[0].gap = (struct gap){ AIU_GAP_PERMISSION, EACCES, copy(text), copy(text) };
        ck_assert_int_eq(words_actions(r, &host, 0, NULL), 0);
        ck_assert_int_eq(words_summary(r, &(struct host){ 0 }), 0);
        return r;
}

static void assert_printable(const char *text)
{
        for (const char *p = text; *p; p++)
                ck_assert_msg((*p >= 0x20 && *p < 0x7f) || *p == '\n', "byte %02x in: %s", (unsigned char)*p, text);
}

START_TEST(nothing_hostile_gets_out)
{
        const uint32_t all = AIU_RENDER_VERBOSE | AIU_RENDER_CMDLINE;
        struct aiu_report *r = make_report(HOSTILE);
        char *text;

        assert_printable(aiu_report_get_summary(r));
        ck_assert_ptr_null(strchr(aiu_report_get_summary(r), '\n'));
        assert_printable(aiu_action_get_text(aiu_report_get_action(r, 0)));
        ck_assert_int_eq(aiu_report_to_text(r, all, &text), 0);
        assert_printable(text);
        free(text);
        ck_assert_int_eq(aiu_report_to_json(r, all, &text), 0);
        assert_printable(text);
        ck_assert_ptr_null(strchr(text, '\n'));
        free(text);
        /* raw inside: the accessors hand out what the process chose */
        ck_assert_str_eq(aiu_holder_get_comm(aiu_conflict_get_holder(aiu_report_get_conflict(r, 0), 0)), HOSTILE);
        aiu_report_unref(r);
}
END_TEST

/* SIGTERM, and the words that a few daemons have for it. */
START_TEST(signals_have_names)
{
        static const struct {
                enum aiu_action_kind kind;
                enum signal_word word;
                int signal;
                const char *json;
        } rows[] = {
                { AIU_ACTION_TERMINATE, SIGNAL_TERM, SIGTERM, "\"signal\":\"TERM\"" },
                { AIU_ACTION_TERMINATE, SIGNAL_QUIT, SIGQUIT, "\"signal\":\"QUIT\"" },
                { AIU_ACTION_TERMINATE, SIGNAL_INT, SIGINT, "\"signal\":\"INT\"" },
                { AIU_ACTION_TERMINATE, SIGNAL_WINCH, SIGWINCH, "\"signal\":\"WINCH\"" },
                { AIU_ACTION_TERMINATE, SIGNAL_USR1, SIGUSR1, "\"signal\":\"USR1\"" },
                { AIU_ACTION_KILL, SIGNAL_TERM, SIGKILL, "\"signal\":\"KILL\"" },
                { AIU_ACTION_STOP_UNIT, SIGNAL_TERM, 0, "\"signal\":null" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct aiu_report *r = make_report("nginx");
                char *text;

                r->actions[0].kind = rows[i].kind;
                r->actions[0].signal = rows[i].word;
                ck_assert_int_eq(aiu_action_get_signal(aiu_report_get_action(r, 0)), rows[i].signal);
                ck_assert_int_eq(aiu_report_to_json(r, 0, &text), 0);
                ck_assert_msg(strstr(text, rows[i].json), "%s is not in: %s", rows[i].json, text);
                free(text);
                aiu_report_unref(r);
        }
}
END_TEST

START_TEST(words_for_a_person)
{
        static const char *const lines[] = {
                "127.0.0.1:80/tcp is in use: nginx (pid 812) in container nginx listens on 0.0.0.0:80\n",
                "holder    nginx, pid 812 (root)",
                "fd 6",
                "managed   nginx",
                "conflict  0.0.0.0:80 covers 127.0.0.1:80\n",
                "do        systemctl stop nginx  # needs root\n",
                ": systemd would start it again\n",
                "stopped",
        };
        struct aiu_report *r = make_report("nginx");
        char *text;

        ck_assert_int_eq(aiu_report_to_text(r, 0, &text), 0);
        ck_assert_ptr_eq(strstr(text, lines[0]), text);
        for (size_t i = 1; i < ELEMENTSOF(lines); i++)
                ck_assert_msg(strstr(text, lines[i]), "\"%s\" is not in: %s", lines[i], text);
        ck_assert_ptr_null(strstr(text, "\033["));
        ck_assert_ptr_null(strstr(text, "command")); /* command lines are shown on request only */
        free(text);
        ck_assert_int_eq(aiu_report_to_text(r, AIU_RENDER_COLOR, &text), 0);
        ck_assert_ptr_nonnull(strstr(text, "\033["));
        free(text);
        aiu_report_unref(r);
}
END_TEST

START_TEST(file_of_an_action)
{
        struct aiu_report *r = make_report("nginx");
        uint64_t device = 1, inode = 2;

        ck_assert_int_eq(aiu_action_get_file(&r->actions[0], &device, &inode), 0);
        ck_assert(device == 1 && inode == 2);
        r->actions[0].file_device = 42;
        r->actions[0].file_inode = 4711;
        ck_assert_int_eq(aiu_action_get_file(&r->actions[0], NULL, &inode), -EINVAL);
        ck_assert_int_eq(aiu_action_get_file(&r->actions[0], &device, NULL), -EINVAL);
        ck_assert_int_eq(aiu_action_get_file(&r->actions[0], &device, &inode), 1);
        ck_assert(device == 42 && inode == 4711);
        aiu_report_unref(r);
}
END_TEST

START_TEST(json_for_a_program)
{
        static const char *const parts[] = {
                "{\"schema\":1,\"version\":",
                "\"verdict\":\"in-use\",\"error\":\"EADDRINUSE\",\"call\":\"bind\"",
                "\"inode\":\"9007199254740993\"",
                "\"flags\":[\"stopped\"]",
                "\"fds\":[6]",
                "\"cmdline\":null",
                "\"argv\":[\"systemctl\",\"stop\",\"nginx\"]",
                "\"flags\":[\"needs-root\",\"disruptive\"]",
                "\"reuseaddr+reuseport+v6only+freebind\":\"no\"",
                "\"state\":\"time-wait\"",
                "\"uid\":null",
                "\"gaps\":[{\"kind\":\"permission\",\"error\":\"EACCES\"",
        };
        struct aiu_report *r = make_report("nginx");
        char *json;

        ck_assert_int_eq(aiu_report_to_json(r, 0, &json), 0);
        for (size_t i = 0; i < ELEMENTSOF(parts); i++)
                ck_assert_msg(strstr(json, parts[i]), "%s is not in: %s", parts[i], json);
        free(json);
        ck_assert_int_eq(aiu_report_to_json(r, AIU_RENDER_CMDLINE, &json), 0);
        ck_assert_ptr_nonnull(strstr(json, "\"cmdline\":[\"nginx\"]"));
        free(json);
        aiu_report_unref(r);
}
END_TEST

START_TEST(references)
{
        struct aiu_report *r = make_report("nginx");

        ck_assert_ptr_eq(aiu_report_ref(r), r);
        ck_assert_ptr_null(aiu_report_unref(r));
        ck_assert_int_eq(aiu_report_get_verdict(r), AIU_VERDICT_IN_USE);
        ck_assert_ptr_null(aiu_report_unref(r));
        ck_assert_ptr_null(aiu_report_unref(NULL));
        ck_assert_ptr_null(aiu_report_ref(NULL));
}
END_TEST

START_TEST(past_the_end)
{
        struct aiu_report *r = make_report("nginx");
        const struct aiu_holder *h = aiu_conflict_get_holder(aiu_report_get_conflict(r, 0), 0);
        char *text = NULL;

        ck_assert_ptr_null(aiu_report_get_conflict(r, 1));
        ck_assert_ptr_null(aiu_report_get_neighbour(r, 1));
        ck_assert_ptr_null(aiu_report_get_action(r, 1));
        ck_assert_ptr_null(aiu_report_get_gap(r, SIZE_MAX));
        ck_assert_int_eq(aiu_holder_get_fd(h, 0), 6);
        ck_assert_int_eq(aiu_holder_get_fd(h, 1), -1);
        ck_assert_int_eq(aiu_holder_get_ancestor_pid(h, 1), 0);
        ck_assert_ptr_null(aiu_holder_get_ancestor_comm(h, 1));
        ck_assert_int_eq(aiu_report_would_succeed_with(r, 0), AIU_TRISTATE_NO);
        ck_assert_int_eq(aiu_report_would_succeed_with(r, 16), AIU_TRISTATE_UNKNOWN);
        ck_assert_int_eq(aiu_report_to_text(r, 1u << 30, &text), -EINVAL);
        ck_assert_int_eq(aiu_report_to_json(r, 1u << 30, &text), -EINVAL);
        ck_assert_int_eq(aiu_report_to_json(NULL, 0, &text), -EINVAL);
        ck_assert_int_eq(aiu_report_print(r, NULL, 0), -EINVAL);
        ck_assert_ptr_null(text);
        aiu_report_unref(r);
}
END_TEST

/* The line is all that a daemon logs: it says where more time would have told. */
START_TEST(late)
{
        static const struct {
                uint32_t doubts;
                bool late;
                const char *words;
        } rows[] = {
                { DOUBT_SOCKETS, false, "may be free: not every socket could be seen" },
                { DOUBT_SOCKETS, true, "may be free: the deadline passed before everything" },
                { DOUBT_HOLDER_OPTION, true, "may be in use: the deadline passed before the holder's" },
                { DOUBT_ORDER, true, "may be in use: the order of the sockets" },
                { 0, true, "may be free: not everything that decides is known" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct aiu_report *r = make_report("x");

                r->verdict = (struct verdict){ .verdict = AIU_VERDICT_UNKNOWN, .doubts = rows[i].doubts };
                r->late = rows[i].late;
                free(r->summary);
                ck_assert_int_eq(words_summary(r, &(struct host){ 0 }), 0);
                ck_assert_msg(strstr(r->summary, rows[i].words), "%s", r->summary);
                aiu_report_unref(r);
        }
}
END_TEST

START_TEST(of_nothing)
{
        ck_assert_int_eq(aiu_report_get_verdict(NULL), AIU_VERDICT_UNKNOWN);
        ck_assert_str_eq(aiu_report_get_summary(NULL), "");
        ck_assert_ptr_null(aiu_report_get_address(NULL, NULL));
        ck_assert_uint_eq(aiu_report_get_n_conflicts(NULL), 0);
        ck_assert_ptr_null(aiu_conflict_get_local(NULL, NULL));
        ck_assert_uint_eq(aiu_conflict_get_uid(NULL), (uid_t)-1);
        ck_assert_ptr_null(aiu_conflict_get_holder(NULL, 0));
        ck_assert_int_eq(aiu_holder_get_pid(NULL), 0);
        ck_assert_ptr_null(aiu_holder_get_cmdline(NULL, NULL));
        ck_assert_ptr_null(aiu_action_get_argv(NULL));
        ck_assert_ptr_null(aiu_gap_get_text(NULL));
}
END_TEST

START_TEST(tokens)
{
        ck_assert_str_eq(aiu_verdict_to_string(AIU_VERDICT_NOT_PERMITTED), "not-permitted");
        ck_assert_str_eq(aiu_call_to_string(AIU_CALL_LISTEN), "listen");
        ck_assert_str_eq(aiu_tristate_to_string(AIU_TRISTATE_YES), "yes");
        ck_assert_str_eq(aiu_overlap_to_string(AIU_OVERLAP_V4_MAPPED), "v4-mapped");
        ck_assert_str_eq(aiu_state_to_string(AIU_STATE_FIN_WAIT1), "fin-wait1");
        ck_assert_str_eq(aiu_state_to_string(AIU_STATE_BOUND), "bound");
        ck_assert_str_eq(aiu_state_to_string(AIU_STATE_STALE_FILE), "stale-file");
        ck_assert_str_eq(aiu_state_to_string((enum aiu_state)12), "unknown"); /* a hole in the numbers */
        ck_assert_str_eq(aiu_state_to_string((enum aiu_state) - 1), "unknown");
        ck_assert_str_eq(aiu_reason_to_string(AIU_REASON_OBSERVED), "observed");
        ck_assert_str_eq(aiu_holder_kind_to_string(AIU_HOLDER_SELF), "self");
        ck_assert_str_eq(aiu_manager_kind_to_string(AIU_MANAGER_SYSTEMD_USER), "systemd-user");
        ck_assert_str_eq(aiu_action_kind_to_string(AIU_ACTION_KILL_UNIT_LEFTOVERS), "kill-unit-leftovers");
        ck_assert_str_eq(aiu_action_kind_to_string((enum aiu_action_kind)99), "unknown");
        ck_assert_str_eq(aiu_gap_kind_to_string(AIU_GAP_KERNEL_TOO_OLD), "kernel-too-old");
        ck_assert_str_eq(aiu_protocol_to_string(AF_INET, SOCK_STREAM, 0), "tcp");
        ck_assert_str_eq(aiu_protocol_to_string(AF_INET6, SOCK_DGRAM, 0), "udp");
        ck_assert_str_eq(aiu_protocol_to_string(AF_INET, SOCK_STREAM, 262), "mptcp");
        ck_assert_str_eq(aiu_protocol_to_string(AF_NETLINK, SOCK_RAW, 0), "NETLINK_ROUTE");
        ck_assert_ptr_null(aiu_protocol_to_string(AF_NETLINK, SOCK_RAW, -1));
        ck_assert_ptr_null(aiu_protocol_to_string(AF_INET, SOCK_STREAM, 255));
        ck_assert_ptr_null(aiu_protocol_to_string(AF_UNIX, SOCK_STREAM, 0));
}
END_TEST

START_TEST(escape)
{
        char *text = NULL;

        ck_assert_int_eq(aiu_escape("a\\b\n\0\x7f\x80", 7, &text), 0);
        ck_assert_str_eq(text, "a\\\\b\\x0a\\x00\\x7f\\x80");
        free(text);
        ck_assert_int_eq(aiu_escape(NULL, 0, &text), 0);
        ck_assert_str_eq(text, "");
        free(text);
        ck_assert_int_eq(aiu_escape(NULL, 1, &text), -EINVAL);
        ck_assert_int_eq(aiu_escape("", 0, NULL), -EINVAL);
}
END_TEST

/* ------------------------------------------------------ snapshot */

START_TEST(facts_of_another_size)
{
        struct {
                struct aiu_socket_fact fact;
                char later[16];
        } newer;
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = 80 };
        struct aiu_snapshot s;

        memset(&newer, 0, sizeof(newer));
        newer.fact.size = sizeof(newer);
        newer.fact.local = (struct sockaddr *)&in;
        newer.fact.local_len = sizeof(in);
        snapshot_init(&s);
        ck_assert_int_eq(aiu_snapshot_add_socket(&s, &newer.fact), 0);
        newer.later[15] = 1; /* something that this library does not know */
        ck_assert_int_eq(aiu_snapshot_add_socket(&s, &newer.fact), -E2BIG);
        newer.fact.size = 3;
        ck_assert_int_eq(aiu_snapshot_add_socket(&s, &newer.fact), -EINVAL);
        newer.fact.size = offsetof(struct aiu_socket_fact, local) + 1; /* within a pointer */
        ck_assert_int_eq(aiu_snapshot_add_socket(&s, &newer.fact), -EINVAL);
        newer.fact.size = sizeof(newer.fact);
        newer.fact.local_len = 4;
        ck_assert_int_eq(aiu_snapshot_add_socket(&s, &newer.fact), -EINVAL);
        ck_assert_int_eq(aiu_snapshot_add_socket(&s, NULL), -EINVAL);
        ck_assert_uint_eq(s.n_sockets, 1);
        snapshot_finish(&s);
}
END_TEST

/* What is read out of a snapshot never exceeds the reader's own idea of the structure. */
START_TEST(facts_for_a_reader_of_another_size)
{
        union {
                struct aiu_socket_fact fact;
                unsigned char bytes[sizeof(struct aiu_socket_fact) + 16];
        } reader;
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = 80 };
        struct aiu_socket_fact fact = {
                .size = sizeof(fact),
                .local = (struct sockaddr *)&in,
                .local_len = sizeof(in),
                .type = SOCK_STREAM,
                .vfs_device = 7,
        };
        const size_t old = offsetof(struct aiu_socket_fact, inode);
        struct aiu_snapshot s;

        snapshot_init(&s);
        ck_assert_int_eq(aiu_snapshot_add_socket(&s, &fact), 0);
        memset(&reader, 0x55, sizeof(reader));
        reader.fact.size = old;
        ck_assert_int_eq(aiu_snapshot_get_socket(&s, 0, &reader.fact), 1);
        ck_assert_uint_eq(reader.fact.size, old);
        ck_assert_int_eq(reader.fact.type, SOCK_STREAM);
        for (size_t i = old; i < sizeof(reader); i++)
                ck_assert_uint_eq(reader.bytes[i], 0x55);

        reader.fact.size = sizeof(reader);
        ck_assert_int_eq(aiu_snapshot_get_socket(&s, 0, &reader.fact), 1);
        ck_assert_uint_eq(reader.fact.vfs_device, 7);
        for (size_t i = sizeof(fact); i < sizeof(reader); i++)
                ck_assert_uint_eq(reader.bytes[i], 0);

        reader.fact.size = 0;
        ck_assert_int_eq(aiu_snapshot_get_socket(&s, 0, &reader.fact), 0);
        reader.fact.size = old + 1;
        ck_assert_int_eq(aiu_snapshot_get_socket(&s, 0, &reader.fact), 0);
        reader.fact.size = 5000;
        ck_assert_int_eq(aiu_snapshot_get_socket(&s, 0, &reader.fact), 0);
        snapshot_finish(&s);
}
END_TEST

START_TEST(told_twice_and_too_much)
{
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = 80 };
        struct aiu_socket_fact fact = {
                .size = sizeof(fact),
                .local = (struct sockaddr *)&in,
                .local_len = sizeof(in),
                .cookie = 1,
        };
        struct aiu_snapshot s;
        int r = 0;

        snapshot_init(&s);
        ck_assert_int_eq(aiu_snapshot_add_socket(&s, &fact), 0);
        ck_assert_int_eq(aiu_snapshot_add_socket(&s, &fact), 0);
        ck_assert_uint_eq(s.n_sockets, 1);
        for (uint64_t i = 2; r == 0; i++) {
                fact.cookie = i;
                r = aiu_snapshot_add_socket(&s, &fact);
        }
        ck_assert_int_eq(r, -ENOBUFS);
        ck_assert_int_eq(aiu_snapshot_add_socket(&s, &fact), -ENOBUFS);
        ck_assert_uint_eq(s.n_sockets, SNAPSHOT_MAX_SOCKETS);
        ck_assert(s.sockets_truncated);
        ck_assert_uint_eq(s.n_gaps, 1); /* said once */
        ck_assert_int_eq(s.gaps[0].kind, AIU_GAP_TRUNCATED);
        snapshot_finish(&s);
}
END_TEST

/* The first line says what a server gets that sets SO_REUSEADDR, and what one without it. */
START_TEST(reuseaddr_decides)
{
        static const struct {
                enum aiu_verdict verdict;
                struct plain_bind plain;
                int port_range_first;
                tristate reuseaddr;
                uint32_t doubts;
                const char *summary;
        } rows[] = {
                { AIU_VERDICT_AVAILABLE, { 0 }, 1024, YES, 0, "127.0.0.1:80/tcp is free" },
                { AIU_VERDICT_AVAILABLE,
                  { true, true, 42100000 },
                  1024,
                  YES,
                  0,
                  "127.0.0.1:80/tcp is free for a server that sets SO_REUSEADDR, as most do; "
                  "without it, in use for 43 s more" },
                { AIU_VERDICT_AVAILABLE,
                  { true, true, 0 },
                  1024,
                  YES,
                  0,
                  "127.0.0.1:80/tcp is free for a server that sets SO_REUSEADDR, as most do; "
                  "without it, in use until its connections end" },
                { AIU_VERDICT_AVAILABLE,
                  { true, false, 0 },
                  1024,
                  YES,
                  0,
                  "127.0.0.1:80/tcp is free for a server that sets SO_REUSEADDR, as most do; without it, in use" },
                { AIU_VERDICT_UNKNOWN,
                  { true, true, 30000000 },
                  1024,
                  UNKNOWN,
                  DOUBT_HOLDER_OPTION,
                  "127.0.0.1:80/tcp is probably free for a server that sets SO_REUSEADDR; "
                  "without it, in use for 30 s more" },
                { AIU_VERDICT_UNKNOWN,
                  { true, true, 30000000 },
                  79,
                  UNKNOWN,
                  DOUBT_HOLDER_OPTION,
                  "127.0.0.1:80/tcp may be free for a server that sets SO_REUSEADDR; "
                  "without it, in use for 30 s more" },
                { AIU_VERDICT_UNKNOWN,
                  { 0 },
                  1024,
                  UNKNOWN,
                  DOUBT_HOLDER_OPTION,
                  "127.0.0.1:80/tcp may be in use: an option of the holder decides and could not be read" },
                { AIU_VERDICT_UNKNOWN,
                  { true, true, 30000000 },
                  1024,
                  UNKNOWN,
                  DOUBT_HOLDER_OPTION | DOUBT_KERNEL,
                  "127.0.0.1:80/tcp may be free: kernels of this version differ" },
                { AIU_VERDICT_UNKNOWN,
                  { true, true, 30000000 },
                  1024,
                  NO,
                  DOUBT_HOLDER_OPTION,
                  "127.0.0.1:80/tcp may be in use: an option of the holder decides and could not be read; "
                  "a closed connection is in TIME_WAIT, from 127.0.0.1:80 to 127.0.0.9:4000, for 30 s more" },
        };
        struct host host = { .port_range_last = 60999 };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct aiu_report *r = report_new();

                ck_assert_ptr_nonnull(r);
                r->request = table_request("127.0.0.1");
                r->request.reuseaddr = true;
                r->verdict = (struct verdict){ .verdict = rows[i].verdict, .doubts = rows[i].doubts };
                r->plain = rows[i].plain;
                host.port_range_first = rows[i].port_range_first;
                r->conflicts = calloc(1, sizeof(*r->conflicts));
                r->n_conflicts = 1;
                r->conflicts[0].socket = table_time_wait("127.0.0.1");
                r->conflicts[0].socket.reuseaddr = rows[i].reuseaddr;
                ck_assert_int_eq(words_summary(r, &host), 0);
                ck_assert_str_eq(aiu_report_get_summary(r), rows[i].summary);
                aiu_report_unref(r);
        }
}
END_TEST

static const char *name_user(void *userdata, uid_t uid)
{
        static char name[16];

        ++*(int *)userdata;
        if (uid == 3)
                return NULL;
        snprintf(name, sizeof(name), "%s%u", uid == 4 ? "" : "user", (unsigned)uid);
        return uid == 4 ? "" : name;
}

/* Once for each user, for a few, and none without a hook. */
START_TEST(users_by_name)
{
        struct aiu_report report = { 0 };
        struct aiu_holder holders[20] = { 0 };
        struct aiu_conflict conflicts[2] = { { .holders = holders, .n_holders = 20 },
                                             { .holders = holders, .n_holders = 2 } };
        int n_calls = 0;

        for (uid_t i = 0; i < 20; i++)
                holders[i].uid = i == 2 ? UID_UNKNOWN : i == 5 ? 1 : i;
        ck_assert_int_eq(build_users(&report, name_user, &n_calls), 0);
        report.conflicts = conflicts;
        report.n_conflicts = 2;
        ck_assert_int_eq(build_users(&report, NULL, &n_calls), 0);
        ck_assert(n_calls == 0 && !report.users);
        ck_assert_int_eq(build_users(&report, name_user, &n_calls), 0);
        ck_assert_str_eq(aiu_holder_get_user_name(&holders[1]), "user1");
        ck_assert_str_eq(aiu_holder_get_user_name(&holders[5]), "user1");
        ck_assert_str_eq(aiu_holder_get_user_name(&holders[17]), "user17");
        ck_assert_ptr_null(aiu_holder_get_user_name(&holders[18]));
        for (int i = 2; i < 5; i++)
                ck_assert_ptr_null(aiu_holder_get_user_name(&holders[i]));
        ck_assert_int_eq(n_calls, 16);
        for (size_t i = 0; i < report.n_users; i++)
                free(report.users[i].name);
        free(report.users);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("report");
        TCase *tcase = tcase_create("all");

        tcase_add_test(tcase, nothing_hostile_gets_out);
        tcase_add_test(tcase, signals_have_names);
        tcase_add_test(tcase, words_for_a_person);
        tcase_add_test(tcase, file_of_an_action);
        tcase_add_test(tcase, json_for_a_program);
        tcase_add_test(tcase, references);
        tcase_add_test(tcase, past_the_end);
        tcase_add_test(tcase, late);
        tcase_add_test(tcase, of_nothing);
        tcase_add_test(tcase, tokens);
        tcase_add_test(tcase, escape);
        tcase_add_test(tcase, facts_of_another_size);
        tcase_add_test(tcase, facts_for_a_reader_of_another_size);
        tcase_add_test(tcase, told_twice_and_too_much);
        tcase_add_test(tcase, reuseaddr_decides);
        tcase_add_test(tcase, users_by_name);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
