/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A walk that is blind, or sees too little: sock_diag(7) contradicts it, and the module is switched off. The sockets and
 * the answers of the kernel are real, the programs are not.
 */
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf/module.h"
#include "fixture/run-suite.h"

static struct wire wire;
static unsigned int n_walks, n_seen;
static uint64_t cookies[2];

/* ------------------------------------------------------ run.c and names.c, without BPF */

int run_walk(struct module *module, int protocol, uint16_t port)
{
        (void)protocol;
        module->wire->port = port;
        module->wire->n_sockets = n_seen;
        for (unsigned int i = 0; i < n_seen; i++)
                module->wire->sockets[i].cookie = cookies[i];
        n_walks++;
        return 0;
}

enum aiu_tristate run_find_own(struct module *module, pid_t pid, uint64_t cookie, uint64_t inode)
{
        (void)module, (void)pid, (void)cookie, (void)inode;
        return AIU_TRISTATE_UNKNOWN;
}

int names_sockets(struct module *module, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        (void)module, (void)request, (void)snapshot;
        return AIU_PARTIAL;
}

void module_lock(struct module *module)
{
        (void)module;
}

void module_unlock(struct module *module)
{
        (void)module;
}

/* ------------------------------------------------------ sockets of one port, IPv4 and IPv6 */

static uint64_t cookie_of(int fd)
{
        uint64_t cookie = 0;
        socklen_t bytes = sizeof(cookie);

        ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &bytes), 0);
        return cookie;
}

static int bind_v4(int type, uint16_t *ret_port)
{
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
        socklen_t bytes = sizeof(in);

        ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, bytes), 0);
        ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&in, &bytes), 0);
        *ret_port = ntohs(in.sin_port);
        return fd;
}

/* -1: this host has no IPv6. */
static int bind_v6(int type, uint16_t port)
{
        struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_loopback };
        int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0);

        if (fd < 0 || bind(fd, (struct sockaddr *)&in6, sizeof(in6)) == 0)
                return fd;
        close(fd);
        return -1;
}

struct scene {
        int v4, v6, protocol;
        uint16_t port;
        unsigned int n;
        struct module module;
};

static void begin(struct scene *scene, int type)
{
        *scene = (struct scene){ .protocol = type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP,
                                 .module = { .wire = &wire } };
        scene->v4 = bind_v4(type, &scene->port);
        scene->v6 = bind_v6(type, scene->port);
        if (type == SOCK_STREAM) {
                ck_assert_int_eq(listen(scene->v4, 1), 0);
                ck_assert(scene->v6 < 0 || listen(scene->v6, 1) == 0);
        }
        cookies[scene->n++] = cookie_of(scene->v4);
        if (scene->v6 >= 0)
                cookies[scene->n++] = cookie_of(scene->v6);
        n_walks = 0;
}

static void end(struct scene *scene)
{
        close(scene->v4);
        if (scene->v6 >= 0)
                close(scene->v6);
}

static void check_walks(int type)
{
        struct scene scene;

        begin(&scene, type);
        n_seen = scene.n;
        ck_assert_int_eq(walk_checked(&scene.module, scene.protocol, scene.port), 0);
        ck_assert(!scene.module.broken && n_walks == 1);
        /* The last one is missing: that of IPv6, if there is one. */
        n_seen = scene.n - 1;
        ck_assert_int_eq(walk_checked(&scene.module, scene.protocol, scene.port), -EBADE);
        ck_assert(scene.module.broken && n_walks > 2);
        end(&scene);
}

START_TEST(test_udp)
{
        check_walks(SOCK_DGRAM);
}
END_TEST

START_TEST(test_tcp)
{
        check_walks(SOCK_STREAM);
}
END_TEST

/* What sock_diag(7) does not show may be younger than its answer. */
START_TEST(test_more_is_no_contradiction)
{
        struct scene scene;

        begin(&scene, SOCK_DGRAM);
        end(&scene);
        n_seen = scene.n;
        ck_assert_int_eq(walk_checked(&scene.module, IPPROTO_UDP, scene.port), 0);
        ck_assert(!scene.module.broken);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("bpf-contradiction");
        TCase *tests = tcase_create("contradiction");
        struct listeners listeners;

        if (listeners_read(IPPROTO_UDP, 1, &listeners) < 0)
                return 77;
        free(listeners.cookies);
        tcase_add_test(tests, test_udp);
        tcase_add_test(tests, test_tcp);
        tcase_add_test(tests, test_more_is_no_contradiction);
        suite_add_tcase(suite, tests);
        return run_suite(suite);
}
