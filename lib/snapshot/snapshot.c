/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where backends put facts. Everything is copied, bounded and de-duplicated here, so that a backend may be as simple
 * as a loop over what it reads, and a hostile or broken one cannot make the library grow without end. What is read
 * back is in read.c, what is kept of each fact in add-*.c.
 */
#include <errno.h>
#include <stdlib.h>

#include "snapshot/port-entries.h"
#include "snapshot/snapshot.h"

void snapshot_init(struct aiu_snapshot *snapshot)
{
        *snapshot = (struct aiu_snapshot){ 0 };
}

void process_finish(struct process *process)
{
        free(process->comm);
        free(process->exe);
        free(process->cmdline);
        free(process->label);
        free(process->cwd);
        free(process->cgroup);
        for (size_t i = 0; process->ancestor_comms && i < process->n_ancestors; i++)
                free(process->ancestor_comms[i]);
        free(process->ancestor_comms);
        free(process->ancestor_pids);
}

void manager_finish(struct manager *manager)
{
        free(manager->unit);
        free(manager->socket_unit);
        free(manager->unit_state);
        free(manager->unit_restart);
        free(manager->container);
        free(manager->supervisor);
        free(manager->also_stop);
        free(manager->enabled);
}

void kernel_user_finish(struct kernel_user *user)
{
        for (size_t i = 0; user->command && user->command[i]; i++)
                free(user->command[i]);
        free(user->command);
        free(user->service);
        free(user->name);
}

void managed_unit_finish(struct managed_unit *unit)
{
        free(unit->name);
        free(unit->state);
        free(unit->sub_state);
        free(unit->enabled);
        free(unit->kill_mode);
        free(unit->service);
}

void gap_finish(struct gap *gap)
{
        free(gap->backend);
        free(gap->text);
}

void snapshot_finish(struct aiu_snapshot *snapshot)
{
        for (size_t i = 0; i < snapshot->n_processes; i++)
                process_finish(&snapshot->processes[i]);
        for (size_t i = 0; i < snapshot->n_refs; i++)
                free(snapshot->refs[i].fds);
        for (size_t i = 0; i < snapshot->n_managers; i++)
                manager_finish(&snapshot->managers[i]);
        for (size_t i = 0; i < snapshot->n_units; i++)
                managed_unit_finish(&snapshot->units[i]);
        for (size_t i = 0; i < snapshot->n_kernel_users; i++)
                kernel_user_finish(&snapshot->kernel_users[i]);
        for (size_t i = 0; i < snapshot->n_gaps; i++)
                gap_finish(&snapshot->gaps[i]);
        entries_finish(&snapshot->entries);
        free(snapshot->addresses);
        free(snapshot->ref_heads);
        free(snapshot->sockets);
        free(snapshot->processes);
        free(snapshot->refs);
        free(snapshot->managers);
        free(snapshot->units);
        free(snapshot->kernel_users);
        free(snapshot->gaps);
        free(snapshot->wanted);
        free(snapshot->host.reserved_ports);
        free(snapshot->host.netns_path);
        snapshot_init(snapshot);
}

void snapshot_forget_sockets(struct aiu_snapshot *snapshot, size_t n_gaps)
{
        while (snapshot->n_gaps > n_gaps)
                gap_finish(&snapshot->gaps[--snapshot->n_gaps]);
        snapshot->n_sockets = 0;
        snapshot->port = (struct port_facts){ 0 };
        snapshot->sockets_truncated = false;
}

int snapshot_grow(void *array, size_t element, size_t n, size_t *room, size_t most)
{
        void **pointer = array;
        size_t wanted;
        void *larger;

        if (n < *room)
                return 0;
        if (n >= most)
                return -ENOBUFS;
        wanted = n ? n * 2 : 8;
        if (wanted > most)
                wanted = most;
        larger = realloc(*pointer, wanted * element);
        if (!larger)
                return -ENOMEM;
        *pointer = larger;
        *room = wanted;
        return 0;
}

int snapshot_truncated(struct aiu_snapshot *s, bool *already, const char *text)
{
        if (!*already) {
                *already = true;
                (void)aiu_snapshot_add_gap(s, AIU_GAP_TRUNCATED, ENOBUFS, text);
        }
        return -ENOBUFS;
}
