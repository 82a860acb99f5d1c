/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Programs that are treated in a way of their own, by the name of the process. Pure. */
#ifndef AIU_PROGRAMS_H
#define AIU_PROGRAMS_H

#include <stdbool.h>
#include <stdint.h>

/* Starts services, and may hold sockets for them. */
#define PROGRAM_SERVICE_MANAGER (UINT32_C(1) << 0)
/* Holds ports for containers, or watches over one: without it the container is cut off, and its engine is unaware. */
#define PROGRAM_CONTAINER_HELPER (UINT32_C(1) << 1)
/* ... for one container, and outlives it when the engine dies or is upgraded. The others serve all of a user's. */
#define PROGRAM_OF_ONE_CONTAINER (UINT32_C(1) << 2)
/* Every login session, or the host, depends on it. */
#define PROGRAM_VITAL (UINT32_C(1) << 3)

/* PROGRAM_*; 0 for any other program, and for NULL. */
uint32_t program_flags(const char *comm);

/* Does a login or the host depend on this unit: a login session, a user's service manager, the bus, the journal? */
bool unit_is_vital(const char *unit);

#endif
