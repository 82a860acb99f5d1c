/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Target "link": what rtnetlink and generic netlink tell of tunnels and VRFs, and /proc of
 * the kernel's servers. No user is named for a socket that does not exist.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>

#include "backend/kernel-user/kernel-user.h"
#include "backend/netlink/route.h"
#include "fuzz.h"
#include "snapshot/snapshot.h"

#define FOU 0x1e /* what the kernel happens to call them */
#define L2TP 0x1f

static void add_socket(struct aiu_snapshot *snapshot, int protocol, uint16_t port, uint64_t inode)
{
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
        struct aiu_socket_fact fact = {
                .size = sizeof(fact),
                .type = protocol == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM,
                .protocol = protocol,
                .state = AIU_STATE_BOUND,
                .local = (struct sockaddr *)&in,
                .local_len = sizeof(in),
                .inode = inode,
        };

        require(aiu_snapshot_add_socket(snapshot, &fact) == 0);
}

static int run(struct user_search *search, uint8_t which, struct bytes in)
{
        static netlink_handler *const handlers[] = { user_take_link, user_take_family, user_take_fou, user_take_l2tp };
        static const uint16_t types[] = { RTM_NEWLINK, GENL_ID_CTRL, FOU, L2TP };
        static int (*const texts[])(struct user_search *, const char *) = { user_take_portlist, user_take_nfs_servers,
                                                                            user_take_rxrpc };
        struct nlmsghdr *message;
        char *text;
        int r;

        if (which < 4) {
                message = fuzz_message(in.at, in.n);
                message->nlmsg_type = types[which];
                r = handlers[which](search, message);
                free(message);
                return r;
        }
        text = fuzz_string(in.at, in.n);
        r = texts[which - 4](search, text);
        free(text);
        return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct bytes in = { data, size };
        uint8_t which = take_byte(&in) % 8;
        int protocol = take_byte(&in) & 1 ? IPPROTO_TCP : IPPROTO_UDP, r;
        uint16_t port = (uint16_t)take_number(&in, 2);
        uint64_t inode = 7;
        struct aiu_request request = { .size = sizeof(request), .protocol = protocol, .port = port, .procfs = -1 };
        struct aiu_snapshot snapshot;
        struct user_search search = { .request = &request, .snapshot = &snapshot, .fou = FOU, .l2tp = L2TP };
        struct route_link link = { 0 };

        if (which == 7) {
                struct nlmsghdr *message = fuzz_message(in.at, in.n);

                message->nlmsg_type = RTM_NEWLINK;
                r = route_take_link(&link, message);
                require(r <= 0);
                free(message);
                return 0;
        }
        snapshot_init(&snapshot);
        snapshot.backend = "fuzz";
        add_socket(&snapshot, protocol, port, inode);
        require(snapshot_want_inodes(&snapshot, &inode, 1) == 0);
        r = run(&search, which, in);
        require(r <= 0);
        for (size_t i = 0; i < snapshot.n_kernel_users; i++)
                require(snapshot.kernel_users[i].service && snapshot.kernel_users[i].inode == inode);
        snapshot_finish(&snapshot);
        return 0;
}
