/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which script, module or jar an interpreter runs, from the words of its command line. Pure. */
#ifndef AIU_LABEL_H
#define AIU_LABEL_H

#include <stdbool.h>
#include <stddef.h>

/*
 * `cmdline`: as in /proc/PID/cmdline. *ret_label: *ret_bytes bytes of it, no NUL among them. false = it is
 * not an interpreter's, its code is on the command line, or no word certainly is the name of a program.
 */
bool label_find(const char *cmdline, size_t bytes, const char **ret_label, size_t *ret_bytes);

/* Two processes of that name may have nothing in common. NULL is none. */
bool label_is_interpreter(const char *comm);

#endif
