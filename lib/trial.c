/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * AIU_CONTEXT_TRIAL_BIND: where the facts do not decide, the kernel does, by a
 * bind() of a socket of our own that is closed at once. Never a listen(), and never
 * where a bind() that succeeds would change what happens next:
 *
 *  - Not with SO_REUSEPORT: it would become the recorded member of the port's group
 *    (inet_csk_update_fastreuse(), reuseport_add_sock()), whoever comes next.
 *  - TCP: not beside a socket that has SO_REUSEPORT or may have it, which TIME_WAIT
 *    always may, nor where not every socket could be seen: a success without the option
 *    sets tb->fastreuseport to 0, and a member that the kernel would have let in by that
 *    memory is refused. A port without sockets has no such memory (the bucket comes and
 *    goes with ours), and without SO_REUSEPORT sockets nobody profits from it. That
 *    leaves sockets that are bound and no more on a Linux before 6.8, which are not
 *    shown: they would have to be of both kinds at once, and sharing one address.
 *  - UDP: not with SO_REUSEADDR beside others, or where they cannot be seen: it would
 *    get their datagrams. Otherwise UDP has no memory, and our place in the chain is
 *    gone with us.
 *  - Not for port 0 (it is about many ports) nor AF_UNIX (it makes a file).
 *
 * A bind() that fails changes nothing: inet_csk_get_port() returns before the update.
 * One that succeeds takes the port for an instant, so that the bind() of another
 * program can fail: that is why it has to be asked for.
 */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "address.h"
#include "assemble.h"
#include "conflict.h"
#include "observe.h"
#include "sys.h"
#include "verdict.h"

/* Newer than the headers of some distributions. */
enum { BIND_TO_IFINDEX = 62 };          /* SO_BINDTOIFINDEX, Linux 5.1 */

/* Is it a question about a fresh socket of the caller's own? */
static bool is_fresh(const struct question *q)
{
        return q->error == 0 && q->call == AIU_CALL_BIND && q->bound.len == 0 && q->own_inode == 0 && !q->foreign_uid;
}

static bool on_the_port(const struct question *q, const struct socket *s)
{
        return s->protocol == conflict_protocol(q) && address_is_ip(&s->local) &&
               address_port(&s->local) == address_port(&q->address);
}

/* Would a success change what happens to anybody later? */
static bool leaves_no_trace(const struct observation *o)
{
        const struct aiu_snapshot *snapshot = &o->snapshot;
        const struct question *q = o->question;
        bool tcp = conflict_protocol(q) == IPPROTO_TCP;

        if (q->reuseport || (!o->sockets_complete && (tcp || q->reuseaddr)))
                return false;
        for (size_t i = 0; i < snapshot->n_sockets; i++) {
                if (!on_the_port(q, &snapshot->sockets[i]))
                        continue;
                if (tcp ? snapshot->sockets[i].reuseport != NO : q->reuseaddr)
                        return false;
        }
        return true;
}

static bool may_try(const struct observation *o)
{
        const struct question *q = o->question;

        return o->asked.context_flags & AIU_CONTEXT_TRIAL_BIND && address_is_ip(&q->address) &&
               address_port(&q->address) != 0 && conflict_modelled(q) && is_fresh(q) &&
               leaves_no_trace(o);
}

static int set_options(int fd, const struct question *q)
{
        int r = 0;

        if (q->address.sa.any.sa_family == AF_INET6)
                r = sys_setsockopt_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, q->v6only);
        if (r >= 0 && q->reuseaddr)
                r = sys_setsockopt_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
        if (r >= 0 && q->freebind)
                r = sys_setsockopt_int(fd, IPPROTO_IP, IP_FREEBIND, 1);
        if (r >= 0 && q->ifindex != 0)
                r = sys_setsockopt_int(fd, SOL_SOCKET, BIND_TO_IFINDEX, (int)q->ifindex);
        return r;
}

static int bind_and_close(struct observation *o)
{
        struct question *q = o->question;
        int fd, r;

        fd = sys_socket(q->address.sa.any.sa_family, q->type, q->protocol);
        if (fd < 0)
                return 0;       /* it could not be tried: nothing is known more */
        r = set_options(fd, q);
        if (r >= 0) {
                r = sys_bind(fd, &q->address.sa.any, q->address.len);
                if (r >= 0)
                        q->trial_succeeded = true;
                else
                        q->error = -r;  /* evidence, as if the caller had seen it */
        }
        sys_close(fd);
        return 0;
}

int trial_bind(struct observation *o)
{
        struct scene scene;

        if (!may_try(o))
                return 0;
        scene = assemble_scene(o);
        if (verdict_predict(&scene).verdict != AIU_VERDICT_UNKNOWN)
                return 0;
        return observe_there(o, bind_and_close);
}
