/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Target "proc-net": one line of /proc/net/tcp, tcp6, udp, unix... A name stays inside its line. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "backend/procfs/proc-net-parse.h"
#include "fuzz.h"

static void inet(const char *line, size_t n, uint8_t which)
{
        int family = which & 1 ? AF_INET6 : AF_INET, protocol = which & 2 ? IPPROTO_UDP : IPPROTO_TCP, r;
        struct proc_net_socket socket;

        r = proc_net_parse_inet(line, n, family, protocol, 100, &socket);
        require(r == 0 || r == -EBADMSG);
        if (r < 0)
                return;
        require(socket.local.ss_family == family && socket.fact.local == (struct sockaddr *)&socket.local);
        require(socket.fact.type == (protocol == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM));
}

static void unix_(const char *line, size_t n)
{
        struct proc_net_unix socket;
        int r = proc_net_parse_unix(line, n, &socket);

        require(r == 0 || r == -EBADMSG);
        if (r == 0 && socket.name_bytes > 0)
                require(socket.name >= line && socket.name + socket.name_bytes <= line + n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct bytes in = { data, size };
        uint8_t which = take_byte(&in);
        char *line = fuzz_string(in.at, in.n);

        if (which & 4)
                unix_(line, in.n);
        else
                inet(line, in.n, which);
        free(line);
        return 0;
}
