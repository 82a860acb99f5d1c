/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the module share: the loaded programs, and how they are run. */
#ifndef AIU_BPF_MODULE_H
#define AIU_BPF_MODULE_H

#include <addrinuse-backend.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "bpf/programs/unix-wire.h"
#include "bpf/programs/wire.h"

/* The descriptors of the programs for ports and holders. */
struct object {
        int walk_port, find_holders, read_files, find_own, wire;
};

/* The file of a socket that a walk saw. Pointers are compared, never followed by us. */
struct known {
        uint64_t inode, file;
};

#define MOST_KNOWN 4096u

/* The program for AF_UNIX. */
struct names {
        int walk, map;
        struct unix_wire *wire; /* NULL: this kernel has no such iterator, or the self-test failed */
};

struct module {
        struct object object;
        struct names names;
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
/* An error of the loader, or -ENOMEM. */
int names_load(struct names *names);
void names_close(struct names *names);
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

/* The program runs while its iterator is read. It prints nothing. 0 = the processes are all of them. */
int run_iterator(int program, pid_t pid);

/* Is a program attached to the socket with this cookie and inode, in the process `pid`? UNKNOWN: it was not found. */
enum aiu_tristate run_find_own(struct module *module, pid_t pid, uint64_t cookie, uint64_t inode);

/* listeners.c: the cookies of the TCP listeners or the UDP sockets on a port, as sock_diag(7) tells. */
struct listeners {
        int protocol;
        uint16_t port;
        uint64_t *cookies;
        size_t n, room;
};
int listeners_read(int protocol, uint16_t port, struct listeners *ret);
/* Did the walk see each of them? */
bool listeners_are_in(const struct listeners *listeners, const struct wire *wire);
/* Is one in both lists that the walk between them did not see? A socket that was closed meanwhile is in one alone. */
bool listeners_are_missed(const struct listeners *before, const struct listeners *after, const struct wire *wire);

/* wire.c: parts of a socket that a program read, as a backend reports them. */
socklen_t wire_address(struct sockaddr_storage *to, const struct wire_socket *socket, const uint8_t ip[16],
                       uint16_t port_be);
/* Of the kernel's TCP_LISTEN and so on, which AF_UNIX has as well. */
enum aiu_state wire_state(uint8_t state);

/* sockets.c */
/* A walk that sock_diag does not contradict; with the lock. */
int walk_checked(struct module *module, int protocol, uint16_t port);
int bpf_sockets(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot);

/* What the phase holders may be asked about: the file of the socket with this inode. */
void remember_file(struct module *module, uint64_t inode, uint64_t file);

/* names.c: AF_UNIX. */
/* Sockets that are bound to an abstract name or, without one, whose file has the inode. -ENOBUFS: there are more. */
int names_walk(struct module *module, const char *name, size_t bytes, uint64_t file_inode);
/* With the lock. */
int names_sockets(struct module *module, const struct aiu_request *request, struct aiu_snapshot *snapshot);

/* names-test.c. 1: the program saw sockets of our own as they are; 0: not */
int names_self_test(struct module *module);

/* holders.c */
int bpf_holders(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot);

/* self-test.c: sockets of our own, all with the right bits. -EOPNOTSUPP: not so. */
int module_self_test(struct module *module);

#endif
