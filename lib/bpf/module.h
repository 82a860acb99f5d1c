/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the module share: the loaded programs, and how they are run. */
#ifndef AIU_BPF_MODULE_H
#define AIU_BPF_MODULE_H

#include <addrinuse-backend.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "bpf/programs/wire.h"

/* The descriptors of one light skeleton. */
struct object {
        int walk_port, find_holders, read_files, find_own, wire;
};

/* The file of a socket that a walk saw. Pointers are compared, never followed by us. */
struct known {
        uint64_t inode, file;
};

#define MOST_KNOWN 4096u

struct module {
        struct object object;
        struct wire *wire;     /* shared with the programs, and with forked children */
        pthread_mutex_t *lock; /* of the wire and of `known`; for forked children as well */
        struct known *known;   /* a ring */
        size_t n_known, next_known;
        unsigned int hz;       /* jiffies in a second; 0 = not known */
        bool has_udp;          /* this kernel's table of UDP sockets is found */
        bool groups_proven;    /* the self-test saw a program that was attached, and none where there was none */
        bool minisocks_proven; /* the self-test saw one with the right bits */
        bool broken;           /* it contradicted the kernel: switched off */
};

/* object.c. -EPERM, -ENOSYS, -ENOMEM, or -EOPNOTSUPP for every other reason. */
int object_load(struct object *ret);
void object_close(struct object *object);
/* The error to return for one of the loader. */
int object_error(int r);

/* module.c */
int module_new(struct module **ret);
void module_free(void *module);
/* 0 or -EPERM. A seccomp filter may kill a process that calls bpf(2): `under_filter` takes the risk. */
int module_check_caller(bool under_filter);
void module_lock(struct module *module);
void module_unlock(struct module *module);

/* run.c, with the lock. Results are in module->wire. */
/* -EOPNOTSUPP: no such table on this kernel; -ENOBUFS: there is more; -EAGAIN: the tables changed all the time. */
int run_walk(struct module *module, int protocol, uint16_t port);
/* Descriptors that refer to wire->wanted, which is sorted here, of one process or, with 0, of all. */
int run_find_holders(struct module *module, pid_t pid);
/* What wire->wanted refers to now. */
int run_read_files(struct module *module);

/* Is a program attached to the socket with this cookie and inode, in the process `pid`? UNKNOWN: it was not found. */
enum aiu_tristate run_find_own(struct module *module, pid_t pid, uint64_t cookie, uint64_t inode);

/* listeners.c: the cookies of the TCP listeners on a port, as sock_diag(7) tells. */
struct listeners {
        uint64_t *cookies;
        size_t n, room;
};
int listeners_read(uint16_t port, struct listeners *ret);
/* Did the walk see each of them? */
bool listeners_are_in(const struct listeners *listeners, const struct wire *wire);

/* wire.c: parts of a socket that a program read, as a backend reports them. */
socklen_t wire_address(struct sockaddr_storage *to, const struct wire_socket *socket, const uint8_t ip[16],
                       uint16_t port_be);
enum aiu_state wire_state(const struct wire_socket *socket);

/* sockets.c */
/* A walk that sock_diag does not contradict; with the lock. */
int walk_checked(struct module *module, int protocol, uint16_t port);
int bpf_sockets(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot);

/* holders.c */
int bpf_holders(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot);

/* self-test.c: sockets of our own, all with the right bits. -EOPNOTSUPP: not so. */
int module_self_test(struct module *module);

#endif
