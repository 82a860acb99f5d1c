/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The scenes of test-port0: dice, holders, sysctls. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <signal.h>
#include <unistd.h>

#include "port0.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define SLOT_OPEN (LIVE_SLOTS - 1)
#define SLOT_FAR(i) ((uint8_t)(PORT0_MAX_HOLDERS + 1 + (i)))
enum { TCP_STATE_CLOSE = 7, TCP_STATE_FIN_WAIT2 = 5 };

const char *const port0_names[PORT0_MODES] = { "tcp", "udp", "udplite", "mptcp" };

static const char *const places[] = {
        "127.0.0.1", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "::ffff:0.0.0.0", "127.0.0.2", "fd00:99::1",
};
#define N_PLACES (sizeof(places) / sizeof(places[0]))

/* Some kernels before 6.1 end no TIME_WAIT for sock_diag(7): it would be in the scenes of a whole minute. */
static bool keeps_time_wait;

struct live_address port0_address(const struct live *live, unsigned int place, uint16_t port)
{
        (void)live;
        return live_ip(places[place], port, 0);
}

static bool is_v6(unsigned int place)
{
        return strchr(places[place], ':') != NULL;
}

/* ------------------------------------------------ the dice */

static void pick_protocol(enum port0_mode mode, struct live_random *random, int *ret_type, int *ret_protocol)
{
        *ret_type = mode == PORT0_UDP || mode == PORT0_UDPLITE ? SOCK_DGRAM : SOCK_STREAM;
        *ret_protocol = mode == PORT0_UDPLITE ? live_protocol(SOCK_DGRAM, IPPROTO_UDPLITE) : 0;
        if (mode == PORT0_MPTCP && live_chance(random, 2))
                *ret_protocol = live_protocol(SOCK_STREAM, IPPROTO_MPTCP);
}

static enum live_who pick_who(const struct live *live, struct live_random *random)
{
        if (live->uid == 0 && live->root)
                return live_chance(random, 4) ? WHO_SELF : (enum live_who)live_below(random, WHO_COUNT);
        if (!live->root)
                return live_chance(random, 3) ? WHO_SELF : WHO_ROOT;
        if (live_chance(random, 3))
                return WHO_SELF;
        return live_chance(random, 2) ? WHO_USER : (enum live_who)live_below(random, WHO_COUNT);
}

static uid_t pick_uid(const struct live *live, enum live_who who, struct live_random *random)
{
        uid_t own = live_uid_of(live, who);

        return live->root && own == 0 && live_chance(random, 4) ? LIVE_USER : own;
}

static unsigned int pick_device(const struct live *live, const struct port0_scene *s, struct live_random *random)
{
        if (!live->devices || s->poor || !live_chance(random, 10))
                return 0;
        return live_chance(random, 2) ? 1 : live->device_a;
}

static enum port0_state pick_state(const struct port0_scene *s, struct live_random *random)
{
        if (s->mode == PORT0_UDP || s->mode == PORT0_UDPLITE)
                return live_chance(random, 4) ? PORT0_CONNECTED : PORT0_BOUND;
        if (s->mode == PORT0_MPTCP)
                return live_chance(random, 2) ? PORT0_LISTEN : PORT0_BOUND;
        if (live_chance(random, 6) && !keeps_time_wait)
                return PORT0_TIME_WAIT;
        return (enum port0_state)live_below(random, 3);
}

/* Most holders are in the way: a range that always has a port left tests little. */
static unsigned int pick_place(const struct port0_scene *s, struct live_random *random)
{
        if (live_chance(random, 3))
                return live_below(random, N_PLACES);
        if (live_chance(random, 3))
                return is_v6(s->place) ? 3 : 1;
        return s->place;
}

static void pick_holder(const struct live *live, struct port0_scene *s, uint16_t port, struct live_random *random)
{
        struct port0_holder *h = &s->holders[s->n_holders];
        int type;

        if (s->n_holders >= PORT0_MAX_HOLDERS)
                return;
        h->slot = (uint8_t)(s->n_holders++ + 1);
        h->port = port;
        h->state = pick_state(s, random);
        h->who = pick_who(live, random);
        h->uid = pick_uid(live, h->who, random);
        h->place = pick_place(s, random);
        h->options = live_below(random, 8);
        if (!live_chance(random, 3))
                h->options &= ~OPT_REUSEPORT;
        /* What is bound to a device does not reach the loopback addresses. */
        h->ifindex = h->state == PORT0_BOUND || h->state == PORT0_LISTEN ? pick_device(live, s, random) : 0;
        pick_protocol(s->mode, random, &type, &h->protocol);
        if (h->state == PORT0_TIME_WAIT || !live_readable(live, h->who) || h->protocol == IPPROTO_MPTCP)
                s->hidden = true;
}

static void pick_limits(struct port0_scene *s, struct live_random *random)
{
        int a = (int)live_below(random, (unsigned int)s->n_ports + 2) - 1, b = (int)live_below(random, 4);

        s->autobind_reuse = live_chance(random, 3);
        if (live_chance(random, 4))
                snprintf(s->reserved, sizeof(s->reserved), "%d-%d,%d", PORT0_FIRST + a, PORT0_FIRST + a + b,
                         PORT0_FIRST + (int)live_below(random, (unsigned int)s->n_ports));
        if (!live_chance(random, 4))
                return;
        a = (int)live_below(random, (unsigned int)s->n_ports + 2) - 1;
        s->low = (uint16_t)(live_chance(random, 5) ? 0 : PORT0_FIRST + a);
        s->high = (uint16_t)(live_chance(random, 5) ? 0 : PORT0_FIRST + a + b);
}

static void pick_asker(const struct live *live, struct port0_scene *s, struct live_random *random)
{
        pick_protocol(s->mode, random, &s->type, &s->protocol);
        s->place = live_below(random, N_PLACES);
        s->options = live_below(random, 16);
        s->poor = live_chance(random, 12);
        s->hidden = s->poor;
        s->ifindex = pick_device(live, s, random);
        s->uid = live->root && live->uid == 0 ? pick_uid(live, WHO_SELF, random) : live->uid;
        s->how = live_chance(random, 2) ? PORT0_BY_QUERY : (enum port0_how)live_below(random, PORT0_HOWS);
        if (s->poor)
                s->how = PORT0_BY_QUERY;
        if (s->type == SOCK_DGRAM && s->how >= PORT0_UNBOUND_LISTEN)
                s->how = PORT0_BY_FD;
        s->listen = s->type == SOCK_STREAM &&
                    (s->how == PORT0_BY_FD || s->how == PORT0_NO_PORT_BIND || !live_chance(random, 3));
        /* Its bind() has to succeed, and an address may not be one of the device's. */
        if (s->how == PORT0_NO_PORT_LISTEN)
                s->ifindex = 0;
        if (s->how == PORT0_UNBOUND_LISTEN)
                s->place = live_chance(random, 2) ? 1 : 3;
        /* Mapped and v6-only is EINVAL: nothing of this test's business. */
        if (strstr(places[s->place], "ffff"))
                s->options &= ~OPT_V6ONLY;
}

void port0_generate(const struct live *live, enum port0_mode mode, uint64_t seed, struct port0_scene *ret)
{
        struct live_random random = { seed };
        struct port0_scene s = { .mode = mode };
        unsigned int gap;

        s.n_ports = 1 + (int)live_below(&random, PORT0_MAX_PORTS);
        pick_asker(live, &s, &random);
        pick_limits(&s, &random);
        gap = live_chance(&random, 2) ? 0 : (unsigned int)s.n_ports;
        for (int i = 0; i < s.n_ports; i++) {
                if (gap && live_chance(&random, gap))
                        continue;
                pick_holder(live, &s, (uint16_t)(PORT0_FIRST + i), &random);
                if (live_chance(&random, 5))
                        pick_holder(live, &s, (uint16_t)(PORT0_FIRST + i), &random);
        }
        *ret = s;
}

/* ------------------------------------------------ the holders */

struct script {
        struct live_op ops[LIVE_MAX_OPS];
        size_t n;
};

static struct live_op *add(struct script *s, enum live_code code, enum live_who who, uint8_t slot, int a)
{
        struct live_op *op = &s->ops[s->n < LIVE_MAX_OPS - 1 ? s->n++ : s->n];

        *op = (struct live_op){ .code = (uint8_t)code, .who = (uint8_t)who, .slot = slot, .a = a };
        return op;
}

static void flush(struct live *live, struct script *s)
{
        struct live_result results[LIVE_MAX_OPS];

        live_run(live, s->ops, s->n, results);
        s->n = 0;
}

/* Somebody at LIVE_PORT_OPEN, in the holder's family. */
static struct live_address far_end(const struct port0_holder *h)
{
        const char *ip = places[h->place];

        if (!is_v6(h->place))
                return live_ip("127.0.0.1", LIVE_PORT_OPEN, 0);
        return live_ip(strstr(ip, "ffff")         ? "::ffff:127.0.0.1"
                       : strcmp(ip, "fd00:99::1") ? "::1"
                                                  : ip,
                       LIVE_PORT_OPEN, 0);
}

static void add_socket(struct script *s, const struct live *live, const struct port0_holder *h, int type)
{
        struct live_op *op = add(s, OP_SOCKET, h->who, h->slot, is_v6(h->place) ? AF_INET6 : AF_INET);

        op->b = type;
        op->c = h->protocol;
        op->uid = h->uid;
        if (h->options & OPT_REUSEADDR)
                add(s, OP_REUSEADDR, h->who, h->slot, 1);
        if (h->options & OPT_REUSEPORT)
                add(s, OP_REUSEPORT, h->who, h->slot, 1);
        if (is_v6(h->place))
                add(s, OP_V6ONLY, h->who, h->slot, !strstr(places[h->place], "ffff") && (h->options & OPT_V6ONLY));
        if (h->ifindex)
                add(s, OP_DEVICE, h->who, h->slot, (int)h->ifindex);
        add(s, OP_BIND, h->who, h->slot, 0)->address = port0_address(live, h->place, h->port);
}

static void add_connection(struct script *s, const struct port0_holder *h, int type)
{
        add(s, OP_CONNECT, h->who, h->slot, 0)->address = far_end(h);
        if (type == SOCK_STREAM)
                add(s, OP_ACCEPT, WHO_ROOT, SLOT_OPEN, 0)->other = SLOT_FAR(h->slot);
}

/* The holder closes first, so that the TIME_WAIT is on its port. */
static void add_time_wait(struct script *s, const struct port0_holder *h)
{
        add_connection(s, h, SOCK_STREAM);
        add(s, OP_SHUTDOWN, h->who, h->slot, SHUT_WR);
        add(s, OP_READ_EOF, WHO_ROOT, SLOT_FAR(h->slot), 0);
        add(s, OP_WAIT_STATE, h->who, h->slot, TCP_STATE_FIN_WAIT2);
        add(s, OP_CLOSE, WHO_ROOT, SLOT_FAR(h->slot), 0);
        add(s, OP_WAIT_STATE, h->who, h->slot, TCP_STATE_CLOSE);
        add(s, OP_CLOSE, h->who, h->slot, 0);
}

/* A holder that cannot be made is one less: the kernel says what is right. */
void port0_build(struct live *live, const struct port0_scene *scene)
{
        static struct script s;

        for (unsigned int i = 0; i < scene->n_holders; i++) {
                const struct port0_holder *h = &scene->holders[i];

                add_socket(&s, live, h, scene->type);
                if (h->state == PORT0_LISTEN)
                        add(&s, OP_LISTEN, h->who, h->slot, 4);
                if (h->state == PORT0_CONNECTED)
                        add_connection(&s, h, scene->type);
                if (h->state == PORT0_TIME_WAIT)
                        add_time_wait(&s, h);
                if (s.n > LIVE_MAX_OPS - 24)
                        flush(live, &s);
        }
        flush(live, &s);
}

static bool is_used(const struct port0_scene *scene, enum live_who who)
{
        for (unsigned int i = 0; i < scene->n_holders; i++)
                if (scene->holders[i].who == who)
                        return true;
        return false;
}

static bool has_connections(const struct port0_scene *scene)
{
        for (unsigned int i = 0; i < scene->n_holders; i++)
                if (scene->holders[i].state == PORT0_CONNECTED || scene->holders[i].state == PORT0_TIME_WAIT)
                        return true;
        return false;
}

/* A holder without a socket has nothing to clear: each that is asked costs two changes of processes. */
void port0_clear(struct live *live, const struct port0_scene *scene)
{
        static struct script s;
        bool connections = has_connections(scene);

        for (int who = WHO_SELF; who >= 0; who--)
                if (is_used(scene, (enum live_who)who) || (who == WHO_ROOT && connections))
                        add(&s, OP_CLEAR, (enum live_who)who, 0, 0);
        if (connections) {
                add(&s, OP_DRAIN, WHO_ROOT, SLOT_OPEN, 0);
                add(&s, OP_DESTROY, WHO_ROOT, 0, 0);
        }
        flush(live, &s);
}

/* One of its own, beside the range. */
static bool ends_time_wait(struct live *live)
{
        static const struct port0_holder h = { PORT0_TIME_WAIT, WHO_ROOT, 1, PORT0_FIRST - 1, 0, 0, 0, 0, 0 };
        struct live_op destroy = { .code = OP_DESTROY, .who = WHO_ROOT };
        static struct script s;

        add_socket(&s, live, &h, SOCK_STREAM);
        add_time_wait(&s, &h);
        flush(live, &s);
        return live_run_one(live, destroy, NULL) != EOPNOTSUPP;
}

void port0_start_counterpart(struct live *live)
{
        static struct script s;

        add(&s, OP_SOCKET, WHO_ROOT, SLOT_OPEN, AF_INET6)->b = SOCK_STREAM;
        add(&s, OP_BIND, WHO_ROOT, SLOT_OPEN, 0)->address = live_ip("::", LIVE_PORT_OPEN, 0);
        add(&s, OP_LISTEN, WHO_ROOT, SLOT_OPEN, 64);
        flush(live, &s);
        keeps_time_wait = !ends_time_wait(live);
}

/* ------------------------------------------------ the sysctls */

struct setting {
        char path[64], value[80];
};

static int warden = -1;

static _Noreturn void serve_settings(int from)
{
        struct setting setting;

        while (recv(from, &setting, sizeof(setting), 0) == sizeof(setting)) {
                int r = live_write_sysctl(setting.path, setting.value);

                if (send(from, &r, sizeof(r), MSG_NOSIGNAL) < 0)
                        break;
        }
        _exit(0);
}

void port0_start_warden(void)
{
        int pair[2];
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                live_die("socketpair", errno);
        fflush(stdout);
        pid = fork();
        if (pid < 0)
                live_die("fork", errno);
        if (pid == 0) {
                close(pair[0]);
                serve_settings(pair[1]);
        }
        close(pair[1]);
        warden = pair[0];
}

/* Is it as it was set last? Nobody else writes in this namespace. */
static bool is_set(const struct setting *setting)
{
        static struct setting known[8];
        size_t i = 0;

        while (known[i].path[0] && strcmp(known[i].path, setting->path) != 0)
                if (++i == sizeof(known) / sizeof(known[0]))
                        return false;
        if (known[i].path[0] && strcmp(known[i].value, setting->value) == 0)
                return true;
        known[i] = *setting;
        return false;
}

void port0_sysctl(const char *path, const char *value)
{
        struct setting setting = { 0 };
        int r = -EPIPE;

        snprintf(setting.path, sizeof(setting.path), "net/ipv4/%s", path);
        snprintf(setting.value, sizeof(setting.value), "%s", value);
        if (is_set(&setting))
                return;
        if (send(warden, &setting, sizeof(setting), MSG_NOSIGNAL) < 0 || recv(warden, &r, sizeof(r), 0) != sizeof(r) ||
            r < 0)
                live_die(path, -r);
}

void port0_limits(const struct port0_scene *scene)
{
        char range[32];

        snprintf(range, sizeof(range), "%d %d", PORT0_FIRST, PORT0_FIRST + scene->n_ports - 1);
        port0_sysctl("ip_local_port_range", range);
        port0_sysctl("ip_local_reserved_ports", scene->reserved[0] ? scene->reserved : "\n");
        port0_sysctl("ip_autobind_reuse", scene->autobind_reuse ? "1" : "0");
}

void port0_print(const struct live *live, const struct port0_scene *s)
{
        static const char *const states[] = { "bound", "listen", "connected", "time-wait" };
        static const char *const hows[] = { "query", "fd", "fd that takes no port", "unbound listen()",
                                            "listen() after no-port bind()" };

        printf("  range %d-%d reserved '%s' autobind_reuse %d\n", PORT0_FIRST, PORT0_FIRST + s->n_ports - 1,
               s->reserved, s->autobind_reuse);
        for (unsigned int i = 0; i < s->n_holders; i++) {
                const struct port0_holder *h = &s->holders[i];

                printf("  port %u %s %s options %u device %u uid %u who %d protocol %d\n", h->port, places[h->place],
                       states[h->state], h->options, h->ifindex, h->uid, (int)h->who, h->protocol);
        }
        printf("  asked by %s: %s type %d protocol %d options %u device %u uid %u (asker %u) listen %d range %u-%u\n",
               hows[s->how], places[s->place], s->type, s->protocol, s->options, s->ifindex, s->uid, live->uid,
               s->listen, s->low, s->high);
        if (s->poor)
                printf("  asked without netlink\n");
}
