/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Network interfaces by number and name, asked in the network namespace that the
 * request is about: the same number is another interface elsewhere.
 */
#include <errno.h>
#include <string.h>

#include "backend/netlink/interface.h"
#include "rules/conflict.h"
#include "observe/observe.h"

void observe_own_device(struct observation *o)
{
        unsigned int index = conflict_device(o->request);
        char name[IF_NAMESIZE];
        int r;

        if (index == 0 || o->request->address.sa.any.sa_family != AF_INET6)
                return;
        r = interface_name(&o->backend_request, index, name);
        if (r == 0 || r == -ENODEV)
                o->snapshot.host.device_exists = tri(r == 0);
}

static int learn_name(struct observation *o, unsigned int ifindex)
{
        struct aiu_snapshot *s = &o->snapshot;
        char name[IF_NAMESIZE] = "";
        int r;

        if (ifindex == 0 || ifindex == IFINDEX_UNKNOWN || s->n_device_names >= SNAPSHOT_MAX_DEVICES ||
            snapshot_device_name(s, ifindex))
                return 0;
        r = interface_name(&o->backend_request, ifindex, name);
        if (r == -ENOMEM)
                return r;
        /* One without a name is kept as well: it is not asked for again. */
        s->device_names[s->n_device_names].ifindex = ifindex;
        memcpy(s->device_names[s->n_device_names++].name, name, sizeof(name));
        return 0;
}

int observe_device_names(struct observation *o)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < o->snapshot.n_sockets; i++)
                r = learn_name(o, o->snapshot.sockets[i].ifindex);
        for (size_t i = 0; r == 0 && i < o->snapshot.entries.n; i++)
                r = learn_name(o, o->snapshot.entries.list[i].ifindex);
        return r;
}
