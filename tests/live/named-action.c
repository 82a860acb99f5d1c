/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An action that claims to be sufficient is carried out, and the bind() must
 * succeed then. Only commands that stay inside the namespaces of the test are
 * run: kill of the holders that the test has started itself, and a few others.
 * What the report says wants root is run by a process that still is.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <addrinuse.h>

#include "named.h"

#define MAX_WORDS 24
#define MAX_COMMAND 1024
#define LONG_SLEEP 10 /* seconds; waits above that are made with --long only */
#define PATIENCE_MS 3000
#define NO_COMMAND 127

/* ------------------------------------------------ run a command */

static int spawn(char *const *argv)
{
        pid_t pid;
        int status;

        fflush(stdout);
        pid = fork();
        if (pid == 0) {
                (void)setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
                if (dup2(STDERR_FILENO, STDOUT_FILENO) >= 0)
                        execvp(argv[0], argv);
                _exit(NO_COMMAND);
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid)
                return -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Words, each with its NUL. */
static int spawn_words(char *words, size_t bytes)
{
        char *argv[MAX_WORDS + 1];
        size_t n = 0;

        for (char *p = words; p < words + bytes && n < MAX_WORDS; p += strlen(p) + 1)
                argv[n++] = p;
        argv[n] = NULL;
        return n ? spawn(argv) : -1;
}

static _Noreturn void execute_as_root(int control)
{
        static char words[MAX_COMMAND + 1];
        ssize_t n;

        while ((n = recv(control, words, MAX_COMMAND, 0)) > 0) {
                int status = spawn_words(words, (size_t)n);

                if (send(control, &status, sizeof(status), MSG_NOSIGNAL) < 0)
                        break;
        }
        _exit(0);
}

int start_executor(void)
{
        int pair[2];
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                live_die("socketpair", errno);
        fflush(stdout);
        pid = fork();
        if (pid < 0)
                live_die("fork", errno);
        if (pid == 0) {
                close(pair[0]);
                execute_as_root(pair[1]);
        }
        close(pair[1]);
        return pair[0];
}

static int run_command(struct ground *g, const char *const *argv, bool as_root)
{
        char words[MAX_COMMAND];
        size_t n = 0;
        int status = -1;

        for (; *argv; argv++) {
                size_t bytes = strlen(*argv) + 1;

                if (bytes > sizeof(words) - n)
                        return -1;
                memcpy(words + n, *argv, bytes);
                n += bytes;
        }
        if (!as_root)
                return spawn_words(words, n);
        if (send(g->executor, words, n, MSG_NOSIGNAL) < 0 ||
            recv(g->executor, &status, sizeof(status), 0) != (ssize_t)sizeof(status))
                return -1;
        return status;
}

/* ------------------------------------------------ which commands */

static bool kills_only_holders(const struct ground *g, const char *const *argv)
{
        for (size_t i = 2; argv[1] && argv[i]; i++) {
                bool known = false;

                for (size_t k = 0; k < g->n_holders; k++)
                        known |= atoi(argv[i]) == (int)g->holders[k];
                if (!known)
                        return false;
        }
        return argv[1] && argv[2];
}

/* False, with a reason printed, where the command is not run. */
static bool may_run(struct ground *g, const char *const *argv, const struct aiu_report *report)
{
        static const char *const harmless[] = { "sleep", "rm", "ip", "sysctl" };

        if (strcmp(argv[0], "kill") == 0) {
                if (kills_only_holders(g, argv))
                        return true;
                cause_failed(g, "a process would be killed that does not hold it", report);
                return false;
        }
        if (strcmp(argv[0], "sleep") == 0 && argv[1] && atoi(argv[1]) > LONG_SLEEP && !g->long_waits) {
                printf("# %s: sleep %s is left out; --long waits\n", g->cause->name, argv[1]);
                return false;
        }
        for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
                if (strcmp(argv[0], harmless[i]) == 0)
                        return true;
        printf("# %s: %s is not run here\n", g->cause->name, argv[0]);
        return false;
}

static const struct aiu_action *find_sufficient(const struct aiu_report *report)
{
        for (size_t i = 0; i < aiu_report_get_n_actions(report); i++) {
                const struct aiu_action *action = aiu_report_get_action(report, i);

                if (aiu_action_is_sufficient(action) == AIU_TRISTATE_YES && aiu_action_get_argv(action))
                        return action;
        }
        return NULL;
}

/* A signal, a timer: what a command has begun ends a moment later. */
static bool succeeds_soon(struct ground *g)
{
        struct candidate c = scene_candidate(g, 0);

        for (int ms = 0; ms < PATIENCE_MS; ms += 20) {
                struct truth truth = { 0 };

                if (g->cause->flags & ASKS_LISTEN)
                        truth.listen = listen(g->own, 1) < 0 ? errno : 0;
                else
                        truth = ask_kernel(&c);
                if (!truth.setup && !truth.bind && !truth.listen)
                        return true;
                (void)nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
        }
        return false;
}

void check_action(struct ground *g, const struct aiu_report *report)
{
        const struct aiu_action *action = find_sufficient(report);
        const char *const *argv;
        int status;

        if (!action || g->cause->error == 0)
                return;
        argv = aiu_action_get_argv(action);
        if (!may_run(g, argv, report))
                return;
        status = run_command(g, argv, aiu_action_get_flags(action) & AIU_ACTION_NEEDS_ROOT);
        if (status == NO_COMMAND) {
                printf("# %s: no %s here\n", g->cause->name, argv[0]);
                return;
        }
        if (status)
                cause_failed(g, "a sufficient action failed", report);
        else if (!succeeds_soon(g))
                cause_failed(g, "a sufficient action did not free the address", report);
        else
                printf("# %s: freed by %s %s\n", g->cause->name, argv[0], argv[1] ? argv[1] : "");
}
