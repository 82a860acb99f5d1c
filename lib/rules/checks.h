/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parts of a verdict share: each check is one step of bind(2), in the kernel's words and order. Pure. */
#ifndef AIU_CHECKS_H
#define AIU_CHECKS_H

#include "rules/verdict.h"

typedef struct verdict check(const struct port_table *table);

static inline struct verdict fails(enum aiu_verdict verdict, int error)
{
        return (struct verdict){ .verdict = verdict, .error = error, .call = AIU_CALL_BIND };
}

static inline struct verdict refused(enum aiu_verdict verdict, int error, enum why why)
{
        return (struct verdict){ .verdict = verdict, .error = error, .call = AIU_CALL_BIND, .why = why };
}

static inline struct verdict invalid(int error, enum why why)
{
        return refused(AIU_VERDICT_INVALID, error, why);
}

static inline struct verdict unknown(uint32_t doubts)
{
        return (struct verdict){ .verdict = AIU_VERDICT_UNKNOWN, .doubts = doubts };
}

static const struct verdict available = { .verdict = AIU_VERDICT_AVAILABLE };

/*
 * The first check that fails gives the errno; one whose answer is not known hides all that come after it, unless those
 * agree on success. The list ends with NULL.
 */
struct verdict first_failure(const struct port_table *table, check *const checks[]);

/* verdict-port.c: the sockets, as conflict.c judged each. */
struct tally {
        bool certain;    /* a socket is certainly in the way */
        bool possible;   /* a socket may be */
        bool admitted;   /* UDP: a socket may let it in at once */
        bool listener;   /* a socket on the port listens */
        bool options;    /* a socket may be, because of an option that was not read */
        bool devices;    /* ... because the devices are not known */
        bool grouped;    /* a socket shares the port as a member of one SO_REUSEPORT group alone */
        bool own;        /* ... or is the one that is asked about */
        uint32_t kernel; /* a socket may be, because this kernel may differ */
};

struct tally count_conflicts(const struct port_table *table);
/* The sockets may be those of another network namespace, and no errno says that it is this one. */
bool may_be_elsewhere(const struct port_table *table);
check check_port;

/* verdict-ip.c: what comes before the port, of every family. */
check check_length, check_family, check_mptcp, check_fresh, check_privilege;
tristate address_accepted(const struct port_table *table);

/* bind(2) of each family; predict_bound(): listen(2) of an IP socket that is bound. */
struct verdict predict_ip(const struct port_table *table);
struct verdict predict_bound(const struct port_table *table);
struct verdict predict_unix(const struct port_table *table);
struct verdict predict_vsock(const struct port_table *table);
struct verdict predict_netlink(const struct port_table *table);

#endif
