/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* aiu_survey_run() on real sockets, in a network namespace of the test's own: each allocation fails once. */
#include <errno.h>
#include <stdlib.h>
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
static void run_without(unsigned int at, bool onwards, size_t usual_gaps, bool *ret_failed)
{
        struct aiu_survey *survey = NULL;
        int r;

        scarce_memory_begin(at, onwards);
        r = aiu_survey_run(NULL, 0, &survey);
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
                run_without(at, false, usual_gaps, &failed);
        failed = true;
        for (unsigned int at = 1; failed; at += at < 50 ? 1 : at / 20)
                run_without(at, true, usual_gaps, &failed);
}
END_TEST

START_TEST(no_survey)
{
        struct aiu_survey *survey = NULL;

        ck_assert_int_eq(aiu_survey_run(NULL, 0, NULL), -EINVAL);
        ck_assert_int_eq(aiu_survey_run(NULL, AIU_SURVEY_RESTARTS << 1, &survey), -EINVAL);
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
        }
        tcase_set_timeout(tcase, 150);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
