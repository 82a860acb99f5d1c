/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* docker-parse.c: what docker-proxy forwards, and answers of the engine, each cut short and changed everywhere. */
#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/macro.h"
#include "fixture/run-suite.h"
#include "../../../tools/docker-parse.h"

#define HEAD "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n"
#define PORTS "\"Ports\":[{\"IP\":\"0.0.0.0\",\"PrivatePort\":80,\"PublicPort\":8088,\"Type\":\"tcp\"}]"
#define NETWORKS "\"NetworkSettings\":{\"Networks\":{\"bridge\":{\"Links\":null,\"IPAddress\":\"172.17.0.2\"}}}"
#define SHOP "{\"Names\":[\"/shop\"]," PORTS "," NETWORKS "}"

/* ------------------------------------------------------ the command line */

static const struct docker_forward shop = {
        .protocol = "tcp",
        .from = { .s6_addr = { [10] = 0xff, [11] = 0xff } },
        .to = { .s6_addr = { [10] = 0xff, [11] = 0xff, [12] = 172, [13] = 17, [15] = 2 } },
        .from_port = 8088,
        .to_port = 80,
};

/* In memory that ends where the words do, for valgrind. */
static bool parse(const char *words, struct docker_forward *ret)
{
        size_t n = strlen(words);
        char *copy = malloc(n + 1);
        bool found;

        ck_assert_ptr_nonnull(copy);
        for (size_t i = 0; i < n; i++)
                copy[i] = words[i] == '|' ? '\0' : words[i];
        copy = realloc(copy, n + (n == 0));
        ck_assert_ptr_nonnull(copy);
        found = docker_parse_forward(copy, n, ret);
        free(copy);
        return found;
}

START_TEST(forward_of_dockerd)
{
        struct docker_forward forward;

        ck_assert(parse("/usr/bin/docker-proxy|-proto|tcp|-host-ip|0.0.0.0|-host-port|8088|-container-ip|172.17.0.2|"
                        "-container-port|80|",
                        &forward));
        ck_assert_mem_eq(&forward, &shop, sizeof(shop));
        ck_assert(parse("docker-proxy|-proto|udp|-host-ip|::|-host-port|53|-container-ip|fd00::2|"
                        "-container-port|65535|-use-listen-fd|",
                        &forward));
        ck_assert_str_eq(forward.protocol, "udp");
        ck_assert_uint_eq(forward.to_port, 65535);
}
END_TEST

START_TEST(no_forward_of_dockerd)
{
        static const char *const rows[] = {
                "",
                "docker-proxy|",
                "-proto",
                "-proto|",
                "-proto|tcp",
                "x|-proto|quic|-host-ip|::|-host-port|1|-container-ip|::1|-container-port|1|",
                "x|-proto|tcp|-host-ip|here|-host-port|1|-container-ip|::1|-container-port|1|",
                "x|-proto|tcp|-host-ip|::|-host-port|0|-container-ip|::1|-container-port|1|",
                "x|-proto|tcp|-host-ip|::|-host-port||-container-ip|::1|-container-port|1|",
                "x|-proto|tcp|-host-ip|::|-host-port|65536|-container-ip|::1|-container-port|1|",
                "x|-proto|tcp|-host-ip|::|-host-port|000001|-container-ip|::1|-container-port|1|",
                "x|-proto|tcp|-host-ip|::|-host-port|1|-container-ip|::g|-container-port|1|",
                "x|-proto|tcp|-host-ip|::|-host-port|1|-container-ip|::1|-container-port|1",
                "x|-proto|tcp|-host-ip|::|-host-port|1|-container-ip|::1|-container-port|",
                "x|-proto|tcp|-host-ip|::|-host-port|1|-container-ip|::1|-container-port|-1|",
        };
        struct docker_forward forward;

        ck_assert_msg(!parse(rows[_i], &forward), "%s", rows[_i]);
}
END_TEST

/* ------------------------------------------------------ answers */

static bool find(const char *answer, size_t n, char name[DOCKER_NAME_BYTES])
{
        char *copy = malloc(n + (n == 0));
        bool found;

        ck_assert_ptr_nonnull(copy);
        memcpy(copy, answer, n);
        found = docker_find_container(copy, n, &shop, name);
        free(copy);
        return found;
}

static const struct {
        const char *body;
        const char *name; /* NULL = none */
} answers[] = {
        { "[" SHOP "]", "shop" },
        { " [ " SHOP " ] \r\n", "shop" },
        { "[{\"Names\":[\"/db\"],\"Ports\":[],\"NetworkSettings\":null}," SHOP "]", "shop" },
        { "[{\"Id\":\"1\",\"Names\":[\"/web/alias\",\"/a_b.c-9\"],\"Labels\":{\"x\":[1,{\"y\":-2.5E+3}]}," PORTS
          ",\"Mounts\":[{}]," NETWORKS "}]",
          "a_b.c-9" },
        { "[{\"Names\":[\"/shop\"]," PORTS ",\"NetworkSettings\":{\"Networks\":{\"a\":null,\"b\":"
          "{\"GlobalIPv6Address\":\"::ffff:172.17.0.2\",\"IPAddress\":\"\"}},\"x\":true}}]",
          "shop" },
        { "[{\"Names\":[\"/shop\"],\"Ports\":[null,{\"PrivatePort\":80,\"Type\":\"tcp\"},{\"IP\":\"0.0.0.0\","
          "\"New\":{},\"PrivatePort\":80,\"PublicPort\":8088,\"Type\":\"tcp\"}]," NETWORKS "}]",
          "shop" },
        /* none, or not that one */
        { "[]", NULL },
        { "{}", NULL },
        { "null", NULL },
        { "", NULL },
        { "[null]", NULL },
        { "[{\"Names\":null," PORTS "," NETWORKS "}]", NULL },
        { "[{\"Names\":[\"/shop\"]," NETWORKS "}]", NULL },
        { "[{\"Names\":[\"/shop\"],\"Ports\":null," NETWORKS "}]", NULL },
        { "[{\"Names\":[\"/shop\"]," PORTS "}]", NULL },
        { "[{\"Names\":[\"/shop\"]," PORTS ",\"NetworkSettings\":{\"Networks\":7}}]", NULL },
        { "[{\"Names\":[\"/shop\"]," PORTS ",\"NetworkSettings\":{\"Networks\":{\"b\":{\"IPAddress\":7}}}}]", NULL },
        { "[{\"Names\":[\"/shop\"]," PORTS
          ",\"NetworkSettings\":{\"Networks\":{\"b\":{\"IPAddress\":\"172.17.0.3\"}}}}]",
          NULL },
        { "[{\"Names\":[\"/shop\"],\"Ports\":[{\"IP\":\"127.0.0.1\",\"PrivatePort\":80,\"PublicPort\":8088,"
          "\"Type\":\"tcp\"}]," NETWORKS "}]",
          NULL },
        { "[{\"Names\":[\"/shop\"],\"Ports\":[{\"IP\":\"0.0.0.0\",\"PrivatePort\":80,\"PublicPort\":808800,"
          "\"Type\":\"tcp\"}]," NETWORKS "}]",
          NULL },
        { "[{\"Names\":[\"/shop\"],\"Ports\":[{\"IP\":\"0.0.0.0\",\"PrivatePort\":80,\"PublicPort\":8088,"
          "\"Type\":\"udp\"}]," NETWORKS "}]",
          NULL },
        /* two may be meant */
        { "[" SHOP "," SHOP "]", NULL },
        /* names that are no operand of a command */
        { "[{\"Names\":[\"/-f\"]," PORTS "," NETWORKS "}]", NULL },
        { "[{\"Names\":[\"/a b\"]," PORTS "," NETWORKS "}]", NULL },
        { "[{\"Names\":[\"/a\\u000ab\"]," PORTS "," NETWORKS "}]", NULL },
        { "[{\"Names\":[\"/\"]," PORTS "," NETWORKS "}]", NULL },
        { "[{\"Names\":[\"shop\"]," PORTS "," NETWORKS "}]", NULL },
        { "[{\"Names\":[{}]," PORTS "," NETWORKS "}]", NULL },
        /* no JSON */
        { "[" SHOP, NULL },
        { "[" SHOP ",", NULL },
        { "[" SHOP " " SHOP "]", NULL },
        { "[{\"Names\":[\"/shop\" \"/shop\"]," PORTS "," NETWORKS "}]", NULL },
        { "[{\"Names\" [\"/shop\"]," PORTS "," NETWORKS "}]", NULL },
        { "[{\"x\":?,\"Names\":[\"/shop\"]," PORTS "," NETWORKS "}]", NULL },
        { "[{\"x\":\"\\", NULL },
        { "[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]", NULL },
};

START_TEST(answer)
{
        char text[4096], name[DOCKER_NAME_BYTES] = "-";
        int n = snprintf(text, sizeof(text), "%s%s", HEAD, answers[_i].body);
        bool found = find(text, (size_t)n, name);

        ck_assert_msg(found == (answers[_i].name != NULL), "%s: %s", answers[_i].body, name);
        ck_assert_str_eq(name, found ? answers[_i].name : "-");
}
END_TEST

START_TEST(answer_without_a_head)
{
        static const char *const rows[] = {
                "[" SHOP "]",
                "\r\n\r\n[" SHOP "]",
                "HTTP/1.0 404 Not Found\r\n\r\n[" SHOP "]",
                "SSH-2.0 200 OK\r\n\r\n[" SHOP "]",
                "HTTP/1.0 200 OK\r\n[" SHOP "]",
                "",
        };
        char name[DOCKER_NAME_BYTES];

        ck_assert(!find(rows[_i], strlen(rows[_i]), name));
}
END_TEST

static void expect_operand(const char *name)
{
        size_t n = strnlen(name, DOCKER_NAME_BYTES);

        ck_assert(n > 0 && n < DOCKER_NAME_BYTES && !strchr("-._", name[0]));
        for (size_t i = 0; i < n; i++)
                ck_assert_msg(name[i] > ' ' && name[i] < 0x7f && !strchr("/;&|<>$`'\"\\*?~#", name[i]), "%s", name);
}

/* Whatever is missing at the end or wrong in one place: nothing behind it is read, and a name is a name. */
START_TEST(answer_spoilt)
{
        static const unsigned char wrong[] = {
                '\0', '"', '\\', '[', ']', '{', '}', ',', ':', ' ', '0', '/', '-', 0xff
        };
        char text[] = HEAD "[" SHOP "]", name[DOCKER_NAME_BYTES];

        for (size_t n = 0; n < sizeof(text) - 1; n++)
                ck_assert_msg(!find(text, n, name), "%zu bytes", n);
        for (size_t i = 0; i < sizeof(text) - 1; i++) {
                char right = text[i];

                for (size_t k = 0; k < sizeof(wrong); k++) {
                        text[i] = (char)wrong[k];
                        if (find(text, sizeof(text) - 1, name))
                                expect_operand(name);
                }
                text[i] = right;
        }
}
END_TEST

START_TEST(long_strings)
{
        static char text[8192];
        char name[DOCKER_NAME_BYTES];

        for (size_t bytes = 100; bytes < 300; bytes++) {
                int n = snprintf(text, sizeof(text), "%s[{\"Names\":[\"/%0*d\"],%s,%s}]", HEAD, (int)bytes, 7, PORTS,
                                 NETWORKS);

                ck_assert_int_eq(find(text, (size_t)n, name), bytes < DOCKER_NAME_BYTES);
        }
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("docker");
        TCase *tcase = tcase_create("parse");

        tcase_add_test(tcase, forward_of_dockerd);
        tcase_add_loop_test(tcase, no_forward_of_dockerd, 0, 15);
        tcase_add_loop_test(tcase, answer, 0, (int)ELEMENTSOF(answers));
        tcase_add_loop_test(tcase, answer_without_a_head, 0, 6);
        tcase_add_test(tcase, answer_spoilt);
        tcase_add_test(tcase, long_strings);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
