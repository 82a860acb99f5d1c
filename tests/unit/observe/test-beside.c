/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* beside.c and notes.c on real sockets, in a network namespace of the test's own. */
#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture/host-fixture.h"
#include "fixture/run-suite.h"
#include "fixture/scarce-memory.h"
#include "util/macro.h"

struct name {
        const char *bytes; /* NULL = an address of IPv4 */
        size_t n;
};

static const struct row {
        int line;
        const char *held;
        struct name held_name;
        int held_type;
        bool reuseport;
        const char *asked;
        struct name asked_name;
        int asked_type;
        const char *note; /* NULL = none */
} rows[] = {
        { __LINE__, "0.0.0.0", { 0 }, SOCK_DGRAM, false, "127.0.0.1", { 0 }, SOCK_STREAM, "80/udp is in use by this" },
        { __LINE__,
          "127.0.0.1",
          { 0 },
          SOCK_STREAM,
          false,
          "127.0.0.1",
          { 0 },
          SOCK_DGRAM,
          "80/tcp is in use by this" },
        { __LINE__, "127.0.0.2", { 0 }, SOCK_DGRAM, false, "127.0.0.1", { 0 }, SOCK_STREAM, NULL },
        { __LINE__, "127.0.0.2", { 0 }, SOCK_DGRAM, false, "127.0.0.1", { 0 }, SOCK_DGRAM, NULL },
        { __LINE__, "127.0.0.2", { 0 }, SOCK_STREAM, false, "127.0.0.1", { 0 }, SOCK_STREAM, "127.0.0.2:80/tcp is in" },
        { __LINE__, "0.0.0.0", { 0 }, SOCK_STREAM, true, "0.0.0.0", { 0 }, SOCK_STREAM, "splits connections" },
        { __LINE__, "0.0.0.0", { 0 }, SOCK_DGRAM, true, "0.0.0.0", { 0 }, SOCK_DGRAM, "splits datagrams" },
        { __LINE__, NULL, { "\0x", 2 }, SOCK_DGRAM, false, NULL, { "\0x", 2 }, SOCK_STREAM, "as a datagram socket" },
        { __LINE__, NULL, { "\0x", 2 }, SOCK_STREAM, false, NULL, { "\0x", 2 }, SOCK_DGRAM, "as a stream socket" },
        { __LINE__, NULL, { "\0x", 2 }, SOCK_SEQPACKET, false, NULL, { "\0x", 2 }, SOCK_STREAM, "as a seqpacket" },
        { __LINE__, NULL, { "\0x", 108 }, SOCK_STREAM, false, NULL, { "\0x", 2 }, SOCK_STREAM, "trailing zero bytes" },
        { __LINE__, NULL, { "\0x", 2 }, SOCK_STREAM, false, NULL, { "\0x", 108 }, SOCK_STREAM, "trailing zero bytes" },
        { __LINE__, NULL, { "\0/x", 3 }, SOCK_STREAM, false, NULL, { "/x", 3 }, SOCK_STREAM, "an abstract name, not" },
        { __LINE__, NULL, { "\0y", 2 }, SOCK_STREAM, false, NULL, { "\0x", 2 }, SOCK_STREAM, NULL },
};

static void put_name(struct sockaddr_un *un, socklen_t *ret_len, const struct name *name)
{
        size_t n = name->n < 4 ? name->n : 3;

        memset(un, 0, sizeof(*un));
        un->sun_family = AF_UNIX;
        memcpy(un->sun_path, name->bytes, n);
        *ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + name->n);
}

static int hold(const struct row *row)
{
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(80) };
        struct sockaddr *address = (struct sockaddr *)&in;
        socklen_t bytes = sizeof(in);
        struct sockaddr_un un;
        int fd, on = row->reuseport;

        if (row->held) {
                ck_assert_int_eq(inet_pton(AF_INET, row->held, &in.sin_addr), 1);
        } else {
                put_name(&un, &bytes, &row->held_name);
                address = (struct sockaddr *)&un;
        }
        fd = socket(address->sa_family, row->held_type | SOCK_CLOEXEC, 0);
        ck_assert_int_ge(fd, 0);
        if (row->held)
                ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), 0);
        ck_assert_int_eq(bind(fd, address, bytes), 0);
        if (row->held_type != SOCK_DGRAM)
                ck_assert_int_eq(listen(fd, 8), 0);
        return fd;
}

static struct aiu_query *query_of(const struct row *row)
{
        struct aiu_context *context;
        struct aiu_query *query;
        struct sockaddr_un un;
        socklen_t bytes;

        ck_assert_int_eq(aiu_context_new(&context), 0);
        ck_assert_int_eq(aiu_context_set_flags(context, AIU_CONTEXT_NO_IPC), 0);
        ck_assert_int_eq(aiu_context_set_deadline_usec(context, 0), 0);
        ck_assert_int_eq(aiu_query_new(context, &query), 0);
        aiu_context_unref(context);
        ck_assert_int_eq(aiu_query_set_socket(query, row->asked_type, 0), 0);
        ck_assert_int_eq(aiu_query_set_reuseport(query, row->reuseport), 0);
        if (row->asked) {
                ck_assert_int_eq(aiu_query_set_address_string(query, row->asked, 80), 0);
        } else {
                put_name(&un, &bytes, &row->asked_name);
                ck_assert_int_eq(aiu_query_set_address(query, (struct sockaddr *)&un, bytes), 0);
        }
        return query;
}

static const char *note_of(const struct aiu_report *report)
{
        for (size_t i = 0; i < aiu_report_get_n_gaps(report); i++)
                if (aiu_gap_get_kind(aiu_report_get_gap(report, i)) == AIU_GAP_NOTE)
                        return aiu_gap_get_text(aiu_report_get_gap(report, i));
        return NULL;
}

START_TEST(notes)
{
        const struct row *row = &rows[_i];
        struct aiu_query *query;
        struct aiu_report *report;
        const char *note;
        int fd = hold(row);

        query = query_of(row);
        ck_assert_int_eq(aiu_query_run(query, &report), 0);
        note = note_of(report);
        ck_assert_msg(aiu_report_get_verdict(report) == AIU_VERDICT_AVAILABLE, "line %d: %s", row->line,
                      aiu_report_get_summary(report));
        if (row->note)
                ck_assert_msg(note && strstr(note, row->note), "line %d: %s", row->line, note ? note : "no note");
        else
                ck_assert_msg(!note, "line %d: %s", row->line, note);
        aiu_report_unref(report);
        aiu_query_unref(query);
        close(fd);
}
END_TEST

static int listen_on(uint16_t port)
{
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
        ck_assert_int_eq(listen(fd, 8), 0);
        return fd;
}

/* As aiu_probe(), but however long it takes: on a busy machine the deadline leaves no time for other ports. */
static struct aiu_report *probe_in_peace(uint16_t port)
{
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
        struct aiu_context *context;
        struct aiu_report *report = NULL;
        struct aiu_query *query;

        in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ck_assert_int_eq(aiu_context_new(&context), 0);
        ck_assert_int_eq(aiu_context_set_deadline_usec(context, 0), 0);
        ck_assert_int_eq(aiu_query_new(context, &query), 0);
        ck_assert_int_eq(aiu_query_set_address(query, (struct sockaddr *)&in, sizeof(in)), 0);
        ck_assert_int_eq(aiu_query_set_listen(query, true), 0);
        ck_assert_int_eq(aiu_query_run(query, &report), 0);
        aiu_query_unref(query);
        aiu_context_unref(context);
        return report;
}

static const char *other_port(const struct aiu_report *report)
{
        const struct aiu_action *action;

        for (size_t i = 0; (action = aiu_report_get_action(report, i)); i++)
                if (aiu_action_get_kind(action) == AIU_ACTION_OTHER_PORT)
                        return aiu_action_get_text(action);
        return "none";
}

/* No port is looked for if the sockets took 20 ms to list, as on a busy machine. */
static void expect_other_port(uint16_t port, const char *text)
{
        for (int i = 1; i <= 100; i++) {
                struct aiu_report *report = probe_in_peace(port);
                bool done = strcmp(other_port(report), text) == 0;

                if (i == 100)
                        ck_assert_str_eq(other_port(report), text);
                aiu_report_unref(report);
                if (done)
                        return;
                usleep(20000);
        }
}

START_TEST(another_port)
{
        int fds[9], last = listen_on(UINT16_MAX);

        expect_other_port(UINT16_MAX, "bind another port: 65534 is free");
        close(last);
        for (uint16_t i = 0; i < 9; i++) {
                if (i == 2)
                        expect_other_port(80, "bind another port: 82 is free");
                fds[i] = listen_on((uint16_t)(80 + i));
        }
        expect_other_port(80, "bind another port");
        for (size_t i = 0; i < 9; i++)
                close(fds[i]);
}
END_TEST

static void run_without_memory(const struct row *row)
{
        struct aiu_query *query;
        int fd = hold(row), r;
        bool failed = true;

        query = query_of(row);
        for (unsigned int at = 1; failed; at++) {
                struct aiu_report *report = NULL;

                scarce_memory_begin(at, false);
                r = aiu_query_run(query, &report);
                failed = scarce_memory_end();
                ck_assert(r == 0 ? report != NULL : r == -ENOMEM && !report);
                aiu_report_unref(report);
        }
        aiu_query_unref(query);
        close(fd);
}

START_TEST(without_memory)
{
        static const struct row in_use = { __LINE__,  "0.0.0.0", { 0 },       SOCK_STREAM, false,
                                           "0.0.0.0", { 0 },     SOCK_STREAM, NULL };

        run_without_memory(&rows[0]);
        run_without_memory(&in_use);
}
END_TEST

static void setup(void)
{
        enter_namespaces();
        ip("link set lo up");
}

int main(void)
{
        Suite *suite = suite_create("beside");
        TCase *tcase = tcase_create("all");

        if (!can_enter_namespaces() || !have_ip()) {
                printf("skipped: may not make namespaces, or there is no ip(8)\n");
                return 77;
        }
        tcase_add_checked_fixture(tcase, setup, NULL);
        tcase_add_loop_test(tcase, notes, 0, (int)ELEMENTSOF(rows));
        tcase_add_test(tcase, another_port);
        tcase_add_test(tcase, without_memory);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
