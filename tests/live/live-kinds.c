/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Directories of every kind that bind(2) to a path can meet, made once, below a /run of the test's own. What
 * cannot be made here (another owner in a user namespace) is missing then, which is a kind, too.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "live.h"

#define KINDS "/run/kinds"
#define LONG_NAME "/a-name-that-fills-the-path-of-a-socket-to-its-last-byte-or-to-the-last-but-one-and-is-cut-there-"

static const struct {
        const char *name;
        int mode;
        uid_t uid;
        gid_t gid;
} directories[] = {
        { "open", 0777, 0, 0 },
        { "root", 0755, 0, 0 },
        { "closed", 0700, 0, 0 },
        { "sticky", 01777, 0, 0 },
        { "blind", 0733, 0, 0 },
        { "no-search", 0666, 0, 0 },
        { "no-write", 0555, 0, 0 },
        { "nothing", 0000, 0, 0 },
        { "set-gid", 02777, 0, LIVE_OTHER },
        { "user", 0700, LIVE_USER, LIVE_USER },
        { "user-no-write", 0500, LIVE_USER, LIVE_USER },
        { "user-nothing", 0000, LIVE_USER, LIVE_USER },
        { "user-shut-out", 0077, LIVE_USER, 0 },
        { "group", 0070, 0, LIVE_USER },
        { "group-shut-out", 0707, 0, LIVE_USER },
        { "other", 0700, LIVE_OTHER, LIVE_OTHER },
        { "other-group", 0770, LIVE_OTHER, LIVE_USER },
        { "full", 0777, 0, 0 },
        { "read-only", 0777, 0, 0 },
        { "bound", 0777, 0, 0 },
        { "no-exec", 0777, 0, 0 },
};

static const char *const links[][2] = {
        { "to-open", KINDS "/open" },
        { "to-closed", KINDS "/closed" },
        { "relative", "open" },
        { "up", "../kinds/sticky" },
        { "loop", "pool" },
        { "pool", "loop" },
        { "nowhere", KINDS "/missing" },
        { "to-file", KINDS "/file" },
        { "to-link", "to-open" },
        { "through-closed", "closed/inside" },
        { "to-proc", "/proc/self" },
};

static const char *const paths[] = {
        KINDS "/open/s",
        KINDS "/root/s",
        KINDS "/closed/s",
        KINDS "/sticky/s",
        KINDS "/blind/s",
        KINDS "/no-search/s",
        KINDS "/no-write/s",
        KINDS "/nothing/s",
        KINDS "/set-gid/s",
        KINDS "/user/s",
        KINDS "/user-no-write/s",
        KINDS "/user-nothing/s",
        KINDS "/user-shut-out/s",
        KINDS "/group/s",
        KINDS "/group-shut-out/s",
        KINDS "/other/s",
        KINDS "/other-group/s",
        KINDS "/full/s",
        KINDS "/read-only/s",
        KINDS "/bound/s",
        KINDS "/no-exec/s",
        KINDS "/to-open/s",
        KINDS "/to-closed/s",
        KINDS "/relative/s",
        KINDS "/up/s",
        KINDS "/loop/s",
        KINDS "/nowhere/s",
        KINDS "/to-file/s",
        KINDS "/to-link/s",
        KINDS "/through-closed/s",
        KINDS "/to-proc/s",
        KINDS "/missing/s",
        KINDS "/file/s",
        KINDS "/chain40/s",
        KINDS "/chain41/s",
        KINDS "/closed/inside/s",
        KINDS "/closed/../open/s",
        KINDS "/missing/../open/s",
        KINDS "/file/../open/s",
        KINDS "//open/./s",
        KINDS "/open/s/",
        KINDS "/open/.",
        KINDS "/open/..",
        KINDS LONG_NAME,
        "/proc/self/s",
        "/proc/self/fd/s",
        "/sys/s",
        "/proc/self/root/run/kinds/open/s",
        "/proc/self/root/run/kinds/user/s",
};

unsigned int live_n_kinds(void)
{
        return sizeof(paths) / sizeof(paths[0]);
}

const char *live_kind(unsigned int i)
{
        return paths[i];
}

/* A file system without a free inode, one that may not be written to, and the same directory twice. */
static void mount_kinds(void)
{
        (void)mount("tmpfs", KINDS "/full", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0777,nr_inodes=1");
        (void)mount("tmpfs", KINDS "/read-only", "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV, "mode=0777");
        (void)mount(KINDS "/open", KINDS "/bound", NULL, MS_BIND, NULL);
        (void)mount("tmpfs", KINDS "/no-exec", "tmpfs", MS_NOEXEC | MS_NOSUID | MS_NODEV, "mode=0777");
}

/* Links that lead to links: 40 of them are followed (MAXSYMLINKS), with the one in front. */
static void make_chain(void)
{
        char from[32], to[32] = "open";

        for (int i = 1; i <= 41; i++) {
                (void)snprintf(from, sizeof(from), KINDS "/chain%d", i);
                (void)!symlink(to, from);
                (void)snprintf(to, sizeof(to), "chain%d", i);
        }
}

static void make_directory(size_t i)
{
        char path[64];

        (void)snprintf(path, sizeof(path), KINDS "/%s", directories[i].name);
        (void)mkdir(path, 0777);
        (void)!chown(path, directories[i].uid, directories[i].gid);
        (void)chmod(path, (mode_t)directories[i].mode);
}

void live_make_kinds(void)
{
        char path[64];
        FILE *file;

        (void)mkdir(KINDS, 0755);
        (void)chmod(KINDS, 0777); /* whatever the umask is */
        for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
                make_directory(i);
        for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
                (void)snprintf(path, sizeof(path), KINDS "/%s", links[i][0]);
                (void)!symlink(links[i][1], path);
        }
        (void)mkdir(KINDS "/closed/inside", 0777);
        (void)chmod(KINDS "/closed/inside", 0777);
        file = fopen(KINDS "/file", "we");
        if (file)
                fclose(file);
        make_chain();
        mount_kinds();
}
