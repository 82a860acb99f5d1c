/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dents.c: the entries of real directories, and of a kernel that makes some up. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture/run-suite.h"
#include "util/dents.h"
#include "util/macro.h"
#include "util/sys-fault.h"
#include "util/sys.h"

static char directory[] = "/tmp/aiu-dents-XXXXXX";

static void make(const char *name)
{
        char path[64];
        int fd;

        (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
        fd = open(path, O_CREAT | O_WRONLY, 0600);
        ck_assert_int_ge(fd, 0);
        close(fd);
}

static void begin(void)
{
        static const char *const names[] = { "1", "42", "042", "0", "4x", "x4", ".5", "name" };

        ck_assert_ptr_nonnull(mkdtemp(strcpy(directory, "/tmp/aiu-dents-XXXXXX")));
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                make(names[i]);
}

static void end(void)
{
        char command[64];

        sys_fault = NULL;
        (void)snprintf(command, sizeof(command), "rm -r %s", directory);
        ck_assert_int_eq(system(command), 0);
}

/* How many names, through a buffer that takes few of them at a time; *ret_sum adds up numbers. */
static unsigned int count(bool numbers, long *ret_sum)
{
        _Alignas(struct dent) char buffer[80];
        struct dents dents = DENTS(sys_openat(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY), buffer);
        const struct dent *dent;
        unsigned int n = 0;

        ck_assert_int_ge(dents.fd, 0);
        *ret_sum = 0;
        while ((dent = numbers ? dents_next_number(&dents) : dents_next(&dents))) {
                ck_assert_int_ne(dent->name[0], '.');
                *ret_sum += strtol(dent->name, NULL, 10);
                n++;
        }
        ck_assert_int_eq(dents.error, 0);
        sys_close(dents.fd);
        return n;
}

START_TEST(names)
{
        long sum;

        ck_assert_uint_eq(count(false, &sum), 7);
        ck_assert_uint_eq(count(true, &sum), 2);
        ck_assert_int_eq(sum, 43);
}
END_TEST

static int refuse(enum sys_call which)
{
        return which == SYS_CALL_GETDENTS ? EACCES : 0;
}

START_TEST(refused)
{
        _Alignas(struct dent) char buffer[80];
        struct dents dents = DENTS(-1, buffer);

        ck_assert_ptr_null(dents_next(&dents));
        ck_assert_int_eq(dents.error, -EBADF);
        sys_fault = refuse;
        dents.error = 0;
        ck_assert_ptr_null(dents_next_number(&dents));
        ck_assert_int_eq(dents.error, -EACCES);
        /* It stays at that. */
        sys_fault = NULL;
        ck_assert_ptr_null(dents_next(&dents));
        ck_assert_int_eq(dents.error, -EACCES);
}
END_TEST

/* Lengths that no kernel gives: an end, never a loop or a read behind the buffer. */
START_TEST(senseless)
{
        static const struct {
                size_t bytes;
                uint16_t claimed;
                bool ends;
                int error;
        } rows[] = {
                { 32, 32, true, 0 },        { 32, 0, true, -EBADMSG },   { 32, 19, true, -EBADMSG },
                { 32, 40, true, -EBADMSG }, { 32, 32, false, -EBADMSG }, { 16, 16, true, -EBADMSG },
                { 32, 24, true, -EBADMSG }, /* and 8 bytes are left */
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _Alignas(struct dent) char buffer[32] = { 0 };
                struct dents dents = DENTS(-1, buffer);
                struct dent *dent = (void *)buffer;
                size_t before = offsetof(struct dent, name);

                dents.n = rows[i].bytes;
                dent->bytes = rows[i].claimed;
                memset(buffer + before, 'x', sizeof(buffer) - before);
                buffer[sizeof(buffer) - 1] = rows[i].ends ? '\0' : 'x';
                if (rows[i].claimed == 24)
                        buffer[23] = '\0';
                if (rows[i].error == 0 || rows[i].claimed == 24)
                        ck_assert_ptr_eq(dents_next(&dents), dent);
                if (rows[i].error != 0) {
                        ck_assert_ptr_null(dents_next(&dents));
                        ck_assert_int_eq(dents.error, rows[i].error);
                }
        }
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("dents");
        TCase *tcase = tcase_create("all");

        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_test(tcase, names);
        tcase_add_test(tcase, refused);
        tcase_add_test(tcase, senseless);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
