/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Phase sockets: every socket on a TCP or UDP port, with all bits that the rules compare. sock_diag(7) is asked as well,
 * before the walk: for the listeners of TCP, for all sockets of UDP. If the walk lacks one that sock_diag(7) still has
 * afterwards, again and again, the module contradicts the kernel: it is switched off, and the built-in backends answer.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/module.h"
#include "util/sys.h"

#define MOST_LOOKS 4
#define USEC_PER_SEC UINT64_C(1000000)

#define PORT_LOCKED 8 /* SOCK_BINDPORT_LOCK: bind(2) named the port */

static int look(struct module *module, int protocol, uint16_t port)
{
        struct listeners before = { 0 }, after = { 0 };
        int r = listeners_read(protocol, port, &before);

        if (r >= 0)
                r = run_walk(module, protocol, port);
        if (r >= 0 && !listeners_are_in(&before, module->wire)) {
                r = listeners_read(protocol, port, &after);
                if (r >= 0)
                        r = listeners_are_missed(&before, &after, module->wire) ? -EBADE : 0;
        }
        free(before.cookies);
        free(after.cookies);
        return r;
}

int walk_checked(struct module *module, int protocol, uint16_t port)
{
        int r = -EBADE;

        /* A port may be given up and taken again. */
        for (int i = 0; i < MOST_LOOKS && r == -EBADE; i++)
                r = look(module, protocol, port);
        if (r == -EBADE)
                module->broken = true;
        return r;
}

static enum aiu_tristate yes_no(bool yes)
{
        return yes ? AIU_TRISTATE_YES : AIU_TRISTATE_NO;
}

/* At least 1, for 0 means that it is no minisock. */
static uint64_t expires(const struct module *module, const struct wire_socket *socket)
{
        if (module->hz == 0 || socket->jiffies_left <= 0)
                return 1;
        return (uint64_t)socket->jiffies_left * USEC_PER_SEC / module->hz;
}

/* The user that bind(2) compares, and the VRF of the bucket: TCP has buckets. */
static uint32_t flags_of(const struct wire_socket *socket, int protocol)
{
        uint32_t flags = socket->minisock ? 0 : AIU_SOCKET_BIND_UID;

        return protocol == IPPROTO_TCP ? flags | AIU_SOCKET_L3MDEV : flags;
}

static int add(const struct module *module, int protocol, const struct wire_socket *socket,
               struct aiu_snapshot *snapshot)
{
        struct sockaddr_storage local, peer;
        struct aiu_socket_fact fact = {
                .size = sizeof(fact),
                .type = protocol == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM,
                .protocol = protocol,
                .state = wire_state(socket->state),
                .inode = socket->inode,
                .cookie = socket->cookie,
                .cgroup_id = socket->cgroup,
                .uid = socket->uid,
                .ifindex = socket->ifindex,
                .minisock = yes_no(socket->minisock),
                .autobound = socket->minisock ? AIU_TRISTATE_UNKNOWN : yes_no(!(socket->locks & PORT_LOCKED)),
                .reuseaddr = yes_no(socket->reuseaddr),
                .reuseport = yes_no(socket->reuseport),
                .v6only = yes_no(socket->v6only),
                .expires_usec = socket->minisock ? expires(module, socket) : 0,
                .flags = flags_of(socket, protocol),
                .l3mdev = (unsigned int)socket->l3mdev,
        };
        int r;

        fact.local = (const struct sockaddr *)&local;
        fact.local_len = wire_address(&local, socket, socket->local, htons(socket->port));
        if (socket->peer_port != 0) {
                fact.peer = (const struct sockaddr *)&peer;
                fact.peer_len = wire_address(&peer, socket, socket->peer, socket->peer_port);
        }
        r = aiu_snapshot_add_socket(snapshot, &fact);
        return r == -ENOBUFS ? 0 : r;
}

void remember_file(struct module *module, uint64_t inode, uint64_t file)
{
        if (file == 0)
                return;
        module->known[module->next_known] = (struct known){ .inode = inode, .file = file };
        module->next_known = (module->next_known + 1) % MOST_KNOWN;
        if (module->n_known < MOST_KNOWN)
                module->n_known++;
}

static bool all_understood(const struct module *module)
{
        const struct wire *wire = module->wire;

        for (uint32_t i = 0; i < wire->n_sockets; i++)
                if ((wire->sockets[i].family != AF_INET && wire->sockets[i].family != AF_INET6) ||
                    (wire->sockets[i].minisock && !module->minisocks_proven))
                        return false;
        return true;
}

static int add_caches(const struct wire *wire, struct aiu_snapshot *snapshot)
{
        int r = 0;

        for (uint32_t i = 0; i < wire->n_buckets && r >= 0; i++) {
                const struct wire_bucket *bucket = &wire->buckets[i];
                struct aiu_port_cache_fact fact = { .size = sizeof(fact),
                                                    .port = (uint16_t)wire->port,
                                                    .fastreuse = bucket->fastreuse,
                                                    .fastreuseport = bucket->fastreuseport,
                                                    .l3mdev = (unsigned int)bucket->l3mdev };

                /* Else these are what another port left in the memory. */
                if (bucket->fastreuseport > 0) {
                        fact.fastuid = bucket->uid;
                        fact.family = bucket->family;
                        fact.v4 = bucket->v4;
                        memcpy(fact.v6, bucket->v6, sizeof(fact.v6));
                        fact.v6only = bucket->v6only != 0;
                }
                r = aiu_snapshot_add_port_cache(snapshot, &fact);
        }
        return r;
}

static int add_port(const struct wire *wire, int protocol, struct aiu_snapshot *snapshot)
{
        struct aiu_port_fact fact = { .size = sizeof(fact), .protocol = protocol, .port = (uint16_t)wire->port };
        int r;

        if (protocol == IPPROTO_TCP) {
                fact.bound_listed = AIU_TRISTATE_YES;
                r = add_caches(wire, snapshot);
                if (r < 0)
                        return r;
        } else {
                fact.in_order = AIU_TRISTATE_YES;
                fact.slot_count = wire->n_in_slot;
        }
        return aiu_snapshot_add_port(snapshot, &fact);
}

static int add_all(struct module *module, int protocol, struct aiu_snapshot *snapshot)
{
        const struct wire *wire = module->wire;
        int r = 0;

        for (uint32_t i = 0; i < wire->n_sockets && r >= 0; i++) {
                remember_file(module, wire->sockets[i].inode, wire->sockets[i].file);
                r = add(module, protocol, &wire->sockets[i], snapshot);
        }
        if (r >= 0)
                r = add_port(wire, protocol, snapshot);
        return r < 0 && r != -ENOBUFS ? r : AIU_COMPLETE;
}

/* The processes of another /proc have other numbers here: the socket is not found then. */
static int add_program(struct module *module, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        pid_t pid = request->pid > 0 ? request->pid : sys_getpid();

        if (request->own_cookie == 0 || !module->groups_proven)
                return 0;
        return aiu_snapshot_add_program(snapshot, run_find_own(module, pid, request->own_cookie, request->own_inode));
}

static bool is_for_us(const struct module *module, const struct aiu_request *request)
{
        if (module->broken || request->plain_calls_only)
                return false;
        /* The library wants one connection, or listeners alone: sock_diag(7) is faster. */
        if (request->peer || (request->context_flags & (AIU_CONTEXT_LISTENERS_ONLY | AIU_CONTEXT_FIRST_HOLDER)) ==
                                     AIU_CONTEXT_LISTENERS_ONLY)
                return false;
        if (request->address->sa_family == AF_UNIX)
                return true;
        if (request->port == 0)
                return false;
        return request->protocol == IPPROTO_TCP || (request->protocol == IPPROTO_UDP && module->has_udp);
}

static int port_sockets(struct module *module, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        int r = walk_checked(module, request->protocol, request->port);

        if (r == -ENOBUFS)
                r = AIU_PARTIAL; /* more sockets than fit: sock_diag(7) lists them */
        else if (r < 0)
                (void)aiu_snapshot_add_gap(snapshot, r == -EBADE ? AIU_GAP_BACKEND : AIU_GAP_RACE, -r,
                                           r == -EBADE
                                                   ? "the BPF programs saw fewer sockets than sock_diag(7) and were "
                                                     "switched off"
                                                   : "the BPF programs could not read the sockets of the port");
        else
                r = all_understood(module) ? add_all(module, request->protocol, snapshot) : AIU_PARTIAL;
        if (r >= 0)
                (void)add_program(module, request, snapshot);
        return r;
}

int bpf_sockets(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        struct module *module = userdata;
        int r;

        if (!is_for_us(module, request))
                return AIU_PARTIAL;
        module_lock(module);
        if (request->address->sa_family == AF_UNIX)
                r = names_sockets(module, request, snapshot);
        else
                r = port_sockets(module, request, snapshot);
        module_unlock(module);
        return r;
}
