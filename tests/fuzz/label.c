/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Target "label": /proc/PID/cmdline. The label is a part of one word, has no byte that an
 * address with a password has, and the words that follow it do not change it.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "rules/label.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = fuzz_string(data, size), *longer;
        const char *label = NULL, *again = NULL;
        size_t bytes = 0, more = 0;

        if (label_find(text, size, &label, &bytes)) {
                require(label > text && bytes > 0 && label + bytes <= text + size);
                require(!memchr(label, '\0', bytes) && !memchr(label, '/', bytes) && !memchr(label, '@', bytes));
        } else {
                require(!label && bytes == 0);
        }
        /* Where each word has its end, one more word is one argument more, and an option names no program. */
        longer = malloc(size + 9);
        require(longer);
        memcpy(longer, text, size);
        memcpy(longer + size, "\0-hunter", 9);
        if (label && memchr(text, '\0', (size_t)(label - text)))
                require(label_find(longer, size + 9, &again, &more) && again - longer == label - text && more == bytes);
        free(longer);
        free(text);
        return 0;
}
