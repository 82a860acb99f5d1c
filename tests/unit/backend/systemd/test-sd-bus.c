/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What systemd's answers mean, without a systemd: Listen= strings against sockets,
 * names of units, and what Restart=, KillMode=, triggers and upholders make of a
 * holder. tests/rig holds the same against a real one.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/macro.h"
#include "fixture/run-suite.h"
#include "backend/systemd/sd-bus-unit.h"

/* ------------------------------------------------------ Listen= */

static const struct {
        const char *type, *text;
        int result;
} strings[] = {
        { "Stream", "127.0.0.1:80", 0 },
        { "Stream", "[::]:80", 0 },
        { "Datagram", "[fe80::1]:19000%lo", 0 },
        { "SequentialPacket", "@abs", 0 },
        { "Stream", "/run/x.sock", 0 },
        { "FIFO", "/p", -EPROTONOSUPPORT },
        { "Netlink", "kobject-uevent 1", -EPROTONOSUPPORT },
        { "MessageQueue", "/mq", -EPROTONOSUPPORT },
        { "Stream", "vsock:2:1234", -EPROTONOSUPPORT },
        { "Stream", "vsock::1234", -EPROTONOSUPPORT },
        { "Stream", "", -EPROTONOSUPPORT },
        { "Stream", "127.0.0.1", -EINVAL },
        { "Stream", "127.0.0.1:", -EINVAL },
        { "Stream", "127.0.0.1:0", -EINVAL },
        { "Stream", "127.0.0.1:65536", -EINVAL },
        { "Stream", "127.0.0.1:655360", -EINVAL },
        { "Stream", "1111.1111.1111.1111:80", -EINVAL },
        { "Stream", "127.0.0.1:80x", -EINVAL },
        { "Stream", "127.0.0.1.5:80", -EINVAL },
        { "Stream", "[::]80", -EINVAL },
        { "Stream", "[::", -EINVAL },
        { "Stream", "[::]:80%", -EINVAL },
        { "Stream", "[::]:80%a-name-that-is-too-long", -EINVAL },
        { "Stream", "[1234:1234:1234:1234:1234:1234:1234:1234:1234:1234]:80", -EINVAL },
        { "Stream", "@", -EINVAL },
};

START_TEST(listen_strings)
{
        struct listen_address address;

        ck_assert_msg(listen_parse(strings[_i].type, strings[_i].text, &address) == strings[_i].result, "%s %s",
                      strings[_i].type, strings[_i].text);
}
END_TEST

START_TEST(listen_path_too_long)
{
        struct listen_address address;
        char path[200];

        memset(path, 'x', sizeof(path) - 1);
        path[0] = '/';
        path[sizeof(path) - 1] = '\0';
        ck_assert_int_eq(listen_parse("Stream", path, &address), -EINVAL);
        path[sizeof(address.sa.un.sun_path) - 1] = '\0';
        ck_assert_int_eq(listen_parse("Stream", path, &address), 0);
}
END_TEST

static const struct {
        const char *unit, *socket;
        enum listen_match match;
} matches[] = {
        { "127.0.0.1:80", "127.0.0.1:80", LISTEN_EXACT },
        { "127.0.0.1:80", "127.0.0.1:81", LISTEN_NO },
        { "127.0.0.1:80", "127.0.0.2:80", LISTEN_NO },
        { "0.0.0.0:80", "127.0.0.1:80", LISTEN_COVERED },
        { "[::ffff:127.0.0.1]:80", "127.0.0.1:80", LISTEN_EXACT },
        { "[::]:80", "[::]:80", LISTEN_EXACT },
        { "[::]:80", "[::1]:80", LISTEN_COVERED },
        { "[::]:80", "127.0.0.1:80", LISTEN_COVERED },
        { "[::1]:80", "127.0.0.1:80", LISTEN_NO },
        { "[::1]:80", "[::2]:80", LISTEN_NO },
        { "[::ffff:127.0.0.1]:80", "[::1]:80", LISTEN_NO },
        { "0.0.0.0:80", "[::1]:80", LISTEN_NO },
        { "[::1]:80", "[::]:80", LISTEN_NO },
        { "/run/a", "/run/a", LISTEN_EXACT },
        { "/run/a", "/run/b", LISTEN_NO },
        { "@a", "@a", LISTEN_EXACT },
        { "@a", "@ab", LISTEN_NO },
        { "@run/a", "/run/a", LISTEN_NO },
        { "/run/a", "127.0.0.1:80", LISTEN_NO },
        { "127.0.0.1:80", "/run/a", LISTEN_NO },
};

START_TEST(listen_matches)
{
        struct listen_address unit, other;
        struct aiu_socket_fact socket = { .size = sizeof(socket), .type = SOCK_STREAM };

        ck_assert_int_eq(listen_parse("Stream", matches[_i].unit, &unit), 0);
        ck_assert_int_eq(listen_parse("Stream", matches[_i].socket, &other), 0);
        socket.local = &other.sa.any;
        socket.local_len = other.len;
        ck_assert_msg(listen_compare(&unit, 0, &socket) == matches[_i].match, "%s, %s", matches[_i].unit,
                      matches[_i].socket);
        socket.type = SOCK_DGRAM;
        ck_assert_int_eq(listen_compare(&unit, 0, &socket), LISTEN_NO);
}
END_TEST

/* Sockets without an address, or with one that is too short, or of other families. */
START_TEST(listen_nothing_alike)
{
        struct sockaddr_storage other = { .ss_family = AF_UNIX };
        struct aiu_socket_fact socket = { .size = sizeof(socket), .type = SOCK_STREAM };
        struct listen_address inet, path;

        ck_assert_int_eq(listen_parse("Stream", "127.0.0.1:80", &inet), 0);
        ck_assert_int_eq(listen_parse("Stream", "/run/a", &path), 0);
        ck_assert_int_eq(listen_compare(&inet, 0, &socket), LISTEN_NO);
        socket.local = (const struct sockaddr *)&other;
        socket.local_len = 1;
        ck_assert_int_eq(listen_compare(&path, 0, &socket), LISTEN_NO);
        socket.local_len = sizeof(sa_family_t); /* unnamed */
        ck_assert_int_eq(listen_compare(&path, 0, &socket), LISTEN_NO);
        other.ss_family = AF_VSOCK;
        ck_assert_int_eq(listen_compare(&inet, 0, &socket), LISTEN_NO);
        ck_assert_int_eq(listen_compare(&path, 0, &socket), LISTEN_NO);
        other.ss_family = AF_INET;
        ck_assert_int_eq(listen_compare(&path, 0, &socket), LISTEN_NO);
}
END_TEST

START_TEST(listen_scopes)
{
        struct listen_address unit, other;
        struct aiu_socket_fact socket = { .size = sizeof(socket), .type = SOCK_STREAM };

        ck_assert_int_eq(listen_parse("Stream", "[fe80::1]:80%eth0", &unit), 0);
        ck_assert_str_eq(unit.scope, "eth0");
        ck_assert_int_eq(listen_parse("Stream", "[fe80::1]:80", &other), 0);
        other.sa.in6.sin6_scope_id = 3;
        socket.local = &other.sa.any;
        socket.local_len = other.len;
        ck_assert_int_eq(listen_compare(&unit, 3, &socket), LISTEN_EXACT);
        ck_assert_int_eq(listen_compare(&unit, 4, &socket), LISTEN_NO);
        ck_assert_int_eq(listen_compare(&unit, 0, &socket), LISTEN_EXACT);
        other.sa.in6.sin6_scope_id = 0;
        ck_assert_int_eq(listen_compare(&unit, 3, &socket), LISTEN_EXACT);
}
END_TEST

/* ------------------------------------------------------ names and lists */

START_TEST(names)
{
        static const char *const bad[] = { "",
                                           "nothing",
                                           "-f.service",
                                           ".service",
                                           "@.service",
                                           "a b.service",
                                           "a;b.service",
                                           "a/b.service",
                                           "a\nb.service",
                                           "\033.service" };
        char path[UNIT_PATH_BYTES], longest[UNIT_NAME_BYTES + 9];

        ck_assert(unit_name_is_valid("a\\x2db@1:2_c.service", 20));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                ck_assert_msg(!unit_name_is_valid(bad[i], strlen(bad[i])), "%s", bad[i]);
        memset(longest, 'a', sizeof(longest));
        longest[1] = '.';
        ck_assert(unit_name_is_valid(longest, UNIT_NAME_BYTES - 1));
        ck_assert(!unit_name_is_valid(longest, UNIT_NAME_BYTES));
        unit_object_path("9a-b.service", path);
        ck_assert_str_eq(path, "/org/freedesktop/systemd1/unit/_39a_2db_2eservice");
}
END_TEST

START_TEST(lists)
{
        const char *list = " a.service  b.socket", *name;
        char *made = NULL;
        size_t n;

        ck_assert(unit_list_next(&list, &name, &n) && n == 9 && strncmp(name, "a.service", n) == 0);
        ck_assert(unit_list_next(&list, &name, &n) && n == 8 && strncmp(name, "b.socket", n) == 0);
        ck_assert(!unit_list_next(&list, &name, &n));
        ck_assert_int_eq(unit_list_add(&made, "x.service", 9), 0);
        ck_assert_int_eq(unit_list_add(&made, "y.service", 9), 0);
        ck_assert_int_eq(unit_list_add(&made, "x.service", 9), 0);
        ck_assert_str_eq(made, "x.service y.service");
        free(made);
}
END_TEST

START_TEST(lists_are_bounded)
{
        char *list = NULL, name[32];
        int added = 0;

        for (int i = 0; i < 1000; i++) {
                size_t n = (size_t)snprintf(name, sizeof(name), "unit-%d.service", i);
                int r = unit_list_add(&list, name, n);

                ck_assert(r == 0 || r == -ENOBUFS);
                added += r == 0;
        }
        ck_assert_int_gt(added, 100);
        ck_assert_int_lt(added, 1000);
        ck_assert_uint_lt(strlen(list), UNIT_LIST_BYTES);
        free(list);
}
END_TEST

/* ------------------------------------------------------ meaning */

static struct units units;

static struct unit *add(const char *name, const char *state)
{
        size_t index;

        ck_assert_int_eq(units_add(&units, name, strlen(name), &index), 0);
        units.list[index].active_state = strdup(state);
        return &units.list[index];
}

static void finish(void)
{
        units_finish(&units);
}

static const struct {
        const char *restart;
        enum aiu_tristate returns;
} restarts[] = {
        { "no", AIU_TRISTATE_NO },          { "always", AIU_TRISTATE_YES },         { "on-success", AIU_TRISTATE_YES },
        { "on-failure", AIU_TRISTATE_YES }, { "on-abnormal", AIU_TRISTATE_YES },    { "on-abort", AIU_TRISTATE_YES },
        { "on-watchdog", AIU_TRISTATE_NO }, { "a-new-word", AIU_TRISTATE_UNKNOWN }, { NULL, AIU_TRISTATE_UNKNOWN },
};

START_TEST(restart)
{
        struct unit *unit = add("a.service", "active");
        struct unit_process main_process = { .pid = 7 }, child = { .pid = 8 };

        unit->main_pid = 7;
        unit->restart = restarts[_i].restart ? strdup(restarts[_i].restart) : NULL;
        ck_assert_int_eq(unit_returns(&units, unit, &main_process), restarts[_i].returns);
        /* A child that is killed is its parent's affair, unless the parent holds the socket too. */
        ck_assert_int_eq(unit_returns(&units, unit, &child), AIU_TRISTATE_UNKNOWN);
        child.main_holds_too = true;
        ck_assert_int_eq(unit_returns(&units, unit, &child), restarts[_i].returns);
}
END_TEST

START_TEST(triggered)
{
        struct unit *unit;
        struct unit_process process = { .pid = 7 };
        char *list = NULL;

        add("a.timer", "active");
        add("a.path", "inactive");
        unit = add("a.service", "active");
        unit->main_pid = 7;
        unit->restart = strdup("no");
        unit->triggered_by = strdup("a.timer a.path");
        ck_assert_int_eq(unit_returns(&units, unit, &process), AIU_TRISTATE_YES);
        unit_add_revivers(&units, unit, &list);
        ck_assert_str_eq(list, "a.timer");
        free(list);
}
END_TEST

START_TEST(leftovers)
{
        struct unit *unit = add("a.service", "inactive");
        pid_t main_pid = 7;
        struct unit_process process = { .pid = 9 };

        ck_assert(unit_is_leftover(unit, &process));
        ck_assert_int_eq(unit_returns(&units, unit, &process), AIU_TRISTATE_NO);
        free(unit->active_state);
        unit->active_state = strdup("active");
        unit->main_pid = 7;
        ck_assert(!unit_is_leftover(unit, &process)); /* KillMode=control-group: a stop ends it */
        unit->kill_mode = strdup("process");
        ck_assert(unit_is_leftover(unit, &process)); /* of an earlier run */
        ck_assert(!unit_spares_process(unit, &process));
        process.ancestors = &main_pid;
        process.n_ancestors = 1;
        ck_assert(!unit_is_leftover(unit, &process));
        ck_assert(unit_spares_process(unit, &process));
        process.pid = 7;
        ck_assert(!unit_spares_process(unit, &process));
}
END_TEST

START_TEST(scopes_do_not_return)
{
        struct unit *unit = add("a.scope", "active");
        struct unit_process process = { .pid = 7 };

        ck_assert_int_eq(unit_returns(&units, unit, &process), AIU_TRISTATE_NO);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("sd-bus");
        TCase *tcase = tcase_create("all");

        tcase_add_checked_fixture(tcase, NULL, finish);
        tcase_add_loop_test(tcase, listen_strings, 0, ELEMENTSOF(strings));
        tcase_add_test(tcase, listen_path_too_long);
        tcase_add_loop_test(tcase, listen_matches, 0, ELEMENTSOF(matches));
        tcase_add_test(tcase, listen_nothing_alike);
        tcase_add_test(tcase, listen_scopes);
        tcase_add_test(tcase, names);
        tcase_add_test(tcase, lists);
        tcase_add_test(tcase, lists_are_bounded);
        tcase_add_loop_test(tcase, restart, 0, ELEMENTSOF(restarts));
        tcase_add_test(tcase, triggered);
        tcase_add_test(tcase, leftovers);
        tcase_add_test(tcase, scopes_do_not_return);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
