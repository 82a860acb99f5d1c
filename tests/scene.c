/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Questions, sockets and scenes for the tests of the pure files: see scene.h. */
#include <check.h>
#include <string.h>

#include "address.h"
#include "scene.h"

struct address scene_address(const char *ip, uint16_t port)
{
        struct address address;
        const char *scope;

        ck_assert_int_eq(address_parse(ip, port, &address, &scope), 0);
        return address;
}

struct address scene_unix(const char *bytes, size_t n)
{
        struct address a = { .len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n) };

        a.sa.un.sun_family = AF_UNIX;
        memcpy(a.sa.un.sun_path, bytes, n);
        return a;
}

struct question scene_question(const char *ip)
{
        return (struct question){
                .address = scene_address(ip, 80), .type = SOCK_STREAM, .uid = 1000, .listen = true,
                .call = AIU_CALL_BIND,
        };
}

struct socket scene_socket(const char *ip, enum aiu_state state)
{
        return (struct socket){
                .type = SOCK_STREAM, .protocol = IPPROTO_TCP, .state = state, .local = scene_address(ip, 80),
                .inode = 7, .cookie = 70, .uid = 1000,
        };
}

struct socket scene_time_wait(const char *ip)
{
        struct socket s = scene_socket(ip, AIU_STATE_TIME_WAIT);

        s.inode = 0;
        s.uid = UID_UNKNOWN;
        s.minisock = true;
        s.expires_usec = 30000000;
        s.peer = scene_address("127.0.0.9", 4000);
        return s;
}

struct host scene_host(void)
{
        return (struct host){
                .address_local = YES, .address_tentative = NO, .nonlocal_bind = NO, .privileged = YES,
                .unprivileged_port_start = 1024, .port_range_first = 32768, .port_range_last = 60999,
                .ipv6_enabled = YES,
        };
}

struct verdict scene_verdict(const struct question *question, const struct socket *sockets, size_t n)
{
        struct host host = scene_host();
        struct scene scene = {
                .question = question, .host = &host, .sockets = sockets, .n_sockets = n, .sockets_complete = true,
        };

        return verdict_conclude(&scene);
}
