/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * verdict.c: what bind() and listen() give, made of what each socket in the way amounts to (test-conflict.c),
 * in the kernel's order, and never against the errno that was seen.
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

START_TEST(free_only_when_all_was_seen)
{
        struct request q = table_request("127.0.0.1");
        struct host host = table_host();
        struct port_table table = { .request = &q, .host = &host, .sockets_complete = true };

        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_AVAILABLE);
        table.sockets_complete = false;
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_UNKNOWN);
        ck_assert_uint_eq(verdict_conclude(&table).doubts, DOUBT_SOCKETS);
}
END_TEST

/* What was listed may be of another network namespace than the socket's, unless the kernel said so. */
START_TEST(in_use_only_where_it_is_asked)
{
        struct request q = table_request("127.0.0.1");
        struct host host = table_host();
        struct socket h = table_socket("127.0.0.1", AIU_STATE_LISTEN);
        struct port_table table = {
                .request = &q, .host = &host, .sockets = &h, .n_sockets = 1, .sockets_complete = true
        };

        host.netns_unsure = true;
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_UNKNOWN);
        q.error = EADDRINUSE;
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_IN_USE);
        q.error = 0;
        q.address = h.local = table_unix("\0a", 2);
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_UNKNOWN);
        host.netns_unsure = false;
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_IN_USE);
}
END_TEST

/* With SO_REUSEPORT the port's memory may let it in: never certain. */
START_TEST(history)
{
        struct request q = table_request("127.0.0.1");
        struct socket h = table_socket("127.0.0.1", AIU_STATE_LISTEN);
        struct verdict v;

        q.reuseport = true;
        h.reuseport = NO;
        v = table_verdict(&q, &h, 1);
        ck_assert_int_eq(v.verdict, AIU_VERDICT_UNKNOWN);
        ck_assert_uint_eq(v.doubts, DOUBT_HISTORY);
        q.error = EADDRINUSE; /* it was seen: now it is certain */
        ck_assert_int_eq(table_verdict(&q, &h, 1).verdict, AIU_VERDICT_IN_USE);
}
END_TEST

START_TEST(udp_order)
{
        struct request q = table_request("0.0.0.0");
        struct socket h[2] = { table_socket("127.0.0.1", AIU_STATE_BOUND), table_socket("127.0.0.2", AIU_STATE_BOUND) };

        q.type = SOCK_DGRAM;
        q.reuseport = true;
        h[0].protocol = h[1].protocol = IPPROTO_UDP;
        h[0].reuseport = NO;
        h[1].reuseport = YES;
        ck_assert_uint_eq(table_verdict(&q, h, 2).doubts, DOUBT_ORDER);
        ck_assert_int_eq(table_verdict(&q, h, 1).verdict, AIU_VERDICT_IN_USE);
        ck_assert_int_eq(table_verdict(&q, h + 1, 1).verdict, AIU_VERDICT_AVAILABLE);
}
END_TEST

/* IPv4 looks at the address first, IPv6 at the privilege: __inet_bind(), __inet6_bind(). */
START_TEST(order_of_errors)
{
        struct request v4 = table_request("192.0.2.1"), v6 = table_request("2001:db8::1");
        struct host host = table_host();
        struct port_table table = { .request = &v4, .host = &host, .sockets_complete = true };

        host.address_local = NO;
        host.privileged = NO;
        ck_assert_int_eq(verdict_conclude(&table).error, EADDRNOTAVAIL);
        v4.freebind = true;
        ck_assert_int_eq(verdict_conclude(&table).error, EACCES);
        table.request = &v6;
        ck_assert_int_eq(verdict_conclude(&table).error, EACCES);
        host.privileged = YES;
        ck_assert_int_eq(verdict_conclude(&table).error, EADDRNOTAVAIL);
        v6.bound = v6.address;
        v6.holds_port = YES;
        ck_assert_int_eq(verdict_conclude(&table).error, EINVAL);
}
END_TEST

/* /proc/net does not tell devices: that may be why they do not meet. */
START_TEST(device_not_known)
{
        struct request q = table_request("192.0.2.1");
        struct socket h = table_socket("192.0.2.1", AIU_STATE_LISTEN);
        struct host host = table_host();

        h.ifindex = IFINDEX_UNKNOWN;
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, YES);
        q.ifindex = 3;
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, UNKNOWN);
        ck_assert_uint_eq(conflict_judge(&q, &h, &host).decides, 0);
        ck_assert_uint_eq(table_verdict(&q, &h, 1).doubts, DOUBT_DEVICE);
        h.ifindex = 4;
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, NO);
}
END_TEST

/* inet_put_port() leaves the port where getsockname(2) finds it. */
START_TEST(port_given_back)
{
        struct request q = table_request("192.0.2.1");
        struct host host = table_host();
        struct port_table table = { .request = &q, .host = &host, .sockets_complete = true };

        q.bound = q.address;
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_UNKNOWN);
        ck_assert_uint_eq(verdict_conclude(&table).doubts, DOUBT_STATE);
        q.holds_port = NO;
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_AVAILABLE);
        q.type = SOCK_DGRAM; /* UDP never does that */
        ck_assert_int_eq(verdict_conclude(&table).error, EINVAL);
}
END_TEST

/* inet_listen(): a socket with a peer cannot listen. */
START_TEST(listen_needs_no_peer)
{
        struct request q = table_request("192.0.2.1");
        struct host host = table_host();
        struct port_table table = { .request = &q, .host = &host, .sockets_complete = true };

        q.call = AIU_CALL_LISTEN;
        q.state = AIU_STATE_CLOSE;
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_AVAILABLE);
        q.state = AIU_STATE_SYN_SENT;
        ck_assert_int_eq(verdict_conclude(&table).error, EINVAL);
        q.state = AIU_STATE_CLOSE;
        q.connected = YES;
        ck_assert_int_eq(verdict_conclude(&table).error, EINVAL);
        ck_assert_int_eq(verdict_conclude(&table).call, AIU_CALL_LISTEN);
        q.protocol = IPPROTO_MPTCP;
        ck_assert_uint_eq(verdict_conclude(&table).doubts, DOUBT_STATE);
}
END_TEST

/* __inet_listen_sk(): a listener that listens again takes no port, no matter which sockets are on it. */
START_TEST(listen_again)
{
        struct request q = table_request("192.0.2.1");
        struct socket h[2] = { table_socket("192.0.2.1", AIU_STATE_ESTABLISHED), table_time_wait("192.0.2.1") };
        struct host host = table_host();
        struct port_table table = { .request = &q, .host = &host, .sockets = h, .n_sockets = 2 };

        q.bound = q.address;
        q.call = AIU_CALL_LISTEN;
        q.state = AIU_STATE_CLOSE;
        ck_assert_int_eq(verdict_conclude(&table).error, EADDRINUSE);
        q.state = AIU_STATE_LISTEN;
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_AVAILABLE);
        ck_assert_int_eq(conflict_judge(&q, &h[0], &host).blocking, NO);
        q.error = EADDRINUSE; /* it was seen: another thread made it a listener since */
        ck_assert_int_eq(verdict_conclude(&table).error, EADDRINUSE);
        ck_assert_int_eq(conflict_judge(&q, &h[0], &host).blocking, YES);
        ck_assert_int_eq(verdict_without_errno(&table), NO);
        q.error = 0;
        q.call = AIU_CALL_BIND;
        ck_assert_int_eq(conflict_judge(&q, &h[0], &host).blocking, YES);
}
END_TEST

/* __inet6_bind(): an interface that is not there comes before the address, IP_FREEBIND or not. */
START_TEST(scope_of_no_interface)
{
        struct request q = table_request("fe80::1");
        struct host host = table_host();
        struct port_table table = { .request = &q, .host = &host, .sockets_complete = true };

        q.address.sa.in6.sin6_scope_id = 4711;
        host.address_local = NO;
        host.device_exists = NO;
        ck_assert_int_eq(verdict_conclude(&table).error, ENODEV);
        q.freebind = true;
        ck_assert_int_eq(verdict_conclude(&table).error, ENODEV);
        host.device_exists = UNKNOWN;
        ck_assert_uint_eq(verdict_conclude(&table).doubts, DOUBT_ADDRESS);
        host.device_exists = YES;
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_AVAILABLE);
}
END_TEST

/* A sockaddr_in is too short for an IPv6 socket, unless more bytes were said to be there. */
START_TEST(length_before_family)
{
        struct request q = table_request("192.0.2.1");
        struct host host = table_host();
        struct port_table table = { .request = &q, .host = &host, .sockets_complete = true };

        q.domain = AF_INET6;
        q.given_len = sizeof(struct sockaddr_in);
        ck_assert_int_eq(verdict_conclude(&table).error, EINVAL);
        q.given_len = 64;
        ck_assert_int_eq(verdict_conclude(&table).error, EAFNOSUPPORT);
        q.domain = AF_UNIX;
        ck_assert_int_eq(verdict_conclude(&table).error, EINVAL);
}
END_TEST

/* A doubt about an early check hides a certain failure of a later one. */
START_TEST(doubt_comes_first)
{
        struct request q = table_request("192.0.2.1");
        struct socket h = table_socket("192.0.2.1", AIU_STATE_LISTEN);
        struct host host = table_host();
        struct port_table table = {
                .request = &q, .host = &host, .sockets = &h, .n_sockets = 1, .sockets_complete = true
        };

        host.address_local = UNKNOWN;
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_UNKNOWN);
        ck_assert(verdict_conclude(&table).doubts & DOUBT_ADDRESS);
}
END_TEST

/* One candidate alone, and EADDRINUSE was seen: its unread bit is known. */
START_TEST(evidence_settles)
{
        struct request q = table_request("127.0.0.1");
        struct socket h[2] = { table_time_wait("127.0.0.1"), table_time_wait("127.0.0.1") };
        struct host host = table_host();
        struct port_table table = {
                .request = &q, .host = &host, .sockets = h, .n_sockets = 1, .sockets_complete = true
        };

        q.reuseaddr = true;
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_UNKNOWN);
        ck_assert_int_eq(verdict_settle(&table, h), -1);
        q.error = EADDRINUSE;
        ck_assert_int_eq(verdict_settle(&table, h), 0);
        ck_assert_int_eq(h[0].reuseaddr, NO);
        h[0].reuseaddr = UNKNOWN;
        table.n_sockets = 2; /* either of two may have been it */
        ck_assert_int_eq(verdict_settle(&table, h), -1);
        ck_assert_int_eq(h[0].reuseaddr, UNKNOWN);
}
END_TEST

/* Whatever was seen, the report says the same. */
START_TEST(never_against_the_errno)
{
        static const int errors[] = { EADDRINUSE, EADDRNOTAVAIL, EACCES, EINVAL };
        struct request q = table_request("127.0.0.1");

        q.error = errors[_i];
        ck_assert_int_eq(table_verdict(&q, NULL, 0).error, errors[_i]);
        ck_assert_int_ne(table_verdict(&q, NULL, 0).verdict, AIU_VERDICT_AVAILABLE);
}
END_TEST

START_TEST(what_if)
{
        struct request q = table_request("::");
        struct socket h = table_socket("127.0.0.1", AIU_STATE_LISTEN);
        struct host host = table_host();
        struct port_table table = {
                .request = &q, .host = &host, .sockets = &h, .n_sockets = 1, .sockets_complete = true
        };

        ck_assert_int_eq(table_what_if(&table, 0), NO);
        ck_assert_int_eq(table_what_if(&table, AIU_OPTION_REUSEADDR), NO);
        ck_assert_int_eq(table_what_if(&table, AIU_OPTION_V6ONLY), YES);
        h.state = AIU_STATE_BOUND;
        h.reuseaddr = YES;
        ck_assert_int_eq(table_what_if(&table, AIU_OPTION_REUSEADDR), YES);
        /* seen EADDRINUSE that nothing in sight explains: no promise about other options */
        q.error = EADDRINUSE;
        table.n_sockets = 0;
        ck_assert_int_eq(table_what_if(&table, 0), NO);
        ck_assert_int_eq(table_what_if(&table, AIU_OPTION_REUSEADDR), UNKNOWN);
}
END_TEST

/* Every set of options, judged once and kept, gives what each gives when it is judged on its own. */
START_TEST(what_ifs_agree)
{
        static const char *const addresses[] = { "127.0.0.1", "::1", "::" };
        static const tristate local[] = { YES, NO, UNKNOWN };

        for (unsigned int row = 0; row < 3 * 3 * 2 * WHAT_IF_COUNT; row++) {
                struct request q = table_request(addresses[row % 3]);
                struct socket h[] = { table_socket("127.0.0.1", AIU_STATE_BOUND), table_socket("::", AIU_STATE_BOUND) };
                struct host host = table_host();
                struct port_table table = {
                        .request = &q, .host = &host, .sockets = h, .n_sockets = 2, .sockets_complete = true
                };
                struct port_table alone = table;
                tristate all[WHAT_IF_COUNT];
                uint32_t doubts, each = 0;

                host.address_local = local[row / 3 % 3];
                q.error = row / 9 % 2 ? EADDRINUSE : 0;
                q.reuseaddr = row / 18 & AIU_OPTION_REUSEADDR;
                q.reuseport = row / 18 & AIU_OPTION_REUSEPORT;
                q.v6only = row / 18 & AIU_OPTION_V6ONLY;
                q.freebind = row / 18 & AIU_OPTION_FREEBIND;
                h[0].reuseaddr = YES;
                h[1].reuseport = h[1].reuseaddr = UNKNOWN;
                ck_assert_int_eq(port_table_judge(&table), 0);
                verdict_what_ifs(&table, all, &doubts);
                for (uint32_t options = 0; options < WHAT_IF_COUNT; options++)
                        ck_assert_msg(all[options] == table_what_if(&alone, options), "row %u, options %u", row,
                                      options);
                for (uint32_t options = 0; options < WHAT_IF_COUNT; options++)
                        each |= verdict_with(&alone, options).doubts;
                ck_assert_uint_eq(doubts, each);
                port_table_finish(&table);
        }
}
END_TEST

/* What was judged for one request or host says nothing about another; a fact that is settled is judged again. */
START_TEST(judged_once)
{
        struct request q = table_request("127.0.0.1"), other;
        struct socket h = table_socket("127.0.0.1", AIU_STATE_LISTEN);
        struct host host = table_host(), other_host = table_host();
        struct port_table table = {
                .request = &q, .host = &host, .sockets = &h, .n_sockets = 1, .sockets_complete = true
        };

        other = q;
        q.reuseport = true;
        q.error = EADDRINUSE;
        h.reuseport = UNKNOWN;
        ck_assert_int_eq(port_table_judge(&table), 0);
        h.state = AIU_STATE_UNKNOWN; /* would be judged otherwise */
        ck_assert_int_eq(port_table_judgement(&table, 0).decides, AIU_OPTION_REUSEPORT);
        h.state = AIU_STATE_LISTEN;
        table.request = &other;
        ck_assert_int_eq(port_table_judgement(&table, 0).blocking, YES);
        table.request = &q;
        table.host = &other_host;
        h.reuseport = NO;
        ck_assert_int_eq(port_table_judgement(&table, 0).blocking, YES);
        table.host = &host;
        ck_assert_int_eq(port_table_judgement(&table, 0).blocking, UNKNOWN);
        h.reuseport = UNKNOWN;
        ck_assert_int_eq(verdict_settle(&table, &h), 0);
        ck_assert_int_eq(port_table_judgement(&table, 0).blocking, YES);
        ck_assert_int_eq(verdict_without_errno(&table), UNKNOWN); /* tb->fastreuseport */
        q.trial_succeeded = true;
        ck_assert_int_eq(verdict_without_errno(&table), YES);
        port_table_finish(&table);
        table.n_sockets = 0;
        ck_assert_int_eq(port_table_judge(&table), 0);
        ck_assert_ptr_null(table.judged);
}
END_TEST

START_TEST(second_listener)
{
        struct request q = table_request("127.0.0.1");
        struct socket h = table_socket("127.0.0.1", AIU_STATE_LISTEN);
        struct verdict v;

        q.call = AIU_CALL_LISTEN;
        q.bound = q.address;
        q.reuseaddr = true;
        v = table_verdict(&q, &h, 1);
        ck_assert_int_eq(v.verdict, AIU_VERDICT_IN_USE);
        ck_assert_int_eq(v.call, AIU_CALL_LISTEN);
        q.type = SOCK_DGRAM;
        ck_assert_int_eq(table_verdict(&q, NULL, 0).error, EOPNOTSUPP);
}
END_TEST

/* listen() of a socket that is not at hand: one that is bound just like it may be that very socket. */
START_TEST(listen_from_afar)
{
        struct request q = table_request("127.0.0.1");
        struct socket h = table_socket("127.0.0.1", AIU_STATE_BOUND);
        struct verdict v;

        q.call = AIU_CALL_LISTEN;
        q.bound = q.address;
        q.holds_port = YES;
        v = table_verdict(&q, &h, 1);
        ck_assert_int_eq(v.verdict, AIU_VERDICT_UNKNOWN);
        ck_assert_uint_eq(v.doubts, DOUBT_OWN);
        q.own_cookie = h.cookie;
        ck_assert_int_eq(table_verdict(&q, &h, 1).verdict, AIU_VERDICT_AVAILABLE);
        q.own_cookie = h.cookie + 1;
        ck_assert_int_eq(table_verdict(&q, &h, 1).error, EADDRINUSE);
        q.own_cookie = 0;
        q.own_inode = h.inode + 1;
        ck_assert_int_eq(table_verdict(&q, &h, 1).error, EADDRINUSE);
        q.own_inode = 0;
        h.reuseaddr = YES; /* the one that is asked about has not */
        ck_assert_int_eq(table_verdict(&q, &h, 1).error, EADDRINUSE);
        h.reuseaddr = NO;
        h.reuseport = YES;
        ck_assert_int_eq(table_verdict(&q, &h, 1).error, EADDRINUSE);
        h.reuseport = NO;
        ck_assert_uint_eq(table_verdict(&q, &h, 1).doubts, DOUBT_OWN);
        h.uid = 0;
        ck_assert_int_eq(table_verdict(&q, &h, 1).error, EADDRINUSE);
        h.uid = UID_UNKNOWN;
        ck_assert_uint_eq(table_verdict(&q, &h, 1).doubts, DOUBT_OWN);
        q.domain = AF_INET; /* it is at hand, and has neither inode nor cookie: an old kernel */
        ck_assert_int_eq(table_verdict(&q, &h, 1).error, EADDRINUSE);
        q.domain = 0;
        h.local = table_address("0.0.0.0", 80);
        ck_assert_int_eq(table_verdict(&q, &h, 1).error, EADDRINUSE);
}
END_TEST

/* A program that is attached keeps the socket out of its SO_REUSEPORT group, and no interface shows it. */
START_TEST(program_attached)
{
        struct request q = table_request("127.0.0.1");
        struct socket h = table_socket("127.0.0.1", AIU_STATE_LISTEN);
        struct verdict v;

        q.reuseport = true;
        h.reuseport = YES;
        ck_assert_int_eq(table_verdict(&q, &h, 1).verdict, AIU_VERDICT_AVAILABLE); /* a socket to be made */
        q.maybe_program = true;
        v = table_verdict(&q, &h, 1);
        ck_assert_int_eq(v.verdict, AIU_VERDICT_UNKNOWN);
        ck_assert_uint_eq(v.doubts, DOUBT_PROGRAM);
        q.reuseaddr = true;
        h.reuseaddr = YES; /* does not help against a listener */
        ck_assert_uint_eq(table_verdict(&q, &h, 1).doubts, DOUBT_PROGRAM);
        h.state = AIU_STATE_BOUND; /* SO_REUSEADDR is enough */
        ck_assert_int_eq(table_verdict(&q, &h, 1).verdict, AIU_VERDICT_AVAILABLE);
        q.reuseaddr = false;
        h.local = table_address("127.0.0.2", 80);
        ck_assert_int_eq(table_verdict(&q, &h, 1).verdict, AIU_VERDICT_AVAILABLE);
        h.local = table_address("127.0.0.1", 80);
        q.own_cookie = h.cookie; /* itself */
        ck_assert_int_eq(table_verdict(&q, &h, 1).verdict, AIU_VERDICT_AVAILABLE);
}
END_TEST

/* What is gone explains the errno that was seen, and is in the way of no other try. */
START_TEST(gone_since)
{
        struct request q = table_request("127.0.0.1");
        struct socket h = table_socket("127.0.0.1", AIU_STATE_LISTEN);
        struct host host = table_host();
        struct port_table table = {
                .request = &q, .host = &host, .sockets = &h, .n_sockets = 1, .sockets_complete = true
        };

        h.observed_only = true;
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, NO);
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_AVAILABLE);
        q.error = EADDRINUSE;
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, YES);
        ck_assert_int_eq(verdict_conclude(&table).error, EADDRINUSE);
        ck_assert_int_eq(verdict_without_errno(&table), YES);
}
END_TEST

/* Another process makes the call: what its rights are at the path is not known, what was seen is. */
START_TEST(path_for_another)
{
        struct request q = table_request("127.0.0.1");
        struct host host = table_host();
        struct port_table table = { .request = &q, .host = &host, .sockets_complete = true };

        q.address = table_unix("/a", 2);
        host.name_exists = YES;
        q.other_rights = true;
        ck_assert_uint_eq(verdict_conclude(&table).doubts, DOUBT_NAME);
        q.error = EADDRINUSE;
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_IN_USE);
}
END_TEST

START_TEST(privilege)
{
        struct request q = table_request("127.0.0.1");
        struct host host = table_host();
        struct port_table table = { .request = &q, .host = &host, .sockets_complete = true };

        host.privileged = UNKNOWN;
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_UNKNOWN);
        ck_assert_uint_eq(verdict_conclude(&table).doubts, DOUBT_PRIVILEGE);
        address_set_port(&q.address, 1024);
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_AVAILABLE);
        /* The sysctl could not be read: the default, 1024, counts. */
        host.unprivileged_port_start = 0;
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_AVAILABLE);
        host.privileged = NO;
        ck_assert_int_eq(verdict_conclude(&table).error, EACCES);
        address_set_port(&q.address, 80);
        ck_assert_int_eq(verdict_conclude(&table).error, EACCES);
        host.unprivileged_port_start = -1; /* a kernel without it: nothing is privileged */
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_AVAILABLE);
}
END_TEST

START_TEST(mptcp_before_the_address)
{
        struct request q = table_request("127.0.0.1");
        struct host host = table_host();
        struct port_table table = { .request = &q, .host = &host, .sockets_complete = true };

        q.protocol = 262;
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_AVAILABLE);
        q.connected = YES;
        q.state = AIU_STATE_ESTABLISHED;
        ck_assert_int_eq(verdict_conclude(&table).error, EINVAL);
        q.state = AIU_STATE_CLOSE;
        ck_assert_int_ne(verdict_conclude(&table).error, EADDRINUSE);
}
END_TEST

/* A path is looked at before the socket, an abstract name after it: unix_bind_bsd(), unix_bind_abstract(). */
START_TEST(unix_bound_twice)
{
        struct request q = table_request("127.0.0.1");
        struct host host = table_host();
        struct port_table table = { .request = &q, .host = &host, .sockets_complete = true };

        q.address = table_unix("/a", 2);
        q.bound = table_unix("/b", 2);
        host.name_exists = YES;
        ck_assert_int_eq(verdict_conclude(&table).error, EADDRINUSE);
        host.name_exists = NO;
        ck_assert_int_eq(verdict_conclude(&table).error, EINVAL);
        host.name_error = ENOENT;
        ck_assert_int_eq(verdict_conclude(&table).error, ENOENT);
        host.name_error = EACCES;
        ck_assert_int_eq(verdict_conclude(&table).error, EACCES);
        host.name_error = 0;
        host.name_exists = UNKNOWN;
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_UNKNOWN);
        q.address = table_unix("\0a", 2);
        ck_assert_int_eq(verdict_conclude(&table).error, EINVAL);
}
END_TEST

START_TEST(unix_listen)
{
        struct request q = table_request("127.0.0.1");

        q.address = table_unix("/a", 2);
        q.call = AIU_CALL_LISTEN;
        ck_assert_int_eq(table_verdict(&q, NULL, 0).error, EINVAL);
        q.bound = q.address;
        ck_assert_int_eq(table_verdict(&q, NULL, 0).verdict, AIU_VERDICT_AVAILABLE);
        q.type = SOCK_SEQPACKET;
        ck_assert_int_eq(table_verdict(&q, NULL, 0).verdict, AIU_VERDICT_AVAILABLE);
        {
                struct socket h = { .state = AIU_STATE_LISTEN, .local = q.address };
                struct host host = table_host();

                ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, NO);
        }
        q.connected = YES;
        ck_assert_int_eq(table_verdict(&q, NULL, 0).error, EINVAL);
        q.type = SOCK_DGRAM;
        ck_assert_int_eq(table_verdict(&q, NULL, 0).error, EOPNOTSUPP);
}
END_TEST

/* bind() has failed: the holder's SO_REUSEPORT was not set, if it is one user's. */
START_TEST(evidence_about_reuseport)
{
        struct request q = table_request("127.0.0.1");
        struct socket h = table_socket("127.0.0.1", AIU_STATE_LISTEN);
        struct host host = table_host();
        struct port_table table = {
                .request = &q, .host = &host, .sockets = &h, .n_sockets = 1, .sockets_complete = true
        };

        q.reuseport = true;
        q.error = EADDRINUSE;
        h.reuseport = UNKNOWN;
        ck_assert_int_eq(verdict_settle(&table, &h), 0);
        ck_assert_int_eq(h.reuseport, NO);
        h.reuseport = UNKNOWN;
        h.uid = UID_UNKNOWN;
        ck_assert_int_eq(verdict_settle(&table, &h), 0);
        ck_assert_int_eq(h.reuseport, UNKNOWN);
}
END_TEST

/* move_addr_to_kernel(): 128 bytes at most, whatever is in them. */
START_TEST(longer_than_any_address)
{
        struct request v4 = table_request("192.0.2.1"), v6 = table_request("2001:db8::1");

        v4.given_len = v6.given_len = sizeof(struct sockaddr_storage);
        ck_assert_int_eq(table_verdict(&v4, NULL, 0).verdict, AIU_VERDICT_AVAILABLE);
        v4.given_len = v6.given_len = sizeof(struct sockaddr_storage) + 1;
        ck_assert_int_eq(table_verdict(&v4, NULL, 0).error, EINVAL);
        ck_assert_int_eq(table_verdict(&v4, NULL, 0).why, WHY_LENGTH);
        ck_assert_int_eq(table_verdict(&v6, NULL, 0).error, EINVAL);
}
END_TEST

/* __mptcp_nmpc_sk(): before the address of whatever family. */
START_TEST(mptcp_before_the_family)
{
        struct request q = table_request("192.0.2.1");

        q.address = table_unix("/run/x", 6);
        q.domain = AF_INET;
        q.given_len = sizeof(struct sockaddr_in);
        ck_assert_int_eq(table_verdict(&q, NULL, 0).error, EAFNOSUPPORT);
        q.protocol = IPPROTO_MPTCP;
        q.connected = YES;
        q.state = AIU_STATE_ESTABLISHED;
        ck_assert_int_eq(table_verdict(&q, NULL, 0).error, EINVAL);
        q.address = table_unix("\0x", 2);
        ck_assert_int_eq(table_verdict(&q, NULL, 0).error, EINVAL);
}
END_TEST

/* unix_autobind(): no matter which names are taken, and how often. */
START_TEST(autobind)
{
        struct request q = table_request("192.0.2.1");
        struct socket h = table_socket("127.0.0.1", AIU_STATE_BOUND);
        struct host host = table_host();

        q.address = table_unix("", 0);
        q.bound = table_unix("/run/x", 6);
        h.local = table_unix("\0x", 2);
        ck_assert_int_eq(table_verdict(&q, &h, 1).verdict, AIU_VERDICT_AVAILABLE);
        h.local = q.address;
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, NO);
        q.domain = AF_INET;
        q.given_len = sizeof(sa_family_t);
        ck_assert_int_eq(table_verdict(&q, &h, 1).error, EINVAL);
}
END_TEST

/* unix_bind() does not mind a peer, unix_listen() does. */
START_TEST(unix_peer)
{
        struct request q = table_request("192.0.2.1");

        q.address = table_unix("\0x", 2);
        q.connected = YES;
        q.listen = false;
        ck_assert_int_eq(table_verdict(&q, NULL, 0).verdict, AIU_VERDICT_AVAILABLE);
        q.listen = true;
        ck_assert_int_eq(table_verdict(&q, NULL, 0).error, EINVAL);
        ck_assert_int_eq(table_verdict(&q, NULL, 0).call, AIU_CALL_LISTEN);
        q.connected = NO;
        ck_assert_int_eq(table_verdict(&q, NULL, 0).verdict, AIU_VERDICT_AVAILABLE);
}
END_TEST

/* raw_bind() takes neither a fresh socket nor a privilege. The rest is not modelled. */
START_TEST(rules_not_modelled)
{
        static const int protocols[] = { IPPROTO_ICMP, IPPROTO_SCTP, IPPROTO_RAW };
        struct request q = table_request("192.0.2.1");
        struct host host = table_host();
        struct port_table table = { .request = &q, .host = &host, .sockets_complete = true };

        q.protocol = protocols[_i];
        q.bound = table_address("0.0.0.0", 255);
        q.holds_port = YES;
        host.privileged = NO;
        ck_assert_uint_eq(verdict_conclude(&table).doubts, DOUBT_PROTOCOL);
        host.address_local = NO;
        ck_assert_int_eq(verdict_conclude(&table).error, EADDRNOTAVAIL);
        q.address = table_address("2001:db8::1", 80);
        ck_assert_uint_eq(verdict_conclude(&table).doubts, DOUBT_PROTOCOL);
        q.given_len = 200;
        ck_assert_int_eq(verdict_conclude(&table).error, EINVAL);
}
END_TEST

/* inet_csk_get_port() with SK_FORCE_REUSE: checkpoint and restore takes a port that is in use. */
START_TEST(repair)
{
        struct request q = table_request("192.0.2.1");
        struct socket h = table_socket("192.0.2.1", AIU_STATE_LISTEN);
        struct host host = table_host();
        struct port_table table = { .host = &host, .sockets = &h, .n_sockets = 1, .sockets_complete = true };

        q.reuseaddr = q.reuse_forced = true;
        ck_assert_int_eq(table_verdict(&q, &h, 1).verdict, AIU_VERDICT_AVAILABLE);
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, NO);
        q.error = EADDRINUSE; /* it was seen: repair began since */
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, YES);
        table.request = &q;
        ck_assert_int_eq(verdict_without_errno(&table), NO);
        q.error = 0;
        q.type = SOCK_DGRAM;
        h.protocol = IPPROTO_UDP;
        h.reuseaddr = NO;
        ck_assert_int_eq(table_verdict(&q, &h, 1).error, EADDRINUSE);
}
END_TEST

/* Not local now, and unknown with IP_FREEBIND and SO_REUSEPORT: the doubt has a name. */
START_TEST(doubt_of_a_what_if)
{
        struct request q = table_request("192.0.2.1");
        struct socket h = table_socket("192.0.2.1", AIU_STATE_LISTEN);
        struct host host = table_host();
        struct port_table table = {
                .request = &q, .host = &host, .sockets = &h, .n_sockets = 1, .sockets_complete = true
        };
        struct verdict v;

        host.address_local = NO;
        h.reuseport = NO;
        ck_assert_int_eq(verdict_conclude(&table).verdict, AIU_VERDICT_NOT_LOCAL);
        v = verdict_with(&table, AIU_OPTION_FREEBIND | AIU_OPTION_REUSEPORT);
        ck_assert_int_eq(verdict_succeeds(&v), UNKNOWN);
        ck_assert_uint_eq(v.doubts, DOUBT_HISTORY);
        q.error = EACCES; /* what cannot explain this cannot foretell another outcome */
        v = verdict_with(&table, AIU_OPTION_FREEBIND);
        ck_assert_int_eq(verdict_succeeds(&v), UNKNOWN);
        ck_assert_uint_eq(v.doubts, 0);
}
END_TEST

START_TEST(no_inode_left)
{
        struct request q = table_request("192.0.2.1");
        struct host host = table_host();
        struct port_table table = { .request = &q, .host = &host, .sockets_complete = true };

        q.address = table_unix("/run/x", 6);
        host.name_exists = NO;
        host.name_error = ENOSPC;
        ck_assert_int_eq(verdict_conclude(&table).error, ENOSPC);
        ck_assert_int_eq(verdict_conclude(&table).why, WHY_NO_SPACE);
}
END_TEST

/* Neither IPV6_V6ONLY nor another option of [::] gives 0.0.0.0 to a server that wants both. */
START_TEST(what_if_of_every_address)
{
        struct request q = table_request("::");
        struct socket h = table_socket("0.0.0.0", AIU_STATE_LISTEN);
        struct host host = table_host();
        struct port_table table = {
                .request = &q, .host = &host, .sockets = &h, .n_sockets = 1, .sockets_complete = true
        };
        tristate with[WHAT_IF_COUNT];
        uint32_t doubts;

        verdict_what_ifs(&table, with, &doubts);
        ck_assert_int_eq(with[AIU_OPTION_V6ONLY], YES);
        q.every_address = true;
        verdict_what_ifs(&table, with, &doubts);
        ck_assert_int_eq(with[0], NO);
        ck_assert_int_eq(with[AIU_OPTION_V6ONLY], NO);
        h = table_socket("::1", AIU_STATE_LISTEN);
        h.v6only = YES;
        verdict_what_ifs(&table, with, &doubts);
        ck_assert_int_eq(with[AIU_OPTION_V6ONLY], NO);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("verdict");
        TCase *tcase = tcase_create("all");

        tcase_add_test(tcase, free_only_when_all_was_seen);
        tcase_add_test(tcase, in_use_only_where_it_is_asked);
        tcase_add_test(tcase, history);
        tcase_add_test(tcase, udp_order);
        tcase_add_test(tcase, order_of_errors);
        tcase_add_test(tcase, device_not_known);
        tcase_add_test(tcase, port_given_back);
        tcase_add_test(tcase, listen_needs_no_peer);
        tcase_add_test(tcase, listen_again);
        tcase_add_test(tcase, scope_of_no_interface);
        tcase_add_test(tcase, length_before_family);
        tcase_add_test(tcase, doubt_comes_first);
        tcase_add_test(tcase, evidence_settles);
        tcase_add_loop_test(tcase, never_against_the_errno, 0, 4);
        tcase_add_test(tcase, what_if);
        tcase_add_test(tcase, what_ifs_agree);
        tcase_add_test(tcase, judged_once);
        tcase_add_test(tcase, second_listener);
        tcase_add_test(tcase, listen_from_afar);
        tcase_add_test(tcase, program_attached);
        tcase_add_test(tcase, gone_since);
        tcase_add_test(tcase, path_for_another);
        tcase_add_test(tcase, privilege);
        tcase_add_test(tcase, mptcp_before_the_address);
        tcase_add_test(tcase, unix_bound_twice);
        tcase_add_test(tcase, unix_listen);
        tcase_add_test(tcase, evidence_about_reuseport);
        tcase_add_test(tcase, longer_than_any_address);
        tcase_add_test(tcase, mptcp_before_the_family);
        tcase_add_test(tcase, autobind);
        tcase_add_test(tcase, unix_peer);
        tcase_add_loop_test(tcase, rules_not_modelled, 0, 3);
        tcase_add_test(tcase, repair);
        tcase_add_test(tcase, doubt_of_a_what_if);
        tcase_add_test(tcase, no_inode_left);
        tcase_add_test(tcase, what_if_of_every_address);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
