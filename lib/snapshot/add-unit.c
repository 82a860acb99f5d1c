/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a survey learns about units, whether they have a socket or not. */
#include <errno.h>
#include <string.h>

#include "rules/address.h"
#include "snapshot/fact.h"
#include "snapshot/keep.h"
#include "snapshot/snapshot.h"
#include "util/macro.h"

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
        f.service = as_operand(f.service);
        if (!as_operand(f.name))
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
