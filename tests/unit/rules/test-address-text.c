/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* address-text.c: what people paste, and what is understood. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rules/address-text.h"
#include "rules/address.h"
#include "fixture/run-suite.h"
#include "util/macro.h"

#define P108                                                                                                           \
        "/234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456"   \
        "78"

/* Understood: address, "%" and scope, "=" and service, protocol. "*:": every address. */
static const char *const good[][2] = {
        /* what addrinuse(1) always took */
        { "8080", "*:8080" },
        { "127.0.0.1:8080", "127.0.0.1:8080" },
        { "[::1]:8080", "[::1]:8080" },
        { "[fe80::1%eth0]:80", "[fe80::1]:80 %eth0" },
        { ":8080", "*:8080" },
        { "*:8080", "*:8080" },
        { "localhost:http", "127.0.0.1:0 =http" },
        { "8080/udp", "*:8080 2/17" },
        { "127.0.0.1:8080/mptcp", "127.0.0.1:8080 1/262" },
        { "/run/x.sock", "/run/x.sock" },
        { "/run/my socket", "/run/my socket" },
        { P108, P108 },
        { "@abstract", "@abstract" },
        { "@my name", "@my name" },
        { "@a\\x41\\x7f", "@aA\\x7f" },
        { "@a\\x00b\\\\c\\x", "@a\\x00b\\\\c\\\\x" },
        { "@", "@" },
        { "0", "*:0" },
        { "00080", "*:80" },
        { " 8080\n", "*:8080" },
        { "tftp", "*:0 =tftp" },
        { "9pfs", "*:0 =9pfs" },
        /* as other programs print them */
        { ":::3000", "[::]:3000" },
        { "::1:3000", "[::1]:3000" },
        { "fe80::1%eth0:80", "[fe80::1]:80 %eth0" },
        { "127.0.0.53%lo:53", "127.0.0.53:53" },
        { "0.0.0.0.3000", "0.0.0.0:3000" },
        { "*.3000", "*:3000" },
        { "::1.3000", "[::1]:3000" },
        { "127.1:3000", "127.0.0.1:3000" },
        { "10.1.513:80", "10.1.2.1:80" },
        { "3000/TCP", "*:3000 1/6" },
        { "8080/tcp6", "[::]:8080 1/6" },
        { "8080/udp4", "0.0.0.0:8080 2/17" },
        { "[::1]:80/tcp6", "[::1]:80 1/6" },
        { "tcp/3000", "*:3000 1/6" },
        { "tcp:http", "*:0 =http 1/6" },
        { "udp:53", "*:53 2/17" },
        { "udp:127.0.0.1:53", "127.0.0.1:53 2/17" },
        { "tcp://0.0.0.0:80", "0.0.0.0:80 1/6" },
        { "tcp://:80", "*:80 1/6" },
        { "http://localhost:3000/", "127.0.0.1:3000" },
        { "http://127.0.0.1:3000/a?b=1", "127.0.0.1:3000" },
        { "http://me:secret@127.0.0.1:3000", "127.0.0.1:3000" },
        { "http://+:5000", "*:5000" },
        { "HTTP://[::1]", "[::1]:80" },
        { "ws://127.0.0.1", "127.0.0.1:80" },
        { "https://localhost#x", "127.0.0.1:443" },
        { "wss://localhost", "127.0.0.1:443" },
        { "redis://127.0.0.1/0", "127.0.0.1:0 =redis" },
        { "localhost:3000/", "127.0.0.1:3000" },
        { "0.0.0.0:8080->80/tcp", "0.0.0.0:8080 1/6" },
        { "unix:///run/x.sock", "/run/x.sock" },
        { "unix:/run/x.sock", "/run/x.sock" },
        { "unix:@x", "@x" },
        { "vsock:2:1024", "vsock:2:1024 1/0" },
        { "vsock::1024", "vsock:*:1024 1/0" },
        { "vsock:*:1024", "vsock:*:1024 1/0" },
        { "vsock:-1:4294967295", "vsock:*:* 1/0" },
        { "VSOCK://3:80", "vsock:3:80 1/0" },
        { "qemu-ga: bind to vsock:3:1234: Address already in use", "vsock:3:1234 1/0" },
        { "unix:path=/run/x", "/run/x" },
        { "unix:abstract=/tmp/x", "@/tmp/x" },
        { "./x.sock", "./x.sock" },
        { "../x.sock", "../x.sock" },
        { "run/x.sock", "run/x.sock" },
        /* lines of logs */
        { "Error: listen EADDRINUSE: address already in use :::3000", "[::]:3000" },
        { "Error: listen EADDRINUSE: address already in use 127.0.0.1:3001", "127.0.0.1:3001" },
        { "Error: listen EADDRINUSE: address already in use /run/x.sock", "/run/x.sock" },
        { "2026/01/02 03:04:05 listen tcp :3002: bind: address already in use", "*:3002 1/6" },
        { "panic: listen tcp 127.0.0.1:3003: bind: address already in use", "127.0.0.1:3003 1/6" },
        { "listen unix /run/docker.sock: bind: address already in use", "/run/docker.sock" },
        { "nginx: [emerg] bind() to 0.0.0.0:3004 failed (98: Address already in use)", "0.0.0.0:3004" },
        { "nginx: [emerg] bind() to [::]:3005 failed (98: Address already in use)", "[::]:3005" },
        { "nginx: [emerg] bind() to unix:/run/x.sock failed (98: Address already in use)", "/run/x.sock" },
        { "/usr/sbin/nginx: bind() to 0.0.0.0:80 failed", "0.0.0.0:80" },
        { "Error starting userland proxy: listen tcp4 0.0.0.0:3006: bind: address already in use", "0.0.0.0:3006 1/6" },
        { "listen udp 127.0.0.1:3007: bind: address already in use", "127.0.0.1:3007 2/17" },
        { "listen tcp4 :80: bind: address already in use", "0.0.0.0:80 1/6" },
        { "cannot bind socket (Address already in use) [0.0.0.0:80]", "0.0.0.0:80" },
        { "Failed to create listening socket ([::]:80): Address already in use", "[::]:80" },
        { "Could not create server TCP listening socket *:6379: bind: Address already in use", "*:6379 1/6" },
        { "[Errno 98] error while attempting to bind on address ('0.0.0.0', 8000): address already in use",
          "0.0.0.0:8000" },
        { "Connection in use: ('::', 8000)", "[::]:8000" },
        { "error: Bind to port 22 on 0.0.0.0 failed: Address already in use.", "0.0.0.0:22" },
        { "error: Bind to port 22 on :: failed: Address already in use.", "[::]:22" },
        { "Address already in use - bind(2) for \"127.0.0.1\" port 3000 (Errno::EADDRINUSE)", "127.0.0.1:3000" },
        { "Web server failed to start. Port 8080 was already in use.", "*:8080" },
        { "failed to create listening socket for port 53: Address already in use", "*:53" },
        { "{\"code\":\"EADDRINUSE\",\"address\":\"::\",\"port\":3000}", "[::]:3000" },
        { "Failed to listen on localhost:8000 (reason: Address already in use)", "127.0.0.1:8000" },
        { "Failed to bind to address http://127.0.0.1:5000: address already in use.", "127.0.0.1:5000" },
        { "AH00072: make_sock: could not bind to address [::]:80", "[::]:80" },
        { "tcp6       0      0 :::8080       :::*     LISTEN      812/java", "[::]:8080 1/6" },
        { "udp   UNCONN 0  0   127.0.0.53%lo:53   0.0.0.0:*", "127.0.0.53:53 2/17" },
        { "node 812 deploy 18u IPv6 4711 0t0 TCP *:3000 (LISTEN)", "*:3000 1/6" },
        { "client 10.0.0.1:4444: bind() to 0.0.0.0:80 failed", "0.0.0.0:80" },
        { "client 10.0.0.1:4444 left", "10.0.0.1:4444" },
        { "8080/tcp is in use", "*:8080 1/6" },
};

static void describe(const struct address_text *t, char *to, size_t bytes)
{
        char address[ADDRESS_TEXT_BYTES];
        size_t n;

        address_print_port(&t->address, address, sizeof(address));
        n = (size_t)snprintf(to, bytes, "%s%s", t->every_address ? "*" : "", address + (t->every_address ? 4 : 0));
        if (t->scope[0])
                n += (size_t)snprintf(to + n, bytes - n, " %%%s", t->scope);
        if (t->service[0])
                n += (size_t)snprintf(to + n, bytes - n, " =%s", t->service);
        if (t->type)
                (void)snprintf(to + n, bytes - n, " %d/%d", t->type, t->protocol);
}

START_TEST(understood)
{
        char found[1024];
        struct address_text t;

        ck_assert_msg(address_text_parse(good[_i][0], &t) == 0, "\"%s\" is refused", good[_i][0]);
        describe(&t, found, sizeof(found));
        ck_assert_msg(strcmp(found, good[_i][1]) == 0, "\"%s\" is read as %s, not as %s", good[_i][0], found,
                      good[_i][1]);
}
END_TEST

static const char *const bad[] = {
        "",
        " ",
        "70000",
        "99999999999999999999999",
        "-1",
        "8 080",
        "[::1",
        "[::1]",
        "[::1]80",
        "[::1]:",
        "[localhost]:80",
        "::",
        "::1",
        ":",
        "fe80::1",
        "1:2:3:4:5:6:7:8",
        "[fe80::1%aninterfacewithanameofmorethan31bytes]:80",
        "127.0.0.1:http:80",
        "127.0.0.1:70000",
        "127.0.0.1:",
        "256.0.0.1:80",
        "1.2.3.4.70000",
        "1.2.3.4.5.6:80",
        "127.:80",
        "127.16777216:80",
        "8080/ipx",
        "127.0.0.1:80/x",
        "127.0.0.1:80/tcp6",
        "[::1]:80/tcp4",
        "tcp://80/",
        "tcp://localhost",
        "http://example.com/",
        "http://",
        "unix:",
        "vsock:",
        "vsock:2",
        "vsock:2:",
        "vsock:x:1",
        "vsock:1:x",
        "vsock:4294967296:1",
        "vsock://",
        "\x1b[31m",
        "@123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678",
        P108 "9",
        "aservicewithanameofmorethan63bytesaservicewithanameofmorethan63bytes",
        "3000,3001",
        "3000-3010",
        "3000-3010/udp",
        "8080\n8081",
        "hello world",
        "java.net.BindException: Address already in use (Bind failed)",
        "at Server.listen (/srv/shop/server.js:12)",
        "at node:net:1817:16 of 2026-01-02T03:04:05 /index.html",
        "Port is in use",
};

START_TEST(refused)
{
        struct address_text t = { .type = 4711 };

        ck_assert_msg(address_text_parse(bad[_i], &t) == -EINVAL, "\"%s\" is taken", bad[_i]);
        ck_assert_int_eq(t.type, 4711);
}
END_TEST

START_TEST(nothing)
{
        struct address_text t;

        ck_assert_int_eq(address_text_parse(NULL, &t), -EINVAL);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("address-text");
        TCase *tcase = tcase_create("all");

        tcase_add_loop_test(tcase, understood, 0, (int)ELEMENTSOF(good));
        tcase_add_loop_test(tcase, refused, 0, (int)ELEMENTSOF(bad));
        tcase_add_test(tcase, nothing);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
