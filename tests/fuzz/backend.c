/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Target "backend": an application's own backend that tells anything, in structures of any
 * size, through the installed headers. It is the only one. Every string is freed as soon as it
 * was told. The report can be rendered, as printable text and as JSON, and no pointer of the
 * backend's is in it.
 */
#include <addrinuse-backend.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

/* As many bytes of the structure are there as it says: memory behind it is not the library's. */
static void *shrink(const void *fact, size_t whole, struct bytes *in, size_t *ret_size)
{
        uint8_t how = take_byte(in);
        size_t size = how < 200 ? whole : how < 230 ? take_byte(in) : whole + how;
        void *copy = calloc(1, size < sizeof(size_t) ? sizeof(size_t) : size);

        if (!copy)
                abort();
        memcpy(copy, fact, size < whole ? size : whole);
        *ret_size = size;
        memcpy(copy, &size, sizeof(size));
        return copy;
}

static enum aiu_tristate a_tristate(struct bytes *in)
{
        return (enum aiu_tristate)(take_byte(in) % 4);
}

static uint64_t an_id(struct bytes *in)
{
        return take_byte(in) % 4;
}

static char *a_text(struct bytes *in)
{
        return take_byte(in) & 1 ? take_text(in, 200, NULL) : NULL;
}

static void tell_host(struct bytes *in, struct aiu_snapshot *snapshot)
{
        char *ports = a_text(in);
        struct aiu_host_fact fact = {
                .address_local = a_tristate(in),
                .address_tentative = a_tristate(in),
                .address_ifindex = take_byte(in),
                .nonlocal_bind = a_tristate(in),
                .privileged = a_tristate(in),
                .unprivileged_port_start = (int)take_number(in, 2) - 1,
                .port_range_first = (int)take_number(in, 2),
                .port_range_last = (int)take_number(in, 2),
                .reserved_ports = ports,
                .ipv6_enabled = a_tristate(in),
                .autobind_reuse = a_tristate(in),
                .kernel_major = take_byte(in),
                .kernel_minor = take_byte(in),
                .kernel_patch = take_byte(in),
                .name_exists = a_tristate(in),
                .name_is_socket = a_tristate(in),
                .name_error = take_byte(in),
                .name_inode = an_id(in),
                .name_device = an_id(in),
        };
        size_t size;
        void *copy = shrink(&fact, sizeof(fact), in, &size);

        (void)aiu_snapshot_add_host(snapshot, copy);
        free(copy);
        free(ports);
}

static socklen_t an_address(struct bytes *in, struct sockaddr_storage *to)
{
        static const sa_family_t families[] = { AF_INET, AF_INET6, AF_UNIX, AF_NETLINK };
        static const socklen_t lengths[] = { 16, 28, 5, 12 };
        uint8_t which = take_byte(in);

        take_into(in, to, sizeof(*to));
        to->ss_family = families[which % 4];
        /* The port that is asked about, mostly. */
        if (which < 128)
                memcpy((char *)to + 2, "\x1f\x90", 2);
        return which < 240 ? lengths[which % 4] : take_byte(in) % (socklen_t)sizeof(*to);
}

static void tell_socket(struct bytes *in, struct aiu_snapshot *snapshot)
{
        struct sockaddr_storage local, peer;
        struct aiu_socket_fact fact = {
                .type = take_byte(in) % 6,
                .protocol = take_byte(in),
                .state = (enum aiu_state)(take_byte(in) % 16),
                .local = (struct sockaddr *)&local,
                .peer = take_byte(in) & 1 ? (struct sockaddr *)&peer : NULL,
                .inode = an_id(in),
                .cookie = an_id(in),
                .cgroup_id = an_id(in),
                .uid = take_byte(in),
                .ifindex = take_byte(in),
                .minisock = a_tristate(in),
                .autobound = a_tristate(in),
                .reuseaddr = a_tristate(in),
                .reuseport = a_tristate(in),
                .v6only = a_tristate(in),
                .expires_usec = take_number(in, 8),
                .vfs_inode = an_id(in),
                .vfs_device = an_id(in),
                .flags = take_byte(in),
                .l3mdev = take_byte(in),
        };
        size_t size;
        void *copy;

        fact.local_len = an_address(in, &local);
        fact.peer_len = an_address(in, &peer);
        if (fact.protocol > 64)
                fact.protocol = fact.protocol & 1 ? 6 : 17;
        copy = shrink(&fact, sizeof(fact), in, &size);
        (void)aiu_snapshot_add_socket(snapshot, copy);
        free(copy);
}

static void tell_process(struct bytes *in, struct aiu_snapshot *snapshot)
{
        pid_t pids[3] = { 2, 3, 1 };
        char *text[7];
        size_t cmdline_bytes, size;
        struct aiu_process_fact fact = {
                .pid = (pid_t)an_id(in),
                .ppid = (pid_t)an_id(in),
                .uid = take_byte(in),
                .start_time_usec = take_number(in, 8),
                .flags = (uint32_t)take_number(in, 4),
                .is_self = a_tristate(in),
                .sigterm_ignored = a_tristate(in),
                .sigterm_caught = a_tristate(in),
                .ancestor_pids = pids,
                .n_ancestors = take_byte(in) % 4,
        };
        void *copy;

        for (size_t i = 0; i < 7; i++)
                text[i] = a_text(in);
        fact.comm = text[0];
        fact.exe = text[1];
        fact.cwd = text[2];
        fact.cgroup = text[3];
        fact.ancestor_comms = (const char *const *)&text[4];
        fact.cmdline = take_text(in, 100, &cmdline_bytes);
        fact.cmdline_bytes = cmdline_bytes;
        copy = shrink(&fact, sizeof(fact), in, &size);
        (void)aiu_snapshot_add_process(snapshot, copy);
        free(copy);
        for (size_t i = 0; i < 7; i++)
                free(text[i]);
        free((void *)(uintptr_t)fact.cmdline);
}

static void tell_manager(struct bytes *in, struct aiu_snapshot *snapshot)
{
        char *text[8];
        size_t size;
        struct aiu_manager_fact fact = {
                .pid = (pid_t)an_id(in),
                .inode = an_id(in),
                .cgroup_id = an_id(in),
                .kind = (enum aiu_manager_kind)(take_byte(in) % 20),
                .will_return = a_tristate(in),
                .flags = (uint32_t)take_number(in, 4),
                .user = take_byte(in),
                .removes_file = a_tristate(in),
                .named_by = take_byte(in),
        };
        void *copy;

        for (size_t i = 0; i < 8; i++)
                text[i] = a_text(in);
        fact.unit = text[0];
        fact.socket_unit = text[1];
        fact.unit_state = text[2];
        fact.unit_restart = text[3];
        fact.container = text[4];
        fact.supervisor = text[5];
        fact.also_stop = text[6];
        fact.enabled = text[7];
        copy = shrink(&fact, sizeof(fact), in, &size);
        (void)aiu_snapshot_add_manager(snapshot, copy);
        free(copy);
        for (size_t i = 0; i < 8; i++)
                free(text[i]);
}

static void tell_kernel_user(struct bytes *in, struct aiu_snapshot *snapshot)
{
        char *service = a_text(in), *name = a_text(in), *word = a_text(in);
        const char *command[3] = { word, name, NULL };
        struct aiu_kernel_user_fact fact = {
                .service = service,
                .name = name,
                .command = word ? command : NULL,
                .command_suffices = a_tristate(in),
        };
        size_t size;
        void *copy = shrink(&fact, sizeof(fact), in, &size);

        (void)aiu_snapshot_add_kernel_user(snapshot, an_id(in), copy);
        free(copy);
        free(service);
        free(name);
        free(word);
}

static void tell_gap(struct bytes *in, struct aiu_snapshot *snapshot)
{
        char *text = a_text(in);

        (void)aiu_snapshot_add_gap(snapshot, (enum aiu_gap_kind)(take_byte(in) % 16), take_byte(in), text);
        free(text);
}

static void tell_options(struct bytes *in, struct aiu_snapshot *snapshot)
{
        struct aiu_options_fact fact = {
                .size = sizeof(fact),
                .reuseaddr = a_tristate(in),
                .reuseport = a_tristate(in),
                .v6only = a_tristate(in),
        };

        (void)aiu_snapshot_add_options(snapshot, an_id(in), &fact);
}

static void tell_cache(struct bytes *in, struct aiu_snapshot *snapshot)
{
        struct aiu_port_cache_fact fact = {
                .port = (uint16_t)(8080 + take_byte(in) % 10),
                .fastreuse = take_byte(in) % 4 - 1,
                .fastreuseport = take_byte(in) % 4 - 1,
                .l3mdev = take_byte(in) & 1 ? 0 : take_byte(in),
                .fastuid = take_byte(in),
                .family = take_byte(in) % 12,
                .v4 = (uint32_t)take_number(in, 4),
                .v6only = take_byte(in) & 1,
        };
        size_t size;
        void *copy;

        for (size_t i = 0; i < sizeof(fact.v6); i++)
                fact.v6[i] = take_byte(in);
        copy = shrink(&fact, sizeof(fact), in, &size);
        (void)aiu_snapshot_add_port_cache(snapshot, copy);
        free(copy);
}

static void tell_port(struct bytes *in, struct aiu_snapshot *snapshot)
{
        struct aiu_port_fact fact = {
                .protocol = take_byte(in),
                .port = (uint16_t)take_number(in, 2),
                .bound_listed = a_tristate(in),
                .in_order = a_tristate(in),
                .slot_count = take_byte(in),
        };
        size_t size;
        void *copy = shrink(&fact, sizeof(fact), in, &size);

        (void)aiu_snapshot_add_port(snapshot, copy);
        free(copy);
}

static void tell_references(struct bytes *in, struct aiu_snapshot *snapshot)
{
        uint64_t inode = an_id(in);
        uint32_t total = take_byte(in);

        (void)aiu_snapshot_add_references(snapshot, inode, total, take_byte(in));
        (void)aiu_snapshot_add_program(snapshot, (enum aiu_tristate)(total % 3));
}

/* Any phase tells of anything. */
static int tell(void *userdata, const struct aiu_request *request, struct aiu_snapshot *snapshot)
{
        static void (*const tellers[])(struct bytes *, struct aiu_snapshot *) = {
                tell_socket, tell_process, tell_manager, tell_host, tell_kernel_user,
                tell_gap,    tell_options, tell_cache,   tell_port, tell_references,
        };
        static const int results[] = { AIU_COMPLETE, AIU_PARTIAL, -EIO, -EACCES, -ETIME, 77 };
        struct bytes *in = userdata;
        unsigned int n = take_byte(in) % 12;

        require(request->port >= 8080 && request->port <= 8088); /* a free one beside it is looked for */
        while (n-- > 0) {
                uint8_t which = take_byte(in) % 13;

                if (which < 10)
                        tellers[which](in, snapshot);
                else if (which == 10)
                        (void)aiu_snapshot_fill_process(snapshot, request, (pid_t)an_id(in));
                else if (which == 11)
                        (void)aiu_snapshot_add_holder(snapshot, an_id(in), (pid_t)an_id(in), take_byte(in) - 1);
                else
                        (void)aiu_snapshot_add_device(snapshot, take_byte(in), take_byte(in));
        }
        return results[take_byte(in) & 7 ? 0 : take_byte(in) % 6];
}

static struct aiu_context *context_of(struct bytes *in)
{
        static const char *const built_in[] = { "proc-sys",   "route",    "proc-address", "unix-path",
                                                "sock-diag",  "proc-net", "proc-fd",      "kernel-user",
                                                "proc-bound", "options",  "cgroup",       "sd-bus" };
        struct aiu_backend backend = {
                .size = sizeof(backend),
                .name = "fuzz",
                .host = tell,
                .sockets = tell,
                .holders = tell,
                .options = tell,
                .managers = tell,
                .kernel_users = tell,
                .devices = tell,
                .hidden_sockets = tell,
        };
        struct aiu_context *context;

        require(aiu_context_new(&context) == 0);
        for (size_t i = 0; i < sizeof(built_in) / sizeof(built_in[0]); i++)
                require(aiu_context_disable_backend(context, built_in[i]) == 0);
        require(aiu_context_add_backend(context, &backend, in) == 0);
        return context;
}

static void check(const struct aiu_report *report)
{
        fuzz_check_report(report, AIU_RENDER_VERBOSE | AIU_RENDER_CMDLINE, AIU_RENDER_CMDLINE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const addresses[] = { NULL, "127.0.0.1", "::1", "0.0.0.0" };
        struct bytes in = { data, size };
        uint8_t how = take_byte(&in);
        struct aiu_context *context = context_of(&in);
        struct aiu_query *query;
        struct aiu_report *report = NULL;

        require(aiu_query_new(context, &query) == 0);
        require(aiu_query_set_address_string(query, addresses[how % 4], 8080) == 0);
        if (how & 4)
                require(aiu_query_set_socket(query, SOCK_DGRAM, 0) == 0);
        (void)aiu_query_set_reuseaddr(query, how >> 3 & 1);
        (void)aiu_query_set_reuseport(query, how >> 4 & 1);
        if (how & 32)
                (void)aiu_query_set_error(query, EADDRINUSE);
        if (aiu_query_run(query, &report) == 0)
                check(report);
        aiu_report_unref(report);
        aiu_query_unref(query);
        aiu_context_unref(context);
        return 0;
}
