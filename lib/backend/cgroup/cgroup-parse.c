/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See cgroup-parse.h. systemd puts a unit's cgroup below those of its slices and a user's manager below
 * user@UID.service, so the unit is the first component that is no slice, once more behind user@UID.service; what
 * comes deeper is of the unit's own making. Container engines are recognised by the names that they give their
 * cgroups, wherever those are: the last one in the path is the one that the process is in.
 */
#include "backend/cgroup/cgroup-parse.h"

#include <string.h>

#include "util/macro.h"

#define ID_CHARS 64u /* a container's id: SHA-256 in hexadecimal */

/* One component of a path. */
struct part {
        const char *at;
        size_t n;
};

static bool has_prefix(struct part part, const char *prefix)
{
        size_t n = strlen(prefix);

        return part.n >= n && memcmp(part.at, prefix, n) == 0;
}

static bool has_suffix(struct part part, const char *suffix)
{
        return ends_with(part.at, part.n, suffix);
}

static bool equals(struct part part, const char *text)
{
        return part.n == strlen(text) && memcmp(part.at, text, part.n) == 0;
}

bool cgroup_has_suffix(const char *name, const char *suffix)
{
        return ends_with(name, strlen(name), suffix);
}

/* What is left of a part without a prefix and a suffix that it has. */
static struct part trim(struct part part, const char *prefix, const char *suffix)
{
        size_t front = strlen(prefix), back = strlen(suffix);

        return (struct part){ part.at + front, part.n - front - back };
}

static bool is_wrapped(struct part part, const char *prefix, const char *suffix)
{
        return part.n > strlen(prefix) + strlen(suffix) && has_prefix(part, prefix) &&
               (*suffix == '\0' || has_suffix(part, suffix));
}

/* Only names that passed is_unit() or is_plain_name(), and are not too long. */
static void keep(char *to, struct part part)
{
        memcpy(to, part.at, part.n);
        to[part.n] = '\0';
}

#define DIGITS "0123456789"
#define ALNUM DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static bool is_id(struct part part)
{
        return part.n == ID_CHARS && consists_of(part.at, part.n, DIGITS "abcdef");
}

/* A name that goes into a command: nothing but a name, and no option. */
static bool is_plain_name(struct part part)
{
        return part.n < CGROUP_NAME_BYTES && consists_of(part.at, part.n, ALNUM "._-:") && part.at[0] != '-';
}

/* systemd.unit(5): what a unit's name is made of. One that begins with "-" is
 * possible but for slices and mounts senseless, and systemctl(1) would take it
 * for an option. */
static bool is_unit(struct part part)
{
        static const char *const suffixes[] = { ".service", ".scope", ".socket", ".mount", ".swap" };

        if (part.n >= CGROUP_NAME_BYTES || !consists_of(part.at, part.n, ALNUM ":-_.\\@") || part.at[0] == '-' ||
            part.at[0] == '.' || part.at[0] == '@')
                return false;
        for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
                if (has_suffix(part, suffixes[i]))
                        return true;
        return false;
}

/* Names that could be mistaken for files of the kernel ("cpu.service" beside
 * cpu.max) get a "_" in front, and so do those that have one: cg_escape(). */
static struct part unescape(struct part part)
{
        if (part.n > 1 && part.at[0] == '_')
                return (struct part){ part.at + 1, part.n - 1 };
        return part;
}

static bool next_part(const char **path, const char *end, struct part *ret)
{
        while (*path < end && **path == '/')
                (*path)++;
        ret->at = *path;
        while (*path < end && **path != '/')
                (*path)++;
        ret->n = (size_t)(*path - ret->at);
        return ret->n > 0;
}

/* ------------------------------------------------------ containers */

/* One part with the engine's mark and an id. */
static const struct {
        const char *prefix, *suffix;
        enum aiu_manager_kind kind;
        bool is_monitor;
} marks[] = {
        { "docker-", ".scope", AIU_MANAGER_DOCKER, false },
        { "libpod-conmon-", ".scope", AIU_MANAGER_PODMAN, true },
        { "libpod-conmon-", "", AIU_MANAGER_PODMAN, true },
        { "libpod-payload-", "", AIU_MANAGER_PODMAN, false },
        { "libpod-", ".scope", AIU_MANAGER_PODMAN, false },
        { "libpod-", "", AIU_MANAGER_PODMAN, false },
        { "cri-containerd-", ".scope", AIU_MANAGER_KUBERNETES, false },
        { "crio-conmon-", ".scope", AIU_MANAGER_KUBERNETES, true },
        { "crio-conmon-", "", AIU_MANAGER_KUBERNETES, true },
        { "crio-", ".scope", AIU_MANAGER_KUBERNETES, false },
        { "crio-", "", AIU_MANAGER_KUBERNETES, false },
        { "nerdctl-", ".scope", AIU_MANAGER_CONTAINERD, false },
};

/* An id alone, below a part that names the engine or its namespace (cgroupfs drivers). */
static const struct {
        const char *parent;
        enum aiu_manager_kind kind;
} parents[] = {
        { "docker", AIU_MANAGER_DOCKER },
        { "libpod_parent", AIU_MANAGER_PODMAN },
        { "default", AIU_MANAGER_CONTAINERD },
        { "k8s.io", AIU_MANAGER_KUBERNETES },
};

/* What was seen on the way down a path. */
struct walk {
        struct cgroup_owner *owner;
        struct part previous;
        struct part unit; /* as the cgroup is called */
        bool want_unit;   /* no unit yet: slices only */
        bool in_pods;     /* below kubepods */
        bool in_tasks;    /* below Amazon's ecs */
        bool is_payload;  /* podman --cgroups=split: the unit is the manager */
        enum aiu_manager_kind container_kind;
        bool container_is_unit;
        const char *current; /* the part that is looked at */
        const char *unit_at, *container_at;
        uid_t whose; /* the user whose slice or manager this is below; 0 = none */
        uid_t container_by;
};

static void found_container(struct walk *walk, enum aiu_manager_kind kind, struct part name, bool is_unit_too)
{
        walk->container_kind = walk->in_pods ? AIU_MANAGER_KUBERNETES : kind;
        walk->container_is_unit = is_unit_too;
        walk->container_at = walk->current;
        walk->container_by = walk->whose;
        walk->owner->is_monitor = false;
        walk->is_payload = false;
        keep(walk->owner->container, name);
}

static bool match_mark(struct walk *walk, struct part part, bool is_the_unit)
{
        for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
                if (!is_wrapped(part, marks[i].prefix, marks[i].suffix) ||
                    !is_id(trim(part, marks[i].prefix, marks[i].suffix)))
                        continue;
                found_container(walk, marks[i].kind, trim(part, marks[i].prefix, marks[i].suffix), is_the_unit);
                walk->owner->is_monitor = marks[i].is_monitor;
                walk->is_payload = has_prefix(part, "libpod-payload-");
                return true;
        }
        return false;
}

static bool match_bare_id(struct walk *walk, struct part part)
{
        if (!is_id(part))
                return false;
        for (size_t i = 0; i < sizeof(parents) / sizeof(parents[0]); i++) {
                if (!equals(walk->previous, parents[i].parent))
                        continue;
                found_container(walk, parents[i].kind, part, false);
                return true;
        }
        if (walk->in_pods || walk->in_tasks) {
                found_container(walk, walk->in_pods ? AIU_MANAGER_KUBERNETES : AIU_MANAGER_DOCKER, part, false);
                return true;
        }
        return false;
}

/* "kubepods-besteffort-podUID.slice:cri-containerd:ID": containerd without SystemdCgroup. */
static bool match_cri_triple(struct walk *walk, struct part part)
{
        struct part id;

        if (!has_prefix(part, "kubepods") || part.n <= ID_CHARS + 1 || part.at[part.n - ID_CHARS - 1] != ':')
                return false;
        id = (struct part){ part.at + part.n - ID_CHARS, ID_CHARS };
        if (!is_id(id))
                return false;
        found_container(walk, AIU_MANAGER_KUBERNETES, id, false);
        return true;
}

/* lxc.payload.NAME since LXC 4.0, lxc/NAME before. */
static bool match_lxc(struct walk *walk, struct part part)
{
        static const char *const prefixes[] = { "lxc.payload.", "lxc.monitor." };
        bool below = equals(walk->previous, "lxc") || equals(walk->previous, "lxc.payload") ||
                     equals(walk->previous, "lxc.monitor");

        for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
                if (is_wrapped(part, prefixes[i], "") && is_plain_name(trim(part, prefixes[i], ""))) {
                        found_container(walk, AIU_MANAGER_LXC, trim(part, prefixes[i], ""), false);
                        return true;
                }
        }
        if (!below || !is_plain_name(part))
                return false;
        found_container(walk, AIU_MANAGER_LXC, part, false);
        return true;
}

static int hex_digit(char c)
{
        static const char digits[] = "0123456789abcdef";
        const char one[] = { c, '\0' };
        size_t at = strcspn(digits, one);

        return at < sizeof(digits) - 1 ? (int)at : -1;
}

/* A machine's name without the "\x2d" that its scope's name has for "-". It is part of a unit's name, so
 * it is not too long. */
static size_t unescape_name(char *to, struct part from)
{
        size_t n = 0;

        for (size_t i = 0; i < from.n; i++) {
                char c = from.at[i];

                if (c == '\\' && i + 3 < from.n && from.at[i + 1] == 'x' && hex_digit(from.at[i + 2]) >= 0 &&
                    hex_digit(from.at[i + 3]) >= 0) {
                        c = (char)(16 * hex_digit(from.at[i + 2]) + hex_digit(from.at[i + 3]));
                        i += 3;
                }
                to[n++] = c;
        }
        to[n] = '\0';
        return n;
}

/* machined(8): machine-NAME.scope; systemd-nspawn@(1). */
static bool match_machine(struct walk *walk, struct part part)
{
        char name[CGROUP_NAME_BYTES];
        struct part machine = { name, 0 };

        if (is_wrapped(part, "machine-", ".scope"))
                machine.n = unescape_name(name, trim(part, "machine-", ".scope"));
        else if (is_wrapped(part, "systemd-nspawn@", ".service"))
                machine.n = unescape_name(name, trim(part, "systemd-nspawn@", ".service"));
        if (machine.n == 0 || !is_plain_name(machine))
                return false;
        found_container(walk, AIU_MANAGER_MACHINE, machine, true);
        return true;
}

/* snap.NAME.APP.service; an application that a user started is in a scope, and is the user's own. */
static bool match_snap(struct walk *walk, struct part part)
{
        if (!has_prefix(part, "snap."))
                return false;
        if (has_suffix(part, ".scope")) {
                found_container(walk, AIU_MANAGER_SNAP, (struct part){ "", 0 }, true);
                return true;
        }
        if (!is_wrapped(part, "snap.", ".service") || !is_plain_name(trim(part, "snap.", ".service")))
                return false;
        found_container(walk, AIU_MANAGER_SNAP, trim(part, "snap.", ".service"), true);
        return true;
}

static void match_container(struct walk *walk, struct part part, bool is_the_unit)
{
        if (match_cri_triple(walk, part) || match_mark(walk, part, is_the_unit) || match_bare_id(walk, part) ||
            match_lxc(walk, part))
                return;
        if (is_the_unit && !match_machine(walk, part))
                (void)match_snap(walk, part);
}

/* ------------------------------------------------------ units */

/* A uid between `prefix` and `suffix`. */
static bool parse_uid(struct part part, const char *prefix, const char *suffix, uid_t *ret_uid)
{
        struct part digits;
        unsigned long long uid = 0;

        if (!is_wrapped(part, prefix, suffix))
                return false;
        digits = trim(part, prefix, suffix);
        if (digits.n > 10 || !consists_of(digits.at, digits.n, DIGITS))
                return false;
        for (size_t i = 0; i < digits.n; i++)
                uid = uid * 10 + (unsigned long long)(digits.at[i] - '0');
        if (uid >= (uid_t)-1)
                return false;
        *ret_uid = (uid_t)uid;
        return true;
}

/* "user@1000.service" */
static bool user_manager(struct part part, uid_t *ret_uid)
{
        return parse_uid(part, "user@", ".service", ret_uid);
}

/* What a session makes below its scope is that user's as well: pam_cgfs, or a scope that was delegated. */
static void enter(struct walk *walk, struct part part)
{
        uid_t uid;

        if (walk->whose == 0 && (user_manager(part, &uid) || parse_uid(part, "user-", ".slice", &uid)))
                walk->whose = uid;
}

/* Returns whether this part is the unit. */
static bool take_unit(struct walk *walk, struct part part)
{
        struct cgroup_owner *owner = walk->owner;
        uid_t uid;

        if (!walk->want_unit || has_suffix(part, ".slice"))
                return false;
        if (owner->user == (uid_t)-1 && user_manager(part, &uid)) {
                owner->user = uid;
                walk->unit = part;
                walk->unit_at = part.at;
                return false;
        }
        walk->want_unit = false;
        walk->unit_at = part.at;
        walk->unit = is_unit(unescape(part)) ? unescape(part) : (struct part){ "", 0 };
        return walk->unit.n > 0;
}

static bool is_session(struct part unit)
{
        struct part id;

        if (!is_wrapped(unit, "session-", ".scope"))
                return false;
        id = trim(unit, "session-", ".scope");
        return consists_of(id.at, id.n, ALNUM);
}

/* A desktop application or a terminal's shell: a scope that users do not stop by its name. */
static bool is_application(struct part unit)
{
        return has_suffix(unit, ".scope") &&
               (has_prefix(unit, "app-") || has_prefix(unit, "vte-spawn-") || has_prefix(unit, "tmux-spawn-"));
}

static void conclude_unit(struct walk *walk)
{
        struct cgroup_owner *owner = walk->owner;
        enum aiu_manager_kind systemd = AIU_MANAGER_SYSTEMD;

        if (walk->unit.n == 0)
                return;
        /* Nothing below user@UID.service: there the unit is that of the system's manager. */
        if (owner->user != (uid_t)-1 && !walk->want_unit) {
                systemd = AIU_MANAGER_SYSTEMD_USER;
                owner->named_by = owner->user;
        }
        owner->kind = systemd;
        owner->n_above = (size_t)(walk->unit_at - owner->above);
        if (equals(walk->unit, "init.scope")) {
                owner->is_manager = true;
                return;
        }
        keep(owner->unit, walk->unit);
        if (is_session(walk->unit) || (systemd == AIU_MANAGER_SYSTEMD_USER && is_application(walk->unit)))
                owner->kind = AIU_MANAGER_NONE;
}

static void conclude_container(struct walk *walk)
{
        struct cgroup_owner *owner = walk->owner;

        if (walk->container_kind == AIU_MANAGER_UNKNOWN)
                return;
        /* podman --cgroups=split in a unit: that one stops and starts the container. */
        if (walk->is_payload && owner->unit[0])
                return;
        owner->kind = walk->container_kind;
        owner->named_by = walk->container_at ? walk->container_by : walk->whose;
        owner->n_above = walk->container_at ? (size_t)(walk->container_at - owner->above) : 0;
        owner->is_manager = false;
        /* A container below the service of its engine: that unit is not the container's. */
        if (!walk->container_is_unit)
                owner->unit[0] = '\0';
}

void cgroup_parse_path(const char *path, size_t n, struct cgroup_owner *ret)
{
        static const char dead[] = " (deleted)"; /* proc_cgroup_show() */
        struct walk walk = { .owner = ret, .want_unit = true, .previous = { "", 0 } };
        const char *end = path + n;
        struct part part;

        *ret = (struct cgroup_owner){ .kind = AIU_MANAGER_UNKNOWN, .user = (uid_t)-1, .above = path };
        if (n > sizeof(dead) - 1 && memcmp(end - (sizeof(dead) - 1), dead, sizeof(dead) - 1) == 0)
                end -= sizeof(dead) - 1;
        while (next_part(&path, end, &part)) {
                /* Above the root of the reader's cgroup namespace: it has no name here. */
                if (equals(part, ".."))
                        continue;
                walk.in_pods = walk.in_pods || has_prefix(part, "kubepods");
                walk.in_tasks = walk.in_tasks || equals(part, "ecs");
                walk.current = part.at;
                match_container(&walk, part, take_unit(&walk, part));
                enter(&walk, part);
                walk.previous = part;
        }
        if (walk.in_pods && walk.container_kind == AIU_MANAGER_UNKNOWN)
                walk.container_kind = AIU_MANAGER_KUBERNETES;
        conclude_unit(&walk);
        conclude_container(&walk);
}

/* ------------------------------------------------------ /proc/PID/cgroup */

enum hierarchy {
        HIERARCHY_OTHER,
        HIERARCHY_SYSTEMD, /* v1 with a name: if it is there, systemd's units are in it */
        HIERARCHY_V2,
};

/* "ID:CONTROLLERS:PATH", cgroups(7). */
static bool parse_line(const char *line, size_t n, enum hierarchy *ret_hierarchy, struct part *ret_controllers,
                       struct part *ret_path)
{
        const char *first = memchr(line, ':', n), *second;
        struct part controllers;

        if (!first)
                return false;
        second = memchr(first + 1, ':', n - (size_t)(first + 1 - line));
        if (!second)
                return false;
        controllers = (struct part){ first + 1, (size_t)(second - first - 1) };
        *ret_path = (struct part){ second + 1, n - (size_t)(second + 1 - line) };
        *ret_controllers = controllers;
        *ret_hierarchy = HIERARCHY_OTHER;
        if (equals(controllers, "name=systemd"))
                *ret_hierarchy = HIERARCHY_SYSTEMD;
        else if (controllers.n == 0 && first == line + 1 && line[0] == '0')
                *ret_hierarchy = HIERARCHY_V2;
        return ret_path->n > 0 && ret_path->at[0] == '/';
}

/* How much a line's path tells; systemd's own line is believed before all others. */
static int rank(const struct cgroup_owner *owner, enum hierarchy hierarchy)
{
        bool tells = owner->unit[0] || owner->container[0] || owner->is_manager || owner->kind != AIU_MANAGER_UNKNOWN;

        if (!tells)
                return 1;
        if (hierarchy == HIERARCHY_SYSTEMD)
                return 5;
        /* Hybrid: an engine that makes v1 cgroups leaves 0:: where its own service is. */
        if (owner->container[0])
                return hierarchy == HIERARCHY_V2 ? 4 : 3;
        /* The controllers' hierarchies stop at slices and services. */
        return hierarchy == HIERARCHY_V2 ? 2 : 0;
}

void cgroup_parse(const char *text, struct cgroup_owner *ret)
{
        int best = 0;

        *ret = (struct cgroup_owner){ .kind = AIU_MANAGER_UNKNOWN, .user = (uid_t)-1 };
        while (text && *text) {
                size_t n = strcspn(text, "\n");
                struct cgroup_owner owner;
                enum hierarchy hierarchy;
                struct part controllers, path;

                if (parse_line(text, n, &hierarchy, &controllers, &path)) {
                        cgroup_parse_path(path.at, path.n, &owner);
                        owner.controllers = controllers.at;
                        owner.n_controllers = controllers.n;
                        if (rank(&owner, hierarchy) > best) {
                                best = rank(&owner, hierarchy);
                                *ret = owner;
                        }
                }
                text += n + (text[n] == '\n');
        }
}
