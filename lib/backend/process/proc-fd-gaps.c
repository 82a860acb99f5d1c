/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the search for holders did not see, in words that say what it takes to
 * see it. One gap for each cause, whatever the number of processes.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/caller.h"
#include "backend/process/proc-fd.h"
#include "util/sys.h"

#define FIRST_PID_NAMESPACE "pid:[4026531836]" /* PROC_PID_INIT_INO */

bool scan_is_text(const char *text, ssize_t bytes, const char *expected)
{
        return bytes == (ssize_t)strlen(expected) && memcmp(text, expected, (size_t)bytes) == 0;
}

static void gap(struct scan *scan, enum aiu_gap_kind kind, int error, const char *text)
{
        (void)aiu_snapshot_add_gap(scan->snapshot, kind, error, text);
}

/* " of uids 0, 33 and others" */
static void name_uids(const struct scan_unseen *unseen, char *text, size_t bytes)
{
        bool several = unseen->n_uids > 1 || unseen->more_uids;
        size_t at = 0;

        text[0] = '\0';
        for (size_t i = 0; i < unseen->n_uids && at < bytes; i++) {
                const char *before = i == 0 ? (several ? " of uids " : " of uid ")
                                     : i + 1 == unseen->n_uids && !unseen->more_uids ? " and "
                                                                                     : ", ";

                at += (size_t)snprintf(text + at, bytes - at, "%s%u", before, (unsigned int)unseen->uids[i]);
        }
        if (unseen->n_uids > 0 && unseen->more_uids && at < bytes)
                (void)snprintf(text + at, bytes - at, " and others");
}

static void gap_denied(struct scan *scan)
{
        const struct scan_unseen *d = &scan->denied;
        char uids[160], text[384];

        name_uids(d, uids, sizeof(uids));
        (void)snprintf(text, sizeof(text),
                       "%zu process%s%s could not be inspected: run as %s to see whether %s a holder [CAP_SYS_PTRACE "
                       "and CAP_DAC_READ_SEARCH]",
                       d->n, d->n == 1 ? "" : "es", uids, caller_who_sees_all(scan->procfs),
                       d->n == 1 ? "it is" : "one is");
        gap(scan, AIU_GAP_PERMISSION, EACCES, text);
}

static void gap_left_out(struct scan *scan)
{
        const struct scan_unseen *l = &scan->left_out;
        char uids[160], text[384];

        name_uids(l, uids, sizeof(uids));
        (void)snprintf(text, sizeof(text),
                       "%llu descriptors of %zu process%s%s were skipped to save time: there may be more holders, "
                       "which the user of the process can see",
                       (unsigned long long)scan->n_fds_left_out, l->n, l->n == 1 ? "" : "es", uids);
        gap(scan, AIU_GAP_TRUNCATED, 0, text);
}

static void gap_failed(struct scan *scan)
{
        char text[128];

        (void)snprintf(text, sizeof(text), "some processes could not be inspected (error %d): a holder may be missing",
                       -scan->failed);
        gap(scan, AIU_GAP_BACKEND, -scan->failed, text);
}

static void gap_deadline(struct scan *scan)
{
        char text[160];

        (void)snprintf(text, sizeof(text),
                       "the deadline passed after %zu of %zu processes were searched for holders: allow more time",
                       scan->n_looked, scan->all.n);
        gap(scan, AIU_GAP_DEADLINE, ETIME, text);
}

static bool sees_pid(const struct scan *scan, pid_t pid)
{
        for (size_t i = 0; i < scan->all.n; i++)
                if (scan->all.pids[i] == pid || scan->all.pids[i] == -pid)
                        return true;
        return false;
}

/* Every process that is visible was looked at, and still a socket has no holder. */
static void gap_unheld(struct scan *scan)
{
        char link[LINK_BYTES];
        ssize_t n = sys_readlinkat(scan->procfs, "self/ns/pid", link, sizeof(link));

        if (n > 0 && !scan_is_text(link, n, FIRST_PID_NAMESPACE))
                gap(scan, AIU_GAP_NAMESPACE, ESRCH,
                    "no visible process has the socket, and processes outside this pid namespace cannot be seen from "
                    "here: look from the host");
        else if (scan->denied.n == 0 && scan->failed == 0)
                gap(scan, AIU_GAP_BACKEND, ESRCH,
                    "no process has a descriptor of a socket: it is in a message that was not received yet, or the "
                    "kernel keeps it [SCM_RIGHTS, BPF map]");
}

static void gap_hidden(struct scan *scan)
{
        char text[160];

        (void)snprintf(text, sizeof(text),
                       "/proc is mounted with hidepid= and hides processes of other users: run as %s to see them",
                       caller_who_sees_all(scan->procfs));
        gap(scan, AIU_GAP_PERMISSION, EPERM, text);
}

void scan_add_gaps(struct scan *scan, int r)
{
        aiu_snapshot_add_unseen(scan->snapshot, scan->denied.n + scan->left_out.n);
        if (scan->denied.n > 0)
                gap_denied(scan);
        if (scan->failed < 0)
                gap_failed(scan);
        if (scan->left_out.n > 0)
                gap_left_out(scan);
        if (scan->expired)
                gap_deadline(scan);
        else if (scan->stopped_early)
                gap(scan, AIU_GAP_TRUNCATED, 0,
                    "the search stopped at the first holder, as requested: "
                    "there may be more");
        else if (r == -EMFILE || r == -ENFILE)
                gap(scan, AIU_GAP_BACKEND, -r,
                    "some processes were not searched for holders: no file descriptor was left to open /proc");
        if (r != 0 || scan->expired || scan->stopped_early)
                return;

        if (!sees_pid(scan, 1))
                gap_hidden(scan);
        if (scan->threads_left_out)
                gap(scan, AIU_GAP_TRUNCATED, 0,
                    "some threads were not searched: one may have a descriptor table of its own");
        if (!aiu_snapshot_all_held(scan->snapshot))
                gap_unheld(scan);
}
