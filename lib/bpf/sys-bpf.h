/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the module alone asks of the kernel, beside util/sys.h. Each returns its result or a negative errno. */
#ifndef AIU_BPF_SYS_BPF_H
#define AIU_BPF_SYS_BPF_H

#include <linux/bpf.h>
#include <stddef.h>

/* bpf(2). The kernel gives up with EAGAIN if a signal comes while it verifies: a few times more are tried. */
int sys_bpf(int command, union bpf_attr *attribute);
void sys_bpf_close(int fd);
/* Memory that forked children share: of a map or, with -1, fresh and zero. NULL = failed. */
void *sys_map_shared(size_t bytes, int fd);
void sys_unmap(void *memory, size_t bytes);

#endif
