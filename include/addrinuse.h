/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file addrinuse.h
 * Why does bind(2) or listen(2) say "Address already in use", and what frees the address?
 *
 * Ask (aiu_probe(), aiu_explain_bind() or a query), read the report through its accessors,
 * show it as text or JSON. These rules hold for every function:
 *  - A function that returns int returns 0 (or a count) on success and a negative errno
 *    on failure. Outputs (ret_*) are written only on success. The list of errors that
 *    a function documents is complete. aiu_probe() and aiu_explain_*() return an object,
 *    or NULL with errno set. On success, and in all other functions, errno keeps its value.
 *  - Any pointer may be NULL. Functions that can fail then return -EINVAL, accessors
 *    return the value that means "unknown", and ref/unref functions return NULL.
 *  - Accessors never fail and never allocate. Unknown is NULL, 0, (uid_t)-1 or
 *    *_UNKNOWN. In every enum 0 means "unknown". Enums may grow: values are added,
 *    never renumbered, so a switch needs a default.
 *  - Const pointers read from a report live as long as the report. Do not free them.
 *  - Units are in the name (_usec, _bytes). Ports are in host byte order, except
 *    inside a struct sockaddr, where they are in network byte order as usual.
 *  - Strings that a process chose (comm, cmdline, unit, path) are raw bytes and may
 *    hold anything: aiu_escape() makes them printable. Summaries, action and gap
 *    texts, aiu_report_to_text() and aiu_report_to_json() are printable ASCII already.
 *  - The library has no globals, starts no thread or child process, sends no signal, prints
 *    nothing and leaves no descriptor open. One thread at a time may use a context or query.
 *    A report is immutable and its reference count is atomic: any thread may read it.
 *  - Linux only. Facts come from NETLINK_SOCK_DIAG, rtnetlink, /proc and getsockopt(2).
 *    An accessor names its source where that matters.
 *  - It works after fork(2), with no descriptor left and in a chroot without /proc: fewer facts
 *    can be read there, and a gap says so. Do not call it from a signal handler.
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
 * Version of this header, for preprocessor conditions. The library at run time may be newer: see
 * aiu_version().
 * @since 0.1
 */
#define AIU_VERSION_MAJOR 0
/** Second number of the version: grows when something is added. @since 0.1 */
#define AIU_VERSION_MINOR 1
/** Third number of the version: grows when something is fixed. @since 0.1 */
#define AIU_VERSION_MICRO 0

/** Settings that outlive one query: backends, deadline, log hook. Reference-counted. */
struct aiu_context;
/** The bind() (and listen()) to ask about. Reference-counted. */
struct aiu_query;
/** The answer. Immutable and reference-counted. */
struct aiu_report;
/** Waits until a bind() would succeed. Belongs to one thread. Reference-counted. */
struct aiu_wait;
/** One socket on the port (or name), and how it conflicts with the request. Part of a report. */
struct aiu_conflict;
/** One holder of such a socket: a process, or the kernel. Part of a report. */
struct aiu_holder;
/** One recommended action. Part of a report. */
struct aiu_action;
/** One thing that could not be seen or decided, and what that would take. Part of a report or a survey. */
struct aiu_gap;
/** All sockets that listen or are bound, and what will go wrong with them. Immutable but for the plan. Reference-counted. */
struct aiu_survey;
/** One thing that is, or will be, wrong with such sockets. Part of a survey. */
struct aiu_hazard;

/* ------------------------------------------------ 1. ask, in one line */

/**
 * @defgroup aiu_ask Ask, in one line
 * One call with the library's defaults: all backends, a deadline of 250 ms, no flags.
 * @{
 */

/**
 * Would a TCP server get this address? Asks about bind() and listen() with no socket option set.
 *
 * @param addr numeric IPv4 or IPv6 address. IPv6 may have a %scope (a name or an index).
 *             NULL or "*" = every address, like a dual-stack wildcard
 * @param port 0 to 65535; 0 asks whether the kernel could choose a port
 * @returns a report that the caller owns (aiu_report_unref()), errno unchanged; or NULL with
 *          errno EINVAL (no such address), ENODEV (no interface of the scope's name), ENOMEM.
 *          What cannot be seen is a gap in the report, not an error.
 * @since 0.1
 */
struct aiu_report *aiu_probe(const char *addr, uint16_t port);

/**
 * Explain a bind() that has just failed, while the socket still exists.
 *
 * The library reads family, type, protocol, SO_REUSEADDR, SO_REUSEPORT, IPV6_V6ONLY, device, owner
 * and network namespace with getsockopt(2) and fstat(2). It does not change the socket.
 *
 * @param fd      the socket; it stays open and stays the caller's
 * @param addr    the address that was passed to bind(): AF_INET, AF_INET6, AF_UNIX, AF_VSOCK or
 *                AF_NETLINK
 * @param addrlen its length in bytes
 * @param error   the errno of bind(), positive. It is evidence: after EADDRINUSE a conflict
 *                exists even if none can be seen. 0 = bind() has not been called yet
 * @returns a report that the caller owns, errno unchanged; or NULL with errno EBADF, ENOTSOCK
 *          (fd), EAFNOSUPPORT (of fd or addr), EINVAL (addr, addrlen, error), ENOMEM
 * @since 0.1
 */
struct aiu_report *aiu_explain_bind(int fd, const struct sockaddr *addr, socklen_t addrlen, int error);

/**
 * Explain a listen() that has just failed. A socket with SO_REUSEADDR may be able to bind a port
 * that another socket has, and then fail to listen: listen() checks the port again
 * (inet_csk_get_port()).
 *
 * @param fd    the socket, bound or not; it stays open and stays the caller's
 * @param error the errno of listen(), positive; 0 = listen() has not been called yet
 * @returns as aiu_explain_bind()
 * @since 0.1
 */
struct aiu_report *aiu_explain_listen(int fd, int error);

/** @} */

/* ------------------------------------------------ 2. ask precisely */

/**
 * @defgroup aiu_precise Ask precisely
 * A context keeps settings. A query describes one bind(). Every setter may be called again; the
 * last call counts.
 * @{
 */

/**
 * Make a context with all built-in backends and a deadline of 250 ms.
 * @returns 0; -EINVAL (NULL); -ENOMEM. The caller owns the context.
 * @since 0.1
 */
int aiu_context_new(struct aiu_context **ret_context);

/**
 * Take a reference.
 * @returns the same context
 * @since 0.1
 */
struct aiu_context *aiu_context_ref(struct aiu_context *);

/**
 * Drop a reference. Dropping the last one frees the context and destroys the added backends.
 * @returns NULL, so that you can write c = aiu_context_unref(c)
 * @since 0.1
 */
struct aiu_context *aiu_context_unref(struct aiu_context *);

/** How important a message is: the numbers of syslog(3). @since 0.1 */
enum aiu_log_level {
        AIU_LOG_ERROR = 3,   /**< LOG_ERR */
        AIU_LOG_WARNING = 4, /**< LOG_WARNING */
        AIU_LOG_INFO = 6,    /**< LOG_INFO */
        AIU_LOG_DEBUG = 7    /**< LOG_DEBUG */
};

/**
 * Receives one message: a line of printable ASCII without a newline, valid during the call only.
 * @since 0.1
 */
typedef void (*aiu_log_fn)(void *userdata, enum aiu_log_level level, const char *message);

/**
 * Receive the backends' messages, up to and including level `max`. NULL (the default) = no
 * messages. The hook runs in the thread that runs the query.
 * @since 0.1
 */
void aiu_context_set_log(struct aiu_context *, aiu_log_fn, enum aiu_log_level max, void *userdata);

/**
 * How long one query may take, in microseconds; default 250 000, 0 = no limit. What the query
 * could not look at in time is a gap of kind AIU_GAP_DEADLINE.
 * @returns 0; -EINVAL (NULL)
 * @since 0.1
 */
int aiu_context_set_deadline_usec(struct aiu_context *, uint64_t usec);

/**
 * Read another /proc, given as a directory descriptor, which the library duplicates. -1 = use no
 * /proc; holders cannot be named then. Default: /proc, opened for each query.
 * @returns 0; -EINVAL (NULL, or below -1); -EBADF; -EMFILE
 * @since 0.1
 */
int aiu_context_set_procfs(struct aiu_context *, int dirfd);
/**
 * The name of a user, such as getpwuid(3) has it; NULL = none. The string has to stay valid until the
 * next call only.
 * @since 0.1
 */
typedef const char *(*aiu_user_name_fn)(void *userdata, uid_t uid);

/**
 * Show users by name, in aiu_holder_get_user_name(), every text and the JSON. NULL, the default = by number:
 * the library reads no user database, because that may wait for a server. The function runs in the
 * thread of the query, after the search, at most once for each of the first 16 users; the deadline does
 * not stop it.
 * @since 0.1
 */
void aiu_context_set_user_names(struct aiu_context *, aiu_user_name_fn, void *userdata);
/** Progress of a search for holders: `done` of `total` processes. @since 0.1 */
typedef void (*aiu_progress_fn)(void *userdata, size_t done, size_t total);

/**
 * Receive the progress of a long search. NULL = no calls. Runs in the thread of the query.
 * @since 0.1
 */
void aiu_context_set_progress(struct aiu_context *, aiu_progress_fn, void *userdata);

/**
 * Stop at the first holder of each socket, and at the first listening TCP socket that certainly
 * blocks the request, without looking at other sockets on the port. Gaps say so. By default all
 * are found: without them, no action that ends holders can be called sufficient.
 * @since 0.1
 */
#define AIU_CONTEXT_FIRST_HOLDER (UINT32_C(1) << 0)

/**
 * Allow trial binds: where the facts leave the answer open, bind() a scratch socket and close it at
 * once. A bind() that fails changes nothing. One that succeeds takes the port for an instant. The
 * library makes a trial bind only where it leaves no trace: never a listen(), never with
 * SO_REUSEPORT, not on a TCP port that has or may have a socket (unless that socket certainly
 * blocks), not with SO_REUSEADDR beside other UDP sockets, never for port 0 or an AF_UNIX path. The
 * would-be socket must be the caller's own, in the caller's network namespace. Each trial bind is
 * logged (AIU_LOG_INFO).
 * @since 0.1
 */
#define AIU_CONTEXT_TRIAL_BIND (UINT32_C(1) << 1)
/**
 * Talk to no daemon: do not ask systemd about the holders' units, and do not use connect(2) to find
 * out whether a socket is bound to an AF_UNIX file. That connect(2) never reaches the server,
 * because it is made from one end of a socketpair(2), which is connected already; but audit rules
 * and tracers see the call. With this flag no file is called stale, and no action removes one.
 * @since 0.1
 */
#define AIU_CONTEXT_NO_IPC (UINT32_C(1) << 2)

/**
 * Use pidfd_getfd(2) and similar calls even under a seccomp filter. By default they are used only if
 * /proc/thread-self/status says that no filter is active.
 * @since 0.1
 */
#define AIU_CONTEXT_ALL_SYSCALLS (UINT32_C(1) << 3)

/**
 * TCP: look at listening sockets only. The kernel keeps them in a separate table, so this is the
 * cheapest query on a machine with many connections. If no listener blocks, the verdict is
 * AIU_VERDICT_UNKNOWN with a gap: connections, TIME_WAIT and sockets that are bound but not listening
 * may keep the port too. No effect on other protocols or with port 0.
 * @since 0.1
 */
#define AIU_CONTEXT_LISTENERS_ONLY (UINT32_C(1) << 4)

/**
 * Allow one kind of trial bind: Linux before 6.8 shows no TCP socket that is bound but not listening.
 * Where the answer depends on such sockets alone, bind() a scratch socket to the port of [::], without
 * options, and close it at once. If the port has a socket, the bind() fails and changes nothing. If it
 * has none, every address of the port is taken for an instant. AIU_CONTEXT_TRIAL_BIND includes it.
 * @since 0.1
 */
#define AIU_CONTEXT_TRIAL_WILDCARD (UINT32_C(1) << 5)

/**
 * Set the AIU_CONTEXT_* flags, replacing the previous ones; default 0.
 * @returns 0; -EINVAL (NULL, or a bit that this version does not know)
 * @since 0.1
 */
int aiu_context_set_flags(struct aiu_context *, uint32_t flags);

/**
 * @name Differences between kernels
 * The library's rules are those of Linux 6.9 and later. An earlier kernel may behave differently in
 * the points below, depending on what its distributor backported. Where such a point decides, the
 * verdict is "unknown" and a gap of kind AIU_GAP_KERNEL_TOO_OLD names the point. Each flag means
 * "here this kernel behaves like Linux 6.9": see aiu_self_test() and aiu_context_set_kernel().
 * @{
 */
/** The current value of SO_REUSEADDR counts (6.8). @since 0.1 */
#define AIU_KERNEL_STATELESS (UINT32_C(1) << 0)
/** A specific address is compared with the same address and the wildcards only (6.1). @since 0.1 */
#define AIU_KERNEL_BY_ADDRESS (UINT32_C(1) << 1)
/** TIME_WAIT sockets count when a specific address is bound (not in some of 6.1). @since 0.1 */
#define AIU_KERNEL_TIME_WAIT (UINT32_C(1) << 2)
/** An IPv6 wildcard conflicts with IPv4 addresses (not in some of 6.1 and 6.2). @since 0.1 */
#define AIU_KERNEL_DUAL_STACK (UINT32_C(1) << 3)
/** IPv4-mapped addresses conflict with IPv4 and each other (not in some of 6.1 to 6.7). @since 0.1 */
#define AIU_KERNEL_MAPPED (UINT32_C(1) << 4)
/** An IPv6 wildcard with IPV6_V6ONLY does not conflict with IPv4 (not in some of 6.8). @since 0.1 */
#define AIU_KERNEL_V6ONLY (UINT32_C(1) << 5)
/** A socket without a file keeps its owner (6.17). @since 0.1 */
#define AIU_KERNEL_ORPHAN_OWNER (UINT32_C(1) << 6)
/** bind() looks at all UDP sockets of a port, even if there are more than ten (6.19). @since 0.1 */
#define AIU_KERNEL_UDP_CROWD (UINT32_C(1) << 7)
/** sock_diag(7) shows TCP sockets that are bound but not listening (6.8). @since 0.1 */
#define AIU_KERNEL_BOUND_SHOWN (UINT32_C(1) << 8)
/** TCP ports are separate for each VRF (5.0). @since 0.1 */
#define AIU_KERNEL_VRF (UINT32_C(1) << 9)
/** @} */

/**
 * Find out how this kernel behaves, by calls of bind(), listen() and connect() in the network
 * namespace of the calling thread. That must be a new namespace without other users, because the
 * test and they would disturb each other. Make one in a child process, or in a thread that exits
 * afterwards: unshare(CLONE_NEWUSER | CLONE_NEWNET), then call this function. The library creates
 * neither process nor thread. The test takes some milliseconds, and its result is valid until the
 * next boot.
 *
 * @param ret_behaves the AIU_KERNEL_* that were confirmed. A flag that is not set differs on this
 *                    kernel, or could not be tested there
 * @returns 0; -EINVAL (NULL); -EBUSY (the loopback interface is up, so the namespace is in use);
 *          -EPERM (no right to bring it up); the error of socket(2)
 * @since 0.1
 */
int aiu_self_test(uint32_t *ret_behaves);

/**
 * State how this kernel behaves, whatever its version: the AIU_KERNEL_* from aiu_self_test().
 * Default: 0, the version decides.
 * @returns 0; -EINVAL (NULL, or a bit that this version does not know)
 * @since 0.1
 */
int aiu_context_set_kernel(struct aiu_context *, uint32_t behaves);

/**
 * Make a query: TCP, no options, no address yet. It keeps a reference to the context; NULL = a new
 * context with the defaults.
 * @returns 0; -EINVAL (no ret_query); -ENOMEM. The caller owns the query.
 * @since 0.1
 */
int aiu_query_new(struct aiu_context *context_or_null, struct aiu_query **ret_query);

/**
 * Take a reference.
 * @returns the same query
 * @since 0.1
 */
struct aiu_query *aiu_query_ref(struct aiu_query *);

/**
 * Drop a reference. Dropping the last one frees the query, not its reports.
 * @returns NULL
 * @since 0.1
 */
struct aiu_query *aiu_query_unref(struct aiu_query *);

/**
 * The address of the bind(): AF_INET, AF_INET6 (with or without sin6_scope_id), AF_UNIX (a path,
 * or an abstract name, which starts with a zero byte; the family alone lets the kernel choose a
 * name), AF_VSOCK or AF_NETLINK. Sockets of AF_VSOCK are listed for one network namespace, and most
 * kernels share its ports among all: without a conflict the verdict is then "unknown", with a gap.
 * AF_NETLINK takes its protocol from aiu_query_set_socket(): NETLINK_*, with SOCK_DGRAM for
 * SOCK_RAW. AF_UNSPEC with 0.0.0.0 means AF_INET, as it does for bind(2). It is copied. The length is
 * in bytes.
 * @returns 0; -EINVAL (NULL, or the length does not fit the family); -EAFNOSUPPORT
 * @since 0.1
 */
int aiu_query_set_address(struct aiu_query *, const struct sockaddr *, socklen_t);

/**
 * The same from a string, as in aiu_probe(). NULL and "*" also clear IPV6_V6ONLY.
 * @returns 0; -EINVAL (no such address); -ENODEV (no interface of the scope's name)
 * @since 0.1
 */
int aiu_query_set_address_string(struct aiu_query *, const char *addr, uint16_t port);

/**
 * Address, type and protocol from what people type and other programs print: "8080",
 * "127.0.0.1:8080/udp", ":::3000", "tcp/3000", "http://localhost:3000/", "/run/x.sock",
 * "@abstract", "vsock:2:1024", or one line of a log that complains about an address. addrinuse(1) lists the
 * forms. Options stay as they are.
 *
 * A text without a protocol means a TCP, AF_UNIX or AF_VSOCK stream socket, unless
 * aiu_query_set_socket() or aiu_query_set_fd() said which. A port alone asks about [::] and
 * 0.0.0.0 together: it is in use if either bind() fails, each socket is listed once, and an option
 * helps if it helps both. [::] is dual-stack, and the report has it as the address; without IPv6
 * that is 0.0.0.0. With IPV6_V6ONLY set, a port alone means [::] only, and with
 * aiu_query_set_fd() the family of that socket.
 *
 * A service is looked up in /etc/services; one that UDP alone has is UDP. Of host names only
 * "localhost" is known, as 127.0.0.1: no resolver is asked. Lists, ranges and several lines are
 * no address.
 * @returns 0; -EINVAL (no address in it; the query is unchanged); -ENODEV (no interface of the
 * scope's name); -ENOMEM
 * @since 0.1
 */
int aiu_query_set_address_text(struct aiu_query *, const char *text);

/**
 * The address that was set. At most *bytes bytes are written; *bytes becomes the length of the
 * whole address.
 * @returns 0; -EINVAL (NULL); -ENODATA (no address was set)
 * @since 0.1
 */
int aiu_query_get_address(const struct aiu_query *, struct sockaddr *ret, socklen_t *bytes);

/**
 * The type and the protocol that were set, or the defaults. Either pointer may be NULL.
 * @returns 0; -EINVAL (NULL query)
 * @since 0.1
 */
int aiu_query_get_socket(const struct aiu_query *, int *ret_type, int *ret_protocol);

/**
 * Type and protocol, as for socket(2): SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET or SOCK_DCCP
 * (SOCK_CLOEXEC and SOCK_NONBLOCK are ignored); IPPROTO_*, or 0 = the default of the type; for
 * AF_NETLINK NETLINK_*.
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
 * IP_LOCAL_PORT_RANGE of the would-be socket: the ports that the kernel may choose from for port 0.
 * A limit that is 0 or outside ip_local_port_range has no effect. Default: none.
 * @returns 0; -EINVAL (NULL, or low is above high)
 * @since 0.1
 */
int aiu_query_set_port_range(struct aiu_query *, uint16_t low, uint16_t high);

/**
 * SO_BINDTODEVICE of the would-be socket, as an interface name; NULL or "" = none. The library looks
 * the interface up at once, with netlink, in the namespace of an earlier aiu_query_set_netns() if
 * there was one.
 * @returns 0; -EINVAL (no query); -ENODEV (no such interface); -EPERM (another network namespace,
 *          under a seccomp filter or without the right to enter it); the error of netlink
 * @since 0.1
 */
int aiu_query_set_device(struct aiu_query *, const char *ifname);

/**
 * Owner of the would-be socket; default: the effective uid. Whether another user's socket may bind
 * privileged ports is unknown.
 * @returns 0; -EINVAL (NULL, or (uid_t)-1)
 * @since 0.1
 */
int aiu_query_set_uid(struct aiu_query *, uid_t uid);

/**
 * Include listen() in the query? Default: yes for SOCK_STREAM and SOCK_SEQPACKET, no for an fd that
 * has a peer.
 * @returns 0; -EINVAL (NULL)
 * @since 0.1
 */
int aiu_query_set_listen(struct aiu_query *, int on);

/**
 * Ask about another network namespace, given as a descriptor of its file, which the library
 * duplicates. Entering a namespace needs CAP_SYS_ADMIN: without it, the report has a gap.
 * @returns 0; -EINVAL (NULL); -EBADF; -EMFILE
 * @since 0.1
 */
int aiu_query_set_netns(struct aiu_query *, int nsfd);

/**
 * Read everything except the address from an existing socket. The socket is neither changed nor kept.
 * @returns 0; -EINVAL (NULL); -EBADF; -ENOTSOCK; -EAFNOSUPPORT (neither AF_INET, AF_INET6 nor
 * AF_UNIX)
 * @since 0.1
 */
int aiu_query_set_fd(struct aiu_query *, int fd);

/** A system call that takes a port. @since 0.1 */
enum aiu_call {
        AIU_CALL_UNKNOWN = 0, /**< none, or not known */
        AIU_CALL_BIND = 1,    /**< bind(2) */
        AIU_CALL_LISTEN = 2   /**< listen(2): bind(2) succeeded */
};

/**
 * The call in question; default AIU_CALL_BIND. With AIU_CALL_LISTEN, the query asks about listen()
 * alone: of the socket of aiu_query_set_fd(), which tells its own address, or of a socket that is not
 * at hand and is bound to the address of the query. That socket itself is on the port, and
 * aiu_query_set_socket_id() tells which one it is: otherwise a socket that is bound just like it may
 * be the one, and the verdict is "unknown" if nothing else is in the way.
 * @returns 0; -EINVAL (NULL, or another call)
 * @since 0.1
 */
int aiu_query_set_call(struct aiu_query *, enum aiu_call);

/**
 * Ask on behalf of another process, by its pid in the context's /proc; 0 = the caller, the
 * default. Its network namespace, its uid and its capabilities count, and "self", "the same program"
 * and "ancestor" mean it. A socket of aiu_query_set_fd() keeps its own owner and namespace. The
 * library opens the directory of the process, so that a reused pid names no other process, and reads
 * its uid and namespace at once: a later aiu_query_set_uid() or aiu_query_set_netns() replaces them.
 * A namespace that may not be entered, and an AF_UNIX path that the process may see or may use in
 * another way, make the verdict "unknown" with a gap. Actions are still those of the caller.
 * @returns 0; -EINVAL (NULL, or negative); -ESRCH (no such process there, or no /proc); -EMFILE
 * @since 0.1
 */
int aiu_query_set_pid(struct aiu_query *, pid_t pid);

/**
 * The socket in question, if it exists and is not at hand: the number of its inode, as fstat(2) and
 * /proc/PID/fd show it, and its SO_COOKIE. No socket conflicts with itself. Either may be 0 = not
 * known. aiu_query_set_fd() sets both.
 * @returns 0; -EINVAL (NULL)
 * @since 0.1
 */
int aiu_query_set_socket_id(struct aiu_query *, uint64_t inode, uint64_t cookie);

/**
 * The errno of the call, positive; 0 = the call has not been made. See aiu_explain_bind().
 * @returns 0; -EINVAL (NULL, or negative)
 * @since 0.1
 */
int aiu_query_set_error(struct aiu_query *, int error);

/**
 * Look, judge, advise. errno keeps its value. Running a query again makes a new report from new facts.
 * @returns 0, and a report that the caller owns; -EINVAL (NULL, or no address was set); -ENOMEM;
 *          after aiu_query_set_netns() also the error of setns(2) when returning
 * @since 0.1
 */
int aiu_query_run(struct aiu_query *, struct aiu_report **ret_report);

/**
 * @name Wait until the bind() would succeed
 * The kernel's own events wake the wait: a TCP or UDP socket on the port is destroyed, a socket file
 * is removed, an address is added, a holder ends. What ends without an event is found by looking
 * again: TIME_WAIT at the time when it should be over and then every 50 ms, sockets without events
 * every 10 to 500 ms, and everything else, such as an option that a holder sets, once a second.
 *
 * When the wait is over, the bind() would succeed at that moment. Another program may be faster.
 * So bind in a loop: bind(), on EADDRINUSE wait, bind() again. `doc/examples/event-loop.c` does.
 *
 * A look on the way stops at the first holder and asks no service, in addition to the flags of the
 * context. The last look is a whole one. The deadline of the context limits one look, not the wait.
 * The errno of aiu_query_set_error() does not count: the question is about the next bind().
 * @{
 */

/** What a wait hangs on. @since 0.1 */
enum aiu_wait_basis {
        AIU_WAIT_UNKNOWN = 0, /**< the bind() would have succeeded from the start */
        AIU_WAIT_EVENT = 1,   /**< an event of the kernel's tells */
        AIU_WAIT_TIMER = 2,   /**< a time that is known: TIME_WAIT */
        AIU_WAIT_POLL = 3,    /**< no event tells: the library looks again and again */
        /** waiting cannot help: the caller itself holds the address, the call is not permitted, or
            the request is invalid. An address that is not on this host can be waited for. */
        AIU_WAIT_NEVER = 4
};

/**
 * Subscribe to the events that may end the conflict, then look once. The query gets a reference; do
 * not change it while the wait lives. No thread is started. Not for use in a child after fork(2).
 * @returns 0, also if the wait is over already: aiu_wait_process() tells; -EINVAL (NULL, or no
 *          address was set); -ENOMEM; after aiu_query_set_netns() also the error of setns(2) when
 *          returning. An event source that is refused is no error: the wait looks again by the clock.
 * @since 0.1
 */
int aiu_wait_new(struct aiu_query *, struct aiu_wait **ret_wait);

/** Take a reference. @returns the same wait. @since 0.1 */
struct aiu_wait *aiu_wait_ref(struct aiu_wait *);
/** Drop a reference. Dropping the last one closes the descriptors and frees the wait. @returns NULL. @since 0.1 */
struct aiu_wait *aiu_wait_unref(struct aiu_wait *);

/**
 * The descriptor to poll for POLLIN, as long as the wait lives. It is close-on-exec and stays the
 * wait's: do not read or close it. When it is readable, or at aiu_wait_get_timeout_usec(), call
 * aiu_wait_process().
 * @returns the descriptor; -EINVAL (NULL); another negative errno if no descriptor was to be had:
 *          poll(2) ignores a negative one, and the timeout alone decides
 * @since 0.1
 */
int aiu_wait_get_fd(const struct aiu_wait *);

/**
 * When to call aiu_wait_process() at the latest, although the descriptor is not readable: in
 * microseconds of CLOCK_MONOTONIC, absolute. 0 = at once. UINT64_MAX = no such time. It changes with
 * each call of aiu_wait_process().
 * @returns 0; -EINVAL (NULL)
 * @since 0.1
 */
int aiu_wait_get_timeout_usec(const struct aiu_wait *, uint64_t *ret_usec);

/**
 * Read the events that arrived and, if there were any or the time has come, look again. It never
 * sleeps, and a call without a reason costs a few system calls. On a port with many events the looks
 * take a fifth of the time at most.
 * @returns 1: the bind() would succeed now; 0: not yet; -EDEADLK: waiting cannot help
 *          (AIU_WAIT_NEVER); -EINVAL (NULL); -ENOMEM, or the error of setns(2): try again later.
 *          After 1 and -EDEADLK the wait is over, and further calls return the same.
 * @since 0.1
 */
int aiu_wait_process(struct aiu_wait *);

/** What the wait hangs on, by the last look that found the address in use. @since 0.1 */
enum aiu_wait_basis aiu_wait_get_basis(const struct aiu_wait *);

/**
 * The last look: whom the wait is for and, if it is over, the whole answer.
 * @returns a new reference, which the caller unrefs: the next look makes another report. NULL for NULL
 * @since 0.1
 */
struct aiu_report *aiu_wait_get_report(const struct aiu_wait *);

/**
 * Sleep until the bind() would succeed, waiting cannot help, or timeout_usec microseconds have passed
 * (0 = look only; UINT64_MAX = no limit): the loop around the functions of aiu_wait_new(). A signal handler runs,
 * and the wait goes on.
 * @returns 0: it is over, and the verdict tells how: AIU_VERDICT_AVAILABLE, or else waiting cannot
 *          help; 1: the time has passed. In both cases *ret_report is a report that the caller owns.
 *          -EINVAL (NULL, or no address was set); -ENOMEM; the errors of setns(2) and poll(2)
 * @since 0.1
 */
int aiu_query_wait(struct aiu_query *, uint64_t timeout_usec, struct aiu_report **ret_report);

/** @} */

/**
 * aiu_explain_bind() with the settings of a context; NULL = the defaults.
 * @returns as aiu_explain_bind()
 * @since 0.1
 */
struct aiu_report *aiu_context_explain_bind(struct aiu_context *, int fd, const struct sockaddr *addr,
                                            socklen_t addrlen, int error);

/**
 * aiu_explain_listen() with the settings of a context; NULL = the defaults.
 * @returns as aiu_explain_listen()
 * @since 0.1
 */
struct aiu_report *aiu_context_explain_listen(struct aiu_context *, int fd, int error);

/** @} */

/* ------------------------------------------------ 3. read the answer */

/**
 * @defgroup aiu_reading Read the answer
 * The report as a whole. It contains conflicts (sockets that block, each with its holders), actions
 * and gaps. aiu_report_get_summary() is all of it in one line.
 * @{
 */

/**
 * Take a reference, from any thread.
 * @returns the same report
 * @since 0.1
 */
struct aiu_report *aiu_report_ref(struct aiu_report *);

/**
 * Drop a reference. Dropping the last one frees the report and everything read from it.
 * @returns NULL
 * @since 0.1
 */
struct aiu_report *aiu_report_unref(struct aiu_report *);

/** What the call returns, or returned. @since 0.1 */
enum aiu_verdict {
        AIU_VERDICT_UNKNOWN = 0,       /**< could not tell: see the gaps */
        AIU_VERDICT_AVAILABLE = 1,     /**< bind() (and listen()) would succeed */
        AIU_VERDICT_IN_USE = 2,        /**< EADDRINUSE */
        AIU_VERDICT_NOT_LOCAL = 3,     /**< EADDRNOTAVAIL: no such address here */
        AIU_VERDICT_NOT_PERMITTED = 4, /**< EACCES, EPERM or EROFS: privileged port, directory, policy */
        AIU_VERDICT_INVALID = 5        /**< EINVAL, EAFNOSUPPORT, ENODEV ...: the call cannot work */
};
/** The answer in one word. "Available" is said only when it is proven. @since 0.1 */
enum aiu_verdict aiu_report_get_verdict(const struct aiu_report *);
/** The errno of the call, positive; 0 = none, or not known. @since 0.1 */
int aiu_report_get_error(const struct aiu_report *);
/** The call that fails. @since 0.1 */
enum aiu_call aiu_report_get_call(const struct aiu_report *);

/**
 * The answer in one line of printable ASCII for a log: address, protocol, errno, holder. Never
 * NULL, shorter than 1536 bytes, without a newline.
 * @since 0.1
 */
const char *aiu_report_get_summary(const struct aiu_report *);

/**
 * The address of the request, and its length in bytes (ret_len may be NULL).
 * @since 0.1
 */
const struct sockaddr *aiu_report_get_address(const struct aiu_report *, socklen_t *ret_len);
/** SOCK_* of the would-be socket. @since 0.1 */
int aiu_report_get_type(const struct aiu_report *);

/**
 * IPPROTO_* of the would-be socket, as set in the query; 0 = the default of its type.
 * @since 0.1
 */
int aiu_report_get_protocol(const struct aiu_report *);
/** AIU_OPTION_* that are set on the would-be socket. @since 0.1 */
uint32_t aiu_report_get_options(const struct aiu_report *);
/** SO_BINDTODEVICE of the would-be socket; NULL if none. @since 0.1 */
const char *aiu_report_get_device(const struct aiu_report *);
/** Owner of the would-be socket. @since 0.1 */
uid_t aiu_report_get_uid(const struct aiu_report *);
/** 1 if the query included listen(), else 0. @since 0.1 */
int aiu_report_get_listen(const struct aiu_report *);

/** Every fact and every conclusion is one of these. @since 0.1 */
enum aiu_tristate {
        AIU_TRISTATE_UNKNOWN = 0, /**< could not be seen, or depends on something that could not */
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
 * Would the same bind() succeed with these AIU_OPTION_* set as well? 0 = no further option.
 * IPV6_V6ONLY changes nothing for an IPv4 address, nor for a port alone in
 * aiu_query_set_address_text(), which asks about 0.0.0.0 as well. An undefined bit gives
 * "unknown".
 * @since 0.1
 */
enum aiu_tristate aiu_report_would_succeed_with(const struct aiu_report *, uint32_t options);

/** When another bind() is worth it. @since 0.1 */
enum aiu_retry {
        AIU_RETRY_UNKNOWN = 0, /**< could not tell: see the gaps */
        AIU_RETRY_NOW = 1,     /**< it would succeed now */
        AIU_RETRY_AFTER = 2,   /**< at a known time: TIME_WAIT or duplicate address detection ends */
        AIU_RETRY_EVENT = 3,   /**< when a holder releases the address, at a time that is not known */
        /** not before the program, its privileges or the configuration change: the caller itself
            holds the address, it is not an address of this host, or the call is not permitted */
        AIU_RETRY_NEVER = 4
};

/**
 * When is another try worth it? For a program that retries, and for what supervises it.
 * @param[in] report a report
 * @param[out] ret_usec may be NULL; with AIU_RETRY_AFTER the microseconds from the query until the
 *      bind() would succeed, otherwise 0
 * @since 0.1
 */
enum aiu_retry aiu_report_get_retry(const struct aiu_report *report, uint64_t *ret_usec);

/**
 * Port 0: the ports that the kernel chooses from, ip_local_port_range narrowed by
 * IP_LOCAL_PORT_RANGE (ret_first, ret_last may be NULL).
 * @returns 1; 0 if the port is not 0, the range is not known, or the kernel chooses no port
 * @since 0.1
 */
int aiu_report_get_port_range(const struct aiu_report *, uint16_t *ret_first, uint16_t *ret_last);
/** How many ports of that range the would-be socket certainly cannot get. @since 0.1 */
size_t aiu_report_get_n_ports_taken(const struct aiu_report *);
/** How many ports of that range it certainly can get. @since 0.1 */
size_t aiu_report_get_n_ports_left(const struct aiu_report *);
/** How many ports of that range ip_local_reserved_ports reserves. @since 0.1 */
size_t aiu_report_get_n_ports_reserved(const struct aiu_report *);

/**
 * How many sockets block the request, or may. Port 0: the processes with most ports of the range, at
 * most five, each represented by one of its sockets.
 * @since 0.1
 */
size_t aiu_report_get_n_conflicts(const struct aiu_report *);
/** The i-th conflict, from 0, certain ones first; NULL past the end. @since 0.1 */
const struct aiu_conflict *aiu_report_get_conflict(const struct aiu_report *, size_t i);
/** How many sockets have the same port and do not block. @since 0.1 */
size_t aiu_report_get_n_neighbours(const struct aiu_report *);

/**
 * The i-th neighbour, from 0; NULL past the end. The library looks for holders only if there is a
 * conflict.
 * @since 0.1
 */
const struct aiu_conflict *aiu_report_get_neighbour(const struct aiu_report *, size_t i);
/** How many actions are recommended. @since 0.1 */
size_t aiu_report_get_n_actions(const struct aiu_report *);

/**
 * The i-th action, from 0, in order of harm; NULL past the end. First come actions that may free the
 * address: looking again with more privilege, waiting, the holder's manager, SIGTERM, removing a
 * file, SIGKILL. Then come the caller's own mistakes, another port or address, changes to the
 * program, and changes to the whole host. In each group, an action that is not enough on its own
 * comes last. SIGKILL never comes before SIGTERM to the same process, unless SIGTERM cannot work
 * because it is ignored or the process is stopped. Before you carry out the first sufficient action,
 * check #AIU_ACTION_LAST_RESORT.
 * @since 0.1
 */
const struct aiu_action *aiu_report_get_action(const struct aiu_report *, size_t i);
/** How many things could not be seen or decided. @since 0.1 */
size_t aiu_report_get_n_gaps(const struct aiu_report *);
/** The i-th gap, from 0; NULL past the end. @since 0.1 */
const struct aiu_gap *aiu_report_get_gap(const struct aiu_report *, size_t i);

/** @} */

/**
 * @defgroup aiu_sockets Conflicts and neighbours
 * A struct aiu_conflict is one socket on the port (or name). aiu_report_get_conflict() returns those
 * that block the request or may, aiu_report_get_neighbour() the others.
 * @{
 */

/** How the two addresses overlap. @since 0.1 */
enum aiu_overlap {
        AIU_OVERLAP_UNKNOWN = 0,         /**< no socket was seen to compare with */
        AIU_OVERLAP_EXACT = 1,           /**< same address */
        AIU_OVERLAP_HOLDER_WILDCARD = 2, /**< the holder's wildcard, 0.0.0.0 or [::], covers the requested address */
        AIU_OVERLAP_QUERY_WILDCARD = 3,  /**< the requested wildcard covers the holder's address */
        AIU_OVERLAP_DUAL_STACK = 4,      /**< an IPv6 wildcard that is not IPV6_V6ONLY, and IPv4 */
        AIU_OVERLAP_V4_MAPPED = 5,       /**< an IPv4-mapped IPv6 address, and that IPv4 address */
        AIU_OVERLAP_UNIX_PATH = 6,       /**< the same file, or the same abstract name */
        AIU_OVERLAP_PORT_RANGE = 7,      /**< port 0, and the ephemeral range is exhausted */
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
        AIU_STATE_SYN_RECV = 3,    /**< a client's SYN has been answered */
        AIU_STATE_FIN_WAIT1 = 4,   /**< closed here, the FIN is not acknowledged */
        AIU_STATE_FIN_WAIT2 = 5,   /**< closed here, the peer has not closed */
        AIU_STATE_TIME_WAIT = 6,   /**< closed by both; the kernel keeps the addresses for a minute */
        AIU_STATE_CLOSE = 7,       /**< neither bound nor connected */
        AIU_STATE_CLOSE_WAIT = 8,  /**< the peer has closed, this side has not */
        AIU_STATE_LAST_ACK = 9,    /**< closed by both, the last FIN is not acknowledged */
        AIU_STATE_LISTEN = 10,     /**< listening */
        AIU_STATE_CLOSING = 11,    /**< closed by both at once */
        AIU_STATE_BOUND = 13,      /**< bound, neither listening nor connected; ss(8) shows it since Linux 6.8 */
        AIU_STATE_STALE_FILE = 64  /**< AF_UNIX: a socket file without a socket in any network namespace */
};
/** The rule that makes the socket a conflict: inet_bind_conflict() and similar ones. @since 0.1 */
enum aiu_reason {
        AIU_REASON_UNKNOWN = 0,          /**< not known, or the socket does not block */
        AIU_REASON_LISTENING = 1,        /**< a listener shares its port only with its SO_REUSEPORT group */
        AIU_REASON_QUERY_NO_REUSE = 2,   /**< SO_REUSEADDR is not set on the would-be socket */
        AIU_REASON_HOLDER_NO_REUSE = 3,  /**< SO_REUSEADDR was not set on the holder when it bound */
        AIU_REASON_REUSEPORT_ABSENT = 4, /**< only one of the two has SO_REUSEPORT */
        AIU_REASON_REUSEPORT_UID = 5,    /**< both have SO_REUSEPORT, but different effective uids */
        /**
         * a neighbour that would block: with SO_REUSEPORT, the kernel's summary of a TCP port, or a UDP
         * socket that comes first, lets the request in without a look at it. Only a backend shows that
         * (struct aiu_port_cache_fact, struct aiu_port_fact)
         */
        AIU_REASON_BUCKET_HISTORY = 6,
        AIU_REASON_PATH_EXISTS = 7,     /**< AF_UNIX: the path exists, as a socket or something else */
        AIU_REASON_RANGE_EXHAUSTED = 8, /**< port 0: no port of ip_local_port_range is left */
        AIU_REASON_OBSERVED = 9,        /**< the caller saw EADDRINUSE, and no socket that was seen explains it */
        AIU_REASON_EXCLUSIVE = 10,      /**< AF_VSOCK, AF_NETLINK: one socket has the port, and no option shares it */
        /**
         * both have SO_REUSEPORT, but a BPF program is attached to the would-be socket
         * [SO_ATTACH_REUSEPORT_CBPF or _EBPF]
         */
        AIU_REASON_REUSEPORT_PROGRAM = 11
};
/** How its address overlaps the requested one. @since 0.1 */
enum aiu_overlap aiu_conflict_get_overlap(const struct aiu_conflict *);
/** Its state. From sock_diag(7), else /proc/net. @since 0.1 */
enum aiu_state aiu_conflict_get_state(const struct aiu_conflict *);
/** Why it blocks. @since 0.1 */
enum aiu_reason aiu_conflict_get_reason(const struct aiu_conflict *);

/**
 * Does it block the request? Yes = proven, or inferred from the errno that the caller saw. Unknown =
 * a fact that could not be read decides, and a gap names it. No = a neighbour.
 * @since 0.1
 */
enum aiu_tristate aiu_conflict_is_blocking(const struct aiu_conflict *);

/**
 * Its local address, and the length of that in bytes (ret_len may be NULL); NULL if no socket was
 * seen (AIU_REASON_OBSERVED).
 * @since 0.1
 */
const struct sockaddr *aiu_conflict_get_local(const struct aiu_conflict *, socklen_t *ret_len);
/** Its peer's address; NULL if it is not connected. @since 0.1 */
const struct sockaddr *aiu_conflict_get_peer(const struct aiu_conflict *, socklen_t *ret_len);
/** Its type, SOCK_*. @since 0.1 */
int aiu_conflict_get_type(const struct aiu_conflict *);
/** Its protocol, IPPROTO_*; 0 for AF_UNIX and AF_VSOCK; NETLINK_* for AF_NETLINK. @since 0.1 */
int aiu_conflict_get_protocol(const struct aiu_conflict *);
/**
 * Inode of its file, as in the link text socket:[N] of /proc/PID/fd; 0 = it has no file: TIME_WAIT,
 * an orphan, or a connection that is not accepted yet.
 * @since 0.1
 */
uint64_t aiu_conflict_get_inode(const struct aiu_conflict *);
/** Its SO_COOKIE, unique until the next boot; 0 = not known. @since 0.1 */
uint64_t aiu_conflict_get_cookie(const struct aiu_conflict *);

/**
 * Owner of the socket; (uid_t)-1 = not known. The process that holds it may belong to another user.
 * @since 0.1
 */
uid_t aiu_conflict_get_uid(const struct aiu_conflict *);
/** Its SO_BINDTODEVICE: the interface's name, raw bytes; NULL if none. @since 0.1 */
const char *aiu_conflict_get_device(const struct aiu_conflict *);

/**
 * Its SO_REUSEADDR. Read from the holder's own descriptor (pidfd_getfd(2), which needs ptrace
 * rights), or inferred. A TIME_WAIT socket does not show it.
 * @since 0.1
 */
enum aiu_tristate aiu_conflict_get_reuseaddr(const struct aiu_conflict *);
/** Its SO_REUSEPORT, read as in aiu_conflict_get_reuseaddr(). @since 0.1 */
enum aiu_tristate aiu_conflict_get_reuseport(const struct aiu_conflict *);

/**
 * Its IPV6_V6ONLY, from sock_diag(7) (INET_DIAG_SKV6ONLY), else as in aiu_conflict_get_reuseaddr().
 * @since 0.1
 */
enum aiu_tristate aiu_conflict_get_v6only(const struct aiu_conflict *);

/**
 * TIME_WAIT and similar states: microseconds until the kernel drops the socket, counted from when it
 * was read; 0 = it does not expire, or not known. From sock_diag(7) (idiag_expires), else /proc/net.
 * @since 0.1
 */
uint64_t aiu_conflict_get_expires_usec(const struct aiu_conflict *);
/**
 * 1 if the socket was in the way when the call failed, and is gone since; else 0. Such conflicts come
 * last, and no action is about them.
 * @since 0.1
 */
int aiu_conflict_is_observed_only(const struct aiu_conflict *);
/**
 * How many references its open file has, and for how many of them a holder is listed. If both are
 * equal, the list of holders is complete. Others are in no descriptor table: in a message in flight
 * (SCM_RIGHTS), registered with an io_uring, or held by the kernel. Only a backend that reads the
 * kernel's own tables knows this.
 * @param ret_total the references of the file; may be NULL
 * @param ret_found those of listed holders; may be NULL
 * @returns 1, or 0 if it is not known: nothing is written then
 * @since 0.1
 */
int aiu_conflict_get_references(const struct aiu_conflict *, uint32_t *ret_total, uint32_t *ret_found);
/**
 * AF_UNIX: st_mode of the file at the path, if no socket was seen that is bound to it; S_ISSOCK() and
 * similar macros of stat(2) tell its type. A holder of kind AIU_HOLDER_HIDDEN then means that a
 * socket is bound to the file, AIU_STATE_STALE_FILE that none is; otherwise it is unknown. 0 = a
 * socket is the conflict, or the file's type is not known.
 * @since 0.1
 */
uint32_t aiu_conflict_get_file_mode(const struct aiu_conflict *);
/**
 * Port 0: how many ports of the range its holders keep from the would-be socket; otherwise 0.
 * @since 0.1
 */
size_t aiu_conflict_get_n_ports(const struct aiu_conflict *);
/** How many holders are known. A socket can have many, through fork(2) or SCM_RIGHTS. @since 0.1 */
size_t aiu_conflict_get_n_holders(const struct aiu_conflict *);
/** The i-th holder, from 0; NULL past the end. @since 0.1 */
const struct aiu_holder *aiu_conflict_get_holder(const struct aiu_conflict *, size_t i);

/** @} */

/**
 * @defgroup aiu_holders Holders
 * Who has the socket open. Holders are found by the socket's inode in /proc/PID/fd of each process.
 * A socket can have many, and the port stays in use until the last one closes it.
 * @{
 */

/** What kind of holder it is. @since 0.1 */
enum aiu_holder_kind {
        AIU_HOLDER_UNKNOWN = 0, /**< not known: the socket is gone (aiu_conflict_is_observed_only()) */
        AIU_HOLDER_PROCESS = 1, /**< a visible process */
        AIU_HOLDER_SELF = 2,    /**< the calling process itself */
        AIU_HOLDER_KERNEL = 3,  /**< the socket has no file: TIME_WAIT, orphan, in-kernel user */
        AIU_HOLDER_HIDDEN = 4   /**< the socket has a file, but its process is not visible from here */
};
/** A process, the caller, the kernel, or hidden. @since 0.1 */
enum aiu_holder_kind aiu_holder_get_kind(const struct aiu_holder *);
/** Its process id, as in the /proc that was read; 0 = none. @since 0.1 */
pid_t aiu_holder_get_pid(const struct aiu_holder *);
/** Its parent's process id (/proc/PID/stat); 0 = none, or not visible. @since 0.1 */
pid_t aiu_holder_get_ppid(const struct aiu_holder *);

/**
 * Effective uid of the process (/proc/PID/status), else the owner of the socket; (uid_t)-1 = not
 * known.
 * @since 0.1
 */
uid_t aiu_holder_get_uid(const struct aiu_holder *);

/**
 * The name of that user, from the function of aiu_context_set_user_names(). Raw bytes, at most 64; NULL
 * without a function, and if it has no name.
 * @since 0.1
 */
const char *aiu_holder_get_user_name(const struct aiu_holder *);

/**
 * Start time: CLOCK_REALTIME in microseconds, with the precision of a clock tick (starttime in
 * /proc/PID/stat, see proc(5)); 0 = not known. Together with the pid it identifies one process even
 * after the pid is reused. Check it before you send a signal.
 * @since 0.1
 */
uint64_t aiu_holder_get_start_time_usec(const struct aiu_holder *);

/**
 * How many of its descriptors refer to this socket; 0 if it holds the socket in another way
 * (io_uring).
 * @since 0.1
 */
size_t aiu_holder_get_n_fds(const struct aiu_holder *);
/** The i-th of these descriptors, from 0; -1 past the end. @since 0.1 */
int aiu_holder_get_fd(const struct aiu_holder *, size_t i);
/** Its name, /proc/PID/comm. Raw bytes. @since 0.1 */
const char *aiu_holder_get_comm(const struct aiu_holder *);
/** Its executable, /proc/PID/exe. Raw bytes; NULL without the right to read it. @since 0.1 */
const char *aiu_holder_get_exe(const struct aiu_holder *);

/**
 * Its arguments, /proc/PID/cmdline: *ret_bytes raw bytes, separated by NULs (ret_bytes may be NULL).
 * They may contain passwords: think before you log them.
 * @since 0.1
 */
const char *aiu_holder_get_cmdline(const struct aiu_holder *, size_t *ret_bytes);

/**
 * What an interpreter runs: the file name of the script or the jar, the module, the task; "server.js",
 * "app.jar", "http.server". Known for node, python, java, ruby, perl, php, shells and others, from a
 * word of its arguments that holds no password. Of docker-proxy, the address in the container to which
 * it forwards: "172.17.0.2:80". Raw bytes; NULL for other programs, for code on the command line, and if
 * no word certainly is such a name.
 * @since 0.1
 */
const char *aiu_holder_get_label(const struct aiu_holder *);

/**
 * Its working directory, which tells one checkout from another. Raw bytes; NULL without the right to
 * read it.
 * @since 0.1
 */
const char *aiu_holder_get_cwd(const struct aiu_holder *);

/**
 * AIU_HOLDER_KERNEL: the part of the kernel that owns the socket, such as "vxlan", "wireguard" or
 * "nfsd"; NULL for a closed connection. From rtnetlink, generic netlink and /proc.
 * @since 0.1
 */
const char *aiu_holder_get_kernel_user(const struct aiu_holder *);

/**
 * Which instance of that: the interface, the tunnel's number, the server. Raw bytes; NULL if there
 * is only one, or none.
 * @since 0.1
 */
const char *aiu_holder_get_kernel_user_name(const struct aiu_holder *);
/** How many of its ancestors, up to pid 1, are visible. They tell why it exists. @since 0.1 */
size_t aiu_holder_get_n_ancestors(const struct aiu_holder *);
/** Process id of the i-th ancestor, nearest first; 0 past the end. @since 0.1 */
pid_t aiu_holder_get_ancestor_pid(const struct aiu_holder *, size_t i);
/** Name of the i-th ancestor, raw bytes; NULL past the end, or not known. @since 0.1 */
const char *aiu_holder_get_ancestor_comm(const struct aiu_holder *, size_t i);
/** It runs the caller's executable: a second copy of the program. @since 0.1 */
#define AIU_HOLDER_SAME_PROGRAM (UINT32_C(1) << 0)
/** Its parent exited, and init or a subreaper adopted it. @since 0.1 */
#define AIU_HOLDER_ORPHAN (UINT32_C(1) << 1)
/** It is stopped (state T) and cannot act on SIGTERM until it continues. @since 0.1 */
#define AIU_HOLDER_STOPPED (UINT32_C(1) << 2)
/** It is exiting, or in state D with a fatal signal pending. @since 0.1 */
#define AIU_HOLDER_DYING (UINT32_C(1) << 3)
/** Its executable was deleted or replaced, as after an upgrade. @since 0.1 */
#define AIU_HOLDER_DELETED_EXE (UINT32_C(1) << 4)
/** Its unit is inactive, but the process still runs. @since 0.1 */
#define AIU_HOLDER_UNIT_LEFTOVER (UINT32_C(1) << 5)
/**
 * Stopping its unit leaves it running or its socket open (KillMode=process or none,
 * FileDescriptorStorePreserve=yes), or is refused (RefuseManualStop=). @since 0.1
 */
#define AIU_HOLDER_UNIT_SPARED (UINT32_C(1) << 6)
/**
 * The caller runs in it: a parent shell, a terminal multiplexer, an IDE, a login session. Ending it
 * may end the caller. @since 0.1
 */
#define AIU_HOLDER_ANCESTOR (UINT32_C(1) << 7)
/**
 * Another user created the socket and passed the descriptor on: the socket's owner is neither root
 * nor a user of the holder, or the socket was created in a cgroup that is delegated to another user.
 * @since 0.1
 */
#define AIU_HOLDER_HANDED_OVER (UINT32_C(1) << 8)
/** Its leader is another holder of the same socket: aiu_holder_get_leader(). @since 0.1 */
#define AIU_HOLDER_WORKER (UINT32_C(1) << 9)
/** Its AIU_HOLDER_* flags; a bit that is not set means "no, or not known". @since 0.1 */
uint32_t aiu_holder_get_flags(const struct aiu_holder *);

/**
 * The master process: when it exits, this holder exits too, as far as is known. It is the holder of
 * the same socket that is the ancestor of all others, or the parent of a single holder that runs the
 * same program. Without a master, the holder's own process id; 0 if the holder is not a process.
 * @since 0.1
 */
pid_t aiu_holder_get_leader(const struct aiu_holder *);

/** What manages the holder and would start it again. @since 0.1 */
enum aiu_manager_kind {
        AIU_MANAGER_UNKNOWN = 0,      /**< not looked for, or not found */
        AIU_MANAGER_NONE = 1,         /**< certainly none */
        AIU_MANAGER_SYSTEMD = 2,      /**< a system unit */
        AIU_MANAGER_SYSTEMD_USER = 3, /**< a unit of a user's own manager */
        AIU_MANAGER_DOCKER = 4,       /**< a container of dockerd */
        AIU_MANAGER_PODMAN = 5,       /**< a container of podman */
        AIU_MANAGER_KUBERNETES = 6,   /**< a container of a pod: the kubelet starts it again */
        AIU_MANAGER_CONTAINERD = 7,   /**< a container of containerd without Docker */
        AIU_MANAGER_LXC = 8,          /**< an LXC container */
        AIU_MANAGER_SNAP = 9,         /**< a snap */
        AIU_MANAGER_MACHINE = 10,     /**< a machine of systemd-machined */
        AIU_MANAGER_SUPERVISOR = 11   /**< the supervisor named by aiu_holder_get_supervisor() */
};
/** Its manager, from its cgroup. @since 0.1 */
enum aiu_manager_kind aiu_holder_get_manager(const struct aiu_holder *);
/** Its systemd unit, such as "nginx.service", raw bytes; NULL if none is known. @since 0.1 */
const char *aiu_holder_get_unit(const struct aiu_holder *);

/**
 * The socket unit that owns or feeds the socket, such as "nginx.socket"; NULL if none is known.
 * @since 0.1
 */
const char *aiu_holder_get_socket_unit(const struct aiu_holder *);
/** ActiveState of the unit; NULL = not known: systemd was not asked or did not answer. @since 0.1 */
const char *aiu_holder_get_unit_state(const struct aiu_holder *);
/** Restart= of the unit; NULL = not known, or the unit is not a service. @since 0.1 */
const char *aiu_holder_get_unit_restart(const struct aiu_holder *);
/** If it is killed, will something start it again? @since 0.1 */
enum aiu_tristate aiu_holder_will_return(const struct aiu_holder *);
/** Container id or machine name, raw bytes; NULL if none is known. @since 0.1 */
const char *aiu_holder_get_container(const struct aiu_holder *);

/**
 * Name of another supervisor, such as "supervisord"; NULL if none is known. The supervisor's name for
 * the program is in aiu_holder_get_unit().
 * @since 0.1
 */
const char *aiu_holder_get_supervisor(const struct aiu_holder *);

/** @} */

/**
 * @defgroup aiu_actions Actions
 * What frees the address. An action is called sufficient only after it was tried out on the facts.
 * The library does not carry out any action.
 * @{
 */

/** What to do. @since 0.1 */
enum aiu_action_kind {
        AIU_ACTION_UNKNOWN = 0,              /**< a kind that this header does not know */
        AIU_ACTION_NONE = 1,                 /**< the address is free */
        AIU_ACTION_STOP_UNIT = 2,            /**< systemctl stop */
        AIU_ACTION_STOP_CONTAINER = 3,       /**< docker stop, podman stop ... */
        AIU_ACTION_TERMINATE = 4,            /**< SIGTERM, or the program's own signal for a graceful stop */
        AIU_ACTION_KILL = 5,                 /**< SIGKILL, if SIGTERM is not enough or cannot work */
        AIU_ACTION_WAIT = 6,                 /**< wait: the address becomes free without any action */
        AIU_ACTION_SET_REUSEADDR = 7,        /**< SO_REUSEADDR on the would-be socket */
        AIU_ACTION_SET_REUSEPORT = 8,        /**< SO_REUSEPORT on the would-be socket */
        AIU_ACTION_SET_V6ONLY = 9,           /**< IPV6_V6ONLY on the would-be socket */
        AIU_ACTION_OTHER_ADDRESS = 10,       /**< bind another address */
        AIU_ACTION_OTHER_PORT = 11,          /**< bind another port */
        AIU_ACTION_RESERVE_PORT = 12,        /**< keep the port out of the ephemeral range, for next time */
        AIU_ACTION_REMOVE_FILE = 13,         /**< AF_UNIX: remove the stale socket file (AIU_STATE_STALE_FILE) */
        AIU_ACTION_USE_ACTIVATION = 14,      /**< use the socket that systemd passes */
        AIU_ACTION_GRANT_PRIVILEGE = 15,     /**< CAP_NET_BIND_SERVICE, or lower the first unprivileged port */
        AIU_ACTION_ADD_ADDRESS = 16,         /**< add the address to the host */
        AIU_ACTION_FIX_CALLER = 17,          /**< the caller itself holds the address, or its call has to change */
        AIU_ACTION_LOOK_CLOSER = 18,         /**< ask again as root, or as a gap says: not every holder was seen */
        AIU_ACTION_KILL_UNIT_LEFTOVERS = 19, /**< systemctl kill: the unit is stopped, but its process still runs */
        AIU_ACTION_WIDEN_RANGE = 20,         /**< port 0: give the kernel more ports to choose from */
        AIU_ACTION_SET_NO_PORT = 21,         /**< port 0: IP_BIND_ADDRESS_NO_PORT, connect() chooses the port */
        AIU_ACTION_STOP_KERNEL_USER = 22,    /**< take down the tunnel device, or the other kernel user */
        AIU_ACTION_SET_FREEBIND = 23,        /**< IP_FREEBIND on the would-be socket: bind before the address exists */
        AIU_ACTION_ALLOW_NONLOCAL = 24,      /**< the sysctl ip_nonlocal_bind: the same for every program on the host */
        AIU_ACTION_ENABLE_IPV6 = 25,   /**< clear the sysctl disable_ipv6, which keeps the address off the interface */
        AIU_ACTION_CHANGE_POLICY = 26, /**< a security policy refused: SELinux, Landlock, SocketBindDeny=... */
        AIU_ACTION_MAKE_DIRECTORY = 27 /**< AF_UNIX: a directory of the path does not exist */
};
/** What to do. @since 0.1 */
enum aiu_action_kind aiu_action_get_kind(const struct aiu_action *);
/** The same in one or two sentences of printable ASCII. @since 0.1 */
const char *aiu_action_get_text(const struct aiu_action *);

/**
 * The command that does it: a NULL-terminated vector for execvp(3), to be run without a shell; NULL
 * if no command does it. Words may contain bytes that a process chose: escape them before you print
 * them.
 * @since 0.1
 */
const char *const *aiu_action_get_argv(const struct aiu_action *);

/**
 * The same command in printable ASCII, on one line or on several that end in a backslash. sh, dash,
 * bash, zsh and fish read it back as exactly that vector.
 *
 * @param[in] action an action of a report
 * @param[out] ret_command written on success; the caller owns it: free(3)
 * @return 0; -EINVAL for a NULL; -ENODATA if no command does it; -EILSEQ if a word ends in a
 *      newline, which cannot be written for every shell; -ENOMEM
 * @since 0.1
 */
int aiu_action_to_shell(const struct aiu_action *action, char **ret_command);

/**
 * Will the bind() succeed after this action alone? Yes = tried out on the facts.
 * @since 0.1
 */
enum aiu_tristate aiu_action_is_sufficient(const struct aiu_action *);
/** As far as is known, it needs root and the caller is not root. @since 0.1 */
#define AIU_ACTION_NEEDS_ROOT (UINT32_C(1) << 0)
/** It stops something that works. @since 0.1 */
#define AIU_ACTION_DISRUPTIVE (UINT32_C(1) << 1)
/** It changes the program that binds, or its configuration. @since 0.1 */
#define AIU_ACTION_CHANGES_CODE (UINT32_C(1) << 2)
/** SIGKILL and similar: only after gentler actions were tried. @since 0.1 */
#define AIU_ACTION_LAST_RESORT (UINT32_C(1) << 3)
/**
 * It relies on information from a user whom the caller should not trust, or on the fact that no
 * process was seen. Never sufficient. @since 0.1
 */
#define AIU_ACTION_UNCONFIRMED (UINT32_C(1) << 4)
/** It acts in another namespace, which its command enters. @since 0.1 */
#define AIU_ACTION_ELSEWHERE (UINT32_C(1) << 5)
/** It changes the whole host: a sysctl, an address. @since 0.1 */
#define AIU_ACTION_HOST_WIDE (UINT32_C(1) << 6)
/** It ends a process that the caller runs in, or one that a login or the host depends on. @since 0.1 */
#define AIU_ACTION_VITAL (UINT32_C(1) << 7)
/** Its flags: AIU_ACTION_NEEDS_ROOT to AIU_ACTION_VITAL. @since 0.1 */
uint32_t aiu_action_get_flags(const struct aiu_action *);
/** The signal that it sends, such as SIGTERM; 0 = none. @since 0.1 */
int aiu_action_get_signal(const struct aiu_action *);
/** How many processes it sends the signal to. @since 0.1 */
size_t aiu_action_get_n_processes(const struct aiu_action *);

/**
 * Process id of the i-th of these processes, from 0; 0 past the end. If there is one,
 * *ret_start_time_usec receives its start time, as in aiu_holder_get_start_time_usec();
 * ret_start_time_usec may be NULL. The pid may have been reused since: compare the start time, and
 * send the signal through a pidfd (pidfd_open(2)).
 * @since 0.1
 */
pid_t aiu_action_get_process(const struct aiu_action *, size_t i, uint64_t *ret_start_time_usec);

/**
 * The file that it removes, as stat(2) saw it. Compare both numbers before you remove the file: the
 * name may lead to another file by now, through another directory.
 *
 * @param[in] action an action of a report
 * @param[out] ret_device st_dev
 * @param[out] ret_inode st_ino
 * @return 1, with both numbers written; 0 if it removes no file, or the file was not seen; -EINVAL
 * @since 0.1
 */
int aiu_action_get_file(const struct aiu_action *action, uint64_t *ret_device, uint64_t *ret_inode);

/** @} */

/**
 * @defgroup aiu_gaps Gaps
 * What could not be seen or decided. A report whose gaps are all of kind AIU_GAP_NOTE, or that has
 * none, is complete.
 * @{
 */

/** Why something could not be seen, or that it is a note. @since 0.1 */
enum aiu_gap_kind {
        AIU_GAP_UNKNOWN = 0,        /**< no interface of the kernel shows it, or no rule is known */
        AIU_GAP_PERMISSION = 1,     /**< a privilege is missing; the text names it */
        AIU_GAP_NAMESPACE = 2,      /**< it is in another namespace */
        AIU_GAP_TRUNCATED = 3,      /**< there was more than the library keeps */
        AIU_GAP_RACE = 4,           /**< it changed while the library read it */
        AIU_GAP_BACKEND = 5,        /**< a source of facts failed */
        AIU_GAP_DEADLINE = 6,       /**< the deadline passed: aiu_context_set_deadline_usec() */
        AIU_GAP_KERNEL_TOO_OLD = 7, /**< this kernel does not show it, or may behave differently */
        AIU_GAP_NOTE = 8            /**< nothing is missing: something known that no other part of the report says */
};
/** Why it could not be seen. @since 0.1 */
enum aiu_gap_kind aiu_gap_get_kind(const struct aiu_gap *);
/** The errno behind it, positive; 0 = none. @since 0.1 */
int aiu_gap_get_error(const struct aiu_gap *);
/** Name of the backend that reported it; NULL = the judgement. @since 0.1 */
const char *aiu_gap_get_backend(const struct aiu_gap *);
/** What was not seen, and how to see it: printable ASCII. Kernel terms follow in brackets. @since 0.1 */
const char *aiu_gap_get_text(const struct aiu_gap *);

/** @} */

/**
 * @defgroup aiu_survey Survey
 * Every socket of a network namespace that listens, or is bound and not connected, with its holders;
 * and hazards: what overlaps silently, what will fail at the next start. For a host that works.
 * @{
 */

/** aiu_survey_run(): ask about the restarts of every service, not only of those that have a socket. Slow. @since 0.1 */
#define AIU_SURVEY_RESTARTS (UINT32_C(1) << 0)
/**
 * aiu_survey_run(): every network namespace of the host instead of the caller's own, each once: those that ip-netns(8)
 * has named, and those of processes. The calling thread enters one after the other, which takes CAP_SYS_ADMIN. What
 * cannot be found or entered is a gap. @since 0.1
 */
#define AIU_SURVEY_HOST (UINT32_C(1) << 1)
/**
 * aiu_survey_run(): AF_UNIX sockets with a name as well, behind the others. They are never part of a plan, and no
 * hazard is looked for. @since 0.1
 */
#define AIU_SURVEY_UNIX (UINT32_C(1) << 2)

/**
 * Look at all sockets, once: one list for each protocol, one search for holders, one question to each
 * service manager. TCP and UDP. A fact that cannot be seen is a gap, never an error.
 * @param[in] context settings; NULL = the defaults. Its deadline bounds the time
 * @param[in] flags 0, or of #AIU_SURVEY_RESTARTS, #AIU_SURVEY_HOST, #AIU_SURVEY_UNIX
 * @param[out] ret_survey the caller owns it: aiu_survey_unref()
 * @return 0; -EINVAL (NULL, or a flag); -ENOMEM
 * @since 0.1
 */
int aiu_survey_run(struct aiu_context *context, uint32_t flags, struct aiu_survey **ret_survey);
/** Take a reference, from any thread. @returns the same survey. @since 0.1 */
struct aiu_survey *aiu_survey_ref(struct aiu_survey *);
/** Drop a reference. Dropping the last one frees the survey and all that was read from it. @returns NULL. @since 0.1 */
struct aiu_survey *aiu_survey_unref(struct aiu_survey *);

/** How many sockets: sorted by network namespace, protocol, port and address. @since 0.1 */
size_t aiu_survey_get_n_sockets(const struct aiu_survey *);
/** The i-th socket with its holders; its reason and overlap say nothing. NULL past the end. @since 0.1 */
const struct aiu_conflict *aiu_survey_get_socket(const struct aiu_survey *, size_t i);
/**
 * Who has the i-th socket, as one word that outlives a restart: the unit, the container, else the
 * program. An idle socket of systemd is its .socket unit's. Printable ASCII without blanks and without
 * "#". NULL = not known.
 * @since 0.1
 */
const char *aiu_survey_get_owner(const struct aiu_survey *, size_t i);
/** How many network namespaces were looked at: 1 without #AIU_SURVEY_HOST. @since 0.1 */
size_t aiu_survey_get_n_netns(const struct aiu_survey *);
/**
 * The network namespace of the i-th socket: its inode number, as in /proc/PID/ns/net. 0 = not known, or past the end.
 * @param[in] survey a survey
 * @param[in] i which socket
 * @param[out] ret_path a file that nsenter(1) enters it by; NULL = it is the caller's own, or no file is known. The
 * survey's. May be NULL
 * @since 0.1
 */
uint64_t aiu_survey_get_netns(const struct aiu_survey *survey, size_t i, const char **ret_path);
/** Processes that could not be inspected: any may hold any socket. @since 0.1 */
size_t aiu_survey_get_n_unseen_processes(const struct aiu_survey *);
/** What could not be seen. @since 0.1 */
size_t aiu_survey_get_n_gaps(const struct aiu_survey *);
/** The i-th gap; NULL past the end. @since 0.1 */
const struct aiu_gap *aiu_survey_get_gap(const struct aiu_survey *, size_t i);

/**
 * What is wrong: doc/hazards.md has the rule of each.
 * @since 0.1
 */
enum aiu_hazard_kind {
        AIU_HAZARD_UNKNOWN = 0,            /**< of a newer version */
        AIU_HAZARD_SILENT_OVERLAP = 1,     /**< two owners have overlapping addresses on one port */
        AIU_HAZARD_SHARED_PORT = 2,        /**< two owners share one address with SO_REUSEPORT */
        AIU_HAZARD_SOCKET_AND_SERVICE = 3, /**< a .socket unit's own service binds the address itself */
        AIU_HAZARD_NEXT_BOOT = 4,          /**< a .socket unit will want an address that another owner has */
        AIU_HAZARD_DUPLICATE_LISTEN = 5,   /**< two .socket units want one address */
        AIU_HAZARD_EPHEMERAL_RANGE = 6,    /**< a client may get the port while its server is down */
        AIU_HAZARD_ORPHAN = 7,             /**< the program that started the holder is gone */
        AIU_HAZARD_INHERITED = 8,          /**< a child program keeps a server's socket open */
        AIU_HAZARD_DELETED_EXE = 9,        /**< the holder's executable was deleted or replaced */
        AIU_HAZARD_BOUND_ONLY = 10,        /**< a TCP socket keeps a port and does not listen */
        AIU_HAZARD_RESTART_LOOP = 11,      /**< systemd starts the unit again and again */
        AIU_HAZARD_PUBLIC_DEBUG = 12,      /**< a debugger or an admin port on every address */
        AIU_HAZARD_UNIT_SPARES_HOLDER = 13 /**< the next stop of the unit leaves the holder behind */
};
/** How bad. @since 0.1 */
enum aiu_severity {
        AIU_SEVERITY_UNKNOWN = 0, /**< of a newer version */
        AIU_SEVERITY_INFO = 1,    /**< may be meant to be like that */
        AIU_SEVERITY_WARNING = 2, /**< works today, and surprises later */
        AIU_SEVERITY_ERROR = 3    /**< fails, or will fail at the next start */
};

/** How many hazards: the worst first. @since 0.1 */
size_t aiu_survey_get_n_hazards(const struct aiu_survey *);
/** The i-th hazard; NULL past the end. @since 0.1 */
const struct aiu_hazard *aiu_survey_get_hazard(const struct aiu_survey *, size_t i);
/** Which one. @since 0.1 */
enum aiu_hazard_kind aiu_hazard_get_kind(const struct aiu_hazard *);
/** How bad it is. @since 0.1 */
enum aiu_severity aiu_hazard_get_severity(const struct aiu_hazard *);
/** What is wrong, in one sentence: printable ASCII. @since 0.1 */
const char *aiu_hazard_get_text(const struct aiu_hazard *);
/** How many sockets it is about. @since 0.1 */
size_t aiu_hazard_get_n_sockets(const struct aiu_hazard *);
/** The i-th of them, as an index for aiu_survey_get_socket(); SIZE_MAX past the end. @since 0.1 */
size_t aiu_hazard_get_socket(const struct aiu_hazard *, size_t i);
/** What mends it: printable ASCII; NULL = nothing is known. @since 0.1 */
const char *aiu_hazard_get_fix_text(const struct aiu_hazard *);
/** A command for that, for execvp(3): NULL-terminated; NULL = there is none. @since 0.1 */
const char *const *aiu_hazard_get_fix_argv(const struct aiu_hazard *);

/** How a survey differs from a plan. @since 0.1 */
enum aiu_difference {
        AIU_DIFFERENCE_UNKNOWN = 0,    /**< of a newer version */
        AIU_DIFFERENCE_MISSING = 1,    /**< planned, and no socket has the address */
        AIU_DIFFERENCE_UNEXPECTED = 2, /**< a socket that is not in the plan */
        AIU_DIFFERENCE_WRONG_OWNER = 3 /**< another owner than planned */
};

/**
 * Compare the sockets with a plan: lines of ADDRESS:PORT/PROTO and OWNER, as `addrinuse audit
 * --write-plan` prints them. "*" is any owner, or any address. "#" begins a comment. AF_UNIX sockets are
 * never part of a plan, and a UDP socket in the range that the kernel gives to clients only if a line
 * names it. Differences replace those of an earlier plan. An owner that could not be seen is
 * no difference: aiu_survey_get_n_unverified() counts them.
 * @param[in,out] survey a survey
 * @param[in] plan the text of the plan
 * @param[out] ret_line the line, from 1, that -EINVAL is about; may be NULL. Written on -EINVAL alone
 * @return 0; -EINVAL (NULL, or a line that is none of a plan); -ENOMEM
 * @since 0.1
 */
int aiu_survey_set_plan(struct aiu_survey *survey, const char *plan, unsigned int *ret_line);
/**
 * The sockets as a plan, to be reviewed and kept. The caller owns *ret_plan: free(3).
 * @returns 0; -EINVAL (NULL); -ENOMEM
 * @since 0.1
 */
int aiu_survey_to_plan(const struct aiu_survey *, char **ret_plan);
/** In how many ways the survey differs from the plan. @since 0.1 */
size_t aiu_survey_get_n_differences(const struct aiu_survey *);
/** The i-th difference; AIU_DIFFERENCE_UNKNOWN past the end. @since 0.1 */
enum aiu_difference aiu_survey_get_difference(const struct aiu_survey *, size_t i);
/** "ADDRESS:PORT/PROTO" that it is about; NULL past the end. @since 0.1 */
const char *aiu_survey_get_difference_address(const struct aiu_survey *, size_t i);
/** The planned owner; NULL = none is planned. @since 0.1 */
const char *aiu_survey_get_difference_planned(const struct aiu_survey *, size_t i);
/** The owner; NULL = no socket, or not known. @since 0.1 */
const char *aiu_survey_get_difference_owner(const struct aiu_survey *, size_t i);
/** Sockets of the plan whose owner could not be seen: whether the plan is met is not known. @since 0.1 */
size_t aiu_survey_get_n_unverified(const struct aiu_survey *);

/** @} */

/**
 * @defgroup aiu_tokens Tokens
 * Words for the values of the enums.
 * @{
 */

/**
 * @name Stable tokens
 * The enumerator's name without its prefix, in lower case with hyphens, as in the JSON. A value that
 * is not in the enum gives "unknown". Static strings, never NULL.
 * @since 0.1
 * @{
 */
const char *aiu_verdict_to_string(enum aiu_verdict);           /**< such as "in-use" */
const char *aiu_call_to_string(enum aiu_call);                 /**< such as "bind" */
const char *aiu_retry_to_string(enum aiu_retry);               /**< such as "after" */
const char *aiu_tristate_to_string(enum aiu_tristate);         /**< such as "yes" */
const char *aiu_overlap_to_string(enum aiu_overlap);           /**< such as "holder-wildcard" */
const char *aiu_state_to_string(enum aiu_state);               /**< such as "time-wait" */
const char *aiu_reason_to_string(enum aiu_reason);             /**< such as "listening" */
const char *aiu_holder_kind_to_string(enum aiu_holder_kind);   /**< such as "process" */
const char *aiu_manager_kind_to_string(enum aiu_manager_kind); /**< such as "systemd" */
const char *aiu_action_kind_to_string(enum aiu_action_kind);   /**< such as "stop-unit" */
const char *aiu_gap_kind_to_string(enum aiu_gap_kind);         /**< such as "permission" */
const char *aiu_wait_basis_to_string(enum aiu_wait_basis);     /**< such as "event" */
const char *aiu_hazard_kind_to_string(enum aiu_hazard_kind);   /**< such as "silent-overlap" */
const char *aiu_severity_to_string(enum aiu_severity);         /**< such as "warning" */
const char *aiu_difference_to_string(enum aiu_difference);     /**< such as "wrong-owner" */
/** @} */

/**
 * The name of a protocol, as in the JSON: "tcp", "udp", "udplite", "sctp", "dccp" or "mptcp" of AF_INET and
 * AF_INET6, and "NETLINK_ROUTE" and similar names of AF_NETLINK.
 *
 * @param family   AF_* of the address
 * @param type     SOCK_*; it decides where the protocol is 0
 * @param protocol as aiu_report_get_protocol() and aiu_conflict_get_protocol() return it
 * @returns a static string; NULL = no name is known, or the family has no protocols
 * @since 0.1
 */
const char *aiu_protocol_to_string(int family, int type, int protocol);

/** @} */

/* ------------------------------------------------ 4. show it */

/**
 * @defgroup aiu_show Show it
 * Text for people, JSON for programs. Both are written with the public accessors alone.
 * @{
 */

/** Text with ANSI colours: for terminals only. @since 0.1 */
#define AIU_RENDER_COLOR (UINT32_C(1) << 0)
/** Show command lines, which may contain secrets. @since 0.1 */
#define AIU_RENDER_CMDLINE (UINT32_C(1) << 1)
/** Text with neighbours, all gaps, socket ids and terms of the kernel. The JSON always has them. @since 0.1 */
#define AIU_RENDER_VERBOSE (UINT32_C(1) << 2)
/** JSON on many lines, indented. @since 0.1 */
#define AIU_RENDER_PRETTY (UINT32_C(1) << 3)
/**
 * Text with the time of day at which a holder started, as localtime_r(3) has it, which may read
 * /etc/localtime and the environment. Without it: for how long the holder has been running. @since 0.1
 */
#define AIU_RENDER_LOCAL_TIME (UINT32_C(1) << 4)

/**
 * The report in words: several lines of printable ASCII. The caller owns *ret_text: free(3).
 * @returns 0; -EINVAL (NULL, or a flag that this version does not know); -ENOMEM
 * @since 0.1
 */
int aiu_report_to_text(const struct aiu_report *, uint32_t flags, char **ret_text);

/**
 * The report as one JSON object, schema 1 (doc/addrinuse.schema.json). The caller owns *ret_json:
 * free(3). Fields are added, never renamed.
 * @returns 0; -EINVAL (NULL, or a flag that this version does not know); -ENOMEM
 * @since 0.1
 */
int aiu_report_to_json(const struct aiu_report *, uint32_t flags, char **ret_json);

/** aiu_survey_to_text(): the table of all sockets, and hazards without their fixes. @since 0.1 */
#define AIU_RENDER_TABLE (UINT32_C(1) << 5)

/**
 * The survey in words: its hazards and how to mend each, what could not be seen, and a last line with
 * numbers. Hazards of severity `info` with AIU_RENDER_VERBOSE alone. The caller owns *ret_text: free(3).
 * @returns 0; -EINVAL (NULL, or a flag that this version does not know); -ENOMEM
 * @since 0.1
 */
int aiu_survey_to_text(const struct aiu_survey *, uint32_t flags, char **ret_text);

/**
 * The survey as one JSON object: schema, sockets, hazards, plan, gaps. The caller owns *ret_json:
 * free(3). Fields are added, never renamed.
 * @returns 0; -EINVAL (NULL, or a flag that this version does not know); -ENOMEM
 * @since 0.1
 */
int aiu_survey_to_json(const struct aiu_survey *, uint32_t flags, char **ret_json);

/**
 * Write the text to a stream. The stream is not flushed.
 * @returns 0; -EINVAL (NULL, or a flag that this version does not know); -ENOMEM; -EIO
 * @since 0.1
 */
int aiu_report_print(const struct aiu_report *, FILE *, uint32_t flags);

/**
 * Make any bytes printable ASCII: a backslash is doubled, a byte outside 0x20 to 0x7e becomes \\xHH.
 * No information is lost. The caller owns *ret_text: free(3).
 * @returns 0; -EINVAL (NULL); -ENOMEM
 * @since 0.1
 */
int aiu_escape(const char *bytes, size_t n_bytes, char **ret_text);
/** Version of the library at run time: "MAJOR.MINOR.PATCH", a static string. @since 0.1 */
const char *aiu_version(void);
/** @} */

#ifdef __cplusplus
}
#endif
#endif
