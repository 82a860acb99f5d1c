/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inotify on the directory of an AF_UNIX path: bind(2) fails as long as a file has the name. Files of other names in
 * a busy directory wake the wait up, and no question follows.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/inotify.h>

#include "rules/address.h"
#include "util/sys.h"
#include "wait/source.h"

#define EVENTS (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
#define MOST_READS 100

struct path {
        char text[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1];
        const char *name; /* in its directory */
};

static bool read_path(const struct subject *subject, struct path *ret)
{
        const struct sockaddr_un *un = &subject->address.sa.un;
        size_t bytes = subject->address.len - offsetof(struct sockaddr_un, sun_path);
        char *slash;

        if (subject->address.sa.any.sa_family != AF_UNIX ||
            subject->address.len <= offsetof(struct sockaddr_un, sun_path) || un->sun_path[0] == '\0')
                return false;
        memset(ret->text, 0, sizeof(ret->text));
        memcpy(ret->text, un->sun_path, bytes);
        slash = strrchr(ret->text, '/');
        ret->name = slash ? slash + 1 : ret->text;
        return true;
}

/* "a/b" -> "a", "/b" -> "/", "b" -> "." */
static void cut_name(struct path *path)
{
        size_t n = (size_t)(path->name - path->text);

        if (n == 0)
                path->text[n++] = '.';
        path->text[n] = '\0';
}

static int subscribe(const struct subject *subject)
{
        struct path path;
        int fd, r;

        if (!read_path(subject, &path) || subject->foreign_paths)
                return -ENODATA;
        fd = sys_inotify_init();
        if (fd < 0)
                return fd;
        cut_name(&path);
        r = sys_inotify_add_watch(fd, path.text, EVENTS);
        if (r < 0) {
                sys_close(fd);
                return r;
        }
        return fd;
}

/* Events without a name are about the directory itself, or say that others were lost. */
static bool concerns(const struct inotify_event *event, const char *name)
{
        return event->len == 0 || strcmp((const char *)event + offsetof(struct inotify_event, name), name) == 0;
}

static bool read_events(const char *buffer, size_t bytes, const char *name)
{
        struct inotify_event head;
        bool ours = false;

        for (size_t at = 0; bytes - at >= sizeof(head); at += sizeof(head) + head.len) {
                memcpy(&head, buffer + at, sizeof(head));
                if (head.len > bytes - at - sizeof(head))
                        return true;
                ours = ours || concerns((const struct inotify_event *)(const void *)(buffer + at), name);
        }
        return ours;
}

static bool drain(int fd, const struct subject *subject)
{
        _Alignas(struct inotify_event) char buffer[4096];
        struct path path;
        bool happened = false;

        if (!read_path(subject, &path))
                return false;
        for (int i = 0; i < MOST_READS; i++) {
                ssize_t n = sys_read(fd, buffer, sizeof(buffer));

                if (n == -EAGAIN || n == 0)
                        break;
                happened = happened || n < 0 || read_events(buffer, (size_t)n, path.name);
                if (n < 0)
                        break;
        }
        return happened;
}

const struct source source_directory = { .subscribe = subscribe, .drain = drain };
