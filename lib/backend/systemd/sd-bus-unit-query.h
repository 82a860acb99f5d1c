/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The questions for a service manager: the units that the cgroups named, and the sockets that it holds itself, whose
 * units are not known yet. Read from the snapshot, without any call.
 */
#ifndef AIU_SD_BUS_UNIT_QUERY_H
#define AIU_SD_BUS_UNIT_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "backend/systemd/sd-bus-unit.h"

struct unit_query {
        /* The subject of the answer: see struct aiu_manager_fact. */
        pid_t pid;
        uint64_t inode;
        uint64_t cgroup_id;
        enum aiu_manager_kind kind;
        bool is_user; /* the manager of `user`, else the system's */
        uid_t user;
        bool is_kept;               /* the manager itself holds it, or no visible process */
        bool is_hidden;             /* the latter */
        size_t socket;              /* in the snapshot, where `inode` is set */
        char unit[UNIT_NAME_BYTES]; /* "" = not known */
        char socket_unit[UNIT_NAME_BYTES];
};

struct unit_queries {
        struct unit_query *list;
        size_t n, room;
};

int queries_collect(const struct aiu_snapshot *snapshot, struct unit_queries *queries);
void queries_finish(struct unit_queries *queries);

/* The process of that number, if the snapshot has it. */
bool query_process(const struct aiu_snapshot *snapshot, pid_t pid, struct aiu_process_fact *ret);
/* Does the process hold any socket, or this one (inode not 0)? */
bool query_holds(const struct aiu_snapshot *snapshot, pid_t pid, uint64_t inode);
/* Does any visible process hold it? */
bool query_is_held(const struct aiu_snapshot *snapshot, uint64_t inode);

#endif
