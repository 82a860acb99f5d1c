/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Everything but a plain bind(): descriptors that are bound, listening or
 * connected already, addresses of another family or too short, scopes that do
 * not exist, ports below the limit, sysctls that move it; and listen() on each
 * of them. Which of EINVAL, EAFNOSUPPORT, EACCES, EADDRNOTAVAIL and EADDRINUSE
 * wins is the kernel's secret (__inet_bind(), __inet6_bind()), and the question.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <addrinuse.h>

#include "differential.h"

#define QUESTIONS 12
#define SLOT_LISTENER 1

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

enum shape {
        FD_FRESH,
        FD_BOUND,
        FD_LISTENING,
        FD_AUTOBOUND, /* listen() without bind() */
        FD_CONNECTED,
        FD_SHUT,
        FD_SHAPES
};
static const char *const shape_names[] = { "fresh", "bound", "listening", "autobound", "connected", "shut down" };

enum twist {
        TWIST_NONE,
        TWIST_SHORT,  /* addrlen is too short */
        TWIST_LONG,   /* or longer than the family's */
        TWIST_UNSPEC, /* AF_UNSPEC */
        TWIST_SCOPE,  /* sin6_scope_id of no interface */
        TWIST_LO_SCOPE,
        TWIST_PORT_0,
        TWISTS
};
static const char *const twist_names[] = {
        "", "short addrlen, ", "long addrlen, ", "AF_UNSPEC, ", "bad scope, ", "scope of lo, ", "port 0, "
};

struct odd {
        int family, type, protocol;
        enum shape shape;
        enum twist twist;
        bool asks_listen;
        struct candidate c;
};

/* ------------------------------------------------ the scene */

static void set_sysctl(struct stage *stage, const char *path, int value)
{
        struct live_op op = { .code = OP_SYSCTL, .who = WHO_ROOT, .a = value };

        snprintf(op.address.sa.text, sizeof(op.address.sa.text), "%s", path);
        (void)live_run_one(stage->live, op, NULL);
}

static void set_sysctls(struct stage *stage, bool defaults)
{
        static const int starts[] = { 1024, 0, 80, 1024, 5000 };
        struct live_random *random = &stage->random;

        set_sysctl(stage, "net/ipv4/ip_unprivileged_port_start", defaults ? 1024 : starts[live_below(random, 5)]);
        set_sysctl(stage, "net/ipv4/ip_nonlocal_bind", !defaults && live_chance(random, 5));
        set_sysctl(stage, "net/ipv6/ip_nonlocal_bind", !defaults && live_chance(random, 5));
        set_sysctl(stage, "net/ipv6/bindv6only", !defaults && live_chance(random, 5));
}

static void add(struct stage *stage, enum live_code code, int a)
{
        struct live_op *op = &stage->ops[stage->n_ops++];

        *op = (struct live_op){
                .code = (uint8_t)code, .who = WHO_ROOT, .slot = SLOT_LISTENER, .a = a, .b = SOCK_STREAM
        };
}

/* Somebody listens on the port, in half of the scenes. */
static void build(struct stage *stage)
{
        bool v6 = live_chance(&stage->random, 2);

        stage->n_ops = 0;
        stage->port = live_chance(&stage->random, 2) ? (uint16_t)(600 + live_below(&stage->random, 400))
                                                     : (uint16_t)(LIVE_PORT_FIRST + live_below(&stage->random, 10000));
        if (live_chance(&stage->random, 2))
                return;
        add(stage, OP_SOCKET, v6 ? AF_INET6 : AF_INET);
        add(stage, OP_REUSEADDR, (int)live_below(&stage->random, 2));
        add(stage, OP_BIND, 0);
        stage->ops[stage->n_ops - 1].address = live_ip(v6 ? "::" : "0.0.0.0", stage->port, 0);
        add(stage, live_chance(&stage->random, 2) ? OP_LISTEN : OP_NONE, 4);
        live_run(stage->live, stage->ops, stage->n_ops, stage->results);
}

/* ------------------------------------------------ the questions */

static void twist_address(struct odd *odd, struct live_address *a)
{
        switch (odd->twist) {
        case TWIST_SHORT:
                a->len = a->sa.any.sa_family == AF_INET ? 15 : 23;
                break;
        case TWIST_LONG:
                a->len = sizeof(struct sockaddr_storage) > sizeof(a->sa) ? sizeof(a->sa) : 64;
                break;
        case TWIST_UNSPEC:
                a->sa.any.sa_family = AF_UNSPEC;
                break;
        case TWIST_SCOPE:
        case TWIST_LO_SCOPE:
                if (a->sa.any.sa_family == AF_INET6)
                        a->sa.in6.sin6_scope_id = odd->twist == TWIST_SCOPE ? 4711 : 1;
                break;
        case TWIST_PORT_0:
                a->sa.in6.sin6_port = 0; /* at the same place in both families */
                break;
        default:
                break;
        }
}

static void pick(struct stage *stage, struct odd *odd)
{
        struct live_random *random = &stage->random;
        unsigned int place = live_below(random, n_places());

        memset(odd, 0, sizeof(*odd));
        odd->family = live_chance(random, 6) ? (live_chance(random, 2) ? AF_INET : AF_INET6) : place_family(place);
        odd->type = live_chance(random, 3) ? SOCK_DGRAM : SOCK_STREAM;
        odd->protocol = odd->type == SOCK_STREAM && live_chance(random, 8) ? IPPROTO_MPTCP : 0;
        odd->shape = live_chance(random, 2) ? FD_FRESH : (enum shape)live_below(random, FD_SHAPES);
        odd->twist = live_chance(random, 2) ? TWIST_NONE : (enum twist)live_below(random, TWISTS);
        odd->asks_listen = live_chance(random, 5);
        odd->c.type = odd->type;
        odd->c.protocol = odd->protocol;
        odd->c.options = live_below(random, 2) ? OPT_REUSEADDR : 0;
        odd->c.options |= live_chance(random, 6) ? OPT_FREEBIND : 0;
        odd->c.options |= live_chance(random, 4) ? OPT_V6ONLY : 0;
        odd->c.uid = stage->live->uid;
        odd->c.listen = odd->type == SOCK_STREAM;
        odd->c.address = place_address(stage->live, place, stage->port);
        if (stage->mode == MODE_ADDRESSES) {
                odd->twist = TWIST_NONE;
                odd->c.address = shape_pick(stage);
        }
        twist_address(odd, &odd->c.address);
}

/* The descriptor, in its shape; what fails on the way there stays undone. */
static int make_fd(const struct odd *odd)
{
        const char *own = odd->family == AF_INET6 ? "::1" : "127.0.0.1";
        struct candidate c = odd->c;
        struct live_address to = live_ip(own, LIVE_PORT_OPEN, 0);
        int fd;

        c.address = live_ip(own, 0, 0);
        fd = ask_socket(&c);
        if (fd < 0)
                return fd;
        if (odd->shape == FD_BOUND || odd->shape == FD_LISTENING || odd->shape == FD_SHUT)
                (void)!bind(fd, &c.address.sa.any, c.address.len);
        if (odd->shape == FD_LISTENING || odd->shape == FD_AUTOBOUND || odd->shape == FD_SHUT)
                (void)!listen(fd, 1);
        if (odd->shape == FD_CONNECTED)
                (void)!connect(fd, &to.sa.any, to.len);
        if (odd->shape == FD_SHUT)
                (void)!shutdown(fd, SHUT_RDWR);
        return fd;
}

static struct truth try_kernel(const struct odd *odd, int fd)
{
        struct truth truth = { 0 };

        if (!odd->asks_listen && bind(fd, &odd->c.address.sa.any, odd->c.address.len) < 0)
                truth.bind = errno;
        else if ((odd->asks_listen || odd->c.listen) && listen(fd, 1) < 0)
                truth.listen = errno;
        return truth;
}

static struct answer ask(const struct odd *odd, int fd, int error, struct aiu_report **ret_report)
{
        if (odd->asks_listen)
                return ask_listen(fd, error, ret_report);
        return ask_fd(fd, &odd->c.address, error, ret_report);
}

/* An address that is none for bind() may be refused outright, with bind()'s errno or EINVAL. */
static bool refused(const struct odd *odd, const struct answer *answer, const struct truth *truth)
{
        if (odd->asks_listen || !answer->failed)
                return false;
        if (odd->twist == TWIST_UNSPEC || odd->c.address.sa.any.sa_family == AF_UNSPEC)
                return answer->failed == EINVAL || answer->failed == EAFNOSUPPORT;
        /* A family that no query takes, whatever else bind() would object to before it. */
        if (odd->c.address.sa.any.sa_family == AF_PACKET && truth->bind && answer->failed == EAFNOSUPPORT)
                return true;
        return answer->failed == truth->bind || (truth->bind && answer->failed == EINVAL);
}

static bool consistent(const struct answer *a)
{
        if (a->verdict == AIU_VERDICT_UNKNOWN || a->what_if[0] == AIU_TRISTATE_UNKNOWN)
                return true;
        return (a->what_if[0] == AIU_TRISTATE_YES) == (a->verdict == AIU_VERDICT_AVAILABLE);
}

static void compare(struct stage *stage, const struct odd *odd, const struct truth *truth, const struct answer *answer,
                    const struct aiu_report *report, const char *when)
{
        struct candidate c = odd->c;

        snprintf(stage->note, sizeof(stage->note), "%s() on a %s %s %s socket, %sasked %s",
                 odd->asks_listen ? "listen" : "bind", shape_names[odd->shape],
                 odd->family == AF_INET6 ? "AF_INET6" : "AF_INET", odd->type == SOCK_STREAM ? "stream" : "datagram",
                 twist_names[odd->twist], when);
        if (refused(odd, answer, truth))
                return;
        c.listen = c.listen || odd->asks_listen;
        if (compare_failure(stage, &c, answer)) {
                compare_verdict(stage, &c, truth, answer, report);
                count_case(stage, truth, c.listen, 0, answer, &c, report);
        }
        if (!consistent(answer)) {
                stage->tally->what_ifs_wrong++;
                stage_print(stage, "would_succeed_with(0) is not the verdict", &c, truth, answer, report);
        }
}

static void ask_one(struct stage *stage)
{
        struct aiu_report *report = NULL;
        struct answer answer;
        struct truth truth;
        struct odd odd;
        int fd, error;

        pick(stage, &odd);
        fd = make_fd(&odd);
        if (fd < 0)
                return;
        answer = ask(&odd, fd, 0, &report);
        truth = try_kernel(&odd, fd);
        compare(stage, &odd, &truth, &answer, report, "before");
        aiu_report_unref(report);
        error = odd.asks_listen ? truth.listen : truth.bind;
        if (error) {
                answer = ask(&odd, fd, error, &report);
                compare(stage, &odd, &truth, &answer, report, "after");
                stage->tally->after++;
                aiu_report_unref(report);
        }
        close(fd);
}

void run_error_scenario(struct stage *stage, uint64_t index)
{
        struct live_random mix = { stage->settings->seed ^ (index * UINT64_C(0x9e3779b97f4a7c15)) };
        struct live_op clear[] = { { .code = OP_CLEAR, .who = WHO_ROOT },
                                   { .code = OP_DRAIN, .who = WHO_ROOT, .slot = SLOT_OPEN },
                                   { .code = OP_DESTROY, .who = WHO_ROOT } };
        struct live_result results[3];

        stage->index = index;
        stage->random.state = live_next(&mix);
        memset(&stage->scenario, 0, sizeof(stage->scenario));
        stage->tally->scenarios++;
        set_sysctls(stage, false);
        build(stage);
        for (int i = 0; i < QUESTIONS; i++)
                ask_one(stage);
        live_run(stage->live, clear, 3, results);
        set_sysctls(stage, true);
}
