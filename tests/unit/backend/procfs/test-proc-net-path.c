/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The backend "proc-net-path" against the kernel: whose socket may have made a file,
 * by the names that /proc/net/unix has. A candidate never has a device: the name is
 * not proof.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture/host-fixture.h"
#include "fixture/run-suite.h"
#include "fixture/scarce-memory.h"
#include "util/sys-fault.h"

/* No other test that runs on the machine has sockets of this name. */
#define NAME "proc-net-path"

static uint64_t inode_of(int fd)
{
        struct stat st;

        ck_assert_int_eq(fstat(fd, &st), 0);
        return st.st_ino;
}

static int bound(const char *path, int type)
{
        int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

        set_path(path);
        ck_assert_int_ge(fd, 0);
        ck_assert_msg(bind(fd, request.address, request.address_len) == 0, "%s: %s", path, strerror(errno));
        return fd;
}

/* As after sock-diag, which knows none, or was refused. With each allocation failing in turn. */
static int search(const char *path)
{
        int r;

        set_path(path);
        for (unsigned int at = sys_fault ? 0 : 1;; at++) {
                int (*fault)(enum sys_call) = sys_fault;

                sys_fault = NULL;
                ck_assert_int_eq(ask(&backend_unix_path), AIU_COMPLETE);
                sys_fault = fault;
                snapshot.backend = "proc-net-path";
                scarce_memory_begin(at, false);
                r = backend_proc_net_path.sockets(NULL, &request, &snapshot);
                if (!scarce_memory_end())
                        return r;
                ck_assert_msg(r == -ENOMEM || snapshot.gap_lost, "allocation %u: %d", at, r);
        }
}

static void expect_candidate(const char *path, uint64_t inode, int result)
{
        ck_assert_int_eq(search(path), result);
        ck_assert_msg(snapshot.n_sockets == 1, "%s: %zu sockets", path, snapshot.n_sockets);
        ck_assert_uint_eq(snapshot.sockets[0].inode, inode);
        ck_assert_uint_eq(snapshot.sockets[0].vfs_inode, snapshot.host.name_inode);
        ck_assert_uint_eq(snapshot.sockets[0].vfs_device, 0);
        ck_assert(have_gap(AIU_GAP_UNKNOWN, "may have been replaced"));
}

/* The name leads to the file; it cannot be followed. */
static void expect_found(const char *path, uint64_t inode)
{
        expect_candidate(path, inode, AIU_COMPLETE);
}

static void expect_weak(const char *path, uint64_t inode)
{
        expect_candidate(path, inode, AIU_PARTIAL);
}

static void expect_none(const char *path)
{
        ck_assert_int_eq(search(path), AIU_PARTIAL);
        ck_assert_msg(snapshot.n_sockets == 0, "%s", path);
}

/* Every spelling leads to the file. */
START_TEST(spellings)
{
        static const char *const names[] = {
                P_tmpdir "/d/" NAME, "link/" NAME, P_tmpdir "/link/" NAME, P_tmpdir "//d///" NAME, "d/./" NAME,
                "d/../d/" NAME,      "d/" NAME
        };
        int fd;

        enter_empty_directory();
        ck_assert_int_eq(mkdir("d", 0755), 0);
        ck_assert_int_eq(symlink("d", "link"), 0);
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
                fd = bound(names[i], SOCK_STREAM);
                expect_candidate(P_tmpdir "/d/" NAME, inode_of(fd), names[i][0] == '/' ? AIU_COMPLETE : AIU_PARTIAL);
                expect_candidate("d/" NAME, inode_of(fd), names[i][0] == '/' ? AIU_COMPLETE : AIU_PARTIAL);
                close(fd);
                ck_assert_int_eq(unlink("d/" NAME), 0);
        }
}
END_TEST

/* A name that leads elsewhere is none of ours; one that cannot be followed counts only if there is no better. */
START_TEST(namesakes)
{
        int fd, other, relative;

        enter_empty_directory();
        ck_assert_int_eq(mkdir("d", 0755) | mkdir("e", 0755) | mkdir("f", 0755), 0);
        other = bound(P_tmpdir "/e/" NAME, SOCK_STREAM);
        ck_assert_int_eq(chdir("f"), 0);
        relative = bound(NAME, SOCK_STREAM);
        ck_assert_int_eq(chdir(".."), 0);
        fd = bound(P_tmpdir "/d/" NAME, SOCK_DGRAM);
        expect_found("d/" NAME, inode_of(fd));
        ck_assert_int_eq(rename("d/" NAME, "d/" NAME "-2"), 0);
        expect_none("d/" NAME "-2");
        ck_assert(have_gap(AIU_GAP_NAMESPACE, "no table"));
        close(fd);
        ck_assert_int_eq(unlink("e/" NAME), 0);
        fd = bound("d/" NAME NAME, SOCK_STREAM);
        expect_weak("d/" NAME NAME "/", inode_of(fd)); /* slashes at the end change nothing: EADDRINUSE */
        close(fd);
        close(relative);
        close(other);
}
END_TEST

/* A file proven stale has no process. Neither has a file that is no socket, or one that was found already. */
START_TEST(nothing_to_search)
{
        struct aiu_socket_fact fact = { .size = sizeof(fact), .type = SOCK_STREAM, .inode = 7 };
        int fd;

        enter_empty_directory();
        make_file("file", "");
        expect_none("file");
        close(bound(NAME, SOCK_STREAM));
        expect_none(NAME);
        expect_none("missing");
        fd = bound(NAME "-3", SOCK_STREAM);
        ck_assert_int_eq(ask(&backend_unix_path), AIU_COMPLETE);
        fact.local = request.address;
        fact.local_len = request.address_len;
        fact.vfs_inode = snapshot.host.name_inode;
        ck_assert_int_eq(aiu_snapshot_add_socket(&snapshot, &fact), 0);
        ck_assert_int_eq(backend_proc_net_path.sockets(NULL, &request, &snapshot), AIU_PARTIAL);
        ck_assert_uint_eq(snapshot.n_sockets, 1);
        set_ip("127.0.0.1", 80, SOCK_STREAM);
        ck_assert_int_eq(backend_proc_net_path.sockets(NULL, &request, &snapshot), AIU_PARTIAL);
        close(fd);
        fd = bound("new\nline", SOCK_STREAM);
        ck_assert_int_eq(search("new\nline"), -EOPNOTSUPP);
        close(request.procfs);
        request.procfs = -1;
        ck_assert_int_eq(search("new\nline"), -ENOENT);
        close(fd);
}
END_TEST

/* A server in a network namespace of its own, which says that it is there. */
static pid_t start_elsewhere(const char *path, uint64_t *ret_inode)
{
        int pipes[2];
        pid_t pid;

        ck_assert_int_eq(pipe(pipes), 0);
        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                struct sockaddr_un un = { .sun_family = AF_UNIX };
                struct stat st;
                int fd;

                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                memcpy(un.sun_path, path, strlen(path));
                if (unshare(CLONE_NEWNET) < 0)
                        _exit(1);
                fd = socket(AF_UNIX, SOCK_STREAM, 0);
                if (fd < 0 || bind(fd, (const struct sockaddr *)&un, sizeof(un)) < 0 || listen(fd, 4) < 0 ||
                    fstat(fd, &st) < 0 || write(pipes[1], &st.st_ino, sizeof(st.st_ino)) != sizeof(st.st_ino))
                        _exit(1);
                for (;;)
                        pause();
        }
        close(pipes[1]);
        ck_assert_int_eq(read(pipes[0], ret_inode, sizeof(*ret_inode)), sizeof(*ret_inode));
        close(pipes[0]);
        return pid;
}

static void end(pid_t pid)
{
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(other_network_namespace)
{
        uint64_t inode;
        int client;
        pid_t pid;

        enter_empty_directory();
        pid = start_elsewhere(P_tmpdir "/" NAME, &inode);
        expect_found(NAME, inode);
        /* A connection that it has not accepted is in the namespace of the client. */
        set_path(P_tmpdir "/" NAME);
        client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ck_assert_int_eq(connect(client, request.address, request.address_len), 0);
        expect_found(NAME, inode);
        close(client);
        end(pid);
        expect_none(NAME);
        ck_assert_int_eq(unlink(NAME), 0);
        pid = start_elsewhere(NAME, &inode);
        expect_weak(P_tmpdir "/" NAME, inode);
        end(pid);
}
END_TEST

/* Of many sockets of the same name that cannot be followed, none is reported. */
START_TEST(crowd)
{
        static const char *const folders[] = { "1", "2", "3", "4", "5" };
        int fds[5];

        enter_empty_directory();
        for (size_t i = 0; i < 5; i++) {
                ck_assert_int_eq(mkdir(folders[i], 0755), 0);
                ck_assert_int_eq(chdir(folders[i]), 0);
                fds[i] = bound(NAME, SOCK_STREAM);
                ck_assert_int_eq(chdir(".."), 0);
                ck_assert_int_eq(search("1/" NAME), AIU_PARTIAL);
                ck_assert_uint_eq(snapshot.n_sockets, i < 4 ? i + 1 : 0);
        }
        for (size_t i = 0; i < 5; i++)
                close(fds[i]);
}
END_TEST

START_TEST(deadline)
{
        uint64_t inode;
        pid_t pid;

        enter_empty_directory();
        pid = start_elsewhere(P_tmpdir "/" NAME, &inode);
        set_path(NAME);
        ck_assert_int_eq(ask(&backend_unix_path), AIU_COMPLETE);
        request.deadline_nsec = 1;
        ck_assert_int_eq(backend_proc_net_path.sockets(NULL, &request, &snapshot), -ETIME);
        end(pid);
}
END_TEST

#ifdef AIU_TESTING
static enum sys_call failing;

static int fail_always(enum sys_call which)
{
        return which == failing ? EACCES : 0;
}

/* An ordinary user may not know whose namespace it is, nor follow the names there: the table itself is public. */
START_TEST(not_permitted)
{
        static const enum sys_call calls[] = { SYS_CALL_READLINKAT, SYS_CALL_FSTATAT };
        uint64_t inode;
        pid_t pid;

        enter_empty_directory();
        pid = start_elsewhere(P_tmpdir "/" NAME, &inode);
        for (size_t i = 0; i < 2; i++) {
                failing = calls[i];
                sys_fault = fail_always;
                expect_candidate(NAME, inode, i == 0 ? AIU_COMPLETE : AIU_PARTIAL);
                sys_fault = NULL;
        }
        failing = SYS_CALL_GETDENTS;
        sys_fault = fail_always;
        ck_assert_int_eq(search(NAME), -EACCES);
        failing = SYS_CALL_OPENAT;
        ck_assert_int_eq(search(NAME), -EACCES);
        sys_fault = NULL;
        end(pid);
}
END_TEST
#endif

static Suite *suite(void)
{
        const TTest *const tests[] = {
                spellings,     namesakes, nothing_to_search, other_network_namespace, crowd, deadline,
#ifdef AIU_TESTING
                not_permitted,
#endif
        };
        Suite *s = suite_create("proc-net-path");
        TCase *t = tcase_create("names");

        tcase_add_checked_fixture(t, enter_namespaces, forget_snapshot);
        for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
                tcase_add_test(t, tests[i]);
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
