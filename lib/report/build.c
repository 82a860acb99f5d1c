/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a judged snapshot to the conflicts of a report: which sockets are in the
 * way, in what order they are told, and who holds each.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/address.h"
#include "report/build.h"
#include "rules/conflict.h"
#include "rules/number.h"
#include "rules/handed-over.h"
#include "rules/leader.h"

/* ------------------------------------------------------ holders */

static struct aiu_holder *add_holder(struct aiu_conflict *conflict, enum aiu_holder_kind kind)
{
        struct aiu_holder *larger;

        larger = realloc(conflict->holders, (conflict->n_holders + 1) * sizeof(*larger));
        if (!larger)
                return NULL;
        conflict->holders = larger;
        larger[conflict->n_holders] = (struct aiu_holder){ .kind = kind, .uid = conflict->socket.uid };
        return &larger[conflict->n_holders++];
}

static int copy_fds(struct aiu_holder *holder, const struct holder_ref *ref)
{
        if (ref->n_fds == 0)
                return 0;
        holder->fds = malloc(ref->n_fds * sizeof(*holder->fds));
        if (!holder->fds)
                return -ENOMEM;
        memcpy(holder->fds, ref->fds, ref->n_fds * sizeof(*holder->fds));
        holder->n_fds = ref->n_fds;
        return 0;
}

int build_holder(const struct aiu_report *report, struct aiu_conflict *conflict, const struct holder_ref *ref)
{
        struct snapshot_lookup lookup = { report->processes, report->n_processes, report->managers,
                                          report->n_managers };
        struct aiu_holder *holder = add_holder(conflict, AIU_HOLDER_PROCESS);

        if (!holder)
                return -ENOMEM;
        holder->process = lookup_process(&lookup, ref->pid);
        holder->manager = lookup_manager(&lookup, ref->pid, ref->inode, conflict->socket.cgroup_id);
        if (holder->process) {
                holder->uid = holder->process->uid;
                holder->flags = holder->process->flags;
                if (holder->process->is_self)
                        holder->kind = AIU_HOLDER_SELF;
        }
        if (holder->manager)
                holder->flags |= holder->manager->flags;
        if (handed_over(holder, conflict->socket.uid))
                holder->flags |= AIU_HOLDER_HANDED_OVER;
        return ref->inode == conflict->socket.inode ? copy_fds(holder, ref) : 0;
}

/* `inode`: of the socket that the process really has, which is the listener of an unaccepted connection. */
static int add_holders_of(struct aiu_report *report, const struct aiu_snapshot *snapshot, struct aiu_conflict *conflict,
                          uint64_t inode)
{
        for (size_t i = 0; i < snapshot->n_refs; i++) {
                int r;

                if (snapshot->refs[i].inode != inode)
                        continue;
                r = build_holder(report, conflict, &snapshot->refs[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* What in the kernel has it: each a holder of its own, for each would have to let go. */
static int add_kernel_users_of(const struct aiu_report *report, struct aiu_conflict *conflict, uint64_t inode)
{
        for (size_t i = 0; i < report->n_kernel_users; i++) {
                struct aiu_holder *holder;

                if (report->kernel_users[i].inode != inode)
                        continue;
                holder = add_holder(conflict, AIU_HOLDER_KERNEL);
                if (!holder)
                        return -ENOMEM;
                holder->kernel_user = &report->kernel_users[i];
        }
        return 0;
}

int build_kernel_users(const struct aiu_report *report, struct aiu_conflict *conflict, uint64_t inode)
{
        int r = inode != 0 ? add_kernel_users_of(report, conflict, inode) : 0;

        if (r < 0 || conflict->n_holders > 0)
                return r;
        return build_without_process(report, conflict);
}

static uint64_t listener_of(const struct aiu_snapshot *snapshot, const struct socket *child)
{
        uint64_t wildcard = 0;

        for (size_t i = 0; i < snapshot->n_sockets; i++) {
                const struct socket *s = &snapshot->sockets[i];

                if (s->state != AIU_STATE_LISTEN || s->inode == 0)
                        continue;
                if (address_equal(&s->local, &child->local))
                        return s->inode;
                if (address_is_wildcard(&s->local))
                        wildcard = s->inode;
        }
        return wildcard;
}

int build_without_process(const struct aiu_report *report, struct aiu_conflict *conflict)
{
        struct snapshot_lookup lookup = { report->processes, report->n_processes, report->managers,
                                          report->n_managers };
        enum aiu_holder_kind kind = conflict->socket.inode == 0      ? AIU_HOLDER_KERNEL
                                    : conflict->socket.observed_only ? AIU_HOLDER_UNKNOWN
                                                                     : AIU_HOLDER_HIDDEN;
        struct aiu_holder *holder = add_holder(conflict, kind);

        if (!holder)
                return -ENOMEM;
        holder->manager = lookup_manager(&lookup, 0, conflict->socket.inode, conflict->socket.cgroup_id);
        return 0;
}

int build_holders(struct aiu_report *report, const struct aiu_snapshot *snapshot, struct aiu_conflict *conflict)
{
        uint64_t inode = conflict->socket.inode;
        int r = 0;

        if (conflict_is_unaccepted(&conflict->socket))
                inode = listener_of(snapshot, &conflict->socket);
        if (inode != 0)
                r = add_holders_of(report, snapshot, conflict, inode);
        if (r < 0 || conflict->n_holders > 0)
                return r;
        return build_kernel_users(report, conflict, inode);
}

/* ------------------------------------------------------ conflicts */

/* Who is certainly in the way comes first, then who is easiest to name. */
static int rank(const struct aiu_conflict *c)
{
        static const enum aiu_state order[] = { AIU_STATE_LISTEN, AIU_STATE_BOUND, AIU_STATE_ESTABLISHED,
                                                AIU_STATE_SYN_SENT };
        int r = (c->judgement.blocking == YES ? 0 : 16) + (c->socket.observed_only ? 32 : 0);

        for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
                if (c->socket.state == order[i])
                        return r + (int)i;
        return r + (c->socket.minisock ? 9 : 8);
}

static int compare_conflicts(const void *a, const void *b)
{
        const struct aiu_conflict *x = a, *y = b;
        int r = rank(x) - rank(y);

        /* qsort() is not stable: the order of the dump decides the rest. */
        return r ? r : (x->index > y->index) - (x->index < y->index);
}

void build_device(const struct aiu_snapshot *snapshot, struct socket *socket)
{
        const char *name = snapshot_device_name(snapshot, socket->ifindex);

        if (name)
                memcpy(socket->device, name, sizeof(socket->device));
}

static int add_conflict(struct aiu_conflict **list, size_t *n, size_t room, const struct aiu_conflict *one)
{
        if (!*list) {
                *list = calloc(room, sizeof(**list));
                if (!*list)
                        return -ENOMEM;
        }
        (*list)[(*n)++] = *one;
        return 0;
}

/* A shown conflict or neighbour for every socket; the caller is not its own neighbour. */
static int sort_sockets(struct aiu_report *report, const struct observation *o, const struct port_table *table)
{
        size_t room = table->n_sockets + 1;

        for (size_t i = 0; i < table->n_sockets; i++) {
                struct aiu_conflict c = { .socket = table->sockets[i],
                                          .judgement = port_table_judgement(table, i),
                                          .index = i };
                int r;

                if (c.judgement.blocking == NO &&
                    (c.socket.observed_only || conflict_is_own(&report->request, &c.socket)))
                        continue;
                if (c.judgement.blocking == NO && number_is_asked(&report->request) &&
                    !number_is_same(&report->request, &c.socket))
                        continue;
                build_device(&o->snapshot, &c.socket);
                if (report->request.trial_succeeded)
                        c.judgement = (struct judgement){ .overlap = c.judgement.overlap, .blocking = NO };
                if (c.judgement.blocking != NO)
                        r = add_conflict(&report->conflicts, &report->n_conflicts, room, &c);
                else
                        r = add_conflict(&report->neighbours, &report->n_neighbours, room, &c);
                if (r < 0)
                        return r;
        }
        if (report->n_conflicts > 1)
                qsort(report->conflicts, report->n_conflicts, sizeof(*report->conflicts), compare_conflicts);
        return 0;
}

/* EADDRINUSE that no visible socket explains: a file, or a socket that could not be seen. */
static int add_unseen(struct aiu_report *report, const struct observation *o)
{
        const struct host *host = &o->snapshot.host;
        bool file = report->request.address.sa.any.sa_family == AF_UNIX && host->name_exists == YES;
        struct aiu_conflict c = {
                .index = NO_SOCKET,
                .socket = { .type = report->request.type,
                            .protocol = conflict_protocol(&report->request),
                            .local = report->request.address,
                            .uid = UID_UNKNOWN },
                .judgement = { .reason = AIU_REASON_OBSERVED, .blocking = UNKNOWN },
        };
        int r;

        if (report->n_conflicts > 0 || report->verdict.verdict != AIU_VERDICT_IN_USE)
                return 0;
        if (o->snapshot.entries.first && report->range.found == NO)
                c.judgement = (struct judgement){ .overlap = AIU_OVERLAP_PORT_RANGE,
                                                  .reason = AIU_REASON_RANGE_EXHAUSTED,
                                                  .blocking = YES };
        if (file) {
                c.judgement = (struct judgement){ .overlap = AIU_OVERLAP_UNIX_PATH,
                                                  .reason = AIU_REASON_PATH_EXISTS,
                                                  .blocking = YES };
                c.file_mode = host->name_mode;
                if (host->name_is_socket == YES && host->name_live == NO)
                        c.socket.state = AIU_STATE_STALE_FILE;
                else if (host->name_live == YES && !add_holder(&c, AIU_HOLDER_HIDDEN))
                        return -ENOMEM;
        }
        r = add_conflict(&report->conflicts, &report->n_conflicts, 1, &c);
        if (r < 0)
                free(c.holders);
        return r;
}

/* What holders point into. */
void build_take_facts(struct aiu_report *report, struct aiu_snapshot *s)
{
        report->processes = s->processes;
        report->n_processes = s->n_processes;
        report->managers = s->managers;
        report->n_managers = s->n_managers;
        report->kernel_users = s->kernel_users;
        report->n_kernel_users = s->n_kernel_users;
        s->processes = NULL;
        s->managers = NULL;
        s->kernel_users = NULL;
        s->n_processes = s->n_managers = s->n_kernel_users = 0;
}

int build_conflicts(struct aiu_report *report, struct observation *o, const struct port_table *table,
                    uint16_t **ret_entry_group)
{
        int r;

        build_take_facts(report, &o->snapshot);
        if (o->snapshot.entries.first) {
                *ret_entry_group = calloc(table->n_entries + 1, sizeof(**ret_entry_group));
                r = *ret_entry_group ? build_range(report, o, table, *ret_entry_group) : -ENOMEM;
        } else {
                r = sort_sockets(report, o, table);
        }
        if (r >= 0)
                r = add_unseen(report, o);
        for (size_t i = 0; r >= 0 && i < report->n_conflicts; i++)
                if (report->conflicts[i].index != NO_SOCKET && report->conflicts[i].n_holders == 0)
                        r = build_holders(report, &o->snapshot, &report->conflicts[i]);
        return r < 0 ? r
                     : leader_find(report->conflicts, report->n_conflicts, report->processes, report->n_processes,
                                   o->holders_complete);
}
