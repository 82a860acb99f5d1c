/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* i386 PORT: socketcall(SYS_BIND) and bind() as a 32-bit program calls them, and a number of x32. Status 1: no such calls. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __x86_64__
static long call32(long nr, long a, long b, long c)
{
        long r;

        __asm__ volatile("int $0x80" : "=a"(r) : "a"(nr), "b"(a), "c"(b), "d"(c) : "memory", "r8", "r9", "r10", "r11");
        return (int)r;
}

int main(int argc, char **argv)
{
        char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
        struct sockaddr_in address = { .sin_family = AF_INET };
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        uint32_t *words = (uint32_t *)(void *)(low + 64);

        /* getpid(): a kernel without 32-bit calls kills the program. */
        if (argc < 2 || low == MAP_FAILED || call32(20, 0, 0, 0) != getpid())
                return 1;
        address.sin_port = htons((uint16_t)atoi(argv[1]));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        memcpy(low, &address, sizeof(address));
        words[0] = (uint32_t)fd;
        words[1] = (uint32_t)(uintptr_t)low;
        words[2] = sizeof(address);
        printf("socketcall %ld\n", call32(102, 2, (long)words, 0));
        printf("bind %ld\n", call32(361, fd, (long)low, sizeof(address)));
        if (syscall(0x40000000 | 49, fd, low, sizeof(address)) < 0 && errno == ENOSYS)
                printf("no x32\n");
        return 0;
}
#else
int main(void)
{
        return 1;
}
#endif
