/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs a program of the module once. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/module.h"
#include "bpf/sys-bpf.h"
#include "util/sys.h"

#define MOST_WALKS 8

static int run(int program)
{
        union bpf_attr attribute;

        memset(&attribute, 0, sizeof(attribute));
        attribute.test.prog_fd = (uint32_t)program;
        return sys_bpf(BPF_PROG_TEST_RUN, &attribute);
}

static int walk_once(struct module *module)
{
        int r;

        module->wire->status = WIRE_NOTHING;
        r = run(module->object.walk_port);
        if (r < 0)
                return r;
        switch (module->wire->status) {
        case WIRE_DONE:
                return 0;
        case WIRE_CUT:
                return -ENOBUFS;
        case WIRE_ASTRAY:
                return -EAGAIN;
        default:
                return -EOPNOTSUPP;
        }
}

int run_walk(struct module *module, int protocol, uint16_t port)
{
        int r = -EAGAIN;

        module->wire->port = port;
        module->wire->protocol = (uint32_t)protocol;
        for (int i = 0; i < MOST_WALKS && r == -EAGAIN; i++)
                r = walk_once(module);
        return r;
}

int run_read_files(struct module *module)
{
        return run(module->object.read_files);
}

/* The part of union bpf_iter_link_info about tasks (Linux 6.1). */
struct iterated_tasks {
        uint32_t tid, pid, pid_fd;
};

/* Kernels before 6.1 iterate over all processes: -E2BIG or, if they do not look, success. */
static int link_iterator(int program, pid_t pid)
{
        struct iterated_tasks tasks = { .pid = (uint32_t)pid };
        union bpf_attr attribute;
        int r;

        memset(&attribute, 0, sizeof(attribute));
        attribute.link_create.prog_fd = (uint32_t)program;
        attribute.link_create.attach_type = BPF_TRACE_ITER;
        if (pid > 0) {
                attribute.link_create.iter_info = (uintptr_t)&tasks;
                attribute.link_create.iter_info_len = sizeof(tasks);
        }
        r = sys_bpf(BPF_LINK_CREATE, &attribute);
        return r < 0 && pid > 0 ? link_iterator(program, 0) : r;
}

int run_iterator(int program, pid_t pid)
{
        int link = link_iterator(program, pid), iterator;
        union bpf_attr attribute;
        ssize_t n = 0;
        char byte;

        if (link < 0)
                return link;
        memset(&attribute, 0, sizeof(attribute));
        attribute.iter_create.link_fd = (uint32_t)link;
        iterator = sys_bpf(BPF_ITER_CREATE, &attribute);
        if (iterator >= 0) {
                while ((n = sys_read(iterator, &byte, 1)) > 0 || n == -EAGAIN)
                        ;
                (void)sys_close(iterator);
        }
        (void)sys_close(link);
        return iterator < 0 ? iterator : (int)n;
}

static int by_number(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return (x > y) - (x < y);
}

int run_find_holders(struct module *module, pid_t pid)
{
        struct wire *wire = module->wire;
        int r;

        qsort(wire->wanted, wire->n_wanted, sizeof(wire->wanted[0]), by_number);
        memset(wire->wanted + wire->n_wanted, 0xff, (WIRE_WANTED - wire->n_wanted) * sizeof(wire->wanted[0]));
        wire->n_hits = wire->n_unread = 0;
        wire->n_tables = 0;
        wire->status = WIRE_DONE;
        r = run_iterator(module->object.find_holders, pid);
        if (r < 0)
                return r;
        return wire->status == WIRE_DONE && wire->n_unread == 0 ? 0 : -ENOBUFS;
}

enum aiu_tristate run_find_own(struct module *module, pid_t pid, uint64_t cookie, uint64_t inode)
{
        struct wire *wire = module->wire;

        wire->own_cookie = cookie;
        wire->own_inode = inode;
        wire->group = WIRE_GROUP_UNSEEN;
        if (run_iterator(module->object.find_own, pid) < 0)
                return AIU_TRISTATE_UNKNOWN;
        if (wire->group == WIRE_GROUP_NONE)
                return AIU_TRISTATE_NO;
        return wire->group == WIRE_GROUP_OWN ? AIU_TRISTATE_YES : AIU_TRISTATE_UNKNOWN;
}
