/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Target "unix": one answer of unix_diag. A name is no longer than sun_path. */
#include <errno.h>
#include <stdlib.h>
#include <sys/un.h>

#include "backend/netlink/sock-diag.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct nlmsghdr *message = fuzz_message(data, size);
        struct sock_diag_socket socket = { 0 };
        int r = sock_diag_parse_unix(message, &socket);

        require(r == 0 || r == 1 || r == -EBADMSG);
        if (r == 1) {
                require(socket.local.ss_family == AF_UNIX);
                require(socket.fact.local_len >= sizeof(sa_family_t) &&
                        socket.fact.local_len <= sizeof(struct sockaddr_un));
        }
        free(message);
        return 0;
}
