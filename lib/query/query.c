/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The query: the bind() asked about, from strings, from a sockaddr, option by option. How it is read from a live
 * descriptor is in query-fd.c; what happens when it runs is in probe.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "rules/address.h"
#include "backend/netlink/interface.h"
#include "rules/conflict.h"
#include "query/context.h"
#include "util/macro.h"
#include "util/netns.h"
#include "util/sys.h"

AIU_EXPORT int aiu_query_new(struct aiu_context *context_or_null, struct aiu_query **ret_query)
{
        KEEP_ERRNO;
        struct aiu_query *query;
        int r;

        if (!ret_query)
                return -EINVAL;
        query = calloc(1, sizeof(*query));
        if (!query)
                return -ENOMEM;
        query->context = aiu_context_ref(context_or_null);
        if (!query->context) {
                r = aiu_context_new(&query->context);
                if (r < 0) {
                        free(query);
                        return r;
                }
        }
        query->refs = 1;
        query->netns = -1;
        query->process = -1;
        query->request.type = SOCK_STREAM;
        query->request.call = AIU_CALL_BIND;
        *ret_query = query;
        return 0;
}

AIU_EXPORT struct aiu_query *aiu_query_ref(struct aiu_query *query)
{
        if (query)
                atomic_fetch_add_explicit(&query->refs, 1, memory_order_relaxed);
        return query;
}

AIU_EXPORT struct aiu_query *aiu_query_unref(struct aiu_query *query)
{
        KEEP_ERRNO;
        if (!query || atomic_fetch_sub_explicit(&query->refs, 1, memory_order_acq_rel) != 1)
                return NULL;
        aiu_context_unref(query->context);
        sys_close(query->netns);
        sys_close(query->process);
        free(query);
        return NULL;
}

uint32_t query_flags(const struct aiu_query *query)
{
        return query->context->flags | query->more_flags;
}

/* "Compatibility games" of __inet_bind(): 0.0.0.0 needs no family. */
static int check_unspecified(const struct sockaddr *address, socklen_t bytes)
{
        struct sockaddr_in in;

        if (bytes < sizeof(in))
                return -EINVAL;
        memcpy(&in, address, sizeof(in));
        return in.sin_addr.s_addr == htonl(INADDR_ANY) ? 0 : -EAFNOSUPPORT;
}

/* What bind(2) itself would refuse with EINVAL by its length alone is refused here. */
static int check_address(const struct sockaddr *address, socklen_t bytes)
{
        if (!address || bytes < sizeof(sa_family_t))
                return -EINVAL;
        switch (address->sa_family) {
        case AF_INET:
                return bytes < sizeof(struct sockaddr_in) ? -EINVAL : 0;
        case AF_INET6:
                /* SIN6_LEN_RFC2133: without sin6_scope_id is still enough. */
                return bytes < offsetof(struct sockaddr_in6, sin6_scope_id) ? -EINVAL : 0;
        case AF_UNIX:
                return bytes > sizeof(struct sockaddr_un) ? -EINVAL : 0; /* the family alone: unix_autobind() */
        case AF_VSOCK:                                                   /* vsock_addr_cast() */
                return bytes < sizeof(struct sockaddr_vm) ? -EINVAL : 0;
        case AF_NETLINK:
                return bytes < sizeof(struct sockaddr_nl) ? -EINVAL : 0;
        case AF_UNSPEC:
                return check_unspecified(address, bytes);
        default:
                return -EAFNOSUPPORT;
        }
}

AIU_EXPORT int aiu_query_set_address(struct aiu_query *query, const struct sockaddr *address, socklen_t bytes)
{
        struct address *to;
        int r;

        if (!query)
                return -EINVAL;
        r = check_address(address, bytes);
        if (r < 0)
                return r;
        to = &query->request.address;
        memset(to, 0, sizeof(*to));
        if (address->sa_family == AF_UNIX) {
                memcpy(&to->sa, address, bytes);
                to->len = bytes;
        } else if (address->sa_family == AF_VSOCK || address->sa_family == AF_NETLINK) {
                to->len = address->sa_family == AF_VSOCK ? sizeof(struct sockaddr_vm) : sizeof(struct sockaddr_nl);
                memcpy(&to->sa, address, to->len);
        } else if (address->sa_family != AF_INET6) {
                to->len = sizeof(struct sockaddr_in);
                memcpy(&to->sa, address, to->len);
                to->sa.any.sa_family = AF_INET;
        } else {
                to->len = sizeof(struct sockaddr_in6);
                /* __inet6_bind() reads sin6_scope_id where all of it is there. */
                memcpy(&to->sa, address, bytes < to->len ? offsetof(struct sockaddr_in6, sin6_scope_id) : to->len);
        }
        query->request.given_len = bytes;
        query->request.every_address = false;
        query->address_set = true;
        return 0;
}

/* Not the deadline of the report, which may be short: the kernel answers this within the call that asks. */
#define LOOKUP_NSEC UINT64_C(1000000000)

int query_find_interface(const struct aiu_query *query, const char *name, unsigned int *ret_index)
{
        struct aiu_request request = {
                .size = sizeof(request),
                .procfs = -1,
                .plain_calls_only = context_plain_calls_only(query->context),
                .deadline_nsec = sys_now_nsec() + LOOKUP_NSEC,
        };
        int home, r, back;

        if (query->netns < 0)
                return interface_find(&request, name, ret_index);
        /* The names of another namespace are had from inside alone, by setns(2). */
        r = request.plain_calls_only ? -EPERM : netns_enter(AT_FDCWD, query->netns, &home);
        if (r < 0)
                return r;
        r = interface_find(&request, name, ret_index);
        back = netns_leave(home);
        return back < 0 ? back : r;
}

/* "%2" is an index, "%eth0" a name; a name that looks like a number is not one (RFC 4007 §11.2). */
int query_parse_scope(const struct aiu_query *query, const char *scope, uint32_t *ret_index)
{
        uint64_t number = 0;
        const char *p;

        for (p = scope; *p >= '0' && *p <= '9' && number <= UINT32_MAX; p++)
                number = number * 10 + (uint64_t)(*p - '0');
        if (*p == '\0' && number > 0 && number <= UINT32_MAX) {
                *ret_index = (uint32_t)number;
                return 0;
        }
        return query_find_interface(query, scope, ret_index);
}

AIU_EXPORT int aiu_query_set_address_string(struct aiu_query *query, const char *addr, uint16_t port)
{
        KEEP_ERRNO;
        struct address address;
        const char *scope;
        int r;

        if (!query)
                return -EINVAL;
        r = address_parse(addr, port, &address, &scope);
        if (r < 0)
                return r;
        if (scope) {
                r = query_parse_scope(query, scope, &address.sa.in6.sin6_scope_id);
                if (r < 0)
                        return r;
        }
        /* "Every address" is dual-stack whatever the sysctl bindv6only says. */
        if (!addr || strcmp(addr, "*") == 0) {
                query->request.v6only = false;
                query->v6only_set = true;
        }
        return aiu_query_set_address(query, &address.sa.any, address.len);
}

AIU_EXPORT int aiu_query_set_socket(struct aiu_query *query, int type, int protocol)
{
        /* As socket(2) takes it: the flags are of no interest here. */
        type &= ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (!query || protocol < 0)
                return -EINVAL;
        if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_SEQPACKET && type != SOCK_DCCP)
                return -EINVAL;
        query->request.type = type;
        query->request.protocol = protocol;
        query->socket_set = true;
        return 0;
}

AIU_EXPORT int aiu_query_set_reuseaddr(struct aiu_query *query, int on)
{
        if (!query)
                return -EINVAL;
        query->request.reuseaddr = on != 0;
        query->request.reuse_forced = false; /* SO_REUSEADDR takes the place of TCP_REPAIR's: sk_setsockopt() */
        return 0;
}

AIU_EXPORT int aiu_query_set_reuseport(struct aiu_query *query, int on)
{
        if (!query)
                return -EINVAL;
        query->request.reuseport = on != 0;
        return 0;
}

AIU_EXPORT int aiu_query_set_v6only(struct aiu_query *query, int on)
{
        if (!query)
                return -EINVAL;
        query->request.v6only = on != 0;
        query->v6only_set = true;
        return 0;
}

AIU_EXPORT int aiu_query_set_freebind(struct aiu_query *query, int on)
{
        if (!query)
                return -EINVAL;
        query->request.freebind = on != 0;
        return 0;
}

AIU_EXPORT int aiu_query_set_port_range(struct aiu_query *query, uint16_t low, uint16_t high)
{
        if (!query || (low != 0 && high != 0 && low > high))
                return -EINVAL;
        query->request.low_port = low;
        query->request.high_port = high;
        return 0;
}

AIU_EXPORT int aiu_query_set_device(struct aiu_query *query, const char *ifname)
{
        KEEP_ERRNO;
        unsigned int ifindex;
        int r;

        if (!query)
                return -EINVAL;
        if (!ifname || !ifname[0]) {
                query->request.ifindex = 0;
                query->request.device[0] = '\0';
                return 0;
        }
        if (strlen(ifname) >= sizeof(query->request.device))
                return -ENODEV;
        r = query_find_interface(query, ifname, &ifindex);
        if (r < 0)
                return r;
        query->request.ifindex = ifindex;
        memcpy(query->request.device, ifname, strlen(ifname) + 1);
        return 0;
}

AIU_EXPORT int aiu_query_set_uid(struct aiu_query *query, uid_t uid)
{
        if (!query || uid == UID_UNKNOWN)
                return -EINVAL;
        query->request.uid = uid;
        query->uid_set = true;
        query->uid_given = true;
        return 0;
}

AIU_EXPORT int aiu_query_set_listen(struct aiu_query *query, int on)
{
        if (!query)
                return -EINVAL;
        query->request.listen = on != 0;
        query->listen_set = true;
        return 0;
}

AIU_EXPORT int aiu_query_set_netns(struct aiu_query *query, int nsfd)
{
        KEEP_ERRNO;
        int copy;

        if (!query)
                return -EINVAL;
        copy = sys_dup(nsfd);
        if (copy < 0)
                return copy;
        sys_close(query->netns);
        query->netns = copy;
        query->netns_lost = query->netns_unsure = false;
        return 0;
}

AIU_EXPORT int aiu_query_set_call(struct aiu_query *query, enum aiu_call call)
{
        if (!query || (call != AIU_CALL_BIND && call != AIU_CALL_LISTEN))
                return -EINVAL;
        query->request.call = call;
        return 0;
}

AIU_EXPORT int aiu_query_set_socket_id(struct aiu_query *query, uint64_t inode, uint64_t cookie)
{
        if (!query)
                return -EINVAL;
        query->request.own_inode = inode;
        query->request.own_cookie = cookie;
        return 0;
}

AIU_EXPORT int aiu_query_set_error(struct aiu_query *query, int error)
{
        if (!query || error < 0)
                return -EINVAL;
        query->request.error = error;
        return 0;
}
