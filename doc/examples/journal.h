/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A report as structured fields of systemd's journal, without libsystemd. See journal.c. */
#ifndef EXAMPLE_JOURNAL_H
#define EXAMPLE_JOURNAL_H

#include <addrinuse.h>

/*
 * "Somebody did not get the address": the same for every program, so that one search finds
 * the whole fleet. addrinuse.catalog explains it.
 */
#define JOURNAL_ADDRESS_IN_USE "3c8e1f7a95d24b0c8a6d57e1b2f49d60"

/*
 * Sends it, with the priority of syslog(3). 0, or a negative errno: -ENOENT or -ECONNREFUSED if no
 * journal runs here, and then it is a case for syslog(3).
 */
int journal_send_report(const char *identifier, int priority, const struct aiu_report *report);

#endif
