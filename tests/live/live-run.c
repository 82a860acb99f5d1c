/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One op is one system call, nearly: what holders of live tests do. A failing
 * op is an answer like any other; the ops after it fail as they may.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "live.h"

#define WAIT_MS 100
#define ACCEPT_MS 15 /* the connection is there already, unless another listener got it */
#define STATE_SPINS 2000

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

static int slots[LIVE_SLOTS]; /* descriptor + 1; 0 = empty */
static int inherited_lifeline = -1;
static bool connected; /* the last connect(): without one there is nothing to accept */

int live_slot(uint8_t slot)
{
        return slot < LIVE_SLOTS ? slots[slot] - 1 : -1;
}

static struct live_result failed(int error)
{
        return (struct live_result){ .error = error };
}

static struct live_result outcome(int r)
{
        return failed(r < 0 ? errno : 0);
}

static uint64_t inode_of(int fd)
{
        struct stat st;

        return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static int local_port(int fd)
{
        struct sockaddr_in6 address; /* the port is at the same place in both families */
        socklen_t len = sizeof(address);

        if (getsockname(fd, (struct sockaddr *)&address, &len) < 0)
                return 0;
        if (address.sin6_family != AF_INET && address.sin6_family != AF_INET6)
                return 0;
        return ntohs(address.sin6_port);
}

static void drop(uint8_t slot)
{
        if (slot < LIVE_SLOTS && slots[slot] > 0) {
                close(slots[slot] - 1);
                slots[slot] = 0;
        }
}

static struct live_result keep(uint8_t slot, int fd)
{
        struct live_result result = outcome(fd);

        if (fd < 0 || slot >= LIVE_SLOTS)
                return result;
        drop(slot);
        slots[slot] = fd + 1;
        result.inode = inode_of(fd);
        return result;
}

static struct live_result set_int(int fd, int level, int name, int value)
{
        return outcome(setsockopt(fd, level, name, &value, sizeof(value)));
}

static struct live_result set_freebind(int fd, int value)
{
        int family = 0;
        socklen_t len = sizeof(family);

        if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) == 0 && family == AF_INET6)
                return set_int(fd, IPPROTO_IPV6, IPV6_FREEBIND, value);
        return set_int(fd, IPPROTO_IP, IP_FREEBIND, value);
}

/* sk_uid is the fsuid of the socket() or accept(); the real and effective uid stay. */
static struct live_result make_socket(const struct live_op *op)
{
        uid_t before = (uid_t)setfsuid(op->uid);
        int fd = socket(op->a, op->b | SOCK_CLOEXEC, op->c);
        int error = errno;

        setfsuid(before);
        errno = error;
        return keep(op->slot, fd);
}

static bool wait_for(int fd, short events, int timeout_ms)
{
        struct pollfd p = { .fd = fd, .events = events };

        return fd >= 0 && poll(&p, 1, timeout_ms) == 1;
}

static struct live_result accept_one(const struct live_op *op, int fd)
{
        uid_t before;
        int child, error;

        if (!wait_for(fd, POLLIN, connected ? ACCEPT_MS : 0))
                return failed(ETIMEDOUT);
        before = (uid_t)setfsuid(op->uid);
        child = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        error = errno;
        setfsuid(before);
        if (child >= 0)
                (void)set_int(child, IPPROTO_TCP, TCP_QUICKACK, 1);
        errno = error;
        return keep(op->other, child);
}

static struct live_result connect_to(int fd, const struct live_op *op)
{
        int flags = fcntl(fd, F_GETFL), error = 0;
        socklen_t len = sizeof(error);
        struct live_result result;

        connected = false;
        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
                return failed(EBADF);
        result = outcome(connect(fd, &op->address.sa.any, op->address.len));
        if (result.error == EINPROGRESS && op->code == OP_CONNECT_NOWAIT)
                result.error = 0;
        else if (result.error == EINPROGRESS && !wait_for(fd, POLLOUT, WAIT_MS))
                result.error = ETIMEDOUT;
        else if (result.error == EINPROGRESS)
                result.error = getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? errno : error;
        (void)fcntl(fd, F_SETFL, flags);
        (void)set_int(fd, IPPROTO_TCP, TCP_QUICKACK, 1); /* or a FIN waits 40 ms for its ACK */
        result.value = local_port(fd);
        connected = result.error == 0;
        return result;
}

static struct live_result disconnect(int fd)
{
        struct sockaddr none = { .sa_family = AF_UNSPEC };

        return outcome(connect(fd, &none, sizeof(none)));
}

static struct live_result read_eof(int fd)
{
        char byte;
        ssize_t n;

        do {
                if (!wait_for(fd, POLLIN, WAIT_MS))
                        return failed(ETIMEDOUT);
                n = read(fd, &byte, 1);
        } while (n > 0);
        return outcome((int)n);
}

/* A FIN is acknowledged, a TIME_WAIT begun, by softirqs: wait until that was. */
static struct live_result wait_state(int fd, int state)
{
        struct tcp_info info;

        for (int i = 0; i < STATE_SPINS; i++) {
                socklen_t len = sizeof(info);

                if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
                        return failed(errno);
                if (info.tcpi_state == state)
                        return failed(0);
                if (info.tcpi_state == TCP_CLOSE || info.tcpi_state == TCP_LISTEN)
                        return failed(ENOTCONN);
                if (i > 100)
                        (void)nanosleep(&(struct timespec){ .tv_nsec = 50000 }, NULL);
                else
                        sched_yield();
        }
        return failed(ETIMEDOUT);
}

static void reset(uint8_t slot)
{
        struct linger now = { .l_onoff = 1 };
        int fd = live_slot(slot);

        if (fd >= 0)
                (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        drop(slot);
}

static void clear(void)
{
        /* Connections before listeners: the children of a closed listener linger otherwise. */
        for (uint8_t i = LIVE_SLOTS - 8; i > 0; i--)
                reset((uint8_t)(i - 1));
}

static struct live_result drain(int fd)
{
        struct pollfd p = { .fd = fd, .events = POLLIN };
        struct linger now = { .l_onoff = 1 };

        while (poll(&p, 1, 0) == 1) {
                int child = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

                if (child < 0)
                        return outcome(child);
                (void)setsockopt(child, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
                close(child);
        }
        return failed(0);
}

static struct live_result set_range(int first, int last)
{
        char text[32];

        snprintf(text, sizeof(text), "%d %d", first, last);
        return failed(-live_write_sysctl("net/ipv4/ip_local_port_range", text));
}

static struct live_result set_sysctl(const struct live_op *op)
{
        char text[32];

        snprintf(text, sizeof(text), "%d", op->a);
        return failed(-live_write_sysctl(op->address.sa.text, text));
}

/* A child that does nothing but have our descriptors, until the test ends. */
static struct live_result fork_child(void)
{
        char byte;
        pid_t pid = fork();

        if (pid == 0) {
                while (read(inherited_lifeline, &byte, 1) < 0 && errno == EINTR)
                        ;
                _exit(0);
        }
        return (struct live_result){ .error = pid < 0 ? errno : 0, .value = pid };
}

static struct live_result make_file(const char *path)
{
        int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);

        if (fd >= 0)
                close(fd);
        return outcome(fd);
}

static struct live_result make_directory(const char *path, int mode)
{
        if (mkdir(path, 0777) < 0)
                return outcome(-1);
        return outcome(chmod(path, (mode_t)mode));
}

static struct live_result rename_old(const char *path)
{
        char to[sizeof(struct sockaddr_un) + 8];

        snprintf(to, sizeof(to), "%s.old", path);
        return outcome(rename(path, to));
}

static struct live_result remove_path(const char *path)
{
        int r = unlink(path);

        if (r < 0 && (errno == EISDIR || errno == EPERM))
                r = rmdir(path);
        return outcome(r);
}

static struct live_result execute_path(const struct live_op *op)
{
        const char *path = op->address.sa.un.sun_path;

        switch (op->code) {
        case OP_FILE:
                return make_file(path);
        case OP_DIRECTORY:
                return make_directory(path, op->a);
        case OP_SYMLINK:
                return outcome(symlink("nowhere", path));
        case OP_RENAME:
                return rename_old(path);
        case OP_UNLINK:
                return remove_path(path);
        default:
                return failed(ENOSYS);
        }
}

static struct live_result execute_process(const struct live_op *op)
{
        switch (op->code) {
        case OP_CLEAR:
                clear();
                return failed(0);
        case OP_RANGE:
                return set_range(op->a, op->b);
        case OP_SYSCTL:
                return set_sysctl(op);
        case OP_DESTROY:
                return failed(-live_destroy_time_wait());
        case OP_FORK:
                return fork_child();
        case OP_IGNORE_TERM:
                return failed(signal(SIGTERM, SIG_IGN) == SIG_ERR ? errno : 0);
        case OP_KILL:
                return outcome(kill(op->a, op->b));
        case OP_UNSHARE_NET:
                return outcome(unshare(CLONE_NEWNET));
        default:
                return execute_path(op);
        }
}

static struct live_result execute_bind(const struct live_op *op, int fd)
{
        struct live_result result = outcome(bind(fd, &op->address.sa.any, op->address.len));

        result.value = local_port(fd);
        return result;
}

static struct live_result set_device(int fd, int ifindex)
{
        return set_int(fd, SOL_SOCKET, SO_BINDTOIFINDEX, ifindex);
}

static struct live_result execute_option(const struct live_op *op, int fd)
{
        switch (op->code) {
        case OP_REUSEADDR:
                return set_int(fd, SOL_SOCKET, SO_REUSEADDR, op->a);
        case OP_REUSEPORT:
                return set_int(fd, SOL_SOCKET, SO_REUSEPORT, op->a);
        case OP_V6ONLY:
                return set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, op->a);
        case OP_FREEBIND:
                return set_freebind(fd, op->a);
        case OP_NO_PORT:
                return set_int(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, op->a);
        case OP_LINGER2:
                return set_int(fd, IPPROTO_TCP, TCP_LINGER2, op->a);
        case OP_DEVICE:
                return set_device(fd, op->a);
        default:
                return execute_process(op);
        }
}

struct live_result live_execute(const struct live_op *op)
{
        int fd = live_slot(op->slot);

        switch (op->code) {
        case OP_NONE:
                return failed(0);
        case OP_SOCKET:
                return make_socket(op);
        case OP_BIND:
                return execute_bind(op, fd);
        case OP_LISTEN:
                return outcome(listen(fd, op->a));
        case OP_CONNECT:
        case OP_CONNECT_NOWAIT:
                return connect_to(fd, op);
        case OP_DISCONNECT:
                return disconnect(fd);
        case OP_ACCEPT:
                return accept_one(op, fd);
        case OP_SHUTDOWN:
                return outcome(shutdown(fd, op->a));
        case OP_CLOSE:
                drop(op->slot);
                return failed(fd < 0 ? EBADF : 0);
        case OP_RESET:
                reset(op->slot);
                return failed(fd < 0 ? EBADF : 0);
        case OP_CHOWN:
                return outcome(fchown(fd, op->uid, (gid_t)-1));
        case OP_READ_EOF:
                return read_eof(fd);
        case OP_WAIT_STATE:
                return wait_state(fd, op->a);
        case OP_DRAIN:
                return drain(fd);
        default:
                return execute_option(op, fd);
        }
}

/* ------------------------------------------------ a holder's life */

static bool answer(int control, const struct live_op *ops, size_t n)
{
        static struct live_result results[LIVE_MAX_OPS];

        for (size_t i = 0; i < n; i++)
                results[i] = live_execute(&ops[i]);
        return send(control, results, n * sizeof(results[0]), MSG_NOSIGNAL) >= 0;
}

_Noreturn void live_serve(int control, int lifeline)
{
        static struct live_op ops[LIVE_MAX_OPS];
        ssize_t n;

        inherited_lifeline = lifeline;
        for (;;) {
                n = recv(control, ops, sizeof(ops), 0);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0 || !answer(control, ops, (size_t)n / sizeof(ops[0])))
                        break;
        }
        _exit(0);
}
