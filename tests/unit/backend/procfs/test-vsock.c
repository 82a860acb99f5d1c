/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The backend "vsock" against the kernel: which CIDs bind(2) takes, and who may bind a privileged port. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "fixture/host-fixture.h"
#include "fixture/run-suite.h"
#include "util/macro.h"
#include "util/sys-fault.h"

static struct sockaddr_vm asked;

static int ask_about(unsigned int cid, unsigned int port)
{
        asked = (struct sockaddr_vm){ .svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port };
        request.address = (const struct sockaddr *)&asked;
        request.address_len = sizeof(asked);
        return ask(&backend_vsock);
}

/* -1 = this kernel has no such sockets. */
static int really_bind(void)
{
        int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0), error = -1;

        if (fd >= 0)
                error = bind(fd, (const struct sockaddr *)&asked, sizeof(asked)) < 0 ? errno : 0;
        close(fd);
        return error;
}

static const unsigned int cids[] = { VMADDR_CID_ANY, 0, 1, 2, 3, 4, 77, 0x7fff1234 };

START_TEST(agrees_with_bind)
{
        int error;

        ck_assert_int_eq(ask_about(cids[_i], 54321), AIU_PARTIAL);
        ck_assert_int_eq(snapshot.host.privileged, UNKNOWN);
        error = really_bind();
        if (error < 0)
                return;
        if (cids[_i] == VMADDR_CID_ANY)
                ck_assert_int_eq(snapshot.host.address_local, UNKNOWN); /* not asked */
        if (snapshot.host.address_local == YES)
                ck_assert_int_ne(error, EADDRNOTAVAIL);
        if (snapshot.host.address_local == NO)
                ck_assert_int_eq(error, EADDRNOTAVAIL);
}
END_TEST

/* All capabilities, in a user namespace: none that capable() would see. */
START_TEST(privilege)
{
        int error;

        ck_assert_int_eq(ask_about(VMADDR_CID_ANY, 1023), AIU_PARTIAL);
        ck_assert_int_eq(snapshot.host.privileged, NO);
        error = really_bind();
        ck_assert_msg(error < 0 || error == EACCES, "%s", strerror(error));
        set_capability(10, false); /* CAP_NET_BIND_SERVICE */
        ck_assert_int_eq(ask_about(VMADDR_CID_ANY, 1023), AIU_PARTIAL);
        ck_assert_int_eq(snapshot.host.privileged, NO);
}
END_TEST

static enum sys_call failing;
static int fail_one(enum sys_call which)
{
        return which == failing ? EACCES : 0;
}

START_TEST(refused)
{
        static const enum sys_call calls[] = { SYS_CALL_OPENAT, SYS_CALL_IOCTL };

        for (size_t i = 0; i < ELEMENTSOF(calls); i++) {
                failing = calls[i];
                sys_fault = fail_one;
                ck_assert_int_eq(ask_about(77, 5000), AIU_PARTIAL);
                sys_fault = NULL;
                ck_assert_int_eq(snapshot.host.address_local, UNKNOWN);
        }
        failing = SYS_CALL_FSTATAT;
        sys_fault = fail_one;
        ck_assert_int_eq(ask_about(VMADDR_CID_ANY, 80), AIU_PARTIAL);
        sys_fault = NULL;
        ck_assert_int_eq(snapshot.host.privileged, UNKNOWN);
        request.plain_calls_only = 1;
        ck_assert_int_eq(ask_about(77, 5000), AIU_PARTIAL);
        ck_assert_int_eq(snapshot.host.address_local, UNKNOWN);
        request.address_len = 4;
        ck_assert_int_eq(ask(&backend_vsock), AIU_PARTIAL);
}
END_TEST

START_TEST(other_families)
{
        set_ip("127.0.0.1", 80, SOCK_STREAM);
        ck_assert_int_eq(ask(&backend_vsock), AIU_PARTIAL);
        ck_assert_int_eq(snapshot.host.privileged, UNKNOWN);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("vsock");
        TCase *tcase = tcase_create("all");

        if (!can_enter_namespaces()) {
                printf("user namespaces are not permitted here\n");
                return 77;
        }
        tcase_add_checked_fixture(tcase, enter_namespaces, forget_snapshot);
        tcase_add_loop_test(tcase, agrees_with_bind, 0, (int)ELEMENTSOF(cids));
        tcase_add_test(tcase, privilege);
        tcase_add_test(tcase, refused);
        tcase_add_test(tcase, other_families);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
