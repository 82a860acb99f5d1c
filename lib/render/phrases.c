/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The phrases that render/text.c puts on its lines. Through public accessors alone. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "util/escape.h"
#include "render/phrases.h"
#include "util/sys.h"

static void user(struct strbuf *out, uid_t uid)
{
        if (uid == (uid_t)-1)
                strbuf_str(out, "user not known");
        else if (uid == 0)
                strbuf_str(out, "root");
        else
                strbuf_printf(out, "uid %u", (unsigned int)uid);
}

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

static void up_time(struct strbuf *out, const struct aiu_holder *h)
{
        uint64_t started = aiu_holder_get_start_time_usec(h), now;

        if (started == 0)
                return;
        now = sys_real_usec();
        strbuf_str(out, ", up ");
        duration(out, now > started ? (now - started) / 1000000 : 0);
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
                strbuf_str(out, ", running a program file that was replaced");
        if (flags & AIU_HOLDER_ORPHAN)
                strbuf_str(out, ", its parent is gone");
        if (flags & AIU_HOLDER_UNIT_LEFTOVER)
                strbuf_str(out, ", left behind by a unit that is no longer active");
        if (flags & AIU_HOLDER_HANDED_OVER)
                strbuf_str(out, ", which has the socket from another user");
        if (flags & AIU_HOLDER_ANCESTOR)
                strbuf_str(out, ", which the caller runs in");
        if (flags & AIU_HOLDER_SAME_PROGRAM)
                strbuf_str(out, ", the same program as the caller");
}

static void file(struct strbuf *out, const struct aiu_conflict *c, const struct aiu_holder *h)
{
        switch (aiu_conflict_get_file_mode(c) & S_IFMT) {
        case S_IFSOCK:
                strbuf_str(out, h ? "a live socket whose process is not visible from here"
                                  : "a socket file; whether a server is behind it is not known");
                break;
        case S_IFREG:
                strbuf_str(out, "a regular file, not a socket");
                break;
        case S_IFDIR:
                strbuf_str(out, "a directory");
                break;
        case S_IFLNK:
                strbuf_str(out, "a symbolic link, which bind() does not follow");
                break;
        default:
                strbuf_str(out, "a file that is not a socket");
                break;
        }
}

void words_of_nobody(struct strbuf *out, const struct aiu_conflict *c, const struct aiu_holder *h)
{
        uid_t uid = aiu_conflict_get_uid(c);

        if (aiu_conflict_get_state(c) == AIU_STATE_STALE_FILE) {
                strbuf_str(out, "no process: a socket file that was left behind");
        } else if (aiu_conflict_get_reason(c) == AIU_REASON_PATH_EXISTS && aiu_conflict_get_inode(c) == 0) {
                file(out, c, h);
        } else if (aiu_conflict_get_reason(c) == AIU_REASON_RANGE_EXHAUSTED && aiu_conflict_get_n_ports(c) == 0) {
                strbuf_str(out, "nobody: ip_local_reserved_ports keeps back what is searched");
        } else if (aiu_conflict_get_reason(c) == AIU_REASON_OBSERVED) {
                strbuf_str(out, "nothing in sight: it is gone by now, or cannot be seen from here");
        } else if (h && aiu_holder_get_kind(h) == AIU_HOLDER_HIDDEN) {
                strbuf_str(out, "a process that is not visible from here");
                if (uid != (uid_t)-1) {
                        strbuf_str(out, " (socket of ");
                        user(out, uid);
                        strbuf_str(out, ")");
                }
        } else {
                strbuf_str(out, "no process: the kernel finishes a connection that was closed");
        }
}

static void kernel_user(struct strbuf *out, const struct aiu_holder *h)
{
        strbuf_str(out, "the kernel itself: ");
        strbuf_outside(out, aiu_holder_get_kernel_user(h));
        if (aiu_holder_get_kernel_user_name(h)) {
                strbuf_str(out, ", ");
                strbuf_outside(out, aiu_holder_get_kernel_user_name(h));
        }
}

void words_of_holder(struct strbuf *out, const struct aiu_conflict *c, const struct aiu_holder *h)
{
        const char *comm = aiu_holder_get_comm(h);

        if (aiu_holder_get_kernel_user(h)) {
                kernel_user(out, h);
                return;
        }
        if (aiu_holder_get_pid(h) <= 0) {
                words_of_nobody(out, c, h);
                return;
        }
        if (aiu_holder_get_kind(h) == AIU_HOLDER_SELF)
                strbuf_str(out, "the calling process itself, ");
        if (comm) {
                strbuf_outside(out, comm);
                strbuf_str(out, ", ");
        }
        strbuf_printf(out, "pid %d (", (int)aiu_holder_get_pid(h));
        user(out, aiu_holder_get_uid(h));
        strbuf_str(out, ")");
        descriptors(out, h);
        up_time(out, h);
        condition(out, h);
}

void words_of_holder_again(struct strbuf *out, const struct aiu_holder *h)
{
        strbuf_printf(out, "pid %d", (int)aiu_holder_get_pid(h));
        descriptors(out, h);
}

/* ------------------------------------------------------ sockets */

static void address_words(struct strbuf *out, const struct sockaddr *address, socklen_t bytes)
{
        char ip[INET6_ADDRSTRLEN] = "";
        const struct sockaddr_in *in = (const void *)address;
        const struct sockaddr_in6 *in6 = (const void *)address;
        const struct sockaddr_un *un = (const void *)address;
        size_t n;

        switch (address->sa_family) {
        case AF_INET:
                inet_ntop(AF_INET, &in->sin_addr, ip, sizeof(ip));
                strbuf_printf(out, "%s:%u", ip, ntohs(in->sin_port));
                break;
        case AF_INET6:
                inet_ntop(AF_INET6, &in6->sin6_addr, ip, sizeof(ip));
                strbuf_printf(out, "[%s", ip);
                if (in6->sin6_scope_id)
                        strbuf_printf(out, "%%%u", (unsigned int)in6->sin6_scope_id);
                strbuf_printf(out, "]:%u", ntohs(in6->sin6_port));
                break;
        case AF_UNIX:
                n = bytes > offsetof(struct sockaddr_un, sun_path) ? bytes - offsetof(struct sockaddr_un, sun_path) : 0;
                if (n > 0 && un->sun_path[0] == '\0') {
                        strbuf_str(out, "@");
                        strbuf_escaped(out, un->sun_path + 1, n - 1);
                } else {
                        strbuf_escaped(out, un->sun_path, strnlen(un->sun_path, n));
                }
                break;
        default:
                strbuf_str(out, "an address");
                break;
        }
}

void words_of_endpoint(struct strbuf *out, const struct aiu_conflict *c)
{
        socklen_t bytes = 0;
        const struct sockaddr *local = aiu_conflict_get_local(c, &bytes);

        if (local)
                address_words(out, local, bytes);
        if (aiu_conflict_get_device(c)) {
                strbuf_str(out, " on device ");
                strbuf_outside(out, aiu_conflict_get_device(c));
        }
}

static void connection(struct strbuf *out, const struct aiu_conflict *c, const char *word)
{
        socklen_t bytes = 0;
        const struct sockaddr *peer = aiu_conflict_get_peer(c, &bytes);

        strbuf_printf(out, ", %s from ", word);
        words_of_endpoint(out, c);
        if (peer) {
                strbuf_str(out, " to ");
                address_words(out, peer, bytes);
        }
}

/* One of many sockets: how many, and where this one is. */
static void ports_words(struct strbuf *out, const struct aiu_conflict *c)
{
        size_t n = aiu_conflict_get_n_ports(c);

        if (n == 0)
                return;
        strbuf_printf(out, ", %zu port%s of the range, such as ", n, n == 1 ? "" : "s");
        words_of_endpoint(out, c);
}

void words_of_state(struct strbuf *out, const struct aiu_conflict *c)
{
        uint64_t left = aiu_conflict_get_expires_usec(c);

        if (aiu_conflict_get_overlap(c) == AIU_OVERLAP_PORT_RANGE) {
                ports_words(out, c);
                if (left > 0)
                        strbuf_printf(out, ", gone in %llu s", (unsigned long long)((left + 999999) / 1000000));
                return;
        }
        switch (aiu_conflict_get_state(c)) {
        case AIU_STATE_LISTEN:
                strbuf_str(out, ", listening on ");
                words_of_endpoint(out, c);
                break;
        case AIU_STATE_BOUND:
                strbuf_str(out,
                           aiu_conflict_get_type(c) == SOCK_STREAM ? ", bound and not listening on " : ", bound to ");
                words_of_endpoint(out, c);
                break;
        case AIU_STATE_ESTABLISHED:
                connection(out, c, "connected");
                break;
        case AIU_STATE_SYN_SENT:
                connection(out, c, "connecting");
                break;
        case AIU_STATE_CLOSE_WAIT:
                connection(out, c, "CLOSE_WAIT (the peer has closed, the holder has not)");
                break;
        case AIU_STATE_STALE_FILE:
        case AIU_STATE_UNKNOWN:
                break;
        case AIU_STATE_TIME_WAIT:
                connection(out, c, "TIME_WAIT");
                break;
        default:
                connection(out, c, "closing");
                break;
        }
        if (left > 0)
                strbuf_printf(out, ", gone in %llu s", (unsigned long long)((left + 999999) / 1000000));
}

void words_of_ids(struct strbuf *out, const struct aiu_conflict *c)
{
        strbuf_printf(out, " [inode %llu, cookie %llu]", (unsigned long long)aiu_conflict_get_inode(c),
                      (unsigned long long)aiu_conflict_get_cookie(c));
}

/* ------------------------------------------------------ commands */

void words_of_cmdline(struct strbuf *out, const char *cmdline, size_t bytes)
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

void words_of_asked(struct strbuf *out, const struct aiu_report *report)
{
        socklen_t bytes = 0;
        const struct sockaddr *address = aiu_report_get_address(report, &bytes);

        if (address)
                address_words(out, address, bytes);
}

static void range_words(struct strbuf *out, const struct aiu_report *report, const struct aiu_conflict *c)
{
        uint16_t first = 0, last = 0;

        (void)aiu_report_get_port_range(report, &first, &last);
        strbuf_printf(out, "port 0 asks for any port of %u-%u (net.ipv4.ip_local_port_range", first, last);
        strbuf_str(out, aiu_conflict_is_blocking(c) == AIU_TRISTATE_YES
                                ? "), and none is left for this address"
                                : "), and perhaps none is left for this address");
}

void words_of_overlap(struct strbuf *out, const struct aiu_report *report, const struct aiu_conflict *c)
{
        switch (aiu_conflict_get_overlap(c)) {
        case AIU_OVERLAP_EXACT:
                strbuf_str(out, "the same address and port");
                break;
        case AIU_OVERLAP_HOLDER_WILDCARD:
                strbuf_str(out, "the holder's wildcard ");
                words_of_endpoint(out, c);
                strbuf_str(out, " covers ");
                words_of_asked(out, report);
                break;
        case AIU_OVERLAP_QUERY_WILDCARD:
                strbuf_str(out, "the wildcard asked for covers the holder's ");
                words_of_endpoint(out, c);
                break;
        case AIU_OVERLAP_DUAL_STACK:
                strbuf_str(out, "dual-stack: an IPv6 socket that is not IPV6_V6ONLY serves IPv4 as well, so ");
                words_of_asked(out, report);
                strbuf_str(out, " meets ");
                words_of_endpoint(out, c);
                break;
        case AIU_OVERLAP_V4_MAPPED:
                strbuf_str(out, "an IPv4 address and the same one mapped into IPv6: ");
                words_of_endpoint(out, c);
                break;
        case AIU_OVERLAP_UNIX_PATH:
                strbuf_str(out, "the same name");
                break;
        case AIU_OVERLAP_PORT_RANGE:
                range_words(out, report, c);
                break;
        default:
                strbuf_str(out, "on the same port");
                break;
        }
}

static void reuseaddr_words(struct strbuf *out, const struct aiu_report *report, const struct aiu_conflict *c)
{
        bool set = aiu_report_get_options(report) & AIU_OPTION_REUSEADDR;

        if (aiu_conflict_get_state(c) == AIU_STATE_LISTEN)
                strbuf_str(out, "SO_REUSEADDR does not help against a listener");
        else if (aiu_conflict_get_reuseaddr(c) == AIU_TRISTATE_YES)
                strbuf_str(out,
                           set ? "SO_REUSEADDR is set on both" : "SO_REUSEADDR: the holder set it, the caller did not");
        else if (aiu_conflict_get_reuseaddr(c) == AIU_TRISTATE_NO)
                strbuf_str(out, "SO_REUSEADDR: the holder did not set it, so it does not help");
        else
                strbuf_str(out, "SO_REUSEADDR helps only if the other socket had it too, which cannot be read here");
}

static void reuseport_words(struct strbuf *out, const struct aiu_conflict *c)
{
        if (aiu_conflict_get_reason(c) == AIU_REASON_REUSEPORT_UID)
                strbuf_str(out, "; SO_REUSEPORT: both set it, but for different users");
        else if (aiu_conflict_get_reuseport(c) == AIU_TRISTATE_YES)
                strbuf_str(out, "; SO_REUSEPORT: the holder set it");
        else if (aiu_conflict_get_reuseport(c) == AIU_TRISTATE_NO)
                strbuf_str(out, "; SO_REUSEPORT: the holder did not set it");
}

void words_of_options(struct strbuf *out, const struct aiu_report *report, const struct aiu_conflict *c)
{
        if (aiu_conflict_get_overlap(c) == AIU_OVERLAP_UNIX_PATH) {
                strbuf_str(out, "SO_REUSEADDR has no effect on AF_UNIX sockets");
                return;
        }
        reuseaddr_words(out, report, c);
        reuseport_words(out, c);
        if (aiu_report_would_succeed_with(report, AIU_OPTION_V6ONLY) == AIU_TRISTATE_YES &&
            aiu_report_get_verdict(report) == AIU_VERDICT_IN_USE)
                strbuf_str(out, "; IPV6_V6ONLY on the socket asked about settles it");
}
