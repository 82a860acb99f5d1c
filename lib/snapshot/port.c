/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a backend that reads the kernel's own tables knows beside the sockets: of their port, and of their files. */
#include <errno.h>
#include <string.h>

#include "snapshot/fact.h"
#include "snapshot/snapshot.h"
#include "util/macro.h"

static struct port_cache *find_cache(struct port_facts *port, const struct aiu_port_cache_fact *f)
{
        for (size_t i = 0; i < port->n_caches; i++)
                if (port->caches[i].port == f->port && port->caches[i].l3mdev == f->l3mdev)
                        return &port->caches[i];
        return port->n_caches < ELEMENTSOF(port->caches) ? &port->caches[port->n_caches++] : NULL;
}

AIU_EXPORT int aiu_snapshot_add_port_cache(struct aiu_snapshot *snapshot, const struct aiu_port_cache_fact *fact)
{
        struct aiu_port_cache_fact f;
        struct port_cache *cache;
        int r;

        r = snapshot ? fact_copy(&f, sizeof(f), fact) : -EINVAL;
        if (r < 0)
                return r;
        if (f.port == 0 || (f.fastreuseport > 0 && f.family != AF_INET && f.family != AF_INET6))
                return -EINVAL;
        cache = find_cache(&snapshot->port, &f);
        if (!cache)
                return -ENOBUFS;
        *cache = (struct port_cache){
                .port = f.port,
                .l3mdev = f.l3mdev,
                .fastreuse = f.fastreuse,
                .fastreuseport = f.fastreuseport,
                .uid = f.fastuid,
                .v6 = f.family == AF_INET6,
                .v4_be = f.v4,
                .v6only = f.v6only != 0,
        };
        memcpy(&cache->ip6, f.v6, sizeof(cache->ip6));
        return 0;
}

AIU_EXPORT int aiu_snapshot_add_port(struct aiu_snapshot *snapshot, const struct aiu_port_fact *fact)
{
        struct aiu_port_fact f;
        int r;

        r = snapshot ? fact_copy(&f, sizeof(f), fact) : -EINVAL;
        if (r < 0)
                return r;
        if (f.protocol <= 0)
                return -EINVAL;
        if (f.bound_listed == YES)
                snapshot->port.bound_listed = true;
        if (f.in_order == YES)
                snapshot->port.n_in_order = snapshot->n_sockets;
        if (f.slot_count > 0)
                snapshot->port.slot_count = f.slot_count;
        return 0;
}

AIU_EXPORT int aiu_snapshot_add_program(struct aiu_snapshot *snapshot, enum aiu_tristate attached)
{
        if (!snapshot)
                return -EINVAL;
        if (attached == AIU_TRISTATE_YES || attached == AIU_TRISTATE_NO)
                snapshot->port.program = attached == AIU_TRISTATE_YES ? YES : NO;
        return 0;
}

AIU_EXPORT int aiu_snapshot_add_references(struct aiu_snapshot *snapshot, uint64_t inode, uint32_t total,
                                           uint32_t found)
{
        if (!snapshot || inode == 0 || total == 0 || found > total)
                return -EINVAL;
        for (size_t i = 0; i < snapshot->n_sockets; i++)
                if (snapshot->sockets[i].inode == inode) {
                        snapshot->sockets[i].n_references = total;
                        snapshot->sockets[i].n_found = found;
                }
        return 0;
}
