/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The phrases of every text about a report: its summary, its page. */
#ifndef AIU_PHRASES_H
#define AIU_PHRASES_H

#include <stdbool.h>

#include "addrinuse.h"
#include "util/strbuf.h"

#define MOST_OUTSIDE 160u /* bytes of a word of a command line: the whole of it is for AIU_RENDER_CMDLINE */

/* What the first line begins with: "8080/tcp", "127.0.0.1:53/udp", "/run/x.sock". */
void phrase_asked(struct strbuf *out, const struct aiu_report *report);
/* The same as the command takes it: TCP goes without saying. */
void phrase_operand(struct strbuf *out, const struct aiu_report *report);
/* "tcp", also for protocol 0 of a stream socket; NULL = a protocol without a name here. */
const char *phrase_protocol(int type, int protocol);
/* "NETLINK_ROUTE"; NULL = a protocol without a name here. */
const char *phrase_netlink_protocol(int protocol);
/* "0.0.0.0:80", "/run/x.sock", "vsock:2:80"; false = nothing was added. */
bool phrase_address(struct strbuf *out, const struct sockaddr *address, socklen_t bytes);
/* "0.0.0.0:80", "0.0.0.0:80 on device eth0" */
void phrase_endpoint(struct strbuf *out, const struct aiu_conflict *c);
/* A sentence: "nginx (pid 812) listens on 0.0.0.0:80". Or its subject, its predicate, its state alone. */
void phrase_conflict(struct strbuf *out, const struct aiu_report *report, const struct aiu_conflict *c);
void phrase_who(struct strbuf *out, const struct aiu_report *report, const struct aiu_conflict *c);
void phrase_does(struct strbuf *out, const struct aiu_conflict *c);
void phrase_state(struct strbuf *out, const struct aiu_conflict *c);
/* A file at an AF_UNIX path without a visible socket: "a directory". */
const char *phrase_file(const struct aiu_conflict *c);
/* "the kernel's vxlan (vx0)"; name may be NULL. */
void phrase_kernel_user(struct strbuf *out, const char *service, const char *name);
/* Only the SO_REUSEADDR of connections, which was not read, keeps the answer from being known. */
bool phrase_hangs_on_reuseaddr(const struct aiu_report *report);
/* The conflict that the first line is about, or NULL. */
const struct aiu_conflict *phrase_told(const struct aiu_report *report);
/* A connection that one of the listener's processes has, and how many there are. */
bool phrase_is_accepted(const struct aiu_conflict *listener, const struct aiu_conflict *c);
size_t phrase_n_connections(const struct aiu_report *report, const struct aiu_conflict *listener);
/* false: a file, a reserved range, or a socket that is not visible. */
bool phrase_has_socket(const struct aiu_conflict *c);
/* The socket is visible, its process is not. */
bool phrase_is_hidden(const struct aiu_conflict *c);
/* Of the holders the first that is no worker, which is told first; how many workers it has among them. */
const struct aiu_holder *phrase_master(const struct aiu_conflict *c);
/* The same, but a service manager comes last: it keeps the sockets of services that run, too. */
const struct aiu_holder *phrase_server(const struct aiu_conflict *c);
bool phrase_is_service_manager(const struct aiu_holder *h);
size_t phrase_n_workers(const struct aiu_conflict *c, const struct aiu_holder *master);
bool phrase_is_worker_of(const struct aiu_holder *h, const struct aiu_holder *master);
/* " and 4 workers" */
void phrase_workers(struct strbuf *out, size_t n);
/* "node server.js": a name with the file that it runs, or NULL. The user, by name if that is known. */
void phrase_name(struct strbuf *out, const struct aiu_holder *h, const char *file);
void phrase_user(struct strbuf *out, const struct aiu_holder *h);
/* A process in full: "nginx, pid 812, and 4 workers (root), fd 6, up 3 days". And one that stands on an earlier line. */
void phrase_holder(struct strbuf *out, const struct aiu_conflict *c, const struct aiu_holder *h, bool local_time);
void phrase_holder_again(struct strbuf *out, const struct aiu_holder *h);
/* "server.js" for an interpreter, else the name: in a table. "14:02 (3 days)", "3 days"; nothing if not known. */
void phrase_program(struct strbuf *out, const struct aiu_holder *h);
void phrase_since(struct strbuf *out, const struct aiu_holder *h, bool local_time);
void phrase_ids(struct strbuf *out, const struct aiu_conflict *c);
void phrase_cmdline(struct strbuf *out, const char *cmdline, size_t bytes);
/* How the addresses meet; false = they are the same. Which options were set. */
bool phrase_overlap(struct strbuf *out, const struct aiu_report *report, const struct aiu_conflict *c);
void phrase_options(struct strbuf *out, const struct aiu_report *report, const struct aiu_conflict *c);
/* Bytes from outside, escaped: of a long text its beginning, and "...". */
void phrase_outside(struct strbuf *out, const char *text);
/* A container's name as its engine shows it. A scope that is named after it says nothing more. */
void phrase_container(struct strbuf *out, const struct aiu_holder *h);
bool phrase_is_scope_of_container(const struct aiu_holder *h);
/* Who looks after a holder, and who started it (origin.c); false = unknown, and nothing was added. */
bool phrase_manager(struct strbuf *out, const struct aiu_holder *h);
bool phrase_start(struct strbuf *out, const struct aiu_holder *h, bool always);

#endif
