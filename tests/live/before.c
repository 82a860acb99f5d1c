/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Preloaded by test-apply: right before the command sends a signal or removes a file,
 * $AIU_TEST_BEFORE is run once. So a pid goes to another process, or a directory to
 * another place, at the worst moment.
 */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIDFD_SEND_SIGNAL 424

static void run_once(void)
{
        const char *command = getenv("AIU_TEST_BEFORE");
        char *copy = command ? strdup(command) : NULL;

        if (!copy)
                return;
        (void)unsetenv("AIU_TEST_BEFORE");
        (void)unsetenv("LD_PRELOAD");
        if (system(copy) != 0)
                _exit(99);
        free(copy);
}

long syscall(long number, ...)
{
        long (*next)(long, ...) = (long (*)(long, ...))(uintptr_t)dlsym(RTLD_NEXT, "syscall");
        long word[6];
        va_list arguments;

        va_start(arguments, number);
        for (int i = 0; i < 6; i++)
                word[i] = va_arg(arguments, long);
        va_end(arguments);
        if (number == PIDFD_SEND_SIGNAL)
                run_once();
        return next(number, word[0], word[1], word[2], word[3], word[4], word[5]);
}

int unlinkat(int directory, const char *name, int flags)
{
        int (*next)(int, const char *, int) = (int (*)(int, const char *, int))(uintptr_t)dlsym(RTLD_NEXT, "unlinkat");

        run_once();
        return next(directory, name, flags);
}
