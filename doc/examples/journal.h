/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A report as structured fields of systemd's journal, without libsystemd. See journal.c. */
#ifndef EXAMPLE_JOURNAL_H
#define EXAMPLE_JOURNAL_H

#include <addrinuse.h>

/*
 * "A program did not get its address". The id is the same in every program, so that one search
 * finds all of them. addrinuse.catalog explains it.
 */
#define JOURNAL_ADDRESS_IN_USE "3c8e1f7a95d24b0c8a6d57e1b2f49d60"

/*
 * Send the report with a priority of syslog(3). Returns 0 or a negative errno: -ENOENT or
 * -ECONNREFUSED if no journal runs here; then use syslog(3).
 */
int journal_send_report(const char *identifier, int priority, const struct aiu_report *report);

#endif
