/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * socket-and-service, next-boot, duplicate-listen, restart-loop, unit-spares-holder: what systemd's units will do at
 * their next start or stop. Whether an address is taken is the rules' to say. Pure.
 */
#include <errno.h>
#include <string.h>

#include "rules/address.h"
#include "rules/conflict.h"
#include "survey/survey.h"
#include "util/macro.h"

#define MANY_RESTARTS 3u
#define SHORT_USEC UINT64_C(60000000)
#define MOST_PAIRS 256u
#define MOST_SOCKETS 64u

static bool is_up(const struct managed_unit *u)
{
        static const char *const up[] = { "active", "reloading", "refreshing", "activating", "deactivating" };

        return is_one_of(u->state, up, ELEMENTSOF(up));
}

/* At the next boot it will listen, and it does not now. */
static bool will_listen(const struct managed_unit *u)
{
        static const char *const down[] = { "inactive", "failed" };

        return u->listen.len > 0 && is_one_of(u->state, down, ELEMENTSOF(down)) && u->enabled &&
               strcmp(u->enabled, "enabled") == 0;
}

static void put_listen(struct strbuf *out, const struct managed_unit *u)
{
        const struct socket socket = { .local = u->listen, .type = u->type, .protocol = u->protocol };

        survey_put_address(out, &socket);
}

/* ------------------------------------------------------ would its bind() fail? */

static bool fails_with(const struct managed_unit *u, bool v6only, const struct socket *s, const struct host *host)
{
        /* systemd sets SO_REUSEADDR on each socket. */
        const struct request request = { .address = u->listen,
                                         .type = u->type,
                                         .protocol = u->protocol,
                                         .reuseaddr = true,
                                         .reuseport = u->reuseport != NO,
                                         .v6only = v6only,
                                         .freebind = true,
                                         .listen = true,
                                         .ifindex = u->ifindex };

        return conflict_judge(&request, s, host).blocking == YES;
}

/* An option that is not known has to make no difference. */
static bool fails(const struct managed_unit *u, const struct socket *s, const struct host *host)
{
        if (u->protocol != s->protocol || address_port(&u->listen) != address_port(&s->local))
                return false;
        if (u->v6only != UNKNOWN)
                return fails_with(u, u->v6only == YES, s, host);
        return fails_with(u, true, s, host) && fails_with(u, false, s, host);
}

/* ------------------------------------------------------ against sockets that are there */

static bool is_unit(const char *name, const char *suffix)
{
        return ends_with(name, strlen(name), suffix);
}

static bool is_same(const char *a, const char *b)
{
        return a && b && strcmp(a, b) == 0;
}

/* A socket does not tell who bound it: a unit that was stopped leaves its socket with the service. */
static int say_taken(struct aiu_survey *survey, const struct managed_unit *u, size_t socket)
{
        const char *owner = survey->owners[socket], *unit = survey_system_unit(survey, socket);
        struct hazard_draft draft = { .kind = AIU_HAZARD_NEXT_BOOT,
                                      .severity = AIU_SEVERITY_ERROR,
                                      .argv = { "systemctl", "disable", u->name },
                                      .sockets = &socket,
                                      .n_sockets = 1 };

        survey_put_name(&draft.text, u->name);
        strbuf_str(&draft.text, " is enabled and not active, and wants ");
        put_listen(&draft.text, u);
        strbuf_str(&draft.text, ", which ");
        if (is_same(unit, u->service)) {
                draft.kind = AIU_HAZARD_SOCKET_AND_SERVICE;
                draft.severity = AIU_SEVERITY_WARNING;
                draft.argv[0] = NULL;
                strbuf_printf(&draft.text,
                              "its own service %s has: unless the service got the socket from the unit, one of the two "
                              "fails at the next boot",
                              owner);
                strbuf_str(&draft.fix,
                           "if the service binds itself, the .socket unit has to be disabled. If it takes its socket "
                           "from systemd, start the .socket unit before the service");
        } else {
                if (unit && is_unit(unit, ".socket"))
                        draft.kind = AIU_HAZARD_DUPLICATE_LISTEN;
                survey_put_socket(&draft.text, survey, socket);
                strbuf_str(&draft.text, " has: at the next boot one of the two fails");
                strbuf_str(&draft.fix, "unless ");
                survey_put_name(&draft.fix, u->name);
                strbuf_printf(&draft.fix, " is meant to have the address, and %s is not", owner);
        }
        return hazard_add(survey, &draft);
}

/* One socket tells of a unit, for each owner that it meets. */
static int compare_with_sockets(struct aiu_survey *survey, const struct managed_unit *u, const struct host *host)
{
        const char *told = NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < survey->facts->n_conflicts; i++) {
                const char *owner = survey->owners[i];

                if (!owner || survey->facts->conflicts[i].socket.netns != 0 ||
                    !fails(u, &survey->facts->conflicts[i].socket, host) || is_same(owner, told) ||
                    is_same(survey_system_unit(survey, i), u->name))
                        continue;
                told = owner;
                r = say_taken(survey, u, i);
        }
        return r;
}

/* ------------------------------------------------------ against each other */

static bool want_the_same(const struct managed_unit *a, const struct managed_unit *b, const struct host *host)
{
        const struct socket socket = { .local = b->listen,
                                       .type = b->type,
                                       .protocol = b->protocol,
                                       .state = b->type == SOCK_STREAM ? AIU_STATE_LISTEN : AIU_STATE_BOUND,
                                       .ifindex = b->ifindex,
                                       .inode = 1,
                                       .reuseaddr = YES,
                                       .reuseport = b->reuseport,
                                       .v6only = b->v6only };

        return fails(a, &socket, host);
}

static int say_duplicate(struct aiu_survey *survey, const struct managed_unit *a, const struct managed_unit *b)
{
        struct hazard_draft draft = { .kind = AIU_HAZARD_DUPLICATE_LISTEN,
                                      .severity = AIU_SEVERITY_ERROR,
                                      .argv = { "systemctl", "disable", b->name } };

        survey_put_name(&draft.text, a->name);
        strbuf_str(&draft.text, " wants ");
        put_listen(&draft.text, a);
        strbuf_str(&draft.text, " and ");
        survey_put_name(&draft.text, b->name);
        strbuf_str(&draft.text, " wants ");
        put_listen(&draft.text, b);
        strbuf_str(&draft.text, ", and both are enabled: at the next boot one of the two fails");
        strbuf_str(&draft.fix, "or disable ");
        survey_put_name(&draft.fix, a->name);
        strbuf_str(&draft.fix, ", whichever is not meant to have the address");
        return hazard_add(survey, &draft);
}

static bool are_rivals(const struct aiu_snapshot *s, size_t a, size_t b)
{
        return will_listen(&s->units[b]) && strcmp(s->units[a].name, s->units[b].name) != 0 &&
               want_the_same(&s->units[a], &s->units[b], &s->host);
}

/* 1 = there are more pairs than are told. */
static int compare_units(struct aiu_survey *survey, const struct aiu_snapshot *s)
{
        size_t n_pairs = 0;
        int r = 0;

        for (size_t a = 0; r >= 0 && a < s->n_units; a++)
                for (size_t b = a + 1; r >= 0 && will_listen(&s->units[a]) && b < s->n_units; b++) {
                        if (!are_rivals(s, a, b))
                                continue;
                        if (n_pairs++ >= MOST_PAIRS)
                                return 1;
                        r = say_duplicate(survey, &s->units[a], &s->units[b]);
                }
        return r;
}

/* ------------------------------------------------------ services */

static size_t sockets_of(const struct aiu_survey *survey, const char *unit, size_t sockets[MOST_SOCKETS])
{
        size_t n = 0;

        for (size_t i = 0; i < survey->facts->n_conflicts && n < MOST_SOCKETS; i++)
                if (address_is_ip(&survey->facts->conflicts[i].socket.local) &&
                    is_same(survey_system_unit(survey, i), unit))
                        sockets[n++] = i;
        return n;
}

/* Restarts are counted since somebody started the unit: those of a service that has run for long by now are over. */
static bool is_in_loop(const struct managed_unit *u)
{
        if (u->n_restarts < MANY_RESTARTS || !u->state)
                return false;
        return strcmp(u->state, "activating") == 0 || strcmp(u->state, "failed") == 0 ||
               (u->active_usec > 0 && u->active_usec < SHORT_USEC);
}

static int look_for_loop(struct aiu_survey *survey, const struct managed_unit *u)
{
        size_t sockets[MOST_SOCKETS];
        struct hazard_draft draft = { .kind = AIU_HAZARD_RESTART_LOOP,
                                      .severity = AIU_SEVERITY_ERROR,
                                      .argv = { "systemctl", "reset-failed", u->name },
                                      .sockets = sockets };

        if (!is_in_loop(u))
                return 0;
        draft.n_sockets = sockets_of(survey, u->name, sockets);
        strbuf_str(&draft.text, "systemd has started ");
        survey_put_name(&draft.text, u->name);
        strbuf_printf(&draft.text, " again %u times, and it is %s now", u->n_restarts,
                      strcmp(u->state, "active") == 0 ? "up for less than a minute" : u->state);
        strbuf_str(
                &draft.fix,
                "once the cause is gone, which the journal of the unit shows: systemd counts from 0 again. This starts "
                "nothing: a unit that systemd had given up needs systemctl start");
        return hazard_add(survey, &draft);
}

static int look_for_sparing(struct aiu_survey *survey, const struct managed_unit *u)
{
        static const char *const sparing[] = { "process", "none" };
        size_t sockets[MOST_SOCKETS];
        struct hazard_draft draft = { .kind = AIU_HAZARD_UNIT_SPARES_HOLDER,
                                      .severity = AIU_SEVERITY_INFO,
                                      .sockets = sockets };

        if (!is_up(u) || !is_one_of(u->kill_mode, sparing, ELEMENTSOF(sparing)))
                return 0;
        draft.n_sockets = sockets_of(survey, u->name, sockets);
        if (draft.n_sockets == 0)
                return 0;
        survey_put_name(&draft.text, u->name);
        strbuf_printf(&draft.text, " has KillMode=%s and ", u->kill_mode);
        survey_put_address(&draft.text, &survey->facts->conflicts[sockets[0]].socket);
        strbuf_str(&draft.text, ": a stop of the unit may leave a process behind that keeps the port");
        strbuf_str(&draft.fix, "KillMode=mixed or control-group in the unit, unless its processes have to outlive it");
        return hazard_add(survey, &draft);
}

/* ------------------------------------------------------ all of them */

int hazards_units(struct aiu_survey *survey, const struct aiu_snapshot *s)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < s->n_units; i++) {
                const struct managed_unit *u = &s->units[i];

                if (will_listen(u))
                        r = compare_with_sockets(survey, u, &s->host);
                if (r >= 0 && is_unit(u->name, ".service"))
                        r = look_for_loop(survey, u);
                if (r >= 0 && is_unit(u->name, ".service"))
                        r = look_for_sparing(survey, u);
        }
        return r < 0 ? r : compare_units(survey, s);
}
