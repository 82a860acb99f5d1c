/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Target "listen": what a .socket unit listens on, as systemd prints it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/systemd/sd-bus-listen.h"
#include "backend/systemd/sd-bus-unit.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const types[] = { "Stream", "Datagram", "SequentialPacket", "Netlink" };
        struct bytes in = { data, size };
        const char *type = types[take_byte(&in) % 4];
        char *text = fuzz_string(in.at, in.n), path[UNIT_PATH_BYTES];
        struct listen_address listen = { 0 };
        int r = listen_parse(type, text, &listen);

        require(r == 0 || r == -EINVAL || r == -EPROTONOSUPPORT);
        if (r == 0) {
                struct aiu_socket_fact fact = {
                        .size = sizeof(fact),
                        .type = listen.type,
                        .local = &listen.sa.any,
                        .local_len = listen.len,
                };

                require(listen.len >= sizeof(sa_family_t) && listen.len <= sizeof(listen.sa));
                require(memchr(listen.scope, '\0', sizeof(listen.scope)));
                /* It is where it says it is. */
                require(listen.scope[0] || listen_compare(&listen, 0, &fact) != LISTEN_NO);
        }
        if (unit_name_is_valid(text, strlen(text))) {
                require(text[0] != '-');
                unit_object_path(text, path);
                require(strlen(path) < sizeof(path));
                fuzz_check_printable(path, false);
        }
        free(text);
        return 0;
}
