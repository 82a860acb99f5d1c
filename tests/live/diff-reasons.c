/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why answers are unknown: the gaps of these reports, counted. Numbers differ from case to case, so they do not count. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <addrinuse.h>

#include "differential.h"

static void shorten(char to[REASON_BYTES], const char *text)
{
        size_t n = 0;

        for (size_t i = 0; text[i] && n < REASON_BYTES - 1; i++)
                if (!isdigit((unsigned char)text[i]))
                        to[n++] = text[i];
                else if (n == 0 || to[n - 1] != '#')
                        to[n++] = '#';
        to[n] = '\0';
}

/* The last place is for all that find no place of their own. */
static void add_reason(struct tally *tally, const char *text, uint64_t n)
{
        struct reason *reason = tally->reasons;

        while (reason < &tally->reasons[N_REASONS - 1] && reason->n > 0 && strcmp(reason->text, text) != 0)
                reason++;
        if (reason->n == 0)
                snprintf(reason->text, sizeof(reason->text), "%s",
                         reason == &tally->reasons[N_REASONS - 1] ? "other reasons" : text);
        reason->n += n;
}

void reasons_count(struct tally *tally, const struct aiu_report *report)
{
        char text[REASON_BYTES];

        for (size_t i = 0; i < aiu_report_get_n_gaps(report); i++) {
                shorten(text, aiu_gap_get_text(aiu_report_get_gap(report, i)));
                add_reason(tally, text, 1);
        }
}

void reasons_add_up(struct tally *sum, const struct tally *tally)
{
        for (size_t i = 0; i < N_REASONS && tally->reasons[i].n > 0; i++)
                add_reason(sum, tally->reasons[i].text, tally->reasons[i].n);
}

void reasons_print(const struct tally *tally)
{
        for (size_t i = 0; i < N_REASONS && tally->reasons[i].n > 0; i++)
                printf("    gap %8llu times: %s\n", (unsigned long long)tally->reasons[i].n, tally->reasons[i].text);
}
