/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watches by the tracepoints of the system calls. They see neither calls of 32-bit programs nor those of io_uring, and
 * each system call of the host takes a few nanoseconds more.
 *
 * The arguments are gone when a call ends, and where the registers kept them differs from architecture to
 * architecture: they are noted when the call begins.
 */
#include "watch.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct trace_event_raw_sys_enter {
        unsigned long args[6];
};
struct trace_event_raw_sys_exit {
        long ret;
};
struct file___watch {
        void *private_data;
};
struct inode___watch {
        __u16 i_mode;
};
#pragma clang attribute pop

enum {
        MAP_LRU_HASH = 9,
        MODE_TYPE = 0170000,
        MODE_SOCKET = 0140000,
};

struct arguments {
        __u64 address;
        __u32 fd, bytes;
};

struct {
        MAP_NUMBER(type, MAP_LRU_HASH);
        MAP_NUMBER(max_entries, 8192);
        MAP_TYPE(key, __u64);
        MAP_TYPE(value, struct arguments);
} calls SECTION(".maps");

INLINE int begin(const struct arguments *arguments)
{
        __u64 thread = current_pid_tgid();

        map_update(&calls, &thread, arguments, 0);
        return 0;
}

INLINE struct file *file_of(__u32 fd)
{
        struct task_struct *task = (struct task_struct *)current_task();
        struct files_struct *files = READ(task, files);
        struct fdtable *fdt = READ(files, fdt);
        struct file *file = NULL;

        if (fd < READ(fdt, max_fds))
                read_kernel(&file, sizeof(file), READ(fdt, fd) + fd);
        return file;
}

INLINE int end(long error, __u32 call)
{
        __u64 thread = current_pid_tgid();
        struct arguments *arguments;
        struct inode *inode;
        struct file *file;

        if (!is_of_interest(error))
                return 0;
        arguments = map_lookup(&calls, &thread);
        if (!arguments)
                return 0;
        file = file_of(arguments->fd);
        if (!file)
                return 0;
        inode = READ(file, f_inode);
        if ((READ((struct inode___watch *)inode, i_mode) & MODE_TYPE) != MODE_SOCKET)
                return 0;
        return tell(READ((struct file___watch *)file, private_data), (void *)arguments->address, 1,
                    (int)arguments->bytes, call, error);
}

SECTION("tracepoint/syscalls/sys_enter_bind") int bind_begins(struct trace_event_raw_sys_enter *context)
{
        struct arguments arguments = {
                .fd = (__u32)context->args[0],
                .address = context->args[1],
                .bytes = (__u32)context->args[2],
        };

        return begin(&arguments);
}

SECTION("tracepoint/syscalls/sys_exit_bind") int bind_ends(struct trace_event_raw_sys_exit *context)
{
        return end(context->ret, WATCH_BIND);
}

SECTION("tracepoint/syscalls/sys_enter_listen") int listen_begins(struct trace_event_raw_sys_enter *context)
{
        /* The record ends behind the second argument: perf refuses a program that reads a third. */
        struct arguments arguments = { .fd = (__u32)context->args[0] };

        return begin(&arguments);
}

SECTION("tracepoint/syscalls/sys_exit_listen") int listen_ends(struct trace_event_raw_sys_exit *context)
{
        return end(context->ret, WATCH_LISTEN);
}
