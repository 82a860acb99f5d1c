/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * AF_UNIX: which socket is bound to an abstract name? sock_diag(7) shows the name of a listener on each socket that it
 * accepted as well, so that a name whose listener is gone looks like one that is taken. The table of the kernel has
 * only the bound ones there.
 *
 * Of a path sock_diag(7) tells everything, and only the files of its sockets are of interest: by these their holders
 * are found.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#include "bpf/module.h"

#define NAME_AT offsetof(struct sockaddr_un, sun_path)

int names_walk(struct module *module, const char *name, size_t bytes, uint64_t file_inode)
{
        struct unix_wire *wire = module->names.wire;
        int r;

        if (bytes >= sizeof(wire->name))
                return -EINVAL;
        memset(wire->name, 0, sizeof(wire->name));
        if (bytes > 0)
                memcpy(wire->name, name, bytes);
        wire->name_bytes = (uint32_t)bytes;
        wire->file_inode = file_inode;
        wire->cut = wire->n_sockets = wire->n_accepted = wire->n_seen = 0;
        r = run_iterator(module->names.walk, 0);
        if (r < 0)
                return r;
        return wire->cut ? -ENOBUFS : 0;
}

static void remember_all(struct module *module)
{
        const struct unix_wire *wire = module->names.wire;

        for (uint32_t i = 0; i < wire->n_sockets && i < UNIX_WIRE_SOCKETS; i++)
                remember_file(module, wire->sockets[i].inode, wire->sockets[i].file);
}

static int add(const struct aiu_request *request, const struct unix_wire_socket *socket, struct aiu_snapshot *snapshot)
{
        const struct aiu_socket_fact fact = {
                .size = sizeof(fact),
                .type = socket->type,
                .state = wire_state(socket->state),
                .local = request->address,
                .local_len = request->address_len,
                .inode = socket->inode,
                .cookie = socket->cookie,
                .uid = socket->uid,
        };

        return aiu_snapshot_add_socket(snapshot, &fact);
}

static int add_owners(struct module *module, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        const struct unix_wire *wire = module->names.wire;
        const char *name = ((const struct sockaddr_un *)request->address)->sun_path;
        int r = names_walk(module, name, request->address_len - NAME_AT, 0);

        /* None in the whole namespace, or a walk that is blind: sock_diag(7) has to say which. */
        if (r < 0 || wire->n_seen == 0)
                return AIU_PARTIAL;
        remember_all(module);
        for (uint32_t i = 0; i < wire->n_sockets && i < UNIX_WIRE_SOCKETS && r >= 0; i++)
                r = add(request, &wire->sockets[i], snapshot);
        return r < 0 ? r : AIU_COMPLETE;
}

/* A file that was shown to be stale has no sockets. */
static bool may_be_held(const struct aiu_snapshot *snapshot, uint64_t *ret_inode)
{
        struct aiu_host_fact host = { .size = sizeof(host) };

        (void)aiu_snapshot_get_host(snapshot, &host);
        *ret_inode = host.name_inode;
        return host.name_inode != 0 && host.name_is_socket != AIU_TRISTATE_NO && host.name_live != AIU_TRISTATE_NO;
}

static void remember_holders_of_path(struct module *module, uint64_t inode)
{
        int r = names_walk(module, NULL, 0, inode);

        if (r >= 0 || r == -ENOBUFS)
                remember_all(module);
}

int names_sockets(struct module *module, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        uint64_t inode;

        /* An empty name lets the kernel choose. */
        if (!module->names.wire || request->address_len <= NAME_AT)
                return AIU_PARTIAL;
        if (((const struct sockaddr_un *)request->address)->sun_path[0] == '\0')
                return add_owners(module, request, snapshot);
        if (may_be_held(snapshot, &inode))
                remember_holders_of_path(module, inode);
        return AIU_PARTIAL;
}
