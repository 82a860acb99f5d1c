/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The request, read from the live socket that it is about. Everything is read with getsockopt(2) and left as it was. */
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "rules/address.h"
#include "query/context.h"
#include "util/macro.h"
#include "util/missing.h"
#include "util/sys.h"

static bool is_on(int fd, int level, int option)
{
        int value = 0;

        return sys_getsockopt_int(fd, level, option, &value) == 0 && value != 0;
}

/* Two ports in one number, the lower one below: ip(7). Older than Linux 6.3: there is none. */
static void read_port_range(struct request *q, int fd)
{
        int range = 0;

        if (sys_getsockopt_int(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &range) < 0)
                range = 0;
        q->low_port = (uint16_t)((unsigned int)range & 0xffff);
        q->high_port = (uint16_t)((unsigned int)range >> 16);
}

/* TCP_REPAIR: tcp_repair_set() shows where SO_REUSEADDR is read. */
#define SK_FORCE_REUSE 2

static void read_options(struct aiu_query *query, int fd, int domain)
{
        struct request *q = &query->request;
        int reuse;

        if (sys_getsockopt_int(fd, SOL_SOCKET, SO_REUSEADDR, &reuse) < 0)
                reuse = 0;
        q->reuseaddr = reuse != 0;
        q->reuse_forced = reuse == SK_FORCE_REUSE;
        q->reuseport = is_on(fd, SOL_SOCKET, SO_REUSEPORT);
        if (domain != AF_INET && domain != AF_INET6)
                return;
        q->freebind = is_on(fd, IPPROTO_IP, IP_FREEBIND) || is_on(fd, IPPROTO_IP, IP_TRANSPARENT);
        q->port_later = is_on(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
        read_port_range(q, fd);
        if (domain == AF_INET6) {
                q->v6only = is_on(fd, IPPROTO_IPV6, IPV6_V6ONLY);
                query->v6only_set = true;
        }
}

static void read_device(struct aiu_query *query, int fd)
{
        struct request *q = &query->request;
        socklen_t bytes = sizeof(q->device);

        int ifindex = 0;

        memset(q->device, 0, sizeof(q->device));
        q->ifindex = 0;
        if (sys_getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, q->device, &bytes) < 0 || bytes == 0)
                q->device[0] = '\0';
        if (!q->device[0])
                return;
        /* The socket knows the number in its own namespace (since Linux 5.0); the caller's may differ. */
        if (sys_getsockopt_int(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &ifindex) == 0 && ifindex > 0)
                q->ifindex = (unsigned int)ifindex;
        else if (query_find_interface(query, q->device, &q->ifindex) < 0)
                q->ifindex = 0;
}

/*
 * bind() to an IPv6 address sets IPV6_V6ONLY for good: __inet6_bind(). On an MPTCP
 * socket it is set on the subflow alone, where getsockopt(2) does not look.
 */
static void note_bound_v6only(struct request *q)
{
        if (q->protocol == IPPROTO_MPTCP && q->bound.sa.any.sa_family == AF_INET6 && !address_is_wildcard(&q->bound) &&
            !address_is_mapped(&q->bound))
                q->v6only = true;
}

/* A port, or for AF_UNIX a name, means that bind() was called (or connect(), which binds). */
static bool is_bound(const struct address *address)
{
        if (address_is_vsock(address))
                return address->sa.vm.svm_port != VMADDR_PORT_ANY;
        if (address_is_netlink(address))
                return address->sa.nl.nl_pid != 0;
        if (address->sa.any.sa_family == AF_UNIX)
                return address->len > offsetof(struct sockaddr_un, sun_path);
        return address_port(address) != 0;
}

static void read_bound(struct request *q, int fd)
{
        struct address address = { .len = sizeof(address.sa) };

        q->bound.len = 0;
        q->local.len = 0;
        if (sys_getsockname(fd, &address.sa.any, &address.len) < 0)
                return;
        q->local = address;
        if (is_bound(&address))
                q->bound = address;
        if (q->bound.len > 0)
                note_bound_v6only(q);
}

/*
 * TCP_INFO begins with tcpi_state. An MPTCP socket answers for its first subflow, and makes one to do so if it has
 * none (mptcp_getsockopt_first_sf_only()); a port or a peer shows that it has.
 */
static enum aiu_state read_tcp_state(const struct request *q, int fd)
{
        uint8_t info[8] = { 0 };
        socklen_t bytes = sizeof(info);

        if (q->protocol == IPPROTO_MPTCP && q->bound.len == 0 && q->connected != YES)
                return AIU_STATE_CLOSE;
        if (sys_getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &bytes) < 0 || info[0] > AIU_STATE_CLOSING)
                return AIU_STATE_UNKNOWN;
        return (enum aiu_state)info[0];
}

/*
 * Where in its life the socket is: bind() and listen() refuse one that is connected.
 * SO_PEERNAME, unlike getpeername(2), tells the peer of a connection that has ended
 * as well; it wants no more room than there are bytes, so only the family is asked for.
 */
static void read_state(struct request *q, int fd)
{
        sa_family_t peer;
        socklen_t bytes = sizeof(peer);

        q->connected = tri(sys_getsockopt(fd, SOL_SOCKET, SO_PEERNAME, &peer, &bytes) == 0);
        q->state = AIU_STATE_UNKNOWN;
        if (q->type == SOCK_STREAM && (q->domain == AF_INET || q->domain == AF_INET6))
                q->state = read_tcp_state(q, fd);
}

/* SO_NETNS_COOKIE (since Linux 5.14) needs no privilege. */
static tristate cookies_differ(int fd, int probe)
{
        uint64_t its = 0, ours = 0;
        socklen_t bytes = sizeof(its);

        if (sys_getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &its, &bytes) < 0)
                return UNKNOWN;
        bytes = sizeof(ours);
        if (sys_getsockopt(probe, SOL_SOCKET, SO_NETNS_COOKIE, &ours, &bytes) < 0)
                return UNKNOWN;
        return tri(its != ours);
}

/* Of the results of SIOCGSKNS. It wants CAP_NET_ADMIN over the namespace: if one alone is refused, they differ. */
static tristate files_differ(int its, int ours)
{
        struct stat a, b;

        if ((its >= 0 && ours == -EPERM) || (ours >= 0 && its == -EPERM))
                return YES;
        if (its < 0 || ours < 0 || sys_fstat(its, &a) < 0 || sys_fstat(ours, &b) < 0)
                return UNKNOWN;
        return tri(a.st_ino != b.st_ino || a.st_dev != b.st_dev);
}

/* *ret_its: a descriptor of the fd's namespace, or why there is none. */
static tristate netns_differ(const struct aiu_query *query, int fd, int probe, int *ret_its)
{
        tristate differ = probe < 0 ? UNKNOWN : cookies_differ(fd, probe);
        int ours = -EBADF;

        *ret_its = -EBADF;
        if (differ == NO || context_plain_calls_only(query->context))
                return differ;
        *ret_its = sys_ioctl(fd, SIOCGSKNS, 0);
        if (differ == YES)
                return YES;
        if (probe >= 0)
                ours = sys_ioctl(probe, SIOCGSKNS, 0);
        differ = files_differ(*ret_its, ours);
        sys_close(ours);
        return differ;
}

/*
 * A socket may live in another network namespace than the thread that asks: it
 * stays where it was made. A new socket of the thread is compared with it.
 */
static void read_netns(struct aiu_query *query, int fd, int domain)
{
        /* AF_VSOCK has datagrams under one hypervisor only. */
        int probe = sys_socket(domain == AF_VSOCK ? AF_UNIX : domain, SOCK_DGRAM, 0), its;
        tristate differ = netns_differ(query, fd, probe, &its);

        sys_close(probe);
        query->netns_lost = differ == YES && its < 0;
        query->netns_unsure = differ == UNKNOWN;
        if (differ == YES && its >= 0) {
                sys_close(query->netns);
                query->netns = its;
        } else {
                sys_close(its);
        }
}

/* sk_uid: as the socket was made, or as fchown(2) changed it; fstat(2) shows the same. */
static int read_identity(struct aiu_query *query, int fd)
{
        struct request *q = &query->request;
        socklen_t bytes = sizeof(q->own_cookie);
        struct stat st;
        int r;

        r = sys_fstat(fd, &st);
        if (r < 0)
                return r;
        q->own_inode = st.st_ino;
        q->uid = st.st_uid;
        query->uid_set = true;
        query->uid_given = false; /* the caller binds it, no matter who made it */
        if (sys_getsockopt(fd, SOL_SOCKET, SO_COOKIE, &q->own_cookie, &bytes) < 0)
                q->own_cookie = 0;
        return 0;
}

static bool is_known(int domain)
{
        return domain == AF_INET || domain == AF_INET6 || domain == AF_UNIX || domain == AF_VSOCK ||
               domain == AF_NETLINK;
}

static int read_kind(int fd, int *ret_domain, int *ret_type, int *ret_protocol)
{
        int r;

        r = sys_getsockopt_int(fd, SOL_SOCKET, SO_TYPE, ret_type);
        if (r < 0)
                return r;
        r = sys_getsockopt_int(fd, SOL_SOCKET, SO_DOMAIN, ret_domain);
        if (r < 0)
                return r;
        if (!is_known(*ret_domain))
                return -EAFNOSUPPORT;
        return sys_getsockopt_int(fd, SOL_SOCKET, SO_PROTOCOL, ret_protocol);
}

void query_keep_family(struct request *q)
{
        if (!q->every_address || q->domain == 0)
                return;
        if (q->domain == AF_INET)
                address_set_any_ipv4(&q->address);
        q->every_address = false;
}

AIU_EXPORT int aiu_query_set_fd(struct aiu_query *query, int fd)
{
        KEEP_ERRNO;
        int domain, type, protocol, r;

        if (!query)
                return -EINVAL;
        if (fd < 0)
                return -EBADF;
        r = read_kind(fd, &domain, &type, &protocol);
        if (r < 0)
                return r;
        r = read_identity(query, fd);
        if (r < 0)
                return r;
        query->request.type = type;
        query->socket_set = true;
        query->request.protocol = protocol;
        query->request.domain = domain;
        query_keep_family(&query->request);
        read_options(query, fd, domain);
        read_device(query, fd);
        read_bound(&query->request, fd);
        read_state(&query->request, fd);
        read_netns(query, fd, domain);
        return 0;
}

/* Of an address that says nothing: every address, or an AF_UNIX socket without a name. */
static socklen_t plain_length(int domain)
{
        if (domain == AF_UNIX)
                return sizeof(sa_family_t);
        if (domain == AF_VSOCK || domain == AF_NETLINK)
                return domain == AF_VSOCK ? sizeof(struct sockaddr_vm) : sizeof(struct sockaddr_nl);
        return domain == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

/* A socket that was never bound gets a port from listen() itself, as from bind() to port 0. */
static void complete_listening_fd(struct request *q)
{
        if (q->bound.len > 0) {
                q->address = q->bound;
        } else if (address_is_ip(&q->local)) {
                q->address = q->local;
        } else {
                q->address = (struct address){ .len = plain_length(q->domain) };
                q->address.sa.any.sa_family = (sa_family_t)q->domain;
        }
}

void query_complete_listening(struct request *q)
{
        if (q->domain != 0) {
                complete_listening_fd(q);
                return;
        }
        /* A socket that is not at hand: bound, if there is something to be bound to. */
        if (is_bound(&q->address))
                q->bound = q->address;
        q->local = q->address;
        q->holds_port = YES;
        q->every_address = false;
        q->listen = true;
}
