/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See docker-parse.h. The answer is JSON from another program: what is not as the engine writes it is no answer. An
 * object or array that is not wanted is skipped, to a depth at which no answer of the engine is.
 */
#include "docker-parse.h"

#include <arpa/inet.h>
#include <string.h>

#define MOST_DEPTH 16u
#define TEXT_BYTES 256u /* a longer string is read, and equals nothing */

/* ------------------------------------------------------ the command line */

/* The word behind `option`; NULL = there is none. */
static const char *value_of(const char *option, const char *cmdline, size_t bytes)
{
        const char *end = cmdline + bytes;

        for (const char *word = cmdline; word < end;) {
                const char *stop = memchr(word, '\0', (size_t)(end - word));
                const char *next = stop ? stop + 1 : end;

                if (next < end && strcmp(word, option) == 0)
                        return memchr(next, '\0', (size_t)(end - next)) ? next : NULL;
                word = next;
        }
        return NULL;
}

static bool read_address(const char *text, struct in6_addr *ret)
{
        struct in_addr v4;

        if (!text)
                return false;
        if (inet_pton(AF_INET6, text, ret) == 1)
                return true;
        if (inet_pton(AF_INET, text, &v4) != 1)
                return false;
        memset(ret, 0, sizeof(*ret));
        ret->s6_addr[10] = ret->s6_addr[11] = 0xff;
        memcpy(ret->s6_addr + 12, &v4, sizeof(v4));
        return true;
}

static bool read_port(const char *text, unsigned int *ret)
{
        unsigned int port = 0;

        if (!text || !*text || strlen(text) > 5)
                return false;
        for (; *text >= '0' && *text <= '9'; text++)
                port = port * 10 + (unsigned int)(*text - '0');
        *ret = port;
        return !*text && port > 0 && port <= UINT16_MAX;
}

bool docker_parse_forward(const char *cmdline, size_t bytes, struct docker_forward *ret)
{
        const char *protocol = value_of("-proto", cmdline, bytes);

        if (!protocol ||
            (strcmp(protocol, "tcp") != 0 && strcmp(protocol, "udp") != 0 && strcmp(protocol, "sctp") != 0))
                return false;
        memset(ret->protocol, 0, sizeof(ret->protocol));
        memcpy(ret->protocol, protocol, strlen(protocol));
        return read_address(value_of("-host-ip", cmdline, bytes), &ret->from) &&
               read_address(value_of("-container-ip", cmdline, bytes), &ret->to) &&
               read_port(value_of("-host-port", cmdline, bytes), &ret->from_port) &&
               read_port(value_of("-container-port", cmdline, bytes), &ret->to_port);
}

/* ------------------------------------------------------ JSON */

struct reader {
        const char *at, *end;
        unsigned int depth;
        bool failed;
};

static bool is_space(char c)
{
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_space(struct reader *r)
{
        while (r->at < r->end && is_space(*r->at))
                r->at++;
}

static bool take(struct reader *r, char c)
{
        skip_space(r);
        if (r->failed || r->at == r->end || *r->at != c)
                return false;
        r->at++;
        return true;
}

static void expect(struct reader *r, char c)
{
        r->failed = !take(r, c) || r->failed;
}

/* An escaped byte counts as "?": no name and no address has one. "" where the string is too long. */
static void read_string(struct reader *r, char to[TEXT_BYTES])
{
        size_t n = 0;

        expect(r, '"');
        while (!r->failed && r->at < r->end && *r->at != '"') {
                char c = *r->at++;

                if (c == '\\' && r->at < r->end) {
                        r->at++;
                        c = '?';
                }
                if (c == '\0')
                        c = '?';
                if (n < TEXT_BYTES)
                        to[n++] = c;
        }
        expect(r, '"');
        to[n < TEXT_BYTES && !r->failed ? n : 0] = '\0';
}

/* Numbers, true, false and null. */
static void skip_word(struct reader *r)
{
        const char *first = r->at;

        while (r->at < r->end && ((*r->at >= '0' && *r->at <= '9') || (*r->at >= 'a' && *r->at <= 'z') ||
                                  (*r->at && strchr("+-.E", *r->at))))
                r->at++;
        r->failed = r->failed || r->at == first;
}

/* The next member of an object: its key. false = the object ends here. */
static bool next_member(struct reader *r, bool first, char key[TEXT_BYTES])
{
        if (take(r, '}') || r->failed)
                return false;
        if (!first)
                expect(r, ',');
        read_string(r, key);
        expect(r, ':');
        return !r->failed;
}

static bool next_element(struct reader *r, bool first)
{
        if (take(r, ']') || r->failed)
                return false;
        if (!first)
                expect(r, ',');
        return !r->failed;
}

/* NOLINTNEXTLINE(misc-no-recursion): to a bounded depth. */
static void skip_value(struct reader *r)
{
        char text[TEXT_BYTES];

        skip_space(r);
        if (++r->depth > MOST_DEPTH)
                r->failed = true;
        if (take(r, '{'))
                for (bool first = true; next_member(r, first, text); first = false)
                        skip_value(r);
        else if (take(r, '['))
                for (bool first = true; next_element(r, first); first = false)
                        skip_value(r);
        else if (r->at < r->end && *r->at == '"')
                read_string(r, text);
        else
                skip_word(r);
        r->depth--;
}

/* Into the object or array that comes now; where there is none ("null"), what is there is skipped. */
static bool enter(struct reader *r, char c)
{
        if (take(r, c))
                return true;
        skip_value(r);
        return false;
}

static void read_text(struct reader *r, char to[TEXT_BYTES])
{
        to[0] = '\0';
        skip_space(r);
        if (r->at < r->end && *r->at == '"')
                read_string(r, to);
        else
                skip_value(r);
}

static unsigned int read_number(struct reader *r)
{
        char text[6] = "";
        const char *first;
        unsigned int port = 0;

        skip_space(r);
        first = r->at;
        skip_value(r);
        if ((size_t)(r->at - first) < sizeof(text))
                memcpy(text, first, (size_t)(r->at - first));
        return read_port(text, &port) ? port : 0;
}

/* ------------------------------------------------------ one container */

struct container {
        char name[TEXT_BYTES];
        bool publishes, has_address;
};

/* As dockerd allows it: the name becomes the operand of a command. */
static bool is_name(const char *name)
{
        size_t n = strlen(name);

        return n > 0 && n < DOCKER_NAME_BYTES && !strchr("_.-", name[0]) &&
               strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == n;
}

/* "/shop"; what another container calls it by a link is "/other/shop". */
static void read_names(struct reader *r, struct container *c)
{
        char text[TEXT_BYTES];

        if (!enter(r, '['))
                return;
        for (bool first = true; next_element(r, first); first = false) {
                read_text(r, text);
                if (text[0] == '/' && is_name(text + 1))
                        memcpy(c->name, text + 1, strlen(text));
        }
}

static bool same_address(const char *text, const struct in6_addr *address)
{
        struct in6_addr found;

        return read_address(text, &found) && memcmp(&found, address, sizeof(found)) == 0;
}

static void read_port_entry(struct reader *r, const struct docker_forward *forward, struct container *c)
{
        char key[TEXT_BYTES], ip[TEXT_BYTES] = "", type[TEXT_BYTES] = "";
        unsigned int inside = 0, outside = 0;

        if (!enter(r, '{'))
                return;
        for (bool first = true; next_member(r, first, key); first = false) {
                if (strcmp(key, "IP") == 0)
                        read_text(r, ip);
                else if (strcmp(key, "Type") == 0)
                        read_text(r, type);
                else if (strcmp(key, "PrivatePort") == 0)
                        inside = read_number(r);
                else if (strcmp(key, "PublicPort") == 0)
                        outside = read_number(r);
                else
                        skip_value(r);
        }
        if (inside == forward->to_port && outside == forward->from_port && strcmp(type, forward->protocol) == 0 &&
            same_address(ip, &forward->from))
                c->publishes = true;
}

static void read_network(struct reader *r, const struct docker_forward *forward, struct container *c)
{
        char key[TEXT_BYTES], ip[TEXT_BYTES];

        if (!enter(r, '{'))
                return;
        for (bool first = true; next_member(r, first, key); first = false) {
                if (strcmp(key, "IPAddress") != 0 && strcmp(key, "GlobalIPv6Address") != 0) {
                        skip_value(r);
                        continue;
                }
                read_text(r, ip);
                c->has_address = c->has_address || same_address(ip, &forward->to);
        }
}

static void read_networks(struct reader *r, const struct docker_forward *forward, struct container *c)
{
        char key[TEXT_BYTES];

        if (!enter(r, '{'))
                return;
        for (bool first = true; next_member(r, first, key); first = false)
                read_network(r, forward, c);
}

static void read_settings(struct reader *r, const struct docker_forward *forward, struct container *c)
{
        char key[TEXT_BYTES];

        if (!enter(r, '{'))
                return;
        for (bool first = true; next_member(r, first, key); first = false) {
                if (strcmp(key, "Networks") == 0)
                        read_networks(r, forward, c);
                else
                        skip_value(r);
        }
}

static void read_ports(struct reader *r, const struct docker_forward *forward, struct container *c)
{
        if (!enter(r, '['))
                return;
        for (bool first = true; next_element(r, first); first = false)
                read_port_entry(r, forward, c);
}

static void read_container(struct reader *r, const struct docker_forward *forward, struct container *c)
{
        char key[TEXT_BYTES];

        *c = (struct container){ .publishes = false };
        if (!enter(r, '{'))
                return;
        for (bool first = true; next_member(r, first, key); first = false) {
                if (strcmp(key, "Names") == 0)
                        read_names(r, c);
                else if (strcmp(key, "Ports") == 0)
                        read_ports(r, forward, c);
                else if (strcmp(key, "NetworkSettings") == 0)
                        read_settings(r, forward, c);
                else
                        skip_value(r);
        }
}

/* ------------------------------------------------------ the answer */

/* "HTTP/1.0 200 OK", and what stands behind the empty line. */
static bool enter_body(struct reader *r)
{
        const char *body = memmem(r->at, (size_t)(r->end - r->at), "\r\n\r\n", 4);

        if (!body || body - r->at < 12 || memcmp(r->at, "HTTP/1.", 7) != 0 || memcmp(r->at + 8, " 200", 4) != 0)
                return false;
        r->at = body + 4;
        return true;
}

bool docker_find_container(const char *answer, size_t bytes, const struct docker_forward *forward,
                           char name[DOCKER_NAME_BYTES])
{
        struct reader r = { .at = answer, .end = answer + bytes };
        char found[DOCKER_NAME_BYTES] = "";
        struct container c;
        size_t n = 0;

        if (!enter_body(&r) || !take(&r, '['))
                return false;
        for (bool first = true; next_element(&r, first); first = false) {
                read_container(&r, forward, &c);
                if (!c.publishes || !c.has_address || !c.name[0])
                        continue;
                memcpy(found, c.name, strlen(c.name) + 1);
                n++;
        }
        if (r.failed || n != 1)
                return false;
        memcpy(name, found, sizeof(found));
        return true;
}
