/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The harness of the live tests: the running kernel is the oracle.
 *
 * A test program moves into namespaces of its own (network, pid and mount; a
 * user namespace as well when it is not root), so that it can neither see nor
 * touch a socket or a process of the host. There it starts holders: processes
 * under several uids that execute small programs ("ops") made of socket(),
 * bind(), listen()... and answer with the errno of each. What is asked and what
 * is then really bound happens in the test's own process.
 *
 *   main -> live_isolate() -> live_start() -> live_run(ops) -> ask, bind, compare
 */
#ifndef LIVE_H
#define LIVE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#define LIVE_SKIP 77  /* exit status: "skipped" for meson and automake */
#define LIVE_SLOTS 64 /* descriptors that a holder can name */
#define LIVE_MAX_OPS 128

#define LIVE_USER ((uid_t)1000)
#define LIVE_OTHER ((uid_t)1001)

#define LIVE_DEVICE_A "live-a" /* a pair of devices; 10.99.0.1, fd00:99::1 and fe80::1 are on A */
#define LIVE_DEVICE_B "live-b"

/* Ports at which the holders' counterparts are. */
#define LIVE_PORT_OPEN 5000   /* [::]:5000 accepts connections */
#define LIVE_PORT_FULL 5001   /* [::]:5001 has a full queue: a client stays in SYN_SENT */
#define LIVE_PORT_FIRST 10000 /* ports of scenarios */
#define LIVE_PORT_LAST 59999
#define LIVE_RANGE_FIRST 61001 /* ip_local_port_range of the namespace: clients of holders */
#define LIVE_RANGE_LAST 65000

/* Who executes an op. */
enum live_who {
        WHO_ROOT,  /* uid 0 (of the namespace); privileged ops go here */
        WHO_USER,  /* uid 1000 */
        WHO_OTHER, /* uid 1001 */
        WHO_SHY,   /* uid 1000, but not dumpable, as a program that changed its uid */
        WHO_COUNT,
        WHO_SELF = WHO_COUNT /* the process that asks */
};

enum live_code {
        OP_NONE,
        OP_SOCKET,    /* slot = socket(a = family, b = type, c = protocol) with fsuid `uid` */
        OP_REUSEADDR, /* a = value */
        OP_REUSEPORT,
        OP_V6ONLY,
        OP_FREEBIND,
        OP_NO_PORT,        /* IP_BIND_ADDRESS_NO_PORT */
        OP_LINGER2,        /* TCP_LINGER2, a = seconds: an orphan stays a full socket */
        OP_DEVICE,         /* SO_BINDTODEVICE, a = ifindex */
        OP_BIND,           /* address */
        OP_LISTEN,         /* a = backlog */
        OP_CONNECT,        /* address; waits at most a second */
        OP_CONNECT_NOWAIT, /* EINPROGRESS counts as success */
        OP_DISCONNECT,
        OP_ACCEPT,   /* other = accept(slot), with fsuid `uid` */
        OP_SHUTDOWN, /* a = how */
        OP_CLOSE,
        OP_RESET,       /* close with a RST, so that nothing is left */
        OP_CHOWN,       /* fchown(slot, uid) */
        OP_READ_EOF,    /* wait for the end of the stream */
        OP_WAIT_STATE,  /* wait for TCP_INFO's state to be a */
        OP_CLEAR,       /* reset all but the slots of the counterparts */
        OP_RANGE,       /* ip_local_port_range := a b (WHO_ROOT) */
        OP_SYSCTL,      /* address.text (path under /proc/sys) := a (WHO_ROOT) */
        OP_DRAIN,       /* accept and reset all that waits at `slot` */
        OP_DESTROY,     /* end every TIME_WAIT of the namespace (WHO_ROOT) */
        OP_FORK,        /* a child that inherits every slot; result: its pid */
        OP_IGNORE_TERM, /* SIGTERM := SIG_IGN */
        OP_KILL,        /* kill(a, b) */
        OP_FILE,        /* address: make a regular file, */
        OP_DIRECTORY,   /* ... a directory of mode a, */
        OP_SYMLINK,     /* ... a symlink to nowhere; */
        OP_RENAME,      /* ... rename to the same path with ".old" added; */
        OP_UNLINK,      /* ... remove what is there */
        OP_UNSHARE_NET  /* a network namespace of its own, for this process */
};

struct live_address {
        socklen_t len;
        union {
                struct sockaddr any;
                struct sockaddr_in in;
                struct sockaddr_in6 in6;
                struct sockaddr_un un;
                char text[sizeof(struct sockaddr_un)];
        } sa;
};

struct live_op {
        uint8_t code, who, slot, other;
        int32_t a, b, c;
        uid_t uid;
        struct live_address address;
};

struct live_result {
        int32_t error;  /* 0 or the errno */
        int32_t value;  /* local port, pid of a child */
        uint64_t inode; /* of a socket that was made */
};

struct live_holder {
        pid_t pid;
        int control;
        uid_t uid;
};

struct live {
        bool root;     /* real root: several uids are there */
        bool own_pids; /* an own pid namespace and /proc */
        bool devices;  /* LIVE_DEVICE_* are there */
        bool run;      /* /run is an empty directory of its own */
        uid_t uid;     /* who asks */
        unsigned int device_a, device_b;
        int lifeline[2]; /* everyone ends when the write end is closed */
        struct live_holder holders[WHO_COUNT];
};

/* Move the process into namespaces of its own. The caller's process waits for
 * the isolated one and exits with its status, so this returns only there; it
 * ends with LIVE_SKIP and a reason when that is not allowed here. */
void live_isolate(struct live *ret);

/* Start the holders, then become `uid`. False (with a reason printed) if that cannot be. */
bool live_start(struct live *live, uid_t uid);
/* End the holders (the network namespace stays). */
void live_stop(struct live *live);

/* Can a socket that `who` has open be inspected by the process that asks? */
bool live_readable(const struct live *live, enum live_who who);
/* The uid of a socket that `who` makes without an fsuid of its own. */
uid_t live_uid_of(const struct live *live, enum live_who who);

/* Execute ops, in order. The first broken holder ends the program. */
void live_run(struct live *live, const struct live_op *ops, size_t n, struct live_result *ret_results);
int live_run_one(struct live *live, struct live_op op, struct live_result *ret_result);

/* The other side of live_run(): one op in this process. */
struct live_result live_execute(const struct live_op *op);
/* The life of a holder: ops come in, results go out. */
_Noreturn void live_serve(int control, int lifeline);
/* The descriptor behind a slot of this process; -1 = none. */
int live_slot(uint8_t slot);

/* live-kinds.c: paths in directories of every kind */
void live_make_kinds(void);
unsigned int live_n_kinds(void);
const char *live_kind(unsigned int i);

/* live-netlink.c: all return 0 or a negative errno */
int live_link_up(const char *name);
int live_add_pair(const char *a, const char *b);
int live_add_address(unsigned int ifindex, int family, const char *text, unsigned int prefix);
int live_destroy_time_wait(void);
int live_write_sysctl(const char *path, const char *value);

/* The protocol, or 0 where this kernel has none of it: MPTCP is of Linux 5.6, UDP-Lite went with 7.1. */
int live_protocol(int type, int protocol);

/* A numeric address; `scope` 0 = none. */
struct live_address live_ip(const char *text, uint16_t port, unsigned int scope);
struct live_address live_path(const char *text); /* '@' first: abstract */
const char *live_print(const struct live_address *address, char *buffer, size_t bytes);
void live_print_op(const struct live *live, const struct live_op *op, const struct live_result *result, char *buffer,
                   size_t bytes);

/* Random numbers that depend on the seed alone. */
struct live_random {
        uint64_t state;
};
uint64_t live_next(struct live_random *random);
unsigned int live_below(struct live_random *random, unsigned int n);
bool live_chance(struct live_random *random, unsigned int one_in);

unsigned int live_count_fds(void);
double live_now(void);
_Noreturn void live_die(const char *what, int error);

#endif
