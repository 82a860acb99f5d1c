/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Stable tokens: what JSON, logs and scripts see of the enums. One table for
 * each enum, indexed by the value; a hole or a value past the end is "unknown".
 */
#include <stddef.h>

#include "addrinuse.h"
#include "util/macro.h"

AIU_EXPORT const char *aiu_version(void)
{
        return AIU_VERSION;
}

static const char *token(const char *const *table, size_t n, unsigned int value)
{
        return value < n && table[value] ? table[value] : "unknown";
}

#define TO_STRING(name, type, table)                                                                                   \
        AIU_EXPORT const char *name(enum type value)                                                                   \
        {                                                                                                              \
                return token(table, ELEMENTSOF(table), (unsigned int)value);                                           \
        }

static const char *const verdict_tokens[] = {
        [AIU_VERDICT_UNKNOWN] = "unknown",
        [AIU_VERDICT_AVAILABLE] = "available",
        [AIU_VERDICT_IN_USE] = "in-use",
        [AIU_VERDICT_NOT_LOCAL] = "not-local",
        [AIU_VERDICT_NOT_PERMITTED] = "not-permitted",
        [AIU_VERDICT_INVALID] = "invalid",
};
TO_STRING(aiu_verdict_to_string, aiu_verdict, verdict_tokens)

static const char *const call_tokens[] = {
        [AIU_CALL_UNKNOWN] = "unknown",
        [AIU_CALL_BIND] = "bind",
        [AIU_CALL_LISTEN] = "listen",
};
TO_STRING(aiu_call_to_string, aiu_call, call_tokens)

static const char *const retry_tokens[] = {
        [AIU_RETRY_UNKNOWN] = "unknown", [AIU_RETRY_NOW] = "now",     [AIU_RETRY_AFTER] = "after",
        [AIU_RETRY_EVENT] = "event",     [AIU_RETRY_NEVER] = "never",
};
TO_STRING(aiu_retry_to_string, aiu_retry, retry_tokens)

static const char *const wait_basis_tokens[] = {
        [AIU_WAIT_UNKNOWN] = "unknown", [AIU_WAIT_EVENT] = "event", [AIU_WAIT_TIMER] = "timer",
        [AIU_WAIT_POLL] = "poll",       [AIU_WAIT_NEVER] = "never",
};
TO_STRING(aiu_wait_basis_to_string, aiu_wait_basis, wait_basis_tokens)

static const char *const tristate_tokens[] = {
        [AIU_TRISTATE_UNKNOWN] = "unknown",
        [AIU_TRISTATE_NO] = "no",
        [AIU_TRISTATE_YES] = "yes",
};
TO_STRING(aiu_tristate_to_string, aiu_tristate, tristate_tokens)

static const char *const overlap_tokens[] = {
        [AIU_OVERLAP_UNKNOWN] = "unknown",
        [AIU_OVERLAP_EXACT] = "exact",
        [AIU_OVERLAP_HOLDER_WILDCARD] = "holder-wildcard",
        [AIU_OVERLAP_QUERY_WILDCARD] = "query-wildcard",
        [AIU_OVERLAP_DUAL_STACK] = "dual-stack",
        [AIU_OVERLAP_V4_MAPPED] = "v4-mapped",
        [AIU_OVERLAP_UNIX_PATH] = "unix-path",
        [AIU_OVERLAP_PORT_RANGE] = "port-range",
        [AIU_OVERLAP_NONE] = "none",
};
TO_STRING(aiu_overlap_to_string, aiu_overlap, overlap_tokens)

static const char *const state_tokens[] = {
        [AIU_STATE_UNKNOWN] = "unknown",       [AIU_STATE_ESTABLISHED] = "established",
        [AIU_STATE_SYN_SENT] = "syn-sent",     [AIU_STATE_SYN_RECV] = "syn-recv",
        [AIU_STATE_FIN_WAIT1] = "fin-wait1",   [AIU_STATE_FIN_WAIT2] = "fin-wait2",
        [AIU_STATE_TIME_WAIT] = "time-wait",   [AIU_STATE_CLOSE] = "close",
        [AIU_STATE_CLOSE_WAIT] = "close-wait", [AIU_STATE_LAST_ACK] = "last-ack",
        [AIU_STATE_LISTEN] = "listen",         [AIU_STATE_CLOSING] = "closing",
        [AIU_STATE_BOUND] = "bound",           [AIU_STATE_STALE_FILE] = "stale-file",
};
TO_STRING(aiu_state_to_string, aiu_state, state_tokens)

static const char *const reason_tokens[] = {
        [AIU_REASON_UNKNOWN] = "unknown",
        [AIU_REASON_LISTENING] = "listening",
        [AIU_REASON_QUERY_NO_REUSE] = "query-no-reuse",
        [AIU_REASON_HOLDER_NO_REUSE] = "holder-no-reuse",
        [AIU_REASON_REUSEPORT_ABSENT] = "reuseport-absent",
        [AIU_REASON_REUSEPORT_UID] = "reuseport-uid",
        [AIU_REASON_REUSEPORT_PROGRAM] = "reuseport-program",
        [AIU_REASON_BUCKET_HISTORY] = "bucket-history",
        [AIU_REASON_PATH_EXISTS] = "path-exists",
        [AIU_REASON_RANGE_EXHAUSTED] = "range-exhausted",
        [AIU_REASON_OBSERVED] = "observed",
        [AIU_REASON_EXCLUSIVE] = "exclusive",
};
TO_STRING(aiu_reason_to_string, aiu_reason, reason_tokens)

static const char *const holder_kind_tokens[] = {
        [AIU_HOLDER_UNKNOWN] = "unknown", [AIU_HOLDER_PROCESS] = "process", [AIU_HOLDER_SELF] = "self",
        [AIU_HOLDER_KERNEL] = "kernel",   [AIU_HOLDER_HIDDEN] = "hidden",
};
TO_STRING(aiu_holder_kind_to_string, aiu_holder_kind, holder_kind_tokens)

static const char *const manager_kind_tokens[] = {
        [AIU_MANAGER_UNKNOWN] = "unknown",
        [AIU_MANAGER_NONE] = "none",
        [AIU_MANAGER_SYSTEMD] = "systemd",
        [AIU_MANAGER_SYSTEMD_USER] = "systemd-user",
        [AIU_MANAGER_DOCKER] = "docker",
        [AIU_MANAGER_PODMAN] = "podman",
        [AIU_MANAGER_KUBERNETES] = "kubernetes",
        [AIU_MANAGER_CONTAINERD] = "containerd",
        [AIU_MANAGER_LXC] = "lxc",
        [AIU_MANAGER_SNAP] = "snap",
        [AIU_MANAGER_MACHINE] = "machine",
        [AIU_MANAGER_SUPERVISOR] = "supervisor",
};
TO_STRING(aiu_manager_kind_to_string, aiu_manager_kind, manager_kind_tokens)

static const char *const action_kind_tokens[] = {
        [AIU_ACTION_UNKNOWN] = "unknown",
        [AIU_ACTION_NONE] = "none",
        [AIU_ACTION_STOP_UNIT] = "stop-unit",
        [AIU_ACTION_STOP_CONTAINER] = "stop-container",
        [AIU_ACTION_TERMINATE] = "terminate",
        [AIU_ACTION_KILL] = "kill",
        [AIU_ACTION_WAIT] = "wait",
        [AIU_ACTION_SET_REUSEADDR] = "set-reuseaddr",
        [AIU_ACTION_SET_REUSEPORT] = "set-reuseport",
        [AIU_ACTION_SET_V6ONLY] = "set-v6only",
        [AIU_ACTION_OTHER_ADDRESS] = "other-address",
        [AIU_ACTION_OTHER_PORT] = "other-port",
        [AIU_ACTION_RESERVE_PORT] = "reserve-port",
        [AIU_ACTION_REMOVE_FILE] = "remove-file",
        [AIU_ACTION_USE_ACTIVATION] = "use-activation",
        [AIU_ACTION_GRANT_PRIVILEGE] = "grant-privilege",
        [AIU_ACTION_ADD_ADDRESS] = "add-address",
        [AIU_ACTION_FIX_CALLER] = "fix-caller",
        [AIU_ACTION_LOOK_CLOSER] = "look-closer",
        [AIU_ACTION_KILL_UNIT_LEFTOVERS] = "kill-unit-leftovers",
        [AIU_ACTION_WIDEN_RANGE] = "widen-range",
        [AIU_ACTION_SET_NO_PORT] = "set-no-port",
        [AIU_ACTION_STOP_KERNEL_USER] = "stop-kernel-user",
        [AIU_ACTION_SET_FREEBIND] = "set-freebind",
        [AIU_ACTION_ALLOW_NONLOCAL] = "allow-nonlocal",
        [AIU_ACTION_ENABLE_IPV6] = "enable-ipv6",
        [AIU_ACTION_CHANGE_POLICY] = "change-policy",
        [AIU_ACTION_MAKE_DIRECTORY] = "make-directory",
};
TO_STRING(aiu_action_kind_to_string, aiu_action_kind, action_kind_tokens)

static const char *const gap_kind_tokens[] = {
        [AIU_GAP_UNKNOWN] = "unknown",     [AIU_GAP_PERMISSION] = "permission",
        [AIU_GAP_NAMESPACE] = "namespace", [AIU_GAP_TRUNCATED] = "truncated",
        [AIU_GAP_RACE] = "race",           [AIU_GAP_BACKEND] = "backend",
        [AIU_GAP_DEADLINE] = "deadline",   [AIU_GAP_KERNEL_TOO_OLD] = "kernel-too-old",
        [AIU_GAP_NOTE] = "note",
};
TO_STRING(aiu_gap_kind_to_string, aiu_gap_kind, gap_kind_tokens)

static const char *const hazard_tokens[] = {
        [AIU_HAZARD_UNKNOWN] = "unknown",
        [AIU_HAZARD_SILENT_OVERLAP] = "silent-overlap",
        [AIU_HAZARD_SHARED_PORT] = "shared-port",
        [AIU_HAZARD_SOCKET_AND_SERVICE] = "socket-and-service",
        [AIU_HAZARD_NEXT_BOOT] = "next-boot",
        [AIU_HAZARD_DUPLICATE_LISTEN] = "duplicate-listen",
        [AIU_HAZARD_EPHEMERAL_RANGE] = "ephemeral-range",
        [AIU_HAZARD_ORPHAN] = "orphan",
        [AIU_HAZARD_INHERITED] = "inherited",
        [AIU_HAZARD_DELETED_EXE] = "deleted-exe",
        [AIU_HAZARD_BOUND_ONLY] = "bound-only",
        [AIU_HAZARD_RESTART_LOOP] = "restart-loop",
        [AIU_HAZARD_PUBLIC_DEBUG] = "public-debug",
        [AIU_HAZARD_UNIT_SPARES_HOLDER] = "unit-spares-holder",
};
TO_STRING(aiu_hazard_kind_to_string, aiu_hazard_kind, hazard_tokens)

static const char *const severity_tokens[] = {
        [AIU_SEVERITY_UNKNOWN] = "unknown",
        [AIU_SEVERITY_INFO] = "info",
        [AIU_SEVERITY_WARNING] = "warning",
        [AIU_SEVERITY_ERROR] = "error",
};
TO_STRING(aiu_severity_to_string, aiu_severity, severity_tokens)

static const char *const difference_tokens[] = {
        [AIU_DIFFERENCE_UNKNOWN] = "unknown",
        [AIU_DIFFERENCE_MISSING] = "missing",
        [AIU_DIFFERENCE_UNEXPECTED] = "unexpected",
        [AIU_DIFFERENCE_WRONG_OWNER] = "wrong-owner",
};
TO_STRING(aiu_difference_to_string, aiu_difference, difference_tokens)
