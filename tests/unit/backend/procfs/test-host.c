/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The backend "route" against the kernel: for each address in each state of a
 * network namespace of the test's own, what the backend says must be what a
 * real bind(2) does. The rest of the host phase is in test-host-sys.c.
 */
#include <check.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rules/address.h"
#include "fixture/host-fixture.h"
#include "fixture/run-suite.h"
#include "util/sys-fault.h"

/* What bind(2) says; the backend must have known. */
static void compare(const char *text, int type, int expected)
{
        int r, error;

        set_ip(text, 0, type);
        error = real_bind();
        ck_assert_msg(error == expected, "%s: the scene is wrong: bind() gave %s", text, strerror(error));
        r = ask(&backend_route);
        ck_assert_msg(r == AIU_COMPLETE, "%s: %s", text, strerror(-r));
        ck_assert_msg(snapshot.host.address_local == (error ? NO : YES), "%s: bind() gave %s, the backend %d", text,
                      strerror(error), (int)snapshot.host.address_local);
}

static void accepted(const char *text)
{
        compare(text, SOCK_STREAM, 0);
        compare(text, SOCK_DGRAM, 0);
}

static void refused(const char *text)
{
        compare(text, SOCK_STREAM, EADDRNOTAVAIL);
}

static void on_device(const char *name)
{
        request.ifindex = name ? if_nametoindex(name) : 0;
}

/* Two ends of one cable, both here. */
static void make_cable(void)
{
        ip("link set lo up");
        ip("link add v0 type veth peer name v1");
}

/* ------------------------------------------------------ IPv4 */

/* No interface was ever up, so there is no table "local": the kernel accepts anything. */
START_TEST(v4_new_namespace)
{
        accepted("0.0.0.0");
        accepted("127.0.0.1");
        accepted("192.0.2.1");
        accepted("::ffff:192.0.2.1");
}
END_TEST

START_TEST(v4_loopback_up)
{
        ip("link set lo up");
        accepted("0.0.0.0");
        accepted("127.0.0.1");
        ck_assert_uint_eq(snapshot.host.address_ifindex, 1);
        accepted("127.9.9.9");
        accepted("127.255.255.255");
        refused("0.1.2.3");
        refused("192.0.2.1");
        refused("240.0.0.1");
        refused("255.255.255.254");
        accepted("224.0.0.1");
        accepted("255.255.255.255");
        /* It keeps its address, and the table keeps its route. */
        ip("link set lo down");
        accepted("127.0.0.1");
        accepted("127.9.9.9");
        refused("192.0.2.1");
        ip("addr del 127.0.0.1/8 dev lo");
        refused("127.0.0.1");
}
END_TEST

START_TEST(v4_interface)
{
        make_cable();
        ip("addr add 192.0.2.1/24 dev v0");
        compare("192.0.2.1", SOCK_STREAM, 0);
        ip("link set v0 up");
        accepted("192.0.2.1");
        ck_assert_uint_eq(snapshot.host.address_ifindex, if_nametoindex("v0"));
        accepted("192.0.2.255");
        refused("192.0.2.2");
        /* The address stays, that of the broadcast goes. */
        ip("link set v0 down");
        accepted("192.0.2.1");
        refused("192.0.2.255");
        /* The device of the socket is of no account. */
        on_device("v1");
        accepted("192.0.2.1");
        accepted("127.0.0.1");
        refused("192.0.2.2");
        on_device(NULL);
        ip("addr del 192.0.2.1/24 dev v0");
        refused("192.0.2.1");
}
END_TEST

START_TEST(v4_any_ip)
{
        ip("link set lo up");
        ip("route add local 198.51.100.0/24 dev lo");
        accepted("198.51.100.0");
        accepted("198.51.100.77");
        refused("198.51.101.1");
}
END_TEST

/* One trie for both tables: what is in "main" counts, and hides what is less specific. */
static void make_overlapping_routes(void)
{
        make_cable();
        ip("link set v0 up");
        ip("route add local 198.51.0.0/16 dev lo");
        ip("route add 198.51.100.0/24 dev v0");
        ip("route add local 203.0.113.0/24 dev lo table main");
}

START_TEST(v4_tables_are_one)
{
        make_overlapping_routes();
        accepted("198.51.99.1");
        refused("198.51.100.1");
        accepted("203.0.113.1");
}
END_TEST

/* The first rule of one's own parts them. */
START_TEST(v4_tables_are_two)
{
        make_overlapping_routes();
        ip("rule add to 192.0.2.0/24 lookup 100");
        accepted("127.0.0.1");
        accepted("198.51.99.1");
        accepted("198.51.100.1");
        refused("203.0.113.1");
        refused("192.0.2.1");
        ip("addr del 127.0.0.1/8 dev lo");
        refused("127.0.0.1");
        refused("203.0.113.1");
}
END_TEST

/* bind() knows no policy: rules before the table "local" lead a look-up astray. */
static void put_rules_first(void)
{
        make_cable();
        ip("addr add 192.0.2.1/24 dev v0");
        ip("link set v0 up");
        ip("rule add pref 200 lookup local");
        ip("rule del pref 0");
        ip("rule add pref 100 to 192.0.2.0/24 lookup 100");
        ip("route add 192.0.2.0/24 dev v0 table 100");
}

START_TEST(v4_rules_come_first)
{
        put_rules_first();
        accepted("192.0.2.1");
        refused("192.0.2.2");
        ip("rule add pref 101 to 127.0.0.0/8 prohibit");
        accepted("127.0.0.1");
        ip("rule add pref 102 to 198.51.100.0/24 lookup 101");
        ip("route add local 198.51.100.0/24 dev lo table 101");
        refused("198.51.100.1");
        /* Within the table the longest prefix counts, whatever it says. */
        ip("rule add pref 103 to 203.0.113.0/24 prohibit");
        ip("route add local 203.0.113.0/24 dev lo");
        ip("route add unreachable 203.0.113.0/32 table local");
        accepted("203.0.113.1");
        refused("203.0.113.0");
        ip("rule del pref 200");
        accepted("192.0.2.1");
        accepted("127.0.0.1");
        refused("198.51.100.1");
}
END_TEST

START_TEST(v4_refusing_routes)
{
        ip("link set lo up");
        ip("route add blackhole 198.51.100.1");
        ip("route add prohibit 198.51.100.2");
        ip("route add unreachable 198.51.100.3");
        refused("198.51.100.1");
        refused("198.51.100.2");
        refused("198.51.100.3");
}
END_TEST

START_TEST(v4_mapped)
{
        accepted("::ffff:0.0.0.0");
        ip("link set lo up");
        accepted("::ffff:127.0.0.1");
        accepted("::ffff:127.1.2.3");
        accepted("::ffff:224.0.0.1");
        refused("::ffff:192.0.2.1");
}
END_TEST

/* A table too long for one datagram, of which the end counts. */
START_TEST(v4_long_table)
{
        FILE *batch;

        put_rules_first();
        batch = tmpfile();
        ck_assert_ptr_nonnull(batch);
        for (int i = 0; i < 2000; i++)
                fprintf(batch, "route add local 10.%d.%d.0/28 dev lo\n", i / 100, i % 100);
        fflush(batch);
        rewind(batch);
        ck_assert_int_ge(dup2(fileno(batch), 0), 0);
        ip("rule add pref 90 to 10.0.0.0/8 lookup 102");
        ip("-batch -");
        fclose(batch);
        accepted("10.0.0.1");
        accepted("10.10.50.15");
        accepted("10.19.99.1");
        refused("10.19.99.16");
        refused("10.20.0.1");
}
END_TEST

/* ------------------------------------------------------ IPv6 */

START_TEST(v6_loopback)
{
        accepted("::");
        refused("::1");
        ip("link set lo up");
        accepted("::1");
        ck_assert_uint_eq(snapshot.host.address_ifindex, 1);
        ck_assert_int_eq(snapshot.host.address_tentative, NO);
        refused("::2");
        compare("ff02::1%lo", SOCK_DGRAM, 0);
        compare("ff0e::1", SOCK_DGRAM, 0);
}
END_TEST

START_TEST(v6_disabled)
{
        ip("link set lo up");
        write_file("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
        accepted("::");
        refused("::1");
        ck_assert_int_eq(snapshot.host.ipv6_disabled, YES);
        ck_assert_int_eq(snapshot.host.device_up, YES);
        ck_assert_str_eq(snapshot.host.address_device, "lo");
        refused("2001:db8::1");
        ck_assert_int_eq(snapshot.host.ipv6_disabled, YES);
        ck_assert_str_eq(snapshot.host.address_device, "all");
        write_file("/proc/sys/net/ipv6/conf/all/disable_ipv6", "0");
        refused("2001:db8::1");
        ck_assert_int_eq(snapshot.host.ipv6_disabled, NO);
        accepted("::1");
}
END_TEST

START_TEST(v6_interface)
{
        make_cable();
        ip("link set v0 up");
        ip("link set v1 up");
        ip("addr add 2001:db8::1/64 dev v0 nodad");
        accepted("2001:db8::1");
        ck_assert_uint_eq(snapshot.host.address_ifindex, if_nametoindex("v0"));
        refused("2001:db8::2");
        on_device("v0");
        accepted("2001:db8::1");
        refused("::1");
        on_device("v1");
        accepted("2001:db8::1");
        refused("::1");
        on_device("lo");
        accepted("::1");
        accepted("2001:db8::1");
        on_device(NULL);
        ip("link set v0 down");
        refused("2001:db8::1");
}
END_TEST

START_TEST(v6_route_is_no_address)
{
        ip("link set lo up");
        ip("-6 route add local 2001:db8::/48 dev lo");
        refused("2001:db8::1");
}
END_TEST

/* The same link-local address on both ends, and one that only one of them has. */
START_TEST(v6_link_local)
{
        make_cable();
        ip("link set v0 up");
        ip("link set v1 up");
        ip("addr add fe80::77/64 dev v0 nodad");
        ip("addr add fe80::77/64 dev v1 nodad");
        ip("addr add fe80::88/64 dev v1 nodad");
        accepted("fe80::77%v0");
        ck_assert_uint_eq(snapshot.host.address_ifindex, if_nametoindex("v0"));
        accepted("fe80::77%v1");
        ck_assert_uint_eq(snapshot.host.address_ifindex, if_nametoindex("v1"));
        refused("fe80::88%v0");
        accepted("fe80::88%v1");
        refused("fe80::99%v0");
        on_device("v1");
        accepted("fe80::88");
        refused("fe80::88%v0");
        on_device("v0");
        refused("fe80::88");
        accepted("fe80::88%v1");
}
END_TEST

START_TEST(v6_tentative)
{
        make_cable();
        ip("link set v1 up");
        ip("link set v0 up");
        ip("addr add 2001:db8::1/64 dev v0");
        refused("2001:db8::1");
        ck_assert_int_eq(snapshot.host.address_tentative, YES);
        ck_assert_str_eq(snapshot.host.address_device, "v0");
        ck_assert_uint_eq(snapshot.host.detection_usec, 2000000); /* what a kernel starts with */
        /* The same address elsewhere, for good: one that qualifies is enough. */
        ip("addr add 2001:db8::1/64 dev lo nodad");
        accepted("2001:db8::1");
        ck_assert_int_eq(snapshot.host.address_tentative, NO);
        on_device("v0");
        accepted("2001:db8::1");
        on_device(NULL);
        ip("addr add 2001:db8::2/64 dev v0 nodad");
        accepted("2001:db8::2");
}
END_TEST

START_TEST(v6_optimistic)
{
        make_cable();
        write_file("/proc/sys/net/ipv6/conf/v0/optimistic_dad", "1");
        ip("link set v1 up");
        ip("link set v0 up");
        ip("addr add 2001:db8::1/64 dev v0 optimistic");
        accepted("2001:db8::1");
        ck_assert_int_eq(snapshot.host.address_tentative, NO);
}
END_TEST

/* The other end has it already: detection fails, and the address stays unusable. */
START_TEST(v6_duplicate)
{
        make_cable();
        ip("link set v1 up");
        ip("link set v0 up");
        ip("addr add 2001:db8::1/64 dev v1 nodad");
        ip("addr add 2001:db8::1/64 dev v0");
        accepted("2001:db8::1");
        ip("addr add fe80::1/64 dev v1 nodad");
        ip("addr add fe80::1/64 dev v0");
        for (int i = 0; i < 60; i++) {
                set_ip("fe80::1%v0", 0, SOCK_STREAM);
                ck_assert_int_eq(ask(&backend_route), AIU_COMPLETE);
                if (snapshot.host.address_tentative == NO)
                        break;
                usleep(50 * 1000);
        }
        refused("fe80::1%v0");
        ck_assert_int_eq(snapshot.host.address_tentative, NO);
        ck_assert_int_eq(snapshot.host.address_duplicate, YES);
        ck_assert_str_eq(snapshot.host.address_device, "v0");
        accepted("fe80::1%v1");
        ip("addr add fe80::2/64 dev v1 nodad");
        refused("fe80::2%v0");
        ck_assert_int_eq(snapshot.host.address_elsewhere, YES);
        ck_assert_str_eq(snapshot.host.address_device, "v1");
}
END_TEST

/* ------------------------------------------------------ what is here instead */

static bool lists(const char *text, const char *device)
{
        char shown[ADDRESS_TEXT_BYTES];

        for (size_t i = 0; i < snapshot.host.n_addresses; i++) {
                const struct host_address *have = &snapshot.host.addresses[i];
                struct address plain = have->address;

                if (plain.sa.any.sa_family == AF_INET6)
                        plain.sa.in6.sin6_scope_id = 0;
                address_print(&plain, shown, sizeof(shown));
                if (strcmp(shown, text) == 0 && strcmp(have->device, device) == 0)
                        return true;
        }
        return false;
}

/* Those of the family, usable ones; nothing where the address is here. */
START_TEST(lists_what_is_here)
{
        make_cable();
        ip("link set lo up");
        ip("link set v1 up");
        ip("link set v0 up");
        ip("addr add 192.0.2.1/24 dev v0");
        ip("addr add 192.0.2.8 peer 192.0.2.9 dev v1");
        ip("addr add 2001:db8::1/64 dev v0 nodad");
        ip("addr add 2001:db8::2/64 dev v0");
        ip("addr add fe80::77/64 dev v1 nodad");
        refused("192.0.2.77");
        ck_assert_uint_eq(snapshot.host.n_addresses, 3);
        ck_assert(lists("127.0.0.1", "lo") && lists("192.0.2.1", "v0") && lists("192.0.2.8", "v1"));
        refused("::ffff:192.0.2.77");
        ck_assert(lists("192.0.2.1", "v0"));
        refused("2001:db8::77");
        ck_assert(lists("::1", "lo") && lists("2001:db8::1", "v0") && lists("fe80::77", "v1"));
        ck_assert(!lists("2001:db8::2", "v0")); /* duplicate address detection still runs */
        accepted("192.0.2.1");
        ck_assert_uint_eq(snapshot.host.n_addresses, 0);
        /* Which interface is meant was not said. */
        set_ip("fe80::77", 8080, SOCK_STREAM);
        ck_assert_int_eq(ask(&backend_route), AIU_COMPLETE);
        ck_assert(lists("fe80::77", "v1"));
}
END_TEST

/* Twenty interfaces: not each is asked for its name. */
START_TEST(many_interfaces)
{
        char words[64];

        for (int i = 1; i <= 20; i++) {
                (void)snprintf(words, sizeof(words), "link add d%d type veth peer name e%d", i, i);
                ip(words);
                (void)snprintf(words, sizeof(words), "addr add 192.0.2.%d/32 dev d%d", i, i);
                ip(words);
        }
        refused("192.0.2.77");
        ck_assert_uint_eq(snapshot.host.n_addresses, 20);
        ck_assert(lists("192.0.2.1", "d1") && lists("192.0.2.20", ""));
}
END_TEST

/* The link is down at the other end: detection does not go on. */
START_TEST(detection_without_carrier)
{
        make_cable();
        ip("link set v0 up");
        ip("addr add 2001:db8::1/64 dev v0");
        refused("2001:db8::1");
        ck_assert_int_eq(snapshot.host.address_tentative, YES);
        ck_assert_uint_eq(snapshot.host.detection_usec, 0);
}
END_TEST

/* ------------------------------------------------------ other than right and wrong */

START_TEST(other_families)
{
        set_path("/x");
        ck_assert_int_eq(ask(&backend_route), AIU_PARTIAL);
        ck_assert_int_eq(snapshot.host.address_local, UNKNOWN);
}
END_TEST

START_TEST(deadline_passed)
{
        request.deadline_nsec = 1;
        set_ip("127.0.0.1", 0, SOCK_STREAM);
        ck_assert_int_eq(ask(&backend_route), -ETIME);
        ck_assert_int_eq(snapshot.host.address_local, UNKNOWN);
        set_ip("0.0.0.0", 0, SOCK_STREAM);
        ck_assert_int_eq(ask(&backend_route), AIU_COMPLETE);
}
END_TEST

#ifdef AIU_TESTING
static int fail_at, calls;

static int fail_one(enum sys_call which)
{
        (void)which;
        return ++calls == fail_at ? ENOMEM : 0;
}

/* Whichever call fails: an error, or the truth. Never an address that is not there. */
static void with_faults(const char *text, tristate truth)
{
        for (fail_at = 1;; fail_at++) {
                int r;

                calls = 0;
                set_ip(text, 0, SOCK_STREAM);
                sys_fault = fail_one;
                r = ask(&backend_route);
                sys_fault = NULL;
                if (calls < fail_at)
                        break;
                ck_assert(r == AIU_COMPLETE ? snapshot.host.address_local == truth
                                            : snapshot.host.address_local == UNKNOWN);
        }
        ck_assert_int_gt(fail_at, 3);
}

START_TEST(failing_calls)
{
        int before = dup(0), after;

        close(before);
        ip("link set lo up");
        with_faults("127.0.0.1", YES);
        with_faults("192.0.2.1", NO);
        with_faults("::1", YES);
        with_faults("2001:db8::1", NO);
        after = dup(0);
        ck_assert_int_eq(before, after);
        close(after);
}
END_TEST
#endif

static Suite *suite(void)
{
        const TTest *const tests[] = {
                v4_new_namespace,
                v4_loopback_up,
                v4_interface,
                v4_any_ip,
                v4_tables_are_one,
                v4_tables_are_two,
                v4_rules_come_first,
                v4_refusing_routes,
                v4_mapped,
                v4_long_table,
                v6_loopback,
                v6_disabled,
                v6_interface,
                v6_route_is_no_address,
                v6_link_local,
                v6_tentative,
                v6_optimistic,
                v6_duplicate,
                other_families,
                deadline_passed,
                lists_what_is_here,
                many_interfaces,
                detection_without_carrier,
#ifdef AIU_TESTING
                failing_calls,
#endif
        };
        Suite *s = suite_create("host");
        TCase *t = tcase_create("route");

        tcase_add_checked_fixture(t, enter_namespaces, forget_snapshot);
        tcase_set_timeout(t, 30);
        for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
                tcase_add_test(t, tests[i]);
        suite_add_tcase(s, t);
        return s;
}

int main(void)
{
        if (!can_enter_namespaces()) {
                puts("skipped: user and network namespaces cannot be made here");
                return 77;
        }
        if (!have_ip()) {
                puts("skipped: ip(8) is not installed");
                return 77;
        }
        return run_suite(suite());
}
