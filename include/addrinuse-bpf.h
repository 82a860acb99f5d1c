/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file addrinuse-bpf.h
 * An exact answer for a caller with privileges: libaddrinuse-bpf.
 *
 * Some facts are shown by no system call: SO_REUSEADDR of a TIME_WAIT socket, the options of other users' sockets, and
 * the kernel's own summary of a port. The library says "unknown" where one of them decides. This module
 * loads BPF programs that read them in the kernel's tables. They also find all processes that hold a
 * socket much faster than a search of /proc, and the kernel's reference count proves whether any is missing.
 *
 * libaddrinuse never loads BPF programs by itself. Link with libaddrinuse-bpf as well, or load it with
 * dlopen(3), as addrinuse(1) does.
 */
#ifndef ADDRINUSE_BPF_H
#define ADDRINUSE_BPF_H

#include <addrinuse.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Let the kernel's own tables answer, from now on. This loads BPF programs, which takes some milliseconds
 * and about a megabyte, and tries them out: sockets of the caller must be seen with the right bits. For
 * that, a few sockets are bound for a moment to ports that the kernel chooses. The programs are not
 * attached to anything: they run during queries only. They are closed with the context.
 *
 * Needs Linux 5.17 with BTF (CONFIG_DEBUG_INFO_BTF), and CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN, in
 * the initial user namespace, when this function is called. Queries need no capability: a daemon may
 * call it, and drop its privileges.
 *
 * A query under a seccomp filter makes no use of the programs, unless AIU_CONTEXT_ALL_SYSCALLS is
 * set. Where the programs cannot tell, or contradict sock_diag(7), the built-in backends answer.
 * aiu_context_disable_backend() knows this backend as "bpf".
 *
 * @param context the context; no query that uses it may be running
 * @returns 0, or a negative errno; then nothing was changed, and nothing is left loaded:
 *          -EPERM (a capability is missing, or a seccomp filter is active); -ENOSYS (no bpf(2));
 *          -EOPNOTSUPP (the kernel is too old, has no BTF, or refuses the programs, or the self-test
 *          failed); -ENOMEM; -ENOSPC (16 backends at most); -EINVAL (NULL)
 * @since 0.1
 */
int aiu_context_add_bpf(struct aiu_context *context);

#ifdef __cplusplus
}
#endif
#endif
