/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Servers and clients of the kernel that /proc shows.
 *
 *   nfsd    /proc/fs/nfsd/portlist: "tcp 2049", one line for each listener
 *           (svc_xprt_names()); connections to it have the same port
 *   nfs     /proc/net/nfsfs/servers: the servers that this host has mounted from. The connection
 *           has a reserved port, 665 to 1023 (xs_get_random_port()), which a daemon
 *           may want; it is known by its other end.
 *   rxrpc   /proc/net/rxrpc/locals: the UDP sockets below AF_RXRPC (AFS: port 7001)
 *
 * lockd and statd take ports that only rpcbind tells; where the administrator fixed
 * them, the sysctl fs.nfs.nlm_tcpport says which, and that is worth a word.
 */
#include "backend/kernel-user/kernel-user.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/sys.h"

#define MOST_BYTES (256u * 1024u)

static const char *next_line(const char *text)
{
        const char *end = strchr(text, '\n');

        return end ? end + 1 : text + strlen(text);
}

#define LINE_BYTES 512u /* more than the kernel makes of a host's name */

/* For sscanf(), to which the end of a line is a blank like any other. */
static void first_line(char to[LINE_BYTES], const char *text)
{
        (void)snprintf(to, LINE_BYTES, "%.*s", (int)strcspn(text, "\n"), text);
}

/* ------------------------------------------------------ nfsd */

int user_take_portlist(struct user_search *search, const char *text)
{
        for (; *text; text = next_line(text)) {
                struct kernel_candidate candidate = {
                        .service = "nfsd",
                        .any_local = true,
                        .command = { "rpc.nfsd", "0" },
                };
                char protocol[8];
                unsigned int port;
                int r;

                if (sscanf(text, "%7[a-z] %5u", protocol, &port) != 2 || port == 0 || port > UINT16_MAX)
                        continue;
                if (strcmp(protocol, "tcp") == 0)
                        candidate.protocol = IPPROTO_TCP;
                else if (strcmp(protocol, "udp") == 0)
                        candidate.protocol = IPPROTO_UDP;
                else
                        continue;
                candidate.port = (uint16_t)port;
                r = user_candidate(search, &candidate);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ------------------------------------------------------ NFS mounts */

/* "0a000001" or 32 digits: rpc_ntop with RPC_DISPLAY_HEX_ADDR. */
static bool parse_hex_address(const char *hex, unsigned int port, struct sockaddr_storage *ret)
{
        struct sockaddr_in *in = (struct sockaddr_in *)ret;
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
        size_t digits = strlen(hex);
        unsigned char bytes[16];

        if (digits != 8 && digits != 32)
                return false;
        for (size_t i = 0; i < digits / 2; i++) {
                const char two[] = { hex[2 * i], hex[2 * i + 1], '\0' };

                bytes[i] = (unsigned char)strtoul(two, NULL, 16);
        }
        memset(ret, 0, sizeof(*ret));
        if (digits == 8) {
                in->sin_family = AF_INET;
                in->sin_port = htons((uint16_t)port);
                memcpy(&in->sin_addr, bytes, sizeof(in->sin_addr));
        } else {
                in6->sin6_family = AF_INET6;
                in6->sin6_port = htons((uint16_t)port);
                memcpy(&in6->sin6_addr, bytes, sizeof(in6->sin6_addr));
        }
        return true;
}

/* "NV SERVER   PORT USE HOSTNAME", then "v4 0a000001  801   2 files.example" (hexadecimal). */
int user_take_nfs_servers(struct user_search *search, const char *text)
{
        for (text = next_line(text); *text; text = next_line(text)) {
                struct sockaddr_storage peer;
                char line[LINE_BYTES], hex[33], host[256];
                unsigned int port;
                struct kernel_candidate candidate = {
                        .service = "nfs",
                        .name = host,
                        .protocol = IPPROTO_TCP,
                        .peer = (const struct sockaddr *)&peer,
                };
                int r;

                first_line(line, text);
                if (sscanf(line, "v%*u %32[0-9a-f] %4x %*d %255s", hex, &port, host) != 3 || port == 0 ||
                    !parse_hex_address(hex, port, &peer))
                        continue;
                r = user_candidate(search, &candidate);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ------------------------------------------------------ rxrpc */

/* "10.0.0.1:7001" or "[::]:7001", as %pISpc prints it. */
static bool parse_endpoint(char *text, struct sockaddr_storage *ret)
{
        struct sockaddr_in *in = (struct sockaddr_in *)ret;
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
        char *colon = strrchr(text, ':');
        unsigned long port;

        memset(ret, 0, sizeof(*ret));
        if (!colon)
                return false;
        *colon = '\0';
        port = strtoul(colon + 1, NULL, 10);
        if (port == 0 || port > UINT16_MAX)
                return false;
        if (text[0] == '[' && colon > text && colon[-1] == ']') {
                colon[-1] = '\0';
                in6->sin6_family = AF_INET6;
                in6->sin6_port = htons((uint16_t)port);
                return inet_pton(AF_INET6, text + 1, &in6->sin6_addr) == 1;
        }
        in->sin_family = AF_INET;
        in->sin_port = htons((uint16_t)port);
        return inet_pton(AF_INET, text, &in->sin_addr) == 1;
}

/* "Proto Local ...", then "UDP   10.0.0.1:7001 ...". */
int user_take_rxrpc(struct user_search *search, const char *text)
{
        for (text = next_line(text); *text; text = next_line(text)) {
                struct sockaddr_storage local;
                char line[LINE_BYTES], where[64];
                struct kernel_candidate candidate = {
                        .service = "rxrpc",
                        .protocol = IPPROTO_UDP,
                        .local = (const struct sockaddr *)&local,
                };
                struct sockaddr_in in;
                int r;

                first_line(line, text);
                if (sscanf(line, "UDP %63s", where) != 1 || !parse_endpoint(where, &local))
                        continue;
                memcpy(&in, &local, sizeof(in));
                candidate.family = local.ss_family;
                candidate.port = ntohs(in.sin_port);
                r = user_candidate(search, &candidate);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ------------------------------------------------------ lockd */

static void look_at_lockd(struct user_search *search)
{
        const char *path =
                search->request->protocol == IPPROTO_TCP ? "sys/fs/nfs/nlm_tcpport" : "sys/fs/nfs/nlm_udpport";
        char text[16];

        if (user_all_held(search) || sys_read_file(search->request->procfs, path, text, sizeof(text)) <= 0 ||
            strtoul(text, NULL, 10) != search->request->port)
                return;
        (void)aiu_snapshot_add_gap(
                search->snapshot, AIU_GAP_UNKNOWN, 0,
                "fs.nfs.nlm_tcpport or nlm_udpport gives this port to the kernel's NFS lock manager (lockd): a socket "
                "without a visible process may belong to lockd");
}

/* ------------------------------------------------------ files */

static int read_and_take(struct user_search *search, const char *path,
                         int (*take)(struct user_search *search, const char *text))
{
        char *text;
        int r;

        r = sys_read_file_alloc(search->request->procfs, path, MOST_BYTES, &text, NULL);
        if (r == -ENOMEM)
                return r;
        /* Most hosts have neither of these servers, and no such file. */
        if (r < 0)
                return 0;
        r = take(search, text);
        free(text);
        return r;
}

int user_search_proc(struct user_search *search)
{
        int r;

        if (search->request->procfs < 0)
                return 0;
        r = read_and_take(search, "fs/nfsd/portlist", user_take_portlist);
        if (r == 0 && search->request->protocol == IPPROTO_TCP)
                r = read_and_take(search, "thread-self/net/nfsfs/servers", user_take_nfs_servers);
        if (r == 0 && search->request->protocol == IPPROTO_UDP)
                r = read_and_take(search, "thread-self/net/rxrpc/locals", user_take_rxrpc);
        if (r == 0)
                look_at_lockd(search);
        return r;
}
