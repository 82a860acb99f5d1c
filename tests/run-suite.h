/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How every unit test ends: its suite is run, and main() says how that went. */
#ifndef AIU_RUN_SUITE_H
#define AIU_RUN_SUITE_H

#include <check.h>
#include <stdlib.h>

/* libcheck gives a test 4 s, which a sanitizer or a busy machine uses up. Meson has a limit for the
 * whole program; this one only says which test hangs. A test's own limit and the environment come first. */
__attribute__((constructor)) static void give_time(void)
{
        (void)setenv("CK_DEFAULT_TIMEOUT", "60", 0);
}

static inline int run_suite(Suite *suite)
{
        SRunner *runner = srunner_create(suite);
        int failed;

        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
