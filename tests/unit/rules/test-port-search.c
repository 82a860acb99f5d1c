/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Port 0: what port-search.c makes of a range and its holders, and what advice/port-search.c recommends. That the kernel does the same is shown by
 * tests/live/test-port0.c.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "advice/advice.h"
#include "snapshot/port-entries.h"
#include "rules/conflict.h"
#include "util/macro.h"
#include "rules/port-search.h"
#include "report/report.h"
#include "fixture/run-suite.h"
#include "fixture/scarce-memory.h"
#include "fixture/port-table.h"

#define FIRST 40000

static struct request q;
static struct host host;
static struct port_entry entries[64];
static uint16_t groups[64];
static size_t n_entries;
static bool complete;
static char reserved[64];

static void setup(void)
{
        q = table_request("127.0.0.1");
        q.address = table_address("127.0.0.1", 0);
        host = table_host();
        host.port_range_first = FIRST;
        host.autobind_reuse = NO;
        reserved[0] = '\0';
        host.reserved_ports = reserved;
        n_entries = 0;
        complete = true;
        memset(groups, 0, sizeof(groups));
}

static struct port_entry *hold(const char *ip, int port, enum aiu_state state)
{
        struct address a = table_address(ip, (uint16_t)port);
        struct port_entry *c = &entries[n_entries++];

        *c = (struct port_entry){ .inode = 100 + n_entries,
                                  .cookie = n_entries,
                                  .uid = 1000,
                                  .protocol = IPPROTO_TCP,
                                  .type = SOCK_STREAM,
                                  .state = (uint8_t)state };
        if (a.sa.any.sa_family == AF_INET)
                c->local.in = a.sa.in;
        else
                c->local.in6 = a.sa.in6;
        return c;
}

/* Every port of n but the free ones (a string of their numbers) is taken. */
static void fill(int n, const char *left)
{
        host.port_range_last = FIRST + n - 1;
        n_entries = 0;
        for (int i = 0; i < n; i++)
                if (!strchr(left, '0' + i))
                        hold("127.0.0.1", FIRST + i, AIU_STATE_BOUND);
}

static struct port_table table(void)
{
        return (struct port_table){
                .request = &q, .host = &host, .sockets_complete = complete, .entries = entries, .n_entries = n_entries
        };
}

static struct range look(void)
{
        struct port_table s = table();
        struct range_map *map = range_look(&s);
        struct range range;

        ck_assert_ptr_nonnull(map);
        range = map->range;
        free(map);
        return range;
}

/* ------------------------------------------------------ the range */

START_TEST(bounds)
{
        static const struct {
                uint16_t low, high;
                int first, last;
        } rows[] = {
                { 0, 0, 40000, 40009 },         { 40002, 40004, 40002, 40004 }, { 39999, 40004, 40000, 40004 },
                { 40002, 0, 40002, 40009 },     { 40002, 50000, 40002, 40009 }, { 100, 200, 40000, 40009 },
                { 50000, 50001, 40000, 40009 }, { 0, 40000, 40000, 40000 },
        };
        int first = 0, last = 0;

        host.port_range_last = FIRST + 9;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                q.low_port = rows[i].low;
                q.high_port = rows[i].high;
                ck_assert(range_bounds(&q, &host, &first, &last));
                ck_assert_int_eq(first, rows[i].first);
                ck_assert_int_eq(last, rows[i].last);
        }
        q.low_port = FIRST + 5;
        q.high_port = FIRST + 2;
        ck_assert(!range_bounds(&q, &host, &first, &last));
        ck_assert_int_eq(last, 40000); /* as it was */
        host.port_range_first = 0;
        ck_assert(!range_bounds(&q, &host, &first, &last));
        host.port_range_first = 70000;
        host.port_range_last = 70001;
        ck_assert(!range_bounds(&q, &host, &first, &last));
}
END_TEST

/* Which port is left, and whether the search meets it: as measured on Linux 6.18. */
START_TEST(odd_ranges)
{
        static const struct {
                int n;
                const char *left;
                bool reuseaddr;
                tristate found;
        } rows[] = {
                { 1, "0", false, YES },     { 1, "", false, NO },      { 2, "0", false, YES },
                { 2, "1", false, YES },     { 3, "0", false, YES },    { 3, "1", false, YES },
                { 3, "2", false, NO },      { 3, "2", true, NO },      { 4, "0", false, YES },
                { 4, "3", false, YES },     { 4, "3", true, YES },     { 5, "0", false, UNKNOWN },
                { 5, "4", false, UNKNOWN }, { 5, "04", false, YES },   { 5, "2", false, YES },
                { 5, "0", true, YES },      { 5, "4", true, NO },      { 7, "0", false, UNKNOWN },
                { 7, "0", true, YES },      { 7, "2", true, UNKNOWN }, { 7, "6", true, UNKNOWN },
                { 7, "26", true, YES },     { 9, "4", true, UNKNOWN }, { 9, "8", true, UNKNOWN },
                { 9, "8", false, UNKNOWN }, { 8, "", true, NO },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct range r;

                q.reuseaddr = rows[i].reuseaddr;
                fill(rows[i].n, rows[i].left);
                r = look();
                ck_assert_msg(r.found == rows[i].found, "%d ports, %s left, SO_REUSEADDR %d: %s", rows[i].n,
                              rows[i].left, rows[i].reuseaddr, aiu_tristate_to_string(r.found));
                ck_assert_uint_eq(r.left, strlen(rows[i].left));
                ck_assert_uint_eq(r.taken, (unsigned)rows[i].n - strlen(rows[i].left));
                ck_assert_uint_eq(r.doubts, r.found == UNKNOWN ? DOUBT_SEARCH : 0);
        }
}
END_TEST

START_TEST(udp_looks_at_all)
{
        q.type = SOCK_DGRAM;
        for (int n = 1; n < 10; n++) {
                for (int free = 0; free < n; free++) {
                        fill(n, (const char[]){ (char)('0' + free), '\0' });
                        for (size_t i = 0; i < n_entries; i++)
                                entries[i].protocol = IPPROTO_UDP;
                        ck_assert_int_eq(look().found, YES);
                }
        }
}
END_TEST

START_TEST(reserved_ports)
{
        static const struct {
                const char *text;
                unsigned int reserved;
                tristate found;
        } rows[] = {
                { "", 0, YES },
                { "40000", 1, YES },
                { "40000-40003", 4, NO },
                { "1-65535", 4, NO },
                { "80,40001-40002,50000", 2, YES },
                { "40000,40001,40002,40003", 4, NO },
                { "garbage", 0, YES },
        };

        fill(4, "0123");
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                memcpy(reserved, rows[i].text, strlen(rows[i].text) + 1);
                ck_assert_uint_eq(look().reserved, rows[i].reserved);
                ck_assert_int_eq(look().found, rows[i].found);
        }
        host.reserved_ports = NULL;
        ck_assert_int_eq(look().found, UNKNOWN);
        ck_assert_uint_eq(look().doubts, DOUBT_RANGE);
        fill(4, "");
        ck_assert_int_eq(look().found, NO);
}
END_TEST

/* A search shares no port, except in a second round. */
START_TEST(options)
{
        fill(4, "");
        q.reuseaddr = q.reuseport = true;
        for (size_t i = 0; i < n_entries; i++)
                entries[i].reuseaddr = entries[i].reuseport = YES;
        ck_assert_int_eq(look().found, NO);
        host.autobind_reuse = YES;
        ck_assert_int_eq(look().found, NO); /* its own SO_REUSEPORT group */
        q.reuseport = false;
        ck_assert_int_eq(look().found, YES);
        for (size_t i = 0; i < n_entries; i++)
                entries[i].state = AIU_STATE_LISTEN;
        ck_assert_int_eq(look().found, NO);
        entries[2].state = AIU_STATE_BOUND;
        entries[2].reuseaddr = UNKNOWN;
        ck_assert_int_eq(look().found, UNKNOWN);
        ck_assert_uint_eq(look().doubts, DOUBT_HOLDER_OPTION);
        host.autobind_reuse = UNKNOWN;
        entries[2].reuseaddr = YES;
        ck_assert_int_eq(look().found, UNKNOWN);
        ck_assert(look().doubts & DOUBT_RANGE);
        entries[2].reuseaddr = NO;
        ck_assert_int_eq(look().found, NO);
}
END_TEST

/* The VRF of the device is unknown, which is no option of the holder. */
START_TEST(device_decides)
{
        fill(4, "2");
        hold("127.0.0.1", FIRST + 2, AIU_STATE_LISTEN);
        q.address = table_address("127.0.0.1", 0);
        ck_assert_int_eq(look().found, NO);
        q.ifindex = 1;
        q.l3mdev = IFINDEX_UNKNOWN;
        ck_assert_int_eq(look().found, UNKNOWN);
        ck_assert_uint_eq(look().doubts, DOUBT_DEVICE);
}
END_TEST

START_TEST(v6only_decides)
{
        fill(4, "2");
        hold("::1", FIRST + 2, AIU_STATE_ESTABLISHED);
        ck_assert_int_eq(look().found, YES);
        q.address = table_address("0.0.0.0", 0);
        ck_assert_int_eq(look().found, UNKNOWN); /* the quirk: conflict.c */
        ck_assert_uint_eq(look().doubts, DOUBT_HOLDER_OPTION);
        entries[3].v6only = YES;
        ck_assert_int_eq(look().found, YES);
        entries[3].v6only = NO;
        ck_assert_int_eq(look().found, NO);
}
END_TEST

START_TEST(incomplete)
{
        complete = false;
        fill(4, "");
        ck_assert_int_eq(look().found, NO);
        fill(4, "1");
        ck_assert_int_eq(look().found, UNKNOWN);
        ck_assert_uint_eq(look().doubts, DOUBT_SOCKETS);
}
END_TEST

START_TEST(who_asks_for_a_range)
{
        struct request backend_request = q;

        ck_assert(range_requested(&q));
        backend_request.address = table_address("127.0.0.1", 80);
        ck_assert(!range_requested(&backend_request));
        backend_request.address = (struct address){ .len = sizeof(struct sockaddr_un) };
        backend_request.address.sa.un.sun_family = AF_UNIX;
        ck_assert(!range_requested(&backend_request));
        backend_request = q;
        backend_request.port_later = true;
        backend_request.listen = false;
        ck_assert(!range_requested(&backend_request));
        backend_request.call = AIU_CALL_LISTEN;
        ck_assert(range_requested(&backend_request));
}
END_TEST

START_TEST(reserved_beyond_the_end)
{
        fill(2, "01");
        strcpy(reserved, "-5--3,65530-70000");
        ck_assert_int_eq(look().reserved, 0);
        ck_assert_int_eq(look().found, YES);
        host.port_range_first = 5;
        host.port_range_last = 4;
        ck_assert_uint_eq(look().doubts, DOUBT_RANGE);
}
END_TEST

/* This kernel may not show all bound sockets: a port that seems free may not be. */
START_TEST(found_on_an_old_kernel)
{
        struct port_table s;

        fill(2, "01");
        host.kernel_major = 5;
        host.kernel_minor = 10;
        s = table();
        ck_assert_int_eq(verdict_conclude(&s).verdict, AIU_VERDICT_UNKNOWN);
        ck_assert_uint_eq(verdict_conclude(&s).doubts, DOUBT_KERNEL);
        host.bound_complete = true;
        ck_assert_int_eq(verdict_conclude(&s).verdict, AIU_VERDICT_AVAILABLE);
}
END_TEST

/* Who wants to know of it says where to note it. */
START_TEST(no_memory_to_search)
{
        struct port_table s;
        struct verdict v;
        tristate what_if;
        bool noted = false;

        fill(2, "01");
        s = table();
        scarce_memory_begin(1, true);
        v = verdict_conclude(&s);
        s.no_memory = &noted;
        what_if = table_what_if(&s, 0);
        ck_assert(scarce_memory_end() && noted);
        ck_assert_int_eq(v.verdict, AIU_VERDICT_UNKNOWN);
        ck_assert_int_eq(what_if, UNKNOWN);
}
END_TEST

START_TEST(verdicts)
{
        struct port_table s = table();
        struct verdict v;

        fill(4, "");
        s = table();
        v = verdict_conclude(&s);
        ck_assert_int_eq(v.verdict, AIU_VERDICT_IN_USE);
        ck_assert_int_eq(v.error, EADDRINUSE);
        ck_assert_int_eq(v.call, AIU_CALL_BIND);
        q.port_later = true; /* bind() takes no port, listen() does */
        ck_assert_int_eq(verdict_conclude(&s).call, AIU_CALL_LISTEN);
        q.listen = false;
        ck_assert_int_eq(verdict_conclude(&s).verdict, AIU_VERDICT_AVAILABLE);
        q.call = AIU_CALL_LISTEN;
        ck_assert_int_eq(verdict_conclude(&s).error, EADDRINUSE);
        q.protocol = IPPROTO_SCTP;
        ck_assert_uint_eq(verdict_conclude(&s).doubts, DOUBT_PROTOCOL);
}
END_TEST

/* ------------------------------------------------------ advice */

static struct aiu_action *actions;
static size_t n_actions;

static void forget(void)
{
        for (size_t i = 0; i < n_actions; i++)
                action_finish(&actions[i]);
        free(actions);
        actions = NULL;
        n_actions = 0;
}

/* `process` has the claims whose group is 1. */
static void recommend(struct process *process)
{
        bool no_memory = false;
        struct port_table s = table();
        struct verdict verdict = verdict_conclude(&s);
        tristate what_if[WHAT_IF_COUNT];
        struct aiu_holder holder = { .kind = process && process->is_self ? AIU_HOLDER_SELF : AIU_HOLDER_PROCESS,
                                     .process = process,
                                     .uid = 1000 };
        struct aiu_conflict conflict = { .socket = range_socket(&entries[0]),
                                         .holders = &holder,
                                         .n_holders = 1,
                                         .n_ports = 2,
                                         .judgement = { .blocking = YES } };
        struct advice_input input = { .table = &s,
                                      .verdict = &verdict,
                                      .what_if = what_if,
                                      .conflicts = &conflict,
                                      .n_conflicts = process ? 1 : 0,
                                      .entry_group = groups,
                                      .holders_complete = true,
                                      .asker = 1000 };

        forget();
        for (uint32_t i = 0; i < WHAT_IF_COUNT; i++)
                what_if[i] = table_what_if(&s, i);
        s.no_memory = &no_memory;
        for (unsigned int at = 1;; at++) {
                int r;

                no_memory = false;
                scarce_memory_begin(at, false);
                r = advise(&input, &actions, &n_actions);
                if (!scarce_memory_end()) {
                        ck_assert_int_eq(r, 0);
                        return;
                }
                ck_assert_int_eq(r, -ENOMEM);
                ck_assert_uint_eq(n_actions, 0);
        }
}

static const struct aiu_action *find(enum aiu_action_kind kind)
{
        for (size_t i = 0; i < n_actions; i++)
                if (actions[i].kind == kind)
                        return &actions[i];
        return NULL;
}

static void make_time_wait(struct port_entry *c, uint64_t usec)
{
        c->state = AIU_STATE_TIME_WAIT;
        c->minisock = true;
        c->inode = 0;
        c->expires_usec = usec;
}

START_TEST(wait_for_the_first)
{
        fill(4, "");
        make_time_wait(&entries[1], 9000000);
        make_time_wait(&entries[2], 5000000);
        hold("127.0.0.1", FIRST + 2, AIU_STATE_TIME_WAIT);
        make_time_wait(&entries[4], 7000000);
        recommend(NULL);
        ck_assert_ptr_nonnull(find(AIU_ACTION_WAIT));
        ck_assert_uint_eq(find(AIU_ACTION_WAIT)->wait_usec, 7000000);
        ck_assert_int_eq(find(AIU_ACTION_WAIT)->sufficient, YES);
        entries[3].reuseaddr = YES;
        hold("127.0.0.1", FIRST + 2, AIU_STATE_BOUND);
        recommend(NULL);
        ck_assert_uint_eq(find(AIU_ACTION_WAIT)->wait_usec, 9000000);
        hold("0.0.0.0", FIRST + 1, AIU_STATE_LISTEN);
        recommend(NULL);
        ck_assert_ptr_null(find(AIU_ACTION_WAIT));
}
END_TEST

START_TEST(widen_and_move)
{
        fill(4, "");
        recommend(NULL);
        ck_assert_ptr_nonnull(find(AIU_ACTION_WIDEN_RANGE));
        ck_assert_int_eq(find(AIU_ACTION_WIDEN_RANGE)->first_port, 1024);
        ck_assert_int_eq(find(AIU_ACTION_WIDEN_RANGE)->last_port, 65535);
        ck_assert_ptr_nonnull(find(AIU_ACTION_OTHER_ADDRESS));
        ck_assert_ptr_null(find(AIU_ACTION_SET_NO_PORT)); /* a listener needs a port */
        q.listen = false;
        host.unprivileged_port_start = 2000;
        recommend(NULL);
        ck_assert_int_eq(find(AIU_ACTION_WIDEN_RANGE)->first_port, 2000);
        ck_assert_int_eq(find(AIU_ACTION_SET_NO_PORT)->sufficient, YES);
        q.protocol = IPPROTO_MPTCP; /* an older kernel refuses the option */
        recommend(NULL);
        ck_assert_int_eq(find(AIU_ACTION_SET_NO_PORT)->sufficient, UNKNOWN);
        q.protocol = 0;
        /* A limit of the socket's own: the sysctl would change nothing. */
        host.port_range_last = 65535;
        q.low_port = FIRST;
        q.high_port = FIRST + 3;
        recommend(NULL);
        ck_assert_int_eq(find(AIU_ACTION_WIDEN_RANGE)->first_port, 0);
        ck_assert(find(AIU_ACTION_WIDEN_RANGE)->flags & AIU_ACTION_CHANGES_CODE);
}
END_TEST

/* What has no clock does not go by waiting. */
START_TEST(wait_for_one_that_has_a_clock)
{
        fill(2, "");
        make_time_wait(&entries[0], 0);
        make_time_wait(&entries[1], 5000000);
        recommend(NULL);
        ck_assert_uint_eq(find(AIU_ACTION_WAIT)->wait_usec, 5000000);
        make_time_wait(&entries[1], 0);
        recommend(NULL);
        ck_assert_ptr_null(find(AIU_ACTION_WAIT));
}
END_TEST

/* The range begins where it may: what is behind its end is searched as well. */
START_TEST(widen_the_end_alone)
{
        host.port_range_first = 1024;
        host.port_range_last = 1025;
        hold("127.0.0.1", 1024, AIU_STATE_BOUND);
        hold("127.0.0.1", 1025, AIU_STATE_BOUND);
        recommend(NULL);
        ck_assert_ptr_nonnull(find(AIU_ACTION_WIDEN_RANGE));
        ck_assert_int_eq(find(AIU_ACTION_WIDEN_RANGE)->first_port, 1024);
        ck_assert_int_eq(find(AIU_ACTION_WIDEN_RANGE)->last_port, 65535);
        /* As wide as it can be, and the socket has a limit of its own. */
        host.port_range_last = 65535;
        q.low_port = 1024;
        q.high_port = 1025;
        recommend(NULL);
        ck_assert(!(find(AIU_ACTION_WIDEN_RANGE)->flags & AIU_ACTION_NEEDS_ROOT));
}
END_TEST

/* Only a bind() of no listener can leave the port to connect(2). */
START_TEST(who_needs_a_port)
{
        fill(4, "");
        q.listen = false;
        recommend(NULL);
        ck_assert_ptr_nonnull(find(AIU_ACTION_SET_NO_PORT));
        q.call = AIU_CALL_LISTEN;
        recommend(NULL);
        ck_assert_ptr_null(find(AIU_ACTION_SET_NO_PORT));
        q.port_later = true; /* asked for already */
        recommend(NULL);
        ck_assert_ptr_null(find(AIU_ACTION_SET_NO_PORT));
}
END_TEST

/* The caller's own sockets have them: that is mended in the caller. */
START_TEST(the_caller_has_them)
{
        struct process process = { .pid = 77, .uid = 1000, .is_self = true };

        fill(4, "");
        groups[1] = groups[2] = 1;
        recommend(&process);
        ck_assert_ptr_nonnull(find(AIU_ACTION_FIX_CALLER));
        ck_assert_ptr_null(find(AIU_ACTION_TERMINATE));
}
END_TEST

START_TEST(stop_the_top_holder)
{
        struct process process = {
                .pid = 77, .uid = 1000, .sigterm_caught = NO, .sigterm_ignored = NO, .parent_returns = NO
        };

        fill(4, "");
        groups[1] = groups[2] = 1;
        recommend(&process);
        ck_assert_ptr_nonnull(find(AIU_ACTION_TERMINATE));
        ck_assert_int_eq(find(AIU_ACTION_TERMINATE)->sufficient, YES);
        entries[1].state = entries[2].state = AIU_STATE_ESTABLISHED; /* may become TIME_WAIT */
        recommend(&process);
        ck_assert_int_eq(find(AIU_ACTION_TERMINATE)->sufficient, UNKNOWN);
        entries[1].state = AIU_STATE_LISTEN;
        recommend(&process);
        ck_assert_int_eq(find(AIU_ACTION_TERMINATE)->sufficient, YES);
        entries[1].alike = 3; /* whose are those? */
        recommend(&process);
        ck_assert_int_eq(find(AIU_ACTION_TERMINATE)->sufficient, UNKNOWN);
        hold("0.0.0.0", FIRST + 1, AIU_STATE_BOUND);
        hold("0.0.0.0", FIRST + 2, AIU_STATE_BOUND);
        recommend(&process);
        ck_assert_int_eq(find(AIU_ACTION_TERMINATE)->sufficient, NO);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("range");
        TCase *tcase = tcase_create("range");

        tcase_add_checked_fixture(tcase, setup, forget);
        tcase_add_test(tcase, bounds);
        tcase_add_test(tcase, odd_ranges);
        tcase_add_test(tcase, udp_looks_at_all);
        tcase_add_test(tcase, reserved_ports);
        tcase_add_test(tcase, who_asks_for_a_range);
        tcase_add_test(tcase, reserved_beyond_the_end);
        tcase_add_test(tcase, found_on_an_old_kernel);
        tcase_add_test(tcase, no_memory_to_search);
        tcase_add_test(tcase, options);
        tcase_add_test(tcase, device_decides);
        tcase_add_test(tcase, v6only_decides);
        tcase_add_test(tcase, incomplete);
        tcase_add_test(tcase, verdicts);
        tcase_add_test(tcase, wait_for_the_first);
        tcase_add_test(tcase, widen_and_move);
        tcase_add_test(tcase, stop_the_top_holder);
        tcase_add_test(tcase, wait_for_one_that_has_a_clock);
        tcase_add_test(tcase, widen_the_end_alone);
        tcase_add_test(tcase, who_needs_a_port);
        tcase_add_test(tcase, the_caller_has_them);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
