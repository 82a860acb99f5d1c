/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * aiu_snapshot_fill_process() and aiu_snapshot_fill_holder(), lib/backend/process/fill.c: what a backend says of a
 * process is confirmed, and a number that was used again blames no process.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fixture/proc-fixture.h"
#include "fixture/scarce-memory.h"

#define NO_SUCH_PID 4194305 /* PID_MAX_LIMIT is 4194304 */

START_TEST(a_process)
{
        uint64_t inode;
        pid_t pid = start_holder(NULL, &inode);

        ck_assert_int_eq(aiu_snapshot_fill_process(&snapshot, &request, pid), 0);
        ck_assert_ptr_nonnull(process_of(pid));
        ck_assert_int_ne(process_of(pid)->uid, UID_UNKNOWN);
        ck_assert_ptr_nonnull(process_of(pid)->comm);
        ck_assert_uint_gt(process_of(pid)->start_time_usec, 0);
        ck_assert_ptr_null(ref_of(pid));
        stop_child(pid);
        ck_assert_int_eq(aiu_snapshot_fill_process(&snapshot, &request, pid), -ESRCH);
        ck_assert_int_eq(aiu_snapshot_fill_process(&snapshot, &request, NO_SUCH_PID), -ESRCH);
}
END_TEST

START_TEST(a_holder)
{
        int fd = tcp_socket();
        uint64_t inode = inode_of(fd);
        pid_t pid = getpid();

        ck_assert_int_eq(aiu_snapshot_fill_holder(&snapshot, &request, inode + 1, pid, 0, fd), -ESRCH);
        ck_assert_int_eq(aiu_snapshot_fill_holder(&snapshot, &request, inode, pid, 0, 1000000), -ESRCH);
        ck_assert_int_eq(aiu_snapshot_fill_holder(&snapshot, &request, inode, pid, NO_SUCH_PID, fd), -ESRCH);
        ck_assert_int_eq(aiu_snapshot_fill_holder(&snapshot, &request, inode, NO_SUCH_PID, 0, fd), -ESRCH);
        ck_assert_uint_eq(snapshot.n_refs + snapshot.n_processes, 0);
        ck_assert_int_eq(aiu_snapshot_fill_holder(&snapshot, &request, inode, pid, 0, fd), 0);
        ck_assert_ptr_nonnull(ref_of(pid));
        ck_assert_int_eq(ref_of(pid)->fds[0], fd);
        ck_assert(process_of(pid)->is_self);
        close(fd);
}
END_TEST

struct worker {
        pthread_barrier_t begun, end;
        pid_t tid;
        int fd;
};

static void *work(void *argument)
{
        struct worker *worker = argument;

        ck_assert_int_eq(unshare(CLONE_FILES), 0);
        worker->fd = tcp_socket();
        worker->tid = (pid_t)syscall(SYS_gettid);
        pthread_barrier_wait(&worker->begun);
        pthread_barrier_wait(&worker->end);
        return NULL;
}

/* Its process does not have the descriptor. */
START_TEST(a_thread_with_a_table_of_its_own)
{
        struct worker worker;
        pthread_t thread;
        char path[64], link[64];
        uint64_t inode = 0;
        ssize_t n;

        pthread_barrier_init(&worker.begun, NULL, 2);
        pthread_barrier_init(&worker.end, NULL, 2);
        ck_assert_int_eq(pthread_create(&thread, NULL, work, &worker), 0);
        pthread_barrier_wait(&worker.begun);
        (void)snprintf(path, sizeof(path), "/proc/self/task/%d/fd/%d", (int)worker.tid, worker.fd);
        n = readlink(path, link, sizeof(link) - 1);
        ck_assert_int_gt(n, 0);
        link[n] = '\0';
        inode = strtoull(strchr(link, '[') + 1, NULL, 10);
        ck_assert_int_eq(aiu_snapshot_fill_holder(&snapshot, &request, inode, getpid(), 0, worker.fd), -ESRCH);
        ck_assert_int_eq(aiu_snapshot_fill_holder(&snapshot, &request, inode, getpid(), worker.tid, worker.fd), 0);
        ck_assert_ptr_nonnull(ref_of(getpid()));
        pthread_barrier_wait(&worker.end);
        pthread_join(thread, NULL);
}
END_TEST

START_TEST(senseless)
{
        struct aiu_request without = request;

        without.procfs = -1;
        ck_assert_int_eq(aiu_snapshot_fill_process(NULL, &request, 1), -EINVAL);
        ck_assert_int_eq(aiu_snapshot_fill_process(&snapshot, NULL, 1), -EINVAL);
        ck_assert_int_eq(aiu_snapshot_fill_process(&snapshot, &request, 0), -EINVAL);
        ck_assert_int_eq(aiu_snapshot_fill_process(&snapshot, &without, 1), -ENOENT);
        ck_assert_int_eq(aiu_snapshot_fill_holder(NULL, &request, 1, 1, 0, 3), -EINVAL);
        ck_assert_int_eq(aiu_snapshot_fill_holder(&snapshot, NULL, 1, 1, 0, 3), -EINVAL);
        ck_assert_int_eq(aiu_snapshot_fill_holder(&snapshot, &request, 0, 1, 0, 3), -EINVAL);
        ck_assert_int_eq(aiu_snapshot_fill_holder(&snapshot, &request, 1, 0, 0, 3), -EINVAL);
        ck_assert_int_eq(aiu_snapshot_fill_holder(&snapshot, &request, 1, 1, -1, 3), -EINVAL);
        ck_assert_int_eq(aiu_snapshot_fill_holder(&snapshot, &request, 1, 1, 0, -1), -EINVAL);
        ck_assert_int_eq(aiu_snapshot_fill_holder(&snapshot, &without, 1, 1, 0, 3), -ENOENT);
}
END_TEST

/* The links of a process of another user are not to be read. */
static void foreign_links(void)
{
        EXPECT(2, aiu_snapshot_fill_holder(&snapshot, &request, 4711, getppid(), 0, 0) == -EACCES);
        EXPECT(3, snapshot.n_refs == 0 && snapshot.n_processes == 0);
        _exit(0);
}

START_TEST(denied)
{
        as_other_user(foreign_links);
}
END_TEST

START_TEST(scarce)
{
        int fd = tcp_socket(), r = -ENOMEM;
        uint64_t inode = inode_of(fd);

        for (unsigned int at = 1; r == -ENOMEM; at++) {
                bool failed;

                snapshot_finish(&snapshot);
                scarce_memory_begin(at, false);
                r = aiu_snapshot_fill_holder(&snapshot, &request, inode, getpid(), 0, fd);
                failed = scarce_memory_end();
                ck_assert_msg(r == (failed ? -ENOMEM : 0), "allocation %u: %d", at, r);
        }
        close(fd);
}
END_TEST

static Suite *make_suite(void)
{
        Suite *suite = suite_create("fill");
        TCase *tcase = tcase_create("all");

        tcase_set_timeout(tcase, 60);
        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, a_process);
        tcase_add_test(tcase, a_holder);
        tcase_add_test(tcase, a_thread_with_a_table_of_its_own);
        tcase_add_test(tcase, senseless);
        tcase_add_test(tcase, denied);
        tcase_add_test(tcase, scarce);
        suite_add_tcase(suite, tcase);
        return suite;
}

int main(void)
{
        run_in_namespaces(make_suite);
}
