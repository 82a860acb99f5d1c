/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * --apply: carry out an action that the report recommends, and see whether it helped.
 * Never without being told to, never through a shell, never one that cli-choose.c would
 * not choose unless it was asked for by its number, and never a harsher one after it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli.h"

/* The holder takes a moment to let go: wait for so long, less once its process has ended, or as long as --wait says. */
#define PATIENCE_USEC UINT64_C(10000000)
/* Start times are counted in ticks, from a clock that may be slewed meanwhile. */
#define SAME_START_USEC 50000u

/* ------------------------------------------------------ show and ask */

static void print_command(const char *label, const struct aiu_action *action)
{
        const char *const *argv = aiu_action_get_argv(action);
        bool needs_root = aiu_action_get_flags(action) & AIU_ACTION_NEEDS_ROOT;
        char *line = NULL;

        fprintf(stderr, "%-10s", label);
        if (aiu_action_to_shell(action, &line) >= 0)
                fputs(line, stderr);
        else /* a name that no shell can be given: escaped, to be seen and not to be pasted */
                for (; *argv; argv++)
                        fprintf(stderr, "\"%s\" ", cli_safe(*argv));
        fprintf(stderr, "%s\n%-10s%s\n", needs_root ? "  # needs root" : "", "", aiu_action_get_text(action));
        free(line);
}

static bool agreed(const struct cli *cli)
{
        char answer[64] = "";
        ssize_t n;

        if (cli->yes)
                return true;
        if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
                cli_error("not on a terminal: add --yes to do it");
                return false;
        }
        /* What was typed before the question answers something else. */
        (void)tcflush(STDIN_FILENO, TCIFLUSH);
        fputs("do it? [y/N] ", stderr);
        do
                n = read(STDIN_FILENO, answer, sizeof(answer));
        while (n < 0 && errno == EINTR);
        return n > 0 && (answer[0] == 'y' || answer[0] == 'Y');
}

/* ------------------------------------------------------ the second look */

static bool same_command(const char *const *a, const char *const *b)
{
        while (*a && *b && strcmp(*a, *b) == 0) {
                a++;
                b++;
        }
        return !*a && !*b;
}

static bool same_processes(const struct aiu_action *a, const struct aiu_action *b)
{
        if (aiu_action_get_n_processes(a) != aiu_action_get_n_processes(b))
                return false;
        for (size_t i = 0; i < aiu_action_get_n_processes(a); i++) {
                uint64_t x = 0, y = 0;

                if (aiu_action_get_process(a, i, &x) != aiu_action_get_process(b, i, &y) ||
                    (x > y ? x - y : y - x) > SAME_START_USEC)
                        return false;
        }
        return true;
}

static bool same_file(const struct aiu_action *a, const struct aiu_action *b)
{
        uint64_t file[4] = { 0 };

        return aiu_action_get_file(a, &file[0], &file[1]) == aiu_action_get_file(b, &file[2], &file[3]) &&
               file[0] == file[2] && file[1] == file[3];
}

/* What is left to wait for is less than it was a moment ago: the words differ. */
static bool same_action(const struct aiu_action *a, const struct aiu_action *b)
{
        const char *const *x = aiu_action_get_argv(a), *const *y = aiu_action_get_argv(b);

        if (!x || !y || aiu_action_get_kind(a) != aiu_action_get_kind(b))
                return false;
        return aiu_action_get_kind(a) == AIU_ACTION_WAIT ||
               (same_command(x, y) && same_processes(a, b) && same_file(a, b));
}

static const struct aiu_action *find_same(const struct aiu_report *report, const struct aiu_action *like)
{
        const struct aiu_action *action;

        for (size_t i = 0; (action = aiu_report_get_action(report, i)); i++)
                if (same_action(action, like))
                        return action;
        return NULL;
}

/* ------------------------------------------------------ do it */

static int pin(struct pinned *pinned, const struct request *request, const struct aiu_action *action)
{
        int r;

        *pinned = (struct pinned){ .directory = -1, .file = -1 };
        if (cli_is_signal(action))
                return cli_pin_processes(pinned, action);
        if (!cli_is_removal(action))
                return 0;
        r = cli_pin_file(pinned, request);
        if (r < 0)
                cli_error("cannot open the file to be removed: %s", strerror(-r));
        return r;
}

static void unpin(struct pinned *pinned)
{
        for (size_t i = 0; i < pinned->n_processes; i++)
                (void)close(pinned->processes[i].fd);
        free(pinned->processes);
        if (pinned->directory >= 0)
                (void)close(pinned->directory);
        if (pinned->file >= 0)
                (void)close(pinned->file);
}

static int carry_out(const struct pinned *pinned, const struct aiu_action *action)
{
        int r;

        if (cli_is_signal(action))
                return cli_signal(pinned, action);
        if (!cli_is_removal(action)) {
                r = cli_spawn(aiu_action_get_argv(action));
                if (r < 0)
                        cli_error("the command failed");
                return r;
        }
        r = cli_remove(pinned, action);
        if (r == -ESTALE)
                cli_error("another file is there now: nothing was removed");
        else if (r < 0)
                cli_error("the file was not removed: %s%s", strerror(-r),
                          r == -EPERM || r == -EACCES ? ": this needs root" : "");
        return r;
}

/* ------------------------------------------------------ did it help? */

static void tell_wait(void)
{
        if (isatty(STDERR_FILENO))
                fprintf(stderr, "%-10suntil the address is free\n", "wait");
}

static int ask_when_free(const struct cli *cli, const struct request *request, const struct pinned *pinned,
                         struct aiu_report **ret_report)
{
        struct patience patience = {
                .until_usec = cli_until_usec(cli->wait ? cli->wait_usec : PATIENCE_USEC),
                .pinned = cli->wait ? NULL : pinned,
                .on_wait = tell_wait,
        };

        return cli_wait(cli, request, &patience, ret_report);
}

static bool asked_systemd(const struct aiu_action *action)
{
        return strcmp(aiu_action_get_argv(action)[0], "systemctl") == 0;
}

/* What comes after `done`: printed, never done. */
static void tell_next(const struct aiu_report *report, const struct aiu_action *done)
{
        const struct aiu_action *action, *before = NULL, *after = NULL;
        bool passed = false;

        for (size_t i = 0; (action = aiu_report_get_action(report, i)); i++) {
                if (same_action(action, done))
                        passed = true;
                else if (!aiu_action_get_argv(action) || cli_changes_host(action))
                        continue;
                else if (passed && !after)
                        after = action;
                else if (!passed && !before)
                        before = action;
        }
        /* What stands behind it is harsher; what stands before it was passed over. */
        if (after || before)
                print_command("next", after ? after : before);
}

static void tell(const struct aiu_report *report, const struct aiu_action *done)
{
        fprintf(stderr, "%-10s%s\n", "now", aiu_report_get_summary(report));
        if (aiu_report_get_verdict(report) != AIU_VERDICT_AVAILABLE)
                tell_next(report, done);
        else if (asked_systemd(done))
                fprintf(stderr,
                        "%-10ssystemctl reset-failed UNIT && systemctl start UNIT\n%-10s"
                        "for the unit that failed, if its \"start request repeated too quickly\"\n",
                        "next", "");
}

static int do_it(const struct cli *cli, const struct request *request, const struct pinned *pinned,
                 const struct aiu_action *action)
{
        struct aiu_report *after = NULL;
        int status, r;

        r = carry_out(pinned, action);
        r = r < 0 ? cli_ask(cli, request, &after) : ask_when_free(cli, request, pinned, &after);
        if (r < 0) {
                cli_error("%s", strerror(-r));
                return EXIT_TROUBLE;
        }
        tell(after, action);
        status = cli_exit_status(after);
        aiu_report_unref(after);
        return status;
}

/*
 * The user thought about the answer, and time passed between report and action: the
 * holder may have gone, and its number may be another process by now. Ask once more, and
 * go on only if the same action on the same things is still recommended.
 */
static int look_and_do(const struct cli *cli, const struct request *request, const struct pinned *pinned,
                       const struct aiu_action *agreed_to)
{
        struct aiu_report *now = NULL;
        const struct aiu_action *action;
        int status, r;

        r = cli_ask(cli, request, &now);
        if (r < 0) {
                cli_error("the second look failed: %s: nothing was done", strerror(-r));
                return EXIT_TROUBLE;
        }
        action = find_same(now, agreed_to);
        /* What is known now may make it an action that is only done by its number. */
        if (action && cli->apply_number == 0 && cli_why_not(action))
                action = NULL;
        if (action) {
                status = do_it(cli, request, pinned, action);
        } else {
                status = cli_exit_status(now);
                if (status != EXIT_FREE)
                        cli_error("the situation has changed: nothing was done");
                fprintf(stderr, "%-10s%s\n", "now", aiu_report_get_summary(now));
        }
        aiu_report_unref(now);
        return status;
}

int cli_apply(const struct cli *cli, const struct request *request, const struct aiu_report *report)
{
        const struct aiu_action *action;
        struct pinned pinned;
        int status = cli_exit_status(report);

        if (status == EXIT_FREE)
                return status;
        action = cli_choose(cli, report);
        if (!action)
                return status;
        print_command("apply", action);
        if (pin(&pinned, request, action) >= 0 && agreed(cli))
                status = look_and_do(cli, request, &pinned, action);
        unpin(&pinned);
        return status;
}
