/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Accessors of a report's parts: conflicts, holders, actions, gaps. They never fail. */
#include <errno.h>
#include <signal.h>
#include <stddef.h>

#include "util/macro.h"
#include "report/report.h"

/* ------------------------------------------------------ conflicts */

AIU_EXPORT enum aiu_overlap aiu_conflict_get_overlap(const struct aiu_conflict *conflict)
{
        return conflict ? conflict->judgement.overlap : AIU_OVERLAP_UNKNOWN;
}

AIU_EXPORT enum aiu_state aiu_conflict_get_state(const struct aiu_conflict *conflict)
{
        return conflict ? conflict->socket.state : AIU_STATE_UNKNOWN;
}

AIU_EXPORT enum aiu_reason aiu_conflict_get_reason(const struct aiu_conflict *conflict)
{
        return conflict ? conflict->judgement.reason : AIU_REASON_UNKNOWN;
}

AIU_EXPORT enum aiu_tristate aiu_conflict_is_blocking(const struct aiu_conflict *conflict)
{
        return conflict ? conflict->judgement.blocking : AIU_TRISTATE_UNKNOWN;
}

static const struct sockaddr *address_of(const struct address *address, socklen_t *ret_len)
{
        if (address->len == 0)
                return NULL;
        if (ret_len)
                *ret_len = address->len;
        return &address->sa.any;
}

AIU_EXPORT const struct sockaddr *aiu_conflict_get_local(const struct aiu_conflict *conflict, socklen_t *ret_len)
{
        return conflict ? address_of(&conflict->socket.local, ret_len) : NULL;
}

AIU_EXPORT const struct sockaddr *aiu_conflict_get_peer(const struct aiu_conflict *conflict, socklen_t *ret_len)
{
        return conflict ? address_of(&conflict->socket.peer, ret_len) : NULL;
}

AIU_EXPORT int aiu_conflict_get_type(const struct aiu_conflict *conflict)
{
        return conflict ? conflict->socket.type : 0;
}

AIU_EXPORT int aiu_conflict_get_protocol(const struct aiu_conflict *conflict)
{
        return conflict ? conflict->socket.protocol : 0;
}

AIU_EXPORT uint64_t aiu_conflict_get_inode(const struct aiu_conflict *conflict)
{
        return conflict ? conflict->socket.inode : 0;
}

AIU_EXPORT uint64_t aiu_conflict_get_cookie(const struct aiu_conflict *conflict)
{
        return conflict ? conflict->socket.cookie : 0;
}

AIU_EXPORT uid_t aiu_conflict_get_uid(const struct aiu_conflict *conflict)
{
        return conflict ? conflict->socket.uid : UID_UNKNOWN;
}

AIU_EXPORT const char *aiu_conflict_get_device(const struct aiu_conflict *conflict)
{
        return conflict && conflict->socket.device[0] ? conflict->socket.device : NULL;
}

AIU_EXPORT enum aiu_tristate aiu_conflict_get_reuseaddr(const struct aiu_conflict *conflict)
{
        return conflict ? conflict->socket.reuseaddr : AIU_TRISTATE_UNKNOWN;
}

AIU_EXPORT enum aiu_tristate aiu_conflict_get_reuseport(const struct aiu_conflict *conflict)
{
        return conflict ? conflict->socket.reuseport : AIU_TRISTATE_UNKNOWN;
}

AIU_EXPORT enum aiu_tristate aiu_conflict_get_v6only(const struct aiu_conflict *conflict)
{
        return conflict ? conflict->socket.v6only : AIU_TRISTATE_UNKNOWN;
}

AIU_EXPORT uint64_t aiu_conflict_get_expires_usec(const struct aiu_conflict *conflict)
{
        return conflict ? conflict->socket.expires_usec : 0;
}

AIU_EXPORT uint32_t aiu_conflict_get_file_mode(const struct aiu_conflict *conflict)
{
        return conflict ? conflict->file_mode : 0;
}

AIU_EXPORT size_t aiu_conflict_get_n_ports(const struct aiu_conflict *conflict)
{
        return conflict ? conflict->n_ports : 0;
}

AIU_EXPORT size_t aiu_conflict_get_n_holders(const struct aiu_conflict *conflict)
{
        return conflict ? conflict->n_holders : 0;
}

AIU_EXPORT const struct aiu_holder *aiu_conflict_get_holder(const struct aiu_conflict *conflict, size_t i)
{
        return conflict && i < conflict->n_holders ? &conflict->holders[i] : NULL;
}

/* ------------------------------------------------------ holders */

AIU_EXPORT enum aiu_holder_kind aiu_holder_get_kind(const struct aiu_holder *holder)
{
        return holder ? holder->kind : AIU_HOLDER_UNKNOWN;
}

AIU_EXPORT pid_t aiu_holder_get_pid(const struct aiu_holder *holder)
{
        return holder && holder->process ? holder->process->pid : 0;
}

AIU_EXPORT pid_t aiu_holder_get_ppid(const struct aiu_holder *holder)
{
        return holder && holder->process ? holder->process->ppid : 0;
}

AIU_EXPORT uid_t aiu_holder_get_uid(const struct aiu_holder *holder)
{
        return holder ? holder->uid : UID_UNKNOWN;
}

AIU_EXPORT uint64_t aiu_holder_get_start_time_usec(const struct aiu_holder *holder)
{
        return holder && holder->process ? holder->process->start_time_usec : 0;
}

AIU_EXPORT size_t aiu_holder_get_n_fds(const struct aiu_holder *holder)
{
        return holder ? holder->n_fds : 0;
}

AIU_EXPORT int aiu_holder_get_fd(const struct aiu_holder *holder, size_t i)
{
        return holder && i < holder->n_fds ? holder->fds[i] : -1;
}

AIU_EXPORT const char *aiu_holder_get_comm(const struct aiu_holder *holder)
{
        return holder && holder->process ? holder->process->comm : NULL;
}

AIU_EXPORT const char *aiu_holder_get_exe(const struct aiu_holder *holder)
{
        return holder && holder->process ? holder->process->exe : NULL;
}

AIU_EXPORT const char *aiu_holder_get_cmdline(const struct aiu_holder *holder, size_t *ret_bytes)
{
        if (!holder || !holder->process || !holder->process->cmdline)
                return NULL;
        if (ret_bytes)
                *ret_bytes = holder->process->cmdline_bytes;
        return holder->process->cmdline;
}

AIU_EXPORT const char *aiu_holder_get_cwd(const struct aiu_holder *holder)
{
        return holder && holder->process ? holder->process->cwd : NULL;
}

AIU_EXPORT const char *aiu_holder_get_kernel_user(const struct aiu_holder *holder)
{
        return holder && holder->kernel_user ? holder->kernel_user->service : NULL;
}

AIU_EXPORT const char *aiu_holder_get_kernel_user_name(const struct aiu_holder *holder)
{
        return holder && holder->kernel_user ? holder->kernel_user->name : NULL;
}

AIU_EXPORT size_t aiu_holder_get_n_ancestors(const struct aiu_holder *holder)
{
        return holder && holder->process ? holder->process->n_ancestors : 0;
}

static bool has_ancestor(const struct aiu_holder *holder, size_t i)
{
        return holder && holder->process && i < holder->process->n_ancestors;
}

AIU_EXPORT pid_t aiu_holder_get_ancestor_pid(const struct aiu_holder *holder, size_t i)
{
        return has_ancestor(holder, i) ? holder->process->ancestor_pids[i] : 0;
}

AIU_EXPORT const char *aiu_holder_get_ancestor_comm(const struct aiu_holder *holder, size_t i)
{
        return has_ancestor(holder, i) ? holder->process->ancestor_comms[i] : NULL;
}

AIU_EXPORT uint32_t aiu_holder_get_flags(const struct aiu_holder *holder)
{
        return holder ? holder->flags : 0;
}

AIU_EXPORT pid_t aiu_holder_get_leader(const struct aiu_holder *holder)
{
        if (!holder || !holder->process)
                return 0;
        return holder->leader ? holder->leader : holder->process->pid;
}

AIU_EXPORT enum aiu_manager_kind aiu_holder_get_manager(const struct aiu_holder *holder)
{
        return holder && holder->manager ? holder->manager->kind : AIU_MANAGER_UNKNOWN;
}

AIU_EXPORT const char *aiu_holder_get_unit(const struct aiu_holder *holder)
{
        return holder && holder->manager ? holder->manager->unit : NULL;
}

AIU_EXPORT const char *aiu_holder_get_socket_unit(const struct aiu_holder *holder)
{
        return holder && holder->manager ? holder->manager->socket_unit : NULL;
}

AIU_EXPORT const char *aiu_holder_get_unit_state(const struct aiu_holder *holder)
{
        return holder && holder->manager ? holder->manager->unit_state : NULL;
}

AIU_EXPORT const char *aiu_holder_get_unit_restart(const struct aiu_holder *holder)
{
        return holder && holder->manager ? holder->manager->unit_restart : NULL;
}

AIU_EXPORT enum aiu_tristate aiu_holder_will_return(const struct aiu_holder *holder)
{
        return holder && holder->manager ? holder->manager->will_return : AIU_TRISTATE_UNKNOWN;
}

AIU_EXPORT const char *aiu_holder_get_container(const struct aiu_holder *holder)
{
        return holder && holder->manager ? holder->manager->container : NULL;
}

AIU_EXPORT const char *aiu_holder_get_supervisor(const struct aiu_holder *holder)
{
        return holder && holder->manager ? holder->manager->supervisor : NULL;
}

/* ------------------------------------------------------ actions, gaps */

AIU_EXPORT enum aiu_action_kind aiu_action_get_kind(const struct aiu_action *action)
{
        return action ? action->kind : AIU_ACTION_UNKNOWN;
}

AIU_EXPORT const char *aiu_action_get_text(const struct aiu_action *action)
{
        return action ? action->text : NULL;
}

AIU_EXPORT const char *const *aiu_action_get_argv(const struct aiu_action *action)
{
        return action ? (const char *const *)action->argv : NULL;
}

AIU_EXPORT enum aiu_tristate aiu_action_is_sufficient(const struct aiu_action *action)
{
        return action ? action->sufficient : AIU_TRISTATE_UNKNOWN;
}

AIU_EXPORT uint32_t aiu_action_get_flags(const struct aiu_action *action)
{
        return action ? action->flags : 0;
}

AIU_EXPORT int aiu_action_get_signal(const struct aiu_action *action)
{
        static const int words[] = { SIGTERM, SIGQUIT, SIGINT, SIGWINCH, SIGUSR1 };

        switch (aiu_action_get_kind(action)) {
        case AIU_ACTION_TERMINATE:
                return words[action->signal];
        case AIU_ACTION_KILL:
                return SIGKILL;
        default:
                return 0;
        }
}

AIU_EXPORT int aiu_action_get_file(const struct aiu_action *action, uint64_t *ret_device, uint64_t *ret_inode)
{
        if (!action || !ret_device || !ret_inode)
                return -EINVAL;
        if (action->file_inode == 0)
                return 0;
        *ret_device = action->file_device;
        *ret_inode = action->file_inode;
        return 1;
}

AIU_EXPORT size_t aiu_action_get_n_processes(const struct aiu_action *action)
{
        /* Their numbers may be those of other processes here. */
        return action && !(action->remarks & REMARK_FOREIGN_PIDS) ? action->n_processes : 0;
}

AIU_EXPORT pid_t aiu_action_get_process(const struct aiu_action *action, size_t i, uint64_t *ret_start_time_usec)
{
        if (i >= aiu_action_get_n_processes(action))
                return 0;
        if (ret_start_time_usec)
                *ret_start_time_usec = action->processes[i]->start_time_usec;
        return action->processes[i]->pid;
}

AIU_EXPORT enum aiu_gap_kind aiu_gap_get_kind(const struct aiu_gap *gap)
{
        return gap ? gap->gap.kind : AIU_GAP_UNKNOWN;
}

AIU_EXPORT int aiu_gap_get_error(const struct aiu_gap *gap)
{
        return gap ? gap->gap.error : 0;
}

AIU_EXPORT const char *aiu_gap_get_backend(const struct aiu_gap *gap)
{
        return gap ? gap->gap.backend : NULL;
}

AIU_EXPORT const char *aiu_gap_get_text(const struct aiu_gap *gap)
{
        return gap ? gap->gap.text : NULL;
}
