/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What holds of each report, for targets that run whole questions: see fuzz.h. */
#include <addrinuse.h>
#include <stdlib.h>

#include "fuzz.h"

void fuzz_check_report(const struct aiu_report *report, uint32_t text_flags, uint32_t json_flags)
{
        char *text;

        fuzz_check_printable(aiu_report_get_summary(report), false);
        require(aiu_report_to_text(report, text_flags, &text) == 0);
        fuzz_check_printable(text, true);
        free(text);
        require(aiu_report_to_json(report, json_flags, &text) == 0);
        fuzz_check_json(text);
        free(text);
}
