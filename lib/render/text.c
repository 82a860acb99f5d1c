/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Report → words for a person at 3 a.m.: the answer first, then who, then why it
 * is in the way, then what to do, each command ready to paste. Through public
 * accessors alone; the longer phrases are in render/phrases.c. Every byte from
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

#define KNOWN_FLAGS (AIU_RENDER_COLOR | AIU_RENDER_CMDLINE | AIU_RENDER_VERBOSE | AIU_RENDER_PRETTY)
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

/* A label in a column of ten, as "held by   ". */
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

/*
 * The summary up to its "; held by": the lines below tell that better. The search
 * begins behind the address, because whoever names an AF_UNIX file may put those
 * very words into its name, and must not hide the verdict with them.
 */
static void headline(struct page *page)
{
        const char *summary = aiu_report_get_summary(page->report), *end;
        struct strbuf address = { 0 };

        words_of_asked(&address, page->report);
        if (address.error)
                page->out.error = address.error;
        end = address.text && strncmp(summary, address.text, address.n) == 0 ? summary + address.n : summary;
        strbuf_finish(&address);
        end = strstr(end, "; held by ");
        colour(page, verdict_colour(aiu_report_get_verdict(page->report)));
        strbuf_ascii(&page->out, summary, end ? (size_t)(end - summary) : strlen(summary));
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
                strbuf_printf(&page->out, "; %zu more like it", alike - 1);
        if (page->flags & AIU_RENDER_VERBOSE)
                words_of_ids(&page->out, c);
        line_end(page);
}

/* More sockets of processes that stand above already. */
static void held_as_well(struct page *page, const struct aiu_conflict *c, size_t alike)
{
        label(page, "also");
        words_of_holder_again(&page->out, aiu_conflict_get_holder(c, 0));
        words_of_state(&page->out, c);
        end_of_group(page, c, alike);
}

static void held_by(struct page *page, const struct aiu_conflict *c, size_t alike)
{
        size_t n = aiu_conflict_get_n_holders(c);

        label(page, "held by");
        if (n == 0)
                words_of_nobody(&page->out, c, NULL);
        for (size_t i = 0; i < n && i < MOST_GROUPS; i++) {
                if (i > 0) {
                        line_end(page);
                        label(page, "and");
                }
                words_of_holder(&page->out, c, aiu_conflict_get_holder(c, i));
                if (i == 0)
                        words_of_state(&page->out, c);
        }
        if (n > MOST_GROUPS)
                strbuf_printf(&page->out, ", and %zu more processes", n - MOST_GROUPS);
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
                words_of_cmdline(&page->out, cmdline, bytes);
                line_end(page);
        }
}

/* Port 0: only those who have most ports stand in the report. */
static void other_ports(struct page *page)
{
        size_t taken = aiu_report_get_n_ports_taken(page->report), told = 0;

        for (size_t i = 0; i < aiu_report_get_n_conflicts(page->report); i++)
                told += aiu_conflict_get_n_ports(aiu_report_get_conflict(page->report, i));
        if (told > 0 && taken > told)
                strbuf_printf(&page->out, "%-10s%zu more ports that others have\n", "and", taken - told);
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
                if (is_known(page->report, i)) {
                        held_as_well(page, c, alike);
                        shown++;
                        continue;
                }
                held_by(page, c, alike);
                if (page->flags & AIU_RENDER_CMDLINE)
                        command_lines(page, c);
                shown++;
        }
        if (n > told)
                strbuf_printf(&page->out, "%-10s%zu more sockets\n", "and", n - told);
        other_ports(page);
}

/* ------------------------------------------------------ why */

static bool has_origin(const struct aiu_holder *h)
{
        return h && (aiu_holder_get_pid(h) > 0 || aiu_holder_get_unit(h) || aiu_holder_get_socket_unit(h) ||
                     aiu_holder_get_container(h) || aiu_holder_get_supervisor(h));
}

/* One line for each of the first holders that differ: who brings one back may leave another alone. */
static void because(struct page *page)
{
        size_t n = aiu_report_get_n_conflicts(page->report);

        for (size_t i = 0, shown = 0; i < n && i < 1000 && shown < 3; i++) {
                const struct aiu_conflict *c = aiu_report_get_conflict(page->report, i);
                const struct aiu_holder *h = aiu_conflict_get_holder(c, 0);

                if (!has_origin(h) || !is_first_of_group(page->report, i) || is_known(page->report, i))
                        continue;
                label(page, "because");
                words_of_origin(&page->out, h);
                line_end(page);
                shown++;
        }
}

static void overlap(struct page *page)
{
        const struct aiu_conflict *c = aiu_report_get_conflict(page->report, 0);

        if (!c || aiu_conflict_get_overlap(c) == AIU_OVERLAP_UNKNOWN)
                return;
        label(page, "overlap");
        words_of_overlap(&page->out, page->report, c);
        line_end(page);
}

static void options(struct page *page)
{
        const struct aiu_conflict *c = aiu_report_get_conflict(page->report, 0);

        /* A search for a port shares next to nothing; the actions say what helps. */
        if (!c || aiu_conflict_get_overlap(c) == AIU_OVERLAP_UNKNOWN ||
            aiu_conflict_get_overlap(c) == AIU_OVERLAP_PORT_RANGE)
                return;
        label(page, "options");
        words_of_options(&page->out, page->report, c);
        line_end(page);
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

static void action(struct page *page, const struct aiu_action *a, bool first)
{
        const char *const *argv = aiu_action_get_argv(a);
        const char *text = aiu_action_get_text(a);
        bool needs_root = aiu_action_get_flags(a) & AIU_ACTION_NEEDS_ROOT;
        bool shown = argv && quote_is_possible(argv);

        label(page, first ? "do" : "or");
        if (shown)
                command(page, argv, needs_root);
        strbuf_ascii(&page->out, text ? text : "", text ? strlen(text) : 0);
        if (argv && aiu_action_is_sufficient(a) == AIU_TRISTATE_NO)
                strbuf_str(&page->out, " (not enough alone)");
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
                strbuf_escaped(&page->out, text ? text : "", text ? strlen(text) : 0);
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
                words_of_endpoint(&page->out, c);
                words_of_state(&page->out, c);
                strbuf_str(&page->out, ": on the same port, not in the way");
                words_of_ids(&page->out, c);
                line_end(page);
        }
        if (n > MOST_GROUPS)
                strbuf_printf(&page->out, "%-10s%zu more neighbours\n", "and", n - MOST_GROUPS);
}

static void whole_page(struct page *page)
{
        headline(page);
        if (aiu_report_get_n_conflicts(page->report) > 0) {
                conflicts(page);
                because(page);
                overlap(page);
                options(page);
        }
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
