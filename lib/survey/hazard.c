/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The list of hazards. Pure. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "survey/survey.h"
#include "util/macro.h"

#define MOST_HAZARDS 65536u

void hazard_finish(struct aiu_hazard *hazard)
{
        for (size_t i = 0; hazard->fix_argv && hazard->fix_argv[i]; i++)
                free(hazard->fix_argv[i]);
        free(hazard->fix_argv);
        free(hazard->fix_text);
        free(hazard->sockets);
        free(hazard->text);
}

static int copy_argv(struct aiu_hazard *hazard, const char *const *argv)
{
        size_t n = 0;

        while (argv[n])
                n++;
        if (n == 0)
                return 0;
        hazard->fix_argv = calloc(n + 1, sizeof(*hazard->fix_argv));
        for (size_t i = 0; hazard->fix_argv && i < n; i++) {
                hazard->fix_argv[i] = strdup(argv[i]);
                if (!hazard->fix_argv[i])
                        return -ENOMEM;
        }
        return hazard->fix_argv ? 0 : -ENOMEM;
}

/* Where its sockets are, if that is not the caller's own network namespace. */
static int take_text(const struct aiu_survey *survey, struct hazard_draft *draft, char **ret)
{
        uint32_t netns = draft->n_sockets > 0 ? survey->facts->conflicts[draft->sockets[0]].socket.netns : 0;
        struct strbuf text = { 0 };

        if (netns == 0 || draft->text.error)
                return strbuf_steal(&draft->text, ret);
        strbuf_str(&text, "in network namespace ");
        survey_put_netns(&text, survey, netns);
        strbuf_printf(&text, ", %s", draft->text.text);
        return strbuf_steal(&text, ret);
}

static int fill(const struct aiu_survey *survey, struct aiu_hazard *hazard, struct hazard_draft *draft)
{
        int r = take_text(survey, draft, &hazard->text);

        if (r >= 0 && draft->fix.n > 0)
                r = strbuf_steal(&draft->fix, &hazard->fix_text);
        if (r >= 0)
                r = draft->fix.error;
        if (r < 0 || draft->n_sockets == 0)
                return r < 0 ? r : copy_argv(hazard, draft->argv);
        hazard->sockets = malloc(draft->n_sockets * sizeof(*hazard->sockets));
        if (!hazard->sockets)
                return -ENOMEM;
        memcpy(hazard->sockets, draft->sockets, draft->n_sockets * sizeof(*hazard->sockets));
        hazard->n_sockets = draft->n_sockets;
        return copy_argv(hazard, draft->argv);
}

int hazard_add(struct aiu_survey *survey, struct hazard_draft *draft)
{
        struct aiu_hazard hazard = { .kind = draft->kind, .severity = draft->severity, .order = survey->n_hazards };
        int r = SNAPSHOT_GROW(survey, hazards, MOST_HAZARDS);

        if (r >= 0)
                r = fill(survey, &hazard, draft);
        strbuf_finish(&draft->text);
        strbuf_finish(&draft->fix);
        if (r >= 0)
                survey->hazards[survey->n_hazards++] = hazard;
        else
                hazard_finish(&hazard);
        survey->hazards_cut = survey->hazards_cut || r == -ENOBUFS;
        return r == -ENOBUFS ? 0 : r;
}

static int compare(const void *a, const void *b)
{
        const struct aiu_hazard *x = a, *y = b;

        if (x->severity != y->severity)
                return x->severity < y->severity ? 1 : -1;
        return (x->order > y->order) - (x->order < y->order);
}

void hazards_sort(struct aiu_survey *survey)
{
        if (survey->n_hazards > 1)
                qsort(survey->hazards, survey->n_hazards, sizeof(*survey->hazards), compare);
}
