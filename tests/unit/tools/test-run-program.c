/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* run-program.c and run-filter.c: what a command is, also if its file is cut short or spoiled; from numbers to a call. */
#include <check.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture/run-suite.h"
#include "../../../tools/run.h"

static char name[] = "/tmp/test-run-program-XXXXXX";

static void write_file(const void *bytes, size_t n)
{
        int fd = open(name, O_WRONLY | O_TRUNC);

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(write(fd, bytes, n), (ssize_t)n);
        (void)close(fd);
}

static void begin(void)
{
        int fd;

        memset(name + sizeof(name) - 7, 'X', 6);
        fd = mkstemp(name);
        ck_assert_int_ge(fd, 0);
        (void)fchmod(fd, 0755);
        (void)close(fd);
}

static void end(void)
{
        (void)unlink(name);
}

/* This test itself: dynamic, where the kernel told of a loader, and it names ptrace() in its table of symbols if run-trace.c were in it. */
START_TEST(own_file)
{
        struct run_program program;

        run_inspect("/proc/self/exe", &program);
        ck_assert_int_eq(program.dynamic, getauxval(AT_BASE) != 0);
        ck_assert(!program.traces && !program.privileged);
}
END_TEST

START_TEST(scripts)
{
        static const char *const lines[] = { "#!/bin/sh\n", "#! /bin/sh -e\nexit 0", "#!/usr/bin/env sh\n",
                                             "#!/usr/bin/env -S sh\n" };
        struct run_program program;

        for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
                write_file(lines[i], strlen(lines[i]));
                run_inspect(name, &program);
                ck_assert_msg(program.dynamic, "%s", lines[i]);
        }
}
END_TEST

START_TEST(nothing_to_tell)
{
        static const char *const texts[] = { "#", "#!", "#!\n", "#!  \n", "#!/no/such/file\n", "\177ELF", "text" };
        struct run_program program;
        char loop[80];

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                write_file(texts[i], strlen(texts[i]));
                run_inspect(name, &program);
                ck_assert(!program.dynamic && !program.traces && !program.sanitized);
        }
        /* An interpreter that is the script itself. */
        (void)snprintf(loop, sizeof(loop), "#!%s\n", name);
        write_file(loop, strlen(loop));
        run_inspect(name, &program);
        ck_assert(!program.dynamic);
        run_inspect("/no/such/file", &program);
        run_inspect("no-such-command", &program);
        run_inspect("/", &program);
        ck_assert(!program.dynamic);
}
END_TEST

/* Each part of the headers with other bytes, and the file cut short: no crash, under valgrind and the sanitizers. */
START_TEST(spoiled)
{
        struct run_program program;
        int fd = open("/proc/self/exe", O_RDONLY);
        unsigned char bytes[8192];
        ssize_t n = read(fd, bytes, sizeof(bytes));

        ck_assert_int_gt(n, 1000);
        (void)close(fd);
        for (ssize_t cut = 1; cut < n; cut += cut < 80 ? 1 : 611) {
                write_file(bytes, (size_t)cut);
                run_inspect(name, &program);
        }
        for (size_t i = 4; i < 64; i++) {
                unsigned char kept = bytes[i];

                bytes[i] = 0xff;
                write_file(bytes, (size_t)n);
                run_inspect(name, &program);
                bytes[i] = kept;
        }
}
END_TEST

START_TEST(numbers)
{
#ifdef __x86_64__
        static const uint64_t args[6] = { 3, 0x1000, 16 };
        struct run_call call;

        ck_assert(run_decode(1, AUDIT_ARCH_X86_64, 49, args, &call));
        ck_assert(!call.listen && call.fd == 3 && call.address == 0x1000 && call.bytes == 16);
        ck_assert(run_decode(1, AUDIT_ARCH_X86_64, 0x40000000 | 50, args, &call) && call.listen);
        ck_assert(run_decode(1, AUDIT_ARCH_I386, 361, args, &call) && !call.listen);
        ck_assert(run_decode(1, AUDIT_ARCH_I386, 363, args, &call) && call.listen);
        ck_assert(!run_decode(1, AUDIT_ARCH_X86_64, 361, args, &call));
        ck_assert(!run_decode(1, AUDIT_ARCH_I386, 49, args, &call));
        ck_assert(!run_decode(1, AUDIT_ARCH_AARCH64, 200, args, &call));
#endif
}
END_TEST

#ifdef __x86_64__
START_TEST(socketcall)
{
        const uint32_t words[3] = { 3, 0x1000, 16 };
        uint64_t args[6] = { 2, (uintptr_t)words };
        struct run_call call;

        ck_assert(run_decode(getpid(), AUDIT_ARCH_I386, 102, args, &call));
        ck_assert(!call.listen && call.fd == 3 && call.address == 0x1000 && call.bytes == 16);
        args[0] = 4;
        ck_assert(run_decode(getpid(), AUDIT_ARCH_I386, 102, args, &call) && call.listen);
        args[1] = 8;
        ck_assert(!run_decode(getpid(), AUDIT_ARCH_I386, 102, args, &call));
}
END_TEST
#endif

int main(void)
{
        Suite *suite = suite_create("run-program");
        TCase *tcase = tcase_create("program");

        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_test(tcase, own_file);
        tcase_add_test(tcase, scripts);
        tcase_add_test(tcase, nothing_to_tell);
        tcase_add_test(tcase, spoiled);
        tcase_add_test(tcase, numbers);
#ifdef __x86_64__
        tcase_add_test(tcase, socketcall);
#endif
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
