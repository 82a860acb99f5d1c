/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Backend "proc-net": the sockets on the port from the tables in /proc/net, if netlink is refused
 * (RestrictAddressFamilies= without AF_NETLINK is common). The tables have fewer facts: no cookie, no device, no
 * IPV6_V6ONLY, no cgroup, and no TCP sockets that are bound but not listening.
 *
 * The tables are those of /proc/thread-self: /proc/net is the main thread's network namespace, and the thread that
 * asks may be in another one.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend/backends.h"
#include "backend/procfs/proc-net-parse.h"
#include "util/macro.h"
#include "util/missing.h"
#include "util/sys.h"

/* seq_read_iter() hands out one page at a time, whatever is asked for. */
#define BLOCK_BYTES 4096u
/* tcp6 lines have 150 and a few, unix lines 57 and a name of 108 at most. */
#define LINE_BYTES 512u

struct scan {
        const struct aiu_request *request;
        struct aiu_snapshot *snapshot;
        size_t n_before; /* sockets that another backend told before it gave up */
        int family;      /* of the table that is being read */
        long ticks;
        bool incomplete;      /* a gap says what is missing */
        bool full;            /* the snapshot is, and has said so */
        unsigned int skipped; /* lines that were too long or made no sense */
        bool owner_seen;      /* AF_UNIX: a socket that has the name, by itself ... */
        bool connected_seen;  /* ... or perhaps from the listener that accepted it */
        char line[LINE_BYTES];
        size_t line_bytes;
        char block[BLOCK_BYTES];
};

typedef int line_handler(struct scan *scan, const char *line, size_t bytes);

/* ------------------------------------------------------ lines */

/* Hand on what is complete, keep the rest. `line_bytes` beyond the buffer = too long. */
static int take_block(struct scan *scan, size_t bytes, bool *header, line_handler *handler)
{
        const char *at = scan->block, *end = scan->block + bytes, *newline;
        size_t n;
        int r;

        for (; at < end; at = newline + 1) {
                newline = memchr(at, '\n', (size_t)(end - at));
                n = (size_t)((newline ? newline : end) - at);
                if (scan->line_bytes + n <= LINE_BYTES) {
                        memcpy(scan->line + scan->line_bytes, at, n);
                        scan->line_bytes += n;
                } else {
                        scan->line_bytes = LINE_BYTES + 1;
                }
                if (!newline)
                        return 0;
                r = 0;
                if (scan->line_bytes > LINE_BYTES)
                        scan->skipped++;
                else if (!*header)
                        r = handler(scan, scan->line, scan->line_bytes);
                *header = false;
                scan->line_bytes = 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_lines(struct scan *scan, int fd, line_handler *handler)
{
        bool header = true; /* the first line holds the titles */
        ssize_t n;
        int r;

        scan->line_bytes = 0;
        for (;;) {
                if (aiu_request_time_left_usec(scan->request) == 0)
                        return -ETIME;
                n = sys_read(fd, scan->block, BLOCK_BYTES);
                if (n < 0)
                        return (int)n;
                if (n == 0)
                        break;
                r = take_block(scan, (size_t)n, &header, handler);
                if (r < 0)
                        return r;
        }
        /* There is a title always, and the kernel ends each line: else it was cut off. */
        if (header || scan->line_bytes > 0)
                scan->skipped++;
        return 0;
}

static int read_table(struct scan *scan, int directory, const char *name, line_handler *handler)
{
        int fd, r;

        fd = sys_openat(directory, name, O_RDONLY | O_NONBLOCK);
        if (fd < 0)
                return fd;
        r = read_lines(scan, fd, handler);
        sys_close(fd);
        return r;
}

/* ------------------------------------------------------ tcp, udp and the like */

static uint16_t port_of(const struct proc_net_socket *socket)
{
        /* sin_port and sin6_port are in one place. */
        return ntohs(((const struct sockaddr_in *)&socket->local)->sin_port);
}

static bool same_end(const struct sockaddr *a, socklen_t a_bytes, const struct sockaddr *b, socklen_t b_bytes)
{
        if (!a || !b)
                return a == b;
        if (a_bytes != b_bytes || a->sa_family != b->sa_family)
                return false;
        if (a->sa_family == AF_INET)
                return memcmp(a, b, offsetof(struct sockaddr_in, sin_zero)) == 0;
        return memcmp(a, b, offsetof(struct sockaddr_in6, sin6_scope_id)) == 0;
}

static int add_socket(struct scan *scan, const struct aiu_socket_fact *fact)
{
        int r = aiu_snapshot_add_socket(scan->snapshot, fact);

        scan->full = scan->full || r == -ENOBUFS;
        return r;
}

/* Was it told by a backend that gave up half-way? That one knew more. */
static bool is_known(const struct scan *scan, const struct aiu_socket_fact *fact)
{
        struct aiu_socket_fact other = { .size = sizeof(other) };

        for (size_t i = 0; i < scan->n_before && aiu_snapshot_get_socket(scan->snapshot, i, &other); i++) {
                if (fact->inode != 0 ? other.inode == fact->inode
                                     : other.inode == 0 &&
                                               same_end(other.local, other.local_len, fact->local, fact->local_len) &&
                                               same_end(other.peer, other.peer_len, fact->peer, fact->peer_len))
                        return true;
        }
        return false;
}

static int take_inet_line(struct scan *scan, const char *line, size_t bytes)
{
        struct proc_net_socket socket;

        if (proc_net_parse_inet(line, bytes, scan->family, scan->request->protocol, scan->ticks, &socket) < 0) {
                scan->skipped++;
                return 0;
        }
        if (scan->request->port != 0 && port_of(&socket) != scan->request->port)
                return 0;
        if (is_known(scan, &socket.fact))
                return 0;
        socket.fact.ifindex = AIU_IFINDEX_UNKNOWN;
        return add_socket(scan, &socket.fact);
}

struct tables {
        int protocol;
        const char *v4, *v6;
        const char *gap;
};

#define UNSEEN "/proc/net does not show the device, IPV6_V6ONLY and cgroup of a socket: netlink would show them"

static const struct tables tables[] = {
        { IPPROTO_TCP, "tcp", "tcp6",
          "/proc/net shows no TCP socket that is bound but not listening, and no socket's device, IPV6_V6ONLY or "
          "cgroup: netlink would show them" },
        { IPPROTO_UDP, "udp", "udp6", UNSEEN },
        { IPPROTO_UDPLITE, "udplite", "udplite6", UNSEEN },
};

static int scan_inet(struct scan *scan, int directory)
{
        const struct tables *t = NULL;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(tables); i++)
                if (tables[i].protocol == scan->request->protocol)
                        t = &tables[i];
        if (!t)
                return -EPROTONOSUPPORT;
        scan->family = AF_INET;
        r = read_table(scan, directory, t->v4, take_inet_line);
        if (r >= 0) {
                scan->family = AF_INET6;
                r = read_table(scan, directory, t->v6, take_inet_line);
                /* A kernel without IPv6 has no such table, and no such sockets. */
                if (r == -ENOENT)
                        r = 0;
        }
        if (r >= 0)
                (void)aiu_snapshot_add_gap(scan->snapshot, AIU_GAP_BACKEND, 0, t->gap);
        return r;
}

/* ------------------------------------------------------ unix */

/* Is this how the kernel prints the name asked about? NUL is shown as '@'. */
static bool is_our_name(const struct aiu_request *request, const struct proc_net_unix *socket)
{
        const size_t before = offsetof(struct sockaddr_un, sun_path);
        const char *name = (const char *)request->address + before;
        size_t bytes = request->address_len - before;

        if (name[0] != '\0')
                bytes = strnlen(name, bytes);
        if (bytes != socket->name_bytes)
                return false;
        for (size_t i = 0; i < bytes; i++)
                if (socket->name[i] != (name[i] ? name[i] : '@'))
                        return false;
        return true;
}

/*
 * Only one socket can have a name. Stream sockets that a listener accepted carry
 * its name all the same, so of connected ones it cannot be said whether they do.
 */
static int take_unix_line(struct scan *scan, const char *line, size_t bytes)
{
        const struct aiu_request *request = scan->request;
        struct aiu_socket_fact fact = { .size = sizeof(fact), .uid = (uid_t)-1 };
        struct proc_net_unix socket;

        /* The second half of a name with a newline in it is no line: not counted. */
        if (proc_net_parse_unix(line, bytes, &socket) < 0 || !is_our_name(request, &socket))
                return 0;
        if (socket.state == AIU_STATE_ESTABLISHED && socket.type != SOCK_DGRAM) {
                scan->connected_seen |= socket.type == request->type;
                return 0;
        }
        scan->owner_seen |= socket.type == request->type;
        fact.type = socket.type;
        fact.state = socket.state;
        fact.inode = socket.inode;
        fact.local = request->address;
        fact.local_len = request->address_len;
        if (is_known(scan, &fact))
                return 0;
        return add_socket(scan, &fact);
}

static bool has_newline(const struct aiu_request *request)
{
        const size_t before = offsetof(struct sockaddr_un, sun_path);

        return memchr((const char *)request->address + before, '\n', request->address_len - before) != NULL;
}

static int scan_unix(struct scan *scan, int directory)
{
        bool is_path = ((const struct sockaddr_un *)scan->request->address)->sun_path[0] != '\0';
        struct aiu_host_fact host = { .size = sizeof(host) };
        int r;

        /* Whose a file is, names alone do not tell: proc-net-path.c. */
        if (is_path && aiu_snapshot_get_host(scan->snapshot, &host) && host.name_inode != 0) {
                scan->incomplete = true;
                return 0;
        }

        /* The table's lines end at newlines, and so would the name. */
        if (has_newline(scan->request))
                return -EOPNOTSUPP;
        r = read_table(scan, directory, "unix", take_unix_line);
        if (r < 0)
                return r;
        scan->incomplete = is_path || (scan->connected_seen && !scan->owner_seen);
        if (is_path)
                (void)aiu_snapshot_add_gap(scan->snapshot, AIU_GAP_BACKEND, 0,
                                           "/proc/net/unix shows the name of a socket, not the file that its bind() "
                                           "created: netlink would show it");
        if (is_path || !scan->incomplete)
                return 0;
        (void)aiu_snapshot_add_gap(scan->snapshot, AIU_GAP_BACKEND, 0,
                                   "a connected socket has this name: it was bound to it, or a listener that is gone "
                                   "accepted it, and /proc/net/unix does not show which");
        return 0;
}

/* ------------------------------------------------------ the backend */

static int open_directory(int procfs)
{
        static const char *const names[] = { "thread-self/net", "self/net", "net" };
        int fd = -ENOENT;

        /* Since Linux 3.17 the first one is there, or the process is not in this /proc. */
        for (size_t i = 0; i < ELEMENTSOF(names) && fd == -ENOENT; i++)
                fd = sys_openat(procfs, names[i], O_PATH | O_DIRECTORY);
        return fd;
}

static int scan_all(struct scan *scan)
{
        int directory, r;

        directory = open_directory(scan->request->procfs);
        if (directory < 0)
                return directory;
        r = scan->request->address->sa_family == AF_UNIX ? scan_unix(scan, directory) : scan_inet(scan, directory);
        sys_close(directory);
        return r;
}

static size_t count_sockets(const struct aiu_snapshot *snapshot)
{
        struct aiu_socket_fact fact = { .size = sizeof(fact) };
        size_t n = 0;

        while (aiu_snapshot_get_socket(snapshot, n, &fact))
                n++;
        return n;
}

static bool is_askable(const struct aiu_request *request)
{
        if (request->address->sa_family == AF_UNIX)
                return request->address_len > offsetof(struct sockaddr_un, sun_path);
        return request->address->sa_family == AF_INET || request->address->sa_family == AF_INET6;
}

/* What came in the way of reading it all, if anything did. */
static int conclude(struct scan *scan, int r)
{
        if (r == -ETIME)
                (void)aiu_snapshot_add_gap(scan->snapshot, AIU_GAP_DEADLINE, ETIME,
                                           "the deadline passed before all sockets were read");
        if (r < 0 && !scan->full)
                return r;
        if (scan->skipped > 0) {
                scan->incomplete = true;
                (void)aiu_snapshot_add_gap(
                        scan->snapshot, AIU_GAP_TRUNCATED, EBADMSG,
                        "some lines of /proc/net were too long or malformed: sockets may be missing");
        }
        /* TCP sockets that are bound but not listening are never in these tables. */
        if (scan->request->protocol == IPPROTO_TCP)
                return AIU_PARTIAL;
        return scan->incomplete ? AIU_PARTIAL : AIU_COMPLETE;
}

static int sockets(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        _cleanup_free_ struct scan *scan = NULL;

        (void)userdata;
        if (request->address->sa_family == AF_VSOCK || request->address->sa_family == AF_NETLINK)
                return AIU_PARTIAL;
        if (request->procfs < 0)
                return -ENOENT;
        if (!is_askable(request))
                return -EAFNOSUPPORT;
        scan = calloc(1, sizeof(*scan));
        if (!scan)
                return -ENOMEM;
        scan->request = request;
        scan->snapshot = snapshot;
        scan->n_before = count_sockets(snapshot);
        scan->ticks = sysconf(_SC_CLK_TCK);
        return conclude(scan, scan_all(scan));
}

const struct aiu_backend backend_proc_net = {
        .size = sizeof(struct aiu_backend),
        .name = "proc-net",
        .sockets = sockets,
};
