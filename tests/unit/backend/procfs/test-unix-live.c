/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * unix-file.c and unix-live.c against the kernel: whether a socket is bound to a
 * file, of every type and in every state, through every kind of path. Nothing is
 * to be called stale that a client can reach.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture/host-fixture.h"
#include "fixture/run-suite.h"
#include "util/sys-fault.h"

static int bound(const char *path, int type)
{
        int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        set_path(path);
        ck_assert_int_ge(fd, 0);
        ck_assert_msg(bind(fd, request.address, request.address_len) == 0, "%s: %s", path, strerror(errno));
        return fd;
}

static int listening(const char *path, int type, int backlog)
{
        int fd = bound(path, type);

        ck_assert_int_eq(listen(fd, backlog), 0);
        return fd;
}

static int client(const char *path, int type)
{
        int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        set_path(path);
        ck_assert_int_ge(fd, 0);
        (void)connect(fd, request.address, request.address_len);
        return fd;
}

static void forget(void)
{
        snapshot_finish(&snapshot);
        snapshot_init(&snapshot);
}

static void expect_live(const char *path, enum aiu_tristate live)
{
        forget();
        set_path(path);
        ck_assert_int_eq(ask(&backend_unix_path), AIU_COMPLETE);
        ck_assert_msg(snapshot.host.name_live == live, "%s: live is %s", path,
                      aiu_tristate_to_string(snapshot.host.name_live));
}

START_TEST(types_and_states)
{
        static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };
        char path[16];

        enter_empty_directory();
        for (size_t i = 0; i < 3; i++) {
                int fd;

                snprintf(path, sizeof(path), "s%zu", i);
                fd = bound(path, types[i]);
                expect_live(path, YES);
                if (types[i] != SOCK_DGRAM) {
                        int backlog[8];

                        ck_assert_int_eq(listen(fd, 1), 0);
                        expect_live(path, YES);
                        ck_assert_int_eq(accept(fd, NULL, NULL), -1); /* none of ours */
                        for (size_t k = 0; k < 8; k++)
                                backlog[k] = client(path, types[i]);
                        expect_live(path, YES);
                        for (size_t k = 0; k < 8; k++)
                                close(backlog[k]);
                        ck_assert_int_eq(shutdown(fd, SHUT_RDWR), 0);
                        expect_live(path, YES);
                }
                close(fd);
                expect_live(path, NO);
                ck_assert_int_eq(snapshot.host.name_is_socket, YES);
                ck_assert_int_eq(snapshot.host.name_removable, YES);
        }
}
END_TEST

/* The listener is closed. Sockets that it accepted have its name and do not make the file live. */
START_TEST(accepted_child)
{
        int fd, one, other;

        enter_empty_directory();
        fd = listening("s", SOCK_STREAM, 4);
        one = client("s", SOCK_STREAM);
        other = accept(fd, NULL, NULL);
        ck_assert_int_ge(other, 0);
        close(fd);
        expect_live("s", NO);
        close(one);
        close(other);
}
END_TEST

/* A client that was bound before it connected has its file. */
START_TEST(bound_client)
{
        int server, fd;

        enter_empty_directory();
        server = listening("server", SOCK_STREAM, 4);
        fd = bound("client", SOCK_STREAM);
        set_path("server");
        ck_assert_int_eq(connect(fd, request.address, request.address_len), 0);
        expect_live("client", YES);
        close(fd);
        expect_live("client", NO);
        close(server);
}
END_TEST

START_TEST(other_ways)
{
        int fd;

        enter_empty_directory();
        ck_assert_int_eq(mkdir("d", 0755), 0);
        ck_assert_int_eq(mkdir("bind", 0755), 0);
        ck_assert_int_eq(symlink("d", "link"), 0);
        fd = listening("d/s", SOCK_STREAM, 4);
        ck_assert_int_eq(mount("d", "bind", NULL, MS_BIND, NULL), 0);
        expect_live("link/s", YES);
        expect_live(".//d///s", YES);
        expect_live(P_tmpdir "/d/s", YES);
        expect_live("bind/s", YES);
        ck_assert_int_eq(mount(NULL, "bind", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
        expect_live("bind/s", YES);
        ck_assert_int_eq(rename("d/s", "d/t"), 0);
        expect_live("d/t", YES);
        ck_assert_int_eq(link("d/t", "u"), 0);
        expect_live("u", YES);
        /* A symbolic link at the end is no socket, as bind() sees it. */
        ck_assert_int_eq(symlink("d/t", "to"), 0);
        expect_live("to", NO);
        ck_assert_int_eq(snapshot.host.name_is_socket, NO);
        ck_assert(S_ISLNK(snapshot.host.name_mode));
        close(fd);
        expect_live("d/t", NO);
        expect_live("bind/t", NO);
        ck_assert_int_eq(snapshot.host.name_removable, NO); /* read-only there */
        /* Mounted by itself, as into a container: unlink(2) says EBUSY. */
        close(open("mounted", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        ck_assert_int_eq(mount("d/t", "mounted", NULL, MS_BIND, NULL), 0);
        expect_live("mounted", NO);
        ck_assert_int_eq(snapshot.host.name_removable, NO);
        ck_assert_int_eq(unlink("mounted"), -1);
}
END_TEST

START_TEST(longest)
{
        char path[109];
        int fd;

        enter_empty_directory();
        memset(path, 'n', 108);
        path[108] = '\0';
        fd = bound(path, SOCK_STREAM);
        expect_live(path, YES);
        close(fd);
        expect_live(path, NO);
}
END_TEST

START_TEST(other_network_namespace)
{
        int fd;

        enter_empty_directory();
        fd = listening("s", SOCK_STREAM, 4);
        ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
        expect_live("s", YES);
        close(fd);
        expect_live("s", NO);
}
END_TEST

/* Another one has taken the file's place; the old server lives on without a path. */
START_TEST(replaced)
{
        int old, fd;

        enter_empty_directory();
        old = listening("s", SOCK_STREAM, 4);
        ck_assert_int_eq(unlink("s"), 0);
        fd = bound("s", SOCK_STREAM);
        expect_live("s", YES);
        close(fd);
        expect_live("s", NO);
        close(old);
}
END_TEST

static volatile int stop;

/* bind() to another name, and rename(): at no time is there a file without a socket. */
static void *replace_all_the_time(void *userdata)
{
        int last = -1;

        (void)userdata;
        while (!stop) {
                struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "new" };
                int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

                if (fd >= 0 && bind(fd, (const struct sockaddr *)&un, sizeof(un)) == 0)
                        (void)rename("new", "s");
                close(last);
                last = fd;
        }
        close(last);
        return NULL;
}

START_TEST(atomically_replaced)
{
        pthread_t thread;
        int fd;

        enter_empty_directory();
        fd = bound("s", SOCK_STREAM);
        ck_assert_int_eq(pthread_create(&thread, NULL, replace_all_the_time, NULL), 0);
        for (int i = 0; i < 300; i++) {
                forget();
                set_path("s");
                ck_assert_int_eq(ask(&backend_unix_path), AIU_COMPLETE);
                ck_assert_int_ne(snapshot.host.name_live, NO);
        }
        stop = 1;
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        close(fd);
}
END_TEST

/* Where it is not asked, or could not be, nothing is stale, and a gap says why. */
START_TEST(not_asked)
{
        enter_empty_directory();
        close(bound("s", SOCK_STREAM));
        request.context_flags = AIU_CONTEXT_NO_IPC;
        expect_live("s", UNKNOWN);
        ck_assert(have_gap(AIU_GAP_BACKEND, "as requested"));
        ck_assert_int_eq(snapshot.host.name_removable, UNKNOWN);
        request.context_flags = 0;
        request.plain_calls_only = 1;
        expect_live("s", UNKNOWN);
        ck_assert(have_gap(AIU_GAP_BACKEND, "seccomp"));
        request.plain_calls_only = 0;
        request.deadline_nsec = 1;
        expect_live("s", UNKNOWN);
        ck_assert(have_gap(AIU_GAP_DEADLINE, "deadline"));
        request.deadline_nsec = 0;
        expect_live("s", NO);
}
END_TEST

START_TEST(not_permitted)
{
        enter_empty_directory();
        close(bound("s", SOCK_STREAM));
        ck_assert_int_eq(chmod("s", 0), 0);
        set_capability(CAP_DAC_OVERRIDE, false);
        expect_live("s", UNKNOWN);
        ck_assert(have_gap(AIU_GAP_PERMISSION, "may not connect"));
}
END_TEST

START_TEST(removable)
{
        enter_empty_directory();
        ck_assert_int_eq(mkdir("d", 0755), 0);
        close(bound("d/s", SOCK_STREAM));
        ck_assert_int_eq(chmod("d", 0555), 0);
        expect_live("d/s", NO);
        ck_assert_int_eq(snapshot.host.name_removable, YES);
        set_capability(CAP_DAC_OVERRIDE, false);
        expect_live("d/s", NO);
        ck_assert_int_eq(snapshot.host.name_removable, NO);
        /* The sticky bit does not hold the owner back. */
        ck_assert_int_eq(chmod("d", 01777), 0);
        expect_live("d/s", NO);
        ck_assert_int_eq(snapshot.host.name_removable, YES);
}
END_TEST

/* Bound below an overlay, and asked through it, or the other way round. */
START_TEST(overlay)
{
        int fd;

        enter_empty_directory();
        ck_assert_int_eq(mkdir("upper", 0755) | mkdir("work", 0755) | mkdir("lower", 0755) | mkdir("merged", 0755), 0);
        if (mount("overlay", "merged", "overlay", 0,
                  "lowerdir=" P_tmpdir "/lower,upperdir=" P_tmpdir "/upper,workdir=" P_tmpdir "/work") < 0) {
                printf("no overlay can be mounted here: %s\n", strerror(errno));
                return;
        }
        fd = listening("merged/s", SOCK_STREAM, 4);
        expect_live("merged/s", YES);
        expect_live("upper/s", YES);
        close(fd);
        expect_live("merged/s", NO);
        expect_live("upper/s", NO);
        fd = listening("upper/t", SOCK_STREAM, 4);
        expect_live("merged/t", YES);
        close(fd);
        /* mountinfo has the upper directory as it was spelled. */
        ck_assert_int_eq(umount("merged"), 0);
        ck_assert_int_eq(symlink("upper", "link"), 0);
        ck_assert_int_eq(mount("overlay", "merged", "overlay", 0,
                               "lowerdir=" P_tmpdir "/lower,upperdir=" P_tmpdir "/link//,workdir=" P_tmpdir "/work"),
                         0);
        fd = listening("merged/u", SOCK_STREAM, 4);
        expect_live("upper/u", YES);
        close(fd);
        expect_live("upper/u", NO);
        ck_assert_int_eq(umount("merged"), 0);
        ck_assert_int_eq(mount("overlay", "merged", "overlay", 0, "lowerdir=lower,upperdir=upper,workdir=work"), 0);
        fd = listening("merged/v", SOCK_STREAM, 4);
        expect_live("upper/v", UNKNOWN);
        ck_assert(have_gap(AIU_GAP_NAMESPACE, "another mount"));
        close(fd);
}
END_TEST

static int list(const char *path)
{
        forget();
        set_path(path);
        ck_assert_int_eq(ask(&backend_unix_path), AIU_COMPLETE);
        return backend_sock_diag.sockets(NULL, &request, &snapshot);
}

/* st_dev differs from the file system's device there: the name confirms, as far as it can be followed. */
START_TEST(overlay_of_two)
{
        static const struct {
                const char *name;
                bool known;
        } rows[] = { { P_tmpdir "/merged/a", true }, { "merged/b", false } };
        int fd;

        enter_empty_directory();
        ck_assert_int_eq(mkdir("upper", 0755) | mkdir("work", 0755) | mkdir("lower", 0755) | mkdir("merged", 0755), 0);
        if (mount("none", "lower", "tmpfs", 0, NULL) < 0 ||
            mount("overlay", "merged", "overlay", 0,
                  "lowerdir=" P_tmpdir "/lower,upperdir=" P_tmpdir "/upper,workdir=" P_tmpdir "/work") < 0) {
                printf("no overlay can be mounted here: %s\n", strerror(errno));
                return;
        }
        for (size_t i = 0; i < 2; i++) {
                fd = listening(rows[i].name, SOCK_STREAM, 4);
                ck_assert_int_eq(list(rows[i].name), AIU_COMPLETE);
                ck_assert_uint_eq(snapshot.n_sockets, 1);
                ck_assert_uint_ne(snapshot.host.name_fs_device, 0);
                if (snapshot.host.name_fs_device != snapshot.host.name_device)
                        ck_assert_uint_eq(snapshot.sockets[0].vfs_device,
                                          rows[i].known ? snapshot.host.name_fs_device : 0);
                close(fd);
                ck_assert_int_eq(list(rows[i].name), AIU_COMPLETE);
                ck_assert_uint_eq(snapshot.n_sockets, 0);
        }
}
END_TEST

/* In this namespace are the connections alone: one that was accepted names the server, one that was not has no process. */
START_TEST(connections_of_another_namespace)
{
        int fd, home, one, other;

        enter_empty_directory();
        home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
        fd = listening("s", SOCK_STREAM, 4);
        ck_assert_int_eq(setns(home, CLONE_NEWNET), 0);
        ck_assert_int_eq(list("s"), AIU_PARTIAL);
        ck_assert_uint_eq(snapshot.n_sockets, 0);
        one = client("s", SOCK_STREAM);
        ck_assert_int_eq(list("s"), AIU_PARTIAL);
        ck_assert_uint_eq(snapshot.n_sockets, 0);
        other = accept(fd, NULL, NULL);
        ck_assert_int_ge(other, 0);
        ck_assert_int_eq(list("s"), AIU_PARTIAL);
        ck_assert_uint_eq(snapshot.n_sockets, 1);
        ck_assert_int_eq(snapshot.sockets[0].state, AIU_STATE_ESTABLISHED);
        close(other);
        close(one);
        close(fd);
        close(home);
}
END_TEST

/* Without a /proc of this process the path itself is asked, and where a mount is stays unknown. */
START_TEST(without_proc)
{
        int fd;

        enter_empty_directory();
        fd = bound("s", SOCK_STREAM);
        ck_assert_int_eq(mount("none", "/proc", "tmpfs", 0, NULL), 0);
        expect_live("s", YES);
        ck_assert_uint_ne(snapshot.host.name_inode, 0);
        close(fd);
        expect_live("s", UNKNOWN);
        ck_assert(have_gap(AIU_GAP_NAMESPACE, "another mount"));
        /* A sanitizer looks for leaks at the end, with the help of /proc. */
        ck_assert_int_eq(umount2("/proc", MNT_DETACH), 0);
}
END_TEST

#ifdef AIU_TESTING
static int fail_at, calls, error;
static enum sys_call only = SYS_CALL_COUNT;

static int fail_one(enum sys_call which)
{
        if (which == SYS_CALL_CLOSE || which == SYS_CALL_CLOCK || (only != SYS_CALL_COUNT && which != only))
                return 0;
        return ++calls == fail_at || fail_at == 0 ? error : 0;
}

/* A call that fails makes less known: a live socket is never stale, a stale one never alive. */
START_TEST(failing_calls)
{
        static const int errors[] = { ENOMEM, EMFILE, EACCES, EIO };
        int before = dup(0), after, fd;

        close(before);
        enter_empty_directory();
        fd = bound("live", SOCK_STREAM);
        close(bound("stale", SOCK_STREAM));
        for (size_t i = 0; i < 4; i++) {
                error = errors[i];
                for (fail_at = 1;; fail_at++) {
                        static const char *const paths[] = { "live", "stale" };
                        int most = 0;

                        for (size_t k = 0; k < 2; k++) {
                                forget();
                                set_path(paths[k]);
                                calls = 0;
                                sys_fault = fail_one;
                                (void)ask(&backend_unix_path);
                                sys_fault = NULL;
                                ck_assert_int_ne(snapshot.host.name_live, k == 0 ? NO : YES);
                                most = calls > most ? calls : most;
                        }
                        if (most < fail_at)
                                break;
                }
                ck_assert_int_gt(fail_at, 10);
        }
        close(fd);
        after = dup(0);
        ck_assert_int_eq(before, after);
        close(after);
}
END_TEST

/* A kernel, or a filter, that answers the same whatever is asked proves nothing. */
START_TEST(answers_that_prove_nothing)
{
        static const int errors[] = { EISCONN, ECONNREFUSED, EPROTOTYPE };

        error = errors[_i];
        enter_empty_directory();
        close(bound("s", SOCK_STREAM));
        only = SYS_CALL_CONNECT;
        fail_at = 0;
        sys_fault = fail_one;
        expect_live("s", UNKNOWN);
        sys_fault = NULL;
        ck_assert(have_gap(AIU_GAP_BACKEND, "does not tell"));
        /* That stays so: the kernel does not change while this process lives. */
        expect_live("s", UNKNOWN);
}
END_TEST
#endif

static Suite *suite(void)
{
        const TTest *const tests[] = {
                types_and_states, accepted_child,
                bound_client,     other_ways,
                longest,          other_network_namespace,
                replaced,         atomically_replaced,
                not_asked,        not_permitted,
                removable,        overlay,
                overlay_of_two,   connections_of_another_namespace,
                without_proc,
#ifdef AIU_TESTING
                failing_calls,
#endif
        };
        Suite *s = suite_create("unix-live");
        TCase *t = tcase_create("files");

        tcase_add_checked_fixture(t, enter_namespaces, forget_snapshot);
        for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
                tcase_add_test(t, tests[i]);
#ifdef AIU_TESTING
        tcase_add_loop_test(t, answers_that_prove_nothing, 0, 3);
#endif
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
