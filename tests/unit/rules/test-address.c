/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* address.c: parse, print, compare. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/address.h"
#include "util/macro.h"
#include "fixture/run-suite.h"
#include "fixture/port-table.h"

static const struct {
        const char *text, *printed, *scope;
} good[] = {
        { "127.0.0.1", "127.0.0.1:80", NULL },
        { "0.0.0.0", "0.0.0.0:80", NULL },
        { "::1", "[::1]:80", NULL },
        { "*", "[::]:80", NULL },
        { NULL, "[::]:80", NULL },
        { "::ffff:10.0.0.1", "[::ffff:10.0.0.1]:80", NULL },
        { "fe80::1%eth0", "[fe80::1]:80", "eth0" },
        { "fe80::1%2", "[fe80::1]:80", "2" },
};

START_TEST(parse_good)
{
        struct address a;
        const char *scope = "untouched";
        char text[ADDRESS_TEXT_BYTES];

        ck_assert_int_eq(address_parse(good[_i].text, 80, &a, &scope), 0);
        address_print_port(&a, text, sizeof(text));
        ck_assert_str_eq(text, good[_i].printed);
        ck_assert_uint_eq(address_port(&a), 80);
        if (good[_i].scope)
                ck_assert_str_eq(scope, good[_i].scope);
        else
                ck_assert_ptr_null(scope);
}
END_TEST

static const char *const bad[] = {
        "",
        "[::1",
        "[::1]",
        "1.2.3",
        "1.2.3.4.5",
        "256.0.0.1",
        "127.0.0.1%lo",
        "::1%",
        "%lo",
        "localhost",
        "::1::2",
        " 127.0.0.1",
        "127.0.0.1 ",
        "0x7f.1",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
};

START_TEST(parse_bad)
{
        struct address a = { .len = 99 };
        const char *scope = "untouched";

        ck_assert_int_eq(address_parse(bad[_i], 80, &a, &scope), -EINVAL);
        ck_assert_uint_eq(a.len, 99); /* outputs are written on success only */
        ck_assert_str_eq(scope, "untouched");
}
END_TEST

START_TEST(endpoints)
{
        struct address a;
        const char *scope;

        ck_assert_int_eq(address_parse("::ffff:0.0.0.0", 80, &a, &scope), 0);
        ck_assert(address_is_wildcard(&a) && address_is_mapped(&a));
        ck_assert_int_eq(address_parse("2001:db8::1", 80, &a, &scope), 0);
        ck_assert(!address_is_wildcard(&a));
        /* LOOPBACK4_IPV6: what the kernel keeps as the IPv4 view of a native IPv6 address */
        ck_assert_uint_eq(address_endpoint(&a).v4, htonl(0x7f000006));
        ck_assert_int_eq(address_parse("ff02::1", 80, &a, &scope), 0);
        ck_assert(address_is_multicast(&a) && address_is_link_local(&a));
        ck_assert_int_eq(address_parse("224.0.0.1", 80, &a, &scope), 0);
        ck_assert(address_is_multicast(&a));
}
END_TEST

START_TEST(unix_names)
{
        struct address path = table_unix("/run/x", 7), same = table_unix("/run/x", 6);
        struct address name = table_unix("\0x", 2), longer = table_unix("\0x\0", 3);
        char text[ADDRESS_TEXT_BYTES];

        ck_assert(address_equal(&path, &same));    /* with and without the NUL */
        ck_assert(!address_equal(&name, &longer)); /* abstract: every byte counts */
        ck_assert(address_is_abstract(&name) && !address_is_abstract(&path));
        address_print(&longer, text, sizeof(text));
        ck_assert_str_eq(text, "@x\\x00");
        path = table_unix("/a\033[2J\n", 8);
        address_print(&path, text, sizeof(text));
        ck_assert_str_eq(text, "/a\\x1b[2J\\x0a");
}
END_TEST

/* Every byte counts, and every word of an IPv6 address is one that a macro looks at by itself. */
static const struct {
        const char *ip;
        bool wildcard, mapped, link_local;
} kinds[] = {
        { "0.0.0.0", true, false, false },
        { "127.0.0.1", false, false, false },
        { "::", true, false, false },
        { "::ffff:0.0.0.0", true, true, false },
        { "::ffff:1.2.3.4", false, true, false },
        { "1::", false, false, false },
        { "0:0:1::", false, false, false },
        { "::1:0:0", false, false, false },
        { "::1", false, false, false },
        { "1::ffff:1.2.3.4", false, false, false },
        { "0:0:1::ffff:1.2.3.4", false, false, false },
        { "fe80::1", false, false, true },
        { "ff01::1", false, false, true },
        { "ff02::1", false, false, true },
        { "ff05::1", false, false, false },
        { "fec0::1", false, false, false },
};

START_TEST(kinds_of_ip)
{
        struct address a;
        const char *scope;

        ck_assert_int_eq(address_parse(kinds[_i].ip, 80, &a, &scope), 0);
        ck_assert_msg(address_is_wildcard(&a) == kinds[_i].wildcard, "%s", kinds[_i].ip);
        ck_assert_msg(address_is_mapped(&a) == kinds[_i].mapped, "%s", kinds[_i].ip);
        ck_assert_msg(address_is_link_local(&a) == kinds[_i].link_local, "%s", kinds[_i].ip);
        ck_assert(!address_is_abstract(&a));
        address_set_port(&a, 81);
        ck_assert_uint_eq(address_port(&a), 81);
}
END_TEST

START_TEST(equality)
{
        struct address none = { .len = 0 }, other_none = { .len = 0 }, v4, v6, port, ip;
        struct address path = table_unix("/a", 2), name = table_unix("\0/a", 3), other = table_unix("/b", 2);
        struct address longer = table_unix("/ab", 3), unnamed = table_unix("", 0);
        const char *scope;

        ck_assert_int_eq(address_parse("127.0.0.1", 80, &v4, &scope), 0);
        ck_assert_int_eq(address_parse("::ffff:127.0.0.1", 80, &v6, &scope), 0);
        ck_assert_int_eq(address_parse("127.0.0.1", 81, &port, &scope), 0);
        ck_assert_int_eq(address_parse("127.0.0.2", 80, &ip, &scope), 0);
        ck_assert(address_equal(&none, &other_none));
        ck_assert(!address_equal(&none, &v4) && !address_equal(&v4, &none));
        ck_assert(address_equal(&v4, &v4) && !address_equal(&v4, &port) && !address_equal(&v4, &ip));
        ck_assert(!address_equal(&v4, &v6));
        ck_assert(!address_equal(&path, &name) && !address_equal(&path, &other) && !address_equal(&path, &longer));
        ck_assert(!address_equal(&unnamed, &path) && address_equal(&unnamed, &unnamed));
}
END_TEST

/* What is no IP address has no port and is none of the kinds. */
START_TEST(no_ip)
{
        struct address none = { .len = 0 }, path = table_unix("/a", 2), text;
        char buffer[8] = "xxxxxxx";

        ck_assert(!address_is_ip(&none) && !address_is_ip(&path));
        ck_assert(!address_is_mapped(&none) && !address_is_link_local(&none) && !address_is_abstract(&none));
        ck_assert(!address_is_multicast(&path) && !address_is_wildcard(&path) && !address_is_mapped(&path));
        ck_assert_uint_eq(address_port(&path), 0);
        text = path;
        address_set_port(&text, 80);
        ck_assert_mem_eq(&text, &path, sizeof(path));
        ck_assert_uint_eq(address_print(&none, buffer, sizeof(buffer)), 0);
        ck_assert_str_eq(buffer, "");
        ck_assert_uint_eq(address_print(&path, buffer, 0), 0);
        ck_assert_uint_eq(address_print_port(&path, buffer, sizeof(buffer)), 2);
        ck_assert_str_eq(buffer, "/a");
}
END_TEST

START_TEST(print_bounds)
{
        struct address a = table_unix("/run/socket", 11);
        char text[8] = "xxxxxxx";

        ck_assert_uint_eq(address_print(&a, text, 5), 4);
        ck_assert_str_eq(text, "/run");
        ck_assert_int_eq(text[5], 'x');
        ck_assert_uint_eq(address_print(&a, text, 1), 0);
        ck_assert_str_eq(text, "");
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("address");
        TCase *tcase = tcase_create("all");

        tcase_add_loop_test(tcase, parse_good, 0, ELEMENTSOF(good));
        tcase_add_loop_test(tcase, parse_bad, 0, ELEMENTSOF(bad));
        tcase_add_test(tcase, endpoints);
        tcase_add_test(tcase, unix_names);
        tcase_add_test(tcase, print_bounds);
        tcase_add_loop_test(tcase, kinds_of_ip, 0, ELEMENTSOF(kinds));
        tcase_add_test(tcase, equality);
        tcase_add_test(tcase, no_ip);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
