/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Target "plan": the text of an audit's plan. A line that is none of a plan is named, and changes nothing. What differs
 * is printable, and its address is one of a plan. The plan that a survey writes has no difference from that survey.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "rules/address.h"
#include "survey/survey.h"

#define N_SOCKETS 4u

static const struct {
        const char *address;
        uint16_t port;
        int protocol;
        const char *owner;
} sockets[N_SOCKETS] = {
        { "0.0.0.0", 80, IPPROTO_TCP, "nginx.service" },
        { "127.0.0.1", 5432, IPPROTO_TCP, NULL },
        { "::", 53, IPPROTO_UDP, "\\x2a" },
        { "fe80::1", 9100, IPPROTO_TCP, "docker:0123456789ab" },
};

static void fill(struct aiu_conflict *conflicts, char **owners)
{
        const char *ignored;

        for (size_t i = 0; i < N_SOCKETS; i++) {
                struct socket *s = &conflicts[i].socket;

                require(address_parse(sockets[i].address, sockets[i].port, &s->local, &ignored) == 0);
                s->protocol = sockets[i].protocol;
                s->type = s->protocol == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM;
                owners[i] = (char *)(uintptr_t)sockets[i].owner;
        }
}

static void check_differences(struct aiu_survey *survey)
{
        for (size_t i = 0; i < aiu_survey_get_n_differences(survey); i++) {
                enum aiu_difference kind = aiu_survey_get_difference(survey, i);
                const char *address = aiu_survey_get_difference_address(survey, i);
                const char *owner = aiu_survey_get_difference_owner(survey, i);
                const char *planned = aiu_survey_get_difference_planned(survey, i);

                require(kind != AIU_DIFFERENCE_UNKNOWN && address);
                fuzz_check_printable(address, false);
                if (owner)
                        fuzz_check_printable(owner, false);
                if (planned)
                        fuzz_check_printable(planned, false);
                require(kind != AIU_DIFFERENCE_UNEXPECTED || !planned);
                require(kind != AIU_DIFFERENCE_MISSING || (planned && !owner));
                require(kind != AIU_DIFFERENCE_WRONG_OWNER || (planned && owner && strcmp(planned, owner) != 0));
        }
}

static void check_own_plan(struct aiu_survey *survey)
{
        char *plan = NULL;

        require(aiu_survey_to_plan(survey, &plan) == 0);
        require(aiu_survey_set_plan(survey, plan, NULL) == 0);
        require(aiu_survey_get_n_differences(survey) == 0 && aiu_survey_get_n_unverified(survey) == 0);
        free(plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct aiu_conflict conflicts[N_SOCKETS] = { 0 };
        char *owners[N_SOCKETS], *text = fuzz_string(data, size);
        struct aiu_report facts = { .conflicts = conflicts, .n_conflicts = N_SOCKETS };
        struct aiu_survey survey = { .facts = &facts, .owners = owners, .range_first = 32768, .range_last = 60999 };
        unsigned int line = 0, lines = 1;
        int r;

        fill(conflicts, owners);
        for (const char *c = text; *c; c++)
                lines += *c == '\n';
        r = aiu_survey_set_plan(&survey, text, &line);
        require(r == 0 || r == -EINVAL);
        require(r == 0 ? line == 0 : line >= 1 && line <= lines && survey.n_differences == 0);
        check_differences(&survey);
        check_own_plan(&survey);
        free(survey.differences);
        free(text);
        return 0;
}
