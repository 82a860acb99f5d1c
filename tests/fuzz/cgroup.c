/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Target "cgroup": /proc/PID/cgroup. The names of a unit and of a container end, and a
 * command can take neither for an option.
 */
#include <stdlib.h>
#include <string.h>

#include "backend/cgroup/cgroup-parse.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = fuzz_string(data, size);
        struct cgroup_owner owner;

        cgroup_parse(text, &owner);
        require(memchr(owner.unit, '\0', sizeof(owner.unit)) && memchr(owner.container, '\0', sizeof(owner.container)));
        require(owner.unit[0] != '-' && owner.container[0] != '-');
        require(!strchr(owner.unit, '/') && !strchr(owner.unit, '\n') && !strchr(owner.unit, ' '));
        cgroup_parse_path(text, size, &owner);
        require(owner.unit[0] != '-' && owner.container[0] != '-');
        free(text);
        return 0;
}
