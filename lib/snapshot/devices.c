/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "This interface is in that VRF": kept for the sockets that are bound to it, and for the question. */
#include <errno.h>
#include <netinet/in.h>

#include "util/macro.h"
#include "snapshot/snapshot.h"

/*
 * A socket without a device is in no VRF. Where the device is not shown (/proc/net shows none), there most likely is
 * none either: only a host that has VRFs and refuses netlink could prove that wrong.
 */
unsigned int snapshot_l3mdev_at_first(const struct aiu_socket_fact *fact)
{
        if (fact->protocol != IPPROTO_TCP)
                return 0;
        if (fact->flags & AIU_SOCKET_L3MDEV)
                return fact->l3mdev;
        if (fact->ifindex == AIU_IFINDEX_UNKNOWN)
                return 0;
        return fact->ifindex == 0 ? 0 : IFINDEX_UNKNOWN;
}

static void tell_sockets(struct aiu_snapshot *s, unsigned int ifindex, unsigned int l3mdev)
{
        for (size_t i = 0; i < s->n_sockets; i++)
                if (s->sockets[i].ifindex == ifindex && s->sockets[i].protocol == IPPROTO_TCP &&
                    !s->sockets[i].has_l3mdev)
                        s->sockets[i].l3mdev = l3mdev;
        for (size_t i = 0; i < s->entries.n; i++)
                if (s->entries.list[i].ifindex == ifindex && s->entries.list[i].protocol == IPPROTO_TCP)
                        s->entries.list[i].l3mdev = l3mdev;
}

AIU_EXPORT int aiu_snapshot_add_device(struct aiu_snapshot *snapshot, unsigned int ifindex, unsigned int l3mdev)
{
        if (!snapshot || ifindex == 0 || ifindex == IFINDEX_UNKNOWN)
                return -EINVAL;
        tell_sockets(snapshot, ifindex, l3mdev);
        for (size_t i = 0; i < snapshot->n_devices; i++)
                if (snapshot->devices[i].ifindex == ifindex) {
                        snapshot->devices[i].l3mdev = l3mdev;
                        return 0;
                }
        if (snapshot->n_devices >= SNAPSHOT_MAX_DEVICES)
                return -ENOBUFS;
        snapshot->devices[snapshot->n_devices].ifindex = ifindex;
        snapshot->devices[snapshot->n_devices++].l3mdev = l3mdev;
        return 0;
}

AIU_EXPORT int aiu_snapshot_get_device(const struct aiu_snapshot *snapshot, unsigned int ifindex,
                                       unsigned int *ret_l3mdev)
{
        for (size_t i = 0; snapshot && ret_l3mdev && i < snapshot->n_devices; i++)
                if (snapshot->devices[i].ifindex == ifindex) {
                        *ret_l3mdev = snapshot->devices[i].l3mdev;
                        return 1;
                }
        return 0;
}

const char *snapshot_device_name(const struct aiu_snapshot *snapshot, unsigned int ifindex)
{
        for (size_t i = 0; i < snapshot->n_device_names; i++)
                if (snapshot->device_names[i].ifindex == ifindex)
                        return snapshot->device_names[i].name;
        return NULL;
}
