/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the path of a cgroup says about the manager of the processes in it. Pure: text in, struct out. The text is
 * hostile: a user with a delegated subtree (Delegate=yes, a user's manager, a container's root) can choose any name
 * in it. So a name counts only if systemd or the container engine could have chosen it, and never if a command could
 * take it for an option.
 */
#ifndef AIU_CGROUP_PARSE_H
#define AIU_CGROUP_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "addrinuse.h"

#define CGROUP_NAME_BYTES 256u /* NAME_MAX and a NUL; UNIT_NAME_MAX of systemd is the same */

struct cgroup_owner {
        enum aiu_manager_kind kind; /* UNKNOWN: the text has no cgroup in it */
        uid_t user;                 /* below user@UID.service; (uid_t)-1 = it is not */
        bool is_manager;            /* init.scope: the home of a service manager itself */
        bool is_monitor;            /* conmon's own cgroup: it holds ports for a container */
        /* "nginx.service", as systemd spells it; "" = none. */
        char unit[CGROUP_NAME_BYTES];
        /* Its id, or its name where the engine has no ids; "" = none. */
        char container[CGROUP_NAME_BYTES];
        /* The user below whose slice, or manager, the name was given; 0 = none is seen in the path. */
        uid_t named_by;
        /* Where the name was given: the owners of these cgroups could have chosen it. In the text. */
        const char *above;
        size_t n_above;
        const char *controllers; /* the hierarchy: "memory", "name=systemd"; n = 0: cgroup2 */
        size_t n_controllers;
};

/* The path of one cgroup; it need not end with a NUL. */
void cgroup_parse_path(const char *path, size_t n, struct cgroup_owner *ret);
/* The text of /proc/PID/cgroup: v1, v2 or both. NULL is fine. */
void cgroup_parse(const char *text, struct cgroup_owner *ret);
/* "foo.service" ends with ".service". */
bool cgroup_has_suffix(const char *name, const char *suffix);

#endif
