/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Corners that no random case meets often: each is asked before the call, then the kernel
 * decides, then its errno is explained. Usage: test-corners UID
 */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "addrinuse.h"
#include "fixture/run-suite.h"
#include "live.h"

#define PORT 5100

enum expected {
        EXACT,           /* the verdict foretells what the kernel does */
        UNKNOWN_WITH_GAP /* it may be unknown, and then says why */
};

static struct sockaddr_in ip4(const char *text, uint16_t port)
{
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

        ck_assert_int_eq(inet_pton(AF_INET, text, &a.sin_addr), 1);
        return a;
}

static void bind_to(int fd, const char *text, uint16_t port)
{
        struct sockaddr_in a = ip4(text, port);

        ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
}

static int make(int family, int type, int protocol)
{
        int fd = socket(family, type, protocol);

        ck_assert_int_ge(fd, 0);
        return fd;
}

static void compare(struct aiu_report *report, int error, enum expected expected)
{
        const char *text = aiu_report_get_summary(report);

        ck_assert_ptr_nonnull(report);
        if (aiu_report_get_verdict(report) == AIU_VERDICT_UNKNOWN) {
                ck_assert_msg(expected == UNKNOWN_WITH_GAP && aiu_report_get_n_gaps(report) > 0, "%s", text);
        } else {
                ck_assert_msg((aiu_report_get_verdict(report) == AIU_VERDICT_AVAILABLE) == (error == 0), "%s, but %d",
                              text, error);
                ck_assert_msg(aiu_report_get_error(report) == error, "%s, but %d", text, error);
        }
        aiu_report_unref(report);
}

static int check_bind(int fd, const void *address, socklen_t bytes, enum expected expected)
{
        struct aiu_report *report = aiu_explain_bind(fd, address, bytes, 0);
        int error = bind(fd, address, bytes) < 0 ? errno : 0;

        compare(report, error, expected);
        if (error)
                compare(aiu_explain_bind(fd, address, bytes, error), error, EXACT);
        return error;
}

static int check_listen(int fd, enum expected expected)
{
        struct aiu_report *report = aiu_explain_listen(fd, 0);
        int error = listen(fd, 5) < 0 ? errno : 0;

        compare(report, error, expected);
        if (error)
                compare(aiu_explain_listen(fd, error), error, EXACT);
        return error;
}

/* ------------------------------------------------------ listen() */

/* A backlog may be changed at any time, no matter which clients have connected. */
START_TEST(listen_again)
{
        struct sockaddr_in a = ip4("127.0.0.1", PORT);
        int protocol = _i ? IPPROTO_MPTCP : IPPROTO_TCP, fd = socket(AF_INET, SOCK_STREAM, protocol), client;

        if (fd < 0)
                return; /* no MPTCP here */
        bind_to(fd, "0.0.0.0", PORT);
        ck_assert_int_eq(check_listen(fd, EXACT), 0);
        client = make(AF_INET, SOCK_STREAM, 0);
        ck_assert_int_eq(connect(client, (struct sockaddr *)&a, sizeof(a)), 0);
        ck_assert_int_eq(check_listen(fd, EXACT), 0);
        ck_assert_int_eq(close(client), 0);
        ck_assert_int_eq(check_listen(fd, EXACT), 0);
        ck_assert_int_eq(close(fd), 0);
}
END_TEST

/* ------------------------------------------------------ the address */

START_TEST(long_address)
{
        char bytes[160] = "";
        struct sockaddr_in a = ip4("127.0.0.1", PORT);

        memcpy(bytes, &a, sizeof(a));
        for (socklen_t n = 127; n <= 130; n++) {
                int fd = make(AF_INET, SOCK_STREAM, 0);

                ck_assert_int_eq(check_bind(fd, bytes, n, EXACT), n > 128 ? EINVAL : 0);
                close(fd);
        }
}
END_TEST

/* Half a sin6_scope_id is none. */
START_TEST(part_of_a_scope)
{
        struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(PORT), .sin6_scope_id = 1 };
        int fd = socket(AF_INET6, SOCK_DGRAM, 0);

        if (fd < 0)
                return;
        ck_assert_int_eq(inet_pton(AF_INET6, "ff02::1", &a.sin6_addr), 1);
        for (socklen_t n = 24; n < sizeof(a); n++)
                ck_assert_int_eq(check_bind(fd, &a, n, EXACT), EINVAL);
        ck_assert_int_eq(check_bind(fd, &a, sizeof(a), EXACT), 0);
        close(fd);
}
END_TEST

START_TEST(connected_mptcp_and_foreign_family)
{
        struct sockaddr_un path = { AF_UNIX, "/run/corner" };
        struct sockaddr_in a = ip4("127.0.0.1", PORT);
        int fd = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP), listener;

        if (fd < 0)
                return; /* no MPTCP here */
        ck_assert_int_eq(check_bind(fd, &path, sizeof(path), EXACT), EAFNOSUPPORT);
        listener = make(AF_INET, SOCK_STREAM, 0);
        bind_to(listener, "127.0.0.1", PORT);
        ck_assert_int_eq(listen(listener, 1), 0);
        ck_assert_int_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
        ck_assert_int_eq(check_bind(fd, &path, sizeof(path), EXACT), EINVAL);
        close(fd);
        close(listener);
}
END_TEST

/* The family alone: an abstract name of the kernel's choice, even for a socket that has one. */
START_TEST(autobind)
{
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        int fd = make(AF_UNIX, _i ? SOCK_DGRAM : SOCK_STREAM, 0), ip = make(AF_INET, SOCK_STREAM, 0);
        struct aiu_report *report = aiu_explain_bind(fd, (struct sockaddr *)&a, sizeof(a.sun_family), 0);

        ck_assert_ptr_nonnull(strstr(aiu_report_get_summary(report), "gets a name of the kernel's choice"));
        aiu_report_unref(report);
        ck_assert_int_eq(check_bind(fd, &a, sizeof(a.sun_family), EXACT), 0);
        ck_assert_int_eq(check_bind(fd, &a, sizeof(a.sun_family), EXACT), 0);
        ck_assert_int_eq(check_bind(ip, &a, sizeof(a.sun_family), EXACT), EINVAL);
        close(ip);
        close(fd);
}
END_TEST

START_TEST(no_family)
{
        struct sockaddr_in a = { .sin_port = htons(PORT) };
        int fd = make(AF_INET, SOCK_STREAM, 0), second = make(AF_INET, SOCK_STREAM, 0);
        int path = make(AF_UNIX, SOCK_STREAM, 0), six = socket(AF_INET6, SOCK_STREAM, 0);

        ck_assert_int_eq(check_bind(fd, &a, sizeof(a), EXACT), 0);
        ck_assert_int_eq(check_bind(second, &a, sizeof(a), EXACT), EADDRINUSE);
        ck_assert_int_eq(check_bind(path, &a, sizeof(a), EXACT), EINVAL);
        if (six >= 0)
                ck_assert_int_eq(check_bind(six, &a, sizeof(a), EXACT), EINVAL);
        close(six);
        close(path);
        close(second);
        close(fd);
}
END_TEST

/* ------------------------------------------------------ AF_UNIX */

/* One end of a pair may have a name, and never listens. */
START_TEST(unix_peer)
{
        struct sockaddr_un a = { AF_UNIX, "" };
        struct aiu_report *report;
        int pair[2];

        memcpy(a.sun_path, "\0corner", 7);
        ck_assert_int_eq(socketpair(AF_UNIX, _i ? SOCK_SEQPACKET : SOCK_STREAM, 0, pair), 0);
        report = aiu_explain_bind(pair[0], (struct sockaddr *)&a, sizeof(a), 0);
        ck_assert_int_eq(aiu_report_get_listen(report), 0);
        aiu_report_unref(report);
        ck_assert_int_eq(check_bind(pair[0], &a, sizeof(a), EXACT), 0);
        ck_assert_int_eq(check_listen(pair[0], EXACT), EINVAL);
        close(pair[0]);
        close(pair[1]);
}
END_TEST

/* The file is made before the socket is looked at: a second bind() meets what the first one would. */
START_TEST(unix_bound_twice)
{
        struct sockaddr_un own = { AF_UNIX, "" }, lost = { AF_UNIX, "" }, fresh = { AF_UNIX, "" };
        char directory[] = "/tmp/corner-XXXXXX";
        int fd = make(AF_UNIX, SOCK_STREAM, 0);

        ck_assert_ptr_nonnull(mkdtemp(directory));
        (void)snprintf(own.sun_path, sizeof(own.sun_path), "%s/own", directory);
        (void)snprintf(fresh.sun_path, sizeof(fresh.sun_path), "%s/fresh", directory);
        (void)snprintf(lost.sun_path, sizeof(lost.sun_path), "%s/no/lost", directory);
        ck_assert_int_eq(check_bind(fd, &own, sizeof(own), EXACT), 0);
        ck_assert_int_eq(check_bind(fd, &own, sizeof(own), EXACT), EADDRINUSE);
        ck_assert_int_eq(check_bind(fd, &lost, sizeof(lost), EXACT), ENOENT);
        ck_assert_int_eq(check_bind(fd, &fresh, sizeof(fresh), EXACT), EINVAL);
        (void)unlink(own.sun_path);
        (void)rmdir(directory);
        close(fd);
}
END_TEST

/* ------------------------------------------------------ rules that are not modelled */

static int raw_or_ping(int i)
{
        return i ? socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP) : socket(AF_INET, SOCK_RAW, 255);
}

/* A raw socket has its protocol for a port, and may be bound to as many addresses as it likes. */
START_TEST(not_modelled)
{
        struct sockaddr_in here = ip4("127.0.0.1", 22), foreign = ip4("192.0.2.1", 22);
        int fd = raw_or_ping(_i);

        if (fd < 0)
                return; /* no privilege */
        (void)check_bind(fd, &foreign, sizeof(foreign), UNKNOWN_WITH_GAP);
        (void)check_bind(fd, &here, sizeof(here), UNKNOWN_WITH_GAP);
        (void)check_bind(fd, &here, sizeof(here), UNKNOWN_WITH_GAP);
        close(fd);
}
END_TEST

/* TCP_REPAIR takes a port that is in use. */
START_TEST(repair)
{
        struct sockaddr_in a = ip4("127.0.0.1", PORT);
        int holder = make(AF_INET, SOCK_STREAM, 0), fd = make(AF_INET, SOCK_STREAM, 0), on = 1;

        bind_to(holder, "127.0.0.1", PORT);
        ck_assert_int_eq(listen(holder, 1), 0);
        if (setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)) == 0)
                ck_assert_int_eq(check_bind(fd, &a, sizeof(a), EXACT), 0);
        else
                ck_assert_int_eq(check_bind(fd, &a, sizeof(a), EXACT), EADDRINUSE); /* no privilege */
        close(fd);
        close(holder);
}
END_TEST

/* sk_setsockopt(): SO_REUSEADDR takes the place of what TCP_REPAIR set. */
START_TEST(repair_is_over)
{
        int holder = make(AF_INET, SOCK_STREAM, 0), fd = make(AF_INET, SOCK_STREAM, 0), on = 1;
        struct aiu_report *report = NULL;
        struct aiu_query *query = NULL;

        bind_to(holder, "127.0.0.1", PORT);
        ck_assert_int_eq(listen(holder, 1), 0);
        (void)setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)); /* root */
        ck_assert_int_eq(aiu_query_new(NULL, &query), 0);
        ck_assert_int_eq(aiu_query_set_fd(query, fd), 0);
        ck_assert_int_eq(aiu_query_set_reuseaddr(query, 1), 0);
        /* The socket is IPv4, and so is what a port alone means. */
        ck_assert_int_eq(aiu_query_set_address_text(query, "5100"), 0);
        ck_assert_int_eq(aiu_query_run(query, &report), 0);
        ck_assert_int_eq(aiu_report_get_error(report), EADDRINUSE);
        aiu_report_unref(report);
        aiu_query_unref(query);
        close(fd);
        close(holder);
}
END_TEST

/* ------------------------------------------------------ time */

/* The caller's own sockets are read first, and whatever the deadline. */
START_TEST(own_options_need_no_time)
{
        struct sockaddr_in a = ip4("127.0.0.1", PORT);
        int holder = make(AF_INET, SOCK_DGRAM, 0), fd = make(AF_INET, SOCK_DGRAM, 0), on = 1;
        struct aiu_context *context = NULL;
        struct aiu_report *report = NULL;
        struct aiu_query *query = NULL;

        ck_assert_int_eq(setsockopt(holder, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
        ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
        bind_to(holder, "127.0.0.1", PORT);
        ck_assert_int_eq(aiu_context_new(&context), 0);
        ck_assert_int_eq(aiu_context_set_deadline_usec(context, 1), 0);
        ck_assert_int_eq(aiu_query_new(context, &query), 0);
        ck_assert_int_eq(aiu_query_set_fd(query, fd), 0);
        ck_assert_int_eq(aiu_query_set_address(query, (struct sockaddr *)&a, sizeof(a)), 0);
        ck_assert_int_eq(aiu_query_run(query, &report), 0);
        compare(report, bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ? errno : 0, UNKNOWN_WITH_GAP);
        aiu_query_unref(query);
        aiu_context_unref(context);
        close(fd);
        close(holder);
}
END_TEST

/* Who made the socket matters to SO_REUSEPORT alone: the privilege is the caller's. */
START_TEST(socket_of_another_user)
{
        struct sockaddr_in a = ip4("127.0.0.1", 82);
        int fd = make(AF_INET, SOCK_STREAM, 0);

        if (fchown(fd, 1000, (gid_t)-1) < 0)
                ck_assert_int_eq(geteuid(), 1000); /* it is already */
        else if (_i)
                ck_assert_int_eq(seteuid(1000), 0);
        ck_assert_int_eq(fchown(fd, 1000, (gid_t)-1), 0);
        ck_assert_int_eq(check_bind(fd, &a, sizeof(a), EXACT), geteuid() == 0 ? 0 : EACCES);
        close(fd);
}
END_TEST

/* ------------------------------------------------------ words */

/* The range was full and is not now: the report does not contradict itself. */
START_TEST(range_free_again)
{
        struct sockaddr_in a = ip4("127.0.0.1", 0);
        int fd = make(AF_INET, SOCK_STREAM, 0);
        struct aiu_report *report = aiu_explain_bind(fd, (struct sockaddr *)&a, sizeof(a), EADDRINUSE);

        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_IN_USE);
        ck_assert_ptr_nonnull(strstr(aiu_report_get_summary(report), "no port was free"));
        ck_assert_ptr_nonnull(strstr(aiu_report_get_summary(report), "free by now"));
        ck_assert_int_eq(aiu_action_get_kind(aiu_report_get_action(report, 0)), AIU_ACTION_WAIT);
        ck_assert_str_eq(aiu_action_get_text(aiu_report_get_action(report, 0)), "try again: a port is free by now");
        aiu_report_unref(report);
        close(fd);
}
END_TEST

START_TEST(listen_without_a_name)
{
        int fd = make(AF_UNIX, SOCK_STREAM, 0);
        struct aiu_report *report = aiu_explain_listen(fd, 0);

        ck_assert_ptr_nonnull(strstr(aiu_report_get_summary(report), "cannot listen like this: listen() fails"));
        aiu_report_unref(report);
        ck_assert_int_eq(check_listen(fd, EXACT), EINVAL);
        close(fd);
}
END_TEST

/* ------------------------------------------------------ what if */

/* Not local, and taken: with IP_FREEBIND and SO_REUSEPORT the kernel's memory decides, and a gap says so. */
START_TEST(what_if_has_its_gap)
{
        struct sockaddr_in a = ip4("192.0.2.1", PORT);
        int holder = make(AF_INET, SOCK_STREAM, 0), fd = make(AF_INET, SOCK_STREAM, 0), on = 1;
        struct aiu_report *report;

        ck_assert_int_eq(setsockopt(holder, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on)), 0);
        bind_to(holder, "192.0.2.1", PORT);
        report = aiu_explain_bind(fd, (struct sockaddr *)&a, sizeof(a), 0);
        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_NOT_LOCAL);
        ck_assert_int_eq(aiu_report_would_succeed_with(report, AIU_OPTION_FREEBIND | AIU_OPTION_REUSEPORT),
                         AIU_TRISTATE_UNKNOWN);
        ck_assert_uint_gt(aiu_report_get_n_gaps(report), 0);
        aiu_report_unref(report);
        ck_assert_int_eq(check_bind(fd, &a, sizeof(a), EXACT), EADDRNOTAVAIL);
        close(fd);
        close(holder);
}
END_TEST

/* A tmpfs may run out of inodes before it runs out of room. */
START_TEST(no_inode_left)
{
        struct sockaddr_un a = { AF_UNIX, "" };
        char directory[] = "/tmp/corner-XXXXXX";
        int fd = make(AF_UNIX, SOCK_STREAM, 0), other = make(AF_UNIX, SOCK_STREAM, 0);

        ck_assert_ptr_nonnull(mkdtemp(directory));
        if (mount("corner", directory, "tmpfs", 0, "nr_inodes=2") == 0) {
                (void)snprintf(a.sun_path, sizeof(a.sun_path), "%s/first", directory);
                ck_assert_int_eq(check_bind(fd, &a, sizeof(a), EXACT), 0);
                (void)snprintf(a.sun_path, sizeof(a.sun_path), "%s/second", directory);
                ck_assert_int_eq(check_bind(other, &a, sizeof(a), EXACT), ENOSPC);
                ck_assert_int_eq(umount2(directory, MNT_DETACH), 0);
        }
        (void)rmdir(directory);
        close(other);
        close(fd);
}
END_TEST

/* A program of the group that is attached too early: no interface shows it, and a gap says so. */
START_TEST(program_attached)
{
        struct sockaddr_in a = ip4("127.0.0.1", PORT);
        int holder = make(AF_INET, SOCK_STREAM, 0), fd = make(AF_INET, SOCK_STREAM, 0), on = 1;
        struct sock_filter zero = { .code = BPF_RET | BPF_K };
        struct sock_fprog program = { 1, &zero };
        struct aiu_report *report;
        bool told = false;

        ck_assert_int_eq(setsockopt(holder, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), 0);
        ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), 0);
        bind_to(holder, "127.0.0.1", PORT);
        ck_assert_int_eq(listen(holder, 1), 0);
        if (_i)
                ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program)), 0);
        report = aiu_explain_bind(fd, (struct sockaddr *)&a, sizeof(a), 0);
        for (size_t i = 0; i < aiu_report_get_n_gaps(report); i++)
                told = told || strstr(aiu_gap_get_text(aiu_report_get_gap(report, i)), "SO_ATTACH_REUSEPORT");
        ck_assert(told);
        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_UNKNOWN);
        aiu_report_unref(report);
        ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), _i ? -1 : 0);
        if (_i) {
                report = aiu_explain_bind(fd, (struct sockaddr *)&a, sizeof(a), EADDRINUSE);
                told = false;
                for (size_t i = 0; i < aiu_report_get_n_gaps(report); i++)
                        told = told || strstr(aiu_gap_get_text(aiu_report_get_gap(report, i)), "SO_ATTACH_REUSEPORT");
                ck_assert(told);
                aiu_report_unref(report);
        }
        close(fd);
        close(holder);
}
END_TEST

/* The ordinary order: bind(), attach, listen(). */
START_TEST(program_attached_before_listen)
{
        int holder = make(AF_INET, SOCK_STREAM, 0), fd = make(AF_INET, SOCK_STREAM, 0), on = 1;
        struct sock_filter zero = { .code = BPF_RET | BPF_K };
        struct sock_fprog program = { 1, &zero };

        ck_assert_int_eq(setsockopt(holder, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), 0);
        ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), 0);
        bind_to(holder, "127.0.0.1", PORT);
        bind_to(fd, "127.0.0.1", PORT);
        ck_assert_int_eq(listen(holder, 1), 0);
        if (_i)
                ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program)), 0);
        ck_assert_int_eq(check_listen(fd, UNKNOWN_WITH_GAP), _i ? EADDRINUSE : 0);
        close(fd);
        close(holder);
}
END_TEST

/* File systems that make no sockets refuse them with an errno of their own, to root and to others. */
START_TEST(no_sockets_here)
{
        static const char *const paths[] = { "/proc/x", "/proc/self/fd/x", "/sys/x" };
        struct sockaddr_un a = { AF_UNIX, "" };
        int fd = make(AF_UNIX, SOCK_STREAM, 0);

        (void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", paths[_i]);
        ck_assert_int_ne(check_bind(fd, &a, sizeof(a), UNKNOWN_WITH_GAP), 0);
        close(fd);
}
END_TEST

/* ------------------------------------------------------ sandboxes */

/* Landlock needs no_new_privs, and that is all that is shown of it. */
START_TEST(no_new_privs)
{
        struct sockaddr_in a = ip4("127.0.0.1", PORT);
        int fd = make(AF_INET, SOCK_STREAM, 0);
        struct aiu_report *report;
        bool told = false;

        ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        report = aiu_explain_bind(fd, (struct sockaddr *)&a, sizeof(a), 0);
        for (size_t i = 0; i < aiu_report_get_n_gaps(report); i++)
                told = told || strstr(aiu_gap_get_text(aiu_report_get_gap(report, i)), "Landlock");
        ck_assert(told);
        aiu_report_unref(report);
        close(fd);
}
END_TEST

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_restrict_self 446
#endif

/* landlock_ruleset_attr of ABI 4: file system, network. False: this kernel has no such Landlock. */
static bool forbid(uint64_t fs, uint64_t net)
{
        uint64_t attributes[2] = { fs, net };
        int fd = (int)syscall(SYS_landlock_create_ruleset, attributes, sizeof(attributes), 0u);

        if (fd < 0)
                return false;
        if (geteuid() != 0)
                ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        ck_assert_int_eq((int)syscall(SYS_landlock_restrict_self, fd, 0u), 0);
        close(fd);
        return true;
}

/* Without LANDLOCK_ACCESS_NET_BIND_TCP, or LANDLOCK_ACCESS_FS_MAKE_SOCK: root needs no no_new_privs for that. */
START_TEST(landlock)
{
        struct sockaddr_un path = { AF_UNIX, "/tmp/landlocked" };
        struct sockaddr_in ip = ip4("127.0.0.1", PORT);
        const struct sockaddr *a = _i ? (struct sockaddr *)&path : (struct sockaddr *)&ip;
        socklen_t bytes = _i ? sizeof(path) : sizeof(ip);
        int fd = make(a->sa_family, SOCK_STREAM, 0);
        struct aiu_report *report;
        bool told = false;

        if (!forbid(_i ? 1u << 9 : 0, _i ? 0 : 1u))
                return;
        report = aiu_explain_bind(fd, a, bytes, 0);
        for (size_t i = 0; i < aiu_report_get_n_gaps(report); i++)
                told = told || strstr(aiu_gap_get_text(aiu_report_get_gap(report, i)), "Landlock");
        ck_assert_int_eq(bind(fd, a, bytes), -1);
        ck_assert_int_eq(errno, EACCES);
        ck_assert(told);
        aiu_report_unref(report);
        compare(aiu_explain_bind(fd, a, bytes, EACCES), EACCES, EXACT);
        close(fd);
}
END_TEST

/* ------------------------------------------------------ AF_NETLINK, AF_VSOCK */

static int netlink_to(unsigned int port, int fd)
{
        struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_pid = port };

        return check_bind(fd, &a, sizeof(a), EXACT);
}

/* One socket for each port id of a protocol; a socket that was refused may try another. */
START_TEST(netlink_ports)
{
        int held = make(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), fd = make(AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE);
        int other = make(AF_NETLINK, SOCK_RAW, NETLINK_XFRM), diag = make(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
        struct sockaddr_nl groups = { .nl_family = AF_NETLINK, .nl_pid = 4243, .nl_groups = 1 };

        ck_assert_int_eq(netlink_to(4242, held), 0);
        ck_assert_int_eq(netlink_to(4242, held), 0);
        ck_assert_int_eq(netlink_to(4243, held), EINVAL);
        ck_assert_int_eq(netlink_to(0, held), EINVAL);
        ck_assert_int_eq(netlink_to(4242, fd), EADDRINUSE);
        ck_assert_int_eq(netlink_to(4242, fd), EADDRINUSE);
        ck_assert_int_eq(netlink_to(4242, other), 0);
        ck_assert_int_eq(netlink_to((unsigned int)getpid(), diag), 0);
        ck_assert_int_eq(netlink_to(4244, fd), 0);
        ck_assert_int_eq(check_listen(fd, EXACT), EOPNOTSUPP);
        ck_assert_int_eq(close(fd), 0);
        fd = make(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
        (void)check_bind(fd, &groups, sizeof(groups), UNKNOWN_WITH_GAP);
        ck_assert_int_eq(close(fd), 0);
        fd = make(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
        ck_assert_int_eq(netlink_to(0, fd), 0);
        close(fd);
        close(held);
        close(other);
        close(diag);
}
END_TEST

/* This process has it, and the kernel's list says so. */
START_TEST(netlink_holder)
{
        struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_pid = 4242 };
        int held = make(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC), fd = make(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
        struct aiu_report *report;
        const struct aiu_conflict *conflict;

        ck_assert_int_eq(bind(held, (struct sockaddr *)&a, sizeof(a)), 0);
        report = aiu_explain_bind(fd, (struct sockaddr *)&a, sizeof(a), EADDRINUSE);
        ck_assert_uint_eq(aiu_report_get_n_conflicts(report), 1);
        conflict = aiu_report_get_conflict(report, 0);
        ck_assert_int_eq(aiu_conflict_get_reason(conflict), AIU_REASON_EXCLUSIVE);
        ck_assert_int_eq(aiu_conflict_get_protocol(conflict), NETLINK_GENERIC);
        ck_assert_int_eq(aiu_holder_get_kind(aiu_conflict_get_holder(conflict, 0)), AIU_HOLDER_SELF);
        aiu_report_unref(report);
        close(held);
        close(fd);
}
END_TEST

static int vsock_to(unsigned int cid, unsigned int port, int fd)
{
        struct sockaddr_vm a = { .svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port };

        /* Sockets of other network namespaces may be there; without the module vsock_diag, any may. */
        return check_bind(fd, &a, sizeof(a), UNKNOWN_WITH_GAP);
}

START_TEST(vsock_ports)
{
        int held = socket(AF_VSOCK, SOCK_STREAM, 0), fd = socket(AF_VSOCK, SOCK_STREAM, 0);
        struct sockaddr_in ip = ip4("127.0.0.1", PORT);

        if (held < 0 || fd < 0) {
                printf("# AF_VSOCK: not asked, this kernel has none\n");
                return;
        }
        ck_assert_int_eq(check_listen(held, EXACT), EINVAL);
        ck_assert_int_eq(vsock_to(VMADDR_CID_ANY, 50123, held), 0);
        ck_assert_int_eq(vsock_to(VMADDR_CID_ANY, 50124, held), EINVAL);
        ck_assert_int_eq(check_listen(held, EXACT), 0);
        ck_assert_int_eq(check_listen(held, EXACT), 0);
        ck_assert_int_eq(vsock_to(VMADDR_CID_ANY, 50123, fd), EADDRINUSE);
        ck_assert_int_ne(vsock_to(1, 50123, fd), 0);
        ck_assert_int_ne(vsock_to(2, 50123, fd), 0);
        ck_assert_int_eq(vsock_to(0x7fff1234, 50124, fd), EADDRNOTAVAIL);
        (void)vsock_to(VMADDR_CID_ANY, 1023, fd);
        ck_assert_int_eq(check_bind(fd, &ip, sizeof(ip), EXACT), EINVAL);
        close(held);
        close(fd);
        fd = make(AF_VSOCK, SOCK_STREAM, 0);
        ck_assert_int_eq(vsock_to(VMADDR_CID_ANY, VMADDR_PORT_ANY, fd), 0);
        close(fd);
}
END_TEST

/* An address of a family with numbers, for a socket of another family. */
START_TEST(numbers_elsewhere)
{
        struct sockaddr_vm vm = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = 50125 };
        struct sockaddr_nl nl = { .nl_family = AF_NETLINK, .nl_pid = 4245 };
        static const int families[] = { AF_INET, AF_INET6, AF_UNIX, AF_NETLINK };

        for (size_t i = 0; i < 4; i++) {
                int fd = socket(families[i], SOCK_DGRAM, 0);

                if (fd < 0)
                        continue;
                ck_assert_int_ne(check_bind(fd, &vm, sizeof(vm), EXACT), 0);
                ck_assert_int_eq(check_bind(fd, &nl, sizeof(nl), EXACT) == 0, families[i] == AF_NETLINK);
                close(fd);
        }
}
END_TEST

int main(int argc, char *argv[])
{
        Suite *suite = suite_create("corners");
        TCase *tcase = tcase_create("all");
        struct live live = { 0 };

        live_isolate(&live);
        if (!live_start(&live, argc > 1 ? (uid_t)strtoul(argv[1], NULL, 10) : 0))
                return LIVE_SKIP;
        tcase_add_loop_test(tcase, listen_again, 0, 2);
        tcase_add_test(tcase, long_address);
        tcase_add_test(tcase, part_of_a_scope);
        tcase_add_test(tcase, connected_mptcp_and_foreign_family);
        tcase_add_loop_test(tcase, autobind, 0, 2);
        tcase_add_test(tcase, no_family);
        tcase_add_loop_test(tcase, unix_peer, 0, 2);
        tcase_add_test(tcase, unix_bound_twice);
        tcase_add_loop_test(tcase, not_modelled, 0, 2);
        tcase_add_test(tcase, repair);
        tcase_add_test(tcase, repair_is_over);
        tcase_add_test(tcase, own_options_need_no_time);
        tcase_add_loop_test(tcase, socket_of_another_user, 0, 2);
        tcase_add_test(tcase, range_free_again);
        tcase_add_test(tcase, listen_without_a_name);
        tcase_add_test(tcase, what_if_has_its_gap);
        tcase_add_test(tcase, no_inode_left);
        tcase_add_loop_test(tcase, program_attached, 0, 2);
        tcase_add_loop_test(tcase, program_attached_before_listen, 0, 2);
        tcase_add_loop_test(tcase, no_sockets_here, 0, 3);
        tcase_add_test(tcase, no_new_privs);
        tcase_add_loop_test(tcase, landlock, 0, 2);
        tcase_add_test(tcase, netlink_ports);
        tcase_add_test(tcase, netlink_holder);
        tcase_add_test(tcase, vsock_ports);
        tcase_add_test(tcase, numbers_elsewhere);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
