/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The floor: what the kernel alone takes for one dump of a port's sockets, and for a
 * walk over every descriptor, with nothing done with the answers.
 *
 *   bare PORT           the dump
 *   bare PORT walk      the dump and the walk
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Alignas(8) char buffer[32768], dents[32768];

struct dent {
        uint64_t inode;
        int64_t offset;
        uint16_t bytes;
        uint8_t type;
        char name[];
};

static int dump(uint16_t port)
{
        struct {
                struct nlmsghdr header;
                struct inet_diag_req request;
        } message = {
                .header = { .nlmsg_len = sizeof(message),
                            .nlmsg_type = TCPDIAG_GETSOCK,
                            .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
                .request = { .idiag_family = AF_INET, .idiag_states = ~0u, .id.idiag_sport = htons(port) },
        };
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

        if (fd < 0 || send(fd, &message, sizeof(message), 0) < 0)
                return 1;
        for (;;) {
                ssize_t n = recv(fd, buffer, sizeof(buffer), 0);
                const struct nlmsghdr *h = (const void *)buffer;

                if (n <= 0)
                        return 1;
                for (; n >= (ssize_t)sizeof(*h) && h->nlmsg_len <= n;
                     n -= (ssize_t)NLMSG_ALIGN(h->nlmsg_len),
                     h = (const void *)((const char *)h + NLMSG_ALIGN(h->nlmsg_len)))
                        if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
                                return 0;
        }
}

static void walk_table(int table)
{
        struct statx stx;
        long n;

        while ((n = syscall(SYS_getdents64, table, buffer, sizeof(buffer))) > 0)
                for (long at = 0; at < n;) {
                        const struct dent *d = (const void *)(buffer + at);

                        at += d->bytes;
                        if (d->name[0] != '.')
                                (void)statx(table, d->name, AT_STATX_DONT_SYNC, STATX_INO | STATX_TYPE, &stx);
                }
}

static void walk(void)
{
        int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        long n;

        while ((n = syscall(SYS_getdents64, proc, dents, sizeof(dents))) > 0)
                for (long at = 0; at < n;) {
                        const struct dent *d = (const void *)(dents + at);
                        char path[32];
                        int table;

                        at += d->bytes;
                        if (d->name[0] < '1' || d->name[0] > '9')
                                continue;
                        snprintf(path, sizeof(path), "%.16s/fd", d->name);
                        table = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                        if (table < 0)
                                continue;
                        walk_table(table);
                        close(table);
                }
        close(proc);
}

int main(int argc, char **argv)
{
        int r = dump((uint16_t)(argc > 1 ? atoi(argv[1]) : 1));

        if (argc > 2)
                walk();
        return r;
}
