/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parsers for one line of a table in /proc/net. Pure, and fuzzed: see proc-net-parse.c. */
#ifndef AIU_PROC_NET_PARSE_H
#define AIU_PROC_NET_PARSE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "addrinuse-backend.h"

/* One socket out of tcp, tcp6, udp...; fact.local and fact.peer point in here. */
struct proc_net_socket {
        struct aiu_socket_fact fact;
        struct sockaddr_storage local, peer;
};

struct proc_net_unix {
        int type; /* SOCK_* */
        enum aiu_state state;
        uint64_t inode;
        const char *name;  /* as printed, in the line: '@' for every NUL */
        size_t name_bytes; /* 0 = unnamed */
};

/*
 * 0, or -EBADMSG for what is no such line (headers among them). `ticks` is the
 * number of clock ticks in a second that timers are printed in.
 */
int proc_net_parse_inet(const char *line, size_t bytes, int family, int protocol, long ticks,
                        struct proc_net_socket *ret);
int proc_net_parse_unix(const char *line, size_t bytes, struct proc_net_unix *ret);

#endif
