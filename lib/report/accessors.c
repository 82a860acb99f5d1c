/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Accessors of a report and of its parts: conflicts, holders, actions, gaps. They never fail. */
#include <errno.h>
#include <signal.h>
#include <stddef.h>

#include "util/macro.h"
#include "report/report.h"

/* NOLINTBEGIN(bugprone-macro-parentheses): a type and a name take none. */
/* A function that reads one member; `otherwise` where there is no such object, or no such part of it. */
#define GETTER(type, name, object, part, member, otherwise)                                                            \
        AIU_EXPORT type name(const struct aiu_##object *object)                                                        \
        {                                                                                                              \
                return part ? member : otherwise;                                                                      \
        }
/* NOLINTEND(bugprone-macro-parentheses) */
#define OF_REPORT(type, name, member, otherwise) GETTER(type, name, report, report, report->member, otherwise)
#define OF_CONFLICT(type, name, member, otherwise) GETTER(type, name, conflict, conflict, conflict->member, otherwise)
#define OF_HOLDER(type, name, member, otherwise) GETTER(type, name, holder, holder, holder->member, otherwise)
#define OF_ACTION(type, name, member, otherwise) GETTER(type, name, action, action, action->member, otherwise)
#define OF_GAP(type, name, member, otherwise) GETTER(type, name, gap, gap, gap->gap.member, otherwise)
#define OF_PART(type, name, part, member, otherwise)                                                                   \
        GETTER(type, name, holder, holder && holder->part, holder->part->member, otherwise)
#define OF_PROCESS(type, name, member, otherwise) OF_PART(type, name, process, member, otherwise)
#define OF_MANAGER(type, name, member, otherwise) OF_PART(type, name, manager, member, otherwise)
#define OF_KERNEL_USER(type, name, member, otherwise) OF_PART(type, name, kernel_user, member, otherwise)

static const struct sockaddr *address_of(const struct address *address, socklen_t *ret_len)
{
        if (address->len == 0)
                return NULL;
        if (ret_len)
                *ret_len = address->len;
        return &address->sa.any;
}

/* ------------------------------------------------------ the report */

OF_REPORT(enum aiu_verdict, aiu_report_get_verdict, verdict.verdict, AIU_VERDICT_UNKNOWN)
OF_REPORT(int, aiu_report_get_error, verdict.error, 0)
OF_REPORT(enum aiu_call, aiu_report_get_call, verdict.call, AIU_CALL_UNKNOWN)

AIU_EXPORT const char *aiu_report_get_summary(const struct aiu_report *report)
{
        return report && report->summary ? report->summary : "";
}

AIU_EXPORT const struct sockaddr *aiu_report_get_address(const struct aiu_report *report, socklen_t *ret_len)
{
        return report ? address_of(&report->request.address, ret_len) : NULL;
}

AIU_EXPORT int aiu_report_get_port_range(const struct aiu_report *report, uint16_t *ret_first, uint16_t *ret_last)
{
        if (!report || report->range.first <= 0)
                return 0;
        if (ret_first)
                *ret_first = (uint16_t)report->range.first;
        if (ret_last)
                *ret_last = (uint16_t)report->range.last;
        return 1;
}

OF_REPORT(size_t, aiu_report_get_n_ports_taken, range.taken, 0)
OF_REPORT(size_t, aiu_report_get_n_ports_left, range.left, 0)
OF_REPORT(size_t, aiu_report_get_n_ports_reserved, range.reserved, 0)
OF_REPORT(int, aiu_report_get_type, request.type, 0)
OF_REPORT(int, aiu_report_get_protocol, request.protocol, 0)

AIU_EXPORT uint32_t aiu_report_get_options(const struct aiu_report *report)
{
        const struct request *q;

        if (!report)
                return 0;
        q = &report->request;
        return (q->reuseaddr ? AIU_OPTION_REUSEADDR : 0) | (q->reuseport ? AIU_OPTION_REUSEPORT : 0) |
               (q->v6only ? AIU_OPTION_V6ONLY : 0) | (q->freebind ? AIU_OPTION_FREEBIND : 0);
}

AIU_EXPORT const char *aiu_report_get_device(const struct aiu_report *report)
{
        return report && report->request.device[0] ? report->request.device : NULL;
}

OF_REPORT(uid_t, aiu_report_get_uid, request.uid, UID_UNKNOWN)
OF_REPORT(int, aiu_report_get_listen, request.listen, 0)

AIU_EXPORT enum aiu_tristate aiu_report_would_succeed_with(const struct aiu_report *report, uint32_t options)
{
        if (!report || options >= WHAT_IF_COUNT)
                return AIU_TRISTATE_UNKNOWN;
        return report->what_if[options];
}

OF_REPORT(size_t, aiu_report_get_n_conflicts, n_conflicts, 0)

AIU_EXPORT const struct aiu_conflict *aiu_report_get_conflict(const struct aiu_report *report, size_t i)
{
        return report && i < report->n_conflicts ? &report->conflicts[i] : NULL;
}

OF_REPORT(size_t, aiu_report_get_n_neighbours, n_neighbours, 0)

AIU_EXPORT const struct aiu_conflict *aiu_report_get_neighbour(const struct aiu_report *report, size_t i)
{
        return report && i < report->n_neighbours ? &report->neighbours[i] : NULL;
}

OF_REPORT(size_t, aiu_report_get_n_actions, n_actions, 0)

AIU_EXPORT const struct aiu_action *aiu_report_get_action(const struct aiu_report *report, size_t i)
{
        return report && i < report->n_actions ? &report->actions[i] : NULL;
}

OF_REPORT(size_t, aiu_report_get_n_gaps, n_gaps, 0)

AIU_EXPORT const struct aiu_gap *aiu_report_get_gap(const struct aiu_report *report, size_t i)
{
        return report && i < report->n_gaps ? &report->gaps[i] : NULL;
}

/* ------------------------------------------------------ conflicts */

OF_CONFLICT(enum aiu_overlap, aiu_conflict_get_overlap, judgement.overlap, AIU_OVERLAP_UNKNOWN)
OF_CONFLICT(enum aiu_state, aiu_conflict_get_state, socket.state, AIU_STATE_UNKNOWN)
OF_CONFLICT(enum aiu_reason, aiu_conflict_get_reason, judgement.reason, AIU_REASON_UNKNOWN)
OF_CONFLICT(enum aiu_tristate, aiu_conflict_is_blocking, judgement.blocking, AIU_TRISTATE_UNKNOWN)

AIU_EXPORT const struct sockaddr *aiu_conflict_get_local(const struct aiu_conflict *conflict, socklen_t *ret_len)
{
        return conflict ? address_of(&conflict->socket.local, ret_len) : NULL;
}

AIU_EXPORT const struct sockaddr *aiu_conflict_get_peer(const struct aiu_conflict *conflict, socklen_t *ret_len)
{
        return conflict ? address_of(&conflict->socket.peer, ret_len) : NULL;
}

OF_CONFLICT(int, aiu_conflict_get_type, socket.type, 0)
OF_CONFLICT(int, aiu_conflict_get_protocol, socket.protocol, 0)
OF_CONFLICT(uint64_t, aiu_conflict_get_inode, socket.inode, 0)
OF_CONFLICT(uint64_t, aiu_conflict_get_cookie, socket.cookie, 0)
OF_CONFLICT(uid_t, aiu_conflict_get_uid, socket.uid, UID_UNKNOWN)

AIU_EXPORT const char *aiu_conflict_get_device(const struct aiu_conflict *conflict)
{
        return conflict && conflict->socket.device[0] ? conflict->socket.device : NULL;
}

OF_CONFLICT(enum aiu_tristate, aiu_conflict_get_reuseaddr, socket.reuseaddr, AIU_TRISTATE_UNKNOWN)
OF_CONFLICT(enum aiu_tristate, aiu_conflict_get_reuseport, socket.reuseport, AIU_TRISTATE_UNKNOWN)
OF_CONFLICT(enum aiu_tristate, aiu_conflict_get_v6only, socket.v6only, AIU_TRISTATE_UNKNOWN)
OF_CONFLICT(uint64_t, aiu_conflict_get_expires_usec, socket.expires_usec, 0)
OF_CONFLICT(int, aiu_conflict_is_observed_only, socket.observed_only, 0)

AIU_EXPORT int aiu_conflict_get_references(const struct aiu_conflict *conflict, uint32_t *ret_total,
                                           uint32_t *ret_found)
{
        if (!conflict || conflict->socket.n_references == 0)
                return 0;
        if (ret_total)
                *ret_total = conflict->socket.n_references;
        if (ret_found)
                *ret_found = conflict->socket.n_found;
        return 1;
}

OF_CONFLICT(uint32_t, aiu_conflict_get_file_mode, file_mode, 0)
OF_CONFLICT(size_t, aiu_conflict_get_n_ports, n_ports, 0)
OF_CONFLICT(size_t, aiu_conflict_get_n_holders, n_holders, 0)

AIU_EXPORT const struct aiu_holder *aiu_conflict_get_holder(const struct aiu_conflict *conflict, size_t i)
{
        return conflict && i < conflict->n_holders ? &conflict->holders[i] : NULL;
}

/* ------------------------------------------------------ holders */

OF_HOLDER(enum aiu_holder_kind, aiu_holder_get_kind, kind, AIU_HOLDER_UNKNOWN)
OF_PROCESS(pid_t, aiu_holder_get_pid, pid, 0)
OF_PROCESS(pid_t, aiu_holder_get_ppid, ppid, 0)
OF_HOLDER(uid_t, aiu_holder_get_uid, uid, UID_UNKNOWN)
OF_HOLDER(const char *, aiu_holder_get_user_name, user_name, NULL)
OF_PROCESS(uint64_t, aiu_holder_get_start_time_usec, start_time_usec, 0)
OF_HOLDER(size_t, aiu_holder_get_n_fds, n_fds, 0)

AIU_EXPORT int aiu_holder_get_fd(const struct aiu_holder *holder, size_t i)
{
        return holder && i < holder->n_fds ? holder->fds[i] : -1;
}

OF_PROCESS(const char *, aiu_holder_get_comm, comm, NULL)
OF_PROCESS(const char *, aiu_holder_get_exe, exe, NULL)

AIU_EXPORT const char *aiu_holder_get_cmdline(const struct aiu_holder *holder, size_t *ret_bytes)
{
        if (!holder || !holder->process || !holder->process->cmdline)
                return NULL;
        if (ret_bytes)
                *ret_bytes = holder->process->cmdline_bytes;
        return holder->process->cmdline;
}

OF_PROCESS(const char *, aiu_holder_get_label, label, NULL)
OF_PROCESS(const char *, aiu_holder_get_cwd, cwd, NULL)
OF_KERNEL_USER(const char *, aiu_holder_get_kernel_user, service, NULL)
OF_KERNEL_USER(const char *, aiu_holder_get_kernel_user_name, name, NULL)
OF_PROCESS(size_t, aiu_holder_get_n_ancestors, n_ancestors, 0)

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

OF_HOLDER(uint32_t, aiu_holder_get_flags, flags, 0)

AIU_EXPORT pid_t aiu_holder_get_leader(const struct aiu_holder *holder)
{
        if (!holder || !holder->process)
                return 0;
        return holder->leader ? holder->leader : holder->process->pid;
}

OF_MANAGER(enum aiu_manager_kind, aiu_holder_get_manager, kind, AIU_MANAGER_UNKNOWN)
OF_MANAGER(const char *, aiu_holder_get_unit, unit, NULL)
OF_MANAGER(const char *, aiu_holder_get_socket_unit, socket_unit, NULL)
OF_MANAGER(const char *, aiu_holder_get_unit_state, unit_state, NULL)
OF_MANAGER(const char *, aiu_holder_get_unit_restart, unit_restart, NULL)
OF_MANAGER(enum aiu_tristate, aiu_holder_will_return, will_return, AIU_TRISTATE_UNKNOWN)
OF_MANAGER(const char *, aiu_holder_get_container, container, NULL)
OF_MANAGER(const char *, aiu_holder_get_supervisor, supervisor, NULL)

/* ------------------------------------------------------ actions, gaps */

OF_ACTION(enum aiu_action_kind, aiu_action_get_kind, kind, AIU_ACTION_UNKNOWN)
OF_ACTION(const char *, aiu_action_get_text, text, NULL)

AIU_EXPORT const char *const *aiu_action_get_argv(const struct aiu_action *action)
{
        return action ? (const char *const *)action->argv : NULL;
}

OF_ACTION(enum aiu_tristate, aiu_action_is_sufficient, sufficient, AIU_TRISTATE_UNKNOWN)
OF_ACTION(uint32_t, aiu_action_get_flags, flags, 0)

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

OF_GAP(enum aiu_gap_kind, aiu_gap_get_kind, kind, AIU_GAP_UNKNOWN)
OF_GAP(int, aiu_gap_get_error, error, 0)
OF_GAP(const char *, aiu_gap_get_backend, backend, NULL)
OF_GAP(const char *, aiu_gap_get_text, text, NULL)
