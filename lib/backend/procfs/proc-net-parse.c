/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One line of /proc/net/{tcp,tcp6,udp,udp6,udplite,udplite6,unix}, as printed by get_tcp4_sock(),
 * get_timewait4_sock(), udp4_format_sock(), unix_seq_show() and their IPv6 sisters. Pure: bytes in, struct out.
 * Columns are separated by blanks and may be wider than their title; what stands behind the last one that is read
 * here differs between kernels and is not looked at.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include "backend/procfs/proc-net-parse.h"

/* What is left of a line. A step that fails leaves `bad` set, and so do all after it. */
struct cursor {
        const char *at, *end;
        bool bad;
};

static void skip_blanks(struct cursor *c)
{
        while (c->at < c->end && *c->at == ' ')
                c->at++;
}

static void expect(struct cursor *c, char wanted)
{
        if (c->at < c->end && *c->at == wanted)
                c->at++;
        else
                c->bad = true;
}

static unsigned int digit_value(char character)
{
        if (character >= '0' && character <= '9')
                return (unsigned int)(character - '0');
        if (character >= 'A' && character <= 'F')
                return (unsigned int)(character - 'A') + 10;
        if (character >= 'a' && character <= 'f')
                return (unsigned int)(character - 'a') + 10;
        return 16;
}

/* Between `least` and `most` digits, then something that is none. */
static uint64_t take_digits(struct cursor *c, unsigned int base, int least, int most)
{
        uint64_t value = 0;
        int n = 0;

        for (; c->at < c->end && digit_value(*c->at) < base; c->at++, n++) {
                if (n >= most || value > (UINT64_MAX - 15) / base)
                        c->bad = true;
                else
                        value = value * base + digit_value(*c->at);
        }
        if (n < least)
                c->bad = true;
        return value;
}

static uint64_t take_hex(struct cursor *c, int least, int most)
{
        return take_digits(c, 16, least, most);
}

static uint64_t take_decimal(struct cursor *c)
{
        skip_blanks(c);
        return take_digits(c, 10, 1, 20);
}

/* ------------------------------------------------------ tcp, udp and the like */

/* Eight digits are a word as the kernel has it in memory, whichever end comes first. */
static void take_word(struct cursor *c, void *to)
{
        uint32_t word = 0;

        for (int i = 0; i < 8; i++) {
                unsigned int value = c->at < c->end ? digit_value(*c->at) : 16;

                if (value == 16) {
                        c->bad = true;
                        return;
                }
                word = word << 4 | value;
                c->at++;
        }
        memcpy(to, &word, sizeof(word));
}

static socklen_t take_address(struct cursor *c, int family, struct sockaddr_storage *to, uint16_t *ret_port)
{
        struct sockaddr_in *in = (struct sockaddr_in *)to;
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;
        unsigned char bytes[16] = { 0 };
        size_t n = family == AF_INET ? 4 : 16;

        memset(to, 0, sizeof(*to));
        skip_blanks(c);
        for (size_t i = 0; i < n; i += 4)
                take_word(c, bytes + i);
        expect(c, ':');
        *ret_port = (uint16_t)take_hex(c, 4, 4);
        if (family == AF_INET) {
                in->sin_family = AF_INET;
                in->sin_port = htons(*ret_port);
                memcpy(&in->sin_addr, bytes, n);
                return sizeof(*in);
        }
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(*ret_port);
        memcpy(&in6->sin6_addr, bytes, n);
        return sizeof(*in6);
}

enum { KERNEL_SYN_RECV = 3, KERNEL_TIME_WAIT = 6, KERNEL_CLOSE = 7, KERNEL_LAST = 12 };
/* The "tr" of a TIME_WAIT minisock, whatever its state: get_timewait4_sock(). */
enum { TIMER_TIME_WAIT = 3 };

static enum aiu_state state_of(unsigned int state)
{
        if (state == KERNEL_CLOSE)
                return AIU_STATE_BOUND;
        /* TCP_NEW_SYN_RECV: old kernels let it out. */
        if (state == KERNEL_LAST)
                return AIU_STATE_SYN_RECV;
        return state > 0 && state < KERNEL_LAST ? (enum aiu_state)state : AIU_STATE_UNKNOWN;
}

static uint64_t ticks_to_usec(uint64_t n, long ticks)
{
        uint64_t most = UINT32_MAX; /* a year and more: no timer is that long */

        return ticks > 0 ? (n < most ? n : most) * 1000000u / (uint64_t)ticks : 0;
}

static void take_minisock(struct aiu_socket_fact *fact, uint64_t when, long ticks)
{
        fact->minisock = AIU_TRISTATE_YES;
        fact->uid = (uid_t)-1; /* it has none: the line says 0 for all */
        fact->expires_usec = ticks_to_usec(when, ticks);
}

int proc_net_parse_inet(const char *line, size_t bytes, int family, int protocol, long ticks,
                        struct proc_net_socket *ret)
{
        struct cursor c = { .at = line, .end = line + bytes };
        struct aiu_socket_fact *fact = &ret->fact;
        uint16_t port, peer_port;
        socklen_t address_bytes;
        unsigned int state, timer;
        uint64_t when;

        memset(ret, 0, sizeof(*ret));
        (void)take_decimal(&c); /* sl */
        expect(&c, ':');
        address_bytes = take_address(&c, family, &ret->local, &port);
        (void)take_address(&c, family, &ret->peer, &peer_port);
        skip_blanks(&c);
        state = (unsigned int)take_hex(&c, 2, 2);
        skip_blanks(&c);
        (void)take_hex(&c, 1, 16); /* tx_queue:rx_queue */
        expect(&c, ':');
        (void)take_hex(&c, 1, 16);
        skip_blanks(&c);
        timer = (unsigned int)take_hex(&c, 1, 4); /* tr:tm->when */
        expect(&c, ':');
        when = take_hex(&c, 1, 16);
        skip_blanks(&c);
        (void)take_hex(&c, 1, 16); /* retrnsmt */
        fact->uid = (uid_t)take_decimal(&c);
        (void)take_decimal(&c); /* timeout */
        fact->inode = take_decimal(&c);
        if (c.bad || port == 0)
                return -EBADMSG;
        fact->size = sizeof(*fact);
        fact->type = protocol == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM;
        fact->protocol = protocol;
        fact->state = state_of(state);
        fact->local = (const struct sockaddr *)&ret->local;
        fact->local_len = address_bytes;
        if (peer_port != 0) {
                fact->peer = (const struct sockaddr *)&ret->peer;
                fact->peer_len = address_bytes;
        }
        if (protocol == IPPROTO_TCP && fact->inode == 0 && (timer == TIMER_TIME_WAIT || state == KERNEL_TIME_WAIT))
                take_minisock(fact, when, ticks);
        return 0;
}

/* ------------------------------------------------------ unix */

enum { ACCEPTING = 1 << 16 };            /* __SO_ACCEPTCON */
enum { UNCONNECTED = 1, CONNECTED = 3 }; /* SS_* of linux/net.h */

static enum aiu_state unix_state(uint64_t flags, uint64_t state)
{
        if (flags & ACCEPTING)
                return AIU_STATE_LISTEN;
        if (state == CONNECTED)
                return AIU_STATE_ESTABLISHED;
        return state == UNCONNECTED ? AIU_STATE_BOUND : AIU_STATE_UNKNOWN;
}

int proc_net_parse_unix(const char *line, size_t bytes, struct proc_net_unix *ret)
{
        struct cursor c = { .at = line, .end = line + bytes };
        struct proc_net_unix parsed = { 0 };
        uint64_t flags, state;

        /* A pointer, hashed or zeroed for who may not see it: kptr_restrict. */
        (void)take_hex(&c, 1, 16);
        expect(&c, ':');
        for (int i = 0; i < 2; i++) { /* RefCount, Protocol */
                expect(&c, ' ');
                (void)take_hex(&c, 8, 8);
        }
        expect(&c, ' ');
        flags = take_hex(&c, 8, 8);
        expect(&c, ' ');
        parsed.type = (int)take_hex(&c, 4, 4);
        expect(&c, ' ');
        state = take_hex(&c, 2, 2);
        expect(&c, ' ');
        parsed.inode = take_decimal(&c);
        if (c.bad || (c.at < c.end && *c.at != ' '))
                return -EBADMSG;
        parsed.state = unix_state(flags, state);
        if (c.at < c.end) {
                /* One blank, and no more: the name may begin with one. */
                parsed.name = c.at + 1;
                parsed.name_bytes = (size_t)(c.end - c.at) - 1;
        }
        *ret = parsed;
        return 0;
}
