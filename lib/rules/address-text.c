/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The address in what people type and other programs print: "8080", "tcp/3000", ":::3000", "http://localhost:3000/",
 * or a line of a log. Pure: text in, structs out. A text of several words is a line: the address that it complains
 * about is searched for, and words that may be anything else are left alone.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "rules/address-text.h"
#include "rules/address.h"
#include "util/missing.h"

/* A part of the text. */
struct span {
        const char *at;
        size_t n;
};

/* What a word may be, other than an address with a number. */
enum {
        MAY_BE_PORT = 1, /* a number alone */
        MAY_BE_NAME = 2, /* a service, a relative path, "127.1" */
};

static const struct protocol {
        const char *name;
        int type, protocol, family;
} protocols[] = {
        { "tcp", SOCK_STREAM, IPPROTO_TCP, 0 },         { "tcp4", SOCK_STREAM, IPPROTO_TCP, AF_INET },
        { "tcp6", SOCK_STREAM, IPPROTO_TCP, AF_INET6 }, { "udp", SOCK_DGRAM, IPPROTO_UDP, 0 },
        { "udp4", SOCK_DGRAM, IPPROTO_UDP, AF_INET },   { "udp6", SOCK_DGRAM, IPPROTO_UDP, AF_INET6 },
        { "udplite", SOCK_DGRAM, IPPROTO_UDPLITE, 0 },  { "sctp", SOCK_STREAM, IPPROTO_SCTP, 0 },
        { "mptcp", SOCK_STREAM, IPPROTO_MPTCP, 0 },     { "dccp", SOCK_DCCP, IPPROTO_DCCP, 0 },
};

/* ------------------------------------------------------ spans */

static struct span skip(struct span text, size_t n)
{
        return (struct span){ text.at + n, text.n - n };
}

static struct span first(struct span text, size_t n)
{
        return (struct span){ text.at, n };
}

/* strncasecmp(3) asks the locale, and in a Turkish one "LISTEN" is not "listen". */
static int lower(char c)
{
        return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static bool starts_with(struct span text, const char *word)
{
        size_t n = strlen(word);

        for (size_t i = 0; i < n; i++)
                if (i >= text.n || lower(text.at[i]) != lower(word[i]))
                        return false;
        return true;
}

static bool is(struct span text, const char *word)
{
        return strlen(word) == text.n && starts_with(text, word);
}

/* The offset of `word`; text.n = it is not there. */
static size_t find(struct span text, const char *word)
{
        for (size_t i = 0; i < text.n; i++)
                if (starts_with(skip(text, i), word))
                        return i;
        return text.n;
}

/* The offset of the first of these characters; text.n = none is there. */
static size_t find_any(struct span text, const char *characters)
{
        size_t i = 0;

        while (i < text.n && !strchr(characters, text.at[i]))
                i++;
        return i;
}

static size_t find_last(struct span text, char c)
{
        for (size_t i = text.n; i > 0; i--)
                if (text.at[i - 1] == c)
                        return i - 1;
        return text.n;
}

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_number(struct span text)
{
        size_t i = 0;

        while (i < text.n && is_digit(text.at[i]))
                i++;
        return text.n > 0 && i == text.n;
}

static bool copy(struct span text, char *to, size_t bytes)
{
        if (text.n >= bytes)
                return false;
        memcpy(to, text.at, text.n);
        to[text.n] = '\0';
        return true;
}

static const struct protocol *find_protocol(struct span name)
{
        for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
                if (is(name, protocols[i].name))
                        return &protocols[i];
        return NULL;
}

/* ------------------------------------------------------ host and port */

static int take_number(struct span text, unsigned long most, unsigned long *ret)
{
        unsigned long number = 0;

        if (!is_number(text))
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

static int take_port(struct address_text *t, struct span text, unsigned int may)
{
        unsigned long number;

        if (take_number(text, UINT16_MAX, &number) == 0) {
                address_set_port(&t->address, (uint16_t)number);
                return 0;
        }
        if (!(may & MAY_BE_NAME) || !is_service(text))
                return -EINVAL;
        return copy(text, t->service, sizeof(t->service)) ? 0 : -EINVAL;
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
static int take_numeric(struct address_text *t, struct span text)
{
        char plain[INET6_ADDRSTRLEN + sizeof(t->scope)];
        const char *scope;
        size_t percent = find_any(text, "%");
        int r;

        /* ss(8) prints the device of an IPv4 socket like that. It is an option of the socket, not of its address. */
        if (percent < text.n && find_any(text, ":") == text.n)
                text.n = percent;
        if (text.n == 0 || !copy(text, plain, sizeof(plain)) || strcmp(plain, "*") == 0)
                return -EINVAL;
        r = address_parse(plain, 0, &t->address, &scope);
        if (r < 0 || !scope)
                return r;
        return copy((struct span){ scope, strlen(scope) }, t->scope, sizeof(t->scope)) ? 0 : -EINVAL;
}

/* "127.1" and "10.0.5": the last number fills what is left, as inet_aton(3) has it. */
static int take_short_ipv4(struct address_text *t, struct span text)
{
        unsigned long number, ip = 0;
        unsigned int shift = 32;
        size_t dot;

        while ((dot = find_any(text, ".")) < text.n && shift > 8) {
                if (take_number(first(text, dot), 255, &number) < 0)
                        return -EINVAL;
                shift -= 8;
                ip |= number << shift;
                text = skip(text, dot + 1);
        }
        if (shift == 32 || take_number(text, (1UL << shift) - 1, &number) < 0)
                return -EINVAL;
        set_ipv4(t, (uint32_t)(ip | number));
        return 0;
}

static int take_host(struct address_text *t, struct span text, unsigned int may)
{
        if (text.n == 0 || is(text, "*") || is(text, "+")) {
                set_ipv6(t, in6addr_any);
                t->every_address = true;
                return 0;
        }
        if (is(text, "localhost")) {
                set_ipv4(t, INADDR_LOOPBACK);
                return 0;
        }
        if (take_numeric(t, text) == 0)
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
        r = take_host(t, first(word, at), may);
        return r < 0 ? r : take_port(t, skip(word, at + 1), may);
}

static int take_endpoint(struct address_text *t, struct span word, unsigned int may)
{
        size_t bracket = find_any(word, "]"), colon = find_last(word, ':'), dot = find_last(word, '.');

        if (word.n > 0 && word.at[0] == '[') {
                if (bracket + 1 >= word.n || word.at[bracket + 1] != ':' ||
                    take_numeric(t, skip(first(word, bracket), 1)) < 0)
                        return -EINVAL;
                return take_port(t, skip(word, bracket + 2), may);
        }
        if (take_pair(t, word, colon, may) == 0)
                return 0;
        /* Not "127.1", which is a port then. */
        if (dot > 0 && dot < word.n && is_number(skip(word, dot + 1)) && take_pair(t, word, dot, 0) == 0)
                return 0;
        if (colon < word.n || !(may & MAY_BE_PORT))
                return -EINVAL;
        *t = (struct address_text){ 0 };
        (void)take_host(t, (struct span){ 0 }, 0);
        return take_port(t, word, may);
}

/* "tcp4" is no option of the socket: it says which address a port alone means. */
static int set_protocol(struct address_text *t, const struct protocol *protocol)
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

        return r < 0 ? r : set_protocol(t, protocol);
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
                struct span rest = skip(name, i);

                if (n >= sizeof(un->sun_path))
                        return -EINVAL;
                un->sun_path[n] = *rest.at;
                if (rest.n >= 4 && starts_with(rest, "\\x") && hex(rest.at[2]) >= 0 && hex(rest.at[3]) >= 0) {
                        un->sun_path[n] = (char)(16 * hex(rest.at[2]) + hex(rest.at[3]));
                        i += 3;
                } else if (starts_with(rest, "\\\\")) {
                        i++;
                }
        }
        un->sun_family = AF_UNIX;
        t->address.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
        return 0;
}

static int take_unix(struct address_text *t, struct span path)
{
        struct sockaddr_un *un = &t->address.sa.un;

        *t = (struct address_text){ 0 };
        if (path.n > 0 && path.at[0] == '@')
                return take_abstract(t, skip(path, 1));
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
        if (starts_with(rest, "//"))
                rest = skip(rest, 2);
        if (starts_with(rest, "path="))
                return take_unix(t, skip(rest, 5));
        if (!starts_with(rest, "abstract="))
                return take_unix(t, rest);
        *t = (struct address_text){ 0 };
        return take_abstract(t, skip(rest, 9));
}

/* ------------------------------------------------------ AF_VSOCK */

static int take_vsock_number(struct span text, unsigned int *ret)
{
        unsigned long number;

        *ret = UINT32_MAX; /* VMADDR_CID_ANY, VMADDR_PORT_ANY */
        if (text.n == 0 || is(text, "*") || is(text, "-1"))
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

        if (starts_with(rest, "//"))
                rest = skip(rest, 2);
        colon = find_any(rest, ":");
        if (colon + 1 >= rest.n || take_vsock_number(first(rest, colon), &vm.svm_cid) < 0 ||
            take_vsock_number(skip(rest, colon + 1), &vm.svm_port) < 0)
                return -EINVAL;
        *t = (struct address_text){ .address = { .len = sizeof(vm), .sa.vm = vm }, .type = SOCK_STREAM };
        return 0;
}

static bool is_path(struct span text)
{
        return starts_with(text, "/") || starts_with(text, "./") || starts_with(text, "../") || starts_with(text, "@");
}

/* ------------------------------------------------------ a word */

/* The port of a URL that names none. */
static int take_default_port(struct address_text *t, struct span scheme)
{
        if (find_protocol(scheme))
                return -EINVAL;
        if (is(scheme, "http") || is(scheme, "ws"))
                address_set_port(&t->address, 80);
        else if (is(scheme, "https") || is(scheme, "wss"))
                address_set_port(&t->address, 443);
        else
                return take_port(t, scheme, MAY_BE_NAME);
        return 0;
}

static int take_authority(struct address_text *t, struct span scheme, struct span rest, unsigned int may)
{
        struct span authority = first(rest, find_any(rest, "/?#"));
        size_t at = find_last(authority, '@'), bracket;
        int r;

        if (at < authority.n)
                authority = skip(authority, at + 1);
        bracket = find_any(authority, "]");
        if (authority.n > 0 && find_last(authority, ':') == authority.n) {
                r = take_host(t, authority, may);
        } else if (authority.n > 0 && authority.at[0] == '[' && bracket + 1 == authority.n) {
                r = take_numeric(t, skip(first(authority, bracket), 1));
        } else {
                return take_endpoint(t, authority, may & ~(unsigned int)MAY_BE_PORT);
        }
        return r < 0 ? r : take_default_port(t, scheme);
}

static int take_url(struct address_text *t, struct span word, size_t at, unsigned int may)
{
        struct span scheme = first(word, at), rest = skip(word, at + 3);
        const struct protocol *protocol = find_protocol(scheme);
        int r;

        if (is(scheme, "unix"))
                return take_unix_url(t, rest);
        if (is(scheme, "vsock"))
                return take_vsock(t, rest);
        *t = (struct address_text){ 0 };
        r = take_authority(t, scheme, rest, may);
        return r < 0 || !protocol ? r : set_protocol(t, protocol);
}

/* "8080/udp", "0.0.0.0:8080->80/tcp" as docker(1) prints it, "run/x.sock". */
static int take_slashed(struct address_text *t, struct span word, unsigned int may)
{
        size_t slash = find_last(word, '/'), arrow = find(word, "->");
        const struct protocol *protocol = find_protocol(skip(word, slash + 1));
        struct span head = first(word, arrow < slash ? arrow : slash);

        if (protocol)
                return take_with_protocol(t, head, protocol, may);
        /* "8080/ipx" is no path; "localhost:3000/" is copied out of a browser. */
        head = first(word, find_any(word, "/"));
        if (take_endpoint(t, head, MAY_BE_PORT) == 0)
                return slash + 1 == word.n && find_any(head, ":") < head.n ? 0 : -EINVAL;
        return may & MAY_BE_NAME ? take_unix(t, word) : -EINVAL;
}

static int take_word(struct address_text *t, struct span word, unsigned int may)
{
        size_t url = find(word, "://"), mark = find_any(word, ":/");
        const struct protocol *protocol = find_protocol(first(word, mark));

        *t = (struct address_text){ 0 };
        if (is_path(word))
                return may & MAY_BE_NAME ? take_unix(t, word) : -EINVAL;
        if (url < word.n)
                return take_url(t, word, url, may);
        if (starts_with(word, "unix:"))
                return take_unix_url(t, skip(word, 5));
        if (starts_with(word, "vsock:"))
                return take_vsock(t, skip(word, 6));
        if (protocol && mark < word.n)
                return take_with_protocol(t, skip(word, mark + 1), protocol, may);
        if (find_any(word, "/") < word.n)
                return take_slashed(t, word, may);
        return take_endpoint(t, word, may);
}

/* ------------------------------------------------------ a line */

enum rank {
        RANK_NONE,
        RANK_ADDRESS, /* an address, but perhaps of a client */
        RANK_PATH,    /* a path behind a word about sockets */
        RANK_BLAMED,  /* an address behind a word about sockets */
};

struct line {
        struct address_text best;
        enum rank rank;
        const struct protocol *protocol; /* the last one that was named */
        bool blames;                     /* a word about sockets came */
        bool after_port;                 /* the word before was "port" */
        struct span host;                /* an address whose port may be the next word; at NULL = none */
};

#define SEPARATORS " \t\r\n\"'`=<>,;(){}|"

static struct span next_word(struct span *rest)
{
        struct span word;

        while (rest->n > 0 && strchr(SEPARATORS, *rest->at))
                *rest = skip(*rest, 1);
        word = first(*rest, find_any(*rest, SEPARATORS));
        *rest = skip(*rest, word.n);
        return word;
}

static struct span strip(struct span word)
{
        while (word.n > 0 && strchr(":.!?", word.at[word.n - 1]))
                word.n--;
        return word;
}

static void keep(struct line *line, const struct address_text *t, enum rank rank)
{
        if (rank <= line->rank)
                return;
        line->best = *t;
        line->rank = rank;
        if (line->protocol && t->type == 0 && address_is_ip(&t->address))
                (void)set_protocol(&line->best, line->protocol);
}

/* "[0.0.0.0:80]" of haproxy(1) as well. */
static bool take_line_word(struct address_text *t, struct span word)
{
        struct span plain = strip(word);

        if (take_word(t, word, 0) == 0 || take_word(t, plain, 0) == 0)
                return true;
        return plain.n > 2 && plain.at[0] == '[' && plain.at[plain.n - 1] == ']' &&
               take_word(t, skip(first(plain, plain.n - 1), 1), 0) == 0;
}

/* A number behind an address, behind "port", or both; "port 22 on 0.0.0.0" of sshd(8). */
static bool take_line_port(struct line *line, struct span word, struct span rest, struct address_text *t)
{
        struct span number = strip(word), host = line->host;

        if (starts_with(number, ":"))
                number = skip(number, 1);
        if (!is_number(number) || (!line->after_port && !host.at))
                return false;
        if (!host.at && is(next_word(&rest), "on"))
                host = next_word(&rest);
        *t = (struct address_text){ 0 };
        if (take_numeric(t, host) < 0 && take_numeric(t, strip(host)) < 0)
                (void)take_host(t, (struct span){ 0 }, 0);
        return take_port(t, number, 0) == 0;
}

/* "/srv/server.js:12" is a place in a program. */
static bool is_socket_path(const struct line *line, struct span word)
{
        size_t colon = find_last(word, ':');

        return line->blames && word.n > 1 && (word.at[0] == '/' || word.at[0] == '@') &&
               (colon == word.n || !is_number(skip(word, colon + 1)));
}

static bool blames(struct span word)
{
        static const char *const words[] = { "listen", "bind", "addrinuse", "socket" };

        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
                if (find(word, words[i]) < word.n)
                        return true;
        return is(strip(word), "use");
}

static void look_at(struct line *line, struct span word, struct span rest)
{
        struct span plain = strip(word);
        struct address_text t;
        bool is_port = is(plain, "port");

        line->blames = line->blames || blames(word);
        if (plain.n == 0 && !is(word, "::"))
                return;
        if (find_protocol(plain))
                line->protocol = find_protocol(plain);
        else if (take_line_port(line, word, rest, &t) || take_line_word(&t, word))
                keep(line, &t, line->blames ? RANK_BLAMED : RANK_ADDRESS);
        else if (is_socket_path(line, plain) && take_unix(&t, plain) == 0)
                keep(line, &t, RANK_PATH);
        if (!is_port)
                line->host = take_numeric(&t, word) == 0    ? word
                             : take_numeric(&t, plain) == 0 ? plain
                                                            : (struct span){ 0 };
        line->after_port = is_port;
}

static int take_line(struct address_text *t, struct span text, enum rank least)
{
        struct line line = { .rank = RANK_NONE };
        struct span rest = text, word;

        while (line.rank < RANK_BLAMED && (word = next_word(&rest)).n > 0)
                look_at(&line, word, rest);
        if (line.rank < least)
                return -EINVAL;
        *t = line.best;
        return 0;
}

static struct span trim(const char *text)
{
        struct span span = { text, strlen(text) };

        while (span.n > 0 && strchr(" \t\r\n", *span.at))
                span = skip(span, 1);
        while (span.n > 0 && strchr(" \t\r\n", span.at[span.n - 1]))
                span.n--;
        return span;
}

int address_text_parse(const char *text, struct address_text *ret)
{
        struct address_text t;
        struct span all;
        bool is_line, found;

        if (!text)
                return -EINVAL;
        all = trim(text);
        is_line = find_any(all, " \t\r\n") < all.n;
        if (all.n == 0 || find_any(all, "\r\n") < all.n)
                return -EINVAL;
        /* A path may have blanks; a line may begin with the path of the program that complains. */
        found = is_line && !starts_with(all, ".") && !starts_with(all, "@") &&
                take_line(&t, all, is_path(all) ? RANK_BLAMED : RANK_ADDRESS) == 0;
        if (!found && (!is_line || is_path(all)))
                found = take_word(&t, all, MAY_BE_PORT | MAY_BE_NAME) == 0 || take_line(&t, all, RANK_ADDRESS) == 0;
        if (!found)
                return -EINVAL;
        *ret = t;
        return 0;
}
