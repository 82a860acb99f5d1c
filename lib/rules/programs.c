/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See programs.h. */
#include <string.h>

#include "rules/programs.h"

static const struct {
        const char *comm;
        uint32_t flags;
} programs[] = {
        { "systemd", PROGRAM_SERVICE_MANAGER | PROGRAM_VITAL },
        { "init", PROGRAM_VITAL },
        { "dbus-daemon", PROGRAM_VITAL },
        { "dbus-broker", PROGRAM_VITAL },
        { "dbus-broker-lau", PROGRAM_VITAL },
        { "systemd-logind", PROGRAM_VITAL },
        { "systemd-journal", PROGRAM_VITAL },
        { "launchd", PROGRAM_VITAL },
        { "s6-svscan", PROGRAM_VITAL },
        { "runsvdir", PROGRAM_VITAL },
        { "conmon", PROGRAM_CONTAINER_HELPER | PROGRAM_OF_ONE_CONTAINER },
        { "docker-proxy", PROGRAM_CONTAINER_HELPER | PROGRAM_OF_ONE_CONTAINER },
        { "rootlessport", PROGRAM_CONTAINER_HELPER | PROGRAM_OF_ONE_CONTAINER },
        { "rootlesskit", PROGRAM_CONTAINER_HELPER },
        { "slirp4netns", PROGRAM_CONTAINER_HELPER },
};

uint32_t program_flags(const char *comm)
{
        if (!comm)
                return 0;
        for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
                if (strcmp(comm, programs[i].comm) == 0)
                        return programs[i].flags;
        /* "pasta.avx2" */
        return strncmp(comm, "pasta", 5) == 0 ? PROGRAM_CONTAINER_HELPER : 0;
}

bool unit_is_vital(const char *unit)
{
        static const char *const vital[] = { "dbus.service",           "dbus.socket",
                                             "dbus-broker.service",    "init.scope",
                                             "systemd-logind.service", "systemd-journald.service",
                                             "systemd-journald.socket" };

        for (size_t i = 0; i < sizeof(vital) / sizeof(vital[0]); i++)
                if (strcmp(unit, vital[i]) == 0)
                        return true;
        return strncmp(unit, "user@", 5) == 0 || strncmp(unit, "session-", 8) == 0;
}
