/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The text of a survey on stdout. A line that is too long is continued below its label, but no command is cut. */
#include <stdio.h>
#include <string.h>

#include "cli.h"

#define INDENT 10u

/* How many bytes fill `columns`: an ANSI sequence fills none. */
static size_t fill(const char *text, size_t n, size_t columns)
{
        size_t i = 0, used = 0;

        while (i < n && used < columns) {
                if (text[i] == '\033')
                        while (i < n && text[i] != 'm')
                                i++;
                else
                        used++;
                i++;
        }
        return i;
}

/* Where to break: at a blank, unless the word alone is too long. */
static size_t break_at(const char *text, size_t n, size_t columns)
{
        size_t most = fill(text, n, columns), at;

        if (most >= n)
                return n;
        for (at = most; at > INDENT && text[at] != ' '; at--)
                ;
        while (at > INDENT && text[at - 1] == ' ')
                at--;
        return at > INDENT ? at : most;
}

static void print_wrapped(const char *text, size_t n, size_t width, const char *prefix)
{
        size_t columns = width;

        while (n > 0) {
                size_t part = break_at(text, n, columns);

                printf("%.*s\n", (int)part, text);
                text += part;
                n -= part;
                while (n > 0 && *text == ' ') {
                        text++;
                        n--;
                }
                if (n > 0)
                        printf("%*s%s", (int)INDENT, "", prefix);
                columns = width - INDENT - strlen(prefix);
        }
}

static void print_line(const char *text, size_t n, size_t width)
{
        const char *comment = memmem(text, n, "  # ", 4);

        if (fill(text, n, width) == n) {
                printf("%.*s\n", (int)n, text);
        } else if (comment && comment > text) {
                printf("%.*s\n%*s", (int)(comment - text), text, (int)INDENT, "");
                print_wrapped(comment + 2, n - (size_t)(comment + 2 - text), width - INDENT, "# ");
        } else {
                print_wrapped(text, n, width, "");
        }
}

void cli_print_lines(const char *text, size_t width)
{
        if (width < 4 * INDENT) {
                (void)fputs(text, stdout);
                return;
        }
        while (*text) {
                size_t n = strcspn(text, "\n");

                print_line(text, n, width);
                text += n + (text[n] != '\0');
        }
}
