/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Target "escape": any bytes. Only printable ASCII comes out, what is printable already (but the
 * backslash) stays, and in JSON it is the same text again.
 */
#include <stdlib.h>
#include <string.h>

#include "addrinuse.h"
#include "fuzz.h"
#include "render/json-writer.h"

static bool is_plain(const uint8_t *data, size_t size)
{
        for (size_t i = 0; i < size; i++)
                if (data[i] < 0x20 || data[i] > 0x7e || data[i] == '\\')
                        return false;
        return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct json json = { .first = true };
        const char *at;
        char *text, *written, *read;

        require(aiu_escape((const char *)data, size, &text) == 0);
        fuzz_check_printable(text, false);
        require(!is_plain(data, size) || (strlen(text) == size && memcmp(text, data, size) == 0));
        json_outside(&json, (const char *)data, size);
        require(strbuf_steal(&json.out, &written) == 0);
        at = written;
        read = fuzz_json_string(&at);
        require(*at == '\0' && strcmp(read, text) == 0);
        free(read);
        free(written);
        free(text);
        return 0;
}
