/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a .socket unit listens on, as systemd prints it in the D-Bus property Listen, and whether a socket is that
 * one. Pure: text in, struct out; the text may come from a user's own manager and is not trusted.
 */
#ifndef AIU_SD_BUS_LISTEN_H
#define AIU_SD_BUS_LISTEN_H

#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "addrinuse-backend.h"

struct listen_address {
        int type; /* SOCK_* */
        socklen_t len;
        union {
                struct sockaddr any;
                struct sockaddr_in in;
                struct sockaddr_in6 in6; /* the scope is in `scope` */
                struct sockaddr_un un;
        } sa;
        char scope[IF_NAMESIZE]; /* of a link-local address; "" = none */
};

/* "Stream", "[::]:80". -EPROTONOSUPPORT: something that is no socket of ours
 * (FIFO, netlink, vsock...); -EINVAL: nonsense. */
int listen_parse(const char *type, const char *text, struct listen_address *ret);

/* How well does a socket fit? `scope_id` is that of listen->scope, 0 = none or not known. */
enum listen_match {
        LISTEN_NO,
        LISTEN_COVERED, /* the unit listens on every address, the socket is one of them */
        LISTEN_EXACT,
};
enum listen_match listen_compare(const struct listen_address *listen, unsigned int scope_id,
                                 const struct aiu_socket_fact *socket);

#endif
