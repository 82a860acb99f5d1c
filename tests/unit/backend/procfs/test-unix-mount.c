/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* unix-mount.c: which device a mount has, and which other mounts show a file. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "backend/procfs/unix-mount.h"
#include "fixture/run-suite.h"

static const char table[] =
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        "23 22 0:31 /sub /data rw - btrfs /dev/sdb rw,subvol=/sub\n"
        "24 22 0:40 / /merged\\040here rw master:2 propagate_from:1 - overlay overlay rw,lowerdir=/low,upperdir=/up\\040per,workdir=/work\n"
        "25 22 0:41 /part /bound rw - overlay overlay rw,upperdir=/up\\040per,lowerdir=/low\n"
        "26 22 0:42 / /below rw - overlay overlay rw,lowerdir=/low,upperdir=upper\n"
        "27 22 0:43 / /top rw - fuse /srv/app rw,user_id=0\n"
        "28 22 0:44 / /net rw - fuse.sshfs host:/srv rw\n"
        "29 22 0:45 / /crypt rw - ecryptfs /secret rw\n"
        "30 22 0:46 / /root rw - fuse.x / rw\n"
        "31 22 0:47 / /read rw - overlay overlay ro,lowerdir=/a:/b\n";

START_TEST(devices)
{
        ck_assert_uint_eq(unix_mount_device(table, 22), makedev(8, 1));
        ck_assert_uint_eq(unix_mount_device(table, 23), makedev(0, 31));
        ck_assert_uint_eq(unix_mount_device(table, 31), makedev(0, 47));
        ck_assert_uint_eq(unix_mount_device(table, 99), 0);
        ck_assert_uint_eq(unix_mount_device("", 22), 0);
        ck_assert_uint_eq(unix_mount_device("22 1 8 / / rw - ext4 x rw", 22), 0);
        ck_assert_uint_eq(unix_mount_device("22 1 8:1 / / rw\n22 1 8:1 / / rw -\n", 22), 0);
        ck_assert_uint_eq(unix_mount_device("\n\n22 1 8:1 / / rw - ext4", 22), makedev(8, 1));
}
END_TEST

/* As if /link led to /up per, and slashes at the end to nothing. */
static void resolve(char path[UNIX_MOUNT_PATH])
{
        size_t n = strlen(path);

        while (n > 1 && path[n - 1] == '/')
                path[--n] = '\0';
        if (strcmp(path, "/link") == 0)
                strcpy(path, "/up per");
}

static void expect_view(uint64_t id, const char *path, enum unix_view expected, const char *way)
{
        const char *cursor = table;
        char found[UNIX_MOUNT_PATH];

        ck_assert_int_eq(unix_mount_next_view(&cursor, id, path, resolve, found), expected);
        if (expected == UNIX_VIEW_PATH)
                ck_assert_str_eq(found, way);
        if (expected != UNIX_VIEW_END)
                ck_assert_int_eq(unix_mount_next_view(&cursor, id, path, resolve, found), UNIX_VIEW_END);
}

START_TEST(views)
{
        expect_view(22, "/run/x", UNIX_VIEW_END, NULL);
        expect_view(22, "/up per/d/s", UNIX_VIEW_PATH, "/merged here/d/s");
        expect_view(22, "/up per2/s", UNIX_VIEW_END, NULL);
        expect_view(22, "/up per", UNIX_VIEW_END, NULL);
        expect_view(24, "/merged here/s", UNIX_VIEW_PATH, "/up per/s");
        expect_view(22, "/srv/app/s", UNIX_VIEW_UNSURE, NULL);
        expect_view(22, "/srv/other/s", UNIX_VIEW_END, NULL);
        expect_view(22, "/secret/s", UNIX_VIEW_UNSURE, NULL);
}
END_TEST

/* An upper directory that was named relative to a directory that is unknown by now. */
START_TEST(relative)
{
        expect_view(22, "/srv/upper/s", UNIX_VIEW_UNSURE, NULL);
        expect_view(22, "/upper/d/s", UNIX_VIEW_UNSURE, NULL);
        expect_view(22, "/srv/upper2/s", UNIX_VIEW_END, NULL);
        expect_view(22, "/srv/xupper/upper/s", UNIX_VIEW_UNSURE, NULL);
        expect_view(22, "/srv/upper", UNIX_VIEW_END, NULL);
        expect_view(26, "/below/upper/s", UNIX_VIEW_END, NULL);
}
END_TEST

/* An overlay of everything: its names begin where the others begin. */
START_TEST(roots)
{
        static const char whole[] = "1 1 0:1 / / rw - overlay overlay rw,upperdir=/u";
        static const char same[] = "1 1 0:1 / /m rw - overlay overlay rw,upperdir=/";
        const char *cursor = whole;
        char found[UNIX_MOUNT_PATH];

        ck_assert_int_eq(unix_mount_next_view(&cursor, 1, "/run/s", resolve, found), UNIX_VIEW_PATH);
        ck_assert_str_eq(found, "/u/run/s");
        cursor = whole;
        ck_assert_int_eq(unix_mount_next_view(&cursor, 2, "/u/run/s", resolve, found), UNIX_VIEW_PATH);
        ck_assert_str_eq(found, "/run/s");
        cursor = same;
        ck_assert_int_eq(unix_mount_next_view(&cursor, 2, "/s", resolve, found), UNIX_VIEW_PATH);
        ck_assert_str_eq(found, "/m/s");
}
END_TEST

/* What only begins as an escape stands for itself; an upper directory may be named last, or not at all. */
START_TEST(escapes)
{
        static const struct {
                const char *upper, *path, *way;
        } rows[] = {
                { "/u\\134", "/u\\/s", "/m/s" },
                { "/u\\9", "/u\\9/s", "/m/s" },
                { "/u\\08", "/u\\08/s", "/m/s" },
                { "/u\\0488", "/u\\0488/s", "/m/s" },
                { "/u\\04", "/u\\04/s", "/m/s" },
                { "/u\\/40", "/u\\/40/s", "/m/s" },
                { "/u\\0/0", "/u\\0/0/s", "/m/s" },
                { "/u\\00/", "/u\\00/s", "/m/s" },
                { "", "/s", NULL },
                { "/u", "/v/s", NULL },
                { "/link//", "/up per/s", "/m/s" },
        };
        char text[128], found[UNIX_MOUNT_PATH];

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                const char *cursor = text;

                snprintf(text, sizeof(text), "1 1 0:1 / /m rw - overlay overlay rw,upperdir=%s", rows[i].upper);
                ck_assert_msg(unix_mount_next_view(&cursor, 2, rows[i].path, resolve, found) ==
                                      (rows[i].way ? UNIX_VIEW_PATH : UNIX_VIEW_END),
                              "row %zu", i);
                if (rows[i].way)
                        ck_assert_str_eq(found, rows[i].way);
        }
}
END_TEST

/* What does not fit is not a way: nothing is cut off. */
START_TEST(too_long)
{
        static char text[2 * UNIX_MOUNT_PATH], path[UNIX_MOUNT_PATH], found[UNIX_MOUNT_PATH];
        const char *cursor = text;

        memset(path, 'p', sizeof(path) - 1);
        memcpy(path, "/u/", 3);
        strcpy(text, "1 1 0:1 / /merged rw - overlay overlay rw,upperdir=/u\n");
        ck_assert_int_eq(unix_mount_next_view(&cursor, 2, path, resolve, found), UNIX_VIEW_END);
        memset(text + strlen(text) - 1, 'u', UNIX_MOUNT_PATH);
        cursor = text;
        ck_assert_int_eq(unix_mount_next_view(&cursor, 2, path, resolve, found), UNIX_VIEW_END);
}
END_TEST

START_TEST(kinds)
{
        ck_assert(unix_mount_is_shared(0x6969));
        ck_assert(unix_mount_is_shared((long)(int)0xff534d42));
        ck_assert(unix_mount_is_shared(0x65735546));
        ck_assert(!unix_mount_is_shared(0xef53));
        ck_assert(!unix_mount_is_shared(0x01021994));
        ck_assert(unix_mount_has_no_sockets(0x9fa0));
        ck_assert(!unix_mount_has_no_sockets(0x01021994));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("unix-mount");
        TCase *tcase = tcase_create("all");

        tcase_add_test(tcase, devices);
        tcase_add_test(tcase, views);
        tcase_add_test(tcase, relative);
        tcase_add_test(tcase, roots);
        tcase_add_test(tcase, escapes);
        tcase_add_test(tcase, too_long);
        tcase_add_test(tcase, kinds);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
