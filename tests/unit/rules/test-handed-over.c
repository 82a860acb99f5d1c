/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who has a socket that another user made, and who has one by design. */
#include <check.h>
#include <string.h>

#include "rules/handed-over.h"
#include "util/macro.h"
#include "fixture/run-suite.h"

#define NONE UID_UNKNOWN

static const struct {
        const char *comm;
        pid_t pid;
        uid_t uids[4], root, socket;
        bool yes;
} rows[] = {
        { "dbus-daemon", 9, { 0, 0, 0, 0 }, 0, 65534, true },
        { "web", 9, { 33, 33, 33, 33 }, 0, 1000, true },
        { "web", 9, { 33, 33, 33, 33 }, 0, 33, false },
        { "nginx", 9, { 33, 33, 33, 33 }, 0, 0, false }, /* bound as root, or by a master that is */
        { "web", 9, { 1000, 0, 0, 0 }, 0, 1000, false }, /* each of the four is the holder's */
        { "web", 9, { 0, 1000, 0, 0 }, 0, 1000, false },
        { "web", 9, { 0, 0, 1000, 0 }, 0, 1000, false },
        { "web", 9, { 0, 0, 0, 1000 }, 0, 1000, false },
        { "web", 9, { 0, 0, 0, 0 }, 0, NONE, false },
        { "nginx", 9, { 100100, 100100, 100100, 100100 }, 1000, 1000, false }, /* root of its container bound */
        { "nginx", 9, { 100100, 100100, 100100, 100100 }, 1000, 1001, true },
        { "init", 1, { 0, 0, 0, 0 }, 0, 1000, false }, /* a service's fd store */
        { "systemd", 800, { 1000, 1000, 1000, 1000 }, 0, 1001, false },
        { "conmon", 9, { 0, 0, 0, 0 }, 0, 1000, false },
        { "rootlesskit", 9, { 1000, 1000, 1000, 1000 }, 0, 100000, false },
        { "rootlessport", 9, { 1000, 1000, 1000, 1000 }, 0, 100000, false },
        { "slirp4netns", 9, { 1000, 1000, 1000, 1000 }, 0, 100000, false },
        { "docker-proxy", 9, { 0, 0, 0, 0 }, 0, 1000, false },
        { "pasta.avx2", 9, { 1000, 1000, 1000, 1000 }, 0, 100000, false },
};

START_TEST(row)
{
        struct process process = { .pid = rows[_i].pid, .has_uids = true, .root_uid = rows[_i].root };
        struct aiu_holder holder = { .kind = AIU_HOLDER_PROCESS, .process = &process };
        char comm[16];

        memcpy(process.uids, rows[_i].uids, sizeof(process.uids));
        memcpy(comm, rows[_i].comm, strlen(rows[_i].comm) + 1);
        process.comm = comm;
        ck_assert_int_eq(handed_over(&holder, rows[_i].socket), rows[_i].yes);
}
END_TEST

/* Not known is no claim. */
START_TEST(not_known)
{
        char comm[] = "web";
        struct process process = { .pid = 9, .comm = comm };
        struct aiu_holder holder = { .kind = AIU_HOLDER_PROCESS, .process = &process };

        ck_assert(!handed_over(&holder, 1000));
        process.has_uids = true;
        ck_assert(handed_over(&holder, 1000));
        process.comm = NULL;
        ck_assert(!handed_over(&holder, 1000));
        holder.process = NULL;
        ck_assert(!handed_over(&holder, 1000));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("handed-over");
        TCase *tcase = tcase_create("all");

        tcase_add_loop_test(tcase, row, 0, (int)ELEMENTSOF(rows));
        tcase_add_test(tcase, not_known);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
