/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a survey makes of systemd's units: each hazard planted, and absent. No system call is made. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture/run-suite.h"
#include "fixture/scarce-memory.h"
#include "rules/address.h"
#include "survey/survey.h"
#include "util/macro.h"

#define MOST 300u

static struct aiu_conflict conflicts[MOST];
static char *owners[MOST];
static struct aiu_holder holders[MOST];
static struct manager managers[MOST];
static struct aiu_report facts;
static struct aiu_survey survey;
static struct managed_unit units[MOST];
static struct aiu_snapshot seen;

static char *words(const char *text)
{
        return (char *)(uintptr_t)text;
}

static void forget(void)
{
        for (size_t i = 0; i < survey.n_hazards; i++)
                hazard_finish(&survey.hazards[i]);
        free(survey.hazards);
        survey = (struct aiu_survey){ .facts = &facts, .owners = owners };
}

static void setup(void)
{
        memset(conflicts, 0, sizeof(conflicts));
        memset(owners, 0, sizeof(owners));
        memset(holders, 0, sizeof(holders));
        memset(managers, 0, sizeof(managers));
        memset(units, 0, sizeof(units));
        facts = (struct aiu_report){ .conflicts = conflicts };
        survey = (struct aiu_survey){ .facts = &facts, .owners = owners };
        seen = (struct aiu_snapshot){ .units = units };
}

static void put(struct address *to, const char *address, uint16_t port)
{
        const char *ignored;

        ck_assert_int_eq(address_parse(address, port, to, &ignored), 0);
}

/* By a unit of the system's manager. */
static void own(size_t i, const char *name)
{
        bool is_socket = name && strstr(name, ".socket");

        owners[i] = words(name);
        managers[i] = (struct manager){ .kind = AIU_MANAGER_SYSTEMD,
                                        .unit = is_socket ? NULL : words(name),
                                        .socket_unit = is_socket ? words(name) : NULL };
        holders[i] = (struct aiu_holder){ .manager = &managers[i] };
        conflicts[i].holders = &holders[i];
        conflicts[i].n_holders = name ? 1 : 0;
}

static void add_socket(const char *address, uint16_t port, const char *owner)
{
        struct socket *s = &conflicts[facts.n_conflicts].socket;

        put(&s->local, address, port);
        s->protocol = IPPROTO_TCP;
        s->type = SOCK_STREAM;
        s->state = AIU_STATE_LISTEN;
        s->inode = 100 + facts.n_conflicts;
        s->v6only = NO;
        own(facts.n_conflicts++, owner);
}

static struct managed_unit *add_unit(const char *name, const char *state, const char *enabled, const char *address,
                                     uint16_t port)
{
        struct managed_unit *u = &units[seen.n_units++];

        *u = (struct managed_unit){ .name = words(name),
                                    .state = words(state),
                                    .enabled = words(enabled),
                                    .type = SOCK_STREAM,
                                    .protocol = IPPROTO_TCP,
                                    .reuseport = NO,
                                    .v6only = NO };
        if (address)
                put(&u->listen, address, port);
        return u;
}

static const struct aiu_hazard *only(enum aiu_hazard_kind kind, const char *part)
{
        forget();
        ck_assert_int_eq(hazards_units(&survey, &seen), 0);
        ck_assert_uint_eq(survey.n_hazards, 1);
        ck_assert_int_eq(survey.hazards[0].kind, kind);
        ck_assert_msg(strstr(survey.hazards[0].text, part), "%s", survey.hazards[0].text);
        return &survey.hazards[0];
}

static void none(void)
{
        forget();
        ck_assert_int_eq(hazards_units(&survey, &seen), 0);
        ck_assert_msg(survey.n_hazards == 0, "%s", survey.hazards[0].text);
}

START_TEST(next_boot)
{
        struct managed_unit *u = add_unit("web.socket", "inactive", "enabled", "127.0.0.1", 80);
        const struct aiu_hazard *h;

        none();
        add_socket("0.0.0.0", 81, "nginx.service");
        none();
        add_socket("0.0.0.0", 80, NULL);
        none();
        add_socket("0.0.0.0", 80, "nginx.service");
        add_socket("127.0.0.1", 80, "nginx.service");
        h = only(AIU_HAZARD_NEXT_BOOT, "web.socket is enabled and not active, and wants 127.0.0.1:80/tcp, which "
                                       "0.0.0.0:80/tcp (nginx.service) has");
        ck_assert_int_eq(h->severity, AIU_SEVERITY_ERROR);
        ck_assert_uint_eq(h->n_sockets, 1);
        ck_assert_uint_eq(h->sockets[0], 2);
        ck_assert_str_eq(h->fix_argv[2], "web.socket");
        u->state = words("failed");
        (void)only(AIU_HAZARD_NEXT_BOOT, "web.socket");
        u->state = words("active");
        none();
        u->state = NULL;
        none();
        u->state = words("inactive");
        u->enabled = words("disabled");
        none();
        u->enabled = NULL;
        none();
}
END_TEST

/* Options that are not known, and would make a difference. */
START_TEST(next_boot_unknown)
{
        struct managed_unit *u = add_unit("web.socket", "inactive", "enabled", "::", 80);

        add_socket("127.0.0.1", 80, "nginx.service");
        (void)only(AIU_HAZARD_NEXT_BOOT, "[::]:80/tcp");
        u->v6only = UNKNOWN;
        none();
        u->v6only = YES;
        none();
        u->v6only = NO;
        conflicts[0].socket.reuseport = UNKNOWN;
        u->reuseport = YES;
        none();
        u->protocol = IPPROTO_UDP;
        none();
        put(&conflicts[0].socket.local, "::", 80);
        u->protocol = IPPROTO_TCP;
        u->v6only = UNKNOWN;
        u->reuseport = NO;
        (void)only(AIU_HAZARD_NEXT_BOOT, "[::]:80/tcp");
}
END_TEST

START_TEST(socket_and_service)
{
        struct managed_unit *u = add_unit("web.socket", "inactive", "enabled", "127.0.0.1", 80);

        u->service = words("web.service");
        add_socket("127.0.0.1", 80, "web.service");
        (void)only(AIU_HAZARD_SOCKET_AND_SERVICE, "its own service web.service has: unless the service got");
        ck_assert_ptr_null(survey.hazards[0].fix_argv);
        ck_assert_int_eq(survey.hazards[0].severity, AIU_SEVERITY_WARNING);
        ck_assert_ptr_nonnull(strstr(survey.hazards[0].fix_text, "If it takes its socket from systemd"));
        /* No unit of the system's manager is in the way of a container's. */
        facts.conflicts[0].socket.netns = 1;
        none();
        facts.conflicts[0].socket.netns = 0;
        own(0, "web.socket");
        none();
        own(0, "other.service");
        (void)only(AIU_HAZARD_NEXT_BOOT, "other.service");
}
END_TEST

START_TEST(duplicate_listen)
{
        struct managed_unit *a = add_unit("a.socket", "inactive", "enabled", "127.0.0.1", 80);
        struct managed_unit *b = add_unit("b.socket", "failed", "enabled", "0.0.0.0", 80);
        const struct aiu_hazard *h =
                only(AIU_HAZARD_DUPLICATE_LISTEN, "a.socket wants 127.0.0.1:80/tcp and b.socket wants 0.0.0.0:80/tcp");

        ck_assert_uint_eq(h->n_sockets, 0);
        a->reuseport = b->reuseport = YES;
        none();
        a->reuseport = NO;
        (void)only(AIU_HAZARD_DUPLICATE_LISTEN, "a.socket");
        b->name = words("a.socket");
        none();
        b->name = words("b.socket");
        b->enabled = words("static");
        none();
        b->enabled = words("enabled");
        put(&b->listen, "127.0.0.2", 80);
        none();
        put(&b->listen, "127.0.0.1", 80);
        b->reuseport = NO;
        /* One of the two has the address by now. */
        a->state = words("active");
        add_socket("127.0.0.1", 80, "a.socket");
        (void)only(AIU_HAZARD_DUPLICATE_LISTEN, "b.socket is enabled and not active");
        /* UDP: systemd sets SO_REUSEADDR, and both bind. */
        facts.n_conflicts = 0;
        a->state = words("inactive");
        a->type = b->type = SOCK_DGRAM;
        a->protocol = b->protocol = IPPROTO_UDP;
        none();
}
END_TEST

START_TEST(many_duplicates)
{
        for (size_t i = 0; i < 40; i++) {
                static char names[40][16];

                (void)snprintf(names[i], sizeof(names[i]), "u%zu.socket", i);
                (void)add_unit(names[i], "inactive", "enabled", "127.0.0.1", 80);
        }
        ck_assert_int_eq(hazards_units(&survey, &seen), 1);
        ck_assert_uint_eq(survey.n_hazards, 256);
}
END_TEST

START_TEST(restart_loop)
{
        struct managed_unit *u = add_unit("loop.service", "activating", "enabled", NULL, 0);

        none();
        u->n_restarts = 3;
        (void)only(AIU_HAZARD_RESTART_LOOP, "started loop.service again 3 times, and it is activating now");
        u->state = words("failed");
        add_socket("127.0.0.1", 80, "loop.service");
        ck_assert_uint_eq(only(AIU_HAZARD_RESTART_LOOP, "it is failed now")->n_sockets, 1);
        u->state = words("active");
        none();
        u->active_usec = 59000000;
        ck_assert_str_eq(only(AIU_HAZARD_RESTART_LOOP, "up for less than a minute")->fix_argv[1], "reset-failed");
        ck_assert_ptr_nonnull(strstr(survey.hazards[0].fix_text, "This starts nothing"));
        ck_assert_ptr_null(strstr(survey.hazards[0].fix_text, "loop.service"));
        u->active_usec = 61000000;
        none();
        u->state = NULL;
        none();
        u->state = words("failed");
        u->name = words("loop.socket");
        none();
}
END_TEST

START_TEST(spares_holder)
{
        struct managed_unit *u = add_unit("ssh.service", "active", "enabled", NULL, 0);

        add_socket("127.0.0.1", 22, "ssh.service");
        add_socket("127.0.0.1", 23, NULL);
        none();
        u->kill_mode = words("process");
        ck_assert_int_eq(only(AIU_HAZARD_UNIT_SPARES_HOLDER, "KillMode=process and 127.0.0.1:22/tcp")->severity,
                         AIU_SEVERITY_INFO);
        u->kill_mode = words("none");
        (void)only(AIU_HAZARD_UNIT_SPARES_HOLDER, "KillMode=none");
        u->state = words("inactive");
        none();
        u->state = words("active");
        u->kill_mode = words("mixed");
        none();
        u->kill_mode = words("process");
        own(0, "other.service");
        none();
}
END_TEST

/* Owners are shown escaped. The unit is the same one. */
START_TEST(escaped_names)
{
        struct managed_unit *u = add_unit("a\\x2db.socket", "inactive", "enabled", "127.0.0.1", 80);

        u->service = words("a\\x2db.service");
        add_socket("127.0.0.1", 80, "a\\x2db.service");
        owners[0] = words("a\\\\x2db.service");
        ck_assert_ptr_nonnull(
                strstr(only(AIU_HAZARD_SOCKET_AND_SERVICE, "a\\\\x2db.service")->text, "a\\\\x2db.socket"));
        own(0, "a\\x2db.socket");
        owners[0] = words("a\\\\x2db.socket");
        none();
        own(0, "a\\x2db.service");
        u = add_unit("a\\x2db.service", "active", "enabled", NULL, 0);
        units[0].enabled = NULL;
        u->kill_mode = words("none");
        (void)only(AIU_HAZARD_UNIT_SPARES_HOLDER, "a\\\\x2db.service has");
}
END_TEST

/* Whoever may choose a name may choose that of a unit. */
START_TEST(namesakes)
{
        struct managed_unit *u = add_unit("web.socket", "inactive", "enabled", "127.0.0.1", 80);

        u->service = words("web.service");
        add_socket("127.0.0.1", 80, "web.service");
        managers[0].kind = AIU_MANAGER_SYSTEMD_USER;
        (void)only(AIU_HAZARD_NEXT_BOOT, "web.service");
        own(0, "web.socket");
        managers[0].kind = AIU_MANAGER_SYSTEMD_USER;
        (void)only(AIU_HAZARD_NEXT_BOOT, "web.socket");
        own(0, "web.service");
        managers[0].named_by = 1000;
        (void)only(AIU_HAZARD_NEXT_BOOT, "web.service");
        managers[0] = (struct manager){ .kind = AIU_MANAGER_DOCKER, .container = words("web.service") };
        (void)only(AIU_HAZARD_NEXT_BOOT, "web.service");
        holders[0].manager = NULL;
        (void)only(AIU_HAZARD_NEXT_BOOT, "web.service");
}
END_TEST

START_TEST(no_memory)
{
        bool failed = true;

        add_unit("web.socket", "inactive", "enabled", "127.0.0.1", 80)->service = words("web.service");
        (void)add_unit("b.socket", "inactive", "enabled", "127.0.0.1", 80);
        add_unit("web.service", "failed", NULL, NULL, 0)->n_restarts = 9;
        add_unit("c.service", "active", NULL, NULL, 0)->kill_mode = words("none");
        add_socket("127.0.0.1", 80, "web.service");
        add_socket("127.0.0.1", 90, "c.service");
        for (unsigned int at = 1; failed; at++) {
                int r;

                forget();
                scarce_memory_begin(at, false);
                r = hazards_units(&survey, &seen);
                failed = scarce_memory_end();
                ck_assert_int_eq(r, failed ? -ENOMEM : 0);
        }
        ck_assert_uint_eq(survey.n_hazards, 5);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("survey-units");
        TCase *tcase = tcase_create("all");

        tcase_add_checked_fixture(tcase, setup, forget);
        tcase_add_test(tcase, next_boot);
        tcase_add_test(tcase, next_boot_unknown);
        tcase_add_test(tcase, socket_and_service);
        tcase_add_test(tcase, duplicate_listen);
        tcase_add_test(tcase, many_duplicates);
        tcase_add_test(tcase, restart_loop);
        tcase_add_test(tcase, spares_holder);
        tcase_add_test(tcase, escaped_names);
        tcase_add_test(tcase, namesakes);
        tcase_add_test(tcase, no_memory);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
