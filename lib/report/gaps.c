/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The gaps of a report: what the backends could not see, and the bits that keep a verdict from being known, each with
 * the holder that has it and what it takes to learn it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/build.h"
#include "util/caller.h"
#include "rules/conflict.h"
#include "rules/kernel-versions.h"
#include "render/phrases.h"

static const char *const option_names[] = { "SO_REUSEADDR", "SO_REUSEPORT", "IPV6_V6ONLY" };

static void add_options(struct strbuf *text, uint32_t bits)
{
        bool first = true;

        for (size_t i = 0; i < sizeof(option_names) / sizeof(option_names[0]); i++) {
                if (!(bits & (UINT32_C(1) << i)))
                        continue;
                strbuf_printf(text, "%s%s", first ? "" : " and ", option_names[i]);
                first = false;
        }
}

static void add_gap(struct observation *o, enum aiu_gap_kind kind, struct strbuf *text)
{
        if (text->error)
                o->snapshot.gap_lost = true;
        else
                (void)aiu_snapshot_add_gap(&o->snapshot, kind, 0, text->text);
        strbuf_finish(text);
}

/* No privilege is needed where more time would do. Managers are asked after the options. */
static bool deadline_passed(const struct observation *o)
{
        for (size_t i = 0; i < o->n_socket_gaps; i++)
                if (o->snapshot.gaps[i].kind == AIU_GAP_DEADLINE)
                        return true;
        return false;
}

/* What it takes to read an option of the socket. */
static enum aiu_gap_kind add_remedy(struct strbuf *text, const struct aiu_report *report, const struct observation *o,
                                    const struct aiu_conflict *c)
{
        if (c->socket.inode == 0) {
                strbuf_str(text, "the kernel does not show this");
                return AIU_GAP_UNKNOWN;
        }
        if (report->late) {
                strbuf_str(text, "the deadline passed, allow more time");
                return AIU_GAP_DEADLINE;
        }
        if (o->backend_request.plain_calls_only) {
                strbuf_str(text, "under a seccomp filter, pidfd_getfd(2) is not used");
                return AIU_GAP_BACKEND;
        }
        if (!phrase_is_hidden(c)) {
                strbuf_str(text, "its holder closed the socket, or the kernel did not lend it [pidfd_getfd(2)]");
                return AIU_GAP_UNKNOWN;
        }
        if (caller_sees_all(o->backend_request.procfs)) {
                strbuf_str(text, "the socket was closed, or no process has a descriptor of it");
                return AIU_GAP_RACE;
        }
        strbuf_printf(text, "run as %s", caller_who_sees_all(o->backend_request.procfs));
        return AIU_GAP_PERMISSION;
}

static void add_owner(struct strbuf *text, const struct aiu_report *report, const struct aiu_conflict *c)
{
        strbuf_str(text, phrase_is_hidden(c) ? " of the holder" : " of ");
        if (!phrase_is_hidden(c))
                phrase_who(text, report, c);
}

static bool is_one(uint32_t bits)
{
        return (bits & (bits - 1)) == 0;
}

/* One gap for each holder whose options decide. Equal gaps are recorded once. */
static void add_open_bits(struct observation *o, const struct aiu_report *report)
{
        for (size_t i = 0; i < report->n_conflicts && i < 8; i++) {
                const struct aiu_conflict *c = &report->conflicts[i];
                struct strbuf text = { 0 };

                if (c->judgement.blocking != UNKNOWN || c->judgement.decides == 0 || c->judgement.kernel != 0)
                        continue;
                add_options(&text, c->judgement.decides);
                add_owner(&text, report, c);
                strbuf_printf(&text,
                              " %s and could not be read: ", is_one(c->judgement.decides) ? "decides" : "decide");
                add_gap(o, add_remedy(&text, report, o, c), &text);
        }
}

static const struct {
        uint32_t doubt;
        enum aiu_gap_kind kind;
        const char *text;
} doubts[] = {
        { DOUBT_HISTORY, AIU_GAP_UNKNOWN,
          "if this socket sets SO_REUSEPORT, a socket that used the port earlier may let it in: the kernel does not show "
          "that history [tb->fastreuseport]" },
        { DOUBT_ORDER, AIU_GAP_UNKNOWN,
          "some sockets on the port would share it through SO_REUSEPORT and some would not: the first one in the "
          "kernel's hash chain decides, and the kernel does not show the order" },
        { DOUBT_PROGRAM, AIU_GAP_UNKNOWN,
          "the port is shared through SO_REUSEPORT: if a BPF program was attached to the socket, which the kernel does "
          "not show, the call fails with EADDRINUSE [SO_ATTACH_REUSEPORT_CBPF or _EBPF]" },
        { DOUBT_OWN, AIU_GAP_UNKNOWN,
          "a socket on the port may be the one that listen() was called on [aiu_query_set_socket_id() tells]" },
        { DOUBT_ACCEPTED, AIU_GAP_UNKNOWN,
          "whether a socket on the port holds it is not shown: a listener may have accepted it, or this kernel may "
          "tell CIDs apart [Linux 5.5]" },
        { DOUBT_DEVICE, AIU_GAP_BACKEND,
          "the devices or VRFs of the sockets decide whether they conflict, and could not be read" },
        { DOUBT_ADDRESS, AIU_GAP_BACKEND, "whether the address belongs to this host could not be determined" },
        { DOUBT_PRIVILEGE, AIU_GAP_PERMISSION,
          "this port takes a privilege that the program may lack [CAP_NET_BIND_SERVICE]" },
        { DOUBT_SOCKETS, AIU_GAP_BACKEND, "not every socket on the port could be seen: one of them may be in the way" },
        { DOUBT_PROTOCOL, AIU_GAP_UNKNOWN, "the bind rules of this protocol are not modelled" },
        { DOUBT_RANGE, AIU_GAP_UNKNOWN,
          "port 0: the free ports of the range could not be counted, because ip_local_port_range, "
          "ip_local_reserved_ports or ip_autobind_reuse under /proc/sys/net/ipv4 could not be read" },
        { DOUBT_SEARCH, AIU_GAP_UNKNOWN,
          "port 0: the free port is the first or the last of a range with an odd number of ports, and each bind() "
          "tries only one of these two, chosen at random" },
        { DOUBT_NAME, AIU_GAP_BACKEND, "whether a socket can be created at the path could not be determined" },
        { DOUBT_STATE, AIU_GAP_UNKNOWN,
          "the socket was used before: the kernel does not show whether it kept its port and may be used again" },
};

/* One gap for each way in which this kernel may differ. */
static void add_kernel(struct observation *o, uint32_t behaviours)
{
        const struct host *host = &o->snapshot.host;

        for (uint32_t one = 1; one & KERNEL_ALL; one <<= 1) {
                struct strbuf text = { 0 };

                if (!(behaviours & one))
                        continue;
                strbuf_printf(&text, "this is Linux %d.%d.%d: %s", host->kernel_major, host->kernel_minor,
                              host->kernel_patch, kernel_text(one));
                if (one == AIU_KERNEL_BOUND_SHOWN)
                        strbuf_str(&text,
                                   ": root finds such sockets by their descriptors, but cannot tell whether they lost "
                                   "the port again");
                else if (one & (AIU_KERNEL_ORPHAN_OWNER | AIU_KERNEL_VRF))
                        strbuf_str(&text, ". Distributions backport fixes");
                else
                        strbuf_str(&text, ". Distributions backport fixes: a self-test would tell [aiu_self_test()]");
                add_gap(o, AIU_GAP_KERNEL_TOO_OLD, &text);
        }
}

static void add_doubts(struct observation *o, const struct verdict *v)
{
        if (v->doubts & DOUBT_KERNEL)
                add_kernel(o, v->kernel);
        for (size_t i = 0; i < sizeof(doubts) / sizeof(doubts[0]); i++)
                if (v->doubts & doubts[i].doubt)
                        (void)aiu_snapshot_add_gap(&o->snapshot, doubts[i].kind, 0, doubts[i].text);
}

/* A what-if that stays unknown names its bit too. */
static uint32_t what_if_doubts(const struct aiu_report *report)
{
        bool open = report->verdict.verdict == AIU_VERDICT_UNKNOWN || report->request.error != 0 ||
                    report->range.first != 0;

        return open ? 0 : report->what_if_doubts & (DOUBT_HISTORY | DOUBT_ORDER);
}

/* EADDRINUSE, and the sockets in sight would share the port: a program that is attached explains it. */
static uint32_t group_doubt(const struct aiu_report *report)
{
        const struct request *q = &report->request;
        bool unseen = report->n_conflicts == 1 && report->conflicts[0].index == NO_SOCKET;

        if (q->error != EADDRINUSE || !q->maybe_program || !unseen)
                return 0;
        for (size_t i = 0; i < report->n_neighbours; i++)
                if (conflict_needs_group(q, &report->neighbours[i].socket, &report->neighbours[i].judgement))
                        return DOUBT_PROGRAM;
        return 0;
}

/* A user in the kernel, or a process that has the socket without a descriptor. */
static bool is_told(const struct aiu_conflict *c)
{
        for (size_t i = 0; i < c->n_holders; i++)
                if (c->holders[i].kind == AIU_HOLDER_KERNEL || (c->holders[i].process && c->holders[i].n_fds == 0))
                        return true;
        return false;
}

static void add_references(struct observation *o, const struct aiu_report *report)
{
        for (size_t i = 0; i < report->n_conflicts && i < 8; i++) {
                const struct aiu_conflict *c = &report->conflicts[i];
                uint32_t total = c->socket.n_references, found = c->socket.n_found;
                struct strbuf text = { 0 };

                if (found >= total || is_told(c))
                        continue;
                strbuf_printf(&text,
                              "%u of %u references to the socket [inode %llu] are in no descriptor table: a message in "
                              "flight, an io_uring or the kernel has the socket [SCM_RIGHTS, registered files]",
                              total - found, total, (unsigned long long)c->socket.inode);
                add_gap(o, AIU_GAP_UNKNOWN, &text);
        }
}

/* current_check_access_socket() and hook_path_mknod(): a Landlock domain is shown by no interface. */
static void add_sandbox(struct observation *o, const struct aiu_report *report)
{
        const struct request *q = &report->request;

        if (report->verdict.verdict != AIU_VERDICT_AVAILABLE || q->foreign_uid || !o->snapshot.host.sandboxed)
                return;
        (void)aiu_snapshot_add_gap(&o->snapshot, AIU_GAP_UNKNOWN, 0,
                                   "the program may run in a sandbox: if it is under Landlock, which the kernel does "
                                   "not show, the call may fail with EACCES");
}

int build_gaps(struct aiu_report *report, struct observation *o)
{
        struct verdict more = { .doubts = report->verdict.doubts | what_if_doubts(report) | group_doubt(report),
                                .kernel = report->verdict.kernel };

        report->late = deadline_passed(o);
        add_open_bits(o, report);
        add_references(o, report);
        add_sandbox(o, report);
        add_doubts(o, &more);
        if (o->snapshot.gap_lost)
                return -ENOMEM;
        if (o->snapshot.n_gaps == 0)
                return 0;
        report->gaps = calloc(o->snapshot.n_gaps, sizeof(*report->gaps));
        if (!report->gaps)
                return -ENOMEM;
        for (size_t i = 0; i < o->snapshot.n_gaps; i++)
                report->gaps[i].gap = o->snapshot.gaps[i];
        report->n_gaps = o->snapshot.n_gaps;
        o->snapshot.n_gaps = 0; /* their strings are the report's now */
        return 0;
}
