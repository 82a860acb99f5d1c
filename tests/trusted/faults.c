/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Everything fails once. Whole questions, from the first setter to both renderers,
 * in scenes whose truth is known; each allocation and each system call on the way
 * fails, once or from then on, with every error that matters. Whatever comes out:
 *
 *  - no crash, nothing allocated that is not freed, no descriptor left, errno kept;
 *  - -ENOMEM (or, where a descriptor is being read, the error), or a report;
 *  - a report says the truth or "unknown", never something else; what it does not
 *    know any more is a gap; no action is sufficient that was not before.
 *
 *   faults [--kind=memory|system|network] [--scene=NAME] [--only=N] [--error=N]
 */
#include <addrinuse.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../live/live.h"
#include "inject.h"
#include "sys-fault.h"

#define PORT 7001
#define MARK 4242 /* an errno that nobody sets by chance */

/* ------------------------------------------------------ scenes */

struct scene {
        const char *name;
        const char *address; /* numeric, '/' or '@' */
        int type;
        bool by_fd;     /* aiu_explain_bind() */
        bool by_listen; /* aiu_explain_listen() */
        bool by_netns;  /* aiu_query_set_netns() */
        bool any_port;  /* port 0; PORT is the whole range */
        bool held;
        int error; /* what the caller saw */
};

static struct scene scenes[] = {
        { .name = "free", .address = "127.0.0.1", .type = SOCK_STREAM },
        { .name = "free-dual", .address = "::", .type = SOCK_STREAM },
        { .name = "not-local", .address = "192.0.2.77", .type = SOCK_STREAM },
        { .name = "held", .address = "127.0.0.1", .type = SOCK_STREAM, .held = true },
        { .name = "held-after",
          .address = "127.0.0.1",
          .type = SOCK_STREAM,
          .held = true,
          .by_fd = true,
          .error = EADDRINUSE },
        { .name = "own", .address = "127.0.0.1", .type = SOCK_STREAM, .held = true, .by_fd = true },
        { .name = "listen", .address = "127.0.0.1", .type = SOCK_STREAM, .by_listen = true },
        { .name = "udp", .address = "::1", .type = SOCK_DGRAM, .held = true },
        { .name = "path", .address = "/run/faults", .type = SOCK_STREAM, .held = true },
        { .name = "abstract", .address = "@faults", .type = SOCK_STREAM, .held = true },
        { .name = "any-free", .address = "127.0.0.1", .type = SOCK_STREAM, .any_port = true },
        { .name = "any-held",
          .address = "127.0.0.1",
          .type = SOCK_STREAM,
          .any_port = true,
          .held = true },
        { .name = "any-udp", .address = "::1", .type = SOCK_DGRAM, .any_port = true, .held = true },
        { .name = "netns",
          .address = "127.0.0.1",
          .type = SOCK_STREAM,
          .held = true,
          .by_netns = true },
};

static struct live live;
static struct aiu_context *context;
static int own_netns = -1;

static struct live_address address_of(const struct scene *scene)
{
        return *scene->address == '/' || *scene->address == '@' ? live_path(scene->address)
                                                                : live_ip(scene->address, PORT, 0);
}

static void build(const struct scene *scene)
{
        struct live_address address = address_of(scene);
        struct live_op ops[] = {
                { .code = OP_SOCKET,
                  .who = WHO_ROOT,
                  .slot = 1,
                  .a = address.sa.any.sa_family,
                  .b = scene->type },
                { .code = OP_BIND, .who = WHO_ROOT, .slot = 1, .address = address },
                { .code = scene->type == SOCK_STREAM ? OP_LISTEN : OP_NONE,
                  .who = WHO_ROOT,
                  .slot = 1,
                  .a = 4 },
        };
        struct live_op one_port = { .code = OP_RANGE, .who = WHO_ROOT, .a = PORT, .b = PORT };
        struct live_result results[3];

        if (scene->any_port)
                (void)live_run_one(&live, one_port, NULL);
        if (scene->held)
                live_run(&live, ops, 3, results);
}

static void tear_down(const struct scene *scene)
{
        struct live_op close_it = { .code = OP_CLOSE, .who = WHO_ROOT, .slot = 1 };
        struct live_op remove_it = { .code = OP_UNLINK,
                                     .who = WHO_ROOT,
                                     .address = address_of(scene) };
        struct live_op all_ports = {
                .code = OP_RANGE, .who = WHO_ROOT, .a = LIVE_RANGE_FIRST, .b = LIVE_RANGE_LAST
        };

        if (scene->any_port)
                (void)live_run_one(&live, all_ports, NULL);
        if (!scene->held)
                return;
        (void)live_run_one(&live, close_it, NULL);
        if (*scene->address == '/')
                (void)live_run_one(&live, remove_it, NULL);
}

/* ------------------------------------------------------ one question */

struct outcome {
        int r;
        int saved_errno;
        enum aiu_verdict verdict;
        int error;
        unsigned char what_if[16];
        size_t n_gaps, n_conflicts, n_holders;
        uint32_t sufficient; /* kinds of actions that are */
        bool rendered;
};

static uint32_t bit(enum aiu_action_kind kind)
{
        return UINT32_C(1) << kind;
}

static void read_report(const struct aiu_report *report, struct outcome *o)
{
        o->verdict = aiu_report_get_verdict(report);
        o->error = aiu_report_get_error(report);
        for (uint32_t i = 0; i < 16; i++)
                o->what_if[i] = (unsigned char)aiu_report_would_succeed_with(report, i);
        o->n_gaps = aiu_report_get_n_gaps(report);
        o->n_conflicts = aiu_report_get_n_conflicts(report);
        for (size_t i = 0; i < o->n_conflicts; i++)
                o->n_holders += aiu_conflict_get_n_holders(aiu_report_get_conflict(report, i));
        for (size_t i = 0; i < aiu_report_get_n_actions(report); i++) {
                const struct aiu_action *action = aiu_report_get_action(report, i);

                if (aiu_action_is_sufficient(action) == AIU_TRISTATE_YES)
                        o->sufficient |= bit(aiu_action_get_kind(action));
        }
}

static void render(const struct aiu_report *report, struct outcome *o)
{
        char *text = NULL, *json = NULL;
        int a = aiu_report_to_text(report, AIU_RENDER_VERBOSE, &text);
        int b = aiu_report_to_json(report, AIU_RENDER_PRETTY | AIU_RENDER_VERBOSE, &json);

        o->rendered = (a == 0 || a == -ENOMEM) && (b == 0 || b == -ENOMEM);
        free(text);
        free(json);
}

static int run_query(const struct scene *scene, struct aiu_report **ret)
{
        struct live_address address =
                scene->any_port ? live_ip(scene->address, 0, 0) : address_of(scene);
        struct aiu_query *query = NULL;
        int r = aiu_query_new(context, &query);

        if (r >= 0 && scene->by_netns)
                r = aiu_query_set_netns(query, own_netns);
        if (r >= 0)
                r = aiu_query_set_address(query, &address.sa.any, address.len);
        if (r >= 0)
                r = aiu_query_set_socket(query, scene->type, 0);
        if (r >= 0)
                r = aiu_query_run(query, ret);
        aiu_query_unref(query);
        return r;
}

/* Those without a context have 250 ms: plenty. */
static int explain(const struct scene *scene, int fd, struct aiu_report **ret)
{
        struct live_address address = address_of(scene);

        *ret = scene->by_listen ? aiu_explain_listen(fd, scene->error)
                                : aiu_explain_bind(fd, &address.sa.any, address.len, scene->error);
        return *ret ? 0 : -errno;
}

static void ask(const struct scene *scene, int fd, struct outcome *o)
{
        struct aiu_report *report = NULL;

        *o = (struct outcome){ .rendered = true };
        errno = MARK;
        if (scene->by_fd || scene->by_listen)
                o->r = explain(scene, fd, &report);
        else
                o->r = run_query(scene, &report);
        o->saved_errno = errno;
        if (o->r >= 0) {
                read_report(report, o);
                render(report, o);
        }
        aiu_report_unref(report);
}

/* ------------------------------------------------------ what may come out */

static struct {
        uint64_t runs, faults, wrong, reports, unknown, refused;
} tally;

static const char *judge(const struct scene *scene, const struct inject *inject,
                         const struct outcome *truth, const struct outcome *o)
{
        bool reads_fd = scene->by_fd || scene->by_listen || scene->by_netns;
        uint32_t enough = truth->sufficient;

        if (o->r < 0) {
                tally.refused++;
                if (o->r == -ENOMEM && (inject->kind == INJECT_MEMORY || inject->error == ENOMEM))
                        return NULL;
                if (reads_fd && inject->kind != INJECT_MEMORY)
                        return NULL;
                return "refused with another error than ENOMEM";
        }
        tally.reports++;
        tally.unknown += o->verdict == AIU_VERDICT_UNKNOWN;
        if (o->saved_errno != MARK && !(scene->by_fd || scene->by_listen))
                return "errno is not what it was";
        /* A file that is said not to be there, or not to be ours to see, is not. */
        if (*scene->address == '/' && inject->kind == INJECT_SYSTEM &&
            (inject->error == ENOENT || (o->error > 0 && o->error == inject->error)))
                return NULL;
        if (o->verdict != truth->verdict && o->verdict != AIU_VERDICT_UNKNOWN)
                return "the verdict is not the truth";
        if (o->verdict == truth->verdict && o->error != truth->error)
                return "the error is not the truth";
        if (o->verdict == AIU_VERDICT_UNKNOWN && o->n_gaps == 0)
                return "unknown, and no gap says why";
        for (int i = 0; i < 16; i++)
                if (o->what_if[i] != truth->what_if[i] && o->what_if[i] != AIU_TRISTATE_UNKNOWN)
                        return "a what-if is not the truth";
        if (o->n_holders < truth->n_holders && o->n_gaps <= truth->n_gaps)
                return "a holder is missing, and no gap says so";
        /* Where SIGTERM is enough, SIGKILL is; it is only not said. */
        if (truth->sufficient & bit(AIU_ACTION_TERMINATE))
                enough |= bit(AIU_ACTION_KILL);
        if (o->sufficient & ~enough)
                return "an action is sufficient that was not";
        return o->rendered ? NULL : "a renderer failed with another error than ENOMEM";
}

static void complain(const struct scene *scene, const struct inject *inject, const char *what,
                     const struct outcome *o)
{
        static const char *const kinds[] = { "memory", "system", "network" };

        tally.wrong++;
        if (tally.wrong > 20)
                return;
        printf("WRONG: %s\n  --scene=%s --kind=%s --only=%llu --error=%d%s: r %d, verdict %s, %zu gaps, %zu conflicts, "
               "%zu holders, sufficient %x\n",
               what, scene->name, kinds[inject->kind], (unsigned long long)inject->at,
               inject->error, inject->onwards ? " and onwards" : "", o->r,
               aiu_verdict_to_string(o->verdict), o->n_gaps, o->n_conflicts, o->n_holders,
               o->sufficient);
}

/* Returns false when there was no n-th chance any more. */
static bool run_once(const struct scene *scene, int fd, const struct inject *inject,
                     const struct outcome *truth)
{
        unsigned int fds = live_count_fds();
        int64_t allocated = inject_allocated();
        struct outcome o;
        const char *wrong;
        uint64_t fired;

        inject_arm(inject);
        ask(scene, fd, &o);
        fired = inject_disarm(NULL);
        allocated = inject_allocated() - allocated;
        if (fired == 0)
                return false;
        tally.runs++;
        tally.faults += fired;
        wrong = judge(scene, inject, truth, &o);
        if (!wrong && allocated != 0)
                wrong = "memory is left";
        if (!wrong && live_count_fds() != fds)
                wrong = "a descriptor is left";
        if (wrong)
                complain(scene, inject, wrong, &o);
        return true;
}

/* ------------------------------------------------------ every fault */

static const int errors[] = { EPERM,   EACCES,     ENOENT,          ESRCH,        EINTR, EAGAIN,
                              ENOBUFS, EMFILE,     ENFILE,          ENOMEM,       EIO,   ENOSYS,
                              EINVAL,  EOPNOTSUPP, SYS_FAULT_SHORT, SYS_FAULT_EOF };
#define N_ERRORS (sizeof(errors) / sizeof(errors[0]))

static uint64_t only;
static int only_error;

static void run_all(const struct scene *scene, int fd, enum inject_kind kind,
                    const struct outcome *truth)
{
        uint64_t first = only ? only : 1, last = only ? only : UINT64_MAX;
        bool more = true;

        for (uint64_t at = first; more && at <= last; at++) {
                more = false;
                for (size_t i = 0; i < (kind == INJECT_MEMORY ? 1 : N_ERRORS); i++) {
                        struct inject inject = { .kind = kind, .at = at, .error = errors[i] };

                        if (only_error && errors[i] != only_error)
                                continue;
                        more = run_once(scene, fd, &inject, truth);
                        /* "Try again" for ever is what no kernel says. */
                        inject.onwards = kind != INJECT_NETWORK || errors[i] != EINTR;
                        if (inject.onwards)
                                (void)run_once(scene, fd, &inject, truth);
                        if (!more)
                                break;
                }
        }
}

static int make_fd(const struct scene *scene)
{
        struct live_address address = address_of(scene);
        int fd = socket(address.sa.any.sa_family, scene->type | SOCK_CLOEXEC, 0);

        if (fd < 0)
                live_die("socket", errno);
        if (scene->by_listen && bind(fd, &address.sa.any, address.len) < 0)
                live_die("bind", errno);
        return fd;
}

static void run_scene(const struct scene *scene, enum inject_kind kind)
{
        struct inject count = { .kind = kind };
        struct outcome truth;
        uint64_t calls;
        int fd;

        build(scene);
        fd = make_fd(scene);
        ask(scene, fd, &truth); /* what is allocated once for all is, by now */
        inject_arm(&count);
        ask(scene, fd, &truth);
        (void)inject_disarm(&calls);
        if (truth.r < 0 || truth.verdict == AIU_VERDICT_UNKNOWN)
                live_die(scene->name, -truth.r);
        run_all(scene, fd, kind, &truth);
        close(fd);
        tear_down(scene);
        printf("  %-12s %5llu chances\n", scene->name, (unsigned long long)calls);
}

static void run_kind(const char *name, enum inject_kind kind, const char *only_scene)
{
        memset(&tally, 0, sizeof(tally));
        printf("%s\n", name);
        for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++)
                if (!only_scene || strcmp(only_scene, scenes[i].name) == 0)
                        run_scene(&scenes[i], kind);
        printf("%s: %llu questions with %llu faults: %llu reports (%llu unknown), %llu refused, %llu wrong\n",
               name, (unsigned long long)tally.runs, (unsigned long long)tally.faults,
               (unsigned long long)tally.reports, (unsigned long long)tally.unknown,
               (unsigned long long)tally.refused, (unsigned long long)tally.wrong);
}

int main(int argc, char **argv)
{
        static const struct option options[] = {
                { "kind", required_argument, NULL, 'k' },
                { "scene", required_argument, NULL, 's' },
                { "only", required_argument, NULL, 'o' },
                { "error", required_argument, NULL, 'e' },
                { NULL, 0, NULL, 0 },
        };
        static const char *const kinds[] = { "memory", "system", "network" };
        const char *kind = NULL, *scene = NULL;
        uint64_t wrong = 0;
        int option;

        while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
                switch (option) {
                case 'k':
                        kind = optarg;
                        break;
                case 's':
                        scene = optarg;
                        break;
                case 'o':
                        only = strtoull(optarg, NULL, 0);
                        break;
                case 'e':
                        only_error = atoi(optarg);
                        break;
                default:
                        return 2;
                }
        }
        setvbuf(stdout, NULL, _IOLBF, 0);
        live_isolate(&live);
        if (!live_start(&live, geteuid()))
                return LIVE_SKIP;
        own_netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        if (aiu_context_new(&context) < 0 || aiu_context_set_deadline_usec(context, 0) < 0)
                live_die("aiu_context_new", ENOMEM);
        (void)aiu_context_set_flags(context, AIU_CONTEXT_NO_IPC);
        for (int i = 0; i < 3; i++) {
                if (kind && strcmp(kind, kinds[i]) != 0)
                        continue;
                run_kind(kinds[i], (enum inject_kind)i, scene);
                wrong += tally.wrong;
        }
        aiu_context_unref(context);
        close(own_netns);
        live_stop(&live);
        return wrong ? 1 : 0;
}
