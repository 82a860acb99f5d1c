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
#include "fixture/scene.h"

START_TEST(free_only_when_all_was_seen)
{
        struct question q = scene_question("127.0.0.1");
        struct host host = scene_host();
        struct scene scene = { .question = &q, .host = &host, .sockets_complete = true };

        ck_assert_int_eq(verdict_conclude(&scene).verdict, AIU_VERDICT_AVAILABLE);
        scene.sockets_complete = false;
        ck_assert_int_eq(verdict_conclude(&scene).verdict, AIU_VERDICT_UNKNOWN);
        ck_assert_uint_eq(verdict_conclude(&scene).doubts, DOUBT_SOCKETS);
}
END_TEST

/* With SO_REUSEPORT the port's memory may let it in: never certain. */
START_TEST(history)
{
        struct question q = scene_question("127.0.0.1");
        struct socket h = scene_socket("127.0.0.1", AIU_STATE_LISTEN);
        struct verdict v;

        q.reuseport = true;
        h.reuseport = NO;
        v = scene_verdict(&q, &h, 1);
        ck_assert_int_eq(v.verdict, AIU_VERDICT_UNKNOWN);
        ck_assert_uint_eq(v.doubts, DOUBT_HISTORY);
        q.error = EADDRINUSE;   /* it was seen: now it is certain */
        ck_assert_int_eq(scene_verdict(&q, &h, 1).verdict, AIU_VERDICT_IN_USE);
}
END_TEST

START_TEST(udp_order)
{
        struct question q = scene_question("0.0.0.0");
        struct socket h[2] = { scene_socket("127.0.0.1", AIU_STATE_BOUND), scene_socket("127.0.0.2", AIU_STATE_BOUND) };

        q.type = SOCK_DGRAM;
        q.reuseport = true;
        h[0].protocol = h[1].protocol = IPPROTO_UDP;
        h[0].reuseport = NO;
        h[1].reuseport = YES;
        ck_assert_uint_eq(scene_verdict(&q, h, 2).doubts, DOUBT_ORDER);
        ck_assert_int_eq(scene_verdict(&q, h, 1).verdict, AIU_VERDICT_IN_USE);
        ck_assert_int_eq(scene_verdict(&q, h + 1, 1).verdict, AIU_VERDICT_AVAILABLE);
}
END_TEST

/* IPv4 looks at the address first, IPv6 at the privilege: __inet_bind(), __inet6_bind(). */
START_TEST(order_of_errors)
{
        struct question v4 = scene_question("192.0.2.1"), v6 = scene_question("2001:db8::1");
        struct host host = scene_host();
        struct scene scene = { .question = &v4, .host = &host, .sockets_complete = true };

        host.address_local = NO;
        host.privileged = NO;
        ck_assert_int_eq(verdict_conclude(&scene).error, EADDRNOTAVAIL);
        v4.freebind = true;
        ck_assert_int_eq(verdict_conclude(&scene).error, EACCES);
        scene.question = &v6;
        ck_assert_int_eq(verdict_conclude(&scene).error, EACCES);
        host.privileged = YES;
        ck_assert_int_eq(verdict_conclude(&scene).error, EADDRNOTAVAIL);
        v6.bound = v6.address;
        v6.holds_port = YES;
        ck_assert_int_eq(verdict_conclude(&scene).error, EINVAL);
}
END_TEST

/* /proc/net does not tell devices: that may be why they do not meet. */
START_TEST(device_not_known)
{
        struct question q = scene_question("192.0.2.1");
        struct socket h = scene_socket("192.0.2.1", AIU_STATE_LISTEN);
        struct host host = scene_host();

        h.ifindex = IFINDEX_UNKNOWN;
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, YES);
        q.ifindex = 3;
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, UNKNOWN);
        ck_assert_uint_eq(conflict_judge(&q, &h, &host).decides, 0);
        ck_assert_uint_eq(scene_verdict(&q, &h, 1).doubts, DOUBT_DEVICE);
        h.ifindex = 4;
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, NO);
}
END_TEST

/* inet_put_port() leaves the port where getsockname(2) finds it. */
START_TEST(port_given_back)
{
        struct question q = scene_question("192.0.2.1");
        struct host host = scene_host();
        struct scene scene = { .question = &q, .host = &host, .sockets_complete = true };

        q.bound = q.address;
        ck_assert_int_eq(verdict_conclude(&scene).verdict, AIU_VERDICT_UNKNOWN);
        ck_assert_uint_eq(verdict_conclude(&scene).doubts, DOUBT_STATE);
        q.holds_port = NO;
        ck_assert_int_eq(verdict_conclude(&scene).verdict, AIU_VERDICT_AVAILABLE);
        q.type = SOCK_DGRAM;    /* UDP never does that */
        ck_assert_int_eq(verdict_conclude(&scene).error, EINVAL);
}
END_TEST

/* inet_listen(): whoever has a peer does not listen. */
START_TEST(listen_needs_no_peer)
{
        struct question q = scene_question("192.0.2.1");
        struct host host = scene_host();
        struct scene scene = { .question = &q, .host = &host, .sockets_complete = true };

        q.call = AIU_CALL_LISTEN;
        q.state = AIU_STATE_CLOSE;
        ck_assert_int_eq(verdict_conclude(&scene).verdict, AIU_VERDICT_AVAILABLE);
        q.state = AIU_STATE_SYN_SENT;
        ck_assert_int_eq(verdict_conclude(&scene).error, EINVAL);
        q.state = AIU_STATE_CLOSE;
        q.connected = YES;
        ck_assert_int_eq(verdict_conclude(&scene).error, EINVAL);
        ck_assert_int_eq(verdict_conclude(&scene).call, AIU_CALL_LISTEN);
        q.protocol = IPPROTO_MPTCP;
        ck_assert_uint_eq(verdict_conclude(&scene).doubts, DOUBT_STATE);
}
END_TEST

/* __inet6_bind(): an interface that is not there comes before the address, IP_FREEBIND or not. */
START_TEST(scope_of_no_interface)
{
        struct question q = scene_question("fe80::1");
        struct host host = scene_host();
        struct scene scene = { .question = &q, .host = &host, .sockets_complete = true };

        q.address.sa.in6.sin6_scope_id = 4711;
        host.address_local = NO;
        host.device_exists = NO;
        ck_assert_int_eq(verdict_conclude(&scene).error, ENODEV);
        q.freebind = true;
        ck_assert_int_eq(verdict_conclude(&scene).error, ENODEV);
        host.device_exists = UNKNOWN;
        ck_assert_uint_eq(verdict_conclude(&scene).doubts, DOUBT_ADDRESS);
        host.device_exists = YES;
        ck_assert_int_eq(verdict_conclude(&scene).verdict, AIU_VERDICT_AVAILABLE);
}
END_TEST

/* A sockaddr_in is too short for an IPv6 socket, unless more bytes were said to be there. */
START_TEST(length_before_family)
{
        struct question q = scene_question("192.0.2.1");
        struct host host = scene_host();
        struct scene scene = { .question = &q, .host = &host, .sockets_complete = true };

        q.domain = AF_INET6;
        q.given_len = sizeof(struct sockaddr_in);
        ck_assert_int_eq(verdict_conclude(&scene).error, EINVAL);
        q.given_len = 64;
        ck_assert_int_eq(verdict_conclude(&scene).error, EAFNOSUPPORT);
        q.domain = AF_UNIX;
        ck_assert_int_eq(verdict_conclude(&scene).error, EINVAL);
}
END_TEST

/* A doubt about an early check hides a certain failure of a later one. */
START_TEST(doubt_comes_first)
{
        struct question q = scene_question("192.0.2.1");
        struct socket h = scene_socket("192.0.2.1", AIU_STATE_LISTEN);
        struct host host = scene_host();
        struct scene scene = { .question = &q, .host = &host, .sockets = &h, .n_sockets = 1, .sockets_complete = true };

        host.address_local = UNKNOWN;
        ck_assert_int_eq(verdict_conclude(&scene).verdict, AIU_VERDICT_UNKNOWN);
        ck_assert(verdict_conclude(&scene).doubts & DOUBT_ADDRESS);
}
END_TEST

/* One candidate alone, and EADDRINUSE was seen: its unread bit is known. */
START_TEST(evidence_settles)
{
        struct question q = scene_question("127.0.0.1");
        struct socket h[2] = { scene_time_wait("127.0.0.1"), scene_time_wait("127.0.0.1") };
        struct host host = scene_host();
        struct scene scene = { .question = &q, .host = &host, .sockets = h, .n_sockets = 1, .sockets_complete = true };

        q.reuseaddr = true;
        ck_assert_int_eq(verdict_conclude(&scene).verdict, AIU_VERDICT_UNKNOWN);
        ck_assert_int_eq(verdict_settle(&scene, h), -1);
        q.error = EADDRINUSE;
        ck_assert_int_eq(verdict_settle(&scene, h), 0);
        ck_assert_int_eq(h[0].reuseaddr, NO);
        h[0].reuseaddr = UNKNOWN;
        scene.n_sockets = 2;    /* either of two may have been it */
        ck_assert_int_eq(verdict_settle(&scene, h), -1);
        ck_assert_int_eq(h[0].reuseaddr, UNKNOWN);
}
END_TEST

/* Whatever was seen, the report says the same. */
START_TEST(never_against_the_errno)
{
        static const int errors[] = { EADDRINUSE, EADDRNOTAVAIL, EACCES, EINVAL };
        struct question q = scene_question("127.0.0.1");

        q.error = errors[_i];
        ck_assert_int_eq(scene_verdict(&q, NULL, 0).error, errors[_i]);
        ck_assert_int_ne(scene_verdict(&q, NULL, 0).verdict, AIU_VERDICT_AVAILABLE);
}
END_TEST

START_TEST(what_if)
{
        struct question q = scene_question("::");
        struct socket h = scene_socket("127.0.0.1", AIU_STATE_LISTEN);
        struct host host = scene_host();
        struct scene scene = { .question = &q, .host = &host, .sockets = &h, .n_sockets = 1, .sockets_complete = true };

        ck_assert_int_eq(verdict_what_if(&scene, 0), NO);
        ck_assert_int_eq(verdict_what_if(&scene, AIU_OPTION_REUSEADDR), NO);
        ck_assert_int_eq(verdict_what_if(&scene, AIU_OPTION_V6ONLY), YES);
        h.state = AIU_STATE_BOUND;
        h.reuseaddr = YES;
        ck_assert_int_eq(verdict_what_if(&scene, AIU_OPTION_REUSEADDR), YES);
        /* seen EADDRINUSE that nothing in sight explains: no promise about other options */
        q.error = EADDRINUSE;
        scene.n_sockets = 0;
        ck_assert_int_eq(verdict_what_if(&scene, 0), NO);
        ck_assert_int_eq(verdict_what_if(&scene, AIU_OPTION_REUSEADDR), UNKNOWN);
}
END_TEST

START_TEST(second_listener)
{
        struct question q = scene_question("127.0.0.1");
        struct socket h = scene_socket("127.0.0.1", AIU_STATE_LISTEN);
        struct verdict v;

        q.call = AIU_CALL_LISTEN;
        q.bound = q.address;
        q.reuseaddr = true;
        v = scene_verdict(&q, &h, 1);
        ck_assert_int_eq(v.verdict, AIU_VERDICT_IN_USE);
        ck_assert_int_eq(v.call, AIU_CALL_LISTEN);
        q.type = SOCK_DGRAM;
        ck_assert_int_eq(scene_verdict(&q, NULL, 0).error, EOPNOTSUPP);
}
END_TEST

START_TEST(privilege)
{
        struct question q = scene_question("127.0.0.1");
        struct host host = scene_host();
        struct scene scene = { .question = &q, .host = &host, .sockets_complete = true };

        host.privileged = UNKNOWN;
        ck_assert_int_eq(verdict_conclude(&scene).verdict, AIU_VERDICT_UNKNOWN);
        ck_assert_uint_eq(verdict_conclude(&scene).doubts, DOUBT_PRIVILEGE);
        address_set_port(&q.address, 1024);
        ck_assert_int_eq(verdict_conclude(&scene).verdict, AIU_VERDICT_AVAILABLE);
        /* The sysctl could not be read: everybody has 1024 there. */
        host.unprivileged_port_start = 0;
        ck_assert_int_eq(verdict_conclude(&scene).verdict, AIU_VERDICT_AVAILABLE);
        host.privileged = NO;
        ck_assert_int_eq(verdict_conclude(&scene).error, EACCES);
        address_set_port(&q.address, 80);
        ck_assert_int_eq(verdict_conclude(&scene).error, EACCES);
        host.unprivileged_port_start = -1;      /* a kernel without it: nothing is privileged */
        ck_assert_int_eq(verdict_conclude(&scene).verdict, AIU_VERDICT_AVAILABLE);
}
END_TEST

START_TEST(mptcp_before_the_address)
{
        struct question q = scene_question("127.0.0.1");
        struct host host = scene_host();
        struct scene scene = { .question = &q, .host = &host, .sockets_complete = true };

        q.protocol = 262;
        ck_assert_int_eq(verdict_conclude(&scene).verdict, AIU_VERDICT_AVAILABLE);
        q.connected = YES;
        q.state = AIU_STATE_ESTABLISHED;
        ck_assert_int_eq(verdict_conclude(&scene).error, EINVAL);
        q.state = AIU_STATE_CLOSE;
        ck_assert_int_ne(verdict_conclude(&scene).error, EADDRINUSE);
}
END_TEST

/* A path is looked at before the socket, an abstract name after it: unix_bind_bsd(), unix_bind_abstract(). */
START_TEST(unix_bound_twice)
{
        struct question q = scene_question("127.0.0.1");
        struct host host = scene_host();
        struct scene scene = { .question = &q, .host = &host, .sockets_complete = true };

        q.address = scene_unix("/a", 2);
        q.bound = scene_unix("/b", 2);
        host.name_exists = YES;
        ck_assert_int_eq(verdict_conclude(&scene).error, EADDRINUSE);
        host.name_exists = NO;
        ck_assert_int_eq(verdict_conclude(&scene).error, EINVAL);
        host.name_error = ENOENT;
        ck_assert_int_eq(verdict_conclude(&scene).error, ENOENT);
        host.name_error = EACCES;
        ck_assert_int_eq(verdict_conclude(&scene).error, EACCES);
        host.name_error = 0;
        host.name_exists = UNKNOWN;
        ck_assert_int_eq(verdict_conclude(&scene).verdict, AIU_VERDICT_UNKNOWN);
        q.address = scene_unix("\0a", 2);
        ck_assert_int_eq(verdict_conclude(&scene).error, EINVAL);
}
END_TEST

START_TEST(unix_listen)
{
        struct question q = scene_question("127.0.0.1");

        q.address = scene_unix("/a", 2);
        q.call = AIU_CALL_LISTEN;
        ck_assert_int_eq(scene_verdict(&q, NULL, 0).error, EINVAL);
        q.bound = q.address;
        ck_assert_int_eq(scene_verdict(&q, NULL, 0).verdict, AIU_VERDICT_AVAILABLE);
        q.type = SOCK_SEQPACKET;
        ck_assert_int_eq(scene_verdict(&q, NULL, 0).verdict, AIU_VERDICT_AVAILABLE);
        q.connected = YES;
        ck_assert_int_eq(scene_verdict(&q, NULL, 0).error, EINVAL);
        q.type = SOCK_DGRAM;
        ck_assert_int_eq(scene_verdict(&q, NULL, 0).error, EOPNOTSUPP);
}
END_TEST

/* bind() has failed: the holder's SO_REUSEPORT was not set, if it is one user's. */
START_TEST(evidence_about_reuseport)
{
        struct question q = scene_question("127.0.0.1");
        struct socket h = scene_socket("127.0.0.1", AIU_STATE_LISTEN);
        struct host host = scene_host();
        struct scene scene = { .question = &q, .host = &host, .sockets = &h, .n_sockets = 1, .sockets_complete = true };

        q.reuseport = true;
        q.error = EADDRINUSE;
        h.reuseport = UNKNOWN;
        ck_assert_int_eq(verdict_settle(&scene, &h), 0);
        ck_assert_int_eq(h.reuseport, NO);
        h.reuseport = UNKNOWN;
        h.uid = UID_UNKNOWN;
        ck_assert_int_eq(verdict_settle(&scene, &h), 0);
        ck_assert_int_eq(h.reuseport, UNKNOWN);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("verdict");
        TCase *tcase = tcase_create("all");

        tcase_add_test(tcase, free_only_when_all_was_seen);
        tcase_add_test(tcase, history);
        tcase_add_test(tcase, udp_order);
        tcase_add_test(tcase, order_of_errors);
        tcase_add_test(tcase, device_not_known);
        tcase_add_test(tcase, port_given_back);
        tcase_add_test(tcase, listen_needs_no_peer);
        tcase_add_test(tcase, scope_of_no_interface);
        tcase_add_test(tcase, length_before_family);
        tcase_add_test(tcase, doubt_comes_first);
        tcase_add_test(tcase, evidence_settles);
        tcase_add_loop_test(tcase, never_against_the_errno, 0, 4);
        tcase_add_test(tcase, what_if);
        tcase_add_test(tcase, second_listener);
        tcase_add_test(tcase, privilege);
        tcase_add_test(tcase, mptcp_before_the_address);
        tcase_add_test(tcase, unix_bound_twice);
        tcase_add_test(tcase, unix_listen);
        tcase_add_test(tcase, evidence_about_reuseport);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
