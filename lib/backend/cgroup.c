/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Backend "cgroup": who looks after a holder, told by its cgroup alone. It asks
 * nobody and costs nothing, for proc-fd has read the text already; what a unit
 * would do (Restart=, the socket that starts it) it cannot tell, so whether a
 * killed holder returns stays unknown, except where nothing could bring it back.
 */
#include <string.h>

#include "backends.h"
#include "cgroup-parse.h"

static enum aiu_tristate will_return(const struct cgroup_owner *owner)
{
        /* A scope is made around processes that somebody else started: systemd.scope(5). */
        size_t n = strlen(owner->unit);

        if (n > strlen(".scope") && strcmp(owner->unit + n - strlen(".scope"), ".scope") == 0)
                return AIU_TRISTATE_NO;
        return AIU_TRISTATE_UNKNOWN;
}

static int add_owner(struct aiu_snapshot *snapshot, pid_t pid, const struct cgroup_owner *owner)
{
        struct aiu_manager_fact fact = {
                .size = sizeof(fact),
                .pid = pid,
                .kind = owner->kind,
                .unit = owner->unit[0] ? owner->unit : NULL,
                .container = owner->container[0] ? owner->container : NULL,
                .will_return = will_return(owner),
                .user = owner->user,
        };

        return aiu_snapshot_add_manager(snapshot, &fact);
}

static int managers(void *userdata, const struct aiu_question *question, struct aiu_snapshot *snapshot)
{
        struct aiu_process_fact process;

        (void)userdata;
        (void)question;
        for (size_t i = 0; aiu_snapshot_get_process(snapshot, i, &process); i++) {
                struct cgroup_owner owner;
                int r;

                if (!process.cgroup)
                        continue;
                cgroup_parse(process.cgroup, &owner);
                if (owner.kind == AIU_MANAGER_UNKNOWN)
                        continue;
                r = add_owner(snapshot, process.pid, &owner);
                if (r < 0)
                        return r;
        }
        return AIU_PARTIAL;
}

const struct aiu_backend backend_cgroup = {
        .size = sizeof(struct aiu_backend),
        .name = "cgroup",
        .managers = managers,
};
