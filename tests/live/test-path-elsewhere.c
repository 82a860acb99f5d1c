/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * AF_UNIX paths of a process that has another root directory, working directory or mount namespace: the files that
 * the process sees count, and never those of the same names here.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "addrinuse.h"
#include "fixture/run-suite.h"

static char directory[64];
static pid_t process;

static void need(bool is_done, const char *what)
{
        if (is_done)
                return;
        perror(what);
        _exit(99);
}

static int bind_file(const char *path)
{
        struct sockaddr_un un = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        (void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
        need(fd >= 0 && bind(fd, (struct sockaddr *)&un, sizeof(un)) == 0, path);
        return fd;
}

/* live: a listener; stale: a socket that was closed; file, d, and symbolic links. */
static void make_files(void)
{
        need(listen(bind_file("live"), 1) == 0, "listen");
        close(bind_file("stale"));
        close(open("file", O_CREAT | O_WRONLY, 0644));
        need(mkdir("d", 0755) == 0 && symlink("/d", "absolute") == 0 && symlink("../..", "d/up") == 0, "links");
        need(symlink("loop", "loop") == 0 && symlink("/proc/self/root", "magic") == 0, "links");
}

static void live_elsewhere(bool new_root, int ready)
{
        need(unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "unshare");
        need(mount("none", directory, "tmpfs", 0, NULL) == 0 && chdir(directory) == 0, "mount");
        make_files();
        if (new_root)
                need(mkdir("proc", 0755) == 0 && mount("/proc", "proc", NULL, MS_BIND, NULL) == 0 &&
                             chroot(directory) == 0,
                     "chroot");
        need(write(ready, "", 1) == 1, "write");
        for (;;)
                pause();
}

static void start(bool new_root)
{
        int ready[2];
        char byte;

        (void)snprintf(directory, sizeof(directory), "%s/elsewhere-XXXXXX", P_tmpdir);
        ck_assert_ptr_nonnull(mkdtemp(directory));
        ck_assert_int_eq(pipe(ready), 0);
        process = fork();
        ck_assert_int_ge(process, 0);
        if (process == 0)
                live_elsewhere(new_root, ready[1]);
        close(ready[1]);
        ck_assert_int_eq(read(ready[0], &byte, 1), 1);
        close(ready[0]);
}

static void start_mounted(void)
{
        start(false);
}

static void start_rooted(void)
{
        start(true);
}

static void stop(void)
{
        ck_assert_int_eq(kill(process, SIGKILL), 0);
        ck_assert_int_eq(waitpid(process, NULL, 0), process);
        ck_assert_int_eq(rmdir(directory), 0); /* nothing of all that is here */
}

static struct aiu_report *ask(const char *path, uint32_t flags)
{
        struct sockaddr_un un = { .sun_family = AF_UNIX };
        struct aiu_context *context = NULL;
        struct aiu_report *report = NULL;
        struct aiu_query *query = NULL;

        (void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
        ck_assert_int_eq(aiu_context_new(&context), 0);
        ck_assert_int_eq(aiu_context_set_flags(context, flags), 0);
        ck_assert_int_eq(aiu_query_new(context, &query), 0);
        ck_assert_int_eq(aiu_query_set_address(query, (struct sockaddr *)&un, sizeof(un)), 0);
        ck_assert_int_eq(aiu_query_set_pid(query, process), 0);
        ck_assert_int_eq(aiu_query_run(query, &report), 0);
        aiu_query_unref(query);
        aiu_context_unref(context);
        return report;
}

/* A command would act on a file of the same name here. */
static bool touches_a_file(const struct aiu_report *report)
{
        for (size_t i = 0; i < aiu_report_get_n_actions(report); i++) {
                const struct aiu_action *action = aiu_report_get_action(report, i);

                if (aiu_action_get_kind(action) == AIU_ACTION_REMOVE_FILE ||
                    (aiu_action_get_kind(action) == AIU_ACTION_MAKE_DIRECTORY && aiu_action_get_argv(action)))
                        return true;
        }
        return false;
}

static void expect(const char *path, enum aiu_verdict verdict, int error)
{
        struct aiu_report *report = ask(path, 0);

        ck_assert_msg(aiu_report_get_verdict(report) == verdict && aiu_report_get_error(report) == error, "%s: %s",
                      path, aiu_report_get_summary(report));
        ck_assert_msg(!touches_a_file(report), "%s", path);
        if (verdict == AIU_VERDICT_UNKNOWN)
                ck_assert_uint_gt(aiu_report_get_n_gaps(report), 0);
        aiu_report_unref(report);
}

static void expect_holder(const char *path)
{
        struct aiu_report *report = ask(path, 0);
        const struct aiu_conflict *conflict;

        ck_assert_msg(aiu_report_get_verdict(report) == AIU_VERDICT_IN_USE, "%s", path);
        ck_assert_uint_eq(aiu_report_get_n_conflicts(report), 1);
        conflict = aiu_report_get_conflict(report, 0);
        ck_assert_int_eq(aiu_conflict_get_state(conflict), AIU_STATE_LISTEN);
        ck_assert_uint_eq(aiu_conflict_get_n_holders(conflict), 1);
        ck_assert_int_eq(aiu_holder_get_pid(aiu_conflict_get_holder(conflict, 0)), process);
        aiu_report_unref(report);
}

static const char *in_directory(const char *name)
{
        static char path[128];

        (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
        return path;
}

START_TEST(mounted)
{
        expect_holder(in_directory("live"));
        expect_holder(in_directory("d/../live"));
        expect_holder("live"); /* its directory */
        expect_holder("./d/../live");
        expect(in_directory("stale"), AIU_VERDICT_IN_USE, EADDRINUSE);
        expect(in_directory("file"), AIU_VERDICT_IN_USE, EADDRINUSE);
        expect(in_directory("d/"), AIU_VERDICT_IN_USE, EADDRINUSE);
        expect(in_directory("loop"), AIU_VERDICT_IN_USE, EADDRINUSE);
        expect(in_directory("none"), AIU_VERDICT_UNKNOWN, 0);
        expect(in_directory("none/x"), AIU_VERDICT_INVALID, ENOENT);
        expect(in_directory("none/"), AIU_VERDICT_INVALID, ENOENT);
        expect(in_directory("file/x"), AIU_VERDICT_INVALID, ENOTDIR);
        expect("d/up/x", AIU_VERDICT_UNKNOWN, 0); /* leads out of the directory */
}
END_TEST

START_TEST(rooted)
{
        expect_holder("/live");
        expect_holder("//../live");
        expect_holder("/d/up/live");
        expect("/absolute/x", AIU_VERDICT_UNKNOWN, 0);
        expect("/absolute/x/y", AIU_VERDICT_INVALID, ENOENT);
        expect("/", AIU_VERDICT_IN_USE, EADDRINUSE);
        expect("/etc/passwd", AIU_VERDICT_INVALID, ENOENT);
        expect("/magic/live", AIU_VERDICT_UNKNOWN, 0); /* /proc/self would be ours */
        expect("/loop/x", AIU_VERDICT_UNKNOWN, 0);
}
END_TEST

START_TEST(no_ipc)
{
        struct aiu_report *report = ask(in_directory("live"), AIU_CONTEXT_NO_IPC);

        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_IN_USE);
        aiu_report_unref(report);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("path-elsewhere");
        TCase *tc;

        if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0) {
                printf("SKIP: a mount namespace needs root\n");
                return 77;
        }
        tc = tcase_create("mounted");
        tcase_add_checked_fixture(tc, start_mounted, stop);
        tcase_add_test(tc, mounted);
        tcase_add_test(tc, no_ipc);
        suite_add_tcase(suite, tc);
        tc = tcase_create("rooted");
        tcase_add_checked_fixture(tc, start_rooted, stop);
        tcase_add_test(tc, rooted);
        suite_add_tcase(suite, tc);
        return run_suite(suite);
}
