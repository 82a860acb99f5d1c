/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The plain structs that flow through the library: what is asked (request),
 * what was seen (socket, process, holder, manager, host), what follows from it
 * (judgement, action, gap). Data only: no object here knows a system call, and
 * the pure files (those of rules/ and advice/) see nothing else.
 */
#ifndef AIU_MODEL_H
#define AIU_MODEL_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include "addrinuse.h"
#include "util/number-address.h"

typedef enum aiu_tristate tristate;
#define UNKNOWN AIU_TRISTATE_UNKNOWN
#define NO AIU_TRISTATE_NO
#define YES AIU_TRISTATE_YES

static inline tristate tri(bool b)
{
        return b ? YES : NO;
}

static inline tristate tri_not(tristate a)
{
        return a == UNKNOWN ? UNKNOWN : tri(a == NO);
}

/* Kleene's logic: a known answer wins where it settles the matter alone. */
static inline tristate tri_and(tristate a, tristate b)
{
        if (a == NO || b == NO)
                return NO;
        return a == YES && b == YES ? YES : UNKNOWN;
}

static inline tristate tri_or(tristate a, tristate b)
{
        return tri_not(tri_and(tri_not(a), tri_not(b)));
}

/* Any socket address, with its length: 0 = none. */
struct address {
        socklen_t len;
        union {
                struct sockaddr any;
                struct sockaddr_in in;
                struct sockaddr_in6 in6;
                struct sockaddr_un un;
                struct sockaddr_vm vm;
                struct sockaddr_nl nl;
        } sa;
};

#define UID_UNKNOWN ((uid_t)-1)
#define IFINDEX_UNKNOWN (~0u) /* AIU_IFINDEX_UNKNOWN of addrinuse-backend.h */

/* The bind() (and listen()) asked about. */
struct request {
        struct address address;
        int type;
        int protocol; /* as asked: IPPROTO_MPTCP stays */
        bool reuseaddr;
        bool reuse_forced; /* ... by TCP_REPAIR: no socket is in the way */
        bool reuseport;
        bool maybe_program; /* ... of a socket that exists: a program may be attached, which no system call shows */
        bool has_program;   /* ... and one is, as a backend reads */
        bool v6only;
        bool freebind;      /* IP_FREEBIND or IP_TRANSPARENT */
        bool every_address; /* a port alone: [::] is asked about, and 0.0.0.0 with it */
        bool listen;
        bool trial_succeeded; /* a bind() like that was made, and succeeded: trial-bind.c */
        bool port_later;      /* IP_BIND_ADDRESS_NO_PORT: bind() to port 0 takes none */
        uint16_t low_port;    /* IP_LOCAL_PORT_RANGE; 0 = not set */
        uint16_t high_port;
        unsigned int ifindex; /* SO_BINDTODEVICE; 0 = none */
        unsigned int l3mdev;  /* the VRF that the device is (in), as TCP sees it; 0 = none; IFINDEX_UNKNOWN */
        char device[IF_NAMESIZE];
        uid_t uid;
        bool other_rights;    /* a process makes the call whose uids, groups or capabilities are not the caller's */
        bool foreign_uid;     /* uid is not the caller's own: its capabilities are not known */
        int error;            /* errno the caller saw; 0 = nothing happened yet */
        enum aiu_call call;   /* which call that was, or is next */
        int domain;           /* SO_DOMAIN of the fd asked about; 0 = that of the address */
        socklen_t given_len;  /* the address' length as it was passed */
        enum aiu_state state; /* TCP: of the fd asked about; UNKNOWN = there is none, or it was not told */
        tristate connected;   /* it has, or had, a peer */
        struct address bound; /* what getsockname(2) says of it; len 0 = it was never bound */
        tristate holds_port;  /* ... and the port is still its own: see observe_own_port() */
        struct address local; /* where it is, with a port or without (IP_BIND_ADDRESS_NO_PORT) */
        uint64_t own_cookie;  /* SO_COOKIE of the fd asked about; 0 = there is none */
        uint64_t own_inode;
};

/* What the host says before any socket does: see struct aiu_host_fact. */
struct host {
        tristate address_local;
        tristate address_tentative;
        unsigned int address_ifindex;
        tristate nonlocal_bind;
        tristate device_exists; /* the one named by scope or SO_BINDTODEVICE; NO if there is none such */
        tristate privileged;
        int unprivileged_port_start; /* 0 = not known, -1 = no port is privileged */
        int port_range_first;        /* 0 = not known */
        int port_range_last;
        char *reserved_ports; /* NULL = not known */
        tristate ipv6_enabled;
        tristate autobind_reuse;
        uint16_t free_port; /* another one that is free for the same socket; 0 = not known */
        int kernel_major, kernel_minor, kernel_patch;
        uint32_t kernel_proven; /* AIU_KERNEL_* that the caller vouches for */
        bool bound_complete;    /* TCP sockets bound but not listening were found in another way */
        tristate name_exists;
        tristate name_is_socket;
        int name_error;
        uint64_t name_inode;
        uint64_t name_device;
        bool foreign_pids;                    /* a pid of this /proc means another process to the caller, or none */
        bool limited_root;                    /* see caller_is_limited_root() */
        bool sandboxed;                       /* who asks may be under Landlock */
        bool netns_unsure;                    /* asked about may be another network namespace than this one */
        bool other_netns;                     /* asked about is another network namespace than the caller's */
        char *netns_path;                     /* ... which nsenter(1) enters by this file; NULL = none is known */
        unsigned int name_at;                 /* how many bytes of the path lead to what refuses it; 0 = not known */
        tristate name_makeable;               /* the directories that are missing could be made by who asks */
        tristate address_duplicate;           /* duplicate address detection has failed */
        tristate address_elsewhere;           /* another device has it, out of reach of the socket's own */
        uint64_t detection_usec;              /* how long it takes at most; 0 = not known, or it does not go on */
        tristate ipv6_disabled;               /* disable_ipv6 of address_device */
        char address_device[IF_NAMESIZE];     /* which device is meant by these; "all"; "" = none is known */
        tristate device_up;                   /* it is up */
        const struct host_address *addresses; /* that this host has instead; the snapshot's */
        size_t n_addresses;
        tristate name_live;
        tristate name_removable;
        uint32_t name_mode;
        uint64_t name_fs_device;
};

/* An address of this host: struct aiu_address_fact. */
struct host_address {
        struct address address; /* a link-local one with its scope; port 0 */
        unsigned int ifindex;
        char device[IF_NAMESIZE]; /* "" = not known */
};

struct socket {
        int type;
        int protocol;
        enum aiu_state state;
        struct address local;
        struct address peer;
        uint64_t inode;
        uint64_t cookie;
        uint64_t cgroup_id;
        uid_t uid;
        unsigned int ifindex;
        unsigned int l3mdev;      /* as request::l3mdev */
        uint32_t netns;           /* a survey's: 0 = the caller's own */
        char device[IF_NAMESIZE]; /* filled in for the report */
        bool observed_only;       /* AIU_SOCKET_OBSERVED_ONLY */
        bool maybe_unbound;       /* AIU_SOCKET_MAYBE_UNBOUND */
        bool has_l3mdev;          /* AIU_SOCKET_L3MDEV */
        bool has_bind_uid;        /* AIU_SOCKET_BIND_UID */
        bool minisock;            /* TIME_WAIT, or FIN_WAIT2 that became one */
        tristate autobound;
        tristate reuseaddr;
        tristate reuseport;
        tristate v6only;
        uint64_t expires_usec;
        uint64_t vfs_inode;
        uint64_t vfs_device;
        uint32_t n_references; /* of its file; 0 = not known */
        uint32_t n_found;      /* ... whose holders are known */
};

/* What the kernel keeps for a TCP port: struct aiu_port_cache_fact. */
struct port_cache {
        uint16_t port;
        unsigned int l3mdev;
        int fastreuse;
        int fastreuseport; /* FASTREUSEPORT_* */
        uid_t uid;         /* this and the rest count only if fastreuseport > 0 */
        bool v6;           /* the family is AF_INET6 */
        uint32_t v4_be;
        struct in6_addr ip6;
        bool v6only;
};

#define FASTREUSEPORT_ANY 1 /* include/net/inet_hashtables.h */

/* What is known of the list of sockets: struct aiu_port_fact. */
struct port_facts {
        struct port_cache caches[16];
        size_t n_caches;
        bool bound_listed;
        size_t n_in_order;       /* the first so many sockets are in the order of the kernel's chain */
        unsigned int slot_count; /* 0 = not known */
        tristate program;        /* a BPF program is attached to the socket that is asked about */
};

/*
 * Port 0: a socket on any port may matter, and there may be a million. Of each only
 * this is kept, and of many equal ones on one port only the first few: see
 * port-entries.c.
 */
struct port_entry {
        union {
                struct sockaddr any;
                struct sockaddr_in in;
                struct sockaddr_in6 in6;
        } local;
        uint32_t alike; /* how many more there are of this kind on this port */
        uint64_t inode;
        uint64_t cookie;
        uint64_t expires_usec; /* the last of the equal ones */
        uid_t uid;
        unsigned int ifindex;
        unsigned int l3mdev;
        uint16_t protocol;
        uint8_t type;
        uint8_t state;
        bool minisock;
        bool maybe_unbound;
        uint8_t autobound, reuseaddr, reuseport, v6only; /* tristates */
};

/* What a search for a port would meet: port-search.c. */
struct range {
        int first, last;       /* what is searched; 0 = not known, or port 0 was not asked for */
        unsigned int reserved; /* ports in it that ip_local_reserved_ports keeps back */
        unsigned int taken;    /* the others: certainly taken for this socket, */
        unsigned int open;     /* ... may be taken, */
        unsigned int left;     /* ... free */
        tristate found;        /* does the kernel find one? */
        uint32_t doubts;       /* DOUBT_*, if that is not known */
};

/* How one socket stands to the request. */
struct judgement {
        enum aiu_overlap overlap;
        enum aiu_reason reason;
        tristate blocking;
        uint32_t kernel;  /* blocking unknown: the AIU_KERNEL_* that make it so */
        uint32_t decides; /* blocking unknown: the AIU_OPTION_* bits of the holder that would settle it */
        bool maybe_own;   /* blocking unknown: it may be the socket that is asked about */
        tristate admits;  /* both sides' SO_REUSEPORT let the would-be socket in: UDP stops at the first such */
};

struct process {
        pid_t pid;
        pid_t ppid;
        pid_t session; /* its leader; 0 = not known */
        uid_t uid;
        uint64_t start_time_usec;
        char *comm;
        char *exe;
        char *cmdline;
        size_t cmdline_bytes;
        char *cwd;
        char *cgroup;
        uint32_t flags;
        bool is_self;
        tristate sigterm_ignored;
        tristate sigterm_caught;
        pid_t *ancestor_pids;
        char **ancestor_comms;
        size_t n_ancestors;
        tristate parent_returns; /* does its parent start it again? */
        char *label;             /* see aiu_holder_get_label() */
        /* Made of the above by leader.c. */
        const struct process *leading; /* its master; NULL = it has none */
        bool holds;                    /* a socket that is in the way; else it is only the parent of one that does */
        bool shares;                   /* ... and others hold it, too */
        bool leads;                    /* others have it for their master */
        bool led_unseen;               /* its master seems to be one of those that cannot be seen */
        uid_t uids[4];                 /* real, effective, saved, of the file system */
        bool has_uids;
        uid_t root_uid; /* of root in its user namespace */
};

/* "process holds inode, as these descriptors" */
struct holder_ref {
        uint64_t inode;
        pid_t pid;
        uint32_t next; /* of the same hash, + 1; 0 = none */
        int *fds;
        size_t n_fds;
};

struct manager {
        pid_t pid;
        uint64_t inode;
        uint64_t cgroup_id;
        enum aiu_manager_kind kind;
        char *unit;
        char *socket_unit;
        char *unit_state;
        char *unit_restart;
        tristate will_return;
        char *container;
        char *supervisor;
        uint32_t flags;
        uid_t user;
        char *also_stop;
        char *enabled;
        tristate removes_file;
        uid_t named_by;       /* who could have chosen these names: 0 = root alone; UID_UNKNOWN */
        pid_t main_pid;       /* of the unit; 0 = not known */
        uint32_t n_processes; /* of the unit; 0 = not known */
};

/* What a service manager may start: struct aiu_unit_fact. One for each address. */
struct managed_unit {
        char *name, *state, *sub_state, *enabled, *kill_mode, *service;
        uint32_t n_restarts;
        uint64_t active_usec;
        struct address listen; /* len 0 = none */
        int type, protocol;
        unsigned int ifindex;
        tristate reuseport, v6only;
};

/* What in the kernel has a socket: struct aiu_kernel_user_fact. */
struct kernel_user {
        uint64_t inode;
        char *service;
        char *name;
        char **command; /* NULL-terminated, or NULL */
        tristate command_suffices;
};

struct gap {
        enum aiu_gap_kind kind;
        int error;
        char *backend;
        char *text;
};

/* One holder of one conflict, as the report shows it. */
struct aiu_holder {
        enum aiu_holder_kind kind;
        const struct process *process;         /* NULL unless PROCESS or SELF */
        const struct manager *manager;         /* NULL = nothing known */
        const struct kernel_user *kernel_user; /* NULL unless KERNEL and known */
        int *fds;
        size_t n_fds;
        uid_t uid;             /* of the process, else of the socket */
        const char *user_name; /* of that user; NULL = not known, or not asked for */
        uint32_t flags;
        pid_t leader; /* see aiu_holder_get_leader(); 0 = itself */
};

struct aiu_conflict {
        struct socket socket;
        struct judgement judgement;
        struct aiu_holder *holders;
        size_t n_holders;
        size_t index;         /* of the socket in the snapshot; NO_SOCKET = none is visible */
        uint32_t file_mode;   /* AF_UNIX path, NO_SOCKET: st_mode of what is there; 0 = not known */
        unsigned int n_ports; /* port 0: how many ports of the range its holders keep; else 0 */
};
#define NO_SOCKET SIZE_MAX

/* AIU_ACTION_TERMINATE: SIGTERM, or a program's own word for it. What only computes knows no <signal.h>. */
enum signal_word { SIGNAL_TERM, SIGNAL_QUIT, SIGNAL_INT, SIGNAL_WINCH, SIGNAL_USR1 };

/* Requests in progress are answered. SIGINT is the fast end of the programs that have a word of that name. */
static inline bool signal_is_graceful(enum signal_word word)
{
        return word != SIGNAL_TERM && word != SIGNAL_INT;
}

struct aiu_action {
        enum aiu_action_kind kind;
        tristate sufficient;
        uint32_t flags;
        /* What the words are made of; which of them count depends on the kind. */
        const struct process **processes; /* that get the signal; borrowed from the report */
        size_t n_processes;
        size_t n_workers;              /* holders that end with those, without a signal of their own */
        enum signal_word signal;       /* TERMINATE: which */
        uint32_t n_others;             /* STOP_UNIT, REMARK_WHOLE_UNIT: processes that do not hold it; 0 = not known */
        const struct manager *manager; /* that it asks; borrowed */
        const struct kernel_user *kernel_user; /* what it takes down; borrowed */
        char **units;                          /* what it stops there */
        size_t n_units;
        uint64_t wait_usec;
        int first_port,
                last_port; /* WIDEN_RANGE: the sysctl's new value; 0 = it is not the sysctl. OTHER_PORT: a free one */
        struct address address;           /* OTHER_ADDRESS: a free one */
        uint64_t file_device, file_inode; /* REMOVE_FILE: what stat(2) said of it; inode 0 = not known */
        uint32_t remarks;                 /* REMARK_*: what the text has to say */
        /* Made of the above by report/action-text.c and action-command.c. */
        char *text;
        char **argv; /* NULL-terminated, or NULL */
};

/* What the text of an action has to say. */
#define REMARK_STOPPED (UINT32_C(1) << 0)     /* a process is stopped: SIGTERM waits until it continues */
#define REMARK_IGNORES (UINT32_C(1) << 1)     /* a process ignores SIGTERM */
#define REMARK_CATCHES (UINT32_C(1) << 2)     /* a process has its own SIGTERM handler */
#define REMARK_RETURNS (UINT32_C(1) << 3)     /* its manager starts it again */
#define REMARK_PARENT (UINT32_C(1) << 4)      /* its parent may start it again */
#define REMARK_LINGERS (UINT32_C(1) << 5)     /* its connections may stay in TIME_WAIT */
#define REMARK_OTHERS (UINT32_C(1) << 6)      /* other sockets are in the way as well */
#define REMARK_INCOMPLETE (UINT32_C(1) << 7)  /* not every holder could be seen */
#define REMARK_SECOND_COPY (UINT32_C(1) << 8) /* the holder runs the caller's own program */
#define REMARK_RANGE (UINT32_C(1) << 9)       /* port 0: one port that becomes free is enough */
#define REMARK_UNASKED (UINT32_C(1) << 10)    /* systemd was not asked about the unit */
#define REMARK_AT_BOOT (UINT32_C(1) << 11)    /* the unit is enabled: it starts again at boot */
#define REMARK_WHOLE_UNIT                                                                                              \
        (UINT32_C(1) << 12) /* the unit's main process is not the holder: a stop ends more than the holder */
#define REMARK_VITAL                                                                                                   \
        (UINT32_C(1) << 13) /* a login session or the host depends on the process, or the caller runs in it */
#define REMARK_ANCESTOR (UINT32_C(1) << 14)      /* the caller runs in a process that it ends */
#define REMARK_USERS_WORD (UINT32_C(1) << 15)    /* a user whom the caller need not trust could have chosen the name */
#define REMARK_HANDED_OVER (UINT32_C(1) << 16)   /* another user made the socket that it ends a holder for */
#define REMARK_HELPER (UINT32_C(1) << 17)        /* it ends a process that may hold the port for a container */
#define REMARK_NOT_REMOVABLE (UINT32_C(1) << 18) /* the kernel would refuse this user's unlink(2) */
#define REMARK_FILE_UNKNOWN (UINT32_C(1) << 19)  /* a server may be behind the socket file */
#define REMARK_FOREIGN_PIDS (UINT32_C(1) << 20)  /* pids and names are those of another pid namespace */
#define REMARK_LIMITED_ROOT (UINT32_C(1) << 21)  /* root of a user namespace cannot do it */
#define REMARK_LAST_ACK (UINT32_C(1) << 22)      /* its connections may stay until their peers answer */

struct aiu_gap {
        struct gap gap;
};

#define WHAT_IF_COUNT 16u /* every subset of the four AIU_OPTION_* bits */

/* Which rule refuses the call: several give one errno. */
enum why {
        WHY_UNKNOWN = 0,  /* the errno says it all, or nothing visible explains it */
        WHY_PRIVILEGE,    /* a privileged port, without CAP_NET_BIND_SERVICE */
        WHY_POLICY,       /* neither the port nor the directory forbids it: something else does */
        WHY_BOUND,        /* the socket is bound already */
        WHY_CONNECTED,    /* ... or has, or had, a peer */
        WHY_LENGTH,       /* the address is too short for the socket's family, or longer than any */
        WHY_FAMILY,       /* the address is of another family */
        WHY_SCOPE,        /* a link-local address without an interface */
        WHY_MAPPED,       /* an IPv4-mapped address with IPV6_V6ONLY */
        WHY_NO_DEVICE,    /* no such interface */
        WHY_MULTICAST,    /* SOCK_STREAM to a group */
        WHY_NO_IPV6,      /* the kernel is without IPv6 */
        WHY_NO_NAME,      /* listen() on an AF_UNIX socket that was never bound */
        WHY_NO_LISTEN,    /* a kind of socket that cannot listen */
        WHY_DETECTION,    /* the address is here, and duplicate address detection is not finished */
        WHY_DUPLICATE,    /* ... and another host on the link has it as well */
        WHY_NO_IPV6_HERE, /* disable_ipv6 of the device */
        WHY_OTHER_DEVICE, /* the address is on another device than the socket is bound to */
        WHY_NO_CID,       /* AF_VSOCK: no transport has the CID */
        WHY_NO_DIRECTORY, /* AF_UNIX: a directory of the path does not exist */
        WHY_SLASHES,      /* the path ends in a slash */
        WHY_NO_SPACE,     /* the file system is full, or the quota used up */
        WHY_PASSING,      /* no memory and the like: the next try may succeed */
        WHY_GONE          /* the reason is gone by now */
};

/* The whole answer. verdict.c fills it from facts alone. */
struct verdict {
        enum aiu_verdict verdict;
        int error;
        enum aiu_call call;
        uint32_t doubts; /* DOUBT_*: why it is unknown, or less than certain */
        uint32_t kernel; /* with DOUBT_KERNEL: AIU_KERNEL_* */
        enum why why;    /* of a failure */
};

/* What the same bind() gives without SO_REUSEADDR: plain-bind.c. */
struct plain_bind {
        bool in_use;
        bool connections; /* each socket in the way is a connection, or was one */
        uint64_t usec;    /* until the last of them is gone by itself; 0 = not known */
};

#define DOUBT_HOLDER_OPTION (UINT32_C(1) << 0) /* an option of a holder that could not be read decides */
#define DOUBT_HISTORY (UINT32_C(1) << 1)       /* the kernel's per-port cache decides (facts: conflict.c) */
#define DOUBT_ORDER (UINT32_C(1) << 2)         /* UDP: the order of the sockets in the hash chain decides */
#define DOUBT_ADDRESS (UINT32_C(1) << 3)       /* whether the address is local is not known */
#define DOUBT_PRIVILEGE (UINT32_C(1) << 4)     /* whether the caller may bind a privileged port is not known */
#define DOUBT_SOCKETS (UINT32_C(1) << 5)       /* the sockets could not all be seen */
#define DOUBT_KERNEL (UINT32_C(1) << 6)        /* this kernel's version is known to differ here */
#define DOUBT_PROTOCOL (UINT32_C(1) << 7)      /* this protocol's rules are not modelled */
#define DOUBT_RANGE (UINT32_C(1) << 8)         /* port 0: the ephemeral range could not be counted */
#define DOUBT_NAME (UINT32_C(1) << 9)          /* AF_UNIX: the path could not be looked at */
#define DOUBT_STATE (UINT32_C(1) << 10)        /* the state of the fd asked about is not known */
#define DOUBT_DEVICE (UINT32_C(1) << 12)       /* the devices, or their VRFs, decide whether sockets meet */
#define DOUBT_OWN (UINT32_C(1) << 13)          /* a visible socket may be the one asked about */
#define DOUBT_PROGRAM (UINT32_C(1) << 14)      /* whether a program is attached to the fd asked about */
#define DOUBT_ACCEPTED (UINT32_C(1) << 15)     /* a socket on the port may be a listener's, which has it no longer */
#define DOUBT_SEARCH (UINT32_C(1) << 11)       /* port 0: chance decides whether the search meets the free port */

#endif
