/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Backend "proc-sys": what sysctls, the kernel's version and the caller's capabilities say before any address or
 * socket does. Only the files that the question needs are read. /proc/sys/net shows the network namespace of the
 * thread that opens it (net_ctl_root), which is the one asked about.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/nsfs.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/utsname.h>

#include "backend/backends.h"
#include "util/caller.h"
#include "util/macro.h"
#include "util/missing.h"
#include "util/same-file.h"
#include "util/sys.h"

/* Newer than the headers of some distributions; all since Linux 4.11. */
#ifndef NS_GET_USERNS
#define NS_GET_USERNS _IO(0xb7, 0x1)
#endif
#ifndef NS_GET_PARENT
#define NS_GET_PARENT _IO(0xb7, 0x2)
#endif
#ifndef NS_GET_OWNER_UID
#define NS_GET_OWNER_UID _IO(0xb7, 0x4)
#endif

/* Namespaces nest 32 deep at most: create_user_ns(). */
#define MAX_NESTING 33
/* 65536 ports as a list, each with a comma, can be no longer. */
#define MAX_RESERVED_BYTES (512u * 1024u)
#define MAX_RESERVED_READ (MAX_RESERVED_BYTES + 64u * 1024u)
/* What a snapshot keeps of this list, less the NUL. */
#define MAX_KEPT_BYTES (MAX_RESERVED_BYTES - 1)

struct look {
        const struct aiu_request *request;
        struct aiu_snapshot *snapshot;
        struct aiu_host_fact fact;
        char *reserved; /* what fact.reserved_ports points to */
        bool mapped;    /* ::ffff:a.b.c.d: IPv4's rules */
        bool any;       /* a wildcard */
};

/* ------------------------------------------------------ numbers */

/* A decimal number of up to six digits; *text moves behind it. */
static bool take_number(const char **text, int *ret)
{
        const char *p = *text;
        int n = 0, digits = 0;

        while (*p == ' ' || *p == '\t')
                p++;
        for (; *p >= '0' && *p <= '9' && digits < 6; p++, digits++)
                n = n * 10 + (*p - '0');
        if (digits == 0 || (*p >= '0' && *p <= '9'))
                return false;
        *text = p;
        *ret = n;
        return true;
}

/* A sysctl of one number, or two. */
static int read_numbers(const struct look *look, const char *path, int *ret, size_t n)
{
        char buffer[64];
        const char *text = buffer;
        int numbers[2];
        ssize_t bytes;

        bytes = sys_read_file(look->request->procfs, path, buffer, sizeof(buffer));
        if (bytes < 0)
                return (int)bytes;
        for (size_t i = 0; i < n && i < ELEMENTSOF(numbers); i++)
                if (!take_number(&text, &numbers[i]))
                        return -EBADMSG;
        if (*text != '\n' && *text != '\0')
                return -EBADMSG;
        memcpy(ret, numbers, n * sizeof(*ret));
        return 0;
}

static enum aiu_tristate read_switch(const struct look *look, const char *path)
{
        int value = 0;

        if (read_numbers(look, path, &value, 1) < 0)
                return AIU_TRISTATE_UNKNOWN;
        return value ? AIU_TRISTATE_YES : AIU_TRISTATE_NO;
}

/* ------------------------------------------------------ the kernel's version */

static void look_at_kernel(struct look *look)
{
        struct utsname name;
        const char *text = name.release;
        int part[3] = { 0 };

        if (sys_uname(&name) < 0)
                return;
        if (!take_number(&text, &part[0]) || *text++ != '.' || !take_number(&text, &part[1]))
                return;
        if (*text == '.') {
                text++;
                (void)take_number(&text, &part[2]);
        }
        look->fact.kernel_major = part[0];
        look->fact.kernel_minor = part[1];
        look->fact.kernel_patch = part[2];
}

/* ------------------------------------------------------ ports */

static void look_at_range(struct look *look)
{
        int range[2];

        if (read_numbers(look, "sys/net/ipv4/ip_local_port_range", range, 2) < 0 || range[0] < 1 ||
            range[1] < range[0] || range[1] > 65535)
                return;
        look->fact.port_range_first = range[0];
        look->fact.port_range_last = range[1];
}

/* The sysctl came with Linux 5.8; before, there was no second round. */
static enum aiu_tristate look_at_reuse(const struct look *look)
{
        enum aiu_tristate value = read_switch(look, "sys/net/ipv4/ip_autobind_reuse");
        int major = look->fact.kernel_major, minor = look->fact.kernel_minor;

        if (value == AIU_TRISTATE_UNKNOWN && major > 0 && (major < 5 || (major == 5 && minor < 8)))
                return AIU_TRISTATE_NO;
        return value;
}

/* The kernel's choice of a port matters to who asks for one, or for one it may choose. */
static bool choice_matters(const struct look *look)
{
        int port = look->request->port;

        return port == 0 || look->fact.port_range_first == 0 ||
               (port >= look->fact.port_range_first && port <= look->fact.port_range_last);
}

static void look_at_reserved(struct look *look)
{
        size_t bytes;
        char *end;

        if (sys_read_file_alloc(look->request->procfs, "sys/net/ipv4/ip_local_reserved_ports", MAX_RESERVED_READ,
                                &look->reserved, &bytes) < 0)
                return;
        /* The kernel ends even an empty list with a newline: without one, the end is missing. */
        if (bytes == 0 || look->reserved[bytes - 1] != '\n')
                return;
        look->reserved[--bytes] = '\0';
        if (bytes > MAX_KEPT_BYTES) {
                /* Half a number is another number: cut at a comma. */
                look->reserved[MAX_KEPT_BYTES] = '\0';
                end = strrchr(look->reserved, ',');
                if (end)
                        *end = '\0';
                (void)aiu_snapshot_add_gap(look->snapshot, AIU_GAP_TRUNCATED, ENOBUFS,
                                           "ip_local_reserved_ports is too long: its end was not read");
        }
        look->fact.reserved_ports = look->reserved;
}

/* ------------------------------------------------------ privilege */

/*
 * cap_capable(), second half: who made a user namespace has every capability in
 * it and in those below. `fd` is a user namespace below `ours`; takes the fd.
 */
static enum aiu_tristate owns_namespace(int fd, const struct stat *ours, uid_t asker)
{
        struct stat st;
        int parent, owned;
        uid_t owner;

        for (int i = 0; i < MAX_NESTING; i++) {
                parent = sys_ioctl(fd, NS_GET_PARENT, 0);
                if (parent < 0 || sys_fstat(parent, &st) < 0) {
                        sys_close(parent);
                        break;
                }
                if (same_file(&st, ours)) {
                        sys_close(parent);
                        owned = sys_ioctl(fd, NS_GET_OWNER_UID, (uintptr_t)&owner);
                        sys_close(fd);
                        if (owned < 0)
                                return AIU_TRISTATE_UNKNOWN;
                        return owner == asker ? AIU_TRISTATE_YES : AIU_TRISTATE_NO;
                }
                sys_close(fd);
                fd = parent;
        }
        sys_close(fd);
        return AIU_TRISTATE_UNKNOWN;
}

/*
 * ns_capable(net->user_ns, CAP_NET_BIND_SERVICE): the capability counts if the network namespace belongs to the
 * caller's own user namespace or to one below. NS_GET_USERNS says EPERM for all others (ns_get_owner()).
 */
static enum aiu_tristate privileged_over_netns(const struct aiu_request *request, bool capable, const struct stat *ours)
{
        struct stat st;
        int netns, owner;
        uid_t asker;

        netns = sys_openat(request->procfs, "thread-self/ns/net",
                           O_RDONLY | O_NONBLOCK); /* entered, if it is another */
        if (netns < 0)
                return AIU_TRISTATE_UNKNOWN;
        owner = sys_ioctl(netns, NS_GET_USERNS, 0);
        sys_close(netns);
        if (owner < 0)
                return owner == -EPERM ? AIU_TRISTATE_NO : AIU_TRISTATE_UNKNOWN;
        if (capable) {
                sys_close(owner);
                return AIU_TRISTATE_YES;
        }
        if (sys_fstat(owner, &st) < 0 || same_file(&st, ours)) {
                sys_close(owner);
                return AIU_TRISTATE_NO;
        }
        asker = request->pid > 0 ? process_euid(request->process) : sys_geteuid();
        if (asker != (uid_t)-1)
                return owns_namespace(owner, ours, asker);
        sys_close(owner);
        return AIU_TRISTATE_UNKNOWN;
}

/*
 * Without /proc the namespaces cannot be compared, but SIOCGSKNS wants CAP_NET_ADMIN over the network namespace: if
 * that capability counts there, so does another. The answer is YES or not known: the sysctl is not readable either.
 */
static enum aiu_tristate privileged_without_procfs(const struct aiu_request *request)
{
        int fd, netns;

        if (request->plain_calls_only || request->pid > 0 ||
            asker_has_capability(request, CAP_NET_BIND_SERVICE) != AIU_TRISTATE_YES)
                return AIU_TRISTATE_UNKNOWN;
        fd = sys_socket(AF_INET, SOCK_DGRAM, 0);
        if (fd < 0)
                return AIU_TRISTATE_UNKNOWN;
        netns = sys_ioctl(fd, SIOCGSKNS, 0);
        sys_close(fd);
        sys_close(netns);
        return netns >= 0 ? AIU_TRISTATE_YES : AIU_TRISTATE_UNKNOWN;
}

static enum aiu_tristate ask_privilege(const struct look *look)
{
        const struct aiu_request *request = look->request;
        enum aiu_tristate answer = asker_has_capability(request, CAP_NET_BIND_SERVICE);
        bool capable = answer == AIU_TRISTATE_YES;
        struct stat ours;
        int directory;
        const char *path = asker_file(request, "thread-self/ns/user", &directory);

        if (answer == AIU_TRISTATE_UNKNOWN || sys_fstatat(directory, path, &ours, 0) < 0)
                return AIU_TRISTATE_UNKNOWN;
        /* Nothing is above the initial user namespace: no need to ask whose the other is. */
        if (capable && ours.st_ino == INITIAL_USERNS_INODE)
                return AIU_TRISTATE_YES;
        if (!request->plain_calls_only)
                return privileged_over_netns(request, capable, &ours);
        /* Without ioctl(2): a thread that owns the namespace and lacks the capability would have
         * to have joined it without its privileges. */
        return capable ? AIU_TRISTATE_UNKNOWN : AIU_TRISTATE_NO;
}

static void look_at_privilege(struct look *look)
{
        int start, r;

        r = read_numbers(look, "sys/net/ipv4/ip_unprivileged_port_start", &start, 1);
        if (r == -ENOENT && look->fact.kernel_major > 0 &&
            (look->fact.kernel_major < 4 || (look->fact.kernel_major == 4 && look->fact.kernel_minor < 11)))
                start = IPPORT_RESERVED; /* what it was before there was a sysctl */
        else if (r < 0)
                start = 0;
        else if (start == 0)
                start = -1;
        look->fact.unprivileged_port_start = start;
        if (start > 0 ? look->request->port < start : start == 0 && look->request->port < IPPORT_RESERVED)
                look->fact.privileged = ask_privilege(look);
}

/* ------------------------------------------------------ families */

static void look_at_ipv6(struct look *look)
{
        struct stat st;
        int fd;

        /* inet6_init() registers no sysctl with ipv6.disable=1, nor does a kernel without the module. */
        if (sys_fstatat(look->request->procfs, "sys/net/ipv6/bindv6only", &st, 0) == 0) {
                look->fact.ipv6_enabled = AIU_TRISTATE_YES;
                return;
        }
        if (look->request->plain_calls_only)
                return;
        fd = sys_socket(AF_INET6, SOCK_DGRAM, 0);
        if (fd >= 0 || fd == -EAFNOSUPPORT)
                look->fact.ipv6_enabled = fd >= 0 ? AIU_TRISTATE_YES : AIU_TRISTATE_NO;
        sys_close(fd);
}

/* inet_can_nonlocal_bind() and ipv6_can_nonlocal_bind(), without the socket's options. */
static void look_at_nonlocal(struct look *look)
{
        bool v6 = look->request->address->sa_family == AF_INET6 && !look->mapped;

        look->fact.nonlocal_bind =
                read_switch(look, v6 ? "sys/net/ipv6/ip_nonlocal_bind" : "sys/net/ipv4/ip_nonlocal_bind");
}

static void classify(struct look *look)
{
        const struct aiu_request *q = look->request;
        struct sockaddr_in6 in6;
        struct sockaddr_in in;

        if (q->address->sa_family == AF_INET && q->address_len >= sizeof(in)) {
                memcpy(&in, q->address, sizeof(in));
                look->any = in.sin_addr.s_addr == htonl(INADDR_ANY);
        } else if (q->address_len >= offsetof(struct sockaddr_in6, sin6_scope_id)) {
                memcpy(&in6, q->address, offsetof(struct sockaddr_in6, sin6_scope_id));
                look->mapped = IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr);
                look->any = IN6_IS_ADDR_UNSPECIFIED(&in6.sin6_addr) ||
                            (look->mapped && in6.sin6_addr.s6_addr32[3] == htonl(INADDR_ANY));
        }
}

static void look_at_ip(struct look *look)
{
        classify(look);
        if (look->request->address->sa_family == AF_INET6)
                look_at_ipv6(look);
        if (!look->any)
                look_at_nonlocal(look);
        if (look->request->port != 0)
                look_at_privilege(look);
        look_at_range(look);
        if (choice_matters(look)) {
                look_at_reserved(look);
                look->fact.autobind_reuse = look_at_reuse(look);
        }
}

static int host(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        struct look look = { .request = request, .snapshot = snapshot, .fact.size = sizeof(look.fact) };
        int r;

        (void)userdata;
        look_at_kernel(&look);
        if (request->procfs < 0 && request->port > 0 && request->port < IPPORT_RESERVED)
                look.fact.privileged = privileged_without_procfs(request);
        if (request->procfs < 0)
                (void)aiu_snapshot_add_gap(snapshot, AIU_GAP_BACKEND, ENOENT,
                                           "/proc is not mounted: the sysctls and the caller's capabilities are "
                                           "unknown");
        else if (request->address->sa_family == AF_INET || request->address->sa_family == AF_INET6)
                look_at_ip(&look);
        r = aiu_snapshot_add_host(snapshot, &look.fact);
        free(look.reserved);
        return r < 0 ? r : AIU_PARTIAL;
}

const struct aiu_backend backend_proc_sys = {
        .size = sizeof(struct aiu_backend),
        .name = "proc-sys",
        .host = host,
};
