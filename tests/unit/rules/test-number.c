/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* number.c, and what verdict.c makes of it: AF_VSOCK and AF_NETLINK. Rows as a kernel answered them, where one could. */
#include <check.h>
#include <errno.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <linux/vm_sockets.h>

#include "fixture/port-table.h"
#include "fixture/run-suite.h"
#include "rules/address.h"
#include "rules/conflict.h"
#include "rules/number.h"
#include "util/macro.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#define ANY VMADDR_CID_ANY

static struct address vsock(unsigned int cid, unsigned int port)
{
        return (struct address){
                .len = sizeof(struct sockaddr_vm),
                .sa.vm = { .svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port },
        };
}

static struct address netlink(unsigned int port)
{
        return (struct address){ .len = sizeof(struct sockaddr_nl),
                                 .sa.nl = { .nl_family = AF_NETLINK, .nl_pid = port } };
}

static struct request ask(struct address address)
{
        return (struct request){ .address = address,
                                 .type = address.sa.any.sa_family == AF_VSOCK ? SOCK_STREAM : SOCK_RAW,
                                 .call = AIU_CALL_BIND,
                                 .given_len = address.len,
                                 .uid = 1000 };
}

static struct socket hold(struct address address, enum aiu_state state)
{
        return (struct socket){ .local = address, .state = state, .inode = 7, .cookie = 9, .uid = UID_UNKNOWN };
}

static struct host a_host(int major, int minor)
{
        struct host host = table_host();

        host.kernel_major = major;
        host.kernel_minor = minor;
        return host;
}

static struct verdict conclude(const struct request *q, const struct host *host, const struct socket *sockets, size_t n,
                               bool complete)
{
        struct port_table table = {
                .request = q, .host = host, .sockets = sockets, .n_sockets = n, .sockets_complete = complete
        };

        return verdict_conclude(&table);
}

/* ------------------------------------------------------ AF_VSOCK */

static const struct {
        unsigned int cid, port, held_cid, held_port;
        enum aiu_state state;
        int major, minor;
        tristate blocking;
        enum aiu_overlap overlap;
} pairs[] = {
        { 3, 5000, 3, 5000, AIU_STATE_LISTEN, 6, 18, YES, AIU_OVERLAP_EXACT },
        { 3, 5000, 3, 5000, AIU_STATE_BOUND, 6, 18, YES, AIU_OVERLAP_EXACT },
        { 3, 5000, 3, 5000, AIU_STATE_SYN_SENT, 6, 18, YES, AIU_OVERLAP_EXACT },
        { 3, 5000, 3, 5001, AIU_STATE_LISTEN, 6, 18, NO, AIU_OVERLAP_NONE },
        { 3, 5000, ANY, 5000, AIU_STATE_LISTEN, 6, 18, YES, AIU_OVERLAP_HOLDER_WILDCARD },
        { ANY, 5000, 3, 5000, AIU_STATE_LISTEN, 6, 18, YES, AIU_OVERLAP_QUERY_WILDCARD },
        { ANY, 5000, ANY, 5000, AIU_STATE_LISTEN, 6, 18, YES, AIU_OVERLAP_EXACT },
        { 3, 5000, 1, 5000, AIU_STATE_LISTEN, 6, 18, NO, AIU_OVERLAP_NONE },
        { 3, 5000, 1, 5000, AIU_STATE_LISTEN, 5, 5, NO, AIU_OVERLAP_NONE },
        { 3, 5000, 1, 5000, AIU_STATE_LISTEN, 5, 4, UNKNOWN, AIU_OVERLAP_HOLDER_WILDCARD },
        { 3, 5000, 1, 5000, AIU_STATE_LISTEN, 4, 18, UNKNOWN, AIU_OVERLAP_HOLDER_WILDCARD },
        { 3, 5000, 1, 5000, AIU_STATE_LISTEN, 0, 0, UNKNOWN, AIU_OVERLAP_HOLDER_WILDCARD },
        /* accepted by a listener, or bound before it connected */
        { 3, 5000, 3, 5000, AIU_STATE_ESTABLISHED, 6, 18, UNKNOWN, AIU_OVERLAP_EXACT },
        { 3, 5000, 3, 5000, AIU_STATE_CLOSING, 6, 18, UNKNOWN, AIU_OVERLAP_EXACT },
        { 3, VMADDR_PORT_ANY, 3, VMADDR_PORT_ANY, AIU_STATE_LISTEN, 6, 18, NO, AIU_OVERLAP_NONE },
};

START_TEST(vsock_pairs)
{
        struct request q = ask(vsock(pairs[_i].cid, pairs[_i].port));
        struct socket h = hold(vsock(pairs[_i].held_cid, pairs[_i].held_port), pairs[_i].state);
        struct host host = a_host(pairs[_i].major, pairs[_i].minor);
        struct judgement j = conflict_judge(&q, &h, &host);

        ck_assert_int_eq(j.blocking, pairs[_i].blocking);
        ck_assert_int_eq(j.overlap, pairs[_i].overlap);
        ck_assert_int_eq(j.reason, j.blocking == NO ? AIU_REASON_UNKNOWN : AIU_REASON_EXCLUSIVE);
        ck_assert_int_eq(number_is_same(&q, &h), pairs[_i].port == pairs[_i].held_port);
        /* listen() takes no port; a socket of another family has none here. */
        q.call = AIU_CALL_LISTEN;
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, NO);
        q.call = AIU_CALL_BIND;
        h.local = netlink(5000);
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, NO);
        ck_assert(!number_is_same(&q, &h));
}
END_TEST

/* In the kernel's order: the family, the state, the CID, the privilege, the port. */
START_TEST(vsock_verdicts)
{
        struct host host = a_host(6, 18);
        struct request q = ask(vsock(3, 80));
        struct socket h = hold(vsock(ANY, 80), AIU_STATE_LISTEN);
        struct verdict v;

        host.privileged = host.address_local = YES;
        ck_assert_int_eq(conclude(&q, &host, NULL, 0, true).verdict, AIU_VERDICT_AVAILABLE);
        v = conclude(&q, &host, NULL, 0, false);
        ck_assert_int_eq(v.verdict, AIU_VERDICT_UNKNOWN);
        ck_assert_uint_eq(v.doubts, DOUBT_SOCKETS);
        ck_assert_int_eq(conclude(&q, &host, &h, 1, false).error, EADDRINUSE);
        host.netns_unsure = true;
        ck_assert_uint_eq(conclude(&q, &host, &h, 1, true).doubts, DOUBT_SOCKETS);
        host.netns_unsure = false;
        h.state = AIU_STATE_ESTABLISHED;
        ck_assert_uint_eq(conclude(&q, &host, &h, 1, true).doubts, DOUBT_ACCEPTED);

        host.privileged = NO;
        v = conclude(&q, &host, &h, 1, true);
        ck_assert_int_eq(v.error, EACCES);
        ck_assert_int_eq(v.why, WHY_PRIVILEGE);
        host.privileged = UNKNOWN;
        ck_assert(conclude(&q, &host, NULL, 0, true).doubts & DOUBT_PRIVILEGE);
        host.privileged = YES;
        q.foreign_uid = true;
        ck_assert(conclude(&q, &host, NULL, 0, true).doubts & DOUBT_PRIVILEGE);
        q.foreign_uid = false;
        host.privileged = NO;

        host.address_local = NO;
        v = conclude(&q, &host, &h, 1, true);
        ck_assert_int_eq(v.error, EADDRNOTAVAIL);
        ck_assert_int_eq(v.why, WHY_NO_CID);
        host.address_local = UNKNOWN;
        ck_assert(conclude(&q, &host, NULL, 0, true).doubts & DOUBT_ADDRESS);
        q.address.sa.vm.svm_cid = ANY;
        ck_assert_int_eq(conclude(&q, &host, NULL, 0, true).error, EACCES);

        q.bound = vsock(ANY, 4000);
        v = conclude(&q, &host, &h, 1, true);
        ck_assert_int_eq(v.error, EINVAL);
        ck_assert_int_eq(v.why, WHY_BOUND);
        q.type = SOCK_DGRAM;
        ck_assert_uint_eq(conclude(&q, &host, &h, 1, true).doubts, DOUBT_PROTOCOL);
        ((unsigned char *)&q.address.sa.vm)[12] = 2; /* a flag that no kernel knows */
        ck_assert_int_eq(conclude(&q, &host, &h, 1, true).error, EINVAL);
        q.domain = AF_INET;
        ck_assert_int_eq(conclude(&q, &host, &h, 1, true).error, EAFNOSUPPORT);
        q.protocol = IPPROTO_MPTCP;
        q.connected = YES;
        q.state = AIU_STATE_ESTABLISHED;
        ck_assert_int_eq(conclude(&q, &host, &h, 1, true).error, EINVAL);
        q.protocol = 0;
        q.given_len = 129;
        ck_assert_int_eq(conclude(&q, &host, &h, 1, true).error, EINVAL);
}
END_TEST

/* The kernel chooses: it tries 24 ports in a row. */
START_TEST(vsock_any_port)
{
        struct host host = a_host(6, 18);
        struct request q = ask(vsock(ANY, VMADDR_PORT_ANY));
        struct socket held[24];

        for (unsigned int i = 0; i < 24; i++)
                held[i] = hold(vsock(ANY, 2000 + i), AIU_STATE_LISTEN);
        ck_assert_int_eq(conclude(&q, &host, held, 23, true).verdict, AIU_VERDICT_AVAILABLE);
        ck_assert_int_eq(conclude(&q, &host, held, 24, true).verdict, AIU_VERDICT_UNKNOWN);
        ck_assert_int_eq(conclude(&q, &host, held, 0, false).verdict, AIU_VERDICT_UNKNOWN);
}
END_TEST

/* vsock_listen(): only what is bound, and has no peer. */
START_TEST(vsock_listen)
{
        struct host host = a_host(6, 18);
        struct request q = ask(vsock(ANY, 5000));

        q.call = AIU_CALL_LISTEN;
        ck_assert_int_eq(conclude(&q, &host, NULL, 0, true).error, EINVAL);
        q.bound = q.address;
        ck_assert_int_eq(conclude(&q, &host, NULL, 0, true).verdict, AIU_VERDICT_AVAILABLE);
        q.connected = YES;
        ck_assert_int_eq(conclude(&q, &host, NULL, 0, true).error, EINVAL);
        q.type = SOCK_DGRAM;
        ck_assert_int_eq(conclude(&q, &host, NULL, 0, true).error, EOPNOTSUPP);
}
END_TEST

/* ------------------------------------------------------ AF_NETLINK */

START_TEST(netlink_pairs)
{
        struct host host = a_host(6, 18);
        struct request q = ask(netlink(4242));
        struct socket h = hold(netlink(4242), AIU_STATE_BOUND);

        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, YES);
        ck_assert_int_eq(conflict_judge(&q, &h, &host).overlap, AIU_OVERLAP_EXACT);
        ck_assert(number_is_same(&q, &h));
        q.own_inode = h.inode;
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, NO);
        q.own_inode = 0;
        h.local = netlink(4243);
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, NO);
        ck_assert(!number_is_same(&q, &h));
        h.local = q.address = netlink(0); /* the kernel's own, and a port of its choice */
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, NO);
        h.local = vsock(ANY, 4242);
        q.address = netlink(4242);
        ck_assert_int_eq(conflict_judge(&q, &h, &host).blocking, NO);
}
END_TEST

START_TEST(netlink_verdicts)
{
        struct host host = a_host(6, 18);
        struct request q = ask(netlink(4242));
        struct socket h[] = { hold(netlink(4242), AIU_STATE_BOUND), hold(netlink(4000), AIU_STATE_BOUND) };

        h[1].inode = 8;
        h[1].cookie = 10;
        ck_assert_int_eq(conclude(&q, &host, h, 2, false).error, EADDRINUSE);
        ck_assert_int_eq(conclude(&q, &host, h + 1, 1, true).verdict, AIU_VERDICT_AVAILABLE);
        ck_assert_uint_eq(conclude(&q, &host, NULL, 0, false).doubts, DOUBT_SOCKETS);
        q.address.sa.nl.nl_groups = 1;
        ck_assert_uint_eq(conclude(&q, &host, h, 2, true).doubts, DOUBT_PROTOCOL);
        q.address.sa.nl.nl_groups = 0;
        /* Bound to 4000: it keeps that, and gets no other. */
        q.domain = AF_NETLINK;
        q.bound = netlink(4000);
        q.own_cookie = 10;
        ck_assert_int_eq(conclude(&q, &host, h, 2, true).error, EINVAL);
        q.address = netlink(4000);
        ck_assert_int_eq(conclude(&q, &host, h, 2, true).verdict, AIU_VERDICT_AVAILABLE);
        q.address = netlink(0);
        ck_assert_int_eq(conclude(&q, &host, h, 2, true).error, EINVAL);
        /* getsockname(2) tells what bind() was refused, too: the socket is not in the list. */
        q.own_cookie = 11;
        ck_assert_int_eq(conclude(&q, &host, h, 2, true).verdict, AIU_VERDICT_AVAILABLE);
        q.address = q.bound = netlink(4242);
        ck_assert_int_eq(conclude(&q, &host, h, 2, true).error, EADDRINUSE);
        ck_assert_uint_eq(conclude(&q, &host, h, 2, false).doubts, DOUBT_STATE);
        q.call = AIU_CALL_LISTEN;
        ck_assert_int_eq(conclude(&q, &host, h, 2, true).error, EOPNOTSUPP);
        q.call = AIU_CALL_BIND;
        q.address = vsock(ANY, 1);
        ck_assert_int_eq(conclude(&q, &host, h, 2, true).error, EINVAL);
}
END_TEST

/* ------------------------------------------------------ both */

START_TEST(seen_errors)
{
        struct host host = a_host(6, 18);
        struct request q = ask(vsock(ANY, 80));

        host.privileged = NO;
        q.error = EACCES;
        ck_assert_int_eq(conclude(&q, &host, NULL, 0, true).why, WHY_PRIVILEGE);
        host.privileged = YES;
        ck_assert_int_eq(conclude(&q, &host, NULL, 0, true).why, WHY_POLICY);
        q.address = netlink(5);
        q.address.sa.nl.nl_groups = 1;
        q.error = EPERM;
        ck_assert_int_eq(conclude(&q, &host, NULL, 0, true).why, WHY_UNKNOWN);
}
END_TEST

START_TEST(texts)
{
        struct address a = vsock(3, 5000), b = vsock(ANY, VMADDR_PORT_ANY), c = netlink(7);
        char text[ADDRESS_TEXT_BYTES];

        address_print_port(&a, text, sizeof(text));
        ck_assert_str_eq(text, "vsock:3:5000");
        address_print(&b, text, sizeof(text));
        ck_assert_str_eq(text, "vsock:*:*");
        address_print(&c, text, sizeof(text));
        ck_assert_str_eq(text, "netlink port 7");
        ck_assert(address_equal(&a, &a));
        ck_assert(!address_equal(&a, &b));
        ck_assert(!address_equal(&a, &c));
        ck_assert(!address_equal(&c, &a));
        b = vsock(3, 5001);
        ck_assert(!address_equal(&a, &b));
        b = netlink(8);
        ck_assert(!address_equal(&c, &b));
        a.len = b.len = 4;
        ck_assert(!address_is_vsock(&a));
        ck_assert(!address_is_netlink(&b));
        ck_assert(!address_equal(&c, &b)); /* cut short */
        b = vsock(3, 5000);
        ck_assert(!address_equal(&b, &a));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("number");
        TCase *tcase = tcase_create("all");

        tcase_add_loop_test(tcase, vsock_pairs, 0, (int)ELEMENTSOF(pairs));
        tcase_add_test(tcase, vsock_verdicts);
        tcase_add_test(tcase, vsock_any_port);
        tcase_add_test(tcase, vsock_listen);
        tcase_add_test(tcase, netlink_pairs);
        tcase_add_test(tcase, netlink_verdicts);
        tcase_add_test(tcase, seen_errors);
        tcase_add_test(tcase, texts);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
