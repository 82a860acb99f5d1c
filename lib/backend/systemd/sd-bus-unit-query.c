/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See sd-bus-unit-query.h. */
#include "backend/systemd/sd-bus-unit-query.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_SUBJECTS 256u

void queries_finish(struct unit_queries *queries)
{
        free(queries->list);
        *queries = (struct unit_queries){ 0 };
}

static int add(struct unit_queries *queries, const struct unit_query *query)
{
        for (size_t i = 0; i < queries->n; i++) {
                const struct unit_query *s = &queries->list[i];

                if (s->pid == query->pid && s->inode == query->inode && s->cgroup_id == query->cgroup_id)
                        return 0;
        }
        if (queries->n >= MOST_SUBJECTS)
                return 0; /* more would be the same units over and over */
        if (queries->n == queries->room) {
                size_t room = queries->room ? queries->room * 2 : 8;
                struct unit_query *larger = realloc(queries->list, room * sizeof(*larger));

                if (!larger)
                        return -ENOMEM;
                queries->list = larger;
                queries->room = room;
        }
        queries->list[queries->n++] = *query;
        return 0;
}

bool query_process(const struct aiu_snapshot *snapshot, pid_t pid, struct aiu_process_fact *ret)
{
        for (size_t i = 0; aiu_snapshot_get_process(snapshot, i, ret); i++)
                if (ret->pid == pid)
                        return true;
        return false;
}

bool query_holds(const struct aiu_snapshot *snapshot, pid_t pid, uint64_t inode)
{
        uint64_t held;
        pid_t holder;

        for (size_t i = 0; aiu_snapshot_get_holder(snapshot, i, &held, &holder, NULL); i++)
                if (holder == pid && (inode == 0 || held == inode))
                        return true;
        return false;
}

bool query_is_held(const struct aiu_snapshot *snapshot, uint64_t inode)
{
        uint64_t held;

        for (size_t i = 0; aiu_snapshot_get_holder(snapshot, i, &held, NULL, NULL); i++)
                if (held == inode)
                        return true;
        return false;
}

static bool find_socket(const struct aiu_snapshot *snapshot, uint64_t inode, size_t *ret)
{
        struct aiu_socket_fact socket = { .size = sizeof(socket) };

        for (size_t i = 0; aiu_snapshot_get_socket(snapshot, i, &socket); i++) {
                if (socket.inode == inode) {
                        *ret = i;
                        return true;
                }
        }
        return false;
}

/* A name that could not be one of systemd's is as good as none. */
static void keep_name(char to[UNIT_NAME_BYTES], const char *name)
{
        if (name && unit_name_is_valid(name, strlen(name)))
                (void)snprintf(to, UNIT_NAME_BYTES, "%s", name);
}

static bool has_fact(const struct aiu_snapshot *snapshot, pid_t pid, uint64_t inode)
{
        struct aiu_manager_fact fact = { .size = sizeof(fact) };

        for (size_t i = 0; aiu_snapshot_get_manager(snapshot, i, &fact); i++)
                if (fact.pid == pid && fact.inode == inode)
                        return true;
        return false;
}

/* Every socket that the manager holds and of which no unit is known. */
static int add_kept(struct unit_queries *queries, const struct aiu_snapshot *snapshot, const struct unit_query *of)
{
        struct unit_query query = *of;
        pid_t pid;
        int r = 0;

        for (size_t i = 0; r == 0 && aiu_snapshot_get_holder(snapshot, i, &query.inode, &pid, NULL); i++) {
                if (pid != of->pid || has_fact(snapshot, pid, query.inode) ||
                    !find_socket(snapshot, query.inode, &query.socket))
                        continue;
                query.is_kept = true;
                r = add(queries, &query);
        }
        return r;
}

static bool is_asked(enum aiu_manager_kind kind)
{
        return kind == AIU_MANAGER_SYSTEMD || kind == AIU_MANAGER_SYSTEMD_USER || kind == AIU_MANAGER_SNAP;
}

/* pid 1 and user managers hold sockets for many units: a fact about one says nothing of the next. */
static bool keeps_for_others(const struct aiu_snapshot *snapshot, pid_t pid)
{
        struct aiu_manager_fact fact = { .size = sizeof(fact) };

        for (size_t i = 0; aiu_snapshot_get_manager(snapshot, i, &fact); i++)
                if (fact.pid == pid && fact.inode == 0)
                        return !fact.unit && !fact.socket_unit && !fact.container;
        return false;
}

static int add_fact(struct unit_queries *queries, const struct aiu_snapshot *snapshot,
                    const struct aiu_manager_fact *fact)
{
        struct unit_query query = {
                .pid = fact->pid,
                .inode = fact->inode,
                .cgroup_id = fact->cgroup_id,
                .kind = fact->kind,
                .is_user = fact->kind == AIU_MANAGER_SYSTEMD_USER,
                .user = fact->kind == AIU_MANAGER_SYSTEMD_USER ? fact->user : 0,
        };

        if (!is_asked(fact->kind) || (fact->pid > 0 && !query_holds(snapshot, fact->pid, fact->inode)))
                return 0;
        keep_name(query.unit, fact->unit);
        keep_name(query.socket_unit, fact->socket_unit);
        if (fact->pid > 0)
                query.is_kept = keeps_for_others(snapshot, fact->pid);
        if (fact->inode && !find_socket(snapshot, fact->inode, &query.socket))
                return 0;
        if (query.unit[0] || query.socket_unit[0])
                return fact->pid > 0 ? add(queries, &query) : 0;
        return fact->pid > 0 ? add_kept(queries, snapshot, &query) : 0;
}

static void start_from_cgroup(const struct aiu_snapshot *snapshot, struct unit_query *query)
{
        struct aiu_manager_fact fact = { .size = sizeof(fact) };

        for (size_t i = 0; aiu_snapshot_get_manager(snapshot, i, &fact); i++) {
                if (fact.pid != 0 || fact.cgroup_id != query->cgroup_id)
                        continue;
                query->kind = fact.kind;
                query->is_user = fact.kind == AIU_MANAGER_SYSTEMD_USER;
                query->user = query->is_user ? fact.user : 0;
                keep_name(query->unit, fact.unit);
                keep_name(query->socket_unit, fact.socket_unit);
        }
}

/* Sockets without a visible holder: their cgroup may have named a unit, or else the system's manager may hold them. */
static int add_hidden(struct unit_queries *queries, const struct aiu_snapshot *snapshot, size_t index,
                      const struct aiu_socket_fact *socket)
{
        struct unit_query query = {
                .inode = socket->inode,
                .cgroup_id = socket->cgroup_id,
                .is_kept = true,
                .is_hidden = true,
                .socket = index,
        };

        if (socket->cgroup_id)
                start_from_cgroup(snapshot, &query);
        if (query.kind != AIU_MANAGER_UNKNOWN && !is_asked(query.kind))
                return 0;
        return add(queries, &query);
}

int queries_collect(const struct aiu_snapshot *snapshot, struct unit_queries *queries)
{
        struct aiu_manager_fact fact = { .size = sizeof(fact) };
        struct aiu_socket_fact socket = { .size = sizeof(socket) };
        int r = 0;

        for (size_t i = 0; r == 0 && aiu_snapshot_get_manager(snapshot, i, &fact); i++)
                r = add_fact(queries, snapshot, &fact);
        for (size_t i = 0; r == 0 && aiu_snapshot_get_socket(snapshot, i, &socket); i++)
                if (socket.inode && aiu_snapshot_wants_inode(snapshot, socket.inode) &&
                    !query_is_held(snapshot, socket.inode))
                        r = add_hidden(queries, snapshot, i, &socket);
        return r;
}
