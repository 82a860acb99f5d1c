/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The module's door to bpf(2) and mmap(2). All else goes through util/sys.c. */
#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "bpf/sys-bpf.h"
#include "util/sys.h"

#define MOST_TRIES 5

#ifdef AIU_TESTING
int (*sys_bpf_fault)(void);
#endif

static int fault(void)
{
#ifdef AIU_TESTING
        return sys_bpf_fault ? sys_bpf_fault() : 0;
#else
        return 0;
#endif
}

int sys_bpf(int command, union bpf_attr *attribute)
{
        int tries = 0, refused = fault();
        long r;

        if (refused > 0)
                return -refused;
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
        void *memory =
                fault() ? MAP_FAILED
                        : mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);

        return memory == MAP_FAILED ? NULL : memory;
}

void sys_unmap(void *memory, size_t bytes)
{
        if (memory)
                (void)munmap(memory, bytes);
}

void *sys_map(size_t bytes, int fd, size_t offset, bool writable)
{
        void *memory = mmap(NULL, bytes, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED, fd, (off_t)offset);

        return memory == MAP_FAILED ? NULL : memory;
}

size_t sys_page_bytes(void)
{
        long bytes = sysconf(_SC_PAGESIZE);

        return bytes > 0 ? (size_t)bytes : 4096;
}

static int result(long r)
{
        return r < 0 ? -errno : (int)r;
}

int sys_perf_tracepoint(int id)
{
        struct perf_event_attr attribute;

        memset(&attribute, 0, sizeof(attribute));
        attribute.size = sizeof(attribute);
        attribute.type = PERF_TYPE_TRACEPOINT;
        attribute.config = (__u64)id;
        /* The programs of a tracepoint run on every CPU, whichever one the event is of. */
        return result(syscall(SYS_perf_event_open, &attribute, -1, 0, -1, PERF_FLAG_FD_CLOEXEC));
}

int sys_perf_run(int event, int program)
{
        int r = result(ioctl(event, PERF_EVENT_IOC_SET_BPF, program));

        return r < 0 ? r : result(ioctl(event, PERF_EVENT_IOC_ENABLE, 0));
}

int sys_timer_create(void)
{
        return result(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
}

int sys_timer_set(int timer, uint64_t nsec)
{
        struct itimerspec when = { .it_value = { .tv_sec = (time_t)(nsec / 1000000000),
                                                 .tv_nsec = (long)(nsec % 1000000000) } };

        return result(timerfd_settime(timer, 0, &when, NULL));
}
