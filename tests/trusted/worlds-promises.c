/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an embedding program relies on. */
#include <errno.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worlds.h"

/* ThreadSanitizer takes the number of a descriptor for its identity. It does not know pidfd_getfd(2), so that a
 * borrowed descriptor looks like the one that had its number before; and a descriptor of this process, which
 * another thread may close meanwhile, is looked at by number on purpose: its inode tells whether it is still the one. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
        return "race:^ask_holders$\nrace:^look_at_descriptor$\n";
}

static void *ask_often(void *unused)
{
        for (int i = 0; i < 200; i++) {
                struct aiu_report *report = ask(i % 2 ? HELD : FREE, 0);

                check_report(report, i % 2 ? AIU_VERDICT_IN_USE : AIU_VERDICT_AVAILABLE);
                aiu_report_unref(report);
        }
        return unused;
}

#ifdef AIU_COVERAGE
void __gcov_reset(void); /* NOLINT(bugprone-reserved-identifier): gcc's name */
#endif

void threads(void)
{
        pthread_t list[8];

        for (int i = 0; i < 8; i++)
                if (pthread_create(&list[i], NULL, ask_often, NULL) != 0)
                        wrong("pthread_create");
        for (int i = 0; i < 8; i++)
                pthread_join(list[i], NULL);
        must_know(0);
#ifdef AIU_COVERAGE
        /* They lost some of each other's counts, and what is left can be negative. */
        __gcov_reset();
#endif
}

/* A context that was made before fork(2) serves both. */
void after_fork(void)
{
        struct aiu_context *context = NULL;
        int status;
        pid_t pid;

        if (aiu_context_new(&context) < 0)
                wrong("aiu_context_new");
        pid = fork();
        for (int i = 0; i < 50; i++) {
                struct aiu_query *query = NULL;
                struct aiu_report *report = NULL;

                if (aiu_query_new(context, &query) < 0 || aiu_query_set_address_string(query, "127.0.0.1", HELD) < 0 ||
                    aiu_query_run(query, &report) < 0)
                        wrong("the query");
                check_report(report, AIU_VERDICT_IN_USE);
                aiu_report_unref(report);
                aiu_query_unref(query);
        }
        aiu_context_unref(context);
        if (pid == 0)
                _exit(0);
        if (waitpid(pid, &status, 0) < 0 || status != 0)
                wrong("the child");
}

static long resident_kib(void)
{
        long pages = 0, ignored;
        FILE *file = fopen("/proc/self/statm", "re");

        if (!file || fscanf(file, "%ld %ld", &ignored, &pages) != 2)
                wrong("/proc/self/statm");
        fclose(file);
        return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

void memory_is_flat(void)
{
        int n = getenv("AIU_LONG") ? 100000 : 5000;
        long before, after;

        for (int i = 0; i < 200; i++)
                must_know(0);
        before = resident_kib();
        for (int i = 0; i < n; i++)
                must_know(0);
        after = resident_kib();
        printf("     %d probes of each port: %+ld KiB\n", n, after - before);
        if (labs(after - before) > 64)
                wrong("it grows");
}

/* ------------------------------------------------------ every kind of question */

static void render(struct aiu_report *report)
{
        char *text = NULL, *json = NULL;

        if (!report || aiu_report_to_text(report, AIU_RENDER_VERBOSE, &text) < 0 ||
            aiu_report_to_json(report, AIU_RENDER_PRETTY, &json) < 0)
                wrong("no report, or it is not rendered");
        free(text);
        free(json);
        aiu_report_unref(report);
}

static void *ask_everything(void *unused)
{
        struct live_address held = live_ip("127.0.0.1", HELD, 0), path = live_path("/run/none");
        int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int local = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        render(aiu_probe("127.0.0.1", HELD));
        render(aiu_probe("::", FREE));
        render(aiu_probe("127.0.0.1", 0));
        render(aiu_explain_bind(tcp, &held.sa.any, held.len, EADDRINUSE));
        render(aiu_explain_listen(tcp, 0));
        render(aiu_explain_bind(local, &path.sa.any, path.len, 0));
        close(tcp);
        close(local);
        return unused;
}

#define STACK_BYTES (512u * 1024)
#define PAINT 0xa5

static void *do_nothing(void *unused)
{
        return unused;
}

/* Paint a stack, use it, look how deep the paint is gone. */
static size_t measure_stack(void *(*what)(void *))
{
        pthread_attr_t attributes;
        pthread_t thread;
        unsigned char *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        size_t clean = 0;

        if (stack == MAP_FAILED)
                wrong("mmap");
        memset(stack, PAINT, STACK_BYTES);
        pthread_attr_init(&attributes);
        if (pthread_attr_setstack(&attributes, stack, STACK_BYTES) != 0 ||
            pthread_create(&thread, &attributes, what, NULL) != 0)
                wrong("pthread_create");
        pthread_join(thread, NULL);
        while (clean < STACK_BYTES && stack[clean] == PAINT)
                clean++;
        munmap(stack, STACK_BYTES);
        return STACK_BYTES - clean;
}

/* Without optimization, and with counters, frames are larger. */
#ifdef AIU_COVERAGE
#define MOST_STACK (24 * 1024)
#else
#define MOST_STACK (16 * 1024)
#endif

void little_stack(void)
{
        size_t thread = measure_stack(do_nothing), all = measure_stack(ask_everything);

        printf("     %zu bytes of stack, and %zu of the thread itself\n", all - thread, thread);
        if (all - thread > MOST_STACK)
                wrong("more than 16 KiB");
}

static unsigned int count_threads(void)
{
        unsigned int n = 0;
        FILE *file = fopen("/proc/self/status", "re");
        char line[256];

        while (file && fgets(line, sizeof(line), file))
                if (sscanf(line, "Threads: %u", &n) == 1)
                        break;
        if (file)
                fclose(file);
        return n;
}

/* ------------------------------------------------------ what is the caller's */

struct state {
        struct sigaction signals[32];
        sigset_t mask;
        mode_t umask;
        char directory[4096], locale[256], threads[16];
        char **environment;
        off_t out;
};

static char *print_environment(size_t *ret_bytes)
{
        char *text = NULL;
        FILE *file = open_memstream(&text, ret_bytes);

        for (char **e = environ; file && *e; e++)
                fprintf(file, "%p %s\n", (void *)*e, *e);
        if (!file || fclose(file) != 0)
                wrong("open_memstream");
        return text;
}

static void look(struct state *ret, int out)
{
        memset(ret, 0, sizeof(*ret));
        for (int i = 1; i < 32; i++)
                (void)sigaction(i, NULL, &ret->signals[i]);
        sigprocmask(SIG_SETMASK, NULL, &ret->mask);
        ret->umask = umask(0);
        umask(ret->umask);
        if (!getcwd(ret->directory, sizeof(ret->directory)))
                wrong("getcwd");
        (void)snprintf(ret->locale, sizeof(ret->locale), "%s", setlocale(LC_ALL, NULL));
        (void)snprintf(ret->threads, sizeof(ret->threads), "%u", count_threads());
        ret->environment = environ;
        ret->out = lseek(out, 0, SEEK_END);
}

static void compare(const struct state *a, const struct state *b)
{
        for (int i = 1; i < 32; i++)
                if (a->signals[i].sa_handler != b->signals[i].sa_handler ||
                    a->signals[i].sa_flags != b->signals[i].sa_flags)
                        wrong("signal %d", i);
        if (memcmp(&a->mask, &b->mask, sizeof(a->mask)) != 0)
                wrong("the signal mask");
        if (a->umask != b->umask)
                wrong("the umask");
        if (strcmp(a->directory, b->directory) != 0)
                wrong("the working directory");
        if (strcmp(a->locale, b->locale) != 0)
                wrong("the locale");
        if (strcmp(a->threads, b->threads) != 0)
                wrong("a thread");
        if (a->environment != b->environment)
                wrong("the environment");
        if (a->out != b->out)
                wrong("%lld bytes were printed", (long long)(b->out - a->out));
}

/* No thread, child, signal, output, working directory, umask, locale or environment of its own;
 * variables that other libraries obey have no effect, and no descriptor is left. */
void nothing_changes(void)
{
        int out = memfd_create("out", MFD_CLOEXEC), real = dup(STDOUT_FILENO);
        size_t before_bytes, after_bytes;
        char *before_text, *after_text;
        struct state before, after;
        unsigned int fds;

        umask(0123);
        (void)setlocale(LC_ALL, "C.UTF-8");
        setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent", 1);
        setenv("NLCB", "debug", 1); /* libnl would print every message */
        setenv("NLDBG", "9", 1);
        fflush(stdout);
        dup2(out, STDOUT_FILENO);
        dup2(out, STDERR_FILENO);
        fds = live_count_fds();
        before_text = print_environment(&before_bytes);
        look(&before, out);
        for (int i = 0; i < 3; i++)
                (void)ask_everything(NULL);
        fflush(NULL);
        look(&after, out);
        after_text = print_environment(&after_bytes);
        dup2(real, STDOUT_FILENO);
        compare(&before, &after);
        if (strcmp(before_text, after_text) != 0)
                wrong("a variable of the environment");
        if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD)
                wrong("a child");
        if (live_count_fds() != fds)
                wrong("a descriptor is left");
        free(before_text);
        free(after_text);
}

static volatile sig_atomic_t n_signals;

static void count_signal(int number)
{
        (void)number;
        n_signals = n_signals + 1;
}

/* Each call may be interrupted: a handler without SA_RESTART, ten thousand times a second. */
void signals_rain(void)
{
        struct sigaction action = { .sa_handler = count_signal };
        struct itimerval often = { { 0, 100 }, { 0, 100 } };

        if (sigaction(SIGALRM, &action, NULL) < 0 || setitimer(ITIMER_REAL, &often, NULL) < 0)
                wrong("setitimer");
        for (int i = 0; i < 300; i++)
                must_know(0);
        often = (struct itimerval){ { 0, 0 }, { 0, 0 } };
        setitimer(ITIMER_REAL, &often, NULL);
        printf("     %d signals\n", (int)n_signals);
        if (n_signals == 0)
                wrong("no signal came");
}
