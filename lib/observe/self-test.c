/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * aiu_self_test(): the scenes in which kernels differ (kernel-versions.c), replayed.
 *
 * The library makes neither children nor namespaces: a child is more than a daemon may expect of a diagnosis, and a
 * thread that unshared its network could not be sure to come back (setns() wants CAP_SYS_ADMIN). So the caller comes
 * here from a namespace of its own. That it is a new one is told by its loopback interface, which is down; the test
 * brings it up, so it runs once in each.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "query/context.h"
#include "rules/kernel-versions.h"
#include "util/macro.h"
#include "util/sys.h"

#define FIRST_PORT 20000u
#define CROWD 12u /* more than the ten sockets up to which a slot is searched whole */
#define CROWDS 6u

enum { V6ONLY = 1, REUSE = 2, DATAGRAM = 4 };

union endpoint_address {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
};

static socklen_t fill_address(union endpoint_address *to, const char *ip, uint16_t port)
{
        memset(to, 0, sizeof(*to));
        if (inet_pton(AF_INET, ip, &to->in.sin_addr) == 1) {
                to->in.sin_family = AF_INET;
                to->in.sin_port = htons(port);
                return sizeof(to->in);
        }
        (void)inet_pton(AF_INET6, ip, &to->in6.sin6_addr);
        to->in6.sin6_family = AF_INET6;
        to->in6.sin6_port = htons(port);
        return sizeof(to->in6);
}

/* A bound socket, or the errno that bind() gave. */
static int bind_one(const char *ip, unsigned int flags, uint16_t port)
{
        union endpoint_address address;
        socklen_t bytes = fill_address(&address, ip, port);
        int fd, r = 0;

        fd = sys_socket(address.any.sa_family, flags & DATAGRAM ? SOCK_DGRAM : SOCK_STREAM, 0);
        if (fd < 0)
                return fd;
        if (address.any.sa_family == AF_INET6)
                r = sys_setsockopt_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, !!(flags & V6ONLY));
        if (r >= 0 && flags & REUSE)
                r = sys_setsockopt_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
        if (r >= 0)
                r = sys_bind(fd, &address.any, bytes);
        if (r < 0) {
                sys_close(fd);
                return r;
        }
        return fd;
}

/* Does bind() give this errno (0 = it succeeds)? */
static bool gives(const char *ip, unsigned int flags, uint16_t port, int error)
{
        int r = bind_one(ip, flags, port);

        sys_close(r);
        return error ? r == -error : r >= 0;
}

/* ------------------------------------------------------ pairs of addresses */

static const struct {
        uint32_t behaviour;
        struct {
                const char *ip;
                unsigned int flags;
        } held[2], asked;
        int error;
} scenes[] = {
        { AIU_KERNEL_DUAL_STACK, { { "::", 0 } }, { "127.0.0.1", 0 }, EADDRINUSE },
        { AIU_KERNEL_DUAL_STACK, { { "127.0.0.1", 0 } }, { "::", 0 }, EADDRINUSE },
        { AIU_KERNEL_DUAL_STACK, { { "::", 0 } }, { "0.0.0.0", 0 }, EADDRINUSE },
        { AIU_KERNEL_DUAL_STACK, { { "0.0.0.0", 0 } }, { "::", 0 }, EADDRINUSE },
        { AIU_KERNEL_DUAL_STACK, { { "::", 0 } }, { "::ffff:127.0.0.1", 0 }, EADDRINUSE },
        { AIU_KERNEL_DUAL_STACK, { { "::ffff:127.0.0.1", 0 } }, { "::", 0 }, EADDRINUSE },
        { AIU_KERNEL_MAPPED, { { "::ffff:127.0.0.1", 0 } }, { "127.0.0.1", 0 }, EADDRINUSE },
        { AIU_KERNEL_MAPPED, { { "127.0.0.1", 0 } }, { "::ffff:127.0.0.1", 0 }, EADDRINUSE },
        { AIU_KERNEL_MAPPED, { { "::ffff:0.0.0.0", 0 } }, { "127.0.0.1", 0 }, EADDRINUSE },
        { AIU_KERNEL_MAPPED, { { "127.0.0.1", 0 } }, { "::ffff:0.0.0.0", 0 }, EADDRINUSE },
        { AIU_KERNEL_MAPPED, { { "0.0.0.0", 0 } }, { "::ffff:127.0.0.1", 0 }, EADDRINUSE },
        { AIU_KERNEL_MAPPED, { { "::ffff:127.0.0.1", 0 } }, { "0.0.0.0", 0 }, EADDRINUSE },
        { AIU_KERNEL_MAPPED, { { "0.0.0.0", 0 } }, { "::ffff:0.0.0.0", 0 }, EADDRINUSE },
        { AIU_KERNEL_MAPPED, { { "::ffff:0.0.0.0", 0 } }, { "0.0.0.0", 0 }, EADDRINUSE },
        { AIU_KERNEL_MAPPED, { { "::ffff:0.0.0.0", 0 } }, { "::ffff:0.0.0.0", 0 }, EADDRINUSE },
        /* 5e07e672412b without the commits around it: in 6.1.168 and later it overlooks this one. */
        { AIU_KERNEL_MAPPED, { { "::ffff:0.0.0.0", 0 } }, { "::ffff:127.0.0.1", 0 }, EADDRINUSE },
        { AIU_KERNEL_MAPPED, { { "::ffff:127.0.0.1", 0 } }, { "::ffff:0.0.0.0", 0 }, EADDRINUSE },
        { AIU_KERNEL_MAPPED, { { "::ffff:127.0.0.1", 0 } }, { "::ffff:127.0.0.2", 0 }, 0 },
        { AIU_KERNEL_MAPPED, { { "::ffff:127.0.0.1", 0 } }, { "127.0.0.2", 0 }, 0 },
        { AIU_KERNEL_V6ONLY, { { "::", V6ONLY } }, { "::ffff:127.0.0.1", 0 }, 0 },
        { AIU_KERNEL_V6ONLY, { { "::ffff:127.0.0.1", 0 } }, { "::", V6ONLY }, 0 },
        { AIU_KERNEL_V6ONLY, { { "::", V6ONLY } }, { "127.0.0.1", 0 }, 0 },
        { AIU_KERNEL_V6ONLY, { { "::", V6ONLY } }, { "0.0.0.0", 0 }, 0 },
        { AIU_KERNEL_V6ONLY, { { "0.0.0.0", 0 } }, { "::", V6ONLY }, 0 },
        { AIU_KERNEL_V6ONLY, { { "0.0.0.0", 0 }, { "::", V6ONLY } }, { "127.0.0.1", 0 }, EADDRINUSE },
        { AIU_KERNEL_V6ONLY, { { "::", V6ONLY }, { "0.0.0.0", 0 } }, { "127.0.0.1", 0 }, EADDRINUSE },
        { AIU_KERNEL_V6ONLY, { { "0.0.0.0", 0 }, { "::", V6ONLY } }, { "::1", 0 }, EADDRINUSE },
};

static bool table_holds(size_t i)
{
        uint16_t port = (uint16_t)(FIRST_PORT + i);
        int first = bind_one(scenes[i].held[0].ip, scenes[i].held[0].flags, port), second = -1;
        bool holds;

        if (first < 0)
                return false;
        if (scenes[i].held[1].ip)
                second = bind_one(scenes[i].held[1].ip, scenes[i].held[1].flags, port);
        holds = (second >= 0 || !scenes[i].held[1].ip) &&
                gives(scenes[i].asked.ip, scenes[i].asked.flags, port, scenes[i].error);
        sys_close(second);
        sys_close(first);
        return holds;
}

/* All scenes of a behaviour, or it is not proven. */
static uint32_t replay_scenes(void)
{
        uint32_t seen = AIU_KERNEL_DUAL_STACK | AIU_KERNEL_MAPPED | AIU_KERNEL_V6ONLY;

        for (size_t i = 0; i < ELEMENTSOF(scenes); i++)
                if (!table_holds(i))
                        seen &= ~scenes[i].behaviour;
        return seen;
}

/* ------------------------------------------------------ histories */

/* The first one had SO_REUSEADDR when it bound; a kernel with tb->fastreuse remembers that. */
static bool is_stateless(uint16_t port)
{
        int first = bind_one("127.0.0.1", REUSE, port);
        bool seen = first >= 0 && gives("127.0.0.1", REUSE, port, 0) &&
                    sys_setsockopt_int(first, SOL_SOCKET, SO_REUSEADDR, 0) >= 0 &&
                    gives("127.0.0.1", REUSE, port, EADDRINUSE);

        sys_close(first);
        return seen;
}

struct connection {
        int listener, client, server;
};

static void disconnect(struct connection *c)
{
        /* The server first: its side goes through TIME_WAIT. */
        c->server = sys_close(c->server);
        c->client = sys_close(c->client);
        c->listener = sys_close(c->listener);
}

static bool connect_to(const char *ip, uint16_t port, struct connection *ret)
{
        union endpoint_address address;
        socklen_t bytes = fill_address(&address, ip, port);

        *ret = (struct connection){ bind_one(ip, 0, port), -1, -1 };
        if (ret->listener < 0 || sys_listen(ret->listener, 1) < 0)
                return false;
        ret->client = sys_socket(address.any.sa_family, SOCK_STREAM, 0);
        if (ret->client < 0 || sys_connect(ret->client, &address.any, bytes) < 0)
                return false;
        ret->server = sys_accept(ret->listener);
        return ret->server >= 0;
}

static bool counts_time_wait(uint16_t port)
{
        struct connection c;
        bool connected = connect_to("127.0.0.1", port, &c);

        disconnect(&c);
        return connected && gives("127.0.0.1", 0, port, EADDRINUSE) && gives("127.0.0.1", REUSE, port, EADDRINUSE) &&
               gives("0.0.0.0", 0, port, EADDRINUSE) && gives("127.0.0.2", 0, port, 0);
}

/* A client on [::1] whose port the kernel chose; 127.0.0.6 is what stands for IPv6 among IPv4 addresses. */
static bool compares_by_address(uint16_t port)
{
        union endpoint_address address = { .in6 = { 0 } };
        socklen_t bytes = sizeof(address);
        struct connection c;
        bool seen = false;

        if (connect_to("::1", port, &c) && sys_getsockname(c.client, &address.any, &bytes) >= 0)
                seen = gives("127.0.0.6", 0, ntohs(address.in6.sin6_port), 0);
        disconnect(&c);
        return seen;
}

/* Sockets on 127.0.THIRD.1 and so on. A wildcard meets them all, and an address beside them none. */
static bool counts_crowd_of(unsigned int third, uint16_t port)
{
        char ip[sizeof("127.0.255.255")];
        int fds[CROWD];
        bool seen = true;

        for (unsigned int i = 0; i < CROWD; i++) {
                (void)snprintf(ip, sizeof(ip), "127.0.%u.%u", third & 0xff, i + 1);
                fds[i] = bind_one(ip, DATAGRAM, port);
                seen = seen && fds[i] >= 0;
        }
        (void)snprintf(ip, sizeof(ip), "127.0.%u.%u", third & 0xff, CROWD + 1);
        seen = seen && gives("0.0.0.0", DATAGRAM, port, EADDRINUSE) && gives("::", DATAGRAM, port, EADDRINUSE) &&
               gives(ip, DATAGRAM, port, 0);
        for (unsigned int i = 0; i < CROWD; i++)
                sys_close(fds[i]);
        return seen;
}

/*
 * A kernel that looks at one slot of the second table still meets one of the crowd in it now and then: once in twenty,
 * and on every port, for the port is no part of which addresses share a slot. Other addresses are another throw.
 */
static bool counts_crowd(uint16_t port)
{
        for (unsigned int third = 0; third < CROWDS; third++)
                if (!counts_crowd_of(third, port))
                        return false;
        return true;
}

/* ------------------------------------------------------ what is shown */

static bool lists(struct aiu_context *context, uint16_t port)
{
        struct aiu_query *query = NULL;
        struct aiu_report *report = NULL;
        bool seen = aiu_query_new(context, &query) == 0 &&
                    aiu_query_set_address_string(query, "127.0.0.1", port) == 0 && aiu_query_run(query, &report) == 0 &&
                    aiu_report_get_n_conflicts(report) == 1 &&
                    aiu_conflict_get_state(aiu_report_get_conflict(report, 0)) == AIU_STATE_BOUND;

        aiu_report_unref(report);
        aiu_query_unref(query);
        return seen;
}

static bool shows_bound(uint16_t port)
{
        struct aiu_context *context;
        bool seen = false;
        int fd;

        if (aiu_context_new(&context) < 0)
                return false;
        for (size_t i = 0; i < context->n_backends; i++)
                context->backends[i].disabled = strcmp(context->backends[i].backend.name, "sock-diag") != 0;
        fd = bind_one("127.0.0.1", 0, port);
        if (fd >= 0)
                seen = lists(context, port);
        sys_close(fd);
        aiu_context_unref(context);
        return seen;
}

/* ------------------------------------------------------ the namespace */

static int raise_loopback(void)
{
        struct ifreq request = { .ifr_name = "lo" };
        int fd, r;

        fd = sys_socket(AF_INET, SOCK_DGRAM, 0);
        if (fd < 0)
                return fd;
        r = sys_ioctl(fd, SIOCGIFFLAGS, (uintptr_t)&request);
        if (r >= 0 && request.ifr_flags & IFF_UP)
                r = -EBUSY;
        if (r >= 0) {
                request.ifr_flags = (short)(request.ifr_flags | IFF_UP);
                r = sys_ioctl(fd, SIOCSIFFLAGS, (uintptr_t)&request);
        }
        sys_close(fd);
        return r < 0 ? r : 0;
}

AIU_EXPORT int aiu_self_test(uint32_t *ret_behaves)
{
        KEEP_ERRNO;
        static const struct {
                uint32_t behaviour;
                bool (*is_seen)(uint16_t port);
        } histories[] = {
                { AIU_KERNEL_STATELESS, is_stateless },         { AIU_KERNEL_TIME_WAIT, counts_time_wait },
                { AIU_KERNEL_BY_ADDRESS, compares_by_address }, { AIU_KERNEL_UDP_CROWD, counts_crowd },
                { AIU_KERNEL_BOUND_SHOWN, shows_bound },
        };
        uint32_t seen;
        int r;

        if (!ret_behaves)
                return -EINVAL;
        r = raise_loopback();
        if (r == 0) {
                seen = replay_scenes();
                for (size_t i = 0; i < ELEMENTSOF(histories); i++)
                        if (histories[i].is_seen((uint16_t)(FIRST_PORT + 100 + i)))
                                seen |= histories[i].behaviour;
                *ret_behaves = seen;
        }
        return r;
}
