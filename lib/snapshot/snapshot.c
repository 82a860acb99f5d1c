/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where backends put facts. Everything is copied, bounded and de-duplicated here, so that a backend may be as simple
 * as a loop over what it reads, and a hostile or broken one cannot make the library grow without end. What is read
 * back is in snapshot/read.c.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/address.h"
#include "rules/label.h"
#include "rules/proxied.h"
#include "snapshot/port-entries.h"
#include "snapshot/fact.h"
#include "util/macro.h"
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

/* Copy a string of at most `most` bytes; NULL stays NULL. */
static int keep_string(char **to, const char *from, size_t most)
{
        char *copy;

        if (!from) {
                *to = NULL;
                return 0;
        }
        copy = strndup(from, most);
        if (!copy)
                return -ENOMEM;
        *to = copy;
        return 0;
}

/* A later fact that knows more replaces an earlier one. */
static int replace_long_string(char **to, const char *from, size_t most)
{
        char *copy;
        int r;

        if (!from)
                return 0;
        r = keep_string(&copy, from, most);
        if (r < 0)
                return r;
        free(*to);
        *to = copy;
        return 0;
}

static int replace_string(char **to, const char *from)
{
        return replace_long_string(to, from, SNAPSHOT_MAX_STRING);
}

static void replace_tristate(tristate *to, tristate from)
{
        if (from == YES || from == NO)
                *to = from;
}

static int copy_address(struct address *to, const struct sockaddr *from, socklen_t bytes)
{
        memset(to, 0, sizeof(*to));
        if (!from || bytes == 0)
                return 0;
        if (bytes < sizeof(sa_family_t) || bytes > sizeof(to->sa))
                return -EINVAL;
        memcpy(&to->sa, from, bytes);
        if ((to->sa.any.sa_family == AF_INET && bytes < sizeof(struct sockaddr_in)) ||
            (to->sa.any.sa_family == AF_INET6 && bytes < sizeof(struct sockaddr_in6)) ||
            (to->sa.any.sa_family == AF_VSOCK && bytes < sizeof(struct sockaddr_vm)) ||
            (to->sa.any.sa_family == AF_NETLINK && bytes < sizeof(struct sockaddr_nl)))
                return -EINVAL;
        to->len = bytes;
        return 0;
}

static void copy_name(char to[IF_NAMESIZE], const char *from)
{
        size_t n = from ? strnlen(from, IF_NAMESIZE - 1) : 0;

        memcpy(to, from ? from : "", n);
        to[n] = '\0';
}

/* What keeps the address away. */
static void add_reasons(struct host *host, const struct aiu_host_fact *f)
{
        replace_tristate(&host->address_duplicate, f->address_duplicate);
        replace_tristate(&host->address_elsewhere, f->address_elsewhere);
        replace_tristate(&host->ipv6_disabled, f->ipv6_disabled);
        replace_tristate(&host->device_up, f->device_up);
        replace_tristate(&host->name_makeable, f->name_makeable);
        if (f->detection_usec)
                host->detection_usec = f->detection_usec;
        if (f->address_device)
                copy_name(host->address_device, f->address_device);
}

AIU_EXPORT int aiu_snapshot_add_host(struct aiu_snapshot *snapshot, const struct aiu_host_fact *fact)
{
        struct aiu_host_fact f;
        struct host *host;
        int r;

        r = snapshot ? fact_copy(&f, sizeof(f), fact) : -EINVAL;
        if (r < 0)
                return r;
        host = &snapshot->host;
        r = replace_long_string(&host->reserved_ports, f.reserved_ports, SNAPSHOT_MAX_RESERVED);
        if (r < 0)
                return r;
        replace_tristate(&host->address_local, f.address_local);
        replace_tristate(&host->address_tentative, f.address_tentative);
        replace_tristate(&host->nonlocal_bind, f.nonlocal_bind);
        replace_tristate(&host->privileged, f.privileged);
        replace_tristate(&host->ipv6_enabled, f.ipv6_enabled);
        replace_tristate(&host->autobind_reuse, f.autobind_reuse);
        replace_tristate(&host->name_exists, f.name_exists);
        replace_tristate(&host->name_is_socket, f.name_is_socket);
        replace_tristate(&host->name_live, f.name_live);
        replace_tristate(&host->name_removable, f.name_removable);
        if (f.address_ifindex)
                host->address_ifindex = f.address_ifindex;
        if (f.unprivileged_port_start != 0)
                host->unprivileged_port_start = f.unprivileged_port_start;
        if (f.port_range_first > 0) {
                host->port_range_first = f.port_range_first;
                host->port_range_last = f.port_range_last;
        }
        if (f.kernel_major > 0) {
                host->kernel_major = f.kernel_major;
                host->kernel_minor = f.kernel_minor;
                host->kernel_patch = f.kernel_patch;
        }
        if (f.name_error)
                host->name_error = f.name_error;
        if (f.name_at)
                host->name_at = f.name_at;
        add_reasons(host, &f);
        if (f.name_inode) {
                host->name_inode = f.name_inode;
                host->name_device = f.name_device;
                host->name_mode = f.name_mode;
        }
        if (f.name_fs_device)
                host->name_fs_device = f.name_fs_device;
        return 0;
}

static bool have_address(const struct aiu_snapshot *s, const struct host_address *one)
{
        for (size_t i = 0; i < s->n_addresses; i++)
                if (s->addresses[i].ifindex == one->ifindex && address_equal(&s->addresses[i].address, &one->address))
                        return true;
        return false;
}

AIU_EXPORT int aiu_snapshot_add_address(struct aiu_snapshot *snapshot, const struct aiu_address_fact *fact)
{
        struct host_address one = { 0 };
        struct aiu_address_fact f;
        int r;

        r = snapshot ? fact_copy(&f, sizeof(f), fact) : -EINVAL;
        if (r < 0)
                return r;
        if (copy_address(&one.address, f.address, f.address_len) < 0 || !address_is_ip(&one.address))
                return -EINVAL;
        address_set_port(&one.address, 0);
        one.ifindex = f.ifindex;
        copy_name(one.device, f.device);
        if (have_address(snapshot, &one))
                return 0;
        r = SNAPSHOT_GROW(snapshot, addresses, SNAPSHOT_MAX_ADDRESSES);
        if (r < 0)
                return r;
        snapshot->addresses[snapshot->n_addresses++] = one;
        snapshot->host.addresses = snapshot->addresses;
        snapshot->host.n_addresses = snapshot->n_addresses;
        return 0;
}

static int fill_socket(struct socket *to, const struct aiu_socket_fact *f)
{
        int r;

        *to = (struct socket){
                .type = f->type,
                .protocol = f->protocol,
                .state = f->state,
                .inode = f->inode,
                .cookie = f->cookie,
                .cgroup_id = f->cgroup_id,
                .uid = f->uid,
                .ifindex = f->ifindex,
                .l3mdev = snapshot_l3mdev_at_first(f),
                .minisock = f->minisock == YES,
                .observed_only = f->flags & AIU_SOCKET_OBSERVED_ONLY,
                .maybe_unbound = f->flags & AIU_SOCKET_MAYBE_UNBOUND,
                .has_l3mdev = f->flags & AIU_SOCKET_L3MDEV,
                .has_bind_uid = f->flags & AIU_SOCKET_BIND_UID,
                .autobound = f->autobound,
                .reuseaddr = f->reuseaddr,
                .reuseport = f->reuseport,
                .v6only = f->v6only,
                .expires_usec = f->expires_usec,
                .vfs_inode = f->vfs_inode,
                .vfs_device = f->vfs_device,
        };
        r = copy_address(&to->local, f->local, f->local_len);
        if (r < 0 || to->local.len == 0)
                return -EINVAL;
        return copy_address(&to->peer, f->peer, f->peer_len);
}

static int add_socket(struct aiu_snapshot *snapshot, const struct aiu_socket_fact *f)
{
        struct socket socket, *known;
        int r;

        if (snapshot->survey && f->peer_len > 0)
                return 0;
        r = fill_socket(&socket, f);
        if (r < 0)
                return r;
        known = snapshot->survey ? NULL : snapshot_find_socket(snapshot, &socket);
        if (known) {
                snapshot_merge_socket(known, &socket);
                return 0;
        }
        r = SNAPSHOT_GROW(snapshot, sockets, snapshot->survey ? SNAPSHOT_SURVEY_SOCKETS : SNAPSHOT_MAX_SOCKETS);
        if (r < 0)
                return r;
        snapshot->sockets[snapshot->n_sockets++] = socket;
        snapshot->sockets_without_cookie = snapshot->sockets_without_cookie || socket.cookie == 0;
        return 0;
}

AIU_EXPORT int aiu_snapshot_add_socket(struct aiu_snapshot *snapshot, const struct aiu_socket_fact *fact)
{
        struct aiu_socket_fact f;
        int r;

        r = snapshot ? fact_copy(&f, sizeof(f), fact) : -EINVAL;
        if (r < 0)
                return r;
        r = snapshot->entries.first ? entries_add(&snapshot->entries, &f) : add_socket(snapshot, &f);
        if (r == -ENOBUFS)
                return snapshot_truncated(
                        snapshot, &snapshot->sockets_truncated,
                        snapshot->survey
                                ? "there are more sockets than a survey can hold: the rest are not shown"
                                : "more sockets are on this port than a report can hold: the rest are not shown");
        return r;
}

static int fill_ancestors(struct process *to, const struct aiu_process_fact *f)
{
        if (f->n_ancestors == 0 || !f->ancestor_pids)
                return 0;
        to->ancestor_pids = calloc(f->n_ancestors, sizeof(*to->ancestor_pids));
        to->ancestor_comms = calloc(f->n_ancestors, sizeof(*to->ancestor_comms));
        if (!to->ancestor_pids || !to->ancestor_comms)
                return -ENOMEM;
        memcpy(to->ancestor_pids, f->ancestor_pids, f->n_ancestors * sizeof(*to->ancestor_pids));
        to->n_ancestors = f->n_ancestors;
        for (size_t i = 0; i < f->n_ancestors; i++)
                if (keep_string(&to->ancestor_comms[i], f->ancestor_comms ? f->ancestor_comms[i] : NULL,
                                SNAPSHOT_MAX_STRING) < 0)
                        return -ENOMEM;
        return 0;
}

static int fill_label(struct process *to)
{
        char address[ADDRESS_TEXT_BYTES];
        const char *label = address;
        size_t bytes = sizeof(address);

        if (!to->cmdline)
                return 0;
        if (to->comm && strcmp(to->comm, "docker-proxy") == 0) {
                if (!proxied_address(to->cmdline, to->cmdline_bytes, address, sizeof(address)))
                        return 0;
        } else if (!label_find(to->cmdline, to->cmdline_bytes, &label, &bytes)) {
                return 0;
        }
        to->label = strndup(label, bytes);
        return to->label ? 0 : -ENOMEM;
}

static int fill_process(struct process *to, const struct aiu_process_fact *f)
{
        int r;

        *to = (struct process){
                .pid = f->pid,
                .ppid = f->ppid,
                .uid = f->uid,
                .start_time_usec = f->start_time_usec,
                .flags = f->flags,
                .is_self = f->is_self == YES,
                .sigterm_ignored = f->sigterm_ignored,
                .sigterm_caught = f->sigterm_caught,
                .parent_returns = f->parent_returns,
                .has_uids = f->n_uids == 4,
                .root_uid = f->root_uid,
                .session = f->session,
        };
        memcpy(to->uids, f->uids, sizeof(to->uids));
        if ((r = keep_string(&to->comm, f->comm, SNAPSHOT_MAX_STRING)) < 0 ||
            (r = keep_string(&to->exe, f->exe, SNAPSHOT_MAX_STRING)) < 0 ||
            (r = keep_string(&to->cwd, f->cwd, SNAPSHOT_MAX_STRING)) < 0 ||
            (r = keep_string(&to->cgroup, f->cgroup, SNAPSHOT_MAX_STRING)) < 0)
                return r;
        if (f->cmdline && f->cmdline_bytes > 0) {
                size_t bytes = f->cmdline_bytes < 32768 ? f->cmdline_bytes : 32768;

                to->cmdline = malloc(bytes + 1);
                if (!to->cmdline)
                        return -ENOMEM;
                memcpy(to->cmdline, f->cmdline, bytes);
                to->cmdline[bytes] = '\0';
                to->cmdline_bytes = bytes;
        }
        r = fill_label(to);
        return r < 0 ? r : fill_ancestors(to, f);
}

AIU_EXPORT int aiu_snapshot_add_process(struct aiu_snapshot *snapshot, const struct aiu_process_fact *fact)
{
        struct aiu_process_fact f;
        int r;

        r = snapshot ? fact_copy(&f, sizeof(f), fact) : -EINVAL;
        if (r < 0)
                return r;
        if (f.pid <= 0 || f.n_ancestors > 64)
                return -EINVAL;
        for (size_t i = 0; i < snapshot->n_processes; i++)
                if (snapshot->processes[i].pid == f.pid)
                        return 0;
        r = SNAPSHOT_GROW(snapshot, processes, snapshot->survey ? SNAPSHOT_SURVEY_PROCESSES : SNAPSHOT_MAX_PROCESSES);
        if (r == -ENOBUFS)
                return snapshot_truncated(
                        snapshot, &snapshot->holders_truncated,
                        "more processes hold these sockets than a report can hold: the rest are not shown");
        if (r < 0)
                return r;
        r = fill_process(&snapshot->processes[snapshot->n_processes], &f);
        if (r < 0) {
                process_finish(&snapshot->processes[snapshot->n_processes]);
                return r;
        }
        snapshot->n_processes++;
        return 0;
}

AIU_EXPORT int aiu_snapshot_add_options(struct aiu_snapshot *snapshot, uint64_t inode,
                                        const struct aiu_options_fact *fact)
{
        struct aiu_options_fact f;
        int r;

        r = snapshot && inode != 0 ? fact_copy(&f, sizeof(f), fact) : -EINVAL;
        if (r < 0)
                return r;
        for (size_t i = 0; i < snapshot->n_sockets; i++) {
                struct socket *socket = &snapshot->sockets[i];

                if (socket->inode != inode)
                        continue;
                replace_tristate(&socket->reuseaddr, f.reuseaddr);
                replace_tristate(&socket->reuseport, f.reuseport);
                replace_tristate(&socket->v6only, f.v6only);
        }
        entries_set_options(&snapshot->entries, inode, &f);
        return 0;
}

static struct manager *find_manager_key(struct aiu_snapshot *s, const struct aiu_manager_fact *f)
{
        for (size_t i = 0; i < s->n_managers; i++) {
                struct manager *m = &s->managers[i];

                if (m->pid == f->pid && m->inode == f->inode && m->cgroup_id == f->cgroup_id)
                        return m;
        }
        return NULL;
}

/* If a user could have chosen a name, it stays that user's, also when another backend repeats it. */
static void replace_named_by(struct manager *to, const struct aiu_manager_fact *f)
{
        if (f->named_by != 0)
                to->named_by = f->named_by;
        else if (to->named_by == 0 && f->kind != AIU_MANAGER_UNKNOWN)
                to->named_by = f->user;
}

/* An operand of a command: one that begins with "-" would be taken for an option. */
static const char *operand(const char *name)
{
        return name && *name && *name != '-' ? name : NULL;
}

static int merge_manager(struct manager *to, const struct aiu_manager_fact *f)
{
        int r;

        if ((r = replace_string(&to->unit, operand(f->unit))) < 0 ||
            (r = replace_string(&to->socket_unit, operand(f->socket_unit))) < 0 ||
            (r = replace_string(&to->unit_state, f->unit_state)) < 0 ||
            (r = replace_string(&to->unit_restart, f->unit_restart)) < 0 ||
            (r = replace_string(&to->container, operand(f->container))) < 0 ||
            (r = replace_string(&to->supervisor, f->supervisor)) < 0 ||
            (r = replace_string(&to->also_stop, f->also_stop)) < 0 ||
            (r = replace_string(&to->enabled, f->enabled)) < 0)
                return r;
        replace_tristate(&to->will_return, f->will_return);
        replace_tristate(&to->removes_file, f->removes_file);
        if (f->main_pid > 0)
                to->main_pid = f->main_pid;
        if (f->n_processes > 0)
                to->n_processes = f->n_processes;
        to->flags |= f->flags;
        if (f->kind != AIU_MANAGER_UNKNOWN) {
                to->kind = f->kind;
                to->user = f->user;
        }
        replace_named_by(to, f);
        return 0;
}

AIU_EXPORT int aiu_snapshot_add_manager(struct aiu_snapshot *snapshot, const struct aiu_manager_fact *fact)
{
        struct aiu_manager_fact f;
        struct manager *manager;
        int r;

        r = snapshot ? fact_copy(&f, sizeof(f), fact) : -EINVAL;
        if (r < 0)
                return r;
        if (f.pid <= 0 && f.cgroup_id == 0 && f.inode == 0)
                return -EINVAL;
        manager = find_manager_key(snapshot, &f);
        if (manager)
                return merge_manager(manager, &f);
        r = SNAPSHOT_GROW(snapshot, managers, SNAPSHOT_MAX_MANAGERS);
        if (r < 0)
                return r;
        manager = &snapshot->managers[snapshot->n_managers];
        *manager = (struct manager){ .pid = f.pid, .inode = f.inode, .cgroup_id = f.cgroup_id, .user = UID_UNKNOWN };
        r = merge_manager(manager, &f);
        if (r < 0) {
                manager_finish(manager);
                return r;
        }
        snapshot->n_managers++;
        return 0;
}

static int fill_unit(struct managed_unit *to, const struct aiu_unit_fact *f)
{
        int r;

        *to = (struct managed_unit){
                .n_restarts = f->n_restarts,
                .active_usec = f->active_usec,
                .type = f->type,
                .protocol = f->protocol,
                .ifindex = f->ifindex,
                .reuseport = f->reuseport,
                .v6only = f->v6only,
        };
        if (copy_address(&to->listen, f->listen, f->listen_len) < 0 ||
            (to->listen.len > 0 && !address_is_ip(&to->listen)))
                return -EINVAL;
        if ((r = keep_string(&to->name, f->name, SNAPSHOT_MAX_STRING)) < 0 ||
            (r = keep_string(&to->state, f->state, SNAPSHOT_MAX_STRING)) < 0 ||
            (r = keep_string(&to->sub_state, f->sub_state, SNAPSHOT_MAX_STRING)) < 0 ||
            (r = keep_string(&to->enabled, f->enabled, SNAPSHOT_MAX_STRING)) < 0 ||
            (r = keep_string(&to->kill_mode, f->kill_mode, SNAPSHOT_MAX_STRING)) < 0)
                return r;
        return keep_string(&to->service, f->service, SNAPSHOT_MAX_STRING);
}

static bool have_unit(const struct aiu_snapshot *snapshot, const struct managed_unit *unit)
{
        for (size_t i = 0; i < snapshot->n_units; i++) {
                const struct managed_unit *other = &snapshot->units[i];

                if (other->protocol == unit->protocol && other->ifindex == unit->ifindex &&
                    other->listen.len == unit->listen.len &&
                    (unit->listen.len == 0 || address_equal(&other->listen, &unit->listen)) &&
                    strcmp(other->name, unit->name) == 0)
                        return true;
        }
        return false;
}

AIU_EXPORT int aiu_snapshot_add_unit(struct aiu_snapshot *snapshot, const struct aiu_unit_fact *fact)
{
        struct aiu_unit_fact f;
        int r;

        r = snapshot ? fact_copy(&f, sizeof(f), fact) : -EINVAL;
        if (r < 0)
                return r;
        f.service = operand(f.service);
        if (!operand(f.name))
                return -EINVAL;
        r = SNAPSHOT_GROW(snapshot, units, SNAPSHOT_MAX_UNITS);
        if (r < 0)
                return r;
        r = fill_unit(&snapshot->units[snapshot->n_units], &f);
        if (r < 0 || have_unit(snapshot, &snapshot->units[snapshot->n_units]))
                managed_unit_finish(&snapshot->units[snapshot->n_units]);
        else
                snapshot->n_units++;
        return r;
}

static bool have_gap(const struct aiu_snapshot *s, enum aiu_gap_kind kind, int error, const char *text)
{
        for (size_t i = 0; i < s->n_gaps; i++) {
                const struct gap *g = &s->gaps[i];

                if (g->kind == kind && g->error == error && strcmp(g->text, text) == 0 &&
                    strcmp(g->backend ? g->backend : "", s->backend ? s->backend : "") == 0)
                        return true;
        }
        return false;
}

static int add_gap(struct aiu_snapshot *snapshot, enum aiu_gap_kind kind, int error, const char *text)
{
        struct gap gap = { .kind = kind, .error = error };
        int r;

        if (have_gap(snapshot, kind, error, text))
                return 0;
        r = SNAPSHOT_GROW(snapshot, gaps, SNAPSHOT_MAX_GAPS);
        if (r < 0)
                return r;
        if (keep_string(&gap.backend, snapshot->backend, 64) < 0 ||
            keep_string(&gap.text, text, SNAPSHOT_MAX_STRING) < 0) {
                gap_finish(&gap);
                return -ENOMEM;
        }
        snapshot->gaps[snapshot->n_gaps++] = gap;
        return 0;
}

AIU_EXPORT int aiu_snapshot_add_gap(struct aiu_snapshot *snapshot, enum aiu_gap_kind kind, int error, const char *text)
{
        int r;

        if (!snapshot || !text)
                return -EINVAL;
        r = add_gap(snapshot, kind, error < 0 ? -error : error, text);
        if (r == -ENOMEM)
                snapshot->gap_lost = true;
        return r;
}

AIU_EXPORT void aiu_snapshot_progress(struct aiu_snapshot *snapshot, size_t done, size_t total)
{
        if (snapshot && snapshot->progress)
                snapshot->progress(snapshot->progress_userdata, done, total);
}

AIU_EXPORT void aiu_snapshot_log(struct aiu_snapshot *snapshot, enum aiu_log_level level, const char *message)
{
        if (snapshot && snapshot->log && message && level <= snapshot->log_max)
                snapshot->log(snapshot->log_userdata, level, message);
}

AIU_EXPORT void aiu_snapshot_add_unseen(struct aiu_snapshot *snapshot, size_t n_processes)
{
        if (snapshot)
                snapshot->n_unseen += n_processes;
}
