/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All sockets without a peer, and who has them: one list for each protocol, one walk over all processes, one question
 * to each service manager. What costs time for each socket is done for those alone that need it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/build.h"
#include "rules/address.h"
#include "rules/kernel-versions.h"
#include "survey/survey.h"
#include "util/macro.h"

/* Reading the options of more sockets would take too long. */
#define MOST_READ 1024u

/* ------------------------------------------------------ sockets */

static const struct protocol {
        int type, protocol;
} protocols[] = { { SOCK_STREAM, IPPROTO_TCP }, { SOCK_DGRAM, IPPROTO_UDP } };

/* With such a peer a backend lists the sockets that are not connected. */
static const struct sockaddr no_peer = { .sa_family = AF_UNSPEC };

static int list_protocol(struct observation *o, const struct protocol *p)
{
        o->backend_request.type = p->type;
        o->backend_request.protocol = p->protocol;
        return observe_phase(o, PHASE_SOCKETS);
}

static bool is_taken(const struct socket *s)
{
        return s->local.len > 0 && s->peer.len == 0 && (s->state == AIU_STATE_LISTEN || s->state == AIU_STATE_BOUND);
}

/* Zero bytes fill what is behind a name. */
static int compare_names(const struct socket *x, const struct socket *y)
{
        int r = memcmp(x->local.sa.un.sun_path, y->local.sa.un.sun_path, sizeof(x->local.sa.un.sun_path));

        if (r != 0)
                return r;
        if (x->local.len != y->local.len)
                return x->local.len < y->local.len ? -1 : 1;
        return (x->inode > y->inode) - (x->inode < y->inode);
}

/* The wildcards of a port come first: everything else on the port meets them. */
static int compare_sockets(const void *a, const void *b)
{
        const struct socket *x = a, *y = b;
        struct endpoint e = address_endpoint(&x->local), f = address_endpoint(&y->local);
        uint16_t p = address_port(&x->local), q = address_port(&y->local);
        int r;

        if (x->netns != y->netns)
                return x->netns < y->netns ? -1 : 1;
        if (address_is_ip(&x->local) != address_is_ip(&y->local))
                return address_is_ip(&x->local) ? -1 : 1;
        if (!address_is_ip(&x->local))
                return compare_names(x, y);
        if (x->protocol != y->protocol)
                return x->protocol < y->protocol ? -1 : 1;
        if (p != q)
                return p < q ? -1 : 1;
        if (e.any != f.any)
                return e.any ? -1 : 1;
        r = memcmp(&e.ip, &f.ip, sizeof(e.ip));
        if (r != 0)
                return r;
        if (x->ifindex != y->ifindex)
                return x->ifindex < y->ifindex ? -1 : 1;
        if (x->inode != y->inode || x->inode != 0)
                return (x->inode > y->inode) - (x->inode < y->inode);
        return (x->cookie > y->cookie) - (x->cookie < y->cookie);
}

/* A list that was interrupted begins again, and has some sockets twice. So have two backends. */
static void sort_sockets(struct aiu_snapshot *s)
{
        size_t kept = 0;

        for (size_t i = 0; i < s->n_sockets; i++)
                if (is_taken(&s->sockets[i]))
                        s->sockets[kept++] = s->sockets[i];
        s->n_sockets = kept;
        if (kept < 2)
                return;
        qsort(s->sockets, kept, sizeof(*s->sockets), compare_sockets);
        kept = 1;
        for (size_t i = 1; i < s->n_sockets; i++)
                if (compare_sockets(&s->sockets[kept - 1], &s->sockets[i]) != 0)
                        s->sockets[kept++] = s->sockets[i];
                else
                        snapshot_merge_socket(&s->sockets[kept - 1], &s->sockets[i]);
        s->n_sockets = kept;
}

/* An address without a name is any name. */
static int list_names(struct observation *o)
{
        static const struct sockaddr any_name = { .sa_family = AF_UNIX };
        const struct aiu_request before = o->backend_request;
        int r;

        if (!(before.survey_flags & AIU_SURVEY_UNIX))
                return AIU_COMPLETE;
        o->backend_request.address = &any_name;
        o->backend_request.address_len = sizeof(any_name.sa_family);
        o->backend_request.protocol = 0;
        r = observe_phase(o, PHASE_SOCKETS);
        o->backend_request = before;
        return r;
}

static int list_sockets(struct observation *o)
{
        int r, result = AIU_COMPLETE;

        o->backend_request.peer = &no_peer;
        o->backend_request.peer_len = sizeof(no_peer);
        for (size_t i = 0; i < ELEMENTSOF(protocols); i++) {
                r = list_protocol(o, &protocols[i]);
                if (r < 0)
                        return r;
                if (r != AIU_COMPLETE)
                        result = r;
        }
        r = list_names(o);
        if (r < 0)
                return r;
        result = r != AIU_COMPLETE ? r : result;
        o->backend_request.type = SOCK_STREAM;
        o->backend_request.protocol = IPPROTO_TCP;
        r = kernel_hides_bound(&o->snapshot.host) ? observe_phase(o, PHASE_HIDDEN_SOCKETS) : AIU_COMPLETE;
        sort_sockets(&o->snapshot);
        return r < 0 ? r : result;
}

static int look_at_sockets(struct observation *o)
{
        int r = observe_phase(o, PHASE_HOST);

        if (r >= 0)
                r = list_sockets(o);
        if (r < 0)
                return r;
        o->sockets_complete = r == AIU_COMPLETE && !o->snapshot.sockets_truncated;
        r = observe_device_names(o);
        if (r >= 0 && o->snapshot.n_device_names > 0)
                r = observe_phase(o, PHASE_DEVICES);
        return r < 0 ? r : 0;
}

/* ------------------------------------------------------ sockets elsewhere */

/* The same question, with a snapshot of its own. */
static void begin_beside(struct observation *beside, const struct observation *o)
{
        *beside = *o;
        snapshot_init(&beside->snapshot);
        beside->snapshot.survey = true;
        beside->snapshot.host.kernel_major = o->snapshot.host.kernel_major;
        beside->snapshot.host.kernel_minor = o->snapshot.host.kernel_minor;
}

static int take_sockets(struct aiu_snapshot *to, const struct aiu_snapshot *from, uint32_t netns)
{
        for (size_t i = 0; i < from->n_sockets; i++) {
                struct socket socket = from->sockets[i];
                int r = SNAPSHOT_GROW(to, sockets, SNAPSHOT_SURVEY_SOCKETS);

                if (r == -ENOBUFS)
                        (void)snapshot_truncated(
                                to, &to->sockets_truncated,
                                "there are more sockets than a survey can hold: the rest are not shown");
                if (r < 0)
                        return r == -ENOBUFS ? 0 : r;
                /* Its number means another device here. */
                build_device(from, &socket);
                socket.netns = netns;
                to->sockets[to->n_sockets++] = socket;
        }
        return 0;
}

static void take_gaps(struct aiu_snapshot *to, const struct aiu_snapshot *from)
{
        const char *backend = to->backend;

        for (size_t i = 0; i < from->n_gaps; i++) {
                to->backend = from->gaps[i].backend;
                (void)aiu_snapshot_add_gap(to, from->gaps[i].kind, from->gaps[i].error, from->gaps[i].text);
        }
        to->backend = backend;
        to->gap_lost = to->gap_lost || from->gap_lost;
        to->sockets_truncated = to->sockets_truncated || from->sockets_truncated;
}

static int look_there(struct aiu_survey *survey, struct observation *o, size_t i, int (*look)(struct observation *))
{
        struct observation there;
        int r, taken;

        begin_beside(&there, o);
        r = namespaces_visit(survey, &there, i, look);
        taken = r < 0 ? r : take_sockets(&o->snapshot, &there.snapshot, (uint32_t)i);
        take_gaps(&o->snapshot, &there.snapshot);
        if (look == look_at_sockets) {
                survey->netns[i].host = there.snapshot.host;
                there.snapshot.host.reserved_ports = NULL;
        }
        snapshot_finish(&there.snapshot);
        return taken < 0 ? taken : r;
}

/* Sockets of other network namespaces come behind those that are known: the list stays sorted. */
static int look_elsewhere(struct aiu_survey *survey, struct observation *o, int (*look)(struct observation *))
{
        int r = 0, result = AIU_COMPLETE;

        for (size_t i = 1; r >= 0 && i < survey->n_netns; i++) {
                r = survey->netns[i].fd >= 0 ? look_there(survey, o, i, look) : AIU_COMPLETE;
                result = r > 0 ? AIU_PARTIAL : result;
        }
        return r < 0 ? r : result;
}

/* ------------------------------------------------------ holders */

static int want_all(struct aiu_snapshot *s, bool (*keep)(const struct aiu_snapshot *, const struct socket *, uint32_t),
                    uint32_t netns)
{
        uint64_t *inodes;
        size_t n = 0;
        int r;

        inodes = calloc(s->n_sockets + 1, sizeof(*inodes));
        if (!inodes)
                return -ENOMEM;
        for (size_t i = 0; i < s->n_sockets; i++)
                if (s->sockets[i].inode != 0 && (!keep || keep(s, &s->sockets[i], netns)))
                        inodes[n++] = s->sockets[i].inode;
        r = snapshot_want_inodes(s, inodes, n);
        free(inodes);
        return r;
}

static int want(struct aiu_snapshot *s)
{
        return want_all(s, NULL, 0);
}

static bool is_unheld(const struct aiu_snapshot *s, const struct socket *socket)
{
        return !aiu_snapshot_is_held(s, socket->inode);
}

static bool is_unheld_there(const struct aiu_snapshot *s, const struct socket *socket, uint32_t netns)
{
        return socket->netns == netns && address_is_ip(&socket->local) && is_unheld(s, socket);
}

static const struct socket *find(const struct aiu_snapshot *s, const struct socket *socket)
{
        return s->n_sockets > 0 ? bsearch(socket, s->sockets, s->n_sockets, sizeof(*socket), compare_sockets) : NULL;
}

/* A socket that was closed while processes were looked at has no holder, and needs none. */
static int drop_closed(struct aiu_survey *survey, struct observation *o)
{
        struct observation now;
        struct aiu_snapshot *s = &o->snapshot;
        size_t kept = 0;
        int r;

        begin_beside(&now, o);
        r = list_sockets(&now);
        if (r == AIU_COMPLETE)
                r = look_elsewhere(survey, &now, list_sockets);
        for (size_t i = 0; r == AIU_COMPLETE && i < s->n_sockets; i++)
                if (s->sockets[i].inode == 0 || !is_unheld(s, &s->sockets[i]) || find(&now.snapshot, &s->sockets[i]))
                        s->sockets[kept++] = s->sockets[i];
        if (r == AIU_COMPLETE)
                s->n_sockets = kept;
        snapshot_finish(&now.snapshot);
        return r < 0 ? r : want(s);
}

static int ask_for_kernel_users(struct observation *o)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(protocols); i++) {
                o->backend_request.type = protocols[i].type;
                o->backend_request.protocol = protocols[i].protocol;
                r = observe_phase(o, PHASE_KERNEL_USERS);
        }
        return r;
}

/* What the kernel keeps for itself: only of sockets without a process is that asked. */
static int look_for_kernel_users(struct aiu_survey *survey, struct observation *o)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < survey->n_netns; i++) {
                r = want_all(&o->snapshot, is_unheld_there, (uint32_t)i);
                if (r < 0 || o->snapshot.n_wanted == 0)
                        continue;
                r = i == 0 ? ask_for_kernel_users(o) : namespaces_visit(survey, o, i, ask_for_kernel_users);
        }
        return r < 0 ? r : want(&o->snapshot);
}

static int look_for_holders(struct aiu_survey *survey, struct observation *o)
{
        struct aiu_snapshot *s = &o->snapshot;
        size_t first_gap = s->n_gaps, last_gap;
        int r = want(s);

        o->holders_complete = true;
        if (r < 0 || s->n_wanted == 0)
                return r;
        r = observe_phase(o, PHASE_HOLDERS);
        last_gap = s->n_gaps;
        o->holders_complete = r == AIU_COMPLETE && !s->holders_truncated;
        if (r < 0 || aiu_snapshot_all_held(s))
                return r;
        r = drop_closed(survey, o);
        if (r >= 0 && !aiu_snapshot_all_held(s))
                r = look_for_kernel_users(survey, o);
        if (r >= 0 && aiu_snapshot_all_held(s))
                snapshot_drop_unheld(s, first_gap, last_gap);
        return r;
}

/* ------------------------------------------------------ managers */

/* A service manager has a fact about each of its sockets, any other process one about all of them. */
static bool keeps_for_others(const struct aiu_snapshot *s, pid_t pid)
{
        struct snapshot_lookup lookup = { .processes = s->processes, .n_processes = s->n_processes };
        const struct process *p = lookup_process(&lookup, pid);

        return pid == 1 || (p && p->comm && strcmp(p->comm, "systemd") == 0);
}

static int compare_refs(const void *a, const void *b)
{
        const struct holder_ref *x = a, *y = b;

        return x->pid != y->pid ? (x->pid > y->pid) - (x->pid < y->pid) : (x->inode > y->inode) - (x->inode < y->inode);
}

/* One socket of each process, and all of the service managers. Returns how many; `refs` has room for all. */
static size_t few_refs(const struct aiu_snapshot *s, struct holder_ref *refs)
{
        size_t n = 0;
        bool keeps = false;

        memcpy(refs, s->refs, s->n_refs * sizeof(*refs));
        if (s->n_refs > 1)
                qsort(refs, s->n_refs, sizeof(*refs), compare_refs);
        for (size_t i = 0; i < s->n_refs; i++) {
                bool first = n == 0 || refs[n - 1].pid != refs[i].pid;

                if (first)
                        keeps = keeps_for_others(s, refs[i].pid);
                if (first || keeps)
                        refs[n++] = refs[i];
        }
        return n;
}

static int want_few(struct aiu_snapshot *s, const struct holder_ref *refs, size_t n_refs)
{
        uint64_t *inodes = calloc(s->n_sockets + n_refs + 1, sizeof(*inodes));
        size_t n = 0;
        int r;

        if (!inodes)
                return -ENOMEM;
        for (size_t i = 0; i < n_refs; i++)
                inodes[n++] = refs[i].inode;
        for (size_t i = 0; i < s->n_sockets; i++)
                if (s->sockets[i].inode != 0 && is_unheld(s, &s->sockets[i]))
                        inodes[n++] = s->sockets[i].inode;
        r = snapshot_want_inodes(s, inodes, n);
        free(inodes);
        return r;
}

/* The backends compare every socket with every holder: they are shown one of each process. */
static int ask_managers(struct observation *o)
{
        struct aiu_snapshot *s = &o->snapshot;
        struct holder_ref *all = s->refs;
        size_t n_all = s->n_refs, n;
        uint32_t *heads = s->ref_heads;
        struct holder_ref *few = calloc(n_all + 1, sizeof(*few));
        int r;

        if (!few)
                return -ENOMEM;
        n = n_all > 0 ? few_refs(s, few) : 0;
        r = want_few(s, few, n);
        s->refs = few;
        s->n_refs = n;
        s->ref_heads = NULL;
        if (r >= 0 && s->n_wanted > 0)
                r = observe_phase(o, PHASE_MANAGERS);
        s->refs = all;
        s->n_refs = n_all;
        s->ref_heads = heads;
        free(few);
        return r;
}

int survey_collect(struct aiu_survey *survey, struct observation *o)
{
        int r = namespaces_find(survey, o, o->backend_request.survey_flags & AIU_SURVEY_HOST);

        if (r >= 0)
                r = look_at_sockets(o);
        if (r >= 0)
                r = look_elsewhere(survey, o, look_at_sockets);
        if (r >= 0 && o->snapshot.n_sockets > 0)
                r = look_for_holders(survey, o);
        if (r >= 0 && o->snapshot.n_sockets > 0)
                r = ask_managers(o);
        if (r >= 0)
                r = observe_phase(o, PHASE_UNITS);
        return r;
}

/* ------------------------------------------------------ options */

int survey_collect_options(struct observation *o, const size_t *sockets, size_t n)
{
        uint64_t *inodes = calloc(n + 1, sizeof(*inodes));
        size_t wanted = 0;
        int r;

        if (!inodes)
                return -ENOMEM;
        for (size_t i = 0; i < n && wanted < MOST_READ; i++)
                if (o->snapshot.sockets[sockets[i]].inode != 0)
                        inodes[wanted++] = o->snapshot.sockets[sockets[i]].inode;
        r = snapshot_want_inodes(&o->snapshot, inodes, wanted);
        free(inodes);
        if (r < 0 || wanted == 0)
                return r;
        r = observe_phase(o, PHASE_OPTIONS);
        return r == -ENOMEM ? r : 0;
}
