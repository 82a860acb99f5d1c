/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The first line of every answer: the verdict, who is in the way, or which rule
 * refused the call. Every byte that a process chose is escaped on the way in, so the
 * result is printable ASCII.
 */
#include <errno.h>
#include <string.h>

#include "render/phrases.h"
#include "report/words.h"
#include "rules/address.h"
#include "util/errno-name.h"

#define SUMMARY_BYTES 1535u /* see aiu_report_get_summary() */

static const char *plural(size_t n)
{
        return n == 1 ? "" : "s";
}

/* ------------------------------------------------------ port 0 */

static void add_range(struct strbuf *text, const struct aiu_report *report)
{
        const struct range *r = &report->range;
        unsigned int n = (unsigned int)(r->last - r->first + 1);

        if (r->first <= 0)
                return;
        strbuf_printf(text, "; of the %u port%s %d-%d", n, plural(n), r->first, r->last);
        if (report->verdict.verdict == AIU_VERDICT_AVAILABLE) {
                strbuf_printf(text, ", %u %s free", r->left, r->left == 1 ? "is" : "are");
                return;
        }
        if (report->verdict.verdict == AIU_VERDICT_IN_USE && r->found == YES) {
                strbuf_printf(text, ", %u %s free by now", r->left, r->left == 1 ? "is" : "are");
                return;
        }
        strbuf_printf(text, ", %u %s taken", r->taken, r->taken == 1 ? "is" : "are");
        if (r->reserved)
                strbuf_printf(text, ", %u reserved", r->reserved);
        if (r->open)
                strbuf_printf(text, ", %u may be free", r->open);
        if (r->left)
                strbuf_printf(text, r->found == NO ? ", %u free but never tried by the kernel" : ", %u free", r->left);
}

/* ------------------------------------------------------ who */

static void add_more(struct strbuf *text, const struct aiu_report *report, const struct aiu_conflict *c)
{
        size_t n_connections = phrase_n_connections(report, c), n_more = report->n_conflicts - 1 - n_connections;

        if (c->n_ports > 0)
                n_more = report->n_range_holders - 1;
        if (n_connections + n_more == 0)
                return;
        strbuf_str(text, " (and ");
        if (n_connections > 0)
                strbuf_printf(text, "its %zu connection%s", n_connections, plural(n_connections));
        if (n_more > 0)
                strbuf_printf(text, "%s%zu more %s%s", n_connections ? ", " : "", n_more,
                              c->n_ports ? "holder" : "socket", plural(n_more));
        strbuf_str(text, ")");
}

static bool is_gone(const struct aiu_report *report)
{
        const struct aiu_conflict *c = phrase_told(report);

        return c && c->socket.observed_only;
}

static void add_who(struct strbuf *text, const struct aiu_report *report)
{
        const struct aiu_conflict *c = phrase_told(report);

        if (!c)
                return;
        if (phrase_is_hidden(c) && !c->socket.observed_only && c->n_ports == 0 &&
            report->verdict.verdict != AIU_VERDICT_UNKNOWN) {
                strbuf_str(text, " by ");
                phrase_who(text, report, c);
        } else {
                strbuf_str(text, report->verdict.verdict == AIU_VERDICT_UNKNOWN || c->n_ports ? "; " : ": ");
                phrase_conflict(text, report, c);
        }
        add_more(text, report, c);
}

static void add_failure(struct strbuf *text, const struct verdict *v)
{
        const char *name = errno_name(v->error);

        strbuf_str(text, v->call == AIU_CALL_LISTEN ? "listen() fails with " : "bind() fails with ");
        if (name)
                strbuf_str(text, name);
        else
                strbuf_printf(text, "error %d", v->error);
}

static void add_in_use(struct strbuf *text, const struct aiu_report *report)
{
        strbuf_str(text, is_gone(report)              ? " was in use"
                         : report->range.first == 0   ? " is in use"
                         : report->range.found == YES ? ": no port was free"
                                                      : ": no port is free");
        add_range(text, report);
        add_who(text, report);
        if (report->verdict.call == AIU_CALL_LISTEN)
                strbuf_str(text, report->request.error ? "; listen() failed" : "; listen() fails");
}

static const struct {
        uint32_t doubt;
        const char *words;
} doubts[] = {
        { DOUBT_HISTORY, " is almost certainly in use: with SO_REUSEPORT, earlier sockets on the port decide, and the "
                         "kernel does not show them" },
        { DOUBT_ORDER, " may be in use: the order of the sockets in the kernel's table decides" },
        { DOUBT_KERNEL, " may be free: kernels of this version differ" },
        { DOUBT_HOLDER_OPTION, " may be in use: an option of the holder decides and could not be read" },
        { DOUBT_PROGRAM, " may be in use: if a BPF program is attached to the socket, SO_REUSEPORT does not share it" },
        { DOUBT_OWN, " may be in use: a socket on the port may be the one asked about" },
        { DOUBT_ACCEPTED, " may be in use: the kernel does not show whether a connection on the port holds it" },
        { DOUBT_DEVICE, " may be in use: the devices of the sockets decide, and not all of them are known" },
        { DOUBT_PROTOCOL, " may be free: the rules of this protocol are not modelled" },
        { DOUBT_SOCKETS, " may be free: not every socket could be seen" },
        { DOUBT_SEARCH, " may find no port: in a range with an odd number of ports, the kernel tries the first or the "
                        "last at random" },
        { DOUBT_RANGE, " may find no port: the range could not be counted" },
};

static bool bound_hidden(const struct verdict *v)
{
        return v->doubts & DOUBT_KERNEL && v->kernel == AIU_KERNEL_BOUND_SHOWN;
}

/* With more time it would be known. */
static const char *late_words(const struct aiu_report *report)
{
        if (!report->late)
                return NULL;
        if (report->verdict.doubts & DOUBT_HOLDER_OPTION)
                return " may be in use: the deadline passed before the holder's options were read";
        if (report->verdict.doubts & (DOUBT_SOCKETS | DOUBT_ADDRESS | DOUBT_NAME | DOUBT_RANGE))
                return " may be free: the deadline passed before everything was looked at";
        return NULL;
}

static void add_doubt(struct strbuf *text, const struct aiu_report *report)
{
        const char *words = late_words(report);

        if (!words && bound_hidden(&report->verdict))
                words = " may be free: this kernel does not show sockets that are bound but not listening";
        for (size_t i = 0; !words && i < sizeof(doubts) / sizeof(doubts[0]); i++)
                if (report->verdict.doubts & doubts[i].doubt)
                        words = doubts[i].words;
        strbuf_str(text, words ? words : " may be free: not everything that decides is known");
}

static const char *failure_words(const struct verdict *v)
{
        bool listen = v->call == AIU_CALL_LISTEN;

        if (v->why == WHY_GONE || (v->verdict == AIU_VERDICT_INVALID && v->why == WHY_PASSING))
                return listen ? " could not listen: " : " could not be bound: ";
        if (v->verdict == AIU_VERDICT_INVALID)
                return listen ? " cannot listen like this: " : " cannot be bound like this: ";
        if (v->verdict == AIU_VERDICT_NOT_PERMITTED)
                return " is not permitted: ";
        if (v->why == WHY_DETECTION || v->why == WHY_DUPLICATE)
                return " cannot be used: ";
        return " is not an address of this host: ";
}

/* A missing privilege hides that the address is in use: that comes first. */
static void add_refusal(struct strbuf *text, const struct aiu_report *report, const struct host *host)
{
        if (phrase_told(report)) {
                strbuf_str(text, " is in use");
                add_who(text, report);
                strbuf_str(text, "; it is not permitted either: ");
        } else {
                strbuf_str(text, failure_words(&report->verdict));
        }
        add_failure(text, &report->verdict);
        words_why(text, report, host);
}

/* ------------------------------------------------------ SO_REUSEADDR decides */

/* A client's port is from this range, and a client sets nothing. */
static bool is_servers_port(const struct aiu_report *report, const struct host *host)
{
        int port = address_port(&report->request.address);

        return host->port_range_first > 0 && (port < host->port_range_first || port > host->port_range_last);
}

static void add_plain(struct strbuf *text, const struct plain_bind *plain)
{
        strbuf_str(text, "; without it, in use");
        if (plain->usec > 0)
                strbuf_printf(text, " for %llu s more", (unsigned long long)((plain->usec + 999999) / 1000000));
        else if (plain->connections)
                strbuf_str(text, " until its connections end");
}

static void add_available(struct strbuf *text, const struct aiu_report *report)
{
        if (address_is_unnamed(&report->request.address)) {
                strbuf_str(text, " gets a name of the kernel's choice");
        } else if (report->plain.in_use) {
                strbuf_str(text, " is free for a server that sets SO_REUSEADDR, as most do");
                add_plain(text, &report->plain);
        } else {
                strbuf_str(text, " is free");
                add_range(text, report);
        }
}

static void add_unknown(struct strbuf *text, const struct aiu_report *report, const struct host *host)
{
        if (!late_words(report) && report->verdict.doubts == DOUBT_HOLDER_OPTION && report->plain.in_use &&
            phrase_hangs_on_reuseaddr(report)) {
                strbuf_str(text, is_servers_port(report, host) ? " is probably free" : " may be free");
                strbuf_str(text, " for a server that sets SO_REUSEADDR");
                add_plain(text, &report->plain);
                return;
        }
        add_doubt(text, report);
        add_range(text, report);
        add_who(text, report);
}

int words_summary(struct aiu_report *report, const struct host *host)
{
        struct strbuf text = { 0 };

        phrase_asked(&text, report);
        switch (report->verdict.verdict) {
        case AIU_VERDICT_AVAILABLE:
                add_available(&text, report);
                break;
        case AIU_VERDICT_IN_USE:
                add_in_use(&text, report);
                break;
        case AIU_VERDICT_UNKNOWN:
                add_unknown(&text, report, host);
                break;
        case AIU_VERDICT_NOT_LOCAL:
        case AIU_VERDICT_NOT_PERMITTED:
        case AIU_VERDICT_INVALID:
                add_refusal(&text, report, host);
                break;
        }
        strbuf_cut(&text, SUMMARY_BYTES);
        return strbuf_steal(&text, &report->summary);
}
