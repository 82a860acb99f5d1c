/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * managers: what systemd knows of the units that the cgroups named, and whose the sockets are that it holds itself.
 * libsystemd is loaded for the duration, never linked (sd-bus-load.c); compiled without its headers this backend says
 * so and no more. What is asked is in sd-bus-session.c, what it means in sd-bus-conclude.c.
 */
#include <errno.h>
#include <stdbool.h>

#include <fcntl.h>

#include "backend/backends.h"
#include "util/sys.h"

/* The cgroups named units, and nothing more will be known of them. */
static bool note_unasked(struct aiu_snapshot *snapshot, int error, const char *text)
{
        struct aiu_manager_fact fact = { .size = sizeof(fact) };

        for (size_t i = 0; aiu_snapshot_get_manager(snapshot, i, &fact); i++) {
                if (fact.kind != AIU_MANAGER_SYSTEMD && fact.kind != AIU_MANAGER_SYSTEMD_USER)
                        continue;
                (void)aiu_snapshot_add_gap(snapshot, AIU_GAP_BACKEND, error, text);
                return true;
        }
        return false;
}

#define NOT_KNOWN "the state of the unit and its Restart= are unknown"

#define UNITS_NOT_KNOWN "what its units will do at the next start is unknown"

/* sd_booted(3). Without it, merely to knock might start a message bus. */
static bool is_systemd_running(void)
{
        struct stat st;

        return sys_fstatat(AT_FDCWD, "/run/systemd/system", &st, AT_SYMLINK_NOFOLLOW) >= 0 && S_ISDIR(st.st_mode);
}

#ifdef HAVE_LIBSYSTEMD

#include <stdio.h>
#include <string.h>

#include "util/caller.h"
#include "backend/systemd/sd-bus-conclude.h"

/* Whatever the deadline: a service manager that has not answered by now hangs. */
#define MOST_USEC 2000000u

struct phase {
        const struct aiu_request *request;
        struct aiu_snapshot *snapshot;
        struct sd_bus_library library;
        struct unit_queries queries;
        enum {
                ABOUT_HOLDERS,
                ABOUT_RESTARTING, /* there is no holder: who may come back? */
                ABOUT_UNITS,
        } about;
        uint64_t until_nsec;
        uid_t asker;
};

/* Where a manager can be reached. */
struct endpoint {
        char path[64];
        bool is_bus;
};

/* A user's manager lets in that user and root, but only by its own socket: the
 * user's message bus turns root away. The system's own socket is for root alone,
 * and is there when the message bus is not. */
static size_t find_endpoints(const struct phase *phase, bool is_user, uid_t user, struct endpoint endpoints[2])
{
        if (is_user) {
                (void)snprintf(endpoints[0].path, sizeof(endpoints[0].path), "/run/user/%u/systemd/private",
                               (unsigned int)user);
                return phase->asker == 0 || phase->asker == user ? 1 : 0;
        }
        endpoints[0] = (struct endpoint){ .path = "/run/dbus/system_bus_socket", .is_bus = true };
        endpoints[1] = (struct endpoint){ .path = "/run/systemd/private" };
        return phase->asker == 0 ? 2 : 1;
}

static int hold_conversation(const struct phase *phase, struct session *session)
{
        switch (phase->about) {
        case ABOUT_RESTARTING:
                return session_list_restarting(session);
        case ABOUT_UNITS:
                return session_list_units(session, phase->request->survey_flags & AIU_SURVEY_RESTARTS);
        default:
                return session_run(session);
        }
}

static int converse(struct phase *phase, struct session *session, const struct endpoint *endpoint, uint64_t until_nsec)
{
        int r = manager_bus_open(&session->bus, &phase->library, endpoint->path, endpoint->is_bus, session->user,
                                 until_nsec);

        if (r == 0)
                r = hold_conversation(phase, session);
        manager_bus_close(&session->bus);
        return r;
}

/* With a second door, the first gets half of the time. */
static uint64_t until(const struct phase *phase, bool is_last)
{
        uint64_t now = sys_now_nsec();

        return is_last || now >= phase->until_nsec ? phase->until_nsec : now + (phase->until_nsec - now) / 2;
}

static void note_failure(struct phase *phase, const struct session *session, int error)
{
        char who[64] = "systemd", text[256];

        if (session->is_user)
                (void)snprintf(who, sizeof(who), "the service manager of uid %u", (unsigned int)session->user);
        if (error == -ETIME)
                (void)snprintf(text, sizeof(text), "%s did not answer in time: %s", who,
                               phase->about == ABOUT_UNITS ? UNITS_NOT_KNOWN : NOT_KNOWN);
        else
                (void)snprintf(text, sizeof(text), "%s could not be reached (error %d): %s", who, -error,
                               phase->about == ABOUT_UNITS ? UNITS_NOT_KNOWN : NOT_KNOWN);
        (void)aiu_snapshot_add_gap(phase->snapshot, error == -ETIME ? AIU_GAP_DEADLINE : AIU_GAP_BACKEND, error, text);
}

static void note_locked(struct phase *phase, const struct session *session)
{
        char text[256];

        (void)snprintf(text, sizeof(text),
                       "the service manager of uid %u answers only that user and root: the state of the unit and its "
                       "Restart= are unknown",
                       (unsigned int)session->user);
        (void)aiu_snapshot_add_gap(phase->snapshot, AIU_GAP_PERMISSION, EACCES, text);
}

static enum aiu_tristate read_v6only(int procfs)
{
        char text[4];

        if (sys_read_file(procfs, "sys/net/ipv6/bindv6only", text, sizeof(text)) <= 0)
                return AIU_TRISTATE_UNKNOWN;
        return *text == '0' ? AIU_TRISTATE_NO : AIU_TRISTATE_YES;
}

static void note_more_addresses(struct phase *phase, const struct session *session)
{
        char text[512];

        for (size_t i = 0; i < session->bus.units.n; i++) {
                const struct unit *unit = &session->bus.units.list[i];

                if (!unit->listens_on_more)
                        continue;
                (void)snprintf(text, sizeof(text), "%s listens on more than %u addresses: the rest were not looked at",
                               unit->name, UNIT_MOST_LISTEN);
                (void)aiu_snapshot_add_gap(phase->snapshot, AIU_GAP_TRUNCATED, ENOBUFS, text);
        }
}

/* What came before it fell silent is as true. */
static int conclude(struct phase *phase, const struct session *session, bool complete)
{
        note_more_addresses(phase, session);
        if (phase->about == ABOUT_UNITS)
                return session_tell_units(session, read_v6only(phase->request->procfs), phase->snapshot);
        if (phase->about == ABOUT_RESTARTING)
                return session_note_restarting(session, phase->snapshot);
        return session_conclude(session, complete, phase->snapshot);
}

static int ask_manager(struct phase *phase, struct session *session)
{
        struct endpoint endpoints[2] = { 0 };
        size_t n = find_endpoints(phase, session->is_user, session->user, endpoints);
        int r = -EACCES;

        for (size_t i = 0; i < n && r < 0 && r != -ENOMEM; i++) {
                units_finish(&session->bus.units);
                session->listed_sockets = session->knows_sockets = false;
                r = converse(phase, session, &endpoints[i], until(phase, i + 1 == n));
        }
        if (n == 0)
                note_locked(phase, session);
        else if (r < 0 && phase->about != ABOUT_RESTARTING)
                note_failure(phase, session, r);
        if (r != -ENOMEM && conclude(phase, session, r == 0) < 0)
                r = -ENOMEM;
        units_finish(&session->bus.units);
        return n == 0 ? 0 : r;
}

/* Has this subject's manager been asked on behalf of an earlier one? */
static bool is_first(const struct unit_queries *queries, size_t at)
{
        const struct unit_query *s = &queries->list[at];

        for (size_t i = 0; i < at; i++)
                if (queries->list[i].is_user == s->is_user && (!s->is_user || queries->list[i].user == s->user))
                        return false;
        return true;
}

static int ask_managers(struct phase *phase)
{
        int result = AIU_PARTIAL;

        if (phase->about != ABOUT_HOLDERS) {
                struct session session = { .snapshot = phase->snapshot, .queries = &phase->queries };

                return ask_manager(phase, &session) == -ENOMEM ? -ENOMEM : AIU_PARTIAL;
        }
        for (size_t i = 0; i < phase->queries.n; i++) {
                struct session session = {
                        .snapshot = phase->snapshot,
                        .queries = &phase->queries,
                        .is_user = phase->queries.list[i].is_user,
                        .user = phase->queries.list[i].user,
                };
                int r;

                if (!is_first(&phase->queries, i))
                        continue;
                r = ask_manager(phase, &session);
                if (r == -ENOMEM)
                        return r;
                if (r < 0)
                        result = r;
        }
        return result;
}

static int load_and_ask(struct phase *phase)
{
        uint64_t left = aiu_request_time_left_usec(phase->request);
        int r;

        if (left == 0)
                return -ETIME;
        phase->until_nsec = sys_now_nsec() + (left < MOST_USEC ? left : MOST_USEC) * 1000u;
        phase->asker = sys_geteuid();
        r = sd_bus_library_load(&phase->library);
        if (r < 0) {
                (void)aiu_snapshot_add_gap(phase->snapshot, AIU_GAP_BACKEND, r,
                                           phase->about == ABOUT_UNITS
                                                   ? "libsystemd.so.0 could not be loaded: " UNITS_NOT_KNOWN
                                                   : "libsystemd.so.0 could not be loaded: " NOT_KNOWN);
                return r;
        }
        r = ask_managers(phase);
        sd_bus_library_unload(&phase->library);
        return r;
}

static int managers(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        struct phase phase = { .request = request, .snapshot = snapshot };
        uint64_t any;
        int r;

        (void)userdata;
        if (!is_systemd_running())
                return AIU_PARTIAL;
        if (request->context_flags & AIU_CONTEXT_NO_IPC || request->plain_calls_only) {
                (void)note_unasked(
                        snapshot, 0,
                        request->plain_calls_only
                                ? "systemd was not asked, because the caller is under a seccomp filter: " NOT_KNOWN
                                : "systemd was not asked, as requested: " NOT_KNOWN);
                return AIU_PARTIAL;
        }
        /* A unit of the same name, or a main process of the same number, is another one here. */
        if (caller_pids_are_foreign(request->procfs)) {
                (void)note_unasked(
                        snapshot, 0,
                        "systemd was not asked, because the processes are in another pid namespace: " NOT_KNOWN);
                return AIU_PARTIAL;
        }
        if (!aiu_snapshot_get_wanted_inode(snapshot, 0, &any))
                phase.about = ABOUT_RESTARTING;
        r = queries_collect(snapshot, &phase.queries);
        if (r == 0)
                r = phase.queries.n > 0 || phase.about == ABOUT_RESTARTING ? load_and_ask(&phase) : AIU_PARTIAL;
        queries_finish(&phase.queries);
        return r;
}

/* systemd binds in the network namespace of process 1. */
static enum aiu_tristate is_with_systemd(int procfs)
{
        struct stat ours, theirs;

        if (procfs < 0 || sys_fstatat(procfs, "self/ns/net", &ours, 0) < 0 ||
            sys_fstatat(procfs, "1/ns/net", &theirs, 0) < 0)
                return AIU_TRISTATE_UNKNOWN;
        return ours.st_ino == theirs.st_ino ? AIU_TRISTATE_YES : AIU_TRISTATE_NO;
}

static int note_units(struct aiu_snapshot *snapshot, enum aiu_gap_kind kind, int error, const char *text)
{
        return aiu_snapshot_add_gap(snapshot, kind, error, text) == -ENOMEM ? -ENOMEM : AIU_PARTIAL;
}

static int units(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        struct phase phase = { .request = request, .snapshot = snapshot, .about = ABOUT_UNITS };
        enum aiu_tristate with_systemd = is_with_systemd(request->procfs);
        int r;

        (void)userdata;
        if (!is_systemd_running() || caller_pids_are_foreign(request->procfs) || with_systemd == AIU_TRISTATE_NO)
                return AIU_PARTIAL;
        if (request->context_flags & AIU_CONTEXT_NO_IPC || request->plain_calls_only)
                return note_units(snapshot, AIU_GAP_BACKEND, 0, "systemd was not asked: " UNITS_NOT_KNOWN);
        if (with_systemd == AIU_TRISTATE_UNKNOWN)
                return note_units(snapshot, AIU_GAP_PERMISSION, EACCES,
                                  "the network namespace of process 1 could not be read: " UNITS_NOT_KNOWN);
        r = load_and_ask(&phase);
        return r == -ENOMEM ? r : AIU_PARTIAL;
}

#else

static int units(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        (void)userdata;
        (void)request;
        if (is_systemd_running())
                (void)aiu_snapshot_add_gap(snapshot, AIU_GAP_BACKEND, EOPNOTSUPP,
                                           "built without systemd support: " UNITS_NOT_KNOWN);
        return AIU_PARTIAL;
}

static int managers(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        (void)userdata;
        (void)request;
        return note_unasked(snapshot, EOPNOTSUPP, "built without systemd support: " NOT_KNOWN) ? -EOPNOTSUPP
                                                                                               : AIU_PARTIAL;
}

#endif

const struct aiu_backend backend_sd_bus = {
        .size = sizeof(struct aiu_backend),
        .name = "sd-bus",
        .managers = managers,
        .units = units,
};
