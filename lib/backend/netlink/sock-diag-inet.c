/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Internet sockets from NETLINK_SOCK_DIAG: the requests, filtered by port in the
 * kernel, and the parser of the answers. libnl-idiag does not know the attributes
 * that matter here (SKV6ONLY, CGROUP_ID), so the attributes are read by hand.
 */
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdbool.h>
#include <string.h>

#include "backend/netlink/sock-diag.h"
#include "util/missing.h"

/* Every state, and since Linux 6.8 also TCP sockets that are bound but not listening
 * (TCP_BOUND_INACTIVE, bit 13). Any bit but LISTEN costs a walk of the whole
 * connection hash, so asking for less would cost as much. */
#define ALL_STATES 0xffffffffu
/* Listeners have a table of their own, so this one is cheap: inet_diag_dump_icsk(). */
#define LISTEN_STATE (1u << KERNEL_LISTEN)
#define BOUND_STATE (1u << KERNEL_BOUND)

enum {
        KERNEL_ESTABLISHED = 1,
        KERNEL_TIME_WAIT = 6,
        KERNEL_CLOSE = 7,
        KERNEL_LISTEN = 10,
        KERNEL_LAST = 12,
        KERNEL_BOUND = 13
};

/* idiag_timer of a TIME_WAIT minisock, whatever idiag_state says: inet_twsk_diag_fill(). */
#define TIMER_TIME_WAIT 3

static enum aiu_state state_of(const struct inet_diag_msg *m)
{
        /* Bound and neither listening nor connected: TCP reports CLOSE, UDP too. */
        if (m->idiag_state == KERNEL_CLOSE)
                return AIU_STATE_BOUND;
        /* NEW_SYN_RECV never leaves the kernel under its own number, but be sure. */
        if (m->idiag_state == KERNEL_LAST)
                return AIU_STATE_SYN_RECV;
        return m->idiag_state < KERNEL_LAST ? (enum aiu_state)m->idiag_state : AIU_STATE_UNKNOWN;
}

static socklen_t fill_address(struct sockaddr_storage *to, int family, const uint32_t ip[4], uint16_t port_be,
                              uint32_t ifindex)
{
        struct sockaddr_in *in = (struct sockaddr_in *)to;
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;

        memset(to, 0, sizeof(*to));
        if (family == AF_INET) {
                in->sin_family = AF_INET;
                in->sin_port = port_be;
                memcpy(&in->sin_addr, ip, sizeof(in->sin_addr));
                return sizeof(*in);
        }
        in6->sin6_family = AF_INET6;
        in6->sin6_port = port_be;
        memcpy(&in6->sin6_addr, ip, sizeof(in6->sin6_addr));
        if (IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr))
                in6->sin6_scope_id = ifindex;
        return sizeof(*in6);
}

static void read_attribute(struct aiu_socket_fact *fact, const struct nlattr *attribute)
{
        switch (nla_type(attribute)) {
        case INET_DIAG_SKV6ONLY:
                if (nla_len(attribute) >= 1)
                        fact->v6only = nla_get_u8(attribute) ? AIU_TRISTATE_YES : AIU_TRISTATE_NO;
                break;
        case INET_DIAG_CGROUP_ID:
                if (nla_len(attribute) >= 8)
                        memcpy(&fact->cgroup_id, nla_data(attribute), sizeof(fact->cgroup_id));
                break;
        default: /* attributes are added with every kernel */
                break;
        }
}

int sock_diag_parse_inet(const struct nlmsghdr *message, int protocol, struct sock_diag_socket *ret)
{
        const struct inet_diag_msg *m = nlmsg_data(message);
        struct aiu_socket_fact *fact = &ret->fact;
        const struct nlattr *attribute;
        int left;

        if (message->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
                return -EBADMSG;
        if ((m->idiag_family != AF_INET && m->idiag_family != AF_INET6) || m->id.idiag_sport == 0)
                return 0;
        *fact = (struct aiu_socket_fact){
                .size = sizeof(*fact),
                .type = protocol == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM,
                .protocol = protocol,
                .state = state_of(m),
                .inode = m->idiag_inode,
                .cookie = sock_diag_cookie(m->id.idiag_cookie),
                .uid = m->idiag_uid,
                .ifindex = m->id.idiag_if,
        };
        fact->local = (const struct sockaddr *)&ret->local;
        fact->local_len =
                fill_address(&ret->local, m->idiag_family, m->id.idiag_src, m->id.idiag_sport, m->id.idiag_if);
        if (m->id.idiag_dport != 0) {
                fact->peer = (const struct sockaddr *)&ret->peer;
                fact->peer_len =
                        fill_address(&ret->peer, m->idiag_family, m->id.idiag_dst, m->id.idiag_dport, m->id.idiag_if);
        }
        if (m->idiag_inode == 0 && (m->idiag_state == KERNEL_TIME_WAIT || m->idiag_timer == TIMER_TIME_WAIT)) {
                fact->minisock = AIU_TRISTATE_YES;
                fact->uid = (uid_t)-1; /* a minisock has none; the message says 0 */
                fact->expires_usec = (uint64_t)m->idiag_expires * 1000;
        }
        left = (int)(message->nlmsg_len - NLMSG_LENGTH(sizeof(*m)));
        attribute = (const struct nlattr *)((const char *)m + NLMSG_ALIGN(sizeof(*m)));
        for (; nla_ok(attribute, left); attribute = nla_next(attribute, &left))
                read_attribute(fact, attribute);
        return 1;
}

struct dump {
        const struct aiu_request *request;
        struct aiu_snapshot *snapshot;
};

/* The kernel's filter by port does not reach all of its walks: check again. */
static int take_socket(void *userdata, struct nlmsghdr *message)
{
        struct dump *dump = userdata;
        struct sock_diag_socket socket;
        int r;

        r = sock_diag_parse_inet(message, dump->request->protocol, &socket);
        if (r <= 0)
                return r;
        if (dump->request->port != 0 &&
            ((const struct inet_diag_msg *)nlmsg_data(message))->id.idiag_sport != htons(dump->request->port))
                return 0;
        r = aiu_snapshot_add_socket(dump->snapshot, &socket.fact);
        return r == -ENOBUFS ? 0 : r;
}

/* "source port == port", as a program for the kernel: BOUND_INACTIVE sockets are
 * filtered by nothing else. The second operation only carries the port. */
static int add_filter(struct nl_msg *message, uint16_t port)
{
        enum { SOURCE_PORT_EQUALS = 11 }; /* INET_DIAG_BC_S_EQ, newer than some headers */
        enum { PROGRAM_BYTES = 2 * sizeof(struct inet_diag_bc_op) };
        const struct inet_diag_bc_op program[] = {
                { .code = SOURCE_PORT_EQUALS, .yes = PROGRAM_BYTES, .no = PROGRAM_BYTES + 4 },
                { .code = INET_DIAG_BC_NOP, .no = port },
        };

        return nla_put(message, INET_DIAG_REQ_BYTECODE, sizeof(program), program);
}

/*
 * TCPDIAG_GETSOCK, the request of before Linux 3.3, is still served and walks the
 * tables once for both families: inet_diag_dump_compat() leaves the family open.
 */
static struct nl_msg *tcp_request(uint16_t port, uint32_t states, bool filter)
{
        struct inet_diag_req header = { .idiag_family = AF_INET, .idiag_states = states };
        struct nl_msg *message = nlmsg_alloc_simple(TCPDIAG_GETSOCK, NLM_F_DUMP);

        header.id.idiag_sport = htons(port);
        if (!message)
                return NULL;
        if (nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO) < 0 ||
            (filter && port != 0 && add_filter(message, port) < 0)) {
                nlmsg_free(message);
                return NULL;
        }
        return message;
}

static void put_ip(__be32 to[4], const struct sockaddr *address)
{
        if (address->sa_family == AF_INET)
                memcpy(to, &((const struct sockaddr_in *)address)->sin_addr, 4);
        else
                memcpy(to, &((const struct sockaddr_in6 *)address)->sin6_addr, 16);
}

/*
 * One look-up, of the connection to the request's peer or, without one, as for a connection from
 * nowhere to the address: inet_diag_find_one_icsk().
 */
static struct nl_msg *exact_request(const struct aiu_request *request)
{
        struct inet_diag_req_v2 header = {
                .sdiag_family = (uint8_t)request->address->sa_family,
                .sdiag_protocol = IPPROTO_TCP,
                .idiag_states = ALL_STATES,
                .id.idiag_sport = htons(request->port),
                .id.idiag_if = request->ifindex,
                .id.idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE },
        };
        struct nl_msg *message = nlmsg_alloc_simple(SOCK_DIAG_BY_FAMILY, 0);

        put_ip(header.id.idiag_src, request->address);
        if (request->peer) {
                put_ip(header.id.idiag_dst, request->peer);
                header.id.idiag_dport = ((const struct sockaddr_in *)request->peer)->sin_port;
        }
        if (message && nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO) < 0) {
                nlmsg_free(message);
                return NULL;
        }
        return message;
}

static struct nl_msg *udp_request(uint8_t family, uint8_t protocol, uint16_t port)
{
        struct inet_diag_req_v2 header = { .sdiag_family = family,
                                           .sdiag_protocol = protocol,
                                           .idiag_states = ALL_STATES };
        struct nl_msg *message = nlmsg_alloc_simple(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP);

        header.id.idiag_sport = htons(port);
        if (message && nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO) < 0) {
                nlmsg_free(message);
                return NULL;
        }
        return message;
}

static int send_and_free(struct netlink *netlink, struct dump *dump, struct nl_msg *message)
{
        int r;

        if (!message)
                return -ENOMEM;
        r = netlink_request(netlink, dump->request, message, take_socket, dump);
        nlmsg_free(message);
        return r;
}

/* Listeners are filtered by the request's own port, which is cheaper than a program. */
static int dump_listeners(struct netlink *netlink, struct dump *dump)
{
        return send_and_free(netlink, dump, tcp_request(dump->request->port, LISTEN_STATE, false));
}

static bool is_any(const struct sockaddr *address)
{
        if (address->sa_family == AF_INET)
                return ((const struct sockaddr_in *)address)->sin_addr.s_addr == htonl(INADDR_ANY);
        return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

/*
 * One listener is enough: 1 = there is one. The look-up knows of those on the address
 * and on the wildcard; those elsewhere matter only to who asks for the wildcard.
 */
static int find_listener(struct netlink *netlink, struct dump *dump)
{
        struct aiu_socket_fact found = { .size = sizeof(found) };
        int r;

        r = send_and_free(netlink, dump, exact_request(dump->request));
        if (r == -ENOMEM || r == -ETIME)
                return r;
        if (!aiu_snapshot_get_socket(dump->snapshot, 0, &found) && is_any(dump->request->address)) {
                r = dump_listeners(netlink, dump);
                if (r < 0)
                        return r;
        }
        return aiu_snapshot_get_socket(dump->snapshot, 0, &found);
}

/* A listener answers for a connection that is gone: take_socket() keeps it, and it has no peer. */
static int find_connection(struct netlink *netlink, struct dump *dump)
{
        int r = send_and_free(netlink, dump, exact_request(dump->request));

        return r == -ENOENT ? 0 : r;
}

static int dump_tcp(struct netlink *netlink, struct dump *dump)
{
        uint32_t flags = dump->request->context_flags, states;
        int r = 0;

        if (dump->request->peer && dump->request->peer->sa_family != AF_UNSPEC)
                return find_connection(netlink, dump);
        if (flags & AIU_CONTEXT_LISTENERS_ONLY && flags & AIU_CONTEXT_FIRST_HOLDER)
                r = find_listener(netlink, dump);
        else if (flags & AIU_CONTEXT_LISTENERS_ONLY)
                return dump_listeners(netlink, dump);
        if (r != 0)
                return r < 0 ? r : 0;
        states = dump->request->peer ? LISTEN_STATE | BOUND_STATE : ALL_STATES;
        r = send_and_free(netlink, dump, tcp_request(dump->request->port, states, true));
        /* A kernel that does not know the filter's operation: filter here alone. */
        if (r == -EINVAL)
                r = send_and_free(netlink, dump, tcp_request(dump->request->port, states, false));
        return r;
}

static int dump_by_family(struct netlink *netlink, struct dump *dump)
{
        uint8_t protocol = (uint8_t)dump->request->protocol;
        int r;

        r = send_and_free(netlink, dump, udp_request(AF_INET, protocol, dump->request->port));
        if (r < 0)
                return r;
        r = send_and_free(netlink, dump, udp_request(AF_INET6, protocol, dump->request->port));
        /* ENOENT: this kernel has no such table, so it has no such sockets. */
        return r == -ENOENT ? 0 : r;
}

int sock_diag_dump_inet(struct netlink *netlink, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        struct dump dump = { .request = request, .snapshot = snapshot };

        if (request->protocol == IPPROTO_TCP)
                return dump_tcp(netlink, &dump);
        return dump_by_family(netlink, &dump);
}
