/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* aiu_escape(): every byte, alone and among others, comes out printable and can be turned back. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addrinuse.h"
#include "util/escape.h"
#include "util/macro.h"
#include "fixture/run-suite.h"
#include "util/strbuf.h"

/* The reverse, written on its own: \\ and \xHH. Returns the number of bytes. */
static size_t unescape(const char *text, char *to)
{
        size_t n = 0;
        unsigned int c;

        while (*text) {
                if (*text != '\\') {
                        to[n++] = *text++;
                } else if (text[1] == '\\') {
                        to[n++] = '\\';
                        text += 2;
                } else {
                        ck_assert_int_eq(text[1], 'x');
                        ck_assert_int_eq(sscanf(text + 2, "%2x", &c), 1);
                        to[n++] = (char)c;
                        text += 4;
                }
        }
        return n;
}

static void assert_printable(const char *text)
{
        for (; *text; text++)
                ck_assert_msg(*text >= 0x20 && *text < 0x7f, "byte %02x", (unsigned char)*text);
}

START_TEST(every_byte)
{
        char c = (char)_i, *text = NULL, back[8];

        ck_assert_int_eq(aiu_escape(&c, 1, &text), 0);
        assert_printable(text);
        ck_assert_uint_eq(strlen(text), escape_length(&c, 1));
        ck_assert_uint_eq(strlen(text), c == '\\' ? 2 : (_i >= 0x20 && _i < 0x7f) ? 1 : 4);
        ck_assert_uint_eq(unescape(text, back), 1);
        ck_assert_int_eq(back[0], c);
        free(text);
}
END_TEST

START_TEST(all_bytes_at_once)
{
        char bytes[256], back[256], *text = NULL;

        for (int i = 0; i < 256; i++)
                bytes[i] = (char)i;
        ck_assert_int_eq(aiu_escape(bytes, sizeof(bytes), &text), 0);
        assert_printable(text);
        ck_assert_uint_eq(unescape(text, back), sizeof(bytes));
        ck_assert_mem_eq(back, bytes, sizeof(bytes));
        free(text);
}
END_TEST

/* "\x41" as six characters is not the byte 0x41: the backslash is doubled. */
START_TEST(no_two_inputs_look_alike)
{
        char *literal = NULL, *byte = NULL;

        ck_assert_int_eq(aiu_escape("\\x1b", 4, &literal), 0);
        ck_assert_int_eq(aiu_escape("\033", 1, &byte), 0);
        ck_assert_str_eq(literal, "\\\\x1b");
        ck_assert_str_eq(byte, "\\x1b");
        free(literal);
        free(byte);
}
END_TEST

START_TEST(known_attacks)
{
        static const struct {
                const char *bytes, *text;
        } cases[] = {
                { "\033[2J", "\\x1b[2J" },            /* CSI */
                { "\033]0;x\007", "\\x1b]0;x\\x07" }, /* OSC */
                { "\302\233"
                  "2J",
                  "\\xc2\\x9b2J" },                    /* C1 CSI in UTF-8 */
                { "a\nholder b", "a\\x0aholder b" },   /* a forged line */
                { "\342\200\256", "\\xe2\\x80\\xae" }, /* bidi override */
                { "\r\t\b\177", "\\x0d\\x09\\x08\\x7f" },
                { "", "" },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                char *text = NULL;

                ck_assert_int_eq(aiu_escape(cases[i].bytes, strlen(cases[i].bytes), &text), 0);
                ck_assert_str_eq(text, cases[i].text);
                free(text);
        }
}
END_TEST

START_TEST(wrong_use)
{
        char untouched, *text = &untouched;

        ck_assert_int_eq(aiu_escape(NULL, 1, &text), -EINVAL);
        ck_assert_int_eq(aiu_escape("a", 1, NULL), -EINVAL);
        ck_assert_ptr_eq(text, &untouched); /* written on success only */
        ck_assert_int_eq(aiu_escape(NULL, 0, &text), 0);
        ck_assert_str_eq(text, "");
        free(text);
}
END_TEST

/* What is escaped already passes once; what is not does not pass at all. */
START_TEST(ascii_passes_as_it_is)
{
        struct strbuf buffer = { 0 };
        char *text = NULL;

        strbuf_ascii(&buffer, "a\\x1b \033\n", 8);
        ck_assert_int_eq(strbuf_steal(&buffer, &text), 0);
        ck_assert_str_eq(text, "a\\x1b \\x1b\\x0a");
        free(text);
}
END_TEST

/* A text of bounded length ends before an escape that does not fit. */
START_TEST(cut_keeps_escapes_whole)
{
        static const struct {
                const char *bytes, *cut;
                size_t most;
        } rows[] = {
                { "abc", "abc", 3 },
                { "abcd", "abc", 3 },
                { "a\033b", "a", 4 },
                { "a\033b", "a\\x1b", 5 },
                { "a\033b", "a\\x1bb", 6 },
                { "a\\b", "a", 2 },
                { "a\\b", "a\\\\", 3 },
                { "", "", 0 },
                { "a", "", 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct strbuf buffer = { 0 };
                char *text = NULL;

                strbuf_outside(&buffer, rows[i].bytes);
                strbuf_cut(&buffer, rows[i].most);
                ck_assert_int_eq(strbuf_steal(&buffer, &text), 0);
                ck_assert_str_eq(text, rows[i].cut);
                free(text);
        }
}
END_TEST

START_TEST(how_much_of_a_container)
{
        char id[65];

        memset(id, 'a', 64);
        id[64] = '\0';
        ck_assert_uint_eq(escape_shown(id), 12);
        id[63] = 'g';
        ck_assert_uint_eq(escape_shown(id), 64);
        ck_assert_uint_eq(escape_shown("web"), 3);
        ck_assert_uint_eq(escape_shown("abc"), 3);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("escape");
        TCase *tcase = tcase_create("all");

        tcase_add_loop_test(tcase, every_byte, 0, 256);
        tcase_add_test(tcase, all_bytes_at_once);
        tcase_add_test(tcase, no_two_inputs_look_alike);
        tcase_add_test(tcase, known_attacks);
        tcase_add_test(tcase, wrong_use);
        tcase_add_test(tcase, ascii_passes_as_it_is);
        tcase_add_test(tcase, cut_keeps_escapes_whole);
        tcase_add_test(tcase, how_much_of_a_container);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
