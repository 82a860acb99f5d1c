/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RTM_GETLINK for one interface, by name or by number: see interface.h. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>

#include "backend/netlink/interface.h"
#include "backend/netlink/netlink.h"
#include "util/sys.h"

struct interface {
        unsigned int ifindex;
        char name[IF_NAMESIZE];
};

static int take_link(void *userdata, struct nlmsghdr *message)
{
        struct interface *interface = userdata;
        struct ifinfomsg header;
        struct nlattr *name;
        size_t n;

        if (message->nlmsg_type != RTM_NEWLINK || message->nlmsg_len < NLMSG_LENGTH(sizeof(header)))
                return -EBADMSG;
        memcpy(&header, NLMSG_DATA(message), sizeof(header));
        name = nlmsg_find_attr(message, sizeof(header), IFLA_IFNAME);
        if (!name || header.ifi_index <= 0)
                return -EBADMSG;
        n = strnlen(nla_data(name), (size_t)nla_len(name));
        if (n == 0 || n >= sizeof(interface->name))
                return -EBADMSG;
        interface->ifindex = (unsigned int)header.ifi_index;
        memcpy(interface->name, nla_data(name), n);
        interface->name[n] = '\0';
        return 0;
}

/* By name if there is one, else by number. */
static struct nl_msg *make_request(const struct interface *wanted)
{
        struct ifinfomsg header = { .ifi_family = AF_UNSPEC, .ifi_index = (int)wanted->ifindex };
        struct nl_msg *message = nlmsg_alloc_simple(RTM_GETLINK, NLM_F_REQUEST);

        if (!message)
                return NULL;
        if (nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO) < 0 ||
            (wanted->name[0] && nla_put(message, IFLA_IFNAME, (int)strlen(wanted->name) + 1, wanted->name) < 0)) {
                nlmsg_free(message);
                return NULL;
        }
        return message;
}

static int ask_netlink(const struct aiu_request *request, struct interface *wanted)
{
        struct interface found = { .ifindex = 0 };
        struct netlink netlink;
        struct nl_msg *message;
        int r = netlink_open(&netlink, NETLINK_ROUTE);

        if (r < 0)
                return r;
        message = make_request(wanted);
        r = message ? netlink_request(&netlink, request, message, take_link, &found) : -ENOMEM;
        nlmsg_free(message);
        netlink_close(&netlink);
        if (r < 0)
                return r;
        *wanted = found;
        return found.ifindex ? 0 : -EBADMSG;
}

static int ask_ioctl(struct interface *wanted)
{
        unsigned long call = wanted->name[0] ? SIOCGIFINDEX : SIOCGIFNAME;
        struct ifreq request = { .ifr_ifindex = (int)wanted->ifindex };
        int fd, r;

        memcpy(request.ifr_name, wanted->name, sizeof(request.ifr_name));
        fd = sys_socket(AF_UNIX, SOCK_DGRAM, 0);
        if (fd < 0)
                return fd;
        r = sys_ioctl(fd, call, (uintptr_t)&request);
        sys_close(fd);
        if (r < 0)
                return r;
        if (wanted->name[0])
                wanted->ifindex = (unsigned int)request.ifr_ifindex;
        else
                memcpy(wanted->name, request.ifr_name, sizeof(wanted->name));
        wanted->name[sizeof(wanted->name) - 1] = '\0';
        return 0;
}

static int look_up(const struct aiu_request *request, struct interface *wanted)
{
        int r = ask_netlink(request, wanted);

        if (r == 0 || r == -ENODEV || r == -ENOMEM || r == -ETIME || request->plain_calls_only)
                return r;
        return ask_ioctl(wanted);
}

int interface_find(const struct aiu_request *request, const char *name, unsigned int *ret_ifindex)
{
        struct interface wanted = { .ifindex = 0 };
        int r;

        if (!name[0] || strlen(name) >= sizeof(wanted.name))
                return -ENODEV;
        memcpy(wanted.name, name, strlen(name) + 1);
        r = look_up(request, &wanted);
        if (r == 0)
                *ret_ifindex = wanted.ifindex;
        return r;
}

int interface_name(const struct aiu_request *request, unsigned int ifindex, char ret_name[IF_NAMESIZE])
{
        struct interface wanted = { .ifindex = ifindex };
        int r;

        /* ifi_index is an int, and no interface has a number that is none. */
        if (ifindex == 0 || ifindex > INT32_MAX)
                return -ENODEV;
        r = look_up(request, &wanted);
        if (r == 0)
                memcpy(ret_name, wanted.name, sizeof(wanted.name));
        return r;
}
