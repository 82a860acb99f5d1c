/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs the backends, phase by phase. A backend that is missing, refused or
 * broken is a gap here, and the next one is asked. No other file handles that.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "backend/phases.h"
#include "rules/address.h"
#include "util/caller.h"
#include "snapshot/port-entries.h"
#include "rules/conflict.h"
#include "rules/kernel-versions.h"
#include "observe/netns-path.h"
#include "observe/observe.h"
#include "rules/port-search.h"
#include "util/missing.h"
#include "util/netns.h"
#include "util/sys.h"

static enum aiu_gap_kind gap_kind(int error)
{
        switch (error) {
        case -EACCES:
        case -EPERM:
                return AIU_GAP_PERMISSION;
        case -ESRCH:
                return AIU_GAP_RACE;
        case -ETIME:
                return AIU_GAP_DEADLINE;
        case -ENOSYS:
                return AIU_GAP_KERNEL_TOO_OLD;
        default:
                return AIU_GAP_BACKEND;
        }
}

/* A backend that failed and did not say what was lost: say that it failed. */
static void note_failure(struct aiu_snapshot *snapshot, int error, size_t gaps_before)
{
        char text[128];

        if (snapshot->n_gaps > gaps_before)
                return;
        (void)snprintf(text, sizeof(text),
                       "this source of facts failed (error %d): the facts that only it has are missing", -error);
        (void)aiu_snapshot_add_gap(snapshot, gap_kind(error), error, text);
}

int observe_phase(struct observation *o, enum phase phase)
{
        const struct aiu_context *context = o->query->context;

        for (size_t i = 0; i < context->n_backends; i++) {
                const struct backend_slot *slot = &context->backends[i];
                phase_function *function = phase_of(&slot->backend, phase);
                size_t gaps = o->snapshot.n_gaps;
                int r;

                if (slot->disabled || !function)
                        continue;
                o->snapshot.backend = slot->backend.name;
                r = function(slot->userdata, &o->backend_request, &o->snapshot);
                if (r < 0)
                        note_failure(&o->snapshot, r, gaps);
                o->snapshot.backend = NULL;
                if (r == AIU_COMPLETE || r == -ENOMEM)
                        return r;
        }
        return AIU_PARTIAL;
}

/* ------------------------------------------------------ beginning */

static void open_procfs(struct observation *o)
{
        o->backend_request.procfs = context_open_procfs(o->query->context);
        o->own_procfs = o->backend_request.procfs != o->query->context->procfs;
}

/* Are pids and privileges of this /proc also the caller's? No backend says so, and advice depends on it. */
static void learn_standpoint(struct host *host, const struct aiu_request *request)
{
        int procfs = request->procfs;

        host->foreign_pids = caller_pids_are_foreign(procfs);
        host->limited_root = caller_is_limited_root(procfs);
        host->sandboxed = asker_may_be_sandboxed(request);
}

void observe_begin(struct observation *o, const struct aiu_query *query, struct request *request)
{
        const struct aiu_context *context = query->context;

        *o = (struct observation){ .query = query, .request = request };
        snapshot_init(&o->snapshot);
        o->snapshot.progress = context->progress;
        o->snapshot.progress_userdata = context->progress_userdata;
        o->snapshot.log = context->log;
        o->snapshot.log_max = context->log_max;
        o->snapshot.log_userdata = context->log_userdata;
        open_procfs(o);
        o->backend_request.size = sizeof(o->backend_request);
        o->backend_request.address = &request->address.sa.any;
        o->backend_request.address_len = request->address.len;
        o->backend_request.type = request->type;
        o->backend_request.protocol =
                address_is_netlink(&request->address) ? request->protocol : conflict_protocol(request);
        o->backend_request.port = address_port(&request->address);
        o->backend_request.ifindex = conflict_device(request);
        o->backend_request.uid = request->uid;
        o->backend_request.pid = query->pid;
        o->backend_request.process = query->process;
        o->backend_request.own_cookie = request->maybe_program ? request->own_cookie : 0;
        o->backend_request.own_inode = request->maybe_program ? request->own_inode : 0;
        o->backend_request.context_flags = query_flags(query);
        /* A deadline of centuries is none: its nanoseconds would overflow. */
        if (context->deadline_usec && context->deadline_usec < UINT64_MAX / 2000)
                o->backend_request.deadline_nsec = sys_now_nsec() + context->deadline_usec * 1000;
        o->snapshot.host.kernel_proven = context->kernel_proven;
        o->backend_request.plain_calls_only =
                !(context->flags & AIU_CONTEXT_ALL_SYSCALLS) && caller_is_filtered(o->backend_request.procfs);
        learn_standpoint(&o->snapshot.host, &o->backend_request);
        if (query->pid > 0 && request->address.sa.any.sa_family == AF_UNIX)
                request->other_rights = !asker_is_like_caller(&o->backend_request);
}

void observe_end(struct observation *o)
{
        if (o->own_procfs)
                sys_close(o->backend_request.procfs);
        snapshot_finish(&o->snapshot);
}

struct port_table observe_table(const struct observation *o)
{
        return (struct port_table){
                .request = o->request,
                .host = &o->snapshot.host,
                .sockets = o->snapshot.sockets,
                .n_sockets = o->snapshot.n_sockets,
                .sockets_complete = o->sockets_complete,
                .port = &o->snapshot.port,
                .entries = o->snapshot.entries.list,
                .n_entries = o->snapshot.entries.n,
        };
}

/* ------------------------------------------------------ the namespace */

static int no_way_in(struct observation *o, int error)
{
        return aiu_snapshot_add_gap(&o->snapshot, AIU_GAP_NAMESPACE, error,
                                    "the socket is in another network namespace, which could not be entered: run "
                                    "inside that namespace, or with the privilege to enter it [CAP_SYS_ADMIN]");
}

/* ------------------------------------------------------ the phases */

/* A new IPv6 socket starts with the sysctl's IPV6_V6ONLY. */
static void learn_v6only(struct observation *o)
{
        char text[8];

        if (o->query->v6only_set || o->request->every_address || o->request->address.sa.any.sa_family != AF_INET6 ||
            o->backend_request.procfs < 0)
                return;
        if (sys_read_file(o->backend_request.procfs, "sys/net/ipv6/bindv6only", text, sizeof(text)) > 0)
                o->request->v6only = text[0] == '1';
}

/* Where the kernel has no IPv6, a server that is given a port alone binds 0.0.0.0. */
static void learn_family(struct observation *o)
{
        struct request *q = o->request;

        if (!q->every_address || o->snapshot.host.ipv6_enabled != NO)
                return;
        address_set_any_ipv4(&q->address);
        q->every_address = false;
        o->backend_request.address_len = q->address.len;
}

static bool lists_own(const struct observation *o)
{
        for (size_t i = 0; i < o->snapshot.n_sockets; i++)
                if (conflict_is_own(o->request, &o->snapshot.sockets[i]))
                        return true;
        return false;
}

/*
 * A TCP socket that is neither listening nor connected, and has a port by
 * getsockname(2), may have lost it: inet_put_port() leaves inet_sport as it was.
 * Only the kernel's tables tell, so they are looked up for that port, on the side.
 */
static int observe_own_port(struct observation *o)
{
        struct request *q = o->request;
        struct observation side = *o;
        int r;

        if (q->bound.len == 0 || conflict_protocol(q) != IPPROTO_TCP)
                return 0;
        q->holds_port = YES;
        if (q->domain == 0)
                return 0; /* a socket that is not at hand has what the caller says */
        if (q->state != AIU_STATE_CLOSE && q->state != AIU_STATE_UNKNOWN)
                return 0;
        snapshot_init(&side.snapshot);
        side.backend_request.port = address_port(&q->bound);
        side.backend_request.context_flags &= ~AIU_CONTEXT_LISTENERS_ONLY;
        r = observe_phase(&side, PHASE_SOCKETS);
        if (!lists_own(&side))
                q->holds_port =
                        r == AIU_COMPLETE && !side.snapshot.sockets_truncated && !kernel_hides_bound(&o->snapshot.host)
                                ? NO
                                : UNKNOWN;
        snapshot_finish(&side.snapshot);
        if (q->call == AIU_CALL_LISTEN && q->holds_port == NO) {
                address_set_port(&q->address, 0); /* listen() will look for a new one */
                o->backend_request.port = 0;
        }
        return r < 0 ? r : 0;
}

/* The device of an MPTCP socket on a link-local address is its subflow's: the socket itself has none. */
static void learn_own_device(struct observation *o)
{
        if (o->request->protocol != IPPROTO_MPTCP || o->request->ifindex != 0)
                return;
        for (size_t i = 0; i < o->snapshot.n_sockets; i++)
                if (conflict_is_own(o->request, &o->snapshot.sockets[i]))
                        o->request->ifindex = o->snapshot.sockets[i].ifindex;
}

/* With SO_REUSEPORT a listener proves nothing (verdict.c, doubts_of()); which VRF a device is in is not known yet. */
static bool may_settle(const struct request *q)
{
        return !q->reuseport && q->own_cookie == 0 && conflict_device(q) == 0;
}

static bool is_settled(const struct observation *o)
{
        for (size_t i = 0; i < o->snapshot.n_sockets; i++)
                if (o->snapshot.sockets[i].state == AIU_STATE_LISTEN &&
                    conflict_judge(o->request, &o->snapshot.sockets[i], &o->snapshot.host).blocking == YES)
                        return true;
        return false;
}

static bool has_listener(const struct observation *o)
{
        for (size_t i = 0; i < o->snapshot.n_sockets; i++)
                if (o->snapshot.sockets[i].state == AIU_STATE_LISTEN)
                        return true;
        return false;
}

static int run_with(struct observation *o, uint32_t flags)
{
        uint32_t before = o->backend_request.context_flags;
        int r;

        o->backend_request.context_flags = flags;
        r = observe_phase(o, PHASE_SOCKETS);
        o->backend_request.context_flags = before;
        return r;
}

static int observe_listeners(struct observation *o)
{
        int r = run_with(o,
                         (o->backend_request.context_flags & ~AIU_CONTEXT_FIRST_HOLDER) | AIU_CONTEXT_LISTENERS_ONLY);

        (void)aiu_snapshot_add_gap(&o->snapshot, AIU_GAP_TRUNCATED, 0,
                                   "only listening sockets were looked for, as requested: others may hold the port, "
                                   "too");
        return r < 0 ? r : AIU_PARTIAL;
}

/*
 * One holder is wanted, and there is a listener: then that is the answer, and no backend
 * needs to walk the table of connections, which is 10 to 100 times as long. With both
 * flags a backend reports a listener or, where there is none, all sockets.
 */
static int observe_first(struct observation *o)
{
        size_t gaps = o->snapshot.n_gaps;
        int r = run_with(o, o->backend_request.context_flags | AIU_CONTEXT_LISTENERS_ONLY);

        if (r < 0 || !has_listener(o))
                return r;
        if (is_settled(o)) {
                (void)aiu_snapshot_add_gap(&o->snapshot, AIU_GAP_TRUNCATED, 0,
                                           "the search stopped at the first "
                                           "listening socket in the way, as requested: there may be more");
                return AIU_PARTIAL;
        }
        snapshot_forget_sockets(&o->snapshot, gaps);
        return observe_phase(o, PHASE_SOCKETS);
}

static int observe_port(struct observation *o)
{
        uint32_t flags = query_flags(o->query);
        const struct request *q = o->request;

        if (conflict_protocol(q) == IPPROTO_TCP && flags & AIU_CONTEXT_LISTENERS_ONLY)
                return observe_listeners(o);
        if (conflict_protocol(q) == IPPROTO_TCP && flags & AIU_CONTEXT_FIRST_HOLDER && may_settle(q))
                return observe_first(o);
        return observe_phase(o, PHASE_SOCKETS);
}

/* Port 0: every socket may count, if the range is known; none does, if no port is looked for. */
static int observe_socket_tables(struct observation *o)
{
        int first, last, r;

        if (!address_is_ip(&o->request->address))
                return observe_phase(o, PHASE_SOCKETS);
        if (o->backend_request.port != 0)
                return observe_port(o);
        if (!range_requested(o->request) || !range_bounds(o->request, &o->snapshot.host, &first, &last))
                return AIU_PARTIAL;
        r = entries_begin(&o->snapshot.entries);
        return r < 0 ? r : observe_phase(o, PHASE_SOCKETS);
}

static bool has_devices(const struct observation *o)
{
        const struct aiu_snapshot *s = &o->snapshot;

        if (conflict_protocol(o->request) != IPPROTO_TCP || !address_is_ip(&o->request->address))
                return false;
        if (conflict_device(o->request) != 0)
                return true;
        for (size_t i = 0; i < s->n_sockets; i++)
                if (s->sockets[i].l3mdev == IFINDEX_UNKNOWN)
                        return true;
        for (size_t i = 0; i < s->entries.n; i++)
                if (s->entries.list[i].l3mdev == IFINDEX_UNKNOWN)
                        return true;
        return false;
}

/* Which VRF does each device belong to? Most questions have to do with none. */
static int observe_devices(struct observation *o)
{
        unsigned int device = conflict_device(o->request);
        int r;

        if (!has_devices(o))
                return 0;
        r = observe_phase(o, PHASE_DEVICES);
        if (r < 0)
                return r;
        o->request->l3mdev = 0;
        if (device != 0 && !aiu_snapshot_get_device(&o->snapshot, device, &o->request->l3mdev))
                o->request->l3mdev = IFINDEX_UNKNOWN;
        return 0;
}

static void learn_program(struct observation *o)
{
        struct request *q = o->request;

        q->has_program = q->has_program || (q->maybe_program && o->snapshot.port.program == YES);
        q->maybe_program = q->maybe_program && o->snapshot.port.program == UNKNOWN;
}

/* Where the kernel lists no socket that is bound but not listening, look for these in another way. */
static int observe_hidden(struct observation *o)
{
        int r;

        o->snapshot.host.bound_complete = o->snapshot.port.bound_listed;
        if (!kernel_hides_bound(&o->snapshot.host) || conflict_protocol(o->request) != IPPROTO_TCP ||
            !address_is_ip(&o->request->address) ||
            (!o->sockets_complete && o->backend_request.context_flags & AIU_CONTEXT_FIRST_HOLDER) ||
            query_flags(o->query) & AIU_CONTEXT_LISTENERS_ONLY)
                return 0;
        r = observe_phase(o, PHASE_HIDDEN_SOCKETS);
        if (r < 0)
                return r;
        o->snapshot.host.bound_complete = r == AIU_COMPLETE;
        o->sockets_complete = o->sockets_complete && !o->snapshot.sockets_truncated;
        return 0;
}

static int observe_inside(struct observation *o)
{
        uint16_t port = o->backend_request.port;
        uint64_t began;
        int r;

        learn_v6only(o);
        observe_own_device(o);
        r = observe_phase(o, PHASE_HOST);
        learn_family(o);
        if (r >= 0)
                r = observe_own_port(o);
        /* listen() looks for a port: other limits count. */
        if (r >= 0 && o->backend_request.port != port)
                r = observe_phase(o, PHASE_HOST);
        o->backend_request.context_flags &= ~AIU_CONTEXT_LISTENERS_ONLY; /* observe_port() decides */
        began = sys_now_nsec();
        if (r >= 0)
                r = observe_socket_tables(o);
        if (r < 0)
                return r;
        o->sockets_nsec = sys_now_nsec() - began;
        o->sockets_complete = r == AIU_COMPLETE && !o->snapshot.sockets_truncated;
        r = observe_hidden(o);
        if (r < 0)
                return r;
        learn_own_device(o);
        learn_program(o);
        r = observe_device_names(o);
        return r < 0 ? r : observe_devices(o);
}

int observe_there(struct observation *o, int (*look)(struct observation *o))
{
        int home, r, back;

        if (o->query->netns_lost)
                return no_way_in(o, EPERM);
        if (o->query->netns < 0)
                return look(o);
        r = o->backend_request.plain_calls_only ? -EPERM
                                                : netns_enter(o->backend_request.procfs, o->query->netns, &home);
        if (r < 0)
                return no_way_in(o, r);
        r = look(o);
        back = netns_leave(home);
        return back < 0 ? back : r;
}

/* What is done for an address there has to be done there. */
static int learn_netns(struct observation *o)
{
        struct host *host = &o->snapshot.host;

        host->other_netns = o->query->netns_lost;
        if (o->query->netns < 0 || o->query->netns_lost)
                return 0;
        host->other_netns = !netns_is_own(o->backend_request.procfs, o->query->netns);
        if (!host->other_netns)
                return 0;
        /* The numbers of a /proc that was handed over are not under /proc here. */
        return netns_find_path(&o->backend_request, o->query->netns, o->own_procfs && !host->foreign_pids,
                               &host->netns_path);
}

/* What is free here may be taken there, and the other way round. */
static int doubt_netns(struct observation *o)
{
        if (!o->snapshot.host.netns_unsure)
                return 0;
        o->sockets_complete = false;
        return aiu_snapshot_add_gap(&o->snapshot, AIU_GAP_NAMESPACE, EPERM,
                                    o->request->domain == 0
                                            ? "the process may be in another network namespace: /proc shows this only "
                                              "to a user who may inspect the process"
                                            : "the socket may be in another network namespace: Linux before 5.14 "
                                              "shows this only to root [CAP_NET_ADMIN]");
}

static int observe_namespace(struct observation *o)
{
        int r;

        o->snapshot.host.netns_unsure = o->query->netns_unsure && o->query->netns < 0;
        r = observe_there(o, observe_inside);
        return r < 0 ? r : doubt_netns(o);
}

int observe_sockets(struct observation *o)
{
        int r = learn_netns(o);

        return r < 0 ? r : observe_namespace(o);
}

int observe_sockets_again(struct observation *o)
{
        snapshot_forget_sockets(&o->snapshot, 0);
        o->snapshot.n_wanted = 0;
        o->snapshot.host.bound_complete = false;
        return observe_namespace(o);
}

static int list_sockets(struct observation *side)
{
        int r = observe_phase(side, PHASE_SOCKETS);

        side->sockets_complete = r == AIU_COMPLETE && !side->snapshot.sockets_truncated;
        return r;
}

int observe_listed(struct observation *side)
{
        return observe_there(side, list_sockets);
}

static int ask_for_kernel_users(struct observation *o)
{
        return observe_phase(o, PHASE_KERNEL_USERS);
}

/*
 * A socket with an inode that no process has may be one that the kernel made for
 * itself: a tunnel's, a file server's. Only then that is asked for.
 */
static int observe_kernel_users(struct observation *o)
{
        int r;

        if (o->backend_request.port == 0 || !address_is_ip(&o->request->address) || aiu_snapshot_all_held(&o->snapshot))
                return 0;
        r = observe_there(o, ask_for_kernel_users);
        if (r < 0)
                return r;
        /* ip(8) can be made to act there; another program would look for its device, or its server, here. */
        if (o->snapshot.host.other_netns)
                snapshot_drop_commands(&o->snapshot, o->snapshot.host.netns_path ? "ip" : NULL);
        /* Then the processes that could not be inspected do not matter. */
        if (snapshot_all_in_kernel(&o->snapshot) && !o->snapshot.holders_truncated)
                o->holders_complete = true;
        return 0;
}

/* A holder without a descriptor is one that an io_uring or the kernel has it for. */
static bool has_other_holder(const struct aiu_snapshot *s, uint64_t inode)
{
        const struct holder_ref *h = NULL;

        while ((h = snapshot_holder_ref(s, inode, h)))
                if (h->n_fds == 0)
                        return true;
        return !snapshot_holder_ref(s, inode, NULL) && aiu_snapshot_is_held(s, inode);
}

/* By the references of their files: is each holder of each wanted socket listed? Port 0: no references are kept. */
static tristate count_references(const struct aiu_snapshot *s)
{
        tristate all = s->entries.first ? UNKNOWN : YES;

        for (size_t i = 0; i < s->n_sockets; i++) {
                const struct socket *socket = &s->sockets[i];

                if (!aiu_snapshot_wants_inode(s, socket->inode))
                        continue;
                if (socket->n_references > socket->n_found && !has_other_holder(s, socket->inode))
                        return NO;
                if (socket->n_references == 0 || socket->n_references > socket->n_found)
                        all = UNKNOWN;
        }
        return all;
}

/* With FIRST_HOLDER the list may be short, although the backend says AIU_COMPLETE. */
static bool all_listed(const struct observation *o, int r)
{
        tristate counted = count_references(&o->snapshot);

        if (o->snapshot.holders_truncated || o->backend_request.context_flags & AIU_CONTEXT_FIRST_HOLDER)
                return false;
        return counted == UNKNOWN ? r == AIU_COMPLETE : counted == YES;
}

int observe_holders(struct observation *o)
{
        size_t first_gap = o->snapshot.n_gaps, last_gap;
        int r, r_unheld;

        o->holders_complete = true;
        if (o->snapshot.n_wanted == 0)
                return 0;
        r = observe_phase(o, PHASE_HOLDERS);
        last_gap = o->snapshot.n_gaps;
        if (r < 0)
                return r;
        r_unheld = observe_unheld(o);
        if (r_unheld != 0)
                return r_unheld;
        o->holders_complete = all_listed(o, r);
        r = observe_kernel_users(o);
        if (r < 0)
                return r;
        /* "No process has the socket" is moot where the kernel has it. */
        if (aiu_snapshot_all_held(&o->snapshot))
                snapshot_drop_unheld(&o->snapshot, first_gap, last_gap);
        if (o->snapshot.n_refs == 0)
                return 0;
        if (o->snapshot.host.foreign_pids)
                (void)aiu_snapshot_add_gap(&o->snapshot, AIU_GAP_NAMESPACE, 0,
                                           "/proc shows the pids of another pid namespace: to kill(2) here, these "
                                           "numbers are other processes, or none");
        r = want_options(o);
        if (r <= 0)
                return r;
        r = observe_phase(o, PHASE_OPTIONS);
        return r < 0 ? r : 0;
}

int observe_managers(struct observation *o)
{
        int r;

        o->n_socket_gaps = o->snapshot.n_gaps;
        /* The port is free again: a service that had it may be about to restart. */
        if (o->snapshot.n_wanted == 0 && o->request->error != EADDRINUSE)
                return 0;
        r = observe_phase(o, PHASE_MANAGERS);
        return r < 0 ? r : 0;
}
