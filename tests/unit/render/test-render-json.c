/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The JSON renderer, read back by a strict parser, and hostile bytes in every
 * string of a report, in both renderers.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/macro.h"
#include "fixture/render-fixture.h"
#include "fixture/run-suite.h"

/* A strict reader of RFC 8259, less recursion than that: returns the end, NULL = it is not JSON. */
static const char *json_value(const char *p, int depth);

static const char *json_string_end(const char *p)
{
        for (p++; *p && *p != '"'; p++) {
                if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e)
                        return NULL;
                if (*p == '\\' && (!*++p || !strchr("\"\\/bfnrt", *p)))
                        return NULL;
        }
        return *p == '"' ? p + 1 : NULL;
}

static const char *json_members(const char *p, char close, int depth)
{
        if (*++p == close)
                return p + 1;
        for (;; p++) {
                if (close == '}') {
                        p = *p == '"' ? json_string_end(p) : NULL;
                        if (!p || *p++ != ':')
                                return NULL;
                }
                p = json_value(p, depth + 1);
                if (!p || (*p != ',' && *p != close))
                        return NULL;
                if (*p == close)
                        return p + 1;
        }
}

static const char *json_value(const char *p, int depth)
{
        static const char *const words[] = { "true", "false", "null" };
        size_t digits = strspn(p, "0123456789");

        if (depth > 16)
                return NULL;
        if (*p == '"')
                return json_string_end(p);
        if (*p == '{' || *p == '[')
                return json_members(p, *p == '{' ? '}' : ']', depth);
        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (strncmp(p, words[i], strlen(words[i])) == 0)
                        return p + strlen(words[i]);
        return digits == 0 || (*p == '0' && digits > 1) ? NULL : p + digits;
}

static bool is_json(const char *text)
{
        const char *end = json_value(text, 0);

        return end && *end == '\0';
}

START_TEST(the_reader_is_strict)
{
        ck_assert(is_json("{\"a\":[1,{\"b\":null}],\"c\":\"\\\\x\"}"));
        ck_assert(!is_json("{\"a\":1,}"));
        ck_assert(!is_json("{\"a\":\"\\x1b\"}"));
        ck_assert(!is_json("{\"a\":\"\033\"}"));
        ck_assert(!is_json("[01]"));
        ck_assert(!is_json("{\"a\":1}}"));
}
END_TEST

START_TEST(hostile_bytes_stay_inside)
{
        struct aiu_report *r = fixture_hostile_report();
        char *text = NULL;
        size_t lines = 0;

        ck_assert_int_eq(aiu_report_to_text(r, AIU_RENDER_VERBOSE | AIU_RENDER_CMDLINE, &text), 0);
        for (const char *c = text; *c; c++) {
                ck_assert_msg((*c >= 0x20 && *c < 0x7f) || *c == '\n', "byte %02x in: %s", (unsigned char)*c, text);
                lines += *c == '\n';
        }
        ck_assert_uint_eq(lines, 11); /* ours; a forged line would be one more */
        free(text);
        ck_assert_int_eq(aiu_report_to_json(r, AIU_RENDER_VERBOSE | AIU_RENDER_CMDLINE, &text), 0);
        ck_assert_msg(is_json(text), "%s", text);
        free(text);
        aiu_report_unref(r);
}
END_TEST

START_TEST(json_is_json)
{
        struct aiu_report *r = fixture_unit_report();
        char *text = NULL;

        ck_assert_int_eq(aiu_report_to_json(r, 0, &text), 0);
        ck_assert_msg(is_json(text), "%s", text);
        ck_assert_ptr_null(strchr(text, '\n'));
        ck_assert_ptr_nonnull(strstr(text, "\"reuseaddr+reuseport\":\"no\""));
        ck_assert_ptr_nonnull(strstr(text, "\"cmdline\":null"));
        ck_assert_ptr_null(strstr(text, "hunter2")); /* command lines may hold secrets */
        free(text);
        ck_assert_int_eq(aiu_report_to_json(r, AIU_RENDER_PRETTY, &text), 0);
        ck_assert_ptr_nonnull(strstr(text, "\n  \"schema\": 1"));
        free(text);
        ck_assert_int_eq(aiu_report_to_json(r, AIU_RENDER_CMDLINE, &text), 0);
        ck_assert_ptr_nonnull(strstr(text, "\"cmdline\":[\"--password=hunter2\"]"));
        free(text);
        aiu_report_unref(r);
}
END_TEST

/* A text of the report that is escaped is not escaped a second time; a name from outside is, once. */
START_TEST(json_escapes_once)
{
        struct aiu_report *r = fixture_report(AIU_VERDICT_IN_USE, EADDRINUSE, "a\\x1b");
        struct socket s = fixture_unix("/run/\033", AIU_STATE_LISTEN);
        char *text = NULL;

        r->request.address = s.local;
        fixture_action(r, AIU_ACTION_REMOVE_FILE, "b\\x1b", "rm", "/run/\033");
        ck_assert_int_eq(aiu_report_to_json(r, 0, &text), 0);
        ck_assert_ptr_nonnull(strstr(text, "\"summary\":\"a\\\\x1b\""));
        ck_assert_ptr_nonnull(strstr(text, "\"text\":\"b\\\\x1b\""));
        ck_assert_ptr_nonnull(strstr(text, "\"path\":\"/run/\\\\x1b\""));
        free(text);
        aiu_report_unref(r);
}
END_TEST

/* As the function of the context says it, or not at all. */
START_TEST(name_of_the_user)
{
        struct aiu_report *r = fixture_unit_report();
        char *text = NULL;

        ck_assert_int_eq(aiu_report_to_json(r, 0, &text), 0);
        ck_assert_msg(strstr(text, "\"uid\":0,\"user\":null,"), "%s", text);
        free(text);
        r->conflicts[0].holders[0].user_name = "deploy";
        ck_assert_int_eq(aiu_report_to_json(r, 0, &text), 0);
        ck_assert_msg(strstr(text, "\"uid\":0,\"user\":\"deploy\","), "%s", text);
        free(text);
        aiu_report_unref(r);
}
END_TEST

START_TEST(abstract_name)
{
        struct aiu_report *r = fixture_report(AIU_VERDICT_AVAILABLE, 0, "a");
        char *text = NULL;

        r->request.address = fixture_unix("?x\0y", AIU_STATE_LISTEN).local;
        r->request.address.sa.un.sun_path[0] = '\0';
        memcpy(r->request.address.sa.un.sun_path + 1, "x\0y", 3);
        r->request.address.len = offsetof(struct sockaddr_un, sun_path) + 4;
        ck_assert_int_eq(aiu_report_to_json(r, 0, &text), 0);
        ck_assert_msg(strstr(text, "\"path\":\"@x\\\\x00y\""), "%s", text);
        free(text);
        aiu_report_unref(r);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("render-json");
        TCase *tcase = tcase_create("all");

        tcase_add_test(tcase, the_reader_is_strict);
        tcase_add_test(tcase, hostile_bytes_stay_inside);
        tcase_add_test(tcase, json_is_json);
        tcase_add_test(tcase, json_escapes_once);
        tcase_add_test(tcase, abstract_name);
        tcase_add_test(tcase, name_of_the_user);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
