/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* aiu_watch as a program calls it: each function, with real failures of a child, and with NULL. */
#include <addrinuse-bpf.h>
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fixture/run-suite.h"

#define TRACING "/sys/kernel/tracing"
#define PORT 8050
#define PATIENCE_MSEC 20000 /* of a busy machine */

/* No address of 192.0.2.0/24 is here. The child lives until its pipe is closed. */
struct child {
        pid_t pid;
        int pipe;
};

static void fail_to_bind(uint16_t port, unsigned int times)
{
        struct sockaddr_in away = { .sin_family = AF_INET, .sin_port = htons(port) };

        ck_assert_int_eq(inet_pton(AF_INET, "192.0.2.1", &away.sin_addr), 1);
        for (unsigned int i = 0; i < times; i++) {
                int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

                if (fd < 0 || bind(fd, (const struct sockaddr *)&away, sizeof(away)) == 0)
                        _exit(1);
                close(fd);
        }
}

static struct child start(uint16_t port, unsigned int times, uid_t uid)
{
        struct child child;
        int pipes[2];
        char byte;

        ck_assert_int_eq(pipe2(pipes, O_CLOEXEC), 0);
        child.pid = fork();
        ck_assert_int_ge(child.pid, 0);
        if (child.pid == 0) {
                close(pipes[1]);
                (void)prctl(PR_SET_NAME, "victim");
                if (uid && setuid(uid) < 0)
                        _exit(1);
                fail_to_bind(port, times);
                _exit(read(pipes[0], &byte, 1) != 0);
        }
        close(pipes[0]);
        child.pipe = pipes[1];
        return child;
}

static void end(const struct child *child)
{
        int status;

        close(child->pipe);
        ck_assert_int_eq(waitpid(child->pid, &status, 0), child->pid);
        ck_assert_int_eq(status, 0);
}

static uint64_t own_netns(void)
{
        struct stat st;

        ck_assert_int_eq(stat("/proc/self/ns/net", &st), 0);
        return st.st_ino;
}

/* 1: a failure in our namespace. Before the filter was set, others of the host may have been seen. */
static int next(struct aiu_watch *watch, struct aiu_report **ret_report)
{
        int r;

        while ((r = aiu_watch_next(watch, ret_report)) == 1 && aiu_watch_get_netns(watch) != own_netns())
                aiu_report_unref(*ret_report);
        return r;
}

static struct aiu_watch *new_watch(void)
{
        struct aiu_report *report = NULL;
        struct aiu_watch *watch = NULL;

        ck_assert_int_eq(aiu_watch_new(NULL, 0, &watch), 0);
        ck_assert_ptr_nonnull(watch);
        ck_assert_int_eq(aiu_watch_set_netns(watch, own_netns()), 0);
        ck_assert_int_eq(next(watch, &report), 0);
        return watch;
}

static struct aiu_report *await(struct aiu_watch *watch)
{
        struct pollfd one = { .fd = aiu_watch_get_fd(watch), .events = POLLIN };
        struct aiu_report *report = NULL;
        int r;

        while ((r = next(watch, &report)) == 0)
                ck_assert_int_eq(poll(&one, 1, PATIENCE_MSEC), 1);
        ck_assert_int_eq(r, 1);
        ck_assert_ptr_nonnull(report);
        return report;
}

static uint64_t now_usec(void)
{
        struct timespec now;

        ck_assert_int_eq(clock_gettime(CLOCK_REALTIME, &now), 0);
        return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

START_TEST(test_null)
{
        struct aiu_report *report = NULL;
        struct aiu_watch *watch = NULL;

        ck_assert_int_eq(aiu_watch_new(NULL, 0, NULL), -EINVAL);
        ck_assert_int_eq(aiu_watch_new(NULL, 1, &watch), -EINVAL);
        ck_assert_ptr_null(watch);
        ck_assert_ptr_null(aiu_watch_ref(NULL));
        ck_assert_ptr_null(aiu_watch_unref(NULL));
        ck_assert_int_eq(aiu_watch_get_fd(NULL), -EINVAL);
        ck_assert_int_eq(aiu_watch_next(NULL, &report), -EINVAL);
        ck_assert_int_eq(aiu_watch_stop(NULL), -EINVAL);
        ck_assert_int_eq(aiu_watch_set_port(NULL, 1), -EINVAL);
        ck_assert_int_eq(aiu_watch_set_netns(NULL, 1), -EINVAL);
        ck_assert_int_eq(aiu_watch_set_uid(NULL, 1), -EINVAL);
        ck_assert_int_eq(aiu_watch_set_cgroup(NULL, "/"), -EINVAL);
        ck_assert_ptr_null(aiu_watch_get_mechanism(NULL));
        ck_assert_ptr_null(aiu_watch_get_not_seen(NULL, 0));
        ck_assert_ptr_null(aiu_watch_get_comm(NULL));
        ck_assert_uint_eq(aiu_watch_get_lost(NULL) + aiu_watch_get_start_ticks(NULL) + aiu_watch_get_netns(NULL), 0);
        ck_assert_uint_eq(aiu_watch_get_cgroup_id(NULL) + aiu_watch_get_time_usec(NULL) + aiu_watch_get_repeats(NULL),
                          0);
        ck_assert_int_eq(aiu_watch_get_pid(NULL), 0);
        ck_assert_uint_eq(aiu_watch_get_uid(NULL), 0);
        ck_assert_int_eq(aiu_watch_is_again(NULL), 0);
        ck_assert_int_eq(aiu_watch_process_exists(NULL), 0);
}
END_TEST

START_TEST(test_references)
{
        struct aiu_context *context = NULL;
        struct aiu_watch *watch = NULL;
        int fd;

        ck_assert_int_eq(aiu_context_new(&context), 0);
        errno = EXDEV;
        ck_assert_int_eq(aiu_watch_new(context, 0, &watch), 0);
        aiu_context_unref(context); /* the watch has a reference of its own */
        fd = aiu_watch_get_fd(watch);
        ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
        ck_assert_ptr_eq(aiu_watch_ref(watch), watch);
        ck_assert_ptr_null(aiu_watch_unref(watch));
        ck_assert_int_ge(fcntl(fd, F_GETFD), 0);
        ck_assert_ptr_null(aiu_watch_unref(watch));
        ck_assert_int_eq(errno, EXDEV);
        ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
}
END_TEST

START_TEST(test_mechanism)
{
        struct aiu_watch *watch = new_watch();
        const char *mechanism = aiu_watch_get_mechanism(watch);
        size_t n = 0;

        ck_assert(strcmp(mechanism, "fexit") == 0 || strcmp(mechanism, "tracepoint") == 0);
        while (aiu_watch_get_not_seen(watch, n))
                n++;
        ck_assert(n > 0 || strcmp(mechanism, "fexit") == 0);
        ck_assert_ptr_null(aiu_watch_get_not_seen(watch, 1000));
        aiu_watch_unref(watch);
}
END_TEST

START_TEST(test_accessors)
{
        struct aiu_watch *watch = new_watch();
        uint64_t before = now_usec();
        struct aiu_report *report;
        struct child child;

        child = start(PORT, 1, 1000);
        report = await(watch);
        ck_assert_int_eq(aiu_report_get_error(report), EADDRNOTAVAIL);
        ck_assert_int_eq(aiu_watch_get_pid(watch), child.pid);
        ck_assert_str_eq(aiu_watch_get_comm(watch), "victim");
        ck_assert_uint_eq(aiu_watch_get_uid(watch), 1000);
        ck_assert_uint_eq(aiu_watch_get_netns(watch), own_netns());
        ck_assert_uint_ne(aiu_watch_get_cgroup_id(watch), 0);
        ck_assert_uint_ne(aiu_watch_get_start_ticks(watch), 0);
        /* Two clocks are converted into each other. */
        ck_assert_uint_ge(aiu_watch_get_time_usec(watch) + 1000000, before);
        ck_assert_uint_le(aiu_watch_get_time_usec(watch), now_usec() + 1000000);
        ck_assert_uint_eq(aiu_watch_get_repeats(watch), 0);
        ck_assert_int_eq(aiu_watch_is_again(watch), 0);
        ck_assert_int_eq(aiu_watch_process_exists(watch), 1);
        end(&child);
        ck_assert_int_eq(aiu_watch_process_exists(watch), 0);
        aiu_report_unref(report);
        aiu_watch_unref(watch);
}
END_TEST

/* Reports, their repeats and what is lost are all failures, once the watch has been stopped. */
START_TEST(test_counts)
{
        const unsigned int times = 5000;
        struct aiu_watch *watch = new_watch();
        struct aiu_report *report = NULL;
        struct child child;
        uint64_t told, lost = aiu_watch_get_lost(watch);
        int r;

        child = start(PORT, times, 0);
        report = await(watch);
        told = 1 + aiu_watch_get_repeats(watch);
        aiu_report_unref(report);
        end(&child);
        ck_assert_int_eq(aiu_watch_stop(watch), 0);
        ck_assert_int_eq(aiu_watch_stop(watch), 0);
        while ((r = next(watch, &report)) == 1) {
                told += 1 + aiu_watch_get_repeats(watch);
                aiu_report_unref(report);
        }
        ck_assert_int_eq(r, 0);
        ck_assert_uint_eq(told, times);
        ck_assert_uint_eq(aiu_watch_get_lost(watch), lost);
        aiu_watch_unref(watch);
}
END_TEST

static void expect_only(struct aiu_watch *watch, uint16_t port, uid_t uid)
{
        struct child others = start(PORT + 1, 1, 0), child = start(port, 1, uid);
        struct aiu_report *report = await(watch);

        ck_assert_int_eq(aiu_watch_get_pid(watch), child.pid);
        aiu_report_unref(report);
        ck_assert_int_eq(next(watch, &report), 0);
        end(&child);
        end(&others);
}

START_TEST(test_filters)
{
        struct aiu_watch *watch = new_watch();

        ck_assert_int_eq(aiu_watch_set_netns(watch, UINT64_MAX), -EINVAL);
        ck_assert_int_eq(aiu_watch_set_port(watch, PORT), 0);
        expect_only(watch, PORT, 0);
        ck_assert_int_eq(aiu_watch_set_port(watch, 0), 0);
        ck_assert_int_eq(aiu_watch_set_uid(watch, 1000), 0);
        expect_only(watch, PORT + 2, 1000);
        ck_assert_int_eq(aiu_watch_set_uid(watch, (uid_t)-1), 0);
        ck_assert_int_eq(aiu_watch_set_cgroup(watch, "/nowhere"), -ENOENT);
        ck_assert_int_eq(aiu_watch_set_cgroup(watch, NULL), 0);
        aiu_watch_unref(watch);
}
END_TEST

static const char *cannot(void)
{
        struct aiu_watch *watch = NULL;
        int r;

        if (geteuid() != 0)
                return "root alone watches";
        if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            system("ip link set lo up") != 0)
                return "no namespaces";
        if (access(TRACING "/events", F_OK) < 0)
                (void)mount("none", TRACING, "tracefs", 0, NULL);
        r = aiu_watch_new(NULL, 0, &watch);
        aiu_watch_unref(watch);
        return r < 0 ? strerror(-r) : NULL;
}

int main(void)
{
        Suite *suite = suite_create("watch-api");
        TCase *tests = tcase_create("watch");
        const char *why = cannot();

        if (why) {
                printf("skipped: %s\n", why);
                return 77;
        }
        tcase_add_test(tests, test_null);
        tcase_add_test(tests, test_references);
        tcase_add_test(tests, test_mechanism);
        tcase_add_test(tests, test_accessors);
        tcase_add_test(tests, test_counts);
        tcase_add_test(tests, test_filters);
        suite_add_tcase(suite, tests);
        return run_suite(suite);
}
