/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The library against the running kernel, in random scenes.
 *
 *   differential [--mode=tcp|udp|udplite|mptcp|unix|errors|addr|all] [--uid=0|1000]
 *                [--seed=N] [--cases=N] [--jobs=N] [--only=N] [--dry] [--long] [--trial] [--bpf]
 *                [--history] [--self-test] [--wildcard] [--old]
 *
 * A case is one question: a scene, an address, a set of options. Wrong is a
 * verdict, errno, call or what-if that is not what bind() and listen() then do;
 * "unknown" is allowed, but counted. The environment's AIU_CASES overrides the
 * number of cases for each mode, AIU_SEED the seed, and CI asks for more. A failure
 * prints how to replay it. --self-test asks with what aiu_self_test() proves, --wildcard
 * with trial binds of the wildcard: the command does both. --old: a kernel of which less is
 * certain, where any number of answers may be unknown. --history: with the kernel's summary of
 * the port, by a model of it (TCP, Linux 6.18).
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "differential.h"
#ifdef WITH_BPF
#include <addrinuse-bpf.h>
#endif

#define DEFAULT_CASES 5000u
#define LONG_CASES 1000000u
#define MAX_JOBS 64u
/* On a busy machine sockets are gone before a question about them is over: three times what an idle one has. */
#define MAX_UNKNOWN_PERCENT 3.0
/* None, but on a busy machine a whole scene may stay unknown: up to sixteen cases of three thousand. */
#define MAX_UNKNOWN_PERCENT_BPF 1.0

/* With CI=true: 57,000 for both users together, most where the rules are richest. With AIU_LONG=1: ten times as many. */
static const uint64_t ci_cases[MODE_COUNT] = {
        [MODE_TCP] = 10000, [MODE_UDP] = 5000,    [MODE_UDPLITE] = 2500,   [MODE_MPTCP] = 3000,
        [MODE_UNIX] = 2500, [MODE_ERRORS] = 2500, [MODE_ADDRESSES] = 3000,
};

static struct settings settings = { .only = -1, .max_printed = 5 };
static bool modes[MODE_COUNT];

/* ------------------------------------------------ one job */

static struct stage *new_stage(struct live *live, enum mode mode, struct tally *tally)
{
        struct stage *stage = calloc(1, sizeof(*stage));

        if (!stage)
                live_die("calloc", ENOMEM);
        stage->live = live;
        stage->mode = mode;
        stage->settings = &settings;
        stage->tally = tally;
        return stage;
}

static uint64_t count_cases(const struct tally *tally)
{
        uint64_t n = 0;

        for (int i = 0; i < CLASS_COUNT; i++)
                n += tally->cases[i];
        return n;
}

static void run_one(struct stage *stage, uint64_t index)
{
        unsigned int before = live_count_fds();

        if (stage->mode == MODE_UNIX)
                run_unix_scenario(stage, index);
        else if (stage->mode == MODE_ERRORS || stage->mode == MODE_ADDRESSES)
                run_error_scenario(stage, index);
        else
                run_scenario(stage, index);
        if (live_count_fds() == before)
                return;
        stage->tally->failed++;
        printf("WRONG: descriptors are left: --mode=%s --seed=%llu --only=%llu\n", mode_names[stage->mode],
               (unsigned long long)settings.seed, (unsigned long long)index);
}

static uint64_t wanted_cases(enum mode mode)
{
        if (settings.cases)
                return settings.cases;
        if (getenv("AIU_LONG"))
                return 10 * ci_cases[mode];
        return getenv("CI") ? ci_cases[mode] : DEFAULT_CASES;
}

static void run_mode(struct live *live, enum mode mode, unsigned int job, struct tally *tally)
{
        struct stage *stage = new_stage(live, mode, tally);
        uint64_t quota = wanted_cases(mode) / settings.jobs + 1, index = job;
        uint64_t trials = ask_count_trials();
        double start = live_now();

        if (settings.only >= 0)
                run_one(stage, (uint64_t)settings.only);
        for (; settings.only < 0 && count_cases(tally) < quota; index += settings.jobs)
                run_one(stage, index);
        tally->seconds = live_now() - start;
        tally->trials = ask_count_trials() - trials;
        free(stage);
}

/* Not where the programs may not be loaded. */
static bool load_bpf(void)
{
#ifdef WITH_BPF
        struct aiu_context *context;
        int r = aiu_context_new(&context);

        if (r >= 0)
                r = aiu_context_add_bpf(context);
        (void)aiu_context_unref(context);
        if (r >= 0)
                ask_exactly(aiu_context_add_bpf);
        else
                printf("skipped: no BPF programs here (%s)\n", strerror(-r));
        return r >= 0;
#else
        printf("skipped: built without libaddrinuse-bpf\n");
        return false;
#endif
}

static int run_job(unsigned int job, struct tally *tallies)
{
        struct live live;

        live_isolate(&live);
        if (settings.bpf && !load_bpf())
                return LIVE_SKIP;
        if (settings.history && !history_is_modelled())
                return LIVE_SKIP;
        if (settings.history)
                ask_exactly(history_add);
        if (!live_start(&live, settings.uid))
                return LIVE_SKIP;
        scenario_start_counterparts(&live);
        ask_begin();
        for (int mode = 0; mode < MODE_COUNT; mode++)
                if (modes[mode])
                        run_mode(&live, (enum mode)mode, job, &tallies[mode]);
        ask_finish();
        live_stop(&live);
        return 0;
}

/* ------------------------------------------------ the sum */

static void add_up(struct tally *sum, const struct tally *t)
{
        for (int i = 0; i < CLASS_COUNT; i++) {
                sum->cases[i] += t->cases[i];
                sum->unknown[i] += t->unknown[i];
        }
        sum->scenarios += t->scenarios;
        sum->unstable += t->unstable;
        sum->in_use += t->in_use;
        sum->available += t->available;
        sum->other += t->other;
        sum->wrong += t->wrong;
        sum->unexplained += t->unexplained;
        sum->what_ifs += t->what_ifs;
        sum->what_ifs_unknown += t->what_ifs_unknown;
        sum->what_ifs_wrong += t->what_ifs_wrong;
        sum->after += t->after;
        sum->listens += t->listens;
        sum->pairs += t->pairs;
        sum->ports += t->ports;
        sum->trials += t->trials;
        sum->failed += t->failed;
        reasons_add_up(sum, t);
        if (t->seconds > sum->seconds)
                sum->seconds = t->seconds;
}

static double percent(uint64_t part, uint64_t of)
{
        return of ? 100.0 * (double)part / (double)of : 0;
}

static void print_class(const struct tally *t, enum class class, const char *name)
{
        if (t->cases[class])
                printf("    %-36s %9llu cases %8llu unknown (%.2f %%)\n", name, (unsigned long long)t->cases[class],
                       (unsigned long long)t->unknown[class], percent(t->unknown[class], t->cases[class]));
}

static void print_tally(enum mode mode, const struct tally *t)
{
        uint64_t cases = count_cases(t);

        printf("%s, asked as uid %u, seed %llu: %llu cases in %llu scenes, %.0f s, %.0f cases/s\n", mode_names[mode],
               settings.uid, (unsigned long long)settings.seed, (unsigned long long)cases,
               (unsigned long long)t->scenarios, t->seconds, t->seconds > 0 ? (double)cases / t->seconds : 0);
        printf("    kernel: %llu in use, %llu available, %llu other errors; %llu scenes were not replayable\n",
               (unsigned long long)t->in_use, (unsigned long long)t->available, (unsigned long long)t->other,
               (unsigned long long)t->unstable);
        printf("    wrong %llu, unknown without a gap %llu, failed %llu\n", (unsigned long long)t->wrong,
               (unsigned long long)t->unexplained, (unsigned long long)t->failed);
        printf("    what-ifs %llu: wrong %llu, unknown %llu; explained afterwards %llu, listen() %llu, "
               "one holder alone %llu, a port alone %llu\n",
               (unsigned long long)t->what_ifs, (unsigned long long)t->what_ifs_wrong,
               (unsigned long long)t->what_ifs_unknown, (unsigned long long)t->after, (unsigned long long)t->listens,
               (unsigned long long)t->pairs, (unsigned long long)t->ports);
        if (settings.trial)
                printf("    trial binds %llu\n", (unsigned long long)t->trials);
        print_class(t, CLASS_PLAIN, "all readable, no SO_REUSEPORT");
        print_class(t, CLASS_REUSEPORT, "all readable, SO_REUSEPORT");
        print_class(t, CLASS_UNREADABLE, "some unreadable, no SO_REUSEPORT");
        print_class(t, CLASS_BOTH, "some unreadable, SO_REUSEPORT");
        reasons_print(t);
}

static uint64_t count_unknown(const struct tally *t)
{
        uint64_t n = 0;

        for (int i = 0; i < CLASS_COUNT; i++)
                n += t->unknown[i];
        return n;
}

/* What makes the run fail. */
static bool acceptable(const struct tally *t)
{
        if (t->wrong || t->what_ifs_wrong || t->unexplained || t->failed)
                return false;
        /* All bits are read, whoever has the socket. */
        if (settings.bpf && !modes[MODE_UNIX] && !settings.old &&
            percent(count_unknown(t), count_cases(t)) > MAX_UNKNOWN_PERCENT_BPF)
                return false;
        /* With facts left out there is much to try, and much that stays unknown. */
        if (settings.trial)
                return t->trials > 0 || settings.old;
        if (settings.uid != 0 || settings.dry || settings.old || t->cases[CLASS_PLAIN] < 200)
                return true;
        return percent(t->unknown[CLASS_PLAIN], t->cases[CLASS_PLAIN]) <= MAX_UNKNOWN_PERCENT;
}

static int conclude(const struct tally *tallies)
{
        int status = 0;

        for (int mode = 0; mode < MODE_COUNT; mode++) {
                struct tally sum = { 0 };

                if (!modes[mode])
                        continue;
                for (unsigned int job = 0; job < settings.jobs; job++)
                        add_up(&sum, &tallies[job * MODE_COUNT + (unsigned int)mode]);
                print_tally((enum mode)mode, &sum);
                if (!acceptable(&sum))
                        status = 1;
        }
        printf("%s\n", status ? "FAIL" : "PASS");
        return status;
}

static int wait_jobs(const pid_t *pids)
{
        int worst = 0;

        for (unsigned int job = 0; job < settings.jobs; job++) {
                int status;

                if (waitpid(pids[job], &status, 0) != pids[job])
                        live_die("waitpid", errno);
                status = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
                if (status > worst)
                        worst = status;
        }
        return worst;
}

static int run_jobs(void)
{
        size_t bytes = settings.jobs * MODE_COUNT * sizeof(struct tally);
        struct tally *tallies = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        pid_t pids[MAX_JOBS];
        int worst;

        if (tallies == MAP_FAILED)
                live_die("mmap", errno);
        for (unsigned int job = 0; job < settings.jobs; job++) {
                fflush(stdout);
                pids[job] = fork();
                if (pids[job] < 0)
                        live_die("fork", errno);
                if (pids[job] == 0)
                        exit(run_job(job, tallies + job * MODE_COUNT));
        }
        worst = wait_jobs(pids);
        if (worst == 0)
                worst = conclude(tallies);
        munmap(tallies, bytes);
        return worst;
}

/* ------------------------------------------------ what is wanted */

static bool parse_mode(const char *text)
{
        for (int mode = 0; mode < MODE_COUNT; mode++)
                if (strcmp(text, mode_names[mode]) == 0 || strcmp(text, "all") == 0)
                        modes[mode] = true;
        return memchr(modes, true, sizeof(modes)) != NULL;
}

static void set_defaults(void)
{
        const char *cases = getenv("AIU_CASES"), *seed = getenv("AIU_SEED");
        long cpus = sysconf(_SC_NPROCESSORS_ONLN);

        if (cases)
                settings.cases = strtoull(cases, NULL, 0);
        settings.seed = seed ? strtoull(seed, NULL, 0) : (uint64_t)(live_now() * 1000) & 0xffffff;
        settings.jobs = cpus < 1 ? 1 : cpus > 4 ? 4 : (unsigned int)cpus;
}

static bool parse_option(int option)
{
        switch (option) {
        case 'm':
                return parse_mode(optarg);
        case 'u':
                settings.uid = (uid_t)strtoul(optarg, NULL, 0);
                return settings.uid == 0 || settings.uid == LIVE_USER;
        case 's':
                settings.seed = strtoull(optarg, NULL, 0);
                return true;
        case 'c':
                settings.cases = strtoull(optarg, NULL, 0);
                return true;
        case 'j':
                settings.jobs = (unsigned int)strtoul(optarg, NULL, 0);
                return settings.jobs > 0 && settings.jobs <= MAX_JOBS;
        case 'o':
                settings.only = strtoll(optarg, NULL, 0);
                settings.jobs = 1;
                return true;
        case 'p':
                settings.max_printed = (unsigned int)strtoul(optarg, NULL, 0);
                return true;
        case 'd':
                settings.dry = true;
                return true;
        case 't':
                settings.trial = true;
                return true;
        case 'b':
                settings.bpf = true;
                return true;
        case 'h':
                settings.history = true;
                return true;
        case 'e':
                settings.self_test = true;
                return true;
        case 'w':
                ask_wildcard();
                return true;
        case 'O':
                settings.old = true;
                return true;
        case 'l':
                settings.cases = LONG_CASES;
                return true;
        default:
                return false;
        }
}

int main(int argc, char **argv)
{
        static const struct option options[] = {
                { "mode", required_argument, NULL, 'm' },  { "uid", required_argument, NULL, 'u' },
                { "seed", required_argument, NULL, 's' },  { "cases", required_argument, NULL, 'c' },
                { "jobs", required_argument, NULL, 'j' },  { "only", required_argument, NULL, 'o' },
                { "print", required_argument, NULL, 'p' }, { "dry", no_argument, NULL, 'd' },
                { "long", no_argument, NULL, 'l' },        { "trial", no_argument, NULL, 't' },
                { "bpf", no_argument, NULL, 'b' },         { "history", no_argument, NULL, 'h' },
                { "self-test", no_argument, NULL, 'e' },   { "wildcard", no_argument, NULL, 'w' },
                { "old", no_argument, NULL, 'O' },         { NULL, 0, NULL, 0 },
        };
        int option;

        set_defaults();
        while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
                if (!parse_option(option)) {
                        fprintf(stderr, "differential: see the head of tests/live/differential.c\n");
                        return 2;
                }
        if (!memchr(modes, true, sizeof(modes)))
                (void)parse_mode("all");
        printf("seed %llu, %u jobs\n", (unsigned long long)settings.seed, settings.jobs);
        if (settings.self_test)
                printf("proven: %#x\n", ask_prove());
        return run_jobs();
}
