/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands as they are printed. Each shell that is installed reads every one back, and
 * has to find the words that it was made of.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/macro.h"
#include "util/quote.h"
#include "fixture/render-fixture.h"
#include "fixture/run-suite.h"

static void expect_line(const char *const *argv, const char *line)
{
        struct strbuf out = { 0 };

        quote_argv(&out, argv, 0);
        ck_assert_int_eq(out.error, 0);
        ck_assert_str_eq(out.text, line);
        strbuf_finish(&out);
}

static const struct {
        const char *word, *printed;
} words[] = {
        { "nginx.service", "nginx.service" },
        { "a@b:c,d=e+/f_g-1", "a@b:c,d=e+/f_g-1" },
        { "-TERM", "-TERM" },
        { "--", "--" },
        { "", "''" },
        { "/tmp/a b", "'/tmp/a b'" },
        { "it's", "'it'\\''s'" },
        { "'", "''\\'''" },
        { "a\\b", "'a'\\\\'b'" },
        { "\\", "''\\\\''" },
        { "\\'", "''\\\\''\\'''" },
        { "$(reboot) `id` $HOME \"x\"", "'$(reboot) `id` $HOME \"x\"'" },
        { "~", "'~'" },
        { "=ls", "'=ls'" },
        { "%self", "'%self'" },
        { "*", "'*'" },
        { "{a,b}", "'{a,b}'" },
        { "a#b", "'a#b'" },
        { "!x", "'!x'" },
        { "; reboot", "'; reboot'" },
        { "caf\303\251.sock", "\"$(printf 'caf\\303\\251.sock')\"" },
        { "\303\251'", "\"$(printf '\\303\\251\\047')\"" },
        { "a\nb", "\"$(printf 'a\\012b')\"" },
        { "\n17", "\"$(printf '\\012\\061\\067')\"" },
        { "\n8x9", "\"$(printf '\\012\\070x9')\"" },
        { "-n\t", "\"$(printf '\\055n\\011')\"" },
        { "%s\377%%", "\"$(printf '%%s\\377%%%%')\"" },
        { "a\\101\a", "\"$(printf 'a\\134101\\007')\"" },
        { "\001 end ", "\"$(printf '\\001 end ')\"" },
        { "!\177\"$`", "\"$(printf '\\041\\177\\042\\044\\140')\"" },
};

START_TEST(one_word)
{
        const char *argv[] = { "rm", words[_i].word, NULL };
        char line[128];

        (void)snprintf(line, sizeof(line), "rm %s", words[_i].printed);
        expect_line(argv, line);
}
END_TEST

/* In front, NAME=VALUE would be an assignment. */
START_TEST(first_word)
{
        expect_line((const char *const[]){ "a=b", "a=b", NULL }, "'a=b' a=b");
}
END_TEST

START_TEST(long_command)
{
        const char *argv[40] = { "kill", "-TERM" };

        for (size_t i = 2; i < 23; i++)
                argv[i] = "100000";
        expect_line(argv, "kill -TERM 100000 100000 100000 100000 100000 100000 100000 100000 100000 \\\n"
                          "    100000 100000 100000 100000 100000 100000 100000 100000 100000 100000 \\\n"
                          "    100000 100000");
}
END_TEST

START_TEST(last_newline)
{
        struct aiu_report *r = fixture_report(AIU_VERDICT_IN_USE, EADDRINUSE, IN_USE);
        char *text = NULL;

        fixture_action(r, AIU_ACTION_REMOVE_FILE, "remove it", "rm", "/run/x\n");
        fixture_action(r, AIU_ACTION_OTHER_PORT, "bind another port", NULL, NULL);
        fixture_action(r, AIU_ACTION_REMOVE_FILE, "remove it", "rm", "/run/a b");
        ck_assert_int_eq(aiu_action_to_shell(&r->actions[0], &text), -EILSEQ);
        ck_assert_int_eq(aiu_action_to_shell(&r->actions[1], &text), -ENODATA);
        ck_assert_int_eq(aiu_action_to_shell(&r->actions[2], NULL), -EINVAL);
        ck_assert_ptr_null(text);
        ck_assert_int_eq(aiu_action_to_shell(&r->actions[2], &text), 0);
        ck_assert_str_eq(text, "rm '/run/a b'");
        free(text);
        r->actions[0].flags = AIU_ACTION_NEEDS_ROOT;
        ck_assert_int_eq(aiu_report_to_text(r, 0, &text), 0);
        ck_assert_msg(strstr(text, "do        remove it (no shell can be given that name; the JSON has the command) "
                                   "(needs root)\n"),
                      "%s", text);
        free(text);
        aiu_report_unref(r);
}
END_TEST

/* ------------------------------------------------------ shells */

/* Every byte before a digit, a backslash and a letter, and most at the end. Each costs every shell a process. */
static void add_bytes(char (*room)[8], const char **argv, size_t *n)
{
        for (unsigned int c = 1; c < 256; c++) {
                const char inside[8] = { (char)c, '7', '8', (char)c, '\\', (char)c, 'x', '\0' };
                const char last[8] = { 'a', (char)c, '\0' };

                memcpy(room[*n], inside, sizeof(inside));
                argv[*n] = room[*n];
                (*n)++;
                if (c == '\n' || (c > 0x80 && c < 0xff))
                        continue;
                memcpy(room[*n], last, sizeof(last));
                argv[*n] = room[*n];
                (*n)++;
        }
}

static char *temporary(const char *text, size_t n)
{
        char *path = fixture_copy("/tmp/test-quote-XXXXXX");
        int fd = mkstemp(path);

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq((int)write(fd, text, n), (int)n);
        (void)close(fd);
        return path;
}

/* The shell reads a command of printf(1) from a file; what it prints are the words, each with a NUL. */
static void expect_words(const char *shell, const char *locale, const char *const *argv)
{
        struct strbuf line = { 0 };
        char command[256], *script, got[64];
        FILE *pipe;

        quote_argv(&line, argv, 0);
        strbuf_str(&line, "  # needs root\n");
        ck_assert_int_eq(line.error, 0);
        script = temporary(line.text, line.n);
        (void)snprintf(command, sizeof(command), "LC_ALL=%s %s %s", locale, shell, script);
        pipe = popen(command, "r");
        ck_assert_ptr_nonnull(pipe);
        for (size_t i = 3; argv[i]; i++) {
                size_t n = strlen(argv[i]) + 1;

                ck_assert_uint_le(n, sizeof(got));
                ck_assert_uint_eq(fread(got, 1, n, pipe), n);
                ck_assert_msg(memcmp(got, argv[i], n) == 0, "%s: word %zu (first byte %d)", shell, i, argv[i][0]);
        }
        ck_assert_int_eq(fgetc(pipe), EOF);
        (void)pclose(pipe);
        (void)unlink(script);
        free(script);
        strbuf_finish(&line);
}

static const struct {
        const char *name, *locale;
} shells[] = {
        { "sh", "C" },         { "dash", "C.UTF-8" },       { "bash", "C" },
        { "bash", "C.UTF-8" }, { "fish --no-config", "C" }, { "fish --no-config", "C.UTF-8" },
        { "zsh", "C.UTF-8" },  { "ksh", "C.UTF-8" },        { "busybox sh", "C.UTF-8" },
};

START_TEST(read_back)
{
        static char room[600][8];
        const char *argv[700] = { "env", "printf", "%s\\0" };
        size_t n = 0, m = 3;
        char command[256];

        (void)snprintf(command, sizeof(command), "%s -c true >/dev/null 2>&1", shells[_i].name);
        if (system(command) != 0) {
                printf("no %s here: not asked\n", shells[_i].name);
                return;
        }
        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                argv[m++] = words[i].word;
        add_bytes(room, argv + m, &n);
        expect_words(shells[_i].name, shells[_i].locale, argv);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("quote");
        TCase *tcase = tcase_create("words"), *read = tcase_create("shells");

        tcase_add_loop_test(tcase, one_word, 0, ELEMENTSOF(words));
        tcase_add_test(tcase, first_word);
        tcase_add_test(tcase, long_command);
        tcase_add_test(tcase, last_newline);
        tcase_set_timeout(read, 120);
        tcase_add_loop_test(read, read_back, 0, ELEMENTSOF(shells));
        suite_add_tcase(suite, tcase);
        suite_add_tcase(suite, read);
        return run_suite(suite);
}
