/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who holds a socket, what it does, and why it is in the way, in every text. Through public accessors alone. */
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "render/phrases.h"
#include "util/escape.h"
#include "util/macro.h"

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

void phrase_user(struct strbuf *out, const struct aiu_holder *h)
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

/*
 * "node server.js", "docker-proxy to 172.17.0.2:80", and "run.py" alone if the script gave the process its name. `file` is
 * the label or its path.
 */
void phrase_name(struct strbuf *out, const struct aiu_holder *h, const char *file)
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

bool phrase_is_worker_of(const struct aiu_holder *h, const struct aiu_holder *master)
{
        return aiu_holder_get_flags(h) & AIU_HOLDER_WORKER && aiu_holder_get_leader(h) == aiu_holder_get_pid(master) &&
               h != master;
}

size_t phrase_n_workers(const struct aiu_conflict *c, const struct aiu_holder *master)
{
        size_t n = 0;

        for (size_t i = 0; i < aiu_conflict_get_n_holders(c); i++)
                n += phrase_is_worker_of(aiu_conflict_get_holder(c, i), master);
        return n;
}

void phrase_workers(struct strbuf *out, size_t n)
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
                phrase_name(out, h, aiu_holder_get_label(h));
        if (pid > 0)
                strbuf_printf(out, " (pid %d", pid);
        if (n_workers > 0)
                phrase_workers(out, n_workers);
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
        (void)phrase_address(out, peer, bytes);
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

/* ------------------------------------------------------ why it is in the way */

static void asked_address(struct strbuf *out, const struct aiu_report *report)
{
        socklen_t bytes = 0;
        const struct sockaddr *address = aiu_report_get_address(report, &bytes);

        (void)phrase_address(out, address, bytes);
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
        else if (aiu_conflict_get_reason(c) == AIU_REASON_REUSEPORT_PROGRAM)
                strbuf_str(out, "; SO_REUSEPORT: both set it, but a BPF program is attached to the caller's socket");
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
