/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A backend of the watch: the sockets that were on the port when the call failed. Those that other backends still find
 * are merged with theirs. The rest explain the failure, and are gone.
 */
#include <addrinuse-backend.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "bpf/module.h"
#include "bpf/watch.h"
#include "util/macro.h"

/* The context keeps the backend after the watch has ended. */
struct seen {
        const struct watch_event *event; /* NULL = no query of the watch runs */
        bool watched, in_context;
};

static enum aiu_tristate known(const struct wire_socket *socket, bool value)
{
        return socket->minisock ? AIU_TRISTATE_UNKNOWN : value ? AIU_TRISTATE_YES : AIU_TRISTATE_NO;
}

static int add_socket(struct aiu_snapshot *snapshot, const struct watch_event *event, const struct wire_socket *socket)
{
        struct sockaddr_storage local, peer;
        struct aiu_socket_fact fact = {
                .size = sizeof(fact),
                .type = event->failure.type,
                .protocol = event->failure.protocol,
                .state = wire_state(socket->state),
                .local = (struct sockaddr *)&local,
                .local_len = wire_address(&local, socket, socket->local, htons(socket->port)),
                .inode = socket->inode,
                .cookie = socket->cookie,
                .cgroup_id = socket->cgroup,
                .uid = socket->uid,
                .ifindex = socket->ifindex,
                .minisock = socket->minisock ? AIU_TRISTATE_YES : AIU_TRISTATE_NO,
                .reuseaddr = socket->reuseaddr ? AIU_TRISTATE_YES : AIU_TRISTATE_NO,
                .reuseport = known(socket, socket->reuseport),
                .v6only = socket->v6only ? AIU_TRISTATE_YES : AIU_TRISTATE_NO,
                .flags = AIU_SOCKET_OBSERVED_ONLY,
        };
        if (socket->peer_port) {
                fact.peer = (struct sockaddr *)&peer;
                fact.peer_len = wire_address(&peer, socket, socket->peer, socket->peer_port);
        }
        return aiu_snapshot_add_socket(snapshot, &fact);
}

static bool is_asked_about(const struct watch_event *event, const struct wire_socket *socket)
{
        return (event->inode && socket->inode == event->inode) || (event->cookie && socket->cookie == event->cookie);
}

static int seen_sockets(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        const struct seen *seen = userdata;
        const struct watch_event *event = seen->event;

        (void)request;
        for (uint32_t i = 0; event && i < event->n_sockets && i < WATCH_SOCKETS; i++) {
                const struct wire_socket *socket = &event->sockets[i];

                if (is_asked_about(event, socket) || (socket->family != AF_INET && socket->family != AF_INET6))
                        continue;
                int r = add_socket(snapshot, event, socket);
                if (r < 0 && r != -EINVAL)
                        return r;
        }
        return AIU_PARTIAL; /* other backends are asked as well */
}

static void let_go(struct seen *seen)
{
        if (!seen->watched && !seen->in_context)
                free(seen);
}

static void seen_destroy(void *userdata)
{
        struct seen *seen = userdata;

        seen->in_context = false;
        let_go(seen);
}

static const struct aiu_backend backend_seen = {
        .size = sizeof(backend_seen),
        .name = "bpf-watch",
        .sockets = seen_sockets,
        .destroy = seen_destroy,
};

int seen_new(struct aiu_context *context, struct seen **ret)
{
        struct seen *seen = calloc(1, sizeof(*seen));
        int r;

        if (!seen)
                return -ENOMEM;
        r = aiu_context_add_backend(context, &backend_seen, seen);
        if (r < 0) {
                free(seen);
                return r;
        }
        seen->watched = seen->in_context = true;
        *ret = seen;
        return 0;
}

void seen_set(struct seen *seen, const struct watch_event *event)
{
        seen->event = event;
}

void seen_unref(struct seen *seen)
{
        if (!seen)
                return;
        seen->event = NULL;
        seen->watched = false;
        let_go(seen);
}
