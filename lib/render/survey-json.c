/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Survey → JSON, schema 1 (doc/addrinuse.schema.json), through public accessors alone. */
#include <errno.h>

#include "addrinuse.h"
#include "render/json-parts.h"
#include "render/json-writer.h"
#include "render/phrases.h"
#include "util/macro.h"

#define KNOWN_FLAGS                                                                                                    \
        (AIU_RENDER_COLOR | AIU_RENDER_CMDLINE | AIU_RENDER_VERBOSE | AIU_RENDER_PRETTY | AIU_RENDER_LOCAL_TIME |      \
         AIU_RENDER_TABLE)

static void put_socket(struct json *j, const struct aiu_survey *survey, size_t i)
{
        const struct aiu_conflict *c = aiu_survey_get_socket(survey, i);
        socklen_t bytes = 0;
        const struct sockaddr *local = aiu_conflict_get_local(c, &bytes);
        const char *path;
        uint64_t netns = aiu_survey_get_netns(survey, i, &path);

        json_begin(j, NULL, "{");
        json_endpoint(j, "local", local, bytes);
        json_string(j, "protocol",
                    aiu_protocol_to_string(local ? local->sa_family : AF_INET, aiu_conflict_get_type(c),
                                           aiu_conflict_get_protocol(c)));
        json_token(j, "state", aiu_state_to_string(aiu_conflict_get_state(c)));
        json_words(j, "owner", aiu_survey_get_owner(survey, i));
        json_id(j, "inode", aiu_conflict_get_inode(c));
        json_id(j, "cookie", aiu_conflict_get_cookie(c));
        json_id(j, "netns", netns);
        json_string(j, "netns_path", path);
        json_uid(j, "uid", aiu_conflict_get_uid(c));
        json_string(j, "device", aiu_conflict_get_device(c));
        json_token(j, "reuseaddr", aiu_tristate_to_string(aiu_conflict_get_reuseaddr(c)));
        json_token(j, "reuseport", aiu_tristate_to_string(aiu_conflict_get_reuseport(c)));
        json_token(j, "v6only", aiu_tristate_to_string(aiu_conflict_get_v6only(c)));
        json_begin(j, "holders", "[");
        for (size_t k = 0; k < aiu_conflict_get_n_holders(c); k++)
                json_holder(j, aiu_conflict_get_holder(c, k));
        json_close(j, "]");
        json_close(j, "}");
}

static void put_fix(struct json *j, const struct aiu_hazard *hazard)
{
        if (!aiu_hazard_get_fix_text(hazard)) {
                json_null(j, "fix");
                return;
        }
        json_begin(j, "fix", "{");
        json_words(j, "text", aiu_hazard_get_fix_text(hazard));
        json_argv(j, aiu_hazard_get_fix_argv(hazard));
        json_close(j, "}");
}

static void put_hazard(struct json *j, const struct aiu_hazard *hazard)
{
        json_begin(j, NULL, "{");
        json_token(j, "kind", aiu_hazard_kind_to_string(aiu_hazard_get_kind(hazard)));
        json_token(j, "severity", aiu_severity_to_string(aiu_hazard_get_severity(hazard)));
        json_words(j, "text", aiu_hazard_get_text(hazard));
        json_begin(j, "sockets", "[");
        for (size_t i = 0; i < aiu_hazard_get_n_sockets(hazard); i++) {
                json_separate(j);
                strbuf_printf(&j->out, "%zu", aiu_hazard_get_socket(hazard, i));
        }
        json_close(j, "]");
        put_fix(j, hazard);
        json_close(j, "}");
}

static void put_difference(struct json *j, const struct aiu_survey *survey, size_t i)
{
        json_begin(j, NULL, "{");
        json_token(j, "kind", aiu_difference_to_string(aiu_survey_get_difference(survey, i)));
        json_words(j, "address", aiu_survey_get_difference_address(survey, i));
        json_words(j, "planned", aiu_survey_get_difference_planned(survey, i));
        json_words(j, "owner", aiu_survey_get_difference_owner(survey, i));
        json_close(j, "}");
}

static bool is_shown(const struct aiu_hazard *hazard, uint32_t flags)
{
        return flags & AIU_RENDER_VERBOSE || aiu_hazard_get_severity(hazard) != AIU_SEVERITY_INFO;
}

static void put_lists(struct json *j, const struct aiu_survey *survey, uint32_t flags)
{
        json_begin(j, "sockets", "[");
        for (size_t i = 0; i < aiu_survey_get_n_sockets(survey); i++)
                put_socket(j, survey, i);
        json_close(j, "]");
        json_begin(j, "hazards", "[");
        for (size_t i = 0; i < aiu_survey_get_n_hazards(survey); i++)
                if (is_shown(aiu_survey_get_hazard(survey, i), flags))
                        put_hazard(j, aiu_survey_get_hazard(survey, i));
        json_close(j, "]");
        json_begin(j, "plan", "[");
        for (size_t i = 0; i < aiu_survey_get_n_differences(survey); i++)
                put_difference(j, survey, i);
        json_close(j, "]");
        json_begin(j, "gaps", "[");
        for (size_t i = 0; i < aiu_survey_get_n_gaps(survey); i++)
                json_gap(j, aiu_survey_get_gap(survey, i));
        json_close(j, "]");
}

AIU_EXPORT int aiu_survey_to_json(const struct aiu_survey *survey, uint32_t flags, char **ret_json)
{
        KEEP_ERRNO;
        struct json j = { .first = true };

        if (!survey || !ret_json || flags & ~KNOWN_FLAGS)
                return -EINVAL;
        j.pretty = flags & AIU_RENDER_PRETTY;
        j.cmdline = flags & AIU_RENDER_CMDLINE;
        json_open(&j, "{");
        json_number(&j, "schema", 1);
        json_token(&j, "version", aiu_version());
        put_lists(&j, survey, flags);
        json_number(&j, "unseen_processes", aiu_survey_get_n_unseen_processes(survey));
        json_close(&j, "}");
        return strbuf_steal(&j.out, ret_json);
}
