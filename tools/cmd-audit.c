/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `addrinuse audit`: what of this host's sockets will go wrong. And `addrinuse` alone: who has which address.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum {
        OPTION_PLAN = CLI_OPTION_OF_VERB + 200,
        OPTION_WRITE_PLAN,
        OPTION_PROMETHEUS,
        OPTION_RESTARTS,
};

static const struct option options[] = {
        { "plan", required_argument, NULL, OPTION_PLAN },
        { "write-plan", no_argument, NULL, OPTION_WRITE_PLAN },
        { "prometheus", optional_argument, NULL, OPTION_PROMETHEUS },
        { "restarts", no_argument, NULL, OPTION_RESTARTS },
        { NULL, 0, NULL, 0 },
};

/* What was asked for. */
static struct {
        const char *plan;
        uint32_t flags; /* AIU_SURVEY_* */
        bool write_plan;
        bool prometheus;
        const char *prometheus_file; /* NULL = stdout */
} wanted;

static int take(struct cli *cli, int option, const char *value)
{
        (void)cli;
        switch (option) {
        case OPTION_PLAN:
                wanted.plan = value;
                return 0;
        case OPTION_WRITE_PLAN:
                wanted.write_plan = true;
                return 0;
        case OPTION_PROMETHEUS:
                wanted.prometheus = true;
                wanted.prometheus_file = value;
                return 0;
        case OPTION_RESTARTS:
                wanted.flags |= AIU_SURVEY_RESTARTS;
                return 0;
        default:
                return -EINVAL;
        }
}

/* ------------------------------------------------------ the plan */

#define MOST_PLAN_BYTES (16u << 20)

/* The whole file, or NULL with errno set. */
static char *read_stream(FILE *file)
{
        size_t n = 0, room = 0;
        char *text = NULL;

        for (;;) {
                if (n + 1 >= room) {
                        char *larger = room < MOST_PLAN_BYTES ? realloc(text, room ? room * 2 : 4096) : NULL;

                        if (!larger) {
                                errno = room < MOST_PLAN_BYTES ? ENOMEM : EFBIG;
                                break;
                        }
                        text = larger;
                        room = room ? room * 2 : 4096;
                }
                n += fread(text + n, 1, room - n - 1, file);
                if (ferror(file))
                        break;
                if (feof(file)) {
                        text[n] = '\0';
                        if (strlen(text) == n)
                                return text;
                        errno = EILSEQ;
                        break;
                }
        }
        free(text);
        return NULL;
}

static char *read_plan(const char *path)
{
        FILE *file = fopen(path, "re");
        char *text = file ? read_stream(file) : NULL;
        int error = errno;

        if (!text)
                cli_error("cannot read the plan %s: %s", cli_safe(path),
                          error == EILSEQ ? "it has a zero byte" : strerror(error));
        if (file)
                (void)fclose(file);
        return text;
}

static int compare_with_plan(struct aiu_survey *survey, const char *path)
{
        char *text = read_plan(path);
        unsigned int line = 0;
        int r;

        if (!text)
                return -EIO;
        r = aiu_survey_set_plan(survey, text, &line);
        if (r == -EINVAL)
                cli_error("%s, line %u: a line of a plan is ADDRESS:PORT/PROTO OWNER, as in 127.0.0.1:8080/tcp "
                          "shop.service",
                          cli_safe(path), line);
        else if (r < 0)
                cli_error("%s", strerror(-r));
        free(text);
        return r;
}

/* ------------------------------------------------------ the answer */

static bool has_hazards(const struct aiu_survey *survey)
{
        for (size_t i = 0; i < aiu_survey_get_n_hazards(survey); i++)
                if (aiu_hazard_get_severity(aiu_survey_get_hazard(survey, i)) >= AIU_SEVERITY_WARNING)
                        return true;
        return aiu_survey_get_n_differences(survey) > 0;
}

static bool is_complete(const struct aiu_survey *survey)
{
        for (size_t i = 0; i < aiu_survey_get_n_gaps(survey); i++)
                if (aiu_gap_get_kind(aiu_survey_get_gap(survey, i)) != AIU_GAP_NOTE)
                        return false;
        return aiu_survey_get_n_unverified(survey) == 0;
}

static int status_of(const struct aiu_survey *survey)
{
        if (has_hazards(survey))
                return EXIT_IN_USE;
        return is_complete(survey) ? EXIT_FREE : EXIT_UNKNOWN;
}

static int make_text(const struct cli *cli, const struct aiu_survey *survey, uint32_t flags, char **ret)
{
        if (wanted.write_plan)
                return aiu_survey_to_plan(survey, ret);
        if (cli->json)
                return aiu_survey_to_json(survey, cli->render, ret);
        return aiu_survey_to_text(survey, cli->render | flags | AIU_RENDER_LOCAL_TIME, ret);
}

static int print(const struct cli *cli, const struct aiu_survey *survey, uint32_t flags)
{
        char *text;
        int r = make_text(cli, survey, flags, &text);

        if (r < 0)
                return r;
        if (cli->json && !wanted.write_plan)
                (void)puts(text);
        else
                cli_print_lines(text, wanted.write_plan ? 0 : cli->width);
        free(text);
        return fflush(stdout) != 0 || ferror(stdout) ? -EIO : 0;
}

static int answer(const struct cli *cli, struct aiu_survey *survey, uint32_t flags)
{
        int r = 0;

        if (wanted.prometheus)
                r = cli_print_metrics(survey, wanted.prometheus_file);
        else if (!cli->quiet || cli->json || wanted.write_plan)
                r = print(cli, survey, flags);
        if (r < 0) {
                cli_error("cannot write the answer: %s", strerror(-r));
                return EXIT_TROUBLE;
        }
        return wanted.prometheus || wanted.write_plan || flags & AIU_RENDER_TABLE ? EXIT_FREE : status_of(survey);
}

static int survey(struct cli *cli, uint32_t flags)
{
        struct aiu_survey *survey = NULL;
        int r = aiu_survey_run(cli->context, wanted.flags | cli->survey, &survey), status = EXIT_TROUBLE;

        if (r < 0)
                cli_error("%s", strerror(-r));
        else if (!wanted.plan || compare_with_plan(survey, wanted.plan) >= 0)
                status = answer(cli, survey, flags);
        aiu_survey_unref(survey);
        return status;
}

static int run(struct cli *cli, int argc, char **argv)
{
        if (argc > 0) {
                cli_error("audit takes no address, but \"%s\" was given: see addrinuse --help", cli_safe(argv[0]));
                return EXIT_TROUBLE;
        }
        return survey(cli, 0);
}

int cli_overview(struct cli *cli)
{
        return survey(cli, AIU_RENDER_TABLE);
}

const struct cli_verb cmd_audit = {
        .name = "audit",
        .options = options,
        .surveys = true,
        .take = take,
        .run = run,
};
