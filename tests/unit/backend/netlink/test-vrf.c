/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VRFs: the rule, the messages that tell of one, and, where the kernel has the
 * driver, the rule against real bind(2) for TCP and UDP. The messages were not
 * captured: they are made as rtnl_fill_ifinfo() and vrf_fillinfo() of Linux 6.12
 * write them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/netlink/route.h"
#include "rules/conflict.h"
#include "fixture/host-fixture.h"
#include "util/macro.h"
#include "fixture/run-suite.h"
#include "fixture/port-table.h"

/* ------------------------------------------------------ the rule */

enum { ETH0 = 2, ETH1 = 3, RED = 10, BLUE = 11 };

static const struct {
        unsigned int backend_request, asked_vrf, held, held_vrf;
        tristate tcp, udp;
} rows[] = {
        { 0, 0, 0, 0, YES, YES },
        /* without a device, and in a VRF: two tables for TCP, one for UDP */
        { 0, 0, RED, RED, NO, YES },
        { RED, RED, 0, 0, NO, YES },
        { 0, 0, ETH0, RED, NO, YES },
        { ETH0, RED, 0, 0, NO, YES },
        /* a device in no VRF; and tcp_l3mdev_accept, by which none is */
        { 0, 0, ETH0, 0, YES, YES },
        { ETH0, 0, 0, 0, YES, YES },
        { RED, 0, 0, 0, YES, YES },
        { RED, RED, RED, RED, YES, YES },
        { ETH0, RED, ETH0, RED, YES, YES },
        /* two devices never meet, of one VRF or not */
        { RED, RED, BLUE, BLUE, NO, NO },
        { RED, RED, ETH0, RED, NO, NO },
        { ETH0, RED, ETH1, RED, NO, NO },
        /* which VRF was not told; the same device is the same in any */
        { 0, 0, ETH0, IFINDEX_UNKNOWN, UNKNOWN, YES },
        { ETH0, IFINDEX_UNKNOWN, 0, 0, UNKNOWN, YES },
        { ETH0, IFINDEX_UNKNOWN, ETH0, IFINDEX_UNKNOWN, YES, YES },
        { ETH0, IFINDEX_UNKNOWN, ETH1, IFINDEX_UNKNOWN, NO, NO },
};

static tristate judge(size_t row, int protocol)
{
        struct request q = table_request("127.0.0.1");
        struct socket h = table_socket("0.0.0.0", protocol == IPPROTO_TCP ? AIU_STATE_LISTEN : AIU_STATE_BOUND);
        struct host host = table_host();
        tristate search;

        if (protocol == IPPROTO_UDP) {
                q.type = h.type = SOCK_DGRAM;
                q.protocol = h.protocol = IPPROTO_UDP;
        }
        q.ifindex = rows[row].backend_request;
        q.l3mdev = protocol == IPPROTO_TCP ? rows[row].asked_vrf : 0;
        h.ifindex = rows[row].held;
        h.l3mdev = protocol == IPPROTO_TCP ? rows[row].held_vrf : 0;
        search = conflict_judge_search(&q, &h, &host, false).blocking;
        ck_assert_msg(search == conflict_judge(&q, &h, &host).blocking, "row %zu: the search differs", row);
        return search;
}

START_TEST(rule)
{
        ck_assert_msg(judge((size_t)_i, IPPROTO_TCP) == rows[_i].tcp, "row %d, TCP", _i);
        ck_assert_msg(judge((size_t)_i, IPPROTO_UDP) == rows[_i].udp, "row %d, UDP", _i);
}
END_TEST

/* ------------------------------------------------------ messages */

static struct nl_msg *link_message(const char *kind, uint32_t table, uint32_t master)
{
        struct ifinfomsg header = { .ifi_index = 5, .ifi_flags = IFF_UP };
        struct nl_msg *message = nlmsg_alloc_simple(RTM_NEWLINK, 0);
        struct nlattr *info, *data;

        ck_assert_int_ge(nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO), 0);
        nla_put_string(message, IFLA_IFNAME, "if5");
        if (master)
                nla_put_u32(message, IFLA_MASTER, master);
        if (!kind)
                return message;
        info = nla_nest_start(message, IFLA_LINKINFO);
        nla_put_string(message, IFLA_INFO_KIND, kind);
        data = nla_nest_start(message, IFLA_INFO_DATA);
        if (table)
                nla_put_u32(message, IFLA_VRF_TABLE, table);
        nla_nest_end(message, data);
        nla_nest_end(message, info);
        return message;
}

static struct route_link take(struct nl_msg *message)
{
        struct route_link link = { 0 };

        ck_assert_int_eq(route_take_link(&link, nlmsg_hdr(message)), 0);
        nlmsg_free(message);
        return link;
}

START_TEST(messages)
{
        struct route_link vrf = take(link_message("vrf", 10, 0)), slave = take(link_message(NULL, 0, 10));
        struct route_link bridge = take(link_message("bridge", 0, 0));

        ck_assert_uint_eq(vrf.vrf_table, 10);
        ck_assert_uint_eq(vrf.master, 0);
        ck_assert_uint_eq(slave.master, 10);
        ck_assert_uint_eq(slave.vrf_table, 0);
        ck_assert_uint_eq(bridge.vrf_table, 0);
}
END_TEST

START_TEST(told_once_for_all)
{
        struct aiu_snapshot s;
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(80) };
        struct aiu_socket_fact fact = {
                .size = sizeof(fact),
                .type = SOCK_STREAM,
                .protocol = IPPROTO_TCP,
                .state = AIU_STATE_LISTEN,
                .local = (struct sockaddr *)&in,
                .local_len = sizeof(in),
                .ifindex = ETH0,
        };
        unsigned int l3mdev;

        snapshot_init(&s);
        ck_assert_int_eq(aiu_snapshot_add_socket(&s, &fact), 0);
        fact.ifindex = 0;
        ck_assert_int_eq(aiu_snapshot_add_socket(&s, &fact), 0);
        fact.ifindex = AIU_IFINDEX_UNKNOWN;
        ck_assert_int_eq(aiu_snapshot_add_socket(&s, &fact), 0);
        ck_assert_uint_eq(s.sockets[0].l3mdev, IFINDEX_UNKNOWN);
        ck_assert_uint_eq(s.sockets[1].l3mdev, 0);
        ck_assert_uint_eq(s.sockets[2].l3mdev, 0);
        ck_assert_int_eq(aiu_snapshot_get_device(&s, ETH0, &l3mdev), 0);
        ck_assert_int_eq(aiu_snapshot_add_device(&s, ETH0, RED), 0);
        ck_assert_uint_eq(s.sockets[0].l3mdev, RED);
        ck_assert_uint_eq(s.sockets[1].l3mdev, 0);
        ck_assert_int_eq(aiu_snapshot_get_device(&s, ETH0, &l3mdev), 1);
        ck_assert_uint_eq(l3mdev, RED);
        ck_assert_int_eq(aiu_snapshot_add_device(&s, 0, RED), -EINVAL);
        ck_assert_int_eq(aiu_snapshot_add_device(NULL, ETH0, RED), -EINVAL);
        snapshot_finish(&s);
}
END_TEST

/* ------------------------------------------------------ live */

/* A real socket on port 8080 of every address, bound to a device or to none; -1 and errno if bind() fails. */
static int bound(const char *device, int type)
{
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(8080) };
        int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), error;

        ck_assert_int_ge(fd, 0);
        if (device)
                ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device) + 1), 0);
        if (bind(fd, (struct sockaddr *)&in, sizeof(in)) == 0)
                return fd;
        error = errno;
        close(fd);
        errno = error;
        return -1;
}

static struct aiu_report *ask_about(const char *device, int type)
{
        struct aiu_context *context;
        struct aiu_query *query;
        struct aiu_report *report;

        ck_assert_int_eq(aiu_context_new(&context), 0);
        aiu_context_disable_backend(context, "proc-fd");
        aiu_context_set_deadline_usec(context, 0);
        ck_assert_int_eq(aiu_query_new(context, &query), 0);
        aiu_context_unref(context);
        ck_assert_int_eq(aiu_query_set_socket(query, type, 0), 0);
        ck_assert_int_eq(aiu_query_set_address_string(query, "0.0.0.0", 8080), 0);
        ck_assert_int_eq(aiu_query_set_device(query, device), 0);
        ck_assert_int_eq(aiu_query_run(query, &report), 0);
        aiu_query_unref(query);
        return report;
}

static void compare(const char *holder, const char *asker, int type)
{
        int held = bound(holder, type), fd, error;
        struct aiu_report *report;

        ck_assert_int_ge(held, 0);
        report = ask_about(asker, type);
        fd = bound(asker, type);
        error = fd < 0 ? errno : 0;
        ck_assert_msg(aiu_report_get_error(report) == error &&
                              aiu_report_get_verdict(report) == (error ? AIU_VERDICT_IN_USE : AIU_VERDICT_AVAILABLE),
                      "%s, held on %s, asked on %s: bind() gives %s, the report %s",
                      type == SOCK_STREAM ? "TCP" : "UDP", holder ? holder : "none", asker ? asker : "none",
                      error ? strerror(error) : "0", aiu_report_get_summary(report));
        aiu_report_unref(report);
        if (fd >= 0)
                close(fd);
        close(held);
}

static void compare_all(const char *const *devices, size_t n)
{
        for (size_t holder = 0; holder < n; holder++)
                for (size_t asker = 0; asker < n; asker++) {
                        compare(devices[holder], devices[asker], SOCK_STREAM);
                        compare(devices[holder], devices[asker], SOCK_DGRAM);
                }
}

/* Devices in no VRF; one of them has another kind of master. */
START_TEST(plain_devices)
{
        static const char *const devices[] = { NULL, "lo", "v0", "v1" };

        ip("link set lo up");
        ip("link add v0 type veth peer name v1");
        if (try_ip("link add br0 type bridge") == 0)
                ip("link set v1 master br0");
        compare_all(devices, ELEMENTSOF(devices));
}
END_TEST

START_TEST(vrf)
{
        static const char *const devices[] = { NULL, "lo", "red", "blue", "v0", "v1" };

        if (try_ip("link add red type vrf table 10") != 0) {
                puts("left out: real VRFs: this kernel has none");
                return;
        }
        ip("link set lo up");
        ip("link add blue type vrf table 11");
        ip("link add v0 type veth peer name v1");
        ip("link set v0 master red");
        for (int accept = 0; accept < 2; accept++) {
                write_file("/proc/sys/net/ipv4/tcp_l3mdev_accept", accept ? "1" : "0");
                write_file("/proc/sys/net/ipv4/udp_l3mdev_accept", accept ? "1" : "0");
                compare_all(devices, ELEMENTSOF(devices));
        }
}
END_TEST

static void add_live(Suite *suite)
{
        TCase *tcase;

        if (!can_enter_namespaces() || !have_ip()) {
                puts("left out: real sockets: may not make namespaces, or there is no ip(8)");
                return;
        }
        tcase = tcase_create("live");
        tcase_set_timeout(tcase, 60); /* a busy machine: the scan looks at every process */
        tcase_add_checked_fixture(tcase, enter_namespaces, forget_snapshot);
        tcase_add_test(tcase, plain_devices);
        tcase_add_test(tcase, vrf);
        suite_add_tcase(suite, tcase);
}

int main(void)
{
        Suite *suite = suite_create("vrf");
        TCase *tcase = tcase_create("rule");

        tcase_add_loop_test(tcase, rule, 0, ELEMENTSOF(rows));
        tcase_add_test(tcase, messages);
        tcase_add_test(tcase, told_once_for_all);
        suite_add_tcase(suite, tcase);
        add_live(suite);
        return run_suite(suite);
}
