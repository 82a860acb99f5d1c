/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command, when a system call is refused: it says the truth, or that it does
 * not know, or what went wrong; never what is not so, and never by a signal. The
 * calls of the dynamic linker are not ours: they are as many as --version makes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "refused.h"

static int run_command(void *userdata)
{
        struct command *command = userdata;

        dup2(command->out, STDOUT_FILENO);
        dup2(command->out, STDERR_FILENO);
        execv(command->argv[0], (char *const *)command->argv);
        return 126;
}

static int run_planned(struct command *command, struct notify_plan *plan)
{
        struct notified child;

        plan->calls = plan->refused = 0;
        if (ftruncate(command->out, 0) < 0 || lseek(command->out, 0, SEEK_SET) < 0)
                live_die("the output", errno);
        if (!notify_start(&child, run_command, command))
                live_die("notify_start", EPERM); /* it was had for the library */
        (void)notify_until_mark(&child, plan);
        return notify_wait(&child);
}

static const char *judge_output(const struct command *command)
{
        char text[65536];
        ssize_t n = pread(command->out, text, sizeof(text), 0);

        if (n <= 0)
                return "it said nothing";
        for (ssize_t i = 0; i < n; i++)
                if (text[i] != '\n' && (text[i] < 0x20 || text[i] > 0x7e))
                        return "it printed what a terminal would obey";
        return NULL;
}

const char *refused_judge_command(const struct command *command, int status)
{
        if (WIFSIGNALED(status))
                return "it was ended by a signal";
        switch (WEXITSTATUS(status)) {
        case COMMAND_UNKNOWN:
        case COMMAND_TROUBLE:
        case 127: /* the dynamic linker's: what is loaded after main() began */
                return judge_output(command);
        default:
                return WEXITSTATUS(status) == command->truth ? judge_output(command) : "the status is not the truth";
        }
}

static void try(struct command *command, struct notify_plan *plan, struct refused_tally *tally)
{
        int status = run_planned(command, plan);
        const char *wrong = refused_judge_command(command, status);

        if (plan->refused == 0)
                return;
        tally->runs++;
        tally->refusals += plan->refused;
        tally->unknown += WIFEXITED(status) && WEXITSTATUS(status) == COMMAND_UNKNOWN;
        tally->trouble += WIFEXITED(status) && WEXITSTATUS(status) == COMMAND_TROUBLE;
        if (!wrong || ++tally->wrong > 20)
                return;
        printf("WRONG: %s\n  %s %s, %s %llu, error %d%s, status %x\n", wrong, command->argv[1], command->argv[2],
               plan->kind == NOTIFY_MEMORY ? "memory" : "call", (unsigned long long)plan->at, plan->error,
               plan->onwards ? " and onwards" : "", (unsigned int)status);
}

static uint64_t count(struct command *command, enum notify_kind kind, int expected)
{
        struct notify_plan plan = { .kind = kind };
        int status = run_planned(command, &plan);

        if (!WIFEXITED(status) || WEXITSTATUS(status) != expected)
                live_die(command->argv[1], status);
        return plan.calls;
}

static void try_all(struct command *command, enum notify_kind kind, struct refused_tally *tally)
{
        struct command version = { .argv = { command->argv[0], "--version" }, .out = command->out };
        struct notify_plan plan = { .kind = kind, .tells = refused_tells };
        uint64_t first = count(&version, kind, 0), last = count(command, kind, command->truth);

        for (plan.at = first + 1; plan.at <= last; plan.at++)
                for (size_t i = 0; i < (kind == NOTIFY_MEMORY ? 1 : n_refused_errors); i++) {
                        plan.error = refused_errors[i];
                        if (kind == NOTIFY_CALLS && refused_leave_out(plan.at, i))
                                continue;
                        plan.onwards = false;
                        try(command, &plan, tally);
                        plan.onwards = refused_onwards(plan.error);
                        if (plan.onwards)
                                try(command, &plan, tally);
                }
        printf("  %s %s: %llu %s\n", command->argv[1], command->argv[2], (unsigned long long)(last - first),
               kind == NOTIFY_MEMORY ? "requests for memory" : "calls");
}

void refused_command(struct live *live, const char *path, const char *preload, struct refused_tally *tally)
{
        struct live_address address = live_ip("127.0.0.1", 7001, 0);
        struct live_op hold[] = {
                { .code = OP_SOCKET, .slot = 1, .a = AF_INET, .b = SOCK_STREAM },
                { .code = OP_BIND, .slot = 1, .address = address },
                { .code = OP_LISTEN, .slot = 1, .a = 4 },
        };
        struct command commands[] = {
                { .argv = { path, "--verbose", "127.0.0.1:7001" }, .truth = 1 },
                { .argv = { path, "--json", "--cmdline", "7001" }, .truth = 1 },
                { .argv = { path, "--first", "[::1]:7002/udp" }, .truth = 0 },
        };
        struct live_result results[3];
        int out = memfd_create("output", MFD_CLOEXEC);

        live_run(live, hold, 3, results);
        for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
                commands[i].out = out;
                try_all(&commands[i], NOTIFY_CALLS, tally);
                try_all(&commands[i], NOTIFY_MEMORY, tally);
                refused_memory(&commands[i], preload, tally);
        }
        close(out);
}
