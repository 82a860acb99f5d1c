/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See sd-bus-talk.h. A few rounds, each with all of its questions in flight at
 * once: first the units that are known by name and, where a socket's unit is not,
 * the list of the active .socket units; then those units that these name (what
 * triggers them, what they trigger, what upholds them). For what pid 1 holds
 * without any .socket unit saying so, the services' descriptor stores.
 */
#include "backend/systemd/sd-bus-talk.h"

#include <errno.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "util/sys.h"

#define MOST_ROUNDS 6u
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

bool talk_is_about(const struct talk *talk, const struct subject *subject)
{
        return subject->is_user == talk->is_user &&
               (!subject->is_user || subject->user == talk->user);
}

static bool wants_socket_unit(const struct subject *subject)
{
        return subject->is_kept && !subject->unit[0] && !subject->socket_unit[0];
}

/* ------------------------------------------------------ matching */

/* 0 = there is none. */
static unsigned int ifindex_of(const char *name)
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

enum listen_match talk_match(const struct talk *talk, const struct unit *unit, size_t index)
{
        bool has_device = unit->device && unit->device[0];
        enum listen_match best = LISTEN_NO;
        struct aiu_socket_fact socket = { .size = sizeof(socket) };

        if (!aiu_snapshot_get_socket(talk->snapshot, index, &socket) ||
            !same_protocol(unit, &socket))
                return LISTEN_NO;
        if (socket.ifindex == AIU_IFINDEX_UNKNOWN)
                socket.ifindex = 0;
        /* A source of facts that knows no devices may say 0 of all sockets. */
        if (socket.ifindex && (!has_device || ifindex_of(unit->device) != socket.ifindex))
                return LISTEN_NO;
        for (size_t i = 0; i < unit->n_listen; i++) {
                const struct listen_address *listen = &unit->listen[i];
                enum listen_match match =
                        listen_compare(listen, ifindex_of(listen->scope), &socket);

                if (match > best)
                        best = match;
        }
        return has_device && !socket.ifindex && best == LISTEN_EXACT ? LISTEN_COVERED : best;
}

/* The unit that fits best; of two that fit alike the first. */
static void find_socket_unit(const struct talk *talk, struct subject *subject)
{
        enum listen_match best = LISTEN_NO;

        for (size_t i = 0; i < talk->bus.units.n; i++) {
                const struct unit *unit = &talk->bus.units.list[i];
                enum listen_match match;

                if (!unit_is(unit->name, ".socket") || !unit_is_up(unit))
                        continue;
                match = talk_match(talk, unit, subject->socket);
                if (match > best) {
                        best = match;
                        (void)snprintf(subject->socket_unit, sizeof(subject->socket_unit), "%s",
                                       unit->name);
                }
        }
}

const struct unit *talk_service_of(const struct talk *talk, const struct unit *socket_unit)
{
        const char *list = socket_unit->triggers, *name;
        size_t n;

        if (socket_unit->accept == AIU_TRISTATE_YES || !unit_list_next(&list, &name, &n))
                return NULL;
        return units_find(&talk->bus.units, name, n);
}

/* ------------------------------------------------------ asking */

static int ask_name(struct talk *talk, const char *name, size_t n, uint32_t kinds)
{
        size_t index;
        int r = units_add(&talk->bus.units, name, n, &index);

        if (r == -EINVAL || r == -ENOBUFS)
                return 0;
        return r < 0 ? r : manager_bus_ask_unit(&talk->bus, index, kinds);
}

/* Units that only matter while they run. A .socket unit among them may be the one
 * that listens on the address. */
static int ask_kin(struct talk *talk, const char *list)
{
        const char *name;
        size_t n;
        int r = 0;

        while (r == 0 && unit_list_next(&list, &name, &n))
                r = ask_name(talk, name, n, UNIT_ASK_STATE | UNIT_ASK_LISTEN);
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
static int ask_with_kin(struct talk *talk, const char *name, uint32_t more)
{
        size_t n = strlen(name);
        const struct unit *unit;
        /* The strings stay where they are when the units move. */
        const char *triggered_by, *upheld_by;
        int r = ask_name(talk, name, n, UNIT_ASK_STATE | UNIT_ASK_KIN | UNIT_ASK_REST | more);

        unit = r < 0 ? NULL : units_find(&talk->bus.units, name, n);
        if (!unit)
                return r;
        triggered_by = unit->triggered_by;
        upheld_by = unit->upheld_by;
        r = manager_bus_ask_unit(&talk->bus, (size_t)(unit - talk->bus.units.list),
                                 further_kinds(unit));
        if (r == 0)
                r = ask_kin(talk, triggered_by);
        return r < 0 ? r : ask_kin(talk, upheld_by);
}

/* The service behind a .socket unit has triggers and upholders too. */
static int ask_service_of(struct talk *talk, const char *socket_unit)
{
        const struct unit *unit = units_find(&talk->bus.units, socket_unit, strlen(socket_unit));
        const char *list = unit && unit->accept == AIU_TRISTATE_NO ? unit->triggers : NULL, *first;
        char name[UNIT_NAME_BYTES];
        size_t n;

        if (!unit_list_next(&list, &first, &n))
                return 0;
        (void)snprintf(name, sizeof(name), "%.*s", (int)n, first);
        return ask_with_kin(talk, name, 0);
}

static int ask_about(struct talk *talk, struct subject *subject)
{
        int r = 0;

        if (wants_socket_unit(subject)) {
                if (!talk->listed_sockets) {
                        talk->listed_sockets = true;
                        return manager_bus_ask_list(&talk->bus, "active", "*.socket");
                }
                find_socket_unit(talk, subject);
        }
        if (subject->unit[0])
                r = ask_with_kin(talk, subject->unit, subject->is_kept ? UNIT_ASK_FD_STORE : 0);
        if (r == 0 && subject->socket_unit[0])
                r = ask_with_kin(talk, subject->socket_unit, 0);
        if (r == 0 && subject->socket_unit[0])
                r = ask_service_of(talk, subject->socket_unit);
        return r;
}

static int ask_listed(struct talk *talk)
{
        int r = 0;

        for (size_t i = 0; r == 0 && talk->listed_sockets && i < talk->bus.units.n; i++)
                if (unit_is_up(&talk->bus.units.list[i]))
                        r = manager_bus_ask_unit(&talk->bus, i, UNIT_ASK_LISTEN);
        return r;
}

static int run_rounds(struct talk *talk)
{
        for (size_t round = 0; round < MOST_ROUNDS; round++) {
                int r = ask_listed(talk);

                for (size_t i = 0; r == 0 && i < talk->subjects->n; i++)
                        if (talk_is_about(talk, &talk->subjects->list[i]))
                                r = ask_about(talk, &talk->subjects->list[i]);
                if (r < 0 || talk->bus.n_pending == 0)
                        return r;
                r = manager_bus_wait(&talk->bus);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ------------------------------------------------------ descriptor stores */

/* A socket that only the manager holds, and that no .socket unit claims. */
static bool is_unclaimed(const struct talk *talk, const struct subject *subject)
{
        return talk_is_about(talk, subject) && wants_socket_unit(subject) && !subject->is_hidden;
}

static bool has_unclaimed(const struct talk *talk)
{
        for (size_t i = 0; i < talk->subjects->n; i++)
                if (is_unclaimed(talk, &talk->subjects->list[i]))
                        return true;
        return false;
}

static int ask_fd_stores(struct talk *talk)
{
        int r = manager_bus_ask_list(&talk->bus, NULL, "*.service");

        if (r == 0)
                r = manager_bus_wait(&talk->bus);
        for (size_t i = 0; r == 0 && i < talk->bus.units.n; i++)
                if (unit_is(talk->bus.units.list[i].name, ".service"))
                        r = manager_bus_ask_unit(&talk->bus, i, UNIT_ASK_FD_STORE);
        return r < 0 ? r : manager_bus_wait(&talk->bus);
}

/* Who else holds the socket and keeps descriptors with its manager? */
static const struct unit *storing_holder(const struct talk *talk, uint64_t inode)
{
        for (size_t i = 0; i < talk->subjects->n; i++) {
                const struct subject *other = &talk->subjects->list[i];
                const struct unit *unit;

                if (!talk_is_about(talk, other) || other->is_kept || !other->unit[0] ||
                    !subject_holds(talk->snapshot, other->pid, inode))
                        continue;
                unit = units_find(&talk->bus.units, other->unit, strlen(other->unit));
                if (unit && unit->n_fd_store > 0)
                        return unit;
        }
        return NULL;
}

/* The only service that keeps any; NULL: there are several, or none. */
static const struct unit *only_storing(const struct talk *talk)
{
        const struct unit *found = NULL;

        for (size_t i = 0; i < talk->bus.units.n; i++) {
                if (talk->bus.units.list[i].n_fd_store == 0)
                        continue;
                if (found)
                        return NULL;
                found = &talk->bus.units.list[i];
        }
        return found;
}

static void claim(struct talk *talk)
{
        for (size_t i = 0; i < talk->subjects->n; i++) {
                struct subject *subject = &talk->subjects->list[i];
                const struct unit *unit;

                if (!is_unclaimed(talk, subject))
                        continue;
                unit = storing_holder(talk, subject->inode);
                if (!unit)
                        unit = only_storing(talk);
                if (unit)
                        (void)snprintf(subject->unit, sizeof(subject->unit), "%s", unit->name);
        }
}

int talk_run(struct talk *talk)
{
        int r = run_rounds(talk);

        if (r < 0 || !has_unclaimed(talk))
                return r;
        r = ask_fd_stores(talk);
        if (r < 0)
                return r;
        claim(talk);
        return run_rounds(talk);
}

int talk_list_restarting(struct talk *talk)
{
        int r = manager_bus_ask_list(&talk->bus, "auto-restart", "*.service");

        return r < 0 ? r : manager_bus_wait(&talk->bus);
}
