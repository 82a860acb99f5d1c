/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hold sctp|vsock: listens on 127.0.0.1:7000, or on port 7000 of each CID, and says so. Exit status 77: this kernel has
 * no such sockets.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#define PORT 7000

static int bind_one(int vsock)
{
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(PORT) };
        struct sockaddr_vm vm = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = PORT };
        int fd = vsock ? socket(AF_VSOCK, SOCK_STREAM, 0) : socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP);

        in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (fd < 0)
                return -errno;
        if (bind(fd, vsock ? (struct sockaddr *)&vm : (struct sockaddr *)&in, vsock ? sizeof(vm) : sizeof(in)) < 0)
                return -errno;
        return listen(fd, 1) < 0 ? -errno : 0;
}

int main(int argc, char **argv)
{
        int vsock = argc > 1 && strcmp(argv[1], "vsock") == 0, first = bind_one(vsock), second;

        if (first < 0) {
                printf("%s: %s\n", argv[argc > 1], strerror(-first));
                return 77;
        }
        second = bind_one(vsock);
        printf("held\n");
        (void)fflush(stdout);
        if (second != -EADDRINUSE)
                return 1;
        (void)pause();
        return 0;
}
