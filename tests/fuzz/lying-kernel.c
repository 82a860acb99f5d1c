/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A kernel that answers whatever the fuzzer makes up: see lying-kernel.h. */
#include "lying-kernel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/un.h>
#include <sys/utsname.h>

#include "util/sys.h"

#define FIRST_FD 10
#define MOST_FDS 54
#define CALL_NSEC 20000u /* what a call takes */

/* proc-fd.h has the same, and the kernel. */
struct entry {
        uint64_t inode;
        int64_t offset;
        uint16_t bytes;
        uint8_t type;
        char name[];
};

static struct {
        struct bytes *in;
        bool friendly;
        uint16_t port;
        uint64_t open; /* bit for each descriptor from FIRST_FD on */
        uint64_t now;
        struct nlmsghdr request; /* the last one to netlink */
        bool answered;
        unsigned int n_lists;
} lie;

void lie_begin(struct bytes *answers, bool friendly, uint16_t port)
{
        memset(&lie, 0, sizeof(lie));
        lie.in = answers;
        lie.friendly = friendly;
        lie.port = port;
        lie.now = 1;
}

/* Nothing is left of the input: what would be usual? */
static bool is_usual(void)
{
        return lie.friendly && lie.in->n == 0;
}

uint64_t lie_time(void)
{
        return lie.now;
}

void lie_end(uint64_t until_nsec)
{
        require(lie.open == 0);
        require(lie.now <= until_nsec);
}

/* 0, or a plausible negative errno. Where all is hostile: EIO without end. */
static int outcome(void)
{
        static const int errors[] = {
                EIO,    EPERM,  ENOENT,     ESRCH,           EACCES,  EMFILE, ENOMEM, ENOSYS,
                EINVAL, EAGAIN, EOPNOTSUPP, EPROTONOSUPPORT, ENOTDIR, EBADF,  ENODEV, ENOBUFS,
        };
        bool usual = is_usual();
        uint8_t byte = take_byte(lie.in);

        lie.now += CALL_NSEC;
        if (lie.friendly) /* the last bytes: most calls succeed */
                byte = (uint8_t)(255 - byte);
        return !usual && byte < sizeof(errors) / sizeof(errors[0]) ? -errors[byte] : 0;
}

static int new_fd(void)
{
        int r = outcome();

        if (r < 0)
                return r;
        for (int i = 0; i < MOST_FDS; i++)
                if (!(lie.open & (UINT64_C(1) << i))) {
                        lie.open |= UINT64_C(1) << i;
                        return FIRST_FD + i;
                }
        return -EMFILE;
}

static bool is_open(int fd)
{
        return fd == CALLERS_FD ||
               (fd >= FIRST_FD && fd < FIRST_FD + MOST_FDS && lie.open & (UINT64_C(1) << (fd - FIRST_FD)));
}

/* -1, where an open failed, is EBADF to the kernel. Any other number has to be of an open one. */
static bool is_none(int fd)
{
        require(fd == -1 || is_open(fd));
        return fd == -1;
}

static bool is_nowhere(int dirfd, const char *path)
{
        return dirfd != AT_FDCWD && (!path || *path != '/') && is_none(dirfd);
}

/* Small numbers are the interesting ones: they come up twice. */
static uint64_t a_number(void)
{
        uint8_t how = is_usual() ? 3 : take_byte(lie.in);

        return how < 200 ? how : take_number(lie.in, how < 230 ? 2 : how < 250 ? 4 : 8);
}

static uint32_t a_mode(void)
{
        static const uint32_t types[] = { S_IFSOCK, S_IFREG, S_IFDIR, S_IFLNK, S_IFIFO, S_IFCHR, 0 };

        return types[take_byte(lie.in) % (sizeof(types) / sizeof(types[0]))] | 0600;
}

int sys_openat(int dirfd, const char *path, int flags)
{
        (void)flags;
        if (is_nowhere(dirfd, path))
                return -EBADF;
        return new_fd();
}

int sys_openat2(int dirfd, const char *path, int flags, uint64_t resolve)
{
        (void)resolve;
        return sys_openat(dirfd, path, flags);
}

int sys_close(int fd)
{
        if (fd >= 0) {
                require(fd != CALLERS_FD && !is_none(fd));
                lie.open &= ~(UINT64_C(1) << (fd - FIRST_FD));
        }
        return -1;
}

static ssize_t give_text(void *buffer, size_t bytes)
{
        size_t n;
        char *text = take_text(lie.in, bytes < 4096 ? bytes : 4096, &n);

        memcpy(buffer, text, n);
        free(text);
        return (ssize_t)n;
}

ssize_t sys_read(int fd, void *buffer, size_t bytes)
{
        int r = outcome();

        if (is_none(fd))
                return -EBADF;
        return r < 0 ? r : give_text(buffer, bytes);
}

ssize_t sys_getdents(int fd, void *buffer, size_t bytes)
{
        int r = outcome();
        char *at = buffer;
        size_t left = bytes;

        if (is_none(fd))
                return -EBADF;
        if (r < 0)
                return r;
        /* Every other list is at its end. */
        for (unsigned int n = is_usual() ? ++lie.n_lists % 2 : take_byte(lie.in) % 8; n > 0 && left >= 512; n--) {
                struct entry *entry = (struct entry *)(void *)at;
                uint64_t number = a_number();
                size_t size;

                *entry = (struct entry){ .inode = a_number(), .type = take_byte(lie.in) };
                if (number == 199)
                        entry->name[give_text(entry->name, 255)] = '\0';
                else
                        (void)snprintf(entry->name, 32, "%llu", (unsigned long long)number);
                size = (sizeof(*entry) + strlen(entry->name) + 1 + 7) & ~(size_t)7;
                entry->bytes = (uint16_t)size;
                at += size;
                left -= size;
        }
        return (ssize_t)(bytes - left);
}

ssize_t sys_readlinkat(int dirfd, const char *path, char *buffer, size_t bytes)
{
        static const char *const links[] = { "socket:[%llu]", "anon_inode:[io_uring]", "net:[%llu]", "/", "/dev/null",
                                             "pipe:[%llu]" };
        int r = outcome();
        uint8_t which = take_byte(lie.in);
        char text[64];

        if (is_nowhere(dirfd, path))
                return -EBADF;
        if (r < 0)
                return r;
        if (which >= 100)
                return give_text(buffer, bytes);
        (void)snprintf(text, sizeof(text), links[which % (sizeof(links) / sizeof(links[0]))],
                       (unsigned long long)a_number());
        memcpy(buffer, text, strlen(text) < bytes ? strlen(text) : bytes);
        return (ssize_t)(strlen(text) < bytes ? strlen(text) : bytes);
}

static int give_stat(struct stat *ret)
{
        int r = outcome();

        if (r < 0)
                return r;
        memset(ret, 0, sizeof(*ret));
        ret->st_mode = a_mode();
        ret->st_ino = (ino_t)a_number();
        ret->st_dev = (dev_t)a_number();
        ret->st_uid = (uid_t)a_number();
        return 0;
}

int sys_fstat(int fd, struct stat *ret)
{
        if (is_none(fd))
                return -EBADF;
        return give_stat(ret);
}

int sys_fstatat(int dirfd, const char *path, struct stat *ret, int flags)
{
        (void)flags;
        if (is_nowhere(dirfd, path))
                return -EBADF;
        return give_stat(ret);
}

int sys_faccessat(int dirfd, const char *path, int mode)
{
        (void)mode;
        if (is_nowhere(dirfd, path))
                return -EBADF;
        return outcome();
}

int sys_fstatfs_type(int fd, long *ret_type)
{
        static const long types[] = { 0x9fa0, 0x9fa0, 0x9fa0, 0x63677270, 0x27e0eb, 0x1021994 };
        int r = outcome();

        if (is_none(fd))
                return -EBADF;
        if (r >= 0)
                *ret_type = types[take_byte(lie.in) % (sizeof(types) / sizeof(types[0]))];
        return r;
}

int sys_fstatfs_is_full(int fd, bool *ret_full)
{
        int r = outcome();

        if (is_none(fd))
                return -EBADF;
        if (r >= 0)
                *ret_full = take_byte(lie.in) & 1;
        return r;
}

int sys_statx_inode(int dirfd, const char *path, uint64_t *ret_inode, uint32_t *ret_mode)
{
        int r = outcome();

        if (is_nowhere(dirfd, path))
                return -EBADF;
        if (r < 0)
                return r;
        *ret_inode = a_number();
        *ret_mode = a_mode();
        return 0;
}

int sys_statx_attributes(int fd, uint64_t *ret_attributes)
{
        int r = outcome();

        if (is_none(fd))
                return -EBADF;
        if (r >= 0)
                *ret_attributes = a_number();
        return r;
}

int sys_socketpair(int type, int ret_fds[2])
{
        int one, other;

        (void)type;
        one = new_fd();
        if (one < 0)
                return one;
        other = new_fd();
        if (other < 0) {
                sys_close(one);
                return other;
        }
        ret_fds[0] = one;
        ret_fds[1] = other;
        return 0;
}

int sys_socket(int family, int type, int protocol)
{
        (void)family, (void)type, (void)protocol;
        return new_fd();
}

int sys_bind(int fd, const struct sockaddr *address, socklen_t bytes)
{
        static const int errors[] = { EADDRINUSE, EADDRNOTAVAIL, EACCES, EINVAL };
        uint8_t byte = take_byte(lie.in);

        (void)address, (void)bytes;
        if (is_none(fd))
                return -EBADF;
        require(fd != CALLERS_FD);
        return byte < 16 ? -errors[byte % 4] : 0;
}

int sys_listen(int fd, int backlog)
{
        (void)backlog;
        if (is_none(fd))
                return -EBADF;
        require(fd != CALLERS_FD);
        return outcome();
}

/* What connect(2) says about a path to a socket that is connected already. */
int sys_connect(int fd, const struct sockaddr *address, socklen_t bytes)
{
        static const int errors[] = { ECONNREFUSED, EPROTOTYPE, EISCONN, EAGAIN, ENOENT, EACCES };
        int r;

        (void)address, (void)bytes;
        if (is_none(fd))
                return -EBADF;
        require(fd != CALLERS_FD);
        r = outcome();
        return r < 0 ? r : -errors[take_byte(lie.in) % (sizeof(errors) / sizeof(errors[0]))];
}

int sys_accept(int fd)
{
        if (is_none(fd))
                return -EBADF;
        return new_fd();
}

int sys_epoll_create(void)
{
        return new_fd();
}

static int of_two(int one, int other)
{
        if (is_none(one) || is_none(other))
                return -EBADF;
        return outcome();
}

int sys_epoll_add(int epoll, int fd)
{
        return of_two(epoll, fd);
}

int sys_epoll_remove(int epoll, int fd)
{
        return of_two(epoll, fd);
}

int sys_inotify_init(void)
{
        return new_fd();
}

int sys_inotify_add_watch(int fd, const char *path, uint32_t mask)
{
        (void)path, (void)mask;
        if (is_none(fd))
                return -EBADF;
        return outcome();
}

int sys_setsockopt(int fd, int level, int option, const void *value, socklen_t bytes)
{
        (void)value, (void)bytes;
        return sys_setsockopt_int(fd, level, option, 0);
}

int sys_setsockopt_int(int fd, int level, int option, int value)
{
        (void)level, (void)option, (void)value;
        if (is_none(fd))
                return -EBADF;
        require(fd != CALLERS_FD);
        return outcome();
}

/* /proc said that the caller has a socket there; it may be closed by now, or never have been. */
int sys_getsockopt(int fd, int level, int option, void *value, socklen_t *bytes)
{
        int r = outcome();

        (void)level, (void)option;
        if (!is_open(fd))
                return -EBADF;
        if (r < 0)
                return r;
        take_into(lie.in, value, *bytes);
        if (*bytes > 4)
                *bytes -= take_byte(lie.in) % *bytes;
        return 0;
}

int sys_getsockopt_int(int fd, int level, int option, int *ret_value)
{
        int r = outcome();

        (void)level, (void)option;
        if (!is_open(fd))
                return -EBADF;
        if (r >= 0)
                *ret_value = (int)a_number();
        return r;
}

int sys_getsockname(int fd, struct sockaddr *address, socklen_t *bytes)
{
        static const sa_family_t families[] = { AF_INET, AF_INET6, AF_UNIX, AF_NETLINK };
        static const socklen_t lengths[] = { sizeof(struct sockaddr_in), sizeof(struct sockaddr_in6), 0, 12 };
        struct sockaddr_storage name;
        int r = outcome();
        uint8_t which = take_byte(lie.in) % 4;
        socklen_t length = lengths[which];

        if (!is_open(fd))
                return -EBADF;
        if (r < 0)
                return r;
        take_into(lie.in, &name, sizeof(name));
        name.ss_family = families[which];
        if (which == 2)
                length = (socklen_t)(sizeof(sa_family_t) + take_byte(lie.in) % sizeof(struct sockaddr_un));
        memcpy(address, &name, length < *bytes ? length : *bytes);
        *bytes = length;
        return 0;
}

ssize_t sys_send(int fd, const void *bytes, size_t n)
{
        struct nlmsghdr header;
        int r = outcome();

        if (is_none(fd))
                return -EBADF;
        require(n >= sizeof(header));
        memcpy(&header, bytes, sizeof(header));
        require(header.nlmsg_len == n);
        lie.request = header;
        lie.answered = false;
        return r < 0 ? r : (ssize_t)n;
}

/* One message that the header says is as long as it is, mostly. */
static size_t give_message(unsigned char *to, size_t room)
{
        static const uint16_t types[] = { NLMSG_DONE,   NLMSG_ERROR, SOCK_DIAG_BY_FAMILY,
                                          RTM_NEWROUTE, RTM_NEWADDR, RTM_NEWLINK,
                                          0x10,         0x0a06 };
        uint8_t which = take_byte(lie.in);
        struct nlmsghdr header = { .nlmsg_seq = lie.request.nlmsg_seq };
        size_t payload = take_byte(lie.in), size;

        header.nlmsg_type = which < 240 ? types[which % 8] : (uint16_t)take_number(lie.in, 2);
        if (which & 8)
                header.nlmsg_flags = (uint16_t)take_number(lie.in, 2);
        if (header.nlmsg_type == SOCK_DIAG_BY_FAMILY)
                payload += sizeof(struct inet_diag_msg);
        size = NLMSG_SPACE(payload);
        if (size > room)
                return 0;
        header.nlmsg_len = which == 239 ? (uint32_t)take_number(lie.in, 4) : (uint32_t)NLMSG_LENGTH(payload);
        memcpy(to, &header, sizeof(header));
        take_into(lie.in, to + NLMSG_HDRLEN, size - NLMSG_HDRLEN);
        return size;
}

/* A listener on the port, the route of a local address, or nothing. */
static size_t give_usual(unsigned char *to)
{
        struct nlmsghdr header = { .nlmsg_seq = lie.request.nlmsg_seq, .nlmsg_type = NLMSG_DONE };
        struct inet_diag_msg socket = { .idiag_family = AF_INET, .idiag_state = 10, .idiag_inode = 3 };
        struct rtmsg route = {
                .rtm_family = AF_INET, .rtm_dst_len = 32, .rtm_table = RT_TABLE_LOCAL, .rtm_type = RTN_LOCAL
        };
        const void *payload = NULL;
        size_t bytes = 4;

        socket.id.idiag_sport = htons(lie.port);
        memset(to, 0, 256);
        if (!lie.answered && lie.request.nlmsg_type == SOCK_DIAG_BY_FAMILY) {
                payload = &socket;
                bytes = sizeof(socket);
                header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
        }
        if (!lie.answered && lie.request.nlmsg_type == RTM_GETROUTE) {
                payload = &route;
                bytes = sizeof(route);
                header.nlmsg_type = RTM_NEWROUTE;
        }
        lie.answered = true;
        header.nlmsg_len = (uint32_t)NLMSG_LENGTH(bytes);
        memcpy(to, &header, sizeof(header));
        if (payload)
                memcpy(to + NLMSG_HDRLEN, payload, bytes);
        return NLMSG_SPACE(bytes);
}

ssize_t sys_recvmsg(int fd, struct msghdr *message, int flags)
{
        int r = outcome();
        struct sockaddr_nl from = { .nl_family = AF_NETLINK };
        unsigned char *to = message->msg_iov->iov_base;
        size_t room = message->msg_iov->iov_len, have = 0;
        bool usual = is_usual();
        uint8_t how = take_byte(lie.in);

        (void)flags;
        if (is_none(fd))
                return -EBADF;
        if (r < 0)
                return r;
        if (usual)
                have = give_usual(to);
        for (unsigned int n = usual ? 0 : 1 + how % 4; n > 0; n--)
                have += give_message(to + have, room - have);
        if (how == 255)
                from.nl_pid = 4242;
        if (how == 254)
                message->msg_flags |= MSG_TRUNC;
        if (how == 253)
                have -= have < 7 ? have : 7;
        if (message->msg_name)
                memcpy(message->msg_name, &from,
                       message->msg_namelen < sizeof(from) ? message->msg_namelen : sizeof(from));
        message->msg_namelen = sizeof(from);
        return (ssize_t)have;
}

int sys_poll(struct pollfd *fds, unsigned int n, int timeout_msec)
{
        int r = outcome();

        for (unsigned int i = 0; i < n; i++)
                require(!is_none(fds[i].fd));
        require(timeout_msec >= 0); /* never without an end */
        if (r < 0) {
                lie.now += (uint64_t)timeout_msec * 1000000u;
                return r == -EIO ? 0 : r;
        }
        for (unsigned int i = 0; i < n; i++)
                fds[i].revents = fds[i].events;
        return (int)n;
}

/* All that is asked in this way is a descriptor, or fits into 16 bytes (struct ifreq has a name before it). */
int sys_ioctl(int fd, unsigned long request, uintptr_t argument)
{
        (void)request, (void)argument;
        if (!is_open(fd))
                return -EBADF;
        return argument == 0 ? new_fd() : outcome();
}

int sys_dup(int fd)
{
        if (is_none(fd))
                return -EBADF;
        return new_fd();
}

int sys_open_cgroup(int mount, uint64_t id)
{
        (void)id;
        if (is_none(mount))
                return -EBADF;
        return new_fd();
}

int sys_pidfd_open(pid_t pid)
{
        require(pid > 0);
        return new_fd();
}

int sys_pidfd_getfd(int pidfd, int fd)
{
        require(fd >= 0);
        if (is_none(pidfd))
                return -EBADF;
        return new_fd();
}

int sys_setns(int fd, int type)
{
        (void)type;
        if (is_none(fd))
                return -EBADF;
        return outcome();
}

int sys_uname(struct utsname *ret)
{
        int r = outcome();

        if (r < 0)
                return r;
        memset(ret, 0, sizeof(*ret));
        if (take_byte(lie.in) < 128)
                (void)snprintf(ret->release, sizeof(ret->release), "%u.%u.0", take_byte(lie.in) % 8u,
                               take_byte(lie.in) % 24u);
        else
                (void)give_text(ret->release, sizeof(ret->release) - 1);
        return 0;
}

pid_t sys_getpid(void)
{
        return 42;
}

uid_t sys_geteuid(void)
{
        return 0;
}

int sys_capget(uint64_t *ret_effective)
{
        int r = outcome();

        if (r < 0)
                return r;
        *ret_effective = take_byte(lie.in) < 128 ? 0 : UINT64_MAX;
        return 0;
}

uint64_t sys_now_nsec(void)
{
        return lie.now += 1000;
}

uint64_t sys_real_usec(void)
{
        return 1700000000000000u + lie.now / 1000u;
}

int sys_local_time(uint64_t real_usec, struct tm *ret)
{
        time_t seconds = (time_t)(real_usec / 1000000u);

        return outcome() < 0 || !gmtime_r(&seconds, ret) ? -EOVERFLOW : 0;
}

uint64_t sys_boot_usec(void)
{
        return 1700000000000000u;
}

/* What a file of that name may well say: raw bytes seldom get past the first field. */
static const char *usual_text(const char *path)
{
        static const struct {
                const char *name, *text;
        } usual[] = {
                { "/stat", "7 (nginx) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 12345 1 1 18446744073709551615\n" },
                { "/status", "Name:\tnginx\nUid:\t0\t0\t0\t0\nNSpid:\t7\nSigQ:\t1/9\nSigPnd:\t0000000000000000\n"
                             "ShdPnd:\t0000000000000000\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001000\n"
                             "SigCgt:\t0000000000004000\nCapEff:\t000001ffffffffff\nSeccomp:\t0\n" },
                { "/cgroup", "0::/system.slice/a.service\n" },
                { "/comm", "nginx\n" },
                { "ip_local_port_range", "32768\t60999\n" },
                { "reserved_ports", "8080,9148-9150\n" },
                { "unprivileged_port_start", "1024\n" },
                { "net/tcp",
                  "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
                  "   0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3 "
                  "1 0 100 0 0 10 0\n" },
                { "net/if_inet6", "00000000000000000000000000000001 01 80 10 80       lo\n" },
                { "net/unix", "Num       RefCount Protocol Flags    Type St Inode Path\n"
                              "0: 00000002 00000000 00010000 0001 01 3 /x\n" },
        };

        for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
                size_t n = strlen(usual[i].name), bytes = strlen(path);

                if (bytes >= n && strcmp(path + bytes - n, usual[i].name) == 0)
                        return usual[i].text;
                if (*usual[i].name == '/' && strcmp(path, usual[i].name + 1) == 0)
                        return usual[i].text;
        }
        return NULL;
}

/* malloc()ed. One byte of the usual text may be another. */
static char *a_file(const char *path, size_t most, size_t *ret_n)
{
        const char *usual = usual_text(path);
        uint8_t how = is_usual() ? 255 : take_byte(lie.in);
        char *text;
        size_t n;

        if (!usual || how < 64)
                return take_text(lie.in, most < 4096 ? most : 4096, ret_n);
        n = strlen(usual) < most ? strlen(usual) : most;
        text = fuzz_string((const uint8_t *)usual, n);
        if (how < 128 && n > 0)
                text[take_byte(lie.in) % n] = (char)take_byte(lie.in);
        *ret_n = n;
        return text;
}

/* As in sys.c, but of one text: a file is not longer than what the fuzzer makes of it. */
ssize_t sys_read_file(int dirfd, const char *path, char *buffer, size_t bytes)
{
        size_t n;
        char *text;
        int r = sys_read_file_alloc(dirfd, path, bytes - 1, &text, &n);

        if (r < 0)
                return r;
        memcpy(buffer, text, n);
        buffer[n] = '\0';
        free(text);
        return (ssize_t)n;
}

int sys_read_file_alloc(int dirfd, const char *path, size_t most, char **ret_text, size_t *ret_bytes)
{
        int fd = sys_openat(dirfd, path, 0);
        size_t n;

        if (fd < 0)
                return fd;
        sys_close(fd);
        *ret_text = a_file(path, most, &n);
        if (ret_bytes)
                *ret_bytes = n;
        return 0;
}
