/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * AF_VSOCK and AF_NETLINK, whose addresses are numbers. net/vmw_vsock/af_vsock.c, __vsock_bind();
 * net/netlink/af_netlink.c, netlink_bind(). Pure.
 */
#include <errno.h>

#include "rules/address.h"
#include "rules/checks.h"
#include "rules/conflict.h"
#include "util/missing.h"

/* ------------------------------------------------------ AF_VSOCK */

#define VM_FLAGS_AT 12    /* in struct sockaddr_vm of newer headers */
#define VM_FLAG_TO_HOST 1 /* VMADDR_FLAG_TO_HOST */

/* vsock_addr_validate(); what is svm_flags since Linux 5.11 was svm_zero before. */
static struct verdict check_vsock_flags(const struct port_table *table)
{
        unsigned char flags = ((const unsigned char *)&table->request->address.sa.vm)[VM_FLAGS_AT];

        return flags & ~VM_FLAG_TO_HOST ? invalid(EINVAL, WHY_UNKNOWN) : available;
}

/* Datagrams have one transport, of VMware's hypervisor, and ports of its own: dgram_bind(). */
static struct verdict check_vsock_type(const struct port_table *table)
{
        return table->request->type == SOCK_DGRAM ? unknown(DOUBT_PROTOCOL) : available;
}

static struct verdict check_bound(const struct port_table *table)
{
        return table->request->bound.len > 0 ? invalid(EINVAL, WHY_BOUND) : available;
}

static struct verdict check_cid(const struct port_table *table)
{
        if (table->request->address.sa.vm.svm_cid == VMADDR_CID_ANY || table->host->address_local == YES)
                return available;
        if (table->host->address_local == NO)
                return refused(AIU_VERDICT_NOT_LOCAL, EADDRNOTAVAIL, WHY_NO_CID);
        return unknown(DOUBT_ADDRESS);
}

#define LAST_RESERVED_PORT 1023u /* as in the kernel */

/* capable(), not ns_capable(): a capability of another user namespace does not count. */
static struct verdict check_vsock_privilege(const struct port_table *table)
{
        tristate allowed = table->request->foreign_uid ? UNKNOWN : table->host->privileged;

        if (table->request->address.sa.vm.svm_port > LAST_RESERVED_PORT || allowed == YES)
                return available;
        return allowed == NO ? refused(AIU_VERDICT_NOT_PERMITTED, EACCES, WHY_PRIVILEGE) : unknown(DOUBT_PRIVILEGE);
}

static struct verdict check_number(const struct port_table *table)
{
        struct tally tally = count_conflicts(table);

        if (may_be_elsewhere(table))
                return unknown(DOUBT_SOCKETS);
        if (tally.certain)
                return fails(AIU_VERDICT_IN_USE, EADDRINUSE);
        if (tally.possible)
                return unknown(DOUBT_ACCEPTED);
        return table->sockets_complete ? available : unknown(DOUBT_SOCKETS);
}

#define MOST_TRIES 24u /* MAX_PORT_RETRIES */

/* With no port given, the kernel tries 24 in a row: as many sockets have to be there to make it fail. */
static struct verdict check_vsock_port(const struct port_table *table)
{
        if (table->request->address.sa.vm.svm_port != VMADDR_PORT_ANY)
                return check_number(table);
        return table->sockets_complete && table->n_sockets < MOST_TRIES ? available : unknown(DOUBT_SOCKETS);
}

static check *const vsock_checks[] = { check_length,     check_mptcp, check_family, check_vsock_flags,
                                       check_vsock_type, check_bound, check_cid,    check_vsock_privilege,
                                       check_vsock_port, NULL };

/* ------------------------------------------------------ AF_NETLINK */

/*
 * Groups want CAP_NET_ADMIN, or a protocol that lets all join, and the protocol may refuse each group: nothing shows
 * this.
 */
static struct verdict check_groups(const struct port_table *table)
{
        return table->request->address.sa.nl.nl_groups != 0 ? unknown(DOUBT_PROTOCOL) : available;
}

/*
 * getsockname(2) tells the port id that bind() was last called with, even if netlink_insert() refused it: whether the
 * socket has one is seen in the kernel's list alone.
 */
static tristate has_port_id(const struct port_table *table)
{
        const struct request *q = table->request;

        if (q->bound.len == 0)
                return NO;
        for (size_t i = 0; i < table->n_sockets; i++)
                if (conflict_is_own(q, &table->sockets[i]))
                        return YES;
        return table->sockets_complete ? NO : UNKNOWN;
}

/* netlink_bind(): a socket that has the port id already keeps it, and gets no other; 0 lets the kernel choose. */
static struct verdict check_port_id(const struct port_table *table)
{
        const struct request *q = table->request;
        tristate bound = has_port_id(table);

        if (bound == YES)
                return q->bound.sa.nl.nl_pid == q->address.sa.nl.nl_pid ? available : invalid(EINVAL, WHY_BOUND);
        if (bound == UNKNOWN)
                return unknown(DOUBT_STATE);
        return q->address.sa.nl.nl_pid == 0 ? available : check_number(table);
}

static check *const netlink_checks[] = { check_length, check_mptcp, check_family, check_groups, check_port_id, NULL };

struct verdict predict_vsock(const struct port_table *table)
{
        return first_failure(table, vsock_checks);
}

struct verdict predict_netlink(const struct port_table *table)
{
        return first_failure(table, netlink_checks);
}
