/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tunnels that are no devices: generic netlink lists them.
 *
 *   fou    fou_create(): one socket for each `ip fou add`
 *   l2tp   l2tp_tunnel_sock_create(): a tunnel made with `ip l2tp` has a connected
 *          socket of the kernel; one made with a daemon's socket is the daemon's
 *
 * The list of families is read whole: asking for one by its name would load its
 * module (ctrl_getfamily()), and a diagnosis changes nothing.
 */
#include "backend/kernel-user/kernel-user.h"

#include <errno.h>
#include <linux/fou.h>
#include <linux/genetlink.h>
#include <linux/l2tp.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <string.h>

static bool read_u16(const struct nlattr *attribute, uint16_t *ret)
{
        if (!attribute || nla_len(attribute) < (int)sizeof(*ret))
                return false;
        memcpy(ret, nla_data(attribute), sizeof(*ret));
        return true;
}

static int parse(struct nlmsghdr *message, uint16_t family, struct nlattr **attributes, int last)
{
        if (message->nlmsg_type != family || !nlmsg_valid_hdr(message, GENL_HDRLEN) ||
            nlmsg_parse(message, GENL_HDRLEN, attributes, last, NULL) < 0)
                return -EBADMSG;
        return 0;
}

static bool is_name(const struct nlattr *attribute, const char *name)
{
        size_t n = strlen(name) + 1;

        return attribute && nla_len(attribute) == (int)n && memcmp(nla_data(attribute), name, n) == 0;
}

int user_take_family(void *userdata, struct nlmsghdr *message)
{
        struct user_search *search = userdata;
        struct nlattr *a[CTRL_ATTR_FAMILY_NAME + 1];
        uint16_t id;
        int r;

        r = parse(message, GENL_ID_CTRL, a, CTRL_ATTR_FAMILY_NAME);
        if (r < 0 || !read_u16(a[CTRL_ATTR_FAMILY_ID], &id))
                return r;
        if (is_name(a[CTRL_ATTR_FAMILY_NAME], FOU_GENL_NAME))
                search->fou = id;
        if (is_name(a[CTRL_ATTR_FAMILY_NAME], L2TP_GENL_NAME))
                search->l2tp = id;
        return 0;
}

/* `ip fou del` finds it by port and family; one with an address of its own is left to its owner. */
int user_take_fou(void *userdata, struct nlmsghdr *message)
{
        struct user_search *search = userdata;
        struct nlattr *a[FOU_ATTR_PEER_PORT + 1];
        char port[8], family;
        struct kernel_candidate candidate = { .service = "fou", .shares_nothing = true, .protocol = IPPROTO_UDP };
        uint16_t port_be;
        int r;

        r = parse(message, search->fou, a, FOU_ATTR_PEER_PORT);
        if (r < 0 || !read_u16(a[FOU_ATTR_PORT], &port_be) || !a[FOU_ATTR_AF] || nla_len(a[FOU_ATTR_AF]) < 1 ||
            a[FOU_ATTR_PEER_V4] || a[FOU_ATTR_PEER_V6])
                return r;
        candidate.port = ntohs(port_be);
        candidate.family = *(const unsigned char *)nla_data(a[FOU_ATTR_AF]);
        family = candidate.family == AF_INET6 ? '6' : '4';
        if (candidate.port == 0 || (candidate.family != AF_INET && candidate.family != AF_INET6))
                return 0;
        (void)snprintf(port, sizeof(port), "%u", (unsigned int)candidate.port);
        candidate.command[0] = "ip";
        candidate.command[1] = family == '6' ? "-6" : "-4";
        candidate.command[2] = "fou";
        candidate.command[3] = "del";
        candidate.command[4] = "port";
        candidate.command[5] = port;
        return user_candidate(search, &candidate);
}

/* The port is told in host order, the tunnel by its number on this side. */
int user_take_l2tp(void *userdata, struct nlmsghdr *message)
{
        struct user_search *search = userdata;
        struct nlattr *a[L2TP_ATTR_UDP_SPORT + 1];
        char number[16];
        struct kernel_candidate candidate = {
                .service = "l2tp",
                .name = number,
                .protocol = IPPROTO_UDP,
                .shares_nothing = true,
                .any_local = true,
                .command = { "ip", "l2tp", "del", "tunnel", "tunnel_id", number },
        };
        uint16_t encapsulation;
        uint32_t id;
        int r;

        r = parse(message, search->l2tp, a, L2TP_ATTR_UDP_SPORT);
        if (r < 0 || !read_u16(a[L2TP_ATTR_ENCAP_TYPE], &encapsulation) || encapsulation != L2TP_ENCAPTYPE_UDP ||
            !read_u16(a[L2TP_ATTR_UDP_SPORT], &candidate.port) || candidate.port == 0 || !a[L2TP_ATTR_CONN_ID] ||
            nla_len(a[L2TP_ATTR_CONN_ID]) < (int)sizeof(id))
                return r;
        memcpy(&id, nla_data(a[L2TP_ATTR_CONN_ID]), sizeof(id));
        (void)snprintf(number, sizeof(number), "%u", id);
        return user_candidate(search, &candidate);
}

static int dump(struct user_search *search, uint16_t family, uint8_t command, netlink_handler *handler)
{
        struct genlmsghdr header = { .cmd = command, .version = 1 };
        struct nl_msg *message = nlmsg_alloc_simple(family, NLM_F_REQUEST | NLM_F_DUMP);
        int r = !message || nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO) < 0 ? -ENOMEM : 0;

        if (r == 0)
                r = netlink_request(&search->netlink, search->request, message, handler, search);
        nlmsg_free(message);
        return r == -EINTR ? 0 : r;
}

static int ask_families(struct user_search *search)
{
        int r = dump(search, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, user_take_family);

        if (r == 0 && search->fou)
                r = dump(search, search->fou, FOU_CMD_GET, user_take_fou);
        if (r == 0 && search->l2tp)
                r = dump(search, search->l2tp, L2TP_CMD_TUNNEL_GET, user_take_l2tp);
        /* l2tp wants CAP_NET_ADMIN. */
        if (r == -EPERM)
                return aiu_snapshot_add_gap(search->snapshot, AIU_GAP_PERMISSION, EPERM,
                                            "only root may list L2TP tunnels: one of them may have the socket "
                                            "[CAP_NET_ADMIN]");
        return r;
}

int user_search_genl(struct user_search *search)
{
        int r;

        if (search->request->protocol != IPPROTO_UDP)
                return 0;
        r = netlink_open(&search->netlink, NETLINK_GENERIC);
        if (r < 0)
                return r;
        r = ask_families(search);
        netlink_close(&search->netlink);
        return r;
}
