/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Report → JSON, schema 1 (doc/addrinuse.schema.json), through public accessors alone: any program could contain it.
 * Strings from outside are escaped twice, first into printable ASCII (escape.c), then for JSON, so that no control
 * character, no terminal sequence and no bidi mark can come out.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "addrinuse.h"
#include "render/json-parts.h"
#include "render/json-writer.h"
#include "render/phrases.h"
#include "util/macro.h"
#include "util/number-address.h"

#define KNOWN_FLAGS                                                                                                    \
        (AIU_RENDER_COLOR | AIU_RENDER_CMDLINE | AIU_RENDER_VERBOSE | AIU_RENDER_PRETTY | AIU_RENDER_LOCAL_TIME)

/* ------------------------------------------------------ addresses */

static const char *family_name(const struct sockaddr *address)
{
        switch (address->sa_family) {
        case AF_UNIX:
                return "unix";
        case AF_VSOCK:
                return "vsock";
        case AF_NETLINK:
                return "netlink";
        default:
                return address->sa_family == AF_INET6 ? "inet6" : "inet";
        }
}

/* A CID is the address of its host; AF_NETLINK has a port id alone. * is what ss(8) writes for any. */
static void put_numbers(struct json *j, const struct sockaddr *address)
{
        const struct sockaddr_vm *vm = (const void *)address;
        const struct sockaddr_nl *nl = (const void *)address;
        char cid[16] = "*";

        if (address->sa_family == AF_NETLINK) {
                json_string(j, "address", NULL);
                json_number(j, "port", nl->nl_pid);
                return;
        }
        if (vm->svm_cid != VMADDR_CID_ANY)
                (void)snprintf(cid, sizeof(cid), "%u", vm->svm_cid);
        json_token(j, "address", cid);
        json_number(j, "port", vm->svm_port);
}

static bool is_ip(const struct sockaddr *address)
{
        return address->sa_family == AF_INET || address->sa_family == AF_INET6;
}

static void put_ip(struct json *j, const struct sockaddr *address)
{
        char text[INET6_ADDRSTRLEN + 16] = "";
        const struct sockaddr_in *in = (const void *)address;
        const struct sockaddr_in6 *in6 = (const void *)address;
        size_t n;

        if (address->sa_family == AF_INET) {
                inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
        } else {
                inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
                n = strlen(text);
                if (in6->sin6_scope_id)
                        (void)snprintf(text + n, sizeof(text) - n, "%%%u", (unsigned)in6->sin6_scope_id);
        }
        json_token(j, "address", text);
        json_number(j, "port", ntohs(address->sa_family == AF_INET ? in->sin_port : in6->sin6_port));
}

/* An abstract name is written with an @ for its NUL, as ss(8) and systemd do. */
static void put_path(struct json *j, const struct sockaddr *address, socklen_t bytes)
{
        const struct sockaddr_un *un = (const void *)address;
        size_t n = bytes - offsetof(struct sockaddr_un, sun_path);
        char name[sizeof(un->sun_path) + 1];

        json_key(j, "path");
        if (bytes <= offsetof(struct sockaddr_un, sun_path) || n > sizeof(un->sun_path)) {
                strbuf_str(&j->out, "null");
                return;
        }
        if (un->sun_path[0] != '\0')
                n = strnlen(un->sun_path, n);
        memcpy(name, un->sun_path, n);
        if (name[0] == '\0')
                name[0] = '@';
        json_outside(j, name, n);
}

void json_endpoint(struct json *j, const char *name, const struct sockaddr *address, socklen_t bytes)
{
        if (!address) {
                json_null(j, name);
                return;
        }
        json_begin(j, name, "{");
        json_token(j, "family", family_name(address));
        if (address->sa_family == AF_UNIX)
                put_path(j, address, bytes);
        else if (is_ip(address))
                put_ip(j, address);
        else
                put_numbers(j, address);
        json_close(j, "}");
}

struct name {
        int number;
        const char *name;
};

static const char *name_of(int number, const struct name *names, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (names[i].number == number)
                        return names[i].name;
        return NULL;
}

static const char *type_name(int type)
{
        static const struct name names[] = {
                { SOCK_STREAM, "stream" }, { SOCK_DGRAM, "dgram" }, { SOCK_SEQPACKET, "seqpacket" },
                { SOCK_DCCP, "dccp" },     { SOCK_RAW, "raw" },
        };

        return name_of(type, names, ELEMENTSOF(names));
}

/* No address was seen: the protocol is that of the request, which has one. */
static const char *protocol_name(const struct sockaddr *address, int type, int protocol)
{
        return aiu_protocol_to_string(address ? address->sa_family : AF_INET, type, protocol);
}

/* ------------------------------------------------------ the report's parts */

static void put_query(struct json *j, const struct aiu_report *report)
{
        socklen_t bytes = 0;
        const struct sockaddr *address = aiu_report_get_address(report, &bytes);
        uint32_t options = aiu_report_get_options(report);

        json_begin(j, "query", "{");
        json_token(j, "family", address ? family_name(address) : "unknown");
        json_string(j, "protocol",
                    protocol_name(address, aiu_report_get_type(report), aiu_report_get_protocol(report)));
        json_string(j, "type", type_name(aiu_report_get_type(report)));
        if (address && address->sa_family != AF_UNIX) {
                if (is_ip(address))
                        put_ip(j, address);
                else
                        put_numbers(j, address);
                json_string(j, "path", NULL);
        } else {
                json_string(j, "address", NULL);
                json_string(j, "port", NULL);
                if (address)
                        put_path(j, address, bytes);
        }
        json_bool(j, "reuseaddr", options & AIU_OPTION_REUSEADDR);
        json_bool(j, "reuseport", options & AIU_OPTION_REUSEPORT);
        json_bool(j, "v6only", options & AIU_OPTION_V6ONLY);
        json_bool(j, "freebind", options & AIU_OPTION_FREEBIND);
        json_string(j, "device", aiu_report_get_device(report));
        json_uid(j, "uid", aiu_report_get_uid(report));
        json_bool(j, "listen", aiu_report_get_listen(report));
        json_close(j, "}");
}

static void put_port_range(struct json *j, const struct aiu_report *report)
{
        uint16_t first, last;

        if (!aiu_report_get_port_range(report, &first, &last)) {
                json_null(j, "port_range");
                return;
        }
        json_begin(j, "port_range", "{");
        json_number(j, "first", first);
        json_number(j, "last", last);
        json_number(j, "taken", aiu_report_get_n_ports_taken(report));
        json_number(j, "left", aiu_report_get_n_ports_left(report));
        json_number(j, "reserved", aiu_report_get_n_ports_reserved(report));
        json_close(j, "}");
}

static void put_what_if(struct json *j, const struct aiu_report *report)
{
        static const char *const names[] = { "reuseaddr", "reuseport", "v6only", "freebind" };

        json_begin(j, "would_succeed_with", "{");
        for (uint32_t options = 1; options < 16; options++) {
                char name[64] = "";

                for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                        size_t n = strlen(name);

                        if (options & (UINT32_C(1) << i))
                                (void)snprintf(name + n, sizeof(name) - n, "%s%s", n ? "+" : "", names[i]);
                }
                json_token(j, name, aiu_tristate_to_string(aiu_report_would_succeed_with(report, options)));
        }
        json_close(j, "}");
}

static void put_retry(struct json *j, const struct aiu_report *report)
{
        uint64_t usec = 0;
        enum aiu_retry retry = aiu_report_get_retry(report, &usec);

        json_begin(j, "retry", "{");
        json_token(j, "class", aiu_retry_to_string(retry));
        if (retry == AIU_RETRY_NOW || retry == AIU_RETRY_AFTER)
                json_number(j, "usec", usec);
        else
                json_string(j, "usec", NULL);
        json_close(j, "}");
}

static void put_cmdline(struct json *j, const struct aiu_holder *holder)
{
        size_t bytes = 0, at = 0;
        const char *cmdline = j->cmdline ? aiu_holder_get_cmdline(holder, &bytes) : NULL;

        if (!cmdline) {
                json_null(j, "cmdline");
                return;
        }
        json_begin(j, "cmdline", "[");
        while (at < bytes) {
                size_t n = strnlen(cmdline + at, bytes - at);

                json_separate(j);
                json_outside(j, cmdline + at, n);
                at += n + 1;
        }
        json_close(j, "]");
}

static void put_ancestors(struct json *j, const struct aiu_holder *holder)
{
        json_begin(j, "ancestors", "[");
        for (size_t i = 0; i < aiu_holder_get_n_ancestors(holder); i++) {
                json_begin(j, NULL, "{");
                json_pid(j, "pid", aiu_holder_get_ancestor_pid(holder, i));
                json_string(j, "comm", aiu_holder_get_ancestor_comm(holder, i));
                json_close(j, "}");
        }
        json_close(j, "]");
}

static void put_holder_process(struct json *j, const struct aiu_holder *holder)
{
        json_token(j, "kind", aiu_holder_kind_to_string(aiu_holder_get_kind(holder)));
        json_pid(j, "pid", aiu_holder_get_pid(holder));
        json_pid(j, "leader", aiu_holder_get_leader(holder));
        json_pid(j, "ppid", aiu_holder_get_ppid(holder));
        json_uid(j, "uid", aiu_holder_get_uid(holder));
        json_string(j, "user", aiu_holder_get_user_name(holder));
        json_id(j, "start_time_usec", aiu_holder_get_start_time_usec(holder));
        json_begin(j, "fds", "[");
        for (size_t i = 0; i < aiu_holder_get_n_fds(holder); i++) {
                json_separate(j);
                strbuf_printf(&j->out, "%d", aiu_holder_get_fd(holder, i));
        }
        json_close(j, "]");
        json_string(j, "comm", aiu_holder_get_comm(holder));
        json_string(j, "label", aiu_holder_get_label(holder));
        json_string(j, "exe", aiu_holder_get_exe(holder));
        put_cmdline(j, holder);
}

/* A word of a command is what execvp(3) gets, and a unit's name ("a\\x2db.service") what
 * systemctl(1) takes, so nothing is doubled that JSON itself can say; bytes that are no
 * printable ASCII are escaped as everywhere. */
static void put_word(struct json *j, const char *word)
{
        for (const char *p = word; p && *p; p++) {
                if (*p < 0x20 || *p > 0x7e) {
                        json_outside(j, word, strlen(word));
                        return;
                }
        }
        if (word)
                json_quote(j, word);
        else
                json_outside(j, NULL, 0);
}

static void put_unit(struct json *j, const char *name, const char *unit)
{
        json_key(j, name);
        put_word(j, unit);
}

void json_holder(struct json *j, const struct aiu_holder *holder)
{
        static const char *const flags[] = { "same-program",  "orphan",      "stopped",  "dying",       "deleted-exe",
                                             "unit-leftover", "unit-spared", "ancestor", "handed-over", "worker" };

        json_begin(j, NULL, "{");
        put_holder_process(j, holder);
        json_flags(j, "flags", aiu_holder_get_flags(holder), flags, ELEMENTSOF(flags));
        json_token(j, "manager", aiu_manager_kind_to_string(aiu_holder_get_manager(holder)));
        put_unit(j, "unit", aiu_holder_get_unit(holder));
        put_unit(j, "socket_unit", aiu_holder_get_socket_unit(holder));
        json_string(j, "unit_state", aiu_holder_get_unit_state(holder));
        json_string(j, "unit_restart", aiu_holder_get_unit_restart(holder));
        json_token(j, "will_return", aiu_tristate_to_string(aiu_holder_will_return(holder)));
        json_string(j, "container", aiu_holder_get_container(holder));
        json_string(j, "supervisor", aiu_holder_get_supervisor(holder));
        json_string(j, "kernel_user", aiu_holder_get_kernel_user(holder));
        json_string(j, "kernel_user_name", aiu_holder_get_kernel_user_name(holder));
        json_string(j, "cwd", aiu_holder_get_cwd(holder));
        put_ancestors(j, holder);
        json_close(j, "}");
}

static void put_references(struct json *j, const struct aiu_conflict *c)
{
        uint32_t total, found;

        if (!aiu_conflict_get_references(c, &total, &found))
                return;
        json_begin(j, "references", "{");
        json_number(j, "total", total);
        json_number(j, "found", found);
        json_close(j, "}");
}

static void put_conflict(struct json *j, const struct aiu_conflict *c)
{
        socklen_t local_bytes = 0, peer_bytes = 0;
        const struct sockaddr *local = aiu_conflict_get_local(c, &local_bytes);
        const struct sockaddr *peer = aiu_conflict_get_peer(c, &peer_bytes);

        json_begin(j, NULL, "{");
        json_token(j, "overlap", aiu_overlap_to_string(aiu_conflict_get_overlap(c)));
        json_token(j, "state", aiu_state_to_string(aiu_conflict_get_state(c)));
        json_token(j, "reason", aiu_reason_to_string(aiu_conflict_get_reason(c)));
        json_token(j, "blocking", aiu_tristate_to_string(aiu_conflict_is_blocking(c)));
        json_endpoint(j, "local", local, local_bytes);
        json_endpoint(j, "peer", peer, peer_bytes);
        json_string(j, "type", type_name(aiu_conflict_get_type(c)));
        json_string(j, "protocol", protocol_name(local, aiu_conflict_get_type(c), aiu_conflict_get_protocol(c)));
        json_id(j, "inode", aiu_conflict_get_inode(c));
        json_id(j, "cookie", aiu_conflict_get_cookie(c));
        json_uid(j, "uid", aiu_conflict_get_uid(c));
        json_string(j, "device", aiu_conflict_get_device(c));
        json_token(j, "reuseaddr", aiu_tristate_to_string(aiu_conflict_get_reuseaddr(c)));
        json_token(j, "reuseport", aiu_tristate_to_string(aiu_conflict_get_reuseport(c)));
        json_token(j, "v6only", aiu_tristate_to_string(aiu_conflict_get_v6only(c)));
        json_number(j, "expires_usec", aiu_conflict_get_expires_usec(c));
        json_number(j, "n_ports", aiu_conflict_get_n_ports(c));
        if (aiu_conflict_is_observed_only(c))
                json_bool(j, "observed_only", true);
        put_references(j, c);
        json_begin(j, "holders", "[");
        for (size_t i = 0; i < aiu_conflict_get_n_holders(c); i++)
                json_holder(j, aiu_conflict_get_holder(c, i));
        json_close(j, "]");
        json_close(j, "}");
}

/* The word that kill(1) takes. musl has no sigabbrev_np(3). */
static const char *signal_name(int signal)
{
        static const struct name names[] = {
                { SIGTERM, "TERM" }, { SIGKILL, "KILL" },   { SIGQUIT, "QUIT" },
                { SIGINT, "INT" },   { SIGWINCH, "WINCH" }, { SIGUSR1, "USR1" },
        };

        return name_of(signal, names, ELEMENTSOF(names));
}

static void put_signal(struct json *j, const struct aiu_action *action)
{
        json_string(j, "signal", signal_name(aiu_action_get_signal(action)));
        json_begin(j, "processes", "[");
        for (size_t i = 0; i < aiu_action_get_n_processes(action); i++) {
                uint64_t start_time_usec = 0;
                pid_t pid = aiu_action_get_process(action, i, &start_time_usec);

                json_begin(j, NULL, "{");
                json_pid(j, "pid", pid);
                json_id(j, "start_time_usec", start_time_usec);
                json_close(j, "}");
        }
        json_close(j, "]");
}

void json_argv(struct json *j, const char *const *argv)
{
        if (!argv) {
                json_null(j, "argv");
                return;
        }
        json_begin(j, "argv", "[");
        for (; *argv; argv++) {
                json_separate(j);
                put_word(j, *argv);
        }
        json_close(j, "]");
}

static void put_action(struct json *j, const struct aiu_action *action)
{
        static const char *const flags[] = { "needs-root",  "disruptive", "changes-code", "last-resort",
                                             "unconfirmed", "elsewhere",  "host-wide",    "vital" };
        const char *const *argv = aiu_action_get_argv(action);

        json_begin(j, NULL, "{");
        json_token(j, "kind", aiu_action_kind_to_string(aiu_action_get_kind(action)));
        json_words(j, "text", aiu_action_get_text(action));
        json_argv(j, argv);
        json_token(j, "sufficient", aiu_tristate_to_string(aiu_action_is_sufficient(action)));
        json_flags(j, "flags", aiu_action_get_flags(action), flags, ELEMENTSOF(flags));
        put_signal(j, action);
        json_close(j, "}");
}

void json_gap(struct json *j, const struct aiu_gap *gap)
{
        json_begin(j, NULL, "{");
        json_token(j, "kind", aiu_gap_kind_to_string(aiu_gap_get_kind(gap)));
        json_errno(j, "error", aiu_gap_get_error(gap));
        json_string(j, "backend", aiu_gap_get_backend(gap));
        json_string(j, "text", aiu_gap_get_text(gap));
        json_close(j, "}");
}

static void put_lists(struct json *j, const struct aiu_report *report)
{
        json_begin(j, "conflicts", "[");
        for (size_t i = 0; i < aiu_report_get_n_conflicts(report); i++)
                put_conflict(j, aiu_report_get_conflict(report, i));
        json_close(j, "]");
        json_begin(j, "neighbours", "[");
        for (size_t i = 0; i < aiu_report_get_n_neighbours(report); i++)
                put_conflict(j, aiu_report_get_neighbour(report, i));
        json_close(j, "]");
        json_begin(j, "actions", "[");
        for (size_t i = 0; i < aiu_report_get_n_actions(report); i++)
                put_action(j, aiu_report_get_action(report, i));
        json_close(j, "]");
        json_begin(j, "gaps", "[");
        for (size_t i = 0; i < aiu_report_get_n_gaps(report); i++)
                json_gap(j, aiu_report_get_gap(report, i));
        json_close(j, "]");
}

/* They are gaps of kind "note", too: here for readers that skip the gaps. */
static void put_notes(struct json *j, const struct aiu_report *report)
{
        json_key(j, "notes");
        json_open(j, "[");
        for (size_t i = 0; i < aiu_report_get_n_gaps(report); i++) {
                const struct aiu_gap *gap = aiu_report_get_gap(report, i);

                if (aiu_gap_get_kind(gap) != AIU_GAP_NOTE)
                        continue;
                json_separate(j);
                json_open(j, "{");
                json_string(j, "text", aiu_gap_get_text(gap));
                json_close(j, "}");
        }
        json_close(j, "]");
}

AIU_EXPORT int aiu_report_to_json(const struct aiu_report *report, uint32_t flags, char **ret_json)
{
        KEEP_ERRNO;
        struct json j = { .first = true };
        enum aiu_call call;

        if (!report || !ret_json || flags & ~KNOWN_FLAGS)
                return -EINVAL;
        j.pretty = flags & AIU_RENDER_PRETTY;
        j.cmdline = flags & AIU_RENDER_CMDLINE;
        call = aiu_report_get_call(report);
        json_open(&j, "{");
        json_number(&j, "schema", 1);
        json_token(&j, "version", aiu_version());
        put_query(&j, report);
        json_token(&j, "verdict", aiu_verdict_to_string(aiu_report_get_verdict(report)));
        json_errno(&j, "error", aiu_report_get_error(report));
        json_string(&j, "call", call == AIU_CALL_UNKNOWN ? NULL : aiu_call_to_string(call));
        json_words(&j, "summary", aiu_report_get_summary(report));
        put_port_range(&j, report);
        put_what_if(&j, report);
        put_retry(&j, report);
        put_lists(&j, report);
        put_notes(&j, report);
        json_close(&j, "}");
        return strbuf_steal(&j.out, ret_json);
}
