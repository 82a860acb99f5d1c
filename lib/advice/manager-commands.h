/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who can stop what, by which command: one row for each manager. Pure. */
#ifndef AIU_MANAGER_COMMANDS_H
#define AIU_MANAGER_COMMANDS_H

#include "rules/model.h"

enum stops {
        STOPS_UNITS,      /* manager::unit, manager::socket_unit */
        STOPS_CONTAINERS, /* manager::container */
};

struct manager_command {
        enum aiu_manager_kind kind;
        const char *supervisor; /* AIU_MANAGER_SUPERVISOR: which one */
        enum stops stops;
        const char *tool[3]; /* the start of the argv, NULL-terminated */
        const char *stop;    /* the verb; the names of what it stops follow */
        const char *list;    /* of an engine: the command that says which container
                       publishes which port */
        bool per_user;       /* each user has one, whose command runs as that user */
};

/* NULL = no command is known. */
const struct manager_command *manager_command(const struct manager *manager, enum stops what);

bool manager_is_systemd(const struct manager *manager);
/* It runs containers, and may hold ports for them through a helper (PROGRAM_CONTAINER_HELPER). */
bool manager_is_engine(const struct manager *manager);
/* Its command runs as the user who could have chosen the names: that user can do the same without it. */
bool manager_acts_as_user(const struct manager *manager);

#endif
