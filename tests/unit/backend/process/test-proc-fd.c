/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The holders phase, lib/backend/process/proc-fd*.c, on real processes in namespaces of
 * the test's own: which process is found, which facts are reported, in which order, how long it
 * may take. What is hidden or goes wrong is in test-proc-fd-hidden.c.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "backend/backends.h"
#include "util/macro.h"
#include "fixture/proc-fixture.h"
#include "util/sys-fault.h"
#include "util/sys.h"

START_TEST(live_nothing_wanted)
{
        request.procfs = -1;
        ck_assert_int_eq(look(), AIU_COMPLETE);
        ck_assert_uint_eq(snapshot.n_gaps, 0);
}
END_TEST

START_TEST(live_no_procfs)
{
        want(1);
        request.procfs = -1;
        ck_assert_int_eq(look(), -ENOENT);
        ck_assert(have_gap(AIU_GAP_BACKEND, "/proc is not mounted"));
}
END_TEST

START_TEST(live_not_a_procfs)
{
        int fd = open("/", O_RDONLY | O_DIRECTORY);

        want(1);
        request.procfs = fd;
        ck_assert_int_eq(look(), -ENOTSUP);
        request.plain_calls_only = 1;
        ck_assert_int_eq(look(), -ENOTSUP);
        ck_assert(have_gap(AIU_GAP_BACKEND, "not a procfs"));
        close(fd);
}
END_TEST

static int no_statx(enum sys_call which)
{
        return which == SYS_CALL_STATX ? EPERM : 0;
}

/* By statx(), with plain calls, and where statx() is refused. */
START_TEST(live_child)
{
        uint64_t inode;
        pid_t pid = start_holder(NULL, &inode);
        const struct process *p;
        struct timespec now;

        request.plain_calls_only = _i == 1;
#ifdef AIU_TESTING
        sys_fault = _i == 2 ? no_statx : NULL;
#else
        (void)no_statx;
#endif
        want(inode);
        ck_assert_int_eq(look(), AIU_COMPLETE);
        ck_assert_uint_eq(snapshot.n_refs, 1);
        ck_assert_ptr_nonnull(ref_of(pid));
        ck_assert_uint_eq(ref_of(pid)->n_fds, 1);
        p = process_of(pid);
        ck_assert_int_eq(p->ppid, getpid());
        ck_assert_uint_eq(p->uid, geteuid());
        ck_assert(!p->is_self);
        ck_assert_uint_eq(p->flags, AIU_HOLDER_SAME_PROGRAM);
        ck_assert_int_eq(p->sigterm_ignored, NO);
        ck_assert_int_eq(p->sigterm_caught, NO);
        ck_assert_uint_ge(p->n_ancestors, 1);
        ck_assert_int_eq(p->ancestor_pids[0], getpid());
        ck_assert_int_eq(p->ancestor_pids[p->n_ancestors - 1], 1);
        ck_assert_ptr_nonnull(p->exe);
        ck_assert_ptr_nonnull(p->cwd);
        ck_assert_uint_gt(p->cmdline_bytes, 0);
        clock_gettime(CLOCK_REALTIME, &now);
        ck_assert_uint_le(p->start_time_usec / 1000000, (uint64_t)now.tv_sec + 1);
        ck_assert_uint_ge(p->start_time_usec / 1000000, (uint64_t)now.tv_sec - 5);
        ck_assert_uint_eq(snapshot.n_gaps, 0);
        stop_child(pid);
}
END_TEST

START_TEST(live_self)
{
        int fd = tcp_socket(), second = dup(fd);

        want(inode_of(fd));
        ck_assert_int_eq(look(), AIU_COMPLETE);
        ck_assert_uint_eq(snapshot.n_refs, 1);
        ck_assert_uint_eq(ref_of(getpid())->n_fds, 2);
        ck_assert(process_of(getpid())->is_self);
        ck_assert_uint_eq(process_of(getpid())->flags & AIU_HOLDER_SAME_PROGRAM, 0);
        close(fd);
        close(second);
}
END_TEST

/* No descriptor is left behind and none that we pass is moved or closed. */
START_TEST(live_leaves_nothing)
{
        uint64_t inode;
        pid_t pid = start_holder(NULL, &inode);
        int before = dup(0), after;

        close(before);
        want(inode);
        ck_assert_int_eq(look(), AIU_COMPLETE);
        ck_assert_int_eq(backend_options.options(NULL, &request, &snapshot), AIU_COMPLETE);
        after = dup(0);
        close(after);
        ck_assert_int_eq(before, after);
        ck_assert_int_eq((int)lseek(procfs, 0, SEEK_CUR), 0);
        stop_child(pid);
}
END_TEST

START_TEST(live_inherited)
{
        pid_t pids[3];
        int fd = tcp_socket();

        for (size_t i = 0; i < ELEMENTSOF(pids); i++)
                pids[i] = start_child(NULL, NULL);
        want(inode_of(fd));
        ck_assert_int_eq(look(), AIU_COMPLETE);
        ck_assert_uint_eq(snapshot.n_refs, 4);
        for (size_t i = 0; i < ELEMENTSOF(pids); i++) {
                ck_assert_ptr_nonnull(ref_of(pids[i]));
                stop_child(pids[i]);
        }
        close(fd);
}
END_TEST

START_TEST(live_first_holder)
{
        int fd = tcp_socket();
        pid_t pid = start_child(NULL, NULL);

        request.context_flags = AIU_CONTEXT_FIRST_HOLDER;
        want(inode_of(fd));
        ck_assert_int_eq(look(), AIU_COMPLETE);
        ck_assert_uint_eq(snapshot.n_refs, 1);
        ck_assert_ptr_nonnull(ref_of(getpid()));
        ck_assert(have_gap(AIU_GAP_TRUNCATED, "first holder"));
        stop_child(pid);
        close(fd);
}
END_TEST

/* A tree that looks like cgroup2's, with `pid` in a/b: its inode is the cgroup's id. */
static uint64_t make_cgroup(pid_t pid)
{
        struct stat st;
        FILE *f;

        ck_assert_int_eq(mount("tmpfs", "/sys/fs/cgroup", "tmpfs", 0, NULL), 0);
        f = fopen("/sys/fs/cgroup/cgroup.controllers", "w");
        ck_assert_ptr_nonnull(f);
        fclose(f);
        ck_assert_int_eq(mkdir("/sys/fs/cgroup/other", 0755), 0);
        ck_assert_int_eq(mkdir("/sys/fs/cgroup/a", 0755), 0);
        ck_assert_int_eq(mkdir("/sys/fs/cgroup/a/b", 0755), 0);
        f = fopen("/sys/fs/cgroup/a/b/cgroup.procs", "w");
        ck_assert_ptr_nonnull(f);
        fprintf(f, "0\n%d\n", (int)pid);
        fclose(f);
        ck_assert_int_eq(stat("/sys/fs/cgroup/a/b", &st), 0);
        return st.st_ino;
}

/* The same in a real one, where the number opens it. 0: there is none to be had here. */
static uint64_t make_real_cgroup(pid_t pid, char *path, size_t bytes)
{
        struct stat st;
        FILE *f;

        if (mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, NULL) < 0)
                return 0;
        (void)snprintf(path, bytes, "/sys/fs/cgroup/aiu-test-%llx", (unsigned long long)sys_now_nsec());
        if (mkdir(path, 0755) == 0 && stat(path, &st) == 0 && chdir(path) == 0 && (f = fopen("cgroup.procs", "w"))) {
                fprintf(f, "%d\n", (int)pid);
                if (fclose(f) == 0 && chdir("/") == 0)
                        return st.st_ino;
        }
        (void)!chdir("/");
        (void)rmdir(path);
        (void)umount("/sys/fs/cgroup");
        return 0;
}

/* More cgroups than there are processes are not all walked through. Those of other tests count as well. */
static bool has_few_cgroups(void)
{
        struct stat st;
        long n = 0;
        FILE *f = popen("find /sys/fs/cgroup -type d | wc -l", "r");

        if (f && fscanf(f, "%ld", &n) != 1)
                n = 0;
        if (f)
                (void)pclose(f);
        return n > 0 && stat("/proc", &st) == 0 && n < (long)st.st_nlink / 2;
}

static unsigned int n_opened, n_refused;

static int count_opened(enum sys_call which)
{
        n_opened += which == SYS_CALL_OPEN_BY_HANDLE;
        return which == SYS_CALL_OPEN_BY_HANDLE && n_refused ? EPERM : 0;
}

static void want_in_cgroup(uint64_t inode, uint64_t cgroup)
{
        struct sockaddr_in address = { .sin_family = AF_INET };
        struct aiu_socket_fact fact = {
                .size = sizeof(fact),
                .type = SOCK_STREAM,
                .local = (struct sockaddr *)&address,
                .local_len = sizeof(address),
                .inode = inode,
                .cgroup_id = cgroup,
        };

        ck_assert_int_eq(aiu_snapshot_add_socket(&snapshot, &fact), 0);
        want(inode);
        request.context_flags = AIU_CONTEXT_FIRST_HOLDER;
}

START_TEST(live_cgroup_comes_first)
{
        int fd = tcp_socket();
        pid_t earlier = start_child(NULL, NULL), later = start_child(NULL, NULL);
        uint64_t inode = inode_of(fd);

        close(fd);
        want_in_cgroup(inode, make_cgroup(later));
        ck_assert_int_eq(look(), AIU_COMPLETE);
        ck_assert_int_eq(umount("/sys/fs/cgroup"), 0);
        ck_assert_uint_eq(snapshot.n_refs, 1);
        ck_assert_ptr_nonnull(ref_of(later));
        stop_child(earlier);
        stop_child(later);
}
END_TEST

/* 0: opened by its number; 1: that is refused, so its directory is looked for; 2: it may not be tried. */
START_TEST(live_cgroup_by_number)
{
        int fd = tcp_socket();
        pid_t earlier = start_child(NULL, NULL), later = start_child(NULL, NULL);
        uint64_t inode = inode_of(fd), cgroup;
        char path[64];
        bool few = true;

        close(fd);
        cgroup = make_real_cgroup(later, path, sizeof(path));
        if (cgroup != 0) {
                few = has_few_cgroups();
                want_in_cgroup(inode, cgroup);
                request.plain_calls_only = _i == 2;
                n_opened = 0;
                n_refused = _i == 1;
                sys_fault = count_opened;
                (void)look();
                sys_fault = NULL;
        }
        stop_child(later);
        stop_child(earlier);
        if (cgroup == 0) {
                printf("skipped: no cgroup2 can be mounted here\n");
                return;
        }
        ck_assert_int_eq(rmdir(path), 0);
        ck_assert_int_eq(umount("/sys/fs/cgroup"), 0);
        ck_assert_uint_eq(n_opened, _i < 2);
        ck_assert_uint_eq(snapshot.n_refs, 1);
        if (_i > 0 && !few) {
                printf("skipped: more cgroups than processes are here\n");
                return;
        }
        ck_assert_ptr_nonnull(ref_of(later));
}
END_TEST

/* Forked after the processes were listed: the first progress report comes then. */
static pid_t newcomer;

static void fork_newcomer(void *userdata, size_t done, size_t total)
{
        (void)total;
        if (done == 0 && newcomer == 0)
                newcomer = start_child(userdata, NULL);
}

START_TEST(live_newcomer)
{
        int fd = tcp_socket();

        newcomer = 0;
        snapshot.progress = fork_newcomer;
        want(inode_of(fd));
        ck_assert_int_eq(look(), AIU_COMPLETE);
        ck_assert_int_gt(newcomer, 0);
        ck_assert_ptr_nonnull(ref_of(getpid()));
        ck_assert_ptr_nonnull(ref_of(newcomer));
        stop_child(newcomer);
        close(fd);
}
END_TEST

START_TEST(live_stopped)
{
        uint64_t inode;
        pid_t pid = start_holder(NULL, &inode);

        ck_assert_int_eq(kill(pid, SIGSTOP), 0);
        ck_assert_int_eq(waitpid(pid, NULL, WUNTRACED), pid);
        want(inode);
        ck_assert_int_eq(look(), AIU_COMPLETE);
        ck_assert(process_of(pid)->flags & AIU_HOLDER_STOPPED);
        stop_child(pid);
}
END_TEST

static void ask_for(pid_t pid, pid_t directory)
{
        char path[32];

        (void)snprintf(path, sizeof(path), "/proc/%d", (int)directory);
        request.pid = pid;
        request.process = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        ck_assert_int_ge(request.process, 0);
}

/* A question on behalf of the holder: "self" is the holder, unless its number belongs to another process by now. */
START_TEST(live_asker)
{
        uint64_t inode;
        pid_t pid = start_holder(NULL, &inode), gone = fork();

        if (gone == 0)
                for (;;)
                        pause();
        want(inode);
        switch (_i) {
        case 0:
                ask_for(pid, pid);
                break;
        case 1: /* another start time */
                ask_for(pid, 1);
                break;
        default:
                ask_for(pid, gone);
                break;
        }
        ck_assert_int_eq(kill(gone, SIGKILL), 0);
        ck_assert_int_eq(waitpid(gone, NULL, 0), gone);
        ck_assert_int_eq(look(), AIU_COMPLETE);
        ck_assert_int_eq(process_of(pid)->is_self, _i == 0);
        ck_assert_int_eq(!(process_of(pid)->flags & AIU_HOLDER_ANCESTOR), 1);
        close(request.process);
        request.pid = 0;
        stop_child(pid);
}
END_TEST

static void ignore_sigterm(void *arg)
{
        char name[16] = ") R 1 (\n\x1b[2J";

        (void)arg;
        signal(SIGTERM, SIG_IGN);
        prctl(PR_SET_NAME, name);
}

static void on_signal(int number)
{
        (void)number;
}

static void catch_sigterm(void *arg)
{
        (void)arg;
        signal(SIGTERM, on_signal);
}

START_TEST(live_sigterm)
{
        uint64_t inodes[2];
        pid_t ignores = start_holder(ignore_sigterm, &inodes[0]);
        pid_t catches = start_holder(catch_sigterm, &inodes[1]);

        ck_assert_int_eq(snapshot_want_inodes(&snapshot, inodes, 2), 0);
        ck_assert_int_eq(look(), AIU_COMPLETE);
        ck_assert_int_eq(process_of(ignores)->sigterm_ignored, YES);
        ck_assert_int_eq(process_of(ignores)->sigterm_caught, NO);
        ck_assert_str_eq(process_of(ignores)->comm, ") R 1 (\n\x1b[2J");
        ck_assert_int_eq(process_of(catches)->sigterm_ignored, NO);
        ck_assert_int_eq(process_of(catches)->sigterm_caught, YES);
        stop_child(ignores);
        stop_child(catches);
}
END_TEST

/* Process 1 of a pid namespace, a container say, never gets a SIGTERM that it does not handle. */
START_TEST(live_init)
{
        int own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
        uint64_t inode;
        pid_t pid;

        ck_assert_int_ge(own, 0);
        if (unshare(CLONE_NEWPID) < 0) {
                close(own);
                return; /* not root */
        }
        pid = start_holder(NULL, &inode);
        /* Whatever is started later, a sanitizer's search for leaks, is not to be a child of that init. */
        ck_assert_int_eq(setns(own, CLONE_NEWPID), 0);
        close(own);
        want(inode);
        ck_assert_int_eq(look(), AIU_COMPLETE);
        ck_assert_int_eq(process_of(pid)->sigterm_ignored, YES);
        ck_assert_int_eq(process_of(pid)->sigterm_caught, NO);
        ck_assert_int_eq(kill(pid, SIGTERM), 0);
        ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0);
        stop_child(pid);
}
END_TEST

START_TEST(live_deadline)
{
        uint64_t inode;
        pid_t pid = start_holder(NULL, &inode);

        want(inode);
        request.deadline_nsec = 1;
        ck_assert_int_eq(look(), -ETIME);
        ck_assert_uint_eq(snapshot.n_refs, 0);
        ck_assert(have_gap(AIU_GAP_DEADLINE, "1 of ")); /* the caller itself */
        stop_child(pid);
}
END_TEST

/* A crowd of which the first child and the last have the socket, as the same number. */
#define CROWD 300

static unsigned int tables_left;

/* The time is over when so many tables have been opened: no clock decides. */
static int end_of_time(enum sys_call which)
{
        if (which == SYS_CALL_GETDENTS && tables_left > 0 && --tables_left == 0)
                request.deadline_nsec = 1;
        return 0;
}

static void close_socket(void *fd)
{
        close(*(int *)fd);
}

START_TEST(live_same_number_comes_next)
{
        static pid_t pids[CROWD];
        int fd = tcp_socket();
        uint64_t inode = inode_of(fd);

        for (size_t i = 0; i < CROWD; i++)
                pids[i] = start_child(i == 1 || i == CROWD - 1 ? NULL : close_socket, &fd);
        close(fd);
        want(inode);
        request.deadline_nsec = UINT64_MAX;
        tables_left = 40;
        sys_fault = end_of_time;
        ck_assert_int_eq(look(), -ETIME);
        sys_fault = NULL;
        ck_assert_uint_eq(tables_left, 0);
        ck_assert(have_gap(AIU_GAP_DEADLINE, " of 30"));
        /* What was found by then is there, and is right. */
        ck_assert_uint_eq(snapshot.n_refs, 2);
        ck_assert_ptr_nonnull(ref_of(pids[1]));
        ck_assert_ptr_nonnull(ref_of(pids[CROWD - 1]));
        for (size_t i = 0; i < CROWD; i++)
                stop_child(pids[i]);
}
END_TEST

/* A process full of descriptors. */
static void open_many(void *arg)
{
        struct rlimit limit;

        (void)arg;
        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                _exit(1);
        limit.rlim_cur = limit.rlim_max < 20000 ? limit.rlim_max : 20000;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
                _exit(1);
        while (dup(0) >= 0)
                ;
}

static unsigned int entries_left, entries_after;

/* The time is over when so many descriptors have been looked at. */
static int end_among_entries(enum sys_call which)
{
        if (which != SYS_CALL_STATX)
                return 0;
        if (entries_left > 0 && --entries_left == 0)
                request.deadline_nsec = 1;
        else if (entries_left == 0)
                entries_after++;
        return 0;
}

/* In the middle of a table: the clock is read every 256 descriptors, and that is the end. */
START_TEST(live_deadline_is_kept)
{
        pid_t pid = start_child(open_many, NULL);

        want(1);
        request.deadline_nsec = UINT64_MAX;
        entries_left = 1300;
        entries_after = 0;
        sys_fault = end_among_entries;
        ck_assert_int_eq(look(), -ETIME);
        sys_fault = NULL;
        ck_assert_uint_eq(entries_left, 0);
        ck_assert_uint_le(entries_after, 256);
        ck_assert(have_gap(AIU_GAP_DEADLINE, "processes"));
        stop_child(pid);
}
END_TEST

static Suite *make_suite(void)
{
        Suite *suite = suite_create("proc-fd");
        TCase *tests = tcase_create("proc-fd");

        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_test(tests, live_nothing_wanted);
        tcase_add_test(tests, live_no_procfs);
        tcase_add_test(tests, live_not_a_procfs);
        tcase_add_loop_test(tests, live_child, 0, 3);
        tcase_add_test(tests, live_self);
        tcase_add_test(tests, live_leaves_nothing);
        tcase_add_test(tests, live_inherited);
        tcase_add_test(tests, live_first_holder);
        tcase_add_test(tests, live_cgroup_comes_first);
        tcase_add_loop_test(tests, live_cgroup_by_number, 0, 3);
        tcase_add_test(tests, live_newcomer);
        tcase_add_test(tests, live_stopped);
        tcase_add_loop_test(tests, live_asker, 0, 3);
        tcase_add_test(tests, live_sigterm);
        tcase_add_test(tests, live_init);
        tcase_add_test(tests, live_deadline);
        tcase_add_test(tests, live_same_number_comes_next);
        tcase_add_test(tests, live_deadline_is_kept);
        suite_add_tcase(suite, tests);
        return suite;
}

int main(void)
{
        run_in_namespaces(make_suite);
}
