/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The context: settings that outlive one query, and the list of backends. It
 * holds no state of the machine: two probes through one context share nothing
 * but these settings.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backends.h"
#include "backend/phases.h"
#include "util/caller.h"
#include "query/context.h"
#include "snapshot/fact.h"
#include "rules/kernel-versions.h"
#include "util/macro.h"
#include "util/sys.h"

/* What a daemon can afford on its error path: see doc/performance.md. */
#define DEFAULT_DEADLINE_USEC 250000u

#define KNOWN_FLAGS                                                                                                    \
        (AIU_CONTEXT_FIRST_HOLDER | AIU_CONTEXT_TRIAL_BIND | AIU_CONTEXT_NO_IPC | AIU_CONTEXT_ALL_SYSCALLS |           \
         AIU_CONTEXT_LISTENERS_ONLY | AIU_CONTEXT_TRIAL_WILDCARD)

/* In the order in which each phase asks them. */
static const struct aiu_backend *const builtin[] = {
        &backend_proc_sys,   &backend_route,       &backend_proc_address,
        &backend_unix_path,  &backend_vsock,                               /* host */
        &backend_sock_diag,  &backend_proc_net,    &backend_proc_net_path, /* sockets */
        &backend_proc_fd,    &backend_kernel_user,                         /* holders: processes, the kernel */
        &backend_proc_bound, &backend_options,                             /* hidden sockets, options */
        &backend_cgroup,     &backend_sd_bus,                              /* managers */
};

AIU_EXPORT int aiu_context_new(struct aiu_context **ret_context)
{
        KEEP_ERRNO;
        struct aiu_context *context;

        if (!ret_context)
                return -EINVAL;
        context = calloc(1, sizeof(*context));
        if (!context)
                return -ENOMEM;
        context->backends = calloc(ELEMENTSOF(builtin) + CONTEXT_MAX_ADDED, sizeof(*context->backends));
        if (!context->backends) {
                free(context);
                return -ENOMEM;
        }
        for (size_t i = 0; i < ELEMENTSOF(builtin); i++)
                context->backends[i].backend = *builtin[i];
        context->n_backends = ELEMENTSOF(builtin);
        context->refs = 1;
        context->procfs = -1;
        context->deadline_usec = DEFAULT_DEADLINE_USEC;
        *ret_context = context;
        return 0;
}

AIU_EXPORT struct aiu_context *aiu_context_ref(struct aiu_context *context)
{
        if (context)
                atomic_fetch_add_explicit(&context->refs, 1, memory_order_relaxed);
        return context;
}

AIU_EXPORT struct aiu_context *aiu_context_unref(struct aiu_context *context)
{
        KEEP_ERRNO;
        if (!context || atomic_fetch_sub_explicit(&context->refs, 1, memory_order_acq_rel) != 1)
                return NULL;
        for (size_t i = 0; i < context->n_backends; i++)
                if (context->backends[i].backend.destroy)
                        context->backends[i].backend.destroy(context->backends[i].userdata);
        sys_close(context->procfs);
        free(context->backends);
        free(context);
        return NULL;
}

AIU_EXPORT void aiu_context_set_log(struct aiu_context *context, aiu_log_fn log, enum aiu_log_level max, void *userdata)
{
        if (!context)
                return;
        context->log = log;
        context->log_max = max;
        context->log_userdata = userdata;
}

AIU_EXPORT void aiu_context_set_progress(struct aiu_context *context, aiu_progress_fn progress, void *userdata)
{
        if (!context)
                return;
        context->progress = progress;
        context->progress_userdata = userdata;
}

AIU_EXPORT void aiu_context_set_user_names(struct aiu_context *context, aiu_user_name_fn user_name, void *userdata)
{
        if (!context)
                return;
        context->user_name = user_name;
        context->user_name_userdata = userdata;
}

AIU_EXPORT int aiu_context_set_deadline_usec(struct aiu_context *context, uint64_t usec)
{
        if (!context)
                return -EINVAL;
        context->deadline_usec = usec;
        return 0;
}

AIU_EXPORT int aiu_context_set_procfs(struct aiu_context *context, int dirfd)
{
        KEEP_ERRNO;
        int copy = -1;

        if (!context || dirfd < -1)
                return -EINVAL;
        if (dirfd >= 0) {
                copy = sys_dup(dirfd);
                if (copy < 0)
                        return copy;
        }
        sys_close(context->procfs);
        context->procfs = copy;
        context->no_procfs = dirfd < 0;
        return 0;
}

AIU_EXPORT int aiu_context_set_flags(struct aiu_context *context, uint32_t flags)
{
        if (!context || flags & ~KNOWN_FLAGS)
                return -EINVAL;
        context->flags = flags;
        return 0;
}

AIU_EXPORT int aiu_context_set_kernel(struct aiu_context *context, uint32_t behaves)
{
        if (!context || behaves & ~KERNEL_ALL)
                return -EINVAL;
        context->kernel_proven = behaves;
        return 0;
}

int context_open_procfs(const struct aiu_context *context)
{
        int fd;

        if (context->procfs >= 0 || context->no_procfs)
                return context->procfs;
        fd = sys_openat(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY);
        return fd < 0 ? -1 : fd;
}

void context_close_procfs(const struct aiu_context *context, int procfs)
{
        if (procfs != context->procfs)
                sys_close(procfs);
}

bool context_plain_calls_only(const struct aiu_context *context)
{
        bool filtered;
        int procfs;

        if (context->flags & AIU_CONTEXT_ALL_SYSCALLS)
                return false;
        procfs = context_open_procfs(context);
        filtered = caller_is_filtered(procfs);
        context_close_procfs(context, procfs);
        return filtered;
}

AIU_EXPORT int aiu_context_add_backend(struct aiu_context *context, const struct aiu_backend *backend, void *userdata)
{
        KEEP_ERRNO;
        struct backend_slot slot = { .userdata = userdata };
        int r;

        if (!context)
                return -EINVAL;
        r = fact_copy(&slot.backend, sizeof(slot.backend), backend);
        if (r < 0)
                return r;
        if (!slot.backend.name || !slot.backend.name[0] || !phase_in_any(&slot.backend))
                return -EINVAL;
        if (context->n_backends >= ELEMENTSOF(builtin) + CONTEXT_MAX_ADDED)
                return -ENOSPC;
        memmove(context->backends + 1, context->backends, context->n_backends * sizeof(*context->backends));
        context->backends[0] = slot;
        context->n_backends++;
        return 0;
}

AIU_EXPORT int aiu_context_disable_backend(struct aiu_context *context, const char *name)
{
        int r = -ENOENT;

        if (!context || !name)
                return -EINVAL;
        for (size_t i = 0; i < context->n_backends; i++) {
                if (strcmp(context->backends[i].backend.name, name) != 0)
                        continue;
                context->backends[i].disabled = true;
                r = 0;
        }
        return r;
}
