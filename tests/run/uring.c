/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* uring PORT: bind by io_uring (IORING_OP_BIND, Linux 6.11); prints the result. */
#include <arpa/inet.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OP_BIND 56

static void *map(int ring, size_t bytes, off_t what)
{
        return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, what);
}

int main(int argc, char **argv)
{
        struct io_uring_params p = { 0 };
        struct sockaddr_in address = { .sin_family = AF_INET };
        int ring = (int)syscall(SYS_io_uring_setup, 4, &p), fd = socket(AF_INET, SOCK_STREAM, 0);
        struct io_uring_sqe *entry;
        struct io_uring_cqe *result;
        char *submit, *complete;

        if (argc < 2 || ring < 0) {
                puts("no io_uring");
                return 1;
        }
        submit = map(ring, p.sq_off.array + p.sq_entries * 4, IORING_OFF_SQ_RING);
        complete = map(ring, p.cq_off.cqes + p.cq_entries * sizeof(*result), IORING_OFF_CQ_RING);
        entry = map(ring, p.sq_entries * sizeof(*entry), IORING_OFF_SQES);
        address.sin_port = htons((uint16_t)atoi(argv[1]));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        memset(entry, 0, sizeof(*entry));
        entry->opcode = OP_BIND;
        entry->fd = fd;
        entry->addr = (uintptr_t)&address;
        entry->addr2 = sizeof(address);
        *(unsigned int *)(void *)(submit + p.sq_off.array) = 0;
        __atomic_store_n((unsigned int *)(void *)(submit + p.sq_off.tail), 1, __ATOMIC_RELEASE);
        syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0);
        result = (struct io_uring_cqe *)(void *)(complete + p.cq_off.cqes);
        printf("%d\n", result->res);
        return 0;
}
