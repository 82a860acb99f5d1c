/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Target "bpf-port": complete queries to libaddrinuse-bpf, whose programs, kernel and /proc say anything. The memory
 * that programs and module share has the form that the programs guarantee (no more entries than fit), and any content.
 * A walk that contradicts sock_diag(7) leaves a gap, and is not made again; the rest holds as in target "world".
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "addrinuse.h"
#include "bpf/module.h"
#include "bpf/sys-bpf.h"
#include "lying-kernel.h"
#include "util/sys.h"

#define PORT 80
#define DEADLINE_USEC 50000u
#define MOST_ENTRIES 6u

enum { WALK_PORT = 1, FIND_HOLDERS, READ_FILES, FIND_OWN };

static const struct aiu_backend backend_bpf = {
        .size = sizeof(backend_bpf),
        .name = "bpf",
        .sockets = bpf_sockets,
        .holders = bpf_holders,
};

/* The shared memory is large: it is made once, and only what counts as valid is read. */
static struct wire wire;
static struct known known[MOST_KNOWN];
static struct bytes *in;
static unsigned int n_runs, runs_at_contradiction;

/* ------------------------------------------------------ the programs */

/* Few different numbers, so that sockets and files meet again. */
static uint64_t a_number(void)
{
        uint8_t how = take_byte(in);

        return how < 240 ? how % 8u : take_number(in, 8);
}

static void walk_port(void)
{
        static const uint8_t families[] = { AF_INET, AF_INET6, AF_INET, AF_INET6, AF_UNIX };

        wire.status = take_byte(in) % 8;
        if (wire.status > WIRE_ASTRAY)
                wire.status = WIRE_DONE;
        wire.n_buckets = take_byte(in) % 3u;
        wire.n_sockets = take_byte(in) % MOST_ENTRIES;
        wire.n_in_slot = (uint32_t)a_number();
        for (uint32_t i = 0; i < wire.n_buckets; i++)
                take_into(in, &wire.buckets[i], sizeof(wire.buckets[i]));
        for (uint32_t i = 0; i < wire.n_sockets; i++) {
                struct wire_socket *socket = &wire.sockets[i];

                memset(socket, 0, sizeof(*socket));
                socket->file = a_number();
                socket->inode = a_number();
                socket->cookie = a_number();
                socket->jiffies_left = (int64_t)a_number();
                socket->uid = (uint32_t)a_number();
                socket->l3mdev = (int32_t)a_number();
                socket->port = PORT;
                take_into(in, &socket->family, 8);
                if (socket->family < 250)
                        socket->family = families[socket->family % 5];
                take_into(in, socket->local, 4);
                take_into(in, socket->peer, take_byte(in) % 17u);
                socket->peer_port = (uint16_t)(take_byte(in) & 1 ? a_number() : 0);
        }
}

static void find_holders(void)
{
        require(wire.n_wanted <= WIRE_WANTED);
        for (uint32_t i = 1; i < wire.n_wanted; i++)
                require(wire.wanted[i - 1] <= wire.wanted[i]);
        wire.status = take_byte(in) < 32 ? WIRE_CUT : WIRE_DONE;
        wire.n_unread = take_byte(in) < 32;
        wire.n_hits = take_byte(in) % MOST_ENTRIES;
        for (uint32_t i = 0; i < wire.n_hits; i++)
                wire.hits[i] = (struct wire_hit){ .file = a_number(),
                                                  .table = a_number(),
                                                  .pid = (uint32_t)a_number(),
                                                  .thread = (uint32_t)a_number(),
                                                  .fd = (uint32_t)a_number() };
}

static void read_files(void)
{
        for (uint32_t i = 0; i < wire.n_wanted; i++) {
                wire.inodes[i] = a_number();
                wire.references[i] = (uint32_t)a_number();
        }
}

static int run_program(unsigned int program)
{
        uint8_t how = take_byte(in);

        n_runs++;
        if (how >= 250)
                return -EPERM;
        switch (program) {
        case WALK_PORT:
                walk_port();
                return 0;
        case FIND_HOLDERS:
                find_holders();
                return 0;
        case READ_FILES:
                read_files();
                return 0;
        default:
                require(program == FIND_OWN);
                wire.group = take_byte(in) % 5;
                return 0;
        }
}

/* A link and its iterator are descriptors, which the module has to close. */
int sys_bpf(int command, union bpf_attr *attribute)
{
        static unsigned int linked;

        switch (command) {
        case BPF_PROG_TEST_RUN:
                return run_program(attribute->test.prog_fd);
        case BPF_LINK_CREATE:
                linked = attribute->link_create.prog_fd;
                return sys_openat(AT_FDCWD, "/link", 0);
        default:
                require(command == BPF_ITER_CREATE);
                require(run_program(linked) != 1);
                return sys_openat(AT_FDCWD, "/iterator", 0);
        }
}

void module_lock(struct module *module)
{
        require(!module->broken);
}

/* The lock is given back once: what the last walk showed is known by then. */
void module_unlock(struct module *module)
{
        require(module->n_known <= MOST_KNOWN && module->next_known < MOST_KNOWN);
        if (module->broken)
                runs_at_contradiction = n_runs;
}

/* ------------------------------------------------------ the query */

static void set_query(struct aiu_query *query, uint8_t which)
{
        static const char *const addresses[] = { NULL, "0.0.0.0", "127.0.0.1", "::", "::1" };

        (void)aiu_query_set_address_string(query, addresses[which % 5], PORT);
        (void)aiu_query_set_socket(query, which & 8 ? SOCK_DGRAM : SOCK_STREAM, 0);
        (void)aiu_query_set_reuseaddr(query, which >> 4 & 1);
        (void)aiu_query_set_reuseport(query, which >> 5 & 1);
        if (which & 64)
                (void)aiu_query_set_error(query, EADDRINUSE);
        if (which & 128)
                (void)aiu_query_set_fd(query, CALLERS_FD);
}

static bool has_backend_gap(const struct aiu_report *report)
{
        for (size_t i = 0; i < aiu_report_get_n_gaps(report); i++)
                if (aiu_gap_get_kind(aiu_report_get_gap(report, i)) == AIU_GAP_BACKEND)
                        return true;
        return false;
}

static void check_conflict(const struct aiu_conflict *conflict)
{
        socklen_t bytes = 0;
        const struct sockaddr *local = aiu_conflict_get_local(conflict, &bytes);

        require(local &&
                (local->sa_family == AF_INET ? bytes == sizeof(struct sockaddr_in)
                                             : local->sa_family == AF_INET6 && bytes == sizeof(struct sockaddr_in6)));
}

static void check(const struct aiu_report *report, const struct module *module)
{
        for (size_t i = 0; i < aiu_report_get_n_conflicts(report); i++)
                check_conflict(aiu_report_get_conflict(report, i));
        fuzz_check_report(report, AIU_RENDER_VERBOSE, 0);
        require(aiu_report_get_verdict(report) != AIU_VERDICT_UNKNOWN || aiu_report_get_n_gaps(report) > 0);
        require(!module->broken || has_backend_gap(report));
        require(!module->broken || n_runs == runs_at_contradiction);
}

static struct aiu_context *new_context(struct module *module)
{
        struct aiu_context *context = NULL;

        require(aiu_context_new(&context) == 0);
        require(aiu_context_set_deadline_usec(context, DEADLINE_USEC) == 0);
        (void)aiu_context_disable_backend(context, "sd-bus");
        require(aiu_context_add_backend(context, &backend_bpf, module) == 0);
        return context;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct bytes bytes = { data, size };
        uint8_t which = take_byte(&bytes), how = take_byte(&bytes);
        struct module module = {
                .object = { WALK_PORT, FIND_HOLDERS, READ_FILES, FIND_OWN, -1 },
                .wire = &wire,
                .known = known,
                .hz = how & 4 ? 250 : 0,
                .has_udp = !(how & 8),
                .groups_proven = how & 16,
                .minisocks_proven = how & 32,
        };
        struct aiu_context *context;
        struct aiu_query *query = NULL;
        struct aiu_report *report = NULL;
        uint64_t asked_nsec;
        int r;

        in = &bytes;
        n_runs = runs_at_contradiction = 0;
        lie_begin(in, how & 1, PORT);
        context = new_context(&module);
        require(aiu_query_new(context, &query) == 0);
        set_query(query, which);
        asked_nsec = lie_time();
        errno = EXDEV;
        r = aiu_query_run(query, &report);
        require(errno == EXDEV && (r == 0) == (report != NULL));
        if (report)
                check(report, &module);
        aiu_report_unref(report);
        aiu_query_unref(query);
        aiu_context_unref(context);
        lie_end(asked_nsec + DEADLINE_USEC * 1000u + 50000000u);
        return 0;
}
