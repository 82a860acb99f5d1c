/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * AF_UNIX: what is at a path (a live socket, a stale one, any other file,
 * nothing, no such directory) or who has an abstract name, against bind().
 * A file must never be called stale while a socket of this network namespace
 * is behind it, for the advice is then to remove it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <addrinuse.h>

#include "differential.h"

#define DIRECTORY "/run/live"
#define READ_ONLY "/run/live-ro"  /* only root may write there */
#define CLOSED "/run/live-closed" /* only root may look there */

enum object {
        OBJECT_NONE,
        OBJECT_LISTENING,
        OBJECT_BOUND,
        OBJECT_STALE,
        OBJECT_ACCEPTED, /* the listener is closed, a connection that it accepted is not */
        OBJECT_RENAMED,  /* bound here, then the file was renamed */
        OBJECT_REPLACED, /* and a new socket was bound here, which is gone */
        OBJECT_FILE,
        OBJECT_DIRECTORY,
        OBJECT_SYMLINK,
        OBJECT_COUNT
};

struct unix_scene {
        enum object object;
        bool abstract;
        int type;
        enum live_who who;
        struct live_address address;
};

/* A socket of this namespace is behind the name; what an accepted one has of its listener does not count. */
static bool is_alive(const struct unix_scene *scene)
{
        return scene->object == OBJECT_LISTENING || scene->object == OBJECT_BOUND;
}

/* /proc and /sys refuse in ways that no interface tells beforehand. */
static bool makes_no_sockets(const struct unix_scene *scene)
{
        const char *path = scene->address.sa.un.sun_path;

        return (strstr(path, "proc/") && !strstr(path, "/root/")) || strncmp(path, "/sys/", 5) == 0;
}

static void make_directories(struct live *live)
{
        static const char *const paths[] = { DIRECTORY, READ_ONLY, CLOSED };
        static const int modes[] = { 0777, 0755, 0700 };

        for (size_t i = 0; i < 3; i++)
                (void)live_run_one(
                        live,
                        (struct live_op){
                                .code = OP_DIRECTORY, .who = WHO_ROOT, .a = modes[i], .address = live_path(paths[i]) },
                        NULL);
}

static struct live_address pick_name(struct stage *stage, bool abstract)
{
        static const char *const names[] = { "@live", "@live ", "@live\n/x", "@l" };
        static const char *const paths[] = { DIRECTORY "/a.sock", DIRECTORY "/./a.sock", DIRECTORY "/b",
                                             READ_ONLY "/c.sock", CLOSED "/d.sock",      "/run/live-none/e.sock" };
        struct live_address a;

        if (!abstract && live_chance(&stage->random, 2))
                return live_path(live_kind(live_below(&stage->random, live_n_kinds())));
        if (!abstract)
                return live_path(paths[live_below(&stage->random, 6)]);
        a = live_path(names[live_below(&stage->random, 4)]);
        if (live_chance(&stage->random, 4))
                a.len++; /* a NUL at the end is part of an abstract name */
        return a;
}

static void pick_scene(struct stage *stage, struct unix_scene *scene)
{
        static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };

        scene->abstract = live_chance(&stage->random, 3);
        scene->object = (enum object)live_below(&stage->random, scene->abstract ? OBJECT_RENAMED : OBJECT_COUNT);
        scene->type = types[live_below(&stage->random, 3)];
        scene->who = (enum live_who)live_below(&stage->random, WHO_SELF + 1);
        scene->address = pick_name(stage, scene->abstract);
}

struct unix_script {
        struct stage *stage;
        const struct unix_scene *scene;
};

static struct live_op *add(struct unix_script *s, enum live_code code, uint8_t slot)
{
        struct live_op *op = &s->stage->ops[s->stage->n_ops++];

        *op = (struct live_op){ .code = (uint8_t)code,
                                .who = (uint8_t)s->scene->who,
                                .slot = slot,
                                .uid = live_uid_of(s->stage->live, s->scene->who),
                                .address = s->scene->address };
        return op;
}

static void add_bound(struct unix_script *s, uint8_t slot)
{
        struct live_op *op = add(s, OP_SOCKET, slot);

        op->a = AF_UNIX;
        op->b = s->scene->type;
        add(s, OP_BIND, slot);
}

static void add_connection(struct unix_script *s)
{
        struct live_op *op;

        add(s, OP_LISTEN, 1)->a = 4;
        op = add(s, OP_SOCKET, 2);
        op->a = AF_UNIX;
        op->b = s->scene->type;
        add(s, OP_CONNECT, 2);
        add(s, OP_ACCEPT, 1)->other = 3;
        add(s, OP_CLOSE, 1);
}

static void add_file(struct unix_script *s)
{
        if (s->scene->object == OBJECT_FILE)
                add(s, OP_FILE, 0);
        else if (s->scene->object == OBJECT_DIRECTORY)
                add(s, OP_DIRECTORY, 0)->a = 0755;
        else
                add(s, OP_SYMLINK, 0);
}

static void add_object(struct unix_script *s)
{
        switch (s->scene->object) {
        case OBJECT_NONE:
                return;
        case OBJECT_FILE:
        case OBJECT_DIRECTORY:
        case OBJECT_SYMLINK:
                add_file(s);
                return;
        case OBJECT_LISTENING:
                add_bound(s, 1);
                add(s, OP_LISTEN, 1)->a = 4;
                return;
        case OBJECT_STALE:
                add_bound(s, 1);
                add(s, OP_CLOSE, 1);
                return;
        case OBJECT_ACCEPTED:
                add_bound(s, 1);
                add_connection(s);
                return;
        default:
                add_bound(s, 1);
                break;
        }
        if (s->scene->object == OBJECT_BOUND)
                return;
        add(s, OP_RENAME, 0);
        if (s->scene->object == OBJECT_REPLACED) {
                add_bound(s, 4);
                add(s, OP_CLOSE, 4);
        }
}

static void build(struct stage *stage, const struct unix_scene *scene)
{
        struct unix_script script = { stage, scene };

        stage->n_ops = 0;
        add_object(&script);
        live_run(stage->live, stage->ops, stage->n_ops, stage->results);
}

static void clean(struct stage *stage, const struct unix_scene *scene)
{
        struct live_address old = scene->address;
        struct live_op op = { .code = OP_CLEAR, .who = (uint8_t)scene->who };
        size_t n = strlen(old.sa.un.sun_path);

        (void)live_run_one(stage->live, op, NULL);
        if (scene->abstract)
                return;
        op = (struct live_op){ .code = OP_UNLINK, .who = WHO_ROOT, .address = scene->address };
        (void)live_run_one(stage->live, op, NULL);
        snprintf(old.sa.un.sun_path + n, sizeof(old.sa.un.sun_path) - n, ".old");
        op.address = old;
        (void)live_run_one(stage->live, op, NULL);
}

static void wrong(struct stage *stage, const char *what, const struct candidate *c, const struct truth *truth,
                  const struct answer *answer, const struct aiu_report *report)
{
        stage->tally->wrong++;
        stage_print(stage, what, c, truth, answer, report);
}

/* The file is there, and no socket is bound to it: what a listener has accepted is not. */
static bool is_stale(const struct unix_scene *scene)
{
        return !scene->abstract &&
               (scene->object == OBJECT_STALE || scene->object == OBJECT_ACCEPTED || scene->object == OBJECT_REPLACED);
}

/* Remove a file only when no socket is behind it. */
static void compare_stale(struct stage *stage, const struct unix_scene *scene, const struct candidate *c,
                          const struct truth *truth, const struct answer *answer, const struct aiu_report *report)
{
        bool alive = is_alive(scene) && stage->results[1].error == 0;
        bool shown = false;

        for (size_t i = 0; i < aiu_report_get_n_conflicts(report); i++) {
                enum aiu_state state = aiu_conflict_get_state(aiu_report_get_conflict(report, i));

                shown = shown || state == AIU_STATE_STALE_FILE;
                if (alive && state == AIU_STATE_STALE_FILE)
                        wrong(stage, "called stale, but it is alive", c, truth, answer, report);
        }
        /* Root may write to any file, and is told. */
        if (is_stale(scene) && stage->results[1].error == 0 && stage->live->uid == 0 && !shown)
                wrong(stage, "not called stale", c, truth, answer, report);
        for (size_t i = 0; alive && i < aiu_report_get_n_actions(report); i++) {
                const struct aiu_action *action = aiu_report_get_action(report, i);

                if (aiu_action_get_kind(action) == AIU_ACTION_REMOVE_FILE &&
                    aiu_action_is_sufficient(action) == AIU_TRISTATE_YES)
                        wrong(stage, "remove-file although it is alive", c, truth, answer, report);
        }
}

static void compare_what_ifs(struct stage *stage, const struct candidate *c, const struct truth *truth,
                             const struct answer *answer, const struct aiu_report *report)
{
        enum aiu_tristate works = truth_error(truth, c->listen) ? AIU_TRISTATE_NO : AIU_TRISTATE_YES;

        for (unsigned int i = 0; i < N_OPTIONS; i++) {
                stage->tally->what_ifs++;
                if (answer->what_if[i] == AIU_TRISTATE_UNKNOWN) {
                        stage->tally->what_ifs_unknown++;
                } else if (answer->what_if[i] != (unsigned char)works) {
                        stage->tally->what_ifs_wrong++;
                        stage_print(stage, "a socket option that changes something", c, truth, answer, report);
                }
        }
}

/* The scene is then as it was before. */
static struct truth try_kernel(struct stage *stage, const struct unix_scene *scene, const struct candidate *c)
{
        struct live_op op = { .code = OP_UNLINK, .who = WHO_ROOT, .address = c->address };
        struct truth truth = ask_kernel(c);

        if (truth.bind == 0 && !scene->abstract)
                (void)live_run_one(stage->live, op, NULL);
        return truth;
}

static void ask_one(struct stage *stage, const struct unix_scene *scene, const struct candidate *c, bool after)
{
        static const enum ask_how ways[] = { ASK_QUERY, ASK_FD, ASK_FROM_AWAY, ASK_FD_FROM_AWAY };
        struct aiu_report *report = NULL;
        struct truth truth = { 0 };
        struct answer answer;
        enum ask_how how = ways[live_below(&stage->random, 4)];

        if (stage->settings->trial)
                how = ask_with_trials(stage);
        if (after)
                truth = try_kernel(stage, scene, c);
        if (truth.bind)
                answer = ask_after(c, truth.bind, &report);
        else
                answer = ask_library(c, how, &report);
        if (!after)
                truth = try_kernel(stage, scene, c);
        if (compare_failure(stage, c, &answer)) {
                stage->tally->after += after;
                count_case(stage, &truth, c->listen, 0, &answer, c, report);
                compare_verdict(stage, c, &truth, &answer, report);
                compare_what_ifs(stage, c, &truth, &answer, report);
                if (truth.bind == EADDRINUSE)
                        compare_stale(stage, scene, c, &truth, &answer, report);
        }
        aiu_report_unref(report);
}

static void ask_types(struct stage *stage, const struct unix_scene *scene)
{
        static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };

        for (size_t i = 0; i < 3; i++) {
                struct candidate c = { .address = scene->address, .type = types[i], .uid = stage->live->uid };

                if (scene->abstract && live_chance(&stage->random, 6))
                        c.address = pick_name(stage, true);
                c.listen = c.type != SOCK_DGRAM && live_chance(&stage->random, 2);
                /* A bind() that succeeded replaces nothing: each question finds the scene as it was. */
                ask_one(stage, scene, &c, live_chance(&stage->random, 3));
        }
}

void run_unix_scenario(struct stage *stage, uint64_t index)
{
        struct live_random mix = { stage->settings->seed ^ (index * UINT64_C(0x9e3779b97f4a7c15)) };
        struct unix_scene scene;

        if (!stage->live->run) {
                printf("# no /run of its own: nothing is asked about AF_UNIX\n");
                stage->tally->cases[CLASS_UNREADABLE] += stage->settings->cases;
                return;
        }
        make_directories(stage->live);
        stage->index = index;
        stage->port = 0;
        stage->random.state = live_next(&mix);
        memset(&stage->scenario, 0, sizeof(stage->scenario));
        stage->tally->scenarios++;
        pick_scene(stage, &scene);
        /* Has a connected socket its abstract name by bind() or by accept()? Only the module can tell. */
        stage->scenario.unreadable =
                scene.abstract ? scene.object == OBJECT_ACCEPTED && !stage->settings->bpf : makes_no_sockets(&scene);
        clean(stage, &scene);
        build(stage, &scene);
        ask_types(stage, &scene);
        clean(stage, &scene);
}
