/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Questions to one service manager over D-Bus: all are sent before the first answer is awaited, and none is awaited
 * for longer than was said. A manager that hangs (or a bus that does) costs that time and nothing else.
 */
#ifndef AIU_SD_BUS_ASK_H
#define AIU_SD_BUS_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "backend/systemd/sd-bus-load.h"
#include "backend/systemd/sd-bus-unit.h"

struct request;

struct manager_bus {
        const struct sd_bus_library *library;
        sd_bus *bus;
        struct units units;
        struct request *requests; /* all that were sent; freed at the end */
        size_t n_pending;
        size_t n_asked;
        int error;           /* of an answer that could not be kept */
        uint64_t until_nsec; /* CLOCK_MONOTONIC */
};

/* `path`: of a socket. `is_bus`: a message bus is there, else the manager itself, which
 * has to be of user `peer`. Does not wait. */
int manager_bus_open(struct manager_bus *bus, const struct sd_bus_library *library, const char *path, bool is_bus,
                     uid_t peer, uint64_t until_nsec);
/* The units stay. */
void manager_bus_close(struct manager_bus *bus);

/* Send the questions of these kinds (UNIT_ASK_*) that were not sent yet. */
int manager_bus_ask_unit(struct manager_bus *bus, size_t index, uint32_t kinds);
/* Have the loaded units listed whose names match and which are in the state (NULL = any):
 * they are added to the units, with that state. */
int manager_bus_ask_list(struct manager_bus *bus, const char *state, const char *pattern);

/* Until all answers are there. -ETIME: some are missing. */
int manager_bus_wait(struct manager_bus *bus);
/* The same if so many are missing that a message bus would soon refuse more questions. */
int manager_bus_wait_if_many(struct manager_bus *bus);

#endif
