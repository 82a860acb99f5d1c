/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The same candidate, once as a question to the library and once as system calls. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/wait.h>
#include <unistd.h>

#include <addrinuse.h>
#include <addrinuse-backend.h>

#include "ask.h"

static struct aiu_context *context;
static int (*add_exact)(struct aiu_context *);
static uint32_t proven; /* AIU_KERNEL_* */
static bool wildcard;   /* AIU_CONTEXT_TRIAL_WILDCARD */
static uint64_t n_trials;
static int home = -1, away = -1; /* network namespaces: the scene's, and an empty one */

void ask_begin(void)
{
        if (geteuid() != 0 || away >= 0)
                return;
        home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        if (home < 0 || unshare(CLONE_NEWNET) < 0)
                return;
        away = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        if (setns(home, CLONE_NEWNET) < 0)
                live_die("setns", errno);
}

static void move_to(int netns)
{
        if (away >= 0 && setns(netns, CLONE_NEWNET) < 0)
                live_die("setns", errno);
}

static int apply(int fd, int level, int name, int value)
{
        return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* MPTCP has no such option. */
static int attach_program(int fd)
{
        struct sock_filter filter = BPF_STMT(BPF_RET | BPF_K, 0);
        const struct sock_fprog program = { .len = 1, .filter = &filter };

        return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program)) < 0 ? -errno : 0;
}

static int apply_options(int fd, const struct candidate *c)
{
        bool v6 = c->address.sa.any.sa_family == AF_INET6;
        int r = 0;

        if (c->options & AIU_OPTION_REUSEADDR)
                r = apply(fd, SOL_SOCKET, SO_REUSEADDR, 1);
        if (r == 0 && (c->options & AIU_OPTION_REUSEPORT))
                r = apply(fd, SOL_SOCKET, SO_REUSEPORT, 1);
        if (r == 0 && c->program && c->options & AIU_OPTION_REUSEPORT && c->protocol != IPPROTO_MPTCP)
                r = attach_program(fd);
        if (r == 0 && v6)
                r = apply(fd, IPPROTO_IPV6, IPV6_V6ONLY, (c->options & AIU_OPTION_V6ONLY) != 0);
        if (r == 0 && (c->options & AIU_OPTION_FREEBIND))
                r = v6 ? apply(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1) : apply(fd, IPPROTO_IP, IP_FREEBIND, 1);
        if (r == 0 && c->ifindex)
                r = apply(fd, SOL_SOCKET, SO_BINDTOIFINDEX, (int)c->ifindex);
        return r;
}

/* The owner of a socket is the fsuid of who made it. */
int ask_socket(const struct candidate *c)
{
        uid_t before = (uid_t)setfsuid(c->uid);
        int fd = socket(c->address.sa.any.sa_family, c->type | SOCK_CLOEXEC, c->protocol);
        int r = fd < 0 ? -errno : 0;

        setfsuid(before);
        if (r == 0 && c->address.sa.any.sa_family != AF_UNIX)
                r = apply_options(fd, c);
        if (r < 0 && fd >= 0)
                close(fd);
        return r < 0 ? r : fd;
}

struct truth ask_kernel(const struct candidate *c)
{
        struct truth truth = { 0 };
        int fd = ask_socket(c);

        if (fd < 0) {
                truth.setup = -fd;
                return truth;
        }
        if (bind(fd, &c->address.sa.any, c->address.len) < 0)
                truth.bind = errno;
        else if (c->listen && listen(fd, 1) < 0)
                truth.listen = errno;
        close(fd);
        return truth;
}

/* ------------------------------------------------ the library */

static struct aiu_context *own_context(void)
{
        if (context)
                return context;
        if (aiu_context_new(&context) < 0)
                live_die("aiu_context_new", ENOMEM);
        /* A busy machine must not turn answers into gaps. */
        (void)aiu_context_set_deadline_usec(context, 0);
        (void)aiu_context_set_kernel(context, proven);
        (void)aiu_context_set_flags(context, wildcard ? AIU_CONTEXT_TRIAL_WILDCARD : 0);
        /* Not AIU_CONTEXT_NO_IPC: the question includes whether a socket file is stale. */
        if (aiu_context_disable_backend(context, "sd-bus") < 0)
                live_die("sd-bus", EINVAL);
        if (add_exact && add_exact(context) < 0)
                live_die("aiu_context_add_bpf", ENOTSUP);
        return context;
}

void ask_exactly(int (*add)(struct aiu_context *))
{
        context = aiu_context_unref(context);
        add_exact = add;
        (void)own_context();
}

/* In a child with a network namespace of its own: there is no way back for a process that is not root. */
static _Noreturn void prove(int to)
{
        uint32_t behaves = 0;

        if (unshare(geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET) < 0 || aiu_self_test(&behaves) < 0)
                _exit(1);
        _exit(write(to, &behaves, sizeof(behaves)) != sizeof(behaves));
}

uint32_t ask_prove(void)
{
        int ends[2];
        pid_t pid;

        fflush(stdout);
        if (pipe2(ends, O_CLOEXEC) < 0)
                live_die("pipe2", errno);
        pid = fork();
        if (pid < 0)
                live_die("fork", errno);
        if (pid == 0)
                prove(ends[1]);
        close(ends[1]);
        if (read(ends[0], &proven, sizeof(proven)) != sizeof(proven))
                proven = 0;
        close(ends[0]);
        (void)waitpid(pid, NULL, 0);
        return proven;
}

void ask_wildcard(void)
{
        wildcard = true;
}

static void count_trial(void *userdata, enum aiu_log_level level, const char *message)
{
        (void)userdata;
        (void)level;
        n_trials += strstr(message, "trial bind()") != NULL;
}

void ask_trials(enum ask_blind blind)
{
        static const char *const left_out[BLIND_COUNT][2] = {
                [BLIND_ADDRESSES] = { "route", "proc-address" },
                [BLIND_SOCKETS] = { "sock-diag", "proc-net" },
        };

        context = aiu_context_unref(context);
        own_context();
        (void)aiu_context_set_flags(context, AIU_CONTEXT_TRIAL_BIND);
        aiu_context_set_log(context, count_trial, AIU_LOG_INFO, NULL);
        for (size_t i = 0; i < 2 && left_out[blind][i]; i++)
                if (aiu_context_disable_backend(context, left_out[blind][i]) < 0)
                        live_die(left_out[blind][i], EINVAL);
}

uint64_t ask_count_trials(void)
{
        return n_trials;
}

void ask_finish(void)
{
        context = aiu_context_unref(context);
        if (home >= 0)
                close(home);
        if (away >= 0)
                close(away);
        home = away = -1;
}

static struct answer read_answer(const struct aiu_report *report)
{
        struct answer a = { .verdict = (int)aiu_report_get_verdict(report),
                            .error = aiu_report_get_error(report),
                            .call = (int)aiu_report_get_call(report),
                            .n_gaps = (unsigned int)aiu_report_get_n_gaps(report),
                            .n_conflicts = (unsigned int)aiu_report_get_n_conflicts(report),
                            .errno_kept = true };

        for (uint32_t i = 0; i < 16; i++)
                a.what_if[i] = (unsigned char)aiu_report_would_succeed_with(report, i);
        return a;
}

static struct answer take(struct aiu_report *report, int r, struct aiu_report **ret_report)
{
        struct answer a = { .failed = r < 0 ? -r : 0, .errno_kept = true };

        if (r >= 0)
                a = read_answer(report);
        if (ret_report)
                *ret_report = r < 0 ? NULL : report;
        else
                aiu_report_unref(report);
        return a;
}

static int set_all(struct aiu_query *q, const struct candidate *c, const char *device)
{
        bool v6 = c->address.sa.any.sa_family == AF_INET6;
        int r = aiu_query_set_address(q, &c->address.sa.any, c->address.len);

        if (r >= 0)
                r = aiu_query_set_socket(q, c->type, c->protocol);
        if (r >= 0)
                r = aiu_query_set_reuseaddr(q, (c->options & AIU_OPTION_REUSEADDR) != 0);
        if (r >= 0)
                r = aiu_query_set_reuseport(q, (c->options & AIU_OPTION_REUSEPORT) != 0);
        if (r >= 0 && v6)
                r = aiu_query_set_v6only(q, (c->options & AIU_OPTION_V6ONLY) != 0);
        if (r >= 0)
                r = aiu_query_set_freebind(q, (c->options & AIU_OPTION_FREEBIND) != 0);
        if (r >= 0 && device[0])
                r = aiu_query_set_device(q, device);
        if (r >= 0 && c->uid != geteuid())
                r = aiu_query_set_uid(q, c->uid);
        if (r >= 0)
                r = aiu_query_set_listen(q, c->listen);
        return r;
}

static struct answer ask_query(const struct candidate *c, bool from_away, struct aiu_report **ret_report)
{
        char device[IF_NAMESIZE] = "";
        struct aiu_query *q;
        struct aiu_report *report = NULL;
        int r = aiu_query_new(own_context(), &q);

        if (r < 0)
                return take(NULL, r, ret_report);
        if (c->ifindex)
                (void)if_indextoname(c->ifindex, device);
        if (from_away)
                move_to(away);
        r = from_away ? aiu_query_set_netns(q, home) : 0;
        if (r >= 0)
                r = set_all(q, c, device);
        if (r >= 0)
                r = aiu_query_run(q, &report);
        aiu_query_unref(q);
        if (from_away)
                move_to(home);
        return take(report, r, ret_report);
}

static int run_fd(const struct candidate *c, int fd, struct aiu_report **ret_report)
{
        struct aiu_query *q;
        int r = aiu_query_new(own_context(), &q);

        if (r < 0)
                return r;
        r = aiu_query_set_fd(q, fd);
        if (r >= 0)
                r = aiu_query_set_address(q, &c->address.sa.any, c->address.len);
        if (r >= 0)
                r = aiu_query_set_listen(q, c->listen);
        if (r >= 0)
                r = aiu_query_run(q, ret_report);
        aiu_query_unref(q);
        return r;
}

static struct answer take_fd(const struct candidate *c, int fd, struct aiu_report **ret_report)
{
        struct aiu_report *report = NULL;
        int r = run_fd(c, fd, &report);

        return take(report, r, ret_report);
}

struct answer ask_fd(int fd, const struct live_address *address, int error, struct aiu_report **ret_report)
{
        struct aiu_report *report;
        struct answer a;

        (void)own_context();
        errno = EMLINK; /* any value that is not set by chance */
        report = add_exact ? aiu_context_explain_bind(own_context(), fd, &address->sa.any, address->len, error)
                           : aiu_explain_bind(fd, &address->sa.any, address->len, error);
        if (!report)
                return take(NULL, -errno, ret_report);
        a = take(report, 0, ret_report);
        a.errno_kept = errno == EMLINK;
        return a;
}

static struct answer ask_fd_from_away(const struct candidate *c, int fd, struct aiu_report **ret_report)
{
        struct answer a;

        move_to(away);
        a = take_fd(c, fd, ret_report);
        move_to(home);
        return a;
}

static struct answer ask_with_fd(const struct candidate *c, enum ask_how how, struct aiu_report **ret_report)
{
        struct answer a;
        int fd = ask_socket(c);

        if (fd < 0)
                return take(NULL, fd, ret_report);
        if (how == ASK_FD)
                a = take_fd(c, fd, ret_report);
        else if (how == ASK_FD_FROM_AWAY)
                a = ask_fd_from_away(c, fd, ret_report);
        else
                a = ask_fd(fd, &c->address, 0, ret_report);
        close(fd);
        return a;
}

struct answer ask_library(const struct candidate *c, enum ask_how how, struct aiu_report **ret_report)
{
        if (how == ASK_QUERY)
                return ask_query(c, false, ret_report);
        if (how == ASK_FROM_AWAY)
                return ask_query(c, away >= 0, ret_report);
        return ask_with_fd(c, how, ret_report);
}

static int set_port(struct aiu_query *q, const struct candidate *c, uint16_t port)
{
        char text[8];
        int r = set_all(q, c, "");

        (void)snprintf(text, sizeof(text), "%u", port);
        return r < 0 ? r : aiu_query_set_address_text(q, text);
}

struct answer ask_port(const struct candidate *c, uint16_t port, struct aiu_report **ret_report)
{
        struct aiu_report *report = NULL;
        struct aiu_query *q;
        int r = aiu_query_new(own_context(), &q);

        if (r < 0)
                return take(NULL, r, ret_report);
        r = set_port(q, c, port);
        if (r >= 0)
                r = aiu_query_run(q, &report);
        aiu_query_unref(q);
        return take(report, r, ret_report);
}

struct answer ask_after(const struct candidate *c, int error, struct aiu_report **ret_report)
{
        int fd = ask_socket(c);
        struct answer a;

        if (fd < 0)
                return take(NULL, fd, ret_report);
        if (bind(fd, &c->address.sa.any, c->address.len) == 0 || errno != error)
                a = take(NULL, -EPROTO, ret_report);
        else
                a = ask_fd(fd, &c->address, error, ret_report);
        close(fd);
        return a;
}

struct answer ask_listen(int fd, int error, struct aiu_report **ret_report)
{
        struct aiu_report *report;
        struct answer a;

        (void)own_context();
        errno = EMLINK;
        report = add_exact ? aiu_context_explain_listen(own_context(), fd, error) : aiu_explain_listen(fd, error);
        if (!report)
                return take(NULL, -errno, ret_report);
        a = take(report, 0, ret_report);
        a.errno_kept = errno == EMLINK;
        return a;
}

char *ask_print(const struct aiu_report *report)
{
        char *json = NULL;

        if (!report || aiu_report_to_json(report, AIU_RENDER_PRETTY | AIU_RENDER_VERBOSE, &json) < 0)
                return strdup("(no report)");
        return json;
}
