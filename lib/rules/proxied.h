/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* To which container docker-proxy forwards, from the words of its command line. Pure. */
#ifndef AIU_PROXIED_H
#define AIU_PROXIED_H

#include <stdbool.h>
#include <stddef.h>

/*
 * `cmdline`: as in /proc/PID/cmdline, with a NUL behind it. ret_address: "172.17.0.2:80", truncated to
 * fit. false = the words name no address and no port.
 */
bool proxied_address(const char *cmdline, size_t bytes, char *ret_address, size_t size);

#endif
