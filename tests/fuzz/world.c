/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Target "world": whole questions to a kernel, a /proc and a systemd that answer anything, in a process
 * that may have no memory left. Every backend runs, every parser is met on its way. Whatever they say:
 * the question ends at the deadline, every descriptor is closed, errno is kept, what could not be
 * kept is -ENOMEM or a gap, and the report can be rendered, as printable text and as JSON.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include <linux/vm_sockets.h>

#include "addrinuse.h"
#include "lying-kernel.h"
#include "fixture/scarce-memory.h"
#include "lying-systemd.h"

#define PORT 80
#define DEADLINE_USEC 50000u

static void set_number(struct aiu_query *query, uint8_t which)
{
        const struct sockaddr_vm vm = { .svm_family = AF_VSOCK,
                                        .svm_cid = which & 2 ? VMADDR_CID_ANY : 3,
                                        .svm_port = which & 4 ? VMADDR_PORT_ANY : PORT };
        const struct sockaddr_nl nl = { .nl_family = AF_NETLINK, .nl_pid = which & 2 ? 0 : PORT };

        if (which & 1)
                (void)aiu_query_set_address(query, (const struct sockaddr *)&vm, sizeof(vm));
        else
                (void)aiu_query_set_address(query, (const struct sockaddr *)&nl, sizeof(nl));
}

static void set_address(struct aiu_query *query, struct bytes *in)
{
        static const char *const addresses[] = { NULL,  "0.0.0.0", "127.0.0.1",   "10.1.2.3",         "::",
                                                 "::1", "fe80::1", "2001:db8::1", "::ffff:127.0.0.1", "224.0.0.1" };
        struct sockaddr_un un = { .sun_family = AF_UNIX };
        uint8_t which = take_byte(in);

        if (which < 192) {
                (void)aiu_query_set_address_string(query, addresses[which % 10], which & 64 ? 0 : PORT);
                return;
        }
        if (which >= 240) {
                set_number(query, which);
                return;
        }
        memcpy(un.sun_path, which & 1 ? "/x" : "\0x", 2);
        (void)aiu_query_set_address(query, (const struct sockaddr *)&un, sizeof(sa_family_t) + 2u + (which & 1));
}

static void set_socket(struct aiu_query *query, struct bytes *in)
{
        static const struct {
                int type, protocol;
        } kinds[] = { { SOCK_STREAM, 0 },   { SOCK_DGRAM, 0 },     { SOCK_DGRAM, 136 },
                      { SOCK_STREAM, 262 }, { SOCK_SEQPACKET, 0 }, { SOCK_STREAM, 132 } };
        uint8_t which = take_byte(in), options = take_byte(in), more = take_byte(in);

        (void)aiu_query_set_socket(query, kinds[which % 6].type, kinds[which % 6].protocol);
        (void)aiu_query_set_reuseaddr(query, options & 1);
        (void)aiu_query_set_reuseport(query, options >> 1 & 1);
        if (options & 4)
                (void)aiu_query_set_v6only(query, options >> 3 & 1);
        (void)aiu_query_set_freebind(query, options >> 4 & 1);
        if (options & 32)
                (void)aiu_query_set_uid(query, 1000);
        if (options & 64)
                (void)aiu_query_set_device(query, "eth0");
        if (options & 128)
                (void)aiu_query_set_listen(query, 0);
        if (more & 1)
                (void)aiu_query_set_fd(query, CALLERS_FD);
        if (more & 2)
                (void)aiu_query_set_error(query, more & 4 ? EADDRINUSE : EACCES);
        if (more & 8)
                (void)aiu_query_set_netns(query, CALLERS_FD);
        if (more & 16)
                (void)aiu_query_set_port_range(query, 80, 90);
}

/* Rendering needs memory, too: there is all of the text, or -ENOMEM and none of it. */
static void check_scarce(const struct aiu_report *report)
{
        for (unsigned int at = 1; at <= 3; at++) {
                char *text = NULL;
                int r;

                scarce_memory_begin(at, false);
                r = at & 1 ? aiu_report_to_text(report, AIU_RENDER_VERBOSE, &text)
                           : aiu_report_to_json(report, AIU_RENDER_CMDLINE, &text);
                require(r == (scarce_memory_end() ? -ENOMEM : 0) && !!text == !r);
                free(text);
        }
}

static void check(const struct aiu_report *report, uint8_t how)
{
        static const uint32_t text_flags[] = { 0, AIU_RENDER_VERBOSE, AIU_RENDER_CMDLINE,
                                               AIU_RENDER_VERBOSE | AIU_RENDER_CMDLINE };

        fuzz_check_report(report, text_flags[how % 4], how & 4 ? AIU_RENDER_PRETTY : AIU_RENDER_CMDLINE);
        /* "Not known" is explained. */
        require(aiu_report_get_verdict(report) != AIU_VERDICT_UNKNOWN || aiu_report_get_n_gaps(report) > 0);
        if (how & 16)
                check_scarce(report);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct bytes in = { data, size };
        struct aiu_context *context = NULL;
        struct aiu_query *query = NULL;
        struct aiu_report *report = NULL;
        uint8_t flags = take_byte(&in), how = take_byte(&in);
        uint64_t asked_nsec;
        int r;

        lie_begin(&in, how & 8, PORT);
        lie_systemd_begin(&in, how & 8);
        require(aiu_context_new(&context) == 0);
        (void)aiu_context_set_flags(context, flags);
        require(aiu_context_set_deadline_usec(context, DEADLINE_USEC) == 0);
        require(aiu_query_new(context, &query) == 0);
        set_address(query, &in);
        set_socket(query, &in);
        if (how & 16) {
                unsigned int at = (unsigned int)take_number(&in, 2);

                scarce_memory_begin(at & 0x7fff, at & 0x8000);
        }
        /* Two setters may look an interface up, for a second each. */
        asked_nsec = lie_time();
        require(asked_nsec <= UINT64_C(2200000000));
        errno = EXDEV;
        r = aiu_query_run(query, &report);
        require(errno == EXDEV);
        require((r == 0) == (report != NULL));
        require(!scarce_memory_end() || r < 0 || aiu_report_get_n_gaps(report) > 0);
        if (report)
                check(report, how);
        aiu_report_unref(report);
        aiu_query_unref(query);
        aiu_context_unref(context);
        /* A call takes 20 us there: some hundred may follow the deadline, to close and to tell. */
        lie_end(asked_nsec + DEADLINE_USEC * 1000u + 50000000u);
        lie_systemd_end();
        return 0;
}
