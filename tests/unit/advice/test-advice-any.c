/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What has to be true of the advice in any situation: a few thousand that are put together at random, the
 * same ones each time. No protected process is ended, and nothing is called sufficient that leaves a
 * holder alone, the best comes first, nothing is said twice, and all of it can be printed.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/address.h"
#include "fixture/advice-fixture.h"
#include "advice/holder.h"
#include "util/macro.h"
#include "fixture/run-suite.h"

#define SITUATIONS 20000

static uint32_t seed;
static size_t n;
static struct kernel_user kernel_users[4];

static unsigned int pick(unsigned int of)
{
        seed = seed * 1664525u + 1013904223u;
        return (seed >> 16) % of;
}

static tristate any_bit(void)
{
        return (tristate)pick(3);
}

/* One in so many times. */
static bool now_and_then(unsigned int of)
{
        return pick(of) == 0;
}

static const char *any_of(const char *const *list, size_t length)
{
        return list[pick((unsigned int)length)];
}

static struct address any_address(uint16_t port)
{
        static const char *const ips[] = { "127.0.0.1", "0.0.0.0",          "::",      "::1",
                                           "127.0.0.1", "::ffff:127.0.0.1", "10.0.0.1" };

        return table_address(any_of(ips, ELEMENTSOF(ips)), port);
}

static void make_request(void)
{
        q = table_request("127.0.0.1");
        q.address = any_address(80);
        if (now_and_then(6))
                q.address = table_unix(now_and_then(2) ? "\0xy" : "/xy", 3);
        q.type = now_and_then(4) ? SOCK_DGRAM : SOCK_STREAM;
        q.reuseaddr = now_and_then(3);
        q.reuseport = now_and_then(4);
        q.v6only = now_and_then(4);
        q.error = now_and_then(2) ? EADDRINUSE : now_and_then(8) ? EACCES : now_and_then(8) ? EADDRNOTAVAIL : 0;
        host = table_host();
        host.privileged = now_and_then(6) ? any_bit() : YES;
        host.address_local = now_and_then(8) ? any_bit() : YES;
        host.address_tentative = now_and_then(8) ? any_bit() : NO;
        host.reserved_ports = now_and_then(2) ? words("1,2") : NULL;
        host.name_exists = any_bit();
        host.name_inode = 5;
        host.name_device = 6;
        if (now_and_then(2)) {
                host.port_range_first = 70;
                host.port_range_last = 90;
        }
        asker = now_and_then(2) ? 0 : 1000;
        holders_complete = !now_and_then(4);
        sockets_complete = !now_and_then(4);
}

static struct socket any_socket(void)
{
        static const enum aiu_state states[] = { AIU_STATE_LISTEN,     AIU_STATE_ESTABLISHED, AIU_STATE_BOUND,
                                                 AIU_STATE_CLOSE_WAIT, AIU_STATE_STALE_FILE,  AIU_STATE_UNKNOWN };
        struct socket s = now_and_then(5) ? table_time_wait("127.0.0.1")
                                          : table_socket("127.0.0.1", states[pick(ELEMENTSOF(states))]);

        s.local = any_address(80);
        if (q.address.sa.any.sa_family == AF_UNIX) {
                s.local = q.address;
                s.vfs_inode = 5;
                s.vfs_device = 6;
        }
        if (q.type == SOCK_DGRAM) {
                s.type = SOCK_DGRAM;
                s.protocol = IPPROTO_UDP;
        }
        s.reuseaddr = any_bit();
        s.reuseport = any_bit();
        s.v6only = any_bit();
        s.uid = now_and_then(3) ? 0 : 1000;
        if (now_and_then(4))
                s.inode = 0;
        if (now_and_then(4) && q.address.sa.any.sa_family != AF_UNIX)
                s.peer = table_address("127.0.0.9", 4000);
        if (s.minisock && now_and_then(2))
                s.expires_usec = pick(4) * 1000000u;
        return s;
}

static void make_manager(size_t i)
{
        static const char *const units[] = { "a.service", "b.service", "web@1.service", "session-1.scope", "c.scope" };
        static const char *const socket_units[] = { "a.socket", "web.socket", "abc.socket" };
        static const char *const states[] = { "active", "inactive", "failed", "activating" };
        static const char *const supervisors[] = { "supervisord", "runit", "gunicorn", "pm2" };
        static const char *const enabled[] = { "enabled", "disabled", "static" };
        struct manager *m = &managers[i];

        *m = (struct manager){ .kind = now_and_then(2) ? AIU_MANAGER_SYSTEMD : (enum aiu_manager_kind)pick(12) };
        m->will_return = any_bit();
        m->removes_file = any_bit();
        m->unit = now_and_then(4) ? NULL : words(any_of(units, ELEMENTSOF(units)));
        m->socket_unit = now_and_then(4) ? words(any_of(socket_units, ELEMENTSOF(socket_units))) : NULL;
        m->unit_state = now_and_then(4) ? NULL : words(any_of(states, ELEMENTSOF(states)));
        m->also_stop = now_and_then(4) ? words(" x.timer  y.service ") : NULL;
        m->enabled = now_and_then(2) ? words(any_of(enabled, ELEMENTSOF(enabled))) : NULL;
        m->container = now_and_then(3) ? words(now_and_then(2) ? "0123456789abcdef" : "vm") : NULL;
        m->supervisor = m->kind == AIU_MANAGER_SUPERVISOR && !now_and_then(4)
                                ? words(any_of(supervisors, ELEMENTSOF(supervisors)))
                                : NULL;
        m->main_pid = now_and_then(2) ? 100 + (pid_t)pick(3) : 0;
        m->n_processes = pick(4);
        m->user = now_and_then(2) ? 1000 : now_and_then(4) ? UID_UNKNOWN : 0;
        m->named_by = now_and_then(3) ? m->user : now_and_then(4) ? UID_UNKNOWN : 0;
        holders[i].manager = m;
}

static void make_holder(size_t i)
{
        static const char *const comms[] = { "systemd", "conmon", "docker-proxy", "pasta", "web", "rootlesskit" };
        static const uint32_t flags[] = { AIU_HOLDER_UNIT_LEFTOVER, AIU_HOLDER_UNIT_SPARED, AIU_HOLDER_SAME_PROGRAM,
                                          AIU_HOLDER_STOPPED, AIU_HOLDER_ANCESTOR };
        static char *command[] = { (char *)(uintptr_t) "ip", (char *)(uintptr_t) "link", NULL };

        processes[i].comm = now_and_then(6) ? NULL : words(any_of(comms, ELEMENTSOF(comms)));
        processes[i].sigterm_caught = any_bit();
        processes[i].sigterm_ignored = any_bit();
        processes[i].is_self = now_and_then(12);
        processes[i].parent_returns = any_bit();
        processes[i].exe = now_and_then(3) ? words("/usr/sbin/nginx") : NULL;
        if (i > 0 && now_and_then(2) && processes[0].pid > 1 && !processes[0].is_self &&
            holders[0].kind == AIU_HOLDER_PROCESS && !advice_is_port_helper(&holders[0])) {
                processes[i].leading = &processes[0];
                processes[0].leads = true;
        }
        processes[i].uid = now_and_then(3) ? 0 : 1000;
        holders[i].uid = processes[i].uid;
        if (now_and_then(4))
                holders[i].flags |= flags[pick(ELEMENTSOF(flags))];
        if (now_and_then(2))
                make_manager(i);
        if (now_and_then(8)) {
                kernel_users[i] = (struct kernel_user){ .service = words(now_and_then(2) ? "vxlan" : "nfsd") };
                kernel_users[i].name = now_and_then(2) ? words("vx0") : NULL;
                kernel_users[i].command = now_and_then(2) ? command : NULL;
                kernel_users[i].command_suffices = any_bit();
                holders[i].kernel_user = &kernel_users[i];
        }
        if (now_and_then(8))
                holders[i] = (struct aiu_holder){ .kind = AIU_HOLDER_HIDDEN, .uid = 1001 };
}

static void make_situation(uint32_t number)
{
        static const pid_t pids[] = { 100, 101, 102, 1, 0, 100 };

        seed = number * 2654435761u + 1;
        setup();
        make_request();
        n = pick(5);
        for (size_t i = 0; i < n; i++) {
                struct socket socket = any_socket();

                (void)hold(socket, pids[pick(ELEMENTSOF(pids))]);
                make_holder(i);
        }
        if (now_and_then(4))
                own = (struct manager){ .kind = now_and_then(4) ? AIU_MANAGER_DOCKER : AIU_MANAGER_SYSTEMD };
        if (own.kind != 0 && !now_and_then(4))
                own.unit = words(now_and_then(3) ? "a.service" : now_and_then(2) ? "web@2.service" : "abd.service");
}

/* ------------------------------------------------------ what has to be true */

/* Groups and their order, written down once more: a table that checks a table. */
static int group(const struct aiu_action *action)
{
        switch (action->kind) {
        case AIU_ACTION_FIX_CALLER:
        case AIU_ACTION_OTHER_ADDRESS:
        case AIU_ACTION_OTHER_PORT:
                return 1;
        case AIU_ACTION_USE_ACTIVATION:
        case AIU_ACTION_SET_REUSEADDR:
        case AIU_ACTION_SET_REUSEPORT:
        case AIU_ACTION_SET_V6ONLY:
        case AIU_ACTION_SET_FREEBIND:
                return 2;
        case AIU_ACTION_ADD_ADDRESS:
        case AIU_ACTION_ALLOW_NONLOCAL:
        case AIU_ACTION_ENABLE_IPV6:
        case AIU_ACTION_RESERVE_PORT:
                return 3;
        default:
                return action->flags & AIU_ACTION_HOST_WIDE ? 3 : 0;
        }
}

static int harm(const struct aiu_action *action)
{
        switch (action->kind) {
        case AIU_ACTION_LOOK_CLOSER:
                return 0;
        case AIU_ACTION_WAIT:
                return 1;
        case AIU_ACTION_STOP_UNIT:
                return action->remarks & REMARK_WHOLE_UNIT ? -1 : 2;
        case AIU_ACTION_STOP_CONTAINER:
        case AIU_ACTION_STOP_KERNEL_USER:
                return 2;
        case AIU_ACTION_TERMINATE:
                return 3;
        case AIU_ACTION_KILL_UNIT_LEFTOVERS:
        case AIU_ACTION_KILL:
                return 4;
        default:
                return -1;
        }
}

/* By group; in each what is not enough comes last; then by harm, where the two can be compared. */
static void check_order(const struct aiu_action *before, const struct aiu_action *after)
{
        ck_assert_int_le(group(before), group(after));
        if (group(before) != group(after))
                return;
        ck_assert_int_le(before->sufficient == NO, after->sufficient == NO);
        if ((before->sufficient == NO) == (after->sufficient == NO) && harm(before) >= 0 && harm(after) >= 0)
                ck_assert_int_le(harm(before), harm(after));
}

static bool signals(const struct aiu_action *action, const struct process *process)
{
        for (size_t i = 0; i < action->n_processes; i++)
                if (action->processes[i] == process)
                        return true;
        return false;
}

/* A worker is signalled together with its master, which comes first, or not at all. */
static void check_workers(const struct aiu_action *action)
{
        for (size_t i = 0; i < action->n_processes && !(action->remarks & REMARK_HELPER); i++) {
                const struct process *leader = action->processes[i]->leading;
                bool before = !leader;

                for (size_t k = 0; k < i; k++)
                        before = before || action->processes[k] == leader;
                ck_assert_msg(before, "a worker without its master");
        }
}

static bool may_hear(const struct process *process)
{
        if (process->leading)
                return process->leading->sigterm_ignored != YES && !(process->leading->flags & AIU_HOLDER_STOPPED);
        for (size_t i = 0; i < n; i++)
                if (holders[i].process == process && holders[i].flags & AIU_HOLDER_STOPPED)
                        return false;
        return process->sigterm_ignored != YES;
}

/* SIGKILL is marked, and never comes before SIGTERM to the same process, nor without one that could act. */
static void check_kill(size_t at)
{
        const struct aiu_action *kill = &actions[at];

        if (kill->kind != AIU_ACTION_KILL)
                return;
        ck_assert(kill->flags & AIU_ACTION_LAST_RESORT);
        for (size_t i = 0; i < kill->n_processes; i++) {
                bool backend_request = false;

                if (may_hear(kill->processes[i]))
                        ck_assert_msg(!kill->processes[i]->leads && !kill->processes[i]->leading,
                                      "SIGKILL of a master or its worker");
                for (size_t k = 0; k < n_actions; k++) {
                        bool here = actions[k].kind == AIU_ACTION_TERMINATE && signals(&actions[k], kill->processes[i]);

                        ck_assert_msg(!here || k < at, "SIGKILL before SIGTERM");
                        backend_request = backend_request || here;
                }
                ck_assert_msg(backend_request || !may_hear(kill->processes[i]), "SIGKILL without SIGTERM");
        }
}

static void check_words(const struct aiu_action *action)
{
        ck_assert_ptr_nonnull(action->text);
        ck_assert_uint_gt(strlen(action->text), 0);
        for (const char *p = action->text; *p; p++)
                ck_assert_msg(*p >= 0x20 && *p < 0x7f, "%s", action->text);
        if (!action->argv)
                return;
        ck_assert_ptr_nonnull(action->argv[0]);
        ck_assert_int_ne(action->argv[0][0], '-');
}

/* pid 1 is not ended, nor who asks, nor who serves a container, if that is not gone, or is a service manager. */
static void check_victims(const struct aiu_action *action)
{
        for (size_t i = 0; i < action->n_processes; i++) {
                const struct process *p = action->processes[i];

                ck_assert_int_gt(p->pid, 1);
                for (size_t k = 0; k < n; k++)
                        if (holders[k].process == p)
                                ck_assert(!advice_is_port_helper(&holders[k]) ||
                                          (action->remarks & REMARK_HELPER && action->sufficient == UNKNOWN &&
                                           !holders[k].manager->container));
        }
}

/* Stopping a unit does not free a socket that no unit has. */
static void check_sufficient(const struct aiu_action *action)
{
        bool ends = action->kind == AIU_ACTION_STOP_UNIT || action->kind == AIU_ACTION_STOP_CONTAINER ||
                    action->kind == AIU_ACTION_TERMINATE || action->kind == AIU_ACTION_KILL ||
                    action->kind == AIU_ACTION_KILL_UNIT_LEFTOVERS;

        if (action->sufficient != YES)
                return;
        if (ends)
                ck_assert(holders_complete);
        if (action->kind == AIU_ACTION_STOP_UNIT && action->manager->kind == AIU_MANAGER_SYSTEMD)
                ck_assert(action->manager->unit_state || action->manager->will_return != UNKNOWN);
        if (action->kind == AIU_ACTION_STOP_CONTAINER && action->manager->kind == AIU_MANAGER_KUBERNETES)
                ck_assert_int_eq(action->manager->will_return, NO);
        if (!ends)
                return;
        for (size_t i = 0; i < n; i++) {
                const struct aiu_holder *h = &holders[i];

                /* A listener of an unknown user stays. */
                if (sockets[i].state == AIU_STATE_LISTEN && sockets[i].reuseaddr != YES &&
                    sockets[i].reuseport != YES && address_equal(&sockets[i].local, &q.address) &&
                    q.address.sa.any.sa_family != AF_UNIX && sockets[i].protocol == IPPROTO_TCP &&
                    q.type == SOCK_STREAM && sockets[i].inode != 0)
                        ck_assert_msg(h->process || h->manager, "%s", aiu_action_kind_to_string(action->kind));
        }
}

static void check_once(size_t at)
{
        for (size_t i = 0; i < at; i++)
                ck_assert_msg(actions[i].kind != actions[at].kind || actions[i].manager != actions[at].manager ||
                                      actions[i].kernel_user != actions[at].kernel_user ||
                                      strcmp(actions[i].text, actions[at].text) != 0,
                              "twice: %s", actions[at].text);
}

START_TEST(any_situation)
{
        for (uint32_t i = 0; i < SITUATIONS / 10; i++) {
                struct verdict verdict;

                make_situation((uint32_t)_i * SITUATIONS / 10 + i);
                verdict = ask();
                ck_assert_msg(n_actions > 0, "no advice for %s", aiu_verdict_to_string(verdict.verdict));
                ck_assert_int_eq(verdict.verdict == AIU_VERDICT_AVAILABLE, find(AIU_ACTION_NONE) != NULL);
                for (size_t k = 0; k < n_actions; k++) {
                        check_words(&actions[k]);
                        check_victims(&actions[k]);
                        check_sufficient(&actions[k]);
                        check_once(k);
                        check_kill(k);
                        check_workers(&actions[k]);
                        if (k > 0)
                                check_order(&actions[k - 1], &actions[k]);
                }
                teardown();
        }
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("advice-any");
        TCase *tcase = tcase_create("all");

        tcase_set_timeout(tcase, 120);
        tcase_add_loop_test(tcase, any_situation, 0, 10);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
