/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The half of the backend "route" that knows VRFs: the table of addresses that a device's VRF has (host phase), and
 * which VRF each device is in to which TCP sockets are bound (devices phase), as l3mdev_master_ifindex_by_index()
 * finds it now. The kernel has it from the time of the bind(); who moves a device into a VRF under the sockets on it
 * is not seen.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netlink/route/link.h>
#include <netlink/route/link/vrf.h>
#include <stdio.h>

#include "backend/netlink/route.h"
#include "util/sys.h"

static void read_link(struct nl_object *object, void *userdata)
{
        struct rtnl_link *parsed = (struct rtnl_link *)object;
        struct route_link *link = userdata;
        uint32_t table;

        link->master = (unsigned int)rtnl_link_get_master(parsed);
        if (rtnl_link_is_vrf(parsed) && rtnl_link_vrf_get_tableid(parsed, &table) == 0)
                link->vrf_table = table;
}

int route_take_link(void *userdata, struct nlmsghdr *message)
{
        return message->nlmsg_type == RTM_NEWLINK ? route_parse_object(message, read_link, userdata) : -EBADMSG;
}

static int ask_link(struct route *route, unsigned int ifindex, struct route_link *ret)
{
        struct ifinfomsg header = { .ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex };
        struct nl_msg *message = nlmsg_alloc_simple(RTM_GETLINK, NLM_F_REQUEST);

        *ret = (struct route_link){ 0 };
        if (message && nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO) < 0) {
                nlmsg_free(message);
                message = NULL;
        }
        return route_send(route, message, route_take_link, ret);
}

/*
 * l3mdev_fib_table(): the table of the VRF that the interface is, or is in. This
 * request does take the rtnl lock, so it is made only for sockets with a device.
 */
int route_vrf_table(struct route *route, unsigned int ifindex, uint32_t *ret_table)
{
        struct route_link link;
        int r;

        r = ask_link(route, ifindex, &link);
        if (r >= 0 && link.vrf_table == 0 && link.master != 0)
                r = ask_link(route, link.master, &link);
        if (r < 0 && r != -ENODEV)
                return r;
        *ret_table = r < 0 ? 0 : link.vrf_table;
        return 0;
}

/* l3mdev_master_ifindex_by_index(): the device itself if it is a VRF, else the VRF that it is in. */
int route_l3mdev(struct route *route, unsigned int ifindex, unsigned int *ret_l3mdev)
{
        struct route_link link, master = { 0 };
        int r;

        r = ask_link(route, ifindex, &link);
        if (r >= 0 && link.vrf_table == 0 && link.master != 0)
                r = ask_link(route, link.master, &master);
        /* A socket stays bound to the number of a device that is gone. */
        if (r < 0 && r != -ENODEV)
                return r;
        *ret_l3mdev = 0;
        if (r >= 0 && link.vrf_table != 0)
                *ret_l3mdev = ifindex;
        else if (r >= 0 && master.vrf_table != 0)
                *ret_l3mdev = link.master;
        return 0;
}

/* ------------------------------------------------------ devices */

/*
 * With tcp_l3mdev_accept TCP has one table for all VRFs; without the file the kernel
 * was built without them (CONFIG_NET_L3_MASTER_DEV).
 */
static int has_one_table(const struct aiu_request *request)
{
        char text[8];
        ssize_t n;

        if (request->procfs < 0)
                return 0;
        n = sys_read_file(request->procfs, "sys/net/ipv4/tcp_l3mdev_accept", text, sizeof(text));
        if (n > 0)
                return text[0] != '0';
        return n == -ENOENT && sys_read_file(request->procfs, "sys/net/ipv4/tcp_syn_retries", text, sizeof(text)) > 0;
}

static int tell(struct route *route, struct aiu_snapshot *snapshot, unsigned int ifindex, int one_table)
{
        unsigned int l3mdev = 0;
        char text[160];
        int r = one_table ? 0 : route_l3mdev(route, ifindex, &l3mdev);

        if (r < 0) {
                (void)snprintf(text, sizeof(text),
                               "the VRF of interface %u could not be read: TCP sockets in different VRFs do not "
                               "conflict",
                               ifindex);
                (void)aiu_snapshot_add_gap(snapshot, AIU_GAP_BACKEND, r, text);
                return r;
        }
        return aiu_snapshot_add_device(snapshot, ifindex, l3mdev);
}

static int tell_each(struct route *route, struct aiu_snapshot *snapshot, int one_table)
{
        struct aiu_socket_fact s = { .size = sizeof(s) };
        unsigned int known;
        int r = 0;

        if (route->request->ifindex != 0)
                r = tell(route, snapshot, route->request->ifindex, one_table);
        for (size_t i = 0; r >= 0 && aiu_snapshot_get_socket(snapshot, i, &s); i++)
                if (s.ifindex != 0 && s.ifindex != AIU_IFINDEX_UNKNOWN && s.protocol == IPPROTO_TCP &&
                    !aiu_snapshot_get_device(snapshot, s.ifindex, &known))
                        r = tell(route, snapshot, s.ifindex, one_table);
        return r < 0 ? r : AIU_COMPLETE;
}

int route_devices(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        struct route route = { .request = request };
        int one_table = has_one_table(request), r;

        (void)userdata;
        if (one_table)
                return tell_each(&route, snapshot, one_table);
        r = netlink_open(&route.netlink, NETLINK_ROUTE);
        if (r < 0)
                return r;
        r = tell_each(&route, snapshot, one_table);
        netlink_close(&route.netlink);
        return r;
}
