/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* caller.c: what a /proc says of the calling thread, told by files of the test's own. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/caller.h"
#include "fixture/host-fixture.h"
#include "fixture/run-suite.h"
#include "util/sys-fault.h"

static int proc;

static void make_proc(void)
{
        enter_empty_directory();
        ck_assert_int_eq(mkdir("thread-self", 0755), 0);
        ck_assert_int_eq(mkdir("thread-self/ns", 0755), 0);
        proc = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ck_assert_int_ge(proc, 0);
}

static void close_proc(void)
{
        sys_fault = NULL;
        close(proc);
}

START_TEST(filters)
{
        static const struct {
                const char *status;
                bool filtered;
        } rows[] = {
                { "Name:\tx\nSeccomp:\t0\nSpeculation:\ty\n", false },
                { "Name:\tx\nSeccomp:\t2\n", true },
                { "Name:\tx\nSeccomp:\t1\n", true },
                { "Name:\tx\nSeccomp:\t10\n", true },
                { "Name:\tSeccomp:\t0\nSeccomp:\t2\n", true },
                { "Name:\tx\nSeccomp_filters:\t0\n", false }, /* without CONFIG_SECCOMP */
                { "", true },
        };

        ck_assert(caller_is_filtered(proc)); /* nothing tells */
        ck_assert(caller_is_filtered(-1));
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                make_file("thread-self/status", rows[i].status);
                ck_assert_msg(caller_is_filtered(proc) == rows[i].filtered, "%s", rows[i].status);
        }
}
END_TEST

/* The list of groups comes first, and may be long: what follows counts all the same. */
START_TEST(many_groups)
{
        char *text = malloc(200000), *end = text;

        end += sprintf(end, "Name:\tx\nGroups:\t");
        for (int i = 0; i < 20000; i++)
                end += sprintf(end, "%d ", 100000 + i);
        (void)sprintf(end, "\nCapEff:\t0000000000080400\nSeccomp:\t2\n");
        make_file("thread-self/status", text);
        free(text);
        ck_assert(caller_is_filtered(proc));
        for (unsigned int i = 0; i < 64; i++)
                ck_assert_int_eq(caller_has_capability(proc, i),
                                 i == 10 || i == 19 ? AIU_TRISTATE_YES : AIU_TRISTATE_NO);
}
END_TEST

START_TEST(capabilities)
{
        static const char *const bad[] = { "CapEff:\t\n", "CapEff:\t0000x\n", "CapEff: 4\n", "CapEff:\t4" };

        ck_assert_int_eq(caller_has_capability(proc, 2), AIU_TRISTATE_UNKNOWN);
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                make_file("thread-self/status", bad[i]);
                ck_assert_msg(caller_has_capability(proc, 2) == AIU_TRISTATE_UNKNOWN, "%s", bad[i]);
        }
}
END_TEST

static int fail_reads(enum sys_call which)
{
        return which == SYS_CALL_READ ? EIO : 0;
}

START_TEST(unreadable)
{
        make_file("thread-self/status", "CapEff:\t0\nSeccomp:\t0\n");
        sys_fault = fail_reads;
        ck_assert(caller_is_filtered(proc));
        ck_assert_int_eq(caller_has_capability(proc, 2), AIU_TRISTATE_UNKNOWN);
}
END_TEST

static void number_self(const char *link, const char *nspid)
{
        char directory[32], path[64], text[64];

        (void)unlink("self");
        (void)snprintf(directory, sizeof(directory), "%s", link);
        (void)mkdir(directory, 0755);
        ck_assert_int_eq(symlink(directory, "self"), 0);
        (void)snprintf(path, sizeof(path), "%s/status", directory);
        (void)snprintf(text, sizeof(text), "Name:\tx\n%s%s\n", nspid ? "NSpid:\t" : "", nspid ? nspid : "");
        make_file(path, text);
}

START_TEST(numbers)
{
        char own[16], two[40];

        (void)snprintf(own, sizeof(own), "%d", (int)getpid());
        (void)snprintf(two, sizeof(two), "%s\t%s", own, own);
        ck_assert(!caller_pids_are_foreign(-1));  /* no numbers at all */
        ck_assert(caller_pids_are_foreign(proc)); /* we are not in it */
        number_self(own, own);
        ck_assert(!caller_pids_are_foreign(proc));
        number_self(own, NULL); /* before Linux 4.1 */
        ck_assert(!caller_pids_are_foreign(proc));
        number_self(own, two); /* the same number by chance */
        ck_assert(caller_pids_are_foreign(proc));
        number_self("1", own);
        ck_assert(caller_pids_are_foreign(proc));
}
END_TEST

START_TEST(real_proc)
{
        int real = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        ck_assert(!caller_pids_are_foreign(real));
        ck_assert_int_ne(caller_has_capability(real, 2), AIU_TRISTATE_UNKNOWN);
        ck_assert(caller_is_in_userns(real)); /* the fixture's */
        ck_assert(!caller_is_in_userns(-1));
        ck_assert(geteuid() != 0 || caller_is_limited_root(real));
        ck_assert_str_eq(caller_who_sees_all(real), geteuid() == 0 ? "root of the host" : "root");
        close(real);
}
END_TEST

START_TEST(limited_root)
{
        if (geteuid() != 0)
                return;
        /* No namespace to be seen: the capability alone tells. */
        make_file("thread-self/status", "CapEff:\t0000000000080000\n");
        ck_assert(!caller_is_limited_root(proc));
        make_file("thread-self/status", "CapEff:\t0000000000000400\n");
        ck_assert(caller_is_limited_root(proc));
        make_file("thread-self/ns/user", "");
        make_file("thread-self/status", "CapEff:\t0000000000080000\n");
        ck_assert(caller_is_limited_root(proc));
}
END_TEST

/* ------------------------------------------------------ another process makes the call */

static struct aiu_request about(pid_t pid)
{
        struct aiu_request q = { .size = sizeof(q), .procfs = proc, .pid = pid, .process = -1 };

        if (pid > 0) {
                ck_assert_int_eq(mkdir("7", 0755), 0);
                q.process = open("7", O_PATH | O_DIRECTORY | O_CLOEXEC);
                ck_assert_int_ge(q.process, 0);
        }
        return q;
}

START_TEST(files_of_the_asker)
{
        struct aiu_request own = about(0), other = about(7);
        int directory;

        ck_assert_str_eq(asker_file(&own, "self/cgroup", &directory), "self/cgroup");
        ck_assert_int_eq(directory, proc);
        ck_assert_str_eq(asker_file(&other, "thread-self/ns/user", &directory), "ns/user");
        ck_assert_int_eq(directory, other.process);

        make_file("thread-self/status",
                  "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\t0 \nNoNewPrivs:\t0\nCapEff:\t400\n");
        ck_assert_int_eq(asker_has_capability(&other, 10), AIU_TRISTATE_UNKNOWN);
        ck_assert_uint_eq(process_uid(other.process), (uid_t)-1);
        make_file("7/status", "Uid:\t1\t2\t3\t1000\nGid:\t0\t0\t0\t0\nGroups:\t0 \nNoNewPrivs:\t1\nCapEff:\t0\n");
        ck_assert_int_eq(asker_has_capability(&other, 10), AIU_TRISTATE_NO);
        ck_assert_int_eq(asker_has_capability(&own, 10), AIU_TRISTATE_YES);
        ck_assert_uint_eq(process_uid(other.process), 1000);
        ck_assert(asker_may_be_sandboxed(&other));
        ck_assert(!asker_may_be_sandboxed(&own));
        ck_assert(!asker_is_like_caller(&other));
        make_file("7/status", "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\t0 \nCapEff:\t400\n");
        ck_assert(asker_is_like_caller(&other));
        ck_assert(!asker_may_be_sandboxed(&other));
        make_file("7/status", "Uid:\t0\t0\t0\tx\n");
        ck_assert_uint_eq(process_uid(other.process), (uid_t)-1);
        make_file("7/status", "Uid:\t0\n");
        ck_assert_uint_eq(process_uid(other.process), (uid_t)-1);
        close(other.process);
}
END_TEST

static int no_capget(enum sys_call which)
{
        return which == SYS_CALL_CAPGET ? EPERM : 0;
}

/* Without /proc the kernel says it, of the calling thread, where that call may be made. */
START_TEST(capabilities_without_proc)
{
        struct aiu_request q = { .size = sizeof(q), .procfs = -1 }, other = { .pid = 7, .process = -1, .procfs = -1 };

        ck_assert_int_eq(asker_has_capability(&q, CAP_NET_BIND_SERVICE), AIU_TRISTATE_YES);
        ck_assert_int_eq(asker_has_capability(&other, CAP_NET_BIND_SERVICE), AIU_TRISTATE_UNKNOWN);
        set_capability(CAP_NET_BIND_SERVICE, false);
        ck_assert_int_eq(asker_has_capability(&q, CAP_NET_BIND_SERVICE), AIU_TRISTATE_NO);
        sys_fault = no_capget;
        ck_assert_int_eq(asker_has_capability(&q, CAP_NET_BIND_SERVICE), AIU_TRISTATE_UNKNOWN);
        sys_fault = NULL;
        q.plain_calls_only = 1;
        ck_assert_int_eq(asker_has_capability(&q, CAP_NET_BIND_SERVICE), AIU_TRISTATE_UNKNOWN);
}
END_TEST

static int error_of_stat;

static int refuse_stat(enum sys_call which)
{
        return which == SYS_CALL_FSTATAT ? error_of_stat : 0;
}

/* CAP_SYS_PTRACE, and yet a process is out of reach: Landlock does that. */
START_TEST(shut_out)
{
        struct aiu_request own = about(0);

        make_file("thread-self/status", "PPid:\t7\nNoNewPrivs:\t0\nCapEff:\t0000000000080000\n");
        ck_assert(!asker_may_be_sandboxed(&own));
        sys_fault = refuse_stat;
        error_of_stat = EACCES;
        ck_assert(asker_may_be_sandboxed(&own));
        error_of_stat = EPERM;
        ck_assert(asker_may_be_sandboxed(&own));
        error_of_stat = ESRCH;
        ck_assert(!asker_may_be_sandboxed(&own));
        error_of_stat = EACCES;
        make_file("thread-self/status", "NoNewPrivs:\t0\nCapEff:\t0000000000080000\n"); /* no parent is named */
        ck_assert(!asker_may_be_sandboxed(&own));
        make_file("thread-self/status", "PPid:\t7\nNoNewPrivs:\t0\nCapEff:\t0\n");
        ck_assert(!asker_may_be_sandboxed(&own));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("caller");
        TCase *tcase = tcase_create("caller");

        if (!can_enter_namespaces()) {
                printf("skipped: no namespaces here\n");
                return 77;
        }
        tcase_add_checked_fixture(tcase, enter_namespaces, NULL);
        tcase_add_checked_fixture(tcase, make_proc, close_proc);
        tcase_add_test(tcase, filters);
        tcase_add_test(tcase, many_groups);
        tcase_add_test(tcase, capabilities);
        tcase_add_test(tcase, unreadable);
        tcase_add_test(tcase, numbers);
        tcase_add_test(tcase, real_proc);
        tcase_add_test(tcase, limited_root);
        tcase_add_test(tcase, files_of_the_asker);
        tcase_add_test(tcase, capabilities_without_proc);
        tcase_add_test(tcase, shut_out);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
