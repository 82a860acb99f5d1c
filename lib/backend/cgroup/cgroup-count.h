/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How many processes a unit has. */
#ifndef AIU_CGROUP_COUNT_H
#define AIU_CGROUP_COUNT_H

#include <stdint.h>

/* Processes in the cgroup of `unit`, and below, as this pid namespace sees them. `text`: /proc/PID/cgroup of one of
 * them. 0 = not known. */
uint32_t cgroup_count(const char *text, const char *unit);

#endif
