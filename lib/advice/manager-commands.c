/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See manager-commands.h. A manager that can stop one program for good is one row here. */
#include <string.h>

#include "advice/manager-commands.h"

/* clang-format off */
static const struct manager_command commands[] = {
        { AIU_MANAGER_SYSTEMD,      NULL, STOPS_UNITS, { "systemctl" },               "stop", NULL, false },
        { AIU_MANAGER_SYSTEMD_USER, NULL, STOPS_UNITS, { "systemctl", "--user" },     "stop", NULL, true },
        { AIU_MANAGER_SUPERVISOR, "supervisord", STOPS_UNITS, { "supervisorctl" },    "stop", NULL, false },
        { AIU_MANAGER_SUPERVISOR, "runit",       STOPS_UNITS, { "sv" },               "down", NULL, false },
        { AIU_MANAGER_SUPERVISOR, "s6",          STOPS_UNITS, { "s6-svc" },           "-d",   NULL, false },
        { AIU_MANAGER_SUPERVISOR, "daemontools", STOPS_UNITS, { "svc" },              "-d",   NULL, false },
        { AIU_MANAGER_SUPERVISOR, "pm2",         STOPS_UNITS, { "pm2" },              "stop", NULL, false },
        { AIU_MANAGER_DOCKER,     NULL, STOPS_CONTAINERS, { "docker" },     "stop", "docker ps",         true },
        { AIU_MANAGER_PODMAN,     NULL, STOPS_CONTAINERS, { "podman" },     "stop", "podman port --all", true },
        { AIU_MANAGER_CONTAINERD, NULL, STOPS_CONTAINERS, { "nerdctl" },    "stop", "nerdctl ps",        true },
        { AIU_MANAGER_KUBERNETES, NULL, STOPS_CONTAINERS, { "crictl" },     "stop", "crictl ps",         false },
        { AIU_MANAGER_SNAP,       NULL, STOPS_CONTAINERS, { "snap" },       "stop", NULL,                false },
        { AIU_MANAGER_LXC,        NULL, STOPS_CONTAINERS, { "lxc-stop" },   "-n",   NULL,                false },
        { AIU_MANAGER_MACHINE,    NULL, STOPS_CONTAINERS, { "machinectl" }, "stop", NULL,                false },
};
/* clang-format on */

static bool is_for(const struct manager_command *command, const struct manager *m)
{
        if (command->kind != m->kind)
                return false;
        return !command->supervisor || (m->supervisor && strcmp(command->supervisor, m->supervisor) == 0);
}

static const struct manager_command *find(const struct manager *m)
{
        for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
                if (is_for(&commands[i], m))
                        return &commands[i];
        return NULL;
}

const struct manager_command *manager_command(const struct manager *m, enum stops what)
{
        const struct manager_command *command = find(m);

        return command && command->stops == what ? command : NULL;
}

bool manager_is_systemd(const struct manager *m)
{
        return m->kind == AIU_MANAGER_SYSTEMD || m->kind == AIU_MANAGER_SYSTEMD_USER;
}

bool manager_is_engine(const struct manager *m)
{
        const struct manager_command *command = find(m);

        return command && command->list;
}

bool manager_acts_as_user(const struct manager *m)
{
        const struct manager_command *command = find(m);

        return command && command->per_user && m->named_by != 0 && m->named_by != UID_UNKNOWN && m->user == m->named_by;
}
