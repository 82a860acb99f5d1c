/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A daemon of one master and many workers is one program: the master's end takes the workers along, and the end of a
 * worker frees nothing. Of the holders of one socket the master is the one that is an ancestor of the others. That
 * was right for 15 of 15 daemons with several holders; the name, the command line and the executable of master and
 * worker differed in some of them (dovecot, postfix, starman), so they prove nothing either way.
 *
 * Some masters hold nothing themselves (haproxy -W, squid). Then the parent of the only holder is the master if it
 * runs the same program and handles SIGTERM. A parent that runs another program (npm, a shell) is none: SIGTERM
 * leaves the holder behind. Nor is a parent that serves several ports, one child each (sshd, an FTP server): its end
 * would hurt others. Such a parent is older than its child by more than a moment.
 */
#include "rules/label.h"
#include "rules/leader.h"
#include "rules/programs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define START_USEC UINT64_C(10000000) /* a master starts its first worker well before that */
#define MOST_STEPS 64u

static int compare_pids(const void *a, const void *b)
{
        const struct process *const *x = a, *const *y = b;

        return ((*x)->pid > (*y)->pid) - ((*x)->pid < (*y)->pid);
}

static struct process *find(struct process *const *sorted, size_t n, pid_t pid)
{
        struct process key = { .pid = pid }, *wanted = &key;
        struct process *const *found = bsearch(&wanted, sorted, n, sizeof(*sorted), compare_pids);

        return found ? *found : NULL;
}

/*
 * Not a service manager, which is an ancestor of all; nor what holds a port for a
 * container or watches over one; nor the caller.
 */
static bool may_lead(const struct process *p)
{
        return p->pid > 1 && !p->is_self &&
               !(program_flags(p->comm) & (PROGRAM_SERVICE_MANAGER | PROGRAM_CONTAINER_HELPER));
}

/* ------------------------------------------------------ holders of one socket */

/* The topmost of the ancestors that hold the socket, too. */
static struct process *master_among(struct process *const *sorted, size_t n, const struct process *worker)
{
        for (size_t i = worker->n_ancestors; i > 0; i--) {
                struct process *p = find(sorted, n, worker->ancestor_pids[i - 1]);

                if (p && p != worker && may_lead(p))
                        return p;
        }
        return NULL;
}

/* Holders point into `all`, which is sorted by pid. */
static size_t collect(const struct aiu_conflict *c, struct process *const *all, size_t n_all, struct process **ret)
{
        size_t n = 0;

        for (size_t i = 0; i < c->n_holders; i++) {
                const struct aiu_holder *h = &c->holders[i];
                struct process *p = h->process ? find(all, n_all, h->process->pid) : NULL;

                if (p)
                        ret[n++] = p;
        }
        return n;
}

static void find_workers(struct process **group, size_t n)
{
        qsort(group, n, sizeof(struct process *), compare_pids);
        for (size_t i = 0; i < n; i++)
                if (!group[i]->is_self && !group[i]->leading)
                        group[i]->leading = master_among(group, n, group[i]);
}

/* A master of one socket may be a worker of another. */
static void follow(struct process *p)
{
        for (size_t i = 0; p->leading && p->leading->leading && i < MOST_STEPS; i++)
                p->leading = p->leading->leading;
        if (p->leading == p)
                p->leading = NULL;
}

/* ------------------------------------------------------ a lone holder */

static const char *base_name(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

/* Known: the worker's name is another, or a new worker follows a reload. */
static bool is_known_pair(const struct process *worker)
{
        const char *name = base_name(worker->exe);

        return strcmp(name, "haproxy") == 0 || strcmp(name, "squid") == 0;
}

static bool same_words(const struct process *a, const struct process *b)
{
        return a->cmdline_bytes > 0 && a->cmdline_bytes == b->cmdline_bytes &&
               memcmp(a->cmdline, b->cmdline, a->cmdline_bytes) == 0;
}

static bool is_master_of(const struct process *parent, const struct process *worker)
{
        if (!may_lead(parent) || parent->flags & AIU_HOLDER_ANCESTOR || parent->sigterm_caught != YES ||
            parent->start_time_usec > worker->start_time_usec)
                return false;
        if (!parent->exe || !worker->exe || strcmp(parent->exe, worker->exe) != 0)
                return false;
        return is_known_pair(worker) ||
               (same_words(parent, worker) && worker->start_time_usec - parent->start_time_usec < START_USEC);
}

static void find_parent(struct process *const *all, size_t n, struct process *lone)
{
        struct process *parent = find(all, n, lone->ppid);

        if (parent && parent != lone && !parent->holds && is_master_of(parent, lone))
                lone->leading = parent;
}

/* ------------------------------------------------------ what cannot be seen */

/*
 * An ordinary user sees the workers of a master that is root's, and not what that holds: its name is the same. A
 * session of sshd has a parent of that name, too, and is alone. The name of an interpreter proves nothing: two
 * processes of that name may have nothing in common.
 */
static bool has_unseen_master(struct process *const *all, size_t n, const struct process *p)
{
        const char *parent = p->n_ancestors > 0 && p->ancestor_comms ? p->ancestor_comms[0] : NULL;

        return p->holds && !p->leading && p->ppid > 1 && parent && p->comm && strcmp(parent, p->comm) == 0 &&
               strncmp(parent, "sshd", 4) != 0 && !label_is_interpreter(parent) && !find(all, n, p->ppid);
}

/* ------------------------------------------------------ all of them */

static void find_in_conflict(const struct aiu_conflict *c, struct process *const *all, size_t n_all,
                             struct process **room)
{
        size_t n;

        /* A connection that is not accepted yet has its listener's holders. */
        if (c->socket.inode == 0 || c->n_holders == 0)
                return;
        n = collect(c, all, n_all, room);
        for (size_t i = 0; i < n; i++) {
                room[i]->holds = true;
                room[i]->shares = room[i]->shares || c->n_holders > 1;
        }
        if (n > 1)
                find_workers(room, n);
}

static void mark_holder(struct aiu_holder *h)
{
        const struct process *leader = h->process ? h->process->leading : NULL;

        if (!leader)
                return;
        h->leader = leader->pid;
        if (leader->holds)
                h->flags |= AIU_HOLDER_WORKER;
}

static size_t most_holders(const struct aiu_conflict *conflicts, size_t n)
{
        size_t most = 0;

        for (size_t i = 0; i < n; i++)
                if (conflicts[i].n_holders > most)
                        most = conflicts[i].n_holders;
        return most;
}

static void find_all(struct aiu_conflict *conflicts, size_t n_conflicts, struct process **all, size_t n,
                     struct process **room)
{
        qsort(all, n, sizeof(struct process *), compare_pids);
        for (size_t i = 0; i < n_conflicts; i++)
                find_in_conflict(&conflicts[i], all, n, room);
        for (size_t i = 0; i < n; i++)
                if (all[i]->holds && !all[i]->shares && !all[i]->is_self)
                        find_parent(all, n, all[i]);
        for (size_t i = 0; i < n; i++)
                follow(all[i]);
        for (size_t i = 0; i < n; i++)
                if (all[i]->leading)
                        find(all, n, all[i]->leading->pid)->leads = true;
        for (size_t i = 0; i < n_conflicts; i++)
                for (size_t k = 0; k < conflicts[i].n_holders; k++)
                        mark_holder(&conflicts[i].holders[k]);
}

int leader_find(struct aiu_conflict *conflicts, size_t n_conflicts, struct process *processes, size_t n_processes,
                bool complete)
{
        struct process **all, **room;

        if (n_processes == 0 || n_conflicts == 0)
                return 0;
        all = calloc(n_processes, sizeof(struct process *));
        room = calloc(most_holders(conflicts, n_conflicts) + 1, sizeof(struct process *));
        if (all && room) {
                for (size_t i = 0; i < n_processes; i++)
                        all[i] = &processes[i];
                find_all(conflicts, n_conflicts, all, n_processes, room);
                for (size_t i = 0; !complete && i < n_processes; i++)
                        all[i]->led_unseen = has_unseen_master(all, n_processes, all[i]);
        }
        free(room);
        free(all);
        return all && room ? 0 : -ENOMEM;
}
