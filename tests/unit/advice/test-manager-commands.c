/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who can stop what, and the programs that are treated in a way of their own. */
#include <check.h>

#include "advice/manager-commands.h"
#include "fixture/run-suite.h"
#include "rules/programs.h"
#include "util/macro.h"

static const struct manager_command *command_of(enum aiu_manager_kind kind, const char *supervisor, enum stops what)
{
        struct manager m = { .kind = kind, .supervisor = (char *)(uintptr_t)supervisor };

        return manager_command(&m, what);
}

START_TEST(commands)
{
        static const struct {
                enum aiu_manager_kind kind;
                const char *supervisor;
                enum stops what;
                const char *tool; /* NULL = no command */
        } rows[] = {
                { AIU_MANAGER_SYSTEMD, NULL, STOPS_UNITS, "systemctl" },
                { AIU_MANAGER_SYSTEMD, NULL, STOPS_CONTAINERS, NULL },
                { AIU_MANAGER_SUPERVISOR, "runit", STOPS_UNITS, "sv" },
                { AIU_MANAGER_SUPERVISOR, "s6", STOPS_UNITS, "s6-svc" },
                { AIU_MANAGER_SUPERVISOR, "monit", STOPS_UNITS, NULL },
                { AIU_MANAGER_SUPERVISOR, NULL, STOPS_UNITS, NULL },
                { AIU_MANAGER_DOCKER, NULL, STOPS_CONTAINERS, "docker" },
                { AIU_MANAGER_DOCKER, NULL, STOPS_UNITS, NULL },
                { AIU_MANAGER_LXC, NULL, STOPS_CONTAINERS, "lxc-stop" },
                { AIU_MANAGER_UNKNOWN, NULL, STOPS_UNITS, NULL },
                { AIU_MANAGER_UNKNOWN, NULL, STOPS_CONTAINERS, NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const struct manager_command *c = command_of(rows[i].kind, rows[i].supervisor, rows[i].what);

                ck_assert_int_eq(c != NULL, rows[i].tool != NULL);
                if (c)
                        ck_assert_str_eq(c->tool[0], rows[i].tool);
        }
}
END_TEST

START_TEST(engines)
{
        static const struct {
                enum aiu_manager_kind kind;
                bool systemd, engine;
        } rows[] = {
                { AIU_MANAGER_SYSTEMD, true, false },     { AIU_MANAGER_SYSTEMD_USER, true, false },
                { AIU_MANAGER_PODMAN, false, true },      { AIU_MANAGER_KUBERNETES, false, true },
                { AIU_MANAGER_CONTAINERD, false, true },  { AIU_MANAGER_SNAP, false, false },
                { AIU_MANAGER_SUPERVISOR, false, false }, { AIU_MANAGER_NONE, false, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct manager m = { .kind = rows[i].kind };

                ck_assert_int_eq(manager_is_systemd(&m), rows[i].systemd);
                ck_assert_int_eq(manager_is_engine(&m), rows[i].engine);
        }
}
END_TEST

START_TEST(as_user)
{
        static const struct {
                enum aiu_manager_kind kind;
                uid_t user, named_by;
                bool acts;
        } rows[] = {
                { AIU_MANAGER_PODMAN, 1000, 1000, true },
                { AIU_MANAGER_PODMAN, 1000, 1001, false },
                { AIU_MANAGER_PODMAN, 0, 0, false },
                { AIU_MANAGER_PODMAN, UID_UNKNOWN, UID_UNKNOWN, false },
                { AIU_MANAGER_SYSTEMD_USER, 1000, 1000, true },
                { AIU_MANAGER_SYSTEMD, 1000, 1000, false },
                { AIU_MANAGER_UNKNOWN, 1000, 1000, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct manager m = { .kind = rows[i].kind, .user = rows[i].user, .named_by = rows[i].named_by };

                ck_assert_int_eq(manager_acts_as_user(&m), rows[i].acts);
        }
}
END_TEST

START_TEST(programs)
{
        ck_assert_uint_eq(program_flags(NULL), 0);
        ck_assert_uint_eq(program_flags("nginx"), 0);
        ck_assert_uint_eq(program_flags("pasta.avx2"), PROGRAM_CONTAINER_HELPER);
        ck_assert_uint_eq(program_flags("rootlesskit"), PROGRAM_CONTAINER_HELPER);
        ck_assert_uint_eq(program_flags("conmon"), PROGRAM_CONTAINER_HELPER | PROGRAM_OF_ONE_CONTAINER);
        ck_assert_uint_eq(program_flags("init"), PROGRAM_VITAL);
        ck_assert(program_flags("systemd") & PROGRAM_SERVICE_MANAGER);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("manager-commands");
        TCase *cases = tcase_create("all");

        tcase_add_test(cases, commands);
        tcase_add_test(cases, engines);
        tcase_add_test(cases, as_user);
        tcase_add_test(cases, programs);
        suite_add_tcase(suite, cases);
        return run_suite(suite);
}
