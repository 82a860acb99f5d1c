/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The whole conversation with a service manager that says what is written down here: which unit a socket
 * of pid 1 belongs to, whose descriptor store has it, what a user's manager says, who waits to be
 * started again. Each conversation is held again and again, with every single call into libsystemd
 * and every allocation failing in turn: nothing wrong is concluded then, and nothing is left open.
 * tests/rig talks to a real systemd.
 */
#include <check.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host-fixture.h"
#include "macro.h"
#include "run-suite.h"
#include "scarce-memory.h"
#include "scripted-systemd.h"
#include "sys.h"

#define INODE 77u

static struct aiu_manager_fact told;
static char all_told[65536];
static void (*scene)(void);
static unsigned int managers_asked;
static uint32_t flags;
static uint64_t deadline;

/* ------------------------------------------------------ what the other backends saw */

static void begin(void)
{
        enter_namespaces();
        ck_assert_int_eq(mount("none", "/run", "tmpfs", 0, NULL), 0);
        ck_assert_int_eq(mkdir("/run/systemd", 0755), 0);
        ck_assert_int_eq(mkdir("/run/systemd/system", 0755), 0);
        flags = 0;
        deadline = 0;
        managers_asked = 1;
}

static void socket_at(uint64_t inode, const char *ip, uint16_t port, unsigned int ifindex, uint64_t cgroup_id)
{
        struct aiu_socket_fact socket = {
                .size = sizeof(socket), .type = SOCK_STREAM, .protocol = IPPROTO_TCP, .state = AIU_STATE_LISTEN,
                .inode = inode, .cookie = inode, .ifindex = ifindex, .cgroup_id = cgroup_id,
        };

        set_ip(ip, port, SOCK_STREAM);
        socket.local = question.address;
        socket.local_len = question.address_len;
        ck_assert_int_eq(aiu_snapshot_add_socket(&snapshot, &socket), 0);
}

static void wanted(const uint64_t *inodes, size_t n)
{
        ck_assert_int_eq(snapshot_want_inodes(&snapshot, inodes, n), 0);
}

static void holds(pid_t pid, uint64_t inode, enum aiu_manager_kind kind, const char *unit, uid_t user)
{
        struct aiu_process_fact process = { .size = sizeof(process), .pid = pid, .comm = pid == 1 ? "systemd" : "d" };
        struct aiu_manager_fact fact = { .size = sizeof(fact), .pid = pid, .kind = kind, .unit = unit, .user = user };

        ck_assert_int_eq(aiu_snapshot_add_holder(&snapshot, inode, pid, 3), 0);
        ck_assert_int_eq(aiu_snapshot_add_process(&snapshot, &process), 0);
        ck_assert_int_eq(aiu_snapshot_add_manager(&snapshot, &fact), 0);
}

/* ------------------------------------------------------ asking */

static const char *or_dash(const char *text)
{
        return text ? text : "-";
}

/* All that is known of whom, in one text. */
static void tell(void)
{
        char *to = all_told;
        size_t room = sizeof(all_told);

        told = (struct aiu_manager_fact){ .size = sizeof(told) };
        *to = '\0';
        for (size_t i = 0; aiu_snapshot_get_manager(&snapshot, i, &told); i++) {
                int n = snprintf(to, room, "%d/%llu: %s, %s, %s, %s, %s, returns %d, flags %u, also %s, %s\n",
                                 (int)told.pid, (unsigned long long)told.inode, aiu_manager_kind_to_string(told.kind), or_dash(told.unit),
                                 or_dash(told.socket_unit), or_dash(told.unit_state), or_dash(told.unit_restart),
                                 (int)told.will_return, told.flags, or_dash(told.also_stop), or_dash(told.enabled));

                ck_assert(n > 0 && (size_t)n < room);
                to += n;
                room -= (size_t)n;
        }
}

static int ask_once(void)
{
        struct aiu_question q;
        int r;

        snapshot_finish(&snapshot);
        snapshot.backend = "sd-bus";
        scene();
        q = question;
        q.context_flags = flags;
        q.deadline_nsec = deadline ? sys_now_nsec() + deadline : 0;
        r = backend_sd_bus.managers(NULL, &q, &snapshot);
        ck_assert_uint_eq(scripted_connections, 0);
        tell();
        return r;
}

/* It is as it is; or something was not learned, that is said, and then nobody claims to know what
 * a stop would lead to. */
static void check_disturbed(int r, const char *truth, const char *what, unsigned int at)
{
        bool said = r < 0 || snapshot.gap_lost || snapshot.n_gaps > 0;

        if (strcmp(all_told, truth) == 0)
                return;
        ck_assert_msg(said, "%s %u: %s instead of %s", what, at, all_told, truth);
        /* After -ENOMEM there is no report. */
        ck_assert_msg(r == -ENOMEM || managers_asked > 1 || !strstr(all_told, ", active,"), "%s %u: %s", what, at, all_told);
}

/* The calls, then the allocations. What is not the whole truth is called so. */
static void ask_disturbed(const char *truth)
{
        unsigned int n;

        for (n = 1;; n++) {
                int r;

                scripted_systemd_fail(n);
                r = ask_once();
                if (!scripted_systemd_failed())
                        break;
                check_disturbed(r, truth, "call", n);
        }
        scripted_systemd_fail(0);
        ck_assert_uint_gt(n, 5);
        for (unsigned int at = 1;; at++) {
                bool failed;
                int r;

                snapshot_finish(&snapshot);
                scene();
                snapshot.backend = "sd-bus";
                scarce_memory_begin(at, false);
                r = backend_sd_bus.managers(NULL, &question, &snapshot);
                failed = scarce_memory_end();
                ck_assert_uint_eq(scripted_connections, 0);
                tell();
                if (!failed)
                        return;
                check_disturbed(r, truth, "allocation", at);
        }
}

static void converse(const struct scripted_unit *units, void (*what)(void))
{
        char truth[sizeof(all_told)];

        scene = what;
        scripted_systemd(units);
        ck_assert_int_ge(ask_once(), 0);
        memcpy(truth, all_told, sizeof(truth));
        ask_disturbed(truth);
        ck_assert_int_ge(ask_once(), 0);
        ck_assert_str_eq(all_told, truth);
}

/* ------------------------------------------------------ sockets that pid 1 keeps */

static void kept_by_pid_1(void)
{
        uint64_t inode = INODE;

        socket_at(INODE, "127.0.0.1", 80, 0, 0);
        wanted(&inode, 1);
        holds(1, INODE, AIU_MANAGER_SYSTEMD, NULL, 0);
}

START_TEST(unit_of_a_kept_socket)
{
        static const struct scripted_unit units[] = {
                { "wide.socket", "ActiveState=active\nListen=Stream 0.0.0.0:80\nTriggers=wide.service\nAccept=no\n" },
                { "a.socket", "ActiveState=active\nListen=Stream 127.0.0.1:80\nTriggers=a.service\nAccept=no\n"
                              "UnitFileState=enabled\nCanStop=yes\nRemoveOnStop=no\n" },
                { "down.socket", "ActiveState=inactive\nListen=Stream 127.0.0.1:80\n" },
                { "far.socket", "ActiveState=active\nListen=Stream 127.0.0.2:80;FIFO /x;Datagram 127.0.0.1:80\n" },
                { "a.service", "ActiveState=active\nTriggeredBy=a.socket a.timer gone.timer\nUpheldBy=up.service\n"
                               "Restart=always\nNRestarts=2\nKillMode=mixed\nMainPID=0\nCanStop=yes\n" },
                { "a.timer", "ActiveState=active\n" },
                { "up.service", "ActiveState=active\n" },
                { NULL, NULL },
        };

        converse(units, kept_by_pid_1);
        ck_assert_str_eq(told.socket_unit, "a.socket");
        ck_assert_str_eq(told.unit, "a.service");
        ck_assert_str_eq(told.also_stop, "a.socket a.timer up.service");
        ck_assert_str_eq(told.enabled, "enabled");
        ck_assert_int_eq(told.will_return, AIU_TRISTATE_YES);
}
END_TEST

START_TEST(instances_of_a_kept_socket)
{
        static const struct scripted_unit units[] = {
                { "a.socket", "ActiveState=active\nListen=Stream 127.0.0.1:80\nAccept=yes\nSocketProtocol=6\n"
                              "Triggers=a@0.service a@1.service\n" },
                { "other.socket", "ActiveState=active\nListen=Stream 127.0.0.1:80\nSocketProtocol=132\n" },
                { NULL, NULL },
        };

        converse(units, kept_by_pid_1);
        ck_assert_str_eq(told.socket_unit, "a.socket");
        ck_assert_ptr_null(told.unit);
}
END_TEST

static void kept_on_a_device(void)
{
        uint64_t inode = INODE;

        socket_at(INODE, "127.0.0.1", 80, if_nametoindex("lo"), 0);
        wanted(&inode, 1);
        holds(1, INODE, AIU_MANAGER_SYSTEMD, NULL, 0);
}

START_TEST(kept_socket_with_a_device)
{
        static const struct scripted_unit units[] = {
                { "a.socket", "ActiveState=active\nListen=Stream 127.0.0.1:80\n" },
                { "b.socket", "ActiveState=active\nListen=Stream 127.0.0.1:80\nBindToDevice=no-such-device\n" },
                { "c.socket", "ActiveState=active\nListen=Stream 127.0.0.1:80\nBindToDevice=lo\n" },
                { "d.socket", "ActiveState=active\nListen=Stream 127.0.0.1:80\nBindToDevice=a-name-that-is-too-long\n" },
                { NULL, NULL },
        };

        converse(units, kept_on_a_device);
        ck_assert_str_eq(told.socket_unit, "c.socket");
        converse(units, kept_by_pid_1);
        ck_assert_str_eq(told.socket_unit, "a.socket");
}
END_TEST

static void connection(uint64_t inode)
{
        struct aiu_socket_fact socket = {
                .size = sizeof(socket), .type = SOCK_STREAM, .protocol = IPPROTO_TCP, .state = AIU_STATE_ESTABLISHED,
                .inode = inode, .cookie = inode,
        };

        set_ip("127.0.0.1", 80, SOCK_STREAM);
        socket.local = question.address;
        socket.local_len = question.address_len;
        ck_assert_int_eq(aiu_snapshot_add_socket(&snapshot, &socket), 0);
}

/* A connection that nobody in sight has is one of the instances'; another one somebody has. */
static void kept_with_connections(void)
{
        const uint64_t inodes[] = { INODE, INODE + 1, INODE + 2 };

        connection(INODE + 1);
        connection(INODE + 2);
        connection(INODE + 3);
        connection(0);
        kept_by_pid_1();
        wanted(inodes, 3);
        ck_assert_int_eq(aiu_snapshot_add_holder(&snapshot, INODE + 1, 9, 3), 0);
}

START_TEST(instances_with_connections)
{
        static const struct scripted_unit units[] = {
                { "a.socket", "ActiveState=active\nListen=Stream 127.0.0.1:80\nAccept=yes\n"
                              "Triggers=a@0.service a@1.service\n" },
                { "a@0.service", "ActiveState=active\n" },
                { NULL, NULL },
        };

        managers_asked = 2;     /* what is told of one socket says nothing of the other */
        converse(units, kept_with_connections);
        ck_assert_ptr_nonnull(strstr(all_told, "a@0.service a@1.service"));
}
END_TEST

START_TEST(service_behind_a_socket_refuses)
{
        static const struct scripted_unit units[] = {
                { "a.socket", "ActiveState=active\nListen=Stream 127.0.0.1:80\nTriggers=a.service\nAccept=no\n"
                              "UnitFileState=disabled\nCanStop=yes\n" },
                { "a.service", "ActiveState=reloading\nCanStop=no\nRestart=\nNRestarts=3\nUnitFileState=\n" },
                { NULL, NULL },
        };

        converse(units, kept_by_pid_1);
        ck_assert_str_eq(told.unit, "a.service");
        ck_assert_uint_eq(told.flags, AIU_HOLDER_UNIT_SPARED);
        ck_assert_str_eq(told.enabled, "disabled");
        ck_assert_ptr_null(told.unit_restart);
        ck_assert(have_gap(AIU_GAP_UNKNOWN, "a.service refuses"));
}
END_TEST

/* The cgroup and the .socket unit may both be known: who serves it is then, too. */
static void kept_in_a_unit(void)
{
        struct aiu_manager_fact fact = { .size = sizeof(fact), .pid = 1, .inode = INODE, .kind = AIU_MANAGER_SYSTEMD,
                                         .unit = "a.service", .socket_unit = "a.socket" };

        kept_by_pid_1();
        ck_assert_int_eq(aiu_snapshot_add_manager(&snapshot, &fact), 0);
        /* Nothing is known of a socket that was not told of. */
        fact.inode = INODE + 9;
        fact.unit = "gone.service";
        ck_assert_int_eq(aiu_snapshot_add_manager(&snapshot, &fact), 0);
        fact.pid = 44;          /* nor of a process that holds none */
        ck_assert_int_eq(aiu_snapshot_add_manager(&snapshot, &fact), 0);
        /* A name that no unit can have is not asked for. */
        holds(45, INODE, AIU_MANAGER_SYSTEMD, "--no-such-option", 0);
}

START_TEST(unit_and_socket_are_known)
{
        static const struct scripted_unit units[] = {
                { "a.service", "ActiveState=active\nMainPID=8\nRestart=no\n" },
                { "a.socket", "ActiveState=active\nListen=Stream 127.0.0.1:80\nTriggers=a.service\nAccept=no\n" },
                { NULL, NULL },
        };

        managers_asked = 2;
        converse(units, kept_in_a_unit);
        ck_assert_ptr_nonnull(strstr(all_told, "1/77: systemd, a.service, a.socket, active"));
}
END_TEST

/* ------------------------------------------------------ descriptor stores */

START_TEST(only_one_keeps_descriptors)
{
        static const struct scripted_unit units[] = {
                { "a.service", "ActiveState=active\nNFileDescriptorStore=0\n" },
                { "b.service", "ActiveState=active\nNFileDescriptorStore=1\nFileDescriptorStorePreserve=yes\n" },
                { "c.service", "ActiveState=inactive\n" },
                { "elsewhere.socket", "ActiveState=active\nListen=Stream 127.0.0.1:81\n" },
                { NULL, NULL },
        };

        converse(units, kept_by_pid_1);
        ck_assert_str_eq(told.unit, "b.service");
        ck_assert_uint_eq(told.flags, AIU_HOLDER_UNIT_SPARED);
        ck_assert(have_gap(AIU_GAP_UNKNOWN, "fdstore"));
}
END_TEST

START_TEST(two_keep_descriptors)
{
        static const struct scripted_unit units[] = {
                { "a.service", "ActiveState=active\nNFileDescriptorStore=1\n" },
                { "b.service", "ActiveState=active\nNFileDescriptorStore=1\n" },
                { NULL, NULL },
        };

        converse(units, kept_by_pid_1);
        ck_assert_ptr_null(told.unit);
        ck_assert(have_gap(AIU_GAP_UNKNOWN, "no unit that is loaded"));
}
END_TEST

static void kept_and_held(void)
{
        kept_by_pid_1();
        holds(8, INODE, AIU_MANAGER_SYSTEMD, "a.service", 0);
}

START_TEST(the_other_holder_keeps_it)
{
        static const struct scripted_unit units[] = {
                { "a.service", "ActiveState=active\nNFileDescriptorStore=1\nMainPID=8\n" },
                { "b.service", "ActiveState=active\nNFileDescriptorStore=1\n" },
                { NULL, NULL },
        };

        converse(units, kept_and_held);
        ck_assert_ptr_nonnull(strstr(all_told, "1/77: systemd, a.service"));
        ck_assert_ptr_null(strstr(all_told, "b.service"));
}
END_TEST

/* ------------------------------------------------------ processes of units */

static void of_a_service(void)
{
        const uint64_t inodes[] = { INODE, INODE + 1 };

        socket_at(INODE, "127.0.0.1", 80, 0, 0);
        socket_at(INODE + 1, "127.0.0.1", 81, 0, 0);
        wanted(inodes, 2);
        holds(8, INODE, AIU_MANAGER_SYSTEMD, "a.service", 0);
        ck_assert_int_eq(aiu_snapshot_add_holder(&snapshot, INODE + 1, 8, 4), 0);
        ck_assert_int_eq(aiu_snapshot_add_holder(&snapshot, INODE, 9, 3), 0);
}

/* One of its sockets came from a .socket unit, the other did not. */
START_TEST(service_with_a_socket_unit)
{
        static const struct scripted_unit units[] = {
                { "a.service", "ActiveState=active\nMainPID=8\nTriggeredBy=a.socket down.socket a.path\nKillMode=process\n"
                               "Restart=no\nCanStop=no\nSubState=running\nUnitFileState=static\n" },
                { "a.socket", "ActiveState=active\nListen=Stream 127.0.0.1:81\nUnitFileState=enabled-runtime\n" },
                { "down.socket", "ActiveState=inactive\nListen=Stream 127.0.0.1:80\n" },
                { "a.path", "ActiveState=failed\n" },
                { NULL, NULL },
        };

        converse(units, of_a_service);
        ck_assert_ptr_nonnull(strstr(all_told, "8/0: systemd, a.service, -, active, no, returns"));
        ck_assert_ptr_nonnull(strstr(all_told, "8/78: systemd, a.service, a.socket"));
        ck_assert(have_gap(AIU_GAP_UNKNOWN, "a.service refuses"));
}
END_TEST

START_TEST(no_such_unit)
{
        static const struct scripted_unit units[] = { { NULL, NULL } };

        converse(units, of_a_service);
        ck_assert_int_eq(told.kind, AIU_MANAGER_NONE);
}
END_TEST

/* The cgroup named a unit, but the descriptors cannot be seen: only the cgroup of the socket can. */
static void hidden(void)
{
        struct aiu_manager_fact fact = { .size = sizeof(fact), .cgroup_id = 5, .kind = AIU_MANAGER_SYSTEMD, .unit = "a.service" };
        const uint64_t inodes[] = { INODE, INODE + 1 };

        socket_at(INODE, "127.0.0.1", 80, 0, 5);
        socket_at(INODE + 1, "127.0.0.1", 81, 0, 0);
        wanted(inodes, 2);
        ck_assert_int_eq(aiu_snapshot_add_manager(&snapshot, &fact), 0);
}

START_TEST(hidden_holders)
{
        static const struct scripted_unit units[] = {
                { "a.service", "ActiveState=active\nMainPID=8\nRestart=on-failure\n" },
                { "b.socket", "ActiveState=active\nListen=Stream [::]:81\n" },
                { NULL, NULL },
        };

        converse(units, hidden);
        ck_assert_ptr_nonnull(strstr(all_told, "0/77: systemd, a.service"));
        ck_assert_ptr_nonnull(strstr(all_told, "0/78: systemd, -, b.socket"));
        ck_assert_uint_eq(snapshot.n_gaps, 0);
}
END_TEST

/* The cgroups of hidden sockets: a user's manager, and an engine that is not asked. */
static void hidden_elsewhere(void)
{
        struct aiu_manager_fact fact = { .size = sizeof(fact), .cgroup_id = 5, .kind = AIU_MANAGER_SYSTEMD_USER,
                                         .unit = "u.service", .user = 0 };
        const uint64_t inodes[] = { INODE, INODE + 1 };

        socket_at(INODE, "127.0.0.1", 80, 0, 5);
        socket_at(INODE + 1, "127.0.0.1", 81, 0, 6);
        socket_at(INODE + 2, "127.0.0.1", 82, 0, 0);
        wanted(inodes, 2);
        ck_assert_int_eq(aiu_snapshot_add_manager(&snapshot, &fact), 0);
        fact = (struct aiu_manager_fact){ .size = sizeof(fact), .cgroup_id = 6, .kind = AIU_MANAGER_DOCKER, .container = "c" };
        ck_assert_int_eq(aiu_snapshot_add_manager(&snapshot, &fact), 0);
}

START_TEST(hidden_holders_elsewhere)
{
        static const struct scripted_unit units[] = {
                { "u.service", "ActiveState=active\nMainPID=8\nRestart=always\n" },
                { NULL, NULL },
        };

        converse(units, hidden_elsewhere);
        ck_assert_ptr_nonnull(strstr(all_told, "0/77: systemd-user, u.service"));
        ck_assert_ptr_null(strstr(all_told, "0/78"));
}
END_TEST

/* ------------------------------------------------------ whom to ask */

static void of_a_user(void)
{
        uint64_t inode = INODE;

        socket_at(INODE, "127.0.0.1", 80, 0, 0);
        wanted(&inode, 1);
        holds(8, INODE, AIU_MANAGER_SYSTEMD_USER, "a.service", 0);
        holds(9, INODE, AIU_MANAGER_SYSTEMD, "b.service", 0);
        holds(10, INODE, AIU_MANAGER_DOCKER, NULL, 0);
        holds(11, INODE, AIU_MANAGER_SYSTEMD, "b.service", 0);
}

START_TEST(two_managers)
{
        static const struct scripted_unit units[] = {
                { "a.service", "ActiveState=active\nMainPID=8\n" },
                { "b.service", "ActiveState=active\nMainPID=9\n" },
                { NULL, NULL },
        };

        managers_asked = 2;
        converse(units, of_a_user);
        ck_assert_ptr_nonnull(strstr(all_told, "a.service, -, active"));
        ck_assert_ptr_nonnull(strstr(all_told, "b.service, -, active"));
}
END_TEST

/* Its message bus is down, the manager itself answers. */
START_TEST(second_door)
{
        static const struct scripted_unit units[] = { { "a.service", "ActiveState=active\nMainPID=8\n" }, { NULL, NULL } };

        scripted_systemd(units);
        scene = of_a_service;
        scripted_no_bus = true;
        ck_assert_int_ge(ask_once(), 0);
        ck_assert_ptr_nonnull(strstr(all_told, "a.service, -, active"));
        for (unsigned int n = 1;; n++) {
                scripted_systemd_fail(n);
                (void)ask_once();
                if (!scripted_systemd_failed())
                        break;
        }
}
END_TEST

START_TEST(silent_manager)
{
        static const struct scripted_unit units[] = { { NULL, NULL } };
        uint64_t begun = sys_now_nsec();

        scripted_systemd(units);
        scene = of_a_user;
        scripted_hangs = true;
        deadline = 40000000;
        ck_assert_int_eq(ask_once(), -ETIME);
        ck_assert(have_gap(AIU_GAP_DEADLINE, "systemd did not answer in time"));
        ck_assert(have_gap(AIU_GAP_DEADLINE, "the service manager of uid 0 did not answer"));
        ck_assert_uint_lt(sys_now_nsec() - begun, 1000000000u);
        deadline = 1;
        ck_assert_int_eq(ask_once(), -ETIME);
}
END_TEST

START_TEST(no_library)
{
        static const struct scripted_unit units[] = { { NULL, NULL } };

        scripted_systemd(units);
        scene = of_a_service;
        scripted_no_library = true;
        ck_assert_int_lt(ask_once(), 0);
        ck_assert(have_gap(AIU_GAP_BACKEND, "libsystemd.so.0 could not be loaded"));
}
END_TEST

static void of_nobody(void)
{
        set_ip("127.0.0.1", 80, SOCK_STREAM);
}

static void of_docker(void)
{
        uint64_t inode = INODE;

        socket_at(INODE, "127.0.0.1", 80, 0, 0);
        wanted(&inode, 1);
        holds(10, INODE, AIU_MANAGER_DOCKER, NULL, 0);
}

START_TEST(not_to_be_asked)
{
        static const struct scripted_unit units[] = { { NULL, NULL } };

        scripted_systemd(units);
        scene = of_a_service;
        flags = AIU_CONTEXT_NO_IPC;
        ck_assert_int_ge(ask_once(), 0);
        ck_assert(have_gap(AIU_GAP_BACKEND, "AIU_CONTEXT_NO_IPC"));
        scene = of_docker;
        ck_assert_int_ge(ask_once(), 0);
        ck_assert_uint_eq(snapshot.n_gaps, 0);
        flags = 0;
        ck_assert_int_ge(ask_once(), 0);
        ck_assert_uint_eq(scripted_calls, 0);
        ck_assert_int_eq(rmdir("/run/systemd/system"), 0);
        scene = of_a_service;
        ck_assert_int_ge(ask_once(), 0);
        ck_assert_uint_eq(scripted_calls, 0);
}
END_TEST

/* Nobody holds the address now; somebody may in a moment. */
START_TEST(about_to_return)
{
        static const struct scripted_unit units[] = {
                { "a.service", "ActiveState=activating\nSubState=auto-restart\n" },
                { "b.service", "ActiveState=active\nSubState=running\n" },
                { NULL, NULL },
        };

        converse(units, of_nobody);
        ck_assert(have_gap(AIU_GAP_RACE, "a.service;"));
}
END_TEST

/* ------------------------------------------------------ more than is kept */

static char long_list[4800];

/* So many timers that their names are no use any more. */
START_TEST(too_long_a_list)
{
        static char properties[5200];
        static const struct scripted_unit units[] = { { "a.service", properties }, { NULL, NULL } };
        size_t at = 0;

        for (unsigned int i = 0; at + 24 < 490; i++)
                at += (size_t)snprintf(long_list + at, sizeof(long_list) - at, "%st%u.timer", at ? " " : "", i);
        (void)snprintf(properties, sizeof(properties), "ActiveState=active\nTriggeredBy=%s\n", long_list);
        converse(units, of_a_service);
        ck_assert_str_eq(told.unit, "a.service");
}
END_TEST

static void crowd(void)
{
        kept_by_pid_1();
        for (pid_t pid = 100; pid < 400; pid++)
                holds(pid, INODE, AIU_MANAGER_SYSTEMD, "a.service", 0);
}

START_TEST(crowd_of_one_unit)
{
        static const struct scripted_unit units[] = { { "a.service", "ActiveState=active\nMainPID=100\n" }, { NULL, NULL } };

        scripted_systemd(units);
        scene = crowd;
        ck_assert_int_ge(ask_once(), 0);
        ck_assert_uint_gt(snapshot.n_managers, 100);
}
END_TEST

START_TEST(many_units)
{
        static struct scripted_unit units[700];
        static char names[700][32], properties[700][160];

        for (size_t i = 0; i + 1 < ELEMENTSOF(units); i++) {
                (void)snprintf(names[i], sizeof(names[i]), "s%zu.socket", i);
                (void)snprintf(properties[i], sizeof(properties[i]), "ActiveState=active\nListen=Stream 10.%zu.%zu.1:80\n",
                               i / 250, i % 250);
                units[i] = (struct scripted_unit){ names[i], properties[i] };
        }
        scripted_systemd(units);
        scene = kept_by_pid_1;
        ck_assert_int_ge(ask_once(), 0);
        ck_assert_ptr_null(told.socket_unit);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("sd-bus-talk");
        TCase *tcase = tcase_create("all");

        if (!can_enter_namespaces()) {
                (void)puts("skipped: user and network namespaces are not permitted here");
                return 77;
        }
        tcase_set_timeout(tcase, 60);
        tcase_add_checked_fixture(tcase, begin, forget_snapshot);
        tcase_add_test(tcase, unit_of_a_kept_socket);
        tcase_add_test(tcase, instances_of_a_kept_socket);
        tcase_add_test(tcase, kept_socket_with_a_device);
        tcase_add_test(tcase, only_one_keeps_descriptors);
        tcase_add_test(tcase, two_keep_descriptors);
        tcase_add_test(tcase, the_other_holder_keeps_it);
        tcase_add_test(tcase, service_with_a_socket_unit);
        tcase_add_test(tcase, no_such_unit);
        tcase_add_test(tcase, hidden_holders);
        tcase_add_test(tcase, two_managers);
        tcase_add_test(tcase, second_door);
        tcase_add_test(tcase, silent_manager);
        tcase_add_test(tcase, no_library);
        tcase_add_test(tcase, not_to_be_asked);
        tcase_add_test(tcase, about_to_return);
        tcase_add_test(tcase, many_units);
        tcase_add_test(tcase, instances_with_connections);
        tcase_add_test(tcase, service_behind_a_socket_refuses);
        tcase_add_test(tcase, unit_and_socket_are_known);
        tcase_add_test(tcase, hidden_holders_elsewhere);
        tcase_add_test(tcase, too_long_a_list);
        tcase_add_test(tcase, crowd_of_one_unit);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
