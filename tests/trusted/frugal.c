/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a question costs, counted and not timed: allocations, system calls, requests
 * to the kernel, resident memory. Bounds with slack: a few more are no harm, ten
 * times as many are.
 *
 *   frugal ADDRINUSE
 */
#include <addrinuse.h>
#include <addrinuse-backend.h>
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture/host-fixture.h"
#include "inject.h"
#include "util/sys-fault.h"

#define PORT 8080

static const char *command;
static unsigned int calls[SYS_CALL_COUNT];

static int count_call(enum sys_call which)
{
        calls[which]++;
        return 0;
}

static unsigned int all_calls(void)
{
        unsigned int n = 0;

        for (int i = 0; i < SYS_CALL_COUNT; i++)
                n += i == SYS_CALL_CLOCK ? 0 : calls[i]; /* a clock is no system call */
        return n;
}

static struct aiu_report *ask_port(const char *address, uint32_t flags)
{
        struct aiu_context *context = NULL;
        struct aiu_query *query = NULL;
        struct aiu_report *report = NULL;

        memset(calls, 0, sizeof(calls));
        sys_fault = count_call;
        ck_assert_int_eq(aiu_context_new(&context), 0);
        ck_assert_int_eq(aiu_context_set_deadline_usec(context, 0), 0);
        ck_assert_int_eq(aiu_context_set_flags(context, flags), 0);
        ck_assert_int_eq(aiu_query_new(context, &query), 0);
        ck_assert_int_eq(aiu_query_set_address_string(query, address, PORT), 0);
        ck_assert_int_eq(aiu_query_run(query, &report), 0);
        aiu_query_unref(query);
        aiu_context_unref(context);
        sys_fault = NULL;
        return report;
}

static void setup(void)
{
        enter_namespaces();
        ip("link set lo up");
}

static int hold(const char *address, bool listening)
{
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(PORT) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        ck_assert_int_eq(inet_pton(AF_INET, address, &in.sin_addr), 1);
        ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
        if (listening)
                ck_assert_int_eq(listen(fd, 1), 0);
        return fd;
}

static bool report_has_gap(const struct aiu_report *report, enum aiu_gap_kind kind, const char *words)
{
        for (size_t i = 0; i < aiu_report_get_n_gaps(report); i++) {
                const struct aiu_gap *gap = aiu_report_get_gap(report, i);

                if (aiu_gap_get_kind(gap) == kind && strstr(aiu_gap_get_text(gap), words))
                        return true;
        }
        return false;
}

/* ------------------------------------------------------ a free port */

START_TEST(free_port_takes_little)
{
        static const uint32_t flags[] = { 0, AIU_CONTEXT_FIRST_HOLDER, AIU_CONTEXT_LISTENERS_ONLY };
        struct inject memory = { .kind = INJECT_MEMORY };
        struct aiu_report *report;
        uint64_t allocations;

        aiu_report_unref(ask_port("127.0.0.1", flags[_i])); /* what stdio allocates, once */
        inject_arm(&memory);
        report = ask_port("127.0.0.1", flags[_i]);
        (void)inject_disarm(&allocations);
        ck_assert_int_eq(aiu_report_get_verdict(report),
                         flags[_i] == AIU_CONTEXT_LISTENERS_ONLY ? AIU_VERDICT_UNKNOWN : AIU_VERDICT_AVAILABLE);
        ck_assert_uint_gt(allocations, 0);
        ck_assert_uint_le(allocations, 40);
        ck_assert_uint_gt(all_calls(), 10);
        ck_assert_uint_le(all_calls(), 50);
        /* No descriptors are searched for a port without a socket. */
        ck_assert_uint_eq(calls[SYS_CALL_GETDENTS], 0);
        ck_assert_uint_eq(calls[SYS_CALL_STATX], 0);
        aiu_report_unref(report);
}
END_TEST

/* One request for both families; with a wildcard none for the address. Two about UDP of that port. */
START_TEST(one_dump)
{
        struct aiu_report *report = ask_port(_i ? "0.0.0.0" : "127.0.0.1", 0);

        ck_assert_uint_eq(calls[SYS_CALL_SEND], (_i ? 1 : 2) + 2);
        aiu_report_unref(report);
}
END_TEST

/* ------------------------------------------------------ listeners */

START_TEST(listeners_only)
{
        struct aiu_report *report;
        int bound = hold("127.0.0.2", false), listener;

        report = ask_port("0.0.0.0", AIU_CONTEXT_LISTENERS_ONLY);
        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_UNKNOWN);
        ck_assert_uint_eq(aiu_report_get_n_conflicts(report), 0);
        ck_assert(report_has_gap(report, AIU_GAP_TRUNCATED, "only listening sockets"));
        aiu_report_unref(report);

        listener = hold("127.0.0.1", true);
        report = ask_port("0.0.0.0", AIU_CONTEXT_LISTENERS_ONLY);
        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_IN_USE);
        ck_assert_uint_eq(aiu_report_get_n_conflicts(report), 1);
        ck_assert(report_has_gap(report, AIU_GAP_TRUNCATED, "only listening sockets"));
        aiu_report_unref(report);

        /* Without the flag both are told, and nothing of a gap. */
        report = ask_port("0.0.0.0", 0);
        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_IN_USE);
        ck_assert_uint_eq(aiu_report_get_n_conflicts(report), 2);
        ck_assert(!report_has_gap(report, AIU_GAP_TRUNCATED, "listening"));
        aiu_report_unref(report);
        close(bound);
        close(listener);
}
END_TEST

/*
 * Where the listener is, what is asked, and how many requests that takes: a look-up
 * settles it; a list of listeners; nothing less than a list of all.
 */
static const struct {
        const char *held, *backend_request;
        bool listening;
        unsigned int requests;
} firsts[] = {
        { "127.0.0.1", "127.0.0.1", true, 1 },  { "0.0.0.0", "127.0.0.1", true, 1 },
        { "0.0.0.0", "0.0.0.0", true, 1 },      { "127.0.0.1", "0.0.0.0", true, 2 },
        { "127.0.0.1", "127.0.0.1", false, 2 }, { "127.0.0.1", "0.0.0.0", false, 3 },
};

START_TEST(first_holder_settles)
{
        int fd = hold(firsts[_i].held, firsts[_i].listening);
        struct aiu_report *report = ask_port(firsts[_i].backend_request, AIU_CONTEXT_FIRST_HOLDER);
        unsigned int address_asked = strcmp(firsts[_i].backend_request, "0.0.0.0") != 0;

        ck_assert_uint_eq(calls[SYS_CALL_SEND], firsts[_i].requests + address_asked);
        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_IN_USE);
        ck_assert_int_eq(report_has_gap(report, AIU_GAP_TRUNCATED, "first listening socket"), firsts[_i].listening);
        ck_assert_uint_eq(aiu_report_get_n_conflicts(report), 1);
        ck_assert_int_eq(aiu_holder_get_pid(aiu_conflict_get_holder(aiu_report_get_conflict(report, 0), 0)), getpid());
        aiu_report_unref(report);
        close(fd);
}
END_TEST

/* A listener elsewhere settles nothing. */
START_TEST(first_holder_goes_on)
{
        int elsewhere = hold("127.0.0.2", true), bound;
        struct aiu_report *report = ask_port("127.0.0.1", AIU_CONTEXT_FIRST_HOLDER);

        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_AVAILABLE);
        aiu_report_unref(report);
        bound = hold("127.0.0.1", false);
        report = ask_port("127.0.0.1", AIU_CONTEXT_FIRST_HOLDER);
        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_IN_USE);
        ck_assert_uint_eq(aiu_report_get_n_conflicts(report), 1);
        aiu_report_unref(report);
        close(elsewhere);
        close(bound);
}
END_TEST

/* ------------------------------------------------------ too little time */

START_TEST(deadline_is_a_gap)
{
        struct aiu_context *context = NULL;
        struct aiu_query *query = NULL;
        struct aiu_report *report = NULL;
        int fd = hold("127.0.0.1", true);

        ck_assert_int_eq(aiu_context_new(&context), 0);
        ck_assert_int_eq(aiu_context_set_deadline_usec(context, 1), 0);
        ck_assert_int_eq(aiu_query_new(context, &query), 0);
        ck_assert_int_eq(aiu_query_set_address_string(query, "127.0.0.1", PORT), 0);
        ck_assert_int_eq(aiu_query_run(query, &report), 0);
        ck_assert_int_ne(aiu_report_get_verdict(report), AIU_VERDICT_AVAILABLE);
        ck_assert(report_has_gap(report, AIU_GAP_DEADLINE, "deadline"));
        aiu_report_unref(report);
        aiu_query_unref(query);
        aiu_context_unref(context);
        close(fd);
}
END_TEST

/* ------------------------------------------------------ memory */

static long peak_kib(char *const *argv)
{
        struct rusage usage;
        int status, null;
        pid_t pid = fork();

        if (pid == 0) {
                null = open("/dev/null", O_WRONLY);
                dup2(null, STDOUT_FILENO);
                execv(argv[0], argv);
                _exit(127);
        }
        ck_assert_int_eq(wait4(pid, &status, 0, &usage), pid);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) < 2);
        return usage.ru_maxrss;
}

/* As much for a crowd as for none: the search keeps what it found, not what it saw. */
START_TEST(little_memory)
{
        char *version[] = { (char *)command, "--version", NULL };
        char *held[] = { (char *)command, "127.0.0.1:8080", NULL };
        struct rlimit limit = { 1000, 1000 };
        pid_t pids[64];
        int fd = hold("127.0.0.1", true);
        long least, crowded;

        least = peak_kib(version);
        for (size_t i = 0; i < 64; i++) {
                pids[i] = fork();
                if (pids[i] == 0) {
                        setrlimit(RLIMIT_NOFILE, &limit);
                        while (dup(0) >= 0)
                                ;
                        pause();
                        _exit(0);
                }
        }
        crowded = peak_kib(held);
        for (size_t i = 0; i < 64; i++) {
                kill(pids[i], SIGKILL);
                waitpid(pids[i], NULL, 0);
        }
        ck_assert_int_le(crowded, least + 1536);
        close(fd);
}
END_TEST

int main(int argc, char **argv)
{
        Suite *suite = suite_create("frugal");
        TCase *tests = tcase_create("frugal");
        SRunner *runner;
        int failed;

        if (!can_enter_namespaces()) {
                printf("skipped: no network namespace may be made here\n");
                return 77;
        }
        command = argc > 1 ? argv[1] : "addrinuse";
        tcase_add_checked_fixture(tests, setup, NULL);
        tcase_set_timeout(tests, 60);
        tcase_add_loop_test(tests, free_port_takes_little, 0, 3);
        tcase_add_loop_test(tests, one_dump, 0, 2);
        tcase_add_test(tests, listeners_only);
        tcase_add_loop_test(tests, first_holder_settles, 0, sizeof(firsts) / sizeof(firsts[0]));
        tcase_add_test(tests, first_holder_goes_on);
        tcase_add_test(tests, deadline_is_a_gap);
        tcase_add_test(tests, little_memory);
        suite_add_tcase(suite, tests);
        runner = srunner_create(suite);
        srunner_run_all(runner, CK_NORMAL);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed > 0;
}
