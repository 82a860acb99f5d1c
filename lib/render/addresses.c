/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The address of a query and of a socket, as every text writes it. Through public accessors alone. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "render/phrases.h"
#include "util/macro.h"
#include "util/missing.h"
#include "util/number-address.h"

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

bool phrase_address(struct strbuf *out, const struct sockaddr *address, socklen_t bytes)
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

AIU_EXPORT const char *aiu_protocol_to_string(int family, int type, int protocol)
{
        if (family == AF_NETLINK)
                return phrase_netlink_protocol(protocol);
        return family == AF_INET || family == AF_INET6 ? phrase_protocol(type, protocol) : NULL;
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
        else if (!phrase_address(out, address, bytes))
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

        if (!phrase_address(out, local, bytes))
                strbuf_str(out, "no address");
        if (aiu_conflict_get_device(c)) {
                strbuf_str(out, " on device ");
                strbuf_outside(out, aiu_conflict_get_device(c));
        }
}
