/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* leader.c: of several holders, which is the master; and when the parent of a lone one is. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/leader.h"
#include "util/macro.h"
#include "fixture/run-suite.h"
#include "fixture/scarce-memory.h"

#define MOST 8u
#define SECOND UINT64_C(1000000)

static struct process processes[MOST];
static pid_t chains[MOST][MOST];
static struct aiu_holder holders[3][MOST];
static struct aiu_conflict conflicts[3];
static size_t n_processes, n_conflicts;
static bool complete;

static char *words(const char *text)
{
        return (char *)(uintptr_t)text;
}

static void setup(void)
{
        n_processes = n_conflicts = 0;
        complete = true;
        memset(processes, 0, sizeof(processes));
        memset(holders, 0, sizeof(holders));
        memset(conflicts, 0, sizeof(conflicts));
}

/* A process with these ancestors, nearest first, which end with pid 1. */
static struct process *process(pid_t pid, const pid_t *ancestors)
{
        struct process *p = &processes[n_processes];
        size_t n = 0;

        while (ancestors[n++] != 1)
                ;
        memcpy(chains[n_processes], ancestors, n * sizeof(pid_t));
        *p = (struct process){ .pid = pid,
                               .ppid = ancestors[0],
                               .sigterm_caught = YES,
                               .sigterm_ignored = NO,
                               .n_ancestors = n,
                               .start_time_usec = (uint64_t)pid * SECOND / 10 };
        p->ancestor_pids = chains[n_processes++];
        p->exe = words("/usr/bin/web");
        p->cmdline = words("web\0-x");
        p->cmdline_bytes = 7;
        return p;
}

/* They hold one more socket; pid 0 is a process that is not seen. */
static void hold(const pid_t *pids, size_t n)
{
        struct aiu_conflict *c = &conflicts[n_conflicts];

        c->holders = holders[n_conflicts++];
        c->socket.inode = 70 + n_conflicts;
        for (size_t i = 0; i < n; i++) {
                c->holders[i].kind = pids[i] ? AIU_HOLDER_PROCESS : AIU_HOLDER_HIDDEN;
                for (size_t k = 0; k < n_processes; k++)
                        if (processes[k].pid == pids[i])
                                c->holders[i].process = &processes[k];
        }
        c->n_holders = n;
}
#define HOLD(...) hold((const pid_t[]){ __VA_ARGS__ }, sizeof((const pid_t[]){ __VA_ARGS__ }) / sizeof(pid_t))
#define PROCESS(pid, ...) process(pid, (const pid_t[]){ __VA_ARGS__, 1 })
#define CHILD_OF_INIT(pid) process(pid, (const pid_t[]){ 1 })

static void look(void)
{
        ck_assert_int_eq(leader_find(conflicts, n_conflicts, processes, n_processes, complete), 0);
}

static void expect(size_t conflict, size_t holder, pid_t leader, uint32_t flags)
{
        const struct aiu_holder *h = &conflicts[conflict].holders[holder];

        ck_assert_int_eq(h->leader, leader);
        ck_assert_uint_eq(h->flags, flags);
}

START_TEST(master_and_workers)
{
        CHILD_OF_INIT(10);
        PROCESS(11, 10);
        PROCESS(12, 10);
        HOLD(12, 10, 11, 0);
        look();
        expect(0, 0, 10, AIU_HOLDER_WORKER);
        expect(0, 1, 0, 0);
        expect(0, 2, 10, AIU_HOLDER_WORKER);
        expect(0, 3, 0, 0);
        ck_assert(processes[0].leads && !processes[1].leads);
        ck_assert_ptr_eq(processes[1].leading, &processes[0]);
}
END_TEST

/* postfix: between master and smtpd there may be one that holds nothing. */
START_TEST(not_the_next_of_kin)
{
        CHILD_OF_INIT(10);
        PROCESS(12, 11, 10);
        PROCESS(13, 12, 11, 10);
        HOLD(10, 12, 13);
        look();
        expect(0, 1, 10, AIU_HOLDER_WORKER);
        expect(0, 2, 10, AIU_HOLDER_WORKER); /* the topmost, not its parent */
}
END_TEST

/* Their master was killed: there is no leader. */
START_TEST(orphans)
{
        CHILD_OF_INIT(11);
        CHILD_OF_INIT(12);
        HOLD(11, 12);
        look();
        expect(0, 0, 0, 0);
        expect(0, 1, 0, 0);
}
END_TEST

START_TEST(two_programs)
{
        CHILD_OF_INIT(10);
        PROCESS(11, 10);
        CHILD_OF_INIT(20);
        PROCESS(21, 20);
        HOLD(10, 11, 20, 21);
        look();
        expect(0, 1, 10, AIU_HOLDER_WORKER);
        expect(0, 3, 20, AIU_HOLDER_WORKER);
}
END_TEST

/* A session of sshd holds the connection, and not the listener, whose end would not end it. */
START_TEST(another_socket)
{
        CHILD_OF_INIT(10);
        PROCESS(11, 10);
        processes[1].start_time_usec = 3600 * SECOND;
        HOLD(10);
        HOLD(11);
        look();
        expect(1, 0, 0, 0);
}
END_TEST

/* One that shares a socket of its master is a worker for whatever else it holds. */
START_TEST(its_own_connection)
{
        CHILD_OF_INIT(10);
        PROCESS(11, 10);
        HOLD(10, 11);
        HOLD(11);
        HOLD(10, 11);
        look();
        expect(1, 0, 10, AIU_HOLDER_WORKER);
        expect(2, 1, 10, AIU_HOLDER_WORKER);
}
END_TEST

START_TEST(master_of_a_master)
{
        CHILD_OF_INIT(10);
        PROCESS(11, 10);
        PROCESS(12, 11, 10);
        HOLD(11, 12);
        HOLD(10, 11);
        look();
        expect(0, 1, 10, AIU_HOLDER_WORKER);
}
END_TEST

/* They are ancestors of others for another reason. */
START_TEST(who_never_leads)
{
        static const char *const keepers[] = { NULL, "systemd", "conmon", "pasta.avx2" };

        for (size_t i = 0; i <= ELEMENTSOF(keepers); i++) {
                pid_t top = i == 0 ? 1 : 10;

                setup();
                CHILD_OF_INIT(top);
                PROCESS(11, top);
                processes[0].is_self = i == ELEMENTSOF(keepers);
                processes[0].comm = words(i < ELEMENTSOF(keepers) ? keepers[i] : "web");
                HOLD(top, 11);
                look();
                expect(0, 1, 0, 0);
        }
        processes[0].is_self = false;
        look();
        expect(0, 1, 10, AIU_HOLDER_WORKER);
        setup();
        CHILD_OF_INIT(10);
        PROCESS(11, 10);
        processes[1].is_self = true;
        HOLD(10, 11);
        look();
        expect(0, 1, 0, 0);
}
END_TEST

/* Hostile facts: each is the other's ancestor, and its own. */
START_TEST(in_a_circle)
{
        PROCESS(10, 11, 10);
        PROCESS(11, 10, 11);
        HOLD(10, 11);
        look();
        ck_assert(processes[0].leading != &processes[0] && processes[1].leading != &processes[1]);
}
END_TEST

/* ------------------------------------------------------ haproxy -W, squid */

/* A lone holder, and its parent, which holds nothing. */
static void pair(void)
{
        setup();
        CHILD_OF_INIT(10);
        PROCESS(11, 10);
        HOLD(11);
}

static void expect_parent(bool leads)
{
        look();
        expect(0, 0, leads ? 10 : 0, 0); /* no worker: its leader is no holder */
        ck_assert_int_eq(processes[0].leads, leads);
}

START_TEST(parent_of_a_lone_holder)
{
        pair();
        expect_parent(true);
        pair();
        processes[0].exe = words("/usr/bin/npm");
        expect_parent(false);
        pair();
        processes[0].exe = NULL;
        expect_parent(false);
        pair();
        processes[1].exe = NULL;
        expect_parent(false);
        pair();
        processes[0].sigterm_caught = NO; /* it would leave the holder behind */
        expect_parent(false);
        pair();
        processes[0].is_self = true;
        expect_parent(false);
        pair();
        processes[0].flags = AIU_HOLDER_ANCESTOR;
        expect_parent(false);
        pair();
        processes[0].start_time_usec = processes[1].start_time_usec + 1; /* a number used again */
        expect_parent(false);
        pair();
        processes[1].ppid = 11;
        expect_parent(false);
        pair();
        processes[1].is_self = true;
        expect_parent(false);
}
END_TEST

/* python that starts another python, sshd that serves a forwarded port. */
START_TEST(parent_that_does_other_things)
{
        pair();
        processes[0].cmdline = words("web\0-y");
        expect_parent(false);
        pair();
        processes[0].cmdline_bytes = 4;
        expect_parent(false);
        pair();
        processes[0].cmdline_bytes = processes[1].cmdline_bytes = 0;
        expect_parent(false);
        pair();
        processes[1].start_time_usec += 10 * SECOND;
        expect_parent(false);
}
END_TEST

START_TEST(known_pairs)
{
        static const char *const names[] = { "/usr/sbin/squid", "/usr/sbin/haproxy", "squid" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                pair();
                processes[0].exe = processes[1].exe = words(names[i]);
                processes[0].cmdline = words("(squid-1)");
                processes[1].start_time_usec += 3600 * SECOND;
                expect_parent(true);
        }
}
END_TEST

/* A second holder of the same socket that is no descendant of the first. */
START_TEST(not_alone)
{
        CHILD_OF_INIT(10);
        PROCESS(11, 10);
        CHILD_OF_INIT(30);
        HOLD(11, 30);
        expect_parent(false);
}
END_TEST

/* ------------------------------------------------------ out of sight */

/* A worker whose master is root's: what that holds, the asker cannot see. */
static void expect_unseen(const char *comm, const char *parent, bool unseen)
{
        static char *comms[2];

        comms[0] = words(parent);
        processes[0].comm = words(comm);
        processes[0].ancestor_comms = comms;
        processes[0].led_unseen = false;
        look();
        ck_assert_int_eq(processes[0].led_unseen, unseen);
}

START_TEST(master_out_of_sight)
{
        PROCESS(11, 10);
        HOLD(11, 0);
        expect_unseen("nginx", "nginx", false); /* all were seen: it holds nothing */
        complete = false;
        expect_unseen("nginx", "nginx", true);
        expect_unseen("nginx", "bash", false);
        expect_unseen("nginx", NULL, false);
        expect_unseen(NULL, "nginx", false);
        expect_unseen("sshd", "sshd", false);
        expect_unseen("python3", "python3", false);
        expect_unseen("sshd-session", "sshd-session", false);
        processes[0].ppid = 1;
        expect_unseen("nginx", "nginx", false);
        processes[0].ppid = 10;
        processes[0].n_ancestors = 0;
        expect_unseen("nginx", "nginx", false);
        processes[0].n_ancestors = 2;
        processes[0].ancestor_comms = NULL;
        look();
        ck_assert(!processes[0].led_unseen);
        CHILD_OF_INIT(10);
        processes[1].exe = NULL;
        expect_unseen("nginx", "nginx", false); /* it is in sight */
        HOLD(10, 11);
        expect_unseen("nginx", "nginx", false); /* ... and leads */
        processes[0].holds = false;
}
END_TEST

/* ------------------------------------------------------ little and much */

START_TEST(nothing_to_find)
{
        look();
        CHILD_OF_INIT(10);
        PROCESS(11, 10);
        look();
        HOLD(10, 11);
        conflicts[0].socket.inode = 0; /* no process has it: the processes are its listener's */
        look();
        expect(0, 1, 0, 0);
        conflicts[0].n_holders = 0;
        conflicts[0].socket.inode = 7;
        look();
}
END_TEST

START_TEST(no_memory)
{
        CHILD_OF_INIT(10);
        PROCESS(11, 10);
        HOLD(10, 11);
        for (unsigned int at = 1;; at++) {
                int r;

                scarce_memory_begin(at, false);
                r = leader_find(conflicts, n_conflicts, processes, n_processes, complete);
                if (!scarce_memory_end()) {
                        ck_assert_int_eq(r, 0);
                        break;
                }
                ck_assert_int_eq(r, -ENOMEM);
        }
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("leader");
        TCase *tcase = tcase_create("all");

        tcase_add_checked_fixture(tcase, setup, NULL);
        tcase_add_test(tcase, master_and_workers);
        tcase_add_test(tcase, not_the_next_of_kin);
        tcase_add_test(tcase, orphans);
        tcase_add_test(tcase, two_programs);
        tcase_add_test(tcase, another_socket);
        tcase_add_test(tcase, its_own_connection);
        tcase_add_test(tcase, master_of_a_master);
        tcase_add_test(tcase, who_never_leads);
        tcase_add_test(tcase, in_a_circle);
        tcase_add_test(tcase, parent_of_a_lone_holder);
        tcase_add_test(tcase, parent_that_does_other_things);
        tcase_add_test(tcase, known_pairs);
        tcase_add_test(tcase, not_alone);
        tcase_add_test(tcase, master_out_of_sight);
        tcase_add_test(tcase, nothing_to_find);
        tcase_add_test(tcase, no_memory);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
