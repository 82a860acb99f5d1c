/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What /proc says of processes, lib/backend/process/proc-parse.c and proc-pid.c: the
 * parsers are fed hostile text, the search gets trees of plain files that behave
 * as no real /proc will on demand.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/macro.h"
#include "backend/process/proc-fd.h"
#include "fixture/proc-fixture.h"

/* ------------------------------------------------------------- parsers */

#define STAT_TAIL " 5 6 7 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 3 0 4711 1 2\n"

static int parse_stat(const char *text, struct proc_stat *ret)
{
        return proc_parse_stat(text, strlen(text), ret);
}

/* /proc/PID/uid_map: first uid there, first uid here, how many. */
START_TEST(maps_of_uids)
{
        static const struct {
                const char *text;
                bool has_root, whole;
                uid_t root;
        } rows[] = {
                { "         0          0 4294967295\n", true, true, 0 },
                { "         0       1000          1\n         1     100000      65536\n", true, false, 1000 },
                { "         1     100000      65536\n         0       1000          1\n", true, false, 1000 },
                { "         0          0          1\n", true, false, 0 },
                { "         5          5 4294967295\n", false, false, 0 },
                { "         0 4294967296          1\n", false, false, 0 },
                { "         0\n", false, false, 0 },
                { "", false, false, 0 },
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                uid_t uid = 77;

                ck_assert_int_eq(proc_parse_root_uid(rows[i].text, &uid), rows[i].has_root);
                ck_assert_uint_eq(uid, rows[i].has_root ? rows[i].root : 77);
                ck_assert_int_eq(proc_parse_is_whole_map(rows[i].text), rows[i].whole);
        }
}
END_TEST

/* All four, or none. */
START_TEST(all_uids)
{
        struct proc_status status;

        ck_assert_int_eq(proc_parse_status("Name:\tx\nUid:\t1\t2\t3\t4\n", &status), 0);
        ck_assert(status.has_uids);
        for (uid_t i = 0; i < 4; i++)
                ck_assert_uint_eq(status.uids[i], i + 1);
        ck_assert_int_eq(proc_parse_status("Uid:\t1\t2\t3\n", &status), 0);
        ck_assert(!status.has_uids);
        ck_assert_int_eq(proc_parse_status("Uid:\t1\t2\t3\t99999999999\n", &status), 0);
        ck_assert(!status.has_uids);
}
END_TEST

START_TEST(parse_stat_hostile_names)
{
        static const char *const names[] = {
                "sh", ") R 1 (", "a\nb", "((", "))", "", " ", "x) Z 9",
        };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                struct proc_stat s;
                char text[200];

                snprintf(text, sizeof(text), "42 (%s) S" STAT_TAIL, names[i]);
                ck_assert_int_eq(parse_stat(text, &s), 0);
                ck_assert_str_eq(s.comm, names[i]);
                ck_assert_int_eq(s.state, 'S');
                ck_assert_int_eq(s.ppid, 5);
                ck_assert_int_eq(s.pgrp, 6);
                ck_assert_int_eq(s.session, 7);
                ck_assert_uint_eq(s.flags, 4194304);
                ck_assert_uint_eq(s.n_threads, 3);
                ck_assert_uint_eq(s.start_ticks, 4711);
        }
}
END_TEST

START_TEST(parse_stat_refuses)
{
        static const char *const texts[] = {
                "",
                "42",
                "42 (sh",
                "42 sh)",
                ")(",
                "42 (sh)",
                "42 (sh) ",
                "42 (sh) S",
                "42 (sh) S 5 6 7",
                ("42 (sh) S x" STAT_TAIL),
                "42 (sh) S 99999999999999999999 6 7 0 -1 1 1 2 3 4 5 6 7 8 20 0 3 0 4711 1",
        };
        struct proc_stat s;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                ck_assert_int_eq(parse_stat(texts[i], &s), -EBADMSG);
}
END_TEST

START_TEST(parse_stat_large_numbers)
{
        struct proc_stat s;

        ck_assert_int_eq(parse_stat("42 (sh) S 4294967296 6 7 0 -1 1 1 2 3 4 5 6 7 8 20 0 3 0 4711 1", &s), 0);
        ck_assert_int_eq(s.ppid, 0);
        ck_assert_int_eq(s.pgrp, 6);
}
END_TEST

START_TEST(parse_stat_long_name)
{
        struct proc_stat s;
        char name[200], text[300];

        memset(name, 'n', sizeof(name) - 1);
        name[sizeof(name) - 1] = '\0';
        snprintf(text, sizeof(text), "42 (%s) S" STAT_TAIL, name);
        ck_assert_int_eq(parse_stat(text, &s), 0);
        ck_assert_uint_eq(strlen(s.comm), PROC_COMM_BYTES - 1);
}
END_TEST

START_TEST(parse_status_fields)
{
        static const char *const masks[] = { "SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt" };
        struct proc_status s;

        ck_assert_int_eq(proc_parse_status("Name:\tUid:\\n\nUid:\t1\t2\t3\t4\n"
                                           "SigPnd:\t0000000000000100\nShdPnd:\t0000000000000001\n"
                                           "SigBlk:\t00000000000000a0\nSigIgn:\t0000000000004000\n"
                                           "SigCgt:\tffffffffffffffff\n",
                                           &s),
                         0);
        ck_assert_uint_eq(s.euid, 2);
        ck_assert(s.has_signals);
        ck_assert_uint_eq(s.pending, 0x101);
        ck_assert_uint_eq(s.blocked, 0xa0);
        ck_assert_uint_eq(s.ignored, 0x4000);
        ck_assert_uint_eq(s.caught, UINT64_MAX);

        ck_assert_int_eq(proc_parse_status("Uid:\t1\t7", &s), 0);
        ck_assert(!s.has_signals);
        ck_assert_uint_eq(s.euid, 7);
        ck_assert_int_eq(proc_parse_status("", &s), -EBADMSG);
        ck_assert_int_eq(proc_parse_status("Uid:\t1\nxUid:\t1\t2\n", &s), -EBADMSG);
        ck_assert_int_eq(proc_parse_status("Uid:\tx\t2\n", &s), -EBADMSG);
        ck_assert_int_eq(proc_parse_status("Uid:\t1\tx\n", &s), -EBADMSG);
        ck_assert_int_eq(proc_parse_status("Uid:\t1\t4294967296\n", &s), -EBADMSG);
        ck_assert_int_eq(proc_parse_status("Uids:\t1\t2\n", &s), -EBADMSG);
        ck_assert_int_eq(proc_parse_status("Uid:\t1\t7\nNSpid:\t5\t1\n", &s), 0);
        ck_assert(s.is_init);
        ck_assert_int_eq(proc_parse_status("Uid:\t1\t7\nNSpid:\t1\t12\n", &s), 0);
        ck_assert(!s.is_init);
        ck_assert_int_eq(proc_parse_status("Uid:\t1\t7\n", &s), 0);
        ck_assert(!s.is_init);
        /* One mask that is missing, or none, and the others mean nothing. */
        for (size_t i = 0; i < ELEMENTSOF(masks); i++) {
                char text[128] = "Uid:\t1\t7\n";

                for (size_t k = 0; k < ELEMENTSOF(masks); k++)
                        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s:\t%s\n", masks[k],
                                 k == i ? "x" : "0");
                ck_assert_int_eq(proc_parse_status(text, &s), 0);
                ck_assert(!s.has_signals);
        }
}
END_TEST

START_TEST(parse_socket_links)
{
        static const char *const wrong[] = {
                "",
                "socket:[",
                "socket:[]",
                "socket:[12",
                "socket:[12]x",
                "socket:[1x2]",
                "socket:[-1]",
                "/socket:[12]",
                "socket:[12] (deleted)",
                "socket:[99999999999999999999]",
                "pipe:[12]",
        };
        uint64_t inode = 1;

        for (size_t i = 0; i < ELEMENTSOF(wrong); i++)
                ck_assert(!proc_parse_socket_link(wrong[i], strlen(wrong[i]), &inode));
        ck_assert_uint_eq(inode, 1);
        ck_assert(proc_parse_socket_link("socket:[4711]", 13, &inode));
        ck_assert_uint_eq(inode, 4711);
        ck_assert(proc_parse_socket_link("socket:[18446744073709551615]", 29, &inode));
        ck_assert_uint_eq(inode, UINT64_MAX);
}
END_TEST

START_TEST(parse_rings)
{
        const char *text = "SqHead:\t0\nUserFiles:\t3\n    0: socket:[11]\n    1: <none>\n"
                           "    2: /a\\040b\n  300: socket:[22]\nsocket:[33]\n 1:socket:[44]\n"
                           "    5: socket:[55]";
        uint64_t inode;

        ck_assert(proc_parse_ring_socket(&text, &inode));
        ck_assert_uint_eq(inode, 11);
        ck_assert(proc_parse_ring_socket(&text, &inode));
        ck_assert_uint_eq(inode, 22);
        ck_assert(proc_parse_ring_socket(&text, &inode));
        ck_assert_uint_eq(inode, 55);
        ck_assert(!proc_parse_ring_socket(&text, &inode));
        ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(parse_units)
{
        static const struct {
                const char *cgroup;
                enum proc_unit unit;
        } cases[] = {
                { "0::/system.slice/nginx.service\n", PROC_UNIT_SERVICE },
                { "0::/system.slice/nginx.service/sub\n", PROC_UNIT_SERVICE },
                { "0::/user.slice/user-1.slice/session-3.scope\n", PROC_UNIT_SCOPE },
                { "0::/user.slice/user@1.service/app.slice/x.scope", PROC_UNIT_SCOPE },
                { "9:name=systemd:/a.service\n4:memory:/\n0::/\n", PROC_UNIT_SERVICE },
                { "4:memory:/b.service\n0::/a.scope\n", PROC_UNIT_SCOPE },
                { "4:memory:/b.service\n", PROC_UNIT_NONE },
                { "0::/\n", PROC_UNIT_NONE },
                { "0::/.service\n", PROC_UNIT_NONE },
                { "", PROC_UNIT_NONE },
                { NULL, PROC_UNIT_NONE },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                ck_assert_int_eq(proc_parse_unit(cases[i].cgroup), cases[i].unit);
}
END_TEST

/* ------------------------------------------------- trees of plain files */

static char tree[] = "/tmp/test-proc-fd-XXXXXX";

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        (void)st, (void)type, (void)ftw;
        return remove(path);
}

static void tree_setup(void)
{
        setup();
        memcpy(strrchr(tree, '-'), "-XXXXXX", 7);
        ck_assert_ptr_nonnull(mkdtemp(tree));
        close(procfs);
        procfs = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        /* Links of plain files dangle: only their text says "socket". */
        request.plain_calls_only = 1;
}

static void tree_teardown(void)
{
        teardown();
        nftw(tree, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void put_file(int pid, const char *name, const char *text)
{
        char path[64];
        int fd;

        snprintf(path, sizeof(path), "%d", pid);
        mkdirat(procfs, path, 0755);
        snprintf(path, sizeof(path), "%d/%s", pid, name);
        fd = openat(procfs, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
        close(fd);
}

static void put_link(int pid, const char *name, const char *text)
{
        char path[64];

        snprintf(path, sizeof(path), "%d", pid);
        mkdirat(procfs, path, 0755);
        snprintf(path, sizeof(path), "%d/fd", pid);
        mkdirat(procfs, path, 0755);
        snprintf(path, sizeof(path), "%d/%s", pid, name);
        ck_assert_int_eq(symlinkat(text, procfs, path), 0);
}

static void put_stat(int pid, const char *comm, char state, int ppid, int pgrp, int session, int start)
{
        char text[300];

        snprintf(text, sizeof(text), "%d (%s) %c %d %d %d 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 %d 0\n", pid, comm, state,
                 ppid, pgrp, session, start);
        put_file(pid, "stat", text);
}

START_TEST(tree_facts)
{
        const struct process *p;

        put_stat(1, "init", 'S', 0, 1, 1, 0);
        put_stat(7, ") R 1 (\nx", 'T', 1, 7, 7, 500);
        put_link(7, "fd/3", "socket:[4711]");
        put_link(7, "fd/12", "socket:[4711]");
        put_link(7, "fd/4", "socket:[4712]");
        put_link(7, "exe", "/bin/x y (deleted)");
        put_link(7, "cwd", "/srv/\x1b[31m");
        put_file(7, "cmdline", "x");
        put_file(7, "cgroup", "0::/a.scope\n");
        put_file(7, "status",
                 "Uid:\t0\t33\t0\t0\nSigPnd:\t0\nShdPnd:\t0\nSigBlk:\t4000\n"
                 "SigIgn:\t0\nSigCgt:\t0\n");
        put_link(8, "fd/3", "pipe:[4711]");
        want(4711);
        ck_assert_int_eq(scan_run(procfs, &request, &snapshot), AIU_COMPLETE);

        ck_assert_uint_eq(snapshot.n_refs, 1);
        ck_assert_uint_eq(snapshot.refs[0].n_fds, 2);
        p = process_of(7);
        ck_assert_str_eq(p->comm, ") R 1 (\nx");
        ck_assert_str_eq(p->exe, "/bin/x y");
        ck_assert_str_eq(p->cwd, "/srv/\x1b[31m");
        ck_assert_str_eq(p->cmdline, "x");
        ck_assert_uint_eq(p->uid, 33);
        ck_assert_int_eq(p->ppid, 1);
        ck_assert_uint_eq(p->flags, AIU_HOLDER_STOPPED | AIU_HOLDER_DELETED_EXE | AIU_HOLDER_ORPHAN);
        ck_assert_int_eq(p->sigterm_caught, YES);
        ck_assert_int_eq(p->sigterm_ignored, NO);
        ck_assert(!p->is_self);
        ck_assert_uint_eq(p->n_ancestors, 1);
        ck_assert_str_eq(p->ancestor_comms[0], "init");
        ck_assert_uint_eq(snapshot.n_gaps, 0);
}
END_TEST

/* A /proc in which nothing can be read but the descriptors. */
START_TEST(tree_bare)
{
        const struct process *p;

        put_stat(1, "init", 'S', 0, 1, 1, 0);
        put_link(7, "fd/3", "socket:[4711]");
        put_file(7, "stat", "garbage");
        want(4711);
        ck_assert_int_eq(scan_run(procfs, &request, &snapshot), AIU_COMPLETE);
        p = process_of(7);
        ck_assert_ptr_null(p->comm);
        ck_assert_ptr_null(p->exe);
        ck_assert_uint_eq(p->uid, UID_UNKNOWN);
        ck_assert_int_eq(p->sigterm_ignored, UNKNOWN);
        ck_assert_uint_eq(p->start_time_usec, 0);
}
END_TEST

/* Its directory is there, its stat is not: so is a process that has just died. */
START_TEST(tree_gone)
{
        put_link(7, "fd/3", "socket:[4711]");
        want(4711);
        ck_assert_int_eq(scan_run(procfs, &request, &snapshot), AIU_COMPLETE);
        ck_assert_uint_eq(snapshot.n_refs, 0);
        ck_assert_uint_eq(snapshot.n_processes, 0);
        ck_assert(have_gap(AIU_GAP_PERMISSION, "hidepid"));
}
END_TEST

START_TEST(tree_ancestors)
{
        /* 10 <- 11 <- 10: a loop; 20 <- 21: the parent is younger; 30 <- 30: itself. */
        put_stat(10, "a", 'S', 11, 10, 10, 100);
        put_stat(11, "b", 'S', 10, 11, 11, 100);
        put_stat(20, "c", 'S', 21, 20, 20, 100);
        put_stat(21, "d", 'S', 1, 21, 21, 101);
        put_stat(30, "e", 'S', 30, 30, 30, 100);
        put_link(10, "fd/1", "socket:[5]");
        put_link(20, "fd/1", "socket:[5]");
        put_link(30, "fd/1", "socket:[5]");
        want(5);
        ck_assert_int_eq(scan_run(procfs, &request, &snapshot), AIU_COMPLETE);
        ck_assert_uint_eq(process_of(10)->n_ancestors, PROC_MAX_ANCESTORS);
        ck_assert_int_eq(process_of(10)->ancestor_pids[0], 11);
        ck_assert_int_eq(process_of(10)->ancestor_pids[1], 10);
        ck_assert_uint_eq(process_of(20)->n_ancestors, 0);
        ck_assert_uint_eq(process_of(30)->n_ancestors, 1);
}
END_TEST

/* The caller is 22. Pid 1 is the ancestor of all, and 30 of none of us. */
START_TEST(tree_of_caller)
{
        ck_assert_int_eq(symlinkat("22", procfs, "self"), 0);
        put_stat(1, "init", 'S', 0, 1, 1, 0);
        put_stat(20, "tmux: server", 'S', 1, 20, 20, 100);
        put_stat(21, "bash", 'S', 20, 21, 21, 101);
        put_stat(22, "addrinuse", 'S', 21, 22, 21, 102);
        put_stat(30, "nginx", 'S', 1, 30, 30, 100);
        put_link(1, "fd/1", "socket:[5]");
        put_link(20, "fd/1", "socket:[5]");
        put_link(22, "fd/1", "socket:[5]");
        put_link(30, "fd/1", "socket:[5]");
        want(5);
        ck_assert_int_eq(scan_run(procfs, &request, &snapshot), AIU_COMPLETE);
        ck_assert(process_of(20)->flags & AIU_HOLDER_ANCESTOR);
        ck_assert(process_of(22)->is_self);
        ck_assert(!((process_of(1)->flags | process_of(22)->flags | process_of(30)->flags) & AIU_HOLDER_ANCESTOR));
}
END_TEST

/* The caller itself cannot be read: nothing is said. */
START_TEST(tree_of_hidden_caller)
{
        ck_assert_int_eq(symlinkat("22", procfs, "self"), 0);
        put_stat(20, "tmux: server", 'S', 1, 20, 20, 100);
        put_link(20, "fd/1", "socket:[5]");
        want(5);
        ck_assert_int_eq(scan_run(procfs, &request, &snapshot), AIU_COMPLETE);
        ck_assert(!(process_of(20)->flags & AIU_HOLDER_ANCESTOR));
}
END_TEST

static uint32_t flags_of(int pid, char state, int ppid, int pgrp, int session, const char *cgroup)
{
        put_stat(pid, "x", state, ppid, pgrp, session, 100);
        put_file(pid, "cgroup", cgroup);
        put_link(pid, "fd/1", "socket:[5]");
        snapshot_finish(&snapshot);
        want(5);
        ck_assert_int_eq(scan_run(procfs, &request, &snapshot), AIU_COMPLETE);
        return process_of(pid)->flags;
}

START_TEST(tree_flags)
{
        put_stat(1, "init", 'S', 0, 1, 1, 0);
        put_stat(50, "systemd", 'S', 1, 50, 50, 1);
        put_stat(51, "bash", 'S', 50, 51, 51, 1);
        ck_assert_uint_eq(flags_of(60, 'S', 1, 60, 60, "0::/s/a.service\n"), 0);
        ck_assert_uint_eq(flags_of(61, 'S', 1, 99, 99, "0::/s/a.service\n"), 0);
        ck_assert_uint_eq(flags_of(62, 'S', 1, 62, 62, "0::/\n"), 0);
        ck_assert_uint_eq(flags_of(63, 'S', 1, 63, 99, "0::/\n"), AIU_HOLDER_ORPHAN);
        ck_assert_uint_eq(flags_of(64, 'S', 1, 99, 64, "0::/\n"), AIU_HOLDER_ORPHAN);
        ck_assert_uint_eq(flags_of(65, 'S', 50, 65, 99, "0::/u/a.scope\n"), AIU_HOLDER_ORPHAN);
        ck_assert_uint_eq(flags_of(66, 'S', 51, 99, 99, "0::/u/a.scope\n"), 0);
        ck_assert_uint_eq(flags_of(67, 'S', 1, 67, 67, "0::/user@1.service/init.scope\n"), 0);
        ck_assert_uint_eq(flags_of(70, 't', 51, 70, 70, "0::/\n"), AIU_HOLDER_STOPPED);
        ck_assert_uint_eq(flags_of(71, 'Z', 51, 71, 71, "0::/\n"), AIU_HOLDER_DYING);
        put_file(72, "status",
                 "Uid:\t0\t0\nSigPnd:\t0\nShdPnd:\t100\nSigBlk:\t0\n"
                 "SigIgn:\t4000\nSigCgt:\t0\n");
        put_file(72, "cmdline", "never read: it could wait");
        ck_assert_uint_eq(flags_of(72, 'D', 51, 72, 72, "0::/\n"), AIU_HOLDER_DYING);
        ck_assert_ptr_null(process_of(72)->cmdline);
        ck_assert_int_eq(process_of(72)->sigterm_ignored, YES);
}
END_TEST

/* A process on a terminal or not, what it runs, with which words. */
static void put_program(int pid, const char *comm, int ppid, int tty, const char *exe, const char *cmdline,
                        size_t bytes)
{
        char text[300], path[64];
        int fd;

        snprintf(text, sizeof(text), "%d (%s) S %d %d 9 %d -1 0 0 0 0 0 0 0 0 0 20 0 1 0 %d 0\n", pid, comm, ppid, pid,
                 tty, pid);
        put_file(pid, "stat", text);
        put_file(pid, "cmdline", "");
        snprintf(path, sizeof(path), "%d/cmdline", pid);
        fd = openat(procfs, path, O_WRONLY | O_CLOEXEC);
        ck_assert_int_eq(write(fd, cmdline, bytes), (ssize_t)bytes);
        close(fd);
        if (exe)
                put_link(pid, "exe", exe);
}
#define PROGRAM(pid, comm, ppid, tty, exe, cmdline) put_program(pid, comm, ppid, tty, exe, cmdline, sizeof(cmdline))

static tristate returned_by(int parent)
{
        int pid = parent + 1;

        PROGRAM(pid, "web", parent, 0, "/bin/web", "web");
        put_link(pid, "fd/1", "socket:[5]");
        snapshot_finish(&snapshot);
        want(5);
        ck_assert_int_eq(scan_run(procfs, &request, &snapshot), AIU_COMPLETE);
        return process_of(pid)->parent_returns;
}

/* A person at a terminal starts it once. A script may be a loop. */
START_TEST(tree_shells)
{
        static const struct {
                const char *exe, *words;
                size_t bytes;
                int tty;
                const char *input;
                tristate returns;
        } rows[] = {
                { "/bin/bash", "-bash", 6, 34816, "/dev/pts/0", NO },
                { "/bin/zsh", "zsh\0-i", 7, 34816, "/dev/tty1", NO },
                { "/bin/bash", "bash\0--rcfile\0/x/c", 19, 34816, "/dev/pts/0", NO },
                { "/bin/bash", "bash\0--login", 13, 1, "/dev/console", NO },
                { "/bin/bash", "bash\0-l", 8, 34816, "pipe:[7]", UNKNOWN }, /* ssh host bash < script */
                { "/bin/bash", "bash", 5, 0, "/dev/pts/0", UNKNOWN },
                { "/bin/bash", "bash", 5, 34816, NULL, UNKNOWN },
                { "/bin/sh", "sh\0loop.sh", 11, 34816, "/dev/pts/0", UNKNOWN },
                { "/bin/sh", "sh\0-c\0while :; do web; done", 28, 34816, "/dev/pts/0", UNKNOWN },
                { "/bin/bash", "bash\0-lc\0web; web", 18, 34816, "/dev/pts/0", UNKNOWN },
                { "/bin/bash", "bash\0+x\0-e\0loop.sh", 19, 34816, "/dev/pts/0", UNKNOWN },
                { "/bin/bash", "", 0, 34816, "/dev/pts/0", UNKNOWN },
                { "/bin/python3", "python3", 8, 34816, "/dev/pts/0", UNKNOWN },
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                int pid = 100 + (int)i * 2;

                put_program(pid, "x", 1, rows[i].tty, rows[i].exe, rows[i].words, rows[i].bytes);
                if (rows[i].input)
                        put_link(pid, "fd/0", rows[i].input);
                ck_assert_msg(returned_by(pid) == rows[i].returns, "row %zu", i);
        }
}
END_TEST

/* Inits, multiplexers, and wrappers, for which their own parents count. */
START_TEST(tree_parents)
{
        PROGRAM(1, "systemd", 0, 0, NULL, "/sbin/init");
        ck_assert_int_eq(returned_by(1), NO);
        PROGRAM(10, "init", 0, 0, "/sbin/init", "init"); /* sysvinit: inittab may say "respawn" */
        ck_assert_int_eq(returned_by(10), UNKNOWN);
        PROGRAM(20, "tmux: server", 1, 0, "/usr/bin/tmux", "tmux");
        ck_assert_int_eq(returned_by(20), NO);
        PROGRAM(30, "timeout", 1, 0, "/usr/bin/timeout", "timeout\0001h\0web");
        ck_assert_int_eq(returned_by(30), NO);
        PROGRAM(40, "loop.sh", 1, 0, "/bin/bash", "bash\0loop.sh");
        PROGRAM(42, "timeout", 40, 0, "/usr/bin/timeout", "timeout\0001h\0web");
        ck_assert_int_eq(returned_by(42), UNKNOWN);
        PROGRAM(50, "watch", 1, 0, "/usr/bin/watch", "watch\0web");
        ck_assert_int_eq(returned_by(50), UNKNOWN);
        PROGRAM(60, "sudo", 77, 0, NULL, "sudo\0web"); /* whose parent is not there */
        ck_assert_int_eq(returned_by(60), UNKNOWN);
        PROGRAM(70, "su", 0, 0, NULL, "su");
        ck_assert_int_eq(returned_by(70), UNKNOWN);
        ck_assert_int_eq(returned_by(80), UNKNOWN); /* nor is its own */
        PROGRAM(92, "younger", 1, 0, NULL, "tmux");
        PROGRAM(91, "web", 92, 0, NULL, "web");
        put_link(91, "fd/1", "socket:[5]");
        snapshot_finish(&snapshot);
        want(5);
        ck_assert_int_eq(scan_run(procfs, &request, &snapshot), AIU_COMPLETE);
        ck_assert_int_eq(process_of(91)->parent_returns, UNKNOWN);
}
END_TEST

static bool is_told_of(pid_t pid)
{
        for (size_t i = 0; i < snapshot.n_processes; i++)
                if (snapshot.processes[i].pid == pid)
                        return true;
        return false;
}

/* The parent comes along if it may be a master: the same program, and the same session. */
START_TEST(tree_masters)
{
        PROGRAM(1, "systemd", 0, 0, NULL, "web");
        PROGRAM(10, "web", 1, 0, "/bin/web (deleted)", "web");
        (void)returned_by(10);
        ck_assert(is_told_of(10));
        ck_assert_str_eq(process_of(10)->exe, "/bin/web");
        ck_assert_int_eq(process_of(10)->parent_returns, NO);
        PROGRAM(20, "npm", 1, 0, "/bin/npm", "npm");
        (void)returned_by(20);
        ck_assert(!is_told_of(20));
        put_stat(30, "web", 'S', 1, 30, 30, 0);
        put_link(30, "exe", "/bin/web");
        (void)returned_by(30);
        ck_assert(!is_told_of(30));
        PROGRAM(40, "web", 1, 0, NULL, "web");
        (void)returned_by(40);
        ck_assert(!is_told_of(40));
        put_link(1, "exe", "/bin/web");
        (void)returned_by(1);
        ck_assert(!is_told_of(1));
}
END_TEST

START_TEST(tree_ring)
{
        put_stat(1, "init", 'S', 0, 1, 1, 0);
        put_stat(7, "x", 'S', 1, 7, 7, 100);
        put_link(7, "fd/3", "anon_inode:[io_uring]");
        ck_assert_int_eq(mkdirat(procfs, "7/fdinfo", 0755), 0);
        put_file(7, "fdinfo/3", "pos:\t0\nUserFiles:\t1\n    0: socket:[4711]\n");
        want(4711);
        ck_assert_int_eq(scan_run(procfs, &request, &snapshot), AIU_COMPLETE);
        ck_assert_ptr_nonnull(ref_of(7));
        ck_assert_uint_eq(ref_of(7)->n_fds, 0);
        ck_assert_str_eq(process_of(7)->comm, "x");
}
END_TEST

/* More descriptors of one socket than are gathered at a time. */
START_TEST(tree_many_hits)
{
        char name[32];

        put_stat(1, "init", 'S', 0, 1, 1, 0);
        put_stat(7, "x", 'S', 1, 7, 7, 100);
        for (unsigned int i = 0; i < SCAN_MAX_HITS * 2 + 1; i++) {
                snprintf(name, sizeof(name), "fd/%u", i);
                put_link(7, name, i < SCAN_MAX_HITS * 2 ? "socket:[5]" : "socket:[6]");
        }
        ck_assert_int_eq(snapshot_want_inodes(&snapshot, (uint64_t[]){ 5, 6 }, 2), 0);
        ck_assert_int_eq(scan_run(procfs, &request, &snapshot), AIU_COMPLETE);
        ck_assert_uint_eq(snapshot.n_refs, 2);
        ck_assert_uint_eq(snapshot.n_processes, 1);
        ck_assert_uint_eq(snapshot.refs[0].n_fds + snapshot.refs[1].n_fds, SNAPSHOT_MAX_FDS + 1);
}
END_TEST

static Suite *make_suite(void)
{
        Suite *suite = suite_create("proc-parse");
        TCase *parse = tcase_create("parse"), *trees = tcase_create("trees");

        tcase_add_test(parse, maps_of_uids);
        tcase_add_test(parse, all_uids);
        tcase_add_test(parse, parse_stat_hostile_names);
        tcase_add_test(parse, parse_stat_refuses);
        tcase_add_test(parse, parse_stat_long_name);
        tcase_add_test(parse, parse_stat_large_numbers);
        tcase_add_test(parse, parse_status_fields);
        tcase_add_test(parse, parse_socket_links);
        tcase_add_test(parse, parse_rings);
        tcase_add_test(parse, parse_units);
        suite_add_tcase(suite, parse);
        tcase_add_checked_fixture(trees, tree_setup, tree_teardown);
        tcase_add_test(trees, tree_facts);
        tcase_add_test(trees, tree_bare);
        tcase_add_test(trees, tree_gone);
        tcase_add_test(trees, tree_ancestors);
        tcase_add_test(trees, tree_of_caller);
        tcase_add_test(trees, tree_of_hidden_caller);
        tcase_add_test(trees, tree_flags);
        tcase_add_test(trees, tree_shells);
        tcase_add_test(trees, tree_parents);
        tcase_add_test(trees, tree_masters);
        tcase_add_test(trees, tree_ring);
        tcase_add_test(trees, tree_many_hits);
        suite_add_tcase(suite, trees);
        return suite;
}

int main(void)
{
        run_in_namespaces(make_suite);
}
