/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Target "address-text": what people paste. What was understood is whole, and reads back as the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/address-text.h"
#include "rules/address.h"
#include "fuzz.h"

static void check_unix(const struct address_text *t)
{
        size_t bytes = t->address.len - offsetof(struct sockaddr_un, sun_path);

        require(t->address.len > offsetof(struct sockaddr_un, sun_path) && bytes <= sizeof(t->address.sa.un.sun_path));
        require(t->type == 0 && !t->scope[0] && !t->service[0] && !t->every_address);
}

static void check_printed(const struct address_text *t)
{
        char printed[ADDRESS_TEXT_BYTES];
        struct address_text again;

        address_print_port(&t->address, printed, sizeof(printed));
        /* A path is read as it is; a blank at the end is none of the text's. */
        if (t->address.sa.any.sa_family == AF_UNIX &&
            (!address_is_abstract(&t->address) || printed[strlen(printed) - 1] == ' '))
                return;
        require(address_text_parse(printed, &again) == 0 && address_equal(&t->address, &again.address));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = fuzz_string(data, size);
        struct address_text t;

        if (address_text_parse(text, &t) == 0) {
                require(strnlen(t.scope, sizeof(t.scope)) < sizeof(t.scope));
                require(strnlen(t.service, sizeof(t.service)) < sizeof(t.service));
                if (t.address.sa.any.sa_family == AF_UNIX)
                        check_unix(&t);
                else
                        require(address_is_ip(&t.address) && (!t.service[0] || address_port(&t.address) == 0));
                check_printed(&t);
        }
        free(text);
        return 0;
}
