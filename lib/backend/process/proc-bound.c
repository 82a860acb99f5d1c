/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hidden_sockets: TCP sockets that are bound and neither listen nor are connected, on a kernel that lists them
 * nowhere (before Linux 6.8). They are found by their descriptors: each socket of each process that no table has told
 * of is borrowed for an instant with pidfd_getfd(2), and asked with getsockname(2); the caller's own are asked as
 * they are.
 *
 * What cannot be found out: whether the socket still has the port. One whose port the kernel had chosen gives it back
 * when its connection ends, and getsockname(2) goes on telling it (inet_put_port()). So these are reported as
 * AIU_SOCKET_MAYBE_UNBOUND. Not looked at are threads with a descriptor table of their own (unshare(CLONE_FILES)) and
 * sockets in flight in a message.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "addrinuse-backend.h"
#include "backend/backends.h"
#include "util/caller.h"
#include "backend/process/proc-parse.h"
#include "util/dents.h"
#include "util/missing.h"
#include "util/sys.h"

#define STATE_CLOSE 7 /* TCP_CLOSE of the kernel */

#define DESCRIPTORS_PER_CLOCK 64u

struct walk {
        const struct aiu_request *request;
        struct aiu_snapshot *snapshot;
        uint64_t netns;       /* SO_NETNS_COOKIE of this network namespace; 0 = not known */
        uint64_t netns_inode; /* of thread-self/ns/net */
        pid_t self;
        bool foreign;    /* /proc numbers processes as another pid namespace does */
        bool incomplete; /* a process could not be inspected */
};

/* ------------------------------------------------------ one socket */

/* In the network namespace asked about? SO_NETNS_COOKIE since Linux 5.14, else by the namespace's file. */
static enum aiu_tristate is_here(const struct walk *walk, int fd)
{
        uint64_t cookie = 0;
        socklen_t bytes = sizeof(cookie);
        struct stat st;
        int ns, r;

        if (walk->netns != 0 && sys_getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &bytes) >= 0)
                return cookie == walk->netns ? AIU_TRISTATE_YES : AIU_TRISTATE_NO;
        ns = sys_ioctl(fd, SIOCGSKNS, 0);
        if (ns < 0 || walk->netns_inode == 0)
                return AIU_TRISTATE_UNKNOWN;
        r = sys_fstat(ns, &st);
        sys_close(ns);
        if (r < 0)
                return AIU_TRISTATE_UNKNOWN;
        return (uint64_t)st.st_ino == walk->netns_inode ? AIU_TRISTATE_YES : AIU_TRISTATE_NO;
}

static enum aiu_tristate read_flag(int fd, int level, int option)
{
        int value;

        if (sys_getsockopt_int(fd, level, option, &value) < 0)
                return AIU_TRISTATE_UNKNOWN;
        return value ? AIU_TRISTATE_YES : AIU_TRISTATE_NO;
}

/* TCP, in state CLOSE? An MPTCP socket's TCP_INFO is its own; its port is that of a subflow. */
static enum aiu_tristate is_idle_tcp(int fd)
{
        int domain = 0, protocol = 0;
        struct tcp_info info = { 0 };
        socklen_t bytes = sizeof(info);

        if (sys_getsockopt_int(fd, SOL_SOCKET, SO_DOMAIN, &domain) < 0 ||
            sys_getsockopt_int(fd, SOL_SOCKET, SO_PROTOCOL, &protocol) < 0)
                return AIU_TRISTATE_UNKNOWN;
        if ((domain != AF_INET && domain != AF_INET6) || (protocol != IPPROTO_TCP && protocol != IPPROTO_MPTCP))
                return AIU_TRISTATE_NO;
        if (sys_getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &bytes) < 0)
                return AIU_TRISTATE_UNKNOWN;
        return info.tcpi_state == STATE_CLOSE ? AIU_TRISTATE_YES : AIU_TRISTATE_NO;
}

static uint16_t port_of(const struct sockaddr_storage *address)
{
        struct sockaddr_in in;

        memcpy(&in, address, sizeof(in)); /* the port is at the same place in sockaddr_in6 */
        return ntohs(in.sin_port);
}

static void read_more(int fd, struct aiu_socket_fact *fact)
{
        socklen_t bytes = sizeof(fact->cookie);
        struct stat st;
        int ifindex;

        (void)sys_getsockopt(fd, SOL_SOCKET, SO_COOKIE, &fact->cookie, &bytes);
        fact->uid = sys_fstat(fd, &st) < 0 ? (uid_t)-1 : st.st_uid;
        fact->ifindex = sys_getsockopt_int(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &ifindex) < 0 ? AIU_IFINDEX_UNKNOWN
                                                                                           : (unsigned int)ifindex;
        fact->reuseaddr = read_flag(fd, SOL_SOCKET, SO_REUSEADDR);
        fact->reuseport = read_flag(fd, SOL_SOCKET, SO_REUSEPORT);
        if (fact->local->sa_family == AF_INET6)
                fact->v6only = read_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY);
}

static int look_at_socket(struct walk *walk, int fd, uint64_t inode)
{
        struct sockaddr_storage local = { 0 };
        socklen_t bytes = sizeof(local);
        struct aiu_socket_fact fact = {
                .size = sizeof(fact),
                .type = SOCK_STREAM,
                .protocol = IPPROTO_TCP,
                .state = AIU_STATE_BOUND,
                .inode = inode,
                .local = (struct sockaddr *)&local,
                .flags = AIU_SOCKET_MAYBE_UNBOUND,
        };
        enum aiu_tristate here, idle = is_idle_tcp(fd);
        int r;

        if (idle == AIU_TRISTATE_YES && sys_getsockname(fd, (struct sockaddr *)&local, &bytes) < 0)
                idle = AIU_TRISTATE_UNKNOWN;
        if (idle == AIU_TRISTATE_UNKNOWN)
                walk->incomplete = true;
        if (idle != AIU_TRISTATE_YES)
                return 0;
        if (port_of(&local) == 0 || (walk->request->port != 0 && port_of(&local) != walk->request->port))
                return 0;
        here = is_here(walk, fd);
        if (here == AIU_TRISTATE_UNKNOWN)
                walk->incomplete = true;
        if (here != AIU_TRISTATE_YES)
                return 0;
        fact.local_len = bytes;
        read_more(fd, &fact);
        r = aiu_snapshot_add_socket(walk->snapshot, &fact);
        return r == -ENOBUFS ? 0 : r;
}

/* ------------------------------------------------------ one process */

static bool is_listed(const struct walk *walk, uint64_t inode)
{
        struct aiu_socket_fact fact = { .size = sizeof(fact) };

        for (size_t i = 0; aiu_snapshot_get_socket(walk->snapshot, i, &fact); i++)
                if (fact.inode == inode)
                        return true;
        return false;
}

static int look_at_descriptor(struct walk *walk, pid_t pid, int pidfd, int table, const char *name)
{
        static const char ring[] = "anon_inode:[io_uring]";
        char link[64];
        ssize_t n = sys_readlinkat(table, name, link, sizeof(link));
        uint64_t inode;
        int fd, copy, r;

        if (n < 0 && n != -ENOENT && n != -ESRCH)
                walk->incomplete = true;
        /* Its registered files are in no table. */
        if (n == sizeof(ring) - 1 && memcmp(link, ring, sizeof(ring) - 1) == 0)
                walk->incomplete = true;
        if (n <= 0 || !proc_parse_socket_link(link, (size_t)n, &inode) || !proc_parse_id(name, &fd) ||
            is_listed(walk, inode))
                return 0;
        if (pid == walk->self)
                return look_at_socket(walk, fd, inode);
        copy = pidfd < 0 ? pidfd : sys_pidfd_getfd(pidfd, fd);
        if (copy == -EBADF || copy == -ESRCH)
                return 0; /* closed meanwhile */
        if (copy < 0) {
                walk->incomplete = true;
                return copy == -ENOMEM ? copy : 0;
        }
        r = look_at_socket(walk, copy, inode);
        sys_close(copy);
        return r;
}

static int look_at_table(struct walk *walk, pid_t pid, int pidfd, int table)
{
        _Alignas(struct dent) char buffer[2048];
        struct dents dents = DENTS(table, buffer);
        unsigned int n = 0;
        const struct dent *dent;
        int r = 0;

        while (r == 0 && (dent = dents_next(&dents))) {
                if (++n % DESCRIPTORS_PER_CLOCK == 0 && aiu_request_time_left_usec(walk->request) == 0)
                        return -ETIME;
                r = look_at_descriptor(walk, pid, pidfd, table, dent->name);
        }
        /* -ENOENT: the process died meanwhile. */
        if (dents.error < 0 && dents.error != -ENOENT)
                walk->incomplete = true;
        return r;
}

static int look_at_process(struct walk *walk, pid_t pid)
{
        int table, pidfd = -EPERM, r;
        char name[24];

        (void)snprintf(name, sizeof(name), "%d/fd", (int)pid);
        table = sys_openat(walk->request->procfs, name, O_RDONLY | O_DIRECTORY);
        if (table < 0) {
                walk->incomplete = walk->incomplete || (table != -ENOENT && table != -ESRCH);
                return 0;
        }
        if (!walk->foreign && pid != walk->self)
                pidfd = sys_pidfd_open(pid);
        r = look_at_table(walk, pid, pidfd, table);
        sys_close(pidfd);
        sys_close(table);
        return r;
}

/* ------------------------------------------------------ all of them */

static int look_at_all(struct walk *walk)
{
        _Alignas(struct dent) char buffer[2048];
        struct dents dents = DENTS(sys_openat(walk->request->procfs, ".", O_RDONLY | O_DIRECTORY), buffer);
        const struct dent *dent;
        int pid, r = 0;

        if (dents.fd < 0)
                return dents.fd;
        while (r == 0 && (dent = dents_next_number(&dents))) {
                if (proc_parse_id(dent->name, &pid))
                        r = look_at_process(walk, pid);
                if (r == 0 && aiu_request_time_left_usec(walk->request) == 0)
                        r = -ETIME;
        }
        sys_close(dents.fd);
        walk->incomplete |= dents.error < 0;
        return r;
}

static void find_own(struct walk *walk)
{
        socklen_t bytes = sizeof(walk->netns);
        struct stat st;
        int fd;

        walk->foreign = caller_pids_are_foreign(walk->request->procfs);
        walk->self = walk->foreign ? 0 : sys_getpid();
        if (sys_fstatat(walk->request->procfs, "thread-self/ns/net", &st, 0) >= 0)
                walk->netns_inode = st.st_ino;
        fd = sys_socket(AF_INET, SOCK_DGRAM, 0);
        if (fd >= 0 && sys_getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &walk->netns, &bytes) < 0)
                walk->netns = 0;
        sys_close(fd);
}

static int add_gap(const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        char text[224];

        (void)snprintf(text, sizeof(text),
                       "some sockets that are bound but not listening may be missing, because this kernel shows them "
                       "only through their descriptors: run as %s [CAP_SYS_PTRACE]",
                       caller_who_sees_all(request->procfs));
        return aiu_snapshot_add_gap(snapshot, AIU_GAP_PERMISSION, EPERM, text) < 0 ? -ENOMEM : AIU_PARTIAL;
}

static int hidden_sockets(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        struct walk walk = { .request = request, .snapshot = snapshot };
        int r;

        (void)userdata;
        if (request->protocol != IPPROTO_TCP)
                return AIU_COMPLETE;
        if (request->procfs < 0 || request->plain_calls_only)
                return -ENOTSUP;
        find_own(&walk);
        r = look_at_all(&walk);
        if (r < 0)
                return r;
        return walk.incomplete ? add_gap(request, snapshot) : AIU_COMPLETE;
}

const struct aiu_backend backend_proc_bound = {
        .size = sizeof(struct aiu_backend),
        .name = "proc-bound",
        .hidden_sockets = hidden_sockets,
};
