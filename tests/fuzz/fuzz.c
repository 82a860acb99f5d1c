/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzz targets, one for each parser of outside bytes: compiled once per target
 * with -DFUZZ_<name>, against libFuzzer (meson setup -Dfuzz=true, with clang).
 */
#include <linux/netlink.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "addrinuse.h"
#include "backend/cgroup-parse.h"
#include "backend/nft-nat-parse.h"
#include "backend/sock-diag.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A netlink message as the kernel frames it: the header's length is what was received. */
#if defined(FUZZ_INET) || defined(FUZZ_UNIX) || defined(FUZZ_NFT)
static struct nlmsghdr *frame(const uint8_t *data, size_t size)
{
        struct nlmsghdr *message = calloc(1, NLMSG_LENGTH(size));

        if (!message)
                abort();
        message->nlmsg_len = (uint32_t)NLMSG_LENGTH(size);
        memcpy(NLMSG_DATA(message), data, size);
        return message;
}
#endif

/* The parsers of text take strings. */
#if defined(FUZZ_CGROUP) || defined(FUZZ_ADDRESS)
static char *string(const uint8_t *data, size_t size)
{
        char *text = malloc(size + 1);

        if (!text)
                abort();
        memcpy(text, data, size);
        text[size] = '\0';
        return text;
}
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size > 65536)
                return 0;
#if defined(FUZZ_INET) || defined(FUZZ_UNIX)
        struct nlmsghdr *message = frame(data, size);
        struct sock_diag_socket socket;
#ifdef FUZZ_INET
        (void)sock_diag_parse_inet(message, IPPROTO_TCP, &socket);
#else
        (void)sock_diag_parse_unix(message, &socket);
#endif
        free(message);
#elif defined(FUZZ_NFT)
        struct nlmsghdr *message = frame(data, size);
        struct nat_rule rule;

        /* Whoever is told of a rule is told names that end, and ports that are in order. */
        if (nat_rule_parse(message, &rule) &&
            (strlen(rule.table) + strlen(rule.chain) > size || rule.first_port == 0 || rule.last_port < rule.first_port))
                abort();
        free(message);
#elif defined(FUZZ_CGROUP)
        char *text = string(data, size);
        struct cgroup_owner owner;

        cgroup_parse(text, &owner);
        if (strlen(owner.unit) >= sizeof(owner.unit) || strlen(owner.container) >= sizeof(owner.container))
                abort();
        free(text);
#elif defined(FUZZ_ADDRESS)
        char *text = string(data, size), printed[ADDRESS_TEXT_BYTES];
        struct address address, again;
        const char *scope;

        /* What was understood, printed and read again is the same. */
        if (address_parse(text, 80, &address, &scope) == 0) {
                address_print(&address, printed, sizeof(printed));
                if (address_parse(printed, 80, &again, &scope) != 0 || !address_equal(&address, &again))
                        abort();
        }
        free(text);
#elif defined(FUZZ_ESCAPE)
        char *text;

        if (aiu_escape((const char *)data, size, &text) < 0)
                return 0;
        for (const char *p = text; *p; p++)
                if (*p < 0x20 || *p > 0x7e)
                        abort();
        free(text);
#endif
        return 0;
}
