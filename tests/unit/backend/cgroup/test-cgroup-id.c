/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup-id.c: from the number of a cgroup's directory to its path. A file system of the test's own stands
 * for cgroup2, so that it needs neither systemd nor root; tests/rig has the real one.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/cgroup/cgroup-count.h"
#include "backend/cgroup/cgroup-id.h"
#include "fixture/host-fixture.h"
#include "util/macro.h"
#include "fixture/run-suite.h"
#include "fixture/scarce-memory.h"
#include "util/sys-fault.h"
#include "util/sys.h"

#define ROOT "/sys/fs/cgroup"

/* Where units and containers are, and the rest. */
static const char *const likely[] = {
        "/system.slice/a.service",
        "/system.slice/b.socket",
        "/user.slice/user-1000.slice/user@1000.service/app.slice/c.service",
        "/docker/0123",
        "/lxc/web",
        "/libpod_parent/x",
        "/default/x",
        "/k8s.io/x",
        "/machine/x",
        "/kubepods/besteffort/pod1/x",
        "/kubepods/burstable/podx/y",
};
static const char *const elsewhere[] = { "/other/deep/x", "/poor/y" };

static void make_directory(const char *path)
{
        char whole[4096];

        (void)snprintf(whole, sizeof(whole), "%s%s", ROOT, path);
        for (char *p = whole + sizeof(ROOT); (p = strchr(p, '/')); *p++ = '/') {
                *p = '\0';
                (void)mkdir(whole, 0755);
        }
        ck_assert_int_eq(mkdir(whole, 0755), 0);
}

static void begin(void)
{
        enter_namespaces();
        ck_assert_int_eq(mount("none", ROOT, "tmpfs", 0, NULL), 0);
        make_file(ROOT "/cgroup.controllers", "");
        for (size_t i = 0; i < ELEMENTSOF(likely); i++)
                make_directory(likely[i]);
        for (size_t i = 0; i < ELEMENTSOF(elsewhere); i++)
                make_directory(elsewhere[i]);
        /* It is not allowed to name files by their handle here: all by walking. */
}

static struct cgroup_id id_of(const char *path)
{
        char whole[4096];
        struct stat st;

        (void)snprintf(whole, sizeof(whole), "%s%s", ROOT, path);
        ck_assert_msg(stat(whole, &st) == 0, "%s", whole);
        return (struct cgroup_id){ .id = st.st_ino };
}

static void expect(const struct cgroup_id *id, const char *path)
{
        if (!path)
                ck_assert_ptr_null(id->path);
        else
                ck_assert_msg(id->path && strcmp(id->path, path) == 0, "%s instead of %s",
                              id->path ? id->path : "nothing", path);
}

START_TEST(likely_places)
{
        for (size_t i = 0; i < ELEMENTSOF(likely); i++) {
                struct cgroup_id id = id_of(likely[i]);

                ck_assert_int_eq(cgroup_id_find(&request, &id, 1), 0);
                expect(&id, likely[i]);
                free(id.path);
        }
}
END_TEST

START_TEST(unlikely_places)
{
        for (size_t i = 0; i < ELEMENTSOF(elsewhere); i++) {
                struct cgroup_id id = id_of(elsewhere[i]);

                ck_assert_int_eq(cgroup_id_find(&request, &id, 1), 0);
                expect(&id, NULL);
                id.everywhere = true;
                ck_assert_int_eq(cgroup_id_find(&request, &id, 1), 0);
                expect(&id, elsewhere[i]);
                free(id.path);
        }
}
END_TEST

/* Several at once: two alike, the root, one that is nowhere, one that is known to be gone. */
START_TEST(several)
{
        struct cgroup_id ids[] = { id_of(likely[0]),    id_of(likely[0]),
                                   id_of(""),           { .id = 1u << 30, .everywhere = true },
                                   id_of(elsewhere[0]), id_of(likely[3]) };

        ids[4].gone = true;
        request.plain_calls_only = true;
        ck_assert_int_eq(cgroup_id_find(&request, ids, ELEMENTSOF(ids)), 0);
        expect(&ids[0], likely[0]);
        expect(&ids[1], likely[0]);
        expect(&ids[2], "/");
        expect(&ids[3], NULL);
        expect(&ids[4], NULL);
        expect(&ids[5], likely[3]);
        for (size_t i = 0; i < ELEMENTSOF(ids); i++)
                free(ids[i].path);
        ck_assert_int_eq(cgroup_id_find(&request, ids, 0), 0);
}
END_TEST

/* ------------------------------------------------------ cgroup-count.c */

static void put_processes(const char *path, const char *text)
{
        char whole[4096];

        (void)snprintf(whole, sizeof(whole), "%s%s/cgroup.procs", ROOT, path);
        make_file(whole, text);
}

/* A delegated tree too deep and too wide to be counted whole. */
START_TEST(processes_of_a_unit)
{
        char path[64];

        put_processes(likely[0], "5\n6\n");
        ck_assert_uint_eq(cgroup_count("0::/system.slice/a.service\n", "a.service"), 2);
        ck_assert_uint_eq(cgroup_count("1:name=x:/y\n0::/system.slice/a.service/job/deep\n", "a.service"), 2);
        make_directory("/system.slice/a.service/job");
        put_processes("/system.slice/a.service/job", "7\n");
        ck_assert_uint_eq(cgroup_count("0::/system.slice/a.service/job", "a.service"), 3);
        make_directory("/system.slice/a.service/job/2/3/4");
        put_processes("/system.slice/a.service/job/2/3", "8\n9\n");
        put_processes("/system.slice/a.service/job/2/3/4", "10\n");
        ck_assert_uint_eq(cgroup_count("0::/system.slice/a.service\n", "a.service"), 5);
        for (int i = 0; i < 100; i++) {
                (void)snprintf(path, sizeof(path), "/system.slice/b.socket/%d", i);
                make_directory(path);
                put_processes(path, "1\n");
        }
        ck_assert_uint_eq(cgroup_count("0::/system.slice/b.socket\n", "b.socket"), 63);
}
END_TEST

START_TEST(processes_of_nothing)
{
        put_processes(likely[0], "5\n");
        ck_assert_uint_eq(cgroup_count(NULL, "a.service"), 0);
        ck_assert_uint_eq(cgroup_count("0::/system.slice/a.service\n", NULL), 0);
        ck_assert_uint_eq(cgroup_count("0::/system.slice/a.service\n", ""), 0);
        ck_assert_uint_eq(cgroup_count("0::/system.slice/a.service\n", "b.service"), 0);
        ck_assert_uint_eq(cgroup_count("0::/system.slice/xa.service\n", "a.service"), 0);
        ck_assert_uint_eq(cgroup_count("0::/system.slice/a.servicex\n", "a.service"), 0);
        ck_assert_uint_eq(cgroup_count("0::/../a.service\n", "a.service"), 0);
        ck_assert_uint_eq(cgroup_count("0::/gone.slice/a.service\n", "a.service"), 0);
        ck_assert_uint_eq(cgroup_count("3:pids:/system.slice/a.service\n", "a.service"), 0);
        ck_assert_uint_eq(cgroup_count("0::/\n1:x:/system.slice/a.service\n", "a.service"), 0);
        scarce_memory_begin(1, false);
        ck_assert_uint_eq(cgroup_count("0::/system.slice/a.service\n", "a.service"), 0);
        ck_assert(scarce_memory_end());
        ck_assert_int_eq(umount2(ROOT, MNT_DETACH), 0);
        ck_assert_uint_eq(cgroup_count("0::/no.such/a.service\n", "a.service"), 0);
}
END_TEST

START_TEST(no_memory)
{
        for (unsigned int at = 1;; at++) {
                struct cgroup_id ids[] = { id_of(likely[2]), id_of(elsewhere[0]) };
                bool failed;
                int r;

                ids[1].everywhere = true;
                scarce_memory_begin(at, false);
                r = cgroup_id_find(&request, ids, 2);
                failed = scarce_memory_end();
                ck_assert_int_eq(r, failed ? -ENOMEM : 0);
                free(ids[0].path);
                free(ids[1].path);
                if (!failed)
                        return;
        }
}
END_TEST

static enum sys_call which;
static unsigned int countdown;
static int error;

static int fail_once(enum sys_call call)
{
        return call == which && --countdown == 0 ? error : 0;
}

/* Each call, with errors that end it and such that leave one directory out. */
START_TEST(calls_that_fail)
{
        static const enum sys_call calls[] = { SYS_CALL_OPENAT, SYS_CALL_GETDENTS,       SYS_CALL_FSTATAT,
                                               SYS_CALL_FSTAT,  SYS_CALL_OPEN_BY_HANDLE, SYS_CALL_READLINKAT };
        static const int errors[] = { EMFILE, ENFILE, ENOMEM, EACCES, ESTALE, ENOSYS, EOPNOTSUPP, EIO };

        for (size_t c = 0; c < ELEMENTSOF(calls); c++) {
                for (size_t e = 0; e < ELEMENTSOF(errors); e++) {
                        for (unsigned int at = 1; at < 16; at++) {
                                struct cgroup_id id = id_of(likely[9]);
                                int r;

                                which = calls[c];
                                countdown = at;
                                error = errors[e];
                                sys_fault = fail_once;
                                r = cgroup_id_find(&request, &id, 1);
                                sys_fault = NULL;
                                ck_assert(r == 0 || r == -errors[e] || r == -ENOENT);
                                if (id.path)
                                        expect(&id, likely[9]);
                                free(id.path);
                        }
                }
        }
}
END_TEST

START_TEST(no_cgroup2)
{
        struct cgroup_id id = id_of(likely[0]);

        ck_assert_int_eq(unlink(ROOT "/cgroup.controllers"), 0);
        ck_assert_int_eq(cgroup_id_find(&request, &id, 1), -ENOENT);
        /* In a corner beside v1. */
        ck_assert_int_eq(mkdir(ROOT "/unified", 0755), 0);
        make_file(ROOT "/unified/cgroup.controllers", "");
        make_directory("/unified/system.slice/d.service");
        id = id_of("/unified/system.slice/d.service");
        request.procfs = -1;
        ck_assert_int_eq(cgroup_id_find(&request, &id, 1), 0);
        expect(&id, "/system.slice/d.service");
        free(id.path);
}
END_TEST

START_TEST(too_many)
{
        struct cgroup_id id = { .id = 1u << 30, .everywhere = true };

        for (int i = 0; i < 2100; i++) {
                char path[32];

                (void)snprintf(path, sizeof(path), "/n%d.slice", i);
                make_directory(path);
        }
        ck_assert_int_eq(cgroup_id_find(&request, &id, 1), -ETIME);
        request.deadline_nsec = sys_now_nsec() + 400000;
        ck_assert_int_eq(cgroup_id_find(&request, &id, 1), -ETIME);
        request.deadline_nsec = 1;
        ck_assert_int_eq(cgroup_id_find(&request, &id, 1), -ETIME);
        expect(&id, NULL);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("cgroup-id");
        TCase *tcase = tcase_create("all");

        if (!can_enter_namespaces()) {
                (void)puts("skipped: user and network namespaces are not permitted here");
                return 77;
        }
        if (access(ROOT, F_OK) < 0) {
                (void)puts("skipped: there is no " ROOT);
                return 77;
        }
        tcase_add_checked_fixture(tcase, begin, forget_snapshot);
        tcase_add_test(tcase, likely_places);
        tcase_add_test(tcase, unlikely_places);
        tcase_add_test(tcase, several);
        tcase_add_test(tcase, processes_of_a_unit);
        tcase_add_test(tcase, processes_of_nothing);
        tcase_add_test(tcase, no_memory);
        tcase_add_test(tcase, calls_that_fail);
        tcase_add_test(tcase, no_cgroup2);
        tcase_add_test(tcase, too_many);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
