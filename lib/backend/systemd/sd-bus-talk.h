/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The conversation with one service manager: what to ask next follows from the answers. */
#ifndef AIU_SD_BUS_TALK_H
#define AIU_SD_BUS_TALK_H

#include "backend/systemd/sd-bus-ask.h"
#include "backend/systemd/sd-bus-subject.h"

/* The part of the subjects that this manager is asked about. */
struct talk {
        struct manager_bus bus;
        const struct aiu_snapshot *snapshot;
        struct subjects *subjects;
        bool is_user;
        uid_t user;
        bool listed_sockets;
        bool listed_services;
};

bool talk_is_about(const struct talk *talk, const struct subject *subject);
/* Over a connection that is open. Fills in the subjects' units, and leaves what is known
 * of these in talk->bus.units. -ETIME: not all the answers came. */
int talk_run(struct talk *talk);
/* Instead: which services wait to be started again. */
int talk_list_restarting(struct talk *talk);
/* The socket with which the .socket unit of that index listens: is it this one? */
enum listen_match talk_match(const struct talk *talk, const struct unit *unit, size_t socket);
/* The service that a .socket unit starts; NULL: none, or one for each connection. */
const struct unit *talk_service_of(const struct talk *talk, const struct unit *socket_unit);

#endif
