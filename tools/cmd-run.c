/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * addrinuse run COMMAND: explain each bind() and listen() of COMMAND and its children that fails. COMMAND is started in
 * our own process: pid, parent, terminal, signals and exit status are its own. A grandchild of ours, the guard, watches.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "run.h"

#define DEADLINE_USEC 250000u /* the program stands still meanwhile */
#define NOT_FOUND 127
#define NOT_EXECUTABLE 126

enum method { METHOD_AUTO, METHOD_PTRACE, METHOD_PRELOAD, METHOD_NOTIFY, METHOD_NONE };

static const char *const method_names[] = { "auto", "ptrace", "preload", "notify" };

static struct {
        enum method method;
        const char *log;
        struct run run;
} state = { .run = { .fd = -1, .sink = { .log = -1 } } };

/* ------------------------------------------------------ options */

enum { OPTION_METHOD = CLI_OPTION_OF_VERB, OPTION_LOG, OPTION_JOURNAL };

static const struct option options[] = {
        { "method", required_argument, NULL, OPTION_METHOD },
        { "log", required_argument, NULL, OPTION_LOG },
        { "journal", no_argument, NULL, OPTION_JOURNAL },
        { NULL, 0, NULL, 0 },
};

static int read_method(const char *value)
{
        for (size_t i = 0; i < sizeof(method_names) / sizeof(method_names[0]); i++)
                if (strcmp(value, method_names[i]) == 0) {
                        state.method = (enum method)i;
                        return 0;
                }
        cli_error("--method: \"%s\" is not auto, ptrace, preload or notify", cli_safe(value));
        return -EINVAL;
}

static int open_log(const char *path)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0666);

        if (fd < 0) {
                cli_error("--log: %s: %s", cli_safe(path), strerror(errno));
                return -EINVAL;
        }
        if (state.run.sink.log >= 0)
                (void)close(state.run.sink.log);
        state.run.sink.log = fd;
        state.log = path;
        return 0;
}

static int take(struct cli *cli, int option, const char *value)
{
        (void)cli;
        if (option == OPTION_METHOD)
                return read_method(value);
        if (option == OPTION_LOG)
                return open_log(value);
        state.run.sink.journal = true;
        return 0;
}

/* ------------------------------------------------------ the process that watches */

/* From the guard to us, and back. */
struct pipes {
        int up[2], down[2];
};

static int open_pipes(struct pipes *pipes)
{
        if (pipe2(pipes->up, O_CLOEXEC) < 0)
                return -errno;
        if (pipe2(pipes->down, O_CLOEXEC) == 0)
                return 0;
        (void)close(pipes->up[0]);
        (void)close(pipes->up[1]);
        return -EMFILE;
}

static void close_pipes(const struct pipes *pipes)
{
        (void)close(pipes->up[0]);
        (void)close(pipes->up[1]);
        (void)close(pipes->down[0]);
        (void)close(pipes->down[1]);
}

static bool read_number(int fd, int *ret)
{
        ssize_t n;

        do
                n = read(fd, ret, sizeof(*ret));
        while (n < 0 && errno == EINTR);
        return n == (ssize_t)sizeof(*ret);
}

static bool write_number(int fd, int number)
{
        return write(fd, &number, sizeof(number)) == (ssize_t)sizeof(number);
}

/* The guard: read the number of a descriptor of ours, get it, and answer whether that worked. */
static int get_fd(pid_t pid, const struct pipes *pipes)
{
        int number, r;

        if (!read_number(pipes->down[0], &number))
                return -ECHILD;
        r = run_get_fd(pid, number);
        return write_number(pipes->up[1], r < 0 ? r : 0) ? r : -ECHILD;
}

_Noreturn static void watch(enum method method, pid_t pid, const struct pipes *pipes)
{
        struct run *run = &state.run;
        struct stat at_start = { 0 };
        int r, listener = -1;

        run_become_guard();
        (void)close(pipes->up[0]);
        (void)close(pipes->down[1]);
        (void)fstat(STDERR_FILENO, &at_start);
        r = write_number(pipes->up[1], (int)getpid()) && read_number(pipes->down[0], &r) ? 0 : -ECHILD;
        if (r == 0 && method == METHOD_PTRACE)
                r = run_attach(pid);
        if (r == 0)
                r = write_number(pipes->up[1], 0) ? get_fd(pid, pipes) : -ECHILD;
        else if (r != -ECHILD)
                (void)write_number(pipes->up[1], r);
        if (r >= 0 && method == METHOD_NOTIFY)
                listener = r = get_fd(pid, pipes);
        if (r < 0)
                _exit(1);
        run_let_go(run, listener);
        if (method == METHOD_PTRACE)
                run_trace(run);
        else
                run_supervise(run, listener, &at_start);
        _exit(0);
}

/*
 * Twice, so that COMMAND has no child that it did not start. The pid, or a negative errno. Each side keeps its own ends
 * of the pipes alone: a read ends when the other side does.
 */
static pid_t start_watch(enum method method, struct pipes *pipes)
{
        pid_t pid = getpid(), child = fork();
        int number;

        if (child < 0)
                return -errno;
        if (child == 0) {
                child = fork();
                if (child == 0)
                        watch(method, pid, pipes);
                if (child < 0)
                        (void)write_number(pipes->up[1], -errno);
                _exit(0);
        }
        (void)close(pipes->up[1]);
        pipes->up[1] = -1;
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
                ;
        return read_number(pipes->up[0], &number) ? (pid_t)number : -ECHILD;
}

/* Send a number, and read the answer: 0 or a negative errno. */
static int exchange(const struct pipes *pipes, int number)
{
        int answer;

        if (!write_number(pipes->down[1], number) || !read_number(pipes->up[0], &answer))
                return -ECHILD;
        return answer;
}

/* From here on each bind() without a supervisor fails with ENOSYS: there is no way back. */
static int hand_over(const struct pipes *pipes)
{
        int listener = run_listen(), r;

        if (listener < 0)
                return listener;
        r = exchange(pipes, listener);
        if (r < 0) {
                cli_error("the process that watches has ended: %s", strerror(-r));
                exit(EXIT_TROUBLE);
        }
        (void)close(listener);
        return 0;
}

/* The guard traces us, so its pid is no other process's. */
static int filter_for(pid_t guard)
{
        int r = run_install_filter(SECCOMP_RET_TRACE, 0);

        if (r < 0)
                (void)kill(guard, SIGKILL);
        return r;
}

/* After a failure the guard ends: COMMAND may still be watched in another way. */
static int begin_watch(enum method method, struct pipes *pipes)
{
        pid_t guard = start_watch(method, pipes);
        int r;

        if (guard < 0)
                return guard;
        /* Yama lets a process trace its descendants only, and we are an ancestor. */
        (void)prctl(PR_SET_PTRACER, guard, 0, 0, 0);
        r = exchange(pipes, 0);
        if (r >= 0)
                r = exchange(pipes, pipes->up[0]);
        if (r >= 0)
                r = method == METHOD_PTRACE ? filter_for(guard) : hand_over(pipes);
        (void)prctl(PR_SET_PTRACER, 0, 0, 0, 0);
        return r < 0 ? r : 0;
}

static int begin(enum method method)
{
        struct pipes pipes;
        int r;

        if (method == METHOD_NONE)
                return 0;
        if (method == METHOD_PRELOAD)
                return run_set_preload(&state.run.sink, state.log);
        r = open_pipes(&pipes);
        if (r < 0)
                return r;
        r = begin_watch(method, &pipes);
        close_pipes(&pipes);
        return r;
}

/* ------------------------------------------------------ which method */

/* True: an outer addrinuse explains already. */
static bool is_watched(void)
{
        pid_t tracer = run_status(getpid(), "\nTracerPid:", 0);
        struct event event;

        if (run_is_preloaded())
                return true;
        event_begin(&event, tracer > 0 ? tracer : 0, tracer > 0 ? tracer : 0);
        return tracer > 0 && strcmp(event.comm, "addrinuse-run") == 0;
}

static enum method first_choice(const char *command, const struct run_program *program)
{
        if (is_watched())
                return METHOD_NONE;
        if (program->privileged) {
                cli_error("%s has a privilege that a traced program loses, so it runs untraced. "
                          "Failures of privileged programs are not explained",
                          cli_safe(command));
                return METHOD_PRELOAD;
        }
        if (program->sanitized || (program->traces && !program->dynamic))
                return METHOD_NOTIFY;
        return program->traces ? METHOD_PRELOAD : METHOD_PTRACE;
}

/* A start script depends on COMMAND, so it starts in any case. If nothing can watch it, a line says so. */
static enum method begin_any(const char *command)
{
        struct run_program program;
        enum method method;
        int r;

        run_inspect(command, &program);
        method = first_choice(command, &program);
        r = begin(method);
        if (r < 0 && method == METHOD_PTRACE && program.dynamic && begin(METHOD_PRELOAD) == 0)
                return METHOD_PRELOAD;
        if (r < 0 && method != METHOD_NOTIFY && !program.privileged && begin(METHOD_NOTIFY) == 0)
                return METHOD_NOTIFY;
        if (r >= 0)
                return method;
        cli_error("%s cannot be watched: %s. Nothing is explained", cli_safe(command), strerror(-r));
        return METHOD_NONE;
}

static int begin_one(enum method method)
{
        int r = begin(method);

        if (r < 0)
                cli_error("--method=%s: %s", method_names[method], strerror(-r));
        return r;
}

/* ------------------------------------------------------ the command */

static int execute(char **argv)
{
        int error;

        (void)execvp(argv[0], argv);
        error = errno;
        cli_error("%s: %s", cli_safe(argv[0]), strerror(error));
        return error == ENOENT ? NOT_FOUND : NOT_EXECUTABLE;
}

static int run(struct cli *cli, int argc, char **argv)
{
        struct sink *sink = &state.run.sink;
        enum method method = state.method;

        if (argc < 1) {
                cli_error("run: which command? Try: addrinuse run -- COMMAND, or addrinuse --help");
                return EXIT_TROUBLE;
        }
        sink->json = cli->json;
        sink->quiet = cli->quiet;
        sink->render = cli->render;
        sink->width = cli->width;
        state.run.context = cli->context;
        if (method == METHOD_AUTO)
                method = begin_any(argv[0]);
        else if (begin_one(method) < 0)
                return EXIT_TROUBLE;
        if (cli->render & AIU_RENDER_VERBOSE)
                cli_error("method: %s", method == METHOD_NONE ? "none" : method_names[method]);
        return execute(argv);
}

const struct cli_verb cmd_run = {
        .name = "run",
        .options = options,
        .deadline_usec = DEADLINE_USEC,
        .has_command = true,
        .take = take,
        .run = run,
};
