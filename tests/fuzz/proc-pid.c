/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Target "proc-pid": /proc/PID/stat and status, the links in fd/, fdinfo of an io_uring, and
 * numbers. Names end, numbers are of processes, and a list of files is no longer than its text.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/process/proc-parse.h"
#include "fuzz.h"

static void stat_(const char *text, size_t n)
{
        struct proc_stat stat;
        int r = proc_parse_stat(text, n, &stat);

        require(r <= 0);
        if (r == 0)
                require(memchr(stat.comm, '\0', sizeof(stat.comm)) && stat.ppid >= 0);
}

static void ring(const char *text, size_t n)
{
        uint64_t inode;
        size_t found = 0;

        while (proc_parse_ring_socket(&text, &inode))
                found++;
        require(found <= n / strlen("socket:[0]"));
}

static void number(const char *text)
{
        char again[32];
        int id;

        if (!proc_parse_id(text, &id))
                return;
        require(id >= 0);
        (void)snprintf(again, sizeof(again), "%d", id);
        require(strspn(text, "0123456789") == strlen(text));
        require(strcmp(text + strspn(text, "0"), id ? again : "") == 0);
}

static void link_(const char *text, size_t n)
{
        char again[64];
        uint64_t inode;

        if (!proc_parse_socket_link(text, n, &inode))
                return;
        (void)snprintf(again, sizeof(again), "socket:[%llu]", (unsigned long long)inode);
        require(strlen(again) <= n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct bytes in = { data, size };
        uint8_t which = take_byte(&in) % 6;
        char *text = fuzz_string(in.at, in.n);
        struct proc_status status;

        if (which == 0)
                stat_(text, in.n);
        if (which == 1)
                require(proc_parse_status(text, &status) <= 0);
        if (which == 2)
                ring(text, in.n);
        if (which == 3)
                number(text);
        if (which == 4)
                link_(text, in.n);
        if (which == 5)
                require(proc_parse_unit(text) <= PROC_UNIT_SCOPE);
        free(text);
        return 0;
}
