/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * aiu_watch where something is refused: each system call fails once, each allocation fails once. A watch that could not
 * be made leaves nothing behind, in the context neither, and each failure is told, or counted as lost.
 */
#include <addrinuse-backend.h>
#include <addrinuse-bpf.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture/run-suite.h"
#include "fixture/scarce-memory.h"
#include "refusing.h"

#define MOST_CALLS 2000u
#define PORT 8077
#define TRACING "/sys/kernel/tracing"

/* The mount is in a namespace of our own. */
static bool can_watch(void)
{
        struct aiu_watch *watch = NULL;

        if (geteuid() != 0 || unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 || !raise_loopback() ||
            mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return false;
        if (access(TRACING "/events", F_OK) < 0)
                (void)mount("none", TRACING, "tracefs", 0, NULL);
        if (aiu_watch_new(NULL, 0, &watch) < 0)
                return false;
        aiu_watch_unref(watch);
        return true;
}

static bool is_documented(int r)
{
        return r == 0 || r == -EPERM || r == -ENOSYS || r == -ENOENT || r == -EOPNOTSUPP || r == -ENOMEM ||
               r == -EMFILE;
}

/* ------------------------------------------------------ a new watch */

static int try_watch(struct aiu_context *context)
{
        struct aiu_watch *watch = NULL;
        int r = aiu_watch_new(context, 0, &watch);

        aiu_watch_unref(watch);
        return r;
}

/* A context that is asked for months must not collect a backend with each attempt. */
static void check_context(struct aiu_context *context, int r)
{
        ck_assert_int_eq(aiu_context_disable_backend(context, "bpf-watch"), r < 0 ? -ENOENT : 0);
        aiu_context_unref(context);
}

START_TEST(test_new_with_a_failing_call)
{
        static const int errors[] = { EPERM, ENOMEM, EMFILE };
        unsigned int before = count_descriptors(), at = 1;
        bool reached = true;

        for (; reached && at < MOST_CALLS; at += at < 40 ? 1 : 3) {
                struct aiu_context *context = new_context();
                int r;

                refusing_begin(at, errors[at % 3]);
                r = try_watch(context);
                reached = refusing_end();
                ck_assert_msg(is_documented(r), "call %u: %d", at, r);
                check_context(context, r);
                ck_assert_msg(count_descriptors() == before, "call %u left a descriptor", at);
        }
        ck_assert(!reached);
}
END_TEST

START_TEST(test_new_with_a_failing_allocation)
{
        unsigned int before = count_descriptors();
        bool failed = true;

        for (unsigned int at = 1; failed; at++) {
                struct aiu_context *context = new_context();
                int r;

                scarce_memory_begin(at, at % 2 == 0);
                r = try_watch(context);
                failed = scarce_memory_end();
                ck_assert_int_eq(r, failed ? -ENOMEM : 0);
                check_context(context, r);
                ck_assert_int_eq(count_descriptors(), before);
        }
}
END_TEST

/* ------------------------------------------------------ what is told */

/* Of the network namespace of this test alone: others may run on this host. */
static struct aiu_watch *new_watch(void)
{
        struct aiu_watch *watch = NULL;
        struct stat st;

        ck_assert_int_eq(stat("/proc/self/ns/net", &st), 0);
        ck_assert_int_eq(aiu_watch_new(NULL, 0, &watch), 0);
        ck_assert_int_eq(aiu_watch_set_netns(watch, st.st_ino), 0);
        return watch;
}

/* Another process: the failures of the one that watches are not told of. */
static void fail_elsewhere(unsigned int n)
{
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_port = htons(PORT),
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        pid_t child = fork();
        int status;

        if (child == 0) {
                int first = socket(AF_INET, SOCK_STREAM, 0), second = socket(AF_INET, SOCK_STREAM, 0);

                (void)bind(first, (struct sockaddr *)&address, sizeof(address));
                while (n-- > 0)
                        (void)bind(second, (struct sockaddr *)&address, sizeof(address));
                _exit(0);
        }
        ck_assert_int_eq(waitpid(child, &status, 0), child);
}

/* How many failures are told of until nothing comes. */
static uint64_t take_all(struct aiu_watch *watch)
{
        struct aiu_report *report = NULL;
        uint64_t n = 0;

        while (aiu_watch_next(watch, &report) == 1) {
                n += 1 + aiu_watch_get_repeats(watch);
                aiu_report_unref(report);
        }
        return n;
}

/* Until the kernel's counts were taken once while it ran: the second of the first failure is over then. */
static uint64_t take_until_counted(struct aiu_watch *watch)
{
        struct pollfd ready = { .fd = aiu_watch_get_fd(watch), .events = POLLIN };
        uint64_t n = 0;

        while (n < 2 && poll(&ready, 1, 60000) > 0)
                n += take_all(watch);
        return n;
}

START_TEST(test_counts_after_a_stop)
{
        struct aiu_watch *watch = new_watch();
        uint64_t n;

        fail_elsewhere(2);
        n = take_until_counted(watch);
        ck_assert_uint_eq(n, 2);
        fail_elsewhere(1000);
        ck_assert_int_eq(aiu_watch_stop(watch), 0);
        n += take_all(watch);
        ck_assert_uint_eq(n, 1002);
        ck_assert_uint_eq(aiu_watch_get_lost(watch), 0);
        aiu_watch_unref(watch);
}
END_TEST

START_TEST(test_next_with_a_failing_allocation)
{
        bool failed = true;

        for (unsigned int at = 1; failed && at < MOST_CALLS; at++) {
                /* A new one each time: equal failures of one second are counted. */
                struct aiu_watch *watch = new_watch();
                struct aiu_report *report = NULL;
                int r;

                fail_elsewhere(1);
                scarce_memory_begin(at, false);
                r = aiu_watch_next(watch, &report);
                failed = scarce_memory_end();
                ck_assert_msg(r == 1 || (failed && (r == -ENOMEM || r == 0)), "allocation %u: %d", at, r);
                ck_assert_uint_eq((uint64_t)(r == 1) + aiu_watch_get_lost(watch), 1);
                aiu_report_unref(report);
                aiu_watch_unref(watch);
        }
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("watch-refused");
        TCase *tests = tcase_create("refused");

        if (!can_watch()) {
                printf("skipped: nothing can be watched here\n");
                return 77;
        }
        tcase_add_test(tests, test_new_with_a_failing_call);
        tcase_add_test(tests, test_new_with_a_failing_allocation);
        tcase_add_test(tests, test_counts_after_a_stop);
        tcase_add_test(tests, test_next_with_a_failing_allocation);
        suite_add_tcase(suite, tests);
        return run_suite(suite);
}
