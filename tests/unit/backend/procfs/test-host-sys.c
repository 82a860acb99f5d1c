/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The backend "proc-sys" against the kernel: who may bind a privileged port in
 * which namespaces, compared with a real bind(2) each time. And sysctls that no
 * kernel would print.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture/host-fixture.h"
#include "fixture/run-suite.h"
#include "util/sys-fault.h"

/* ------------------------------------------------------ privilege */

/* The backend on port 80, next to bind(2) on port 80. */
static void compare_privilege(int expected)
{
        set_ip("::", 80, SOCK_STREAM);
        ck_assert_int_eq(real_bind(), expected);
        ck_assert_int_eq(ask(&backend_proc_sys), AIU_PARTIAL);
        ck_assert_int_eq(snapshot.host.unprivileged_port_start, 1024);
        ck_assert_int_eq(snapshot.host.privileged, expected ? NO : YES);
}

START_TEST(privilege_own_namespaces)
{
        compare_privilege(0);
        set_capability(CAP_NET_BIND_SERVICE, false);
        compare_privilege(EACCES);
        set_capability(CAP_NET_BIND_SERVICE, true);
        compare_privilege(0);
}
END_TEST

/* Every capability, but in a user namespace below that of the network: worth nothing there. */
START_TEST(privilege_below)
{
        ck_assert_int_eq(unshare(CLONE_NEWUSER), 0);
        compare_privilege(EACCES);
}
END_TEST

/* One user namespace below the other; only who is mapped may make the next. */
static bool go_down(int levels)
{
        for (int i = 0; i < levels; i++) {
                if (unshare(CLONE_NEWUSER) < 0)
                        return false;
                write_file("/proc/self/setgroups", "deny");
                write_file("/proc/self/uid_map", "0 0 1");
                write_file("/proc/self/gid_map", "0 0 1");
        }
        return true;
}

/* No capability, but the caller made the user namespace that owns the network. */
START_TEST(privilege_owner)
{
        int ready[2], done[2], netns;
        char path[64], byte = 0;
        pid_t pid;

        ck_assert_int_eq(pipe(ready), 0);
        ck_assert_int_eq(pipe(done), 0);
        pid = fork();
        if (pid == 0) {
                close(done[1]);
                if (!go_down(_i) || unshare(CLONE_NEWNET) < 0 || write(ready[1], "", 1) != 1)
                        _exit(1);
                _exit(read(done[0], &byte, 1) != 0);
        }
        close(ready[1]);
        ck_assert_int_eq((int)read(ready[0], &byte, 1), 1);
        snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
        netns = open(path, O_RDONLY | O_CLOEXEC);
        ck_assert_int_ge(netns, 0);
        ck_assert_int_eq(setns(netns, CLONE_NEWNET), 0);
        close(netns);
        compare_privilege(0);
        set_capability(CAP_NET_BIND_SERVICE, false);
        compare_privilege(_i ? 0 : EACCES);
        close(done[1]);
        waitpid(pid, NULL, 0);
}
END_TEST

/* Without ioctl(2) it is known who has nothing, not what somebody's capability is worth. */
START_TEST(privilege_plain_calls)
{
        request.plain_calls_only = 1;
        set_ip("0.0.0.0", 80, SOCK_STREAM);
        ck_assert_int_eq(ask(&backend_proc_sys), AIU_PARTIAL);
        ck_assert_int_eq(snapshot.host.privileged, UNKNOWN);
        set_capability(CAP_NET_BIND_SERVICE, false);
        ck_assert_int_eq(ask(&backend_proc_sys), AIU_PARTIAL);
        ck_assert_int_eq(snapshot.host.privileged, NO);
}
END_TEST

START_TEST(privilege_port_start)
{
        set_ip("0.0.0.0", 1024, SOCK_STREAM);
        ck_assert_int_eq(ask(&backend_proc_sys), AIU_PARTIAL);
        ck_assert_int_eq(snapshot.host.unprivileged_port_start, 1024);
        ck_assert_int_eq(snapshot.host.privileged, UNKNOWN);
        write_file("/proc/sys/net/ipv4/ip_unprivileged_port_start", "2000");
        set_capability(CAP_NET_BIND_SERVICE, false);
        ck_assert_int_eq(real_bind(), EACCES);
        ck_assert_int_eq(ask(&backend_proc_sys), AIU_PARTIAL);
        ck_assert_int_eq(snapshot.host.unprivileged_port_start, 2000);
        ck_assert_int_eq(snapshot.host.privileged, NO);
        write_file("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
        set_ip("0.0.0.0", 1, SOCK_STREAM);
        ck_assert_int_eq(real_bind(), 0);
        ck_assert_int_eq(ask(&backend_proc_sys), AIU_PARTIAL);
        ck_assert_int_eq(snapshot.host.unprivileged_port_start, -1);
}
END_TEST

/* ------------------------------------------------------ sysctls */

START_TEST(sysctl_values)
{
        struct utsname name;
        int major = 0, minor = 0;

        write_file("/proc/sys/net/ipv4/ip_local_port_range", "20000 30001");
        write_file("/proc/sys/net/ipv4/ip_local_reserved_ports", "20000,25000-25005");
        write_file("/proc/sys/net/ipv4/ip_autobind_reuse", "1");
        write_file("/proc/sys/net/ipv4/ip_nonlocal_bind", "1");
        set_ip("127.0.0.1", 20001, SOCK_STREAM);
        ck_assert_int_eq(ask(&backend_proc_sys), AIU_PARTIAL);
        ck_assert_int_eq(snapshot.host.port_range_first, 20000);
        ck_assert_int_eq(snapshot.host.port_range_last, 30001);
        ck_assert_str_eq(snapshot.host.reserved_ports, "20000,25000-25005");
        ck_assert_int_eq(snapshot.host.autobind_reuse, YES);
        ck_assert_int_eq(snapshot.host.nonlocal_bind, YES);
        ck_assert_int_eq(snapshot.host.ipv6_enabled, UNKNOWN);
        uname(&name);
        ck_assert_int_eq(sscanf(name.release, "%d.%d", &major, &minor), 2);
        ck_assert_int_eq(snapshot.host.kernel_major, major);
        ck_assert_int_eq(snapshot.host.kernel_minor, minor);
        ck_assert_uint_eq(snapshot.n_gaps, 0);
        /* Each family has its own, and a mapped address is of IPv4. */
        set_ip("::1", 20001, SOCK_STREAM);
        ck_assert_int_eq(ask(&backend_proc_sys), AIU_PARTIAL);
        ck_assert_int_eq(snapshot.host.nonlocal_bind, NO);
        ck_assert_int_eq(snapshot.host.ipv6_enabled, YES);
        set_ip("::ffff:192.0.2.1", 20001, SOCK_STREAM);
        ck_assert_int_eq(real_bind(), 0);
        ck_assert_int_eq(ask(&backend_proc_sys), AIU_PARTIAL);
        ck_assert_int_eq(snapshot.host.nonlocal_bind, YES);
}
END_TEST

START_TEST(sysctl_only_what_matters)
{
        set_ip("0.0.0.0", 2000, SOCK_STREAM);
        ck_assert_int_eq(ask(&backend_proc_sys), AIU_PARTIAL);
        ck_assert_ptr_null(snapshot.host.reserved_ports);
        ck_assert_int_eq(snapshot.host.autobind_reuse, UNKNOWN);
        ck_assert_int_eq(snapshot.host.nonlocal_bind, UNKNOWN);
        ck_assert_int_ne(snapshot.host.port_range_first, 0);
        set_ip("0.0.0.0", 0, SOCK_STREAM);
        ck_assert_int_eq(ask(&backend_proc_sys), AIU_PARTIAL);
        ck_assert_str_eq(snapshot.host.reserved_ports, "");
        ck_assert_int_eq(snapshot.host.autobind_reuse, NO);
        ck_assert_int_eq(snapshot.host.unprivileged_port_start, 0);
        set_path("/x");
        ck_assert_int_eq(ask(&backend_proc_sys), AIU_PARTIAL);
        ck_assert_int_eq(snapshot.host.port_range_first, 0);
        ck_assert_int_ne(snapshot.host.kernel_major, 0);
}
END_TEST

START_TEST(sysctl_no_procfs)
{
        request.procfs = -1;
        request.plain_calls_only = 1;
        set_ip("127.0.0.1", 80, SOCK_STREAM);
        ck_assert_int_eq(ask(&backend_proc_sys), AIU_PARTIAL);
        ck_assert_int_eq(snapshot.host.privileged, UNKNOWN);
        ck_assert_int_eq(snapshot.host.unprivileged_port_start, 0);
        ck_assert(have_gap(AIU_GAP_BACKEND, "/proc"));
}
END_TEST

/* capget(2) tells the capability, and an ioctl(2) that wants another one tells that it counts here. */
START_TEST(privilege_without_procfs)
{
        request.procfs = -1;
        set_ip("127.0.0.1", 80, SOCK_STREAM);
        ck_assert_int_eq(real_bind(), 0);
        ck_assert_int_eq(ask(&backend_proc_sys), AIU_PARTIAL);
        ck_assert_int_eq(snapshot.host.privileged, YES);
        set_capability(CAP_NET_ADMIN, false); /* whether it counts is not known */
        ck_assert_int_eq(ask(&backend_proc_sys), AIU_PARTIAL);
        ck_assert_int_eq(snapshot.host.privileged, UNKNOWN);
        set_capability(CAP_NET_ADMIN, true);
        set_capability(CAP_NET_BIND_SERVICE, false); /* the sysctl may allow the port */
        ck_assert_int_eq(ask(&backend_proc_sys), AIU_PARTIAL);
        ck_assert_int_eq(snapshot.host.privileged, UNKNOWN);
}
END_TEST

static void use_false_procfs(void)
{
        enter_empty_directory();
        ck_assert_int_eq(mkdir("sys", 0755), 0);
        ck_assert_int_eq(mkdir("sys/net", 0755), 0);
        ck_assert_int_eq(mkdir("sys/net/ipv4", 0755), 0);
        ck_assert_int_eq(mkdir("thread-self", 0755), 0);
        ck_assert_int_eq(mkdir("thread-self/ns", 0755), 0);
        close(request.procfs);
        request.procfs = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

START_TEST(sysctl_nonsense)
{
        static const char *const ranges[] = {
                "",
                "\n",
                "x",
                "1",
                "1\n",
                "-1 5",
                "5 4\n",
                "0 100\n",
                "1 65536\n",
                "1 2 3\n",
                "1x 2\n",
                "99999999999999999999 1\n",
                "1 99999999999999999999\n",
        };

        use_false_procfs();
        set_ip("0.0.0.0", 80, SOCK_STREAM);
        for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
                make_file("sys/net/ipv4/ip_local_port_range", ranges[i]);
                make_file("sys/net/ipv4/ip_unprivileged_port_start", ranges[i]);
                ck_assert_int_eq(ask(&backend_proc_sys), AIU_PARTIAL);
                ck_assert_msg(snapshot.host.port_range_first == 0, "%s", ranges[i]);
                ck_assert_int_eq(snapshot.host.privileged, UNKNOWN);
        }
        make_file("sys/net/ipv4/ip_local_port_range", "1 65535");
        make_file("sys/net/ipv4/ip_unprivileged_port_start", "65536\n");
        ck_assert_int_eq(ask(&backend_proc_sys), AIU_PARTIAL);
        ck_assert_int_eq(snapshot.host.port_range_last, 65535);
        ck_assert_int_eq(snapshot.host.unprivileged_port_start, 65536);
}
END_TEST

START_TEST(status_nonsense)
{
        static const char *const texts[] = {
                "", "CapEff:\t0000000000000400\n", "\nCapEff:", "\nCapEff:\t00000000000004x0\n", "\nCapEff: 400\n",
        };

        use_false_procfs();
        make_file("thread-self/ns/user", "");
        make_file("thread-self/ns/net", "");
        make_file("sys/net/ipv4/ip_unprivileged_port_start", "1024\n");
        set_ip("0.0.0.0", 80, SOCK_STREAM);
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                make_file("thread-self/status", texts[i]);
                ck_assert_int_eq(ask(&backend_proc_sys), AIU_PARTIAL);
                ck_assert_msg(snapshot.host.privileged == UNKNOWN, "%s", texts[i]);
        }
}
END_TEST

/* Half of all ports, one by one: the longest list there can be is kept whole. */
START_TEST(reserved_is_long)
{
        char *text = malloc(200000), *end = text;

        use_false_procfs();
        for (int i = 0; i < 32768; i++)
                end += snprintf(end, 8, "%s%d", i ? "," : "", 2 * i);
        (void)snprintf(end, 2, "\n");
        make_file("sys/net/ipv4/ip_local_reserved_ports", text);
        set_ip("0.0.0.0", 0, SOCK_STREAM);
        ck_assert_int_eq(ask(&backend_proc_sys), AIU_PARTIAL);
        *end = '\0';
        ck_assert(strcmp(snapshot.host.reserved_ports, text) == 0);
        /* Without its newline it was not read to the end. */
        make_file("sys/net/ipv4/ip_local_reserved_ports", "1,2,300");
        snapshot_finish(&snapshot);
        ck_assert_int_eq(ask(&backend_proc_sys), AIU_PARTIAL);
        ck_assert_ptr_null(snapshot.host.reserved_ports);
        free(text);
}
END_TEST

/* No kernel prints more than that: the cut is between numbers. */
START_TEST(reserved_too_long)
{
        char *text = malloc(600000), *end = text;

        use_false_procfs();
        for (int i = 0; i < 90000; i++)
                end += snprintf(end, 8, "%s%d", i ? "," : "", 20000 + i % 40000);
        (void)snprintf(end, 2, "\n");
        make_file("sys/net/ipv4/ip_local_reserved_ports", text);
        set_ip("0.0.0.0", 0, SOCK_STREAM);
        ck_assert_int_eq(ask(&backend_proc_sys), AIU_PARTIAL);
        ck_assert_uint_lt(strlen(snapshot.host.reserved_ports), SNAPSHOT_MAX_RESERVED);
        ck_assert_uint_eq(strlen(strrchr(snapshot.host.reserved_ports, ',')), strlen(",20000"));
        ck_assert(have_gap(AIU_GAP_TRUNCATED, "ip_local_reserved_ports"));
        free(text);
}
END_TEST

#ifdef AIU_TESTING
static int fail_at, calls;

static int fail_one(enum sys_call which)
{
        (void)which;
        return ++calls == fail_at ? ENOMEM : 0;
}

/* A call that fails makes less known, never something else. */
START_TEST(failing_calls)
{
        int before = dup(0), after;

        close(before);
        for (fail_at = 1;; fail_at++) {
                calls = 0;
                set_ip("::1", 80, SOCK_STREAM);
                sys_fault = fail_one;
                ck_assert_int_eq(ask(&backend_proc_sys), AIU_PARTIAL);
                sys_fault = NULL;
                if (calls < fail_at)
                        break;
                ck_assert_int_ne(snapshot.host.privileged, NO);
                ck_assert_int_ne(snapshot.host.ipv6_enabled, NO);
                ck_assert_int_ne(snapshot.host.nonlocal_bind, YES);
                ck_assert(snapshot.host.unprivileged_port_start == 1024 || snapshot.host.unprivileged_port_start == 0);
        }
        ck_assert_int_gt(fail_at, 20);
        after = dup(0);
        ck_assert_int_eq(before, after);
        close(after);
}
END_TEST
#endif

static Suite *suite(void)
{
        const TTest *const tests[] = {
                privilege_own_namespaces,
                privilege_below,
                privilege_plain_calls,
                privilege_port_start,
                sysctl_values,
                sysctl_only_what_matters,
                sysctl_no_procfs,
                privilege_without_procfs,
                sysctl_nonsense,
                status_nonsense,
                reserved_is_long,
                reserved_too_long,
#ifdef AIU_TESTING
                failing_calls,
#endif
        };
        Suite *s = suite_create("host-sys");
        TCase *t = tcase_create("host");

        tcase_add_checked_fixture(t, enter_namespaces, forget_snapshot);
        for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
                tcase_add_test(t, tests[i]);
        tcase_add_loop_test(t, privilege_owner, 0, 4);
        suite_add_tcase(s, t);
        return s;
}

int main(void)
{
        if (!can_enter_namespaces()) {
                puts("skipped: user, network and mount namespaces cannot be made here");
                return 77;
        }
        return run_suite(suite());
}
