/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "8080", "tcp/3000", ":::3000", "http://localhost:3000/", "@name", "vsock:2:1024": see address-word.h. Pure. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "rules/address-word.h"
#include "rules/address.h"
#include "util/missing.h"

static const struct protocol protocols[] = {
        { "tcp", SOCK_STREAM, IPPROTO_TCP, 0 },         { "tcp4", SOCK_STREAM, IPPROTO_TCP, AF_INET },
        { "tcp6", SOCK_STREAM, IPPROTO_TCP, AF_INET6 }, { "udp", SOCK_DGRAM, IPPROTO_UDP, 0 },
        { "udp4", SOCK_DGRAM, IPPROTO_UDP, AF_INET },   { "udp6", SOCK_DGRAM, IPPROTO_UDP, AF_INET6 },
        { "udplite", SOCK_DGRAM, IPPROTO_UDPLITE, 0 },  { "sctp", SOCK_STREAM, IPPROTO_SCTP, 0 },
        { "mptcp", SOCK_STREAM, IPPROTO_MPTCP, 0 },     { "dccp", SOCK_DCCP, IPPROTO_DCCP, 0 },
};

const struct protocol *address_word_protocol(struct span name)
{
        for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
                if (span_is(name, protocols[i].name))
                        return &protocols[i];
        return NULL;
}

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* ------------------------------------------------------ host and port */

static int take_number(struct span text, unsigned long most, unsigned long *ret)
{
        unsigned long number = 0;

        if (!span_is_number(text))
                return -EINVAL;
        for (size_t i = 0; i < text.n; i++) {
                number = number * 10 + (unsigned long)(text.at[i] - '0');
                if (number > most)
                        return -EINVAL;
        }
        *ret = number;
        return 0;
}

/* RFC 6335: a letter is in it. Those that are older than that have other characters as well. */
static bool is_service(struct span text)
{
        bool letter = false;

        for (size_t i = 0; i < text.n; i++) {
                letter = letter || is_letter(text.at[i]);
                if (!is_digit(text.at[i]) && !is_letter(text.at[i]) && (i == 0 || !strchr("-_.+*/", text.at[i])))
                        return false;
        }
        return letter;
}

int address_word_port(struct address_text *t, struct span text, unsigned int may)
{
        unsigned long number;

        if (take_number(text, UINT16_MAX, &number) == 0) {
                address_set_port(&t->address, (uint16_t)number);
                return 0;
        }
        if (!(may & MAY_BE_NAME) || !is_service(text))
                return -EINVAL;
        return span_copy(text, t->service, sizeof(t->service)) ? 0 : -EINVAL;
}

static void set_ipv4(struct address_text *t, uint32_t ip)
{
        t->address = (struct address){ .len = sizeof(struct sockaddr_in), .sa.in.sin_family = AF_INET };
        t->address.sa.in.sin_addr.s_addr = htonl(ip);
}

static void set_ipv6(struct address_text *t, struct in6_addr ip)
{
        t->address = (struct address){ .len = sizeof(struct sockaddr_in6), .sa.in6.sin6_family = AF_INET6 };
        t->address.sa.in6.sin6_addr = ip;
}

/* An address as inet_pton(3) takes it, and %interface. */
int address_word_numeric(struct address_text *t, struct span text)
{
        char plain[INET6_ADDRSTRLEN + sizeof(t->scope)];
        const char *scope;
        size_t percent = span_find_any(text, "%");
        int r;

        /* ss(8) prints the device of an IPv4 socket like that. It is an option of the socket, not of its address. */
        if (percent < text.n && span_find_any(text, ":") == text.n)
                text.n = percent;
        if (text.n == 0 || !span_copy(text, plain, sizeof(plain)) || strcmp(plain, "*") == 0)
                return -EINVAL;
        r = address_parse(plain, 0, &t->address, &scope);
        if (r < 0 || !scope)
                return r;
        return span_copy((struct span){ scope, strlen(scope) }, t->scope, sizeof(t->scope)) ? 0 : -EINVAL;
}

/* "127.1" and "10.0.5": the last number fills what is left, as inet_aton(3) has it. */
static int take_short_ipv4(struct address_text *t, struct span text)
{
        unsigned long number, ip = 0;
        unsigned int shift = 32;
        size_t dot;

        while ((dot = span_find_any(text, ".")) < text.n && shift > 8) {
                if (take_number(span_first(text, dot), 255, &number) < 0)
                        return -EINVAL;
                shift -= 8;
                ip |= number << shift;
                text = span_skip(text, dot + 1);
        }
        if (shift == 32 || take_number(text, (1UL << shift) - 1, &number) < 0)
                return -EINVAL;
        set_ipv4(t, (uint32_t)(ip | number));
        return 0;
}

int address_word_host(struct address_text *t, struct span text, unsigned int may)
{
        if (text.n == 0 || span_is(text, "*") || span_is(text, "+")) {
                set_ipv6(t, in6addr_any);
                t->every_address = true;
                return 0;
        }
        if (span_is(text, "localhost")) {
                set_ipv4(t, INADDR_LOOPBACK);
                return 0;
        }
        if (address_word_numeric(t, text) == 0)
                return 0;
        return may & MAY_BE_NAME ? take_short_ipv4(t, text) : -EINVAL;
}

/* "HOST:PORT", or "HOST.PORT" as BSD's netstat(1) prints it. */
static int take_pair(struct address_text *t, struct span word, size_t at, unsigned int may)
{
        int r;

        if (at >= word.n)
                return -EINVAL;
        *t = (struct address_text){ 0 };
        r = address_word_host(t, span_first(word, at), may);
        return r < 0 ? r : address_word_port(t, span_skip(word, at + 1), may);
}

static int take_endpoint(struct address_text *t, struct span word, unsigned int may)
{
        size_t bracket = span_find_any(word, "]"), colon = span_find_last(word, ':'), dot = span_find_last(word, '.');

        if (word.n > 0 && word.at[0] == '[') {
                if (bracket + 1 >= word.n || word.at[bracket + 1] != ':' ||
                    address_word_numeric(t, span_skip(span_first(word, bracket), 1)) < 0)
                        return -EINVAL;
                return address_word_port(t, span_skip(word, bracket + 2), may);
        }
        if (take_pair(t, word, colon, may) == 0)
                return 0;
        /* Not "127.1", which is a port then. */
        if (dot > 0 && dot < word.n && span_is_number(span_skip(word, dot + 1)) && take_pair(t, word, dot, 0) == 0)
                return 0;
        if (colon < word.n || !(may & MAY_BE_PORT))
                return -EINVAL;
        *t = (struct address_text){ 0 };
        (void)address_word_host(t, (struct span){ 0 }, 0);
        return address_word_port(t, word, may);
}

/* "tcp4" is no option of the socket: it says which address a port alone means. */
int address_word_set_protocol(struct address_text *t, const struct protocol *protocol)
{
        bool v6 = protocol->family == AF_INET6;

        t->type = protocol->type;
        t->protocol = protocol->protocol;
        if (protocol->family == 0)
                return 0;
        if (t->every_address && !v6) {
                uint16_t port = address_port(&t->address);

                set_ipv4(t, INADDR_ANY);
                address_set_port(&t->address, port);
        }
        t->every_address = false;
        return t->address.sa.any.sa_family == protocol->family ? 0 : -EINVAL;
}

static int take_with_protocol(struct address_text *t, struct span word, const struct protocol *protocol,
                              unsigned int may)
{
        int r = take_endpoint(t, word, may | MAY_BE_PORT);

        return r < 0 ? r : address_word_set_protocol(t, protocol);
}

/* ------------------------------------------------------ AF_UNIX */

static int hex(char c)
{
        const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;

        return at ? (int)(at - digits) : -1;
}

/* A name as it is printed: \x00 is a zero byte, \\ a backslash. */
static int take_abstract(struct address_text *t, struct span name)
{
        struct sockaddr_un *un = &t->address.sa.un;
        size_t n = 1;

        for (size_t i = 0; i < name.n; i++, n++) {
                struct span rest = span_skip(name, i);

                if (n >= sizeof(un->sun_path))
                        return -EINVAL;
                un->sun_path[n] = *rest.at;
                if (rest.n >= 4 && span_starts_with(rest, "\\x") && hex(rest.at[2]) >= 0 && hex(rest.at[3]) >= 0) {
                        un->sun_path[n] = (char)(16 * hex(rest.at[2]) + hex(rest.at[3]));
                        i += 3;
                } else if (span_starts_with(rest, "\\\\")) {
                        i++;
                }
        }
        un->sun_family = AF_UNIX;
        t->address.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
        return 0;
}

int address_word_path(struct address_text *t, struct span path)
{
        struct sockaddr_un *un = &t->address.sa.un;

        *t = (struct address_text){ 0 };
        if (path.n > 0 && path.at[0] == '@')
                return take_abstract(t, span_skip(path, 1));
        /* A path of exactly 108 bytes has no NUL: unix_mkname_bsd() takes it all the same. */
        if (path.n == 0 || path.n > sizeof(un->sun_path))
                return -EINVAL;
        un->sun_family = AF_UNIX;
        memcpy(un->sun_path, path.at, path.n);
        t->address.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.n);
        t->address.len += path.n < sizeof(un->sun_path);
        return 0;
}

/* Behind "unix:": a path, or what D-Bus calls an address. */
static int take_unix_url(struct address_text *t, struct span rest)
{
        if (span_starts_with(rest, "//"))
                rest = span_skip(rest, 2);
        if (span_starts_with(rest, "path="))
                return address_word_path(t, span_skip(rest, 5));
        if (!span_starts_with(rest, "abstract="))
                return address_word_path(t, rest);
        *t = (struct address_text){ 0 };
        return take_abstract(t, span_skip(rest, 9));
}

/* ------------------------------------------------------ AF_VSOCK */

static int take_vsock_number(struct span text, unsigned int *ret)
{
        unsigned long number;

        *ret = UINT32_MAX; /* VMADDR_CID_ANY, VMADDR_PORT_ANY */
        if (text.n == 0 || span_is(text, "*") || span_is(text, "-1"))
                return 0;
        if (take_number(text, UINT32_MAX, &number) < 0)
                return -EINVAL;
        *ret = (unsigned int)number;
        return 0;
}

/* "vsock:CID:PORT" of systemd.socket(5), without a CID of any; "vsock://CID:PORT" of others. */
static int take_vsock(struct address_text *t, struct span rest)
{
        size_t colon;
        struct sockaddr_vm vm = { .svm_family = AF_VSOCK };

        if (span_starts_with(rest, "//"))
                rest = span_skip(rest, 2);
        colon = span_find_any(rest, ":");
        if (colon + 1 >= rest.n || take_vsock_number(span_first(rest, colon), &vm.svm_cid) < 0 ||
            take_vsock_number(span_skip(rest, colon + 1), &vm.svm_port) < 0)
                return -EINVAL;
        *t = (struct address_text){ .address = { .len = sizeof(vm), .sa.vm = vm }, .type = SOCK_STREAM };
        return 0;
}

bool address_word_is_path(struct span text)
{
        return span_starts_with(text, "/") || span_starts_with(text, "./") || span_starts_with(text, "../") ||
               span_starts_with(text, "@");
}

/* ------------------------------------------------------ a word */

/* The port of a URL that names none. */
static int take_default_port(struct address_text *t, struct span scheme)
{
        if (address_word_protocol(scheme))
                return -EINVAL;
        if (span_is(scheme, "http") || span_is(scheme, "ws"))
                address_set_port(&t->address, 80);
        else if (span_is(scheme, "https") || span_is(scheme, "wss"))
                address_set_port(&t->address, 443);
        else
                return address_word_port(t, scheme, MAY_BE_NAME);
        return 0;
}

static int take_authority(struct address_text *t, struct span scheme, struct span rest, unsigned int may)
{
        struct span authority = span_first(rest, span_find_any(rest, "/?#"));
        size_t at = span_find_last(authority, '@'), bracket;
        int r;

        if (at < authority.n)
                authority = span_skip(authority, at + 1);
        bracket = span_find_any(authority, "]");
        if (authority.n > 0 && span_find_last(authority, ':') == authority.n) {
                r = address_word_host(t, authority, may);
        } else if (authority.n > 0 && authority.at[0] == '[' && bracket + 1 == authority.n) {
                r = address_word_numeric(t, span_skip(span_first(authority, bracket), 1));
        } else {
                return take_endpoint(t, authority, may & ~(unsigned int)MAY_BE_PORT);
        }
        return r < 0 ? r : take_default_port(t, scheme);
}

static int take_url(struct address_text *t, struct span word, size_t at, unsigned int may)
{
        struct span scheme = span_first(word, at), rest = span_skip(word, at + 3);
        const struct protocol *protocol = address_word_protocol(scheme);
        int r;

        if (span_is(scheme, "unix"))
                return take_unix_url(t, rest);
        if (span_is(scheme, "vsock"))
                return take_vsock(t, rest);
        *t = (struct address_text){ 0 };
        r = take_authority(t, scheme, rest, may);
        return r < 0 || !protocol ? r : address_word_set_protocol(t, protocol);
}

/* "8080/udp", "0.0.0.0:8080->80/tcp" as docker(1) prints it, "run/x.sock". */
static int take_slashed(struct address_text *t, struct span word, unsigned int may)
{
        size_t slash = span_find_last(word, '/'), arrow = span_find(word, "->");
        const struct protocol *protocol = address_word_protocol(span_skip(word, slash + 1));
        struct span head = span_first(word, arrow < slash ? arrow : slash);

        if (protocol)
                return take_with_protocol(t, head, protocol, may);
        /* "8080/ipx" is no path; "localhost:3000/" is copied out of a browser. */
        head = span_first(word, span_find_any(word, "/"));
        if (take_endpoint(t, head, MAY_BE_PORT) == 0)
                return slash + 1 == word.n && span_find_any(head, ":") < head.n ? 0 : -EINVAL;
        return may & MAY_BE_NAME ? address_word_path(t, word) : -EINVAL;
}

int address_word_parse(struct address_text *t, struct span word, unsigned int may)
{
        size_t url = span_find(word, "://"), mark = span_find_any(word, ":/");
        const struct protocol *protocol = address_word_protocol(span_first(word, mark));

        *t = (struct address_text){ 0 };
        if (address_word_is_path(word))
                return may & MAY_BE_NAME ? address_word_path(t, word) : -EINVAL;
        if (url < word.n)
                return take_url(t, word, url, may);
        if (span_starts_with(word, "unix:"))
                return take_unix_url(t, span_skip(word, 5));
        if (span_starts_with(word, "vsock:"))
                return take_vsock(t, span_skip(word, 6));
        if (protocol && mark < word.n)
                return take_with_protocol(t, span_skip(word, mark + 1), protocol, may);
        if (span_find_any(word, "/") < word.n)
                return take_slashed(t, word, may);
        return take_endpoint(t, word, may);
}
