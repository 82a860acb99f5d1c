/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For LD_PRELOAD: the n-th allocation of a program fails, AIU_FAIL_AT=n, or from
 * then on, AIU_FAIL_ONWARDS=1. At its end it tells on descriptor AIU_FAIL_FD how
 * many there were and how many were not freed. glibc only, see inject.c.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "preload.h"

static uint64_t fail_at;
static bool counts, onwards;
static int report_fd = -1;
static struct preload_report report;

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t n, size_t bytes);
void *__libc_realloc(void *old, size_t bytes);
void __libc_free(void *old);

static uint64_t number(const char *name)
{
        const char *text = getenv(name);

        return text ? strtoull(text, NULL, 10) : 0;
}

__attribute__((constructor)) static void begin(void)
{
        fail_at = number("AIU_FAIL_AT");
        onwards = number("AIU_FAIL_ONWARDS") != 0;
        report_fd = (int)number("AIU_FAIL_FD");
        counts = true;
}

__attribute__((destructor)) static void end(void)
{
        counts = false;
        (void)!pwrite(report_fd, &report, sizeof(report), 0);
}

static bool is_due(void)
{
        if (!counts)
                return false;
        report.calls++;
        if (fail_at == 0 || report.calls < fail_at || (report.calls > fail_at && !onwards))
                return false;
        report.failed++;
        errno = ENOMEM;
        return true;
}

static void *count(void *new)
{
        if (new &&counts)
                report.left++;
        return new;
}

void *malloc(size_t bytes)
{
        return is_due() ? NULL : count(__libc_malloc(bytes));
}

void *calloc(size_t n, size_t bytes)
{
        return is_due() ? NULL : count(__libc_calloc(n, bytes));
}

void *realloc(void *old, size_t bytes)
{
        void *new;

        if (bytes > 0 && is_due())
                return NULL;
        new = __libc_realloc(old, bytes);
        if (!old)
                count(new);
        else if (bytes == 0 && counts)
                report.left--;
        return new;
}

void free(void *old)
{
        if (old && counts)
                report.left--;
        __libc_free(old);
}
