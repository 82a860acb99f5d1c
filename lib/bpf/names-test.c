/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Does the program for AF_UNIX tell a bound socket from an accepted one? A server of our own has a few connections, from
 * clients that are bound as well. The kernel chooses all names.
 */
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#include "bpf/module.h"
#include "util/macro.h"
#include "util/sys.h"

enum { KERNEL_ESTABLISHED = 1, KERNEL_LISTEN = 10 };

/* Each client is one more chance that a table of another size is noticed. */
#define N_CLIENTS 4

struct named {
        int fd;
        struct sockaddr_un name;
        socklen_t bytes;
};

static int bind_named(struct named *named)
{
        const struct sockaddr nothing = { .sa_family = AF_UNIX };
        int r;

        named->fd = sys_socket(AF_UNIX, SOCK_STREAM, 0);
        r = named->fd < 0 ? named->fd : sys_bind(named->fd, &nothing, sizeof(nothing.sa_family));
        named->bytes = sizeof(named->name);
        return r < 0 ? r : sys_getsockname(named->fd, (struct sockaddr *)&named->name, &named->bytes);
}

static int walk(struct module *module, const struct named *named)
{
        return names_walk(module, named->name.sun_path, named->bytes - offsetof(struct sockaddr_un, sun_path), 0);
}

/* Of all sockets with the name, it alone is bound. */
static int check_bound(struct module *module, const struct named *named, uint8_t state, uint32_t n_accepted)
{
        const struct unix_wire *wire = module->names.wire;
        const struct unix_wire_socket *seen = &wire->sockets[0];
        uint64_t cookie = 0;
        socklen_t bytes = sizeof(cookie);
        struct stat st;
        int r = sys_getsockopt(named->fd, SOL_SOCKET, SO_COOKIE, &cookie, &bytes);

        if (r >= 0)
                r = sys_fstat(named->fd, &st);
        if (r >= 0)
                r = walk(module, named);
        if (r < 0)
                return r;
        return wire->n_sockets == 1 && wire->n_accepted == n_accepted && seen->inode == st.st_ino &&
               seen->cookie == cookie && seen->uid == st.st_uid && seen->type == SOCK_STREAM && seen->state == state &&
               seen->file != 0;
}

static int check_free(struct module *module, const struct named *named)
{
        const struct unix_wire *wire = module->names.wire;
        int r = walk(module, named);

        return r < 0 ? r : wire->n_sockets == 0 && wire->n_accepted == N_CLIENTS;
}

static int connect_all(struct named *server, struct named clients[N_CLIENTS])
{
        int r = bind_named(server);

        if (r >= 0)
                r = sys_listen(server->fd, N_CLIENTS);
        for (size_t i = 0; i < N_CLIENTS && r >= 0; i++) {
                r = bind_named(&clients[i]);
                if (r >= 0)
                        r = sys_connect(clients[i].fd, (const struct sockaddr *)&server->name, server->bytes);
        }
        return r;
}

static int accept_all(const struct named *server, int accepted[N_CLIENTS])
{
        for (size_t i = 0; i < N_CLIENTS; i++) {
                accepted[i] = sys_accept(server->fd);
                if (accepted[i] < 0)
                        return accepted[i];
        }
        return 0;
}

static int check_all(struct module *module, struct named *server, const struct named clients[N_CLIENTS],
                     int accepted[N_CLIENTS])
{
        int r = check_bound(module, server, KERNEL_LISTEN, N_CLIENTS);

        for (size_t i = 0; i < N_CLIENTS && r == 1; i++)
                r = check_bound(module, &clients[i], KERNEL_ESTABLISHED, 0);
        if (r == 1)
                r = accept_all(server, accepted);
        if (r < 0)
                return r;
        (void)sys_close(server->fd);
        server->fd = -1;
        return check_free(module, server);
}

int names_self_test(struct module *module)
{
        struct named server = { .fd = -1 }, clients[N_CLIENTS];
        int accepted[N_CLIENTS], r;

        for (size_t i = 0; i < N_CLIENTS; i++) {
                clients[i].fd = -1;
                accepted[i] = -1;
        }
        r = connect_all(&server, clients);
        if (r >= 0)
                r = check_all(module, &server, clients, accepted);
        for (size_t i = 0; i < N_CLIENTS; i++) {
                (void)sys_close(accepted[i]);
                (void)sys_close(clients[i].fd);
        }
        (void)sys_close(server.fd);
        return r;
}
