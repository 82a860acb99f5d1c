/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A kernel that answers nonsense, or another process that answers in its place. */
#include <ctype.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "worlds.h"

enum tampering {
        NONE,
        CUT,
        TRUNCATED,
        REORDERED,
        REFUSED,
        OTHER_NUMBER,
        INTERRUPTED,
        OTHER_ATTRIBUTES,
        SPOOFED,
        NOISE,
        EMPTY,
        ENDLESS
};
static enum tampering tampering;
static struct live_random noise;
static unsigned int tampered;

static bool is_netlink(int fd)
{
        int domain = 0;
        socklen_t bytes = sizeof(domain);

        return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &bytes) == 0 && domain == AF_NETLINK;
}

static struct nlmsghdr *message_at(char *buffer, size_t n, size_t at)
{
        struct nlmsghdr *m = (struct nlmsghdr *)(void *)(buffer + at);

        return at + sizeof(*m) <= n && m->nlmsg_len >= sizeof(*m) && m->nlmsg_len <= n - at ? m : NULL;
}

static void change_attributes(char *buffer, size_t n)
{
        struct nlmsghdr *m;

        for (size_t at = 0; (m = message_at(buffer, n, at)); at += NLMSG_ALIGN(m->nlmsg_len)) {
                struct nlattr *a = (struct nlattr *)((char *)NLMSG_DATA(m) + sizeof(struct inet_diag_msg));

                if (m->nlmsg_type == NLMSG_DONE || m->nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg)) + 4)
                        continue;
                a->nla_type = 0x3ffe;
                a->nla_len = 0xfff0; /* longer than the message */
        }
}

static void interrupt(char *buffer, size_t n)
{
        struct nlmsghdr *m;

        for (size_t at = 0; (m = message_at(buffer, n, at)); at += NLMSG_ALIGN(m->nlmsg_len))
                m->nlmsg_flags |= NLM_F_DUMP_INTR;
}

/* The last message comes first; a DONE stays where it is. */
static void reorder(char *buffer, size_t n)
{
        char *copy = malloc(n);
        size_t end = 0, to = 0;
        struct nlmsghdr *m;

        while ((m = message_at(buffer, n, end)) && m->nlmsg_type != NLMSG_DONE)
                end += NLMSG_ALIGN(m->nlmsg_len);
        if (!copy)
                wrong("no memory");
        for (to = end; to > 0;) {
                size_t at = 0, last = 0;

                for (; at < to; at += NLMSG_ALIGN(message_at(buffer, n, at)->nlmsg_len))
                        last = at;
                memcpy(copy + end - to, buffer + last, to - last);
                to = last;
        }
        memcpy(buffer, copy, end);
        free(copy);
}

/* An error in place of the answer. */
static ssize_t refuse(char *buffer, size_t n, int error)
{
        struct nlmsghdr *m = (struct nlmsghdr *)(void *)buffer;
        struct nlmsgerr *e = NLMSG_DATA(m);

        if (n < NLMSG_LENGTH(sizeof(*e)))
                return (ssize_t)n;
        m->nlmsg_type = NLMSG_ERROR;
        m->nlmsg_len = NLMSG_LENGTH(sizeof(*e));
        memset(e, 0, sizeof(*e));
        e->error = -error;
        return (ssize_t)m->nlmsg_len;
}

static ssize_t tamper(struct msghdr *message, ssize_t n)
{
        static unsigned int turn;
        char *buffer = message->msg_iov[0].iov_base;
        struct sockaddr_nl *from = message->msg_name;

        tampered++;
        switch (tampering) {
        case CUT:
                return n / 2;
        case TRUNCATED:
                message->msg_flags |= MSG_TRUNC;
                return n - n / 4;
        case REORDERED:
                reorder(buffer, (size_t)n);
                return n;
        case REFUSED:
                return refuse(buffer, (size_t)n, turn++ % 2 ? EBUSY : EPERM);
        case OTHER_NUMBER: /* an answer to an older question */
                ((struct nlmsghdr *)buffer)->nlmsg_seq--;
                return n;
        case INTERRUPTED:
                interrupt(buffer, (size_t)n);
                return n;
        case OTHER_ATTRIBUTES:
                change_attributes(buffer, (size_t)n);
                return n;
        case SPOOFED: /* as if another process had sent it */
                if (from)
                        from->nl_pid = 4711;
                return n;
        case NOISE:
                for (unsigned int i = live_below(&noise, 8); i > 0; i--)
                        buffer[live_below(&noise, (unsigned int)n)] ^= (char)(1u << live_below(&noise, 8));
                return live_chance(&noise, 4) ? (ssize_t)live_below(&noise, (unsigned int)n) + 1 : n;
        case EMPTY:
                return 0;
        case ENDLESS: /* the DONE never comes */
                if (n >= NLMSG_HDRLEN && ((struct nlmsghdr *)buffer)->nlmsg_type == NLMSG_DONE)
                        ((struct nlmsghdr *)buffer)->nlmsg_type = NLMSG_NOOP;
                turn++;
                return n;
        default:
                return n;
        }
}

/* Everybody in this program receives through here, libnl too. */
ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
        ssize_t n = syscall(SYS_recvmsg, fd, message, flags);

        return tampering == NONE || n <= 0 || !is_netlink(fd) ? n : tamper(message, n);
}

static void with_tampering(enum tampering how)
{
        tampering = how;
        tampered = 0;
        (void)check_both(500000);
        tampering = NONE;
        if (tampered == 0)
                wrong("nothing was tampered with");
        must_know(0);
}

void netlink_cut(void)
{
        with_tampering(CUT);
}
void netlink_truncated(void)
{
        with_tampering(TRUNCATED);
}
void netlink_refused(void)
{
        with_tampering(REFUSED);
}
void netlink_other_number(void)
{
        with_tampering(OTHER_NUMBER);
}

/* Many messages, and the order is nothing to rely on. */
void netlink_reordered(void)
{
        enum { MANY = 40, CROWDED = 7011 };
        size_t n[2];

        for (int i = 0; i < MANY; i++) {
                struct live_address address = live_ip("127.0.0.1", CROWDED, 0);
                int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

                setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
                if (bind(fd, &address.sa.any, address.len) < 0)
                        wrong("bind");
        }
        for (int i = 0; i < 2; i++) {
                struct aiu_report *report;

                tampering = i ? REORDERED : NONE;
                report = ask(CROWDED, 0);
                check_report(report, AIU_VERDICT_IN_USE);
                n[i] = aiu_report_get_n_conflicts(report);
                aiu_report_unref(report);
        }
        if (n[0] == 0 || n[0] != n[1])
                wrong("%zu conflicts, and %zu in another order", n[0], n[1]);
        with_tampering(REORDERED);
        if (tampered == 0)
                wrong("nothing was tampered with");
}
void netlink_interrupted(void)
{
        with_tampering(INTERRUPTED);
}
void netlink_other_attributes(void)
{
        with_tampering(OTHER_ATTRIBUTES);
}
void netlink_spoofed(void)
{
        with_tampering(SPOOFED);
}
void netlink_empty(void)
{
        with_tampering(EMPTY);
}
void netlink_endless(void)
{
        with_tampering(ENDLESS);
}

/* Bits flip: nothing can be promised of the answer, but that there is one. */
void netlink_noise(void)
{
        unsigned int fds = live_count_fds();

        tampering = NOISE;
        for (int i = 0; i < 1000; i++) {
                struct aiu_report *report;
                char *text = NULL;

                noise.state = (uint64_t)i * 7919 + 1;
                report = ask(i % 2 ? HELD : FREE, 10000);
                if (aiu_report_to_text(report, AIU_RENDER_VERBOSE, &text) < 0)
                        wrong("round %d is not rendered", i);
                for (const char *p = text; *p; p++)
                        if (*p != '\n' && !isprint((unsigned char)*p))
                                wrong("round %d prints byte %02x", i, (unsigned char)*p);
                free(text);
                aiu_report_unref(report);
        }
        tampering = NONE;
        if (live_count_fds() != fds)
                wrong("a descriptor is left");
        must_know(0);
}
