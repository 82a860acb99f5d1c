/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs the backends, phase by phase, for one query. */
#ifndef AIU_OBSERVE_H
#define AIU_OBSERVE_H

#include "backend/phases.h"
#include "query/context.h"
#include "rules/port-table.h"
#include "snapshot/snapshot.h"

/* A socket that is not in the way, and worth a note. */
enum beside_kind {
        BESIDE_PROTOCOL, /* TCP for UDP, UDP for TCP */
        BESIDE_SHARED,   /* SO_REUSEPORT: both may have the port */
        BESIDE_ADDRESS,  /* the same port of another address */
        BESIDE_TYPE,     /* AF_UNIX: the name, for another type of socket */
        BESIDE_TWIN,     /* ... as an abstract name in place of a path, or the other way round */
        BESIDE_PADDED,   /* ... with another number of zero bytes at the end */
        N_BESIDE
};

struct beside {
        enum beside_kind kind;
        struct socket socket;
};

struct observation {
        const struct aiu_query *query;
        struct request *request;            /* defaults are filled in as they become known */
        struct aiu_request backend_request; /* the same for the backends */
        struct aiu_snapshot snapshot;
        size_t n_socket_gaps;           /* of the phases before the managers */
        bool own_procfs;                /* backend_request.procfs is ours to close */
        struct beside beside[N_BESIDE]; /* at most one of each kind */
        size_t n_beside;
        uint64_t sockets_nsec; /* how long it took to list them */
        bool sockets_complete;
        bool holders_complete;
};

/* Opens /proc and starts the clock. Never fails: without a /proc there are gaps. */
void observe_begin(struct observation *o, const struct aiu_query *query, struct request *request);
void observe_end(struct observation *o);

/* The address, the limits of the host and the sockets on the port, in the requested network namespace. */
int observe_sockets(struct observation *o);
/* The same afresh, after OBSERVE_AGAIN. */
int observe_sockets_again(struct observation *o);
/* Who holds snapshot.wanted, and with which options. OBSERVE_AGAIN: what was in the way is gone by now. */
int observe_holders(struct observation *o);
#define OBSERVE_AGAIN 1
/* Which service, container or supervisor the holders belong to. */
int observe_managers(struct observation *o);

/* The observation so far, as the rules take it. Borrows; valid until `o` changes. */
struct port_table observe_table(const struct observation *o);

/* Run each backend in turn, until the facts are complete. AIU_COMPLETE, AIU_PARTIAL or -ENOMEM. */
int observe_phase(struct observation *o, enum phase phase);
/* What the tables of the requested network namespace list for the backend_request of `side`, a copy with a snapshot of
 * its own. */
int observe_listed(struct observation *side);
/* In the network namespace asked about, for as long as `look` takes. */
int observe_there(struct observation *o, int (*look)(struct observation *o));

/* observe/again.c: sockets that no process was found to hold, once more. 0, OBSERVE_AGAIN or an error. */
int observe_unheld(struct observation *o);

/* observe/beside.c: where the address is free, what somebody may have meant instead. */
int observe_beside(struct observation *o);

/* observe/other-port.c: host.free_port, where the address is in use. */
int observe_other_port(struct observation *o);

/* observe/wanted.c: sets snapshot.wanted, before the holders and before the options are looked for. */
int want_holders(struct observation *o);
/* 1, or 0 if no option is worth reading. */
int want_options(struct observation *o);

/* observe/device.c: does the device asked about exist; what the devices are called that sockets are bound to. */
void observe_own_device(struct observation *o);
int observe_device_names(struct observation *o);

/* trial-bind.c: where the facts leave it open, and it is allowed, let the kernel decide. */
void trial_bind(struct observation *o);

#endif
