/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lines for a terminal that is narrower than they are. A line goes on under its text,
 * not under its label. A command goes on behind a backslash, so that it can still be
 * pasted: a blank inside quotes is no place to break it.
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

/* Does this part of a line begin with the command of an action? */
static bool is_command(const struct aiu_report *report, const char *text)
{
        bool found = false;
        char *shell;

        for (size_t i = 0; i < aiu_report_get_n_actions(report) && !found; i++) {
                if (aiu_action_to_shell(aiu_report_get_action(report, i), &shell) < 0)
                        continue;
                found = *shell && strncmp(text, shell, strlen(shell)) == 0;
                free(shell);
        }
        return found;
}

/* The bytes that fit into so many columns, up to a blank that no quotes are around. */
static size_t find_break(const char *text, size_t bytes, size_t columns, bool command)
{
        size_t column = 0, last = 0;
        bool quoted = false;

        for (size_t i = 0; i < bytes; i++) {
                size_t escape = escape_bytes(text + i);

                if (escape > 0) {
                        i += escape - 1;
                        continue;
                }
                if (command && text[i] == '\'')
                        quoted = !quoted;
                if (text[i] == ' ' && !quoted && column > 0 && (column <= columns || last == 0))
                        last = i;
                if (++column > columns && last > 0)
                        return last;
        }
        return column > columns && last > 0 ? last : bytes;
}

static void print_line(const struct aiu_report *report, const char *line, size_t bytes, size_t width)
{
        size_t offset, indent = text_column(line, bytes, &offset), used = 0;
        bool command = is_command(report, line + offset);

        if (width < indent + LEAST_TEXT)
                width = indent + LEAST_TEXT;
        for (;;) {
                size_t room = width - (used > 0 ? indent : 0), n = find_break(line + used, bytes - used, room, command);

                if (command && n < bytes - used)
                        n = find_break(line + used, bytes - used, room - 2, command);
                (void)fwrite(line + used, 1, n, stdout);
                used += n;
                if (used >= bytes)
                        break;
                used++; /* the blank */
                printf("%s\n%*s", command ? " \\" : "", (int)indent, "");
        }
        (void)putchar('\n');
}

void cli_print_wrapped(const struct aiu_report *report, const char *text, size_t width)
{
        if (width == 0) {
                (void)fputs(text, stdout);
                return;
        }
        for (const char *end; *text; text = *end ? end + 1 : end) {
                end = text + strcspn(text, "\n");
                print_line(report, text, (size_t)(end - text), width);
        }
}
