/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one-line summary of a report, and how a holder is called in few words.
 * What an action says is in action-text.c. Every byte that a process chose is
 * escaped on the way in, so the results are printable ASCII.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "rules/address.h"
#include "rules/conflict.h"
#include "util/errno-name.h"
#include "util/escape.h"
#include "report/text.h"
#include "report/words.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef IPPROTO_DCCP
#define IPPROTO_DCCP 33
#endif

static const char *protocol_name(const struct request *q)
{
        switch (q->protocol == IPPROTO_MPTCP ? IPPROTO_MPTCP : conflict_protocol(q)) {
        case IPPROTO_TCP:
                return "/tcp";
        case IPPROTO_UDP:
                return "/udp";
        case IPPROTO_UDPLITE:
                return "/udplite";
        case IPPROTO_SCTP:
                return "/sctp";
        case IPPROTO_DCCP:
                return "/dccp";
        case IPPROTO_MPTCP:
                return "/mptcp";
        default:
                return "";
        }
}

static const char *state_word(const struct socket *s)
{
        if (s->minisock)
                return "TIME_WAIT";
        switch (s->state) {
        case AIU_STATE_LISTEN:
                return "listening";
        case AIU_STATE_BOUND:
                return s->protocol == IPPROTO_TCP ? "bound, not listening" : "bound";
        case AIU_STATE_ESTABLISHED:
                return "connected";
        case AIU_STATE_SYN_SENT:
                return "connecting";
        default:
                return "closing";
        }
}

static void add_process(struct text *text, const struct aiu_holder *holder)
{
        if (holder->kind == AIU_HOLDER_SELF)
                text_add(text, "this process itself");
        else if (holder->process && holder->process->comm) {
                text_add_escaped(text, holder->process->comm, 64);
                text_add(text, " (pid %d)", (int)holder->process->pid);
        } else if (holder->process)
                text_add(text, "pid %d", (int)holder->process->pid);
        else
                text_add(text, "a process");
}

static void add_unit(struct text *text, const struct aiu_holder *holder)
{
        const struct manager *m = holder->manager;

        if (!m)
                return;
        /* A scope that is called after its container says nothing more. */
        if (m->container && (!m->unit || strstr(m->unit, m->container))) {
                text_add(text, " in container ");
                text_add_escaped(text, m->container, escape_shown(m->container));
        } else if (m->socket_unit || m->unit) {
                text_add(text, " of ");
                text_add_escaped(text, m->socket_unit ? m->socket_unit : m->unit, 128);
        }
}

static void add_kernel_user(struct text *text, const struct kernel_user *user)
{
        text_add(text, "the kernel's ");
        text_add_escaped(text, user->service, 32);
        if (user->name) {
                text_add(text, " (");
                text_add_escaped(text, user->name, 64);
                text_add(text, ")");
        }
}

void words_stop_kernel_user(struct text *text, const struct kernel_user *user)
{
        text_add(text, user->command_suffices == YES ? "take down " : "have ");
        add_kernel_user(text, user);
        if (user->command_suffices != YES)
                text_add(text, " stopped by whoever set it up; that its socket goes with it was not tried out");
        else
                text_add(text, ", which closes its socket; whatever set it up may do so again");
}

const char *words_file(const struct aiu_conflict *c)
{
        switch (c->file_mode & S_IFMT) {
        case S_IFSOCK:
                if (c->socket.state == AIU_STATE_STALE_FILE)
                        return "a stale socket file";
                return c->n_holders > 0 ? "a live socket whose process is not visible from here"
                                        : "a socket file, and whether a server is behind it is not known";
        case S_IFREG:
                return "a regular file, not a socket";
        case S_IFDIR:
                return "a directory";
        case S_IFLNK:
                return "a symbolic link, which bind() does not follow";
        case S_IFIFO:
                return "a FIFO, not a socket";
        case S_IFCHR:
        case S_IFBLK:
                return "a device node, not a socket";
        default:
                return "a file at that path";
        }
}

static void add_nobody(struct text *text, const struct aiu_conflict *c)
{
        if (c->socket.minisock)
                text_add(text, "a TIME_WAIT socket of a closed connection");
        else if (c->socket.state == AIU_STATE_STALE_FILE)
                text_add(text, "a stale socket file");
        else if (c->judgement.reason == AIU_REASON_PATH_EXISTS && c->index == NO_SOCKET)
                text_add(text, "%s", words_file(c));
        else if (c->judgement.reason == AIU_REASON_RANGE_EXHAUSTED && c->index == NO_SOCKET)
                text_add(text, "nobody: ip_local_reserved_ports keeps back what is searched");
        else if (c->judgement.reason == AIU_REASON_OBSERVED)
                text_add(text, "something that is not in sight");
        else if (c->socket.inode == 0)
                text_add(text, "a connection that its process has left to the kernel");
        else if (c->socket.uid != UID_UNKNOWN)
                text_add(text, "a process of uid %u that is not visible from here", (unsigned)c->socket.uid);
        else
                text_add(text, "a process that is not visible from here");
}

void words_holder(const struct aiu_conflict *conflict, char *buffer, size_t bytes)
{
        struct text text = { .to = buffer, .bytes = bytes };
        const struct aiu_holder *h = conflict->n_holders ? &conflict->holders[0] : NULL;

        if (!h || h->kind == AIU_HOLDER_KERNEL || h->kind == AIU_HOLDER_HIDDEN || h->kind == AIU_HOLDER_UNKNOWN) {
                if (h && h->kernel_user)
                        add_kernel_user(&text, h->kernel_user);
                else
                        add_nobody(&text, conflict);
                if (h)
                        add_unit(&text, h);
                return;
        }
        add_process(&text, h);
        add_unit(&text, h);
        if (conflict->n_holders > 1)
                text_add(&text, " and %zu more", conflict->n_holders - 1);
}

static void add_who(struct text *text, const struct aiu_report *report)
{
        char who[512], where[ADDRESS_TEXT_BYTES];
        const struct aiu_conflict *c;

        if (report->n_conflicts > 0 && report->conflicts[0].n_ports > 0)
                words_range_holders(text, report);
        if (report->n_conflicts == 0 || report->conflicts[0].n_ports > 0)
                return;
        c = &report->conflicts[0];
        words_holder(c, who, sizeof(who));
        text_add(text, "; held by %s", who);
        if (c->index == NO_SOCKET)
                return;
        if (!c->socket.minisock) {
                address_print_port(&c->socket.local, where, sizeof(where));
                text_add(text, ", %s on %s", state_word(&c->socket), where);
        } else if (c->socket.expires_usec) {
                text_add(text, ", %llu s left", (unsigned long long)((c->socket.expires_usec + 999999) / 1000000));
        }
        if (report->n_conflicts > 1)
                text_add(text, " (and %zu more socket%s)", report->n_conflicts - 1,
                         report->n_conflicts == 2 ? "" : "s");
}

static void add_failure(struct text *text, const struct verdict *v)
{
        const char *name = errno_name(v->error);
        const char *call = v->call == AIU_CALL_LISTEN ? "listen()" : "bind()";

        if (name)
                text_add(text, ": %s fails with %s", call, name);
        else
                text_add(text, ": %s fails with error %d", call, v->error);
}

static void add_doubt(struct text *text, uint32_t doubts)
{
        if (doubts & DOUBT_HISTORY)
                text_add(text, " is almost certainly in use: with SO_REUSEPORT the kernel's memory of earlier "
                               "sockets on this port decides, and nothing shows it");
        else if (doubts & DOUBT_ORDER)
                text_add(text, " may be in use: the order of the sockets in the kernel's table decides");
        else if (doubts & DOUBT_KERNEL)
                text_add(text, ": whether it is free is not known: kernels of this version differ here");
        else if (doubts & DOUBT_HOLDER_OPTION)
                text_add(text, " may be in use: an option of the holder that could not be read decides");
        else if (doubts & DOUBT_DEVICE)
                text_add(text, " may be in use: the devices of the sockets decide, and are not all known");
        else if (doubts & DOUBT_PROTOCOL)
                text_add(text, ": whether it is free is not known: the rules of this protocol are not modelled");
        else if (doubts & DOUBT_SOCKETS)
                text_add(text, ": whether it is free is not known: not every socket could be seen");
        else if (doubts & DOUBT_SEARCH)
                text_add(text,
                         ": whether a port is found depends on chance: of a range with an odd number of ports the "
                         "kernel looks at the first one or at the last one, not at both");
        else if (doubts & DOUBT_RANGE)
                text_add(text, ": whether a port is free is not known: the range was not counted");
        else
                text_add(text, ": whether it is free is not known");
}

static const char *not_local_words(enum why why)
{
        if (why == WHY_GONE)
                return " could not be bound";
        return why == WHY_DETECTION || why == WHY_DUPLICATE ? " cannot be used" : " is not an address of this host";
}

/* EACCES came first; with the privilege it would be EADDRINUSE. */
static void add_who_as_well(struct text *text, const struct aiu_report *report)
{
        if (report->n_conflicts == 0 || report->conflicts[0].judgement.blocking != YES)
                return;
        text_add(text, "; it is in use as well");
        add_who(text, report);
}

int words_summary(struct aiu_report *report, const struct host *host)
{
        char address[ADDRESS_TEXT_BYTES], buffer[1536] = "";
        struct text text = TEXT(buffer);
        const struct verdict *v = &report->verdict;

        address_print_port(&report->request.address, address, sizeof(address));
        text_add(&text, "%s%s", address[0] ? address : "a socket without a name", protocol_name(&report->request));
        switch (v->verdict) {
        case AIU_VERDICT_AVAILABLE:
                text_add(&text, " is free: bind()%s would succeed", report->request.listen ? " and listen()" : "");
                words_range(&text, report);
                break;
        case AIU_VERDICT_IN_USE:
                text_add(&text, report->range.first > 0 ? ": no port is found" : " is in use");
                add_failure(&text, v);
                words_range(&text, report);
                add_who(&text, report);
                break;
        case AIU_VERDICT_NOT_LOCAL:
                text_add(&text, "%s", not_local_words(v->why));
                add_failure(&text, v);
                words_why(&text, report, host);
                break;
        case AIU_VERDICT_NOT_PERMITTED:
                text_add(&text, " is not permitted");
                add_failure(&text, v);
                words_why(&text, report, host);
                add_who_as_well(&text, report);
                break;
        case AIU_VERDICT_INVALID:
                text_add(&text, v->why == WHY_PASSING || v->why == WHY_GONE ? " could not be bound"
                                                                            : " cannot be bound like this");
                add_failure(&text, v);
                words_why(&text, report, host);
                break;
        case AIU_VERDICT_UNKNOWN:
                add_doubt(&text, v->doubts);
                words_range(&text, report);
                add_who(&text, report);
                break;
        }
        report->summary = strdup(buffer);
        return report->summary ? 0 : -ENOMEM;
}
