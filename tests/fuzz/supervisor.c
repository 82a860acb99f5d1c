/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Target "supervisor": the names of a process' ancestors, where it runs and what its command line
 * is. What becomes an operand of a command is no option and one word.
 */
#include <stdlib.h>
#include <string.h>

#include "backend/cgroup/cgroup-supervisor.h"
#include "fuzz.h"

#define MOST_ANCESTORS 4u

static bool is_holder(const void *userdata, pid_t pid)
{
        return *(const pid_t *)userdata == pid;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct bytes in = { data, size };
        pid_t holder = take_byte(&in) % 6, pids[MOST_ANCESTORS] = { 2, 3, 4, 1 };
        char *comms[MOST_ANCESTORS], *comm, *cmdline, *cwd, *exe, container[CGROUP_NAME_BYTES] = "";
        struct aiu_process_fact fact = { .size = sizeof(fact), .pid = 5, .ppid = 2, .ancestor_pids = pids };
        struct aiu_request request = { .size = sizeof(request), .procfs = -1 };
        struct supervision found = { 0 };

        fact.n_ancestors = take_byte(&in) % (MOST_ANCESTORS + 1);
        for (size_t i = 0; i < MOST_ANCESTORS; i++)
                comms[i] = take_text(&in, 64, NULL);
        fact.ancestor_comms = (const char *const *)comms;
        fact.comm = comm = take_text(&in, 64, NULL);
        fact.cwd = cwd = take_text(&in, 256, NULL);
        fact.exe = exe = take_text(&in, 256, NULL);
        fact.cmdline = cmdline = take_text(&in, 1024, &fact.cmdline_bytes);
        supervisor_find(&request, &fact, is_holder, &holder, &found);
        require(memchr(found.program, '\0', sizeof(found.program)) && found.program[0] != '-');
        require(!strpbrk(found.program, " \n\t'\"$`;&|<>*?"));
        require(found.name || !found.program[0]);
        (void)supervisor_find_port_helper(&fact, container);
        require(strspn(container, "0123456789abcdef") == strlen(container));
        for (size_t i = 0; i < MOST_ANCESTORS; i++)
                free(comms[i]);
        free(comm);
        free(cwd);
        free(exe);
        free(cmdline);
        return 0;
}
