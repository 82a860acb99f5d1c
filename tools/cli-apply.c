/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * --apply: carry out an action that the report recommends, and see whether it
 * helped. Never without being told to, never through a shell, and never one whose
 * success is in doubt unless it was asked for by its number.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

/* What was ended takes a moment to let go: ask again for at most this long. */
#define TRIES 20
#define PAUSE_NSEC 100000000L

static const struct aiu_action *choose(const struct cli *cli, const struct aiu_report *report)
{
        const struct aiu_action *action;
        const struct aiu_action *gentle = NULL; /* SIGTERM is left to try */

        if (cli->apply_number > 0) {
                action = aiu_report_get_action(report, cli->apply_number - 1);
                if (!action)
                        cli_error("there is no action %zu", cli->apply_number);
                else if (!aiu_action_get_argv(action))
                        cli_error("action %zu is nothing that a command can do: %s", cli->apply_number,
                                  aiu_action_get_text(action));
                return action && aiu_action_get_argv(action) ? action : NULL;
        }
        for (size_t i = 0; (action = aiu_report_get_action(report, i)); i++) {
                if (!gentle && aiu_action_get_kind(action) == AIU_ACTION_TERMINATE && aiu_action_get_argv(action))
                        gentle = action;
                if (aiu_action_get_argv(action) && aiu_action_is_sufficient(action) == AIU_TRISTATE_YES &&
                    !(aiu_action_get_flags(action) & AIU_ACTION_HOST_WIDE) &&
                    !(gentle && aiu_action_get_flags(action) & AIU_ACTION_LAST_RESORT))
                        return action;
        }
        if (gentle)
                return gentle;
        cli_error("no command is certain to be enough; --apply=K takes the K-th action all the same");
        return NULL;
}

static void show(const struct aiu_action *action)
{
        fputs("apply    ", stderr);
        for (const char *const *word = aiu_action_get_argv(action); *word; word++)
                fprintf(stderr, " %s", cli_safe(*word));
        fprintf(stderr, "\n          %s\n", aiu_action_get_text(action));
}

static bool agreed(const struct cli *cli)
{
        char answer[16] = "";

        if (cli->yes)
                return true;
        if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
                cli_error("not on a terminal: say --yes to have it done");
                return false;
        }
        fputs("do it? [y/N] ", stderr);
        return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

static bool same_command(const char *const *a, const char *const *b)
{
        while (*a && *b && strcmp(*a, *b) == 0) {
                a++;
                b++;
        }
        return !*a && !*b;
}

/*
 * Somebody thought about the answer, for a second or for an hour: the holder may
 * have gone, and its pid may be another process by now. Ask once more, and go on
 * only if the same command is still what is recommended.
 */
static bool still_holds(const struct cli *cli, const struct target *target,
                        const struct aiu_action *agreed_to)
{
        struct aiu_report *now = NULL;
        const struct aiu_action *action;
        bool holds = false;

        if (cli_ask(cli, target, &now) < 0)
                return false;
        for (size_t i = 0; !holds && (action = aiu_report_get_action(now, i)); i++)
                holds = aiu_action_get_argv(action) &&
                        same_command(aiu_action_get_argv(action), aiu_action_get_argv(agreed_to));
        aiu_report_unref(now);
        return holds;
}

static int execute(const struct aiu_action *action)
{
        const char *const *argv = aiu_action_get_argv(action);
        int status;
        pid_t pid;

        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0) {
                /* execvp() takes the words as they are and does not write to them. */
                union { const char *const *in; char *const *out; } words = { .in = argv };

                execvp(argv[0], words.out);
                cli_error("%s: %s", cli_safe(argv[0]), strerror(errno));
                _exit(127);
        }
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

static int ask_again(const struct cli *cli, const struct target *target, struct aiu_report **ret_report)
{
        const struct timespec pause = { .tv_nsec = PAUSE_NSEC };
        int r = 0;

        for (int i = 0; i < TRIES; i++) {
                r = cli_ask(cli, target, ret_report);
                if (r < 0 || aiu_report_get_verdict(*ret_report) == AIU_VERDICT_AVAILABLE)
                        return r;
                if (i + 1 < TRIES)
                        *ret_report = aiu_report_unref(*ret_report);
                nanosleep(&pause, NULL);
        }
        return r;
}

int cli_apply(const struct cli *cli, const struct target *target, const struct aiu_report *report)
{
        const struct aiu_action *action;
        struct aiu_report *after = NULL;
        int r;

        if (aiu_report_get_verdict(report) == AIU_VERDICT_AVAILABLE)
                return EXIT_FREE;
        action = choose(cli, report);
        if (!action)
                return cli_exit_status(report);
        show(action);
        if (!agreed(cli))
                return cli_exit_status(report);
        if (cli->yes || still_holds(cli, target, action)) {
                if (execute(action) < 0)
                        cli_error("the command failed");
        } else {
                cli_error("things have changed meanwhile: nothing was done");
        }
        r = ask_again(cli, target, &after);
        if (r < 0) {
                cli_error("%s", strerror(-r));
                return EXIT_TROUBLE;
        }
        fprintf(stderr, "now       %s\n", aiu_report_get_summary(after));
        r = cli_exit_status(after);
        aiu_report_unref(after);
        return r;
}
