/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two more questions to a scene. listen() on a socket that is bound already,
 * after something changed: the kernel runs its check again. And: is a holder
 * that the report calls "in the way" in the way when it is there alone, and one
 * that it calls a mere neighbour is not?
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <addrinuse.h>

#include "differential.h"

#define SLOT_RIVAL 40

/* ------------------------------------------------ listen() */

/* A socket like ours that gets there first: both bound, one listens. */
static void rival_listens(struct stage *stage, const struct candidate *c)
{
        const struct live_op base = { .who = WHO_ROOT, .slot = SLOT_RIVAL };
        struct live_op ops[6];
        struct live_result results[6];

        for (size_t i = 0; i < 6; i++)
                ops[i] = base;
        ops[0].code = OP_SOCKET;
        ops[0].a = c->address.sa.any.sa_family;
        ops[0].b = c->type;
        ops[0].uid = c->uid;
        ops[1].code = OP_REUSEADDR;
        ops[1].a = (int)live_below(&stage->random, 4) != 0;
        ops[2].code = OP_REUSEPORT;
        ops[2].a = (int)live_below(&stage->random, 2);
        ops[3].code = OP_BIND;
        ops[3].address = c->address;
        ops[4].code = OP_LISTEN;
        ops[4].a = 4;
        ops[5].code = live_chance(&stage->random, 4) ? OP_SHUTDOWN : OP_NONE;
        ops[5].a = SHUT_RDWR;
        live_run(stage->live, ops, 6, results);
}

/* A holder changes its mind after we are bound. */
static void holder_changes(struct stage *stage)
{
        static const enum live_code codes[] = { OP_LISTEN, OP_REUSEADDR, OP_REUSEPORT, OP_RESET };
        struct live_op op = { 0 };
        unsigned int i;

        if (stage->scenario.n_holders == 0)
                return;
        i = live_below(&stage->random, stage->scenario.n_holders);
        op.who = (uint8_t)stage->scenario.holders[i].who;
        op.slot = (uint8_t)(i * 4 + 1);
        op.code = (uint8_t)codes[live_below(&stage->random, 4)];
        op.a = (int)live_below(&stage->random, 2);
        (void)live_run_one(stage->live, op, NULL);
}

static void compare_listen(struct stage *stage, const struct candidate *c, int fd)
{
        struct aiu_report *report = NULL;
        struct answer answer = ask_listen(fd, 0, &report);
        struct truth truth = { 0 };

        if (listen(fd, 1) < 0)
                truth.listen = errno;
        if (compare_failure(stage, c, &answer)) {
                stage->tally->listens++;
                count_case(stage, &truth, true, c->options, &answer, c, report);
                compare_verdict(stage, c, &truth, &answer, report);
        }
        aiu_report_unref(report);
        if (truth.listen == 0)
                return;
        answer = ask_listen(fd, truth.listen, &report);
        if (compare_failure(stage, c, &answer))
                compare_verdict(stage, c, &truth, &answer, report);
        aiu_report_unref(report);
}

void check_listen(struct stage *stage, const struct target *target, unsigned int options)
{
        struct candidate c;
        int fd;

        stage->dirty = true;
        if (!stage_fresh(stage))
                return;
        c = stage_candidate(stage, target, options);
        c.listen = true;
        fd = ask_socket(&c);
        if (fd < 0)
                return;
        history_forget();
        if (bind(fd, &c.address.sa.any, c.address.len) == 0) {
                if (live_chance(&stage->random, 2))
                        rival_listens(stage, &c);
                if (live_chance(&stage->random, 2))
                        holder_changes(stage);
                compare_listen(stage, &c, fd);
        }
        close(fd);
        stage->dirty = true;
}

/* ------------------------------------------------ one holder alone */

static struct live_result asked_about[LIVE_MAX_OPS]; /* the scene the report is about */

/* Which slot has the socket with this inode? 0 = none. */
static uint8_t find_slot(const struct stage *stage, uint64_t inode)
{
        for (size_t i = stage->n_ops; inode && i > 0; i--)
                if (asked_about[i - 1].inode == inode)
                        return stage->ops[i - 1].code == OP_ACCEPT ? stage->ops[i - 1].other : stage->ops[i - 1].slot;
        return 0;
}

/* Slots 4i+1 and 4i+3 are on the port, 4i+2 is the client of 4i+3. */
static bool keeps(uint8_t kept, uint8_t slot)
{
        if (slot == kept)
                return true;
        return (kept - 1) / 4 == (slot - 1) / 4 && (kept - 1) % 4 == 2 && (slot - 1) % 4 == 1;
}

static void clear_holder(struct stage *stage, unsigned int i, uint8_t kept)
{
        struct live_op op = { .code = OP_RESET, .who = (uint8_t)stage->scenario.holders[i].who };

        for (unsigned int k = 3; k > 0; k--) {
                op.slot = (uint8_t)(i * 4 + k);
                if (!keeps(kept, op.slot))
                        (void)live_run_one(stage->live, op, NULL);
        }
}

static void clear_others(struct stage *stage, uint8_t kept)
{
        for (unsigned int i = 0; i < stage->scenario.n_holders; i++)
                clear_holder(stage, i, kept);
        (void)live_run_one(stage->live, (struct live_op){ .code = OP_DESTROY, .who = WHO_ROOT }, NULL);
}

static void check_alone(struct stage *stage, const struct target *target, unsigned int options,
                        const struct aiu_conflict *conflict, const struct aiu_report *report)
{
        enum aiu_tristate blocks = aiu_conflict_is_blocking(conflict);
        uint8_t slot = find_slot(stage, aiu_conflict_get_inode(conflict));
        struct candidate c;
        struct truth truth;

        if (blocks == AIU_TRISTATE_UNKNOWN || slot == 0)
                return;
        /* Alone it would block: it is passed over for what else was bound. */
        if (aiu_conflict_get_reason(conflict) == AIU_REASON_BUCKET_HISTORY)
                return;
        stage->dirty = true;
        if (!stage_fresh(stage))
                return;
        clear_others(stage, slot);
        stage->dirty = true;
        c = stage_candidate(stage, target, options);
        c.listen = false;
        truth = ask_kernel(&c);
        if (truth.setup || (truth.bind && truth.bind != EADDRINUSE))
                return;
        stage->tally->pairs++;
        if ((truth.bind == EADDRINUSE) == (blocks == AIU_TRISTATE_YES))
                return;
        stage->tally->wrong++;
        stage_print(stage,
                    blocks == AIU_TRISTATE_YES ? "a conflict that does not block alone"
                                               : "a neighbour that blocks alone",
                    &c, &truth, NULL, report);
}

void check_pairs(struct stage *stage, const struct target *target, unsigned int options)
{
        struct candidate c;
        struct aiu_report *report = NULL;
        struct answer answer;

        stage->dirty = true;
        if (stage->mode == MODE_MPTCP || !stage_fresh(stage))
                return;
        c = stage_candidate(stage, target, options);
        answer = ask_library(&c, ASK_QUERY, &report);
        if (answer.failed)
                return;
        memcpy(asked_about, stage->results, sizeof(asked_about));
        for (size_t i = 0; i < aiu_report_get_n_conflicts(report) && !stage->broken; i++)
                check_alone(stage, target, options, aiu_report_get_conflict(report, i), report);
        for (size_t i = 0; i < aiu_report_get_n_neighbours(report) && !stage->broken; i++)
                check_alone(stage, target, options, aiu_report_get_neighbour(report, i), report);
        aiu_report_unref(report);
}
