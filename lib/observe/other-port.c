/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The address is in use: the next port that is free for the same socket. Each is looked at as the first one was. */
#include "observe/observe.h"
#include "rules/address.h"
#include "rules/conflict.h"
#include "rules/verdict.h"

#define MOST_PORTS 8

/* On a machine with a million connections a list of the sockets takes longer than it is worth. */
#define MOST_NSEC (UINT64_C(20) * 1000 * 1000)

static int look(const struct observation *o, uint16_t port, bool *ret_free)
{
        struct observation side = *o;
        struct host host = o->snapshot.host;
        struct request q = *o->request;
        struct port_table table;
        int r;

        address_set_port(&q.address, port);
        side.request = &q;
        side.backend_request.address = &q.address.sa.any;
        side.backend_request.port = port;
        host.bound_complete = false; /* of this port */
        snapshot_init(&side.snapshot);
        r = observe_listed(&side);
        table = observe_table(&side);
        table.host = &host;
        *ret_free = r >= 0 && verdict_without_errno(&table) == YES;
        snapshot_finish(&side.snapshot);
        return r < 0 ? r : 0;
}

int observe_other_port(struct observation *o)
{
        struct port_table table = observe_table(o);
        int port = o->backend_request.port, step = port + MOST_PORTS <= UINT16_MAX ? 1 : -1, r = 0;
        bool found = false;

        if (!address_is_ip(&o->request->address) || port == 0 || o->sockets_nsec > MOST_NSEC ||
            o->request->call == AIU_CALL_LISTEN || verdict_without_errno(&table) != NO)
                return 0;
        for (int i = 1; r == 0 && !found && i <= MOST_PORTS; i++) {
                uint16_t next = (uint16_t)(port + i * step);

                r = look(o, next, &found);
                if (found)
                        o->snapshot.host.free_port = next;
        }
        return r;
}
