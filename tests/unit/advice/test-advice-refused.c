/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where no socket is in the way: which rule refuses the call, what the summary says of it, what helps. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/address.h"
#include "fixture/advice-fixture.h"
#include "fixture/run-suite.h"
#include "report/words.h"

static void have(struct host_address *to, const char *ip, const char *device, unsigned int ifindex)
{
        *to = (struct host_address){ .address = table_address(ip, 0), .ifindex = ifindex };
        memcpy(to->device, device, strlen(device) + 1);
}

static void device(const char *name)
{
        memcpy(host.address_device, name, strlen(name) + 1);
}

static void expect_why(enum aiu_verdict verdict, int error, enum why why, const char *summary)
{
        struct verdict v = ask();
        struct aiu_report report = { .request = q, .verdict = v };

        ck_assert_int_eq(v.verdict, verdict);
        ck_assert_int_eq(v.error, error);
        ck_assert_int_eq(v.why, why);
        ck_assert_int_eq(words_summary(&report, &host), 0);
        ck_assert_msg(strstr(report.summary, summary), "%s: %s", summary, report.summary);
        free(report.summary);
}

static void expect_order(const enum aiu_action_kind *kinds, size_t n)
{
        ck_assert_uint_eq(n_actions, n);
        for (size_t i = 0; i < n; i++)
                ck_assert_msg(actions[i].kind == kinds[i], "action %zu is %s", i,
                              aiu_action_kind_to_string(actions[i].kind));
}

#define EXPECT_ORDER(...)                                                                                              \
        expect_order((const enum aiu_action_kind[]){ __VA_ARGS__ },                                                    \
                     sizeof((const enum aiu_action_kind[]){ __VA_ARGS__ }) / sizeof(enum aiu_action_kind))

/* ------------------------------------------------ the address is not here */

static void be_elsewhere(const char *ip)
{
        q = table_request(ip);
        host.address_local = NO;
}

/* The mistake first, what changes the host last, and every such action says so. */
START_TEST(another_address_first)
{
        static struct host_address here[5];

        be_elsewhere("10.0.0.9");
        have(&here[0], "127.0.0.1", "lo", 1);
        have(&here[1], "10.0.0.5", "eth0", 2);
        have(&here[2], "192.0.2.1", "", 3);
        have(&here[3], "fe80::1", "eth0", 2);
        have(&here[4], "10.1.0.9", "eth1", 4);
        host.addresses = here;
        host.n_addresses = 5;
        expect_why(AIU_VERDICT_NOT_LOCAL, EADDRNOTAVAIL, WHY_UNKNOWN, "is not an address of this host");
        EXPECT_ORDER(AIU_ACTION_OTHER_ADDRESS, AIU_ACTION_SET_FREEBIND, AIU_ACTION_ALLOW_NONLOCAL,
                     AIU_ACTION_ADD_ADDRESS);
        expect(AIU_ACTION_OTHER_ADDRESS, YES);
        expect_text(AIU_ACTION_OTHER_ADDRESS,
                    "10.0.0.5 (eth0), 10.1.0.9 (eth1), 127.0.0.1 (lo), 192.0.2.1. 0.0.0.0 is every");
        expect(AIU_ACTION_SET_FREEBIND, YES);
        expect_text(AIU_ACTION_SET_FREEBIND, "VRRP");
        expect_command(AIU_ACTION_ALLOW_NONLOCAL, "sysctl -w net.ipv4.ip_nonlocal_bind=1");
        expect_command(AIU_ACTION_ADD_ADDRESS, "ip address add 10.0.0.9/32 dev lo");
        expect_text(AIU_ACTION_ADD_ADDRESS, "if no other host has it");
        ck_assert(!(actions[0].flags & AIU_ACTION_HOST_WIDE) && !(actions[1].flags & AIU_ACTION_HOST_WIDE));
        ck_assert(actions[2].flags & AIU_ACTION_HOST_WIDE && actions[3].flags & AIU_ACTION_HOST_WIDE);
}
END_TEST

/* One wrong digit may be the first one. The list has an end. */
START_TEST(most_similar_first)
{
        static struct host_address here[6];

        be_elsewhere("19.0.0.5");
        have(&here[0], "16.9.9.9", "a", 1);
        have(&here[1], "10.0.0.5", "b", 2);
        for (unsigned int i = 2; i < 6; i++)
                have(&here[i], "203.7.113.1", "c", 3);
        host.addresses = here;
        host.n_addresses = 6;
        hold(table_socket("10.0.0.5", AIU_STATE_LISTEN), 100);
        ask();
        expect(AIU_ACTION_OTHER_ADDRESS, UNKNOWN); /* the nearest one is in use */
        expect_text(AIU_ACTION_OTHER_ADDRESS,
                    "10.0.0.5 (b), 16.9.9.9 (a), 203.7.113.1 (c), 203.7.113.1 (c) and others.");
}
END_TEST

START_TEST(addresses_without_a_list)
{
        static struct host_address here[1];

        be_elsewhere("2001:db8::9");
        expect_why(AIU_VERDICT_NOT_LOCAL, EADDRNOTAVAIL, WHY_UNKNOWN, "is not an address of this host");
        expect(AIU_ACTION_OTHER_ADDRESS, UNKNOWN);
        expect_text(AIU_ACTION_OTHER_ADDRESS, "this host has (ip address). [::] is every address");
        expect_command(AIU_ACTION_ALLOW_NONLOCAL, "sysctl -w net.ipv6.ip_nonlocal_bind=1");
        expect_command(AIU_ACTION_ADD_ADDRESS, "ip address add 2001:db8::9/128 dev lo nodad");
        teardown();
        have(&here[0], "127.0.0.1", "lo", 1);
        host.addresses = here;
        host.n_addresses = 1;
        ask();
        expect_text(AIU_ACTION_OTHER_ADDRESS, "this host has (ip address).");
}
END_TEST

/* An IPv4-mapped address is looked for among those of IPv4, and the sysctl is IPv4's. */
START_TEST(mapped_address)
{
        static struct host_address here[1];

        be_elsewhere("::ffff:10.0.0.9");
        have(&here[0], "10.0.0.5", "eth0", 2);
        host.addresses = here;
        host.n_addresses = 1;
        ask();
        expect(AIU_ACTION_OTHER_ADDRESS, UNKNOWN);
        expect_text(AIU_ACTION_OTHER_ADDRESS, "10.0.0.5 (eth0). 0.0.0.0 is");
        expect_command(AIU_ACTION_ALLOW_NONLOCAL, "sysctl -w net.ipv4.ip_nonlocal_bind=1");
        expect_command(AIU_ACTION_ADD_ADDRESS, "ip address add 10.0.0.9/32 dev lo");
}
END_TEST

static const struct {
        const char *ip;
        unsigned int ifindex;
        bool added;
} addable[] = {
        { "10.0.0.9", 0, true },    { "127.0.0.1", 0, true },   { "169.254.1.1", 0, false },
        { "0.1.2.3", 0, false },    { "224.0.0.1", 0, false },  { "240.0.0.1", 0, false },
        { "2001:db8::9", 0, true }, { "2001:db8::9", 2, true }, { "::1", 0, true },
        { "::1", 2, false },        { "fe80::1", 2, false },    { "::ffff:10.0.0.9", 0, true },
};

START_TEST(added_where_the_kernel_takes_it)
{
        be_elsewhere(addable[_i].ip);
        q.ifindex = addable[_i].ifindex;
        host.device_exists = YES;
        ck_assert_int_eq(ask().verdict, AIU_VERDICT_NOT_LOCAL);
        ck_assert_int_eq(find(AIU_ACTION_ADD_ADDRESS) != NULL, addable[_i].added);
}
END_TEST

/* A link-local address belongs to its interface: no sysctl, and candidates of that interface alone. */
START_TEST(link_local)
{
        static struct host_address here[3];

        be_elsewhere("fe80::9");
        q.address.sa.in6.sin6_scope_id = 2;
        host.device_exists = YES;
        have(&here[0], "fe80::1", "eth0", 2);
        have(&here[1], "fe80::2", "eth1", 3);
        have(&here[2], "2001:db8::1", "eth0", 2);
        here[0].address.sa.in6.sin6_scope_id = 2;
        host.addresses = here;
        host.n_addresses = 3;
        ask();
        EXPECT_ORDER(AIU_ACTION_OTHER_ADDRESS, AIU_ACTION_SET_FREEBIND);
        expect_text(AIU_ACTION_OTHER_ADDRESS, "this host has: fe80::1%eth0. [::]");
}
END_TEST

/* Seen for an address that the kernel takes now: nothing on the host is to be changed for that. */
START_TEST(not_so_any_more)
{
        q = table_request("0.0.0.0");
        q.error = EADDRNOTAVAIL;
        expect_why(AIU_VERDICT_NOT_LOCAL, EADDRNOTAVAIL, WHY_GONE, "could not be bound");
        EXPECT_ORDER(AIU_ACTION_WAIT);
        expect_command(AIU_ACTION_WAIT, NULL);
        expect_text(AIU_ACTION_WAIT, "try again");
        teardown();
        hold(table_socket("0.0.0.0", AIU_STATE_LISTEN), 100);
        expect_why(AIU_VERDICT_NOT_LOCAL, EADDRNOTAVAIL, WHY_GONE, "would not fail this way now");
}
END_TEST

START_TEST(multicast_is_not_added)
{
        q = table_request("224.0.0.1");
        host.address_local = NO;
        ask();
        EXPECT_ORDER(AIU_ACTION_OTHER_ADDRESS);
}
END_TEST

START_TEST(nonlocal_already)
{
        be_elsewhere("10.0.0.9");
        host.nonlocal_bind = YES;
        q.error = EADDRNOTAVAIL;
        ask();
        ck_assert_ptr_null(find(AIU_ACTION_ALLOW_NONLOCAL));
}
END_TEST

START_TEST(detection)
{
        be_elsewhere("2001:db8::9");
        host.address_tentative = YES;
        device("eth0");
        expect_why(AIU_VERDICT_NOT_LOCAL, EADDRNOTAVAIL, WHY_DETECTION, "cannot be used");
        expect(AIU_ACTION_WAIT, UNKNOWN);
        ck_assert_int_eq(actions[0].kind, AIU_ACTION_WAIT);
        expect_command(AIU_ACTION_WAIT, NULL);
        expect_text(AIU_ACTION_WAIT, "pauses while the link is down");
        ck_assert_ptr_null(find(AIU_ACTION_ADD_ADDRESS)); /* the kernel says that it is there */
        teardown();
        host.detection_usec = 2000000;
        expect_why(AIU_VERDICT_NOT_LOCAL, EADDRNOTAVAIL, WHY_DETECTION, "detection is still running on eth0");
        expect(AIU_ACTION_WAIT, YES);
        expect_command(AIU_ACTION_WAIT, "sleep 3");
        ck_assert_ptr_null(find(AIU_ACTION_ADD_ADDRESS));
        teardown();
        hold(table_socket("2001:db8::9", AIU_STATE_LISTEN), 100);
        ask();
        expect(AIU_ACTION_WAIT, NO);
}
END_TEST

START_TEST(duplicate)
{
        be_elsewhere("2001:db8::9");
        host.address_duplicate = YES;
        device("eth0");
        expect_why(AIU_VERDICT_NOT_LOCAL, EADDRNOTAVAIL, WHY_DUPLICATE, "failed on eth0: another host on the link has");
        EXPECT_ORDER(AIU_ACTION_OTHER_ADDRESS, AIU_ACTION_ADD_ADDRESS);
        expect(AIU_ACTION_ADD_ADDRESS, UNKNOWN);
        expect_command(AIU_ACTION_ADD_ADDRESS, NULL);
        expect_text(AIU_ACTION_ADD_ADDRESS, "find the other host");
        teardown();
        device("");
        expect_why(AIU_VERDICT_NOT_LOCAL, EADDRNOTAVAIL, WHY_DUPLICATE, "failed on its interface");
}
END_TEST

START_TEST(ipv6_is_off)
{
        be_elsewhere("::1");
        host.ipv6_disabled = YES;
        host.device_up = YES;
        device("lo");
        expect_why(AIU_VERDICT_NOT_LOCAL, EADDRNOTAVAIL, WHY_NO_IPV6_HERE, "net.ipv6.conf.lo.disable_ipv6=1");
        EXPECT_ORDER(AIU_ACTION_OTHER_ADDRESS, AIU_ACTION_ENABLE_IPV6);
        expect(AIU_ACTION_ENABLE_IPV6, YES);
        expect_command(AIU_ACTION_ENABLE_IPV6, "sysctl -w net.ipv6.conf.lo.disable_ipv6=0");
        expect_text(AIU_ACTION_OTHER_ADDRESS, "127.0.0.1");
        teardown();
        host.device_up = NO;
        ask();
        expect(AIU_ACTION_ENABLE_IPV6, UNKNOWN);
        teardown();
        be_elsewhere("2001:db8::9");
        device("eth0.5");
        ask();
        expect(AIU_ACTION_ENABLE_IPV6, UNKNOWN);
        expect_command(AIU_ACTION_ENABLE_IPV6, "sysctl -w net/ipv6/conf/eth0.5/disable_ipv6=0");
}
END_TEST

START_TEST(loopback_on_another_device)
{
        be_elsewhere("::1");
        q.ifindex = 5;
        host.device_exists = YES;
        expect_why(AIU_VERDICT_NOT_LOCAL, EADDRNOTAVAIL, WHY_OTHER_DEVICE, "the address is on lo, not on the device");
        EXPECT_ORDER(AIU_ACTION_FIX_CALLER, AIU_ACTION_OTHER_ADDRESS);
        expect_text(AIU_ACTION_FIX_CALLER, "name the device that has the address, lo (");
        teardown();
        be_elsewhere("fe80::1");
        q.address.sa.in6.sin6_scope_id = 5;
        host.address_elsewhere = YES;
        device("eth0");
        expect_why(AIU_VERDICT_NOT_LOCAL, EADDRNOTAVAIL, WHY_OTHER_DEVICE, "the address is on eth0, not on the device");
        EXPECT_ORDER(AIU_ACTION_FIX_CALLER, AIU_ACTION_OTHER_ADDRESS);
}
END_TEST

/* ------------------------------------------------ not permitted */

START_TEST(privileged_port)
{
        host.privileged = NO;
        expect_why(AIU_VERDICT_NOT_PERMITTED, EACCES, WHY_PRIVILEGE, "ports below 1024 need CAP_NET_BIND_SERVICE");
        EXPECT_ORDER(AIU_ACTION_GRANT_PRIVILEGE, AIU_ACTION_OTHER_PORT, AIU_ACTION_GRANT_PRIVILEGE);
        expect_command(AIU_ACTION_GRANT_PRIVILEGE, NULL);
        expect_text(AIU_ACTION_GRANT_PRIVILEGE, "AmbientCapabilities=");
        ck_assert_uint_eq(actions[2].flags & AIU_ACTION_HOST_WIDE, AIU_ACTION_HOST_WIDE);
        ck_assert_str_eq(actions[2].argv[2], "net.ipv4.ip_unprivileged_port_start=80");
        ck_assert_ptr_nonnull(strstr(actions[2].text, "to every user of this host"));
        teardown();
        q.error = EACCES;
        expect_why(AIU_VERDICT_NOT_PERMITTED, EACCES, WHY_PRIVILEGE, "");
        teardown();
        host.unprivileged_port_start = 0;
        expect_why(AIU_VERDICT_NOT_PERMITTED, EACCES, WHY_PRIVILEGE, "the port needs CAP_NET_BIND_SERVICE");
}
END_TEST

/* Who is there comes first, even where the privilege is missing, too. */
START_TEST(privileged_port_with_a_hidden_holder)
{
        host.privileged = NO;
        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 0);
        holders_complete = false;
        ask();
        EXPECT_ORDER(AIU_ACTION_LOOK_CLOSER, AIU_ACTION_GRANT_PRIVILEGE, AIU_ACTION_OTHER_PORT,
                     AIU_ACTION_GRANT_PRIVILEGE);
        teardown();
        setup();
        host.privileged = NO;
        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 0);
        ask();
        ck_assert_ptr_null(find(AIU_ACTION_LOOK_CLOSER));
}
END_TEST

/* All rules about ports permit the bind: the sysctl is no cure, and no user gains by it. */
START_TEST(policy)
{
        q.error = EACCES;
        expect_why(AIU_VERDICT_NOT_PERMITTED, EACCES, WHY_POLICY, "a security policy refused it, not the port number");
        EXPECT_ORDER(AIU_ACTION_CHANGE_POLICY, AIU_ACTION_OTHER_PORT);
        expect_text(AIU_ACTION_CHANGE_POLICY, "SELinux");
        teardown();
        q.error = EPERM;
        host.privileged = NO;
        expect_why(AIU_VERDICT_NOT_PERMITTED, EPERM, WHY_POLICY, "security policy");
        expect_text(AIU_ACTION_CHANGE_POLICY, "SocketBindDeny=");
        ck_assert_ptr_null(find(AIU_ACTION_GRANT_PRIVILEGE));
        teardown();
        q.error = EACCES;
        host.privileged = UNKNOWN;
        expect_why(AIU_VERDICT_NOT_PERMITTED, EACCES, WHY_UNKNOWN, "EACCES");
        expect(AIU_ACTION_GRANT_PRIVILEGE, UNKNOWN);
        EXPECT_ORDER(AIU_ACTION_GRANT_PRIVILEGE, AIU_ACTION_OTHER_PORT);
}
END_TEST

/* A caller without the privilege wants to know which process is there. */
START_TEST(in_use_as_well)
{
        struct aiu_conflict conflict = { .judgement.blocking = YES };
        struct aiu_report report = { .request = q,
                                     .conflicts = &conflict,
                                     .n_conflicts = 1,
                                     .verdict = { .verdict = AIU_VERDICT_NOT_PERMITTED, .error = EACCES } };

        conflict.socket = table_socket("127.0.0.1", AIU_STATE_LISTEN);
        ck_assert_int_eq(words_summary(&report, &host), 0);
        ck_assert_msg(strstr(report.summary,
                             "127.0.0.1:80/tcp is in use: a process of uid 1000 that was not found listens on "
                             "127.0.0.1:80; it is not permitted either: bind() fails with EACCES"),
                      "%s", report.summary);
        free(report.summary);
        conflict.judgement.blocking = UNKNOWN;
        ck_assert_int_eq(words_summary(&report, &host), 0);
        ck_assert_ptr_null(strstr(report.summary, "in use"));
        free(report.summary);
}
END_TEST

/* ------------------------------------------------ a wrong call */

static void bound_already(void)
{
        q.bound = table_address("127.0.0.1", 40000);
        q.holds_port = YES;
}
static void no_scope(void)
{
        q.address = table_address("fe80::1", 80);
}
static void mapped_v6only(void)
{
        q.address = table_address("::ffff:10.0.0.1", 80);
        q.v6only = true;
}
static void other_family(void)
{
        q.address = table_address("::1", 80);
        q.domain = AF_INET;
        q.given_len = 28;
}
static void unix_family(void)
{
        q.domain = AF_UNIX;
}
static void short_address(void)
{
        q.domain = AF_INET6;
        q.given_len = 16;
}
static void no_device(void)
{
        q.address = table_address("2001:db8::1", 80);
        q.ifindex = 9;
        host.device_exists = NO;
        host.address_local = NO;
}
static void group_stream(void)
{
        q.address = table_address("ff05::1", 80);
}
static void no_ipv6(void)
{
        q.address = table_address("::1", 80);
        host.ipv6_enabled = NO;
}
static void datagram_listen(void)
{
        q.type = SOCK_DGRAM;
        q.call = AIU_CALL_LISTEN;
}
static void connected_listen(void)
{
        q.call = AIU_CALL_LISTEN;
        q.bound = q.address;
        q.connected = YES;
}
static void mptcp_connected(void)
{
        q.protocol = 262;
        q.connected = YES;
        q.state = AIU_STATE_ESTABLISHED;
}

static void unnamed_listen(void)
{
        q.address = (struct address){ .len = sizeof(sa_family_t) };
        q.address.sa.any.sa_family = AF_UNIX;
        q.domain = AF_UNIX;
        q.call = AIU_CALL_LISTEN;
}

static void connected_unix(void)
{
        unnamed_listen();
        q.connected = YES;
}

static const struct {
        void (*make)(void);
        int error;
        enum why why;
        const char *summary, *fix;
} wrong[] = {
        { bound_already, EINVAL, WHY_BOUND, "the socket is already bound to 127.0.0.1:40000", "make a new socket" },
        { no_scope, EINVAL, WHY_SCOPE, "needs an interface", "%INTERFACE" },
        { mapped_v6only, EINVAL, WHY_MAPPED, "IPV6_V6ONLY excludes", "clear IPV6_V6ONLY" },
        { other_family, EAFNOSUPPORT, WHY_FAMILY, "family is not the socket's", "with the family of the address" },
        { unix_family, EINVAL, WHY_FAMILY, "family is not the socket's", "with the family of the address" },
        { short_address, EINVAL, WHY_LENGTH, "addrlen does not fit", "the whole address" },
        { no_device, ENODEV, WHY_NO_DEVICE, "no such interface", "correct the interface" },
        { group_stream, EINVAL, WHY_MULTICAST, "multicast", "unicast" },
        { no_ipv6, EAFNOSUPPORT, WHY_NO_IPV6, "without IPv6", "AF_INET socket" },
        { datagram_listen, EOPNOTSUPP, WHY_NO_LISTEN, "does not listen", "leave listen() out" },
        { connected_listen, EINVAL, WHY_CONNECTED, "connected, or was", "make a new socket" },
        { mptcp_connected, EINVAL, WHY_CONNECTED, "connected, or was", "make a new socket" },
        { unnamed_listen, EINVAL, WHY_NO_NAME, "a socket without a name cannot listen like this: listen() fails",
          "bind() the socket first" },
        { connected_unix, EINVAL, WHY_CONNECTED, "connected, or was", "make a new socket" },
};

/* Predicted, and seen: the same rule, and a correction of its own. */
START_TEST(each_rule_has_its_words)
{
        wrong[_i].make();
        expect_why(AIU_VERDICT_INVALID, wrong[_i].error, wrong[_i].why, wrong[_i].summary);
        expect_text(AIU_ACTION_FIX_CALLER, wrong[_i].fix);
        teardown();
        q.error = wrong[_i].error;
        expect_why(AIU_VERDICT_INVALID, wrong[_i].error, wrong[_i].why, wrong[_i].summary);
        ck_assert_ptr_null(strstr(actions[0].text, "never"));
}
END_TEST

START_TEST(link_local_candidates)
{
        static struct host_address here[2];

        no_scope();
        have(&here[0], "fe80::1", "eth0", 2);
        have(&here[1], "10.0.0.5", "eth0", 2);
        host.addresses = here;
        host.n_addresses = 2;
        ask();
        expect_text(AIU_ACTION_FIX_CALLER, "This host has fe80::1%eth0");
        teardown();
        host.addresses = here + 1;
        host.n_addresses = 1;
        ask();
        expect_text(AIU_ACTION_FIX_CALLER, "This host has no link-local address");
}
END_TEST

static const struct {
        int error;
        enum why why;
        enum aiu_action_kind kind;
        const char *summary, *text;
} others[] = {
        { ENOMEM, WHY_PASSING, AIU_ACTION_WAIT, "ENOMEM", "try again" },
        { ENOBUFS, WHY_PASSING, AIU_ACTION_WAIT, "ENOBUFS", "try again" },
        { EINTR, WHY_PASSING, AIU_ACTION_WAIT, "EINTR", "try again" },
        { EAGAIN, WHY_PASSING, AIU_ACTION_WAIT, "EAGAIN", "try again" },
        { ENOSPC, WHY_NO_SPACE, AIU_ACTION_FIX_CALLER, "full", "free space" },
        { EDQUOT, WHY_NO_SPACE, AIU_ACTION_FIX_CALLER, "full", "free space" },
        { EINVAL, WHY_GONE, AIU_ACTION_WAIT, "EINVAL", "try again" },
        { EBADF, WHY_GONE, AIU_ACTION_WAIT, "EBADF", "try again" },
        { ENOTSOCK, WHY_GONE, AIU_ACTION_WAIT, "ENOTSOCK", "try again" },
        { EFAULT, WHY_GONE, AIU_ACTION_WAIT, "EFAULT", "try again" },
        { EIO, WHY_GONE, AIU_ACTION_WAIT, "EIO", "try again" },
        { ENOSYS, WHY_GONE, AIU_ACTION_WAIT, "ENOSYS", "try again" },
        { ENETDOWN, WHY_GONE, AIU_ACTION_WAIT, "ENETDOWN", "try again" },
        { 4095, WHY_GONE, AIU_ACTION_WAIT, "error 4095", "try again" },
};

START_TEST(errors_that_pass)
{
        q.error = others[_i].error;
        expect_why(AIU_VERDICT_INVALID, others[_i].error, others[_i].why, others[_i].summary);
        EXPECT_ORDER(others[_i].kind);
        expect_text(others[_i].kind, others[_i].text);
}
END_TEST

/* What was seen is another thing than what the facts foretell: no rule is blamed. */
START_TEST(unexplained)
{
        q.error = EINVAL;
        host.address_local = NO;
        expect_why(AIU_VERDICT_INVALID, EINVAL, WHY_UNKNOWN, "EINVAL");
        expect_text(AIU_ACTION_FIX_CALLER, "correct the call");
}
END_TEST

/* ------------------------------------------------ paths */

static void path(const char *name, int error, unsigned int at)
{
        q.address = table_unix(name, strlen(name) + 1);
        host.name_exists = NO;
        host.name_error = error;
        host.name_at = at;
}

START_TEST(directory_is_missing)
{
        path("/run/mysqld//x", ENOENT, 11);
        host.name_makeable = YES;
        expect_why(AIU_VERDICT_INVALID, ENOENT, WHY_NO_DIRECTORY, "the directory /run/mysqld does not exist");
        EXPECT_ORDER(AIU_ACTION_MAKE_DIRECTORY, AIU_ACTION_OTHER_ADDRESS);
        expect(AIU_ACTION_MAKE_DIRECTORY, YES);
        expect_command(AIU_ACTION_MAKE_DIRECTORY, "mkdir -p -- /run/mysqld");
        expect_text(AIU_ACTION_MAKE_DIRECTORY, "RuntimeDirectory=");
        teardown();
        host.name_makeable = NO;
        ask();
        expect(AIU_ACTION_MAKE_DIRECTORY, UNKNOWN);
        expect_text(AIU_ACTION_MAKE_DIRECTORY, "must be able to write there");
        ck_assert(actions[0].flags & AIU_ACTION_NEEDS_ROOT);
        teardown();
        asker = 0;
        ask();
        ck_assert(!(actions[0].flags & AIU_ACTION_NEEDS_ROOT));
        teardown();
        host.name_makeable = UNKNOWN; /* a symbolic link that leads nowhere */
        ask();
        expect_text(AIU_ACTION_MAKE_DIRECTORY, "create its target");
        expect(AIU_ACTION_MAKE_DIRECTORY, UNKNOWN);
        expect_command(AIU_ACTION_MAKE_DIRECTORY, NULL);
        teardown();
        q.error = ENOENT;
        expect_why(AIU_VERDICT_INVALID, ENOENT, WHY_NO_DIRECTORY, "does not exist");
        teardown();
        host.name_error = 0; /* the directory was created meanwhile */
        expect_why(AIU_VERDICT_INVALID, ENOENT, WHY_GONE, "could not be bound");
}
END_TEST

START_TEST(directory_by_a_strange_name)
{
        path("d\n/x/", ENOENT, 2);
        host.name_makeable = YES;
        expect_why(AIU_VERDICT_INVALID, ENOENT, WHY_NO_DIRECTORY, "the directory d\\x0a does not exist");
        expect_command(AIU_ACTION_MAKE_DIRECTORY, "mkdir -p -- d\n");
        teardown();
        host.name_at = 200;
        expect_why(AIU_VERDICT_INVALID, ENOENT, WHY_NO_DIRECTORY, "a directory of the path does not exist");
        teardown();
        path("/d/x", ENOENT, 0);
        expect_why(AIU_VERDICT_INVALID, ENOENT, WHY_NO_DIRECTORY, "ENOENT");
        expect_command(AIU_ACTION_MAKE_DIRECTORY, NULL);
        teardown();
        path("x", ENOENT, 1);
        ask();
        expect_command(AIU_ACTION_MAKE_DIRECTORY, NULL);
        teardown();
        path("//x", ENOENT, 1);
        host.name_makeable = YES;
        ask();
        expect_command(AIU_ACTION_MAKE_DIRECTORY, "mkdir -p -- /");
}
END_TEST

static const struct {
        int error;
        enum aiu_verdict verdict;
        enum why why;
        const char *summary, *text;
} paths[] = {
        { ENOTDIR, AIU_VERDICT_INVALID, WHY_UNKNOWN, "the directory /a is not a directory",
          "the directory /a is not a directory" },
        { ELOOP, AIU_VERDICT_INVALID, WHY_UNKNOWN, "too many symbolic links", "correct the symbolic links" },
        { ENAMETOOLONG, AIU_VERDICT_INVALID, WHY_UNKNOWN, "cannot be used", "shorten" },
        { EBUSY, AIU_VERDICT_INVALID, WHY_UNKNOWN, "cannot be used", "correct the path" },
        { EROFS, AIU_VERDICT_NOT_PERMITTED, WHY_UNKNOWN, "read-only file system", "in a directory where the user" },
        { EACCES, AIU_VERDICT_NOT_PERMITTED, WHY_UNKNOWN, "the directory /a denies access to this user",
          "in a directory where the user" },
        { EPERM, AIU_VERDICT_NOT_PERMITTED, WHY_UNKNOWN, "immutable", "in a directory where the user" },
};

START_TEST(each_path_error_says_where)
{
        path("/a/b", paths[_i].error, 2);
        expect_why(paths[_i].verdict, paths[_i].error, paths[_i].why, paths[_i].summary);
        ck_assert_msg(strstr(actions[0].text, paths[_i].text), "%s", actions[0].text);
}
END_TEST

START_TEST(path_by_policy)
{
        path("/a/b", 0, 0);
        q.error = EACCES;
        expect_why(AIU_VERDICT_NOT_PERMITTED, EACCES, WHY_POLICY, "a security policy refused it, not the directory");
        expect_text(AIU_ACTION_CHANGE_POLICY, "the directory would permit it");
        ck_assert_ptr_nonnull(find(AIU_ACTION_OTHER_ADDRESS));
        teardown();
        path("/a/b", ENOENT, 2); /* not what was seen: its place says nothing of that */
        q.error = EROFS;
        expect_why(AIU_VERDICT_NOT_PERMITTED, EROFS, WHY_POLICY, "EROFS");
}
END_TEST

START_TEST(path_ends_in_a_slash)
{
        path("/a/", ENOENT, 0);
        expect_why(AIU_VERDICT_INVALID, ENOENT, WHY_SLASHES, "the path ends in a slash");
        expect_text(AIU_ACTION_FIX_CALLER, "leave out the slash");
        teardown();
        path("/", ENOENT, 0);
        expect_why(AIU_VERDICT_INVALID, ENOENT, WHY_NO_DIRECTORY, "ENOENT");
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof((table)[0]))

int main(void)
{
        Suite *suite = suite_create("advice-refused");
        TCase *tcase = tcase_create("all");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, another_address_first);
        tcase_add_test(tcase, most_similar_first);
        tcase_add_test(tcase, addresses_without_a_list);
        tcase_add_test(tcase, mapped_address);
        tcase_add_loop_test(tcase, added_where_the_kernel_takes_it, 0, ROWS(addable));
        tcase_add_test(tcase, link_local);
        tcase_add_test(tcase, not_so_any_more);
        tcase_add_test(tcase, multicast_is_not_added);
        tcase_add_test(tcase, nonlocal_already);
        tcase_add_test(tcase, detection);
        tcase_add_test(tcase, duplicate);
        tcase_add_test(tcase, ipv6_is_off);
        tcase_add_test(tcase, loopback_on_another_device);
        tcase_add_test(tcase, privileged_port);
        tcase_add_test(tcase, privileged_port_with_a_hidden_holder);
        tcase_add_test(tcase, policy);
        tcase_add_test(tcase, in_use_as_well);
        tcase_add_loop_test(tcase, each_rule_has_its_words, 0, ROWS(wrong));
        tcase_add_test(tcase, link_local_candidates);
        tcase_add_loop_test(tcase, errors_that_pass, 0, ROWS(others));
        tcase_add_test(tcase, unexplained);
        tcase_add_test(tcase, directory_is_missing);
        tcase_add_test(tcase, directory_by_a_strange_name);
        tcase_add_loop_test(tcase, each_path_error_says_where, 0, ROWS(paths));
        tcase_add_test(tcase, path_by_policy);
        tcase_add_test(tcase, path_ends_in_a_slash);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
