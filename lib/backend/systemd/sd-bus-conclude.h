/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the answers of a service manager to facts about holders. Makes no calls. */
#ifndef AIU_SD_BUS_CONCLUDE_H
#define AIU_SD_BUS_CONCLUDE_H

#include "backend/systemd/sd-bus-session.h"

/* Adds a fact for each subject that the talk was about and of which something is known.
 * `complete`: all answers came, so what was not found does not exist. */
int session_conclude(const struct session *session, bool complete, struct aiu_snapshot *snapshot);
/* Without a holder of the address: report the services that wait for their restart, because
 * one of them may have held it a moment ago. After session_list_restarting(). */
int session_note_restarting(const struct session *session, struct aiu_snapshot *snapshot);

#endif
