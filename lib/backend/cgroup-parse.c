/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a cgroup path says about who runs a process: the naming schemes of
 * systemd (systemd.slice(5), systemd.scope(5), user@.service(5)) and of the
 * container engines on top of it. The last component that names something wins:
 * a container in a service is stopped through the service's own file only if the
 * engine says so, and the engine's name is the nearer one.
 */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "cgroup-parse.h"

/* One component of a path, not terminated. */
struct part {
        const char *at;
        size_t n;
};

static bool begins(struct part part, const char *prefix)
{
        size_t n = strlen(prefix);

        return part.n > n && memcmp(part.at, prefix, n) == 0;
}

static bool ends(struct part part, const char *suffix)
{
        size_t n = strlen(suffix);

        return part.n > n && memcmp(part.at + part.n - n, suffix, n) == 0;
}

static void copy(char to[CGROUP_NAME_BYTES], const char *from, size_t n)
{
        if (n >= CGROUP_NAME_BYTES)
                n = CGROUP_NAME_BYTES - 1;
        memcpy(to, from, n);
        to[n] = '\0';
}

/* What is left between a prefix and a suffix that are known to be there. */
static void copy_between(char to[CGROUP_NAME_BYTES], struct part part, const char *prefix, const char *suffix)
{
        copy(to, part.at + strlen(prefix), part.n - strlen(prefix) - strlen(suffix));
}

/* Container ids are 64 hexadecimal digits. */
static bool is_id(const char *at, size_t n)
{
        if (n != 64)
                return false;
        for (size_t i = 0; i < n; i++)
                if (!((at[i] >= '0' && at[i] <= '9') || (at[i] >= 'a' && at[i] <= 'f')))
                        return false;
        return true;
}

static const struct {
        const char *prefix;
        const char *suffix;
        enum aiu_manager_kind kind;
        bool id;                /* what is between them has to be a container id */
} engines[] = {
        { "docker-", ".scope", AIU_MANAGER_DOCKER, true },
        { "libpod-conmon-", ".scope", AIU_MANAGER_PODMAN, true },
        { "libpod-payload-", "", AIU_MANAGER_PODMAN, true },
        { "libpod-", ".scope", AIU_MANAGER_PODMAN, true },
        { "libpod-", "", AIU_MANAGER_PODMAN, true },
        { "cri-containerd-", ".scope", AIU_MANAGER_KUBERNETES, true },
        { "crio-", ".scope", AIU_MANAGER_KUBERNETES, true },
        { "nerdctl-", ".scope", AIU_MANAGER_CONTAINERD, true },
        { "lxc.payload.", "", AIU_MANAGER_LXC, false },
        { "machine-", ".scope", AIU_MANAGER_MACHINE, false },
        { "systemd-nspawn@", ".service", AIU_MANAGER_MACHINE, false },
};

static bool take_engine(struct part part, struct cgroup_owner *owner)
{
        for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++) {
                size_t fixed = strlen(engines[i].prefix) + strlen(engines[i].suffix);

                if (!begins(part, engines[i].prefix) || part.n <= fixed ||
                    (engines[i].suffix[0] && !ends(part, engines[i].suffix)) ||
                    (engines[i].id && !is_id(part.at + strlen(engines[i].prefix), part.n - fixed)))
                        continue;
                owner->kind = engines[i].kind;
                owner->unit[0] = '\0';
                copy_between(owner->container, part, engines[i].prefix, engines[i].suffix);
                return true;
        }
        return false;
}

/* cgroupfs drivers: /docker/ID, /kubepods/.../ID, /default/ID (containerd). */
static bool take_bare_id(struct part part, struct part parent, bool in_pods, struct cgroup_owner *owner)
{
        if (!is_id(part.at, part.n))
                return false;
        if (in_pods)
                owner->kind = AIU_MANAGER_KUBERNETES;
        else if (parent.n == 6 && memcmp(parent.at, "docker", 6) == 0)
                owner->kind = AIU_MANAGER_DOCKER;
        else if (parent.n == 7 && memcmp(parent.at, "default", 7) == 0)
                owner->kind = AIU_MANAGER_CONTAINERD;
        else
                return false;
        owner->unit[0] = '\0';
        copy(owner->container, part.at, part.n);
        return true;
}

/* "user@1000.service": the units below it are that user's manager's. */
static bool take_user_manager(struct part part, struct cgroup_owner *owner)
{
        unsigned long uid = 0;
        size_t i = strlen("user@");

        if (!begins(part, "user@") || !ends(part, ".service"))
                return false;
        for (; i < part.n && part.at[i] >= '0' && part.at[i] <= '9' && uid < 1UL << 32; i++)
                uid = uid * 10 + (unsigned long)(part.at[i] - '0');
        if (i + strlen(".service") != part.n || uid >= UINT32_MAX)
                return false;
        owner->kind = AIU_MANAGER_SYSTEMD_USER;
        owner->user = (uid_t)uid;
        owner->unit[0] = '\0';
        return true;
}

/* A login is no unit that anybody stops because of one process. */
static bool is_session(struct part part)
{
        return begins(part, "session-") && ends(part, ".scope");
}

static bool take_unit(struct part part, struct cgroup_owner *owner)
{
        if (!ends(part, ".service") && !ends(part, ".scope") && !ends(part, ".socket"))
                return false;
        if (part.n == strlen("init.scope") && memcmp(part.at, "init.scope", part.n) == 0)
                return false;   /* the manager itself */
        copy(owner->unit, part.at, part.n);
        owner->container[0] = '\0';
        if (is_session(part))
                owner->kind = AIU_MANAGER_NONE;
        else if (begins(part, "snap."))
                owner->kind = AIU_MANAGER_SNAP;
        else if (owner->kind != AIU_MANAGER_SYSTEMD_USER)
                owner->kind = AIU_MANAGER_SYSTEMD;
        return true;
}

/* "snap.NAME.APP.service": snap(1) stops it as NAME.APP. */
static void name_snap(struct cgroup_owner *owner)
{
        struct part part = { owner->unit, strlen(owner->unit) };

        if (owner->kind == AIU_MANAGER_SNAP && ends(part, ".service"))
                copy_between(owner->container, part, "snap.", ".service");
}

static void parse_path(const char *path, size_t n, struct cgroup_owner *owner)
{
        struct part parent = { "", 0 };
        bool in_pods = false;
        size_t at = 0;

        while (at < n) {
                const char *slash = memchr(path + at, '/', n - at);
                struct part part = { path + at, (slash ? (size_t)(slash - path) : n) - at };

                at += part.n + 1;
                if (part.n == 0)
                        continue;
                in_pods = in_pods || begins(part, "kubepods") ||
                          (part.n == 8 && memcmp(part.at, "kubepods", 8) == 0);
                if (!take_engine(part, owner) && !take_bare_id(part, parent, in_pods, owner) &&
                    !take_user_manager(part, owner))
                        (void)take_unit(part, owner);
                parent = part;
        }
        name_snap(owner);
}

/* "ID:CONTROLLERS:PATH"; where systemd is on the path: name=systemd (v1, hybrid), or no controller (v2). */
static const char *path_of(const char *line, size_t n, bool *ret_named)
{
        const char *first = memchr(line, ':', n), *second;

        second = first ? memchr(first + 1, ':', n - (size_t)(first + 1 - line)) : NULL;
        if (!second)
                return NULL;
        *ret_named = second - first - 1 == 12 && memcmp(first + 1, "name=systemd", 12) == 0;
        return *ret_named || (second == first + 1 && first == line + 1 && *line == '0') ? second + 1 : NULL;
}

void cgroup_parse(const char *text, struct cgroup_owner *ret)
{
        *ret = (struct cgroup_owner){ .kind = AIU_MANAGER_UNKNOWN, .user = (uid_t)-1 };
        while (*text) {
                size_t n = strcspn(text, "\n");
                struct cgroup_owner owner = { .kind = AIU_MANAGER_UNKNOWN, .user = (uid_t)-1 };
                bool named = false;
                const char *path = path_of(text, n, &named);

                if (path)
                        parse_path(path, n - (size_t)(path - text), &owner);
                /* On a hybrid host both lines may tell; the named hierarchy is systemd's own. */
                if (owner.kind != AIU_MANAGER_UNKNOWN && (named || ret->kind == AIU_MANAGER_UNKNOWN))
                        *ret = owner;
                text += n + (text[n] == '\n');
        }
}
