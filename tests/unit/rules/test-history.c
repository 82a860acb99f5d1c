/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * history.c, port-cache.c, udp-order.c: with SO_REUSEPORT, what was bound before lets a socket in. Each row is what a
 * kernel does: tests/live compares the same rules with a running one.
 */
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "fixture/port-table.h"
#include "fixture/run-suite.h"
#include "rules/address.h"
#include "rules/conflict.h"
#include "rules/history.h"
#include "rules/port-cache.h"
#include "rules/udp-order.h"
#include "util/macro.h"

#define STRICT 2 /* FASTREUSEPORT_STRICT */

static struct request q;
static struct host host;
static struct socket sockets[4];
static struct port_facts port;
static struct port_table table;
static unsigned char after[4];

static void begin(void)
{
        q = table_request("127.0.0.1");
        q.reuseport = true;
        host = table_host();
        memset(&port, 0, sizeof(port));
        memset(after, AFTER_STAYS, sizeof(after));
        table = (struct port_table){
                .request = &q, .host = &host, .sockets = sockets, .sockets_complete = true, .port = &port
        };
}

static void add(struct socket socket, tristate reuseport)
{
        socket.reuseaddr = NO;
        socket.reuseport = reuseport;
        socket.v6only = NO;
        sockets[table.n_sockets++] = socket;
}

/* As inet_csk_update_fastreuse() records it. */
static struct port_cache *remember(const char *ip, int fastreuseport)
{
        struct address address = table_address(ip, 80);
        struct endpoint e = address_endpoint(&address);
        struct port_cache *b = &port.caches[port.n_caches++];

        *b = (struct port_cache){
                .port = 80, .fastreuseport = fastreuseport, .uid = 1000, .v6 = e.v6, .v4_be = e.v4, .ip6 = e.ip
        };
        return b;
}

/* ------------------------------------------------------ TCP */

static const struct {
        const char *last;
        bool last_v6only;
        const char *ip;
        bool v6only;
        tristate admits;
} covered[] = {
        { "127.0.0.1", false, "127.0.0.1", false, YES },
        { "127.0.0.1", false, "127.0.0.2", false, NO },
        { "0.0.0.0", false, "127.0.0.1", false, YES },
        { "127.0.0.1", false, "0.0.0.0", false, NO },
        { "0.0.0.0", false, "0.0.0.0", false, YES },
        { "127.0.0.1", false, "::ffff:127.0.0.1", false, YES },
        { "0.0.0.0", false, "::", false, YES },
        { "0.0.0.0", false, "::", true, NO },
        { "0.0.0.0", false, "::1", false, NO }, /* bind() sets IPV6_V6ONLY */
        { "127.0.0.1", false, "::", false, NO },
        { "::", false, "::", false, YES },
        { "::", false, "::", true, YES },
        { "::", true, "::", false, YES },
        { "::", false, "::1", false, YES },
        { "::", true, "::1", false, YES },
        { "::", false, "127.0.0.1", false, YES },
        { "::", true, "127.0.0.1", false, NO },
        { "::", false, "::ffff:127.0.0.1", false, YES },
        { "::", true, "::ffff:127.0.0.1", false, NO },
        { "::1", true, "::1", false, YES },
        { "::1", true, "::2", false, NO },
        { "::1", true, "::", false, NO },
        { "::1", true, "127.0.0.1", false, NO },
        { "2001:db8::1", true, "2001:db8::1", false, YES },
        { "2001:db8::1", true, "::1", false, NO },
        { "0:0:1::1", true, "0:0:1::1", false, YES },
        { "0:0:1::1", true, "127.0.0.1", false, NO },
        { "::1:0:0:0", true, "::1:0:0:0", false, YES },
        { "::1:0:0", true, "::1:0:0", false, YES },
        { "::ffff:127.0.0.1", false, "127.0.0.1", false, YES },
        { "::ffff:127.0.0.1", false, "::ffff:127.0.0.1", false, YES },
        { "::ffff:127.0.0.1", false, "127.0.0.2", false, NO },
        { "::ffff:127.0.0.1", false, "::1", false, NO },
        { "::ffff:0.0.0.0", false, "127.0.0.1", false, YES },
        { "::ffff:0.0.0.0", false, "::", false, NO },
};

START_TEST(covers)
{
        q.address = table_address(covered[_i].ip, 80);
        q.v6only = covered[_i].v6only;
        remember(covered[_i].last, STRICT)->v6only = covered[_i].last_v6only;
        ck_assert_int_eq(port_cache_admits(&table), covered[_i].admits);
        /* Before Linux 6.8: all had the option. */
        port.caches[0].fastreuseport = FASTREUSEPORT_ANY;
        ck_assert_int_eq(port_cache_admits(&table), YES);
        for (int none = -1; none <= 0; none++) {
                port.caches[0].fastreuseport = none;
                ck_assert_int_eq(port_cache_admits(&table), NO);
        }
}
END_TEST

START_TEST(every_address)
{
        q.address = table_address("::", 80);
        q.every_address = true;
        remember("::", STRICT);
        ck_assert_int_eq(port_cache_admits(&table), YES);
        port.caches[0].v6only = true; /* 0.0.0.0 is not covered, and meets no socket */
        ck_assert_int_eq(port_cache_admits(&table), YES);
        add(table_socket("127.0.0.1", AIU_STATE_LISTEN), NO);
        ck_assert_int_eq(port_cache_admits(&table), NO);
        table.n_sockets = 0;
        port.n_caches = 0;
        remember("::ffff:0.0.0.0", STRICT); /* [::] is not, and meets no socket */
        ck_assert_int_eq(port_cache_admits(&table), YES);
        table.sockets_complete = false;
        ck_assert_int_eq(port_cache_admits(&table), UNKNOWN);
        add(table_socket("::ffff:0.0.0.0", AIU_STATE_LISTEN), NO);
        ck_assert_int_eq(port_cache_admits(&table), NO);
        q.v6only = true; /* an IPv4 socket is out of its way */
        table.sockets_complete = true;
        ck_assert_int_eq(port_cache_admits(&table), YES);
        port.caches[0].fastreuse = 1;
        port.caches[0].fastreuseport = 0;
        ck_assert_int_eq(port_cache_admits(&table), NO);
        q.reuseaddr = true;
        ck_assert_int_eq(port_cache_admits(&table), YES);
}
END_TEST

START_TEST(whose_summary)
{
        remember("127.0.0.1", STRICT);
        ck_assert_int_eq(port_cache_admits(&table), YES);
        q.uid = 1001;
        ck_assert_int_eq(port_cache_admits(&table), NO);
        q.uid = UID_UNKNOWN;
        ck_assert_int_eq(port_cache_admits(&table), UNKNOWN);
        q.uid = 1000;
        q.reuseport = false;
        ck_assert_int_eq(port_cache_admits(&table), NO);
        q.reuseport = true;
        port.caches[0].port = 81;
        ck_assert(port_cache_admits(&table) == UNKNOWN && !port_cache_is_known(&table));
        port.caches[0].port = 80;
        port.caches[0].l3mdev = 5;
        ck_assert_int_eq(port_cache_admits(&table), UNKNOWN);
        q.l3mdev = 5;
        ck_assert(port_cache_admits(&table) == YES && port_cache_is_known(&table));
        table.port = NULL;
        ck_assert_int_eq(port_cache_admits(&table), UNKNOWN);
        q.reuseport = false;
        ck_assert_int_eq(port_cache_admits(&table), NO);
}
END_TEST

/* tb->fastreuse is of kernels before 6.8: a socket that cleared the option stays in for the others. */
START_TEST(fastreuse)
{
        struct verdict v;

        q.reuseport = false;
        q.reuseaddr = true;
        host.kernel_major = 6;
        host.kernel_minor = 7;
        host.bound_complete = true;
        add(table_socket("127.0.0.1", AIU_STATE_BOUND), NO);
        v = verdict_conclude(&table);
        ck_assert(v.verdict == AIU_VERDICT_UNKNOWN && v.kernel == AIU_KERNEL_STATELESS);
        remember("127.0.0.1", 0);
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_IN_USE);
        port.caches[0].fastreuse = 1;
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_AVAILABLE);
        q.call = AIU_CALL_LISTEN;
        ck_assert_int_eq(port_cache_admits(&table), NO);
        q.call = AIU_CALL_BIND;
        q.reuseaddr = false;
        ck_assert_int_eq(port_cache_admits(&table), NO);
}
END_TEST

/* The socket in the way is of the same user, without SO_REUSEPORT. */
START_TEST(decides)
{
        add(table_socket("127.0.0.1", AIU_STATE_LISTEN), NO);
        ck_assert_uint_eq(verdict_conclude(&table).doubts, DOUBT_HISTORY);
        remember("127.0.0.2", STRICT);
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_IN_USE);
        ck_assert(!history_overrules(&table));
        port.n_caches = 0;
        remember("127.0.0.1", STRICT);
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_AVAILABLE);
        ck_assert(history_overrules(&table));
        /* What has yet to be seen does not matter. */
        table.sockets_complete = false;
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_AVAILABLE);
        q.reuseport = false;
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_IN_USE);
        ck_assert_int_eq(table_what_if(&table, AIU_OPTION_REUSEPORT), YES);
        port.caches[0].fastreuseport = 0;
        ck_assert_int_eq(table_what_if(&table, AIU_OPTION_REUSEPORT), NO);
}
END_TEST

/* EADDRINUSE was seen: that the summary would let the next one in explains nothing. */
START_TEST(seen)
{
        add(table_socket("127.0.0.1", AIU_STATE_LISTEN), NO);
        remember("127.0.0.1", STRICT);
        q.error = EADDRINUSE;
        ck_assert(!history_overrules(&table));
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_IN_USE);
        ck_assert_int_eq(verdict_without_errno(&table), YES);
}
END_TEST

START_TEST(attached_program)
{
        add(table_socket("127.0.0.1", AIU_STATE_LISTEN), NO);
        remember("127.0.0.1", STRICT);
        q.maybe_program = true;
        ck_assert_uint_eq(verdict_conclude(&table).doubts, DOUBT_PROGRAM);
        port.caches[0].fastreuseport = 0;
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_IN_USE);
        q.maybe_program = false;
        q.has_program = true;
        port.caches[0].fastreuseport = STRICT;
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_IN_USE);
        sockets[0].reuseport = YES; /* the summary is not needed: without a group there is no share */
        port.n_caches = 0;
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_IN_USE);
}
END_TEST

/* With fewer sockets on the port the summary may be reset; one that does not match never begins to. */
START_TEST(after_an_action)
{
        add(table_socket("127.0.0.1", AIU_STATE_LISTEN), NO);
        remember("127.0.0.1", STRICT);
        table.after = after;
        ck_assert_int_eq(port_cache_admits(&table), UNKNOWN);
        ck_assert_uint_eq(verdict_conclude(&table).doubts, DOUBT_HISTORY);
        port.caches[0].fastreuseport = 0;
        ck_assert_int_eq(port_cache_admits(&table), NO);
}
END_TEST

START_TEST(overruled)
{
        struct judgement j;

        add(table_socket("127.0.0.1", AIU_STATE_LISTEN), NO);
        add(table_socket("127.0.0.2", AIU_STATE_LISTEN), NO);
        remember("127.0.0.1", STRICT);
        ck_assert_int_eq(port_table_judge(&table), 0);
        j = port_table_judgement(&table, 0);
        ck_assert(j.blocking == NO && j.reason == AIU_REASON_BUCKET_HISTORY && j.overlap == AIU_OVERLAP_EXACT);
        j = port_table_judgement(&table, 1);
        ck_assert(j.blocking == NO && j.reason != AIU_REASON_BUCKET_HISTORY);
        port_table_finish(&table);
        q.error = EADDRINUSE;
        ck_assert_int_eq(port_table_judge(&table), 0);
        ck_assert_int_eq(port_table_judgement(&table, 0).blocking, YES);
        port_table_finish(&table);
}
END_TEST

START_TEST(not_asked)
{
        remember("127.0.0.1", STRICT);
        q.address = table_unix("\0a", 2);
        ck_assert(!history_overrules(&table));
        q.address = table_address("127.0.0.1", 0);
        ck_assert(!history_overrules(&table));
}
END_TEST

/* ------------------------------------------------------ UDP */

static void add_udp(const char *ip, tristate reuseport, bool connected)
{
        struct socket s = table_socket(ip, AIU_STATE_BOUND);

        s.type = SOCK_DGRAM;
        s.protocol = IPPROTO_UDP;
        if (connected)
                s.peer = table_address("127.0.0.9", 9);
        add(s, reuseport);
        port.n_in_order = table.n_sockets;
}

#define ALONE                                                                                                          \
        {                                                                                                              \
                NULL, NO, false                                                                                        \
        }

static const struct {
        const char *ip;
        unsigned int slot;
        struct {
                const char *ip;
                tristate reuseport;
                bool connected;
        } h[3];
        tristate admits;
} orders[] = {
        { "0.0.0.0", 3, { { "127.0.0.1", NO, false }, { "127.0.0.2", YES, false }, ALONE }, NO },
        { "0.0.0.0", 3, { { "127.0.0.2", YES, false }, { "127.0.0.1", NO, false }, ALONE }, YES },
        { "0.0.0.0", 3, { { "127.0.0.2", UNKNOWN, false }, { "127.0.0.1", NO, false }, ALONE }, UNKNOWN },
        { "0.0.0.0", 0, { { "127.0.0.2", YES, false }, { "127.0.0.1", NO, false }, ALONE }, YES },
        { "127.0.0.1", 3, { { "127.0.0.2", NO, false }, { "127.0.0.1", YES, false }, { "0.0.0.0", NO, false } }, YES },
        /* More than ten: first the address, then the wildcards, or the chain of the port. */
        { "127.0.0.1",
          11,
          { { "127.0.0.2", NO, false }, { "127.0.0.1", YES, false }, { "0.0.0.0", NO, false } },
          UNKNOWN },
        { "127.0.0.1", 0, { { "127.0.0.1", YES, false }, { "0.0.0.0", NO, false }, ALONE }, UNKNOWN },
        { "127.0.0.1", 11, { { "127.0.0.1", YES, false }, { "0.0.0.0", YES, false }, ALONE }, YES },
        { "127.0.0.1", 11, { { "127.0.0.1", NO, false }, { "0.0.0.0", YES, false }, ALONE }, NO },
        { "127.0.0.1", 11, { { "127.0.0.1", YES, true }, { "0.0.0.0", YES, false }, ALONE }, UNKNOWN },
        { "127.0.0.1", 10, { { "127.0.0.1", YES, true }, { "0.0.0.0", YES, false }, ALONE }, YES },
        { "127.0.0.1", 11, { { "127.0.0.2", NO, false }, ALONE, ALONE }, YES },
};

START_TEST(order)
{
        q.type = SOCK_DGRAM;
        q.address = table_address(orders[_i].ip, 80);
        for (size_t i = 0; i < 3 && orders[_i].h[i].ip; i++)
                add_udp(orders[_i].h[i].ip, orders[_i].h[i].reuseport, orders[_i].h[i].connected);
        port.slot_count = orders[_i].slot;
        ck_assert_int_eq(udp_order_admits(&table), orders[_i].admits);
}
END_TEST

static void two_in_order(void)
{
        q.type = SOCK_DGRAM;
        q.address = table_address("0.0.0.0", 80);
        add_udp("127.0.0.2", YES, false);
        add_udp("127.0.0.1", NO, false);
        port.slot_count = 2;
}

START_TEST(order_decides)
{
        two_in_order();
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_AVAILABLE);
        ck_assert(history_overrules(&table));
        ck_assert_int_eq(port_table_judge(&table), 0);
        ck_assert_int_eq(port_table_judgement(&table, 1).reason, AIU_REASON_BUCKET_HISTORY);
        port_table_finish(&table);
        q.maybe_program = true;
        ck_assert_uint_eq(verdict_conclude(&table).doubts, DOUBT_PROGRAM);
        q.maybe_program = false;
        q.has_program = true;
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_IN_USE);
        q.has_program = false;
        q.reuseport = false;
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_IN_USE);
        q.reuseport = true;
        sockets[0].reuseport = NO;
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_IN_USE);
        q.type = SOCK_RAW;
        q.protocol = IPPROTO_ICMP;
        ck_assert_int_eq(history_ask(&table).admits, YES); /* none of these is of that protocol */
}
END_TEST

START_TEST(order_not_known)
{
        two_in_order();
        port.n_in_order = 1; /* another backend told of one more */
        ck_assert_uint_eq(verdict_conclude(&table).doubts, DOUBT_ORDER);
        port.n_in_order = 0;
        ck_assert_uint_eq(verdict_conclude(&table).doubts, DOUBT_ORDER);
        table.port = NULL;
        ck_assert_uint_eq(verdict_conclude(&table).doubts, DOUBT_ORDER);
        sockets[0].reuseport = NO; /* all refuse: the order does not matter */
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_IN_USE);
}
END_TEST

START_TEST(order_of_those_left)
{
        two_in_order();
        table.after = after;
        after[0] = AFTER_GONE;
        ck_assert_int_eq(udp_order_admits(&table), NO);
        after[0] = AFTER_STAYS;
        ck_assert_int_eq(udp_order_admits(&table), YES);
        table.after = NULL;
        sockets[0].observed_only = true;
        ck_assert_int_eq(udp_order_admits(&table), NO);
}
END_TEST

/* SO_REUSEADDR on both: the socket is passed over. */
START_TEST(order_passes_over)
{
        two_in_order();
        q.reuseaddr = true;
        sockets[1].reuseaddr = YES;
        sockets[0] = sockets[1];
        ck_assert_int_eq(udp_order_admits(&table), YES);
}
END_TEST

START_TEST(order_of_every_address)
{
        q.type = SOCK_DGRAM;
        q.address = table_address("::", 80);
        q.every_address = true;
        port.slot_count = 2;
        add_udp("::1", YES, false);
        add_udp("127.0.0.1", NO, false);
        sockets[0].v6only = YES;
        ck_assert_int_eq(udp_order_admits(&table), NO); /* 0.0.0.0 meets the second alone */
        sockets[0].v6only = NO;
        ck_assert_int_eq(udp_order_admits(&table), YES);
}
END_TEST

/* Before e537dd15d0d4 a wildcard in a crowded slot is compared with the wildcards alone. */
START_TEST(crowd)
{
        two_in_order();
        host.kernel_major = 6;
        host.kernel_minor = 18;
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_AVAILABLE);
        port.slot_count = 11;
        ck_assert_uint_eq(verdict_conclude(&table).kernel, AIU_KERNEL_UDP_CROWD);
        q.reuseport = false;
        ck_assert_uint_eq(verdict_conclude(&table).kernel, AIU_KERNEL_UDP_CROWD);
        port.slot_count = 10;
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_IN_USE);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("history");
        TCase *tcase = tcase_create("all");

        tcase_add_checked_fixture(tcase, begin, NULL);
        tcase_add_loop_test(tcase, covers, 0, (int)ELEMENTSOF(covered));
        tcase_add_test(tcase, every_address);
        tcase_add_test(tcase, whose_summary);
        tcase_add_test(tcase, fastreuse);
        tcase_add_test(tcase, decides);
        tcase_add_test(tcase, seen);
        tcase_add_test(tcase, attached_program);
        tcase_add_test(tcase, after_an_action);
        tcase_add_test(tcase, overruled);
        tcase_add_test(tcase, not_asked);
        tcase_add_loop_test(tcase, order, 0, (int)ELEMENTSOF(orders));
        tcase_add_test(tcase, order_decides);
        tcase_add_test(tcase, order_not_known);
        tcase_add_test(tcase, order_of_those_left);
        tcase_add_test(tcase, order_passes_over);
        tcase_add_test(tcase, order_of_every_address);
        tcase_add_test(tcase, crowd);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
