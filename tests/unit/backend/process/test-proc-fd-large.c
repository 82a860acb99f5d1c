/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The holders phase among users who fill descriptor tables with dup(2): the answer
 * is found, costs a bounded number of descriptors, and says what was left out. What
 * is looked at is counted in calls, so that no clock decides.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/backends.h"
#include "util/macro.h"
#include "fixture/proc-fixture.h"
#include "util/sys-fault.h"

#define MALLORY 65533u
#define TRENT 65534u
#define LARGE 5000 /* more than the 4096 of a large table */
#define FLOOD 12   /* processes, more than one user's allowance of 32768 descriptors */
#define FEW 2000   /* descriptors of all other processes in sight */

struct table {
        uid_t uid;
        int n_fds;
        int drop; /* the test's socket, which is closed; -1 = it is kept */
        bool dumpable;
};

static void fill(void *arg)
{
        const struct table *table = arg;
        struct rlimit limit = { 20000, 20000 };
        int null = open("/dev/null", O_RDONLY);

        if (setrlimit(RLIMIT_NOFILE, &limit) < 0 || null < 0)
                _exit(1);
        close(table->drop);
        if (setgroups(0, NULL) < 0 || setresgid(table->uid, table->uid, table->uid) < 0 ||
            setresuid(table->uid, table->uid, table->uid) < 0)
                _exit(1);
        if (table->dumpable && prctl(PR_SET_DUMPABLE, 1) < 0)
                _exit(1);
        for (int n = 4; n < table->n_fds; n++)
                if (dup(null) < 0)
                        _exit(1);
}

static unsigned int n_looked_at;

static int count(enum sys_call which)
{
        n_looked_at += which == SYS_CALL_STATX;
        return 0;
}

/* Without the allocations that fail, which would look some 50 times. */
static int look_counting(void)
{
        int r;

        n_looked_at = 0;
        sys_fault = count;
        r = look();
        sys_fault = NULL;
        return r;
}

static pid_t flood[FLOOD];

static void start_flood(struct table *table)
{
        for (size_t i = 0; i < FLOOD; i++) {
                table->dumpable = i % 2 == 0;
                flood[i] = start_child(fill, table);
        }
}

static void stop_flood(void)
{
        for (size_t i = 0; i < FLOOD; i++)
                stop_child(flood[i]);
}

/* The size of /proc/PID/fd, and users of other numbers. */
static bool can_run(void)
{
        struct stat st;

        if (stat("/proc/self/fd", &st) < 0 || st.st_size == 0)
                printf("skipped: before Linux 6.2 /proc does not tell the size of a table\n");
        else if (geteuid() != 0 || setgroups(0, NULL) < 0)
                printf("skipped: this user cannot become another one\n");
        else
                return true;
        return false;
}

START_TEST(live_flood_is_left_out)
{
        struct table table = { .uid = MALLORY, .n_fds = LARGE };
        uint64_t inode;
        pid_t pid;

        if (!can_run())
                return;
        table.drop = tcp_socket();
        inode = inode_of(table.drop);
        start_flood(&table);
        pid = start_child(NULL, NULL);
        close(table.drop);
        want(inode);
        ck_assert_int_eq(look_counting(), AIU_PARTIAL);
        ck_assert_ptr_nonnull(ref_of(pid));
        ck_assert(have_gap(AIU_GAP_TRUNCATED, "descriptors of 6 processes of uid 65533 were skipped"));
        ck_assert_uint_lt(n_looked_at, 32768 + FEW);
        stop_child(pid);
        stop_flood();
}
END_TEST

/* With no other holder in sight all are looked at, and nothing is left to be said. */
START_TEST(live_flood_holds)
{
        struct table table = { .uid = MALLORY, .n_fds = LARGE },
                     holder = { .uid = MALLORY, .n_fds = 3 * LARGE, .drop = -1 };
        uint64_t inode;
        pid_t pid;

        if (!can_run())
                return;
        table.drop = tcp_socket();
        inode = inode_of(table.drop);
        start_flood(&table);
        pid = start_child(fill, &holder);
        close(table.drop);
        want(inode);
        ck_assert_int_eq(look_counting(), AIU_COMPLETE);
        ck_assert_ptr_nonnull(ref_of(pid));
        ck_assert_uint_eq(snapshot.n_gaps, 0);
        stop_child(pid);
        stop_flood();
}
END_TEST

/* A worker with many connections has its listener under the number that its master has. */
START_TEST(live_worker_is_found)
{
        struct table table = { .uid = MALLORY, .n_fds = LARGE },
                     worker = { .uid = MALLORY, .n_fds = 3 * LARGE, .drop = -1 };
        uint64_t inode;
        pid_t master, pid;

        if (!can_run())
                return;
        table.drop = tcp_socket();
        inode = inode_of(table.drop);
        start_flood(&table);
        master = start_child(NULL, NULL);
        pid = start_child(fill, &worker);
        close(table.drop);
        want(inode);
        ck_assert_int_eq(look_counting(), AIU_PARTIAL);
        ck_assert_ptr_nonnull(ref_of(master));
        ck_assert_ptr_nonnull(ref_of(pid));
        ck_assert(have_gap(AIU_GAP_TRUNCATED, "of 6 processes of uid 65533"));
        stop_child(master);
        stop_child(pid);
        stop_flood();
}
END_TEST

/* One user's flood does not come before another user's only table. */
START_TEST(live_users_take_turns)
{
        struct table table = { .uid = MALLORY, .n_fds = LARGE },
                     holder = { .uid = TRENT, .n_fds = LARGE + 500, .drop = -1 };
        uint64_t inode;
        pid_t pid;

        if (!can_run())
                return;
        table.drop = tcp_socket();
        inode = inode_of(table.drop);
        start_flood(&table);
        pid = start_child(fill, &holder);
        close(table.drop);
        want(inode);
        request.context_flags = AIU_CONTEXT_FIRST_HOLDER;
        (void)look_counting();
        ck_assert_ptr_nonnull(ref_of(pid));
        ck_assert_uint_lt(n_looked_at, 2 * LARGE + 500 + FEW);
        stop_child(pid);
        stop_flood();
}
END_TEST

/* A few large tables are looked at, and everything is known. No memory for the list: -ENOMEM. */
START_TEST(live_large_is_looked_at)
{
        struct table holder = { .uid = TRENT, .n_fds = LARGE, .drop = -1 };
        uint64_t inode;
        pid_t master, pid;
        int fd;

        if (!can_run())
                return;
        fd = tcp_socket();
        inode = inode_of(fd);
        master = start_child(NULL, NULL);
        pid = start_child(fill, &holder);
        close(fd);
        want(inode);
        ck_assert_int_eq(look(), AIU_COMPLETE);
        ck_assert_ptr_nonnull(ref_of(master));
        ck_assert_ptr_nonnull(ref_of(pid));
        ck_assert_uint_eq(snapshot.n_gaps, 0);
        stop_child(master);
        stop_child(pid);
}
END_TEST

static Suite *make_suite(void)
{
        Suite *suite = suite_create("proc-fd-large");
        TCase *tests = tcase_create("proc-fd-large");

        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_test(tests, live_flood_is_left_out);
        tcase_add_test(tests, live_flood_holds);
        tcase_add_test(tests, live_worker_is_found);
        tcase_add_test(tests, live_users_take_turns);
        tcase_add_test(tests, live_large_is_looked_at);
        suite_add_tcase(suite, tests);
        return suite;
}

int main(void)
{
        run_in_namespaces(make_suite);
}
