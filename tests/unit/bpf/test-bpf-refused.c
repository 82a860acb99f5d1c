/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libaddrinuse-bpf where something is refused: each system call fails once, each allocation fails once, in
 * aiu_context_add_bpf() and in a query. Nothing is left behind, and a taken port is never called free.
 */
#include <addrinuse-backend.h>
#include <addrinuse-bpf.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fixture/run-suite.h"
#include "fixture/scarce-memory.h"
#include "refusing.h"

#define MOST_CALLS 2000u

static bool can_load(void)
{
        struct aiu_context *context;
        int r = -ENOMEM;

        if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0 || !raise_loopback() || aiu_context_new(&context) < 0)
                return false;
        r = aiu_context_add_bpf(context);
        aiu_context_unref(context);
        return r == 0;
}

static bool is_documented(int r)
{
        return r == 0 || r == -EPERM || r == -ENOSYS || r == -EOPNOTSUPP || r == -ENOMEM;
}

START_TEST(test_add_with_a_failing_call)
{
        static const int errors[] = { EPERM, ENOMEM, EINVAL };
        unsigned int before = count_descriptors(), at = 1;
        bool reached = true;

        /* Every call at the beginning, where the programs are loaded, then every third. */
        for (; reached && at < MOST_CALLS; at += at < 40 ? 1 : 3) {
                struct aiu_context *context = new_context();
                int r;

                refusing_begin(at, errors[at % 3]);
                r = aiu_context_add_bpf(context);
                reached = refusing_end();
                ck_assert_msg(is_documented(r), "call %u: %d", at, r);
                if (r < 0)
                        ck_assert_int_eq(aiu_context_disable_backend(context, "bpf"), -ENOENT);
                aiu_context_unref(context);
                ck_assert_msg(count_descriptors() == before, "call %u left a descriptor", at);
        }
        ck_assert(!reached);
}
END_TEST

START_TEST(test_add_with_a_failing_allocation)
{
        unsigned int before = count_descriptors();
        bool failed = true;

        for (unsigned int at = 1; failed; at++) {
                struct aiu_context *context = new_context();
                int r;

                scarce_memory_begin(at, at % 2 == 0);
                r = aiu_context_add_bpf(context);
                failed = scarce_memory_end();
                ck_assert_int_eq(r, failed ? -ENOMEM : 0);
                aiu_context_unref(context);
                ck_assert_int_eq(count_descriptors(), before);
        }
}
END_TEST

/* ------------------------------------------------------ queries */

/* An abstract name; the network namespace is our own. */
static const union {
        struct sockaddr any;
        struct sockaddr_un un;
} name = { .un = { .sun_family = AF_UNIX, .sun_path = "\0refused" } };

static uint16_t take_port(int *ret_fd)
{
        struct sockaddr_in any = { .sin_family = AF_INET };
        socklen_t bytes = sizeof(any);

        *ret_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ck_assert_int_eq(bind(*ret_fd, (struct sockaddr *)&any, bytes), 0);
        ck_assert_int_eq(listen(*ret_fd, 1), 0);
        ck_assert_int_eq(getsockname(*ret_fd, (struct sockaddr *)&any, &bytes), 0);
        return ntohs(any.sin_port);
}

static int take_name(void)
{
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        ck_assert_int_eq(bind(fd, &name.any, sizeof(name.un)), 0);
        return fd;
}

/* Port 0: about the name. */
static struct aiu_query *new_query(struct aiu_context *context, uint16_t port)
{
        const struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
        struct aiu_query *query;

        ck_assert_int_eq(aiu_query_new(context, &query), 0);
        if (port)
                ck_assert_int_eq(aiu_query_set_address(query, (const struct sockaddr *)&in, sizeof(in)), 0);
        else
                ck_assert_int_eq(aiu_query_set_address(query, &name.any, sizeof(name.un)), 0);
        return query;
}

/* Was that call reached? */
static bool ask_with_a_failing_call(struct aiu_context *context, uint16_t port, unsigned int at)
{
        static const int errors[] = { EPERM, EINVAL, EIO };
        struct aiu_query *query = new_query(context, port);
        struct aiu_report *report = NULL;
        bool reached;
        int r;

        refusing_begin(at, errors[at % 3]);
        r = aiu_query_run(query, &report);
        reached = refusing_end();
        aiu_query_unref(query);
        ck_assert_msg(r == 0, "call %u: %d", at, r);
        ck_assert_msg(aiu_report_get_verdict(report) != AIU_VERDICT_AVAILABLE, "call %u: %s", at,
                      aiu_report_get_summary(report));
        aiu_report_unref(report);
        return reached;
}

START_TEST(test_query_with_a_failing_call)
{
        struct aiu_context *context = new_context();
        unsigned int before, at = 1;
        bool reached = true;
        uint16_t port;
        int fd;

        ck_assert_int_eq(aiu_context_add_bpf(context), 0);
        port = take_port(&fd);
        before = count_descriptors();
        for (; reached && at < MOST_CALLS; at += at < 80 ? 1 : 7) {
                reached = ask_with_a_failing_call(context, port, at);
                ck_assert_int_eq(count_descriptors(), before);
        }
        close(fd);
        aiu_context_unref(context);
}
END_TEST

START_TEST(test_query_for_a_name_with_a_failing_call)
{
        struct aiu_context *context = new_context();
        unsigned int before, at = 1;
        bool reached = true;
        int fd = take_name();

        ck_assert_int_eq(aiu_context_add_bpf(context), 0);
        before = count_descriptors();
        for (; reached && at < MOST_CALLS; at++) {
                reached = ask_with_a_failing_call(context, 0, at);
                ck_assert_msg(count_descriptors() == before, "call %u left a descriptor", at);
        }
        ck_assert(!reached);
        close(fd);
        aiu_context_unref(context);
}
END_TEST

static bool ask_with_a_failing_allocation(struct aiu_context *context, uint16_t port, unsigned int at)
{
        struct aiu_query *query = new_query(context, port);
        struct aiu_report *report = NULL;
        bool failed;
        int r;

        scarce_memory_begin(at, false);
        r = aiu_query_run(query, &report);
        failed = scarce_memory_end();
        aiu_query_unref(query);
        ck_assert_msg(r == 0 || (failed && r == -ENOMEM), "allocation %u: %d", at, r);
        if (r == 0)
                ck_assert_int_ne(aiu_report_get_verdict(report), AIU_VERDICT_AVAILABLE);
        aiu_report_unref(report);
        return failed;
}

START_TEST(test_query_with_a_failing_allocation)
{
        struct aiu_context *context = new_context();
        unsigned int before;
        bool failed = true;
        uint16_t port;
        int fd;

        ck_assert_int_eq(aiu_context_add_bpf(context), 0);
        port = take_port(&fd);
        before = count_descriptors();
        for (unsigned int at = 1; failed && at < MOST_CALLS; at++) {
                failed = ask_with_a_failing_allocation(context, port, at);
                ck_assert_int_eq(count_descriptors(), before);
        }
        close(fd);
        aiu_context_unref(context);
}
END_TEST

START_TEST(test_query_for_a_name_with_a_failing_allocation)
{
        struct aiu_context *context = new_context();
        unsigned int before;
        bool failed = true;
        int fd = take_name();

        ck_assert_int_eq(aiu_context_add_bpf(context), 0);
        before = count_descriptors();
        for (unsigned int at = 1; failed && at < MOST_CALLS; at++) {
                failed = ask_with_a_failing_allocation(context, 0, at);
                ck_assert_int_eq(count_descriptors(), before);
        }
        close(fd);
        aiu_context_unref(context);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("bpf-refused");
        TCase *tests = tcase_create("refused");

        if (!can_load()) {
                printf("skipped: no BPF programs can be loaded here\n");
                return 77;
        }
        tcase_add_test(tests, test_add_with_a_failing_call);
        tcase_add_test(tests, test_add_with_a_failing_allocation);
        tcase_add_test(tests, test_query_with_a_failing_call);
        tcase_add_test(tests, test_query_for_a_name_with_a_failing_call);
        tcase_add_test(tests, test_query_with_a_failing_allocation);
        tcase_add_test(tests, test_query_for_a_name_with_a_failing_allocation);
        suite_add_tcase(suite, tests);
        return run_suite(suite);
}
