/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The backend "unix-path" against the kernel: what it expects of bind(2) on a
 * path, and what a real bind(2) does, in a file system of the test's own.
 */
#include <check.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture/host-fixture.h"
#include "fixture/run-suite.h"
#include "util/sys-fault.h"

/* What bind(2) says; then the file that it made is removed, and the backend asked. */
static void compare_path(const char *path, int expected)
{
        int error, r;

        set_path(path);
        r = ask(&backend_unix_path);
        ck_assert_msg(r == AIU_COMPLETE, "%s: %s", path, strerror(-r));
        error = real_bind();
        if (error == 0)
                ck_assert_int_eq(unlink(path), 0);
        ck_assert_msg(error == expected, "%s: the scene is wrong: bind() gave %s", path, strerror(error));
        if (error == EADDRINUSE) {
                ck_assert_msg(snapshot.host.name_exists == YES, "%s", path);
                ck_assert_msg(snapshot.host.name_error == 0, "%s", path);
                ck_assert_msg(snapshot.host.name_inode != 0, "%s", path);
        } else {
                ck_assert_msg(snapshot.host.name_exists != YES, "%s", path);
                ck_assert_msg(snapshot.host.name_error == error, "%s: bind() gave %s, the backend %s", path,
                              strerror(error), strerror(snapshot.host.name_error));
        }
        if (error == 0)
                ck_assert_msg(snapshot.host.name_exists == NO, "%s", path);
}

static void make_table(void)
{
        static const char *const directories[] = {
                "directory", "read-only", "unwritable", "unsearchable", "name-of-a-directory-that-is-long",
        };

        enter_empty_directory();
        for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
                ck_assert_int_eq(mkdir(directories[i], 0755), 0);
        ck_assert_int_eq(mount("none", "read-only", "tmpfs", 0, NULL), 0);
        make_file("file", "");
        make_file("read-only/file", "");
        make_file("unwritable/file", "");
        make_file("unsearchable/file", "");
        ck_assert_int_eq(symlink("nowhere", "dangling"), 0);
        ck_assert_int_eq(symlink("loop", "loop"), 0);
        ck_assert_int_eq(symlink("directory", "link"), 0);
        ck_assert_int_eq(chmod("unwritable", 0555), 0);
        ck_assert_int_eq(chmod("unsearchable", 0600), 0);
        ck_assert_int_eq(mount(NULL, "read-only", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
}

static void compare_common_paths(void)
{
        compare_path("new", 0);
        compare_path("./new", 0);
        compare_path(P_tmpdir "/new", 0);
        compare_path(P_tmpdir "//directory///new", 0);
        compare_path("link/new", 0);
        compare_path("directory/../new", 0);
        compare_path("file", EADDRINUSE);
        ck_assert_int_eq(snapshot.host.name_is_socket, NO);
        compare_path("file/", EADDRINUSE);
        compare_path("directory", EADDRINUSE);
        compare_path("directory//", EADDRINUSE);
        compare_path("directory/.", EADDRINUSE);
        compare_path("directory/..", EADDRINUSE);
        compare_path("dangling", EADDRINUSE);
        compare_path("dangling/", EADDRINUSE);
        compare_path("loop", EADDRINUSE);
        compare_path("loop/", EADDRINUSE);
        compare_path("link/", EADDRINUSE);
        compare_path("/", EADDRINUSE);
        compare_path("///", EADDRINUSE);
        compare_path(".", EADDRINUSE);
        compare_path("read-only/file", EADDRINUSE);
        compare_path("new/", ENOENT);
        compare_path("missing/new", ENOENT);
        compare_path("dangling/new", ENOENT);
        compare_path("read-only/new/", ENOENT);
        compare_path("file/new", ENOTDIR);
        compare_path("file/new/", ENOTDIR);
        compare_path("loop/new", ELOOP);
        compare_path("read-only/new", EROFS);
}

START_TEST(path_privileged)
{
        make_table();
        compare_common_paths();
        compare_path("unwritable/new", 0);
        compare_path("unsearchable/file", EADDRINUSE);
        compare_path("unsearchable/new", 0);
}
END_TEST

START_TEST(path_unprivileged)
{
        make_table();
        set_capability(CAP_DAC_OVERRIDE, false);
        set_capability(CAP_DAC_READ_SEARCH, false);
        compare_common_paths();
        compare_path("unwritable/file", EADDRINUSE);
        compare_path("unwritable/new", EACCES);
        compare_path("unsearchable/file", EACCES);
        ck_assert_int_eq(snapshot.host.name_exists, UNKNOWN);
        compare_path("unsearchable/new", EACCES);
}
END_TEST

static const struct {
        const char *path;
        int error;
        const char *at;
        tristate makeable;
} places[] = {
        { "missing/new", ENOENT, "missing", YES },
        { "missing/a/../new", ENOENT, "missing", YES },
        { "directory//missing/a/new", ENOENT, "directory//missing", YES },
        { P_tmpdir "/missing/new", ENOENT, P_tmpdir "/missing", YES },
        { "dangling/new", ENOENT, "dangling", UNKNOWN },
        { "unwritable/missing/new", ENOENT, "unwritable/missing", NO },
        { "read-only/missing/new", ENOENT, "read-only/missing", NO },
        { "new/", ENOENT, "", UNKNOWN },
        { "file/new", ENOTDIR, "file", UNKNOWN },
        { "directory/../file/a/new", ENOTDIR, "directory/../file", UNKNOWN },
        { "loop/new", ELOOP, "loop", UNKNOWN },
        { "read-only/new", EROFS, "read-only", UNKNOWN },
        { "unwritable/new", EACCES, "unwritable", UNKNOWN },
        { "unsearchable/new", EACCES, "unsearchable", UNKNOWN },
        { "unsearchable/a/new", EACCES, "unsearchable", UNKNOWN },
        { "directory/new", 0, "", UNKNOWN },
};

/* Which directory it is; and where mkdir(1) would help, it does. */
START_TEST(path_says_where)
{
        char *command;

        make_table();
        set_capability(CAP_DAC_OVERRIDE, false);
        set_capability(CAP_DAC_READ_SEARCH, false);
        set_path(places[_i].path);
        ck_assert_int_eq(ask(&backend_unix_path), AIU_COMPLETE);
        ck_assert_int_eq(snapshot.host.name_error, places[_i].error);
        ck_assert_msg(snapshot.host.name_at == strlen(places[_i].at), "%s: %u", places[_i].path, snapshot.host.name_at);
        ck_assert_msg(snapshot.host.name_makeable == places[_i].makeable, "%s: %s", places[_i].path,
                      aiu_tristate_to_string(snapshot.host.name_makeable));
        if (places[_i].makeable != YES)
                return;
        ck_assert_int_gt(asprintf(&command, "mkdir -p -- \"$(dirname %s)\"", places[_i].path), 0);
        ck_assert_int_eq(system(command), 0);
        free(command);
        ck_assert_int_eq(real_bind(), 0);
}
END_TEST

/* Plain calls see the mode bits only: what they do not grant is not known to be refused. */
START_TEST(path_plain_calls)
{
        make_table();
        request.plain_calls_only = 1;
        compare_path("new", 0);
        compare_path("file", EADDRINUSE);
        compare_path("missing/new", ENOENT);
        set_path("unwritable/new");
        ck_assert_int_eq(ask(&backend_unix_path), AIU_COMPLETE);
        ck_assert_int_eq(snapshot.host.name_exists, UNKNOWN);
        ck_assert_int_eq(snapshot.host.name_error, 0);
        ck_assert(have_gap(AIU_GAP_PERMISSION, "may not be permitted"));
}
END_TEST

/* tmpfs counts the inodes, and takes none from root's reserve. */
START_TEST(path_no_inode_left)
{
        make_table();
        ck_assert_int_eq(mkdir("full", 0777), 0);
        ck_assert_int_eq(mount("tmpfs", "full", "tmpfs", 0, "mode=0777,nr_inodes=1"), 0);
        set_path("full/new");
        ck_assert_int_eq(ask(&backend_unix_path), AIU_COMPLETE);
        ck_assert_int_eq(snapshot.host.name_error, ENOSPC);
        ck_assert_int_eq(real_bind(), ENOSPC);
        compare_path("full/new/", ENOENT);
}
END_TEST

/* procfs has an errno of its own for each directory: none is foretold, with calls of any kind. */
START_TEST(path_without_sockets)
{
        static const char *const paths[] = { "/proc/new", "/proc/self/fd/new", "/proc/self/task/new" };

        request.plain_calls_only = _i;
        for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
                set_path(paths[i]);
                ck_assert_int_eq(ask(&backend_unix_path), AIU_COMPLETE);
                ck_assert_int_eq(snapshot.host.name_exists, UNKNOWN);
                ck_assert_int_eq(snapshot.host.name_error, 0);
                /* Plain calls see no more than a directory that is not writable. */
                ck_assert(have_gap(AIU_GAP_UNKNOWN, "may not support sockets") ||
                          (_i && have_gap(AIU_GAP_PERMISSION, "may not be permitted")));
                ck_assert_int_ne(real_bind(), 0);
        }
        set_path("/proc/missing/new");
        ck_assert_int_eq(ask(&backend_unix_path), AIU_COMPLETE);
        ck_assert_int_eq(snapshot.host.name_error, ENOENT);
}
END_TEST

START_TEST(path_longest)
{
        char path[109];

        make_table();
        memset(path, 'n', 108);
        path[108] = '\0';
        compare_path(path, 0);
        ck_assert_int_eq(mkdir(path, 0755), 0);
        compare_path(path, EADDRINUSE);
        path[107] = '/';
        compare_path(path, ENOENT);
}
END_TEST

START_TEST(path_removed_directory)
{
        make_table();
        ck_assert_int_eq(mkdir("gone", 0755), 0);
        ck_assert_int_eq(chdir("gone"), 0);
        ck_assert_int_eq(rmdir("../gone"), 0);
        compare_path("new", ENOENT);
        compare_path(".", EADDRINUSE);
}
END_TEST

START_TEST(path_socket)
{
        struct stat st;
        int fd;

        make_table();
        set_path("socket");
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ck_assert_int_eq(bind(fd, request.address, request.address_len), 0);
        compare_path("socket", EADDRINUSE);
        ck_assert_int_eq(snapshot.host.name_is_socket, YES);
        ck_assert_int_eq(lstat("socket", &st), 0);
        ck_assert_uint_eq(snapshot.host.name_inode, st.st_ino);
        ck_assert_uint_eq(snapshot.host.name_device, st.st_dev);
        /* Closed, it stays. */
        close(fd);
        compare_path("socket", EADDRINUSE);
        ck_assert_int_eq(snapshot.host.name_is_socket, YES);
}
END_TEST

START_TEST(path_other_addresses)
{
        set_ip("127.0.0.1", 80, SOCK_STREAM);
        ck_assert_int_eq(ask(&backend_unix_path), AIU_PARTIAL);
        set_path("");
        ck_assert_int_eq(ask(&backend_unix_path), AIU_PARTIAL);
        set_path("x");
        ((char *)request.address)[offsetof(struct sockaddr_un, sun_path)] = '\0';
        ck_assert_int_eq(ask(&backend_unix_path), AIU_PARTIAL);
        ck_assert_int_eq(snapshot.host.name_exists, UNKNOWN);
}
END_TEST

#ifdef AIU_TESTING
static int fail_at, calls;

static int fail_one(enum sys_call which)
{
        return which != SYS_CALL_CLOSE && ++calls == fail_at ? ENOMEM : 0;
}

/* A call that fails makes less known, never something else. */
START_TEST(failing_calls)
{
        int before = dup(0), after;

        close(before);
        make_table();
        for (fail_at = 1;; fail_at++) {
                calls = 0;
                set_path("new");
                sys_fault = fail_one;
                (void)ask(&backend_unix_path);
                sys_fault = NULL;
                ck_assert_int_eq(snapshot.host.name_error, 0);
                ck_assert_int_ne(snapshot.host.name_exists, YES);
                if (calls < fail_at)
                        break;
                ck_assert_int_ne(snapshot.host.name_exists, NO);
        }
        ck_assert_int_gt(fail_at, 3);
        after = dup(0);
        ck_assert_int_eq(before, after);
        close(after);
}
END_TEST
#endif

static Suite *suite(void)
{
        const TTest *const tests[] = {
                path_privileged,        path_unprivileged, path_plain_calls,     path_longest,
                path_removed_directory, path_socket,       path_other_addresses,
#ifdef AIU_TESTING
                failing_calls,
#endif
        };
        Suite *s = suite_create("unix-path");
        TCase *t = tcase_create("paths");

        tcase_add_checked_fixture(t, enter_namespaces, forget_snapshot);
        for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
                tcase_add_test(t, tests[i]);
        tcase_add_test(t, path_no_inode_left);
        tcase_add_loop_test(t, path_without_sockets, 0, 2);
        tcase_add_loop_test(t, path_says_where, 0, (int)(sizeof(places) / sizeof(places[0])));
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
