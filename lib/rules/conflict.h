/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* (request, socket) → is the socket in the way, and by which rule. Pure. */
#ifndef AIU_CONFLICT_H
#define AIU_CONFLICT_H

#include "rules/address.h"
#include "rules/model.h"

/* The protocol whose ports the request is about: MPTCP binds TCP ports. */
int conflict_protocol(const struct request *request);

/* Are the rules of that protocol known here? */
bool conflict_modelled(const struct request *request);

/* The device that the would-be socket is bound to: a link-local address binds
 * it to the interface of its scope, also with SO_BINDTODEVICE (__inet6_bind()). */
unsigned int conflict_device(const struct request *request);

/*
 * Does the socket in question get past `holder` as a member of its SO_REUSEPORT group alone? A program that was attached
 * before bind(), or between bind() and listen(), keeps it out.
 */
bool conflict_needs_group(const struct request *request, const struct socket *holder,
                          const struct judgement *judgement);
/* IPV6_V6ONLY of the would-be socket while it binds: bind() to an IPv6 address that is neither :: nor mapped sets it. */
bool conflict_v6only(const struct request *request, const struct endpoint *c);
/* Are both one user's, as SO_REUSEPORT compares them? */
tristate conflict_same_owner(const struct request *request, const struct socket *holder);
/* A listener that listens again, a socket under repair: no other socket is in its way. */
bool conflict_takes_any(const struct request *request);
/* Does it want a name in the file system? */
bool conflict_is_about_path(const struct request *request);
/* Is this the socket that the request is about? */
bool conflict_is_own(const struct request *request, const struct socket *holder);

/* Is it a connection that waits for accept()? It goes with its listener. */
bool conflict_is_unaccepted(const struct socket *socket);

/* `host` is looked at for AF_UNIX paths only: what is at the path. */
struct judgement conflict_judge(const struct request *request, const struct socket *holder, const struct host *host);

/*
 * The same for a search (port 0): does this socket keep its port from it?
 * `relaxed`: TCP's second round, with ip_autobind_reuse.
 */
struct judgement conflict_judge_search(const struct request *request, const struct socket *holder,
                                       const struct host *host, bool relaxed);

/*
 * Do two sockets that exist share an address? For a survey: neither asks to be let in, so no option but
 * IPV6_V6ONLY counts. *ret_overlap: how they meet.
 */
tristate conflict_overlap(const struct socket *a, const struct socket *b, const struct host *host,
                          enum aiu_overlap *ret_overlap);

#endif
