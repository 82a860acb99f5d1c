/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When the command loads libaddrinuse-bpf: where an answer is unknown without it, and where so many files are open
 * that a search of /proc takes longer than to load and verify the programs. Its package need not be installed.
 */
#include <addrinuse-bpf.h>
#include <dlfcn.h>
#include <errno.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli.h"

#define SONAME "libaddrinuse-bpf.so.0"
/* doc/performance.md: below that, the search of /proc is faster. */
#define MANY_FILES 3400u
#define MPTCP 262 /* IPPROTO_MPTCP, which older headers lack */

enum { CAPABILITY_SYS_ADMIN = 21, CAPABILITY_PERFMON = 38, CAPABILITY_BPF = 39 };

static bool has(const struct __user_cap_data_struct data[2], unsigned int capability)
{
        return data[capability / 32].effective & (1u << capability % 32);
}

static bool may_load(void)
{
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[2] = { 0 };

        if (syscall(SYS_capget, &header, data) < 0)
                return false;
        return has(data, CAPABILITY_SYS_ADMIN) || (has(data, CAPABILITY_BPF) && has(data, CAPABILITY_PERFMON));
}

/* No dlclose(3): the context calls functions of the module until its end. */
static int load(struct aiu_context *context)
{
#ifdef WITH_BPF
        void *handle = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);
        void *symbol = handle ? dlsym(handle, "aiu_context_add_bpf") : NULL;
        int (*add)(struct aiu_context *);

        memcpy(&add, &symbol, sizeof(add));
        return symbol ? add(context) : -ENOENT;
#else
        (void)context;
        return -ENOENT;
#endif
}

bool cli_use_bpf(const struct cli *cli, const struct request *request)
{
        static bool tried;

        if (request->protocol != 0 && request->protocol != IPPROTO_TCP && request->protocol != IPPROTO_UDP &&
            request->protocol != MPTCP)
                return false;
        if (tried || cli->no_self_test)
                return false;
        tried = true;
        return may_load() && load(cli->context) >= 0;
}

/* The search for a single holder ends early. */
bool cli_search_is_long(const struct cli *cli)
{
        unsigned long files = 0;
        FILE *file;

        if (cli->first_holder)
                return false;
        file = fopen("/proc/sys/fs/file-nr", "re");
        if (!file)
                return false;
        if (fscanf(file, "%lu", &files) != 1)
                files = 0;
        (void)fclose(file);
        return files >= MANY_FILES;
}
