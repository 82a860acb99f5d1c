/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See sd-bus-session.h. A few rounds, each with as many of its questions in flight at once as a bus allows: first the units that are
 * known by name and, where a socket's unit is not, the list of the active .socket units; then those units that these
 * name (what triggers them, what they trigger, what upholds them). For what pid 1 holds without any .socket unit
 * saying so, the services' descriptor stores.
 */
#include "backend/systemd/sd-bus-session.h"

#include <errno.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "util/missing.h"
#include "util/sys.h"

#define MOST_ROUNDS 6u

bool session_is_about(const struct session *session, const struct unit_query *query)
{
        return query->is_user == session->is_user && (!query->is_user || query->user == session->user);
}

static bool wants_socket_unit(const struct unit_query *query)
{
        return query->is_kept && !query->unit[0] && !query->socket_unit[0];
}

/* ------------------------------------------------------ matching */

unsigned int session_ifindex(const char *name)
{
        struct ifreq request = { 0 };
        int fd, r;

        if (!*name || strlen(name) >= sizeof(request.ifr_name))
                return 0;
        fd = sys_socket(AF_UNIX, SOCK_DGRAM, 0);
        if (fd < 0)
                return 0;
        memcpy(request.ifr_name, name, strlen(name) + 1);
        r = sys_ioctl(fd, SIOCGIFINDEX, (uintptr_t)&request);
        sys_close(fd);
        return r < 0 || request.ifr_ifindex <= 0 ? 0 : (unsigned int)request.ifr_ifindex;
}

static bool same_protocol(const struct unit *unit, const struct aiu_socket_fact *socket)
{
        int protocol = unit->protocol == IPPROTO_MPTCP ? IPPROTO_TCP : unit->protocol;

        return protocol == 0 || protocol == socket->protocol;
}

enum listen_match session_match(const struct session *session, const struct unit *unit, size_t index)
{
        bool has_device = unit->device && unit->device[0];
        enum listen_match best = LISTEN_NO;
        struct aiu_socket_fact socket = { .size = sizeof(socket) };

        if (!aiu_snapshot_get_socket(session->snapshot, index, &socket) || !same_protocol(unit, &socket))
                return LISTEN_NO;
        if (socket.ifindex == AIU_IFINDEX_UNKNOWN)
                socket.ifindex = 0;
        /* A source of facts that knows no devices may say 0 of all sockets. */
        if (socket.ifindex && (!has_device || session_ifindex(unit->device) != socket.ifindex))
                return LISTEN_NO;
        for (size_t i = 0; i < unit->n_listen; i++) {
                const struct listen_address *listen = &unit->listen[i];
                enum listen_match match = listen_compare(listen, session_ifindex(listen->scope), &socket);

                if (match > best)
                        best = match;
        }
        return has_device && !socket.ifindex && best == LISTEN_EXACT ? LISTEN_COVERED : best;
}

/* The unit that fits best; of two equals the first. */
static void find_socket_unit(const struct session *session, struct unit_query *query)
{
        enum listen_match best = LISTEN_NO;

        for (size_t i = 0; i < session->bus.units.n; i++) {
                const struct unit *unit = &session->bus.units.list[i];
                enum listen_match match;

                if (!unit_is(unit->name, ".socket") || !unit_is_up(unit))
                        continue;
                match = session_match(session, unit, query->socket);
                if (match > best) {
                        best = match;
                        (void)snprintf(query->socket_unit, sizeof(query->socket_unit), "%s", unit->name);
                }
        }
}

const struct unit *session_service_of(const struct session *session, const struct unit *socket_unit)
{
        const char *list = socket_unit->triggers, *name;
        size_t n;

        if (socket_unit->accept == AIU_TRISTATE_YES || !unit_list_next(&list, &name, &n))
                return NULL;
        return units_find(&session->bus.units, name, n);
}

/* ------------------------------------------------------ asking */

static int ask_name(struct session *session, const char *name, size_t n, uint32_t kinds)
{
        size_t index;
        int r = units_add(&session->bus.units, name, n, &index);

        if (r == -EINVAL || r == -ENOBUFS)
                return 0;
        return r < 0 ? r : manager_bus_ask_unit(&session->bus, index, kinds);
}

/* Units that only matter while they run. A .socket unit among them may be the one that listens on the address. The
 * list is an answer that came: no other one touches the list. */
static int ask_kin(struct session *session, const char *list)
{
        const char *name;
        size_t n;
        int r = 0;

        while (r == 0 && unit_list_next(&list, &name, &n)) {
                r = ask_name(session, name, n, UNIT_ASK_STATE | UNIT_ASK_LISTEN);
                if (r == 0)
                        r = manager_bus_wait_if_many(&session->bus);
        }
        return r;
}

/* What else is worth knowing follows from what is known. */
static uint32_t further_kinds(const struct unit *unit)
{
        uint32_t kinds = 0;

        if (unit->active_state && !unit_is_up(unit))
                kinds |= UNIT_ASK_DOWN;
        if (unit_spares(unit))
                kinds |= UNIT_ASK_SPARING;
        if (unit->n_fd_store > 0)
                kinds |= UNIT_ASK_FULL_STORE;
        return kinds;
}

/* A unit that is asked about, and those that it names. */
static int ask_with_kin(struct session *session, const char *name, uint32_t more)
{
        size_t n = strlen(name);
        const struct unit *unit;
        /* The strings stay where they are when the units move. */
        const char *triggered_by, *upheld_by;
        int r = ask_name(session, name, n, UNIT_ASK_STATE | UNIT_ASK_KIN | UNIT_ASK_REST | more);

        unit = r < 0 ? NULL : units_find(&session->bus.units, name, n);
        if (!unit)
                return r;
        triggered_by = unit->triggered_by;
        upheld_by = unit->upheld_by;
        r = manager_bus_ask_unit(&session->bus, (size_t)(unit - session->bus.units.list), further_kinds(unit));
        if (r == 0)
                r = ask_kin(session, triggered_by);
        return r < 0 ? r : ask_kin(session, upheld_by);
}

/* The service behind a .socket unit has triggers and upholders too. */
static int ask_service_of(struct session *session, const char *socket_unit)
{
        const struct unit *unit = units_find(&session->bus.units, socket_unit, strlen(socket_unit));
        const char *list = unit && unit->accept == AIU_TRISTATE_NO ? unit->triggers : NULL, *first;
        char name[UNIT_NAME_BYTES];
        size_t n;

        if (!unit_list_next(&list, &first, &n))
                return 0;
        (void)snprintf(name, sizeof(name), "%.*s", (int)n, first);
        return ask_with_kin(session, name, 0);
}

static int ask_about(struct session *session, struct unit_query *query)
{
        int r = 0;

        if (wants_socket_unit(query)) {
                if (!session->listed_sockets) {
                        session->listed_sockets = true;
                        return manager_bus_ask_list(&session->bus, "active", "*.socket");
                }
                if (session->knows_sockets)
                        find_socket_unit(session, query);
        }
        if (query->unit[0])
                r = ask_with_kin(session, query->unit, query->is_kept ? UNIT_ASK_FD_STORE : 0);
        if (r == 0 && query->socket_unit[0])
                r = ask_with_kin(session, query->socket_unit, 0);
        if (r == 0 && query->socket_unit[0])
                r = ask_service_of(session, query->socket_unit);
        return r < 0 ? r : manager_bus_wait_if_many(&session->bus);
}

static int ask_listed(struct session *session)
{
        int r = 0;

        for (size_t i = 0; r == 0 && session->listed_sockets && i < session->bus.units.n; i++) {
                if (unit_is_up(&session->bus.units.list[i]))
                        r = manager_bus_ask_unit(&session->bus, i, UNIT_ASK_LISTEN);
                if (r == 0)
                        r = manager_bus_wait_if_many(&session->bus);
        }
        /* All of them: the best match so far is kept as the best there is. */
        if (r == 0)
                r = manager_bus_wait(&session->bus);
        session->knows_sockets = r == 0 && session->listed_sockets;
        return r;
}

static int run_rounds(struct session *session)
{
        for (size_t round = 0; round < MOST_ROUNDS; round++) {
                size_t n_asked = session->bus.n_asked;
                int r = ask_listed(session);

                for (size_t i = 0; r == 0 && i < session->queries->n; i++)
                        if (session_is_about(session, &session->queries->list[i]))
                                r = ask_about(session, &session->queries->list[i]);
                if (r < 0 || session->bus.n_asked == n_asked)
                        return r;
                r = manager_bus_wait(&session->bus);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ------------------------------------------------------ descriptor stores */

/* A socket that only the manager holds, and that no .socket unit claims. */
static bool is_unclaimed(const struct session *session, const struct unit_query *query)
{
        return session_is_about(session, query) && wants_socket_unit(query) && !query->is_hidden;
}

static bool has_unclaimed(const struct session *session)
{
        for (size_t i = 0; i < session->queries->n; i++)
                if (is_unclaimed(session, &session->queries->list[i]))
                        return true;
        return false;
}

static int ask_fd_stores(struct session *session)
{
        int r = manager_bus_ask_list(&session->bus, NULL, "*.service");

        if (r == 0)
                r = manager_bus_wait(&session->bus);
        for (size_t i = 0; r == 0 && i < session->bus.units.n; i++) {
                if (unit_is(session->bus.units.list[i].name, ".service"))
                        r = manager_bus_ask_unit(&session->bus, i, UNIT_ASK_FD_STORE);
                if (r == 0)
                        r = manager_bus_wait_if_many(&session->bus);
        }
        return r < 0 ? r : manager_bus_wait(&session->bus);
}

/* Who else holds the socket and keeps descriptors with its manager? */
static const struct unit *storing_holder(const struct session *session, uint64_t inode)
{
        for (size_t i = 0; i < session->queries->n; i++) {
                const struct unit_query *other = &session->queries->list[i];
                const struct unit *unit;

                if (!session_is_about(session, other) || other->is_kept || !other->unit[0] ||
                    !query_holds(session->snapshot, other->pid, inode))
                        continue;
                unit = units_find(&session->bus.units, other->unit, strlen(other->unit));
                if (unit && unit->n_fd_store > 0)
                        return unit;
        }
        return NULL;
}

/* The only service that keeps any; NULL: there are several, or none. */
static const struct unit *only_storing(const struct session *session)
{
        const struct unit *found = NULL;

        for (size_t i = 0; i < session->bus.units.n; i++) {
                if (session->bus.units.list[i].n_fd_store == 0)
                        continue;
                if (found)
                        return NULL;
                found = &session->bus.units.list[i];
        }
        return found;
}

static void entry(struct session *session)
{
        for (size_t i = 0; i < session->queries->n; i++) {
                struct unit_query *query = &session->queries->list[i];
                const struct unit *unit;

                if (!is_unclaimed(session, query))
                        continue;
                unit = storing_holder(session, query->inode);
                if (!unit)
                        unit = only_storing(session);
                if (unit)
                        (void)snprintf(query->unit, sizeof(query->unit), "%s", unit->name);
        }
}

int session_run(struct session *session)
{
        int r = run_rounds(session);

        if (r < 0 || !has_unclaimed(session))
                return r;
        r = ask_fd_stores(session);
        if (r < 0)
                return r;
        entry(session);
        return run_rounds(session);
}

int session_list_restarting(struct session *session)
{
        int r = manager_bus_ask_list(&session->bus, "auto-restart", "*.service");

        return r < 0 ? r : manager_bus_wait(&session->bus);
}
