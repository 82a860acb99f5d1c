/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From the pairs that conflict.c judged to the answer for all of them: which errno, from which call, in the order in
 * which the kernel checks. Pure.
 *
 * Sources: net/ipv4/af_inet.c, __inet_bind() (address before privilege); net/ipv6/af_inet6.c, __inet6_bind()
 * (privilege before address); net/unix/af_unix.c, unix_bind_bsd(); net/vmw_vsock/af_vsock.c, __vsock_bind();
 * net/netlink/af_netlink.c, netlink_bind(). Checked against a running kernel by tests/live.
 */
#include <errno.h>

#include "rules/address.h"
#include "rules/conflict.h"
#include "rules/history.h"
#include "rules/kernel-versions.h"
#include "rules/port-cache.h"
#include "rules/port-search.h"
#include "rules/udp-order.h"
#include "rules/verdict.h"
#include "util/missing.h"

#define SIN6_LEN_RFC2133 24 /* as in the kernel: a sockaddr_in6 without sin6_scope_id */

static struct verdict fails(enum aiu_verdict verdict, int error)
{
        return (struct verdict){ .verdict = verdict, .error = error, .call = AIU_CALL_BIND };
}

static struct verdict refused(enum aiu_verdict verdict, int error, enum why why)
{
        return (struct verdict){ .verdict = verdict, .error = error, .call = AIU_CALL_BIND, .why = why };
}

static struct verdict invalid(int error, enum why why)
{
        return refused(AIU_VERDICT_INVALID, error, why);
}

static struct verdict unknown(uint32_t doubts)
{
        return (struct verdict){ .verdict = AIU_VERDICT_UNKNOWN, .doubts = doubts };
}

static const struct verdict available = { .verdict = AIU_VERDICT_AVAILABLE };

/* ------------------------------------------------------ the sockets */

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

static struct tally count_conflicts(const struct port_table *table)
{
        struct tally tally = { 0 };

        for (size_t i = 0; i < table->n_sockets; i++) {
                enum after after = table->after ? table->after[i] : AFTER_STAYS;
                struct judgement j;

                if (after == AFTER_GONE || table->sockets[i].observed_only)
                        continue;
                j = port_table_judgement(table, i);
                if (j.blocking == YES && after == AFTER_STAYS)
                        tally.certain = true;
                else if (j.blocking != NO)
                        tally.possible = true;
                tally.options = tally.options || (j.blocking == UNKNOWN && j.decides != 0);
                tally.devices =
                        tally.devices || (j.blocking == UNKNOWN && j.decides == 0 && j.kernel == 0 && !j.maybe_own);
                tally.own = tally.own || j.maybe_own;
                tally.grouped = tally.grouped || conflict_needs_group(table->request, &table->sockets[i], &j);
                tally.kernel |= j.kernel;
                tally.listener = tally.listener || table->sockets[i].state == AIU_STATE_LISTEN;
                if (j.admits != NO)
                        tally.admitted = true;
        }
        return tally;
}

static bool is_crowded(const struct port_table *table)
{
        unsigned int count = table->port ? table->port->slot_count : 0;

        /* The slot holds sockets of other ports and namespaces as well. */
        return count > 0 ? count > UDP_SLOT_FEW : table->n_sockets > 8;
}

/* In what this kernel may differ that would let the socket in although another is in the way. */
static uint32_t kernel_may_admit(const struct port_table *table, const struct tally *tally)
{
        const struct request *q = table->request;
        uint32_t doubts = kernel_doubts(table->host);

        /* tb->fastreuse says that all had SO_REUSEADDR when they bound; a listener clears it. */
        if (conflict_protocol(q) == IPPROTO_TCP)
                return q->reuseaddr && !tally->listener && !port_cache_is_known(table) ? doubts & AIU_KERNEL_STATELESS
                                                                                       : 0;
        return address_is_wildcard(&q->address) && is_crowded(table) ? doubts & AIU_KERNEL_UDP_CROWD : 0;
}

static struct verdict unknown_kernel(uint32_t doubts, uint32_t kernel)
{
        struct verdict v = unknown(doubts | (kernel ? DOUBT_KERNEL : 0));

        v.kernel = kernel;
        return v;
}

/* A socket is in the way, unless what happened before on the port lets this one in all the same. */
static struct verdict certain(const struct port_table *table, const struct tally *tally, uint32_t doubts,
                              uint32_t kernel)
{
        /* Of UDP sockets that all refuse it, the first one does. */
        if (conflict_protocol(table->request) != IPPROTO_TCP && !tally->admitted)
                doubts = 0;
        return doubts || kernel ? unknown_kernel(doubts, kernel) : fails(AIU_VERDICT_IN_USE, EADDRINUSE);
}

/* The summary of a TCP port is the kernel's own, whatever the version. UDP may search another chain. */
static struct verdict admitted(const struct request *q, uint32_t kernel)
{
        return conflict_protocol(q) == IPPROTO_TCP || kernel == 0 ? available : unknown_kernel(0, kernel);
}

/* The sockets may be those of another network namespace, and no errno says that it is this one. */
static bool may_be_elsewhere(const struct port_table *table)
{
        return table->host->netns_unsure && table->request->error != EADDRINUSE;
}

/* get_port(): is the port free for this socket? */
static struct verdict check_port(const struct port_table *table)
{
        const struct request *q = table->request;
        struct tally tally = count_conflicts(table);
        /* A socket that certainly blocks does so however the kernel treats the others. */
        uint32_t kernel = tally.certain ? kernel_may_admit(table, &tally) : tally.kernel;
        struct history_answer history;

        if (!conflict_modelled(q))
                return unknown(DOUBT_PROTOCOL);
        if (conflict_takes_any(q))
                return available;
        if (may_be_elsewhere(table))
                return unknown(DOUBT_SOCKETS);
        history = history_ask(table);
        if (history.admits == YES)
                return admitted(q, kernel);
        if (tally.certain)
                return certain(table, &tally, history.doubts, kernel);
        if (tally.possible)
                return unknown_kernel((tally.options ? DOUBT_HOLDER_OPTION : 0) | (tally.devices ? DOUBT_DEVICE : 0) |
                                              (tally.own ? DOUBT_OWN : 0),
                                      kernel);
        if (!table->sockets_complete)
                return unknown(DOUBT_SOCKETS);
        if (tally.grouped && q->maybe_program)
                return unknown(DOUBT_PROGRAM);
        kernel = conflict_protocol(q) == IPPROTO_TCP ? kernel_hides_bound(table->host) : 0;
        return kernel ? unknown_kernel(0, kernel) : available;
}

/* ------------------------------------------- what comes before the port */

static tristate address_accepted(const struct port_table *table)
{
        const struct request *q = table->request;
        bool v6 = q->address.sa.any.sa_family == AF_INET6;

        if (address_is_wildcard(&q->address) || q->freebind)
                return YES;
        if (v6 && address_is_multicast(&q->address))
                return YES;
        return tri_or(table->host->address_local, table->host->nonlocal_bind);
}

/* An address on lo is out of reach for an IPv6 socket with another device: ipv6_chk_addr(). */
static bool is_beside_device(const struct port_table *table)
{
        const struct request *q = table->request;

        return conflict_device(q) != 0 && q->address.sa.any.sa_family == AF_INET6 &&
               IN6_IS_ADDR_LOOPBACK(&q->address.sa.in6.sin6_addr);
}

static enum why why_not_local(const struct port_table *table)
{
        const struct host *host = table->host;

        if (host->address_tentative == YES)
                return WHY_DETECTION;
        if (host->address_duplicate == YES)
                return WHY_DUPLICATE;
        if (host->address_elsewhere == YES || is_beside_device(table))
                return WHY_OTHER_DEVICE;
        return host->ipv6_disabled == YES ? WHY_NO_IPV6_HERE : WHY_UNKNOWN;
}

static struct verdict check_address(const struct port_table *table)
{
        switch (address_accepted(table)) {
        case YES:
                return available;
        case NO:
                return refused(AIU_VERDICT_NOT_LOCAL, EADDRNOTAVAIL, why_not_local(table));
        default:
                return unknown(DOUBT_ADDRESS);
        }
}

/* Ports below ip_unprivileged_port_start want CAP_NET_BIND_SERVICE; port 0 never does. */
static struct verdict check_privilege(const struct port_table *table)
{
        const struct request *q = table->request;
        const struct host *host = table->host;
        int port = address_port(&q->address);
        tristate allowed = q->foreign_uid ? UNKNOWN : host->privileged;

        if (port == 0 || host->unprivileged_port_start < 0)
                return available;
        if (host->unprivileged_port_start > 0)
                allowed = tri_or(allowed, tri(port >= host->unprivileged_port_start));
        else if (port >= IPPORT_RESERVED && allowed == UNKNOWN)
                allowed = YES; /* the sysctl was not readable: the default is 1024; no system raises it */
        if (allowed == YES)
                return available;
        return allowed == NO ? refused(AIU_VERDICT_NOT_PERMITTED, EACCES, WHY_PRIVILEGE) : unknown(DOUBT_PRIVILEGE);
}

/* move_addr_to_kernel() copies no more than a sockaddr_storage, before any check. */
static struct verdict check_length(const struct port_table *table)
{
        return table->request->given_len > sizeof(struct sockaddr_storage) ? invalid(EINVAL, WHY_LENGTH) : available;
}

/* __inet_bind() and __inet6_bind() look at the address' family first; the fd may have another. */
static struct verdict check_family(const struct port_table *table)
{
        const struct request *q = table->request;

        size_t least = q->domain == AF_INET6 ? SIN6_LEN_RFC2133 : sizeof(struct sockaddr_in);

        if (q->domain == 0 || q->domain == q->address.sa.any.sa_family)
                return available;
        if (q->domain != AF_INET && q->domain != AF_INET6)
                return invalid(EINVAL, WHY_FAMILY);
        return q->given_len < least ? invalid(EINVAL, WHY_LENGTH) : invalid(EAFNOSUPPORT, WHY_FAMILY);
}

static bool is_closed(const struct request *q)
{
        return q->state == AIU_STATE_CLOSE || q->state == AIU_STATE_UNKNOWN;
}

/* __mptcp_nmpc_sk(): an MPTCP socket looks at its own state before it looks at the address. */
static struct verdict check_mptcp(const struct port_table *table)
{
        const struct request *q = table->request;

        if (q->protocol == IPPROTO_MPTCP && q->connected == YES && !is_closed(q))
                return invalid(EINVAL, WHY_CONNECTED);
        return available;
}

/*
 * A second bind() is refused. But a TCP socket whose port the kernel chose gives it back when it stops listening, or
 * its connection ends, and getsockname(2) goes on telling it: tcp_set_state(), SOCK_BINDPORT_LOCK.
 */
static struct verdict check_fresh(const struct port_table *table)
{
        const struct request *q = table->request;

        if (q->bound.len == 0)
                return available;
        if (conflict_protocol(q) != IPPROTO_TCP || q->holds_port == YES)
                return invalid(EINVAL, WHY_BOUND);
        return q->holds_port == NO ? available : unknown(DOUBT_STATE);
}

/* What __inet6_bind() refuses by the look of the address. */
static struct verdict check_v6_shape(const struct port_table *table)
{
        const struct request *q = table->request;

        if (q->v6only && address_is_mapped(&q->address))
                return invalid(EINVAL, WHY_MAPPED);
        if (address_is_link_local(&q->address) && conflict_device(q) == 0)
                return invalid(EINVAL, WHY_SCOPE);
        return available;
}

/* An interface that is not there is an error even where any address is accepted. */
static struct verdict check_v6_device(const struct port_table *table)
{
        const struct request *q = table->request;
        const struct host *host = table->host;

        if (conflict_device(q) == 0 || address_is_wildcard(&q->address))
                return available;
        if (host->address_local == YES && !address_is_multicast(&q->address))
                return available;
        if (host->device_exists == NO)
                return invalid(ENODEV, WHY_NO_DEVICE);
        return host->device_exists == YES ? available : unknown(DOUBT_ADDRESS);
}

static struct verdict check_v6_multicast(const struct port_table *table)
{
        const struct request *q = table->request;

        if (q->type == SOCK_STREAM && address_is_multicast(&q->address))
                return invalid(EINVAL, WHY_MULTICAST);
        return available;
}

static struct verdict check_v6_exists(const struct port_table *table)
{
        if (table->host->ipv6_enabled == NO)
                return invalid(EAFNOSUPPORT, WHY_NO_IPV6);
        return available;
}

/*
 * inet_listen() wants a socket that never had a peer, in state CLOSE (or LISTEN). An MPTCP socket that was refused
 * its only connect() may listen, one whose connection was reset may not, and the two look the same.
 */
static struct verdict check_unconnected(const struct port_table *table)
{
        const struct request *q = table->request;

        if (q->protocol == IPPROTO_MPTCP && q->connected == YES && is_closed(q))
                return unknown(DOUBT_STATE);
        if (q->connected == YES || (!is_closed(q) && q->state != AIU_STATE_LISTEN))
                return invalid(EINVAL, WHY_CONNECTED);
        return available;
}

static struct verdict check_sockets(const struct port_table *table)
{
        return address_port(&table->request->address) == 0 ? range_conclude(table) : check_port(table);
}

/*
 * raw_bind(), ping_bind(), sctp_bind(): who may, and which port is taken, has rules of its own there. An
 * IPv4 address that is not here is refused by all.
 */
static struct verdict check_foreign_rules(const struct port_table *table)
{
        (void)table;
        return unknown(DOUBT_PROTOCOL);
}

typedef struct verdict check(const struct port_table *table);

/* The first check that fails gives the errno; one whose answer is not known
 * hides all that come after it, unless those agree on success. */
static struct verdict first_failure(const struct port_table *table, check *const checks[])
{
        struct verdict doubtful = available;

        for (; *checks; checks++) {
                struct verdict v = (*checks)(table);

                if (v.verdict == AIU_VERDICT_AVAILABLE)
                        continue;
                if (v.verdict != AIU_VERDICT_UNKNOWN)
                        return doubtful.verdict == AIU_VERDICT_UNKNOWN ? doubtful : v;
                doubtful.verdict = AIU_VERDICT_UNKNOWN;
                doubtful.doubts |= v.doubts;
                doubtful.kernel |= v.kernel;
        }
        return doubtful;
}

static check *const v4_checks[] = { check_length,    check_mptcp, check_family,  check_address,
                                    check_privilege, check_fresh, check_sockets, NULL };
static check *const v4_foreign_checks[] = { check_length, check_address, check_foreign_rules, NULL };
static check *const foreign_checks[] = { check_length, check_foreign_rules, NULL };
static check *const v6_checks[] = { check_length,       check_mptcp,     check_family,  check_v6_exists,
                                    check_v6_multicast, check_privilege, check_fresh,   check_v6_shape,
                                    check_v6_device,    check_address,   check_sockets, NULL };
static check *const abstract_checks[] = { check_mptcp, check_family, check_fresh, NULL };
static check *const bound_checks[] = { check_unconnected, check_sockets, NULL };

/* ------------------------------------------------------ AF_UNIX */

static struct verdict predict_abstract(const struct port_table *table)
{
        struct tally tally = count_conflicts(table);

        if (may_be_elsewhere(table))
                return unknown(DOUBT_SOCKETS);
        if (tally.certain)
                return fails(AIU_VERDICT_IN_USE, EADDRINUSE);
        return table->sockets_complete ? available : unknown(DOUBT_SOCKETS);
}

static bool ends_in_slash(const struct address *address)
{
        const char *path;
        size_t n = address_unix_name(address, &path);

        return n > 1 && path[n - 1] == '/';
}

static enum why why_path(const struct port_table *table)
{
        const struct host *host = table->host;

        if (host->name_error == ENOSPC)
                return WHY_NO_SPACE;
        if (host->name_error != ENOENT)
                return WHY_UNKNOWN;
        return host->name_at == 0 && ends_in_slash(&table->request->address) ? WHY_SLASHES : WHY_NO_DIRECTORY;
}

static struct verdict check_path(const struct port_table *table)
{
        const struct host *host = table->host;

        if (table->request->other_rights)
                return unknown(DOUBT_NAME);
        if (host->name_exists == YES)
                return fails(AIU_VERDICT_IN_USE, EADDRINUSE);
        switch (host->name_error) {
        case 0:
                return host->name_exists == NO ? available : unknown(DOUBT_NAME);
        case EACCES:
        case EPERM:
        case EROFS:
                return fails(AIU_VERDICT_NOT_PERMITTED, host->name_error);
        default:
                return invalid(host->name_error, why_path(table));
        }
}

/* unix_bind_bsd(): the file is made before the socket is looked at. unix_bind_abstract(): the other way round. */
static check *const path_checks[] = { check_mptcp, check_family, check_path, check_fresh, NULL };

/*
 * unix_autobind(): the kernel chooses an abstract name, and a socket that has a name keeps it. ENOSPC
 * comes after 2^20 of them.
 */
static check *const autobind_checks[] = { check_mptcp, check_family, NULL };

static struct verdict predict_unix(const struct port_table *table)
{
        struct verdict v;

        if (address_is_unnamed(&table->request->address))
                return first_failure(table, autobind_checks);
        if (!address_is_abstract(&table->request->address))
                return first_failure(table, path_checks);
        v = first_failure(table, abstract_checks);
        return v.verdict == AIU_VERDICT_AVAILABLE ? predict_abstract(table) : v;
}

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

/* ------------------------------------------------------ the answer */

static bool can_listen(const struct request *q)
{
        return q->type == SOCK_STREAM || q->type == SOCK_SEQPACKET;
}

/* unix_listen(), vsock_listen(): a socket without a name cannot listen, nor can one that has a peer. */
static struct verdict check_name(const struct request *q)
{
        if (q->connected == YES)
                return invalid(EINVAL, WHY_CONNECTED);
        return q->bound.len > 0 ? available : invalid(EINVAL, WHY_NO_NAME);
}

/*
 * listen() on a bound TCP socket runs get_port() again, this time as a listener; on one that listens
 * it sets the backlog and no more: __inet_listen_sk().
 */
static struct verdict predict_listen(const struct port_table *table)
{
        const struct request *q = table->request;
        struct verdict v;

        if (!can_listen(q))
                v = invalid(EOPNOTSUPP, WHY_NO_LISTEN);
        else if (!address_is_ip(&q->address))
                v = check_name(q);
        else if (conflict_takes_any(q))
                return available;
        else
                v = first_failure(table, bound_checks);
        if (v.error)
                v.call = AIU_CALL_LISTEN;
        return v;
}

/* unix_listen(): EINVAL for a socket with a peer, which bind() accepts. */
static struct verdict predict_unix_pair(const struct port_table *table)
{
        struct verdict v = predict_unix(table);

        if (v.verdict == AIU_VERDICT_AVAILABLE && table->request->listen && table->request->connected == YES) {
                v = invalid(EINVAL, WHY_CONNECTED);
                v.call = AIU_CALL_LISTEN;
        }
        return v;
}

/* raw_bind() looks at the state first, and rawv6_bind() at the family. */
static bool is_fresh_ipv4(const struct request *q)
{
        return q->address.sa.any.sa_family == AF_INET && q->domain != AF_INET6 && q->connected != YES;
}

struct verdict verdict_predict(const struct port_table *table)
{
        const struct request *q = table->request;

        if (q->call == AIU_CALL_LISTEN)
                return predict_listen(table);
        /* They have protocols of their own, with IP's numbers. */
        if ((q->domain == AF_VSOCK || q->domain == AF_NETLINK) && q->domain != q->address.sa.any.sa_family)
                return check_family(table);
        if (q->address.sa.any.sa_family == AF_UNIX)
                return predict_unix_pair(table);
        if (address_is_vsock(&q->address))
                return first_failure(table, vsock_checks);
        if (address_is_netlink(&q->address))
                return first_failure(table, netlink_checks);
        if (!conflict_modelled(q))
                return first_failure(table, is_fresh_ipv4(q) ? v4_foreign_checks : foreign_checks);
        return first_failure(table, q->address.sa.any.sa_family == AF_INET6 ? v6_checks : v4_checks);
}

static enum aiu_verdict verdict_of_error(int error)
{
        switch (error) {
        case EADDRINUSE:
                return AIU_VERDICT_IN_USE;
        case EADDRNOTAVAIL:
                return AIU_VERDICT_NOT_LOCAL;
        case EACCES:
        case EPERM:
        case EROFS:
                return AIU_VERDICT_NOT_PERMITTED;
        default:
                return AIU_VERDICT_INVALID;
        }
}

bool verdict_is_passing(int error)
{
        return error == ENOMEM || error == ENOBUFS || error == EINTR || error == EAGAIN;
}

/*
 * Security modules and the cgroup's BPF programs are asked first, and nothing shows their answers. That a privileged
 * port is the cause is known where the rule about it says so alone: EACCES, never EPERM.
 */
static enum why why_not_permitted(const struct port_table *table)
{
        struct verdict v;

        if (!address_is_ip(&table->request->address)) {
                v = verdict_predict(table);
                if (v.error == table->request->error)
                        return v.why;
                return v.verdict == AIU_VERDICT_UNKNOWN && !conflict_is_about_path(table->request) ? WHY_UNKNOWN
                                                                                                   : WHY_POLICY;
        }
        if (table->request->error == EPERM)
                return WHY_POLICY;
        v = check_privilege(table);
        if (v.verdict == AIU_VERDICT_UNKNOWN)
                return WHY_UNKNOWN;
        return v.error ? WHY_PRIVILEGE : WHY_POLICY;
}

/* Why the errno that was seen; WHY_GONE: as things are now, it would not be. */
static enum why why_seen(const struct port_table *table, enum aiu_verdict seen)
{
        struct verdict v;

        if (verdict_is_passing(table->request->error))
                return WHY_PASSING;
        if (table->request->error == ENOSPC || table->request->error == EDQUOT)
                return WHY_NO_SPACE;
        if (seen == AIU_VERDICT_NOT_PERMITTED)
                return why_not_permitted(table);
        v = verdict_predict(table);
        if (v.error == table->request->error)
                return v.why;
        return v.verdict == AIU_VERDICT_AVAILABLE || v.verdict == AIU_VERDICT_IN_USE ? WHY_GONE : WHY_UNKNOWN;
}

struct verdict verdict_conclude(const struct port_table *table)
{
        const struct request *q = table->request;
        struct verdict v;

        if (q->trial_succeeded)
                return available;
        if (q->error == 0)
                return verdict_predict(table);
        v = fails(verdict_of_error(q->error), q->error);
        if (v.verdict != AIU_VERDICT_IN_USE)
                v.why = why_seen(table, v.verdict);
        if (q->call == AIU_CALL_LISTEN)
                v.call = AIU_CALL_LISTEN;
        return v;
}

static void set_options(struct request *q, uint32_t options)
{
        q->reuseaddr = q->reuseaddr || (options & AIU_OPTION_REUSEADDR);
        q->reuseport = q->reuseport || (options & AIU_OPTION_REUSEPORT);
        q->v6only = q->v6only || (options & AIU_OPTION_V6ONLY);
        q->freebind = q->freebind || (options & AIU_OPTION_FREEBIND);
}

/* Those that are set already. IPV6_V6ONLY does not exist on an AF_INET socket: setsockopt(2) gives ENOPROTOOPT. */
static uint32_t idle_options(const struct request *q)
{
        return (q->reuseaddr ? AIU_OPTION_REUSEADDR : 0) | (q->reuseport ? AIU_OPTION_REUSEPORT : 0) |
               (q->freebind ? AIU_OPTION_FREEBIND : 0) |
               (q->v6only || q->address.sa.any.sa_family != AF_INET6 ? AIU_OPTION_V6ONLY : 0);
}

/* What cannot explain the errno that was seen cannot foretell another outcome. */
static bool explained(const struct port_table *table)
{
        struct verdict v;

        if (table->request->error == 0)
                return true;
        v = verdict_predict(table);
        return v.verdict == AIU_VERDICT_UNKNOWN || v.error == table->request->error;
}

struct verdict verdict_with(const struct port_table *table, uint32_t options)
{
        struct request q = *table->request;
        struct port_table changed = *table;

        options &= ~idle_options(&q);
        if (options == 0)
                return verdict_conclude(table);
        if (!explained(table))
                return unknown(0);
        set_options(&q, options);
        changed.request = &q;
        /* IP_FREEBIND is about the address: the sockets stand to it as before. */
        if (options == AIU_OPTION_FREEBIND && table->judged_request == table->request)
                changed.judged_request = &q;
        return verdict_predict(&changed);
}

tristate verdict_succeeds(const struct verdict *verdict)
{
        if (verdict->verdict == AIU_VERDICT_UNKNOWN)
                return UNKNOWN;
        return tri(verdict->verdict == AIU_VERDICT_AVAILABLE);
}

void verdict_what_ifs(const struct port_table *table, tristate ret[WHAT_IF_COUNT], uint32_t *ret_doubts)
{
        uint32_t idle = idle_options(table->request), doubts = 0;
        bool accepted = address_accepted(table) == YES;

        for (uint32_t options = 0; options < WHAT_IF_COUNT; options++) {
                uint32_t same = options & ~idle;
                struct verdict v;

                /* Where the address is accepted anyway, IP_FREEBIND adds nothing to another option. */
                if (accepted && same != AIU_OPTION_FREEBIND)
                        same &= ~AIU_OPTION_FREEBIND;
                if (same != options) {
                        ret[options] = ret[same];
                        continue;
                }
                v = verdict_with(table, options);
                ret[options] = verdict_succeeds(&v);
                doubts |= v.doubts;
        }
        *ret_doubts = doubts;
}

tristate verdict_without_errno(const struct port_table *table)
{
        struct verdict v = table->request->trial_succeeded ? available : verdict_predict(table);

        return verdict_succeeds(&v);
}

/* ------------------------------------------------------ evidence */

ptrdiff_t verdict_settle(const struct port_table *table, struct socket *sockets)
{
        ptrdiff_t only = -1;

        if (table->request->error != EADDRINUSE)
                return -1;
        for (size_t i = 0; i < table->n_sockets; i++) {
                struct judgement j = port_table_judgement(table, i);

                if (j.blocking == NO)
                        continue;
                if (j.blocking == YES || only >= 0)
                        return -1;
                only = (ptrdiff_t)i;
        }
        if (only >= 0) {
                struct socket *socket = &sockets[only];
                uint32_t bits = port_table_judgement(table, (size_t)only).decides;

                socket->maybe_unbound = false;
                /* It blocks, so none of the exemptions that it might have had held. */
                if (bits & AIU_OPTION_REUSEADDR)
                        socket->reuseaddr = NO;
                if (bits & AIU_OPTION_REUSEPORT && socket->reuseport == UNKNOWN)
                        socket->reuseport = socket->uid == table->request->uid ? NO : socket->reuseport;
                if (bits & AIU_OPTION_V6ONLY)
                        socket->v6only = NO;
                if (table->judged)
                        table->judged[only] = conflict_judge(table->request, socket, table->host);
        }
        return only;
}
