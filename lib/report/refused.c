/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where no socket is in the way: which rule refused the call, and what to change.
 * One sentence for each rule, because one errno has many causes.
 */
#include <errno.h>
#include <string.h>

#include "rules/address.h"
#include "rules/conflict.h"
#include "advice/advice.h"
#include "util/escape.h"
#include "report/words.h"
#include "util/macro.h"

#define MOST_ADDRESSES 4u /* that a text lists */

/* ------------------------------------------------ words for things */

static void add_device(struct strbuf *text, const char *name)
{
        strbuf_outside(text, name[0] ? name : "its interface");
}

static void add_own_address(struct strbuf *text, const struct host_address *have)
{
        struct address plain = have->address;
        char ip[ADDRESS_TEXT_BYTES];

        if (address_is_link_local(&plain) && have->device[0]) {
                plain.sa.in6.sin6_scope_id = 0;
                address_print(&plain, ip, sizeof(ip));
                strbuf_printf(text, "%s%%", ip);
                add_device(text, have->device);
                return;
        }
        address_print(&plain, ip, sizeof(ip));
        strbuf_str(text, ip);
        if (have->device[0]) {
                strbuf_str(text, " (");
                add_device(text, have->device);
                strbuf_str(text, ")");
        }
}

/* "10.0.0.5 (eth0), 127.0.0.1 (lo) and 3 more"; false = none is known. */
static bool add_own_addresses(struct strbuf *text, const struct request *q, const struct host *host)
{
        const struct host_address *alike[MOST_ADDRESSES + 1];
        size_t n = advice_alike(q, host, alike, MOST_ADDRESSES + 1);

        for (size_t i = 0; i < n && i < MOST_ADDRESSES; i++) {
                strbuf_str(text, i ? ", " : "");
                add_own_address(text, alike[i]);
        }
        if (n > MOST_ADDRESSES)
                strbuf_str(text, " and others");
        return n > 0;
}

/* The part of the path that the kernel stopped at. */
static void add_directory(struct strbuf *text, const struct request *q, const struct host *host)
{
        const char *path;
        size_t n = address_unix_name(&q->address, &path);

        if (host->name_at == 0 || host->name_at > n) {
                strbuf_str(text, "a directory of the path");
                return;
        }
        strbuf_str(text, "the directory ");
        strbuf_escaped(text, path, host->name_at);
}

/* ------------------------------------------------ which rule */

static void add_bound(struct strbuf *text, const struct request *q)
{
        char where[ADDRESS_TEXT_BYTES];

        if (q->bound.len == 0)
                return;
        address_print_port(&q->bound, where, sizeof(where));
        strbuf_printf(text, " to %s", where);
}

static const struct {
        int error;
        const char *words;
} directory_errors[] = {
        { ENOENT, " does not exist" },
        { ENOTDIR, " is not a directory" },
        { ELOOP, " leads through too many symbolic links" },
        { EROFS, " is on a read-only file system" },
        { EACCES, " denies access to this user" },
        { EPERM, " is immutable or append-only (lsattr)" },
};

static void why_path(struct strbuf *text, const struct aiu_report *report, const struct host *host)
{
        const char *words = " cannot be used";

        if (host->name_error != report->verdict.error || host->name_at == 0)
                return;
        strbuf_str(text, ": ");
        add_directory(text, &report->request, host);
        for (size_t i = 0; i < ELEMENTSOF(directory_errors); i++)
                if (directory_errors[i].error == host->name_error)
                        words = directory_errors[i].words;
        strbuf_str(text, words);
}

static const char *plain_reason(enum why why)
{
        static const char *const words[] = {
                [WHY_POLICY] = ": a security policy refused it, not the port number",
                [WHY_CONNECTED] = ": the socket is connected, or was",
                [WHY_LENGTH] = ": addrlen does not fit the socket's family",
                [WHY_FAMILY] = ": the address family is not the socket's",
                [WHY_SCOPE] = ": a link-local address needs an interface",
                [WHY_MAPPED] = ": IPV6_V6ONLY excludes an IPv4-mapped address",
                [WHY_NO_DEVICE] = ": there is no such interface",
                [WHY_MULTICAST] = ": a stream socket cannot have a multicast address",
                [WHY_NO_IPV6] = ": this kernel is running without IPv6",
                [WHY_NO_NAME] = ": the socket was never bound",
                [WHY_NO_LISTEN] = ": this type of socket does not listen",
                [WHY_NO_CID] = ": no transport of this host has the CID",
                [WHY_SLASHES] = ": the path ends in a slash",
                [WHY_NO_SPACE] = ": the file system is full, or the disk quota is used up",
                [WHY_PASSING] = ": the kernel was out of memory, or the call was interrupted",
                [WHY_GONE] = ": the call would not fail this way now",
        };

        return why < ELEMENTSOF(words) && words[why] ? words[why] : "";
}

/* Only the device of ::1 is known without a look. */
static const char *other_device(const struct host *host)
{
        return host->address_elsewhere == YES && host->address_device[0] ? host->address_device : "lo";
}

void words_why(struct strbuf *text, const struct aiu_report *report, const struct host *host)
{
        const struct request *q = &report->request;

        switch (report->verdict.why) {
        case WHY_PRIVILEGE:
                if (host->unprivileged_port_start > 0)
                        strbuf_printf(text, ": ports below %d need CAP_NET_BIND_SERVICE",
                                      host->unprivileged_port_start);
                else
                        strbuf_str(text, ": the port needs CAP_NET_BIND_SERVICE");
                break;
        case WHY_BOUND:
                strbuf_str(text, ": the socket is already bound");
                add_bound(text, q);
                break;
        case WHY_DETECTION:
                strbuf_str(text, ": duplicate address detection is still running on ");
                add_device(text, host->address_device);
                break;
        case WHY_DUPLICATE:
                strbuf_str(text, ": duplicate address detection failed on ");
                add_device(text, host->address_device);
                strbuf_str(text, ": another host on the link has the address");
                break;
        case WHY_OTHER_DEVICE:
                strbuf_str(text, ": the address is on ");
                add_device(text, other_device(host));
                strbuf_str(text, ", not on the device of the socket");
                break;
        case WHY_NO_IPV6_HERE:
                strbuf_printf(text, ": IPv6 is switched off (net.ipv6.conf.%s.disable_ipv6=1)", host->address_device);
                break;
        case WHY_POLICY:
                if (!conflict_is_about_path(q))
                        strbuf_str(text, plain_reason(WHY_POLICY));
                else
                        strbuf_str(text, ": a security policy refused it, not the directory");
                break;
        case WHY_UNKNOWN:
        case WHY_NO_DIRECTORY:
                if (q->address.sa.any.sa_family == AF_UNIX)
                        why_path(text, report, host);
                break;
        default:
                strbuf_str(text, plain_reason(report->verdict.why));
                break;
        }
}

/* ------------------------------------------------ what to change */

static void fix_scope(struct strbuf *text, const struct aiu_report *report, const struct host *host)
{
        strbuf_str(text,
                   "name the interface of the link-local address: sin6_scope_id, or %INTERFACE after the address");
        if (host->n_addresses == 0)
                return;
        strbuf_str(text, ". This host has ");
        if (!add_own_addresses(text, &report->request, host))
                strbuf_str(text, "no link-local address");
}

static void fix_device(struct strbuf *text, const struct host *host)
{
        strbuf_str(text, "name the device that has the address, ");
        add_device(text, other_device(host));
        strbuf_str(text, " (%INTERFACE or SO_BINDTODEVICE), or bind an address of the named device");
}

static void fix_path(struct strbuf *text, const struct aiu_report *report, const struct host *host)
{
        switch (report->verdict.error) {
        case ENOTDIR:
                strbuf_str(text, "correct the path: ");
                add_directory(text, &report->request, host);
                strbuf_str(text, " is not a directory");
                break;
        case ELOOP:
                strbuf_str(text, "correct the symbolic links in the path: there are too many, or they form a loop");
                break;
        case ENAMETOOLONG:
                strbuf_str(text, "shorten the names in the path");
                break;
        default:
                strbuf_str(text, "correct the path");
                break;
        }
}

static const char *plain_fix(enum why why)
{
        static const char *const words[] = {
                [WHY_BOUND] = "make a new socket for this address: a socket can be bound only once",
                [WHY_CONNECTED] = "make a new socket: this one has been connected",
                [WHY_LENGTH] = "pass the whole address: a struct sockaddr_in6 to an AF_INET6 socket, and its size",
                [WHY_FAMILY] = "create the socket with the family of the address, the first argument of socket(2)",
                [WHY_MAPPED] = "clear IPV6_V6ONLY, or bind the IPv4 address with an AF_INET socket",
                [WHY_NO_DEVICE] = "correct the interface: this host has none with that number or name (ip link)",
                [WHY_MULTICAST] = "bind a unicast address, or use a datagram socket for multicast",
                [WHY_NO_IPV6] = "use an AF_INET socket and an IPv4 address: this kernel runs without IPv6",
                [WHY_NO_NAME] = "bind() the socket first: listen() needs a name",
                [WHY_NO_LISTEN] = "leave listen() out: a datagram socket receives without it",
                [WHY_NO_CID] = "bind VMADDR_CID_ANY, or the CID of this host [IOCTL_VM_SOCKETS_GET_LOCAL_CID]",
                [WHY_SLASHES] = "leave out the slash at the end of the path: a socket is not a directory",
                [WHY_NO_SPACE] = "free space on the file system of the path, or use another one",
        };

        return why < ELEMENTSOF(words) && words[why] ? words[why] : NULL;
}

static void fix_call(struct strbuf *text, const struct aiu_report *report, const struct host *host)
{
        const char *plain = plain_fix(report->verdict.why);

        if (plain)
                strbuf_str(text, plain);
        else if (report->verdict.why == WHY_SCOPE)
                fix_scope(text, report, host);
        else if (report->verdict.why == WHY_OTHER_DEVICE)
                fix_device(text, host);
        else if (report->request.address.sa.any.sa_family == AF_UNIX)
                fix_path(text, report, host);
        else
                strbuf_str(text, "correct the call: the kernel does not accept this address with these options");
}

static bool is_v6(const struct request *q)
{
        return q->address.sa.any.sa_family == AF_INET6 && !address_is_mapped(&q->address);
}

static void bind_another(struct strbuf *text, const struct aiu_report *report, const struct host *host)
{
        const struct request *q = &report->request;
        const struct host_address *nearest;

        strbuf_str(text, "bind an address that this host has");
        if (advice_alike(q, host, &nearest, 1) > 0) {
                strbuf_str(text, ": ");
                (void)add_own_addresses(text, q, host);
        } else {
                strbuf_str(text, " (ip address)");
        }
        strbuf_printf(text, ". %s is every address", is_v6(q) ? "[::]" : "0.0.0.0");
        if (report->verdict.why == WHY_NO_IPV6_HERE)
                strbuf_str(text, ". Without IPv6, only IPv4 is left, such as 127.0.0.1");
}

static void bind_elsewhere(struct strbuf *text, const struct aiu_report *report, const struct host *host)
{
        if (report->verdict.verdict == AIU_VERDICT_NOT_LOCAL) {
                bind_another(text, report, host);
                return;
        }
        strbuf_str(text, report->verdict.verdict == AIU_VERDICT_NOT_PERMITTED
                                 ? "bind a path in a directory where the user of the program may create files"
                                 : "bind a path in a directory that exists");
}

static void wait_for(struct strbuf *text, const struct aiu_action *action, const struct aiu_report *report,
                     const struct host *host)
{
        if (report->verdict.why == WHY_DETECTION) {
                strbuf_printf(text,
                              action->wait_usec ? "wait %llu s: duplicate address detection is still running on "
                                                : "wait %llu s or more: duplicate address detection is still running "
                                                  "on ",
                              action->wait_usec ? words_whole_seconds(action->wait_usec) : 2ull);
                add_device(text, host->address_device);
                if (action->wait_usec == 0)
                        strbuf_str(text, ", and pauses while the link is down");
        } else if (report->verdict.why == WHY_GONE) {
                strbuf_str(text, "try again: what refused the call is gone");
        } else {
                strbuf_str(text,
                           "try again: the kernel was out of memory, or the call was interrupted. The call itself is "
                           "correct");
        }
}

static void grant(struct strbuf *text, const struct aiu_action *action, const struct aiu_report *report)
{
        if (action->flags & AIU_ACTION_HOST_WIDE)
                strbuf_printf(text, "open port %u, and all ports above it, to every user of this host",
                              (unsigned)address_port(&report->request.address));
        else
                strbuf_str(
                        text,
                        "give the program CAP_NET_BIND_SERVICE: AmbientCapabilities=CAP_NET_BIND_SERVICE in its "
                        "unit, setcap cap_net_bind_service=+ep on its executable, or a .socket unit that binds for it");
}

static void change_policy(struct strbuf *text, const struct aiu_report *report)
{
        bool ip = address_is_ip(&report->request.address);

        strbuf_printf(text, "change the security policy that refused the call: the %s would permit it",
                      ip ? "port number" : "directory");
        if (ip && report->verdict.error == EPERM)
                strbuf_str(text,
                           " (SocketBindDeny= of the unit, a BPF program of the cgroup, seccomp, a security module)");
        else if (ip)
                strbuf_str(text, " (SELinux: semanage port, ausearch -m avc; AppArmor; Landlock; seccomp)");
        else
                strbuf_str(text, " (SELinux, AppArmor, Landlock, or a sandbox of the unit)");
}

static void add_it(struct strbuf *text, const struct aiu_report *report, const struct host *host)
{
        if (report->verdict.why == WHY_DUPLICATE) {
                strbuf_str(text, "find the other host that has the address. Then remove the address from ");
                add_device(text, host->address_device);
                strbuf_str(text, " and add it again, which restarts the detection");
                return;
        }
        strbuf_str(text,
                   "add the address to this host, if no other host has it: two hosts with one address break it for "
                   "both. An address that floats between hosts (VRRP) is added by its daemon only");
}

static void make_directory(struct strbuf *text, const struct aiu_report *report, const struct host *host)
{
        strbuf_str(text, "make ");
        add_directory(text, &report->request, host);
        strbuf_str(text, ". For a service, RuntimeDirectory= in its unit creates it at each start");
        if (host->name_makeable == UNKNOWN)
                strbuf_str(text, ". If it is a symbolic link, create its target");
        if (host->name_makeable == NO)
                strbuf_str(text, ". The user of the program must be able to write there");
}

bool words_refused(struct strbuf *text, const struct aiu_action *action, const struct aiu_report *report,
                   const struct host *host)
{
        const struct verdict *v = &report->verdict;
        bool refused = v->verdict == AIU_VERDICT_NOT_LOCAL || v->verdict == AIU_VERDICT_NOT_PERMITTED ||
                       v->verdict == AIU_VERDICT_INVALID;

        if (!refused)
                return false;
        switch (action->kind) {
        case AIU_ACTION_FIX_CALLER:
                fix_call(text, report, host);
                return true;
        case AIU_ACTION_OTHER_ADDRESS:
                bind_elsewhere(text, report, host);
                return true;
        case AIU_ACTION_WAIT:
                wait_for(text, action, report, host);
                return true;
        case AIU_ACTION_GRANT_PRIVILEGE:
                grant(text, action, report);
                return true;
        case AIU_ACTION_CHANGE_POLICY:
                change_policy(text, report);
                return true;
        case AIU_ACTION_SET_FREEBIND:
                strbuf_str(
                        text,
                        "set IP_FREEBIND on the socket before bind(): it can then bind an address that this host does "
                        "not have yet, such as one that floats between hosts (VRRP)");
                return true;
        case AIU_ACTION_ALLOW_NONLOCAL:
                strbuf_str(text,
                           "let every program on this host bind addresses that the host does not have yet, such as "
                           "one that floats between hosts (VRRP)");
                return true;
        case AIU_ACTION_ENABLE_IPV6:
                strbuf_printf(text, "switch IPv6 on again: net.ipv6.conf.%s.disable_ipv6 is 1", host->address_device);
                return true;
        case AIU_ACTION_ADD_ADDRESS:
                add_it(text, report, host);
                return true;
        case AIU_ACTION_MAKE_DIRECTORY:
                make_directory(text, report, host);
                return true;
        default:
                return false;
        }
}
