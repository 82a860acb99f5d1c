/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Units of one service manager, and what their properties mean for a user who wants a process gone and its address
 * free for good. Pure: sd-bus-ask.c fills them in, nothing here talks to a service.
 */
#ifndef AIU_SD_BUS_UNIT_H
#define AIU_SD_BUS_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "addrinuse-backend.h"
#include "backend/systemd/sd-bus-listen.h"

#define UNIT_NAME_BYTES 256u
#define UNIT_PATH_BYTES (64u + 3u * UNIT_NAME_BYTES)
#define UNIT_MOST_LISTEN 64u
#define UNIT_LIST_BYTES 4096u

/* Properties that are asked for together. */
#define UNIT_ASK_STATE (UINT32_C(1) << 0)
#define UNIT_ASK_KIN (UINT32_C(1) << 1)  /* who starts it again, and what it starts */
#define UNIT_ASK_REST (UINT32_C(1) << 2) /* all other properties that always exist */
#define UNIT_ASK_LISTEN (UINT32_C(1) << 3)
#define UNIT_ASK_DOWN (UINT32_C(1) << 4)    /* of one that does not run */
#define UNIT_ASK_SPARING (UINT32_C(1) << 5) /* of one whose KillMode= leaves processes alone */
#define UNIT_ASK_FD_STORE (UINT32_C(1) << 6)
#define UNIT_ASK_FULL_STORE (UINT32_C(1) << 7) /* of one that has something there */
#define UNIT_ASK_SHARING (UINT32_C(1) << 8)    /* options of the sockets of a .socket unit */
#define UNIT_ASK_SINCE (UINT32_C(1) << 9)

/* What is not known is NULL, 0 or UNKNOWN. Lists are names with spaces between. */
struct unit {
        char *name;
        uint32_t backend_request; /* UNIT_ASK_* */
        char *load_state;
        char *active_state;
        char *sub_state;
        char *enabled; /* UnitFileState */
        char *triggered_by;
        char *triggers;
        char *upheld_by;
        char *restart;
        char *kill_mode;
        char *fd_store_preserve;
        char *device; /* BindToDevice */
        char *bind_ipv6_only;
        char *network_namespace;
        enum aiu_tristate private_network;
        enum aiu_tristate reuseport;
        uint64_t active_since; /* ActiveEnterTimestampMonotonic */
        enum aiu_tristate accept;
        enum aiu_tristate removes_file; /* RemoveOnStop */
        enum aiu_tristate can_stop;
        uint32_t main_pid;
        uint32_t n_restarts;
        uint32_t n_fd_store;
        int32_t protocol; /* SocketProtocol: 0 = what the type stands for */
        struct listen_address *listen;
        size_t n_listen;
        bool listens_on_more; /* than UNIT_MOST_LISTEN addresses: the rest are not known */
};

struct units {
        struct unit *list;
        size_t n, room;
};

void units_finish(struct units *units);
/* NULL: there is none of that name. */
struct unit *units_find(const struct units *units, const char *name, size_t n);
/* The unit of that name, new if need be. -EINVAL: no name that systemd takes; -ENOBUFS; -ENOMEM.
 * Adding one moves the others. */
int units_add(struct units *units, const char *name, size_t n, size_t *ret_index);

/* Is it a name of a unit, and none that a command could take for an option? */
bool unit_name_is_valid(const char *name, size_t n);
bool unit_is(const char *name, const char *suffix);
/* The object that stands for the unit. */
void unit_object_path(const char *name, char path[UNIT_PATH_BYTES]);

/* The next name of a list; *list moves on. */
bool unit_list_next(const char **list, const char **ret_name, size_t *ret_bytes);
/* Add a name, unless it is there. -ENOBUFS: no room; -ENOMEM. */
int unit_list_add(char **list, const char *name, size_t n);

/* Is something of it running, or about to? */
bool unit_is_up(const struct unit *unit);
/* Does a stop leave some of its processes alone? */
bool unit_spares(const struct unit *unit);

/* One process, as far as its unit is concerned. */
struct unit_process {
        pid_t pid;
        const pid_t *ancestors;
        size_t n_ancestors;
        bool main_holds_too; /* the unit's main process is among the holders */
};

/* systemd has done with the unit, or with the run of it that this process is of. */
bool unit_is_leftover(const struct unit *unit, const struct unit_process *process);
/* A stop of the unit would leave the process running. */
bool unit_spares_process(const struct unit *unit, const struct unit_process *process);
/* If the process is killed, is it started again? */
enum aiu_tristate unit_returns(const struct units *units, const struct unit *unit, const struct unit_process *process);
/* Add to the list what starts the unit again after a stop: what triggers it, what upholds it. */
int unit_add_revivers(const struct units *units, const struct unit *unit, char **list);

#endif
