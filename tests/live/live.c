/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The test's side: start holders, send them ops, and small things all live tests need. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "live.h"

_Noreturn void live_die(const char *what, int error)
{
        fprintf(stderr, "live test: %s: %s\n", what, strerror(error));
        fflush(stdout);
        _exit(99);
}

int live_protocol(int type, int protocol)
{
        int fd = socket(AF_INET, type | SOCK_CLOEXEC, protocol);

        if (fd < 0)
                return errno == EPROTONOSUPPORT || errno == ENOPROTOOPT ? 0 : protocol;
        close(fd);
        return protocol;
}

/* ------------------------------------------------ holders */

static const uid_t holder_uids[WHO_COUNT] = { 0, LIVE_USER, LIVE_OTHER, LIVE_USER };

uid_t live_uid_of(const struct live *live, enum live_who who)
{
        if (!live->root)
                return 0;
        return who == WHO_SELF ? live->uid : holder_uids[who];
}

bool live_readable(const struct live *live, enum live_who who)
{
        if (live->uid == 0)
                return live->root || who != WHO_SHY;
        return who == WHO_SELF || who == WHO_USER;
}

static void become(uid_t uid)
{
        if (setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
                live_die("setresuid", errno);
        /* The change made the process one that no user may inspect: prctl(2), PR_SET_DUMPABLE. */
        if (prctl(PR_SET_DUMPABLE, 1) < 0)
                live_die("PR_SET_DUMPABLE", errno);
}

static _Noreturn void live_as(struct live *live, enum live_who who, int control)
{
        for (int i = 0; i < WHO_COUNT; i++)
                if (live->holders[i].control >= 0)
                        close(live->holders[i].control);
        close(live->lifeline[1]);
        signal(SIGPIPE, SIG_IGN);
        if (live->root && holder_uids[who] != 0)
                become(holder_uids[who]);
        if (who == WHO_SHY)
                prctl(PR_SET_DUMPABLE, 0);
        live_serve(control, live->lifeline[0]);
}

static void start_holder(struct live *live, enum live_who who)
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
                live_as(live, who, pair[1]);
        }
        close(pair[1]);
        live->holders[who] = (struct live_holder){ .pid = pid, .control = pair[0], .uid = live_uid_of(live, who) };
}

bool live_start(struct live *live, uid_t uid)
{
        if (uid != 0 && !live->root) {
                printf("SKIP: asking as uid %u needs root\n", uid);
                return false;
        }
        if (pipe2(live->lifeline, O_CLOEXEC) < 0)
                live_die("pipe2", errno);
        for (int who = 0; who < WHO_COUNT; who++)
                start_holder(live, (enum live_who)who);
        live->uid = uid;
        if (uid != 0)
                become(uid);
        return true;
}

void live_stop(struct live *live)
{
        for (int i = 0; i < WHO_COUNT; i++) {
                close(live->holders[i].control);
                live->holders[i].control = -1;
        }
        close(live->lifeline[0]);
        close(live->lifeline[1]);
        for (int i = 0; i < WHO_COUNT; i++)
                (void)waitpid(live->holders[i].pid, NULL, 0);
}

static void run_there(struct live *live, const struct live_op *ops, size_t n, struct live_result *results)
{
        int control = live->holders[ops->who].control;
        ssize_t r;

        if (send(control, ops, n * sizeof(*ops), MSG_NOSIGNAL) < 0)
                live_die("a holder is gone", errno);
        do
                r = recv(control, results, n * sizeof(*results), 0);
        while (r < 0 && errno == EINTR);
        if (r != (ssize_t)(n * sizeof(*results)))
                live_die("a holder is gone", r < 0 ? errno : EPIPE);
}

void live_run(struct live *live, const struct live_op *ops, size_t n, struct live_result *ret_results)
{
        size_t from = 0, to;

        for (; from < n; from = to) {
                to = from + 1;
                if (ops[from].who == WHO_SELF) {
                        ret_results[from] = live_execute(&ops[from]);
                        continue;
                }
                while (to < n && to - from < LIVE_MAX_OPS && ops[to].who == ops[from].who)
                        to++;
                run_there(live, ops + from, to - from, ret_results + from);
        }
}

int live_run_one(struct live *live, struct live_op op, struct live_result *ret_result)
{
        struct live_result result;

        live_run(live, &op, 1, &result);
        if (ret_result)
                *ret_result = result;
        return result.error;
}

/* ------------------------------------------------ addresses */

struct live_address live_ip(const char *text, uint16_t port, unsigned int scope)
{
        struct live_address a = { 0 };

        if (strchr(text, ':')) {
                a.len = sizeof(a.sa.in6);
                a.sa.in6.sin6_family = AF_INET6;
                a.sa.in6.sin6_port = htons(port);
                a.sa.in6.sin6_scope_id = scope;
                if (inet_pton(AF_INET6, text, &a.sa.in6.sin6_addr) != 1)
                        live_die(text, EINVAL);
        } else {
                a.len = sizeof(a.sa.in);
                a.sa.in.sin_family = AF_INET;
                a.sa.in.sin_port = htons(port);
                if (inet_pton(AF_INET, text, &a.sa.in.sin_addr) != 1)
                        live_die(text, EINVAL);
        }
        return a;
}

struct live_address live_path(const char *text)
{
        struct live_address a = { 0 };
        size_t n = strlen(text);

        if (n >= sizeof(a.sa.un.sun_path))
                live_die(text, ENAMETOOLONG);
        a.sa.un.sun_family = AF_UNIX;
        memcpy(a.sa.un.sun_path, text, n);
        a.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
        if (text[0] == '@') {
                a.sa.un.sun_path[0] = '\0';
                a.len--;
        }
        return a;
}

const char *live_print(const struct live_address *address, char *buffer, size_t bytes)
{
        char ip[INET6_ADDRSTRLEN] = "";

        switch (address->len ? address->sa.any.sa_family : AF_UNSPEC) {
        case AF_INET:
                inet_ntop(AF_INET, &address->sa.in.sin_addr, ip, sizeof(ip));
                snprintf(buffer, bytes, "%s:%u", ip, ntohs(address->sa.in.sin_port));
                break;
        case AF_INET6:
                inet_ntop(AF_INET6, &address->sa.in6.sin6_addr, ip, sizeof(ip));
                snprintf(buffer, bytes, "[%s%%%u]:%u", ip, address->sa.in6.sin6_scope_id,
                         ntohs(address->sa.in6.sin6_port));
                break;
        case AF_UNIX:
                snprintf(buffer, bytes, "%s%.107s", address->sa.un.sun_path[0] ? "" : "@",
                         address->sa.un.sun_path + (address->sa.un.sun_path[0] == '\0'));
                break;
        default:
                snprintf(buffer, bytes, "-");
        }
        return buffer;
}

static const char *const code_names[] = {
        "nothing",
        "socket",
        "SO_REUSEADDR",
        "SO_REUSEPORT",
        "IPV6_V6ONLY",
        "IP_FREEBIND",
        "IP_BIND_ADDRESS_NO_PORT",
        "TCP_LINGER2",
        "SO_BINDTODEVICE",
        "bind",
        "listen",
        "connect",
        "connect-nowait",
        "disconnect",
        "accept",
        "shutdown",
        "close",
        "reset",
        "fchown",
        "read-eof",
        "wait-state",
        "clear",
        "ip_local_port_range",
        "sysctl",
        "drain",
        "destroy-time-wait",
        "fork",
        "ignore-SIGTERM",
        "kill",
        "make-file",
        "make-directory",
        "make-symlink",
        "rename-to-.old",
        "unlink",
        "unshare-net",
};

void live_print_op(const struct live *live, const struct live_op *op, const struct live_result *result, char *buffer,
                   size_t bytes)
{
        static const char *const names[] = { "root", "user1000", "user1001", "shy1000", "self" };
        char address[128];

        (void)live;
        snprintf(buffer, bytes, "%s s%u %s(%d, %d, %d) other=s%u uid=%u %s -> %s", names[op->who], op->slot,
                 code_names[op->code], op->a, op->b, op->c, op->other, op->uid,
                 live_print(&op->address, address, sizeof(address)), result->error ? strerror(result->error) : "ok");
}

/* ------------------------------------------------ the rest */

/* splitmix64: small, and a good stream from any seed. */
uint64_t live_next(struct live_random *random)
{
        uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return z ^ (z >> 31);
}

unsigned int live_below(struct live_random *random, unsigned int n)
{
        return (unsigned int)(live_next(random) % n);
}

bool live_chance(struct live_random *random, unsigned int one_in)
{
        return live_below(random, one_in) == 0;
}

unsigned int live_count_fds(void)
{
        DIR *dir = opendir("/proc/self/fd");
        unsigned int n = 0;

        if (!dir)
                return 0;
        while (readdir(dir))
                n++;
        closedir(dir);
        return n - 3; /* ".", ".." and the directory itself */
}

double live_now(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}
