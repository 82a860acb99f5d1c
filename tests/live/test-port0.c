/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Port 0 against the running kernel: is a port found in the range, by bind(), or
 * by listen() without a bind()? Every verdict, every what-if, and every action
 * that is called sufficient is carried out.
 *
 *   test-port0 [--uid=0|1000] [--seed=N] [--cases=N] [--only=N] [--old]
 *
 * Where chance decides (a range with an odd number of ports: lib/rules/port-search.c) only
 * "unknown" is right, and whatever is certain is tried more than once. --old: a kernel
 * of which less is certain, so "unknown" needs a gap, whichever it is. A deadline that
 * passed explains "unknown" on any kernel, and nothing that is false.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/in6.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <unistd.h>

#include <addrinuse-backend.h>
#include <addrinuse.h>

#include "port0.h"

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif
#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

#define DEFAULT_CASES 2400u
#define TRIES 3 /* what is certain is so every time */
#define MOST_PRINTED 5u

struct tally {
        unsigned int cases, available, in_use, other, unknown, chance, hidden, late;
        unsigned int what_ifs, what_ifs_unknown, actions, wrong, failed;
};

struct stage {
        struct live live;
        struct port0_scene scene;
        uint64_t seed, index;
        struct aiu_context *context, *poor;
        bool old;
        struct tally tally;
};

static void complain(struct stage *stage, const struct aiu_report *report, const char *what, int got)
{
        char *text = NULL;

        stage->tally.wrong++;
        if (stage->tally.wrong > MOST_PRINTED)
                return;
        printf("WRONG: %s (%s): replay with --uid=%u --seed=%llu --only=%llu\n", what, got ? strerror(got) : "success",
               stage->live.uid, (unsigned long long)stage->seed, (unsigned long long)stage->index);
        port0_print(&stage->live, &stage->scene);
        if (report && aiu_report_to_text(report, AIU_RENDER_VERBOSE, &text) == 0)
                printf("%s", text);
        free(text);
}

/* ------------------------------------------------ the kernel's answer */

static int set(int fd, int level, int name, int value)
{
        return setsockopt(fd, level, name, &value, sizeof(value));
}

static int set_options(int fd, unsigned int options, bool v6)
{
        int r = 0;

        if (options & OPT_REUSEADDR)
                r |= set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
        if (options & OPT_REUSEPORT)
                r |= set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
        if (v6)
                r |= set(fd, IPPROTO_IPV6, IPV6_V6ONLY, (options & OPT_V6ONLY) != 0);
        if (options & OPT_FREEBIND)
                r |= v6 ? set(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1) : set(fd, IPPROTO_IP, IP_FREEBIND, 1);
        return r;
}

/* A socket that is ready for the call that is asked about. */
static int make_socket(const struct port0_scene *s, unsigned int options, const struct live_address *a)
{
        uid_t before = (uid_t)setfsuid(s->uid);
        bool v6 = a->sa.any.sa_family == AF_INET6;
        int fd = socket(a->sa.any.sa_family, s->type | SOCK_CLOEXEC, s->protocol), r = 0;

        setfsuid(before);
        if (fd < 0)
                live_die("socket", errno);
        if (s->ifindex)
                r |= set(fd, SOL_SOCKET, SO_BINDTOIFINDEX, (int)s->ifindex);
        if (s->low || s->high)
                r |= set(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, (int)((unsigned int)s->high << 16 | s->low));
        if (s->how == PORT0_NO_PORT_BIND)
                r |= set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
        if (s->how == PORT0_NO_PORT_LISTEN) {
                /* Then bind() is past, and options are set before listen(). */
                r |= set_options(fd, s->options, v6);
                r |= set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
                r |= bind(fd, &a->sa.any, a->len);
        }
        r |= set_options(fd, options, v6);
        if (r < 0)
                live_die("a socket as the scene wants it", errno);
        return fd;
}

struct truth {
        int error;
        enum aiu_call call;
};

/* bind() and listen(), or listen() alone, on a socket that is then closed. */
static struct truth finish(const struct port0_scene *s, int fd, const struct live_address *a)
{
        struct truth t = { 0, AIU_CALL_UNKNOWN };

        if (s->how < PORT0_UNBOUND_LISTEN && bind(fd, &a->sa.any, a->len) < 0)
                t = (struct truth){ errno, AIU_CALL_BIND };
        else if (s->listen && listen(fd, 1) < 0)
                t = (struct truth){ errno, AIU_CALL_LISTEN };
        close(fd);
        return t;
}

static struct truth try_once(struct stage *stage, unsigned int options)
{
        const struct port0_scene *s = &stage->scene;
        struct live_address a = port0_address(&stage->live, s->place, 0);

        return finish(s, make_socket(s, options, &a), &a);
}

/* ------------------------------------------------ the library's answer */

static struct aiu_report *ask_by_query(struct stage *stage)
{
        const struct port0_scene *s = &stage->scene;
        struct live_address a = port0_address(&stage->live, s->place, 0);
        struct aiu_report *report = NULL;
        struct aiu_query *q;
        char device[IF_NAMESIZE];

        if (aiu_query_new(s->poor ? stage->poor : stage->context, &q) < 0)
                return NULL;
        (void)aiu_query_set_address(q, &a.sa.any, a.len);
        (void)aiu_query_set_socket(q, s->type, s->protocol);
        (void)aiu_query_set_reuseaddr(q, (s->options & OPT_REUSEADDR) != 0);
        (void)aiu_query_set_reuseport(q, (s->options & OPT_REUSEPORT) != 0);
        (void)aiu_query_set_v6only(q, a.sa.any.sa_family == AF_INET6 && (s->options & OPT_V6ONLY));
        (void)aiu_query_set_freebind(q, (s->options & OPT_FREEBIND) != 0);
        if (s->ifindex)
                (void)aiu_query_set_device(q, if_indextoname(s->ifindex, device));
        (void)aiu_query_set_uid(q, s->uid);
        (void)aiu_query_set_listen(q, s->listen);
        (void)aiu_query_set_port_range(q, s->low, s->high);
        if (aiu_query_run(q, &report) < 0)
                report = NULL;
        aiu_query_unref(q);
        return report;
}

static struct aiu_report *ask_by_fd(struct stage *stage, int error)
{
        const struct port0_scene *s = &stage->scene;
        struct live_address a = port0_address(&stage->live, s->place, 0);
        int fd = make_socket(s, s->options, &a);
        struct aiu_report *report;

        if (s->how < PORT0_UNBOUND_LISTEN)
                report = aiu_explain_bind(fd, &a.sa.any, a.len, error);
        else
                report = aiu_explain_listen(fd, error);
        close(fd);
        return report;
}

static bool has_gap(const struct aiu_report *report, const char *words)
{
        for (size_t i = 0; i < aiu_report_get_n_gaps(report); i++)
                if (strstr(aiu_gap_get_text(aiu_report_get_gap(report, i)), words))
                        return true;
        return false;
}

/* aiu_explain_bind() has 250 ms. A process that gets no processor for so long sees less. */
static bool is_late(const struct aiu_report *report)
{
        for (size_t i = 0; i < aiu_report_get_n_gaps(report); i++)
                if (aiu_gap_get_kind(aiu_report_get_gap(report, i)) == AIU_GAP_DEADLINE)
                        return true;
        return false;
}

/* ------------------------------------------------ what helps */

static void expect_success(struct stage *stage, const struct aiu_report *report, const struct port0_scene *changed,
                           const struct live_address *a, unsigned int options, bool no_port, const char *what)
{
        int fd = make_socket(changed, options, a);
        struct truth t;

        if (no_port && set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1) < 0)
                live_die("IP_BIND_ADDRESS_NO_PORT", errno);
        t = finish(changed, fd, a);
        stage->tally.actions++;
        if (t.error)
                complain(stage, report, what, t.error);
}

/* "net.ipv4.NAME=VALUE" */
static void apply_sysctl(const char *setting)
{
        char path[64];
        const char *value = strchr(setting, '=');

        snprintf(path, sizeof(path), "%.*s", (int)(value - setting) - 9, setting + 9);
        port0_sysctl(path, value + 1);
}

static bool names_process(const char *const *argv, pid_t pid)
{
        for (; argv && *argv; argv++)
                if (atol(*argv) == (long)pid)
                        return true;
        return false;
}

/* What the end of a process does to its sockets: they are closed. */
static void close_all_of(struct stage *stage, enum live_who who)
{
        struct live_op op = { .code = OP_CLOSE, .who = (uint8_t)who };

        for (unsigned int i = 0; i < stage->scene.n_holders; i++) {
                op.slot = stage->scene.holders[i].slot;
                if (stage->scene.holders[i].who == who)
                        (void)live_run_one(&stage->live, op, NULL);
        }
}

static void try_ending(struct stage *stage, const struct aiu_report *report, const struct aiu_action *action)
{
        struct live_address a = port0_address(&stage->live, stage->scene.place, 0);

        if (aiu_action_get_kind(action) == AIU_ACTION_FIX_CALLER)
                close_all_of(stage, WHO_SELF);
        for (int who = 0; who < WHO_COUNT; who++)
                if (names_process(aiu_action_get_argv(action), stage->live.holders[who].pid))
                        close_all_of(stage, (enum live_who)who);
        expect_success(stage, report, &stage->scene, &a, stage->scene.options, false, "sockets were closed as advised");
}

/* "... for 127.0.0.2:0 a port is left" */
static void try_address(struct stage *stage, const struct aiu_report *report, const char *text)
{
        const char *at = strstr(text, "for 127.");
        struct live_address a;
        char ip[32] = "";

        if (!at)
                return;
        snprintf(ip, sizeof(ip), "%.*s", (int)strcspn(at + 4, ":"), at + 4);
        a = live_ip(ip, 0, 0);
        expect_success(stage, report, &stage->scene, &a, stage->scene.options, false, "another address was bound");
}

static void try_action(struct stage *stage, const struct aiu_report *report, const struct aiu_action *action)
{
        struct port0_scene changed = stage->scene;
        struct live_address a = port0_address(&stage->live, changed.place, 0);
        const char *const *argv = aiu_action_get_argv(action);

        switch (aiu_action_get_kind(action)) {
        case AIU_ACTION_WIDEN_RANGE:
                if (argv)
                        apply_sysctl(argv[2]);
                else
                        changed.low = changed.high = 0;
                expect_success(stage, report, &changed, &a, changed.options, false, "the range was widened");
                port0_limits(&stage->scene);
                break;
        case AIU_ACTION_SET_NO_PORT:
                expect_success(stage, report, &changed, &a, changed.options, true, "IP_BIND_ADDRESS_NO_PORT was set");
                break;
        case AIU_ACTION_SET_V6ONLY:
                expect_success(stage, report, &changed, &a, changed.options | OPT_V6ONLY, false, "IPV6_V6ONLY was set");
                break;
        case AIU_ACTION_OTHER_ADDRESS:
                try_address(stage, report, aiu_action_get_text(action));
                break;
        default:
                break;
        }
}

/* The one that ends holders comes last: it changes the scene. */
static void try_actions(struct stage *stage, const struct aiu_report *report)
{
        const struct aiu_action *ending = NULL;

        for (size_t i = 0; i < aiu_report_get_n_actions(report); i++) {
                const struct aiu_action *action = aiu_report_get_action(report, i);
                enum aiu_action_kind kind = aiu_action_get_kind(action);

                if (aiu_action_is_sufficient(action) != AIU_TRISTATE_YES)
                        continue;
                if (kind == AIU_ACTION_TERMINATE || kind == AIU_ACTION_KILL || kind == AIU_ACTION_FIX_CALLER)
                        ending = action;
                else
                        try_action(stage, report, action);
        }
        if (ending)
                try_ending(stage, report, ending);
}

/* ------------------------------------------------ comparing */

static enum aiu_verdict verdict_of(int error)
{
        return error == 0               ? AIU_VERDICT_AVAILABLE
               : error == EADDRINUSE    ? AIU_VERDICT_IN_USE
               : error == EADDRNOTAVAIL ? AIU_VERDICT_NOT_LOCAL
                                        : AIU_VERDICT_INVALID;
}

static void count_unknown(struct stage *stage, const struct aiu_report *report)
{
        stage->tally.unknown++;
        if (is_late(report)) {
                stage->tally.late++;
                return;
        }
        if (has_gap(report, "chosen at random"))
                stage->tally.chance++;
        else if (stage->scene.hidden)
                stage->tally.hidden++;
        if (aiu_report_get_n_gaps(report) == 0)
                complain(stage, report, "unknown without a gap", 0);
        else if (stage->old)
                return;
        else if (!stage->scene.poor && !has_gap(report, "chosen at random") && !has_gap(report, " could not be read"))
                complain(stage, report, "unknown, and no gap names the bit", 0);
        else if (!has_gap(report, "chosen at random") && !stage->scene.hidden)
                complain(stage, report, "unknown although all options can be read", 0);
}

/* The errno that was seen is never contradicted, and always explained. */
static void compare_after(struct stage *stage, enum aiu_call call)
{
        struct aiu_report *report = ask_by_fd(stage, EADDRINUSE);

        if (aiu_report_get_verdict(report) != AIU_VERDICT_IN_USE || aiu_report_get_error(report) != EADDRINUSE ||
            (aiu_report_get_n_conflicts(report) == 0 && !is_late(report)) ||
            aiu_report_would_succeed_with(report, 0) != AIU_TRISTATE_NO ||
            (call == AIU_CALL_LISTEN) != (aiu_report_get_call(report) == AIU_CALL_LISTEN))
                complain(stage, report, "explained afterwards", EADDRINUSE);
        aiu_report_unref(report);
}

static void compare(struct stage *stage, const struct aiu_report *report)
{
        enum aiu_verdict verdict = aiu_report_get_verdict(report);
        struct truth t = try_once(stage, stage->scene.options);

        stage->tally.available += t.error == 0;
        stage->tally.in_use += t.error == EADDRINUSE;
        stage->tally.other += t.error != 0 && t.error != EADDRINUSE;
        /* Where bind() took no port, PORT0_NO_PORT_LISTEN is the one that knows of the listen(). */
        if (t.error == EADDRINUSE && stage->scene.how != PORT0_NO_PORT_BIND)
                compare_after(stage, t.call);
        if (verdict == AIU_VERDICT_UNKNOWN) {
                count_unknown(stage, report);
                return;
        }
        for (int i = 0; i < TRIES; i++) {
                if (verdict != verdict_of(t.error) || aiu_report_get_error(report) != t.error)
                        complain(stage, report, "verdict or errno", t.error);
                else if (t.error && aiu_report_get_call(report) != t.call)
                        complain(stage, report, "call", t.error);
                t = try_once(stage, stage->scene.options);
        }
        if (verdict == AIU_VERDICT_IN_USE && aiu_report_get_n_conflicts(report) == 0)
                complain(stage, report, "in use without a conflict", t.error);
}

static void compare_what_ifs(struct stage *stage, const struct aiu_report *report)
{
        for (unsigned int options = 1; options < 16; options++) {
                enum aiu_tristate foretold = aiu_report_would_succeed_with(report, options);
                struct truth t;

                stage->tally.what_ifs++;
                if (foretold == AIU_TRISTATE_UNKNOWN) {
                        stage->tally.what_ifs_unknown++;
                        continue;
                }
                t = try_once(stage, stage->scene.options | options);
                if ((foretold == AIU_TRISTATE_YES) != (t.error == 0))
                        complain(stage, report, "what-if", t.error);
        }
}

/* IP_LOCAL_PORT_RANGE is of Linux 6.3, and MPTCP learned both options later than TCP. */
static bool knows(const struct port0_scene *s, int option)
{
        int fd = socket(AF_INET, s->type | SOCK_CLOEXEC, s->protocol);
        bool known = fd >= 0 && set(fd, IPPROTO_IP, option, 0) == 0;

        if (fd >= 0)
                close(fd);
        return known;
}

static void leave_out(struct port0_scene *s)
{
        if ((s->low || s->high) && !knows(s, IP_LOCAL_PORT_RANGE))
                s->low = s->high = 0;
        if ((s->how == PORT0_NO_PORT_BIND || s->how == PORT0_NO_PORT_LISTEN) && !knows(s, IP_BIND_ADDRESS_NO_PORT))
                s->how = PORT0_BY_FD;
}

static void run_case(struct stage *stage, enum port0_mode mode)
{
        unsigned int fds = live_count_fds();
        struct aiu_report *report;

        port0_generate(&stage->live, mode, stage->seed * 1000003 + stage->index, &stage->scene);
        stage->scene.listen |= stage->scene.how >= PORT0_UNBOUND_LISTEN;
        leave_out(&stage->scene);
        port0_build(&stage->live, &stage->scene);
        port0_limits(&stage->scene);
        report = stage->scene.how == PORT0_BY_QUERY ? ask_by_query(stage) : ask_by_fd(stage, 0);
        stage->tally.cases++;
        if (!report) {
                stage->tally.failed++;
        } else {
                compare(stage, report);
                /* After a bind() that took no port the question is listen() alone. */
                compare_what_ifs(stage, report);
                if (aiu_report_get_verdict(report) == AIU_VERDICT_IN_USE)
                        try_actions(stage, report);
        }
        aiu_report_unref(report);
        port0_clear(&stage->live, &stage->scene);
        if (live_count_fds() != fds)
                complain(stage, NULL, "descriptors are left", 0);
}

static int conclude(const struct stage *stage)
{
        const struct tally *t = &stage->tally;

        printf("port 0, asked as uid %u, seed %llu: %u cases: kernel %u available, %u in use, %u other\n",
               stage->live.uid, (unsigned long long)stage->seed, t->cases, t->available, t->in_use, t->other);
        printf("    wrong %u, failed %u; unknown %u: chance %u, options that cannot be read %u, deadline %u\n",
               t->wrong, t->failed, t->unknown, t->chance, t->hidden, t->late);
        printf("    what-ifs %u, unknown %u; actions carried out %u\n", t->what_ifs, t->what_ifs_unknown, t->actions);
        return t->wrong || t->failed ? 1 : 0;
}

static void run_all(struct stage *stage, unsigned int cases, long long only)
{
        for (stage->index = 0; stage->index < cases; stage->index++)
                if (only < 0 || stage->index == (uint64_t)only)
                        run_case(stage, (enum port0_mode)(stage->index % PORT0_MODES));
}

int main(int argc, char **argv)
{
        static const struct option options[] = {
                { "uid", required_argument, NULL, 'u' },   { "seed", required_argument, NULL, 's' },
                { "cases", required_argument, NULL, 'c' }, { "only", required_argument, NULL, 'o' },
                { "old", no_argument, NULL, 'O' },         { NULL, 0, NULL, 0 },
        };
        struct stage *stage = calloc(1, sizeof(*stage));
        const char *seed = getenv("AIU_SEED");
        unsigned int cases = DEFAULT_CASES, uid = 0;
        long long only = -1;
        int option, status;

        if (!stage)
                return 99;
        stage->seed = seed ? strtoull(seed, NULL, 0) : (uint64_t)(live_now() * 1000) & 0xffffff;
        while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
                if (option == 'u')
                        uid = (unsigned int)strtoul(optarg, NULL, 0);
                else if (option == 's')
                        stage->seed = strtoull(optarg, NULL, 0);
                else if (option == 'c')
                        cases = (unsigned int)strtoul(optarg, NULL, 0);
                else if (option == 'o')
                        only = strtoll(optarg, NULL, 0);
                else if (option == 'O')
                        stage->old = true;
                else
                        return 2;
        }
        printf("seed %llu\n", (unsigned long long)stage->seed);
        live_isolate(&stage->live);
        port0_start_warden();
        if (!live_start(&stage->live, uid))
                return LIVE_SKIP;
        port0_start_counterpart(&stage->live);
        if (aiu_context_new(&stage->context) < 0 || aiu_context_new(&stage->poor) < 0)
                return 99;
        (void)aiu_context_set_deadline_usec(stage->context, 0);
        (void)aiu_context_set_deadline_usec(stage->poor, 0);
        (void)aiu_context_disable_backend(stage->poor, "sock-diag");
        run_all(stage, cases, only);
        status = conclude(stage);
        aiu_context_unref(stage->context);
        aiu_context_unref(stage->poor);
        live_stop(&stage->live);
        free(stage);
        return status;
}
