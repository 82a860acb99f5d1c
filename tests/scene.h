/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Questions, sockets and scenes for the tests of the pure files, in few words. */
#ifndef SCENE_H
#define SCENE_H

#include "verdict.h"

/* "127.0.0.1", "::"...; the test fails on text that is no address. */
struct address scene_address(const char *ip, uint16_t port);
/* An AF_UNIX address: a path, or an abstract name with the NUL that it begins with. */
struct address scene_unix(const char *bytes, size_t n);
/* A TCP bind() to port 80 of `ip`, uid 1000, nothing set. */
struct question scene_question(const char *ip);
/* A TCP socket of uid 1000 on port 80 of `ip`, with a file, its options not known. */
struct socket scene_socket(const char *ip, enum aiu_state state);
/* A TIME_WAIT minisock with 30 s left. */
struct socket scene_time_wait(const char *ip);
/* Everything about the host is favourable and known. */
struct host scene_host(void);
struct verdict scene_verdict(const struct question *question, const struct socket *sockets, size_t n);

#endif
