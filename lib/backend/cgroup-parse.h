/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a cgroup path says about who runs a process. Pure: fuzzers call it. */
#ifndef AIU_CGROUP_PARSE_H
#define AIU_CGROUP_PARSE_H

#include <addrinuse.h>

#define CGROUP_NAME_BYTES 256u  /* the kernel's NAME_MAX and a NUL */

struct cgroup_owner {
        enum aiu_manager_kind kind;             /* UNKNOWN: the path says nothing */
        char unit[CGROUP_NAME_BYTES];           /* "" = none */
        char container[CGROUP_NAME_BYTES];      /* id or name; "" = none */
        uid_t user;                             /* SYSTEMD_USER: whose */
};

/* `text`: the whole of /proc/PID/cgroup, of any hierarchy layout. */
void cgroup_parse(const char *text, struct cgroup_owner *ret);

#endif
