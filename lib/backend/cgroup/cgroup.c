/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * managers, without asking a service: the manager of a holder, by its cgroup, and the unit of a socket that only a
 * service manager holds, or no visible process, by the cgroup that created it (INET_DIAG_CGROUP_ID). systemd creates
 * the sockets of a .socket unit inside that unit's cgroup (socket_address_listen_in_cgroup() in its socket.c), so
 * every user can find the unit by the id.
 *
 * The id is that of the creator at the time of socket(2), not of the holder: it is believed only where the holder's
 * own cgroup cannot tell.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backends.h"
#include "backend/cgroup/cgroup-id.h"
#include "backend/cgroup/cgroup-parse.h"
#include "util/macro.h"
#include "backend/cgroup/cgroup-count.h"
#include "backend/cgroup/cgroup-supervisor.h"
#include "backend/cgroup/cgroup-word.h"
#include "util/caller.h"
#include "util/sys.h"

#define MOST_IDS 64u
#define MOST_SOCKETS 1024u
#define CGROUP_TEXT_BYTES 8192u

/* A process that holds something, as far as sockets ask for it. */
struct looked_at {
        pid_t pid;
        bool is_manager;
        bool is_own_service; /* in a service or scope of systemd: a .socket may feed it */
};

/* A socket that its holder's own cgroup does not explain. */
struct unresolved {
        uint64_t inode;
        uint64_t cgroup_id;
        pid_t pid; /* 0 = no visible holder */
        bool is_manager;
        size_t id; /* index in ids */
};

struct holder_ref {
        uint64_t inode;
        pid_t pid;
};

struct state {
        const struct aiu_request *request;
        struct aiu_snapshot *snapshot;
        struct looked_at *processes;
        size_t n_processes;
        struct holder_ref *refs; /* by inode */
        size_t n_refs;
        struct unresolved *unresolved;
        size_t n_unresolved;
        struct cgroup_id ids[MOST_IDS];
        size_t n_ids;
        char counted_unit[CGROUP_NAME_BYTES]; /* the last one whose processes were counted */
        uint32_t counted;
};

static const char *or_null(const char *text)
{
        return text[0] ? text : NULL;
}

static int add_fact(struct state *state, const struct aiu_manager_fact *fact)
{
        int r = aiu_snapshot_add_manager(state->snapshot, fact);

        return r == -ENOBUFS ? 0 : r;
}

/* ------------------------------------------------------ processes */

static int compare_refs(const void *a, const void *b)
{
        const struct holder_ref *x = a, *y = b;

        return (x->inode > y->inode) - (x->inode < y->inode);
}

static int list_refs(struct state *state)
{
        size_t n = 0;

        while (aiu_snapshot_get_holder(state->snapshot, n, NULL, NULL, NULL))
                n++;
        state->refs = calloc(n + 1, sizeof(*state->refs));
        if (!state->refs)
                return -ENOMEM;
        for (struct holder_ref *to = state->refs; state->n_refs < n; to++)
                (void)aiu_snapshot_get_holder(state->snapshot, state->n_refs++, &to->inode, &to->pid, NULL);
        if (n > 1)
                qsort(state->refs, n, sizeof(*state->refs), compare_refs);
        return 0;
}

static bool holds_something(const void *userdata, pid_t pid)
{
        const struct state *state = userdata;

        for (size_t i = 0; i < state->n_refs; i++)
                if (state->refs[i].pid == pid)
                        return true;
        return false;
}

/* A scope's processes were not started by systemd, so it does not start them again. Who made a
 * container's scope may: a kubelet does, others as they were told (--restart=). */
static enum aiu_tristate returns_by_unit(const struct cgroup_owner *owner)
{
        if (owner->kind == AIU_MANAGER_KUBERNETES)
                return AIU_TRISTATE_YES;
        if (owner->container[0])
                return AIU_TRISTATE_UNKNOWN;
        return cgroup_has_suffix(owner->unit, ".scope") ? AIU_TRISTATE_NO : AIU_TRISTATE_UNKNOWN;
}

/* libvirt has its machines registered with machined as qemu-1-NAME, lxc-1-NAME. */
static const char *machine_keeper(const struct cgroup_owner *owner)
{
        static const char *const prefixes[] = { "qemu-", "lxc-" };

        if (owner->kind != AIU_MANAGER_MACHINE)
                return NULL;
        for (size_t i = 0; i < ELEMENTSOF(prefixes); i++) {
                size_t n = strlen(prefixes[i]), digits;

                if (strncmp(owner->container, prefixes[i], n) != 0)
                        continue;
                digits = strspn(owner->container + n, "0123456789");
                if (digits > 0 && owner->container[n + digits] == '-')
                        return "libvirt";
        }
        return NULL;
}

/* Pid 1 where that is systemd, or a user's: what it holds it holds for its units. */
static bool is_manager(const struct aiu_process_fact *process, const struct cgroup_owner *owner)
{
        if (process->comm && strcmp(process->comm, "systemd") != 0)
                return false;
        return owner->is_manager || (process->comm && process->pid == 1 && !owner->container[0]);
}

static struct aiu_manager_fact fact_of_owner(const struct cgroup_owner *owner)
{
        return (struct aiu_manager_fact){
                .size = sizeof(struct aiu_manager_fact),
                .kind = owner->kind,
                .unit = or_null(owner->unit),
                .container = or_null(owner->container),
                .supervisor = machine_keeper(owner),
                .will_return = returns_by_unit(owner),
                /* Below user@UID.service all is that user's: his units, his rootless containers. */
                .user = owner->user == (uid_t)-1 ? 0 : owner->user,
                .named_by = owner->named_by,
        };
}

/*
 * Who could have given the cgroup its name. Of a container that has to be seen, for no engine is asked about it.
 * systemd is asked about a unit, and makes its cgroups itself: where these are not mounted its word stands.
 */
static void settle_word(struct cgroup_owner *owner)
{
        uid_t word;

        if (!owner->unit[0] && !owner->container[0])
                return;
        word = word_of_cgroup(owner);
        if (word != WORD_UNKNOWN || owner->container[0])
                owner->named_by = word;
}

/*
 * Helpers that hold a container's port. conmon in a service is how a unit runs a container (quadlet, podman generate
 * systemd): then the unit is asked. In the engine's own service, or a login, it is the container.
 */
static void put_port_helper(const struct aiu_request *request, struct aiu_manager_fact *fact,
                            const struct aiu_process_fact *process, char *container)
{
        enum aiu_manager_kind kind = supervisor_find_port_helper(process, container);
        bool in_service = supervisor_runs_container(fact->unit);

        if (kind == AIU_MANAGER_UNKNOWN)
                return;
        if (!fact->container && container[0])
                fact->container = container;
        if (kind == AIU_MANAGER_PODMAN && fact->kind == AIU_MANAGER_KUBERNETES)
                return; /* cri-o has the same conmon */
        if (kind == AIU_MANAGER_PODMAN && in_service && process->comm && strcmp(process->comm, "conmon") == 0)
                return;
        fact->kind = kind;
        fact->will_return = AIU_TRISTATE_UNKNOWN;
        fact->named_by = word_of_both(fact->named_by, word_of_process(request, process->pid, process->comm));
        if (kind == AIU_MANAGER_PODMAN && fact->user == 0 && process->uid != (uid_t)-1)
                fact->user = process->uid;
}

/* The one nearest to the process is the one to ask: a supervisor that is itself a
 * service has other children. But only where it is known what to ask it. */
static void put_supervisor(struct aiu_manager_fact *fact, const struct supervision *supervision)
{
        bool has_unit = fact->unit && (fact->kind == AIU_MANAGER_SYSTEMD || fact->kind == AIU_MANAGER_SYSTEMD_USER);

        if (!supervision->name || fact->container)
                return;
        fact->supervisor = supervision->name;
        if (!supervision->program[0] && has_unit)
                return;
        fact->kind = AIU_MANAGER_SUPERVISOR;
        fact->unit = or_null(supervision->program);
        fact->named_by = supervision->named_by;
        fact->will_return = AIU_TRISTATE_YES;
}

/* Workers of one unit follow each other: count once. */
static uint32_t count_processes(struct state *state, const char *cgroup, const char *unit)
{
        size_t bytes = strlen(unit) + 1;

        if (bytes > sizeof(state->counted_unit))
                return cgroup_count(cgroup, unit);
        if (strcmp(state->counted_unit, unit) != 0) {
                memcpy(state->counted_unit, unit, bytes);
                state->counted = cgroup_count(cgroup, unit);
        }
        return state->counted;
}

static int describe_process(struct state *state, const struct aiu_process_fact *process, struct looked_at *ret)
{
        struct cgroup_owner owner, proxy;
        struct supervision supervision;
        struct aiu_manager_fact fact = { .size = sizeof(fact) };
        char container[CGROUP_NAME_BYTES];

        cgroup_parse(process->cgroup, &owner);
        settle_word(&owner);
        if (owner.kind == AIU_MANAGER_PODMAN && supervisor_find_container_unit(state->request, process, &proxy)) {
                memcpy(proxy.container, owner.container, sizeof(proxy.container));
                proxy.named_by = word_of_both(proxy.named_by, owner.named_by);
                owner = proxy;
        }
        *ret = (struct looked_at){ .pid = process->pid, .is_manager = is_manager(process, &owner) };
        if (ret->is_manager && owner.kind != AIU_MANAGER_SYSTEMD_USER)
                owner = (struct cgroup_owner){ .kind = AIU_MANAGER_SYSTEMD, .user = (uid_t)-1 };
        fact = fact_of_owner(&owner);
        fact.pid = process->pid;
        put_port_helper(state->request, &fact, process, container);
        supervisor_find(state->request, process, holds_something, state, &supervision);
        put_supervisor(&fact, &supervision);
        ret->is_own_service = fact.unit && (fact.kind == AIU_MANAGER_SYSTEMD || fact.kind == AIU_MANAGER_SYSTEMD_USER);
        if (fact.kind == AIU_MANAGER_UNKNOWN)
                return 0;
        if (ret->is_own_service)
                fact.n_processes = count_processes(state, process->cgroup, fact.unit);
        return add_fact(state, &fact);
}

static int describe_processes(struct state *state)
{
        struct aiu_process_fact process = { .size = sizeof(process) };
        size_t n = 0;

        while (aiu_snapshot_get_process(state->snapshot, n, &process))
                n++;
        state->processes = calloc(n + 1, sizeof(*state->processes));
        if (!state->processes)
                return -ENOMEM;
        for (size_t i = 0; i < n && aiu_snapshot_get_process(state->snapshot, i, &process); i++) {
                int r = describe_process(state, &process, &state->processes[state->n_processes++]);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* Which process makes the call; 0 = not known. */
static pid_t find_asker(const struct aiu_request *request)
{
        char number[16];
        ssize_t n;

        if (request->pid > 0)
                return request->pid;
        n = sys_readlinkat(request->procfs, "self", number, sizeof(number) - 1);
        if (n <= 0)
                return 0;
        number[n] = '\0';
        return (pid_t)strtol(number, NULL, 10);
}

/* The unit of who makes the call: is it the one whose .socket unit holds the address? */
static int describe_asker(struct state *state)
{
        struct aiu_process_fact asker = { .size = sizeof(asker), .uid = (uid_t)-1 };
        struct looked_at ignored;
        const char *path;
        int directory, r;
        char *text;

        if (state->request->procfs < 0)
                return 0;
        asker.pid = find_asker(state->request);
        for (size_t i = 0; i < state->n_processes; i++)
                if (state->processes[i].pid == asker.pid)
                        return 0;
        path = asker_file(state->request, "self/cgroup", &directory);
        if (asker.pid <= 0 || sys_read_file_alloc(directory, path, CGROUP_TEXT_BYTES, &text, NULL) < 0)
                return 0;
        asker.cgroup = text;
        r = describe_process(state, &asker, &ignored);
        free(text);
        return r;
}

/* ------------------------------------------------------ sockets */

static const struct looked_at *find_process(const struct state *state, pid_t pid)
{
        for (size_t i = 0; i < state->n_processes; i++)
                if (state->processes[i].pid == pid)
                        return &state->processes[i];
        return NULL;
}

/* Which of the ids this one is; MOST_IDS = there are too many. */
static size_t note_id(struct state *state, uint64_t id, bool everywhere)
{
        size_t i;

        for (i = 0; i < state->n_ids && state->ids[i].id != id; i++)
                ;
        if (i == MOST_IDS)
                return i;
        if (i == state->n_ids)
                state->ids[state->n_ids++] = (struct cgroup_id){ .id = id };
        state->ids[i].everywhere = state->ids[i].everywhere || everywhere;
        return i;
}

static void note_unresolved(struct state *state, const struct aiu_socket_fact *socket, const struct looked_at *process,
                            pid_t pid)
{
        bool open = pid == 0 || (process && process->is_manager);
        size_t id;

        /* A visible holder's own cgroup says enough; but a .socket unit may stand behind it. */
        if (!open && !(process && process->is_own_service))
                return;
        if (state->n_unresolved >= MOST_SOCKETS)
                return;
        id = note_id(state, socket->cgroup_id, open);
        if (id == MOST_IDS)
                return;
        state->unresolved[state->n_unresolved++] = (struct unresolved){
                .inode = socket->inode,
                .cgroup_id = socket->cgroup_id,
                .pid = pid,
                .is_manager = process && process->is_manager,
                .id = id,
        };
}

static bool is_bound_only(const struct aiu_socket_fact *socket)
{
        return socket->state == AIU_STATE_LISTEN || socket->state == AIU_STATE_BOUND;
}

/* The first of its holders. */
static size_t find_ref(const struct state *state, uint64_t inode)
{
        size_t low = 0, high = state->n_refs;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (state->refs[middle].inode < inode)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static void note_socket(struct state *state, const struct aiu_socket_fact *socket)
{
        size_t first = find_ref(state, socket->inode), i;

        if (socket->cgroup_id == 0 || socket->inode == 0 || !aiu_snapshot_wants_inode(state->snapshot, socket->inode))
                return;
        for (i = first; i < state->n_refs && state->refs[i].inode == socket->inode; i++) {
                pid_t pid = state->refs[i].pid;

                /* An accepted connection has its listener's id, and the listener is reported already. */
                if (is_bound_only(socket))
                        note_unresolved(state, socket, find_process(state, pid), pid);
        }
        if (i == first)
                note_unresolved(state, socket, NULL, 0);
}

static int note_sockets(struct state *state)
{
        struct aiu_socket_fact socket = { .size = sizeof(socket) };

        state->unresolved = calloc(MOST_SOCKETS, sizeof(*state->unresolved));
        if (!state->unresolved)
                return -ENOMEM;
        for (size_t i = 0; state->n_unresolved < MOST_SOCKETS && aiu_snapshot_get_socket(state->snapshot, i, &socket);
             i++)
                note_socket(state, &socket);
        return 0;
}

/* What was said of a process in general; what is said of one of its sockets replaces it. */
static void start_from_process(const struct state *state, pid_t pid, struct aiu_manager_fact *fact)
{
        struct aiu_manager_fact general = { .size = sizeof(general) };

        for (size_t i = 0; aiu_snapshot_get_manager(state->snapshot, i, &general); i++)
                if (general.pid == pid && general.inode == 0)
                        *fact = general;
}

/*
 * Made in a cgroup of another user's, who is none of the holder's: not by a service, nor by what was
 * started from that user's own session.
 */
static bool is_made_by_another(const struct state *state, const struct unresolved *unresolved,
                               const struct cgroup_owner *owner)
{
        struct aiu_process_fact process = { .size = sizeof(process) };
        struct aiu_manager_fact general = { .size = sizeof(general) };

        if (owner->user == (uid_t)-1 || owner->user == 0 || unresolved->is_manager)
                return false;
        start_from_process(state, unresolved->pid, &general);
        if (general.kind != AIU_MANAGER_SYSTEMD)
                return false;
        for (size_t i = 0; aiu_snapshot_get_process(state->snapshot, i, &process); i++) {
                if (process.pid != unresolved->pid)
                        continue;
                for (size_t k = 0; k < process.n_uids; k++)
                        if (process.uids[k] == owner->user)
                                return false;
                return process.n_uids == 4;
        }
        return false;
}

static int tell_of_process(struct state *state, const struct unresolved *unresolved, const struct cgroup_owner *owner)
{
        struct aiu_manager_fact fact = { .size = sizeof(fact) };
        bool is_socket_unit = cgroup_has_suffix(owner->unit, ".socket");
        bool handed_over = is_made_by_another(state, unresolved, owner);
        char unit[CGROUP_NAME_BYTES];

        if (handed_over)
                is_socket_unit = false;
        if (!handed_over && (!owner->unit[0] || (!unresolved->is_manager && !is_socket_unit)))
                return 0;
        start_from_process(state, unresolved->pid, &fact);
        fact.pid = unresolved->pid;
        fact.inode = unresolved->inode;
        if (fact.unit) { /* the snapshot may move while the fact is added */
                (void)snprintf(unit, sizeof(unit), "%s", fact.unit);
                fact.unit = unit;
        }
        if (handed_over)
                fact.flags |= AIU_HOLDER_HANDED_OVER;
        else if (is_socket_unit)
                fact.socket_unit = owner->unit;
        else
                fact.unit = owner->unit; /* pid 1 keeps it for a service: its fd store */
        return add_fact(state, &fact);
}

static int tell_of_ownerless(struct state *state, const struct unresolved *unresolved, struct cgroup_owner *owner)
{
        struct aiu_manager_fact fact = fact_of_owner(owner);

        fact.cgroup_id = unresolved->cgroup_id;
        if (cgroup_has_suffix(owner->unit, ".socket")) {
                fact.unit = NULL;
                fact.socket_unit = owner->unit;
        }
        return add_fact(state, &fact);
}

static int tell_of_sockets(struct state *state)
{
        for (size_t i = 0; i < state->n_unresolved; i++) {
                const struct unresolved *unresolved = &state->unresolved[i];
                const char *path = state->ids[unresolved->id].path;
                struct cgroup_owner owner;
                int r;

                if (!path)
                        continue;
                cgroup_parse_path(path, strlen(path), &owner);
                settle_word(&owner);
                r = unresolved->pid ? tell_of_process(state, unresolved, &owner)
                                    : tell_of_ownerless(state, unresolved, &owner);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int ask(struct state *state)
{
        int r, found = 0;

        r = list_refs(state);
        if (r == 0)
                r = describe_processes(state);
        if (r == 0)
                r = describe_asker(state);
        if (r == 0)
                r = note_sockets(state);
        if (r == 0)
                found = cgroup_id_find(state->request, state->ids, state->n_ids);
        if (r == 0)
                r = tell_of_sockets(state);
        if (r < 0)
                return r;
        if (found == -ETIME)
                (void)aiu_snapshot_add_gap(state->snapshot, AIU_GAP_DEADLINE, ETIME,
                                           "the deadline passed before the cgroup of a socket was found");
        /* Without cgroup2 the sockets of .socket units are not told apart. */
        return found == -ENOMEM || found == -ETIME ? found : AIU_PARTIAL;
}

static int managers(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        struct state *state = calloc(1, sizeof(*state));
        int r;

        (void)userdata;
        if (!state)
                return -ENOMEM;
        state->request = request;
        state->snapshot = snapshot;
        r = ask(state);
        for (size_t i = 0; i < state->n_ids; i++)
                free(state->ids[i].path);
        free(state->refs);
        free(state->processes);
        free(state->unresolved);
        free(state);
        return r;
}

const struct aiu_backend backend_cgroup = {
        .size = sizeof(struct aiu_backend),
        .name = "cgroup",
        .managers = managers,
};
