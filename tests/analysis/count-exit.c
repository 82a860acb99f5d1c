/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For a build with -Db_coverage=true only: gcov writes its counters from an exit handler, and most of
 * what the tests ask runs in children that leave by _exit(2), which runs none. This one comes before
 * that of the C library, in every test program, and writes them first.
 */
#include <sys/syscall.h>
#include <unistd.h>

extern void __gcov_dump(void);

_Noreturn void _exit(int status);

void _exit(int status)
{
        __gcov_dump();
        for (;;)
                syscall(SYS_exit_group, status);
}
