/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Port 0 in words: how much of the range is taken, and by whom. Every byte that
 * a process chose is escaped on the way in (words_holder()).
 */
#include <string.h>

#include "report/words.h"

static unsigned int size_of(const struct range *r)
{
        return (unsigned int)(r->last - r->first + 1);
}

static const char *plural(size_t n)
{
        return n == 1 ? "" : "s";
}

static void add_limits(struct strbuf *text, const struct range *r)
{
        unsigned int n = size_of(r);

        if (n == 1)
                strbuf_printf(text, "the one port of %d-%d", r->first, r->last);
        else
                strbuf_printf(text, "the %u ports of %d-%d", n, r->first, r->last);
}

static void add_reserved(struct strbuf *text, const struct range *r)
{
        if (r->reserved)
                strbuf_printf(text, ", %u reserved", r->reserved);
}

void words_range(struct strbuf *text, const struct aiu_report *report)
{
        const struct range *r = &report->range;

        if (r->first <= 0)
                return;
        strbuf_str(text, "; of ");
        add_limits(text, r);
        if (report->verdict.verdict == AIU_VERDICT_IN_USE && r->found == YES) {
                strbuf_printf(text, " %u %s free by now", r->left, r->left == 1 ? "is" : "are");
                return;
        }
        if (report->verdict.verdict == AIU_VERDICT_AVAILABLE) {
                strbuf_printf(text, " %u %s left", r->left, r->left == 1 ? "is" : "are");
                return;
        }
        strbuf_printf(text, " %u %s taken", r->taken, r->taken == 1 ? "is" : "are");
        add_reserved(text, r);
        if (r->open)
                strbuf_printf(text, ", %u may be free", r->open);
        if (r->left && r->found == NO)
                strbuf_printf(text, ", %u free but not looked at by the kernel", r->left);
        else if (r->left)
                strbuf_printf(text, ", %u free", r->left);
}

void words_range_holders(struct strbuf *text, const struct aiu_report *report)
{
        const struct aiu_conflict *c = &report->conflicts[0];

        strbuf_str(text, "; held by ");
        words_holder(text, c);
        strbuf_printf(text, ", %u port%s", c->n_ports, plural(c->n_ports));
        if (report->n_range_holders > 1)
                strbuf_printf(text, " (and %zu more holder%s)", report->n_range_holders - 1,
                              plural(report->n_range_holders - 1));
}

void words_widen(struct strbuf *text, const struct aiu_action *action, const struct aiu_report *report)
{
        const struct range *r = &report->range;

        if (action->first_port == 0) {
                strbuf_printf(text, "widen or clear IP_LOCAL_PORT_RANGE on the socket: it leaves only %d-%d", r->first,
                              r->last);
                return;
        }
        strbuf_str(text, "let the kernel choose among more ports; a service that is to have one of them later "
                         "needs it in net.ipv4.ip_local_reserved_ports");
}
