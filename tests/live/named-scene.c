/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The scenes of test-named. Each is built anew on another port for each
 * combination of options that is tried, for a bind() that succeeds changes what
 * the next one gives.
 */
#include <errno.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "named.h"
#include "scenario.h"

enum { SLOT_MAIN = 1, SLOT_CLIENT = 2, SLOT_CHILD = 3 };
#define LONG_LINGER 100     /* seconds; above TCP_TIMEWAIT_LEN an orphan stays a full socket */
#define SHORT_FIN_TIMEOUT 3 /* seconds that a minisock in FIN_WAIT2 has */

static struct live_result run(struct ground *g, struct live_op op, const char *what)
{
        struct live_result result;

        if (live_run_one(g->live, op, &result) && !g->unbuilt) {
                g->unbuilt = what;
                printf("# %s: %s: %s\n", g->cause->name, what, strerror(result.error));
        }
        return result;
}

static struct live_result value(struct ground *g, enum live_code code, uint8_t slot, int a, const char *what)
{
        return run(g,
                   (struct live_op){ .code = (uint8_t)code,
                                     .who = (uint8_t)g->who,
                                     .slot = slot,
                                     .a = a,
                                     .uid = live_uid_of(g->live, g->who) },
                   what);
}

static struct live_address address_at(const struct ground *g, const char *text)
{
        if (text[0] == '/' || text[0] == '@')
                return live_path(text);
        return live_ip(text, g->port, 0);
}

struct candidate scene_candidate(const struct ground *g, unsigned int more)
{
        const struct cause *cause = g->cause;
        struct candidate c = { .address = address_at(g, cause->address),
                               .type = cause->type,
                               .options = cause->options | more,
                               .uid = g->live->uid,
                               .listen = cause->type == SOCK_STREAM };

        if (cause->device)
                c.ifindex = cause->device == 'l' ? if_nametoindex("lo") : g->live->device_a;
        return c;
}

static void forget(struct ground *g)
{
        for (unsigned int who = 0; who <= WHO_SELF; who++)
                (void)live_run_one(g->live, (struct live_op){ .code = OP_CLEAR, .who = (uint8_t)who }, NULL);
        if (g->own >= 0)
                close(g->own);
        g->own = -1;
        g->inode = 0;
        g->n_holders = 0;
        g->unbuilt = NULL;
}

void scene_fresh(struct ground *g)
{
        struct live_op op = { .code = OP_UNLINK, .who = WHO_ROOT };

        forget(g);
        g->port++;
        if (g->cause->address[0] == '/') {
                op.address = live_path(g->cause->address);
                (void)live_run_one(g->live, op, NULL);
        }
        g->cause->build(g);
}

/* ------------------------------------------------ parts */

static void held_by(struct ground *g, pid_t pid)
{
        if (g->n_holders < CAUSE_MAX_HOLDERS)
                g->holders[g->n_holders++] = pid;
}

static void start(struct ground *g, enum live_who who)
{
        g->who = who;
        held_by(g, who == WHO_SELF ? getpid() : g->live->holders[who].pid);
}

static void open_at(struct ground *g, uint8_t slot, struct live_address address)
{
        struct live_op op = { .code = OP_SOCKET,
                              .who = (uint8_t)g->who,
                              .slot = slot,
                              .a = address.sa.any.sa_family,
                              .b = g->cause->type,
                              .uid = live_uid_of(g->live, g->who) };

        g->inode = run(g, op, "socket").inode;
        if (op.a == AF_INET6)
                value(g, OP_V6ONLY, slot, 0, "IPV6_V6ONLY");
}

static void bind_at(struct ground *g, uint8_t slot, struct live_address address)
{
        run(g, (struct live_op){ .code = OP_BIND, .who = (uint8_t)g->who, .slot = slot, .address = address }, "bind");
}

static void bound(struct ground *g, enum live_who who, const char *text, bool reuseaddr)
{
        struct live_address address = address_at(g, text);

        start(g, who);
        open_at(g, SLOT_MAIN, address);
        if (reuseaddr)
                value(g, OP_REUSEADDR, SLOT_MAIN, 1, "SO_REUSEADDR");
        bind_at(g, SLOT_MAIN, address);
}

static void listener(struct ground *g, enum live_who who, const char *text, bool reuseaddr)
{
        bound(g, who, text, reuseaddr);
        value(g, OP_LISTEN, SLOT_MAIN, 8, "listen");
}

/* A connection from 127.0.0.1 to the listener, accepted. */
static void accepted(struct ground *g, bool reuseaddr)
{
        struct live_address to = live_ip("127.0.0.1", g->port, 0);
        struct live_op op = { .who = WHO_USER, .uid = live_uid_of(g->live, WHO_USER) };

        listener(g, WHO_USER, "127.0.0.1", reuseaddr);
        open_at(g, SLOT_CLIENT, to);
        op.code = OP_CONNECT;
        op.slot = SLOT_CLIENT;
        op.address = to;
        run(g, op, "connect");
        op.code = OP_ACCEPT;
        op.slot = SLOT_MAIN;
        op.other = SLOT_CHILD;
        g->inode = run(g, op, "accept").inode;
}

static void end_child_first(struct ground *g)
{
        value(g, OP_SHUTDOWN, SLOT_CHILD, SHUT_WR, "shutdown");
        value(g, OP_READ_EOF, SLOT_CLIENT, 0, "the end of the stream");
        value(g, OP_WAIT_STATE, SLOT_CHILD, TCP_FIN_WAIT2, "FIN_WAIT2");
}

/* No process has it now. */
static void no_process_holds(struct ground *g)
{
        value(g, OP_CLOSE, SLOT_MAIN, 0, "close");
        g->n_holders = 0;
        g->inode = 0;
}

/* ------------------------------------------------ scenes */

void hold_nothing(struct ground *g)
{
        g->who = WHO_SELF;
}

void hold_listener(struct ground *g)
{
        listener(g, WHO_USER, "127.0.0.1", true);
}

void hold_root_listener(struct ground *g)
{
        listener(g, WHO_ROOT, "127.0.0.1", true);
}

void hold_plain_listener(struct ground *g)
{
        listener(g, WHO_USER, "127.0.0.1", false);
}

void hold_listener_any(struct ground *g)
{
        listener(g, WHO_USER, "0.0.0.0", false);
}

void hold_mapped_listener(struct ground *g)
{
        listener(g, WHO_USER, "::ffff:127.0.0.1", false);
}

void hold_dual_listener(struct ground *g)
{
        listener(g, WHO_USER, "::", false);
}

/* SO_REUSEPORT on both sides, but two users. */
void hold_other_listener(struct ground *g)
{
        struct live_address address = address_at(g, "127.0.0.1");

        start(g, WHO_OTHER);
        open_at(g, SLOT_MAIN, address);
        value(g, OP_REUSEPORT, SLOT_MAIN, 1, "SO_REUSEPORT");
        bind_at(g, SLOT_MAIN, address);
        value(g, OP_LISTEN, SLOT_MAIN, 8, "listen");
}

void hold_device_listener(struct ground *g)
{
        struct live_address address = address_at(g, "0.0.0.0");

        start(g, WHO_ROOT);
        open_at(g, SLOT_MAIN, address);
        value(g, OP_DEVICE, SLOT_MAIN, (int)g->live->device_a, "SO_BINDTODEVICE");
        bind_at(g, SLOT_MAIN, address);
        value(g, OP_LISTEN, SLOT_MAIN, 8, "listen");
}

void hold_bound(struct ground *g)
{
        bound(g, WHO_USER, "127.0.0.1", false);
}

void hold_bound_shared(struct ground *g)
{
        bound(g, WHO_USER, "127.0.0.1", true);
}

void hold_inherited(struct ground *g)
{
        listener(g, WHO_USER, "127.0.0.1", false);
        held_by(g, value(g, OP_FORK, 0, 0, "fork").value);
}

void hold_deaf(struct ground *g)
{
        listener(g, WHO_USER, "127.0.0.1", false);
        value(g, OP_IGNORE_TERM, 0, 0, "SIG_IGN");
}

static void time_wait(struct ground *g, bool reuseaddr)
{
        accepted(g, reuseaddr);
        end_child_first(g);
        value(g, OP_CLOSE, SLOT_CLIENT, 0, "close");
        value(g, OP_WAIT_STATE, SLOT_CHILD, TCP_CLOSE, "TIME_WAIT");
        value(g, OP_CLOSE, SLOT_CHILD, 0, "close");
        no_process_holds(g);
}

void hold_time_wait(struct ground *g)
{
        time_wait(g, false);
}

void hold_time_wait_shared(struct ground *g)
{
        time_wait(g, true);
}

void hold_close_wait(struct ground *g)
{
        accepted(g, false);
        value(g, OP_SHUTDOWN, SLOT_CLIENT, SHUT_WR, "shutdown");
        value(g, OP_READ_EOF, SLOT_CHILD, 0, "the end of the stream");
        value(g, OP_CLOSE, SLOT_MAIN, 0, "close");
}

void hold_orphan(struct ground *g)
{
        accepted(g, false);
        value(g, OP_LINGER2, SLOT_CHILD, LONG_LINGER, "TCP_LINGER2");
        end_child_first(g);
        value(g, OP_CLOSE, SLOT_CHILD, 0, "close");
        no_process_holds(g);
}

void hold_minisock(struct ground *g)
{
        struct live_op op = { .code = OP_SYSCTL, .who = WHO_ROOT, .a = SHORT_FIN_TIMEOUT };

        snprintf(op.address.sa.text, sizeof(op.address.sa.text), "net/ipv4/tcp_fin_timeout");
        run(g, op, "tcp_fin_timeout");
        accepted(g, false);
        end_child_first(g);
        value(g, OP_CLOSE, SLOT_CHILD, 0, "close");
        no_process_holds(g);
}

static void set_range(struct ground *g, int first, int last)
{
        run(g, (struct live_op){ .code = OP_RANGE, .who = WHO_ROOT, .a = first, .b = last }, "ip_local_port_range");
}

/* An outgoing connection that got the port because it was the only one left. */
void hold_client(struct ground *g)
{
        struct live_address to = live_ip("127.0.0.1", LIVE_PORT_OPEN, 0);

        start(g, WHO_USER);
        open_at(g, SLOT_MAIN, to);
        set_range(g, g->port, g->port);
        run(g, (struct live_op){ .code = OP_CONNECT, .who = (uint8_t)g->who, .slot = SLOT_MAIN, .address = to },
            "connect");
        set_range(g, LIVE_RANGE_FIRST, LIVE_RANGE_LAST);
}

void hold_own(struct ground *g)
{
        listener(g, WHO_SELF, "127.0.0.1", false);
}

/* Both are bound, then the other one listens: bind() was fine, listen() is not. */
void hold_second_listen(struct ground *g)
{
        struct candidate c = scene_candidate(g, 0);

        bound(g, WHO_USER, "127.0.0.1", true);
        g->own = ask_socket(&c);
        if (g->own < 0 || bind(g->own, &c.address.sa.any, c.address.len) < 0)
                g->unbuilt = "our own bind()";
        value(g, OP_LISTEN, SLOT_MAIN, 8, "listen");
}

void hold_unix_listener(struct ground *g)
{
        listener(g, WHO_USER, g->cause->address, false);
}

void hold_unix_stale(struct ground *g)
{
        bound(g, WHO_USER, g->cause->address, false);
        no_process_holds(g);
}

void hold_unix_file(struct ground *g)
{
        g->who = WHO_USER;
        run(g, (struct live_op){ .code = OP_FILE, .who = WHO_USER, .address = live_path(g->cause->address) },
            "a regular file");
}

/* Only a stop that has happened counts. */
void stop_holder(struct ground *g)
{
        pid_t pid = g->live->holders[g->who].pid;
        int status;

        run(g, (struct live_op){ .code = OP_KILL, .who = WHO_ROOT, .a = pid, .b = SIGSTOP }, "SIGSTOP");
        if (!g->unbuilt && (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status)))
                g->unbuilt = "a stopped holder";
}
