/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one table that says which member of struct aiu_backend belongs to which phase. */
#include <stddef.h>
#include <string.h>

#include "backend/phases.h"

static const size_t member_of[N_PHASES] = {
        [PHASE_HOST] = offsetof(struct aiu_backend, host),
        [PHASE_SOCKETS] = offsetof(struct aiu_backend, sockets),
        [PHASE_HOLDERS] = offsetof(struct aiu_backend, holders),
        [PHASE_OPTIONS] = offsetof(struct aiu_backend, options),
        [PHASE_MANAGERS] = offsetof(struct aiu_backend, managers),
        [PHASE_KERNEL_USERS] = offsetof(struct aiu_backend, kernel_users),
        [PHASE_DEVICES] = offsetof(struct aiu_backend, devices),
        [PHASE_HIDDEN_SOCKETS] = offsetof(struct aiu_backend, hidden_sockets),
        [PHASE_UNITS] = offsetof(struct aiu_backend, units),
};

/* Besides the phases a backend has a size, a name and destroy(). */
_Static_assert(sizeof(struct aiu_backend) == (N_PHASES + 3) * sizeof(phase_function *),
               "a member of struct aiu_backend is missing in the table of phases");

phase_function *phase_of(const struct aiu_backend *backend, enum phase phase)
{
        phase_function *function;

        memcpy(&function, (const char *)backend + member_of[phase], sizeof(function));
        return function;
}

bool phase_in_any(const struct aiu_backend *backend)
{
        for (enum phase phase = 0; phase < N_PHASES; phase++)
                if (phase_of(backend, phase))
                        return true;
        return false;
}
