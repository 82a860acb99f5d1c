/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* errno_name(): what a user finds in errno(3). */
#include <check.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "fixture/run-suite.h"
#include "util/errno-name.h"

START_TEST(names)
{
        ck_assert_str_eq(errno_name(EPERM), "EPERM");
        ck_assert_str_eq(errno_name(EADDRINUSE), "EADDRINUSE");
        ck_assert_str_eq(errno_name(EDQUOT), "EDQUOT");
        ck_assert_str_eq(errno_name(EXDEV), "EXDEV");
        ck_assert_str_eq(errno_name(EWOULDBLOCK), "EAGAIN"); /* two names of one number */
        ck_assert_str_eq(errno_name(EHWPOISON), "EHWPOISON");
}
END_TEST

/* musl says the same of all that it does not know. */
static bool is_known(int error)
{
        return !strstr(strerror(error), "nknown error") && !strstr(strerror(error), "No error information");
}

START_TEST(every_one_that_the_c_library_has)
{
        for (int error = 1; error < 4096; error++) {
                const char *name = errno_name(error);

                if (is_known(error))
                        ck_assert_msg(name && name[0] == 'E', "errno %d", error);
        }
}
END_TEST

START_TEST(none)
{
        ck_assert_ptr_null(errno_name(0));
        ck_assert_ptr_null(errno_name(-EPERM));
        ck_assert_ptr_null(errno_name(4095));
        ck_assert_ptr_null(errno_name(INT_MIN));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("errno-name");
        TCase *tcase = tcase_create("all");

        tcase_add_test(tcase, names);
        tcase_add_test(tcase, every_one_that_the_c_library_has);
        tcase_add_test(tcase, none);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
