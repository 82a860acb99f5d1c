/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel_users: what in the kernel has a socket that no process has.
 *
 * The sockets of vxlan, nfsd and their like come from sock_create_kern(): they have an inode and are listed by
 * sock_diag(7), but have no file, and nothing leads from them to their owner. The way back is to ask everything in
 * the kernel that is known to have such sockets for its port. That is proof enough where the owner binds a port
 * alone: a second socket with the same address, port and family could not exist beside it (the kernel sets no
 * SO_REUSEADDR). Where the owner does not tell its port, or may have its socket in another network namespace, nothing
 * is claimed; a gap says what it may be.
 */
#include "backend/kernel-user/kernel-user.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "backend/backends.h"
#include "util/macro.h"

static uint16_t port_of(const struct sockaddr *address)
{
        struct sockaddr_in in;

        /* The port is at the same place in sockaddr_in6. */
        memcpy(&in, address, sizeof(in));
        return ntohs(in.sin_port);
}

/* The address as IPv6 has it: IPv4 mapped. */
static struct in6_addr ip_of(const struct sockaddr *address)
{
        struct in6_addr ip = { .s6_addr = { [10] = 0xff, [11] = 0xff } };
        struct sockaddr_in6 in6;
        struct sockaddr_in in;

        if (address->sa_family == AF_INET6) {
                memcpy(&in6, address, sizeof(in6));
                return in6.sin6_addr;
        }
        memcpy(&in, address, sizeof(in));
        memcpy(&ip.s6_addr[12], &in.sin_addr, sizeof(in.sin_addr));
        return ip;
}

static bool same_ip(const struct sockaddr *a, const struct sockaddr *b)
{
        struct in6_addr x = ip_of(a), y = ip_of(b);

        return memcmp(&x, &y, sizeof(x)) == 0;
}

static bool is_any(const struct sockaddr *address)
{
        struct in6_addr ip = ip_of(address), any4 = { .s6_addr = { [10] = 0xff, [11] = 0xff } };

        return IN6_IS_ADDR_UNSPECIFIED(&ip) || memcmp(&ip, &any4, sizeof(ip)) == 0;
}

static bool fits(const struct kernel_candidate *candidate, const struct aiu_socket_fact *s)
{
        if (s->protocol != candidate->protocol || (candidate->port != 0 && port_of(s->local) != candidate->port) ||
            (candidate->family != AF_UNSPEC && s->local->sa_family != candidate->family))
                return false;
        if (candidate->peer)
                return s->peer && same_ip(s->peer, candidate->peer) && port_of(s->peer) == port_of(candidate->peer);
        if (candidate->any_local)
                return true;
        return candidate->local ? same_ip(s->local, candidate->local) : is_any(s->local) && s->ifindex == 0;
}

static bool is_unheld(const struct user_search *search, const struct aiu_socket_fact *s)
{
        return s->inode != 0 && s->local->sa_family != AF_UNIX && aiu_snapshot_wants_inode(search->snapshot, s->inode);
}

/* Several devices may share one socket: who has it already does not matter, a process does. */
static bool has_process(const struct user_search *search, uint64_t inode)
{
        uint64_t held;

        for (size_t i = 0; aiu_snapshot_get_holder(search->snapshot, i, &held, NULL, NULL); i++)
                if (held == inode)
                        return true;
        return false;
}

int user_candidate(struct user_search *search, const struct kernel_candidate *candidate)
{
        struct aiu_kernel_user_fact fact = {
                .size = sizeof(fact),
                .service = candidate->service,
                .name = candidate->name,
                .command = candidate->command[0] ? candidate->command : NULL,
                .command_suffices = candidate->command_suffices,
        };
        const struct aiu_options_fact unshared = {
                .size = sizeof(unshared),
                .reuseaddr = AIU_TRISTATE_NO,
                .reuseport = AIU_TRISTATE_NO,
        };
        struct aiu_socket_fact s = { .size = sizeof(s) };

        for (size_t i = 0; aiu_snapshot_get_socket(search->snapshot, i, &s); i++) {
                int r;

                if (!is_unheld(search, &s) || !fits(candidate, &s) || has_process(search, s.inode))
                        continue;
                r = aiu_snapshot_add_kernel_user(search->snapshot, s.inode, &fact);
                if (r < 0 && r != -ENOBUFS)
                        return r;
                if (candidate->shares_nothing)
                        (void)aiu_snapshot_add_options(search->snapshot, s.inode, &unshared);
        }
        return 0;
}

bool user_all_held(const struct user_search *search)
{
        return aiu_snapshot_all_held(search->snapshot);
}

/* ------------------------------------------------------ what it may be */

/* Users that do not tell their port: one that is usual is no proof, but worth a word. */
static const struct {
        int protocol;
        uint16_t port;
        const char *what;
} usual[] = {
        { IPPROTO_UDP, 2152, "a gtp device (GTP-U)" },
        { IPPROTO_UDP, 3386, "a gtp device (GTPv0)" },
        { IPPROTO_UDP, 4791, "an rxe device (RDMA over UDP)" },
        { IPPROTO_UDP, 6118, "TIPC" },
        { IPPROTO_UDP, 8805, "a pfcp device" },
        { IPPROTO_TCP, 445, "the SMB server ksmbd" },
        { IPPROTO_TCP, 3260, "the iSCSI target" },
        { IPPROTO_TCP, 4420, "the NVMe over TCP target" },
        { IPPROTO_TCP, 16385, "RDS over TCP" },
        { IPPROTO_TCP, 21064, "the distributed lock manager (dlm)" },
};

static void say_usual(const struct user_search *search)
{
        char text[192];

        for (size_t i = 0; i < ELEMENTSOF(usual); i++) {
                if (usual[i].protocol != search->request->protocol || usual[i].port != search->request->port)
                        continue;
                (void)snprintf(text, sizeof(text),
                               "a socket without a visible process is on the usual port of %s in the kernel, which "
                               "does not list its sockets",
                               usual[i].what);
                (void)aiu_snapshot_add_gap(search->snapshot, AIU_GAP_UNKNOWN, 0, text);
        }
}

/* The port of a wireguard device comes from the command of its own. */
static void say_silent(const struct user_search *search)
{
        char text[160];

        for (size_t i = 0; i < search->n_silent; i++) {
                bool wireguard = strcmp(search->silent[i].kind, "wireguard") == 0;

                (void)snprintf(text, sizeof(text),
                               "a socket without a visible process may belong to the %s device %s%s%s%s",
                               search->silent[i].kind, search->silent[i].name,
                               wireguard ? ": see wg show " : ", whose sockets the kernel does not list",
                               wireguard ? search->silent[i].name : "", wireguard ? " listen-port" : "");
                (void)aiu_snapshot_add_gap(search->snapshot, AIU_GAP_UNKNOWN, 0, text);
        }
}

static int look(struct user_search *search)
{
        static int (*const places[])(struct user_search * search) = { user_search_links, user_search_genl,
                                                                      user_search_proc };
        int failed = 0;

        for (size_t i = 0; i < ELEMENTSOF(places) && !user_all_held(search); i++) {
                int r = places[i](search);

                if (r == -ENOMEM || r == -ETIME)
                        return r;
                if (r < 0)
                        failed = r;
        }
        if (!user_all_held(search)) {
                say_usual(search);
                say_silent(search);
        }
        return failed;
}

static int kernel_users(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        struct user_search search = { .request = request, .snapshot = snapshot };
        int r;

        (void)userdata;
        r = look(&search);
        return r < 0 ? r : AIU_PARTIAL;
}

const struct aiu_backend backend_kernel_user = {
        .size = sizeof(struct aiu_backend),
        .name = "kernel-user",
        .kernel_users = kernel_users,
};
