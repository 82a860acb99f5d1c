/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Target "address": what was understood, printed and read again is the same. */
#include <stdlib.h>

#include "rules/address.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = fuzz_string(data, size), printed[ADDRESS_TEXT_BYTES];
        struct address address, again;
        const char *scope;

        if (address_parse(text, 80, &address, &scope) == 0) {
                address_print(&address, printed, sizeof(printed));
                fuzz_check_printable(printed, false);
                require(address_parse(printed, 80, &again, &scope) == 0 && address_equal(&address, &again));
        }
        free(text);
        return 0;
}
