/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two facts about a socket file in /proc/self/mountinfo. The file system's own device: unix_diag has that
 * number, stat(2) has another one on btrfs and on some overlays. And whether other mounts show the same file as
 * another inode: a socket that was bound on the way of such a mount is found by that inode alone, so that through
 * this path the file looks stale. Pure: parses text.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "backend/procfs/unix-mount.h"
#include "util/macro.h"

struct span {
        const char *at;
        size_t n;
};

/* One line: "36 35 98:0 /root /mount-point options optional... - type source super-options" */
struct mount {
        uint64_t id;
        uint64_t device;
        struct span root, point, type, source, options;
};

static struct span take_word(const char **at, const char *end)
{
        struct span word = { *at, 0 };

        while (word.at + word.n < end && word.at[word.n] != ' ')
                word.n++;
        *at = word.at + word.n + (word.at + word.n < end);
        return word;
}

static bool is_word(struct span word, const char *text)
{
        return word.n == strlen(text) && memcmp(word.at, text, word.n) == 0;
}

static uint64_t device_of(struct span word)
{
        const char *colon = memchr(word.at, ':', word.n);

        if (!colon)
                return 0;
        return makedev((unsigned int)strtoul(word.at, NULL, 10), (unsigned int)strtoul(colon + 1, NULL, 10));
}

static bool parse_line(const char *at, const char *end, struct mount *ret)
{
        struct span word = take_word(&at, end);

        ret->id = strtoull(word.at, NULL, 10);
        (void)take_word(&at, end); /* parent */
        ret->device = device_of(take_word(&at, end));
        ret->root = take_word(&at, end);
        ret->point = take_word(&at, end);
        do
                word = take_word(&at, end);
        while (word.n > 0 && !is_word(word, "-"));
        ret->type = take_word(&at, end);
        ret->source = take_word(&at, end);
        ret->options = take_word(&at, end);
        return word.n > 0 && ret->type.n > 0;
}

static bool next_mount(const char **cursor, struct mount *ret)
{
        while (**cursor) {
                const char *at = *cursor, *end = strchrnul(at, '\n');

                *cursor = end + (*end == '\n');
                if (parse_line(at, end, ret))
                        return true;
        }
        return false;
}

uint64_t unix_mount_device(const char *mountinfo, uint64_t mount_id)
{
        struct mount mount;

        while (next_mount(&mountinfo, &mount))
                if (mount.id == mount_id)
                        return mount.device;
        return 0;
}

static bool is_octal(char c)
{
        return c >= '0' && c <= '7';
}

/* "\040" is a blank (mangle_path(), seq_escape()). false: no room. */
static bool unescape(struct span word, char *ret, size_t room)
{
        size_t n = 0;

        for (size_t i = 0; i < word.n; i++) {
                const char *c = word.at + i;

                if (n + 1 >= room)
                        return false;
                if (*c == '\\' && word.n - i > 3 && is_octal(c[1]) && is_octal(c[2]) && is_octal(c[3])) {
                        ret[n++] = (char)((c[1] - '0') << 6 | (c[2] - '0') << 3 | (c[3] - '0'));
                        i += 3;
                } else {
                        ret[n++] = *c;
                }
        }
        ret[n] = '\0';
        return n > 0;
}

/* What of `path` is below `directory`, with the slash that it begins with; NULL = it is not below. */
static const char *below(const char *path, const char *directory)
{
        size_t n = strlen(directory);

        if (strcmp(directory, "/") == 0)
                return path;
        return strncmp(path, directory, n) == 0 && path[n] == '/' ? path + n : NULL;
}

static bool join(char *ret, const char *a, const char *b)
{
        int n = snprintf(ret, UNIX_MOUNT_PATH, "%s%s", strcmp(a, "/") == 0 ? "" : a, b);

        return n > 0 && n < UNIX_MOUNT_PATH;
}

static struct span upper_directory(const struct mount *mount)
{
        static const char key[] = "upperdir=";
        struct span none = { NULL, 0 };
        const char *end = mount->options.at + mount->options.n;

        for (const char *at = mount->options.at; at < end;) {
                const char *comma = memchr(at, ',', (size_t)(end - at));
                struct span option = { at, (size_t)((comma ? comma : end) - at) };

                if (option.n > sizeof(key) - 1 && memcmp(at, key, sizeof(key) - 1) == 0)
                        return (struct span){ at + sizeof(key) - 1, option.n - (sizeof(key) - 1) };
                at += option.n + 1;
        }
        return none;
}

/* A relative name was meant in a directory that is not known: it may be this one wherever it occurs. */
static bool may_contain(const char *path, const char *upper)
{
        size_t n = strlen(upper);

        for (const char *at = strstr(path, upper); at; at = strstr(at + 1, upper))
                if (at > path && at[-1] == '/' && at[n] == '/')
                        return true;
        return false;
}

/* Through the overlay that has the file in its upper directory, or the other way round. */
static enum unix_view overlay_view(const struct mount *mount, uint64_t mount_id, const char *path,
                                   unix_mount_resolve *resolve, char *ret)
{
        char upper[UNIX_MOUNT_PATH], point[UNIX_MOUNT_PATH];
        const char *rest;

        if (!is_word(mount->root, "/") || !unescape(upper_directory(mount), upper, sizeof(upper)) ||
            !unescape(mount->point, point, sizeof(point)))
                return UNIX_VIEW_END;
        /* No server binds below a container's own overlay: its upper directory is mostly not visible there. */
        if (upper[0] != '/')
                return mount->id != mount_id && may_contain(path, upper) ? UNIX_VIEW_UNSURE : UNIX_VIEW_END;
        resolve(upper);
        rest = below(path, mount->id == mount_id ? point : upper);
        return rest && join(ret, mount->id == mount_id ? upper : point, rest) ? UNIX_VIEW_PATH : UNIX_VIEW_END;
}

static bool is_stacked(const struct mount *mount)
{
        return is_word(mount->type, "ecryptfs") || is_word(mount->type, "fuse") ||
               (mount->type.n > 5 && memcmp(mount->type.at, "fuse.", 5) == 0);
}

/* bindfs and its like name the directory that they show as their source. */
static bool may_show(const struct mount *mount, const char *path)
{
        char source[UNIX_MOUNT_PATH];

        return is_stacked(mount) && unescape(mount->source, source, sizeof(source)) && source[0] == '/' &&
               source[1] != '\0' && below(path, source);
}

enum unix_view unix_mount_next_view(const char **cursor, uint64_t mount_id, const char *path,
                                    unix_mount_resolve *resolve, char ret[UNIX_MOUNT_PATH])
{
        struct mount mount;

        while (next_mount(cursor, &mount)) {
                enum unix_view lookup = UNIX_VIEW_END;

                if (is_word(mount.type, "overlay"))
                        lookup = overlay_view(&mount, mount_id, path, resolve, ret);
                if (lookup != UNIX_VIEW_END)
                        return lookup;
                if (may_show(&mount, path))
                        return UNIX_VIEW_UNSURE;
        }
        return UNIX_VIEW_END;
}

/* ------------------------------------------------------ kinds of file systems */

static bool has_type_of(long type, const unsigned int *types, size_t n)
{
        /* f_type is a signed word on some architectures: 0xff534d42 reads as a negative number. */
        for (size_t i = 0; i < n; i++)
                if ((unsigned int)type == types[i])
                        return true;
        return false;
}

bool unix_mount_is_shared(long type)
{
        static const unsigned int types[] = {
                0x6969,     /* nfs */
                0x517b,     /* smbfs */
                0xff534d42, /* cifs */
                0xfe534d42, /* smb2 */
                0x65735546, /* fuse, virtiofs */
                0x01021997, /* 9p */
                0x00c36400, /* ceph */
                0x5346414f, /* afs of OpenAFS */
                0x6b414653, /* afs of the kernel */
                0x73757245, /* coda */
                0x786f4256, /* vboxsf */
                0xbacbacbc, /* vmhgfs */
                0x01161970, /* gfs2 */
                0x7461636f, /* ocfs2 */
                0x0bd00bd0, /* lustre */
                0x47504653, /* gpfs */
                0x20030528, /* orangefs */
                0xf15f,     /* ecryptfs: what is below has other inodes */
        };

        return has_type_of(type, types, ELEMENTSOF(types));
}

bool unix_mount_has_no_sockets(long type)
{
        static const unsigned int types[] = {
                0x9fa0,     /* proc */
                0x62656572, /* sysfs */
                0x0027e0eb, /* cgroup */
                0x63677270, /* cgroup2 */
                0x64626720, /* debugfs */
                0x74726163, /* tracefs */
                0x73636673, /* securityfs */
                0xf97cff8c, /* selinuxfs */
                0x62656570, /* configfs */
                0xde5e81e4, /* efivarfs */
                0x6165676c, /* pstore */
                0xcafe4a11, /* bpf */
                0x1cd1,     /* devpts */
                0x19800202, /* mqueue */
                0x42494e4d, /* binfmt_misc */
                0x4d44,     /* vfat */
                0x2011bab0, /* exfat */
                0x9660,     /* iso9660 */
        };

        return has_type_of(type, types, ELEMENTSOF(types));
}
