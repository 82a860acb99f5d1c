/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * conflict.c: the rule table, three-valued. What becomes of its rows is in test-verdict.c. Every row was compared
 * with a running kernel (Linux 6.18) by the live suite; here it must stay so
 * without one.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/address.h"
#include "rules/conflict.h"
#include "util/macro.h"
#include "fixture/run-suite.h"
#include "fixture/port-table.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/* ------------------------------------------------------ overlap */

static const struct {
        const char *backend_request;
        bool asked_only;
        const char *held;
        tristate held_only;
        tristate blocking;
        enum aiu_overlap overlap;
} addresses[] = {
        { "127.0.0.1", false, "127.0.0.1", NO, YES, AIU_OVERLAP_EXACT },
        { "127.0.0.1", false, "127.0.0.2", NO, NO, AIU_OVERLAP_NONE },
        { "127.0.0.1", false, "0.0.0.0", NO, YES, AIU_OVERLAP_HOLDER_WILDCARD },
        { "0.0.0.0", false, "127.0.0.1", NO, YES, AIU_OVERLAP_QUERY_WILDCARD },
        { "0.0.0.0", false, "0.0.0.0", NO, YES, AIU_OVERLAP_EXACT },
        { "127.0.0.1", false, "::", NO, YES, AIU_OVERLAP_DUAL_STACK },
        { "127.0.0.1", false, "::", YES, NO, AIU_OVERLAP_NONE },
        { "127.0.0.1", false, "::", UNKNOWN, UNKNOWN, AIU_OVERLAP_DUAL_STACK },
        { "::", false, "127.0.0.1", NO, YES, AIU_OVERLAP_DUAL_STACK },
        { "::", true, "127.0.0.1", NO, NO, AIU_OVERLAP_NONE },
        { "::", true, "::", YES, YES, AIU_OVERLAP_EXACT },
        { "::", true, "::", NO, YES, AIU_OVERLAP_EXACT },
        { "::1", false, "::", YES, YES, AIU_OVERLAP_HOLDER_WILDCARD },
        { "::1", false, "0.0.0.0", NO, NO, AIU_OVERLAP_NONE },
        { "::", false, "::1", YES, YES, AIU_OVERLAP_QUERY_WILDCARD },
        { "::ffff:127.0.0.1", false, "127.0.0.1", NO, YES, AIU_OVERLAP_V4_MAPPED },
        { "127.0.0.1", false, "::ffff:127.0.0.1", NO, YES, AIU_OVERLAP_V4_MAPPED },
        { "::ffff:127.0.0.1", false, "0.0.0.0", NO, YES, AIU_OVERLAP_HOLDER_WILDCARD },
        { "::ffff:0.0.0.0", false, "127.0.0.1", NO, YES, AIU_OVERLAP_QUERY_WILDCARD },
        { "::ffff:0.0.0.0", false, "::1", NO, NO, AIU_OVERLAP_NONE },
        /* the quirk: 0.0.0.0 meets a native IPv6 socket that is not v6-only */
        { "0.0.0.0", false, "::1", NO, YES, AIU_OVERLAP_DUAL_STACK },
        { "0.0.0.0", false, "::1", YES, NO, AIU_OVERLAP_NONE },
        { "0.0.0.0", false, "::1", UNKNOWN, UNKNOWN, AIU_OVERLAP_DUAL_STACK },
        { "127.0.0.1", false, "::1", NO, NO, AIU_OVERLAP_NONE },
};

START_TEST(address_rows)
{
        struct request q = table_request(addresses[_i].backend_request);
        struct socket h = table_socket(addresses[_i].held, AIU_STATE_LISTEN);
        struct host host = table_host();
        struct judgement j;

        q.v6only = addresses[_i].asked_only;
        h.v6only = addresses[_i].held_only;
        j = conflict_judge(&q, &h, &host);
        ck_assert_int_eq(j.blocking, addresses[_i].blocking);
        ck_assert_int_eq(j.overlap, addresses[_i].overlap);
        ck_assert_int_eq(j.decides, j.blocking == UNKNOWN ? AIU_OPTION_V6ONLY : 0);
}
END_TEST

/* ------------------------------------------------------ options */

static const struct {
        enum aiu_state state;
        bool ra, rp; /* the socket asked about */
        tristate held_ra, held_rp;
        uid_t held_uid;
        tristate blocking;
        enum aiu_reason reason;
        uint32_t decides;
} options[] = {
        { AIU_STATE_LISTEN, 0, 0, YES, NO, 1000, YES, AIU_REASON_LISTENING, 0 },
        { AIU_STATE_LISTEN, 1, 0, YES, NO, 1000, YES, AIU_REASON_LISTENING, 0 },
        { AIU_STATE_LISTEN, 1, 0, UNKNOWN, UNKNOWN, 1000, YES, AIU_REASON_LISTENING, 0 },
        { AIU_STATE_LISTEN, 0, 1, NO, YES, 1000, NO, AIU_REASON_LISTENING, 0 },
        { AIU_STATE_LISTEN, 0, 1, NO, YES, 0, YES, AIU_REASON_REUSEPORT_UID, 0 },
        { AIU_STATE_LISTEN, 0, 1, NO, NO, 1000, YES, AIU_REASON_REUSEPORT_ABSENT, 0 },
        { AIU_STATE_LISTEN, 0, 0, NO, YES, 1000, YES, AIU_REASON_REUSEPORT_ABSENT, 0 },
        { AIU_STATE_LISTEN, 0, 1, NO, UNKNOWN, 1000, UNKNOWN, AIU_REASON_LISTENING, AIU_OPTION_REUSEPORT },
        { AIU_STATE_LISTEN, 0, 1, NO, UNKNOWN, 0, YES, AIU_REASON_LISTENING, 0 },
        { AIU_STATE_BOUND, 0, 0, YES, NO, 1000, YES, AIU_REASON_QUERY_NO_REUSE, 0 },
        { AIU_STATE_BOUND, 1, 0, YES, NO, 1000, NO, AIU_REASON_HOLDER_NO_REUSE, 0 },
        { AIU_STATE_BOUND, 1, 0, NO, NO, 1000, YES, AIU_REASON_HOLDER_NO_REUSE, 0 },
        { AIU_STATE_BOUND, 1, 0, UNKNOWN, NO, 1000, UNKNOWN, AIU_REASON_HOLDER_NO_REUSE, AIU_OPTION_REUSEADDR },
        { AIU_STATE_ESTABLISHED, 1, 1, UNKNOWN, UNKNOWN, 1000, UNKNOWN, AIU_REASON_HOLDER_NO_REUSE,
          AIU_OPTION_REUSEADDR | AIU_OPTION_REUSEPORT },
};

START_TEST(option_rows)
{
        struct request q = table_request("127.0.0.1");
        struct socket h = table_socket("127.0.0.1", options[_i].state);
        struct host host = table_host();
        struct judgement j;

        q.reuseaddr = options[_i].ra;
        q.reuseport = options[_i].rp;
        h.reuseaddr = options[_i].held_ra;
        h.reuseport = options[_i].held_rp;
        h.uid = options[_i].held_uid;
        j = conflict_judge(&q, &h, &host);
        ck_assert_int_eq(j.blocking, options[_i].blocking);
        ck_assert_uint_eq(j.decides, options[_i].decides);
        if (j.blocking != NO)
                ck_assert_int_eq(j.reason, options[_i].reason);
}
END_TEST

START_TEST(program_has_a_group_of_its_own)
{
        struct request q = table_request("127.0.0.1");
        struct socket h = table_socket("127.0.0.1", AIU_STATE_LISTEN);
        struct host host = table_host();
        struct judgement j;

        q.reuseport = q.has_program = true;
        h.reuseport = YES;
        j = conflict_judge(&q, &h, &host);
        ck_assert(j.blocking == YES && j.admits == NO && j.reason == AIU_REASON_REUSEPORT_PROGRAM);
        h.reuseport = NO;
        ck_assert_int_eq(conflict_judge(&q, &h, &host).reason, AIU_REASON_REUSEPORT_ABSENT);
        h.reuseport = YES;
        q.reuseport = false;
        ck_assert_int_eq(conflict_judge(&q, &h, &host).reason, AIU_REASON_REUSEPORT_ABSENT);
        q.reuseport = q.reuseaddr = true;
        h.reuseaddr = YES;
        h.state = AIU_STATE_BOUND; /* SO_REUSEADDR is enough */
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, NO);
}
END_TEST

START_TEST(owner_of_time_wait_is_not_compared)
{
        struct request q = table_request("127.0.0.1");
        struct socket h = table_time_wait("127.0.0.1");
        struct host host = table_host();

        q.reuseport = true;
        h.reuseport = YES;
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, NO);
        h = table_socket("127.0.0.1", AIU_STATE_FIN_WAIT2);
        h.reuseport = YES;
        h.uid = 0;
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, YES);
}
END_TEST

START_TEST(two_overflow_uids_need_not_be_one_user)
{
        struct request q = table_request("127.0.0.1");
        struct socket h = table_socket("127.0.0.1", AIU_STATE_LISTEN);
        struct host host = table_host();

        q.reuseport = true;
        q.uid = h.uid = 65534;
        h.reuseport = YES;
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, UNKNOWN);
}
END_TEST

START_TEST(devices)
{
        struct request q = table_request("127.0.0.1");
        struct socket h = table_socket("127.0.0.1", AIU_STATE_LISTEN);
        struct host host = table_host();

        q.ifindex = 2;
        h.ifindex = 3;
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, NO);
        h.ifindex = 0;
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, YES);
        h.ifindex = 2;
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, YES);
}
END_TEST

START_TEST(scope_binds_to_its_device)
{
        struct request q = table_request("fe80::1");

        q.ifindex = 5;
        q.address.sa.in6.sin6_scope_id = 7;
        ck_assert_uint_eq(conflict_device(&q), 7);
        q.address.sa.in6.sin6_scope_id = 0;
        ck_assert_uint_eq(conflict_device(&q), 5);
}
END_TEST

START_TEST(not_in_the_bind_hash)
{
        struct request q = table_request("127.0.0.1");
        struct socket h = table_socket("127.0.0.1", AIU_STATE_SYN_RECV);
        struct host host = table_host();

        h.inode = 0;
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, NO);
        h.inode = 7; /* a full socket: TCP Fast Open */
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, YES);
        q.own_cookie = h.cookie; /* the socket asked about itself */
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, NO);
}
END_TEST

START_TEST(modelled)
{
        static const int protocols[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE };
        struct request q = table_request("127.0.0.1");

        for (size_t i = 0; i < ELEMENTSOF(protocols); i++) {
                q.protocol = protocols[i];
                ck_assert(conflict_modelled(&q));
        }
        q.protocol = IPPROTO_SCTP;
        ck_assert(!conflict_modelled(&q));
}
END_TEST

START_TEST(other_protocol_other_port)
{
        struct request q = table_request("127.0.0.1");
        struct socket h = table_socket("127.0.0.1", AIU_STATE_LISTEN);
        struct host host = table_host();

        q.protocol = 262; /* MPTCP takes TCP ports */
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, YES);
        h.protocol = IPPROTO_UDP;
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, NO);
        h = table_socket("127.0.0.1", AIU_STATE_LISTEN);
        h.local.sa.in.sin_port ^= 1;
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, NO);
}
END_TEST

START_TEST(abstract_names)
{
        struct request q = table_request("127.0.0.1");
        struct socket h = table_socket("127.0.0.1", AIU_STATE_LISTEN);
        struct host host = table_host();

        q.address = table_unix("\0a", 2);
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, NO);
        h.local = table_unix("\0a", 2);
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, YES);
        h.type = SOCK_DGRAM;
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, NO);
        h.type = SOCK_STREAM;
        h.local = table_unix("\0b", 2);
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, NO);
}
END_TEST

/* A path says nothing about which socket made the file: inode and device do, each of the two. */
START_TEST(paths)
{
        struct request q = table_request("127.0.0.1");
        struct socket h = table_socket("127.0.0.1", AIU_STATE_LISTEN), other;
        struct host host = table_host(), elsewhere;

        q.address = h.local = table_unix("/a", 2);
        host.name_exists = YES;
        host.name_inode = h.vfs_inode = 5;
        host.name_device = h.vfs_device = 6;
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, YES);
        other = h;
        other.vfs_inode = 0;
        ck_assert_int_eq(conflict_judge(&q, &other, &host).blocking, NO);
        other.vfs_inode = 7;
        ck_assert_int_eq(conflict_judge(&q, &other, &host).blocking, NO);
        other = h;
        other.vfs_device = 7;
        ck_assert_int_eq(conflict_judge(&q, &other, &host).blocking, NO);
        elsewhere = host;
        elsewhere.name_inode = 0;
        ck_assert_int_eq(conflict_judge(&q, &h, &elsewhere).blocking, NO);
        elsewhere = host;
        elsewhere.name_exists = UNKNOWN;
        ck_assert_int_eq(conflict_judge(&q, &h, &elsewhere).blocking, NO);
}
END_TEST

/* What is not known of the file or the socket makes a candidate; a file that is shown to be stale has none. */
START_TEST(path_candidates)
{
        static const struct {
                uint64_t h_device, fs_device;
                enum aiu_state state;
                int type;
                tristate live, blocking;
        } rows[] = {
                /* the file system's own device counts, not st_dev, which is 6 */
                { 8, 8, AIU_STATE_LISTEN, SOCK_STREAM, YES, YES },
                { 8, 8, AIU_STATE_LISTEN, SOCK_STREAM, UNKNOWN, YES },
                { 8, 8, AIU_STATE_LISTEN, SOCK_STREAM, NO, NO },
                { 6, 8, AIU_STATE_LISTEN, SOCK_STREAM, YES, NO },
                { 6, 0, AIU_STATE_LISTEN, SOCK_STREAM, YES, YES },
                { 9, 0, AIU_STATE_LISTEN, SOCK_STREAM, YES, UNKNOWN },
                { 9, 0, AIU_STATE_LISTEN, SOCK_STREAM, UNKNOWN, NO },
                /* the socket's device is not known */
                { 0, 8, AIU_STATE_LISTEN, SOCK_STREAM, YES, UNKNOWN },
                { 0, 8, AIU_STATE_LISTEN, SOCK_STREAM, UNKNOWN, UNKNOWN },
                /* a connection may have the file of its listener */
                { 8, 8, AIU_STATE_ESTABLISHED, SOCK_STREAM, YES, UNKNOWN },
                { 8, 8, AIU_STATE_ESTABLISHED, SOCK_SEQPACKET, YES, UNKNOWN },
                { 8, 8, AIU_STATE_ESTABLISHED, SOCK_DGRAM, YES, YES },
        };
        struct request q = table_request("127.0.0.1");
        struct socket h = table_socket("127.0.0.1", AIU_STATE_LISTEN);
        struct host host = table_host();

        q.address = h.local = table_unix("/a", 2);
        host.name_exists = YES;
        host.name_inode = h.vfs_inode = 5;
        host.name_device = 6;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                host.name_fs_device = rows[i].fs_device;
                host.name_live = rows[i].live;
                h.vfs_device = rows[i].h_device;
                h.state = rows[i].state;
                h.type = rows[i].type;
                ck_assert_msg(conflict_judge(&q, &h, &host).blocking == rows[i].blocking, "row %zu", i);
        }
}
END_TEST

/* bind() of a bound socket meets its own file first; listen() does not look at the path, and an abstract name comes later. */
START_TEST(path_of_its_own)
{
        struct request q = table_request("127.0.0.1");
        struct socket h = table_socket("127.0.0.1", AIU_STATE_LISTEN);
        struct host host = table_host();

        q.address = h.local = table_unix("/a", 2);
        q.own_inode = h.inode = 9;
        host.name_exists = YES;
        host.name_inode = h.vfs_inode = 5;
        host.name_device = h.vfs_device = 6;
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, YES);
        q.call = AIU_CALL_LISTEN;
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, NO);
        q.call = AIU_CALL_BIND;
        q.address = h.local = table_unix("\0a", 2);
        q.type = h.type = SOCK_STREAM;
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, NO);
}
END_TEST

static tristate worst(tristate a, tristate b)
{
        return a == YES || b == NO ? a : b == YES || a == NO ? b : UNKNOWN;
}

/*
 * A port alone: each socket is as much in the way as it is for [::] or for 0.0.0.0, whichever is worse. Linux 6.1
 * may overlook that [::] meets IPv4; 0.0.0.0 meets it in any case.
 */
START_TEST(every_address)
{
        static const char *const held[] = { "0.0.0.0", "127.0.0.1", "::", "::1", "::ffff:127.0.0.1" };
        static const tristate bits[] = { NO, YES, UNKNOWN };
        static const int minor[] = { 0, 1, 8 };
        struct request both = table_request("::"), v6 = both, v4 = table_request("0.0.0.0");
        struct host host = table_host();

        both.every_address = true;
        both.reuseaddr = v6.reuseaddr = v4.reuseaddr = true;
        for (size_t row = 0; row < ELEMENTSOF(held) * 3 * 3 * 3 * 2; row++) {
                struct socket h = table_socket(held[row % 5], AIU_STATE_BOUND);
                struct judgement a, b, j;

                h.v6only = bits[row / 5 % 3];
                h.reuseaddr = h.reuseport = bits[row / 15 % 3];
                host.kernel_minor = minor[row / 45 % 3];
                host.kernel_major = host.kernel_minor ? 6 : 0;
                both.v6only = v6.v6only = row / 135;
                a = conflict_judge(&v6, &h, &host);
                b = conflict_judge(&v4, &h, &host);
                j = conflict_judge(&both, &h, &host);
                ck_assert_msg(j.blocking == worst(a.blocking, b.blocking), "row %zu", row);
                ck_assert_msg(j.decides == (j.blocking == UNKNOWN ? a.decides | b.decides : 0), "row %zu", row);
                ck_assert_msg(j.kernel == (j.blocking == UNKNOWN ? a.kernel | b.kernel : 0), "row %zu", row);
                ck_assert_msg(j.overlap == (a.overlap == AIU_OVERLAP_NONE || a.blocking != j.blocking ? b : a).overlap,
                              "row %zu", row);
        }
}
END_TEST

/* It joins the group at 0.0.0.0. */
START_TEST(every_address_of_udp_groups)
{
        struct request q = table_request("::");
        struct socket h = table_socket("0.0.0.0", AIU_STATE_BOUND);
        struct host host = table_host();

        q.every_address = q.v6only = q.reuseport = true;
        q.type = SOCK_DGRAM;
        h.protocol = IPPROTO_UDP;
        h.reuseport = YES;
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, NO);
        ck_assert_int_eq(conflict_judge(&q, &h, &host).admits, YES);
}
END_TEST

/* The search for a port meets no socket that is not in its table. */
START_TEST(search_passes_over)
{
        struct request q = table_request("127.0.0.1");
        struct socket h = table_socket("127.0.0.1", AIU_STATE_BOUND), other;
        struct host host = table_host();

        ck_assert_int_eq(conflict_judge_search(&q, &h, &host, false).blocking, YES);
        other = h;
        other.protocol = IPPROTO_UDP;
        ck_assert_int_eq(conflict_judge_search(&q, &other, &host, false).blocking, NO);
        other = h;
        other.local = table_unix("/a", 2);
        ck_assert_int_eq(conflict_judge_search(&q, &other, &host, false).blocking, NO);
        other = h;
        other.state = AIU_STATE_SYN_RECV;
        other.inode = 0;
        ck_assert_int_eq(conflict_judge_search(&q, &other, &host, false).blocking, NO);
        q.own_cookie = h.cookie;
        ck_assert_int_eq(conflict_judge_search(&q, &h, &host, false).blocking, NO);
        q.own_cookie = 0;
        q.own_inode = h.inode;
        ck_assert_int_eq(conflict_judge_search(&q, &h, &host, false).blocking, NO);
}
END_TEST

/* ------------------------------------------------------ two sockets that exist */

static const struct {
        const char *a;
        tristate a_only;
        const char *b;
        tristate b_only;
        tristate meet;
        enum aiu_overlap overlap;
} pairs[] = {
        { "127.0.0.1", NO, "127.0.0.1", NO, YES, AIU_OVERLAP_EXACT },
        { "127.0.0.1", NO, "127.0.0.2", NO, NO, AIU_OVERLAP_NONE },
        { "0.0.0.0", NO, "127.0.0.1", NO, YES, AIU_OVERLAP_QUERY_WILDCARD },
        { "::", NO, "127.0.0.1", NO, YES, AIU_OVERLAP_DUAL_STACK },
        { "::", YES, "127.0.0.1", NO, NO, AIU_OVERLAP_NONE },
        { "::", UNKNOWN, "127.0.0.1", NO, UNKNOWN, AIU_OVERLAP_DUAL_STACK },
        { "127.0.0.1", NO, "::", UNKNOWN, UNKNOWN, AIU_OVERLAP_DUAL_STACK },
        { "::", UNKNOWN, "::1", UNKNOWN, YES, AIU_OVERLAP_HOLDER_WILDCARD },
        { "::", UNKNOWN, "::ffff:127.0.0.1", UNKNOWN, UNKNOWN, AIU_OVERLAP_DUAL_STACK },
};

START_TEST(pair_rows)
{
        struct socket a = table_socket(pairs[_i].a, AIU_STATE_LISTEN), b = table_socket(pairs[_i].b, AIU_STATE_LISTEN);
        struct host host = table_host();
        enum aiu_overlap overlap;

        a.v6only = pairs[_i].a_only;
        b.v6only = pairs[_i].b_only;
        ck_assert_int_eq(conflict_overlap(&a, &b, &host, &overlap), pairs[_i].meet);
        ck_assert_int_eq(overlap, pairs[_i].overlap);
}
END_TEST

START_TEST(pairs_apart)
{
        struct socket a = table_socket("127.0.0.1", AIU_STATE_LISTEN), b;
        struct host host = table_host();
        enum aiu_overlap overlap;

        b = a;
        b.protocol = IPPROTO_UDP;
        ck_assert_int_eq(conflict_overlap(&a, &b, &host, &overlap), NO);
        b = a;
        address_set_port(&b.local, 81);
        ck_assert_int_eq(conflict_overlap(&a, &b, &host, &overlap), NO);
        b = a;
        b.local = table_unix("/a", 2);
        ck_assert_int_eq(conflict_overlap(&a, &b, &host, &overlap), NO);
        ck_assert_int_eq(conflict_overlap(&b, &a, &host, &overlap), NO);
        b = a;
        a.ifindex = 1;
        b.ifindex = 2;
        ck_assert_int_eq(conflict_overlap(&a, &b, &host, &overlap), NO);
        ck_assert_int_eq(overlap, AIU_OVERLAP_NONE);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("conflict");
        TCase *tcase = tcase_create("all");

        tcase_add_loop_test(tcase, address_rows, 0, ELEMENTSOF(addresses));
        tcase_add_loop_test(tcase, option_rows, 0, ELEMENTSOF(options));
        tcase_add_test(tcase, program_has_a_group_of_its_own);
        tcase_add_test(tcase, owner_of_time_wait_is_not_compared);
        tcase_add_test(tcase, two_overflow_uids_need_not_be_one_user);
        tcase_add_test(tcase, devices);
        tcase_add_test(tcase, scope_binds_to_its_device);
        tcase_add_test(tcase, not_in_the_bind_hash);
        tcase_add_test(tcase, modelled);
        tcase_add_test(tcase, other_protocol_other_port);
        tcase_add_test(tcase, abstract_names);
        tcase_add_test(tcase, paths);
        tcase_add_test(tcase, path_candidates);
        tcase_add_test(tcase, path_of_its_own);
        tcase_add_test(tcase, every_address);
        tcase_add_test(tcase, every_address_of_udp_groups);
        tcase_add_test(tcase, search_passes_over);
        tcase_add_loop_test(tcase, pair_rows, 0, ELEMENTSOF(pairs));
        tcase_add_test(tcase, pairs_apart);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
