/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See advice-fixture.h. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "advice-fixture.h"
#include "conflict.h"
#include "scarce-memory.h"
#include "words.h"

struct question q;
struct host host;
struct socket sockets[4];
struct process processes[4];
struct manager managers[4], own;
struct aiu_holder holders[4];
static struct aiu_conflict conflicts[4];
static size_t n_sockets;
bool holders_complete, sockets_complete;
uid_t asker;
struct aiu_action *actions;
size_t n_actions;

void setup(void)
{
        q = scene_question("127.0.0.1");
        host = scene_host();
        n_sockets = 0;
        holders_complete = sockets_complete = true;
        asker = 1000;
        memset(managers, 0, sizeof(managers));
        own = (struct manager){ 0 };
}

void teardown(void)
{
        for (size_t i = 0; i < n_actions; i++)
                action_finish(&actions[i]);
        free(actions);
        actions = NULL;
        n_actions = 0;
}

size_t hold(struct socket socket, pid_t pid)
{
        size_t i = n_sockets++;

        sockets[i] = socket;
        sockets[i].cookie = i + 1;
        processes[i] = (struct process){ .pid = pid, .uid = 1000, .sigterm_caught = NO, .sigterm_ignored = NO,
                                         .parent_returns = NO };
        holders[i] = (struct aiu_holder){ .kind = AIU_HOLDER_PROCESS, .process = &processes[i], .uid = 1000 };
        if (pid == 0)
                holders[i] = (struct aiu_holder){ .kind = AIU_HOLDER_KERNEL };
        return i;
}

/* Nothing of it is written to, or freed. */
char *words(const char *text)
{
        return (char *)(uintptr_t)text;
}

void manage(size_t i, enum aiu_manager_kind kind, const char *unit, const char *socket_unit)
{
        managers[i] = (struct manager){ .kind = kind, .will_return = YES };
        managers[i].unit = words(unit);
        managers[i].socket_unit = words(socket_unit);
        managers[i].unit_state = words("active");
        holders[i].manager = &managers[i];
}

/* The advice and its words, as a report gets them. */
static int advise_in_words(const struct advice_input *input)
{
        struct aiu_report report = {
                .question = q, .verdict = *input->verdict, .conflicts = conflicts, .n_conflicts = input->n_conflicts,
        };
        int r = advise(input, &actions, &n_actions);

        if (r < 0)
                return r;
        report.actions = actions;
        report.n_actions = n_actions;
        return words_actions(&report, &host, asker, input->own);
}

/* With each allocation failing in turn, and at last none. -ENOMEM; valgrind sees that nothing is lost. */
static void advise_without_memory(const struct advice_input *input)
{
        for (unsigned int at = 1;; at++) {
                int r;

                *input->scene->no_memory = false;
                scarce_memory_begin(at, false);
                r = advise_in_words(input);
                if (!scarce_memory_end()) {
                        ck_assert_int_eq(r, 0);
                        return;
                }
                ck_assert_int_eq(r, -ENOMEM);
                teardown();
        }
}

struct verdict ask(void)
{
        bool no_memory = false;
        struct scene scene = {
                .question = &q, .host = &host, .sockets = sockets, .n_sockets = n_sockets, .sockets_complete = sockets_complete,
                .no_memory = &no_memory,
        };
        struct verdict verdict = verdict_conclude(&scene);
        tristate what_if[WHAT_IF_COUNT];
        struct advice_input input = {
                .scene = &scene, .verdict = &verdict, .what_if = what_if, .conflicts = conflicts,
                .holders_complete = holders_complete, .asker = asker,
                .own = own.kind ? &own : NULL,
        };

        for (uint32_t i = 0; i < WHAT_IF_COUNT; i++)
                what_if[i] = verdict_what_if(&scene, i);
        for (size_t i = 0; i < n_sockets; i++) {
                struct judgement j = conflict_judge(&q, &sockets[i], &host);

                if (j.blocking == NO)
                        continue;
                conflicts[input.n_conflicts++] = (struct aiu_conflict){
                        .socket = sockets[i], .judgement = j, .holders = &holders[i], .n_holders = 1,
                        .index = sockets[i].state == AIU_STATE_UNKNOWN ? NO_SOCKET : i,
                };
        }
        advise_without_memory(&input);
        return verdict;
}

const struct aiu_action *find(enum aiu_action_kind kind)
{
        for (size_t i = 0; i < n_actions; i++)
                if (actions[i].kind == kind)
                        return &actions[i];
        return NULL;
}

void expect(enum aiu_action_kind kind, tristate sufficient)
{
        const struct aiu_action *action = find(kind);

        ck_assert_msg(action, "no action %s", aiu_action_kind_to_string(kind));
        ck_assert_msg(action->sufficient == sufficient, "%s: sufficient is %s", aiu_action_kind_to_string(kind),
                      aiu_tristate_to_string(action->sufficient));
}

void expect_command(enum aiu_action_kind kind, const char *command)
{
        const struct aiu_action *action = find(kind);
        char line[512] = "";

        ck_assert_msg(action, "no action %s", aiu_action_kind_to_string(kind));
        if (!command) {
                ck_assert_ptr_null(action->argv);
                return;
        }
        ck_assert_msg(action->argv, "%s has no command", aiu_action_kind_to_string(kind));
        for (size_t i = 0; action->argv[i]; i++) {
                strncat(line, i ? " " : "", sizeof(line) - strlen(line) - 1);
                strncat(line, action->argv[i], sizeof(line) - strlen(line) - 1);
        }
        ck_assert_str_eq(line, command);
}

void expect_text(enum aiu_action_kind kind, const char *part)
{
        const struct aiu_action *action = find(kind);

        ck_assert_msg(action && strstr(action->text, part), "%s: %s", part, action ? action->text : "no action");
}
