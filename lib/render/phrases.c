/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The phrases of every text about a report: one thing has one name. Through public accessors alone. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "util/escape.h"
#include "util/macro.h"
#include "util/number-address.h"
#include "util/missing.h"
#include "render/phrases.h"
#include "util/sys.h"

#define MOST_OUTSIDE 160u /* bytes of a word of a command line: the whole of it is for AIU_RENDER_CMDLINE */

/* ------------------------------------------------------ addresses */

static void ip_address(struct strbuf *out, const struct sockaddr *address)
{
        char ip[INET6_ADDRSTRLEN] = "";
        const struct sockaddr_in *in = (const void *)address;
        const struct sockaddr_in6 *in6 = (const void *)address;

        if (address->sa_family == AF_INET) {
                inet_ntop(AF_INET, &in->sin_addr, ip, sizeof(ip));
                strbuf_printf(out, "%s:%u", ip, ntohs(in->sin_port));
                return;
        }
        inet_ntop(AF_INET6, &in6->sin6_addr, ip, sizeof(ip));
        strbuf_printf(out, "[%s", ip);
        if (in6->sin6_scope_id)
                strbuf_printf(out, "%%%u", (unsigned int)in6->sin6_scope_id);
        strbuf_printf(out, "]:%u", ntohs(in6->sin6_port));
}

static bool unix_address(struct strbuf *out, const struct sockaddr *address, socklen_t bytes)
{
        const struct sockaddr_un *un = (const void *)address;
        size_t n = bytes > offsetof(struct sockaddr_un, sun_path) ? bytes - offsetof(struct sockaddr_un, sun_path) : 0;

        if (n > 0 && un->sun_path[0] == '\0') {
                strbuf_str(out, "@");
                strbuf_escaped(out, un->sun_path + 1, n - 1);
        } else {
                strbuf_escaped(out, un->sun_path, strnlen(un->sun_path, n));
        }
        return n > 0;
}

static void number_or_any(struct strbuf *out, unsigned int number)
{
        if (number == UINT32_MAX) /* VMADDR_CID_ANY, VMADDR_PORT_ANY */
                strbuf_str(out, "*");
        else
                strbuf_printf(out, "%u", number);
}

/* As systemd writes it; * as ss(8) does. */
static void vsock_address(struct strbuf *out, const struct sockaddr *address)
{
        const struct sockaddr_vm *vm = (const void *)address;

        strbuf_str(out, "vsock:");
        number_or_any(out, vm->svm_cid);
        strbuf_str(out, ":");
        number_or_any(out, vm->svm_port);
}

static void netlink_address(struct strbuf *out, const struct sockaddr *address)
{
        const struct sockaddr_nl *nl = (const void *)address;

        strbuf_printf(out, "netlink port %u", nl->nl_pid);
}

static bool add_address(struct strbuf *out, const struct sockaddr *address, socklen_t bytes)
{
        if (!address || bytes == 0)
                return false;
        if (address->sa_family == AF_UNIX)
                return unix_address(out, address, bytes);
        switch (address->sa_family) {
        case AF_INET:
        case AF_INET6:
                ip_address(out, address);
                return true;
        case AF_VSOCK:
                vsock_address(out, address);
                return true;
        case AF_NETLINK:
                netlink_address(out, address);
                return true;
        default:
                return false;
        }
}

const char *phrase_netlink_protocol(int protocol)
{
        static const char *const names[] = {
                [NETLINK_ROUTE] = "NETLINK_ROUTE",         [NETLINK_USERSOCK] = "NETLINK_USERSOCK",
                [NETLINK_SOCK_DIAG] = "NETLINK_SOCK_DIAG", [NETLINK_NFLOG] = "NETLINK_NFLOG",
                [NETLINK_XFRM] = "NETLINK_XFRM",           [NETLINK_SELINUX] = "NETLINK_SELINUX",
                [NETLINK_ISCSI] = "NETLINK_ISCSI",         [NETLINK_AUDIT] = "NETLINK_AUDIT",
                [NETLINK_CONNECTOR] = "NETLINK_CONNECTOR", [NETLINK_NETFILTER] = "NETLINK_NETFILTER",
                [NETLINK_GENERIC] = "NETLINK_GENERIC",     [NETLINK_KOBJECT_UEVENT] = "NETLINK_KOBJECT_UEVENT",
                [NETLINK_CRYPTO] = "NETLINK_CRYPTO",       [NETLINK_RDMA] = "NETLINK_RDMA",
        };

        return protocol >= 0 && (size_t)protocol < ELEMENTSOF(names) ? names[protocol] : NULL;
}

const char *phrase_protocol(int type, int protocol)
{
        static const struct {
                int protocol;
                const char *name;
        } names[] = {
                { IPPROTO_TCP, "tcp" },   { IPPROTO_UDP, "udp" },   { IPPROTO_UDPLITE, "udplite" },
                { IPPROTO_SCTP, "sctp" }, { IPPROTO_DCCP, "dccp" }, { IPPROTO_MPTCP, "mptcp" },
        };

        if (protocol == 0)
                protocol = type == SOCK_DGRAM ? IPPROTO_UDP : IPPROTO_TCP;
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                if (names[i].protocol == protocol)
                        return names[i].name;
        return NULL;
}

static bool is_ip(const struct sockaddr *address)
{
        return address && (address->sa_family == AF_INET || address->sa_family == AF_INET6);
}

/* [::] and 0.0.0.0 together: the port alone says it. */
static bool is_every_address(const struct aiu_report *report, const struct sockaddr *address)
{
        const struct sockaddr_in6 *in6 = (const void *)address;

        return address->sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr) && in6->sin6_port != 0 &&
               !(aiu_report_get_options(report) & AIU_OPTION_V6ONLY) && !aiu_report_get_device(report);
}

static void asked(struct strbuf *out, const struct aiu_report *report, bool in_full)
{
        const char *protocol = phrase_protocol(aiu_report_get_type(report), aiu_report_get_protocol(report));
        socklen_t bytes = 0;
        const struct sockaddr *address = aiu_report_get_address(report, &bytes);

        if (address && bytes > 0 && is_every_address(report, address))
                strbuf_printf(out, "%u", ntohs(((const struct sockaddr_in6 *)(const void *)address)->sin6_port));
        else if (!add_address(out, address, bytes))
                strbuf_str(out, "a socket without a name");
        if (address && address->sa_family == AF_NETLINK) {
                const char *name = phrase_netlink_protocol(aiu_report_get_protocol(report));

                strbuf_str(out, " of ");
                strbuf_str(out, name ? name : "another protocol");
        }
        if (is_ip(address) && protocol && (in_full || strcmp(protocol, "tcp") != 0))
                strbuf_printf(out, "/%s", protocol);
}

void phrase_asked(struct strbuf *out, const struct aiu_report *report)
{
        asked(out, report, true);
}

void phrase_operand(struct strbuf *out, const struct aiu_report *report)
{
        asked(out, report, false);
}

void phrase_endpoint(struct strbuf *out, const struct aiu_conflict *c)
{
        socklen_t bytes = 0;
        const struct sockaddr *local = aiu_conflict_get_local(c, &bytes);

        if (!add_address(out, local, bytes))
                strbuf_str(out, "no address");
        if (aiu_conflict_get_device(c)) {
                strbuf_str(out, " on device ");
                strbuf_outside(out, aiu_conflict_get_device(c));
        }
}

/* ------------------------------------------------------ who, in few words */

static void user_called(struct strbuf *out, uid_t uid, const char *name)
{
        if (uid == (uid_t)-1)
                strbuf_str(out, "user unknown");
        else if (uid == 0)
                strbuf_str(out, "root");
        else if (name)
                strbuf_outside(out, name);
        else
                strbuf_printf(out, "uid %u", (unsigned int)uid);
}

static void user(struct strbuf *out, const struct aiu_holder *h)
{
        user_called(out, aiu_holder_get_uid(h), aiu_holder_get_user_name(h));
}

void phrase_outside(struct strbuf *out, const char *text)
{
        size_t n = strlen(text);

        strbuf_escaped(out, text, n > MOST_OUTSIDE ? MOST_OUTSIDE : n);
        if (n > MOST_OUTSIDE)
                strbuf_str(out, "...");
}

void phrase_container(struct strbuf *out, const struct aiu_holder *h)
{
        const char *container = aiu_holder_get_container(h);

        strbuf_escaped(out, container, escape_shown(container));
}

bool phrase_is_scope_of_container(const struct aiu_holder *h)
{
        const char *unit = aiu_holder_get_unit(h), *container = aiu_holder_get_container(h);

        return unit && container && strstr(unit, container);
}

/* The kernel cuts a process' name at 15 bytes (TASK_COMM_LEN). */
static bool is_named_after(const char *comm, const char *label)
{
        size_t n = strnlen(label, 15);

        return comm && strncmp(comm, label, n) == 0 && !comm[n];
}

/* It holds the port for a container that it is not in. */
static bool is_proxy(const struct aiu_holder *h)
{
        const char *comm = aiu_holder_get_comm(h);

        return comm && strcmp(comm, "docker-proxy") == 0;
}

/* "node server.js", "docker-proxy to 172.17.0.2:80", and "run.py" alone if the script gave the process its name. `file` is the label or its path. */
static void name(struct strbuf *out, const struct aiu_holder *h, const char *file)
{
        const char *comm = aiu_holder_get_comm(h);

        if (!file || !is_named_after(comm, aiu_holder_get_label(h))) {
                strbuf_outside(out, comm ? comm : "a process");
                strbuf_str(out, !file ? "" : is_proxy(h) ? " to " : " ");
        }
        if (file)
                phrase_outside(out, file);
}

/* A master stands for its workers. */
const struct aiu_holder *phrase_master(const struct aiu_conflict *c)
{
        const struct aiu_holder *h;

        for (size_t i = 0; (h = aiu_conflict_get_holder(c, i)); i++)
                if (!(aiu_holder_get_flags(h) & AIU_HOLDER_WORKER))
                        return h;
        return aiu_conflict_get_holder(c, 0);
}

bool phrase_is_service_manager(const struct aiu_holder *h)
{
        const char *comm = aiu_holder_get_comm(h);

        return comm && strcmp(comm, "systemd") == 0;
}

const struct aiu_holder *phrase_server(const struct aiu_conflict *c)
{
        const struct aiu_holder *h;

        for (size_t i = 0; (h = aiu_conflict_get_holder(c, i)); i++)
                if (!phrase_is_service_manager(h) && !(aiu_holder_get_flags(h) & AIU_HOLDER_WORKER))
                        return h;
        return phrase_master(c);
}

static bool is_worker_of(const struct aiu_holder *h, const struct aiu_holder *master)
{
        return aiu_holder_get_flags(h) & AIU_HOLDER_WORKER && aiu_holder_get_leader(h) == aiu_holder_get_pid(master) &&
               h != master;
}

size_t phrase_n_workers(const struct aiu_conflict *c, const struct aiu_holder *master)
{
        size_t n = 0;

        for (size_t i = 0; i < aiu_conflict_get_n_holders(c); i++)
                n += is_worker_of(aiu_conflict_get_holder(c, i), master);
        return n;
}

static void workers(struct strbuf *out, size_t n)
{
        strbuf_printf(out, " and %zu worker%s", n, n == 1 ? "" : "s");
}

static void process(struct strbuf *out, const struct aiu_conflict *c, const struct aiu_holder *h)
{
        int pid = (int)aiu_holder_get_pid(h);
        size_t n_workers = phrase_n_workers(c, h), n_more = aiu_conflict_get_n_holders(c) - n_workers - 1;

        if (aiu_holder_get_kind(h) == AIU_HOLDER_SELF)
                strbuf_str(out, "this process");
        else
                name(out, h, aiu_holder_get_label(h));
        if (pid > 0)
                strbuf_printf(out, " (pid %d", pid);
        if (n_workers > 0)
                workers(out, n_workers);
        if (n_more > 0)
                strbuf_printf(out, "%s%zu more", pid > 0 ? " and " : " (and ", n_more);
        if (pid > 0 || n_more > 0)
                strbuf_str(out, ")");
        if (aiu_holder_get_container(h)) {
                strbuf_str(out, is_proxy(h) ? " for container " : " in container ");
                phrase_container(out, h);
        }
}

/* Why it was not seen: "cannot" is said of a permission or a namespace only. */
static const char *unseen(const struct aiu_report *report)
{
        const char *words = " that was not found";

        for (size_t i = 0; i < aiu_report_get_n_gaps(report); i++) {
                enum aiu_gap_kind kind = aiu_gap_get_kind(aiu_report_get_gap(report, i));

                if (kind == AIU_GAP_PERMISSION || kind == AIU_GAP_NAMESPACE)
                        return " that you cannot see";
                if (kind == AIU_GAP_DEADLINE)
                        words = " that was not found in time";
        }
        return words;
}

static void hidden(struct strbuf *out, const struct aiu_report *report, const struct aiu_conflict *c,
                   const struct aiu_holder *h)
{
        strbuf_str(out, "a process");
        if (aiu_holder_get_container(h)) {
                strbuf_str(out, " in container ");
                phrase_container(out, h);
        } else if (aiu_holder_get_socket_unit(h) || aiu_holder_get_unit(h)) {
                strbuf_str(out, " of ");
                strbuf_outside(out,
                               aiu_holder_get_socket_unit(h) ? aiu_holder_get_socket_unit(h) : aiu_holder_get_unit(h));
        } else if (aiu_conflict_get_uid(c) != (uid_t)-1) {
                strbuf_str(out, " of ");
                user_called(out, aiu_conflict_get_uid(c), aiu_holder_get_user_name(h));
        }
        if (!aiu_conflict_is_observed_only(c))
                strbuf_str(out, unseen(report));
}

void phrase_kernel_user(struct strbuf *out, const char *service, const char *name)
{
        strbuf_str(out, "the kernel's ");
        strbuf_outside(out, service);
        if (!name)
                return;
        strbuf_str(out, " (");
        strbuf_outside(out, name);
        strbuf_str(out, ")");
}

const char *phrase_file(const struct aiu_conflict *c)
{
        if (aiu_conflict_get_state(c) == AIU_STATE_STALE_FILE)
                return "a stale socket file: no socket is bound to it";
        switch (aiu_conflict_get_file_mode(c) & S_IFMT) {
        case S_IFSOCK:
                return aiu_conflict_get_n_holders(c) > 0 ? "a live socket of a process that was not found"
                                                         : "a socket file that may be live or stale";
        case S_IFREG:
                return "a regular file, not a socket";
        case S_IFDIR:
                return "a directory";
        case S_IFLNK:
                return "a symbolic link, which bind() does not follow";
        case S_IFIFO:
                return "a FIFO, not a socket";
        case S_IFCHR:
        case S_IFBLK:
                return "a device node, not a socket";
        default:
                return "a file";
        }
}

/* Where no socket is visible, this says it all. NULL = there is a socket. */
static const char *without_socket(const struct aiu_conflict *c)
{
        enum aiu_reason reason = aiu_conflict_get_reason(c);

        if (aiu_conflict_get_state(c) == AIU_STATE_STALE_FILE)
                return phrase_file(c);
        if (reason == AIU_REASON_PATH_EXISTS && aiu_conflict_get_inode(c) == 0)
                return phrase_file(c);
        if (reason == AIU_REASON_RANGE_EXHAUSTED && aiu_conflict_get_n_ports(c) == 0)
                return "ip_local_reserved_ports reserves every port of the range";
        if (reason == AIU_REASON_OBSERVED)
                return "the socket in the way is gone, or cannot be seen from here";
        return NULL;
}

bool phrase_has_socket(const struct aiu_conflict *c)
{
        return !without_socket(c);
}

void phrase_who(struct strbuf *out, const struct aiu_report *report, const struct aiu_conflict *c)
{
        const struct aiu_holder *h = phrase_master(c);
        enum aiu_holder_kind kind = aiu_holder_get_kind(h);

        if (without_socket(c))
                strbuf_str(out, without_socket(c));
        else if (aiu_holder_get_kernel_user(h))
                phrase_kernel_user(out, aiu_holder_get_kernel_user(h), aiu_holder_get_kernel_user_name(h));
        else if (kind == AIU_HOLDER_PROCESS || kind == AIU_HOLDER_SELF)
                process(out, c, h);
        else if (aiu_conflict_get_inode(c) != 0)
                hidden(out, report, c, h);
        else if (aiu_conflict_get_state(c) == AIU_STATE_TIME_WAIT)
                strbuf_str(out, aiu_conflict_get_n_ports(c) ? "closed connections" : "a closed connection");
        else
                strbuf_str(out, "the kernel");
}

/* ------------------------------------------------------ what its socket does */

/* The first line begins with the name of an AF_UNIX socket, or the port of an AF_NETLINK one. */
static void where(struct strbuf *out, const struct aiu_conflict *c)
{
        const struct sockaddr *local = aiu_conflict_get_local(c, NULL);

        if (aiu_conflict_get_overlap(c) == AIU_OVERLAP_UNIX_PATH || (local && local->sa_family == AF_NETLINK))
                strbuf_str(out, "it");
        else
                phrase_endpoint(out, c);
}

static void connection(struct strbuf *out, const struct aiu_conflict *c, const char *verb)
{
        socklen_t bytes = 0;
        const struct sockaddr *peer = aiu_conflict_get_peer(c, &bytes);

        strbuf_str(out, verb);
        where(out, c);
        if (!peer)
                return;
        strbuf_str(out, " to ");
        (void)add_address(out, peer, bytes);
}

static void expiry(struct strbuf *out, const struct aiu_conflict *c)
{
        uint64_t left = aiu_conflict_get_expires_usec(c);

        if (left > 0)
                strbuf_printf(out, ", for %llu s more", (unsigned long long)((left + 999999) / 1000000));
}

/* One of many sockets: how many, and where this one is. */
static void has_ports(struct strbuf *out, const struct aiu_conflict *c)
{
        size_t n = aiu_conflict_get_n_ports(c);
        bool closed = aiu_conflict_get_state(c) == AIU_STATE_TIME_WAIT;

        strbuf_printf(out, "%s %zu port%s of the range, such as ", closed ? "have" : "has", n, n == 1 ? "" : "s");
        phrase_endpoint(out, c);
}

/* Without a process the peer's answer ends it, or the kernel's patience does. */
static void closing(struct strbuf *out, const struct aiu_conflict *c)
{
        const char *name = NULL;

        connection(out, c, "is closing a connection from ");
        switch (aiu_conflict_get_state(c)) {
        case AIU_STATE_FIN_WAIT1:
                name = "FIN_WAIT1";
                break;
        case AIU_STATE_FIN_WAIT2:
                strbuf_str(out, " (FIN_WAIT2)");
                return;
        case AIU_STATE_CLOSING:
                name = "CLOSING";
                break;
        case AIU_STATE_LAST_ACK:
                name = "LAST_ACK";
                break;
        default:
                return;
        }
        strbuf_printf(out, " (%s)", name);
        if (aiu_holder_get_pid(aiu_conflict_get_holder(c, 0)) <= 0)
                strbuf_str(out, ", until its peer answers");
}

void phrase_state(struct strbuf *out, const struct aiu_conflict *c)
{
        bool stream = aiu_conflict_get_type(c) == SOCK_STREAM;

        switch (aiu_conflict_get_state(c)) {
        case AIU_STATE_LISTEN:
                strbuf_str(out, "listens on ");
                where(out, c);
                break;
        case AIU_STATE_BOUND:
                strbuf_str(out, "is bound to ");
                where(out, c);
                strbuf_str(out, stream ? " but does not listen" : "");
                break;
        case AIU_STATE_ESTABLISHED:
                connection(out, c, "is connected from ");
                break;
        case AIU_STATE_SYN_SENT:
                connection(out, c, "is connecting from ");
                break;
        case AIU_STATE_CLOSE_WAIT:
                connection(out, c, "has not closed a connection that its peer has closed (CLOSE_WAIT), from ");
                break;
        case AIU_STATE_TIME_WAIT:
                connection(out, c, "is in TIME_WAIT, from ");
                break;
        case AIU_STATE_UNKNOWN:
                strbuf_str(out, "has ");
                where(out, c);
                break;
        default:
                closing(out, c);
                break;
        }
}

static void past_state(struct strbuf *out, const struct aiu_conflict *c)
{
        enum aiu_state state = aiu_conflict_get_state(c);

        strbuf_str(out, state == AIU_STATE_LISTEN  ? "listened on "
                        : state == AIU_STATE_BOUND ? "was bound to "
                                                   : "had ");
        where(out, c);
        strbuf_str(out, ", and is gone since");
}

void phrase_does(struct strbuf *out, const struct aiu_conflict *c)
{
        if (aiu_conflict_is_observed_only(c)) {
                past_state(out, c);
                return;
        }
        if (aiu_conflict_get_overlap(c) == AIU_OVERLAP_PORT_RANGE)
                has_ports(out, c);
        else
                phrase_state(out, c);
        expiry(out, c);
}

void phrase_conflict(struct strbuf *out, const struct aiu_report *report, const struct aiu_conflict *c)
{
        phrase_who(out, report, c);
        if (without_socket(c))
                return;
        strbuf_str(out, " ");
        phrase_does(out, c);
}

static bool has_holder(const struct aiu_conflict *c, pid_t pid)
{
        for (size_t i = 0; i < aiu_conflict_get_n_holders(c); i++)
                if (aiu_holder_get_pid(aiu_conflict_get_holder(c, i)) == pid)
                        return true;
        return false;
}

bool phrase_is_accepted(const struct aiu_conflict *listener, const struct aiu_conflict *c)
{
        pid_t pid = aiu_holder_get_pid(aiu_conflict_get_holder(c, 0));

        return aiu_conflict_get_state(listener) == AIU_STATE_LISTEN && pid > 0 && aiu_conflict_get_peer(c, NULL) &&
               has_holder(listener, pid);
}

size_t phrase_n_connections(const struct aiu_report *report, const struct aiu_conflict *listener)
{
        size_t n = 0;

        for (size_t i = 0; i < aiu_report_get_n_conflicts(report); i++)
                n += phrase_is_accepted(listener, aiu_report_get_conflict(report, i));
        return n;
}

/* An open or closed connection, whose own SO_REUSEADDR was not read. */
static bool may_be_shared(const struct aiu_conflict *c)
{
        return aiu_conflict_get_type(c) == SOCK_STREAM && aiu_conflict_get_peer(c, NULL) &&
               aiu_conflict_is_blocking(c) == AIU_TRISTATE_UNKNOWN &&
               aiu_conflict_get_reuseaddr(c) == AIU_TRISTATE_UNKNOWN;
}

bool phrase_hangs_on_reuseaddr(const struct aiu_report *report)
{
        size_t n = aiu_report_get_n_conflicts(report);

        if (aiu_report_get_verdict(report) != AIU_VERDICT_UNKNOWN ||
            !(aiu_report_get_options(report) & AIU_OPTION_REUSEADDR) || aiu_report_get_port_range(report, NULL, NULL))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!may_be_shared(aiu_report_get_conflict(report, i)))
                        return false;
        return n > 0;
}

const struct aiu_conflict *phrase_told(const struct aiu_report *report)
{
        const struct aiu_conflict *c = aiu_report_get_conflict(report, 0);
        enum aiu_verdict verdict = aiu_report_get_verdict(report);

        if (verdict == AIU_VERDICT_NOT_PERMITTED)
                return aiu_conflict_is_blocking(c) == AIU_TRISTATE_YES ? c : NULL;
        if (verdict == AIU_VERDICT_UNKNOWN && phrase_hangs_on_reuseaddr(report))
                return NULL;
        return verdict == AIU_VERDICT_IN_USE || verdict == AIU_VERDICT_UNKNOWN ? c : NULL;
}

bool phrase_is_hidden(const struct aiu_conflict *c)
{
        return aiu_holder_get_kind(aiu_conflict_get_holder(c, 0)) == AIU_HOLDER_HIDDEN && !without_socket(c);
}

/* ------------------------------------------------------ a holder in full */

static void amount(struct strbuf *out, uint64_t n, const char *unit)
{
        strbuf_printf(out, "%llu %s%s", (unsigned long long)n, unit, n == 1 ? "" : "s");
}

static void duration(struct strbuf *out, uint64_t seconds)
{
        if (seconds < 120)
                amount(out, seconds, "second");
        else if (seconds < 2 * 3600)
                amount(out, seconds / 60, "minute");
        else if (seconds < 2 * 86400)
                amount(out, seconds / 3600, "hour");
        else
                amount(out, seconds / 86400, "day");
}

/* "14:02", "Tue 14:02", "2026-11-03"; false = not known. */
static bool time_of_day(struct strbuf *out, uint64_t started, uint64_t now)
{
        static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
        struct tm then, today;

        if (sys_local_time(started, &then) < 0 || sys_local_time(now, &today) < 0)
                return false;
        if (now - started > UINT64_C(6) * 86400 * 1000000) {
                strbuf_printf(out, "%d-%02d-%02d", then.tm_year + 1900, then.tm_mon + 1, then.tm_mday);
                return true;
        }
        if (then.tm_mday != today.tm_mday)
                strbuf_printf(out, "%s ", days[then.tm_wday]);
        strbuf_printf(out, "%02d:%02d", then.tm_hour, then.tm_min);
        return true;
}

/* What stands before a time of day, and before a time span alone. */
static void put_start(struct strbuf *out, const struct aiu_holder *h, bool local_time, const char *since,
                      const char *up)
{
        uint64_t started = aiu_holder_get_start_time_usec(h), now;
        struct strbuf when = { 0 };

        if (started == 0)
                return;
        now = sys_real_usec();
        started = now > started ? started : now;
        if (local_time && time_of_day(&when, started, now) && !when.error)
                strbuf_printf(out, "%s%s (", since, when.text);
        else
                strbuf_str(out, up);
        duration(out, (now - started) / 1000000);
        strbuf_str(out, when.text ? ")" : "");
        strbuf_finish(&when);
}

static void start(struct strbuf *out, const struct aiu_holder *h, bool local_time)
{
        put_start(out, h, local_time, ", since ", ", up ");
}

void phrase_since(struct strbuf *out, const struct aiu_holder *h, bool local_time)
{
        put_start(out, h, local_time, "", "");
}

void phrase_program(struct strbuf *out, const struct aiu_holder *h)
{
        name(out, h, aiu_holder_get_label(h));
}

static void descriptors(struct strbuf *out, const struct aiu_holder *h)
{
        size_t n = aiu_holder_get_n_fds(h);

        for (size_t i = 0; i < n && i < 3; i++)
                strbuf_printf(out, "%s %d", i == 0 ? ", fd" : ",", aiu_holder_get_fd(h, i));
        if (n > 3)
                strbuf_printf(out, " and %zu more", n - 3);
}

static void condition(struct strbuf *out, const struct aiu_holder *h)
{
        uint32_t flags = aiu_holder_get_flags(h);

        if (flags & AIU_HOLDER_STOPPED)
                strbuf_str(out, ", stopped");
        if (flags & AIU_HOLDER_DYING)
                strbuf_str(out, ", exiting");
        if (flags & AIU_HOLDER_DELETED_EXE)
                strbuf_str(out, ", its program file was replaced");
        if (flags & AIU_HOLDER_ORPHAN)
                strbuf_str(out, ", its parent is gone");
        if (flags & AIU_HOLDER_UNIT_LEFTOVER)
                strbuf_str(out, ", left behind by a unit that is not active");
        if (flags & AIU_HOLDER_HANDED_OVER)
                strbuf_str(out, ", has the socket from another user");
        if (flags & AIU_HOLDER_ANCESTOR)
                strbuf_str(out, ", the caller runs in it");
        if (flags & AIU_HOLDER_SAME_PROGRAM)
                strbuf_str(out, ", runs the same program as the caller");
}

static bool is_path_to(const char *word, const char *label)
{
        const char *slash = strrchr(word, '/');

        return *word == '/' && strcmp(slash + 1, label) == 0 && !strpbrk(word, "@?#");
}

/* The label with its directories, where they were typed and are not too long to be read. */
static const char *label_path(const struct aiu_holder *h)
{
        size_t bytes = 0;
        const char *label = aiu_holder_get_label(h), *cmdline = aiu_holder_get_cmdline(h, &bytes);

        for (size_t at = 0; label && at < bytes; at += strlen(cmdline + at) + 1)
                if (is_path_to(cmdline + at, label) && strlen(cmdline + at) <= MOST_OUTSIDE)
                        return cmdline + at;
        return label;
}

/* Of a master, and of its workers, which are another user's as a rule: the first that differs. */
static void users(struct strbuf *out, const struct aiu_conflict *c, const struct aiu_holder *master)
{
        uid_t uid = aiu_holder_get_uid(master);

        user(out, master);
        for (size_t i = 0; i < aiu_conflict_get_n_holders(c); i++) {
                const struct aiu_holder *h = aiu_conflict_get_holder(c, i);

                if (!is_worker_of(h, master) || aiu_holder_get_uid(h) == uid)
                        continue;
                strbuf_str(out, ", ");
                user(out, h);
                return;
        }
}

void phrase_holder(struct strbuf *out, const struct aiu_conflict *c, const struct aiu_holder *h, bool local_time)
{
        size_t n_workers = phrase_n_workers(c, h);

        if (aiu_holder_get_kind(h) == AIU_HOLDER_SELF)
                strbuf_str(out, "this process, ");
        if (aiu_holder_get_comm(h) || aiu_holder_get_label(h)) {
                name(out, h, label_path(h));
                strbuf_str(out, ", ");
        }
        strbuf_printf(out, "pid %d%s", (int)aiu_holder_get_pid(h), n_workers > 0 ? "," : "");
        if (n_workers > 0)
                workers(out, n_workers);
        strbuf_str(out, " (");
        users(out, c, h);
        strbuf_str(out, ")");
        descriptors(out, h);
        start(out, h, local_time);
        condition(out, h);
}

void phrase_holder_again(struct strbuf *out, const struct aiu_holder *h)
{
        strbuf_printf(out, "pid %d", (int)aiu_holder_get_pid(h));
        descriptors(out, h);
}

void phrase_ids(struct strbuf *out, const struct aiu_conflict *c)
{
        uint32_t total, found;

        strbuf_printf(out, " [inode %llu, cookie %llu", (unsigned long long)aiu_conflict_get_inode(c),
                      (unsigned long long)aiu_conflict_get_cookie(c));
        if (aiu_conflict_get_references(c, &total, &found))
                strbuf_printf(out, ", holders of %u of %u references", found, total);
        strbuf_str(out, "]");
}

void phrase_cmdline(struct strbuf *out, const char *cmdline, size_t bytes)
{
        for (size_t at = 0; at < bytes;) {
                size_t n = strnlen(cmdline + at, bytes - at);

                if (at > 0)
                        strbuf_str(out, " ");
                strbuf_escaped(out, cmdline + at, n);
                at += n + 1;
        }
}

/* ------------------------------------------------------ why it is in the way */

static void asked_address(struct strbuf *out, const struct aiu_report *report)
{
        socklen_t bytes = 0;
        const struct sockaddr *address = aiu_report_get_address(report, &bytes);

        (void)add_address(out, address, bytes);
}

static void dual_stack(struct strbuf *out, const struct aiu_report *report, const struct aiu_conflict *c)
{
        const struct sockaddr *local = aiu_conflict_get_local(c, NULL);
        bool holder = local && local->sa_family == AF_INET6;

        if (holder)
                phrase_endpoint(out, c);
        else
                asked_address(out, report);
        strbuf_str(out, " is dual-stack, so it meets ");
        if (holder)
                asked_address(out, report);
        else
                phrase_endpoint(out, c);
}

static void range_words(struct strbuf *out, const struct aiu_report *report, const struct aiu_conflict *c)
{
        uint16_t first = 0, last = 0;

        (void)aiu_report_get_port_range(report, &first, &last);
        strbuf_printf(out, "port 0 means any port of %u-%u (ip_local_port_range), and %snone is left for this address",
                      first, last, aiu_conflict_is_blocking(c) == AIU_TRISTATE_YES ? "" : "perhaps ");
}

bool phrase_overlap(struct strbuf *out, const struct aiu_report *report, const struct aiu_conflict *c)
{
        switch (aiu_conflict_get_overlap(c)) {
        case AIU_OVERLAP_HOLDER_WILDCARD:
                phrase_endpoint(out, c);
                strbuf_str(out, " covers ");
                asked_address(out, report);
                return true;
        case AIU_OVERLAP_QUERY_WILDCARD:
                asked_address(out, report);
                strbuf_str(out, " covers ");
                phrase_endpoint(out, c);
                return true;
        case AIU_OVERLAP_DUAL_STACK:
                dual_stack(out, report, c);
                return true;
        case AIU_OVERLAP_V4_MAPPED:
                phrase_endpoint(out, c);
                strbuf_str(out, " and ");
                asked_address(out, report);
                strbuf_str(out, " are one IPv4 address");
                return true;
        case AIU_OVERLAP_PORT_RANGE:
                range_words(out, report, c);
                return true;
        default:
                return false;
        }
}

static void reuseaddr_words(struct strbuf *out, const struct aiu_report *report, const struct aiu_conflict *c)
{
        bool set = aiu_report_get_options(report) & AIU_OPTION_REUSEADDR;

        if (aiu_conflict_get_state(c) == AIU_STATE_LISTEN)
                strbuf_str(out, "SO_REUSEADDR: does not help against a listener");
        else if (aiu_conflict_get_reuseaddr(c) == AIU_TRISTATE_YES)
                strbuf_str(out,
                           set ? "SO_REUSEADDR: both set it" : "SO_REUSEADDR: the holder set it, the caller did not");
        else if (aiu_conflict_get_reuseaddr(c) == AIU_TRISTATE_NO)
                strbuf_str(out, "SO_REUSEADDR: does not help, the holder did not set it");
        else
                strbuf_str(out, "SO_REUSEADDR: helps if the holder set it, which could not be read");
}

static void reuseport_words(struct strbuf *out, const struct aiu_conflict *c)
{
        if (aiu_conflict_get_reason(c) == AIU_REASON_REUSEPORT_UID)
                strbuf_str(out, "; SO_REUSEPORT: both set it, for different users");
        else if (aiu_conflict_get_reuseport(c) == AIU_TRISTATE_YES)
                strbuf_str(out, "; SO_REUSEPORT: the holder set it");
        else if (aiu_conflict_get_reuseport(c) == AIU_TRISTATE_NO)
                strbuf_str(out, "; SO_REUSEPORT: the holder did not set it");
}

void phrase_options(struct strbuf *out, const struct aiu_report *report, const struct aiu_conflict *c)
{
        if (aiu_conflict_get_overlap(c) == AIU_OVERLAP_UNIX_PATH) {
                strbuf_str(out, "SO_REUSEADDR has no effect on AF_UNIX sockets");
                return;
        }
        if (aiu_conflict_get_reason(c) == AIU_REASON_EXCLUSIVE) {
                strbuf_str(out, "no socket option shares the port");
                return;
        }
        reuseaddr_words(out, report, c);
        reuseport_words(out, c);
}
