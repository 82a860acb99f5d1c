/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * aiu_context_add_bpf(): a backend for an exact answer. Its programs read the kernel's own tables of ports and
 * descriptors. They are loaded here, tried out on sockets of our own, and closed with the context.
 */
#include <addrinuse-bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "bpf/module.h"
#include "bpf/sys-bpf.h"
#include "util/caller.h"
#include "util/macro.h"
#include "util/missing.h"
#include "util/sys.h"

enum { CAPABILITY_SYS_ADMIN = 21, CAPABILITY_PERFMON = 38, CAPABILITY_BPF = 39 };

static const struct aiu_backend backend_bpf = {
        .size = sizeof(backend_bpf),
        .name = "bpf",
        .sockets = bpf_sockets,
        .holders = bpf_holders,
        .destroy = module_free,
};

/* ------------------------------------------------------ the lock */

/* After a process was killed with the lock, the next one overwrites the data before it reads them. */
void module_lock(struct module *module)
{
        if (pthread_mutex_lock(module->lock) == EOWNERDEAD)
                (void)pthread_mutex_consistent(module->lock);
}

void module_unlock(struct module *module)
{
        (void)pthread_mutex_unlock(module->lock);
}

/* A daemon may load the programs, fork and use them in both processes. */
static int make_lock(pthread_mutex_t **ret_lock)
{
        pthread_mutexattr_t attributes;
        pthread_mutex_t *lock = sys_map_shared(sizeof(*lock), -1);
        int r;

        if (!lock)
                return -ENOMEM;
        r = pthread_mutexattr_init(&attributes);
        if (r == 0) {
                (void)pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
                (void)pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
                r = pthread_mutex_init(lock, &attributes);
                (void)pthread_mutexattr_destroy(&attributes);
        }
        if (r != 0) {
                sys_unmap(lock, sizeof(*lock));
                return -r;
        }
        *ret_lock = lock;
        return 0;
}

/* ------------------------------------------------------ the module */

void module_free(void *userdata)
{
        struct module *module = userdata;

        object_close(&module->object);
        names_close(&module->names);
        sys_unmap(module->wire, sizeof(*module->wire));
        sys_unmap(module->lock, sizeof(*module->lock));
        free(module->known);
        free(module);
}

/* 0 or -ENOMEM: without this program the module has all the rest. */
static int set_up_names(struct module *module)
{
        int r = names_load(&module->names);

        if (r >= 0)
                r = names_self_test(module);
        if (r != 1)
                names_close(&module->names);
        return r == -ENOMEM ? r : 0;
}

static int set_up(struct module *module)
{
        int r = object_load(&module->object);

        if (r < 0)
                return r;
        module->wire = sys_map_shared(sizeof(*module->wire), module->object.wire);
        module->known = calloc(MOST_KNOWN, sizeof(*module->known));
        if (!module->wire || !module->known)
                return -ENOMEM;
        r = make_lock(&module->lock);
        if (r >= 0)
                r = module_self_test(module);
        return r < 0 ? r : set_up_names(module);
}

int module_new(struct module **ret)
{
        struct module *module = calloc(1, sizeof(*module));
        int r;

        if (!module)
                return -ENOMEM;
        module->object = (struct object){ -1, -1, -1, -1, -1 };
        module->names = (struct names){ -1, -1, NULL };
        r = set_up(module);
        if (r < 0) {
                module_free(module);
                return r;
        }
        *ret = module;
        return 0;
}

int module_check_caller(bool under_filter)
{
        int procfs = sys_openat(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY);
        bool may;

        if (procfs < 0)
                return -EPERM;
        may = (under_filter || !caller_is_filtered(procfs)) && !caller_is_in_userns(procfs) &&
              (caller_has_capability(procfs, CAPABILITY_SYS_ADMIN) == AIU_TRISTATE_YES ||
               (caller_has_capability(procfs, CAPABILITY_BPF) == AIU_TRISTATE_YES &&
                caller_has_capability(procfs, CAPABILITY_PERFMON) == AIU_TRISTATE_YES));
        (void)sys_close(procfs);
        return may ? 0 : -EPERM;
}

AIU_EXPORT int aiu_context_add_bpf(struct aiu_context *context)
{
        KEEP_ERRNO;
        struct module *module;
        int r;

        if (!context)
                return -EINVAL;
        r = module_check_caller(false);
        if (r < 0)
                return r;
        r = module_new(&module);
        if (r < 0)
                return r;
        r = aiu_context_add_backend(context, &backend_bpf, module);
        if (r < 0)
                module_free(module);
        return r;
}
