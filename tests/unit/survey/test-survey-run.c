/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* aiu_survey_run() on real sockets, in a network namespace of the test's own: each allocation fails once. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "addrinuse.h"
#include "fixture/host-fixture.h"
#include "fixture/run-suite.h"
#include "fixture/scarce-memory.h"

/* Two listeners that share a port, one UDP socket, and a TCP socket that does not listen. */
static void hold_sockets(void)
{
        static const struct {
                int type;
                uint16_t port;
                bool listen;
        } held[] = { { SOCK_STREAM, 80, true },
                     { SOCK_STREAM, 80, true },
                     { SOCK_DGRAM, 53, false },
                     { SOCK_STREAM, 81, false } };

        for (size_t i = 0; i < sizeof(held) / sizeof(held[0]); i++) {
                struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(held[i].port) };
                int fd = socket(AF_INET, held[i].type | SOCK_CLOEXEC, 0), one = 1;

                a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
                ck_assert_int_ge(fd, 0);
                ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)), 0);
                ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
                ck_assert_int_eq(held[i].listen ? listen(fd, 1) : 0, 0);
        }
}

static size_t n_gaps(const struct aiu_survey *survey)
{
        return aiu_survey_get_n_gaps(survey);
}

/* A part that ran out of memory may be a gap, but never silence. */
static void run_without(uint32_t flags, unsigned int at, bool onwards, size_t usual_gaps, bool *ret_failed)
{
        struct aiu_survey *survey = NULL;
        int r;

        scarce_memory_begin(at, onwards);
        r = aiu_survey_run(NULL, flags, &survey);
        *ret_failed = scarce_memory_end();
        ck_assert_msg(r == 0 || (*ret_failed && r == -ENOMEM), "allocation %u: %d", at, r);
        ck_assert(r == 0 ? survey != NULL : survey == NULL);
        if (r == 0 && n_gaps(survey) <= usual_gaps)
                ck_assert_msg(aiu_survey_get_n_sockets(survey) >= 3, "allocation %u: %zu sockets and no gap", at,
                              aiu_survey_get_n_sockets(survey));
        aiu_survey_unref(survey);
}

/* The processes of this machine take thousands: all of the first ones fail, then some. */
START_TEST(no_memory)
{
        struct aiu_survey *survey;
        bool failed = true;
        size_t usual_gaps;

        hold_sockets();
        ck_assert_int_eq(aiu_survey_run(NULL, 0, &survey), 0);
        ck_assert_uint_ge(aiu_survey_get_n_sockets(survey), 3);
        usual_gaps = n_gaps(survey);
        ck_assert_ptr_eq(aiu_survey_ref(survey), survey);
        ck_assert_ptr_null(aiu_survey_unref(survey));
        ck_assert_uint_ge(aiu_survey_get_n_sockets(survey), 3);
        aiu_survey_unref(survey);
        for (unsigned int at = 1; failed; at += at < 200 ? 1 : at / 50)
                run_without(0, at, false, usual_gaps, &failed);
        failed = true;
        for (unsigned int at = 1; failed; at += at < 50 ? 1 : at / 20)
                run_without(0, at, true, usual_gaps, &failed);
}
END_TEST

/* A process in another network namespace, with a listener on port 80. Returns its pid. */
static pid_t hold_elsewhere(void)
{
        int ready[2];
        pid_t pid;
        char byte;

        ck_assert_int_eq(pipe(ready), 0);
        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(80) };
                int fd;

                if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || unshare(CLONE_NEWNET) < 0)
                        _exit(1);
                fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
                if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 1) < 0 ||
                    write(ready[1], "", 1) != 1)
                        _exit(1);
                for (;;)
                        pause();
        }
        close(ready[1]);
        ck_assert_int_eq(read(ready[0], &byte, 1), 1);
        close(ready[0]);
        return pid;
}

static uint64_t own_netns(void)
{
        struct stat st;

        ck_assert_int_eq(stat("/proc/thread-self/ns/net", &st), 0);
        return st.st_ino;
}

/* Its socket is found from here with its holder, no socket meets it, and the thread is back afterwards. */
START_TEST(elsewhere)
{
        struct aiu_survey *survey;
        const char *path = "";
        uint64_t own = own_netns();
        size_t n_own = 0, n_there = 0;
        pid_t pid;

        hold_sockets();
        pid = hold_elsewhere();
        ck_assert_int_eq(aiu_survey_run(NULL, 0, &survey), 0);
        ck_assert_uint_eq(aiu_survey_get_n_netns(survey), 1);
        aiu_survey_unref(survey);
        ck_assert_int_eq(aiu_survey_run(NULL, AIU_SURVEY_HOST, &survey), 0);
        ck_assert_uint_gt(aiu_survey_get_n_netns(survey), 1);
        for (size_t i = 0; i < aiu_survey_get_n_sockets(survey); i++) {
                const struct aiu_holder *h = aiu_conflict_get_holder(aiu_survey_get_socket(survey, i), 0);

                n_own += aiu_survey_get_netns(survey, i, &path) == own && !path;
                if (aiu_survey_get_netns(survey, i, NULL) == own || aiu_holder_get_pid(h) != pid)
                        continue;
                n_there++;
                ck_assert_ptr_nonnull(path);
                ck_assert_str_eq(path + strlen(path) - 7, "/ns/net");
        }
        ck_assert_uint_ge(n_own, 3);
        ck_assert_uint_eq(n_there, 1);
        ck_assert_uint_eq(own_netns(), own);
        ck_assert_uint_eq(aiu_survey_get_netns(survey, SIZE_MAX, &path), 0);
        ck_assert_ptr_null(path);
        ck_assert_uint_eq(aiu_survey_get_netns(NULL, 0, NULL), 0);
        ck_assert_uint_eq(aiu_survey_get_n_netns(NULL), 0);
        aiu_survey_unref(survey);
        kill(pid, SIGKILL);
}
END_TEST

START_TEST(no_memory_elsewhere)
{
        struct aiu_survey *survey;
        bool failed = true;
        pid_t pid = hold_elsewhere();
        uint64_t own = own_netns();
        size_t usual_gaps;

        hold_sockets();
        ck_assert_int_eq(aiu_survey_run(NULL, AIU_SURVEY_HOST, &survey), 0);
        usual_gaps = n_gaps(survey);
        aiu_survey_unref(survey);
        for (unsigned int at = 1; failed; at += at < 200 ? 1 : at / 20)
                run_without(AIU_SURVEY_HOST, at, false, usual_gaps, &failed);
        ck_assert_uint_eq(own_netns(), own);
        kill(pid, SIGKILL);
}
END_TEST

START_TEST(no_survey)
{
        struct aiu_survey *survey = NULL;

        ck_assert_int_eq(aiu_survey_run(NULL, 0, NULL), -EINVAL);
        ck_assert_int_eq(aiu_survey_run(NULL, AIU_SURVEY_RESTARTS << 8, &survey), -EINVAL);
        ck_assert_ptr_null(survey);
        ck_assert_ptr_null(aiu_survey_unref(NULL));
        ck_assert_ptr_null(aiu_survey_ref(NULL));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("survey-run");
        TCase *tcase = tcase_create("all");

        tcase_add_test(tcase, no_survey);
        if (can_enter_namespaces()) {
                tcase_add_checked_fixture(tcase, enter_namespaces, forget_snapshot);
                tcase_add_test(tcase, no_memory);
                tcase_add_test(tcase, elsewhere);
                tcase_add_test(tcase, no_memory_elsewhere);
        }
        tcase_set_timeout(tcase, 150);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
