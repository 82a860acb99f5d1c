/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What can be done about a holder depends on what it is, and on which user could have chosen its names. */
#ifndef AIU_ADVICE_HOLDER_H
#define AIU_ADVICE_HOLDER_H

#include "advice/list.h"

/* Has it a unit, or a program of a supervisor, that can be asked to stop? */
bool advice_has_unit(const struct aiu_holder *holder);

/* Does it hold the port for a container, or watch over one? Ending it leaves the container behind. */
bool advice_is_port_helper(const struct aiu_holder *holder);

/* A service manager (pid 1, or a user's) that holds a socket for its units. */
bool advice_is_proxy(const struct aiu_holder *holder);

/* May the process be sent a signal? Not pid 1, a proxy, the caller, nor a container's helper. */
bool advice_is_process(const struct aiu_holder *holder);

/* Can the asker trust the names of the manager? */
bool advice_believes(const struct advice_input *in, const struct manager *m);
/* An action that rests on names that the asker cannot trust is not certain. */
void advice_weigh_word(const struct advice_input *in, struct aiu_action *action);
/* Does the manager start a holder again? */
tristate advice_returns(const struct advice_input *in, const struct manager *m);

#endif
