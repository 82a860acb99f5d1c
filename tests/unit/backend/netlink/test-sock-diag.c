/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sock-diag-inet.c, sock-diag-unix.c, sock-diag-number.c: what one answer of the kernel says of a socket. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink_diag.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include <linux/vm_sockets.h>
#include <linux/vm_sockets_diag.h>

#include "util/macro.h"
#include "fixture/run-suite.h"
#include "backend/netlink/sock-diag.h"
#include "fixture/spoil.h"

static struct nl_msg *message;
static struct sock_diag_socket found;

static void finish(void)
{
        nlmsg_free(message);
        message = NULL;
}

static void begin(const void *body, size_t bytes)
{
        nlmsg_free(message);
        message = nlmsg_alloc_simple(SOCK_DIAG_BY_FAMILY, 0);
        ck_assert_ptr_nonnull(message);
        ck_assert_int_eq(nlmsg_append(message, (void *)(uintptr_t)body, bytes, NLMSG_ALIGNTO), 0);
}

static int parse_inet(int protocol)
{
        return sock_diag_parse_inet(nlmsg_hdr(message), protocol, &found);
}

static int parse_unix(void)
{
        return sock_diag_parse_unix(nlmsg_hdr(message), &found);
}

static struct inet_diag_msg inet_message(int family)
{
        struct inet_diag_msg m = {
                .idiag_family = (uint8_t)family, .idiag_state = 10, .idiag_inode = 7, .idiag_uid = 1000
        };

        m.id.idiag_sport = htons(80);
        m.id.idiag_src[0] = family == AF_INET ? htonl(0x7f000001) : htonl(0xfe800000);
        m.id.idiag_if = 3;
        m.id.idiag_cookie[0] = 1;
        m.id.idiag_cookie[1] = 2;
        return m;
}

/* include/net/tcp_states.h */
START_TEST(inet_states)
{
        for (unsigned int state = 0; state < 256; state++) {
                struct inet_diag_msg m = inet_message(AF_INET);

                m.idiag_state = (uint8_t)state;
                begin(&m, sizeof(m));
                ck_assert_int_eq(parse_inet(IPPROTO_TCP), 1);
                ck_assert_int_eq(found.fact.state, state == 7    ? AIU_STATE_BOUND
                                                   : state == 12 ? AIU_STATE_SYN_RECV
                                                   : state < 12  ? (enum aiu_state)state
                                                                 : AIU_STATE_UNKNOWN);
                ck_assert_int_eq(found.fact.minisock, AIU_TRISTATE_UNKNOWN);
        }
}
END_TEST

START_TEST(inet_fields)
{
        struct inet_diag_msg m = inet_message(AF_INET);
        const struct sockaddr_in6 *in6;
        uint64_t cgroup = 99;

        begin(&m, sizeof(m));
        nla_put_u8(message, INET_DIAG_SKV6ONLY, 1);
        nla_put(message, INET_DIAG_CGROUP_ID, sizeof(cgroup), &cgroup);
        ck_assert_int_eq(parse_inet(IPPROTO_UDP), 1);
        ck_assert_int_eq(found.fact.type, SOCK_DGRAM);
        ck_assert_int_eq(found.fact.v6only, AIU_TRISTATE_YES);
        ck_assert_uint_eq(found.fact.cgroup_id, 99);
        ck_assert_uint_eq(found.fact.cookie, UINT64_C(0x200000001));
        ck_assert_ptr_null(found.fact.peer);
        m = inet_message(AF_INET6);
        m.id.idiag_dport = htons(81);
        begin(&m, sizeof(m));
        nla_put_u8(message, INET_DIAG_SKV6ONLY, 0);
        ck_assert_int_eq(parse_inet(IPPROTO_TCP), 1);
        in6 = (const void *)found.fact.local;
        ck_assert_uint_eq(in6->sin6_scope_id, 3); /* of a link-local address only */
        in6 = (const void *)found.fact.peer;
        ck_assert_uint_eq(in6->sin6_scope_id, 0);
        ck_assert_int_eq(found.fact.v6only, AIU_TRISTATE_NO);
}
END_TEST

/* inet_twsk_diag_fill(): the timer tells, whatever the state says; a socket with an inode is none. */
START_TEST(minisocks)
{
        static const struct {
                uint8_t state, timer;
                uint32_t inode;
                enum aiu_tristate minisock;
        } rows[] = {
                { 6, 3, 0, AIU_TRISTATE_YES },     { 6, 0, 0, AIU_TRISTATE_YES },     { 5, 3, 0, AIU_TRISTATE_YES },
                { 5, 0, 0, AIU_TRISTATE_UNKNOWN }, { 6, 3, 7, AIU_TRISTATE_UNKNOWN },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct inet_diag_msg m = inet_message(AF_INET);

                m.idiag_state = rows[i].state;
                m.idiag_timer = rows[i].timer;
                m.idiag_inode = rows[i].inode;
                m.idiag_expires = 5;
                begin(&m, sizeof(m));
                ck_assert_int_eq(parse_inet(IPPROTO_TCP), 1);
                ck_assert_int_eq(found.fact.minisock, rows[i].minisock);
                ck_assert_uint_eq(found.fact.expires_usec, rows[i].minisock == AIU_TRISTATE_YES ? 5000 : 0);
        }
}
END_TEST

START_TEST(no_sockets_of_ports)
{
        struct inet_diag_msg m = inet_message(AF_INET);
        struct unix_diag_msg u = { .udiag_family = AF_INET };

        m.id.idiag_sport = 0;
        begin(&m, sizeof(m));
        ck_assert_int_eq(parse_inet(IPPROTO_TCP), 0);
        m = inet_message(AF_UNIX);
        begin(&m, sizeof(m));
        ck_assert_int_eq(parse_inet(IPPROTO_TCP), 0);
        begin(&m, sizeof(m) - 4);
        ck_assert_int_eq(parse_inet(IPPROTO_TCP), -EBADMSG);
        begin(&u, sizeof(u));
        ck_assert_int_eq(parse_unix(), 0);
        begin(&u, sizeof(u) - 4);
        ck_assert_int_eq(parse_unix(), -EBADMSG);
        u.udiag_family = AF_UNIX;
        begin(&u, sizeof(u));
        ck_assert_int_eq(parse_unix(), 0); /* no name */
}
END_TEST

static void begin_unix(uint8_t state, const char *name, int bytes)
{
        struct unix_diag_msg u = {
                .udiag_family = AF_UNIX, .udiag_type = SOCK_STREAM, .udiag_state = state, .udiag_ino = 7
        };
        struct unix_diag_vfs vfs = { .udiag_vfs_ino = 5, .udiag_vfs_dev = 8u << 20 | 1u };

        begin(&u, sizeof(u));
        nla_put(message, UNIX_DIAG_NAME, bytes, name);
        nla_put(message, UNIX_DIAG_VFS, sizeof(vfs), &vfs);
        nla_put_u32(message, UNIX_DIAG_UID, 1000);
        nla_put_u32(message, UNIX_DIAG_PEER, 9);
}

START_TEST(unix_fields)
{
        static const struct {
                uint8_t kernel;
                enum aiu_state state;
        } states[] = {
                { 10, AIU_STATE_LISTEN }, { 1, AIU_STATE_ESTABLISHED }, { 7, AIU_STATE_BOUND }, { 2, AIU_STATE_UNKNOWN }
        };
        char longest[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1], longer[sizeof(longest) + 1];

        for (size_t i = 0; i < ELEMENTSOF(states); i++) {
                begin_unix(states[i].kernel, "/a", 2);
                ck_assert_int_eq(parse_unix(), 1);
                ck_assert_int_eq(found.fact.state, states[i].state);
        }
        ck_assert_uint_eq(found.fact.local_len, offsetof(struct sockaddr_un, sun_path) + 2);
        ck_assert_uint_eq(found.fact.uid, 1000);
        ck_assert_uint_eq(found.fact.vfs_inode, 5);
        ck_assert_uint_eq(found.fact.vfs_device, makedev(8, 1));
        memset(longest, 'x', sizeof(longest));
        memset(longer, 'x', sizeof(longer));
        begin_unix(10, longest, sizeof(longest) - 1);
        ck_assert_int_eq(parse_unix(), 1);
        ck_assert_uint_eq(found.fact.local_len, sizeof(struct sockaddr_un));
        /* 108 bytes without a NUL: the kernel tells its own. */
        begin_unix(10, longest, sizeof(longest));
        ck_assert_int_eq(parse_unix(), 1);
        ck_assert_uint_eq(found.fact.local_len, sizeof(struct sockaddr_un));
        begin_unix(10, longer, sizeof(longer));
        ck_assert_int_eq(parse_unix(), 0);
}
END_TEST

static void look_at_inet(void *userdata)
{
        (void)userdata;
        ck_assert_int_eq(parse_inet(IPPROTO_TCP), 1);
}

static void look_at_unix(void *userdata)
{
        int r = parse_unix();

        (void)userdata;
        ck_assert(r == 0 || r == 1);
}

START_TEST(spoilt)
{
        struct inet_diag_msg m = inet_message(AF_INET6);
        uint64_t cgroup = 99;

        begin(&m, sizeof(m));
        nla_put_u8(message, INET_DIAG_SKV6ONLY, 1);
        nla_put(message, INET_DIAG_CGROUP_ID, sizeof(cgroup), &cgroup);
        spoil_attributes(nlmsg_attrdata(nlmsg_hdr(message), sizeof(m)), nlmsg_attrlen(nlmsg_hdr(message), sizeof(m)), 0,
                         look_at_inet, NULL);
        begin_unix(10, "/a", 2);
        spoil_attributes(nlmsg_attrdata(nlmsg_hdr(message), sizeof(struct unix_diag_msg)),
                         nlmsg_attrlen(nlmsg_hdr(message), sizeof(struct unix_diag_msg)), 0, look_at_unix, NULL);
}
END_TEST

static int parse_vsock(const struct vsock_diag_msg *m, size_t bytes)
{
        begin(m, bytes);
        return sock_diag_parse_vsock(nlmsg_hdr(message), &found);
}

START_TEST(vsock_fields)
{
        static const struct {
                uint8_t state;
                enum aiu_state expected;
        } states[] = { { 1, AIU_STATE_ESTABLISHED }, { 2, AIU_STATE_SYN_SENT }, { 7, AIU_STATE_BOUND },
                       { 10, AIU_STATE_LISTEN },     { 11, AIU_STATE_CLOSING }, { 99, AIU_STATE_BOUND } };
        struct vsock_diag_msg m = { .vdiag_family = AF_VSOCK,
                                    .vdiag_type = SOCK_STREAM,
                                    .vdiag_src_cid = 3,
                                    .vdiag_src_port = 5000,
                                    .vdiag_dst_cid = VMADDR_CID_ANY,
                                    .vdiag_dst_port = VMADDR_PORT_ANY,
                                    .vdiag_ino = 7,
                                    .vdiag_cookie = { 1, 2 } };
        const struct sockaddr_vm *local, *peer;

        for (size_t i = 0; i < ELEMENTSOF(states); i++) {
                m.vdiag_state = states[i].state;
                ck_assert_int_eq(parse_vsock(&m, sizeof(m)), 1);
                ck_assert_int_eq(found.fact.state, states[i].expected);
        }
        local = (const struct sockaddr_vm *)found.fact.local;
        ck_assert_int_eq(local->svm_family, AF_VSOCK);
        ck_assert_uint_eq(local->svm_cid, 3);
        ck_assert_uint_eq(local->svm_port, 5000);
        ck_assert_uint_eq(found.fact.local_len, sizeof(*local));
        ck_assert_ptr_null(found.fact.peer);
        ck_assert_uint_eq(found.fact.inode, 7);
        ck_assert_uint_eq(found.fact.cookie, UINT64_C(2) << 32 | 1);
        ck_assert_uint_eq(found.fact.uid, (uid_t)-1);
        m.vdiag_dst_cid = 2;
        m.vdiag_dst_port = 9;
        ck_assert_int_eq(parse_vsock(&m, sizeof(m)), 1);
        peer = (const struct sockaddr_vm *)found.fact.peer;
        ck_assert_uint_eq(peer->svm_cid, 2);
        ck_assert_uint_eq(peer->svm_port, 9);
        ck_assert_int_eq(parse_vsock(&m, sizeof(m) - 4), -EBADMSG);
        m.vdiag_src_port = VMADDR_PORT_ANY; /* not bound */
        ck_assert_int_eq(parse_vsock(&m, sizeof(m)), 0);
        m.vdiag_src_port = 1;
        m.vdiag_family = AF_UNIX;
        ck_assert_int_eq(parse_vsock(&m, sizeof(m)), 0);
}
END_TEST

static int parse_netlink(const struct netlink_diag_msg *m, size_t bytes)
{
        begin(m, bytes);
        return sock_diag_parse_netlink(nlmsg_hdr(message), NETLINK_XFRM, &found);
}

START_TEST(netlink_fields)
{
        struct netlink_diag_msg m = { .ndiag_family = AF_NETLINK,
                                      .ndiag_type = SOCK_RAW,
                                      .ndiag_protocol = NETLINK_XFRM,
                                      .ndiag_portid = 4242,
                                      .ndiag_ino = 7,
                                      .ndiag_cookie = { 1, 2 } };
        const struct sockaddr_nl *local;

        ck_assert_int_eq(parse_netlink(&m, sizeof(m)), 1);
        local = (const struct sockaddr_nl *)found.fact.local;
        ck_assert_int_eq(local->nl_family, AF_NETLINK);
        ck_assert_uint_eq(local->nl_pid, 4242);
        ck_assert_uint_eq(found.fact.local_len, sizeof(*local));
        ck_assert_int_eq(found.fact.type, SOCK_RAW);
        ck_assert_int_eq(found.fact.protocol, NETLINK_XFRM);
        ck_assert_int_eq(found.fact.state, AIU_STATE_BOUND);
        ck_assert_uint_eq(found.fact.inode, 7);
        ck_assert_uint_eq(found.fact.cookie, UINT64_C(2) << 32 | 1);
        ck_assert_int_eq(parse_netlink(&m, sizeof(m) - 4), -EBADMSG);
        m.ndiag_protocol = NETLINK_ROUTE;
        ck_assert_int_eq(parse_netlink(&m, sizeof(m)), 0);
        m.ndiag_protocol = NETLINK_XFRM;
        m.ndiag_portid = 0; /* the kernel's own */
        ck_assert_int_eq(parse_netlink(&m, sizeof(m)), 0);
        m.ndiag_portid = 1;
        m.ndiag_family = AF_UNIX;
        ck_assert_int_eq(parse_netlink(&m, sizeof(m)), 0);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("sock-diag");
        TCase *tcase = tcase_create("all");

        tcase_add_checked_fixture(tcase, NULL, finish);
        tcase_add_test(tcase, inet_states);
        tcase_add_test(tcase, inet_fields);
        tcase_add_test(tcase, minisocks);
        tcase_add_test(tcase, no_sockets_of_ports);
        tcase_add_test(tcase, unix_fields);
        tcase_add_test(tcase, vsock_fields);
        tcase_add_test(tcase, netlink_fields);
        tcase_add_test(tcase, spoilt);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
