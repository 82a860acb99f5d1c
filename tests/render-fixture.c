/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reports made in memory: see render-fixture.h. Summaries and action texts are the test's own. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "render-fixture.h"

char *fixture_copy(const char *text)
{
        char *s = strdup(text);

        ck_assert_ptr_nonnull(s);
        return s;
}

struct aiu_report *fixture_report(enum aiu_verdict verdict, int error, const char *summary)
{
        struct aiu_report *r = report_new();

        ck_assert_ptr_nonnull(r);
        r->question = scene_question("127.0.0.1");
        r->verdict = (struct verdict){ .verdict = verdict, .error = error, .call = AIU_CALL_BIND };
        for (size_t i = 0; i < WHAT_IF_COUNT; i++)
                r->what_if[i] = NO;
        r->summary = fixture_copy(summary);
        r->processes = calloc(4, sizeof(*r->processes));
        r->managers = calloc(4, sizeof(*r->managers));
        return r;
}

/* A process of root; its parent is `parent` (700), and above that systemd. */
const struct process *fixture_process(struct aiu_report *r, pid_t pid, const char *comm, const char *parent)
{
        struct process *p = &r->processes[r->n_processes++];

        *p = (struct process){ .pid = pid, .ppid = 1, .comm = fixture_copy(comm), .cwd = fixture_copy("/") };
        p->n_ancestors = parent ? 2 : 1;
        p->ancestor_pids = calloc(2, sizeof(pid_t));
        p->ancestor_comms = calloc(2, sizeof(char *));
        if (parent) {
                p->ancestor_pids[0] = p->ppid = 700;
                p->ancestor_comms[0] = fixture_copy(parent);
        }
        p->ancestor_pids[p->n_ancestors - 1] = 1;
        p->ancestor_comms[p->n_ancestors - 1] = fixture_copy("systemd");
        return p;
}

struct aiu_conflict *fixture_conflict(struct aiu_report *r, struct socket s, enum aiu_overlap overlap,
                                         enum aiu_reason reason)
{
        struct aiu_conflict *c;

        r->conflicts = realloc(r->conflicts, (r->n_conflicts + 1) * sizeof(*r->conflicts));
        ck_assert_ptr_nonnull(r->conflicts);
        c = &r->conflicts[r->n_conflicts++];
        *c = (struct aiu_conflict){
                .socket = s, .judgement = { .overlap = overlap, .reason = reason, .blocking = YES },
        };
        return c;
}

struct aiu_holder *fixture_holder(struct aiu_conflict *c, enum aiu_holder_kind kind,
                                     const struct process *process, int fd)
{
        c->holders = calloc(1, sizeof(*c->holders));
        c->n_holders = 1;
        c->holders[0] = (struct aiu_holder){ .kind = kind, .process = process, .uid = c->socket.uid };
        if (process) {
                c->holders[0].uid = process->uid;
                c->holders[0].fds = malloc(sizeof(int));
                c->holders[0].fds[0] = fd;
                c->holders[0].n_fds = 1;
        }
        return &c->holders[0];
}

struct aiu_holder *fixture_listening(struct aiu_report *r, const char *ip, enum aiu_overlap overlap,
                                     enum aiu_holder_kind kind, const struct process *process, int fd)
{
        struct aiu_conflict *c = fixture_conflict(r, fixture_listener(ip), overlap, AIU_REASON_LISTENING);

        return fixture_holder(c, kind, process, fd);
}

void fixture_action(struct aiu_report *r, enum aiu_action_kind kind, const char *text, const char *command,
                       const char *operand)
{
        struct aiu_action *a;

        r->actions = realloc(r->actions, (r->n_actions + 1) * sizeof(*r->actions));
        a = &r->actions[r->n_actions++];
        *a = (struct aiu_action){ .kind = kind, .sufficient = YES, .text = fixture_copy(text) };
        if (command) {
                a->argv = calloc(3, sizeof(char *));
                a->argv[0] = fixture_copy(command);
                a->argv[1] = fixture_copy(operand);
        }
}

void fixture_gap(struct aiu_report *r, const char *text)
{
        r->gaps = calloc(1, sizeof(*r->gaps));
        r->n_gaps = 1;
        r->gaps[0].gap = (struct gap){
                AIU_GAP_PERMISSION, EACCES, fixture_copy("proc-fd"), fixture_copy(text),
        };
}

struct socket fixture_listener(const char *ip)
{
        struct socket s = scene_socket(ip, AIU_STATE_LISTEN);

        s.reuseport = NO;
        return s;
}

struct socket fixture_connection(uint16_t port)
{
        struct socket s = scene_socket("127.0.0.1", AIU_STATE_ESTABLISHED);

        s.peer = scene_address("127.0.0.9", port);
        return s;
}

struct socket fixture_unix(const char *path, enum aiu_state state)
{
        struct socket s = { .type = SOCK_STREAM, .state = state, .inode = 7, .uid = UID_UNKNOWN };
        size_t n = strlen(path);

        s.local.sa.un.sun_family = AF_UNIX;
        memcpy(s.local.sa.un.sun_path, path, n);
        s.local.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
        return s;
}

static uint64_t usec_ago(uint64_t seconds)
{
        return ((uint64_t)time(NULL) - seconds) * 1000000;
}

struct aiu_report *fixture_unit_report(void)
{
        struct aiu_report *r = fixture_report(AIU_VERDICT_IN_USE, EADDRINUSE,
                                              IN_USE "; held by nginx (pid 812)");
        struct aiu_conflict *c = fixture_conflict(r, fixture_listener("0.0.0.0"), AIU_OVERLAP_HOLDER_WILDCARD,
                                              AIU_REASON_LISTENING);

        r->managers[r->n_managers++] = (struct manager){
                .kind = AIU_MANAGER_SYSTEMD, .unit = fixture_copy("nginx.service"),
                .unit_state = fixture_copy("active"), .unit_restart = fixture_copy("on-failure"),
                .will_return = YES,
        };
        fixture_holder(c, AIU_HOLDER_PROCESS, fixture_process(r, 812, "nginx", NULL), 6)->manager =
                &r->managers[0];
        r->processes[0].cmdline = fixture_copy("--password=hunter2");
        r->processes[0].cmdline_bytes = strlen("--password=hunter2") + 1;
        r->processes[0].start_time_usec = usec_ago(3 * 86400 + 3600);
        fixture_action(r, AIU_ACTION_STOP_UNIT, "stop it", "systemctl", "nginx.service");
        r->actions[0].flags = AIU_ACTION_NEEDS_ROOT;
        fixture_action(r, AIU_ACTION_OTHER_PORT, "bind another port", NULL, NULL);
        return r;
}

/* HOSTILE in every string that a process, a file name or a back end can choose. */
struct aiu_report *fixture_hostile_report(void)
{
        struct aiu_report *r = fixture_report(AIU_VERDICT_UNKNOWN, 0, HOSTILE);
        struct socket s = fixture_unix(HOSTILE, AIU_STATE_LISTEN);
        struct aiu_holder *h;
        struct process *p = (struct process *)fixture_process(r, 812, HOSTILE, HOSTILE);

        p->exe = fixture_copy(HOSTILE);
        free(p->cwd);
        p->cwd = fixture_copy(HOSTILE);
        p->cmdline = fixture_copy(HOSTILE);
        p->cmdline_bytes = strlen(HOSTILE) + 1;
        memcpy(s.device, "\033[1m\n\"", 7);
        memcpy(r->question.device, "\033[1m\n\"", 7);
        r->managers[r->n_managers++] = (struct manager){
                .kind = AIU_MANAGER_SYSTEMD, .unit = fixture_copy(HOSTILE),
                .socket_unit = fixture_copy(HOSTILE), .unit_state = fixture_copy(HOSTILE),
                .unit_restart = fixture_copy(HOSTILE), .will_return = YES, .container = fixture_copy(HOSTILE),
                .supervisor = fixture_copy(HOSTILE),
        };
        r->question.address = s.local;
        h = fixture_holder(fixture_conflict(r, s, AIU_OVERLAP_UNIX_PATH, AIU_REASON_PATH_EXISTS),
                           AIU_HOLDER_PROCESS, p, 1);
        h->manager = &r->managers[0];
        h->flags = UINT32_MAX;
        r->neighbours = calloc(1, sizeof(*r->neighbours));
        r->n_neighbours = 1;
        r->neighbours[0].socket = s;
        fixture_action(r, AIU_ACTION_REMOVE_FILE, HOSTILE, HOSTILE, HOSTILE);
        fixture_gap(r, HOSTILE);
        return r;
}
