/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a report means to a wait. A TCP or UDP socket is destroyed with an event, a file is removed with one, an address
 * is added with one. TIME_WAIT ends by the clock. The name of an abstract socket, a socket of the kernel, SCTP, and
 * what could not be seen end without an event: for these the wait looks again.
 */
#include <sys/socket.h>

#include "util/missing.h"
#include "wait/outlook.h"

bool outlook_is_free(const struct aiu_report *report)
{
        return aiu_report_get_verdict(report) == AIU_VERDICT_AVAILABLE;
}

static bool has_holder(const struct aiu_conflict *conflict, enum aiu_holder_kind kind)
{
        for (size_t i = 0; i < aiu_conflict_get_n_holders(conflict); i++)
                if (aiu_holder_get_kind(aiu_conflict_get_holder(conflict, i)) == kind)
                        return true;
        return false;
}

/* The caller waits, so it cannot let go. With port 0 the caller has one port of many. */
static bool is_own(const struct aiu_conflict *conflict)
{
        return aiu_conflict_is_blocking(conflict) == AIU_TRISTATE_YES && aiu_conflict_get_n_ports(conflict) == 0 &&
               has_holder(conflict, AIU_HOLDER_SELF);
}

static bool is_never(const struct aiu_report *report)
{
        switch (aiu_report_get_verdict(report)) {
        case AIU_VERDICT_NOT_PERMITTED:
                return true;
        case AIU_VERDICT_INVALID:
                return aiu_report_get_retry(report, NULL) == AIU_RETRY_NEVER;
        case AIU_VERDICT_IN_USE:
                for (size_t i = 0; i < aiu_report_get_n_conflicts(report); i++)
                        if (is_own(aiu_report_get_conflict(report, i)))
                                return true;
                return false;
        default:
                return false;
        }
}

/* sock_diag_destroy_group() knows these; MPTCP has subflows of TCP. */
static bool is_announced(const struct aiu_conflict *conflict)
{
        int protocol = aiu_conflict_get_protocol(conflict);

        return (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_MPTCP) &&
               !has_holder(conflict, AIU_HOLDER_KERNEL);
}

static enum aiu_wait_basis basis_of(const struct aiu_conflict *conflict, const struct covered *covered)
{
        enum aiu_overlap overlap = aiu_conflict_get_overlap(conflict);

        if (overlap == AIU_OVERLAP_UNIX_PATH)
                return covered->directory ? AIU_WAIT_EVENT : AIU_WAIT_POLL;
        /* It only remembers a connection: TIME_WAIT, or what is left of FIN_WAIT2. */
        if (conflict->socket.minisock)
                return AIU_WAIT_TIMER;
        return covered->sockets && is_announced(conflict) ? AIU_WAIT_EVENT : AIU_WAIT_POLL;
}

static bool counts(const struct aiu_conflict *conflict)
{
        return aiu_conflict_is_blocking(conflict) != AIU_TRISTATE_NO && !aiu_conflict_is_observed_only(conflict);
}

/* All have to end: the one that is hardest to notice decides, and a time only where all have one. */
static enum aiu_wait_basis basis_of_all(const struct aiu_report *report, const struct covered *covered)
{
        enum aiu_wait_basis all = AIU_WAIT_UNKNOWN;

        for (size_t i = 0; i < aiu_report_get_n_conflicts(report); i++) {
                const struct aiu_conflict *conflict = aiu_report_get_conflict(report, i);
                enum aiu_wait_basis basis = basis_of(conflict, covered);

                if (!counts(conflict))
                        continue;
                if (basis == AIU_WAIT_POLL)
                        return AIU_WAIT_POLL;
                if (all != AIU_WAIT_EVENT)
                        all = basis;
        }
        return all == AIU_WAIT_UNKNOWN ? AIU_WAIT_POLL : all;
}

enum aiu_wait_basis outlook_basis(const struct aiu_report *report, const struct covered *covered)
{
        if (is_never(report))
                return AIU_WAIT_NEVER;
        if (aiu_report_get_verdict(report) == AIU_VERDICT_NOT_LOCAL)
                return covered->addresses ? AIU_WAIT_EVENT : AIU_WAIT_POLL;
        return basis_of_all(report, covered);
}

static size_t add_holders(const struct aiu_conflict *conflict, pid_t *pids, size_t n, size_t most)
{
        for (size_t i = 0; i < aiu_conflict_get_n_holders(conflict) && n < most; i++) {
                pid_t pid = aiu_holder_get_pid(aiu_conflict_get_holder(conflict, i));

                if (pid > 0)
                        pids[n++] = pid;
        }
        return n;
}

size_t outlook_holders(const struct aiu_report *report, const struct covered *covered, pid_t *ret_pids, size_t most)
{
        size_t n = 0;

        for (size_t i = 0; i < aiu_report_get_n_conflicts(report); i++) {
                const struct aiu_conflict *conflict = aiu_report_get_conflict(report, i);

                if (counts(conflict) && basis_of(conflict, covered) == AIU_WAIT_POLL)
                        n = add_holders(conflict, ret_pids, n, most);
        }
        return n;
}
