/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See event.h. */
#include "event.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

#define HANDLE_OF_KERNFS 0xfe /* FILEID_KERNFS of Linux */

/* ------------------------------------------------------ the process */

static size_t read_file(pid_t pid, const char *name, char *to, size_t bytes)
{
        char path[64];
        ssize_t n;
        int fd;

        (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        n = fd < 0 ? -1 : read(fd, to, bytes - 1);
        if (fd >= 0)
                (void)close(fd);
        to[n > 0 ? n : 0] = '\0';
        return n > 0 ? (size_t)n : 0;
}

static bool has_suffix(const char *text, size_t n, const char *suffix)
{
        size_t bytes = strlen(suffix);

        return n > bytes && memcmp(text + n - bytes, suffix, bytes) == 0;
}

/* systemd: the first part of the path that is no slice, once more below the manager of a user. */
static void find_unit(const char *at, struct event *event)
{
        const char *end = at + strcspn(at, "\n");
        size_t n;

        for (; at < end; at += n) {
                at += strspn(at, "/");
                n = strcspn(at, "/\n");
                if (n == 0 || has_suffix(at, n, ".slice"))
                        continue;
                if (!has_suffix(at, n, ".service") && !has_suffix(at, n, ".scope"))
                        return;
                event->of_user = *event->unit != '\0';
                (void)snprintf(event->unit, sizeof(event->unit), "%.*s", (int)n, at);
                if (event->of_user || strncmp(at, "user@", 5) != 0)
                        return;
        }
}

static void read_unit(pid_t pid, struct event *event)
{
        char text[4096];
        const char *at;

        (void)read_file(pid, "cgroup", text, sizeof(text));
        /* systemd uses cgroup2, or a v1 hierarchy of its own. */
        at = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::/");
        if (at)
                find_unit(at + strcspn(at, "/"), event);
        at = *event->unit ? NULL : strstr(text, ":name=systemd:/");
        if (at)
                find_unit(at + strcspn(at, "/"), event);
}

/* The root of cgroup2, alone or beside v1. */
static int open_cgroups(const char **ret_root)
{
        static const char *const roots[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
        struct statfs fs;

        for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
                int fd = open(roots[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

                *ret_root = roots[i];
                if (fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
                        return fd;
                if (fd >= 0)
                        (void)close(fd);
        }
        return -ENOENT;
}

/* The number of a cgroup is its file handle, too. */
static int open_cgroup(int root, uint64_t id)
{
        union {
                struct file_handle handle;
                char bytes[sizeof(struct file_handle) + sizeof(id)];
        } cgroup = { .handle = { .handle_bytes = sizeof(id), .handle_type = HANDLE_OF_KERNFS } };

        memcpy(cgroup.handle.f_handle, &id, sizeof(id));
        return open_by_handle_at(root, &cgroup.handle, O_PATH | O_CLOEXEC);
}

void event_set_cgroup(struct event *event, uint64_t cgroup_id)
{
        const char *prefix;
        char link[32], path[4096];
        int root = cgroup_id ? open_cgroups(&prefix) : -1, fd;
        ssize_t n;

        if (root < 0)
                return;
        fd = open_cgroup(root, cgroup_id);
        (void)close(root);
        if (fd < 0)
                return;
        (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = readlink(link, path, sizeof(path) - 1);
        (void)close(fd);
        path[n > 0 ? n : 0] = '\0';
        if (strncmp(path, prefix, strlen(prefix)) == 0)
                find_unit(path + strlen(prefix), event);
}

static uint64_t netns_of(pid_t tid)
{
        char path[64];
        struct stat st;

        (void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)tid);
        return stat(path, &st) < 0 ? 0 : st.st_ino;
}

void event_begin(struct event *event, pid_t pid, pid_t tid)
{
        struct timespec now;

        memset(event, 0, sizeof(*event));
        (void)clock_gettime(CLOCK_REALTIME, &now);
        event->time_usec = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
        event->pid = pid;
        (void)read_file(pid, "comm", event->comm, sizeof(event->comm));
        if (*event->comm)
                event->comm[strlen(event->comm) - 1] = '\0';
        read_unit(pid, event);
        event->netns = netns_of(tid);
}

/* ------------------------------------------------------ JSON */

/* Printable ASCII, as everywhere in our JSON: then the quote and the backslash are left to escape. */
static void put_string(FILE *out, const char *text)
{
        char *ascii = NULL;

        if (!*text || aiu_escape(text, strlen(text), &ascii) < 0) {
                (void)fputs("null", out);
                return;
        }
        (void)putc('"', out);
        for (const char *c = ascii; *c; c++) {
                if (*c == '"' || *c == '\\')
                        (void)putc('\\', out);
                (void)putc(*c, out);
        }
        (void)putc('"', out);
        free(ascii);
}

static void put_line(FILE *out, const struct event *event, const char *report)
{
        fprintf(out, "{\"schema\":1,\"event\":\"bind-failed\",\"time_usec\":\"%llu\",\"pid\":",
                (unsigned long long)event->time_usec);
        if (event->pid > 0)
                fprintf(out, "%d", (int)event->pid);
        else
                (void)fputs("null", out);
        (void)fputs(",\"comm\":", out);
        put_string(out, event->comm);
        (void)fputs(",\"unit\":", out);
        put_string(out, event->unit);
        if (event->netns)
                fprintf(out, ",\"netns\":\"%llu\"", (unsigned long long)event->netns);
        else
                (void)fputs(",\"netns\":null", out);
        fprintf(out, ",\"repeats\":%llu,\"report\":%s}\n", (unsigned long long)event->repeats, report);
}

/* The string is there when its stream is closed. */
static int finish(FILE *out, char **text, char **ret_text)
{
        bool failed = ferror(out) != 0;

        if (fclose(out) != 0 || failed) {
                free(*text);
                return -ENOMEM;
        }
        *ret_text = *text;
        return 0;
}

int event_to_json(const struct event *event, uint32_t render, char **ret_line)
{
        char *report = NULL, *line = NULL;
        size_t n;
        FILE *out;
        int r = aiu_report_to_json(event->report, render & ~(uint32_t)AIU_RENDER_PRETTY, &report);

        if (r < 0)
                return r;
        out = open_memstream(&line, &n);
        if (out)
                put_line(out, event, report);
        free(report);
        return out ? finish(out, &line, ret_line) : -ENOMEM;
}

/* ------------------------------------------------------ words */

static const char *outcome(const struct event *event)
{
        if (event->predicted)
                return event->again ? "will fail again" : "will fail";
        return event->again ? "failed again" : "failed";
}

static void put_head(FILE *out, const struct event *event)
{
        const char *call = aiu_report_get_call(event->report) == AIU_CALL_LISTEN ? "listen()" : "bind()";
        char *comm = NULL;

        if (*event->comm)
                (void)aiu_escape(event->comm, strlen(event->comm), &comm);
        fprintf(out, "addrinuse: %s of %s (pid %d) %s", call, comm ? comm : "a process", (int)event->pid,
                outcome(event));
        free(comm);
}

int event_to_text(const struct event *event, uint32_t render, size_t width, char **ret_text)
{
        char *report = NULL, *text = NULL;
        size_t n;
        FILE *out;
        int r = event->again ? 0 : aiu_report_to_text(event->report, render | AIU_RENDER_LOCAL_TIME, &report);

        if (r < 0)
                return r;
        out = open_memstream(&text, &n);
        if (out) {
                put_head(out, event);
                if (event->repeats > 0)
                        fprintf(out, " (%llu times)", (unsigned long long)event->repeats + 1);
                if (report) {
                        (void)putc('\n', out);
                        cli_print_wrapped(out, event->report, report, width);
                } else {
                        fprintf(out, ": %s\n", aiu_report_get_summary(event->report));
                }
        }
        free(report);
        return out ? finish(out, &text, ret_text) : -ENOMEM;
}
