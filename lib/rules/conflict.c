/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel's bind rules for one pair: the socket that would be bound (c) and
 * one that is there already (h). Pure and three-valued: if a bit of h that could
 * not be read decides, the answer is unknown, and names the bit.
 *
 * Sources: net/ipv4/inet_connection_sock.c, inet_csk_get_port(),
 * inet_bind_conflict(), inet_rcv_saddr_equal(); net/ipv4/inet_hashtables.c,
 * inet_bind2_bucket_match_addr_any(); net/ipv4/udp.c, udp_lib_lport_inuse();
 * net/unix/af_unix.c, unix_bind_abstract(). Every row was compared with the
 * answers of a running kernel (tests/live).
 *
 * What many pages on the web get wrong, and the kernel does:
 *  - SO_REUSEADDR counts only when both sockets have it, as it is set now, and
 *    never against a listener. A TIME_WAIT socket keeps the value that its
 *    listener had when the connection came in.
 *  - SO_REUSEPORT counts only when both have it and one user owns both; the
 *    owner of a TIME_WAIT socket is not compared.
 *  - A wildcard overlaps everything of its family; [::] overlaps IPv4 as well
 *    unless one side is IPV6_V6ONLY. 0.0.0.0 overlaps even a native IPv6 socket
 *    that is not v6-only (a connection accepted by a dual-stack listener).
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "rules/address.h"
#include "rules/conflict.h"
#include "rules/kernel-versions.h"
#include "rules/number.h"
#include "util/missing.h"

int conflict_protocol(const struct request *request)
{
        sa_family_t family = request->address.sa.any.sa_family;

        if (family != AF_INET && family != AF_INET6)
                return 0;
        if (request->protocol == IPPROTO_MPTCP)
                return IPPROTO_TCP;
        if (request->protocol != 0)
                return request->protocol;
        return request->type == SOCK_DGRAM ? IPPROTO_UDP : IPPROTO_TCP;
}

bool conflict_modelled(const struct request *request)
{
        int protocol = conflict_protocol(request);

        return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE;
}

unsigned int conflict_device(const struct request *request)
{
        if (address_is_link_local(&request->address) && request->address.sa.in6.sin6_scope_id)
                return request->address.sa.in6.sin6_scope_id;
        return request->ifindex;
}

/* Two different devices never meet; no device meets every device. */
static tristate devices_meet(unsigned int c, unsigned int h)
{
        if (c != 0 && h == IFINDEX_UNKNOWN)
                return UNKNOWN;
        return tri(c == 0 || h == 0 || c == h);
}

/*
 * TCP has a table of ports for each VRF: a socket without a device and one that is bound to a VRF, or to an interface
 * in it, never meet, unless tcp_l3mdev_accept makes one table of them all (inet_sk_bound_l3mdev(),
 * inet_bind_bucket_match(); since Linux 5.0). UDP has one table, and udp_lib_lport_inuse() compares devices alone.
 * udp_l3mdev_accept changes who gets a datagram, not who may bind.
 */
static tristate domains_meet(const struct request *q, const struct socket *h)
{
        unsigned int device = conflict_device(q);

        if (h->protocol != IPPROTO_TCP || (device == 0 && h->ifindex == 0) || device == h->ifindex)
                return YES;
        if (q->l3mdev == IFINDEX_UNKNOWN || h->l3mdev == IFINDEX_UNKNOWN)
                return UNKNOWN;
        return tri(q->l3mdev == h->l3mdev);
}

static tristate same_table(const struct request *q, const struct socket *h)
{
        return tri_and(devices_meet(conflict_device(q), h->ifindex), domains_meet(q, h));
}

bool conflict_v6only(const struct request *q, const struct endpoint *c)
{
        return c->v6 && (q->v6only || (!c->any && !c->v4ish));
}

/* ipv4_rcv_saddr_equal(): sk_rcv_saddr of both, a zero matches all. */
static bool v4_meet(const struct endpoint *c, const struct endpoint *h)
{
        return c->v4 == h->v4 || c->v4 == 0 || h->v4 == 0;
}

/* ipv6_rcv_saddr_equal() with both wildcards allowed; an AF_INET socket counts as mapped. */
static tristate v6_rcv_meet(const struct endpoint *c, bool c_only, const struct endpoint *h, tristate h_only)
{
        bool c_any6 = c->any && !c->v4ish, h_any6 = h->any && !h->v4ish;
        tristate meet = NO;

        if (c->v4ish && h->v4ish)
                return tri_and(tri_not(h_only), tri(v4_meet(c, h)));
        if (c_any6 && h_any6)
                return YES;
        if (h_any6)
                meet = c->v4ish ? tri_not(h_only) : YES;
        if (c_any6)
                meet = tri_or(meet, tri(!(c_only && h->v4ish)));
        return tri_or(meet, tri(h->v6 && memcmp(&c->ip, &h->ip, sizeof(c->ip)) == 0));
}

/* inet_rcv_saddr_equal(c, h, match_wildcard = true): UDP always, TCP when c is a wildcard. */
static tristate rcv_meet(const struct endpoint *c, bool c_only, const struct endpoint *h, tristate h_only)
{
        if (!c->v6)
                return tri_and(tri_not(h_only), tri(v4_meet(c, h)));
        return v6_rcv_meet(c, c_only, h, h_only);
}

/* TCP, c on one address: only its own bind2 bucket and the wildcards' are searched
 * (inet_bhash2_conflict() and inet_bhash2_addr_any_conflict(), since Linux 6.1). */
static tristate bhash2_meet(const struct endpoint *c, const struct endpoint *h, tristate h_only)
{
        tristate family = c->v4ish && h->v6 ? tri_not(h_only) : YES;

        if (memcmp(&c->ip, &h->ip, sizeof(c->ip)) == 0)
                return family;
        if (h->any && !h->v4ish)
                return family;
        if (h->any && c->v4ish)
                return family;
        return NO;
}

static tristate addresses_meet(const struct request *q, const struct endpoint *c, const struct socket *socket,
                               const struct endpoint *h)
{
        tristate h_only = h->v6 ? socket->v6only : NO;

        if (conflict_protocol(q) == IPPROTO_TCP && !c->any)
                return bhash2_meet(c, h, h_only);
        return rcv_meet(c, conflict_v6only(q, c), h, h_only);
}

static enum aiu_overlap overlap_kind(const struct endpoint *c, const struct endpoint *h)
{
        if (memcmp(&c->ip, &h->ip, sizeof(c->ip)) == 0)
                return c->v6 == h->v6 ? AIU_OVERLAP_EXACT : AIU_OVERLAP_V4_MAPPED;
        if (c->v4ish != h->v4ish)
                return AIU_OVERLAP_DUAL_STACK;
        return h->any ? AIU_OVERLAP_HOLDER_WILDCARD : AIU_OVERLAP_QUERY_WILDCARD;
}

/* Inside a user namespace every foreign owner reads as the overflow uid: two of them need not be the same user. */
#define OVERFLOW_UID 65534u

tristate conflict_same_owner(const struct request *q, const struct socket *h)
{
        if (h->uid == UID_UNKNOWN || q->uid == UID_UNKNOWN)
                return UNKNOWN;
        if (h->uid != q->uid)
                return NO;
        return h->uid == OVERFLOW_UID ? UNKNOWN : YES;
}

/* Both have SO_REUSEADDR and h does not listen. UDP has no listeners. */
static tristate address_shared(const struct request *q, const struct socket *h)
{
        if (!q->reuseaddr || h->state == AIU_STATE_LISTEN)
                return NO;
        return h->reuseaddr;
}

/*
 * Both have SO_REUSEPORT and one owner; a TIME_WAIT minisock has none to compare. A program gives the socket a group
 * of its own: see conflict_needs_group().
 */
static tristate port_shared(const struct request *q, const struct socket *h)
{
        if (!q->reuseport || q->has_program)
                return NO;
        return tri_and(h->reuseport, h->minisock ? YES : conflict_same_owner(q, h));
}

static enum aiu_reason reason_for(const struct request *q, const struct socket *h)
{
        if (q->reuseport && h->reuseport == YES && conflict_same_owner(q, h) != YES && !h->minisock)
                return AIU_REASON_REUSEPORT_UID;
        if (q->reuseport && h->reuseport == YES && q->has_program)
                return AIU_REASON_REUSEPORT_PROGRAM;
        if (q->reuseport != (h->reuseport == YES) && h->reuseport != UNKNOWN &&
            (h->state == AIU_STATE_LISTEN || q->reuseport))
                return AIU_REASON_REUSEPORT_ABSENT;
        if (h->state == AIU_STATE_LISTEN)
                return AIU_REASON_LISTENING;
        return q->reuseaddr ? AIU_REASON_HOLDER_NO_REUSE : AIU_REASON_QUERY_NO_REUSE;
}

/* The unread bits that keep the answer from being known. */
static uint32_t open_bits(const struct request *q, const struct socket *h, tristate meet)
{
        uint32_t bits = 0;

        if (meet == UNKNOWN && h->v6only == UNKNOWN && h->local.sa.any.sa_family == AF_INET6)
                bits |= AIU_OPTION_V6ONLY;
        if (address_shared(q, h) == UNKNOWN)
                bits |= AIU_OPTION_REUSEADDR;
        if (port_shared(q, h) == UNKNOWN)
                bits |= AIU_OPTION_REUSEPORT;
        return bits;
}

/*
 * A request sock (NEW_SYN_RECV) is listed as SYN_RECV without a file, but is not
 * in the bind hash: the listener that it waits for is what counts.
 */
static bool is_request_sock(const struct socket *h)
{
        return h->protocol == IPPROTO_TCP && h->state == AIU_STATE_SYN_RECV && h->inode == 0;
}

/* Do the two meet? Where kernels differ, *ret_kernel says why that is not known. */
static tristate sockets_meet(const struct request *q, const struct endpoint *c, const struct socket *h,
                             const struct endpoint *e, const struct host *host, uint32_t *ret_kernel)
{
        uint32_t doubts = kernel_doubts(host);
        tristate table = same_table(q, h), addresses = addresses_meet(q, c, h, e);

        *ret_kernel = doubts ? kernel_pair_doubts(q, c, h, e, doubts) : 0;
        if (*ret_kernel & ~(AIU_KERNEL_VRF | AIU_KERNEL_BOUND_SHOWN | AIU_KERNEL_ORPHAN_OWNER))
                addresses = UNKNOWN;
        if (h->maybe_unbound) {
                *ret_kernel |= AIU_KERNEL_BOUND_SHOWN;
                table = tri_and(table, UNKNOWN);
        }
        if (*ret_kernel & AIU_KERNEL_VRF)
                table = tri_and(UNKNOWN, devices_meet(conflict_device(q), h->ifindex));
        return tri_and(table, addresses);
}

/*
 * listen() of a socket that is not at hand, and that the caller did not identify: one that is bound just
 * like it may be that very socket.
 */
static bool may_be_own(const struct request *q, const struct socket *h)
{
        if (q->call != AIU_CALL_LISTEN || q->domain != 0 || q->own_inode != 0 || q->own_cookie != 0)
                return false;
        return h->state == AIU_STATE_BOUND && address_equal(&q->address, &h->local) &&
               conflict_same_owner(q, h) != NO && h->reuseaddr != tri(!q->reuseaddr) &&
               h->reuseport != tri(!q->reuseport);
}

static struct judgement judge_ip(const struct request *q, const struct address *address, const struct socket *h,
                                 const struct host *host)
{
        struct judgement j = { .overlap = AIU_OVERLAP_NONE, .blocking = NO, .admits = NO };
        struct endpoint c = address_endpoint(address), e = address_endpoint(&h->local);
        uint32_t kernel;
        tristate meet, shared;

        if (conflict_protocol(q) != h->protocol || !address_is_ip(&h->local) ||
            address_port(&h->local) != address_port(address) || is_request_sock(h))
                return j;
        meet = sockets_meet(q, &c, h, &e, host, &kernel);
        if (meet == NO)
                return j;
        shared = port_shared(q, h);
        if (kernel & AIU_KERNEL_ORPHAN_OWNER)
                shared = tri_and(h->reuseport, UNKNOWN);
        j.overlap = overlap_kind(&c, &e);
        j.reason = reason_for(q, h);
        j.admits = tri_and(meet, tri_and(shared, tri_not(address_shared(q, h))));
        j.blocking = tri_and(meet, tri_not(tri_or(address_shared(q, h), shared)));
        if (j.blocking == UNKNOWN) {
                j.decides = open_bits(q, h, meet);
                j.kernel = kernel;
        }
        if (j.blocking != NO && may_be_own(q, h)) {
                j.blocking = UNKNOWN;
                j.maybe_own = true;
        }
        return j;
}

static struct judgement worse(const struct judgement *a, const struct judgement *b)
{
        bool second = a->overlap == AIU_OVERLAP_NONE || (a->blocking == UNKNOWN && b->blocking == YES);
        struct judgement j = second ? *b : *a;

        j.admits = tri_or(a->admits, b->admits);
        if (a->blocking == UNKNOWN && b->blocking == UNKNOWN) {
                j.decides |= b->decides;
                j.kernel |= b->kernel;
        }
        return j;
}

/* A server that is given a port alone binds [::] or 0.0.0.0, or both: the worse of the two counts. */
static struct judgement judge_every_address(const struct request *q, const struct socket *h, const struct host *host)
{
        struct judgement v6 = judge_ip(q, &q->address, h, host), v4;
        struct address any = q->address;

        if (!q->every_address)
                return v6;
        address_set_any_ipv4(&any);
        v4 = judge_ip(q, &any, h, host);
        return worse(&v6, &v4);
}

bool conflict_is_about_path(const struct request *q)
{
        return q->address.sa.any.sa_family == AF_UNIX && !address_is_abstract(&q->address) &&
               !address_is_unnamed(&q->address);
}

/* A connection that a listener accepted carries the listener's file; one that was bound before it connected does too. */
static tristate owns_file(const struct socket *h)
{
        return h->state == AIU_STATE_ESTABLISHED && h->type != SOCK_DGRAM ? UNKNOWN : YES;
}

/*
 * Is it the socket that made the file which is there now? The device is the file
 * system's own; where either side's is not known, the number alone makes a candidate.
 */
static tristate made_file(const struct socket *h, const struct host *host)
{
        uint64_t device = host->name_fs_device ? host->name_fs_device : host->name_device;

        if (host->name_exists != YES || host->name_live == NO || host->name_inode == 0 || h->vfs_inode == 0 ||
            (uint32_t)host->name_inode != (uint32_t)h->vfs_inode)
                return NO;
        if (h->vfs_device == device)
                return owns_file(h);
        if (h->vfs_device == 0 || (host->name_fs_device == 0 && host->name_live == YES))
                return UNKNOWN;
        return NO;
}

/*
 * Abstract names live in one table for each network namespace, hashed by name and compared with the type: a stream
 * and a datagram socket share a name. A path is taken as soon as anything is there (EEXIST of mknod); which socket
 * made it is told by inode and device, for names lie (bind() kept the string of another directory, or of before a
 * rename). listen() asks for no name.
 */
static struct judgement judge_unix(const struct request *q, const struct socket *h, const struct host *host)
{
        struct judgement j = { .overlap = AIU_OVERLAP_NONE, .blocking = NO, .admits = NO };
        tristate same;

        if (h->local.sa.any.sa_family != AF_UNIX || address_is_unnamed(&q->address) || q->call == AIU_CALL_LISTEN)
                return j;
        if (conflict_is_about_path(q))
                same = made_file(h, host);
        else
                same = tri(h->type == q->type && address_equal(&q->address, &h->local));
        if (same == NO)
                return j;
        j.overlap = AIU_OVERLAP_UNIX_PATH;
        j.reason = AIU_REASON_PATH_EXISTS;
        j.blocking = same;
        return j;
}

bool conflict_is_unaccepted(const struct socket *socket)
{
        return socket->protocol == IPPROTO_TCP && socket->inode == 0 && !socket->minisock &&
               (socket->state == AIU_STATE_ESTABLISHED || socket->state == AIU_STATE_CLOSE_WAIT);
}

/*
 * The cookie is the socket's own. An MPTCP socket takes its port through a TCP
 * subflow that has another cookie, but the same inode: mptcp_subflow_create_socket().
 */
bool conflict_is_own(const struct request *request, const struct socket *holder)
{
        return (request->own_cookie != 0 && request->own_cookie == holder->cookie) ||
               (request->own_inode != 0 && request->own_inode == holder->inode);
}

/*
 * A search shares less than a bind() to a port. TCP takes no port that has any socket it meets, with any options
 * (inet_csk_find_open_port() asks inet_bind_conflict() with relax and reuseport_ok false); in a second round, with
 * ip_autobind_reuse, it joins sockets that SO_REUSEADDR would let it join, but not its own SO_REUSEPORT group. UDP
 * marks as used what a bind() to that port would not share; each socket counts for itself, in any order:
 * udp_lib_lport_inuse() with a bitmap.
 */
static tristate search_shares(const struct request *q, const struct socket *h, bool relaxed)
{
        if (h->protocol != IPPROTO_TCP)
                return tri_or(address_shared(q, h), port_shared(q, h));
        return relaxed ? tri_and(address_shared(q, h), tri_not(port_shared(q, h))) : NO;
}

struct judgement conflict_judge_search(const struct request *q, const struct socket *h, const struct host *host,
                                       bool relaxed)
{
        struct judgement j = { .overlap = AIU_OVERLAP_NONE, .blocking = NO, .admits = NO };
        struct endpoint c = address_endpoint(&q->address), e = address_endpoint(&h->local);
        bool options = relaxed || h->protocol != IPPROTO_TCP;
        uint32_t kernel;
        tristate meet;

        if (conflict_is_own(q, h) || conflict_protocol(q) != h->protocol || !address_is_ip(&h->local) ||
            is_request_sock(h))
                return j;
        meet = sockets_meet(q, &c, h, &e, host, &kernel);
        if (meet == NO)
                return j;
        j.overlap = AIU_OVERLAP_PORT_RANGE;
        j.reason = AIU_REASON_RANGE_EXHAUSTED;
        j.blocking = tri_and(meet, tri_not(search_shares(q, h, relaxed)));
        if (j.blocking == UNKNOWN)
                j.kernel = kernel;
        if (j.blocking == UNKNOWN)
                j.decides = open_bits(q, h, meet) & (options ? UINT32_MAX : AIU_OPTION_V6ONLY);
        return j;
}

/* TCP_REPAIR: inet_csk_get_port() asks nothing more. */
static bool is_forced(const struct request *request)
{
        return request->reuse_forced && conflict_protocol(request) == IPPROTO_TCP &&
               address_port(&request->address) != 0;
}

/*
 * No socket is in the way of a listener that listens again: it takes no port (__inet_listen_sk()). An
 * errno that was seen says that the socket was another one then.
 */
bool conflict_takes_any(const struct request *request)
{
        bool listener = request->call == AIU_CALL_LISTEN && request->state == AIU_STATE_LISTEN;

        return request->error == 0 && (listener || is_forced(request));
}

/*
 * SO_ATTACH_REUSEPORT_CBPF and _EBPF give the socket a group of its own (sk_reuseport_cb). inet_bind_conflict() and
 * udp_lib_lport_inuse() then share no port by SO_REUSEPORT.
 */
bool conflict_needs_group(const struct request *request, const struct socket *holder, const struct judgement *judgement)
{
        return request->reuseport && judgement->blocking == NO && judgement->overlap != AIU_OVERLAP_NONE &&
               holder->reuseport == YES && address_shared(request, holder) != YES;
}

struct judgement conflict_judge(const struct request *request, const struct socket *holder, const struct host *host)
{
        /* A socket's own file is in its way: unix_bind_bsd() looks at the path before it looks at the socket. */
        bool own = conflict_is_own(request, holder) &&
                   !(conflict_is_about_path(request) && request->call != AIU_CALL_LISTEN);

        /* What is gone explains a failure, and foretells none. */
        bool gone = holder->observed_only && request->error != EADDRINUSE;

        if (own || gone || conflict_takes_any(request))
                return (struct judgement){ .overlap = AIU_OVERLAP_NONE, .blocking = NO, .admits = NO };
        if (request->address.sa.any.sa_family == AF_UNIX)
                return judge_unix(request, holder, host);
        if (number_is_asked(request))
                return number_judge(request, holder, host);
        return judge_every_address(request, holder, host);
}

static bool lacks_v6only(const struct socket *s)
{
        return s->local.sa.any.sa_family == AF_INET6 && s->v6only == UNKNOWN;
}

/* The rules know two sides: that of a would-be socket, whose options are known, and a socket that is there. */
static tristate overlap_as(const struct socket *a, const struct socket *b, const struct host *host,
                           enum aiu_overlap *ret_overlap)
{
        struct request q = {
                .address = a->local,
                .type = a->type,
                .protocol = a->protocol,
                .v6only = a->v6only == YES,
                .ifindex = a->ifindex,
                .l3mdev = a->l3mdev,
                .uid = a->uid,
        };
        struct endpoint c = address_endpoint(&a->local), e = address_endpoint(&b->local);
        uint32_t kernel;
        tristate meet = sockets_meet(&q, &c, b, &e, host, &kernel);

        *ret_overlap = meet == NO ? AIU_OVERLAP_NONE : overlap_kind(&c, &e);
        return lacks_v6only(a) && c.v4ish != e.v4ish ? tri_and(UNKNOWN, meet) : meet;
}

tristate conflict_overlap(const struct socket *a, const struct socket *b, const struct host *host,
                          enum aiu_overlap *ret_overlap)
{
        *ret_overlap = AIU_OVERLAP_NONE;
        if (a->protocol != b->protocol || !address_is_ip(&a->local) || !address_is_ip(&b->local) ||
            address_port(&a->local) != address_port(&b->local))
                return NO;
        return lacks_v6only(a) ? overlap_as(b, a, host, ret_overlap) : overlap_as(a, b, host, ret_overlap);
}
