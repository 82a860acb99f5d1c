/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* backend/netlink/interface.c against a real kernel, with netlink and without. */
#include <check.h>
#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>

#include "backend/netlink/interface.h"
#include "fixture/host-fixture.h"
#include "fixture/run-suite.h"
#include "fixture/scarce-memory.h"
#include "util/sys-fault.h"

static int refused; /* errno of socket(2) while netlink is refused */
static unsigned int n_ioctl;

/* The first socket is netlink's. */
static int refuse_netlink(enum sys_call which)
{
        int error = refused;

        if (which == SYS_CALL_IOCTL)
                n_ioctl++;
        if (which != SYS_CALL_SOCKET)
                return 0;
        refused = 0;
        return error;
}

static void stop_faults(void)
{
        sys_fault = NULL;
        n_ioctl = 0;
}

START_TEST(by_netlink)
{
        char name[IF_NAMESIZE] = "";
        unsigned int ifindex = 0;

        request.plain_calls_only = 1;
        sys_fault = refuse_netlink;
        ck_assert_int_eq(interface_find(&request, "lo", &ifindex), 0);
        ck_assert_uint_eq(ifindex, if_nametoindex("lo"));
        ck_assert_int_eq(interface_name(&request, ifindex, name), 0);
        ck_assert_str_eq(name, "lo");
        ck_assert_uint_eq(n_ioctl, 0);
}
END_TEST

START_TEST(none_such)
{
        static const char *const names[] = { "", "nosuch", "a-name-that-no-interface-can-have", "/", "1" };
        static const unsigned int numbers[] = { 0, 999999, 0x7fffffff, 0x80000000, 0xffffffff };
        char name[IF_NAMESIZE] = "as it was";
        unsigned int ifindex = 7;

        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                ck_assert_msg(interface_find(&request, names[i], &ifindex) == -ENODEV, "%s", names[i]);
        for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
                ck_assert_int_eq(interface_name(&request, numbers[i], name), -ENODEV);
        ck_assert_uint_eq(ifindex, 7);
        ck_assert_str_eq(name, "as it was");
}
END_TEST

START_TEST(netlink_refused)
{
        char name[IF_NAMESIZE] = "";
        unsigned int ifindex = 0;

        sys_fault = refuse_netlink;
        refused = EAFNOSUPPORT;
        ck_assert_int_eq(interface_find(&request, "lo", &ifindex), 0);
        ck_assert_uint_eq(ifindex, if_nametoindex("lo"));
        refused = EPERM;
        ck_assert_int_eq(interface_name(&request, ifindex, name), 0);
        ck_assert_str_eq(name, "lo");
        refused = EACCES;
        ck_assert_int_eq(interface_find(&request, "nosuch", &ifindex), -ENODEV);
        ck_assert_uint_eq(n_ioctl, 3);
        request.plain_calls_only = 1;
        refused = EAFNOSUPPORT;
        ck_assert_int_eq(interface_find(&request, "lo", &ifindex), -EAFNOSUPPORT);
        ck_assert_uint_eq(n_ioctl, 3);
}
END_TEST

START_TEST(too_late)
{
        unsigned int ifindex = 0;
        int r;

        request.deadline_nsec = 1;
        r = interface_find(&request, "lo", &ifindex);
        ck_assert(r == -ETIME || r == 0);
}
END_TEST

START_TEST(no_memory)
{
        unsigned int ifindex = 0;

        for (unsigned int at = 1;; at++) {
                int r;

                scarce_memory_begin(at, false);
                r = interface_find(&request, "lo", &ifindex);
                if (!scarce_memory_end()) {
                        ck_assert_int_eq(r, 0);
                        return;
                }
                ck_assert_int_eq(r, -ENOMEM);
        }
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("interface");
        TCase *tcase = tcase_create("interface");

        if (!can_enter_namespaces()) {
                printf("skipped: no namespaces here\n");
                return 77;
        }
        tcase_add_checked_fixture(tcase, enter_namespaces, forget_snapshot);
        tcase_add_checked_fixture(tcase, NULL, stop_faults);
        tcase_add_test(tcase, by_netlink);
        tcase_add_test(tcase, none_such);
        tcase_add_test(tcase, netlink_refused);
        tcase_add_test(tcase, too_late);
        tcase_add_test(tcase, no_memory);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
