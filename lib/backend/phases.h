/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The phases of a probe: each is a member of struct aiu_backend. */
#ifndef AIU_PHASES_H
#define AIU_PHASES_H

#include <stdbool.h>

#include "addrinuse-backend.h"

/* In the order of the members. The order of the phases is in lib/probe.c and observe/observe.c. */
enum phase {
        PHASE_HOST,
        PHASE_SOCKETS,
        PHASE_HOLDERS,
        PHASE_OPTIONS,
        PHASE_MANAGERS,
        PHASE_KERNEL_USERS,
        PHASE_DEVICES,
        PHASE_HIDDEN_SOCKETS,
        PHASE_UNITS,
        N_PHASES
};

/* Returns AIU_COMPLETE, AIU_PARTIAL or a negative errno. */
typedef int phase_function(void *userdata, const struct aiu_request *, struct aiu_snapshot *);

/* NULL = the backend takes no part in this phase. */
phase_function *phase_of(const struct aiu_backend *backend, enum phase phase);
/* Does the backend take part in any phase? */
bool phase_in_any(const struct aiu_backend *backend);

#endif
