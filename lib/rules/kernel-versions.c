/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rules of conflict.c are those of Linux 6.9 and later. Earlier kernels differ
 * here and there, for as long as a mistake was in them, and a version number does not
 * tell for sure: distributors port changes back. So a version in one of these windows
 * makes the answers that hang on the difference unknown, and nothing more; the
 * self-test (self-test.c) looks at the kernel itself, and lifts the doubt.
 *
 * Where each comes from (net/ipv4/inet_connection_sock.c and inet_hashtables.c):
 *   before 5.0    3c82a21f4320: a table for each VRF
 *   before 6.1    28044fc1d495: the second table, by address (bhash2)
 *   6.1           936a192f9740 (6.2): TIME_WAIT sockets are in it as well
 *   6.1, 6.2      d9ba99342855 (6.3): [::] meets an IPv4 address
 *   6.1 to 6.5    c48ef9c4aed3, aa99e5f87bd5 (6.6): IPv4-mapped addresses
 *   6.1 to 6.7    5e07e672412b (6.8): stable kernels took it alone, and overlook a mapped wildcard
 *   before 6.8    8002d44fe84d to 8191792c18c5: tb->fastreuse loses its effect
 *   before 6.8    91051f003948: sock_diag(7) lists bound sockets
 *   6.8           ea111449501e, d91ef1e1b55f (6.9): [::] with IPV6_V6ONLY
 *   before 6.17   sock_i_uid(): an orphan's owner was the inode's, 0 without one
 *   before 6.19   e537dd15d0d4: more than ten UDP sockets in one hash slot
 */
#include <netinet/in.h>
#include <string.h>

#include "rules/kernel-versions.h"

#define VERSION(major, minor) ((major)*1000 + (minor))

static const struct {
        int first, before; /* the versions that are in doubt */
        uint32_t behaviour;
        const char *text;
} windows[] = {
        { 0, VERSION(6, 8), AIU_KERNEL_STATELESS,
          "it may let a socket with SO_REUSEADDR in because the first socket on the port had it at bind()" },
        { 0, VERSION(6, 1), AIU_KERNEL_BY_ADDRESS,
          "it may compare this address with more than its equals and the wildcards" },
        { VERSION(6, 1), VERSION(6, 2), AIU_KERNEL_TIME_WAIT,
          "it may overlook TIME_WAIT sockets when one address is bound" },
        { VERSION(6, 1), VERSION(6, 3), AIU_KERNEL_DUAL_STACK,
          "it may overlook that an IPv6 wildcard covers an IPv4 address" },
        { VERSION(6, 1), VERSION(6, 8), AIU_KERNEL_MAPPED,
          "it may overlook that an IPv4-mapped address is an IPv4 "
          "address" },
        { VERSION(6, 8), VERSION(6, 9), AIU_KERNEL_V6ONLY,
          "it may treat an IPv6 wildcard with IPV6_V6ONLY as one without, or overlook other sockets" },
        { 0, VERSION(6, 17), AIU_KERNEL_ORPHAN_OWNER,
          "it may count a socket without a file as root's where SO_REUSEPORT compares owners" },
        { 0, VERSION(6, 19), AIU_KERNEL_UDP_CROWD,
          "with more than ten UDP sockets on a port it may overlook some when a wildcard is bound" },
        { 0, VERSION(6, 8), AIU_KERNEL_BOUND_SHOWN, "it does not show TCP sockets that are bound but not listening" },
        { 0, VERSION(5, 0), AIU_KERNEL_VRF, "it may have one table of ports for all VRFs" },
};

uint32_t kernel_doubts(const struct host *host)
{
        int version = VERSION(host->kernel_major, host->kernel_minor);
        uint32_t doubts = 0;

        /* uname(2) does not fail: a caller that disabled the backend knows the kernel. */
        if (host->kernel_major == 0)
                return 0;
        for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++)
                if (version >= windows[i].first && version < windows[i].before)
                        doubts |= windows[i].behaviour;
        return doubts & ~host->kernel_proven;
}

uint32_t kernel_hides_bound(const struct host *host)
{
        return host->bound_complete ? 0 : kernel_doubts(host) & AIU_KERNEL_BOUND_SHOWN;
}

const char *kernel_text(uint32_t one)
{
        for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++)
                if (windows[i].behaviour == one)
                        return windows[i].text;
        return "it differs here";
}

/* ------------------------------------------------------ pairs */

static bool is_any6(const struct endpoint *e)
{
        return e->any && !e->v4ish;
}

/* [::] on one side, IPv4 in any form on the other. */
static bool wildcard6_and_v4(const struct endpoint *a, const struct endpoint *b)
{
        return (is_any6(a) && b->v4ish) || (is_any6(b) && a->v4ish);
}

/* Before bhash2 every pair was compared by inet_rcv_saddr_equal(): 127.0.0.6 stands for native IPv6. */
static bool is_stand_in(const struct endpoint *v4, const struct endpoint *native)
{
        return v4->v4ish && v4->v4 == htonl(0x7f000006) && native->v6 && !native->v4ish;
}

static bool is_orphan(const struct socket *h)
{
        return h->inode == 0 && !h->minisock && h->uid != UID_UNKNOWN && !h->has_bind_uid;
}

uint32_t kernel_pair_doubts(const struct request *q, const struct endpoint *c, const struct socket *h,
                            const struct endpoint *e, uint32_t doubts)
{
        uint32_t found = 0;

        if (conflict_protocol(q) != IPPROTO_TCP)
                return 0;
        if (is_stand_in(c, e) || is_stand_in(e, c))
                found |= AIU_KERNEL_BY_ADDRESS;
        if (h->minisock && !c->any)
                found |= AIU_KERNEL_TIME_WAIT;
        if (wildcard6_and_v4(c, e))
                found |= AIU_KERNEL_DUAL_STACK | AIU_KERNEL_V6ONLY;
        /* IPv4 on both sides, mapped on one of them at least. */
        if (c->v4ish && e->v4ish && (c->v6 || e->v6))
                found |= AIU_KERNEL_MAPPED;
        if (c->v4ish && e->v4ish && (c->any != e->any))
                found |= AIU_KERNEL_V6ONLY;
        if (q->reuseport && is_orphan(h))
                found |= AIU_KERNEL_ORPHAN_OWNER;
        if (q->l3mdev != h->l3mdev)
                found |= AIU_KERNEL_VRF;
        return found & doubts;
}
