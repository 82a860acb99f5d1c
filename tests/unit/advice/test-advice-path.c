/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* advice/path.c: a file is to be removed only where it was shown that no socket is bound to it. */
#include <check.h>
#include <errno.h>
#include <sys/stat.h>

#include "fixture/advice-fixture.h"
#include "fixture/run-suite.h"

static void ask_about(uint32_t mode, tristate live, tristate removable)
{
        q.address = table_unix("/a", 3);
        host.name_exists = YES;
        host.name_is_socket = mode ? tri(S_ISSOCK(mode)) : UNKNOWN;
        host.name_mode = mode;
        host.name_live = live;
        host.name_removable = removable;
        ck_assert_int_eq(ask().error, EADDRINUSE);
}

START_TEST(stale)
{
        ask_about(S_IFSOCK, NO, YES);
        ck_assert_uint_eq(n_actions, 1);
        expect(AIU_ACTION_REMOVE_FILE, YES);
        ck_assert_uint_eq(actions[0].flags, 0);
        expect_command(AIU_ACTION_REMOVE_FILE, "rm -- /a");
}
END_TEST

/* The kernel would refuse unlink(2): that is not enough, and says what it takes. */
START_TEST(not_removable)
{
        asker = 1000;
        ask_about(S_IFSOCK, NO, NO);
        expect(AIU_ACTION_REMOVE_FILE, NO);
        ck_assert_uint_eq(find(AIU_ACTION_REMOVE_FILE)->flags, AIU_ACTION_NEEDS_ROOT);
        expect_text(AIU_ACTION_REMOVE_FILE, "This user may not");
        expect(AIU_ACTION_OTHER_ADDRESS, UNKNOWN);
        teardown();
        setup();
        asker = 0;
        ask_about(S_IFSOCK, NO, NO);
        expect(AIU_ACTION_REMOVE_FILE, NO);
        ck_assert_uint_eq(find(AIU_ACTION_REMOVE_FILE)->flags, 0);
        teardown();
        setup();
        ask_about(S_IFSOCK, NO, UNKNOWN);
        expect(AIU_ACTION_REMOVE_FILE, UNKNOWN);
}
END_TEST

/* With the file gone bind() fails all the same: the socket is bound to another name. */
START_TEST(bound_elsewhere)
{
        q.bound = table_unix("/b", 3);
        ask_about(S_IFSOCK, NO, YES);
        expect(AIU_ACTION_REMOVE_FILE, NO);
}
END_TEST

START_TEST(not_shown_to_be_stale)
{
        static const tristate live[] = { UNKNOWN, YES };

        for (size_t i = 0; i < 2; i++) {
                asker = i ? 0 : 1000;
                ask_about(S_IFSOCK, live[i], YES);
                ck_assert_ptr_null(find(AIU_ACTION_REMOVE_FILE));
                expect(AIU_ACTION_LOOK_CLOSER, UNKNOWN);
                ck_assert_uint_eq(find(AIU_ACTION_LOOK_CLOSER)->flags, i ? 0 : AIU_ACTION_NEEDS_ROOT);
                expect_command(AIU_ACTION_LOOK_CLOSER, i ? NULL : "sudo addrinuse /a");
                expect_text(AIU_ACTION_LOOK_CLOSER, "would be cut off");
                expect(AIU_ACTION_OTHER_ADDRESS, UNKNOWN);
                teardown();
                setup();
        }
        ask_about(0, UNKNOWN, UNKNOWN);
        ck_assert_ptr_null(find(AIU_ACTION_REMOVE_FILE));
        teardown();
        setup();
        ask_about(0, NO, YES);
        ck_assert_ptr_null(find(AIU_ACTION_REMOVE_FILE));
}
END_TEST

START_TEST(no_socket)
{
        static const uint32_t modes[] = { S_IFREG, S_IFDIR, S_IFLNK, S_IFIFO, S_IFBLK };

        for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
                ask_about(modes[i], NO, YES);
                ck_assert_uint_eq(n_actions, 1);
                expect(AIU_ACTION_OTHER_ADDRESS, UNKNOWN);
                teardown();
                setup();
        }
}
END_TEST

/* EADDRINUSE was seen, and the file is gone by now. */
START_TEST(gone)
{
        q.address = table_unix("/a", 3);
        q.error = EADDRINUSE;
        host.name_exists = NO;
        ck_assert_int_eq(ask().error, EADDRINUSE);
        ck_assert_ptr_null(find(AIU_ACTION_REMOVE_FILE));
}
END_TEST

static struct socket live_socket(void)
{
        return (struct socket){ .type = SOCK_STREAM,
                                .state = AIU_STATE_LISTEN,
                                .local = table_unix("/a", 3),
                                .inode = 7,
                                .vfs_inode = 5,
                                .vfs_device = 3,
                                .uid = q.uid };
}

START_TEST(held)
{
        host.name_inode = 5;
        host.name_fs_device = 3;
        hold(live_socket(), 100);
        ask_about(S_IFSOCK, YES, UNKNOWN);
        ck_assert_ptr_null(find(AIU_ACTION_REMOVE_FILE));
        ck_assert_ptr_nonnull(find(AIU_ACTION_TERMINATE));
}
END_TEST

/* A conflict without a visible socket has no holder that could let go. */
START_TEST(held_by_the_unseen)
{
        struct socket unseen = live_socket();

        unseen.state = AIU_STATE_UNKNOWN;
        host.name_inode = 5;
        host.name_fs_device = 3;
        hold(unseen, 0);
        ask_about(S_IFSOCK, YES, UNKNOWN);
        expect(AIU_ACTION_LOOK_CLOSER, UNKNOWN);
}
END_TEST

/* A socket that is bound to the path already needs no other one. */
START_TEST(bound_to_it_already)
{
        host.name_inode = 5;
        host.name_fs_device = 3;
        q.own_inode = 7;
        q.bound = table_unix("/a", 3);
        hold(live_socket(), 100);
        holders[0].kind = AIU_HOLDER_SELF;
        ask_about(S_IFSOCK, YES, UNKNOWN);
        ck_assert_ptr_null(find(AIU_ACTION_REMOVE_FILE));
        expect(AIU_ACTION_FIX_CALLER, UNKNOWN);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("advice-path");
        TCase *tcase = tcase_create("all");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, stale);
        tcase_add_test(tcase, not_removable);
        tcase_add_test(tcase, bound_elsewhere);
        tcase_add_test(tcase, not_shown_to_be_stale);
        tcase_add_test(tcase, no_socket);
        tcase_add_test(tcase, gone);
        tcase_add_test(tcase, held);
        tcase_add_test(tcase, held_by_the_unseen);
        tcase_add_test(tcase, bound_to_it_already);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
