/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From systemd's answers to facts about holders, the answers made up: units that refuse a
 * stop, that keep descriptors, that return at boot, and versions of systemd other than the
 * one here (FileDescriptorStorePreserve= is of 254; a property that a version does not know
 * stays as it was). tests/rig asks a real one.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fixture/run-suite.h"
#include "backend/systemd/sd-bus-conclude.h"
#include "snapshot/snapshot.h"

#define INODE 77u

static struct aiu_snapshot snapshot;
static struct unit_queries queries;
static struct session session;
static struct aiu_manager_fact told;

static void setup(void)
{
        snapshot_init(&snapshot);
        session = (struct session){ .snapshot = &snapshot, .queries = &queries };
}

static void teardown(void)
{
        units_finish(&session.bus.units);
        queries_finish(&queries);
        snapshot_finish(&snapshot);
}

static struct unit *add(const char *name, const char *state)
{
        size_t index;

        ck_assert_int_eq(units_add(&session.bus.units, name, strlen(name), &index), 0);
        session.bus.units.list[index].active_state = strdup(state);
        return &session.bus.units.list[index];
}

/* A listener on 127.0.0.1:80, which the process has; the cgroup named the unit. */
static void held_by(pid_t pid, const char *comm, const char *unit)
{
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = htonl(0x7f000001) };
        struct aiu_socket_fact socket = {
                .size = sizeof(socket),
                .type = SOCK_STREAM,
                .protocol = IPPROTO_TCP,
                .state = AIU_STATE_LISTEN,
                .local = (const void *)&in,
                .local_len = sizeof(in),
                .inode = INODE,
                .cookie = 1,
        };
        struct aiu_process_fact process = { .size = sizeof(process), .pid = pid, .uid = 0, .comm = comm };
        struct aiu_manager_fact fact = { .size = sizeof(fact), .pid = pid, .kind = AIU_MANAGER_SYSTEMD, .unit = unit };
        uint64_t inode = INODE;

        ck_assert_int_eq(aiu_snapshot_add_socket(&snapshot, &socket), 0);
        ck_assert_int_eq(snapshot_want_inodes(&snapshot, &inode, 1), 0);
        ck_assert_int_eq(aiu_snapshot_add_holder(&snapshot, INODE, pid, 3), 0);
        ck_assert_int_eq(aiu_snapshot_add_process(&snapshot, &process), 0);
        ck_assert_int_eq(aiu_snapshot_add_manager(&snapshot, &fact), 0);
}

/* The last word on the holder is in `told` then. */
static void conclude(void)
{
        ck_assert_int_eq(queries_collect(&snapshot, &queries), 0);
        ck_assert_uint_eq(queries.n, 1);
        if (session.bus.units.n > 0 && queries.list[0].is_kept)
                (void)snprintf(queries.list[0].socket_unit, UNIT_NAME_BYTES, "%s", session.bus.units.list[0].name);
        ck_assert_int_eq(session_conclude(&session, true, &snapshot), 0);
        told = (struct aiu_manager_fact){ .size = sizeof(told) };
        for (size_t i = 0; aiu_snapshot_get_manager(&snapshot, i, &told); i++)
                ;
}

static const char *note(void)
{
        return snapshot.n_gaps > 0 ? snapshot.gaps[0].text : "";
}

START_TEST(plain_service)
{
        struct unit *unit = add("a.service", "active");

        unit->main_pid = 7;
        unit->restart = strdup("no");
        unit->enabled = strdup("enabled");
        unit->can_stop = AIU_TRISTATE_YES;
        held_by(7, "a", "a.service");
        conclude();
        ck_assert_str_eq(told.unit_state, "active");
        ck_assert_int_eq(told.main_pid, 7);
        ck_assert_str_eq(told.enabled, "enabled");
        ck_assert_int_eq(told.will_return, AIU_TRISTATE_NO);
        ck_assert_uint_eq(told.flags, 0);
        ck_assert_str_eq(note(), "");
}
END_TEST

START_TEST(refuses_to_be_stopped)
{
        struct unit *unit = add("a.service", "active");

        unit->main_pid = 7;
        unit->can_stop = AIU_TRISTATE_NO;
        held_by(7, "a", "a.service");
        conclude();
        ck_assert_uint_eq(told.flags, AIU_HOLDER_UNIT_SPARED);
        ck_assert_msg(strstr(note(), "does not stop a.service"), "%s", note());
}
END_TEST

/* Its service goes, the socket stays. */
START_TEST(socket_unit_refuses)
{
        struct unit *unit = add("a.socket", "active");

        unit->can_stop = AIU_TRISTATE_NO;
        held_by(1, "systemd", NULL);
        conclude();
        ck_assert_str_eq(told.socket_unit, "a.socket");
        ck_assert_uint_eq(told.flags, AIU_HOLDER_UNIT_SPARED);
}
END_TEST

START_TEST(socket_unit_idle)
{
        struct unit *unit = add("a.socket", "active");

        unit->can_stop = AIU_TRISTATE_YES;
        unit->enabled = strdup("enabled");
        unit->triggers = strdup("a.service");
        unit->accept = AIU_TRISTATE_NO;
        (void)add("a.service", "inactive");
        held_by(1, "systemd", NULL);
        conclude();
        ck_assert_str_eq(told.socket_unit, "a.socket");
        ck_assert_ptr_null(told.unit);
        ck_assert_str_eq(told.enabled, "enabled");
        ck_assert_int_eq(told.will_return, AIU_TRISTATE_YES);
        ck_assert_uint_eq(told.flags, 0);
}
END_TEST

/* A static service that an enabled .socket starts returns at boot all the same. */
START_TEST(socket_and_service)
{
        struct unit *unit = add("a.socket", "active");

        unit->enabled = strdup("enabled");
        unit->triggers = strdup("a.service");
        unit->accept = AIU_TRISTATE_NO;
        unit = add("a.service", "active");
        unit->enabled = strdup("static");
        unit->upheld_by = strdup("keeper.service");
        (void)add("keeper.service", "active");
        held_by(1, "systemd", NULL);
        conclude();
        ck_assert_str_eq(told.unit, "a.service");
        ck_assert_str_eq(told.enabled, "enabled");
        ck_assert_str_eq(told.also_stop, "keeper.service");
}
END_TEST

static void descriptors_kept(const char *preserve, uint32_t flags)
{
        struct unit *unit = add("a.service", "active");

        unit->n_fd_store = 1;
        unit->fd_store_preserve = preserve ? strdup(preserve) : NULL;
        held_by(1, "systemd", NULL);
        ck_assert_int_eq(queries_collect(&snapshot, &queries), 0);
        (void)snprintf(queries.list[0].unit, UNIT_NAME_BYTES, "a.service");
        ck_assert_int_eq(session_conclude(&session, true, &snapshot), 0);
        told = (struct aiu_manager_fact){ .size = sizeof(told) };
        for (size_t i = 0; aiu_snapshot_get_manager(&snapshot, i, &told); i++)
                ;
        ck_assert_str_eq(told.unit, "a.service");
        ck_assert_uint_eq(told.flags, flags);
}

START_TEST(descriptor_store)
{
        descriptors_kept(NULL, 0); /* systemd 252: not known, and always closed */
}
END_TEST

START_TEST(descriptor_store_until_restart)
{
        descriptors_kept("restart", 0); /* 254, its default */
}
END_TEST

START_TEST(descriptor_store_that_survives)
{
        descriptors_kept("yes", AIU_HOLDER_UNIT_SPARED);
        ck_assert_msg(strstr(note(), "clean --what=fdstore"), "%s", note());
}
END_TEST

/* Somebody called a cgroup like a unit: the manager has none of that name. */
START_TEST(no_such_unit)
{
        struct unit *unit = add("a.service", "inactive");

        unit->load_state = strdup("not-found");
        held_by(7, "a", "a.service");
        conclude();
        ck_assert_int_eq(told.kind, AIU_MANAGER_NONE);
}
END_TEST

/* Nothing was answered: what the cgroup told stays, and no state is made up. */
START_TEST(no_answer)
{
        size_t index;

        ck_assert_int_eq(units_add(&session.bus.units, "a.service", 9, &index), 0);
        held_by(7, "a", "a.service");
        conclude();
        ck_assert_str_eq(told.unit, "a.service");
        ck_assert_ptr_null(told.unit_state);
        ck_assert_int_eq(told.will_return, AIU_TRISTATE_UNKNOWN);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("sd-bus-conclude");
        TCase *tcase = tcase_create("all");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, plain_service);
        tcase_add_test(tcase, refuses_to_be_stopped);
        tcase_add_test(tcase, socket_unit_refuses);
        tcase_add_test(tcase, socket_unit_idle);
        tcase_add_test(tcase, socket_and_service);
        tcase_add_test(tcase, descriptor_store);
        tcase_add_test(tcase, descriptor_store_until_restart);
        tcase_add_test(tcase, descriptor_store_that_survives);
        tcase_add_test(tcase, no_such_unit);
        tcase_add_test(tcase, no_answer);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
