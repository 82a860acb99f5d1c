/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file addrinuse-backend.h
 * For those who write a source of facts.
 *
 * libaddrinuse never looks at the machine itself: backends do. A backend is a
 * table of functions that push plain facts into a snapshot; what the facts mean
 * is judged elsewhere, by pure functions. The built-in backends (sock-diag,
 * proc-net, proc-net-path, route, proc-address, proc-sys, unix-path, proc-fd, kernel-user, proc-bound,
 * options, cgroup,
 * sd-bus) use this header
 * and nothing else of the library, so a backend of yours can do all they can.
 *
 * The rules for a backend:
 *  - Report what was seen; what could not be seen is *_UNKNOWN, 0 or NULL, and
 *    where that loses something, a gap (aiu_snapshot_add_gap()).
 *  - Stop when aiu_request_time_left_usec() says 0, and return -ETIME.
 *  - Leave nothing behind: no descriptor, thread, child or signal handler.
 *  - Return. A function left by longjmp(3), by a C++ exception or by the end of its thread
 *    leaks the snapshot and a descriptor, and may leave the caller in another network
 *    namespace.
 *  - With aiu_request::plain_calls_only set, keep to the system calls that a
 *    seccomp filter written for a network daemon lets through: a forbidden call
 *    may kill the process.
 *  - Strings and addresses are copied before a function of the snapshot
 *    returns: the caller keeps what it passed.
 *
 * Structures start with their own size, so that they can grow: set it to
 * sizeof(struct ...), in those that you read into as well, and zero what you do not fill. A structure that is larger
 * than the library's is taken if the part the library does not know is zero,
 * and refused with -E2BIG otherwise; a smaller one is padded with zeros.
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

/** Where backends put facts, and read what was found before them. Opaque. */
struct aiu_snapshot;

/** What is being asked. Read-only for backends; lives for one call. */
struct aiu_request {
        size_t size;                    /**< sizeof(struct aiu_request) of the library */
        const struct sockaddr *address; /**< the address of the bind(2) asked about */
        socklen_t address_len;          /**< its length in bytes */
        int type;                       /**< SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET */
        /** IPPROTO_* whose ports conflict (MPTCP asks for TCP); 0 for AF_UNIX */
        int protocol;
        /** host order; 0 for AF_UNIX, and if any port will do: then every socket of the protocol counts */
        uint16_t port;
        unsigned int ifindex; /**< SO_BINDTODEVICE of the would-be socket; 0 = none */
        uid_t uid;            /**< owner of the would-be socket */
        /** AIU_CONTEXT_*. LISTENERS_ONLY: other sockets need not be told of; with FIRST_HOLDER as well one
         * listener is enough, but where there is none every socket is to be told of */
        uint32_t context_flags;
        int plain_calls_only;   /**< a seccomp filter is active: see above */
        int procfs;             /**< directory descriptor of the /proc to read; -1 = there is none */
        uint64_t deadline_nsec; /**< CLOCK_MONOTONIC; 0 = none */
};

/** Microseconds until the deadline; 0 = it has passed; UINT64_MAX = there is none. @since 0.1 */
uint64_t aiu_request_time_left_usec(const struct aiu_request *request);

/**
 * Is the address one that this host lets a socket bind to, and what else decides before the port
 * does?
 */
struct aiu_host_fact {
        size_t size; /**< sizeof of this struct */
        /** inet_addr_type() / ipv6_chk_addr() would accept the address */
        enum aiu_tristate address_local;
        enum aiu_tristate address_tentative; /**< IPv6 duplicate address detection is not finished */
        unsigned int address_ifindex;        /**< the interface that has the address; 0 = not known */
        enum aiu_tristate nonlocal_bind;     /**< ip_nonlocal_bind of the address family */
        /** caller has CAP_NET_BIND_SERVICE over the network namespace */
        enum aiu_tristate privileged;
        /** ip_unprivileged_port_start; -1 = it is 0, no port is privileged; 0 = not known */
        int unprivileged_port_start;
        int port_range_first; /**< ip_local_port_range; 0 = not known */
        int port_range_last;  /**< the last port of it */
        /** ip_local_reserved_ports as the kernel prints it; NULL = not known */
        const char *reserved_ports;
        enum aiu_tristate ipv6_enabled;   /**< socket(AF_INET6) works, as far as is known */
        enum aiu_tristate autobind_reuse; /**< ip_autobind_reuse */
        int kernel_major;                 /**< uname(2) release; 0 = not known */
        int kernel_minor;                 /**< second number of it */
        int kernel_patch;                 /**< third number of it */
        enum aiu_tristate name_exists;    /**< AF_UNIX path: something is at the path */
        enum aiu_tristate name_is_socket; /**< AF_UNIX path: and it is a socket */
        /** AF_UNIX path: errno that bind(2) gives before it looks (ENOENT, EACCES...); 0 = none */
        int name_error;
        uint64_t name_inode;  /**< AF_UNIX path: st_ino of what is there */
        uint64_t name_device; /**< AF_UNIX path: st_dev of it, as stat(2) encodes it */
        /**
         * AF_UNIX path: a socket is bound to the file. No = it was shown that there is none, in
         * any network namespace: the file is stale, or is no socket. Not having seen one is unknown
         */
        enum aiu_tristate name_live;
        enum aiu_tristate name_removable; /**< AF_UNIX path, stale: unlink(2) would be allowed to the caller */
        uint32_t name_mode;               /**< AF_UNIX path: st_mode of what is there; 0 = not known */
        /**
         * AF_UNIX path: the device of the file system, as mountinfo has it and stat(2) encodes it,
         * which is what aiu_socket_fact::vfs_device has; st_dev differs on btrfs. 0 = not known
         */
        uint64_t name_fs_device;
        /** IPv6 duplicate address detection has failed: another host on the link has the address */
        enum aiu_tristate address_duplicate;
        /** another device has the address, and a socket on its own device cannot bind it there */
        enum aiu_tristate address_elsewhere;
        /** how long detection takes at most, in microseconds; 0 = not known, or it does not go on */
        uint64_t detection_usec;
        enum aiu_tristate ipv6_disabled; /**< the sysctl disable_ipv6 of address_device */
        /** the device that these are about; "all"; NULL = not known. At most IF_NAMESIZE - 1 bytes are kept */
        const char *address_device;
        enum aiu_tristate device_up; /**< it is up (IFF_UP) */
        /** AF_UNIX path: how many bytes of it lead to the directory that causes name_error; 0 = not known */
        unsigned int name_at;
        /** AF_UNIX path, ENOENT: the user who asks may make what is missing; NO = another user must */
        enum aiu_tristate name_makeable;
};

/** An address that this host has, where it has not the one asked about. */
struct aiu_address_fact {
        size_t size;                    /**< sizeof of this struct */
        const struct sockaddr *address; /**< required: AF_INET or AF_INET6; its port is of no interest */
        socklen_t address_len;          /**< bytes of it */
        unsigned int ifindex;           /**< the interface that has it; 0 = not known */
        const char *device;             /**< the name of that; NULL = not known */
};

/** aiu_socket_fact::ifindex: whether the socket is bound to a device is not known. @since 0.1 */
#define AIU_IFINDEX_UNKNOWN (~0u)

/**
 * aiu_socket_fact::flags: it says that it is bound, and may have lost the port: no table of the
 * kernel told of it.
 * @since 0.1
 */
#define AIU_SOCKET_MAYBE_UNBOUND (UINT32_C(1) << 0)

/**
 * One socket on the port (or name) asked about, in whatever state. Port 0: a socket on any port; of
 * a crowd that no rule tells apart the snapshot keeps the first few for each port.
 */
struct aiu_socket_fact {
        size_t size;                  /**< sizeof of this struct */
        int type;                     /**< SOCK_* */
        int protocol;                 /**< IPPROTO_*; 0 for AF_UNIX */
        enum aiu_state state;         /**< AIU_STATE_* */
        const struct sockaddr *local; /**< required */
        socklen_t local_len;          /**< bytes of it */
        const struct sockaddr *peer;  /**< NULL if not connected */
        socklen_t peer_len;           /**< bytes of it */
        uint64_t inode;               /**< 0 = no file (TIME_WAIT, orphan, not yet accepted) */
        /** SO_COOKIE; 0 = not known. Two facts with one cookie are one socket */
        uint64_t cookie;
        uint64_t cgroup_id;          /**< INET_DIAG_CGROUP_ID: where it was created; 0 = not known */
        uid_t uid;                   /**< (uid_t)-1 = not known */
        unsigned int ifindex;        /**< SO_BINDTODEVICE; 0 = none; AIU_IFINDEX_UNKNOWN */
        enum aiu_tristate minisock;  /**< a TIME_WAIT minisock, whatever state it reports */
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
};

/** One process. Strings are raw bytes: the report escapes them on the way out. */
struct aiu_process_fact {
        size_t size;                       /**< sizeof of this struct */
        pid_t pid;                         /**< required */
        pid_t ppid;                        /**< 0 = none or not visible */
        uid_t uid;                         /**< effective; (uid_t)-1 = not known */
        uint64_t start_time_usec;          /**< CLOCK_REALTIME; 0 = not known */
        const char *comm;                  /**< /proc/PID/comm; NULL = not known */
        const char *exe;                   /**< where /proc/PID/exe points; NULL = not known */
        const char *cmdline;               /**< NUL-separated */
        size_t cmdline_bytes;              /**< bytes of it, NULs included */
        const char *cwd;                   /**< where /proc/PID/cwd points; NULL = not known */
        const char *cgroup;                /**< the text of /proc/PID/cgroup */
        uint32_t flags;                    /**< AIU_HOLDER_* */
        enum aiu_tristate is_self;         /**< the process that asks */
        enum aiu_tristate sigterm_ignored; /**< SigIgn has SIGTERM, or init without a handler */
        /** SigCgt or SigBlk has it: what it does then is the process' affair */
        enum aiu_tristate sigterm_caught;
        const pid_t *ancestor_pids;        /**< nearest first */
        const char *const *ancestor_comms; /**< as many, entries may be NULL */
        size_t n_ancestors;                /**< 64 at most */
        /** does its parent start it again when it ends? NO = certainly not: an interactive shell */
        enum aiu_tristate parent_returns;
        uid_t uids[4];  /**< real, effective, saved, of the file system */
        size_t n_uids;  /**< 4; 0 = they are not known, or hidden by a user namespace */
        uid_t root_uid; /**< what root of its user namespace is here, if uids are known */
};

/** What getsockopt(2) on the holder's own descriptor said. */
struct aiu_options_fact {
        size_t size;                 /**< sizeof of this struct */
        enum aiu_tristate reuseaddr; /**< SO_REUSEADDR */
        enum aiu_tristate reuseport; /**< SO_REUSEPORT */
        enum aiu_tristate v6only;    /**< IPV6_V6ONLY */
};

/**
 * Who looks after a process (by pid), or after a socket that no visible process holds (by cgroup
 * id).
 */
struct aiu_manager_fact {
        size_t size; /**< sizeof of this struct */
        pid_t pid;   /**< the holder; 0 = see cgroup_id */
        /** with pid: for this socket alone (pid 1 holds one for each unit); 0 = for all */
        uint64_t inode;
        uint64_t cgroup_id;            /**< aiu_socket_fact::cgroup_id; 0 = see pid */
        enum aiu_manager_kind kind;    /**< AIU_MANAGER_* */
        const char *unit;              /**< "nginx.service" */
        const char *socket_unit;       /**< "nginx.socket" */
        const char *unit_state;        /**< ActiveState */
        const char *unit_restart;      /**< Restart= */
        enum aiu_tristate will_return; /**< if killed, does it start again? */
        const char *container;         /**< id or machine name */
        const char *supervisor;        /**< "supervisord"... */
        /** AIU_HOLDER_UNIT_LEFTOVER, AIU_HOLDER_UNIT_SPARED, AIU_HOLDER_HANDED_OVER */
        uint32_t flags;
        /** whose user manager, or whose rootless container; 0 = the system's */
        uid_t user;
        /** further units to stop with it, separated by spaces (Triggers, UpheldBy); NULL = none */
        const char *also_stop;
        const char *enabled; /**< UnitFileState */
        /** does its stop remove the file of an AF_UNIX socket (RemoveOnStop=)? */
        enum aiu_tristate removes_file;
        /**
         * which user could have chosen the names above: the owner of a cgroup that was made in a
         * delegated one, of a process that calls itself a supervisor, of its directory. 0 = root
         * alone, or `user` where that is one; (uid_t)-1 = several, or not known. For anybody else
         * than this user no command acts on these names
         */
        uid_t named_by;
        pid_t main_pid;       /**< the main process of the unit; 0 = not known */
        uint32_t n_processes; /**< how many processes the unit has; 0 = not known */
};

/** What in the kernel itself has a socket: a tunnel device, a file server... */
struct aiu_kernel_user_fact {
        size_t size;         /**< sizeof of this struct */
        const char *service; /**< required: "vxlan", "nfsd"... lower case */
        /** which of them: an interface, the number of a tunnel, a server; NULL = there is but one */
        const char *name;
        /** NULL-terminated, at most 16 words: what makes it let go; NULL = no command is known */
        const char *const *command;
        /** does that make it let go of the socket, for certain? */
        enum aiu_tristate command_suffices;
};

/** @name What a backend tells
 * All return 0, or -EINVAL (a required field is missing or senseless), -E2BIG
 * (unknown non-zero tail), -ENOMEM, -ENOBUFS (the snapshot is full; a gap says so).
 * @since 0.1
 * @{ */
/** What decides before any socket does. Fields that are known are merged with what others told. */
int aiu_snapshot_add_host(struct aiu_snapshot *snapshot, const struct aiu_host_fact *fact);
/** One address of this host. The same one on the same interface is kept once; of many the first 256. */
int aiu_snapshot_add_address(struct aiu_snapshot *snapshot, const struct aiu_address_fact *fact);
/** One socket. A second one with the same cookie is taken for the same, and left out. */
int aiu_snapshot_add_socket(struct aiu_snapshot *snapshot, const struct aiu_socket_fact *fact);
/** The process `pid` holds the socket `inode` as its descriptor `fd` (-1 = not in its table). */
int aiu_snapshot_add_holder(struct aiu_snapshot *snapshot, uint64_t inode, pid_t pid, int fd);
/**
 * The interface `ifindex`, to which a TCP socket is bound, is the VRF `l3mdev` or in it; 0 = in
 * none, AIU_IFINDEX_UNKNOWN = that could not be found out.
 */
int aiu_snapshot_add_device(struct aiu_snapshot *snapshot, unsigned int ifindex, unsigned int l3mdev);
/**
 * A process that was named as a holder, or the parent of one: a master may hold nothing itself.
 * The first fact about a pid stays.
 */
int aiu_snapshot_add_process(struct aiu_snapshot *snapshot, const struct aiu_process_fact *fact);
/** What is set on the socket `inode`. */
int aiu_snapshot_add_options(struct aiu_snapshot *snapshot, uint64_t inode, const struct aiu_options_fact *fact);
/** What in the kernel has the socket `inode`, which no process has. There may be several. */
int aiu_snapshot_add_kernel_user(struct aiu_snapshot *snapshot, uint64_t inode,
                                 const struct aiu_kernel_user_fact *fact);
/**
 * Who looks after a process or a socket. What is known replaces what was told about it before. A
 * unit or container whose name is empty or begins with "-" is left out: it becomes an operand.
 */
int aiu_snapshot_add_manager(struct aiu_snapshot *snapshot, const struct aiu_manager_fact *fact);
/** `text`: what was not seen and what it takes to see it; the backend's name is added. */
int aiu_snapshot_add_gap(struct aiu_snapshot *snapshot, enum aiu_gap_kind kind, int error, const char *text);
/** A long scan reports how far it is; the application may show it. */
void aiu_snapshot_progress(struct aiu_snapshot *snapshot, size_t done, size_t total);
/** For the context's log hook; `message` must be printable. */
void aiu_snapshot_log(struct aiu_snapshot *snapshot, enum aiu_log_level level, const char *message);
/** @} */

/** @name What a backend can read
 * Indices count from 0; past the end 0 is returned, else 1 and the output is
 * written. Pointers in a fact live until the next call that adds something.
 * Set the `size` of a fact before: no more than that is written, so that a program
 * keeps working with a library whose structures have grown. Without it, 0 is returned.
 * @since 0.1
 * @{ */
/** The inodes whose holders are wanted (holders and options phases). */
int aiu_snapshot_get_wanted_inode(const struct aiu_snapshot *snapshot, size_t i, uint64_t *ret_inode);
/** 1 if the holders of this inode are wanted, else 0. */
int aiu_snapshot_wants_inode(const struct aiu_snapshot *snapshot, uint64_t inode);
/** Does somebody hold each wanted inode already? (AIU_CONTEXT_FIRST_HOLDER may stop then.) */
int aiu_snapshot_all_held(const struct aiu_snapshot *snapshot);
/** 1 if a process, or something in the kernel, is known to hold this inode, else 0. */
int aiu_snapshot_is_held(const struct aiu_snapshot *snapshot, uint64_t inode);
/** What was told of an interface: 1, or 0 if nobody has told of it. */
int aiu_snapshot_get_device(const struct aiu_snapshot *snapshot, unsigned int ifindex, unsigned int *ret_l3mdev);
/** What the host phase found (always 1 with a snapshot). */
int aiu_snapshot_get_host(const struct aiu_snapshot *snapshot, struct aiu_host_fact *ret_fact);
/** The i-th socket. */
int aiu_snapshot_get_socket(const struct aiu_snapshot *snapshot, size_t i, struct aiu_socket_fact *ret_fact);
/** The i-th pair of a socket and a process that holds it; -1 = not a descriptor of its table. */
int aiu_snapshot_get_holder(const struct aiu_snapshot *snapshot, size_t i, uint64_t *ret_inode, pid_t *ret_pid,
                            int *ret_fd);
/** The i-th process. */
int aiu_snapshot_get_process(const struct aiu_snapshot *snapshot, size_t i, struct aiu_process_fact *ret_fact);
/** The i-th fact about who looks after something. */
int aiu_snapshot_get_manager(const struct aiu_snapshot *snapshot, size_t i, struct aiu_manager_fact *ret_fact);
/** @} */

/**
 * A phase's function returns AIU_DONE (the facts are complete: no further
 * backend is asked), AIU_PARTIAL (facts were added, ask the next one too) or a
 * negative errno (nothing that can be relied on: a gap is recorded, the next
 * backend is asked).
 * @since 0.1
 */
#define AIU_DONE 0
/** Facts were added, and others may know more: see AIU_DONE. @since 0.1 */
#define AIU_PARTIAL 1

/** The phases; all but the last three stand in the order in which they run. NULL = this backend has nothing to say there. */
struct aiu_backend {
        size_t size;      /**< sizeof(struct aiu_backend) */
        const char *name; /**< lower case, for gaps and logs */
        /** what decides before any socket does */
        int (*host)(void *userdata, const struct aiu_request *, struct aiu_snapshot *);
        /** every socket on the port or name */
        int (*sockets)(void *userdata, const struct aiu_request *, struct aiu_snapshot *);
        /** the processes that hold the wanted inodes */
        int (*holders)(void *userdata, const struct aiu_request *, struct aiu_snapshot *);
        /** what is set on the wanted sockets */
        int (*options)(void *userdata, const struct aiu_request *, struct aiu_snapshot *);
        /** who looks after the holders */
        int (*managers)(void *userdata, const struct aiu_request *, struct aiu_snapshot *);
        void (*destroy)(void *userdata); /**< when the context lets go of the backend */
        /**
         * what in the kernel has the wanted sockets that no process has; after `holders`, in the
         * network namespace asked about, and only if there are such sockets
         */
        int (*kernel_users)(void *userdata, const struct aiu_request *, struct aiu_snapshot *);
        /** which VRF the devices are in that TCP sockets are bound to; after `sockets` */
        int (*devices)(void *userdata, const struct aiu_request *, struct aiu_snapshot *);
        /** TCP sockets that this kernel does not list because they are bound and no more; after `sockets` */
        int (*hidden_sockets)(void *userdata, const struct aiu_request *, struct aiu_snapshot *);
};

/**
 * Ask a backend of your own, before the built-in ones.
 *
 * @param context  the context; must not be in use by a query that runs
 * @param backend  copied; `name` and the functions must stay valid as long as the context
 * @param userdata passed to every function; owned by the context from success on
 * @returns 0; -EINVAL (no size, no name, no phase); -E2BIG; -ENOMEM; -ENOSPC (16 backends at most)
 * @since 0.1
 */
int aiu_context_add_backend(struct aiu_context *context, const struct aiu_backend *backend, void *userdata);

/**
 * Leave out a backend, built-in or added: "sock-diag", "proc-net", "proc-net-path", "route", "proc-address",
 * "proc-sys", "unix-path", "proc-fd", "kernel-user", "proc-bound", "options", "cgroup",
 * "sd-bus".
 * @returns 0; -ENOENT (no backend of that name); -EINVAL (NULL)
 * @since 0.1
 */
int aiu_context_disable_backend(struct aiu_context *context, const char *name);

#ifdef __cplusplus
}
#endif
#endif
