/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the module alone asks of the kernel, beside util/sys.h. Each returns its result or a negative errno. */
#ifndef AIU_BPF_SYS_BPF_H
#define AIU_BPF_SYS_BPF_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* bpf(2). The kernel gives up with EAGAIN if a signal comes while it verifies: a few times more are tried. */
int sys_bpf(int command, union bpf_attr *attribute);
void sys_bpf_close(int fd);
/* Memory that forked children share: of a map or, with -1, fresh and zero. NULL = failed. */
void *sys_map_shared(size_t bytes, int fd);
void sys_unmap(void *memory, size_t bytes);
/* A part of a map's memory. NULL = failed. */
void *sys_map(size_t bytes, int fd, size_t offset, bool writable);
size_t sys_page_bytes(void);
/* The event of a tracepoint, by its number, on all CPUs; sys_perf_run() attaches a program to it. CLOEXEC. */
int sys_perf_tracepoint(int id);
int sys_perf_run(int event, int program);
/* A timerfd, CLOEXEC. */
int sys_timer_create(void);
int sys_timer_set(int timer, uint64_t nsec); /* once; 0 = never */

#ifdef AIU_TESTING
/* The seam for fault tests, as sys_fault is: NULL, or it returns 0 or a positive errno. Closing and unmapping do not ask. */
extern int (*sys_bpf_fault)(void);
#endif

#endif
