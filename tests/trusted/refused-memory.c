/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command, when an allocation fails: by preload.c, and judged like a refused system call. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preload.h"
#include "refused.h"

struct run {
        uint64_t at;
        bool onwards;
        int status;
        struct preload_report report;
};

static void set_number(const char *name, uint64_t number)
{
        char text[24];

        (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
        setenv(name, text, 1);
}

static _Noreturn void execute(struct command *command, const char *preload, const struct run *run, int told)
{
        setenv("LD_PRELOAD", preload, 1);
        set_number("AIU_FAIL_AT", run->at);
        set_number("AIU_FAIL_ONWARDS", run->onwards);
        set_number("AIU_FAIL_FD", (uint64_t)told);
        fcntl(told, F_SETFD, 0);
        dup2(command->out, STDOUT_FILENO);
        dup2(command->out, STDERR_FILENO);
        execv(command->argv[0], (char *const *)command->argv);
        _exit(126);
}

static void run_preloaded(struct command *command, const char *preload, struct run *run)
{
        int told = memfd_create("told", MFD_CLOEXEC);
        pid_t pid;

        if (ftruncate(command->out, 0) < 0 || lseek(command->out, 0, SEEK_SET) < 0)
                live_die("the output", errno);
        fflush(stdout);
        pid = fork();
        if (pid == 0)
                execute(command, preload, run, told);
        if (pid < 0 || waitpid(pid, &run->status, 0) < 0)
                live_die("fork", errno);
        run->report = (struct preload_report){ .calls = 0 };
        if (pread(told, &run->report, sizeof(run->report), 0) < 0)
                live_die("the report", errno);
        close(told);
}

static bool try(struct command *command, const char *preload, struct run *run, int64_t left,
                struct refused_tally *tally)
{
        const char *wrong;

        run_preloaded(command, preload, run);
        wrong = refused_judge_command(command, run->status);
        if (!wrong && run->report.calls == 0)
                wrong = "it did not end as it should";
        if (!wrong && run->report.left > left)
                wrong = "memory is left";
        tally->refusals += run->report.failed;
        tally->runs += run->report.failed > 0;
        tally->unknown += WIFEXITED(run->status) && WEXITSTATUS(run->status) == COMMAND_UNKNOWN;
        tally->trouble += WIFEXITED(run->status) && WEXITSTATUS(run->status) == COMMAND_TROUBLE;
        if (wrong && ++tally->wrong <= 20)
                printf("WRONG: %s\n  %s %s, allocation %llu%s, status %x, %lld left\n", wrong, command->argv[1],
                       command->argv[2], (unsigned long long)run->at, run->onwards ? " and onwards" : "",
                       (unsigned int)run->status, (long long)run->report.left);
        return run->report.failed > 0;
}

void refused_memory(struct command *command, const char *preload, struct refused_tally *tally)
{
        struct run whole = { .at = 0 }, run = { .at = 1 };

        run_preloaded(command, preload, &whole);
        if (whole.status != command->truth << 8 || whole.report.calls == 0)
                live_die(command->argv[1], whole.status);
        for (;; run.at++) {
                run.onwards = false;
                if (!try(command, preload, &run, whole.report.left, tally))
                        break;
                run.onwards = true;
                (void)try(command, preload, &run, whole.report.left, tally);
        }
        printf("  %s %s: %llu allocations, %lld kept to the end\n", command->argv[1], command->argv[2],
               (unsigned long long)whole.report.calls, (long long)whole.report.left);
}
