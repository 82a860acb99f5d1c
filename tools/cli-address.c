/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the operand of addrinuse(1) means: [ADDRESS:]PORT[/PROTOCOL], /PATH, @NAME,
 * and what --netns names.
 * Names are looked up in /etc/hosts and /etc/services alone: an answer about this
 * machine must not wait for a name server.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cli.h"

#ifndef NSFS_MAGIC
#define NSFS_MAGIC 0x6e736673
#endif

static const struct {
        const char *name;
        int type, protocol;
} protocols[] = {
        { "tcp", SOCK_STREAM, IPPROTO_TCP }, { "udp", SOCK_DGRAM, IPPROTO_UDP }, { "udplite", SOCK_DGRAM, 136 },
        { "sctp", SOCK_STREAM, 132 },        { "mptcp", SOCK_STREAM, 262 },      { "dccp", SOCK_DCCP, 33 },
};

static int find_protocol(const char *name, struct request *request)
{
        for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
                if (strcmp(protocols[i].name, name) != 0)
                        continue;
                request->type = protocols[i].type;
                request->protocol = protocols[i].protocol;
                return 0;
        }
        cli_error("%s: no such protocol (tcp, udp, udplite, sctp, mptcp, dccp)", cli_safe(name));
        return -EINVAL;
}

/* A number from 0 to 65535, or a name out of /etc/services. */
static int find_port(const char *text, const struct request *request, uint16_t *ret_port)
{
        const struct servent *service;
        unsigned long number;
        char *end;

        if (*text >= '0' && *text <= '9') {
                errno = 0;
                number = strtoul(text, &end, 10);
                if (*end || errno || number > 65535) {
                        cli_error("%s: not a port (0 to 65535)", cli_safe(text));
                        return -EINVAL;
                }
                *ret_port = (uint16_t)number;
                return 0;
        }
        service = *text ? getservbyname(text, request->type == SOCK_DGRAM ? "udp" : "tcp") : NULL;
        if (!service) {
                cli_error("\"%s\": not a port, and no service of that name", cli_safe(text));
                return -EINVAL;
        }
        *ret_port = ntohs((uint16_t)service->s_port);
        return 0;
}

/* ------------------------------------------------------ addresses */

static int parse_scope(const char *scope, uint32_t *ret_index)
{
        char *end;
        unsigned long number = strtoul(scope, &end, 10);
        bool is_number = *scope >= '0' && *scope <= '9' && !*end;

        if (is_number)
                *ret_index = number <= UINT32_MAX ? (uint32_t)number : 0;
        else
                *ret_index = if_nametoindex(scope);
        if (*ret_index == 0) {
                cli_error("%s: no such interface", cli_safe(scope));
                return -ENODEV;
        }
        return 0;
}

/* 1 = it is a numeric address and is filled in, 0 = it is none, < 0 = it is a wrong one. */
static int parse_numeric(const char *text, uint16_t port, struct request *request)
{
        struct sockaddr_in *in = (void *)&request->address;
        struct sockaddr_in6 *in6 = (void *)&request->address;
        char plain[INET6_ADDRSTRLEN];
        size_t n = strcspn(text, "%");

        memset(&request->address, 0, sizeof(request->address));
        if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
                in->sin_family = AF_INET;
                in->sin_port = htons(port);
                request->bytes = sizeof(*in);
                return 1;
        }
        if (n >= sizeof(plain))
                return 0;
        memcpy(plain, text, n);
        plain[n] = '\0';
        if (inet_pton(AF_INET6, plain, &in6->sin6_addr) != 1)
                return 0;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(port);
        request->bytes = sizeof(*in6);
        if (text[n] == '%' && parse_scope(text + n + 1, &in6->sin6_scope_id) < 0)
                return -ENODEV;
        return 1;
}

static bool line_names(char *line, const char *name, char **ret_address)
{
        char *rest = line, *word;

        line[strcspn(line, "#\n")] = '\0';
        *ret_address = strtok_r(rest, " \t", &rest);
        while (*ret_address && (word = strtok_r(rest, " \t", &rest)))
                if (strcasecmp(word, name) == 0) /* hosts(5): names have no case */
                        return true;
        return false;
}

static bool is_repeated(const struct request *requests, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (memcmp(&requests[i].address, &requests[n].address, sizeof(requests[n].address)) == 0)
                        return true;
        return false;
}

/* What is left of a line that was longer than the buffer is not a line of its own. */
static void skip_rest(FILE *file, const char *line)
{
        int c = strchr(line, '\n') ? '\n' : 0;

        while (c != '\n' && c != EOF)
                c = getc(file);
}

/* Every address that /etc/hosts has for the name. */
static size_t from_hosts(const char *name, uint16_t port, const struct request *like, struct request *requests)
{
        FILE *hosts = fopen("/etc/hosts", "re");
        char line[1024], *address;
        size_t n = 0;

        while (hosts && n < MOST_REQUESTS && fgets(line, sizeof(line), hosts)) {
                skip_rest(hosts, line);
                if (!line_names(line, name, &address))
                        continue;
                requests[n] = *like;
                if (parse_numeric(address, port, &requests[n]) == 1 && !is_repeated(requests, n))
                        n++;
        }
        if (hosts)
                fclose(hosts);
        if (n == 0)
                cli_error("%s: not an address, and not in /etc/hosts", cli_safe(name));
        return n;
}

/* Every address: dual-stack, or IPv4 where there is no IPv6. */
static void every_address(uint16_t port, struct request *request)
{
        int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void)parse_numeric(fd < 0 && errno == EAFNOSUPPORT ? "0.0.0.0" : "::", port, request);
        request->every_address = true;
        if (fd >= 0)
                close(fd);
}

/* Splits "HOST:PORT", "[HOST]:PORT" or "PORT" in place; *ret_host NULL = none was given. */
static int split(char *text, char **ret_host, char **ret_port)
{
        char *end, *colon;

        if (*text == '[') {
                end = strchr(text, ']');
                if (!end || end[1] != ':') {
                        cli_error("%s: an address in brackets is written [ADDRESS]:PORT", cli_safe(text));
                        return -EINVAL;
                }
                *end = '\0';
                *ret_host = text + 1;
                *ret_port = end + 2;
                return 0;
        }
        colon = strrchr(text, ':');
        if (colon && strchr(text, ':') != colon) {
                cli_error("%s: an IPv6 address is written [ADDRESS]:PORT", cli_safe(text));
                return -EINVAL;
        }
        *ret_host = colon ? text : NULL;
        *ret_port = colon ? colon + 1 : text;
        if (colon)
                *colon = '\0';
        return 0;
}

static size_t parse_ip(char *text, struct request *requests)
{
        struct request like = { .type = SOCK_STREAM, .protocol = IPPROTO_TCP };
        char *host, *port_text, *slash = strrchr(text, '/');
        uint16_t port;
        int r;

        if (slash) {
                *slash = '\0';
                if (find_protocol(slash + 1, &like) < 0)
                        return 0;
        }
        if (split(text, &host, &port_text) < 0 || find_port(port_text, &like, &port) < 0)
                return 0;
        requests[0] = like;
        if (!host || strcmp(host, "*") == 0) {
                every_address(port, &requests[0]);
                return 1;
        }
        r = parse_numeric(host, port, &requests[0]);
        if (r != 0)
                return r > 0;
        return from_hosts(host, port, &like, requests);
}

static size_t parse_unix(const struct cli *cli, const char *text, struct request *request)
{
        struct sockaddr_un *un = (void *)&request->address;
        size_t n = strlen(text);

        *request = (struct request){ .type = cli->unix_type };
        un->sun_family = AF_UNIX;
        /* A path of exactly 108 bytes has no NUL: unix_mkname_bsd() takes it all the same. */
        if (n > sizeof(un->sun_path)) {
                cli_error("%s: longer than the %zu bytes of a socket's name", cli_safe(text), sizeof(un->sun_path));
                return 0;
        }
        memcpy(un->sun_path, text, n);
        request->bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
        if (*text == '@')
                un->sun_path[0] = '\0';
        else if (n < sizeof(un->sun_path))
                request->bytes++;
        return 1;
}

size_t cli_parse_request(const struct cli *cli, const char *text, struct request requests[MOST_REQUESTS])
{
        char copy[512];

        if (*text == '/' || *text == '@')
                return parse_unix(cli, text, requests);
        if (strlen(text) >= sizeof(copy)) {
                cli_error("the address is too long");
                return 0;
        }
        memcpy(copy, text, strlen(text) + 1);
        return parse_ip(copy, requests);
}

/* To open a FIFO or a device may wait, or do something: look first at what it is. */
static int open_namespace(const char *path)
{
        int fd = open(path, O_PATH | O_CLOEXEC);
        struct statfs fs;
        int r;

        if (fd < 0)
                return -errno;
        r = fstatfs(fd, &fs) < 0 ? -errno : fs.f_type == NSFS_MAGIC ? 0 : -EINVAL;
        (void)close(fd);
        if (r < 0)
                return r;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        return fd < 0 ? -errno : fd;
}

/* A pid, a path, or a name that ip-netns(8) made. */
int cli_open_netns(struct cli *cli, const char *text)
{
        char path[512];
        int n;

        if (strspn(text, "0123456789") == strlen(text) && *text)
                n = snprintf(path, sizeof(path), "/proc/%s/ns/net", text);
        else if (strchr(text, '/'))
                n = snprintf(path, sizeof(path), "%s", text);
        else
                n = snprintf(path, sizeof(path), "/run/netns/%s", text);
        if (n < 0 || (size_t)n >= sizeof(path)) {
                cli_error("--netns: the name is too long");
                return -EINVAL;
        }
        if (cli->netns >= 0)
                close(cli->netns);
        cli->netns = open_namespace(path);
        if (cli->netns < 0) {
                cli_error("--netns: %s: %s", cli_safe(path),
                          cli->netns == -EINVAL ? "no namespace" : strerror(-cli->netns));
                return -EINVAL;
        }
        return 0;
}
