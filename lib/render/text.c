/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Report → words for a person at 3 a.m.: the answer first, then who, then why it is in the way, then what to do, each
 * command ready to paste. Through public accessors alone; the longer phrases are in render/phrases.c. Every byte from
 * outside is escaped.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "addrinuse.h"
#include "util/macro.h"
#include "util/quote.h"
#include "render/phrases.h"

#define KNOWN_FLAGS                                                                                                    \
        (AIU_RENDER_COLOR | AIU_RENDER_CMDLINE | AIU_RENDER_VERBOSE | AIU_RENDER_PRETTY | AIU_RENDER_LOCAL_TIME)
#define MOST_GROUPS 8u
#define LABEL_COLUMNS 10u

struct page {
        struct strbuf out;
        const struct aiu_report *report;
        uint32_t flags;
};

static void colour(struct page *page, const char *sequence)
{
        if (page->flags & AIU_RENDER_COLOR)
                strbuf_str(&page->out, sequence);
}

/* A label in a column of ten: "holder    ". */
static void label(struct page *page, const char *name)
{
        colour(page, "\033[1m");
        strbuf_printf(&page->out, "%-10s", name);
        colour(page, "\033[0m");
}

static void line_end(struct page *page)
{
        strbuf_str(&page->out, "\n");
}

/* Takes the line. */
static void labelled(struct page *page, const char *name, struct strbuf *line)
{
        label(page, name);
        if (line->error)
                page->out.error = line->error;
        else
                strbuf_add(&page->out, line->text, line->n);
        strbuf_finish(line);
        line_end(page);
}

/* ------------------------------------------------------ first line */

static const char *verdict_colour(enum aiu_verdict verdict)
{
        switch (verdict) {
        case AIU_VERDICT_AVAILABLE:
                return "\033[1;32m";
        case AIU_VERDICT_UNKNOWN:
                return "\033[1;33m";
        default:
                return "\033[1;31m";
        }
}

/* Root is never told that something needs root. */
static bool caller_is_user(const struct aiu_report *report)
{
        for (size_t i = 0; i < aiu_report_get_n_actions(report); i++)
                if (aiu_action_get_flags(aiu_report_get_action(report, i)) & AIU_ACTION_NEEDS_ROOT)
                        return true;
        return false;
}

/* The holder is hidden from a user, and there is one thing to do. */
static bool asks_root(const struct aiu_report *report)
{
        const struct aiu_conflict *told = phrase_told(report);
        const struct sockaddr *address = aiu_report_get_address(report, NULL);

        return told && address && phrase_is_hidden(told) && caller_is_user(report) &&
               (address->sa_family == AF_INET || address->sa_family == AF_INET6);
}

/* Who it is comes before the privilege that is missing as well: an action names that. */
static void answer(struct page *page)
{
        const char *summary = aiu_report_get_summary(page->report);

        if (!asks_root(page->report) || aiu_report_get_verdict(page->report) != AIU_VERDICT_NOT_PERMITTED) {
                strbuf_ascii(&page->out, summary, strlen(summary));
                return;
        }
        phrase_asked(&page->out, page->report);
        strbuf_str(&page->out, " is in use by ");
        phrase_who(&page->out, page->report, phrase_told(page->report));
}

static void headline(struct page *page)
{
        enum aiu_verdict verdict = aiu_report_get_verdict(page->report);

        colour(page, verdict_colour(verdict));
        answer(page);
        if (asks_root(page->report)) {
                strbuf_str(&page->out,
                           verdict == AIU_VERDICT_UNKNOWN ? "; run  sudo addrinuse " : ": run  sudo addrinuse ");
                phrase_operand(&page->out, page->report);
        }
        colour(page, "\033[0m");
        line_end(page);
}

/* ------------------------------------------------------ who */

static bool same_holder(const struct aiu_holder *a, const struct aiu_holder *b)
{
        return aiu_holder_get_kind(a) == aiu_holder_get_kind(b) && aiu_holder_get_pid(a) == aiu_holder_get_pid(b);
}

static bool same_holders(const struct aiu_conflict *a, const struct aiu_conflict *b)
{
        size_t n = aiu_conflict_get_n_holders(a);

        if (n != aiu_conflict_get_n_holders(b))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!same_holder(aiu_conflict_get_holder(a, i), aiu_conflict_get_holder(b, i)))
                        return false;
        return true;
}

/* Sockets of the same processes in the same state are told in one line. */
static bool same_group(const struct aiu_conflict *a, const struct aiu_conflict *b)
{
        return aiu_conflict_get_state(a) == aiu_conflict_get_state(b) && same_holders(a, b);
}

/* Were the processes of this one introduced by an earlier socket? A report's first thousand are looked at. */
static bool is_known(const struct aiu_report *report, size_t at)
{
        const struct aiu_conflict *c = aiu_report_get_conflict(report, at);

        if (aiu_holder_get_pid(aiu_conflict_get_holder(c, 0)) <= 0)
                return false;
        for (size_t i = 0; i < at; i++)
                if (same_holders(aiu_report_get_conflict(report, i), c))
                        return true;
        return false;
}

static bool is_first_of_group(const struct aiu_report *report, size_t at)
{
        const struct aiu_conflict *c = aiu_report_get_conflict(report, at);

        for (size_t i = 0; i < at; i++)
                if (same_group(aiu_report_get_conflict(report, i), c))
                        return false;
        return true;
}

static size_t group_size(const struct aiu_report *report, size_t at)
{
        const struct aiu_conflict *c = aiu_report_get_conflict(report, at);
        size_t n = 0;

        for (size_t i = at; i < aiu_report_get_n_conflicts(report); i++)
                n += same_group(aiu_report_get_conflict(report, i), c);
        return n;
}

static void end_of_group(struct page *page, const struct aiu_conflict *c, size_t alike)
{
        if (alike > 1)
                strbuf_printf(&page->out, "; %zu more socket%s like it", alike - 1, alike == 2 ? "" : "s");
        if (page->flags & AIU_RENDER_VERBOSE)
                phrase_ids(&page->out, c);
        line_end(page);
}

/* What the socket does, unless the first line says it. */
static void does(struct page *page, const struct aiu_conflict *c, const char *between)
{
        if (!phrase_has_socket(c) || (c == phrase_told(page->report) && !phrase_is_hidden(c)))
                return;
        strbuf_str(&page->out, between);
        phrase_does(&page->out, c);
}

/* More sockets of processes that stand above already. */
static void also(struct page *page, const struct aiu_conflict *c, size_t alike)
{
        label(page, "also");
        phrase_holder_again(&page->out, phrase_master(c));
        does(page, c, ": ");
        end_of_group(page, c, alike);
}

/* Without a process there is one sentence, and where the first line has it, nothing more to say. */
static void without_process(struct page *page, const struct aiu_conflict *c, size_t alike)
{
        bool told = c == phrase_told(page->report) && !phrase_is_hidden(c);

        if (told && alike == 1 && !(page->flags & AIU_RENDER_VERBOSE))
                return;
        label(page, "holder");
        phrase_who(&page->out, page->report, c);
        does(page, c, phrase_is_hidden(c) ? ": " : " ");
        end_of_group(page, c, alike);
}

/* "and its 14 connections": they end with their listener, and need no line. */
static void connections(struct page *page, const struct aiu_conflict *c)
{
        size_t n = c == phrase_told(page->report) ? phrase_n_connections(page->report, c) : 0;

        if (n > 0)
                strbuf_printf(&page->out, ", and its %zu connection%s", n, n == 1 ? "" : "s");
}

static void one_holder(struct page *page, const struct aiu_conflict *c, const struct aiu_holder *h, bool first)
{
        if (!first)
                line_end(page);
        label(page, first ? "holder" : "and");
        phrase_holder(&page->out, c, h, page->flags & AIU_RENDER_LOCAL_TIME);
        if (!first)
                return;
        does(page, c, ": ");
        connections(page, c);
}

/* Each with its workers, in one line. */
static void holder(struct page *page, const struct aiu_conflict *c, size_t alike)
{
        const struct aiu_holder *h, *master = phrase_master(c);
        size_t told = 0, n = aiu_conflict_get_n_holders(c);

        if (aiu_holder_get_pid(aiu_conflict_get_holder(c, 0)) <= 0) {
                without_process(page, c, alike);
                return;
        }
        for (size_t i = 0, lines = 0; lines < MOST_GROUPS && (h = aiu_conflict_get_holder(c, i)); i++) {
                if (h != master && aiu_holder_get_flags(h) & AIU_HOLDER_WORKER)
                        continue;
                one_holder(page, c, h, lines++ == 0);
                told += 1 + phrase_n_workers(c, h);
        }
        if (n > told)
                strbuf_printf(&page->out, ", and %zu more process%s", n - told, n - told == 1 ? "" : "es");
        end_of_group(page, c, alike);
}

static void command_lines(struct page *page, const struct aiu_conflict *c)
{
        for (size_t i = 0; i < aiu_conflict_get_n_holders(c) && i < MOST_GROUPS; i++) {
                size_t bytes = 0;
                const char *cmdline = aiu_holder_get_cmdline(aiu_conflict_get_holder(c, i), &bytes);

                if (!cmdline)
                        continue;
                label(page, "command");
                phrase_cmdline(&page->out, cmdline, bytes);
                line_end(page);
        }
}

/* Port 0: the report has only the holders with most ports. */
static void other_ports(struct page *page)
{
        size_t taken = aiu_report_get_n_ports_taken(page->report), told = 0;

        for (size_t i = 0; i < aiu_report_get_n_conflicts(page->report); i++)
                told += aiu_conflict_get_n_ports(aiu_report_get_conflict(page->report, i));
        if (told > 0 && taken > told)
                strbuf_printf(&page->out, "%-10s%zu more ports of other holders\n", "and", taken - told);
}

static void conflicts(struct page *page)
{
        size_t n = aiu_report_get_n_conflicts(page->report), shown = 0, told = 0;

        /* Grouping is quadratic: of a crowd, look at its first thousand. */
        for (size_t i = 0; i < n && i < 1000 && shown < MOST_GROUPS; i++) {
                const struct aiu_conflict *c = aiu_report_get_conflict(page->report, i);
                size_t alike;

                if (!is_first_of_group(page->report, i))
                        continue;
                alike = group_size(page->report, i);
                told += alike;
                if (phrase_is_accepted(phrase_told(page->report), c) && !(page->flags & AIU_RENDER_VERBOSE))
                        continue;
                if (is_known(page->report, i)) {
                        also(page, c, alike);
                        shown++;
                        continue;
                }
                holder(page, c, alike);
                if (page->flags & AIU_RENDER_CMDLINE)
                        command_lines(page, c);
                shown++;
        }
        if (n > told)
                strbuf_printf(&page->out, "%-10s%zu more sockets\n", "and", n - told);
        other_ports(page);
}

/* ------------------------------------------------------ why */

/* Two lines for each of the first holders that differ: what starts one again may leave another alone. */
static void origins(struct page *page)
{
        size_t n = aiu_report_get_n_conflicts(page->report);

        for (size_t i = 0, shown = 0; i < n && i < 1000 && shown < 3; i++) {
                const struct aiu_holder *h = phrase_master(aiu_report_get_conflict(page->report, i));
                struct strbuf line = { 0 };

                if (!h || !is_first_of_group(page->report, i) || is_known(page->report, i))
                        continue;
                if (phrase_manager(&line, h))
                        labelled(page, "managed", &line);
                if (phrase_start(&line, h, page->flags & AIU_RENDER_VERBOSE))
                        labelled(page, "started", &line);
                shown++;
        }
}

static void why(struct page *page)
{
        const struct aiu_conflict *c = aiu_report_get_conflict(page->report, 0);
        struct strbuf line = { 0 };

        if (!c || aiu_conflict_get_overlap(c) == AIU_OVERLAP_UNKNOWN)
                return;
        if (phrase_overlap(&line, page->report, c))
                labelled(page, "conflict", &line);
        /* A search for a port shares next to nothing; the actions say what helps. */
        if (aiu_conflict_get_overlap(c) == AIU_OVERLAP_PORT_RANGE ||
            (!(page->flags & AIU_RENDER_VERBOSE) && aiu_conflict_get_reason(c) != AIU_REASON_REUSEPORT_UID &&
             aiu_conflict_get_reason(c) != AIU_REASON_REUSEPORT_PROGRAM))
                return;
        phrase_options(&line, page->report, c);
        labelled(page, "options", &line);
}

/* ------------------------------------------------------ what to do */

/* The command stands alone on its line, to be pasted: what it takes is a comment behind it. */
static void command(struct page *page, const char *const *argv, bool needs_root)
{
        colour(page, "\033[1m");
        quote_argv(&page->out, argv, LABEL_COLUMNS);
        colour(page, "\033[0m");
        strbuf_printf(&page->out, "%s\n%-*s", needs_root ? "  # needs root" : "", (int)LABEL_COLUMNS, "");
}

static const char *action_label(const struct aiu_action *a, bool first)
{
        enum aiu_action_kind kind = aiu_action_get_kind(a);

        if (aiu_action_get_flags(a) & AIU_ACTION_CHANGES_CODE && kind != AIU_ACTION_OTHER_PORT &&
            kind != AIU_ACTION_OTHER_ADDRESS)
                return "in code";
        return first ? "do" : "or";
}

static void action(struct page *page, const struct aiu_action *a, bool first)
{
        const char *const *argv = aiu_action_get_argv(a);
        const char *text = aiu_action_get_text(a);
        bool sudo = argv && strcmp(argv[0], "sudo") == 0;
        bool needs_root = !sudo && aiu_action_get_flags(a) & AIU_ACTION_NEEDS_ROOT;
        bool shown = argv && quote_is_possible(argv);

        label(page, action_label(a, first));
        if (shown)
                command(page, argv, needs_root);
        strbuf_ascii(&page->out, text ? text : "", text ? strlen(text) : 0);
        if (aiu_action_is_sufficient(a) == AIU_TRISTATE_NO)
                strbuf_str(&page->out, ". Not enough alone");
        if (argv && !shown)
                strbuf_str(&page->out, " (no shell can be given that name; the JSON has the command)");
        if (needs_root && !shown)
                strbuf_str(&page->out, " (needs root)");
        line_end(page);
}

static void actions(struct page *page)
{
        for (size_t i = 0; i < aiu_report_get_n_actions(page->report); i++) {
                const struct aiu_action *a = aiu_report_get_action(page->report, i);

                if (aiu_action_get_kind(a) != AIU_ACTION_NONE)
                        action(page, a, i == 0);
        }
}

/* ------------------------------------------------------ what is not known */

static bool has_hidden_holder(const struct aiu_report *report)
{
        for (size_t i = 0; i < aiu_report_get_n_conflicts(report); i++) {
                const struct aiu_conflict *c = aiu_report_get_conflict(report, i);

                for (size_t k = 0; k < aiu_conflict_get_n_holders(c); k++)
                        if (aiu_holder_get_kind(aiu_conflict_get_holder(c, k)) == AIU_HOLDER_HIDDEN)
                                return true;
        }
        return false;
}

/* "[::1]" and "[fe80::1%eth0]" are part of the sentence. */
static bool is_ipv6_address(const char *bracket)
{
        size_t n = strspn(bracket + 1, "0123456789abcdefABCDEF:.");

        return memchr(bracket + 1, ':', n) && (bracket[n + 1] == ']' || bracket[n + 1] == '%');
}

/* The kernel's terms stand in brackets at the end: they are for -v. */
static size_t shown_bytes(const struct page *page, const char *text)
{
        size_t n = strlen(text);
        const char *terms = strrchr(text, '[');

        if (page->flags & AIU_RENDER_VERBOSE || !terms || terms == text || terms[-1] != ' ' || text[n - 1] != ']' ||
            is_ipv6_address(terms))
                return n;
        return (size_t)(terms - text) - 1;
}

static void gaps(struct page *page)
{
        bool wanted = page->flags & AIU_RENDER_VERBOSE || aiu_report_get_verdict(page->report) == AIU_VERDICT_UNKNOWN ||
                      has_hidden_holder(page->report);

        for (size_t i = 0; i < aiu_report_get_n_gaps(page->report); i++) {
                const struct aiu_gap *gap = aiu_report_get_gap(page->report, i);
                bool note = aiu_gap_get_kind(gap) == AIU_GAP_NOTE;
                const char *text = aiu_gap_get_text(gap);

                if (!wanted && !note)
                        continue;
                label(page, note ? "note" : "not seen");
                strbuf_escaped(&page->out, text ? text : "", text ? shown_bytes(page, text) : 0);
                line_end(page);
        }
}

static void neighbours(struct page *page)
{
        size_t n = aiu_report_get_n_neighbours(page->report);

        if (!(page->flags & AIU_RENDER_VERBOSE))
                return;
        for (size_t i = 0; i < n && i < MOST_GROUPS; i++) {
                const struct aiu_conflict *c = aiu_report_get_neighbour(page->report, i);

                label(page, "beside");
                phrase_does(&page->out, c);
                strbuf_str(&page->out, ": same port, not in the way");
                phrase_ids(&page->out, c);
                line_end(page);
        }
        if (n > MOST_GROUPS)
                strbuf_printf(&page->out, "%-10s%zu more neighbours\n", "and", n - MOST_GROUPS);
}

static void whole_page(struct page *page)
{
        headline(page);
        conflicts(page);
        origins(page);
        why(page);
        actions(page);
        gaps(page);
        neighbours(page);
}

AIU_EXPORT int aiu_report_to_text(const struct aiu_report *report, uint32_t flags, char **ret_text)
{
        KEEP_ERRNO;
        struct page page = { .report = report, .flags = flags };

        if (!report || !ret_text || flags & ~KNOWN_FLAGS)
                return -EINVAL;
        whole_page(&page);
        return strbuf_steal(&page.out, ret_text);
}

AIU_EXPORT int aiu_report_print(const struct aiu_report *report, FILE *stream, uint32_t flags)
{
        KEEP_ERRNO;
        char *text;
        int r;

        if (!stream)
                return -EINVAL;
        r = aiu_report_to_text(report, flags, &text);
        if (r < 0)
                return r;
        r = fputs(text, stream) < 0 ? -EIO : 0;
        free(text);
        return r;
}
