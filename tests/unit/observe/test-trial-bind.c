/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * AIU_CONTEXT_TRIAL_BIND on real sockets, in a network namespace of the test's own:
 * what it settles, and that it is not made where it would change what happens next.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture/host-fixture.h"
#include "util/macro.h"
#include "fixture/run-suite.h"
#include "util/sys-fault.h"

enum { RA = 1, RP = 2, LISTEN = 4, UDP = 8 };

static int bound(const char *ip, uint16_t port, unsigned int what)
{
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
        int fd = socket(AF_INET, (what & UDP ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0), on = 1, error;

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(inet_pton(AF_INET, ip, &in.sin_addr), 1);
        if (what & RA)
                ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
        if (what & RP)
                ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), 0);
        if (bind(fd, (struct sockaddr *)&in, sizeof(in)) < 0 || (what & LISTEN && listen(fd, 8) < 0)) {
                error = errno;
                close(fd);
                errno = error;
                return -1;
        }
        return fd;
}

/* `blind`: backends that are left out, separated by spaces. */
static struct aiu_report *look(const char *ip, uint16_t port, unsigned int what, uint32_t flags, const char *blind)
{
        char names[128], *rest = names, *name;
        struct aiu_context *context;
        struct aiu_query *query;
        struct aiu_report *report;

        snprintf(names, sizeof(names), "%s", blind);
        ck_assert_int_eq(aiu_context_new(&context), 0);
        ck_assert_int_eq(aiu_context_set_flags(context, flags | AIU_CONTEXT_NO_IPC), 0);
        ck_assert_int_eq(aiu_context_set_deadline_usec(context, 0), 0);
        while ((name = strsep(&rest, " ")))
                ck_assert_int_eq(aiu_context_disable_backend(context, name), 0);
        ck_assert_int_eq(aiu_query_new(context, &query), 0);
        aiu_context_unref(context);
        ck_assert_int_eq(aiu_query_set_socket(query, what & UDP ? SOCK_DGRAM : SOCK_STREAM, 0), 0);
        ck_assert_int_eq(aiu_query_set_reuseaddr(query, what & RA), 0);
        ck_assert_int_eq(aiu_query_set_reuseport(query, what & RP), 0);
        ck_assert_int_eq(aiu_query_set_address_string(query, ip, port), 0);
        ck_assert_int_eq(aiu_query_run(query, &report), 0);
        aiu_query_unref(query);
        return report;
}

static enum aiu_verdict verdict_of(const char *ip, uint16_t port, unsigned int what, uint32_t flags, const char *blind)
{
        struct aiu_report *report = look(ip, port, what, flags, blind);
        enum aiu_verdict verdict = aiu_report_get_verdict(report);

        aiu_report_unref(report);
        return verdict;
}

#define TRIAL AIU_CONTEXT_TRIAL_BIND
#define NO_SOCKETS "sock-diag proc-net"
#define NO_ROUTE "route proc-address"
#define NO_OPTIONS "options"

START_TEST(settles_what_is_not_seen)
{
        int fd;

        ck_assert_int_eq(verdict_of("127.0.0.1", 8080, 0, 0, NO_ROUTE), AIU_VERDICT_UNKNOWN);
        ck_assert_int_eq(verdict_of("127.0.0.1", 8080, 0, TRIAL, NO_ROUTE), AIU_VERDICT_AVAILABLE);
        ck_assert_int_eq(verdict_of("::1", 8080, 0, TRIAL, NO_ROUTE), AIU_VERDICT_AVAILABLE);
        fd = bound("127.0.0.1", 8080, LISTEN);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(verdict_of("127.0.0.1", 8080, 0, TRIAL, NO_ROUTE), AIU_VERDICT_IN_USE);
        ck_assert_int_eq(verdict_of("127.0.0.1", 8080, RA, TRIAL, NO_ROUTE), AIU_VERDICT_IN_USE);
        /* The listener's SO_REUSEPORT is not read: it is not in the way. */
        ck_assert_int_eq(verdict_of("127.0.0.2", 8080, 0, TRIAL, NO_ROUTE), AIU_VERDICT_UNKNOWN);
        close(fd);
        fd = bound("127.0.0.1", 8080, UDP);
        ck_assert_int_eq(verdict_of("127.0.0.1", 8080, UDP, 0, NO_SOCKETS), AIU_VERDICT_UNKNOWN);
        ck_assert_int_eq(verdict_of("127.0.0.1", 8080, UDP, TRIAL, NO_SOCKETS), AIU_VERDICT_IN_USE);
        ck_assert_int_eq(verdict_of("127.0.0.2", 8080, UDP, TRIAL, NO_SOCKETS), AIU_VERDICT_AVAILABLE);
        close(fd);
}
END_TEST

/* Nothing is left of it: no descriptor, no socket, errno as it was. */
START_TEST(leaves_nothing)
{
        int before = open("/dev/null", O_RDONLY | O_CLOEXEC), after;

        close(before);
        errno = 4711;
        ck_assert_int_eq(verdict_of("127.0.0.1", 8080, 0, TRIAL, NO_ROUTE), AIU_VERDICT_AVAILABLE);
        ck_assert_int_eq(errno, 4711);
        after = open("/dev/null", O_RDONLY | O_CLOEXEC);
        ck_assert_int_eq(after, before);
        close(after);
        after = bound("127.0.0.1", 8080, LISTEN);
        ck_assert_int_ge(after, 0);
        close(after);
}
END_TEST

START_TEST(other_errors)
{
        struct aiu_report *report = look("203.0.113.1", 8080, 0, TRIAL, "route proc-address");

        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_NOT_LOCAL);
        ck_assert_int_eq(aiu_report_get_error(report), EADDRNOTAVAIL);
        aiu_report_unref(report);
}
END_TEST

/* Beside a socket that may have SO_REUSEPORT, with the option, or where sockets may have been missed. */
START_TEST(not_beside_reuseport)
{
        int fd = bound("127.0.0.1", 8080, RA);

        ck_assert_int_eq(verdict_of("127.0.0.1", 8080, RA, TRIAL, NO_OPTIONS), AIU_VERDICT_UNKNOWN);
        ck_assert_int_eq(verdict_of("127.0.0.2", 8080, RP, TRIAL, NO_ROUTE), AIU_VERDICT_UNKNOWN);
        ck_assert_int_eq(verdict_of("127.0.0.2", 8080, 0, TRIAL, NO_SOCKETS), AIU_VERDICT_UNKNOWN);
        close(fd);
}
END_TEST

/*
 * S1 (SO_REUSEADDR), S2 (both options), then B with SO_REUSEPORT: the kernel remembers
 * S2 and lets B in. A trial with SO_REUSEADDR in between would make it forget.
 */
START_TEST(changes_no_history)
{
        int s1 = bound("127.0.0.1", 8080, RA), s2 = bound("127.0.0.1", 8080, RA | RP), b;

        ck_assert_int_ge(s1, 0);
        ck_assert_int_ge(s2, 0);
        (void)verdict_of("127.0.0.1", 8080, RA, TRIAL, NO_OPTIONS);
        (void)verdict_of("127.0.0.1", 8080, RA, TRIAL, NO_SOCKETS " " NO_OPTIONS);
        b = bound("127.0.0.1", 8080, RP);
        ck_assert_int_ge(b, 0);
        close(b);
        close(s2);
        close(s1);
}
END_TEST

/* The kernel remembers S2 even after it is closed, for all addresses of the port. */
START_TEST(keeps_the_memory_of_one_that_is_gone)
{
        static const char *const backend_request[] = { "127.0.0.1", "127.0.0.2" };

        for (uint16_t i = 0; i < 2; i++) {
                uint16_t port = (uint16_t)(8081 + i);
                int s1 = bound("127.0.0.1", port, RA), s2 = bound("127.0.0.1", port, RA | RP), b;

                ck_assert_int_ge(s1, 0);
                ck_assert_int_ge(s2, 0);
                close(s2);
                ck_assert_int_eq(verdict_of(backend_request[i], port, RA, TRIAL, NO_ROUTE), AIU_VERDICT_UNKNOWN);
                b = bound("127.0.0.1", port, RP);
                ck_assert_msg(b >= 0, "a trial at %s made it forget", backend_request[i]);
                close(b);
                close(s1);
        }
}
END_TEST

START_TEST(not_beside_shared_udp)
{
        int fd = bound("127.0.0.1", 8080, UDP | RA);

        ck_assert_int_eq(verdict_of("127.0.0.1", 8080, UDP | RA, TRIAL, NO_OPTIONS), AIU_VERDICT_UNKNOWN);
        ck_assert_int_eq(verdict_of("127.0.0.1", 8080, UDP | RA, TRIAL, NO_SOCKETS), AIU_VERDICT_UNKNOWN);
        close(fd);
}
END_TEST

static int binds;

static int count_binds(enum sys_call which)
{
        binds += which == SYS_CALL_BIND;
        return 0;
}

/* Where the facts decide, nothing is tried: as many calls as without the flag. */
START_TEST(not_without_need)
{
        int without;

        sys_fault = count_binds;
        ck_assert_int_eq(verdict_of("127.0.0.1", 8080, 0, 0, "proc-net"), AIU_VERDICT_AVAILABLE);
        without = binds;
        binds = 0;
        ck_assert_int_eq(verdict_of("127.0.0.1", 8080, 0, TRIAL, "proc-net"), AIU_VERDICT_AVAILABLE);
        ck_assert_int_eq(binds, without);
        /* Port 0 is about many ports. */
        binds = 0;
        (void)verdict_of("127.0.0.1", 0, 0, TRIAL, NO_SOCKETS " route");
        ck_assert_int_eq(binds, 0);
        sys_fault = NULL;
}
END_TEST

/* Without netlink every bind() would be a trial: there is none unless it was asked for, and then one. */
START_TEST(off_unless_asked_for)
{
        static const char no_netlink[] = NO_SOCKETS " route kernel-user";

        sys_fault = count_binds;
        binds = 0;
        ck_assert_int_eq(verdict_of("127.0.0.1", 8080, UDP, 0, no_netlink), AIU_VERDICT_UNKNOWN);
        ck_assert_int_eq(binds, 0);
        ck_assert_int_eq(verdict_of("127.0.0.1", 8080, UDP, TRIAL, no_netlink), AIU_VERDICT_AVAILABLE);
        ck_assert_int_eq(binds, 1);
        sys_fault = NULL;
}
END_TEST

/* "@" for the NUL of an abstract name. */
static void set_name(struct aiu_query *query, const char *name)
{
        struct sockaddr_un un = { .sun_family = AF_UNIX };

        memcpy(un.sun_path, name, strlen(name));
        un.sun_path[0] = name[0] == '@' ? '\0' : name[0];
        ck_assert_int_eq(aiu_query_set_address(query, (struct sockaddr *)&un,
                                               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
                         0);
}

static struct aiu_report *run(struct aiu_context *context, const char *name, uid_t uid, bool elsewhere)
{
        int netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        struct aiu_query *query;
        struct aiu_report *report;

        ck_assert_int_eq(aiu_query_new(context, &query), 0);
        if (name[0] == '@' || name[0] == '/')
                set_name(query, name);
        else
                ck_assert_int_eq(aiu_query_set_address_string(query, name, 8080), 0);
        ck_assert_int_eq(aiu_query_set_socket(query, SOCK_DGRAM, 0), 0);
        if (uid != geteuid())
                ck_assert_int_eq(aiu_query_set_uid(query, uid), 0);
        if (elsewhere)
                ck_assert_int_eq(aiu_query_set_netns(query, netns), 0);
        ck_assert_int_eq(aiu_query_run(query, &report), 0);
        aiu_query_unref(query);
        close(netns);
        return report;
}

static struct aiu_context *blind_context(void)
{
        struct aiu_context *context;

        ck_assert_int_eq(aiu_context_new(&context), 0);
        ck_assert_int_eq(aiu_context_set_flags(context, TRIAL | AIU_CONTEXT_NO_IPC), 0);
        ck_assert_int_eq(aiu_context_disable_backend(context, "sock-diag"), 0);
        ck_assert_int_eq(aiu_context_disable_backend(context, "proc-net"), 0);
        return context;
}

static char said[256];

static void keep_log(void *userdata, enum aiu_log_level level, const char *message)
{
        (void)userdata;
        (void)level;
        snprintf(said, sizeof(said), "%s", message);
}

static void expect(struct aiu_report *report, enum aiu_verdict verdict)
{
        ck_assert_int_eq(aiu_report_get_verdict(report), verdict);
        aiu_report_unref(report);
}

/* Another user, or another namespace: the socket would not be the caller's. */
START_TEST(only_for_the_caller)
{
        struct aiu_context *context = blind_context();

        aiu_context_set_log(context, keep_log, AIU_LOG_INFO, NULL);
        expect(run(context, "127.0.0.1", geteuid() + 1, false), AIU_VERDICT_UNKNOWN);
        expect(run(context, "127.0.0.1", geteuid(), true), AIU_VERDICT_UNKNOWN);
        ck_assert_ptr_null(strstr(said, "trial"));
        expect(run(context, "127.0.0.1", geteuid(), false), AIU_VERDICT_AVAILABLE);
        ck_assert_str_eq(said, "a trial bind() succeeded");
        aiu_context_unref(context);
}
END_TEST

/* A name goes with its socket; a path would stay. */
START_TEST(abstract_names)
{
        struct aiu_context *context = blind_context();
        struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "\0trial" };
        socklen_t len = offsetof(struct sockaddr_un, sun_path) + 6;
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        aiu_context_set_log(context, keep_log, AIU_LOG_INFO, NULL);
        expect(run(context, "@trial", geteuid(), false), AIU_VERDICT_AVAILABLE);
        ck_assert_int_eq(bind(fd, (struct sockaddr *)&un, len), 0);
        expect(run(context, "@trial", geteuid(), false), AIU_VERDICT_IN_USE);
        ck_assert_ptr_nonnull(strstr(said, "a trial bind() failed: error"));
        close(fd);
        enter_empty_directory();
        said[0] = '\0';
        aiu_report_unref(run(context, "/tmp/trial", geteuid(), false));
        ck_assert_str_eq(said, "");
        ck_assert_int_ne(access("/tmp/trial", F_OK), 0);
        aiu_context_unref(context);
}
END_TEST

/* A port alone is 0.0.0.0 as well, but not with IPV6_V6ONLY. */
START_TEST(port_alone)
{
        int fd = bound("127.0.0.1", 8080, UDP);

        for (int v6only = 0; v6only < 2; v6only++) {
                struct aiu_context *context;
                struct aiu_query *query;
                struct aiu_report *report;

                ck_assert_int_eq(aiu_context_new(&context), 0);
                ck_assert_int_eq(aiu_context_set_flags(context, TRIAL | AIU_CONTEXT_NO_IPC), 0);
                ck_assert_int_eq(aiu_context_disable_backend(context, "sock-diag"), 0);
                ck_assert_int_eq(aiu_context_disable_backend(context, "proc-net"), 0);
                ck_assert_int_eq(aiu_query_new(context, &query), 0);
                aiu_context_unref(context);
                ck_assert_int_eq(aiu_query_set_address_text(query, "8080/udp"), 0);
                ck_assert_int_eq(aiu_query_set_v6only(query, v6only), 0);
                ck_assert_int_eq(aiu_query_run(query, &report), 0);
                ck_assert_int_eq(aiu_report_get_verdict(report), v6only ? AIU_VERDICT_AVAILABLE : AIU_VERDICT_IN_USE);
                aiu_report_unref(report);
                aiu_query_unref(query);
        }
        close(fd);
}
END_TEST

static enum aiu_tristate address_is_local;

static int kernel_6_1(void *userdata, const struct aiu_request *backend_request, struct aiu_snapshot *to)
{
        struct aiu_host_fact fact = {
                .size = sizeof(fact),
                .address_local = address_is_local,
                .kernel_major = 6,
                .kernel_minor = 1,
                .unprivileged_port_start = -1,
                .ipv6_enabled = AIU_TRISTATE_YES,
        };

        (void)userdata;
        (void)backend_request;
        return aiu_snapshot_add_host(to, &fact);
}

static struct aiu_context *context_on_6_1(uint32_t flags, uint32_t proven)
{
        struct aiu_backend old = { .size = sizeof(old), .name = "old", .host = kernel_6_1 };
        static const char *const others[] = { "proc-sys", "proc-bound" };
        struct aiu_context *context;

        ck_assert_int_eq(aiu_context_new(&context), 0);
        ck_assert_int_eq(aiu_context_set_flags(context, flags | AIU_CONTEXT_NO_IPC), 0);
        ck_assert_int_eq(aiu_context_set_deadline_usec(context, 0), 0);
        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                ck_assert_int_eq(aiu_context_disable_backend(context, others[i]), 0);
        ck_assert_int_eq(aiu_context_add_backend(context, &old, NULL), 0);
        ck_assert_int_eq(aiu_context_set_kernel(context, proven), 0);
        return context;
}

static struct aiu_report *look_on_6_1(const char *ip, uint32_t flags, uint32_t proven, unsigned int what)
{
        struct aiu_context *context = context_on_6_1(flags, proven);
        struct aiu_query *query;
        struct aiu_report *report;

        ck_assert_int_eq(aiu_query_new(context, &query), 0);
        aiu_context_unref(context);
        ck_assert_int_eq(aiu_query_set_address_string(query, ip, 8080), 0);
        ck_assert_int_eq(aiu_query_set_reuseaddr(query, what & RA), 0);
        ck_assert_int_eq(aiu_query_set_reuseport(query, what & RP), 0);
        ck_assert_int_eq(aiu_query_run(query, &report), 0);
        aiu_query_unref(query);
        return report;
}

static enum aiu_verdict on_6_1(uint32_t flags, uint32_t proven, unsigned int what)
{
        struct aiu_report *report = look_on_6_1("127.0.0.1", flags, proven, what);
        enum aiu_verdict verdict = aiu_report_get_verdict(report);

        aiu_report_unref(report);
        return verdict;
}

/* Before Linux 6.8 a port that looks empty may have sockets, and tb->fastreuse may let one in. */
START_TEST(old_kernel)
{
        uint32_t shown = AIU_KERNEL_BOUND_SHOWN, stateless = AIU_KERNEL_STATELESS;
        int fd;

        ck_assert_int_eq(on_6_1(TRIAL, shown, 0), AIU_VERDICT_AVAILABLE);
        fd = bound("127.0.0.1", 8080, LISTEN);
        ck_assert_int_eq(on_6_1(TRIAL, 0, 0), AIU_VERDICT_IN_USE);
        ck_assert_int_eq(on_6_1(TRIAL, shown, RA), AIU_VERDICT_UNKNOWN);
        ck_assert_int_eq(on_6_1(TRIAL, shown | stateless, RA), AIU_VERDICT_IN_USE);
        close(fd);
}
END_TEST

/* A backend that sees no socket, as on a kernel that shows none that is bound only. */
static int sees_none(void *userdata, const struct aiu_request *backend_request, struct aiu_snapshot *to)
{
        (void)userdata;
        (void)backend_request;
        (void)to;
        return AIU_COMPLETE;
}

/* On a port whose sockets are not shown: what the wildcard says, and how many bind() that took. */
static enum aiu_verdict unseen_on_6_1(const char *ip, uint32_t flags, unsigned int what)
{
        struct aiu_backend none = { .size = sizeof(none), .name = "none", .sockets = sees_none };
        struct aiu_context *context = context_on_6_1(flags, AIU_KERNEL_STATELESS | AIU_KERNEL_TIME_WAIT |
                                                                    AIU_KERNEL_DUAL_STACK | AIU_KERNEL_MAPPED);
        struct aiu_query *query;
        struct aiu_report *report;
        enum aiu_verdict verdict;

        address_is_local = AIU_TRISTATE_YES;
        ck_assert_int_eq(aiu_context_disable_backend(context, "sock-diag"), 0);
        ck_assert_int_eq(aiu_context_disable_backend(context, "proc-net"), 0);
        ck_assert_int_eq(aiu_context_add_backend(context, &none, NULL), 0);
        ck_assert_int_eq(aiu_query_new(context, &query), 0);
        aiu_context_unref(context);
        ck_assert_int_eq(aiu_query_set_address_string(query, ip, 8080), 0);
        ck_assert_int_eq(aiu_query_set_reuseaddr(query, what & RA), 0);
        ck_assert_int_eq(aiu_query_set_reuseport(query, what & RP), 0);
        if (what & UDP)
                ck_assert_int_eq(aiu_query_set_socket(query, SOCK_DGRAM, 0), 0);
        binds = 0;
        sys_fault = count_binds;
        ck_assert_int_eq(aiu_query_run(query, &report), 0);
        sys_fault = NULL;
        aiu_query_unref(query);
        verdict = aiu_report_get_verdict(report);
        aiu_report_unref(report);
        return verdict;
}

#define WILDCARD AIU_CONTEXT_TRIAL_WILDCARD

START_TEST(wildcard_shows_that_the_port_is_empty)
{
        static const unsigned int options[] = { 0, RA, RP, RA | RP };
        int none;

        ck_assert_int_eq(unseen_on_6_1("127.0.0.1", 0, 0), AIU_VERDICT_UNKNOWN);
        none = binds;
        for (size_t i = 0; i < ELEMENTSOF(options); i++) {
                ck_assert_int_eq(unseen_on_6_1("127.0.0.1", WILDCARD, options[i]), AIU_VERDICT_AVAILABLE);
                ck_assert_int_eq(binds, none + 1);
                ck_assert_int_eq(unseen_on_6_1("::1", TRIAL, options[i]), AIU_VERDICT_AVAILABLE);
                ck_assert_int_eq(binds, none + 1);
        }
        /* UDP has no such sockets, and is not tried. */
        ck_assert_int_eq(unseen_on_6_1("127.0.0.1", WILDCARD, UDP), AIU_VERDICT_AVAILABLE);
        ck_assert_int_eq(binds, none);
}
END_TEST

/* Whatever socket it is and at whatever address: the wildcard does not get the port, and the answer stays. */
START_TEST(wildcard_is_refused)
{
        static const char *const addresses[] = { "127.0.0.1", "127.0.0.2", "0.0.0.0" };
        static const unsigned int options[] = { 0, RA, RP, RA | RP, LISTEN };

        for (size_t a = 0; a < ELEMENTSOF(addresses); a++)
                for (size_t i = 0; i < ELEMENTSOF(options); i++) {
                        int fd = bound(addresses[a], 8080, options[i]);

                        ck_assert_int_eq(unseen_on_6_1("127.0.0.1", WILDCARD, RA), AIU_VERDICT_UNKNOWN);
                        ck_assert_int_eq(unseen_on_6_1("127.0.0.1", TRIAL, RA | RP), AIU_VERDICT_UNKNOWN);
                        close(fd);
                }
}
END_TEST

START_TEST(wildcard_is_not_tried)
{
        struct aiu_report *report;
        int fd = bound("127.0.0.2", 8080, LISTEN), without = 0;

        /* A socket on the port is seen: the bind() could only fail. */
        for (uint32_t flags = 0; flags <= WILDCARD; flags += WILDCARD) {
                sys_fault = count_binds;
                report = look_on_6_1("127.0.0.1", flags, 0, 0);
                sys_fault = NULL;
                ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_UNKNOWN);
                aiu_report_unref(report);
                without = flags ? without : binds;
        }
        ck_assert_int_eq(binds, 2 * without);
        close(fd);
        /* What this flag does not allow. */
        ck_assert_int_eq(verdict_of("127.0.0.1", 8080, UDP, WILDCARD, NO_SOCKETS), AIU_VERDICT_UNKNOWN);
}
END_TEST

/* What is not shown has its name in the summary. */
START_TEST(unseen_in_words)
{
        struct aiu_report *report = look_on_6_1("127.0.0.1", 0, 0, 0);

        ck_assert_str_eq(aiu_report_get_summary(report),
                         "127.0.0.1:8080/tcp may be free: this kernel does not show sockets that are bound but not "
                         "listening");
        aiu_report_unref(report);
}
END_TEST

static int without_ipv6(void *userdata, const struct aiu_request *backend_request, struct aiu_snapshot *to)
{
        struct aiu_host_fact fact = { .size = sizeof(fact),
                                      .unprivileged_port_start = -1,
                                      .ipv6_enabled = AIU_TRISTATE_NO };

        (void)userdata;
        (void)backend_request;
        return aiu_snapshot_add_host(to, &fact);
}

/* Where IPv6 is off, a port alone is 0.0.0.0, also for the backends. */
START_TEST(port_alone_without_ipv6)
{
        struct aiu_backend old = { .size = sizeof(old), .name = "old", .host = without_ipv6 };
        struct aiu_context *context;
        struct aiu_query *query;
        struct aiu_report *report;
        socklen_t bytes = 0;

        ck_assert_int_eq(aiu_context_new(&context), 0);
        ck_assert_int_eq(aiu_context_set_flags(context, AIU_CONTEXT_NO_IPC), 0);
        ck_assert_int_eq(aiu_context_disable_backend(context, "proc-sys"), 0);
        ck_assert_int_eq(aiu_context_add_backend(context, &old, NULL), 0);
        ck_assert_int_eq(aiu_query_new(context, &query), 0);
        aiu_context_unref(context);
        ck_assert_int_eq(aiu_query_set_address_text(query, "8080"), 0);
        ck_assert_int_eq(aiu_query_run(query, &report), 0);
        ck_assert_int_eq(aiu_report_get_verdict(report), AIU_VERDICT_AVAILABLE);
        ck_assert_int_eq(aiu_report_get_address(report, &bytes)->sa_family, AF_INET);
        ck_assert_uint_eq(bytes, sizeof(struct sockaddr_in));
        aiu_report_unref(report);
        ck_assert_int_eq(aiu_query_set_address_text(query, ":::8080"), 0);
        ck_assert_int_eq(aiu_query_run(query, &report), 0);
        ck_assert_int_eq(aiu_report_get_error(report), EAFNOSUPPORT);
        aiu_report_unref(report);
        aiu_query_unref(query);
}
END_TEST

/* No memory says nothing of the address. */
static int no_memory(enum sys_call which)
{
        return which == SYS_CALL_BIND ? ENOMEM : 0;
}

START_TEST(passing_errors)
{
        sys_fault = no_memory;
        ck_assert_int_eq(verdict_of("127.0.0.1", 8080, UDP, TRIAL, NO_SOCKETS " route kernel-user"),
                         AIU_VERDICT_UNKNOWN);
        sys_fault = NULL;
}
END_TEST

static int fail_bind(enum sys_call which)
{
        return which == SYS_CALL_SOCKET ? EMFILE : 0;
}

/* What cannot be tried stays as it was. */
START_TEST(cannot_try)
{
        sys_fault = fail_bind;
        ck_assert_int_eq(verdict_of("127.0.0.1", 8080, UDP, TRIAL, NO_SOCKETS), AIU_VERDICT_UNKNOWN);
        sys_fault = NULL;
}
END_TEST

static void setup(void)
{
        enter_namespaces();
        ip("link set lo up");
}

int main(void)
{
        Suite *suite = suite_create("trial");
        TCase *tcase = tcase_create("live");

        if (!can_enter_namespaces() || !have_ip()) {
                puts("skipped: may not make namespaces, or there is no ip(8)");
                return 77;
        }
        tcase_set_timeout(tcase, 60); /* every process of the machine is looked at */
        tcase_add_checked_fixture(tcase, setup, forget_snapshot);
        tcase_add_test(tcase, settles_what_is_not_seen);
        tcase_add_test(tcase, leaves_nothing);
        tcase_add_test(tcase, other_errors);
        tcase_add_test(tcase, not_beside_reuseport);
        tcase_add_test(tcase, changes_no_history);
        tcase_add_test(tcase, keeps_the_memory_of_one_that_is_gone);
        tcase_add_test(tcase, not_beside_shared_udp);
        tcase_add_test(tcase, off_unless_asked_for);
        tcase_add_test(tcase, only_for_the_caller);
        tcase_add_test(tcase, abstract_names);
        tcase_add_test(tcase, port_alone);
        tcase_add_test(tcase, old_kernel);
        tcase_add_test(tcase, wildcard_shows_that_the_port_is_empty);
        tcase_add_test(tcase, wildcard_is_refused);
        tcase_add_test(tcase, wildcard_is_not_tried);
        tcase_add_test(tcase, unseen_in_words);
        tcase_add_test(tcase, port_alone_without_ipv6);
        tcase_add_test(tcase, passing_errors);
        tcase_add_test(tcase, not_without_need);
        tcase_add_test(tcase, cannot_try);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
