/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file addrinuse.h
 * Why does bind(2) or listen(2) say "Address already in use", and what frees the address?
 *
 * Ask (aiu_probe(), aiu_explain_bind(), or a query), read (accessors of the report),
 * show (text, JSON). What holds for every function:
 *  - Functions that return int return 0 (or a count) on success and a negative errno
 *    on failure; outputs (ret_*) are written only on success. The list of errors that
 *    a function documents is closed. aiu_probe() and aiu_explain_*() return an object,
 *    or NULL with errno set. Every other function, and these on success, leave errno as it was.
 *  - Any pointer may be NULL. Functions that can fail return -EINVAL then; accessors
 *    return what stands for "unknown", and ref/unref functions return NULL.
 *  - Accessors never fail and never allocate. Unknown is NULL, 0, (uid_t)-1 or
 *    *_UNKNOWN; in every enum 0 means "unknown". Enums are open: values are added,
 *    never renumbered, so a switch needs a default.
 *  - Const pointers read from a report live as long as the report: never free them.
 *  - Units are in the name (_usec, _bytes). Ports are in host byte order, except
 *    inside a struct sockaddr, where they are in network byte order as everywhere.
 *  - Strings that a process chose (comm, cmdline, unit, path) are raw bytes and may
 *    hold anything: aiu_escape() makes them printable. Summaries, texts of actions and
 *    gaps, aiu_report_to_text() and aiu_report_to_json() are printable ASCII already.
 *  - No globals, threads, child processes, signals, output or left-over file
 *    descriptors. A context or query is used by one thread at a time; a report is
 *    immutable, its reference count is atomic, and any thread may read it.
 *  - Linux only. Facts come from NETLINK_SOCK_DIAG, rtnetlink, /proc and getsockopt(2);
 *    each accessor says which where it matters.
 *  - Usable after fork(2), with every descriptor used up, in a chroot without /proc: less can
 *    be seen there, and a gap says so. Not to be called from a signal handler.
 *
 * In this order: @ref aiu_ask "ask in one line", @ref aiu_precise "ask precisely",
 * @ref aiu_reading "read the answer", @ref aiu_show "show it".
 */
#ifndef ADDRINUSE_H
#define ADDRINUSE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Version of this header, for preprocessor conditions. The library that runs may be a newer one:
 * aiu_version().
 * @since 0.1
 */
#define AIU_VERSION_MAJOR 0
/** Second number of the version: something was added. @since 0.1 */
#define AIU_VERSION_MINOR 1
/** Third number of the version: something was repaired. @since 0.1 */
#define AIU_VERSION_MICRO 0

/** Settings that outlive one question: backends, deadline, log hook. Reference-counted. */
struct aiu_context;
/** The bind() (and listen()) being asked about. Reference-counted. */
struct aiu_query;
/** The answer. Immutable and reference-counted. */
struct aiu_report;
/** One socket on the port (or name), and how it is in the way. Part of a report. */
struct aiu_conflict;
/** One process, or the kernel, that holds such a socket. Part of a report. */
struct aiu_holder;
/** One recommended action. Part of a report. */
struct aiu_action;
/** One thing that could not be seen or decided, and what it would take. Part of a report. */
struct aiu_gap;

/* ------------------------------------------------ 1. ask, in one line */

/**
 * @defgroup aiu_ask Ask, in one line
 * A question with the defaults of this library: all backends, 250 ms, no flag.
 * @{
 */

/**
 * Would a TCP server get this address? bind() and listen(), no socket option set.
 *
 * @param addr numeric IPv4 or IPv6 address, IPv6 optionally with %scope (a name or an
 *             index); NULL or "*" = every address, as a dual-stack wildcard would have it
 * @param port 0 to 65535; 0 asks whether the kernel could choose one
 * @returns a report that the caller owns (aiu_report_unref()), errno as it was; or NULL with
 *          errno EINVAL (no such address), ENODEV (no interface of the scope's name), ENOMEM.
 *          Whatever cannot be seen is a gap in the report, not an error.
 * @since 0.1
 */
struct aiu_report *aiu_probe(const char *addr, uint16_t port);

/**
 * Explain the bind() that has just failed, with the socket at hand.
 *
 * Family, type, protocol, SO_REUSEADDR, SO_REUSEPORT, IPV6_V6ONLY, device, owner and network
 * namespace are read from the socket with getsockopt(2) and fstat(2); it is left as it was.
 *
 * @param fd      the socket; still the caller's, still open afterwards
 * @param addr    the address that was given to bind(): AF_INET, AF_INET6 or AF_UNIX
 * @param addrlen its length in bytes
 * @param error   the errno of bind(), positive: it is evidence. After EADDRINUSE a conflict
 *                exists even if none can be seen. 0 = no bind() was made yet
 * @returns a report that the caller owns, errno as it was; or NULL with errno EBADF, ENOTSOCK
 *          (fd), EAFNOSUPPORT (of fd or addr), EINVAL (addr, addrlen, error), ENOMEM
 * @since 0.1
 */
struct aiu_report *aiu_explain_bind(int fd, const struct sockaddr *addr, socklen_t addrlen, int error);

/**
 * Explain the listen() that has just failed. A socket with SO_REUSEADDR may bind next to
 * another one and then not listen: listen() checks the port again (inet_csk_get_port()).
 *
 * @param fd    the socket, bound or not; still the caller's, still open afterwards
 * @param error the errno of listen(), positive; 0 = no listen() was made yet
 * @returns as aiu_explain_bind()
 * @since 0.1
 */
struct aiu_report *aiu_explain_listen(int fd, int error);

/** @} */

/* ------------------------------------------------ 2. ask precisely */

/**
 * @defgroup aiu_precise Ask precisely
 * A context keeps settings, a query is one question; both are optional elsewhere. Every
 * setter may be called again, and the last word counts.
 * @{
 */

/**
 * Make a context with all built-in backends and a deadline of 250 ms.
 * @returns 0; -EINVAL (NULL); -ENOMEM. The caller owns the context.
 * @since 0.1
 */
int aiu_context_new(struct aiu_context **ret_context);

/**
 * Take another reference.
 * @returns the same context
 * @since 0.1
 */
struct aiu_context *aiu_context_ref(struct aiu_context *);

/**
 * Give a reference back; the last one frees the context, and destroys the backends that were added.
 * @returns NULL, so that one can write c = aiu_context_unref(c)
 * @since 0.1
 */
struct aiu_context *aiu_context_unref(struct aiu_context *);

/** How much a message matters: the numbers of syslog(3). @since 0.1 */
enum aiu_log_level {
        AIU_LOG_ERROR = 3,   /**< LOG_ERR */
        AIU_LOG_WARNING = 4, /**< LOG_WARNING */
        AIU_LOG_INFO = 6,    /**< LOG_INFO */
        AIU_LOG_DEBUG = 7    /**< LOG_DEBUG */
};

/**
 * Receives one message: one line, printable ASCII, no newline; it lives for the call only.
 * @since 0.1
 */
typedef void (*aiu_log_fn)(void *userdata, enum aiu_log_level level, const char *message);

/**
 * Hear what the backends have to say, up to and including a level. NULL = nobody listens,
 * which is the default. The hook runs in the thread that runs the query.
 * @since 0.1
 */
void aiu_context_set_log(struct aiu_context *, aiu_log_fn, enum aiu_log_level max, void *userdata);

/**
 * How long one query may look, in microseconds; default 250 000, 0 = as long as it takes.
 * What was not seen by then is a gap of kind AIU_GAP_DEADLINE.
 * @returns 0; -EINVAL (NULL)
 * @since 0.1
 */
int aiu_context_set_deadline_usec(struct aiu_context *, uint64_t usec);

/**
 * Read another /proc, by a directory descriptor, which is duplicated; -1 = there is none at all,
 * and holders cannot be named. Default: /proc, opened anew for each query.
 * @returns 0; -EINVAL (NULL, or below -1); -EBADF; -EMFILE
 * @since 0.1
 */
int aiu_context_set_procfs(struct aiu_context *, int dirfd);
/** How far a search for holders is: processes looked at, of how many. @since 0.1 */
typedef void (*aiu_progress_fn)(void *userdata, size_t done, size_t total);

/**
 * Hear how far a long search is. NULL = nobody listens. Runs in the thread of the query.
 * @since 0.1
 */
void aiu_context_set_progress(struct aiu_context *, aiu_progress_fn, void *userdata);

/**
 * Stop at the first holder of each socket; and at the first listening socket of TCP that is
 * certainly in the way, without a look at the others on the port. Gaps say so. Default: find all,
 * or no action that ends holders can be called sufficient.
 * @since 0.1
 */
#define AIU_CONTEXT_FIRST_HOLDER (UINT32_C(1) << 0)

/**
 * May bind() a scratch socket where the facts leave the answer open, and close it at once: a bind()
 * that fails changes nothing, one that succeeds takes the port for an instant. Only where nothing
 * stays of it: never a listen(), never with SO_REUSEPORT, not on a TCP port that has a socket or may
 * have one, unless that is certainly in the way, not with SO_REUSEADDR beside other UDP sockets,
 * never for port 0 or an AF_UNIX path; and only for a socket that the caller would make himself, in
 * his own network namespace. The log tells of each (AIU_LOG_INFO).
 * @since 0.1
 */
#define AIU_CONTEXT_TRIAL_BIND (UINT32_C(1) << 1)
/**
 * Talk to no daemon: systemd is not asked about the units of holders, and whether a socket is bound
 * to an AF_UNIX file is not asked by connect(2). That connect(2) never reaches the server: the
 * socket that makes it, an end of a socketpair(2), is connected already. Audit rules and tracers see
 * the call all the same. Without it no file is called stale, and none is to be removed.
 * @since 0.1
 */
#define AIU_CONTEXT_NO_IPC (UINT32_C(1) << 2)

/**
 * Use pidfd_getfd(2) and the like even under a seccomp filter; default: only when
 * /proc/thread-self/status says that none is active.
 * @since 0.1
 */
#define AIU_CONTEXT_ALL_SYSCALLS (UINT32_C(1) << 3)

/**
 * TCP: look at listening sockets only, which the kernel keeps in a table of their own: the
 * cheapest question on a machine with many connections. Without one in the way the verdict is
 * AIU_VERDICT_UNKNOWN, with a gap: connections, TIME_WAIT and sockets that are bound and no more
 * may keep the port too. No effect on other protocols, and with port 0.
 * @since 0.1
 */
#define AIU_CONTEXT_LISTENERS_ONLY (UINT32_C(1) << 4)

/**
 * Set all AIU_CONTEXT_* flags at once; default 0.
 * @returns 0; -EINVAL (NULL, or a bit that this version does not know)
 * @since 0.1
 */
int aiu_context_set_flags(struct aiu_context *, uint32_t flags);

/**
 * @name What kernels differ in
 * The rules of this library are those of Linux 6.9 and later. An earlier version may differ in one
 * of these, depending on what its distributor ported back; where that decides, the verdict is
 * "unknown" and a gap of kind AIU_GAP_KERNEL_TOO_OLD says in what. Each stands for "this kernel
 * behaves as Linux 6.9 does": see aiu_self_test() and aiu_context_set_kernel().
 * @{
 */
/** SO_REUSEADDR is judged by what is set now (6.8). @since 0.1 */
#define AIU_KERNEL_STATELESS (UINT32_C(1) << 0)
/** One address is compared with the same address and the wildcards alone (6.1). @since 0.1 */
#define AIU_KERNEL_BY_ADDRESS (UINT32_C(1) << 1)
/** TIME_WAIT sockets count when one address is bound (not in some of 6.1). @since 0.1 */
#define AIU_KERNEL_TIME_WAIT (UINT32_C(1) << 2)
/** An IPv6 wildcard meets IPv4 addresses (not in some of 6.1 and 6.2). @since 0.1 */
#define AIU_KERNEL_DUAL_STACK (UINT32_C(1) << 3)
/** IPv4-mapped addresses meet IPv4 (not in some of 6.1 to 6.5). @since 0.1 */
#define AIU_KERNEL_MAPPED (UINT32_C(1) << 4)
/** An IPv6 wildcard with IPV6_V6ONLY leaves IPv4 alone (not in some of 6.8). @since 0.1 */
#define AIU_KERNEL_V6ONLY (UINT32_C(1) << 5)
/** A socket without a file keeps its owner (6.17). @since 0.1 */
#define AIU_KERNEL_ORPHAN_OWNER (UINT32_C(1) << 6)
/** More than ten UDP sockets on a port are all looked at (6.19). @since 0.1 */
#define AIU_KERNEL_UDP_CROWD (UINT32_C(1) << 7)
/** Bound TCP sockets are shown by sock_diag(7) (6.8). @since 0.1 */
#define AIU_KERNEL_BOUND_SHOWN (UINT32_C(1) << 8)
/** TCP has a table of ports for each VRF (5.0). @since 0.1 */
#define AIU_KERNEL_VRF (UINT32_C(1) << 9)
/** @} */

/**
 * Try out how this kernel behaves: binds, listens and connects in the network namespace of the
 * calling thread, which must be a new one that nobody uses, for it would disturb others and they
 * would disturb it. The way to have one is a child process, or a thread that ends after it:
 * unshare(CLONE_NEWUSER | CLONE_NEWNET), then this. The library makes neither by itself. Takes some
 * milliseconds; the answer is good for as long as the kernel runs.
 *
 * @param ret_behaves AIU_KERNEL_* that were seen; what is not in it was seen to differ, or cannot
 *                    be tried out from there
 * @returns 0; -EINVAL (NULL); -EBUSY (the loopback interface is up: that namespace is in use);
 *          -EPERM (it may not be brought up); what socket(2) was refused with
 * @since 0.1
 */
int aiu_self_test(uint32_t *ret_behaves);

/**
 * What is sure of this kernel, whatever its version: AIU_KERNEL_* from aiu_self_test(). Default: 0,
 * the version counts.
 * @returns 0; -EINVAL (NULL, or a bit that this version does not know)
 * @since 0.1
 */
int aiu_context_set_kernel(struct aiu_context *, uint32_t behaves);

/**
 * Make a query: TCP stream, no option set, no address yet. It keeps a reference to the
 * context; NULL = a context of its own with the defaults.
 * @returns 0; -EINVAL (no ret_query); -ENOMEM. The caller owns the query.
 * @since 0.1
 */
int aiu_query_new(struct aiu_context *context_or_null, struct aiu_query **ret_query);

/**
 * Take another reference.
 * @returns the same query
 * @since 0.1
 */
struct aiu_query *aiu_query_ref(struct aiu_query *);

/**
 * Give a reference back; the last one frees the query. Reports live on.
 * @returns NULL
 * @since 0.1
 */
struct aiu_query *aiu_query_unref(struct aiu_query *);

/**
 * The address of the bind(): AF_INET, AF_INET6 (with or without sin6_scope_id) or AF_UNIX (a
 * path, or an abstract name, which starts with a zero byte). Copied. The length is in bytes.
 * @returns 0; -EINVAL (NULL, or the length does not fit the family); -EAFNOSUPPORT
 * @since 0.1
 */
int aiu_query_set_address(struct aiu_query *, const struct sockaddr *, socklen_t);

/**
 * The same from text, as in aiu_probe(). NULL and "*" also clear IPV6_V6ONLY.
 * @returns 0; -EINVAL (no such address); -ENODEV (no interface of the scope's name)
 * @since 0.1
 */
int aiu_query_set_address_string(struct aiu_query *, const char *addr, uint16_t port);

/**
 * Type and protocol, as socket(2) takes them: SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET or
 * SOCK_DCCP (SOCK_CLOEXEC and SOCK_NONBLOCK are ignored); IPPROTO_* or 0 = the type's usual one.
 * @returns 0; -EINVAL
 * @since 0.1
 */
int aiu_query_set_socket(struct aiu_query *, int type, int protocol);

/**
 * SO_REUSEADDR of the would-be socket; default off.
 * @returns 0; -EINVAL (NULL)
 * @since 0.1
 */
int aiu_query_set_reuseaddr(struct aiu_query *, int on);

/**
 * SO_REUSEPORT of the would-be socket; default off.
 * @returns 0; -EINVAL (NULL)
 * @since 0.1
 */
int aiu_query_set_reuseport(struct aiu_query *, int on);

/**
 * IPV6_V6ONLY of the would-be socket. Default: the sysctl net.ipv6.bindv6only.
 * @returns 0; -EINVAL (NULL)
 * @since 0.1
 */
int aiu_query_set_v6only(struct aiu_query *, int on);

/**
 * IP_FREEBIND (or IP_TRANSPARENT) of the would-be socket: the address need not be local.
 * @returns 0; -EINVAL (NULL)
 * @since 0.1
 */
int aiu_query_set_freebind(struct aiu_query *, int on);

/**
 * IP_LOCAL_PORT_RANGE of the would-be socket: where the kernel looks for a port when port 0 is
 * asked for. An end that is 0, or not within ip_local_port_range, does not count. Default: none.
 * @returns 0; -EINVAL (NULL, or low is above high)
 * @since 0.1
 */
int aiu_query_set_port_range(struct aiu_query *, uint16_t low, uint16_t high);

/**
 * SO_BINDTODEVICE of the would-be socket, by interface name; NULL or "" = none.
 * The interface is looked for at once, by netlink: in the namespace of aiu_query_set_netns(), if that
 * was called before.
 * @returns 0; -EINVAL (no query); -ENODEV (no such interface); -EPERM (of another network namespace,
 *          under a seccomp filter or without the right to enter it); what netlink was refused with
 * @since 0.1
 */
int aiu_query_set_device(struct aiu_query *, const char *ifname);

/**
 * Owner of the would-be socket; default: the effective uid. Of another user's socket it is
 * not known whether it may bind privileged ports.
 * @returns 0; -EINVAL (NULL, or (uid_t)-1)
 * @since 0.1
 */
int aiu_query_set_uid(struct aiu_query *, uid_t uid);

/**
 * Is listen() part of the question? Default: yes for SOCK_STREAM and SOCK_SEQPACKET.
 * @returns 0; -EINVAL (NULL)
 * @since 0.1
 */
int aiu_query_set_listen(struct aiu_query *, int on);

/**
 * Ask about another network namespace, by a descriptor of its file; duplicated. Entering it
 * needs CAP_SYS_ADMIN: without it, the report has a gap.
 * @returns 0; -EINVAL (NULL); -EBADF; -EMFILE
 * @since 0.1
 */
int aiu_query_set_netns(struct aiu_query *, int nsfd);

/**
 * Read everything but the address from a live socket, which is left as it was and is not kept.
 * @returns 0; -EINVAL (NULL); -EBADF; -ENOTSOCK; -EAFNOSUPPORT (neither AF_INET, AF_INET6 nor
 * AF_UNIX)
 * @since 0.1
 */
int aiu_query_set_fd(struct aiu_query *, int fd);

/**
 * The errno that the call gave, positive; 0 = it was not made. See aiu_explain_bind().
 * @returns 0; -EINVAL (NULL, or negative)
 * @since 0.1
 */
int aiu_query_set_error(struct aiu_query *, int error);

/**
 * Look, judge, advise. errno is left as it was. A query can be run again: it looks anew.
 * @returns 0, and a report that the caller owns; -EINVAL (NULL, or no address was set); -ENOMEM;
 *          after aiu_query_set_netns() also the error of setns(2) on the way back
 * @since 0.1
 */
int aiu_query_run(struct aiu_query *, struct aiu_report **ret_report);

/** @} */

/* ------------------------------------------------ 3. read the answer */

/**
 * @defgroup aiu_reading Read the answer
 * The report as a whole. It holds conflicts (sockets in the way), each of which has holders,
 * then actions, then gaps; whoever reads one line only reads aiu_report_get_summary().
 * @{
 */

/**
 * Take another reference, from any thread.
 * @returns the same report
 * @since 0.1
 */
struct aiu_report *aiu_report_ref(struct aiu_report *);

/**
 * Give a reference back; the last one frees the report and all that was read from it.
 * @returns NULL
 * @since 0.1
 */
struct aiu_report *aiu_report_unref(struct aiu_report *);

/** What the call would do, or did. @since 0.1 */
enum aiu_verdict {
        AIU_VERDICT_UNKNOWN = 0,       /**< could not tell: see the gaps */
        AIU_VERDICT_AVAILABLE = 1,     /**< bind() (and listen()) would succeed */
        AIU_VERDICT_IN_USE = 2,        /**< EADDRINUSE */
        AIU_VERDICT_NOT_LOCAL = 3,     /**< EADDRNOTAVAIL: no such address here */
        AIU_VERDICT_NOT_PERMITTED = 4, /**< EACCES, EPERM or EROFS: privileged port, directory, policy */
        AIU_VERDICT_INVALID = 5        /**< EINVAL, EAFNOSUPPORT, ENODEV ...: cannot work */
};
/** The answer in one word. "Available" is said only when it is proven. @since 0.1 */
enum aiu_verdict aiu_report_get_verdict(const struct aiu_report *);
/** The errno that the call gives, positive; 0 = none, or not known. @since 0.1 */
int aiu_report_get_error(const struct aiu_report *);
/** Which call it is that fails. @since 0.1 */
enum aiu_call {
        AIU_CALL_UNKNOWN = 0, /**< none fails, or it is not known */
        AIU_CALL_BIND = 1,    /**< bind(2) */
        AIU_CALL_LISTEN = 2   /**< listen(2): bind(2) succeeded */
};
/** The call that fails. @since 0.1 */
enum aiu_call aiu_report_get_call(const struct aiu_report *);

/**
 * The answer in one line of printable ASCII for a log: address, protocol, errno, holder. Never
 * NULL, shorter than 1536 bytes, without a newline.
 * @since 0.1
 */
const char *aiu_report_get_summary(const struct aiu_report *);

/**
 * What was asked about, as the report understood it: the address, and its length in bytes
 * (ret_len may be NULL).
 * @since 0.1
 */
const struct sockaddr *aiu_report_get_address(const struct aiu_report *, socklen_t *ret_len);
/** SOCK_* of the would-be socket. @since 0.1 */
int aiu_report_get_type(const struct aiu_report *);

/**
 * IPPROTO_* of the would-be socket as it was asked; 0 = the usual one of its type.
 * @since 0.1
 */
int aiu_report_get_protocol(const struct aiu_report *);
/** AIU_OPTION_* that are set on the would-be socket. @since 0.1 */
uint32_t aiu_report_get_options(const struct aiu_report *);
/** SO_BINDTODEVICE of the would-be socket; NULL if none. @since 0.1 */
const char *aiu_report_get_device(const struct aiu_report *);
/** Owner of the would-be socket. @since 0.1 */
uid_t aiu_report_get_uid(const struct aiu_report *);
/** 1 if listen() was part of the question, else 0. @since 0.1 */
int aiu_report_get_listen(const struct aiu_report *);

/** Every fact and every conclusion is one of three. @since 0.1 */
enum aiu_tristate {
        AIU_TRISTATE_UNKNOWN = 0, /**< could not be seen, or depends on what could not */
        AIU_TRISTATE_NO = 1,      /**< certainly not */
        AIU_TRISTATE_YES = 2      /**< certainly */
};
/** SO_REUSEADDR. @since 0.1 */
#define AIU_OPTION_REUSEADDR (UINT32_C(1) << 0)
/** SO_REUSEPORT. @since 0.1 */
#define AIU_OPTION_REUSEPORT (UINT32_C(1) << 1)
/** IPV6_V6ONLY. @since 0.1 */
#define AIU_OPTION_V6ONLY (UINT32_C(1) << 2)
/** IP_FREEBIND or IP_TRANSPARENT. @since 0.1 */
#define AIU_OPTION_FREEBIND (UINT32_C(1) << 3)

/**
 * Would the same bind succeed with these AIU_OPTION_* set as well? 0 = as it was asked.
 * IPV6_V6ONLY changes nothing for an IPv4 address. A bit that is not known gives "unknown".
 * @since 0.1
 */
enum aiu_tristate aiu_report_would_succeed_with(const struct aiu_report *, uint32_t options);

/**
 * Port 0: the ports among which the kernel looks for one, ip_local_port_range narrowed by
 * IP_LOCAL_PORT_RANGE (ret_first, ret_last may be NULL).
 * @returns 1; 0 if another port was asked for, or the range is not known, or no port is looked for
 * @since 0.1
 */
int aiu_report_get_port_range(const struct aiu_report *, uint16_t *ret_first, uint16_t *ret_last);
/** How many ports of that range are certainly taken for the socket asked about. @since 0.1 */
size_t aiu_report_get_n_ports_taken(const struct aiu_report *);
/** How many ports of that range are certainly free for it. @since 0.1 */
size_t aiu_report_get_n_ports_left(const struct aiu_report *);
/** How many ports of that range ip_local_reserved_ports keeps back. @since 0.1 */
size_t aiu_report_get_n_ports_reserved(const struct aiu_report *);

/**
 * How many sockets are in the way, or may be. Port 0: how many processes, of those that have most
 * ports of the range, at most five; each stands here with one of its sockets.
 * @since 0.1
 */
size_t aiu_report_get_n_conflicts(const struct aiu_report *);
/** The i-th of them, from 0, those that certainly block first; NULL past the end. @since 0.1 */
const struct aiu_conflict *aiu_report_get_conflict(const struct aiu_report *, size_t i);
/** How many sockets have the same port and are not in the way. @since 0.1 */
size_t aiu_report_get_n_neighbours(const struct aiu_report *);

/**
 * The i-th of them, from 0; NULL past the end. Holders are looked for only where something is in
 * the way.
 * @since 0.1
 */
const struct aiu_conflict *aiu_report_get_neighbour(const struct aiu_report *, size_t i);
/** How many actions are recommended. @since 0.1 */
size_t aiu_report_get_n_actions(const struct aiu_report *);

/**
 * The i-th action, from 0, in order of harm; NULL past the end. First what may free the address:
 * looking again with more privilege, waiting, the holder's manager, SIGTERM, removing a file,
 * SIGKILL. Then the caller's mistake, another port or address, then changes to the program, then what changes the host
 * for everybody. In each of these groups, what is not enough alone comes last. SIGKILL never comes
 * before SIGTERM to the same process, unless SIGTERM cannot act: it is ignored, or the process is
 * stopped. Do not take the first that suffices without a look at #AIU_ACTION_LAST_RESORT.
 * @since 0.1
 */
const struct aiu_action *aiu_report_get_action(const struct aiu_report *, size_t i);
/** How many things could not be seen or decided. @since 0.1 */
size_t aiu_report_get_n_gaps(const struct aiu_report *);
/** The i-th gap, from 0; NULL past the end. @since 0.1 */
const struct aiu_gap *aiu_report_get_gap(const struct aiu_report *, size_t i);

/** @} */

/**
 * @defgroup aiu_sockets Sockets in the way, and neighbours
 * A conflict is one socket on the port (or name). From aiu_report_get_conflict() if it is, or may
 * be, in the way; from aiu_report_get_neighbour() if not.
 * @{
 */

/** How the two addresses meet. @since 0.1 */
enum aiu_overlap {
        AIU_OVERLAP_UNKNOWN = 0,         /**< there is no socket in sight to compare with */
        AIU_OVERLAP_EXACT = 1,           /**< same address */
        AIU_OVERLAP_HOLDER_WILDCARD = 2, /**< holder on 0.0.0.0 / [::] covers the address asked for */
        AIU_OVERLAP_QUERY_WILDCARD = 3,  /**< the wildcard asked for covers the holder's address */
        AIU_OVERLAP_DUAL_STACK = 4,      /**< an IPv6 wildcard that is not v6-only against IPv4 */
        AIU_OVERLAP_V4_MAPPED = 5,       /**< an IPv4-mapped IPv6 address against that IPv4 address */
        AIU_OVERLAP_UNIX_PATH = 6,       /**< the same file, or the same abstract name */
        AIU_OVERLAP_PORT_RANGE = 7,      /**< port 0 asked for and the ephemeral range is exhausted */
        AIU_OVERLAP_NONE = 8             /**< neighbour only */
};

/**
 * State of a socket; 1 to 13 are the kernel's own numbers (enum in net/tcp_states.h).
 * @since 0.1
 */
enum aiu_state {
        AIU_STATE_UNKNOWN = 0,     /**< could not be seen */
        AIU_STATE_ESTABLISHED = 1, /**< connected */
        AIU_STATE_SYN_SENT = 2,    /**< connect() is under way */
        AIU_STATE_SYN_RECV = 3,    /**< a client's SYN is being answered */
        AIU_STATE_FIN_WAIT1 = 4,   /**< closed here, the FIN is not acknowledged */
        AIU_STATE_FIN_WAIT2 = 5,   /**< closed here, the peer has not closed */
        AIU_STATE_TIME_WAIT = 6,   /**< closed by both; the kernel keeps the addresses for a minute */
        AIU_STATE_CLOSE = 7,       /**< neither bound nor connected */
        AIU_STATE_CLOSE_WAIT = 8,  /**< the peer has closed, this side has not */
        AIU_STATE_LAST_ACK = 9,    /**< closed by both, the last FIN is not acknowledged */
        AIU_STATE_LISTEN = 10,     /**< listening */
        AIU_STATE_CLOSING = 11,    /**< closed by both at once */
        AIU_STATE_BOUND = 13,      /**< bound, neither listening nor connected; ss(8) shows it from 6.8 on */
        AIU_STATE_STALE_FILE = 64  /**< AF_UNIX: a socket file that no socket is bound to, in any network namespace */
};
/** The rule that makes it a conflict: inet_bind_conflict() and its kin. @since 0.1 */
enum aiu_reason {
        AIU_REASON_UNKNOWN = 0,          /**< not known, or not in the way */
        AIU_REASON_LISTENING = 1,        /**< a listener shares with nobody but its SO_REUSEPORT group */
        AIU_REASON_QUERY_NO_REUSE = 2,   /**< SO_REUSEADDR not set on the socket asked about */
        AIU_REASON_HOLDER_NO_REUSE = 3,  /**< SO_REUSEADDR was not set on the holder when it bound */
        AIU_REASON_REUSEPORT_ABSENT = 4, /**< only one of the two has SO_REUSEPORT */
        AIU_REASON_REUSEPORT_UID = 5,    /**< both have it, different effective uid */
        AIU_REASON_BUCKET_HISTORY = 6,   /**< the kernel's per-port cache, not any socket alive, decides */
        AIU_REASON_PATH_EXISTS = 7,      /**< AF_UNIX: something is there, a socket or not */
        AIU_REASON_RANGE_EXHAUSTED = 8,  /**< port 0: no port of ip_local_port_range is left */
        AIU_REASON_OBSERVED = 9          /**< the caller saw EADDRINUSE; no socket in sight explains it */
};
/** How its address meets the one asked about. @since 0.1 */
enum aiu_overlap aiu_conflict_get_overlap(const struct aiu_conflict *);
/** Its state. From sock_diag(7), else /proc/net. @since 0.1 */
enum aiu_state aiu_conflict_get_state(const struct aiu_conflict *);
/** The rule by which it is in the way. @since 0.1 */
enum aiu_reason aiu_conflict_get_reason(const struct aiu_conflict *);

/**
 * Is it in the way? Yes = proven or inferred from the errno seen; unknown = a bit that could
 * not be read decides, and a gap names it; no = a neighbour.
 * @since 0.1
 */
enum aiu_tristate aiu_conflict_is_blocking(const struct aiu_conflict *);

/**
 * Its own address and the length of that in bytes (ret_len may be NULL); NULL if there is no
 * socket in sight (AIU_REASON_OBSERVED).
 * @since 0.1
 */
const struct sockaddr *aiu_conflict_get_local(const struct aiu_conflict *, socklen_t *ret_len);
/** The address it is connected to; NULL if none. @since 0.1 */
const struct sockaddr *aiu_conflict_get_peer(const struct aiu_conflict *, socklen_t *ret_len);
/** SOCK_* of it. @since 0.1 */
int aiu_conflict_get_type(const struct aiu_conflict *);
/** IPPROTO_* of it; 0 for AF_UNIX. @since 0.1 */
int aiu_conflict_get_protocol(const struct aiu_conflict *);
/**
 * Inode of its file, as in the link text socket:[N] of /proc/PID/fd; 0 = it has no file: TIME_WAIT,
 * an orphan, or a connection that nobody has accepted yet.
 * @since 0.1
 */
uint64_t aiu_conflict_get_inode(const struct aiu_conflict *);
/** SO_COOKIE of it, unique while the system runs; 0 = not known. @since 0.1 */
uint64_t aiu_conflict_get_cookie(const struct aiu_conflict *);

/**
 * Owner of the socket; (uid_t)-1 = not known. The process that holds it may be another's.
 * @since 0.1
 */
uid_t aiu_conflict_get_uid(const struct aiu_conflict *);
/** SO_BINDTODEVICE of it, the name of the interface, raw bytes; NULL if none. @since 0.1 */
const char *aiu_conflict_get_device(const struct aiu_conflict *);

/**
 * SO_REUSEADDR of it. Read from the holder's own descriptor (pidfd_getfd(2), which needs
 * ptrace rights), or inferred; a TIME_WAIT socket shows none.
 * @since 0.1
 */
enum aiu_tristate aiu_conflict_get_reuseaddr(const struct aiu_conflict *);
/** SO_REUSEPORT of it. As aiu_conflict_get_reuseaddr(). @since 0.1 */
enum aiu_tristate aiu_conflict_get_reuseport(const struct aiu_conflict *);

/**
 * IPV6_V6ONLY of it. From sock_diag(7) (INET_DIAG_SKV6ONLY), else as aiu_conflict_get_reuseaddr().
 * @since 0.1
 */
enum aiu_tristate aiu_conflict_get_v6only(const struct aiu_conflict *);

/**
 * TIME_WAIT and the like: microseconds until the kernel drops it, counted from the moment it was
 * looked at; 0 = nothing expires, or not known. From sock_diag(7) (idiag_expires), else /proc/net.
 * @since 0.1
 */
uint64_t aiu_conflict_get_expires_usec(const struct aiu_conflict *);
/**
 * AF_UNIX: st_mode of the file that is at the path, where no socket in sight is bound to it: S_ISSOCK()
 * of stat(2) and the like tell what it is. A holder of kind AIU_HOLDER_HIDDEN says then that the
 * socket file is alive, AIU_STATE_STALE_FILE that it is not; else that is not known. 0 = a socket is
 * in the way, or what is there is not known.
 * @since 0.1
 */
uint32_t aiu_conflict_get_file_mode(const struct aiu_conflict *);
/**
 * Port 0: how many ports of the range the holders of this one keep from the socket asked about;
 * else 0.
 * @since 0.1
 */
size_t aiu_conflict_get_n_ports(const struct aiu_conflict *);
/** How many holders are known. One socket can have many: fork(2), SCM_RIGHTS. @since 0.1 */
size_t aiu_conflict_get_n_holders(const struct aiu_conflict *);
/** The i-th holder, from 0; NULL past the end. @since 0.1 */
const struct aiu_holder *aiu_conflict_get_holder(const struct aiu_conflict *, size_t i);

/** @} */

/**
 * @defgroup aiu_holders Holders
 * Who has the socket: found by its inode among the descriptors of each process (/proc/PID/fd).
 * One socket can have many, and the port stays taken until the last one lets go.
 * @{
 */

/** What kind of holder it is. @since 0.1 */
enum aiu_holder_kind {
        AIU_HOLDER_UNKNOWN = 0, /**< could not be seen */
        AIU_HOLDER_PROCESS = 1, /**< a process that is visible */
        AIU_HOLDER_SELF = 2,    /**< the calling process itself */
        AIU_HOLDER_KERNEL = 3,  /**< no file at all: TIME_WAIT, orphan, in-kernel user */
        AIU_HOLDER_HIDDEN = 4   /**< a file exists, its process is not visible from here */
};
/** Process, ourselves, the kernel, or hidden. @since 0.1 */
enum aiu_holder_kind aiu_holder_get_kind(const struct aiu_holder *);
/** Its process id, as the /proc that was read has it; 0 = none. @since 0.1 */
pid_t aiu_holder_get_pid(const struct aiu_holder *);
/** Process id of its parent (/proc/PID/stat); 0 = none, or not visible. @since 0.1 */
pid_t aiu_holder_get_ppid(const struct aiu_holder *);

/**
 * Effective uid of the process (/proc/PID/status), else owner of the socket; (uid_t)-1 = not
 * known.
 * @since 0.1
 */
uid_t aiu_holder_get_uid(const struct aiu_holder *);

/**
 * When it was started: CLOCK_REALTIME in microseconds, exact to a clock tick (starttime in
 * /proc/PID/stat, see proc(5)); 0 = not known. With the pid it names one process for ever: check it
 * before you send a signal.
 * @since 0.1
 */
uint64_t aiu_holder_get_start_time_usec(const struct aiu_holder *);

/**
 * How many of its descriptors are this socket; 0 if it holds it in another way (io_uring).
 * @since 0.1
 */
size_t aiu_holder_get_n_fds(const struct aiu_holder *);
/** The i-th of them, from 0; -1 past the end. @since 0.1 */
int aiu_holder_get_fd(const struct aiu_holder *, size_t i);
/** Its name, /proc/PID/comm. Raw bytes. @since 0.1 */
const char *aiu_holder_get_comm(const struct aiu_holder *);
/** Its executable, /proc/PID/exe. Raw bytes; NULL without the right to read it. @since 0.1 */
const char *aiu_holder_get_exe(const struct aiu_holder *);

/**
 * Its arguments, /proc/PID/cmdline: NUL-separated, of *ret_bytes bytes (ret_bytes may be
 * NULL). Raw bytes, and they may hold passwords: think before you log them.
 * @since 0.1
 */
const char *aiu_holder_get_cmdline(const struct aiu_holder *, size_t *ret_bytes);

/**
 * Its working directory: which checkout is it? Raw bytes; NULL without the right to read it.
 * @since 0.1
 */
const char *aiu_holder_get_cwd(const struct aiu_holder *);

/**
 * AIU_HOLDER_KERNEL: what in the kernel has the socket, such as "vxlan", "wireguard", "nfsd"; NULL
 * if it is a connection that was closed. From rtnetlink, generic netlink and /proc.
 * @since 0.1
 */
const char *aiu_holder_get_kernel_user(const struct aiu_holder *);

/**
 * Which of them: the interface, the number of a tunnel, the server. Raw bytes; NULL if there is
 * but one, or none.
 * @since 0.1
 */
const char *aiu_holder_get_kernel_user_name(const struct aiu_holder *);
/** Why it exists: how many of the chain of parents up to pid 1 are visible. @since 0.1 */
size_t aiu_holder_get_n_ancestors(const struct aiu_holder *);
/** Process id of the i-th ancestor, nearest first; 0 past the end. @since 0.1 */
pid_t aiu_holder_get_ancestor_pid(const struct aiu_holder *, size_t i);
/** Name of the i-th ancestor, raw bytes; NULL past the end, or not known. @since 0.1 */
const char *aiu_holder_get_ancestor_comm(const struct aiu_holder *, size_t i);
/** Same executable as the caller: a second copy. @since 0.1 */
#define AIU_HOLDER_SAME_PROGRAM (UINT32_C(1) << 0)
/** Reparented to init or a subreaper: whoever started it has gone. @since 0.1 */
#define AIU_HOLDER_ORPHAN (UINT32_C(1) << 1)
/** T state: cannot act on SIGTERM until continued. @since 0.1 */
#define AIU_HOLDER_STOPPED (UINT32_C(1) << 2)
/** Exiting, or D state with a fatal signal pending. @since 0.1 */
#define AIU_HOLDER_DYING (UINT32_C(1) << 3)
/** Runs a replaced binary: left from before an upgrade. @since 0.1 */
#define AIU_HOLDER_DELETED_EXE (UINT32_C(1) << 4)
/** Its unit is inactive, the process is still there. @since 0.1 */
#define AIU_HOLDER_UNIT_LEFTOVER (UINT32_C(1) << 5)
/**
 * A stop of its unit leaves it running, or its socket open (KillMode=process or none,
 * FileDescriptorStorePreserve=yes), or is refused (RefuseManualStop=). @since 0.1
 */
#define AIU_HOLDER_UNIT_SPARED (UINT32_C(1) << 6)
/**
 * The caller runs in it: a parent shell, a terminal multiplexer, an IDE, a login session. To end
 * it may end the caller. @since 0.1
 */
#define AIU_HOLDER_ANCESTOR (UINT32_C(1) << 7)
/**
 * Another user made the socket and handed the descriptor over: the owner of the socket is neither
 * root nor a user of the holder, or the socket was made in a cgroup that is delegated to another
 * user. @since 0.1
 */
#define AIU_HOLDER_HANDED_OVER (UINT32_C(1) << 8)
/** Its leader is another holder of the same socket: aiu_holder_get_leader(). @since 0.1 */
#define AIU_HOLDER_WORKER (UINT32_C(1) << 9)
/** AIU_HOLDER_* of it; a bit that is not set is "no, or not known". @since 0.1 */
uint32_t aiu_holder_get_flags(const struct aiu_holder *);

/**
 * The master process whose end takes this holder along, as far as is known: the holder of the same
 * socket that is the ancestor of all others, or the parent of a lone holder that runs the same
 * program; its own process id if there is none; 0 if it is no process.
 * @since 0.1
 */
pid_t aiu_holder_get_leader(const struct aiu_holder *);

/** Who looks after the holder, and would bring it back. @since 0.1 */
enum aiu_manager_kind {
        AIU_MANAGER_UNKNOWN = 0,      /**< nobody looked, or nothing was found */
        AIU_MANAGER_NONE = 1,         /**< certainly nobody */
        AIU_MANAGER_SYSTEMD = 2,      /**< a system unit */
        AIU_MANAGER_SYSTEMD_USER = 3, /**< a unit of a user's own manager */
        AIU_MANAGER_DOCKER = 4,       /**< a container of dockerd */
        AIU_MANAGER_PODMAN = 5,       /**< a container of podman */
        AIU_MANAGER_KUBERNETES = 6,   /**< a container of a pod: the kubelet starts it again */
        AIU_MANAGER_CONTAINERD = 7,   /**< a container of containerd without Docker */
        AIU_MANAGER_LXC = 8,          /**< an LXC container */
        AIU_MANAGER_SNAP = 9,         /**< a snap */
        AIU_MANAGER_MACHINE = 10,     /**< a machine of systemd-machined */
        AIU_MANAGER_SUPERVISOR = 11   /**< named by aiu_holder_get_supervisor() */
};
/** Who looks after it: from its cgroup. @since 0.1 */
enum aiu_manager_kind aiu_holder_get_manager(const struct aiu_holder *);
/** Its systemd unit, such as "nginx.service", raw bytes; NULL if none is known. @since 0.1 */
const char *aiu_holder_get_unit(const struct aiu_holder *);

/**
 * The socket unit that owns or feeds the socket, such as "nginx.socket"; NULL if none is known.
 * @since 0.1
 */
const char *aiu_holder_get_socket_unit(const struct aiu_holder *);
/** ActiveState of the unit; NULL = not known, systemd was not asked or did not answer. @since 0.1 */
const char *aiu_holder_get_unit_state(const struct aiu_holder *);
/** Restart= of the unit; NULL = not known, or it is no service. @since 0.1 */
const char *aiu_holder_get_unit_restart(const struct aiu_holder *);
/** If it is killed, does something start it again? @since 0.1 */
enum aiu_tristate aiu_holder_will_return(const struct aiu_holder *);
/** Container id or machine name, raw bytes; NULL if none is known. @since 0.1 */
const char *aiu_holder_get_container(const struct aiu_holder *);

/**
 * Name of another supervisor, such as "supervisord"; NULL if none is known. What that calls
 * the program is in aiu_holder_get_unit().
 * @since 0.1
 */
const char *aiu_holder_get_supervisor(const struct aiu_holder *);

/** @} */

/**
 * @defgroup aiu_actions Actions
 * What frees the address. Each was tried out on the facts that were seen before it is called
 * sufficient; the library carries none of them out.
 * @{
 */

/** What is to be done. @since 0.1 */
enum aiu_action_kind {
        AIU_ACTION_UNKNOWN = 0,          /**< a kind that this header does not know */
        AIU_ACTION_NONE = 1,             /**< the address is free */
        AIU_ACTION_STOP_UNIT = 2,        /**< systemctl stop */
        AIU_ACTION_STOP_CONTAINER = 3,   /**< docker stop, podman stop ... */
        AIU_ACTION_TERMINATE = 4,        /**< SIGTERM, or the program's own word for it */
        AIU_ACTION_KILL = 5,             /**< SIGKILL: SIGTERM may not be enough, or cannot act */
        AIU_ACTION_WAIT = 6,             /**< it frees itself */
        AIU_ACTION_SET_REUSEADDR = 7,    /**< SO_REUSEADDR on the would-be socket */
        AIU_ACTION_SET_REUSEPORT = 8,    /**< SO_REUSEPORT on the would-be socket */
        AIU_ACTION_SET_V6ONLY = 9,       /**< IPV6_V6ONLY on the would-be socket */
        AIU_ACTION_OTHER_ADDRESS = 10,   /**< bind another address */
        AIU_ACTION_OTHER_PORT = 11,      /**< bind another port */
        AIU_ACTION_RESERVE_PORT = 12,    /**< keep it out of the ephemeral range: for the next time */
        AIU_ACTION_REMOVE_FILE = 13,     /**< AF_UNIX: no socket is bound to the socket file (AIU_STATE_STALE_FILE) */
        AIU_ACTION_USE_ACTIVATION = 14,  /**< take the socket that systemd passes */
        AIU_ACTION_GRANT_PRIVILEGE = 15, /**< CAP_NET_BIND_SERVICE, or lower the first unprivileged port */
        AIU_ACTION_ADD_ADDRESS = 16,     /**< give the host the address */
        AIU_ACTION_FIX_CALLER = 17,      /**< the caller itself holds it, or the call has to change */
        AIU_ACTION_LOOK_CLOSER = 18,     /**< run again with the privilege named in a gap */
        AIU_ACTION_KILL_UNIT_LEFTOVERS = 19, /**< systemctl kill: the unit is stopped, its process not */
        AIU_ACTION_WIDEN_RANGE = 20,         /**< port 0: let the kernel look among more ports */
        AIU_ACTION_SET_NO_PORT = 21,         /**< port 0: IP_BIND_ADDRESS_NO_PORT, connect() chooses the port */
        AIU_ACTION_STOP_KERNEL_USER = 22,    /**< take down the tunnel device, or what else of the kernel has it */
        AIU_ACTION_SET_FREEBIND = 23,        /**< IP_FREEBIND on the would-be socket: the address may come later */
        AIU_ACTION_ALLOW_NONLOCAL = 24,      /**< the sysctl ip_nonlocal_bind: the same for every program of the host */
        AIU_ACTION_ENABLE_IPV6 = 25,         /**< the sysctl disable_ipv6 of the interface keeps the address away */
        AIU_ACTION_CHANGE_POLICY = 26,       /**< a security policy refused it: SELinux, Landlock, SocketBindDeny=... */
        AIU_ACTION_MAKE_DIRECTORY = 27       /**< AF_UNIX: a directory of the path does not exist */
};
/** What is to be done. @since 0.1 */
enum aiu_action_kind aiu_action_get_kind(const struct aiu_action *);
/** The same in one or two sentences of printable ASCII. @since 0.1 */
const char *aiu_action_get_text(const struct aiu_action *);

/**
 * The command that does it: a NULL-terminated vector for execvp(3), to be run without a shell;
 * NULL if no command does it. Words may hold bytes that a process chose: escape what you print.
 * @since 0.1
 */
const char *const *aiu_action_get_argv(const struct aiu_action *);

/**
 * The same command as one line, or more with a backslash at the end, that sh, dash, bash, zsh and
 * fish read back as exactly that vector. Printable ASCII.
 *
 * @param[in] action an action of a report
 * @param[out] ret_command written on success; the caller's to free(3)
 * @return 0; -EINVAL for a NULL; -ENODATA if no command does it; -EILSEQ if a word ends in a
 *      newline, which no shell can be given; -ENOMEM
 * @since 0.1
 */
int aiu_action_to_shell(const struct aiu_action *action, char **ret_command);

/**
 * Does it, alone, make the bind succeed? Yes = tried out on the facts that were seen.
 * @since 0.1
 */
enum aiu_tristate aiu_action_is_sufficient(const struct aiu_action *);
/** It needs root, and the caller is not root; as far as is known. @since 0.1 */
#define AIU_ACTION_NEEDS_ROOT (UINT32_C(1) << 0)
/** Stops something that works. @since 0.1 */
#define AIU_ACTION_DISRUPTIVE (UINT32_C(1) << 1)
/** The program that binds, or its configuration, has to change. @since 0.1 */
#define AIU_ACTION_CHANGES_CODE (UINT32_C(1) << 2)
/** SIGKILL and its like: only after the gentle actions were tried. @since 0.1 */
#define AIU_ACTION_LAST_RESORT (UINT32_C(1) << 3)
/**
 * It rests on the word of somebody whom the caller should not trust, or on not having seen any
 * process. Never sufficient. @since 0.1
 */
#define AIU_ACTION_UNCONFIRMED (UINT32_C(1) << 4)
/** It acts in another namespace, which its command enters. @since 0.1 */
#define AIU_ACTION_ELSEWHERE (UINT32_C(1) << 5)
/** It changes the host for everybody: a sysctl, an address. @since 0.1 */
#define AIU_ACTION_HOST_WIDE (UINT32_C(1) << 6)
/** AIU_ACTION_NEEDS_ROOT and the like. @since 0.1 */
uint32_t aiu_action_get_flags(const struct aiu_action *);
/** The signal that it sends, such as SIGTERM; 0 = none. @since 0.1 */
int aiu_action_get_signal(const struct aiu_action *);
/** How many processes the signal goes to. @since 0.1 */
size_t aiu_action_get_n_processes(const struct aiu_action *);

/**
 * Process id of the i-th of them, from 0; 0 past the end. *ret_start_time_usec, which may be NULL,
 * is written only if there is one: when it was started, as aiu_holder_get_start_time_usec() says.
 * Compare that, and signal through a pidfd (pidfd_open(2)): a number may be another process by now.
 * @since 0.1
 */
pid_t aiu_action_get_process(const struct aiu_action *, size_t i, uint64_t *ret_start_time_usec);

/**
 * The file that it removes, as stat(2) told when it was looked at. Compare both before you remove
 * what has the name now: its directory may be another one.
 *
 * @param[in] action an action of a report
 * @param[out] ret_device st_dev
 * @param[out] ret_inode st_ino
 * @return 1, and both are written; 0 if it removes no file, or the file was not seen; -EINVAL
 * @since 0.1
 */
int aiu_action_get_file(const struct aiu_action *action, uint64_t *ret_device, uint64_t *ret_inode);

/** @} */

/**
 * @defgroup aiu_gaps Gaps
 * What could not be seen or decided. A report without a gap is complete.
 * @{
 */

/** Why something could not be seen. @since 0.1 */
enum aiu_gap_kind {
        AIU_GAP_UNKNOWN = 0,       /**< no interface of the kernel shows it, or no rule is known */
        AIU_GAP_PERMISSION = 1,    /**< a privilege is missing; the text names it */
        AIU_GAP_NAMESPACE = 2,     /**< it lives in another namespace */
        AIU_GAP_TRUNCATED = 3,     /**< there was more than the library keeps */
        AIU_GAP_RACE = 4,          /**< it changed while it was looked at */
        AIU_GAP_BACKEND = 5,       /**< a source of facts failed */
        AIU_GAP_DEADLINE = 6,      /**< the time was up: aiu_context_set_deadline_usec() */
        AIU_GAP_KERNEL_TOO_OLD = 7 /**< this kernel does not tell */
};
/** Why it could not be seen. @since 0.1 */
enum aiu_gap_kind aiu_gap_get_kind(const struct aiu_gap *);
/** The errno behind it, positive; 0 = none. @since 0.1 */
int aiu_gap_get_error(const struct aiu_gap *);
/** Name of the backend that met it; NULL = the judgement. @since 0.1 */
const char *aiu_gap_get_backend(const struct aiu_gap *);
/** What was not seen, and what it takes to see it: printable ASCII. @since 0.1 */
const char *aiu_gap_get_text(const struct aiu_gap *);

/** @} */

/**
 * @defgroup aiu_tokens Tokens
 * Words for the values of the enums.
 * @{
 */

/**
 * @name Stable tokens
 * Lower case, with hyphens, as in the JSON: the enumerator's name without its prefix. A value
 * that is not in the enum gives "unknown". Static strings, never NULL.
 * @since 0.1
 * @{
 */
const char *aiu_verdict_to_string(enum aiu_verdict);           /**< such as "in-use" */
const char *aiu_call_to_string(enum aiu_call);                 /**< such as "bind" */
const char *aiu_tristate_to_string(enum aiu_tristate);         /**< such as "yes" */
const char *aiu_overlap_to_string(enum aiu_overlap);           /**< such as "holder-wildcard" */
const char *aiu_state_to_string(enum aiu_state);               /**< such as "time-wait" */
const char *aiu_reason_to_string(enum aiu_reason);             /**< such as "listening" */
const char *aiu_holder_kind_to_string(enum aiu_holder_kind);   /**< such as "process" */
const char *aiu_manager_kind_to_string(enum aiu_manager_kind); /**< such as "systemd" */
const char *aiu_action_kind_to_string(enum aiu_action_kind);   /**< such as "stop-unit" */
const char *aiu_gap_kind_to_string(enum aiu_gap_kind);         /**< such as "permission" */
/** @} */

/** @} */

/* ------------------------------------------------ 4. show it */

/**
 * @defgroup aiu_show Show it
 * Text for people, JSON for programs. Both use the public accessors alone.
 * @{
 */

/** Text with ANSI colours: for terminals only. @since 0.1 */
#define AIU_RENDER_COLOR (UINT32_C(1) << 0)
/** Show command lines: they may hold secrets. @since 0.1 */
#define AIU_RENDER_CMDLINE (UINT32_C(1) << 1)
/** Text with neighbours, all gaps and socket ids. JSON always has them. @since 0.1 */
#define AIU_RENDER_VERBOSE (UINT32_C(1) << 2)
/** JSON on many lines, indented. @since 0.1 */
#define AIU_RENDER_PRETTY (UINT32_C(1) << 3)

/**
 * The report in words, several lines of printable ASCII. *ret_text is the caller's: free(3).
 * @returns 0; -EINVAL (NULL, or a flag that this version does not know); -ENOMEM
 * @since 0.1
 */
int aiu_report_to_text(const struct aiu_report *, uint32_t flags, char **ret_text);

/**
 * The report as one JSON object, schema 1 (doc/addrinuse.schema.json). *ret_json is the
 * caller's: free(3). Fields are added, never renamed.
 * @returns 0; -EINVAL (NULL, or a flag that this version does not know); -ENOMEM
 * @since 0.1
 */
int aiu_report_to_json(const struct aiu_report *, uint32_t flags, char **ret_json);

/**
 * The text to a stream, which is not flushed.
 * @returns 0; -EINVAL (NULL, or a flag that this version does not know); -ENOMEM; -EIO
 * @since 0.1
 */
int aiu_report_print(const struct aiu_report *, FILE *, uint32_t flags);

/**
 * Any bytes as printable ASCII: a backslash is doubled, what is outside 0x20 to 0x7e becomes
 * \\xHH. Nothing is lost. *ret_text is the caller's: free(3).
 * @returns 0; -EINVAL (NULL); -ENOMEM
 * @since 0.1
 */
int aiu_escape(const char *bytes, size_t n_bytes, char **ret_text);
/** Version of the library that runs: "MAJOR.MINOR.PATCH", a static string. @since 0.1 */
const char *aiu_version(void);
/** @} */

#ifdef __cplusplus
}
#endif
#endif
