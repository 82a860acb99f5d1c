/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The other story of the library: not "what is in the way of this bind()", but "what does this host have, and what
 * of that will go wrong".
 *
 *      survey_collect()        backends: all sockets once, all holders once, each manager once
 *      survey_build()          each socket with its holders, and its owner
 *      overlap_find()          rules:    pairs that share addresses, by port, in linear time
 *      survey_collect_options() backends: of these pairs alone
 *      hazards_*()             what is wrong: one table or rule a file
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/build.h"
#include "survey/survey.h"
#include "util/macro.h"
#include "util/sys.h"

#define KNOWN_FLAGS (AIU_SURVEY_RESTARTS | AIU_SURVEY_HOST | AIU_SURVEY_UNIX)

static int read_options(struct aiu_survey *survey, struct observation *o, const struct pairs *pairs)
{
        size_t *sockets = calloc(2 * pairs->n + 1, sizeof(*sockets));
        int r;

        if (!sockets)
                return -ENOMEM;
        for (size_t i = 0; i < pairs->n; i++) {
                sockets[2 * i] = pairs->list[i].a;
                sockets[2 * i + 1] = pairs->list[i].b;
        }
        r = survey_collect_options(o, sockets, 2 * pairs->n);
        for (size_t i = 0; r >= 0 && i < 2 * pairs->n; i++) {
                struct socket *to = &survey->facts->conflicts[sockets[i]].socket;

                to->reuseaddr = o->snapshot.sockets[sockets[i]].reuseaddr;
                to->reuseport = o->snapshot.sockets[sockets[i]].reuseport;
        }
        free(sockets);
        return r;
}

static int judge_pairs(struct aiu_survey *survey, struct observation *o)
{
        struct pairs pairs = { 0 };
        int r;

        r = overlap_find(survey, &o->snapshot.host, &pairs);
        if (r >= 0 && pairs.n > 0)
                r = read_options(survey, o, &pairs);
        if (r >= 0)
                r = hazards_overlap(survey, &pairs);
        if (r >= 0 && pairs.truncated)
                (void)aiu_snapshot_add_gap(&o->snapshot, AIU_GAP_TRUNCATED, ENOBUFS,
                                           "so many sockets overlap that not all pairs of them are listed");
        free(pairs.list);
        return r;
}

static int judge(struct aiu_survey *survey, struct observation *o)
{
        int r = judge_pairs(survey, o);
        bool unknown = false;

        if (r >= 0)
                r = hazards_held(survey);
        for (size_t i = 0; r >= 0 && i < survey->n_netns; i++) {
                r = hazards_ports(survey, i == 0 ? &o->snapshot.host : &survey->netns[i].host, (uint32_t)i);
                unknown = unknown || r > 0;
        }
        if (unknown)
                (void)aiu_snapshot_add_gap(&o->snapshot, AIU_GAP_PERMISSION, EACCES,
                                           "which ports are reserved could not be read: whether clients may take the "
                                           "port of a listener is unknown [ip_local_reserved_ports]");
        if (r >= 0)
                r = hazards_units(survey, &o->snapshot);
        if (r > 0 || survey->hazards_cut)
                (void)aiu_snapshot_add_gap(&o->snapshot, AIU_GAP_TRUNCATED, ENOBUFS,
                                           "there are so many hazards that not all of them are listed");
        hazards_sort(survey);
        return r;
}

/* A gap that was lost for want of memory would make the survey seem complete. */
static int take_gaps(struct aiu_survey *survey, struct observation *o)
{
        struct aiu_report *facts = survey->facts;

        survey->n_unseen = o->snapshot.n_unseen;
        survey->range_first = o->snapshot.host.port_range_first;
        survey->range_last = o->snapshot.host.port_range_last;
        if (o->snapshot.gap_lost)
                return -ENOMEM;
        facts->gaps = calloc(o->snapshot.n_gaps + 1, sizeof(*facts->gaps)); /* one for a plan */
        if (!facts->gaps)
                return -ENOMEM;
        for (size_t i = 0; i < o->snapshot.n_gaps; i++)
                facts->gaps[facts->n_gaps++].gap = o->snapshot.gaps[i];
        o->snapshot.n_gaps = 0;
        return 0;
}

static int fill(struct aiu_survey *survey, struct observation *o)
{
        int r = survey_collect(survey, o);

        if (r >= 0)
                r = survey_build(survey, o);
        if (r >= 0)
                r = build_users(survey->facts, o->query->context->user_name, o->query->context->user_name_userdata);
        if (r >= 0)
                r = judge(survey, o);
        return r < 0 ? r : take_gaps(survey, o);
}

static int run(struct aiu_context *context, uint32_t flags, struct aiu_survey *survey)
{
        const struct aiu_query query = { .context = context, .netns = -1, .process = -1 };
        struct request request = { .address.len = sizeof(struct sockaddr_in),
                                   .address.sa.in.sin_family = AF_INET,
                                   .type = SOCK_STREAM,
                                   .uid = sys_geteuid() };
        struct observation o;
        int r;

        observe_begin(&o, &query, &request);
        o.snapshot.survey = true;
        o.backend_request.survey_flags = flags;
        r = fill(survey, &o);
        namespaces_close(survey);
        observe_end(&o);
        return r < 0 ? r : 0;
}

static int run_with_default(struct aiu_context *context_or_null, uint32_t flags, struct aiu_survey *survey)
{
        struct aiu_context *context = NULL;
        int r;

        if (context_or_null)
                return run(context_or_null, flags, survey);
        r = aiu_context_new(&context);
        if (r >= 0)
                r = run(context, flags, survey);
        aiu_context_unref(context);
        return r;
}

static void survey_free(struct aiu_survey *survey)
{
        for (size_t i = 0; survey->owners && i < survey->facts->n_conflicts; i++)
                free(survey->owners[i]);
        for (size_t i = 0; i < survey->n_hazards; i++)
                hazard_finish(&survey->hazards[i]);
        for (size_t i = 0; i < survey->n_differences; i++)
                difference_finish(&survey->differences[i]);
        for (size_t i = 0; i < survey->n_netns; i++)
                free(survey->netns[i].path);
        free(survey->netns);
        free(survey->owners);
        free(survey->hazards);
        free(survey->differences);
        aiu_report_unref(survey->facts);
        free(survey);
}

AIU_EXPORT int aiu_survey_run(struct aiu_context *context, uint32_t flags, struct aiu_survey **ret_survey)
{
        KEEP_ERRNO;
        struct aiu_survey *survey;
        int r = -ENOMEM;

        if (!ret_survey || flags & ~KNOWN_FLAGS)
                return -EINVAL;
        survey = calloc(1, sizeof(*survey));
        if (!survey)
                return -ENOMEM;
        survey->refs = 1;
        survey->facts = report_new();
        if (survey->facts)
                r = run_with_default(context, flags, survey);
        if (r < 0)
                aiu_survey_unref(survey);
        else
                *ret_survey = survey;
        return r;
}

AIU_EXPORT struct aiu_survey *aiu_survey_ref(struct aiu_survey *survey)
{
        if (survey)
                atomic_fetch_add_explicit(&survey->refs, 1, memory_order_relaxed);
        return survey;
}

AIU_EXPORT struct aiu_survey *aiu_survey_unref(struct aiu_survey *survey)
{
        KEEP_ERRNO;

        if (survey && atomic_fetch_sub_explicit(&survey->refs, 1, memory_order_acq_rel) == 1)
                survey_free(survey);
        return NULL;
}
