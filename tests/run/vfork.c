/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vfork PORT: a bind that fails in a child of vfork(2), which shares the memory, then in the parent. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
        struct sockaddr_in address = { .sin_family = AF_INET };
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        volatile int in_child = 0;
        pid_t child;

        if (argc < 2)
                return 2;
        address.sin_port = htons((uint16_t)atoi(argv[1]));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        child = vfork();
        if (child == 0) {
                if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                        in_child = errno;
                _exit(0);
        }
        (void)waitpid(child, NULL, 0);
        printf("in the child %d\n", in_child);
        if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                printf("in the parent %d\n", errno);
        return 0;
}
