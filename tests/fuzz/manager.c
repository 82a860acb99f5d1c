/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Target "manager": a conversation with a service manager whose answers, D-Bus values of any content, are
 * all made up. What is concluded is about who was asked about; units have names that systemd itself
 * would take; every connection and every descriptor is closed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/systemd/sd-bus-conclude.h"
#include "lying-kernel.h"
#include "lying-systemd.h"
#include "snapshot/snapshot.h"
#include "util/sys.h"

#define INODE 7u

/* A listener of pid 1, of a service's process, or of no visible process. */
static void make_snapshot(struct aiu_snapshot *snapshot, uint8_t who)
{
        struct sockaddr_in in = { .sin_family = AF_INET,
                                  .sin_port = htons(80),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        struct aiu_socket_fact socket = {
                .size = sizeof(socket),
                .type = SOCK_STREAM,
                .protocol = IPPROTO_TCP,
                .state = AIU_STATE_LISTEN,
                .local = (struct sockaddr *)&in,
                .local_len = sizeof(in),
                .inode = INODE,
                .cookie = 1,
                .ifindex = who & 4 ? 1 : 0,
                .cgroup_id = who & 8 ? 5 : 0,
        };
        struct aiu_process_fact process = { .size = sizeof(process), .pid = who & 1 ? 1 : 8, .comm = "d" };
        struct aiu_manager_fact manager = { .size = sizeof(manager), .kind = AIU_MANAGER_SYSTEMD };
        uint64_t inode = INODE;

        manager.pid = who & 2 ? 0 : process.pid;
        manager.cgroup_id = who & 2 ? 5 : 0;
        manager.unit = who & 1 ? NULL : "a.service";
        require(aiu_snapshot_add_socket(snapshot, &socket) == 0);
        require(snapshot_want_inodes(snapshot, &inode, 1) == 0);
        require(aiu_snapshot_add_manager(snapshot, &manager) == 0);
        if (who & 2)
                return;
        require(aiu_snapshot_add_holder(snapshot, INODE, process.pid, 3) == 0);
        require(aiu_snapshot_add_process(snapshot, &process) == 0);
}

static void check_name(const char *name)
{
        require(!name || unit_name_is_valid(name, strlen(name)));
}

static void check_list(const char *list)
{
        const char *name;
        size_t n;

        while (unit_list_next(&list, &name, &n))
                require(unit_name_is_valid(name, n));
}

static void check(const struct aiu_snapshot *snapshot)
{
        struct aiu_manager_fact fact = { .size = sizeof(fact) };

        for (size_t i = 0; aiu_snapshot_get_manager(snapshot, i, &fact); i++) {
                require(fact.inode == 0 || fact.inode == INODE);
                check_name(fact.unit);
                check_name(fact.socket_unit);
                check_list(fact.also_stop);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct bytes in = { data, size };
        uint8_t who = take_byte(&in), how = take_byte(&in);
        struct bytes nothing = { NULL, 0 };
        struct sd_bus_library library;
        struct aiu_snapshot snapshot;
        struct unit_queries queries = { .list = NULL };
        struct session session = { .snapshot = &snapshot, .queries = &queries };
        int r;

        lie_begin(&nothing, true, 80);
        lie_systemd_begin(&in, true);
        snapshot_init(&snapshot);
        snapshot.backend = "fuzz";
        make_snapshot(&snapshot, who);
        require(queries_collect(&snapshot, &queries) == 0);
        if (sd_bus_library_load(&library) == 0) {
                r = manager_bus_open(&session.bus, &library, "/run/bus", true, 0, sys_now_nsec() + 50000000u);
                if (r == 0)
                        r = how & 1 ? session_list_restarting(&session) : session_run(&session);
                manager_bus_close(&session.bus);
                if (r != -ENOMEM)
                        r = how & 1 ? session_note_restarting(&session, &snapshot)
                                    : session_conclude(&session, r == 0, &snapshot);
                require(r == 0 || r == -ENOMEM);
                check(&snapshot);
                units_finish(&session.bus.units);
                sd_bus_library_unload(&library);
        }
        queries_finish(&queries);
        snapshot_finish(&snapshot);
        lie_end(UINT64_MAX);
        lie_systemd_end();
        return 0;
}
