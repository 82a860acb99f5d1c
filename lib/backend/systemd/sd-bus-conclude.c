/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See sd-bus-conclude.h. To free the address permanently, three things must stop: the .socket unit while it listens,
 * the service while it runs, and all units that start the service again (timers, paths, upholders).
 */
#include "backend/systemd/sd-bus-conclude.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/macro.h"

static const struct unit *unit_of(const struct session *session, const char *name)
{
        return *name ? units_find(&session->bus.units, name, strlen(name)) : NULL;
}

/* Has the manager a unit of this name at all? A cgroup may be called like one. */
static bool is_known(const struct unit *unit)
{
        return unit && unit->active_state &&
               !(unit->load_state && strcmp(unit->load_state, "not-found") == 0 && !unit_is_up(unit));
}

static const char *text_or_null(const char *text)
{
        return text && *text ? text : NULL;
}

/* Does it come back at boot? Either of the two being enabled is enough. */
static const char *enabled_of(const struct unit *unit, const struct unit *socket_unit)
{
        const char *a = socket_unit ? text_or_null(socket_unit->enabled) : NULL;
        const char *b = unit ? text_or_null(unit->enabled) : NULL;

        if (!a || (b && strncmp(b, "enabled", 7) == 0 && strncmp(a, "enabled", 7) != 0))
                return b;
        return a;
}

static void start_fact(const struct aiu_snapshot *snapshot, const struct unit_query *query,
                       struct aiu_manager_fact *fact)
{
        struct aiu_manager_fact known = { .size = sizeof(known) };

        *fact = (struct aiu_manager_fact){ .size = sizeof(*fact) };
        /* A fact about one socket replaces the fact about its process: keep the rest of that. */
        for (size_t i = 0; aiu_snapshot_get_manager(snapshot, i, &known); i++)
                if (known.pid == query->pid && known.pid > 0 && known.inode == 0)
                        *fact = known;
        fact->pid = query->pid;
        fact->inode = query->inode;
        fact->cgroup_id = query->cgroup_id;
        if (fact->kind == AIU_MANAGER_UNKNOWN)
                fact->kind = query->kind;
        if (fact->kind == AIU_MANAGER_UNKNOWN)
                fact->kind = AIU_MANAGER_SYSTEMD;
        fact->user = query->user;
}

static int add_fact(struct aiu_snapshot *snapshot, const struct aiu_manager_fact *fact)
{
        int r = aiu_snapshot_add_manager(snapshot, fact);

        return r == -ENOBUFS ? 0 : r;
}

/* ------------------------------------------------------ notes */

static void note(struct aiu_snapshot *snapshot, const char *format, const char *unit)
{
        char text[512];

        (void)snprintf(text, sizeof(text), format, unit);
        (void)aiu_snapshot_add_gap(snapshot, AIU_GAP_NOTE, 0, text);
}

/* unit_can_stop_refuse_manual() of systemd: requests of all users are refused. */
static bool refuses_stop(const struct unit *unit)
{
        return unit->can_stop == AIU_TRISTATE_NO && unit_is_up(unit);
}

static bool keeps_descriptors(const struct unit *unit)
{
        return unit->fd_store_preserve && strcmp(unit->fd_store_preserve, "yes") == 0 && unit->n_fd_store > 0;
}

static void note_obstacles(struct aiu_snapshot *snapshot, const struct unit *unit)
{
        char text[512];

        if (refuses_stop(unit))
                note(snapshot, "systemd does not stop %s on request (CanStop=no, as with RefuseManualStop=yes)",
                     unit->name);
        if (keeps_descriptors(unit))
                note(snapshot,
                     "systemd keeps descriptors of %s after a stop (FileDescriptorStorePreserve=yes): systemctl clean "
                     "--what=fdstore closes them",
                     unit->name);
        if (unit->n_restarts > 0) {
                (void)snprintf(text, sizeof(text), "%s: Restart=%s, restarted %u times", unit->name,
                               unit->restart ? unit->restart : "?", (unsigned int)unit->n_restarts);
                aiu_snapshot_log(snapshot, AIU_LOG_INFO, text);
        }
}

/* ------------------------------------------------------ a process of a unit */

/* Is the unit's main process one of the socket's holders? */
static bool main_holds(const struct aiu_snapshot *snapshot, const struct unit *unit, pid_t pid)
{
        uint64_t inode;
        pid_t holder;

        for (size_t i = 0; aiu_snapshot_get_holder(snapshot, i, &inode, &holder, NULL); i++)
                if (holder == pid && query_holds(snapshot, (pid_t)unit->main_pid, inode))
                        return true;
        return false;
}

static void put_unit(const struct session *session, const struct aiu_snapshot *snapshot, const struct unit *unit,
                     pid_t pid, struct aiu_manager_fact *fact)
{
        struct unit_process process = { .pid = pid };
        struct aiu_process_fact seen = { .size = sizeof(seen) };

        if (pid > 0 && query_process(snapshot, pid, &seen)) {
                process.ancestors = seen.ancestor_pids;
                process.n_ancestors = seen.n_ancestors;
                process.main_holds_too = main_holds(snapshot, unit, pid);
        } else {
                process.pid = (pid_t)unit->main_pid; /* the only process known */
        }
        fact->unit = unit->name;
        fact->unit_state = unit->active_state;
        fact->unit_restart = text_or_null(unit->restart);
        fact->enabled = enabled_of(unit, NULL);
        fact->main_pid = (pid_t)unit->main_pid;
        fact->will_return = unit_returns(&session->bus.units, unit, &process);
        if (unit_is_leftover(unit, &process))
                fact->flags |= AIU_HOLDER_UNIT_LEFTOVER;
        if (unit_spares_process(unit, &process) || refuses_stop(unit))
                fact->flags |= AIU_HOLDER_UNIT_SPARED;
}

/* The .socket unit that the process got the socket from: it listens, and the addresses agree. */
static const struct unit *feeding_unit(const struct session *session, const struct unit *unit, uint64_t inode)
{
        const char *list = unit->triggered_by, *name;
        struct aiu_socket_fact socket = { .size = sizeof(socket) };
        size_t n;

        while (unit_list_next(&list, &name, &n)) {
                const struct unit *trigger = units_find(&session->bus.units, name, n);

                if (!trigger || !unit_is(trigger->name, ".socket") || !unit_is_up(trigger))
                        continue;
                for (size_t i = 0; aiu_snapshot_get_socket(session->snapshot, i, &socket); i++)
                        if (socket.inode == inode && session_match(session, trigger, i) == LISTEN_EXACT)
                                return trigger;
        }
        return NULL;
}

/* What is true of one of its sockets only: which .socket unit that one is from. */
static int add_fed_sockets(const struct session *session, struct aiu_snapshot *snapshot, const struct unit *unit,
                           const struct aiu_manager_fact *general)
{
        uint64_t inode;
        pid_t pid;
        int r = 0;

        for (size_t i = 0; r == 0 && aiu_snapshot_get_holder(snapshot, i, &inode, &pid, NULL); i++) {
                struct aiu_manager_fact fact = *general;
                const struct unit *trigger = pid == general->pid ? feeding_unit(session, unit, inode) : NULL;

                if (!trigger)
                        continue;
                fact.inode = inode;
                fact.socket_unit = trigger->name;
                fact.enabled = enabled_of(unit, trigger);
                r = add_fact(snapshot, &fact);
        }
        return r;
}

/* Who started asking and did not get to the end cannot say what a stop would lead to. */
static void forget_state(struct aiu_manager_fact *fact)
{
        fact->unit_state = NULL;
        fact->will_return = AIU_TRISTATE_UNKNOWN;
}

/* `r`: of the search for what else would have to stop. */
static int put_fact(struct aiu_snapshot *snapshot, struct aiu_manager_fact *fact, bool complete, int r)
{
        if (r == -ENOMEM)
                return r;
        if (r == -ENOBUFS)
                note(snapshot, "more units start %s again than can be shown",
                     fact->unit ? fact->unit : fact->socket_unit);
        if (!complete || r < 0)
                forget_state(fact);
        return add_fact(snapshot, fact);
}

static int conclude_process(const struct session *session, bool complete, struct aiu_snapshot *snapshot,
                            const struct unit_query *query)
{
        const struct unit *unit = unit_of(session, query->unit), *socket_unit;
        struct aiu_manager_fact fact = { .size = sizeof(fact) };
        char *also = NULL;
        int r = 0;

        if (!unit || !unit->active_state)
                return 0;
        start_fact(snapshot, query, &fact);
        if (!is_known(unit)) {
                /* Somebody else's: nothing that systemctl(1) could do here. */
                fact.kind = AIU_MANAGER_NONE;
                return add_fact(snapshot, &fact);
        }
        put_unit(session, snapshot, unit, query->pid, &fact);
        socket_unit = unit_of(session, query->socket_unit);
        if (socket_unit && unit_is_up(socket_unit)) {
                fact.socket_unit = socket_unit->name;
                fact.will_return = AIU_TRISTATE_YES;
        }
        fact.enabled = enabled_of(unit, socket_unit);
        if (!(fact.flags & AIU_HOLDER_UNIT_LEFTOVER))
                r = unit_add_revivers(&session->bus.units, unit, &also);
        fact.also_stop = also;
        note_obstacles(snapshot, unit);
        r = put_fact(snapshot, &fact, complete, r);
        if (r == 0 && query->inode == 0 && !(fact.flags & AIU_HOLDER_UNIT_LEFTOVER))
                r = add_fed_sockets(session, snapshot, unit, &fact);
        free(also);
        return r;
}

/* ------------------------------------------------------ a socket that the manager keeps */

/* With Accept=yes each connection has a service of its own, and the port in its
 * address. Those that can be seen are holders in their own right. */
static int add_instances(const struct session *session, const struct unit *socket_unit, char **also)
{
        struct aiu_socket_fact socket = { .size = sizeof(socket) };
        int r = 0;

        if (socket_unit->accept != AIU_TRISTATE_YES)
                return 0;
        for (size_t i = 0; aiu_snapshot_get_socket(session->snapshot, i, &socket); i++) {
                const char *list = socket_unit->triggers, *name;
                size_t n;

                if (socket.state != AIU_STATE_ESTABLISHED || !socket.inode ||
                    !aiu_snapshot_wants_inode(session->snapshot, socket.inode) ||
                    query_is_held(session->snapshot, socket.inode))
                        continue;
                while (r == 0 && unit_list_next(&list, &name, &n))
                        r = unit_list_add(also, name, n);
                return r;
        }
        return 0;
}

static int put_socket_unit(const struct session *session, struct aiu_snapshot *snapshot, const struct unit *socket_unit,
                           struct aiu_manager_fact *fact, char **also)
{
        const struct unit *service = session_service_of(session, socket_unit);
        bool runs = service && unit_is_up(service);
        int r;

        fact->socket_unit = socket_unit->name;
        fact->removes_file = socket_unit->removes_file;
        fact->unit_state = socket_unit->active_state;
        fact->enabled = enabled_of(service, socket_unit);
        fact->will_return = AIU_TRISTATE_YES;
        if (refuses_stop(socket_unit) || (runs && refuses_stop(service)))
                fact->flags |= AIU_HOLDER_UNIT_SPARED;
        note_obstacles(snapshot, socket_unit);
        r = unit_add_revivers(&session->bus.units, socket_unit, also);
        if (r == 0)
                r = add_instances(session, socket_unit, also);
        if (!runs)
                return r;
        fact->unit = service->name;
        fact->unit_state = service->active_state;
        fact->unit_restart = text_or_null(service->restart);
        note_obstacles(snapshot, service);
        return r < 0 ? r : unit_add_revivers(&session->bus.units, service, also);
}

static void note_unclaimed(struct aiu_snapshot *snapshot, const struct unit_query *query)
{
        /* For a hidden holder this was only a guess. */
        if (!query->is_hidden)
                note(snapshot,
                     "systemd itself holds the socket%s, but no loaded unit listens there or stores descriptors", "");
}

static int conclude_kept(const struct session *session, bool complete, struct aiu_snapshot *snapshot,
                         const struct unit_query *query)
{
        const struct unit *socket_unit = unit_of(session, query->socket_unit);
        const struct unit *unit = unit_of(session, query->unit);
        struct aiu_manager_fact fact = { .size = sizeof(fact) };
        char *also = NULL;
        int r = 0;

        if (!is_known(socket_unit) && !is_known(unit)) {
                if (complete)
                        note_unclaimed(snapshot, query);
                return 0;
        }
        start_fact(snapshot, query, &fact);
        if (is_known(unit)) {
                put_unit(session, snapshot, unit, 0, &fact);
                /* Who holds it is not known, or is the manager. */
                fact.flags = refuses_stop(unit) || keeps_descriptors(unit) ? AIU_HOLDER_UNIT_SPARED : 0;
                r = unit_add_revivers(&session->bus.units, unit, &also);
                note_obstacles(snapshot, unit);
        }
        if (r == 0 && is_known(socket_unit) && unit_is_up(socket_unit))
                r = put_socket_unit(session, snapshot, socket_unit, &fact, &also);
        fact.also_stop = also;
        r = put_fact(snapshot, &fact, complete, r);
        free(also);
        return r;
}

int session_note_restarting(const struct session *session, struct aiu_snapshot *snapshot)
{
        char *names = NULL, text[512];
        int r = 0;

        for (size_t i = 0; r == 0 && i < session->bus.units.n; i++)
                r = unit_list_add(&names, session->bus.units.list[i].name, strlen(session->bus.units.list[i].name));
        if (!names || r == -ENOMEM) {
                free(names);
                return r;
        }
        (void)snprintf(text, sizeof(text),
                       "systemd is about to start again: %.300s. If this was the holder, the address is taken again: "
                       "systemctl stop prevents that",
                       names);
        free(names);
        r = aiu_snapshot_add_gap(snapshot, AIU_GAP_NOTE, 0, text);
        return r == -ENOMEM ? r : 0;
}

int session_conclude(const struct session *session, bool complete, struct aiu_snapshot *snapshot)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < session->queries->n; i++) {
                const struct unit_query *query = &session->queries->list[i];

                if (!session_is_about(session, query))
                        continue;
                if (query->is_kept)
                        r = conclude_kept(session, complete, snapshot, query);
                else
                        r = conclude_process(session, complete, snapshot, query);
        }
        return r;
}
