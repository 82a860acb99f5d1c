/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For a survey: what will listen at the next boot, and how services start and stop. Two rounds of questions to the
 * system's manager: which units there are, then their properties.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backend/systemd/sd-bus-session.h"
#include "util/sys.h"

/* ------------------------------------------------------ asking */

/* The services that have a socket. */
static int add_holders(struct session *session)
{
        struct aiu_manager_fact fact = { .size = sizeof(fact) };

        for (size_t i = 0; aiu_snapshot_get_manager(session->snapshot, i, &fact); i++) {
                size_t index;
                int r;

                if (fact.kind != AIU_MANAGER_SYSTEMD || !fact.unit || fact.named_by != 0 ||
                    !unit_is(fact.unit, ".service"))
                        continue;
                r = units_add(&session->bus.units, fact.unit, strlen(fact.unit), &index);
                if (r == -ENOMEM)
                        return r;
        }
        return 0;
}

static int ask_all(struct session *session)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < session->bus.units.n; i++) {
                uint32_t kinds = UNIT_ASK_STATE | UNIT_ASK_REST;

                if (unit_is(session->bus.units.list[i].name, ".socket"))
                        kinds |= UNIT_ASK_KIN | UNIT_ASK_LISTEN | UNIT_ASK_SHARING;
                else
                        kinds |= UNIT_ASK_SPARING | UNIT_ASK_SINCE;
                r = manager_bus_ask_unit(&session->bus, i, kinds);
                if (r == 0)
                        r = manager_bus_wait_if_many(&session->bus);
        }
        return r;
}

int session_list_units(struct session *session, bool restarts)
{
        int r = manager_bus_ask_list(&session->bus, NULL, "*.socket");

        if (r == 0 && restarts)
                r = manager_bus_ask_list(&session->bus, NULL, "*.service");
        if (r == 0)
                r = manager_bus_wait(&session->bus);
        if (r == 0)
                r = add_holders(session);
        if (r == 0)
                r = ask_all(session);
        return r < 0 ? r : manager_bus_wait(&session->bus);
}

/* ------------------------------------------------------ telling */

static int protocol_of(const struct unit *unit, const struct listen_address *listen)
{
        if (unit->protocol == 0)
                return listen->type == SOCK_DGRAM ? IPPROTO_UDP : IPPROTO_TCP;
        return unit->protocol == IPPROTO_MPTCP ? IPPROTO_TCP : unit->protocol;
}

static enum aiu_tristate v6only_of(const struct unit *unit, enum aiu_tristate v6only)
{
        if (unit->bind_ipv6_only && strcmp(unit->bind_ipv6_only, "ipv6-only") == 0)
                return AIU_TRISTATE_YES;
        if (unit->bind_ipv6_only && strcmp(unit->bind_ipv6_only, "both") == 0)
                return AIU_TRISTATE_NO;
        return unit->bind_ipv6_only ? v6only : AIU_TRISTATE_UNKNOWN;
}

static uint64_t active_usec(const struct unit *unit)
{
        uint64_t now = sys_now_nsec() / 1000;

        if (!unit->active_state || strcmp(unit->active_state, "active") != 0 || unit->active_since == 0)
                return 0;
        return now > unit->active_since ? now - unit->active_since : 1;
}

/* A device that is not there yet tells nothing about the address. */
static int tell_listen(const struct unit *unit, const struct listen_address *listen, const struct aiu_unit_fact *about,
                       struct aiu_snapshot *snapshot)
{
        struct listen_address address = *listen;
        struct aiu_unit_fact fact = *about;
        bool has_device = unit->device && *unit->device;

        if (address.sa.any.sa_family != AF_INET && address.sa.any.sa_family != AF_INET6)
                return 0;
        fact.ifindex = has_device ? session_ifindex(unit->device) : 0;
        if (has_device && fact.ifindex == 0)
                return 0;
        if (*address.scope)
                address.sa.in6.sin6_scope_id = session_ifindex(address.scope);
        fact.listen = &address.sa.any;
        fact.listen_len = address.len;
        fact.type = address.type;
        fact.protocol = protocol_of(unit, &address);
        return aiu_snapshot_add_unit(snapshot, &fact);
}

/* With PrivateNetwork= or NetworkNamespacePath= it listens in another network namespace, where other sockets are. */
static bool listens_here(const struct unit *unit)
{
        return unit->private_network == AIU_TRISTATE_NO && !(unit->network_namespace && *unit->network_namespace);
}

static int tell_unit(const struct unit *unit, enum aiu_tristate v6only, struct aiu_snapshot *snapshot)
{
        struct aiu_unit_fact fact = { .size = sizeof(fact),
                                      .name = unit->name,
                                      .state = unit->active_state,
                                      .sub_state = unit->sub_state,
                                      .enabled = unit->enabled,
                                      .kill_mode = unit->kill_mode,
                                      .n_restarts = unit->n_restarts,
                                      .active_usec = active_usec(unit),
                                      .reuseport = unit->reuseport,
                                      .v6only = v6only_of(unit, v6only) };
        const char *list = unit->triggers, *first;
        char service[UNIT_NAME_BYTES];
        size_t n;
        int r = 0;

        if (unit->accept == AIU_TRISTATE_NO && unit_list_next(&list, &first, &n)) {
                (void)snprintf(service, sizeof(service), "%.*s", (int)n, first);
                fact.service = service;
        }
        if (!unit_is(unit->name, ".socket"))
                return aiu_snapshot_add_unit(snapshot, &fact);
        for (size_t i = 0; r == 0 && listens_here(unit) && i < unit->n_listen; i++)
                r = tell_listen(unit, &unit->listen[i], &fact, snapshot);
        return r;
}

int session_tell_units(const struct session *session, enum aiu_tristate v6only, struct aiu_snapshot *snapshot)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < session->bus.units.n; i++)
                r = tell_unit(&session->bus.units.list[i], v6only, snapshot);
        if (r != -ENOBUFS)
                return r;
        (void)aiu_snapshot_add_gap(snapshot, AIU_GAP_TRUNCATED, ENOBUFS,
                                   "there are more units than a survey can hold: the rest were not looked at");
        return 0;
}
