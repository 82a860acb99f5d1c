/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Accessors of a survey and of its parts. They never fail. */
#include <stdint.h>

#include "survey/survey.h"
#include "util/macro.h"

AIU_EXPORT size_t aiu_survey_get_n_sockets(const struct aiu_survey *survey)
{
        return survey ? survey->facts->n_conflicts : 0;
}

AIU_EXPORT const struct aiu_conflict *aiu_survey_get_socket(const struct aiu_survey *survey, size_t i)
{
        return aiu_report_get_conflict(survey ? survey->facts : NULL, i);
}

AIU_EXPORT const char *aiu_survey_get_owner(const struct aiu_survey *survey, size_t i)
{
        return i < aiu_survey_get_n_sockets(survey) ? survey->owners[i] : NULL;
}

AIU_EXPORT size_t aiu_survey_get_n_netns(const struct aiu_survey *survey)
{
        size_t n = 0;

        for (size_t i = 0; survey && i < survey->n_netns; i++)
                n += !survey->netns[i].refused;
        return n;
}

AIU_EXPORT uint64_t aiu_survey_get_netns(const struct aiu_survey *survey, size_t i, const char **ret_path)
{
        const struct survey_netns *ns = NULL;

        if (i < aiu_survey_get_n_sockets(survey) && survey->n_netns > 0)
                ns = &survey->netns[survey->facts->conflicts[i].socket.netns];
        if (ret_path)
                *ret_path = ns ? ns->path : NULL;
        return ns ? ns->inode : 0;
}

AIU_EXPORT size_t aiu_survey_get_n_unseen_processes(const struct aiu_survey *survey)
{
        return survey ? survey->n_unseen : 0;
}

AIU_EXPORT size_t aiu_survey_get_n_gaps(const struct aiu_survey *survey)
{
        return aiu_report_get_n_gaps(survey ? survey->facts : NULL);
}

AIU_EXPORT const struct aiu_gap *aiu_survey_get_gap(const struct aiu_survey *survey, size_t i)
{
        return aiu_report_get_gap(survey ? survey->facts : NULL, i);
}

AIU_EXPORT size_t aiu_survey_get_n_hazards(const struct aiu_survey *survey)
{
        return survey ? survey->n_hazards : 0;
}

AIU_EXPORT const struct aiu_hazard *aiu_survey_get_hazard(const struct aiu_survey *survey, size_t i)
{
        return i < aiu_survey_get_n_hazards(survey) ? &survey->hazards[i] : NULL;
}

AIU_EXPORT enum aiu_hazard_kind aiu_hazard_get_kind(const struct aiu_hazard *hazard)
{
        return hazard ? hazard->kind : AIU_HAZARD_UNKNOWN;
}

AIU_EXPORT enum aiu_severity aiu_hazard_get_severity(const struct aiu_hazard *hazard)
{
        return hazard ? hazard->severity : AIU_SEVERITY_UNKNOWN;
}

AIU_EXPORT const char *aiu_hazard_get_text(const struct aiu_hazard *hazard)
{
        return hazard ? hazard->text : NULL;
}

AIU_EXPORT size_t aiu_hazard_get_n_sockets(const struct aiu_hazard *hazard)
{
        return hazard ? hazard->n_sockets : 0;
}

AIU_EXPORT size_t aiu_hazard_get_socket(const struct aiu_hazard *hazard, size_t i)
{
        return i < aiu_hazard_get_n_sockets(hazard) ? hazard->sockets[i] : SIZE_MAX;
}

AIU_EXPORT const char *aiu_hazard_get_fix_text(const struct aiu_hazard *hazard)
{
        return hazard ? hazard->fix_text : NULL;
}

AIU_EXPORT const char *const *aiu_hazard_get_fix_argv(const struct aiu_hazard *hazard)
{
        return hazard ? (const char *const *)hazard->fix_argv : NULL;
}

AIU_EXPORT size_t aiu_survey_get_n_differences(const struct aiu_survey *survey)
{
        return survey ? survey->n_differences : 0;
}

AIU_EXPORT enum aiu_difference aiu_survey_get_difference(const struct aiu_survey *survey, size_t i)
{
        return i < aiu_survey_get_n_differences(survey) ? survey->differences[i].kind : AIU_DIFFERENCE_UNKNOWN;
}

AIU_EXPORT const char *aiu_survey_get_difference_address(const struct aiu_survey *survey, size_t i)
{
        return i < aiu_survey_get_n_differences(survey) ? survey->differences[i].address : NULL;
}

AIU_EXPORT const char *aiu_survey_get_difference_planned(const struct aiu_survey *survey, size_t i)
{
        return i < aiu_survey_get_n_differences(survey) ? survey->differences[i].planned : NULL;
}

AIU_EXPORT const char *aiu_survey_get_difference_owner(const struct aiu_survey *survey, size_t i)
{
        return i < aiu_survey_get_n_differences(survey) ? survey->differences[i].owner : NULL;
}

AIU_EXPORT size_t aiu_survey_get_n_unverified(const struct aiu_survey *survey)
{
        return survey ? survey->n_unverified : 0;
}
