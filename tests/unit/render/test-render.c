/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The text renderer: whole pages to the letter, on reports made in memory.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "render/phrases.h"
#include "util/macro.h"
#include "fixture/render-fixture.h"
#include "fixture/run-suite.h"

#define WORDS(text) (text), sizeof(text)

static void expect_page(struct aiu_report *r, uint32_t flags, const char *page)
{
        char *text = NULL;

        ck_assert_int_eq(aiu_report_to_text(r, flags, &text), 0);
        ck_assert_str_eq(text, page);
        free(text);
        aiu_report_unref(r);
}

START_TEST(listener_of_a_unit)
{
        expect_page(fixture_unit_report(), 0,
                    IN_USE "\n"
                           "holder    nginx, pid 812 (root), fd 6, up 3 days\n"
                           "managed   nginx.service, active, Restart=on-failure: systemd would start it again\n"
                           "conflict  0.0.0.0:80 covers 127.0.0.1:80\n"
                           "do        systemctl nginx.service  # needs root\n"
                           "          stop it\n"
                           "or        bind another port\n");
}
END_TEST

START_TEST(server_of_a_shell)
{
        struct aiu_report *r = fixture_report(AIU_VERDICT_IN_USE, EADDRINUSE, IN_USE);
        struct process *p = (struct process *)fixture_process(r, 812, "python3", "bash");

        p->uid = 1000;
        free(p->cwd);
        p->cwd = fixture_copy("/home/me/site");
        p->cmdline = malloc(8);
        memcpy(p->cmdline, "py\0-m\0h", 8);
        p->cmdline_bytes = 8;
        fixture_listening(r, "127.0.0.1", AIU_OVERLAP_EXACT, AIU_HOLDER_PROCESS, p, 3)->flags =
                AIU_HOLDER_ORPHAN | AIU_HOLDER_STOPPED;
        expect_page(r, AIU_RENDER_CMDLINE,
                    IN_USE "\n"
                           "holder    python3, pid 812 (uid 1000), fd 3, stopped, its parent is gone\n"
                           "command   py -m h\n"
                           "started   from a shell: systemd (1) > bash (700) > python3 (812), in /home/me/site\n");
}
END_TEST

#define LONG40 "0123456789abcdefghijklmnopqrstuvwxyz0123"
#define LONG160 LONG40 LONG40 LONG40 LONG40

static const struct {
        const char *comm, *cmdline;
        size_t bytes;
        const char *label, *words, *path;
} labels[] = {
        { "node", WORDS("node\0/srv/x/server.js\0--key"), "server.js", "node server.js", "node /srv/x/server.js" },
        { "node", WORDS("/bin/node\0server.js"), "server.js", "node server.js", "node server.js" },
        { "node", NULL, 0, "server.js", "node server.js", "node server.js" },
        { "deno", WORDS("deno\0run\0/x@y/a.ts"), "a.ts", "deno a.ts", "deno a.ts" },
        { "a-script-with-a", WORDS("python3\0/opt/a-script-with-a-long-name.py"), "a-script-with-a-long-name.py",
          "a-script-with-a-long-name.py", "/opt/a-script-with-a-long-name.py" },
        { "run", WORDS("python3\0run.py"), "run.py", "run run.py", "run run.py" },
        { "run.python", WORDS("python3\0run.py"), "run.py", "run.python run.py", "run.python run.py" },
        { NULL, WORDS("python3\0run.py"), "run.py", "a process run.py", "a process run.py" },
        { NULL, NULL, 0, NULL, "a process", NULL },
        /* No longer than a person reads: the path is left out before the name is cut. */
        { "node", WORDS("node\0/" LONG160 "/a.js"), "a.js", "node a.js", "node a.js" },
        { "node", WORDS("node\0/x/" LONG160), LONG160, "node " LONG160, "node " LONG160 },
        { "node", WORDS("node\0" LONG160 ".js"), LONG160 ".js", "node " LONG160 "...", "node " LONG160 "..." },
};

/* What an interpreter runs, on both lines. */
START_TEST(label_beside_the_name)
{
        struct aiu_report *r = fixture_report(AIU_VERDICT_IN_USE, EADDRINUSE, IN_USE);
        struct process *p = (struct process *)fixture_process(r, 812, labels[_i].comm ? labels[_i].comm : "", NULL);
        struct strbuf who = { 0 };
        char line[512], *text = NULL;

        if (!labels[_i].comm) {
                free(p->comm);
                p->comm = NULL;
        }
        p->label = labels[_i].label ? fixture_copy(labels[_i].label) : NULL;
        p->cmdline = malloc(labels[_i].bytes + 1);
        memcpy(p->cmdline, labels[_i].cmdline ? labels[_i].cmdline : "", labels[_i].bytes);
        p->cmdline[labels[_i].bytes] = '\0';
        p->cmdline_bytes = labels[_i].bytes;
        fixture_listening(r, "127.0.0.1", AIU_OVERLAP_EXACT, AIU_HOLDER_PROCESS, p, 3);
        phrase_who(&who, r, &r->conflicts[0]);
        snprintf(line, sizeof(line), "%s (pid 812)", labels[_i].words);
        ck_assert_str_eq(who.text, line);
        ck_assert_int_eq(aiu_report_to_text(r, 0, &text), 0);
        snprintf(line, sizeof(line), "\nholder    %s%spid 812 (", labels[_i].path ? labels[_i].path : "",
                 labels[_i].path ? ", " : "");
        ck_assert_msg(strstr(text, line), "%s", text);
        strbuf_finish(&who);
        free(text);
        aiu_report_unref(r);
}
END_TEST

static const struct {
        const char *leaders; /* of the holders 1, 2 ...: a digit, or '-' for none; capital: of another user */
        const char *who, *lines;
} crews[] = {
        { "-11", "nginx (pid 1 and 2 workers)", "nginx, pid 1, and 2 workers (root)\n" },
        { "-1A", "nginx (pid 1 and 2 workers)", "nginx, pid 1, and 2 workers (root, uid 33)\n" },
        { "2-", "nginx (pid 2 and 1 worker)", "nginx, pid 2, and 1 worker (root)\n" },
        { "-1-", "nginx (pid 1 and 1 worker and 1 more)",
          "nginx, pid 1, and 1 worker (root)\nand       nginx, pid 3 (root)\n" },
        { "-9", "nginx (pid 1 and 1 more)", "nginx, pid 1 (root), and 1 more process\n" },
        { "21", "nginx (pid 1 and 1 worker)", "nginx, pid 1, and 1 worker (root)\n" },
        { "---------", "nginx (pid 1 and 8 more)", NULL },
};

/* A master with its workers is one holder. */
START_TEST(crew)
{
        struct aiu_report *r = fixture_report(AIU_VERDICT_IN_USE, EADDRINUSE, IN_USE);
        const char *leaders = crews[_i].leaders;
        size_t n = strlen(leaders);
        struct process *ps = calloc(n, sizeof(*ps));
        struct aiu_conflict *c;
        struct strbuf who = { 0 };
        char line[256], *text = NULL;
        char name[] = "nginx";

        fixture_listening(r, "127.0.0.1", AIU_OVERLAP_EXACT, AIU_HOLDER_PROCESS, NULL, 0);
        c = &r->conflicts[0];
        c->holders = realloc(c->holders, n * sizeof(*c->holders));
        c->n_holders = n;
        for (size_t i = 0; i < n; i++) {
                bool other = leaders[i] == 'A', worker = leaders[i] != '-';

                ps[i] = (struct process){ .pid = (pid_t)i + 1, .comm = name, .uid = other ? 33 : 0 };
                c->holders[i] = (struct aiu_holder){ .kind = AIU_HOLDER_PROCESS, .process = &ps[i], .uid = ps[i].uid };
                c->holders[i].leader = other ? 1 : worker ? leaders[i] - '0' : 0;
                c->holders[i].flags = worker ? AIU_HOLDER_WORKER : 0;
        }
        phrase_who(&who, r, c);
        ck_assert_str_eq(who.text, crews[_i].who);
        ck_assert_int_eq(aiu_report_to_text(r, 0, &text), 0);
        snprintf(line, sizeof(line), "\nholder    %s", crews[_i].lines ? crews[_i].lines : "");
        ck_assert_msg(strstr(text, line), "%s", text);
        ck_assert(crews[_i].lines || strstr(text, "nginx, pid 8 (root), and 1 more process\n"));
        strbuf_finish(&who);
        free(text);
        aiu_report_unref(r);
        free(ps);
}
END_TEST

/* Port 0: a line for each of those who have most, and how much the others have. */
START_TEST(range_is_taken)
{
        struct aiu_report *r = fixture_report(AIU_VERDICT_IN_USE, EADDRINUSE, IN_USE);
        struct aiu_conflict *c;

        r->request.address = table_address("127.0.0.1", 0);
        r->range = (struct range){ .first = 40000, .last = 40015, .taken = 14, .reserved = 2, .found = NO };
        c = fixture_conflict(r, fixture_connection(4000), AIU_OVERLAP_PORT_RANGE, AIU_REASON_RANGE_EXHAUSTED);
        c->n_ports = 9;
        fixture_holder(c, AIU_HOLDER_PROCESS, fixture_process(r, 812, "nginx", NULL), 6);
        c = fixture_conflict(r, table_time_wait("127.0.0.1"), AIU_OVERLAP_PORT_RANGE, AIU_REASON_RANGE_EXHAUSTED);
        c->n_ports = 1;
        fixture_holder(c, AIU_HOLDER_KERNEL, NULL, 0);
        fixture_action(r, AIU_ACTION_WIDEN_RANGE, "look at more", "sysctl", "a=1 2");
        expect_page(r, 0,
                    IN_USE
                    "\n"
                    "holder    nginx, pid 812 (root), fd 6\n"
                    "holder    closed connections have 1 port of the range, such as 127.0.0.1:80, for 30 s more\n"
                    "and       4 more ports of other holders\n"
                    "started   systemd (1) > nginx (812)\n"
                    "conflict  port 0 means any port of 40000-40015 (ip_local_port_range), and none is left for this "
                    "address\n"
                    "do        sysctl 'a=1 2'\n"
                    "          look at more\n");
}
END_TEST

START_TEST(range_is_reserved)
{
        struct aiu_report *r = fixture_report(AIU_VERDICT_IN_USE, EADDRINUSE, IN_USE);
        struct socket s = { .local = table_address("127.0.0.1", 0), .uid = UID_UNKNOWN };

        r->range = (struct range){ .first = 40000, .last = 40001, .reserved = 2, .found = NO };
        fixture_conflict(r, s, AIU_OVERLAP_PORT_RANGE, AIU_REASON_RANGE_EXHAUSTED)->index = NO_SOCKET;
        expect_page(r, 0,
                    IN_USE
                    "\n"
                    "conflict  port 0 means any port of 40000-40001 (ip_local_port_range), and none is left for this "
                    "address\n");
}
END_TEST

START_TEST(time_wait_only)
{
        struct aiu_report *r = fixture_report(AIU_VERDICT_IN_USE, EADDRINUSE, IN_USE);

        fixture_holder(fixture_conflict(r, table_time_wait("127.0.0.1"), AIU_OVERLAP_EXACT, AIU_REASON_QUERY_NO_REUSE),
                       AIU_HOLDER_KERNEL, NULL, 0);
        fixture_action(r, AIU_ACTION_WAIT, "wait 31 s", "sleep", "31");
        expect_page(r, 0,
                    IN_USE "\n"
                           "do        sleep 31\n"
                           "          wait 31 s\n");
}
END_TEST

START_TEST(hidden_holder_with_a_gap)
{
        struct aiu_report *r = fixture_report(AIU_VERDICT_IN_USE, EADDRINUSE, IN_USE);

        fixture_listening(r, "127.0.0.1", AIU_OVERLAP_EXACT, AIU_HOLDER_HIDDEN, NULL, 0);
        fixture_gap(r, "3 processes could not be inspected: run as root [CAP_SYS_PTRACE]");
        expect_page(r, 0,
                    IN_USE "\n"
                           "holder    a process of uid 1000 that you cannot see: listens on 127.0.0.1:80\n"
                           "not seen  3 processes could not be inspected: run as root\n");
}
END_TEST

/* What stands in brackets at the end is for -v. Other brackets belong to the sentence. */
START_TEST(terms_of_the_kernel_in_a_gap)
{
        static const char *const rows[][2] = { { "run as root [CAP_SYS_PTRACE]", "run as root" },
                                               { "see [a], run as root [B]", "see [a], run as root" },
                                               { "[::] cannot be seen", "[::] cannot be seen" },
                                               { "ask [here] again", "ask [here] again" },
                                               { "[all]", "[all]" },
                                               { "bound to [::1]", "bound to [::1]" },
                                               { "bound to [fe80::1%eth0]", "bound to [fe80::1%eth0]" },
                                               { "bound to [::ffff:127.0.0.1]", "bound to [::ffff:127.0.0.1]" },
                                               { "as root [tb->fastreuseport]", "as root" },
                                               { "as root [cafe]", "as root" },
                                               { "see [a:b and c]", "see" } };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                for (int verbose = 0; verbose < 2; verbose++) {
                        struct aiu_report *r = fixture_report(AIU_VERDICT_UNKNOWN, 0, "a");
                        char page[64];

                        fixture_gap(r, rows[i][0]);
                        (void)snprintf(page, sizeof(page), "a\nnot seen  %s\n", rows[i][!verbose]);
                        expect_page(r, verbose ? AIU_RENDER_VERBOSE : 0, page);
                }
        }
}
END_TEST

/* A user reads what to do on the first line, whatever else is in the way; a command with sudo needs no remark. */
START_TEST(hidden_holder_of_a_user)
{
        static const struct {
                enum aiu_verdict verdict;
                const char *line;
        } lines[] = {
                { AIU_VERDICT_IN_USE, IN_USE ": run  sudo addrinuse 127.0.0.1:80\n" },
                { AIU_VERDICT_UNKNOWN, IN_USE "; run  sudo addrinuse 127.0.0.1:80\n" },
                { AIU_VERDICT_NOT_PERMITTED, "127.0.0.1:80/tcp is in use by a process of uid 1000 that you cannot see: "
                                             "run  sudo addrinuse 127.0.0.1:80\n" },
        };

        for (size_t i = 0; i < 2 * ELEMENTSOF(lines); i++) {
                struct aiu_report *r = fixture_report(lines[i / 2].verdict, EADDRINUSE, IN_USE);
                char *text = NULL;

                fixture_listening(r, "127.0.0.1", AIU_OVERLAP_EXACT, AIU_HOLDER_HIDDEN, NULL, 0);
                fixture_gap(r, "3 processes could not be looked into: run as root");
                fixture_action(r, AIU_ACTION_LOOK_CLOSER, "look again", "sudo", "addrinuse");
                r->actions[0].flags = i % 2 ? 0 : AIU_ACTION_NEEDS_ROOT;
                ck_assert_int_eq(aiu_report_to_text(r, 0, &text), 0);
                ck_assert_msg(i % 2 ? strncmp(text, IN_USE "\n", strlen(IN_USE) + 1) == 0
                                    : strncmp(text, lines[i / 2].line, strlen(lines[i / 2].line)) == 0,
                              "%s", text);
                ck_assert_msg(strstr(text, "do        sudo addrinuse\n          look again\n"), "%s", text);
                free(text);
                aiu_report_unref(r);
        }
}
END_TEST

/* Only its unit is known: no chain to hang it on, and no separator without one. */
START_TEST(hidden_holder_of_a_unit)
{
        struct aiu_report *r = fixture_report(AIU_VERDICT_IN_USE, EADDRINUSE, IN_USE);
        char *text = NULL;

        r->managers[r->n_managers++] = (struct manager){
                .kind = AIU_MANAGER_DOCKER,
                .container = fixture_copy("web"),
                .socket_unit = fixture_copy("a.socket"),
                .unit = fixture_copy("a.service"),
                .supervisor = fixture_copy("pm2"),
        };
        fixture_listening(r, "127.0.0.1", AIU_OVERLAP_EXACT, AIU_HOLDER_HIDDEN, NULL, 0)->manager = &r->managers[0];
        ck_assert_int_eq(aiu_report_to_text(r, 0, &text), 0);
        ck_assert_msg(strstr(text, "managed   a.socket for a.service, docker container web, supervised by pm2\n"), "%s",
                      text);
        free(text);
        aiu_report_unref(r);
}
END_TEST

/* Of a container's long id as much as its engine shows, and not the scope that is called after it. */
START_TEST(container_of_a_scope)
{
#define ID "69a7f8e5e9ec948f28e65768124b03e01996b6ccd1f960b98d5fcc8525079c2b"
        struct aiu_report *r = fixture_report(AIU_VERDICT_IN_USE, EADDRINUSE, IN_USE);
        char *text = NULL;

        r->managers[r->n_managers++] = (struct manager){
                .kind = AIU_MANAGER_PODMAN,
                .container = fixture_copy(ID),
                .unit = fixture_copy("libpod-" ID ".scope"),
        };
        fixture_listening(r, "127.0.0.1", AIU_OVERLAP_EXACT, AIU_HOLDER_HIDDEN, NULL, 0)->manager = &r->managers[0];
        ck_assert_int_eq(aiu_report_to_text(r, 0, &text), 0);
        ck_assert_msg(strstr(text, "managed   podman container 69a7f8e5e9ec\n"), "%s", text);
        free(text);
        ck_assert_int_eq(aiu_report_to_json(r, 0, &text), 0);
        ck_assert_msg(strstr(text, "\"" ID "\""), "%s", text);
        free(text);
        aiu_report_unref(r);
#undef ID
}
END_TEST

/* Who started it, told by its parent; `unit`: who looks after it. */
static const struct {
        const char *parent, *unit;
        const char *words; /* what is said of it; NULL = nothing */
} starters[] = {
        { "bash", NULL, "started   from a shell: systemd (1) > " },
        { "cron", NULL, "started   by cron: systemd (1) > " },
        { "atd", NULL, "started   by atd: systemd (1) > " },
        { "sshd", "session-3.scope", "started   from a login over ssh: systemd (1) > " },
        { "tmux: server", NULL, "started   from tmux: systemd (1) > " },
        { "konsole", NULL, "started   from a terminal, konsole: systemd (1) > " },
        { "gnome-terminal-", NULL, "started   from a terminal, gnome-terminal: systemd (1) > " },
        { "code", NULL, "started   from a terminal of code: systemd (1) > " },
        { "nginx", NULL, NULL },
        { "bash", "web.service", NULL }, /* its ExecStart= is a script */
        { "cron", "cron.service", "started   by cron: systemd (1) > " },
        { "bash\n", NULL, NULL },
};

START_TEST(who_started_it)
{
        struct aiu_report *r = fixture_report(AIU_VERDICT_IN_USE, EADDRINUSE, IN_USE);
        const struct process *p = fixture_process(r, 812, "node", starters[_i].parent);
        struct aiu_holder *holder = fixture_listening(r, "127.0.0.1", AIU_OVERLAP_EXACT, AIU_HOLDER_PROCESS, p, 6);
        char *text = NULL;

        if (starters[_i].unit) {
                r->managers[r->n_managers++] =
                        (struct manager){ .kind = AIU_MANAGER_SYSTEMD, .unit = fixture_copy(starters[_i].unit) };
                holder->manager = &r->managers[0];
        }
        ck_assert_int_eq(aiu_report_to_text(r, 0, &text), 0);
        if (starters[_i].words)
                ck_assert_msg(strstr(text, starters[_i].words), "%s", text);
        else
                ck_assert_msg(!strstr(text, "from a") && !strstr(text, "by cron"), "%s", text);
        free(text);
        aiu_report_unref(r);
}
END_TEST

/* A note is always shown, another gap where it matters. */
START_TEST(note)
{
        struct aiu_report *r = fixture_report(AIU_VERDICT_AVAILABLE, 0, "it is free");
        char *text = NULL;

        fixture_gap(r, "a.service is about to be started again");
        ck_assert_int_eq(aiu_report_to_text(r, 0, &text), 0);
        ck_assert_str_eq(text, "it is free\n");
        free(text);
        r->gaps[0].gap.kind = AIU_GAP_NOTE;
        ck_assert_int_eq(aiu_report_to_text(r, 0, &text), 0);
        ck_assert_str_eq(text, "it is free\nnote      a.service is about to be started again\n");
        free(text);
        aiu_report_unref(r);
}
END_TEST

START_TEST(program_keeps_the_port)
{
        struct aiu_report *r = fixture_report(AIU_VERDICT_IN_USE, EADDRINUSE, IN_USE);
        struct socket s = fixture_listener("127.0.0.1");

        s.reuseport = YES;
        fixture_holder(fixture_conflict(r, s, AIU_OVERLAP_EXACT, AIU_REASON_REUSEPORT_PROGRAM), AIU_HOLDER_PROCESS,
                       fixture_process(r, 812, "nginx", NULL), 6);
        expect_page(r, 0,
                    IN_USE "\n"
                           "holder    nginx, pid 812 (root), fd 6\n"
                           "started   systemd (1) > nginx (812)\n"
                           "options   SO_REUSEADDR: does not help against a listener; SO_REUSEPORT: both set it, but a "
                           "BPF program is attached to the caller's socket\n");
}
END_TEST

START_TEST(three_thousand_connections)
{
        struct aiu_report *r = fixture_report(AIU_VERDICT_IN_USE, EADDRINUSE, IN_USE);
        const struct process *p = fixture_process(r, 812, "nginx", NULL);

        fixture_listening(r, "127.0.0.1", AIU_OVERLAP_EXACT, AIU_HOLDER_PROCESS, p, 6);
        for (uint16_t i = 0; i < 3000; i++)
                fixture_holder(fixture_conflict(r, fixture_connection((uint16_t)(10000 + i)), AIU_OVERLAP_EXACT,
                                                AIU_REASON_QUERY_NO_REUSE),
                               AIU_HOLDER_PROCESS, p, 7 + i);
        expect_page(r, 0,
                    IN_USE "\n"
                           "holder    nginx, pid 812 (root), fd 6, and its 3000 connections\n"
                           "started   systemd (1) > nginx (812)\n");
}
END_TEST

START_TEST(what_the_kernel_closes)
{
        static const struct {
                enum aiu_state state;
                enum aiu_holder_kind holder;
                const char *words;
        } rows[] = {
                { AIU_STATE_FIN_WAIT1, AIU_HOLDER_KERNEL, "10000 (FIN_WAIT1), until its peer answers" },
                { AIU_STATE_LAST_ACK, AIU_HOLDER_KERNEL, "10000 (LAST_ACK), until its peer answers" },
                { AIU_STATE_CLOSING, AIU_HOLDER_KERNEL, "10000 (CLOSING), until its peer answers" },
                { AIU_STATE_FIN_WAIT2, AIU_HOLDER_KERNEL, "10000 (FIN_WAIT2)\n" },
                { AIU_STATE_FIN_WAIT1, AIU_HOLDER_PROCESS, "10000 (FIN_WAIT1)\n" },
                { AIU_STATE_CLOSE, AIU_HOLDER_KERNEL, "10000\n" },
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct aiu_report *r = fixture_report(AIU_VERDICT_IN_USE, EADDRINUSE, IN_USE);
                const struct process *p = fixture_process(r, 812, "nginx", NULL);
                struct socket s = fixture_connection(10000);
                char *text = NULL;

                s.state = rows[i].state;
                if (rows[i].holder == AIU_HOLDER_KERNEL)
                        s.inode = 0;
                fixture_listening(r, "127.0.0.9", AIU_OVERLAP_EXACT, AIU_HOLDER_PROCESS,
                                  fixture_process(r, 900, "other", NULL), 6);
                fixture_holder(fixture_conflict(r, s, AIU_OVERLAP_EXACT, AIU_REASON_QUERY_NO_REUSE), rows[i].holder,
                               rows[i].holder == AIU_HOLDER_PROCESS ? p : NULL, 7);
                ck_assert_int_eq(aiu_report_to_text(r, 0, &text), 0);
                ck_assert_msg(strstr(text, rows[i].words), "%zu: %s", i, text);
                free(text);
                aiu_report_unref(r);
        }
}
END_TEST

START_TEST(two_holders_have_two_reasons)
{
        struct aiu_report *r = fixture_report(AIU_VERDICT_IN_USE, EADDRINUSE, IN_USE);
        char *text = NULL;

        fixture_listening(r, "127.0.0.1", AIU_OVERLAP_EXACT, AIU_HOLDER_PROCESS, fixture_process(r, 812, "nginx", NULL),
                          6);
        fixture_listening(r, "0.0.0.0", AIU_OVERLAP_HOLDER_WILDCARD, AIU_HOLDER_PROCESS,
                          fixture_process(r, 900, "node", "bash"), 9);
        ck_assert_int_eq(aiu_report_to_text(r, 0, &text), 0);
        ck_assert_msg(strstr(text, "started   systemd (1) > nginx (812)\n"
                                   "started   from a shell: systemd (1) > bash (700) > node (900)\n"),
                      "%s", text);
        free(text);
        aiu_report_unref(r);
}
END_TEST

START_TEST(held_by_the_caller)
{
        struct aiu_report *r = fixture_report(AIU_VERDICT_IN_USE, EADDRINUSE, IN_USE);
        char *text = NULL;

        fixture_listening(r, "127.0.0.1", AIU_OVERLAP_EXACT, AIU_HOLDER_SELF, fixture_process(r, 812, "me", NULL), 6);
        ck_assert_int_eq(aiu_report_to_text(r, 0, &text), 0);
        ck_assert_msg(strstr(text, "holder    this process, me, pid 812 (root), fd 6\n"), "%s", text);
        free(text);
        aiu_report_unref(r);
}
END_TEST

/* The first line is the summary, whatever the name of the file says. */
START_TEST(stale_file_with_a_telling_name)
{
        static const char path[] = "/run/x is free";
        static const char summary[] = "/run/x is free is in use: a stale socket file";
        struct aiu_report *r = fixture_report(AIU_VERDICT_IN_USE, EADDRINUSE, summary);
        struct socket s = fixture_unix(path, AIU_STATE_STALE_FILE);

        r->request.address = s.local;
        fixture_holder(fixture_conflict(r, s, AIU_OVERLAP_UNIX_PATH, AIU_REASON_PATH_EXISTS), AIU_HOLDER_KERNEL, NULL,
                       0);
        fixture_action(r, AIU_ACTION_REMOVE_FILE, "remove it", "rm", path);
        expect_page(r, 0,
                    "/run/x is free is in use: a stale socket file\n"
                    "do        rm '/run/x is free'\n"
                    "          remove it\n");
}
END_TEST

static const struct {
        enum aiu_verdict verdict;
        int error;
        const char *summary;
} short_answers[] = {
        { AIU_VERDICT_AVAILABLE, 0, "127.0.0.1:80/tcp is free" },
        { AIU_VERDICT_NOT_LOCAL, EADDRNOTAVAIL, "192.0.2.1:80/tcp is not an address of this host" },
        { AIU_VERDICT_NOT_PERMITTED, EACCES, "127.0.0.1:80/tcp is not permitted: bind() fails with EACCES" },
        { AIU_VERDICT_INVALID, EINVAL, "127.0.0.1:80/tcp cannot be bound like this" },
};

START_TEST(answers_in_one_line)
{
        char page[160];

        (void)snprintf(page, sizeof(page), "%s\n", short_answers[_i].summary);
        expect_page(fixture_report(short_answers[_i].verdict, short_answers[_i].error, short_answers[_i].summary), 0,
                    page);
}
END_TEST

/* Gaps stand under an answer that is not known; under a certain one only when asked for. */
START_TEST(gaps_where_they_matter)
{
        for (int i = 0; i < 2; i++) {
                enum aiu_verdict verdict = i ? AIU_VERDICT_UNKNOWN : AIU_VERDICT_AVAILABLE;
                struct aiu_report *r = fixture_report(verdict, 0, "a");

                fixture_gap(r, "b");
                expect_page(r, 0, i ? "a\nnot seen  b\n" : "a\n");
                r = fixture_report(AIU_VERDICT_AVAILABLE, 0, "a");
                fixture_gap(r, "b");
                expect_page(r, AIU_RENDER_VERBOSE, "a\nnot seen  b\n");
        }
}
END_TEST

START_TEST(user_not_known)
{
        struct aiu_report *r = fixture_report(AIU_VERDICT_IN_USE, EADDRINUSE, IN_USE);
        char *text = NULL;

        ((struct process *)fixture_process(r, 812, "x", NULL))->uid = UID_UNKNOWN;
        fixture_listening(r, "127.0.0.1", AIU_OVERLAP_EXACT, AIU_HOLDER_PROCESS, &r->processes[0], 6);
        ck_assert_int_eq(aiu_report_to_text(r, 0, &text), 0);
        ck_assert_msg(strstr(text, "pid 812 (user unknown)"), "%s", text);
        ck_assert_ptr_null(strstr(text, "4294967295"));
        free(text);
        aiu_report_unref(r);
}
END_TEST

static const struct {
        uint64_t ago; /* seconds */
        const char *format, *behind;
} starts[] = {
        { 30, ", since %H:%M (", " seconds)\n" },
        { 3 * 86400 + 7200, ", since %a %H:%M (", "3 days)\n" },
        { 25 * 86400 + 7200, ", since %Y-%m-%d (", "25 days)\n" },
};

/* By the day of the week as long as that is plain, and with the user's name. */
START_TEST(local_time_and_user)
{
        struct aiu_report *r = fixture_report(AIU_VERDICT_IN_USE, EADDRINUSE, IN_USE);
        struct process *p = (struct process *)fixture_process(r, 812, "web", NULL);
        time_t when = time(NULL) - (time_t)starts[_i].ago;
        char line[64], *text = NULL;

        ck_assert_int_eq(setenv("TZ", "UTC+12", 1), 0);
        /* Around midnight "today" needs no day. */
        if (_i == 0 && time(NULL) % 86400 - 12 * 3600 >= 0 && time(NULL) % 86400 - 12 * 3600 < 60)
                when = time(NULL);
        p->start_time_usec = (uint64_t)when * 1000000;
        p->uid = 1000;
        fixture_listening(r, "127.0.0.1", AIU_OVERLAP_EXACT, AIU_HOLDER_PROCESS, p, 6)->user_name = "de\tploy";
        ck_assert_int_eq(aiu_report_to_text(r, AIU_RENDER_LOCAL_TIME, &text), 0);
        ck_assert_uint_gt(strftime(line, sizeof(line), starts[_i].format, localtime(&when)), 0);
        ck_assert_msg(strstr(text, line) && strstr(text, starts[_i].behind), "%s: %s", line, text);
        ck_assert_msg(strstr(text, "pid 812 (de\\x09ploy), fd 6") || strstr(text, "pid 812 (de\\tploy), fd 6"), "%s",
                      text);
        free(text);
        aiu_report_unref(r);
}
END_TEST

START_TEST(colour_on_request)
{
        struct aiu_report *r = fixture_unit_report();
        char *plain = NULL, *colour = NULL;

        ck_assert_int_eq(aiu_report_to_text(r, 0, &plain), 0);
        ck_assert_int_eq(aiu_report_to_text(r, AIU_RENDER_COLOR, &colour), 0);
        ck_assert_ptr_null(strchr(plain, '\033'));
        ck_assert_ptr_nonnull(strchr(colour, '\033'));
        free(plain);
        free(colour);
        aiu_report_unref(r);
}
END_TEST

START_TEST(wrong_use)
{
        struct aiu_report *r = fixture_unit_report();
        char *text = NULL;

        ck_assert_int_eq(aiu_report_to_text(r, UINT32_C(1) << 5, &text), -EINVAL);
        ck_assert_int_eq(aiu_report_to_json(r, UINT32_C(1) << 31, &text), -EINVAL);
        ck_assert_int_eq(aiu_report_to_text(NULL, 0, &text), -EINVAL);
        ck_assert_int_eq(aiu_report_to_json(r, 0, NULL), -EINVAL);
        ck_assert_int_eq(aiu_report_print(r, NULL, 0), -EINVAL);
        ck_assert_ptr_null(text);
        aiu_report_unref(r);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("render");
        TCase *tcase = tcase_create("all");

        tcase_add_test(tcase, listener_of_a_unit);
        tcase_add_test(tcase, server_of_a_shell);
        tcase_add_loop_test(tcase, label_beside_the_name, 0, (int)ELEMENTSOF(labels));
        tcase_add_loop_test(tcase, crew, 0, (int)ELEMENTSOF(crews));
        tcase_add_test(tcase, range_is_taken);
        tcase_add_test(tcase, range_is_reserved);
        tcase_add_test(tcase, time_wait_only);
        tcase_add_test(tcase, hidden_holder_with_a_gap);
        tcase_add_test(tcase, terms_of_the_kernel_in_a_gap);
        tcase_add_test(tcase, hidden_holder_of_a_user);
        tcase_add_test(tcase, hidden_holder_of_a_unit);
        tcase_add_test(tcase, container_of_a_scope);
        tcase_add_loop_test(tcase, who_started_it, 0, (int)(sizeof(starters) / sizeof(starters[0])));
        tcase_add_test(tcase, note);
        tcase_add_test(tcase, program_keeps_the_port);
        tcase_add_test(tcase, three_thousand_connections);
        tcase_add_test(tcase, what_the_kernel_closes);
        tcase_add_test(tcase, two_holders_have_two_reasons);
        tcase_add_test(tcase, held_by_the_caller);
        tcase_add_test(tcase, stale_file_with_a_telling_name);
        tcase_add_loop_test(tcase, answers_in_one_line, 0, (int)ELEMENTSOF(short_answers));
        tcase_add_test(tcase, gaps_where_they_matter);
        tcase_add_test(tcase, user_not_known);
        tcase_add_loop_test(tcase, local_time_and_user, 0, (int)ELEMENTSOF(starts));
        tcase_add_test(tcase, colour_on_request);
        tcase_add_test(tcase, wrong_use);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
