/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What manages a process other than systemd: process supervisors, known by the names of its ancestors, and the
 * helpers that hold a port for a container, known by their own.
 */
#ifndef AIU_CGROUP_SUPERVISOR_H
#define AIU_CGROUP_SUPERVISOR_H

#include <stdbool.h>
#include <stddef.h>

#include "addrinuse-backend.h"
#include "backend/cgroup/cgroup-parse.h"

#define SUPERVISOR_PROGRAM_BYTES 1024u

struct supervision {
        const char *name; /* "runit"; NULL = none known */
        /* What the supervisor's own command calls it ("/etc/sv/web", "web:web_0"); "" = not known. */
        char program[SUPERVISOR_PROGRAM_BYTES];
        /* Which user could have chosen both names: see cgroup-word.h. */
        uid_t named_by;
};

/* Is this ancestor among the holders itself? One that is does not bring a child back when all of them are ended. */
typedef bool supervisor_is_holder(const void *userdata, pid_t pid);

void supervisor_find(const struct aiu_request *request, const struct aiu_process_fact *process,
                     supervisor_is_holder *is_holder, const void *userdata, struct supervision *ret);

/* Does this process hold ports on behalf of containers? UNKNOWN = no. `container`
 * (CGROUP_NAME_BYTES) gets the container's id where the command line has it, else "". */
enum aiu_manager_kind supervisor_find_port_helper(const struct aiu_process_fact *process, char *container);
/* Is it a service that may run a container, and not the engine's own, or the home of a user's manager? */
bool supervisor_runs_container(const char *unit);
/*
 * A container of podman that a unit runs: its own cgroup is a scope of podman's, but the conmon above
 * it was left in the unit's (podman run --cgroups=no-conmon, as podman-generate-systemd(1) writes).
 * The unit starts the container again when that is stopped. false: there is no such unit.
 */
bool supervisor_find_container_unit(const struct aiu_request *request, const struct aiu_process_fact *process,
                                    struct cgroup_owner *ret);

#endif
