/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * AF_VSOCK and AF_NETLINK: what is bound is a number, and no option shares it. Pure.
 *
 * Sources: net/vmw_vsock/af_vsock.c, __vsock_find_bound_socket(); net/netlink/af_netlink.c, netlink_insert().
 */
#include "rules/address.h"
#include "rules/number.h"

/* Before Linux 5.5 the port alone counted. */
static bool compares_cids(const struct host *host)
{
        return host->kernel_major > 5 || (host->kernel_major == 5 && host->kernel_minor >= 5);
}

/*
 * Two AF_VSOCK sockets share a port if their CIDs differ and neither is VMADDR_CID_ANY. What a listener accepted has
 * its address too, but is in no table of bound sockets.
 */
static tristate meets_vsock(const struct request *q, const struct socket *h, const struct host *host)
{
        const struct sockaddr_vm *c = &q->address.sa.vm, *e = &h->local.sa.vm;

        if (!address_is_vsock(&h->local) || c->svm_port == VMADDR_PORT_ANY || c->svm_port != e->svm_port)
                return NO;
        if (c->svm_cid != e->svm_cid && c->svm_cid != VMADDR_CID_ANY && e->svm_cid != VMADDR_CID_ANY)
                return compares_cids(host) ? NO : UNKNOWN;
        return h->state == AIU_STATE_ESTABLISHED || h->state == AIU_STATE_CLOSING ? UNKNOWN : YES;
}

/* One socket for each port id, protocol and network namespace. */
static tristate meets_netlink(const struct request *q, const struct socket *h)
{
        return tri(address_is_netlink(&h->local) && q->address.sa.nl.nl_pid != 0 &&
                   q->address.sa.nl.nl_pid == h->local.sa.nl.nl_pid);
}

static enum aiu_overlap number_overlap(const struct request *q, const struct socket *h)
{
        if (!address_is_vsock(&q->address) || q->address.sa.vm.svm_cid != VMADDR_CID_ANY)
                return address_equal(&q->address, &h->local) ? AIU_OVERLAP_EXACT : AIU_OVERLAP_HOLDER_WILDCARD;
        return h->local.sa.vm.svm_cid == VMADDR_CID_ANY ? AIU_OVERLAP_EXACT : AIU_OVERLAP_QUERY_WILDCARD;
}

struct judgement number_judge(const struct request *q, const struct socket *h, const struct host *host)
{
        struct judgement j = { .overlap = AIU_OVERLAP_NONE, .blocking = NO, .admits = NO };
        tristate meet = address_is_vsock(&q->address) ? meets_vsock(q, h, host) : meets_netlink(q, h);

        if (meet == NO || q->call == AIU_CALL_LISTEN)
                return j;
        j.overlap = number_overlap(q, h);
        j.reason = AIU_REASON_EXCLUSIVE;
        j.blocking = meet;
        return j;
}

bool number_is_asked(const struct request *q)
{
        return address_is_vsock(&q->address) || address_is_netlink(&q->address);
}

bool number_is_same(const struct request *q, const struct socket *h)
{
        if (address_is_vsock(&q->address))
                return address_is_vsock(&h->local) && q->address.sa.vm.svm_port == h->local.sa.vm.svm_port;
        return address_equal(&q->address, &h->local);
}
