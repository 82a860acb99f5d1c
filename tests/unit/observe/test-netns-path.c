/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* netns-path.c: by which file a namespace is entered; and the commands made of that, in advice of a real one. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture/host-fixture.h"
#include "observe/netns-path.h"
#include "util/netns.h"
#include "fixture/run-suite.h"

static pid_t child;
static int other = -1;

/* A process in a network namespace of its own. */
static void make_other(void)
{
        int ready[2];
        char path[64], byte;

        ck_assert_int_eq(pipe(ready), 0);
        child = fork();
        if (child == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                /* With lo down there is no table of local addresses, and bind(2) takes any. */
                if (unshare(CLONE_NEWNET) < 0 || try_ip("link set lo up") != 0 || write(ready[1], "x", 1) != 1)
                        _exit(1);
                pause();
                _exit(0);
        }
        ck_assert_int_eq((int)read(ready[0], &byte, 1), 1);
        close(ready[0]);
        close(ready[1]);
        (void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)child);
        other = open(path, O_RDONLY | O_CLOEXEC);
        ck_assert_int_ge(other, 0);
}

static void end_other(void)
{
        close(other);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
}

START_TEST(own)
{
        int here = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

        ck_assert(netns_is_own(request.procfs, here));
        ck_assert(!netns_is_own(request.procfs, other));
        ck_assert(!netns_is_own(-1, here));
        ck_assert(!netns_is_own(request.procfs, -1));
        close(here);
}
END_TEST

START_TEST(by_process)
{
        char expected[64], *path = NULL;

        ck_assert_int_eq(netns_find_path(&request, other, false, &path), 0);
        ck_assert_ptr_null(path);
        ck_assert_int_eq(netns_find_path(&request, other, true, &path), 0);
        (void)snprintf(expected, sizeof(expected), "/proc/%d/ns/net", (int)child);
        ck_assert_ptr_nonnull(path);
        ck_assert_str_eq(path, expected);
        free(path);
        path = NULL;
        ck_assert_int_eq(netns_find_path(&request, -1, true, &path), 0);
        ck_assert_ptr_null(path);
}
END_TEST

/* As `ip netns add` makes one. A name outlives processes, so it comes first. */
START_TEST(by_name)
{
        char source[64], *path = NULL;

        ck_assert_int_eq(mount("none", "/run", "tmpfs", 0, NULL), 0);
        ck_assert_int_eq(mkdir("/run/netns", 0755), 0);
        make_file("/run/netns/another", "");
        make_file("/run/netns/blue one", "");
        (void)snprintf(source, sizeof(source), "/proc/%d/ns/net", (int)child);
        ck_assert_int_eq(mount(source, "/run/netns/blue one", NULL, MS_BIND, NULL), 0);
        ck_assert_int_eq(netns_find_path(&request, other, true, &path), 0);
        ck_assert_ptr_nonnull(path);
        ck_assert_str_eq(path, "/run/netns/blue one");
        free(path);
}
END_TEST

START_TEST(too_late)
{
        char *path = NULL;

        request.deadline_nsec = 1;
        ck_assert_int_eq(netns_find_path(&request, other, true, &path), 0);
        free(path);
}
END_TEST

/* ------------------------------------------------------ in a report */

static struct aiu_report *ask_there(const char *address, int nsfd)
{
        struct aiu_query *query = NULL;
        struct aiu_report *report = NULL;

        ck_assert_int_eq(aiu_query_new(NULL, &query), 0);
        ck_assert_int_eq(aiu_query_set_netns(query, nsfd), 0);
        ck_assert_int_eq(aiu_query_set_address_string(query, address, 8080), 0);
        ck_assert_int_eq(aiu_query_run(query, &report), 0);
        aiu_query_unref(query);
        return report;
}

static const struct aiu_action *find_kind(const struct aiu_report *report, enum aiu_action_kind kind)
{
        for (size_t i = 0; i < aiu_report_get_n_actions(report); i++)
                if (aiu_action_get_kind(aiu_report_get_action(report, i)) == kind)
                        return aiu_report_get_action(report, i);
        return NULL;
}

/* Whatever is offered for an address there: nothing that changes a network namespace does so here. */
START_TEST(commands_go_there)
{
        struct aiu_report *report = ask_there("203.0.113.9", other);
        const struct aiu_action *add = find_kind(report, AIU_ACTION_ADD_ADDRESS);
        const char *const *argv;
        char expected[64];

        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_NOT_LOCAL);
        ck_assert_ptr_nonnull(add);
        argv = aiu_action_get_argv(add);
        ck_assert_ptr_nonnull(argv);
        (void)snprintf(expected, sizeof(expected), "--net=/proc/%d/ns/net", (int)child);
        ck_assert_str_eq(argv[0], "nsenter");
        ck_assert_str_eq(argv[1], expected);
        ck_assert_str_eq(argv[2], "--");
        ck_assert_str_eq(argv[3], "ip");
        ck_assert(aiu_action_get_flags(add) & AIU_ACTION_ELSEWHERE);
        aiu_report_unref(report);
}
END_TEST

/* A descriptor alone: no file is known that nsenter could open. */
START_TEST(no_command_without_a_file)
{
        struct aiu_report *report;
        const struct aiu_action *add;

        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        report = ask_there("203.0.113.9", other);
        add = find_kind(report, AIU_ACTION_ADD_ADDRESS);
        ck_assert_ptr_nonnull(add);
        ck_assert_ptr_null(aiu_action_get_argv(add));
        ck_assert(aiu_action_get_flags(add) & AIU_ACTION_ELSEWHERE);
        aiu_report_unref(report);
        child = fork();
        if (child == 0)
                _exit(0);
}
END_TEST

START_TEST(own_namespace_is_here)
{
        int here = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        struct aiu_report *report;
        const struct aiu_action *add;

        ip("link set lo up");
        report = ask_there("203.0.113.9", here);
        add = find_kind(report, AIU_ACTION_ADD_ADDRESS);
        ck_assert_ptr_nonnull(add);
        ck_assert_str_eq(aiu_action_get_argv(add)[0], "ip");
        ck_assert(!(aiu_action_get_flags(add) & AIU_ACTION_ELSEWHERE));
        aiu_report_unref(report);
        close(here);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("netns-path");
        TCase *tcase = tcase_create("netns-path");

        if (!can_enter_namespaces() || !have_ip()) {
                printf("skipped: no namespaces here, or no ip(8)\n");
                return 77;
        }
        tcase_add_checked_fixture(tcase, enter_namespaces, forget_snapshot);
        tcase_add_checked_fixture(tcase, make_other, end_other);
        tcase_add_test(tcase, own);
        tcase_add_test(tcase, by_process);
        tcase_add_test(tcase, by_name);
        tcase_add_test(tcase, too_late);
        tcase_add_test(tcase, commands_go_there);
        tcase_add_test(tcase, no_command_without_a_file);
        tcase_add_test(tcase, own_namespace_is_here);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
