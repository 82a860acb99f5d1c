/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Target "nft": one rule. The names that it reports end inside the message,
 * and ports that are in order.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "../../tools/nft-nat-parse.h"
#include "fuzz.h"

static bool is_inside(const char *text, const uint8_t *data, size_t size)
{
        const char *first = (const char *)data, *end = first + size;

        return text >= first && text < end && memchr(text, '\0', (size_t)(end - text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct nlmsghdr *message = fuzz_message(data, size);
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
        struct nat_rule rule;

        if (nat_rule_parse(message, &rule)) {
                require(is_inside(rule.table, NLMSG_DATA(message), size));
                require(is_inside(rule.chain, NLMSG_DATA(message), size));
                require(rule.ports_open || (rule.first_port > 0 && rule.last_port >= rule.first_port));
                /* Never of a port that it does not ask for. */
                if (!rule.ports_open && rule.first_port > 1)
                        require(!nat_rule_concerns(&rule, (struct sockaddr *)&in, IPPROTO_TCP,
                                                   (uint16_t)(rule.first_port - 1)));
                (void)nat_rule_concerns(&rule, (struct sockaddr *)&in6, IPPROTO_UDP, rule.last_port);
        }
        free(message);
        return 0;
}
