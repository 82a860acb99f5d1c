/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Are the kernel's tables read as they are? Sockets of our own, of TCP and UDP, IPv4 and IPv6, one of them a minisock,
 * must be seen with the right bits, and one of them must be found among our descriptors. A program that sees nothing
 * fails in no other way: see port.bpf.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>

#include "bpf/module.h"
#include "util/macro.h"
#include "util/missing.h"
#include "util/sys.h"

enum {
        KERNEL_FIN_WAIT2 = 5,
        KERNEL_CLOSE = 7,
        PORT_LOCKED = 8,
};

struct scene {
        int family, protocol;
        bool reuseaddr, reuseport;
};

static const struct scene scenes[] = {
        { AF_INET, IPPROTO_TCP, true, false },  { AF_INET, IPPROTO_TCP, false, true },
        { AF_INET6, IPPROTO_TCP, false, true }, { AF_INET, IPPROTO_UDP, true, false },
        { AF_INET6, IPPROTO_UDP, false, true },
};

union address {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
};

/* ------------------------------------------------------ a socket and what is seen of it */

static int type_of(int protocol)
{
        return protocol == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM;
}

static int port_of(int fd, uint16_t *ret_port)
{
        union address address;
        socklen_t bytes = sizeof(address);
        int r = sys_getsockname(fd, &address.any, &bytes);

        if (r >= 0)
                *ret_port = ntohs(address.in.sin_port);
        return r;
}

/* On the wildcard address, which every namespace has. Not listening, it answers nothing. */
static int bind_scene(int fd, const struct scene *scene, uint16_t port)
{
        union address address;
        int r;

        memset(&address, 0, sizeof(address));
        address.any.sa_family = (sa_family_t)scene->family;
        address.in.sin_port = htons(port);
        r = sys_setsockopt_int(fd, SOL_SOCKET, SO_REUSEADDR, scene->reuseaddr);
        if (r >= 0)
                r = sys_setsockopt_int(fd, SOL_SOCKET, SO_REUSEPORT, scene->reuseport);
        if (r >= 0 && scene->family == AF_INET6)
                r = sys_setsockopt_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
        return r < 0 ? r
                     : sys_bind(fd, &address.any, scene->family == AF_INET ? sizeof(address.in) : sizeof(address.in6));
}

static const struct wire_socket *find_inode(const struct wire *wire, uint64_t inode)
{
        for (uint32_t i = 0; i < wire->n_sockets; i++)
                if (wire->sockets[i].inode == inode)
                        return &wire->sockets[i];
        return NULL;
}

static bool is_zero(const uint8_t bytes[16])
{
        static const uint8_t zeros[16];

        return memcmp(bytes, zeros, sizeof(zeros)) == 0;
}

static bool has_right_bits(const struct wire_socket *seen, const struct scene *scene, bool named_port)
{
        return seen->family == scene->family && seen->state == KERNEL_CLOSE && seen->reuseaddr == scene->reuseaddr &&
               seen->reuseport == scene->reuseport && seen->v6only == (scene->family == AF_INET6) && !seen->minisock &&
               seen->ifindex == 0 && seen->peer_port == 0 && seen->file != 0 && seen->references >= 1 &&
               is_zero(seen->local) && is_zero(seen->peer) && !(seen->locks & PORT_LOCKED) == !named_port;
}

/* 1: it is seen as it is. */
static int check_socket(struct module *module, int fd, const struct scene *scene, uint16_t port, bool named_port,
                        uint64_t *ret_file)
{
        const struct wire_socket *seen;
        uint64_t cookie = 0;
        socklen_t bytes = sizeof(cookie);
        struct stat st;
        int r = sys_getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &bytes);

        if (r >= 0)
                r = sys_fstat(fd, &st);
        if (r >= 0)
                r = run_walk(module, scene->protocol, port);
        if (r < 0)
                return r;
        seen = find_inode(module->wire, st.st_ino);
        if (!seen || !has_right_bits(seen, scene, named_port) || seen->cookie != cookie || seen->uid != st.st_uid ||
            seen->port != port)
                return 0;
        *ret_file = seen->file;
        return 1;
}

/* ------------------------------------------------------ its holder */

static bool is_found(const struct wire *wire, int fd)
{
        for (uint32_t i = 0; i < wire->n_hits; i++)
                if (wire->hits[i].fd == (uint32_t)fd && wire->hits[i].pid == (uint32_t)sys_getpid())
                        return true;
        return false;
}

static int check_holder(struct module *module, int fd, uint64_t file)
{
        struct wire *wire = module->wire;
        struct stat st;
        int r;

        wire->wanted[0] = file;
        wire->n_wanted = 1;
        r = run_find_holders(module, sys_getpid());
        if (r >= 0 || r == -ENOBUFS)
                r = run_read_files(module);
        if (r >= 0)
                r = sys_fstat(fd, &st);
        if (r < 0)
                return r;
        return is_found(wire, fd) && wire->inodes[0] == st.st_ino && wire->references[0] >= 1;
}

/* ------------------------------------------------------ a scene */

/* With SO_REUSEPORT a second socket of ours goes to the same port, which it names. */
static int check_second(struct module *module, const struct scene *scene, uint16_t port)
{
        int fd = sys_socket(scene->family, type_of(scene->protocol), scene->protocol), r;
        uint64_t file;

        if (fd < 0)
                return fd;
        r = bind_scene(fd, scene, port);
        if (r >= 0)
                r = check_socket(module, fd, scene, port, true, &file);
        (void)sys_close(fd);
        return r;
}

static int check_bound(struct module *module, int fd, const struct scene *scene)
{
        uint16_t port = 0;
        uint64_t file;
        int r = bind_scene(fd, scene, 0);

        if (r >= 0)
                r = port_of(fd, &port);
        if (r >= 0)
                r = check_socket(module, fd, scene, port, false, &file);
        if (r == 1 && scene->reuseport)
                r = check_second(module, scene, port);
        if (r == 1 && scene == &scenes[0])
                r = check_holder(module, fd, file);
        return r;
}

/* 1: seen as it is; 0: not. A host without IPv6 has no such sockets, and the rule is not needed. */
static int check_scene(struct module *module, const struct scene *scene)
{
        int fd = sys_socket(scene->family, type_of(scene->protocol), scene->protocol), r;

        if (fd < 0)
                return fd == -EAFNOSUPPORT && scene->family == AF_INET6 ? 1 : fd;
        r = check_bound(module, fd, scene);
        (void)sys_close(fd);
        return r;
}

/* ------------------------------------------------------ a program that is attached */

static bool is_told(struct module *module, int fd, enum aiu_tristate attached)
{
        uint64_t cookie;
        socklen_t bytes = sizeof(cookie);
        struct stat st;

        return sys_getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &bytes) >= 0 && sys_fstat(fd, &st) >= 0 &&
               run_find_own(module, sys_getpid(), cookie, st.st_ino) == attached;
}

/* Not where the kernel refuses to attach one: then what is seen of groups is not trusted. */
static void check_group(struct module *module)
{
        struct sock_filter filter = BPF_STMT(BPF_RET | BPF_K, 0);
        const struct sock_fprog program = { .len = 1, .filter = &filter };
        int fd = sys_socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP);

        if (fd < 0)
                return;
        module->groups_proven =
                sys_setsockopt_int(fd, SOL_SOCKET, SO_REUSEPORT, 1) >= 0 && is_told(module, fd, AIU_TRISTATE_NO) &&
                sys_setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program)) >= 0 &&
                is_told(module, fd, AIU_TRISTATE_YES);
        (void)sys_close(fd);
}

/* ------------------------------------------------------ a minisock */

#define LINGER_SECONDS 40
#define MOST_WAITS 50
#define WAIT_MSEC 4

/* The frequency of the kernel's clock that fits best. */
static unsigned int guess_hz(int64_t jiffies)
{
        static const unsigned int known[] = { 24, 32, 48, 64, 100, 128, 200, 250, 256, 300, 512, 1000, 1024, 1200 };

        for (size_t i = 0; i < ELEMENTSOF(known); i++)
                if (jiffies <= (int64_t)known[i] * LINGER_SECONDS && jiffies > (int64_t)known[i] * (LINGER_SECONDS - 1))
                        return known[i];
        return 0;
}

static bool is_our_minisock(const struct wire_socket *seen, const union address *server, const union address *client)
{
        return seen->minisock && seen->state == KERNEL_FIN_WAIT2 && seen->reuseaddr && !seen->reuseport &&
               seen->inode == 0 && seen->peer_port == client->in.sin_port &&
               memcmp(seen->local, &server->in.sin_addr, 4) == 0 && memcmp(seen->peer, &client->in.sin_addr, 4) == 0;
}

/* The FIN travels through a queue of the kernel, so that may take a moment. */
static void await_minisock(struct module *module, const union address *server, const union address *client)
{
        const struct wire *wire = module->wire;

        for (int i = 0; i < MOST_WAITS && !module->minisocks_proven; i++) {
                if (i > 0)
                        (void)sys_poll(NULL, 0, WAIT_MSEC);
                if (run_walk(module, IPPROTO_TCP, ntohs(server->in.sin_port)) < 0)
                        return;
                for (uint32_t k = 0; k < wire->n_sockets; k++)
                        if (is_our_minisock(&wire->sockets[k], server, client)) {
                                module->minisocks_proven = true;
                                module->hz = guess_hz(wire->sockets[k].jiffies_left);
                        }
        }
}

static int name_both(int listener, int client, union address *ret_server, union address *ret_client)
{
        socklen_t server_bytes = sizeof(*ret_server), client_bytes = sizeof(*ret_client);
        int r = sys_getsockname(listener, &ret_server->any, &server_bytes);

        return r < 0 ? r : sys_getsockname(client, &ret_client->any, &client_bytes);
}

/* connect(2) to nowhere: the kernel sends a reset, and forgets the connection. */
static void reset(int fd)
{
        const struct sockaddr nowhere = { .sa_family = AF_UNSPEC };

        (void)sys_connect(fd, &nowhere, sizeof(nowhere));
}

/* Both ends are on the loopback device. A filter may drop what we send, so nothing waits for long. */
static int connect_pair(int listener, int client)
{
        union address address = { .in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) } };
        struct pollfd ready = { .fd = listener, .events = POLLIN };
        socklen_t bytes = sizeof(address);
        int r = sys_setsockopt_int(listener, SOL_SOCKET, SO_REUSEADDR, 1);

        if (r >= 0)
                r = sys_bind(listener, &address.any, sizeof(address.in));
        if (r >= 0)
                r = sys_listen(listener, 1);
        if (r >= 0)
                r = sys_getsockname(listener, &address.any, &bytes);
        if (r >= 0)
                r = sys_connect(client, &address.any, sizeof(address.in));
        if (r < 0 && r != -EINPROGRESS)
                return r;
        r = sys_poll(&ready, 1, MOST_WAITS * WAIT_MSEC);
        return r > 0 ? 0 : -ETIME;
}

/*
 * Our end closes first and the other does not, so the kernel keeps a minisock in FIN_WAIT2. The other end then resets
 * the connection, and nothing is left of it.
 */
static void try_minisock(struct module *module, int listener, int client)
{
        union address server, other;
        int accepted;

        if (connect_pair(listener, client) < 0 || name_both(listener, client, &server, &other) < 0)
                return;
        accepted = sys_accept(listener);
        if (accepted < 0)
                return;
        if (sys_setsockopt_int(accepted, IPPROTO_TCP, TCP_LINGER2, LINGER_SECONDS) < 0)
                reset(accepted);
        (void)sys_close(accepted);
        await_minisock(module, &server, &other);
}

/* Without a loopback device that is up there is none, and what looks like a minisock is not trusted. */
static void check_minisock(struct module *module)
{
        int listener = sys_socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
        int client = sys_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP);

        if (listener >= 0 && client >= 0)
                try_minisock(module, listener, client);
        if (client >= 0)
                reset(client);
        (void)sys_close(client);
        (void)sys_close(listener);
}

int module_self_test(struct module *module)
{
        int r;

        module->has_udp = run_walk(module, IPPROTO_UDP, 1) != -EOPNOTSUPP;
        for (size_t i = 0; i < ELEMENTSOF(scenes); i++) {
                if (scenes[i].protocol == IPPROTO_UDP && !module->has_udp)
                        continue;
                r = check_scene(module, &scenes[i]);
                if (r != 1)
                        return r == -ENOMEM ? r : -EOPNOTSUPP;
        }
        check_group(module);
        check_minisock(module);
        return 0;
}
