/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * addrinuse watch: every bind() and listen() on this host that fails, explained as it happens. libaddrinuse-bpf sees
 * them. It is a package of its own, and loaded here.
 */
#include <addrinuse-bpf.h>
#include <dlfcn.h>
#include <errno.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <syslog.h>
#include <unistd.h>

#include "cli.h"
#include "event.h"
#include "sink.h"

#define DEADLINE_USEC 1000000u /* of one report: others wait meanwhile */
#define LOST_USEC 1000000u     /* between two lines that count lost failures */
#define MODULE "libaddrinuse-bpf.so.0"

enum { OPTION_PORT = CLI_OPTION_OF_VERB + 100, OPTION_CGROUP, OPTION_UNIT, OPTION_WATCH_JOURNAL };

static const struct option options[] = {
        { "port", required_argument, NULL, OPTION_PORT },
        { "cgroup", required_argument, NULL, OPTION_CGROUP },
        { "unit", required_argument, NULL, OPTION_UNIT },
        { "journal", no_argument, NULL, OPTION_WATCH_JOURNAL },
        { NULL, 0, NULL, 0 },
};

static struct {
        uint16_t port;
        char *cgroup;
        bool journal;
} wanted;

/* ------------------------------------------------------ the module */

/* The functions of addrinuse-bpf.h, by name. */
static struct {
        int (*new)(struct aiu_context *, uint32_t, struct aiu_watch **);
        struct aiu_watch *(*unref)(struct aiu_watch *);
        int (*get_fd)(const struct aiu_watch *);
        int (*next)(struct aiu_watch *, struct aiu_report **);
        int (*stop)(struct aiu_watch *);
        int (*set_port)(struct aiu_watch *, uint16_t);
        int (*set_netns)(struct aiu_watch *, uint64_t);
        int (*set_uid)(struct aiu_watch *, uid_t);
        int (*set_cgroup)(struct aiu_watch *, const char *);
        const char *(*get_mechanism)(const struct aiu_watch *);
        const char *(*get_not_seen)(const struct aiu_watch *, size_t);
        uint64_t (*get_lost)(const struct aiu_watch *);
        pid_t (*get_pid)(const struct aiu_watch *);
        int (*process_exists)(const struct aiu_watch *);
        const char *(*get_comm)(const struct aiu_watch *);
        uint64_t (*get_netns)(const struct aiu_watch *);
        uint64_t (*get_cgroup_id)(const struct aiu_watch *);
        uint64_t (*get_time_usec)(const struct aiu_watch *);
        uint64_t (*get_repeats)(const struct aiu_watch *);
        int (*is_again)(const struct aiu_watch *);
} module;

/* For exact answers, and holders at once. Where the kernel refuses this, /proc is searched. */
static void add_bpf(void *library, struct aiu_context *context)
{
        int (*add)(struct aiu_context *);
        void *function = dlsym(library, "aiu_context_add_bpf");

        if (!function)
                return;
        memcpy(&add, &function, sizeof(function));
        (void)add(context);
}

static int load_module(struct aiu_context *context)
{
        const struct {
                const char *name;
                void *to;
        } functions[] = {
                { "aiu_watch_new", &module.new },
                { "aiu_watch_unref", &module.unref },
                { "aiu_watch_get_fd", &module.get_fd },
                { "aiu_watch_next", &module.next },
                { "aiu_watch_stop", &module.stop },
                { "aiu_watch_set_port", &module.set_port },
                { "aiu_watch_set_netns", &module.set_netns },
                { "aiu_watch_set_uid", &module.set_uid },
                { "aiu_watch_set_cgroup", &module.set_cgroup },
                { "aiu_watch_get_mechanism", &module.get_mechanism },
                { "aiu_watch_get_not_seen", &module.get_not_seen },
                { "aiu_watch_get_lost", &module.get_lost },
                { "aiu_watch_get_pid", &module.get_pid },
                { "aiu_watch_process_exists", &module.process_exists },
                { "aiu_watch_get_comm", &module.get_comm },
                { "aiu_watch_get_netns", &module.get_netns },
                { "aiu_watch_get_cgroup_id", &module.get_cgroup_id },
                { "aiu_watch_get_time_usec", &module.get_time_usec },
                { "aiu_watch_get_repeats", &module.get_repeats },
                { "aiu_watch_is_again", &module.is_again },
        };
        void *library = dlopen(MODULE, RTLD_NOW | RTLD_LOCAL);

        if (!library) {
                cli_error("watch needs " MODULE ", which is not installed");
                return -ENOENT;
        }
        for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
                void *function = dlsym(library, functions[i].name);

                if (!function) {
                        cli_error("watch: " MODULE " has no %s: it is of another version", functions[i].name);
                        return -ENOENT;
                }
                memcpy(functions[i].to, &function, sizeof(function));
        }
        add_bpf(library, context);
        return 0;
}

/* ------------------------------------------------------ options */

/* Relative to the root of cgroup2, as systemd and /proc/PID/cgroup show a path. */
static int set_cgroup(const char *path)
{
        static const char *const roots[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
        struct statfs fs;

        for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
                free(wanted.cgroup);
                wanted.cgroup = NULL;
                if (asprintf(&wanted.cgroup, "%s/%s", strncmp(path, "/sys/", 5) == 0 ? "" : roots[i], path) < 0)
                        return -ENOMEM;
                if (statfs(wanted.cgroup, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
                        return 0;
        }
        return -ENOENT;
}

static int read_cgroup(const char *path)
{
        int r = set_cgroup(path);

        if (r < 0)
                cli_error("--cgroup: %s: no such cgroup", cli_safe(path));
        return r;
}

/* A unit of the system's manager. One that does not run has no cgroup, and no program that could fail. */
static int read_unit(const char *unit)
{
        char path[300];

        if (!strchr(unit, '/')) {
                (void)snprintf(path, sizeof(path), "system.slice/%s%s", unit, strchr(unit, '.') ? "" : ".service");
                if (set_cgroup(path) == 0)
                        return 0;
        }
        cli_error("--unit: %s does not run in system.slice: see --cgroup", cli_safe(unit));
        return -ENOENT;
}

static int read_port(const char *text)
{
        unsigned long number;
        char *end;

        errno = 0;
        number = strtoul(text, &end, 10);
        if (*text < '0' || *text > '9' || *end || errno || number == 0 || number > UINT16_MAX) {
                cli_error("--port: invalid value \"%s\"", cli_safe(text));
                return -EINVAL;
        }
        wanted.port = (uint16_t)number;
        return 0;
}

static int take(struct cli *cli, int option, const char *value)
{
        (void)cli;
        switch (option) {
        case OPTION_PORT:
                return read_port(value);
        case OPTION_CGROUP:
                return read_cgroup(value);
        case OPTION_UNIT:
                return read_unit(value);
        default:
                wanted.journal = true;
                return 0;
        }
}

static int set_filters(const struct cli *cli, struct aiu_watch *watch)
{
        struct stat st;
        int r = module.set_port(watch, wanted.port);

        if (r >= 0 && cli->uid_set)
                r = module.set_uid(watch, cli->uid);
        if (r >= 0 && cli->netns >= 0)
                r = fstat(cli->netns, &st) < 0 ? -errno : module.set_netns(watch, st.st_ino);
        if (r >= 0 && wanted.cgroup)
                r = module.set_cgroup(watch, wanted.cgroup);
        return r;
}

/* ------------------------------------------------------ what is told */

static void tell_start_to_journal(const struct aiu_watch *watch)
{
        char not_seen[128] = "", message[256];
        const char *name;

        for (size_t i = 0; (name = module.get_not_seen(watch, i)); i++)
                (void)snprintf(not_seen + strlen(not_seen), sizeof(not_seen) - strlen(not_seen), "%s%s", i ? ", " : "",
                               name);
        (void)snprintf(message, sizeof(message), "watching by %s; not seen: %s", module.get_mechanism(watch), not_seen);
        (void)event_note_to_journal(EVENT_WATCHING_ID, LOG_INFO, message, "AIU_MECHANISM", module.get_mechanism(watch));
}

static void tell_start(const struct sink *sink, const struct aiu_watch *watch)
{
        const char *name;

        if (sink->journal)
                tell_start_to_journal(watch);
        if (sink->json) {
                printf("{\"schema\":1,\"event\":\"watching\",\"mechanism\":\"%s\",\"not_seen\":[",
                       module.get_mechanism(watch));
                for (size_t i = 0; (name = module.get_not_seen(watch, i)); i++)
                        printf("%s\"%s\"", i ? "," : "", name);
                printf("]}\n");
        } else if (!sink->journal && !sink->quiet) {
                printf("addrinuse: watching by %s; not seen:", module.get_mechanism(watch));
                for (size_t i = 0; (name = module.get_not_seen(watch, i)); i++)
                        printf("%s %s", i ? "," : "", name);
                printf("\n");
                if (strcmp(module.get_mechanism(watch), "tracepoint") == 0)
                        printf("addrinuse: each system call of this host takes some nanoseconds more meanwhile\n");
        }
        (void)fflush(stdout);
}

static void tell_lost_to_journal(uint64_t n)
{
        char message[64], number[24];

        (void)snprintf(message, sizeof(message), "%llu failures were not explained", (unsigned long long)n);
        (void)snprintf(number, sizeof(number), "%llu", (unsigned long long)n);
        if (event_note_to_journal(EVENT_LOST_ID, LOG_WARNING, message, "AIU_LOST", number) < 0)
                cli_error("%s", message);
}

static uint64_t lost_told, lost_told_usec;

/* A busy host may lose failures all the time: one line a second has them all. */
static bool lost_is_due(const struct aiu_watch *watch, bool at_once)
{
        return module.get_lost(watch) > lost_told && (at_once || cli_now_usec() - lost_told_usec >= LOST_USEC);
}

static void tell_lost(const struct sink *sink, const struct aiu_watch *watch, bool at_once)
{
        uint64_t lost = module.get_lost(watch);
        unsigned long long n = lost - lost_told;

        if (!lost_is_due(watch, at_once))
                return;
        if (sink->json)
                printf("{\"schema\":1,\"event\":\"lost\",\"count\":%llu}\n", n);
        else if (sink->journal)
                tell_lost_to_journal(n);
        else if (sink->quiet)
                cli_error("%llu failures were not explained", n);
        else
                printf("addrinuse: %llu failures were not explained\n", n);
        (void)fflush(stdout);
        lost_told = lost;
        lost_told_usec = cli_now_usec();
}

static void tell_event(const struct sink *sink, const struct aiu_watch *watch, struct aiu_report *report)
{
        pid_t pid = module.get_pid(watch);
        struct event event = { 0 };

        if (pid > 0)
                event_begin(&event, pid, pid);
        /* Another process may have its number by now. */
        if (!module.process_exists(watch)) {
                memset(&event, 0, sizeof(event));
                event.gone = true;
        }
        /* A process that exits is in the root of a v1 hierarchy: proc_cgroup_show(). */
        if (!event.unit[0])
                event_set_cgroup(&event, module.get_cgroup_id(watch));
        event.time_usec = module.get_time_usec(watch);
        event.pid = pid;
        if (!event.comm[0])
                (void)snprintf(event.comm, sizeof(event.comm), "%s", module.get_comm(watch));
        event.netns = module.get_netns(watch);
        event.repeats = module.get_repeats(watch);
        event.again = module.is_again(watch);
        event.report = report;
        sink_event(sink, &event, STDOUT_FILENO);
}

/* A signal ends this even if thousands of events wait. */
static void tell_all(const struct sink *sink, struct aiu_watch *watch, bool (*stop)(void))
{
        struct aiu_report *report = NULL;

        while (!(stop && stop()) && module.next(watch, &report) == 1) {
                tell_event(sink, watch, report);
                aiu_report_unref(report);
        }
        tell_lost(sink, watch, stop == NULL);
}

/* ------------------------------------------------------ until a signal */

static volatile sig_atomic_t ended;

static void on_end(int number)
{
        (void)number;
        ended = 1;
}

/* Signals arrive during ppoll(2) only, so none is missed. */
static void block_signals(sigset_t *ret_before)
{
        struct sigaction action = { .sa_handler = on_end };
        sigset_t set;

        (void)sigemptyset(&set);
        (void)sigaddset(&set, SIGINT);
        (void)sigaddset(&set, SIGTERM);
        (void)sigprocmask(SIG_BLOCK, &set, ret_before);
        (void)sigaction(SIGINT, &action, NULL);
        (void)sigaction(SIGTERM, &action, NULL);
        (void)sigdelset(ret_before, SIGINT);
        (void)sigdelset(ret_before, SIGTERM);
        (void)signal(SIGPIPE, SIG_IGN);
}

/* ppoll(2) does not look at signals if a descriptor is ready. */
static bool is_ending(void)
{
        sigset_t pending;

        (void)sigpending(&pending);
        return ended || sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1;
}

/* The reader of our output has closed it. */
static bool is_deaf(const struct sink *sink)
{
        struct pollfd out = { .fd = STDOUT_FILENO };

        return !sink->journal && poll(&out, 1, 0) > 0 && (out.revents & (POLLERR | POLLHUP));
}

static void watch_on(const struct sink *sink, struct aiu_watch *watch)
{
        sigset_t unblocked;

        block_signals(&unblocked);
        tell_start(sink, watch);
        cli_notify("READY=1");
        while (!is_ending() && !is_deaf(sink)) {
                struct pollfd fds[] = { { .fd = module.get_fd(watch), .events = POLLIN },
                                        { .fd = sink->journal ? -1 : STDOUT_FILENO } };

                const struct timespec second = { .tv_sec = LOST_USEC / 1000000 };
                bool untold = module.get_lost(watch) > lost_told;

                if (ppoll(fds, 2, untold ? &second : NULL, &unblocked) >= 0)
                        tell_all(sink, watch, is_ending);
        }
        cli_notify("STOPPING=1");
        (void)module.stop(watch);
        tell_all(sink, watch, NULL);
}

static int explain_error(int r)
{
        if (r == -EPERM)
                cli_error("watch needs root, or the capabilities CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE");
        else if (r == -ENOENT)
                cli_error("watch: this kernel refuses BPF trampolines, and its tracepoints need tracefs: "
                          "mount -t tracefs none /sys/kernel/tracing");
        else if (r == -EOPNOTSUPP || r == -ENOSYS)
                cli_error("watch: this kernel cannot be watched: it needs BPF and its type information (BTF)");
        else
                cli_error("watch: %s", strerror(-r));
        return EXIT_TROUBLE;
}

static int run(struct cli *cli, int argc, char **argv)
{
        struct sink sink = { .json = cli->json,
                             .journal = wanted.journal,
                             .quiet = cli->quiet && !cli->json,
                             .render = cli->render,
                             .width = cli->width,
                             .log = -1 };
        struct aiu_watch *watch = NULL;
        int r;

        if (argc > 0) {
                cli_error("watch takes no operand, but got \"%s\": to watch one port, say --port=N", cli_safe(argv[0]));
                return EXIT_TROUBLE;
        }
        if (load_module(cli->context) < 0)
                return EXIT_TROUBLE;
        r = module.new(cli->context, 0, &watch);
        if (r < 0)
                return explain_error(r);
        r = set_filters(cli, watch);
        if (r >= 0)
                watch_on(&sink, watch);
        module.unref(watch);
        return r < 0 ? explain_error(r) : 0;
}

const struct cli_verb cmd_watch = {
        .name = "watch",
        .options = options,
        .deadline_usec = DEADLINE_USEC,
        .filters = true,
        .take = take,
        .run = run,
};
