/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every kind of question in a thread that has a seccomp filter, which kills for what
 * doc/security.md does not list; the main thread has none, and /proc/self is about
 * that one.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "worlds.h"

#define ON_DEVICE 7011
#define DATAGRAMS 7012

/* Made before there is a filter. */
static struct {
        int on_device;           /* listens, SO_BINDTODEVICE lo */
        int asking;              /* is asked about itself */
        int away;                /* lives in another network namespace; -1 = none could be made */
        struct aiu_query *there; /* about another network namespace; NULL = as above */
        char directory[64], path[80];
} table;

static int socket_at(int type, const char *ip, uint16_t port, const char *device)
{
        struct live_address address = live_ip(ip, port, 0);
        int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return -1;
        if ((device && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device)) < 0) ||
            bind(fd, &address.sa.any, address.len) < 0 || (type == SOCK_STREAM && listen(fd, 1) < 0)) {
                close(fd);
                return -1;
        }
        return fd;
}

static void make_path(void)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void)snprintf(table.directory, sizeof(table.directory), "/tmp/aiu-worlds-XXXXXX");
        if (!mkdtemp(table.directory))
                wrong("mkdtemp: %s", strerror(errno));
        (void)snprintf(table.path, sizeof(table.path), "%s/socket", table.directory);
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", table.path);
        if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 1) < 0)
                wrong("%s: %s", table.path, strerror(errno));
}

/* A socket that stays in a namespace which the thread has left again, and a question about that namespace. */
static void go_away_and_back(void)
{
        int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), there;

        table.away = -1;
        if (unshare(CLONE_NEWNET) < 0) {
                printf("     left out: no other network namespace can be made here\n");
                close(home);
                return;
        }
        table.away = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        there = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        if (setns(home, CLONE_NEWNET) < 0 || aiu_query_new(NULL, &table.there) < 0 ||
            aiu_query_set_netns(table.there, there) < 0)
                wrong("setns: %s", strerror(errno));
        close(there);
        close(home);
}

static struct aiu_report *run(struct aiu_query *query)
{
        struct aiu_report *report = NULL;
        int r = aiu_query_run(query, &report);

        if (r < 0)
                wrong("the query failed: %s", strerror(-r));
        return report;
}

static int set_name(struct aiu_query *query, const char *name)
{
        struct live_address address = live_path(name);

        return aiu_query_set_address(query, &address.sa.any, address.len);
}

static struct aiu_query *query_about(const char *address, uint16_t port, int type)
{
        struct aiu_query *query = NULL;
        int r = aiu_query_new(NULL, &query);

        if (r >= 0)
                r = address[0] == '/' || address[0] == '@' ? set_name(query, address)
                                                           : aiu_query_set_address_string(query, address, port);
        if (r >= 0)
                r = aiu_query_set_socket(query, type, 0);
        if (r < 0)
                wrong("%s: %s", address, strerror(-r));
        return query;
}

static void expect(const char *address, uint16_t port, int type, enum aiu_verdict truth)
{
        struct aiu_query *query = query_about(address, port, type);
        struct aiu_report *report = run(query);

        check_report(report, truth);
        if (aiu_report_get_verdict(report) == AIU_VERDICT_UNKNOWN)
                printf("     %s, port %u: unknown\n", address, (unsigned)port);
        aiu_report_unref(report);
        aiu_query_unref(query);
}

static void ask_about_device(void)
{
        struct aiu_query *query = query_about("127.0.0.1", ON_DEVICE, SOCK_STREAM);
        struct aiu_report *report;
        const char *name;
        int r = aiu_query_set_device(query, "lo");

        if (r < 0)
                wrong("set_device: %s", strerror(-r));
        if (aiu_query_set_device(query, "nosuch") != -ENODEV)
                wrong("an interface that there is not");
        report = run(query);
        if (aiu_report_get_verdict(report) != AIU_VERDICT_IN_USE)
                wrong("%s", aiu_report_get_summary(report));
        name = aiu_conflict_get_device(aiu_report_get_conflict(report, 0));
        if (!name || strcmp(name, "lo") != 0)
                wrong("the device is %s", name ? name : "not named");
        aiu_report_unref(report);
        aiu_query_unref(query);
}

static void ask_about_descriptors(void)
{
        struct live_address address = live_ip("127.0.0.1", HELD, 0);
        struct aiu_report *report = aiu_explain_bind(table.asking, &address.sa.any, address.len, EADDRINUSE);

        if (!report || aiu_report_get_verdict(report) != AIU_VERDICT_IN_USE)
                wrong("explain_bind: %s", report ? aiu_report_get_summary(report) : strerror(errno));
        aiu_report_unref(report);
        report = aiu_explain_listen(table.on_device, EADDRINUSE);
        if (!report)
                wrong("explain_listen: %s", strerror(errno));
        aiu_report_unref(report);
}

/* It could be entered, by setns(2) alone: unknown, and a gap says why. */
static void ask_about_elsewhere(void)
{
        struct live_address address = live_ip("127.0.0.1", HELD, 0);
        struct aiu_report *report;

        if (table.away < 0)
                return;
        if (aiu_query_set_device(table.there, "lo") != -EPERM)
                wrong("an interface of another namespace, without setns(2)");
        if (aiu_query_set_address_string(table.there, "127.0.0.1", HELD) < 0)
                wrong("set_address_string");
        report = run(table.there);
        if (aiu_report_get_verdict(report) != AIU_VERDICT_UNKNOWN)
                wrong("%s", aiu_report_get_summary(report));
        check_report(report, AIU_VERDICT_AVAILABLE);
        aiu_report_unref(report);
        report = aiu_explain_bind(table.away, &address.sa.any, address.len, 0);
        if (!report)
                wrong("explain_bind: %s", strerror(errno));
        check_report(report, AIU_VERDICT_AVAILABLE);
        aiu_report_unref(report);
}

static void ask_all(void)
{
        must_know(0);
        ask_about_device();
        expect("127.0.0.1", DATAGRAMS, SOCK_DGRAM, AIU_VERDICT_IN_USE);
        expect("127.0.0.1", FREE, SOCK_DGRAM, AIU_VERDICT_AVAILABLE);
        expect("fe80::aaaa%lo", FREE, SOCK_STREAM, AIU_VERDICT_NOT_LOCAL);
        expect("*", 0, SOCK_STREAM, AIU_VERDICT_AVAILABLE);
        expect(table.path, 0, SOCK_STREAM, AIU_VERDICT_IN_USE);
        expect("/tmp/aiu-worlds-no-such", 0, SOCK_STREAM, AIU_VERDICT_AVAILABLE);
        expect("@aiu-worlds-no-such", 0, SOCK_STREAM, AIU_VERDICT_AVAILABLE);
        expect("203.0.113.9", FREE, SOCK_STREAM, AIU_VERDICT_NOT_LOCAL);
        ask_about_descriptors();
        ask_about_elsewhere();
}

static void *filtered(void *unused)
{
        (void)unused;
        only_documented();
        ask_all();
        return NULL;
}

void filter_of_a_thread(void)
{
        static char out[4096];
        pthread_t thread;

        /* Otherwise stdio asks by ioctl(2) whether this is a terminal. */
        (void)setvbuf(stdout, out, _IOFBF, sizeof(out));
        table.on_device = socket_at(SOCK_STREAM, "127.0.0.1", ON_DEVICE, "lo");
        table.asking = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (table.on_device < 0 || table.asking < 0 || socket_at(SOCK_DGRAM, "127.0.0.1", DATAGRAMS, NULL) < 0)
                wrong("the scene: %s", strerror(errno));
        make_path();
        go_away_and_back();
        (void)check_both(0); /* what a sanitizer or the C library does once */
        if (pthread_create(&thread, NULL, filtered, NULL) != 0)
                wrong("pthread_create");
        (void)pthread_join(thread, NULL);
        (void)unlink(table.path);
        (void)rmdir(table.directory);
        aiu_query_unref(table.there);
}
