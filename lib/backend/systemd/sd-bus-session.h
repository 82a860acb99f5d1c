/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The conversation with one service manager: what to ask next follows from the answers. */
#ifndef AIU_SD_BUS_SESSION_H
#define AIU_SD_BUS_SESSION_H

#include "backend/systemd/sd-bus-ask.h"
#include "backend/systemd/sd-bus-unit-query.h"

/* The part of the subjects that this manager is asked about. */
struct session {
        struct manager_bus bus;
        const struct aiu_snapshot *snapshot;
        struct unit_queries *queries;
        bool is_user;
        uid_t user;
        bool listed_sockets; /* the list was asked for; */
        bool knows_sockets;  /* it came, and so did the addresses */
};

bool session_is_about(const struct session *session, const struct unit_query *query);
/* Over a connection that is open. Fills in the subjects' units, and leaves what is known
 * of these in talk->bus.units. -ETIME: not all the answers came. */
int session_run(struct session *session);
/* Instead: which services wait to be started again. */
int session_list_restarting(struct session *session);
/* sd-bus-audit.c. Instead: all .socket units, and the services of the holders or, with `restarts`, all of them. */
int session_list_units(struct session *session, bool restarts);
/* What of that a survey has to know. `v6only`: the sysctl bindv6only. */
int session_tell_units(const struct session *session, enum aiu_tristate v6only, struct aiu_snapshot *snapshot);
/* The number of a device; 0 = there is none of that name. */
unsigned int session_ifindex(const char *name);
/* The socket with which the .socket unit of that index listens: is it this one? */
enum listen_match session_match(const struct session *session, const struct unit *unit, size_t socket);
/* The service that a .socket unit starts; NULL: none, or one for each connection. */
const struct unit *session_service_of(const struct session *session, const struct unit *socket_unit);

#endif
