/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tunnel devices: rtnetlink lists every interface with its kind and what was
 * configured. libnl-route-3 does not know all these kinds, so the attributes are
 * read by hand.
 *
 *   vxlan    vxlan_open() makes the socket, for IFLA_VXLAN_PORT, IPv4 or IPv6, or
 *            both if it is "external": vxlan_sock_add(). vxlan_stop() closes it.
 *   geneve   the same: geneve_open(), geneve_sock_add(), geneve_stop()
 *   bareudp  bareudp_open(): one socket, IPv6 and dual-stack if there is IPv6
 *   amt      amt_dev_open(): one socket, IPv4. Gateway or relay, amt_socket_create() takes
 *            the relay's port, whatever linux/amt.h says of the gateway's; amt_dev_stop()
 *
 * All bind every address. A device that was moved has its socket where it was
 * made: IFLA_LINK_NETNSID is there then, and it is left out.
 */
#include "backend/kernel-user/kernel-user.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <string.h>

/* Newer than the headers of some distributions. */
enum { LINK_NETNSID = 37 }; /* IFLA_LINK_NETNSID */
enum { VXLAN_GROUP6 = 16, VXLAN_LOCAL6 = 17, VXLAN_PORT = 15, VXLAN_COLLECT_METADATA = 25, VXLAN_LAST = 25 };
enum { GENEVE_PORT = 5, GENEVE_COLLECT_METADATA = 6, GENEVE_REMOTE6 = 7, GENEVE_LAST = 7 };
enum { BAREUDP_PORT = 1, BAREUDP_LAST = 1 };
enum { AMT_RELAY_PORT = 2, AMT_LAST = 2 };
enum { MOST_ATTRIBUTES = 64 };

static uint16_t port_at(const struct nlattr *attribute)
{
        uint16_t port;

        if (!attribute || nla_len(attribute) < (int)sizeof(port))
                return 0;
        memcpy(&port, nla_data(attribute), sizeof(port));
        return ntohs(port);
}

/* An attribute that is there as a flag, or as a byte that is not zero. */
static bool is_set(const struct nlattr *attribute)
{
        return attribute && (nla_len(attribute) < 1 || *(const unsigned char *)nla_data(attribute) != 0);
}

struct tunnel {
        uint16_t port;
        bool v4, v6;
};

static bool read_vxlan(struct nlattr *data, struct tunnel *ret)
{
        struct nlattr *a[VXLAN_LAST + 1];
        bool both;

        (void)nla_parse_nested(a, VXLAN_LAST, data, NULL);
        both = is_set(a[VXLAN_COLLECT_METADATA]);
        ret->port = port_at(a[VXLAN_PORT]);
        ret->v6 = both || a[VXLAN_GROUP6] || a[VXLAN_LOCAL6];
        ret->v4 = both || !ret->v6;
        return ret->port != 0;
}

static bool read_geneve(struct nlattr *data, struct tunnel *ret)
{
        struct nlattr *a[GENEVE_LAST + 1];
        bool both;

        (void)nla_parse_nested(a, GENEVE_LAST, data, NULL);
        both = a[GENEVE_COLLECT_METADATA] != NULL;
        ret->port = port_at(a[GENEVE_PORT]);
        ret->v6 = both || a[GENEVE_REMOTE6];
        ret->v4 = both || !ret->v6;
        return ret->port != 0;
}

static bool read_bareudp(struct nlattr *data, struct tunnel *ret)
{
        struct nlattr *a[BAREUDP_LAST + 1];

        (void)nla_parse_nested(a, BAREUDP_LAST, data, NULL);
        ret->port = port_at(a[BAREUDP_PORT]);
        ret->v4 = ret->v6 = true;
        return ret->port != 0;
}

static bool read_amt(struct nlattr *data, struct tunnel *ret)
{
        struct nlattr *a[AMT_LAST + 1];

        (void)nla_parse_nested(a, AMT_LAST, data, NULL);
        ret->port = port_at(a[AMT_RELAY_PORT]);
        ret->v4 = true;
        return ret->port != 0;
}

/* `tried`: that the socket goes when the device is taken down was seen on a running kernel. */
static const struct {
        const char *kind;
        bool (*read)(struct nlattr *data, struct tunnel *ret);
        enum aiu_tristate tried;
} tunnels[] = {
        { "vxlan", read_vxlan, AIU_TRISTATE_YES },
        { "geneve", read_geneve, AIU_TRISTATE_UNKNOWN },
        { "bareudp", read_bareudp, AIU_TRISTATE_UNKNOWN },
        { "amt", read_amt, AIU_TRISTATE_UNKNOWN },
};

static int candidate_tunnel(struct user_search *search, const char *kind, const char *name, const struct tunnel *tunnel,
                            enum aiu_tristate tried)
{
        struct kernel_candidate candidate = {
                .service = kind,
                .name = name,
                .shares_nothing = true,
                .protocol = IPPROTO_UDP,
                .port = tunnel->port,
                .family = tunnel->v4 && tunnel->v6 ? AF_UNSPEC
                          : tunnel->v6             ? AF_INET6
                                                   : AF_INET,
                .command = { "ip", "link", "set", "dev", name, "down" },
                .command_suffices = tried,
        };

        return user_candidate(search, &candidate);
}

/*
 * A gtp device does not show its sockets. A wireguard device shows its port, but only together with its private key
 * (WG_CMD_GET_DEVICE). A program that only asks why a bind() failed must not have that key in its memory.
 */
static void note_silent(struct user_search *search, const char *kind, const char *name)
{
        static const char *const kinds[] = { "wireguard", "gtp" };

        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
                if (strcmp(kind, kinds[i]) != 0 || search->n_silent == USER_MAX_SILENT)
                        continue;
                memcpy(search->silent[search->n_silent].name, name, strlen(name) + 1);
                search->silent[search->n_silent++].kind = kinds[i];
        }
}

static bool read_name(const struct nlattr *attribute, char name[IF_NAMESIZE])
{
        size_t n;

        if (!attribute || nla_len(attribute) < 1)
                return false;
        n = strnlen(nla_data(attribute), (size_t)nla_len(attribute));
        if (n == 0 || n >= IF_NAMESIZE)
                return false;
        memcpy(name, nla_data(attribute), n);
        name[n] = '\0';
        return true;
}

static int take_kind(struct user_search *search, const char *kind, const char *name, struct nlattr *data)
{
        struct tunnel tunnel = { 0 };

        note_silent(search, kind, name);
        for (size_t i = 0; data && i < sizeof(tunnels) / sizeof(tunnels[0]); i++)
                if (strcmp(kind, tunnels[i].kind) == 0 && tunnels[i].read(data, &tunnel))
                        return candidate_tunnel(search, tunnels[i].kind, name, &tunnel, tunnels[i].tried);
        return 0;
}

int user_take_link(void *userdata, struct nlmsghdr *message)
{
        struct nlattr *a[MOST_ATTRIBUTES], *info[IFLA_INFO_DATA + 1];
        char name[IF_NAMESIZE], kind[IF_NAMESIZE];
        struct ifinfomsg header;

        if (message->nlmsg_type != RTM_NEWLINK || !nlmsg_valid_hdr(message, sizeof(header)))
                return -EBADMSG;
        memcpy(&header, nlmsg_data(message), sizeof(header));
        /* Without a policy it cannot fail: what makes no sense is left out. */
        (void)nlmsg_parse(message, sizeof(header), a, MOST_ATTRIBUTES - 1, NULL);
        if (!(header.ifi_flags & IFF_UP) || a[LINK_NETNSID] || !a[IFLA_LINKINFO] || !read_name(a[IFLA_IFNAME], name))
                return 0;
        (void)nla_parse_nested(info, IFLA_INFO_DATA, a[IFLA_LINKINFO], NULL);
        if (!read_name(info[IFLA_INFO_KIND], kind))
                return 0;
        return take_kind(userdata, kind, name, info[IFLA_INFO_DATA]);
}

int user_search_links(struct user_search *search)
{
        struct ifinfomsg header = { .ifi_family = AF_UNSPEC };
        struct nl_msg *message;
        int r;

        if (search->request->protocol != IPPROTO_UDP)
                return 0;
        r = netlink_open(&search->netlink, NETLINK_ROUTE);
        if (r < 0)
                return r;
        message = nlmsg_alloc_simple(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP);
        r = !message || nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO) < 0 ? -ENOMEM : 0;
        if (r == 0)
                r = netlink_request(&search->netlink, search->request, message, user_take_link, search);
        nlmsg_free(message);
        netlink_close(&search->netlink);
        return r == -EINTR ? 0 : r; /* interfaces came or went: what was told of the others holds */
}
