/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The addresses of the command line: ask about each, print the answer, and carry out --apply. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cli.h"

/* A user without the privilege also wants to know the holder: EACCES hides EADDRINUSE. */
static bool is_held(const struct aiu_report *report)
{
        return aiu_report_get_verdict(report) == AIU_VERDICT_NOT_PERMITTED &&
               aiu_conflict_is_blocking(aiu_report_get_conflict(report, 0)) == AIU_TRISTATE_YES;
}

int cli_exit_status(const struct aiu_report *report)
{
        if (is_held(report))
                return EXIT_IN_USE;
        switch (aiu_report_get_verdict(report)) {
        case AIU_VERDICT_AVAILABLE:
                return EXIT_FREE;
        case AIU_VERDICT_IN_USE:
                return EXIT_IN_USE;
        case AIU_VERDICT_UNKNOWN:
                return EXIT_UNKNOWN;
        default:
                return EXIT_OTHER;
        }
}

/* Reports are set apart by an empty line. */
static int print_text(const struct cli *cli, const struct aiu_report *report)
{
        static bool again;
        char *text;
        int r = aiu_report_to_text(report, cli->render | AIU_RENDER_LOCAL_TIME, &text);

        if (r < 0)
                return r;
        if (again)
                (void)putchar('\n');
        again = true;
        cli_print_wrapped(stdout, report, text, cli->width);
        free(text);
        return ferror(stdout) ? -EIO : 0;
}

static int print_report(const struct cli *cli, const struct aiu_report *report)
{
        char *json;
        int r;

        if (cli->quiet && !cli->json)
                return 0;
        if (!cli->json)
                return print_text(cli, report);
        r = aiu_report_to_json(report, cli->render, &json);
        if (r < 0)
                return r;
        r = puts(json) < 0 ? -EIO : 0;
        free(json);
        return r;
}

static int no_answer(int error)
{
        if (error != -ENODEV)
                cli_error("%s", strerror(-error));
        return EXIT_TROUBLE;
}

static int tell_answer(const struct cli *cli, const struct request *request, const struct aiu_report *report)
{
        int status = cli_exit_status(report);
        int r = print_report(cli, report);

        if (r >= 0 && fflush(stdout) != 0)
                r = -errno;
        if (r < 0) {
                cli_error("cannot write the answer: %s", strerror(-r));
                status = EXIT_TROUBLE;
        } else if (cli->apply) {
                status = cli_apply(cli, request, report);
        }
        return status;
}

static int answer(const struct cli *cli, const struct request *request)
{
        struct aiu_report *report = NULL;
        int r, status;

        r = cli_ask(cli, request, &report);
        if (r < 0)
                return no_answer(r);
        status = tell_answer(cli, request, report);
        aiu_report_unref(report);
        return status;
}

/* Of several answers the worst is told: trouble, in use, another failure, not known, free. */
static int worse(int a, int b)
{
        static const int order[] = { EXIT_TROUBLE, EXIT_IN_USE, EXIT_OTHER, EXIT_UNKNOWN, EXIT_FREE };

        for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
                if (a == order[i] || b == order[i])
                        return order[i];
        return EXIT_TROUBLE;
}

/* A start script stops a server only where the bind certainly fails because the address is in use. */
static int check_status(const struct cli *cli, int status)
{
        return cli->check && status != EXIT_IN_USE && status != EXIT_TROUBLE ? EXIT_FREE : status;
}

static int answer_each(const struct cli *cli, const struct requests *list)
{
        int status = EXIT_FREE;

        for (size_t i = 0; i < list->n; i++)
                status = worse(status, check_status(cli, answer(cli, &list->items[i])));
        return status;
}

static int answer_when_free(const struct cli *cli, const struct requests *list)
{
        struct aiu_report **reports = calloc(list->n + 1, sizeof(*reports));
        int r = reports ? cli_wait_for_all(cli, list, reports) : -ENOMEM;
        int status = r < 0 ? no_answer(r) : EXIT_FREE;

        for (size_t i = 0; reports && i < list->n; i++) {
                if (r >= 0)
                        status = worse(status, check_status(cli, tell_answer(cli, &list->items[i], reports[i])));
                aiu_report_unref(reports[i]);
        }
        free(reports);
        return status;
}

/*
 * An action is carried out for one address, and that one was typed. What a log says may
 * come from a stranger, action K is another one in the next report, and a command line
 * of which a part is wrong may be wrong as a whole.
 */
static bool may_apply(const struct cli *cli, char *const *operands)
{
        const char *why = NULL;

        if (operands[1])
                why = "acts on one address, but several were given";
        else if (strcmp(operands[0], "-") == 0)
                why = "acts on an address that was typed, not on one found in a text";
        else if (cli->deadline_left_out)
                why = "does nothing while --deadline has no value";
        if (why)
                cli_error("--apply %s", why);
        return !why;
}

/* A path and a name may have blanks. Another operand that has some is a line out of a log. */
static bool is_typed(const char *operand, const struct request *request)
{
        const struct sockaddr_un *un = (const struct sockaddr_un *)&request->address;
        size_t length = strlen(operand);

        if (!strpbrk(operand, " \t\n"))
                return true;
        if (un->sun_family != AF_UNIX)
                return false;
        if (*operand == '@')
                return un->sun_path[0] == '\0';
        return request->bytes >= offsetof(struct sockaddr_un, sun_path) + length &&
               memcmp(un->sun_path, operand, length) == 0;
}

int cli_answer(const struct cli *cli, char **operands)
{
        const char *first = operands[0];
        struct requests list = { 0 };
        int status = EXIT_FREE;

        if (cli->apply && !may_apply(cli, operands))
                return EXIT_TROUBLE;
        for (; *operands; operands++)
                if (cli_add_operand(cli, *operands, &list) < 0)
                        status = EXIT_TROUBLE;
        if (cli->apply && list.n > 1) {
                cli_error("--apply acts on one address, but %zu were given", list.n);
                status = EXIT_TROUBLE;
        } else if (cli->apply && list.n == 1 && !is_typed(first, &list.items[0])) {
                cli_error("--apply acts on an address that was typed, not on one found in a text");
                status = EXIT_TROUBLE;
        } else if (cli->expect && status == EXIT_FREE) {
                status = cli_expect(cli, &list);
        } else if (!cli->expect) {
                status = worse(status,
                               cli->wait && !cli->apply ? answer_when_free(cli, &list) : answer_each(cli, &list));
        }
        cli_free_requests(&list);
        return status;
}
