/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What backends say about units, containers and supervisors. */
#include <errno.h>

#include "snapshot/fact.h"
#include "snapshot/keep.h"
#include "snapshot/snapshot.h"
#include "util/macro.h"

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

static int merge_manager(struct manager *to, const struct aiu_manager_fact *f)
{
        int r;

        if ((r = replace_string(&to->unit, as_operand(f->unit))) < 0 ||
            (r = replace_string(&to->socket_unit, as_operand(f->socket_unit))) < 0 ||
            (r = replace_string(&to->unit_state, f->unit_state)) < 0 ||
            (r = replace_string(&to->unit_restart, f->unit_restart)) < 0 ||
            (r = replace_string(&to->container, as_operand(f->container))) < 0 ||
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
