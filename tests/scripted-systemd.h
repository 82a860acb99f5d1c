/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A libsystemd that answers what a test wrote down: see scripted-systemd.c. */
#ifndef AIU_SCRIPTED_SYSTEMD_H
#define AIU_SCRIPTED_SYSTEMD_H

#include <stdbool.h>

/* A unit that the manager knows: its properties, "Name=value" in lines. Strings in a list have blanks
 * between; addresses of Listen= are "Stream 127.0.0.1:80" with ";" between. What is not there is an
 * error, as from a version of systemd that does not know it. */
struct scripted_unit {
        const char *name, *properties;
};

/* Until the next script; `units` end with a name that is NULL. */
void scripted_systemd(const struct scripted_unit *units);
/* The at-th call into the library fails; 0 = none. */
void scripted_systemd_fail(unsigned int at);
/* Has one failed since? */
bool scripted_systemd_failed(void);
/* How many connections are open, and how many calls were made since the script was given. */
extern unsigned int scripted_connections, scripted_calls;
/* The message bus does not let anyone in; the manager's own socket does. */
extern bool scripted_no_bus;
/* The manager is there, and silent. */
extern bool scripted_hangs;
/* There is no libsystemd. */
extern bool scripted_no_library;

#endif
