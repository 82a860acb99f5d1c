/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plain-bind.c: where SO_REUSEADDR decides, what a server without it gets, and until when. */
#include <check.h>
#include <errno.h>
#include <netinet/in.h>

#include "rules/address.h"
#include "rules/plain-bind.h"
#include "util/macro.h"
#include "fixture/run-suite.h"
#include "fixture/port-table.h"

static struct plain_bind predict(const struct request *q, const struct socket *sockets, size_t n)
{
        struct host host = table_host();
        struct port_table table = {
                .request = q, .host = &host, .sockets = sockets, .n_sockets = n, .sockets_complete = true
        };

        return plain_bind_predict(&table);
}

static struct request server(void)
{
        struct request q = table_request("127.0.0.1");

        q.reuseaddr = true;
        return q;
}

static struct socket connection(void)
{
        struct socket s = table_socket("127.0.0.1", AIU_STATE_ESTABLISHED);

        s.peer = table_address("127.0.0.9", 4000);
        return s;
}

static const struct {
        bool time_wait, longer, other_port, connection, bound, listener;
        bool connections;
        uint64_t usec;
} rows[] = {
        { .time_wait = true, .connections = true, .usec = 30000000 },
        { .time_wait = true, .longer = true, .other_port = true, .connections = true, .usec = 50000000 },
        { .connection = true, .connections = true },
        { .time_wait = true, .connection = true, .connections = true },
        { .time_wait = true, .bound = true },
        { .listener = true },
};

START_TEST(row)
{
        struct request q = server();
        struct socket s[6];
        struct plain_bind plain;
        size_t n = 0;

        if (rows[_i].time_wait)
                s[n++] = table_time_wait("127.0.0.1");
        if (rows[_i].longer) {
                s[n] = table_time_wait("127.0.0.1");
                s[n++].expires_usec = 50000000;
                s[n++] = table_time_wait("127.0.0.1");
        }
        if (rows[_i].other_port) {
                s[n] = table_socket("127.0.0.1", AIU_STATE_LISTEN);
                s[n++].local = table_address("127.0.0.1", 81);
        }
        if (rows[_i].connection)
                s[n++] = connection();
        if (rows[_i].bound)
                s[n++] = table_socket("127.0.0.1", AIU_STATE_BOUND);
        if (rows[_i].listener)
                s[n++] = table_socket("127.0.0.1", AIU_STATE_LISTEN);
        plain = predict(&q, s, n);
        ck_assert(plain.in_use);
        ck_assert_int_eq(plain.connections, rows[_i].connections);
        ck_assert_uint_eq(plain.usec, rows[_i].usec);
}
END_TEST

/* A timer of a minisock ends the port's use; that of another socket, or an unknown one, may not. */
START_TEST(timers)
{
        struct request q = server();
        struct socket s = table_time_wait("127.0.0.1");

        s.minisock = false;
        ck_assert_uint_eq(predict(&q, &s, 1).usec, 0);
        s.minisock = true;
        s.expires_usec = 0;
        ck_assert_uint_eq(predict(&q, &s, 1).usec, 0);
        ck_assert(predict(&q, &s, 1).in_use);
}
END_TEST

START_TEST(not_asked)
{
        struct request q = server();
        struct socket s = table_time_wait("127.0.0.1");

        ck_assert(predict(&q, &s, 1).in_use);
        ck_assert(!predict(&q, &s, 0).in_use);
        q.reuseaddr = false;
        ck_assert(!predict(&q, &s, 1).in_use);
        q = server();
        q.domain = AF_INET;
        ck_assert(!predict(&q, &s, 1).in_use);
        q = server();
        q.error = EADDRINUSE;
        ck_assert(!predict(&q, &s, 1).in_use);
        q = server();
        q.type = SOCK_DGRAM;
        s.protocol = IPPROTO_UDP;
        ck_assert(!predict(&q, &s, 1).in_use);
        q = server();
        address_set_port(&q.address, 0);
        ck_assert(!predict(&q, &s, 1).in_use);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("plain-bind");
        TCase *tcase = tcase_create("all");

        tcase_add_loop_test(tcase, row, 0, ELEMENTSOF(rows));
        tcase_add_test(tcase, timers);
        tcase_add_test(tcase, not_asked);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
