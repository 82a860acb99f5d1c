/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The module's door to bpf(2) and mmap(2). All else goes through util/sys.c. */
#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bpf/sys-bpf.h"
#include "util/sys.h"

#define MOST_TRIES 5

int sys_bpf(int command, union bpf_attr *attribute)
{
        long r;
        int tries = 0;

        do
                r = syscall(SYS_bpf, command, attribute, sizeof(*attribute));
        while (r < 0 && (errno == EAGAIN || errno == EINTR) && ++tries < MOST_TRIES);
        return r < 0 ? -errno : (int)r;
}

void sys_bpf_close(int fd)
{
        (void)sys_close(fd);
}

void *sys_map_shared(size_t bytes, int fd)
{
        void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);

        return memory == MAP_FAILED ? NULL : memory;
}

void sys_unmap(void *memory, size_t bytes)
{
        if (memory)
                (void)munmap(memory, bytes);
}
