/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Survey → words: a table of who has which address, or the hazards and what mends them. Through public accessors alone.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addrinuse.h"
#include "render/phrases.h"
#include "util/macro.h"
#include "util/quote.h"

#define KNOWN_FLAGS                                                                                                    \
        (AIU_RENDER_COLOR | AIU_RENDER_CMDLINE | AIU_RENDER_VERBOSE | AIU_RENDER_PRETTY | AIU_RENDER_LOCAL_TIME |      \
         AIU_RENDER_TABLE)
#define LABEL_COLUMNS 10u
#define MOST_COLUMNS 40u /* of one cell that the others are aligned to */
#define N_COLUMNS 5u
#define NETNS 1u /* a column of a survey of several network namespaces */
#define NAMES "/run/netns/"

struct page {
        struct strbuf out;
        const struct aiu_survey *survey;
        uint32_t flags;
        uint32_t *marks;
};

static void colour(struct page *page, const char *sequence)
{
        if (page->flags & AIU_RENDER_COLOR)
                strbuf_str(&page->out, sequence);
}

static void label(struct page *page, const char *name)
{
        colour(page, "\033[1m");
        strbuf_printf(&page->out, "%-10s", name);
        colour(page, "\033[0m");
}

/* ------------------------------------------------------ the table */

static void put_address(struct strbuf *out, const struct aiu_conflict *c)
{
        socklen_t bytes = 0;
        const struct sockaddr *local = aiu_conflict_get_local(c, &bytes);

        phrase_endpoint(out, c);
        if (local && local->sa_family != AF_UNIX)
                strbuf_printf(out, "/%s", phrase_protocol(aiu_conflict_get_type(c), aiu_conflict_get_protocol(c)));
}

static void put_holder(struct strbuf *out, const struct aiu_conflict *c)
{
        const struct aiu_holder *h = phrase_server(c);
        size_t n_workers = phrase_n_workers(c, h);

        if (aiu_holder_get_kernel_user(h)) {
                phrase_kernel_user(out, aiu_holder_get_kernel_user(h), aiu_holder_get_kernel_user_name(h));
                return;
        }
        if (aiu_holder_get_pid(h) == 0) {
                strbuf_printf(out, "not visible, uid %u", (unsigned int)aiu_conflict_get_uid(c));
                return;
        }
        phrase_program(out, h);
        strbuf_printf(out, ", pid %d", (int)aiu_holder_get_pid(h));
        if (n_workers > 0)
                strbuf_printf(out, " and %zu worker%s", n_workers, n_workers == 1 ? "" : "s");
}

static void put_manager(struct strbuf *out, const struct aiu_conflict *c)
{
        const struct aiu_holder *h = phrase_server(c);

        if (aiu_holder_get_container(h))
                phrase_container(out, h);
        else if (aiu_holder_get_unit(h))
                strbuf_outside(out, aiu_holder_get_unit(h));
        else if (aiu_holder_get_socket_unit(h))
                strbuf_outside(out, aiu_holder_get_socket_unit(h));
        else if (aiu_holder_get_supervisor(h))
                strbuf_outside(out, aiu_holder_get_supervisor(h));
        else
                strbuf_str(out, "-");
}

/* Which hazards each socket has part in, one bit for each kind: once for all sockets. */
static void mark_sockets(struct page *page)
{
        page->marks = calloc(aiu_survey_get_n_sockets(page->survey) + 1, sizeof(*page->marks));
        if (!page->marks) {
                page->out.error = -ENOMEM;
                return;
        }
        for (size_t k = 0; k < aiu_survey_get_n_hazards(page->survey); k++) {
                const struct aiu_hazard *h = aiu_survey_get_hazard(page->survey, k);

                for (size_t m = 0; m < aiu_hazard_get_n_sockets(h); m++)
                        if (aiu_hazard_get_severity(h) >= AIU_SEVERITY_WARNING)
                                page->marks[aiu_hazard_get_socket(h, m)] |= UINT32_C(1) << aiu_hazard_get_kind(h);
        }
}

/* As ip-netns(8) calls it, else its number. */
static void put_netns(struct strbuf *out, const struct aiu_survey *survey, size_t i)
{
        const char *path;
        uint64_t inode = aiu_survey_get_netns(survey, i, &path);

        if (path && strncmp(path, NAMES, strlen(NAMES)) == 0)
                strbuf_outside(out, path + strlen(NAMES));
        else if (inode != 0)
                strbuf_printf(out, "%llu", (unsigned long long)inode);
        else
                strbuf_str(out, "-");
}

static bool has_column(const struct page *page, size_t k)
{
        return k != NETNS || aiu_survey_get_n_netns(page->survey) > 1;
}

static void put_note(struct page *page, struct strbuf *out, size_t i)
{
        const struct aiu_conflict *c = aiu_survey_get_socket(page->survey, i);
        uint32_t marks = page->marks[i] & ~(UINT32_C(1) << AIU_HAZARD_BOUND_ONLY);

        if (aiu_conflict_get_state(c) == AIU_STATE_BOUND && aiu_conflict_get_type(c) == SOCK_STREAM)
                strbuf_str(out, "does not listen");
        for (unsigned int kind = 0; kind < 32; kind++)
                if (marks & (UINT32_C(1) << kind))
                        strbuf_printf(out, "%s%s", out->n > 0 ? ", " : "",
                                      aiu_hazard_kind_to_string((enum aiu_hazard_kind)kind));
}

/* The cells of one line, the note apart. */
static void put_cells(struct page *page, size_t i, struct strbuf cells[N_COLUMNS])
{
        const struct aiu_conflict *c = aiu_survey_get_socket(page->survey, i);

        put_address(&cells[0], c);
        if (has_column(page, NETNS))
                put_netns(&cells[NETNS], page->survey, i);
        put_holder(&cells[2], c);
        put_manager(&cells[3], c);
        phrase_since(&cells[4], phrase_server(c), page->flags & AIU_RENDER_LOCAL_TIME);
        if (cells[4].n == 0)
                strbuf_str(&cells[4], "-");
}

static void finish(struct page *page, struct strbuf cells[N_COLUMNS])
{
        for (size_t k = 0; k < N_COLUMNS; k++) {
                if (cells[k].error)
                        page->out.error = cells[k].error;
                strbuf_finish(&cells[k]);
        }
}

static void measure(struct page *page, size_t widths[N_COLUMNS])
{
        for (size_t i = 0; i < aiu_survey_get_n_sockets(page->survey); i++) {
                struct strbuf cells[N_COLUMNS] = { 0 };

                put_cells(page, i, cells);
                for (size_t k = 0; k < N_COLUMNS; k++)
                        if (cells[k].n > widths[k] && cells[k].n <= MOST_COLUMNS)
                                widths[k] = cells[k].n;
                finish(page, cells);
        }
}

static void put_line(struct page *page, size_t i, const size_t widths[N_COLUMNS])
{
        struct strbuf cells[N_COLUMNS] = { 0 }, note = { 0 };

        put_cells(page, i, cells);
        put_note(page, &note, i);
        for (size_t k = 0; k < N_COLUMNS; k++) {
                bool last = k + 1 == N_COLUMNS && note.n == 0;

                if (!has_column(page, k))
                        continue;
                strbuf_printf(&page->out, "%-*s%s", last ? 0 : (int)widths[k], cells[k].text ? cells[k].text : "",
                              last ? "" : "  ");
        }
        strbuf_str(&page->out, note.text ? note.text : "");
        strbuf_str(&page->out, "\n");
        if (note.error)
                page->out.error = note.error;
        strbuf_finish(&note);
        finish(page, cells);
}

static void table(struct page *page)
{
        static const char *const heads[N_COLUMNS] = { "ADDRESS", "NETNS", "HOLDER", "MANAGER", "SINCE" };
        size_t widths[N_COLUMNS];

        for (size_t k = 0; k < N_COLUMNS; k++)
                widths[k] = strlen(heads[k]);
        if (aiu_survey_get_n_sockets(page->survey) == 0)
                return;
        mark_sockets(page);
        if (page->out.error)
                return;
        measure(page, widths);
        colour(page, "\033[1m");
        for (size_t k = 0; k < N_COLUMNS; k++)
                if (has_column(page, k))
                        strbuf_printf(&page->out, "%-*s  ", (int)widths[k], heads[k]);
        strbuf_str(&page->out, "NOTE");
        colour(page, "\033[0m");
        strbuf_str(&page->out, "\n");
        for (size_t i = 0; i < aiu_survey_get_n_sockets(page->survey); i++)
                put_line(page, i, widths);
}

/* ------------------------------------------------------ the lines below */

static void hazard(struct page *page, const struct aiu_hazard *h)
{
        const char *const *argv = aiu_hazard_get_fix_argv(h);

        if (aiu_hazard_get_severity(h) == AIU_SEVERITY_INFO && !(page->flags & AIU_RENDER_VERBOSE))
                return;
        label(page, aiu_severity_to_string(aiu_hazard_get_severity(h)));
        strbuf_printf(&page->out, "%s: %s\n", aiu_hazard_kind_to_string(aiu_hazard_get_kind(h)),
                      aiu_hazard_get_text(h));
        if (page->flags & AIU_RENDER_TABLE || !aiu_hazard_get_fix_text(h))
                return;
        label(page, "do");
        if (argv && quote_is_possible(argv)) {
                quote_argv(&page->out, argv, LABEL_COLUMNS);
                strbuf_str(&page->out, "  # ");
        }
        strbuf_printf(&page->out, "%s\n", aiu_hazard_get_fix_text(h));
}

static void difference(struct page *page, size_t i)
{
        const char *planned = aiu_survey_get_difference_planned(page->survey, i);
        const char *owner = aiu_survey_get_difference_owner(page->survey, i);

        label(page, "plan");
        strbuf_printf(&page->out, "%s: %s", aiu_difference_to_string(aiu_survey_get_difference(page->survey, i)),
                      aiu_survey_get_difference_address(page->survey, i));
        if (planned)
                strbuf_printf(&page->out, " is meant for %s", planned);
        if (planned && owner)
                strbuf_printf(&page->out, ", and %s has it", owner);
        else if (planned)
                strbuf_str(&page->out, ", and no socket has it");
        else if (owner)
                strbuf_printf(&page->out, " of %s is not in the plan", owner);
        else
                strbuf_str(&page->out, " is not in the plan");
        strbuf_str(&page->out, "\n");
}

/* The kernel's terms stand in brackets at the end: they are for -v. */
static void gap(struct page *page, const struct aiu_gap *g)
{
        const char *text = aiu_gap_get_text(g), *terms = strrchr(text, '[');
        size_t n = strlen(text);

        if (!(page->flags & AIU_RENDER_VERBOSE) && terms && terms > text && terms[-1] == ' ' && text[n - 1] == ']')
                n = (size_t)(terms - text) - 1;
        label(page, aiu_gap_get_kind(g) == AIU_GAP_NOTE ? "note" : "not seen");
        strbuf_escaped(&page->out, text, n);
        strbuf_str(&page->out, "\n");
}

static size_t count_hazards(const struct page *page)
{
        size_t n = 0;

        for (size_t i = 0; i < aiu_survey_get_n_hazards(page->survey); i++)
                n += aiu_hazard_get_severity(aiu_survey_get_hazard(page->survey, i)) > AIU_SEVERITY_INFO;
        return n;
}

static void total(struct page *page)
{
        size_t n_sockets = aiu_survey_get_n_sockets(page->survey), n_hazards = count_hazards(page);

        strbuf_printf(&page->out, "%zu socket%s", n_sockets, n_sockets == 1 ? "" : "s");
        if (has_column(page, NETNS))
                strbuf_printf(&page->out, " in %zu network namespaces", aiu_survey_get_n_netns(page->survey));
        strbuf_printf(&page->out, ", %zu hazard%s\n", n_hazards, n_hazards == 1 ? "" : "s");
}

AIU_EXPORT int aiu_survey_to_text(const struct aiu_survey *survey, uint32_t flags, char **ret_text)
{
        KEEP_ERRNO;
        struct page page = { .survey = survey, .flags = flags };

        if (!survey || !ret_text || flags & ~KNOWN_FLAGS)
                return -EINVAL;
        if (flags & AIU_RENDER_TABLE)
                table(&page);
        for (size_t i = 0; i < aiu_survey_get_n_hazards(survey); i++)
                hazard(&page, aiu_survey_get_hazard(survey, i));
        for (size_t i = 0; i < aiu_survey_get_n_differences(survey); i++)
                difference(&page, i);
        for (size_t i = 0; i < aiu_survey_get_n_gaps(survey); i++)
                gap(&page, aiu_survey_get_gap(survey, i));
        total(&page);
        free(page.marks);
        return strbuf_steal(&page.out, ret_text);
}
