/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a survey makes of sockets, holders and owners: its hazards, its plan, its words. No system call is made. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fixture/run-suite.h"
#include "fixture/scarce-memory.h"
#include "rules/address.h"
#include "survey/survey.h"
#include "util/macro.h"

#define MOST 40u
#define MOST_HOLDERS 4u

static struct aiu_conflict conflicts[MOST];
static struct aiu_holder holders[MOST][MOST_HOLDERS];
static char *owners[MOST];
static struct aiu_report facts;
static struct aiu_survey survey;
static struct host host;

/* What is only read. */
static char *words(const char *text)
{
        return (char *)(uintptr_t)text;
}

static void forget(void)
{
        for (size_t i = 0; i < survey.n_hazards; i++)
                hazard_finish(&survey.hazards[i]);
        for (size_t i = 0; i < survey.n_differences; i++)
                difference_finish(&survey.differences[i]);
        free(survey.hazards);
        free(survey.differences);
        survey = (struct aiu_survey){ .facts = &facts, .owners = owners };
}

static void setup(void)
{
        memset(conflicts, 0, sizeof(conflicts));
        memset(holders, 0, sizeof(holders));
        memset(owners, 0, sizeof(owners));
        facts = (struct aiu_report){ .conflicts = conflicts };
        host = (struct host){ .port_range_first = 32768, .port_range_last = 60999 };
        survey = (struct aiu_survey){ .facts = &facts, .owners = owners, .range_first = 32768, .range_last = 60999 };
}

/* One more socket: they come in the order of a survey. Returns its index. */
static size_t add(const char *address, uint16_t port, int protocol, const char *owner)
{
        struct aiu_conflict *c = &conflicts[facts.n_conflicts];
        const char *ignored;

        ck_assert_int_eq(address_parse(address, port, &c->socket.local, &ignored), 0);
        c->socket.protocol = protocol;
        c->socket.type = protocol == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM;
        c->socket.state = protocol == IPPROTO_TCP ? AIU_STATE_LISTEN : AIU_STATE_BOUND;
        c->socket.inode = 100 + facts.n_conflicts;
        c->socket.reuseaddr = c->socket.reuseport = c->socket.v6only = UNKNOWN;
        c->holders = holders[facts.n_conflicts];
        owners[facts.n_conflicts] = words(owner);
        return facts.n_conflicts++;
}

static size_t add_tcp(const char *address, uint16_t port, const char *owner)
{
        return add(address, port, IPPROTO_TCP, owner);
}

static struct aiu_holder *hold(size_t socket, const struct process *p, const struct manager *m, uint32_t flags)
{
        struct aiu_holder *h = &conflicts[socket].holders[conflicts[socket].n_holders++];

        *h = (struct aiu_holder){ .kind = AIU_HOLDER_PROCESS, .process = p, .manager = m, .flags = flags };
        return h;
}

static const struct aiu_hazard *the_only(enum aiu_hazard_kind kind)
{
        ck_assert_uint_eq(survey.n_hazards, 1);
        ck_assert_int_eq(survey.hazards[0].kind, kind);
        return &survey.hazards[0];
}

static void expect_argv(const struct aiu_hazard *hazard, const char *const *argv)
{
        size_t i = 0;

        for (; argv[i]; i++) {
                ck_assert(hazard->fix_argv && hazard->fix_argv[i]);
                ck_assert_str_eq(hazard->fix_argv[i], argv[i]);
        }
        ck_assert(i == 0 ? !hazard->fix_argv : !hazard->fix_argv[i]);
}
#define ARGV(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* ------------------------------------------------------ overlap.c */

static void find_overlaps(bool *ret_truncated)
{
        struct pairs pairs = { 0 };

        ck_assert_int_eq(overlap_find(&survey, &host, &pairs), 0);
        ck_assert_int_eq(hazards_overlap(&survey, &pairs), 0);
        if (ret_truncated)
                *ret_truncated = pairs.truncated;
        free(pairs.list);
}

static const struct overlap_row {
        int line;
        int protocol;
        const char *first, *first_owner, *second, *second_owner;
        uint16_t port;
        tristate reuseport;
        enum aiu_hazard_kind kind; /* UNKNOWN = none */
        const char *words;
} overlap_rows[] = {
        { __LINE__, IPPROTO_TCP, "0.0.0.0", "a", "127.0.0.1", "b", 80, UNKNOWN, AIU_HAZARD_SILENT_OVERLAP,
          "b gets each connection to its address, a the others" },
        { __LINE__, IPPROTO_UDP, "0.0.0.0", "a", "127.0.0.1", "b", 80, UNKNOWN, AIU_HAZARD_SILENT_OVERLAP,
          "b gets each datagram to its address, a the others" },
        { __LINE__, IPPROTO_UDP, "127.0.0.1", "a", "127.0.0.1", "b", 80, NO, AIU_HAZARD_SILENT_OVERLAP,
          "the kernel gives each datagram to one of the two" },
        { __LINE__, IPPROTO_UDP, "127.0.0.1", "a", "127.0.0.1", "b", 80, YES, AIU_HAZARD_SHARED_PORT,
          "splits datagrams" },
        { __LINE__, IPPROTO_TCP, "127.0.0.1", "a", "127.0.0.1", "b", 80, UNKNOWN, AIU_HAZARD_SHARED_PORT,
          "splits connections" },
        { __LINE__, IPPROTO_TCP, "0.0.0.0", "a", "0.0.0.0", "b", 80, YES, AIU_HAZARD_SHARED_PORT,
          "0.0.0.0:80/tcp (a)" },
        { __LINE__, IPPROTO_TCP, "0.0.0.0", "a", "127.0.0.1", "a", 80, YES, AIU_HAZARD_UNKNOWN, NULL },
        { __LINE__, IPPROTO_TCP, "0.0.0.0", NULL, "127.0.0.1", "a", 80, YES, AIU_HAZARD_UNKNOWN, NULL },
        { __LINE__, IPPROTO_TCP, "0.0.0.0", "a", "127.0.0.1", NULL, 80, YES, AIU_HAZARD_UNKNOWN, NULL },
        { __LINE__, IPPROTO_TCP, "127.0.0.1", "a", "127.0.0.2", "b", 80, YES, AIU_HAZARD_UNKNOWN, NULL },
        { __LINE__, IPPROTO_UDP, "0.0.0.0", "a", "127.0.0.1", "b", 5353, YES, AIU_HAZARD_UNKNOWN, NULL },
        { __LINE__, IPPROTO_UDP, "224.0.0.9", "a", "224.0.0.9", "b", 520, YES, AIU_HAZARD_UNKNOWN, NULL },
        { __LINE__, IPPROTO_TCP, "0.0.0.0", "a", "127.0.0.1", "b", 5353, YES, AIU_HAZARD_SILENT_OVERLAP, "overlap" },
};

START_TEST(overlaps)
{
        const struct overlap_row *row = &overlap_rows[_i];

        setup();
        add(row->first, row->port, row->protocol, row->first_owner);
        add(row->second, row->port, row->protocol, row->second_owner);
        conflicts[0].socket.reuseport = conflicts[1].socket.reuseport = row->reuseport;
        find_overlaps(NULL);
        ck_assert_msg(survey.n_hazards == (row->kind != AIU_HAZARD_UNKNOWN), "line %d", row->line);
        if (row->kind) {
                ck_assert_msg(survey.hazards[0].kind == row->kind, "line %d", row->line);
                ck_assert_msg(strstr(survey.hazards[0].text, row->words) != NULL, "line %d: %s", row->line,
                              survey.hazards[0].text);
        }
        forget();
}
END_TEST

/* Other ports, protocols and addresses in between; a process that has both sockets; what is no address of IP. */
START_TEST(overlaps_of_a_list)
{
        static const struct process p = { .pid = 5 };

        setup();
        add_tcp("0.0.0.0", 80, "a");
        hold(0, &p, NULL, 0);
        add_tcp("127.0.0.1", 80, "b");
        hold(1, &p, NULL, 0);
        add_tcp("127.0.0.1", 80, "c");
        add_tcp("127.0.0.2", 80, "c");
        add_tcp("127.0.0.1", 81, "d");
        add("127.0.0.1", 81, IPPROTO_UDP, "e");
        conflicts[add("127.0.0.1", 82, IPPROTO_UDP, "f")].socket.local =
                (struct address){ .sa.un.sun_family = AF_UNIX };
        find_overlaps(NULL);
        ck_assert_uint_eq(survey.n_hazards, 3); /* a and c twice, b and c */
        ck_assert_uint_eq(survey.hazards[0].sockets[1], 2);
        ck_assert_int_eq(survey.hazards[1].kind, AIU_HAZARD_SHARED_PORT);
        forget();
}
END_TEST

/* Workers of two servers with a socket each are one hazard. */
START_TEST(overlaps_are_told_once)
{
        bool truncated;

        setup();
        for (size_t i = 0; i < 8; i++)
                add_tcp("127.0.0.1", 80, i % 2 ? "a" : "b");
        find_overlaps(&truncated);
        ck_assert_uint_eq(survey.n_hazards, 2); /* in both orders */
        ck_assert(!truncated);
        forget();
}
END_TEST

START_TEST(too_many_owners)
{
        static char names[MOST][4];
        bool truncated;

        setup();
        for (size_t i = 0; i < 20; i++) {
                names[i][0] = (char)('a' + i);
                add_tcp("127.0.0.1", 80, names[i]);
        }
        find_overlaps(&truncated);
        ck_assert(truncated);
        forget();
}
END_TEST

/* ------------------------------------------------------ held.c */

static struct process web = { .pid = 8, .session = 8, .comm = (char[]){ "web" }, .exe = (char[]){ "/usr/bin/web" } };

static void look_at_holders(void)
{
        ck_assert_int_eq(hazards_held(&survey), 0);
}

static const struct held_row {
        int line;
        pid_t session;
        uint32_t flags;
        struct manager manager;
        const char *exe;
        enum aiu_hazard_kind kind;
        const char *argv[4];
} held_rows[] = {
        { __LINE__, 7, AIU_HOLDER_ORPHAN, { 0 }, NULL, AIU_HAZARD_ORPHAN, { "kill", "8" } },
        { __LINE__, 8, AIU_HOLDER_ORPHAN, { 0 }, NULL, AIU_HAZARD_UNKNOWN, { 0 } },
        { __LINE__, 7, AIU_HOLDER_ORPHAN | AIU_HOLDER_WORKER, { 0 }, NULL, AIU_HAZARD_UNKNOWN, { 0 } },
        { __LINE__,
          7,
          AIU_HOLDER_ORPHAN,
          { .kind = AIU_MANAGER_SYSTEMD, .unit = (char[]){ "w.service" } },
          NULL,
          AIU_HAZARD_UNKNOWN,
          { 0 } },
        { __LINE__,
          7,
          AIU_HOLDER_ORPHAN,
          { .kind = AIU_MANAGER_SYSTEMD, .unit = (char[]){ "session-1.scope" } },
          NULL,
          AIU_HAZARD_ORPHAN,
          { "kill", "8" } },
        { __LINE__,
          7,
          AIU_HOLDER_ORPHAN,
          { .kind = AIU_MANAGER_DOCKER, .container = (char[]){ "c" } },
          NULL,
          AIU_HAZARD_UNKNOWN,
          { 0 } },
        { __LINE__,
          7,
          AIU_HOLDER_ORPHAN,
          { .kind = AIU_MANAGER_SUPERVISOR, .supervisor = (char[]){ "runit" } },
          NULL,
          AIU_HAZARD_UNKNOWN,
          { 0 } },
        { __LINE__,
          8,
          AIU_HOLDER_UNIT_LEFTOVER,
          { .kind = AIU_MANAGER_SYSTEMD, .unit = (char[]){ "w.service" } },
          NULL,
          AIU_HAZARD_ORPHAN,
          { "systemctl", "kill", "w.service" } },
        /* Of a user's manager: systemctl(1) would ask that of its caller. */
        { __LINE__,
          8,
          AIU_HOLDER_UNIT_LEFTOVER,
          { .kind = AIU_MANAGER_SYSTEMD_USER, .unit = (char[]){ "w.service" }, .user = 1000, .named_by = 1000 },
          NULL,
          AIU_HAZARD_ORPHAN,
          { 0 } },
        /* A user named it: it may be the name of anything. */
        { __LINE__,
          8,
          AIU_HOLDER_UNIT_LEFTOVER,
          { .kind = AIU_MANAGER_SYSTEMD, .unit = (char[]){ "w.service" }, .named_by = 1000 },
          NULL,
          AIU_HAZARD_ORPHAN,
          { 0 } },
        { __LINE__,
          8,
          AIU_HOLDER_UNIT_LEFTOVER,
          { .kind = AIU_MANAGER_SYSTEMD, .unit = (char[]){ "w.scope" } },
          NULL,
          AIU_HAZARD_ORPHAN,
          { "kill", "8" } },
        { __LINE__, 8, AIU_HOLDER_DELETED_EXE, { 0 }, "/usr/bin/web", AIU_HAZARD_DELETED_EXE, { 0 } },
        { __LINE__, 8, AIU_HOLDER_DELETED_EXE, { 0 }, NULL, AIU_HAZARD_UNKNOWN, { 0 } },
        { __LINE__, 8, AIU_HOLDER_DELETED_EXE, { 0 }, "/memfd:x", AIU_HAZARD_UNKNOWN, { 0 } },
        { __LINE__,
          8,
          AIU_HOLDER_DELETED_EXE,
          { .kind = AIU_MANAGER_SYSTEMD, .unit = (char[]){ "w.service" } },
          "/usr/bin/web",
          AIU_HAZARD_DELETED_EXE,
          { "systemctl", "restart", "w.service" } },
        { __LINE__,
          8,
          AIU_HOLDER_DELETED_EXE,
          { .kind = AIU_MANAGER_SYSTEMD_USER, .unit = (char[]){ "w.service" } },
          "/usr/bin/web",
          AIU_HAZARD_DELETED_EXE,
          { 0 } },
};

/* Each process has two sockets, and is one hazard. */
START_TEST(odd_holders)
{
        const struct held_row *row = &held_rows[_i];
        struct process p = web;

        setup();
        p.session = row->session;
        p.exe = words(row->exe);
        hold(add_tcp("127.0.0.1", 80, "w"), &p, &row->manager, row->flags);
        hold(add_tcp("127.0.0.1", 81, "w"), &p, &row->manager, row->flags);
        look_at_holders();
        if (row->kind == AIU_HAZARD_UNKNOWN) {
                ck_assert_msg(survey.n_hazards == 0, "line %d", row->line);
        } else {
                ck_assert_msg(survey.n_hazards == 1 && survey.hazards[0].kind == row->kind, "line %d", row->line);
                ck_assert_uint_eq(survey.hazards[0].n_sockets, 2);
                ck_assert(strstr(survey.hazards[0].text, "web (pid 8) holds 127.0.0.1:80/tcp and 1 other socket"));
                expect_argv(&survey.hazards[0], row->argv);
        }
        forget();
}
END_TEST

START_TEST(not_processes)
{
        setup();
        add_tcp("127.0.0.1", 80, NULL);
        hold(0, NULL, NULL, AIU_HOLDER_ORPHAN);
        hold(0, &web, NULL, AIU_HOLDER_UNIT_LEFTOVER)->kind = AIU_HOLDER_HIDDEN;
        look_at_holders();
        ck_assert_uint_eq(survey.n_hazards, 0);
        forget();
}
END_TEST

static const struct inherited_row {
        int line;
        const char *server, *server_label, *child;
        bool is_child;
        bool found;
} inherited_rows[] = {
        { __LINE__, "/usr/bin/web", NULL, "/usr/bin/sleep", true, true },
        { __LINE__, "/usr/bin/web", NULL, "/usr/bin/sleep", false, false },
        { __LINE__, "/usr/bin/web", NULL, "/usr/bin/web", true, false },
        { __LINE__, "/usr/bin/web", NULL, NULL, true, false },
        { __LINE__, NULL, NULL, "/usr/bin/sleep", true, false },
        { __LINE__, "/usr/sbin/xinetd", NULL, "/usr/bin/sleep", true, false },
        { __LINE__, "inetd", NULL, "/usr/bin/sleep", true, false },
        { __LINE__, "/usr/bin/python3", "circusd", "/usr/bin/sleep", true, false },
};

START_TEST(inherited)
{
        const struct inherited_row *row = &inherited_rows[_i];
        struct process child = { .pid = 9, .session = 8, .comm = words("sleep"), .exe = words(row->child) };
        struct process server = web;
        pid_t ancestors[] = { 7, row->is_child ? 8 : 6 };

        setup();
        server.exe = words(row->server);
        server.label = words(row->server_label);
        child.ancestor_pids = ancestors;
        child.n_ancestors = ELEMENTSOF(ancestors);
        for (uint16_t port = 80; port < 82; port++) {
                size_t i = add_tcp("127.0.0.1", port, "w");

                hold(i, &server, NULL, 0);
                hold(i, &child, NULL, 0);
        }
        look_at_holders();
        ck_assert_msg(survey.n_hazards == row->found, "line %d", row->line);
        if (row->found)
                ck_assert_str_eq(the_only(AIU_HAZARD_INHERITED)->text,
                                 "sleep (pid 9) also holds 127.0.0.1:80/tcp of web (pid 8), which started it: the port "
                                 "stays in use when the server ends");
        forget();
}
END_TEST

/* ------------------------------------------------------ ports.c */

static const struct reserve_row {
        int line;
        const char *reserved;
        uint16_t ports[3];
        const char *assignment; /* NULL = no hazard */
        int result;
} reserve_rows[] = {
        { __LINE__, "", { 40000 }, "net.ipv4.ip_local_reserved_ports=40000", 0 },
        { __LINE__, "\n", { 32768, 60998 }, "net.ipv4.ip_local_reserved_ports=32768,60998", 0 },
        { __LINE__,
          "1,40001-40003,65535\n",
          { 40000, 40004, 40006 },
          "net.ipv4.ip_local_reserved_ports=1,40000-40004,40006,65535",
          0 },
        { __LINE__, "40000", { 40000 }, NULL, 0 },
        { __LINE__, "39999-40001", { 40000, 80 }, NULL, 0 },
        { __LINE__, "", { 80, 61000 }, NULL, 0 },
        /* What cannot be read would be lost. */
        { __LINE__, NULL, { 40000 }, NULL, 1 },
        { __LINE__, "x", { 40000 }, NULL, 1 },
        { __LINE__, "65536", { 40000 }, NULL, 1 },
        { __LINE__, "1-65536", { 40000 }, NULL, 1 },
        { __LINE__, "1-", { 40000 }, NULL, 1 },
        { __LINE__, NULL, { 80 }, NULL, 0 },
};

START_TEST(reserves)
{
        const struct reserve_row *row = &reserve_rows[_i];

        setup();
        host.reserved_ports = words(row->reserved);
        for (size_t i = 0; i < ELEMENTSOF(row->ports) && row->ports[i] != 0; i++)
                add_tcp("127.0.0.1", row->ports[i], "a");
        conflicts[add_tcp("127.0.0.1", 50000, "a")].socket.state = AIU_STATE_UNKNOWN;
        add("127.0.0.1", 50000, IPPROTO_UDP, "a");
        ck_assert_msg(hazards_ports(&survey, &host, 0) == row->result, "line %d", row->line);
        ck_assert_msg(survey.n_hazards == (row->assignment != NULL), "line %d", row->line);
        if (row->assignment)
                expect_argv(the_only(AIU_HAZARD_EPHEMERAL_RANGE), ARGV("sysctl", "-w", row->assignment));
        forget();
}
END_TEST

static const struct asked_row {
        int line;
        const char *owner;
        const char *cmdline; /* NULL = not known */
        bool asked_for;
} asked_rows[] = {
        { __LINE__, "a", NULL, false },
        { __LINE__, NULL, NULL, false },
        { __LINE__, "a.service", "server --port 140001 400012", false },
        { __LINE__, "a.service", "server 99999940001 127.0.0.1", false },
        { __LINE__, "a.service", "server -p40001", true },
        { __LINE__, "a.service", "server 127.0.0.1:40001,x", true },
        { __LINE__, "a.socket", NULL, true },
};

/* The kernel chooses an odd port of 32768-60999 where any is asked for. */
START_TEST(asked_for)
{
        const struct asked_row *row = &asked_rows[_i];
        const struct process p = { .pid = 7,
                                   .comm = words("server"),
                                   .cmdline = words(row->cmdline),
                                   .cmdline_bytes = row->cmdline ? strlen(row->cmdline) : 0 };

        setup();
        host.reserved_ports = words("");
        hold(add_tcp("127.0.0.1", 40001, row->owner), &p, NULL, 0);
        ck_assert_int_eq(hazards_ports(&survey, &host, 0), 0);
        ck_assert_msg(the_only(AIU_HAZARD_EPHEMERAL_RANGE)->severity ==
                              (row->asked_for ? AIU_SEVERITY_WARNING : AIU_SEVERITY_INFO),
                      "line %d", row->line);
        ck_assert(!survey.hazards[0].fix_argv == !row->asked_for);
        forget();
}
END_TEST

/* Without a holder, and beside one that was asked for. */
START_TEST(asked_for_and_not)
{
        setup();
        host.reserved_ports = words("");
        add_tcp("127.0.0.1", 40000, "a");
        add_tcp("127.0.0.1", 40001, NULL);
        ck_assert_int_eq(hazards_ports(&survey, &host, 0), 0);
        ck_assert_uint_eq(survey.n_hazards, 2);
        ck_assert_int_eq(survey.hazards[0].severity, AIU_SEVERITY_INFO);
        ck_assert_uint_eq(survey.hazards[0].sockets[0], 1);
        ck_assert_str_eq(survey.hazards[1].fix_argv[2], "net.ipv4.ip_local_reserved_ports=40000");
        forget();
}
END_TEST

START_TEST(no_range)
{
        setup();
        host = (struct host){ .reserved_ports = words("") };
        add_tcp("127.0.0.1", 40000, "a");
        ck_assert_int_eq(hazards_ports(&survey, &host, 0), 0);
        ck_assert_uint_eq(survey.n_hazards, 0);
        forget();
}
END_TEST

START_TEST(bound)
{
        const struct process docker = { .pid = 4, .comm = words("dockerd") };

        setup();
        conflicts[add_tcp("127.0.0.1", 80, "a")].socket.state = AIU_STATE_BOUND;
        conflicts[add_tcp("127.0.0.1", 81, "a")].socket.state = AIU_STATE_BOUND;
        conflicts[1].socket.maybe_unbound = true;
        conflicts[add_tcp("127.0.0.1", 82, NULL)].socket.state = AIU_STATE_BOUND;
        hold(2, &docker, NULL, 0);
        ck_assert_int_eq(hazards_ports(&survey, &host, 0), 0);
        ck_assert_uint_eq(survey.n_hazards, 2);
        ck_assert_int_eq(survey.hazards[0].severity, AIU_SEVERITY_WARNING);
        ck_assert_int_eq(survey.hazards[1].severity, AIU_SEVERITY_INFO);
        ck_assert(strstr(survey.hazards[1].text, "127.0.0.1:82/tcp (owner not visible) is bound"));
        forget();
}
END_TEST

static const struct debug_row {
        int line;
        const char *address;
        uint16_t port;
        const char *comm, *exe, *label;
        unsigned int ifindex;
        bool found;
} debug_rows[] = {
        { __LINE__, "0.0.0.0", 6379, "redis-server", NULL, NULL, 0, true },
        { __LINE__, "::", 6379, "x", "/usr/bin/redis-server", NULL, 0, true },
        { __LINE__, "0.0.0.0", 8888, NULL, NULL, "jupyter-lab", 0, true },
        { __LINE__, "0.0.0.0", 6379, "x", "redis-server", NULL, 0, false },
        { __LINE__, "0.0.0.0", 6380, "redis-server", NULL, NULL, 0, false },
        { __LINE__, "127.0.0.1", 6379, "redis-server", NULL, NULL, 0, false },
        { __LINE__, "0.0.0.0", 6379, "redis-server", NULL, NULL, 2, false },
        { __LINE__, "0.0.0.0", 6379, "nginx", "/usr/sbin/nginx", NULL, 0, false },
};

START_TEST(debuggers)
{
        const struct debug_row *row = &debug_rows[_i];
        const struct process p = {
                .pid = 8, .comm = words(row->comm), .exe = words(row->exe), .label = words(row->label)
        };

        setup();
        hold(add_tcp(row->address, row->port, "a"), &p, NULL, 0);
        conflicts[0].socket.ifindex = row->ifindex;
        add_tcp("0.0.0.0", 9222, NULL);
        ck_assert_int_eq(hazards_ports(&survey, &host, 0), 0);
        ck_assert_msg(survey.n_hazards == row->found, "line %d", row->line);
        forget();
}
END_TEST

/* ------------------------------------------------------ plan.c */

static const struct plan_row {
        int line;
        const char *plan;
        int error;          /* the line that is none of a plan; 0 = it is one */
        const char *result; /* kind, address, planned and owner of each difference */
        size_t n_unverified;
} plan_rows[] = {
        { __LINE__, "*:80/tcp a\n*:81/tcp b\n*:53/udp *", 0, "", 1 },
        { __LINE__, "# one\n \t\r\n*:80/tcp a # two\n*:81/tcp * \n0.0.0.0:53/udp c\r\n", 0, "", 0 },
        { __LINE__, "[127.0.0.1]:80/tcp a\n127.0.0.2:80/tcp a\n*:81/tcp *\n*:53/udp c", 0, "", 0 },
        { __LINE__, "127.0.0.2:80/tcp a\n127.0.0.1:80/tcp a\n[fe80::1%2]:81/tcp *\n*:53/udp c\n[::1]:9/tcp x", 0,
          "missing [::1]:9/tcp x -|", 0 },
        { __LINE__, "fe80::1:81/tcp d\n*:80/tcp a", 0, "unexpected 0.0.0.0:53/udp - c|", 1 },
        { __LINE__, "*:80/tcp x\n*:80/tcp y\n*:81/tcp *\n*:53/udp cc", 0,
          "wrong-owner 127.0.0.1:80/tcp x a|wrong-owner 127.0.0.2:80/tcp x a|wrong-owner 0.0.0.0:53/udp cc c|", 0 },
        { __LINE__, "", 0,
          "unexpected 127.0.0.1:80/tcp - a|unexpected 127.0.0.2:80/tcp - a|unexpected [fe80::1%2]:81/tcp - -|"
          "unexpected 0.0.0.0:53/udp - c|",
          0 },
        { __LINE__, "*:40000/udp x\n*:80/tcp *\n*:81/tcp *\n*:53/udp *", 0, "wrong-owner 0.0.0.0:40000/udp x e|", 0 },
        { __LINE__, "*:80/tcp\n", 1, NULL, 0 },
        { __LINE__, "\n*:80/tcp a b", 2, NULL, 0 },
        { __LINE__, "*:80 a", 1, NULL, 0 },
        { __LINE__, "*:80/sctp a", 1, NULL, 0 },
        { __LINE__, "*:80/udplite a", 1, NULL, 0 },
        { __LINE__, "*/tcp a", 1, NULL, 0 },
        { __LINE__, "*:/tcp a", 1, NULL, 0 },
        { __LINE__, "*:0/tcp a", 1, NULL, 0 },
        { __LINE__, "*:65536/tcp a", 1, NULL, 0 },
        { __LINE__, "*:8x/tcp a", 1, NULL, 0 },
        { __LINE__, "*:8:/tcp a", 1, NULL, 0 },
        { __LINE__, "*:-1/tcp a", 1, NULL, 0 },
        { __LINE__, ":80/tcp a", 1, NULL, 0 },
        { __LINE__, "[]:80/tcp a", 1, NULL, 0 },
        { __LINE__, "[::1:80/tcp a", 1, NULL, 0 },
        { __LINE__, "localhost:80/tcp a", 1, NULL, 0 },
        { __LINE__, "/run/x:80/tcp a", 1, NULL, 0 },
        { __LINE__, "@x:80/tcp a", 1, NULL, 0 },
        { __LINE__,
          "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000:80/tcp a",
          1, NULL, 0 },
};

static void list_for_plans(void)
{
        setup();
        add_tcp("127.0.0.1", 80, "a");
        add_tcp("127.0.0.1", 80, "a"); /* a worker */
        add_tcp("127.0.0.2", 80, "a");
        conflicts[add_tcp("fe80::1", 81, NULL)].socket.local.sa.in6.sin6_scope_id = 2;
        add("0.0.0.0", 53, IPPROTO_UDP, "c");
        add("0.0.0.0", 40000, IPPROTO_UDP, "e");
        conflicts[add("0.0.0.0", 1, IPPROTO_UDP, "f")].socket.local = (struct address){ .sa.un.sun_family = AF_UNIX };
}

static const char *or_none(const char *text)
{
        return text ? text : "-";
}

static void expect_differences(const char *result, int line)
{
        struct strbuf out = { 0 };

        for (size_t i = 0; i < aiu_survey_get_n_differences(&survey); i++)
                strbuf_printf(&out, "%s %s %s %s|", aiu_difference_to_string(aiu_survey_get_difference(&survey, i)),
                              aiu_survey_get_difference_address(&survey, i),
                              or_none(aiu_survey_get_difference_planned(&survey, i)),
                              or_none(aiu_survey_get_difference_owner(&survey, i)));
        ck_assert_msg(strcmp(out.text ? out.text : "", result) == 0, "line %d: %s", line, out.text);
        strbuf_finish(&out);
}

START_TEST(plans)
{
        const struct plan_row *row = &plan_rows[_i];
        unsigned int line = 99;
        int r;

        list_for_plans();
        r = aiu_survey_set_plan(&survey, row->plan, &line);
        ck_assert_msg(r == (row->error ? -EINVAL : 0), "line %d: %d", row->line, r);
        ck_assert_uint_eq(line, row->error ? (unsigned int)row->error : 99);
        ck_assert_int_eq(aiu_survey_set_plan(&survey, row->plan, NULL), r);
        if (!row->error)
                expect_differences(row->result, row->line);
        ck_assert_msg(aiu_survey_get_n_unverified(&survey) == row->n_unverified, "line %d", row->line);
        forget();
}
END_TEST

/* More differences than are kept: a gap says so once, and is gone with the next plan. */
START_TEST(many_differences)
{
        struct strbuf plan = { 0 };

        setup();
        facts.gaps = calloc(1, sizeof(*facts.gaps));
        ck_assert_ptr_nonnull(facts.gaps);
        for (unsigned int i = 0; i < 65600; i++)
                strbuf_printf(&plan, "127.%u.%u.%u:80/tcp x\n", i >> 14, (i >> 6) & 255, (i & 63) + 1);
        ck_assert_int_eq(plan.error, 0);
        ck_assert_int_eq(aiu_survey_set_plan(&survey, plan.text, NULL), 0);
        ck_assert_uint_eq(aiu_survey_get_n_differences(&survey), 65536);
        ck_assert_uint_eq(aiu_survey_get_n_gaps(&survey), 1);
        ck_assert_int_eq(aiu_gap_get_kind(aiu_survey_get_gap(&survey, 0)), AIU_GAP_TRUNCATED);
        ck_assert_int_eq(aiu_survey_set_plan(&survey, "", NULL), 0);
        ck_assert_uint_eq(aiu_survey_get_n_gaps(&survey), 0);
        free(facts.gaps);
        strbuf_finish(&plan);
        forget();
}
END_TEST

/* Containers with one address each: no overlap, one line of the plan, and a command that enters the namespace. */
START_TEST(namespaces)
{
        struct survey_netns list[] = {
                { .inode = 1 },
                { .inode = 2, .path = words("/run/netns/a b"), .range_first = 1, .range_last = 9 },
                { .inode = 3, .path = words("/proc/7/ns/net") },
                { .inode = 4, .refused = true }
        };
        const char *path;
        char *plan;

        setup();
        survey.netns = list;
        survey.n_netns = ELEMENTSOF(list);
        ck_assert_uint_eq(aiu_survey_get_n_netns(&survey), 3);
        add_tcp("0.0.0.0", 40000, "a");
        for (uint32_t i = 1; i < 3; i++)
                conflicts[add_tcp("127.0.0.1", 40000, i == 1 ? "b" : "a")].socket.netns = i;
        conflicts[add("0.0.0.0", 5, IPPROTO_UDP, "client")].socket.netns = 1;
        find_overlaps(NULL);
        ck_assert_uint_eq(survey.n_hazards, 0);
        host.reserved_ports = words("");
        ck_assert_int_eq(hazards_ports(&survey, &host, 1), 0);
        expect_argv(the_only(AIU_HAZARD_EPHEMERAL_RANGE), ARGV("nsenter", "--net=/run/netns/a b", "--", "sysctl", "-w",
                                                               "net.ipv4.ip_local_reserved_ports=40000"));
        ck_assert_ptr_nonnull(
                strstr(survey.hazards[0].text, "in network namespace a\\x20b, 127.0.0.1:40000/tcp (b) is"));
        hazard_finish(&survey.hazards[0]);
        survey.n_hazards = 0;
        list[2].path = NULL;
        ck_assert_int_eq(hazards_ports(&survey, &host, 2), 0);
        expect_argv(the_only(AIU_HAZARD_EPHEMERAL_RANGE), ARGV(NULL));
        ck_assert_ptr_nonnull(strstr(survey.hazards[0].text, "in network namespace 3, 127.0.0.1:40000/tcp (a) is"));
        ck_assert_uint_eq(aiu_survey_get_netns(&survey, 1, &path), 2);
        ck_assert_str_eq(path, "/run/netns/a b");
        /* As two containers of one name have it; the client's port is within the range there. */
        owners[1] = owners[2];
        ck_assert_int_eq(aiu_survey_to_plan(&survey, &plan), 0);
        ck_assert_str_eq(plan, "0.0.0.0:40000/tcp a\n127.0.0.1:40000/tcp a\n");
        free(plan);
        host.reserved_ports = NULL;
        survey.netns = NULL;
        forget();
}
END_TEST

/* A line may mean another server than the one that a container has on the same address. */
START_TEST(plan_of_namespaces)
{
        struct survey_netns list[] = { { .inode = 1 }, { .inode = 2 }, { .inode = 3 } };
        static const char plan[] = "0.0.0.0:80/tcp nginx.service\n0.0.0.0:80/tcp a\n";

        setup();
        survey.netns = list;
        survey.n_netns = ELEMENTSOF(list);
        conflicts[add_tcp("0.0.0.0", 80, "a")].socket.netns = 1;
        ck_assert_int_eq(aiu_survey_set_plan(&survey, plan, NULL), 0);
        expect_differences("missing 0.0.0.0:80/tcp nginx.service -|", __LINE__);
        /* Each namespace has a line of its own, and a fault is told once. */
        conflicts[add_tcp("0.0.0.0", 81, "a")].socket.netns = 1;
        conflicts[add_tcp("0.0.0.0", 81, "a")].socket.netns = 2;
        ck_assert_int_eq(aiu_survey_set_plan(&survey, "0.0.0.0:80/tcp b\n", NULL), 0);
        expect_differences(
                "wrong-owner 0.0.0.0:80/tcp b a|unexpected 0.0.0.0:81/tcp - a|unexpected 0.0.0.0:81/tcp - a|",
                __LINE__);
        survey.netns = NULL;
        forget();
}
END_TEST

/* Whether others reach a container is decided outside of it. At 127.0.0.1 none could. */
START_TEST(debugger_elsewhere)
{
        struct survey_netns list[] = { { .inode = 1 }, { .inode = 2 } };
        const struct process p = { .pid = 8, .comm = words("redis-server") };
        size_t i;

        setup();
        survey.netns = list;
        survey.n_netns = ELEMENTSOF(list);
        i = add_tcp("0.0.0.0", 6379, "a");
        conflicts[i].socket.netns = 1;
        hold(i, &p, NULL, 0);
        ck_assert_int_eq(hazards_ports(&survey, &host, 1), 0);
        ck_assert_int_eq(the_only(AIU_HAZARD_PUBLIC_DEBUG)->severity, AIU_SEVERITY_INFO);
        ck_assert_ptr_nonnull(strstr(survey.hazards[0].text, "on every address of its network namespace"));
        ck_assert_ptr_null(survey.hazards[0].fix_text);
        survey.netns = NULL;
        forget();
}
END_TEST

/* The very owner on an address that is another one's: what stands before it was told, this was not. */
START_TEST(one_owner_at_two_addresses)
{
        setup();
        add_tcp("127.0.0.1", 80, "x");
        add_tcp("127.0.0.2", 80, "y");
        add_tcp("127.0.0.2", 80, "x");
        ck_assert_int_eq(aiu_survey_set_plan(&survey, "127.0.0.1:80/tcp z\n127.0.0.2:80/tcp y\n", NULL), 0);
        expect_differences("wrong-owner 127.0.0.1:80/tcp z x|wrong-owner 127.0.0.2:80/tcp y x|", __LINE__);
        forget();
}
END_TEST

START_TEST(no_plan)
{
        unsigned int line = 99;
        char *text = NULL;

        setup();
        ck_assert_int_eq(aiu_survey_set_plan(NULL, "", &line), -EINVAL);
        ck_assert_uint_eq(line, 0);
        ck_assert_int_eq(aiu_survey_set_plan(NULL, "", NULL), -EINVAL);
        ck_assert_int_eq(aiu_survey_set_plan(&survey, NULL, &line), -EINVAL);
        ck_assert_int_eq(aiu_survey_to_plan(NULL, &text), -EINVAL);
        ck_assert_int_eq(aiu_survey_to_plan(&survey, NULL), -EINVAL);
        ck_assert_int_eq(aiu_survey_to_plan(&survey, &text), 0);
        ck_assert_str_eq(text, "");
        free(text);
}
END_TEST

/* A plan as it was written is met, whatever the addresses are. */
START_TEST(written_plan)
{
        char *text;

        list_for_plans();
        add_tcp("::", 90, "g");
        add_tcp("::ffff:1.2.3.4", 91, "h");
        add_tcp("1.2.3.4", 91, "i");
        add_tcp("2001:db8::1", 92, NULL);
        add_tcp("2001:db8::1", 92, NULL);
        ck_assert_int_eq(aiu_survey_to_plan(&survey, &text), 0);
        ck_assert_str_eq(text, "127.0.0.1:80/tcp a\n127.0.0.2:80/tcp a\n"
                               "[fe80::1%2]:81/tcp *  # its owner was not visible\n0.0.0.0:53/udp c\n[::]:90/tcp g\n"
                               "[::ffff:1.2.3.4]:91/tcp h\n1.2.3.4:91/tcp i\n"
                               "[2001:db8::1]:92/tcp *  # its owner was not visible\n");
        ck_assert_int_eq(aiu_survey_set_plan(&survey, text, NULL), 0);
        expect_differences("", __LINE__);
        ck_assert_uint_eq(aiu_survey_get_n_unverified(&survey), 0);
        free(text);
        forget();
}
END_TEST

/* ------------------------------------------------------ words */

static const char *text_of(uint32_t flags)
{
        static char *text;

        free(text);
        text = NULL;
        ck_assert_int_eq(aiu_survey_to_text(&survey, flags, &text), 0);
        return text;
}

START_TEST(empty)
{
        char *text;

        setup();
        ck_assert_str_eq(text_of(0), "0 sockets, 0 hazards\n");
        ck_assert_str_eq(text_of(AIU_RENDER_TABLE), "0 sockets, 0 hazards\n");
        ck_assert_int_eq(aiu_survey_to_text(NULL, 0, &text), -EINVAL);
        ck_assert_int_eq(aiu_survey_to_text(&survey, 0, NULL), -EINVAL);
        ck_assert_int_eq(aiu_survey_to_text(&survey, UINT32_C(1) << 31, &text), -EINVAL);
        ck_assert_int_eq(aiu_survey_to_json(NULL, 0, &text), -EINVAL);
        ck_assert_int_eq(aiu_survey_to_json(&survey, 0, NULL), -EINVAL);
        ck_assert_int_eq(aiu_survey_to_json(&survey, UINT32_C(1) << 31, &text), -EINVAL);
}
END_TEST

static struct manager managers[] = {
        { .kind = AIU_MANAGER_DOCKER, .container = (char[]){ "box" } },
        { .kind = AIU_MANAGER_SYSTEMD, .unit = (char[]){ "w.service" } },
        { .kind = AIU_MANAGER_SYSTEMD, .socket_unit = (char[]){ "w.socket" } },
        { .kind = AIU_MANAGER_SUPERVISOR, .supervisor = (char[]){ "runit" } },
        { .kind = AIU_MANAGER_UNKNOWN },
};

static struct process manager_process = { .pid = 1, .comm = (char[]){ "systemd" } };
static struct process hostile = { .pid = 6, .comm = (char[]){ "\033[1m\n%s" } };

static struct kernel_user nfs = { .service = (char[]){ "nfsd" } };

static void list_for_words(void)
{
        setup();
        for (size_t i = 0; i < ELEMENTSOF(managers); i++)
                hold(add_tcp("127.0.0.1", (uint16_t)(80 + i), "w"), &web, &managers[i], 0);
        hold(0, &hostile, NULL, AIU_HOLDER_WORKER)->leader = web.pid;
        hold(add_tcp("::1", 90, NULL), NULL, NULL, 0)->kind = AIU_HOLDER_HIDDEN;
        conflicts[5].socket.uid = 7;
        hold(add("0.0.0.0", 91, IPPROTO_UDP, "kernel"), NULL, NULL, 0)->kind = AIU_HOLDER_KERNEL;
        holders[6][0].kernel_user = &nfs;
        hold(add_tcp("127.0.0.1", 92, "w.service"), &manager_process, &managers[2], 0);
        hold(7, &hostile, &managers[1], 0);
        hold(add_tcp("127.0.0.1", 93, "w.socket"), &manager_process, &managers[2], 0);
        conflicts[add_tcp("127.0.0.1", 94, NULL)].socket.state = AIU_STATE_BOUND;
}

static void expect_words(const char *text, const char *wanted)
{
        ck_assert_msg(strstr(text, wanted) != NULL, "%s is not in:\n%s", wanted, text);
}

START_TEST(table)
{
        const char *text;

        list_for_words();
        ck_assert_int_eq(hazards_held(&survey), 0);
        ck_assert_int_eq(hazards_ports(&survey, &host, 0), 0);
        hazards_sort(&survey);
        text = text_of(AIU_RENDER_TABLE);
        expect_words(text, "ADDRESS");
        expect_words(text, "web, pid 8 and 1 worker");
        expect_words(text, "box");
        expect_words(text, "w.service");
        expect_words(text, "w.socket");
        expect_words(text, "runit");
        expect_words(text, "not visible, uid 7");
        expect_words(text, "\\x1b[1m\\x0a%s, pid 6");
        expect_words(text, "systemd, pid 1");
        expect_words(text, "does not listen");
        expect_words(text, "10 sockets, 1 hazard\n");
        ck_assert_ptr_null(strchr(text, '\033'));
        expect_words(text_of(AIU_RENDER_TABLE | AIU_RENDER_COLOR), "\033[1m");
        forget();
}
END_TEST

static void add_hazard(enum aiu_hazard_kind kind, enum aiu_severity severity, const char *fix, const char *command)
{
        static const size_t sockets[] = { 0, 1 };
        struct hazard_draft draft = {
                .kind = kind, .severity = severity, .argv = { command }, .sockets = sockets, .n_sockets = 2
        };

        strbuf_str(&draft.text, "something is odd");
        strbuf_str(&draft.fix, fix);
        ck_assert_int_eq(hazard_add(&survey, &draft), 0);
}

static struct aiu_gap gaps[] = {
        { .gap = { .kind = AIU_GAP_TRUNCATED, .text = (char[]){ "one [ENOBUFS]" } } },
        { .gap = { .kind = AIU_GAP_NOTE, .text = (char[]){ "two [::1" } } },
};

START_TEST(lines)
{
        list_for_words();
        facts.gaps = gaps;
        facts.n_gaps = ELEMENTSOF(gaps);
        add_hazard(AIU_HAZARD_ORPHAN, AIU_SEVERITY_INFO, "", NULL);
        add_hazard(AIU_HAZARD_ORPHAN, AIU_SEVERITY_WARNING, "", NULL);
        add_hazard(AIU_HAZARD_INHERITED, AIU_SEVERITY_ERROR, "mend it", "it's");
        add_hazard(AIU_HAZARD_BOUND_ONLY, AIU_SEVERITY_WARNING, "say it", NULL);
        hazards_sort(&survey);
        ck_assert_int_eq(aiu_survey_set_plan(&survey, "*:80/tcp x\n*:9/tcp z\n*:90/tcp *", NULL), 0);
        ck_assert_int_eq(survey.hazards[0].kind, AIU_HAZARD_INHERITED);
        expect_words(text_of(0), "error     inherited: something is odd\ndo        'it'\\''s'  # mend it\n"
                                 "warning   orphan: something is odd\nwarning   bound-only: something is odd\n"
                                 "do        say it\n");
        expect_words(text_of(0), "plan      wrong-owner: 127.0.0.1:80/tcp is meant for x, and w has it\n");
        expect_words(text_of(0), "plan      unexpected: 127.0.0.1:81/tcp of w is not in the plan\n");
        expect_words(text_of(0), "plan      unexpected: 127.0.0.1:94/tcp is not in the plan\n");
        expect_words(text_of(0), "plan      missing: *:9/tcp is meant for z, and no socket has it\n");
        expect_words(text_of(0), "not seen  one\nnote      two [::1\n10 sockets, 3 hazards\n");
        expect_words(text_of(AIU_RENDER_VERBOSE), "info      orphan: something is odd\n");
        expect_words(text_of(AIU_RENDER_VERBOSE), "not seen  one [ENOBUFS]\n");
        ck_assert_ptr_null(strstr(text_of(AIU_RENDER_TABLE), "mend it"));
        expect_words(text_of(AIU_RENDER_TABLE), "orphan, inherited");
        forget();
}
END_TEST

START_TEST(past_the_end)
{
        setup();
        ck_assert_ptr_null(aiu_survey_get_hazard(&survey, 0));
        ck_assert_ptr_null(aiu_survey_get_hazard(NULL, 0));
        ck_assert_int_eq(aiu_hazard_get_kind(NULL), AIU_HAZARD_UNKNOWN);
        ck_assert_int_eq(aiu_hazard_get_severity(NULL), AIU_SEVERITY_UNKNOWN);
        ck_assert_ptr_null(aiu_hazard_get_text(NULL));
        ck_assert_uint_eq(aiu_hazard_get_n_sockets(NULL), 0);
        ck_assert(aiu_hazard_get_socket(NULL, 0) == SIZE_MAX);
        ck_assert_ptr_null(aiu_hazard_get_fix_text(NULL));
        ck_assert_ptr_null(aiu_hazard_get_fix_argv(NULL));
        ck_assert_uint_eq(aiu_survey_get_n_sockets(NULL), 0);
        ck_assert_ptr_null(aiu_survey_get_socket(NULL, 0));
        ck_assert_ptr_null(aiu_survey_get_owner(NULL, 0));
        ck_assert_ptr_null(aiu_survey_get_owner(&survey, 0));
        ck_assert_uint_eq(aiu_survey_get_n_unseen_processes(NULL), 0);
        ck_assert_uint_eq(aiu_survey_get_n_gaps(NULL), 0);
        ck_assert_ptr_null(aiu_survey_get_gap(NULL, 0));
        ck_assert_uint_eq(aiu_survey_get_n_hazards(NULL), 0);
        ck_assert_uint_eq(aiu_survey_get_n_differences(NULL), 0);
        ck_assert_int_eq(aiu_survey_get_difference(&survey, 0), AIU_DIFFERENCE_UNKNOWN);
        ck_assert_ptr_null(aiu_survey_get_difference_address(&survey, 0));
        ck_assert_ptr_null(aiu_survey_get_difference_planned(&survey, 0));
        ck_assert_ptr_null(aiu_survey_get_difference_owner(&survey, 0));
        ck_assert_uint_eq(aiu_survey_get_n_unverified(NULL), 0);
}
END_TEST

/* ------------------------------------------------------ no memory */

static int everything(void)
{
        static const uint32_t flags[] = { 0, AIU_RENDER_TABLE };
        struct pairs pairs = { 0 };
        char *text = NULL;
        int r = overlap_find(&survey, &host, &pairs);

        if (r >= 0)
                r = hazards_overlap(&survey, &pairs);
        free(pairs.list);
        if (r >= 0)
                r = hazards_held(&survey);
        if (r >= 0)
                r = hazards_ports(&survey, &host, 0);
        if (r >= 0)
                r = aiu_survey_set_plan(&survey, "127.0.0.1:80/tcp x\n*:9/tcp z", NULL);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(flags); i++) {
                r = aiu_survey_to_text(&survey, flags[i], &text);
                free(text);
                text = NULL;
        }
        if (r >= 0)
                r = aiu_survey_to_plan(&survey, &text);
        free(text);
        return r;
}

/* Each allocation fails once. */
START_TEST(no_memory)
{
        unsigned int at = 1;
        bool failed = true;

        for (; failed; at++) {
                int r;

                list_for_words();
                hold(add_tcp("0.0.0.0", 40000, "w"), &hostile, &managers[4], AIU_HOLDER_UNIT_LEFTOVER);
                add_tcp("127.0.0.1", 40000, "v");
                host.reserved_ports = words("1-3");
                scarce_memory_begin(at, false);
                r = everything();
                failed = scarce_memory_end();
                ck_assert_msg(r == (failed ? -ENOMEM : 0), "allocation %u: %d", at, r);
                if (failed)
                        forget();
        }
        ck_assert_uint_gt(at, 50);
        ck_assert_uint_ge(survey.n_hazards, 4);
        forget();
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("survey");
        TCase *tcase = tcase_create("all");

        tcase_add_loop_test(tcase, overlaps, 0, (int)ELEMENTSOF(overlap_rows));
        tcase_add_test(tcase, overlaps_of_a_list);
        tcase_add_test(tcase, overlaps_are_told_once);
        tcase_add_test(tcase, too_many_owners);
        tcase_add_loop_test(tcase, odd_holders, 0, (int)ELEMENTSOF(held_rows));
        tcase_add_test(tcase, not_processes);
        tcase_add_loop_test(tcase, inherited, 0, (int)ELEMENTSOF(inherited_rows));
        tcase_add_loop_test(tcase, reserves, 0, (int)ELEMENTSOF(reserve_rows));
        tcase_add_loop_test(tcase, asked_for, 0, (int)ELEMENTSOF(asked_rows));
        tcase_add_test(tcase, asked_for_and_not);
        tcase_add_test(tcase, no_range);
        tcase_add_test(tcase, bound);
        tcase_add_loop_test(tcase, debuggers, 0, (int)ELEMENTSOF(debug_rows));
        tcase_add_loop_test(tcase, plans, 0, (int)ELEMENTSOF(plan_rows));
        tcase_add_test(tcase, one_owner_at_two_addresses);
        tcase_add_test(tcase, many_differences);
        tcase_add_test(tcase, namespaces);
        tcase_add_test(tcase, plan_of_namespaces);
        tcase_add_test(tcase, debugger_elsewhere);
        tcase_add_test(tcase, no_plan);
        tcase_add_test(tcase, written_plan);
        tcase_add_test(tcase, empty);
        tcase_add_test(tcase, table);
        tcase_add_test(tcase, lines);
        tcase_add_test(tcase, past_the_end);
        tcase_add_test(tcase, no_memory);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
