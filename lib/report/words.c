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
#include "util/missing.h"
#include "report/words.h"

#define SUMMARY_BYTES 1535u /* aiu_report_get_summary() promises no more */

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

static void add_process(struct strbuf *text, const struct aiu_holder *holder)
{
        if (holder->kind == AIU_HOLDER_SELF)
                strbuf_str(text, "this process itself");
        else if (holder->process && holder->process->comm) {
                strbuf_outside(text, holder->process->comm);
                strbuf_printf(text, " (pid %d)", (int)holder->process->pid);
        } else if (holder->process)
                strbuf_printf(text, "pid %d", (int)holder->process->pid);
        else
                strbuf_str(text, "a process");
}

static void add_unit(struct strbuf *text, const struct aiu_holder *holder)
{
        const struct manager *m = holder->manager;

        if (!m)
                return;
        /* A scope that is called after its container says nothing more. */
        if (m->container && (!m->unit || strstr(m->unit, m->container))) {
                strbuf_str(text, " in container ");
                strbuf_escaped(text, m->container, escape_shown(m->container));
        } else if (m->socket_unit || m->unit) {
                strbuf_str(text, " of ");
                strbuf_outside(text, m->socket_unit ? m->socket_unit : m->unit);
        }
}

static void add_kernel_user(struct strbuf *text, const struct kernel_user *user)
{
        strbuf_str(text, "the kernel's ");
        strbuf_outside(text, user->service);
        if (user->name) {
                strbuf_str(text, " (");
                strbuf_outside(text, user->name);
                strbuf_str(text, ")");
        }
}

void words_stop_kernel_user(struct strbuf *text, const struct kernel_user *user)
{
        strbuf_str(text, user->command_suffices == YES ? "take down " : "have ");
        add_kernel_user(text, user);
        if (user->command_suffices != YES)
                strbuf_str(text, " stopped by whoever set it up; that its socket goes with it was not tried out");
        else
                strbuf_str(text, ", which closes its socket; whatever set it up may do so again");
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

static void add_nobody(struct strbuf *text, const struct aiu_conflict *c)
{
        if (c->socket.minisock)
                strbuf_str(text, "a TIME_WAIT socket of a closed connection");
        else if (c->socket.state == AIU_STATE_STALE_FILE)
                strbuf_str(text, "a stale socket file");
        else if (c->judgement.reason == AIU_REASON_PATH_EXISTS && c->index == NO_SOCKET)
                strbuf_str(text, words_file(c));
        else if (c->judgement.reason == AIU_REASON_RANGE_EXHAUSTED && c->index == NO_SOCKET)
                strbuf_str(text, "nobody: ip_local_reserved_ports keeps back what is searched");
        else if (c->judgement.reason == AIU_REASON_OBSERVED)
                strbuf_str(text, "something that is not in sight");
        else if (c->socket.inode == 0)
                strbuf_str(text, "a connection that its process has left to the kernel");
        else if (c->socket.uid != UID_UNKNOWN)
                strbuf_printf(text, "a process of uid %u that is not visible from here", (unsigned)c->socket.uid);
        else
                strbuf_str(text, "a process that is not visible from here");
}

void words_holder(struct strbuf *text, const struct aiu_conflict *conflict)
{
        const struct aiu_holder *h = conflict->n_holders ? &conflict->holders[0] : NULL;

        if (!h || h->kind == AIU_HOLDER_KERNEL || h->kind == AIU_HOLDER_HIDDEN || h->kind == AIU_HOLDER_UNKNOWN) {
                if (h && h->kernel_user)
                        add_kernel_user(text, h->kernel_user);
                else
                        add_nobody(text, conflict);
                if (h)
                        add_unit(text, h);
                return;
        }
        add_process(text, h);
        add_unit(text, h);
        if (conflict->n_holders > 1)
                strbuf_printf(text, " and %zu more", conflict->n_holders - 1);
}

static void add_who(struct strbuf *text, const struct aiu_report *report)
{
        char where[ADDRESS_TEXT_BYTES];
        const struct aiu_conflict *c;

        if (report->n_conflicts > 0 && report->conflicts[0].n_ports > 0)
                words_range_holders(text, report);
        if (report->n_conflicts == 0 || report->conflicts[0].n_ports > 0)
                return;
        c = &report->conflicts[0];
        strbuf_str(text, "; held by ");
        words_holder(text, c);
        if (c->index == NO_SOCKET)
                return;
        if (!c->socket.minisock) {
                address_print_port(&c->socket.local, where, sizeof(where));
                strbuf_printf(text, ", %s on %s", state_word(&c->socket), where);
        } else if (c->socket.expires_usec) {
                strbuf_printf(text, ", %llu s left", (unsigned long long)((c->socket.expires_usec + 999999) / 1000000));
        }
        if (report->n_conflicts > 1)
                strbuf_printf(text, " (and %zu more socket%s)", report->n_conflicts - 1,
                              report->n_conflicts == 2 ? "" : "s");
}

static void add_failure(struct strbuf *text, const struct verdict *v)
{
        const char *name = errno_name(v->error);
        const char *call = v->call == AIU_CALL_LISTEN ? "listen()" : "bind()";

        if (name)
                strbuf_printf(text, ": %s fails with %s", call, name);
        else
                strbuf_printf(text, ": %s fails with error %d", call, v->error);
}

static void add_doubt(struct strbuf *text, uint32_t doubts)
{
        if (doubts & DOUBT_HISTORY)
                strbuf_str(text, " is almost certainly in use: with SO_REUSEPORT the kernel's memory of earlier "
                                 "sockets on this port decides, and nothing shows it");
        else if (doubts & DOUBT_ORDER)
                strbuf_str(text, " may be in use: the order of the sockets in the kernel's table decides");
        else if (doubts & DOUBT_KERNEL)
                strbuf_str(text, ": whether it is free is not known: kernels of this version differ here");
        else if (doubts & DOUBT_HOLDER_OPTION)
                strbuf_str(text, " may be in use: an option of the holder that could not be read decides");
        else if (doubts & DOUBT_DEVICE)
                strbuf_str(text, " may be in use: the devices of the sockets decide, and are not all known");
        else if (doubts & DOUBT_PROTOCOL)
                strbuf_str(text, ": whether it is free is not known: the rules of this protocol are not modelled");
        else if (doubts & DOUBT_SOCKETS)
                strbuf_str(text, ": whether it is free is not known: not every socket could be seen");
        else if (doubts & DOUBT_SEARCH)
                strbuf_str(text,
                           ": whether a port is found depends on chance: of a range with an odd number of ports the "
                           "kernel looks at the first one or at the last one, not at both");
        else if (doubts & DOUBT_RANGE)
                strbuf_str(text, ": whether a port is free is not known: the range was not counted");
        else
                strbuf_str(text, ": whether it is free is not known");
}

static const char *not_local_words(enum why why)
{
        if (why == WHY_GONE)
                return " could not be bound";
        return why == WHY_DETECTION || why == WHY_DUPLICATE ? " cannot be used" : " is not an address of this host";
}

static const char *invalid_words(const struct verdict *v)
{
        bool past = v->why == WHY_PASSING || v->why == WHY_GONE;

        if (v->call == AIU_CALL_LISTEN)
                return past ? " could not listen" : " cannot listen like this";
        return past ? " could not be bound" : " cannot be bound like this";
}

/* EACCES came first; with the privilege it would be EADDRINUSE. */
static void add_who_as_well(struct strbuf *text, const struct aiu_report *report)
{
        if (report->n_conflicts == 0 || report->conflicts[0].judgement.blocking != YES)
                return;
        strbuf_str(text, "; it is in use as well");
        add_who(text, report);
}

int words_summary(struct aiu_report *report, const struct host *host)
{
        char address[ADDRESS_TEXT_BYTES];
        struct strbuf text = { 0 };
        const struct verdict *v = &report->verdict;

        address_print_port(&report->request.address, address, sizeof(address));
        strbuf_printf(&text, "%s%s", address[0] ? address : "a socket without a name", protocol_name(&report->request));
        switch (v->verdict) {
        case AIU_VERDICT_AVAILABLE:
                strbuf_printf(&text, " %s: bind()%s would succeed",
                              address[0] ? "is free" : "gets a name of the kernel's choice",
                              report->request.listen ? " and listen()" : "");
                words_range(&text, report);
                break;
        case AIU_VERDICT_IN_USE:
                strbuf_str(&text, report->range.first == 0     ? " is in use"
                                  : report->range.found == YES ? ": no port was found"
                                                               : ": no port is found");
                add_failure(&text, v);
                words_range(&text, report);
                add_who(&text, report);
                break;
        case AIU_VERDICT_NOT_LOCAL:
                strbuf_str(&text, not_local_words(v->why));
                add_failure(&text, v);
                words_why(&text, report, host);
                break;
        case AIU_VERDICT_NOT_PERMITTED:
                strbuf_str(&text, " is not permitted");
                add_failure(&text, v);
                words_why(&text, report, host);
                add_who_as_well(&text, report);
                break;
        case AIU_VERDICT_INVALID:
                strbuf_str(&text, invalid_words(v));
                add_failure(&text, v);
                words_why(&text, report, host);
                break;
        case AIU_VERDICT_UNKNOWN:
                add_doubt(&text, v->doubts);
                words_range(&text, report);
                add_who(&text, report);
                break;
        }
        strbuf_cut(&text, SUMMARY_BYTES);
        return strbuf_steal(&text, &report->summary);
}
