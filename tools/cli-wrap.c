/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lines for a terminal that is narrower than they are. A line goes on under its text, not under its label. A command
 * stays as it is: broken anywhere, it could be another command when it is pasted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define LEAST_TEXT 20u /* columns: below that, broken lines are harder to read than long ones */

/* How many bytes an escape sequence of a colour has here. */
static size_t escape_bytes(const char *at)
{
        return at[0] == '\033' ? strcspn(at, "m") + 1 : 0;
}

/* "holder    node ...": the column, and the offset, at which the text of a line begins; 0 = it has no label. */
static size_t text_column(const char *line, size_t bytes, size_t *ret_offset)
{
        size_t column = 0, blanks = 0;

        *ret_offset = 0;

        for (size_t i = 0; i < bytes && column < LEAST_TEXT; i++, column++) {
                size_t escape = escape_bytes(line + i);

                if (escape > 0) {
                        i += escape - 1;
                        column--;
                        continue;
                }
                if (line[i] != ' ' && blanks >= 2) {
                        *ret_offset = i;
                        return column;
                }
                blanks = line[i] == ' ' ? blanks + 1 : 0;
        }
        return 0;
}

/* A long command has lines of its own, each but the last with a backslash at its end. */
static bool goes_on(const char *line, size_t bytes)
{
        return bytes > 0 && line[bytes - 1] == '\\';
}

/* In one line: a newline is only where the library has broken the command. */
static void join_lines(char *shell)
{
        char *to = shell;

        for (const char *from = shell; *from;) {
                if (strncmp(from, " \\\n", 3) == 0)
                        from += 3 + strspn(from + 3, " ") - 1;
                *to++ = *from++;
        }
        *to = '\0';
}

/* Does this part of a line begin the command of an action? */
static bool is_command(const struct aiu_report *report, const char *text, size_t bytes)
{
        bool found = false;
        size_t n;
        char *shell;

        for (size_t i = 0; i < aiu_report_get_n_actions(report) && !found; i++) {
                if (aiu_action_to_shell(aiu_report_get_action(report, i), &shell) < 0)
                        continue;
                join_lines(shell);
                n = goes_on(text, bytes) ? bytes - 1 : strlen(shell);
                found = *shell && n <= bytes && strncmp(text, shell, n) == 0;
                free(shell);
        }
        return found;
}

/* Two blanks part the command from the first line: "run  sudo addrinuse 443". */
static const char *end_of_words(const char *line, size_t bytes)
{
        for (size_t i = 0; i + 1 < bytes; i++)
                if (line[i] == ' ' && line[i + 1] == ' ')
                        return line + i;
        return line + bytes;
}

/* The bytes that fit into so many columns, up to a blank behind `begin` and before `stop`, or that one. */
static size_t find_break(const char *text, size_t bytes, size_t columns, const char *begin, const char *stop)
{
        size_t column = 0, last = 0;

        for (size_t i = 0; i < bytes; i++) {
                size_t escape = escape_bytes(text + i);

                if (escape > 0) {
                        i += escape - 1;
                        continue;
                }
                if (text[i] == ' ' && text + i > begin && text + i <= stop && column > 0 &&
                    (column <= columns || last == 0))
                        last = i;
                if (++column > columns && last > 0)
                        return last;
        }
        return column > columns && last > 0 ? last : bytes;
}

static void print_line(FILE *out, const char *line, size_t bytes, size_t width)
{
        size_t offset, indent = text_column(line, bytes, &offset), used = 0;
        const char *stop = indent > 0 ? line + bytes : end_of_words(line, bytes);

        if (width < indent + LEAST_TEXT)
                width = indent + LEAST_TEXT;
        for (;;) {
                size_t n = find_break(line + used, bytes - used, width - (used > 0 ? indent : 0), line + offset, stop);

                (void)fwrite(line + used, 1, n, out);
                used += n;
                if (used >= bytes)
                        break;
                used += strspn(line + used, " ");
                fprintf(out, "\n%*s", (int)indent, "");
        }
        (void)putc('\n', out);
}

void cli_print_wrapped(FILE *out, const struct aiu_report *report, const char *text, size_t width)
{
        bool command = false;
        size_t n, offset;

        if (width == 0) {
                (void)fputs(text, out);
                return;
        }
        for (; *text; text += n + (text[n] != '\0')) {
                n = strcspn(text, "\n");
                (void)text_column(text, n, &offset);
                command = command || is_command(report, text + offset, n - offset);
                if (command)
                        fprintf(out, "%.*s\n", (int)n, text);
                else
                        print_line(out, text, n, width);
                command = command && goes_on(text, n);
        }
}
