/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Target "operand": what addrinuse(1) is asked about. Complaints are printable. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../tools/cli.h"
#include "fuzz.h"

static unsigned int n_complaints;

void cli_error(const char *format, ...)
{
        char text[16384];
        va_list list;

        va_start(list, format);
        (void)vsnprintf(text, sizeof(text), format, list);
        va_end(list);
        fuzz_check_printable(text, false);
        n_complaints++;
}

const char *cli_safe(const char *text)
{
        static char *safe[2];
        static unsigned int turn;

        turn ^= 1;
        free(safe[turn]);
        safe[turn] = NULL;
        return aiu_escape(text, strlen(text), &safe[turn]) < 0 ? "?" : safe[turn];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct bytes in = { data, size };
        struct cli cli = { .netns = -1, .type = take_byte(&in) % 2 ? SOCK_STREAM : 0 };
        char *text = fuzz_string(in.at, in.n);
        struct requests list = { 0 };
        int r;

        n_complaints = 0;
        r = cli_add(&cli, text, &list);
        require((r < 0) == (n_complaints > 0) && (r < 0 || list.n > 0));
        for (size_t i = 0; i < list.n; i++)
                require(list.items[i].bytes >= sizeof(sa_family_t) &&
                        list.items[i].bytes <= sizeof(list.items[i].address));
        cli_free_requests(&list);
        free(text);
        return 0;
}
