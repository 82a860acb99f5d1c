/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See proxied.h: dockerd starts "docker-proxy -proto tcp -host-ip A -host-port P -container-ip A -container-port P". */
#include <string.h>

#include "rules/address.h"
#include "rules/proxied.h"

/* The word behind `option`; NULL = there is none. */
static const char *value_of(const char *option, const char *cmdline, size_t bytes)
{
        for (size_t at = 0; at < bytes; at += strlen(cmdline + at) + 1) {
                size_t next = at + strlen(cmdline + at) + 1;

                if (next < bytes && strcmp(cmdline + at, option) == 0)
                        return cmdline + next;
        }
        return NULL;
}

/* 0 = it is no port. */
static uint16_t port_of(const char *text)
{
        unsigned int port = 0;

        if (!text || strlen(text) > 5)
                return 0;
        for (; *text >= '0' && *text <= '9'; text++)
                port = port * 10 + (unsigned int)(*text - '0');
        return *text || port > UINT16_MAX ? 0 : (uint16_t)port;
}

bool proxied_address(const char *cmdline, size_t bytes, char *ret_address, size_t size)
{
        const char *ip = value_of("-container-ip", cmdline, bytes), *scope;
        uint16_t port = port_of(value_of("-container-port", cmdline, bytes));
        struct address address;

        if (!ip || port == 0 || address_parse(ip, port, &address, &scope) < 0 || scope)
                return false;
        (void)address_print_port(&address, ret_address, size);
        return true;
}
