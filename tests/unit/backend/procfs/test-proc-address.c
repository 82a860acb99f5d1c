/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Backend "proc-address" against real bind(2), as test-host.c does for "route". */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/address.h"
#include "fixture/host-fixture.h"
#include "util/macro.h"
#include "fixture/run-suite.h"

static void setup(void)
{
        enter_namespaces();
        ip("link set lo up");
        ip("address add 192.0.2.1/24 dev lo");
        ip("address add 2001:db8::1/64 dev lo nodad");
        ip("route add local 198.51.100.0/24 dev lo");
}

static const char *const addresses[] = {
        "127.0.0.1",   "127.9.9.9", "192.0.2.1",   "192.0.2.2",   "192.0.2.255",      "198.51.100.77",
        "203.0.113.1", "::1",       "2001:db8::1", "2001:db8::2", "::ffff:127.0.0.1", "::ffff:203.0.113.1",
};

START_TEST(agrees_with_bind)
{
        int error;

        set_ip(addresses[_i], 8080, SOCK_STREAM);
        ck_assert_int_eq(ask(&backend_proc_address), AIU_PARTIAL);
        error = real_bind();
        ck_assert_msg(error == 0 || error == EADDRNOTAVAIL, "%s: errno %d", addresses[_i], error);
        ck_assert_msg(snapshot.host.address_local == tri(error == 0), "%s: %s", addresses[_i],
                      aiu_tristate_to_string(snapshot.host.address_local));
}
END_TEST

/* Which interface has a link-local address matters, and devices have tables of their own: nothing is said. */
START_TEST(says_nothing)
{
        set_ip("fe80::1%lo", 8080, SOCK_STREAM);
        ck_assert_int_eq(ask(&backend_proc_address), AIU_PARTIAL);
        ck_assert_int_eq(snapshot.host.address_local, UNKNOWN);
        set_ip("127.0.0.1", 8080, SOCK_STREAM);
        request.ifindex = 1;
        ck_assert_int_eq(ask(&backend_proc_address), AIU_PARTIAL);
        ck_assert_int_eq(snapshot.host.address_local, UNKNOWN);
}
END_TEST

/* The rest of this address would make an IPv6 address that the host does not have. */
START_TEST(asks_for_ip_alone)
{
        static const int families[] = { AF_UNIX, AF_VSOCK, AF_NETLINK };
        struct sockaddr_in6 in6;

        set_ip("2001:db8::2", 8080, SOCK_STREAM);
        memcpy(&in6, request.address, sizeof(in6));
        in6.sin6_family = (sa_family_t)families[_i];
        request.address = (const struct sockaddr *)&in6;
        ck_assert_int_eq(ask(&backend_proc_address), AIU_PARTIAL);
        ck_assert_int_eq(snapshot.host.address_local, UNKNOWN);
}
END_TEST

static bool lists(const char *text, const char *device)
{
        char shown[ADDRESS_TEXT_BYTES];

        for (size_t i = 0; i < snapshot.host.n_addresses; i++) {
                address_print(&snapshot.host.addresses[i].address, shown, sizeof(shown));
                if (strcmp(shown, text) == 0 && strcmp(snapshot.host.addresses[i].device, device) == 0)
                        return true;
        }
        return false;
}

/* Where the address is not here: those that are. /proc tells no device of an IPv4 address. */
START_TEST(lists_what_is_here)
{
        set_ip("203.0.113.1", 8080, SOCK_STREAM);
        ck_assert_int_eq(ask(&backend_proc_address), AIU_PARTIAL);
        ck_assert(lists("127.0.0.1", "") && lists("192.0.2.1", ""));
        ck_assert(!lists("127.0.0.0", "") && !lists("192.0.2.255", ""));
        set_ip("2001:db8::2", 8080, SOCK_STREAM);
        ck_assert_int_eq(ask(&backend_proc_address), AIU_PARTIAL);
        ck_assert(lists("::1", "lo") && lists("2001:db8::1", "lo"));
        set_ip("192.0.2.1", 8080, SOCK_STREAM);
        ck_assert_int_eq(ask(&backend_proc_address), AIU_PARTIAL);
        ck_assert_uint_eq(snapshot.host.n_addresses, 0);
}
END_TEST

int main(void)
{
        Suite *suite;
        TCase *tcase;

        if (!can_enter_namespaces() || !have_ip()) {
                puts("skipped: may not make namespaces, or there is no ip(8)");
                return 77;
        }
        suite = suite_create("proc-address");
        tcase = tcase_create("all");
        tcase_add_checked_fixture(tcase, setup, forget_snapshot);
        tcase_add_loop_test(tcase, agrees_with_bind, 0, ELEMENTSOF(addresses));
        tcase_add_test(tcase, says_nothing);
        tcase_add_loop_test(tcase, asks_for_ip_alone, 0, 3);
        tcase_add_test(tcase, lists_what_is_here);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
