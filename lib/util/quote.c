/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An argument vector → a command line to paste. sh, dash, bash, zsh and fish have to
 * read the same words back, so only what means the same in all of them is used:
 *
 *  - plain words are bare
 *  - printable words are in single quotes. fish takes \' and \\ for escapes inside of
 *    them, so both characters stand outside: 'it'\''s', 'a'\\'b'
 *  - other bytes are made by printf(1): $'...' is unknown to dash and fish, \xHH has no
 *    fixed length in POSIX. "$(printf 'caf\303\251')" is the same everywhere.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addrinuse.h"
#include "util/macro.h"
#include "util/quote.h"

#define LINE_COLUMNS 78u
#define CONTINUED 4u

#define ALNUM "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/* fish expands %self, zsh a leading '=', and NAME=VALUE in front is an assignment. */
static bool is_plain(const char *word, bool first)
{
        if (!*word || *word == '=' || *word == '~' || (first && strchr(word, '=')))
                return false;
        return word[strspn(word, ALNUM "@+=:,./_-")] == '\0';
}

static bool is_printable(const char *word)
{
        for (; *word; word++)
                if ((unsigned char)*word < 0x20 || (unsigned char)*word >= 0x7f)
                        return false;
        return true;
}

static void single_quoted(struct strbuf *out, const char *word)
{
        strbuf_str(out, "'");
        for (; *word; word++) {
                if (*word == '\'')
                        strbuf_str(out, "'\\''");
                else if (*word == '\\')
                        strbuf_str(out, "'\\\\'");
                else
                        strbuf_add(out, word, 1);
        }
        strbuf_str(out, "'");
}

/*
 * dash reads \0 and up to three digits more, so a digit after an escape that begins with 0
 * is written as an escape too. It also resolves escapes before it looks for conversions:
 * a percent sign is doubled. A leading '-' would be an option of printf.
 */
static void made_by_printf(struct strbuf *out, const char *word)
{
        bool low = false; /* the last byte was written as \0oo */

        strbuf_str(out, "\"$(printf '");
        for (const char *p = word; *p; p++) {
                unsigned char c = (unsigned char)*p;
                bool plain =
                        strchr(ALNUM "@+=:,./_ -", c) && !(p == word && c == '-') && !(low && c >= '0' && c <= '9');

                low = !plain && c != '%' && c < 0100;
                if (c == '%')
                        strbuf_str(out, "%%");
                else if (plain)
                        strbuf_add(out, p, 1);
                else
                        strbuf_printf(out, "\\%03o", (unsigned int)c);
        }
        strbuf_str(out, "')\"");
}

static void quote_word(struct strbuf *out, const char *word, bool first)
{
        if (is_plain(word, first))
                strbuf_str(out, word);
        else if (is_printable(word))
                single_quoted(out, word);
        else
                made_by_printf(out, word);
}

bool quote_is_possible(const char *const *argv)
{
        for (; *argv; argv++) {
                size_t n = strlen(*argv);

                if (n > 0 && (*argv)[n - 1] == '\n')
                        return false;
        }
        return true;
}

void quote_argv(struct strbuf *out, const char *const *argv, size_t indent)
{
        size_t column = indent;

        for (size_t i = 0; argv[i]; i++) {
                struct strbuf word = { 0 };

                quote_word(&word, argv[i], i == 0);
                if (i > 0 && column + 1 + word.n + 2 > LINE_COLUMNS) {
                        strbuf_printf(out, " \\\n%*s", (int)(indent + CONTINUED), "");
                        column = indent + CONTINUED;
                } else if (i > 0) {
                        strbuf_str(out, " ");
                        column++;
                }
                if (word.error)
                        out->error = word.error;
                else
                        strbuf_add(out, word.text, word.n);
                column += word.n;
                strbuf_finish(&word);
        }
}

AIU_EXPORT int aiu_action_to_shell(const struct aiu_action *action, char **ret_command)
{
        const char *const *argv = aiu_action_get_argv(action);
        struct strbuf line = { 0 };

        if (!action || !ret_command)
                return -EINVAL;
        if (!argv)
                return -ENODATA;
        if (!quote_is_possible(argv))
                return -EILSEQ;
        quote_argv(&line, argv, 0);
        return strbuf_steal(&line, ret_command);
}
