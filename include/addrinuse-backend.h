/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file addrinuse-backend.h
 * How to write a source of facts.
 *
 * All facts that libaddrinuse judges come from backends. A backend is a table of functions that
 * push plain facts into a snapshot. It does not judge them: pure functions elsewhere do. The built-in
 * backends (sock-diag, proc-net, proc-net-path, route, proc-address, proc-sys, unix-path, vsock,
 * proc-fd, kernel-user, proc-bound, options, cgroup, sd-bus) use this header and nothing else of the
 * library, so your backend can do all that they can.
 *
 * The rules for a backend:
 *  - Report what you see. Leave a fact that you cannot see at *_UNKNOWN, 0 or NULL. If its absence
 *    makes the answer worse, add a gap (aiu_snapshot_add_gap()).
 *  - Stop when aiu_request_time_left_usec() returns 0, and return -ETIME.
 *  - Leave nothing behind: no descriptor, thread, child process or signal handler.
 *  - Return from every callback. Leaving one through longjmp(3), a C++ exception or the end of its
 *    thread leaks the snapshot and a descriptor, and may leave the caller in another network
 *    namespace.
 *  - If aiu_request::plain_calls_only is set, use only system calls that a seccomp filter for a
 *    network daemon allows: a forbidden call may kill the process.
 *  - A function of the snapshot copies strings and addresses before it returns. You keep what you
 *    passed.
 *
 * Structures begin with their size, so that they can grow. Set it to sizeof(struct ...), also in
 * structures that you read into, and set all members that you do not fill to zero. The library
 * accepts a structure larger than its own if the unknown part is zero, and returns -E2BIG otherwise.
 * It pads a smaller one with zeros.
 */
#ifndef ADDRINUSE_BACKEND_H
#define ADDRINUSE_BACKEND_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <addrinuse.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Backends put facts here, and read the facts of earlier backends. Opaque. */
struct aiu_snapshot;

/** What the caller asks. Read-only for backends, valid during one call. */
struct aiu_request {
        size_t size;                    /**< sizeof(struct aiu_request) of the library */
        const struct sockaddr *address; /**< the address of the bind(2) in question */
        socklen_t address_len;          /**< its length in bytes */
        int type;                       /**< SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET */
        /** IPPROTO_* whose ports conflict (TCP for MPTCP); AF_NETLINK: NETLINK_*; 0 for AF_UNIX and AF_VSOCK */
        int protocol;
        /** host order; 0 for other families than AF_INET and AF_INET6, or if the kernel may choose: then every socket of the protocol counts */
        uint16_t port;
        unsigned int ifindex; /**< SO_BINDTODEVICE of the would-be socket; 0 = none */
        uid_t uid;            /**< owner of the would-be socket */
        /** AIU_CONTEXT_*. With LISTENERS_ONLY, only listeners are needed. With FIRST_HOLDER as well, one
         * listener is enough; if there is none, report every socket */
        uint32_t context_flags;
        int plain_calls_only;   /**< a seccomp filter is active: see above */
        int procfs;             /**< directory descriptor of the /proc to read; -1 = none */
        uint64_t deadline_nsec; /**< CLOCK_MONOTONIC; 0 = none */
        /**
         * TCP, phase `sockets`: only the connection from `address` to here is needed or, with AF_UNSPEC,
         * only sockets that are not connected. NULL = all sockets
         */
        const struct sockaddr *peer;
        socklen_t peer_len; /**< its length in bytes */
        /** the process that makes the call, as `procfs` numbers it: aiu_query_set_pid(); 0 = the caller */
        pid_t pid;
        /** with pid: descriptor of its directory in `procfs`. It gives ESRCH once the process has ended */
        int process;
        uint32_t survey_flags; /**< phase `units`: AIU_SURVEY_* */
        /**
         * SO_COOKIE of the socket in question, if it is wanted whether a BPF program is attached to it: see
         * aiu_snapshot_add_program(). 0 = not wanted
         */
        uint64_t own_cookie;
        uint64_t own_inode; /**< its inode; 0 = not known */
};

/** Microseconds until the deadline; 0 = it has passed; UINT64_MAX = no deadline. @since 0.1 */
uint64_t aiu_request_time_left_usec(const struct aiu_request *request);

/**
 * Facts about the host that decide before any port does: does this host have the address, and may a
 * socket bind to it?
 */
struct aiu_host_fact {
        size_t size; /**< sizeof of this struct */
        /** inet_addr_type(), ipv6_chk_addr() or, of AF_VSOCK, vsock_find_cid() would accept the address */
        enum aiu_tristate address_local;
        enum aiu_tristate address_tentative; /**< IPv6 duplicate address detection is not finished */
        unsigned int address_ifindex;        /**< the interface that has the address; 0 = not known */
        enum aiu_tristate nonlocal_bind;     /**< ip_nonlocal_bind of the address family */
        /** the caller has CAP_NET_BIND_SERVICE over the network namespace; AF_VSOCK: in the initial user namespace */
        enum aiu_tristate privileged;
        /** ip_unprivileged_port_start; -1 = it is 0: no port is privileged; 0 = not known */
        int unprivileged_port_start;
        int port_range_first; /**< ip_local_port_range; 0 = not known */
        int port_range_last;  /**< its last port */
        /** ip_local_reserved_ports as the kernel prints it; NULL = not known */
        const char *reserved_ports;
        enum aiu_tristate ipv6_enabled;   /**< socket(AF_INET6) works, as far as is known */
        enum aiu_tristate autobind_reuse; /**< ip_autobind_reuse */
        int kernel_major;                 /**< uname(2) release; 0 = not known */
        int kernel_minor;                 /**< its second number */
        int kernel_patch;                 /**< its third number */
        enum aiu_tristate name_exists;    /**< AF_UNIX path: the path exists */
        enum aiu_tristate name_is_socket; /**< AF_UNIX path: it is a socket */
        /** AF_UNIX path: the errno of bind(2) before it looks at the file (ENOENT, EACCES...); 0 = none */
        int name_error;
        uint64_t name_inode;  /**< AF_UNIX path: st_ino of the file */
        uint64_t name_device; /**< AF_UNIX path: st_dev of the file, as stat(2) encodes it */
        /**
         * AF_UNIX path: a socket is bound to the file. No = proven for every network namespace: the
         * file is stale, or is not a socket. If you saw no socket, that alone means unknown
         */
        enum aiu_tristate name_live;
        enum aiu_tristate name_removable; /**< AF_UNIX path, stale: the caller may unlink(2) the file */
        uint32_t name_mode;               /**< AF_UNIX path: st_mode of the file; 0 = not known */
        /**
         * AF_UNIX path: the device of the file system as in mountinfo, encoded as in stat(2), for
         * comparison with aiu_socket_fact::vfs_device. On btrfs st_dev differs. 0 = not known
         */
        uint64_t name_fs_device;
        /** IPv6 duplicate address detection has failed: another host on the link has the address */
        enum aiu_tristate address_duplicate;
        /** another device has the address, and a socket on the requested device cannot bind it */
        enum aiu_tristate address_elsewhere;
        /** the longest time that detection takes, in microseconds; 0 = not known, or it is not running */
        uint64_t detection_usec;
        enum aiu_tristate ipv6_disabled; /**< the sysctl disable_ipv6 of address_device */
        /** the device of these facts, or "all"; NULL = not known. At most IF_NAMESIZE - 1 bytes are kept */
        const char *address_device;
        enum aiu_tristate device_up; /**< address_device is up (IFF_UP) */
        /** AF_UNIX path: length of the leading part that names the directory behind name_error; 0 = not known */
        unsigned int name_at;
        /** AF_UNIX path, ENOENT: the caller may create what is missing; NO = another user must */
        enum aiu_tristate name_makeable;
};

/** An address of this host, reported if the host does not have the requested one. */
struct aiu_address_fact {
        size_t size;                    /**< sizeof of this struct */
        const struct sockaddr *address; /**< required: AF_INET or AF_INET6; the port is ignored */
        socklen_t address_len;          /**< its length in bytes */
        unsigned int ifindex;           /**< the interface that has it; 0 = not known */
        const char *device;             /**< the interface's name; NULL = not known */
};

/** aiu_socket_fact::ifindex: not known whether the socket is bound to a device. @since 0.1 */
#define AIU_IFINDEX_UNKNOWN (~0u)

/**
 * aiu_socket_fact::flags: getsockname(2) says that the socket is bound, but no table of the kernel
 * shows it: it may have lost the port.
 * @since 0.1
 */
#define AIU_SOCKET_MAYBE_UNBOUND (UINT32_C(1) << 0)

/**
 * aiu_socket_fact::flags: the socket was on the port when the call failed, and is gone since. It
 * explains an EADDRINUSE that was seen (aiu_query_set_error()), and does not block another try.
 * @since 0.1
 */
#define AIU_SOCKET_OBSERVED_ONLY (UINT32_C(1) << 1)

/** aiu_socket_fact::flags: `l3mdev` is known. @since 0.1 */
#define AIU_SOCKET_L3MDEV (UINT32_C(1) << 2)

/**
 * aiu_socket_fact::flags: `uid` is what bind(2) compares on this kernel. Linux before 6.17 compares
 * the owner of the file, and 0 for a socket without a file; later kernels compare sk_uid.
 * @since 0.1
 */
#define AIU_SOCKET_BIND_UID (UINT32_C(1) << 3)

/**
 * One socket on the requested port (or name), in any state. Port 0: a socket on any port. Of many
 * sockets that no rule distinguishes, the snapshot keeps the first few for each port.
 *
 * Backends may report one socket several times: the facts are merged, and what is known replaces what
 * is not. Two facts are about one socket if they have the same cookie or, where one has no cookie,
 * the same protocol and addresses and the same inode. Without an inode, as for TIME_WAIT, both need a
 * peer, and one of them a cookie.
 */
struct aiu_socket_fact {
        size_t size;                  /**< sizeof of this struct */
        int type;                     /**< SOCK_* */
        int protocol;                 /**< IPPROTO_*; 0 for AF_UNIX and AF_VSOCK; NETLINK_* for AF_NETLINK */
        enum aiu_state state;         /**< AIU_STATE_* */
        const struct sockaddr *local; /**< required */
        socklen_t local_len;          /**< its length in bytes */
        const struct sockaddr *peer;  /**< NULL if not connected */
        socklen_t peer_len;           /**< its length in bytes */
        uint64_t inode;               /**< 0 = no file (TIME_WAIT, orphan, not yet accepted) */
        /** SO_COOKIE; 0 = not known. Two facts with the same cookie are one socket */
        uint64_t cookie;
        uint64_t cgroup_id;          /**< INET_DIAG_CGROUP_ID: the cgroup that created it; 0 = not known */
        uid_t uid;                   /**< (uid_t)-1 = not known */
        unsigned int ifindex;        /**< SO_BINDTODEVICE; 0 = none; AIU_IFINDEX_UNKNOWN */
        enum aiu_tristate minisock;  /**< a TIME_WAIT minisock, whatever its reported state */
        enum aiu_tristate autobound; /**< the kernel chose the port (connect(2) without bind(2)) */
        enum aiu_tristate reuseaddr; /**< current SO_REUSEADDR */
        enum aiu_tristate reuseport; /**< current SO_REUSEPORT */
        enum aiu_tristate v6only;    /**< current IPV6_V6ONLY */
        uint64_t expires_usec;       /**< minisock: time left; 0 = n/a */
        /** AF_UNIX: inode of the file in the file system (low 32 bits); 0 = none */
        uint64_t vfs_inode;
        /** AF_UNIX: the device of that file system, as stat(2) encodes it; 0 = not known */
        uint64_t vfs_device;
        uint32_t flags; /**< AIU_SOCKET_* */
        /** TCP, with AIU_SOCKET_L3MDEV: the VRF in whose table of ports it is; 0 = none */
        unsigned int l3mdev;
};

/**
 * What the kernel keeps for one TCP port of one VRF (struct inet_bind_bucket): a summary of the
 * sockets that bound it, by which bind(2) and listen(2) may let a socket in without a look at the
 * others. No system call shows it. Report it only if you read it together with the sockets.
 */
struct aiu_port_cache_fact {
        size_t size;          /**< sizeof of this struct */
        uint16_t port;        /**< required: host order */
        int fastreuse;        /**< tb->fastreuse: -1, 0 or 1 */
        int fastreuseport;    /**< tb->fastreuseport: -1, 0, 1 (FASTREUSEPORT_ANY) or 2 (FASTREUSEPORT_STRICT) */
        unsigned int l3mdev;  /**< the VRF; 0 = none */
        uid_t fastuid;        /**< tb->fastuid, as the caller numbers users. This and the rest: if fastreuseport > 0 */
        int family;           /**< tb->fast_sk_family: AF_INET or AF_INET6 */
        uint32_t v4;          /**< tb->fast_rcv_saddr, in network order */
        unsigned char v6[16]; /**< tb->fast_v6_rcv_saddr */
        int v6only;           /**< tb->fast_ipv6_only */
};

/** What a backend knows of the list of sockets on one port. Report it after the sockets. */
struct aiu_port_fact {
        size_t size;   /**< sizeof of this struct */
        int protocol;  /**< required: IPPROTO_* */
        uint16_t port; /**< the port of the request */
        /**
         * TCP: each socket that is bound and neither listening nor connected is in the list, also on
         * kernels whose sock_diag(7) does not show such sockets (before Linux 6.8)
         */
        enum aiu_tristate bound_listed;
        /** UDP: you reported all sockets of the port, in the order of the kernel's chain of the slot */
        enum aiu_tristate in_order;
        /** UDP: how many sockets are in the slot (udp_hslot.count), those of other ports as well; 0 = not known */
        unsigned int slot_count;
};

/** One process. Strings are raw bytes: the report escapes them on output. */
struct aiu_process_fact {
        size_t size;                       /**< sizeof of this struct */
        pid_t pid;                         /**< required */
        pid_t ppid;                        /**< 0 = none or not visible */
        uid_t uid;                         /**< effective; (uid_t)-1 = not known */
        uint64_t start_time_usec;          /**< CLOCK_REALTIME; 0 = not known */
        const char *comm;                  /**< /proc/PID/comm; NULL = not known */
        const char *exe;                   /**< where /proc/PID/exe points; NULL = not known */
        const char *cmdline;               /**< NUL-separated */
        size_t cmdline_bytes;              /**< its length, with the NULs */
        const char *cwd;                   /**< where /proc/PID/cwd points; NULL = not known */
        const char *cgroup;                /**< the text of /proc/PID/cgroup */
        uint32_t flags;                    /**< AIU_HOLDER_* */
        enum aiu_tristate is_self;         /**< the calling process */
        enum aiu_tristate sigterm_ignored; /**< SIGTERM is in SigIgn, or this is an init without a handler */
        /** SIGTERM is in SigCgt or SigBlk: the process decides whether and when it exits */
        enum aiu_tristate sigterm_caught;
        const pid_t *ancestor_pids;        /**< nearest first */
        const char *const *ancestor_comms; /**< the same number; entries may be NULL */
        size_t n_ancestors;                /**< 64 at most */
        /** does its parent start it again when it exits? NO = certainly not, as with an interactive shell */
        enum aiu_tristate parent_returns;
        uid_t uids[4];  /**< real, effective, saved, file system */
        size_t n_uids;  /**< 4; 0 = the uids are not known, or hidden by a user namespace */
        uid_t root_uid; /**< the uid that root of its user namespace has here, if uids are known */
        pid_t session;  /**< the leader of its session; 0 = not known */
};

/** What getsockopt(2) on the holder's own descriptor returned. */
struct aiu_options_fact {
        size_t size;                 /**< sizeof of this struct */
        enum aiu_tristate reuseaddr; /**< SO_REUSEADDR */
        enum aiu_tristate reuseport; /**< SO_REUSEPORT */
        enum aiu_tristate v6only;    /**< IPV6_V6ONLY */
};

/**
 * What manages a process (by pid), or a socket that no visible process holds (by cgroup id).
 */
struct aiu_manager_fact {
        size_t size; /**< sizeof of this struct */
        pid_t pid;   /**< the holder; 0 = see cgroup_id */
        /** with pid: for this socket only (pid 1 holds the sockets of many units); 0 = for all */
        uint64_t inode;
        uint64_t cgroup_id;            /**< aiu_socket_fact::cgroup_id; 0 = see pid */
        enum aiu_manager_kind kind;    /**< AIU_MANAGER_* */
        const char *unit;              /**< "nginx.service" */
        const char *socket_unit;       /**< "nginx.socket" */
        const char *unit_state;        /**< ActiveState */
        const char *unit_restart;      /**< Restart= */
        enum aiu_tristate will_return; /**< does the manager start it again after a kill? */
        const char *container;         /**< id or machine name */
        const char *supervisor;        /**< "supervisord"... */
        /** AIU_HOLDER_UNIT_LEFTOVER, AIU_HOLDER_UNIT_SPARED, AIU_HOLDER_HANDED_OVER */
        uint32_t flags;
        /** owner of the user manager or rootless container; 0 = the system's */
        uid_t user;
        /** further units to stop with it, separated by spaces: those that would start it; NULL = none */
        const char *also_stop;
        const char *enabled; /**< UnitFileState */
        /** does stopping it remove the file of an AF_UNIX socket (RemoveOnStop=)? */
        enum aiu_tristate removes_file;
        /**
         * which user could have chosen the names above: the owner of a cgroup below a delegated one,
         * of a process that calls itself a supervisor, or of its directory. 0 = only root, or only
         * `user` if that is set; (uid_t)-1 = several users, or not known. Commands act on these names
         * only for this user
         */
        uid_t named_by;
        pid_t main_pid;       /**< the main process of the unit; 0 = not known */
        uint32_t n_processes; /**< how many processes the unit has; 0 = not known */
};

/** A part of the kernel that owns a socket: a tunnel device, a file server... */
struct aiu_kernel_user_fact {
        size_t size;         /**< sizeof of this struct */
        const char *service; /**< required: "vxlan", "nfsd"... lower case */
        /** which instance: an interface, the number of a tunnel, a server; NULL = there is only one */
        const char *name;
        /** NULL-terminated, at most 16 words: the command that closes the socket; NULL = not known */
        const char *const *command;
        /** does this command certainly close the socket? */
        enum aiu_tristate command_suffices;
};

/**
 * A unit of the system's service manager: what it will listen on, how it starts and stops. A unit with several
 * addresses is reported once for each of them.
 */
struct aiu_unit_fact {
        size_t size;                   /**< sizeof of this struct */
        const char *name;              /**< required: "nginx.service", "nginx.socket" */
        const char *state;             /**< ActiveState; NULL = not known, as with the other strings */
        const char *sub_state;         /**< SubState */
        const char *enabled;           /**< UnitFileState */
        const char *kill_mode;         /**< of a service: KillMode */
        const char *service;           /**< of a .socket unit: the service that it starts */
        uint32_t n_restarts;           /**< of a service: NRestarts */
        uint64_t active_usec;          /**< for how long it has been active; 0 = it is not, or not known */
        const struct sockaddr *listen; /**< of a .socket unit: AF_INET or AF_INET6; NULL = none */
        socklen_t listen_len;          /**< its length in bytes */
        int type;                      /**< of that socket: SOCK_* */
        int protocol;                  /**< IPPROTO_* */
        unsigned int ifindex;          /**< BindToDevice; 0 = none */
        enum aiu_tristate reuseport;   /**< ReusePort */
        enum aiu_tristate v6only;      /**< BindIPv6Only, or the sysctl where that says nothing */
};

/** @name What a backend reports
 * All return 0, or -EINVAL (a required field is missing or makes no sense), -E2BIG
 * (unknown non-zero tail), -ENOMEM, -ENOBUFS (the snapshot is full; a gap says so).
 * @since 0.1
 * @{ */
/** Facts that decide before any socket does. Known fields are merged with those of other backends. */
int aiu_snapshot_add_host(struct aiu_snapshot *snapshot, const struct aiu_host_fact *fact);
/** One address of this host. Duplicates on one interface are dropped, as are all after the first 256. */
int aiu_snapshot_add_address(struct aiu_snapshot *snapshot, const struct aiu_address_fact *fact);
/** One socket, or more about one that was reported. */
int aiu_snapshot_add_socket(struct aiu_snapshot *snapshot, const struct aiu_socket_fact *fact);
/** The kernel's summary of a TCP port. A second one for the same port and VRF replaces the first. */
int aiu_snapshot_add_port_cache(struct aiu_snapshot *snapshot, const struct aiu_port_cache_fact *fact);
/** What you know of the list of sockets on a port. Known fields replace earlier ones. */
int aiu_snapshot_add_port(struct aiu_snapshot *snapshot, const struct aiu_port_fact *fact);
/**
 * The file of the socket `inode` has `total` references, and you reported holders for `found` of
 * them. With total == found the list of its holders is complete. More are in no descriptor table: in
 * a message in flight (SCM_RIGHTS), registered with an io_uring, or held by the kernel. A system call
 * in progress takes a reference as well: count twice before you report more than you found.
 */
int aiu_snapshot_add_references(struct aiu_snapshot *snapshot, uint64_t inode, uint32_t total, uint32_t found);
/**
 * Whether a BPF program is attached to the socket aiu_request::own_cookie (SO_ATTACH_REUSEPORT_CBPF or
 * _EBPF). Such a socket does not share its port by SO_REUSEPORT.
 * @returns 0; -EINVAL (no snapshot)
 */
int aiu_snapshot_add_program(struct aiu_snapshot *snapshot, enum aiu_tristate attached);
/** The process `pid` holds the socket `inode` as its descriptor `fd` (-1 = not in its table). */
int aiu_snapshot_add_holder(struct aiu_snapshot *snapshot, uint64_t inode, pid_t pid, int fd);
/**
 * The interface `ifindex`, to which a TCP socket is bound, is the VRF `l3mdev` or belongs to it;
 * 0 = no VRF, AIU_IFINDEX_UNKNOWN = not known.
 */
int aiu_snapshot_add_device(struct aiu_snapshot *snapshot, unsigned int ifindex, unsigned int l3mdev);
/**
 * A process that was reported as a holder, or the parent of one: a master need not hold the socket
 * itself. The first fact about a pid counts.
 */
int aiu_snapshot_add_process(struct aiu_snapshot *snapshot, const struct aiu_process_fact *fact);
/**
 * Read the process `pid` in aiu_request::procfs as the backend proc-fd does, and add it: its fact, and
 * that of its master.
 * @returns 0; -ESRCH (no such process); -ENOENT (no /proc); -EINVAL; -ENOMEM; -ENOBUFS; another errno
 *          of openat(2)
 */
int aiu_snapshot_fill_process(struct aiu_snapshot *snapshot, const struct aiu_request *request, pid_t pid);
/**
 * The process `pid` seems to hold the socket `inode` as its descriptor `fd`. Confirm that in
 * aiu_request::procfs, through one descriptor of the process' directory, and add the process and the
 * holder. So a number that was used again blames no other process.
 * @param snapshot where they go
 * @param request of the backend's phase
 * @param inode of the socket
 * @param pid the process
 * @param tid a thread of the process that has a descriptor table of its own; 0 = the process' table
 * @param fd the descriptor
 * @returns as aiu_snapshot_fill_process(); -ESRCH also if the descriptor is not that socket
 */
int aiu_snapshot_fill_holder(struct aiu_snapshot *snapshot, const struct aiu_request *request, uint64_t inode,
                             pid_t pid, pid_t tid, int fd);
/** The options of the socket `inode`. */
int aiu_snapshot_add_options(struct aiu_snapshot *snapshot, uint64_t inode, const struct aiu_options_fact *fact);
/** The part of the kernel that owns the socket `inode`, which no process holds. There may be several. */
int aiu_snapshot_add_kernel_user(struct aiu_snapshot *snapshot, uint64_t inode,
                                 const struct aiu_kernel_user_fact *fact);
/**
 * What manages a process or a socket. Known fields replace earlier ones. A unit or container whose
 * name is empty or begins with "-" is dropped, because names become operands of commands.
 */
int aiu_snapshot_add_manager(struct aiu_snapshot *snapshot, const struct aiu_manager_fact *fact);
/**
 * A unit, for a survey. -EINVAL also for an address of another family, and for a name that is empty or begins with
 * "-", because names become operands of commands; such a service is dropped. @since 0.1
 */
int aiu_snapshot_add_unit(struct aiu_snapshot *snapshot, const struct aiu_unit_fact *fact);
/**
 * `text`: what was not seen, and how to see it. Kernel terms follow in brackets ("run as root
 * [CAP_SYS_PTRACE]") and are printed with AIU_RENDER_VERBOSE alone. `error`: the errno behind it, positive;
 * 0 = none. In the phase `holders` ESRCH of any kind but AIU_GAP_RACE says that no process has a wanted
 * socket. Such gaps are dropped once every wanted socket has a holder in the kernel.
 */
int aiu_snapshot_add_gap(struct aiu_snapshot *snapshot, enum aiu_gap_kind kind, int error, const char *text);
/** So many processes could not be inspected, and may hold a wanted socket. A gap says why. @since 0.1 */
void aiu_snapshot_add_unseen(struct aiu_snapshot *snapshot, size_t n_processes);
/** Report the progress of a long scan: see aiu_context_set_progress(). */
void aiu_snapshot_progress(struct aiu_snapshot *snapshot, size_t done, size_t total);
/** Send a message to the context's log hook; it must be printable. */
void aiu_snapshot_log(struct aiu_snapshot *snapshot, enum aiu_log_level level, const char *message);
/** @} */

/** @name What a backend can read
 * Indices count from 0. The functions return 1 and write the output, or 0 past the end.
 * Pointers in a fact are valid until the next call that adds something. Set the `size` of a
 * fact first: the library writes no more than that, so a program keeps working with a
 * library whose structures have grown. Without a size they return 0.
 * @since 0.1
 * @{ */
/** The i-th inode whose holders are wanted (holders and options phases). */
int aiu_snapshot_get_wanted_inode(const struct aiu_snapshot *snapshot, size_t i, uint64_t *ret_inode);
/** 1 if the holders of this inode are wanted, else 0. */
int aiu_snapshot_wants_inode(const struct aiu_snapshot *snapshot, uint64_t inode);
/** 1 if each wanted inode has a known holder, else 0. With AIU_CONTEXT_FIRST_HOLDER you may stop then. */
int aiu_snapshot_all_held(const struct aiu_snapshot *snapshot);
/** 1 if a process or a part of the kernel is known to hold this inode, else 0. */
int aiu_snapshot_is_held(const struct aiu_snapshot *snapshot, uint64_t inode);
/** The VRF reported for an interface: 1, or 0 if none was reported. */
int aiu_snapshot_get_device(const struct aiu_snapshot *snapshot, unsigned int ifindex, unsigned int *ret_l3mdev);
/** What the host phase found (always 1 with a snapshot). */
int aiu_snapshot_get_host(const struct aiu_snapshot *snapshot, struct aiu_host_fact *ret_fact);
/** The i-th socket. */
int aiu_snapshot_get_socket(const struct aiu_snapshot *snapshot, size_t i, struct aiu_socket_fact *ret_fact);
/** The i-th pair of a socket and a process that holds it; *ret_fd -1 = not in its descriptor table. */
int aiu_snapshot_get_holder(const struct aiu_snapshot *snapshot, size_t i, uint64_t *ret_inode, pid_t *ret_pid,
                            int *ret_fd);
/** The i-th process. */
int aiu_snapshot_get_process(const struct aiu_snapshot *snapshot, size_t i, struct aiu_process_fact *ret_fact);
/** The i-th fact about a manager. */
int aiu_snapshot_get_manager(const struct aiu_snapshot *snapshot, size_t i, struct aiu_manager_fact *ret_fact);
/** @} */

/**
 * A phase's function returns this: the facts are complete, and no further backend is asked. As
 * everywhere in this library, 0 is full success. Where a part may be missing, return AIU_PARTIAL:
 * what complete facts do not contain is taken to be absent.
 *
 * On a negative errno a gap is recorded, and the next backend is asked. -ENOMEM ends the query.
 * @since 0.1
 */
#define AIU_COMPLETE 0
/** A phase's function returns this: facts may be missing, and the next backend is asked as well. @since 0.1 */
#define AIU_PARTIAL 1

/**
 * The phases. All but the last three are in the order in which they run. NULL = this backend has no
 * facts for that phase.
 */
struct aiu_backend {
        size_t size;      /**< sizeof(struct aiu_backend) */
        const char *name; /**< lower case, for gaps and logs */
        /** facts that decide before any socket does */
        int (*host)(void *userdata, const struct aiu_request *, struct aiu_snapshot *);
        /** all sockets on the port or name. Runs again where they change, and for other ports and names */
        int (*sockets)(void *userdata, const struct aiu_request *, struct aiu_snapshot *);
        /** the processes that hold the wanted inodes */
        int (*holders)(void *userdata, const struct aiu_request *, struct aiu_snapshot *);
        /** the options of the wanted sockets */
        int (*options)(void *userdata, const struct aiu_request *, struct aiu_snapshot *);
        /** what manages the holders */
        int (*managers)(void *userdata, const struct aiu_request *, struct aiu_snapshot *);
        void (*destroy)(void *userdata); /**< called when the context drops the backend */
        /**
         * the parts of the kernel that own wanted sockets without a process. Runs after `holders`, in
         * the requested network namespace, and only if there are such sockets
         */
        int (*kernel_users)(void *userdata, const struct aiu_request *, struct aiu_snapshot *);
        /** the VRFs of the devices that TCP sockets are bound to. Runs after `sockets` */
        int (*devices)(void *userdata, const struct aiu_request *, struct aiu_snapshot *);
        /** TCP sockets that are bound but not listening, on kernels that do not list them. After `sockets` */
        int (*hidden_sockets)(void *userdata, const struct aiu_request *, struct aiu_snapshot *);
        /** a survey: units that want addresses, and those of the holders. After `managers` */
        int (*units)(void *userdata, const struct aiu_request *, struct aiu_snapshot *);
};

/**
 * Add a backend of your own. It runs before the built-in ones.
 *
 * @param context  the context; no query that uses it may be running
 * @param backend  copied; `name` and the functions must stay valid as long as the context
 * @param userdata passed to every function; the context owns it after success
 * @returns 0; -EINVAL (no size, no name, no phase); -E2BIG; -ENOMEM; -ENOSPC (16 backends at most)
 * @since 0.1
 */
int aiu_context_add_backend(struct aiu_context *context, const struct aiu_backend *backend, void *userdata);

/**
 * Disable a backend, built-in or added: "sock-diag", "proc-net", "proc-net-path", "route",
 * "proc-address", "proc-sys", "unix-path", "vsock", "proc-fd", "kernel-user", "proc-bound",
 * "options", "cgroup", "sd-bus".
 * @returns 0; -ENOENT (no backend of that name); -EINVAL (NULL)
 * @since 0.1
 */
int aiu_context_disable_backend(struct aiu_context *context, const char *name);

#ifdef __cplusplus
}
#endif
#endif
