/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What backends say about processes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/address.h"
#include "rules/label.h"
#include "rules/proxied.h"
#include "snapshot/fact.h"
#include "snapshot/keep.h"
#include "snapshot/snapshot.h"
#include "util/macro.h"

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
