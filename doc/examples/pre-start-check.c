/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Before a service starts: would it get its address, and if not, what would free it?
 * The query has exactly the options that the service sets. A service that may get its
 * address is started: after a restart, TIME_WAIT sockets keep the answer from being known.
 *
 *     pre-start-check ADDRESS PORT     exit status 1: it certainly would not, 2: trouble, else 0
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <addrinuse.h>

static void print_action(const struct aiu_action *action)
{
        const char *const *argv = aiu_action_get_argv(action);
        char *word;

        printf("%s: %s\n", aiu_tristate_to_string(aiu_action_is_sufficient(action)), aiu_action_get_text(action));
        if (!argv)
                return;
        printf("   ");
        for (; *argv; argv++) {
                if (aiu_escape(*argv, strlen(*argv), &word) < 0)
                        break;
                printf(" %s", word);
                free(word);
        }
        printf("\n");
}

static int ask(const char *ip, const char *port, struct aiu_report **ret_report)
{
        struct aiu_query *query = NULL;
        unsigned long number;
        char *end;
        int r;

        number = strtoul(port, &end, 10);
        if (*end || number > UINT16_MAX)
                return -EINVAL;
        r = aiu_query_new(NULL, &query);
        if (r >= 0)
                r = aiu_query_set_address_string(query, ip, (uint16_t)number);
        if (r >= 0)
                r = aiu_query_set_reuseaddr(query, 1);
        if (r >= 0)
                r = aiu_query_run(query, ret_report);
        aiu_query_unref(query);
        return r;
}

int main(int argc, char **argv)
{
        struct aiu_report *report = NULL;
        enum aiu_verdict verdict;
        int r;

        if (argc != 3) {
                fprintf(stderr, "usage: pre-start-check ADDRESS PORT\n");
                return 2;
        }
        r = ask(argv[1], argv[2], &report);
        if (r < 0) {
                fprintf(stderr, "pre-start-check: %s\n", strerror(-r));
                return 2;
        }
        verdict = aiu_report_get_verdict(report);
        printf("%s\n", aiu_report_get_summary(report));
        for (size_t i = 0; verdict != AIU_VERDICT_AVAILABLE && i < aiu_report_get_n_actions(report); i++)
                print_action(aiu_report_get_action(report, i));
        aiu_report_unref(report);
        return verdict == AIU_VERDICT_AVAILABLE || verdict == AIU_VERDICT_UNKNOWN ? 0 : 1;
}
