/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What backends say about the host: its addresses, ranges, limits, and what keeps an address away. */
#include <errno.h>

#include "rules/address.h"
#include "snapshot/fact.h"
#include "snapshot/keep.h"
#include "snapshot/snapshot.h"
#include "util/macro.h"

/* What keeps the address away. */
static void add_reasons(struct host *host, const struct aiu_host_fact *f)
{
        replace_tristate(&host->address_duplicate, f->address_duplicate);
        replace_tristate(&host->address_elsewhere, f->address_elsewhere);
        replace_tristate(&host->ipv6_disabled, f->ipv6_disabled);
        replace_tristate(&host->device_up, f->device_up);
        replace_tristate(&host->name_makeable, f->name_makeable);
        if (f->detection_usec)
                host->detection_usec = f->detection_usec;
        if (f->address_device)
                copy_name(host->address_device, f->address_device);
}

AIU_EXPORT int aiu_snapshot_add_host(struct aiu_snapshot *snapshot, const struct aiu_host_fact *fact)
{
        struct aiu_host_fact f;
        struct host *host;
        int r;

        r = snapshot ? fact_copy(&f, sizeof(f), fact) : -EINVAL;
        if (r < 0)
                return r;
        host = &snapshot->host;
        r = replace_long_string(&host->reserved_ports, f.reserved_ports, SNAPSHOT_MAX_RESERVED);
        if (r < 0)
                return r;
        replace_tristate(&host->address_local, f.address_local);
        replace_tristate(&host->address_tentative, f.address_tentative);
        replace_tristate(&host->nonlocal_bind, f.nonlocal_bind);
        replace_tristate(&host->privileged, f.privileged);
        replace_tristate(&host->ipv6_enabled, f.ipv6_enabled);
        replace_tristate(&host->autobind_reuse, f.autobind_reuse);
        replace_tristate(&host->name_exists, f.name_exists);
        replace_tristate(&host->name_is_socket, f.name_is_socket);
        replace_tristate(&host->name_live, f.name_live);
        replace_tristate(&host->name_removable, f.name_removable);
        if (f.address_ifindex)
                host->address_ifindex = f.address_ifindex;
        if (f.unprivileged_port_start != 0)
                host->unprivileged_port_start = f.unprivileged_port_start;
        if (f.port_range_first > 0) {
                host->port_range_first = f.port_range_first;
                host->port_range_last = f.port_range_last;
        }
        if (f.kernel_major > 0) {
                host->kernel_major = f.kernel_major;
                host->kernel_minor = f.kernel_minor;
                host->kernel_patch = f.kernel_patch;
        }
        if (f.name_error)
                host->name_error = f.name_error;
        if (f.name_at)
                host->name_at = f.name_at;
        add_reasons(host, &f);
        if (f.name_inode) {
                host->name_inode = f.name_inode;
                host->name_device = f.name_device;
                host->name_mode = f.name_mode;
        }
        if (f.name_fs_device)
                host->name_fs_device = f.name_fs_device;
        return 0;
}

static bool have_address(const struct aiu_snapshot *s, const struct host_address *one)
{
        for (size_t i = 0; i < s->n_addresses; i++)
                if (s->addresses[i].ifindex == one->ifindex && address_equal(&s->addresses[i].address, &one->address))
                        return true;
        return false;
}

AIU_EXPORT int aiu_snapshot_add_address(struct aiu_snapshot *snapshot, const struct aiu_address_fact *fact)
{
        struct host_address one = { 0 };
        struct aiu_address_fact f;
        int r;

        r = snapshot ? fact_copy(&f, sizeof(f), fact) : -EINVAL;
        if (r < 0)
                return r;
        if (copy_address(&one.address, f.address, f.address_len) < 0 || !address_is_ip(&one.address))
                return -EINVAL;
        address_set_port(&one.address, 0);
        one.ifindex = f.ifindex;
        copy_name(one.device, f.device);
        if (have_address(snapshot, &one))
                return 0;
        r = SNAPSHOT_GROW(snapshot, addresses, SNAPSHOT_MAX_ADDRESSES);
        if (r < 0)
                return r;
        snapshot->addresses[snapshot->n_addresses++] = one;
        snapshot->host.addresses = snapshot->addresses;
        snapshot->host.n_addresses = snapshot->n_addresses;
        return 0;
}
