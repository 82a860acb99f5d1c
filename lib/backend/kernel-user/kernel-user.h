/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The search for a socket's user in the kernel from the inside: what its files share.
 *
 *   kernel-user.c        the phase; compares offers with the sockets without a holder
 *   kernel-user-link.c   tunnel devices, from rtnetlink
 *   kernel-user-genl.c   fou and l2tp, from generic netlink
 *   kernel-user-proc.c   nfsd, NFS mounts, rxrpc, from /proc
 */
#ifndef AIU_KERNEL_USER_H
#define AIU_KERNEL_USER_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "addrinuse-backend.h"
#include "backend/netlink/netlink.h"

#define USER_MAX_WORDS 8u
#define USER_MAX_SILENT 8u

/* "I, this device or server, have a socket like that." */
struct kernel_candidate {
        const char *service;
        const char *name;                    /* NULL = there is but one */
        int protocol;                        /* IPPROTO_TCP, IPPROTO_UDP */
        int family;                          /* AF_UNSPEC = either */
        uint16_t port;                       /* host order; 0 = any, the peer tells */
        const struct sockaddr *local;        /* NULL = every address */
        const struct sockaddr *peer;         /* NULL = it does not matter */
        bool any_local;                      /* the local address does not matter */
        bool shares_nothing;                 /* made by udp_sock_create(): neither SO_REUSEADDR nor SO_REUSEPORT */
        const char *command[USER_MAX_WORDS]; /* empty = none is known */
        enum aiu_tristate command_suffices;
};

struct user_search {
        const struct aiu_request *request;
        struct aiu_snapshot *snapshot;
        struct netlink netlink;
        struct {
                char name[IF_NAMESIZE];
                const char *kind;
        } silent[USER_MAX_SILENT]; /* devices that do not tell their ports */
        size_t n_silent;
        uint16_t fou, l2tp; /* numbers of the generic netlink families; 0 = there is none */
};

/* kernel-user.c: name as the user of each socket without a holder that is like that. */
int user_candidate(struct user_search *search, const struct kernel_candidate *candidate);
bool user_all_held(const struct user_search *search);

/* 0 or a negative errno. */
int user_search_links(struct user_search *search);
int user_search_genl(struct user_search *search);
int user_search_proc(struct user_search *search);

/* The parsers, for the tests: one message, or the text of one file. */
int user_take_link(void *search, struct nlmsghdr *message);
int user_take_family(void *search, struct nlmsghdr *message);
int user_take_fou(void *search, struct nlmsghdr *message);
int user_take_l2tp(void *search, struct nlmsghdr *message);
int user_take_portlist(struct user_search *search, const char *text);
int user_take_nfs_servers(struct user_search *search, const char *text);
int user_take_rxrpc(struct user_search *search, const char *text);

#endif
