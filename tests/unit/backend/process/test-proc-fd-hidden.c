/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The holders phase where holders are hard to see: sockets in flight, in tables
 * of threads, in io_uring; recycled process numbers; no permission, no
 * descriptors, and every system call failing in turn.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/backends.h"
#include "util/macro.h"
#include "backend/process/proc-fd.h"
#include "fixture/proc-fixture.h"
#include "util/sys-fault.h"
#include "util/sys.h"

static void send_fd(int over, int fd)
{
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(sizeof(int))];
        } control = { .header = { 0 } };
        struct iovec iov = { .iov_base = &(char){ 0 }, .iov_len = 1 };
        struct msghdr message = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
        };

        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
        ck_assert_int_eq(sendmsg(over, &message, 0), 1);
}

START_TEST(live_in_flight)
{
        int pair[2], fd = tcp_socket();

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
        want(inode_of(fd));
        send_fd(pair[0], fd);
        close(fd);
        ck_assert_int_eq(look(), AIU_COMPLETE);
        ck_assert_uint_eq(snapshot.n_refs, 0);
        ck_assert(snapshot.n_gaps == 1);
        ck_assert(have_gap(AIU_GAP_NAMESPACE, "namespace") || have_gap(AIU_GAP_BACKEND, "SCM_RIGHTS"));
        close(pair[0]);
        close(pair[1]);
}
END_TEST

/* A thread with a table of its own keeps what its process has closed. */
struct proxy {
        int fd;
        int table_is_own;
        pthread_barrier_t barrier;
};

static void *keep(void *arg)
{
        struct proxy *proxy = arg;

        proxy->table_is_own = unshare(CLONE_FILES) == 0;
        pthread_barrier_wait(&proxy->barrier);
        for (;;)
                pause();
        return NULL;
}

static void start_keeper(void *arg)
{
        struct proxy proxy = { .fd = *(int *)arg };
        pthread_t thread;

        pthread_barrier_init(&proxy.barrier, NULL, 2);
        if (pthread_create(&thread, NULL, keep, &proxy) != 0)
                _exit(1);
        pthread_barrier_wait(&proxy.barrier);
        if (!proxy.table_is_own)
                _exit(1);
        close(proxy.fd);
        /* Something else takes the number: the two tables have equally many. */
        if (open("/dev/null", O_RDONLY) != proxy.fd)
                _exit(1);
}

START_TEST(live_thread_table)
{
        uint64_t inode;
        pid_t pid = start_holder(start_keeper, &inode);

        want(inode);
        ck_assert_int_eq(look(), AIU_COMPLETE);
        ck_assert_uint_eq(snapshot.n_refs, 1);
        ck_assert_ptr_nonnull(ref_of(pid));
        ck_assert_int_eq(process_of(pid)->ppid, getpid());
        stop_child(pid);
}
END_TEST

static void register_in_ring(void *arg)
{
        struct io_uring_params params = { 0 };
        int fd = *(int *)arg;
        int ring = (int)syscall(SYS_io_uring_setup, 4, &params);

        if (ring < 0 || syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES, &fd, 1) < 0)
                _exit(1);
        close(fd);
}

static bool rings_work(void)
{
        struct io_uring_params params = { 0 };
        int ring = (int)syscall(SYS_io_uring_setup, 4, &params);

        if (ring < 0) {
                printf("live_ring: no io_uring here: %s\n", strerror(errno));
                return false;
        }
        close(ring);
        return true;
}

START_TEST(live_ring)
{
        uint64_t inode;
        pid_t pid;

        if (!rings_work())
                return;
        pid = start_holder(register_in_ring, &inode);
        request.plain_calls_only = _i;
        want(inode);
        ck_assert_int_eq(look(), AIU_COMPLETE);
        ck_assert_uint_eq(snapshot.n_refs, 1);
        ck_assert_ptr_nonnull(ref_of(pid));
        ck_assert_uint_eq(ref_of(pid)->n_fds, 0);
        stop_child(pid);
}
END_TEST

/* Give the number of a dead process to a new one. */
static bool reuse_pid(pid_t pid, pid_t *ret_child)
{
        FILE *f = fopen("/proc/sys/kernel/ns_last_pid", "w");
        bool ok;

        if (!f)
                return false;
        ok = fprintf(f, "%d", (int)pid - 1) > 0;
        if (fclose(f) != 0 || !ok)
                return false;
        *ret_child = start_child(NULL, NULL);
        return *ret_child == pid;
}

START_TEST(live_recycled_pid)
{
        struct scan *scan = calloc(1, sizeof(*scan));
        struct scan_walk walk = { .directory = -1 };
        int directory;
        char path[32];
        uint64_t inode;
        pid_t child;

        walk.pid = start_holder(NULL, &inode);
        want(inode);
        scan->request = &request;
        scan->snapshot = &snapshot;
        scan->procfs = procfs;
        proc_reader_init(&scan->reader, procfs, &request);
        snprintf(path, sizeof(path), "%d/fd", (int)walk.pid);
        walk.table = openat(procfs, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ck_assert_int_ge(walk.table, 0);
        directory = openat(walk.table, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        ck_assert_int_ge(directory, 0);
        stop_child(walk.pid);
        if (!reuse_pid(walk.pid, &child)) {
                printf("live_recycled_pid: the number cannot be had again here\n");
                return;
        }
        /* As if it had died between the walk and the reading of its facts. */
        scan->hits[scan->n_hits++] = (struct scan_hit){ .inode = inode, .fd = 3 };
        ck_assert_int_eq(scan_table(scan, &walk), 0);
        ck_assert_uint_eq(scan->n_hits, 0);
        ck_assert_int_eq(proc_reader_add(&scan->reader, directory, walk.pid, &snapshot), -ESRCH);
        ck_assert_uint_eq(snapshot.n_refs, 0);
        ck_assert_uint_eq(snapshot.n_processes, 0);
        close(directory);
        stop_child(child);
        free(scan);
}
END_TEST

static void look_denied(void)
{
        EXPECT(1, look() == AIU_PARTIAL);
        EXPECT(2, snapshot.n_refs == 0);
        EXPECT(3, have_gap(AIU_GAP_PERMISSION, "of uid 0 could not be inspected"));
}

START_TEST(live_denied)
{
        uint64_t inode;
        pid_t pid = start_holder(NULL, &inode);

        want(inode);
        as_other_user(look_denied);
        stop_child(pid);
}
END_TEST

/* A zombie's descriptors cannot be looked at, but it has none. */
static void look_at_zombie(void)
{
        siginfo_t info;
        size_t n_gaps;
        pid_t pid;

        (void)look();
        n_gaps = snapshot.n_gaps;
        EXPECT(1, have_gap(AIU_GAP_PERMISSION, "of uid 0 could"));
        pid = fork();
        EXPECT(2, pid >= 0);
        if (pid == 0)
                _exit(0);
        EXPECT(3, waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
        (void)look();
        /* The same gap again is not added. */
        EXPECT(4, snapshot.n_gaps == n_gaps);
}

START_TEST(live_zombie)
{
        want(1);
        as_other_user(look_at_zombie);
}
END_TEST

/* ck_assert must not be needed under RLIMIT_NOFILE 0: it writes to a pipe that is open. */
START_TEST(live_no_descriptors)
{
        struct rlimit limit, none;
        uint64_t inode;
        pid_t pid = start_holder(NULL, &inode);
        rlim_t free_fds = (rlim_t)_i;
        int lowest = dup(0), r;

        close(lowest);
        want(inode);
        ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
        none = limit;
        none.rlim_cur = (rlim_t)lowest + free_fds;
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
        r = look();
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
        ck_assert_int_eq(r, free_fds < 2 ? -EMFILE : AIU_COMPLETE);
        ck_assert_int_eq(have_gap(AIU_GAP_BACKEND, "no file descriptor"), free_fds < 2);
        /* With one it can be found, but not described. */
        ck_assert_int_eq(ref_of(pid) != NULL, free_fds >= 1);
        if (free_fds >= 2)
                ck_assert_ptr_nonnull(process_of(pid)->comm);
        stop_child(pid);
}
END_TEST

#ifdef AIU_TESTING
/* Every call fails once, in each way: nothing may be lost without a word. */
static enum sys_call faulty_call;
static int faulty_error, calls_until_fault;

static int fail_once(enum sys_call which)
{
        if (which != faulty_call || --calls_until_fault != 0)
                return 0;
        return faulty_error;
}

static void check_after_fault(pid_t pid, int r)
{
        int lowest = dup(0);

        close(lowest);
        ck_assert_int_eq(lowest, procfs + 1);
        if (!ref_of(pid))
                ck_assert_msg(r < 0 || snapshot.n_gaps > 0, "call %d, error %d: lost in silence", (int)faulty_call,
                              faulty_error);
}

START_TEST(live_faults)
{
        static const int errors[] = {
                EPERM, EACCES, ENOENT, ESRCH, EMFILE, ENFILE, ENOMEM, EIO, ENOSYS, SYS_FAULT_SHORT, SYS_FAULT_EOF,
        };
        uint64_t inode;
        pid_t pid = start_holder(NULL, &inode);

        faulty_call = (enum sys_call)(_i % SYS_CALL_COUNT);
        request.plain_calls_only = _i / SYS_CALL_COUNT;
        sys_fault = fail_once;
        for (size_t i = 0; i < ELEMENTSOF(errors); i++) {
                faulty_error = errors[i];
                calls_until_fault = 0;
                for (int at = 1; calls_until_fault <= 0 && at < 500; at++) {
                        snapshot_finish(&snapshot);
                        want(inode);
                        calls_until_fault = at;
                        check_after_fault(pid, look());
                        (void)backend_options.options(NULL, &request, &snapshot);
                }
        }
        sys_fault = NULL;
        stop_child(pid);
}
END_TEST
#endif

static Suite *make_suite(void)
{
        Suite *suite = suite_create("proc-fd-hidden");
        TCase *tests = tcase_create("proc-fd-hidden");

        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_test(tests, live_in_flight);
        tcase_add_test(tests, live_thread_table);
        tcase_add_loop_test(tests, live_ring, 0, 2);
        tcase_add_test(tests, live_recycled_pid);
        tcase_add_test(tests, live_denied);
        tcase_add_test(tests, live_zombie);
        tcase_add_loop_test(tests, live_no_descriptors, 0, 4);
#ifdef AIU_TESTING
        tcase_add_loop_test(tests, live_faults, 0, SYS_CALL_COUNT * 2);
#endif
        suite_add_tcase(suite, tests);
        return suite;
}

int main(void)
{
        run_in_namespaces(make_suite);
}
