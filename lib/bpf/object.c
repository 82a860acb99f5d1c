/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loads the programs: the light skeletons that bpftool generates, and their descriptors. */
#include <errno.h>
#include <port.lskel.h>
#include <unix.lskel.h>

#include "bpf/module.h"
#include "bpf/sys-bpf.h"
#include "util/sys.h"

/* The loader says EINVAL for a missing helper, E2BIG for a limit, ENOENT without BTF, and so on. */
int object_error(int r)
{
        return r == -EPERM || r == -ENOSYS || r == -ENOMEM ? r : -EOPNOTSUPP;
}

int object_load(struct object *ret)
{
        struct port_bpf *skeleton = port_bpf__open();
        int r;

        if (!skeleton)
                return -ENOMEM;
        r = port_bpf__load(skeleton);
        if (r < 0) {
                port_bpf__destroy(skeleton);
                return object_error(r);
        }
        *ret = (struct object){
                .walk_port = skeleton->progs.walk_port.prog_fd,
                .find_holders = skeleton->progs.find_holders.prog_fd,
                .read_files = skeleton->progs.read_files.prog_fd,
                .find_own = skeleton->progs.find_own.prog_fd,
                .wire = skeleton->maps.wire.map_fd,
        };
        /* The programs keep the map that they alone use. */
        (void)sys_close(skeleton->maps.block.map_fd);
        skel_free(skeleton);
        return 0;
}

void object_close(struct object *object)
{
        (void)sys_close(object->walk_port);
        (void)sys_close(object->find_holders);
        (void)sys_close(object->read_files);
        (void)sys_close(object->find_own);
        (void)sys_close(object->wire);
}

int names_load(struct names *names)
{
        struct unix_bpf *skeleton = unix_bpf__open();
        int r;

        if (!skeleton)
                return -ENOMEM;
        r = unix_bpf__load(skeleton);
        if (r < 0) {
                unix_bpf__destroy(skeleton);
                return r;
        }
        names->walk = skeleton->progs.walk_unix.prog_fd;
        names->map = skeleton->maps.unix_wire.map_fd;
        skel_free(skeleton);
        names->wire = sys_map_shared(sizeof(*names->wire), names->map);
        return names->wire ? 0 : -ENOMEM;
}

void names_close(struct names *names)
{
        sys_unmap(names->wire, sizeof(*names->wire));
        (void)sys_close(names->walk);
        (void)sys_close(names->map);
        *names = (struct names){ -1, -1, NULL };
}
