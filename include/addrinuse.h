/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file addrinuse.h
 * Why does bind(2) or listen(2) say "Address already in use", and what frees the address?
 *
 * Conventions, true of every function:
 *  - int functions return 0 (or a count) on success, a negative errno on
 *    failure; ret_* outputs are written only on success.
 *    aiu_probe() and aiu_explain_*() return an object, or NULL with errno set.
 *  - Accessors never fail. Unknown is NULL, 0 or *_UNKNOWN; in every enum 0
 *    means "unknown". Enums are open: values are added, never renumbered.
 *  - const pointers read from a report live as long as the report.
 *  - Units are in the name (_ns, _usec, _bytes). Ports are in host order.
 *  - No globals, threads, child processes, signals, output or left-over file
 *    descriptors. A context/query is used by one thread at a time; a report is
 *    immutable with an atomic reference count.
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

struct aiu_context;   /* settings: backends, deadline, log hook          */
struct aiu_query;     /* the bind() being asked about                    */
struct aiu_report;    /* the answer: immutable, ref-counted              */
struct aiu_conflict;  /* one socket on the port, and how it is in the way */
struct aiu_holder;    /* one process (or the kernel) that holds it       */
struct aiu_action;    /* one recommended action                          */
struct aiu_gap;       /* one thing that could not be seen, and why       */

/* ------------------------------------------------ 1. ask, in one line */

/* TCP bind()+listen() with no socket option set. addr: numeric IPv4 or IPv6
 * (optional %scope); NULL or "*" = every address (dual-stack wildcard).
 * NULL only for EINVAL (bad address) and ENOMEM; all else becomes a gap. */
struct aiu_report *aiu_probe(const char *addr, uint16_t port);

/* Explain the bind() that has just failed on fd with errno `error`. Family,
 * type, protocol, SO_REUSEADDR, SO_REUSEPORT, IPV6_V6ONLY, device and network
 * namespace are read from fd, which is left as it was. `error` is evidence:
 * EADDRINUSE observed means a conflict exists even if it is not visible. 0 =
 * no bind() was made yet (a pre-flight question). errno is preserved. */
struct aiu_report *aiu_explain_bind(int fd, const struct sockaddr *addr,
                                    socklen_t addrlen, int error);
/* Likewise for listen() on a socket that is already bound. */
struct aiu_report *aiu_explain_listen(int fd, int error);

/* ------------------------------------------------ 2. ask precisely */

int  aiu_context_new(struct aiu_context **ret_context);
struct aiu_context *aiu_context_ref(struct aiu_context *);
struct aiu_context *aiu_context_unref(struct aiu_context *);   /* NULL */

enum aiu_log_level { AIU_LOG_ERROR = 3, AIU_LOG_WARNING = 4, AIU_LOG_INFO = 6, AIU_LOG_DEBUG = 7 };
typedef void (*aiu_log_fn)(void *userdata, enum aiu_log_level level, const char *message);
void aiu_context_set_log(struct aiu_context *, aiu_log_fn, enum aiu_log_level max, void *userdata);
int  aiu_context_set_deadline_usec(struct aiu_context *, uint64_t usec);  /* default 250 000; 0 = none */
int  aiu_context_set_procfs(struct aiu_context *, int dirfd);             /* another /proc; duplicated; -1 = none at all */
typedef void (*aiu_progress_fn)(void *userdata, size_t done, size_t total);
void aiu_context_set_progress(struct aiu_context *, aiu_progress_fn, void *userdata);  /* processes looked at, of how many */
#define AIU_CONTEXT_FIRST_HOLDER (UINT32_C(1) << 0) /* stop at the first holder of each socket; default: every one, so that actions can be sufficient */
#define AIU_CONTEXT_TRIAL_BIND   (UINT32_C(1) << 1) /* may bind() scratch sockets to settle what cannot be seen; off by default */
#define AIU_CONTEXT_NO_IPC       (UINT32_C(1) << 2) /* talk to no daemon (no D-Bus) */
#define AIU_CONTEXT_ALL_SYSCALLS (UINT32_C(1) << 3) /* use pidfd_getfd and the like even under a seccomp filter; default: only when none is active */
int  aiu_context_set_flags(struct aiu_context *, uint32_t flags);         /* unknown bits: -EINVAL */

int  aiu_query_new(struct aiu_context *context_or_null, struct aiu_query **ret_query);
struct aiu_query *aiu_query_ref(struct aiu_query *);
struct aiu_query *aiu_query_unref(struct aiu_query *);
int  aiu_query_set_address(struct aiu_query *, const struct sockaddr *, socklen_t);  /* AF_INET, AF_INET6, AF_UNIX */
int  aiu_query_set_address_string(struct aiu_query *, const char *addr, uint16_t port);
int  aiu_query_set_socket(struct aiu_query *, int type, int protocol);               /* default SOCK_STREAM, 0 */
int  aiu_query_set_reuseaddr(struct aiu_query *, int on);
int  aiu_query_set_reuseport(struct aiu_query *, int on);
int  aiu_query_set_v6only(struct aiu_query *, int on);           /* default: the sysctl bindv6only */
int  aiu_query_set_freebind(struct aiu_query *, int on);
int  aiu_query_set_device(struct aiu_query *, const char *ifname);
int  aiu_query_set_uid(struct aiu_query *, uid_t uid);           /* owner of the socket; default: effective */
int  aiu_query_set_listen(struct aiu_query *, int on);           /* default on for SOCK_STREAM/SEQPACKET */
int  aiu_query_set_netns(struct aiu_query *, int nsfd);          /* duplicated */
int  aiu_query_set_fd(struct aiu_query *, int fd);               /* all of the above from a live socket */
int  aiu_query_set_error(struct aiu_query *, int error);         /* errno seen, as in aiu_explain_bind */
int  aiu_query_run(struct aiu_query *, struct aiu_report **ret_report);

/* ------------------------------------------------ 3. read the answer */

struct aiu_report *aiu_report_ref(struct aiu_report *);
struct aiu_report *aiu_report_unref(struct aiu_report *);

enum aiu_verdict {
        AIU_VERDICT_UNKNOWN       = 0,  /* could not tell: see the gaps                  */
        AIU_VERDICT_AVAILABLE     = 1,  /* bind() (and listen()) would succeed           */
        AIU_VERDICT_IN_USE        = 2,  /* EADDRINUSE                                    */
        AIU_VERDICT_NOT_LOCAL     = 3,  /* EADDRNOTAVAIL: no such address here           */
        AIU_VERDICT_NOT_PERMITTED = 4,  /* EACCES or EPERM: privileged port, policy      */
        AIU_VERDICT_INVALID       = 5   /* EINVAL, EAFNOSUPPORT, ENODEV ...: cannot work */
};
enum aiu_verdict aiu_report_get_verdict(const struct aiu_report *);
int  aiu_report_get_error(const struct aiu_report *);            /* the errno the call gives; 0 = none or unknown */
enum aiu_call { AIU_CALL_UNKNOWN = 0, AIU_CALL_BIND = 1, AIU_CALL_LISTEN = 2 };
enum aiu_call aiu_report_get_call(const struct aiu_report *);    /* the call that fails */
const char *aiu_report_get_summary(const struct aiu_report *);   /* one line, printable ASCII, never NULL */

/* What was asked, as the report understood it (so that renderers need nothing but the report). */
const struct sockaddr *aiu_report_get_address(const struct aiu_report *, socklen_t *ret_len);
int  aiu_report_get_type(const struct aiu_report *);
int  aiu_report_get_protocol(const struct aiu_report *);
uint32_t aiu_report_get_options(const struct aiu_report *);      /* AIU_OPTION_* set on the socket asked about */
const char *aiu_report_get_device(const struct aiu_report *);    /* NULL if none */
uid_t aiu_report_get_uid(const struct aiu_report *);
int  aiu_report_get_listen(const struct aiu_report *);           /* 1 if listen() was part of the question */

enum aiu_tristate { AIU_TRISTATE_UNKNOWN = 0, AIU_TRISTATE_NO = 1, AIU_TRISTATE_YES = 2 };
#define AIU_OPTION_REUSEADDR (UINT32_C(1) << 0)
#define AIU_OPTION_REUSEPORT (UINT32_C(1) << 1)
#define AIU_OPTION_V6ONLY    (UINT32_C(1) << 2)
#define AIU_OPTION_FREEBIND  (UINT32_C(1) << 3)
/* Would the same bind succeed with these options set as well? */
enum aiu_tristate aiu_report_would_succeed_with(const struct aiu_report *, uint32_t options);

size_t aiu_report_get_n_conflicts(const struct aiu_report *);
const struct aiu_conflict *aiu_report_get_conflict(const struct aiu_report *, size_t i);   /* NULL past the end */
size_t aiu_report_get_n_neighbours(const struct aiu_report *);   /* same port, not in the way */
const struct aiu_conflict *aiu_report_get_neighbour(const struct aiu_report *, size_t i);
size_t aiu_report_get_n_actions(const struct aiu_report *);
const struct aiu_action *aiu_report_get_action(const struct aiu_report *, size_t i);       /* best first */
size_t aiu_report_get_n_gaps(const struct aiu_report *);
const struct aiu_gap *aiu_report_get_gap(const struct aiu_report *, size_t i);

enum aiu_overlap {
        AIU_OVERLAP_UNKNOWN         = 0,
        AIU_OVERLAP_EXACT           = 1,  /* same address                                          */
        AIU_OVERLAP_HOLDER_WILDCARD = 2,  /* holder on 0.0.0.0 / [::] covers the address asked for */
        AIU_OVERLAP_QUERY_WILDCARD  = 3,  /* the wildcard asked for covers the holder's address    */
        AIU_OVERLAP_DUAL_STACK      = 4,  /* an IPv6 wildcard that is not v6-only against IPv4     */
        AIU_OVERLAP_V4_MAPPED       = 5,  /* ::ffff:a.b.c.d against a.b.c.d                        */
        AIU_OVERLAP_UNIX_PATH       = 6,  /* the same file, or the same abstract name              */
        AIU_OVERLAP_PORT_RANGE      = 7,  /* port 0 asked for and the ephemeral range is exhausted */
        AIU_OVERLAP_NONE            = 8   /* neighbour only                                        */
};
enum aiu_state {
        AIU_STATE_UNKNOWN = 0, AIU_STATE_ESTABLISHED = 1, AIU_STATE_SYN_SENT = 2, AIU_STATE_SYN_RECV = 3,
        AIU_STATE_FIN_WAIT1 = 4, AIU_STATE_FIN_WAIT2 = 5, AIU_STATE_TIME_WAIT = 6, AIU_STATE_CLOSE = 7,
        AIU_STATE_CLOSE_WAIT = 8, AIU_STATE_LAST_ACK = 9, AIU_STATE_LISTEN = 10, AIU_STATE_CLOSING = 11,
        AIU_STATE_BOUND = 13,        /* bound, neither listening nor connected (TCP: no ss(8) before 6.8 shows it; UDP and datagram: unconnected) */
        AIU_STATE_STALE_FILE = 64    /* AF_UNIX: the file is there, no socket is behind it */
};
enum aiu_reason {                    /* the rule that makes it a conflict */
        AIU_REASON_UNKNOWN = 0,
        AIU_REASON_LISTENING        = 1,  /* a listener shares with nobody but its SO_REUSEPORT group  */
        AIU_REASON_QUERY_NO_REUSE   = 2,  /* SO_REUSEADDR not set on the socket asked about            */
        AIU_REASON_HOLDER_NO_REUSE  = 3,  /* SO_REUSEADDR was not set on the holder when it bound      */
        AIU_REASON_REUSEPORT_ABSENT = 4,  /* only one of the two has SO_REUSEPORT                      */
        AIU_REASON_REUSEPORT_UID    = 5,  /* both have it, different effective uid                     */
        AIU_REASON_BUCKET_HISTORY   = 6,  /* the kernel's per-port cache, not any socket alive, decides */
        AIU_REASON_PATH_EXISTS      = 7,  /* AF_UNIX                                                    */
        AIU_REASON_RANGE_EXHAUSTED  = 8,
        AIU_REASON_OBSERVED         = 9   /* the caller saw EADDRINUSE; no socket in sight explains it  */
};
enum aiu_overlap  aiu_conflict_get_overlap(const struct aiu_conflict *);
enum aiu_state    aiu_conflict_get_state(const struct aiu_conflict *);
enum aiu_reason   aiu_conflict_get_reason(const struct aiu_conflict *);
enum aiu_tristate aiu_conflict_is_blocking(const struct aiu_conflict *);     /* proven / inferred / not */
const struct sockaddr *aiu_conflict_get_local(const struct aiu_conflict *, socklen_t *ret_len);
const struct sockaddr *aiu_conflict_get_peer(const struct aiu_conflict *, socklen_t *ret_len);  /* NULL if none */
int      aiu_conflict_get_type(const struct aiu_conflict *);
int      aiu_conflict_get_protocol(const struct aiu_conflict *);
uint64_t aiu_conflict_get_inode(const struct aiu_conflict *);
uint64_t aiu_conflict_get_cookie(const struct aiu_conflict *);
uid_t    aiu_conflict_get_uid(const struct aiu_conflict *);
const char *aiu_conflict_get_device(const struct aiu_conflict *);
enum aiu_tristate aiu_conflict_get_reuseaddr(const struct aiu_conflict *);
enum aiu_tristate aiu_conflict_get_reuseport(const struct aiu_conflict *);
enum aiu_tristate aiu_conflict_get_v6only(const struct aiu_conflict *);
uint64_t aiu_conflict_get_expires_usec(const struct aiu_conflict *);         /* TIME_WAIT etc.: time left; 0 = n/a */
size_t aiu_conflict_get_n_holders(const struct aiu_conflict *);
const struct aiu_holder *aiu_conflict_get_holder(const struct aiu_conflict *, size_t i);

enum aiu_holder_kind {
        AIU_HOLDER_UNKNOWN = 0,
        AIU_HOLDER_PROCESS = 1,
        AIU_HOLDER_SELF    = 2,   /* the calling process itself                              */
        AIU_HOLDER_KERNEL  = 3,   /* no file at all: TIME_WAIT, orphan, in-kernel user       */
        AIU_HOLDER_HIDDEN  = 4    /* a file exists, its process is not visible from here     */
};
enum aiu_holder_kind aiu_holder_get_kind(const struct aiu_holder *);
pid_t       aiu_holder_get_pid(const struct aiu_holder *);
pid_t       aiu_holder_get_ppid(const struct aiu_holder *);
uid_t       aiu_holder_get_uid(const struct aiu_holder *);
uint64_t    aiu_holder_get_start_time_usec(const struct aiu_holder *);       /* CLOCK_REALTIME */
size_t      aiu_holder_get_n_fds(const struct aiu_holder *);
int         aiu_holder_get_fd(const struct aiu_holder *, size_t i);          /* -1 past the end */
const char *aiu_holder_get_comm(const struct aiu_holder *);                  /* raw bytes: see aiu_escape() */
const char *aiu_holder_get_exe(const struct aiu_holder *);
const char *aiu_holder_get_cmdline(const struct aiu_holder *, size_t *ret_bytes);  /* NUL-separated, may hold secrets */
const char *aiu_holder_get_cwd(const struct aiu_holder *);                   /* working directory: which checkout is it? */
/* Why it exists: the chain of parents, nearest first, up to pid 1 (or as far as is visible). */
size_t      aiu_holder_get_n_ancestors(const struct aiu_holder *);
pid_t       aiu_holder_get_ancestor_pid(const struct aiu_holder *, size_t i);    /* 0 past the end */
const char *aiu_holder_get_ancestor_comm(const struct aiu_holder *, size_t i);   /* NULL past the end */
#define AIU_HOLDER_SAME_PROGRAM (UINT32_C(1) << 0)  /* same executable as the caller: a second copy     */
#define AIU_HOLDER_ORPHAN       (UINT32_C(1) << 1)  /* reparented to init or a subreaper                */
#define AIU_HOLDER_STOPPED      (UINT32_C(1) << 2)  /* T state: cannot act on SIGTERM until continued   */
#define AIU_HOLDER_DYING        (UINT32_C(1) << 3)  /* exiting, or D state with a fatal signal pending  */
#define AIU_HOLDER_DELETED_EXE  (UINT32_C(1) << 4)  /* runs a replaced binary: left from before an upgrade */
#define AIU_HOLDER_UNIT_LEFTOVER (UINT32_C(1) << 5) /* its unit is inactive, the process is still there */
uint32_t    aiu_holder_get_flags(const struct aiu_holder *);

enum aiu_manager_kind {              /* who looks after the holder, and would bring it back */
        AIU_MANAGER_UNKNOWN = 0, AIU_MANAGER_NONE = 1, AIU_MANAGER_SYSTEMD = 2, AIU_MANAGER_SYSTEMD_USER = 3,
        AIU_MANAGER_DOCKER = 4, AIU_MANAGER_PODMAN = 5, AIU_MANAGER_KUBERNETES = 6, AIU_MANAGER_CONTAINERD = 7,
        AIU_MANAGER_LXC = 8, AIU_MANAGER_SNAP = 9, AIU_MANAGER_MACHINE = 10,
        AIU_MANAGER_SUPERVISOR = 11  /* supervisord, runit, s6, pm2, monit...: named by aiu_holder_get_supervisor() */
};
enum aiu_manager_kind aiu_holder_get_manager(const struct aiu_holder *);
const char *aiu_holder_get_unit(const struct aiu_holder *);           /* "nginx.service"; NULL if none */
const char *aiu_holder_get_socket_unit(const struct aiu_holder *);    /* "nginx.socket" that owns or feeds it */
const char *aiu_holder_get_unit_state(const struct aiu_holder *);     /* systemd ActiveState */
const char *aiu_holder_get_unit_restart(const struct aiu_holder *);   /* systemd Restart= */
enum aiu_tristate aiu_holder_will_return(const struct aiu_holder *);  /* if killed, does something start it again? */
const char *aiu_holder_get_container(const struct aiu_holder *);      /* container id or machine name */
const char *aiu_holder_get_supervisor(const struct aiu_holder *);     /* "supervisord", "pm2", ...; NULL if none */

enum aiu_action_kind {
        AIU_ACTION_UNKNOWN = 0, AIU_ACTION_NONE = 1, AIU_ACTION_STOP_UNIT = 2, AIU_ACTION_STOP_CONTAINER = 3,
        AIU_ACTION_TERMINATE = 4, AIU_ACTION_KILL = 5, AIU_ACTION_WAIT = 6, AIU_ACTION_SET_REUSEADDR = 7,
        AIU_ACTION_SET_REUSEPORT = 8, AIU_ACTION_SET_V6ONLY = 9, AIU_ACTION_OTHER_ADDRESS = 10,
        AIU_ACTION_OTHER_PORT = 11, AIU_ACTION_RESERVE_PORT = 12, AIU_ACTION_REMOVE_FILE = 13,
        AIU_ACTION_USE_ACTIVATION = 14, AIU_ACTION_GRANT_PRIVILEGE = 15, AIU_ACTION_ADD_ADDRESS = 16,
        AIU_ACTION_FIX_CALLER = 17,  /* the caller itself holds it, or asks for nonsense */
        AIU_ACTION_LOOK_CLOSER = 18, /* run again with the privilege named in a gap      */
        AIU_ACTION_KILL_UNIT_LEFTOVERS = 19
};
enum aiu_action_kind aiu_action_get_kind(const struct aiu_action *);
const char *aiu_action_get_text(const struct aiu_action *);           /* one or two sentences, printable ASCII */
const char *const *aiu_action_get_argv(const struct aiu_action *);    /* NULL-terminated command, or NULL */
enum aiu_tristate aiu_action_is_sufficient(const struct aiu_action *);/* alone clears every conflict? */
#define AIU_ACTION_NEEDS_ROOT   (UINT32_C(1) << 0)
#define AIU_ACTION_DISRUPTIVE   (UINT32_C(1) << 1)  /* stops something that works */
#define AIU_ACTION_CHANGES_CODE (UINT32_C(1) << 2)
uint32_t aiu_action_get_flags(const struct aiu_action *);

enum aiu_gap_kind {
        AIU_GAP_UNKNOWN = 0, AIU_GAP_PERMISSION = 1, AIU_GAP_NAMESPACE = 2, AIU_GAP_TRUNCATED = 3,
        AIU_GAP_RACE = 4, AIU_GAP_BACKEND = 5, AIU_GAP_DEADLINE = 6, AIU_GAP_KERNEL_TOO_OLD = 7
};
enum aiu_gap_kind aiu_gap_get_kind(const struct aiu_gap *);
int         aiu_gap_get_error(const struct aiu_gap *);
const char *aiu_gap_get_backend(const struct aiu_gap *);
const char *aiu_gap_get_text(const struct aiu_gap *);                 /* what was not seen and what it takes */

/* Stable lower-case tokens ("in-use", "time-wait"...), as in the JSON; "unknown" for any other value. */
const char *aiu_verdict_to_string(enum aiu_verdict);
const char *aiu_call_to_string(enum aiu_call);
const char *aiu_tristate_to_string(enum aiu_tristate);
const char *aiu_overlap_to_string(enum aiu_overlap);
const char *aiu_state_to_string(enum aiu_state);
const char *aiu_reason_to_string(enum aiu_reason);
const char *aiu_holder_kind_to_string(enum aiu_holder_kind);
const char *aiu_manager_kind_to_string(enum aiu_manager_kind);
const char *aiu_action_kind_to_string(enum aiu_action_kind);
const char *aiu_gap_kind_to_string(enum aiu_gap_kind);

/* ------------------------------------------------ 4. show it */

#define AIU_RENDER_COLOR   (UINT32_C(1) << 0)
#define AIU_RENDER_CMDLINE (UINT32_C(1) << 1)   /* command lines may hold secrets: off by default */
#define AIU_RENDER_VERBOSE (UINT32_C(1) << 2)   /* neighbours, gaps, socket ids */
#define AIU_RENDER_PRETTY  (UINT32_C(1) << 3)   /* indented JSON */
int aiu_report_to_text(const struct aiu_report *, uint32_t flags, char **ret_text);   /* free(3) */
int aiu_report_to_json(const struct aiu_report *, uint32_t flags, char **ret_json);   /* free(3) */
int aiu_report_print(const struct aiu_report *, FILE *, uint32_t flags);
int aiu_escape(const char *bytes, size_t n_bytes, char **ret_text);                   /* free(3) */
const char *aiu_version(void);                                                        /* "MAJOR.MINOR.PATCH" */
#ifdef __cplusplus
}
#endif
#endif
