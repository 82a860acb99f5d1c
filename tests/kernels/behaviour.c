/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How this kernel behaves, in a network namespace of its own: what the self-test proves, whether
 * the library is right about each pair of sockets with that, and whether a trial bind of the
 * wildcard is without a trace: each history of a port is made twice, once with the trial in
 * between, and then each bind() that can follow has to end alike.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <addrinuse-backend.h>
#include <addrinuse.h>

enum { REUSEADDR = 1, REUSEPORT = 2, V6ONLY = 4, LISTEN = 8, MASKS = 8, NONE = 255 };

#define N_ADDRESSES 7
static const char *const addresses[N_ADDRESSES] = { "127.0.0.1", "0.0.0.0",          "127.0.0.2",     "::1",
                                                    "::",        "::ffff:127.0.0.1", "::ffff:0.0.0.0" };

static void set(int fd, int level, int option, int value)
{
        (void)setsockopt(fd, level, option, &value, sizeof(value));
}

union endpoint {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
};

static socklen_t fill(union endpoint *to, const char *ip, uint16_t port)
{
        *to = (union endpoint){ .in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) } };
        if (inet_pton(AF_INET6, ip, &to->in6.sin6_addr) == 1)
                return sizeof(to->in6);
        to->in.sin_family = AF_INET;
        (void)inet_pton(AF_INET, ip, &to->in.sin_addr);
        return sizeof(to->in);
}

/* A socket with these options, or a negative errno. */
static int make_one(int family, unsigned int flags)
{
        int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return -errno;
        if (family == AF_INET6)
                set(fd, IPPROTO_IPV6, IPV6_V6ONLY, (flags & V6ONLY) != 0);
        set(fd, SOL_SOCKET, SO_REUSEADDR, (flags & REUSEADDR) != 0);
        set(fd, SOL_SOCKET, SO_REUSEPORT, (flags & REUSEPORT) != 0);
        return fd;
}

/* A bound socket, or a negative errno. */
static int bind_one(const char *ip, unsigned int flags, uint16_t port)
{
        union endpoint to;
        socklen_t bytes = fill(&to, ip, port);
        int fd = make_one(to.any.sa_family, flags), r = 0;

        if (fd < 0)
                return fd;
        if (bind(fd, &to.any, bytes) < 0 || (flags & LISTEN && listen(fd, 1) < 0))
                r = -errno;
        if (r == 0)
                return fd;
        close(fd);
        return r;
}

static int result_of(const char *ip, unsigned int flags, uint16_t port)
{
        int r = bind_one(ip, flags, port);

        if (r < 0)
                return -r;
        close(r);
        return 0;
}

/* ------------------------------------------------------ the trial */

enum ending { STAYS, LEAVES, CONNECTED, ENDINGS };

/* Two sockets, of which the first may leave before the trial, or leave a connection in TIME_WAIT. */
struct history {
        unsigned int first, first_flags, second, second_flags; /* addresses; NONE = there is none */
        enum ending ending;
        bool toggled; /* the options are taken back after the bind() */
};

struct outcome {
        int trial, bind; /* errnos */
        bool taken;      /* something has the port */
};

static unsigned int n_histories, n_binds, n_successes, n_traces, n_controls;

static int make(unsigned int address, unsigned int flags, uint16_t port)
{
        return address == NONE ? -1 : bind_one(addresses[address], flags, port);
}

static void take_back(int fd)
{
        if (fd < 0)
                return;
        set(fd, SOL_SOCKET, SO_REUSEADDR, 0);
        set(fd, SOL_SOCKET, SO_REUSEPORT, 0);
}

/* TIME_WAIT remains where the first end is closed: here the server's. */
static bool leave_time_wait(int listener)
{
        struct sockaddr_in6 address;
        socklen_t bytes = sizeof(address);
        int client, server;

        if (listener < 0 || listen(listener, 1) < 0 || getsockname(listener, (struct sockaddr *)&address, &bytes) < 0)
                return false;
        client = socket(address.sin6_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(client, (struct sockaddr *)&address, bytes) < 0)
                server = -1;
        else
                server = accept(listener, NULL, NULL);
        close(server);
        close(client);
        return server >= 0;
}

static uint16_t choose_port(const struct history *h)
{
        static uint16_t next = 21000, next_connected = 61000; /* TIME_WAIT keeps a port for a minute */

        if (h->ending == CONNECTED)
                return next_connected++;
        if (++next == 32000)
                next = 21000;
        return next;
}

/* One bind() at the end of the history, and the trial before it. */
static struct outcome replay(const struct history *h, const char *ip, unsigned int flags, const char *trial)
{
        uint16_t port = choose_port(h);
        int first = make(h->first, h->first_flags, port), second = make(h->second, h->second_flags, port);
        struct outcome outcome = { .taken = second >= 0 || (first >= 0 && h->ending == STAYS) };

        if (h->ending == CONNECTED)
                outcome.taken |= leave_time_wait(first);
        if (h->ending != STAYS && first >= 0) {
                close(first);
                first = -1;
        }
        if (h->toggled) {
                take_back(first);
                take_back(second);
        }
        if (trial)
                outcome.trial = result_of(trial, 0, port);
        outcome.bind = result_of(ip, flags, port);
        if (first >= 0)
                close(first);
        if (second >= 0)
                close(second);
        return outcome;
}

static const char *name_of(unsigned int address)
{
        return address == NONE ? "nothing" : addresses[address];
}

static void compare(const struct history *h, const char *ip, unsigned int flags)
{
        struct outcome without = replay(h, ip, flags, NULL), with = replay(h, ip, flags, "::");

        n_binds++;
        n_successes += with.trial == 0;
        if (h->ending != CONNECTED)
                n_controls += replay(h, ip, flags, "127.0.0.2").bind != without.bind;
        if (with.bind == without.bind && with.trial == (with.taken ? EADDRINUSE : 0))
                return;
        n_traces++;
        printf("TRACE: %s %#x, %s %#x, ending %d, toggled %d: the trial gives %d, then %s %#x gives %d, not %d\n",
               name_of(h->first), h->first_flags, name_of(h->second), h->second_flags, (int)h->ending, h->toggled,
               with.trial, ip, flags, with.bind, without.bind);
}

static void try_history(const struct history *h)
{
        n_histories++;
        for (unsigned int address = 0; address < N_ADDRESSES; address++)
                for (unsigned int flags = 0; flags < MASKS; flags++)
                        if (!(flags & V6ONLY) || strchr(addresses[address], ':'))
                                compare(h, addresses[address], flags);
}

static struct history history_of(unsigned int code)
{
        struct history h = { .first = code % N_ADDRESSES };

        h.first_flags = (code /= N_ADDRESSES) % 16;
        h.second = (code /= 16) % (N_ADDRESSES + 1);
        h.second_flags = (code /= N_ADDRESSES + 1) % 16;
        h.ending = (enum ending)((code /= 16) % 2);
        h.toggled = code / 2;
        if (h.second == N_ADDRESSES)
                h.second = NONE;
        return h;
}

static void try_trials(unsigned int stride)
{
        static const struct history none = { .first = NONE, .second = NONE };
        static const unsigned int n_codes = N_ADDRESSES * 16 * (N_ADDRESSES + 1) * 16 * 4;

        try_history(&none);
        for (unsigned int code = 0; code < n_codes; code += stride) {
                struct history h = history_of(code);

                try_history(&h);
        }
        for (unsigned int i = 0; i < 8; i++)
                try_history(&(struct history){ i & 4 ? 3 : 0, i & 3, NONE, 0, CONNECTED, false });
        printf("trial binds of [::]: %u histories, %u binds after them, %u trials succeeded, %u left a trace; "
               "%u traces of a trial bind of 127.0.0.2 instead\n",
               n_histories, n_binds, n_successes, n_traces, n_controls);
}

/* ------------------------------------------------------ pairs */

#define N_PAIRED 9
static const char *const paired[N_PAIRED] = {
        "127.0.0.1", "127.0.0.2",        "0.0.0.0",          "::1",           "::",
        "127.0.0.6", "::ffff:127.0.0.1", "::ffff:127.0.0.2", "::ffff:0.0.0.0"
};

static struct aiu_context *context;
static unsigned int n_pairs, n_pairs_unknown, n_pairs_wrong;

static enum aiu_verdict ask(int fd, const union endpoint *to, socklen_t bytes)
{
        enum aiu_verdict verdict = (enum aiu_verdict)(-1);
        struct aiu_query *query = NULL;
        struct aiu_report *report = NULL;

        if (aiu_query_new(context, &query) >= 0 && aiu_query_set_fd(query, fd) >= 0 &&
            aiu_query_set_address(query, &to->any, bytes) >= 0 && aiu_query_set_listen(query, false) >= 0 &&
            aiu_query_run(query, &report) >= 0)
                verdict = aiu_report_get_verdict(report);
        aiu_report_unref(report);
        aiu_query_unref(query);
        return verdict;
}

static void try_pair(const char *held, unsigned int held_flags, const char *asked, unsigned int flags)
{
        static uint16_t port = 33000;
        union endpoint to;
        socklen_t bytes;
        int holder = bind_one(held, held_flags, ++port), fd, error;
        enum aiu_verdict verdict;

        if (holder < 0)
                return;
        bytes = fill(&to, asked, port);
        fd = make_one(to.any.sa_family, flags);
        verdict = ask(fd, &to, bytes);
        error = bind(fd, &to.any, bytes) < 0 ? errno : 0;
        close(fd);
        close(holder);
        n_pairs++;
        n_pairs_unknown += verdict == AIU_VERDICT_UNKNOWN;
        if (verdict == AIU_VERDICT_UNKNOWN || verdict == (error == 0            ? AIU_VERDICT_AVAILABLE
                                                          : error == EADDRINUSE ? AIU_VERDICT_IN_USE
                                                                                : AIU_VERDICT_INVALID))
                return;
        n_pairs_wrong++;
        printf("WRONG: %s %#x is held, %s %#x is asked for: %s, but the kernel says %s\n", held, held_flags, asked,
               flags, aiu_verdict_to_string(verdict), error ? strerror(error) : "ok");
}

/* V6ONLY makes no difference to an IPv4 socket, and is an error with a mapped address. */
static bool is_pointless(const char *ip, unsigned int flags)
{
        return flags & V6ONLY && (!strchr(ip, ':') || strchr(ip, '.'));
}

/* Each address beside each other one. Who holds it is no question here, and takes most of the time. */
static int try_pairs(uint32_t behaves)
{
        static const char *const unused[] = { "proc-fd", "options", "kernel-user", "cgroup", "sd-bus" };
        static const unsigned int held[] = { 0, LISTEN, V6ONLY | LISTEN }, asked[] = { 0, V6ONLY };

        if (aiu_context_new(&context) < 0)
                return -ENOMEM;
        (void)aiu_context_set_deadline_usec(context, 0);
        (void)aiu_context_set_kernel(context, behaves);
        for (size_t i = 0; i < sizeof(unused) / sizeof(unused[0]); i++)
                (void)aiu_context_disable_backend(context, unused[i]);
        for (unsigned int i = 0; i < N_PAIRED * N_PAIRED * 6; i++) {
                const char *first = paired[i / 6 / N_PAIRED], *second = paired[i / 6 % N_PAIRED];

                if (!is_pointless(first, held[i % 6 / 2]) && !is_pointless(second, asked[i % 2]))
                        try_pair(first, held[i % 6 / 2], second, asked[i % 2]);
        }
        context = aiu_context_unref(context);
        printf("pairs: %u cases, %u wrong, %u unknown\n", n_pairs, n_pairs_wrong, n_pairs_unknown);
        return 0;
}

/* ------------------------------------------------------ the self-test */

static int try_self_test(uint32_t *ret_behaves)
{
        static const struct {
                uint32_t bit;
                const char *name;
        } names[] = {
                { AIU_KERNEL_STATELESS, "stateless" }, { AIU_KERNEL_BY_ADDRESS, "by-address" },
                { AIU_KERNEL_TIME_WAIT, "time-wait" }, { AIU_KERNEL_DUAL_STACK, "dual-stack" },
                { AIU_KERNEL_MAPPED, "mapped" },       { AIU_KERNEL_V6ONLY, "v6only" },
                { AIU_KERNEL_UDP_CROWD, "udp-crowd" }, { AIU_KERNEL_BOUND_SHOWN, "bound-shown" },
        };
        struct utsname name;
        uint32_t behaves;
        int r = aiu_self_test(&behaves);

        if (r < 0 || uname(&name) < 0) {
                printf("self-test: %s\n", strerror(-r));
                return 1;
        }
        printf("self-test of %s: as Linux 6.9 in", name.release);
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                if (behaves & names[i].bit)
                        printf(" %s", names[i].name);
        printf("; not in");
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                if (!(behaves & names[i].bit))
                        printf(" %s", names[i].name);
        printf("\n");
        *ret_behaves = behaves;
        return 0;
}

int main(int argc, char **argv)
{
        unsigned int stride = 499;
        uint32_t behaves;

        if (argc > 1 && sscanf(argv[1], "%u", &stride) != 1)
                return 2;
        if (unshare(CLONE_NEWNET) < 0) {
                printf("skipped: unshare: %s\n", strerror(errno));
                return 77;
        }
        if (try_self_test(&behaves) != 0 || try_pairs(behaves) != 0)
                return 1;
        try_trials(stride);
        return n_traces != 0 || n_pairs_wrong != 0;
}
