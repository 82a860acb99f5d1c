/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file addrinuse-bpf.h
 * An exact answer for a caller with privileges: libaddrinuse-bpf.
 *
 * No system call shows SO_REUSEADDR of a TIME_WAIT socket, the options of other users' sockets, the kernel's own
 * summary of a port, or whether a connected AF_UNIX socket was bound to its abstract name or accepted by a listener that
 * is gone. The library says "unknown" where one of these decides. This module
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
 * Read the kernel's own tables from now on. This loads BPF programs, which takes some milliseconds and
 * about a megabyte. A test follows: the programs must see sockets of the caller with the right bits. It
 * binds a few sockets for a moment to ports that the kernel chooses. The programs are not attached to
 * anything: they run during queries only. They are closed with the context.
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

/**
 * Every bind(2) and listen(2) on this host that fails, explained as it happens. One watch has one
 * descriptor and no thread. One thread at a time may use it. Reference-counted.
 */
struct aiu_watch;

/**
 * Watch from now on. Two mechanisms are tried: trampolines at the end of the kernel's functions
 * ("fexit"), and the tracepoints of the system calls ("tracepoint"), which need tracefs mounted at
 * /sys/kernel/tracing or /sys/kernel/debug/tracing, and cost every system call of the host some
 * nanoseconds. A failing bind(2) of the caller itself must arrive, else the mechanism counts as broken.
 *
 * Equal failures (network namespace, address, protocol, call, errno; of a path also the directory in which
 * the path begins) within a second are counted, and share one report. Explanations take at most half of the
 * time, and those for one program in one network namespace a tenth; on a slow machine, 16 and 12 explanations
 * a second are made all the same. What was not spent is kept: a second of it for a program, three for all. Beyond
 * that, a failure gets the report of an equal one, if that is not older than ten seconds, or is counted as
 * lost. The context gets a backend "bpf-watch", which knows the sockets that were
 * on the port when the call failed. It stays in the context after the watch has ended, and does nothing.
 *
 * @param context settings of the queries, and their backends; NULL = the defaults. A reference is taken.
 *                Not for other threads while the watch uses it
 * @param flags 0
 * @param ret_watch the watch; the caller unrefs it
 * @returns 0, or a negative errno; nothing is left loaded then: -EPERM (needs CAP_BPF and
 *          CAP_PERFMON, or CAP_SYS_ADMIN, in the initial user namespace); -ENOENT (tracefs is not mounted,
 *          and there is no other mechanism); -ENOSYS; -EOPNOTSUPP; -ENOMEM; -EMFILE;
 *          -ENOSPC (16 backends at most); -EINVAL
 * @since 0.1
 */
int aiu_watch_new(struct aiu_context *context, uint32_t flags, struct aiu_watch **ret_watch);
/** Take a reference. @returns the same watch. @since 0.1 */
struct aiu_watch *aiu_watch_ref(struct aiu_watch *);
/** Drop a reference. Dropping the last one detaches the programs and frees the watch. @returns NULL. @since 0.1 */
struct aiu_watch *aiu_watch_unref(struct aiu_watch *);

/** Poll it for POLLIN, and call aiu_watch_next(). CLOEXEC; owned by the watch. -EINVAL for NULL. @since 0.1 */
int aiu_watch_get_fd(const struct aiu_watch *);

/**
 * The next failure, explained. The accessors below are about it until the next call.
 * @param ret_report a new reference; the caller unrefs it
 * @returns 1; 0 (none waits); -ENOMEM; -EINVAL (NULL)
 * @since 0.1
 */
int aiu_watch_next(struct aiu_watch *, struct aiu_report **ret_report);

/**
 * Detach the programs. aiu_watch_next() still returns failures that were seen or counted before, and
 * then 0. After that, the reports, their repeats and the lost failures add up to all failures.
 * @returns 0; -EINVAL (NULL)
 * @since 0.1
 */
int aiu_watch_stop(struct aiu_watch *);

/** @name Filters, all of which a failure must pass; 0 and NULL remove one again
 *  Each returns 0 or -EINVAL. @since 0.1 @{ */
/** Port of the address, in host order. */
int aiu_watch_set_port(struct aiu_watch *, uint16_t port);
/** Inode of a network namespace, as stat(2) of its file returns it. */
int aiu_watch_set_netns(struct aiu_watch *, uint64_t inode);
/** Owner of the socket; (uid_t)-1 removes the filter. */
int aiu_watch_set_uid(struct aiu_watch *, uid_t uid);
/** A directory of cgroup2: this cgroup and those below. Also: the errno of stat(2), -ENOTDIR. */
int aiu_watch_set_cgroup(struct aiu_watch *, const char *directory);
/** @} */

/** "fexit" or "tracepoint". NULL for NULL. @since 0.1 */
const char *aiu_watch_get_mechanism(const struct aiu_watch *);
/** What the mechanism does not see: "io_uring", "32-bit", "mptcp"; NULL after the last one. @since 0.1 */
const char *aiu_watch_get_not_seen(const struct aiu_watch *, size_t i);
/**
 * Failures so far that are neither in a report nor among its repeats. One with a path is lost if its process has ended,
 * and the path is relative or that process had another root directory than the caller: here it is another file.
 * @since 0.1
 */
uint64_t aiu_watch_get_lost(const struct aiu_watch *);

/** @name The failure that aiu_watch_next() returned last
 *  @since 0.1 @{ */
/** The process, in the pid namespace of the caller; 0 = it is not in there. It may have ended. */
pid_t aiu_watch_get_pid(const struct aiu_watch *);
/** Start time of that process, as in /proc/PID/stat: clock ticks since boot. */
uint64_t aiu_watch_get_start_ticks(const struct aiu_watch *);
/**
 * Does that process still exist? /proc is read each time. What is read about the process there before a 1 is about it,
 * and not about a later process with its number.
 * @returns 1; 0 (it has ended, aiu_watch_get_pid() is 0, or NULL)
 */
int aiu_watch_process_exists(const struct aiu_watch *);
/** The name of the thread that made the call: raw bytes, at most 15. */
const char *aiu_watch_get_comm(const struct aiu_watch *);
/** Owner of the socket. */
uid_t aiu_watch_get_uid(const struct aiu_watch *);
/** Inode of the network namespace of the socket. */
uint64_t aiu_watch_get_netns(const struct aiu_watch *);
/** Id of the cgroup (version 2) of the process. */
uint64_t aiu_watch_get_cgroup_id(const struct aiu_watch *);
/** CLOCK_REALTIME of the failure, in microseconds; of the first one if equal ones were counted. */
uint64_t aiu_watch_get_time_usec(const struct aiu_watch *);
/** Equal failures since the last report about them, without the current one. */
uint64_t aiu_watch_get_repeats(const struct aiu_watch *);
/** 1 if the report explains an earlier failure, and equal ones followed. */
int aiu_watch_is_again(const struct aiu_watch *);
/** @} */

#ifdef __cplusplus
}
#endif
#endif
