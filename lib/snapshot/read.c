/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a backend can read of the snapshot: the inodes that are wanted, and the
 * facts that earlier phases found. snapshot.c is the other half.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot/port-entries.h"
#include "snapshot/fact.h"
#include "util/macro.h"
#include "util/sys.h"

AIU_EXPORT uint64_t aiu_request_time_left_usec(const struct aiu_request *request)
{
        uint64_t now;

        if (!request || request->deadline_nsec == 0)
                return UINT64_MAX;
        now = sys_now_nsec();
        return now >= request->deadline_nsec ? 0 : (request->deadline_nsec - now) / 1000;
}

static int compare_inodes(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return (x > y) - (x < y);
}

int snapshot_want_inodes(struct aiu_snapshot *snapshot, const uint64_t *inodes, size_t n)
{
        uint64_t *sorted;
        size_t kept = 0;

        if (n == 0) {
                snapshot->n_wanted = 0;
                return 0;
        }
        sorted = malloc(n * sizeof(*sorted));
        if (!sorted)
                return -ENOMEM;
        memcpy(sorted, inodes, n * sizeof(*sorted));
        qsort(sorted, n, sizeof(*sorted), compare_inodes);
        for (size_t i = 0; i < n; i++)
                if (sorted[i] != 0 && (kept == 0 || sorted[kept - 1] != sorted[i]))
                        sorted[kept++] = sorted[i];
        free(snapshot->wanted);
        snapshot->wanted = sorted;
        snapshot->n_wanted = kept;
        return 0;
}

AIU_EXPORT int aiu_snapshot_get_wanted_inode(const struct aiu_snapshot *snapshot, size_t i, uint64_t *ret_inode)
{
        if (!snapshot || !ret_inode || i >= snapshot->n_wanted)
                return 0;
        *ret_inode = snapshot->wanted[i];
        return 1;
}

AIU_EXPORT int aiu_snapshot_wants_inode(const struct aiu_snapshot *snapshot, uint64_t inode)
{
        size_t low = 0, high;

        if (!snapshot || snapshot->n_wanted == 0)
                return 0;
        /* Nearly every descriptor on a machine fails this first test. */
        if (inode < snapshot->wanted[0] || inode > snapshot->wanted[snapshot->n_wanted - 1])
                return 0;
        high = snapshot->n_wanted;
        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (snapshot->wanted[middle] < inode)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < snapshot->n_wanted && snapshot->wanted[low] == inode;
}

AIU_EXPORT int aiu_snapshot_is_held(const struct aiu_snapshot *snapshot, uint64_t inode)
{
        if (!snapshot)
                return 0;
        if (snapshot_holder_ref(snapshot, inode, NULL))
                return 1;
        for (size_t i = 0; i < snapshot->n_kernel_users; i++)
                if (snapshot->kernel_users[i].inode == inode)
                        return 1;
        return 0;
}

AIU_EXPORT int aiu_snapshot_all_held(const struct aiu_snapshot *snapshot)
{
        if (!snapshot)
                return 0;
        for (size_t i = 0; i < snapshot->n_wanted; i++)
                if (!aiu_snapshot_is_held(snapshot, snapshot->wanted[i]))
                        return 0;
        return 1;
}

AIU_EXPORT int aiu_snapshot_get_host(const struct aiu_snapshot *snapshot, struct aiu_host_fact *ret_fact)
{
        struct aiu_host_fact fact;
        const struct host *h;

        if (!snapshot || !ret_fact)
                return 0;
        h = &snapshot->host;
        fact = (struct aiu_host_fact){
                .address_local = h->address_local,
                .address_tentative = h->address_tentative,
                .address_ifindex = h->address_ifindex,
                .nonlocal_bind = h->nonlocal_bind,
                .privileged = h->privileged,
                .unprivileged_port_start = h->unprivileged_port_start,
                .port_range_first = h->port_range_first,
                .port_range_last = h->port_range_last,
                .reserved_ports = h->reserved_ports,
                .ipv6_enabled = h->ipv6_enabled,
                .autobind_reuse = h->autobind_reuse,
                .kernel_major = h->kernel_major,
                .kernel_minor = h->kernel_minor,
                .kernel_patch = h->kernel_patch,
                .name_exists = h->name_exists,
                .name_is_socket = h->name_is_socket,
                .name_error = h->name_error,
                .name_inode = h->name_inode,
                .name_device = h->name_device,
                .name_live = h->name_live,
                .name_removable = h->name_removable,
                .name_mode = h->name_mode,
                .name_fs_device = h->name_fs_device,
                .address_duplicate = h->address_duplicate,
                .address_elsewhere = h->address_elsewhere,
                .detection_usec = h->detection_usec,
                .ipv6_disabled = h->ipv6_disabled,
                .address_device = h->address_device[0] ? h->address_device : NULL,
                .device_up = h->device_up,
                .name_at = h->name_at,
                .name_makeable = h->name_makeable,
        };
        return fact_give(ret_fact, &fact, sizeof(fact));
}

AIU_EXPORT int aiu_snapshot_get_socket(const struct aiu_snapshot *snapshot, size_t i, struct aiu_socket_fact *ret_fact)
{
        struct aiu_socket_fact fact;
        const struct socket *s;

        if (!snapshot || !ret_fact)
                return 0;
        if (i >= snapshot->n_sockets)
                return entries_get(&snapshot->entries, i - snapshot->n_sockets, &fact) &&
                       fact_give(ret_fact, &fact, sizeof(fact));
        s = &snapshot->sockets[i];
        fact = (struct aiu_socket_fact){
                .type = s->type,
                .protocol = s->protocol,
                .state = s->state,
                .local = &s->local.sa.any,
                .local_len = s->local.len,
                .peer = s->peer.len ? &s->peer.sa.any : NULL,
                .peer_len = s->peer.len,
                .inode = s->inode,
                .cookie = s->cookie,
                .cgroup_id = s->cgroup_id,
                .uid = s->uid,
                .ifindex = s->ifindex,
                .minisock = tri(s->minisock),
                .autobound = s->autobound,
                .reuseaddr = s->reuseaddr,
                .reuseport = s->reuseport,
                .v6only = s->v6only,
                .expires_usec = s->expires_usec,
                .vfs_inode = s->vfs_inode,
                .vfs_device = s->vfs_device,
                .flags = (s->maybe_unbound ? AIU_SOCKET_MAYBE_UNBOUND : 0) |
                         (s->observed_only ? AIU_SOCKET_OBSERVED_ONLY : 0) | (s->has_l3mdev ? AIU_SOCKET_L3MDEV : 0) |
                         (s->has_bind_uid ? AIU_SOCKET_BIND_UID : 0),
                .l3mdev = s->has_l3mdev ? s->l3mdev : 0,
        };
        return fact_give(ret_fact, &fact, sizeof(fact));
}

AIU_EXPORT int aiu_snapshot_get_holder(const struct aiu_snapshot *snapshot, size_t i, uint64_t *ret_inode,
                                       pid_t *ret_pid, int *ret_fd)
{
        const struct holder_ref *h;

        if (!snapshot || i >= snapshot->n_refs)
                return 0;
        h = &snapshot->refs[i];
        if (ret_inode)
                *ret_inode = h->inode;
        if (ret_pid)
                *ret_pid = h->pid;
        if (ret_fd)
                *ret_fd = h->n_fds ? h->fds[0] : -1;
        return 1;
}

AIU_EXPORT int aiu_snapshot_get_process(const struct aiu_snapshot *snapshot, size_t i,
                                        struct aiu_process_fact *ret_fact)
{
        struct aiu_process_fact fact;
        const struct process *p;

        if (!snapshot || !ret_fact || i >= snapshot->n_processes)
                return 0;
        p = &snapshot->processes[i];
        fact = (struct aiu_process_fact){
                .pid = p->pid,
                .ppid = p->ppid,
                .uid = p->uid,
                .start_time_usec = p->start_time_usec,
                .comm = p->comm,
                .exe = p->exe,
                .cmdline = p->cmdline,
                .cmdline_bytes = p->cmdline_bytes,
                .cwd = p->cwd,
                .cgroup = p->cgroup,
                .flags = p->flags,
                .is_self = tri(p->is_self),
                .sigterm_ignored = p->sigterm_ignored,
                .sigterm_caught = p->sigterm_caught,
                .ancestor_pids = p->ancestor_pids,
                .ancestor_comms = (const char *const *)p->ancestor_comms,
                .n_ancestors = p->n_ancestors,
                .parent_returns = p->parent_returns,
                .n_uids = p->has_uids ? 4 : 0,
                .root_uid = p->root_uid,
                .session = p->session,
        };
        memcpy(fact.uids, p->uids, sizeof(fact.uids));
        return fact_give(ret_fact, &fact, sizeof(fact));
}

AIU_EXPORT int aiu_snapshot_get_manager(const struct aiu_snapshot *snapshot, size_t i,
                                        struct aiu_manager_fact *ret_fact)
{
        struct aiu_manager_fact fact;
        const struct manager *m;

        if (!snapshot || !ret_fact || i >= snapshot->n_managers)
                return 0;
        m = &snapshot->managers[i];
        fact = (struct aiu_manager_fact){
                .pid = m->pid,
                .inode = m->inode,
                .cgroup_id = m->cgroup_id,
                .kind = m->kind,
                .unit = m->unit,
                .socket_unit = m->socket_unit,
                .unit_state = m->unit_state,
                .unit_restart = m->unit_restart,
                .will_return = m->will_return,
                .container = m->container,
                .supervisor = m->supervisor,
                .flags = m->flags,
                .user = m->user,
                .also_stop = m->also_stop,
                .enabled = m->enabled,
                .removes_file = m->removes_file,
                .named_by = m->named_by,
                .main_pid = m->main_pid,
                .n_processes = m->n_processes,
        };
        return fact_give(ret_fact, &fact, sizeof(fact));
}

const struct process *lookup_process(const struct snapshot_lookup *lookup, pid_t pid)
{
        for (size_t i = 0; i < lookup->n_processes; i++)
                if (lookup->processes[i].pid == pid)
                        return &lookup->processes[i];
        return NULL;
}

const struct manager *lookup_manager(const struct snapshot_lookup *lookup, pid_t pid, uint64_t inode,
                                     uint64_t cgroup_id)
{
        const struct manager *best = NULL;

        for (size_t i = 0; i < lookup->n_managers; i++) {
                const struct manager *m = &lookup->managers[i];

                if (inode != 0 && m->inode == inode && (m->pid == pid || m->pid == 0))
                        return m;
                if (pid > 0 && m->pid == pid && m->inode == 0)
                        best = m;
                if (!best && m->pid == 0 && m->inode == 0 && cgroup_id != 0 && m->cgroup_id == cgroup_id)
                        best = m;
        }
        return best;
}
