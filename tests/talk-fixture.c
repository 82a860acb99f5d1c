/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See talk-fixture.h. */
#include "talk-fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "scarce-memory.h"
#include "sys.h"

struct aiu_manager_fact told;
char all_told[65536];
void (*scene)(void);
unsigned int managers_asked;
uint32_t flags;
uint64_t deadline;

/* ------------------------------------------------------ what the other backends saw */

void begin(void)
{
        enter_namespaces();
        ck_assert_int_eq(mount("none", "/run", "tmpfs", 0, NULL), 0);
        ck_assert_int_eq(mkdir("/run/systemd", 0755), 0);
        ck_assert_int_eq(mkdir("/run/systemd/system", 0755), 0);
        flags = 0;
        deadline = 0;
        managers_asked = 1;
}

void socket_at(uint64_t inode, const char *ip, uint16_t port, unsigned int ifindex, uint64_t cgroup_id)
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

void wanted(const uint64_t *inodes, size_t n)
{
        ck_assert_int_eq(snapshot_want_inodes(&snapshot, inodes, n), 0);
}

void holds(pid_t pid, uint64_t inode, enum aiu_manager_kind kind, const char *unit, uid_t user)
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

int ask_once(void)
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

void converse(const struct scripted_unit *units, void (*what)(void))
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

/* ------------------------------------------------------ scenes */

void kept_by_pid_1(void)
{
        uint64_t inode = INODE;

        socket_at(INODE, "127.0.0.1", 80, 0, 0);
        wanted(&inode, 1);
        holds(1, INODE, AIU_MANAGER_SYSTEMD, NULL, 0);
}

void of_a_service(void)
{
        const uint64_t inodes[] = { INODE, INODE + 1 };

        socket_at(INODE, "127.0.0.1", 80, 0, 0);
        socket_at(INODE + 1, "127.0.0.1", 81, 0, 0);
        wanted(inodes, 2);
        holds(8, INODE, AIU_MANAGER_SYSTEMD, "a.service", 0);
        ck_assert_int_eq(aiu_snapshot_add_holder(&snapshot, INODE + 1, 8, 4), 0);
        ck_assert_int_eq(aiu_snapshot_add_holder(&snapshot, INODE, 9, 3), 0);
}
