/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A scenario is built on a new port each time, for the per-port state of the
 * kernel outlives what made it (tb->fastreuseport): a bind() that succeeded
 * changes what the next one gives, one that failed changes nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <addrinuse.h>

#include "differential.h"

#define TRIES 5

/* From the first, which is random, one after the other: where sock_diag(7) ends no TIME_WAIT, a port rests. */
static uint16_t pick_port(struct stage *stage)
{
        static const unsigned int first[] = { LIVE_PORT_FIRST, 600 },
                                  n[] = { LIVE_PORT_LAST - LIVE_PORT_FIRST + 1, 400 };
        static unsigned int begin[2], used[2];
        unsigned int kind = stage->scenario.privileged_port, random = live_below(&stage->random, n[kind]);

        if (used[kind] == 0)
                begin[kind] = random;
        return (uint16_t)(first[kind] + (begin[kind] + used[kind]++) % n[kind]);
}

static void clear(struct stage *stage)
{
        struct live_op ops[WHO_COUNT + 3];
        struct live_result results[WHO_COUNT + 3];
        size_t n = 0;

        for (unsigned int who = 0; who <= WHO_SELF; who++)
                ops[n++] = (struct live_op){ .code = OP_CLEAR, .who = (uint8_t)who };
        ops[n++] = (struct live_op){ .code = OP_DRAIN, .who = WHO_ROOT, .slot = SLOT_OPEN };
        if (stage->scenario.uses_time_wait)
                ops[n++] = (struct live_op){ .code = OP_DESTROY, .who = WHO_ROOT };
        live_run(stage->live, ops, n, results);
}

/* What is in the way of the counterparts' work is not part of the scene. */
static bool same_scene(const struct stage *stage)
{
        for (size_t i = 0; i < stage->n_ops; i++)
                if (stage->results[i].error != stage->first[i].error)
                        return false;
        return true;
}

static void build_once(struct stage *stage)
{
        clear(stage);
        stage->port = pick_port(stage);
        stage->n_ops = scenario_ops(stage->live, &stage->scenario, stage->port, stage->ops);
        for (size_t i = 0; i < stage->n_ops; i++)
                if (stage->futile[i])
                        stage->ops[i].code = OP_NONE;
        live_run(stage->live, stage->ops, stage->n_ops, stage->results);
        stage->dirty = false;
        history_learn(stage);
}

/* An accept() for a connection that another listener got: not to be waited for again. */
static bool find_futile(struct stage *stage)
{
        bool found = false;

        for (size_t i = 0; i < stage->n_ops; i++) {
                if (stage->results[i].error != ETIMEDOUT)
                        continue;
                stage->futile[i] = true;
                found = true;
        }
        return found;
}

bool stage_build(struct stage *stage)
{
        for (int i = 0; i < TRIES && !stage->broken; i++) {
                build_once(stage);
                if (same_scene(stage))
                        return true;
        }
        stage->broken = true;
        return false;
}

bool stage_fresh(struct stage *stage)
{
        return !stage->broken && (!stage->dirty || stage_build(stage));
}

void stage_begin(struct stage *stage, uint64_t index)
{
        struct live_random mix = { stage->settings->seed ^ (index * UINT64_C(0x9e3779b97f4a7c15)) ^
                                   ((uint64_t)stage->mode << 56) };

        stage->index = index;
        stage->random.state = live_next(&mix);
        scenario_generate(stage->live, stage->mode, live_next(&mix), &stage->scenario);
        stage->broken = false;
        memset(stage->futile, 0, sizeof(stage->futile));
        build_once(stage);
        if (find_futile(stage))
                build_once(stage);
        memcpy(stage->first, stage->results, sizeof(stage->first));
        stage->tally->scenarios++;
}

void stage_end(struct stage *stage)
{
        if (stage->broken)
                stage->tally->unstable++;
        clear(stage);
}

/* ------------------------------------------------ when it went wrong */

static void print_candidate(const struct candidate *c, FILE *out)
{
        char address[128];

        fprintf(out, "  asked: %s type=%d protocol=%d%s%s%s%s ifindex=%u uid=%u%s\n",
                live_print(&c->address, address, sizeof(address)), c->type, c->protocol,
                c->options & OPT_REUSEADDR ? " REUSEADDR" : "", c->options & OPT_REUSEPORT ? " REUSEPORT" : "",
                c->options & OPT_V6ONLY ? " V6ONLY" : "", c->options & OPT_FREEBIND ? " FREEBIND" : "", c->ifindex,
                c->uid, c->listen ? " listen" : "");
}

static void print_answer(const struct answer *a, FILE *out)
{
        fprintf(out, "  library: verdict=%s error=%s call=%s gaps=%u conflicts=%u failed=%s\n  what-if:",
                aiu_verdict_to_string((enum aiu_verdict)a->verdict), a->error ? strerror(a->error) : "none",
                aiu_call_to_string((enum aiu_call)a->call), a->n_gaps, a->n_conflicts,
                a->failed ? strerror(a->failed) : "no");
        for (unsigned int i = 0; i < N_OPTIONS; i++)
                fprintf(out, " %x=%s", i, aiu_tristate_to_string((enum aiu_tristate)a->what_if[i]));
        fprintf(out, "\n");
}

static void print_scene(const struct stage *stage, FILE *out)
{
        char line[512];

        for (size_t i = 0; i < stage->n_ops; i++) {
                live_print_op(stage->live, &stage->ops[i], &stage->results[i], line, sizeof(line));
                fprintf(out, "    %s\n", line);
        }
}

void stage_print(const struct stage *stage, const char *what, const struct candidate *c, const struct truth *truth,
                 const struct answer *answer, const struct aiu_report *report)
{
        static unsigned int printed;
        static uint64_t last = UINT64_MAX;
        char *text = NULL, *json = NULL;
        size_t bytes;
        FILE *out;

        /* One for each scene: the others are mostly the same mistake. */
        if ((last == stage->index && stage->mode != MODE_ERRORS && stage->mode != MODE_ADDRESSES) ||
            printed++ >= stage->settings->max_printed)
                return;
        last = stage->index;
        out = open_memstream(&text, &bytes);
        if (!out)
                return;
        fprintf(out, "\nWRONG: %s\n  replay: --mode=%s --uid=%u --seed=%llu --only=%llu (port %u here)\n", what,
                mode_names[stage->mode], stage->settings->uid, (unsigned long long)stage->settings->seed,
                (unsigned long long)stage->index, stage->port);
        if (stage->note[0])
                fprintf(out, "  %s\n", stage->note);
        print_candidate(c, out);
        if (truth)
                fprintf(out, "  kernel: bind: %s, listen: %s\n", truth->bind ? strerror(truth->bind) : "ok",
                        truth->listen ? strerror(truth->listen) : "ok");
        if (answer)
                print_answer(answer, out);
        fprintf(out, "  scene:\n");
        print_scene(stage, out);
        if (report)
                fprintf(out, "%s\n", json = ask_print(report));
        fclose(out);
        fwrite(text, 1, bytes, stdout);
        fflush(stdout);
        free(text);
        free(json);
}
