/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* To which container docker-proxy forwards. */
#include <check.h>
#include <string.h>

#include "rules/proxied.h"
#include "util/macro.h"
#include "fixture/run-suite.h"

static const struct {
        const char *words; /* '|' for the NUL behind each word; the last one has it anyway */
        const char *address;
} rows[] = {
        { "docker-proxy|-proto|tcp|-host-ip|0.0.0.0|-host-port|8088|-container-ip|172.17.0.2|-container-port|80",
          "172.17.0.2:80" },
        { "docker-proxy|-container-port|65535|-container-ip|fd00::2|-use-listen-fd", "[fd00::2]:65535" },
        { "docker-proxy|-container-ip|172.17.0.2|-container-port|80|", "172.17.0.2:80" },
        { "docker-proxy|-container-ip|172.17.0.2|-container-port|0", NULL },
        { "docker-proxy|-container-ip|172.17.0.2|-container-port|65536", NULL },
        { "docker-proxy|-container-ip|172.17.0.2|-container-port|000080", NULL },
        { "docker-proxy|-container-ip|172.17.0.2|-container-port|8x", NULL },
        { "docker-proxy|-container-ip|172.17.0.2|-container-port|/", NULL },
        { "docker-proxy|-container-ip|172.17.0.2|-container-port|", NULL },
        { "docker-proxy|-container-ip|172.17.0.2|-container-port", NULL },
        { "docker-proxy|-container-ip|172.17.0.2", NULL },
        { "docker-proxy|-container-ip|172.17.0|-container-port|80", NULL },
        { "docker-proxy|-container-ip|fe80::1%eth0|-container-port|80", NULL },
        { "docker-proxy|-container-ip|-container-port|80", NULL },
        { "docker-proxy|-container-port|80", NULL },
        { "docker-proxy", NULL },
        { "", NULL },
};

START_TEST(row)
{
        char words[256], address[64] = "";
        size_t n = strlen(rows[_i].words);
        bool found;

        ck_assert_uint_lt(n, sizeof(words));
        for (size_t i = 0; i <= n; i++)
                words[i] = rows[_i].words[i] == '|' ? '\0' : rows[_i].words[i];
        found = proxied_address(words, n, address, sizeof(address));
        ck_assert_msg(found == (rows[_i].address != NULL), "%s: %s", rows[_i].words, address);
        ck_assert_str_eq(address, found ? rows[_i].address : "");
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("proxied");
        TCase *tcase = tcase_create("rows");

        tcase_add_loop_test(tcase, row, 0, (int)ELEMENTSOF(rows));
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
