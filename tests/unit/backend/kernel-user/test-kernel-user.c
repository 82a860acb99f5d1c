/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Backend "kernel-user". Live, where the kernel has vxlan: the device is named, the
 * action is carried out, and the bind() that failed succeeds. From messages and
 * files for the others. Those were not captured: they are made here as
 * geneve_fill_info(), bareudp_fill_info(), fou_fill_info(), l2tp_nl_tunnel_send(),
 * svc_xprt_names(), nfs_server_list_show() and rxrpc_local_seq_show() of Linux 6.12
 * write them, for the kernel that runs the tests need not have them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/fou.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/l2tp.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/kernel-user/kernel-user.h"
#include "fixture/host-fixture.h"
#include "util/macro.h"
#include "fixture/run-suite.h"
#include "fixture/spoil.h"

#define FOU 30
#define L2TP 31

/* linux/amt.h, since Linux 5.16 */
enum { AMT_RELAY_PORT = 2, AMT_GATEWAY_PORT = 3 };

static struct user_search search;

/* A socket that is in the way and that no process has. */
static void have_socket(const char *ip, uint16_t port, int protocol, uint64_t inode)
{
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
        struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
        struct aiu_socket_fact fact = {
                .size = sizeof(fact),
                .protocol = protocol,
                .inode = inode,
                .state = AIU_STATE_BOUND,
                .type = protocol == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM,
                .local = (struct sockaddr *)&in,
                .local_len = sizeof(in),
        };
        uint64_t wanted[16];
        size_t n = snapshot.n_wanted;

        if (inet_pton(AF_INET, ip, &in.sin_addr) != 1) {
                ck_assert_int_eq(inet_pton(AF_INET6, ip, &in6.sin6_addr), 1);
                fact.local = (struct sockaddr *)&in6;
                fact.local_len = sizeof(in6);
        }
        ck_assert_int_eq(aiu_snapshot_add_socket(&snapshot, &fact), 0);
        if (n > 0)
                memcpy(wanted, snapshot.wanted, n * sizeof(*wanted));
        wanted[n] = inode;
        ck_assert_int_eq(snapshot_want_inodes(&snapshot, wanted, n + 1), 0);
}

static void begin(void)
{
        snapshot_init(&snapshot);
        snapshot.backend = "kernel-user";
        request = (struct aiu_request){ .size = sizeof(request), .protocol = IPPROTO_UDP, .port = 6081 };
        search = (struct user_search){ .request = &request, .snapshot = &snapshot, .fou = FOU, .l2tp = L2TP };
}

/* The i-th user that was named, as "service name". */
static const char *named(size_t i)
{
        static char text[128];
        const struct kernel_user *user = &snapshot.kernel_users[i];

        ck_assert_uint_lt(i, snapshot.n_kernel_users);
        snprintf(text, sizeof(text), "%s %s", user->service, user->name ? user->name : "-");
        return text;
}

static const char *command(size_t i)
{
        static char text[128];

        text[0] = '\0';
        for (char **word = snapshot.kernel_users[i].command; word && *word; word++)
                snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", text[0] ? " " : "", *word);
        return text;
}

/* If one attribute differs from the kernel's, no user of the kernel is named twice. */
struct look {
        int (*take)(void *, struct nlmsghdr *);
        struct nlmsghdr *message;
};

static void look(void *userdata)
{
        const struct look *l = userdata;
        size_t before = snapshot.n_kernel_users;
        int r = l->take(&search, l->message);

        ck_assert(r == 0 || r == -EBADMSG);
        ck_assert_uint_le(snapshot.n_kernel_users, before + 1);
}

static void spoil_each(int (*take)(void *, struct nlmsghdr *), struct nlmsghdr *message, int header)
{
        struct nlmsghdr head = *message;
        struct look l = { take, message };

        spoil_attributes(nlmsg_attrdata(message, header), nlmsg_attrlen(message, header), 2, look, &l);
        message->nlmsg_len = NLMSG_HDRLEN + 1;
        ck_assert_int_eq(take(&search, message), -EBADMSG);
        *message = head;
        message->nlmsg_type ^= 1;
        look(&l);
        *message = head;
}

static struct nl_msg *generic(int family, uint8_t command_number)
{
        struct genlmsghdr header = { .cmd = command_number, .version = 1 };
        struct nl_msg *message = nlmsg_alloc_simple(family, 0);

        ck_assert_int_ge(nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO), 0);
        return message;
}

/* ------------------------------------------------------ devices */

static bool spoils;

struct device {
        const char *kind;
        unsigned int flags;
        int port_attribute;
        uint16_t port;
        int more;        /* an attribute that is a flag; 0 = none */
        int other_netns; /* IFLA_LINK_NETNSID is there */
};

static int take_device(const struct device *device)
{
        struct ifinfomsg header = { .ifi_index = 7, .ifi_flags = device->flags };
        struct nl_msg *message = nlmsg_alloc_simple(RTM_NEWLINK, 0);
        struct nlattr *info, *data;
        unsigned char byte = 1;
        int r;

        ck_assert_int_ge(nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO), 0);
        ck_assert_int_ge(nla_put_string(message, IFLA_IFNAME, "tun7"), 0);
        info = nla_nest_start(message, IFLA_LINKINFO);
        nla_put_string(message, IFLA_INFO_KIND, device->kind);
        data = nla_nest_start(message, IFLA_INFO_DATA);
        nla_put_u16(message, device->port_attribute, htons(device->port));
        if (device->more)
                nla_put(message, device->more, 1, &byte);
        nla_nest_end(message, data);
        nla_nest_end(message, info);
        if (device->other_netns)
                nla_put_u32(message, IFLA_LINK_NETNSID, 3);
        r = user_take_link(&search, nlmsg_hdr(message));
        if (spoils)
                spoil_each(user_take_link, nlmsg_hdr(message), sizeof(header));
        nlmsg_free(message);
        return r;
}

START_TEST(devices)
{
        const struct device all[] = {
                { "vxlan", IFF_UP, IFLA_VXLAN_PORT, 6081, 0, 0 },
                { "geneve", IFF_UP, IFLA_GENEVE_PORT, 6081, 0, 0 },
                { "bareudp", IFF_UP, IFLA_BAREUDP_PORT, 6081, 0, 0 },
                { "amt", IFF_UP, AMT_RELAY_PORT, 6081, 0, 0 },
        };

        for (size_t i = 0; i < 4; i++) {
                begin();
                have_socket("0.0.0.0", 6081, IPPROTO_UDP, 100);
                ck_assert_int_eq(take_device(&all[i]), 0);
                ck_assert_uint_eq(snapshot.n_kernel_users, 1);
                ck_assert_str_eq(snapshot.kernel_users[0].service, all[i].kind);
                ck_assert_str_eq(snapshot.kernel_users[0].name, "tun7");
                ck_assert_str_eq(command(0), "ip link set dev tun7 down");
                ck_assert_int_eq(snapshot.kernel_users[0].command_suffices, i == 0 ? YES : UNKNOWN);
                ck_assert_int_eq(snapshot.sockets[0].reuseaddr, NO);
                ck_assert_int_eq(aiu_snapshot_is_held(&snapshot, 100), 1);
                ck_assert(snapshot_all_in_kernel(&snapshot));
                snapshot_finish(&snapshot);
        }
}
END_TEST

/* Down, elsewhere, another port, a kind that has no socket: not this one's. */
START_TEST(other_devices)
{
        const struct device all[] = {
                { "geneve", 0, IFLA_GENEVE_PORT, 6081, 0, 0 },
                { "geneve", IFF_UP, IFLA_GENEVE_PORT, 6081, 0, 1 },
                { "geneve", IFF_UP, IFLA_GENEVE_PORT, 6082, 0, 0 },
                { "geneve", IFF_UP, IFLA_GENEVE_PORT, 6081, IFLA_GENEVE_REMOTE6, 0 },
                { "dummy", IFF_UP, IFLA_GENEVE_PORT, 6081, 0, 0 },
                { "amt", IFF_UP, AMT_GATEWAY_PORT, 6081, 0, 0 },
                { "amt", 0, AMT_RELAY_PORT, 6081, 0, 0 },
        };

        for (size_t i = 0; i < 7; i++) {
                begin();
                have_socket("0.0.0.0", 6081, IPPROTO_UDP, 100);
                ck_assert_int_eq(take_device(&all[i]), 0);
                ck_assert_uint_eq(snapshot.n_kernel_users, 0);
                snapshot_finish(&snapshot);
        }
}
END_TEST

/* A socket that is not on every address, or is bound to a device, is not a tunnel's. */
START_TEST(other_sockets)
{
        const struct device geneve = { "geneve", IFF_UP, IFLA_GENEVE_PORT, 6081, 0, 0 };

        begin();
        have_socket("127.0.0.1", 6081, IPPROTO_UDP, 100);
        have_socket("0.0.0.0", 6081, IPPROTO_TCP, 101);
        have_socket("::", 6081, IPPROTO_UDP, 102);
        have_socket("0.0.0.0", 6081, IPPROTO_UDP, 103);
        ck_assert_int_eq(aiu_snapshot_add_holder(&snapshot, 103, 4711, 3), 0);
        ck_assert_int_eq(take_device(&geneve), 0);
        ck_assert_uint_eq(snapshot.n_kernel_users, 0);
        snapshot_finish(&snapshot);
}
END_TEST

START_TEST(both_families)
{
        const struct device geneve = { "geneve", IFF_UP, IFLA_GENEVE_PORT, 6081, IFLA_GENEVE_COLLECT_METADATA, 0 };

        begin();
        have_socket("0.0.0.0", 6081, IPPROTO_UDP, 100);
        have_socket("::", 6081, IPPROTO_UDP, 101);
        ck_assert_int_eq(take_device(&geneve), 0);
        ck_assert_uint_eq(snapshot.n_kernel_users, 2);
        ck_assert_int_eq(take_device(&geneve), 0);
        ck_assert_uint_eq(snapshot.n_kernel_users, 2);
        snapshot_finish(&snapshot);
}
END_TEST

START_TEST(spoilt_messages)
{
        static const struct device made[] = {
                { "vxlan", IFF_UP, 15, 6081, 25, 0 },   { "vxlan", IFF_UP, 15, 6081, 16, 0 },
                { "vxlan", IFF_UP, 15, 6081, 17, 0 },   { "geneve", IFF_UP, 5, 6081, 6, 0 },
                { "bareudp", IFF_UP, 1, 6081, 0, 0 },   { "amt", IFF_UP, 2, 6081, 0, 0 },
                { "wireguard", IFF_UP, 2, 6081, 0, 0 }, { "gtp", IFF_UP, 2, 6081, 0, 0 },
        };
        struct nl_msg *message;

        spoils = true;
        for (size_t i = 0; i < ELEMENTSOF(made); i++) {
                begin();
                have_socket("0.0.0.0", 6081, IPPROTO_UDP, 100);
                ck_assert_int_eq(take_device(&made[i]), 0);
                snapshot_finish(&snapshot);
        }
        begin();
        have_socket("0.0.0.0", 6081, IPPROTO_UDP, 100);
        message = generic(FOU, FOU_CMD_GET);
        nla_put_u16(message, FOU_ATTR_PORT, htons(6081));
        nla_put_u8(message, FOU_ATTR_AF, AF_INET);
        nla_put_u32(message, FOU_ATTR_PEER_V4, 1);
        spoil_each(user_take_fou, nlmsg_hdr(message), GENL_HDRLEN);
        nlmsg_free(message);
        message = generic(L2TP, L2TP_CMD_TUNNEL_GET);
        nla_put_u32(message, L2TP_ATTR_CONN_ID, 42);
        nla_put_u16(message, L2TP_ATTR_ENCAP_TYPE, L2TP_ENCAPTYPE_UDP);
        nla_put_u16(message, L2TP_ATTR_UDP_SPORT, 6081);
        spoil_each(user_take_l2tp, nlmsg_hdr(message), GENL_HDRLEN);
        nlmsg_free(message);
        message = generic(GENL_ID_CTRL, CTRL_CMD_NEWFAMILY);
        nla_put_string(message, CTRL_ATTR_FAMILY_NAME, "l2tp");
        nla_put_u16(message, CTRL_ATTR_FAMILY_ID, 78);
        spoil_each(user_take_family, nlmsg_hdr(message), GENL_HDRLEN);
        search.l2tp = 0;
        ck_assert_int_eq(user_take_family(&search, nlmsg_hdr(message)), 0);
        ck_assert_uint_eq(search.l2tp, 78);
        nlmsg_free(message);
        snapshot_finish(&snapshot);
}
END_TEST

START_TEST(broken_messages)
{
        struct nl_msg *message = nlmsg_alloc_simple(RTM_NEWLINK, 0);
        struct ifinfomsg header = { .ifi_flags = IFF_UP };

        begin();
        ck_assert_int_eq(user_take_link(&search, nlmsg_hdr(message)), -EBADMSG);
        nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO);
        ck_assert_int_eq(user_take_link(&search, nlmsg_hdr(message)), 0);
        nla_put(message, IFLA_IFNAME, 40, "a-name-that-is-longer-than-any-can-be...");
        nla_put(message, IFLA_LINKINFO, 2, "xx");
        ck_assert_int_eq(user_take_link(&search, nlmsg_hdr(message)), 0);
        ck_assert_int_eq(user_take_fou(&search, nlmsg_hdr(message)), -EBADMSG);
        nlmsg_free(message);
        snapshot_finish(&snapshot);
}
END_TEST

/* ------------------------------------------------------ generic netlink */

START_TEST(families)
{
        struct nl_msg *message = generic(GENL_ID_CTRL, CTRL_CMD_NEWFAMILY);

        begin();
        search.fou = 0;
        nla_put_string(message, CTRL_ATTR_FAMILY_NAME, "fou");
        nla_put_u16(message, CTRL_ATTR_FAMILY_ID, 77);
        ck_assert_int_eq(user_take_family(&search, nlmsg_hdr(message)), 0);
        ck_assert_uint_eq(search.fou, 77);
        ck_assert_uint_eq(search.l2tp, L2TP);
        nlmsg_free(message);
        snapshot_finish(&snapshot);
}
END_TEST

static int take_fou(int family, uint16_t port)
{
        struct nl_msg *message = generic(FOU, FOU_CMD_GET);
        int r;

        nla_put_u8(message, FOU_ATTR_AF, (uint8_t)family);
        nla_put_u16(message, FOU_ATTR_PORT, htons(port));
        nla_put_u8(message, FOU_ATTR_IPPROTO, 4);
        r = user_take_fou(&search, nlmsg_hdr(message));
        nlmsg_free(message);
        return r;
}

START_TEST(fou)
{
        begin();
        have_socket("0.0.0.0", 5555, IPPROTO_UDP, 100);
        have_socket("::", 5556, IPPROTO_UDP, 101);
        ck_assert_int_eq(take_fou(AF_INET6, 5555), 0);
        ck_assert_int_eq(take_fou(AF_INET, 5557), 0);
        ck_assert_uint_eq(snapshot.n_kernel_users, 0);
        ck_assert_int_eq(take_fou(AF_INET, 5555), 0);
        ck_assert_int_eq(take_fou(AF_INET6, 5556), 0);
        ck_assert_uint_eq(snapshot.n_kernel_users, 2);
        ck_assert_str_eq(named(0), "fou -");
        ck_assert_str_eq(command(0), "ip -4 fou del port 5555");
        ck_assert_str_eq(command(1), "ip -6 fou del port 5556");
        snapshot_finish(&snapshot);
}
END_TEST

START_TEST(l2tp)
{
        struct nl_msg *message = generic(L2TP, L2TP_CMD_TUNNEL_GET);

        begin();
        have_socket("192.0.2.1", 1701, IPPROTO_UDP, 100);
        nla_put_u8(message, L2TP_ATTR_PROTO_VERSION, 3);
        nla_put_u32(message, L2TP_ATTR_CONN_ID, 42);
        nla_put_u32(message, L2TP_ATTR_PEER_CONN_ID, 43);
        nla_put_u16(message, L2TP_ATTR_ENCAP_TYPE, L2TP_ENCAPTYPE_UDP);
        nla_put_u16(message, L2TP_ATTR_UDP_SPORT, 1701);
        nla_put_u16(message, L2TP_ATTR_UDP_DPORT, 1702);
        ck_assert_int_eq(user_take_l2tp(&search, nlmsg_hdr(message)), 0);
        ck_assert_uint_eq(snapshot.n_kernel_users, 1);
        ck_assert_str_eq(named(0), "l2tp 42");
        ck_assert_str_eq(command(0), "ip l2tp del tunnel tunnel_id 42");
        nlmsg_free(message);
        snapshot_finish(&snapshot);
}
END_TEST

/* ------------------------------------------------------ /proc */

START_TEST(nfsd)
{
        begin();
        have_socket("0.0.0.0", 2049, IPPROTO_TCP, 100);
        have_socket("::", 2049, IPPROTO_TCP, 101);
        have_socket("0.0.0.0", 20049, IPPROTO_TCP, 102);
        ck_assert_int_eq(user_take_portlist(&search, "rdma 20049\nudp 2049\n\nnonsense\ntcp 99999999\n"), 0);
        ck_assert_uint_eq(snapshot.n_kernel_users, 0);
        ck_assert_int_eq(user_take_portlist(&search, "rdma 20049\ntcp 2049\n"), 0);
        ck_assert_uint_eq(snapshot.n_kernel_users, 2);
        ck_assert_str_eq(named(0), "nfsd -");
        ck_assert_str_eq(command(0), "rpc.nfsd 0");
        ck_assert_int_eq(snapshot.sockets[0].reuseaddr, UNKNOWN);
        snapshot_finish(&snapshot);
}
END_TEST

static void connect_first_socket(const char *ip, uint16_t port)
{
        struct address *peer = &snapshot.sockets[0].peer;

        *peer = (struct address){ .len = sizeof(peer->sa.in) };
        peer->sa.in.sin_family = AF_INET;
        peer->sa.in.sin_port = htons(port);
        ck_assert_int_eq(inet_pton(AF_INET, ip, &peer->sa.in.sin_addr), 1);
}

START_TEST(nfs_mount)
{
        static const char text[] = "NV SERVER   PORT USE HOSTNAME\n"
                                   "v4 20010db8000000000000000000000001  801   2 six.example\n"
                                   "v4 c0000202    0   2 port.example\n"
                                   "v4 c00002  801   2 short.example\n"
                                   "v4 c0000202  801   2\n"
                                   "\n"
                                   "v4 c0000202  801   2 files.example\n";

        begin();
        have_socket("192.0.2.1", 993, IPPROTO_TCP, 100);
        connect_first_socket("192.0.2.3", 2049);
        ck_assert_int_eq(user_take_nfs_servers(&search, text), 0);
        ck_assert_uint_eq(snapshot.n_kernel_users, 0);
        connect_first_socket("192.0.2.2", 2049);
        ck_assert_int_eq(user_take_nfs_servers(&search, text), 0);
        ck_assert_uint_eq(snapshot.n_kernel_users, 1);
        ck_assert_str_eq(named(0), "nfs files.example");
        ck_assert_ptr_null(snapshot.kernel_users[0].command);
        snapshot_finish(&snapshot);
}
END_TEST

START_TEST(rxrpc)
{
        static const char text[] = "Proto Local                                           Use Act RxQ\n"
                                   "UDP   192.0.2.1:7001                                    3   2   0\n"
                                   "TCP   192.0.2.1:7001                                    3   2   0\n"
                                   "UDP   nothing                                           3   2   0\n"
                                   "UDP   192.0.2.1:0                                       3   2   0\n"
                                   "UDP   192.0.2.1:65536                                   3   2   0\n"
                                   "UDP   :7001                                             3   2   0\n"
                                   "UDP   [::7001                                           3   2   0\n"
                                   "UDP   [x]:7001                                          3   2   0\n"
                                   "UDP   [::]:7001                                         3   2   0\n";

        begin();
        have_socket("192.0.2.1", 7001, IPPROTO_UDP, 100);
        have_socket("::", 7001, IPPROTO_UDP, 101);
        have_socket("192.0.2.2", 7001, IPPROTO_UDP, 102);
        ck_assert_int_eq(user_take_rxrpc(&search, text), 0);
        ck_assert_uint_eq(snapshot.n_kernel_users, 2);
        ck_assert_int_eq(aiu_snapshot_is_held(&snapshot, 102), 0);
        snapshot_finish(&snapshot);
}
END_TEST

/* What is not told is not claimed: a word in a gap, and the holder stays hidden. */
START_TEST(not_claimed)
{
        const struct device wireguard = { "wireguard", IFF_UP, 1, 6081, 0, 0 };

        begin();
        request.port = 4791;
        request.procfs = -1;
        have_socket("0.0.0.0", 4791, IPPROTO_UDP, 100);
        ck_assert_int_eq(take_device(&wireguard), 0);
        ck_assert_uint_eq(search.n_silent, 1);
        backend_kernel_user.kernel_users(NULL, &request, &snapshot);
        ck_assert_uint_eq(snapshot.n_kernel_users, 0);
        ck_assert(have_gap(AIU_GAP_UNKNOWN, "rxe"));
        snapshot_finish(&snapshot);
}
END_TEST

START_TEST(senseless_facts)
{
        const char *too_long[20];
        struct aiu_kernel_user_fact fact = { .size = sizeof(fact), .service = "vxlan" };

        for (size_t i = 0; i < 19; i++)
                too_long[i] = "word";
        too_long[19] = NULL;
        begin();
        ck_assert_int_eq(aiu_snapshot_add_kernel_user(&snapshot, 0, &fact), -EINVAL);
        ck_assert_int_eq(aiu_snapshot_add_kernel_user(NULL, 1, &fact), -EINVAL);
        ck_assert_int_eq(aiu_snapshot_add_kernel_user(&snapshot, 1, NULL), -EINVAL);
        fact.command = too_long;
        ck_assert_int_eq(aiu_snapshot_add_kernel_user(&snapshot, 1, &fact), -EINVAL);
        fact.command = NULL;
        fact.service = "";
        ck_assert_int_eq(aiu_snapshot_add_kernel_user(&snapshot, 1, &fact), -EINVAL);
        ck_assert_uint_eq(snapshot.n_kernel_users, 0);
        snapshot_finish(&snapshot);
}
END_TEST

/* ------------------------------------------------------ live */

static bool make_vxlan(const char *name, const char *more)
{
        char words[128];

        snprintf(words, sizeof(words), "link add %s type vxlan %s", name, more);
        return try_ip(words) == 0;
}

static struct aiu_report *ask_udp(const char *address, uint16_t port)
{
        struct aiu_context *context;
        struct aiu_query *query;
        struct aiu_report *report;

        ck_assert_int_eq(aiu_context_new(&context), 0);
        ck_assert_int_eq(aiu_context_set_deadline_usec(context, 0), 0);
        ck_assert_int_eq(aiu_query_new(context, &query), 0);
        aiu_context_unref(context);
        ck_assert_int_eq(aiu_query_set_socket(query, SOCK_DGRAM, 0), 0);
        ck_assert_int_eq(aiu_query_set_address_string(query, address, port), 0);
        ck_assert_int_eq(aiu_query_run(query, &report), 0);
        aiu_query_unref(query);
        return report;
}

static const struct aiu_action *find_action(const struct aiu_report *report, size_t nth)
{
        for (size_t i = 0; i < aiu_report_get_n_actions(report); i++)
                if (aiu_action_get_kind(aiu_report_get_action(report, i)) == AIU_ACTION_STOP_KERNEL_USER && nth-- == 0)
                        return aiu_report_get_action(report, i);
        return NULL;
}

static void carry_out(const struct aiu_action *action)
{
        const char *const *argv = aiu_action_get_argv(action);
        int status;
        pid_t pid;

        ck_assert_ptr_nonnull(argv);
        pid = fork();
        if (pid == 0) {
                execvp(argv[0], (char *const *)argv);
                _exit(127);
        }
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void check_vxlan(const char *address, uint16_t port, const char *device)
{
        struct aiu_report *report;
        const struct aiu_holder *holder;
        const struct aiu_action *action;
        char *json;

        set_ip(address, port, SOCK_DGRAM);
        ck_assert_int_eq(real_bind(), EADDRINUSE);
        report = ask_udp(address, port);
        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_IN_USE);
        ck_assert_uint_eq(aiu_report_get_n_conflicts(report), 1);
        holder = aiu_conflict_get_holder(aiu_report_get_conflict(report, 0), 0);
        ck_assert_int_eq(aiu_holder_get_kind(holder), AIU_HOLDER_KERNEL);
        ck_assert_int_eq(aiu_holder_get_pid(holder), 0);
        ck_assert_str_eq(aiu_holder_get_kernel_user(holder), "vxlan");
        ck_assert_str_eq(aiu_holder_get_kernel_user_name(holder), device);
        /* Its socket shares nothing: known without a descriptor to ask. */
        ck_assert_int_eq(aiu_report_would_succeed_with(report, AIU_OPTION_REUSEADDR), AIU_TRISTATE_NO);
        ck_assert_int_eq(aiu_report_to_json(report, 0, &json), 0);
        ck_assert_ptr_nonnull(strstr(json, "\"kernel_user\":\"vxlan\""));
        free(json);
        action = find_action(report, 0);
        ck_assert_ptr_nonnull(action);
        ck_assert_int_eq(aiu_action_is_sufficient(action), AIU_TRISTATE_YES);
        ck_assert_uint_eq(aiu_action_get_flags(action) & AIU_ACTION_DISRUPTIVE, AIU_ACTION_DISRUPTIVE);
        carry_out(action);
        ck_assert_int_eq(real_bind(), 0);
        aiu_report_unref(report);
}

START_TEST(vxlan)
{
        ip("link set lo up");
        if (!make_vxlan("vx0", "id 5 dstport 4789 local 127.0.0.1"))
                return;
        ip("link set vx0 up");
        check_vxlan("127.0.0.1", 4789, "vx0");
        ck_assert(make_vxlan("-vx1", "external dstport 4790"));
        ip("link set dev -vx1 up");
        check_vxlan("::1", 4790, "-vx1");
}
END_TEST

/* Two devices share the socket: neither action is enough alone, both are. */
START_TEST(two_devices)
{
        struct aiu_report *report;

        ip("link set lo up");
        if (!make_vxlan("vx0", "id 5 dstport 4789 local 127.0.0.1"))
                return;
        ck_assert(make_vxlan("vx1", "id 6 dstport 4789 local 127.0.0.1"));
        ip("link set vx0 up");
        ip("link set vx1 up");
        report = ask_udp("127.0.0.1", 4789);
        ck_assert_uint_eq(aiu_conflict_get_n_holders(aiu_report_get_conflict(report, 0)), 2);
        ck_assert_int_eq(aiu_action_is_sufficient(find_action(report, 0)), AIU_TRISTATE_NO);
        ck_assert_int_eq(aiu_action_is_sufficient(find_action(report, 1)), AIU_TRISTATE_NO);
        set_ip("127.0.0.1", 4789, SOCK_DGRAM);
        carry_out(find_action(report, 0));
        ck_assert_int_eq(real_bind(), EADDRINUSE);
        carry_out(find_action(report, 1));
        ck_assert_int_eq(real_bind(), 0);
        aiu_report_unref(report);
}
END_TEST

static void add_live(Suite *suite)
{
        TCase *tcase;

        if (!can_enter_namespaces() || !have_ip()) {
                puts("left out: vxlan: may not make namespaces, or there is no ip(8)");
                return;
        }
        tcase = tcase_create("live");
        tcase_set_timeout(tcase, 60); /* a busy machine: the scan looks at every process */
        tcase_add_checked_fixture(tcase, enter_namespaces, forget_snapshot);
        tcase_add_test(tcase, vxlan);
        tcase_add_test(tcase, two_devices);
        suite_add_tcase(suite, tcase);
}

int main(void)
{
        const TTest *const plain[] = {
                devices, other_devices, other_sockets, both_families, broken_messages, spoilt_messages, families,
                fou,     l2tp,          nfsd,          nfs_mount,     rxrpc,           not_claimed,     senseless_facts,
        };
        Suite *suite = suite_create("kernel-user");
        TCase *tcase = tcase_create("messages");

        for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
                tcase_add_test(tcase, plain[i]);
        suite_add_tcase(suite, tcase);
        add_live(suite);
        return run_suite(suite);
}
