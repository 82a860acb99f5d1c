/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * AIU_CONTEXT_TRIAL_BIND: where the facts do not decide, the kernel does, by a
 * bind() of a socket of our own that is closed at once. Never a listen(), and never
 * where a bind() that succeeds could change what happens next:
 *
 *  - Not with SO_REUSEPORT: it would become the recorded member of the port's group
 *    (inet_csk_update_fastreuse(), reuseport_add_sock()), for every later bind().
 *  - TCP: not on a port that has a socket, or may have one. A success without the
 *    option sets tb->fastreuseport to 0, for all addresses of the port, and a bind()
 *    that this cache would have allowed is refused. The cache outlives the socket that
 *    it was made for, so it may exist even if no socket on the port has SO_REUSEPORT.
 *    It goes with the last socket on the port. (Before Linux 6.18 a success also keeps
 *    connect() from using a port that only connect() had used: also on such ports only.)
 *    If a socket certainly blocks, the bind() cannot succeed, and is harmless. Nor can
 *    that of [::] without options on a port that has a socket: no cache is asked, and
 *    each socket, TIME_WAIT included, is compared (inet_csk_bind_conflict()).
 *  - UDP: not with SO_REUSEADDR beside others, or where they cannot be seen: it would
 *    get their datagrams. Otherwise UDP has no memory, and our place in the chain is
 *    gone with us.
 *  - AF_UNIX: abstract names alone, which go with the socket; a path is a file.
 *  - AF_VSOCK, AF_NETLINK: the port goes with the socket.
 *  - Not for port 0, which is about many ports.
 *
 * A bind() that fails changes nothing: inet_csk_get_port() returns before the update.
 * One that succeeds takes the port for an instant, so that the bind() of another
 * program can fail: that is why it has to be asked for.
 *
 * A success settles listen() too: it runs get_port() again, with the same options
 * against the same sockets, which differs from bind() only by tb->fastreuse before
 * Linux 6.8, on ports that have a socket.
 */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>

#include "rules/address.h"
#include "rules/conflict.h"
#include "rules/kernel-versions.h"
#include "observe/observe.h"
#include "util/missing.h"
#include "util/sys.h"
#include "rules/verdict.h"

/* Is the request about a fresh socket of the caller, in this namespace? */
static bool is_fresh(const struct observation *o)
{
        const struct request *q = o->request;

        return q->error == 0 && q->call == AIU_CALL_BIND && q->bound.len == 0 && q->own_inode == 0 &&
               q->own_cookie == 0 && !q->foreign_uid && o->query->netns < 0 && !o->query->netns_lost &&
               o->query->pid == 0;
}

static bool on_the_port(const struct request *q, const struct socket *s)
{
        return s->protocol == conflict_protocol(q) && address_is_ip(&s->local) &&
               address_port(&s->local) == address_port(&q->address);
}

static bool sees_nothing(const struct observation *o)
{
        const struct aiu_snapshot *snapshot = &o->snapshot;

        for (size_t i = 0; i < snapshot->n_sockets; i++)
                if (on_the_port(o->request, &snapshot->sockets[i]))
                        return false;
        return true;
}

/* Certainly no socket has the port, at any address. */
static bool port_is_empty(const struct observation *o)
{
        return o->sockets_complete && sees_nothing(o);
}

/* A socket is certainly in the way: only which error comes first is open. */
static bool is_hopeless(const struct observation *o)
{
        const struct aiu_snapshot *snapshot = &o->snapshot;

        if (o->request->reuseaddr && kernel_doubts(&snapshot->host) & AIU_KERNEL_STATELESS)
                return false;
        for (size_t i = 0; i < snapshot->n_sockets; i++)
                if (conflict_judge(o->request, &snapshot->sockets[i], &snapshot->host).blocking == YES)
                        return true;
        return false;
}

/* Would the bind leave everything as it was? */
static bool leaves_no_trace(const struct observation *o)
{
        const struct request *q = o->request;

        if (q->reuseport)
                return false;
        if (conflict_protocol(q) == IPPROTO_TCP)
                return is_hopeless(o) || (port_is_empty(o) && !kernel_hides_bound(&o->snapshot.host));
        return !q->reuseaddr || port_is_empty(o);
}

/* AF_VSOCK and AF_NETLINK; not where the kernel is to choose, nor where groups are joined. */
static bool has_number(const struct address *address)
{
        if (address_is_netlink(address))
                return address->sa.nl.nl_pid != 0 && address->sa.nl.nl_groups == 0;
        return address_is_vsock(address) && address->sa.vm.svm_port != VMADDR_PORT_ANY;
}

static bool may_try(const struct observation *o)
{
        const struct request *q = o->request;

        if (!(o->backend_request.context_flags & AIU_CONTEXT_TRIAL_BIND) || !is_fresh(o))
                return false;
        if (address_is_abstract(&q->address) || has_number(&q->address))
                return true;
        return address_is_ip(&q->address) && address_port(&q->address) != 0 && conflict_modelled(q) &&
               leaves_no_trace(o);
}

static int set_options(int fd, const struct request *q)
{
        int r = 0;

        if (!address_is_ip(&q->address))
                return 0;
        if (q->address.sa.any.sa_family == AF_INET6)
                r = sys_setsockopt_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, q->v6only);
        if (r >= 0 && q->reuseaddr)
                r = sys_setsockopt_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
        if (r >= 0 && q->freebind)
                r = sys_setsockopt_int(fd, IPPROTO_IP, IP_FREEBIND, 1);
        if (r >= 0 && q->ifindex != 0)
                r = sys_setsockopt_int(fd, SOL_SOCKET, SO_BINDTOIFINDEX, (int)q->ifindex);
        return r;
}

static void say_tried(struct observation *o, int error)
{
        char text[96];

        (void)snprintf(text, sizeof(text), error ? "a trial bind() failed: error %d" : "a trial bind() succeeded",
                       error);
        aiu_snapshot_log(&o->snapshot, AIU_LOG_INFO, text);
}

#define NOT_TRIED (-EAGAIN) /* passing, so nothing more is known */

static int bind_and_close(struct observation *o, const struct request *q)
{
        int fd, r;

        fd = sys_socket(q->address.sa.any.sa_family, q->type, q->protocol);
        if (fd < 0)
                return NOT_TRIED;
        r = set_options(fd, q);
        if (r < 0) {
                r = NOT_TRIED;
        } else {
                r = sys_bind(fd, &q->address.sa.any, q->address.len);
                say_tried(o, r < 0 ? -r : 0);
        }
        sys_close(fd);
        return r;
}

/* ------------------------------------------------------ the wildcard */

/*
 * Linux before 6.8 shows no socket that is bound but not listening. If the wildcard without options
 * can be bound, the port has no socket at all in its table (of a VRF, or of none). If not, nothing
 * was changed, and the answer stays unknown.
 */
static bool may_try_wildcard(const struct observation *o)
{
        const struct request *q = o->request;

        return o->backend_request.context_flags & (AIU_CONTEXT_TRIAL_BIND | AIU_CONTEXT_TRIAL_WILDCARD) &&
               is_fresh(o) && address_is_ip(&q->address) && address_port(&q->address) != 0 && conflict_modelled(q) &&
               conflict_protocol(q) == IPPROTO_TCP && q->l3mdev == 0 && kernel_hides_bound(&o->snapshot.host) &&
               sees_nothing(o);
}

static void try_wildcard(struct observation *o)
{
        struct request any = *o->request;
        bool v6 = o->snapshot.host.ipv6_enabled != NO;
        int r;

        any.address = (struct address){ .len = v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in) };
        any.address.sa.any.sa_family = v6 ? AF_INET6 : AF_INET;
        address_set_port(&any.address, address_port(&o->request->address));
        any.protocol = IPPROTO_TCP;
        any.v6only = any.reuseaddr = any.freebind = false;
        any.ifindex = 0;
        r = bind_and_close(o, &any);
        if (r < 0)
                return;
        o->sockets_complete = true;
        o->snapshot.host.bound_complete = true;
}

static bool is_open(const struct observation *o)
{
        struct port_table table = observe_table(o);

        return verdict_predict(&table).verdict == AIU_VERDICT_UNKNOWN;
}

void trial_bind(struct observation *o)
{
        struct request *q = o->request;
        int r;

        if (may_try_wildcard(o) && is_open(o))
                try_wildcard(o);
        if (!may_try(o) || !is_open(o))
                return;
        r = bind_and_close(o, q);
        if (r >= 0)
                q->trial_succeeded = true;
        else if (!verdict_is_passing(-r))
                q->error = -r; /* evidence, as if the caller had seen it */
}
