/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What systemd waits for: one datagram to the socket that it named. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli.h"

void cli_notify(const char *state)
{
        const char *path = secure_getenv("NOTIFY_SOCKET");
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        size_t n = path ? strlen(path) : 0;
        int fd;

        if (n < 2 || n >= sizeof(address.sun_path) || (*path != '/' && *path != '@'))
                return;
        memcpy(address.sun_path, path, n);
        if (*path == '@')
                address.sun_path[0] = '\0';
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return;
        (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address,
                     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
        (void)close(fd);
}
