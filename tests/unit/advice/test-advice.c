/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* advice.c: what is recommended, in which order, and whether it is enough. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fixture/advice-fixture.h"
#include "fixture/run-suite.h"

START_TEST(nothing_to_do)
{
        ask();
        ck_assert_uint_eq(n_actions, 1);
        expect(AIU_ACTION_NONE, YES);
}
END_TEST

START_TEST(listener_is_ended)
{
        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        ask();
        ck_assert_int_eq(actions[0].kind, AIU_ACTION_TERMINATE);
        expect(AIU_ACTION_TERMINATE, YES);
        ck_assert_uint_eq(actions[0].n_processes, 1);
        ck_assert_uint_eq(actions[0].flags, AIU_ACTION_DISRUPTIVE);
        ck_assert_ptr_null(find(AIU_ACTION_KILL));
        ck_assert_ptr_null(find(AIU_ACTION_SET_REUSEADDR)); /* never against a listener */
}
END_TEST

START_TEST(sigterm_ignored)
{
        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        processes[0].sigterm_ignored = YES;
        ask();
        ck_assert_ptr_null(find(AIU_ACTION_TERMINATE));
        expect(AIU_ACTION_KILL, YES);
        expect_text(AIU_ACTION_KILL, "It ignores SIGTERM");
        ck_assert_uint_eq(actions[0].flags, AIU_ACTION_DISRUPTIVE | AIU_ACTION_LAST_RESORT);
}
END_TEST

/* What it does then is not known; SIGKILL would be certain, and comes last all the same. */
START_TEST(sigterm_caught)
{
        static const tristate caught[] = { YES, UNKNOWN };

        for (size_t i = 0; i < 2; i++) {
                setup();
                hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
                processes[0].sigterm_caught = caught[i];
                ask();
                ck_assert_int_eq(actions[0].kind, AIU_ACTION_TERMINATE);
                expect(AIU_ACTION_TERMINATE, UNKNOWN);
                expect_text(AIU_ACTION_TERMINATE, "look again after 10 s");
                ck_assert_int_eq(actions[1].kind, AIU_ACTION_KILL);
                expect(AIU_ACTION_KILL, YES);
                expect_text(AIU_ACTION_KILL, "not written yet is lost");
                ck_assert(actions[1].flags & AIU_ACTION_LAST_RESORT);
                teardown();
        }
}
END_TEST

/* One hears SIGTERM, the other ignores it: each gets what acts on it, and neither is enough alone. */
START_TEST(one_ignores_it)
{
        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 101);
        processes[0].sigterm_caught = YES;
        processes[1].sigterm_ignored = YES;
        ask();
        expect(AIU_ACTION_TERMINATE, NO);
        expect_command(AIU_ACTION_TERMINATE, "kill -TERM 100");
        expect(AIU_ACTION_KILL, NO);
        expect_command(AIU_ACTION_KILL, "kill -KILL 101");
        ck_assert(find(AIU_ACTION_TERMINATE) < find(AIU_ACTION_KILL));
}
END_TEST

/* ------------------------------------------------------ masters and workers */

/* Process i is a worker of process 0. */
static void lead(size_t i)
{
        processes[i].leading = &processes[0];
        processes[0].leads = true;
}

static void master_with_workers(size_t n)
{
        for (size_t i = 0; i <= n; i++) {
                hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 100 + (pid_t)i);
                processes[i].sigterm_caught = YES;
        }
        for (size_t i = 1; i <= n; i++)
                lead(i);
}

/* The master takes them along; SIGKILL would leave them there, with the port. */
START_TEST(master_alone)
{
        master_with_workers(3);
        ask();
        ck_assert_int_eq(actions[0].kind, AIU_ACTION_TERMINATE);
        expect(AIU_ACTION_TERMINATE, UNKNOWN);
        expect_command(AIU_ACTION_TERMINATE, "kill -TERM 100");
        expect_text(AIU_ACTION_TERMINATE, "and its 1 worker"); /* of one socket, here */
        ck_assert_ptr_null(find(AIU_ACTION_KILL));
}
END_TEST

/* php -S: SIGTERM ends the master, and the workers go on. */
START_TEST(master_without_a_handler)
{
        master_with_workers(2);
        processes[0].sigterm_caught = NO;
        ask();
        expect_command(AIU_ACTION_TERMINATE, "kill -TERM 100 101 102");
        expect(AIU_ACTION_TERMINATE, YES);
        ck_assert_ptr_null(find(AIU_ACTION_KILL));
}
END_TEST

/* It cannot act on SIGTERM: then all of them, and first the one that would replace the others. */
START_TEST(deaf_master)
{
        for (int i = 0; i < 2; i++) {
                setup();
                master_with_workers(2);
                if (i == 0)
                        processes[0].sigterm_ignored = YES;
                else
                        processes[0].flags = AIU_HOLDER_STOPPED;
                ask();
                ck_assert_ptr_null(find(AIU_ACTION_TERMINATE));
                expect_command(AIU_ACTION_KILL, "kill -KILL 100 101 102");
                teardown();
        }
        setup();
        master_with_workers(1);
        processes[1].sigterm_ignored = YES; /* uvicorn's tracker: that is the master's affair */
        ask();
        expect_command(AIU_ACTION_TERMINATE, "kill -TERM 100");
}
END_TEST

/* A master that holds nothing itself. */
START_TEST(parent_is_the_master)
{
        struct process master = { .pid = 90, .uid = 0, .sigterm_caught = YES, .parent_returns = NO, .leads = true };

        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        processes[0].leading = &master;
        ask();
        expect_command(AIU_ACTION_TERMINATE, "kill -TERM 90");
        expect_text(AIU_ACTION_TERMINATE, "pid (90) and its 1 worker");
        ck_assert(actions[0].flags & AIU_ACTION_NEEDS_ROOT);
        ck_assert_ptr_null(find(AIU_ACTION_KILL));
}
END_TEST

/* Of a worker whose master is out of sight nothing is asked: to look closer comes first anyway. */
START_TEST(master_is_not_seen)
{
        for (int i = 0; i < 2; i++) {
                setup();
                hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
                processes[0].led_unseen = true;
                processes[0].sigterm_ignored = tri(i == 1);
                holders_complete = false;
                ask();
                ck_assert_int_eq(actions[0].kind, AIU_ACTION_LOOK_CLOSER);
                ck_assert_ptr_null(find(AIU_ACTION_TERMINATE));
                ck_assert_ptr_null(find(AIU_ACTION_KILL));
                teardown();
        }
}
END_TEST

/* Another program beside a master: SIGKILL for that one only, and it is not enough. */
START_TEST(master_and_another)
{
        master_with_workers(1);
        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 300);
        processes[2].sigterm_caught = YES;
        ask();
        expect_command(AIU_ACTION_TERMINATE, "kill -TERM 100 300");
        expect_command(AIU_ACTION_KILL, "kill -KILL 300");
        expect(AIU_ACTION_KILL, NO);
}
END_TEST

START_TEST(parent_may_start_it_again)
{
        static pid_t parents[] = { 50, 1 };
        static char *comms[] = { NULL, NULL };

        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        processes[0].parent_returns = UNKNOWN;
        ask();
        expect(AIU_ACTION_TERMINATE, UNKNOWN);
        expect_text(AIU_ACTION_TERMINATE, "Its parent may start it again");
        teardown();
        processes[0].ancestor_pids = parents;
        processes[0].n_ancestors = 2;
        ask();
        expect_text(AIU_ACTION_TERMINATE, "Its parent may start it again");
        teardown();
        processes[0].ancestor_comms = comms;
        ask();
        expect_text(AIU_ACTION_TERMINATE, "Its parent may start it again");
        teardown();
        comms[0] = words("loop.sh");
        ask();
        expect_text(AIU_ACTION_TERMINATE, "Its parent, loop.sh (50), may start it again");
        teardown();
        processes[0].flags = AIU_HOLDER_ORPHAN;
        ask();
        expect_text(AIU_ACTION_TERMINATE, ". loop.sh (50) may start it again");
        teardown();
        processes[0].flags = 0;
        processes[0].sigterm_ignored = YES;
        ask();
        expect(AIU_ACTION_KILL, UNKNOWN);
        teardown();
        holders_complete = false;
        hold(table_time_wait("127.0.0.1"), 0);
        processes[0].sigterm_ignored = NO;
        ask();
        expect(AIU_ACTION_TERMINATE, NO); /* and no parent changes that */
        ck_assert(!(find(AIU_ACTION_TERMINATE)->remarks & REMARK_PARENT));
}
END_TEST

START_TEST(parent_of_several)
{
        static pid_t parents[] = { 50, 1 };
        static char *comms[2];

        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 101);
        comms[0] = words("loop.sh");
        processes[0].parent_returns = UNKNOWN;
        processes[0].ancestor_pids = parents;
        processes[0].ancestor_comms = comms;
        processes[0].n_ancestors = 2;
        processes[0].sigterm_caught = YES;
        ask();
        expect_text(AIU_ACTION_TERMINATE,
                    ". The parent of the first, loop.sh (50), may start them again. They may take a while");
}
END_TEST

/* ------------------------------------------------------ a daemon's own word */

static const struct aiu_action *word(void)
{
        for (size_t i = 0; i < n_actions; i++)
                if (actions[i].kind == AIU_ACTION_TERMINATE && actions[i].signal != SIGNAL_TERM)
                        return &actions[i];
        return NULL;
}

static void a_daemon(const char *exe)
{
        setup();
        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        processes[0].sigterm_caught = YES;
        processes[0].exe = words(exe);
}

START_TEST(own_words)
{
        static const struct {
                const char *exe, *option, *text;
        } rows[] = {
                { "/usr/sbin/nginx", "-QUIT", "gracefully: it answers the requests in progress" },
                { "/usr/sbin/apache2", "-WINCH", "gracefully: it answers the requests in progress" },
                { "/usr/sbin/httpd", "-WINCH", "gracefully: it answers the requests in progress" },
                { "/opt/haproxy/sbin/haproxy", "-USR1", "gracefully: it answers the requests in progress" },
                { "/sbin/squid", "-INT", "does not wait for its clients" },
                { "/usr/lib/postgresql/15/bin/postgres", "-INT", "does not wait for its clients" },
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                a_daemon(rows[i].exe);
                processes[0].leads = true;
                processes[0].sigterm_caught = i % 2 ? NO : YES;
                ask();
                /* SIGTERM cuts requests, the graceful signal does not; the fast one cuts even more. */
                bool graceful = signal_is_graceful(actions[0].signal);

                ck_assert_ptr_nonnull(word());
                ck_assert_ptr_eq(word(), &actions[graceful ? 0 : 1]);
                ck_assert_int_eq(actions[graceful ? 1 : 0].signal, SIGNAL_TERM);
                ck_assert_int_eq(graceful, strstr(rows[i].text, "gracefully") != NULL);
                ck_assert_str_eq(word()->argv[1], rows[i].option);
                ck_assert_str_eq(word()->argv[2], "100");
                ck_assert_msg(strstr(word()->text, rows[i].text), "%s", word()->text);
                ck_assert_int_eq(word()->sufficient, UNKNOWN);
                teardown();
        }
}
END_TEST

/* A graceful end lets the connections live that are in the way. */
START_TEST(no_graceful_word)
{
        setup();
        hold(table_socket("127.0.0.1", AIU_STATE_ESTABLISHED), 100);
        processes[0].exe = words("/usr/sbin/nginx");
        ask();
        ck_assert_ptr_null(word());
        teardown();
}
END_TEST

/* A name that a user chose, an unknown program, more than one process, an orphan. */
START_TEST(no_word)
{
        static const char *const exes[] = { NULL, "nginx", "/home/eve/nginx", "/tmp/usr/nginx",
                                            "/usr/bin/redis-server" };

        for (size_t i = 0; i < sizeof(exes) / sizeof(exes[0]); i++) {
                a_daemon(exes[i]);
                ask();
                ck_assert_ptr_null(word());
                teardown();
        }
        a_daemon("/usr/sbin/apache2"); /* a worker whose master was killed */
        ask();
        ck_assert_ptr_null(word());
        teardown();
        processes[0].leads = true;
        ask();
        ck_assert_ptr_nonnull(word());
        teardown();
        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 101);
        ask();
        ck_assert_ptr_null(word());
        teardown();
        a_daemon("/usr/sbin/nginx");
        processes[0].sigterm_ignored = YES;
        ask();
        ck_assert_ptr_null(word());
}
END_TEST

/* postgres with clients: SIGTERM to all, and the master's own word takes its children along. */
START_TEST(word_to_the_master_of_clients)
{
        static const struct {
                size_t master;
                pid_t ppid;
                const char *exe, *its_exe;
                bool given;
        } rows[] = {
                { 0, 100, "/usr/bin/postgres", "/usr/bin/postgres", true },
                { 1, 101, "/usr/bin/postgres", "/usr/bin/postgres", true },
                { 0, 1, "/usr/bin/postgres", "/usr/bin/postgres", false },
                { 0, 100, "/usr/bin/postgres", "/usr/bin/psql", false },
                { 0, 100, "/usr/bin/postgres", NULL, false },
                { 0, 100, NULL, "/usr/bin/postgres", false },
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                size_t m = rows[i].master, child = 1 - m;

                a_daemon("/usr/bin/postgres");
                hold(table_socket("127.0.0.1", AIU_STATE_ESTABLISHED), 101);
                processes[1].sigterm_caught = YES;
                processes[m].exe = words(rows[i].exe);
                processes[m].ppid = 1;
                processes[child].exe = words(rows[i].its_exe);
                processes[child].ppid = rows[i].ppid;
                ask();
                expect_command(AIU_ACTION_TERMINATE, "kill -TERM 100 101");
                ck_assert_int_eq(word() != NULL, rows[i].given);
                if (word())
                        ck_assert_str_eq(word()->argv[2], m ? "101" : "100");
                teardown();
        }
}
END_TEST

/* A user who follows the first line may lose the session, or the host's bus. */
START_TEST(vital_processes)
{
        static const char *const names[] = { "dbus-daemon", "dbus-broker", "systemd-logind", "init" };

        for (size_t i = 0; i <= sizeof(names) / sizeof(names[0]); i++) {
                setup();
                hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
                if (i < sizeof(names) / sizeof(names[0]))
                        processes[0].comm = words(names[i]);
                else
                        holders[0].flags = AIU_HOLDER_ANCESTOR;
                ask();
                expect(AIU_ACTION_TERMINATE, UNKNOWN);
                expect_text(AIU_ACTION_TERMINATE, "may depend on it");
                ck_assert(find(AIU_ACTION_TERMINATE)->flags & AIU_ACTION_VITAL);
                teardown();
        }
        processes[0].comm = words("web");
        holders[0].flags = 0;
        ask();
        expect(AIU_ACTION_TERMINATE, YES);
        ck_assert(!(find(AIU_ACTION_TERMINATE)->flags & AIU_ACTION_VITAL));
}
END_TEST

static const struct {
        const char *unit;
        bool vital;
} vital_units[] = {
        { "dbus.service", true }, { "systemd-journald.socket", true }, { "user@1000.service", true },
        { "web.service", false }, { "session.service", false },        { "dbus.services.service", false },
        { "init.scope", true },
};

START_TEST(vital_unit)
{
        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        manage(0, AIU_MANAGER_SYSTEMD, vital_units[_i].unit, NULL);
        ask();
        ck_assert(!(find(AIU_ACTION_STOP_UNIT)->flags & AIU_ACTION_VITAL) == !vital_units[_i].vital);
}
END_TEST

static void expect_order(const enum aiu_action_kind *kinds, size_t n)
{
        for (size_t i = 0; i < n; i++)
                ck_assert_msg(i < n_actions && actions[i].kind == kinds[i], "%zu: %s instead of %s", i,
                              i < n_actions ? aiu_action_kind_to_string(actions[i].kind) : "nothing",
                              aiu_action_kind_to_string(kinds[i]));
        ck_assert_uint_eq(n_actions, n);
}

/* By harm, then what leaves the address alone, then what a programmer has to change. */
START_TEST(order_of_harm)
{
        static const enum aiu_action_kind kinds[] = {
                AIU_ACTION_STOP_UNIT,   AIU_ACTION_TERMINATE,  AIU_ACTION_KILL,
                AIU_ACTION_LOOK_CLOSER, AIU_ACTION_OTHER_PORT, AIU_ACTION_SET_V6ONLY,
        };

        q = table_request("::");
        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        manage(0, AIU_MANAGER_SYSTEMD, "x.service", NULL);
        managers[0].will_return = NO;
        processes[0].sigterm_caught = YES;
        holders_complete = false;
        ask();
        expect_order(kinds, sizeof(kinds) / sizeof(kinds[0]));
        ck_assert_int_eq(actions[0].sufficient, UNKNOWN);
}
END_TEST

/* That a second process has the socket is the lesser doubt; one without any process in sight is the greater. */
START_TEST(looking_closer)
{
        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        holders_complete = false;
        ask();
        ck_assert_int_eq(actions[0].kind, AIU_ACTION_TERMINATE);
        expect(AIU_ACTION_LOOK_CLOSER, NO);
        teardown();
        setup();
        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        hold(table_socket("0.0.0.0", AIU_STATE_LISTEN), 0);
        holders_complete = false;
        ask();
        ck_assert_int_eq(actions[0].kind, AIU_ACTION_LOOK_CLOSER);
        expect(AIU_ACTION_LOOK_CLOSER, UNKNOWN);
}
END_TEST

/* mDNS, SSDP: all who listen to the group set it. Of other sockets it would take the datagrams away. */
START_TEST(datagrams_of_a_group)
{
        static const struct {
                const char *asked, *held;
                bool shared;
        } rows[] = { { "224.0.0.251", "0.0.0.0", true },
                     { "0.0.0.0", "239.255.255.250", true },
                     { "224.0.0.251", "224.0.0.251", true },
                     { "0.0.0.0", "127.0.0.1", false } };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct socket s = table_socket(rows[i].held, AIU_STATE_BOUND);

                teardown();
                setup();
                q = table_request(rows[i].asked);
                q.type = s.type = SOCK_DGRAM;
                s.protocol = IPPROTO_UDP;
                q.listen = false;
                s.reuseaddr = YES;
                hold(s, 100);
                ask();
                if (rows[i].shared)
                        expect(AIU_ACTION_SET_REUSEADDR, YES);
                else
                        ck_assert_ptr_null(find(AIU_ACTION_SET_REUSEADDR));
        }
}
END_TEST

/* What is not enough alone ends its group, but does not leave it; the host is changed last. */
START_TEST(insufficient_ends_its_group)
{
        static char reserved[] = "";
        static const enum aiu_action_kind kinds[] = {
                AIU_ACTION_TERMINATE,     AIU_ACTION_STOP_UNIT,     AIU_ACTION_OTHER_PORT,
                AIU_ACTION_OTHER_ADDRESS, AIU_ACTION_SET_REUSEADDR, AIU_ACTION_RESERVE_PORT,
        };

        q.address = table_address("127.0.0.1", 40000);
        for (size_t i = 0; i < 2; i++) {
                hold(table_socket("127.0.0.1", AIU_STATE_ESTABLISHED), 100 + (pid_t)i);
                sockets[i].local = q.address;
                sockets[i].peer = table_address("127.0.0.1", 443);
        }
        manage(0, AIU_MANAGER_SYSTEMD, "x.service", NULL);
        managers[0].will_return = NO;
        host.reserved_ports = reserved;
        ask();
        expect(AIU_ACTION_STOP_UNIT, NO);
        expect_order(kinds, sizeof(kinds) / sizeof(kinds[0]));
        ck_assert(find(AIU_ACTION_RESERVE_PORT)->flags & AIU_ACTION_HOST_WIDE);
}
END_TEST

START_TEST(stopped)
{
        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        holders[0].flags = AIU_HOLDER_STOPPED;
        ask();
        ck_assert_ptr_null(find(AIU_ACTION_TERMINATE));
        expect(AIU_ACTION_KILL, YES);
        expect_text(AIU_ACTION_KILL, "It is stopped");
        teardown();
        processes[0].sigterm_caught = YES;
        ask();
        ck_assert_ptr_null(find(AIU_ACTION_TERMINATE));
}
END_TEST

/* A connection may outlive its process as TIME_WAIT: ending it is not certain to help. */
START_TEST(connection_lingers)
{
        hold(table_socket("127.0.0.1", AIU_STATE_ESTABLISHED), 100);
        ask();
        expect(AIU_ACTION_TERMINATE, UNKNOWN);
        ck_assert(find(AIU_ACTION_TERMINATE)->remarks & REMARK_LINGERS);
}
END_TEST

/* ... but not where both sides have SO_REUSEADDR: what is left carries it. */
START_TEST(connection_with_reuseaddr)
{
        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        hold(table_socket("127.0.0.1", AIU_STATE_ESTABLISHED), 100);
        sockets[0].reuseaddr = sockets[1].reuseaddr = YES;
        q.reuseaddr = true;
        ask();
        expect(AIU_ACTION_TERMINATE, YES);
}
END_TEST

START_TEST(time_wait)
{
        hold(table_time_wait("127.0.0.1"), 0);
        ask();
        ck_assert_int_eq(actions[0].kind, AIU_ACTION_WAIT);
        expect(AIU_ACTION_WAIT, YES);
        ck_assert_uint_eq(actions[0].wait_usec, 30000000);
        expect(AIU_ACTION_SET_REUSEADDR, UNKNOWN); /* the value of its listener cannot be read */
        sockets[0].reuseaddr = NO;
        teardown();
        ask();
        ck_assert_ptr_null(find(AIU_ACTION_SET_REUSEADDR));
}
END_TEST

START_TEST(ended_but_time_wait_stays)
{
        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        hold(table_time_wait("127.0.0.1"), 0);
        ask();
        expect(AIU_ACTION_TERMINATE, NO);
        ck_assert(find(AIU_ACTION_TERMINATE)->remarks & REMARK_OTHERS);
}
END_TEST

/* CLOSE_WAIT: the peer's answer is all that is waited for; on this host it comes at once. */
START_TEST(closed_by_its_peer)
{
        static const struct {
                const char *local, *peer;
                bool here;
        } rows[] = { { "127.0.0.1", "127.0.0.9", true },      { "::1", "::1", true },
                     { "192.0.2.1", "192.0.2.1", true },      { "::ffff:192.0.2.1", "::ffff:192.0.2.1", true },
                     { "2001:db8::1", "2001:db8::2", false }, { "192.0.2.1", NULL, false },
                     { "192.0.2.1", "198.51.100.7", false } };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct socket s = table_socket(rows[i].local, AIU_STATE_CLOSE_WAIT);

                teardown();
                setup();
                q = table_request(rows[i].local);
                if (rows[i].peer)
                        s.peer = table_address(rows[i].peer, 5000);
                hold(s, 100);
                ask();
                expect(AIU_ACTION_TERMINATE, rows[i].here ? YES : UNKNOWN);
                ck_assert(!(find(AIU_ACTION_TERMINATE)->remarks & REMARK_LAST_ACK) == rows[i].here);
                ck_assert(!(find(AIU_ACTION_TERMINATE)->remarks & REMARK_LINGERS));
        }
}
END_TEST

START_TEST(not_all_holders_seen)
{
        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        holders_complete = false;
        ask();
        expect(AIU_ACTION_TERMINATE, UNKNOWN);
        ck_assert(find(AIU_ACTION_LOOK_CLOSER)->flags & AIU_ACTION_NEEDS_ROOT);
}
END_TEST

static void ask_hidden(const char *command)
{
        struct socket socket = table_socket("127.0.0.1", q.type == SOCK_DGRAM ? AIU_STATE_BOUND : AIU_STATE_LISTEN);

        socket.type = (uint8_t)q.type;
        socket.protocol = q.type == SOCK_DGRAM ? IPPROTO_UDP : IPPROTO_TCP;
        hold(socket, 0);
        holders_complete = false;
        ask();
        ck_assert_int_eq(actions[0].kind, AIU_ACTION_LOOK_CLOSER);
        expect_command(AIU_ACTION_LOOK_CLOSER, command);
        teardown();
        setup();
}

/* The same question as root, for a user who is not. */
START_TEST(same_question_as_root)
{
        ask_hidden("sudo addrinuse 127.0.0.1:80 --reuseaddr=no");
        q.reuseaddr = q.reuseport = q.v6only = true;
        memcpy(q.device, "eth0", 5);
        ask_hidden("sudo addrinuse 127.0.0.1:80 --reuseport --uid=1000 --v6only --device=eth0");
        q.uid = 0;
        q.reuseport = q.freebind = true;
        ask_hidden("sudo addrinuse 127.0.0.1:80 --reuseaddr=no --reuseport --freebind");
        q.type = SOCK_DGRAM;
        q.protocol = IPPROTO_UDP;
        q.reuseaddr = true;
        ask_hidden("sudo addrinuse 127.0.0.1:80/udp --reuseaddr");
        q.type = SOCK_DGRAM;
        q.protocol = IPPROTO_UDP;
        ask_hidden("sudo addrinuse 127.0.0.1:80/udp");
        host.other_netns = true;
        ask_hidden(NULL);
        asker = 0;
        ask_hidden(NULL);
}
END_TEST

START_TEST(foreign_process_needs_root)
{
        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        holders[0].uid = 0;
        processes[0].uid = 0;
        ask();
        ck_assert(actions[0].flags & AIU_ACTION_NEEDS_ROOT);
        teardown();
        /* Root is not told to become root. */
        asker = 0;
        ask();
        ck_assert(!(actions[0].flags & AIU_ACTION_NEEDS_ROOT));
}
END_TEST

START_TEST(own_descriptor)
{
        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        holders[0].kind = AIU_HOLDER_SELF;
        ask();
        ck_assert_int_eq(actions[0].kind, AIU_ACTION_FIX_CALLER);
        expect(AIU_ACTION_FIX_CALLER, YES);
        ck_assert_ptr_null(find(AIU_ACTION_TERMINATE)); /* no process is advised to kill itself */
}
END_TEST

/* pid 1 is never ended, whatever it holds. */
START_TEST(init_is_spared)
{
        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 1);
        manage(0, AIU_MANAGER_SYSTEMD, NULL, "x.socket");
        ask();
        expect(AIU_ACTION_STOP_UNIT, YES);
        ck_assert_ptr_null(find(AIU_ACTION_TERMINATE));
        ck_assert_ptr_null(find(AIU_ACTION_KILL));
}
END_TEST

/* Socket and service hold it both: stopping one alone frees nothing. */
START_TEST(socket_and_service)
{
        const struct aiu_action *stop;

        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        manage(0, AIU_MANAGER_SYSTEMD, "x.service", "x.socket");
        ask();
        ck_assert_int_eq(actions[0].kind, AIU_ACTION_STOP_UNIT);
        expect(AIU_ACTION_STOP_UNIT, YES);
        stop = find(AIU_ACTION_STOP_UNIT);
        ck_assert_uint_eq(stop->n_units, 2);
        ck_assert_str_eq(stop->units[0], "x.socket");
        ck_assert_str_eq(stop->units[1], "x.service");
        expect(AIU_ACTION_TERMINATE, NO); /* it comes back */
}
END_TEST

START_TEST(left_over_of_a_unit)
{
        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        manage(0, AIU_MANAGER_SYSTEMD, "x.service", NULL);
        managers[0].will_return = NO;
        managers[0].unit_state = words("inactive");
        holders[0].flags = AIU_HOLDER_UNIT_LEFTOVER;
        ask();
        expect(AIU_ACTION_KILL_UNIT_LEFTOVERS, YES);
        ck_assert_ptr_null(find(AIU_ACTION_STOP_UNIT));
}
END_TEST

/* A login is not stopped because of one of its processes. */
START_TEST(session_is_spared)
{
        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        manage(0, AIU_MANAGER_NONE, "session-3.scope", NULL);
        managers[0].will_return = NO;
        ask();
        ck_assert_ptr_null(find(AIU_ACTION_STOP_UNIT));
        expect(AIU_ACTION_TERMINATE, YES);
}
END_TEST

START_TEST(v6only_settles_dual_stack)
{
        q = table_request("::");
        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        ask();
        expect(AIU_ACTION_SET_V6ONLY, YES);
}
END_TEST

/* IPV6_V6ONLY of an IPv4 socket is nothing that could have been read: no advice hangs on it. */
START_TEST(v6only_where_not_all_were_looked_at)
{
        q = table_request("::");
        sockets_complete = false;
        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        sockets[0].v6only = UNKNOWN;
        ask();
        ck_assert_ptr_null(find(AIU_ACTION_SET_V6ONLY));
        teardown();

        setup();
        q = table_request("::");
        hold(table_socket("::1", AIU_STATE_LISTEN), 100);
        hold(table_socket("::", AIU_STATE_LISTEN), 100);
        sockets[1].v6only = UNKNOWN;
        ask();
        ck_assert_ptr_null(find(AIU_ACTION_SET_V6ONLY)); /* both would be in the way still */
}
END_TEST

START_TEST(other_loopback_address)
{
        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        hold(table_socket("127.0.0.2", AIU_STATE_LISTEN), 101);
        ask();
        expect(AIU_ACTION_OTHER_ADDRESS, YES);
        ck_assert_int_eq(actions[0].kind, AIU_ACTION_TERMINATE); /* to go elsewhere frees nothing */
        ck_assert_uint_eq(find(AIU_ACTION_OTHER_ADDRESS)->address.sa.in.sin_addr.s_addr, htonl(0x7f000003));
}
END_TEST

START_TEST(ephemeral_port)
{
        static char reserved[] = "1-2";

        q = table_request("127.0.0.1");
        q.address = table_address("127.0.0.1", 40000);
        hold(table_socket("127.0.0.1", AIU_STATE_ESTABLISHED), 100);
        sockets[0].local = q.address;
        sockets[0].peer = table_address("127.0.0.1", 443);
        host.reserved_ports = reserved;
        ask();
        expect(AIU_ACTION_RESERVE_PORT, NO); /* it does not end what is there */
}
END_TEST

START_TEST(privilege)
{
        host.privileged = NO;
        ask();
        expect(AIU_ACTION_GRANT_PRIVILEGE, YES);
        teardown();
        hold(table_socket("127.0.0.1", AIU_STATE_LISTEN), 100);
        ask();
        expect(AIU_ACTION_GRANT_PRIVILEGE, NO); /* EACCES hid EADDRINUSE */
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("advice");
        TCase *tcase = tcase_create("all");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, nothing_to_do);
        tcase_add_test(tcase, listener_is_ended);
        tcase_add_test(tcase, sigterm_ignored);
        tcase_add_test(tcase, sigterm_caught);
        tcase_add_test(tcase, stopped);
        tcase_add_test(tcase, one_ignores_it);
        tcase_add_test(tcase, master_alone);
        tcase_add_test(tcase, master_without_a_handler);
        tcase_add_test(tcase, deaf_master);
        tcase_add_test(tcase, parent_is_the_master);
        tcase_add_test(tcase, master_and_another);
        tcase_add_test(tcase, master_is_not_seen);
        tcase_add_test(tcase, parent_may_start_it_again);
        tcase_add_test(tcase, parent_of_several);
        tcase_add_test(tcase, own_words);
        tcase_add_test(tcase, no_word);
        tcase_add_test(tcase, no_graceful_word);
        tcase_add_test(tcase, word_to_the_master_of_clients);
        tcase_add_test(tcase, vital_processes);
        tcase_add_loop_test(tcase, vital_unit, 0, sizeof(vital_units) / sizeof(vital_units[0]));
        tcase_add_test(tcase, order_of_harm);
        tcase_add_test(tcase, looking_closer);
        tcase_add_test(tcase, datagrams_of_a_group);
        tcase_add_test(tcase, insufficient_ends_its_group);
        tcase_add_test(tcase, connection_lingers);
        tcase_add_test(tcase, connection_with_reuseaddr);
        tcase_add_test(tcase, time_wait);
        tcase_add_test(tcase, ended_but_time_wait_stays);
        tcase_add_test(tcase, closed_by_its_peer);
        tcase_add_test(tcase, not_all_holders_seen);
        tcase_add_test(tcase, same_question_as_root);
        tcase_add_test(tcase, foreign_process_needs_root);
        tcase_add_test(tcase, own_descriptor);
        tcase_add_test(tcase, init_is_spared);
        tcase_add_test(tcase, socket_and_service);
        tcase_add_test(tcase, left_over_of_a_unit);
        tcase_add_test(tcase, session_is_spared);
        tcase_add_test(tcase, v6only_settles_dual_stack);
        tcase_add_test(tcase, v6only_where_not_all_were_looked_at);
        tcase_add_test(tcase, other_loopback_address);
        tcase_add_test(tcase, ephemeral_port);
        tcase_add_test(tcase, privilege);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
