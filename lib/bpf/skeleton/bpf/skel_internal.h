/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a light skeleton (bpftool gen skeleton -L) includes under this name. It has the loader's program and its data,
 * and these functions run it. libbpf's header of this name does the same, but calls the kernel by itself.
 */
#ifndef AIU_BPF_SKEL_INTERNAL_H
#define AIU_BPF_SKEL_INTERNAL_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "bpf/sys-bpf.h"

struct bpf_map_desc {
        int map_fd;
        __u32 max_entries;
        __u64 initial_value;
};

struct bpf_prog_desc {
        int prog_fd;
};

/* The beginning of each skeleton, and the context of the loader's program. */
struct bpf_loader_ctx {
        __u32 sz, flags, log_level, log_size;
        __u64 log_buf;
};

struct bpf_load_and_run_opts {
        struct bpf_loader_ctx *ctx;
        const void *data, *insns;
        __u32 data_sz, insns_sz;
        const char *errstr;
};

static inline void *skel_alloc(size_t bytes)
{
        return calloc(1, bytes);
}

static inline void skel_free(const void *skeleton)
{
        free((void *)(uintptr_t)skeleton);
}

static inline void skel_closenz(int fd)
{
        if (fd > 0)
                sys_bpf_close(fd);
}

static inline int skel_raw_tracepoint_open(const char *name, int program)
{
        union bpf_attr attribute = { .raw_tracepoint = { .name = (uintptr_t)name, .prog_fd = (__u32)program } };

        return sys_bpf(BPF_RAW_TRACEPOINT_OPEN, &attribute);
}

static inline int skel_link_create(int program, int target, enum bpf_attach_type type)
{
        union bpf_attr attribute = {
                .link_create = { .prog_fd = (__u32)program, .target_fd = (__u32)target, .attach_type = type }
        };

        return sys_bpf(BPF_LINK_CREATE, &attribute);
}

/* The loader finds its data in a map. It creates the maps and programs, and stores their descriptors in ctx. */
static inline int bpf_load_and_run(struct bpf_load_and_run_opts *options)
{
        union bpf_attr map = { .map_type = BPF_MAP_TYPE_ARRAY,
                               .key_size = sizeof(int),
                               .value_size = options->data_sz,
                               .max_entries = 1,
                               .map_name = "__loader.map" };
        union bpf_attr load = { .prog_type = BPF_PROG_TYPE_SYSCALL,
                                .insns = (uintptr_t)options->insns,
                                .insn_cnt = options->insns_sz / (__u32)sizeof(struct bpf_insn),
                                .license = (uintptr_t) "Dual BSD/GPL",
                                .prog_flags = BPF_F_SLEEPABLE,
                                .prog_name = "__loader.prog" };
        union bpf_attr put = { 0 }, run = { 0 };
        int key = 0, map_fd, program = -1, r;

        map_fd = sys_bpf(BPF_MAP_CREATE, &map);
        if (map_fd < 0)
                return map_fd;
        put.map_fd = (__u32)map_fd;
        put.key = (uintptr_t)&key;
        put.value = (uintptr_t)options->data;
        r = sys_bpf(BPF_MAP_UPDATE_ELEM, &put);
        if (r >= 0) {
                load.fd_array = (uintptr_t)&map_fd;
                r = program = sys_bpf(BPF_PROG_LOAD, &load);
        }
        if (r >= 0) {
                run.test.prog_fd = (__u32)program;
                run.test.ctx_in = (uintptr_t)options->ctx;
                run.test.ctx_size_in = options->ctx->sz;
                r = sys_bpf(BPF_PROG_TEST_RUN, &run);
        }
        if (r >= 0 && (int)run.test.retval < 0)
                r = (int)run.test.retval;
        if (program >= 0)
                sys_bpf_close(program);
        sys_bpf_close(map_fd);
        return r < 0 ? r : 0;
}

#endif
